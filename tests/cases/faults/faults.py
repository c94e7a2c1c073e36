"""Runs the program while the n-th of its calls fails (shim.c), and looks at what is left behind."""
import functools, json, os, re, shutil, sqlite3, struct, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import pcapgen

SITES = 1 << 18
REPORT = re.compile(r"ERROR: AddressSanitizer|runtime error:|LeakSanitizer|Sanitizer:")


class Bad(Exception):
    """What must not be."""


class Ran:
    def __init__(self, status, out, err, calls, failed, sites):
        self.status, self.out, self.err, self.calls, self.failed, self.sites = status, out, err, calls, failed, sites


class Lab:
    """A directory of its own for one run after another."""

    def __init__(self, wsclose, shim):
        self.wsclose, self.shim = os.path.abspath(wsclose), os.path.abspath(shim)
        self.tmp = tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.dir = os.path.join(self.tmp.name, "run")
        self.state = os.path.join(self.tmp.name, "state")
        self.clear()

    def clear(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        os.mkdir(self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def environment(self, **fault):
        env = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC", "PAGER": "cat"}
        env["ASAN_OPTIONS"] = "verify_asan_link_order=0:exitcode=99:allocator_may_return_null=1"
        env["UBSAN_OPTIONS"] = "print_stacktrace=1"
        if fault:
            env.update({f"FAULT_{k.upper()}": str(v) for k, v in fault.items()}, LD_PRELOAD=self.shim, FAULT_STATE=self.state)
        return env

    def run(self, args, stdin=None, timeout=120, **fault):
        """|stdin|: a file. |fault|: the words of shim.c."""
        if os.path.exists(self.state):
            os.remove(self.state)
        with open(stdin or os.devnull, "rb") as given:
            p = subprocess.run([self.wsclose, *args], stdin=given, capture_output=True, cwd=self.dir, timeout=timeout, env=self.environment(**fault))
        calls = failed = 0
        sites = []
        if os.path.exists(self.state):
            with open(self.state, "rb") as f:
                calls, failed = struct.unpack("<QQ", f.read(16))
                if fault.get("at") == 0:
                    n = min(calls, SITES)
                    sites = struct.unpack(f"<{n}Q", f.read(8 * n))
        return Ran(p.returncode, p.stdout.decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace"), calls, failed, sites)


def firsts(sites):
    """The numbers of the calls that came a way that none before did."""
    seen, out = set(), []
    for i, s in enumerate(sites):
        if s not in seen:
            seen.add(s)
            out.append(i + 1)
    return out


def plain(out):
    """Records without what differs from run to run: the row, and nDPI's guess."""
    def keep(line):
        try:
            r = json.loads(line)
        except ValueError:
            return line
        return json.dumps({k: v for k, v in r.items() if k not in ("id", "app")}) if isinstance(r, dict) else line
    return [keep(line) for line in out.splitlines()]


TABLES = ("imports", "captures", "connections", "close_frames", "violations", "evidence")


def look(path):
    """What stands in a database: None if there is none or nothing is in it. Raises Bad if it is not sound."""
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return None
    db = sqlite3.connect(path)
    try:
        whole = db.execute("PRAGMA integrity_check").fetchall()
        if whole != [("ok",)]:
            raise Bad(f"integrity_check: {whole[:3]}")
        if db.execute("PRAGMA foreign_key_check").fetchall():
            raise Bad("foreign_key_check")
        if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return None
        return {t: db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in TABLES}
    except sqlite3.DatabaseError as e:
        raise Bad(f"the database: {e}") from e
    finally:
        db.close()


def half(state, before, whole):
    """Whether |state| is neither of the two."""
    empty = dict.fromkeys(TABLES, 0)
    return (state or empty) not in (before or empty, whole)


def died(ran):
    """Why a run is one that must not be, whatever failed; None if it is not."""
    if REPORT.search(ran.err) or ran.status == 99:
        return "a sanitizer reports"
    if ran.status < 0:
        return f"died by signal {-ran.status}"
    return None if ran.status in (0, 1, 3) else f"status {ran.status}"


def dump(path):
    """All of a database that does not depend on row numbers and the clock."""
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    try:
        names = {r["id"]: (r["name"], r["fingerprint"]) for r in db.execute("SELECT * FROM captures")}

        def plain_row(row):
            return tuple((k, names.get(row[k]) if k.endswith("capture_id") else row[k]) for k in row.keys() if k not in ("id", "connection_id", "import_id"))

        def rows(sql, *args):
            return [plain_row(r) for r in db.execute(sql, args)]

        out = [rows("SELECT options FROM imports ORDER BY options"), rows("SELECT * FROM captures ORDER BY name, fingerprint")]
        for c in db.execute("SELECT * FROM connections ORDER BY sort_time, client, stream_id, first_packet").fetchall():
            out.append([plain_row(c)] + [rows(f"SELECT * FROM {t} WHERE connection_id = ? ORDER BY 1, 2", c["id"])
                                         for t in ("close_frames", "violations", "evidence", "open_states")])
        return out
    finally:
        db.close()


def sessions(path, n, start=1767323045):
    """A capture of |n| connections that end in all the ways that one packet more or less makes."""
    with open(path, "wb") as f:
        f.write(sessions_pcap(n, start))


@functools.cache
def sessions_pcap(n, start):
    c = pcapgen.Capture(start)
    for i in range(n):
        s = pcapgen.Session(c, port=10000 + i % 50000, client=f"198.51.{i // 50000}.7", server=("192.0.2.1", 8080 + i % 7))
        s.handshake(b"/path/%d" % (i % 100))
        s.send(1, pcapgen.frame(1, b"hello", False))
        if i % 5 == 0:
            s.send(0, pcapgen.frame(3, b"reserved"))
        if i % 3:
            s.send(1, pcapgen.close(1000 + i % 13, b"reason %d" % (i % 50), False))
            s.send(0, pcapgen.close(1000))
        if i % 7:
            s.fin(i % 2)
    return c.pcap()
