# SPDX-License-Identifier: MIT
"""The host's side of an AT port: a pty or a TCP connection, spoken as a driver speaks it."""
import os
import re
import select
import socket
import termios
import time

from harness import SOON, Expired

FINAL = re.compile(rb"(?:OK|ERROR|NO CARRIER|CONNECT(?: \d+)?|\+CM[ES] ERROR: [^\r\n]*)\Z")
URC = re.compile(rb"\+QSMTPPUT: \d+,\d+\Z")


class Answer:
    """Information lines and the final result of one command line."""

    def __init__(self, lines, final):
        self.lines = lines
        self.final = final

    def __repr__(self):
        return f"Answer({self.lines!r}, {self.final!r})"


def checksum(data):
    """The sum that +QFUPL: shows: XOR of big-endian 16-bit words, hex without leading zeros."""
    if len(data) % 2:
        data += b"\0"
    # Folded in halves as one number: word by word takes seconds for many megabytes.
    total, words = int.from_bytes(data, "big"), len(data) // 2
    while words > 1:
        words = (words + 1) // 2
        total = total >> 16 * words ^ total & (1 << 16 * words) - 1
    return f"{total:x}"


class Port:
    """An open AT port. Every wait has a deadline; what the module sent is kept in `heard`."""

    def __init__(self):
        self.buffer = b""
        self.heard = b""
        self.urcs = []

    # ---- bytes --------------------------------------------------------------------------------
    def _pull(self, deadline, what):
        """Waits for more bytes of the module."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self], [], [], left)[0]:
            raise Expired(f"no {what}; unread: {self.buffer[-300:]!r}")
        piece = self._read()
        if not piece:
            raise EOFError(f"the port was closed; unread: {self.buffer[-300:]!r}")
        self.buffer += piece
        self.heard += piece

    def take(self, count, seconds=SOON):
        """Exactly `count` bytes."""
        deadline = time.monotonic() + seconds
        while len(self.buffer) < count:
            self._pull(deadline, f"{count} bytes")
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def expect(self, data, seconds=SOON):
        """The next bytes must be exactly these."""
        got = self.take(len(data), seconds)
        if got != data:
            raise AssertionError(f"expected {data!r}, got {got!r} + {self.buffer!r}")

    def pending(self, seconds=0.0):
        """What has arrived unasked; waits at most `seconds` for the first byte."""
        deadline = time.monotonic() + seconds
        try:
            while not self.buffer:
                self._pull(deadline, "bytes")
        except Expired:
            pass
        data, self.buffer = self.buffer, b""
        return data

    # ---- lines --------------------------------------------------------------------------------
    def line(self, seconds=SOON):
        """The next line that is not blank, without its end."""
        deadline = time.monotonic() + seconds
        while True:
            while b"\n" not in self.buffer:
                self._pull(deadline, "line")
            line, _, self.buffer = self.buffer.partition(b"\n")
            line = line.rstrip(b"\r")
            if line:
                return line

    def answer(self, seconds=SOON):
        """Reads to the next final result. A URC in between is kept apart."""
        lines = []
        deadline = time.monotonic() + seconds
        while True:
            line = self.line(deadline - time.monotonic())
            if FINAL.match(line):
                return Answer(lines, line.decode())
            (self.urcs if URC.match(line) else lines).append(line)

    def command(self, text, seconds=SOON):
        """Sends a line; the answer. Echo must be off."""
        self.write((text if isinstance(text, bytes) else text.encode()) + b"\r")
        return self.answer(seconds)

    def ok(self, text, seconds=SOON):
        """A command that must answer OK; its information lines as text."""
        answer = self.command(text, seconds)
        if answer.final != "OK":
            raise AssertionError(f"{text!r} answered {answer!r}")
        return [line.decode(errors="replace") for line in answer.lines]

    def refused(self, text, code=None, seconds=SOON):
        """A command that must fail, with +CME ERROR: code or plain ERROR."""
        answer = self.command(text, seconds)
        expected = "ERROR" if code is None else f"+CME ERROR: {code}"
        if answer.final != expected:
            raise AssertionError(f"{text!r} answered {answer!r}, not {expected}")

    def connect(self, text, seconds=SOON):
        """A command that opens the data mode."""
        answer = self.command(text, seconds)
        if answer.final != "CONNECT":
            raise AssertionError(f"{text!r} answered {answer!r}, not CONNECT")

    # ---- the commands of this project -----------------------------------------------------------
    def start(self):
        """What each driver begins with."""
        self.write(b"ATE0\r")
        while self.answer().final != "OK":
            pass
        self.ok("AT+CMEE=1")
        return self

    def upload(self, name, data, timeout=60):
        self.connect(f'AT+QFUPL="{name}",{len(data)},{timeout}')
        self.write(data)
        answer = self.answer()
        expected = [f"+QFUPL: {len(data)},{checksum(data)}".encode()]
        if (answer.lines, answer.final) != (expected, "OK"):
            raise AssertionError(f"upload of {name}: {answer!r}, expected {expected}")

    def download(self, name, size):
        self.connect(f'AT+QFDWL="{name}"')
        data = self.take(size)
        answer = self.answer()
        expected = [f"+QFDWL: {size},{checksum(data)}".encode()]
        if (answer.lines, answer.final) != (expected, "OK"):
            raise AssertionError(f"download of {name}: {answer!r}, expected {expected}")
        return data

    def body(self, data, charset=0):
        self.connect(f"AT+QSMTPBODY={charset},{len(data)},60")
        self.write(data)
        answer = self.answer()
        if (answer.lines, answer.final) != ([b"+QSMTPBODY: %d" % len(data)], "OK"):
            raise AssertionError(f"body: {answer!r}")

    def send_mail(self, timeout=300, seconds=None):
        """QSMTPPUT and its result as (err, protocol_error)."""
        self.ok(f"AT+QSMTPPUT={timeout}")
        return self.mail_result(seconds or timeout)

    def mail_result(self, seconds=SOON):
        while not self.urcs:
            line = self.line(seconds)
            if not URC.match(line):
                raise AssertionError(f"waited for +QSMTPPUT:, got {line!r}")
            self.urcs.append(line)
        first, second = self.urcs.pop(0).split(b": ")[1].split(b",")
        return int(first), int(second)


class TcpPort(Port):
    def __init__(self, address):
        super().__init__()
        self.socket = socket.create_connection(address, SOON)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self):
        return self.socket.fileno()

    def _read(self):
        return self.socket.recv(65536)

    def write(self, data):
        # Piece by piece: the deadline is for each, not for megabytes on a busy machine.
        self.socket.settimeout(SOON)
        view = memoryview(data)
        while view:
            view = view[self.socket.send(view[:65536]):]

    def close(self):
        self.socket.close()


class PtyPort(Port):
    def __init__(self, path):
        super().__init__()
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._raw()

    def _raw(self):
        """As a terminal program sets the line: no echo, no editing, no translation."""
        mode = termios.tcgetattr(self.fd)
        mode[0] = mode[1] = mode[3] = 0
        mode[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        termios.tcsetattr(self.fd, termios.TCSANOW, mode)

    def fileno(self):
        return self.fd

    def _read(self):
        return os.read(self.fd, 65536)

    def write(self, data):
        view = memoryview(data)
        deadline = time.monotonic() + SOON
        while view:
            if not select.select([], [self.fd], [], max(0, deadline - time.monotonic()))[1]:
                raise Expired("the module does not read")
            view = view[os.write(self.fd, view[:65536]):]
            deadline = time.monotonic() + SOON

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
