#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Several modules in one program: each has its own ports, files, identity and mails."""
import os
import re
import resource
import select
import signal
import socket
import subprocess
import threading
import time

import harness
from atclient import TcpPort
from harness import wait_until
from program import ProgramTest, activate, configure, program_path, write_mail


def rack_file(folder, text):
    path = folder / "rack.conf"
    path.write_text(text)
    return path


class HeldServer:
    """An SMTP server that greets nobody until it is told to go on."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.come, self.on = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.on.set()
        self.listener.close()
        self.thread.join(harness.SOON)

    def wait_for_client(self):
        assert self.come.wait(harness.SOON)

    def go_on(self):
        self.on.set()

    def _serve(self):
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        with client, client.makefile("rwb") as wire:
            self.come.set()
            self.on.wait(harness.SOON)
            wire.write(b"220 a\r\n")
            wire.flush()
            in_data = False
            for line in wire:
                if in_data:
                    in_data = line != b".\r\n"
                    answer = None if in_data else b"250 kept\r\n"
                else:
                    in_data = line.upper().startswith(b"DATA")
                    answer = b"354 go\r\n" if in_data else b"250 ok\r\n"
                if answer:
                    wire.write(answer)
                    wire.flush()


class Rack(ProgramTest):
    def rack(self, text, *arguments, **options):
        program = self.serve("--config", rack_file(self.folder, text), *arguments, **options)
        wait_until(lambda: program.out.read_text().count("ready ") >= text.count("port."),
                   "all ready lines")
        program.ports = program._ready()
        return program


class Modules(Rack):
    def test_identity_files_and_settings_are_apart(self):
        program = self.rack(f"""
            state = {self.folder}/state
            [module pump7]
            port.1.tcp = 127.0.0.1:0
            [module boiler]
            port.1.tcp = 127.0.0.1:0
            identity.model = EC25
            """.replace("            ", ""))
        pump = program.tcp("pump7/usbat").start()
        boiler = program.tcp("boiler/usbat").start()
        self.assertNotEqual(pump.ok("AT+CGSN"), boiler.ok("AT+CGSN"))
        self.assertIn("AG35", str(pump.ok("AT+CGMM")))
        self.assertIn("EC25", str(boiler.ok("AT+CGMM")))
        pump.upload("UFS:log.txt", b"hot")
        self.assertIn("log.txt", str(pump.ok('AT+QFLST="UFS:*"')))
        self.assertNotIn("log.txt", str(boiler.ok('AT+QFLST="*"')))
        self.assertTrue((self.folder / "state/pump7/ufs/log.txt").exists())
        activate(pump)
        configure(pump, ("mail.example.com", 25))
        self.assertNotIn("mail.example.com", str(boiler.ok('AT+QSMTPCFG="smtpserver"')))

    def test_log_and_trace_tell_the_module(self):
        trace = self.folder / "trace"
        program = self.rack(f"""
            port.1.tcp = 127.0.0.1:0
            catch = {self.folder}/mails
            trace = {trace}
            [module pump7]
            [module boiler]
            """.replace("            ", ""), ready=False)
        program.ports = wait_until(program._ready, "ready lines")
        for name in ("pump7", "boiler"):
            port = program.tcp(f"{name}/usbat").start()
            activate(port)
            configure(port, ("mail.example.com", 25))
            write_mail(port, [f"{name}@example.com"])
            self.assertEqual(port.send_mail(), (0, 0))
        program.stop()
        text = trace.read_text()
        for name in ("pump7", "boiler"):
            self.assertRegex(text, rf" {name}/usbat > AT\+QSMTPPUT=300")
            self.assertRegex(text, rf" {name}/smtp > RCPT TO:<{name}@example.com>")
            self.assertRegex(program.log(), rf"postmodem: info: {name}: ")
        mails = [path.read_text() for path in (self.folder / "mails/new").iterdir()]
        self.assertEqual(sorted(re.findall(r"(?m)^X-Envelope-Module: (.*)$", "".join(mails))),
                         ["boiler", "pump7"])

    def test_refusals(self):
        cases = {
            "port.1.tcp = 7001\n[module a]\n[module b]\n": r"both want the port 7001",
            f"port.1.tcp = 0\n[module a]\nstate = {self.folder}/x\n"
            f"[module b]\nstate = {self.folder}/x\n": r"both want the directory",
            "[module a]\nport.1.tcp = 0\n[module b]\n": r"b: no port",
            "[module a]\nport.1.tcp = x\n": r"rack.conf:2: port.1.tcp",
        }
        for text, message in cases.items():
            with self.subTest(text=text):
                status, _, errors = self.run_program("serve", "--config",
                                                     rack_file(self.folder, text))
                self.assertEqual(status, 2)
                self.assertTrue(re.search(message, errors), errors)

    def test_a_directory_by_two_names_is_one(self):
        (self.folder / "x").mkdir()
        (self.folder / "y").symlink_to("x")
        status, _, errors = self.run_program("serve", "--config", rack_file(self.folder, f"""
port.1.tcp = 0
[module a]
state = {self.folder}/x
[module b]
state = {self.folder}/y
"""))
        self.assertEqual(status, 2)
        self.assertIn("both want the directory", errors)

    def test_one_maildir_and_each_its_own_settings(self):
        program = self.rack(f"""
            port.1.tcp = 127.0.0.1:0
            catch = {self.folder}/mails
            [module a]
            [module b]
            catch_faults = off
            """.replace("            ", ""), ready=False)
        program.ports = wait_until(program._ready, "ready lines")
        for name, result in (("a", (653, 0)), ("b", (0, 0))):
            port = program.tcp(f"{name}/usbat").start()
            activate(port)
            configure(port, ("fault-resolve.example", 25))
            write_mail(port, ["c@example.com"])
            self.assertEqual(port.send_mail(), result)

    def test_too_few_descriptors(self):
        text = "port.1.tcp = 127.0.0.1:0\n" + "".join(f"[module m{i}]\n" for i in range(100))
        config = rack_file(self.folder, text)
        limit = (100, 100)
        result = subprocess.run([program_path(), "serve", "--config", config],
                                capture_output=True, text=True, timeout=harness.SOON, check=False,
                                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE,
                                                                      limit))
        self.assertEqual(result.returncode, 1)
        self.assertIn("100 modules keep 140 descriptors open, and the limit is 100",
                      result.stderr)

    def test_soft_limit_is_raised(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE,
                        resource.getrlimit(resource.RLIMIT_NOFILE))
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        program = self.serve("--tcp", "127.0.0.1:0")
        self.assertEqual(resource.prlimit(program.pid, resource.RLIMIT_NOFILE), (hard, hard))

    def test_hosts_without_a_descriptor_wait(self):
        """The program has none left: it says so, does not spin, and serves when there is one."""
        program = self.rack("[module a]\nport.1.tcp = 127.0.0.1:0\n"
                            "[module b]\nport.1.tcp = 127.0.0.1:0\n")
        first = program.tcp("a/usbat").start()
        most = count_descriptors(program)
        _, hard = resource.prlimit(program.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (most, hard))
        second = TcpPort(program.address("b/usbat"))
        wait_until(lambda: "a host must wait" in program.log(), "a host that waits")
        first.ok("AT")
        before = processor_time(program)
        second.write(b"AT\r")
        self.assertEqual(select.select([second], [], [], 0.5)[0], [])
        self.assertLess(processor_time(program) - before, 0.2)
        resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (most + 10, hard))
        self.assertIn("OK", second.answer().final)
        second.close()


def processor_time(program):
    with open(f"/proc/{program.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Mistakes(Rack):
    def test_control_characters_do_not_reach_the_terminal(self):
        """Of the file, in the message that says what is wrong with it; other characters do."""
        path = rack_file(self.folder, "port.1.tcp = 127.0.0.1:0\nPumpe 7 \u20ac\x1b[2J\x9b1m = 1\n")
        status, _, errors = self.run_program("serve", "--config", path)
        self.assertEqual(status, 2)
        self.assertIn("unknown key Pumpe 7 \u20ac\\x1B[2J\\xC2\\x9B1m (", errors)
        self.assertNotRegex(errors.rstrip("\n"), r"[\x00-\x1f\x7f-\x9f]")


class Reload(Rack):
    """SIGHUP: from the running modules to those of the present file."""

    COMMON = "drain_seconds = 20\nsmtp.sender_email = a@example.com\n"

    def running(self, *modules, **options):
        program = self.rack(self.text(*modules), **options)
        return program

    def text(self, *modules, extra=""):
        return self.COMMON + extra + "".join(
            f"[module {name}]\nport.1.tcp = 127.0.0.1:{port}\n{more}"
            for name, port, more in modules)

    def reload(self, program, text, message):
        before = program.log().count(message)
        rack_file(self.folder, text)
        program.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: program.log().count(message) > before, message)

    @staticmethod
    def port(number):
        return TcpPort(("127.0.0.1", number)).start()

    def test_new_modules_start_and_removed_ones_leave(self):
        a, b, c = (harness.free_port() for _ in range(3))
        program = self.running(("a", a, ""), ("b", b, ""))
        first = self.port(a)
        first.write(b"AT+QSMTPSUB=0,\"still")  # half a line: the dialogue of `a` goes on over it
        second = self.port(b)
        self.reload(program, self.text(("a", a, ""), ("c", c, "")), "c: started")
        third = self.port(c)
        self.assertIn("ready c/usbat tcp", program.out.read_text())
        third.ok("AT")
        self.assertEqual(end_of(second), b"")
        wait_until(lambda: refused(b), "a closed port of b")
        first.write(b" here\"\r")
        first.answer()
        self.assertEqual(first.ok("AT+QSMTPSUB?"), ['+QSMTPSUB: 0,"still here"'])
        self.assertIn("b: not in the configuration any more", program.log())
        self.assertNotIn("a: started", program.log())

    def test_removed_module_finishes_its_mail(self):
        a, b = harness.free_port(), harness.free_port()
        with HeldServer() as server:
            program = self.running(("a", a, ""), ("b", b, ""))
            port = self.port(b)
            activate(port)
            configure(port, server.address)
            write_mail(port, ["c@example.com"])
            port.ok("AT+QSMTPPUT=300")
            server.wait_for_client()
            self.reload(program, self.text(("a", a, "")), "b: not in the configuration any more")
            self.port(a).ok("AT")  # the others are served meanwhile
            server.go_on()
            self.assertEqual(port.mail_result(), (0, 0))
            self.assertEqual(end_of(port), b"")
            self.assertTrue(program.running())

    def test_changed_module_starts_again_with_its_files(self):
        a, b = harness.free_port(), harness.free_port()
        state = f"state = {self.folder}/state\n"
        program = self.rack(self.text(("a", a, ""), ("b", b, ""), extra=state))
        stays = self.port(a)
        port = self.port(b)
        port.upload("UFS:x", b"123")
        self.reload(program, self.text(("a", a, ""), ("b", b, "identity.model = EC25\n"),
                                       extra=state), "b: started")
        self.assertIn("b: identity.model has changed", program.log())
        self.assertEqual(end_of(port), b"")
        port = self.port(b)
        self.assertEqual(port.ok("AT+CGMM"), ["EC25"])
        self.assertEqual(port.ok('AT+QFLST="UFS:x"'), ['+QFLST: "UFS:x",3'])
        stays.ok("AT")

    def test_a_port_moves_from_one_module_to_another(self):
        a, b = harness.free_port(), harness.free_port()
        program = self.running(("a", a, ""), ("b", b, ""))
        self.reload(program, self.text(("a", b, ""), ("b", a, "identity.model = EC25\n")),
                    "b: started")
        wait_until(lambda: "a: started" in program.log(), "module a")
        self.assertEqual(self.port(a).ok("AT+CGMM"), ["EC25"])
        self.assertEqual(self.port(b).ok("AT+CGMM"), ["AG35"])

    def test_a_port_moves_and_becomes_another_kind(self):
        a, b = harness.free_port(), harness.free_port()
        program = self.running(("a", a, ""))
        self.reload(program, self.COMMON + f"[module b]\nport.1.rfc2217 = 127.0.0.1:{a}\n"
                    f"[module a]\nport.1.tcp = 127.0.0.1:{b}\n", "b: started")
        self.assertNotIn("not started", program.log())
        wait_until(lambda: "a: started" in program.log(), "module a")

    def test_a_broken_file_changes_nothing(self):
        a, b = harness.free_port(), harness.free_port()
        program = self.running(("a", a, ""))
        port = self.port(a)
        for text, message in ((self.text(("b", b, "")) + "nonsense = 1\n",
                               "rack.conf:5: unknown key nonsense"),
                              (self.text(("a", a, ""), ("b", a, "")), "both want the port"),
                              (self.text(("a", a, "")) + "tls.ca_file = /gone\n",
                               "rack.conf:5: a: tls.ca_file: /gone: "),
                              ("", "no port")):
            self.reload(program, text, message)
            self.assertIn("nothing is changed", program.log())
            port.ok("AT")
        self.reload(program, self.text(("a", a, ""), ("b", b, "")), "b: started")
        port.ok("AT")

    def test_more_than_there_are_descriptors_for(self):
        a = harness.free_port()
        program = self.running(("a", a, ""))
        resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (200, 200))
        many = self.text(("a", a, "")) + "".join(
            f"[module m{i}]\nstate = {self.folder}/m{i}\nport.1.tcp = 127.0.0.1:0\n"
            for i in range(100))
        self.reload(program, many, "nothing is changed")
        self.assertIn("and the limit is 200", program.log())
        self.port(a).ok("AT")

    def test_one_that_cannot_start_leaves_the_others_alone(self):
        a, b = harness.free_port(), harness.free_port()
        program = self.running(("a", a, ""))
        port = self.port(a)
        with socket.create_server(("127.0.0.1", b)):
            self.reload(program, self.text(("a", a, ""), ("b", b, "")), "not started: b: ")
            port.ok("AT")
        self.reload(program, self.text(("a", a, ""), ("b", b, "")), "b: started")
        self.port(b).ok("AT")

    def test_a_reload_while_modules_start(self):
        """It is done when they have started; the trace holds the start up until it has a reader."""
        trace = self.folder / "trace"
        os.mkfifo(trace)
        path = rack_file(self.folder, self.text(("a", harness.free_port(), ""),
                                                extra=f"trace = {trace}\n"))
        program = harness.Process([program_path(), "serve", "--config", path],
                                  self.folder / "program.log")
        self.addCleanup(program.stop)
        wait_until(lambda: holds_back_sighup(program.pid), "a program that starts")
        program.popen.send_signal(signal.SIGHUP)
        with open(os.open(trace, os.O_RDONLY | os.O_NONBLOCK), "rb"):
            wait_until(lambda: "SIGHUP: the configuration is read again" in program.log(),
                       "the reload")
            self.assertTrue(program.running())

    def test_one_that_cannot_start_again_goes_on_as_before(self):
        a, b = harness.free_port(), harness.free_port()
        state = f"state = {self.folder}/state\n"
        program = self.rack(self.text(("a", a, ""), extra=state))
        self.port(a).upload("UFS:x", b"123")
        more = self.text(("a", a, f"port.2.tcp = 127.0.0.1:{b}\nidentity.model = EC25\n"), extra=state)
        for _ in range(2):
            with socket.create_server(("127.0.0.1", b)):
                self.reload(program, more, "a: started")
            self.assertRegex(program.log(), "not started: a: .*; its former settings hold on")
            port = self.port(a)
            self.assertEqual(port.ok("AT+CGMM"), ["AG35"])
            self.assertEqual(port.ok('AT+QFLST="UFS:x"'), ['+QFLST: "UFS:x",3'])
            port.close()
        self.reload(program, more, "a: started")
        self.assertEqual(self.port(a).ok("AT+CGMM"), ["EC25"])
        self.assertEqual(self.port(b).ok("AT+CGMM"), ["EC25"])

    def test_reloads_on_each_others_heels(self):
        """Whenever the next one comes: the settings that worked last are not forgotten."""
        a, b = harness.free_port(), harness.free_port()
        program = self.running(("a", a, ""))
        more = self.text(("a", a, f"port.2.tcp = 127.0.0.1:{b}\n"))
        with socket.create_server(("127.0.0.1", b)):
            rack_file(self.folder, more)
            for _ in range(10):
                for _ in range(100):
                    program.popen.send_signal(signal.SIGHUP)
                    time.sleep(0.0002)
                program.wait_idle()
                port = self.port(a)
                port.ok("AT")
                port.close()
            self.assertIn("its former settings hold on", program.log())

    def test_a_program_without_modules_ends(self):
        """The only one could not start again, not even as it was; SIGTERM still ends the program."""
        a, b = harness.free_port(), harness.free_port()
        card = self.folder / "card"
        card.mkdir()
        program = self.running(("a", a, f"sd = {card}\n"))
        card.rmdir()
        with socket.create_server(("127.0.0.1", b)):
            self.reload(program, self.text(("a", b, "")), "former settings hold on")
            wait_until(lambda: program.log().count("not started: a: ") == 2, "the second failure")
            wait_until(lambda: refused(a), "a closed port of a")
            program.popen.send_signal(signal.SIGTERM)
            self.assertEqual(program.popen.wait(harness.SOON), 0)

    def test_many_reloads_leave_nothing_behind(self):
        a, b = harness.free_port(), harness.free_port()
        state = f"state = {self.folder}/state\n"
        program = self.rack(self.text(("a", a, ""), extra=state))
        descriptors = count_descriptors(program)
        for _ in range(20):
            self.reload(program, self.text(("a", a, ""), ("b", b, ""), extra=state), "b: started")
            port = self.port(b)
            port.upload("RAM:x", b"x")
            self.reload(program, self.text(("a", a, ""), extra=state), "b: not in the conf")
            self.assertEqual(end_of(port), b"")
            port.close()
            wait_until(lambda: refused(b), "a closed port of b")
        wait_until(lambda: count_descriptors(program) == descriptors, "no more descriptors")


def end_of(port):
    """What is left to be read until the module closes the port."""
    port.socket.settimeout(harness.SOON)
    rest = b""
    while piece := port.socket.recv(4096):
        rest += piece
    return rest


def holds_back_sighup(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        blocked = next(line for line in file if line.startswith("SigBlk:"))
    return int(blocked.split()[1], 16) >> (signal.SIGHUP - 1) & 1 == 1


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


def count_descriptors(program):
    return len(os.listdir(f"/proc/{program.pid}/fd"))


if __name__ == "__main__":
    harness.main()
