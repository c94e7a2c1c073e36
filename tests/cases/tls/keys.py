#!/usr/bin/env python3
"""No false verdict from bad keys: the recorded captures of this folder and of ../http2 with key logs that are not what they should be.

usage: keys.py WSCLOSE [SCENE...]

None at all; half of the lines; lines damaged; secrets of others; other people's lines only. Less may be said then, but nothing else:
a record says what the truth says, or that it does not know. Without keys there is no record, the summary counts what was not read,
and with --encrypted there is one for each TLS connection, unknown for want of keys (or a handshake that failed, by its alert), with no code.
"""
import json, os, random, re, struct, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
from keyed import matched
from verdicts import listed, packets, records, with_keys

CODELESS = {"no_keys", "capture_gap", None}


def half(rng, lines):
    return rng.sample(lines, len(lines) // 2)


def damaged(rng, lines):
    """Every second line: a digit of its secret or client random changed, cut, doubled, without its spaces, with bytes that are no text."""
    ways = [lambda l, i: l[:i] + ("0" if l[i:i + 1] != "0" else "1") + l[i + 1:], lambda l, i: l[:i], lambda l, i: l + l, lambda l, i: l.replace(" ", ""),
            lambda l, i: l[:i] + "\x00\u00ff" + l[i:], lambda l, i: l + "00", lambda l, i: l.replace(" ", "  ")]
    return [rng.choice(ways)(l, rng.randrange(l.index(" ") + 1, len(l))) if rng.random() < 0.5 else l for l in lines]


def wrong(rng, lines):
    """Every secret is another of the same length, at random."""
    return [" ".join(l.split(" ")[:2] + [rng.randbytes(len(l.split(" ")[2]) // 2).hex()]) for l in lines]


def swapped(rng, lines):
    """The secrets are those of other connections."""
    secrets = [l.split(" ")[2] for l in lines]
    return [" ".join([*l.split(" ")[:2], s]) for l, s in zip(lines, secrets[1:] + secrets[:1])]


def strangers(rng, lines):
    return [f"CLIENT_RANDOM {rng.randbytes(32).hex()} {rng.randbytes(48).hex()}" for _ in range(200)]


DAMAGE = [("half 1", half), ("half 2", half), ("damaged", damaged), ("wrong", wrong), ("swapped", swapped), ("strangers", strangers)]


def codes(t):
    """What may be said to be the code: that of the first Close, or of the other if only that can be read."""
    e = t["expect"]
    out = set(listed(e.get("close_code")))
    if "close_handshake" in listed(e["ending"]):
        out |= {w["code"] for side in ("client_saw", "server_saw") for w in listed(e.get(side, [])) if w and "code" in w}
    return out


def false(t, r):
    """What a record says that is neither true nor a confession of ignorance."""
    e = t["expect"]
    if r["outcome"] not in (e["outcome"], "unknown"):
        yield f"outcome {r['outcome']}"
    if r["close_code"] is not None and r["close_code"] not in codes(t):
        yield f"code {r['close_code']}"
    if r["closed_by"] is not None and "closed_by" in e and r["closed_by"] not in listed(e["closed_by"]) and r["outcome"] != "unknown":
        yield f"closed by {r['closed_by']}"
    if r["outcome"] == "unknown" and (r["close_code"] is not None or r["cause"] not in CODELESS):
        yield f"unknown, and yet {r['close_code']} {r['cause']}"
    for side in ("client_saw", "server_saw"):
        if r[side] is not None and side in e and e["outcome"] != "handshake_failed" and not any(w is None or r[side]["code"] == w["code"] for w in listed(e[side])):
            yield f"{side} {r[side]['code']}"


def tls_connections(paths):
    """Every TCP connection whose client begins with a TLS handshake."""
    out = set()
    for path in paths:
        for _, _, p in packets(path)[1]:
            tcp = 14 + (p[14] & 15) * 4
            sport, dport = struct.unpack_from("!HH", p, tcp)
            payload = p[tcp + (p[tcp + 12] >> 4) * 4:]
            if payload[:2] == b"\x16\x03" and payload[5:6] == b"\x01":  # a ClientHello
                out.add(("%d.%d.%d.%d:%d" % (*p[26:30], sport), "%d.%d.%d.%d:%d" % (*p[30:34], dport)))
    return out


def not_read(binary, captures):
    """The number of TLS connections that the summary names as not read."""
    p = subprocess.run([binary, "analyze", "--db", "none", "--format", "none", *captures], capture_output=True, text=True, timeout=60, check=True)
    m = re.search(r"not read: (\d+) TLS connection", p.stderr)
    return int(m.group(1)) if m else 0


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    binary, names = sys.argv[1], sys.argv[2:]
    checks = bad = 0

    def report(scene, name, r, text):
        nonlocal bad
        bad += 1
        print(f"{scene}, {name}: {r and (r['client'], r['server'], r['path'])}: {text}")
        if r:
            print(f"    said: {r['outcome']} {r['ending']} {r['close_code']} by {r['closed_by']}: {r['cause']}: " + "; ".join(r["evidence"]))

    for folder in (HERE, os.path.join(HERE, "..", "http2")):
        for scene, d in json.load(open(os.path.join(folder, "truth.json"))).items():
            if not d["keylog"] or names and scene not in names:
                continue
            captures = [os.path.join(folder, c) for c in d["captures"]]
            lines = [l for k in d["keylog"] for l in open(os.path.join(folder, k)).read().split("\n") if l and l[0] != "#"]
            with tempfile.TemporaryDirectory() as tmp:
                for i, (name, damage) in enumerate(DAMAGE):
                    log = os.path.join(tmp, f"{i}.keys")
                    with open(log, "w", encoding="utf-8") as f:
                        f.write("".join(l + "\n" for l in damage(random.Random(f"{scene} {i}"), lines)))
                    for options in ((), ("--encrypted",)) if name in ("half 1", "wrong") else ((),):
                        for t, r in matched(d["connections"], records(binary, captures, [*with_keys([log]), *options])):
                            if r is None:
                                continue  # less may be said
                            checks += 1
                            for text in false(t, r) if t else () if r["outcome"] == "unknown" else ["nobody expects it"]:
                                report(scene, " ".join([name, *options]), r, text)
            tls = tls_connections(captures)
            failed = sum(t["expect"]["ending"] == "tls_failed" for t in d["connections"])
            counted = not_read(binary, captures)
            checks += 1
            if not len(tls) - failed <= counted <= len(tls):  # without keys one cannot always tell that a handshake failed
                report(scene, "no keys", None, f"{counted} TLS connections counted as not read, of {len(tls)}, {failed} failed")
            for r in records(binary, captures):
                if r["ending"] != "tls_failed":
                    report(scene, "no keys", r, "a record")
            found = records(binary, captures, ["--encrypted"])
            checks += len(found) + 1
            if sorted((r["client"], r["server"]) for r in found) != sorted(tls):
                report(scene, "no keys --encrypted", None, f"{len(found)} records of {len(tls)} connections")
            for r in found:
                refused = any(t["expect"]["ending"] == "tls_failed" for t in d["connections"] if t["client"] == r["client"])
                if not (r["outcome"] == "unknown" and r["cause"] == "no_keys" and r["close_code"] is None or refused and r["ending"] == "tls_failed"):
                    report(scene, "no keys --encrypted", r, "not unknown for want of keys")
                sni = {t["expect"].get("sni", r["sni"]) for t in d["connections"] if t["client"] == r["client"]}
                if sni and r["sni"] not in sni:
                    report(scene, "no keys --encrypted", r, f"SNI {r['sni']}")
    print(f"{checks} records, {bad} wrong")
    sys.exit(1 if bad or not checks else 0)


main()
