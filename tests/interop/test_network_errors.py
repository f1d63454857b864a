#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Servers that are absent, refuse, misbehave or die: each ends in the result of the spec, and the
module goes on working."""
import harness
from harness import free_port, seeded_bytes
from nameserver import NameServer
from program import ProgramTest, activate, configure, write_mail
from sinks import Peer, Sink

LOOPBACK = "127.0.0.1"


def to_data(wire, *capabilities):
    """The dialogue up to the go-ahead for the content."""
    wire.greet(*capabilities)
    wire.expect("MAIL FROM:<pump7@example.com>")
    wire.send("250 2.1.0 ok")
    wire.expect("RCPT TO:<b@example.com>")
    wire.send("250 2.1.5 ok")
    wire.expect("DATA")
    wire.send("354 go ahead")


def content(wire):
    """Takes the content up to its final dot."""
    while wire.line() != ".":
        pass


class Sending(ProgramTest):
    """A module with its context active, and one mail to be sent."""

    def start(self, **settings):
        self.program, self.port = self.module(settings=settings)
        activate(self.port)

    def send_to(self, host, number, ssltype=0, account=None, attachment=0):
        configure(self.port, (host, number), ssltype, account)
        write_mail(self.port, ["b@example.com"])
        if attachment:
            self.port.upload("RAM:a.bin", seeded_bytes(attachment))
            self.port.ok('AT+QSMTPATT=1,1,"RAM:a.bin"')
        return self.port.send_mail(60)

    def play(self, script, **options):
        with Peer(script) as peer:
            return self.send_to(LOOPBACK, peer.port, **options)

    def check_still_works(self):
        """The same module and draft, now with a server that takes the mail."""
        self.port.ok("AT")
        with Sink() as sink:
            self.port.ok(f'AT+QSMTPCFG="smtpserver","{LOOPBACK}",{sink.port}')
            self.port.ok('AT+QSMTPCFG="ssltype",0')
            self.assertEqual(self.port.send_mail(60), (0, 0))
            sink.received()


class Names(Sending):
    """Name look-up, all by a name server on loopback."""

    def with_names(self, names):
        server = NameServer(names)
        server.__enter__()
        self.addCleanup(server.__exit__)
        self.start(**{"dns.servers": server.address})
        return server

    def test_unknown_host(self):
        server = self.with_names({})
        self.assertEqual(self.send_to("no-such-host.test", 25), (653, 0))
        self.assertIn("no-such-host.test", [name for name, _ in server.asked])
        self.check_still_works()

    def test_host_without_an_address(self):
        self.with_names({"empty.test": []})
        self.assertEqual(self.send_to("empty.test", 25), (653, 0))

    def test_name_server_that_says_nothing(self):
        self.with_names(None)
        result = self.send_to("mail.test", 25)
        # Whether the look-up or the send runs out of time first, the host learns it.
        self.assertIn(result, ((653, 0), (658, 0)))
        self.check_still_works()

    def test_known_host(self):
        self.with_names({"mail.test": [LOOPBACK]})
        with Sink() as sink:
            self.assertEqual(self.send_to("mail.test", sink.port), (0, 0))

    def test_second_address_when_the_first_is_dead(self):
        """Broken IPv6, as many networks have it: nobody listens at ::1."""
        self.with_names({"mail.test": ["::1", LOOPBACK]})
        with Sink() as sink:
            self.assertEqual(self.send_to("mail.test", sink.port), (0, 0))
            self.assertEqual(len(sink.mails), 1)

    def test_all_addresses_are_dead(self):
        self.with_names({"mail.test": ["::1", LOOPBACK, "127.0.0.2"]})
        self.assertEqual(self.send_to("mail.test", free_port()), (654, 0))


class NetworkErrors(Sending):
    def setUp(self):
        super().setUp()
        self.start()

    # ---- nobody there ------------------------------------------------------------------------
    def test_closed_port(self):
        self.assertEqual(self.send_to(LOOPBACK, free_port()), (654, 0))
        self.check_still_works()

    def test_context_not_active(self):
        configure(self.port, (LOOPBACK, 25))
        write_mail(self.port, ["b@example.com"])
        self.port.ok("AT+QIDEACT=1")
        self.port.refused("AT+QSMTPPUT=60", 657)

    # ---- greetings -----------------------------------------------------------------------------
    def test_closed_before_the_banner(self):
        self.assertEqual(self.play(lambda wire: None), (656, 0))
        self.check_still_works()

    def test_421_and_close(self):
        self.assertEqual(self.play(lambda wire: wire.send("421 4.3.2 closing")), (666, 421))

    def test_554_at_the_banner(self):
        def script(wire):
            wire.send("554 5.7.1 not for you")
            wire.read_to_end()
        self.assertEqual(self.play(script), (682, 554))

    def test_not_smtp_at_all(self):
        def script(wire):
            wire.send("SSH-2.0-OpenSSH_9.2")
            wire.read_to_end()
        self.assertEqual(self.play(script), (660, 0))

    def test_endless_reply_line(self):
        def script(wire):
            wire.connection.sendall(b"220-" + b"x" * 1_000_000)
            wire.read_to_end()
        self.assertEqual(self.play(script), (660, 0))
        self.check_still_works()

    def test_ehlo_refused_then_helo(self):
        def script(wire):
            wire.send("220 old")
            wire.expect("EHLO ")
            wire.send("500 what?")
            wire.expect("HELO ")
            wire.send("250 old")
            wire.expect("MAIL FROM:<pump7@example.com>")
            wire.send("250 ok")
            wire.expect("RCPT TO:<b@example.com>")
            wire.send("250 ok")
            wire.expect("DATA")
            wire.send("354 go")
            content(wire)
            wire.send("250 taken")
        self.assertEqual(self.play(script), (0, 0))

    # ---- the transaction -----------------------------------------------------------------------
    def test_sender_refused(self):
        def script(wire):
            wire.greet()
            wire.expect("MAIL")
            wire.send("451 4.3.0 later")
            wire.read_to_end()
        self.assertEqual(self.play(script), (668, 451))

    def test_greylisted_recipient(self):
        def script(wire):
            wire.greet()
            wire.expect("MAIL")
            wire.send("250 ok")
            wire.expect("RCPT")
            wire.send("450-4.2.0 greylisted", "450 4.2.0 come back")
            wire.read_to_end()
        self.assertEqual(self.play(script), (667, 450))

    def test_content_refused(self):
        def script(wire):
            to_data(wire)
            content(wire)
            wire.send("552 5.3.4 too much")
            wire.read_to_end()
        self.assertEqual(self.play(script), (680, 552))

    def test_mail_larger_than_the_server_takes(self):
        def script(wire):
            wire.greet("SIZE 1000")
            rest = wire.read_to_end().upper()
            assert b"DATA" not in rest, rest
        self.assertEqual(self.play(script, attachment=5000), (680, 0))

    def test_login_required(self):
        def script(wire):
            wire.greet()
            wire.expect("MAIL")
            wire.send("530 5.7.0 authenticate first")
            wire.read_to_end()
        self.assertEqual(self.play(script), (676, 530))

    def test_no_common_mechanism(self):
        def script(wire):
            wire.greet("AUTH GSSAPI NTLM")
            rest = wire.read_to_end().upper()
            assert b"MAIL" not in rest, rest
        self.assertEqual(self.play(script, account=("user", "secret")), (655, 0))

    # ---- death in the content ------------------------------------------------------------------
    def test_dies_before_the_go_ahead(self):
        def script(wire):
            wire.greet()
            for word in ("MAIL", "RCPT"):
                wire.expect(word)
                wire.send("250 ok")
            wire.expect("DATA")
        self.assertEqual(self.play(script), (656, 0))

    def test_dies_in_the_content(self):
        def script(wire):
            to_data(wire)
            wire.take(100_000)
        self.assertEqual(self.play(script, attachment=3_000_000), (656, 0))
        self.check_still_works()

    def test_resets_in_the_content(self):
        def script(wire):
            to_data(wire)
            wire.take(100_000)
            wire.reset()
        self.assertEqual(self.play(script, attachment=3_000_000), (656, 0))
        self.check_still_works()

    def test_421_in_the_content(self):
        def script(wire):
            to_data(wire)
            wire.take(100_000)
            wire.send("421 4.3.2 shutting down")
            # Everything is read, so that the reply is not lost in a reset.
            wire.read_to_end()
        self.assertEqual(self.play(script, attachment=3_000_000), (666, 421))

    def test_dies_after_the_final_dot(self):
        def script(wire):
            to_data(wire)
            content(wire)
        self.assertEqual(self.play(script), (656, 0))
        self.check_still_works()

    def test_dies_after_the_last_reply(self):
        def script(wire):
            to_data(wire)
            content(wire)
            wire.send("250 taken")
        self.assertEqual(self.play(script), (0, 0))

    # ---- STARTTLS --------------------------------------------------------------------------------
    def starttls_fails(self, script, result):
        """No result may be reached by going on in clear: no secret and no mail on the wire."""
        seen = []

        def recorded(wire):
            script(wire)
            seen.append(wire.read_to_end())
        self.assertEqual(self.play(recorded, ssltype=2, account=("user", "secret")), result)
        self.assertNotRegex(b"".join(seen), rb"(?i)AUTH|MAIL")

    def test_starttls_not_offered(self):
        self.starttls_fails(lambda wire: wire.greet("AUTH PLAIN"), (665, 0))

    def test_starttls_refused(self):
        def script(wire):
            wire.greet("STARTTLS", "AUTH PLAIN")
            wire.expect("STARTTLS")
            wire.send("454 4.7.0 not now")
        self.starttls_fails(script, (665, 454))

    def test_bytes_before_the_handshake(self):
        def script(wire):
            wire.greet("STARTTLS")
            wire.expect("STARTTLS")
            wire.send("220 go", "250-peer", "250 AUTH PLAIN LOGIN")
        self.starttls_fails(script, (665, 0))

    def test_starttls_then_garbage(self):
        def script(wire):
            wire.greet("STARTTLS")
            wire.expect("STARTTLS")
            wire.send("220 go")
            wire.take(5)
            wire.send("this is not TLS")
        self.starttls_fails(script, (665, 0))

    def test_implicit_tls_against_a_clear_server(self):
        def script(wire):
            wire.send("220 clear")
            wire.read_to_end()
        self.assertEqual(self.play(script, ssltype=1), (665, 0))


if __name__ == "__main__":
    harness.main()
