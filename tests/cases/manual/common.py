"""What the tests of the manual and of completion have in common: the options as --help lists them, and a database of samples."""
import contextlib
import os
import re
import sqlite3
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", "..", ".."))


def run(wsclose, *args, **more):
    return subprocess.run([wsclose, *args], capture_output=True, text=True, timeout=60, **more)


def commands(wsclose):
    """The commands, as --help lists them."""
    return re.findall(r"^  ([a-z]+)\b", run(wsclose, "--help").stdout, re.M)


def options(text):
    """{option: letter or ""} of a help or a page as it is shown, and of those that take a value, that value: ({...}, {option: value})."""
    found = re.findall(r"^ +(?:-(\w), )?--([a-z][a-z-]*)(?: ([^a-z\s]\S*))?(?: |$)", text, re.M)
    return {name: letter for letter, name, _ in found}, {name: value for _, name, value in found if value}


def help_options(wsclose, command):
    return options(run(wsclose, command, "--help").stdout)


def database(wsclose, path):
    """A database of all samples; returns the ids of its records, newest first, as SQL has them."""
    samples = os.path.join(ROOT, "samples")
    for name in sorted(os.listdir(samples)):
        if name.endswith(".pcap"):
            done = run(wsclose, "analyze", "--quiet", "--format", "none", "--db", path, os.path.join(samples, name))
            assert done.returncode in (0, 3), done.stderr
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = DELETE")  # so that a copy of the file is a copy of the database
        return [row[0] for row in db.execute("SELECT id FROM connections ORDER BY sort_time DESC, last_packet DESC, id DESC")]
