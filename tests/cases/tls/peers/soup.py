"""A WebSocket peer of libsoup 3 (WebKitGTK's stack) over GnuTLS, which writes SSLKEYLOGFILE; speaks the words of tlslab.py.

usage: soup.py server PORT CERT KEY          soup.py client ADDRESS PATH...
"""
import json, sys
from urllib.parse import unquote

import gi

gi.require_version("Soup", "3.0")
from gi.repository import Gio, GLib, Soup  # noqa: E402

LOOP = GLib.MainLoop()


def log(**e):
    print(json.dumps(e), flush=True)


def layers(ws):
    """The TLS connection of a WebSocket and the TCP connection below it."""
    tls = ws.get_io_stream()
    while not isinstance(tls, Gio.TlsConnection):
        tls = tls.get_property("base-iostream")
    return tls, tls.get_property("base-io-stream")


def end(ws, what, reason):
    if what.isdigit():
        ws.close(int(what), reason or None)
    elif what == "empty":
        ws.close(1005, None)
    elif what == "fin":
        layers(ws)[0].close(None)  # close_notify, then FIN
    else:
        layers(ws)[1].get_socket().shutdown(True, True)


def words(path):
    _, _, who, what, *reason = unquote(path).split("/")
    return who, what, reason[0].replace("_", " ") if reason else ""


def watch(ws, path, done):
    def closed(ws):
        code = ws.get_close_code() or 1006
        log(path=path, code=code, reason=(ws.get_close_data() or "") if code != 1006 else "")
        done()
    ws.connect("closed", closed)
    ws.connect("error", lambda *_: None)


def serve(port, cert, key):
    server = Soup.Server()
    server.set_tls_certificate(Gio.TlsCertificate.new_from_files(cert, key))
    kept = []

    def opened(server, message, path, ws):
        path = message.get_uri().to_string_partial(GLib.UriHideFlags.NONE)
        path = "/" + path.split("/", 3)[3]
        kept.append(ws)
        _, what, reason = words(path)
        ws.connect("message", lambda ws, kind, data: end(ws, what, reason) if data.get_data() == b"go" else ws.send_text(data.get_data().decode()))
        watch(ws, path, lambda: None)
    server.add_websocket_handler(None, None, None, opened)
    server.listen_all(int(port), Soup.ServerListenOptions.HTTPS | Soup.ServerListenOptions.IPV4_ONLY)
    log(ready=True)
    LOOP.run()


def client(address, paths):
    session = Soup.Session()
    paths = list(paths)

    def following():
        if not paths:
            return LOOP.quit()
        path = paths.pop(0)
        message = Soup.Message.new("GET", f"wss://{address}{path}")
        message.connect("accept-certificate", lambda *_: True)

        def opened(session, result):
            try:
                ws = session.websocket_connect_finish(result)
            except GLib.Error as x:
                log(failed=path, error=x.message)
                return following()
            tls = message.get_tls_protocol_version().value_nick
            local = layers(ws)[1].get_local_address()
            log(at=path, address=f"{local.get_address().to_string()}:{local.get_port()}", suite=message.get_tls_ciphersuite_name(), version=tls)
            who, what, reason = words(path)
            following.ws = ws
            ws.connect("message", lambda ws, kind, data: ws.send_text("go") if who == "server" else end(ws, what, reason))
            watch(ws, path, lambda: GLib.timeout_add(150, following))
            ws.send_text("hello")
        session.websocket_connect_async(message, None, None, GLib.PRIORITY_DEFAULT, None, opened)
        return False
    following()
    LOOP.run()


if sys.argv[1] == "server":
    serve(*sys.argv[2:])
else:
    client(sys.argv[2], sys.argv[3:])
