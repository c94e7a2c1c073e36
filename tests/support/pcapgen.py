"""Writes small captures with WebSocket sessions, for end-to-end tests: what goes in is known, so what must come out is too."""
import base64, hashlib, struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
SYN, FIN, RST, PSH, ACK = 0x02, 0x01, 0x04, 0x08, 0x10


def frame(opcode, payload=b"", mask=True):
    head = bytes([0x80 | opcode])
    bit = 0x80 if mask else 0
    head += bytes([bit | len(payload)]) if len(payload) < 126 else bytes([bit | 126]) + struct.pack("!H", len(payload))
    key = b"\x11\x22\x33\x44"
    return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(payload)) if mask else head + payload


def close(code, reason=b"", mask=True):
    return frame(8, struct.pack("!H", code) + reason, mask)


class Session:
    """One TCP connection; packets go into `capture` in the order of the calls."""

    def __init__(self, capture, port=40000, server=("192.0.2.1", 8080), client="198.51.100.7"):
        self.capture, self.ends = capture, [(client, port), server]
        self.seq, self.ack = [1000, 5000], [0, 0]

    def packet(self, by, flags, payload=b""):
        """`by`: 0 the client, 1 the server."""
        (src, sport), (dst, dport) = self.ends[by], self.ends[1 - by]
        ip = lambda a: bytes(map(int, a.split(".")))
        tcp = struct.pack("!HHIIBBHHH", sport, dport, self.seq[by] & 0xffffffff, self.ack[by] & 0xffffffff if flags & ACK else 0, 0x50, flags, 0xffff, 0, 0)
        head = struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0) + ip(src) + ip(dst)
        self.capture.add(b"\x02" * 12 + b"\x08\x00" + head + tcp + payload)
        self.seq[by] += len(payload) + (1 if flags & (SYN | FIN) else 0)
        self.ack[1 - by] = self.seq[by]

    def send(self, by, payload):
        self.packet(by, PSH | ACK, payload)
        self.packet(1 - by, ACK)

    def handshake(self, path=b"/", headers=b"", response=b""):
        self.packet(0, SYN)
        self.packet(1, SYN | ACK)
        self.packet(0, ACK)
        self.send(0, b"GET " + path + b" HTTP/1.1\r\nHost: test.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + KEY +
                  b"\r\nSec-WebSocket-Version: 13\r\n" + headers + b"\r\n")
        accept = base64.b64encode(hashlib.sha1(KEY + GUID).digest())
        self.send(1, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n" + response + b"\r\n")

    def fin(self, first=1):
        self.packet(first, FIN | ACK)
        self.packet(1 - first, FIN | ACK)
        self.packet(first, ACK)


class Capture:
    def __init__(self, start=1767323045):
        self.packets, self.start = [], start

    def add(self, data):
        self.packets.append(data)

    def pcap(self):
        out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
        for i, p in enumerate(self.packets):
            out += struct.pack("<IIII", self.start + i // 100, i % 100 * 10000, len(p), len(p)) + p
        return out

    def pcapng(self):
        def block(kind, body):
            body += b"\0" * (-len(body) % 4)
            return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
        out = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 65535))
        for i, p in enumerate(self.packets):
            us = (self.start + i // 100) * 1000000 + i % 100 * 10000
            out += block(6, struct.pack("<IIIII", 0, us >> 32, us & 0xffffffff, len(p), len(p)) + p)
        return out


def clean_session(capture, code=1000, reason=b"bye", **where):
    s = Session(capture, **where)
    s.handshake(b"/chat?token=secret-in-query", b"Cookie: secret-in-cookie\r\nAuthorization: secret-in-authorization\r\n")
    s.send(0, frame(1, b"secret-in-payload"))
    s.send(0, close(code, reason))
    s.send(1, close(code, reason, mask=False))
    s.fin()
    return s
