"""Peers over loopback, and `wsclose live` that says itself when it is ready."""
import contextlib, os, signal, socket, struct, subprocess, tempfile, time

KEY, ACCEPT = b"dGhlIHNhbXBsZSBub25jZQ==", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def frame(opcode, payload, mask):
    return bytes([0x80 | opcode, len(payload) | (0x80 if mask else 0)]) + (bytes(4) if mask else b"") + payload


class Server:
    def __init__(self, port, host="127.0.0.1"):
        self.s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.s.bind((host, port))
        self.s.listen(64)
        self.at = (host, port)

    def open(self):
        c = socket.socket(self.s.family)
        c.connect(self.at)
        s, _ = self.s.accept()
        for x in (c, s):
            x.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        c.sendall(b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + KEY + b"\r\nSec-WebSocket-Version: 13\r\n\r\n")
        s.recv(4096)
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + ACCEPT + b"\r\n\r\n")
        c.recv(4096)
        return c, s

    def one(self, code=1000):
        """One connection; code None: ended by FIN alone."""
        c, s = self.open()
        if code is not None:
            c.sendall(frame(8, struct.pack("!H", code), True))
            s.recv(99)
            s.sendall(frame(8, struct.pack("!H", code), False))
            c.recv(99)
        s.close()
        c.close()

    def close(self):
        self.s.close()


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while not (value := what()) and time.monotonic() < end:
        time.sleep(0.05)
    return value


class Live:
    number = 0

    def __init__(self, program, db, *words, prefix=(), interface="lo", ready=True, watchdog=None, path=None, env=(), stdout=subprocess.DEVNULL, stderr=None):
        Live.number += 1
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = path or f"@wsclose-test-{os.getpid()}-{Live.number}"
        self.notify.bind(name.replace("@", "\0"))
        if path:
            os.chmod(path, 0o777)
        self.notify.settimeout(0.05)
        self.heard = []
        env = {**os.environ, "NOTIFY_SOCKET": name, **dict(env)}
        if watchdog:
            env["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        self.err_file = tempfile.TemporaryFile("w+")
        self.p = subprocess.Popen([*prefix, program, "live", "-i", interface, "--db", db, "--format", "ndjson", *os.environ.get("LIVE_WORDS", "").split(), *words],
                                  stdout=stdout, stderr=stderr or self.err_file, env=env)
        if ready and not until(lambda: self.says("READY=1") or self.p.poll() is not None):
            raise RuntimeError("not ready: " + self.err())
        if ready and self.p.poll() is not None:
            raise RuntimeError(f"exit {self.p.poll()}: {self.err()}")

    def says(self, line):
        """When that line came."""
        with contextlib.suppress(TimeoutError):
            while True:
                self.heard.append((time.monotonic(), self.notify.recv(4096).decode()))
        return [t for t, text in self.heard if line in text.splitlines()]

    def err(self):
        self.err_file.seek(0)
        return self.err_file.read()

    def status(self, task="self"):
        with open(f"/proc/{self.p.pid}/status" if task == "self" else f"/proc/{self.p.pid}/task/{task}/status") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)

    def stop(self):
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGINT)
        code = self.p.wait(30)
        self.says("")
        return code
