#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""AUTH against Dovecot, through Postfix: each mechanism with good and bad credentials."""
import re
import socket
import ssl
import threading

import harness
import tokens
from certificates import Authority
from postfix import Postfix
from program import ProgramTest, activate, configure, trust, write_mail
from tokens import TOKENS

USER, PASSWORD = "user@example.com", "secret"
OTHER, OTHERS_PASSWORD = "j,o=e@example.com", "pässwort, das länger ist =,;%"
KEY = b"a key of the token's issuer, 32 bytes or more"
PASSWORDS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256")
IMPLICIT, STARTTLS = 1, 2


def token(lasts=3600, padding=0, key=KEY):
    return tokens.token(USER, key, lasts, padding)


class WithDovecot(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.share()
        cls.authority = Authority(cls.shared.folder)
        cls.server = cls.shared.enter_context(
            Postfix(cls.shared.folder, cls.authority, {USER: PASSWORD, OTHER: OTHERS_PASSWORD},
                    mechanisms=PASSWORDS + TOKENS, token_key=KEY))
        cls.mails = cls.marks = 0

    def attempt(self, settings=(), account=(USER, PASSWORD), ssltype=IMPLICIT, mails=1, seclevel=1):
        """Results of mails in a row, and the mechanisms by which the server let mail in."""
        kind = "smtps" if ssltype == IMPLICIT else "submission"
        WithDovecot.mails += 1
        recipient = f"auth{self.mails}@example.net"
        trace = self.folder / f"trace{self.mails}"
        before = len(self.logins())
        _, port = self.module("--trace", trace, *(word for setting in ("smtp.server=localhost", *settings)
                                                  for word in ("--set", setting)),
                              name=f"module{self.mails}")
        activate(port)
        configure(port, ("localhost", self.server.ports[kind]), ssltype, account)
        if ssltype:
            trust(port, self.authority)
            port.ok(f'AT+QSSLCFG="seclevel",1,{seclevel}')
        write_mail(port, [recipient])
        results = [port.send_mail() for _ in range(mails)]
        sent = sum(result == (0, 0) for result in results)
        if sent:
            self.server.received(recipient, sent)
        self.trace = trace.read_text(errors="replace")
        return results, self.logins()[before:]

    def logins(self):
        """The mechanism of each mail that the server has begun to take so far."""
        WithDovecot.marks += 1
        mark, log = f"refused{self.marks}@mark.test", self.server.folder / "postfix.log"
        # Postfix's log is written in its order, but not at once: up to here it is when this is in it.
        with self.server.probe("plain") as client:
            client.ehlo()
            client.mail("mark@example.net")
            client.rcpt(mark)
        harness.wait_until(lambda: mark in log.read_text(), "Postfix's log")
        return re.findall(r"sasl_method=([\w-]+)", log.read_text())

    # ---- passwords ----------------------------------------------------------------------------
    def test_each_with_the_password(self):
        for mechanism in PASSWORDS:
            for ssltype in (IMPLICIT, STARTTLS):
                with self.subTest(mechanism, ssltype=ssltype):
                    self.assertEqual(self.attempt([f"smtp.auth={mechanism}"], ssltype=ssltype),
                                     ([(0, 0)], [mechanism]))

    def test_each_with_a_wrong_password(self):
        for mechanism in PASSWORDS:
            for account in ((USER, "Secret"), ("nobody@example.com", PASSWORD)):
                with self.subTest(mechanism, account=account):
                    self.assertEqual(self.attempt([f"smtp.auth={mechanism}"], account),
                                     ([(677, 535)], []))

    def test_names_and_passwords_beyond_words(self):
        """Commas and equals signs have a meaning of their own in SCRAM; the rest is UTF-8."""
        for mechanism in PASSWORDS:
            with self.subTest(mechanism):
                self.assertEqual(self.attempt([f"smtp.auth={mechanism}", "limits=wide"],
                                              (OTHER, OTHERS_PASSWORD)), ([(0, 0)], [mechanism]))

    def test_the_strongest_comes_first(self):
        for settings in ([], ["smtp.auth=login, scram-sha-256,plain"]):
            self.assertEqual(self.attempt(settings), ([(0, 0)], ["SCRAM-SHA-256"]))
        self.assertEqual(self.attempt(["smtp.auth=login,plain"]), ([(0, 0)], ["PLAIN"]))

    def test_in_clear(self):
        for settings, mechanism in (([], "SCRAM-SHA-256"),
                                    (["auth_in_clear=never"], "SCRAM-SHA-256"),
                                    (["auth_in_clear=never", "smtp.auth=CRAM-MD5"], "CRAM-MD5"),
                                    (["smtp.auth=LOGIN"], "LOGIN")):
            with self.subTest(mechanism, settings=settings):
                self.assertEqual(self.attempt(settings, ssltype=0), ([(0, 0)], [mechanism]))
        self.assertEqual(self.attempt(["auth_in_clear=never", "smtp.auth=PLAIN,LOGIN"], ssltype=0),
                         ([(655, 0)], []))

    # ---- tokens -------------------------------------------------------------------------------
    def token_file(self, text):
        path = self.folder / f"token{self.mails}"
        path.write_text(text + "\n")
        return path

    def attempt_token(self, settings, **options):
        """With an authority of the owner's: the host's counts for no token."""
        return self.attempt([*settings, f"tls.ca_file={self.authority.certificate}"], **options)

    def test_token_is_for_a_verified_server(self):
        """Whatever the host says of checks, and whatever authority it has brought."""
        for mechanism in TOKENS:
            settings = [f"smtp.auth={mechanism}", f"smtp.token_file={self.token_file(token())}"]
            for seclevel in (0, 1):
                for ssltype in (IMPLICIT, STARTTLS):
                    with self.subTest(mechanism, seclevel=seclevel, ssltype=ssltype):
                        self.assertEqual(
                            self.attempt(settings, ssltype=ssltype, seclevel=seclevel),
                            ([(665, 0)], []))
                        self.assertNotIn("> AUTH", self.trace)
                        self.assertEqual(
                            self.attempt_token(settings, ssltype=ssltype, seclevel=seclevel),
                            ([(0, 0)], [mechanism]))

    def test_token_of_a_file(self):
        for mechanism in TOKENS:
            for padding in (0, 300, 1000, 4000):
                with self.subTest(mechanism, padding=padding):
                    text = token(padding=padding)
                    settings = [f"smtp.auth={mechanism}",
                                f"smtp.token_file={self.token_file(text)}"]
                    self.assertEqual(self.attempt_token(settings), ([(0, 0)], [mechanism]))
                    self.assertNotIn(text[-20:], self.trace)
                    self.assertIn("334 ********" if padding else "AUTH " + mechanism + " ********",
                                  self.trace)

    def test_token_that_the_server_refuses(self):
        for mechanism in TOKENS:
            for bad in (token(lasts=-60), token(key=b"k" * 32), "opaque"):
                with self.subTest(mechanism, bad=bad):
                    settings = [f"smtp.auth={mechanism}",
                                f"smtp.token_file={self.token_file(bad)}"]
                    self.assertEqual(self.attempt_token(settings), ([(677, 535)], []))

    def test_token_that_is_missing(self):
        for path, text in ((self.folder / "nothing", None), (self.folder / "empty", "")):
            if text is not None:
                path.write_text(text)
            self.assertEqual(self.attempt_token([f"smtp.token_file={path}"]), ([(677, 0)], []))

    def test_token_is_for_one_server(self):
        """A host that sets another server gets its own password there, not the owner's token."""
        settings = [f"smtp.token_file={self.token_file(token())}", "smtp.server=mail.example.com"]
        self.assertEqual(self.attempt_token(settings), ([(0, 0)], ["SCRAM-SHA-256"]))

    def command(self, *outputs):
        """A command whose runs print one after the other, the last one again and again."""
        for number, output in enumerate(outputs):
            (self.folder / f"output{number}").write_text(output)
        script = self.folder / "token-command"
        script.write_text(f"""#!/bin/sh
n=$(cat {self.folder}/runs 2>/dev/null || echo 0)
echo $((n + 1)) >{self.folder}/runs
[ $n -lt {len(outputs)} ] || n={len(outputs) - 1}
[ "$1 $2" = "for pump3" ] && cat {self.folder}/output$n
""")
        script.chmod(0o755)
        return f"smtp.token_command={script} for pump3"

    def runs(self):
        return int((self.folder / "runs").read_text())

    def test_token_of_a_command_is_renewed(self):
        command = self.command(token(lasts=-60) + "\n3600\n", token() + "\n3600\n")
        self.assertEqual(self.attempt_token([command]), ([(0, 0)], ["OAUTHBEARER"]))
        self.assertEqual(self.runs(), 2)

    def test_token_of_a_command_is_kept_as_long_as_it_says(self):
        command = self.command(token() + "\n3600\n")
        self.assertEqual(self.attempt_token([command], mails=3), ([(0, 0)] * 3, ["OAUTHBEARER"] * 3))
        self.assertEqual(self.runs(), 1)
        command = self.command(token() + "\n")
        self.assertEqual(self.attempt_token([command], mails=2), ([(0, 0)] * 2, ["OAUTHBEARER"] * 2))
        self.assertEqual(self.runs(), 3)

    def test_commands_that_fail(self):
        for command in ("/nonexistent/command", "false", "true", "head -c 20000 /dev/zero"):
            with self.subTest(command):
                self.assertEqual(self.attempt_token([f"smtp.token_command={command}"]),
                                 ([(677, 0)], []))


class External(ProgramTest):
    """A TLS server that takes a certificate in place of a password."""

    REPLIES = {"EHLO": "250-mx\r\n250 AUTH PLAIN EXTERNAL", "AUTH": "235 2.7.0 welcome",
               "DATA": "354 go", "QUIT": "221 bye"}

    def listen(self, authority):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*map(str, authority.issue()))
        context.load_verify_locations(str(authority.certificate))
        context.verify_mode = ssl.CERT_REQUIRED
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        heard = []

        def talk():
            connection, _ = listener.accept()
            with context.wrap_socket(connection, server_side=True) as stream:
                stream.sendall(b"220 mx ESMTP\r\n")
                in_data = False
                for line in stream.makefile("rb"):
                    text = line.decode().rstrip("\r\n")
                    if in_data and text != ".":
                        continue
                    heard.append(text)
                    verb = text.split(" ")[0]
                    stream.sendall((self.REPLIES.get(verb, "250 ok") + "\r\n").encode())
                    in_data = verb == "DATA"
                    if verb == "QUIT":
                        break

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        return listener.getsockname()[1], heard, thread

    def test_certificate_in_place_of_a_password(self):
        authority = Authority(self.folder)
        port_number, heard, thread = self.listen(authority)
        certificate, key = authority.issue()
        _, port = self.module()
        activate(port)
        configure(port, ("localhost", port_number), IMPLICIT, (USER, PASSWORD))
        trust(port, authority)
        port.upload("RAM:cert.pem", certificate.read_bytes())
        port.upload("RAM:key.pem", key.read_bytes())
        port.ok('AT+QSSLCFG="clientcert",1,"RAM:cert.pem"')
        port.ok('AT+QSSLCFG="clientkey",1,"RAM:key.pem"')
        port.ok('AT+QSSLCFG="seclevel",1,2')
        write_mail(port, ["a@example.net"])
        self.assertEqual(port.send_mail(), (0, 0))
        thread.join(harness.SOON)
        self.assertIn("AUTH EXTERNAL =", heard)
        self.assertFalse([line for line in heard if "PLAIN" in line])


if __name__ == "__main__":
    harness.main()
