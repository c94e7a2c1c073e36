"""One connection for each way to end, with real TCP between two namespaces; what each record must say stands beside it.

The classes are those of samples/ and of the laboratory of tests/cases/causes; `gap`, and what needs a router, are in the replays.
"""
import asyncio, contextlib, socket

from net import CLIENT, GHOST, SERVER, listener
from peers import Peer, Server, answer, connect, dial, frame, request

PORT, BACKEND = 9000, 9100
CODES = {"/going-away": (1001, "going away"), "/policy": (1008, "token expired"), "/server-error": (1011, "oops"), "/restart": (1012, "restart"),
         "/overload": (1013, "try later"), "/application": (4001, "kicked")}


def closed(code, by, ending, **more):
    return {"outcome": "closed", "close_code": code, "closed_by": by, "ending": ending, **more}


def failed(ending):
    return {"outcome": "handshake_failed", "ending": ending}


TRUTH = {
    "/client-bye": closed(1000, "client", "close_handshake", reason="bye"),
    "/empty": closed(1005, "client", "close_handshake"),
    **{path: closed(code, "server", "close_handshake", reason=reason) for path, (code, reason) in CODES.items()},
    "/unanswered": closed(1000, "client", "close_unanswered"),
    "/unmasked": closed(1002, "server", "close_unanswered", cause="protocol_error"),
    "/too-big": closed(1009, "server", "close_unanswered", cause="message_too_big"),
    "/bad-utf8": closed(1007, "server", "close_unanswered", cause="invalid_data"),
    "/fin": closed(1006, "server", "fin"),
    "/reset": closed(1006, "server", "reset"),
    "/client-fin": closed(1006, "client", "fin"),
    "/client-reset": closed(1006, "client", "reset"),
    "/crash": closed(1006, "server", "reset"),
    "/late": closed(1006, "client", "fin"),
    "/keepalive": closed(1006, "client", "fin", cause="keepalive_timeout"),
    "/long": closed(1000, "client", "close_handshake"),
    "/pings": closed(1000, "client", "close_handshake"),
    "/idle-front": closed(1006, "server", "fin"),
    "/idle-back": closed(1006, "client", "fin"),
    "/forbidden": failed("rejected"),
    "/no-response": failed("no_response"),
    "/bad-accept": failed("bad_accept"),
    "/vanish": closed(1006, None, "vanished"),
    "/open": {"outcome": "open", "close_code": None, "ending": "none"},
}


# ---- the server: the path says what it does ----

async def behave(p):
    if p.path == "/forbidden":
        return await p.write(b"HTTP/1.1 403 Forbidden\r\nServer: live\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    if p.path == "/no-response":
        return await p.end()
    if p.path == "/crash":
        p.writer.transport.pause_reading()
    await p.write(answer(p.head, b"A" * 27 + b"=" if p.path == "/bad-accept" else None))
    if p.path in CODES:
        await p.receive()
        await p.close(*CODES[p.path])
        await p.until(8)
        return None
    if p.path in ("/fin", "/reset", "/crash"):
        await asyncio.sleep(0.2)  # /crash: what has come by then is never read
        return p.reset() if p.path == "/reset" else None
    if p.path in ("/late", "/client-reset", "/keepalive"):
        await p.reader.read()
        await asyncio.sleep(0.2)
        return await p.close(1000, "too late") if p.path == "/late" else None
    await converse(p)


async def converse(p):
    """Echoes until the Close, which is answered unless the path says otherwise."""
    while f := await p.receive():
        if f[0] == 8:
            return None if p.path == "/unanswered" else await p.close(1000)
        if p.path in ("/unmasked", "/too-big", "/bad-utf8"):
            await p.close({"/unmasked": 1002, "/too-big": 1009, "/bad-utf8": 1007}[p.path])
            return p.half()
        await p.send(10 if f[0] == 9 else f[0], f[1])


# ---- the clients ----

async def hello(net, path, address=SERVER, port=PORT):
    p = await connect(net, path, address, port)
    if p.path != "/crash":
        await p.send(1, b"hello")
    return p


async def bye(net, path, code=1000, **where):
    p = await hello(net, path, **where)
    await p.receive()
    await p.close(code, "bye" if code != 1005 else "")
    await p.end()
    p.fin()
    return p


async def listen(net, path):
    """Hears the server out, answers its Close."""
    p = await hello(net, path)
    while f := await p.receive():
        if f[0] == 8:
            await p.close(int.from_bytes(f[1][:2], "big"))
    p.fin()


async def offend(net, path):
    p = await connect(net, path, SERVER, PORT)
    await p.write({"/unmasked": frame(1, b"no mask", mask=False), "/too-big": frame(1, b"x" * 200000), "/bad-utf8": frame(1, b"\xc3\x28")}[path])
    await p.end()
    p.fin()


async def crash(net, path):
    p = await hello(net, path)
    await p.send(2, b"never read" * 1000)
    await p.end()
    p.fin()


async def cut(net, path):
    p = await hello(net, path)
    if path == "/client-reset":
        p.reset()
    else:
        await p.receive()
        p.fin()


async def late(net, path):
    p = await hello(net, path)
    p.half()
    await p.end()
    p.fin()


async def keepalive(net, path):
    """Pings that nobody answers, then no more patience."""
    p = await hello(net, path)
    for _ in range(3):
        await p.send(9, b"are you there")
        await asyncio.sleep(1)
    p.fin()


async def long(net, path):
    p = await connect(net, path, SERVER, PORT)
    for size in (70000, 300000, 1):
        await p.send(2, b"b" * size)
        await p.receive()
    await p.close(1000, "enough")
    await p.end()
    p.fin()


async def pings(net, path):
    p = await connect(net, path, SERVER, PORT)
    for i in range(5):
        await p.send(9, b"%d" % i)
        await p.until(10)
    await p.close(1000)
    await p.end()
    p.fin()


async def handshake_only(net, path):
    p = await dial(net, SERVER, PORT)
    await request(p, path)
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(p.reader.read(4096), 1)
    p.fin()


async def vanish(net, path):
    p = await connect(net, path, GHOST, PORT)
    await p.send(1, b"hello")
    await p.receive()
    # The server's address goes: its packets stop, and nobody says so.
    net.ip(net.b, f"addr del {GHOST}/24 dev vb")
    net.ip(net.a, f"neigh replace {GHOST} lladdr 02:00:00:00:00:99 dev va")
    for _ in range(3):
        await p.send(1, b"anybody there?")
        await asyncio.sleep(1)
    await asyncio.sleep(4)
    return p


async def open_end(net, path):
    p = await hello(net, path)
    await p.receive()
    return p


async def idle(net, path):
    """Through a proxy that ends both legs after a second of silence; it runs beside the server, its backend beside the client."""
    p = await connect(net, path, SERVER, BACKEND)
    await p.send(1, b"hello")
    await p.end()
    p.fin()


class Proxy:
    def __init__(self, net):
        self.net = net

    async def start(self):
        with self.net.inside(self.net.a):
            s = listener(CLIENT, BACKEND)
        self.backend = await Server(converse).start(s)
        self.front = await asyncio.start_server(self.accepted, sock=self.net.listen(SERVER, BACKEND))
        return self

    async def accepted(self, reader, writer):
        with self.net.inside(self.net.b):
            s = socket.socket()
        s.setblocking(False)
        await asyncio.get_running_loop().sock_connect(s, (CLIENT, BACKEND))
        back = Peer(*await asyncio.open_connection(sock=s), mask=True)

        async def pump(source, sink):
            with contextlib.suppress(asyncio.TimeoutError, OSError):
                while data := await asyncio.wait_for(source.read(65536), 1):
                    sink.write(data.replace(b"/idle-front", b"/idle-back"))
        await asyncio.gather(pump(reader, back.writer), pump(back.reader, writer))
        writer.close()
        back.fin()


CLIENTS = {
    "/client-bye": bye, "/empty": lambda net, path: bye(net, path, 1005), **{path: listen for path in CODES}, "/unanswered": bye,
    "/unmasked": offend, "/too-big": offend, "/bad-utf8": offend, "/fin": listen, "/reset": listen, "/crash": crash, "/client-fin": cut,
    "/client-reset": cut, "/late": late, "/keepalive": keepalive, "/long": long, "/pings": pings, "/forbidden": handshake_only,
    "/no-response": handshake_only, "/bad-accept": handshake_only, "/idle-front": idle, "/vanish": vanish, "/open": open_end,
}


async def play(net, then):
    """All scenes at once, and then() when the last has ended, while what stays open still is."""
    listening = [await Server(behave, handshake=False).start(net.listen(a, PORT)) for a in (SERVER, GHOST)]
    listening.append(await Proxy(net).start())
    kept = await asyncio.gather(*(asyncio.wait_for(client(net, path), 30) for path, client in CLIENTS.items()))
    await asyncio.sleep(0.5)
    await asyncio.to_thread(then)
    del listening, kept
