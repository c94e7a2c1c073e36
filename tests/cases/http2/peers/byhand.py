"""A WebSocket peer over HTTP/2 without a stack: frames as the scene wants them, header blocks by Python's hpack."""
import asyncio, socket, struct

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY, ACK = 1, 4, 8, 32, 1
ENABLE_CONNECT_PROTOCOL = struct.pack("!HI", 8, 1)


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


class Peer:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.waiting = []  # frames read while others were looked for

    async def send(self, *frames, apart=False):
        """In one segment, or byte by byte."""
        data = b"".join(frames)
        for piece in [data[i:i + 1] for i in range(len(data))] if apart else [data]:
            self.writer.write(piece)
            await self.writer.drain()
            if apart:
                await asyncio.sleep(0.002)

    async def read(self):
        head = await asyncio.wait_for(self.reader.readexactly(9), 5)
        kind, flags, stream = struct.unpack("!BBI", head[3:])
        payload = await self.reader.readexactly(int.from_bytes(head[:3], "big"))
        if kind == HEADERS:  # the tables of HPACK want every block
            if flags & PADDED:
                payload = payload[1:len(payload) - payload[0]]
            if flags & WITH_PRIORITY:
                payload = payload[5:]
            while not flags & END_HEADERS:
                more = await self.reader.readexactly(9)
                flags |= more[4] & END_HEADERS
                payload += await self.reader.readexactly(int.from_bytes(more[:3], "big"))
            payload = dict(self.decoder.decode(payload))
        return kind, flags, stream, payload

    async def want(self, kind, stream=None):
        """The next frame of that kind; others wait, of other streams too."""
        for f in self.waiting:
            if f[0] == kind and stream in (None, f[2]):
                self.waiting.remove(f)
                return f
        while True:
            f = await self.read()
            if f[0] == kind and stream in (None, f[2]):
                return f
            self.waiting.append(f)

    def headers(self, stream, pairs, end=False, pad=None, pieces=1, priority=False):
        """A header block, padded, with a priority, in several frames."""
        block = self.encoder.encode(pairs)
        size = -(-len(block) // pieces)
        parts = [block[i:i + size] for i in range(0, len(block), size)]
        flags, first = (END_STREAM if end else 0) | (END_HEADERS if len(parts) == 1 else 0), parts[0]
        if priority:
            first, flags = struct.pack("!IB", 0, 15) + first, flags | WITH_PRIORITY
        if pad is not None:
            first, flags = bytes([pad]) + first + bytes(pad), flags | PADDED
        out = frame(HEADERS, flags, stream, first)
        for i, p in enumerate(parts[1:], 2):
            out += frame(CONTINUATION, END_HEADERS if i == len(parts) else 0, stream, p)
        return out

    def connect(self, stream, path, scheme="http", **how):
        return self.headers(stream, [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", scheme), (":path", path), (":authority", "sample.example"),
                                     ("sec-websocket-version", "13"), ("user-agent", "byhand")], **how)

    def data(self, stream, payload, end=False, pad=None):
        if pad is None:
            return frame(DATA, END_STREAM if end else 0, stream, payload)
        return frame(DATA, PADDED | (END_STREAM if end else 0), stream, bytes([pad]) + payload + bytes(pad))

    def reset(self, stream, error):
        return frame(RST_STREAM, 0, stream, struct.pack("!I", error))

    def goaway(self, last, error, debug=b""):
        return frame(GOAWAY, 0, 0, struct.pack("!II", last, error) + debug)

    def fin(self):
        self.writer.close()

    def rst(self):
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
