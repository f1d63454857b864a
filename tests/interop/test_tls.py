#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Certificates and TLS versions: what is refused, what is taken, what AT+QSSLCFG changes."""
import ssl

import harness
from certificates import Authority
from hostile import reveals
from program import ProgramTest, activate, configure, trust, write_mail
from sinks import Witness

REFUSED = (665, 0)
SENT = (0, 0)
HOST = "localhost"
ACCOUNT = ("pump7", "secret word")


class Tls(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.share()
        cls.authority = Authority(cls.shared.folder)
        cls.good = cls.authority.issue()

    def send(self, certificate, prepare=None, host=HOST, implicit=True, settings=None,
             context=None):
        """The result of one mail to a sink with this certificate; it has seen the account of a mail that
        was sent, and of no other."""
        _, port = self.module(settings=settings)
        activate(port)
        sink = Witness(certificate, implicit, users=dict([ACCOUNT]))
        if context:
            context(sink.context)
        with sink:
            configure(port, (host, sink.port), 1 if implicit else 2, ACCOUNT)
            trust(port, self.authority)
            if prepare:
                prepare(port)
            write_mail(port, ["b@example.com"])
            result = port.send_mail(60)
            self.assertEqual(len(sink.mails), 1 if result == SENT else 0)
            for word in ACCOUNT:
                self.assertEqual(reveals(sink.heard, word), result == SENT)
        return result

    def both(self, expected, certificate, prepare=None, **options):
        for implicit in (True, False):
            with self.subTest(implicit=implicit):
                self.assertEqual(self.send(certificate, prepare, implicit=implicit, **options),
                                 expected)

    def test_good(self):
        self.both(SENT, self.good)

    def test_wrong_host_name(self):
        self.both(REFUSED, self.authority.issue(["DNS:other.test"]))

    def test_name_in_the_common_name_only(self):
        self.assertEqual(self.send(self.authority.issue(["email:a@example.com"])), REFUSED)

    def test_address_literal(self):
        self.assertEqual(self.send(self.good, host="127.0.0.1"), SENT)
        self.assertEqual(self.send(self.authority.issue(["DNS:localhost", "DNS:127.0.0.1"]),
                                   host="127.0.0.1"), REFUSED)

    def test_expired(self):
        old = self.authority.issue(start="20200101000000Z", end="20200201000000Z")
        self.both(REFUSED, old, lambda port: port.ok('AT+QSSLCFG="ignorelocaltime",1,0'))

    def test_not_yet_valid(self):
        new = self.authority.issue(start="20900101000000Z", end="20910101000000Z")
        self.both(REFUSED, new, lambda port: port.ok('AT+QSSLCFG="ignorelocaltime",1,0'))

    def test_expired_with_ignorelocaltime(self):
        old = self.authority.issue(start="20200101000000Z", end="20200201000000Z")

        def prepare(port):
            port.ok('AT+QSSLCFG="ignorelocaltime",1,1')
        self.assertEqual(self.send(old, prepare), SENT)
        # Safety for gateways: verify = always leaves no exception.
        self.assertEqual(self.send(old, prepare, settings={"tls.verify": "always"}), REFUSED)

    def test_seclevel_0_checks_nothing(self):
        stranger = Authority(self.folder, "Stranger").issue(["DNS:other.test"])

        def prepare(port):
            port.ok('AT+QSSLCFG="seclevel",1,0')
        self.both(SENT, stranger, prepare)
        self.assertEqual(self.send(stranger, prepare, settings={"tls.verify": "always"}), REFUSED)

    # ---- certificate files of the module ------------------------------------------------------------
    def test_missing_certificate_file(self):
        self.both(REFUSED, self.good,
                  lambda port: port.ok('AT+QSSLCFG="cacert",1,"RAM:nothere.pem"'))

    def test_damaged_certificate_file(self):
        def prepare(port):
            damaged = self.authority.certificate.read_bytes()[:-200] + b"!" * 200
            port.upload("RAM:bad.pem", damaged)
            port.ok('AT+QSSLCFG="cacert",1,"RAM:bad.pem"')
        self.both(REFUSED, self.good, prepare)

    def test_certificate_file_of_noise(self):
        def prepare(port):
            port.upload("RAM:bad.pem", harness.seeded_bytes(3000))
            port.ok('AT+QSSLCFG="cacert",1,"RAM:bad.pem"')
        self.assertEqual(self.send(self.good, prepare), REFUSED)

    def client_certificate(self, port):
        certificate, key = self.authority.issue(["email:pump7@example.com"])
        port.upload("RAM:client.pem", certificate.read_bytes())
        port.upload("RAM:client.key", key.read_bytes())
        port.ok('AT+QSSLCFG="clientcert",1,"RAM:client.pem"')
        port.ok('AT+QSSLCFG="clientkey",1,"RAM:client.key"')
        port.ok('AT+QSSLCFG="seclevel",1,2')

    def ask_for_client_certificate(self, context):
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(str(self.authority.certificate))

    def test_client_certificate(self):
        self.assertEqual(self.send(self.good, self.client_certificate,
                                   context=self.ask_for_client_certificate), SENT)

    def test_client_certificate_is_missing(self):
        err, _ = self.send(self.good, context=self.ask_for_client_certificate)
        # With TLS 1.3 the server's refusal comes after the client's handshake has ended.
        self.assertIn(err, (665, 656))

    # ---- versions ----------------------------------------------------------------------------------
    def negotiated(self, version, context=None):
        """The TLS version that the server saw, None if the mail was refused."""
        seen = []

        def watch(server):
            server.sni_callback = lambda sock, name, _: seen.append((sock, name))
            if context:
                context(server)
        result = self.send(self.good, lambda port: port.ok(f'AT+QSSLCFG="sslversion",1,{version}'),
                           context=watch)
        if result != SENT:
            self.assertEqual(result, REFUSED)
            return None
        sock, name = seen[0]
        self.assertEqual(name, HOST, "the server name was not sent")
        return sock.version()

    def test_old_versions_become_safe_ones(self):
        for version in (0, 1, 2, 4):
            with self.subTest(version=version):
                self.assertEqual(self.negotiated(version), "TLSv1.3")

    def test_sslversion_3_is_tls_1_2_alone(self):
        self.assertEqual(self.negotiated(3), "TLSv1.2")

        def only_1_3(context):
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.assertIsNone(self.negotiated(3, only_1_3))

    def test_tls_1_2_server(self):
        def only_1_2(context):
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.assertEqual(self.negotiated(4, only_1_2), "TLSv1.2")

    def test_tls_1_1_server_is_refused(self):
        def only_1_1(context):
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        for version in (2, 4):
            with self.subTest(version=version):
                self.assertIsNone(self.negotiated(version, only_1_1))

    def test_weak_suite_is_kept_for_the_query_only(self):
        # TLS_RSA_WITH_RC4_128_MD5
        def prepare(port):
            port.ok('AT+QSSLCFG="ciphersuite",1,0X0004')
            self.assertEqual(port.ok('AT+QSSLCFG="ciphersuite",1'),
                             ['+QSSLCFG: "ciphersuite",1,0X0004'])
        self.assertEqual(self.send(self.good, prepare), SENT)


if __name__ == "__main__":
    harness.main()
