#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The recipe of docs/relay.md: a Postfix null client between the module and the server."""
import pathlib
import re
import subprocess

import harness
from certificates import Authority
from harness import SERVERS, free_port, server_environment
from postfix import Postfix
from program import ProgramTest, activate, configure, write_mail

ACCOUNT = ("user@example.com", "secret")
RECIPE = (harness.ROOT / "docs" / "relay.md").read_text()


def recipe(name):
    """One file of the recipe."""
    return re.search(rf"<!-- {re.escape(name)} -->\n```\n(.*?)```", RECIPE, re.S)[1]


class NullClient(Postfix):
    """A Postfix of its own with the recipe's settings behind those that tests need."""

    def __init__(self, folder, authority, server):
        folder = pathlib.Path(folder) / "client"
        folder.mkdir()
        super().__init__(folder, authority)
        self.server = server
        self.authority = authority


    def _start_postfix(self):
        self.next_hop = f"[localhost]:{self.server}"
        super()._start_postfix()

    def adapt(self, text):
        return (text.replace("[smtp.example.com]:587", self.next_hop)
                .replace("/etc/ssl/certs/ca-certificates.crt", str(self.authority.certificate))
                .replace("/etc/postfix/password", f"{self.folder}/etc/password")
                .replace("plant7@example.com:the-password", ":".join(ACCOUNT)))

    def extra(self, etc):
        (etc / "password").write_text(self.adapt(recipe("password")))
        (etc / "password").chmod(0o600)
        # What the recipe leaves to Debian's defaults, or the tests' server says otherwise.
        return ("virtual_mailbox_domains =\nsmtp_dns_support_level = disabled\n"
                "smtp_host_lookup = native\nminimal_backoff_time = 1s\nmaximal_backoff_time = 2s\n"
                "queue_run_delay = 1s\n" + self.adapt(recipe("main.cf")))

    services = "smtp unix - - n - - smtp\nrelay unix - - n - - smtp\n"

    def queue(self):
        return [path for name in ("incoming", "active", "deferred")
                for path in (self.folder / "queue" / name).rglob("*") if path.is_file()]

    def flush(self):
        subprocess.run([SERVERS / "usr/sbin/postqueue", "-c", self.folder / "etc", "-f"],
                       env=server_environment(), check=False, capture_output=True)


class Recipe(ProgramTest):
    def test_a_server_that_is_away_gets_the_mail_later(self):
        shared = harness.Shared()
        self.addCleanup(shared.close)
        authority = Authority(shared.folder)
        port_of_server = free_port()
        client = shared.enter_context(NullClient(shared.folder, authority, port_of_server))
        text = recipe("postmodem.conf").replace("localhost:25", f"localhost:{client.ports['plain']}")
        config = self.folder / "postmodem.conf"
        config.write_text(text)
        program, port = self.module("--config", config)
        activate(port)
        configure(port, ("mail.old.example", 25), 0, ("oldhost", "hostword"))
        write_mail(port, ["alarm@far.test"])
        self.assertEqual(port.send_mail(), (0, 0))
        harness.wait_until(lambda: "status=deferred" in (client.folder / "postfix.log").read_text(),
                           "a first try")
        self.assertEqual(len(client.queue()), 1)
        server = shared.enter_context(Postfix(shared.folder, authority,
                                              users={ACCOUNT[0]: ACCOUNT[1]},
                                              submission=port_of_server))

        def arrived():
            client.flush()
            return server.maildir.filed("alarm@far.test")
        mail, = harness.wait_until(arrived, "the mail at the server", pause=0.5)
        self.assertEqual(mail.sender, "plant7@example.com")
        self.assertEqual(mail.message["From"].addresses[0].addr_spec, "plant7@example.com")
        self.assertIn("with ESMTPSA", " ".join(mail.received.split()))
        self.assertIn(f"sasl_username={ACCOUNT[0]}", (server.folder / "postfix.log").read_text())
        harness.wait_until(lambda: not client.queue(), "an empty queue")
        self.assertNotIn("hostword", program.log())


if __name__ == "__main__":
    harness.main()
