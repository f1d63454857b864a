# SPDX-License-Identifier: MIT
"""The cases of tests/hostile/ played over a socket, with real TLS, against the real program. The
format and what else must hold in each run is told by tests/hostile/README.md."""
import base64
import contextlib
import re
import select
import socket
import ssl

from harness import ROOT, SOON, Unread, wait_until

FOLDER = ROOT / "tests" / "hostile"
ADDRESS = "127.0.0.1"
USER, PASSWORD = "hostile.user", "correct-horse-battery"
PART = 24  # bytes of a long token: what shows so much is enough
TLS_RECORD = b"\x15\x16"  # alert, handshake


# ---- Reading -----------------------------------------------------------------------------------
def unescape(text, nonce=""):
    """The bytes of a text with \\ escapes."""
    out = bytearray()
    at = 0

    def one(at, out):
        if text[at] != "\\":
            out += text[at].encode("latin-1")
            return at + 1
        kind = text[at + 1]
        if kind == "x":
            out.append(int(text[at + 2:at + 4], 16))
            return at + 4
        if kind != "{":
            out += {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}[kind]
            return at + 2
        at += 2
        if text.startswith("nonce}", at):
            out += nonce.encode()
            return at + 6
        what, _, _ = text[at:].partition(":")
        at += len(what) + 1
        inner = bytearray()
        while text[at] != "}":
            at = one(at, inner)
        out += base64.b64encode(inner) if what == "b64" else inner * int(what)
        return at + 1

    while at < len(text):
        at = one(at, out)
    return bytes(out)


class Case:
    """One case: settings, steps (kind, text), the result and how it ends."""

    def __init__(self, name):
        self.name = name
        self.tls = "clear"
        self.settings = {}
        self.steps = []
        self.result = None
        self.end = None  # how the connection ends: quit, kept or drop
        self.unknown = None

    def token(self):
        """The bearer token of the settings, or an empty text."""
        return "".join(chr(ord("A") + i * 7 % 23) for i in range(int(self.settings.get("token", 0))))

    def has(self, *kinds):
        return any(kind in kinds for kind, _ in self.steps)


def read(name):
    """The cases of a file."""
    blocks, cases = {}, []
    for path in (FOLDER / "blocks.smtp", FOLDER / name):
        steps, joins, case = None, False, None
        for line in path.read_text(encoding="utf-8").splitlines():
            word, _, rest = line.partition(" ")
            if not word or word.startswith("#"):
                continue
            if word == "block":
                steps = blocks[rest] = []
            elif word == "case":
                case = Case(rest)
                steps, joins = case.steps, False
            elif word == "set":
                key, _, value = rest.partition(" ")
                if key == "tls":
                    case.tls = value
                case.settings[key] = value
            elif word == "--":
                joins = False
            elif word == "end":
                error, code, case.end, *known = rest.split()
                case.result, case.unknown = (int(error), int(code)), known == ["unknown"]
                cases.append(case)
            else:
                new = blocks[rest] if word == "use" else [step(word, rest)]
                for kind, text in new:
                    if kind == "S" and joins and steps and steps[-1][0] == "S":
                        steps[-1] = ("S", steps[-1][1] + text)
                    else:
                        steps.append((kind, text))
                    joins = True
    return cases


def step(word, rest):
    return ("S", rest + "\\r\\n") if word == "S" else ("S", rest) if word == "s" else (word, rest)


# ---- What must never be seen -------------------------------------------------------------------
def reveals(data, secret):
    """The secret as it is, or in base64 wherever in the encoded text it begins."""
    secret = secret.encode()
    for shift in range(3):
        plain = bytes(shift) + secret
        encoded = base64.b64encode(plain)
        if encoded[(shift * 8 + 5) // 6:len(plain) * 8 // 6] in data:
            return True
    return secret in data


# ---- Playing -----------------------------------------------------------------------------------
class Gone(Exception):
    """The client has closed."""


class Server:
    """The hostile server of one case; `port` is the host's, for cases of more than one mail."""

    def __init__(self, case, listener, context, tls=None, port=None):
        self.case = case
        self.tls = tls or case.tls
        self.context = context
        self.listener = listener
        self.port = port
        self.clear = b""
        self.nonce = ""
        self.sent = 0
        self.result = None  # that the case has waited for
        self.accept()

    def accept(self):
        self.raw, _ = self.listener.accept()
        self.raw.settimeout(SOON)
        self.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = Unread(self.raw)
        self.connection = self.raw
        self.open = True
        self.secure = False
        self.buffer = b""
        self.announced = None

    def _receive(self):
        try:
            data = self.connection.recv(65536)
        except (ConnectionError, ssl.SSLError) as error:
            if isinstance(error, ssl.SSLWantReadError):
                raise
            data = b""
        if not self.secure:
            self.clear += data
        return data

    def _send(self, data):
        try:
            self.connection.sendall(data)
        except (ConnectionError, ssl.SSLError, OSError) as error:
            raise Gone from error

    def handshake(self):
        assert not self.buffer, self.buffer
        self.connection = self.context.wrap_socket(self.raw, server_side=True)
        self.secure = True

    def say(self, data, at, piece):
        """Sends in pieces, each read before the next one goes."""
        while data:
            size = min(piece or len(data), len(data))
            if self.sent < at < self.sent + size:
                size = at - self.sent
            self._send(data[:size])
            self.sent += size
            data = data[size:]
            if data:
                wait_until(lambda: self.unread.count()[0] == 0, "a client that reads", pause=0.0003)

    def line(self):
        while b"\r\n" not in self.buffer:
            data = self._receive()
            assert data, f"{self.case.name}: closed instead of a line; {self.buffer!r}"
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def message(self):
        """A whole message: up to the final dot, or as long as BDAT has announced."""
        if self.announced is not None:
            self.fill(self.announced)
            assert b"\r\nSubject: " in self.buffer[:self.announced], self.buffer
            self.buffer = self.buffer[self.announced:]
            return
        while not self.buffer.endswith(b"\r\n.\r\n"):
            data = self._receive()
            assert data, f"{self.case.name}: closed in the message"
            self.buffer += data
        assert b"\r\nSubject: " in self.buffer, self.buffer
        self.buffer = b""

    def fill(self, count):
        while len(self.buffer) < count:
            data = self._receive()
            assert data, f"{self.case.name}: closed in the message"
            self.buffer += data

    def take(self, count):
        """Reads so many bytes of a message, which is larger."""
        self.fill(count)
        self.buffer = b""

    def kept(self, result):
        """This result, and a connection that stays."""
        wanted = tuple(map(int, result.split()))
        got = self.port.mail_result()
        assert got == wanted, f"{self.case.name}: {got} came instead of {wanted}"

    def next(self, _):
        """The host's next mail, when the client knows all that has been said and done."""
        wait_until(lambda: self.unread.count()[0] == 0, "a client that reads", pause=0.0003)
        self.port.ok("AT+QSMTPPUT=60")

    def renew(self, how):
        """The connection that comes in place of the present one, which the client has left."""
        rest = self.buffer
        while self.open and (data := self._receive()):
            rest += data
        self.farewell(rest, how == "quit")
        self.close()
        self.accept()
        if self.tls == "implicit":
            self.handshake()

    def client(self, kind, text):
        line = self.line()
        wanted = unescape(text)
        if kind == "c":
            good = re.fullmatch(re.escape(wanted).replace(rb"\*", b".*"), line)
        else:
            good = line == wanted
        assert good, f"{self.case.name}: {line!r} came instead of {wanted!r}"
        self.announced = int(line.split()[1]) if line.startswith(b"BDAT ") else None
        if line.startswith(b"AUTH SCRAM"):
            first = base64.b64decode(line.split()[-1]).decode()
            self.nonce = first.rpartition("r=")[2]

    def play(self, at=0, piece=0):
        """The case, with the server's bytes cut."""
        if self.tls == "implicit":
            self.handshake()
        part = 0
        steps = {"MESSAGE": lambda _: self.message(), "TLS": lambda _: self.handshake(),
                 "KEPT": self.kept, "NEXT": self.next, "NEW": self.renew,
                 "CLOSE": lambda _: self.close(), "PART": lambda _: self.take(part),
                 "C": lambda text: self.client("C", text), "c": lambda text: self.client("c", text),
                 "S": lambda text: self.say(unescape(text, self.nonce), at, piece)}
        gone = False
        for kind, text in self.case.steps:
            if kind == "TAKE":
                part = int(text)
            elif not gone or kind in ("NEXT", "NEW"):
                try:
                    steps[kind](text)
                    gone = gone and kind != "NEW"
                except Gone:
                    gone = True
        if self.case.end == "kept":
            self.end_kept()
        elif self.open:
            self.end()

    def end_kept(self):
        """The result, and nothing else said."""
        self.result = self.port.mail_result()
        assert not self.buffer and not select.select([self.connection], [], [], 0)[0], self.case.name
        self.close()

    def end(self):
        """What the client says before it leaves."""
        if self.tls == "starttls" and not self.secure:
            # A few bytes may be the beginning of a TLS record: a server that says no more would be
            # waited for.
            with contextlib.suppress(OSError):
                self.raw.shutdown(socket.SHUT_WR)
        rest = self.buffer
        while data := self._receive():
            rest += data
        if self.tls == "starttls" and not self.secure and rest and rest[0] in TLS_RECORD:
            rest = b""  # the handshake had been begun when the rest came
        self.farewell(rest, self.case.end == "quit")
        self.close()

    def farewell(self, rest, quits):
        """QUIT is tried once: it may be lost where the server's bytes were still under way."""
        assert rest == b"" or (quits and rest == b"QUIT\r\n"), (self.case.name, rest)

    def close(self):
        """Without close_notify."""
        self.open = False
        self.connection.close()
        self.raw.close()

    def check_secrets(self):
        if self.tls != "clear":
            for secret in filter(None, (USER, PASSWORD, self.case.token()[:PART])):
                assert not reveals(self.clear, secret), f"{self.case.name}: in clear: {self.clear!r}"


def listen():
    listener = socket.create_server((ADDRESS, 0))
    listener.settimeout(SOON)
    return listener


def server_length(case):
    """Bytes that the server of a case sends."""
    return sum(len(unescape(text)) for kind, text in case.steps if kind == "S")


def no_second_connection(listener):
    return not select.select([listener], [], [], 0)[0]
