"""Shells at a terminal: keys go in, and what completion made of the line comes back.

Each shell has a function `wsclose` that writes down its arguments, so that a completed line can be run: what arrives is what a program
would get. ^Xa writes down the line as it stands."""
import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

DUMP = b"\x18a"
PATIENCE_S = 20


class Shell:
    """One interactive shell in a directory of its own; `directory` also holds what the test puts there."""

    def __init__(self, wsclose, completion):
        self.directory = os.path.realpath(tempfile.mkdtemp(prefix="wsclose-shell-"))
        self.out, self.log = os.path.join(self.directory, ".out"), b""
        self.wsclose, self.completion = wsclose, completion
        env = {"PATH": os.path.dirname(os.path.realpath(wsclose)) + ":" + os.environ["PATH"], "HOME": self.directory, "TERM": "xterm",
               "LC_ALL": "C.UTF-8", "OUT": self.out, "HISTFILE": "/dev/null", "ZDOTDIR": self.directory, "PS1": "$ "}
        self.set_up()
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 200, 200, 0, 0))
        self.process = subprocess.Popen(self.command(), cwd=self.directory, env=env, stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.key("", again=True)

    def write(self, name, text):
        with open(os.path.join(self.directory, name), "w") as f:
            f.write(text)

    def key(self, text, end=DUMP, again=False):
        """Types `text`, then `end`, and returns what the shell wrote down then. `again`: it may not listen yet, say it each second."""
        if os.path.exists(self.out):
            os.unlink(self.out)
        keys = text.encode() + end
        until, said = time.monotonic() + PATIENCE_S, time.monotonic()
        while not os.path.exists(self.out):
            readable, writable, _ = select.select([self.master], [self.master] if keys else [], [], 0.2)
            if readable:
                self.log += os.read(self.master, 65536)
            if writable and keys:
                keys = keys[os.write(self.master, keys[:512]):]
            if again and time.monotonic() > said + 1:
                keys, said = end, time.monotonic()
            if time.monotonic() > until:
                raise AssertionError("%s hangs after %r; so far: %r" % (type(self).__name__, text, self.log[-2000:]))
        with open(self.out, "rb") as f:
            return f.read().decode()

    def complete(self, line):
        """The line after the Tab key, which is then thrown away."""
        made = self.key(line + "\t")
        self.key("\x15")
        return made

    def run(self, line):
        """The arguments of the command as it runs after the Tab key."""
        return self.key(line + "\t", b"\r").split("\0")[:-1]

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.master)
        shutil.rmtree(self.directory)


WRITE = """wsclose() { printf '%s\\0' "$@" >"$OUT.new"; command mv "$OUT.new" "$OUT"; }\n"""


class Bash(Shell):
    def set_up(self):
        self.write("rc", "source /usr/share/bash-completion/bash_completion\nsource " + self.completion + "/wsclose.bash\n" + WRITE +
                   "dump() { printf %s \"$READLINE_LINE\" >\"$OUT.new\"; mv \"$OUT.new\" \"$OUT\"; }\n"
                   "bind -x '\"\\C-xa\": dump'\nbind 'set completion-query-items 0'\nbind 'set page-completions off'\n"
                   "bind 'set enable-bracketed-paste off'\n")

    def command(self):
        return ["bash", "--noprofile", "--rcfile", os.path.join(self.directory, "rc"), "-i"]

    def offers(self, line):
        """All that completion offers: bash inserts them all at once with M-*, or calls the function; here its answer is looked at."""
        self.write("offers.sh", "source /usr/share/bash-completion/bash_completion\nsource " + self.completion + "/wsclose.bash\n"
                   "COMP_LINE=$1 COMP_POINT=${#1}\nshift\nCOMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1))\n"
                   "_wsclose wsclose \"${@: -1}\" \"${@: -2:1}\"\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n")
        env = dict(os.environ, PATH=os.path.dirname(os.path.realpath(self.wsclose)) + ":" + os.environ["PATH"])
        return subprocess.run(["bash", "--norc", os.path.join(self.directory, "offers.sh"), line, *line.split(" ")], capture_output=True,
                              text=True, env=env, cwd=self.directory).stdout.split("\n")[:-1]


class Zsh(Shell):
    def set_up(self):
        self.write(".zshrc", "fpath=(" + self.completion + " $fpath)\nautoload -Uz compinit\ncompinit -u -D\n" + WRITE +
                   "dump() { print -rn -- \"$BUFFER\" >$OUT.new; command mv $OUT.new $OUT }\nzle -N dump\nbindkey '^Xa' dump\nbindkey '^U' kill-whole-line\n"
                   "LISTMAX=100000\nunsetopt beep list_beep\n"
                   # What is offered, as compadd is given it.
                   "compadd() {\n"
                   "    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd \"$@\"; return; fi\n"
                   "    local -a __hits\n    builtin compadd -A __hits \"$@\"\n    (( ! $#__hits )) || print -rl -- $__hits >>$OUT.offers\n    builtin compadd \"$@\"\n}\n")

    def command(self):
        return ["zsh", "-i"]

    def offers(self, line):
        path = self.out + ".offers"
        if os.path.exists(path):
            os.unlink(path)
        self.complete(line)
        if not os.path.exists(path):
            return []
        with open(path) as f:
            return f.read().split("\n")[:-1]


class Fish(Shell):
    def set_up(self):
        os.makedirs(os.path.join(self.directory, ".config/fish"))
        self.write(".config/fish/config.fish", "source " + self.completion + "/wsclose.fish\n"
                   "function wsclose\n    printf '%s\\0' $argv >$OUT.new\n    command mv $OUT.new $OUT\nend\n"
                   "function dump\n    printf %s (commandline | string collect) >$OUT.new\n    command mv $OUT.new $OUT\nend\n"
                   "function fish_greeting\nend\nset -g fish_autosuggestion_enabled 0\nbind \\cxa dump\n")

    def command(self):
        return ["fish", "-i"]

    def offers(self, line):
        env = dict(os.environ, PATH=os.path.dirname(os.path.realpath(self.wsclose)) + ":" + os.environ["PATH"], HOME=self.directory, LINE=line)
        made = subprocess.run(["fish", "--no-config", "-c", "source %s/wsclose.fish; complete -C \"$LINE\"" % self.completion], capture_output=True,
                              text=True, env=env, cwd=self.directory)
        return [word.split("\t")[0] for word in made.stdout.split("\n")[:-1]]


SHELLS = {"bash": Bash, "zsh": Zsh, "fish": Fish}
