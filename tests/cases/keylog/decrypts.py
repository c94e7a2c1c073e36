#!/usr/bin/env python3
"""What secrets make of a capture, wherever they come from, and what of it is stored. usage: decrypts.py WSCLOSE"""
import json, os

import keylab
from keylab import TLS, Case, line

SCENE = json.loads(keylab.read(TLS, "truth.json"))["tls13-suites"]
PCAP = keylab.read(TLS, SCENE["captures"][0])
KEYS = keylab.read(TLS, next(k for k in SCENE["keylog"] if ".client." in k))
WANT = sorted(c["path"] for c in SCENE["connections"])
PACKETS = len(list(keylab.packets(PCAP)))


def paths(records):
    return sorted(r["path"] or "?" for r in records)


def essence(records):
    return [{k: v for k, v in r.items() if k not in ("capture", "id")} for r in records]


class Keyed(Case):
    def setUp(self):
        super().setUp()
        self.pcap, self.keys = self.write("a.pcap", PCAP), self.write("keys", KEYS)

    def analyze(self, *args, db="none", **kw):
        return self.records("analyze", "--db", db, *args, **kw)


class Sources(Keyed):
    def test_from_everywhere_the_same(self):
        want = self.analyze(self.pcap, "--keylog", self.keys)
        self.assertEqual(paths(want), WANT)
        self.assertIn("\n24 TLS secrets\n", self.err)
        self.assertEqual(essence(self.analyze(self.pcap, env={"SSLKEYLOGFILE": self.keys})), essence(want))
        lines = KEYS.splitlines(True)
        half = [self.write(f"half{i}", b"".join(lines[i::2])) for i in (0, 1)]
        self.assertEqual(essence(self.analyze(self.pcap, "--keylog", half[0], "--keylog", half[1])), essence(want))
        for order in "<>":
            for where in ({0: KEYS}, {PACKETS: KEYS}, {PACKETS // 2: KEYS}, {0: b"".join(lines[::2]), PACKETS: b"".join(lines[1::2])}):
                f = self.write("s.pcapng", keylab.pcapng(PCAP, where, order))
                self.assertEqual(essence(self.analyze(f)), essence(want), (order, list(where)))
                self.assertNotIn("TLS connections, which may hold", self.err)

    def test_a_pipe(self):
        want = self.analyze(self.pcap, "--keylog", self.keys)
        with open(self.write("s.pcapng", keylab.pcapng(PCAP, {0: KEYS}))) as pipe:
            self.assertEqual(paths(self.analyze("-", stdin=pipe)), WANT)
        with open(self.pcap) as pipe:
            self.assertEqual(essence(self.analyze("-", "--keylog", self.keys, stdin=pipe)), essence(want))

    def test_late_ones_in_a_pipe_are_said(self):
        f = self.write("s.pcapng", keylab.pcapng(PCAP, {PACKETS: KEYS}))
        with open(f, "rb") as pipe:
            self.assertEqual(self.analyze("-", stdin=pipe), [])
        self.assertIn("stand behind the packets they are for", self.err)

    def test_wrong_secrets_are_none(self):
        bad = b"".join(b" ".join([*l.split()[:2], bytes(reversed(l.split()[2]))]) + b"\n" for l in KEYS.splitlines() if l[:1] != b"#")
        self.assertEqual(self.analyze(self.pcap, "--keylog", self.write("bad", bad)), self.analyze(self.pcap))


class Store(Keyed):
    def stored(self, words, *args):
        self.analyze(self.pcap, *args, db="d.db")
        self.assertIn(f"\n{words} d.db", "\n" + self.err)

    def held(self):
        return [r["path"] for r in self.records("events", "--db", "d.db")]

    def test_an_import_is_known_by_the_secrets_it_used(self):
        self.stored("stored in")
        self.assertEqual(self.held(), [])
        other = self.write("other", line("CLIENT_RANDOM", 1))
        self.stored("already stored in", "--keylog", other)
        self.stored("stored anew in", "--keylog", self.keys)
        self.assertEqual(sorted(self.held()), WANT)
        self.stored("already stored in", "--keylog", self.keys)
        longer = self.write("longer", line("CLIENT_RANDOM", 1) + b"\n".join(reversed(KEYS.splitlines())) + b"\n" + line("CLIENT_RANDOM", 2))
        self.stored("already stored in", "--keylog", longer)
        self.assertEqual(sorted(self.held()), WANT)

    def test_encrypted_connections_are_replaced_by_what_they_held(self):
        self.stored("stored in")
        self.stored("stored anew in", "--encrypted")
        self.assertEqual({r["cause"] for r in self.records("events", "--db", "d.db")}, {"no_keys"})
        self.assertEqual(self.held(), [None] * len(WANT))
        self.stored("already stored in", "--encrypted")
        self.stored("stored anew in", "--encrypted", "--keylog", self.keys)
        self.assertEqual(sorted(self.held()), WANT)

    def test_one_more_secret_is_another_import(self):
        randoms = sorted({l.split()[1] for l in KEYS.splitlines() if l[:1] != b"#"})
        one = self.write("one", b"".join(l for l in KEYS.splitlines(True) if randoms[0] in l))
        self.stored("stored in", "--keylog", one)
        self.assertEqual(len(self.held()), 1)
        self.stored("stored anew in", "--keylog", self.keys)
        self.assertEqual(sorted(self.held()), WANT)

    def test_secrets_put_into_the_capture(self):
        """Its packets, and so its content as captures are known, are the same."""
        self.stored("stored in")
        f = self.write("s.pcapng", keylab.pcapng(PCAP, {PACKETS: KEYS}))
        self.analyze(f, db="d.db")
        self.assertIn("stored anew in d.db", self.err)
        self.assertEqual(sorted(self.held()), WANT)
        self.stored("already stored in", "--keylog", self.keys)

    def test_nothing_secret_is_stored(self):
        self.stored("stored in", "--keylog", self.keys)
        data = b"".join(keylab.read(self.path(f)) for f in os.listdir(self.tmp.name) if f.startswith("d.db"))
        for l in KEYS.splitlines():
            if l[:1] != b"#":
                secret = l.split()[2]
                self.assertNotIn(bytes.fromhex(secret.decode()), data)
                self.assertNotIn(secret, data)


class Extract(Keyed):
    def check(self, capture, *words):
        records = self.records("analyze", "--db", "d.db", capture, "--keylog", self.keys)
        self.assertEqual(paths(records), WANT)
        seen = set()
        for r in records:
            out = self.path(f"{r['id']}.pcapng")
            self.run_("extract", "--db", "d.db", str(r["id"]), "-o", out, *words)
            self.assertIn("holds the TLS secrets of the connection", self.err)
            randoms = {l.split()[1] for l in keylab.secrets_in(keylab.read(out))}
            self.assertEqual(len(randoms), 1)
            self.assertFalse(randoms & seen, "another connection's")
            seen |= randoms
            (got,) = self.analyze(out)
            for key in ("path", "close_code", "closed_by", "ending", "client_saw", "server_saw", "frames", "messages", "bytes", "tls_version"):
                self.assertEqual(got[key], r[key], key)

    def test_from_the_capture(self):
        self.check(self.write("s.pcapng", keylab.pcapng(PCAP, {PACKETS: KEYS})))

    def test_from_a_key_log(self):
        self.check(self.pcap, "--keylog", self.keys)

    def test_not_unasked(self):
        (first, *_) = self.analyze(self.pcap, "--keylog", self.keys, db="d.db")
        self.run_("extract", "--db", "d.db", str(first["id"]), "-o", "x.pcapng", env={"SSLKEYLOGFILE": self.keys})
        self.assertEqual(keylab.secrets_in(keylab.read(self.path("x.pcapng"))), [])


keylab.main()
