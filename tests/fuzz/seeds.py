#!/usr/bin/env python3
"""Makes the first inputs of fuzz_h1, fuzz_ws_upgrade, fuzz_tcp_conn and fuzz_capture of samples/ and tests/cases/.

What fuzzing adds later stands beside them under other names; see campaign.sh.
"""
import pathlib, struct

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
UP, SYN, FIN, RST, ACK = 1, 2, 4, 8, 16  # of fuzz_tcp_conn.c


def packets(data):
    """Of a classic little-endian pcap: (capture length, wire length, bytes)."""
    at = 24
    while at + 16 <= len(data):
        have, wire = struct.unpack("<II", data[at + 8:at + 16])
        yield have, wire, data[at + 16:at + 16 + have]
        at += 16 + have


def segments(data):
    """TCP over IPv4 over Ethernet: (ports, flags, seq, ack, payload, bytes cut off)."""
    for have, wire, p in packets(data):
        if p[12:14] != b"\x08\x00" or p[23] != 6:
            continue
        ip = 14 + (p[14] & 15) * 4
        head = ip + (p[ip + 12] >> 4) * 4
        end = 14 + int.from_bytes(p[16:18], "big")
        yield p[ip:ip + 2], p[ip + 2:ip + 4], p[ip + 13], *struct.unpack("!II", p[ip + 4:ip + 12]), p[head:end], max(0, end - len(p))


def connection(data):
    """The segments of the first connection, and who sends the first of them."""
    all_of_it = list(segments(data))
    ends = set(all_of_it[0][:2])
    return [s for s in all_of_it if set(s[:2]) == ends], all_of_it[0][0]


def tcp_conn(data):
    """Each segment as fuzz_tcp_conn reads it."""
    conn, first = connection(data)
    origin, out = {}, b"\x00"
    for src, dst, flags, seq, ack, payload, cut in conn:
        origin.setdefault(src, seq if flags & 2 else seq - 1)
    for src, dst, flags, seq, ack, payload, cut in conn:
        if not origin.get(src):
            continue
        bits = (UP if src == first else 0) | (SYN if flags & 2 else 0) | (FIN if flags & 1 else 0) | (RST if flags & 4 else 0) | (ACK if flags & 16 else 0)
        off = (seq - origin[src] - 1) & 0xffff if not flags & 2 else 0
        out += struct.pack("!BHHBH", bits, off, min(len(payload), 1024), min(255, cut), (ack - origin.get(dst, ack) - 1) & 0xffff)
    return out


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def pcapng(data, keys):
    """A classic pcap as pcapng, with its key log in a Decryption Secrets Block."""
    out = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)) + block(1, struct.pack("<HHI", int.from_bytes(data[20:22], "little"), 0, 65535))
    if keys:
        out += block(10, struct.pack("<II", 0x544c534b, len(keys)) + keys)
    for n, (have, wire, p) in enumerate(packets(data)):
        us = 1767323045000000 + n * 1000
        out += block(6, struct.pack("<IIIII", 0, us >> 32, us & 0xffffffff, have, wire) + p)
    return out


def swapped(data):
    """The same in the other byte order, with nanoseconds."""
    out = struct.pack(">IHHiIII", 0xa1b23c4d, *struct.unpack("<HHiIII", data[4:24]))
    at = 24
    for have, wire, p in packets(data):
        s, us = struct.unpack("<II", data[at:at + 8])
        out += struct.pack(">IIII", s, us * 1000, have, wire) + p
        at += 16 + have
    return out


def main():
    for name in ("h1", "ws_upgrade", "tcp_conn", "capture"):
        (HERE / "corpus" / name).mkdir(parents=True, exist_ok=True)
    for path in sorted(ROOT.glob("samples/*.pcap")):
        data = path.read_bytes()
        conn, first = connection(data)
        (HERE / "corpus/tcp_conn" / path.stem).write_bytes(tcp_conn(data))
        for by, name in ((0, "request"), (1, "response")):
            sent = b"".join(s[5] for s in conn if (s[0] == first) == (by == 0))
            head = sent[:sent.find(b"\r\n\r\n") + 4]
            if head[:3] not in (b"GET", b"HTT"):
                continue
            (HERE / "corpus/h1" / f"{path.stem}-{name}").write_bytes(bytes([by | 0x10 << by, 5, 0, 9, 0, 3]) + head)
            fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
            for field, value in fields.items():
                (HERE / "corpus/ws_upgrade" / field.decode().lower()).write_bytes(bytes([len(value) & 255]) + value + value)
            (HERE / "corpus/ws_upgrade/target").write_bytes(b"\x00http://user:word@host:8080/a/b;jsessionid=1?query#fragment")
            (HERE / "corpus/ws_upgrade/challenge").write_bytes(b"\x00Basic realm=\"a \\\" b\", Digest nonce=1, Bearer error=\"invalid_token\", Negotiate abc=")
    small = [*ROOT.glob("samples/*.pcap"), *ROOT.glob("tests/cases/http2/*.pcap")]
    for n, path in enumerate(sorted(p for p in small if p.stat().st_size < 5000)):
        (HERE / "corpus/capture" / path.stem).write_bytes(bytes([n & 0x3f]) + path.read_bytes())
    for path, keys in (("tls/crossing", "client"), ("http2/still-open", "client"), ("http2/crossing", None)):
        data = (ROOT / "tests/cases" / f"{path}.pcap").read_bytes()
        text = (ROOT / "tests/cases" / f"{path}.{keys}.keys").read_bytes() if keys else b""
        (HERE / "corpus/capture" / (path.replace("/", "-") + "-pcapng")).write_bytes(b"\x04" + pcapng(data, text))
    (HERE / "corpus/capture/swapped").write_bytes(b"\x00" + swapped((ROOT / "samples/fin.pcap").read_bytes()))
    extra = {"chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nServer: a\r\nServer: b\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\nHTTP/1.1 101 S\r\n\r\n",
             "until-close": b"HTTP/1.0 200 OK\r\nVia: x\r\n\r\nbody to the end", "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"}
    for name, text in extra.items():
        (HERE / "corpus/h1" / name).write_bytes(bytes([1, 3, 0, 80, 0, 2]) + text)
    (HERE / "corpus/h1/keep-alive").write_bytes(bytes([4, 3, 0, 50, 0, 2]) + b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbodyGET /b HTTP/1.1\r\nHost : b\r\n folded\r\n\r\n")


main()
