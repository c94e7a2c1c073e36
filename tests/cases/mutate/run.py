#!/usr/bin/env python3
"""Damage captures at random: a verdict may become `unknown`, never a wrong certain one.

usage: run.py WSCLOSE [RUNS] [FOLDER]

First those of KNOWN, which once gave a wrong verdict. Every classic pcap in FOLDER (default: samples/) is read whole once, with the key logs beside it; then RUNS times (default 300, over all captures) with packets dropped,
doubled, swapped with a neighbour, moved further, cut short, or with bits flipped, by a fixed seed. Each connection's record is compared with the one of the whole capture.
What would be a wrong certain verdict is in `wrong()`.
"""
import glob, json, os, random, struct, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
from verdicts import keylogs, with_keys


def packets(data):
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at, out = 24, []
    while at + 16 <= len(data):
        caplen = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        out.append(data[at:at + 16 + caplen])
        at += 16 + caplen
    return order, out


def drop(rng, ps, order):
    n = rng.choice([1, 1, 2, 3])
    gone = set(rng.sample(range(len(ps)), min(n, len(ps))))
    return [p for i, p in enumerate(ps) if i not in gone]


def drop_run(rng, ps, order):
    at = rng.randrange(len(ps))
    return ps[:at] + ps[at + rng.randrange(1, 6):]


def cut_end(rng, ps, order):
    return ps[:rng.randrange(1, len(ps) + 1)]


def cut_start(rng, ps, order):
    return ps[rng.randrange(len(ps)):]


def double(rng, ps, order):
    at = rng.randrange(len(ps))
    return ps[:at + 1] + ps[at:]


def swap(rng, ps, order):
    """Neighbours change places, as where two interfaces are merged; the times stay in order."""
    ps = list(ps)
    for _ in range(rng.choice([1, 2, 4])):
        at = rng.randrange(len(ps) - 1) if len(ps) > 1 else 0
        if len(ps) > 1:
            a, b = ps[at], ps[at + 1]
            ps[at], ps[at + 1] = a[:8] + b[8:], b[:8] + a[8:]
    return ps


def move(rng, ps, order):
    """Packets come up to eight places late; the times stay in order."""
    heads, bodies = [p[:8] for p in ps], [p[8:] for p in ps]
    for _ in range(rng.choice([1, 2, 4])):
        at = rng.randrange(len(bodies))
        bodies.insert(at + rng.randrange(1, 9), bodies.pop(at))
    return [h + b for h, b in zip(heads, bodies)]


def tls_payload(p):
    """Where the TCP payload of an Ethernet and IPv4 packet begins, if it begins with a TLS record."""
    eth = p[16:]
    tcp = 14 + (eth[14] & 15) * 4 if len(eth) > 14 else 0
    if len(eth) < tcp + 20 or eth[12:14] != b"\x08\x00" or eth[23] != 6:
        return None
    at = tcp + (eth[tcp + 12] >> 4) * 4
    return 16 + at if eth[at:at + 1] in (b"\x14", b"\x15", b"\x16", b"\x17") and eth[at + 1:at + 2] == b"\x03" else None


def flip(rng, ps, order):
    """A bit of what TLS protects is another. Of what is in the clear a flipped bit is all there is to see."""
    ps, tls = list(ps), [i for i, p in enumerate(ps) if tls_payload(p)]
    if not tls:
        return drop(rng, ps, order)
    for _ in range(rng.choice([1, 1, 2])):
        i = rng.choice(tls)
        at = rng.randrange(tls_payload(ps[i]), len(ps[i]))
        ps[i] = ps[i][:at] + bytes([ps[i][at] ^ 1 << rng.randrange(8)]) + ps[i][at + 1:]
    return ps


def truncate(rng, ps, order):
    """A snap length: every packet is cut."""
    snap = rng.choice([54, 60, 66, 70, 80, 96, 128, 200])
    return [p[:8] + struct.pack(order + "I", min(snap, len(p) - 16)) + p[12:16] + p[16:16 + snap] for p in ps]


# Folder beside this one, capture, kind, seed.
KNOWN = [
    ("tls", "unanswered", "drop", 72752287),  # the Close, which only the RST in answer to it speaks of
    ("tls", "tls12-chacha", "drop_run", 924745558),  # the request, and all but its end: frames passed before the 101 was read
    ("tls", "early-data", "drop_run", 830638558),  # the ServerHello: the client's bytes are told after the server's
    ("tls", "client-certificate", "drop_run", 667604175),  # the same: with acknowledgements that were the other side's
    ("tls", "behind-haproxy", "drop", 169456123),
    ("http2", "endings-padded", "drop_run", 772033284),  # the ServerHello: an RST_STREAM told late
    ("http2", "endings", "swap", 608479132),  # two END_STREAMs in the wrong order
    ("http2", "upgraded", "drop_run", 635828702),  # the request of an h2c upgrade: what the server said passed unread
    ("http2", "upgraded", "swap", 156452406),  # a FIN before the RST_STREAM that it had seen
    ("tls", "tls10-tls11", "drop", 368109066),  # all between a hello of TLS 1.0 and the data of TLS 1.1
    ("causes", "rst-firewall", "drop_run", 153128110),  # what a forged RST followed, but not its repetition
    ("causes", "not-crashed", "move", 604512288),  # a Close told behind its sender's RST
    ("http2", "behind-haproxy", "move", 914733533),  # an END_STREAM told behind the RST of who had acknowledged it
    ("tls", "chromium", "flip", 316184209),  # the length of a record, which then swallows the Close
    ("tls", "node", "swap", 655885849),  # a close_notify that answers a FIN, told before it
    ("tls", "node", "drop", 913638015),  # the same where that FIN is lost
    ("http2", "behind-haproxy", "flip", 923246141),  # a Close that did not decrypt, and whose gap was not told before the stream's end
    ("tls", "gnutls", "move", 34009086),  # a Close told behind the RST of who had acknowledged it
    ("tls", "unanswered", "swap", 71274146),  # a Close told behind the RST that acknowledges it
    ("tls", "go", "move", 498213526),  # the first byte of the request, alone in a record, told behind the 101
    ("http2", "behind-haproxy", "drop", 509680619),  # a request told behind the hole its answer was in
    ("tls", "behind-haproxy", "drop", 840554290),  # the same over HTTP/1
    ("causes", "rst-forged-and-data-after", "drop", 141944986),  # the forged RST: what is left answers it
    ("causes", "rst-firewall", "drop", 1010508854),
    ("http2", "crossing", "swap", 125199255),  # a Close that was sent again, told before its first sending
    ("http2", "firefox", "flip", 534172555),  # the type of a record, which then was thought forged, the Close in it with it
    ("tls", "padding", "swap", 875632064),  # a close_notify told after the answer to it and the FIN behind that
    ("tls", "go", "move", 768214711),  # the first byte of the request, alone in a record, told before the 101, the rest behind it
]

KINDS = {"drop": drop, "drop_run": drop_run, "cut_end": cut_end, "cut_start": cut_start, "double": double, "swap": swap, "truncate": truncate,
         "move": move, "flip": flip}


def records(binary, path, keys):
    p = subprocess.run([binary, "analyze", "--no-label", "--quiet", "--db", "none", "--format", "ndjson", *with_keys(keys), path], capture_output=True, timeout=60)
    if p.returncode not in (0, 3):
        sys.exit(f"{path}: exit {p.returncode}: {p.stderr.decode()}")
    return [json.loads(line) for line in p.stdout.decode().splitlines()]


def key(r):
    """Streams of one HTTP/2 connection are told apart by their paths."""
    return (*sorted((r["client"], r["server"])), r["path"] if r["http"] == "2" else None)


def wrong(kind, before, after):
    """Why |after| is a wrong certain verdict where |before| is the truth; None if it is not."""
    lossless = kind in ("double", "swap")
    if (before["client"], before["server"]) != (after["client"], after["server"]):
        return "client and server changed places"
    if before["outcome"] == "closed" and before["close_code"] != 1006 and after["close_code"] == 1006 and after["code_source"] == "inferred":
        return "1006 where a Close was sent"
    if before["outcome"] in ("closed", "open") and after["outcome"] == "handshake_failed":
        return "the handshake failed"
    invented = {(v["by"], v["rule"]) for v in after["violations"]} - {(v["by"], v["rule"]) for v in before["violations"]}
    if invented and len(before["violations"]) < 8:
        return f"violations nobody made: {sorted(invented)}"
    codes = {before["close_code"]} | {before[s]["code"] for s in ("client_close", "server_close") if before[s]}
    if after["close_code"] is not None and after["close_code"] not in codes and not (after["close_code"] == 1005 and {None} & codes):
        return f"code {after['close_code']}"
    if after["closed_by"] is not None and before["closed_by"] is not None and after["closed_by"] != before["closed_by"]:
        # A capture that stops before a Close that crossed shows only the other; one that lacks its first sending shows it as an answer. In another order
        # they still crossed.
        crossed = before["closed_by"] == "both" and kind in ("cut_end", "drop", "drop_run", "flip")
        if after["outcome"] == "closed" and not crossed and after["closed_by"] != "both":
            return f"closed by {after['closed_by']}"
    if after["outcome"] == "open" and before["outcome"] == "closed" and after["tcp_end"] != "none":
        return "open, with an end of TCP in sight"
    # Closes that crossed: the code is that of the first on the wire (SPEC section 3), which is the order of the packets.
    crossing = before["closed_by"] == "both" == after["closed_by"]
    if lossless and (after["outcome"], after["close_code"]) != (before["outcome"], before["close_code"]) and not (kind == "swap" and crossing):
        return "nothing was lost, and the verdict changed"
    return None


def load(binary, path):
    """What the whole capture says, and its packets; None: nothing to compare with."""
    with open(path, "rb") as f:
        data = f.read()
    by_key = {}
    for r in records(binary, path, keylogs(path)):
        by_key.setdefault(key(r), []).append(r)
    # Only what is alone on its ports and was seen to its end can be compared.
    truth = {k: v[0] for k, v in by_key.items() if len(v) == 1 and v[0]["outcome"] in ("closed", "open") and not v[0]["midstream"]}
    return (path, data[:24], *packets(data), truth) if truth and data[:4] != b"\x0a\x0d\x0d\x0a" else None


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    folder = sys.argv[3] if len(sys.argv) > 3 else os.path.join(HERE, "..", "..", "..", "samples")
    rng = random.Random(20260102)
    captures = [c for c in (load(sys.argv[1], path) for path in sorted(glob.glob(os.path.join(folder, "*.pcap")))) if c]
    known = [(load(sys.argv[1], os.path.join(HERE, "..", k[0], k[1] + ".pcap")), k[2], k[3]) for k in KNOWN]
    bad = compared = unknown = 0
    with tempfile.TemporaryDirectory() as d:
        for n in range(-len(known), runs):
            kind = rng.choice(list(KINDS)) if n >= 0 else known[n][1]
            seed = rng.randrange(1 << 30) if n >= 0 else known[n][2]
            path, header, order, ps, truth = captures[n % len(captures)] if n >= 0 else known[n][0]
            name = os.path.basename(path)
            mutant = os.path.join(d, "m.pcap")
            with open(mutant, "wb") as f:
                f.write(header + b"".join(KINDS[kind](random.Random(seed), ps, order)))
            for r in records(sys.argv[1], mutant, keylogs(path)):
                before = truth.get(key(r))
                if before is None:
                    continue
                compared += 1
                unknown += r["outcome"] == "unknown"
                why = wrong(kind, before, r)
                if why:
                    bad += 1
                    print(f"{name}: {kind} (seed {seed}): {r['client']} > {r['server']} {before['path']}: {why}; was {before['outcome']} "
                          f"{before['close_code']} by {before['closed_by']} {before['ending']}, is {r['outcome']} {r['close_code']} by {r['closed_by']} {r['ending']}")
                    keep = os.environ.get("KEEP")
                    if keep:
                        os.replace(mutant, os.path.join(keep, f"{name}-{kind}-{seed}.pcap"))
                        break
    print(f"{runs} runs, {compared} verdicts compared, {unknown} unknown, {bad} wrong")
    sys.exit(1 if bad or not compared else 0)


main()
