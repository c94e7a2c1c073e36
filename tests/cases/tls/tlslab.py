"""The laboratory of ../causes with TLS: certificates, key logs of each role, Python's websockets over any suite that OpenSSL has.

What Python's ssl does not offer (suites of TLS 1.3, record padding, key update, renegotiation) is called in the libssl that Python itself uses.
"""
import asyncio, contextlib, ctypes, os, socket, ssl, struct, subprocess, sys
from urllib.parse import unquote

from websockets.frames import Close

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "causes"))
from lab import CLIENT, MIDDLE_C, MIDDLE_S, PYTHON, SERVER, Lab, close_body, frame, saw  # noqa: F401: the scenes take theirs from here

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = "sample.example"
OPENSSL = ctypes.CDLL("libssl.so.3")
OPENSSL.SSL_CTX_ctrl.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_void_p]
NO_ETM, NO_EMS, MAY_RENEGOTIATE = 1 << 19, 1 << 0, 1 << 8  # SSL_OP_*
SSL_CTRL_SET_DH_AUTO, SSL_CTRL_SET_GROUPS_LIST = 118, 92


def of_context(context):
    """The SSL_CTX of an ssl.SSLContext."""
    return ctypes.c_void_p.from_address(id(context) + 16)


def of_object(ws):
    """The SSL of a websockets connection."""
    return ctypes.c_void_p.from_address(id(ws.transport.get_extra_info("ssl_object")._sslobj) + 24)


class Resuming(ssl.SSLContext):
    """A client's context that offers the session of its last connection again."""

    last = None

    def wrap_bio(self, *args, **kw):
        o = super().wrap_bio(*args, **kw)
        if self.last is not None and self.last.session is not None:
            o.session = self.last.session
        self.last = o
        return o


class TlsLab(Lab):
    def __init__(self, name, out):
        super().__init__(name, out)
        self.logs = []  # key logs that were written
        self.paths = 0

    # ---- certificates and contexts ----

    def certificate(self, kind="rsa"):
        """(certificate, key): self-signed for NAME."""
        cert, key = (os.path.join(self.tmp, f"{kind}.{x}") for x in ("crt", "key"))
        if not os.path.exists(cert):
            how = ["rsa:2048"] if kind == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
            subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", *how, "-keyout", key, "-out", cert, "-days", "3650", "-subj", f"/CN={NAME}",
                            "-addext", f"subjectAltName=DNS:{NAME}"], check=True, capture_output=True)
            os.chmod(key, 0o644)
        return cert, key

    def keys(self, role):
        """Path of the key log of one role; it is part of the truth from then on."""
        path = os.path.join(self.out, f"{self.name}.{role}.keys")
        if path not in self.logs:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            self.logs.append(path)
        return path

    def context(self, server, log=False, suites=None, version=None, oldest=None, options=0, cert="rsa", alpn=None, curve=None, suites13=None, padding=0, resuming=False, trust=False):
        """An ssl.SSLContext; `version` is the only one it speaks, or the newest if `oldest` is given."""
        c = (Resuming if resuming else ssl.SSLContext)(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        if suites or (version and version < ssl.TLSVersion.TLSv1_2):
            c.set_ciphers((suites or "ALL") + ":@SECLEVEL=0")
        if version:
            c.maximum_version = version
            c.minimum_version = oldest or version
        if suites13 and not OPENSSL.SSL_CTX_set_ciphersuites(of_context(c), suites13.encode()):
            raise ValueError(suites13)
        if padding:
            OPENSSL.SSL_CTX_set_block_padding(of_context(c), ctypes.c_size_t(padding))
        c.options |= options
        if alpn:
            c.set_alpn_protocols(alpn)
        if log:
            c.keylog_filename = self.keys("server" if server else "client")
        if server:
            c.load_cert_chain(*self.certificate(cert))
            OPENSSL.SSL_CTX_ctrl(of_context(c), SSL_CTRL_SET_DH_AUTO, 1, None)
            if curve:
                c.set_ecdh_curve(curve)
        else:
            c.check_hostname = False
            c.verify_mode = ssl.CERT_REQUIRED if trust else ssl.CERT_NONE
        return c

    # ---- sessions ----

    def fresh(self, tail):
        """A path that no other connection of the scene has."""
        self.paths += 1
        return f"/{self.paths}/{tail}"

    async def wss(self, path, context, port=9443, to=None, **options):
        ws = await self.connect(path, to or f"{SERVER}:{port}", host=NAME, ssl=context, server_hostname=NAME, **options)
        ws.suite = ws.transport.get_extra_info("cipher")[0]
        ws.version = ws.transport.get_extra_info("ssl_object").version().removeprefix("TLSv")
        return ws

    async def serve_wss(self, context, port=9443, handler=None, **options):
        return await self.serve(handler or behave, port, ssl=context, **options)

    async def session(self, context, tail, port=9443, during=None, **options):
        """One WebSocket: talks, then asks the server to do what `tail` says, or ends by itself. Returns when both are done."""
        ws = await self.wss(self.fresh(tail), context, port, **options)
        await talk(ws)
        if during:
            await during(ws)
            await talk(ws)
        await finish(ws)
        await asyncio.sleep(0.1)
        return ws

    async def curl(self, *options):
        return await asyncio.to_thread(subprocess.run, ["ip", "netns", "exec", self.spaces["c"], "curl", *options], capture_output=True,
                                       env={**os.environ, "SSLKEYLOGFILE": self.keys("client")}, timeout=20)

    def saw_both(self, ws):
        return {"client": saw(ws), "server": self.log.get(ws.path)}

    def expect_ws(self, ws, setup, code, by, ending="close_handshake", reason=None, port=9443, logged=None, server=None, **expect):
        """The truth of one connection of `session`."""
        version = "1.0" if ws.version == "1" else ws.version
        expect = {"outcome": "closed", "close_code": code, "closed_by": by, "ending": ending, "scheme": "wss", "tls_version": version, "sni": NAME,
                  "handshake_status": 101, **expect}
        if reason is not None:
            expect["reason"] = reason
        logged = self.saw_both(ws) if logged is None else logged
        for side, l in logged.items():
            if l:
                expect.setdefault(f"{side}_saw", {k: l[k] for k in ("code", "reason")})
        self.expect(ws.here, ws.path, setup, server=server or f"{SERVER}:{port}", logged={"suite": ws.suite, **logged}, **expect)

    def truth(self):
        """tcp_end is read off the packets by tshark: which FIN or RST was first is no matter of keys, and no endpoint knows it."""
        first = first_ends(self.path)
        for e in self.entries:
            end = first.get((e["client"], e["server"]))
            if end and e["expect"].get("http") != "2":  # streams may end long before TCP does
                e["expect"]["tcp_end"], e["expect"]["tcp_end_by"] = end
                if e["expect"]["ending"] in ("fin", "reset"):  # what was asked of a library is not always what it does
                    e["expect"]["ending"] = {"fin": "fin", "rst": "reset"}[end[0]]
        t = super().truth()
        return {"captures": t["captures"], "keylog": [os.path.basename(p) for p in self.logs], **{k: v for k, v in t.items() if k not in ("captures", "findings")}}


def first_ends(path):
    """{(client, server): (fin or rst, by)} of each TCP connection."""
    p = subprocess.run(["tshark", "-r", path, "-T", "fields", "-E", "separator=,", "-e", "tcp.stream", "-e", "ip.src", "-e", "tcp.srcport", "-e", "ip.dst", "-e", "tcp.dstport",
                        "-e", "tcp.flags.fin", "-e", "tcp.flags.reset", "-e", "tcp.flags.syn", "-e", "tcp.flags.ack"], capture_output=True, text=True, check=True)
    who, ends = {}, {}
    for line in p.stdout.splitlines():
        stream, src, sport, dst, dport, fin, rst, syn, ack = line.split(",")
        if syn == "1" and ack == "0":
            who[stream] = (f"{src}:{sport}", f"{dst}:{dport}")
        if stream in who and (fin == "1" or rst == "1"):
            by = "client" if f"{src}:{sport}" == who[stream][0] else "server"
            ends.setdefault(who[stream], ("fin" if fin == "1" else "rst", by))
    return ends


async def talk(ws):
    await ws.send("hello")
    await ws.recv()


async def finish(ws):
    """The client's part of what the path says: /N/WHO/WHAT/REASON."""
    _, _, who, what, *reason = ws.path.split("/")
    with contextlib.suppress(Exception):
        if who == "server":
            await ws.send("go")
            await ws.wait_closed()
        else:
            await end(ws, what, reason)


async def behave(ws):
    """The server's part: answers until it is told to go."""
    _, _, who, what, *reason = ws.path.split("/")
    async for text in ws:
        if text == "go":
            await asyncio.sleep(0.05)
            await end(ws, what, reason)
            break
        await ws.send(text)


async def end(ws, what, reason):
    """A number: Close with that code. empty: Close without one. fin: the end of TLS and TCP, no Close. cut: FIN without close_notify. rst: an RST."""
    if what.isdigit():
        await ws.close(int(what), unquote(reason[0]).replace("_", " ") if reason else "")
    elif what == "empty":
        await ws.write_close_frame(Close(1005, ""), b"")
        await ws.wait_closed()
    elif what == "fin":
        ws.transport.close()
    elif what == "cut":
        ws.transport.abort()
    else:
        ws.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        ws.transport.abort()
