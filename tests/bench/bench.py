#!/usr/bin/env python3
"""Measure wsclose and others beside an empty libpcap loop, on generated captures with known truth, in turns.

usage: bench.py BUILD_DIR [--size small|usual|full] [--shapes LIST] [--rounds N] [--scale] [--readme FILE]

BUILD_DIR is a release build with tests. Prints a Markdown table: medians of CPU time (user and system, of the whole process) and wall time
as ratios to the empty loop of the same round, and peak RSS. What wsclose says is held against the truth in the same run; a wrong answer
makes its figures void and the exit status 1. tshark reads only the first packets, as its memory grows with the file; its ratio is of time
per packet over these.

--size   full is all connections; usual has fewer connections in many and concurrent; small is for correctness alone, in seconds
--scale  instead: the same shape at one, two and four times the size, the time per packet, and whether it stays within 10 %
--readme the table and the scale, into the places marked for them in FILE

Captures go to $TMPDIR, or /tmp, and are removed.
"""
import argparse, collections, json, os, resource, shutil, signal, statistics, struct, subprocess, sys, tempfile, time

SHAPES = ("dense", "noise", "many", "concurrent", "lossy")
SIZES = {
    "full": {"dense": {}, "noise": {}, "many": {}, "concurrent": {}, "lossy": {}},
    "usual": {"dense": {}, "noise": {}, "many": {"connections": 250000}, "concurrent": {"connections": 100000, "at_a_time": 100000}, "lossy": {}},
    "small": {
        "dense": {"connections": 200, "at_a_time": 50, "messages": 10},
        "noise": {"connections": 100, "at_a_time": 20, "flows": 380},
        "many": {"connections": 2000, "at_a_time": 100},
        "concurrent": {"connections": 1000, "at_a_time": 1000},
        "lossy": {"connections": 600, "at_a_time": 50, "messages": 20, "miss": 100},
    },
}
SCALE = {  # once; at two and four times these numbers are multiplied
    "dense": ({"connections": 500}, {"at_a_time": 250}),
    "noise": ({"connections": 500}, {"at_a_time": 250, "flows": 4750}),
    "many": ({"connections": 60000}, {}),
    "concurrent": ({"connections": 25000, "at_a_time": 25000}, {}),
    "lossy": ({"connections": 500}, {"at_a_time": 250}),
}
# CPU without and with a database as ratios, RSS in MB without and with.
TARGETS = {"dense": (1.0, 1.1, 40, 40), "noise": (1.4, 1.4, 60, 60), "many": (2.2, 7, 160, 250), "concurrent": (3.0, 7, 160, 200), "lossy": (1.3, 1.4, 60, 60)}
FREE_BYTES = 6 << 30  # for the largest capture, its database, and what SQLite keeps beside
TSHARK_PACKETS = 100000
WALL_TARGETS = {"many": 4, "concurrent": 4}  # with a database
EMPTY, MMAP, READ, PLAIN, STORED = "empty libpcap loop", "empty loop, mmap", "empty loop, read", "wsclose", "wsclose, database"
TWO, TWO_STORED = "wsclose, 2 workers", "wsclose, 2 workers, database"
OURS, STORING = (PLAIN, STORED, TWO, TWO_STORED), (STORED, TWO_STORED)
SCALE_LIMIT = 0.10

Figure = collections.namedtuple("Figure", "cpu wall rss out err")


def measure(cmd):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        p = subprocess.Popen(cmd, stdout=out, stderr=err)
        try:
            _, status, usage = os.wait4(p.pid, 0)
        except BaseException:
            p.kill()
            raise
        wall = time.monotonic() - start
        p.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said, complaint = out.read(1000).decode("utf-8", "replace"), err.read(100000).decode("utf-8", "replace")
    if p.returncode != 0:
        raise SystemExit(f"{cmd}: exit {p.returncode}: {complaint}")
    return Figure(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, said, complaint)


said = []  # what --readme puts into its places


def say(line):
    said.append(line)
    print(line, flush=True)


# ---- Truth ----

def key(outcome, code, ending, by):
    return outcome, code, ending, by


class Truth:
    def __init__(self, text):
        self.all = json.loads(text)
        self.packets, self.bytes = self.all["packets"], self.all["bytes"]
        self.sure, self.may = collections.Counter(), collections.Counter()
        for r in self.all["records"]:
            k = key(r["outcome"], r["close_code"], r["ending"], r["closed_by"])
            self.sure[k] += r["sure"]
            self.may[k] += r["may"]

    def wrong(self, seen):
        """What is wrong with |seen|, how many records of each key; an empty list if nothing is.

        Where something that decides is missing from the capture, a record may be the true one, or have the true code with an `ending` of
        `gap` and nobody as its closer, or be unknown. Where the request is missing there may be none."""
        wrong = [f"{k}: {seen[k]} records, at least {n} are true" for k, n in self.sure.items() if seen[k] < n]
        excess = {k: n - self.sure[k] for k, n in seen.items() if n > self.sure[k]}
        used, budget = collections.Counter(), collections.Counter()
        for k, n in self.may.items():
            budget[k[:2]] += n
        for k, n in excess.items():
            hidden = k[2] == "gap" and k[3] is None
            if k[0] == "unknown" and k[1] is None:
                continue
            used[k[:2]] += n
            if not (hidden and used[k[:2]] <= budget[k[:2]]) and not n <= self.may[k]:
                wrong.append(f"{k}: {seen[k]} records, at most {self.sure[k] + self.may[k]} are true")
        wrong += [f"{k}: {n} too many" for k, n in used.items() if n > budget[k]]
        total, most = sum(excess.values()), sum(self.may.values())
        if not most - self.all["no_request"] <= total <= most:
            wrong.append(f"{sum(seen.values())} records of {sum(self.sure.values()) + most}")
        return wrong


def generate(build, path, shape, numbers):
    with open(path, "wb") as f:
        cmd = [f"{build}/tests/bench/generate", shape] + [f"{k}={v}" for k, v in numbers.items()]
        p = subprocess.run(cmd, stdout=f, stderr=subprocess.PIPE, text=True, check=True)
    return Truth(p.stderr)


def megabytes(rss):
    """A process begins with the peak of the one that started it: below ours nothing is known."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{rss:.0f} MB" if rss > own + 1 else f"under {own + 1:.0f} MB"


def verdicts(summary):
    """The summary without the lines that say where it is stored, and what nDPI takes the other flows for."""
    return "".join(line for line in summary.splitlines(True) if not line.startswith(("stored in ", "not WebSocket: ")))


def tally_printed(cmd):
    """Runs wsclose with its records as NDJSON. Returns how many of each key there are, and the summary."""
    seen = collections.Counter()
    with tempfile.TemporaryFile("w+") as err:
        p = subprocess.Popen(cmd, stdout=subprocess.PIPE, stderr=err)
        for line in p.stdout:
            r = json.loads(line)
            seen[key(r["outcome"], r["close_code"], r["ending"], r["closed_by"])] += 1
        if p.wait() != 0:
            err.seek(0)
            raise SystemExit(f"{cmd}: exit {p.returncode}: {err.read()}")
        err.seek(0)
        return seen, verdicts(err.read())


def tally_stored(db):
    """By a process of its own: what it takes would count as the least that those measured after it take."""
    query = "SELECT outcome, close_code, ending, closed_by, count(*) AS n FROM connections GROUP BY 1, 2, 3, 4"
    rows = json.loads(subprocess.run(["sqlite3", "-json", db, query], capture_output=True, check=True).stdout)
    return collections.Counter({key(*list(r.values())[:4]): r["n"] for r in rows})


# ---- What is measured ----

def head_of(pcap, packets, out):
    """Copies the first |packets| of a classic pcap of this machine's byte order. Returns how many there were."""
    with open(pcap, "rb") as f, open(out, "wb") as o:
        o.write(f.read(24))
        for i in range(packets):
            record = f.read(16)
            if len(record) < 16:
                return i
            o.write(record + f.read(struct.unpack("=4I", record)[2]))
    return packets


class Bench:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.wsclose = f"{build}/src/cli/wsclose"
        self.db = f"{folder}/b.db"
        self.problems, self.grows = [], []

    def analyze(self, pcap, db="none", form="none", workers=1):
        return [self.wsclose, "analyze", "--workers", str(workers), "--db", db, "--format", form, pcap]

    def commands(self, pcap):
        found = {EMPTY: [f"{self.build}/tests/bench/null_loop", pcap], MMAP: [f"{self.build}/tests/bench/classic_loop", "mmap", pcap],
                 READ: [f"{self.build}/tests/bench/classic_loop", "read", pcap],
                 PLAIN: self.analyze(pcap), STORED: self.analyze(pcap, self.db),
                 TWO: self.analyze(pcap, workers=2), TWO_STORED: self.analyze(pcap, self.db, workers=2)}
        others = {"tcpdump -w /dev/null": ["tcpdump", "-r", pcap, "-w", "/dev/null"], "ndpiReader": ["ndpiReader", "-q", "-i", pcap]}
        for name, cmd in others.items():
            if shutil.which(cmd[0]):
                found[name] = cmd
            else:
                print(f"{cmd[0]} is not installed: left out", file=sys.stderr)
        return found

    def run(self, what, cmd, name, truth, summary):
        """One run, held against the truth."""
        for f in (self.db, self.db + "-wal", self.db + "-shm"):
            if os.path.exists(f):
                os.unlink(f)
        m = measure(cmd)
        wrong = []
        if what in (EMPTY, MMAP, READ) and m.out != f"{truth.packets} packets, {truth.bytes} bytes\n":
            wrong = [m.out]
        if what in OURS and verdicts(m.err) != summary:
            wrong = [f"{verdicts(m.err)!r}, but with --format ndjson {summary!r}"]
        if what in STORING:
            wrong += truth.wrong(tally_stored(self.db))
        self.problems += [f"{name}, {what}: {w}" for w in wrong]
        return m

    def check(self, name, pcap, truth):
        """One run with records printed. Returns the summary that the others must give, too."""
        seen, summary = tally_printed(self.analyze(pcap, form="ndjson"))
        self.problems += [f"{name}, {PLAIN}: {w}" for w in truth.wrong(seen)]
        return summary

    def shape(self, name, numbers, rounds):
        pcap = f"{self.folder}/{name}.pcap"
        truth = generate(self.build, pcap, name, numbers)
        summary = self.check(name, pcap, truth)
        commands = self.commands(pcap)
        figures = {what: [] for what in commands}
        for _ in range(rounds):
            for what, cmd in commands.items():
                figures[what].append(self.run(what, cmd, name, truth, summary))
        self.rows(name, os.path.getsize(pcap), truth, figures)
        self.tshark(name, pcap)
        os.unlink(pcap)

    def rows(self, name, size, truth, figures):
        base = figures[EMPTY]
        say(f"| **{name}** | {size / 1e6:.0f} MB, {truth.packets:,} packets, {sum(truth.sure.values()) + sum(truth.may.values()):,} WebSockets | | | | | |")
        for what, ms in figures.items():
            cpu = statistics.median(m.cpu / b.cpu for m, b in zip(ms, base))
            wall = statistics.median(m.wall / b.wall for m, b in zip(ms, base))
            ns = statistics.median(m.cpu for m in ms) / truth.packets * 1e9
            rss = statistics.median(m.rss for m in ms)
            goal = ""
            if what in OURS:
                goal = "; ".join(self.goals(name, what, cpu, wall, rss))
            say(f"| | {what} | {cpu:.2f} | {wall:.2f} | {ns:.0f} ns | {megabytes(rss)} | {goal} |")

    def goals(self, name, what, cpu, wall, rss):
        """CPU time and memory are of one thread, wall time of as many as there are."""
        if any(p.startswith(f"{name}, {what}:") for p in self.problems):
            return ["**wrong answer: void**"]
        at, goals = int(what in STORING), []
        if what in (PLAIN, STORED):
            goals += [("", cpu, TARGETS[name][at]), (" MB", rss, TARGETS[name][at + 2])]
        if what in STORING and name in WALL_TARGETS:
            goals.append((" wall", wall, WALL_TARGETS[name]))
        return [f"{goal}{unit} {'met' if value <= goal else '**missed**'}" for unit, value, goal in goals]

    def tshark(self, name, pcap):
        if not shutil.which("tshark"):
            print("tshark is not installed: left out", file=sys.stderr)
            return
        part = f"{self.folder}/part.pcap"
        n = head_of(pcap, TSHARK_PACKETS, part)
        base = statistics.median(measure([f"{self.build}/tests/bench/null_loop", part]).cpu for _ in range(5))
        m = measure(["tshark", "-r", part, "-Y", "websocket"])
        say(f"| | tshark -Y websocket, first {n:,} packets | {m.cpu / base:.0f} | | {m.cpu / n * 1e9:.0f} ns | {megabytes(m.rss)} | |")
        os.unlink(part)

    def smoke(self, name, numbers):
        pcap = f"{self.folder}/{name}.pcap"
        truth = generate(self.build, pcap, name, numbers)
        summary = self.check(name, pcap, truth)
        for what, cmd in self.commands(pcap).items():
            if what in (EMPTY, MMAP, READ) + OURS:
                self.run(what, cmd, name, truth, summary)
        print(f"{name}: {truth.packets} packets, {sum(truth.sure.values())} WebSockets known, {sum(truth.may.values())} that may be unknown")
        os.unlink(pcap)

    def scale(self, name, rounds):
        """Time per packet beyond the start, which reading an empty capture shows."""
        nothing, pcap = f"{self.folder}/nothing.pcap", f"{self.folder}/{name}.pcap"
        generate(self.build, nothing, "many", {"connections": 0})
        first = {}
        for times in (1, 2, 4):
            grows, stays = SCALE[name]
            truth = generate(self.build, pcap, name, {**{k: v * times for k, v in grows.items()}, **stays})
            summary = self.check(name, pcap, truth)
            figures = collections.defaultdict(list)
            for _ in range(rounds):
                for what, db in ((PLAIN, "none"), (STORED, self.db)):
                    m = self.run(what, self.analyze(pcap, db), name, truth, summary)
                    start = measure(self.analyze(nothing)).cpu
                    figures[what].append((m.cpu - start) / truth.packets * 1e9)
                    figures[what, "rss"].append(m.rss)
            for what in (PLAIN, STORED):
                ns = min(figures[what])
                rss = statistics.median(figures[what, "rss"])
                first.setdefault(what, ns)
                more = ns / first[what] - 1
                verdict = "" if times == 1 else "within 10 %" if more <= SCALE_LIMIT else "**grows**"
                if verdict == "**grows**":
                    self.grows.append(f"{name}, {what}: {more:+.0%} a packet at {times} times the size")
                say(f"| {name} x{times} | {truth.packets:,} packets | {what} | {ns:.0f} ns | {more:+.0%} | {verdict} | {megabytes(rss)} |")
        os.unlink(pcap)


TABLE = "| shape | what | CPU | wall | CPU a packet | peak RSS | target |\n|---|---|---|---|---|---|---|"
SCALE_TABLE = "| shape | | what | CPU a packet | beside x1 | | peak RSS |\n|---|---|---|---|---|---|---|"


def place(path, mark, lines):
    """Puts |lines| between <!-- mark --> and <!-- /mark -->."""
    begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->\n"
    with open(path) as f:
        text = f.read()
    if begin not in text or end not in text:
        raise SystemExit(f"{path} has no place for the {mark}: {begin.strip()} and {end.strip()}")
    with open(path, "w") as f:
        f.write(text[:text.index(begin) + len(begin)] + "\n".join(lines) + "\n" + text[text.index(end):])


def measure_table(b, shapes, o):
    said.clear()
    say(TABLE)
    for s in shapes:
        b.shape(s, SIZES[o.size][s], o.rounds)
    return list(said)


def measure_scale(b, shapes, o):
    said.clear()
    say(SCALE_TABLE)
    for s in shapes:
        b.scale(s, o.rounds)
    return list(said)


def main():
    a = argparse.ArgumentParser(usage=__doc__)
    a.add_argument("build")
    a.add_argument("--size", choices=SIZES, default="usual")
    a.add_argument("--shapes", default=",".join(SHAPES))
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--scale", action="store_true")
    a.add_argument("--readme")
    o = a.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the captures go
    shapes = o.shapes.split(",")
    if not set(shapes) <= set(SHAPES) or o.rounds < 1:
        a.error(f"the shapes are {', '.join(SHAPES)}")
    with tempfile.TemporaryDirectory() as folder:
        free = shutil.disk_usage(folder).free
        if o.size != "small" and free < FREE_BYTES:
            raise SystemExit(f"{folder}: {free >> 20} MB free, {FREE_BYTES >> 20} are needed: set TMPDIR")
        b = Bench(os.path.abspath(o.build), folder)
        if o.size == "small":
            for s in shapes:
                b.smoke(s, SIZES["small"][s])
        if o.size != "small" and not o.scale:
            table = measure_table(b, shapes, o)
            if o.readme:
                place(o.readme, "table", table)
        if o.size != "small" and (o.scale or o.readme):
            scale = measure_scale(b, shapes, o)
            if o.readme:
                place(o.readme, "scale", scale)
    for p in b.problems:
        print(f"wrong: {p}", file=sys.stderr)
    for g in b.grows:
        print(f"not in proportion: {g}", file=sys.stderr)
    sys.exit(1 if b.problems or b.grows else 0)


main()
