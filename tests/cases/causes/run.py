#!/usr/bin/env python3
"""Compare the causes that wsclose names in recorded captures with what was done to the connections.

usage: run.py WSCLOSE [-v] [SCENE...]

truth.json has one entry a scene: its captures, and for each connection what the endpoints logged, what was set up, and under "expect"
what the record must say: `cause` (a word, null, or a list of which any will do), `cause_not` (words that would be a false claim),
`confidence` (at least) and `confidence_most`, `evidence` (regular expressions, each of which a sentence must match), `evidence_not`,
`violation` (which must be among them), and other keys of the record as they must be. Every record must be expected. `findings` are the
kinds of finding that `wsclose diagnose` must have of the scene, and no others: most have none.
"""
import json, os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
from verdicts import differences, records


def findings(binary, captures):
    """Kinds of what `diagnose` finds in a database of these captures alone."""
    with tempfile.TemporaryDirectory() as d:
        db = os.path.join(d, "x.db")
        subprocess.run([binary, "analyze", "--quiet", "--db", db, "--format", "none", *(os.path.join(HERE, c) for c in captures)], check=True, timeout=60)
        p = subprocess.run([binary, "diagnose", "--db", db, "--format", "ndjson"], capture_output=True, text=True, check=True, timeout=60)
    return sorted({json.loads(line)["kind"] for line in p.stdout.splitlines()})


def main():
    args = [a for a in sys.argv[1:] if a != "-v"]
    if not args:
        sys.exit(__doc__)
    truth = json.load(open(os.path.join(HERE, "truth.json")))
    checks = wrong = 0

    def report(line):
        nonlocal wrong
        wrong += 1
        print(line)

    for scene, d in truth.items():
        if args[1:] and scene not in args[1:]:
            continue
        found = {(r["client"], r["server"]): r for r in records(args[0], [os.path.join(HERE, c) for c in d["captures"]])}
        for t in d["connections"]:
            checks += len(t["expect"])
            r = found.pop((t["client"], t["server"]), None)
            if r is None:
                report(f"{scene}: {t['path']}: no record for {t['client']} > {t['server']}")
                continue
            bad = list(differences(r, t["expect"]))
            for text in bad:
                report(f"{scene}: {t['path']} ({t['client']} > {t['server']}): {text}")
            if bad or "-v" in sys.argv:
                print(f"    it was: {t['setup']}\n    said: {r['outcome']} {r['ending']} {r['close_code']} by {r['closed_by']}: {r['cause']} ({r['confidence']}): " + "; ".join(r["evidence"]))
        for r in found.values():
            report(f"{scene}: a record that nobody expects: {r['client']} > {r['server']} {r['path']} {r['cause']}")
        checks += 1
        kinds = findings(args[0], d["captures"])
        if kinds != d["findings"]:
            report(f"{scene}: diagnose: wanted {d['findings']}, found {kinds}")
    print(f"{checks} checks, {wrong} wrong")
    sys.exit(1 if wrong or not checks else 0)


main()
