#!/usr/bin/env python3
"""`wsclose extract` writes exactly the packets of a connection: those that tshark gives the same tcp.stream, byte for byte, with their times.

usage: run.py WSCLOSE

Over the samples, the recorded causes, and captures made here: ports used again, several files, tags, fragments, tunnels, nanoseconds, link
types; and over captures that are gone, moved, or another one by now. What was extracted is analysed again: the verdict must stay.
"""
import glob, json, os, pty, shutil, sqlite3, struct, subprocess, sys, tempfile, unittest

WSCLOSE = os.path.abspath(sys.argv.pop(1))
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
from pcapgen import ACK, Capture, FIN, PSH, RST, SYN, Session, clean_session, close, frame  # noqa: E402

VERDICT = ("outcome", "ending", "close_code", "code_source", "reason", "closed_by", "tcp_end", "client", "server", "path", "started", "established", "ended",
           "duration_ms", "close_frames", "violations", "frames", "bytes")


# ---- captures as lists of (link type, time in ns, length on the wire, bytes) ----

def read_pcap(data):
    magic = struct.unpack("<I", data[:4])[0]
    order = "<" if magic in (0xa1b2c3d4, 0xa1b23c4d) else ">"
    magic, link = struct.unpack(order + "I", data[:4])[0], struct.unpack(order + "I", data[20:24])[0]
    unit = 1 if magic == 0xa1b23c4d else 1000
    at, out = 24, []
    while at + 16 <= len(data):
        s, frac, caplen, length = struct.unpack(order + "IIII", data[at:at + 16])
        out.append((link, s * 10**9 + frac * unit, length, data[at + 16:at + 16 + caplen]))
        at += 16 + caplen
    return out


def read_pcapng(data):
    """Packets, and the comments: of the section, and of packets by their number."""
    at, out, links, section, comments = 0, [], [], None, {}

    def options(body):
        while len(body) >= 4:
            code, n = struct.unpack("<HH", body[:4])
            if code == 0:
                return
            yield code, body[4:4 + n]
            body = body[4 + n + -n % 4:]
    while at < len(data):
        kind, total = struct.unpack("<II", data[at:at + 8])
        body = data[at + 8:at + total - 4]
        assert total % 4 == 0 and struct.unpack("<I", data[at + total - 4:at + total])[0] == total
        if kind == 0x0a0d0d0a:
            section = dict(options(body[16:])).get(1, b"").decode()
        elif kind == 1:
            links.append(struct.unpack("<H", body[:2])[0])
            assert dict(options(body[8:]))[9] == b"\x09"
        elif kind == 6:
            number, high, low, caplen, length = struct.unpack("<IIIII", body[:20])
            out.append((links[number], high << 32 | low, length, body[20:20 + caplen]))
            comment = dict(options(body[20 + caplen + -caplen % 4:])).get(1)
            if comment is not None:
                comments[len(out)] = comment.decode()
        at += total
    return out, section, comments


def nano(packets, link=1):
    """A pcap file with nanoseconds of (time, bytes)."""
    out = struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, link)
    for t, p in packets:
        out += struct.pack("<IIII", t // 10**9, t % 10**9, len(p), len(p)) + p
    return out


def streams(path, *how):
    """tshark's stream of each packet, by packet number."""
    out = subprocess.run(["tshark", "-r", path, *how, "-T", "fields", "-e", "frame.number", "-e", "tcp.stream"], capture_output=True, text=True, check=True).stdout
    return {int(n): s.split(",")[-1] for n, s in (line.split("\t") for line in out.splitlines())}


START = 1767323045 * 10**9


class Extract(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="wsclose-extract-")
        self.db = os.path.join(self.dir, "t.db")

    def tearDown(self):
        shutil.rmtree(self.dir)

    def path(self, name, data=None):
        path = os.path.join(self.dir, name)
        if data is not None:
            with open(path, "wb") as f:
                f.write(data)
        return path

    def run_wsclose(self, *args):
        return subprocess.run([WSCLOSE, *args], capture_output=True, text=True)

    def analyze(self, *paths, db=None):
        p = self.run_wsclose("analyze", "--format", "ndjson", "-q", "--db", db or self.db, *paths)
        self.assertEqual(p.returncode, 0, p.stderr)
        return [json.loads(line) for line in p.stdout.splitlines()]

    def extract(self, number, *options, out="out.pcapng"):
        return self.run_wsclose("extract", str(number), "--db", self.db, "-o", self.path(out), *options)

    def extracted(self, number, *options, status=0):
        p = self.extract(number, "--force", *options)
        self.assertEqual(p.returncode, status, p.stderr)
        with open(self.path("out.pcapng"), "rb") as f:
            return read_pcapng(f.read())

    def refused(self, words, *options, number=1, status=1, **where):
        before = sorted(os.listdir(self.dir))
        p = self.extract(number, *options, **where)
        self.assertEqual(p.returncode, status, p.stderr)
        self.assertIn(words, p.stderr)
        self.assertEqual(sorted(os.listdir(self.dir)), before, "nothing is left behind")

    def check_verdict(self, record):
        again = self.analyze(self.path("out.pcapng"), db="none")
        same = [r for r in again if r["client"] == record["client"] and r["path"] == record["path"]]
        self.assertEqual(len(same), 1, (record["capture"], record["id"], again))
        for key in VERDICT:
            if key in record:
                drop = lambda v: json.loads(json.dumps(v), object_hook=lambda d: {k: x for k, x in d.items() if k != "packet"})  # noqa: E731
                self.assertEqual(drop(same[0][key]), drop(record[key]), (record["capture"], record["id"], key))

    def check_capture(self, path, packets, *how):
        """Each record of one file."""
        os.path.exists(self.db) and os.unlink(self.db)
        records, stream = self.analyze(path), streams(path, *how)
        for r in records:
            mine = stream[r["first_packet"]]
            want = [p for n, p in enumerate(packets, 1) if stream.get(n) == mine]
            got, section, comments = self.extracted(r["id"])
            self.assertEqual(got, want, (path, r["id"]))
            self.assertIn(f"wsclose connection {r['id']}: {r['outcome']}", section)
            self.assertEqual(comments, {1: section})
            for word in (str(r["close_code"]) if r["close_code"] else "", r["ending"], r["closed_by"] or "", r["cause"] or "", r["client"], r["server"]):
                self.assertIn(word, section)
            self.check_verdict(r)
        return records

    # ---- what was recorded ----

    def test_samples(self):
        n = 0
        for path in sorted(glob.glob(os.path.join(ROOT, "samples", "*.pcap"))):
            with open(path, "rb") as f:
                n += len(self.check_capture(path, read_pcap(f.read())))
        self.assertGreater(n, 15)

    def test_causes(self):
        n = 0
        for path in sorted(glob.glob(os.path.join(ROOT, "tests", "cases", "causes", "*.pcap")))[::3]:
            if os.path.getsize(path) < 40000:
                with open(path, "rb") as f:
                    n += len(self.check_capture(path, read_pcap(f.read())))
        self.assertGreater(n, 15)

    # ---- what is made here ----

    def test_ports_used_again(self):
        c = Capture()
        for i in range(3):
            s = Session(c, port=40000)
            s.seq = [1000 + i * 500000, 5000 + i * 700000]
            s.handshake(b"/%d" % i)
            s.send(0, close(1000 + i, b"one"))
            s.send(1, close(1000 + i, b"one", mask=False))
            s.fin()
            if i == 1:  # stragglers
                s.packet(0, ACK)
                s.packet(1, RST | ACK)
            other = Session(c, port=41000 + i)
            other.packet(0, SYN)
        records = self.check_capture(self.path("a.pcap", c.pcap()), read_pcap(c.pcap()))
        self.assertEqual([r["path"] for r in records], ["/0", "/1", "/2"])

    def test_ports_used_again_without_an_end(self):
        """The SYN might have been the old connection's until it is answered; it is the new one's."""
        c = Capture()
        old = Session(c)
        old.handshake(b"/old")
        old.send(0, frame(1, b"still here"))
        new = Session(c)
        new.seq = [900000, 800000]
        new.packet(0, SYN)
        new.seq[0] -= 1
        new.handshake(b"/new")
        new.send(0, close(1000))
        new.send(1, close(1000, mask=False))
        new.fin()
        path = self.path("a.pcap", c.pcap())
        packets = read_pcap(c.pcap())
        records = {r["path"]: r for r in self.analyze(path)}
        first_new = next(n for n, p in enumerate(packets) if struct.unpack("!I", p[3][38:42])[0] == 900000)
        self.assertEqual(self.extracted(records["/old"]["id"])[0], packets[:first_new])
        self.assertEqual(self.extracted(records["/new"]["id"])[0], packets[first_new:])

    def cut(self, *where):
        """One session over several files, others around it."""
        c = Capture()
        clean_session(c, port=39999)
        s = Session(c)
        s.handshake(b"/long")
        for i in range(20):
            s.send(i % 2, frame(1, b"x" * 50, mask=i % 2 == 0))
        clean_session(c, port=39998)
        s.send(0, close(1001, b"bye"))
        s.send(1, close(1001, b"bye", mask=False))
        s.fin()
        where += (len(c.packets) - 1, len(c.packets))  # its last ACK alone, then others only
        clean_session(c, port=39997)
        packets, files, edges = read_pcap(c.pcap()), [], [0, *where, len(c.packets)]
        for i, (a, b) in enumerate(zip(edges, edges[1:])):
            files.append(self.path(f"{i}.pcap", nano([(t, d) for _, t, _, d in packets[a:b]])))
        return packets, files

    def test_over_several_files(self):
        packets, files = self.cut(30, 50)
        whole = self.path("whole.pcap", nano([(t, d) for _, t, _, d in packets]))
        stream = streams(whole)
        records = {r["path"]: r for r in self.analyze(*files)}
        long = records["/long"]
        got = self.extracted(long["id"])[0]
        mine = [p for n, p in enumerate(packets, 1) if struct.unpack("!H", p[3][34:36])[0] == 40000 or struct.unpack("!H", p[3][36:38])[0] == 40000]
        self.assertEqual(got, mine)
        self.assertEqual(len({stream[n] for n, p in enumerate(packets, 1) if p in mine}), 1)
        self.check_verdict(long)
        # A file that came later may be gone, or another one by now.
        shutil.copy(files[0], files[4])
        self.assertEqual(self.extracted(long["id"])[0], mine)
        os.unlink(files[4])
        self.assertEqual(self.extracted(long["id"])[0], mine)
        os.unlink(files[1])
        self.refused("--from FILE", "--force", number=long["id"])

    def test_moved(self):
        packets, files = self.cut(30, 50)
        records = {r["path"]: r for r in self.analyze(*files)}
        want = self.extracted(records["/long"]["id"])[0]
        os.mkdir(self.path("new"))
        moved = [shutil.move(f, self.path(os.path.join("new", "x" + os.path.basename(f)))) for f in files]
        self.refused("if it has moved, say where it is: --from FILE", "--force", number=records["/long"]["id"])
        subprocess.run(["gzip", moved[2]], check=True)
        moved[2] += ".gz"
        options = [w for f in reversed(moved[:4]) for w in ("--from", f)]
        self.assertEqual(self.extracted(records["/long"]["id"], *options)[0], want)
        other = Capture()
        clean_session(other)
        self.refused("its content is another", *options, "--from", self.path("other.pcap", other.pcap()), "--force", number=records["/long"]["id"])

    def test_another_capture_by_now(self):
        c, d = Capture(), Capture()
        clean_session(c)
        clean_session(d, code=4000)
        path = self.path("a.pcap", c.pcap())
        self.analyze(path)
        self.path("a.pcap", d.pcap())
        self.refused("its content is no longer what was analysed")
        self.path("a.pcap", c.pcap() + struct.pack("<IIII", 1767323999, 0, 4, 4) + b"more")
        self.refused("its content is no longer what was analysed")
        self.path("a.pcap", b"no capture at all, but some text")
        self.refused("a.pcap")
        os.unlink(path)
        self.refused("No such file or directory; if it has moved")
        os.mkdir(path)
        self.refused("a.pcap")

    def test_what_cannot_be(self):
        c = Capture()
        clean_session(c)
        path = self.path("a.pcap", c.pcap())
        self.analyze(path)
        self.refused("there is no connection 99", number=99)
        for word in ("0", "-1", "x", "1x", "99999999999999999999"):
            p = self.extract(word)
            self.assertEqual(p.returncode, 2, word)
        self.assertEqual(self.run_wsclose("extract", "1").returncode, 2)
        self.assertEqual(self.run_wsclose("extract", "-o", "x").returncode, 2)
        self.refused("no/such/folder", out="no/such/folder/out.pcapng")
        self.refused("is a directory", out=".")
        self.refused("is what is read from", "--force", out="a.pcap")
        self.refused("is what is read from", "--force", out="t.db")
        self.path("there.pcapng", b"precious")
        self.refused("is there already; --force replaces it", out="there.pcapng")
        with open(self.path("there.pcapng"), "rb") as f:
            self.assertEqual(f.read(), b"precious")
        self.assertEqual(self.extract(1, "--force", out="there.pcapng").returncode, 0)
        self.refused("none.db", "--db", self.path("none.db"))

    def test_standard_output(self):
        c = Capture()
        clean_session(c)
        self.analyze(self.path("a.pcap", c.pcap()))
        p = subprocess.run([WSCLOSE, "extract", "1", "--db", self.db, "-o", "-"], capture_output=True)
        self.assertEqual((p.returncode, p.stderr), (0, b""))
        self.assertEqual(read_pcapng(p.stdout)[0], read_pcap(c.pcap()))
        master, slave = pty.openpty()
        p = subprocess.run([WSCLOSE, "extract", "1", "--db", self.db, "-o", "-"], stdout=slave, stderr=subprocess.PIPE, text=True)
        os.close(master), os.close(slave)
        self.assertEqual(p.returncode, 1)
        self.assertIn("is a terminal", p.stderr)
        with open("/dev/full", "wb") as full:
            p = subprocess.run([WSCLOSE, "extract", "1", "--db", self.db, "-o", "-"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(p.returncode, 1)
        self.assertIn("No space left on device", p.stderr)

    def test_from_standard_input(self):
        c = Capture()
        clean_session(c)
        path = self.path("a.pcap", c.pcap())
        subprocess.run([WSCLOSE, "analyze", "-q", "--format", "none", "--db", self.db, "-"], input=c.pcap(), check=True)
        self.refused("was read from standard input; say where it is: --from FILE")
        self.assertEqual(self.extracted(1, "--from", path)[0], read_pcap(c.pcap()))

    def sessions(self):
        c = Capture()
        clean_session(c, port=40000)
        clean_session(c, port=40001)
        return c.packets

    def test_tags_and_nanoseconds(self):
        tagged = [p[:12] + b"\x81\x00\x00\x07" + p[12:] if i % 2 else p for i, p in enumerate(self.sessions())]
        data = nano([(START + i * 1000001, p) for i, p in enumerate(tagged)])
        self.check_capture(self.path("a.pcap", data), read_pcap(data))

    def test_fragments(self):
        """Data in two or three fragments, the pieces of two connections mixed and out of order."""
        out, held = [], []
        for i, p in enumerate(self.sessions()):
            ip, payload = p[14:34], p[34:]
            if len(payload) < 60:
                out += [p] + held
                held = []
                continue
            pieces = [payload[k:k + 32] for k in range(0, len(payload), 32)]
            made = []
            for k, piece in enumerate(pieces):
                off = k * 4 | (0x2000 if k < len(pieces) - 1 else 0)
                made.append(p[:14] + ip[:2] + struct.pack("!HHH", 20 + len(piece), i + 1, off) + ip[8:] + piece)
            out.append(made[-1])
            out += made[:-2]
            held.append(made[-2]) if len(made) > 1 and i % 3 == 0 else out.append(made[-2])
        data = nano([(START + i * 1000000, p) for i, p in enumerate(out)])
        path = self.path("a.pcap", data)
        records = self.analyze(path)
        # tshark puts each datagram together in the last of its fragments; the others say where.
        text = subprocess.run(["tshark", "-2", "-r", path, "-T", "fields", "-e", "frame.number", "-e", "tcp.stream", "-e", "ip.reassembled_in"],
                              capture_output=True, text=True, check=True).stdout
        rows = [line.split("\t") for line in text.splitlines()]
        direct = {n: s for n, s, _ in rows}
        packets = read_pcap(data)
        self.assertGreater(sum(1 for _, _, r in rows if r), 10)
        self.assertEqual(len(records), 2)
        for r in records:
            mine = direct[str(r["first_packet"])]
            want = [packets[int(n) - 1] for n, s, whole in rows if mine == (s or direct.get(whole))]
            self.assertEqual(self.extracted(r["id"])[0], want)
            self.check_verdict(r)

    def test_tunnels(self):
        """Two tenants with the same addresses and ports."""
        inner, out = self.sessions()[:len(self.sessions()) // 2], []
        for p in inner:
            for tenant in (7, 8):
                vxlan = struct.pack("!BxxxI", 8, tenant << 8) + p
                udp = struct.pack("!HHHH", 5555, 4789, 8 + len(vxlan), 0) + vxlan
                out.append(b"\x02" * 12 + b"\x08\x00" + struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + udp)
        data = nano([(START + i * 1000, p) for i, p in enumerate(out)])
        records = self.analyze(self.path("a.pcap", data))
        packets = read_pcap(data)
        self.assertEqual(len(records), 2)
        for r in records:
            self.assertEqual(self.extracted(r["id"])[0], packets[(r["first_packet"] - 1) % 2::2])

    def test_link_types(self):
        """One direction seen on Ethernet, the other as raw IP: a pcapng file with two interfaces."""
        def block(kind, body):
            body += b"\0" * (-len(body) % 4)
            return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
        ns = struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)
        data = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 0) + ns) + block(1, struct.pack("<HHI", 101, 0, 0) + ns)
        for i, p in enumerate(self.sessions()):
            raw = p[26] == 192
            p = p[14:] if raw else p
            t = START + i * 1001
            data += block(6, struct.pack("<IIIII", raw, t >> 32, t & 0xffffffff, len(p), len(p)) + p)
        packets = read_pcapng(data)[0]
        records = self.check_capture(self.path("a.pcapng", data), packets)
        self.assertEqual(len(records), 2)
        self.assertEqual({p[0] for p in self.extracted(1)[0]}, {1, 101})

    def test_legs(self):
        path = os.path.join(ROOT, "samples", "proxy-idle.pcap")
        records = self.analyze(path)
        legs = [r for r in records if r["legs"]]
        self.assertEqual(len(legs), 2)
        alone = self.extracted(legs[0]["id"])[0]
        both, section, comments = self.extracted(legs[0]["id"], "--legs")
        self.assertEqual({r["client"] for r in self.analyze(self.path("out.pcapng"), db="none")}, {r["client"] for r in legs})
        other = self.extracted(legs[1]["id"])[0]
        self.assertEqual(sorted(both), sorted(alone + other))
        self.assertEqual([p[1] for p in both], sorted(p[1] for p in both))
        self.assertEqual(len(comments), 2)

    def test_hostile_text_in_comments(self):
        c = Capture()
        clean_session(c, code=4000, reason=b"\x1b[31m\xff\xc2\x9bbad\nline " + "né".encode())
        self.analyze(self.path("a.pcap", c.pcap()))
        section = self.extracted(1)[1]
        self.assertIn("\\x1b[31m\\xff\\x9bbad\\nline né", section)

    def test_cut_packets_and_a_broken_end(self):
        c = Capture()
        clean_session(c)
        data = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 100, 1)
        for i, p in enumerate(c.packets):
            data += struct.pack("<IIII", 1767323045, i, min(len(p), 100), len(p)) + p[:100]
        path = self.path("a.pcap", data + b"\x01\x02")
        p = self.run_wsclose("analyze", "-q", "--format", "none", "--db", self.db, path)
        self.assertEqual(p.returncode, 3)
        self.assertEqual(self.extracted(1)[0], read_pcap(data))

    def test_a_store_somebody_else_wrote(self):
        c = Capture()
        clean_session(c)
        self.analyze(self.path("a.pcap", c.pcap()))
        with sqlite3.connect(self.db) as db:
            db.execute("UPDATE connections SET client = 'nonsense'")
        self.refused("its ends are not known")
        with sqlite3.connect(self.db) as db:
            db.execute("UPDATE connections SET client = '9.9.9.9:9'")
        self.refused("its first packet is not in the capture any more")


if __name__ == "__main__":
    unittest.main(verbosity=1)
