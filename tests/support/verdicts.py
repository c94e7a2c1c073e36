"""What the cases over recorded captures share: records of captures, packets of a capture, and how a record is held against a truth.json."""
import glob, json, os, re, struct, subprocess, sys, tempfile

LEVELS = [None, "possible", "likely", "certain"]


def records(binary, paths, options=()):
    """The records of captures; anything but success ends the test."""
    p = subprocess.run([binary, "analyze", "--db", "none", "--format", "ndjson", *options, *paths], capture_output=True, text=True, timeout=60)
    if p.returncode != 0:
        sys.exit(f"{paths}: exit {p.returncode}: {p.stderr}")
    return [json.loads(line) for line in p.stdout.splitlines()]


def records_of(binary, contents, options=()):
    """The records of captures that lie in memory."""
    with tempfile.TemporaryDirectory() as d:
        names = []
        for i, c in enumerate(contents):
            names.append(os.path.join(d, f"{i}.pcap"))
            with open(names[-1], "wb") as f:
                f.write(c)
        return records(binary, names, options)


def keylogs(path):
    """The key logs beside a capture: STEM.keys, STEM.client.keys, ..."""
    stem = glob.escape(os.path.splitext(path)[0])
    return sorted(glob.glob(stem + ".keys") + glob.glob(stem + ".*.keys"))


def with_keys(paths):
    """The options that give these key logs to wsclose."""
    return [o for p in paths for o in ("--keylog", p)]


def packets(path):
    """(link type, [(time, length on the wire, bytes)]) of a little-endian pcap."""
    data = open(path, "rb").read()
    link, at, out = struct.unpack_from("<I", data, 20)[0], 24, []
    while at + 16 <= len(data):
        s, us, have, length = struct.unpack_from("<IIII", data, at)
        out.append((s * 1000000 + us, length, data[at + 16:at + 16 + have]))
        at += 16 + have
    return link, out


def pcap(link, packets):
    out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, link)
    for t, length, data in packets:
        out += struct.pack("<IIII", t // 1000000, t % 1000000, len(data), length) + data
    return out


def listed(v):
    return v if isinstance(v, list) else [v]


def app_code(r, want):
    if want is None or r["app_code"] is None:
        return r["app_code"] == want
    return all(r["app_code"].get(k) == v for k, v in want.items())


def saw(said, want):
    """Of what an endpoint reported, only what it logged is asked for; several: any of them will do, also None."""
    return any(said is None if w is None else said is not None and all(said[k] == v for k, v in w.items()) for w in listed(want))


# What each word under "expect" asks of a record; a word that is not here names a key of the record.
ASK = {
    "cause": lambda r, want: r["cause"] in listed(want),
    "cause_not": lambda r, want: r["cause"] not in want,
    "confidence": lambda r, want: r["cause"] is None or LEVELS.index(r["confidence"]) >= LEVELS.index(want),
    "confidence_most": lambda r, want: LEVELS.index(r["confidence"]) <= LEVELS.index(want),
    "evidence": lambda r, want: all(any(re.search(w, s) for s in r["evidence"]) for w in want),
    "evidence_not": lambda r, want: not any(re.search(w, s) for w in want for s in r["evidence"]),
    "violation": lambda r, want: want in r["violations"],
    "rules": lambda r, want: all(w in [v["rule"] for v in r["violations"]] for w in want),
    "no_violation": lambda r, want: r["violations"] == [],
    "app_code": app_code,
    "client_saw": lambda r, want: saw(r["client_saw"], want),
    "server_saw": lambda r, want: saw(r["server_saw"], want),
}


def differences(r, expect):
    for word, want in expect.items():
        ask = ASK.get(word, lambda r, want: r[word] in listed(want))
        if not ask(r, want):
            yield f"{word}: wanted {want!r}, said {r.get(word.split('_')[0] if word not in r else word)!r}"
