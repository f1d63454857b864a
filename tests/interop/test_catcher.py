#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The built-in catcher: every mail becomes a file, nothing leaves the machine; and `demo`."""
import email
import email.policy
import re

import harness
from harness import seeded_bytes, wait_until
from program import ProgramTest, activate, configure, write_mail


class Catcher(ProgramTest):
    def setUp(self):
        super().setUp()
        self.box = self.folder / "mails"

    def caught(self, count=1):
        def look():
            new = self.box / "new"
            found = sorted(new.iterdir()) if new.is_dir() else []
            return found if len(found) >= count else None
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                for path in wait_until(look, "a caught mail")]

    def test_every_kind_of_connection(self):
        self.every_kind_of_connection("BDAT")

    def test_every_kind_of_connection_without_chunks(self):
        self.every_kind_of_connection("DATA", **{"smtp.chunking": "off"})

    def every_kind_of_connection(self, verb, **settings):
        trace = self.folder / "trace"
        _, port = self.module("--catch", self.box, "--trace", trace, settings=settings)
        activate(port)
        content = seeded_bytes(100_000)
        port.upload("RAM:a.bin", content)
        for ssltype, number in ((0, 25), (1, 465), (2, 587)):
            configure(port, ("mail.no-such-host.invalid", number), ssltype, ("anyone", "anything"))
            # A host that verifies is content as well: the catcher passes unless told otherwise.
            port.ok('AT+QSSLCFG="seclevel",1,1')
            write_mail(port, ["b@example.com", (3, "hidden@example.com")], f"ssltype {ssltype}")
            port.ok('AT+QSMTPATT=1,1,"RAM:a.bin"')
            self.assertEqual(port.send_mail(60), (0, 0))
        mails = self.caught(3)
        self.assertEqual(sorted(mail["Subject"] for mail in mails),
                         ["ssltype 0", "ssltype 1", "ssltype 2"])
        for mail in mails:
            # The envelope, Bcc included, stands in header lines of the catcher's own.
            self.assertIn("hidden@example.com", mail.as_string())
            self.assertNotIn("hidden", str(mail["To"]))
            _, part = mail.iter_parts()
            self.assertTrue(part.get_payload(decode=True) == content)
        self.assertEqual(re.findall(r" smtp > (DATA|BDAT)", trace.read_text()), [verb] * 3)

    def test_require_tls(self):
        _, port = self.module("--catch", self.box, settings={"mail.require_tls": "on"})
        activate(port)
        for ssltype, result in ((0, (665, 0)), (1, (0, 0)), (2, (0, 0))):
            configure(port, ("mail.example.com", 25), ssltype)
            write_mail(port, ["b@example.com"], f"ssltype {ssltype}")
            self.assertEqual(port.send_mail(60), result)
        mails = self.caught(2)
        self.assertEqual({mail["Subject"]: mail["X-Envelope-Require-TLS"] for mail in mails},
                         {"ssltype 1": "yes", "ssltype 2": "yes"})

    def test_utf8_and_dsn(self):
        trace = self.folder / "trace"
        _, port = self.module("--catch", self.box, "--trace", trace,
                              settings={"mail.dsn_notify": "failure,delay"})
        activate(port)
        configure(port, ("mail.example.com", 25))
        write_mail(port, ["j\u00f6rg@example.com"])
        self.assertEqual(port.send_mail(60), (0, 0))
        mail, = self.caught()
        self.assertEqual(mail["To"], "j\u00f6rg@example.com")
        lines = trace.read_text()
        self.assertRegex(lines, "MAIL FROM:<.*> .*SMTPUTF8")
        self.assertRegex(lines, "RCPT TO:<.*> .*NOTIFY=FAILURE,DELAY")

    def test_verification_on_request(self):
        _, port = self.module("--catch", self.box, settings={"catch_verify": "on"})
        activate(port)
        configure(port, ("mail.example.com", 465), 1, ("u", "p"))
        write_mail(port, ["b@example.com"])
        port.ok('AT+QSSLCFG="seclevel",1,1')
        port.upload("RAM:other.pem", b"not a certificate")
        port.ok('AT+QSSLCFG="cacert",1,"RAM:other.pem"')
        self.assertEqual(port.send_mail(60), (665, 0))
        port.upload("RAM:ca.pem", (self.box / "ca.pem").read_bytes())
        port.ok('AT+QSSLCFG="cacert",1,"RAM:ca.pem"')
        self.assertEqual(port.send_mail(60), (0, 0))
        self.caught()

    def test_limits_are_those_of_a_module(self):
        _, port = self.module("--catch", self.box)
        port.refused("AT+QSMTPBODY=0,10241", 664)


class Demo(ProgramTest):
    def test_demo(self):
        status, output, errors = self.run_program("demo")
        self.assertEqual(status, 0, errors)
        for part in ("AT+QSMTPPUT=", "+QSMTPPUT: 0,0", "Subject:", "CONNECT"):
            self.assertIn(part, output)
        self.assertEqual(output.count("+QSMTPPUT: 0,0"), 3)


if __name__ == "__main__":
    harness.main()
