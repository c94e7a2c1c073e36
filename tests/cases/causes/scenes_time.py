"""Scenes about time: idle limits, lifetimes, keepalives, and what looks like them."""
import asyncio, signal, socket

from lab import CLIENT, MIDDLE_C, SERVER, close_body, frame, saw

FRONT = f"{MIDDLE_C}:8080"
NOT_TIME = ["idle_timeout", "lifetime_limit", "keepalive_timeout"]


async def echo(ws):
    async for m in ws:
        await ws.send(m)


async def sink(ws):
    async for _ in ws:
        pass


async def ask(ws, text="hello"):
    await ws.send(text)
    return await ws.recv()


def legs(lab, ws, path, setup, front, back, logged=None):
    """Both legs of a proxied connection."""
    lab.expect(ws.here, path, setup, FRONT, {"client": saw(ws)}, **front)
    lab.expect(lab.log["at " + path], path, setup, f"{SERVER}:9000", {"server": lab.log.get(path)}, **back)


async def nginx_read_timeout(lab):
    """nginx with its default proxy_read_timeout of 60 s, both legs; beside what it cuts, what it must not cut and what only looks like a cut."""
    async def server(ws):
        what = ws.path.split("/")[1]
        if what == "mute":
            await sink(ws)
        elif what == "ticks":
            for _ in range(8):
                await asyncio.sleep(9)
                await ws.send("tick")
            await ws.close(1000, "that was all")
        elif what == "pings":
            async def beat():
                while True:
                    await asyncio.sleep(20)
                    await ws.ping()
            t = asyncio.create_task(beat())
            await echo(ws)
            t.cancel()
        else:
            await echo(ws)

    await lab.serve(server)
    lab.nginx()
    lab.capture("any", ports=[8080, 9000])
    done = {}

    async def wait(path, talk=None, **kw):
        ws = await lab.connect(path, FRONT, **kw)
        if path.startswith("/echo"):
            await ask(ws)
        if talk:
            await talk(ws)
        try:
            await asyncio.wait_for(ws.wait_closed(), 85)
        except asyncio.TimeoutError:
            pass
        done[path] = ws

    async def chatter(ws):
        for _ in range(8):
            await ws.send("anybody?")
            await asyncio.sleep(9)
        await ws.close(1000, "nobody there")

    async def bye_at_59(ws):
        await asyncio.sleep(59)
        await ws.close(1000, "user left")

    async def fin_at_59(ws):
        await asyncio.sleep(59)
        ws.transport.close()

    async def bye_after_pings(ws):
        await asyncio.sleep(75)
        await ws.close(1000)

    await asyncio.gather(wait("/echo/idle"), wait("/echo/keepalive", keepalive=15), wait("/mute/chatter", chatter), wait("/ticks/out"),
                         wait("/pings/stays", bye_after_pings), wait("/echo/user", bye_at_59), wait("/echo/quit", fin_at_59))
    await lab.stop_capture()
    cut = dict(outcome="closed", close_code=1006, ending="fin", cause="idle_timeout", confidence="likely", evidence=[r"\b60(\.\d+)? s", "nginx", "proxy_read_timeout"])
    legs(lab, done["/echo/idle"], "/echo/idle", "silent after one message; nginx cuts both legs at 60 s", {**cut, "closed_by": "server"}, {**cut, "closed_by": "client"})
    legs(lab, done["/echo/keepalive"], "/echo/keepalive", "as before, with TCP keep-alive probes every 15 s, which are no activity",
         {**cut, "closed_by": "server"}, {**cut, "closed_by": "client"})
    kept = dict(outcome="closed", close_code=1000, ending="close_handshake", cause="normal", confidence="likely", cause_not=NOT_TIME + ["proxy_cut"])
    legs(lab, done["/mute/chatter"], "/mute/chatter", "only the client talks, every 9 s for 72 s: nginx does not cut, in spite of the setting's name; then 1000",
         {**kept, "closed_by": "client"}, {**kept, "closed_by": "client"})
    legs(lab, done["/ticks/out"], "/ticks/out", "only the backend talks, every 9 s for 72 s: nginx does not cut; the server says 1000",
         {**kept, "closed_by": "server"}, {**kept, "closed_by": "server"})
    legs(lab, done["/pings/stays"], "/pings/stays", "the server's Pings every 20 s keep it open; the user closes after 75 s",
         {**kept, "closed_by": "client"}, {**kept, "closed_by": "client"})
    legs(lab, done["/echo/user"], "/echo/user", "near miss: idle for 59 s, then the user's own Close 1000", {**kept, "closed_by": "client"}, {**kept, "closed_by": "client"})
    quit_ = dict(outcome="closed", close_code=1006, ending="fin", cause_not=NOT_TIME + ["proxy_cut", "mass_disconnect"])
    legs(lab, done["/echo/quit"], "/echo/quit", "near miss: idle for 59 s, then the client's socket is closed without a Close",
         {**quit_, "closed_by": "client"}, {**quit_, "closed_by": "client"})


async def haproxy_tunnel_7s(lab):
    """HAProxy with `timeout tunnel 7s`, the client's leg only: five connections of different ages end after the same silence. No table has 7 s."""
    lab.findings = ["idle_timeout"]
    await lab.serve(echo)
    lab.haproxy(["client 60s", "server 60s", "tunnel 7s"])
    lab.capture("toc", ports=[8080])
    done = []

    async def one(i, start, talks):
        await asyncio.sleep(start)
        ws = await lab.connect(f"/c{i}", FRONT)
        for pause in talks:
            await ask(ws)
            await asyncio.sleep(pause)
        await ask(ws, "last")
        await ws.wait_closed()
        done.append((i, ws))

    async def leaves():
        ws = await lab.connect("/user", FRONT)
        await ask(ws)
        await asyncio.sleep(3)
        await ws.close(1000, "bye")
        done.append(("user", ws))

    await asyncio.gather(one(1, 0, []), one(2, 1, [2.3]), one(3, 2.2, [1.1, 3.4]), one(4, 0.5, [4.9, 2.0, 4.1]), one(5, 3.1, [0.7, 6.1, 5.5]), leaves())
    await lab.stop_capture()
    for i, ws in sorted(done, key=lambda d: str(d[0])):
        if i == "user":
            lab.expect(ws.here, "/user", "near miss: a user's own Close on the same server", FRONT, {"client": saw(ws)}, outcome="closed", close_code=1000,
                       closed_by="client", cause="normal", confidence="likely", cause_not=NOT_TIME)
        else:
            lab.expect(ws.here, f"/c{i}", "silent until HAProxy's `timeout tunnel 7s`", FRONT, {"client": saw(ws)}, outcome="closed", close_code=1006, ending="fin",
                       closed_by="server", cause="idle_timeout", confidence="possible", evidence=[r"\b7(\.\d+)? s"], cause_not=["lifetime_limit", "peer_crash", "mass_disconnect"])


async def idle_once_7s(lab):
    """Near miss: one connection that HAProxy ends after 7 s of silence. Nothing recurs, no table has 7 s: no claim can be made."""
    await lab.serve(echo)
    lab.haproxy(["client 60s", "server 60s", "tunnel 7s"])
    lab.capture("toc", ports=[8080])
    ws = await lab.connect("/once", FRONT)
    await ask(ws)
    await ws.wait_closed()
    await lab.stop_capture()
    lab.expect(ws.here, "/once", "one end after 7 s of silence, by FIN", FRONT, {"client": saw(ws)}, outcome="closed", close_code=1006, ending="fin",
               closed_by="server", cause=None, cause_not=NOT_TIME + ["peer_crash", "mass_disconnect", "proxy_cut"])


async def idle_by_different_silence(lab):
    """Near miss: five clients of one server that each end without a Close after a silence of their own (2 to 19 s): nothing recurs."""
    await lab.serve(echo)
    lab.capture("toc", ports=[9000])
    done = []

    async def one(i, start, silence):
        await asyncio.sleep(start)
        ws = await lab.connect(f"/d{i}")
        await ask(ws)
        await asyncio.sleep(silence)
        ws.transport.close()
        await ws.wait_closed()
        done.append((i, ws))

    await asyncio.gather(*(one(i, i * 0.9, s) for i, s in enumerate((2.4, 5.2, 8.9, 13.3, 19.1))))
    await lab.stop_capture()
    for i, ws in sorted(done):
        lab.expect(ws.here, f"/d{i}", "the client's socket is closed after a silence of its own", logged={"client": saw(ws), "server": lab.log.get(f"/d{i}")}, outcome="closed",
                   close_code=1006, ending="fin", closed_by="client", cause_not=NOT_TIME + ["mass_disconnect"])


async def haproxy_keepalive_probes(lab):
    """TCP keep-alive probes every second from the client during the silence: HAProxy's `timeout tunnel 9s` still fires, three times."""
    lab.findings = ["idle_timeout"]
    await lab.serve(echo)
    lab.haproxy(["client 60s", "server 60s", "tunnel 9s"])
    lab.capture("toc", ports=[8080])
    done = []

    async def one(i, start, more):
        await asyncio.sleep(start)
        ws = await lab.connect(f"/k{i}", FRONT, keepalive=1)
        await ask(ws)
        if more:
            await asyncio.sleep(more)
            await ask(ws, "again")
        await ws.wait_closed()
        done.append((i, ws))

    await asyncio.gather(one(1, 0, 0), one(2, 1.3, 4.5), one(3, 4.6, 6.2))
    await lab.stop_capture()
    for i, ws in sorted(done):
        lab.expect(ws.here, f"/k{i}", "probed every second by TCP, silent for 9 s", FRONT, {"client": saw(ws)}, outcome="closed", close_code=1006, ending="fin",
                   closed_by="server", cause="idle_timeout", evidence=[r"\b9(\.\d+)? s"], cause_not=["lifetime_limit", "network_loss"])


async def haproxy_client_timeout(lab):
    """HAProxy without `timeout tunnel`: `timeout client 8s`. Bytes of either direction count: three connections end after the same 8 s of silence on both sides, one of them at the age of 30 s."""
    lab.findings = ["idle_timeout"]
    async def server(ws):
        if ws.path == "/ticks":
            for _ in range(12):
                await ws.send("tick")
                await asyncio.sleep(2)
        await sink(ws)

    await lab.serve(server)
    lab.haproxy(["client 8s", "server 20s"])
    lab.capture("any", ports=[8080, 9000])
    done = []

    async def one(path, talk):
        ws = await lab.connect(path, FRONT)
        await ws.send("hello")
        for _ in range(talk):
            await asyncio.sleep(2)
            await ws.send("hello")
        await ws.wait_closed()
        done.append(ws)

    await asyncio.gather(one("/ticks", 0), one("/talks", 12), one("/both", 0))
    await lab.stop_capture()
    cut = dict(outcome="closed", close_code=1006, ending="fin", cause=["idle_timeout", "proxy_cut"], evidence=[r"\b(8(\.\d+)?|7\.9\d*) s"],
               cause_not=["lifetime_limit", "peer_crash", "mass_disconnect"])
    for ws in done:
        what = {"/ticks": "only the server talks, until 8 s before the end", "/talks": "only the client does", "/both": "silent from the start"}[ws.path]
        legs(lab, ws, ws.path, what + "; cut by HAProxy", {**cut, "closed_by": "server"}, {**cut, "closed_by": "client"})


async def idle_client_silent(lab):
    """The server sends all the time, and cuts whoever has not sent anything for 8 s: only the client's clock recurs, over four connections of different ages."""
    lab.findings = ["idle_timeout"]
    async def server(ws):
        async def ticks():
            while True:
                await ws.send("tick")
                await asyncio.sleep(1.3)
        t = asyncio.create_task(ticks())
        try:
            while True:
                await asyncio.wait_for(ws.recv(), 8)
        except asyncio.TimeoutError:
            pass
        t.cancel()
        ws.transport.close()

    await lab.serve(server)
    lab.capture("toc", ports=[9000])
    done = []

    async def one(i, start, pauses):
        await asyncio.sleep(start)
        ws = await lab.connect(f"/s{i}")
        for pause in pauses:
            await asyncio.sleep(pause)
            await ws.send("hello")
        await ws.wait_closed()
        done.append((i, ws))

    await asyncio.gather(one(1, 0, [0.4]), one(2, 1, [0.2, 3.3]), one(3, 1.9, [1.0, 4.8, 2.9]), one(4, 2.7, [0.6, 6.7, 5.1, 0.8]))
    await lab.stop_capture()
    for i, ws in sorted(done):
        lab.expect(ws.here, f"/s{i}", "cut 8 s after the client's last frame, between ticks", logged={"client": saw(ws)}, outcome="closed", close_code=1006, ending="fin",
                   closed_by="server", cause="idle_timeout", evidence=[r"\b(8(\.\d+)?|7\.9\d*) s", r"(?i)client"], cause_not=["lifetime_limit", "keepalive_timeout", "mass_disconnect"])


async def idle_reason(lab):
    """1001 by a server because the peer was idle, told by the reason texts of Jetty and Tomcat: idle_timeout, not going_away."""
    async def server(ws):
        what = ws.path.split("/")[1]
        await asyncio.sleep(4)
        await ws.close(1001, {"jetty9": "Idle Timeout", "jetty12": "Connection Idle Timeout", "tomcat": "The WebSocket session [3] idle timeout expired"}.get(what, ""))

    await lab.serve(server)
    lab.capture("toc", ports=[9000])
    done = [await lab.connect(p) for p in ("/jetty9", "/jetty12", "/tomcat", "/plain")]
    await asyncio.gather(*(ws.wait_closed() for ws in done[:3]))
    await done[3].wait_closed()
    await lab.stop_capture()
    for ws in done:
        told = ws.path != "/plain"
        lab.expect(ws.here, ws.path, "1001 with " + (f"the reason {ws.close_reason!r}" if told else "no reason"), logged={"client": saw(ws), "server": lab.log.get(ws.path)},
                   outcome="closed", close_code=1001, closed_by="server", ending="close_handshake",
                   **(dict(cause="idle_timeout", confidence="likely", evidence=["(?i)idle timeout"], cause_not=["going_away", "server_shutdown", "mass_disconnect"]) if told else
                      dict(cause_not=["idle_timeout", "page_left"])))


async def ages(lab, lives, tell):
    """Connections that are cut by the server at the age in `lives`, in the middle of traffic."""
    async def server(ws):
        age = float(ws.path.split("/")[2])
        started = asyncio.get_running_loop().time()

        async def talk():
            await echo(ws)
        t = asyncio.create_task(talk())
        await asyncio.sleep(age - (asyncio.get_running_loop().time() - started))
        t.cancel()
        ws.transport.close()

    await lab.serve(server)
    lab.capture("toc", ports=[9000])
    done = []

    async def one(i, start, age, every):
        await asyncio.sleep(start)
        ws = await lab.connect(f"/a{i}/{age}")
        while not ws.closed:
            try:
                await ask(ws)
            except Exception:
                break
            await asyncio.sleep(every)
        await ws.wait_closed()
        done.append((i, ws))

    await asyncio.gather(*(one(i, *life) for i, life in enumerate(lives)))
    await lab.stop_capture()
    for i, ws in sorted(done):
        tell(ws)


async def lifetime_30(lab):
    """The server cuts every connection at the age of 30 s, traffic or not; a known limit of load balancers."""
    lab.findings = ["lifetime_limit"]
    await ages(lab, [(0, 30, 1.7), (2.1, 30, 2.3), (5.4, 30, 0.9), (9.7, 30, 3.1)], lambda ws: lab.expect(
        ws.here, ws.path, "cut at the age of 30 s between messages", logged={"client": saw(ws)}, outcome="closed", close_code=1006, ending="fin", closed_by="server",
        cause="lifetime_limit", evidence=[r"\b(30(\.\d+)?|29\.9\d*) s"], cause_not=["idle_timeout", "keepalive_timeout", "mass_disconnect"]))


async def lifetime_13(lab):
    """As lifetime_30, with 13 s: no table has it, but five connections have the same age."""
    lab.findings = ["lifetime_limit"]
    await ages(lab, [(0, 13, 1.9), (3.2, 13, 1.3), (6.9, 13, 0.8), (10.4, 13, 2.9), (14.3, 13, 1.1)], lambda ws: lab.expect(
        ws.here, ws.path, "cut at the age of 13 s between messages", logged={"client": saw(ws)}, outcome="closed", close_code=1006, ending="fin", closed_by="server",
        cause="lifetime_limit", evidence=[r"\b(13(\.\d+)?|12\.9\d*) s"], cause_not=["idle_timeout", "keepalive_timeout", "mass_disconnect"]))


async def ages_that_differ(lab):
    """Near miss: the server cuts connections at 6, 9.5, 14, 17.3 and 23 s, in the middle of traffic: no limit."""
    await ages(lab, [(0, 6, 1.7), (1, 9.5, 2.3), (0.4, 14, 0.9), (2.2, 17.3, 3.1), (0.2, 23, 1.3)], lambda ws: lab.expect(
        ws.here, ws.path, "cut at an age of its own", logged={"client": saw(ws)}, outcome="closed", close_code=1006, ending="fin", closed_by="server",
        cause_not=NOT_TIME + ["mass_disconnect"]))


# ---- keepalive ----

async def keepalive_frozen(lab):
    """A Python websockets server pings; the client's process is stopped: TCP acknowledges the Ping, nobody answers it. 1011 follows."""
    await lab.serve(echo, ping_interval=2, ping_timeout=3)
    lab.capture("toc", ports=[9000])
    p = await lab.client_process("/frozen", every=1.5)
    answering = await lab.connect("/answers")
    await asyncio.sleep(5)
    p.signal(signal.SIGSTOP)
    await asyncio.sleep(9)
    await answering.close(1000, "bye")
    ping = lab.packet(f"websocket.opcode == 9 && tcp.port == {p.address.rsplit(':')[-1]}", -1)
    await lab.stop_capture()
    close = lab.packet("websocket.opcode == 8 && websocket.payload.close.status_code == 1011")
    p.kill()
    await asyncio.sleep(0.3)
    lab.expect(p.address, "/frozen", "stopped by SIGSTOP; the last Ping is acknowledged by TCP and never answered", logged={"server": lab.log.get("/frozen")}, outcome="closed",
               close_code=1011, closed_by="server", cause="keepalive_timeout", confidence="likely", evidence=[r"\b(ping|Ping)\b", r"(?i)acknowledged"],
               evidence_not=[r"(?i)not acknowledged|never acknowledged|unacknowledged"], cause_not=["server_error"], packets={"close": close, "last_ping_at_least": ping})
    lab.expect(answering.here, "/answers", "near miss: the same Pings, answered", logged={"client": saw(answering), "server": lab.log.get("/answers")}, outcome="closed",
               close_code=1000, closed_by="client", cause="normal", cause_not=NOT_TIME)


async def keepalive_network(lab):
    """As keepalive_frozen, but the router drops everything of the client's: the Ping is not even acknowledged. Captured on the server's side."""
    await lab.serve(echo, ping_interval=2, ping_timeout=3)
    lab.capture("tos", ports=[9000])
    p = await lab.client_process("/cut", every=1.5)
    await asyncio.sleep(5.2)
    lab.firewall(f"ip saddr {CLIENT} drop", f"ip daddr {CLIENT} drop")
    await asyncio.sleep(12)
    await lab.stop_capture()
    lab.expect(p.address, "/cut", "all packets of the client are dropped: the Ping is sent again and again; the 1011 that the server's library reports never leaves its host",
               logged={"server": lab.log.get("/cut")}, outcome="closed", close_code=1006, ending="vanished", cause=["keepalive_timeout", "network_loss"], confidence="likely",
               evidence=[r"(?i)\bping\b", r"(?i)n(ot|or|ever) acknowledged|unacknowledged|retransmi"], cause_not=["server_error", "peer_crash"])
    p.kill()


async def keepalive_client(lab):
    """The client pings, the server's process is stopped: Python websockets' client sends 1011."""
    node = await lab.node()
    lab.capture("toc", ports=[9000])
    ws = await lab.connect("/echo", ping_interval=2, ping_timeout=3)
    await ask(ws)
    await asyncio.sleep(2.5)
    node.signal(signal.SIGSTOP)
    await asyncio.sleep(9)
    await lab.stop_capture()
    lab.expect(ws.here, "/echo", "the server's process is stopped by SIGSTOP", logged={"client": saw(ws)}, outcome="closed", close_code=1011, closed_by="client",
               cause="keepalive_timeout", confidence="likely", evidence=[r"(?i)\bping\b", "(?i)acknowledged"], cause_not=["server_error"])


async def heartbeat_terminate(lab):
    """node ws with the heartbeat of its README: who does not answer a Ping is terminated, without a Close frame."""
    await lab.node(heartbeat=3000)
    lab.capture("toc", ports=[9000])
    p = await lab.client_process("/echo/frozen", every=0.7)
    good = await lab.connect("/echo/good")
    await asyncio.sleep(4)
    p.signal(signal.SIGSTOP)
    await asyncio.sleep(8)
    await good.close(1000)
    await lab.stop_capture()
    node = lab.processes[0].log
    lab.expect(p.address, "/echo/frozen", "stopped by SIGSTOP; the server terminates it after one unanswered Ping", logged={"server": node.get("/echo/frozen")}, outcome="closed",
               close_code=1006, closed_by="server", cause="keepalive_timeout", evidence=[r"(?i)\bping\b"], cause_not=["peer_crash", "idle_timeout", "lifetime_limit"])
    lab.expect(good.here, "/echo/good", "near miss: it answers its Pings and then closes", logged={"client": saw(good), "server": node.get("/echo/good")}, outcome="closed",
               close_code=1000, closed_by="client", cause="normal", cause_not=NOT_TIME)


async def ping_then_something_else(lab):
    """Near misses: Pings that were answered, or had no time to be, and ends that have nothing to do with them."""
    async def server(ws):
        what = ws.path.split("/")[1]
        pong = await ws.ping()
        if what == "answered":
            await pong
            await ws.recv()
            raise RuntimeError("the handler fails")
        if what == "close":
            await ws.close(1000, "done")
        if what == "fin":
            ws.transport.close()
        await sink(ws)

    await lab.serve(server)
    lab.capture("toc", ports=[9000])
    a = await lab.connect("/answered")
    await asyncio.sleep(1)
    await a.send("go")
    await a.wait_closed()
    b = await lab.connect("/close")
    await b.wait_closed()
    c = await lab.connect("/fin")
    await c.wait_closed()
    d = await lab.raw("/user")
    await d.read()
    await d.send(frame(8, close_body(1000, "leaving")))
    await d.until_end(2)
    d.fin()
    await lab.stop_capture()
    lab.expect(a.here, "/answered", "Ping answered at once; a second later the handler raises", logged={"client": saw(a), "server": lab.log.get("/answered")}, outcome="closed",
               close_code=1011, closed_by="server", cause="server_error", confidence="likely", cause_not=NOT_TIME)
    lab.expect(b.here, "/close", "Ping and Close in one go", logged={"client": saw(b), "server": lab.log.get("/close")}, outcome="closed", close_code=1000, closed_by="server",
               cause="normal", cause_not=NOT_TIME)
    lab.expect(c.here, "/fin", "Ping, and FIN in the same moment: the Pong had no time", logged={"client": saw(c)}, outcome="closed", close_code=1006,
               ending="fin", cause_not=NOT_TIME)
    lab.expect(d.local, "/user", "the client leaves with 1000 instead of answering the Ping", logged={"server": lab.log.get("/user")}, outcome="closed", close_code=1000,
               closed_by="client", cause="normal", cause_not=NOT_TIME)


SCENES = [nginx_read_timeout, haproxy_tunnel_7s, idle_once_7s, idle_by_different_silence, haproxy_keepalive_probes, haproxy_client_timeout, idle_client_silent, idle_reason, lifetime_30, lifetime_13,
          ages_that_differ, keepalive_frozen, keepalive_network, keepalive_client, heartbeat_terminate, ping_then_something_else]
