#!/usr/bin/python3
"""Makes the corpora of fuzz_tls_stream and fuzz_tls_handshake from tests/unit/tls/data/*.tls."""
import pathlib

HERE = pathlib.Path(__file__).parent
LONGEST = 12000  # longer inputs only make the fuzzer slow


def main():
    stream, handshake = HERE / "corpus/tls_stream", HERE / "corpus/tls_handshake"
    stream.mkdir(parents=True, exist_ok=True)
    handshake.mkdir(parents=True, exist_ok=True)
    for fixture in sorted((HERE.parent / "unit/tls/data").glob("*.tls")):
        keys, steps, hellos = b"", b"", b""
        for line in fixture.read_text().splitlines():
            word, _, rest = line.partition(" ")
            if word == "keys" and not rest.startswith(("RSA", "EXPORTER", "EARLY_EXPORTER")):
                keys += rest.encode() + b"\n"
            elif word == "new":
                steps = b""  # the last connection of a fixture
            elif word in ("c2s", "s2c"):
                data = bytes.fromhex(rest)
                steps += bytes([word == "s2c"]) + len(data).to_bytes(2, "big") + data
                if data[0] == 22 and len(hellos) < 600:
                    hellos += data[5:5 + int.from_bytes(data[3:5], "big")]
        if len(keys + steps) < LONGEST:
            (stream / fixture.stem).write_bytes(bytes([0, 7]) + len(keys).to_bytes(2, "big") + keys + steps)
            (handshake / fixture.stem).write_bytes(bytes([7, 0]) + hellos)


main()
