# SPDX-License-Identifier: MIT
"""The Maildir in which a test's mail server files what it takes, once for each recipient."""
import email
import email.policy
import functools

from harness import wait_until


class Received:
    """One delivered mail: recipient and sender of the envelope, raw bytes with CRLF.

    The server puts in front Return-Path, a field that names the recipient, and its Received."""

    def __init__(self, path, recipient_field):
        headers, _, rest = path.read_bytes().partition(b"\nReceived:")
        # As text: an address may be UTF-8 (RFC 6532).
        envelope = email.message_from_string(headers.decode(errors="surrogateescape") + "\n\n")
        self.recipient = envelope[recipient_field]
        # OpenSMTPD writes none for its own reports.
        self.sender = envelope.get("Return-Path", "<>").strip("<>")
        # Drop what the server put in front: the fields up to the end of its own Received.
        lines = rest.split(b"\n")
        own = next(i for i, line in enumerate(lines) if i > 0 and not line.startswith((b"\t", b" ")))
        self.raw = b"\r\n".join(lines[own:])
        self.received = b"\n".join(lines[:own]).decode()

    @functools.cached_property
    def message(self):
        return email.message_from_bytes(self.raw, policy=email.policy.default)


class Maildir:
    """What lies in a Maildir, read once; `recipient_field` is where the server names whom a mail is for."""

    def __init__(self, folder, recipient_field):
        self.folder = folder
        self.recipient_field = recipient_field
        self.seen = {}

    def filed(self, recipient):
        new = self.folder / "new"
        for path in sorted(new.iterdir()) if new.is_dir() else []:
            if path not in self.seen:
                self.seen[path] = Received(path, self.recipient_field)
        return [mail for mail in self.seen.values() if mail.recipient == recipient]

    def received(self, recipient, count=1):
        """The mails filed for a recipient, as soon as there are `count` of them."""
        def look():
            found = self.filed(recipient)
            return found if len(found) >= count else None
        return wait_until(look, f"mail for {recipient}")
