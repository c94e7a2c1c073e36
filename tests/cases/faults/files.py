#!/usr/bin/env python3
"""Captures that are no files or change while they are read, closed standard streams, readers that leave, clocks that jump. usage: files.py WSCLOSE SHIM"""
import json, os, signal, struct, subprocess, sys, threading, time, unittest

import faults
from faults import died, dump, look

WSCLOSE, SHIM = sys.argv[1:3]
del sys.argv[1:3]


class Case(unittest.TestCase):
    def setUp(self):
        self.lab = faults.Lab(WSCLOSE, SHIM)
        self.addCleanup(self.lab.tmp.cleanup)

    def sound(self, ran, *statuses):
        self.assertIsNone(died(ran), ran.err[:3000])
        self.assertIn(ran.status, statuses, ran.err[:3000])
        return ran

    def capture(self, name="in.pcap", n=400):
        faults.sessions(self.lab.path(name), n)
        return self.lab.path(name)

    def shell(self, line, timeout=60):
        p = subprocess.run(["bash", "-c", line], capture_output=True, cwd=self.lab.dir, timeout=timeout, env={**self.lab.environment(), "W": self.lab.wsclose})
        return faults.Ran(p.returncode, p.stdout.decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace"), 0, 0, [])


class Captures(Case):
    def test_what_is_no_capture(self):
        os.mkdir(self.lab.path("folder"))
        for name in ("folder", "/dev/zero", "/dev/null", "/dev/full", "/dev/mem", "/proc/self/mem", "/proc/self/maps", "missing", "", "/etc/passwd"):
            ran = self.sound(self.lab.run(["analyze", name], timeout=20), 1)
            self.assertTrue(ran.err, name)

    def test_a_fifo_is_read_like_a_pipe(self):
        whole = self.capture()
        os.mkfifo(self.lab.path("fifo"))
        ran = self.sound(self.shell("cat in.pcap > fifo & $W analyze --format none fifo"), 0)
        self.assertEqual(look(self.lab.path("wsclose.db"))["connections"], 400, ran.err)
        self.sound(self.shell("head -c 100000 in.pcap > fifo & $W analyze --db none --format none fifo"), 3)
        self.sound(self.shell(": > fifo & $W analyze --db none --format none fifo"), 1)
        self.assertTrue(os.path.exists(whole))

    def changed(self, change, packets=20000):
        """The capture is changed while it is read: half of the runs at once, half later."""
        for after in (0.0, 0.02, 0.05, 0.1, 0.2, 0.4):
            self.lab.clear()
            path = self.capture(n=packets // 14)
            p = subprocess.Popen([self.lab.wsclose, "analyze", "-q", "--format", "none", "in.pcap"], cwd=self.lab.dir, env=self.lab.environment(), stderr=subprocess.PIPE)
            time.sleep(after)
            change(path)
            err = p.communicate(timeout=60)[1].decode("utf-8", "replace")
            ran = self.sound(faults.Ran(p.returncode, "", err, 0, 0, []), 0, 1, 3)
            look(self.lab.path("wsclose.db"))
            yield ran

    def test_it_shrinks(self):
        for ran in self.changed(lambda path: os.truncate(path, 70001)):
            self.assertTrue(ran.status == 0 or ran.err)

    def test_it_vanishes_to_nothing(self):
        for ran in self.changed(lambda path: os.truncate(path, 0)):
            self.assertTrue(ran.status == 0 or ran.err)

    def test_it_grows(self):
        def grow(path):
            with open(path, "ab") as f:
                f.write(b"\xff" * 100001)
        for ran in self.changed(grow):
            self.assertTrue(ran.status == 0 or ran.err)

    def test_it_is_overwritten(self):
        def over(path):
            with open(path, "r+b") as f:
                f.seek(5000)
                f.write(os.urandom(500000))
        for ran in self.changed(over):
            self.assertTrue(ran.status == 0 or ran.err)

    def test_it_is_replaced_or_removed(self):
        """What was opened is read to its end."""
        for change in (os.unlink, lambda path: (faults.sessions(path + ".new", 3), os.rename(path + ".new", path))):
            for ran in self.changed(change):
                if ran.status == 0:
                    self.assertIn(look(self.lab.path("wsclose.db"))["connections"], (20000 // 14, 3))

    def test_no_right_to_read(self):
        os.chmod(self.capture(), 0)
        os.chmod(self.lab.dir, 0o755)
        os.chmod(self.lab.tmp.name, 0o755)
        if os.geteuid() == 0:
            ran = self.shell(f"cp $W w; setpriv --reuid 65534 --regid 65534 --clear-groups ./w analyze --db none in.pcap")
        else:
            ran = self.lab.run(["analyze", "--db", "none", "in.pcap"])
        self.assertIn("Permission denied", self.sound(ran, 1).err)


class Streams(Case):
    def test_closed_from_the_start(self):
        """Nothing we open may become a standard stream that something else is then written to."""
        self.capture(n=30)
        self.shell("$W analyze -q --no-label --db kept.db --format none in.pcap")
        good = dump(self.lab.path("kept.db"))
        for closed in ("<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-"):
            for words in ("analyze --no-label --format ndjson in.pcap", "analyze --no-label --format table in.pcap", "analyze -q --no-label --format none in.pcap"):
                for old in [n for n in os.listdir(self.lab.dir) if n.startswith("wsclose.db")]:
                    os.unlink(self.lab.path(old))
                ran = self.sound(self.shell(f"$W {words} {closed}"), 0, 1)
                self.assertEqual(dump(self.lab.path("wsclose.db")), good, (closed, words))
                writes = "none" not in words and ">&-" in closed.replace("2>&-", "")
                self.assertEqual(ran.status, 1 if writes else 0, (closed, words, ran.err))
            ran = self.sound(self.shell(f"$W extract 3 --force -o one.pcapng {closed}"), 0)
            with open(self.lab.path("one.pcapng"), "rb") as f:
                data = f.read()
            self.assertEqual(data[:4], b"\x0a\x0d\x0d\x0a", closed)
            self.assertNotIn(b"wsclose: ", data)
            for words in ("stats", "stats --plot", "events", "diagnose", "codes", "explain 1006", "doctor", "--version"):
                self.sound(self.shell(f"$W {words} {closed}"), 0, 1)

    def test_standard_input_closes(self):
        self.capture()
        self.sound(self.shell("$W analyze --db none --format none - <&-"), 1)
        self.sound(self.shell("head -c 77777 in.pcap | $W analyze --db none --format none -"), 3)
        self.sound(self.shell("(head -c 77777 in.pcap; sleep 0.2; kill -9 $BASHPID) | $W analyze --db none --format none -"), 3)

    def test_the_reader_leaves(self):
        """No word, as other tools do; what was to be stored is stored."""
        self.capture(n=1200)
        for words in ("analyze -q --format ndjson in.pcap", "analyze -q --format csv in.pcap", "analyze -q --format json in.pcap", "analyze -q in.pcap", "events --format csv",
                      "events", "stats --by client", "stats --plot", "doctor", "codes --format json", "explain 1000 1001 1002 1006 3000"):
            for reader in ("head -n 1", "head -c 1", "true"):
                ran = self.shell(f"$W {words} | {reader} >/dev/null; exit ${{PIPESTATUS[0]}}")
                self.sound(ran, 0, 1)
                self.assertEqual(ran.err, "", (words, reader))
            self.assertEqual(look(self.lab.path("wsclose.db"))["connections"], 1200, words)

    def test_output_on_a_full_disk(self):
        self.capture(n=30)
        for words in ("analyze --no-label --format ndjson in.pcap", "analyze in.pcap", "events --format csv", "stats", "stats --plot", "codes", "explain 1006", "compare 1001 1006", "diagnose", "doctor", "doctor --format json", "--version", "--help",
                      "analyze --help"):
            ran = self.sound(self.shell(f"$W {words} > /dev/full"), 1)
            self.assertIn("No space left", ran.err, words)
        self.assertEqual(look(self.lab.path("wsclose.db"))["connections"], 30)


def retimed(data, at):
    """The capture with each packet's time from |at|(its number)."""
    out, offset, n = bytearray(data), 24, 0
    while offset < len(data):
        struct.pack_into("<II", out, offset, *at(n))
        offset += 16 + struct.unpack_from("<I", data, offset + 8)[0]
        n += 1
    return bytes(out)


def pcapng(data, ticks):
    """The same packets as pcapng, times in microseconds from |ticks|(its number)."""
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
    out = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 65535))
    offset, n = 24, 0
    while offset < len(data):
        size = struct.unpack_from("<I", data, offset + 8)[0]
        t = ticks(n) & (1 << 64) - 1
        out += block(6, struct.pack("<IIIII", 0, t >> 32, t & 0xffffffff, size, size) + data[offset + 16:offset + 16 + size])
        offset, n = offset + 16 + size, n + 1
    return out


YEAR = 31556952


class Clock(Case):
    def test_jumps(self):
        """Every record comes, and twice the same; what cannot be said of a time is not said."""
        with open(self.capture(n=30), "rb") as f:
            data = f.read()
        second = 1000000
        captures = {
            "backwards": retimed(data, lambda n: (1767323045 - n, 0)),
            "one step back": retimed(data, lambda n: (1767323045 - (3600 if n > 100 else 0) + n // 100, n % 100)),
            "zero": retimed(data, lambda n: (0, 0)),
            "2106": retimed(data, lambda n: (0xfffffff0 + n % 16, 999999)),
            "over the end of 2106": retimed(data, lambda n: ((0xffffff80 + n) & 0xffffffff, 0)),
            "more than a second of microseconds": retimed(data, lambda n: (1767323045, 0xffffffff)),
            "to 2106 and back": retimed(data, lambda n: (0xffffffff if n % 7 == 3 else 1767323045 + n // 100, 0)),
            "9999": pcapng(data, lambda n: (9999 - 1970) * YEAR * second + n),
            "2554": pcapng(data, lambda n: (2 ** 64 // 1000 - 100 + n)),
            "the end of 64 bits": pcapng(data, lambda n: 2 ** 64 - 1000 + n),
            "before 1970": pcapng(data, lambda n: -5 * second + n),
            "through 1970": pcapng(data, lambda n: -100 + n),
        }
        for name, bytes_ in captures.items():
            for what in ("in", "again"):
                with open(self.lab.path(what), "wb") as f:
                    f.write(bytes_)
            ran = self.sound(self.lab.run(["analyze", "-q", "--no-label", "--db", name + ".db", "--format", "ndjson", "in"]), 0, 3)
            records = [json.loads(line) for line in ran.out.splitlines()]
            self.assertEqual(len({r["client"] for r in records}), 30, name)
            for r in records:
                self.assertTrue(r["duration_ms"] is None or r["duration_ms"] >= 0, (name, r))
                for ms in r["idle_ms"].values():
                    self.assertTrue(ms is None or ms >= 0, (name, r))
            self.assertEqual(look(self.lab.path(name + ".db"))["connections"], len(records), name)
            known = self.sound(self.lab.run(["analyze", "--no-label", "--db", name + ".db", "--format", "ndjson", "again"]), 0, 3)
            self.assertEqual(faults.plain(known.out), faults.plain(ran.out), name)
            for command in (["stats", "--by", "day,hour"], ["diagnose"], ["events", "--since", "1h"]):
                self.sound(self.lab.run([*command, "--db", name + ".db"]), 0)


class Signals(Case):
    def test_at_any_moment(self):
        """Nothing half stored; INT and TERM say so; a second one ends it at once."""
        import random
        rng, seen = random.Random(4), {}
        self.capture(n=1500)
        began = time.time()
        self.sound(self.lab.run(["analyze", "-q", "--no-label", "--db", "whole.db", "--format", "none", "in.pcap"]), 0)
        takes, whole = time.time() - began, look(self.lab.path("whole.db"))
        for i in range(int(os.environ.get("SIGNALS", "40"))):
            for old in [n for n in os.listdir(self.lab.dir) if n.startswith("wsclose.db")]:
                os.unlink(self.lab.path(old))
            sig = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR1)[i % 5]
            p = subprocess.Popen([self.lab.wsclose, "analyze", "-q", "--no-label", "--format", "none", "in.pcap"], cwd=self.lab.dir, env=self.lab.environment(), stderr=subprocess.PIPE)
            time.sleep(rng.random() * takes)
            p.send_signal(sig)
            if i % 10 >= 5:
                p.send_signal(sig)
            err = p.communicate(timeout=60)[1].decode()
            self.assertNotRegex(err, faults.REPORT)
            self.assertIn(p.returncode, (0, 1, -sig), (sig, err))
            left = look(self.lab.path("wsclose.db"))
            self.assertFalse(faults.half(left, None, whole), (sig, left))
            if p.returncode == 1:
                self.assertIn("interrupted", err)
            if p.returncode == 0:
                self.assertEqual(left, whole)
            seen[(sig.name, p.returncode)] = seen.get((sig.name, p.returncode), 0) + 1
        print(f"signals: {seen}")


if __name__ == "__main__":
    unittest.main(verbosity=1)
