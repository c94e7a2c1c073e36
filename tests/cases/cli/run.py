#!/usr/bin/env python3
"""The program from outside: what a user types, what comes out, and the exit status. usage: run.py WSCLOSE"""
import csv, gzip, io, json, os, pty, re, signal, sqlite3, subprocess, sys, tempfile, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
import pcapgen

WSCLOSE = os.path.abspath(sys.argv.pop(1))


class Case(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.addCleanup(self.tmp.cleanup)

    def path(self, name):
        return os.path.join(self.tmp.name, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def read(self, path):
        with open(path, "rb") as f:
            return f.read()

    def run_(self, *args, status=0, input=None, env=None):
        p = subprocess.run([WSCLOSE, *args], input=input, capture_output=True, cwd=self.tmp.name, timeout=60,
                           env={**os.environ, "PAGER": "cat", **(env or {})})
        self.assertEqual(p.returncode, status, (args, p.stderr.decode("utf-8", "replace")))
        self.out, self.err = p.stdout.decode(), p.stderr.decode("utf-8", "replace")
        return self.out

    def records(self, *args, **kw):
        return [json.loads(line) for line in self.run_(*args, "--format", "ndjson", **kw).splitlines()]

    def capture(self, code=1000, reason=b"bye", sessions=1, start=1767323045):
        c = pcapgen.Capture(start)
        for i in range(sessions):
            pcapgen.clean_session(c, code, reason, port=40000 + i)
        return c


class Usage(Case):
    def test_help(self):
        self.assertIn("analyze FILE...", self.run_("--help"))
        for command in ("analyze", "events", "stats", "codes"):
            out = self.run_(command, "--help")
            self.assertIn(f"Usage: wsclose {command}", out)
        for word in ("--code", "--server", "--client", "--host", "--path", "--cause", "--ending", "--closed-by", "--since", "--until", "--limit"):
            for command in ("analyze", "events", "stats"):
                self.assertIn(word, self.run_(command, "--help"), command)

    def test_wrong_usage_is_2(self):
        for args in ([], ["evnts"], ["analyze"], ["analyze", "--cod", "1", "x"], ["analyze", "--code"], ["events", "--code", "abc"], ["events", "--code", "5-1"],
                     ["events", "--code", "70000"], ["events", "--since", "yesterday"], ["events", "--limit", "0"], ["events", "--limit", "-1"], ["events", "operand"],
                     ["stats", "--by", "colour"], ["stats", "--by", "code,code,code,code,code"], ["events", "--server", "host:80"], ["events", "--ending", "FIN"],
                     ["events", "--format", "xml"],
                     ["events", "--idle", "60x"], ["events", "--idle", "60s-59s"], ["events", "--idle", "proxy:60s"], ["events", "--age", "-"], ["events", "--status", "1000"],
                     ["events", "--rule", "no-such"], ["events", "--client", "10.0.0.0/33"], ["events", "--client", "10.0.0.0/0"], ["events", "--id", "x"], ["codes", "--format"], ["analyze", "--quiet=1", "x"]):
            self.run_(*args, status=2)
            self.assertEqual(self.out, "", args)
            self.assertTrue(self.err, args)

    def test_help_of_a_command_and_of_all(self):
        self.assertEqual(self.run_("help"), self.run_("--help"))
        for line in self.out.splitlines():
            self.assertLess(len(line), 80, line)
        for command in re.findall(r"(?m)^  ([a-z]+) ", self.out):
            for line in self.run_("help", command).splitlines():
                self.assertLess(len(line), 80, line)
            self.assertEqual(self.out, self.run_(command, "--help"))
        self.run_("help", "stast", status=2)
        self.assertIn("did you mean stats?", self.err)

    def test_what_is_no_command_is_told_what_it_may_be(self):
        f = self.write("a.pcap", self.capture().pcap())
        self.run_(f, status=2)
        self.assertIn(f"wsclose analyze {f}", self.err)
        self.run_("--verson", status=2)
        self.assertIn("did you mean --version?", self.err)
        self.run_("-x", status=2)
        self.assertIn("no option", self.err)

    def test_a_near_miss_is_suggested(self):
        self.run_("evnts", status=2)
        self.assertIn("events", self.err)
        self.run_("events", "--cod", "1006", status=2)
        self.assertIn("--code", self.err)

    def test_value_forms(self):
        f = self.write("a.pcap", self.capture().pcap())
        for args in (["--db=none", "--format=ndjson"], ["--db", "none", "--format", "ndjson"]):
            self.assertEqual(len(self.run_("analyze", *args, "--", f).splitlines()), 1)
            self.assertEqual(len(self.run_("analyze", f, *args).splitlines()), 1)


class Input(Case):
    def test_what_cannot_be_read_is_1_and_names_it(self):
        self.run_("analyze", "missing.pcap", status=1)
        self.assertIn("missing.pcap", self.err)
        self.run_("analyze", self.write("empty.pcap", b""), status=1)
        self.assertIn("empty", self.err)
        self.run_("analyze", self.tmp.name, status=1)
        self.assertIn("directory", self.err)
        self.run_("analyze", self.write("text.pcap", b"GET / HTTP/1.1\r\n\r\n"), status=1)
        self.run_("analyze", "--filter", "tcp prot 80", self.write("a.pcap", self.capture().pcap()), status=1)
        self.assertIn("filter", self.err)
        self.assertFalse(os.path.exists(self.path("wsclose.db")), "a run that could not begin leaves no database")

    def test_a_truncated_capture_is_3_and_keeps_what_was_good(self):
        data = self.capture().pcap()
        f = self.write("cut.pcap", data[:-10])
        rows = self.records("analyze", "--db", "none", f, status=3)
        self.assertEqual([r["close_code"] for r in rows], [1000])
        packets = len(self.capture().packets)
        self.assertIn(f"cut.pcap: packet {packets}", self.err)

    def test_every_form_of_one_capture_gives_the_same(self):
        c = self.capture(4001, b"x")
        want = None
        for name, data in (("a.pcap", c.pcap()), ("a.pcapng", c.pcapng()), ("a.pcap.gz", gzip.compress(c.pcap()))):
            (r,) = self.records("analyze", "--db", "none", self.write(name, data))
            self.assertEqual(r.pop("capture"), self.path(name))
            want = want or r
            self.assertEqual(r, want, name)

    def test_a_connection_may_cross_files(self):
        c = self.capture(3000)
        whole = self.records("analyze", "--db", "none", self.write("whole.pcap", c.pcap()))
        for cut in range(1, len(c.packets)):
            a, b = pcapgen.Capture(), pcapgen.Capture()
            a.packets = c.packets[:cut]
            b.packets = c.packets
            # The second file holds the rest, at its own times.
            data = b.pcap()
            head, at = data[:24], 24
            for _ in range(cut):
                at += 16 + int.from_bytes(data[at + 8:at + 12], "little")
            first, second = self.write("1.pcap", a.pcap()), self.write("2.pcap", head + data[at:])
            (r,) = self.records("analyze", "--db", "none", second, first)  # the order of time, not of the command line
            for key in ("outcome", "close_code", "closed_by", "ending", "tcp_end", "client_saw", "server_saw", "frames", "duration_ms", "started", "ended"):
                self.assertEqual(r[key], whole[0][key], (cut, key))

    def test_the_same_file_twice_is_refused(self):
        f = self.write("a.pcap", self.capture().pcap())
        self.run_("analyze", "--db", "none", f, f, status=1)
        self.assertIn("twice", self.err)

    def test_no_websocket_is_no_record_and_0(self):
        c = pcapgen.Capture()
        s = pcapgen.Session(c)
        s.packet(0, pcapgen.SYN)
        s.packet(1, pcapgen.SYN | pcapgen.ACK)
        s.send(0, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        s.send(1, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        s.fin()
        self.assertEqual(self.records("analyze", "--db", "none", self.write("a.pcap", c.pcap())), [])
        self.assertIn("no WebSocket", self.err)

    def test_records_of_a_pipe_come_as_they_happen(self):
        data = self.capture().pcap()
        p = subprocess.Popen([WSCLOSE, "analyze", "--db", "none", "--format", "ndjson", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
        p.stdin.write(data)
        p.stdin.flush()
        r = json.loads(p.stdout.readline())  # the pipe is still open
        self.assertEqual(r["close_code"], 1000)
        p.stdin.close()
        self.assertEqual(p.wait(20), 0)
        p.stdout.close()

    def test_an_interrupt_shows_what_was_read_and_stores_nothing(self):
        c = pcapgen.Capture()
        s = pcapgen.Session(c)
        s.handshake()
        p = subprocess.Popen([WSCLOSE, "analyze", "--db", self.path("i.db"), "--format", "ndjson", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        p.stdin.write(c.pcap())
        p.stdin.flush()
        time.sleep(1)
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=20)
        self.assertEqual(p.returncode, 1, err)
        self.assertEqual(json.loads(out)["outcome"], "open")
        self.assertEqual(sqlite3.connect(self.path("i.db")).execute("SELECT count(*) FROM connections").fetchone(), (0,))


class Store(Case):
    def setUp(self):
        super().setUp()
        c = pcapgen.Capture()
        pcapgen.clean_session(c, 1000, port=40001)
        pcapgen.clean_session(c, 4001, b"away", port=40002, server=("192.0.2.2", 9000))
        s = pcapgen.Session(c, port=40003)
        s.handshake(b"/cut")
        s.fin(first=1)
        self.c = c
        self.file = self.write("day.pcap", c.pcap())
        self.run_("analyze", "--quiet", "--format", "none", self.file)

    def codes(self, *filters):
        return sorted(r["close_code"] for r in self.records("events", *filters))

    def test_filters(self):
        for filters, want in (([], [1000, 1006, 4001]), (["--code", "1006"], [1006]), (["--code", "1000,4000-4999"], [1000, 4001]), (["--server", "192.0.2.2"], [4001]),
                              (["--server", ":8080"], [1000, 1006]), (["--server", "192.0.2.2:9000"], [4001]), (["--server", "192.0.2.2:9001"], []),
                              (["--client", "198.51.100.7:40003"], [1006]), (["--path", "/cut"], [1006]), (["--path", "/c*"], [1000, 1006, 4001]), (["--path", "/chat*"], [1000, 4001]),
                              (["--host", "TEST.example"], [1000, 1006, 4001]), (["--ending", "fin"], [1006]), (["--closed-by", "server"], [1006]), (["--closed-by", "client"], [1000, 4001]),
                              (["--since", "2026-01-02T03:04:05Z", "--until", "2027-01-01"], [1000, 1006, 4001]), (["--until", "2026-01-02T03:04:05Z"], []), (["--outcome", "open"], []),
                              (["--host", "test'; DROP TABLE connections; --"], []), (["--path", "%"], []), (["--code", "1006", "--closed-by", "client"], []),
                              (["--status", "101"], [1000, 1006, 4001]), (["--status", "400-599"], []), (["--age", "1ms-1h"], [1000, 1006, 4001]), (["--age", "1h-"], []),
                              (["--idle", "0.001-10"], [1000, 1006, 4001]), (["--idle", "server:5m-"], []), (["--id", "2"], [4001]), (["--client", "198.51.100.0/24"], [1000, 1006, 4001]),
                              (["--client", "198.51.0.0/24"], []), (["--server", "192.0.2.2/31"], [4001]), (["--rule-by", "server"], []), (["--rule", "reserved-bits"], []),
                              (["--started-until", "2026-01-02"], []), (["--started-since", "2026-01-02"], [1000, 1006, 4001]), (["--closed-by", "nobody"], [])):
            self.assertEqual(self.codes(*filters), want, filters)
        self.assertEqual(len(self.records("events", "--limit", "2")), 2)

    def test_reading_again_changes_nothing(self):
        def dump():
            with sqlite3.connect(self.path("wsclose.db")) as db:
                return list(db.iterdump())
        before = dump()
        for name, data in (("day.pcap", self.c.pcap()), ("other-name.pcap", self.c.pcap()), ("day.pcapng", self.c.pcapng()), ("day.pcap.gz", gzip.compress(self.c.pcap()))):
            rows = self.records("analyze", self.write(name, data))
            self.assertEqual([r["id"] for r in rows], [1, 2, 3], name)
            self.assertIn("already stored", self.err)
            self.assertEqual(dump(), before, name)

    def test_analyze_shows_what_events_shows(self):
        rows = self.records("analyze", self.file)
        self.assertEqual(rows, self.records("events"))
        ends = [r["ended"] for r in rows]
        self.assertEqual(ends, sorted(ends))

    def test_formats_agree(self):
        rows = self.records("events")
        self.assertEqual(json.loads(self.run_("events", "--format", "json")), rows)
        table = list(csv.DictReader(io.StringIO(self.run_("events", "--format", "csv"), newline="")))
        self.assertEqual([t["close_code"] for t in table], [str(r["close_code"]) for r in rows])
        self.assertEqual([t["client"] for t in table], [r["client"] for r in rows])
        self.assertEqual([float(t["duration_ms"]) for t in table], [r["duration_ms"] for r in rows])
        self.assertEqual(json.loads(self.run_("events", "--format", "json", "--code", "1")), [])
        self.assertEqual(self.run_("events", "--format", "none"), "")

    def test_stats(self):
        rows = {r["code"]: r for r in self.records("stats")}
        self.assertEqual({k: r["count"] for k, r in rows.items()}, {"1000": 1, "1006": 1, "4001": 1})
        self.assertEqual(rows["1006"]["abnormal"], 1)
        (hour,) = self.records("stats", "--by", "hour")
        self.assertEqual((hour["hour"], hour["count"]), ("2026-01-02T03:00Z", 3))
        two = {(r["server"], r["path"]): r["count"] for r in self.records("stats", "--by", "server,path", "--server", ":8080")}
        self.assertEqual(two, {("192.0.2.1:8080", "/chat"): 1, ("192.0.2.1:8080", "/cut"): 1})

    def test_refused_databases_stay_as_they_are(self):
        foreign = self.path("foreign.db")
        with sqlite3.connect(foreign) as db:
            db.execute("CREATE TABLE t (x)")
        newer = self.path("newer.db")
        with sqlite3.connect(newer) as db:
            db.executescript("PRAGMA application_id = 0x57534331; PRAGMA user_version = 99; CREATE TABLE t (x)")
        text = self.write("text.db", b"this is no database, but long enough to look at " * 40)
        for path, word in ((foreign, "another program"), (newer, "newer"), (text, "not a SQLite")):
            before = self.read(path)
            for command in (["analyze", self.file], ["events"], ["stats"]):
                self.run_(*command, "--db", path, status=1)
                self.assertIn(word, self.err)
            self.assertEqual(self.read(path), before)
            self.assertFalse(os.path.exists(path + "-wal"))

    def test_no_database_yet(self):
        for command in ("events", "stats"):
            self.run_(command, "--db", "nowhere.db", status=1)
            self.assertIn("analyze", self.err)
            self.assertFalse(os.path.exists(self.path("nowhere.db")))

    def test_views_for_the_shell(self):
        with sqlite3.connect(self.path("wsclose.db")) as db:
            self.assertEqual(sorted(r[0] for r in db.execute("SELECT close_code FROM closures_by_code")), [1000, 1006, 4001])
            self.assertEqual(db.execute("SELECT hour, closures, abnormal FROM closures_by_hour").fetchall(), [("2026-01-02T03:00Z", 3, 1)])
            self.assertEqual(db.execute("SELECT count(*) FROM closures").fetchone(), (3,))


class Output(Case):
    def test_a_reader_that_leaves_is_no_failure(self):
        f = self.write("many.pcap", self.capture(sessions=400).pcap())
        p = subprocess.Popen([WSCLOSE, "analyze", "--format", "ndjson", "--db", self.path("m.db"), f], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdout.readline()
        p.stdout.close()
        err = p.stderr.read().decode()
        p.stderr.close()
        self.assertEqual(p.wait(30), 0, err)
        self.assertEqual(sqlite3.connect(self.path("m.db")).execute("SELECT count(*) FROM connections").fetchone(), (400,))

    def test_hostile_text(self):
        # Each is a Close reason; the first is legal UTF-8 that a terminal must not get as it is.
        reasons = ["\x1b]0;owned\x07\x1b[2J", "a\u202eb", "new\nline", "=1+1", "\"quoted\", comma", "nul\0byte", "日本語"]
        c = pcapgen.Capture()
        for i, r in enumerate(reasons):
            pcapgen.clean_session(c, 4000, r.encode(), port=41000 + i)
        f = self.write("h.pcap", c.pcap())
        rows = self.records("analyze", f)
        self.assertEqual([r["server_close"]["reason"] for r in rows], reasons)
        self.assertEqual([r["reason"].replace("\ufffd", "\0") for r in rows], reasons)
        table = self.run_("events", env={"LC_ALL": "C.UTF-8"})
        for bad in ("\x1b", "\u202e", "\0", "\x07"):
            self.assertNotIn(bad, table)
        self.assertEqual(len(table.splitlines()), len(reasons) + 1)
        self.assertIn("日本語", table)
        cells = [row["reason"] for row in csv.DictReader(io.StringIO(self.run_("events", "--format", "csv"), newline=""))]
        self.assertEqual(cells[3], "'=1+1")
        self.assertEqual(cells[4], reasons[4])

    def test_invalid_utf8_is_replaced_not_lost(self):
        c = pcapgen.Capture()
        pcapgen.clean_session(c, 4000, b"bad \xff\xfe end")
        (r,) = self.records("analyze", self.write("u.pcap", c.pcap()))
        self.assertEqual(r["reason"], "bad \ufffd\ufffd end")
        self.assertEqual({v["rule"] for v in r["violations"]}, {"close-reason-not-utf8"})

    def test_no_secret_is_kept(self):
        f = self.write("s.pcap", self.capture().pcap())
        out = self.run_("analyze", f) + self.err
        for fmt in ("ndjson", "csv"):
            out += self.run_("events", "--format", fmt)
        out += self.read(self.path("wsclose.db")).decode("latin-1")
        for secret in ("secret-in-query", "secret-in-cookie", "secret-in-authorization", "secret-in-payload"):
            self.assertNotIn(secret, out)
        (r,) = self.records("analyze", "--keep-query", f)
        self.assertEqual(r["path"], "/chat?token=secret-in-query")

    def test_on_a_terminal(self):
        f = self.write("t.pcap", self.capture(sessions=3).pcap())
        for columns in (40, 80, 200):
            text = self.on_terminal(["analyze", "--db", "none", "-q", f], columns, {})
            self.assertIn("\x1b[", text)
            plain = self.on_terminal(["analyze", "--db", "none", "-q", f], columns, {"NO_COLOR": "1"})
            self.assertNotIn("\x1b[", plain)
            for line in plain.splitlines():
                self.assertLessEqual(len(line), columns)
        self.assertNotIn("\x1b[", self.run_("analyze", "--db", "none", f))

    def on_terminal(self, args, columns, env):
        import fcntl, struct, termios
        pid, fd = pty.fork()
        if pid == 0:
            os.environ.update({"PAGER": "cat", "LC_ALL": "C.UTF-8", "TERM": "xterm", **env})
            if "NO_COLOR" not in env:
                os.environ.pop("NO_COLOR", None)
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.execv(WSCLOSE, [WSCLOSE, *args])
        out = b""
        while True:
            try:
                got = os.read(fd, 65536)
            except OSError:
                break
            if not got:
                break
            out += got
        os.waitpid(pid, 0)
        return out.decode()


if __name__ == "__main__":
    unittest.main()
