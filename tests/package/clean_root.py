#!/usr/bin/env python3
"""The package in a Debian that has nothing else: installed, used as ordinary users use it, removed, and no trace left.

usage: clean_root.py BUILD      BUILD: where cpack put the .deb; the empty Debian is kept there, as clean-root.tar

The root is made by debootstrap from the mirror of this machine's own apt. Needs root; exit 77 where that, debootstrap or the mirror is
missing. Its mounts and its loopback are name spaces of its own.
"""
import ctypes, glob, hashlib, json, os, re, shutil, stat, subprocess, sys, tempfile, time, unittest, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
SAMPLES = os.path.join(SOURCE, "samples")
sys.path.insert(0, os.path.join(SOURCE, "tests", "cases", "live_guard"))
from lab import Server, until

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
COPY = "/usr/libexec/wsclose/wsclose-live"
# Books that dpkg, apt, debconf, ld.so and adduser keep of their own; what they say of us is looked at by test_purge.
BOOKS = re.compile(r"/var/lib/(dpkg|apt|pam)/|/var/cache/(apt|debconf|ldconfig)/|/var/log/|/etc/ld\.so\.cache$|/etc/(passwd|group|g?shadow|sub[ug]id)-$|/run/adduser$|/tmp/")


def skip(why):
    print("skipped:", why)
    sys.exit(77)


def sh(*words, **more):
    p = subprocess.run(words, capture_output=True, text=True, **more)
    if p.returncode != 0:
        sys.exit(f"{' '.join(words)}: exit {p.returncode}\n{p.stdout[-3000:]}{p.stderr[-3000:]}")
    return p.stdout


def mirror():
    """As this machine's apt has it for Debian 12: the archive's address."""
    for line in sh("apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages").splitlines():
        site, release, component = line.split()
        if (release, component) == ("bookworm", "main"):
            return site
    skip("apt knows no mirror of Debian 12 here")


def proxies():
    said = dict(re.findall(r'Acquire::(https?)::Proxy "([^"]+)"', sh("apt-config", "dump")))
    return {f"{scheme}_proxy": url for scheme, url in said.items()}


def base(build):
    """A tar of an empty Debian 12 with two ordinary users; made once."""
    tar = os.path.join(build, "clean-root.tar")
    if os.path.exists(tar):
        return tar
    with tempfile.TemporaryDirectory(dir=build) as d:
        os.chmod(d, 0o755)
        sh("debootstrap", "--variant=minbase", "--include=sqlite3", "bookworm", d, mirror(), env={**os.environ, **proxies()})
        for name in ("alice", "bob"):
            sh("chroot", d, "useradd", "--create-home", name, env={"PATH": PATH})
        sh("tar", "-C", d, "-cf", tar + ".new", ".")
    os.rename(tar + ".new", tar)
    return tar


class Root:
    def __init__(self, build, work):
        self.dir = os.path.join(work, "root")
        os.mkdir(self.dir)
        sh("tar", "-C", self.dir, "-xpf", base(build))
        shutil.copy("/etc/resolv.conf", self.dir + "/etc/resolv.conf")
        with open(self.dir + "/etc/apt/apt.conf.d/proxy", "w") as f:
            f.writelines(f'Acquire::{k.split("_")[0]}::Proxy "{v}";\n' for k, v in proxies().items())
        shutil.copytree(SAMPLES, self.dir + SAMPLES, ignore=shutil.ignore_patterns("record"))
        sh("mount", "-t", "proc", "proc", self.dir + "/proc")

    def run(self, *words, user=None, env=(), groups=(), ok=(0,)):
        who = [] if user is None else [f"--userspec={user}:{user}", *([f"--groups={','.join(groups)}"] if groups else [])]
        home = "/root" if user is None else "/home/" + user
        p = subprocess.run(["chroot", *who, self.dir, "/bin/sh", "-c", 'cd; exec "$@"', "sh", *words], capture_output=True, text=True, timeout=300,
                           env={"PATH": PATH, "HOME": home, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **dict(env)})
        if p.returncode not in ok:
            raise AssertionError(f"{' '.join(words)}: exit {p.returncode}\n{p.stdout[-3000:]}{p.stderr[-3000:]}")
        return p

    def file(self, path):
        with open(self.dir + path, encoding="utf-8") as f:
            return f.read()

    def files(self):
        """Each file that is no book of another's: what it is, whose, and its content."""
        found = {}
        for at, dirs, names in os.walk(self.dir):
            short = at[len(self.dir):]
            dirs[:] = [d for d in dirs if not os.path.ismount(os.path.join(at, d))]
            for name in dirs + names:
                path, s = f"{short}/{name}", os.lstat(os.path.join(at, name))
                if BOOKS.search(path + ("/" if stat.S_ISDIR(s.st_mode) else "")):
                    continue
                content = os.readlink(os.path.join(at, name)) if stat.S_ISLNK(s.st_mode) else ""
                if stat.S_ISREG(s.st_mode):
                    with open(os.path.join(at, name), "rb") as f:
                        content = hashlib.sha256(f.read()).hexdigest()
                found[path] = (oct(s.st_mode), s.st_uid, s.st_gid, content)
        return found


class Package(unittest.TestCase):
    """In the order of an installation's life: each step finds what those before it left."""
    root = deb = before = None

    def wsclose(self, *words, **more):
        return self.root.run("wsclose", *words, **more)

    def live(self, *more, **how):
        return self.wsclose("live", "-i", "lo", "--duration", "0.3", "--db", "none", *more, **how)

    def rights(self):
        s = os.stat(self.root.dir + COPY)
        caps = self.root.run("getcap", COPY).stdout.strip()
        return stat.S_IMODE(s.st_mode), s.st_uid == 0, s.st_gid == self.group(), caps.rpartition(" ")[2]

    def group(self):
        return int(re.search(r"^wsclose:[^:]*:(\d+):", self.root.file("/etc/group"), re.M)[1])

    def choose(self, capture):
        self.root.run("sh", "-c", f"echo 'wsclose wsclose/capture boolean {str(capture).lower()}' | debconf-set-selections")
        self.root.run("dpkg-reconfigure", "-f", "noninteractive", "wsclose")

    def test_01_install(self):
        self.root.run("apt-get", "update", "-q")
        self.root.run("apt-get", "install", "-y", "-q", "--no-install-recommends", "/tmp/" + os.path.basename(self.deb))
        user = re.search(r"^wsclose:.*$", self.root.file("/etc/passwd"), re.M)[0].split(":")
        self.assertEqual(user[5:], ["/var/lib/wsclose", "/usr/sbin/nologin"])
        self.assertLess(int(user[2]), 1000)
        self.assertEqual(self.rights(), (0o755, True, False, ""))
        self.assertEqual(self.root.run("dpkg", "--verify", "wsclose").stdout, "")
        self.assertEqual(self.root.run("dpkg", "--audit").stdout, "")
        # The rest needs no network, but a loopback that nobody else talks over.
        if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:  # CLONE_NEWNET
            raise OSError(ctypes.get_errno(), "unshare")
        sh("ip", "link", "set", "lo", "up")

    def test_02_quick_start(self):
        """As README.md has it, by who is nobody in particular."""
        p = self.wsclose("analyze", f"{SAMPLES}/close-handshake.pcap", f"{SAMPLES}/fin.pcap", user="alice")
        self.assertRegex(p.stdout, r"1008 Policy Violation +server +close_handshake +policy")
        self.assertIn("stored in wsclose.db", p.stderr + p.stdout)
        events = [json.loads(line) for line in self.wsclose("events", "--format", "ndjson", user="alice").stdout.splitlines()]
        self.assertEqual(sorted(e["close_code"] for e in events if e["ending"] == "close_handshake"), [1000, 1001, 1005, 1008])
        self.assertRegex(self.wsclose("stats", "--by", "code", user="alice").stdout, r"(?m)^ *1008\b")
        self.assertIn("policy", self.wsclose("explain", "1008", user="alice").stdout.lower())
        rows = self.root.run("sqlite3", "wsclose.db", "SELECT * FROM closures_by_code WHERE close_code = 1008", user="alice").stdout
        self.assertRegex(rows, r"^1008\|")
        self.assertEqual(self.wsclose("--version", user="alice").stdout.split()[:2], ["wsclose", self.root.run("dpkg-query", "-W", "-f", "${Version}", "wsclose").stdout])

    def test_03_every_sample(self):
        """What the endpoints reported, said by the installed program."""
        wrapper = os.path.join(os.path.dirname(self.root.dir), "wsclose")
        with open(wrapper, "w") as f:
            f.write(f'#!/bin/sh\nexec chroot --userspec=alice:alice {self.root.dir} /usr/bin/wsclose "$@"\n')
        os.chmod(wrapper, 0o755)
        p = subprocess.run([sys.executable, os.path.join(SOURCE, "tests/cases/samples/check.py"), wrapper, SAMPLES], capture_output=True, text=True)
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)

    def test_04_languages(self):
        self.assertRegex(self.wsclose("explain", "1000", user="alice", env={"LC_ALL": "ja_JP.UTF-8"}).stdout, "[ぁ-ん]")
        self.assertIn("đ", self.wsclose("--lang", "vi", "explain", "1000", user="alice").stdout)

    def test_05_manual_and_completion(self):
        listed = self.root.run("dpkg", "-L", "wsclose").stdout.split()
        for line in self.wsclose("--help").stdout.splitlines():
            if m := re.match(r"  (\w+) ", line):
                self.assertIn(f"/usr/share/man/man1/wsclose-{m[1]}.1.gz", listed)
        for path in ("man/man1/wsclose.1.gz", "man/man5/wsclose-schema.5.gz", "bash-completion/completions/wsclose", "zsh/vendor-completions/_wsclose",
                     "fish/vendor_completions.d/wsclose.fish", "doc/wsclose/README.md.gz", "doc/wsclose/SECURITY.md", "doc/wsclose/copyright"):
            self.assertIn("/usr/share/" + path, listed)
            self.assertGreater(os.path.getsize(f"{self.root.dir}/usr/share/{path}"), 100)

    def test_06_only_root_captures(self):
        self.live()
        p = self.live(user="alice", ok=(1,))
        self.assertIn("dpkg-reconfigure wsclose", p.stderr)
        self.assertEqual(p.stderr.count("the right to capture"), 1, p.stderr)
        self.assertIn("dpkg-reconfigure wsclose", self.wsclose("doctor", user="alice", ok=(0, 1)).stdout)

    def test_07_the_group_captures(self):
        self.choose(True)
        self.assertEqual(self.rights(), (0o750, True, True, "cap_net_raw=ep"))
        self.assertEqual(self.root.run("getcap", "/usr/bin/wsclose").stdout, "")
        self.assertIn("dpkg-reconfigure wsclose", self.live(user="alice", ok=(1,)).stderr)
        self.live(user="bob", groups=("wsclose",))
        self.assertIn("as a member of the group wsclose", self.wsclose("doctor", user="bob", groups=("wsclose",), ok=(0, 1)).stdout)
        # Every word arrives, and the language.
        p = self.root.run("wsclose", "--lang", "vi", "live", "-i", "lo", "--duration", "0.3", "--db", "/home/bob/a b.db", "--quiet", user="bob", groups=("wsclose",))
        self.assertEqual(p.stderr, "")
        self.assertTrue(os.path.exists(self.root.dir + "/home/bob/a b.db"))
        p = self.root.run("wsclose", "live", "-i", "nowhere0", "--db", "none", user="bob", groups=("wsclose",), ok=(1,))
        self.assertIn("nowhere0: there is no such interface", p.stderr)

    def test_08_an_upgrade_keeps_the_choice(self):
        self.root.run("dpkg", "-i", "/tmp/" + os.path.basename(self.deb))
        self.assertEqual(self.rights(), (0o750, True, True, "cap_net_raw=ep"))
        self.choose(False)
        self.assertEqual(self.rights(), (0o755, True, False, ""))
        self.live(user="bob", groups=("wsclose",), ok=(1,))

    def test_09_an_override_is_left_alone(self):
        self.root.run("dpkg-statoverride", "--update", "--add", "root", "root", "0700", COPY)
        self.choose(True)
        self.assertEqual(self.rights(), (0o700, True, False, ""))
        self.root.run("dpkg-statoverride", "--remove", COPY)
        self.choose(False)

    def test_10_service(self):
        """The unit's command as its user, with the one right it gets, in the directory it gets; its group reads what it stored."""
        unit = self.root.file("/usr/lib/systemd/system/wsclose-live@.service")
        setting = dict(re.findall(r"^(\w+)=(.*)$", unit, re.M))
        self.assertEqual((setting["User"], setting["Group"], setting["AmbientCapabilities"]), ("wsclose", "wsclose", "CAP_NET_RAW"))
        state = f"/var/lib/{setting['StateDirectory']}"
        self.root.run("install", "-d", "-o", "wsclose", "-g", "wsclose", "-m", setting["StateDirectoryMode"], state)
        command = setting["ExecStart"].replace("%i", "lo").replace("%S", "/var/lib").replace(" $WSCLOSE_OPTIONS", "").split()
        live = subprocess.Popen(["chroot", self.root.dir, "setpriv", "--reuid=wsclose", "--regid=wsclose", "--clear-groups", "--no-new-privs",
                                 "--inh-caps=-all,+net_raw", "--ambient-caps=-all,+net_raw", "--bounding-set=-all,+net_raw",
                                 "/bin/sh", "-c", f'umask {setting["UMask"]}; exec "$@"', "sh", *command], stderr=subprocess.PIPE, text=True, env={"PATH": PATH})
        db = f"{state}/lo.db"
        read = lambda **how: self.wsclose("events", "--db", db, "--format", "ndjson", user="bob", **how)
        try:
            self.assertTrue(until(lambda: os.path.exists(self.root.dir + db) or live.poll() is not None), "no database")
            server = Server(9000)
            time.sleep(0.5)
            server.one(4001)
            server.close()
            in_group = {"groups": ("wsclose",)}
            self.assertTrue(until(lambda: '"close_code":4001' in read(ok=(0, 1), **in_group).stdout), "no record, or the group cannot read while it runs")
        finally:
            live.terminate()
            said = live.communicate(timeout=30)[1]
        self.assertEqual(live.returncode, 0, said)
        self.assertIn('"close_code":4001', read(**in_group).stdout)
        read(ok=(1,))  # who is no member
        self.assertEqual(os.stat(self.root.dir + db).st_mode & 0o7777, 0o640)
        p = subprocess.run(["sqlite3", "-readonly", self.root.dir + db, "SELECT count(*) FROM connections"], capture_output=True, text=True)
        self.assertEqual(p.stdout.strip(), "1", p.stderr)

    def test_11_remove_keeps_the_data(self):
        self.root.run("ln", "-s", "/usr/lib/systemd/system/wsclose-live@.service", "/etc/systemd/system/multi-user.target.wants/wsclose-live@lo.service")
        self.root.run("apt-get", "remove", "-y", "-q", "wsclose")
        self.assertTrue(os.path.exists(self.root.dir + "/var/lib/wsclose/lo.db"))
        self.assertFalse(os.path.exists(self.root.dir + COPY))

    def test_12_purge(self):
        """Nothing is left: no file, no user, no answer in debconf; and nothing else was changed."""
        self.root.run("apt-get", "purge", "-y", "-q", "--auto-remove", "wsclose")
        for user in ("alice", "bob"):
            for path in glob.glob(f"{self.root.dir}/home/{user}/*.db*"):
                os.unlink(path)
        after = self.root.files()
        self.assertEqual({p: (self.before.get(p), after.get(p)) for p in self.before.keys() | after.keys() if self.before.get(p) != after.get(p)}, {})
        self.assertEqual(self.root.run("grep", "-rl", "--exclude=*-", "wsclose", "/etc", "/var/lib/dpkg/info", "/var/lib/dpkg/statoverride", "/var/lib/dpkg/status",
                                       "/var/cache/debconf/config.dat", "/var/cache/debconf/templates.dat", "/var/lib/systemd", ok=(0, 1, 2)).stdout, "")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build = os.path.abspath(sys.argv[1])
    if os.geteuid() != 0:
        skip("only root can make a root")
    for program in ("debootstrap", "unshare", "ip", "apt-get"):
        if not shutil.which(program):
            skip(f"no {program} here")
    debs = glob.glob(f"{build}/wsclose_*.deb")
    if len(debs) != 1:
        sys.exit(f"{len(debs)} packages wsclose_*.deb in {build}; expected one")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({k.split("_")[0]: v for k, v in proxies().items()}))
    try:
        opener.open(mirror() + "/dists/bookworm/InRelease", timeout=20).read(100)
    except OSError as e:
        skip(f"the mirror cannot be reached ({e})")
    if "--inside" not in sys.argv:
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, os.path.abspath(__file__), build, "--inside"])
    with tempfile.TemporaryDirectory(prefix="wsclose-root.") as work:
        os.chmod(work, 0o755)
        try:
            Package.root, Package.deb = Root(build, work), debs[0]
            os.makedirs(Package.root.dir + "/etc/systemd/system/multi-user.target.wants", exist_ok=True)
            shutil.copy(debs[0], Package.root.dir + "/tmp")
            Package.before = Package.root.files()
            result = unittest.TextTestRunner(failfast=False).run(unittest.defaultTestLoader.loadTestsFromTestCase(Package))
        finally:
            sh("umount", "-l", os.path.join(work, "root", "proc"))
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    main()
