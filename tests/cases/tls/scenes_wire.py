"""Scenes about what happens on the wire below and inside TLS: loss, Closes that cross, Closes without answer, frames that break the rules."""
import asyncio, contextlib
from types import SimpleNamespace

from lab import Raw
from scenes_suites import ENDS, V
from tlslab import NAME, SERVER, close_body, frame

TEXT, CLOSE = 1, 8


@contextlib.asynccontextmanager
async def by_hand(lab, server, **context):
    """Yields connect(path): the client's end after the upgrade. `server(raw)` gets each connection after it."""
    async def accepted(reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await server(await Raw(reader, writer).accept())

    async def connect(path):
        s = lab.dial(f"{SERVER}:9443")
        s.setblocking(False)
        raw = Raw(*await asyncio.open_connection(sock=s, ssl=lab.context(False, log=True, **context), server_hostname=NAME))
        raw.suite = raw.writer.get_extra_info("cipher")[0]
        return await raw.request(path, NAME)

    lab.peer("frames by hand over Python's ssl")
    await asyncio.start_server(accepted, sock=lab.listen("s", 9443), ssl=lab.context(True, **context))
    lab.capture("toc", ports=[9443])
    yield connect
    await lab.stop_capture()


def expect(lab, raw, version, path, setup, code, by, ending, **more):
    lab.expect_ws(SimpleNamespace(version=version, here=raw.local, path=path, suite=raw.suite), setup, code, by, ending, logged={}, **more)


async def crossing(lab):
    """Both send a Close before that of the other can have come: the router lets nothing through to the server for a moment."""
    closed = asyncio.Event()

    async def server(raw):
        await raw.send(frame(TEXT, b"now", mask=False))
        await closed.wait()
        await raw.send(frame(CLOSE, close_body(1001, "server"), mask=False))
        await raw.read()
        raw.fin()

    async with by_hand(lab, server, version=V.TLSv1_3) as connect:
        for _ in range(2):
            closed.clear()
            path = lab.fresh("crossing")
            raw = await connect(path)
            await raw.read()
            await asyncio.sleep(0.1)
            lab.firewall("tcp dport 9443 drop")
            closed.set()
            await raw.send(frame(CLOSE, close_body(1000, "client")))
            await asyncio.sleep(0.05)
            lab.firewall()
            await raw.until_end(3)
            raw.fin()
            expect(lab, raw, "1.3", path, "Closes that cross", [1000, 1001], "both", "close_handshake", client_saw={"code": 1001, "reason": "server"},
                   server_saw={"code": 1000, "reason": "client"})


async def unanswered(lab):
    """One Close only: the other side answers with close_notify and FIN, with a bare FIN, with an RST."""
    async def server(raw):
        how = raw.path.split("/")[-1]
        data = b""
        while b"\x88" not in data[:1] and len(data) < 6:
            data = await raw.read()
        if how == "cut":
            raw.writer.transport.abort()
        elif how == "rst":
            raw.reset()
        else:
            raw.fin()

    async with by_hand(lab, server, version=V.TLSv1_2) as connect:
        for how in ("fin", "cut", "rst"):
            path = lab.fresh(how)
            raw = await connect(path)
            await asyncio.sleep(0.05)
            await raw.send(frame(CLOSE, close_body(4000, "bye")))
            await raw.until_end(2)
            raw.fin()
            await asyncio.sleep(0.2)
            expect(lab, raw, "1.2", path, f"Close by the client, {how} by the server", 4000, "client", "close_unanswered", reason="bye", client_saw={"code": 1006, "clean": False},
                   # It did read the Close; an RST in answer looks as if it had not.
                   server_saw=[{"code": 4000}, None, {"code": 1006}] if how == "rst" else [{"code": 4000}, None])


async def violations(lab):
    """Frames that break the rules, inside TLS: no mask, a code that may not be sent, one byte of a code, reserved bits, a reason that is no UTF-8."""
    rows = [("unmasked", frame(TEXT, b"hello", mask=False), "unmasked-client-frame", 1002), ("code", frame(CLOSE, close_body(1005)), "close-code-not-allowed", 1002),
            ("one-byte", frame(CLOSE, b"\x03"), "close-body-length-1", 1002), ("reserved", frame(TEXT, b"hello", rsv=3), "reserved-bits", 1002),
            ("utf8", frame(CLOSE, close_body(1000, b"\xff\xfe")), "close-reason-not-utf8", 1007)]

    async def server(raw):
        await raw.read()
        await raw.send(frame(CLOSE, close_body(1007 if "utf8" in raw.path else 1002), mask=False))
        raw.fin()

    async with by_hand(lab, server, version=V.TLSv1_3, suites13="TLS_CHACHA20_POLY1305_SHA256") as connect:
        for name, data, rule, answer in rows:
            path = lab.fresh(name)
            raw = await connect(path)
            await raw.send(data)
            await raw.until_end(2)
            raw.fin()
            await asyncio.sleep(0.1)
            sent = {"code": 1005, "utf8": 1000}.get(name)  # the code of the first Close on the wire, legal or not
            expect(lab, raw, "1.3", path, rule, sent or answer, "client" if name in ("code", "one-byte", "utf8") else "server", ["close_handshake", "close_unanswered"], rules=[rule],
                   client_saw={"code": answer})


async def loss(lab):
    """Every tenth packet is lost in the router: TLS records come again and out of order."""
    lab.firewall("tcp dport 9443-9444 numgen random mod 10 < 1 drop", "tcp sport 9443-9444 numgen random mod 10 < 1 drop")
    lab.capture("toc", ports=[9443, 9444])

    async def during(ws):
        for _ in range(2):
            await ws.send("x" * 1800)
            await ws.recv()

    for port, o in ((9443, dict(version=V.TLSv1_3)), (9444, dict(version=V.TLSv1_2, suites="ECDHE-RSA-AES256-SHA384"))):
        await lab.serve_wss(lab.context(True, **o), port)
        c = lab.context(False, log=True, **o)
        for tail, want in (ENDS[0], ENDS[1], ENDS[3]):
            ws = await lab.session(c, tail, port, during=during)
            lab.expect_ws(ws, "over a bad link", port=port, **want)
    await asyncio.sleep(1)
    await lab.stop_capture()


SCENES = [crossing, unanswered, violations, loss]
