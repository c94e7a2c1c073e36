"""The same records as `analyze` of a capture taken beside it."""
import asyncio, glob, os

import compare, net as lab, scenes
from case import Case, records
from replay import replay

HERE = os.path.dirname(os.path.abspath(__file__))
CAPTURES = sorted(glob.glob(os.path.join(HERE, "..", "..", "..", "samples", "*.pcap")) + glob.glob(os.path.join(HERE, "..", "causes", "*.pcap")))

# What connections say of each other is known when the capture is over: what is printed as it happens says it of each alone.
ALONE = compare.LEFT_OUT + ("cause", "confidence", "evidence", "legs")


# nDPI is not asked of each connection of a server whose first ones came out the same, and each thread has seen others of them.
LABELS = {"1": (), "3": ("app",)}


class SameAsAnalyze(Case):
    def beside(self, play, interface="va", expression="tcp"):
        """play(then) makes the traffic and calls then() when it is over. Returns what was stored, by one thread and by several."""
        dump = lab.Tcpdump(self.net, interface, expression)
        lives = {n: self.live("--filter", expression, "--workers", n, interfaces=(interface,)) for n in LABELS}

        def then():
            self.captured = dump.stop()
            for live in lives.values():
                live.drained()
                self.assertEqual(live.stop(), 0, live.err())
        play(then)
        analyzed = records("analyze", "--db", "none", self.captured)
        for n, live in lives.items():
            stored = records("events", "--db", live.db)
            self.same(stored, analyzed, compare.LEFT_OUT + LABELS[n])
            self.same(live.printed(), analyzed, ALONE + LABELS[n])
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
