#!/usr/bin/env python3
"""Agreement with tshark on every Close frame: packet number, sender, code, reason.

usage: close_frames_vs_tshark.py WSCLOSE FOLDER...

Runs both over every plain-text capture in the folders and compares the first Close of each side of each connection. tshark shows a
Close only where it knows the stream to be a WebSocket, so what it does not show (no handshake in the capture, an HTTP tunnel)
is counted and listed, not compared. Exit status 1 if they disagree anywhere.
"""
import glob, json, os, re, subprocess, sys

FIELDS = ["frame.number", "ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport", "websocket.opcode",
          "websocket.payload.close.status_code", "websocket.payload.close.reason", "tcp.stream"]

# Where tshark is known to be wrong or silent, with the reason.
KNOWN = {
    "snaplen96.pcap": "cut by the snap length: tshark does not dissect a segment that is not whole",
    "zeek-oversized-close-frame.pcapng": "a Close over 125 bytes with a 64-bit length: the reason is kept to a ceiling",
}


def tshark_closes(path):
    """{(src, sport, dst, dport): (packet, code, reason)} of the first Close of each sender of each stream."""
    args = ["tshark", "-r", path, "-o", "tcp.reassemble_out_of_order:TRUE", "-Y", "websocket.opcode == 8", "-T", "json", "-J", "frame ip ipv6 tcp websocket",
            "--no-duplicate-keys"]
    p = subprocess.run(args, capture_output=True)
    found = {}
    try:
        packets = json.loads(p.stdout or b"[]")
    except ValueError:
        return found
    for packet in packets:
        layers = packet["_source"]["layers"]
        ip = layers.get("ip", layers.get("ipv6"))
        tcp = layers["tcp"]
        if isinstance(ip, list):
            ip = ip[-1]
        if isinstance(tcp, list):
            tcp = tcp[-1]
        src, dst = (ip["ip.src"], ip["ip.dst"]) if "ip.src" in ip else (ip["ipv6.src"], ip["ipv6.dst"])
        frames = layers["websocket"]
        for ws in frames if isinstance(frames, list) else [frames]:
            if int(ws.get("websocket.opcode", -1)) != 8:
                continue
            key = (src, tcp["tcp.srcport"], dst, tcp["tcp.dstport"], tcp["tcp.stream"])
            if key in found:
                continue
            body = ws.get("websocket.payload", {})
            body = {} if not isinstance(body, dict) else body
            text = json.dumps(ws)
            code = re.search(r'"websocket.payload.close.status_code": "(\d+)"', text)
            reason = re.search(r'"websocket.payload.close.reason": ("(?:[^"\\]|\\.)*")', text)
            found[key] = (int(layers["frame"]["frame.number"]), int(code.group(1)) if code else None,
                          json.loads(reason.group(1)) if reason else "")
    return found


def endpoint(text):
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), port


def wsclose_closes(binary, path):
    p = subprocess.run([binary, "analyze", "--db", "none", "--format", "ndjson", "--quiet", path], capture_output=True, text=True)
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
            if re.match(r"[fg]0\d", name):
                continue  # TLS and HTTP/2
            if name in KNOWN:
                skipped += 1
                print(f"{name}: not compared: {KNOWN[name]}")
                continue
            ours, theirs = wsclose_closes(sys.argv[1], path), tshark_closes(path)
            for key, close in theirs.items():
                mine = ours.get(key[:4], [])
                if close in mine:
                    agreed += 1
                    mine.remove(close)
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
