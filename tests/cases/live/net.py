"""Two network namespaces with a veth between them, `wsclose live` and tcpdump in the first.

    client 10.77.0.1, fd77::1 --- va  vb --- server 10.77.0.2, fd77::2

A second pair (va2, vb2; 10.78.0.0/24) is there for captures of two interfaces. Names begin with wsclt and the process's number;
they are removed on leaving, whatever happened.
"""
import contextlib, ctypes, json, os, shutil, signal, socket, sqlite3, subprocess, tempfile, time

CLIENT, SERVER, GHOST = "10.77.0.1", "10.77.0.2", "10.77.0.3"
CLIENT6, SERVER6 = "fd77::1", "fd77::2"
CLIENT2, SERVER2 = "10.78.0.1", "10.78.0.2"
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
SANITIZER = ("ERROR: AddressSanitizer", "runtime error:", "LeakSanitizer")


def sh(line, check=True, **options):
    return subprocess.run(line.split(), check=check, capture_output=True, text=True, **options)


class Net:
    def __init__(self):
        self.a, self.b = (f"wsclt{os.getpid()}{w}" for w in "ab")
        self.tmp = tempfile.mkdtemp(prefix="wsclt")
        os.chmod(self.tmp, 0o755)
        self.processes, self.numbers = [], 0

    def __enter__(self):
        try:
            for n in (self.a, self.b):
                sh(f"ip netns add {n}")
                sh(f"ip -n {n} link set lo up")
            self.pair("va", "vb", CLIENT, SERVER)
            self.pair("va2", "vb2", CLIENT2, SERVER2)
            for n, dev, at in ((self.a, "va", CLIENT6), (self.b, "vb", SERVER6)):
                sh(f"ip -n {n} -6 addr add {at}/64 dev {dev} nodad")
            sh(f"ip -n {self.b} addr add {GHOST}/24 dev vb")
        except BaseException:
            self.__exit__()
            raise
        return self

    def pair(self, a, b, at_a, at_b):
        sh(f"ip link add {a} netns {self.a} type veth peer name {b} netns {self.b}")
        for n, dev, at in ((self.a, a, at_a), (self.b, b, at_b)):
            sh(f"ip -n {n} addr add {at}/24 dev {dev}")
            sh(f"ip -n {n} link set {dev} up")
            # Segments as a wire has them, with real checksums: no offload.
            sh(f"ip netns exec {n} ethtool -K {dev} tx off tso off gso off gro off", check=False)

    def __exit__(self, *_):
        for p in self.processes:
            with contextlib.suppress(OSError):
                p.kill()
                p.wait()
        for n in (self.a, self.b):
            sh(f"ip netns del {n}", check=False)
        while os.path.ismount(os.path.join(self.tmp, "small")) and not sh(f"umount -l {self.tmp}/small", check=False).returncode:
            pass
        shutil.rmtree(self.tmp, ignore_errors=True)

    @contextlib.contextmanager
    def inside(self, which):
        """Sockets that this thread makes within belong to that namespace."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{which}") as there:
            if LIBC.setns(there.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                LIBC.setns(home.fileno(), CLONE_NEWNET)

    def ip(self, which, line, check=True):
        return sh(f"ip -n {which} {line}", check)

    def path(self, suffix):
        """A new name in the directory of this net."""
        self.numbers += 1
        return os.path.join(self.tmp, f"{self.numbers}{suffix}")

    def popen(self, command, where=None, **options):
        p = subprocess.Popen(["ip", "netns", "exec", where or self.a, *command], **options)
        self.processes.append(p)
        return p

    def listen(self, address, port, backlog=512):
        with self.inside(self.b):
            return listener(address, port, backlog)

    def dial(self, address, source=0):
        """A socket on the client's side; from port `source`, or any."""
        with self.inside(self.a):
            s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        if source:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("", source))
        s.setblocking(False)
        return s


def listener(address, port, backlog=512):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    s.listen(backlog)
    s.setblocking(False)
    return s


def packet_sockets(pid):
    """How many packet sockets of this process the kernel hands packets to."""
    try:
        with open(f"/proc/{pid}/net/packet") as f:
            rows = [line.split() for line in f.read().splitlines()[1:]]
        ours = {os.readlink(f"/proc/{pid}/fd/{f}") for f in os.listdir(f"/proc/{pid}/fd")}
    except OSError:
        return 0
    return sum(r[5] == "1" and f"socket:[{r[8]}]" in ours for r in rows)


def until(what, seconds=20, every=0.02):
    """Waits for what() to be true; returns it, or the last false value."""
    end = time.monotonic() + seconds
    while not (value := what()) and time.monotonic() < end:
        time.sleep(every)
    return value


class Tcpdump:
    """tcpdump beside wsclose, with the same filter and nanoseconds."""

    def __init__(self, net, interface="va", expression="tcp"):
        self.path = net.path(".pcap")
        self.p = net.popen(["tcpdump", "-i", interface, "-B", "65536", "-U", "-s", "0", "-Z", "root", "--time-stamp-precision=nano",
                            "--immediate-mode", "-w", self.path, expression], stderr=subprocess.PIPE, text=True)
        until(lambda: packet_sockets(self.p.pid))

    def stop(self):
        time.sleep(0.3)
        self.p.send_signal(signal.SIGINT)
        said = self.p.communicate()[1]
        if "\n0 packets dropped by kernel" not in said:
            raise RuntimeError(f"tcpdump: {said}")
        return self.path


class Live:
    """`wsclose live`, started and ready: its sockets are bound and its store is open."""

    def __init__(self, net, wsclose, *words, db=None, interfaces=("va",), where=None, prefix=(), ready=True, stdout=None, **options):
        self.net, self.wsclose = net, wsclose
        self.db = db or net.path(".db")
        self.out, self.err_path = net.path(".out"), net.path(".err")
        command = [*prefix, wsclose, "live", "--db", self.db, *os.environ.get("LIVE_WORDS", "").split()]
        for i in interfaces:
            command += ["-i", i]
        with open(self.err_path, "w") as err, open(self.out, "w") as out:
            self.p = net.popen([*command, *words], where, stdout=stdout or out, stderr=err, cwd=net.tmp, **options)
        if ready and not until(lambda: self.is_ready(len(interfaces)) or self.p.poll() is not None):
            raise RuntimeError("wsclose live did not start: " + self.err())
        if ready and self.p.poll() is not None:
            raise RuntimeError(f"wsclose live ended at once: exit {self.p.poll()}: {self.err()}")

    def is_ready(self, interfaces):
        return packet_sockets(self.p.pid) >= interfaces and (self.db == "none" or rows(self.db, "SELECT 1 FROM captures"))

    def err(self):
        with open(self.err_path) as f:
            return f.read()

    def statistics(self):
        """What it says when it is asked (SIGUSR1)."""
        asked = len(self.err())
        self.p.send_signal(signal.SIGUSR1)
        return until(lambda: "held" in self.err()[asked:] and self.err()[asked:]) or ""

    def drained(self):
        """Waits until it has read what the kernel holds for it: two looks at the counters find the same."""
        seen = None
        while self.p.poll() is None and (now := [l for l in self.statistics().splitlines() if "packets" in l]) != seen:
            seen = now

    def printed(self):
        """The records on standard output so far."""
        with open(self.out) as f:
            return [json.loads(line) for line in f.read().splitlines() if line.startswith("{")]

    def stop(self, number=signal.SIGINT, seconds=60):
        if self.p.poll() is None:
            self.p.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds=60):
        """The exit status; a sanitizer's report is a failure whatever the status."""
        status = self.p.wait(seconds)
        said = self.err()
        if any(word in said for word in SANITIZER):
            raise RuntimeError(said)
        return status


def rows(db, query):
    """What the database answers, [] while there is none."""
    if not os.path.exists(db):
        return []
    try:
        with contextlib.closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True, timeout=5)) as c:
            return c.execute(query).fetchall()
    except sqlite3.Error:
        return []


@contextlib.contextmanager
def locked(db):
    """Somebody else is writing to the database."""
    c = sqlite3.connect(db, isolation_level=None, timeout=20, check_same_thread=False)
    c.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        c.execute("ROLLBACK")
        c.close()
