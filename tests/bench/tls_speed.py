#!/usr/bin/python3
"""What reading TLS costs beside the cipher alone: tls_speed and `openssl speed` in turns, medians of their ratio.

    python3 tests/bench/tls_speed.py build/release [--rounds 5] [--small]
"""
import argparse
import pathlib
import statistics
import subprocess

SUITES = [("1301", "aes-128-gcm"), ("1302", "aes-256-gcm"), ("1303", "chacha20-poly1305")]
PIECES = [("a segment", 1448), ("64 KB", 65536)]


def cipher_alone(name, record, seconds):
    out = subprocess.run(["openssl", "speed", "-seconds", str(seconds), "-bytes", str(record), "-decrypt", "-evp", name],
                         capture_output=True, text=True, check=True).stdout
    return float(out.split()[-1].rstrip("k")) * 1000


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("build")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--small", action="store_true", help="for its correctness only")
    a = arguments.parse_args()
    program = str(pathlib.Path(a.build) / "tests/bench/tls_speed")
    if a.small:
        for suite, _ in SUITES:
            subprocess.run([program, suite, "1000", "1448", "0.01"], check=True, stdout=subprocess.DEVNULL)
        print("read")
        return
    print("| cipher | record | fed by | cost beside the cipher alone |\n|---|---|---|---|")
    for suite, name in SUITES:
        for record in (16384, 1024):
            for label, piece in PIECES:
                ratios = []
                for _ in range(a.rounds):
                    alone = cipher_alone(name, record, 1)
                    ours = subprocess.run([program, suite, str(record), str(piece), "1"], capture_output=True, text=True,
                                          check=True).stdout
                    ratios.append(alone / float(ours))
                print(f"| {name} | {record} | {label} | {statistics.median(ratios):.2f}x |", flush=True)


main()
