"""Key logs that grow, also after the rights to open them are gone."""
import os, signal, time

from case import NOBODY, Case
from lab import until


def line(client):
    return f"CLIENT_RANDOM {client:02x}" + f"{client:02x}" * 31 + " " + f"{client:02x}" * 48 + "\n"


def append(path, text):
    with open(path, "a") as f:
        f.write(text)


class Keys(Case):
    def knows(self, live, words):
        """It says so when asked."""
        def asked():
            live.p.send_signal(signal.SIGUSR1)
            time.sleep(0.4)
            return words in live.err()
        self.assertTrue(until(asked), live.err())

    def secret_file(self, text, mode=0o600):
        path = os.path.join(self.dir(mode=0o755), "keys")
        append(path, text)
        os.chmod(path, mode)
        return path

    def test_read_on_without_rights(self):
        """Opened as root, 0600, read on as nobody; half a line at a time."""
        keys = self.secret_file(line(1))
        live = self.live(os.path.join(self.dir(), "x.db"), "--keylog", keys)
        self.harmless(live, NOBODY)
        self.knows(live, "1 TLS secret\n")
        append(keys, line(2) + line(3)[:50])
        self.knows(live, "2 TLS secrets\n")
        append(keys, line(3)[50:])
        self.knows(live, "3 TLS secrets\n")
        append(keys, "rubbish\n")
        self.assertTrue(until(lambda: f"{keys}: line 4 cannot be read; the others count" in live.err()), live.err())
        append(keys, "more rubbish\n")
        self.knows(live, "3 TLS secrets, 2 lines of key logs that cannot be read\n")
        self.assertEqual(live.stop(), 0)
        self.assertEqual(live.err().count("cannot be read; "), 1, live.err())

    def test_replaced_by_what_may_not_be_opened(self):
        """Said once; when it may be, it is read."""
        keys = self.secret_file(line(1))
        live = self.live(os.path.join(self.dir(), "x.db"), "--keylog", keys)
        other = self.secret_file(line(2))
        os.rename(other, keys)
        words = f"{keys}: Permission denied; the secrets in it are not read"
        self.assertTrue(until(lambda: words in live.err()), live.err())
        time.sleep(1)
        self.knows(live, "1 TLS secret\n")
        os.chmod(keys, 0o644)
        self.knows(live, "2 TLS secrets\n")
        self.assertEqual(live.stop(), 0)
        self.assertEqual(live.err().count(words), 1, live.err())

    def test_not_there_yet(self):
        keys = os.path.join(self.dir(), "keys")
        for how in ((["--keylog", keys], {}), ([], {"SSLKEYLOGFILE": keys})):
            with self.subTest(how):
                live = self.live("none", *how[0], env=how[1])
                self.assertIn(f"{keys}: is not there yet; it is read once it is", live.err())
                append(keys, line(1))
                os.chmod(keys, 0o644)
                self.knows(live, "1 TLS secret\n")
                os.unlink(keys)
                append(keys, line(2))
                os.chmod(keys, 0o644)
                self.knows(live, "2 TLS secrets\n")
                self.assertEqual(live.stop(), 0)
                os.unlink(keys)

    def test_pipe(self):
        """Never waited for."""
        keys = os.path.join(self.dir(), "keys")
        os.mkfifo(keys)
        live = self.live("none", "--keylog", keys)
        for n in (1, 2):
            append(keys, line(n))
            self.knows(live, f"{n} TLS secret{'s' if n > 1 else ''}\n")
        self.assertEqual(live.stop(), 0)

    def test_what_cannot_be_opened(self):
        d = self.dir()
        self.fails(self.live("none", "--keylog", d, ready=False), f"{d}: Is a directory")
