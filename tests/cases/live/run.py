#!/usr/bin/env python3
"""`wsclose live` in network namespaces: the same records as `analyze` of a capture taken beside it, faults, loss.

usage: run.py WSCLOSE [MODULE[.CLASS[.TEST]]...]

LIVE_WORDS in the environment are options for each `wsclose live`: LIVE_WORDS="--workers 2" runs all of it with several threads.
As root: it makes network namespaces; otherwise it is skipped, exit 77. Without names all modules run, side by side.
"""
import glob, os, signal, subprocess, sys, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)


def all_modules(wsclose):
    """Each in a process and namespaces of its own: they mostly wait."""
    names = sorted(os.path.basename(f)[:-3] for f in glob.glob(os.path.join(HERE, "test_*.py")))
    started = [(n, subprocess.Popen([sys.executable, __file__, wsclose, n])) for n in names]
    signal.signal(signal.SIGTERM, lambda *_: [p.terminate() for _, p in started])
    failed = [n for n, p in started if p.wait() != 0]
    print("failed: " + " ".join(failed) if failed else "all passed")
    return 1 if failed else 0


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        return 77
    if len(sys.argv) == 2:
        return all_modules(sys.argv[1])
    os.environ["WSCLOSE"] = sys.argv.pop(1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the namespaces go
    return not unittest.main(module=None, warnings="ignore", exit=False).result.wasSuccessful()


sys.exit(main())
