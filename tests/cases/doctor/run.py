#!/usr/bin/env python3
"""`wsclose doctor` and `wsclose --version`: what they say, against what was arranged. usage: run.py WSCLOSE

As root it also looks at a veth in a network namespace of the test's own, which goes with it, and asks as another user.
"""
import ctypes, json, os, re, shutil, socket, sqlite3, subprocess, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
import pcapgen

WSCLOSE = os.path.abspath(sys.argv.pop(1))
ENV = {k: v for k, v in os.environ.items() if k not in ("SSLKEYLOGFILE", "COLUMNS", "LC_ALL")}
CLONE_NEWNET = 0x40000000
NOBODY = 65534
ROOT = os.geteuid() == 0
NAMESPACE = ROOT and ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0
SECRET = "CLIENT_RANDOM " + "ab" * 32 + " " + "cd" * 48 + "\n"


def sh(command):
    subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Case(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory(dir="/tmp")
        self.addCleanup(self.tmp.cleanup)
        os.chmod(self.tmp.name, 0o755)

    def path(self, name):
        return os.path.join(self.tmp.name, name)

    def run_(self, *args, status=0, env=None, user=None, program=WSCLOSE, **kw):
        p = subprocess.run([program, *args], capture_output=True, cwd=self.tmp.name, timeout=60, user=user, group=user, extra_groups=[] if user else None,
                           env={**ENV, "LC_ALL": "C.UTF-8", "PAGER": "cat", **(env or {})}, **kw)
        self.assertEqual(p.returncode, status, (args, p.stdout, p.stderr))
        return p.stdout.decode()

    def doctor(self, *args, **kw):
        """{check or "check subject": object}; and nothing has changed."""
        before = self.files()
        out = json.loads(self.run_("doctor", "--format", "json", *args, **kw))
        self.assertEqual(self.files(), before)
        for c in out:
            self.assertEqual(set(c), {"check", "subject", "state", "needed", "text", "mend"})
            self.assertIn(c["state"], ("ok", "note", "unknown", "missing"))
        return {c["check"] + (" " + c["subject"] if c["subject"] else ""): c for c in out}

    def files(self):
        found = []
        for folder, _, names in os.walk(self.tmp.name):
            for name in names:
                st = os.lstat(os.path.join(folder, name))
                found.append((os.path.join(folder, name), st.st_size, st.st_mtime_ns, st.st_mode))
        return sorted(found)

    def program(self):
        """A copy that another user can reach and that may be given capabilities."""
        path = self.path("bin")
        shutil.copy(WSCLOSE, path)
        os.chmod(path, 0o755)
        return path

    def database(self, name="wsclose.db"):
        c = pcapgen.Capture()
        pcapgen.clean_session(c, 1000, b"bye", port=40000)
        with open(self.path("a.pcap"), "wb") as f:
            f.write(c.pcap())
        self.run_("analyze", "--quiet", "--format", "none", "--db", name, "a.pcap")
        return self.path(name)


class Analysis(Case):
    def test_compressions_are_read_indeed(self):
        said = self.doctor()["captures"]
        self.assertEqual((said["state"], said["needed"]), ("ok", True))
        c = pcapgen.Capture()
        pcapgen.clean_session(c, 1000, b"bye", port=40000)
        with open(self.path("a.pcap"), "wb") as f:
            f.write(c.pcap())
        tried = 0
        for name in said["text"].split("compressed: ")[1].split():
            if shutil.which(name) is None:
                continue
            tried += 1
            with open(self.path("z"), "wb") as f:
                subprocess.run([name, "-c", self.path("a.pcap")], stdout=f, check=True)
            self.assertEqual(len(self.run_("analyze", "--db", "none", "--format", "ndjson", "z").splitlines()), 1, name)
        self.assertGreater(tried, 1)

    def test_locale(self):
        self.assertEqual(self.doctor()["locale"]["state"], "ok")
        said = self.doctor(env={"LC_ALL": "C"})["locale"]
        self.assertEqual((said["state"], said["needed"]), ("note", False))

    def test_table_is_for_people_and_keeps_to_ascii_without_utf8(self):
        out = self.run_("doctor", env={"LC_ALL": "C"})
        out.encode("ascii")
        self.assertRegex(out, r"(?m)^ok +captures +pcap and pcapng")
        self.assertNotIn("\033", out)
        self.assertEqual(len(self.run_("doctor", "--format", "ndjson").splitlines()), len(self.doctor()))
        self.run_("doctor", "--format", "csv", status=2)
        self.run_("doctor", "operand", status=2)


class Database(Case):
    def expect(self, name, state, words, status=0, **kw):
        found = self.doctor("--db", name, status=status, **kw)
        said = found["database " + name]
        self.assertEqual((said["state"], said["needed"]), (state, True), said)
        self.assertIn(words, said["text"])
        return found

    def test_none_yet(self):
        self.expect("wsclose.db", "ok", "not there yet")
        self.assertEqual(os.listdir(self.tmp.name), [])

    def test_ours(self):
        path = self.database()
        db = sqlite3.connect(path)
        (version,) = db.execute("PRAGMA user_version").fetchone()
        db.close()
        self.expect("wsclose.db", "ok", f"schema {version}, last written with SQLite 3.")

    def test_an_older_one_is_brought_up_to_date_later(self):
        db = sqlite3.connect(self.path("old.db"))
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "schema", "001_init.sql")) as f:
            db.executescript(f.read() + "; PRAGMA user_version = 1")
        db.close()
        self.expect("old.db", "ok", "schema 1, last written")
        self.expect("old.db", "ok", "the next analyze brings it to schema")

    def test_foreign_and_newer_and_no_database(self):
        for name, script in (("foreign.db", "PRAGMA application_id = 7; CREATE TABLE t (x)"),
                             ("newer.db", "PRAGMA application_id = 0x57534331; PRAGMA user_version = 99; CREATE TABLE t (x)")):
            db = sqlite3.connect(self.path(name))
            db.executescript(script)
            db.close()
        self.expect("foreign.db", "missing", "another program", status=1)
        self.expect("newer.db", "missing", "newer wsclose: schema 99", status=1)
        with open(self.path("text.db"), "w") as f:
            f.write("no database\n" * 100)
        self.expect("text.db", "missing", "is no database", status=1)
        os.mkdir(self.path("dir.db"))
        self.expect("dir.db", "missing", "is no file", status=1)
        os.mkfifo(self.path("pipe.db"))
        self.expect("pipe.db", "missing", "is no file", status=1)
        open(self.path("empty.db"), "w").close()
        self.expect("empty.db", "ok", "not there yet")
        self.expect("no/such/place.db", "missing", "cannot make it", status=1)

    def test_who_writes_to_it(self):
        """Another process, with a WAL and with a journal: whose number it is."""
        self.database()
        script = ("import os, sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], isolation_level=None)\ndb.execute('PRAGMA journal_mode = ' + sys.argv[2])\n"
                  "db.execute('BEGIN IMMEDIATE')\nprint(os.getpid(), flush=True)\nsys.stdin.read()\ndb.execute('ROLLBACK')\n")
        for mode in ("WAL", "DELETE"):
            p = subprocess.Popen([sys.executable, "-c", script, self.path("wsclose.db"), mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            pid = int(p.stdout.readline())
            self.expect("wsclose.db", "note", f"process {pid} writes to it now")
            p.communicate()
            self.expect("wsclose.db", "ok", "schema")

    @unittest.skipUnless(ROOT, "needs root")
    def test_another_user_cannot_write(self):
        program = self.program()
        self.database()
        self.expect("wsclose.db", "missing", "it cannot be written to by you", status=1, user=NOBODY, program=program)
        os.chmod(self.path("wsclose.db"), 0o666)
        self.expect("wsclose.db", "missing", "its directory cannot be written to", status=1, user=NOBODY, program=program)
        self.expect("other.db", "missing", "cannot make it in this directory", status=1, user=NOBODY, program=program)
        os.chmod(self.path("wsclose.db"), 0o600)
        self.expect("wsclose.db", "missing", "cannot be read by you", status=1, user=NOBODY, program=program)
        os.chmod(self.path("wsclose.db"), 0o666)
        os.chmod(self.tmp.name, 0o777)
        self.expect("wsclose.db", "ok", "schema", user=NOBODY, program=program)

    def test_disk_room(self):
        said = self.doctor()["disk-room"]
        st = os.statvfs(self.tmp.name)
        self.assertAlmostEqual(int(said["text"].split()[0]), st.f_bavail * st.f_frsize >> 20, delta=2048)

    @unittest.skipUnless(ROOT, "needs root")
    def test_a_full_disk_is_missing(self):
        os.mkdir(self.path("full"))
        script = "mount -t tmpfs -o size=4m none full && exec \"$@\""
        p = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", WSCLOSE, "doctor", "--format", "json", "--db", "full/a.db"], capture_output=True, cwd=self.tmp.name, env=ENV)
        if b"mount" in p.stderr or b"unshare" in p.stderr:
            self.skipTest("no mounting here")
        (said,) = [c for c in json.loads(p.stdout) if c["check"] == "disk-room"]
        self.assertEqual((said["state"], said["text"], p.returncode), ("missing", "4 MiB free", 1))


class KeyLog(Case):
    def keylog(self, text, mode=0o600, **kw):
        with open(self.path("k.log"), "w") as f:
            f.write(text)
        os.chmod(self.path("k.log"), mode)
        return self.doctor(env={"SSLKEYLOGFILE": self.path("k.log")}, **kw)["key-log " + self.path("k.log")]

    def test_none(self):
        said = self.doctor()["key-log"]
        self.assertEqual(said["state"], "note")
        self.assertIn("SSLKEYLOGFILE", said["mend"])

    def test_good_and_bad(self):
        for text, state, words in ((SECRET, "ok", "1 secrets in 1 lines"), ("# comment\n" + SECRET + "CLIENT_RANDOM zz\n", "note", "1 secrets in 2 lines; some lines cannot be read"),
                                   ("this is a letter\nto somebody\n", "missing", "no key log"), ("", "note", "0 secrets in 0 lines; did the program")):
            said = self.keylog(text)
            self.assertEqual(said["state"], state, said)
            self.assertIn(words, said["text"])
            self.assertIsNone(said["mend"])

    def test_others_may_read_it(self):
        said = self.keylog(SECRET, 0o640)
        self.assertEqual((said["state"], said["mend"]), ("note", "chmod 600 -- " + self.path("k.log")))

    def test_named_by_the_option_and_not_there(self):
        said = self.doctor("--keylog", "later.log")["key-log later.log"]
        self.assertEqual(said["state"], "note")
        self.assertIn("not there yet", said["text"])

    def test_a_pipe_is_not_read(self):
        os.mkfifo(self.path("fifo"))
        self.assertEqual(self.doctor("--keylog", "fifo")["key-log fifo"]["state"], "unknown")

    def test_a_hostile_name(self):
        name = "k\033[31m\n'; rm x"
        with open(self.path(name), "w") as f:
            f.write(SECRET)
        os.chmod(self.path(name), 0o644)
        out = self.run_("doctor", "--keylog", name)
        self.assertNotIn("\033", out)
        self.assertIn("chmod 600 -- 'k\\x1b[31m\\n'\\''; rm x'", out)
        self.assertIn("key-log " + name, self.doctor("--keylog", name))

    @unittest.skipUnless(ROOT, "needs root")
    def test_that_of_another_user(self):
        program = self.program()
        self.keylog(SECRET)
        said = self.doctor("--keylog", "k.log", user=NOBODY, program=program, status=1)["key-log k.log"]
        self.assertEqual(said["state"], "missing")
        self.assertIn("ermission", said["text"])


@unittest.skipUnless(ROOT, "needs root")
class Rights(Case):
    def setUp(self):
        super().setUp()
        os.chmod(self.tmp.name, 0o777)

    def test_root(self):
        self.assertEqual(self.doctor()["capture-right"]["state"], "ok")

    def test_an_ordinary_user_reads_what_to_do_and_analyze_needs_none_of_it(self):
        program = self.program()
        found = self.doctor(user=NOBODY, program=program)
        said = found["capture-right"]
        self.assertEqual((said["state"], said["needed"]), ("missing", False))
        self.assertEqual(said["mend"], "sudo setcap cap_net_raw=ep " + program)
        self.assertIn("tcpdump", found["capture-otherwise"]["mend"])

    def test_the_mend_mends(self):
        program = self.program()
        if subprocess.run(["setcap", "cap_net_raw=ep", program], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no file capabilities here")
        said = self.doctor(user=NOBODY, program=program)["capture-right"]
        self.assertEqual(said["state"], "ok", said)
        self.assertIn("program file grants", said["text"])
        p = subprocess.run(["setpriv", "--no-new-privs", program, "doctor", "--format", "json"], capture_output=True, cwd=self.tmp.name, env=ENV, user=NOBODY, group=NOBODY, extra_groups=[])
        (said,) = [c for c in json.loads(p.stdout) if c["check"] == "capture-right"]
        self.assertEqual(said["state"], "missing")
        self.assertIn("no_new_privs", said["text"])

    def test_root_without_the_right(self):
        p = subprocess.run(["setpriv", "--bounding-set", "-net_raw", WSCLOSE, "doctor", "--format", "json"], capture_output=True, cwd=self.tmp.name, env=ENV)
        (said,) = [c for c in json.loads(p.stdout) if c["check"] == "capture-right"]
        self.assertEqual((said["state"], said["mend"]), ("missing", None))
        self.assertIn("though you are root", said["text"])


@unittest.skipUnless(NAMESPACE, "needs root and a network namespace")
class Interfaces(Case):
    def setUp(self):
        super().setUp()
        sh("ip link add v0 type veth peer name v1")
        self.addCleanup(sh, "ip link del v0")

    def test_down_and_up(self):
        said = self.doctor()["interface v0"]
        self.assertEqual((said["state"], said["mend"]), ("note", "sudo ip link set v0 up"))
        sh(said["mend"].replace("sudo ", ""))
        self.assertRegex(self.doctor()["interface v0"]["text"], "^up, MTU 1500")

    @unittest.skipUnless(shutil.which("ethtool"), "needs ethtool")
    def test_offloads(self):
        sh("ip link set v0 up; ip link set v1 up; ethtool -K v0 gro on tso on gso on")
        found = self.doctor()
        said = found["interface v0"]
        self.assertEqual(said["state"], "note", said)
        self.assertRegex(said["text"], r"on: gro tso gso")
        self.assertIn("offloads", found)
        self.assertEqual(said["mend"], "sudo ethtool -K v0 gro off tso off gso off")
        for name in ("v0", "v1"):
            mend = self.doctor()[f"interface {name}"]["mend"]
            sh(mend.replace("sudo ", ""))
        found = self.doctor()
        self.assertEqual((found["interface v0"]["state"], found["interface v0"]["mend"]), ("ok", None))
        self.assertNotIn(" on: ", found["interface v0"]["text"])
        self.assertNotIn("offloads", found)
        sh("ethtool -K v0 tso on")
        self.assertEqual(self.doctor()["interface v0"]["mend"], "sudo ethtool -K v0 tso off")

    def test_a_hostile_name(self):
        name = "v\033[1m;$x'"
        subprocess.run(["ip", "link", "set", "v1", "name", name], check=True)
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
        out = self.run_("doctor")
        self.assertNotIn("\033", out)
        self.assertIn("interface v\\x1b[1m;$x'", out)
        self.assertIn("interface " + name, self.doctor())
        subprocess.run(["ip", "link", "set", name, "name", "v1"], check=True)


class Version(Case):
    PACKAGES = {"libpcap": "libpcap0.8", "libarchive": "libarchive13", "nDPI": "libndpi4.2", "nghttp2": "libnghttp2-14", "OpenSSL": "libssl3", "SQLite": "libsqlite3-0",
                "jansson": "libjansson4", "xxHash": "libxxhash0", "zlib": "zlib1g", "libseccomp": "libseccomp2", "libmicrohttpd": "libmicrohttpd12"}

    def test_names_what_it_runs_with(self):
        out = self.run_("--version")
        self.assertRegex(out, r"\Awsclose \d+\.\d+\.\d+\n")
        said = dict((w.split() + [""])[:2] for w in out.split("with ")[1].strip().split(", "))
        self.assertEqual(set(said), set(self.PACKAGES) | {"libcap-ng"})
        if shutil.which("dpkg-query") is None:
            self.skipTest("no dpkg")
        for name, package in self.PACKAGES.items():
            p = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
            upstream = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", p.stdout)
            if p.returncode == 0:
                self.assertEqual(".".join((said[name] + ".0.0").split(".")[:3]), ".".join((upstream[1] + ".0.0").split(".")[:3]), name)


if __name__ == "__main__":
    if NAMESPACE:
        sh("ip link set lo up")
    unittest.main()
