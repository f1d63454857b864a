#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Certificates of hostile servers, by their names and clocks, and the oldest versions of TLS; both
with TLS from the first byte and by STARTTLS. What else there is of this is in test_tls.py."""
import ssl

import harness
import hostile
from certificates import Authority, openssl
from nameserver import NameServer
from program import ProgramTest, activate, configure, trust, write_mail
from sinks import Witness

SENT, REFUSED = (0, 0), (665, 0)
LOOPBACK = "127.0.0.1"
IN_CLEAR = rb"\AEHLO [^\r\n]+\r\nSTARTTLS\r\n\Z"


def der_names(*names):
    """subjectAltName with these bytes as DNS names: openssl's own notation cannot write a NUL."""
    entries = b"".join(b"\x82" + bytes([len(name)]) + name for name in names)
    return "DER:" + (b"\x30" + bytes([len(entries)]) + entries).hex(":")


class Certificates(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.share()
        cls.authority = Authority(cls.shared.folder)
        cls.names = NameServer({name: [LOOPBACK] for name in (
            "mail.test", "x.a.test", "y.x.a.test", "foo.a.test", "a.test")})
        cls.names.__enter__()
        cls.addClassCleanup(cls.names.__exit__)

    def setUp(self):
        super().setUp()
        _, self.port = self.module(settings={"dns.servers": self.names.address, "urc_gap": "0"})
        activate(self.port)
        trust(self.port, self.authority)
        self.port.ok('AT+QSSLCFG="ignorelocaltime",1,0')
        self.account = (hostile.USER, hostile.PASSWORD)

    def send(self, host, certificate, context=None):
        """What comes of a mail, the same both ways; a refusal leaves no mail, and not a word within
        TLS."""
        results = set()
        for implicit in (True, False):
            sink = Witness(certificate, implicit, users=dict([self.account]))
            if context:
                context(sink.context)
            with sink:
                configure(self.port, (host, sink.port), 1 if implicit else 2, self.account)
                write_mail(self.port, ["b@example.com"])
                result = self.port.send_mail(60)
                self.assertEqual(len(sink.mails), 1 if result == SENT else 0)
                self.assertEqual(hostile.reveals(sink.heard, hostile.PASSWORD), result == SENT)
                if result != SENT:
                    self.assertRegex(bytes(sink.heard), rb"\A\Z" if implicit else IN_CLEAR)
            results.add(result)
        self.assertEqual(len(results), 1, results)
        return results.pop()

    def test_good(self):
        self.assertEqual(self.send("mail.test", self.authority.issue(["DNS:mail.test"])), SENT)

    def test_self_signed(self):
        folder = self.folder
        openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "own.key",
                "-out", "own.pem", "-subj", "/CN=mail.test", "-addext",
                "subjectAltName=DNS:mail.test")
        self.assertEqual(self.send("mail.test", (folder / "own.pem", folder / "own.key")), REFUSED)

    def test_other_authority_of_the_same_name(self):
        other = Authority(self.folder, "Postmodem test CA")
        self.assertEqual(self.send("mail.test", other.issue(["DNS:mail.test"])), REFUSED)

    def test_common_name_beside_other_names(self):
        certificate = self.authority.issue(["DNS:other.test"], common_name="mail.test")
        self.assertEqual(self.send("mail.test", certificate), REFUSED)

    def test_common_name_alone(self):
        self.assertEqual(self.send("mail.test", self.authority.issue((), common_name="mail.test")), SENT)
        self.assertEqual(self.send("mail.test", self.authority.issue((), common_name="other.test")), REFUSED)
        address = self.authority.issue(["IP:127.0.0.1"], common_name="mail.test")
        self.assertEqual(self.send("mail.test", address), SENT)
        self.assertEqual(self.send(LOOPBACK, self.authority.issue((), common_name=LOOPBACK)), REFUSED)

    def test_wildcards(self):
        whole = self.authority.issue(["DNS:*.a.test"])
        self.assertEqual(self.send("x.a.test", whole), SENT)
        self.assertEqual(self.send("y.x.a.test", whole), REFUSED)
        self.assertEqual(self.send("a.test", whole), REFUSED)
        self.assertEqual(self.send("foo.a.test", self.authority.issue(["DNS:f*.a.test"])), REFUSED)
        self.assertEqual(self.send("x.a.test", self.authority.issue(["DNS:x.*.test"])), REFUSED)
        self.assertEqual(self.send("a.test", self.authority.issue(["DNS:*"])), REFUSED)

    def test_nul_in_a_name(self):
        honest = self.authority.issue([der_names(b"mail.test")])
        self.assertEqual(self.send("mail.test", honest), SENT)
        for name in (b"mail.test\0.evil.test", b"evil.test\0mail.test", b"mail.test\0"):
            with self.subTest(name=name):
                self.assertEqual(self.send("mail.test", self.authority.issue([der_names(name)])),
                                 REFUSED)

    def test_address_in_a_name(self):
        certificate = self.authority.issue(["DNS:127.0.0.1", "DNS:*.0.0.1"])
        self.assertEqual(self.send(LOOPBACK, certificate), REFUSED)
        self.assertEqual(self.send(LOOPBACK, self.authority.issue(["IP:127.0.0.1"])), SENT)

    def test_wrong_clock_of_the_module(self):
        """What AT+CCLK says counts for nothing."""
        good = self.authority.issue(["DNS:mail.test"])
        old = self.authority.issue(["DNS:mail.test"], "20200101000000Z", "20200201000000Z")
        for clock in ("20/01/15,12:00:00+00", "70/01/01,00:00:00+00", "99/12/31,23:59:59+00"):
            with self.subTest(clock=clock):
                self.port.ok(f'AT+CCLK="{clock}"')
                self.assertEqual(self.send("mail.test", good), SENT)
                self.assertEqual(self.send("mail.test", old), REFUSED)

    def test_old_versions(self):
        certificate = self.authority.issue(["DNS:mail.test"])
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            def only(context, version=version):
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.minimum_version = context.maximum_version = version
            with self.subTest(version=version):
                self.assertEqual(self.send("mail.test", certificate, only), REFUSED)


if __name__ == "__main__":
    harness.main()
