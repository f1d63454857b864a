#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The in-process servers and the AT client's helpers, proven with Python's own clients."""
import smtplib
import ssl

import harness
from atclient import checksum
from certificates import Authority
from sinks import Peer, Sink

MESSAGE = b"From: a@example.com\r\nSubject: probe\r\n\r\n.\r\n..two\r\n\xe4\r\n"


class Sinks(harness.TestCase):
    def send(self, client, recipient="b@example.com"):
        client.sendmail("a@example.com", [recipient], MESSAGE)

    def test_plain(self):
        with Sink() as sink:
            with smtplib.SMTP("127.0.0.1", sink.port, timeout=20) as client:
                self.send(client)
            mail, = sink.received()
        self.assertEqual((mail.raw, mail.sender, mail.recipients, mail.tls),
                         (MESSAGE, "a@example.com", ["b@example.com"], False))

    def test_tls_and_auth(self):
        authority = Authority(self.folder)
        context = ssl.create_default_context(cafile=str(authority.certificate))
        for implicit in (False, True):
            with Sink(authority.issue(), implicit, users={"u": "p"}) as sink:
                if implicit:
                    client = smtplib.SMTP_SSL("localhost", sink.port, timeout=20, context=context)
                else:
                    client = smtplib.SMTP("localhost", sink.port, timeout=20)
                    client.starttls(context=context)
                with client:
                    with self.assertRaises(smtplib.SMTPAuthenticationError):
                        client.login("u", "wrong")
                    client.login("u", "p")
                    self.send(client)
                mail, = sink.received()
            self.assertEqual((mail.raw, mail.tls, mail.user), (MESSAGE, True, "u"))

    def test_refused_recipient(self):
        with Sink(refuse={"no@example.com": "550 5.1.1 no"}) as sink:
            with smtplib.SMTP("127.0.0.1", sink.port, timeout=20) as client:
                with self.assertRaises(smtplib.SMTPRecipientsRefused):
                    self.send(client, "no@example.com")

    def test_validity_dates(self):
        authority = Authority(self.folder)
        old = authority.issue(start="20200101000000Z", end="20200201000000Z")
        context = ssl.create_default_context(cafile=str(authority.certificate))
        with Sink(old, implicit=True) as sink:
            with self.assertRaisesRegex(ssl.SSLCertVerificationError, "expired"):
                smtplib.SMTP_SSL("localhost", sink.port, timeout=20, context=context)

    def test_scripted_peer(self):
        def script(wire):
            wire.greet("SIZE")
            wire.expect("MAIL FROM:<a@example.com>")
            wire.send("250 ok")
            wire.expect("RCPT")
        with Peer(script) as peer:
            client = smtplib.SMTP("127.0.0.1", peer.port, timeout=20, local_hostname="here")
            with self.assertRaises(smtplib.SMTPServerDisconnected):
                self.send(client)

    def test_peer_tells_what_it_missed(self):
        def script(wire):
            wire.send("220 peer")
            wire.expect("HELO")
        with self.assertRaisesRegex(AssertionError, "waited for 'HELO'"):
            with Peer(script) as peer:
                with self.assertRaises(smtplib.SMTPServerDisconnected):
                    smtplib.SMTP("127.0.0.1", peer.port, timeout=20).ehlo("x")

    def test_checksum(self):
        for data, value in ((b"", "0"), (b"A", "4100"), (b"ABC", "242"), (b"hello", "6b09"),
                            (b"Hello world!\r\n", "2701"), (bytes(range(256)), "0")):
            self.assertEqual(checksum(data), value)


if __name__ == "__main__":
    harness.main()
