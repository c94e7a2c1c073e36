"""What tshark makes of a capture, to compare a story with: WebSocket frames, HTTP/2 DATA and TCP's flags, by connection and packet."""
import collections, os, subprocess
import xml.etree.ElementTree as ElementTree

Seen = collections.namedtuple("Seen", "packet source destination what")  # what: ("fin",) ... or ("frame", opcode, fin, length, code)
WANTED = "websocket || http2.type == 0 || http2.type == 1 || http2.type == 3 || tcp.flags.syn == 1 || tcp.flags.fin == 1 || tcp.flags.reset == 1"


def ports(records):
    """Decode-as for tshark: who listens where, as the records have it. Speaking it on every port is no habit of tshark's."""
    how = []
    for port, what in sorted({(r["server"].rsplit(":", 1)[1], speaks(r)) for r in records}):
        how += ["-d", f"tcp.port=={port},{what}"]
    return how


def speaks(record):
    if record["scheme"] == "wss" or record["tls_version"] is not None:
        return "tls"
    if os.path.basename(record["capture"]) == "upgraded.pcap":  # HTTP/1.1 turns into HTTP/2
        return "http"
    return {"1.1": "http", "2": "http2", None: "websocket"}[record["http"]]


def pdml(path, keylogs, records):
    command = ["tshark", "-r", path, "-o", "tcp.reassemble_out_of_order:TRUE", *ports(records), "-Y", WANTED, "-T", "pdml"]
    for k in keylogs:
        command += ["-o", f"tls.keylog_file:{k}"]
    return ElementTree.fromstring(subprocess.run(command, capture_output=True).stdout)


def all_shown(proto, name, attribute="show"):
    return [f.get(attribute) for f in proto.iter("field") if f.get("name") == name]


def shown(proto, name):
    return (all_shown(proto, name) or [None])[0]


def number(text):
    return int(text, 0) if text is not None else None


def join(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def segment(packet):
    """Source, destination and flags of the innermost TCP segment."""
    ip = tcp = None
    for proto in packet.iter("proto"):
        if proto.get("name") in ("ip", "ipv6"):
            ip = proto
        elif proto.get("name") == "tcp":
            tcp = proto
    family = ip.get("name")
    source, destination = (join(shown(ip, f"{family}.{a}"), shown(tcp, f"tcp.{a}port")) for a in ("src", "dst"))
    bits = number(shown(tcp, "tcp.flags"))
    word = "rst" if bits & 4 else "syn_ack" if bits & 0x12 == 0x12 else "syn" if bits & 2 else "fin" if bits & 1 else None
    return source, destination, word


def frame_of(proto):
    length = number(shown(proto, "websocket.payload_length"))
    if length == 126:
        length = number(shown(proto, "websocket.payload_length_ext_16"))
    elif length == 127:
        length = number(shown(proto, "websocket.payload_length_ext_64"))
    opcode = number(shown(proto, "websocket.opcode"))
    code = number(shown(proto, "websocket.payload.close.status_code"))
    return ("frame", opcode, number(shown(proto, "websocket.fin")) == 1, length, code if opcode == 8 else None)


class Framing:
    """RFC 6455 5.2 over the DATA of an HTTP/2 stream, which this tshark does not look into."""

    def __init__(self):
        self.bytes = b""

    def feed(self, data):
        self.bytes += data
        while len(self.bytes) >= 2:
            b = self.bytes
            length, at = b[1] & 127, 2
            if length >= 126:
                at += 2 if length == 126 else 8
                if len(b) < at:
                    return
                length = int.from_bytes(b[2:at], "big")
            mask = b[at:at + 4] if b[1] & 128 else b"\0\0\0\0"
            at += 4 if b[1] & 128 else 0
            if len(b) < at + length:
                return
            body = bytes(x ^ mask[i % 4] for i, x in enumerate(b[at:at + length]))
            code = int.from_bytes(body[:2], "big") if b[0] & 15 == 8 and length >= 2 else None
            self.bytes = b[at + length:]
            yield ("frame", b[0] & 15, b[0] & 128 != 0, length, code)


class Dissected:
    def __init__(self, path, keylogs, records):
        self.seen = []  # in order
        self.streams = collections.defaultdict(list)  # the same of HTTP/2, by stream
        framing = collections.defaultdict(Framing)
        for packet in pdml(path, keylogs, records).iter("packet"):
            n = number(next(v for p in packet.iter("proto") if p.get("name") == "geninfo" for v in all_shown(p, "num")))
            source, destination, word = segment(packet)
            for proto in packet.iter("proto"):
                if proto.get("name") == "websocket":
                    self.seen.append(Seen(n, source, destination, frame_of(proto)))
                elif proto.get("name") == "http2":
                    self.http2(n, source, destination, proto, framing)
            if word is not None:
                self.seen.append(Seen(n, source, destination, (word,)))

    def http2(self, n, source, destination, proto, framing):
        for f in proto.iter("field"):
            if shown(f, "http2.type") is None or f.get("name") != "http2.stream":
                continue
            stream, kind = number(shown(f, "http2.streamid")), number(shown(f, "http2.type"))
            key = frozenset((source, destination)), stream
            if kind == 0:
                for data in filter(None, all_shown(f, "http2.data.data", "value")):
                    self.streams[key] += [Seen(n, source, destination, what) for what in framing[source, destination, stream].feed(bytes.fromhex(data))]
            if kind == 3:
                self.streams[key].append(Seen(n, source, destination, ("rst_stream", number(shown(f, "http2.rst_stream.error")))))
            elif all_shown(f, "http2.flags.end_stream")[:1] == ["1"]:
                self.streams[key].append(Seen(n, source, destination, ("end_stream",)))

    def of(self, record, stream, first, last):
        """What belongs to one record, between two packets."""
        ends = {record["client"], record["server"]}
        own = [s for s in self.seen if {s.source, s.destination} == ends]
        if stream is not None:
            own = [s for s in own if s.what[0] != "frame"] + self.streams[frozenset(ends), stream]
        return sorted((s.packet, s.source, s.what) for s in own if first <= s.packet <= last)
