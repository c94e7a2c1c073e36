#!/usr/bin/env python3
"""Key logs and what is said of them. usage: run.py WSCLOSE"""
import os, signal, subprocess, threading, time

import keylab
from keylab import Case, line
import pcapgen


class Files(Case):
    def setUp(self):
        super().setUp()
        c = pcapgen.Capture()
        pcapgen.clean_session(c)
        self.capture = self.write("a.pcap", c.pcap())

    def analyze(self, *args, **kw):
        rows = self.records("analyze", "--db", "none", self.capture, *args, **kw)
        self.assertEqual([r["close_code"] for r in rows], [1000])
        return self.err

    def test_nothing_is_said_without_one(self):
        self.assertNotIn("secret", self.analyze())

    def test_what_is_in_it_is_counted(self):
        keys = self.write("k", b"# comment\r\n" + line("CLIENT_RANDOM", 1) + line("CLIENT_RANDOM", 2).upper() + line("EXPORTER_SECRET", 1) + b"RSA 00 00\n")
        err = self.analyze("--keylog", keys)
        self.assertIn("2 TLS secrets, none of a connection that was seen, 1 with a label that is not known\n", err)
        self.assertNotIn("cannot be read", err)

    def test_several(self):
        a, b = self.write("a", line("CLIENT_RANDOM", 1)), self.write("b", line("CLIENT_RANDOM", 2) + line("CLIENT_RANDOM", 1))
        self.assertIn("2 TLS secrets, none", self.analyze("--keylog", a, "--keylog", b))

    def test_quiet(self):
        a = self.write("a", line("CLIENT_RANDOM", 1))
        self.assertEqual(self.analyze("-q", "--keylog", a), "")
        self.assertEqual(self.analyze("-q", env={"SSLKEYLOGFILE": a}), "")
        self.assertEqual(self.analyze("-q", env={"SSLKEYLOGFILE": self.path("none")}), "")

    def test_damage_is_said_with_its_line_and_loses_nothing(self):
        keys = self.write("k", line("CLIENT_RANDOM", 1) + b"CLIENT_RANDOM 00\n\x00\xff\n" + line("CLIENT_RANDOM", 2)[:-20])
        err = self.analyze("--keylog", keys)
        self.assertIn(f"{keys}: 3 lines cannot be read, the first of them line 2; the others count", err)
        self.assertIn("1 TLS secret, none of a connection that was seen, 3 lines of key logs that cannot be read\n", err)
        self.assertIn("cannot be read", self.analyze("-q", "--keylog", keys))
        keys = self.write("k", line("CLIENT_RANDOM", 1) + b"x\n")
        self.assertIn(f"{keys}: line 2 cannot be read; the others count", self.analyze("--keylog", keys))

    def test_no_key_log_at_all(self):
        pem = self.write("key.pem", b"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----\n")
        self.assertIn(f"{pem}: is no key log in NSS format: none of its 3 lines can be read", self.analyze("--keylog", pem))
        self.assertIn("is no key log", self.analyze("--keylog", self.capture))
        empty = self.write("empty", b"")
        self.assertIn(f"{empty}: holds no secret", self.analyze("--keylog", empty))

    def test_what_cannot_be_opened_is_1(self):
        for path, word in ((self.path("none"), "No such file"), (self.tmp.name, "directory"), ("/dev/zero", "neither a file nor a pipe")):
            self.run_("analyze", "--db", "none", self.capture, "--keylog", path, status=1)
            self.assertIn(f"{path}: ", self.err)
            self.assertIn(word, self.err)
            self.assertEqual(self.out, b"")
        if os.getuid() != 0:
            secret = self.write("secret", line("CLIENT_RANDOM", 1))
            os.chmod(secret, 0)
            self.run_("analyze", "--db", "none", self.capture, "--keylog", secret, status=1)
            self.assertIn("Permission denied", self.err)

    def test_wrong_usage_is_2(self):
        self.run_("analyze", self.capture, "--keylog", status=2)
        self.run_("analyze", self.capture, "--keylog", "", status=2)
        self.run_("analyze", self.capture, *["--keylog", self.capture] * 65, status=2)

    def test_the_environment(self):
        a, b = self.write("a", line("CLIENT_RANDOM", 1)), self.write("b", line("CLIENT_RANDOM", 2) + line("CLIENT_RANDOM", 3))
        err = self.analyze(env={"SSLKEYLOGFILE": a})
        self.assertIn(f"reads TLS secrets from {a} (SSLKEYLOGFILE)", err)
        self.assertIn("1 TLS secret, none", err)
        err = self.analyze("--keylog", b, env={"SSLKEYLOGFILE": a})
        self.assertIn("2 TLS secrets, none", err)
        self.assertNotIn("SSLKEYLOGFILE", err)
        err = self.analyze(env={"SSLKEYLOGFILE": self.path("none")})
        self.assertIn("SSLKEYLOGFILE", err)
        self.assertIn("No such file", err)
        self.assertNotIn("SSLKEYLOGFILE", self.analyze(env={"SSLKEYLOGFILE": ""}))
        os.mkfifo(self.path("for-another"))
        self.assertIn("for-another is a pipe, and not waited for", self.analyze(env={"SSLKEYLOGFILE": self.path("for-another")}))

    def test_pipes(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)

        def late_writer():
            with open(fifo, "wb") as f:
                for i in range(40):
                    f.write(line("CLIENT_RANDOM", i))
                    f.flush()
                    time.sleep(0.002)

        t = threading.Thread(target=late_writer)
        t.start()
        self.assertIn("40 TLS secrets, none", self.analyze("--keylog", fifo))
        t.join()
        r, w = os.pipe()
        os.write(w, line("CLIENT_RANDOM", 1))
        os.close(w)
        self.assertIn("1 TLS secret, none", self.analyze("--keylog", f"/dev/fd/{r}", pass_fds=[r]))
        os.close(r)

    def test_a_pipe_without_a_writer_can_be_interrupted(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        p = subprocess.Popen([self.binary, "analyze", "--db", "none", self.capture, "--keylog", fifo], stderr=subprocess.PIPE)
        while b"fifo" not in keylab.read(f"/proc/{p.pid}/cmdline"):
            time.sleep(0.01)
        time.sleep(0.2)
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=30)
        self.assertNotEqual(p.returncode, 0)

    def test_secrets_in_captures(self):
        pcap = keylab.read(self.capture)
        n = len(list(keylab.packets(pcap)))
        for order in "<>":
            for where in (0, n // 2, n):
                f = self.write("s.pcapng", keylab.pcapng(pcap, {where: line("CLIENT_RANDOM", 1) + line("CLIENT_RANDOM", 2)[:-1]}, order))
                self.assertEqual([r["close_code"] for r in self.records("analyze", "--db", "none", f)], [1000])
                self.assertIn("2 TLS secrets, none", self.err)

    def test_secrets_larger_than_any_packet(self):
        """Up to 64 MiB in a block; what is longer is damage."""
        pcap, one = keylab.read(self.capture), line("CLIENT_RANDOM", 1)
        for size, status, rows in ((17 << 20, 0, 1), (65 << 20, 3, 0)):
            f = self.write("s.pcapng", keylab.pcapng(pcap, {0: one * (size // len(one))}))
            self.assertEqual(len(self.records("analyze", "--db", "none", f, status=status)), rows)
        self.assertIn("s.pcapng: packet 1: a block of impossible length", self.err)

    def test_damaged_secrets_in_a_capture_are_3(self):
        data = keylab.pcapng(keylab.read(self.capture), {3: line("CLIENT_RANDOM", 1)})
        at = data.index(b"CLIENT_RANDOM") - 4
        f = self.write("s.pcapng", data[:at] + b"\xff\xff\xff\x00" + data[at + 4:])
        self.records("analyze", "--db", "none", f, status=3)
        self.assertIn("s.pcapng: packet 4: secrets that are longer than their block", self.err)

    def test_extract_writes_no_secret_of_another(self):
        self.run_("analyze", "--db", "d.db", "-q", self.write("s.pcapng", keylab.pcapng(keylab.read(self.capture), {0: line("CLIENT_RANDOM", 1)})))
        self.run_("extract", "--db", "d.db", "1", "-o", "out.pcapng", "--keylog", self.write("k", line("CLIENT_RANDOM", 2)))
        self.assertEqual(keylab.secrets_in(keylab.read(self.path("out.pcapng"))), [])
        self.assertNotIn("secret", self.err)

    def test_options_that_go_with_it(self):
        for command in ("analyze", "live"):
            self.assertIn(b"--keylog", self.run_(command, "--help"))
            self.assertIn(b"--encrypted", self.run_(command, "--help"))
        self.assertIn(b"--keylog", self.run_("extract", "--help"))


keylab.main()
