#!/usr/bin/env python3
"""`wsclose live` in network namespaces: the same records as `analyze` of a capture taken beside it, faults, loss.

usage: run.py WSCLOSE [TEST...]        (as root: it makes network namespaces; otherwise it is skipped, exit 77)
"""
import asyncio, glob, json, os, shutil, signal, subprocess, sys, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import compare, net as lab, peers, scenes
from replay import replay

WSCLOSE = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else sys.exit(__doc__)
CAPTURES = sorted(glob.glob(os.path.join(HERE, "..", "..", "..", "samples", "*.pcap")) + glob.glob(os.path.join(HERE, "..", "causes", "*.pcap")))


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


# ---- 1: what analyze says ----

# What connections say of each other is known when the capture is over: what is printed as it happens says it of each alone.
ALONE = compare.LEFT_OUT + ("cause", "confidence", "evidence", "legs")


class SameAsAnalyze(Case):
    def beside(self, play, interface="va", expression="tcp"):
        """play(then) makes the traffic and calls then() when it is over. Returns what was stored."""
        dump = lab.Tcpdump(self.net, interface, expression)
        live = self.live("--filter", expression, interfaces=(interface,))

        def then():
            self.captured = dump.stop()
            live.drained()
            self.assertEqual(live.stop(), 0, live.err())
        play(then)
        stored, analyzed = records("events", "--db", live.db), records("analyze", "--db", "none", self.captured)
        self.same(stored, analyzed)
        self.same(live.printed(), analyzed, ALONE)
        return stored

    def test_every_scene(self):
        stored = self.beside(lambda then: asyncio.run(scenes.play(self.net, then)))
        got = {r["path"]: r for r in stored}
        self.assertEqual(sorted(got), sorted(scenes.TRUTH))
        for path, truth in scenes.TRUTH.items():
            with self.subTest(path):
                self.assertEqual({k: got[path][k] for k in truth}, truth, got[path]["evidence"])

    def test_every_capture_replayed(self):
        for ns, dev in ((self.net.a, "va2"), (self.net.b, "vb2")):
            self.net.ip(ns, f"link set {dev} mtu 65535")
        stored = self.beside(lambda then: (replay(self.net, CAPTURES), then()), "va2")
        self.assertGreater(len(stored), 200)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        sys.exit(77)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the namespaces go
    unittest.main(warnings="ignore")
