#!/usr/bin/env python3
"""Sessions that tempt a careless rule: what may be said of their causes, and what may not. usage: run.py WSCLOSE"""
import json, os, struct, subprocess, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
from pcapgen import ACK, FIN, RST, Session, close, frame

WSCLOSE = os.path.abspath(sys.argv.pop(1))
C, S = 0, 1


class Clock:
    """A capture whose packets come when their sessions say."""

    def __init__(self):
        self.packets, self.now = [], 1767323045.0

    def add(self, data):
        self.packets.append((self.now, data))
        self.now += 0.001

    def pcap(self, keep=lambda data: True):
        out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
        for t, p in sorted(self.packets, key=lambda x: x[0]):
            if keep(p):
                us = round(t * 1e6)
                out += struct.pack("<IIII", us // 1000000, us % 1000000, len(p), len(p)) + p
        return out


class Timed(Session):
    def __init__(self, capture, **where):
        super().__init__(capture, **where)
        self.ttl = [64, 64]

    def packet(self, by, flags, payload=b"", seq=None):
        if seq is not None:  # sent again
            self.seq[by], kept = seq, (self.seq[by], self.ack[1 - by])
        super().packet(by, flags, payload)
        if seq is not None:
            self.seq[by], self.ack[1 - by] = kept
        t, p = self.capture.packets[-1]
        self.capture.packets[-1] = (t, p[:22] + bytes([self.ttl[by]]) + p[23:])

    def wait(self, seconds):
        self.capture.now += seconds

    def say(self, by, text=b"hello"):
        self.send(by, frame(1, text, by == C))

    def ping(self, by, payload=b"p"):
        self.send(by, frame(9, payload, by == C))

    def pong(self, by, payload=b"p"):
        self.send(by, frame(10, payload, by == C))

    def close(self, by, code):
        self.send(by, close(code, mask=by == C))
        self.send(1 - by, close(code, mask=by == S))
        self.fin()


def from_client(p):
    return struct.unpack_from("!H", p, 36)[0] in (80, 443, 8080)


class Case(unittest.TestCase):
    def setUp(self):
        self.capture = Clock()
        self.s = Timed(self.capture)
        self.s.handshake()

    def records(self, keep=lambda p: True):
        with tempfile.TemporaryDirectory() as d:
            path, db = os.path.join(d, "in.pcap"), os.path.join(d, "x.db")
            with open(path, "wb") as f:
                f.write(self.capture.pcap(keep))
            for args in (["analyze", "--db", db, "--format", "none", path], ["events", "--db", db, "--format", "ndjson"]):
                p = subprocess.run([WSCLOSE, *args], capture_output=True, timeout=60)
                self.assertEqual(p.returncode, 0, p.stderr.decode())
        return [json.loads(line) for line in p.stdout.decode().splitlines()]

    def says(self, cause, confidence=None, said=None, never=None, keep=lambda p: True):
        rows = self.records(keep)
        self.assertEqual(len(rows), 1, rows)
        r = rows[0]
        text = "\n".join(r["evidence"])
        self.assertEqual((r["cause"], r["confidence"]), (cause, confidence), text)
        if said is not None:
            self.assertRegex(text, said)
        if never is not None:
            self.assertNotRegex(text, never)
        return r


class Ends(Case):
    def test_the_path_changes_with_the_fin(self):
        for i in range(6):
            self.s.say(i % 2)
        self.s.ttl[S] = 60
        self.s.wait(3)
        self.s.fin(S)
        self.says("middlebox_reset", "possible", "the path may have changed")

    def test_a_fin_of_another_host(self):
        for i in range(6):
            self.s.say(i % 2)
        self.s.ttl[S] = 60
        self.s.wait(3)
        self.s.packet(S, FIN | ACK)
        self.s.ttl[S] = 64
        self.s.packet(C, FIN | ACK)
        self.s.packet(S, ACK)
        self.says("middlebox_reset", "likely", never="path may have changed")

    def test_a_fin_that_nobody_acknowledges(self):
        """All before it was: that the other side is gone came to light by the end and is not why it ended."""
        self.s.say(C)
        self.s.wait(3)
        self.fin_in_vain()
        self.says(None, None, "sent again, or probed, 6 times")

    def test_a_message_and_a_fin_that_nobody_acknowledges(self):
        self.s.say(C)
        self.s.wait(3)
        self.s.packet(S, ACK, frame(1, b"are you there", False))
        self.s.wait(2)
        self.fin_in_vain()
        self.says("network_loss", "likely")

    def fin_in_vain(self):
        seq = self.s.seq[S]
        self.s.packet(S, FIN | ACK)
        for i in range(6):
            self.s.wait(0.2 * 2 ** i)
            self.s.packet(S, FIN | ACK, seq=seq)

    def test_a_pong_awaits_no_answer(self):
        self.s.say(C)
        self.s.ping(S)
        self.s.wait(0.7)
        self.s.pong(C)
        self.s.wait(0.5)
        self.s.fin(S)
        self.says(None, None, never="had not answered")

    def test_a_message_awaits_one(self):
        self.s.ping(S)
        self.s.pong(C)
        self.s.say(C)
        self.s.wait(0.5)
        self.s.fin(S)
        self.says("peer_crash", "likely", "had not answered")


class Silence(Case):
    def test_a_silence_that_matches(self):
        self.s.say(C)
        self.s.wait(45)
        self.s.say(S)
        self.s.wait(60)
        self.s.fin(S)
        self.says("idle_timeout", "likely", "matches a limit of 60 s")

    def test_it_had_lived_through_a_longer_one(self):
        self.s.say(C)
        self.s.wait(75)
        self.s.say(S)
        self.s.wait(60)
        self.s.fin(S)
        self.says(None, None, r"silence of 60\.0 s at the end matches nginx .* lived through one of 75\.0 s before")

    def test_probes_are_no_bytes(self):
        self.s.say(C)
        for _ in range(5):
            self.s.wait(11)
            self.s.packet(C, ACK, seq=self.s.seq[C] - 1)
            self.s.packet(S, ACK)
        self.s.wait(5)
        self.s.fin(S)
        self.says("idle_timeout", "likely", "no byte for 60.0 s")


class OneWay(Case):
    """Only one side's packets: its Close may be the answer to the other's."""

    def test_1011(self):
        self.s.say(C)
        self.s.wait(3)
        self.s.close(C, 1011)
        self.says("client_error", "likely", never="may be the answer")
        self.says("server_error", "possible", "may be the answer", keep=lambda p: not from_client(p))

    def test_1001_of_a_browser(self):
        self.capture.packets.clear()
        self.s = Timed(self.capture)
        self.s.handshake(headers=b"User-Agent: Mozilla/5.0\r\n")
        self.s.wait(3)
        self.s.close(S, 1001)
        self.says("going_away", "likely")
        self.says("page_left", "possible", keep=from_client)

    def test_pings_answered_out_of_sight(self):
        for _ in range(3):
            self.s.ping(C)
            self.s.pong(S)
            self.s.wait(20)
        self.s.close(C, 1001)
        for keep in (from_client, lambda p: not from_client(p)):
            self.says("going_away", "possible", never="not answered", keep=keep)


if __name__ == "__main__":
    unittest.main()
