#!/usr/bin/env python3
"""Every call of a kind fails in turn, alone and with all that follow it, in runs of every command.

usage: turns.py WSCLOSE SHIM KIND [few|ways|all] [SCENE...]

KIND is one of KINDS: allocations of the program or of a library, writes of the database, and so on. few, the default: 8 calls of each scene, spread over
those that come different ways; ways: of the calls that come the same way (by their call stacks) only the first fails; all: each of them.
What must hold after each run is in Scene.judge().
"""
import glob, gzip, itertools, os, re, shutil, subprocess, sys, time

import faults
from faults import Bad, ROOT, died, firsts, half, look, plain

CASES = os.path.join(ROOT, "tests", "cases")
SAMPLES = sorted(glob.glob(os.path.join(ROOT, "samples", "*.pcap")))
MIXED = [os.path.join(CASES, "causes", n + ".pcap") for n in ("violations", "server-codes", "application", "proxy-passes-on")]


def case(name):
    return os.path.join(CASES, *name.split("/"))


def keyed(name, keys):
    return ["--keylog", case(keys), case(name)]


def zipped(lab):
    with open(case("causes/normal.pcap"), "rb") as f, gzip.open(lab.path("in.pcap.gz"), "wb") as out:
        out.write(f.read())


def stored(lab):
    """A database to ask, made once."""
    kept = os.path.join(lab.tmp.name, "kept.db")
    if not os.path.exists(kept):
        lab.run(["analyze", "-q", "--no-label", "--db", kept, "--format", "none", *MIXED, case("causes/idle-by-different-silence.pcap")])
    shutil.copy(kept, lab.path("wsclose.db"))


def several(lab):
    """Databases that an import replaces something in."""
    kept = os.path.join(lab.tmp.name, "earlier.db")
    if not os.path.exists(kept):
        lab.run(["analyze", "-q", "--no-label", "--db", kept, "--format", "none", *MIXED[:2]])
    shutil.copy(kept, lab.path("wsclose.db"))


# name: (arguments, what to make before or None, standard input or None)
SCENES = {
    "ndjson": (["analyze", "--format", "ndjson", *SAMPLES], None, None),
    "table": (["analyze", "--no-label", "--format", "table", "--db", "none", "--why", *MIXED[:2]], None, None),
    "csv": (["analyze", "--no-label", "--format", "csv", "--db", "none", *MIXED[:2]], None, None),
    "json": (["analyze", "--no-label", "--format", "json", "--db", "none", *MIXED[:2]], None, None),
    "filtered": (["analyze", "--format", "ndjson", "--filter", "tcp", "--code", "1000", *MIXED[:1]], None, None),
    "replaced": (["analyze", "--format", "ndjson", "--keep-query", *MIXED], several, None),
    "known": (["analyze", "--format", "ndjson", *MIXED[:2]], several, None),
    "stdin": (["analyze", "--format", "ndjson", "-"], None, case("causes/normal.pcap")),
    "zipped": (["analyze", "--format", "ndjson", "in.pcap.gz"], zipped, None),
    "tls": (["analyze", "--format", "ndjson", *keyed("tls/go.pcap", "tls/go.client.keys")], None, None),
    "tls-secrets-block": (["analyze", "--format", "ndjson", case("tls/secrets-block.pcapng")], None, None),
    "tls-no-keys": (["analyze", "--format", "ndjson", "--encrypted", case("tls/loss.pcap")], None, None),
    "http2": (["analyze", "--format", "ndjson", case("http2/endings.pcap"), case("http2/violations.pcap"), case("http2/loss.pcap")], None, None),
    "http2-tls": (["analyze", "--format", "ndjson", *keyed("http2/endings-tls.pcap", "http2/endings-tls.client.keys")], None, None),
    "http2-many": (["analyze", "--format", "ndjson", case("http2/many.pcap")], None, None),
    "workers": (["analyze", "--format", "ndjson", "--workers", "2", *MIXED], None, None),
    "events": (["events", "--format", "ndjson"], stored, None),
    "stats": (["stats", "--by", "code,cause,server"], stored, None),
    "plot": (["stats", "--plot", "--by", "server,path"], stored, None),
    "diagnose": (["diagnose"], stored, None),
    "diagnose-json": (["diagnose", "--format", "json"], stored, None),
    "extract": (["extract", "1", "--force", "-o", "one.pcapng"], stored, None),
    "explain": (["explain", "1006"], None, None),
    "compare": (["compare", "1001", "1006", "--format", "json"], None, None),
    "codes": (["codes", "--format", "json"], None, None),
}


# name: (calls, who calls, how they fail, what standard error must say then)
KINDS = {
    "memory": ("alloc", "wsclose", ("ENOMEM",), "memory"),
    "disk-full": ("write", "libsqlite3", ("ENOSPC", "short"), "full|disk|space"),
    "write-error": ("write,sync", "libsqlite3", ("EIO",), "I/O|error|disk"),
    "read-error": ("read", "libsqlite3", ("EIO",), "I/O|error|disk|corrupt"),
    "no-rights": ("open,unlink", "libsqlite3", ("EACCES", "EROFS"), "permi|open|read|I/O"),
    "capture-error": ("read,open", "wsclose", ("EIO",), "Input/output error"),
    "capture-no-rights": ("open", "wsclose", ("EACCES",), "Permission"),
    "threads": ("thread", "", ("EAGAIN",), "thread"),
}
LIBRARIES = ("sqlite3", "pcap", "ndpi", "crypto", "archive", "jansson", "nghttp2", "microhttpd", "c.so")
KINDS.update({f"memory-of-{n.removesuffix('.so')}": ("alloc", f"lib{n}", ("ENOMEM",), "memory") for n in LIBRARIES})


class Scene:
    def __init__(self, lab, name, word):
        self.lab, self.name, self.word, self.again = lab, name, re.compile(word), {}
        self.args, self.make, self.stdin = SCENES[name]
        self.before, self.good = None, self.run()
        if self.good.status not in (0, 3):
            raise Bad(f"{name}: undisturbed: {self.good.status} {self.good.err}")
        self.whole, self.file = look(lab.path("wsclose.db")), self.written()
        self.all = self.listed()

    def run(self, **fault):
        self.lab.clear()
        if self.make:
            self.make(self.lab)
            self.before = look(self.lab.path("wsclose.db"))
        return self.lab.run(self.args, self.stdin, **fault)

    def written(self):
        """What extract wrote; None if it wrote nothing."""
        path = self.lab.path("one.pcapng")
        if not os.path.exists(path):
            return None
        with open(path, "rb") as f:
            return f.read()

    def listed(self):
        """All records of the database; None if it has none."""
        return plain(self.lab.run(["events", "--format", "ndjson"]).out) if self.whole else None

    def judge(self, ran):
        """Why this must not be; None if it may. The end is sound; a failure is said; what is stored is whole; what was lost is found again."""
        why = died(ran)
        if why:
            return why
        same = ran.status == self.good.status and plain(ran.out) == plain(self.good.out)
        if not same and not self.word.search(ran.err):
            return f"status {ran.status}, another result, and the reason is not said"
        if self.written() not in (None, self.file) or (same and self.written() != self.file):
            return "another file was written"
        left = look(self.lab.path("wsclose.db")) if self.whole else None
        if same and self.whole and half(left, self.whole, self.whole):
            return "as if nothing had been, but not all is stored"
        return self.judge_store(left) if self.whole else None

    def judge_store(self, left):
        path = self.lab.path("wsclose.db")
        if half(left, self.before, self.whole):
            return f"half an import: {left}, not {self.before} or {self.whole}"
        tried = self.again.get(str(left), 0)
        self.again[str(left)] = tried + 1
        if tried >= 4 and not os.path.exists(path + "-wal") and not os.path.exists(path + "-journal"):
            return None
        again = self.lab.run(self.args, self.stdin)
        if again.status != self.good.status or half(look(path), self.whole, self.whole):
            return f"again, undisturbed: status {again.status}, {look(path)}, not {self.whole}: {again.err}"
        return None if self.listed() == self.all else "again, undisturbed: other records"


def numbers(scene, many, fault):
    ran = scene.run(**fault, at=0)
    ways = firsts(ran.sites)
    if many == "all":
        return ran.calls, list(range(1, ran.calls + 1))
    return ran.calls, ways if many == "ways" else ways[::max(1, len(ways) // 8)]


def try_scene(lab, name, kind, many):
    calls, who, hows, word = KINDS[kind]
    fault = {"calls": calls, "in": who}
    scene, bad, told, tried, began = Scene(lab, name, word), 0, 0, 0, time.time()
    n, list_ = numbers(scene, many, fault)
    for at, how, length in itertools.product(list_, hows, ("once", "on")):
        try:
            ran = scene.run(**fault, at=at, how=how, **{"for": length})
            why = scene.judge(ran)
        except Bad as e:
            why = str(e)
        except subprocess.TimeoutExpired:
            why = "hangs"
        tried += 1
        told += scene.word.search(ran.err) is not None
        if why:
            bad += 1
            print(f"{kind}, {name}: {calls} {at} of {n}, {how} {length}: {why}\n{ran.err[:int(os.environ.get('SHOW', 1500))]}", flush=True)
    print(f"{kind}, {name}: {n} calls, {tried} runs, {told} say so, {bad} bad, {time.time() - began:.0f} s", flush=True)
    return bad, tried


def main(argv):
    wsclose, shim, kind, *rest = argv
    many = next((w for w in rest if w in ("few", "ways", "all")), "few")
    names = [n for n in rest if n not in ("few", "ways", "all")] or list(SCENES)
    lab = faults.Lab(wsclose, shim)
    bad, tried = map(sum, zip(*(try_scene(lab, n, kind, many) for n in names)))
    print(f"{kind}: {tried} runs, {bad} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
