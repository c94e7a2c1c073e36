"""Scenes about what protects the bytes: every suite family, key exchange and version, the same few endings in each."""
import asyncio, ssl

from tlslab import NO_EMS, NO_ETM, SERVER

V = ssl.TLSVersion
# What `session` is told, and what it must come to.
ENDS = [
    ("server/1011/chyba_ž", dict(code=1011, by="server", reason="chyba ž")),
    ("client/4001/bye", dict(code=4001, by="client", reason="bye")),
    ("server/cut", dict(code=1006, by="server", ending="fin")),
    ("client/empty", dict(code=1005, by="client", reason="")),
    ("client/fin", dict(code=1006, by="client", ending="fin")),
    ("server/rst", dict(code=1006, by="server", ending="reset")),
]


async def over(lab, rows, each=2, during=None, **common):
    """Each row: (label, options of both contexts, options of the server's only). A server of its own for each, `each` endings, in turn."""
    ports = [9443 + i for i in range(len(rows))]
    lab.capture("toc", ports=ports)
    turn = 0
    for port, (label, both, server) in zip(ports, rows):
        s = await lab.serve_wss(lab.context(True, log=common.get("server_log", False), **{**both, **server}), port)
        c = lab.context(False, log=common.get("client_log", True), **{k: v for k, v in both.items() if k != "cert"})
        for _ in range(each):
            tail, want = ENDS[turn % len(ENDS)]
            turn += 1
            ws = await lab.session(c, tail, port, during=during)
            lab.expect_ws(ws, label, port=port, **want)
        s.close()
    await lab.stop_capture()


async def tls13_suites(lab):
    """TLS 1.3, its three main suites; both roles log the keys."""
    rows = [(s, dict(version=V.TLSv1_3, suites13=s), {}) for s in ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256")]
    await over(lab, rows, 2, server_log=True)


async def tls13_endings(lab):
    """TLS 1.3, every ending."""
    await over(lab, [("TLS 1.3", dict(version=V.TLSv1_3), {})], len(ENDS))


async def tls12_gcm(lab):
    """TLS 1.2, AES-GCM with every key exchange, every ending; the server logs the keys."""
    suites = ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "AES128-GCM-SHA256", "AES256-GCM-SHA384"]
    await over(lab, rows12(suites), 2, client_log=False, server_log=True)


def rows12(suites, options=(("", 0),)):
    return [(s + label, dict(version=V.TLSv1_2, suites=s, options=o, cert="ec" if "ECDSA" in s else "rsa"), {}) for s in suites for label, o in options]


SCENES = [tls13_suites, tls13_endings, tls12_gcm]
