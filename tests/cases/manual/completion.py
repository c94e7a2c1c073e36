#!/usr/bin/env python3
"""Completion, as the shells do it: every option is offered, every word that is offered is taken, and what stands in a database is
inserted as text, whatever it is.

    completion.py WSCLOSE MANUAL_DIR bash|zsh|fish
"""
import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common
import shells

WSCLOSE, COMPLETION, KIND = os.path.abspath(sys.argv[1]), os.path.join(os.path.abspath(sys.argv[2]), "completion"), sys.argv[3]
SKIP = 77

# What may stand in a request and can be typed. Each is behind a beginning that no other has.
HOSTILE = ["$(touch ran)", "`touch ran`", "a b", "it's", '"q"', ";touch ran", "&touch ran&", "|tee ran", ">ran", "<(touch ran)", "*?[a-z]", "\\",
           "\\'", "!!", "a,b", "#c", "{a,b}", "a:b=c", "%s%n", "$HOME", "${x:=y}", "\u65e5\u672c", "(touch ran)", "'$(touch ran)'", "\"`touch ran`\"",
           "a'\"b", "~root", "=ls", "^a^b"]
# The same as the whole of a value; each in a column of its own.
WHOLE = [("host", "$(touch ran)"), ("user_agent", "=ls"), ("server_software", "~root;`touch ran`"), ("subprotocol", "-x --db=ran")]
# What cannot be typed is not offered.
UNTYPABLE = ["/\n$(touch ran)\n", "/esc\x1b[31m", "/tab\tran", "/bell\x07", "/bidi\u202e", "/\u200bnone", "/long" + 5000 * "x", b"/\xff\xfe"]


def hostile(path, values, column="path"):
    """Puts `values` into the records of a database, one each."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        ids = [row[0] for row in db.execute("SELECT id FROM connections ORDER BY id")]
        for i, id_ in enumerate(ids):
            db.execute("UPDATE connections SET %s = ? WHERE id = ?" % column, (values[i % len(values)], id_))


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shell = shells.SHELLS[KIND](WSCLOSE, COMPLETION)
        cls.db = os.path.join(cls.shell.directory, "t.db")
        cls.ids = common.database(WSCLOSE, cls.db)
        for name in ("one.pcap", "two.pcapng.gz", "notes.txt", "keys.log"):
            cls.shell.write(name, "")

    @classmethod
    def tearDownClass(cls):
        cls.shell.close()

    def tearDown(self):
        self.assertEqual([], [name for name in os.listdir(self.shell.directory) if name.startswith("ran")], "something was run")

    def offers(self, line):
        return self.shell.offers("wsclose " + line)

    # ---- options, words, files ----

    def test_commands(self):
        offered = set(self.offers(""))
        self.assertEqual(set(common.commands(WSCLOSE)) | {"help"}, {word for word in offered if not word.startswith("-")})
        self.assertEqual(set(common.commands(WSCLOSE)), set(self.offers("help ")))

    def test_options_of_each_command(self):
        for command in common.commands(WSCLOSE):
            with self.subTest(command=command):
                self.assertEqual({"--" + name for name in common.help_options(WSCLOSE, command)[0]},
                                 {word.rstrip("=") for word in self.offers(command + " --")})

    def test_words_are_taken(self):
        """Each word that is offered for an option of fixed words is one that the option takes."""
        wanted = {"events": {"--format": 5, "--ending": 14, "--outcome": 4, "--closed-by": 4, "--rule": 16, "--rule-by": 2, "--cause": 29, "--code": 16},
                  "stats": {"--by": 18}, "diagnose": {"--format": 4}, "explain": {"--format": 3, "--lang": 3}, "live": {"--format": 4}}
        for command, options in wanted.items():
            line = [command]
            for option, least in options.items():
                words = [word for word in self.offers("%s %s " % (command, option)) if not word.startswith("-")]
                with self.subTest(command=command, option=option):
                    self.assertGreaterEqual(len(set(words)), least, words)
                for word in words:
                    line += [option, word]
            done = common.run(WSCLOSE, *line, "--help")
            self.assertEqual((0, ""), (done.returncode, done.stderr))

    def test_codes(self):
        self.assertIn("1006", self.offers("explain 10"))
        self.assertIn("4001,1006", ["4001," + word.split(",")[-1] for word in self.offers("events --code 4001,10")])
        self.assertEqual(["events", "--code", "4001,1013"], [w.rstrip(",") for w in self.shell.run("wsclose events --code 4001,1013")])
        self.assertEqual(["stats", "--by", "code,outcome"], [w.rstrip(",") for w in self.shell.run("wsclose stats --by code,outc")])
        self.assertEqual(["stats", "--by=code,outcome"], [w.rstrip(",") for w in self.shell.run("wsclose stats --by=code,outc")])

    def test_line_is_completed(self):
        for typed, args in (("ana", ["analyze"]), ("--lang vi expl", ["--lang", "vi", "explain"]), ("events --format=nd", ["events", "--format=ndjson"]),
                            ("help exp", ["help", "explain"]), ("events --started-u", ["events", "--started-until"]), ("analyze on", ["analyze", "one.pcap"]),
                            ("analyze tw", ["analyze", "two.pcapng.gz"]), ("analyze --keylog ke", ["analyze", "--keylog", "keys.log"]),
                            ("events --db t.", ["events", "--db", "t.db"]), ("stats --db=t.", ["stats", "--db=t.db"]),
                            ("events --db t.db --server 10.66", ["events", "--db", "t.db", "--server", "10.66.0.2:9000"]),
                            ("events --db t.db --server 10.66.0.2:", ["events", "--db", "t.db", "--server", "10.66.0.2:9000"]),
                            ("events --db=t.db --server=10.66.0.2:", ["events", "--db=t.db", "--server=10.66.0.2:9000"])):
            with self.subTest(typed=typed):
                self.assertEqual(args, self.shell.run("wsclose " + typed))

    # ---- what stands in a database ----

    def test_ids(self):
        offered = self.offers("extract --db t.db ")
        self.assertEqual({str(i) for i in self.ids}, set(offered))

    def test_no_database_is_silent(self):
        with open(os.path.join(self.shell.directory, "no.db"), "wb") as f:
            f.write(b"SQLite format 3\0" + os.urandom(8000))
        os.mkfifo(os.path.join(self.shell.directory, "fifo.db"))
        before = len(self.shell.log)
        for db in ("none.db", "no.db", "fifo.db", ".", "/dev/zero"):
            line = "wsclose events --db %s --host " % db
            with self.subTest(db=db):
                self.assertEqual(line, self.shell.complete(line))
        self.assertNotRegex(self.shell.log[before:], b"rror|malformed|no such|cannot")

    def test_locked_database_is_silent(self):
        with contextlib.closing(sqlite3.connect(self.db, isolation_level=None)) as db:
            db.execute("BEGIN EXCLUSIVE")
            line = "wsclose events --db t.db --path "
            self.assertEqual(line, self.shell.complete(line))
        self.assertIn("/vanish", self.offers(line[8:]))

    def test_hostile_values_arrive_as_they_are(self):
        values = ["/q%02d%s" % (i, text) for i, text in enumerate(HOSTILE)]
        half = len(self.ids)
        for part in (values[:half], values[half:]):
            path = os.path.join(self.shell.directory, "h%d.db" % len(part))
            shutil.copy(self.db, path)
            hostile(path, part)
            name = os.path.basename(path)
            for value in part:
                for before, typed in (("--path ", value[:4]), ("--path=", value[:4])):
                    with self.subTest(value=value, before=before):
                        args = self.shell.run("wsclose events --db %s %s%s" % (name, before, typed))
                        self.assertEqual(value, args[-1].replace("--path=", ""))
                        self.assertEqual(before == "--path ", args[-2] == "--path")
            for quote in "'\"":
                for value in part:
                    line = "wsclose events --db %s --path %s%s" % (name, quote, value[:4])
                    within = quote not in value and not (quote == '"' and re.search(r"[$`\\!]", value))
                    with self.subTest(value=value, quote=quote):
                        if within:
                            self.assertEqual(value, self.shell.run(line)[-1])
                        elif KIND == "bash":  # where it would take more than one kind of quotes, nothing is offered
                            self.assertEqual(line, self.shell.complete(line))

    def test_hostile_values_from_their_first_character(self):
        for column, value in WHOLE:
            hostile(self.db, [value], column)
            option = "--" + column.replace("_", "-")
            command = "explain" if column == "subprotocol" else "events"
            if command == "explain":
                hostile(os.path.join(shutil.copy(self.db, os.path.join(self.shell.directory, "wsclose.db"))), [value], column)
            line = "wsclose %s %s%s " % (command, "" if command == "explain" else "--db t.db ", option)
            with self.subTest(value=value):
                self.assertEqual(value, self.shell.run(line)[-1])

    def test_what_cannot_be_typed_is_not_offered(self):
        path = os.path.join(self.shell.directory, "u.db")
        shutil.copy(self.db, path)
        hostile(path, UNTYPABLE)
        self.assertEqual([], [word for word in self.offers("events --db u.db --path ") if word.startswith("/")])
        line = "wsclose events --db u.db --path /"
        before = len(self.shell.log)
        self.assertIn(self.shell.complete(line), (line, line[:-1]))
        self.assertNotIn(b"31m", self.shell.log[before:].replace(b"\x1b[31m", b"") if KIND == "fish" else self.shell.log[before:])
        self.assertEqual("", common.run(WSCLOSE, "__stored", "path", path).stdout)

    def test_descriptions_of_records_are_escaped(self):
        path = os.path.join(self.shell.directory, "d.db")
        shutil.copy(self.db, path)
        hostile(path, UNTYPABLE[:-1])
        shown = common.run(WSCLOSE, "__stored", "id", path).stdout
        self.assertEqual(len(self.ids), shown.count("\n"))
        self.assertRegex(shown, r"^(\d+\t[^\x00-\x1f\x7f\u202e\u200b]+\n)+$")
        self.assertEqual({str(i) for i in self.ids}, set(self.offers("extract --db d.db ")))


if __name__ == "__main__":
    for tool in [KIND] + (["/usr/share/bash-completion/bash_completion"] if KIND == "bash" else []):
        if not shutil.which(tool) and not os.path.exists(tool):
            print("%s is not there" % tool)
            sys.exit(SKIP)
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
