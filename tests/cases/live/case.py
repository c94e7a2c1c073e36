"""What the tests of `wsclose live` share."""
import json, os, subprocess, time, unittest

import compare, net as lab
from traffic import Traffic

WSCLOSE = os.path.abspath(os.environ["WSCLOSE"])


def records(*words):
    p = subprocess.run([WSCLOSE, *words, "--format", "ndjson"], capture_output=True, text=True)
    if p.returncode != 0:
        raise RuntimeError(f"{words}: exit {p.returncode}: {p.stderr}")
    return [json.loads(line) for line in p.stdout.splitlines()]


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.net = self.enterContext(lab.Net())

    def live(self, *words, **options):
        return lab.Live(self.net, WSCLOSE, *words, **options)

    def same(self, these, those, left_out=compare.LEFT_OUT):
        self.assertEqual(compare.differences(these, those, left_out), [])


class Faults(Case):
    def intact(self, db):
        self.assertEqual(lab.rows(db, "PRAGMA integrity_check"), [("ok",)])
        self.assertEqual(lab.rows(db, "PRAGMA foreign_key_check"), [])

    def starts_again(self, db):
        """The next start works, and keeps what there was."""
        before = lab.rows(db, "SELECT count(*) FROM connections WHERE server NOT LIKE '%:9777'")[0][0]
        live = self.live(db=db)
        with Traffic(self.net, rate=20, port=9777) as t:
            time.sleep(0.5)
        live.drained()
        self.assertEqual(live.stop(), 0, live.err())
        got = records("events", "--db", db)
        self.assertEqual(sum(not r["server"].endswith(":9777") for r in got), before)
        got = [r for r in got if r["server"].endswith(":9777")]
        self.assertEqual((t.wrong(got), t.missing(got)), ([], []))
        self.intact(db)

    def refused(self, sentence, *words, status=1, **options):
        live = self.live(*words, ready=False, **options)
        self.assertEqual(live.wait(30), status, live.err())
        self.assertRegex(live.err(), sentence)
        self.assertEqual(len(live.err().splitlines()), 1, live.err())
        return live
