#!/usr/bin/env python3
"""What diagnose finds in populations with planted patterns, and what it must not find without. usage: run.py WSCLOSE"""
import contextlib, glob, json, os, random, shlex, sqlite3, subprocess, sys, tempfile, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
import pcapgen
from population import idle_cut, lifetime, mass, population, proxy_idle_cut, refusals

WSCLOSE = os.path.abspath(sys.argv.pop(1))
SAMPLES = os.path.join(HERE, "..", "..", "..", "samples")


class Case(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.addCleanup(self.tmp.cleanup)

    def run_(self, *args, status=0):
        p = subprocess.run([WSCLOSE, *args], capture_output=True, cwd=self.tmp.name, timeout=120, env={**os.environ, "PAGER": "cat"})
        self.assertEqual(p.returncode, status, (args, p.stderr.decode("utf-8", "replace")))
        self.err = p.stderr.decode("utf-8", "replace")
        return p.stdout.decode()

    def analyze(self, data):
        path = os.path.join(self.tmp.name, "in.pcap")
        with open(path, "wb") as f:
            f.write(data)
        self.run_("analyze", "--format", "none", "--quiet", path)

    def findings(self, *words):
        return [json.loads(line) for line in self.run_("diagnose", "--format", "ndjson", *words).splitlines()]

    def listed(self, finding):
        """The connections that the finding's own line lists, as "client:port"."""
        self.assertEqual(finding["command"].split()[:2], ["wsclose", "events"])
        tools = os.path.join(self.tmp.name, "bin")
        if not os.path.isdir(tools):
            os.mkdir(tools)
            os.symlink(WSCLOSE, os.path.join(tools, "wsclose"))
        p = subprocess.run(["sh", "-c", finding["command"] + " --format ndjson"], capture_output=True, cwd=self.tmp.name, timeout=120, env={**os.environ, "PATH": tools + ":/usr/bin:/bin"})
        self.assertEqual((p.returncode, p.stderr), (0, b""), finding["command"])
        rows = [json.loads(line) for line in p.stdout.splitlines()]
        self.assertEqual(len(rows), finding["count"], finding["command"])
        self.assertLessEqual(set(finding["ids"]), {r["id"] for r in rows}, finding["command"])
        return {r["client"] for r in rows}

    def nothing_found(self):
        out = self.run_("diagnose")
        self.assertEqual(len(out.splitlines()), 1, out)
        self.assertIn("Nothing found", out)
        return out


class Planted(Case):
    def expect(self, plants, truth, strays=0.02):
        """|plants| is [(label, kind, server)]: exactly these are found, and each lists the connections planted."""
        found = self.findings()
        self.assertEqual(sorted((f["kind"], f["filter"].split()[1]) for f in found), sorted((k, s) for _, k, s in plants), json.dumps(found, indent=1))
        for label, kind, server in plants:
            (f,) = [f for f in found if f["kind"] == kind and f["filter"].split()[1] == server]
            listed = self.listed(f)
            self.assertLessEqual(truth[label], listed, f["title"])
            self.assertLessEqual(len(listed - truth[label]), 2 + strays * len(listed), f["title"])
        return found

    def test_three_patterns_in_ten_thousand_connections(self):
        data, truth = population(1, 10000, [idle_cut(), mass(), lifetime()])
        self.analyze(data)
        found = self.expect([("idle", "idle_timeout", "192.0.2.1:8080"), ("mass", "mass_disconnect", "192.0.2.2:443"), ("lifetime", "lifetime_limit", "192.0.2.3:8080")], truth)
        self.assertEqual(found, sorted(found, key=lambda f: -f["score"]))
        self.assertEqual([f["title"].split(":")[0] for f in found if f["kind"] == "idle_timeout"], ["45.03 s of silence, then the server's FIN without a Close"])
        # The user's own words narrow what is looked at, and stay in the line.
        (f,) = self.findings("--server", ":443", "--path", "/chat")
        self.assertEqual(f["kind"], "mass_disconnect")
        self.assertIn("--path /chat", f["command"])
        self.assertLessEqual(truth["mass"], self.listed(f))
        self.assertEqual(len(self.findings("--limit", "2")), 2)
        self.readable(found)

    def readable(self, found):
        out = self.run_("diagnose")
        self.assertNotIn("\033", out)
        for line in out.splitlines():
            self.assertLessEqual(len(line), 80, line)
            self.assertEqual(line, line.rstrip())
        for n, f in enumerate(found, 1):
            self.assertIn(f"{n}. {f['title']}"[:60], out)
        # The line of the table is the command, broken for the eye only.
        lines = [p.split("\n\n")[0] for p in out.split("   wsclose ")[1:]]
        self.assertEqual([shlex.split("wsclose " + line.replace("\\\n", "")) for line in lines], [shlex.split(f["command"]) for f in found])

    def test_few_of_each(self):
        data, truth = population(2, 3000, [idle_cut(count=12, seconds=60), mass(count=25, code=None, within=1.0), lifetime(count=12, code=None)])
        self.analyze(data)
        found = self.expect([("idle", "idle_timeout", "192.0.2.1:8080"), ("mass", "mass_disconnect", "192.0.2.2:443"), ("lifetime", "lifetime_limit", "192.0.2.3:8080")], truth)
        (idle,) = [f for f in found if f["kind"] == "idle_timeout"]
        nginx = [c for c in idle["candidates"] if c["setting"] == "proxy_read_timeout"]
        self.assertEqual([(c["min_ms"], c["verified"]) for c in nginx], [(60000, True)])

    def test_a_proxy_is_told_about_once(self):
        data, truth = population(5, 2000, [proxy_idle_cut(count=40)])
        self.analyze(data)
        (f,) = self.expect([("proxy", "idle_timeout", "192.0.2.1:8080")], truth)
        self.assertIn("of 40 the other leg is on record too (as to 192.0.2.4:443): 40 were ended on both by the hop between them", f["evidence"])

    def test_a_limit_before_many_servers(self):
        data, truth = population(6, 2000, [idle_cut(server=None, count=80)], servers=40)
        self.analyze(data)
        (f,) = self.findings()
        self.assertTrue(f["title"].endswith(" servers"), f["title"])
        self.assertNotIn("--server", f["command"])
        self.assertLessEqual(truth["idle"], self.listed(f))

    def test_clients_back_at_once(self):
        data, truth = population(3, 3000, [mass(count=120, code=None, back=4.0), refusals(count=60, server=2)])
        self.analyze(data)
        found = self.findings()
        self.assertEqual(sorted(f["kind"] for f in found), ["handshake_failures", "mass_disconnect", "reconnect_storm"])
        for f in found:
            label = {"handshake_failures": "refusals", "mass_disconnect": "mass", "reconnect_storm": "mass-back"}[f["kind"]]
            self.assertLessEqual(truth[label], self.listed(f))


class Nothing(Case):
    def test_noise_alone(self):
        data, _ = population(4, 3000)
        self.analyze(data)
        self.assertIn("3000 connections", self.nothing_found())
        self.assertEqual(self.run_("diagnose", "--format", "json"), "[]\n")
        self.assertIn("nothing found in 3000 connections", self.err)

    def test_clean_captures(self):
        c = pcapgen.Capture()
        for i in range(40):
            pcapgen.clean_session(c, port=40000 + i)
        self.analyze(c.pcap())
        self.nothing_found()

    def test_an_empty_store(self):
        self.analyze(pcapgen.Capture().pcap() + b"")
        self.assertIn("0 connections", self.nothing_found())

    def test_samples(self):
        for name in ("close-handshake", "fin", "reset", "open", "message-too-big", "protocol-error", "midstream", "rejected"):
            with self.subTest(name):
                db = name + ".db"
                self.run_("analyze", "--db", db, "--format", "none", "--quiet", glob.glob(os.path.join(SAMPLES, name + ".pcap*"))[0])
                self.assertIn("Nothing found", self.run_("diagnose", "--db", db))


class Hostile(Case):
    def test_names_from_the_network(self):
        """A User-Agent that would turn the line round, break out of quotes or widen the filter."""
        agent = b"evil'; rm -rf \xe2\x80\xae $(x) `y`"
        c = pcapgen.Capture()
        for i in range(5):
            s = pcapgen.Session(c, port=40000 + i)
            s.handshake(headers=b"User-Agent: " + agent + b"\r\n")
            s.send(0, bytes([0xc1]) + pcapgen.frame(1, b"x")[1:])  # a reserved bit
            s.send(0, pcapgen.close(1000))
            s.send(1, pcapgen.close(1000, mask=False))
            s.fin()
        self.analyze(c.pcap())
        (f,) = self.findings()
        self.assertEqual(f["kind"], "violations")
        self.assertEqual(len(self.listed(f)), 5)
        out = self.run_("diagnose")
        self.assertNotIn("\u202e", out)
        self.assertIn("\\u{202e}", out)
        self.assertEqual(shlex.split(f["command"])[-1][:4], "evil")


    def test_a_database_somebody_else_wrote(self):
        """Values that no analyzer writes: diagnose still ends well, and its lines still list what they say."""
        random_ = random.Random(7)
        values = {"INTEGER": [0, -1, 2**63 - 1, -2**63, 65535], "REAL": [0.0, -1.0, 1e300, float("inf"), 9.2e12, 45000.0],
                  "TEXT": ["", "9999-12-31T23:59:59.999999999Z", "2026-01-02T03:04:05.000000000Z", "server", "fin", "[::]:0", "'; --", "A" * 5000],
                  "ANY": ["", b"\xff\x00'", "it's", "*", "A" * 5000, "\x1b[2J", b"\x80" * 600]}
        data, _ = population(9, 300, [idle_cut(count=30), mass(count=30, back=3), lifetime(count=30)])
        self.analyze(data)
        path = os.path.join(self.tmp.name, "wsclose.db")
        with open(path, "rb") as f:
            good = f.read()
        for _ in range(30):
            with open(path, "wb") as f:
                f.write(good)
            with contextlib.closing(sqlite3.connect(path)) as db:
                columns = [(r[1], r[2]) for r in db.execute("PRAGMA table_info(connections)") if r[1] not in ("id", "capture_id", "first_capture_id")]
                for _ in range(random_.randrange(1, 10)):
                    name, kind = random_.choice(columns)
                    with contextlib.suppress(sqlite3.IntegrityError):
                        db.execute(f"UPDATE connections SET {name} = ? WHERE id % ? = 0", (random_.choice(values[kind]), random_.choice((1, 2, 10))))
                db.commit()
            self.assertNotIn("\x1b", self.run_("diagnose"))


class Usage(Case):
    def test_wrong_usage(self):
        self.run_("diagnose", "--format", "csv", status=2)
        self.run_("diagnose", "operand", status=2)
        self.run_("diagnose", "--db", "missing.db", status=1)


if __name__ == "__main__":
    unittest.main()
