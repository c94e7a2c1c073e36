"""Scenes with node's http2 and `ws` on both sides."""
import asyncio, json, os, subprocess
from types import SimpleNamespace

from browser import PAGE, browse, browse_firefox
from tlslab import SERVER, first_ends

HERE = os.path.dirname(os.path.abspath(__file__))


async def peers(lab, steps, port=9080, tls=False, **options):
    """One connection with these steps. Returns what each side's library logged, by path, and the client's address."""
    server, client = dict(options), dict(options)
    if tls:
        server["cert"], server["key"] = lab.certificate()
        server["keylog"] = lab.keys("server") if tls == "server" else None
        client["keylog"] = lab.keys("client") if tls == "client" else None
    lab.peer("node http2 and ws 8")
    s = lab.process("s", "node", os.path.join(HERE, "peers", "server.js"), str(port), json.dumps(server))
    await s.first("ready")
    lab.capture("toc", ports=[port])
    c = lab.process("c", "node", os.path.join(HERE, "peers", "client.js"), f"{'https' if tls else 'http'}://{SERVER}:{port}", json.dumps(steps), json.dumps(client))
    address = await c.first("address")
    await asyncio.sleep(max(x.get("at", 0) for x in steps) / 1000 + 0.5)
    await lab.stop_capture(0.2)
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
            late = "close_handshake" in ending and l["code"] == 1006
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


async def endings_tls(lab):
    """The same over TLS, h2 by ALPN; the client logs the keys."""
    await endings(lab, tls="client")


async def endings_padded(lab):
    """The same over TLS, HEADERS and DATA padded by both sides; the server logs the keys."""
    await endings(lab, tls="server", padding=True)


async def many(lab):
    """Sixteen WebSockets at once beside requests, padded; each ends in its own way."""
    words = ["server/1001/", "client/4000/x", "client/empty", "server/3000/app", "server/kill", "client/kill", "client/end", "server/end"]
    ends = [(f"/{i}/{words[i % 8]}".rstrip("/"), {0: 1001, 1: 4000, 2: 1005, 3: 3000}.get(i % 8, 1006), "client" if i % 8 in (1, 2, 5, 6) else "server",
             "close_handshake" if i % 8 < 4 else "stream_reset" if i % 8 < 6 else "stream_end") for i in range(1, 17)]
    steps = [{"at": i // 4, "path": e[0]} for i, e in enumerate(ends)] + [{"at": i, "get": f"/g{i}"} for i in range(6)] + [{"at": 2, "post": "/form", "bytes": 500}, {"at": 900, "close": True}]
    got = await peers(lab, steps, padding=True)
    for e in ends:
        stream(lab, *got, *e)


async def refused(lab):
    """Streams that never become WebSockets: REFUSED_STREAM and other errors, statuses, no answer until the connection ends."""
    steps = [{"at": 0, "path": "/1/refuse/7"}, {"at": 50, "path": "/2/refuse/8"}, {"at": 100, "path": "/3/reject/503"}, {"at": 150, "path": "/4/silent"}, {"at": 200, "path": "/5/client/1000/fine"},
             {"at": 700, "fin": True}]
    got = await peers(lab, steps)
    for path, ending, by in (("/1/refuse/7", ["rejected", "stream_reset"], "server"), ("/2/refuse/8", ["rejected", "stream_reset"], "server"), ("/3/reject/503", "rejected", None), ("/4/silent", "no_response", None)):
        stream(lab, *got, path, None, by, ending)
    stream(lab, *got, "/5/client/1000/fine", 1000, "client", "close_handshake")


def resets(path):
    """{:path: who} of the streams that an RST_STREAM ended, by tshark."""
    p = subprocess.run(["tshark", "-r", path, "-d", "tcp.port==9080,http2", "-Y", "http2.type == 1 || http2.type == 3", "-T", "fields", "-E", "separator=|", "-e", "tcp.srcport",
                        "-e", "http2.streamid", "-e", "http2.headers.path", "-e", "http2.rst_stream.error"], capture_output=True, text=True, check=True)
    names, who = {}, {}
    for line in p.stdout.splitlines():
        port, stream, name, error = line.split("|")
        if name:  # several in one packet are separated by commas
            names.update(zip(stream.split(","), name.split(",")))
        if error and stream in names:
            who.setdefault(names[stream], "server" if port == "9080" else "client")
    return who


async def cut(lab, by, *last):
    """Four streams are open when the connection ends; a fifth was closed before. node resets some streams first, on its own or because of a GOAWAY."""
    steps = [{"at": 0, "path": "/1/client/1000/before"}, *({"at": 100, "path": f"/{i}/open"} for i in (2, 3, 4)), *last]
    got = await peers(lab, steps)
    stream(lab, *got, "/1/client/1000/before", 1000, "client", "close_handshake")
    end, end_by = first_ends(lab.path)[got[0], f"{SERVER}:9080"]
    reset = resets(lab.path)
    for path in ("/2/open", "/3/open", "/4/open", *(x["path"] for x in last if "path" in x)):
        # Who began: that is on the wire, and who was told to.
        stream(lab, *got, path, 1006, sorted({by, reset.get(path, end_by)}), "stream_reset" if path in reset else {"rst": "reset", "fin": "fin"}[end])


async def goaway_by_server(lab):
    """GOAWAY with ENHANCE_YOUR_CALM and a text, then the end of TCP, four streams open."""
    await cut(lab, "server", {"at": 300, "path": "/5/server/goaway/11/too_much"})


async def goaway_by_client(lab):
    """GOAWAY by the client, then the end of TCP, three streams open."""
    await cut(lab, "client", {"at": 400, "goaway": 0})


async def fin_by_server(lab):
    """The server's connection is destroyed, four streams open."""
    await cut(lab, "server", {"at": 300, "path": "/5/server/fin"})


async def rst_by_server(lab):
    """An RST by the server, four streams open."""
    await cut(lab, "server", {"at": 300, "path": "/5/server/tcprst"})


async def rst_by_client(lab):
    """An RST by the client, three streams open."""
    await cut(lab, "client", {"at": 400, "tcprst": True})


async def still_open(lab):
    """The capture stops before the streams end."""
    got = await peers(lab, [{"at": 0, "path": "/1/client/1000/before"}, {"at": 50, "path": "/2/open"}, {"at": 60, "path": "/3/open"}], tls="client")
    stream(lab, *got, "/1/client/1000/before", 1000, "client", "close_handshake", scheme="wss")
    for path in ("/2/open", "/3/open"):
        stream(lab, *got, path, None, None, "none", outcome="open", scheme="wss")


async def in_page(lab, name, browser, dump):
    """A page from an HTTP/2 server that announces extended CONNECT; its WebSockets share the page's connection."""
    ends = [("server/1011/chyba_%C5%BE", 1011, "server", "close_handshake"), ("client/4001/bye", 4001, "client", "close_handshake"), ("client/empty", 1005, "client", "close_handshake"),
            ("server/end", 1006, "server", "stream_end"), ("server/kill", 1006, "server", "stream_reset")]
    paths = [f"/{i}/{e[0]}" for i, e in enumerate(ends, 1)]
    cert, key = lab.certificate()
    lab.peer(name)
    lab.peer("node http2 and ws 8")
    page = PAGE.replace("URLS", json.dumps([f"wss://{SERVER}:9443{p}" for p in paths])).replace("console.log", dump)
    s = lab.process("s", "node", os.path.join(HERE, "peers", "server.js"), "9443", json.dumps({"cert": cert, "key": key, "page": page}))
    await s.first("ready")
    lab.capture("toc", ports=[9443])
    told = await browser(len(paths), f"https://{SERVER}:9443/page")
    await lab.stop_capture()
    client = SimpleNamespace(lines=[{"of": t["path"], "status": 200} for t in told], log={t["path"]: t for t in told})
    for path, e in zip(paths, ends):
        address = next(x["remote"] for x in s.lines if x.get("first") == path)
        answered = s.log[path]["code"] == e[1]  # node may reset the stream before the browser's answer is sent
        stream(lab, address, client, s, path, *e[1:3], e[3] if answered else [e[3], "close_unanswered"], port=9443, scheme="wss")


async def chromium(lab):
    """Chromium's page and WebSockets on one connection."""
    await in_page(lab, "Chromium 156", lambda n, url: browse(lab, "", n, url), "console.log")


async def firefox(lab):
    """Firefox's page and WebSockets on one connection."""
    await in_page(lab, "Firefox ESR 153", lambda n, url: browse_firefox(lab, "", n, [f"{SERVER}:9443"], url), "dump")


SCENES = [endings, endings_tls, endings_padded, many, refused, goaway_by_server, goaway_by_client, fin_by_server, rst_by_server, rst_by_client, still_open, chromium, firefox]
