#!/usr/bin/env python3
"""The page of `wsclose report` in headless Chromium: what it shows against SQL over the same store, and what it must not do. usage: run.py WSCLOSE [DIR for images]"""
import json, os, re, sqlite3, subprocess, sys, tempfile, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "hostile"), os.path.join(HERE, "..", "..", "support")]
import devtools
from pcapgen import Capture, Session, close
from population import idle_cut, lifetime, mass, population, proxy_idle_cut, refusals
from texts import BREAKS, NULS, TEXTS, shown

if not devtools.program():
    print("skipped: no chromium (Debian package chromium)")
    sys.exit(77)

WSCLOSE = os.path.abspath(sys.argv.pop(1))
IMAGES = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]) else None
ROWS = "coalesce(ended, last_seen)"
SENTINEL = "window.__hacked=1"
ATTACKS = {
    "script": f"<script>{SENTINEL}</script>", "end of script": f"</script><script>{SENTINEL}</script>", "image": f"<img src=x onerror={SENTINEL}>",
    "end of style": f"</style><svg onload={SENTINEL}>", "comment": f"--><script>{SENTINEL}</script><!--", "attribute": f"\" onmouseover=\"{SENTINEL}\" x=\"",
    "single": f"' autofocus onfocus='{SENTINEL}", "address": f"javascript:{SENTINEL}", "template": "${%s}{{%s}}" % (SENTINEL, SENTINEL), "entity": "&lt;b&gt;&#60;b&#62;",
    "mark": "@SUMMARY@ @ROWS@ @SCRIPT@", "json": "\"}],\"n\":0}", "key": "__proto__", "end": "</p></li></section></main></body></html>", "number": "{} {} 1{}2",
}


def run(*args):
    p = subprocess.run([WSCLOSE, *args], capture_output=True, timeout=300, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert p.returncode == 0, (args, p.returncode, p.stderr)
    return p.stdout


def natural(text):
    return None if text is None else [(0, int(t)) if t.isdigit() else (1, t.lower()) for t in re.split(r"(\d+)", text) if t]


class Store:
    def __init__(self, folder, name):
        self.db, self.html = os.path.join(folder, name + ".db"), os.path.join(folder, name + ".html")

    def read(self, pcap):
        path = self.db + ".pcap"
        with open(path, "wb") as f:
            f.write(pcap)
        run("analyze", "--db", self.db, "--format", "none", path)
        os.remove(path)
        return self

    def empty(self):
        """As if nothing had been found."""
        with sqlite3.connect(self.db) as c:
            c.execute("DELETE FROM connections")
        return self

    def grow(self, times):
        """The same connections again and again, each a little later."""
        with sqlite3.connect(self.db) as c:
            columns = [r[1] for r in c.execute("PRAGMA table_info(connections)")]
            n, = c.execute("SELECT max(id) FROM connections").fetchone()
            value = {"id": f"id + {n} * k", "stream_id": "stream_id + 10 * k", "key": "NULL"}
            c.execute("WITH RECURSIVE t(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM t WHERE k < ?) INSERT INTO connections (%s) SELECT %s FROM connections, t" %
                      (", ".join(columns), ", ".join(value.get(x, x) for x in columns)), (times - 1,))
        return self

    def report(self, *args):
        run("report", "--db", self.db, "-o", self.html, *args)
        return self

    def sql(self, query, *args):
        with sqlite3.connect(self.db) as c:
            return c.execute(query, args).fetchall()

    def one(self, query, *args):
        return self.sql(query, *args)[0][0]


def hostile():
    c, port = Capture(), 20000
    texts = [t.encode() for t in ATTACKS.values()] + list(TEXTS.values()) + list(BREAKS.values()) + list(NULS.values())
    for text in texts:
        s = Session(c, port=(port := port + 1))
        s.handshake(b"/" + re.sub(rb"[\x00-\x20\x7f]", b"_", text))
        s.send(1, close(4000, text[:123], mask=False))
        s.send(0, close(4000, b""))
        s.fin()
    return c.pcap(), texts


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory()
        cls.browser = devtools.Chromium()
        cls.addClassCleanup(cls.tmp.cleanup)
        cls.addClassCleanup(cls.browser.close)
        cls.stores = {}
        cls.stores["one"] = Store(cls.tmp.name, "one").read(population(7, 1)[0]).report()
        cls.stores["none"] = Store(cls.tmp.name, "none").read(population(7, 1)[0]).empty().report()
        plants = [idle_cut(count=120), mass(count=90), lifetime(count=40), refusals(count=30), proxy_idle_cut(count=20)]
        cls.many = cls.stores["many"] = Store(cls.tmp.name, "many").read(population(7, 500, plants)[0]).report()
        plants = [idle_cut(count=300, server=None), mass(count=200), refusals(count=60)]
        cls.stores["lots"] = Store(cls.tmp.name, "lots").read(population(8, 1250, plants, hours=12)[0]).grow(80).report("--rows", "5000")
        pcap, cls.texts = hostile()
        cls.stores["hostile"] = Store(cls.tmp.name, "hostile").read(pcap).report()

    def page(self, name, **how):
        return devtools.Page(self.browser, self.stores[name].html, **how)

    def state(self, page):
        """How many the table says it shows."""
        text = page.js("document.getElementById('state').textContent")
        return 0 if text.startswith(("None", "No ")) else int(text.split()[0].replace(",", ""))

    def ids(self, page):
        return page.js("[...document.querySelectorAll('.opener')].map((b) => Number(b.textContent))")

    # ---- the answer and the counts ----

    def test_counts(self):
        for name, store in self.stores.items():
            with self.subTest(name), self.page(name) as page:
                n = store.one("SELECT count(*) FROM connections")
                data = page.js("JSON.parse(document.getElementById('summary').textContent)")
                self.assertEqual(data["records"], n)
                shown_counts = page.js("[...document.querySelectorAll('.counts dd')].map((d) => Number(d.textContent.replace(/,/g, '')))")
                by = dict(store.sql("SELECT outcome, count(*) FROM connections GROUP BY 1"))
                abnormal = store.one("SELECT count(*) FROM connections WHERE outcome = 'closed' AND close_code = 1006 AND code_source = 'inferred'")
                self.assertEqual(shown_counts, [n, by.get("closed", 0), abnormal, by.get("handshake_failed", 0), by.get("open", 0), by.get("unknown", 0)])
                self.assertEqual(page.js("[...document.querySelectorAll('#answer p')].map((p) => p.textContent)"), data["answer"])
                self.assertTrue(data["answer"])
                self.assertEqual(page.js("document.querySelectorAll('.finding').length"), len(data["findings"]))
                self.assertEqual(page.noise(), [])

    def test_pictures_count_what_sql_counts(self):
        store = self.many
        with self.page("many") as page:
            legend = page.js("Object.fromEntries([...document.querySelectorAll('#p-time .legend li')].map((l) => [l.querySelector('b').textContent, "
                             "Number(l.querySelector('.num').textContent.replace(/,/g, ''))]))")
            truth = store.sql("SELECT CASE WHEN close_code IS NOT NULL THEN close_code ELSE replace(outcome, '_', ' ') END, count(*) FROM connections WHERE outcome != 'open' GROUP BY 1")
            self.assertEqual(legend, {str(k): v for k, v in truth})
            rows = page.js("[...document.querySelectorAll('#p-who tbody tr')].map((r) => Number(r.cells[1].textContent.replace(/,/g, '')))")
            self.assertEqual(sorted(rows), sorted(n for n, in store.sql("SELECT count(*) FROM connections WHERE ending != 'none' GROUP BY ending")))
            rows = page.js("[...document.querySelectorAll('#p-causes tbody tr')].map((r) => Number(r.cells[1].textContent.replace(/,/g, '')))")
            self.assertEqual(sorted(rows), sorted(n for n, in store.sql("SELECT count(*) FROM connections GROUP BY cause")))
            rows = page.js("[...document.querySelectorAll('#p-paths tbody tr')].map((r) => Number(r.cells[1].textContent.replace(/,/g, '')))")
            self.assertEqual(sorted(rows), sorted(n for n, in store.sql("SELECT count(*) FROM connections GROUP BY server, host, path")))
            for id, query in (("p-idle", "SELECT count(*) FROM connections WHERE outcome = 'closed' AND idle_ms_any IS NOT NULL"),
                              ("p-age", "SELECT count(*) FROM connections WHERE outcome = 'closed' AND duration_ms IS NOT NULL"),
                              ("p-time", "SELECT count(*) FROM connections WHERE outcome != 'open'")):
                page.click(f"#{id} summary")
                page.until(f"document.querySelector('#{id} .scroll table') !== null")
                total = page.js(f"[...document.querySelectorAll('#{id} .scroll td.num')].reduce((n, td) => n + Number(td.textContent.replace(/,/g, '')), 0)")
                self.assertEqual(total, store.one(query), id)

    # ---- the table ----

    def test_every_column_sorts(self):
        store = self.many
        numbers = {"id": "id", "at": f"(julianday({ROWS}) - 2440587.5) * 864e5", "code": "close_code", "age": "duration_ms", "idle": "idle_ms_any"}
        texts = {"cause": "cause", "ending": "ending", "closed_by": "closed_by", "server": "server", "place": "coalesce(host, '') || coalesce(path, '')", "client": "client"}
        with self.page("many", width=1600) as page:
            page.js("document.getElementById('pictures').hidden = true")  # which costs time
            for key in page.js("[...document.querySelectorAll('#table thead th')].map((t) => t.dataset.key)"):
                value = dict(store.sql(f"SELECT id, {numbers.get(key) or texts[key]} FROM connections"))
                order = (lambda v: v) if key in numbers else natural
                known = sorted((order(v) for v in value.values() if v is not None))
                first = "descending" if key in numbers else "ascending"
                for way in (first, "descending" if first == "ascending" else "ascending"):
                    with self.subTest(key, way=way):
                        page.js(f"document.querySelector('[data-key={key}] button').click()")
                        self.assertEqual(page.js("[...document.querySelectorAll('[aria-sort]')].map((t) => [t.dataset.key, t.getAttribute('aria-sort')])"), [[key, way]])
                        wanted = (known if way == "ascending" else known[::-1]) + [None] * (len(value) - len(known))
                        seen = self.ids(page)
                        page.js("document.querySelectorAll('#pages button')[3].click()")
                        seen_last = self.ids(page)
                        self.assertEqual(len(set(seen)), 100)
                        for got, expected in ((seen, wanted[:100]), (seen_last, wanted[-len(seen_last):])):
                            got = [order(value[i]) if value[i] is not None else None for i in got]
                            if key in numbers:  # the page has whole milliseconds
                                self.assertTrue(all(a == b or abs(a - b) <= 1.01 for a, b in zip(got, expected)), (got, expected))
                            else:
                                self.assertEqual(got, expected)

    def test_every_filter(self):
        store = self.many
        columns = {"code": "CASE WHEN close_code IS NOT NULL THEN close_code ELSE replace(CASE outcome WHEN 'open' THEN 'still open' ELSE outcome END, '_', ' ') END",
                   "cause": "coalesce(cause, 'none')", "server": "server", "ending": "ending", "by": "coalesce(closed_by, 'nobody')"}
        choose = "(() => { const s = document.getElementById('f-%s'); s.value = %s; s.dispatchEvent(new Event('change')); return s.value; })()"
        with self.page("many") as page:
            page.js("document.getElementById('pictures').hidden = true")
            for key, column in columns.items():
                truth = {str(k): n for k, n in store.sql(f"SELECT {column}, count(*) FROM connections GROUP BY 1")}
                options = page.js(f"[...document.getElementById('f-{key}').options].map((o) => o.value).slice(1)")
                self.assertEqual(sorted(options), sorted(truth), key)
                for option in options:
                    page.js(choose % (key, json.dumps(option)))
                    self.assertEqual(self.state(page), truth[option], (key, option))
                page.click("#f-clear")
            page.js(choose % ("server", json.dumps("192.0.2.1:8080")))
            page.js(choose % ("code", json.dumps("1006")))
            self.assertEqual(self.state(page), store.one("SELECT count(*) FROM connections WHERE server = '192.0.2.1:8080' AND close_code = 1006"))
            page.click("#f-clear")
            self.assertEqual(self.state(page), 500)
            for text, where in (("198.51.100.", "client LIKE '%198.51.100.%'"), ("FIREFOX", "user_agent LIKE '%firefox%'"),
                                ("firefox 198.51.101.", "user_agent LIKE '%firefox%' AND client LIKE '%198.51.101.%'"), ("nothing like that", "0")):
                page.js("document.getElementById('f-text').value = ''")
                page.click("#f-text")
                page.call("Input.insertText", text=text)
                n = store.one("SELECT count(*) FROM connections WHERE " + where)
                page.until(f"document.getElementById('state').textContent.startsWith({json.dumps(f'{n} of' if n else 'None')})", 5)
                self.assertEqual(page.js("document.querySelectorAll('.row').length"), min(n, 100))
            self.assertEqual(page.noise(), [])

    def test_a_picture_lists_its_connections(self):
        store = self.many
        with self.page("many") as page:
            data = page.js("JSON.parse(document.getElementById('summary').textContent)")
            page.click("#p-time .legend button")
            code = page.js("document.getElementById('f-code').value")
            self.assertEqual(self.state(page), store.one("SELECT count(*) FROM connections WHERE close_code = ?", int(code)))
            page.click("#p-time summary")
            page.until("document.querySelector('#p-time .scroll button') !== null")
            page.click("#p-time .scroll button")
            totals = [sum(n) for n in zip(*(s["counts"] for s in data["over_time"] if s["source"] != "open"))]
            first = next(i for i, n in enumerate(totals) if n)
            self.assertEqual(self.state(page), totals[first])
            page.click("#p-causes tbody button")
            self.assertEqual(self.state(page), store.one("SELECT count(*) FROM connections WHERE cause = ?", page.js("document.getElementById('f-cause').value")))
            page.click("#p-paths tbody button")
            self.assertEqual(self.state(page), store.one("SELECT max(n) FROM (SELECT count(*) n FROM connections GROUP BY server, host, path)"))
            self.assertGreater(page.js("document.querySelectorAll('.chip').length"), 0)
            self.wall(page, data)

    def test_every_bin_lists_its_connections(self):
        with self.page("many") as page:
            for id, cell, most in (("p-time", -1, 30), ("p-idle", 1, 100), ("p-age", -1, 100), ("p-servers", 3, 30)):
                page.js(f"document.querySelector('#{id} details').open = true")
                page.until(f"document.querySelector('#{id} .scroll table') !== null")
                pairs = page.js(f"""[...document.querySelectorAll('#{id} .scroll tbody tr')].slice(0, {most}).map((row) => {{
                    row.querySelector('button').click();
                    const numbers = [...row.querySelectorAll('td.num')].map((td) => Number(td.textContent.replace(/,/g, '')));
                    const listed = document.getElementById('state').textContent.split(' ')[0].replace(/,/g, '');
                    return [row.cells[{max(cell, 0)}].textContent, {cell} < 0 ? numbers.reduce((a, b) => a + b) : Number(row.cells[{cell}].textContent.replace(/,/g, '')), Number(listed)];
                }})""")
                self.assertGreater(len(pairs), 5)
                for where, counted, listed in pairs:
                    self.assertEqual(listed, counted, (id, where))

    def wall(self, page, data):
        """The bar of the mass disconnect, pressed where it is drawn: over a hundred connections in one place."""
        totals = [sum(n) for n in zip(*(s["counts"] for s in data["over_time"] if s["source"] != "open"))]
        most = totals.index(max(totals))
        x, y = page.js(f"""(() => {{ const c = document.querySelector('#p-time .chart'); c.scrollIntoView({{block: 'center'}}); const r = c.getBoundingClientRect();
            const axis = [...c.querySelectorAll('line.axis')].find((l) => l.getAttribute('x1') !== l.getAttribute('x2'));
            const a = Number(axis.getAttribute('x1')), b = Number(axis.getAttribute('x2'));
            return [r.x + a + (b - a) * ({most} + 0.5) / {data['time']['n']}, r.y + r.height / 2]; }})()""")
        page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.assertIn("together", page.js("document.querySelector('.tip').textContent"))
        for kind in ("mousePressed", "mouseReleased"):
            page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.assertEqual(self.state(page), max(totals))

    def test_what_is_left_out_is_said(self):
        with self.page("lots") as page:
            text = page.js("document.getElementById('state').textContent")
            self.assertEqual(self.state(page), 5000)
            self.assertIn("5,000 of 100,000 records", text)
            page.click("#p-paths tbody button")
            self.assertIn("5,000 of 100,000 records", page.js("document.getElementById('state').textContent"))
            self.assertEqual(page.noise(), [])

    # ---- a story ----

    def test_a_row_opens_to_its_story(self):
        store = self.many
        id, = store.sql("SELECT c.id FROM connections c JOIN close_frames f ON f.connection_id = c.id WHERE cause = 'service_restart' AND f.sender = 'server' ORDER BY c.id LIMIT 1")[0]
        record = dict(zip((k := "client server path user_agent first_packet last_packet tcp_end_packet".split()), store.sql(f"SELECT {', '.join(k)} FROM connections WHERE id = ?", id)[0]))
        with self.page("many") as page:
            page.js(f"document.querySelector('[data-key=id] button').click()")
            page.js(f"(() => {{ const s = document.getElementById('f-cause'); s.value = 'service_restart'; s.dispatchEvent(new Event('change')); }})()")
            page.js("document.querySelector('[data-key=id] button').click()")
            self.assertEqual(self.ids(page)[0], id)
            page.click(".row .code")
            story = page.js("document.querySelector('.story').innerText")
            for name, value in record.items():
                self.assertIn(str(value), story, name)
            for sentence, in store.sql("SELECT sentence FROM evidence WHERE connection_id = ? ORDER BY n", id):
                self.assertIn(sentence, story)
            for code, reason, packet in store.sql("SELECT code, reason, packet FROM close_frames WHERE connection_id = ?", id):
                self.assertRegex(story, rf"Close {code}\s+{reason}\s*\t\s*{packet}\b")
            self.assertIn(f"wsclose show {id}", story)
            self.assertIn(f"wsclose extract {id} -o", story)
            self.assertIn(f"frame.number >= {record['first_packet']}", story)
            page.click(".row .code")
            self.assertEqual(page.js("document.querySelectorAll('.story').length"), 0)
            # with the keyboard alone: to the first row from the head of the table, and to the next by arrow
            page.js("document.querySelector('[data-key=idle] button').focus()")
            page.key("Tab")
            self.assertEqual(page.js("document.activeElement.getAttribute('aria-label')"), f"Connection {id}: its story")
            page.key("Enter")
            self.assertEqual(page.js("[document.activeElement.getAttribute('aria-expanded'), document.querySelectorAll('.story').length]"), ["true", 1])
            self.assertTrue(page.js("document.activeElement.matches(':focus-visible')"))
            page.key("ArrowDown")
            page.key(" ")
            self.assertEqual(page.js("document.querySelectorAll('.story').length"), 2)
            self.assertEqual(page.noise(), [])

    def test_copying(self):
        with self.page("many") as page:
            page.js("navigator.clipboard.writeText = async (t) => { window.copied = t; }")
            command = page.js("document.querySelector('.command code').textContent")
            page.click(".command .copy")
            self.assertEqual(page.js("window.copied"), command)
            self.assertTrue(command.startswith("wsclose events"), command)
            self.assertEqual(page.js("document.getElementById('said').textContent"), "Copied")

    # ---- hostile text ----

    def test_hostile_text_is_text(self):
        kinds = "JSON.stringify(Object.entries([...document.querySelectorAll('*')].reduce((n, e) => ({...n, [e.localName]: (n[e.localName] || 0) + 1}), {})))"
        with self.page("many") as page:
            usual = {k for k, _ in json.loads(page.js(kinds))}
            scripts = page.js("document.scripts.length")
        with self.page("hostile") as page:
            rows = page.js("[...document.querySelectorAll('.opener')].map((b) => b.click()).length")
            self.assertEqual(rows, min(100, len(self.texts)))
            text = page.js("document.body.textContent")
            for raw in self.texts:
                one = shown(raw[:123]) if raw.decode("utf-8", "replace") == raw.decode("utf-8", "ignore") else None
                if one:
                    self.assertIn(one, text)
            page.js("[...document.querySelectorAll('button, summary, [title]')].forEach((b) => { b.focus(); b.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})); })")
            self.assertEqual(page.js("typeof window.__hacked"), "undefined")
            self.assertLessEqual({k for k, _ in json.loads(page.js(kinds))}, usual | {"q"})
            self.assertEqual(page.js("document.scripts.length"), scripts)
            self.assertEqual(page.js("[...document.querySelectorAll('*')].flatMap((e) => [...e.attributes]).filter((a) => /^on|^style$/.test(a.name)).length"),
                             page.js("[...document.querySelectorAll('.tip[style]')].length"))
            self.assertNotRegex(page.js("document.body.innerText"), "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
            self.assertEqual(page.noise(), [])

    def test_what_must_not_happen_would_be_heard(self):
        with open(self.stores["one"].html, encoding="utf-8") as f:
            text = f.read()
        path = os.path.join(self.tmp.name, "loud.html")
        for loud in ('<img src="http://192.0.2.1/x">', f'<p onclick="{SENTINEL}">x</p>', f"<script>{SENTINEL}</script>"):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text.replace("</header>", loud + "</header>"))
            with devtools.Page(self.browser, path) as page:
                self.assertTrue(page.noise(), loud)
                self.assertEqual(page.js("typeof window.__hacked"), "undefined")

    # ---- for every reader ----

    def test_fits_every_window(self):
        narrow = {(390, False), (390, True)}
        wide = narrow | {(320, False), (1280, False), (2560, False)}
        wanted = {"one": narrow, "lots": narrow | {(1280, False)}, "hostile": wide, "many": wide | {(800, False), (1280, True)}}
        for name in self.stores:
            with self.page(name) as page:
                page.js("[...document.querySelectorAll('.opener')].slice(0, 3).forEach((b) => b.click())")
                for width in (320, 390, 800, 1280, 2560):
                    for dark in (False, True):
                        if dark and width not in (390, 1280) or not IMAGES and (width, dark) not in wanted.get(name, wanted["one"]):
                            continue
                        page.look(width=width, dark=dark)
                        with self.subTest(name, width=width, dark=dark):
                            page.js("new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
                            self.assertLessEqual(page.js("document.scrollingElement.scrollWidth"), width)
                            self.assertEqual(page.js(WIDER), [])
                            self.assertEqual(page.js(CUT), [])
                            self.assertEqual(page.js(FAINT) if width == 390 else [], [])
                        if IMAGES:
                            with open(os.path.join(IMAGES, f"{name}-{width}{'-dark' if dark else ''}.png"), "wb") as f:
                                f.write(page.image())
                self.assertEqual(page.noise(), [])

    def test_everything_has_a_name(self):
        with self.page("many") as page:
            page.js("document.querySelector('.opener').click(); document.querySelector('#p-age details').open = true")
            nodes = page.call("Accessibility.getFullAXTree")["nodes"]
            roles = {}
            for n in nodes:
                role = n.get("role", {}).get("value")
                if n.get("ignored") or role not in ("button", "link", "combobox", "searchbox", "checkbox", "textbox", "image", "img", "table", "region", "navigation", "columnheader", "search", "DisclosureTriangle"):
                    continue
                roles[role] = roles.get(role, 0) + 1
                self.assertTrue(n.get("name", {}).get("value", "").strip(), (role, n.get("properties")))
            for role in ("button", "link", "combobox", "searchbox", "checkbox", "columnheader", "table"):
                self.assertIn(role, roles)
            self.assertEqual(page.js("[...document.querySelectorAll('h1, h2, h3, h4')].map((h) => Number(h.localName[1])).filter((n, i, all) => i && n > all[i - 1] + 1).length"), 0)
            self.assertEqual(page.js("document.querySelectorAll('main').length + document.querySelectorAll('header').length + document.querySelectorAll('footer').length"), 3)
            self.assertEqual(page.js("(() => { const ids = [...document.querySelectorAll('[id]')].map((e) => e.id); return ids.length - new Set(ids).size; })()"), 0)

    def test_times_of_this_place(self):
        with self.page("many") as page:  # in Tokyo
            utc = page.js("document.querySelector('.row').cells[1].textContent")
            page.click("#local-time")
            local = page.js("document.querySelector('.row').cells[1].textContent")
            self.assertEqual((int(local[-12:-10]) - int(utc[-12:-10])) % 24, 9)
            self.assertEqual(local[-10:], utc[-10:])

    def test_without_script(self):
        for name in ("many", "one", "none"):
            with self.page(name, script=False) as page:
                data = json.loads(re.search(r'id="summary">(.*?)</script>', page.call("DOM.getOuterHTML", nodeId=page.call("DOM.getDocument")["root"]["nodeId"])["outerHTML"], re.S)[1])
                read = "\n".join(n["name"]["value"] for n in page.call("Accessibility.getFullAXTree")["nodes"] if n.get("role", {}).get("value") == "StaticText" and not n.get("ignored"))
                for text in data["answer"] + [f["title"] for f in data["findings"]] + [s for f in data["findings"] for s in f["evidence"]] + ["need the script"]:
                    self.assertIn(text, read)
                self.assertEqual(page.noise(), [])

    def test_without_decompression(self):
        with self.page("many", before="delete window.DecompressionStream") as page:
            self.assertIn("cannot unpack", page.js("document.getElementById('state').textContent"))
            self.assertGreater(page.js("document.querySelectorAll('#pictures .chart').length"), 3)
            page.click("#p-time .legend button")  # nothing to list
            self.assertEqual(page.noise(), [])

    def test_damaged_rows(self):
        with open(self.many.html, encoding="utf-8") as f:
            text = f.read()
        at = text.index('id="rows">') + 2000
        path = os.path.join(self.tmp.name, "damaged.html")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text[:at] + "AAAA" + text[at + 4:])
        with devtools.Page(self.browser, path) as page:
            page.until("document.getElementById('state').textContent.includes('damaged')")
            self.assertEqual(page.noise(), [])

    def test_print(self):
        with self.page("many", dark=True) as page:
            self.assertGreater(len(page.call("Page.printToPDF", preferCSSPageSize=True)["data"]), 20000)
            page.look(width=703, dark=True, media="print")
            self.assertEqual(page.js("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
            self.assertEqual(page.js("[...document.querySelectorAll('#filters, #pages, .copy, nav')].filter((e) => e.offsetParent !== null).length"), 0)
            self.assertEqual(page.noise(), [])


# What scrolls sideways other than the tables that may, and can be reached by the keyboard then.
WIDER = """[...document.querySelectorAll('body *')].filter((e) => /auto|scroll/.test(getComputedStyle(e).overflowX) && !(e.matches('.scroll, .wide') && e.tabIndex === 0))
    .map((e) => e.localName + '.' + e.className)"""
# Texts of pictures that reach beyond them, or lie on each other.
CUT = """(() => { const bad = [];
    for (const chart of document.querySelectorAll('.chart')) {
        const frame = chart.getBoundingClientRect(), boxes = [];
        for (const t of chart.querySelectorAll('text')) {
            const b = t.getBoundingClientRect();
            if (!b.width) continue;
            if (b.left < -1 || b.right > document.documentElement.clientWidth + 1) bad.push('cut: ' + t.textContent);
            for (const [o, what] of boxes) {
                if (b.left < o.right - 1 && o.left < b.right - 1 && b.top < o.bottom - 3 && o.top < b.bottom - 3) bad.push(t.textContent + ' on ' + what);
            }
            boxes.push([b, t.textContent]);
        }
    }
    return bad; })()"""
# WCAG 1.4.3: texts with too little contrast to what is behind them.
FAINT = """(() => { const bad = new Set();
    const parse = (c) => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
    const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
    for (const e of document.querySelectorAll('body *')) {
        if (e.closest('.tip, .unseen, script, :disabled') || !e.getClientRects().length || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
        const s = getComputedStyle(e), size = parseFloat(s.fontSize), ink = parse(e instanceof SVGElement ? s.fill : s.color);
        const [a, b] = [light(ink), light(behind(e))].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
        if (ratio < (size >= 24 || (size >= 18.66 && Number(s.fontWeight) >= 700) ? 3 : 4.5)) bad.add(e.localName + '.' + e.getAttribute('class') + ' ' + ratio.toFixed(2));
    }
    return [...bad]; })()"""

if __name__ == "__main__":
    unittest.main(verbosity=1)
