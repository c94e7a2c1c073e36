"""Runs a folder of captures with key logs against its truth.json: used by the cases tls and http2."""
import json, os, sys

from verdicts import differences, records, with_keys


def matched(connections, found):
    """Pairs of truth and record (None: there is none), then records that nobody expects as (None, record). A path tells streams of one connection apart."""
    left = list(found)
    for t in connections:
        near = [r for r in left if (r["client"], r["server"]) == (t["client"], t["server"])]
        r = next((r for r in near if r["path"] == t["path"]), None) or next((r for r in near if r["path"] is None), None)
        if r:
            left.remove(r)
        yield t, r
    for r in left:
        yield None, r


def check(binary, where, names, verbose):
    """Returns (checks, wrong)."""
    truth = json.load(open(os.path.join(where, "truth.json")))
    checks = wrong = 0
    for scene, d in truth.items():
        if names and scene not in names:
            continue
        captures, keylog = ([os.path.join(where, f) for f in d[k]] for k in ("captures", "keylog"))
        for t, r in matched(d["connections"], records(binary, captures, with_keys(keylog))):
            checks += len(t["expect"]) if t else 1
            if t is None:
                bad = [f"a record that nobody expects: {r['path']} {r['outcome']} {r['close_code']}"]
            elif r is None:
                bad = [] if t.get("optional") else ["no record"]
            else:
                bad = list(differences(r, t["expect"]))
            wrong += len(bad)
            who = t or r
            for text in bad:
                print(f"{scene}: {who['path']} ({who['client']} > {who['server']}): {text}")
            if t and r and (bad or verbose):
                print(f"    it was: {t['setup']}, {t['logged']}\n    said: {r['outcome']} {r['ending']} {r['close_code']} by {r['closed_by']}: {r['cause']} ({r['confidence']}): " + "; ".join(r["evidence"]))
    return checks, wrong


def main(where, usage):
    args = [a for a in sys.argv[1:] if a != "-v"]
    if not args:
        sys.exit(usage)
    checks, wrong = check(args[0], where, args[1:], "-v" in sys.argv)
    print(f"{checks} checks, {wrong} wrong")
    sys.exit(1 if wrong or not checks else 0)
