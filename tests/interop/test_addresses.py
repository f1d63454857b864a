#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A mail server with addresses of both families, whose name server answers for one of them late (RFC 8305)."""
import harness
from harness import wait_until
from nameserver import A, AAAA, NameServer
from program import ProgramTest, configure, write_mail
from sinks import Sink

NAMES = {"mail.test": ["::1", "127.0.0.1"]}


class WatchfulSink(Sink):
    """Knows what a name server had been asked when the program came."""

    def __init__(self, names, **options):
        super().__init__(**options)
        self.names = names

    def _protocol(self):
        self.asked = list(self.names.asked)
        return super()._protocol()


class LateAddresses(ProgramTest):
    def begin(self, sink, names):
        """A mail to mail.test, under way."""
        self.program, self.port = self.module(settings={"dns.servers": names.address})
        self.port.ok('AT+QICSGP=1,3,"internet","","",0')
        self.port.ok("AT+QIACT=1")
        configure(self.port, ("mail.test", sink.port))
        write_mail(self.port, ["b@example.com"])
        self.port.ok("AT+QSMTPPUT=60")

    def sent_without(self, kind, address):
        with NameServer(NAMES, hold=kind) as names, WatchfulSink(names, address=address) as sink:
            self.begin(sink, names)
            self.assertEqual(self.port.mail_result(60), (0, 0))
            self.assertEqual(len(sink.mails), 1)
            # Nobody has waited until the question was asked again. The other family's answer may
            # have been used before this server had read it at all.
            self.assertLessEqual(sink.asked.count(("mail.test", kind)), 1)
            wait_until(lambda: names.held, "the question that has no answer")

    def test_no_answer_for_ipv6(self):
        self.sent_without(AAAA, "127.0.0.1")

    def test_no_answer_for_ipv4(self):
        self.sent_without(A, "::1")

    def sent_after(self, kind, address, other):
        with Sink(address=address) as sink, NameServer(NAMES, hold=kind) as names:
            self.begin(sink, names)
            wait_until(lambda: f"cannot connect to mail.test at {other}:" in self.program.log(),
                       "a failed connect")
            names.release()
            self.assertEqual(self.port.mail_result(60), (0, 0))
            self.assertEqual(len(sink.mails), 1)

    def test_ipv6_comes_late(self):
        self.sent_after(AAAA, "::1", "127.0.0.1")

    def test_ipv4_comes_late(self):
        self.sent_after(A, "127.0.0.1", "[::1]")


if __name__ == "__main__":
    harness.main()
