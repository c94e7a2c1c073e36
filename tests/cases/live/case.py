"""What the tests of `wsclose live` share."""
import json, os, subprocess, unittest

import compare, net as lab

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
