"""Scenes about the handshake and what comes after it: resumption, renegotiation, key update, HelloRetryRequest, padding, refusals."""
import asyncio, ssl
from http import HTTPStatus

import websockets

from tlslab import CLIENT, MAY_RENEGOTIATE, NAME, OPENSSL, SERVER, behave, of_object
from scenes_suites import ENDS, V, over

UPGRADE = [x for h in ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==") for x in ("-H", h)]
NO_TICKET = ssl.OP_NO_TICKET
SSL_CTRL_GET_TOTAL_RENEGOTIATIONS = 12


async def resumed(lab, rows, count=3):
    """Connections with one client context: the first makes the session, the others take it up again."""
    lab.capture("toc", ports=[9443 + i for i in range(len(rows))])
    turn = 0
    for port, (label, server, client) in enumerate(rows, 9443):
        s = await lab.serve_wss(lab.context(True, **server), port)
        c = lab.context(False, log=True, resuming=True, **client)
        for i in range(count):
            tail, want = ENDS[turn % len(ENDS)]
            turn += 1
            ws = await lab.session(c, tail, port)
            again = ws.transport.get_extra_info("ssl_object").session_reused
            if again != (i > 0):
                raise RuntimeError(f"{label}: connection {i}: resumed {again}")
            lab.expect_ws(ws, f"{label}: {'resumed' if again else 'a new session'}", port=port, **want)
        s.close()
    await lab.stop_capture()


async def resumption(lab):
    """TLS 1.2 by session id and by ticket, TLS 1.3 by ticket."""
    await resumed(lab, [
        ("TLS 1.2, session id", dict(version=V.TLSv1_2, options=NO_TICKET), dict(version=V.TLSv1_2)),
        ("TLS 1.2, ticket", dict(version=V.TLSv1_2), dict(version=V.TLSv1_2)),
        ("TLS 1.2, AES-CBC, ticket", dict(version=V.TLSv1_2, suites="ECDHE-RSA-AES128-SHA256"), dict(version=V.TLSv1_2)),
        ("TLS 1.3, ticket", dict(version=V.TLSv1_3), dict(version=V.TLSv1_3)),
    ])


async def hello_retry(lab):
    """TLS 1.3, the server wants another group than the client's key share: HelloRetryRequest."""
    both = dict(version=V.TLSv1_3)
    await over(lab, [("P-521 wanted", both, dict(curve="secp521r1"))], 4, server_log=True)


async def padding(lab):
    """TLS 1.3, records padded to multiples of 300 bytes by the server, by both."""
    both = dict(version=V.TLSv1_3)
    await over(lab, [("by the server", both, dict(padding=300)), ("by both", dict(both, padding=300), {})], 3)


async def key_update(lab):
    """TLS 1.3, KeyUpdate by the client, answered or not, several times, then by the server."""
    lab.capture("toc", ports=[9443, 9444])
    answered, alone = 1, 0

    async def by_client(ws):
        for how in (answered, alone, answered):
            OPENSSL.SSL_key_update(of_object(ws), how)
            await ws.send("new keys")
            await ws.recv()

    async def server(ws):
        """Every message gets new keys."""
        async for text in ws:
            OPENSSL.SSL_key_update(of_object(ws), answered)
            if text == "go":
                return await ws.close(4321, "keys")
            await ws.send(text)

    c = lab.context(False, log=True, version=V.TLSv1_3)
    await lab.serve_wss(lab.context(True, version=V.TLSv1_3))
    await lab.serve_wss(lab.context(True, version=V.TLSv1_3, suites13="TLS_CHACHA20_POLY1305_SHA256"), 9444, server)
    for tail, want in ENDS[:4]:
        lab.expect_ws(await lab.session(c, tail, during=by_client), "updates by the client", **want)
    lab.expect_ws(await lab.session(c, "server/4321", 9444, during=by_client), "updates by both", 4321, "server", reason="keys", port=9444)
    await lab.stop_capture()


async def renegotiation(lab):
    """TLS 1.2, renegotiated in the middle of the session: by the client, by the server; AES-GCM and AES-CBC."""
    lab.capture("toc", ports=[9443, 9444, 9445, 9446])

    async def by_client(ws):
        OPENSSL.SSL_renegotiate(of_object(ws))
        for text in ("during", "after"):
            await ws.send(text)
            await ws.recv()

    async def server(ws):
        await ws.send(await ws.recv())
        OPENSSL.SSL_renegotiate(of_object(ws))
        await behave(ws)

    rows = [("ECDHE-RSA-AES128-GCM-SHA256", None, by_client), ("ECDHE-RSA-AES256-SHA384", None, by_client), ("AES128-GCM-SHA256", server, None), ("ECDHE-RSA-AES128-SHA", server, None)]
    for port, (suite, handler, during) in enumerate(rows, 9443):
        await lab.serve_wss(lab.context(True, version=V.TLSv1_2, suites=suite, options=MAY_RENEGOTIATE), port, handler)
        c = lab.context(False, log=True, version=V.TLSv1_2)
        for tail, want in ENDS[:2]:
            ws = await lab.session(c, tail, port, during=during or (lambda ws: asyncio.sleep(0.1)))
            if not OPENSSL.SSL_ctrl(of_object(ws), SSL_CTRL_GET_TOTAL_RENEGOTIATIONS, 0, None):
                raise RuntimeError(f"{suite}: not renegotiated")
            lab.expect_ws(ws, f"{suite}, renegotiated by the {'client' if during else 'server'}", port=port, **want)
    await lab.stop_capture()


async def client_certificate(lab):
    """The server asks for a certificate of the client, which has one."""
    both = [("TLS 1.3", dict(version=V.TLSv1_3)), ("TLS 1.2", dict(version=V.TLSv1_2))]
    lab.capture("toc", ports=[9443, 9444])
    for port, (label, o) in enumerate(both, 9443):
        s = lab.context(True, **o)
        s.verify_mode = ssl.CERT_OPTIONAL
        s.load_verify_locations(lab.certificate("ec")[0])
        c = lab.context(False, log=True, **o)
        c.load_cert_chain(*lab.certificate("ec"))
        await lab.serve_wss(s, port)
        for tail, want in ENDS[:2]:
            lab.expect_ws(await lab.session(c, tail, port), label, port=port, **want)
    await lab.stop_capture()


async def large(lab):
    """Messages of several records each way, over a link with small packets: records over many segments."""
    lab.run("m", "ip link set toc mtu 500")
    lab.run("c", "ip link set c0 mtu 500")
    lab.capture("toc", ports=[9443, 9444])

    async def during(ws):
        await ws.send("x" * 9000)
        await ws.recv()

    for port, o in ((9443, dict(version=V.TLSv1_3)), (9444, dict(version=V.TLSv1_2, suites="ECDHE-RSA-AES128-SHA"))):
        await lab.serve_wss(lab.context(True, **o), port)
        lab.expect_ws(await lab.session(lab.context(False, log=True, **o), ENDS[port % 2][0], port, during=during), "9000 bytes each way", port=port, **ENDS[port % 2][1])
    await lab.stop_capture()


async def refused_by_http(lab):
    """The upgrade is refused inside TLS, the connection begins a second request after a first; both roles log."""
    async def refuse(path, headers):
        return (HTTPStatus(403), [("Content-Type", "text/plain")], b"not for you\n") if path.endswith("403") else (HTTPStatus(401), [("WWW-Authenticate", "Basic realm=x")], b"")

    lab.capture("toc", ports=[9443])
    await lab.serve_wss(lab.context(True, log=True, version=V.TLSv1_3), process_request=refuse)
    for status in (403, 401):
        path = lab.fresh(str(status))
        s = lab.dial(f"{SERVER}:9443")
        here = "%s:%d" % s.getsockname()
        c = lab.context(False, log=True, version=V.TLSv1_3)
        try:
            await websockets.connect(f"wss://{NAME}{path}", sock=s, ssl=c, server_hostname=NAME)
        except websockets.InvalidStatusCode as x:
            lab.expect(here, path, "refused", server=f"{SERVER}:9443", logged={"client": {"status": x.status_code}}, outcome="handshake_failed", ending="rejected",
                       handshake_status=status, close_code=None, scheme="wss", sni=NAME, client_saw={"code": 1006, "clean": False})
    await lab.stop_capture()


async def refused_by_tls(lab):
    """No TLS connection comes about: the client does not trust the certificate; no version, no suite in common; a server that just hangs up."""
    cert, key = lab.certificate()
    lab.peer("OpenSSL s_server")
    ports = range(9443, 9448)
    for port, how in ((9443, ["-tls1_3"]), (9444, ["-tls1_2"]), (9445, ["-tls1_2"]), (9446, ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"])):
        lab.daemon("s", "openssl", "s_server", "-quiet", "-accept", str(port), "-cert", cert, "-key", key, *how)
    await lab.serve_wss(lab.context(True, version=V.TLSv1_2, suites="ECDHE-RSA-AES128-GCM-SHA256"), 9447)
    lab.capture("toc", ports=list(ports))
    rows = [  # curl's options, who says what
        ([], "client", "unknown_ca"),
        ([], "client", "unknown_ca"),
        (["-k", "--tlsv1.3"], "server", "protocol_version"),
        (["-k", "--ciphers", "ECDHE-RSA-AES256-GCM-SHA384", "--tls-max", "1.2"], "server", "handshake_failure"),
        (["-k", "--ciphers", "ECDHE-RSA-AES256-GCM-SHA384", "--tls-max", "1.2"], "server", None),
    ]
    lab.peer("curl 7.88 with OpenSSL")
    for port, (options, by, alert) in zip(ports, rows):
        local = port + 31000
        p = await lab.curl("-s", "--local-port", str(local), "--resolve", f"{NAME}:{port}:{SERVER}", *options, *UPGRADE, f"https://{NAME}:{port}/")
        lab.expect(f"{CLIENT}:{local}", None, f"{alert} by the {by}" if alert else "the server hangs up", server=f"{SERVER}:{port}", logged={"client": {"curl": p.returncode}},
                   outcome="handshake_failed", ending="tls_failed", close_code=[None, 1015], sni=NAME, closed_by=by, **({"evidence": [alert]} if alert else {}))
        lab.entries[-1]["optional"] = True  # nothing says that it was to be a WebSocket
    # asyncio's client sends no alert when it refuses a certificate, only a FIN.
    s = lab.dial(f"{SERVER}:9443")
    here = "%s:%d" % s.getsockname()
    try:
        await websockets.connect(f"wss://{NAME}/", sock=s, ssl=lab.context(False, trust=True), server_hostname=NAME)
    except ssl.SSLError as x:
        error = x.reason
    lab.expect(here, None, "refused without an alert", server=f"{SERVER}:9443", logged={"client": {"error": error}}, outcome="handshake_failed", ending="tls_failed",
               close_code=[None, 1015], sni=NAME, closed_by="client")
    lab.entries[-1]["optional"] = True
    await lab.stop_capture()


SCENES = [resumption, hello_retry, padding, key_update, renegotiation, client_certificate, large, refused_by_http, refused_by_tls]
