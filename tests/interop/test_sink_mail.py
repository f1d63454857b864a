#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The main job against aiosmtpd: plain, STARTTLS and implicit TLS, AUTH."""
import contextlib

import harness
from certificates import Authority
from mailcases import ACCOUNT, MailCases
from sinks import Sink


class RefusingAll(dict):
    """Recipients that start with "refused", as the other server has it."""

    def __contains__(self, address):
        return address.startswith("refused")

    def __getitem__(self, address):
        return "550 5.1.1 no such user here"


class ThreeSinks(contextlib.ExitStack):
    """The ports of MailCases: one sink for each."""

    def __init__(self, authority):
        super().__init__()
        users = {ACCOUNT[0]: ACCOUNT[1]}
        self.sinks = {
            "plain": Sink(refuse=RefusingAll()),
            "submission": Sink(authority.issue(), users=users),
            "smtps": Sink(authority.issue(), implicit=True, users=users),
        }
        for sink in self.sinks.values():
            self.enter_context(sink)
        self.ports = {name: sink.port for name, sink in self.sinks.items()}

    def received(self, recipient, count=1):
        def look():
            found = [mail for sink in self.sinks.values() for mail in sink.mails
                     if recipient in mail.recipients]
            return found if len(found) >= count else None
        return harness.wait_until(look, f"mail for {recipient}")


class WithSinks(MailCases):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.share()
        cls.authority = Authority(cls.shared.folder)
        cls.server = cls.shared.enter_context(ThreeSinks(cls.authority))


# Only the subclass is a test of this file.
del MailCases

if __name__ == "__main__":
    harness.main()
