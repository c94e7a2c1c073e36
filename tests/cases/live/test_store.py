"""Trouble with the database: a clear sentence each, and nothing that was stored is lost."""
import contextlib, os, re, sqlite3, time

import net as lab
from case import Faults, records
from traffic import Traffic


class Disk(Faults):
    def test_full(self):
        """What was stored stays; what comes is still printed; the next start, with room, goes on."""
        d = os.path.join(self.net.tmp, "small")
        os.mkdir(d)
        lab.sh(f"mount -t tmpfs -o size=1500k none {d}")
        self.addCleanup(lab.sh, f"umount -l {d}", False)
        live = self.live(db=f"{d}/x.db")
        with Traffic(self.net, rate=150, life=0.1) as t:
            self.assertTrue(lab.until(lambda: "x.db: " in live.err(), 40), live.err())
            self.assertRegex(live.err(), r"x\.db: .*disk is full")
            kept = {r["path"] for r in records("events", "--db", live.db)}
            self.intact(live.db)
            self.assertGreater(len(kept), 20)
            had = len(live.printed())
            self.assertTrue(lab.until(lambda: len(live.printed()) > had + 20))
            lab.sh(f"mount -o remount,size=8m {d}")
            self.assertTrue(lab.until(lambda: "can be written again" in live.err()), live.err())
        live.drained()
        self.assertEqual(live.stop(), 0, live.err())
        got = records("events", "--db", live.db)
        self.assertEqual((t.wrong(got), t.missing(got)), ([], []))
        self.assertEqual((t.wrong(live.printed()), t.missing(live.printed())), ([], []))
        self.starts_again(live.db)

    def test_full_to_the_end(self):
        """What could not be stored was printed, and is counted; what was stored before stays."""
        d = os.path.join(self.net.tmp, "small")
        os.mkdir(d)
        lab.sh(f"mount -t tmpfs -o size=1500k none {d}")
        self.addCleanup(lab.sh, f"umount -l {d}", False)
        live = self.live(db=f"{d}/x.db")
        with contextlib.closing(sqlite3.connect(live.db)) as reader, Traffic(self.net, rate=150, life=0.1) as t:
            # While somebody reads, no new try can merge the -wal and so make room.
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM connections").fetchone()
            self.assertTrue(lab.until(lambda: "x.db: " in live.err(), 40), live.err())
            t.stop()
            live.drained()
            self.assertEqual(live.stop(), 1, live.err())
        self.assertRegex(live.err(), r"[1-9]\d* records? could not be stored")
        self.assertEqual((t.wrong(live.printed()), t.missing(live.printed())), ([], []))
        lab.sh(f"mount -o remount,size=8m {d}")  # to read beside a -wal needs room, too
        self.intact(live.db)
        self.starts_again(live.db)

    def test_the_database_is_deleted(self):
        """It says so, and begins a new one of that name; what was in the old one is gone with it."""
        d = os.path.join(self.net.tmp, "everybody")
        os.mkdir(d)
        os.chmod(d, 0o777)  # it no longer is root when it makes the new one
        live = self.live(db=f"{d}/x.db")
        with Traffic(self.net, rate=20) as t:
            self.assertTrue(lab.until(lambda: len(live.printed()) > 5))
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(live.db + suffix)
            deleted = time.time()
            self.assertTrue(lab.until(lambda: re.search(r"\.db: was deleted or moved", live.err())), live.err())
            self.assertTrue(lab.until(lambda: "can be written again" in live.err()), live.err())
        live.drained()
        self.assertEqual(live.stop(), 0, live.err())
        got = {r["path"] for r in records("events", "--db", live.db)}
        self.assertEqual([e for e in t.log if e[1] > deleted and e[0] not in got], [])
        self.intact(live.db)

    def test_the_database_is_deleted_where_it_cannot_be_made_anew(self):
        """What is wrong is said once; records wait until it is put back."""
        d = os.path.join(self.net.tmp, "roots")
        os.mkdir(d)
        os.chmod(d, 0o755)
        live = self.live(db=f"{d}/x.db")
        self.assertIn("goes on as nobody", live.err())
        with Traffic(self.net, rate=20) as t:
            self.assertTrue(lab.until(lambda: len(live.printed()) > 5))
            for suffix in ("", "-wal", "-shm"):
                os.rename(live.db + suffix, f"{d}/away{suffix}")
            self.assertTrue(lab.until(lambda: "cannot be made anew: its directory is not ours" in live.err()), live.err())
            had = len(live.printed())
            time.sleep(6)
            self.assertGreater(len(live.printed()), had)
            for suffix in ("", "-wal", "-shm"):
                os.rename(f"{d}/away{suffix}", live.db + suffix)
            self.assertTrue(lab.until(lambda: "can be written again" in live.err()), live.err())
        live.drained()
        self.assertEqual(live.stop(), 0, live.err())
        for sentence in ("was deleted or moved", "cannot be made anew", "is tried again", "can be written again"):
            self.assertEqual(live.err().count(sentence), 1, live.err())
        got = records("events", "--db", live.db)
        self.assertEqual((t.wrong(got), t.missing(got)), ([], []))
        self.intact(live.db)
