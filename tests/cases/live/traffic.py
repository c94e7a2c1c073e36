"""Connections that open, talk and end, in a thread of their own, while a test does something to `wsclose live`."""
import asyncio, random, threading, time

import net as lab
from peers import Server, connect

ENDS = {"/client": ("close_handshake", 1000, "client"), "/server": ("close_handshake", 1001, "server"), "/fin": ("fin", 1006, "server"),
        "/reset": ("reset", 1006, "server"), "/hang-up": ("fin", 1006, "client")}


class Traffic:
    """About `rate` connections a second until stop(). `log` has (client's address, what ended it, when its end began and was over)."""

    def __init__(self, net, rate=20, port=9000, life=0.3, ends=tuple(ENDS), address=lab.SERVER, size=20):
        self.net, self.rate, self.port, self.life, self.ends, self.address, self.size = net, rate, port, life, ends, address, size
        self.log, self.stopping = [], False
        self.started = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()), daemon=True)

    def __enter__(self):
        self.thread.start()
        self.started.wait(10)
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping = True
        self.thread.join(30)
        return self

    async def serve(self, p):
        while f := await p.receive():
            if f[0] == 8:
                return await p.close(1000)
            if f[1] != b"end":
                await p.send(1, f[1])
            elif p.path == "/server":
                await p.close(1001)
                await p.until(8)
                return
            elif p.path == "/reset":
                return p.reset()
            else:
                return

    async def one(self, path):
        try:
            p = await connect(self.net, path, self.address, self.port)
            for _ in range(3):
                await p.send(1, b"x" * self.size)
                await p.receive()
                await asyncio.sleep(self.life / 3)
            began = time.time()
            if path == "/client":
                await p.close(1000, "bye")
            elif path != "/hang-up":
                await p.send(1, b"end")
            if path == "/server" and await p.until(8):
                await p.close(1001)
            if path != "/hang-up":
                await p.end()
            p.fin()
            await asyncio.sleep(0.01)
            self.log.append((p.local, path, began, time.time()))
        except OSError:
            pass

    async def run(self):
        self.server = await Server(self.serve).start(self.net.listen(self.address, self.port))
        self.started.set()
        tasks = set()
        while not self.stopping:
            tasks.add(t := asyncio.create_task(self.one(random.choice(self.ends))))
            t.add_done_callback(tasks.discard)
            await asyncio.sleep(1 / self.rate)
        if tasks:
            await asyncio.wait(tasks, timeout=20)
        self.server.s.close()

    def wrong(self, records):
        """Records that say something else of a connection than what was done."""
        said, done = [], {at: path for at, path, _, _ in self.log}
        for r in records:
            path = done.get(r["client"])
            if path and r["outcome"] == "closed":
                expected = ENDS[path]
                if (r["ending"], r["close_code"], r["closed_by"]) != expected:
                    said.append(f"{r['client']} {path}: {r['ending']} {r['close_code']} {r['closed_by']}")
        return said

    def missing(self, records, before=float("inf")):
        """Connections over before that time that no record tells of."""
        have = {r["client"] for r in records}
        return [e for e in self.log if e[3] < before and e[0] not in have]
