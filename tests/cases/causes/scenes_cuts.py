"""Scenes about ends without a goodbye: crashed peers, lost networks, middleboxes, proxies that cut, many at once, and gaps in the capture."""
import asyncio, os, signal, socket, struct, subprocess, time

from lab import CLIENT, MIDDLE_C, SERVER, close_body, frame, saw
from scenes_time import FRONT, ask, echo, sink

NO_BLAME = ["peer_crash", "network_loss", "middlebox_reset", "proxy_cut", "mass_disconnect", "idle_timeout", "lifetime_limit", "keepalive_timeout"]


def but(*kept):
    return [c for c in NO_BLAME if c not in kept]


# ---- a peer that dies ----

async def server_killed_unread(lab):
    """kill -9 of a server that had not read what the client had sent: its system answers with RST."""
    node = await lab.node()
    lab.capture("toc", ports=[9000])
    ws = await lab.connect("/echo/unread")
    for _ in range(3):
        await ask(ws)
        await asyncio.sleep(0.7)
    node.signal(signal.SIGSTOP)
    await ws.send("a question that nobody reads")
    await asyncio.sleep(0.4)
    node.kill()
    await ws.wait_closed()
    await lab.stop_capture()
    lab.expect(ws.here, "/echo/unread", "SIGKILL with unread data in the socket", logged={"client": saw(ws)}, outcome="closed", close_code=1006, ending="reset", closed_by="server",
               cause="peer_crash", evidence=[r"(?i)RST|reset"], cause_not=but("peer_crash"))


async def server_killed_unanswered(lab):
    """kill -9 of a server between the request and its answer: FIN without a Close, 0.2 s after the question that it had read."""
    node = await lab.node()
    lab.capture("toc", ports=[9000])
    ws = await lab.connect("/mute/question")
    for _ in range(3):
        await ws.send("a question")
        await asyncio.sleep(0.9)
    await ws.send("the last question")
    await asyncio.sleep(0.2)
    node.kill()
    await ws.wait_closed()
    await lab.stop_capture()
    lab.expect(ws.here, "/mute/question", "SIGKILL 0.2 s after a message that was acknowledged and not answered", logged={"client": saw(ws)}, outcome="closed", close_code=1006,
               ending="fin", closed_by="server", cause="peer_crash", evidence=[r"(?i)message|data|answer"], cause_not=but("peer_crash"))


async def client_killed(lab):
    """kill -9 of a client right after a message."""
    await lab.node()
    lab.capture("toc", ports=[9000])
    p = await lab.client_process("/echo/client", every=0.8)
    await asyncio.sleep(2.43)
    p.kill()
    await lab.stop_capture(1)
    node = lab.processes[0].log
    lab.expect(p.address, "/echo/client", "SIGKILL within a few ms of a message", logged={"server": node.get("/echo/client")}, outcome="closed", close_code=1006, closed_by="client",
               cause="peer_crash", cause_not=but("peer_crash"))


async def not_crashed(lab):
    """Near misses of peer_crash: a socket ended in good order after a long silence; RSTs that follow a Close handshake; a Close, then death."""
    async def server(ws):
        what = ws.path.split("/")[1]
        if what == "quiet":
            await ws.send("hello")
            await asyncio.sleep(23.7)
            ws.transport.close()
        elif what == "rst":
            await echo(ws)
            ws.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            await echo(ws)

    await lab.serve(server)
    lab.capture("toc", ports=[9000])
    quiet = await lab.connect("/quiet")
    await quiet.recv()
    rst = await lab.raw("/close-then-rst")
    await rst.send(frame(1, b"hello"))
    await rst.read()
    await rst.send(frame(8, close_body(1000, "bye")))
    await rst.read()
    rst.reset()
    p = await lab.client_process("/close-then-kill", every=0.5, count=2)
    await asyncio.sleep(1.5)
    p.kill()
    await asyncio.gather(quiet.wait_closed())
    await lab.stop_capture()
    lab.expect(quiet.here, "/quiet", "the server ends its socket after 23.7 s of silence", logged={"client": saw(quiet)}, outcome="closed", close_code=1006, ending="fin",
               closed_by="server", cause_not=NO_BLAME)
    lab.expect(rst.local, "/close-then-rst", "Close handshake with 1000; the client then resets TCP", logged={"server": lab.log.get("/close-then-rst")}, outcome="closed",
               close_code=1000, ending="close_handshake", closed_by="client", cause="normal", cause_not=NO_BLAME)
    lab.expect(p.address, "/close-then-kill", "killed 0.5 s after its last message was answered", logged={"server": lab.log.get("/close-then-kill")}, outcome="closed",
               close_code=1006, closed_by="client", cause_not=but("peer_crash"))


# ---- a network that goes ----

async def link_down(lab):
    """The server's link goes down in the middle of a talk; the client's segments are sent again and again."""
    await lab.serve(echo)
    lab.capture("toc", ports=[9000])
    p = await lab.client_process("/down", every=0.5)
    await asyncio.sleep(3.2)
    lab.run("s", "ip link set s0 down")
    await asyncio.sleep(16)
    await lab.stop_capture()
    lab.expect(p.address, "/down", "link down; captured on the client's side", outcome="closed", close_code=1006, ending="vanished", cause="network_loss", confidence="likely",
               evidence=[r"(?i)retransmi|sent again|unanswered|acknowledged"], cause_not=["peer_crash", "idle_timeout", "keepalive_timeout", "middlebox_reset"])
    p.kill()


async def black_hole(lab):
    """A firewall forgets the connection and drops both directions silently, after a silence of 8 s; the server then talks to nobody."""
    async def server(ws):
        await ws.send("hello")
        await asyncio.sleep(8)
        for _ in range(20):
            await ws.send("anybody there?")
            await asyncio.sleep(1)

    await lab.serve(server)
    lab.capture("tos", ports=[9000])
    p = await lab.client_process("/hole", every=60, count=1)
    await asyncio.sleep(3)
    lab.firewall("tcp dport 9000 drop", "tcp sport 9000 drop")
    await asyncio.sleep(16)
    await lab.stop_capture()
    lab.expect(p.address, "/hole", "dropped silently in the middle; captured on the server's side", outcome="closed", close_code=1006, ending="vanished", cause="network_loss",
               confidence="likely", evidence=[r"(?i)retransmi|sent again|unanswered|acknowledged"], cause_not=["peer_crash", "lifetime_limit", "middlebox_reset"])
    p.kill()


async def loss_recovers(lab):
    """Near misses of network_loss: one packet in five is lost at random, and an outage of 3 s; both recover and end with a Close."""
    await lab.serve(echo)
    lab.capture("toc", ports=[9000])
    a = await lab.connect("/lossy")
    b = await lab.connect("/outage")
    reading = asyncio.create_task(sink(a))
    lab.firewall("numgen random mod 100 < 20 drop")
    for i in range(40):
        await a.send(f"message {i}")
        await asyncio.sleep(0.1)
    await asyncio.sleep(3)
    lab.firewall()
    await asyncio.sleep(1.5)
    await a.close(1000, "done")
    await reading
    await ask(b)
    lab.firewall("tcp dport 9000 drop")
    await b.send("lost for a while")
    await asyncio.sleep(3)
    lab.firewall()
    await asyncio.sleep(4)
    await b.send("back again")
    await asyncio.sleep(0.5)
    await b.close(1000, "done")
    await lab.stop_capture()
    for ws, text in ((a, "20 % loss in both directions, then a Close"), (b, "nothing passes for 3 s, then a Close")):
        lab.expect(ws.here, ws.path, text, logged={"client": saw(ws), "server": lab.log.get(ws.path)}, outcome="closed", close_code=1000, closed_by="client",
                   ending="close_handshake", cause="normal", cause_not=NO_BLAME)


# ---- somebody in between ----

async def rst_firewall(lab):
    """A firewall in the middle rejects the client's next segment with an RST in the server's name: its TTL is one hop too high. The server knows nothing and talks on."""
    async def server(ws):
        t = asyncio.create_task(sink(ws))
        for _ in range(9):
            await ws.send("tick")
            await asyncio.sleep(0.5)
        t.cancel()

    await lab.serve(server)
    lab.capture("toc", ports=[9000])
    p = await lab.client_process("/reject", every=1)
    await asyncio.sleep(2.3)
    lab.firewall("tcp dport 9000 tcp flags & (syn | rst) == 0 reject with tcp reset")
    await asyncio.sleep(5)
    await lab.stop_capture()
    rst = lab.packet(f"tcp.flags.reset == 1 && ip.src == {SERVER}")
    lab.expect(p.address, "/reject", "nft `reject with tcp reset` in the middle", outcome="closed", close_code=1006, ending="reset", closed_by="server", cause="middlebox_reset",
               confidence="likely", evidence=[r"(?i)TTL", r"\b63\b", r"\b64\b"], cause_not=["peer_crash", "mass_disconnect"], packets={"rst": rst})


def checksum(data):
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data + b"\0" * (len(data) % 2))) if len(data) % 2 == 0 else checksum(data + b"\0")
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return s


def forge(lab, src, sport, dst, dport, seq, ttl, ident, flags=4, ack=0):
    """Sends one TCP segment from the middle, in the name of `src`."""
    tcp = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 0, 0, 0)
    pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!HH", 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", ~checksum(pseudo + tcp) & 0xffff) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), ident, 0, ttl, 6, 0, socket.inet_aton(src), socket.inet_aton(dst))
    with lab.inside("m"):
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
            s.sendto(ip + tcp, (dst, 0))


async def sequence(lab, client_port):
    """The next sequence numbers of client and server, read off the wire in the middle."""
    with lab.inside("m"):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800))
        s.bind(("toc", 0x800))
    s.setblocking(False)
    while True:
        p = await asyncio.get_running_loop().sock_recv(s, 2000)
        ihl = (p[0] & 15) * 4
        sport, dport, seq, ack, off, flags = struct.unpack("!HHIIBB", p[ihl:ihl + 14])
        length = struct.unpack("!H", p[2:4])[0] - ihl - (off >> 4) * 4
        if sport == client_port and length == 0 and flags == 0x10:  # the client's bare acknowledgement of the server's answer
            s.close()
            return seq, ack


async def rst_forged(lab):
    """An injector on the path sends RSTs to both ends with a TTL and IP-IDs of its own. Both ends accept them; the server's segment under way comes after."""
    async def server(ws):
        async for m in ws:
            await ws.send(m)

    await lab.serve(server)
    lab.capture("toc", ports=[9000])
    p = await lab.client_process("/forged", every=1)
    port = int(p.address.rsplit(":")[-1])
    await asyncio.sleep(2.2)
    cseq, sseq = await sequence(lab, port)
    forge(lab, SERVER, 9000, CLIENT, port, sseq, 128, 0x4242)
    forge(lab, CLIENT, port, SERVER, 9000, cseq, 128, 0x4243)
    await asyncio.sleep(2)
    await lab.stop_capture()
    rst = lab.packet(f"tcp.flags.reset == 1 && ip.src == {SERVER}")
    lab.expect(p.address, "/forged", "RST by an injector with TTL 127 to 128 and IP-ID 0x4242", outcome="closed", close_code=1006, ending="reset", closed_by="server",
               cause="middlebox_reset", confidence="likely", evidence=[r"(?i)TTL", r"\b128\b", r"\b63\b"], cause_not=["peer_crash"], packets={"rst": rst})


async def rst_forged_and_data_after(lab):
    """The injector resets only the client: the real server goes on sending for a while, with its own TTL."""
    async def server(ws):
        t = asyncio.create_task(sink(ws))
        for _ in range(7):
            await ws.send("tick")
            await asyncio.sleep(0.6)
        t.cancel()

    await lab.serve(server)
    lab.capture("toc", ports=[9000])
    p = await lab.client_process("/ticks", every=30, count=1)
    port = int(p.address.rsplit(":")[-1])
    await asyncio.sleep(1.3)
    lab.firewall("tcp flags & rst == rst drop")  # the client's own RSTs to the ticks that follow do not reach the server
    _, sseq = await sequence(lab, port)
    forge(lab, SERVER, 9000, CLIENT, port, sseq, 47, 0)
    await asyncio.sleep(4)
    await lab.stop_capture()
    lab.expect(p.address, "/ticks", "RST with TTL 47 in the server's name; then data of the real server with TTL 63", outcome="closed", close_code=1006, ending="reset",
               closed_by="server", cause="middlebox_reset", confidence="likely", evidence=[r"(?i)TTL", r"\b47\b", r"\b63\b"], cause_not=["peer_crash"])


async def rst_genuine(lab):
    """Near misses of middlebox_reset: RSTs that the ends themselves sent: SO_LINGER 0, data for a socket that is closed (IP-ID 0), a killed process."""
    async def server(ws):
        what = ws.path.split("/")[1]
        if what == "linger":
            await ws.recv()
            await ws.send("hello")
            await asyncio.sleep(1)
            ws.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            ws.transport.abort()
        elif what == "closed":
            await ws.recv()
            ws.transport.get_extra_info("socket").shutdown(socket.SHUT_RD)
            ws.transport.close()
        else:
            await echo(ws)

    await lab.serve(server)
    lab.capture("toc", ports=[9000])
    a = await lab.connect("/linger")
    await ask(a)
    await a.wait_closed()
    b = await lab.raw("/closed")
    await b.send(frame(1, b"hello"))
    await asyncio.sleep(0.5)
    await b.send(frame(1, b"more"))
    await asyncio.sleep(0.5)
    b.fin()
    c = await lab.raw("/client-linger")
    await c.send(frame(1, b"hello"))
    await c.read()
    await asyncio.sleep(0.8)
    c.reset()
    await lab.stop_capture()
    lab.expect(a.here, "/linger", "the server resets with SO_LINGER 0, 1 s after a message", logged={"client": saw(a)}, outcome="closed", close_code=1006, ending="reset",
               closed_by="server", cause_not=but("peer_crash"))
    lab.expect(b.local, "/closed", "FIN by the server; what the client sends then gets an RST with IP-ID 0", outcome="closed", close_code=1006, ending="fin", closed_by="server",
               cause_not=but("peer_crash"))
    lab.expect(c.local, "/client-linger", "the client resets with SO_LINGER 0", logged={"server": lab.log.get("/client-linger")}, outcome="closed", close_code=1006, ending="reset",
               closed_by="client", cause_not=but("peer_crash"))


# ---- proxies ----

async def through(lab, paths):
    """Clients through the proxy, each after a short talk."""
    out = []
    for p in paths:
        ws = await lab.connect(p, FRONT)
        await ask(ws)
        out.append(ws)
        await asyncio.sleep(0.4)
    return out


def both(lab, ws, setup, front, back, server_log=True):
    path = ws.path
    lab.expect(ws.here, path, setup, FRONT, {"client": saw(ws)}, **front)
    lab.expect(lab.log["at " + path], path, setup, f"{SERVER}:9000", {"server": lab.log.get(path) if server_log else None}, **back)


CUT = dict(outcome="closed", close_code=1006, cause="proxy_cut", confidence="likely", cause_not=["idle_timeout", "lifetime_limit", "peer_crash", "mass_disconnect", "network_loss"])


async def haproxy_killed(lab):
    """HAProxy is killed: both legs of each connection end in the same moment, begun by the hop between. Both legs in one capture."""
    await lab.serve(echo)
    proxy = lab.haproxy(["client 60s", "server 60s", "tunnel 60s"])
    lab.capture("any", ports=[8080, 9000])
    done = await through(lab, ["/p1", "/p2"])
    await asyncio.sleep(1.5)
    proxy.kill()
    await asyncio.gather(*(ws.wait_closed() for ws in done))
    await lab.stop_capture()
    for ws in done:
        both(lab, ws, "kill -9 of the proxy", {**CUT, "closed_by": "server"}, {**CUT, "closed_by": "client"})


async def nginx_stopped(lab):
    """nginx is stopped (SIGTERM). Its two legs are in two capture files."""
    await lab.serve(echo)
    proxy = lab.nginx()
    lab.capture("toc", ports=[8080], name=lab.name + "-front")
    lab.capture("tos", ports=[9000], name=lab.name + "-back")
    done = await through(lab, ["/n1", "/n2"])
    await asyncio.sleep(1.5)
    proxy.terminate()
    await asyncio.gather(*(ws.wait_closed() for ws in done))
    await lab.stop_capture()
    for ws in done:
        both(lab, ws, "SIGTERM to nginx", {**CUT, "closed_by": "server"}, {**CUT, "closed_by": "client"})
    # One leg alone cannot show that the hop between ended both.
    alone = dict(outcome="closed", close_code=1006, closed_by="server", cause_not=["proxy_cut", "idle_timeout", "lifetime_limit", "mass_disconnect"])
    lab.also("nginx-stopped-front-alone", "Near miss of proxy_cut: of nginx-stopped, only the capture of the client's leg.", [lab.name + "-front.pcap"],
             [{**e, "expect": alone} for e in lab.entries if e["server"] == FRONT])


async def proxy_passes_on(lab):
    """Near misses of proxy_cut: through nginx, but the client or the backend ends first and the proxy only passes it on."""
    async def server(ws):
        what = ws.path.split("/")[1]
        if what == "backend-fin":
            await ws.send(await ws.recv())
            await asyncio.sleep(1)
            ws.transport.close()
        elif what == "backend-rst":
            await ws.send(await ws.recv())
            await asyncio.sleep(1)
            ws.transport.abort()
        else:
            await echo(ws)

    await lab.serve(server)
    lab.nginx()
    lab.capture("any", ports=[8080, 9000])
    a, b, c, d = await through(lab, ["/client-fin", "/backend-fin", "/user", "/backend-rst"])
    await asyncio.sleep(1)
    a.transport.close()
    await asyncio.sleep(0.5)
    await c.close(1000, "bye")
    await asyncio.gather(*(ws.wait_closed() for ws in (a, b, c, d)))
    await lab.stop_capture()
    none = dict(outcome="closed", cause_not=["proxy_cut", "idle_timeout", "lifetime_limit", "mass_disconnect", "network_loss", "middlebox_reset"])
    both(lab, a, "the client's socket ends first", {**none, "close_code": 1006, "closed_by": "client"},
         {**none, "close_code": 1006, "closed_by": "client", "evidence": [r"(?i)client"]})
    for ws in (b, d):
        both(lab, ws, "the backend ends first", {**none, "close_code": 1006, "closed_by": "server", "evidence": [r"(?i)backend|behind|other leg"]},
             {**none, "close_code": 1006, "closed_by": "server"}, server_log=False)
    both(lab, c, "a user's own Close", {**none, "close_code": 1000, "closed_by": "client", "cause": "normal"}, {**none, "close_code": 1000, "closed_by": "client", "cause": "normal"})


# ---- many at once ----

async def crowd(lab, n, live, port=9000):
    async def one(i):
        await asyncio.sleep(i * 0.37)
        ws = await lab.connect(f"/echo/m{i}", f"{SERVER}:{port}")
        await ask(ws)
        await live(i, ws)
        await ws.wait_closed()
        return ws
    return await asyncio.gather(*(one(i) for i in range(n)))


async def server_killed_with_twelve(lab):
    """A server with twelve clients is killed: all end within one second."""
    lab.findings = ["mass_disconnect"]
    node = await lab.node()
    lab.capture("toc", ports=[9000])

    async def talk(i, ws):
        await asyncio.sleep(1 + i * 0.61 % 2)
        await ask(ws)

    async def kill():
        await asyncio.sleep(9)
        node.kill()

    done, _ = await asyncio.gather(crowd(lab, 12, talk), kill())
    await lab.stop_capture()
    for ws in done:
        lab.expect(ws.here, ws.path, "kill -9 of the server with 12 connections", logged={"client": saw(ws)}, outcome="closed", close_code=1006, closed_by="server",
                   cause="mass_disconnect", evidence=[r"\b1[12]\b"], cause_not=["idle_timeout", "lifetime_limit", "keepalive_timeout"])


async def twelve_leave_one_by_one(lab):
    """Near miss of mass_disconnect: twelve clients of one server leave by themselves over half a minute, half of them with 1000, half by closing their socket."""
    await lab.node()
    lab.capture("toc", ports=[9000])

    async def live(i, ws):
        await asyncio.sleep((0.5, 3.1, 5.4, 9.9, 11.2, 15.7, 16.8, 20.3, 21.9, 25.5, 26.7, 29.2)[i])
        if i % 2:
            await ws.close(1000, "bye")
        else:
            ws.transport.close()

    done = await crowd(lab, 12, live)
    await lab.stop_capture()
    for i, ws in enumerate(done):
        lab.expect(ws.here, ws.path, "leaves by itself", logged={"client": saw(ws)}, outcome="closed", close_code=1000 if i % 2 else 1006, closed_by="client",
                   cause_not=["mass_disconnect", "server_shutdown", "idle_timeout", "lifetime_limit", "keepalive_timeout"], **({"cause": "normal"} if i % 2 else {}))


async def server_shutdown(lab):
    """A Python websockets server shuts down: eight clients get 1001 in the same moment."""
    lab.findings = ["mass_disconnect"]
    s = await lab.serve(echo)
    lab.capture("toc", ports=[9000])

    async def stay(i, ws):
        pass

    async def stop():
        await asyncio.sleep(5)
        s.close()
        await s.wait_closed()

    done, _ = await asyncio.gather(crowd(lab, 8, stay), stop())
    await lab.stop_capture()
    for ws in done:
        lab.expect(ws.here, ws.path, "server.close() with 8 connections", logged={"client": saw(ws), "server": lab.log.get(ws.path)}, outcome="closed", close_code=1001,
                   closed_by="server", cause="server_shutdown", confidence="likely", evidence=["1001"], cause_not=["idle_timeout", "page_left", "lifetime_limit"])


# ---- what the capture does not hold ----

async def gap(lab):
    """The packets with the Close frames are cut out of the capture; and, as a near miss, only payload bytes of a long message are."""
    await lab.serve(echo)
    lab.capture("toc", ports=[9000])
    a = await lab.connect("/close-missing")
    b = await lab.connect("/payload-missing")
    await ask(a)
    await ask(b)
    await b.send("x" * 6000)
    await b.recv()
    await b.close(1000, "done")
    await a.close(1000, "done")
    await lab.stop_capture()
    closes = lab.packet, f"websocket.opcode == 8 && tcp.port == {a.here.rsplit(':')[-1]}"
    out = subprocess.run(["tshark", "-r", lab.path, "-Y", closes[1], "-T", "fields", "-e", "frame.number"], capture_output=True, text=True).stdout.split()
    # A segment in the middle of the long message: full, no frame header in it.
    middle = subprocess.run(["tshark", "-r", lab.path, "-Y", f"ip.src == {CLIENT} && tcp.port == {b.here.rsplit(':')[-1]} && tcp.len > 1400", "-T", "fields", "-e", "frame.number"],
                            capture_output=True, text=True).stdout.split()[1]
    whole = lab.path + ".whole"
    os.rename(lab.path, whole)
    subprocess.run(["editcap", "-F", "pcap", whole, lab.path, *out, middle], check=True, capture_output=True)
    os.unlink(whole)
    lab.expect(a.here, "/close-missing", f"packets {', '.join(out)} with the Close frames were removed", outcome="unknown", close_code=None, ending="gap", cause="capture_gap",
               confidence="likely", evidence=[r"(?i)missing|not captured"], cause_not=["peer_crash", "normal"])
    lab.expect(b.here, "/payload-missing", f"packet {middle} was removed: payload only", logged={"client": saw(b), "server": lab.log.get("/payload-missing")}, outcome="closed",
               close_code=1000, closed_by="client", ending="close_handshake", cause="normal", cause_not=["capture_gap"])


SCENES = [server_killed_unread, server_killed_unanswered, client_killed, not_crashed, link_down, black_hole, loss_recovers, rst_firewall, rst_forged,
          rst_forged_and_data_after, rst_genuine, haproxy_killed, nginx_stopped, proxy_passes_on, server_killed_with_twelve, twelve_leave_one_by_one, server_shutdown, gap]
