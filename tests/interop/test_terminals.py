#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The ports: pty links, TCP, several ports of one module, ready lines, signals, leaving."""
import contextlib
import fcntl
import grp
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

import harness
from atclient import PtyPort, TcpPort
from harness import seeded_bytes, wait_until
from program import ProgramTest, activate, configure, interrupt, program_path, write_mail
from sinks import Peer, Sink

NOBODY = 65534
N_NULL = 27  # <linux/tty.h>
# Types commands without a pause, and reads what is answered.
BUSY_HOST = """
import os, sys, tty
line = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
tty.setraw(line)
while True:
    os.write(line, b"AT\\r")
    os.read(line, 1000)
"""
# Locks the port, talks to the module, and leaves.
LOCKER = """
import fcntl, os, sys, termios
line = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
fcntl.ioctl(line, termios.TIOCEXCL)
os.write(line, b"ATE0\\rAT+CGMM\\r")
heard = b""
while b"AG35\\r\\n\\r\\nOK" not in heard:
    heard += os.read(line, 1000)
"""


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
        for wrapper in ([], harness.as_others()):
            program = self.serve("--pty", self.link, wrapper=wrapper)
            for _ in range(3):
                subprocess.run([*harness.as_others(), sys.executable, "-c", LOCKER, self.link],
                               check=True, timeout=harness.SOON)
                # It takes a moment until the program knows that the host has left.
                program.wait_idle()
            self.assertEqual("unusable: now at" in program.log(), bool(wrapper or os.geteuid()))
            program.stop()
            self.assertFalse(self.link.is_symlink())

    def leave(self, program, script):
        """A host that does as `script` says with its `line`, and leaves."""
        script = ("import fcntl, os, struct, sys, termios\n"
                  "line = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)\n" + script)
        subprocess.run([sys.executable, "-c", script, self.link], check=True, timeout=harness.SOON)
        # It takes a moment until the program knows that the host has left.
        program.wait_idle()

    def test_a_host_that_stops_output(self):
        """TCOOFF stays on a pty when the host leaves."""
        program = self.serve("--pty", self.link)
        self.leave(program, "termios.tcflow(line, termios.TCOOFF)\n")
        program.pty(self.link).start().ok("AT")

    def test_a_host_that_sets_a_line_discipline(self):
        """N_NULL, which anybody may set, takes nothing and gives nothing."""
        program = self.serve("--pty", self.link)
        self.leave(program, f"fcntl.ioctl(line, termios.TIOCSETD, struct.pack('i', {N_NULL}))\n")
        program.pty(self.link).start().ok("AT")

    def test_the_next_host_is_there_when_one_leaves_a_pty_dead(self):
        """It has opened the port before there was time to put it right."""
        program = self.serve("--pty", self.link)
        for spoil in (lambda fd: termios.tcflow(fd, termios.TCOOFF),
                      lambda fd: fcntl.ioctl(fd, termios.TIOCSETD, struct.pack("i", N_NULL))):
            first = program.pty(self.link).start()
            spoil(first.fd)
            program.popen.send_signal(signal.SIGSTOP)
            first.close()
            opened = os.open(self.link, os.O_RDWR | os.O_NOCTTY)
            program.popen.send_signal(signal.SIGCONT)
            program.wait_idle()
            second = program.pty(self.link)
            os.close(opened)
            self.answers_in_the_end(second)
            second.close()
            program.wait_idle()

    def test_each_host_finds_the_same_settings(self):
        program = self.serve("--pty", self.link)

        def found():
            line = os.open(self.link, os.O_RDWR | os.O_NOCTTY)
            try:
                return termios.tcgetattr(line)
            finally:
                os.close(line)
        first = found()
        program.wait_idle()
        self.leave(program, "settings = termios.tcgetattr(line)\n"
                            "settings[0] |= termios.IXOFF | termios.ICRNL\n"
                            "settings[2] |= termios.CSTOPB\n"
                            "settings[3] |= termios.TOSTOP | termios.ICANON\n"
                            "settings[6][termios.VSTOP] = b'A'\n"
                            "termios.tcsetattr(line, termios.TCSANOW, settings)\n")
        self.assertEqual(found(), first)

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


class ManyPtys(ProgramTest):
    """Who comes and goes is watched for all of them together."""

    def setUp(self):
        super().setUp()
        self.config = self.folder / "postmodem.conf"

    def configure(self, *modules):
        """Modules with two ptys each; the paths of all."""
        text, links = "", []
        for name in modules:
            links += [self.folder / f"{name}1", self.folder / f"{name}2"]
            text += f"[module {name}]\nport.1.pty = {links[-2]}\nport.2.pty = {links[-1]}\n"
        self.config.write_text(text)
        return links

    def running(self, links, wrapper=()):
        program = self.serve("--config", self.config, wrapper=wrapper)
        wait_until(lambda: all(link.is_symlink() for link in links), "all links")
        return program

    def allowing(self, instances):
        """A command that runs another where a user can have so many inotify instances."""
        command = ["unshare", "--user", "--map-root-user", "sh", "-c",
                   f"echo {instances} >/proc/sys/user/max_inotify_instances && exec \"$@\"", "sh"]
        probe = subprocess.run([*command, "true"], capture_output=True, text=True, check=False,
                               timeout=harness.SOON)
        if probe.returncode != 0:
            self.skipTest("no user namespace to be had: " + probe.stderr.strip())
        return command

    def hosts_come_and_go(self, program, links):
        for _ in range(3):
            ports = [program.pty(link) for link in links]
            for port in ports:
                port.start()
            for port in reversed(ports):
                port.ok("AT")
                port.close()
            program.wait_idle()

    def test_one_instance_serves_all(self):
        """A user may have few of them (fs.inotify.max_user_instances)."""
        links = self.configure("a", "b", "c")
        program = self.running(links, self.allowing(1))
        self.hosts_come_and_go(program, links)

        links = self.configure("b", "d")
        program.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: "d: started" in program.log(), "a module more")
        wait_until(lambda: not (self.folder / "a1").is_symlink(), "modules less")
        self.hosts_come_and_go(program, links)
        self.assertNotIn("no inotify", program.log())

    def test_hosts_come_beside_a_busy_port(self):
        """Who reads what has happened to one pty reads it for all."""
        links = self.configure("a", "b")
        program = self.running(links)
        with subprocess.Popen([sys.executable, "-c", BUSY_HOST, links[0]]) as busy:
            try:
                for _ in range(100):
                    for link in links[1:]:
                        port = program.pty(link).start()
                        port.ok("AT")
                        port.close()
                self.assertIsNone(busy.poll())
            finally:
                busy.terminate()

    def test_without_inotify(self):
        """What others have used up; the ptys are looked at all the same."""
        links = self.configure("a")
        program = self.running(links, self.allowing(0))
        self.assertEqual(program.log().count("no inotify"), 2)
        self.hosts_come_and_go(program, links)


class PtyOfAGroup(ProgramTest):
    """Who may use a pty."""

    def setUp(self):
        super().setUp()
        self.link = self.folder / "modem"

    def test_a_signal_as_soon_as_it_is_ready(self):
        """Whoever has read the ready line may end the program in order."""
        for number in (signal.SIGTERM, signal.SIGINT) * 15:
            with subprocess.Popen([program_path(), "serve", "--pty", self.link],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
                self.assertIn(b"ready usbat pty", program.stdout.readline())
                program.send_signal(number)
                self.assertEqual(program.wait(harness.SOON), 0)
            self.assertFalse(os.path.lexists(self.link))

    def as_user(self, groups, script):
        """What a program of a user without any right, but in these groups, ends with."""
        return subprocess.run([sys.executable, "-c", script, self.link], user=NOBODY, group=NOBODY,
                              extra_groups=groups, capture_output=True, text=True, check=False,
                              timeout=harness.SOON)

    def slave(self):
        """(group, mode)"""
        status = os.stat(self.link)
        return status.st_gid, status.st_mode & 0o7777

    def test_members_use_it_and_others_do_not(self):
        """Also the pty that comes in a locked one's place."""
        harness.needs_root()
        group, other = 54321, 54322
        program = self.serve("--pty", self.link, "--set", f"port.1.group={group}",
                             wrapper=harness.as_others())
        for _ in range(2):
            self.assertEqual(self.slave(), (group, 0o660))
            for groups in ([], [other]):
                self.assertIn("PermissionError", self.as_user(groups, LOCKER).stderr)
            member = self.as_user([group], LOCKER)
            self.assertEqual((member.returncode, member.stderr), (0, ""))
            program.wait_idle()
        self.assertIn("unusable: now at", program.log())

    def test_a_group_by_name(self):
        """One that a new pty does not have by itself, where this user has such a one."""
        allowed = [group for group in grp.getgrall()
                   if os.geteuid() == 0 or group.gr_gid in os.getgroups()]
        group = max(allowed, key=lambda group: group.gr_gid != os.getegid(), default=None)
        if group is None:
            self.skipTest("no group of this user has a name")
        self.serve("--pty", self.link, "--set", f"port.1.group={group.gr_name}")
        self.assertEqual(self.slave(), (group.gr_gid, 0o660))

    def test_without_a_group_it_is_its_users_alone(self):
        self.serve("--pty", self.link)
        self.assertEqual(self.slave()[1], 0o600)

    def test_without_a_group_where_the_system_lets_one_write(self):
        """Debian mounts devpts so that members of `tty` may write to each new pty."""
        mount = ["unshare", "--mount", "sh", "-c",
                 "mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts /dev/pts && "
                 "mount --bind /dev/pts/ptmx /dev/ptmx && exec \"$@\"", "sh"]
        harness.needs_root()
        probe = subprocess.run([*mount, sys.executable, "-c", "import os\n"
                                "master, slave = os.openpty()\n"
                                "print(oct(os.fstat(slave).st_mode & 0o7777))\n"],
                               capture_output=True, text=True, check=False, timeout=harness.SOON)
        if probe.returncode != 0:
            self.skipTest("no devpts of its own to be had: " + probe.stderr.strip())
        self.assertEqual(probe.stdout, "0o620\n")
        program = self.serve("--pty", self.link, wrapper=mount)
        slave = os.stat(f"/proc/{program.pid}/root{os.readlink(self.link)}")
        self.assertEqual(slave.st_mode & 0o7777, 0o600)

    def test_groups_that_cannot_be(self):
        config = self.folder / "postmodem.conf"
        for group in ("no-such-group", "-1", "4294967295"):
            config.write_text(f"[port.1]\npty = {self.link}\ngroup = {group}\n")
            status, output, errors = self.run_program("serve", "--config", config)
            self.assertEqual((status, output), (2, ""))
            self.assertIn(f"{config}:3: port.1.group: there is no group {group}\n", errors)
            self.assertFalse(os.path.lexists(self.link))

    def test_a_program_that_is_not_in_the_group(self):
        """Its own group and those it has besides are all it may give the pty to."""
        harness.needs_root()
        home = self.folder / "home"
        home.mkdir()
        os.chown(home, NOBODY, NOBODY)
        self.link = home / "modem"
        # The one that is tested may lie where this user cannot go.
        program = shutil.copy(program_path(), self.folder / "postmodem")

        def start(group):
            return subprocess.Popen(
                [program, "serve", "--pty", self.link, "--set", f"port.1.group={group}"],
                user=NOBODY, group=NOBODY, extra_groups=[54321, 54322], stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, cwd=home)
        for group in (0, 54320):
            refused = start(group)
            output, errors = refused.communicate(timeout=harness.SOON)
            self.assertEqual((refused.returncode, output), (2, ""))
            self.assertIn("--set: port.1.group: this program's user is not in group "
                          f"{group}\n", errors)
            self.assertFalse(os.path.lexists(self.link))
        for group in (NOBODY, 54322):
            with start(group) as running:
                try:
                    self.assertIn("ready usbat pty", running.stdout.readline())
                    self.assertEqual(self.slave(), (group, 0o660))
                    with contextlib.closing(PtyPort(self.link)) as port:
                        port.start().ok("AT")
                finally:
                    running.terminate()
            self.assertEqual(running.returncode, 0)

    def test_a_wrong_group_at_a_reload_changes_nothing(self):
        config = self.folder / "postmodem.conf"
        text = f"[port.1]\npty = {self.link}\n"
        config.write_text(text)
        program = self.serve("--config", config)
        slave = os.readlink(self.link)
        port = program.pty(self.link).start()
        port.ok('AT+QSMTPSUB=0,"still here"')
        config.write_text(text + "group = no-such-group\n")
        program.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: f"{config}:3: port.1.group: there is no group" in program.log(),
                   "the error")
        self.assertEqual(port.ok("AT+QSMTPSUB?"), ['+QSMTPSUB: 0,"still here"'])
        self.assertEqual(os.readlink(self.link), slave)


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
