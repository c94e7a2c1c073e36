"""WebSocket peers that do what their path says, right or wrong, and log what they sent and received. No library: the wire is theirs.

The server does what the path of the request names; `talk()` is the client that goes with it.
"""
import asyncio, base64, contextlib, hashlib, os, socket, struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode, payload=b"", mask=True, fin=True, rsv=0):
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit, n = 0x80 if mask else 0, len(payload)
    head += bytes([bit | n]) if n < 126 else bytes([bit | 126]) + struct.pack("!H", n) if n < 65536 else bytes([bit | 127]) + struct.pack("!Q", n)
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(payload))


def close_body(code, reason=""):
    return struct.pack("!H", code) + reason.encode()


class Peer:
    """One end of a connection. `log` is what happened here: the truth to compare with."""

    def __init__(self, reader, writer, mask):
        self.reader, self.writer, self.mask = reader, writer, mask
        self.sock = writer.get_extra_info("socket")
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.local, self.remote = (endpoint(writer.get_extra_info(n)) for n in ("sockname", "peername"))
        self.log = {"sent": None, "received": None, "end": None}
        self.path = ""

    async def write(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def send(self, opcode, payload=b"", **options):
        await self.write(frame(opcode, payload, **{"mask": self.mask, **options}))

    async def close(self, code, reason=""):
        body = close_body(code, reason) if code != 1005 else b""
        self.log["sent"] = self.log["sent"] or (code, reason)
        await self.send(8, body)

    async def receive(self):
        """(opcode, payload) of the next frame, None at the end of the stream, which the log then names."""
        try:
            b = await self.reader.readexactly(2)
            n = b[1] & 0x7F
            if n > 125:
                n = int.from_bytes(await self.reader.readexactly(2 if n == 126 else 8), "big")
            key = await self.reader.readexactly(4) if b[1] & 0x80 else b"\0\0\0\0"
            data = await self.reader.readexactly(n)
        except asyncio.IncompleteReadError:
            self.log["end"] = "fin"
            return None
        except OSError:
            self.log["end"] = "reset"
            return None
        data = bytes(c ^ key[i % 4] for i, c in enumerate(data))
        if b[0] & 15 == 8 and self.log["received"] is None:
            self.log["received"] = (int.from_bytes(data[:2], "big"), data[2:].decode()) if data else (1005, "")
        return b[0] & 15, data

    async def until(self, opcode):
        """Reads until a frame of that kind; None if the stream ends before."""
        while f := await self.receive():
            if f[0] == opcode:
                return f
        return None

    async def end(self):
        while await self.receive():
            pass

    def fin(self):
        self.writer.close()

    def half(self):
        self.writer.write_eof()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def endpoint(name):
    return ("[%s]:%d" if ":" in name[0] else "%s:%d") % name[:2]


def answer(head, accept=None):
    key = [l.split(b":", 1)[1].strip() for l in head.split(b"\r\n") if l.lower().startswith(b"sec-websocket-key")][0]
    accept = accept or base64.b64encode(hashlib.sha1(key + GUID).digest())
    return b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"


class Server:
    """Hands each connection to `behave(peer)`, after the handshake unless `handshake` is False. Logs by the client's address."""

    def __init__(self, behave, handshake=True):
        self.behave, self.handshake, self.logs = behave, handshake, {}

    async def start(self, sock):
        self.s = await asyncio.start_server(self.accepted, sock=sock)
        return self

    async def accepted(self, reader, writer):
        p = Peer(reader, writer, mask=False)
        self.logs[p.remote] = p.log
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            p.path = head.split(b" ")[1].decode()
            p.head = head
            if self.handshake:
                await p.write(answer(head))
            await self.behave(p)
        writer.close()


async def connect(net, path, address, port, source=0):
    """A client after its handshake was answered (with whatever)."""
    p = await dial(net, address, port, source)
    await request(p, path)
    p.head = await p.reader.readuntil(b"\r\n\r\n")
    return p


async def dial(net, address, port, source=0):
    s = net.dial(address, source)
    await asyncio.get_running_loop().sock_connect(s, (address, port))
    return Peer(*await asyncio.open_connection(sock=s), mask=True)


async def request(p, path, host="live.example"):
    p.path = path
    key = base64.b64encode(os.urandom(16)).decode()
    await p.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                  "Sec-WebSocket-Version: 13\r\n\r\n".encode())
