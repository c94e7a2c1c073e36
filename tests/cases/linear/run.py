#!/usr/bin/env python3
"""What an attacker sends costs time in proportion to its bytes, however it is made.

usage: run.py WSCLOSE [SCALE] [SHAPE...]

Each shape of shapes.py is made twice, the second time four times as large, and read; the CPU time of the second may be at most BOUND times
that of the first, where its square would be 16 times. SCALE (default 1) multiplies the sizes: the figures of README.md are of 4, with a release build.
"""
import inspect, os, resource, subprocess, sys, tempfile

import shapes

WAIT = 200  # seconds for one run
BOUND = 9.0   # a machine with much else to do may make 4 look like 6, never like 16
LEAST = 0.05  # seconds: the start of the program is taken off; below this nothing can be told
ACROSS = ("same_key", "keys_by_eights", "all_at_once", "one_silence", "as_many_silences", "distinct_texts")

# Events of the smaller one at SCALE 1, where the usual does not do.
SIZES = {"reuse": 2000, "half_heads": 5000, "tls_names": 3000, "overlaps": 4000, "frames": 64000, "violations": 20000, "closes": 20000, "continuations": 20000, "requests": 8000, "chunks": 40000, "same_key": 1000, "keys_by_eights": 1000,
         "all_at_once": 1000, "one_silence": 1000, "as_many_silences": 1000, "distinct_texts": 2000, "islands": 5000, "h2_lost": 200000, "h2_bomb": 100000,
         "pcapng_blocks": 100000, "keys_long_line": 4000000, "h2_settings": 20000, "h2_windows": 40000, "h2_pings": 40000, "h2_empty_data": 40000, "noise": 10000}
USUAL = 10000


def cpu(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    p = subprocess.run(command, capture_output=True, timeout=WAIT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if p.returncode not in (0, 1, 3):
        sys.exit(f"{' '.join(command)}: exit {p.returncode}: {p.stderr.decode(errors='replace')[:2000]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def commands(binary, name, n, d):
    """Writes the capture of |n| events; what reads it."""
    make = getattr(shapes, name)
    path, keys = os.path.join(d, "in.pcap"), os.path.join(d, "in.keys")
    read = [binary, "analyze", "--quiet", "--no-label", "--encrypted", "--format", "none"]
    if len(inspect.signature(make).parameters) == 2:
        with open(path, "wb") as f:
            o = shapes.Out(f)
            make(o, n)
            o.flush()
    else:
        with open(keys if name.startswith("keys_") else path, "wb") as f:
            f.write(make(n))
    if name in ACROSS:
        db = os.path.join(d, "in.db")
        for end in ("", "-wal", "-shm"):
            if os.path.exists(db + end):
                os.remove(db + end)
        return [[*read, "--db", db, path], [binary, "diagnose", "--db", db, "--format", "json"]]
    if name.startswith("keys_"):
        with open(path, "wb") as f:
            f.write(shapes.pcapng_packets(1))
        return [[*read, "--db", "none", "--keylog", keys, path]]
    return [[*read, "--db", "none", path]]


def measure(binary, name, n, d, start):
    lines = commands(binary, name, n, d)
    best = [min(cpu(c) for _ in range(1 if name in ACROSS else 2)) for c in lines]
    return max(sum(best) - start * len(lines), 0.0), os.path.getsize(os.path.join(d, "in.keys" if name.startswith("keys_") and name not in ACROSS else "in.pcap"))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    binary, scale = os.path.abspath(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 1
    every = [n for n, f in inspect.getmembers(shapes, inspect.isfunction) if next(iter(inspect.signature(f).parameters), "") in ("o", "n") and n != "h2_open"]
    bad = 0
    with tempfile.TemporaryDirectory() as d:
        start = min(cpu([binary, "codes", "--format", "csv"]) for _ in range(3))
        for name in sys.argv[3:] or sorted(every, key=lambda n: inspect.getsourcelines(getattr(shapes, n))[1]):
            n = int(SIZES.get(name, USUAL) * scale)
            one, small = measure(binary, name, n, d, start)
            four, large = measure(binary, name, 4 * n, d, start)
            ratio = four / one if one > 0 else 0.0
            wrong = ratio > BOUND and four > LEAST * BOUND
            bad += wrong
            print(f"{name:22} {n:9} {small / 1e6:8.2f} MB {one:8.3f} s   {4 * n:9} {large / 1e6:8.2f} MB {four:8.3f} s   {ratio:5.1f} times{'   NOT LINEAR' if wrong else ''}", flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
