"""Writes a capture of many WebSocket connections over hours: everyday noise, and patterns planted in it whose truth is known.

    population(seed, count, plants) -> (capture as bytes, {label: set of "client:port"})

Deterministic by its arguments. Noise: connections of any age, closes 1000, 1001 and 1005, some that end without a Close, some handshakes that are
refused, Pings on some servers. A plant is a function plant(world) that adds connections by world.connection(label, ...)."""
import base64, hashlib, os, random, struct, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pcapgen import ACK, FIN, GUID, PSH, RST, SYN, close, frame

START = 1767323045
AGENTS = [b"Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0", b"Mozilla/5.0 (Windows NT 10.0) Chrome/126.0", b"Mozilla/5.0 (iPhone) Safari/605.1",
          b"python-websockets/12.0", b"okhttp/4.12.0", b"node ws"]
SOFTWARE = [b"nginx/1.24.0", b"uvicorn", b"Jetty(12.0.8)", b"Kestrel"]
REFUSALS = [401, 403, 404]


class World:
    def __init__(self, seed, hours, servers, clients):
        self.random, self.hours, self.servers, self.clients = random.Random(seed), hours, servers, clients
        self.packets, self.truth, self.used, self.number = [], {}, set(), 0

    @property
    def span(self):
        return self.hours * 3600.0

    def server(self, i):
        return (f"192.0.2.{1 + i}", 443 if i % 2 else 8080)

    def client(self):
        return f"198.51.{100 + self.random.randrange(4)}.{1 + self.random.randrange(self.clients // 4)}"

    def proxied(self, label, server, backend, start):
        """One connection with both its legs on record: to the proxy |server|, and from it to |backend|."""
        near = self.connection(label, server, start)
        far = self.connection(label + "-far", backend, start + 0.001, client=near.ends[1][0], agent=near.agent)
        far.key = near.key
        return Legs(near, far)

    def connection(self, label, server, start, client=None, agent=None):
        while True:
            end = (client or self.client(), 20000 + self.random.randrange(45000))
            if (end, server) not in self.used:
                break
        self.used.add((end, server))
        self.truth.setdefault(label, set()).add(f"{end[0]}:{end[1]}")
        self.number += 1
        return Connection(self, end, server, start, agent or AGENTS[self.random.randrange(len(AGENTS))])

    def pcap(self):
        self.packets.sort()
        parts = [struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)]
        for us, _, data in self.packets:
            parts.append(struct.pack("<IIII", START + us // 1000000, us % 1000000, len(data), len(data)))
            parts.append(data)
        return b"".join(parts)


class Connection:
    """Its clock runs with the calls: at() moves it."""

    def __init__(self, world, client, server, start, agent):
        self.world, self.ends, self.now, self.agent = world, [client, (world.server(server))], start, agent
        self.software = SOFTWARE[server % len(SOFTWARE)]
        self.ip = [bytes(map(int, a.split("."))) for a, _ in self.ends]
        self.key = base64.b64encode(struct.pack("!QQ", world.random.getrandbits(64), world.number))
        self.seq, self.ack = [world.random.randrange(1 << 32), world.random.randrange(1 << 32)], [0, 0]

    def packet(self, by, flags, payload=b""):
        head = struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0) + self.ip[by] + self.ip[1 - by]
        tcp = struct.pack("!HHIIBBHHH", self.ends[by][1], self.ends[1 - by][1], self.seq[by], self.ack[by] if flags & ACK else 0, 0x50, flags, 0xffff, 0, 0)
        w = self.world
        w.packets.append((int(self.now * 1e6), len(w.packets), b"\x02" * 12 + b"\x08\x00" + head + tcp + payload))
        self.seq[by] = (self.seq[by] + len(payload) + (1 if flags & (SYN | FIN) else 0)) & 0xffffffff
        self.ack[1 - by] = self.seq[by]

    def at(self, when):
        self.now = max(self.now, when)
        return self

    def send(self, by, payload):
        self.packet(by, PSH | ACK, payload)
        self.now += 0.0004
        self.packet(1 - by, ACK)

    def open(self, status=101, path=b"/chat"):
        self.packet(0, SYN)
        self.now += 0.02
        self.packet(1, SYN | ACK)
        self.packet(0, ACK)
        self.send(0, b"GET " + path + b" HTTP/1.1\r\nHost: chat.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nUser-Agent: " + self.agent +
                  b"\r\nSec-WebSocket-Key: " + self.key + b"\r\nSec-WebSocket-Version: 13\r\n\r\n")
        self.now += 0.005
        if status != 101:
            self.send(1, b"HTTP/1.1 %d No\r\nServer: %s\r\nContent-Length: 0\r\n\r\n" % (status, self.software))
            return self.fin(1)
        accept = base64.b64encode(hashlib.sha1(self.key + GUID).digest())
        self.send(1, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nServer: " + self.software +
                  b"\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        return self

    def say(self, by, payload=b"hello"):
        self.send(by, frame(1, payload, by == 0))
        return self

    def ping(self, by=1, answered=True):
        self.send(by, frame(9, b"p", by == 0))
        if answered:
            self.now += 0.02
            self.send(1 - by, frame(10, b"p", by == 1))
        return self

    def close(self, by, code, reason=b""):
        body = (lambda who: frame(8, b"", who == 0)) if code is None else (lambda who: close(code, reason, who == 0))
        self.send(by, body(by))
        self.now += 0.02
        self.send(1 - by, body(1 - by))
        return self.fin(1)

    def fin(self, by):
        self.packet(by, FIN | ACK)
        self.now += 0.02
        self.packet(1 - by, FIN | ACK)
        self.packet(by, ACK)
        return self

    def rst(self, by):
        self.packet(by, RST | ACK)
        return self

    def chatter(self, until, mean=60.0, every=None):
        """Messages of either side at random until then, and a server's Pings every so often."""
        r = self.world.random
        ping = self.now + every if every else float("inf")
        message = self.now + r.expovariate(1 / mean)
        while min(ping, message) < until:
            if ping < message:
                self.at(ping).ping()
                ping += every
            else:
                self.at(message).say(r.randrange(2), b"x" * r.randrange(1, 60))
                message += r.expovariate(1 / mean)
        return self


class Legs:
    """Both legs of a proxied connection; what one side says, the proxy says on the other leg."""

    def __init__(self, near, far):
        self.near, self.far = near, far

    @property
    def now(self):
        return self.near.now

    def at(self, when):
        self.near.at(when)
        self.far.at(when + 0.0005)
        return self

    def open(self):
        self.near.open()
        self.far.open()
        return self.at(max(self.near.now, self.far.now))

    def chatter(self, until, mean):
        r = self.near.world.random
        message = self.now + r.expovariate(1 / mean)
        while message < until:
            by, size = r.randrange(2), r.randrange(1, 60)
            self.at(message)
            self.near.say(by, b"x" * size)
            self.far.say(by, b"x" * size)
            message += r.expovariate(1 / mean)
        return self

    def cut(self):
        """By the proxy: it is the server of one leg and the client of the other."""
        self.near.fin(1)
        self.far.fin(0)


def noise(world):
    """One everyday connection."""
    r = world.random
    server = r.randrange(world.servers)
    start = r.uniform(0, world.span)
    kind = r.random()
    if kind < 0.03:
        return world.connection("refused", server, start).open(REFUSALS[r.randrange(3)])
    c = world.connection("noise", server, start).open()
    age = r.lognormvariate(5.0, 1.4)
    every = 25.0 if server == 3 else None
    c.chatter(min(start + age, world.span), mean=max(age / 6, 5), every=every)
    if start + age > world.span:
        return c  # still open when the capture ends
    c.at(start + age)
    if kind < 0.60:
        c.close(0, 1000)
    elif kind < 0.75:
        c.close(0, 1001)
    elif kind < 0.83:
        c.close(0, None)
    elif kind < 0.90:
        c.close(1, 1000, b"bye")
    elif kind < 0.93:
        c.fin(0)
    elif kind < 0.95:
        c.rst(0)
    elif kind < 0.98:
        c.fin(1)
    else:
        c.rst(1)
    return c


# ---- plants: each takes the world and returns nothing ----

def idle_cut(label="idle", count=400, server=0, seconds=45.0, jitter=0.06, end="fin"):
    def plant(world):
        r = world.random
        for _ in range(count):
            start = r.uniform(0, world.span * 0.8)
            c = world.connection(label, r.randrange(world.servers) if server is None else server, start).open()
            c.chatter(start + min(r.expovariate(1 / 300), 1800), mean=20.0)
            c.at(c.now + seconds + r.uniform(0, jitter))
            c.fin(1) if end == "fin" else c.rst(1) if end == "rst" else c.close(1, end, b"idle")
    return plant


def proxy_idle_cut(label="proxy", count=200, server=0, backend=3, seconds=60.0, jitter=0.06):
    def plant(world):
        r = world.random
        for _ in range(count):
            start = r.uniform(0, world.span * 0.8)
            c = world.proxied(label, server, backend, start).open()
            c.chatter(start + min(r.expovariate(1 / 300), 1800), mean=20.0)
            c.at(c.now + seconds + r.uniform(0, jitter)).cut()
    return plant


def mass(label="mass", count=300, server=1, within=3.0, code=1012, when=0.5, back=None):
    def plant(world):
        r, at = world.random, world.span * when
        for _ in range(count):
            start = at - min(r.expovariate(1 / 900) + 5, at)
            c = world.connection(label, server, start).open()
            c.chatter(at, mean=400.0).at(at + r.uniform(0, within))
            c.fin(1) if code is None else c.close(1, code, b"restart")
            if back is not None:
                again = world.connection(label + "-back", server, c.now + r.uniform(0, back), client=c.ends[0][0]).open()
                again.chatter(again.now + 60, mean=20.0).at(again.now + r.expovariate(1 / 400)).close(0, 1000)
    return plant


def lifetime(label="lifetime", count=250, server=2, seconds=900.0, jitter=0.2, code=1001):
    def plant(world):
        r = world.random
        for _ in range(count):
            start = r.uniform(0, world.span - seconds - 10)
            c = world.connection(label, server, start).open()
            began = c.now
            c.chatter(began + seconds - 0.1, mean=30.0).at(began + seconds + r.uniform(0, jitter))
            c.fin(1) if code is None else c.close(1, code, b"max age")
    return plant


def refusals(label="refusals", count=200, server=1, status=503, when=0.3, within=20.0):
    def plant(world):
        for _ in range(count):
            world.connection(label, server, world.span * when + world.random.uniform(0, within)).open(status)
    return plant


def population(seed, count, plants=(), hours=3, servers=4, clients=800):
    world = World(seed, hours, servers, clients)
    for plant in plants:
        plant(world)
    while world.number < count:
        noise(world)
    return world.pcap(), world.truth


if __name__ == "__main__":
    data, truth = population(int(sys.argv[1]), int(sys.argv[2]), [idle_cut(), mass(), lifetime()] if len(sys.argv) < 4 else [])
    sys.stdout.buffer.write(data)
    sys.stderr.write("".join(f"{k}: {len(v)}\n" for k, v in truth.items()))
