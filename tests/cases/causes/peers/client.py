"""A WebSocket client (Python websockets) in a process of its own: talks every `every` seconds, says its address first, then waits for the end.

usage: client.py URL '{"every": 1.0, "text": "...", "count": 3}'
"""
import asyncio, json, sys

import websockets


def log(**e):
    print(json.dumps(e), flush=True)


async def main(url, every=1.0, text="hello", count=10**9, address=None, **options):
    options = {"ping_interval": None, "compression": None, "close_timeout": 2, **options}
    ws = await websockets.connect(url, **options)
    log(address="%s:%d" % ws.local_address[:2])

    async def talk():
        for _ in range(count):
            await ws.send(text)
            await asyncio.sleep(every)

    async def listen():
        async for _ in ws:
            pass

    await asyncio.gather(talk(), listen(), return_exceptions=True)
    await ws.wait_closed()
    log(path=ws.path, code=ws.close_code, reason=ws.close_reason or "")


asyncio.run(main(sys.argv[1], **json.loads(sys.argv[2])))
