#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Attachments around the places where 32 bits end: every byte arrives, SIZE= is exact, and the
program's memory does not grow. The files are sparse; what is not a hole lies around the places where
a number of 32 bits would overflow.

Usage: large_files.py [--quick]    2 GiB alone; else 2 GiB and 4 GiB, each with a byte less and more,
                                   and the largest is downloaded, too
Environment: POSTMODEM names the program, as for the other tests.
"""
import base64
import contextlib
import os
import re
import sys
import time

import harness
from program import ProgramTest, activate, configure, write_mail
from sinks import Peer

MIB, GIB = 1 << 20, 1 << 30
LINE_IN, LINE_OUT = 57, 78
QUICK = "--quick" in sys.argv
SIZES = (2 * GIB,) if QUICK else (
    2 * GIB - 1, 2 * GIB, 2 * GIB + 1, 4 * GIB - 1, 4 * GIB, 4 * GIB + 1)
# The most that the peak may rise from a mail with 1 MiB to one with gigabytes.
RISE_KIB = 1024
HOLES = (base64.b64encode(bytes(LINE_IN)) + b"\r\n") * 8192


def octets(size):
    """Base64 in lines of 76 with their ends."""
    characters = (size + 2) // 3 * 4
    return characters + 2 * ((characters + 75) // 76)


def make_sparse(path, size):
    """A file of holes with bytes at its ends and around the places that matter."""
    with path.open("wb") as file:
        file.truncate(size)
        for place in (0, 2 * GIB, 4 * GIB, 3 * GIB // 2, size):
            start = max(0, min(place, size) - 40)
            file.seek(start)
            file.write(b"here %d " % start + b"." * max(0, min(40, size - start - 20)))
        file.truncate(size)


class Expected:
    """The base64 of a file, any piece of it."""

    def __init__(self, path):
        self.file = path.open("rb")
        self.end = octets(path.stat().st_size)

    def has(self, at, data):
        first, last = at // LINE_OUT, (at + len(data) - 1) // LINE_OUT
        start = at - first * LINE_OUT
        if self._holes(first, last):
            return data == HOLES[start:start + len(data)]
        self.file.seek(first * LINE_IN)
        raw = self.file.read((last - first + 1) * LINE_IN)
        lines = (base64.b64encode(raw[i:i + LINE_IN]) + b"\r\n" for i in range(0, len(raw), LINE_IN))
        return data == b"".join(lines)[start:start + len(data)]

    def _holes(self, first, last):
        """True where the file has no data in these lines."""
        begin, end = first * LINE_IN, (last + 1) * LINE_IN
        if end > os.fstat(self.file.fileno()).st_size:
            return False
        try:
            return os.lseek(self.file.fileno(), begin, os.SEEK_DATA) >= end
        except OSError:  # no data to the end
            return True


class Receiver:
    """Script of a Peer: takes one mail and compares its attachment with a file as it comes."""

    def __init__(self, path):
        self.expected = Expected(path)
        self.announced = self.received = 0

    def __call__(self, wire):
        wire.greet("SIZE 99999999999", "PIPELINING")
        line = wire.expect("MAIL FROM:")
        self.announced = int(re.search(r"SIZE=(\d+)", line)[1])
        wire.send("250 ok")
        wire.expect("RCPT TO:")
        wire.send("250 ok")
        wire.expect("DATA")
        wire.send("354 go")
        self.take_mail(wire)
        wire.send("250 taken")
        wire.expect("QUIT")
        wire.send("221 bye")

    def take_mail(self, wire):
        pending = wire.buffer
        head = b"Content-Disposition: attachment;"
        while head not in pending or b"\r\n\r\n" not in pending.partition(head)[2]:
            pending += wire.connection.recv(65536)
        front, _, pending = pending.partition(head)
        names, _, pending = pending.partition(b"\r\n\r\n")
        self.received = len(front + head + names) + 4
        at = 0
        while at < self.expected.end:
            if not pending:
                pending = wire.connection.recv(len(HOLES) - LINE_OUT)
                assert pending, f"the stream ended at {at} of {self.expected.end}"
            piece, pending = (pending[:self.expected.end - at], pending[self.expected.end - at:])
            assert self.expected.has(at, piece), f"other bytes at {at}"
            at += len(piece)
        while not pending.endswith(b"\r\n.\r\n"):
            pending += wire.connection.recv(65536)
        assert re.fullmatch(rb"--=[\w=]+--\r\n\.\r\n", pending), pending
        self.received += at + len(pending) - 3
        wire.buffer = b""


class LargeFiles(ProgramTest):
    def peak_kib(self):
        with open(f"/proc/{self.program.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))

    def send(self, name, shown):
        path = self.files / name
        receiver = Receiver(path)
        with contextlib.closing(receiver.expected.file), Peer(receiver) as peer:
            configure(self.port, ("127.0.0.1", peer.port))
            write_mail(self.port, ["b@example.com"])
            self.port.ok(f'AT+QSMTPATT=1,1,"{name}"')
            self.assertEqual(self.port.ok("AT+QSMTPATT?"),
                             [f'+QSMTPATT: 1,"{name}",{shown}'])
            begin = time.monotonic()
            self.assertEqual(self.port.send_mail(3600, 3600), (0, 0))
            seconds = time.monotonic() - begin
        self.assertEqual(receiver.received, receiver.announced)
        return seconds

    def test_sizes(self):
        self.files = self.folder / "state" / "ufs"
        self.files.mkdir(parents=True)
        make_sparse(self.files / "small", MIB)
        for size in SIZES:
            make_sparse(self.files / f"{size}", size)
        self.program, self.port = self.module("--state", self.folder / "state",
                                              settings={"ufs_size": "64G"})
        activate(self.port)
        self.send("small", MIB)
        before = self.peak_kib()
        for size in SIZES:
            # The commands' numbers have 32 bits: the largest stands for what is larger.
            seconds = self.send(f"{size}", min(size, 0xFFFFFFFF))
            peak = self.peak_kib()
            print(f"    {size} bytes in {seconds:.1f} s, {size / seconds / 1e6:.0f} MB/s; peak memory "
                  f"{peak} KiB, {before} KiB with 1 MiB", flush=True)
            self.assertLess(peak - before, RISE_KIB)
        if not QUICK:
            self.download(SIZES[-1])

    def download(self, size):
        """AT+QFDWL ends where the file does."""
        self.port.connect(f'AT+QFDWL="{size}"')
        left = size
        with (self.files / f"{size}").open("rb") as file:
            while left > 0:
                data = self.port.take(min(left, MIB), 600)
                self.assertTrue(data == file.read(len(data)), f"other bytes before {size - left}")
                left -= len(data)
                self.port.heard = b""
        answer = self.port.answer(600)
        self.assertEqual(answer.final, "OK")
        self.assertRegex(answer.lines[0], rb"^\+QFDWL: 4294967295,[0-9a-f]+$")
        print(f"    {size} bytes were downloaded", flush=True)


if __name__ == "__main__":
    sys.argv = [word for word in sys.argv if word != "--quick"]
    harness.main()
