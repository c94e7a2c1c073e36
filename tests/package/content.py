#!/usr/bin/env python3
"""What is in the packages, and what is said of it.

usage: content.py BUILD      BUILD: where `cmake --preset package` built, and cpack made packages
"""
import glob, gzip, hashlib, io, os, re, shutil, subprocess, sys, tarfile, tempfile, time, unittest

BUILD = os.path.abspath(sys.argv[1])
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
with open(os.path.join(BUILD, "CMakeCache.txt")) as f:
    CACHE = f.read()


def said(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}, **more).stdout


VERSION = re.search(r"CMAKE_PROJECT_VERSION:\w+=(.*)", CACHE)[1]
ARCH = said("dpkg", "--print-architecture").strip()
DEBS = {name: f"{BUILD}/{name}_{VERSION}_{ARCH}.deb" for name in ("wsclose", "libwsclose-dev")}
PROGRAMS = ("usr/bin/wsclose", "usr/libexec/wsclose/wsclose-live")


def field(deb, name):
    return said("dpkg-deb", "-f", DEBS[deb], name).strip()


def words(depends):
    """The packages' names in such a field, those of alternatives too."""
    return set(re.findall(r"(?:^|[,|])\s*([a-z0-9.+-]+)", depends))


def members(path):
    """(member, content) of a .deb's files."""
    data = subprocess.run(["dpkg-deb", "--fsys-tarfile", path], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return [(m, tar.extractfile(m).read() if m.isreg() else None) for m in tar]


def contents(folder):
    """The digest of what is in each package. (The outermost shell of a .deb has modes by the umask.)"""
    found = {}
    for path in glob.glob(folder + "/*.deb") + glob.glob(folder + "/*.tar.gz"):
        tars = [["dpkg-deb", what, path] for what in ("--ctrl-tarfile", "--fsys-tarfile")] if path.endswith(".deb") else [["cat", path]]
        found[os.path.basename(path)] = [hashlib.sha256(subprocess.run(t, capture_output=True, check=True).stdout).hexdigest() for t in tars]
    return found


class Content(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.members = {name: members(path) for name, path in DEBS.items()}
        cls.tmp = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.tmp)
        cls.root = os.path.join(cls.tmp, "root")
        for path in DEBS.values():
            said("dpkg-deb", "-x", path, cls.root)

    def each_file(self):
        for deb, found in self.members.items():
            for m, content in found:
                if content is not None:
                    yield deb, m.name.removeprefix("./"), m, content

    def test_names(self):
        self.assertEqual(sorted(glob.glob(BUILD + "/*.deb")), sorted(DEBS.values()))
        self.assertEqual({d: (field(d, "Package"), field(d, "Version"), field(d, "Architecture")) for d in DEBS}, {d: (d, VERSION, ARCH) for d in DEBS})

    def test_all_that_is_installed_is_packaged_once(self):
        stage = os.path.join(self.tmp, "stage")
        subprocess.run(["cmake", "--install", BUILD], capture_output=True, check=True, env={**os.environ, "DESTDIR": stage})
        installed = sorted(os.path.relpath(os.path.join(at, n), stage) for at, _, names in os.walk(stage) for n in names)
        self.assertEqual(sorted(name for _, name, _, _ in self.each_file()), installed)
        dev = [name for deb, name, _, _ in self.each_file() if deb == "libwsclose-dev"]
        self.assertEqual([n for n in dev if not re.match(r"usr/(include/wsclose|lib/[^/]+/(cmake/wsclose|pkgconfig|libwsclose\.a$)|share/doc/libwsclose-dev)", n)], [])

    def test_what_must_be_there(self):
        names = {name for _, name, _, _ in self.each_file()}
        doc = "usr/share/doc/"
        wanted = {*PROGRAMS, "usr/lib/systemd/system/wsclose-live@.service", "usr/lib/sysusers.d/wsclose.conf", doc + "wsclose/README.md.gz", doc + "wsclose/SECURITY.md",
                  doc + "wsclose/schema.md.gz", doc + "libwsclose-dev/examples/example.c", "usr/include/wsclose/wsclose.h"}
        wanted |= {f"{doc}{d}/{f}" for d in DEBS for f in ("copyright", "changelog.gz")}
        wanted |= {f"usr/share/wsclose/schema/{f}" for f in os.listdir(SOURCE + "/schema") if f.endswith(".sql")}
        wanted |= {f"usr/share/locale/{f[:-3]}/LC_MESSAGES/wsclose.mo" for f in os.listdir(SOURCE + "/po") if f.endswith(".po")}
        wanted |= {f"usr/include/wsclose/{f}" for f in os.listdir(SOURCE + "/include/wsclose")}
        self.assertEqual(wanted - names, set())

    def test_whose_and_when(self):
        epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or said("git", "-C", SOURCE, "log", "-1", "--format=%ct"))
        for deb, found in self.members.items():
            for m, _ in found:
                mode = 0o755 if m.isdir() or m.name[2:] in PROGRAMS else 0o644
                self.assertEqual((m.uname, m.gname, m.uid, m.gid, oct(m.mode & 0o7777), m.mtime), ("root", "root", 0, 0, oct(mode), epoch), f"{deb}: {m.name}")

    def test_nothing_of_the_place_where_it_was_built(self):
        for deb, name, _, content in self.each_file():
            if name.endswith(".gz"):
                self.assertEqual(content[4:8], bytes(4), name + ": a time of its own")
                content = gzip.decompress(content)
            # The program looks for the unit below /usr/local, too; the README tells of it.
            elsewhere = () if name in PROGRAMS or name.endswith("README.md.gz") else ("/usr/local",)
            found = [path for path in (BUILD, SOURCE, *elsewhere) if path.encode() in content]
            self.assertEqual(found, [], f"{deb}: {name}")

    def test_programs(self):
        for name in PROGRAMS:
            path = os.path.join(self.root, name)
            self.assertNotIn(".symtab", said("readelf", "-SW", path))
            self.assertNotIn(".debug_", said("readelf", "-SW", path))
            p = subprocess.run([sys.executable, SOURCE + "/tests/checks/hardening.py", path], capture_output=True, text=True)
            self.assertEqual(p.returncode, 0, p.stdout)
            self.assertIn(f"wsclose {VERSION}", said(path, "--version"))

    def test_dependencies(self):
        """Of the program: all that its loader wants. Of the archive: all that pkg-config names for it."""
        needed = re.findall(r"NEEDED.*\[(.*)\]", said("readelf", "-dW", os.path.join(self.root, PROGRAMS[0])))
        self.assertGreater(len(needed), 8)
        has = words(field("wsclose", "Depends"))
        for lib in needed:
            owners = {line.split(":")[0] for line in said("dpkg", "-S", "*/" + lib).splitlines()}
            self.assertTrue(owners & has, f"{lib} of {owners}: not in {has}")
        self.assertTrue({"adduser", "libcap2-bin"} <= has)
        pc = os.path.join(self.root, "usr/lib", said("gcc", "-print-multiarch").strip(), "pkgconfig/wsclose.pc")
        with open(pc) as f:
            text = f.read()
        has = words(field("libwsclose-dev", "Depends"))
        has |= {w for p in has for w in words(said("dpkg-query", "-W", "-f", "${Depends}", p))}
        for module in re.search(r"^Requires: (.*)$", text, re.M)[1].split():
            file = f"{said('pkg-config', '--variable=pcfiledir', module).strip()}/{module}.pc"
            self.assertIn(said("dpkg", "-S", file).split(":")[0], has, module)

    @unittest.skipUnless(shutil.which("lintian"), "no lintian here")
    def test_lintian(self):
        p = subprocess.run(["lintian", "--fail-on", "error,warning", "--tag-display-limit", "0", *DEBS.values()], capture_output=True, text=True)
        self.assertEqual((p.returncode, p.stdout), (0, ""), p.stderr)

    def test_made_twice(self):
        """The same bytes, by somebody else's habits, later."""
        out = os.path.join(self.tmp, "again")
        subprocess.run("umask 077; sleep 1.1; exec cpack --config CPackConfig.cmake -B " + out, shell=True, check=True, capture_output=True, cwd=BUILD,
                       env={**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C"})
        self.assertEqual(contents(out), contents(BUILD))
        self.assertEqual(len(contents(out)), 3)

    def test_tarball(self):
        """Unpacked anywhere it runs, and speaks all its languages."""
        with tarfile.open(glob.glob(BUILD + "/*.tar.gz")[0]) as tar:
            tops = {m.name.split("/")[0] for m in tar}
            self.assertEqual(len(tops), 1)
            tar.extractall(self.tmp)
        program = os.path.join(self.tmp, tops.pop(), "bin/wsclose")
        self.assertIn(f"wsclose {VERSION}", said(program, "--version"))
        self.assertRegex(said(program, "--lang", "ja", "explain", "1000"), "[ぁ-ん]")


if __name__ == "__main__":
    for path in DEBS.values():
        if not os.path.exists(path):
            sys.exit(f"{path} is missing: run cpack")
    unittest.main(argv=sys.argv[:1])
