# SPDX-License-Identifier: MIT
"""The real program, started and ended by a test; and a mail as a driver would build it."""
import os
import re
import signal
import subprocess

import harness
from atclient import PtyPort, TcpPort
from harness import SOON, Process, wait_until

READY = re.compile(r"^ready (\S+) (\S+) (.+)$", re.M)


def program_path():
    return os.environ.get("POSTMODEM", str(harness.ROOT / "build" / "postmodem"))


class Program(Process):
    """`postmodem serve ARGUMENTS`, ready to be talked to.

    ports       name -> (kind, address) from the ready lines
    settings    each becomes --set KEY=VALUE
    wrapper     a command that runs the program in its own place
    """

    def __init__(self, folder, *arguments, settings=None, ready=True, name="postmodem",
                 wrapper=(), **options):
        self.folder = folder
        self.out = folder / f"{name}.out"
        arguments = [*wrapper, program_path(), "serve", *map(str, arguments)]
        for key, value in (settings or {}).items():
            arguments += ["--set", f"{key}={value}"]
        self.open_ports = []
        with self.out.open("wb") as out:
            super().__init__(arguments, folder / f"{name}.log", stdout=out, **options)
        if ready:
            try:
                self.ports = wait_until(self._ready, "ready lines")
            except BaseException:
                self.kill()
                raise

    def _ready(self):
        found = READY.findall(self.out.read_text())
        wanted = sum(a in ("--tcp", "--pty", "--serial", "--stdio", "--rfc2217") for a in self.arguments)
        if len(found) >= max(wanted, 1):
            return {name: (kind, address) for name, kind, address in found}
        if not self.running():
            raise AssertionError(f"the program ended with {self.popen.returncode}: {self.log()}")
        return None

    def address(self, name="usbat"):
        host, _, port = self.ports[name][1].rpartition(":")
        return host.strip("[]"), int(port)

    def tcp(self, name="usbat"):
        port = TcpPort(self.address(name))
        self.open_ports.append(port)
        return port

    def pty(self, path):
        port = PtyPort(path)
        self.open_ports.append(port)
        return port

    def resident(self):
        """Kilobytes of memory that it has at this moment."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1])

    def wait_idle(self):
        """Until the program has done all it had to do: it has not run for a while."""
        seen = None

        def unchanged():
            nonlocal seen
            before, seen = seen, harness.activity(self.pid)
            return seen is not None and before == seen
        wait_until(unchanged, "an idle program", pause=0.15)

    def close_ports(self):
        for port in self.open_ports:
            port.close()
        self.open_ports.clear()

    def stop(self, seconds=SOON):
        """Ends the program and checks that it left cleanly: a sanitizer's finding would show."""
        self.close_ports()
        status = super().stop(seconds)
        if status != 0:
            raise AssertionError(f"the program left with status {status}:\n{self.log()[-4000:]}")
        return status


class ProgramTest(harness.TestCase):
    """A test that talks to the program."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not os.path.exists(program_path()):
            raise AssertionError(f"{program_path()} is not built")

    def serve(self, *arguments, **options):
        program = Program(self.folder, *arguments, **options)
        self.addCleanup(self._end, program)
        return program

    @staticmethod
    def _end(program):
        if program.running():
            program.stop()
        program.close_ports()

    def module(self, *arguments, **options):
        """A program with one TCP port, and that port after its first commands."""
        program = self.serve("--tcp", "127.0.0.1:0", *arguments, **options)
        return program, program.tcp().start()

    def run_program(self, *arguments, seconds=SOON):
        """A run that is expected to end by itself: (status, output, errors)."""
        result = subprocess.run([program_path(), *map(str, arguments)], capture_output=True,
                                text=True, errors="replace", timeout=seconds, check=False,
                                stdin=subprocess.DEVNULL)
        return result.returncode, result.stdout, result.stderr


def activate(port):
    """The PDP context, as before any mail."""
    port.ok('AT+QICSGP=1,1,"internet","","",1')
    port.ok("AT+QIACT=1")


def configure(port, address, ssltype=0, account=None, sender=("Pump 7", "pump7@example.com")):
    """Server and account."""
    port.ok('AT+QSMTPCFG="contextid",1')
    port.ok(f'AT+QSMTPCFG="ssltype",{ssltype}')
    port.ok('AT+QSMTPCFG="sslctxid",1')
    port.ok(f'AT+QSMTPCFG="smtpserver","{address[0]}",{address[1]}')
    port.ok('AT+QSMTPCFG="account","%s","%s"' % (account or ("", "")))
    port.ok('AT+QSMTPCFG="sender","%s","%s"' % sender)


def trust(port, authority):
    """The authority's certificate as a module file, and verification switched on."""
    port.upload("RAM:ca.pem", authority.certificate.read_bytes())
    port.ok('AT+QSSLCFG="sslversion",1,4')
    port.ok('AT+QSSLCFG="ciphersuite",1,0xFFFF')
    port.ok('AT+QSSLCFG="cacert",1,"RAM:ca.pem"')
    port.ok('AT+QSSLCFG="seclevel",1,1')


def write_mail(port, recipients, subject="TEST SMTP", body=b"Pump 7 is too hot.\r\n"):
    """Recipients (strings, or (type, address)), subject and body of a new draft."""
    port.ok("AT+QSMTPCLR")
    for recipient in recipients:
        kind, address = recipient if isinstance(recipient, tuple) else (1, recipient)
        port.ok(f'AT+QSMTPDST=1,{kind},"{address}"')
    port.ok(f'AT+QSMTPSUB=0,"{subject}"')
    port.body(body)


def interrupt(program):
    program.popen.send_signal(signal.SIGTERM)
