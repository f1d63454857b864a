#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mail of an old host through a server of the owner's: Postfix with SASL by Dovecot, what is on the wire,
and what is said within TLS."""

import re

import harness
from certificates import Authority
from gate import Gate
from harness import wait_until
from hostile import reveals
from nameserver import NameServer
from postfix import Postfix
from program import ProgramTest, activate, configure, trust, write_mail
from sinks import Peer, Sink, Witness

OWNER = ("user@example.com", "secret")
HOST_WORD = "hostword"


class Relay(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.share()
        cls.authority = Authority(cls.shared.folder)
        cls.server = cls.shared.enter_context(
            Postfix(cls.shared.folder, cls.authority, users={OWNER[0]: OWNER[1]}))

    def wire(self, kind):
        return self.enterContext(Gate(self.server.ports[kind]))

    def settings(self, port, tls="starttls", password=OWNER[1]):
        secret = self.folder / "password"
        secret.write_text(password + "\n")
        secret.chmod(0o600)
        return {"mail.override_server": f"localhost:{port}", "mail.override_tls": tls,
                "mail.override_username": OWNER[0], "mail.override_password_file": secret,
                "mail.from": "plant7@owner.example", "tls.ca_file": self.authority.certificate}

    def config(self, settings):
        path = self.folder / "postmodem.conf"
        path.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
        path.chmod(0o600)
        return path

    def old_host(self, settings, **options):
        """A module with these settings, and its host: port 25, no TLS, a password of its own."""
        program, port = self.module("--config", self.config(settings), **options)
        activate(port)
        configure(port, ("mail.old.example", 25), 0, ("oldhost", HOST_WORD))
        return program, port

    def no_secret(self, data, *words):
        for word in words:
            self.assertFalse(reveals(data, word), word)

    def one(self, recipient):
        mail, = self.server.received(recipient)
        return mail

    # ---- what leaves -----------------------------------------------------------------------------
    def sent_with(self, kind, tls):
        wire = self.wire(kind)
        program, port = self.old_host(self.settings(wire.port, tls))
        recipient = f"{tls}@relay.test"
        write_mail(port, [recipient])
        self.assertEqual(port.send_mail(), (0, 0))
        mail = self.one(recipient)
        self.assertEqual(mail.sender, "plant7@owner.example")
        self.assertEqual(mail.message["From"].addresses[0].addr_spec, "plant7@owner.example")
        self.assertEqual(mail.message["From"].addresses[0].display_name, "Pump 7")
        # The server's own word: TLS, and the owner's login.
        self.assertIn("with ESMTPSA", " ".join(mail.received.split()))
        wait_until(lambda: f"sasl_username={OWNER[0]}" in (
            self.server.folder / "postfix.log").read_text(), "the login in Postfix's log")
        self.assertEqual(port.ok('AT+QSMTPCFG="smtpserver"'),
                         ['+QSMTPCFG: "smtpserver","mail.old.example",25'])
        self.assertEqual(port.ok('AT+QSMTPCFG="account"'),
                         [f'+QSMTPCFG: "account","oldhost","{HOST_WORD}"'])
        self.assertEqual(port.ok('AT+QSMTPCFG="ssltype"'), ['+QSMTPCFG: "ssltype",0'])
        self.no_secret(program.log().encode(), HOST_WORD, OWNER[1])
        self.assertIn("mail asked for: mail.old.example port 25, no TLS, with an account",
                      program.log())
        self.assertIn(f"mail goes to: localhost port {wire.port}", program.log())
        return bytes(wire.sent)

    def test_starttls(self):
        clear, _, rest = self.sent_with("submission", "starttls").partition(b"STARTTLS\r\n")
        self.assertRegex(clear, rb"\AEHLO [^\r\n]+\r\n\Z")
        self.assertEqual(rest[:2], b"\x16\x03")  # a TLS record: the handshake

    def test_tls(self):
        self.assertEqual(self.sent_with("smtps", "tls")[:2], b"\x16\x03")

    def heard(self, tls, password, result):
        """What a server hears, with TLS taken off: the owner's account, and nothing of the host's."""
        with Witness(self.authority.issue(), implicit=tls == "tls", users=dict([OWNER])) as sink:
            program, port = self.old_host(self.settings(sink.port, tls, password),
                                          name=f"{tls}-{password}")
            write_mail(port, ["heard@relay.test"])
            self.assertEqual(port.send_mail(), result)
            for word in (OWNER[0], password):
                self.assertTrue(reveals(sink.heard, word), word)
            self.no_secret(sink.heard, HOST_WORD, "oldhost", "pump7@example.com")
            program.stop()

    def test_what_is_said_within_tls(self):
        for tls in ("starttls", "tls"):
            with self.subTest(tls):
                self.heard(tls, OWNER[1], (0, 0))
                self.heard(tls, "wrong", (677, 535))

    def test_password_file_that_all_can_read(self):
        for mode, warned in ((0o640, False), (0o644, True)):
            settings = self.settings(25)
            settings["mail.override_password_file"].chmod(mode)
            program, _ = self.old_host(settings, name=f"postmodem-{mode:o}")
            self.assertEqual("warning: all can read the file that mail.override_password_file names"
                             in program.log(), warned)

    def test_name_servers_of_the_host_are_not_asked_for_the_relay(self):
        names = {"relay.test": ["127.0.0.1"]}
        with NameServer(names) as owners, NameServer(names) as hosts, Sink() as sink:
            _, port = self.old_host({"mail.override_server": f"relay.test:{sink.port}",
                                     "mail.override_tls": "none", "dns.servers": owners.address,
                                     "dns.port": hosts.address.rpartition(":")[2]})
            port.ok('AT+QIDNSCFG=1,"127.0.0.1"')
            write_mail(port, ["named@relay.test"])
            self.assertEqual(port.send_mail(), (0, 0))
            self.assertEqual((len(sink.mails), hosts.asked), (1, []))

    def test_authority_of_the_host_is_none_for_the_owners_account(self):
        secret = self.folder / "password"
        secret.write_text("topsecret\n")
        with Witness(self.authority.issue(), implicit=True, users={"own": "topsecret"}) as sink:
            for account, result in ((None, (665, 0)), (("own", "topsecret"), (0, 0))):
                _, port = self.module(
                    "--set", "tls.verify=always", name=f"{account}",
                    settings={"smtp.server": "127.0.0.1", "smtp.port": sink.port, "smtp.ssltype": 1,
                              "smtp.username": "own", "smtp.password_file": secret,
                              "smtp.sender_email": "pump7@example.com"})
                activate(port)
                trust(port, self.authority)
                if account:
                    port.ok('AT+QSMTPCFG="account","%s","%s"' % account)
                write_mail(port, ["own@relay.test"])
                self.assertEqual(port.send_mail(), result)
                self.assertEqual(reveals(sink.heard, "topsecret"), account is not None)

    def test_own_password_refused(self):
        program, port = self.old_host(self.settings(self.server.ports["submission"], password="wrong"))
        write_mail(port, ["wrong@relay.test"])
        self.assertEqual(port.send_mail(), (677, 535))
        self.assertEqual(self.server.count("wrong@relay.test"), 0)
        program.stop()

    def test_a_server_that_is_not_verified_gets_nothing(self):
        other = Authority(self.folder, "Another CA")
        wire = self.wire("submission")
        settings = {**self.settings(wire.port), "tls.ca_file": other.certificate}
        program, port = self.old_host(settings)
        write_mail(port, ["nobody@relay.test"])
        self.assertEqual(port.send_mail(), (665, 0))
        self.assertIn("certificate refused", program.log())
        self.assertEqual(self.server.count("nobody@relay.test"), 0)

    def test_no_tls_no_password(self):
        """The plain port offers neither: the mail does not leave, nor does the password."""
        wire = self.wire("plain")
        _, port = self.old_host(self.settings(wire.port))
        write_mail(port, ["plain@relay.test"])
        self.assertEqual(port.send_mail(), (665, 0))
        self.no_secret(wire.sent, HOST_WORD, OWNER[1])
        self.assertEqual(self.server.count("plain@relay.test"), 0)

    def test_allow_list(self):
        wire = self.wire("submission")
        _, port = self.old_host({**self.settings(wire.port),
                                 "mail.allow_recipients": "good@relay.test, @alarm.test"})
        write_mail(port, ["good@relay.test", "bad@relay.test"])
        self.assertEqual(port.send_mail(), (678, 550))
        self.assertEqual(bytes(wire.sent), b"")

    # ---- send-test -----------------------------------------------------------------------------------
    def send_test(self, settings, recipient):
        status, out, err = self.run_program("send-test", "--config", self.config(settings),
                                            "--to", recipient, seconds=60)
        self.no_secret((out + err).encode(), OWNER[1])
        return status, out

    def test_send_test(self):
        status, out = self.send_test(self.settings(self.server.ports["submission"]),
                                     "sendtest@relay.test")
        self.assertEqual(status, 0, out)
        for text in ("STARTTLS", f"account  {OWNER[0]}", "< 250-", "connected to localhost",
                     "addresses of localhost", "TLSv1.3", "server verified (", "> AUTH ",
                     "> MAIL FROM:<plant7@owner.example>", "The server has taken the mail."):
            self.assertIn(text, out)
        self.assertEqual(self.one("sendtest@relay.test").message["Subject"], "Postmodem test")

    def test_send_test_of_names_that_cannot_be_typed(self):
        with Sink() as sink:
            status, out = self.send_test({"smtp.server": "127.0.0.1", "smtp.port": sink.port,
                                          "smtp.sender_name": 'Pump "7"',
                                          "smtp.sender_email": "a@b.test"}, "x@relay.test")
            self.assertEqual(status, 0, out)
            self.assertIn(b'From: "Pump \\"7\\"" <a@b.test>', sink.received()[0].raw)

    def test_send_test_tells_what_is_checked(self):
        """A token's server is, whatever tls.verify says; and so it is with mail.require_tls."""
        token = self.folder / "token"
        token.write_text("word\n")
        settings = {"smtp.server": "127.0.0.1", "smtp.port": harness.free_port(),
                    "smtp.ssltype": 1, "mail.from": "a@b.test"}
        for more, trust in (({}, "the certificate is not checked"),
                            ({"smtp.token_file": token}, "the system's store"),
                            ({"smtp.token_command": "/bin/true"}, "the system's store"),
                            ({"mail.require_tls": "on"}, "the system's store"),
                            ({"tls.verify": "always"}, "the system's store")):
            with self.subTest(settings=more):
                _, out = self.send_test({**settings, **more}, "x@relay.test")
                self.assertIn(f"   trust    {trust}\n", out)
                self.assertEqual("   token    by " in out, "smtp.token" in str(more))

    def test_send_test_explains_a_failure(self):
        settings = self.settings(self.server.ports["submission"], password="wrong")
        status, out = self.send_test(settings, "x@relay.test")
        self.assertEqual(status, 1)
        self.assertIn("+QSMTPPUT: 677,535", out)
        self.assertIn("does not take the account", out)
        status, out = self.send_test(self.settings(self.server.ports["submission"]),
                                     "refused@relay.test")
        self.assertEqual(status, 1)
        self.assertIn("< 550 5.1.1", out)
        self.assertIn("An address was refused", out)

    def test_send_test_tells_what_a_failure_of_tls_means(self):
        port = self.server.ports["submission"]
        status, out = self.send_test(self.settings(port, tls="tls"), "x@relay.test")
        self.assertEqual(status, 1)
        self.assertIn("(the server does not begin with TLS: STARTTLS may be right)", out)
        other = Authority(self.folder, "Another CA")
        status, out = self.send_test({**self.settings(port), "tls.ca_file": other.certificate},
                                     "x@relay.test")
        self.assertEqual(status, 1)
        self.assertIn("trusted: see tls.ca_file)", out)

    def test_send_test_tells_why_there_is_no_starttls(self):
        def refusing(wire):
            wire.greet("STARTTLS")
            wire.expect("STARTTLS")
            wire.send("454 4.7.0 \x9b31m not now")
        for script, why in ((lambda wire: wire.greet("SIZE"), "the server offers no STARTTLS"),
                            (refusing, r"the server refused STARTTLS: 454 4.7.0 \xC2\x9B31m not now")):
            with self.subTest(why), Peer(script) as peer:
                status, out = self.send_test(self.settings(peer.port), "x@relay.test")
                self.assertEqual(status, 1)
                log, _, result = out.partition("3. Result")
                self.assertRegex(log, re.escape(why) + r"\n(?s:.*)mail failed: 665 ")
                self.assertIn("TLS failed: the last lines of the log above tell why", result)

    def test_send_test_spells_out_what_a_terminal_might_obey(self):
        def script(wire):
            wire.send("554 \x9b31m \\ ok")
        with Peer(script) as peer:
            status, out = self.send_test({"smtp.server": "127.0.0.1", "smtp.port": peer.port,
                                          "mail.from": "a@b.test"}, "x@relay.test")
        self.assertEqual(status, 1)
        self.assertIn("< 554 \\xC2\\x9B31m \\\\ ok", out)

    def test_send_test_advises_patience(self):
        for reply in ("421 4.3.2", "450 4.2.0", "451 4.7.1", "452 4.3.1"):
            with self.subTest(reply), Sink(refuse={"x@relay.test": f"{reply} greylisted"}) as sink:
                status, out = self.send_test({"smtp.server": "127.0.0.1", "smtp.port": sink.port,
                                              "mail.from": "a@b.test"}, "x@relay.test")
                self.assertEqual(status, 1)
                self.assertRegex(out.partition("3. Result")[2], "trying later may help|tries again")

    def test_send_test_warns_of_a_secret_that_all_can_read(self):
        settings = {"mail.from": "a@b.test", "mail.override_server": f"localhost:{harness.free_port()}",
                    "mail.override_username": "x", "mail.override_password": "y"}
        path = self.config(settings)
        for mode, warned in ((0o600, False), (0o644, True)):
            path.chmod(mode)
            status, _, err = self.run_program("send-test", "--config", path, "--to", "a@b.test")
            self.assertEqual(status, 1)
            self.assertEqual("warning: the configuration file holds a password and others can read "
                             "it" in err, warned)

    def test_send_test_says_what_is_wrong_with_its_command_line(self):
        path = self.config({"smtp.server": "localhost", "mail.from": "a@b.test"})
        for arguments, message in (
                (["--config", path], "--to ADDRESS is missing"),
                (["--to", "a@b.test"], "--config FILE is missing"),
                (["--config", path, "--to", "a@b.test", "extra"], "unexpected argument extra"),
                (["--config", path, "--to"], "a value is missing after --to"),
                (["--config", path, "--for", "a@b.test"], "unknown option --for"),
                (["--config", path, "--to", "nobody"], "not a mail address: nobody")):
            status, out, err = self.run_program("send-test", *arguments)
            self.assertEqual((status, out), (2, ""))
            self.assertTrue(err.startswith(f"postmodem: {message}"), err)

    def test_a_wrong_setting_has_a_place(self):
        """Also where it shows only when all settings are known."""
        path = self.config({"log": "info", "mail.rate_limit": "5perhour"})
        for command in (["serve", "--tcp", "0"], ["send-test", "--to", "a@b.test"]):
            status, out, err = self.run_program(*command, "--config", path)
            self.assertEqual((status, out), (2, ""))
            self.assertTrue(err.startswith(f'postmodem: {path}:2: mail.rate_limit: "5perhour" '), err)

    def test_send_test_needs_a_server_and_a_sender(self):
        for settings in ({"mail.from": "a@b.test"}, {"smtp.server": "localhost"}):
            status, _, err = self.run_program("send-test", "--config", self.config(settings),
                                              "--to", "a@b.test")
            self.assertEqual(status, 2)
            self.assertIn("the configuration names no", err)

    # ---- the alarm -----------------------------------------------------------------------------------
    def test_alarm_and_its_end(self):
        script, seen = self.folder / "alarm", self.folder / "seen"
        script.write_text(f"#!/bin/sh\nenv > {seen}.new && mv {seen}.new {seen}\n")
        script.chmod(0o755)
        program, port = self.module(settings={"mail.alarm_seconds": 1, "mail.on_failure": script})
        activate(port)
        configure(port, ("127.0.0.1", harness.free_port()))
        write_mail(port, ["alarm@relay.test"])
        self.assertEqual(port.send_mail(), (654, 0))
        wait_until(seen.exists, "the program")
        self.assertIn("POSTMODEM_ERROR=654\n", seen.read_text())
        wait_until(lambda: "mail.on_failure has ended: status 0" in program.log(), "its end")
        port.ok(f'AT+QSMTPCFG="smtpserver","127.0.0.1",{self.server.ports["plain"]}')
        self.assertEqual(port.send_mail(), (0, 0))
        wait_until(lambda: "alarm over: mail leaves again" in program.log(), "the recovery")
        self.assertEqual(program.log().count("alarm: "), 1)
        program.stop()


if __name__ == "__main__":
    harness.main()
