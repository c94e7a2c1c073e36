#!/usr/bin/env python3
"""What `wsclose stats --plot` draws, against SQL over the same store. usage: run.py WSCLOSE"""
import os, pty, re, select, sqlite3, subprocess, sys, tempfile, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
from population import idle_cut, lifetime, mass, population

WSCLOSE = os.path.abspath(sys.argv.pop(1))
ENV = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "LC_ALL", "LANGUAGE")}
GLYPHS = " ▁▂▃▄▅▆▇█"


def setUpModule():
    global tmp, db
    tmp = tempfile.TemporaryDirectory()
    path = os.path.join(tmp.name, "in.pcap")
    with open(path, "wb") as f:
        f.write(population(1, 500, [idle_cut(count=80, seconds=60.0), mass(count=60), lifetime(count=50)])[0])
    subprocess.run([WSCLOSE, "analyze", "--quiet", "--format", "none", path], cwd=tmp.name, check=True, timeout=60)
    db = sqlite3.connect(os.path.join(tmp.name, "wsclose.db"))


def tearDownModule():
    db.close()
    tmp.cleanup()


def plot(*args, status=0, env=None, cwd=None):
    p = subprocess.run([WSCLOSE, "stats", "--plot", *args], capture_output=True, cwd=cwd or tmp.name, timeout=60,
                       env={**ENV, "LC_ALL": "C.UTF-8", "PAGER": "cat", **(env or {})})
    assert p.returncode == status, (args, p.returncode, p.stderr)
    return p.stdout.decode()


def sections(text):
    """{title: [lines]}: pictures are apart by empty lines."""
    return {lines[0].split("   ")[0]: lines[1:] for lines in (part.splitlines() for part in text.split("\n\n"))}


def low(lines):
    """{label: (picture, sum)} of the lines that have a sum behind them."""
    found = (re.fullmatch(r" *(.+?) [│|](.*?) (\d+)", line) for line in lines)
    return {m[1]: (m[2], int(m[3])) for m in found if m}


def asked(sql):
    return dict(db.execute(sql).fetchall())


class Totals(unittest.TestCase):
    maxDiff = None

    def test_ends_by_code(self):
        drawn = low(sections(plot())["Ends over time, each code on a scale of its own"])
        want = asked("SELECT CASE WHEN close_code IS NOT NULL THEN CAST(close_code AS TEXT) WHEN outcome = 'handshake_failed' THEN 'failed' "
                     "WHEN outcome = 'unknown' THEN 'unknown' ELSE 'no code' END, count(*) FROM connections WHERE outcome <> 'open' GROUP BY 1")
        self.assertGreater(len(want), 4)
        self.assertEqual({k: n for k, (_, n) in drawn.items()}, want)

    def test_each_column_of_a_code(self):
        """The height of each column is what SQL counts in its minute."""
        for code in (1000, 1006):
            out = plot("--code", str(code), env={"COLUMNS": "200"})
            self.assertIn("1 column: 60 s", out)
            picture, total = low(sections(out)["Ends over time, each code on a scale of its own"])[str(code)]
            rows = asked(f"SELECT CAST(strftime('%s', substr(ended, 1, 19)) AS INTEGER) / 60, count(*) FROM connections WHERE close_code = {code} GROUP BY 1")
            best = max(rows.values())
            self.assertGreater(best, 2)
            heights = [max(1, int(rows[i] / best * 8 + 0.5)) if i in rows else 0 for i in range(min(rows), max(rows) + 1)]
            self.assertEqual(picture.rstrip(), "".join(GLYPHS[h] for h in heights))
            self.assertEqual(total, sum(rows.values()))

    def test_silence_and_age(self):
        all_ = sections(plot())
        for title, column in (("Silence before the end", "idle_ms_any"), ("Age at the end", "duration_ms")):
            want = asked(f"SELECT CASE WHEN close_code = 1006 AND code_source = 'inferred' THEN 'no Close' ELSE 'Close' END, count(*) FROM connections "
                         f"WHERE outcome = 'closed' AND {column} IS NOT NULL GROUP BY 1")
            self.assertEqual({k: n for k, (_, n) in low(all_[title]).items()}, want, title)

    def test_the_highest_column_of_the_silences(self):
        """At 60 s, whose bin is 10^4.75 to 10^4.85 ms; and its mark stands below it."""
        lines = sections(plot())["Silence before the end"]
        (n,) = db.execute("SELECT count(*) FROM connections WHERE outcome = 'closed' AND idle_ms_any >= 56234 AND idle_ms_any < 70795").fetchone()
        self.assertEqual(int(lines[0].split("│")[0]), n)
        at = lines[0].index("█")
        (mark,) = [line.index("▲") for line in lines if re.fullmatch(r" *▲", line)]
        self.assertEqual(at, mark)
        (near,) = [line for line in lines if "▲ 60 s:" in line]
        (n,) = db.execute("SELECT count(*) FROM connections WHERE outcome = 'closed' AND idle_ms_any BETWEEN 59400 AND 60600").fetchone()
        self.assertIn(f"60 s: {n} match ", near)
        self.assertIn("nginx", near)

    def test_bars(self):
        for by, sql in (("code", "coalesce(CAST(close_code AS TEXT), '-')"), ("server,outcome", "server || '  ' || outcome")):
            drawn = {m[1].strip(): (int(m[2]), float(m[3])) for m in
                     (re.fullmatch(r"(.+?)  [█░ ]+? +(\d+) +([\d.]+) %", line) for line in sections(plot("--by", by))[by.replace(",", ", ")]) if m}
            total = sum(n for n, _ in drawn.values())
            self.assertEqual({k: n for k, (n, _) in drawn.items()}, asked(f"SELECT {sql}, count(*) FROM connections GROUP BY 1"))
            for n, share in drawn.values():
                self.assertAlmostEqual(share, 100 * n / total, delta=0.06)

    def test_filter_words(self):
        out = plot("--code", "1006", "--server", ":8080")
        (n,) = db.execute("SELECT count(*) FROM connections WHERE close_code = 1006 AND server LIKE '%:8080'").fetchone()
        self.assertTrue(out.startswith(f"Connections {n}: closed {n}\n"), out)
        self.assertEqual(list(low(sections(out)["Ends over time, each code on a scale of its own"])), ["1006"])

    def test_a_limit_is_for_bars(self):
        out = plot("--limit", "2")
        self.assertTrue(out.startswith("Connections 500:"))
        self.assertEqual(len(sections(out)["code"]), 2)


class Medium(unittest.TestCase):
    def width(self, text):
        return max(len(line) for line in text.splitlines())

    def test_a_pipe_gets_80_columns_or_COLUMNS_and_no_escapes(self):
        self.assertLessEqual(self.width(plot()), 80)
        self.assertGreater(self.width(plot()), 75)
        for columns in (40, 200):
            out = plot(env={"COLUMNS": str(columns)})
            self.assertLessEqual(self.width(out), columns, out)
            self.assertGreater(self.width(out), columns - 12)
            self.assertNotIn("\033", out)

    def test_without_utf8_it_is_ascii(self):
        out = plot(env={"LC_ALL": "C"})
        out.encode("ascii")
        self.assertEqual(low(sections(out)["Silence before the end"])["no Close"][1], low(sections(plot())["Silence before the end"])["no Close"][1])

    def terminal(self, columns, **env):
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(tmp.name)
            os.execve("/bin/sh", ["sh", "-c", f"stty cols {columns}; exec {WSCLOSE} stats --plot"], {**ENV, "LC_ALL": "C.UTF-8", "PAGER": "cat", "TERM": "xterm", **env})
        data = b""
        while select.select([fd], [], [], 30)[0]:
            try:
                piece = os.read(fd, 65536)
            except OSError:
                break
            if not piece:
                break
            data += piece
        os.close(fd)
        os.waitpid(pid, 0)
        return data.decode().replace("\r\n", "\n")

    def test_a_terminal_has_its_width_and_colours_that_say_nothing_alone(self):
        out = self.terminal(100)
        self.assertIn("\033[31m", out)
        self.assertEqual(re.sub("\033\\[[0-9;]*m", "", out), plot(env={"COLUMNS": "100"}))
        self.assertNotIn("\033", self.terminal(100, NO_COLOR="1"))

    def test_other_formats_are_wrong_usage(self):
        for f in ("json", "ndjson", "csv", "none"):
            self.assertEqual(plot("--format", f, status=2), "")

    def test_none_one_and_many(self):
        self.assertEqual(plot("--code", "4999"), "")
        (id_,) = db.execute("SELECT id FROM connections WHERE outcome = 'closed' LIMIT 1").fetchone()
        self.assertTrue(plot("--id", str(id_)).startswith("Connections 1: closed 1\n"))
        with tempfile.TemporaryDirectory() as many:
            path = os.path.join(many, "wsclose.db")
            copy = sqlite3.connect(path)
            db.backup(copy)
            columns = [r[1] for r in copy.execute("PRAGMA table_info(connections)") if r[1] != "id"]
            copy.execute("PRAGMA foreign_keys = OFF")
            names = ", ".join(columns)
            picked = ", ".join("first_packet + 1000000 * n" if c == "first_packet" else c for c in columns)
            copy.execute(f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 199) INSERT INTO connections ({names}) SELECT {picked} FROM connections, n")
            copy.commit()
            copy.close()
            out = plot(cwd=many)
        self.assertTrue(out.startswith("Connections 100000:"), out[:100])
        self.assertEqual({k: n for k, (_, n) in low(sections(out)["Age at the end"]).items()},
                         {k: 200 * n for k, (_, n) in low(sections(plot())["Age at the end"]).items()})


if __name__ == "__main__":
    unittest.main()
