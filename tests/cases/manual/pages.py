#!/usr/bin/env python3
"""Every command's --help and its man page list the same options, and roff has nothing to say against any page.

    pages.py WSCLOSE MANUAL_DIR
"""
import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common

WSCLOSE, MANUAL = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
SKIP = 77


def shown(page):
    """A page as a terminal shows it, without bold and underline."""
    made = subprocess.run(["mandoc", "-Tutf8", "-Owidth=160", page], capture_output=True, text=True, check=True).stdout
    return re.sub(".\x08", "", made)


def page_of(command):
    return os.path.join(MANUAL, "man1", "wsclose-%s.1" % command)


def all_pages():
    return [os.path.join(MANUAL, d, f) for d in ("man1", "man5") for f in sorted(os.listdir(os.path.join(MANUAL, d)))]


def differences(command, page):
    """What the help of a command and a page do not have in common."""
    help_, page = common.help_options(WSCLOSE, command), common.options(shown(page))
    return set(help_[0].items()) ^ set(page[0].items()) | set(help_[1].items()) ^ set(page[1].items())


class Options(unittest.TestCase):
    def test_pages_list_what_help_lists(self):
        for command in common.commands(WSCLOSE):
            with self.subTest(command=command):
                self.assertGreaterEqual(len(common.help_options(WSCLOSE, command)[0]), 2)
                self.assertEqual(set(), differences(command, page_of(command)))

    def test_a_page_without_an_option_is_seen(self):
        with open(page_of("analyze")) as f:
            text = f.read()
        for gone, left in ((r"^\.It Fl \\-\\&db .*\n", ""), (r"^\.It Fl q , ", ".It "), (r"(?<=Ar )\\&BPF$", "FILTER")):
            made, n = re.subn(gone, left, text, flags=re.M)
            self.assertEqual(1, n, gone)
            with tempfile.NamedTemporaryFile("w", suffix=".1") as f:
                f.write(made)
                f.flush()
                self.assertNotEqual(set(), differences("analyze", f.name), gone)

    def test_help_text_stands_in_the_page(self):
        for command in common.commands(WSCLOSE):
            page = " ".join(shown(page_of(command)).replace("\u2010", "-").split())
            text = common.run(WSCLOSE, command, "--help").stdout
            for part in re.split(r"\n(?=  +-)", text.split("\n\nExit status")[0])[1:]:
                words = re.sub(r"^ +(-\w, )?--[a-z-]+( [^a-z\s]\S*)?", "", part.split("\n\n")[0])
                with self.subTest(command=command, option=part.split()[0]):
                    self.assertIn(" ".join(words.split()), page)


class Pages(unittest.TestCase):
    def test_every_command_has_prose_of_its_own(self):
        names = {f[:-5] for f in os.listdir(os.path.join(common.ROOT, "packaging", "man")) if f.endswith(".mdoc")}
        self.assertEqual(set(common.commands(WSCLOSE)), names - {"wsclose", "schema", "default"})

    def test_every_command_has_examples_that_it_takes(self):
        for command in common.commands(WSCLOSE):
            with open(page_of(command)) as f:
                lines = re.findall(r"^\.Dl (?:.* )?(wsclose .*)$", f.read(), re.M)
            self.assertTrue(lines, command)
            for line in lines:
                words = re.sub(r"\\(.)", r"\1", line).split(" | ")[0].split()
                with self.subTest(line=line):
                    known = common.help_options(WSCLOSE, words[1])[0]
                    for word in re.findall(r" --([a-z-]+)", " ".join(words)):
                        self.assertIn(word, known)
                    for letter in re.findall(r" -(\w)\b", " ".join(words)):
                        self.assertIn(letter, known.values())

    def test_references_lead_somewhere(self):
        ours = {os.path.basename(page) for page in all_pages()}
        for page in all_pages():
            with open(page) as f:
                for name, section in re.findall(r"^\.(?:It )?Xr (wsclose\S*) (\d)", f.read(), re.M):
                    self.assertIn("%s.%s" % (name, section), ours, page)

    def test_schema_names_each_table_and_column(self):
        text = shown(os.path.join(MANUAL, "man5", "wsclose-schema.5"))
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "t.db")
            common.database(WSCLOSE, path)
            with contextlib.closing(sqlite3.connect(path)) as db:
                tables = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%'")]
                columns = [row[0] for t in ("connections", "captures", "close_frames") for row in db.execute("SELECT name FROM pragma_table_info(?)", (t,))]
        self.assertGreater(len(tables), 8)
        for word in tables:
            self.assertRegex(text, r"\b%s\b" % word)
        for word in columns:
            whose = re.sub(r"_(client|server)$", "", word)
            self.assertTrue(re.search(r"\b%s\b" % word, text) or re.search(r"\b%s_\*" % whose, text), word)

    def test_mandoc_has_nothing_to_say(self):
        for page in all_pages():
            self.assertEqual("", subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True).stdout)

    @unittest.skipUnless(shutil.which("man") and shutil.which("groff"), "man-db and groff are not there")
    def test_man_has_nothing_to_say(self):
        for page in all_pages():
            made = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page], capture_output=True, text=True)
            self.assertEqual((0, ""), (made.returncode, made.stderr), page)

    @unittest.skipUnless(shutil.which("lexgrog"), "man-db is not there")
    def test_whatis_finds_the_name(self):
        for page in all_pages():
            made = subprocess.run(["lexgrog", page], capture_output=True, text=True).stdout
            self.assertIn(os.path.splitext(os.path.basename(page))[0] + " - ", made)


if __name__ == "__main__":
    if not shutil.which("mandoc"):
        print("mandoc is not there")
        sys.exit(SKIP)
    unittest.main(argv=sys.argv[:1])
