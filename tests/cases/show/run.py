#!/usr/bin/env python3
"""`wsclose show` tells what stands in the packets, wherever it is drawn.

usage: run.py WSCLOSE [TEST...]

Its frames, and the flags of TCP, are those that tshark sees in the same packets: over the samples, and over recorded TLS and HTTP/2 with their key logs.
The ladder is drawn at several widths, in ASCII and UTF-8, with hostile texts; and where the packets are gone, with what the database has.
"""
import fcntl, glob, json, os, pty, random, re, shutil, struct, subprocess, sys, tempfile, termios, unicodedata, unittest

WSCLOSE = os.path.abspath(sys.argv.pop(1))
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "support")]
from dissected import Dissected  # noqa: E402
from pcapgen import ACK, Capture, FIN, PSH, RST, Session, clean_session, close, frame  # noqa: E402

# Secrets of these tshark 4.0 has no use for: it does not find the session that they resume.
NOT_BY_TSHARK = {("go", "10.9.2.10:9448")}
# DATA whose padding reaches into the next packet: its frames are whole before tshark tells of it.
PADDED = {"many"}
ANSI = re.compile("\x1b\\[[0-9;]*m")


def read(path):
    with open(path, "rb") as f:
        return f.read()


def columns(line):
    return sum(0 if unicodedata.combining(c) or c in "\u200b\u200c\u200d\ufe0f" else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


class Show(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="wsclose-show-")
        self.db = os.path.join(self.dir, "t.db")

    def tearDown(self):
        shutil.rmtree(self.dir)

    def path(self, name, data=None):
        path = os.path.join(self.dir, name)
        if data is not None:
            with open(path, "wb") as f:
                f.write(data)
        return path

    def wsclose(self, *args, status=0, **env):
        p = subprocess.run([WSCLOSE, *args], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8", **env})
        self.assertEqual(p.returncode, status, p.stderr)
        self.err = p.stderr
        return p.stdout

    def analyze(self, *args):
        return [json.loads(line) for line in self.wsclose("analyze", "-q", "--db", self.db, "--format", "ndjson", *args).splitlines()]

    def show(self, *args, **kw):
        return self.wsclose("show", "--db", self.db, *map(str, args), **kw)

    def told(self, *args, **kw):
        return [json.loads(line) for line in self.show("--format", "ndjson", *args, **kw).splitlines()]

    def on_terminal(self, width, *args, **env):
        """What a terminal of so many columns is sent."""
        pid, fd = pty.fork()
        if pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
            os.environ.update({"LC_ALL": "C.UTF-8", "PAGER": "cat", "TERM": "xterm", **env})
            os.execv(WSCLOSE, [WSCLOSE, "show", "--db", self.db, *map(str, args)])
        out = b""
        while True:
            try:
                data = os.read(fd, 65536)
            except OSError:
                break
            if not data:
                break
            out += data
        os.close(fd)
        os.waitpid(pid, 0)
        return out.replace(b"\r\n", b"\n").decode("utf-8")


def until_over(rows):
    """How a stream that is over ends once more is nobody's concern."""
    out, ends = [], 0
    for row in rows:
        if row[2][0] in ("end_stream", "rst_stream"):
            if ends >= 2:
                continue
            ends += 1 if row[2][0] == "end_stream" else 2
        out.append(row)
    return out


class AsDissected(Show):
    """The same as tshark."""

    def check(self, path):
        name = os.path.splitext(os.path.basename(path))[0]
        keylogs = sorted(glob.glob(os.path.join(os.path.dirname(path), name + ".*.keys")))
        keys = [x for k in keylogs for x in ("--keylog", k)]
        os.path.exists(self.db) and os.unlink(self.db)
        records = self.analyze(*keys, path)
        if not records:
            return 0
        if len(keylogs) > 1:
            keylogs = [self.path("keys", b"".join(map(read, keylogs)))]
        theirs = Dissected(path, keylogs, records)
        frames = 0
        for s in self.told(*keys, *(r["id"] for r in records)):
            got = [self.as_theirs(s, e) for e in s["events"] if self.as_theirs(s, e) is not None]
            last = max(s["last_packet"], max(e["packet"] or 0 for e in s["events"]))
            want = theirs.of(s, s["http2_stream"], s["first_packet"], last)
            if (name, s["server"]) in NOT_BY_TSHARK:
                self.assertEqual([w for w in want if w[2][0] == "frame"], [])
                got = [g for g in got if g[2][0] != "frame"]
            mine, wanted = (until_over(sorted(rows, key=self.key)) for rows in (got, want))
            if name in PADDED:
                mine, wanted = (sorted(((1, *row[1:]) for row in rows), key=self.key) for rows in (mine, wanted))
            self.assertEqual(mine, wanted, (path, s["id"]))
            self.assertEqual([g[0] for g in got], sorted(g[0] for g in got), (path, s["id"], "in the order of the packets"))
            self.assertEqual(s["frames"], {by: sum(e["event"] == "frame" and e["by"] == by for e in s["events"]) for by in ("client", "server")}, (path, s["id"]))
            frames += sum(g[2][0] == "frame" for g in got)
        self.assertEqual(self.err, "")
        return frames

    @staticmethod
    def key(row):
        return row[0], row[1], row[2][0], str(row[2][1:])

    @staticmethod
    def as_theirs(story, event):
        source = story["client"] if event["by"] == "client" else story["server"]
        kind = event["event"]
        if kind in ("syn", "syn_ack", "fin", "rst", "end_stream"):
            return event["packet"], source, (kind,)
        if kind == "rst_stream":
            return event["packet"], source, (kind, event["error"])
        if kind == "frame" and "unfinished" not in event:
            return event["packet"], source, ("frame", event["opcode"], event["fin"], event["length"], event.get("code"))
        return None

    def check_all(self, pattern, least):
        paths = sorted(glob.glob(os.path.join(ROOT, pattern)))
        self.assertGreater(sum(self.check(p) for p in paths), least)

    def test_samples(self):
        self.check_all("samples/*.pcap", 50)

    def test_tls(self):
        self.check_all("tests/cases/tls/*.pcap*", 800)

    def test_http2(self):
        self.check_all("tests/cases/http2/*.pcap", 400)

    def test_what_went_wrong(self):
        for name in ("loss-recovers", "rst-forged", "ping-then-something-else", "forgotten-after-350s", "not-crashed"):
            self.check(os.path.join(ROOT, "tests", "cases", "causes", name + ".pcap"))


HOSTILE = [b"\x1b[2J\x1b]0;owned\x07", "\u202eevil\u2066".encode(), b"a\nConnection 9: closed\r\n", b"\xff\xfe\xc0", "\u6f22\u5b57\u304b\u306a".encode() * 9,
           b"<script>alert(1)</script>" * 4, b'"; rm -rf / #', "e\u0301\U0001f600\u200d".encode() * 5, b"%s%n%x" * 10, b" " * 100, b"\x7f\x00\x08" * 20]


def heartbeats(c, port, n=12):
    s = Session(c, port=port)
    s.handshake(b"/beat")
    for _ in range(n):
        c.packets += [None] * 2000  # 20 s
        s.send(1, frame(9, b"ping", mask=False))
        s.send(0, frame(10, b"ping"))
    return s


class Paced(Capture):
    """A packet that is None is time that passes."""

    def pcap(self):
        out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
        for i, p in enumerate(self.packets):
            if p is not None:
                out += struct.pack("<IIII", self.start + i // 100, i % 100 * 10000, len(p), len(p)) + p
        return out


class Drawn(Show):
    """The ladder."""

    def hostile(self):
        c = Capture()
        for i, reason in enumerate(HOSTILE):
            s = Session(c, port=40000 + i)
            s.handshake(b"/" + reason.translate(None, b" \r\n\0") + b"?token=secret-in-query")
            s.send(0, frame(1, b"secret-in-payload"))
            s.send(1, close(4000 + i, reason[:123], mask=False))
            s.send(0, close(4000 + i, reason[:123]))
            s.fin()
        return self.analyze(self.path("hostile.pcap", c.pcap()))

    def check_page(self, text, width, color):
        self.assertTrue(text)
        for line in text.split("\n"):
            bare = ANSI.sub("", line)
            self.assertEqual("\x1b" in bare, False, repr(line))
            for c in bare:
                self.assertFalse(unicodedata.category(c) in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp") and c not in "\u200d", (c, line))
            if "://" not in bare:  # a URL is not broken
                self.assertLessEqual(columns(bare), width, line)
            self.assertTrue(color or bare == line)

    def test_hostile_texts_at_every_width(self):
        ids = [r["id"] for r in self.hostile()]
        self.assertEqual(len(ids), len(HOSTILE))
        for width in (40, 80, 200):
            for locale in ("C", "C.UTF-8"):
                for color in (True, False):
                    text = self.on_terminal(width, *ids, LC_ALL=locale, NO_COLOR="" if color else "1")
                    self.check_page(text, max(width, 24), color)
                    self.assertNotIn("secret", text)
                    self.assertEqual("\x1b[" in text, color)
                    self.assertEqual("\u2500" in text, locale == "C.UTF-8" and width > 40)
                    self.assertEqual(len(re.findall("^(?:\x1b\\[1m)?Connection [0-9]", text, re.M)), len(ids))
        self.assertIn("\\x1b[2J", text)
        self.assertIn("\\u{202e}", text)

    def test_both_sides_stand_in_columns(self):
        ids = [r["id"] for r in self.hostile()]
        for width in (60, 80, 120):
            for locale, bar in (("C", "|"), ("C.UTF-8", "\u2502")):
                page = self.on_terminal(width, *ids, LC_ALL=locale, NO_COLOR="1")
                for ladder in re.split("^Connection [0-9]+: ", page, flags=re.M)[1:]:
                    rows = [line for line in ladder.split("\n") if re.match(f"[ 0-9.-]* [{bar}]", line)]
                    self.assertGreaterEqual(len(rows), 9)
                    left = {columns(row[:row.index(bar)]) for row in rows}
                    right = {columns(row[:row.rindex(bar)]) for row in rows}
                    self.assertEqual((len(left), len(right)), (1, 1), ladder)

    def test_what_a_row_says(self):
        c = Capture()
        clean_session(c)
        self.analyze(self.path("a.pcap", c.pcap()))
        text = self.show(1, LC_ALL="C")
        rows = [re.sub("-+", "-", line) for line in text.split("\n") if "|" in line]
        self.assertEqual([re.sub(" +", " ", row).strip() for row in rows], [
            "0.000000 |- SYN ->| 1", "0.010000 |<- SYN, ACK -| 2", "0.030000 |- GET /chat ->| 4", "0.050000 |<- 101 Switching Protocols -| 6",
            "0.070000 |- text 17 B ->| 8", '0.090000 |- Close 1000 Normal Closure "bye" ->| 10', '0.110000 |<- Close 1000 Normal Closure "bye" -| 12',
            "0.130000 |<- FIN -| 14", "0.140000 |- FIN ->| 15"])
        for words in ("closed, 1000 Normal Closure, close_handshake, by client", "client saw  1000 Normal Closure \"bye\", clean", "wsclose explain 1000",
                      f"wsclose extract --db {self.db} 1 -o 1.pcapng", "tcp.port == 40000 && tcp.port == 8080 && frame.number >= 1"):
            self.assertIn(words, re.sub("\n +", " ", text))
        self.assertIn("\n-0.090000 |", self.show(1, "--time", "end", LC_ALL="C"))
        self.assertIn("\n03:04:05.000000 |", self.show(1, "--time", "utc", LC_ALL="C"))

    def test_heartbeats_are_folded_and_silence_is_said(self):
        c = Paced()
        s = heartbeats(c, 40000)
        c.packets += [None] * 6000
        s.packet(1, FIN | ACK)
        self.analyze(self.path("a.pcap", c.pcap()))
        text = self.show(1)
        self.assertIn("12 \u00d7 Ping and Pong, 48 B and 48 B, every 20.0 s", text)
        self.assertIn("\u2026 60.0 s of silence \u2026", text)
        self.assertIn("\u2026 20.0 s of silence \u2026", text)
        self.assertEqual(text.count("silence"), 2)
        self.assertEqual(sum(e["event"] == "frame" for e in self.told(1)[0]["events"]), 24)

    def test_how_many_rows(self):
        c = Capture()
        s = Session(c)
        s.handshake()
        for i in range(100):
            s.send(i & 1, frame(1 + (i // 2 & 1), b"x" * i, mask=not i & 1))
        self.analyze(self.path("a.pcap", c.pcap()))
        rows = lambda *args: [line for line in self.show(1, *args, LC_ALL="C").split("\n") if re.search("->|<-", line)]  # noqa: E731
        self.assertEqual(len(rows("--all")), 4 + 100)
        self.assertEqual(len(rows()), 4 + 20)
        self.assertEqual(len(rows("--last", "3")), 4 + 3)
        self.assertIn("... 97 events in 1.9 s: --all shows them ...", self.show(1, "--last", "3", LC_ALL="C"))
        self.assertEqual(rows()[-20:], rows("--all")[-20:])

    def test_what_went_wrong_on_the_way(self):
        c = Capture()
        s = Session(c)
        s.handshake()
        s.send(0, frame(1, b"one"))
        s.capture.packets.append(s.capture.packets[-2])  # again
        s.seq[1] -= 1
        s.packet(1, ACK)  # a keep-alive probe
        s.seq[1] += 1
        s.seq[0] += 500  # not captured
        s.ack[1] = s.seq[0]
        s.packet(1, ACK)
        s.packet(0, PSH | ACK, frame(1, b"two"))
        s.send(1, frame(3, b"?", mask=False))
        whole = frame(2, b"z" * 100, mask=False)
        s.packet(1, PSH | ACK, whole[:50])
        s.packet(0, RST | ACK)
        self.analyze(self.path("a.pcap", c.pcap()))
        story = self.told(1)[0]
        events = [(e["event"], e["by"], e["packet"], e.get("length")) for e in story["events"]]
        for want in (("retransmission", "client", 10, 9), ("keepalive_probe", "server", 11, None), ("gap", "client", None, 500), ("frame", "server", 14, 1),
                     ("violation", "server", 14, None), ("frame", "server", 16, 100), ("rst", "client", 17, None)):
            self.assertIn(want, [e if e[0] != "gap" else (*e[:2], None, e[3]) for e in events])
        self.assertEqual([e.get("unfinished") for e in story["events"] if e["event"] == "frame"][-1], True)
        self.assertEqual([e["rule"] for e in story["events"] if e["event"] == "violation"], [v["rule"] for v in story["violations"]])
        text = self.show(1)
        for words in ("sent again: 9 B", "TCP keep-alive", "not captured: 500 B", "opcode 3 1 B", "! reserved-opcode", "binary 100 B, cut off", "RST"):
            self.assertIn(words, text)

    def test_nobody_reads_on(self):
        self.hostile()
        p = subprocess.run(f"{WSCLOSE} show --db {self.db} 1 2 3 4 5 --all | head -1; echo ${{PIPESTATUS[0]}}", shell=True, executable="/bin/bash", capture_output=True, text=True)
        self.assertEqual((p.stdout.split("\n")[1], p.stderr), ("0", ""))
        with open("/dev/full", "w") as full:
            p = subprocess.run([WSCLOSE, "show", "--db", self.db, "1"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual((p.returncode, p.stderr), (1, "wsclose: cannot write the output: No space left on device\n"))


class Asked(Show):
    """What is asked for, and whether it is there."""

    def setUp(self):
        super().setUp()
        c = Capture()
        clean_session(c)
        clean_session(c, code=4001, port=40001)
        self.pcap = self.path("a.pcap", c.pcap())
        self.analyze(self.pcap)

    def test_wrong_numbers(self):
        for words, status, said in ((["7"], 1, "there is no connection 7"), (["0"], 2, "expected the number of a connection"), (["1x"], 2, 'not "1x"'),
                                    ([self.pcap], 2, "wsclose analyze FILE"), ([], 2, "show needs the number"), (["1", "--last", "0"], 2, "--last"),
                                    (["1", "--format", "csv"], 2, "expected table, ndjson, json or none"), (["1", "--time", "now"], 2, "expected start, end or utc")):
            self.assertEqual(self.show(*words, status=status), "", words)
            self.assertIn(said, self.err)
        self.wsclose("show", "--db", self.path("no.db"), "1", status=1)
        self.assertIn("no such database", self.err)

    def test_several(self):
        self.assertEqual([s["id"] for s in self.told(2, 1, 2)], [2, 1, 2])
        self.assertEqual([s["id"] for s in json.loads(self.show(2, 1, "--format", "json"))], [2, 1])
        self.assertEqual([s["id"] for s in self.told(1, 9, 2, status=1)], [1, 2])
        self.assertEqual(self.show(1, "--format", "none"), "")

    def test_the_readme_shows_what_is_shown(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
            example = re.search(r"\$ wsclose show 2\n(.*?)```", f.read(), re.S).group(1)
        shutil.copy(os.path.join(ROOT, "samples", "proxy-idle.pcap"), self.dir)
        env = {**os.environ, "LC_ALL": "C.UTF-8"}
        subprocess.run([WSCLOSE, "analyze", "--format", "none", "-q", "proxy-idle.pcap"], cwd=self.dir, check=True)
        shown = subprocess.run([WSCLOSE, "show", "2"], cwd=self.dir, check=True, capture_output=True, text=True, env=env).stdout
        self.assertEqual(shown.replace("proxy-idle.pcap", "samples/proxy-idle.pcap"), example)

    def test_gone_and_moved(self):
        whole = self.told(1)[0]
        moved = self.path("b.pcap")
        os.rename(self.pcap, moved)
        text = self.show(1, status=3, LC_ALL="C")
        self.assertEqual(self.err.count("\n"), 1)
        self.assertIn("No such file or directory; if it has moved, say where it is: --from FILE", self.err)
        self.assertIn("what follows is what the database has", text)
        rows = [re.sub(" +", " ", re.sub("-+", "-", line)).strip() for line in text.split("\n") if "|" in line]
        self.assertEqual(rows, ["0.000000 | first packet | 1", "0.050000 |<- 101: open -|", '0.090000 |- Close 1000 Normal Closure "bye" ->| 10',
                                '0.110000 |<- Close 1000 Normal Closure "bye" -| 12', "|<- FIN -| 14"])
        story = self.told(1, status=3)[0]
        self.assertTrue(story["events_from_store"])
        self.assertEqual([e["event"] for e in story["events"]], ["started", "established", "frame", "frame", "fin"])
        self.assertEqual(self.told(1, "--from", moved), [whole])
        with open(self.pcap, "wb") as f:
            f.write(b"something else")
        self.show(1, status=3)
        self.assertEqual(self.told(1, "--from", moved), [whole])

    def test_the_store_alone_says_of_every_sample_what_its_packets_say(self):
        for path in sorted(glob.glob(os.path.join(ROOT, "samples", "*.pcap"))):
            copy = shutil.copy(path, self.path("copy.pcap"))
            os.unlink(self.db)
            ids = [r["id"] for r in self.analyze(copy)]
            full = self.told(*ids)
            os.unlink(copy)
            known = self.told(*ids, status=3)
            for f, k in zip(full, known):
                essence = lambda e: (e["event"], e["by"], e["packet"], e.get("code"), e.get("reason"), e.get("rule"))  # noqa: E731
                there = [essence(e) for e in f["events"]]
                for e in k["events"]:
                    if e["event"] not in ("started", "established", "response"):
                        self.assertIn(essence(e), there, path)

    def test_damaged_captures(self):
        """Packets lost, doubled, in another order, with bytes changed: the story has the frames that the record counts."""
        chance = random.Random(8)
        told = 0
        for path in sorted(glob.glob(os.path.join(ROOT, "samples", "*.pcap"))):
            data = read(path)
            head, packets, at = data[:24], [], 24
            while at < len(data):
                n = 16 + int.from_bytes(data[at + 8:at + 12], "little")
                packets.append(bytearray(data[at:at + n]))
                at += n
            for p in chance.sample(packets, 2):
                p[chance.randrange(16 + 54, len(p)) if len(p) > 16 + 54 else -1] ^= 1 << chance.randrange(8)
            for _ in range(2):
                packets.pop(chance.randrange(len(packets)))
                packets.insert(chance.randrange(len(packets)), chance.choice(packets))
                i, k = chance.randrange(len(packets)), chance.randrange(len(packets))
                packets[i], packets[k] = packets[k], packets[i]
            os.unlink(self.db)
            records = self.analyze(self.path("damaged.pcap", head + b"".join(packets)))
            for s in self.told(*(r["id"] for r in records)) if records else []:
                self.assertEqual(s["frames"], {by: sum(e["event"] == "frame" and e["by"] == by for e in s["events"]) for by in ("client", "server")}, path)
                self.assertEqual([e["at"] for e in s["events"]], sorted(e["at"] for e in s["events"]), path)
                rules = [(e["by"], e["rule"], e["packet"]) for e in s["events"] if e["event"] == "violation"]
                self.assertEqual(sorted(rules)[:16], sorted((v["by"], v["rule"], v["packet"]) for v in s["violations"]), path)
                told += 1
            if records:
                self.show(*(r["id"] for r in records), "--all")
        self.assertGreater(told, 12)

    def test_encrypted(self):
        pcap = os.path.join(ROOT, "tests", "cases", "tls", "node.pcap")
        keys = os.path.join(ROOT, "tests", "cases", "tls", "node.client.keys")
        os.unlink(self.db)
        self.analyze("--encrypted", pcap)
        dark, = self.told(1)
        kinds = [e["event"] for e in dark["events"]]
        self.assertIn("tls", kinds)
        self.assertNotIn("frame", kinds)
        self.assertEqual(kinds[:5], ["syn", "syn_ack", "tls_hello", "tls_hello", "tls"])
        self.assertGreater(sum(e.get("length", 0) for e in dark["events"] if e["event"] == "tls"), 100)
        self.assertEqual(self.err, "")
        read, = self.told(1, "--keylog", keys)
        self.assertIn("wsclose analyze --keylog stores what it was", self.err)
        kinds = [e["event"] for e in read["events"]]
        self.assertIn("frame", kinds)
        self.assertEqual([e for e in kinds if e in ("request", "response")], ["request", "response"])


@unittest.skipUnless(shutil.which("tshark"), "no tshark")
class AsDissectedIfThere(AsDissected):
    pass


del AsDissected
if __name__ == "__main__":
    unittest.main()
