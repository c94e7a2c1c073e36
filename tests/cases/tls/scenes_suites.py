"""Scenes about what protects the bytes: every suite family, key exchange and version, the same few endings in each."""
import asyncio, os, ssl, subprocess

from tlslab import NO_EMS, NO_ETM, SERVER

V = ssl.TLSVersion
# What `session` is told, and what it must come to.
ENDS = [
    ("server/1011/chyba_%C5%BE", dict(code=1011, by="server", reason="chyba ž")),
    ("client/4001/bye", dict(code=4001, by="client", reason="bye")),
    ("server/cut", dict(code=1006, by="server", ending="fin", evidence_not=["the server sent .*close_notify"])),
    ("client/empty", dict(code=1005, by="client", reason="")),
    ("client/fin", dict(code=1006, by="client", ending="fin", evidence=["the client sent .*close_notify"])),
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


async def secrets_block(lab):
    """TLS 1.3 and 1.2, the secrets in the capture itself: a pcapng with a Decryption Secrets Block, as editcap makes it."""
    await over(lab, [("TLS 1.3", dict(version=V.TLSv1_3), {}), ("TLS 1.2", dict(version=V.TLSv1_2), {})], 2)
    path, log = lab.path, lab.logs.pop()
    subprocess.run(["editcap", "--inject-secrets", f"tls,{log}", path, path + "ng"], check=True)
    lab.captures = [(path + "ng", None)]
    os.unlink(path)
    os.unlink(log)


async def tls12_gcm(lab):
    """TLS 1.2, AES-GCM with every key exchange, every ending; the server logs the keys."""
    suites = ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "AES128-GCM-SHA256", "AES256-GCM-SHA384"]
    await over(lab, rows12(suites), 2, client_log=False, server_log=True)


def rows12(suites, options=(("", 0),)):
    return [(s + label, dict(version=V.TLSv1_2, suites=s, options=o, cert="ec" if "ECDSA" in s else "rsa"), {}) for s in suites for label, o in options]


ETM = (("", 0), (", no encrypt-then-MAC", NO_ETM))


async def tls12_ccm(lab):
    """TLS 1.2, AES-CCM and AES-CCM-8."""
    await over(lab, rows12(["ECDHE-ECDSA-AES128-CCM", "ECDHE-ECDSA-AES256-CCM8", "DHE-RSA-AES256-CCM", "DHE-RSA-AES128-CCM8", "AES128-CCM", "AES256-CCM8"]), 1)


async def tls12_chacha(lab):
    """TLS 1.2, ChaCha20-Poly1305."""
    await over(lab, rows12(["ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305", "DHE-RSA-CHACHA20-POLY1305"]), 2)


async def tls12_cbc_sha(lab):
    """TLS 1.2, AES-CBC with SHA-1, each key exchange, with and without encrypt-then-MAC."""
    await over(lab, rows12(["ECDHE-RSA-AES128-SHA", "DHE-RSA-AES256-SHA", "AES128-SHA", "ECDHE-ECDSA-AES256-SHA"], ETM), 1)


async def tls12_cbc_sha2(lab):
    """TLS 1.2, AES-CBC with SHA-256 and SHA-384, with and without encrypt-then-MAC."""
    await over(lab, rows12(["ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA384", "DHE-RSA-AES256-SHA256", "AES128-SHA256"], ETM), 1)


async def tls12_no_ems(lab):
    """TLS 1.2 without extended master secret."""
    await over(lab, rows12(["ECDHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES128-SHA", "AES256-SHA256"], ((", no extended master secret", NO_EMS),)), 1)


async def tls13_ccm(lab):
    """TLS 1.3, AES-CCM and AES-CCM-8; the server logs the keys."""
    rows = [(s, dict(version=V.TLSv1_3, suites13=s), {}) for s in ("TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256")]
    await over(lab, rows, 2, server_log=True, client_log=False)


async def tls10_tls11(lab):
    """TLS 1.0 and 1.1, AES-CBC, with and without encrypt-then-MAC."""
    rows = [(f"{v.name} {s}{label}", dict(version=v, suites=s, options=o), {}) for v in (V.TLSv1, V.TLSv1_1) for s, (label, o) in
            zip(("ECDHE-RSA-AES256-SHA", "DHE-RSA-AES128-SHA", "AES128-SHA"), (*ETM, ETM[0]))]
    await over(lab, rows, 1)


SCENES = [tls13_suites, tls13_endings, secrets_block, tls12_gcm, tls12_ccm, tls12_chacha, tls12_cbc_sha, tls12_cbc_sha2, tls12_no_ems, tls13_ccm, tls10_tls11]
