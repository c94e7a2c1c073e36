#!/usr/bin/env python3
"""Make an input of fuzz_analyzer of one connection in a capture.

usage: seed_analyzer.py PCAP STREAM KEYLOG|- CHOICE > INPUT

STREAM is tshark's tcp.stream, CHOICE byte 0 of the input (see fuzz_analyzer.c). The key log's lines come before the packets; behind them
where CHOICE says that they are waited for.
"""
import subprocess, sys

PIECE = 1400
CALL_KEYS = 0xff


def op(what, flags, data):
    return bytes([what, 0x40, flags, len(data) >> 8, len(data) & 255]) + data


def pieces(data):
    return [data[i:i + PIECE] for i in range(0, max(len(data), 1), PIECE)]


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    path, stream, keys, choice = sys.argv[1:4] + [int(sys.argv[4], 0)]
    fields = subprocess.run(["tshark", "-r", path, "-Y", f"tcp.stream=={stream}", "-T", "fields", "-e", "tcp.srcport", "-e", "tcp.flags", "-e", "tcp.payload"],
                            capture_output=True, text=True, check=True).stdout.splitlines()
    client, random, packets, secrets = None, None, b"", b""
    for row in fields:
        port, flags, data = row.split("\t")
        data = bytes.fromhex(data)
        client = client or port
        if random is None and port == client and data[:1] == b"\x16":
            random = data[11:43].hex()
        for piece in pieces(data):
            packets += op(0 if port == client else 4, int(flags, 16) & 0x3f, piece)
    if keys != "-" and random:
        with open(keys) as f:
            text = "".join(line for line in f if line.split()[1:2] == [random])
        secrets = b"".join(op(0, CALL_KEYS, piece) for piece in pieces(text.encode()))
    sys.stdout.buffer.write(bytes([choice]) + (packets + secrets if choice & 0x10 else secrets + packets))


main()
