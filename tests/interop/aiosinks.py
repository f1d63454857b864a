# SPDX-License-Identifier: MIT
"""aiosmtpd as the mail server of servercases.py: a sink of sinks.py for each port."""
import contextlib

import aiosmtpd
from aiosmtpd.smtp import SMTP

from harness import wait_until
from sinks import Sink

SMALL = 100000


class PickySink(Sink):
    """Refuses addresses that start with "refused", and what is longer than `late` after the data."""

    def __init__(self, *arguments, late=None, **options):
        super().__init__(*arguments, **options)
        self.late = late

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 5.1.1 no such user here"
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(self, server, session, envelope):
        if self.late and len(envelope.original_content) > self.late:
            return "552 5.3.4 too large"
        return await super().handle_DATA(server, session, envelope)


class TakesRequireTls(SMTP):
    """aiosmtpd has no REQUIRETLS (RFC 8689): this much of it is the test's."""

    async def smtp_MAIL(self, arg):
        words = (arg or "").split(" ")
        self.require_tls = "REQUIRETLS" in words
        await super().smtp_MAIL(" ".join(word for word in words if word != "REQUIRETLS"))


class RequireTlsSink(PickySink):
    """Offers REQUIRETLS, and takes no mail without it."""
    protocol = TakesRequireTls

    async def handle_EHLO(self, _server, session, _envelope, hostname, responses):
        session.host_name = hostname
        return [*responses[:-1], "250-REQUIRETLS", responses[-1]]

    async def handle_DATA(self, server, session, envelope):
        if not server.require_tls:
            return "550 5.7.30 REQUIRETLS needed"
        return await super().handle_DATA(server, session, envelope)


class AioSinks(contextlib.ExitStack):
    name = "aiosmtpd"
    mechanisms = ("PLAIN", "LOGIN")

    def __init__(self, _folder, authority, users):
        super().__init__()
        certificate = authority.issue()
        self.sinks = {
            "plain": PickySink(),
            "submission": PickySink(certificate, users=users),
            "smtps": PickySink(certificate, implicit=True, users=users, utf8=True),
            "requiretls": RequireTlsSink(certificate, implicit=True, users=users),
            "small": PickySink(size_limit=SMALL),
            "late": PickySink(late=SMALL),
        }

    def __enter__(self):
        for sink in self.sinks.values():
            self.enter_context(sink)
        self.ports = {name: sink.port for name, sink in self.sinks.items()}
        return self

    @staticmethod
    def version():
        return aiosmtpd.__version__

    def _filed(self, recipient):
        return [mail for sink in self.sinks.values() for mail in sink.mails
                if recipient in mail.recipients]

    def received(self, recipient, count=1):
        def look():
            found = self._filed(recipient)
            return found if len(found) >= count else None
        return wait_until(look, f"mail for {recipient}")

    def count(self, recipient):
        return len(self._filed(recipient))

    @staticmethod
    def tls_of(mail):
        return mail.tls_version
