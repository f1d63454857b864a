# SPDX-License-Identifier: MIT
"""Mail servers in this process: aiosmtpd for well-behaved ones, a scripted peer for the others."""
import asyncio
import email
import email.policy
import functools
import logging
import socket
import ssl
import threading
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

from harness import SOON, wait_until
from ownloop import OwnLoop

logging.getLogger("mail.log").setLevel(logging.ERROR)
# AUTH in clear is what the manual's plain example does.
warnings.filterwarnings("ignore", message="Requiring AUTH")


class Mail:
    """What an aiosmtpd sink got: the envelope and the content as it came."""

    def __init__(self, envelope, cipher, user):
        self.sender = envelope.mail_from
        self.recipients = list(envelope.rcpt_tos)
        self.raw = envelope.original_content
        self.tls = cipher is not None
        self.tls_version = cipher and cipher[1]
        self.user = user

    @functools.cached_property
    def message(self):
        return email.message_from_bytes(self.raw, policy=email.policy.default)


class Sink(OwnLoop):
    """An aiosmtpd server on a free port of loopback, in a thread of its own.

    certificate  (certificate file, key file): with `implicit` TLS from the first byte, else
                 STARTTLS is offered
    users        name -> password: AUTH is offered and required
    refuse       recipient -> the reply to its RCPT
    utf8         SMTPUTF8 is offered
    address      where it listens
    """
    protocol = SMTP

    def __init__(self, certificate=None, implicit=False, users=None, refuse=None, size_limit=None,
                 utf8=False, address="127.0.0.1"):
        super().__init__()
        self.mails = []
        self.users = users
        self.refuse = {} if refuse is None else refuse
        self.size_limit = size_limit
        self.utf8 = utf8
        self.address = address
        self.context = None
        self.implicit = implicit
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*map(str, certificate))

    async def _listen(self):
        return await self.loop.create_server(
            self._protocol, self.address, 0, ssl=self.context if self.implicit else None)

    def _protocol(self):
        return self.protocol(
            self, data_size_limit=self.size_limit, enable_SMTPUTF8=self.utf8,
            hostname="sink.postmodem.test", loop=self.loop,
            tls_context=None if self.implicit else self.context,
            auth_required=self.users is not None, auth_require_tls=False,
            authenticator=self._authenticate if self.users is not None else None)

    def _authenticate(self, _server, _session, _envelope, _mechanism, data):
        name, word = data.login.decode(), data.password.decode()
        if self.users.get(name) == word:
            return AuthResult(success=True, auth_data=name)
        return AuthResult(success=False, handled=False)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        cipher = server.transport.get_extra_info("cipher")
        self.mails.append(Mail(envelope, cipher, session.auth_data))
        return "250 2.0.0 taken"

    def received(self, count=1):
        """The mails so far, as soon as there are `count` of them."""
        return wait_until(lambda: len(self.mails) >= count and list(self.mails), "a mail")


class Hears(SMTP):
    """Keeps what a client says in the Witness that it belongs to; asyncio has taken TLS off."""

    def data_received(self, data):
        self.event_handler.heard += data
        super().data_received(data)


class Witness(Sink):
    """A sink that keeps every byte that it is told, in clear and within TLS."""
    protocol = Hears

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.heard = bytearray()


class Peer:
    """A TCP listener whose script(Wire) plays one connection. Errors of the script are kept and
    raised at the end, so that a test cannot pass by accident."""

    def __init__(self, script):
        self.script = script
        self.error = None
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.stopping.set()
        # shutdown() wakes the thread that waits in accept() or recv(); close() would not.
        for sock in [self.listener, *self.open]:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join(SOON)
        for sock in [self.listener, *self.open]:
            sock.close()
        if self.error and kind is None:
            raise self.error

    def _serve(self):
        while not self.stopping.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(connection)
            try:
                self.script(Wire(connection, self.stopping))
            except OSError:
                pass
            except AssertionError as error:
                self.error = self.error or error
            connection.close()


class Wire:
    """One connection of a Peer: lines in, lines out."""

    def __init__(self, connection, stopping):
        self.connection = connection
        self.stopping = stopping
        self.buffer = b""
        # Long enough for a script whose part is to wait; the end of the test wakes it.
        connection.settimeout(600)

    def send(self, *lines):
        self.connection.sendall(b"".join(line.encode() + b"\r\n" for line in lines))

    def line(self):
        """The next line without its end, or None at the end of the stream."""
        while b"\n" not in self.buffer:
            piece = self.connection.recv(65536)
            if not piece:
                return None
            self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r").decode(errors="replace")

    def expect(self, start):
        line = self.line()
        if line is None or not line.upper().startswith(start.upper()):
            if self.stopping.is_set():
                raise OSError("the test has ended")
            raise AssertionError(f"the peer waited for {start!r} and got {line!r}")
        return line

    def take(self, count):
        """Reads and drops `count` bytes."""
        count -= len(self.buffer)
        self.buffer = b""
        while count > 0:
            piece = self.connection.recv(min(count, 65536))
            if not piece:
                raise AssertionError("the stream ended early")
            count -= len(piece)

    def read_to_end(self):
        data = self.buffer
        while True:
            piece = self.connection.recv(65536)
            if not piece:
                return data
            data += piece

    def greet(self, *capabilities):
        """Banner and EHLO."""
        self.send("220 peer.postmodem.test ESMTP")
        self.expect("EHLO ")
        keywords = ("peer.postmodem.test", *capabilities)
        self.send(*(f"250-{word}" for word in keywords[:-1]), f"250 {keywords[-1]}")

    def reset(self):
        """Closes with RST, as a crashed host does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()
