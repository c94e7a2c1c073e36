#!/usr/bin/env python3
"""explain, compare and the languages, from outside. Expected texts come from RFC 6455 and the catalogs' glossary. usage: run.py WSCLOSE"""
import fcntl, json, os, pty, shutil, struct, subprocess, sys, tempfile, termios, unicodedata, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
import pcapgen

WSCLOSE = os.path.abspath(sys.argv.pop(1))
BUILD = os.path.abspath(os.path.join(os.path.dirname(WSCLOSE), "..", ".."))
REGISTERED = [*range(1000, 1016), 3000, 3003, 3008]
LOCALE = ("LC_ALL", "LC_MESSAGES", "LC_CTYPE", "LANG", "LANGUAGE", "NO_COLOR")


def columns(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Case(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.addCleanup(self.tmp.cleanup)

    def env(self, **more):
        env = {k: v for k, v in os.environ.items() if k not in LOCALE}
        return {**env, "PAGER": "cat", **more}

    def run_(self, *args, status=0, program=WSCLOSE, **env):
        p = subprocess.run([program, *map(str, args)], capture_output=True, cwd=self.tmp.name, timeout=60, env=self.env(**env))
        self.out, self.err = p.stdout.decode(), p.stderr.decode()
        self.assertEqual(p.returncode, status, (args, self.err))
        return self.out

    def flat(self, *args, **kw):
        """The output as one line: where it is broken does not matter."""
        return " ".join(self.run_(*args, **kw).split())

    def json(self, *args, **kw):
        return json.loads(self.run_(*args, "--format", "json", **kw))

    def terminal(self, *args, width=80, **env):
        pid, fd = pty.fork()
        if pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
            os.execve(WSCLOSE, [WSCLOSE, *map(str, args)], self.env(TERM="xterm", LC_ALL="C.UTF-8", **env))
        out = b""
        while True:
            try:
                got = os.read(fd, 65536)
            except OSError:
                break
            if not got:
                break
            out += got
        os.waitpid(pid, 0)
        os.close(fd)
        return out.decode().replace("\r\n", "\n")


class Explain(Case):
    def test_every_registered_code_and_range(self):
        for code in [*REGISTERED, 0, 999, 1016, 2999, 3001, 3999, 4000, 4999, 5000, 65535]:
            out = self.run_("explain", code)
            self.assertTrue(out.startswith(f"{code} "), out)
            for label in ("Meaning", "When seen", "What to do", "When to use", "Sent by", "On the wire", "In browsers", "In a capture", "Source"):
                self.assertIn(f"\n  {label} ", out, code)

    def test_what_may_stand_on_the_wire(self):
        # RFC 6455 7.4.1 and 7.4.2.
        for code in (1000, 1003, 1007, 1014, 3000, 3999, 4000, 4999):
            self.assertIn("On the wire Yes", self.flat("explain", code), code)
        for code in (0, 999, 1004, 1005, 1006, 1015, 5000, 65535):
            self.assertIn("On the wire No, never", self.flat("explain", code), code)
        self.assertIn("On the wire Not until it is defined", self.flat("explain", 2000))

    def test_what_an_engineer_must_find(self):
        for code, words in {
            1000: ["purpose of the connection", "RFC 6455 7.4.1"],
            1001: ["page is left", "server goes down", "idle timeout"],
            1002: ["wrong framing, masking or opcode", "both ends and the proxies between"],
            1003: ["binary where it knows only text"],
            1005: ["without a code", "local program only", "look at the peer"],
            1006: ["no Close frame", "crash", "cable", "firewall", "idle limit", "exponential back-off", "Pings", "load balancers"],
            1007: ["not UTF-8"],
            1009: ["size limit", "smaller pieces", "raise the receiver's limit"],
            1010: ["client only", "Sec-WebSocket-Extensions"],
            1011: ["unhandled exception", "server's log", "error handling around each message"],
            1012: ["planned restart, deploy or reload", "short random delay", "5 to 30 s"],
            1013: ["overloaded"],
            1014: ["HTTP 502"],
            1015: ["TLS handshake failed", "1006: browsers do not use 1015"],
            3000: ["HTTP 401", "IANA"], 3003: ["HTTP 403"], 3008: ["HTTP 408"],
            4000: ["only the two programs know"], 5000: ["close codes end at 4999"],
        }.items():
            out = self.flat("explain", code)
            for word in words:
                self.assertIn(word, out, code)

    def test_when_to_use(self):
        for code in (0, 1004, 1005, 1006, 1015, 2000, 6000):
            self.assertIn("When to use Never", self.flat("explain", code), code)
        self.assertIn("no code says it better", self.flat("compare", 1008, 3000))
        self.assertIn("client is not logged in", self.out)

    def test_leads_to_what_it_is_confused_with(self):
        self.assertRegex(self.flat("explain", 1005), r"Confused with 1000, 1006 \(wsclose compare 1005 CODE\)")

    def test_several_codes(self):
        out = self.run_("explain", 1005, 1006)
        self.assertIn("1005 No Status Rcvd", out)
        self.assertIn("\n\n1006 Abnormal Closure", out)
        self.assertEqual([c["code"] for c in self.json("explain", 1005, 1006, 4999)], [1005, 1006, 4999])
        lines = self.run_("explain", 1005, 1006, "--format", "ndjson").splitlines()
        self.assertEqual([json.loads(line)["code"] for line in lines], [1005, 1006])

    def test_json(self):
        (c,) = self.json("explain", 1006)
        self.assertEqual((c["name"], c["on_wire"], c["first"], c["last"]), ("Abnormal Closure", False, 1006, 1006))
        self.assertTrue(c["when_seen"] and c["what_to_do"])
        self.assertIsNone(c["app_code"])
        self.assertIn("RFC 6455", c["source"])
        (c,) = self.json("explain", 4401, "--subprotocol", "graphql-transport-ws")
        self.assertEqual(c["app_code"]["scope"], "graphql-transport-ws")
        self.assertEqual((c["name"], c["app_code"]["name"], c["registered_name"]), ("Unauthorized", "Unauthorized", "Private use"))
        self.assertEqual(c["candidates"], [])

    def test_wrong_usage_is_2(self):
        for args in (["explain"], ["explain", "abc"], ["explain", "1006x"], ["explain", ""], ["explain", "65536"], ["explain", "1e3"], ["explain", "1000", "x"],
                     ["explain", "1000", "--format", "csv"], ["explain", "1000", "--lang", "fr"], ["explain", "1000", "--lang"], ["compare"], ["compare", "1000"],
                     ["compare", "1000", "1000"], ["compare", "1", "2", "3"], ["compare", "1000", "x"], ["compare", "1000", "70000"],
                     ["compare", "1000", "1001", "--format", "none"]):
            self.run_(*args, status=2)
            self.assertEqual(self.out, "", args)
            self.assertTrue(self.err, args)


class Scope(Case):
    def test_by_subprotocol(self):
        out = self.flat("explain", 4401, "--subprotocol", "graphql-transport-ws")
        self.assertIn("4401 Unauthorized", out)
        self.assertIn("subscribe sent before connection_ack", out)
        self.assertIn("https://github.com/enisdenjo/graphql-ws/blob/master/src/common.ts", out, "whole, to be copied")
        self.assertNotIn("Candidates", out)

    def test_by_host(self):
        self.assertIn("wrong token; do not reconnect", self.flat("explain", 4004, "--host", "gateway.discord.gg:443"))
        self.assertIn("10 s", self.flat("explain", 4003, "--host", "EventSub.wss.twitch.tv"))

    def test_never_across_scopes(self):
        out = self.flat("explain", 4001, "--subprotocol", "graphql-transport-ws", "--host", "gateway.discord.gg")
        self.assertIn("graphql-transport-ws, which does not define 4001", out)
        self.assertNotIn("Discord", out)
        self.assertNotIn("Twitch", out)

    def test_unknown_scope_lists_candidates(self):
        for args in ([], ["--subprotocol", "chat"], ["--host", "discord.gg.example.com"]):
            out = self.flat("explain", 4001, *args)
            self.assertIn("none is certain", out)
            for scope in ("Discord Gateway", "Twitch EventSub", "PandaScore"):
                self.assertIn(scope, out)
        self.assertNotIn("Candidates", self.run_("explain", 1006), "a code of the protocol needs none")

    def test_by_reason(self):
        out = self.flat("explain", 4500, "--reason", "Failed to send message within the configured send limit")
        self.assertIn("Spring WebSocket", out)
        out = self.flat("explain", 1008, "--host", "generativelanguage.googleapis.com", "--reason", "The operation was aborted")
        self.assertIn("1008 Aborted", out)

    def test_a_row_not_verified_says_so(self):
        self.assertIn("not verified", self.flat("explain", 4004, "--host", "ws.pusher.com"))
        self.assertNotIn("not verified", self.flat("explain", 4401, "--subprotocol", "graphql-transport-ws"))
        # Among candidates and senders each is marked by itself.
        out = self.flat("explain", 4005)
        self.assertIn("Pusher: Path not found [not verified]", out)
        self.assertIn("Discord Gateway: Already authenticated (more than one identify) -", out)
        self.assertIn("uvicorn (websockets): server shutdown [not verified]", self.flat("explain", 1012))

    def test_software_by_reason(self):
        out = self.flat("explain", 1011, "--reason", "keepalive ping timeout")
        self.assertIn("Python websockets writes this reason", out)
        self.assertIn("20 s", out)
        self.assertIn("https://github.com/python-websockets/websockets/", out)
        self.assertIn("may write this reason (not verified)", self.flat("explain", 1000, "--reason", "ping timed out"))
        self.assertIn("Nobody is known", self.flat("explain", 1011, "--reason", "no such text"))

    def test_hostile_words_come_back_harmless(self):
        for text in ("\x1b[31mred", "%s%n%d", "a" * 5000, "\u202eabc"):
            for option in ("--reason", "--host", "--subprotocol"):
                self.assertNotIn("\x1b", self.run_("explain", 4001, option, text))


class Compare(Case):
    def test_how_to_tell_them_apart(self):
        out = self.flat("compare", 1005, 1006)
        self.assertIn("Neither is ever on the wire", out)
        self.assertIn("empty body (88 00", out)
        self.assertIn("FIN, RST or silence and no Close frame: 1006", out)
        self.assertIn("Neither is ever on the wire", self.flat("compare", 1006, 1005), "in any order")

    def test_any_pair(self):
        for a, b in ((1000, 1009), (1006, 4001), (999, 1000), (2000, 5000), (1004, 1005), (4001, 4002), (1010, 1011), (3000, 4000), (1015, 65535)):
            c = self.json("compare", a, b)[0]
            self.assertTrue(c["difference"] and all(c["difference"]), (a, b))
            self.assertTrue(c["tell_apart"] and all(c["tell_apart"]), (a, b))
            self.assertEqual([x["code"] for x in c["codes"]], [a, b])
        # 1000 = 0x03E8, 1009 = 0x03F1.
        self.assertIn("03 E8 is 1000, 03 F1 is 1009", self.flat("compare", 1000, 1009))
        self.assertIn("1000 stands in a Close frame; 1015 never does", self.flat("compare", 1000, 1015))
        self.assertIn("1010: The client only", self.flat("compare", 1010, 1014))

    def test_codes_of_one_scope(self):
        out = self.flat("compare", 4401, 4403, "--subprotocol", "graphql-transport-ws")
        self.assertIn("Unauthorized", out)
        self.assertIn("connection_init refused by the server", out)
        self.assertNotIn("Candidates", out)

    def capture(self):
        c = pcapgen.Capture()
        for i, code in enumerate((1000, 1000, 1000, 1001)):
            pcapgen.clean_session(c, code, b"", port=40000 + i)
        path = os.path.join(self.tmp.name, "a.pcap")
        with open(path, "wb") as f:
            f.write(c.pcap())
        return path

    def test_counts(self):
        path = self.capture()
        self.assertIsNone(self.json("compare", 1000, 1001)[0]["codes"][0]["counts"], "there is no database")
        self.run_("analyze", path, "--format", "none", "--db", "other.db")
        codes = self.json("compare", 1001, 1000, "--db", "other.db")[0]["codes"]
        self.assertEqual([c["counts"]["count"] for c in codes], [1, 3])
        self.assertEqual(sum(codes[1]["counts"]["closed_by"].values()), 3)
        self.assertLess(codes[1]["counts"]["first"], codes[1]["counts"]["last"])
        out = self.flat("compare", 1000, 1012, "--db", "other.db")
        self.assertIn("3 connections", out)
        self.assertIn("no connection", out)
        self.assertIn("1 connection ", self.flat("compare", 1000, 1001, "--db", "other.db"))
        self.run_("analyze", path, "--format", "none")
        self.assertIn("3 connections", self.flat("compare", 1000, 1012), "the default database is there now")
        self.assertNotIn("Database", self.flat("compare", 1000, 1012, "--db", "none"))

    def test_a_database_that_is_not_there(self):
        self.run_("compare", 1000, 1001, "--db", "missing.db", status=1)
        self.assertIn("missing.db", self.err)
        self.assertFalse(os.path.exists(os.path.join(self.tmp.name, "missing.db")))


class Layout(Case):
    def check(self, out, width):
        for line in out.splitlines():
            if "://" not in line:
                self.assertLessEqual(columns(line), width, line)

    def test_no_line_is_wider_than_the_terminal(self):
        for width in (20, 32, 40, 63, 64, 80, 200):
            for lang in ("en", "ja", "vi"):
                for args in (("explain", 1006), ("explain", 4001), ("compare", 1005, 1006), ("compare", 1006, 4001)):
                    self.check(self.terminal(*args, "--lang", lang, NO_COLOR="1", width=width), width)

    def test_a_pipe_gets_plain_text_of_80_columns(self):
        for lang in ("en", "ja", "vi"):
            for args in (("explain", *REGISTERED), ("compare", 1011, 1012)):
                out = self.run_(*args, "--lang", lang)
                self.assertNotIn("\x1b", out)
                self.check(out, 80)

    def test_colour_on_a_terminal_only(self):
        self.assertIn("\x1b[1m1006", self.terminal("explain", 1006))
        self.assertNotIn("\x1b", self.terminal("explain", 1006, NO_COLOR="1"))

    def test_headings_in_another_script_stay_in_line(self):
        for lang, heading in (("ja", "名称"), ("vi", "TÊN")):
            lines = self.run_("codes", "--lang", lang).splitlines()
            at = columns(lines[0][: lines[0].index(heading)])
            self.assertEqual(lines[2].index("Normal Closure"), at)


class Language(Case):
    JA, VI, EN = "(正常終了)", "(Đóng bình thường)", "1000 Normal Closure\n"

    def first(self, **env):
        return self.run_("explain", 1000, **env).splitlines(keepends=True)[0]

    def test_by_option_in_any_locale(self):
        for env in ({}, {"LC_ALL": "C"}, {"LANG": "de_DE.UTF-8"}, {"LC_ALL": "C.UTF-8", "LANGUAGE": "vi"}):
            out = self.run_("explain", 1000, "--lang", "ja", **env)
            self.assertIn(self.JA, out)
            self.assertIn("  意味 ", out)
        self.assertIn(self.VI, self.run_("explain", 1000, "--lang=vi", LANG="ja_JP.UTF-8"))
        self.assertTrue(self.run_("explain", 1000, "--lang", "en", LANG="ja_JP.UTF-8").startswith(self.EN))

    def test_before_the_command_too(self):
        self.assertIn(self.JA, self.run_("--lang", "ja", "explain", 1000))
        self.assertIn(self.VI, self.run_("--lang=vi", "explain", 1000))
        for args in (["--lang"], ["--lang", "xx", "codes"], ["--lang", "ja"], ["--language", "codes"]):
            self.run_(*args, status=2)

    def test_by_locale_as_gettext_reads_it(self):
        for env, expected in (
            ({}, self.EN), ({"LANG": "ja_JP.UTF-8"}, self.JA), ({"LANG": "vi_VN.UTF-8"}, self.VI), ({"LANG": "en_US.UTF-8"}, self.EN),
            ({"LANG": "ja_JP.UTF-8", "LC_MESSAGES": "vi_VN.UTF-8"}, self.VI), ({"LC_ALL": "ja_JP.UTF-8", "LC_MESSAGES": "vi_VN.UTF-8"}, self.JA),
            ({"LC_ALL": "", "LANG": "ja_JP.UTF-8"}, self.JA), ({"LANG": "en_US.UTF-8", "LANGUAGE": "fr:vi:ja"}, self.VI),
            ({"LANG": "en_US.UTF-8", "LANGUAGE": "en:ja"}, self.EN), ({"LC_ALL": "C", "LANGUAGE": "ja"}, self.EN), ({"LANGUAGE": "ja"}, self.EN),
            ({"LANG": "C.UTF-8", "LANGUAGE": "ja"}, self.JA), ({"LANG": "ja_JP.eucJP"}, self.EN), ({"LANG": "de_DE.UTF-8"}, self.EN),
        ):
            self.assertIn(expected, self.first(**env), env)

    def test_prose_in_json_is_translated_and_keys_are_not(self):
        en, ja = self.json("explain", 1006)[0], self.json("explain", 1006, "--lang", "ja")[0]
        self.assertEqual(en.keys(), ja.keys())
        self.assertEqual(ja["name"], "Abnormal Closure")
        self.assertIn("Close フレーム", ja["meaning"])
        self.assertNotEqual(en["meaning"], ja["meaning"])

    def test_nothing_is_left_in_english(self):
        for lang, common in (("ja", "のにがを"), ("vi", "ốượđạ")):
            for code in (*REGISTERED, 500, 2000, 3500, 4999, 6000):
                c = self.json("explain", code, "--lang", lang)[0]
                texts = [c["meaning"], c["when_to_use"], c["sent_by"], c["wire"], c["browsers"], c["capture"], *c["when_seen"], *c["what_to_do"]]
                for text in texts:
                    self.assertFalse(text.isascii(), (code, text))
                self.assertTrue(any(ch in "".join(texts) for ch in common))

    def test_headings_of_tables(self):
        c = pcapgen.Capture()
        pcapgen.clean_session(c, 1000, b"bye")
        path = os.path.join(self.tmp.name, "a.pcap")
        with open(path, "wb") as f:
            f.write(c.pcap())
        head = self.run_("analyze", path, "--lang", "ja").splitlines()[0]
        for word in ("クライアント", "コード", "理由"):
            self.assertIn(word, head)
        self.assertIn("close_handshake", self.out, "words of the records stay")
        self.assertIn("MÁY KHÁCH", self.run_("events", "--lang", "vi").splitlines()[0])
        self.assertIn("件数", self.run_("stats", "--lang", "ja", "--by", "code,server").splitlines()[0])
        self.assertTrue(self.run_("stats", "--lang", "ja", "--format", "csv").startswith("code,"))
        self.assertIn("code", json.loads(self.run_("stats", "--lang", "ja", "--format", "ndjson").splitlines()[0]))

    def test_installed(self):
        if not shutil.which("cmake") or not os.path.exists(os.path.join(BUILD, "cmake_install.cmake")):
            self.skipTest("no build tree")
        prefix = os.path.join(self.tmp.name, "anywhere")
        subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, capture_output=True)
        for lang, expected in (("ja", self.JA), ("vi", self.VI)):
            self.assertTrue(os.path.exists(os.path.join(prefix, "share", "locale", lang, "LC_MESSAGES", "wsclose.mo")))
            self.assertIn(expected, self.run_("explain", 1000, "--lang", lang, program=os.path.join(prefix, "bin", "wsclose"), LC_ALL="C"))


if __name__ == "__main__":
    unittest.main()
