#!/usr/bin/env python3
"""The library as others use it: installed, found by pkg-config and by CMake, linked into the example, run.

usage: library.py BUILD [FLAG...]     BUILD: a built build directory; FLAG: what a program needs that links an archive built with sanitizers
"""
import glob, os, re, shutil, subprocess, sys, tempfile, unittest

BUILD, FLAGS = os.path.abspath(sys.argv[1]), [f for f in sys.argv[2:] if f]
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLE = os.path.join(SOURCE, "samples", "close-handshake.pcap")
with open(os.path.join(BUILD, "CMakeCache.txt")) as f:
    PREFIX = re.search(r"^CMAKE_INSTALL_PREFIX:\w+=(.*)$", f.read(), re.M)[1]
CONSUMER = """cmake_minimum_required(VERSION 3.22)
project(consumer LANGUAGES C)
find_package(wsclose %s REQUIRED)
add_executable(example %s)
target_link_libraries(example PRIVATE wsclose::wsclose)
"""


class Library(unittest.TestCase):
    def setUp(self):
        d = tempfile.TemporaryDirectory()
        self.addCleanup(d.cleanup)
        self.dir = d.name

    def run_in(self, *words, ok=True, **env):
        p = subprocess.run(words, capture_output=True, text=True, cwd=self.dir, env={**os.environ, "LC_ALL": "C", **env})
        if ok:
            self.assertEqual(p.returncode, 0, f"{words}\n{p.stdout}{p.stderr}")
        return p

    def install(self, where):
        """Into the prefix |where|: everything the program and the library have."""
        self.run_in("cmake", "--install", BUILD, "--prefix", where, DESTDIR="")
        return where

    def libdir(self, where):
        return os.path.dirname(glob.glob(where + "/lib/**/libwsclose.a", recursive=True)[0])

    def works(self, example):
        out = self.run_in(example, SAMPLE).stdout.splitlines()
        self.assertEqual(len(out), 5, out)
        self.assertRegex(out[0], r"^127\.0\.0\.1:50116 > 127\.0\.0\.1:9101 /client-bye: closed, close_handshake, 1000, by client$")
        self.assertRegex(out[3], r"/empty: closed, close_handshake, 1005 \(inferred\), by client$")
        self.assertEqual(out[4], "4 WebSockets")

    def pkg_config(self, where):
        env = {"PKG_CONFIG_PATH": self.libdir(where) + "/pkgconfig"}
        words = self.run_in("pkg-config", "--cflags", "--libs", "wsclose", **env).stdout.split()
        self.assertIn(self.libdir(where), [os.path.normpath(w[2:]) for w in words if w.startswith("-L")])
        self.run_in("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-o", "example", os.path.join(SOURCE, "samples", "example.c"), *words, *FLAGS)
        self.works("./example")

    def cmake(self, where, version="", ok=True, **env):
        source, build = os.path.join(self.dir, "consumer"), os.path.join(self.dir, "consumer-build")
        shutil.rmtree(build, ignore_errors=True)
        os.makedirs(source, exist_ok=True)
        with open(source + "/CMakeLists.txt", "w") as f:
            f.write(CONSUMER % (version, os.path.join(SOURCE, "samples", "example.c")))
        p = self.run_in("cmake", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={where}", f"-DCMAKE_C_FLAGS={' '.join(FLAGS)}", ok=ok, **env)
        if ok:
            self.run_in("cmake", "--build", build)
            self.works(build + "/example")
        return p.stderr

    def test_prefix(self):
        where = self.install(os.path.join(self.dir, "a prefix"))
        self.cmake(where)
        self.run_in(where + "/bin/wsclose", "--version")

    def test_prefix_pkg_config(self):
        self.pkg_config(self.install(os.path.join(self.dir, "prefix")))

    def test_destdir(self):
        """As a packager does it: another place than where it will be."""
        self.run_in("cmake", "--install", BUILD, "--component", "dev", DESTDIR=os.path.join(self.dir, "stage"))
        where = os.path.join(self.dir, "stage") + PREFIX
        self.assertFalse(os.path.exists(where + "/bin"))
        self.pkg_config(where)
        self.cmake(where)
        # Nothing says where it was built, nor where it was staged.
        for at, _, names in os.walk(where):
            for name in names:
                if not name.endswith((".a", ".h")):
                    with open(os.path.join(at, name), "rb") as f:
                        text = f.read()
                    for path in (BUILD, SOURCE, self.dir):
                        self.assertNotIn(path.encode(), text, name)

    def test_versions(self):
        where = self.install(os.path.join(self.dir, "prefix"))
        version = self.run_in("pkg-config", "--modversion", "wsclose", PKG_CONFIG_PATH=self.libdir(where) + "/pkgconfig").stdout.strip()
        self.assertEqual(self.run_in(where + "/bin/wsclose", "--version").stdout.split()[1], version)
        major, minor, _ = version.split(".")
        self.cmake(where, f"{major}.{minor}")
        self.assertIn("version", self.cmake(where, f"{major}.{int(minor) + 1}", ok=False))

    def test_what_it_needs_is_missing(self):
        """Said by name, not by the linker."""
        where = self.install(os.path.join(self.dir, "prefix"))
        stub = os.path.join(self.dir, "pkg-config")
        with open(stub, "w") as f:
            f.write('#!/bin/sh\nfor w; do case $w in *libndpi*) exit 1 ;; esac; done\nexec /usr/bin/pkg-config "$@"\n')
        os.chmod(stub, 0o755)
        self.assertIn("libwsclose needs libndpi", self.cmake(where, ok=False, PKG_CONFIG=stub))

    def test_no_foreign_names(self):
        """What the archive gives to whoever links it begins with wsc_."""
        names = self.run_in("nm", "-g", "--defined-only", "-f", "posix", os.path.join(BUILD, "src", "libwsclose.a")).stdout
        names = [line.split()[0] for line in names.splitlines() if re.match(r"\S+ [A-Z] ", line)]
        self.assertGreater(len(names), 300)
        self.assertEqual([n for n in names if not n.startswith(("wsc_", "__odr_asan", "_GLOBAL__", "__asan"))], [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
