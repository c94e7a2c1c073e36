#!/usr/bin/env python3
"""usage: run.py WSCLOSE GENERATE: the same output and the same database with 1, 2, 3 and 8 workers."""
import concurrent.futures, glob, os, re, shutil, sqlite3, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", "..", ".."))
FOLDERS = [os.path.join(ROOT, "samples"), os.path.join(ROOT, "tests", "cases"), os.path.join(ROOT, "..", "shared", "captures")]
MANY = (2, 3, 8)
SHAPES = {
    "dense": ["connections=60", "at_a_time=20", "messages=10"],
    "noise": ["connections=40", "at_a_time=20", "flows=200"],
    "many": ["connections=1500", "at_a_time=100"],
    "concurrent": ["connections=1500", "at_a_time=1500"],
    "lossy": ["connections=150", "at_a_time=20", "messages=10"],
}
FORMATS = ("table", "ndjson", "json", "csv")


def captures():
    for folder in FOLDERS:
        for d, _, names in os.walk(folder):
            for n in sorted(names):
                if re.search(r"\.(pcap|pcapng|cap)(\.\w+)?$", n) or os.path.basename(d) == "nasty":
                    yield os.path.join(d, n)


def keys_of(path):
    stem = re.sub(r"\.(pcap|pcapng|cap).*$", "", path)
    found = sorted(glob.glob(glob.escape(stem) + "*.keys") + glob.glob(glob.escape(stem) + "*.keylog"))
    return ["--keylog", found[0]] if found else []


class Run:
    def __init__(self, wsclose, folder):
        self.wsclose, self.folder = wsclose, folder

    def one(self, workers, path, options, tag):
        """All that can be seen of one analysis."""
        db = os.path.join(self.folder, f"{tag}-{workers}.db")
        cmd = [self.wsclose, "analyze", "--workers", str(workers), "--db", db] + options + [path]
        p = subprocess.run(cmd, capture_output=True, timeout=280, env={**os.environ, "SSLKEYLOGFILE": "", "LC_ALL": "C"})
        rows = ""
        if os.path.exists(db):
            with sqlite3.connect(db) as c:
                rows = "\n".join(c.iterdump())
            c.close()
            for f in glob.glob(glob.escape(db) + "*"):
                os.unlink(f)
        # When it was imported is not what was analysed.
        rows = re.sub(r"(INSERT INTO \"imports\".*,)'[^']*'\);", r"\1);", rows)
        return {"exit status": p.returncode, "output": p.stdout, "summary": p.stderr.replace(db.encode(), b"DB"), "database": rows}

    def differs(self, path, options, tag):
        want = self.one(1, path, options, tag)
        bad = []
        for n in MANY:
            got = self.one(n, path, options, tag)
            bad += [f"{path} {' '.join(options)}: another {k} with {n} workers" for k in want if want[k] != got[k]]
        return bad


def generated(generate, folder):
    for shape, numbers in SHAPES.items():
        path = os.path.join(folder, shape + ".pcap")
        with open(path, "wb") as f:
            subprocess.run([generate, shape] + numbers, stdout=f, stderr=subprocess.DEVNULL, check=True)
        for fmt in FORMATS:
            yield path, ["--format", fmt]
        yield path, ["--format", "table", "--why"]


def main():
    wsclose, generate = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        files = list(captures())
        # To set up nDPI takes longer than to read these; what it says is compared on the others.
        jobs = [(p, ["--format", "ndjson"] + keys_of(p) + ([] if "samples" in p else ["--no-label"])) for p in files]
        jobs += [(p, ["--format", "ndjson", "--encrypted", "--no-label"]) for p in files if "tls" in p]
        jobs += list(generated(generate, folder))
        run = Run(wsclose, folder)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            bad = sum(pool.map(lambda j: run.differs(j[1][0], j[1][1], f"job{j[0]}"), enumerate(jobs)), [])
    for b in bad:
        print(b)
    if len(files) < 50:
        sys.exit(f"only {len(files)} captures were found")
    print(f"{len(jobs)} analyses, each with {1 + len(MANY)} numbers of workers, {len(bad)} differences")
    sys.exit(1 if bad else 0)


main()
