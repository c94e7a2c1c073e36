"""A database that somebody else writes to: a clear sentence each, and nothing that was stored is lost."""
import time

import net as lab
from case import Faults, records
from traffic import Traffic


class Locked(Faults):
    def locked_for(self, seconds):
        live = self.live()
        with Traffic(self.net, rate=20) as t:
            self.assertTrue(lab.until(lambda: len(live.printed()) > 5))
            with lab.locked(live.db):
                time.sleep(seconds)
            time.sleep(1)
        live.drained()
        status = live.stop()
        got = records("events", "--db", live.db)
        self.assertEqual((t.wrong(got), t.missing(got)), ([], []), live.err())
        self.assertEqual(status, 0, live.err())
        self.intact(live.db)
        return live

    def test_for_3_seconds(self):
        self.locked_for(3)

    def test_for_30_seconds(self):
        """Longer than SQLite waits: it says so once, and stores all of it afterwards."""
        self.assertEqual(self.locked_for(30).err().count("another process is writing to the database"), 1)
