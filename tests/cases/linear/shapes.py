"""Captures an attacker might send, each of a size to choose: what costs the reader most for each byte."""
import random, struct

SYN, FIN, RST, PSH, ACK = 2, 1, 4, 8, 16
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ASK = b"GET /a HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + KEY + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
ANSWER = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"


class Out:
    """A classic pcap of raw IP packets."""

    def __init__(self, f):
        self.f, self.us, self.parts = f, 1767323045000000, []
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 101))

    def raw(self, ip):
        self.us += 50
        self.parts.append(struct.pack("<IIII", self.us // 1000000, self.us % 1000000, len(ip), len(ip)) + ip)
        if len(self.parts) > 4096:
            self.flush()

    def flush(self):
        self.f.write(b"".join(self.parts))
        self.parts = []

    def tcp(self, src, dst, seq, ack, flags, data=b""):
        """Ends are (address as a number, port)."""
        self.raw(struct.pack("!BBHHHBBHII", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0, src[0], dst[0]) +
                 struct.pack("!HHIIBBHHH", src[1], dst[1], seq & 0xffffffff, ack & 0xffffffff, 0x50, flags, 0xffff, 0, 0) + data)


class Conn:
    def __init__(self, out, n=0, client=0x0a000001, server=(0xc0000201, 8080)):
        self.out, self.ends, self.seq = out, ((client + n // 60000, 1024 + n % 60000), server), [1000, 9000]

    def send(self, by, data=b"", flags=PSH | ACK, at=None):
        """In order; |at|: at this distance from what comes next, which stays."""
        seq = self.seq[by] + (at or 0)
        self.out.tcp(self.ends[by], self.ends[1 - by], seq, self.seq[1 - by], flags, data)
        if at is None:
            self.seq[by] += len(data) + (1 if flags & (SYN | FIN) else 0)

    def syn(self):
        self.send(0, flags=SYN)
        self.send(1, flags=SYN | ACK)
        return self

    def open(self):
        self.syn().send(0, ASK)
        self.send(1, ANSWER)
        return self

    def stream(self, by, data, piece=60000):
        for i in range(0, len(data), piece):
            self.send(by, data[i:i + piece])

    def end(self):
        self.send(1, flags=FIN | ACK)
        self.send(0, flags=FIN | ACK)


# ---- TCP, IP ----

def syns(o, n):
    """Connections that are only asked for."""
    for i in range(n):
        Conn(o, i).send(0, flags=SYN)


def syns_on_one_port(o, n):
    """One connection, begun anew with another number each time."""
    c = Conn(o)
    for i in range(n):
        c.seq[0] += 100003
        c.send(0, flags=SYN)


def reuse(o, n):
    """One connection after the other on the same ports."""
    c = Conn(o)
    for i in range(n):
        c.seq = [c.seq[0] + 300007, c.seq[1] + 300007]
        c.open().end()


def half_heads(o, n):
    for i in range(n):
        Conn(o, i).syn().send(0, b"GET ")


def reverse_bytes(o, n):
    """Segments of one byte, the last one first, as much as is held; again and again."""
    c = Conn(o).open()
    for start in range(0, n, 20000):
        for at in reversed(range(min(20000, n - start))):
            c.send(1, b"\x8a", at=at)
        c.seq[1] += 20000


def holes(o, n):
    """Every other byte, in any order, and never the rest: more than is held."""
    c = Conn(o).open()
    order = list(range(1, 2 * n, 2))
    random.Random(1).shuffle(order)
    for at in order:
        c.send(1, b"x", at=at)


def overlaps(o, n):
    """Behind a hole, each over a thousand others."""
    c = Conn(o).open()
    rng = random.Random(2)
    for i in range(n):
        c.send(1, b"x" * 1000, at=1 + rng.randrange(n))


def islands(o, n):
    """Single bytes with holes between them, then segments over all of them, again and again."""
    c = Conn(o).open()
    for start in range(0, n, 500):
        for at in range(1, 1000, 2):
            c.send(1, b"x", at=at)
        for _ in range(20):
            c.send(1, b"y" * 999, at=1)
        c.send(1, b"z" * 1000)


def skewed_tree(o, n):
    """Chunks in the order that would make a treap with known priorities a list, then what looks for its end."""
    seed, order = 0, []
    for i in range(n):
        seed = (seed * 1664525 + 1013904223) & 0xffffffff
        x = seed ^ seed >> 16
        order.append((x * 0x45d9f3b & 0xffffffff, i))
    place = [0] * n
    for rank, (_, i) in enumerate(sorted(order, reverse=True)):
        place[i] = n - rank
    c = Conn(o).open()
    for p in place:
        c.send(1, b"x", at=2 * p)


def resent(o, n):
    c = Conn(o).open()
    c.send(1, b"\x82\x7e\x10\x00" + b"x" * 1000)
    for i in range(n):
        c.send(1, b"x" * 10, at=-10 - i % 900)


def stale_resets(o, n):
    c = Conn(o).open()
    for i in range(n):
        c.send(1, flags=RST, at=500000 + i)


def fragments(o, n):
    """Of one datagram, over each other."""
    rng = random.Random(3)
    for i in range(n):
        at = rng.randrange(1, 8000)
        o.raw(struct.pack("!BBHHHBBHII", 0x45, 0, 36, i // 60000, 0x2000 | at, 64, 6, 0, 0x0a000001, 0x0a000002) + b"x" * 16)


def first_fragments(o, n):
    """Of as many datagrams."""
    for i in range(n):
        o.raw(struct.pack("!BBHHHBBHII", 0x45, 0, 36, i & 0xffff, 0x2000, 64, 6, 0, 0x0a000001 + (i >> 16), 0x0a000002) + b"x" * 16)


def last_fragments(o, n):
    """In order, but for the first; then the next datagram."""
    for i in range(n):
        o.raw(struct.pack("!BBHHHBBHII", 0x45, 0, 28, i // 8000, 0x2000 | 8000 - i % 8000, 64, 6, 0, 0x0a000001, 0x0a000002) + b"x" * 8)


# ---- HTTP/1 ----

def folds(o, n):
    """One header of as many folds; as many bytes as belong to a head begin it anew on another connection."""
    head = b"GET / HTTP/1.1\r\nHost: a" + b"\r\n b" * n
    for i in range(0, len(head), 60000):
        Conn(o, i // 60000).syn().stream(0, b"GET / HTTP/1.1\r\nHost: a" + head[max(i, 23):i + 60000], 1000)


def header_lines(o, n):
    for i in range(0, n, 12000):
        c = Conn(o, i // 12000).syn()
        c.stream(0, ASK[:-2] + b"a:b\r\n" * min(12000, n - i) + b"\r\n", 700)


def same_field(o, n):
    """A field that is kept, over and over."""
    for i in range(0, n, 5000):
        c = Conn(o, i // 5000).syn()
        c.stream(0, ASK[:-2] + b"Origin: b\r\n" * min(5000, n - i) + b"\r\n", 500)


def head_bytes(o, n):
    """Heads in segments of one byte."""
    for i in range(0, n, len(ASK) * 4):
        c = Conn(o, i).syn()
        c.stream(0, ASK[:-2] + b"User-Agent: " + b"x" * (len(ASK) * 3) + b"\r\n\r\n", 1)


def requests(o, n):
    c = Conn(o).syn()
    c.stream(0, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * n, 1300)


def chunks(o, n):
    c = Conn(o).syn()
    c.send(0, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    c.stream(1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * n)


# ---- WebSocket ----

def frames(o, n):
    """32,000 in a segment."""
    c = Conn(o).open()
    c.stream(1, b"\x89\x00" * n, 64000)


def frame_bytes(o, n):
    """Masked frames of one byte in segments of one byte."""
    c = Conn(o).open()
    c.stream(0, b"\x81\x81\x01\x02\x03\x04x" * (n // 7), 1)


def continuations(o, n):
    c = Conn(o).open()
    c.stream(1, b"\x01\x01a" + b"\x00\x01b" * n, 1200)


def violations(o, n):
    c = Conn(o).open()
    c.stream(1, b"\xf3\x80abcd" * n, 1200)


def closes(o, n):
    c = Conn(o).open()
    c.stream(1, b"\x88\x02\x03\xe8" * n, 1200)


def pings(o, n):
    """All different, none answered, then Pongs that answer none."""
    c = Conn(o).open()
    for i in range(n):
        c.send(1, b"\x89\x04" + struct.pack("!I", i))
    for i in range(n // 4):
        c.send(0, b"\x8a\x84\0\0\0\0" + struct.pack("!I", n - i))


def noise(o, n):
    """Without a handshake: bytes that may be frames."""
    rng = random.Random(4)
    for i in range(0, n, 200):
        c = Conn(o, i)
        for _ in range(min(200, n - i)):
            c.send(1, bytes([0x81, rng.randrange(126)]) + b"x" * 20)


def distinct_texts(o, n):
    for i in range(n):
        c = Conn(o, i).syn()
        c.send(0, ASK.replace(b"/a", b"/%d" % i).replace(b"a.example", b"h%d.example" % i))
        c.send(1, ANSWER)


# ---- HTTP/2 ----

def h2(kind, flags, stream, body=b""):
    return struct.pack("!I", len(body))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + body


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2(4, 0, 0, b"\0\x08\0\0\0\1")
CONNECT = b"\x02\x07CONNECT" + b"\x40\x09:protocol\x09websocket" + b"\x87\x84\x01\x01h"


def h2_open(o):
    c = Conn(o).syn()
    c.send(0, PREFACE)
    c.send(1, h2(4, 0, 0, b"\0\x08\0\0\0\1") + h2(4, 1, 0))
    c.send(0, h2(4, 1, 0))
    return c


def h2_streams(o, n):
    c = h2_open(o)
    c.stream(0, b"".join(h2(1, 4, 1 + 2 * i, CONNECT) for i in range(n)), 1300)


def h2_rapid_reset(o, n):
    c = h2_open(o)
    c.stream(0, b"".join(h2(1, 4, 1 + 2 * i, CONNECT) + h2(3, 0, 1 + 2 * i, b"\0\0\0\x08") for i in range(n)), 1300)


def h2_continuations(o, n):
    c = h2_open(o)
    c.stream(0, h2(1, 0, 1, b"\x82") + b"".join(h2(9, 0, 1, b"\x84") for _ in range(n)), 1300)


def h2_settings(o, n):
    h2_open(o).stream(0, h2(4, 0, 0, b"\0\1\0\0\x10\0" * 8) * n, 1300)


def h2_pings(o, n):
    h2_open(o).stream(0, h2(6, 0, 0, b"12345678") * n, 1300)


def h2_empty_data(o, n):
    c = h2_open(o)
    c.send(0, h2(1, 4, 1, CONNECT))
    c.send(1, h2(1, 4, 1, b"\x88"))
    c.stream(0, h2(0, 0, 1) * n, 1300)


def h2_windows(o, n):
    h2_open(o).stream(0, h2(8, 0, 0, b"\0\0\0\1") * n, 1300)


def h2_bomb(o, n):
    """A long entry of the HPACK table, named again and again."""
    c = h2_open(o)
    long = b"\x40\x01a" + b"\x7f\xb1\x1e" + b"x" * 4016
    c.stream(0, h2(1, 4, 1, CONNECT) + h2(1, 4, 3, b"\x82" + long), 1300)
    c.stream(0, b"".join(h2(1, 4, 5 + 2 * i, b"\x82" + b"\xbe" * 1000) for i in range(n // 1000)), 1300)


def h2_lost(o, n):
    """After a hole: where is the next frame?"""
    c = h2_open(o)
    c.seq[0] += 1000
    c.stream(0, b"\0\0\x04\x08\0\0\0\0" * (n // 8), 1300)


# ---- TLS ----

def record(kind, body):
    return struct.pack("!BHH", kind, 0x0303, len(body)) + body


def hello(sni=b"a.example", rnd=b"r" * 32):
    name = struct.pack("!HBH", len(sni) + 3, 0, len(sni)) + sni
    ext = struct.pack("!HH", 0, len(name)) + name
    body = b"\x03\x03" + rnd + b"\0" + b"\0\x02\x13\x01" + b"\x01\0" + struct.pack("!H", len(ext)) + ext
    return b"\x01" + struct.pack("!I", len(body))[1:] + body


def server_hello():
    body = b"\x03\x03" + b"s" * 32 + b"\0" + b"\x13\x01\0" + b"\0\x06\0\x2b\0\x02\x03\x04"
    return b"\x02" + struct.pack("!I", len(body))[1:] + body


def tls_records(o, n):
    """Of one byte each."""
    c = Conn(o).syn()
    c.send(0, record(22, hello()))
    c.send(1, record(22, server_hello()))
    c.stream(0, record(23, b"x") * n, 1300)


def tls_handshake_bytes(o, n):
    """A hello in records of one byte, as long as one may be, over and over."""
    long = b"\x01\0\xff\xff" + b"x" * 65535
    for i in range(0, n, 30000):
        c = Conn(o, i).syn()
        c.stream(0, b"".join(record(22, long[k:k + 1]) for k in range(min(30000, n - i))), 1300)


def tls_alerts(o, n):
    c = Conn(o).syn()
    c.send(0, record(22, hello()))
    c.stream(1, record(21, b"\x01\x5a") * n, 1300)


def tls_names(o, n):
    for i in range(n):
        c = Conn(o, i).syn()
        c.send(0, record(22, hello(b"h%d.example" % i, struct.pack("!I", i) * 8)))
        c.send(1, record(22, server_hello()))


# ---- pcapng; what they write has headers of its own ----

def block(kind, body):
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


SECTION = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
INTERFACE = block(1, struct.pack("<HHI", 101, 0, 0))
PACKET = b"\x45\0\0\x14\0\0\0\0\x40\x11\0\0\x0a\0\0\1\x0a\0\0\2"


def packet(interface):
    return block(6, struct.pack("<IIIII", interface, 411483, 3722805, 20, 20) + PACKET)


def pcapng_blocks(n):
    return SECTION + INTERFACE + block(0x0bad, b"") * n + packet(0)


def pcapng_interfaces(n):
    return SECTION + INTERFACE * n + packet(n - 1) * 10


def pcapng_sections(n):
    return (SECTION + INTERFACE + packet(0)) * n


def pcapng_secrets(n):
    lines = (b"CLIENT_RANDOM %064x %096x\n" % (i, i) for i in range(n))
    return SECTION + INTERFACE + b"".join(block(10, struct.pack("<II", 0x544c534b, 176) + line) for line in lines) + packet(0)


def pcapng_packets(n):
    return SECTION + INTERFACE + packet(0) * n


# ---- key logs ----

def keys_of_one(n):
    return b"".join(b"CLIENT_RANDOM %064x %096x\n" % (7, i) for i in range(n))


def keys_of_many(n):
    return b"".join(b"CLIENT_RANDOM %064x %096x\n" % (i, i) for i in range(n))


def keys_garbage(n):
    return b"CLIENT_RANDOM zz\n" * n


def keys_long_line(n):
    return b"C" * n


# ---- many connections, for what is found across them ----

def same_key(o, n):
    """One Sec-WebSocket-Key on every connection."""
    for i in range(n):
        Conn(o, i).open().end()


def keys_by_eights(o, n):
    """A key on eight connections each, the most that are compared."""
    for i in range(n):
        c = Conn(o, i).syn()
        c.send(0, ASK.replace(KEY, b"%015d" % (i // 8) + b"AAAAAAA=="))
        c.send(1, ANSWER)
        c.end()


def all_at_once(o, n):
    """Opened one after the other, and closed at one moment."""
    conns = [Conn(o, i, server=(0xc0000201 + i % 50, 8080)).open() for i in range(n)]
    o.us += 60000000
    for c in conns:
        o.us -= 50
        c.send(1, b"\x88\x02\x03\xe9")
        o.us -= 50
        c.send(1, flags=FIN | ACK)


def one_silence(o, n):
    """Each silent for as long before its end."""
    import collections
    waiting = collections.deque()
    for i in range(n):
        waiting.append((o.us, Conn(o, i).open()))
        o.us += 30000
        while waiting and waiting[0][0] + 60000000 < o.us:
            waiting.popleft()[1].end()
    o.us += 60000000
    while waiting:
        waiting.popleft()[1].end()


def as_many_silences(o, n):
    """No two silent for as long."""
    o.us -= 50
    ends = []
    for i in range(n):
        Conn(o, i).open()
        ends.append((o.us + 10000000 + i * 7919 % n * 1000, i))
    for at, i in sorted(ends):
        o.us = max(o.us, at)
        c = Conn(o, i)
        c.seq = [c.seq[0] + 1 + len(ASK), c.seq[1] + 1 + len(ANSWER)]
        c.send(1, flags=RST)
