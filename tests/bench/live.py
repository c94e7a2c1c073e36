#!/usr/bin/env python3
"""Measure `wsclose live` on a veth between two network namespaces. As root; needs tcpdump, ethtool, and tcpreplay for the load.

usage: live.py load BUILD_DIR [--rounds N] [--workers 1,2]
                                                       the share kept at the highest rate, beside `tcpdump -w /dev/null`
       live.py soak BUILD_DIR [--minutes N] [--rate N] memory over time, with N connections opening and closing a second

BUILD_DIR is a release build with tests.
"""
import asyncio, collections, os, random, re, signal, statistics, subprocess, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cases", "live"))
import net as lab
import peers


def option(name, default):
    return float(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


# ---- soak ----

ENDS = (("/client-1000", 50), ("/server-1001", 20), ("/server-4000", 10), ("/client-fin", 7), ("/server-fin", 6), ("/server-reset", 7))
CODES = {"/client-1000": 1000, "/server-1001": 1001, "/server-4000": 4000, "/client-fin": 1006, "/server-fin": 1006, "/server-reset": 1006}


async def serve_one(p):
    while True:
        f = await p.receive()
        if f is None:
            return
        if f[0] == 8:
            await p.close(1000)
            return
        if f[1] != b"end":
            await p.send(1, f[1])
        elif p.path in ("/server-1001", "/server-4000"):
            await p.close(int(p.path[-4:]))
            await p.until(8)
            return
        elif p.path == "/server-reset":
            return p.reset()
        else:
            return


class Soak:
    def __init__(self, net, rate):
        self.net, self.rate = net, rate
        self.done, self.failed, self.tasks = collections.Counter(), 0, set()

    async def one(self, end, life):
        try:
            p = await peers.connect(self.net, end, lab.SERVER, 9000)
        except OSError:
            self.failed += 1
            return
        try:
            for _ in range(random.randint(1, 5)):
                await p.send(1, os.urandom(8).hex().encode() * random.randint(1, 40))
                await p.receive()
                await asyncio.sleep(life / 5)
            if end == "/client-1000":
                await p.close(1000)
                await p.end()
            elif end.startswith("/server"):
                await p.send(1, b"end")
                if end[-4:].isdigit() and await p.until(8):
                    await p.close(int(end[-4:]))
                await p.end()
        except OSError:
            pass
        p.fin()
        self.done[CODES[end]] += 1

    async def run(self, seconds):
        self.server = await peers.Server(serve_one).start(self.net.listen(lab.SERVER, 9000))
        stop = time.monotonic() + seconds
        due = time.monotonic()
        ends, weights = zip(*ENDS)
        while time.monotonic() < stop:
            t = asyncio.create_task(self.one(random.choices(ends, weights)[0], random.expovariate(1 / 6)))
            self.tasks.add(t)
            t.add_done_callback(self.tasks.discard)
            due += 1 / self.rate
            await asyncio.sleep(max(0, due - time.monotonic()))
        await asyncio.wait(self.tasks, timeout=120)


def rss_mb(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) / 1024


async def sample(pid, net, db, samples, start):
    while True:
        try:
            samples.append((time.monotonic() - start, rss_mb(pid), sum(os.path.getsize(db + x) for x in ("", "-wal")) / 1e6))
        except OSError:
            return
        print("%8.0f s  %7.1f MB RSS  %7.1f MB database" % samples[-1], flush=True)
        await asyncio.sleep(10)


def soak(wsclose):
    minutes, rate = option("--minutes", 60), option("--rate", 100)
    os.nice(10)
    with lab.Net() as net:
        live = lab.Live(net, wsclose, "--format", "none")
        s, samples, start = Soak(net, rate), [], time.monotonic()

        async def both():
            sampler = asyncio.create_task(sample(live.p.pid, net, live.db, samples, start))
            await s.run(minutes * 60)
            sampler.cancel()
        asyncio.run(both())
        status = live.stop()
        got = dict(lab.rows(live.db, "SELECT close_code, count(*) FROM connections GROUP BY 1"))
        print(live.err())
    tenth = [m for t, m, _ in samples if t >= minutes * 6]
    print(f"exit {status}; by the clients {dict(s.done)}, {s.failed} not connected; on record {got}")
    print(f"RSS after the first tenth: {tenth[0]:.1f} MB, at the end {tenth[-1]:.1f} MB, least {min(tenth):.1f}, most {max(tenth):.1f}")


# ---- load ----

def flood(net, pcap):
    """Sends the capture as fast as this machine can. Returns packets a second, and how many."""
    p = subprocess.run(["ip", "netns", "exec", net.b, "tcpreplay", "--topspeed", "--preload-pcap", "--loop", "10", "-i", "vb", pcap], capture_output=True, text=True)
    packets, seconds = re.search(r"Actual: (\d+) packets .*? sent in ([\d.]+) seconds", p.stdout + p.stderr).groups()
    return int(packets) / float(seconds), int(packets)


def counters(said):
    return [int(re.search(r"(\d+) packets %s" % w, said).group(1)) for w in ("received by filter", "dropped by kernel")]


def cpu_seconds(pid):
    """Of all threads, in the kernel too."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def by_wsclose(net, wsclose, pcap, workers):
    """The share kept, the rate beside it, and its CPU time."""
    live = lab.Live(net, wsclose, "--format", "none", "--buffer-size", str(32 << 20), "--workers", workers)
    rate, sent = flood(net, pcap)
    live.drained()
    queue = int(re.search(r"(\d+) by full queues", live.statistics()).group(1))
    cpu = cpu_seconds(live.p.pid)
    live.stop()
    return (lab.rows(live.db, "SELECT packets FROM captures")[0][0] - queue) / sent, rate, cpu


def load_round(net, wsclose, pcap, workers):
    alone, sent = flood(net, pcap)
    dump = net.popen(["tcpdump", "-i", "va", "-B", "32768", "-s", "0", "-Z", "root", "-w", "/dev/null"], stderr=subprocess.PIPE, text=True)
    lab.until(lambda: lab.packet_sockets(dump.pid))
    flood(net, pcap)
    time.sleep(1)
    cpu = cpu_seconds(dump.pid)
    dump.send_signal(2)
    received, dropped = counters(dump.communicate()[1])
    figures = {"alone": alone, "sent": sent, "tcpdump": (received - dropped) / sent}
    for n in workers:
        kept, rate, used = by_wsclose(net, wsclose, pcap, n)
        figures |= {f"wsclose {n}": kept, f"rate {n}": rate, f"cpu {n}": used / cpu}
    return figures


def load(wsclose, build):
    rounds = int(option("--rounds", 3))
    workers = sys.argv[sys.argv.index("--workers") + 1].split(",") if "--workers" in sys.argv else ["1"]
    with lab.Net() as net:
        pcap = net.path(".pcap")
        with open(pcap, "wb") as f:
            subprocess.run([f"{build}/tests/bench/generate", "dense", "connections=1280", "at_a_time=64", "messages=120", "size=1000"], stdout=f, stderr=subprocess.DEVNULL, check=True)
        figures = []
        for _ in range(rounds):
            figures.append(load_round(net, wsclose, pcap, workers))
            print(figures[-1], flush=True)
    m = {k: statistics.median(f[k] for f in figures) for k in figures[0]}
    print(f"{m['sent']:.0f} packets, {m['alone']:.0f} a second with nobody watching; kept by tcpdump {m['tcpdump']:.1%}")
    for n in workers:
        print(f"--workers {n}: {m[f'rate {n}']:.0f} a second beside it, kept {m[f'wsclose {n}']:.1%}, ratio {statistics.median(f[f'wsclose {n}'] / f['tcpdump'] for f in figures):.2f}, "
              f"CPU {m[f'cpu {n}']:.2f} of tcpdump's")


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("load", "soak"):
        sys.exit(__doc__)
    build = os.path.abspath(sys.argv[2])
    wsclose = os.path.join(build, "src", "cli", "wsclose")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the namespaces go
    soak(wsclose) if sys.argv[1] == "soak" else load(wsclose, build)


main()
