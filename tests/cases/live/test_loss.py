"""Truth under loss: the kernel drops packets while connections live and close. Drops are counted, with their time span, and no record
says for certain what the dropped packets might have said otherwise."""
import re, signal, socket, struct, time
from datetime import datetime

import net as lab
from case import Case, records
from traffic import ENDS, Traffic

SEGMENT = 1000


class Flood:
    """Segments of no connection, as fast as they are taken, into the server's side of the veth."""

    def __init__(self, net):
        with net.inside(net.b):
            self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self.s.bind(("vb", 0))
        self.frames = [self.frame(port) for port in range(1, 257)]

    def frame(self, port):
        tcp = struct.pack("!HHIIBBHHH", port, 9, 1, 0, 0x50, 0x10, 1000, 0, 0) + bytes(SEGMENT)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, b"\xc6\x33\x64\x01", b"\xc6\x33\x64\x02")
        return b"\x02\0\0\0\0\x98\x02\0\0\0\0\x99\x08\x00" + ip + tcp

    def send(self, seconds):
        end, sent = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            for f in self.frames:
                self.s.send(f)
            sent += len(self.frames)
        return sent


def seconds(text):
    return datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00").timestamp()


class Loss(Case):
    def wrong(self, t, got):
        """Verdicts that claim what did not happen. Unknown is never wrong."""
        said = []
        done = {e[3]: ENDS["/" + e[0].split("/")[1]] for e in t.log}
        for r in got:
            if r["outcome"] == "closed" and r["client"] in done:
                _, code, by = done[r["client"]]
                if r["close_code"] != code or r["closed_by"] not in (by, None):
                    said.append(f"{r['client']} {r['path']} {code} by {by}: {r['close_code']} {r['ending']} by {r['closed_by']}, {r['cause']} "
                                f"{r['confidence']}, missing {r['missing_bytes']}: {r['evidence']}")
        return said

    def flooded(self, burst, pause, rounds, rate=60):
        """wsclose is stopped for the length of each burst: the kernel drops for certain, on a machine of any speed."""
        live = self.live("--buffer-size", "65536")
        flood = Flood(self.net)
        with Traffic(self.net, rate=rate, life=0.5) as t:
            time.sleep(1)
            for _ in range(rounds):
                live.p.send_signal(signal.SIGSTOP)
                flood.send(burst)
                live.p.send_signal(signal.SIGCONT)
                time.sleep(pause)
            time.sleep(1)
        live.drained()
        self.assertEqual(live.stop(), 0, live.err())
        return live, t, records("events", "--db", live.db)

    def test_bursts(self):
        began = time.time()
        live, t, got = self.flooded(0.3, 0.7, 8)
        drops = lab.rows(live.db, "SELECT first, last, kernel FROM drops ORDER BY first")
        counted = int(re.search(r"warning: (\d+) packets? dropped", live.err()).group(1))
        self.assertGreater(counted, 100)
        self.assertEqual(sum(d[2] for d in drops), counted)
        self.assertGreaterEqual(len(drops), 4)
        for first, last, _ in drops:
            self.assertLessEqual(began - 1, seconds(first))
            self.assertLess(seconds(first), seconds(last))
            self.assertLess(seconds(last) - seconds(first), 3)
        self.assertEqual(self.wrong(t, got), [])
        # Those that lived between the drops are told of in full.
        self.assertGreater(sum(r["outcome"] == "closed" for r in got), 20)

    def test_one_long_absence(self):
        """Connections that were open before and are gone after."""
        live, t, got = self.flooded(2.5, 1, 1)
        self.assertEqual(self.wrong(t, got), [])
        self.assertIn("dropped before wsclose saw them", live.err())
