#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`postmodem play`: transcripts in virtual time and on real lines, what it says of differences, and
its exit status."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import xml.etree.ElementTree as xml

import harness
import hosts
from harness import ROOT, wait_until
from program import ProgramTest, program_path

TRANSCRIPTS = sorted((ROOT / "tests" / "transcripts").glob("*.at"))
BAD = ROOT / "tests" / "transcripts" / "bad"
# Answers may take so much longer on a busy machine, ms; and no transcript here waits for more, s.
SLACK = 10000
LONGEST = 10
# How many players share the transcripts of one kind of port.
PLAYERS = 8

# Their commands fall between two messages of a start, some 100 ms apart: on a busy machine the player may
# come too late for one.
TIGHT = ("boot_early", "boot_spam", "capture_c5")
TRIES = 5

# Why a transcript may be skipped on a module of the player's own. Everything else is a failure of
# this test: what can be played must be played.
REASONS = re.compile(
    r"line \d+: no \"(server|reply|reply-close|capabilities|reading|host|look-up|ping|ntp|network|"
    r"context-lost|dtr|lost|asked-has|asked-lacks)\b"
    r"|it (measures|waits|types)|the mail shows|the host follows|data in the piece"
    r"|the program shows no preset"
    r"|what a module says before a host is there"
    r"|postmodem: --set: .* is not allowed")

ALL_OK = """> ATE0
<< ATE0\\r   [device]
< OK   [device]
> AT
< OK   [manual]
"""


# Sends a mail, with {before} typed before it and {expected} as its result.
MAIL = ALL_OK + """{before}> AT+QSMTPCFG="smtpserver","mail.example.com",25;+QSMTPCFG="sender","a","a@example.com"
< OK   [manual]
> AT+QSMTPDST=1,1,"{recipient}"
< OK   [manual]
> AT+QSMTPPUT=60
< OK   [manual]
within 30000
< +QSMTPPUT: {expected}   [manual]
"""


def mail(recipient="b@example.com", expected="0,0", before=""):
    return "set active_at_start 1\n" + MAIL.format(recipient=recipient, expected=expected,
                                                   before=before)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


class PlayTest(ProgramTest):
    def play(self, *arguments, seconds=120):
        return self.run_program("play", *arguments, seconds=seconds)


class VirtualTime(PlayTest):
    def test_every_transcript(self):
        status, out, err = self.play(*TRANSCRIPTS)
        self.assertEqual((status, err), (0, ""), out)
        self.assertIn(f"{len(TRANSCRIPTS)} transcripts: {len(TRANSCRIPTS)} passed, 0 failed, "
                      "0 skipped\n", out)

    def test_all_cuts(self):
        some = [path for path in TRANSCRIPTS if path.stem.startswith("smtp_body_c")]
        self.assertTrue(some)
        status, out, _ = self.play("--all-cuts", *some)
        self.assertEqual(status, 0, out)

    def test_a_difference_is_shown(self):
        path = write(self.folder / "wrong.at", ALL_OK + "> AT+CSQ\n< +CSQ: 31,99   [manual]\n")
        status, out, _ = self.play(path)
        self.assertEqual(status, 1)
        self.assertIn(f"FAIL  {path}", out)
        self.assertIn(f"{path}:7: other bytes [manual]\n"
                      "    typed    AT+CSQ\\r\n"
                      "    expected \\r\\n+CSQ: 31,99\\r\\n\n"
                      "                       ^ byte 9\n"
                      "    received \\r\\n+CSQ: 28,99\\r\\n\\r\\nOK\\r\\n\n"
                      "                       ^ byte 9\n", out)

    def test_the_log_is_shown(self):
        """It holds the reason: once, below what differs, in virtual time and on a line."""
        path = write(self.folder / "refused.at", mail("fault-550@example.com"))
        for port in ([], ["--port", "pty", "--slack", SLACK]):
            with self.subTest(port):
                status, out, _ = self.play(*port, path)
                self.assertEqual(status, 1, out)
                self.assertRegex(out, r"received \\r\\n\+QSMTPPUT: 678,550\\r\\n\n +\^ byte 14\n"
                                      r"    the module's log:\n(?:    \| .*\n)*"
                                      r"    \| .*recipient refused with 550: fault-550@example\.com\n"
                                      r"    \| .*mail failed: 678 mailbox unavailable, SMTP reply 550\n"
                                      r"1 transcripts: ")
                self.assertEqual(out.count("the module's log"), 1)
        good = write(self.folder / "good.at", mail())
        self.assertNotIn("log", self.play(good)[1])

    def test_names_beyond_ascii(self):
        """The same as on a line (libidn2): any name that has an ASCII form, and none that has none."""
        path = write(self.folder / "name.at", mail("j\u00fcrgen@m\u00fcller.example")
                     + "envelope-has RCPT TO:<j\u00fcrgen@xn--mller-kva.example>\n"
                     '> AT+QSMTPDST=1,1,"a@\u2047.example"\n< +CME ERROR: 664   [inferred]\n')
        for port in ([], ["--port", "pty", "--slack", SLACK]):
            with self.subTest(port):
                status, out, _ = self.play(*port, path)
                self.assertEqual(status, 0, out)

    def test_bad_transcripts_fail(self):
        for path in sorted(BAD.glob("*.at")):
            with self.subTest(path.name):
                status, out, _ = self.play(path)
                self.assertEqual(status, 1)
                self.assertIn(f"{path}:", out)

    def test_worked_example(self):
        """The example of the documentation is as good as it says."""
        text = (ROOT / "docs" / "transcripts.md").read_text(encoding="utf-8")
        example = re.search(r"`hello\.at`:\n\n((?:    .*\n)+)", text)[1]
        path = write(self.folder / "hello.at", re.sub(r"(?m)^    ", "", example))
        self.assertEqual(self.play(path)[0], 0)
        status, out, _ = self.play("--port", "pty", "--slack", SLACK, path)
        self.assertEqual(status, 0, out)
        first = re.search(r"most transcripts begin with\n\n((?:    .*\n)+)", text)[1]
        begin = write(self.folder / "begin.at", re.sub(r"(?m)^    ", "", first))
        self.assertEqual(self.play(begin)[0], 0)
        wrong = write(self.folder / "wrong.at", path.read_text().replace("<~ +CSQ: *,99",
                                                                         "< +CSQ: 31,99"))
        shown = re.search(r"    FAIL  hello\.at.*\n((?:    .+\n)+)", text)[1]
        difference = re.sub(r"(?m)^    ", "", shown).replace("hello.at", str(wrong))
        self.assertIn(difference, self.play(wrong)[1])


class Tags(PlayTest):
    TEXT = ALL_OK + ("> AT+CSQ\n< +CSQ: 31,99   [inferred]\n< OK   [manual]\n"
                     "> AT+CGMI\n< Nobody   [manual]\n< OK   [manual]\n"
                     "> AT+NONSENSE\n< ERROR   [device]\n")

    def test_notes(self):
        path = write(self.folder / "tags.at", self.TEXT.replace("Nobody", "Quectel"))
        status, out, _ = self.play(path)
        self.assertEqual(status, 1)
        for port in ([], ["--port", "pty", "--slack", SLACK]):
            status, out, _ = self.play("--tags", "manual,device", *port, path)
            self.assertEqual(status, 0, out)
            self.assertIn(f"note: {path}:7: other bytes [inferred]", out)
            self.assertIn("1 passed, 0 failed, 0 skipped, 1 notes", out)

    def test_what_counts_behind_a_note_counts(self):
        path = write(self.folder / "tags.at", self.TEXT)
        status, out, _ = self.play("--tags", "manual", path)
        self.assertEqual(status, 1)
        self.assertIn(f"{path}:10: other bytes [manual]", out)
        text = self.TEXT.replace("< OK   [manual]\n> AT+CGMI", "< NO   [manual]\n> AT+CGMI")
        status, out, _ = self.play("--tags", "manual", write(path, text))
        self.assertEqual(status, 1)
        self.assertIn(f"{path}:8: did not come [manual]", out)

    def test_keep_going(self):
        text = self.TEXT.replace("NONSENSE\n< ERROR", "NONSENSE\n< OK")
        path = write(self.folder / "tags.at", text)
        status, out, _ = self.play("--keep-going", path)
        self.assertEqual(status, 1)
        for line in (7, 10, 13):
            self.assertIn(f"{path}:{line}: other bytes", out)


    def test_keep_going_past_looks(self):
        """Each look at what was sent is reported, in virtual time and on a line."""
        path = write(self.folder / "looks.at", "tag manual\n> ATE0\n<< ATE0\\r\n< OK\n"
                     "message-has never\nmails 2\nconnections 3\n> AT\n< NO\n")
        for port in ([], ["--port", "pty", "--slack", 300]):
            with self.subTest(port):
                out = self.play(*port, path)[1]
                self.assertIn(f"{path}:5: not in there", out)
                self.assertNotIn(f"{path}:6:", out)
                status, out, _ = self.play("--keep-going", *port, path)
                self.assertEqual(status, 1)
                self.assertIn(f"{path}:5: not in there", out)
                self.assertIn(f"{path}:6: the server has 0 mails, not 2", out)
                self.assertIn(f"{path}:7: the server saw 0 connections, not 3", out)
                self.assertIn(f"{path}:9: other bytes [manual]", out)

    def test_time_waited(self):
        path = write(self.folder / "late.at", ALL_OK + "within 700\n< LATE   [manual]\n")
        self.assertIn(f"{path}:7: nothing came in time (700 ms) [manual]", self.play(path)[1])
        out = self.play("--port", "pty", "--slack", 500, path)[1]
        self.assertIn(f"{path}:7: nothing came in time (1200 ms) [manual]", out)


class OwnModule(PlayTest):
    """Every transcript that can be, on the real program in real time."""

    def play_everything(self, kind):
        here = [path for path in TRANSCRIPTS if kind != "pty" or path.stem not in TIGHT]
        parts = [here[at::PLAYERS] for at in range(PLAYERS)]
        players = []
        for number, part in enumerate(parts):
            out = (self.folder / f"{kind}{number}.log").open("wb")
            self.addCleanup(out.close)
            players.append(subprocess.Popen(
                [program_path(), "play", "--port", kind, "--slack", str(SLACK), "--longest",
                 str(LONGEST), "--junit", str(self.folder / f"{kind}{number}.xml"), *part],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=harness.end_with_parent))
            self.addCleanup(players[-1].kill)
        statuses = [player.wait(600) for player in players]
        out = "".join((self.folder / f"{kind}{number}.log").read_text(errors="replace")
                      for number in range(PLAYERS))
        self.assertEqual(statuses, [0] * PLAYERS, "\n".join(
            line for line in out.splitlines() if not line.startswith(("ok ", "skip "))))
        skipped = dict(re.findall(r"^skip  \S*/(\S+)\.at \(.*? s\): (.*)$", out, re.M))
        for name, reason in skipped.items():
            self.assertRegex(reason, REASONS, name)
        played = len(re.findall(r"^ok ", out, re.M))
        self.assertEqual(played + len(skipped), len(here))
        print(f"{kind}: {played} of {len(here)} played", flush=True)
        return played, skipped

    def test_pty(self):
        played, skipped = self.play_everything("pty")
        self.assertGreater(played, len(TRANSCRIPTS) * 0.6)
        self.assertNotIn("example_plain", skipped)
        self.assertNotIn("boot_restart", skipped)
        self.assertNotIn("smtp_put_offer", skipped)

    def test_tight_times(self):
        for name in TIGHT:
            with self.subTest(name):
                plays = (self.play("--port", "pty", "--slack", SLACK,
                                   ROOT / "tests" / "transcripts" / f"{name}.at")
                         for _ in range(TRIES))
                outs = []
                self.assertTrue(any(status == 0 or outs.append(out) for status, out, _ in plays),
                                "\n".join(outs))

    def test_tcp(self):
        played, skipped = self.play_everything("tcp")
        self.assertGreater(played, len(TRANSCRIPTS) * 0.6)
        self.assertNotIn("smtp_body_lost", skipped)

    def test_rfc2217(self):
        played, skipped = self.play_everything("rfc2217")
        self.assertGreater(played, len(TRANSCRIPTS) * 0.6)
        self.assertNotIn("smtp_body_dtr", skipped)
        self.assertNotIn("smtp_body_lost", skipped)

    def test_bad_transcripts_fail(self):
        for name, line in (("wrong_answer", "other bytes"), ("too_much", "nobody expected"),
                           ("no_answer", "nothing came in time"), ("not_sent", "not in there")):
            with self.subTest(name):
                status, out, _ = self.play("--port", "pty", "--slack", 300, BAD / f"{name}.at")
                self.assertEqual(status, 1)
                self.assertIn(line, out)

    def test_the_servers_offer_the_same(self):
        """What the server of virtual time says to EHLO is what the catcher says, but for CHUNKING."""
        path = write(self.folder / "offer.at", mail(
            before='> AT+QSMTPCFG="ssltype",2\n< OK   [manual]\n') + "trace-has never\n")
        offers = []
        for port in ([], ["--port", "pty", "--slack", 300]):
            out = self.play(*port, path)[1]
            replies = re.findall(r"\| EHLO .*\n    \| 250-.*\n((?:    \| 250[- ].*\n)+)", out)
            offers.append([set(re.findall(r"250[- ](.*?)\\n", reply)) for reply in replies])
        virtual, real = offers
        self.assertEqual([len(offer) > 5 for offer in virtual], [True, True], out)
        self.assertEqual([offer - {"HELP"} for offer in virtual],
                         [offer - {"CHUNKING"} for offer in real])

    def test_longest(self):
        """What is waited in any case counts, and not what `within` allows."""
        over = write(self.folder / "over.at", ALL_OK + "wait 20000\nafter 11000\n< x   [manual]\n")
        within = write(self.folder / "within.at", ALL_OK + "within 70000\n> AT\n< OK   [manual]\n")
        status, out, _ = self.play("--port", "pty", "--slack", SLACK, "--longest", 30, over, within)
        self.assertEqual(status, 0, out)
        self.assertRegex(out, rf"skip  {re.escape(str(over))} \(.*\): it waits for more than 30 s "
                              r"\(wait, after\)\n")
        self.assertIn(f"ok    {within}", out)

    def test_too_early(self):
        path = write(self.folder / "early.at", "set active_at_start 1\nset urc_gap 50\n" + ALL_OK
                     + '> AT+QSMTPCFG="smtpserver","mail.example.com",25;+QSMTPCFG="sender","a",'
                     '"a@example.com";+QSMTPDST=1,1,"b@example.com";+QSMTPBODY=0,1\n'
                     "< CONNECT   [manual]\n>> x\n< +QSMTPBODY: 1   [manual]\n< OK   [manual]\n"
                     "> AT+QSMTPPUT=60\n< OK   [manual]\nafter 30000\n"
                     "< +QSMTPPUT: 0,0   [manual]\n")
        status, out, _ = self.play("--port", "pty", "--slack", SLACK, path)
        self.assertEqual(status, 1)
        self.assertIn("came too early [manual]", out)

    def test_skips(self):
        virtual = write(self.folder / "virtual.at", "virtual because of a test\n" + ALL_OK)
        server = write(self.folder / "server.at", "server busy\n" + ALL_OK)
        small = write(self.folder / "small.at", "set arena 200\n" + ALL_OK)
        status, out, _ = self.play("--port", "pty", virtual, server, small)
        self.assertEqual(status, 1, "nothing was played")
        self.assertIn(": because of a test\n", out)
        self.assertIn(': line 1: no "server busy" on pty\n', out)
        self.assertIn('arena_size: "200" is not allowed', out)
        self.assertIn("3 transcripts: 0 passed, 0 failed, 3 skipped", out)
        good = write(self.folder / "good.at", ALL_OK)
        self.assertEqual(self.play("--port", "pty", "--slack", SLACK, virtual, good)[0], 0)

    def test_nothing_is_left_behind(self):
        """Not after a play, nor after one that a signal has ended."""
        scratch = self.folder / "scratch"
        scratch.mkdir()
        slow = write(self.folder / "slow.at", ALL_OK + "wait 600000\n")
        player = subprocess.Popen([program_path(), "play", "--port", "pty", str(slow)],
                                  env=dict(os.environ, TMPDIR=str(scratch)),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                  preexec_fn=harness.end_with_parent)
        self.addCleanup(player.kill)
        trace = wait_until(lambda: list(scratch.glob("*/trace")), "a module at work")[0]
        wait_until(lambda: "usbat < OK" in trace.read_text(), "the dialogue")
        player.send_signal(signal.SIGTERM)
        out, _ = player.communicate(timeout=harness.SOON)
        self.assertEqual(player.returncode, 1)
        self.assertIn("interrupted", out)
        self.assertEqual(list(scratch.iterdir()), [])


class RunningModule(PlayTest):
    """A module that somebody else has started."""

    def test_serial_device(self):
        """A pty of the program, taken for a serial line with a real module at it."""
        link = self.folder / "modem"
        self.serve("--pty", link, "--catch", self.folder / "mails",
                   settings={"pdp.1.active_at_start": "on"})
        names = ["example_plain", "smtp_cfg_write", "file_list", "smtp_put_attachment"]
        paths = [ROOT / "tests" / "transcripts" / f"{name}.at" for name in names]
        before = ["AT&F", "ATE1", "AT+QSMTPCLR", 'AT+QFDEL="*"', 'AT+QFDEL="RAM:*"',
                  'AT+QSMTPCFG="ssltype",0']
        arguments = [word for line in before for word in ("--before", line)]
        status, out, _ = self.play("--port", f"{link},9600", "--slack", SLACK, *arguments,
                                   "--have", "active_at_start=1", paths[3])
        self.assertEqual(status, 0, out)
        self.assertIn("note: ", out)
        self.assertIn("not looked at here: message-has", out)
        status, out, _ = self.play("--port", link, "--slack", SLACK, *arguments, "--before",
                                   "AT+QIDEACT=1", *paths)
        self.assertEqual(status, 0, out)
        self.assertIn("it needs a module with active_at_start=1 (--have)", out)
        status, out, _ = self.play("--port", link, *arguments, BAD / "wrong_answer.at")
        self.assertEqual(status, 1)
        self.assertIn("other bytes [inferred]", out)

    def test_two_ports(self):
        program = self.serve("--tcp", "127.0.0.1:0", "--rfc2217", "127.0.0.1:0",
                             "--catch", self.folder / "mails", settings={"pdp.1.active_at_start": "on"})
        first, second = (f"{kind}:{address}" for kind, address in program.ports.values())
        path = ROOT / "tests" / "transcripts" / "smtp_body_ports.at"
        status, out, _ = self.play("--port", first, "--port", second, "--slack", SLACK, "--have",
                                   "active_at_start=1", path)
        self.assertEqual(status, 0, out)
        status, out, _ = self.play("--port", first, "--slack", SLACK, path)
        self.assertEqual(status, 1)
        self.assertIn("it needs 2 ports", out)

    def test_nobody_there(self):
        path = write(self.folder / "good.at", ALL_OK)
        for port in (f"tcp:127.0.0.1:{harness.free_port()}", self.folder / "nothing"):
            status, out, _ = self.play("--port", port, path)
            self.assertEqual(status, 1)
            self.assertRegex(out, f"(?m)^{port}: (Connection refused|No such file or directory)$")
            self.assertNotIn(f"{path}:", out)

    def test_errors_are_no_failures(self):
        """JUnit tells what could not be played from what differed."""
        good = write(self.folder / "good.at", ALL_OK)
        bad = write(self.folder / "bad.at", ALL_OK + "frobnicate\n")
        differs = write(self.folder / "differs.at", ALL_OK + "> AT\n< NO   [manual]\n")
        report = self.folder / "play.xml"
        for arguments, kinds in (((bad, differs, good), ["error", "failure"]),
                                 (("--port", f"tcp:127.0.0.1:{harness.free_port()}", good, bad),
                                  ["error", "error"])):
            self.assertEqual(self.play("--junit", report, *arguments)[0], 1)
            suite = xml.parse(report).getroot().find("testsuite")
            self.assertEqual([found.tag for case in suite for found in case], kinds)
            self.assertEqual([suite.get(name) for name in ("errors", "failures")],
                             [str(kinds.count(kind)) for kind in ("error", "failure")])

    def test_a_peer_that_closes_or_floods(self):
        """Neither hangs the player nor makes it grow."""
        path = write(self.folder / "good.at", ALL_OK)
        for answer in (b"", b"\xff\xff\xfb\x2c" * 1000000):
            with socket.create_server(("127.0.0.1", 0)) as listener:
                def serve(bytes_to_send=answer, server=listener):
                    peer, _ = server.accept()
                    with peer:
                        try:
                            peer.recv(1)
                            peer.sendall(bytes_to_send)
                        except OSError:
                            pass
                thread = threading.Thread(target=serve)
                thread.start()
                kind = "rfc2217" if answer else "tcp"
                start = time.monotonic()
                status, out, _ = self.play("--port",
                                           f"{kind}:127.0.0.1:{listener.getsockname()[1]}", path)
                thread.join()
                self.assertEqual(status, 1, out)
                self.assertLess(time.monotonic() - start, 60)

    def test_a_flood_without_an_end(self):
        """Neither what comes for ever nor telnet commands without data keep the player."""
        path = write(self.folder / "good.at", ALL_OK)

        def serve(server, piece):
            peer, _ = server.accept()
            with peer:
                try:
                    while True:
                        peer.sendall(piece)
                except OSError:
                    pass
        for kind, piece in (("tcp", b"x" * 65536), ("rfc2217", b"\xff\xf1" * 32768)):
            with socket.create_server(("127.0.0.1", 0)) as listener:
                thread = threading.Thread(target=serve, args=(listener, piece))
                thread.start()
                status, out, _ = self.play("--keep-going", "--port",
                                           f"{kind}:127.0.0.1:{listener.getsockname()[1]}", path)
                thread.join()
                self.assertEqual(status, 1, out)


class Junit(PlayTest):
    def test_document(self):
        good = write(self.folder / "good.at", ALL_OK)
        odd = write(self.folder / 'odd <&"\x01é.at',
                    ALL_OK + "> AT\n<< <&]]>\\x00\\x01\\xff   [manual]\n")
        skipped = write(self.folder / "skip.at", "virtual a < b\n" + ALL_OK)
        report = self.folder / "play.xml"
        status, out, _ = self.play("--port", "pty", "--slack", SLACK, "--junit", report, good, odd,
                                   skipped)
        self.assertEqual(status, 1, out)
        suite = xml.parse(report).getroot().find("testsuite")
        self.assertEqual([suite.get(name) for name in ("tests", "failures", "skipped", "errors")],
                         ["3", "1", "1", "0"])
        first, second, third = suite.findall("testcase")
        self.assertEqual((first.get("name"), len(first)), (str(good), 0))
        self.assertGreater(float(first.get("time")), 0)
        self.assertEqual(second.get("name"), str(odd).replace("\x01", "\\x01"))
        self.assertIn(":7: other bytes [manual]", second.find("failure").get("message"))
        self.assertIn("expected <&]]>\\x00\\x01\\xFF\n", second.find("failure").text)
        self.assertEqual(third.find("skipped").get("message"), "a < b")
        self.assertLessEqual(abs(float(suite.get("time"))
                                 - sum(float(case.get("time")) for case in suite)), 0.01)
        self.assertRegex(suite.get("timestamp"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")

    def test_cannot_be_written(self):
        good = write(self.folder / "good.at", ALL_OK)
        status, _, err = self.play("--junit", self.folder / "none" / "play.xml", good)
        self.assertEqual(status, 1)
        self.assertIn("none/play.xml: No such file or directory", err)


class CommandLine(PlayTest):
    def test_usage(self):
        good = write(self.folder / "good.at", ALL_OK)
        for arguments in ((), ("--frobnicate", good), ("--port",), ("--tags", "rumour", good),
                          ("--tags", "", good), ("--slack", "5", good), ("--port", "pty", "--slack",
                                                                         "x", good),
                          ("--port", "tcp:7000", good), ("--port", "/dev/ttyS0,fast", good),
                          ("--port", "pty", "--port", "pty", good),
                          ("--port", "pty", "--all-cuts", good), ("--before", "AT", good),
                          ("--have", "x", good), ("--port", "pty", "--have", "a=b", good)):
            with self.subTest(arguments):
                status, out, err = self.play(*arguments)
                self.assertEqual((status, out), (2, ""))
                self.assertRegex(err, r"\Apostmodem: .*--help lists the options\)\n\Z")

    def test_what_does_not_fit(self):
        good = write(self.folder / "good.at", ALL_OK)
        for arguments, why in ((("--have", "x=y"), 'x=y: unknown setting "x" ('),
                               (("--have", "x"), "x: it is KEY=VALUE ("),
                               (("--have", "limits=wode"),
                                'setting limits: "wode" is not allowed; allowed: wide ('),
                               (("--port", "tcp:7000"), "tcp:7000: an address is HOST:PORT (")):
            with self.subTest(arguments):
                port = () if arguments[0] == "--port" else ("--port", "tcp:127.0.0.1:9")
                status, out, err = self.play(*port, *arguments, good)
                self.assertEqual((status, out), (2, ""))
                self.assertIn(f": {why}", err.replace("this does not fit its option: ", ": "))

    def test_no_such_port(self):
        good = write(self.folder / "good.at", ALL_OK)
        ports = " (a port is pty, tcp, rfc2217, tcp:HOST:PORT, rfc2217:HOST:PORT or a device)"
        for port, hint in (("frob", ports), (self.folder / "frob", "")):
            with self.subTest(port):
                status, out, _ = self.play("--port", port, good)
                self.assertEqual(status, 1)
                self.assertIn(f"\n{port}: No such file or directory{hint}\n", out)

    def test_help(self):
        status, out, _ = self.play("--help")
        self.assertEqual(status, 0)
        self.assertIn("--port", out)

    def test_files(self):
        status, out, _ = self.play(self.folder / "none.at", self.folder)
        self.assertEqual(status, 1)
        self.assertIn("none.at: No such file or directory", out)
        self.assertIn("2 failed", out)
        empty = pathlib.Path(self.folder / "empty.at")
        empty.touch()
        self.assertIn("nothing is expected", self.play(empty)[1])


if __name__ == "__main__":
    hosts.main()  # Side by side: what is played in real time mostly waits.
