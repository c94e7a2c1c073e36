"""Scenes that look like one cause and are another, or that no capture can decide: where a false claim would be easiest."""
import asyncio, os, signal, socket, struct

import websockets

from lab import CLIENT, MIDDLE_C, PYTHON, SERVER, SIX, Raw, close_body, frame, saw
from scenes_cuts import both, but, crowd, forge
from scenes_time import FRONT, NOT_TIME, ask, echo, sink

CUT = dict(outcome="closed", close_code=1006)


async def apache_timeout(lab):
    """Apache's mod_proxy_wstunnel with `Timeout 60`, the client's leg: a silent connection is cut after 60 s; one that talks is not."""
    conf, m = os.path.join(lab.tmp, "apache.conf"), "/usr/lib/apache2/modules/mod_"
    with open(conf, "w") as f:
        f.write(f"ServerRoot {lab.tmp}\nServerName sample.example\nPidFile {lab.tmp}/pid\nErrorLog {lab.tmp}/error.log\nListen {MIDDLE_C}:8080\nUser nobody\nGroup nogroup\n"
                + "".join(f"LoadModule {n}_module {m}{n}.so\n" for n in ("mpm_event", "authz_core", "proxy", "proxy_http", "proxy_wstunnel")) +
                f"Timeout 60\nProxyPass / ws://{SERVER}:9000/\n")
    await lab.serve(echo)
    lab.daemon("m", "apache2", "-f", conf, "-DFOREGROUND")
    lab.peer("Apache 2.4 mod_proxy_wstunnel")
    await asyncio.sleep(1)
    lab.capture("toc", ports=[8080])
    a = await lab.connect("/apache", FRONT)
    await ask(a)
    b = await lab.connect("/talks", FRONT)
    for _ in range(7):
        await ask(b)
        await asyncio.sleep(10)
    await asyncio.wait_for(a.wait_closed(), 100)
    await b.close(1000, "done")
    await lab.stop_capture()
    lab.expect(a.here, "/apache", "cut by Apache after 60 s of silence", FRONT, {"client": saw(a)}, **CUT, closed_by="server", cause="idle_timeout", confidence="possible",
               evidence=[r"\b60(\.\d+)? s", "(?i)apache|Timeout"], cause_not=["lifetime_limit", "proxy_cut"])
    lab.expect(b.here, "/talks", "near miss: talks every 10 s, closed by the user after 70 s", FRONT, {"client": saw(b)}, outcome="closed", close_code=1000, closed_by="client",
               cause="normal", cause_not=NOT_TIME)


async def silent_from_the_start(lab):
    """Four connections that say one word and are cut by HAProxy after 7 s: age and silence recur alike, so either limit may be named, but not more."""
    lab.findings = ["idle_timeout"]
    await lab.serve(echo)
    lab.haproxy(["client 60s", "server 60s", "tunnel 7s"])
    lab.capture("toc", ports=[8080])

    async def one(i):
        await asyncio.sleep(i * 3.7)
        ws = await lab.connect(f"/q{i}", FRONT)
        await ask(ws)
        await ws.wait_closed()
        return ws

    done = await asyncio.gather(*(one(i) for i in range(4)))
    await lab.stop_capture()
    for ws in done:
        lab.expect(ws.here, ws.path, "silent until HAProxy's `timeout tunnel 7s`, from the start", FRONT, {"client": saw(ws)}, **CUT, closed_by="server",
                   cause=["idle_timeout", "lifetime_limit"], confidence_most="likely", evidence=[r"\b(7(\.\d+)?|6\.99?\d*) s"], cause_not=["mass_disconnect", "peer_crash"])


async def constant_key(lab):
    """A client that always sends the same Sec-WebSocket-Key, to two servers and again and again: the same key on several connections, and no proxy at all."""
    async def server(raw):
        await raw.accept()
        await raw.send(frame(1, b"hello", mask=False))
        await asyncio.sleep(float(raw.path.split("/")[1]))
        raw.fin()

    await lab.serve_raw(server, 9000)
    await lab.serve_raw(server, 9001)
    lab.capture("toc", ports=[9000, 9001])
    out = []

    async def one(path, port):
        s = lab.dial(f"{SERVER}:{port}")
        s.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=s)
        at = "%s:%d" % writer.get_extra_info("sockname")[:2]
        writer.write(f"GET {path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Version: 13\r\n\r\n".encode())
        await reader.read()
        writer.close()
        out.append((at, path, port))

    await asyncio.gather(one("/1.5", 9000), one("/1.5", 9001))
    for path in ("/2.6", "/0.7"):
        await asyncio.sleep(0.9)
        await one(path, 9000)
    await lab.stop_capture()
    for at, path, port in out:
        lab.expect(at, path, "the same key as its neighbours, no proxy; the server ends its socket so many seconds after a message", f"{SERVER}:{port}", **CUT, ending="fin", closed_by="server",
                   cause_not=["proxy_cut", *NOT_TIME])


async def browser_quits(lab):
    """One client process with six connections ends: 1001 on each in the same moment. They left; the server did not shut down."""
    await lab.serve(sink)
    lab.capture("toc", ports=[9000])
    tabs = [await lab.connect(f"/tab{i}") for i in range(6)]
    for ws in tabs:
        await ws.send("hello")
        await asyncio.sleep(0.5)
    await asyncio.gather(*(ws.close(1001) for ws in tabs))
    await lab.stop_capture()
    for ws in tabs:
        lab.expect(ws.here, ws.path, "six Closes 1001 by the client at once", logged={"client": saw(ws), "server": lab.log.get(ws.path)}, outcome="closed", close_code=1001,
                   closed_by="client", cause=["page_left", "going_away"], cause_not=["server_shutdown", "mass_disconnect", *NOT_TIME])


async def uvicorn_with_six(lab):
    """uvicorn with six clients is stopped: 1012 on each. The code says restart."""
    lab.findings = ["mass_disconnect"]
    app = os.path.join(lab.tmp, "app.py")
    with open(app, "w") as f:
        f.write("async def app(scope, receive, send):\n    while True:\n        e = await receive()\n        if e['type'] == 'lifespan.startup':\n"
                "            await send({'type': 'lifespan.startup.complete'})\n        elif e['type'] == 'websocket.connect':\n            await send({'type': 'websocket.accept'})\n"
                "        elif e['type'] == 'websocket.receive':\n            await send({'type': 'websocket.send', 'text': e['text']})\n        else:\n            return\n")
    lab.peer("uvicorn 0.17.6 (wsproto)")
    p = lab.daemon("s", PYTHON, "-m", "uvicorn", "--app-dir", lab.tmp, "--host", "0.0.0.0", "--port", "9000", "--ws", "wsproto", "app:app")
    await asyncio.sleep(2)
    lab.capture("toc", ports=[9000])

    async def stay(i, ws):
        pass

    async def stop():
        await asyncio.sleep(4)
        p.terminate()

    done, _ = await asyncio.gather(crowd(lab, 6, stay), stop())
    await lab.stop_capture()
    for ws in done:
        lab.expect(ws.here, ws.path, "SIGTERM to uvicorn with 6 connections", logged={"client": saw(ws)}, outcome="closed", close_code=1012, closed_by="server",
                   cause="service_restart", confidence="likely", evidence=["1012"], cause_not=NOT_TIME)


async def probes_lost(lab):
    """No data under way; the server's TCP keep-alive probes are no longer answered, then its system gives up with an RST. The network went, nobody crashed."""
    async def server(ws):
        s = ws.transport.get_extra_info("socket")
        for name, v in ((socket.TCP_KEEPIDLE, 2), (socket.TCP_KEEPINTVL, 2), (socket.TCP_KEEPCNT, 4)):
            s.setsockopt(socket.IPPROTO_TCP, name, v)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        await echo(ws)

    await lab.serve(server)
    lab.capture("tos", ports=[9000])
    p = await lab.client_process("/probed", every=60, count=1)
    await asyncio.sleep(5)
    lab.firewall("tcp dport 9000 drop", "tcp sport 9000 drop")
    await asyncio.sleep(14)
    await lab.stop_capture()
    lab.expect(p.address, "/probed", "probes every 2 s: two are answered, four are not, then RST by the server's system", logged={"server": lab.log.get("/probed")}, **CUT,
               cause="network_loss", evidence=[r"(?i)probe|keep-?alive|unanswered|acknowledged"], cause_not=["peer_crash", "idle_timeout", "middlebox_reset", "keepalive_timeout"])
    p.kill()


async def gives_up(lab):
    """The link is gone; the client's segments are sent again without an answer; then its process ends and its FIN goes unanswered too."""
    await lab.serve(echo)
    lab.capture("toc", ports=[9000])
    p = await lab.client_process("/gives-up", every=0.5)
    await asyncio.sleep(2.2)
    lab.firewall("tcp dport 9000 drop", "tcp sport 9000 drop")
    await asyncio.sleep(7)
    p.kill()
    await asyncio.sleep(6)
    await lab.stop_capture()
    lab.expect(p.address, "/gives-up", "dropped in the middle; killed 7 s later", **CUT, cause="network_loss", evidence=[r"(?i)retransmi|sent again|unanswered|acknowledged"],
               cause_not=["peer_crash", "idle_timeout", "middlebox_reset", "keepalive_timeout"])


async def server_rebooted(lab):
    """The server's host lost its connections without a word (as after a reboot): the client's next message is answered by an RST of a system that knows nothing of it."""
    node = await lab.node()
    lab.capture("toc", ports=[9000])
    ws = await lab.connect("/echo/reboot")
    await ask(ws)
    await asyncio.sleep(0.5)
    lab.firewall(f"ip saddr {SERVER} drop")
    node.kill()
    await asyncio.sleep(1)
    lab.run("s", "ss -K state fin-wait-1 sport = :9000")
    lab.run("s", "ss -K sport = :9000")
    lab.firewall()
    await asyncio.sleep(2)
    await ws.send("are you still there?")
    await asyncio.wait_for(ws.wait_closed(), 20)
    await lab.stop_capture()
    lab.expect(ws.here, "/echo/reboot", "the server's socket vanished; data gets an RST with IP-ID 0 and the TTL of the server", logged={"client": saw(ws)}, **CUT,
               closed_by="server", cause_not=but("peer_crash"))


async def unanswered_but_alive(lab):
    """Near misses of keepalive_timeout: a client that never answers a Ping, and goes on talking until it closes by itself, or the server's handler fails."""
    async def server(ws):
        await ws.ping()
        n = 0
        async for _ in ws:
            n += 1
            if n == 4 and ws.path == "/fails":
                raise RuntimeError("the handler fails")

    await lab.serve(server)
    lab.capture("toc", ports=[9000])

    async def one(path):
        c = await lab.raw(path)
        for _ in range(4 if path == "/fails" else 5):
            await asyncio.sleep(1.5)
            await c.send(frame(1, b"hello"))
        if path == "/fails":
            await asyncio.sleep(0.2)
            await c.send(frame(8, close_body(1011)))
        else:
            await c.send(frame(8, close_body(1000, "bye")))
        await c.until_end(3)
        c.fin()
        return c

    a, b = await asyncio.gather(one("/closes"), one("/fails"))
    await lab.stop_capture()
    lab.expect(a.local, "/closes", "one Ping unanswered for 7.5 s; the client closes", logged={"server": lab.log.get("/closes")}, outcome="closed", close_code=1000, closed_by="client",
               cause="normal", cause_not=NOT_TIME)
    lab.expect(b.local, "/fails", "one Ping unanswered; the handler raises after the fourth message", logged={"server": lab.log.get("/fails")}, outcome="closed", close_code=1011,
               closed_by="server", cause="server_error", cause_not=NOT_TIME)


async def ttl_varies(lab):
    """Near misses of middlebox_reset: the path gets longer in the middle of a connection, a SYN proxy answers with another TTL, and both servers then reset for themselves."""
    async def server(ws):
        await ws.recv()
        for _ in range(4):
            await ws.send("tick")
            await asyncio.sleep(0.7)
        ws.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        ws.transport.abort()

    await lab.serve(server)
    await lab.serve(server, 9001)
    lab.capture("toc", ports=[9000, 9001])
    lab.firewall(f"ip saddr {SERVER} tcp sport 9001 tcp flags & syn == syn ip ttl set 250")
    out = []
    for path, port in (("/path-changes", 9000), ("/syn-proxy", 9001)):
        ws = await lab.connect(path, f"{SERVER}:{port}")
        await ws.send("go")
        await asyncio.sleep(1)
        if port == 9000:
            lab.firewall(f"ip saddr {SERVER} tcp sport 9000 ip ttl set 59", f"ip saddr {SERVER} tcp sport 9001 tcp flags & syn == syn ip ttl set 250")
        await ws.wait_closed()
        out.append((ws, port))
    await lab.stop_capture()
    for ws, port in out:
        lab.expect(ws.here, ws.path, "data and RST come with TTL 59, earlier packets with 63" if port == 9000 else "SYN with TTL 250, data and RST with 63", f"{SERVER}:{port}",
                   {"client": saw(ws)}, **CUT, ending="reset", closed_by="server", cause_not=but("peer_crash"))


async def idle_reset_by_box(lab):
    """A box on the path resets both ends after 9 s of silence, three times, as some load balancers do: an idle limit, enforced by a middlebox."""
    lab.findings = ["idle_timeout"]
    await lab.serve(echo)
    lab.capture("toc", ports=[9000])
    out = []

    async def one(i, start, talks):
        await asyncio.sleep(start)
        p = await lab.client_process(f"/i{i}", every=talks, count=3)
        port = int(p.address.rsplit(":")[-1])
        # The box's own clock: 9 s after the last packet with data of this connection.
        seen = asyncio.create_task(last_data(lab, port, 9))
        cseq, sseq = await seen
        forge(lab, SERVER, 9000, CLIENT, port, sseq, 250, 0x1111)
        forge(lab, CLIENT, port, SERVER, 9000, cseq, 250, 0x2222)
        out.append((p.address, f"/i{i}"))

    await asyncio.gather(one(1, 0, 0.5), one(2, 1, 1.9), one(3, 2.2, 3.1))
    await lab.stop_capture()
    for at, path in sorted(out, key=lambda o: o[1]):
        lab.expect(at, path, "reset both ways after 9 s of silence; TTL 250 in the server's name", **CUT, ending="reset", closed_by="server", cause=["idle_timeout", "middlebox_reset"],
                   evidence=[r"\b(9(\.\d+)?|8\.9\d*) s", "(?i)TTL"], cause_not=["peer_crash", "mass_disconnect", "lifetime_limit"])


async def last_data(lab, client_port, silence):
    """Waits until a connection has had no data for `silence` seconds; its next sequence numbers."""
    with lab.inside("m"):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800))
        s.bind(("toc", 0x800))
    s.setblocking(False)
    loop, at, numbers = asyncio.get_running_loop(), None, None
    at = loop.time()
    while (left := at + silence - loop.time()) > 0:
        try:
            p = await asyncio.wait_for(loop.sock_recv(s, 2000), left)
        except asyncio.TimeoutError:
            break
        ihl = (p[0] & 15) * 4
        sport, dport, seq, ack, off, flags = struct.unpack("!HHIIBB", p[ihl:ihl + 14])
        length = struct.unpack("!H", p[2:4])[0] - ihl - (off >> 4) * 4
        if client_port in (sport, dport):
            if length:
                at = loop.time()
            mine, theirs = (seq + length, ack) if sport == client_port else (ack, seq + length)
            numbers = mine & 0xffffffff, theirs & 0xffffffff
    s.close()
    return numbers


async def two_servers_in_one_second(lab):
    """Near miss of mass_disconnect: four servers, one connection each, end within the same second, each for itself."""
    ports = (9000, 9001, 9002, 9003)
    nodes = [await lab.node(port=p) for p in ports]
    lab.capture("toc", ports=ports)
    done = []
    for p in ports:
        ws = await lab.connect("/echo/one", f"{SERVER}:{p}")
        await ask(ws)
        done.append((ws, p))
        await asyncio.sleep(0.8)
    for ws, p in done:
        await ws.send("terminate")
        await asyncio.sleep(0.15)
    await asyncio.gather(*(ws.wait_closed() for ws, _ in done))
    await lab.stop_capture()
    for ws, p in done:
        lab.expect(ws.here, ws.path, "ws.terminate() right after a message", f"{SERVER}:{p}", {"client": saw(ws)}, **CUT, closed_by="server",
                   cause_not=but("peer_crash") + ["server_shutdown"])


async def forgotten_after_350s(lab):
    """A box on the path forgets a connection that was silent for 350 s, without a word, and resets it when it next sends, as AWS's NLB and NAT gateway do."""
    async def server(ws):
        await sink(ws)

    await lab.serve(server)
    lab.capture("toc", ports=[9000])
    p = await lab.client_process("/forgotten", every=352)
    await asyncio.sleep(10)
    q = await lab.client_process("/kept", every=341)
    await asyncio.sleep(340.3)
    lab.firewall(f"tcp dport 9000 tcp sport {p.address.rsplit(':')[-1]} reject with tcp reset")
    await asyncio.sleep(4)
    q.kill()
    await lab.stop_capture()
    lab.expect(p.address, "/forgotten", "silent for 352 s; its next segment gets an RST from the router, 350 s after the last one", **CUT, ending="reset", closed_by="server",
               cause=["idle_timeout", "middlebox_reset"], evidence=[r"\b35[012](\.\d+)? s", "(?i)NLB|NAT"], cause_not=["peer_crash", "lifetime_limit"])
    lab.expect(q.address, "/kept", "near miss: silent for 341 s, then a message, answered by TCP; the client is killed 3 s later", logged={"server": lab.log.get("/kept")}, **CUT,
               closed_by="client", cause_not=[*NOT_TIME, "middlebox_reset", "network_loss"])


async def sixty_seconds(lab):
    """Silences of 60 s that no proxy ended: a user who closes then; a server that counts the client's bytes only; one that counts data but not Pings."""
    async def server(ws):
        what = ws.path
        beat = None
        if what == "/client-silent":
            async def ticks():
                while True:
                    await asyncio.sleep(7)
                    await ws.send("tick")
            beat = asyncio.create_task(ticks())
        elif what == "/pings":
            async def pings():
                while True:
                    await asyncio.sleep(18.5)
                    await ws.ping()
            beat = asyncio.create_task(pings())
        await ws.recv()
        if what == "/user":
            return await sink(ws)
        await asyncio.sleep(60)
        beat.cancel()
        ws.transport.close()

    await lab.serve(server)
    lab.capture("toc", ports=[9000])

    async def one(i, path):
        await asyncio.sleep(i * 1.3)
        ws = await lab.connect(path)
        await ws.send("hello")
        if path == "/user":
            await asyncio.sleep(60)
            await ws.close(1000, "enough")
        await ws.wait_closed()
        return ws

    user, silent, pings = await asyncio.gather(*(one(i, p) for i, p in enumerate(("/user", "/client-silent", "/pings"))))
    await lab.stop_capture()
    lab.expect(user.here, "/user", "near miss: the client's own Close 1000 after 60.0 s of silence", logged={"client": saw(user), "server": lab.log.get("/user")}, outcome="closed",
               close_code=1000, closed_by="client", cause="normal", cause_not=NOT_TIME)
    lab.expect(silent.here, "/client-silent", "cut 60 s after the client's last byte, while the server talks every 7 s: no proxy that counts both ways does that",
               logged={"client": saw(silent)}, **CUT, ending="fin", closed_by="server", cause=["idle_timeout", None],
               evidence_not=["(?i)nginx", "ALB", "HAProxy", "Apache"], cause_not=["keepalive_timeout", "lifetime_limit", "peer_crash"])
    lab.expect(pings.here, "/pings", "cut 60 s after the last data, while Pings every 18.5 s are answered", logged={"client": saw(pings)}, **CUT, ending="fin", closed_by="server",
               cause=["idle_timeout", None], evidence_not=["(?i)nginx", "ALB", "HAProxy", "Apache"], cause_not=["keepalive_timeout", "lifetime_limit", "peer_crash"])


async def rst_firewall_six(lab):
    """IPv6, which has a hop limit and no IP-ID: a server's own RST, and one that the router sends in its name."""
    to = f"[{SIX[SERVER]}]:9000"

    async def server(ws):
        await ws.recv()
        await ws.send("hello")
        if ws.path == "/own":
            await asyncio.sleep(1.2)
            ws.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            ws.transport.abort()
        else:
            await sink(ws)

    await lab.serve(server, six=True)
    lab.capture("toc", ports=[9000])
    own = await lab.connect("/own", to)
    await ask(own)
    await own.wait_closed()
    wall = await lab.connect("/wall", to)
    await ask(wall)
    await asyncio.sleep(1.2)
    lab.firewall("tcp dport 9000 tcp flags & (syn | rst) == 0 reject with tcp reset", family="ip6")
    await wall.send("still there?")
    await asyncio.wait_for(wall.wait_closed(), 10)
    await lab.stop_capture()
    lab.expect(own.here, "/own", "near miss: SO_LINGER 0 by the server itself", to, {"client": saw(own)}, **CUT, ending="reset", closed_by="server", cause_not=but("peer_crash"))
    lab.expect(wall.here, "/wall", "nft `reject with tcp reset` in the router: hop limit 64, the server's packets have 63", to, {"client": saw(wall)}, **CUT, ending="reset",
               closed_by="server", cause="middlebox_reset", evidence=[r"\b63\b", r"\b64\b"], cause_not=["mass_disconnect"])


async def nginx_reload(lab):
    """nginx is told to reload with `worker_shutdown_timeout 3s`: the old worker ends its eight tunnels in one moment, 3 s later. The legs are in two files."""
    lab.findings = ["mass_disconnect"]
    await lab.serve(echo)
    proxy = lab.nginx(main="worker_processes 1; worker_shutdown_timeout 3s;")
    lab.capture("toc", ports=[8080], name=lab.name + "-front")
    lab.capture("tos", ports=[9000], name=lab.name + "-back")
    done = []
    for i in range(8):
        ws = await lab.connect(f"/r{i}", FRONT)
        await ask(ws)
        done.append(ws)
        await asyncio.sleep(0.31)
    proxy.send_signal(signal.SIGHUP)

    async def talk(ws):
        try:
            while True:
                await ask(ws)
                await asyncio.sleep(0.9)
        except websockets.ConnectionClosed:
            pass

    await asyncio.gather(*(talk(ws) for ws in done[:4]), *(ws.wait_closed() for ws in done))
    await lab.stop_capture()
    cut = {**CUT, "cause": ["proxy_cut", "mass_disconnect"], "confidence": "likely", "evidence": [r"\b[78]\b|legs?\b|hop"], "cause_not": [*NOT_TIME, "peer_crash", "server_shutdown"]}
    for ws in done:
        both(lab, ws, "drained by nginx's reload", {**cut, "closed_by": "server"}, {**cut, "closed_by": "client"})
    alone = {**CUT, "closed_by": "server", "cause": "mass_disconnect", "cause_not": ["proxy_cut", *NOT_TIME]}
    lab.also("nginx-reload-front-alone", "Of nginx-reload, only the capture of the clients' legs: eight connections to one server end at once.", [lab.name + "-front.pcap"],
             [{**e, "expect": alone} for e in lab.entries if e["server"] == FRONT], ["mass_disconnect"])


async def link_down_with_six(lab):
    """The server's link goes down under six talking clients: all of them lose the network; nobody shut down or crashed."""
    lab.findings = ["mass_disconnect"]  # "so many at once fit a host or a network that was cut off"
    await lab.serve(echo)
    lab.capture("toc", ports=[9000])
    clients = []
    for i in range(6):
        clients.append((await lab.client_process(f"/l{i}", every=0.4 + i * 0.11), f"/l{i}"))
    await asyncio.sleep(1.5)
    lab.run("s", "ip link set s0 down")
    await asyncio.sleep(9)
    await lab.stop_capture()
    for p, path in clients:
        lab.expect(p.address, path, "link down", **CUT, ending="vanished", cause="network_loss", confidence="likely",
                   cause_not=["peer_crash", "mass_disconnect", "server_shutdown", *NOT_TIME])
        p.kill()


async def shutdown_through_nginx(lab):
    """A server behind nginx shuts down: six clients get its 1001 through the proxy, which only passes it on. Both legs in one capture."""
    lab.findings = ["mass_disconnect"]
    s = await lab.serve(echo)
    lab.nginx()
    lab.capture("any", ports=[8080, 9000])
    done = []
    for i in range(6):
        ws = await lab.connect(f"/b{i}", FRONT)
        await ask(ws)
        done.append(ws)
        await asyncio.sleep(0.5)
    s.close()
    await s.wait_closed()
    await asyncio.gather(*(ws.wait_closed() for ws in done))
    await lab.stop_capture()
    bye = dict(outcome="closed", close_code=1001, closed_by="server", cause="server_shutdown", confidence="likely", cause_not=["proxy_cut", "page_left", *NOT_TIME])
    for ws in done:
        both(lab, ws, "server.close() behind nginx", bye, bye)


async def stopped_for_a_while(lab):
    """Near misses of keepalive_timeout and network_loss: a client's process that is stopped for 5 s and then answers all its Pings; one that reads nothing until the window is
    closed, and then goes on; one that half-closes and listens on."""
    async def server(ws):
        if ws.path == "/full":
            for _ in range(40):
                await ws.send("x" * 1000)
        if ws.path == "/half":
            for _ in range(5):
                await ws.send("tick")
                await asyncio.sleep(0.6)
            return
        await echo(ws)

    await lab.serve(server, ping_interval=1, ping_timeout=20)
    lab.capture("toc", ports=[9000])
    p = await lab.client_process("/stopped", every=0.5)
    await asyncio.sleep(1)
    p.signal(signal.SIGSTOP)
    with lab.inside("c"):
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        small.connect((SERVER, 9000))
        small.setblocking(False)
    full = Raw(*await asyncio.open_connection(sock=small, limit=2048))
    full = await full.request("/full", "sample.example")
    full.writer.transport.pause_reading()
    half = await lab.raw("/half")
    await half.send(frame(1, b"the last I say"))
    half.sock.shutdown(socket.SHUT_WR)
    await asyncio.sleep(5)
    p.signal(signal.SIGCONT)
    full.writer.transport.resume_reading()
    for _ in range(30):
        await full.read(0.1)
    await full.send(frame(8, close_body(1000, "read it all")))
    await full.until_end(3)
    full.fin()
    await half.until_end(1)
    half.fin()
    p.signal(signal.SIGTERM)
    await lab.stop_capture()
    lab.expect(p.address, "/stopped", "stopped for 5 s, its Pongs come late; ended by SIGTERM later", logged={"server": lab.log.get("/stopped")}, **CUT, closed_by="client",
               cause_not=[*NOT_TIME, "network_loss", "middlebox_reset", "mass_disconnect"])
    lab.expect(full.local, "/full", "zero window for 5 s, probed and answered; then a Close by the client", logged={"server": lab.log.get("/full")}, outcome="closed",
               close_code=1000, closed_by="client", cause="normal", cause_not=[*NOT_TIME, "network_loss"])
    lab.expect(half.local, "/half", "FIN by the client, which goes on reading", **CUT, ending="fin", closed_by="client",
               cause_not=[*NOT_TIME, "network_loss", "middlebox_reset", "mass_disconnect"])


async def window_stays_closed(lab):
    """A client's process is stopped and the server has more to say than the window takes: zero-window probes, all acknowledged, until the server aborts. No network was lost."""
    async def server(ws):
        await ws.recv()
        try:
            await asyncio.wait_for(flood(ws), 9)
        except asyncio.TimeoutError:
            ws.transport.abort()

    async def flood(ws):
        while True:
            await ws.send("x" * 2000)

    await lab.serve(server, write_limit=4096)
    lab.capture("toc", ports=[9000])
    with lab.inside("c"):
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        small.connect((SERVER, 9000))
        small.setblocking(False)
    c = await Raw(*await asyncio.open_connection(sock=small, limit=2048)).request("/closed", "sample.example")
    c.writer.transport.pause_reading()
    await c.send(frame(1, b"tell me all"))
    await asyncio.sleep(11)
    c.reset()
    await lab.stop_capture()
    lab.expect(c.local, "/closed", "window closed; the server aborts after 9 s, but its FIN waits behind unsent data; 2 s later the client resets", **CUT, closed_by="client", ending="reset",
               cause_not=["network_loss", "middlebox_reset", "mass_disconnect", *NOT_TIME])


SCENES = [apache_timeout, silent_from_the_start, constant_key, browser_quits, uvicorn_with_six, probes_lost, gives_up, server_rebooted, unanswered_but_alive, ttl_varies,
          idle_reset_by_box, two_servers_in_one_second, forgotten_after_350s, sixty_seconds, rst_firewall_six, nginx_reload,
          link_down_with_six, shutdown_through_nginx, stopped_for_a_while, window_stays_closed]
