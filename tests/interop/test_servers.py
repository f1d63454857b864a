#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The test servers themselves, proven with Python's own client: what the module's tests rely on."""
import smtplib
import ssl
import unittest

import harness
from certificates import Authority
from postfix import Postfix

MESSAGE = (b"From: a@example.com\r\nTo: b@example.com\r\nSubject: probe\r\n\r\n"
           b"one\r\n..two\r\n" + b"x" * 900 + b"\r\n")


class PostfixServer(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.share()
        cls.authority = Authority(cls.shared.folder)
        cls.postfix = cls.shared.enter_context(Postfix(cls.shared.folder, cls.authority))

    def test_plain_mail_arrives_unchanged(self):
        with self.postfix.probe("plain") as client:
            client.sendmail("a@example.com", ["b@plain.test", "c@plain.test"], MESSAGE)
        for recipient in ("b@plain.test", "c@plain.test"):
            mail, = self.postfix.received(recipient)
            self.assertEqual(mail.raw, MESSAGE)
            self.assertEqual((mail.sender, mail.recipient), ("a@example.com", recipient))

    def test_refused_recipient(self):
        with self.postfix.probe("plain") as client:
            client.helo()
            client.mail("a@example.com")
            self.assertEqual(client.rcpt("refused@plain.test")[0], 550)
            self.assertEqual(client.rcpt("other@plain.test")[0], 250)

    def test_starttls_and_auth(self):
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        with self.postfix.probe("submission") as client:
            client.starttls(context=context)
            client.login("user@example.com", "secret")
            client.sendmail("a@example.com", ["b@starttls.test"], MESSAGE)
        mail, = self.postfix.received("b@starttls.test")
        self.assertEqual(mail.raw, MESSAGE)

    def test_wrong_password(self):
        with self.postfix.probe("smtps") as client:
            with self.assertRaises(smtplib.SMTPAuthenticationError) as caught:
                client.login("user@example.com", "wrong")
            self.assertEqual(caught.exception.smtp_code, 535)

    def test_implicit_tls(self):
        with self.postfix.probe("smtps") as client:
            client.login("user@example.com", "secret")
            client.sendmail("a@example.com", ["b@smtps.test"], MESSAGE)
        self.assertEqual(self.postfix.count("b@smtps.test"), 1)


if __name__ == "__main__":
    harness.main()
