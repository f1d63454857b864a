#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Servers that take the connection and then say nothing: the time-out of QSMTPPUT ends it. Each
takes a minute, the shortest time-out there is; so they all wait at the same time."""
import time

import harness
from program import ProgramTest, activate, configure, write_mail
from sinks import Peer, Sink


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
    wire.greet()
    for word in ("MAIL", "RCPT"):
        wire.expect(word)
        wire.send("250 ok")
    wire.expect("DATA")
    wire.send("354 go")
    wire.read_to_end()


class SilentServer(ProgramTest):
    def fault_on_demand(self):
        """The silent server that the built-in catcher plays."""
        _, port = self.module("--catch", self.folder / "mails", name="catcher")
        activate(port)
        configure(port, ("fault-silent.example", 25))
        write_mail(port, ["b@example.com"])
        port.ok("AT+QSMTPPUT=60")
        return port

    def test_time_out(self):
        cases = [(never, 0), (never, 1), (after_greeting, 0), (in_the_handshake, 2),
                 (after_the_dot, 0)]
        waiting = []
        for number, (script, ssltype) in enumerate(cases):
            _, port = self.module(name=f"case{number}")
            peer = Peer(script)
            peer.__enter__()
            self.addCleanup(peer.__exit__, None)
            activate(port)
            configure(port, ("127.0.0.1", peer.port), ssltype)
            if ssltype:
                # The longest time for the handshake, beyond that of the whole send.
                port.ok('AT+QSSLCFG="negotiatetime",1,300')
            write_mail(port, ["b@example.com"])
            port.ok("AT+QSMTPPUT=60")
            waiting.append((script.__name__, port))
        waiting.append(("fault on demand", self.fault_on_demand()))
        started = time.monotonic()
        # The module stays at its host's service.
        for _, port in waiting:
            port.ok("AT")
            port.refused("AT+QSMTPPUT=60", 652)
            port.refused('AT+QSMTPSUB=0,"other"', 652)
            self.assertEqual(port.ok("AT+QSMTPSUB?"), ['+QSMTPSUB: 0,"TEST SMTP"'])
        for case, port in waiting:
            self.assertEqual(port.mail_result(120), (658, 0), case)
        self.assertGreater(time.monotonic() - started, 50)
        for _, port in waiting:
            with Sink() as sink:
                configure(port, ("127.0.0.1", sink.port))
                self.assertEqual(port.send_mail(60), (0, 0))


if __name__ == "__main__":
    harness.main()
