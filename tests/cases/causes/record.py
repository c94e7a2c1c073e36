#!/usr/bin/env python3
"""Record the captures of this folder, and their truth.

usage: record.py [SCENE...]        (as root; without names: all of them, several side by side)

A scene is a coroutine in scenes_*.py: it sets up real peers in network namespaces, captures with tcpdump, and says what the endpoints
logged and what it did to them. Its captures and its entry in truth.json replace the old ones. Nothing here looks at wsclose's output.
Needs tcpdump, tshark, editcap, ethtool, nftables, iproute2, nginx, haproxy, apache2, mosquitto, node with `npm install ws` (NODE_PATH), and Debian's
python3-websockets, -aiohttp, -tornado, -uvicorn, -wsproto.
"""
import asyncio, fcntl, json, logging, os, subprocess, sys, tempfile

import scenes_codes, scenes_cuts, scenes_more, scenes_time
from lab import HERE, Lab

logging.disable(logging.CRITICAL)  # handlers whose peer was killed on purpose
SIDE_BY_SIDE = 6
SCENES = {f.__name__.replace("_", "-"): f for m in (scenes_time, scenes_cuts, scenes_codes, scenes_more) for f in m.SCENES}
TRUTH = os.path.join(HERE, "truth.json")


def remember(entries):
    """Puts the entries into truth.json; scenes that end at the same time take turns."""
    with open(os.path.join(tempfile.gettempdir(), "causes.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        old = json.load(open(TRUTH)) if os.path.exists(TRUTH) else {}
        old.update(entries)
        with open(TRUTH + ".new", "w") as f:
            json.dump(dict(sorted(old.items())), f, indent=1)
            f.write("\n")
        os.rename(TRUTH + ".new", TRUTH)


def one(name):
    scene = SCENES[name]
    with Lab(name, HERE) as lab:
        lab.about = " ".join(scene.__doc__.split())
        asyncio.run(scene(lab))
        remember({name: lab.truth(), **lab.others})
        print(f"{name}: {len(lab.entries)} connection(s), {sum(os.path.getsize(p) for p, _ in lab.captures)} bytes", flush=True)


def main():
    names = sys.argv[1:] or list(SCENES)
    unknown = [n for n in names if n not in SCENES]
    if unknown:
        sys.exit(f"no such scene: {', '.join(unknown)}\n{__doc__}")
    if len(names) == 1:
        return one(names[0])
    running, failed = {}, []

    def wait_for_one():
        pid, status = os.wait()
        for name, p in list(running.items()):
            if p.pid == pid:
                del running[name]
                if status:
                    failed.append(name)

    for name in names:
        while len(running) >= SIDE_BY_SIDE:
            wait_for_one()
        running[name] = subprocess.Popen([sys.executable, os.path.abspath(__file__), name])
    while running:
        wait_for_one()
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


main()
