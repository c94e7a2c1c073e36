#!/usr/bin/env python3
"""`wsclose live` between two network namespaces while its calls fail (shim.c) or signals come.

usage: live.py WSCLOSE SHIM [few|RUNS] [KIND...]

KIND is one of KINDS, or "signals". few, the default: what ctest runs. RUNS: so many of each kind, at random places of those that a run without a
fault has. What must hold after each is in Run.judge(). As root; else skipped (77).
"""
import os, random, shutil, signal, sqlite3, subprocess, sys, time

import faults

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "live"))

# name: (calls, who calls, how they fail, once or on, further words, what standard error may say of it)
KINDS = {
    "memory": ("alloc", "wsclose", ("ENOMEM",), ("once", "once", "on"), (), "memory"),
    "memory-of-sqlite": ("alloc", "libsqlite3", ("ENOMEM",), ("once", "once", "on"), (), "memory"),
    "disk-full": ("write", "libsqlite3", ("ENOSPC", "short"), ("once", "once", "on"), (), "full|disk|space"),
    "write-error": ("write,sync", "libsqlite3", ("EIO",), ("once", "on"), (), "I/O|error|disk"),
    "sync-error": ("sync", "libsqlite3", ("EIO",), ("once", "on"), (), "I/O|error|disk"),
    "read-error": ("read", "libsqlite3", ("EIO",), ("once", "on"), (), "I/O|error|disk|corrupt"),
    "no-rights": ("open,unlink", "libsqlite3", ("EACCES",), ("once", "on"), (), "permi|open|I/O"),
    "ring": ("write", "wsclose", ("ENOSPC", "EIO", "short"), ("once", "on"), ("--write", "ring", "--rotate", "8K:4"), "no longer kept"),
    "threads": ("thread", "", ("EAGAIN",), ("once", "on"), ("--workers", "2", "--metrics", "9777"), "thread|resource|Resource|metrics"),
}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE)


class Run:
    """One start of the program with traffic beside it."""

    def __init__(self, lab, words, shim=None, **fault):
        import net
        from traffic import Traffic
        self.net, self.lab, self.state = net, lab, os.path.join(lab.tmp, "state")
        for old in (self.state, os.path.join(lab.tmp, "ring")):
            shutil.rmtree(old, ignore_errors=True) if os.path.isdir(old) else os.path.exists(old) and os.remove(old)
        # Through env(1): nothing of ip(8) before it is counted.
        env = ["ASAN_OPTIONS=verify_asan_link_order=0:exitcode=99:allocator_may_return_null=1", "LC_ALL=C.UTF-8"]
        if shim:
            env += [f"LD_PRELOAD={shim}", f"FAULT_STATE={self.state}", *(f"FAULT_{k.upper()}={v}" for k, v in fault.items())]
        self.live = net.Live(lab, os.path.abspath(sys.argv[1]), "--format", "ndjson", *words, prefix=("env", *env), ready=False)
        self.traffic = Traffic(lab, rate=40, life=0.1, port=lab.port())
        self.traffic.patience = 3
        self.since, self.until = 0.0, float("inf")  # what begins and ends in between is seen

    def ready(self):
        live = self.live
        self.net.until(lambda: live.p.poll() is not None or live.is_ready(1), 100)
        return live.p.poll() is None

    def talk(self, seconds):
        with self.traffic:
            self.net.until(lambda: self.live.p.poll() is not None, seconds)

    def calls(self):
        with open(self.state, "rb") as f:
            return int.from_bytes(f.read(8), "little")

    def end(self):
        live = self.live
        if live.p.poll() is None:
            live.drained()
            live.p.send_signal(signal.SIGINT)
        try:
            return live.p.wait(100)
        except subprocess.TimeoutExpired:
            live.p.kill()
            live.p.wait()
            return "hangs"

    def judge(self, statuses):
        """Why this must not be; None if it may: it ends, what was said to be stored is, once, what is stored is true, and what is not is told of."""
        status = self.end()
        err, path = self.live.err(), self.live.db
        if faults.REPORT.search(err) or status not in statuses:
            return f"status {status}: {err[:3000]}"
        stored = []
        if os.path.exists(path) and os.path.getsize(path) > 0:
            db = sqlite3.connect(path)
            for check in ("integrity_check", "foreign_key_check"):
                found = db.execute(f"PRAGMA {check}").fetchall()
                if found not in ([], [("ok",)]):
                    return f"{check}: {found[:3]}"
            if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                stored = db.execute("SELECT id, path FROM connections WHERE path IS NOT NULL").fetchall()
            db.close()
        printed = self.live.printed()
        if len({p for _, p in stored}) != len(stored):
            return "stored twice"
        gone = {(r["id"], r["path"]) for r in printed if r["id"] and r["path"]} - set(stored)
        if gone:
            return f"said to be stored, and is not: {sorted(gone)[:3]}; status {status}: {err}"
        have = {p for _, p in stored}
        lost = [e for e in self.traffic.log if self.since < e[1] - 0.5 and e[2] < self.until and e[0] not in have]
        if status == 0 and lost:
            return f"exit 0, and not stored: {lost}: {err}"
        if status == 1 and not err:
            return "no word"
        if status == 0 and (wrong := self.traffic.wrong([r for r in printed if r["path"]], stopped=True)):
            return f"wrong: {wrong}"
        return None


def try_kind(lab, shim, kind, runs, rng):
    calls, who, hows, lengths, words, may = KINDS[kind]
    fault = {"calls": calls, "in": who}
    counted = Run(lab, words, shim, **fault, at=0)
    if not counted.ready():
        print(f"{kind}: without a fault: {counted.live.err()}", flush=True)
        return [kind], 0
    first = counted.calls()
    counted.talk(1.2)
    why = counted.judge((0,))
    n, bad, seen = counted.calls(), [f"{kind}: without a fault: {why}"] if why else [], {}
    for i in range(runs):
        # Half of them while it starts, where most calls are of.
        at = rng.randrange(1, first + 1) if first > 0 and (i % 2 or n <= first) else rng.randrange(first + 1, n + 1)
        how, length = hows[i % len(hows)], lengths[i % len(lengths)]
        run = Run(lab, words, shim, **fault, at=at, how=how, **{"for": length})
        started = run.ready()
        if started:
            run.talk(1.2)
        why = run.judge((0, 1))
        end = f"{'ran' if started else 'not begun'}, exit {run.live.p.returncode}"
        if os.environ.get("SHOW"):
            print(f"{kind}: {at} of {n}, {how} {length}: {end}: {run.live.err()}", flush=True)
        seen[end] = seen.get(end, 0) + 1
        if why:
            bad.append(f"{kind}: {at} of {n} ({first} at start), {how} {length}: {why}")
            print(bad[-1], flush=True)
    print(f"{kind}: {n} calls, {runs} runs, {len(bad)} bad: {seen}", flush=True)
    return bad, runs


def signals(lab, runs, rng):
    """At random moments of the start, the run and the end; some twice."""
    bad, seen = [], {}
    for i in range(runs):
        sig, run = SIGNALS[i % len(SIGNALS)], Run(lab, ("--write", "ring") if i % 2 else ())
        began, after, twice = time.monotonic(), rng.random() * 3, i // len(SIGNALS) % 2
        with run.traffic:
            ready = run.net.until(lambda: run.live.is_ready(1), after)
            run.since = time.time() if ready else float("inf")
            time.sleep(max(0, began + after - time.monotonic()))
            run.until = time.time() if sig in (signal.SIGINT, signal.SIGTERM) else run.until
            run.live.p.send_signal(sig)
            if twice:
                time.sleep(rng.random() * 0.1)
                run.live.p.send_signal(sig)
            run.net.until(lambda: run.live.p.poll() is not None, 0.8)
        why = run.judge((0, -sig))
        end = f"{sig.name} {run.live.p.returncode}"
        seen[end] = seen.get(end, 0) + 1
        if why:
            bad.append(f"{sig.name} after {after:.2f} s, {'twice' if twice else 'once'}: {why}")
            print(bad[-1], flush=True)
    print(f"signals: {runs} runs, {len(bad)} bad: {seen}", flush=True)
    return bad, runs


FEW = {"memory": 4, "memory-of-sqlite": 1, "disk-full": 2, "sync-error": 1, "ring": 2, "threads": 1, "signals": 5}


def main(argv):
    wsclose, shim, *rest = argv
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        return 77
    many = rest.pop(0) if rest and (rest[0] == "few" or rest[0].isdigit()) else "few"
    import net
    ports = iter(range(9000, 60000))
    bad, tried, rng = [], 0, random.Random(11)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the namespaces go
    with net.Net() as lab:
        lab.port = lambda: next(ports)
        for kind in rest or (FEW if many == "few" else [*KINDS, "signals"]):
            runs = FEW.get(kind, 1) if many == "few" else int(many)
            b, n = signals(lab, runs, rng) if kind == "signals" else try_kind(lab, os.path.abspath(shim), kind, runs, rng)
            bad, tried = bad + b, tried + n
    print(f"live: {tried} runs, {len(bad)} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
