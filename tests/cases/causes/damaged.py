#!/usr/bin/env python3
"""No false claim from a bad capture: the recorded captures again, as a worse capture point would have had them.

usage: damaged.py WSCLOSE [-v] [SCENE...]

One direction only, every packet twice (a mirror port), neighbours swapped, cut to 120 bytes a packet, started late, stopped early.
Less may be said then, but nothing else: what truth.json names as a false claim for a connection stays one, and a cause that blames
somebody must be the one that is true, or be said to be no more than possible.
"""
import json, os, struct, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
from verdicts import packets, pcap, records_of

SERVERS = {8080, 8081, 8082, 8083, 9000, 9001, 9002, 9003}
# Claims about what somebody or something did; the rest tells what a Close frame says.
BLAME = ["idle_timeout", "lifetime_limit", "keepalive_timeout", "peer_crash", "network_loss", "middlebox_reset", "proxy_cut", "mass_disconnect", "server_shutdown",
         "message_too_big", "protocol_error", "invalid_data", "handshake_rejected"]


def to_server(link, data):
    ip = 14 if link == 1 else 20
    tcp = ip + (40 if data[ip] >> 4 == 6 else (data[ip] & 15) * 4)
    return struct.unpack_from("!H", data, tcp + 2)[0] in SERVERS


def swapped(link, p):
    """Neighbours of one direction that lie close together change places, not their times: as from two queues of one card."""
    out = list(p)
    for i in range(len(out) - 1):
        (ta, na, a), (tb, nb, b) = out[i], out[i + 1]
        if tb - ta < 5000 and to_server(link, a) == to_server(link, b):
            out[i], out[i + 1] = (ta, nb, b), (tb, na, a)
    return out


DAMAGE = {
    "client-only": lambda link, p: [x for x in p if to_server(link, x[2])],
    "server-only": lambda link, p: [x for x in p if not to_server(link, x[2])],
    "doubled": lambda link, p: [(t + k, n, d) for t, n, d in p for k in (0, 3)],
    "swapped": swapped,
    "snaplen": lambda link, p: [(t, n, d[:120]) for t, n, d in p],
    "late": lambda link, p: p[len(p) * 2 // 5:],
    "early": lambda link, p: p[:len(p) * 4 // 5],
}


def false_claim(r, expect):
    true = expect["cause"] if isinstance(expect.get("cause"), list) else [expect.get("cause")]
    possible = r["confidence"] == "possible"
    if r["cause"] in true or r["cause"] == "capture_gap" or (r["cause"] == "peer_crash" and possible):
        return False
    return r["cause"] in expect.get("cause_not", []) or ("cause" in expect and r["cause"] in BLAME and not possible)


def main():
    args = [a for a in sys.argv[1:] if a != "-v"]
    if not args:
        sys.exit(__doc__)
    truth = json.load(open(os.path.join(HERE, "truth.json")))
    checks = wrong = 0
    for scene, d in truth.items():
        if args[1:] and scene not in args[1:]:
            continue
        expected = {(t["client"], t["server"]): t for t in d["connections"]}
        whole = [packets(os.path.join(HERE, c)) for c in d["captures"]]
        for name, damage in DAMAGE.items():
            for r in records_of(args[0], [pcap(link, damage(link, p)) for link, p in whole]):
                t = expected.get((r["client"], r["server"]))
                checks += 1
                if t is None or false_claim(r, t["expect"]):
                    wrong += 1
                    print(f"{scene}, {name}: {r['path'] or t and t['path']} ({r['client']} > {r['server']}): said {r['cause']} ({r['confidence']})")
                    print(f"    it was: {t and t['setup']}\n    said: {r['outcome']} {r['ending']} {r['close_code']} by {r['closed_by']}: " + "; ".join(r["evidence"]))
    print(f"{checks} records, {wrong} wrong")
    sys.exit(1 if wrong or not checks else 0)


main()
