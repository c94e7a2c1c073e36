"""What the two scripts of this folder share."""
import json, os, struct, subprocess, sys, tempfile, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
TLS = os.path.join(HERE, "..", "tls")


def read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def line(label, client, secret=0x40, size=48):
    return b"%s %s %s\n" % (label.encode(), (b"%02x" % client) * 32, (b"%02x" % secret) * size)


def packets(pcap):
    """Of a little-endian pcap with microseconds: (seconds, microseconds, bytes) each."""
    assert pcap[:4] == b"\xd4\xc3\xb2\xa1"
    at = 24
    while at < len(pcap):
        s, us, caplen, _ = struct.unpack_from("<4I", pcap, at)
        yield s, us, pcap[at + 16:at + 16 + caplen]
        at += 16 + caplen


def pcapng(pcap, secrets, order="<"):
    """|pcap| as pcapng. |secrets|: {number of packets before it: key log text}."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        size = struct.pack(order + "I", len(body) + 12)
        return struct.pack(order + "I", kind) + size + body + size

    link = struct.unpack_from("<I", pcap, 20)[0]
    out = block(0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1)) + block(1, struct.pack(order + "HHI", link, 0, 0))
    given = list(packets(pcap))
    for i in range(len(given) + 1):
        if i in secrets:
            out += block(10, struct.pack(order + "II", 0x544c534b, len(secrets[i])) + secrets[i])
        if i < len(given):
            s, us, data = given[i]
            t = s * 1000000 + us
            out += block(6, struct.pack(order + "5I", 0, t >> 32, t & 0xffffffff, len(data), len(data)) + data)
    return out


def secrets_in(data):
    """The key log lines in the secrets blocks of a little-endian pcapng."""
    at, lines = 0, []
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind == 10:
            n = struct.unpack_from("<I", data, at + 12)[0]
            lines += data[at + 16:at + 16 + n].splitlines()
        at += size
    return lines


class Case(unittest.TestCase):
    binary = None

    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.addCleanup(self.tmp.cleanup)

    def path(self, name):
        return os.path.join(self.tmp.name, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def run_(self, *args, status=0, env=None, **kw):
        environment = {k: v for k, v in os.environ.items() if k != "SSLKEYLOGFILE"}
        p = subprocess.run([self.binary, *args], capture_output=True, cwd=self.tmp.name, timeout=120, env={**environment, **(env or {})}, **kw)
        self.err = p.stderr.decode("utf-8", "replace")
        self.assertEqual(p.returncode, status, (args, self.err))
        self.out = p.stdout
        return p.stdout

    def records(self, *args, **kw):
        return [json.loads(line) for line in self.run_(*args, "--format", "ndjson", **kw).splitlines()]


def main():
    Case.binary = os.path.abspath(sys.argv.pop(1))
    unittest.main()
