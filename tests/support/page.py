"""Reads a page of `wsclose report` as src/report/page/README.md describes it.

    page = read(path)    page.html, page.summary, page.packed (the JSON of the rows), page.rows (a dict each, differences undone)"""
import base64, gzip, json, re

SUMMARY = re.compile(r'<script type="application/json" id="summary">(.*?)</script>', re.S)
ROWS = re.compile(r'<script type="application/octet-stream" id="rows">(.*?)</script>', re.S)


class Page:
    pass


def sentence(entry, text):
    out = text[entry[0]]
    for n in entry[1:]:
        out = out.replace("{}", str(n), 1)
    return out


def content(path):
    with open(path, "rb") as f:
        return f.read()


def read(path):
    p = Page()
    p.bytes = content(path)
    p.html = p.bytes.decode("utf-8")
    p.summary = json.loads(SUMMARY.search(p.html).group(1))
    p.packed = json.loads(gzip.decompress(base64.b64decode(ROWS.search(p.html).group(1), validate=True)))
    p.rows = unpack(p.packed)
    return p


def unpack(packed):
    text, columns = packed["text"], packed["columns"]
    get = lambda i: None if i is None else text[i]
    rows, before = [], {"id": 0, "at": 0, "last_packet": 0}
    for i in range(packed["n"]):
        row = {k: v[i] for k, v in columns.items()}
        for k in before:
            before[k] = row[k] = before[k] + row[k]
        row["verdict"] = packed["verdicts"][row["verdict"]]
        row["client"] = None if row["client"] is None else f"{text[row['client']]}:{row['port']}"
        row["capture"] = get(row["capture"])
        row["started"] = None if row["lead"] is None else row["at"] - int(row["age"] or 0) - row["lead"]
        for k in ("first_packet", "tcp_end_packet"):
            row[k] = None if row[k] is None else row["last_packet"] - row[k]
        for k in ("close_c", "close_s"):
            if row[k] is not None:
                code, reason, ms, packet, valid = row[k]
                row[k] = {"code": code, "reason": get(reason), "at": None if ms is None else row["at"] + ms,
                          "packet": None if packet is None else row["last_packet"] - packet, "valid": valid}
        row["evidence"] = [sentence(e, text) for e in row["evidence"] or []]
        row["violations"] = [{"by": b, "rule": r, "packet": p} for b, r, p in row["violations"] or []]
        rows.append(row)
    return rows
