#!/usr/bin/env python3
"""A restart of `wsclose live` invents no closures: what was open goes on, with what was missed meanwhile left out.

usage: run.py WSCLOSE

Real peers (Python websockets) over loopback, in a network namespace of the test's own; needs root, and is skipped (77) without it.
"""
import asyncio, json, os, shutil, signal, subprocess, sys, tempfile, unittest

WSCLOSE = os.path.abspath(sys.argv.pop(1))
PORT = 9556


class Live:
    def __init__(self, db):
        self.p = subprocess.Popen([WSCLOSE, "live", "-i", "lo", "--db", db, "-f", f"port {PORT}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    async def ready(self):
        """Packets are seen from the moment the ring is there: /proc names it."""
        for _ in range(200):
            if any(line.split()[-1] != "Inode" for line in open("/proc/net/packet")):
                await asyncio.sleep(0.3)
                return self
            await asyncio.sleep(0.05)
        raise RuntimeError("wsclose live did not open the interface")

    async def stop(self):
        self.p.send_signal(signal.SIGINT)
        out, err = await asyncio.get_running_loop().run_in_executor(None, self.p.communicate)
        assert self.p.returncode == 0, err
        return {r["path"]: r for r in map(json.loads, out.splitlines())}, err


async def echo(ws):
    async for m in ws:
        await ws.send(m)


async def talk(ws, text):
    await ws.send(text)
    await ws.recv()


async def scenario(db):
    import websockets
    runs = []
    async with websockets.serve(echo, "127.0.0.1", PORT, ping_interval=None, compression=None):
        live = await Live(db).ready()
        ws = [await websockets.connect(f"ws://127.0.0.1:{PORT}/{n}", ping_interval=None, compression=None) for n in ("stays", "talks", "leaves", "waits")]
        for w in ws:
            await talk(w, "hello")
        await asyncio.sleep(0.3)
        runs.append(await live.stop())
        await talk(ws[1], "while nobody watched")
        await ws[2].close(1000, "while nobody watched")
        live = await Live(db).ready()
        await talk(ws[0], "again")
        await talk(ws[1], "again")
        await talk(ws[1], "and again")
        await ws[0].close(1000, "bye")
        await ws[1].close(4001, "bye")
        await asyncio.sleep(0.5)
        runs.append(await live.stop())
        live = await Live(db).ready()
        await ws[3].close(1001, "at last")
        await asyncio.sleep(0.5)
        runs.append(await live.stop())
    return runs


async def moved(db):
    """The database is moved away in the middle, as logrotate does, and SIGHUP says so."""
    import websockets
    async with websockets.serve(echo, "127.0.0.1", PORT, ping_interval=None):
        live = await Live(db).ready()
        for n, path in enumerate(("before", "after")):
            if n == 1:
                await asyncio.sleep(1.2)
                for end in ("", "-wal", "-shm"):
                    if os.path.exists(db + end):
                        os.rename(db + end, db + ".1" + end)
                live.p.send_signal(signal.SIGHUP)
                await asyncio.sleep(1.2)
            ws = await websockets.connect(f"ws://127.0.0.1:{PORT}/{path}", ping_interval=None, compression=None)
            await talk(ws, "hello")
            await ws.close(1000, path)
        await asyncio.sleep(0.5)
        await live.stop()


class Moved(unittest.TestCase):
    def test_what_comes_after_goes_to_the_new_file(self):
        with tempfile.TemporaryDirectory(prefix="wsclose-moved-") as d:
            os.chmod(d, 0o777)
            db = os.path.join(d, "live.db")
            asyncio.run(moved(db))
            for name, path in ((db + ".1", "/before"), (db, "/after")):
                out = subprocess.run([WSCLOSE, "events", "--db", name, "--format", "ndjson"], capture_output=True, text=True, check=True).stdout
                self.assertEqual([json.loads(line)["path"] for line in out.splitlines()], [path], name)


class Resume(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="wsclose-resume-")
        cls.db = os.path.join(cls.dir, "live.db")
        cls.runs = asyncio.run(scenario(cls.db))
        out = subprocess.run([WSCLOSE, "events", "--db", cls.db, "--format", "ndjson"], capture_output=True, text=True, check=True).stdout
        cls.stored = [json.loads(line) for line in out.splitlines()]

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def test_first_run_leaves_them_open(self):
        self.assertEqual({p: r["outcome"] for p, r in self.runs[0][0].items()}, {"/stays": "open", "/talks": "open", "/leaves": "open", "/waits": "open"})

    def test_the_next_goes_on(self):
        self.assertIn("going on with 4 connections", self.runs[1][1])
        stays, talks = self.runs[1][0]["/stays"], self.runs[1][0]["/talks"]
        self.assertEqual((stays["close_code"], stays["closed_by"], stays["reason"], stays["midstream"]), (1000, "client", "bye", False))
        self.assertEqual(stays["messages"], {"client": 2, "server": 2})
        self.assertEqual(stays["started"], self.runs[0][0]["/stays"]["started"])
        self.assertEqual(stays["missing_bytes"], {"client": 0, "server": 0})
        # Six bytes of header, twenty of text; what the server sent has no mask.
        self.assertEqual(talks["missing_bytes"], {"client": 6 + 20, "server": 2 + 20})
        self.assertEqual((talks["outcome"], talks["close_code"]), ("closed", 4001))

    def test_what_ended_unseen_stays_open(self):
        leaves = [r for r in self.stored if r["path"] == "/leaves"]
        self.assertEqual([(r["outcome"], r["close_code"], r["cause"]) for r in leaves], [("open", None, None)])

    def test_over_two_restarts(self):
        waits = self.runs[2][0]["/waits"]
        self.assertEqual((waits["close_code"], waits["closed_by"], waits["reason"]), (1001, "client", "at last"))
        self.assertGreater(waits["idle_ms"]["any"], 1000)

    def test_each_is_stored_once(self):
        self.assertEqual(sorted(r["path"] for r in self.stored), ["/leaves", "/stays", "/talks", "/waits"])


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("not root: skipped")
        sys.exit(77)
    if os.environ.get("WSCLOSE_IN_NAMESPACE") != "1":
        # /usr/bin/python3 is the one Debian's python3-websockets belongs to.
        inner = 'ip link set lo up && exec /usr/bin/python3 "$0" "$@"'
        os.execvpe("unshare", ["unshare", "-n", "sh", "-c", inner, os.path.abspath(__file__), WSCLOSE], {**os.environ, "WSCLOSE_IN_NAMESPACE": "1"})
    unittest.main(verbosity=1)
