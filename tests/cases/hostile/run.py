#!/usr/bin/env python3
"""Text that hopes to be more than text, wherever it can come from, in every output. usage: run.py WSCLOSE"""
import base64, csv, hashlib, io, json, os, pty, re, sqlite3, struct, subprocess, sys, tempfile, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "support")]
from pcapgen import ACK, GUID, KEY, SYN, Capture, Session, close, frame
from texts import BREAKS, HIDDEN, JOINS, NULS, TEXTS, in_csv, in_json, packed

WSCLOSE = os.path.abspath(sys.argv.pop(1))
REASONS = {**TEXTS, **BREAKS, **NULS}
ARGUMENTS = packed({**TEXTS, **BREAKS}, 110)
SGR = re.compile("\x1b\\[[0-9;]*m")
KEYS = "code outcome ending cause closed_by server client host path subprotocol server_software user_agent app status capture day hour minute".split()


def run(*args, env=None, cwd=None, stdin=b""):
    p = subprocess.run([WSCLOSE, *args], capture_output=True, timeout=120, input=stdin, cwd=cwd, env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})})
    return p.returncode, p.stdout, p.stderr


def on_terminal(*args, cwd=None):
    """What a terminal of 120 columns is sent."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", PAGER="cat", LC_ALL="C.UTF-8", COLUMNS="120")
        os.environ.pop("NO_COLOR", None)
        if cwd:
            os.chdir(cwd)
        os.execv(WSCLOSE, [WSCLOSE, *args])
    out = b""
    while True:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
    os.close(fd)
    os.waitpid(pid, 0)
    return out


def extension(kind, body):
    return struct.pack("!HH", kind, len(body)) + body


def client_hello(name):
    names = extension(0, struct.pack("!HBH", len(name) + 3, 0, len(name)) + name)
    body = b"\x03\x03" + b"\x5a" * 32 + b"\0" + struct.pack("!HH", 2, 0x1301) + b"\x01\0" + struct.pack("!H", len(names)) + names
    return b"\x16\x03\x01" + struct.pack("!H", len(body) + 4) + b"\x01" + struct.pack("!I", len(body))[1:] + body


def shake(s, path=b"/field", request=b"Host: test.example", response=b"Server: x"):
    s.packet(0, SYN), s.packet(1, SYN | ACK), s.packet(0, ACK)
    s.send(0, b"GET " + path + b" HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + KEY + b"\r\nSec-WebSocket-Version: 13\r\n" + request + b"\r\n\r\n")
    return lambda status=b"101 Switching Protocols": s.send(1, b"HTTP/1.1 " + status + b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
                                                            base64.b64encode(hashlib.sha1(KEY + GUID).digest()) + b"\r\n" + response + b"\r\n\r\n")


def capture():
    c = Capture()
    port = 20000
    for reason in REASONS.values():  # in a Close frame: anything
        s = Session(c, port=(port := port + 1))
        s.handshake(b"/reason")
        s.send(1, close(4000, reason[:123], mask=False))
        s.send(0, close(4000, b""))
        s.fin()
    for t in TEXTS.values():  # in both heads at once
        s = Session(c, port=(port := port + 1))
        shake(s, b"/" + t.replace(b" ", b"_") + b"?q=" + t.replace(b" ", b"_"), b"Host: %s\r\nUser-Agent: %s\r\nOrigin: %s\r\nSec-WebSocket-Protocol: %s" % (t, t, t, t),
              b"Server: %s\r\nSec-WebSocket-Protocol: %s\r\nSec-WebSocket-Extensions: %s\r\nVia: %s" % (t, t, t, t))()
        s.send(0, frame(1, t))
        s.fin()
    for t in TEXTS.values():  # each field alone: one that no parser takes must not hide the others
        for field in (b"Host", b"User-Agent", b"Origin", b"Server", b"Sec-WebSocket-Protocol"):
            s = Session(c, port=(port := port + 1))
            name = field + b": " + t
            shake(s, request=name)() if field in (b"Host", b"User-Agent", b"Origin") else shake(s, response=name)()
            s.fin()
    for t in TEXTS.values():  # refused
        s = Session(c, port=(port := port + 1))
        shake(s, b"/no", response=b"Server: %s\r\nVia: %s\r\nLocation: /%s\r\nWWW-Authenticate: Basic realm=\"%s\"\r\nCF-Ray: 1-%s\r\nContent-Length: 0" %
              (t, t, t, t.replace(b'"', b""), t))(b"403 " + t)
        s.fin()
    for t in [b"(" + x for x in TEXTS.values()] + list(TEXTS.values()):  # not read: TLS, with the name asked for
        s = Session(c, port=(port := port + 1), server=("192.0.2.9", 443))
        s.packet(0, SYN), s.packet(1, SYN | ACK), s.packet(0, ACK)
        s.send(0, client_hello(t))
        s.send(1, b"\x15\x03\x03\x00\x02\x02\x28")
        s.fin()
    return c


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory()
        cls.dir = cls.tmp.name
        cls.pcap, cls.db = os.path.join(cls.dir, "in.pcap"), os.path.join(cls.dir, "x.db")
        with open(cls.pcap, "wb") as f:
            f.write(capture().pcap())
        status, cls.summary, cls.stderr = run("analyze", "--db", cls.db, "--encrypted", "--format", "none", cls.pcap)
        assert status == 0, cls.stderr

    @classmethod
    def tearDownClass(cls):
        cls.tmp.cleanup()

    def clean(self, data, what, crlf=False, sgr=False, joins=False):
        """Valid UTF-8, and no character in it that does anything but end a line."""
        text = data.decode("utf-8")
        if sgr:
            text = SGR.sub("", text)
        if crlf:
            text = text.replace("\r\n", "\n")
        if joins:
            text = re.sub("[%s]" % JOINS, "", text)
        bad = HIDDEN.search(text.replace("\n", ""))
        if bad:
            at = text.replace("\n", "").index(bad.group())
            self.fail("%s: %r in %r" % (what, bad.group(), text.replace("\n", "")[max(0, at - 60):at + 60]))

    def records(self):
        status, out, _ = run("events", "--db", self.db, "--format", "ndjson")
        self.assertEqual(status, 0)
        return [json.loads(line) for line in out.decode().split("\n")[:-1]]

    def test_texts_are_there(self):
        """The capture carries them: else the rest of this file shows nothing."""
        rows = self.records()
        seen = {k: {r[k] for r in rows} for k in ("reason", "host", "user_agent", "origin", "server_software", "subprotocol", "path", "sni")}
        for name, t in REASONS.items():
            self.assertIn(in_json(t[:123]), seen["reason"], name)
        for key in ("host", "user_agent", "origin", "server_software", "sni"):
            self.assertGreater(sum(in_json(t).strip(" \t") in seen[key] for t in TEXTS.values()), len(TEXTS) // 2, key)
        print({k: len(v) for k, v in seen.items()}, file=sys.stderr)

    def test_every_format_in_a_pipe(self):
        for args in (["events"], ["events", "--why"], ["diagnose"], ["codes"], *(["stats", "--by", k] for k in KEYS)):
            for form in ("table", "ndjson", "json", "csv"):
                command = [*args, "--format", form] + ([] if args == ["codes"] else ["--db", self.db])
                status, out, err = run(*command)
                if status == 2:
                    continue  # this command has no such format
                self.assertEqual(status, 0, (command, err))
                self.clean(out, command, crlf=form == "csv", joins=form != "table")
                self.clean(err, command)
        for args in (["--db", self.db], ["--encrypted", self.pcap]):  # what is in its JSON: cases/report
            status, out, err = run("report", *args)
            self.assertEqual(status, 0, err)
            self.clean(out, "report"), self.clean(err, "report")
        self.clean(self.stderr, "summary")

    def test_every_format_on_a_terminal(self):
        for args in (["events"], ["events", "--why"], ["diagnose"], *(["stats", "--by", k] for k in KEYS)):
            for form in ("table", "ndjson", "json", "csv"):
                out = on_terminal(*args, "--db", self.db, "--format", form)
                self.assertTrue(out)
                self.clean(out.replace(b"\r\r\n", b"\r\n"), args + [form], crlf=True, sgr=form == "table", joins=form != "table")
        out = on_terminal("analyze", "--db", "none", "--why", "--encrypted", self.pcap)
        # The progress line erases itself: that is ours.
        self.clean(out.replace(b"\r\x1b[K", b"\n"), "analyze", crlf=True, sgr=True)

    def test_json_says_what_was_there(self):
        whole = json.loads(run("events", "--db", self.db, "--format", "json")[1])
        self.assertEqual(whole, self.records())
        self.assertEqual(len({r["id"] for r in whole}), len(whole))
        self.assertEqual({r["outcome"] for r in whole}, {"closed", "handshake_failed", "unknown"} & {r["outcome"] for r in whole})

    def test_csv_says_what_was_there(self):
        out = run("events", "--db", self.db, "--format", "csv")[1].decode()
        rows = list(csv.DictReader(io.StringIO(out, newline=""), strict=True))
        records = self.records()
        self.assertEqual(len(rows), len(records))
        self.assertTrue(all(None not in r and None not in r.values() for r in rows))
        reasons = [r["reason"] for r in rows]
        for name, t in REASONS.items():
            self.assertIn(in_csv(t[:123]), reasons, name)
        for row in rows:
            for cell in row.values():
                self.assertNotRegex(cell, "^ *[=+@\t\r\uff1d\uff0b\uff0d\uff20-]")

    def test_database_holds_what_was_there(self):
        db = sqlite3.connect(self.db)
        db.text_factory = bytes
        self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(), [(b"ok",)])
        reasons = {r[0] for r in db.execute("SELECT reason FROM connections")}
        for name, t in REASONS.items():
            self.assertIn(t[:123], reasons, name)
        db.close()

    def test_filters_find_them(self):
        """What a record says can be asked for, and a suggested command is one command."""
        rows = self.records()
        for host in {r["host"] for r in rows if r["host"] and "\ufffd" not in r["host"]}:
            status, out, err = run("events", "--db", self.db, "--format", "ndjson", "--host", host)
            self.assertEqual(status, 0, err)
            want = sum(1 for r in rows if (r["host"] or "").lower() == host.lower())
            self.assertEqual(len(out.splitlines()), want, repr(host))
        for line in run("diagnose", "--db", self.db, "--format", "ndjson")[1].splitlines():
            command = json.loads(line)["command"]
            p = subprocess.run(["bash", "-c", 'wsclose() { printf "%s\\0" "$@"; }; ' + command], capture_output=True, cwd=self.dir)
            self.assertEqual(p.stderr, b"", command)
            self.assertFalse(os.path.exists(os.path.join(self.dir, "pwned")), command)

    def test_comments_of_an_extract(self):
        for r in self.records()[::9]:
            out = os.path.join(self.dir, "e.pcapng")
            status, _, err = run("extract", str(r["id"]), "--db", self.db, "-o", out, "--force")
            self.assertEqual(status, 0, err)
            self.clean(err, "extract")
            with open(out, "rb") as f:
                data = f.read()
            at, comments = 0, 0
            while at < len(data):
                kind, length = struct.unpack_from("<II", data, at)
                skip = {0x0a0d0d0a: 24, 6: 28 + (struct.unpack_from("<I", data, at + 20)[0] + 3 & ~3)}.get(kind)
                while skip is not None and skip + 4 < length:
                    option, n = struct.unpack_from("<HH", data, at + skip)
                    if option == 1:
                        self.clean(data[at + skip + 4:at + skip + 4 + n], r["id"])
                        comments += 1
                    if option == 0:
                        break
                    skip += 4 + (n + 3 & ~3)
                at += length
            self.assertGreaterEqual(comments, 2)

    def test_arguments(self):
        commands = [["--lang"], ["events", "--lang"], [], ["-"], ["--"], ["events"], ["analyze"], ["events", "--"], ["events", "--nothing="], ["events", "--format"], ["events", "--code"],
                    ["events", "--since"], ["events", "--server"], ["events", "--db"], ["explain"], ["explain", "--format"], ["compare", "1000"], ["extract"], ["stats", "--by"],
                    ["analyze", "--db", "none", "--keylog"], ["analyze", "--db", "none", "--filter"], ["analyze", "--db", "none", "--limits"], ["analyze", "--db"],
                    ["live", "-i"], ["live", "--rotate"], ["live", "--metrics"], ["live", "--user"], ["live", "-i", "lo", "--db", "none", "--filter"]]
        for t in ARGUMENTS:
            for c in commands:
                args = [*c[:-1], c[-1].encode() + t] if c and c[-1].endswith(("=", "-")) else [*c, t]
                if args[0] == "analyze":
                    args.append(os.devnull)
                status, out, err = run(*args, cwd=self.dir)
                self.assertIn(status, (0, 1, 2, 3), (t, args, err))
                self.clean(out, (t, args))
                self.clean(err, (t, args))
                self.assertFalse(os.path.exists(os.path.join(self.dir, "pwned")))

    def test_explain(self):
        for t in ARGUMENTS:
            for form in ("table", "ndjson", "json"):
                for args in (["explain", "4000"], ["compare", "4000", "1006"]):
                    for option in ("--reason", "--host", "--subprotocol"):
                        status, out, err = run(*args, "--format", form, option, t)
                        self.assertIn(status, (0, 2), (t, args, err))
                        self.clean(out, (t, args)), self.clean(err, (t, args))

    def test_environment(self):
        env = {"SSLKEYLOGFILE", "LANGUAGE", "LANG", "LC_ALL", "TERM", "NO_COLOR", "COLUMNS", "NOTIFY_SOCKET", "TZ"}
        for t in ARGUMENTS:
            for v in env:
                environ = {**os.environb, v.encode(): t}
                p = subprocess.run([WSCLOSE, "analyze", "--db", "none", "--why", os.devnull], capture_output=True, env=environ, cwd=self.dir, timeout=60)
                self.assertIn(p.returncode, (0, 1), (t, v, p.stderr))
                self.clean(p.stdout, (t, v)), self.clean(p.stderr, (t, v))

    def test_file_names(self):
        with open(self.pcap, "rb") as f:
            data = f.read()
        for t in packed({**TEXTS, **BREAKS}, 230):
            with tempfile.TemporaryDirectory() as d:
                where = os.path.join(d.encode(), t.replace(b"/", b"_"))
                for end, content in ((b".pcap", data[:3000]), (b".cut", data[:2999]), (b".keys", b"nonsense " + t + b"\n" * 3), (b".txt", t)):
                    with open(where + end, "wb") as f:
                        f.write(content)
                for args in (["--db", where + b".db", where + b".pcap"], ["--db", "none", where + b".cut"], ["--db", "none", where + b".txt"], ["--db", "none", where + b".gone"],
                             ["--db", where + b".txt", where + b".pcap"], ["--db", d.encode(), where + b".pcap"], ["--db", "none", "--keylog", where + b".keys", where + b".pcap"],
                             ["--db", "none", "--keylog", where + b".gone", where + b".pcap"], ["--db", "none", "--limits", where + b".txt", where + b".pcap"]):
                    for form in ("table", "csv", "ndjson"):
                        status, out, err = run("analyze", "--format", form, *args)
                        self.assertIn(status, (0, 1, 3), (t, args, err))
                        self.clean(out, (t, args), crlf=form == "csv", joins=form != "table"), self.clean(err, (t, args))
                for args in (["events", "--format", "csv"], ["stats", "--by", "capture"], ["diagnose"], ["extract", "1", "-o", where + b".out"], ["extract", "1", "-o", where + b".pcap"],
                             ["extract", "1", "-o", where + b".out", "--from", where + b".gone"]):
                    status, out, err = run(*args, "--db", where + b".db")
                    self.assertIn(status, (0, 1, 2, 3), (t, args, err))
                    self.clean(out, (t, args), crlf=True, joins="csv" in args), self.clean(err, (t, args))


if __name__ == "__main__":
    unittest.main(verbosity=1)
