#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The ports: pty links, TCP, several ports of one module, ready lines, signals, leaving."""
import os
import re
import signal
import socket
import subprocess
import sys
import time

import harness
from atclient import TcpPort
from harness import seeded_bytes, wait_until
from program import ProgramTest, activate, configure, interrupt, program_path, write_mail
from sinks import Peer, Sink


class Pty(ProgramTest):
    def setUp(self):
        super().setUp()
        self.link = self.folder / "modem"

    def test_link_is_made_and_removed(self):
        program = self.serve("--pty", self.link)
        self.assertTrue(self.link.is_symlink())
        self.assertEqual(program.ports["usbat"], ("pty", str(self.link)))
        program.pty(self.link).start().ok("AT")
        program.stop()
        self.assertFalse(self.link.is_symlink())

    def test_stale_link_is_replaced(self):
        self.link.symlink_to("/dev/pts/nobody-has-this")
        self.serve("--pty", self.link).pty(self.link).start().ok("AT")

    def test_another_kind_of_file_is_not_replaced(self):
        for kind in ("file", "folder"):
            path = self.folder / kind
            path.mkdir() if kind == "folder" else path.write_text("precious")
            status, output, errors = self.run_program("serve", "--pty", path)
            self.assertGreater(status, 0)
            self.assertIn(str(path), errors)
            self.assertNotIn("ready", output)
        self.assertEqual((self.folder / "file").read_text(), "precious")

    def test_hosts_come_and_go(self):
        program = self.serve("--pty", self.link)
        for _ in range(5):
            port = program.pty(self.link).start()
            port.ok("AT")
            port.close()

    def test_a_new_host_finds_no_stale_bytes(self):
        program = self.serve("--pty", self.link)
        for _ in range(5):
            first = program.pty(self.link)
            # Many commands, whose answers nobody reads.
            first.write(b"ATE0\r" + b"ATI\r" * 1000)
            first.close()
            program.wait_idle()
            second = program.pty(self.link).start()
            self.assertFalse(b"Quectel" in second.heard, second.heard[:100])
            second.ok("AT")
            second.close()

    def test_a_host_that_opens_at_once(self):
        """Between close and open there was no time to tidy up: what the new host types first may
        be lost with the old one's rest, but it can work when it tries again, as drivers do."""
        program = self.serve("--pty", self.link)
        for _ in range(5):
            first = program.pty(self.link)
            first.write(b"ATE0\r" + b"ATI\r" * 1000)
            first.close()
            second = program.pty(self.link)
            self.answers_in_the_end(second)
            second.ok("AT")
            second.close()
            program.wait_idle()

    @staticmethod
    def answers_in_the_end(port):
        def attempt():
            port.write(b"ATE0\rAT+QSMTPSUB=0,\"second\"\rAT+QSMTPSUB?\r")
            try:
                while b'+QSMTPSUB: 0,"second"\r\n\r\nOK' not in port.heard:
                    port.line(1)
            except harness.Expired:
                return False
            port.pending(0.2)
            return True
        wait_until(attempt, "an answer")

    def test_a_host_that_locks_the_port(self):
        """TIOCEXCL stays on a pty when the host leaves. The next one can open the port all the
        same, whether or not the program has the right to undo the lock."""
        script = ("import fcntl, os, sys, termios, time\n"
                  "line = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)\n"
                  "fcntl.ioctl(line, termios.TIOCEXCL)\n"
                  "os.write(line, b'ATE0\\rAT+CGMM\\r')\n"
                  "heard = b''\n"
                  "while b'AG35\\r\\n\\r\\nOK' not in heard:\n"
                  "    heard += os.read(line, 1000)\n")
        for wrapper in ([], harness.as_others()):
            program = self.serve("--pty", self.link, wrapper=wrapper)
            for _ in range(3):
                subprocess.run([*harness.as_others(), sys.executable, "-c", script, self.link],
                               check=True, timeout=harness.SOON)
                # It takes a moment until the program knows that the host has left.
                program.wait_idle()
            self.assertEqual("locked: now at" in program.log(), bool(wrapper or os.geteuid()))
            program.stop()
            self.assertFalse(self.link.is_symlink())

    def as_user(self, groups, script):
        """What a program of a user without any right, but in these groups, ends with."""
        return subprocess.run([sys.executable, "-c", script, self.link], user=65534, group=65534,
                              extra_groups=groups, capture_output=True, text=True, check=False,
                              timeout=harness.SOON)

    def test_a_pty_of_a_group(self):
        """The group's members use it, others do not; also the pty that comes in a locked one's
        place."""
        harness.needs_root()
        group, other = 54321, 54322
        script = ("import fcntl, os, sys, termios\n"
                  "line = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)\n"
                  "fcntl.ioctl(line, termios.TIOCEXCL)\n"
                  "os.write(line, b'ATE0\\rAT+CGMM\\r')\n"
                  "heard = b''\n"
                  "while b'AG35\\r\\n\\r\\nOK' not in heard:\n"
                  "    heard += os.read(line, 1000)\n")
        self.folder.chmod(0o755)
        program = self.serve("--pty", self.link, "--set", f"port.1.group={group}",
                             wrapper=harness.as_others())
        for _ in range(2):
            slave = os.stat(self.link)
            self.assertEqual((slave.st_gid, slave.st_mode & 0o7777), (group, 0o660))
            for groups in ([], [other]):
                self.assertIn("PermissionError", self.as_user(groups, script).stderr)
            member = self.as_user([group], script)
            self.assertEqual((member.returncode, member.stderr), (0, ""))
            program.wait_idle()
        self.assertIn("locked: now at", program.log())

    def test_a_pty_without_a_group_is_its_users_alone(self):
        self.serve("--pty", self.link)
        self.assertEqual(os.stat(self.link).st_mode & 0o7757, 0o600)

    def test_groups_that_cannot_be(self):
        for group, error in (("no-such-group", "there is no group no-such-group"),
                             ("-1", "there is no group -1"),
                             ("4294967295", "there is no group 4294967295")):
            status, _, errors = self.run_program("serve", "--pty", self.link, "--set",
                                                 f"port.1.group={group}")
            self.assertEqual(status, 1)
            self.assertIn(f"port usbat: {error}", errors)
            self.assertFalse(os.path.lexists(self.link))

    def test_idle_pty_costs_no_time(self):
        """With and without a host: the loop must not spin. A spinning one takes every tick."""
        program = self.serve("--pty", self.link)

        def ticks():
            fields = open(f"/proc/{program.pid}/stat").read().rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])
        for opened in (False, True, False):
            if opened:
                port = program.pty(self.link).start()
            before, started = ticks(), time.monotonic()
            harness.wait_until(lambda: time.monotonic() - started > 1.5, "a while")
            share = (ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - started)
            self.assertLess(share, 0.5)
            if opened:
                port.close()

    def test_what_a_host_leaves_unread_is_bounded(self):
        program = self.serve("--pty", self.link)
        port = program.pty(self.link)
        port.write(b"ATE0\r")

        def resident():
            with open(f"/proc/{program.pid}/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        before = resident()
        sent = 0
        try:
            while sent < 4_000_000:
                sent += os.write(port.fd, b"AT&V\r" * 500)
        except BlockingIOError:
            pass
        self.assertLess(resident() - before, 4_000_000)
        port.close()
        # A host that comes before the module has seen the other leave may lose its first bytes,
        # as nothing tells them from what that one had left.
        program.wait_idle()
        program.pty(self.link).start().ok("AT")


class Tcp(ProgramTest):
    def test_port_zero_takes_free_ones(self):
        program = self.serve("--tcp", "127.0.0.1:0", "--tcp", "[::1]:0", "--tcp", ":0")
        self.assertEqual(len(program.ports), 3)
        self.assertEqual({kind for kind, _ in program.ports.values()}, {"tcp"})
        addresses = [program.address(name) for name in program.ports]
        self.assertEqual(len({number for _, number in addresses}), 3)
        self.assertNotIn(0, {number for _, number in addresses})
        for name in program.ports:
            program.tcp(name).start().ok("AT")

    def test_ready_line(self):
        program = self.serve("--tcp", "127.0.0.1:0")
        self.assertRegex(program.out.read_text(), r"\Aready usbat tcp 127\.0\.0\.1:[1-9]\d*\n\Z")

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            number = taken.getsockname()[1]
            status, output, errors = self.run_program("serve", "--tcp", f"127.0.0.1:{number}")
        self.assertGreater(status, 0)
        self.assertIn(str(number), errors)
        self.assertNotIn("ready", output)

    def test_a_new_host_takes_over(self):
        program = self.serve("--tcp", "127.0.0.1:0")
        first = program.tcp().start()
        second = TcpPort(program.address())
        self.addCleanup(second.close)
        second.write(b"ATE0\r")
        second.start().ok("AT")
        first.close()
        second.ok("AT")

    def test_ports_share_the_module(self):
        program = self.serve("--tcp", "127.0.0.1:0", "--tcp", "127.0.0.1:0")
        first, second = (program.tcp(name) for name in program.ports)
        first.start()
        first.ok('AT+QSMTPSUB=0,"shared"')
        second.start()
        self.assertEqual(second.ok("AT+QSMTPSUB?"), ['+QSMTPSUB: 0,"shared"'])
        first.connect("AT+QSMTPBODY=0,5,60")
        second.refused('AT+QSMTPSUB=0,"other"', 652)
        first.write(b"12345")
        first.answer()
        second.ok('AT+QSMTPSUB=0,"other"')

    def test_result_goes_to_the_port_that_sent(self):
        program = self.serve("--tcp", "127.0.0.1:0", "--tcp", "127.0.0.1:0")
        first, second = (program.tcp(name).start() for name in program.ports)
        with Sink() as sink:
            activate(first)
            configure(first, ("127.0.0.1", sink.port))
            write_mail(first, ["b@example.com"])
            self.assertEqual(second.send_mail(60), (0, 0))
            self.assertEqual(first.pending(), b"")
            first.ok("AT")
            self.assertEqual(first.urcs, [])


class Stdio(ProgramTest):
    def test_commands_from_a_pipe(self):
        result = subprocess.run([program_path(), "serve", "--stdio"],
                                input=b"ATE0\nAT+QSMTPSUB=0,\"x\"\nAT+QSMTPSUB?\n",
                                capture_output=True, timeout=harness.SOON, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(b'+QSMTPSUB: 0,"x"\r\n\r\nOK\r\n', result.stdout)


class Signals(ProgramTest):
    def slow_mail(self, settings=None):
        """A mail job that hangs after the final dot until the test lets the server answer."""
        program, port = self.module(settings=settings)
        activate(port)
        state = {"got": False, "answer": False}

        def script(wire):
            wire.greet()
            for word in ("MAIL", "RCPT"):
                wire.expect(word)
                wire.send("250 ok")
            wire.expect("DATA")
            wire.send("354 go")
            while wire.line() != ".":
                pass
            state["got"] = True
            wait_until(lambda: state["answer"] or wire.stopping.is_set(), "the word to answer")
            if not wire.stopping.is_set():
                wire.send("250 taken")
            wire.read_to_end()
        peer = Peer(script)
        peer.__enter__()
        self.addCleanup(peer.__exit__, None)
        configure(port, ("127.0.0.1", peer.port))
        write_mail(port, ["b@example.com"])
        port.ok("AT+QSMTPPUT=300")
        wait_until(lambda: state["got"], "the content at the server")
        return program, port, state

    def test_term_lets_a_mail_end(self):
        program, port, state = self.slow_mail()
        interrupt(program)
        with self.assertRaises(subprocess.TimeoutExpired):
            program.wait(1)
        state["answer"] = True
        self.assertEqual(port.mail_result(), (0, 0))
        self.assertEqual(program.wait(), 0)

    def test_term_ends_a_mail_that_takes_too_long(self):
        program, port, _ = self.slow_mail(settings={"drain_seconds": 1})
        interrupt(program)
        self.assertNotEqual(port.mail_result()[0], 0)
        self.assertEqual(program.wait(), 0)

    def test_second_term_leaves_at_once(self):
        program, _, _ = self.slow_mail()
        interrupt(program)
        with self.assertRaises(subprocess.TimeoutExpired):
            program.wait(0.5)
        interrupt(program)
        program.wait()

    def test_idle_program_leaves_at_once(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            program = self.serve("--tcp", "127.0.0.1:0", name=f"signal{number}")
            program.tcp().start()
            program.popen.send_signal(number)
            self.assertEqual(program.wait(), 0)


class CommandLine(ProgramTest):
    def test_help_and_version(self):
        status, output, _ = self.run_program("--help")
        self.assertEqual(status, 0)
        for word in ("serve", "demo", "--pty", "--tcp", "--rfc2217", "--state", "--catch", "--trace", "--set"):
            self.assertIn(word, output)
        status, output, _ = self.run_program("--version")
        self.assertEqual(status, 0)
        self.assertRegex(output, r"^postmodem \d+\.\d+\.\d+")

    def test_wrong_arguments(self):
        for arguments in (["nothing"], ["serve", "--nothing"], ["serve", "--tcp", "nowhere"],
                          ["serve", "--tcp", "127.0.0.1:99999"], ["serve", "--tcp"], ["serve"]):
            with self.subTest(arguments=arguments):
                status, output, errors = self.run_program(*arguments)
                self.assertGreater(status, 0)
                self.assertNotEqual(errors, "")
                self.assertNotIn("ready", output)

    def test_wrong_key_in_the_configuration_names_the_line(self):
        path = self.folder / "postmodem.conf"
        path.write_text("# a comment\nlimits = strict\n\nno_such_key = 1\n")
        status, _, errors = self.run_program("serve", "--tcp", "127.0.0.1:0", "--config", path)
        self.assertGreater(status, 0)
        self.assertRegex(errors, re.escape(str(path)) + r".*\b4\b")
        self.assertIn("no_such_key", errors)

    def test_wrong_value_in_the_configuration_names_the_line(self):
        path = self.folder / "postmodem.conf"
        path.write_text("limits = strict\nrecipients = some\n")
        status, _, errors = self.run_program("serve", "--tcp", "127.0.0.1:0", "--config", path)
        self.assertGreater(status, 0)
        self.assertRegex(errors, re.escape(str(path)) + r".*\b2\b")

    def test_wrong_key_of_set(self):
        for setting in ("no_such_key=1", "limits=huge", "limits", "=1"):
            with self.subTest(setting=setting):
                status, _, errors = self.run_program("serve", "--tcp", "127.0.0.1:0",
                                                     "--set", setting)
                self.assertGreater(status, 0)
                self.assertIn(setting.partition("=")[0], errors)

    def test_missing_configuration(self):
        path = self.folder / "nothere.conf"
        status, _, errors = self.run_program("serve", "--tcp", "127.0.0.1:0", "--config", path)
        self.assertGreater(status, 0)
        self.assertIn(str(path), errors)

    def test_configuration_presets_values(self):
        path = self.folder / "postmodem.conf"
        path.write_text("limits = strict\n")
        _, port = self.module("--config", path)
        port.refused("AT+QSMTPBODY=0,10241", 664)


class Trace(ProgramTest):
    def test_trace_shows_both_sides_and_no_secret(self):
        trace = self.folder / "trace.txt"
        program, port = self.module("--trace", trace, "--log", "debug")
        with Sink(users={"user@example.com": "Sesame-4711"}) as sink:
            activate(port)
            configure(port, ("127.0.0.1", sink.port), 0, ("user@example.com", "Sesame-4711"))
            write_mail(port, ["b@example.com"])
            self.assertEqual(port.send_mail(60), (0, 0))
            sink.received()
        port.ok('AT+QSMTPCFG="account","user@example.com","Sesame-4711"')
        program.stop()
        text = trace.read_text(errors="replace")
        for part in ("AT+QSMTPSUB", "QSMTPPUT: 0,0", "EHLO", "MAIL FROM:<pump7@example.com>",
                     "RCPT TO:<b@example.com>", "AUTH"):
            self.assertIn(part, text)
        for secret in ("Sesame", "U2VzYW1lLTQ3MTE", "AHVzZXJAZXhhbXBsZS5jb20AU2VzYW1l"):
            self.assertNotIn(secret, text)
            self.assertNotIn(secret, program.log())


if __name__ == "__main__":
    harness.main()
