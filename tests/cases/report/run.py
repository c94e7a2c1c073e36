#!/usr/bin/env python3
"""The page of `wsclose report`: every number in it against SQL over the same store, its rows against the rows of the store, its
markup against text that hopes to be markup. usage: run.py WSCLOSE"""
import base64, bisect, collections, datetime, glob, hashlib, html.parser, importlib.util, json, os, re, sqlite3, subprocess, sys, tempfile, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
import page
from population import idle_cut, mass, population, proxy_idle_cut, refusals

WSCLOSE = os.path.abspath(sys.argv.pop(1))
spec = importlib.util.spec_from_file_location("hostile", os.path.join(HERE, "..", "hostile", "run.py"))
hostile = importlib.util.module_from_spec(spec)
sys.argv.insert(1, WSCLOSE)  # which it takes
spec.loader.exec_module(hostile)

VOID = {"meta", "link", "br", "hr", "img", "input", "col", "wbr"}
BAD = ("handshake_failed", "closed")


def ms(text):
    """The time of a column in milliseconds, exactly, as a fraction of nanoseconds."""
    t = datetime.datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return int(t.timestamp()) * 1000 + int(text[20:29]) / 1e6


def ns(text):
    t = datetime.datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return int(t.timestamp()) * 10**9 + int(text[20:29])


def whole(value_ns):
    """In whole milliseconds, cut."""
    return value_ns // 1000000


class Markup(html.parser.HTMLParser):
    """Elements that close in order, and what is in them."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.scripts, self.styles, self.text = [], collections.Counter(), [], [], [], []
        self.policy = None
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, k, v) for k, v in attrs]
        if tag == "meta" and dict(attrs).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attrs)["content"]
        if tag not in VOID and not any(s in ("svg",) for s in self.open):
            self.open.append(tag)
            if tag == "script":
                self.scripts.append((dict(attrs), ""))
            if tag == "style":
                self.styles.append("")

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.open and self.open[-1] == tag, (tag, self.open, self.getpos())
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif self.open and self.open[-1] == "style":
            self.styles[-1] += data
        else:
            self.text.append(data)


class Case(unittest.TestCase):
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory()
        cls.dir = cls.tmp.name

    @classmethod
    def tearDownClass(cls):
        cls.tmp.cleanup()

    def path(self, name):
        return os.path.join(self.dir, name)

    def run_(self, *args, status=0, stdin=b"", cwd=None):
        p = subprocess.run([WSCLOSE, *args], capture_output=True, cwd=cwd or self.dir, timeout=300, input=stdin)
        self.err = p.stderr.decode("utf-8", "replace")
        self.assertEqual(p.returncode, status, (args, self.err))
        return p.stdout

    def report(self, *args, name="page.html"):
        out = self.path(name)
        if os.path.exists(out):
            os.unlink(out)
        self.run_("report", "-o", out, *args)
        return page.read(out)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    # ---- the counts, once more, by SQL and in Python ----

    def check_counts(self, p, db, where="1"):
        s = p.summary
        sql = sqlite3.connect("file:%s?mode=ro" % db, uri=True)
        sql.text_factory = lambda b: b.decode("utf-8", "replace")
        one = lambda q: sql.execute(q.replace("connections", "(SELECT * FROM connections WHERE %s)" % where)).fetchone()[0]
        all_ = lambda q: sql.execute(q.replace("connections", "(SELECT * FROM connections WHERE %s)" % where)).fetchall()
        self.assertEqual(s["records"], one("SELECT count(*) FROM connections"))
        self.assertEqual(s["outcomes"], {"closed": 0, "open": 0, "handshake_failed": 0, "unknown": 0, **dict(all_("SELECT outcome, count(*) FROM connections GROUP BY 1"))})
        self.assertEqual(s["abnormal"], one("SELECT count(*) FROM connections WHERE outcome='closed' AND close_code=1006 AND code_source='inferred'"))
        self.check_codes(s, all_)
        self.check_times(s, all_)
        self.check_lengths(s, all_)
        self.check_servers(s, all_)
        self.check_paths(s, all_)
        sql.close()

    def by(self, rows):
        """{key: {side: n}} of rows that end with side and n."""
        out = collections.defaultdict(lambda: dict.fromkeys(("client", "server", "both", "nobody"), 0))
        for *key, side, n in rows:
            out[tuple(key)][side or "nobody"] += n
        return dict(out)

    def check_codes(self, s, all_):
        key = "close_code, CASE WHEN close_code IS NULL THEN outcome ELSE code_source END"
        want = self.by(all_(f"SELECT {key}, closed_by, count(*) FROM connections GROUP BY 1, 2, 3"))
        self.assertEqual({(c["code"], c["source"]): c["by"] for c in s["codes"]}, want)
        self.assertEqual([c["count"] for c in s["codes"]], sorted((sum(v.values()) for v in want.values()), reverse=True))
        want = self.by(all_("SELECT ending, closed_by, count(*) FROM connections GROUP BY 1, 2"))
        self.assertEqual({(e["ending"],): e["by"] for e in s["endings"]}, want)
        self.assertTrue(all(e["count"] == sum(e["by"].values()) for e in s["endings"] + s["codes"]))
        self.assertEqual({c["cause"]: c["count"] for c in s["causes"]}, dict(all_("SELECT cause, count(*) FROM connections GROUP BY 1")))

    def bin(self, s, text):
        t = s["time"]
        return max(0, min(t["n"] - 1, int((ns(text) - t["from"] * 10**6) // (t["step"] * 10**6))))

    def check_times(self, s, all_):
        rows = all_("SELECT coalesce(ended, last_seen), started, close_code, CASE WHEN close_code IS NULL THEN outcome ELSE code_source END FROM connections")
        t = s["time"]
        if not rows:
            self.assertEqual((t["n"], s["first"], s["last"]), (0, None, None))
            return
        self.assertAlmostEqual(s["first"], min(ms(r[1] or r[0]) for r in rows), delta=0.001)
        self.assertAlmostEqual(s["last"], max(ms(r[0]) for r in rows), delta=0.001)
        self.assertLessEqual(t["n"], 240)
        self.assertEqual(t["from"] * 1000 % (t["step"] * 1000), 0)
        self.assertLess(s["last"], t["from"] + t["n"] * t["step"])
        want = collections.defaultdict(lambda: [0] * t["n"])
        named = [(c["code"], c["source"]) for c in s["codes"] if c["source"] != "open"][:8]
        for at, _, code, source in [r for r in rows if r[3] != "open"]:
            want[(code, source) if (code, source) in named else ("other", None)][self.bin(s, at)] += 1
        self.assertEqual({(c["code"], c["source"]): c["counts"] for c in s["over_time"]}, dict(want))

    def check_lengths(self, s, all_):
        cells = collections.Counter()
        for at, idle in all_("SELECT coalesce(ended, last_seen), idle_ms_any FROM connections WHERE outcome='closed' AND idle_ms_any IS NOT NULL"):
            cells[self.bin(s, at), self.edge_bin(s["idle"]["edges"], idle)] += 1
        self.assertEqual({(a, b): n for a, b, n in s["idle"]["cells"]}, dict(cells))
        edges = s["age"]["edges"]
        want = {False: [0] * max(0, len(edges) - 1), True: [0] * max(0, len(edges) - 1)}
        for bad, age in all_("SELECT close_code IS 1006 AND code_source IS 'inferred', duration_ms FROM connections WHERE outcome='closed' AND duration_ms IS NOT NULL"):
            want[bool(bad)][self.edge_bin(edges, age)] += 1
        self.assertEqual((s["age"]["normal"], s["age"]["abnormal"]), (want[False], want[True]))
        for e in (edges, s["idle"]["edges"]):
            self.assertEqual(e, sorted(e))

    def edge_bin(self, edges, value):
        return max(0, min(len(edges) - 2, bisect.bisect_right(edges, value) - 1))

    def check_servers(self, s, all_):
        n = s["time"]["n"]
        rows = all_("SELECT server, outcome, ending, coalesce(established, started), coalesce(ended, last_seen) FROM connections")
        count = collections.Counter(r[0] for r in rows)
        named = [x["server"] for x in s["servers"] if x["server"] is not None]
        self.assertEqual(len(named), min(12, len([k for k in count if k is not None])))
        self.assertEqual([x["count"] for x in s["servers"] if x["server"] is not None], sorted((count[k] for k in named), reverse=True))
        self.assertGreaterEqual(min((count[k] for k in named), default=0), max((c for k, c in count.items() if k not in named and k is not None), default=0))
        self.assertEqual(sum(x["count"] for x in s["servers"]), s["records"])
        starts = [(s["time"]["from"] + i * s["time"]["step"]) * 10**6 for i in range(n)]
        for x in s["servers"]:
            own = [r for r in rows if (r[0] == x["server"] if x["server"] is not None else r[0] not in named)]
            self.assertEqual(x["count"], len(own))
            ends = collections.defaultdict(lambda: [0] * n)
            opens = [0] * (n + 1)
            for _, outcome, ending, start, end in own:
                if outcome != "open":
                    ends[ending][self.bin(s, end)] += 1
                if outcome != "handshake_failed" and start is not None:
                    a, b = (bisect.bisect_left(starts, ns(t)) for t in (start, end))
                    if a < b:
                        opens[a] += 1
                        opens[b] -= 1
            self.assertEqual(x["ends"], dict(ends), x["server"])
            for i in range(1, n):
                opens[i] += opens[i - 1]
            self.assertEqual(x["open"], opens[:n], x["server"])

    def check_paths(self, s, all_):
        rows = all_("SELECT server, host, path, close_code, CASE WHEN close_code IS NULL THEN outcome ELSE code_source END FROM connections")
        count = collections.Counter(r[:3] for r in rows)
        named = [p for p in s["paths"] if p["server"] is not None]
        self.assertEqual(sum(p["count"] for p in s["paths"]), s["records"])
        self.assertEqual([p["count"] for p in named], sorted((p["count"] for p in named), reverse=True))
        for p in named:
            key = p["server"], p["host"], p["path"]
            if any("\\" in (k or "") or "..." in (k or "") or "�" in (k or "") for k in key):
                continue  # made visible: not as it is in the store
            self.assertEqual(p["count"], count[key])
            want = collections.Counter((r[3], r[4]) for r in rows if r[:3] == key)
            self.assertEqual({(s["codes"][i]["code"], s["codes"][i]["source"]): n for i, n in p["codes"]}, dict(want), key)

    # ---- the rows ----

    def check_rows(self, p, db, plain=True):
        sql = sqlite3.connect("file:%s?mode=ro" % db, uri=True)
        sql.row_factory = sqlite3.Row
        sql.text_factory = lambda b: b.decode("utf-8", "replace")
        self.assertEqual(p.packed["n"], len(p.rows))
        self.assertEqual(p.packed["of"], p.summary["records"])
        self.assertTrue(all(len(c) == p.packed["n"] for c in p.packed["columns"].values()))
        self.assertEqual(len({r["id"] for r in p.rows}), len(p.rows))
        self.assertEqual([r["at"] for r in p.rows], sorted(r["at"] for r in p.rows))
        for r in p.rows[::max(1, len(p.rows) // 400)]:
            self.check_row(sql, r, plain)
        sql.close()

    def check_row(self, sql, r, plain):
        c = sql.execute("SELECT c.*, p.name AS capture FROM connections c JOIN captures p ON p.id = c.capture_id WHERE c.id = ?", (r["id"],)).fetchone()
        self.assertIsNotNone(c, r["id"])
        at = ns(c["ended"] or c["last_seen"])
        self.assertEqual(r["at"], whole(at))
        self.assertEqual((r["client"], r["status"], r["last_packet"], r["first_packet"], r["tcp_end_packet"]),
                         (c["client"], c["handshake_status"], c["last_packet"], c["first_packet"], c["tcp_end_packet"]))
        for k, column in (("age", "duration_ms"), ("idle", "idle_ms_any"), ("rtt", "last_rtt_ms")):
            if c[column] is None:
                self.assertIsNone(r[k], (k, r["id"]))
            else:
                self.assertTrue(-0.00051 <= c[column] - r[k] < 0.001001, (k, r[k], c[column]))
        if c["started"] is None:
            self.assertIsNone(r["started"])
        else:
            self.assertEqual(r["started"], whole(ns(c["started"])))
        for k in ("messages", "bytes", "pings", "pongs", "last_message"):
            self.assertEqual(r[k], [c[k + "_client"], c[k + "_server"]])
        self.assertEqual(r["missing"], [c["missing_bytes_client"], c["missing_bytes_server"]])
        v = r["verdict"]
        words = "outcome ending close_code code_source closed_by cause confidence tcp_end tcp_end_by server http scheme tls_version".split()
        texts = "reason software sni host path subprotocol extensions user_agent origin server_software app".split()
        for k in words + (texts if plain else []):
            self.assertEqual(v[k], c[k], (k, r["id"]))
        self.assertEqual(v["midstream"], bool(c["midstream"]))
        for side in ("client", "server"):
            saw = v[side + "_saw"]
            self.assertEqual(saw and saw["code"], c[side + "_saw_code"])
            if saw:
                self.assertEqual(saw["clean"], None if c[side + "_saw_clean"] is None else bool(c[side + "_saw_clean"]))
        self.assertEqual(v["app_code"] and v["app_code"]["name"], c["app_code_name"])
        self.check_children(sql, r, plain)

    def check_children(self, sql, r, plain):
        for k, sender in (("close_c", "client"), ("close_s", "server")):
            f = sql.execute("SELECT * FROM close_frames WHERE connection_id = ? AND sender = ?", (r["id"], sender)).fetchone()
            self.assertEqual(f is None, r[k] is None)
            if f is not None:
                self.assertEqual((r[k]["code"], r[k]["packet"], r[k]["valid"], r[k]["at"]), (f["code"], f["packet"], bool(f["valid"]), whole(ns(f["at"]))))
                if plain:
                    self.assertEqual(r[k]["reason"], f["reason"])
        evidence = [tuple(e) for e in sql.execute("SELECT sentence, other_id FROM evidence WHERE connection_id = ? ORDER BY n", (r["id"],))]
        if plain:
            self.assertEqual(r["evidence"], [e[0] for e in evidence])
        self.assertEqual(len(r["evidence"]), len(evidence))
        self.assertEqual(set(r["legs"] or []), {e[1] for e in evidence if e[1] is not None})
        self.assertEqual(r["violations"], [dict(v) for v in sql.execute("SELECT by, rule, packet FROM violations WHERE connection_id = ? ORDER BY n", (r["id"],))])

    # ---- the markup ----

    def check_markup(self, p):
        m = Markup(p.html)
        digest = lambda text: "'sha256-%s'" % base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        script = [text for attrs, text in m.scripts if not attrs]
        self.assertEqual((len(script), len(m.styles), len(m.scripts)), (1, 1, 3))
        self.assertEqual(m.policy, "default-src 'none'; style-src %s; script-src %s; base-uri 'none'; form-action 'none'" % (digest(m.styles[0]), digest(script[0])))
        for tag, k, v in m.attributes:
            self.assertFalse(k.startswith("on") or k == "style", (tag, k, v))
            self.assertFalse(k in ("src", "href", "action", "srcset", "data") and not (v or "").startswith("#"), (tag, k, v))
        for tag in ("iframe", "object", "embed", "base", "form", "img", "link"):
            self.assertEqual(m.tags[tag], 0, tag)
        self.assertNotRegex(page.SUMMARY.search(p.html).group(1), "[<>&\u2028\u2029]")
        return m


class Samples(Case):
    def setUp(self):
        self.db = self.path("samples.db")
        for f in sorted(glob.glob(os.path.join(ROOT, "samples", "*.pcap"))) if not os.path.exists(self.db) else []:
            self.run_("analyze", "--quiet", "--format", "none", "--db", self.db, f)

    def test_samples(self):
        p = self.report("--db", self.db)
        self.check_counts(p, self.db)
        self.check_rows(p, self.db)
        self.assertTrue(any(r["legs"] for r in p.rows))
        m = self.check_markup(p)
        self.assertEqual((p.summary["database"], p.summary["filter"], p.summary["notes"]), (self.db, "", []))
        self.assertEqual(len(p.summary["source"]), 6)
        for sentence in p.summary["answer"]:
            self.assertIn(sentence, "".join(m.text))
        self.assertTrue(1 <= len(p.summary["answer"]) <= 3)

    def test_filter(self):
        p = self.report("--db", self.db, "--outcome", "closed", "--code", "1006")
        self.check_counts(p, self.db, "outcome = 'closed' AND close_code = 1006")
        self.check_rows(p, self.db)
        self.assertEqual(p.summary["filter"], "--code 1006 --outcome closed")
        p = self.report("--db", self.db, "--host", "nobody.example")
        self.check_counts(p, self.db, "0")
        self.check_markup(p)
        self.assertEqual((p.rows, p.summary["answer"]), ([], ["No connection on record passes the filter."]))

    def test_numbers_in_the_html(self):
        """What is read without the script says the same."""
        p = self.report("--db", self.db)
        numbers = dict(re.findall(r"<div[^>]*><dt>([^<]*)</dt><dd>([\d,]+)</dd></div>", p.html))
        self.assertEqual(numbers["connections"], str(p.summary["records"]))
        self.assertEqual(numbers["of these without a Close frame (1006)"], str(p.summary["abnormal"]))
        codes = re.search(r'<table id="codes">.*?</table>', p.html, re.S).group()
        counts = [[int(n.replace(",", "")) for n in re.findall(r'<td class="num">([\d,]+)</td>', row)] for row in codes.split("<tr>")[2:]]
        self.assertEqual(counts, [[c["count"], *(c["by"][k] for k in ("client", "server", "both", "nobody"))] for c in p.summary["codes"]])

    def test_each_alone(self):
        """Each sample's page: one record, mostly, and an answer that speaks of it."""
        for f in sorted(glob.glob(os.path.join(ROOT, "samples", "*.pcap"))):
            db = self.path(os.path.basename(f) + ".db")
            self.run_("analyze", "--quiet", "--format", "none", "--db", db, f)
            p = self.report("--db", db)
            self.check_counts(p, db)
            self.check_rows(p, db)
            self.check_markup(p)
            answer = " ".join(p.summary["answer"])
            self.assertTrue(answer)
            if p.summary["records"] == p.summary["outcomes"]["unknown"]:
                self.assertIn("cannot be told", answer)
            self.assertNotRegex(answer, r"\b(guilty|fault|blame|culprit)\b")

    def test_files(self):
        """What is there already is not overwritten, but for a page."""
        out = self.path("there.html")
        self.write("there.html", b"mine")
        self.run_("report", "--db", self.db, "-o", out, status=1)
        self.assertIn("is there already", self.err)
        self.run_("report", "--db", self.db, "-o", out, "--force")
        self.run_("report", "--db", self.db, "-o", out)  # now it is a page
        self.assertGreater(os.path.getsize(out), 1000)
        content = lambda: hashlib.sha256(page.content(self.db)).digest()
        before = content()
        self.run_("report", "--db", self.db, "-o", self.db, "--force", status=1)
        self.assertEqual(content(), before)
        self.assertEqual(self.run_("report", "--db", self.db)[:15], b"<!doctype html>")
        self.assertEqual(self.run_("report", "--db", self.db, "-o", "-")[:15], b"<!doctype html>")
        self.run_("report", "--db", self.path("none.db"), "-o", self.path("new.html"), status=1)
        self.run_("report", "--db", self.db, "-o", self.path("no/such/folder.html"), status=1)
        self.assertFalse(os.path.exists(self.path("new.html")))
        self.assertEqual([f for f in os.listdir(self.dir) if f.startswith("there.html.")], [])
        self.run_("report", "--db", self.db, "-o", out, "--rows", "200001", status=2)

    def test_captures(self):
        """Straight from captures: the same page as from a database of them, and no database."""
        files = [os.path.abspath(os.path.join(ROOT, "samples", f)) for f in ("proxy-idle.pcap", "fin.pcap")]
        one, db = self.path("captures.html"), self.path("two.db")
        self.run_("report", "-o", one, *files, "--code", "1006")
        self.run_("analyze", "--quiet", "--format", "none", "--db", db, *files)
        a, b = page.read(one), self.report("--db", db, "--code", "1006")
        self.check_counts(a, db, "close_code = 1006")
        self.check_rows(a, db)
        self.assertIsNone(a.summary["database"])
        for p in a, b:
            for k in ("database", "made"):
                del p.summary[k]
            for f in p.summary["findings"]:
                del f["command"]
        self.assertEqual((a.summary, a.packed), (b.summary, b.packed))
        self.assertFalse(os.path.exists(self.path("wsclose.db")))
        with open(files[1], "rb") as f:
            piped = self.run_("report", "-", stdin=f.read())
        self.assertIn(b"1006", piped)
        copy = self.write("copy.pcap", page.content(files[1]))
        for args, status in ((["report", copy, "-o", copy, "--force"], 1), (["report", copy, "--db", db, "-o", one], 2), (["report", "--keylog", "k", "-o", one], 2),
                             (["report", "--filter", "tcp", "-o", one], 2), (["report", self.path("none.pcap"), "-o", self.path("no.html")], 1)):
            self.run_(*args, status=status)
        self.assertEqual(page.content(copy), page.content(files[1]))
        self.write("cut.pcap", page.content(files[0])[:-20])
        self.run_("report", "cut.pcap", "-o", self.path("cut.html"), status=3)
        self.assertGreater(os.path.getsize(self.path("cut.html")), 1000)
        self.assertEqual([f for f in os.listdir(self.dir) if re.search(r"\.html\.", f)], [])

    def test_command_lists(self):
        """Where a page was made from captures, a finding's command lists its connections from them."""
        c = self.write("many.pcap", population(5, 400, [idle_cut(count=60, seconds=60.0)])[0])
        self.run_("report", c, "-o", self.path("many.html"), "--quiet")
        self.assertEqual(self.err, "")
        p = page.read(self.path("many.html"))
        self.assertTrue(p.summary["findings"])
        for f in p.summary["findings"]:
            self.assertIn(f["command"].replace("'", "&#39;"), p.html)
            out = subprocess.run(["sh", "-c", 'wsclose() { "$0" "$@"; }; '.replace("$0", WSCLOSE) + f["command"] + " --format ndjson --quiet"], capture_output=True, cwd=self.dir)
            self.assertEqual(len(out.stdout.splitlines()), f["count"], (f["command"], out.stderr))

    def test_same_twice(self):
        made = re.compile(r'"made":[0-9.]+|<dt>made</dt>.*?</dd>', re.S)
        a, b = (made.sub("", self.report("--db", self.db).html) for _ in range(2))
        self.assertEqual(a, b)


class Population(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.db = os.path.join(cls.dir, "population.db")
        data, cls.truth = population(11, 3000, [idle_cut(count=300, seconds=60.0), mass(count=200), proxy_idle_cut(count=20), refusals(count=150)], servers=15)
        with open(os.path.join(cls.dir, "p.pcap"), "wb") as f:
            f.write(data)
        subprocess.run([WSCLOSE, "analyze", "--quiet", "--format", "none", "--db", cls.db, "p.pcap"], check=True, cwd=cls.dir)

    def test_whole(self):
        p = self.report("--db", self.db)
        self.check_counts(p, self.db)
        self.check_rows(p, self.db)
        self.check_markup(p)
        self.assertEqual(len(p.rows), p.summary["records"])
        found = [json.loads(line) for line in self.run_("diagnose", "--db", self.db, "--format", "ndjson").splitlines()]
        self.assertEqual(p.summary["findings"], found)
        self.assertEqual(len(re.findall('<li class="finding"', p.html)), len(found))

    def test_answer(self):
        """Planted: 300 silences of 60 s at one server, which a documented limit fits."""
        answer = self.report("--db", self.db).summary["answer"]
        said = re.match(r"(\d+) of (\d+) abnormal closures on /chat fit an idle limit of 60 s at 192\.0\.2\.1:8080; ", answer[0])
        self.assertIsNotNone(said, answer)
        self.assertTrue(320 <= int(said.group(1)) <= 325, answer)  # with the proxied ones
        abnormal = sqlite3.connect(self.db).execute("SELECT count(*) FROM connections WHERE path='/chat' AND outcome='closed' AND close_code=1006").fetchone()[0]
        self.assertEqual(int(said.group(2)), abnormal)
        self.assertIn("60 s is the documented limit of ", answer[0])
        limits = self.report("--db", self.db).summary["idle"]["limits"]
        self.assertIn(60000, [x["ms"] for x in limits])

    def test_part_of_the_rows(self):
        p = self.report("--db", self.db, "--rows", "500")
        self.check_counts(p, self.db)
        self.check_rows(p, self.db)
        self.assertEqual((p.packed["n"], p.packed["of"]), (500, p.summary["records"]))
        self.assertEqual(len(p.summary["notes"]), 1)
        self.assertIn("500 of {:,}".format(p.summary["records"]), p.summary["notes"][0])
        well = lambda r: r["verdict"]["outcome"] in ("open", "unknown") or (r["verdict"]["outcome"] == "closed" and r["verdict"]["close_code"] in (1000, 1001, 1005))
        self.assertEqual([r["id"] for r in p.rows if well(r)], [])  # more than 500 did not end well
        ids = sorted(r["at"] for r in p.rows)
        self.assertGreater(ids[-1] - ids[0], 2 * 3600 * 1000)  # over all of the time
        p = self.report("--db", self.db, "--rows", "2500")
        sql = sqlite3.connect(self.db)
        bad = {r[0] for r in sql.execute("SELECT id FROM connections WHERE outcome='handshake_failed' OR (outcome='closed' AND (close_code IS NULL OR close_code NOT IN (1000, 1001, 1005)))")}
        self.assertLess(len(bad), 2500)
        self.assertLessEqual(bad, {r["id"] for r in p.rows})
        self.assertEqual(len(p.rows), 2500)
        p = self.report("--db", self.db, "--since", "2026-01-02T04:00:00Z", "--until", "2026-01-02T05:00:00Z")
        self.check_counts(p, self.db, "sort_time >= '2026-01-02T04:00:00.000000000Z' AND sort_time < '2026-01-02T05:00:00.000000000Z'")
        self.assertEqual(p.summary["time"]["from"], ms("2026-01-02T04:00:00.000000000Z"))

    def test_size(self):
        """10,000 closures with all that is known of them are under 1 MB."""
        db, data = self.path("10k.db"), population(3, 10000, [idle_cut(), mass()])[0]
        self.write("10k.pcap", data)
        self.run_("analyze", "--quiet", "--format", "none", "--db", db, "10k.pcap")
        p = self.report("--db", db)
        self.assertEqual((len(p.rows), p.summary["notes"]), (10000, []))
        self.assertLess(len(p.bytes), 1000000)
        print("10,000 connections: %d bytes" % len(p.bytes), file=sys.stderr)
        self.check_counts(p, db)
        self.check_rows(p, db)


class Hostile(Case):
    def test_texts(self):
        db = self.path("hostile.db")
        self.write("h.pcap", hostile.capture().pcap())
        self.run_("analyze", "--quiet", "--encrypted", "--format", "none", "--db", db, "h.pcap")
        usual = self.report("--db", db, "--host", "nobody.example").html
        p = self.report("--db", db)
        m = self.check_markup(p)
        self.check_counts(p, db)
        self.check_rows(p, db, plain=False)
        self.assertLessEqual(set(m.tags), {*Markup(usual).tags, "table", "caption", "thead", "tbody", "tr", "th", "td", "time", "ol", "li", "ul", "h3", "code", "small"})
        everything = [p.html, json.dumps(p.summary, ensure_ascii=False), json.dumps(p.packed, ensure_ascii=False)]
        strings = []
        collect(p.summary, strings), collect(p.packed, strings)
        for s in strings:
            self.assertIsNone(hostile.HIDDEN.search(s), ascii(s))
        self.assertIsNone(hostile.HIDDEN.search(p.html.replace("\n", "")))
        self.assertIn("\\u{202e}", "".join(strings))
        self.assertGreater(len(everything[2]), 10000)
        reasons = {r["verdict"]["reason"] for r in p.rows}
        self.assertTrue(any("<script>" in (x or "") for x in reasons), sorted(map(ascii, reasons)))


def collect(v, out):
    if isinstance(v, str):
        out.append(v)
    elif isinstance(v, (list, dict)):
        for x in v.values() if isinstance(v, dict) else v:
            collect(x, out)


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=1)
