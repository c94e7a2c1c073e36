"""Scenes with other TLS stacks than OpenSSL by way of Python: node, Go, GnuTLS (libsoup, gnutls-cli), Chromium; nginx and HAProxy in front."""
import asyncio, json, os
from types import SimpleNamespace
from urllib.parse import unquote

from browser import PAGE, browse, browse_firefox
from tlslab import CLIENT, HERE, MAY_RENEGOTIATE, MIDDLE_C, NAME, PYTHON, SERVER, behave, close_body, frame, saw, talk
from scenes_suites import ENDS, V

PEERS = os.path.join(HERE, "peers")


def paths(ends):
    return [f"/{i}/{tail}" for i, (tail, _) in enumerate(ends, 1)]


async def all_told(lab, process, wanted):
    """Waits until the client has said of each path how it ended. Its last words may be of the connection before the capture is stopped."""
    for _ in range(500):
        if all(p in process.log for p in wanted):
            return await asyncio.sleep(0.3)
        await asyncio.sleep(0.02)
    raise TimeoutError(f"{set(wanted) - set(process.log)}: {process.lines}")


def expect_told(lab, process, server_log, ends, setup, version, port=9443, **more):
    """The truth of what a client's process and a server logged."""
    for path, (_, want) in zip(paths(ends), ends):
        at = next(e for e in process.lines if e.get("at") == path)
        ws = SimpleNamespace(version=version, here=at["address"], path=path, suite=at.get("suite"))
        lab.expect_ws(ws, setup, port=port, logged={"client": process.log.get(path), "server": server_log.get(path) or server_log.get(unquote(path))}, **want, **more)


async def node(lab):
    """node `ws` as the client, TLS 1.3 and 1.2; then as the server of a client of Python's."""
    lab.capture("toc", ports=[9443, 9444, 9445])
    lab.peer("node ws 8")
    ends = ENDS[:4]
    for port, v in ((9443, "1.3"), (9444, "1.2")):
        await lab.serve_wss(lab.context(True), port)
        c = lab.process("c", "node", os.path.join(PEERS, "client.js"), lab.keys("client"), *(f"wss://{SERVER}:{port}{p}" for p in paths(ends)), f'{{"maxVersion": "TLSv{v}"}}')
        await all_told(lab, c, paths(ends))
        expect_told(lab, c, lab.log, ends, "node's client", v, port)
    cert, key = lab.certificate("ec")
    s = await lab.node(port=9445, tls={"key": key, "cert": cert, "keylog": lab.keys("server")})
    for command, want in (("close", dict(code=4005, by="server", reason="node")), ("terminate", dict(code=1006, by="server", ending="fin")),
                          ("end", dict(code=1006, by="server", ending="fin")), ("reset", dict(code=1006, by="server", ending="fin"))):  # node has no reset for TLS: an exception, of which the server dies
        ws = await lab.wss(f"/{command}/4005/node", lab.context(False), 9445)
        await ws.send("hello")
        await ws.recv()
        await ws.send(command)
        await ws.wait_closed()
        await asyncio.sleep(0.2)
        lab.expect_ws(ws, f"node's server: {command}", port=9445, logged={"client": saw(ws), "server": s.log.get(ws.path)}, **want)
    await lab.stop_capture()


async def go(lab):
    """Go's crypto/tls on both sides, gorilla/websocket: TLS 1.3, 1.2 with each kind of suite it has, 1.0 with records split as it does for CBC; both roles log."""
    binary = os.path.join(lab.tmp, "peer")
    p = await asyncio.create_subprocess_exec("go", "build", "-o", binary, os.path.join(PEERS, "peer.go"), env={**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode"})
    if await p.wait():
        raise RuntimeError("go build")
    rows = [("1.3", []), ("1.2", ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]), ("1.2", ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"]), ("1.2", ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"]),
            ("1.2", ["TLS_RSA_WITH_AES_256_GCM_SHA384"]), ("1.0", ["TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"])]
    lab.peer("gorilla/websocket over Go's crypto/tls")
    cert, key = lab.certificate()
    lab.capture("toc", ports=list(range(9443, 9443 + len(rows))))
    for i, (version, suites) in enumerate(rows):
        ends = ENDS if i == 0 else ENDS[i % 4:i % 4 + 2]
        port = 9443 + i
        s = lab.process("s", binary, "server", f"{SERVER}:{port}", lab.keys("server"), cert, key, version, *suites)
        await s.first("ready")
        c = lab.process("c", binary, "client", f"{SERVER}:{port}", lab.keys("client"), version, *paths(ends))
        await all_told(lab, c, paths(ends))
        expect_told(lab, c, s.log, ends, "Go", version, port)
    await lab.stop_capture()


async def gnutls(lab):
    """libsoup over GnuTLS on both sides: TLS 1.3 and 1.2 with the suites and extensions it has its own mind about."""
    rows = [("1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.3"), ("1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-CCM"),
            ("1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-CBC:-KX-ALL:+ECDHE-RSA"), ("1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC:-KX-ALL:+RSA:%NO_ETM"),
            ("1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CCM-8:-KX-ALL:+RSA"), ("1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+CHACHA20-POLY1305"),
            ("1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-GCM:-KX-ALL:+DHE-RSA:%NO_SESSION_HASH")]
    lab.peer("libsoup 3.2 over GnuTLS 3.7")
    cert, key = lab.certificate()
    lab.capture("toc", ports=list(range(9443, 9443 + len(rows))))
    for i, (version, priority) in enumerate(rows):
        ends = ENDS[:4] if i == 0 else ENDS[i % 3:i % 3 + 2]
        port = 9443 + i
        env = ["env", f"G_TLS_GNUTLS_PRIORITY={priority}", "GIO_USE_VFS=local"]
        s = lab.process("s", *env, f"SSLKEYLOGFILE={lab.keys('server')}", PYTHON, os.path.join(PEERS, "soup.py"), "server", str(port), cert, key)
        await s.first("ready")
        c = lab.process("c", *env, f"SSLKEYLOGFILE={lab.keys('client')}", PYTHON, os.path.join(PEERS, "soup.py"), "client", f"{SERVER}:{port}", *paths(ends))
        await all_told(lab, c, paths(ends))
        expect_told(lab, c, s.log, ends, priority, version, port, sni=SERVER)  # GLib sends the address of the URL as a name
    await lab.stop_capture()


async def behind_nginx(lab):
    """nginx ends TLS and passes plain text on: every ending, then its own limit of 2 s (proxy_read_timeout); the client logs."""
    cert, key = lab.certificate()
    await lab.serve(behave)
    lab.nginx(port=9443, listen="ssl", server=f"ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;", location="proxy_read_timeout 2s;")
    lab.capture("toc", ports=[9443])
    await proxied(lab, ENDS[:4])
    for v in (V.TLSv1_3, V.TLSv1_2):
        ws = await lab.wss(lab.fresh("server/never"), lab.context(False, log=True, version=v), to=f"{MIDDLE_C}:9443")
        await talk(ws)
        await ws.wait_closed()
        lab.expect_ws(ws, "silent until nginx cuts it after 2 s", 1006, "server", "fin", server=f"{MIDDLE_C}:9443", logged={"client": saw(ws)}, cause=["idle_timeout", None],
                      server_software="nginx/1.22.1")
    await lab.stop_capture()


async def proxied(lab, ends, **context):
    c = lab.context(False, log=True, **context)
    for tail, want in ends:
        want = {k: v for k, v in want.items() if not k.startswith("evidence")}  # the proxy ends TLS in its own way
        ws = await lab.session(c, tail, to=f"{MIDDLE_C}:9443")
        # What the server behind it saw is another connection's truth.
        lab.expect_ws(ws, "through the proxy", server=f"{MIDDLE_C}:9443", logged={"client": saw(ws)}, **want)


async def behind_haproxy(lab):
    """HAProxy ends TLS: every ending, then its own limit of 2 s (timeout tunnel); the client logs."""
    pem = os.path.join(lab.tmp, "both.pem")
    with open(pem, "w") as f:
        f.write("".join(open(p).read() for p in lab.certificate()))
    await lab.serve(behave)
    lab.haproxy(["client 5s", "server 5s", "tunnel 2s"], port=9443, bind=f"ssl crt {pem}")
    lab.capture("toc", ports=[9443])
    await proxied(lab, ENDS[:4])
    ws = await lab.wss(lab.fresh("server/never"), lab.context(False, log=True), to=f"{MIDDLE_C}:9443")
    await talk(ws)
    await ws.wait_closed()
    lab.expect_ws(ws, "silent until HAProxy cuts it after 2 s", 1006, "server", "fin", server=f"{MIDDLE_C}:9443", logged={"client": saw(ws)}, cause=["idle_timeout", None])
    await lab.stop_capture()


class Piped:
    """A WebSocket client by hand, through the standard input and output of a TLS client."""

    def __init__(self, process):
        self.p = process
        self.got = b""

    async def send(self, data):
        self.p.stdin.write(data)
        await self.p.stdin.drain()

    async def until(self, mark, timeout=5):
        """Everything up to `mark`; what comes behind it waits."""
        async def read():
            while mark not in self.got:
                part = await self.p.stdout.read(65536)
                if not part:
                    raise EOFError(self.got)
                self.got += part
        await asyncio.wait_for(read(), timeout)
        head, self.got = self.got.split(mark, 1)
        return head + mark

    async def frames(self, text):
        """A message there and back. gnutls-cli looks for its commands behind the end of a line only, so the frame is masked to end like one."""
        f = b""
        while not f.endswith(b"\n") or b"^" in f:
            f = frame(1, text)
        await self.send(f)
        await self.until(text)

    async def close(self, code, reason):
        """Sends a Close; the server answers with the same and ends."""
        await self.send(frame(8, close_body(code, reason)))
        await self.until(close_body(code, reason))
        return {"code": code, "reason": reason}


async def piped(lab, *command, env=None):
    p = await asyncio.create_subprocess_exec("ip", "netns", "exec", lab.spaces["c"], *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                                             stderr=asyncio.subprocess.DEVNULL, env={**os.environ, **(env or {})})
    return Piped(p)


def upgrade(path):
    return f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()


async def early_data(lab):
    """0-RTT: the upgrade request is early data, which nginx takes; then early data that another server does not take, so that the request is sent again."""
    cert, key = lab.certificate()
    await lab.serve(behave)
    # A second server with ticket keys of its own.
    both = f"ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.3; ssl_early_data on;"
    lab.nginx(port=9443, listen="ssl", server=both, http=f"server {{ listen {MIDDLE_C}:9444 ssl; {both} location / {{ proxy_pass http://{SERVER}:9000; proxy_http_version 1.1; "
                                                         "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } }")
    lab.peer("OpenSSL s_client")
    lab.capture("toc", ports=[9443, 9444])
    session, request = os.path.join(lab.tmp, "session"), os.path.join(lab.tmp, "request")
    common = ["openssl", "s_client", "-quiet", "-servername", NAME, "-keylogfile", lab.keys("client")]
    rows = [(9443, False, "no early data yet"), (9443, True, "early data taken"), (9443, True, "early data taken"), (9444, True, "early data refused")]
    for i, (port, early, setup) in enumerate(rows):
        path, local = lab.fresh(f"client/{4100 + i}"), 40001 + i
        with open(request, "wb") as f:
            f.write(upgrade(path))
        c = await piped(lab, *common, "-connect", f"{MIDDLE_C}:{port}", "-bind", f"{CLIENT}:{local}", *(["-sess_in", session, "-early_data", request] if early else ["-sess_out", session]))
        if "refused" in setup or not early:
            await asyncio.sleep(0.3)
            await c.send(upgrade(path))
        await c.until(b"\r\n\r\n")
        await c.frames(b"hello")
        await asyncio.sleep(0.1)
        said = await c.close(4100 + i, "early")
        await asyncio.wait_for(c.p.wait(), 5)
        await asyncio.sleep(0.2)
        ws = SimpleNamespace(version="1.3", here=f"{CLIENT}:{local}", path=path, suite="TLS_AES_256_GCM_SHA384")
        lab.expect_ws(ws, setup, 4100 + i, "client", reason="early", server=f"{MIDDLE_C}:{port}", logged={"client": said, "server": lab.log.get(path)})
    await lab.stop_capture()


async def gnutls_rekey(lab):
    """gnutls-cli: KeyUpdate in TLS 1.3, renegotiation in TLS 1.2, in the middle of a session."""
    lab.peer("gnutls-cli 3.7.9")
    lab.capture("toc", ports=[9443, 9444])
    rows = [(9443, V.TLSv1_3, "^rekey^", "1.3"), (9444, V.TLSv1_2, "^renegotiate^", "1.2")]
    for port, v, command, version in rows:
        await lab.serve_wss(lab.context(True, version=v, options=MAY_RENEGOTIATE), port)
        path = lab.fresh(f"client/{port}")
        c = await piped(lab, "gnutls-cli", "--insecure", "--inline-commands", "--logfile", "/dev/null", "--sni-hostname", NAME, "--port", str(port), SERVER,
                        env={"SSLKEYLOGFILE": lab.keys("client")})
        await c.send(upgrade(path))
        await c.until(b"\r\n\r\n")
        for text in (b"one", b"two", b"three"):
            await c.frames(text)
            await c.send(command.encode() + b"\n")
            await asyncio.sleep(0.3)
        await c.frames(b"four")
        said = await c.close(4200, command)
        await asyncio.sleep(0.3)
        ws = SimpleNamespace(version=version, here=lab.log["at " + path], path=path, suite=None)
        lab.expect_ws(ws, command, 4200, "client", reason=command, port=port, logged={"client": said, "server": lab.log.get(path)})
        await asyncio.wait_for(c.p.wait(), 5)
    await lab.stop_capture()


async def in_page(lab, name, browser):
    """A browser's page over TLS 1.3 and 1.2, what its API reports of each."""
    lab.peer(name)
    ends = [e for e in ENDS if e[0] not in ("client/4001/bye", "client/fin")] + [("client/4001/bye", dict(code=4001, by="client", reason="bye"))]
    lab.capture("toc", ports=[9443, 9444])
    for port, v, version in ((9443, V.TLSv1_3, "1.3"), (9444, V.TLSv1_2, "1.2")):
        await lab.serve_wss(lab.context(True, version=v), port)
        urls = [f"wss://{SERVER}:{port}{p}" for p in paths(ends)]
        told = await browser(PAGE.replace("URLS", json.dumps(urls)), len(urls))
        for p, (_, want) in zip(paths(ends), ends):
            said = next(t for t in told if t["path"] == p)
            ws = SimpleNamespace(version=version, here=lab.log["at " + p], path=p, suite=None)
            lab.expect_ws(ws, name, port=port, sni=None, client_saw={k: said[k] for k in ("code", "reason", "clean")}, logged={"client": said, "server": lab.log.get(p)}, **want)
    await lab.stop_capture()


async def chromium(lab):
    """Chromium (BoringSSL) in a page: TLS 1.3 and 1.2."""
    await in_page(lab, "Chromium 156", lambda page, n: browse(lab, page, n))


async def firefox(lab):
    """Firefox (NSS) in a page: TLS 1.3 and 1.2."""
    await in_page(lab, "Firefox ESR 153", lambda page, n: browse_firefox(lab, page, n, [f"{SERVER}:9443", f"{SERVER}:9444"]))


SCENES = [node, go, gnutls, behind_nginx, behind_haproxy, early_data, gnutls_rekey, chromium, firefox]
