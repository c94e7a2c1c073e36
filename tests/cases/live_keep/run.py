#!/usr/bin/env python3
"""`wsclose live --write` keeps every packet in a ring of pcapng files, and `wsclose extract` finds in them what a record rests on.

usage: run.py WSCLOSE

Real peers (Python websockets) over loopback, in a network namespace of the test's own; needs root, and is skipped (77) without it.
What is kept is compared with what tshark reads, packet by packet.
"""
import asyncio, glob, json, os, shutil, signal, sqlite3, subprocess, sys, tempfile, unittest

WSCLOSE = os.path.abspath(sys.argv.pop(1))
PORT = 9557


def tshark(*args):
    return subprocess.run(["tshark", *args], capture_output=True, text=True, check=True).stdout.splitlines()


def packets(path, *how):
    return tshark("-r", path, *how, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "tcp.seq_raw", "-e", "tcp.flags")


class Live:
    def __init__(self, folder, *options, db="live.db", keep="kept"):
        self.folder, self.keep = folder, os.path.join(folder, keep)
        self.p = subprocess.Popen([WSCLOSE, "live", "-i", "lo", "--db", os.path.join(folder, db), "-f", f"port {PORT}", "--write", self.keep, *options],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    async def ready(self):
        for _ in range(200):
            if self.p.poll() is not None:
                raise RuntimeError(self.p.communicate()[1])
            with open("/proc/net/packet") as f:
                seen = len(f.readlines()) > 1
            if seen and self.files():
                await asyncio.sleep(0.3)
                return self
            await asyncio.sleep(0.05)
        raise RuntimeError("wsclose live did not open the interface")

    def files(self):
        return sorted(glob.glob(os.path.join(self.keep, "wsclose-*.pcapng")))

    async def stop(self, sig=signal.SIGINT):
        self.p.send_signal(sig)
        out, err = await asyncio.get_running_loop().run_in_executor(None, self.p.communicate)
        return [json.loads(line) for line in out.splitlines()], err, self.p.returncode


async def echo(ws):
    import websockets
    try:
        async for m in ws:
            await ws.send(m)
    except websockets.ConnectionClosed:
        pass


def connect(path):
    import websockets
    return websockets.connect(f"ws://127.0.0.1:{PORT}{path}", ping_interval=None, compression=None)


def serve():
    import websockets
    return websockets.serve(echo, "127.0.0.1", PORT, ping_interval=None, compression=None)


async def talk(ws, n=1, size=20):
    for _ in range(n):
        await ws.send("x" * size)
        await ws.recv()


class Keep(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="wsclose-keep-")

    def tearDown(self):
        shutil.rmtree(self.dir)

    def db(self, sql):
        with sqlite3.connect(os.path.join(self.dir, "live.db")) as c:
            return c.execute(sql).fetchall()

    def extract(self, number, *options, name="out.pcapng"):
        path = os.path.join(self.dir, name)
        p = subprocess.run([WSCLOSE, "extract", str(number), "--db", os.path.join(self.dir, "live.db"), "-o", path, "--force", *options],
                           capture_output=True, text=True)
        return path, p

    def all_kept(self, files, port):
        return [line for f in files for line in packets(f, "-Y", f"tcp.port == {port}")]

    def check(self, record, files):
        """Exactly the packets of its client port are extracted."""
        path, p = self.extract(record["id"])
        self.assertEqual((p.returncode, p.stderr), (0, ""))
        port = record["client"].rsplit(":", 1)[1]
        want = self.all_kept(files, port)
        self.assertGreater(len(want), 5)
        self.assertEqual(packets(path), want)
        again = subprocess.run([WSCLOSE, "analyze", "--db", "none", "--format", "ndjson", path], capture_output=True, text=True)
        said = json.loads(again.stdout)
        for key in ("outcome", "ending", "close_code", "reason", "closed_by", "client", "server", "path", "started", "ended"):
            self.assertEqual(said[key], record[key], key)
        p = subprocess.run([WSCLOSE, "show", str(record["id"]), "--db", os.path.join(self.dir, "live.db"), "--format", "ndjson"], capture_output=True, text=True)
        self.assertEqual((p.returncode, p.stderr), (0, ""))
        story = json.loads(p.stdout)
        frames = [e["by"] for e in story["events"] if e["event"] == "frame"]
        self.assertEqual({by: frames.count(by) for by in ("client", "server")}, record["frames"])
        self.assertEqual(story["events"][0]["packet"], record["first_packet"])

    def test_each_record_is_found(self):
        async def scenario():
            live = await Live(self.dir).ready()
            async with serve():
                a, b = await connect("/a"), await connect("/b")
                await talk(a, 5)
                await talk(b, 5)
                await a.close(4001, "first")
                await b.close(1000, "second")
                await asyncio.sleep(1.6)
                whole = self.all_kept(live.files(), PORT)  # while it is written
                first = json.loads(subprocess.run([WSCLOSE, "events", "--db", os.path.join(self.dir, "live.db"), "--format", "ndjson", "--code", "4001"],
                                                  capture_output=True, text=True).stdout)
                self.check(first, live.files())
            return await live.stop(), live.files(), whole
        (records, err, code), files, whole = asyncio.run(scenario())
        self.assertEqual((code, len(files), len(records)), (0, 1, 2))
        self.assertEqual(whole, self.all_kept(files, PORT))
        for r in records:
            self.check(r, files)
        self.assertEqual(self.db("SELECT first_packet, last_packet, interface FROM packet_files"), [(1, len(whole), 0)])
        self.assertIn("Name = lo", subprocess.run(["capinfos", files[0]], capture_output=True, text=True).stdout)

    def test_over_several_files_and_hangups(self):
        async def scenario():
            live = await Live(self.dir, "--rotate", "16K:200").ready()
            async with serve():
                ws = await connect("/long")
                await talk(ws, 60, 800)
                await asyncio.sleep(0.7)
                before = len(live.files())
                live.p.send_signal(signal.SIGHUP)
                await asyncio.sleep(1.2)
                after = len(live.files())
                await talk(ws, 2)
                await ws.close(1001, "going")
            await asyncio.sleep(0.7)
            return await live.stop(), live.files(), before, after
        (records, err, code), files, before, after = asyncio.run(scenario())
        self.assertEqual((code, after), (0, before + 1))
        self.assertGreater(len(files), 5)
        for f in files:
            self.assertLessEqual(os.path.getsize(f), 16384)
        self.check(records[0], files)

    def test_the_oldest_goes(self):
        async def scenario():
            live = await Live(self.dir, "--rotate", "8K:3").ready()
            most = 0
            async with serve():
                ws = await connect("/old")
                for _ in range(20):
                    await talk(ws, 5, 500)
                    await asyncio.sleep(0.02)
                    most = max(most, len(live.files()))
                await ws.close(1000, "end")
            await asyncio.sleep(0.7)
            return await live.stop(), live.files(), most
        (records, err, code), files, most = asyncio.run(scenario())
        self.assertEqual((code, len(files)), (0, 3))
        self.assertLessEqual(most, 3)
        self.assertEqual(sorted(f for f, in self.db("SELECT file FROM packet_files")), files)
        path, p = self.extract(records[0]["id"])
        self.assertEqual(p.returncode, 3)
        self.assertIn("the packets of its beginning are kept no more", p.stderr)
        self.assertEqual(packets(path), self.all_kept(files, PORT))
        # The next run looks after them too.
        async def next_run():
            live = await Live(self.dir, "--rotate", "8K:2").ready()
            n = len(live.files())
            await asyncio.sleep(0.7)
            await live.stop()
            return n
        self.assertEqual(asyncio.run(next_run()), 2)
        self.assertEqual(len(self.db("SELECT file FROM packet_files")), 1)

    def test_killed_and_gone_on(self):
        async def scenario():
            live = await Live(self.dir).ready()
            async with serve():
                ws, other = await connect("/stays"), await connect("/dies")
                await talk(ws, 3)
                await other.close(4002, "before the kill")
                await asyncio.sleep(1.6)
                await live.stop(signal.SIGKILL)
                killed = live.files()
                dies = json.loads(subprocess.run([WSCLOSE, "events", "--db", os.path.join(self.dir, "live.db"), "--format", "ndjson", "--code", "4002"],
                                                 capture_output=True, text=True).stdout)
                self.check(dies, killed)
                second = await Live(self.dir).ready()
                await talk(ws, 2)
                await asyncio.sleep(0.7)
                await second.stop()
                third = await Live(self.dir).ready()
                await talk(ws, 2)
                await ws.close(1000, "after")
                await asyncio.sleep(0.7)
            return await third.stop(), third.files()
        (records, err, code), files = asyncio.run(scenario())
        self.assertEqual((code, len(files)), (0, 3))
        closed = [r for r in records if r["path"] == "/stays" or r["close_code"] == 1000][0]
        path, p = self.extract(closed["id"])
        port = closed["client"].rsplit(":", 1)[1]
        # It was open over two starts: what the second run wrote belongs to it too.
        self.assertEqual(packets(path), self.all_kept(files[1:], port))

    def test_full_disk(self):
        small = os.path.join(self.dir, "small")
        os.mkdir(small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], check=True)
        try:
            async def scenario():
                live = await Live(self.dir, keep="small").ready()
                async with serve():
                    ws = await connect("/full")
                    for _ in range(6):
                        await talk(ws, 10, 2000)
                        await asyncio.sleep(0.6)
                    await ws.close(1000, "still seen")
                await asyncio.sleep(0.7)
                return await live.stop(), [tshark("-r", f) for f in live.files()]
            (records, err, code), read = asyncio.run(scenario())
        finally:
            subprocess.run(["umount", small], check=True)
        self.assertEqual([(r["close_code"], r["reason"]) for r in records], [(1000, "still seen")])
        self.assertEqual(err.count("packets are no longer kept"), 1, err)
        self.assertIn("No space left on device", err)
        self.assertEqual(len(read), 1)
        self.assertGreater(len(read[0]), 5)

    def test_two_in_one_directory(self):
        async def scenario():
            live = await Live(self.dir).ready()
            second = subprocess.run([WSCLOSE, "live", "-i", "lo", "--db", "none", "--write", os.path.join(self.dir, "kept"), "--duration", "1"],
                                    capture_output=True, text=True)
            await live.stop()
            return second
        second = asyncio.run(scenario())
        self.assertEqual(second.returncode, 1)
        self.assertIn("another wsclose keeps its packets there", second.stderr)

    def test_words_that_are_wrong(self):
        for word in ("0", "1K", "5M:0", "5M:20000", "x", "5M:", ":3", "5M:3:4"):
            p = subprocess.run([WSCLOSE, "live", "-i", "lo", "--rotate", word], capture_output=True, text=True)
            self.assertEqual(p.returncode, 2, word)
            self.assertIn("expected SIZE or SIZE:COUNT", p.stderr)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("not root: skipped")
        sys.exit(77)
    if os.environ.get("WSCLOSE_IN_NAMESPACE") != "1":
        # /usr/bin/python3 is the one Debian's python3-websockets belongs to.
        inner = 'ip link set lo up && exec /usr/bin/python3 "$0" "$@"'
        os.execvpe("unshare", ["unshare", "-n", "-m", "sh", "-c", inner, os.path.abspath(__file__), WSCLOSE], {**os.environ, "WSCLOSE_IN_NAMESPACE": "1"})
    unittest.main(verbosity=1)
