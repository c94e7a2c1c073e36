"""Texts that an attacker would like to see come out as they went in."""
import re

LONE = [b"\x80", b"\xff", b"\xc3", b"\xe3\x81", b"\xf0\x9f\x98"]
TEXTS = {
    "sgr": b"\x1b[31mred\x1b[0m",
    "title": b"\x1b]0;owned\x07",
    "clear": b"\x1b[2J\x1b[H",
    "osc 8 link": b"\x1b]8;;http://evil.example/\x1b\\click\x1b]8;;\x1b\\",
    "answerback": b"\x1b[6n\x05",
    "c1 as utf-8": "a\u009b31mb\u0085c\u0090q\u009c".encode(),
    "c1 as bytes": b"a\x9b31mb\x9d0;x\x9c",
    "delete, backspace": b"safe\x7f\x08\x08\x08\x08evil",
    "bidi": "user\u202egnp.exe\u202c \u2066x\u2069 \u061c\u200e\u200f".encode(),
    "no width": "a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg\u034fh\u3164i".encode(),
    "tags": "x\U000e0041\U000e0042\U000e007f".encode(),
    "separators": "a\u2028b\u2029c".encode(),
    "tab": b"a\tb",
    "invalid": b"a" + b"b".join(LONE) + b"c",
    "overlong": b"\xc0\xaf..\xe0\x80\xaf \xc0\x80 \xf0\x80\x80\xaf \xc1\xbf",
    "surrogates": b"\xed\xa0\x80\xed\xb0\x80 \xf4\x90\x80\x80",
    "formula =": b"=cmd|' /C calc'!A0",
    "formula +": b"+1+1",
    "formula -": b"-2+3",
    "formula @": b"@SUM(1+1)",
    "formula after blanks": b"  =1+1",
    "formula, full width": "\uff1d1\uff0b1".encode(),
    "formula tab": b"\t=1+1",
    "quotes": b"a\"b'c`d\"\"e,f;g",
    "csv break": b"x\",\"=1+1\",\"",
    "json break": b"\"},{\"outcome\":\"closed\",\"x\":\"\\",
    "html": b"<script>alert(1)</script><img src=x onerror=alert(1)>&amp;",
    "sql": b"'); DROP TABLE connections; --",
    "format": b"%s%n%x%99999d%%",
    "shell": b"$(touch pwned) `touch pwned`; touch pwned #",
    "path": b"../../../../etc/passwd",
    "label": b"\"} 1\\nwsclose_fake{x=\"",
    "backslashes": b"\\x1b\\n\\\\",
    "japanese": "\u6b63\u5e38\u306b\u7d42\u4e86".encode(),
    "combining": ("e" + "\u0301" * 20).encode(),
}
# What a head cannot hold, and a Close reason, a file name or an argument can.
BREAKS = {
    "newline": b"first\nwsclose: second",
    "crlf": b"a\r\nSet-Cookie: x=y",
    "carriage return": b"evil\rgood",
    "formula cr": b"\r=1+1",
    "vertical": b"a\x0bb\x0cc",
}
NULS = {"nul": b"before\x00after", "nul first": b"\x00x"}

HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
                    "\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]")


JOINS = "\u200c\u200d"  # data formats let them through: they make one emoji of several, and nothing else


def shown(raw, newline="\\n", let=""):
    """`raw` as a terminal should see it, by another way than ours: python's decoder finds the bytes that are no UTF-8."""
    text = raw.decode("utf-8", "surrogateescape")
    def one(c):
        n = ord(c)
        if 0xdc80 <= n <= 0xdcff:
            return "\\x%02x" % (n - 0xdc00)
        if c == "\n":
            return newline
        if HIDDEN.match(c) and c not in let:
            return "\\x%02x" % n if n < 0x100 else "\\u{%x}" % n
        return c
    return "".join(map(one, text))


def in_json(raw):
    return re.sub("[\udc80-\udcff]", "\ufffd", raw.decode("utf-8", "surrogateescape"))


def in_csv(raw):
    text = shown(raw, "\n", JOINS)
    begin = raw.decode("utf-8", "replace").lstrip(" ")[:1]
    return "'" + text if begin and begin in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20" else text


def packed(texts, size):
    """All of them in as few as possible, for where each costs a process."""
    out = [b""]
    for t in texts.values():
        if len(out[-1]) + len(t) > size:
            out.append(b"")
        out[-1] += t + b"."
    return out
