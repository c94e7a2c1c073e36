#!/usr/bin/env python3
"""Databases that are damaged, hostile, locked, read-only, or on a disk that fills up. usage: database.py WSCLOSE SHIM [DAMAGES]"""
import os, random, shutil, sqlite3, subprocess, sys, threading, time, unittest

import faults
from faults import died, dump, half, look

WSCLOSE, SHIM = sys.argv[1:3]
DAMAGES = int(sys.argv[3]) if len(sys.argv) > 3 and sys.argv[3].isdigit() else 60
del sys.argv[1:4 if len(sys.argv) > 3 and sys.argv[3].isdigit() else 3]
ASK = (["stats", "--by", "code,server"], ["events", "--format", "ndjson"], ["diagnose"], ["extract", "3", "--force", "-o", "x.pcapng"])
IMPORT = ["analyze", "-q", "--no-label", "--format", "none"]


class Case(unittest.TestCase):
    def setUp(self):
        self.lab = faults.Lab(WSCLOSE, SHIM)
        self.addCleanup(self.lab.tmp.cleanup)
        self.a, self.b = os.path.join(self.lab.tmp.name, "a.pcap"), os.path.join(self.lab.tmp.name, "b.pcap")
        faults.sessions(self.a, 60)
        faults.sessions(self.b, 40, 1767400000)
        self.good = os.path.join(self.lab.tmp.name, "good.db")
        self.sound(self.lab.run([*IMPORT, "--db", self.good, self.a]), 0)
        self.db = self.lab.path("wsclose.db")

    def sound(self, ran, *statuses):
        self.assertIsNone(died(ran), ran.err[:3000])
        self.assertIn(ran.status, statuses, ran.err[:3000])
        return ran

    def fresh(self):
        self.lab.clear()
        shutil.copy(self.good, self.db)


class Damaged(Case):
    def test_bytes_and_pages(self):
        """Each command ends, with 0 or 1; what is refused is left as it was."""
        rng = random.Random(17)
        with open(self.good, "rb") as f:
            good = f.read()
        refused = 0
        for i in range(DAMAGES):
            data = bytearray(good)
            kind = i % 5
            if kind == 0:
                for _ in range(rng.choice((1, 3, 40))):
                    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            elif kind == 1:
                del data[rng.randrange(len(data)):]
            elif kind == 2:  # the header and the schema
                data[rng.randrange(4096)] = rng.randrange(256)
            elif kind == 3:  # a page where another should be
                page = lambda: rng.randrange(len(data) // 4096) * 4096
                to, from_ = page(), page()
                data[to:to + 4096] = data[from_:from_ + 4096]
            else:
                at = rng.randrange(len(data))
                data[at:at + 4096] = bytes(len(data[at:at + 4096]))
            self.lab.clear()
            for words in (ASK[i % len(ASK)], [*IMPORT, self.b if i % 2 else self.a]):
                with open(self.db, "wb") as f:
                    f.write(data)
                ran = self.sound(self.lab.run([*words], timeout=60), 0, 1)
                if ran.status == 1:
                    refused += 1
                    self.assertTrue(ran.err, words)
        print(f"damaged databases: {DAMAGES}, {refused} of {2 * DAMAGES} runs refused")

    def test_each_block_of_noise(self):
        """Each 512 bytes in turn, each command: with a large count all of them, else every tenth block and a command each."""
        rng, small, refused, tried = random.Random(5), os.path.join(self.lab.tmp.name, "small.db"), 0, 0
        shutil.copy(self.good, small)
        db = sqlite3.connect(small)
        db.executescript("DELETE FROM connections WHERE id > 12; PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM")
        db.close()
        with open(small, "rb") as f:
            good = f.read()
        commands = [*ASK, ["show", "3"], [*IMPORT, self.a], [*IMPORT, self.b]]
        whole = DAMAGES >= 200
        for i, at in enumerate(range(0, len(good), 512 if whole else 5120)):
            data = good[:at] + rng.randbytes(512) + good[at + 512:]
            for words in commands if whole else [commands[i % len(commands)]]:
                self.lab.clear()
                with open(self.db, "wb") as f:
                    f.write(data)
                ran = self.sound(self.lab.run(words, timeout=20), 0, 1, 3)  # 3: show tells what it found
                tried, refused = tried + 1, refused + (ran.status != 0)
                self.assertTrue(ran.status == 0 or ran.err, (at, words))
        print(f"blocks of noise: {tried} runs over {len(good) // 512} blocks, {refused} refused")

    def test_a_wal_of_another(self):
        """Journals that do not belong to the database, or are torn."""
        rng = random.Random(3)
        for name in ("-wal", "-journal", "-shm"):
            for size in (0, 1, 31, 32, 4096, 100000):
                self.fresh()
                with open(self.db + name, "wb") as f:
                    f.write(rng.randbytes(size))
                self.sound(self.lab.run([*IMPORT, self.a]), 0, 1)
                left = look(self.db)
                self.assertEqual(left["connections"], 60, (name, size))


HOSTILE = {
    "a trigger that deletes": "CREATE TRIGGER t AFTER INSERT ON connections BEGIN DELETE FROM connections; END",
    "a trigger that fails": "CREATE TRIGGER t BEFORE INSERT ON connections BEGIN SELECT RAISE(FAIL, 'no'); END",
    "a trigger that fills the disk": "CREATE TRIGGER t AFTER INSERT ON evidence BEGIN INSERT INTO evidence SELECT connection_id, n + 1000, hex(zeroblob(1000000)) FROM evidence LIMIT 10; END",
    "a trigger that loads": "CREATE TRIGGER t AFTER INSERT ON connections BEGIN SELECT load_extension('/tmp/x.so'); END",
    "a trigger that writes a file": "CREATE TRIGGER t AFTER INSERT ON connections BEGIN SELECT writefile('/tmp/x', 'x'); END",
    "a view for a table": "ALTER TABLE evidence RENAME TO e2; CREATE VIEW evidence AS SELECT * FROM e2",
    "a view without end": "DROP TABLE violations; CREATE VIEW violations AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "
                          "SELECT n connection_id, n, 'client' by, 'x' rule, NULL capture_id, 1 packet FROM r",
    "connections without end": "PRAGMA foreign_keys = off; ALTER TABLE connections RENAME TO c2; CREATE VIEW connections AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "
                               "SELECT c2.* FROM r, c2",
    "a virtual table": "DROP TABLE evidence; CREATE VIRTUAL TABLE evidence USING fts5(connection_id, n, sentence)",
    "a column missing": "ALTER TABLE connections RENAME COLUMN reason TO no_reason",
    "a table missing": "DROP TABLE captures",
    "an index on a function": "CREATE INDEX i ON connections (length(hex(zeroblob(10000000))))",
    "an index of a part": "CREATE INDEX i ON connections (host) WHERE length(hex(zeroblob(50000000))) > 1",
    "a check that costs": "CREATE TABLE keep AS SELECT * FROM connections; DELETE FROM close_frames; DELETE FROM violations; DELETE FROM evidence; DELETE FROM connections; ALTER TABLE connections ADD COLUMN x INT CHECK (length(hex(zeroblob(200000000))) > 1); "
                          "INSERT INTO connections SELECT *, 1 FROM keep LIMIT 5",
    "a column that is computed": "ALTER TABLE connections ADD COLUMN x INT AS (length(hex(zeroblob(50000000)))); CREATE INDEX i ON connections (x)",
    "a default that costs": "ALTER TABLE close_frames ADD COLUMN x INT DEFAULT 1; CREATE TABLE o AS SELECT * FROM violations; DROP TABLE violations; CREATE TABLE violations "
                            "(connection_id INTEGER, n INTEGER, by TEXT, rule TEXT, capture_id INTEGER, packet INTEGER, x INT DEFAULT (length(hex(zeroblob(200000000)))))",
    "the last row number": "PRAGMA foreign_keys = off; UPDATE connections SET id = 9223372036854775807 WHERE id = 60",
    "negative and huge numbers": "UPDATE connections SET client_port = -1, server_port = 99999999, last_packet = -5, first_packet = 9223372036854775807, close_code = 9223372036854775807",
    "times that are none": "PRAGMA ignore_check_constraints = on; UPDATE connections SET sort_time = 'x', started = '9999', ended = '9999-99-99T99:99:99.999999999Z'",
    "words that are none": "PRAGMA ignore_check_constraints = on; UPDATE connections SET outcome = 'x', ending = '', cause = NULL, closed_by = char(27) || '[31m'",
    "text without end": "UPDATE connections SET reason = zeroblob(50000000), path = hex(zeroblob(5000000)) WHERE id = 3",
    "another version": "PRAGMA user_version = 9999",
    "an earlier version": "PRAGMA user_version = 1",
    "a negative version": "PRAGMA user_version = -1",
    "another program's": "PRAGMA application_id = 77",
}


class Hostile(Case):
    def test_made_by_an_enemy(self):
        """Each ends within 20 s and 1 GB, with 0 or 1, and runs nothing that the schema brings along."""
        refused = []
        for name, sql in HOSTILE.items():
            for words in (*ASK, [*IMPORT, self.b]):
                self.fresh()
                db = sqlite3.connect(self.db)
                try:
                    db.executescript(sql)
                except sqlite3.OperationalError as e:
                    self.fail(f"{name}: {e}")
                finally:
                    db.close()
                began = time.time()
                try:
                    ran = self.lab.run(words, timeout=20)
                except subprocess.TimeoutExpired:
                    self.fail(f"{name}: {words} does not end")
                self.assertIsNone(died(ran), (name, words, ran.err[:2000]))
                self.assertIn(ran.status, (0, 1), (name, words, ran.err))
                self.assertNotIn("\x1b", ran.out + ran.err, (name, words))
                if ran.status == 1:
                    refused.append(f"{name}, {words[0]}: {ran.err.strip()[-100:]} ({time.time() - began:.1f} s)")
        if os.environ.get("SHOW"):
            print("\n".join(refused))


class Held(Case):
    def test_locked(self):
        """Readers go on beside a writer; a second writer waits 10 s, then says so; nothing is lost of either."""
        self.fresh()
        other = sqlite3.connect(self.db, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for words in ASK[:3]:
            self.sound(self.lab.run(words), 0)
        began = time.time()
        ran = self.sound(self.lab.run([*IMPORT, self.b]), 1)
        self.assertGreater(time.time() - began, 9)
        self.assertRegex(ran.err, "another process|busy|locked")
        other.execute("ROLLBACK")
        self.sound(self.lab.run([*IMPORT, self.b]), 0)
        self.assertEqual(look(self.db)["connections"], 100)

    def test_the_lock_goes_in_time(self):
        self.fresh()
        other = sqlite3.connect(self.db, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN EXCLUSIVE")
        timer = threading.Timer(3, lambda: other.execute("COMMIT"))
        timer.start()
        self.sound(self.lab.run([*IMPORT, self.b]), 0)
        timer.join()
        self.assertEqual(look(self.db)["connections"], 100)

    def test_four_at_once(self):
        """Four imports into one new database."""
        for i in range(4):
            faults.sessions(self.lab.path(f"{i}.pcap"), 50 + i, 1767323045 + 100000 * i)
        ps = [subprocess.Popen([self.lab.wsclose, *IMPORT, f"{i}.pcap"], cwd=self.lab.dir, env=self.lab.environment(), stderr=subprocess.PIPE) for i in range(4)]
        for p in ps:
            err = p.communicate(timeout=100)[1].decode()
            self.assertEqual(p.returncode, 0, err)
        left = look(self.db)
        self.assertEqual((left["imports"], left["connections"]), (4, 50 + 51 + 52 + 53))

    def test_the_same_at_once(self):
        """Four imports of one capture: one is stored."""
        ps = [subprocess.Popen([self.lab.wsclose, *IMPORT, self.a], cwd=self.lab.dir, env=self.lab.environment(), stderr=subprocess.PIPE) for _ in range(4)]
        for p in ps:
            err = p.communicate(timeout=100)[1].decode()
            self.assertEqual(p.returncode, 0, err)
        left = look(self.db)
        self.assertEqual((left["imports"], left["connections"]), (1, 60))


class Rights(Case):
    def as_nobody(self, words):
        os.chmod(self.lab.tmp.name, 0o755)
        program = os.path.join(self.lab.tmp.name, "wsclose")
        if not os.path.exists(program):
            shutil.copy(self.lab.wsclose, program)
        for p in (self.a, self.b):
            os.chmod(p, 0o644)
        p = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", program, *words], cwd=self.lab.dir, capture_output=True, timeout=60,
                           env=self.lab.environment())
        return faults.Ran(p.returncode, p.stdout.decode(), p.stderr.decode(), 0, 0, [])

    def test_read_only(self):
        """A database, or its directory, that may not be written: asked all the same, an import refused, nothing changed."""
        if os.geteuid() != 0:
            self.skipTest("not root")
        for file_mode, dir_mode in ((0o444, 0o777), (0o444, 0o555), (0o666, 0o555)):
            self.fresh()
            os.chmod(self.db, file_mode)
            os.chmod(self.lab.dir, dir_mode)
            before = dump(self.good)
            for words in ASK[:3]:
                self.sound(self.as_nobody(words), 0)
            ran = self.sound(self.as_nobody([*IMPORT, self.b]), 1)
            self.assertRegex(ran.err, "permission|unable to open|read-?only")
            os.chmod(self.lab.dir, 0o755)
            self.assertEqual(dump(self.db), before)
        self.lab.clear()
        os.chmod(self.lab.dir, 0o555)
        ran = self.sound(self.as_nobody([*IMPORT, self.b]), 1)
        self.assertRegex(ran.err, "Permission denied")
        os.chmod(self.lab.dir, 0o755)

    def test_unreadable(self):
        if os.geteuid() != 0:
            self.skipTest("not root")
        self.fresh()
        os.chmod(self.db, 0)
        for words in (*ASK, [*IMPORT, self.b]):
            self.assertTrue(self.sound(self.as_nobody(words), 1).err)


class Full(Case):
    def test_disks_of_all_sizes(self):
        """A real file system that is too small, by 8 kB more each time: before, or after, never between."""
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"]).returncode:
            self.skipTest("no right to mount")
        faults.sessions(self.b, 400, 1767400000)
        self.fresh()
        self.sound(self.lab.run([*IMPORT, self.b]), 0)
        before, whole, want = look(self.good), look(self.db), dump(self.db)
        ends = {"before": 0, "after": 0}
        size = os.path.getsize(self.good)
        for room in range(0, 1200, 24):
            self.lab.clear()
            disk = self.lab.path("disk")
            os.mkdir(disk)
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={(size + 4095) // 4096 * 4 + room}k", "none", disk], check=True)
            try:
                shutil.copy(self.good, disk + "/x.db")
                ran = self.sound(self.lab.run([*IMPORT, "--db", "disk/x.db", self.b]), 0, 1)
                kept = os.path.join(self.lab.tmp.name, "kept")
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(disk, kept)
                left = look(kept + "/x.db")
                self.assertFalse(half(left, before, whole), (room, left, ran.err))
                self.assertEqual(ran.status == 0, left == whole, (room, ran.err))
                if ran.status:
                    self.assertRegex(ran.err, "full|disk|space")
                    self.sound(self.lab.run([*IMPORT, "--db", kept + "/x.db", self.b]), 0)
                    self.assertEqual(dump(kept + "/x.db"), want, room)
                ends["after" if left == whole else "before"] += 1
            finally:
                subprocess.run(["umount", disk], check=True)
        print(f"disks too small: {ends}")
        self.assertTrue(ends["before"] and ends["after"])

    def test_extract(self):
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"]).returncode:
            self.skipTest("no right to mount")
        self.fresh()
        disk = self.lab.path("disk")
        os.mkdir(disk)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", disk], check=True)
        try:
            with open(disk + "/filler", "wb") as f:
                f.write(bytes(4096))
            ran = self.sound(self.lab.run(["extract", "3", "-o", "disk/x.pcapng"]), 1)
            self.assertIn("No space", ran.err)
            self.assertEqual(os.listdir(disk), ["filler"])
        finally:
            subprocess.run(["umount", disk], check=True)


if __name__ == "__main__":
    unittest.main(verbosity=1)
