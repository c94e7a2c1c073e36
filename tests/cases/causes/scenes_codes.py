"""Scenes about codes, goodbyes and handshakes: what the endpoints say themselves."""
import asyncio, base64, contextlib, json, os, signal, struct

import aiohttp.web, tornado.httpserver, tornado.web, tornado.websocket, websockets

from lab import CLIENT, MIDDLE_C, PYTHON, SERVER, close_body, frame, saw
from scenes_time import FRONT, NOT_TIME, ask, echo, sink

SEVERAL = ["mass_disconnect", "peer_crash", "proxy_cut", "network_loss", "capture_gap"]


async def closes_as_told(ws):
    """/code/REASON: answers one message, then closes so."""
    _, code, reason = (ws.path + "/").split("/")[:3]
    await ws.send(await ws.recv())
    await asyncio.sleep(0.2)
    await ws.close(int(code), reason.replace("_", " "))


async def told(lab, path, port=9000, wait=0.3, **kw):
    ws = await lab.connect(path, f"{SERVER}:{port}", **kw)
    with contextlib.suppress(websockets.ConnectionClosed):
        await ask(ws)
    await ws.wait_closed()
    await asyncio.sleep(wait)
    return ws


def said(lab, ws, setup, code, by="server", **expect):
    expect = {"outcome": "closed", "close_code": code, "closed_by": by, "ending": "close_handshake", **expect}
    expect["cause_not"] = expect.get("cause_not", []) + NOT_TIME + SEVERAL
    lab.expect(ws.here, ws.path, setup, logged={"client": saw(ws), "server": lab.log.get(ws.path)}, **expect)


async def normal(lab):
    """Ends in good order: by the client, by the server, with and without reason, and without any code (1005)."""
    await lab.serve(closes_as_told)
    lab.capture("toc", ports=[9000])
    a = await lab.connect("/1000/never")
    await asyncio.sleep(0.5)
    await a.close(1000, "bye")
    b = await told(lab, "/1000/done")
    c = await told(lab, "/1000")
    d = await lab.raw("/1000/empty")
    await d.send(frame(8, b""))
    await d.until_end(2)
    d.fin()
    await lab.stop_capture()
    said(lab, a, "the client closes", 1000, "client", cause="normal", confidence="likely")
    said(lab, b, "the server closes", 1000, cause="normal", confidence="likely")
    said(lab, c, "the server closes, no reason", 1000, cause="normal", confidence="likely")
    lab.expect(d.local, "/1000/empty", "the client's Close has no body, like WebSocket.close() of a page", logged={"server": lab.log.get("/1000/empty")}, outcome="closed",
               close_code=1005, closed_by="client", cause=["normal", None], cause_not=["protocol_error", *SEVERAL])


async def going_away(lab):
    """1001 from a client (a page that is left) and from a server, one connection at a time."""
    async def server(ws):
        if ws.path == "/page":
            await sink(ws)
        else:
            await closes_as_told(ws)

    await lab.serve(server)
    lab.capture("toc", ports=[9000])
    a = await lab.connect("/page")
    await a.send("hello")
    await asyncio.sleep(1)
    await a.close(1001)
    await asyncio.sleep(2)
    b = await told(lab, "/1001/maintenance")
    await lab.stop_capture()
    said(lab, a, "1001 without reason by the client, as browsers do when a page is left", 1001, "client", cause=["page_left", "going_away"],
         cause_not=["server_shutdown", "normal"])
    said(lab, b, "1001 by the server, alone", 1001, cause=["going_away", "server_shutdown"], cause_not=["page_left", "normal"])


async def server_codes(lab):
    """One code after the other from real servers: 1008, 1012, 1013, 1014, 3000, and 1011 by an exception in a handler."""
    async def server(ws):
        if ws.path.startswith("/raise"):
            await ws.recv()
            raise RuntimeError("the handler fails")
        await closes_as_told(ws)

    await lab.serve(server)
    await lab.node(port=9001)
    lab.capture("toc", ports=[9000, 9001])
    cases = [("/1008/token_expired", 1008, "policy"), ("/1012/deploy", 1012, "service_restart"), ("/1013/try_again_later", 1013, "overload"),
             ("/1014/upstream_failed", 1014, "bad_gateway"), ("/3000/sign_in", 3000, "unauthorized"), ("/raise", 1011, "server_error"), ("/1011", 1011, "server_error")]
    done = []
    for path, code, cause in cases:
        done.append((await told(lab, path), code, cause))
    node = []
    for code, cause in ((1008, "policy"), (1011, "server_error"), (1012, "service_restart"), (1013, "overload"), (3000, "unauthorized")):
        ws = await lab.connect(f"/echo/{code}/because", f"{SERVER}:9001")
        await ws.send("close")
        await ws.wait_closed()
        await asyncio.sleep(0.4)
        node.append((ws, code, cause))
    await lab.stop_capture()
    for ws, code, cause in done:
        said(lab, ws, "handler raises RuntimeError" if ws.path == "/raise" else "the server closes", code, cause=cause, confidence="likely", evidence=[str(code)])
    log = lab.processes[0].log
    for ws, code, cause in node:
        lab.expect(ws.here, ws.path, "node ws closes", f"{SERVER}:9001", {"client": saw(ws), "server": log.get(ws.path)}, outcome="closed", close_code=code, closed_by="server",
                   cause=cause, confidence="likely", evidence=[str(code)], cause_not=NOT_TIME + SEVERAL)


async def uvicorn_restart(lab):
    """uvicorn is stopped with SIGTERM while a WebSocket is open: it closes with 1012."""
    app = os.path.join(lab.tmp, "app.py")
    with open(app, "w") as f:
        f.write("async def app(scope, receive, send):\n    while True:\n        e = await receive()\n        if e['type'] == 'lifespan.startup':\n"
                "            await send({'type': 'lifespan.startup.complete'})\n        elif e['type'] == 'websocket.connect':\n            await send({'type': 'websocket.accept'})\n"
                "        elif e['type'] == 'websocket.receive':\n            await send({'type': 'websocket.send', 'text': e['text']})\n        else:\n            return\n")
    lab.peer("uvicorn 0.17.6 (wsproto)")
    p = lab.daemon("s", PYTHON, "-m", "uvicorn", "--app-dir", lab.tmp, "--host", "0.0.0.0", "--port", "9000", "--ws", "wsproto", "app:app")
    await asyncio.sleep(2)
    lab.capture("toc", ports=[9000])
    ws = await lab.connect("/uvicorn")
    await ask(ws)
    await asyncio.sleep(1)
    p.terminate()
    await asyncio.wait_for(ws.wait_closed(), 10)
    await lab.stop_capture()
    said(lab, ws, "SIGTERM to uvicorn", 1012, cause="service_restart", confidence="likely", evidence=["1012"])


async def other_servers(lab):
    """aiohttp and Tornado: a handler that returns, a handler that raises, a client that is dropped without a Close."""
    async def page(request):
        ws = aiohttp.web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        m = await ws.receive()
        if request.path == "/aiohttp/raise":
            raise RuntimeError("the handler fails")
        await ws.send_str(m.data)
        await ws.close(code=1000, message=b"that was it")
        return ws

    runner = aiohttp.web.AppRunner(app := aiohttp.web.Application())
    app.router.add_get("/{tail:.*}", page)
    await runner.setup()
    await aiohttp.web.SockSite(runner, lab.listen("s", 9000)).start()
    lab.peer("aiohttp 3.8.4")
    lab.peer("Tornado 6.2")

    class Handler(tornado.websocket.WebSocketHandler):
        def on_message(self, m):
            if self.request.path == "/tornado/raise":
                raise RuntimeError("the handler fails")
            self.close(1000, "that was it")

    server = tornado.httpserver.HTTPServer(tornado.web.Application([(r"/tornado.*", Handler)]))
    server.add_socket(lab.listen("s", 9001))
    lab.capture("toc", ports=[9000, 9001])
    done = []
    for path, port in (("/aiohttp", 9000), ("/aiohttp/raise", 9000), ("/tornado", 9001), ("/tornado/raise", 9001)):
        ws = await lab.connect(path, f"{SERVER}:{port}")
        await ws.send("hello")
        await asyncio.wait_for(ws.wait_closed(), 5)
        await asyncio.sleep(0.4)
        done.append((ws, port))
    await lab.stop_capture()
    for ws, port in done:
        code = ws.close_code
        lab.expect(ws.here, ws.path, "the handler " + ("raises" if "raise" in ws.path else "closes"), f"{SERVER}:{port}", {"client": saw(ws)}, outcome="closed",
                   close_code=code, closed_by="server", cause_not=NOT_TIME + ["mass_disconnect", "proxy_cut", "network_loss", "middlebox_reset"],
                   **({"cause": "normal"} if code == 1000 else {"cause": "server_error"} if code == 1011 else {}))


# ---- too big, broken ----

async def message_too_big(lab):
    """A message of 40,000 bytes to servers that take 32 KiB: node ws and Python websockets, compressed and not; and two near misses."""
    lab.findings = ["message_too_big"]
    await lab.node(port=9001, ws={"maxPayload": 32768, "perMessageDeflate": True})

    async def server(ws):
        if ws.path.startswith("/app"):
            await ws.recv()
            await ws.close(1009, "queue full")
        else:
            await sink(ws)

    await lab.serve(server, max_size=32768, compression="deflate")
    lab.capture("toc", ports=[9000, 9001])
    big = os.urandom(20000).hex()
    done = []
    for path, port, compression in (("/mute/plain", 9001, None), ("/mute/deflate", 9001, "deflate"), ("/plain", 9000, None), ("/deflate", 9000, "deflate")):
        ws = await lab.connect(path, f"{SERVER}:{port}", compression=compression)
        await ws.send("small")
        await ws.send(big)
        await asyncio.wait_for(ws.wait_closed(), 5)
        await asyncio.sleep(0.4)
        done.append((ws, port, compression))
    app = await lab.connect("/app")
    await app.send("small")
    await app.wait_closed()
    fits = await lab.connect("/fits")
    await fits.send("x" * 32768)
    await fits.close(1000, "it fitted")
    await lab.stop_capture()
    node = lab.processes[0].log
    for ws, port, compression in done:
        lab.expect(ws.here, ws.path, f"40,000 bytes of hexadecimal digits, {'compressed' if compression else 'plain'}; limit 32,768", f"{SERVER}:{port}",
                   {"client": saw(ws), "server": node.get(ws.path) or lab.log.get(ws.path)}, outcome="closed", close_code=1009, closed_by="server", cause="message_too_big",
                   confidence="likely", evidence=[r"(?i)\bcompress|inflat|deflat" if compression else r"\b40[,. ]?000\b"], cause_not=SEVERAL)
    said(lab, app, "near miss: the application says 1009 after a message of 5 bytes", 1009, cause=["message_too_big", None], confidence_most="likely",
         evidence_not=[r"\b(16|32|64|128) K(i)?B", "32,768", "32768", "1 MiB"])
    said(lab, fits, "near miss: a message of exactly the limit, then the user's Close", 1000, "client", cause="normal", cause_not=["message_too_big"])


async def violations(lab):
    """Broken frames to node ws and Python websockets, which fail the connection with 1002 or 1007; and a 1002 that nothing led to."""
    async def server(ws):
        if ws.path == "/app":
            await ws.recv()
            await ws.close(1002, "I do not like this")
        elif ws.path == "/app7":
            await ws.recv()
            await ws.close(1007, "not what I asked for")
        else:
            await sink(ws)

    await lab.serve(server)
    await lab.node(port=9001)
    lab.capture("toc", ports=[9000, 9001])
    cases = [("unmasked", frame(1, b"no mask", mask=False), 1002, "protocol_error", "unmasked-client-frame"),
             ("opcode", frame(3, b"what is three?"), 1002, "protocol_error", "reserved-opcode"),
             ("bits", frame(1, b"rsv2", rsv=2), 1002, "protocol_error", "reserved-bits"),
             ("ping", frame(9, b"x", fin=False), 1002, "protocol_error", "fragmented-control"),
             ("continuation", frame(0, b"of nothing"), 1002, "protocol_error", "unexpected-continuation"),
             ("utf8", frame(1, b"abc\xff\xfe"), 1007, "invalid_data", None),
             ("reason", frame(8, close_body(1000, b"\xc3\x28")), None, ["invalid_data", "protocol_error"], "close-reason-not-utf8")]
    done = []
    for port in (9000, 9001):
        for name, data, code, cause, rule in cases:
            path = ("/mute/" if port == 9001 else "/") + name
            c = await lab.raw(path, f"{SERVER}:{port}")
            await c.send(frame(1, b"hello"))
            await asyncio.sleep(0.2)
            await c.send(data)
            answer = await c.until_end(2)
            c.fin()
            done.append((c, port, path, name, data, code, cause, rule, answer))
            await asyncio.sleep(0.4)
    apps = []
    for path in ("/app", "/app7"):
        ws = await lab.connect(path)
        await ws.send("hello")
        await ws.wait_closed()
        apps.append(ws)
    await lab.stop_capture()
    log = lab.processes[0].log
    for c, port, path, name, data, code, cause, rule, answer in done:
        at = int(c.local.rsplit(":")[-1])
        packet = lab.packet(f"tcp.srcport == {at} && tcp.len > 0", 2)  # request, "hello", the broken frame
        expect = dict(outcome="closed", cause=cause, confidence="likely", evidence=[rf"\b{packet}\b"], cause_not=SEVERAL)
        if code:
            expect.update(close_code=code, closed_by="server")
        if rule:
            expect["violation"] = {"by": "client", "rule": rule, "packet": packet}
        elif name == "utf8":
            expect["evidence"] = []  # what the text holds is looked at with --deep only
        lab.expect(c.local, path, f"{data[:2].hex()}... in packet {packet}", f"{SERVER}:{port}", {"server": log.get(path) if port == 9001 else lab.log.get(path)}, **expect)
    for ws in apps:
        said(lab, ws, "near miss: the application says so, nothing was broken", ws.close_code, cause=["protocol_error", "invalid_data", None], confidence_most="likely",
             no_violation=True)


# ---- application codes, goodbyes ----

async def application(lab):
    """Codes of graphql-transport-ws by subprotocol, of Discord by host; and the same numbers where nobody says whose they are."""
    async def graphql(ws):
        """What graphql-ws does: no init in time, subscribe before the acknowledgement, a message that is none."""
        try:
            m = json.loads(await asyncio.wait_for(ws.recv(), 1.5))
        except asyncio.TimeoutError:
            return await ws.close(4408, "Connection initialisation timeout")
        except ValueError:
            return await ws.close(4400, "Invalid message received")
        if m.get("type") == "subscribe":
            return await ws.close(4401, "Unauthorized")
        await ws.send('{"type":"connection_ack"}')
        await sink(ws)

    async def server(ws):
        if ws.subprotocol:
            await graphql(ws)
        else:
            await closes_as_told(ws)

    await lab.serve(server, subprotocols=["graphql-transport-ws"])
    lab.capture("toc", ports=[9000])
    gql, plain = [], []
    for path, first in (("/g/subscribe", '{"id":"1","type":"subscribe","payload":{"query":"{a}"}}'), ("/g/late", None), ("/g/invalid", "no json")):
        ws = await lab.connect(path, subprotocols=["graphql-transport-ws"])
        if first:
            await ws.send(first)
        await ws.wait_closed()
        gql.append(ws)
    discord = await told(lab, "/4004/Authentication_failed", host="gateway.discord.gg")
    discord1 = await told(lab, "/4001/", host="gateway.discord.gg")
    for path in ("/4401/Unauthorized", "/4001/", "/4004/nope", "/3999/x"):
        plain.append(await told(lab, path))
    await lab.stop_capture()
    names = {4401: "Unauthorized", 4408: "Connection initialisation timeout", 4400: "Bad request"}
    for ws in gql:
        said(lab, ws, "subprotocol graphql-transport-ws", ws.close_code, cause="application", confidence="likely",
             app_code={"scope": "graphql-transport-ws", "name": names[ws.close_code]}, subprotocol="graphql-transport-ws")
    said(lab, discord, "Host: gateway.discord.gg", 4004, cause="application", app_code={"scope": "Discord Gateway", "name": "Authentication failed"})
    said(lab, discord1, "Host: gateway.discord.gg", 4001, cause="application", app_code={"scope": "Discord Gateway", "name": "Unknown opcode"})
    for ws in plain:
        said(lab, ws, "near miss: no subprotocol, no known host", ws.close_code, cause="application", app_code=None)


async def goodbyes(lab):
    """Subprotocols that say goodbye in a data message before the Close: only the message's type may be told, never its content."""
    async def server(ws):
        what = ws.path.split("/")[1]
        if what == "socket.io":
            await ws.send('0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}')
            await ws.recv()
            await ws.send("1")
        elif what == "signalr":
            await ws.recv()
            await ws.send("{}\x1e")
            await ws.send('{"type":7,"error":"secret of the hub"}\x1e')
        elif what == "cable":
            await ws.send('{"type":"welcome"}')
            await ws.send('{"type":"disconnect","reason":"unauthorized","reconnect":false}')
        elif what == "wamp":
            await ws.recv()
            await ws.send('[2,1,{"roles":{}}]')
            await ws.recv()
            await ws.send('[6,{},"wamp.close.goodbye_and_out"]')
        elif what == "stomp":
            await ws.recv()
            await ws.send("ERROR\nmessage:secret of the broker\n\nno such destination\0")
        elif what == "nothing":
            await ws.recv()
            await ws.send('{"type":"notice","text":"[6,{}]"}')
        await ws.close(1000)

    await lab.serve(server, subprotocols=["actioncable-v1-json", "wamp.2.json", "v12.stomp"])
    conf = os.path.join(lab.tmp, "mosquitto.conf")
    with open(conf, "w") as f:
        f.write("allow_anonymous true\nlistener 1883\nlistener 9001\nsocket_domain ipv4\nprotocol websockets\n")  # alone, it would not start
    lab.peer("mosquitto 2.0.11")
    lab.daemon("s", "mosquitto", "-c", conf)
    lab.capture("toc", ports=[9000, 9001])
    done = []
    for path, sub, send in (("/socket.io/?EIO=4&transport=websocket", None, ["2probe"]), ("/signalr", None, ['{"protocol":"json","version":1}\x1e']),
                            ("/cable", "actioncable-v1-json", []), ("/wamp", "wamp.2.json", ['[1,"realm1",{"roles":{"caller":{}}}]', '[6,{},"wamp.close.normal"]']),
                            ("/stomp", "v12.stomp", ["CONNECT\naccept-version:1.2\nhost:x\n\n\0"]), ("/nothing", None, ["hello"])):
        ws = await lab.connect(path, subprotocols=[sub] if sub else None)
        for m in send:
            await ws.send(m)
            await asyncio.sleep(0.1)
        await ws.wait_closed()
        done.append((ws, sub))
        await asyncio.sleep(0.3)
    mqtt = []
    for path, polite in (("/mqtt/disconnect", True), ("/mqtt/leave", False)):
        c = await lab.raw(path, f"{SERVER}:9001", headers=["Sec-WebSocket-Protocol: mqtt"])
        name = path.encode()[-6:]
        body = b"\0\4MQTT\4\2\0\x3c" + struct.pack("!H", len(name)) + name
        await c.send(frame(2, bytes([0x10, len(body)]) + body))
        await c.read()
        if polite:
            await c.send(frame(2, b"\xe0\0"))
        else:
            await c.send(frame(8, close_body(1000)))
        await c.until_end(2)
        c.fin()
        mqtt.append((c, path, polite))
    await lab.stop_capture()
    word = {"/socket.io/": r"(?i)engine\.io", "/signalr": "(?i)signalr", "/cable": "(?i)actioncable|action cable", "/wamp": "(?i)wamp.*goodbye|goodbye.*wamp", "/stomp": "(?i)stomp.*error|error.*stomp"}
    for ws, sub in done:
        path = ws.path.split("?")[0]
        lab.expect(ws.here, path, f"subprotocol {sub}", logged={"client": saw(ws)}, outcome="closed", close_code=1000, closed_by="server",
                   evidence_not=["(?i)secret", "no such destination"] + ([] if path in word else ["(?i)wamp|goodbye|signalr|actioncable|engine"]),
                   cause_not=NOT_TIME + SEVERAL, **({"evidence": [word[path]]} if path in word else {"cause": "normal"}))
    for c, path, polite in mqtt:
        lab.expect(c.local, path, "MQTT DISCONNECT, then mosquitto ends the connection" if polite else "no DISCONNECT: a Close only", f"{SERVER}:9001", outcome="closed",
                   **({"evidence": ["(?i)mqtt.*disconnect|disconnect.*mqtt"], "cause_not": NOT_TIME + ["peer_crash"]} if polite else
                      {"close_code": 1000, "closed_by": "client", "cause": "normal", "evidence_not": ["(?i)mqtt disconnect"]}))


# ---- handshakes ----

async def rejected(lab):
    """Handshakes that nginx, HAProxy, aiohttp and Python websockets refuse, each in its way."""
    with open(os.path.join(lab.tmp, "pw"), "w") as f:
        f.write("u:{PLAIN}p\n")
    os.chmod(os.path.join(lab.tmp, "pw"), 0o644)
    await lab.serve(echo)
    lab.nginx(location="""if ($uri = /moved) { return 302 https://login.example/ws; } if ($uri = /gone) { return 404; } if ($uri = /upgrade) { return 426; }
  if ($uri = /denied) { return 403; } if ($http_x_user = "") { set $x 1; }""",
              http=f"""server {{ listen {MIDDLE_C}:8081; location / {{ auth_basic "the chat"; auth_basic_user_file {lab.tmp}/pw; proxy_pass http://{SERVER}:9000;
  proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }} }}
 server {{ listen {MIDDLE_C}:8082; location / {{ proxy_pass http://{SERVER}:9999; }} }}""")
    lab.haproxy(["client 5s", "server 5s"], port=8083, servers=False)

    async def nobody(request):
        raise aiohttp.web.HTTPServiceUnavailable(headers={"Retry-After": "30", "Via": "1.1 edge.example"})

    runner = aiohttp.web.AppRunner(app := aiohttp.web.Application())
    app.router.add_get("/busy", nobody)
    await runner.setup()
    await aiohttp.web.SockSite(runner, lab.listen("s", 9002)).start()
    lab.peer("aiohttp 3.8.4")
    lab.capture("toc", ports=[8080, 8081, 8082, 8083, 9000, 9002])
    out = []

    async def attempt(to, path, status, words, headers=()):
        c = await lab.raw(path, to, headers=headers)
        assert int(c.head.split(b" ")[1]) == status, c.head
        await asyncio.sleep(0.2)
        c.fin()
        out.append((c, to, path, status, words))
        await asyncio.sleep(0.2)

    await attempt(f"{MIDDLE_C}:8081", "/auth", 401, ["401", "(?i)WWW-Authenticate|Basic", "nginx"])
    await attempt(FRONT, "/denied", 403, ["403", "nginx"])
    await attempt(FRONT, "/moved", 302, ["302", r"login\.example"])
    await attempt(FRONT, "/gone", 404, ["404"])
    await attempt(FRONT, "/upgrade", 426, ["426"])
    await attempt(f"{MIDDLE_C}:8082", "/dead", 502, ["502", "nginx"])
    await attempt(f"{MIDDLE_C}:8083", "/none", 503, ["503"])
    await attempt(f"{SERVER}:9002", "/busy", 503, ["503", r"edge\.example", "aiohttp"])
    await attempt(f"{SERVER}:9002", "/nowhere", 404, ["404", "aiohttp"])
    ok = await lab.raw("/auth-ok", f"{MIDDLE_C}:8081", headers=["Authorization: Basic " + base64.b64encode(b"u:p").decode()])
    assert b" 101 " in ok.head
    await ok.send(frame(8, close_body(1000)))
    await ok.until_end(2)
    ok.fin()
    await lab.stop_capture()
    for c, to, path, status, words in out:
        lab.expect(c.local, path, f"answered with {status}", to, outcome="handshake_failed", ending="rejected", handshake_status=status, cause="handshake_rejected",
                   confidence="certain", evidence=words, cause_not=SEVERAL)
    lab.expect(ok.local, "/auth-ok", "near miss: the same server with the right password", f"{MIDDLE_C}:8081", outcome="closed", close_code=1000, closed_by="client",
               cause="normal", cause_not=["handshake_rejected"])


async def unanswered(lab):
    """Near misses of handshake_rejected: nobody answers, or the server hangs up instead of answering."""
    async def server(raw):
        await raw.reader.readuntil(b"\r\n\r\n")
        if raw.local:
            await asyncio.sleep(1.2)
            raw.fin()

    await lab.serve_raw(server)
    node = await lab.node(port=9001)
    lab.capture("toc", ports=[9000, 9001])
    out = []
    for to, path in ((f"{SERVER}:9000", "/hangs-up"), (f"{SERVER}:9001", "/stuck")):
        if path == "/stuck":
            node.signal(signal.SIGSTOP)
        s = lab.dial(to)
        at = "%s:%d" % s.getsockname()
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                  "Sec-WebSocket-Version: 13\r\n\r\n".encode())
        await asyncio.sleep(3)
        s.close()
        out.append((at, to, path))
    await lab.stop_capture()
    for at, to, path in out:
        lab.expect(at, path, "the server closes TCP without an answer" if path == "/hangs-up" else "the server's process is stopped; the client gives up after 3 s", to,
                   outcome="handshake_failed", ending="no_response", cause_not=["handshake_rejected", "idle_timeout", "normal"])


SCENES = [normal, going_away, server_codes, uvicorn_restart, other_servers, message_too_big, violations, application, goodbyes, rejected, unanswered]
