"""Starts, stops, interfaces, options, terminals and pipes."""
import asyncio, fcntl, json, os, pty, signal, struct, subprocess, termios, threading, time

import net as lab
from case import WSCLOSE, Case, records
from peers import Server, connect
from traffic import Traffic

def simple(net, path="/x", address=lab.SERVER, port=9000, count=1):
    """A connection, or some, one after the other: hello, its echo, 1000."""
    async def echo(p):
        while f := await p.receive():
            if f[0] == 8:
                return await p.close(1000)
            await p.send(f[0], f[1])

    async def go():
        server = await Server(echo).start(net.listen(address, port))
        for _ in range(count):
            p = await connect(net, path, address, port)
            await p.send(1, b"hello")
            await p.receive()
            await p.close(1000, "bye")
            await p.end()
            p.fin()
        await asyncio.sleep(0.2)
        server.s.close()
    asyncio.run(go())


class Start(Case):
    def test_connections_from_before(self):
        """Their handshake was not seen: the record says so; of one that shows nothing but its FIN there is none."""
        async def serve(p):
            while f := await p.receive():
                await (p.close(1000) if f[0] == 8 else p.send(f[0], f[1]))
                if f[0] == 8:
                    return

        async def go():
            await Server(serve).start(self.net.listen(lab.SERVER, 9000))
            talks, silent, cut, stays = [await connect(self.net, "/x", lab.SERVER, 9000) for _ in range(4)]
            live = await asyncio.to_thread(self.live)
            for p in (talks, cut, stays):
                for i in range(5):
                    await p.send(1, b"a longer message, number %d" % i)
                    await p.receive()
            await talks.close(1000, "bye")
            await talks.end()
            talks.fin()
            cut.fin()
            silent.fin()
            await asyncio.sleep(0.5)
            await asyncio.to_thread(live.drained)
            self.assertEqual(await asyncio.to_thread(live.stop), 0)
            return live, talks.local, cut.local, silent.local, stays.local

        live, talks, cut, silent, stays = asyncio.run(go())
        got = {r["client"]: r for r in live.printed()}
        self.assertEqual(sorted(got), sorted([talks, cut, stays]))
        self.assertEqual([(r["midstream"], r["established"], r["host"]) for r in got.values()], [(True, None, None)] * 3)
        self.assertEqual([(got[a]["outcome"], got[a]["close_code"], got[a]["ending"], got[a]["closed_by"]) for a in (talks, cut, stays)],
                         [("closed", 1000, "close_handshake", "client"), ("closed", 1006, "fin", "client"), ("open", None, "none", None)])

    def test_wrong_usage(self):
        for words in ((), ("-i", "va", "--duration", "soon"), ("-i", "va", "operand"), ("-i", "va", "--format", "xml")):
            with self.subTest(words):
                self.assertEqual(self.net.popen([WSCLOSE, "live", *words], stderr=subprocess.DEVNULL).wait(20), 2)

    def test_list(self):
        p = self.net.popen([WSCLOSE, "live", "--list"], stdout=subprocess.PIPE, text=True)
        out = p.communicate()[0]
        self.assertEqual({"va", "va2", "lo", "any"} - {line.split()[0] for line in out.splitlines()}, set())


class Interfaces(Case):
    def test_two(self):
        live = self.live(interfaces=("va", "va2"))
        simple(self.net)
        simple(self.net, address=lab.SERVER2)
        live.drained()
        self.assertEqual(live.stop(), 0)
        self.assertEqual([(r["capture"], r["close_code"], r["first_packet"] < 20) for r in records("events", "--db", live.db)],
                         [("live:va", 1000, True), ("live:va2", 1000, True)])

    def test_any_and_ip_6(self):
        live = self.live(interfaces=("any",))
        simple(self.net)
        simple(self.net, address=lab.SERVER2)
        simple(self.net, address=lab.SERVER6)
        live.drained()
        self.assertEqual(live.stop(), 0)
        got = records("events", "--db", live.db)
        self.assertEqual([(r["capture"], r["server"], r["close_code"], r["retransmitted"]) for r in got],
                         [("live:any", at, 1000, {"client": 0, "server": 0}) for at in ("10.77.0.2:9000", "10.78.0.2:9000", "[fd77::2]:9000")])


class Options(Case):
    def test_count(self):
        live = self.live("--count", "3")
        with Traffic(self.net, rate=30, ends=("/client",)):
            self.assertEqual(live.wait(30), 0)
        self.assertEqual(len(live.printed()), 3)
        self.assertIn("stored in", live.err())

    def test_duration(self):
        began = time.monotonic()
        live = self.live("--duration", "2s")
        simple(self.net)
        self.assertEqual(live.wait(30), 0)
        self.assertGreaterEqual(time.monotonic() - began, 2)
        self.assertEqual([r["close_code"] for r in live.printed()], [1000])
        self.assertIn("1 WebSocket: 1 closed", live.err())

    def test_filter(self):
        live = self.live("--filter", "port 9001")
        simple(self.net)
        simple(self.net, port=9001)
        live.drained()
        self.assertEqual(live.stop(), 0)
        self.assertEqual([r["server"] for r in live.printed()], ["10.77.0.2:9001"])
        wrong = self.live("--filter", "purple", ready=False)
        self.assertEqual(wrong.wait(), 1)
        self.assertIn('the filter "purple" is not valid', wrong.err())

    def test_snaplen(self):
        """Payloads are cut: what was seen is said, what was not is unknown, and nothing is 1006 that ended with a Close."""
        live = self.live("--snaplen", "96")
        with Traffic(self.net, rate=60, size=400) as t:
            time.sleep(3)
        live.drained()
        self.assertEqual(live.stop(), 0)
        self.assertGreater(len(t.log), 50)
        got = records("events", "--db", live.db)
        done = {e[3]: "/" + e[0].split("/")[1] for e in t.log}
        self.assertGreater(len(got), 20)
        for r in got:
            path = done[r["client"]]
            with self.subTest(path=path, record=r):
                if path in ("/client", "/server"):
                    self.assertIn(r["close_code"], (None, 1000 if path == "/client" else 1001))
                if r["outcome"] == "closed":
                    self.assertEqual(r["closed_by"] or "not named", {"/client": "client", "/hang-up": "client"}.get(path, "server"))
                if r["outcome"] == "unknown":
                    self.assertEqual((r["ending"], r["close_code"]), ("gap", None))


class Output(Case):
    def terminal(self, columns, *words):
        """Runs live on a terminal that wide. Returns the process, and the list its output goes to."""
        main, sub = pty.openpty()
        fcntl.ioctl(sub, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        p = self.net.popen([WSCLOSE, "live", "-i", "va", "--db", self.net.path(".db"), *words], stdin=sub, stdout=sub, stderr=sub,
                           env={**os.environ, "NO_COLOR": "1", "TERM": "xterm", "LC_ALL": "C.UTF-8"})
        os.close(sub)
        said = []

        def read():
            try:
                while data := os.read(main, 65536):
                    said.append(data)
            except OSError:
                pass
            os.close(main)
        t = threading.Thread(target=read, daemon=True)
        t.start()
        lab.until(lambda: lab.packet_sockets(p.pid))
        return p, t, said

    def test_table_of_80_columns(self):
        p, reader, said = self.terminal(80)
        time.sleep(0.5)
        simple(self.net, path="/a/path/that/is/rather/long/" + "x" * 100, count=3)
        lab.until(lambda: b"".join(said).count(b"1000") >= 3)
        time.sleep(1.2)
        p.send_signal(signal.SIGINT)
        self.assertEqual(p.wait(30), 0)
        reader.join(5)
        text = b"".join(said).decode()
        for line in text.replace("\r\n", "\n").replace("\r\033[K", "\n").split("\n"):
            self.assertLessEqual(len(line), 80, repr(line))
        self.assertEqual(sum("1000 Normal" in line and "client" in line for line in text.splitlines()), 3, text)
        self.assertRegex(text, r"\d+ packets, 0 dropped, 0 open, closed in the last minute: 1000 x 3")
        self.assertIn("3 WebSockets: 3 closed", text)

    def test_the_reader_of_the_pipe_leaves(self):
        live = self.live(stdout=subprocess.PIPE, text=True)
        with Traffic(self.net, rate=30) as t:
            first = json.loads(live.p.stdout.readline())
            live.p.stdout.close()
            self.assertEqual(live.wait(30), 0)
        self.assertNotIn("Broken pipe", live.err())
        stored = records("events", "--db", live.db)
        self.assertIn(first["client"], {r["client"] for r in stored})
        self.assertEqual(t.wrong(stored, stopped=True), [])

    def test_each_is_printed_as_it_happens(self):
        live = self.live()
        simple(self.net)
        self.assertTrue(lab.until(lambda: live.printed()))
        self.assertTrue(lab.until(lambda: lab.rows(live.db, "SELECT 1 FROM connections")))
        self.assertEqual(live.stop(), 0)

    def test_standard_output_closed(self):
        """No file of ours takes its number: nothing is printed into the database."""
        live = self.live(prefix=("sh", "-c", 'exec "$@" >&-', "sh"), ready=False)
        lab.until(lambda: live.p.poll() is not None or lab.packet_sockets(live.p.pid))
        if live.p.poll() is None:
            time.sleep(0.5)
            simple(self.net, count=5)
            time.sleep(1)
        live.stop()
        self.assertEqual(live.err().count("cannot write the output"), 1, live.err())
        if os.path.exists(live.db):
            self.assertEqual(lab.rows(live.db, "PRAGMA integrity_check"), [("ok",)])


class Signals(Case):
    def test_stop(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number), Traffic(self.net, rate=20, port=9000 + number) as t:
                live = self.live()
                self.assertTrue(lab.until(lambda: len(live.printed()) > 5))
                self.assertEqual(live.stop(number), 0)
                self.assertIn("stored in", live.err())
                self.assertEqual({r["client"] for r in live.printed()}, {r["client"] for r in records("events", "--db", live.db)})

    def test_the_second_kills(self):
        """The first waits for a database that somebody else holds; the second does not."""
        live = self.live()
        simple(self.net)
        self.assertTrue(lab.until(lambda: lab.rows(live.db, "SELECT 1 FROM connections")))
        with lab.locked(live.db):
            simple(self.net)
            live.p.send_signal(signal.SIGINT)
            time.sleep(1)
            self.assertIsNone(live.p.poll())
            self.assertEqual(live.stop(), -signal.SIGINT)
        self.assertEqual(lab.rows(live.db, "PRAGMA integrity_check"), [("ok",)])

    def test_statistics(self):
        live = self.live()
        simple(self.net, count=2)
        live.drained()
        said = live.statistics()
        self.assertRegex(said, r"va: \d+ packets, \d+ bytes, 0 dropped by the kernel, 0 by the interface")
        self.assertRegex(said, r"2 WebSockets ended, 0 open, closed in the last minute: 1000 x 2")
        self.assertEqual(live.stop(), 0)
