#!/usr/bin/env python3
"""Sessions with known truth, packet by packet, through the whole program. usage: run.py WSCLOSE"""
import json, os, subprocess, sys, tempfile, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
from pcapgen import ACK, FIN, KEY, PSH, RST, SYN, Capture, Session, close, frame

WSCLOSE = os.path.abspath(sys.argv.pop(1))
C, S = 0, 1
REQUEST = b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + KEY + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
ANSWER = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"


class Case(unittest.TestCase):
    def setUp(self):
        self.capture = Capture()
        self.s = Session(self.capture)

    def connect(self):
        self.s.packet(C, SYN)
        self.s.packet(S, SYN | ACK)
        self.s.packet(C, ACK)

    def records(self, *args, drop=(), capture=None):
        c = capture or self.capture
        kept = Capture()
        kept.packets = [p for i, p in enumerate(c.packets, 1) if i not in drop]
        with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
            f.write(kept.pcap())
            f.flush()
            p = subprocess.run([WSCLOSE, "analyze", "--db", "none", "--format", "ndjson", *args, f.name], capture_output=True, timeout=60)
        self.err = p.stderr.decode()
        self.assertEqual(p.returncode, 0, self.err)
        return [json.loads(line) for line in p.stdout.decode().splitlines()]

    def one(self, *args, **kw):
        rows = self.records(*args, **kw)
        self.assertEqual(len(rows), 1, rows)
        return rows[0]

    def shake_and_close(self, code=1000):
        self.s.send(C, close(code))
        self.s.send(S, close(code, mask=False))
        self.s.fin()


class Handshake(Case):
    def test_split_at_every_byte(self):
        for cut in range(1, len(REQUEST), 7):
            self.setUp()
            self.connect()
            self.s.send(C, REQUEST[:cut])
            self.s.send(C, REQUEST[cut:])
            self.s.send(S, ANSWER[:cut % len(ANSWER)])
            self.s.send(S, ANSWER[cut % len(ANSWER):])
            self.shake_and_close()
            r = self.one()
            self.assertEqual((r["outcome"], r["close_code"], r["path"], r["handshake_status"]), ("closed", 1000, "/ws", 101), cut)

    def test_requests_before_it(self):
        self.connect()
        self.s.send(C, b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
        self.s.send(S, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
        self.s.send(C, b"HEAD /b HTTP/1.1\r\nHost: h\r\n\r\n" + REQUEST)
        self.s.send(S, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + ANSWER + frame(1, b"at once", mask=False))
        self.shake_and_close()
        r = self.one()
        self.assertEqual((r["outcome"], r["close_code"], r["messages"]), ("closed", 1000, {"client": 0, "server": 1}))

    def test_rejected_and_tried_again_on_the_same_connection(self):
        self.connect()
        self.s.send(C, REQUEST.replace(b"/ws", b"/first"))
        self.s.send(S, b"HTTP/1.1 401 Unauthorized\r\nServer: x\r\nContent-Length: 2\r\n\r\nno")
        self.s.send(C, REQUEST)
        self.s.send(S, ANSWER)
        self.shake_and_close(4000)
        rows = {r["path"]: r for r in self.records()}
        self.assertEqual((rows["/first"]["outcome"], rows["/first"]["ending"], rows["/first"]["handshake_status"], rows["/first"]["server_software"]),
                         ("handshake_failed", "rejected", 401, "x"))
        self.assertEqual((rows["/ws"]["outcome"], rows["/ws"]["close_code"]), ("closed", 4000))

    def test_through_a_connect_tunnel(self):
        self.connect()
        self.s.send(C, b"CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n")
        self.s.send(S, b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.s.send(C, REQUEST)
        self.s.send(S, ANSWER)
        self.shake_and_close()
        self.assertEqual(self.one()["close_code"], 1000)

    def test_data_before_the_answer(self):
        self.connect()
        self.s.packet(C, PSH | ACK, REQUEST + frame(1, b"early"))
        self.s.send(S, ANSWER)
        self.shake_and_close()
        r = self.one()
        self.assertEqual([(v["by"], v["rule"], v["packet"]) for v in r["violations"]], [("client", "data-before-101", 4)])
        self.assertEqual(r["messages"]["client"], 1)

    def test_a_wrong_key_that_the_client_does_not_mind(self):
        self.connect()
        self.s.send(C, REQUEST)
        self.s.send(S, ANSWER.replace(b"s3pP", b"XXXX"))
        self.shake_and_close()
        r = self.one()
        self.assertEqual((r["outcome"], [v["rule"] for v in r["violations"]]), ("closed", ["bad-accept-key"]))

    def test_redirect(self):
        self.connect()
        self.s.send(C, REQUEST)
        self.s.send(S, b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")
        self.s.fin()
        r = self.one()
        self.assertEqual((r["ending"], r["handshake_status"], r["client_saw"]), ("rejected", 302, {"code": 1006, "reason": "", "clean": False}))

    def test_the_answer_is_captured_before_the_request(self):
        self.connect()
        self.s.send(C, REQUEST)
        self.s.send(S, ANSWER)
        self.shake_and_close()
        p = self.capture.packets
        p[3], p[5] = p[5], p[3]
        self.assertEqual((self.one()["path"], self.one()["close_code"]), ("/ws", 1000))

    def test_unanswered_when_the_capture_ends(self):
        self.connect()
        self.s.send(C, REQUEST)
        self.assertEqual(self.records(), [])
        self.assertIn("without an answer yet", self.err)


class Frames(Case):
    def setUp(self):
        super().setUp()
        self.s.handshake(b"/")

    def test_missing_payload_hides_nothing(self):
        big = frame(2, b"x" * 3000)
        self.s.packet(C, PSH | ACK, big[:1000])
        self.s.packet(C, PSH | ACK, big[1000:2000])
        lost = len(self.capture.packets)
        self.s.packet(C, PSH | ACK, big[2000:])
        self.s.packet(S, ACK)
        self.s.fin(first=C)
        r = self.one(drop=[lost])
        self.assertEqual((r["outcome"], r["close_code"], r["ending"], r["closed_by"], r["missing_bytes"]["client"]), ("closed", 1006, "fin", "client", 1000))

    def test_a_missing_header_hides_a_close(self):
        self.s.send(C, frame(1, b"one"))
        lost = len(self.capture.packets) - 1
        self.s.fin()
        r = self.one(drop=[lost])
        self.assertEqual((r["outcome"], r["close_code"], r["ending"]), ("unknown", None, "gap"))

    def test_framing_found_again_shows_that_nothing_was_hidden(self):
        for i in range(8):
            self.s.send(C, frame(1, b"message number %d of several" % i))
        lost = len(self.capture.packets) - 9
        self.s.fin()
        r = self.one(drop=[lost])
        self.assertEqual((r["outcome"], r["close_code"], r["ending"]), ("closed", 1006, "fin"))

    def test_control_frames_between_fragments(self):
        part = frame(1, b"first")
        self.s.send(C, bytes([part[0] & 0x7f]) + part[1:])
        self.s.send(C, frame(9, b"ping"))
        self.s.send(S, frame(10, b"ping", mask=False))
        self.s.send(C, frame(0, b"last"))
        self.shake_and_close()
        r = self.one()
        self.assertEqual((r["violations"], r["frames"]["client"], r["messages"]["client"], r["pings"]["client"], r["pongs"]["server"]), ([], 4, 1, 1, 1))
        self.assertEqual(r["last_rtt_ms"], 20.0)  # the generator's packets are 10 ms apart; an acknowledgement lies between

    def test_idle_clocks(self):
        self.s.send(C, frame(1, b"data"))      # two packets, 10 ms each
        self.s.send(S, frame(9, b"", mask=False))
        self.s.send(C, frame(10, b""))
        self.shake_and_close()
        idle = self.one()["idle_ms"]
        self.assertEqual(idle, {"any": 20.0, "client": 20.0, "server": 40.0, "data": 60.0})

    def test_many_closes_in_one_segment(self):
        self.s.send(C, close(1000) + close(4000) + frame(1, b"after"))
        self.s.send(S, close(1000, mask=False))
        self.s.fin()
        r = self.one()
        self.assertEqual((r["close_code"], [v["rule"] for v in r["violations"]]), (1000, ["frame-after-close"]))

    def test_an_rst_that_nobody_heeds(self):
        seq = self.s.seq[S]
        self.s.seq[S] = seq - 5000
        self.s.packet(S, RST)
        self.s.seq[S] = self.s.ack[C] = seq
        self.s.send(C, frame(1, b"still here"))
        self.shake_and_close()
        r = self.one()
        self.assertEqual((r["close_code"], r["ending"], r["tcp_end"]), (1000, "close_handshake", "fin"))


class Ports(Case):
    def test_two_websockets_one_after_the_other_on_the_same_ports(self):
        self.s.handshake(b"/one")
        self.shake_and_close(1000)
        again = Session(self.capture)
        again.seq = [90000, 70000]
        again.handshake(b"/two")
        again.packet(S, RST)
        rows = {r["path"]: (r["close_code"], r["ending"]) for r in self.records()}
        self.assertEqual(rows, {"/one": (1000, "close_handshake"), "/two": (1006, "reset")})

    def test_the_end_of_one_and_the_start_of_the_next_not_captured(self):
        """Initial sequence numbers move on by about 16 MB a second (RFC 6528); the ports are the same."""
        for ahead in (3 << 19, 44 << 20, 1 << 31):
            for lost in (0, 3):  # the SYNs alone; also the handshake's last ACK and the request
                with self.subTest(ahead=ahead, lost=lost):
                    self.setUp()
                    self.connect()
                    self.s.send(C, REQUEST.replace(b"/ws", b"/first"))
                    self.s.send(S, ANSWER)
                    self.s.send(C, frame(1, b"hello", mask=True))
                    second = Session(self.capture)
                    second.seq = [n + ahead for n in self.s.seq]
                    before = len(self.capture.packets)
                    second.handshake(b"/second")
                    for _ in range(4):
                        second.send(C, frame(1, b"more", mask=True))
                        second.send(S, frame(1, b"more", mask=False))
                    second.send(C, close(1000))
                    second.send(S, close(1000, mask=False))
                    second.fin()
                    rows = self.records(drop=range(before + 1, before + 3 + lost))
                    said = [(r["path"], r["outcome"], r["close_code"], max(r["missing_bytes"].values()) <= ahead < 1 << 24 or
                             max(r["missing_bytes"].values()) < 1000) for r in rows]
                    self.assertIn(("/first", "unknown", None, True), said)
                    if lost == 0:
                        self.assertIn(("/second", "closed", 1000, True), said)
                    self.assertFalse([r for r in said if r[0] == "/first" and r[2] is not None], said)

    def test_a_new_connection_on_the_ports_of_one_that_never_ended(self):
        self.s.handshake(b"/one")
        again = Session(self.capture)
        again.seq = [90000, 70000]
        again.handshake(b"/two")
        rows = {r["path"]: (r["outcome"], r["close_code"]) for r in self.records()}
        self.assertEqual(rows, {"/one": ("unknown", None), "/two": ("open", None)})

    def test_at_the_ceiling_the_oldest_is_unknown_and_counted(self):
        for i in range(5):
            Session(self.capture, port=50000 + i).handshake(b"/%d" % i)
        rows = [r["outcome"] for r in self.records("--max-connections", "2")]
        self.assertEqual(sorted(rows), ["open", "open", "unknown", "unknown", "unknown"])
        self.assertIn("forgotten", self.err)

    def test_at_the_ceiling_of_memory_too(self):
        for i in range(3000):
            Session(self.capture, port=1024 + i).handshake(b"/")
        rows = [(r["outcome"], r["cause"]) for r in self.records("--max-memory", "1M")]
        self.assertEqual(len(rows), 3000)
        self.assertEqual(set(rows), {("open", None), ("unknown", "evicted")})
        # About 500 bytes each: 1 MB holds between one and two thousand.
        self.assertTrue(800 < rows.count(("open", None)) < 2300, rows.count(("open", None)))
        self.assertIn("--max-memory", self.err)

    def test_a_late_start_without_frames_is_no_record(self):
        self.s.handshake()
        n = len(self.capture.packets)
        self.s.fin()
        self.assertEqual(self.records(drop=range(1, n + 1)), [])


if __name__ == "__main__":
    unittest.main()
