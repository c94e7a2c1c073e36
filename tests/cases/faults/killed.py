#!/usr/bin/env python3
"""kill -9 in the middle of an import, and the same import again: nothing lost, nothing twice.

usage: killed.py WSCLOSE SHIM [POINTS]

At POINTS (default 24) random points, taken in turn from: a write to the database (not done, or half done), an fsync, a file opened or removed, and a
moment by the clock. The database is empty before, holds another import, or an import of the same captures with other options, which is replaced. After
each: the database is sound, and what it was or what it was to be; after the import again it is equal, in every column, to one never disturbed.
"""
import os, random, shutil, subprocess, sys, time

import faults
from faults import Bad, dump, half, look

EARLIER = {"empty": None, "another": ["b.pcap"], "replaced": ["--keep-query", "a.pcap"]}
KINDS = (("write", "kill"), ("write", "torn"), ("sync", "kill"), ("open,unlink", "kill"), None)


class Import:
    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.args = ["analyze", "-q", "--no-label", "--format", "none", os.path.join(lab.tmp.name, "a.pcap")]
        self.kept = os.path.join(lab.tmp.name, name + ".db")
        if EARLIER[name]:
            words = [os.path.join(lab.tmp.name, w) if w.endswith(".pcap") else w for w in EARLIER[name]]
            lab.run(["analyze", "-q", "--no-label", "--format", "none", "--db", self.kept, *words])
        self.prepare()
        self.before = look(lab.path("wsclose.db"))
        self.calls = {k: self.counted(k) for k in KINDS}
        self.prepare()
        began = time.time()
        lab.run(self.args)
        self.takes = time.time() - began
        self.whole, self.dump = look(lab.path("wsclose.db")), dump(lab.path("wsclose.db"))

    def prepare(self):
        self.lab.clear()
        if os.path.exists(self.kept):
            shutil.copy(self.kept, self.lab.path("wsclose.db"))

    def counted(self, kind):
        self.prepare()
        return self.lab.run(self.args, calls=kind[0], **{"in": "libsqlite3"}, at=0).calls if kind else 0

    def kill(self, rng, kind):
        """Returns whether it was killed, and where."""
        self.prepare()
        if kind:
            at = rng.randrange(1, self.calls[kind] + 1)
            ran = self.lab.run(self.args, calls=kind[0], how=kind[1], **{"in": "libsqlite3"}, at=at)
            return ran.status == -9, f"{kind[1]} at {kind[0]} {at} of {self.calls[kind]}"
        after = rng.random() * self.takes
        p = subprocess.Popen([self.lab.wsclose, *self.args], cwd=self.lab.dir, env=self.lab.environment(), stderr=subprocess.DEVNULL)
        time.sleep(after)
        p.kill()
        return p.wait() == -9, f"after {after:.3f} of {self.takes:.3f} s"

    def judge(self):
        path = self.lab.path("wsclose.db")
        left = look(path)
        if half(left, self.before, self.whole):
            return "half", f"half an import: {left}"
        again = self.lab.run(self.args)
        if again.status != 0:
            return "half", f"again: status {again.status}: {again.err}"
        if look(path) and dump(path) != self.dump:
            return "half", f"again: other rows than undisturbed: {look(path)}, not {self.whole}"
        return ("after" if left == self.whole else "before"), None


def main(argv):
    wsclose, shim, *rest = argv
    points = int(rest[0]) if rest else 24
    lab, rng = faults.Lab(wsclose, shim), random.Random(9)
    faults.sessions(os.path.join(lab.tmp.name, "a.pcap"), 1200)
    faults.sessions(os.path.join(lab.tmp.name, "b.pcap"), 300, 1767400000)
    imports = [Import(lab, name) for name in EARLIER]
    found = {"before": 0, "after": 0, "half": 0}
    survived = 0
    for i in range(points):
        x, kind = imports[i % len(imports)], KINDS[i // len(imports) % len(KINDS)]
        killed, where = x.kill(rng, kind)
        survived += not killed
        try:
            result, why = x.judge()
        except Bad as e:
            result, why = "half", str(e)
        found[result] += 1
        if why:
            print(f"{x.name}: {where}: {why}", flush=True)
    print(f"{points} kills ({survived} came too late): the database as before {found['before']}, as after {found['after']}, neither {found['half']}")
    return 1 if found["half"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
