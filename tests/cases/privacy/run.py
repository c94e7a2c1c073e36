#!/usr/bin/env python3
"""Secrets planted wherever traffic carries them are in no store, output, log or core dump. usage: run.py WSCLOSE"""
import base64, glob, gzip, hashlib, json, os, re, resource, shutil, signal, ssl, struct, subprocess, sys, tempfile, time, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
from pcapgen import ACK, GUID, KEY, SYN, Capture, Session, close, frame

WSCLOSE = os.path.abspath(sys.argv.pop(1))
SANITIZED = b"__asan_init" in open(WSCLOSE, "rb").read()
planted = {}


def secret(name):
    """A text that stands nowhere else: by it the search knows where it was planted."""
    planted[name] = base64.b32encode(hashlib.sha256(name.encode()).digest())[:20].lower()
    return planted[name]


def accept():
    return base64.b64encode(hashlib.sha1(KEY + GUID).digest())


def request(path, *fields):
    return b"GET %s HTTP/1.1\r\nHost: %s@shop.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n%s\r\n" % (
        path, b"user:" + secret("userinfo of Host"), KEY, b"".join(f + b"\r\n" for f in fields))


def wanted(tag):
    s = lambda name: secret(tag + name)
    return request(b"/chat;jsessionid=" + s("path parameter") + b"?token=" + s("query") + b"#" + s("fragment"),
                   b"Cookie: session=" + s("cookie"), b"Authorization: Bearer " + s("Authorization"), b"Proxy-Authorization: Basic " + s("Proxy-Authorization"),
                   b"Referer: https://shop.example/account?token=" + s("Referer"), b"X-Api-Key: " + s("X-Api-Key"),
                   b"Origin: https://shop.example/?t=" + s("query of Origin"), b"Sec-WebSocket-Protocol: chat, bearer." + s("subprotocol asked for"))


def answer(tag):
    s = lambda name: secret(tag + name)
    return b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\nSet-Cookie: id=%s\r\nSec-WebSocket-Protocol: chat.bearer.%s\r\nX-Token: %s\r\n\r\n" % (
        accept(), s("Set-Cookie"), s("subprotocol chosen"), s("field of the answer"))


def talk(tag):
    """(sender, bytes) of a session after its handshake."""
    s = lambda name: secret(tag + name)
    yield 0, frame(1, b'{"password":"' + s("text from the client") + b'"}')
    yield 1, frame(1, b'{"token":"' + s("text from the server") + b'"}', False)
    yield 0, frame(2, b"\0\1" + s("binary payload"))
    yield 0, frame(9, s("Ping"))
    yield 1, frame(10, s("Pong"), False)
    yield 1, frame(1, s("last message"), False)
    yield 1, close(4000, b"a reason is kept", False)
    yield 0, close(4000, b"")


def plain(capture, tag, port):
    s = Session(capture, port=port)
    s.packet(0, SYN), s.packet(1, SYN | ACK), s.packet(0, ACK)
    body = b"user=bob&password=" + secret(tag + "body of a request before")
    s.send(0, b"POST /login?" + secret(tag + "query before") + b" HTTP/1.1\r\nHost: shop.example\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    page = secret(tag + "page before")
    s.send(1, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(page) + page)
    s.send(0, wanted(tag))
    s.send(1, answer(tag))
    for by, data in talk(tag):
        s.send(by, data)
    s.fin()


def refused(capture, tag, port):
    s = Session(capture, port=port)
    s.packet(0, SYN), s.packet(1, SYN | ACK), s.packet(0, ACK)
    s.send(0, wanted(tag))
    body = b"<form><input value=" + secret(tag + "body of a refusal") + b"></form>"
    s.send(1, b"HTTP/1.1 401 Unauthorized\r\nLocation: https://shop.example/login?back=" + secret(tag + "query of Location") + b"\r\nWWW-Authenticate: Negotiate " + secret(tag + "Negotiate") +
           b"\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"" + secret(tag + "nonce") + b"\"\r\nSet-Cookie: x=" + secret(tag + "Set-Cookie of a refusal") +
           b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    s.fin()


def broken(capture, tag, port):
    """A peer that breaks the rules gives no more away: evidence quotes rules, not bytes."""
    s = Session(capture, port=port)
    s.packet(0, SYN), s.packet(1, SYN | ACK), s.packet(0, ACK)
    s.send(0, wanted(tag))
    s.send(1, answer(tag))
    s.send(0, frame(1, secret(tag + "unmasked text"), False))
    s.send(1, b"\xf3" + frame(1, secret(tag + "reserved opcode"), False)[1:])
    s.send(1, frame(1, b"\xff" + secret(tag + "no UTF-8"), False))
    s.send(1, close(1007, b"", False))
    s.fin()


def h2(kind, flags, stream, body):
    return struct.pack("!I", len(body))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + body


def block(*fields):
    return b"".join(b"\0" + bytes([len(n)]) + n + bytes([len(v)]) + v for n, v in fields)


def http2(capture, tag, port):
    s = Session(capture, port=port)
    t = lambda name: secret(tag + name)
    s.packet(0, SYN), s.packet(1, SYN | ACK), s.packet(0, ACK)
    s.send(0, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2(4, 0, 0, b""))
    s.send(1, h2(4, 0, 0, struct.pack("!HI", 8, 1)))
    s.send(0, h2(1, 4, 1, block((b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":scheme", b"http"), (b":path", b"/h2;jsessionid=" + t("h2 parameter") + b"?q=" + t("h2 query")),
                                (b":authority", b"user:" + t("h2 userinfo") + b"@shop.example"), (b"cookie", t("h2 cookie")), (b"authorization", b"Bearer " + t("h2 authorization")),
                                (b"sec-websocket-version", b"13"))))
    s.send(1, h2(1, 4, 1, b"\x88" + block((b"set-cookie", t("h2 set-cookie")), (b"sec-websocket-protocol", b"token." + t("h2 subprotocol")))))
    for by, data in talk(tag):
        s.send(by, h2(0, 0, 1, data))
    s.send(1, h2(0, 1, 1, b""))
    s.fin()


def tls(capture, tag, port, where):
    """Real TLS 1.3, in memory; returns the key log."""
    cert, keys = os.path.join(where, "cert.pem"), os.path.join(where, "session.keys")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=shop.example", "-keyout", cert + ".key", "-out", cert],
                   check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, cert + ".key")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode, client.keylog_filename = False, ssl.CERT_NONE, keys
    bios = [[ssl.MemoryBIO(), ssl.MemoryBIO()] for _ in range(2)]
    ends = [client.wrap_bio(*bios[0], server_hostname="shop.example"), server.wrap_bio(*bios[1], server_side=True)]
    s = Session(capture, port=port, server=("192.0.2.1", 443))
    s.packet(0, SYN), s.packet(1, SYN | ACK), s.packet(0, ACK)

    def pump():
        for by in (0, 1):
            data = bios[by][1].read()
            if data:
                s.send(by, data)
                bios[1 - by][0].write(data)
        return bool(bios[0][1].pending or bios[1][1].pending)

    for _ in range(6):
        for e in ends:
            try:
                e.do_handshake()
            except ssl.SSLWantReadError:
                pass
        pump()
    for by, data in [(0, wanted(tag)), (1, answer(tag)), *talk(tag)]:
        ends[by].write(data)
        while pump():
            pass
    s.fin()
    with open(keys, "rb") as f:
        lines = f.read()
    for n, line in enumerate(x for x in lines.splitlines() if x and not x.startswith(b"#")):
        planted["key log line %d" % n] = line.split(b" ")[2]
        planted["secret %d as bytes" % n] = bytes.fromhex(line.split(b" ")[2].decode())
    return keys


class Privacy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory()
        cls.dir = cls.tmp.name
        c = Capture()
        plain(c, "plain: ", 40001), refused(c, "refused: ", 40002), broken(c, "broken: ", 40003), http2(c, "http2: ", 40004)
        for i in range(6):  # for what recurs over connections
            plain(c, "again %d: " % i, 41000 + i), refused(c, "refused again %d: " % i, 42000 + i)
        cls.keys = tls(c, "tls: ", 40005, cls.dir)
        cls.data, cls.pcap = c.pcap(), os.path.join(cls.dir, "in.pcap")
        with open(cls.pcap, "wb") as f:
            f.write(cls.data)

    @classmethod
    def tearDownClass(cls):
        cls.tmp.cleanup()

    def setUp(self):
        self.work = tempfile.mkdtemp(dir=self.dir)
        self.db = os.path.join(self.work, "x.db")
        self.env = {**os.environ, "TMPDIR": self.work, "SQLITE_TMPDIR": self.work, "LC_ALL": "C.UTF-8"}

    def run_it(self, *args, **more):
        return subprocess.run([WSCLOSE, *args], capture_output=True, timeout=120, env=self.env, cwd=self.work, **more)

    def search(self, data, where):
        low = data.lower()
        for name, s in planted.items():
            forms = {s, s.lower(), s.hex().encode(), base64.b64encode(s).rstrip(b"=")[:-1]}
            for form in forms:
                self.assertNotIn(form, low if form == form.lower() else data, "%s, in %s" % (name, where))

    def search_files(self):
        n = 0
        for path in glob.glob(os.path.join(self.work, "**"), recursive=True):
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    self.search(f.read(), os.path.basename(path))
                n += 1
        return n

    def test_they_are_in_the_capture(self):
        """Else finding none would show nothing; and the records are there."""
        missing = [n for n, s in planted.items() if s not in self.data and not n.startswith(("tls: ", "key log", "secret", "damaged"))]
        masked = [n for n in missing if any(w in n for w in ("text from the client", "binary payload", "Ping"))]
        self.assertEqual(missing, masked)
        self.assertGreater(len(planted), 200)
        out = self.run_it("analyze", "--db", "none", "--keylog", self.keys, "--format", "ndjson", self.pcap).stdout
        rows = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(sorted(r["path"] for r in rows), ["/chat"] * 16 + ["/h2"])
        self.assertEqual({r["host"] for r in rows}, {"shop.example"})
        self.assertEqual({r["subprotocol"] for r in rows}, {"chat.bearer.*", "token.*", None})
        self.assertEqual([r["scheme"] for r in rows].count("wss"), 1)

    def test_outputs_and_store(self):
        out = b""
        for form in ("table", "ndjson", "json", "csv"):
            for keep in ("none", self.db):
                p = self.run_it("analyze", "--db", keep, "--keylog", self.keys, "--why", "--encrypted", "--format", form, self.pcap)
                self.assertEqual(p.returncode, 0, p.stderr)
                out += p.stdout + p.stderr
        for args in (["events", "--why"], ["events", "--format", "json"], ["diagnose"], ["diagnose", "--format", "json"], ["extract", "1", "-o", self.pcap + ".out", "--force"],
                     *(["stats", "--by", k, "--format", "ndjson"] for k in ("host", "path", "subprotocol", "user_agent", "server_software", "cause"))):
            p = self.run_it(*args, "--db", self.db)
            self.assertEqual(p.returncode, 0, p.stderr)
            out += p.stdout + p.stderr
        for args in (["--db", self.db], ["--keylog", self.keys, "--encrypted", self.pcap]):
            p = self.run_it("report", *args)
            self.assertEqual(p.returncode, 0, p.stderr)
            page = p.stdout + p.stderr
            out += page + gzip.decompress(base64.b64decode(re.search(b'id="rows">([^<]*)<', page).group(1)))
        p = self.run_it("analyze", "--db", self.db, self.pcap)  # read again, without keys: rows are replaced, and pages set free
        out += p.stdout + p.stderr
        self.assertGreater(len(out), 10000)
        self.search(out, "output")
        self.assertGreaterEqual(self.search_files(), 1)

    def test_errors(self):
        with open(os.path.join(self.dir, "bad.keys"), "wb") as f, open(self.keys, "rb") as g:
            f.write(g.read().replace(b" ", b"\t", 1)[:-9] + b"x\nSECRET " + secret("damaged key log").upper() + b"\n")
        with open(os.path.join(self.dir, "cut.pcap"), "wb") as f:
            f.write(self.data[:-7])
        for args in (["--keylog", os.path.join(self.dir, "bad.keys"), self.pcap], ["--keylog", self.pcap, self.pcap], [self.keys], [os.path.join(self.dir, "cut.pcap")],
                     ["--limits", self.keys, self.pcap]):
            p = self.run_it("analyze", "--db", "none", *args)
            self.search(p.stdout + p.stderr, args)

    def streaming(self, binary=WSCLOSE, **more):
        """wsclose that has read all and waits for more."""
        p = subprocess.Popen([binary, "analyze", "--db", self.db, "--keylog", self.keys, "--format", "ndjson", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=self.env, cwd=self.work, **more)
        p.stdin.write(self.data)
        p.stdin.flush()
        self.assertIn(b"outcome", p.stdout.readline())
        time.sleep(1)
        return p

    def test_killed_while_it_stores(self):
        """What a kill leaves behind: the log that the database was written to first."""
        p = self.streaming()
        p.kill()
        out, err = p.communicate()
        self.search(out + err, "output")
        self.assertGreaterEqual(self.search_files(), 1)

    def test_killed_while_it_writes(self):
        """The same in the middle of a commit: at whatever moment, with write-ahead log and shared memory."""
        for after in (0.02, 0.05, 0.1, 0.15, 0.2, 0.3):
            p = subprocess.Popen([WSCLOSE, "analyze", "--db", self.db, "--keylog", self.keys, "-q", "--format", "none", self.pcap], env=self.env, cwd=self.work, stderr=subprocess.DEVNULL)
            time.sleep(after)
            p.kill()
            p.wait()
            self.search_files()

    @unittest.skipIf(SANITIZED, "sanitizers write no core, and their leak check must look")
    def test_core(self):
        with open("/proc/sys/kernel/core_pattern") as f:
            if re.match(r"[|/]", f.read()):
                self.skipTest("core dumps go elsewhere here")
        allow = lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
        if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
            self.skipTest("core dumps are forbidden here")
        aborted = subprocess.run([sys.executable, "-c", "import os; os.abort()"], cwd=self.work, preexec_fn=allow, stderr=subprocess.DEVNULL)
        self.assertEqual(aborted.returncode, -signal.SIGABRT)
        self.assertTrue(glob.glob(os.path.join(self.work, "core*")), "another program does dump core here")
        for core in glob.glob(os.path.join(self.work, "core*")):
            os.remove(core)
        for sig in (signal.SIGABRT, signal.SIGSEGV, signal.SIGQUIT):
            p = self.streaming(preexec_fn=allow)
            p.send_signal(sig)
            p.communicate()
            self.assertEqual(p.returncode, -sig)
            self.assertEqual(glob.glob(os.path.join(self.work, "core*")), [])
            os.path.exists(self.db) and os.remove(self.db)

    @unittest.skipIf(SANITIZED, "sanitizers' leak check must look")
    @unittest.skipUnless(os.geteuid() == 0, "needs to become another user")
    def test_nobody_else_may_look(self):
        """A process of the same user, as gcore would be: not even its memory can be opened."""
        os.chmod(self.dir, 0o755), os.chmod(self.work, 0o777), os.chmod(self.keys, 0o644)
        binary = shutil.copy(WSCLOSE, self.dir)
        user = dict(user=65534, group=65534, extra_groups=[])
        look = lambda pid: subprocess.run(["sh", "-c", ": < /proc/%d/mem" % pid], capture_output=True, **user).stderr
        other = subprocess.Popen(["sleep", "20"], **user)
        seen = look(other.pid)
        other.kill(), other.wait()
        if seen:
            self.skipTest("nobody may look into any process here")
        p = self.streaming(binary, **user)
        seen = look(p.pid)
        if shutil.which("gcore"):
            subprocess.run(["gcore", "-o", os.path.join(self.work, "core"), str(p.pid)], capture_output=True, **user)
        p.kill()
        p.communicate()
        self.assertIn(b"ermission denied", seen)
        self.assertEqual(glob.glob(os.path.join(self.work, "core*")), [])

    def test_what_was_asked_for(self):
        """--keep-query keeps the query, and nothing else."""
        p = self.run_it("analyze", "--db", "none", "--keep-query", "--format", "ndjson", self.pcap)
        self.assertIn(planted["plain: query"], p.stdout)
        self.assertNotIn(planted["plain: cookie"], p.stdout)


if __name__ == "__main__":
    unittest.main()
