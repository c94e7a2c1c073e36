"""Interfaces whose names an enemy chose: whoever may make one (a container, a VPN) may call it anything without a slash or a blank."""
import os, subprocess, sys

import net as lab
from case import WSCLOSE, Case, records
from traffic import Traffic

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "hostile"))
from texts import HIDDEN

NAMES = (b"\x1b[31m\x1b]0;x\x07", "a\u202eb\u009b1".encode(), b"\xff\xc3(\xf0\x9f", b"';--\"$(id)`id`", b"=1+1<b>", b"-i")


class Names(Case):
    def renamed(self, old, new):
        for last in (["down"], ["name", new], ["up"]):
            dev = old if last != ["up"] else new
            subprocess.run(["ip", "-n", self.net.a, "link", "set", "dev", dev, *last], check=True)
        return new

    def harmless(self, said, where):
        text = said.decode("utf-8")  # which it must be
        bad = HIDDEN.search(text.replace("\r\n", "").replace("\n", ""))
        self.assertIsNone(bad, (where, bad and text[max(0, bad.start() - 80):bad.end() + 80]))

    def run_in(self, *words):
        p = subprocess.run(["ip", "netns", "exec", self.net.a, WSCLOSE, *words], capture_output=True, cwd=self.net.tmp)
        self.harmless(p.stdout + p.stderr, words)
        return p

    def test_odd_bytes(self):
        """Nothing of it acts on a terminal, and its records are stored, found, extracted like others."""
        name = "va"
        for raw in NAMES:
            with self.subTest(raw):
                name = self.renamed(name, os.fsdecode(raw))
                ring = self.net.path(".ring")
                live = self.live("--write", ring, interfaces=(name,))
                with Traffic(self.net, rate=20, life=0.1):
                    self.assertTrue(lab.until(lambda: len(live.printed()) > 3), live.err())
                self.harmless(live.statistics().encode(), "SIGUSR1")
                self.assertEqual(live.stop(), 0, live.err())
                with open(live.err_path, "rb") as err, open(live.out, "rb") as out:
                    self.harmless(err.read(), raw)
                    self.harmless(out.read(), raw)
                got = records("events", "--db", live.db)
                self.assertGreater(len(got), 3)
                want = lab.rows(live.db, "SELECT DISTINCT name FROM captures")[0][0]
                self.assertEqual(want.encode() if isinstance(want, str) else want, b"live:" + raw)
                for words in (["stats", "--by", "server"], ["events", "--format", "csv"], ["events"], ["diagnose"]):
                    self.assertEqual(self.run_in(*words, "--db", live.db).returncode, 0)
                one = self.net.path(".pcapng")
                self.assertEqual(self.run_in("extract", str(got[0]["id"]), "--db", live.db, "-o", one).returncode, 0)
                said = subprocess.run(["tshark", "-r", one, "-T", "fields", "-e", "frame.interface_name", "-c", "1"], capture_output=True)
                self.assertEqual(said.returncode, 0, said.stderr)
                self.assertEqual(self.run_in("live", "--list").returncode, 0)

    def test_it_goes(self):
        """What is said of it when it is down or gone."""
        name = self.renamed("va2", "\x1b[1m\u202e".encode().decode())
        live = self.live(interfaces=(name,))
        subprocess.run(["ip", "-n", self.net.a, "link", "set", "dev", name, "down"], check=True)
        self.assertTrue(lab.until(lambda: "the interface is down" in live.err()), live.err())
        subprocess.run(["ip", "-n", self.net.a, "link", "del", "dev", name], check=True)
        self.assertEqual(live.wait(30), 3)
        self.harmless(live.err().encode(), name)
        for words in (["-i", "\x1b[31mnone"], ["-i", "no\x7f\u202ename", "-w", "x"]):
            self.assertEqual(self.run_in("live", *words).returncode, 1)
