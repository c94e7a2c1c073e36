"""Scenes with frames by hand on both sides: what stacks do seldom, and each error code; HTTP/2 by upgrade; HAProxy in between."""
import asyncio, base64, contextlib, json, os, struct

import lab as plain
from byhand import ACK, DATA, ENABLE_CONNECT_PROTOCOL, GOAWAY, HEADERS, PING, PREFACE, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE, Peer, frame
from scenes_node import HERE, stream
from tlslab import CLIENT, MIDDLE_C, SERVER, behave, close_body, first_ends, saw

TEXT, CLOSE = 1, 8
OK = [(":status", "200")]


class Pair:
    """Both ends of one HTTP/2 connection; what each received is noted in `logged`, and what it must come to in the truth."""

    def __init__(self, lab, client, server):
        self.lab, self.c, self.s = lab, client, server
        self.here = "%s:%d" % client.writer.get_extra_info("sockname")[:2]

    async def settings(self):
        await self.c.send(PREFACE, frame(SETTINGS, 0, 0))
        await self.s.reader.readexactly(len(PREFACE))
        await self.s.send(frame(SETTINGS, 0, 0, ENABLE_CONNECT_PROTOCOL), frame(SETTINGS, ACK, 0))
        await self.c.send(frame(SETTINGS, ACK, 0))

    async def open(self, n, path, **how):
        await self.c.send(self.c.connect(n, path, **how))
        await self.s.want(HEADERS, n)
        await self.s.send(self.s.headers(n, OK))
        await self.c.want(HEADERS, n)
        await self.c.send(self.c.data(n, plain.frame(TEXT, b"hello")))
        await self.s.want(DATA, n)
        await self.s.send(self.s.data(n, plain.frame(TEXT, b"hello", mask=False)))
        await self.c.want(DATA, n)

    async def close_both(self, n, code, reason="", end=True):
        """The client closes, the server answers and ends the stream, the client ends it."""
        await self.c.send(self.c.data(n, plain.frame(CLOSE, close_body(code, reason))))
        await self.s.want(DATA, n)
        await self.s.send(self.s.data(n, plain.frame(CLOSE, close_body(code, reason), mask=False), end=end))
        await self.c.want(DATA, n)
        if end:
            await self.c.send(self.c.data(n, b"", end=True))
            await self.s.want(DATA, n)

    def expect(self, path, setup, logged=None, status=200, **expect):
        e = {"outcome": "closed", "http": "2", "scheme": "ws", "handshake_status": status, **expect}
        self.lab.expect(self.here, path, setup, server=f"{SERVER}:9080", logged=logged, **e)


@contextlib.asynccontextmanager
async def pair(lab, before=None):
    lab.peer("frames by hand, Python's hpack")
    got = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda r, w: got.set_result(Peer(r, w)), sock=lab.listen("s", 9080))
    lab.capture("toc", ports=[9080])
    s = lab.dial(f"{SERVER}:9080")
    s.setblocking(False)
    p = Pair(lab, Peer(*await asyncio.open_connection(sock=s)), await got)
    await (before or Pair.settings)(p)
    yield p
    await asyncio.sleep(0.2)
    await lab.stop_capture(0.2)
    server.close()


def both(code, reason=""):
    return {"client": {"code": code, "reason": reason}, "server": {"code": code, "reason": reason}}


def seen(code, reason=""):
    return {"client_saw": {"code": code, "reason": reason}, "server_saw": {"code": code, "reason": reason}}


async def shapes(lab):
    """Header blocks in CONTINUATION, padded, with a priority; DATA padded, empty, with several frames, with pieces of frames; frames byte by byte; trailers."""
    async with pair(lab) as p:
        c, s = p.c, p.s
        await p.open(1, "/continuation", pieces=5)
        await p.close_both(1, 4001, "pieces")
        await p.open(3, "/padded", pad=100, priority=True)
        await c.send(c.data(3, plain.frame(TEXT, b"padded"), pad=200))
        await s.want(DATA, 3)
        await s.send(s.data(3, plain.frame(CLOSE, close_body(4003, "padded"), mask=False), pad=255))
        await c.want(DATA, 3)
        await c.send(c.data(3, plain.frame(CLOSE, close_body(4003, "padded")), pad=0, end=True))
        await s.want(DATA, 3)
        await s.send(s.data(3, b"", end=True, pad=7))
        await p.open(5, "/byte-by-byte")
        await c.send(c.data(5, plain.frame(TEXT, b"slow")), apart=True)
        await s.want(DATA, 5)
        await s.send(s.data(5, plain.frame(CLOSE, close_body(4005, "slow"), mask=False)), apart=True)
        await c.want(DATA, 5)
        await c.send(c.data(5, plain.frame(CLOSE, close_body(4005, "slow")), end=True), apart=True)
        await s.want(DATA, 5)
        await s.send(s.data(5, b"", end=True))
        await p.open(7, "/one-data-a-byte")
        for b in plain.frame(TEXT, b"bytes") + plain.frame(CLOSE, close_body(4007, "bytes")):
            await c.send(c.data(7, bytes([b])), c.data(7, b""))
        await s.send(s.data(7, plain.frame(CLOSE, close_body(4007, "bytes"), mask=False), end=True))
        await c.want(DATA, 7)
        await c.send(c.data(7, b"", end=True))
        await p.open(9, "/many-in-one-data")
        await c.send(c.data(9, b"".join(plain.frame(TEXT, b"%d" % i) for i in range(20)) + plain.frame(CLOSE, close_body(4009, "many"))), frame(PING, 0, 0, b"8 octets"))
        await s.want(PING)
        await s.send(s.data(9, plain.frame(TEXT, b"x", mask=False) + plain.frame(CLOSE, close_body(4009, "many"), mask=False), end=True), frame(PING, ACK, 0, b"8 octets"))
        await c.want(DATA, 9)
        await c.send(c.data(9, b"", end=True))
        # The end of a stream by a second block of headers.
        await p.open(11, "/trailers")
        await s.send(s.headers(11, [("x-why", "enough")], end=True))
        await c.want(HEADERS, 11)
        await c.send(c.data(11, b"", end=True))
        await s.want(DATA, 11)
        # An interim answer, frames of kinds that nobody knows, WINDOW_UPDATE and PRIORITY between.
        await c.send(c.connect(13, "/interim"))
        await s.want(HEADERS, 13)
        await s.send(s.headers(13, [(":status", "103"), ("link", "</a>")]), frame(0xfa, 0xff, 13, b"grease"), frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", 1000)), s.headers(13, OK))
        await c.want(HEADERS, 13)
        await c.send(frame(PRIORITY, 0, 13, struct.pack("!IB", 0, 200)))
        await p.close_both(13, 4013, "interim")
        c.fin()
        for path, code, by, reason in (("/continuation", 4001, "client", "pieces"), ("/padded", 4003, "server", "padded"), ("/byte-by-byte", 4005, "server", "slow"),
                                       ("/one-data-a-byte", 4007, "client", "bytes"), ("/many-in-one-data", 4009, "client", "many"), ("/interim", 4013, "client", "interim")):
            p.expect(path, "as the path says", both(code, reason), close_code=code, reason=reason, closed_by=by, ending="close_handshake", **seen(code, reason))
        p.expect("/trailers", "END_STREAM with a second block of headers", both(1006), close_code=1006, closed_by="server", ending="stream_end", **seen(1006))


CODES = [0, 1, 2, 3, 5, 7, 8, 11, 12, 13]
NAMES = {0: "NO_ERROR", 1: "PROTOCOL_ERROR", 2: "INTERNAL_ERROR", 3: "FLOW_CONTROL_ERROR", 5: "STREAM_CLOSED", 7: "REFUSED_STREAM", 8: "CANCEL", 11: "ENHANCE_YOUR_CALM",
         12: "INADEQUATE_SECURITY", 13: "HTTP_1_1_REQUIRED"}


async def reset_codes(lab):
    """RST_STREAM with each error code, by the server and by the client in turn."""
    async with pair(lab) as p:
        for i, code in enumerate(CODES):
            n, by = 2 * i + 1, ("server", "client")[i % 2]
            await p.open(n, f"/{by}/{code}")
            me, other = (p.s, p.c) if by == "server" else (p.c, p.s)
            await me.send(me.reset(n, code))
            got = await other.want(RST_STREAM, n)
            p.expect(f"/{by}/{code}", f"RST_STREAM({NAMES[code]}) by the {by}", {"other": {"error": struct.unpack("!I", got[3])[0]}}, close_code=1006, closed_by=by, ending="stream_reset",
                     evidence=[NAMES[code]], **seen(1006))
        p.c.fin()


async def after_close(lab):
    """One Close only: then RST_STREAM by either, END_STREAM by either, END_STREAM in the frame of the Close, the end of TCP; two Closes, then RST_STREAM."""
    async with pair(lab) as p:
        c, s = p.c, p.s
        await p.open(1, "/close-rst-by-peer")
        await c.send(c.data(1, plain.frame(CLOSE, close_body(4001))))
        await s.want(DATA, 1)
        await s.send(s.reset(1, 8))
        await c.want(RST_STREAM, 1)
        await p.open(3, "/close-rst-by-itself")
        await s.send(s.data(3, plain.frame(CLOSE, close_body(4003), mask=False)))
        await c.want(DATA, 3)
        await s.send(s.reset(3, 0))
        await c.want(RST_STREAM, 3)
        await p.open(5, "/close-with-end")
        await s.send(s.data(5, plain.frame(CLOSE, close_body(4005), mask=False), end=True))
        await c.want(DATA, 5)
        await c.send(c.data(5, b"", end=True))
        await s.want(DATA, 5)
        await p.open(7, "/close-end-by-peer")
        await c.send(c.data(7, plain.frame(CLOSE, close_body(4007))))
        await s.want(DATA, 7)
        await s.send(s.data(7, b"", end=True))
        await c.want(DATA, 7)
        await p.open(9, "/closes-then-rst")
        await p.close_both(9, 4009, end=False)
        await s.send(s.reset(9, 0))
        await c.want(RST_STREAM, 9)
        await p.open(11, "/close-fin")
        await p.open(13, "/end-by-one-then-fin")
        await c.send(c.data(13, b"", end=True))
        await s.want(DATA, 13)
        await s.send(s.data(11, plain.frame(CLOSE, close_body(4011), mask=False)))
        await c.want(DATA, 11)
        s.fin()
        await asyncio.sleep(0.1)
        c.fin()
        for path, code, by, sender in (("/close-rst-by-peer", 4001, "client", "client"), ("/close-rst-by-itself", 4003, "server", "server"), ("/close-with-end", 4005, "server", "server"),
                                       ("/close-end-by-peer", 4007, "client", "client"), ("/close-fin", 4011, "server", "server")):
            other = "server" if sender == "client" else "client"
            p.expect(path, "one Close", {other: {"code": code}}, close_code=code, closed_by=by, ending="close_unanswered", **{f"{sender}_saw": {"code": 1006}, f"{other}_saw": {"code": code}})
        p.expect("/closes-then-rst", "two Closes, RST_STREAM(NO_ERROR) by the server", both(4009), close_code=4009, closed_by="client", ending="close_handshake", **seen(4009))
        p.expect("/end-by-one-then-fin", "END_STREAM by the client, TCP ended by the server", both(1006), close_code=1006, closed_by="client", ending="stream_end", **seen(1006))


async def goaway(lab):
    """GOAWAY whose last stream is lower than one that is open: that one was never processed; the others go on, one to its own Close, one to the end of TCP."""
    async with pair(lab) as p:
        c, s = p.c, p.s
        await p.open(1, "/goes-on")
        await p.open(3, "/open-at-the-end")
        await c.send(c.connect(5, "/never-processed"))
        await s.want(HEADERS, 5)
        await s.send(s.goaway(3, 0, b"maintenance"))
        await c.want(GOAWAY)
        await p.close_both(1, 1001, "maintenance")
        s.fin()
        await asyncio.sleep(0.1)
        c.fin()
        p.expect("/goes-on", "a Close behind the GOAWAY", both(1001, "maintenance"), close_code=1001, reason="maintenance", closed_by="client", ending="close_handshake", **seen(1001, "maintenance"))
        p.expect("/open-at-the-end", "GOAWAY, then FIN by the server", both(1006), close_code=1006, closed_by="server", ending="fin", **seen(1006))
        p.expect("/never-processed", "above GOAWAY's last stream", None, None, outcome="handshake_failed", ending=["rejected", "no_response"], client_saw={"code": 1006, "clean": False})


async def upgraded(lab):
    """Upgrade: h2c: a plain request, answered on stream 1; then WebSockets on the same connection."""
    async def by_upgrade(p):
        head = "GET /ordinary HTTP/1.1\r\nHost: sample.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"
        await p.c.send(head.encode())
        await p.s.reader.readuntil(b"\r\n\r\n")
        await p.s.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", frame(SETTINGS, 0, 0, ENABLE_CONNECT_PROTOCOL))
        await p.c.reader.readuntil(b"\r\n\r\n")
        await p.c.send(PREFACE, frame(SETTINGS, 0, 0), frame(SETTINGS, ACK, 0))
        await p.s.reader.readexactly(len(PREFACE))
        await p.s.send(p.s.headers(1, OK), p.s.data(1, b"answer", end=True), frame(SETTINGS, ACK, 0))
        await p.c.want(DATA, 1)

    async with pair(lab, by_upgrade) as p:
        await p.open(3, "/first")
        await p.close_both(3, 4003, "upgraded")
        await p.open(5, "/second")
        await p.s.send(p.s.reset(5, 8))
        await p.c.want(RST_STREAM, 5)
        p.c.fin()
        p.expect("/first", "over Upgrade: h2c", both(4003, "upgraded"), close_code=4003, reason="upgraded", closed_by="client", ending="close_handshake", **seen(4003, "upgraded"))
        p.expect("/second", "over Upgrade: h2c", both(1006), close_code=1006, closed_by="server", ending="stream_reset", evidence=["CANCEL"], **seen(1006))


async def behind_haproxy(lab):
    """HAProxy speaks HTTP/2 over TLS to the client, HTTP/1.1 to the server: every ending, then its own limit of 2 s (timeout tunnel)."""
    pem = os.path.join(lab.tmp, "both.pem")
    with open(pem, "w") as f:
        f.write("".join(open(p).read() for p in lab.certificate()))
    await lab.serve(behave)
    lab.haproxy(["client 8s", "server 8s", "tunnel 2s"], port=9443, bind=f"ssl crt {pem} alpn h2,http/1.1")
    lab.peer("node http2 and ws 8")
    lab.capture("toc", ports=[9443])
    ends = [("/1/server/1011/proxied", 1011, "server", "close_handshake"), ("/2/client/4000/mine", 4000, "client", "close_handshake"), ("/3/client/empty", 1005, "client", "close_handshake"),
            ("/4/server/cut", 1006, "server", None), ("/5/client/kill", 1006, "client", "stream_reset"), ("/6/open/x", 1006, "server", None)]
    steps = [{"at": 150 * i, "path": e[0]} for i, e in enumerate(ends)]
    c = lab.process("c", "node", os.path.join(HERE, "peers", "client.js"), f"https://{MIDDLE_C}:9443", json.dumps(steps), json.dumps({"keylog": lab.keys("client")}))
    address = await c.first("address")
    await asyncio.sleep(4)
    c.kill()
    await lab.stop_capture(0.2)
    for path, code, by, ending in ends:
        e = {"outcome": "closed", "http": "2", "scheme": "wss", "handshake_status": 200, "close_code": code, "closed_by": by, "ending": ending or ["stream_end", "stream_reset"]}
        l = c.log.get(path)
        if l:
            said = {k: l[k] for k in ("code", "reason")}
            e["client_saw"] = [said, {"code": code}] if l["code"] == 1006 and ending == "close_handshake" else said
        lab.expect(address, path, "through HAProxy", server=f"{MIDDLE_C}:9443", logged={"client": l}, **e)


async def crossing(lab):
    """Both send a Close on two streams before that of the other can have come: the router lets nothing through to the server for a moment."""
    async with pair(lab) as p:
        c, s = p.c, p.s
        for n in (1, 3):
            await p.open(n, f"/crossing/{n}")
        await asyncio.sleep(0.1)
        lab.firewall("tcp dport 9080 drop")
        for n in (1, 3):
            await c.send(c.data(n, plain.frame(CLOSE, close_body(1000, "client")), end=True))
            await s.send(s.data(n, plain.frame(CLOSE, close_body(1001, "server"), mask=False), end=True))
        await asyncio.sleep(0.05)
        lab.firewall()
        for n in (1, 3):
            await s.want(DATA, n)
            await c.want(DATA, n)
        c.fin()
        for n in (1, 3):
            p.expect(f"/crossing/{n}", "Closes that cross", {"client": {"code": 1001}, "server": {"code": 1000}}, close_code=[1000, 1001], closed_by="both", ending="close_handshake",
                     client_saw={"code": 1001}, server_saw={"code": 1000})


async def violations(lab):
    """Frames that break the rules of WebSocket, in streams beside a good one."""
    rows = [("/unmasked", plain.frame(TEXT, b"hello", mask=False), "unmasked-client-frame", 1002, "server"), ("/code", plain.frame(CLOSE, close_body(1005)), "close-code-not-allowed", 1005, "client"),
            ("/reserved", plain.frame(TEXT, b"hello", rsv=3), "reserved-bits", 1002, "server"), ("/utf8", plain.frame(CLOSE, close_body(1000, b"\xff\xfe")), "close-reason-not-utf8", 1000, "client")]
    async with pair(lab) as p:
        await p.open(1, "/good")
        for i, (path, data, rule, code, by) in enumerate(rows):
            n = 2 * i + 3
            await p.open(n, path)
            await p.c.send(p.c.data(n, data))
            await p.s.want(DATA, n)
            await p.s.send(p.s.data(n, plain.frame(CLOSE, close_body(1007 if path == "/utf8" else 1002), mask=False), end=True))
            await p.c.want(DATA, n)
            await p.c.send(p.c.reset(n, 0))
            await p.s.want(RST_STREAM, n)
            p.expect(path, rule, {"client": {"code": 1007 if path == "/utf8" else 1002}}, close_code=code, closed_by=by, ending=["close_handshake", "close_unanswered"], rules=[rule])
        await p.close_both(1, 1000, "good")
        p.c.fin()
        p.expect("/good", "beside the others", both(1000, "good"), close_code=1000, reason="good", closed_by="client", ending="close_handshake", no_violation=True, **seen(1000, "good"))


async def loss(lab):
    """Every eighth packet is lost in the router: frames of many streams come again and out of order."""
    async with pair(lab) as p:
        lab.firewall("tcp dport 9080 numgen random mod 8 < 1 drop", "tcp sport 9080 numgen random mod 8 < 1 drop")
        for n in range(1, 17, 2):
            await p.open(n, f"/{n}")
        for n in range(1, 17, 2):
            await p.c.send(p.c.data(n, plain.frame(TEXT, b"x" * 1000)))
        for n in range(1, 17, 2):
            await p.s.want(DATA, n)
            await p.close_both(n, 4000 + n, "lost?")
        p.c.fin()
        await asyncio.sleep(0.5)
        lab.firewall()
        for n in range(1, 17, 2):
            p.expect(f"/{n}", "over a bad link", both(4000 + n, "lost?"), close_code=4000 + n, reason="lost?", closed_by="client", ending="close_handshake", **seen(4000 + n, "lost?"))


async def ordinary(lab):
    """curl over HTTP/2: by prior knowledge, by upgrade, by ALPN. No WebSocket, no record."""
    cert, key = lab.certificate()
    for port, tls in ((9080, {}), (9443, {"cert": cert, "key": key})):
        s = lab.process("s", "node", os.path.join(HERE, "peers", "server.js"), str(port), json.dumps(tls))
        await s.first("ready")
    lab.daemon("s", "nghttpx", f"-f{SERVER},9081;no-tls", f"-b{SERVER},9080;;proto=h2", "--workers=1")  # it takes Upgrade: h2c
    lab.peer("curl 7.88 with nghttp2 1.52")
    lab.capture("toc", ports=[9080, 9081, 9443])
    for options in (["--http2-prior-knowledge", f"http://{SERVER}:9080/a"], ["--http2", f"http://{SERVER}:9081/b"], ["-k", "--http2", f"https://{SERVER}:9443/c"],
                    ["-k", "--http2", "-d", "x" * 2000, f"https://{SERVER}:9443/d"]):
        p = await lab.curl("-s", "-o", "/dev/null", "-w", "%{http_version}", *options)
        if p.stdout != b"2":
            raise RuntimeError(f"{options}: {p}")
    await lab.stop_capture()


SCENES = [shapes, reset_codes, after_close, goaway, upgraded, behind_haproxy, crossing, violations, loss, ordinary]
