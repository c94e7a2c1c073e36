"""Connections that open, talk and end, in a thread of their own, while a test does something to `wsclose live`."""
import asyncio, random, threading, time

import net as lab
from peers import Server, connect

ENDS = {"/client": ("close_handshake", 1000, "client"), "/server": ("close_handshake", 1001, "server"), "/fin": ("fin", 1006, "server"),
        "/reset": ("reset", 1006, "server"), "/hang-up": ("fin", 1006, "client")}


class Traffic:
    """About `rate` connections a second until stop(). `log` has (path, when its end began, when it was over, the
    client's address); the path, "/fin/17", is of that connection alone, and says how it ends. No client's port
    comes twice."""

    def __init__(self, net, rate=20, port=9000, life=0.3, ends=tuple(ENDS), address=lab.SERVER, size=20):
        self.net, self.rate, self.port, self.life, self.ends, self.address, self.size = net, rate, port, life, ends, address, size
        self.log, self.stopping, self.patience = [], False, 20
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
        end = "/" + p.path.split("/")[1]
        while f := await p.receive():
            if f[0] == 8:
                return await p.close(1000)
            if f[1] != b"end":
                await p.send(1, f[1])
            elif end == "/server":
                await p.close(1001)
                await p.until(8)
                return
            elif end == "/reset":
                return p.reset()
            else:
                return

    async def one(self, path, number):
        try:
            p = await connect(self.net, f"{path}/{number}", self.address, self.port, 20000 + number)
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
            self.log.append((p.path, began, time.time(), p.local))
        except OSError:
            pass

    async def run(self):
        self.server = await Server(self.serve).start(self.net.listen(self.address, self.port))
        self.started.set()
        tasks, number = set(), 0
        while not self.stopping:
            tasks.add(t := asyncio.create_task(self.one(random.choice(self.ends), number)))
            number += 1
            t.add_done_callback(tasks.discard)
            await asyncio.sleep(1 / self.rate)
        if tasks:
            await asyncio.wait(tasks, timeout=self.patience)
        self.server.s.close()

    def wrong(self, records, stopped=False):
        """Records that say something else of a connection than what was done. stopped: it was stopped while connections were closing,
        and what came after the Close was not seen."""
        said = []
        for r in records:
            expected = ENDS["/" + r["path"].split("/")[1]]
            if stopped and r["ending"] == "none" and expected[0] == "close_handshake":
                expected = ("none", *expected[1:])
            if r["outcome"] == "closed" and (r["ending"], r["close_code"], r["closed_by"]) != expected:
                said.append(f"{r['path']}: {r['ending']} {r['close_code']} {r['closed_by']}")
        return said[:10]

    def missing(self, records, before=float("inf")):
        """Connections over before that time that no record tells of; few, and how many in all."""
        have = {r["path"] for r in records}
        gone = [e for e in self.log if e[2] < before and e[0] not in have]
        return [*gone[:5], f"{len(gone)} of {len(self.log)}"] if gone else []
