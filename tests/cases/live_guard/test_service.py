"""Its word to the service manager, and the unit."""
import os, re, shutil, signal, subprocess, time, unittest

from case import NOBODY, WSCLOSE, Case
from lab import until

UNIT = os.path.join(os.path.dirname(WSCLOSE), "..", "..", "packaging", "wsclose-live@.service")


class ServiceManager(Case):
    def test_words(self):
        for path in (None, os.path.join(self.tmp, "notify")):
            with self.subTest(path):
                live = self.live(os.path.join(self.dir(), "x.db"), watchdog=2, path=path)
                self.harmless(live, NOBODY)  # READY came after it
                self.server(9000 if path else 9001).one()
                time.sleep(5.7)
                self.assertEqual(live.stop(), 0, live.err())
                beats = live.says("WATCHDOG=1")
                self.assertGreaterEqual(len(beats), 4)
                texts = [text for _, text in live.heard]
                self.assertEqual(texts[0].splitlines(), ["READY=1", "STATUS=Watching 1 interface"])
                self.assertIn("STOPPING=1", texts[-1].splitlines())
                self.assertTrue(any(re.fullmatch(r"STATUS=\d+ packets, 0 dropped, 0 open", t) for t in texts), texts)

    def test_stands_still(self):
        """A process that does not go round says nothing."""
        live = self.live("none", watchdog=1)
        self.assertTrue(until(lambda: live.says("WATCHDOG=1")))
        live.p.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        n = len(live.says("WATCHDOG=1"))
        time.sleep(1.5)
        self.assertEqual(len(live.says("WATCHDOG=1")), n)
        live.p.send_signal(signal.SIGCONT)
        self.assertTrue(until(lambda: len(live.says("WATCHDOG=1")) > n))
        self.assertEqual(live.stop(), 0)

    def test_no_watchdog_wanted(self):
        for env in ({}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "x"}):
            live = self.live("none", env=env)
            time.sleep(1.2)
            self.assertEqual(live.stop(), 0)
            self.assertEqual(live.says("WATCHDOG=1"), [], env)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here")
    def test_unit(self):
        with open(UNIT) as f:
            text = f.read()
        command = re.search(r"^ExecStart=(\S+) (.*)$", text, re.M)
        path = os.path.join(self.tmp, "wsclose-live@lo.service")
        with open(path, "w") as f:
            f.write(text.replace(command[1], WSCLOSE))
        p = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True)
        self.assertEqual((p.returncode, [l for l in p.stderr.splitlines() if "wsclose" in l]), (0, []), p.stderr)
        p = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", path], capture_output=True, text=True)
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        # The command line is one that it understands.
        words = command[2].replace("%S/wsclose/%i.db", "none").replace("%i", "lo").replace(" $WSCLOSE_OPTIONS", "").split()
        live = subprocess.run([WSCLOSE, *words, "--duration", "0.3"], capture_output=True, text=True)
        self.assertEqual(live.returncode, 0, live.stderr)
