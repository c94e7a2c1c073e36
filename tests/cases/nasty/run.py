#!/usr/bin/env python3
"""Captures damaged byte by byte: no sanitizer report, nothing that takes over 10 s, exit 0, 1 or 3.

usage: run.py WSCLOSE [RUNS] [SEED] [FOLDER]

Takes every capture below FOLDER (default: ../shared/captures/nasty beside the project, where that exists, samples/ and tests/cases/{tls,http2}), and
RUNS times (default 120) changes one at random, by a fixed SEED. WSCLOSE should be built with sanitizers. An input that fails is kept where $KEEP says.
"""
import glob, os, random, resource, struct, subprocess, sys, tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
FOLDERS = ["../shared/captures/nasty", "samples", "tests/cases/tls", "tests/cases/http2"]
REPORTS = (b"ERROR: AddressSanitizer", b"runtime error:", b"LeakSanitizer")
SECONDS = 10  # of CPU, so that a machine with much else to do finds no hang
WAIT = 120
LARGEST = 200000  # of a file; larger ones only take time

# What a length, an offset or a count may not be.
ODD = [0, 1, 2, 3, 7, 8, 11, 12, 15, 16, 19, 20, 27, 28, 31, 32, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x40000, 0xffffff,
       0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffffc, 0xffffffff]


def flip(rng, d, others):
    for _ in range(rng.choice([1, 1, 2, 4, 16, 64])):
        d[rng.randrange(len(d))] ^= 1 << rng.randrange(8)


def number(rng, d, others):
    """A field of 1, 2 or 4 bytes, in either order."""
    for _ in range(rng.choice([1, 1, 2, 8])):
        form = rng.choice(["B", "<H", ">H", "<I", ">I"])
        n = struct.calcsize(form)
        at = rng.randrange(max(1, len(d) - n))
        d[at:at + n] = struct.pack(form, rng.choice(ODD) & (1 << 8 * n) - 1)


def shift(rng, d, others):
    """A field counts a little more or less than it did."""
    form = rng.choice(["B", "<H", ">H", "<I", ">I"])
    n = struct.calcsize(form)
    at = rng.randrange(max(1, len(d) - n))
    if at + n <= len(d):
        d[at:at + n] = struct.pack(form, struct.unpack(form, d[at:at + n])[0] + rng.randrange(-8, 9) & (1 << 8 * n) - 1)


def cut(rng, d, others):
    del d[rng.randrange(len(d)):]


def remove(rng, d, others):
    at = rng.randrange(len(d))
    del d[at:at + rng.choice([1, 2, 4, 16, 60, 300])]


def insert(rng, d, others):
    at = rng.randrange(len(d))
    d[at:at] = bytes(rng.choice([0, 0xff, rng.randrange(256)]) for _ in range(rng.choice([1, 2, 4, 16, 60])))


def repeat(rng, d, others):
    at, n = rng.randrange(len(d)), rng.choice([4, 16, 60, 300, 1500])
    d[at:at] = d[at:at + n] * rng.choice([1, 2, 20])


def swap(rng, d, others):
    a, b, n = rng.randrange(len(d)), rng.randrange(len(d)), rng.choice([2, 4, 16, 60])
    d[a:a + n], d[b:b + n] = d[b:b + n], d[a:a + n]


def splice(rng, d, others):
    with open(rng.choice(others), "rb") as f:
        other = f.read(LARGEST)
    at, n = rng.randrange(len(other) or 1), rng.choice([16, 60, 300, 5000])
    to = rng.randrange(len(d))
    d[to:to + rng.choice([0, n])] = other[at:at + n]


def early(rng, d, others):
    """The headers of the file."""
    for _ in range(rng.choice([1, 2, 3])):
        d[rng.randrange(min(len(d), 100))] = rng.choice([0, 0xff, rng.randrange(256)])


KINDS = [flip, flip, number, number, number, shift, cut, remove, insert, repeat, swap, splice, early]
WAYS = [["--db", "none", "--format", "ndjson", "--encrypted"], ["--db", "none", "--format", "table", "--why"], ["--db", "none", "--format", "csv", "--no-label"],
        ["--format", "none", "--encrypted"], ["--db", "none", "--format", "json", "--keep-query"]]


def mutant(rng, sources):
    path = rng.choice(sources)
    with open(path, "rb") as f:
        data = bytearray(f.read())
    kinds = [rng.choice(KINDS) for _ in range(rng.choice([1, 1, 2, 3]))]
    for kind in kinds:
        if data:
            kind(rng, data, sources)
    return os.path.basename(path), [k.__name__ for k in kinds], data


def children():
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return u.ru_utime + u.ru_stime


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    binary, runs = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 120
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 7)
    folders = [sys.argv[4]] if len(sys.argv) > 4 else [os.path.join(ROOT, f) for f in FOLDERS]
    captures = [p for f in folders for p in sorted(glob.glob(os.path.join(f, "**", "*.*cap*"), recursive=True))]
    sources = [p for p in captures if 0 < os.path.getsize(p) <= LARGEST]
    exits, bad, slowest = {}, 0, 0.0
    with tempfile.TemporaryDirectory() as d:
        for n in range(runs):
            name, kinds, data = mutant(rng, sources)
            path = os.path.join(d, "m.cap")
            with open(path, "wb") as f:
                f.write(data)
            way = rng.choice(WAYS)
            db = [] if "--db" in way else ["--db", os.path.join(d, f"{n % 50}.db")]
            before, why = children(), None
            try:
                p = subprocess.run([binary, "analyze", "--quiet", *way, *db, path], capture_output=True, timeout=WAIT)
                exits[p.returncode] = exits.get(p.returncode, 0) + 1
                if p.returncode not in (0, 1, 3):
                    why = f"exit {p.returncode}"
                if any(r in p.stderr for r in REPORTS):
                    why = "a report: " + p.stderr.decode(errors="replace")[:2000]
            except subprocess.TimeoutExpired:
                why = f"did not end in {WAIT} s"
            took = children() - before
            slowest = max(slowest, took)
            if took > SECONDS:
                why = f"took {took:.1f} s"
            if why:
                bad += 1
                print(f"mutant {n} of {name} ({', '.join(kinds)}) with {' '.join(way)}: {why}", flush=True)
                if os.environ.get("KEEP"):
                    os.replace(path, os.path.join(os.environ["KEEP"], f"{n}-{name}"))
    print(f"{runs} mutants of {len(sources)} captures: {bad} bad; exits {dict(sorted(exits.items()))}; the slowest took {slowest:.1f} s of CPU")
    sys.exit(1 if bad or not sources else 0)


main()
