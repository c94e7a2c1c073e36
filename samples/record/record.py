#!/usr/bin/env python3
"""Record the samples: small captures of real clients and servers, one for each way a WebSocket can end.

usage: record.py OUT_DIR        (as root: it captures with tcpdump, and makes two network namespaces)

Needs tcpdump, editcap, nginx, node with `npm install ws`, Python's websockets. The truth beside each capture is
what the endpoints' own libraries reported; the wire (first closer, TCP's end) is what the scripts made them do.
"""
import asyncio, base64, hashlib, json, os, shutil, signal, socket, struct, subprocess, sys, tempfile, threading, time

import websockets

HERE = os.path.dirname(os.path.abspath(__file__))
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Capture:
    """tcpdump on one interface and some ports, for the length of a `with`."""

    def __init__(self, path, ports, interface="lo", prefix=()):
        self.path, self.interface, self.prefix = path, interface, list(prefix)
        self.filter = " or ".join(f"tcp port {p}" for p in ports)

    def __enter__(self):
        self.p = subprocess.Popen(
            self.prefix + ["tcpdump", "-i", self.interface, "--immediate-mode", "-U", "-s", "0", "-w", self.path, self.filter],
            stderr=subprocess.PIPE)
        self.p.stderr.readline()
        time.sleep(0.3)
        return self

    def __exit__(self, *_):
        time.sleep(0.6)
        self.p.send_signal(signal.SIGINT)
        self.p.wait()


class NodeServer:
    """server.js; `log` collects what the library reported at the end of each connection, by path."""

    def __init__(self, port, address="127.0.0.1", prefix=()):
        self.p = subprocess.Popen(list(prefix) + ["node", os.path.join(HERE, "server.js"), str(port), address],
                                  stdout=subprocess.PIPE, text=True)
        self.p.stdout.readline()
        self.log = {}
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.p.stdout:
            e = json.loads(line)
            self.log[e["path"]] = e

    def saw(self, path):
        e = self.log.get(path)
        return {"code": e["code"], "reason": e["reason"]} if e else None

    def stop(self):
        self.p.kill()


def frame(opcode, payload=b"", mask=True, fin=True):
    head = bytes([(0x80 if fin else 0) | opcode])
    bit = 0x80 if mask else 0
    head += bytes([bit | len(payload)]) if len(payload) < 126 else bytes([bit | 126]) + struct.pack("!H", len(payload))
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(payload))


def close_body(code, reason=""):
    return struct.pack("!H", code) + reason.encode()


class RawServer:
    """Accepts one connection, answers its handshake (or not) and hands the socket to `behave`."""

    def __init__(self, port, behave, accept_key=None, answer=True):
        self.s = socket.socket()
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.s.bind(("127.0.0.1", port))
        self.s.listen()
        self.behave, self.accept_key, self.answer = behave, accept_key, answer
        self.t = threading.Thread(target=self.serve, daemon=True)
        self.t.start()

    def serve(self):
        c, _ = self.s.accept()
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = b""
        while b"\r\n\r\n" not in head:
            head += c.recv(4096)
        if self.answer:
            key = [l.split(b":", 1)[1].strip() for l in head.split(b"\r\n") if l.lower().startswith(b"sec-websocket-key")][0]
            accept = self.accept_key or base64.b64encode(hashlib.sha1(key + GUID).digest())
            c.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        self.behave(c)
        self.s.close()


def raw_client(port, path):
    c = socket.create_connection(("127.0.0.1", port))
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    c.sendall(f"GET {path} HTTP/1.1\r\nHost: sample.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += c.recv(4096)
    return c


async def client(url, talk=None):
    """A websockets client: connects, talks, waits for the end. Returns (client's address, what it saw or None, error)."""
    try:
        ws = await websockets.connect(url, ping_interval=None, open_timeout=2, compression=None, close_timeout=2)
    except Exception as e:
        return None, None, f"{type(e).__name__}: {e}"
    host, port = ws.local_address[:2]
    if talk:
        await talk(ws)
    try:
        await asyncio.wait_for(ws.wait_closed(), 15)
    except asyncio.TimeoutError:
        return f"{host}:{port}", None, None
    return f"{host}:{port}", {"code": ws.close_code, "reason": ws.close_reason or ""}, None


def connection(name, client_addr, server, path, status=101, client_saw=None, server_saw=None, first="none", code=None, tcp="none", **expect):
    return {"id": name, "client": client_addr, "server": server, "path": path, "scheme": "ws", "http": "1.1", "handshake_status": status,
            "client_saw": client_saw, "server_saw": server_saw, "first_closer": first, "close_code_first": code, "tcp_end": tcp,
            "expect": expect}


class Recorder:
    def __init__(self, out):
        self.out = out
        self.port = 9100

    def next_port(self):
        self.port += 1
        return self.port

    def path(self, name):
        return os.path.join(self.out, name + ".pcap")

    def truth(self, name, description, connections):
        with open(os.path.join(self.out, name + ".json"), "w") as f:
            json.dump({"capture": name + ".pcap", "description": description, "connections": connections}, f, indent=1)
            f.write("\n")
        print(f"{name}: {len(connections)} connection(s), {os.path.getsize(self.path(name))} bytes")

    # ---- in order, with Closes ----

    def close_handshake(self):
        port = self.next_port()
        server = NodeServer(port)
        addr = f"127.0.0.1:{port}"
        cs = []

        async def bye(ws):
            await ws.send("hello")
            await ws.recv()
            await ws.close(1000, "bye")

        async def empty(ws):
            await ws.send("hello")
            await ws.recv()
            ws.transport.write(frame(8))

        with Capture(self.path("close-handshake"), [port]):
            for name, talk, first, code in (("client-bye", bye, "client", 1000), ("going-away", None, "server", 1001),
                                            ("policy", None, "server", 1008), ("empty", empty, "client", 1005)):
                c, saw, _ = asyncio.run(client(f"ws://{addr}/{name}", talk))
                time.sleep(0.3)
                # An answer to a Close that is not the library's own is not in its log: only the server's view counts then.
                cs.append(connection(name, c, addr, f"/{name}", 101, None if name == "empty" else saw, server.saw(f"/{name}"), first, code,
                                     "fin-server", outcome="closed", close_code=code, closed_by=first, ending="close_handshake"))
        server.stop()
        self.truth("close-handshake", "Close frames both ways: by the client, by the server, with a reason, and an empty one (1005)", cs)

    def close_unanswered(self):
        port = self.next_port()

        def hang_up(c):
            c.recv(4096)
            c.close()

        RawServer(port, hang_up)
        with Capture(self.path("close-unanswered"), [port]):
            async def bye(ws):
                await ws.close(1000, "anybody there?")
            c, saw, _ = asyncio.run(client(f"ws://127.0.0.1:{port}/silent", bye))
        self.truth("close-unanswered", "the client closes with 1000; the server just closes TCP",
                   [connection("silent", c, f"127.0.0.1:{port}", "/silent", 101, saw, None, "client", 1000, "fin-server", outcome="closed",
                               close_code=1000, closed_by="client", ending="close_unanswered")])

    def violations(self):
        port = self.next_port()
        server = NodeServer(port)
        with Capture(self.path("protocol-error"), [port]):
            c = raw_client(port, "/unmasked")
            at = "%s:%d" % c.getsockname()
            c.sendall(frame(1, b"no mask", mask=False))
            c.recv(4096)
            time.sleep(0.3)
            c.close()
        self.truth("protocol-error", "a client frame without mask: the server fails the connection with 1002",
                   [connection("unmasked", at, f"127.0.0.1:{port}", "/unmasked", 101, {"code": 1002, "reason": ""}, server.saw("/unmasked"),
                               "server", 1002, "fin-server", outcome="closed", close_code=1002, closed_by="server")])
        with Capture(self.path("message-too-big"), [port]):
            async def big(ws):
                await ws.send("x" * 2000)
            c, saw, _ = asyncio.run(client(f"ws://127.0.0.1:{port}/big", big))
            time.sleep(0.3)
        self.truth("message-too-big", "a message of 2,000 bytes to a server that takes 1,000: 1009",
                   [connection("big", c, f"127.0.0.1:{port}", "/big", 101, saw, server.saw("/big"), "server", 1009, "fin-server",
                               outcome="closed", close_code=1009, closed_by="server")])
        server.stop()

    # ---- without ----

    def abrupt(self):
        port = self.next_port()
        server = NodeServer(port)
        for name, end in (("fin", "fin-server"), ("reset", "rst-server")):
            with Capture(self.path(name), [port]):
                c, saw, _ = asyncio.run(client(f"ws://127.0.0.1:{port}/{name}"))
                time.sleep(0.3)
            self.truth(name, f"the server's socket ends with a {end[:3].upper()}, without a Close frame",
                       [connection(name, c, f"127.0.0.1:{port}", f"/{name}", 101, saw, server.saw(f"/{name}"), "server", 1006, end,
                                   outcome="closed", close_code=1006, closed_by="server", ending=name)])
        server.stop()

    def late_close(self):
        port = self.next_port()

        def answer_late(c):
            while c.recv(4096):
                pass
            time.sleep(0.3)
            c.sendall(frame(8, close_body(1000, "too late"), mask=False))
            c.close()

        RawServer(port, answer_late)
        with Capture(self.path("late-close"), [port]):
            c = raw_client(port, "/late")
            at = "%s:%d" % c.getsockname()
            c.sendall(frame(1, b"last words"))
            c.shutdown(socket.SHUT_WR)
            while c.recv(4096):
                pass
            c.close()
        self.truth("late-close", "the client closes its side with a FIN; the server's Close comes after it has acknowledged that",
                   [connection("late", at, f"127.0.0.1:{port}", "/late", 101, None, {"code": 1006, "reason": ""}, "client", 1006, "fin-client",
                               outcome="closed", close_code=1006, closed_by="client", ending="fin")])

    def open_end(self):
        port = self.next_port()
        server = NodeServer(port)
        c = None
        with Capture(self.path("open"), [port]):
            c = raw_client(port, "/open")
            at = "%s:%d" % c.getsockname()
            c.sendall(frame(1, b"still here"))
            c.recv(4096)
        c.close()
        server.stop()
        self.truth("open", "the capture stops while the connection is open",
                   [connection("open", at, f"127.0.0.1:{port}", "/open", outcome="open", close_code=None)])

    # ---- handshakes ----

    def handshakes(self):
        port = self.next_port()
        server = NodeServer(port)
        with Capture(self.path("rejected"), [port]):
            asyncio.run(client(f"ws://127.0.0.1:{port}/forbidden"))
        server.stop()
        self.handshake("rejected", port, "/forbidden", 403, None, "the server answers 403")
        port = self.next_port()
        RawServer(port, lambda c: time.sleep(4), answer=False)
        with Capture(self.path("no-response"), [port]):
            asyncio.run(client(f"ws://127.0.0.1:{port}/nobody"))
        self.handshake("no-response", port, "/nobody", None, "fin-client", "the server never answers; the client gives up after 2 s")
        port = self.next_port()
        RawServer(port, lambda c: c.recv(4096), accept_key=b"A" * 27 + b"=")
        with Capture(self.path("bad-accept"), [port]):
            asyncio.run(client(f"ws://127.0.0.1:{port}/wrong"))
        self.handshake("bad-accept", port, "/wrong", 101, "fin-client", "101 with a wrong Sec-WebSocket-Accept")

    def handshake(self, name, port, path, status, end, text):
        # The client's library does not tell the port of a connection that never opened: the SYN does.
        p = subprocess.run(["tcpdump", "-nr", self.path(name), "-c", "1", "tcp[tcpflags] == tcp-syn"], capture_output=True, text=True)
        at = p.stdout.split()[2].rsplit(".", 1)
        self.truth(name, text, [connection(name, f"{at[0]}:{at[1]}", f"127.0.0.1:{port}", path, status, tcp=end, outcome="handshake_failed",
                                           ending=name.replace("-", "_"))])

    # ---- what a capture cannot show ----

    def cut(self):
        port = self.next_port()
        server = NodeServer(port)
        full = os.path.join(self.out, "full.tmp")
        with Capture(full, [port]):
            async def talk(ws):
                for i in range(6):
                    await ws.send(f"message number {i} of a conversation")
                    await ws.recv()
                await ws.close(1000, "done")
            c, saw, _ = asyncio.run(client(f"ws://127.0.0.1:{port}/cut", talk))
            time.sleep(0.3)
        tshark = subprocess.run(["tshark", "-r", full, "-Y", "websocket.opcode == 8", "-T", "fields", "-e", "frame.number"], capture_output=True, text=True)
        closes = tshark.stdout.split()
        subprocess.run(["editcap", "-F", "pcap", full, self.path("gap"), *closes], check=True, capture_output=True)
        subprocess.run(["editcap", "-F", "pcap", full, self.path("midstream"), "1-7"], check=True, capture_output=True)
        os.unlink(full)
        self.truth("gap", "the packets with the Close frames are missing: unknown, never 1006",
                   [connection("gap", c, f"127.0.0.1:{port}", "/cut", first="client", tcp="fin-server", outcome="unknown", close_code=None, ending="gap")])
        self.truth("midstream", "the capture starts after the handshake",
                   [connection("midstream", c, f"127.0.0.1:{port}", "/cut", None, saw, server.saw("/cut"), "client", 1000, "fin-server",
                               outcome="closed", close_code=1000, closed_by="client", ending="close_handshake", midstream=True)])
        server.stop()

    # ---- a network that goes away; both legs of a proxy ----

    def vanished(self):
        def sh(line):
            subprocess.run(line.split(), check=True)
        a, b = ["ip", "netns", "exec", "wsc-a"], ["ip", "netns", "exec", "wsc-b"]
        for ns in ("wsc-a", "wsc-b"):
            subprocess.run(["ip", "netns", "del", ns], capture_output=True)
            sh(f"ip netns add {ns}")
        sh("ip link add va netns wsc-a type veth peer name vb netns wsc-b")
        for ns, dev, ip in (("wsc-a", "va", "10.66.0.1"), ("wsc-b", "vb", "10.66.0.2")):
            sh(f"ip -n {ns} addr add {ip}/24 dev {dev}")
            sh(f"ip -n {ns} link set {dev} up")
        time.sleep(1)
        server = NodeServer(9000, "10.66.0.2", b)
        with Capture(self.path("vanished"), [9000], "va", a):
            p = subprocess.Popen(a + [sys.executable, os.path.abspath(__file__), "--vanish"], stdout=subprocess.PIPE, text=True)
            at = p.stdout.readline().strip()
            time.sleep(0.5)
            # The server's address goes: its packets stop, and nobody says so.
            sh("ip -n wsc-b addr del 10.66.0.2/24 dev vb")
            sh("ip -n wsc-a neigh replace 10.66.0.2 lladdr 02:00:00:00:00:99 dev va")
            time.sleep(8)
        p.kill()
        server.stop()
        for ns in ("wsc-a", "wsc-b"):
            sh(f"ip netns del {ns}")
        self.truth("vanished", "the server's host disappears; the client sends on and gets no acknowledgement",
                   [connection("vanished", at, "10.66.0.2:9000", "/vanish", 101, None, None, "null-unknown", 1006, "none", outcome="closed",
                               close_code=1006, ending="vanished")])

    def proxy(self):
        backend, front = self.next_port(), self.next_port()
        server = NodeServer(backend)
        d = tempfile.mkdtemp()
        with open(os.path.join(d, "nginx.conf"), "w") as f:
            f.write(f"""daemon off; pid {d}/pid; error_log {d}/error.log;
events {{}}
http {{ access_log off; client_body_temp_path {d}; proxy_temp_path {d}; fastcgi_temp_path {d}; uwsgi_temp_path {d}; scgi_temp_path {d};
 server {{ listen 127.0.0.1:{front}; location / {{ proxy_pass http://127.0.0.1:{backend}; proxy_http_version 1.1; proxy_read_timeout 2s;
  proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }} }} }}
""")
        os.chmod(d, 0o777)
        nginx = subprocess.Popen(["nginx", "-c", os.path.join(d, "nginx.conf"), "-p", d], stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        with Capture(self.path("proxy-idle"), [front, backend]):
            async def once(ws):
                await ws.send("hello")
                await ws.recv()
            c, saw, _ = asyncio.run(client(f"ws://127.0.0.1:{front}/idle", once))
            time.sleep(0.3)
        nginx.terminate()
        p = subprocess.run(["tcpdump", "-nr", self.path("proxy-idle"), "-c", "1", f"tcp[tcpflags] == tcp-syn and dst port {backend}"],
                           capture_output=True, text=True)
        at = p.stdout.split()[2].rsplit(".", 1)
        self.truth("proxy-idle", "nginx cuts an idle connection after proxy_read_timeout (2 s): both legs end with its FIN, without a Close",
                   [connection("front", c, f"127.0.0.1:{front}", "/idle", 101, saw, None, "server", 1006, "fin-server", outcome="closed",
                               close_code=1006, closed_by="server", ending="fin"),
                    connection("back", f"{at[0]}:{at[1]}", f"127.0.0.1:{backend}", "/idle", 101, None, server.saw("/idle"), "client", 1006,
                               "fin-client", outcome="closed", close_code=1006, closed_by="client", ending="fin")])
        server.stop()
        shutil.rmtree(d)


def vanish_client():
    """Runs in a namespace of its own: talks, tells its address, then keeps talking to nobody."""
    async def go():
        ws = await websockets.connect("ws://10.66.0.2:9000/vanish", ping_interval=None, compression=None)
        await ws.send("hello")
        await ws.recv()
        print("%s:%d" % ws.local_address[:2], flush=True)
        while True:
            await asyncio.sleep(1)
            await ws.send("anybody there?")
    asyncio.run(go())


def main():
    if sys.argv[1:] == ["--vanish"]:
        return vanish_client()
    if len(sys.argv) != 2 or not os.path.isdir(sys.argv[1]):
        sys.exit(__doc__)
    r = Recorder(sys.argv[1])
    for step in (r.close_handshake, r.close_unanswered, r.violations, r.abrupt, r.late_close, r.open_end, r.handshakes, r.cut, r.vanished, r.proxy):
        step()


main()
