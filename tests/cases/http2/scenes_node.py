"""Scenes with node's http2 and `ws` on both sides."""
import asyncio, json, os

from tlslab import SERVER

HERE = os.path.dirname(os.path.abspath(__file__))


async def peers(lab, steps, port=9080, tls=False, **options):
    """One connection with these steps. Returns what each side's library logged, by path, and the client's address."""
    server, client = dict(options), dict(options)
    if tls:
        server["cert"], server["key"] = lab.certificate()
        client["keylog"] = lab.keys("client")
    lab.peer("node http2 and ws 8")
    s = lab.process("s", "node", os.path.join(HERE, "peers", "server.js"), str(port), json.dumps(server))
    await s.first("ready")
    lab.capture("toc", ports=[port])
    c = lab.process("c", "node", os.path.join(HERE, "peers", "client.js"), f"{'https' if tls else 'http'}://{SERVER}:{port}", json.dumps(steps), json.dumps(client))
    address = await c.first("address")
    await asyncio.sleep(max(x.get("at", 0) for x in steps) / 1000 + 1)
    await lab.stop_capture()
    c.kill()
    s.kill()
    return address, c, s


def stream(lab, address, c, s, path, code, by, ending, port=9080, scheme="ws", **expect):
    status = next((e["status"] for e in c.lines if e.get("of") == path), None)
    opened = status == 200
    expect = {"outcome": "closed" if opened else "handshake_failed", "http": "2", "scheme": scheme, "handshake_status": status, "ending": ending, **expect}
    expect |= {"close_code": code, "closed_by": by} if opened else {"client_saw": {"code": 1006, "clean": False}}
    logged = {"client": c.log.get(path), "server": s.log.get(path)}
    for side, l in logged.items():
        if l and opened:
            said = {k: l[k] for k in ("code", "reason")}
            # node drops what it has not read yet when the peer resets the stream behind its Close; RFC 6455 knows no such thing.
            late = ending == "close_handshake" and l["code"] == 1006
            expect.setdefault(f"{side}_saw", [said, {"code": code}] if late else said)
    lab.expect(address, path, expect.pop("setup", "as the path says"), server=f"{SERVER}:{port}", logged=logged, **expect)


# Path, close code, who began the end, how it ended.
ENDS = [
    ("/1/server/1011/chyba%20%F0%9F%91%BE", 1011, "server", "close_handshake"),
    ("/2/client/4000/mine", 4000, "client", "close_handshake"),
    ("/3/client/empty", 1005, "client", "close_handshake"),
    ("/4/server/empty", 1005, "server", "close_handshake"),
    ("/5/server/end", 1006, "server", "stream_end"),
    ("/6/client/end", 1006, "client", "stream_end"),
    ("/7/server/kill", 1006, "server", "stream_reset"),
    ("/8/client/kill", 1006, "client", "stream_reset"),
    # node ends the stream, then resets it.
    ("/9/server/rst/2", 1006, "server", ["stream_end", "stream_reset"]),
    ("/10/client/rst/11", 1006, "client", ["stream_end", "stream_reset"]),
    ("/11/reject/403", None, None, "rejected"),
    ("/12/reject/404", None, None, "rejected"),
]


async def endings(lab, **options):
    """Prior knowledge, plain: every ending of a stream, many streams on one connection, GETs and POSTs between them."""
    steps = [{"at": 60 * i, "path": e[0]} for i, e in enumerate(ENDS)] + [{"at": 100 + 90 * i, "get": f"/g{i}"} for i in range(4)] + [{"at": 130, "post": "/form", "bytes": 2000}, {"at": 1400, "close": True}]
    got = await peers(lab, steps, **options)
    for e in ENDS:
        stream(lab, *got, *e, scheme="wss" if options.get("tls") else "ws")


SCENES = [endings]
