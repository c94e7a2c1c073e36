"""The laboratory of record.py: three network namespaces in a row, real peers in them, and tcpdump.

    client 10.9.1.10 --- "toc" middle "tos" --- 10.9.2.10 server

The middle (10.9.1.1, 10.9.2.1) is a router, so TTLs are real (64 at home, 63 beyond it), and the place for proxies and firewalls.
Every Lab has namespaces of its own: many scenes are recorded side by side with the same addresses.
"""
import asyncio, base64, contextlib, ctypes, hashlib, json, os, shutil, signal, socket, struct, subprocess, sys, tempfile, threading, time

import websockets

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = sys.executable
CLIENT, SERVER = "10.9.1.10", "10.9.2.10"
MIDDLE_C, MIDDLE_S = "10.9.1.1", "10.9.2.1"
SIX = {CLIENT: "fd09:1::10", MIDDLE_C: "fd09:1::1", MIDDLE_S: "fd09:2::1", SERVER: "fd09:2::10"}
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def sh(line, check=True):
    return subprocess.run(line.split(), check=check, capture_output=True, text=True)


def frame(opcode, payload=b"", mask=True, fin=True, rsv=0):
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit, n = 0x80 if mask else 0, len(payload)
    head += bytes([bit | n]) if n < 126 else bytes([bit | 126]) + struct.pack("!H", n) if n < 65536 else bytes([bit | 127]) + struct.pack("!Q", n)
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(payload))


def close_body(code, reason=""):
    return struct.pack("!H", code) + (reason if isinstance(reason, bytes) else reason.encode())


def wire(data):
    """`data` in hexadecimal, for tshark's `frame contains`."""
    return ":".join(f"{b:02x}" for b in data)


class Raw:
    """A WebSocket end without a library: bytes as they are wanted."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.sock = writer.get_extra_info("socket")
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.local = "%s:%d" % writer.get_extra_info("sockname")[:2]
        self.peer = "%s:%d" % writer.get_extra_info("peername")[:2]
        self.head = b""

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def read(self, timeout=5):
        """What comes next, b"" at the end of the stream, None if nothing comes."""
        try:
            return await asyncio.wait_for(self.reader.read(65536), timeout)
        except asyncio.TimeoutError:
            return None
        except ConnectionError:
            return b""

    async def until_end(self, timeout=10):
        data = b""
        while part := await self.read(timeout):
            data += part
        return data

    async def request(self, path, host, *headers):
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}",
                 "Sec-WebSocket-Version: 13", *headers, "", ""]
        await self.send("\r\n".join(lines).encode())
        self.head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)
        return self

    async def accept(self, *headers):
        self.head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)
        key = [l.split(b":", 1)[1].strip() for l in self.head.split(b"\r\n") if l.lower().startswith(b"sec-websocket-key")][0]
        answer = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {answer}", *headers, "", ""]
        await self.send("\r\n".join(lines).encode())
        return self

    @property
    def path(self):
        return self.head.split(b" ")[1].decode()

    def fin(self):
        self.writer.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Process:
    """A peer in a process of its own, which can be stopped and killed; its lines of JSON are its log."""

    def __init__(self, command):
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines, self.log = [], {}
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.p.stdout:
            e = json.loads(line)
            self.lines.append(e)
            if "code" in e:
                self.log[e["path"]] = {"code": e["code"], "reason": e["reason"]}

    async def first(self, key, timeout=10):
        """The value of `key` in the first line that has it."""
        for _ in range(int(timeout * 50)):
            for e in self.lines:
                if key in e:
                    return e[key]
            await asyncio.sleep(0.02)
        raise TimeoutError(key)

    def signal(self, number):
        self.p.send_signal(number)

    def kill(self):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait()


class Lab:
    def __init__(self, name, out):
        self.name, self.out = name, out
        self.spaces = {w: f"wl{os.getpid()}{w}" for w in "cms"}
        self.tmp = tempfile.mkdtemp()
        os.chmod(self.tmp, 0o777)
        self.log, self.processes, self.captures, self.tasks = {}, [], [], []
        self.peers, self.about, self.entries, self.others = [], "", [], {}
        self.findings = []  # kinds that `wsclose diagnose` must find, and no others

    # ---- the network ----

    def __enter__(self):
        c, m, s = self.spaces.values()
        for n in self.spaces.values():
            sh(f"ip netns add {n}")
            sh(f"ip -n {n} link set lo up")
        sh(f"ip link add c0 netns {c} type veth peer name toc netns {m}")
        sh(f"ip link add s0 netns {s} type veth peer name tos netns {m}")
        for n, dev, at in ((c, "c0", CLIENT), (m, "toc", MIDDLE_C), (m, "tos", MIDDLE_S), (s, "s0", SERVER)):
            sh(f"ip -n {n} addr add {at}/24 dev {dev}")
            sh(f"ip -n {n} link set {dev} up")
            # Segments as a wire has them, with real checksums: no offload.
            sh(f"ip netns exec {n} ethtool -K {dev} tx off tso off gso off gro off")
            sh(f"ip -n {n} -6 addr add {SIX[at]}/64 dev {dev} nodad")
        sh(f"ip -n {c} -6 route add default via {SIX[MIDDLE_C]}")
        sh(f"ip -n {s} -6 route add default via {SIX[MIDDLE_S]}")
        sh(f"ip netns exec {m} sysctl -qw net.ipv6.conf.all.forwarding=1")
        sh(f"ip -n {c} route add default via {MIDDLE_C}")
        sh(f"ip -n {s} route add default via {MIDDLE_S}")
        sh(f"ip netns exec {m} sysctl -qw net.ipv4.ip_forward=1")
        return self

    def __exit__(self, *_):
        for p in self.processes:
            p.kill()
        for n in self.spaces.values():
            # A master that was killed leaves its workers behind.
            for pid in sh(f"ip netns pids {n}", check=False).stdout.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            sh(f"ip netns del {n}", check=False)
        shutil.rmtree(self.tmp, ignore_errors=True)

    @contextlib.contextmanager
    def inside(self, where):
        """Sockets that this thread makes within belong to that namespace."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.spaces[where]}", os.O_RDONLY)
        try:
            if LIBC.setns(there, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            yield
        finally:
            LIBC.setns(home, CLONE_NEWNET)
            os.close(home)
            os.close(there)

    def run(self, where, line):
        return sh(f"ip netns exec {self.spaces[where]} {line}")

    def firewall(self, *rules, family="ip"):
        """Replaces the rules of the router in the middle."""
        text = "\n".join([f"add table {family} wall", f"delete table {family} wall", f"table {family} wall {{", " chain through {",
                          "  type filter hook forward priority 0", *rules, " }", "}", ""])
        subprocess.run(["ip", "netns", "exec", self.spaces["m"], "nft", "-f", "-"], input=text, text=True, check=True)

    def process(self, where, *command):
        p = Process(["ip", "netns", "exec", self.spaces[where], *command])
        self.processes.append(p)
        return p

    def daemon(self, where, *command):
        p = subprocess.Popen(["ip", "netns", "exec", self.spaces[where], *command], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        p_kill = p.kill
        p.kill = lambda: (p_kill(), p.wait())
        self.processes.append(p)
        time.sleep(0.5)
        return p

    # ---- captures ----

    def capture(self, interface="toc", where="m", name=None, ports=None):
        """Starts tcpdump. "any" sees both legs of a proxy in one file."""
        path = os.path.join(self.out, (name or self.name) + ".pcap")
        expression = " or ".join(f"tcp port {p}" for p in ports) if ports else "tcp"
        p = subprocess.Popen(["ip", "netns", "exec", self.spaces[where], "tcpdump", "-i", interface, "-B", "8192", "-U", "-s", "0",
                              "-Z", "root", "-w", path, expression], stderr=subprocess.PIPE, text=True)
        p.stderr.readline()
        time.sleep(0.3)
        self.captures.append((path, p))

    async def stop_capture(self, after=0.7):
        await asyncio.sleep(after + 1)  # without --immediate-mode the kernel hands packets over in blocks, at most 1 s old
        for path, p in self.captures:
            p.send_signal(signal.SIGINT)
            said = p.communicate()[1]
            if "\n0 packets dropped by kernel" not in said:
                raise RuntimeError(f"{path}: {said}")

    @property
    def path(self):
        return self.captures[0][0]

    def packet(self, display_filter, which=0, path=None):
        """Number of a packet, by tshark."""
        p = subprocess.run(["tshark", "-r", path or self.path, "-Y", display_filter, "-T", "fields", "-e", "frame.number"], capture_output=True, text=True)
        return int(p.stdout.split()[which])

    # ---- peers ----

    def listen(self, where, port, six=False):
        with self.inside(where):
            s = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((SIX[SERVER] if six else SERVER if where == "s" else "0.0.0.0", port))
            s.listen(128)
            s.setblocking(False)
            return s

    def dial(self, to):
        host, p = to.rsplit(":", 1)
        with self.inside("c"):
            return socket.create_connection((host.strip("[]"), int(p)), 5)

    async def serve(self, handler, port=9000, six=False, **options):
        """A server of Python's websockets on the server host; what its library reports is in self.log, by path."""
        options = {"ping_interval": None, "compression": None, "close_timeout": 2, **options}

        async def note(ws):
            await ws.wait_closed()
            self.log[ws.path] = {"code": ws.close_code, "reason": ws.close_reason or ""}

        async def wrapped(ws):
            self.tasks.append(asyncio.create_task(note(ws)))
            ws.at = "%s:%d" % ws.remote_address[:2]
            self.log["at " + ws.path] = ws.at
            await handler(ws)

        self.peer(f"Python websockets {websockets.version.version}")
        return await websockets.serve(wrapped, sock=self.listen("s", port, six), **options)

    async def connect(self, path="/", to=f"{SERVER}:9000", host="sample.example", keepalive=None, **options):
        """A client of Python's websockets on the client host."""
        s = self.dial(to)
        if keepalive:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, keepalive)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, keepalive)
        options = {"ping_interval": None, "compression": None, "close_timeout": 2, **options}
        self.peer(f"Python websockets {websockets.version.version}")
        ws = await websockets.connect(f"{'wss' if options.get('ssl') else 'ws'}://{host}{path}", sock=s, **options)
        ws.here = ("[%s]:%d" if ":" in ws.local_address[0] else "%s:%d") % ws.local_address[:2]
        return ws

    async def raw(self, path="/", to=f"{SERVER}:9000", host="sample.example", headers=()):
        s = self.dial(to)
        s.setblocking(False)
        return await Raw(*await asyncio.open_connection(sock=s)).request(path, host, *headers)

    async def serve_raw(self, handler, port=9000):
        """handler(raw) gets each connection before its handshake."""
        async def accepted(reader, writer):
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await handler(Raw(reader, writer))
        return await asyncio.start_server(accepted, sock=self.listen("s", port))

    async def node(self, where="s", port=9000, **options):
        self.peer("node ws 8")
        p = self.process(where, "node", os.path.join(HERE, "peers", "server.js"), str(port), json.dumps(options))
        await p.first("ready")
        return p

    async def client_process(self, path, to=f"{SERVER}:9000", **options):
        """peers/client.py on the client host. Returns the process; `address` is in its log."""
        p = self.process("c", PYTHON, os.path.join(HERE, "peers", "client.py"), f"ws://{to}{path}", json.dumps(options))
        p.address = await p.first("address")
        return p

    def nginx(self, http="", port=8080, to=f"{SERVER}:9000", location="", main="", listen="", server=""):
        self.peer("nginx 1.22.1")
        d = self.tmp
        with open(os.path.join(d, "nginx.conf"), "w") as f:
            f.write(f"""daemon off; pid {d}/pid; error_log {d}/error.log; {main}
events {{}}
http {{ access_log off; client_body_temp_path {d}; proxy_temp_path {d}; fastcgi_temp_path {d}; uwsgi_temp_path {d}; scgi_temp_path {d};
 {http}
 server {{ listen {MIDDLE_C}:{port} {listen}; {server} location / {{ proxy_pass http://{to}; proxy_http_version 1.1; {location}
  proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }} }} }}
""")
        return self.daemon("m", "nginx", "-c", os.path.join(d, "nginx.conf"), "-p", d)

    def haproxy(self, timeouts, port=8080, to=f"{SERVER}:9000", servers=True, bind=""):
        self.peer("HAProxy 2.6")
        conf = os.path.join(self.tmp, "haproxy.cfg")
        with open(conf, "w") as f:
            f.write("defaults\n mode http\n timeout connect 3s\n" + "".join(f" timeout {t}\n" for t in timeouts) +
                    f"frontend f\n bind {MIDDLE_C}:{port} {bind}\n default_backend b\nbackend b\n" + (f" server s1 {to}\n" if servers else ""))
        return self.daemon("m", "haproxy", "-db", "-f", conf)

    # ---- truth ----

    def peer(self, name):
        if name not in self.peers:
            self.peers.append(name)

    def expect(self, client, path, setup, server=f"{SERVER}:9000", logged=None, packets=None, **expect):
        """One connection: who, what was set up, what the endpoints logged, and what the record must say."""
        self.entries.append({"client": client, "server": server, "path": path, "setup": setup,
                             "logged": {k: v for k, v in (logged or {}).items() if v}, "expect": expect,
                             **({"packets": packets} if packets else {})})

    def also(self, name, about, captures, entries, findings=()):
        """An entry of its own for some of the captures of this scene."""
        self.others[name] = {"captures": captures, "about": about, "peers": self.peers, "findings": list(findings), "connections": entries}

    def truth(self):
        return {"captures": [os.path.basename(p) for p, _ in self.captures], "about": self.about, "peers": self.peers, "findings": self.findings,
                "connections": self.entries}


def saw(ws):
    """What the library of a websockets client reported."""
    return {"code": ws.close_code, "reason": ws.close_reason or ""}
