"""Key logs that grow, also after the rights to open them are gone."""
import contextlib, os, shutil, signal, socket, ssl, struct, subprocess, threading, time, unittest

from case import NOBODY, Case, ask
from lab import ACCEPT, KEY, frame, until


def line(client):
    return f"CLIENT_RANDOM {client:02x}" + f"{client:02x}" * 31 + " " + f"{client:02x}" * 48 + "\n"


def append(path, text):
    with open(path, "a") as f:
        f.write(text)


class Logs(Case):
    def knows(self, live, words):
        """It says so when asked."""
        def asked():
            live.p.send_signal(signal.SIGUSR1)
            time.sleep(0.4)
            return words in live.err()
        self.assertTrue(until(asked), live.err())

    def secret_file(self, text, mode=0o600):
        path = os.path.join(self.dir(mode=0o755), "keys")
        append(path, text)
        os.chmod(path, mode)
        return path


class Keys(Logs):
    def test_read_on_without_rights(self):
        """Opened as root, 0600, read on as nobody; half a line at a time."""
        keys = self.secret_file(line(1))
        live = self.live(os.path.join(self.dir(), "x.db"), "--keylog", keys)
        self.harmless(live, NOBODY)
        self.knows(live, "1 TLS secret,")
        append(keys, line(2) + line(3)[:50])
        self.knows(live, "2 TLS secrets,")
        append(keys, line(3)[50:])
        self.knows(live, "3 TLS secrets,")
        append(keys, "rubbish\n")
        self.assertTrue(until(lambda: f"{keys}: line 4 cannot be read; the others count" in live.err()), live.err())
        append(keys, "more rubbish\n")
        self.knows(live, "3 TLS secrets, none of a connection that was seen, 2 lines of key logs that cannot be read\n")
        self.assertEqual(live.stop(), 0)
        self.assertEqual(live.err().count("cannot be read; "), 1, live.err())

    def test_replaced_by_what_may_not_be_opened(self):
        """Said once; when it may be, it is read."""
        keys = self.secret_file(line(1))
        live = self.live(os.path.join(self.dir(), "x.db"), "--keylog", keys)
        other = self.secret_file(line(2))
        os.rename(other, keys)
        words = f"{keys}: Permission denied; the secrets in it are not read"
        self.assertTrue(until(lambda: words in live.err()), live.err())
        time.sleep(1)
        self.knows(live, "1 TLS secret,")
        os.chmod(keys, 0o644)
        self.knows(live, "2 TLS secrets,")
        self.assertEqual(live.stop(), 0)
        self.assertEqual(live.err().count(words), 1, live.err())

    def test_not_there_yet(self):
        keys = os.path.join(self.dir(), "keys")
        for how in ((["--keylog", keys], {}), ([], {"SSLKEYLOGFILE": keys})):
            with self.subTest(how):
                live = self.live("none", *how[0], env=how[1])
                self.assertIn(f"{keys}: is not there yet; it is read once it is", live.err())
                append(keys, line(1))
                os.chmod(keys, 0o644)
                self.knows(live, "1 TLS secret,")
                os.unlink(keys)
                append(keys, line(2))
                os.chmod(keys, 0o644)
                self.knows(live, "2 TLS secrets,")
                self.assertEqual(live.stop(), 0)
                os.unlink(keys)

    def test_pipe(self):
        """Never waited for."""
        keys = os.path.join(self.dir(), "keys")
        os.mkfifo(keys)
        live = self.live("none", "--keylog", keys)
        for n in (1, 2):
            append(keys, line(n))
            self.knows(live, f"{n} TLS secret{'s' if n > 1 else ''},")
        self.assertEqual(live.stop(), 0)

    def test_what_cannot_be_opened(self):
        d = self.dir()
        self.fails(self.live("none", "--keylog", d, ready=False), f"{d}: Is a directory")


@unittest.skipUnless(shutil.which("openssl"), "no openssl here, which makes a certificate")
class Late(Logs):
    """Secrets that come when the packets they are for have gone by."""

    def setUp(self):
        super().setUp()
        d = self.dir()
        self.log, self.followed, self.cert = (os.path.join(d, n) for n in ("log", "followed", "cert"))
        subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-keyout", self.cert + ".key", "-out", self.cert, "-days", "2", "-subj", "/CN=h"],
                       check=True, capture_output=True)

    def context(self, version, server):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        c.minimum_version = c.maximum_version = version
        if server:
            c.load_cert_chain(self.cert, self.cert + ".key")
        else:
            c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
            c.keylog_filename = self.log
        return c

    def session(self, version, code, at_each_step):
        """A WebSocket over TLS that the server closes; at_each_step() after the handshake of TLS, that of WebSocket, a message, and the end."""
        listener = socket.create_server(("127.0.0.1", 0))

        def serve():
            with listener, contextlib.suppress(OSError):
                s = self.context(version, True).wrap_socket(listener.accept()[0], server_side=True)
                s.recv(4096)
                s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + ACCEPT + b"\r\n\r\n")
                s.recv(99)
                s.sendall(frame(8, struct.pack("!H", code), False))
                s.recv(99)
                s.close()

        t = threading.Thread(target=serve)
        t.start()
        with self.context(version, False).wrap_socket(socket.create_connection(listener.getsockname())) as c:
            at_each_step(0)
            c.sendall(b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + KEY + b"\r\nSec-WebSocket-Version: 13\r\n\r\n")
            c.recv(4096)
            at_each_step(1)
            c.sendall(frame(1, b"hello", True))
            c.recv(99)
            at_each_step(2)
            c.sendall(frame(8, struct.pack("!H", code), True))
            c.recv(99)
        t.join()
        at_each_step(3)

    def test_secrets_that_come_late(self):
        """At each step; those before it wait."""
        append(self.followed, "")
        db = os.path.join(self.dir(), "x.db")
        live = self.live(db, "--keylog", self.followed)
        code = 4000
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for step in range(4):
                code += 1
                with open(self.log, "w"):
                    pass

                def told(now):
                    if now == step:
                        time.sleep(0.6)  # longer than a look at the file takes
                        with open(self.log) as f:
                            append(self.followed, f.read())
                        time.sleep(0.6)

                self.session(version, code, told)
        codes = "SELECT close_code FROM connections WHERE tls_version IS NOT NULL ORDER BY 1"
        until(lambda: len(ask(db, codes)) == 8)
        self.assertEqual(ask(db, codes), [(c,) for c in range(4001, 4009)], live.err())
        self.assertEqual(live.stop(), 0)
