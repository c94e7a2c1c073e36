"""What goes wrong around it: a clear sentence each, and nothing that was stored is lost."""
import os, shutil, subprocess, time

import net as lab
from case import WSCLOSE, Faults, records
from traffic import Traffic


class Rights(Faults):
    def test_not_root(self):
        d = os.path.join(self.net.tmp, "nobody")
        os.mkdir(d)
        os.chmod(d, 0o777)
        program = os.path.join(d, "wsclose")
        shutil.copy(WSCLOSE, program)
        p = self.net.popen(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all", program, "live", "-i", "va", "--db",
                            f"{d}/x.db"], stderr=subprocess.PIPE, text=True, env={**os.environ, "HOME": d})
        said = p.communicate(timeout=30)[1]
        self.assertEqual(p.returncode, 1, said)
        self.assertIn("CAP_NET_RAW", said)
        self.assertIn("setcap cap_net_raw", said)
        self.assertFalse(os.path.exists(f"{d}/x.db"))

    def test_directory_of_the_database_read_only(self):
        """Root writes wherever the mode says no: a mount that is read-only stops it too."""
        d = os.path.join(self.net.tmp, "small")
        os.mkdir(d)
        lab.sh(f"mount -t tmpfs -o ro,size=1m none {d}")
        self.addCleanup(lab.sh, f"umount -l {d}", False)
        self.refused(r"small/x\.db: .*(read-only|unable to open|cannot|permission)", db=f"{d}/x.db")


class Interface(Faults):
    def test_none_of_that_name(self):
        live = self.refused("nosuch0: there is no such interface; `wsclose live --list`", interfaces=("nosuch0",))
        self.assertFalse(os.path.exists(live.db))

    def test_deleted(self):
        """The only one goes: it says so, stores what is open, ends with status 3."""
        live = self.live(interfaces=("va2",))
        with Traffic(self.net, rate=30, address=lab.SERVER2) as t:
            self.assertTrue(lab.until(lambda: len(live.printed()) > 10))
            self.net.ip(self.net.a, "link del va2")
            self.assertEqual(live.wait(30), 3, live.err())
            t.patience = 0  # its connections hang
        self.assertRegex(live.err(), "va2: can no longer be read: ")
        self.assertIn("stored in", live.err())
        self.assertEqual(t.wrong(records("events", "--db", live.db), stopped=True), [])
        self.intact(live.db)

    def test_one_of_two_deleted(self):
        live = self.live(interfaces=("va", "va2"))
        with Traffic(self.net, rate=20) as t:
            self.assertTrue(lab.until(lambda: len(live.printed()) > 5))
            self.net.ip(self.net.a, "link del va2")
            self.assertTrue(lab.until(lambda: "va2: can no longer be read" in live.err()))
            had = len(live.printed())
            self.assertTrue(lab.until(lambda: len(live.printed()) > had + 5))
        live.drained()
        self.assertEqual(live.stop(), 3)
        got = records("events", "--db", live.db)
        self.assertEqual((t.wrong(got), t.missing(got)), ([], []))

    def test_down_and_up_again(self):
        """It goes on by itself. What happened meanwhile was not seen, and is not made up."""
        live = self.live()
        with Traffic(self.net, rate=20, life=1.5) as t:
            self.assertTrue(lab.until(lambda: len(live.printed()) > 5))
            self.net.ip(self.net.a, "link set va down")
            self.assertTrue(lab.until(lambda: "va: the interface is down" in live.err()), live.err())
            time.sleep(0.5)
            self.net.ip(self.net.a, "link set va up")
            had = len(live.printed())
            self.assertTrue(lab.until(lambda: len(live.printed()) > had + 20), live.err())
        live.drained()
        self.assertEqual(live.stop(), 0, live.err())
        self.assertEqual(live.err().count("va: the interface is down"), 1)
        self.assertEqual(live.err().count("va: the interface is up again"), 1)
        got = records("events", "--db", live.db)
        self.assertEqual((t.wrong(got), t.missing(got)), ([], []))
        self.intact(live.db)


class Killed(Faults):
    def test_kill_9(self):
        """At most the last second is missing, also when packets are too rare to fill a block and too many to leave a pause."""
        for rate, life in ((3, 1.0), (60, 0.3)):
            with self.subTest(rate=rate):
                live = self.live()
                with Traffic(self.net, rate=rate, life=life) as t:
                    time.sleep(7)
                    killed = time.time()
                    live.p.kill()
                    live.p.wait()
                self.intact(live.db)
                got = records("events", "--db", live.db)
                self.assertGreater(len(got), 5)
                self.assertEqual((t.wrong(got), t.missing(got, before=killed - 1)), ([], []))
                self.assertEqual(len({r["path"] for r in got}), len(got))
                self.starts_again(live.db)
