#!/usr/bin/python3
"""Records what real peers say: `openssl s_client` and `s_server` through a relay on loopback, one fixture a situation.

    python3 record.py [NAME...]

Each fixture NAME.tls is text: `keys` a line of the key log, `new` a connection begins, `c2s` and `s2c` bytes as they were read from TCP,
`says c2s` and `says s2c` the application data that were sent. Only what a test needs is recorded; the bytes differ with each run.
"""
import pathlib
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).parent
PAUSE = 0.12  # between two lines: each becomes a record of its own
LINES = [(who, f"{i} {who} says line {i} " + "abcdefghij" * i + "\n") for i in range(1, 6) for who in ("c2s", "s2c")]
BIG = "9" + "".join(chr(32 + (i * 7 + i // 95) % 95) for i in range(19998)) + "\n"

EC, RSA = "ec", "rsa"
# name: (certificate, options of both, of the client, of the server, what is said)
PLAIN = {
    "tls13-aes128-gcm": (EC, "-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256", "-servername chat.example -alpn http/1.1,h2", "-alpn http/1.1", LINES),
    "tls13-aes256-gcm": (EC, "-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384", "", "", LINES),
    "tls13-chacha20": (EC, "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256", "", "", LINES),
    "tls13-ccm": (EC, "-tls1_3 -ciphersuites TLS_AES_128_CCM_SHA256", "", "", LINES),
    "tls13-ccm8": (EC, "-tls1_3 -ciphersuites TLS_AES_128_CCM_8_SHA256 -cipher ALL:@SECLEVEL=0", "", "", LINES),
    "tls13-padding": (EC, "-tls1_3 -record_padding 512", "", "", LINES),
    "tls13-retry": (EC, "-tls1_3", "-groups X25519:P-384", "-groups P-384", LINES),
    "tls13-key-update": (EC, "-tls1_3", "", "",
                         LINES[:4] + [("c2s", "k\n")] + LINES[4:6] + [("s2c", "K\n")] + LINES[6:8] + [("c2s", "K\n"), ("c2s", "k\n")] + LINES[8:]),
    "tls13-fragments": (EC, "-tls1_3 -max_send_frag 512", "", "", LINES[:4] + [("s2c", BIG[:3000] + "\n")]),
    "tls13-big": (EC, "-tls1_3", "", "", LINES[:2] + [("s2c", BIG)] + LINES[2:4]),
    "tls13-client-certificate": (EC, "-tls1_3 -cert {cert} -key {key}", "", "-Verify 1", LINES[:4]),
    "tls12-aes128-gcm": (EC, "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", "-servername chat.example -alpn h2,http/1.1", "-alpn h2", LINES),
    "tls12-aes256-gcm": (EC, "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384", "", "", LINES),
    "tls12-chacha20": (EC, "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305", "", "", LINES),
    "tls12-ccm": (EC, "-tls1_2 -cipher ECDHE-ECDSA-AES128-CCM", "", "", LINES),
    "tls12-ccm8": (EC, "-tls1_2 -cipher ECDHE-ECDSA-AES256-CCM8:@SECLEVEL=0", "", "", LINES),
    "tls12-cbc-sha1": (EC, "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", "", "", LINES),
    "tls12-cbc-sha1-mac-first": (EC, "-tls1_2 -no_etm -cipher ECDHE-ECDSA-AES128-SHA", "", "", LINES),
    "tls12-cbc-sha256": (EC, "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256", "", "", LINES),
    "tls12-cbc-sha384": (EC, "-tls1_2 -cipher ECDHE-ECDSA-AES256-SHA384", "", "", LINES),
    "tls12-cbc-sha384-mac-first": (EC, "-tls1_2 -no_etm -cipher ECDHE-ECDSA-AES256-SHA384", "", "", LINES),
    "tls12-rsa": (RSA, "-tls1_2 -cipher AES256-GCM-SHA384", "", "", LINES),
    "tls12-dhe": (RSA, "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256", "", "", LINES),
    "tls12-fragments": (EC, "-tls1_2 -max_send_frag 512 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", "", "", LINES[:4] + [("s2c", BIG[:3000] + "\n")]),
    "tls12-renegotiation": (EC, "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", "", "-client_renegotiation", LINES[:4] + [("c2s", "R\n")] + LINES[4:]),
    "tls12-big": (EC, "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", "", "", LINES[:2] + [("s2c", BIG)] + LINES[2:4]),
    "tls11-cbc": (RSA, "-tls1_1 -cipher AES128-SHA:@SECLEVEL=0", "", "", LINES),
    "tls11-cbc-mac-first": (RSA, "-tls1_1 -no_etm -cipher AES256-SHA:@SECLEVEL=0", "", "", LINES),
    "tls10-cbc": (RSA, "-tls1 -cipher AES128-SHA:@SECLEVEL=0", "", "", LINES),
    "tls10-cbc-mac-first": (RSA, "-tls1 -no_etm -cipher AES256-SHA:@SECLEVEL=0", "", "", LINES),
}
# ... and of a second connection, which resumes the first
RESUMED = {
    "tls12-resumed-ticket": (EC, "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", "", "", LINES[:4]),
    "tls12-resumed-id": (EC, "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256 -no_ticket", "", "", LINES[:4]),
    "tls13-resumed": (EC, "-tls1_3", "", "", LINES[:4]),
    "tls13-early": (EC, "-tls1_3", "", "-early_data", LINES[:4]),
    "tls13-early-refused": (EC, "-tls1_3", "", "-early_data", LINES[:4]),
}
EARLY = "0 early " + "early bird " * 20 + "\n"
# Handshakes that fail, in the clear
FAILED = {
    "tls12-no-common-suite": (EC, "-tls1_2", "-cipher ECDHE-ECDSA-AES128-GCM-SHA256", "-cipher ECDHE-ECDSA-AES256-GCM-SHA384", []),
}


def certificate(folder, kind):
    cert, key = folder / f"{kind}.crt", folder / f"{kind}.key"
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == EC else ["-newkey", "rsa:2048"]
    subprocess.run(["openssl", "req", "-x509", *new, "-nodes", "-subj", "/CN=chat.example", "-days", "1", "-keyout", key, "-out", cert],
                   check=True, stderr=subprocess.DEVNULL)
    return cert, key


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Relay(threading.Thread):
    """One connection at a time, its bytes written down as they were read."""

    def __init__(self, to):
        super().__init__(daemon=True)
        self.to, self.log = to, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.to))
            self.log.append(("new", b""))
            self.carry(client, server)

    def carry(self, client, server):
        open_ends = {client: ("c2s", server), server: ("s2c", client)}
        while open_ends:
            for end in select.select(list(open_ends), [], [])[0]:
                name, other = open_ends[end]
                try:
                    data = end.recv(65536)
                except ConnectionError:
                    data = b""
                if data:
                    self.log.append((name, data))
                    other.sendall(data)
                else:
                    del open_ends[end]
                    try:
                        other.shutdown(socket.SHUT_WR)
                    except OSError:
                        pass
        client.close()
        server.close()


def client(port, options, keylog, server, said):
    """Runs one client; says what is to be said on both sides. Returns the application data."""
    c = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-keylogfile", keylog, *options], stdin=subprocess.PIPE,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    says = {"c2s": "", "s2c": ""}
    for who, line in said:
        end = c if who == "c2s" else server
        end.stdin.write(line.encode())
        end.stdin.flush()
        if line[0] not in "kKR":
            says[who] += line
        time.sleep(PAUSE)
    c.stdin.close()
    c.wait(timeout=10)
    time.sleep(PAUSE)
    return says


def record(name, folder, certs, plan, runs):
    kind, both, of_client, of_server, said = plan
    cert, key = certs[kind]
    keylog, session = folder / f"{name}.keys", folder / f"{name}.session"
    both = both.format(cert=cert, key=key).split()
    port = free_port()
    server = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-cert", cert, "-key", key, *both, *of_server.split()],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    relay = Relay(port)
    relay.start()
    text = []
    try:
        for run in range(runs):
            options = both + of_client.split()
            if runs > 1:
                options += ["-sess_out", session] if run == 0 else ["-sess_in", session]
            early = "early" in name and run > 0
            if early:
                (folder / "early").write_text(EARLY)
                options += ["-early_data", folder / "early"]
            keylog.unlink(missing_ok=True)
            relay.log.clear()
            says = client(relay.port, options, keylog, server, said)
            if early and name != "tls13-early-refused" or early and run == 1:
                says["c2s"] = EARLY + says["c2s"]
            if name == "tls13-early-refused" and run < 2:
                continue  # the same ticket once more is refused
            if keylog.exists():
                text += [f"keys {line}" for line in keylog.read_text().splitlines() if not line.startswith("#")]
            text += [f"{what} {data.hex()}".strip() for what, data in relay.log]
            text += [f"says {who} {says[who].encode().hex()}" for who in says if says[who]]
    finally:
        server.kill()
        server.wait()
    (HERE / f"{name}.tls").write_text("\n".join(text) + "\n")
    print(name)


def main():
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        certs = {kind: certificate(folder, kind) for kind in (EC, RSA)}
        for plans, runs in ((PLAIN, 1), (RESUMED, 2), (FAILED, 1)):
            for name, plan in plans.items():
                if not wanted or name in wanted:
                    record(name, folder, certs, plan, 3 if name == "tls13-early-refused" else runs)


main()
