#!/usr/bin/env python3
"""Compare what wsclose says of the samples with what the endpoints reported.

usage: check.py WSCLOSE [FOLDER]

Each FOLDER/*.json names its capture and the connections in it; every field under "expect", the handshake status, TCP's end and what
each library reported must be in the record, and there may be no other record.
"""
import glob, json, os, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))


def records(binary, capture):
    p = subprocess.run([binary, "analyze", "--db", "none", "--format", "ndjson", capture], capture_output=True, text=True, timeout=60)
    if p.returncode != 0:
        sys.exit(f"{capture}: exit {p.returncode}: {p.stderr}")
    return [json.loads(line) for line in p.stdout.splitlines()]


def wanted(t):
    want = dict(t["expect"])
    if t["handshake_status"] is not None:
        want["handshake_status"] = t["handshake_status"]
    kind, _, by = (t["tcp_end"] or "").partition("-")  # null: either side may have been first
    if kind:
        want["tcp_end"] = kind
    if by:
        want["tcp_end_by"] = by
    for side in ("client_saw", "server_saw"):
        if t[side] is not None:
            want[side] = t[side]
    return want


def said(record, key):
    v = record.get(key)
    if key in ("client_saw", "server_saw") and v is not None:
        return {"code": v["code"], "reason": v["reason"]}
    return v


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = sys.argv[2] if len(sys.argv) > 2 else os.path.join(HERE, "..", "..", "..", "samples")
    checks = wrong = 0
    for truth in sorted(glob.glob(os.path.join(folder, "*.json"))):
        d = json.load(open(truth))
        found = {r["client"]: r for r in records(sys.argv[1], os.path.join(folder, d["capture"]))}
        for t in d["connections"]:
            r = found.pop(t["client"], None)
            if r is None:
                checks, wrong = checks + 1, wrong + 1
                print(f"{d['capture']}: {t['id']}: no record for {t['client']}")
                continue
            for key, value in wanted(t).items():
                checks += 1
                if said(r, key) != value:
                    wrong += 1
                    print(f"{d['capture']}: {t['id']}: {key}: said {said(r, key)!r}, the endpoints {value!r}")
        for client in found:
            checks, wrong = checks + 1, wrong + 1
            print(f"{d['capture']}: a record for {client}, which is not there")
    print(f"{checks - wrong} of {checks} checks hold")
    sys.exit(0 if checks > 0 and wrong == 0 else 1)


main()
