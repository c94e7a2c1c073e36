"""Records of one run beside those of another: the same connections, the same facts, codes and causes."""
import re
from datetime import datetime

# `id` and `capture` are those of different stores and captures. All else must be the same: both capture with the same filter from
# before the first packet on, so that even the numbers of the packets agree. Only times may differ by a little: the kernel stamps a
# packet that comes in for each socket by itself, some hundred nanoseconds apart.
LEFT_OUT = ("id", "capture")
APART_S = 0.002
NUMBER = re.compile(r"(\d+\.\d+)")
ROW = re.compile(r"\bconnection (\d+)\b")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def seconds(text):
    return datetime.fromisoformat(text[:26].rstrip("Z")).timestamp()


def alike(x, y):
    if isinstance(x, dict) and isinstance(y, dict):
        return x.keys() == y.keys() and all(alike(x[k], y[k]) for k in x)
    if isinstance(x, list) and isinstance(y, list):
        return len(x) == len(y) and all(map(alike, x, y))
    if isinstance(x, float) and isinstance(y, float):
        return abs(x - y) <= APART_S * 1000  # all fractions in a record are milliseconds
    if isinstance(x, str) and isinstance(y, str) and x != y:
        if TIME.match(x) and TIME.match(y):
            return abs(seconds(x) - seconds(y)) <= APART_S
        a, b = NUMBER.split(x), NUMBER.split(y)  # a sentence of evidence; its odd pieces are numbers with a fraction
        return a[::2] == b[::2] and all(abs(float(m) - float(n)) <= 0.11 for m, n in zip(a[1::2], b[1::2]))
    return x == y


def key(r):
    return tuple(str(r[k]) for k in ("client", "server", "path", "first_packet", "last_packet"))


def without_ids(records):
    """Where a record names another by its row, its client's address instead: each store counts its rows by itself."""
    clients = {r["id"]: r["client"] for r in records}
    return [{**r, "legs": [clients.get(i, i) for i in r.get("legs") or ()],
             "evidence": [ROW.sub(lambda m: "connection " + clients.get(int(m[1]), m[1]), e) for e in r["evidence"]]} for r in records]


def differences(these, those, left_out=LEFT_OUT):
    """Sentences; [] if both say the same."""
    these, those = (sorted(without_ids(rs), key=key) for rs in (these, those))
    said = [] if len(these) == len(those) else [f"{len(these)} records and {len(those)}"]
    for x, y in zip(these, those):
        for k in sorted((set(x) | set(y)) - set(left_out)):
            if not alike(x.get(k), y.get(k)):
                said.append(f"{x.get('client')} {x.get('path')} {k}: {x.get(k)!r} and {y.get(k)!r}")
    return said[:20]
