#!/usr/bin/env python3
"""Agreement with tshark on every Close frame: packet number, sender, code, reason.

usage: close_frames_vs_tshark.py WSCLOSE FOLDER...

Runs both over every capture in the folders and compares the first Close of each side of each connection. Key logs beside a capture
(STEM.keys, STEM.client.keys, ...) are given to both. Of HTTP/2, tshark (4.0) shows the DATA of each stream; the frames in it are read
here. tshark shows a Close only where it knows the stream to be a WebSocket, so what it does not show (no handshake in the capture, an
HTTP tunnel) is counted and listed, not compared. Exit status 1 if they disagree anywhere.
"""
import glob, json, os, re, struct, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from verdicts import keylogs, with_keys

# Where tshark is known to be wrong or silent, with the reason.
KNOWN = {
    "snaplen96.pcap": "cut by the snap length: tshark does not dissect a segment that is not whole",
    "zeek-oversized-close-frame.pcapng": "a Close over 125 bytes with a 64-bit length: the reason is kept to a ceiling",
}


def prior_knowledge(path):
    """Ports where HTTP/2 begins at once, which tshark has no idea of."""
    if b"PRI * HTTP/2.0" not in open(path, "rb").read():
        return []
    p = subprocess.run(["tshark", "-r", path, "-Y", 'tcp.payload[0:14] == "PRI * HTTP/2.0" and tcp.seq == 1', "-T", "fields", "-e", "tcp.dstport"], capture_output=True, text=True)
    return sorted(set(p.stdout.split()))


def tshark(path):
    """The packets with WebSocket frames or HTTP/2 DATA."""
    with tempfile.NamedTemporaryFile("w") as keys:
        for k in keylogs(path):
            keys.write(open(k).read() + "\n")
        keys.flush()
        args = ["tshark", "-r", path, "-o", "tcp.reassemble_out_of_order:TRUE", "-o", f"tls.keylog_file:{keys.name}", "-Y", "websocket.opcode == 8 or http2.type == 0 or http2.type == 1",
                "-T", "json", "-J", "frame ip ipv6 tcp websocket http2", "--no-duplicate-keys"]
        for port in prior_knowledge(path):
            args += ["-d", f"tcp.port=={port},http2"]
        p = subprocess.run(args, capture_output=True)
    try:
        return json.loads(p.stdout or b"[]")
    except ValueError:
        return []


def innermost(layer):
    return layer[-1] if isinstance(layer, list) else layer


def listed(layer):
    return layer if isinstance(layer, list) else [] if layer is None else [layer]


class Frames:
    """WebSocket frames in the DATA of one direction of a stream; finds the first Close."""

    def __init__(self):
        self.data = b""

    def feed(self, data):
        self.data += data
        while len(self.data) >= 2:
            opcode, masked, n, at = self.data[0] & 15, self.data[1] >> 7, self.data[1] & 127, 2
            for length, code in ((126, "!H"), (127, "!Q")):
                if n == length and at == 2:
                    at += struct.calcsize(code)
                    if len(self.data) < at:
                        return None
                    n = struct.unpack_from(code, self.data, 2)[0]
            at += 4 * masked
            if len(self.data) < at + n:
                return None
            body = self.data[at:at + n]
            if masked:
                key = self.data[at - 4:at]
                body = bytes(b ^ key[i % 4] for i, b in enumerate(body))
            self.data = self.data[at + n:]
            if opcode == 8:
                return (struct.unpack_from("!H", body)[0] if len(body) > 1 else None, body[2:].decode("utf-8", "replace"))
        return None


def tshark_closes(path):
    """{(src, sport, dst, dport, stream): (packet, code, reason)} of the first Close of each sender of each stream."""
    found, streams, websockets = {}, {}, set()
    for packet in tshark(path):
        layers = packet["_source"]["layers"]
        ip, tcp = innermost(layers.get("ip", layers.get("ipv6"))), innermost(layers["tcp"])
        src, dst = (ip["ip.src"], ip["ip.dst"]) if "ip.src" in ip else (ip["ipv6.src"], ip["ipv6.dst"])
        number, ends = int(layers["frame"]["frame.number"]), (src, tcp["tcp.srcport"], dst, tcp["tcp.dstport"])
        for ws in listed(layers.get("websocket")):
            key = (*ends, tcp["tcp.stream"])
            if int(ws.get("websocket.opcode", -1)) != 8 or key in found:
                continue
            text = json.dumps(ws)
            code = re.search(r'"websocket.payload.close.status_code": "(\d+)"', text)
            reason = re.search(r'"websocket.payload.close.reason": ("(?:[^"\\]|\\.)*")', text)
            found[key] = (number, int(code.group(1)) if code else None, json.loads(reason.group(1)) if reason else "")
        for h2 in listed(layers.get("http2")):
            for f in listed(h2.get("http2.stream")):
                stream = (tcp["tcp.stream"], f.get("http2.streamid"))
                if '":protocol' in json.dumps(f):
                    websockets.add(stream)
                if f.get("http2.type") != "0" or stream not in websockets:
                    continue
                key = (*ends, *stream)
                close = streams.setdefault(key, Frames()).feed(bytes.fromhex(f.get("http2.data.data", "").replace(":", "")))
                if close and key not in found:
                    found[key] = (number, *close)
    return found


def endpoint(text):
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), port


def wsclose_closes(binary, path):
    p = subprocess.run([binary, "analyze", "--db", "none", "--format", "ndjson", "--quiet", *with_keys(keylogs(path)), path], capture_output=True, text=True)
    found = {}
    for line in p.stdout.splitlines():
        r = json.loads(line)
        client, server = endpoint(r["client"]), endpoint(r["server"])
        for side, (a, b) in (("client_close", (client, server)), ("server_close", (server, client))):
            c = r[side]
            if c:
                found.setdefault(a + b, []).append((c["packet"], c["code"], c["reason"] or ""))
    return found


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    agreed = differ = unseen = skipped = 0
    for folder in sys.argv[2:]:
        for path in sorted(glob.glob(os.path.join(folder, "*.pcap*"))):
            name = os.path.basename(path)
            if name in KNOWN:
                skipped += 1
                print(f"{name}: not compared: {KNOWN[name]}")
                continue
            ours, theirs = wsclose_closes(sys.argv[1], path), tshark_closes(path)
            for key, close in theirs.items():
                mine = ours.get(key[:4], [])
                # The padding behind a Close may end in a later packet; tshark names the packet that ends the DATA frame.
                same = close if close in mine else next((m for m in mine if len(key) == 6 and m[0] < close[0] and m[1:] == close[1:]), None)
                if same:
                    agreed += 1
                    mine.remove(same)
                else:
                    differ += 1
                    print(f"{name}: {key[0]}:{key[1]} > {key[2]}:{key[3]}: tshark {close}, wsclose {mine or 'nothing'}")
            for key, rest in ours.items():
                for close in rest:
                    if not any(k[:4] == key for k in theirs):
                        unseen += 1
                        print(f"{name}: {key[0]}:{key[1]}: Close in packet {close[0]} ({close[1]}) that tshark does not dissect")
    print(f"{agreed} Close frames agree, {differ} differ, {unseen} not dissected by tshark, {skipped} captures not compared")
    sys.exit(1 if differ or not agreed else 0)


main()
