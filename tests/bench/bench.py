#!/usr/bin/env python3
"""Measure wsclose against a libpcap loop that does nothing, on generated captures, in turns.

usage: bench.py BUILD_DIR [--rounds N] [--small]

BUILD_DIR is a release build with tests. Prints a table of medians: CPU time as a ratio to the empty loop in the same round, wall time
likewise, peak RSS. The records are counted in the same run: a wrong count makes the figure void. --small is the smoke test.
"""
import json, os, resource, statistics, subprocess, sys, tempfile, time


def measure(cmd, env=None):
    start = time.monotonic()
    p = subprocess.Popen(cmd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    err = p.stderr.read().decode()
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode != 0:
        sys.exit(f"{cmd}: exit {p.returncode}: {err}")
    return {"cpu": usage.ru_utime + usage.ru_stime, "wall": time.monotonic() - start, "rss": usage.ru_maxrss / 1024, "err": err}


def generate(build, path, shape, *numbers):
    with open(path, "wb") as f:
        p = subprocess.run([f"{build}/tests/bench/generate", shape, *map(str, numbers)], stdout=f, stderr=subprocess.PIPE, text=True, check=True)
    words = p.stderr.split()
    return {"closed": int(words[1]), "open": int(words[3])}


def correct(err, truth):
    total = truth["closed"] + truth["open"]
    word = f"{truth['closed']} closed" if truth["closed"] else f"{truth['open']} still open"
    return f"{total} WebSocket" in err and word in err


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build = sys.argv[1]
    small = "--small" in sys.argv
    rounds = int(sys.argv[sys.argv.index("--rounds") + 1]) if "--rounds" in sys.argv else (1 if small else 5)
    shapes = {"dense": ("dense", 64, 4, 3000), "concurrent": ("concurrent", 500, 2, 20)} if small else {
        "dense": ("dense", 128, 60, 4000), "dense x10": ("dense", 1280, 60, 4000), "concurrent": ("concurrent", 100000, 4, 40)}
    wsclose = f"{build}/src/cli/wsclose"
    print(f"{'shape':12} {'file':>8}  {'what':26} {'CPU':>7} {'wall':>7} {'RSS':>8}")
    with tempfile.TemporaryDirectory() as d:
        for name, args in shapes.items():
            pcap, db = f"{d}/{args[0]}.pcap", f"{d}/b.db"
            truth = generate(build, pcap, *args)
            commands = {
                "empty libpcap loop": [f"{build}/tests/bench/null_loop", pcap],
                "wsclose, no database": [wsclose, "analyze", "--db", "none", "--format", "none", pcap],
                "wsclose, no labels": [wsclose, "analyze", "--no-label", "--db", "none", "--format", "none", pcap],
                "wsclose, database": [wsclose, "analyze", "--db", db, "--format", "none", pcap],
            }
            figures = {what: [] for what in commands}
            for _ in range(rounds):
                for what, cmd in commands.items():
                    for f in (db, db + "-wal", db + "-shm"):
                        if os.path.exists(f):
                            os.unlink(f)
                    m = measure(cmd)
                    if what != "empty libpcap loop" and not correct(m["err"], truth):
                        sys.exit(f"{name}: {what}: wrong: {m['err']} (truth {truth})")
                    figures[what].append(m)
            base = figures["empty libpcap loop"]
            for what, ms in figures.items():
                cpu = statistics.median(m["cpu"] / max(b["cpu"], 1e-6) for m, b in zip(ms, base))
                wall = statistics.median(m["wall"] / max(b["wall"], 1e-6) for m, b in zip(ms, base))
                rss = statistics.median(m["rss"] for m in ms)
                print(f"{name:12} {os.path.getsize(pcap) / 1e6:5.0f} MB  {what:26} {cpu:6.2f}x {wall:6.2f}x {rss:5.0f} MB")
            os.unlink(pcap)


main()
