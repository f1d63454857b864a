#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Servers that take the connection and then say nothing, or read nothing: the time-out of QSMTPPUT
ends it. Each takes a minute, the shortest time-out there is; so they all wait at the same time."""
import os
import socket
import ssl
import time

import harness
from certificates import Authority
from program import ProgramTest, activate, configure, write_mail
from sinks import Peer, Sink


# ---- silent ------------------------------------------------------------------------------------
def never(wire):
    wire.read_to_end()


def after_greeting(wire):
    wire.greet("STARTTLS")
    wire.read_to_end()


def in_the_handshake(wire):
    wire.greet("STARTTLS")
    wire.expect("STARTTLS")
    wire.send("220 go")
    wire.read_to_end()


def after_the_dot(wire):
    to_the_message(wire)
    wire.read_to_end()


# ---- the window stays shut -----------------------------------------------------------------------
def to_the_message(wire, *capabilities):
    wire.greet(*capabilities)
    for word in ("MAIL", "RCPT"):
        wire.expect(word)
        wire.send("250 ok")
    if "CHUNKING" not in capabilities:
        wire.expect("DATA")
        wire.send("354 go")


def shut_for_the_group(wire):
    wire.greet("PIPELINING")
    wire.stopping.wait()


def shut_for_the_message(wire):
    to_the_message(wire)
    wire.stopping.wait()


def shut_for_bdat(wire):
    to_the_message(wire, "CHUNKING")
    wire.stopping.wait()


class InTls:
    """A script inside TLS."""

    def __init__(self, script, certificate):
        self.script, self.__name__ = script, script.__name__ + " in TLS"
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*map(str, certificate))

    def __call__(self, wire):
        wire.connection = self.context.wrap_socket(wire.connection, server_side=True)
        self.script(wire)
        wire.connection.close()


# More than the kernel takes for a peer that does not read.
LARGE = 16 << 20


class SilentServer(ProgramTest):
    def fault_on_demand(self):
        """The silent server that the built-in catcher plays."""
        _, port = self.module("--catch", self.folder / "mails", name="catcher")
        activate(port)
        configure(port, ("fault-silent.example", 25))
        write_mail(port, ["b@example.com"])
        port.ok("AT+QSMTPPUT=60")
        return port

    def waiting_module(self, script, ssltype, attachment=0, recipients=1):
        """A module that sends such a mail to such a server: (name, program, port)."""
        name = script.__name__
        program, port = self.module(name=name.replace(" ", "-"), settings={"limits": "wide"})
        peer = Peer(script)
        # What is not read soon fills the window.
        peer.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.enterContext(peer)
        activate(port)
        configure(port, ("127.0.0.1", peer.port), ssltype)
        if ssltype:
            # The longest time for the handshake, beyond that of the whole send.
            port.ok('AT+QSSLCFG="negotiatetime",1,300')
        write_mail(port, [f"{'b' * 60}{i}@example.com" for i in range(recipients)])
        if attachment:
            port.upload("a.bin", harness.seeded_bytes(attachment))
            port.ok('AT+QSMTPATT=1,1,"a.bin"')
        program.before = self.belongings(program)
        port.ok("AT+QSMTPPUT=60")
        return name, program, port

    @staticmethod
    def belongings(program):
        """Open files, and kilobytes."""
        return len(os.listdir(f"/proc/{program.pid}/fd")), program.resident()

    def test_time_out(self):
        certificate = Authority(self.folder).issue()
        waiting = [self.waiting_module(*case) for case in [
            (never, 0), (never, 1), (after_greeting, 0), (in_the_handshake, 2), (after_the_dot, 0),
            (shut_for_the_group, 0, 0, 100), (shut_for_the_message, 0, LARGE), (shut_for_bdat, 0, LARGE),
            (InTls(shut_for_the_message, certificate), 1, LARGE),
            (InTls(shut_for_bdat, certificate), 1, LARGE)]]
        catcher = self.fault_on_demand()
        started = time.monotonic()
        # The module stays at its host's service.
        for port in [port for *_, port in waiting] + [catcher]:
            port.ok("AT")
            port.refused("AT+QSMTPPUT=60", 652)
            port.refused('AT+QSMTPSUB=0,"other"', 652)
            self.assertEqual(port.ok("AT+QSMTPSUB?"), ['+QSMTPSUB: 0,"TEST SMTP"'])
        for _, program, _ in waiting:
            program.wait_idle()  # whoever cannot go on waits, and does not try again and again
            program.stuck = program.resident()
        for case, program, port in waiting:
            self.assertEqual(port.mail_result(120), (658, 0), case)
            files, memory = program.before
            self.assertLess(program.resident() - program.stuck, 1024, case)
            # Much less than the mail, also where a sanitizer watches over all that TLS needs.
            self.assertLess(program.stuck - memory, LARGE // 1024, case)
            harness.wait_until(lambda: self.belongings(program)[0] <= files, "files that are closed")
        self.assertEqual(catcher.mail_result(120), (658, 0))
        self.assertGreater(time.monotonic() - started, 50)
        for port in [port for *_, port in waiting] + [catcher]:
            with Sink() as sink:
                configure(port, ("127.0.0.1", sink.port))
                self.assertEqual(port.send_mail(60), (0, 0))


if __name__ == "__main__":
    harness.main()
