#!/usr/bin/env python3
"""`wsclose live` without rights: who it runs as and what it may do, its word to the service manager, its metrics.

usage: run.py WSCLOSE [TEST...]       (e.g. test_user.User)

Over loopback in a network namespace of the test's own, which goes with it. Needs root; skipped (77) without.
"""
import ctypes, os, subprocess, sys, unittest

CLONE_NEWNET = 0x40000000

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if os.geteuid() != 0 or ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        print("skipped: a network namespace needs root")
        sys.exit(77)
    subprocess.run("ip link set lo up", shell=True, check=True)
    os.environ["WSCLOSE"] = os.path.abspath(sys.argv[1])
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, here)
    loader = unittest.defaultTestLoader
    tests = loader.loadTestsFromNames(sys.argv[2:]) if sys.argv[2:] else loader.discover(here)
    sys.exit(not unittest.TextTestRunner().run(tests).wasSuccessful())
