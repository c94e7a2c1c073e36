"""As whom it goes on, and what is left to it."""
import contextlib, os, pwd, re, shutil, signal, sqlite3, subprocess, time, unittest

from case import NOBODY, OTHER, WSCLOSE, Case, ask
from lab import until


class User(Case):
    def test_directory_of_root(self):
        """nobody goes on with what root opened, even where nobody may not look."""
        for mode in (0o755, 0o700):
            with self.subTest(oct(mode)):
                db = os.path.join(self.dir(mode=mode), "x.db")
                live = self.live(db)
                self.harmless(live, NOBODY)
                self.assertIn("goes on as nobody, who could not open the database again", live.err())
                self.works(live, db)
                self.assertEqual(os.stat(db).st_uid, 0)
                self.assertEqual(ask(db, "SELECT count(*) FROM connections", "immutable=1"), [(1,)])  # without the -wal
                self.works(self.live(db), db)

    def test_workers(self):
        """Nor is anything left to the threads that analyse."""
        db = os.path.join(self.dir(OTHER), "x.db")
        live = self.live(db, "--workers", "3")
        self.assertEqual(len(os.listdir(f"/proc/{live.p.pid}/task")), 4)
        self.harmless(live, OTHER)
        self.works(live, db)

    def test_directory_of_somebody(self):
        """Its owner goes on, and owns the files."""
        d = self.dir(OTHER, 0o700)
        db = os.path.join(d, "x.db")
        live = self.live(db)
        self.harmless(live, OTHER)
        self.assertEqual({os.stat(os.path.join(d, f)).st_uid for f in os.listdir(d)}, {OTHER.pw_uid})
        self.assertEqual(self.works(live, db), ["x.db"])

    def test_database_of_root_in_directory_of_somebody(self):
        db = os.path.join(self.dir(OTHER), "x.db")
        self.works(self.live(db, "--user", "root"), db)
        os.chmod(db, 0o600)
        live = self.live(db)
        self.harmless(live, OTHER)
        self.works(live, db)

    def test_named(self):
        db = os.path.join(self.dir(OTHER), "x.db")
        for name, user in (("games", OTHER), (str(OTHER.pw_uid), OTHER), ("root", pwd.getpwnam("root"))):
            with self.subTest(name):
                live = self.live(db, "--user", name)
                self.harmless(live, user)
                self.works(live, db)

    def test_named_who_cannot(self):
        db = os.path.join(self.dir(), "x.db")
        for name, words in (("games", f"user games cannot write to {db}"), ("no-such-user", "there is no user no-such-user")):
            self.fails(self.live(db, "--user", name, ready=False), words)
            self.assertFalse(os.path.exists(db))

    def test_ring(self):
        """Who keeps packets must be able to make files: the directory's owner, else root without capabilities."""
        for owner, user in ((OTHER, OTHER), (None, pwd.getpwnam("root"))):
            with self.subTest(user.pw_name):
                d = self.dir(owner)
                db, ring = os.path.join(d, "x.db"), os.path.join(d, "ring")
                live = self.live(db, "--write", ring, "--rotate", "4K:2")
                self.harmless(live, user)
                self.assertEqual("going on as root, without capabilities" in live.err(), owner is None, live.err())
                server = self.server()
                for _ in range(20):
                    server.one()
                server.close()
                time.sleep(1.2)
                self.works(live, db)
                files = os.listdir(ring)
                self.assertEqual(len(files), 2)
                self.assertEqual({os.stat(os.path.join(ring, f)).st_uid for f in files}, {user.pw_uid})

    def test_nothing_stored(self):
        live = self.live("none")
        self.harmless(live, NOBODY)
        self.server().one()
        self.assertEqual(live.stop(), 0)


@unittest.skipUnless(shutil.which("setpriv") and shutil.which("setcap"), "no setpriv or setcap here")
class WithoutRoot(Case):
    AMBIENT = ("--inh-caps=-all,+net_raw", "--ambient-caps=-all,+net_raw")

    def as_nobody(self, *more):
        return ("setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups", *more)

    def setUp(self):
        super().setUp()
        self.program = os.path.join(self.dir(), "wsclose")
        shutil.copy(WSCLOSE, self.program)
        self.db = os.path.join(self.dir(NOBODY), "x.db")

    def powerless(self, live):
        s = live.status()
        self.assertEqual([int(s[k], 16) for k in ("CapInh", "CapPrm", "CapEff", "CapAmb")], [0] * 4)
        self.assertEqual(s["NoNewPrivs"], "1")

    def test_no_right_then_the_command_that_grants_it(self):
        live = self.live(self.db, prefix=self.as_nobody("--inh-caps=-all"), program=self.program, ready=False)
        self.fails(live, "CAP_NET_RAW")
        subprocess.run(["sh", "-c", re.search(r"sudo (setcap .*)", live.err())[1]], check=True)
        live = self.live(self.db, prefix=self.as_nobody("--inh-caps=-all"), program=self.program)
        self.powerless(live)
        self.works(live, self.db)

    def test_who_reads_captures_holds_no_right(self):
        subprocess.run(["setcap", "cap_net_raw=ep", self.program], check=True)
        p = subprocess.Popen([*self.as_nobody("--inh-caps=-all"), self.program, "analyze", "--db", "none", "-"], stdin=subprocess.PIPE,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        self.addCleanup(p.stdin.close)

        def rights():
            with open(f"/proc/{p.pid}/status") as f:
                s = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
            return s["Name"], int(s["CapPrm"], 16)
        self.assertTrue(until(lambda: rights() == ("wsclose", 0)), rights())

    def test_ambient_right(self):
        """As the service manager grants it."""
        live = self.live(self.db, prefix=self.as_nobody(*self.AMBIENT, "--bounding-set=-all,+net_raw", "--no-new-privs"), program=self.program)
        self.powerless(live)
        self.works(live, self.db)

    def test_user_needs_root(self):
        live = self.live(self.db, "--user", "games", prefix=self.as_nobody(*self.AMBIENT), program=self.program, ready=False)
        self.fails(live, "only root can go on as user games")


class Confined(Case):
    """What still works."""

    def test_off(self):
        live = self.live("none", "--no-confine")
        s = live.status()
        self.assertEqual((s["Seccomp"], s["NoNewPrivs"], int(s["CapEff"], 16), s["Uid"].split()[0]), ("0", "1", 0, str(NOBODY.pw_uid)))
        self.assertEqual(live.stop(), 0)

    def test_many_records_and_other_users_of_the_database(self):
        """The -wal grows past a checkpoint while others read and write."""
        db = os.path.join(self.dir(OTHER), "x.db")
        live = self.live(db)
        server = self.server()
        for i in range(600):
            server.one(1000 + i % 3)
            if i % 100 == 50:
                self.count(db)
        self.assertTrue(until(lambda: self.count(db) == 600), live.err())
        with contextlib.closing(sqlite3.connect(db, isolation_level=None)) as c:
            c.execute("BEGIN IMMEDIATE")
            server.one()
            time.sleep(1.5)
            c.execute("ROLLBACK")
        self.assertTrue(until(lambda: self.count(db) == 601), live.err())
        live.p.send_signal(signal.SIGUSR1)
        self.assertTrue(until(lambda: "held" in live.err()), live.err())
        self.assertEqual(live.stop(), 0, live.err())

    def test_full_disk(self):
        """Where the database cannot be opened again, too."""
        for mode in (0o755, 0o700):
            with self.subTest(oct(mode)):
                d = self.dir()
                subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=1m,mode={mode:o}", "none", d], check=True)
                try:
                    db, full = os.path.join(d, "x.db"), os.path.join(d, "full")
                    live = self.live(db)
                    self.harmless(live, NOBODY)
                    with open(full, "wb", 0) as f, contextlib.suppress(OSError):
                        while True:
                            f.write(bytes(4096))
                    server = self.server()
                    for _ in range(40):
                        server.one()
                    self.assertTrue(until(lambda: "the database is tried again" in live.err()), live.err())
                    os.unlink(full)
                    self.assertTrue(until(lambda: self.count(db) == 40), live.err())
                    self.assertEqual(live.stop(), 0, live.err())
                    self.assertEqual(self.count(db), 40)
                    server.close()
                finally:
                    subprocess.run(["umount", "-l", d], check=True)

    def test_no_core(self):
        """Packets and secrets are in its memory: it leaves no core where another program does."""
        with open("/proc/sys/kernel/core_pattern") as f:
            if re.match("[|/]", f.read()):
                self.skipTest("core dumps go elsewhere here")
        d = self.dir(OTHER, 0o777)
        there = ("sh", "-c", f"ulimit -c unlimited && cd {d} && exec \"$@\"", "sh")
        subprocess.run([*there, "sh", "-c", "kill -ABRT $$"], stderr=subprocess.DEVNULL)
        if not os.listdir(d):
            self.skipTest("core dumps are forbidden here")
        for old in os.listdir(d):
            os.unlink(os.path.join(d, old))
        for sig in (signal.SIGABRT, signal.SIGSEGV, signal.SIGQUIT):
            live = self.live("none", prefix=there)
            if "built with sanitizers" in live.err():
                self.skipTest("sanitizers' leak check must look")
            server = self.server()
            server.one()
            server.close()
            live.p.send_signal(sig)
            self.assertEqual(live.p.wait(20), -sig)
            self.assertEqual(os.listdir(d), [])

    def test_terminal_and_language(self):
        db = os.path.join(self.dir(), "x.db")
        for lang in ("ja_JP.UTF-8", "C.UTF-8"):
            with self.subTest(lang):
                ours, theirs = os.openpty()
                live = self.live(db, "--format", "table", "--why", stdout=theirs, stderr=theirs, env={"LC_ALL": lang, "LANG": lang})
                server = self.server()
                server.one()
                server.close()
                time.sleep(1.5)
                self.assertEqual(live.stop(), 0)
                os.close(theirs)
                said = b""
                with contextlib.suppress(OSError):
                    while chunk := os.read(ours, 65536):
                        said += chunk
                os.close(ours)
                self.assertIn(b"1000", said)
                self.assertNotIn(b"stopped: system call", said)
                self.assertEqual(said.isascii() or lang.startswith("C"), lang.startswith("C"), said)

    def test_interface_goes(self):
        for last in ("set wscg0 down", "del wscg0"):
            with self.subTest(last):
                subprocess.run("ip link add wscg0 type veth peer name wscg1; ip link set wscg0 up; ip link set wscg1 up", shell=True, check=True)
                live = self.live("none", interface="wscg0")
                subprocess.run(f"ip link {last}", shell=True, check=True)
                time.sleep(1)
                self.assertIn(live.stop(), (0, 3), live.err())
                self.assertNotIn("stopped: system call", live.err())
                subprocess.run("ip link del wscg0", shell=True, stderr=subprocess.DEVNULL)
