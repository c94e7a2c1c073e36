"""What the tests share."""
import contextlib, os, pwd, shutil, sqlite3, tempfile, unittest

from lab import Live, Server, until

NOBODY = pwd.getpwnam("nobody")
OTHER = pwd.getpwnam("games")  # an account without rights that every system has
CAPS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
WSCLOSE = os.environ["WSCLOSE"]


def ask(db, query, more="mode=ro"):
    with contextlib.closing(sqlite3.connect(f"file:{db}?{more}", uri=True, timeout=10)) as c:
        return c.execute(query).fetchall()


class Case(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.mkdtemp(prefix="wscg")
        os.chmod(self.tmp, 0o755)
        self.addCleanup(shutil.rmtree, self.tmp)

    def dir(self, owner=None, mode=0o755):
        d = tempfile.mkdtemp(dir=self.tmp)
        os.chmod(d, mode)
        if owner:
            os.chown(d, owner.pw_uid, owner.pw_gid)
        return d

    def live(self, *args, program=WSCLOSE, **options):
        live = Live(program, *args, **options)
        self.addCleanup(live.notify.close)
        self.addCleanup(lambda: live.p.poll() is None and (live.p.kill(), live.p.wait()))
        return live

    def server(self, port=9000, host="127.0.0.1"):
        s = Server(port, host)
        self.addCleanup(s.close)
        return s

    def count(self, db):
        return ask(db, "SELECT count(*) FROM connections WHERE outcome != 'open'")[0][0]

    def fails(self, live, words):
        self.assertEqual(live.p.wait(20), 1)
        self.assertIn(words, live.err())

    def harmless(self, live, user):
        """Nothing is left that could harm, in no thread."""
        s = live.status()
        self.assertEqual(set(s["Uid"].split()), {str(user.pw_uid)})
        self.assertEqual(set(s["Gid"].split()), {str(user.pw_gid)})
        self.assertNotIn("0", s["Groups"].split() if user.pw_uid else [])
        self.assertEqual({k: int(s[k], 16) for k in CAPS}, dict.fromkeys(CAPS, 0))
        self.assertEqual(s["NoNewPrivs"], "1")
        if "built with sanitizers" not in live.err():
            self.assertEqual(s["Seccomp"], "2")
            self.assertEqual(os.stat(f"/proc/{live.p.pid}/mem").st_uid, 0)  # not dumpable: its files are root's
            with open(f"/proc/{live.p.pid}/limits") as f:
                self.assertRegex(f.read(), r"Max core file size +0 +0 ")
        for task in os.listdir(f"/proc/{live.p.pid}/task"):
            t = live.status(task)
            for k in (*CAPS, "Uid", "Gid", "NoNewPrivs", "Seccomp"):
                self.assertEqual(t[k], s[k], (task, k))

    def works(self, live, db):
        """A connection that ends now is stored while it runs, and stays. Returns the files it left."""
        before = self.count(db)
        server = self.server()
        server.one()
        server.close()
        self.assertTrue(until(lambda: self.count(db) == before + 1), live.err())
        self.assertEqual(live.stop(), 0, live.err())
        left = os.listdir(os.path.dirname(db))
        self.assertEqual(self.count(db), before + 1)
        return left
