"""What --metrics serves."""
import contextlib, http.client, os, re, socket, subprocess, time

from case import NOBODY, WSCLOSE, Case, ask
from lab import until

PORT = 9105
NAME, LABEL = r"[a-zA-Z_:][a-zA-Z0-9_:]*", r'(?:[a-zA-Z_][a-zA-Z0-9_]*)="(?:[^"\\\n]|\\[\\"n])*"'


def unescape(text):
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text)


def parse(text):
    """The exposition format 0.0.4, strictly: {name: {labels: value}}."""
    assert text.endswith("\n"), "the last line has no end"
    kinds, helped, found, at = {}, set(), {}, None
    for line in text[:-1].split("\n"):
        if m := re.fullmatch(rf"# HELP ({NAME}) (.+)", line):
            assert m[1] not in helped, line
            helped.add(m[1])
        elif m := re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge)", line):
            assert m[1] not in kinds and m[1] not in found, line
            kinds[m[1]] = m[2]
        else:
            m = re.fullmatch(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? ([0-9]+(?:\.[0-9]+)?)", line)
            assert m, f"not a sample: {line!r}"
            name = m[1]
            assert name in kinds and name in helped, f"{line!r} before its TYPE and HELP"
            assert name == at or name not in found, f"{name}: lines are not together"
            assert (kinds[name] == "counter") == name.endswith("_total"), line
            at = name
            labels = tuple((k, unescape(v)) for k, v in re.findall(r'([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"', m[2] or ""))
            assert len({k for k, _ in labels}) == len(labels), line
            assert labels not in found.setdefault(name, {}), f"twice: {line}"
            found[name][labels] = float(m[3])
    return found


class Metrics(Case):
    def fetch(self, method="GET", path="/metrics", host="127.0.0.1", body=None):
        with contextlib.closing(http.client.HTTPConnection(host, PORT, timeout=10)) as c:
            c.request(method, path, body)
            r = c.getresponse()
            return r, r.read().decode()

    def metrics(self):
        r, text = self.fetch()
        self.assertEqual((r.status, r.headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        return parse(text)

    def test_equal_to_the_database(self):
        db, lo = os.path.join(self.dir(), "x.db"), ("interface", "lo")
        live = self.live(db, "--metrics", str(PORT), "-f", f"not port {PORT}")
        self.harmless(live, NOBODY)
        a, b, six = self.server(9000), self.server(9001), self.server(9002, "::1")
        for server, codes in ((a, (1000, 1000, 1001, None)), (b, (1000, 4001, None)), (six, (1011,))):
            for code in codes:
                server.one(code)
        c, s = a.open()
        self.assertTrue(until(lambda: self.count(db) == 8))
        time.sleep(1.2)  # two looks
        m = self.metrics()
        rows = ask(db, "SELECT close_code, cause, server, ending, count(*) FROM connections GROUP BY 1, 2, 3, 4")
        want = {(("code", str(code)), ("cause", cause or "none"), ("server", server), ("ending", ending)): n for code, cause, server, ending, n in rows}
        self.assertEqual(m["wsclose_closures_total"], want)
        self.assertEqual(sum(want.values()), 8)
        self.assertIn("[::1]:9002", {dict(k)["server"] for k in want})
        self.assertEqual(m["wsclose_open_connections"], {(): 1})
        self.assertEqual(set(m["wsclose_packets_total"]), {(lo,)})
        self.assertGreater(m["wsclose_packets_total"][(lo,)], 80)
        self.assertEqual(m["wsclose_dropped_packets_total"], {(lo, ("where", w)): 0 for w in ("kernel", "interface", "queue")})
        self.assertLess(m["wsclose_lag_seconds"][()], 5)
        self.assertEqual(m["wsclose_waiting_records"], {(): 0})
        self.assertGreater(m["wsclose_memory_bytes"][()], 0)
        with open(f"/proc/{live.p.pid}/statm") as f:
            resident = int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")
        self.assertAlmostEqual(m["process_resident_memory_bytes"][()] / resident, 1, delta=0.2)
        version = subprocess.run([WSCLOSE, "--version"], capture_output=True, text=True).stdout.split()[1]
        self.assertEqual(m["wsclose_build_info"], {(("version", version),): 1})
        c.close()
        s.close()
        self.assertTrue(until(lambda: sum(self.metrics()["wsclose_closures_total"].values()) == 9))
        self.assertEqual(live.stop(), 0, live.err())
        self.assertGreaterEqual(ask(db, "SELECT packets FROM captures")[0][0], m["wsclose_packets_total"][(lo,)])

    def test_only_that(self):
        live = self.live("none", "--metrics", f"127.0.0.1:{PORT}")
        for method, path, status in (("GET", "/", 404), ("GET", "/metrics/", 404), ("GET", "/../metrics", 404), ("POST", "/metrics", 405),
                                     ("DELETE", "/metrics", 405), ("HEAD", "/metrics", 200), ("GET", "/metrics?x=1", 200)):
            with self.subTest(f"{method} {path}"):
                self.assertEqual(self.fetch(method, path, body="x" * 10 if method == "POST" else None)[0].status, status)
        self.assertEqual(live.stop(), 0, live.err())

    def test_bounded_connections(self):
        """Those who only connect, or send nonsense, stop neither the packets nor, for ever, others."""
        db = os.path.join(self.dir(), "x.db")
        live = self.live(db, "--metrics", str(PORT))
        held = [socket.create_connection(("127.0.0.1", PORT)) for _ in range(40)]
        for s in held[::2]:
            s.settimeout(0.2)
            with contextlib.suppress(OSError):
                s.sendall(b"\x00\xff GET / HTTP/9\r\n" + b"A" * 100000)
        self.server().one()
        self.assertTrue(until(lambda: self.count(db) == 1))
        for s in held:
            s.close()
        self.assertEqual(self.fetch()[0].status, 200)
        self.assertEqual(live.stop(), 0, live.err())

    def test_six(self):
        live = self.live("none", "--metrics", f"[::1]:{PORT}")
        self.assertEqual(self.fetch(host="::1")[0].status, 200)
        self.assertRaises(ConnectionRefusedError, self.fetch)
        self.assertEqual(live.stop(), 0, live.err())

    def test_refused(self):
        with contextlib.closing(socket.create_server(("127.0.0.1", PORT))):
            self.fails(self.live("none", "--metrics", str(PORT), ready=False), f"metrics: cannot listen on {PORT}: Address already in use")
        for word in ("0", "65536", "http://x", "127.0.0.1", "localhost:1", "1.2.3.4:0", "9105x"):
            with self.subTest(word):
                self.fails(self.live("none", "--metrics", word, ready=False), "metrics: expected a port")
