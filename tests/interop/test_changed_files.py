#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Attached files that somebody changes, takes away or cannot read any more while their mail is sent
(SD86): the result is 661, and no server takes the mail, whole or in part."""
import contextlib
import os
import re

import harness
from certificates import Authority
from gate import Gate
from harness import seeded_bytes
from postfix import Postfix
from program import ProgramTest, activate, configure, trust, write_mail
from sinks import Sink

MIB = 1 << 20
LARGE = 8 * MIB
SMALL = seeded_bytes(5000)
# Bytes on the wire after which something happens: in the dialogue, when the files are open; with
# the first bytes of the file; in the middle.
MOMENTS = (30, 4000, 2 * MIB)
# The message and what is behind it, as it leaves after DATA, or after the size that BDAT tells.
MESSAGE = re.compile(rb"\r\n(?:DATA|BDAT (\d+) LAST)\r\n(.*)\Z", re.S)


def cut(path):
    os.truncate(path, path.stat().st_size - 1)


def empty(path):
    os.truncate(path, 0)


def append(path):
    with path.open("ab") as file:
        file.write(b"x")


def overwrite(path):
    with path.open("r+b") as file:
        file.write(b"other bytes")


def remove(path):
    path.unlink()


def replace(path):
    other = path.with_name("other")
    other.write_bytes(b"y" * path.stat().st_size)
    os.replace(other, path)


CHANGES = (cut, empty, append, overwrite, remove, replace)


class ChangedFiles(ProgramTest):
    def setUp(self):
        super().setUp()
        self.number = 0
        self.sources = {}  # content -> the file that it is copied from
        self.ssltype = 0

    def start(self, **options):
        self.files = self.folder / "state" / "ufs"
        self.program, self.port = self.module("--state", self.folder / "state", **options)
        activate(self.port)

    def recipient(self):
        self.number += 1
        # Of one length, for those who count bytes.
        return f"n{self.number:02}@{self.id().rsplit('.', 1)[1].replace('_', '-')}.test"

    def attach(self, port, *contents):
        """A new draft with files a0, a1...; its recipient."""
        configure(self.port, ("localhost" if self.ssltype else "127.0.0.1", port), self.ssltype)
        recipient = self.recipient()
        write_mail(self.port, [recipient])
        for index, content in enumerate(contents):
            if content not in self.sources:
                self.sources[content] = f"source{len(self.sources)}"
                self.put(self.sources[content], content)
            self.port.ok(f'AT+QFMOV="{self.sources[content]}","a{index}",1,1')
            self.port.ok(f'AT+QSMTPATT=1,{index + 1},"a{index}"')
        return recipient

    def put(self, name, content):
        if content:
            self.port.upload(name, content)
        else:  # An upload has a byte at least.
            line, = self.port.ok(f'AT+QFOPEN="{name}"')
            self.port.ok(f'AT+QFCLOSE={line.rpartition(" ")[2]}')

    def broken(self, gate, recipient):
        """What must hold after the result; the recipient that must have got nothing."""
        sent = gate.wait_ended()
        if self.ssltype == 0:
            message = MESSAGE.search(sent)
            self.assertTrue(message or len(sent) < MOMENTS[1], "no message was begun")
            size, data = message.groups() if message else (None, b"")
            if size:
                self.assertLess(len(data), int(size))
            self.assertNotIn(b"\r\n.\r\n", data)
            self.assertNotIn(b"\r\nQUIT\r\n", data)
        return recipient

    def one_change(self, server, change, hold, contents, which=0):
        with Gate(server, hold) as gate:
            recipient = self.attach(gate.port, *contents)
            self.port.ok("AT+QSMTPPUT=300")
            gate.wait_held()
            change(self.files / f"a{which}")
            gate.open()
            with self.subTest(change=change.__name__, hold=hold, which=which):
                self.assertEqual(self.port.mail_result(), (661, 0))
                return self.broken(gate, recipient)

    def whole(self, server, content):
        """The server and the module still do their work."""
        recipient = self.attach(server, content)
        self.assertEqual(self.port.send_mail(), (0, 0))
        return recipient

    def test_changes(self):
        """Everything that can happen to a file, at each moment; aiosmtpd as the server."""
        self.start()
        large = seeded_bytes(LARGE)
        with Sink() as sink:
            for hold in MOMENTS:
                for change in CHANGES if hold == MOMENTS[-1] else (append, remove):
                    self.one_change(sink.port, change, hold, [large])
            recipient = self.whole(sink.port, b"still here")
            self.assertEqual([mail.recipients for mail in sink.mails], [[recipient]])

    def test_small_and_empty_files(self):
        """A file that is read in one piece, one without a byte to read, one of several."""
        self.start()
        with Sink() as sink:
            for change in CHANGES:
                self.one_change(sink.port, change, MOMENTS[0], [b"three"])
            for change in (append, overwrite, remove):
                self.one_change(sink.port, change, MOMENTS[0], [b"", b"x"], which=0)
                self.one_change(sink.port, change, MOMENTS[0], [b"x", b""], which=1)
            recipient = self.whole(sink.port, b"")
            self.assertEqual([mail.recipients for mail in sink.mails], [[recipient]])

    def test_changes_with_postfix(self):
        with contextlib.ExitStack() as stack:
            shared = stack.enter_context(harness.Shared())
            server = stack.enter_context(Postfix(shared.folder, Authority(shared.folder)))
            self.start()
            large = seeded_bytes(LARGE)
            lost = [self.one_change(server.ports["plain"], change, MOMENTS[-1], [large])
                    for change in CHANGES]
            recipient = self.whole(server.ports["plain"], b"still here")
            self.assertEqual(server.count(recipient), 1)
            self.assertEqual([server.count(name) for name in lost], [0] * len(lost))
            for recipient in self.changes_after_the_last_read(server.ports["plain"], b"BDAT"):
                self.whole_file(server.received(recipient))

    def test_changes_over_tls(self):
        authority = Authority(self.folder)
        self.start()
        trust(self.port, authority)
        self.ssltype = 1
        large = seeded_bytes(LARGE)
        with Sink(authority.issue(), implicit=True) as sink:
            for change in (cut, append, remove):
                self.one_change(sink.port, change, MOMENTS[-1], [large])
            recipient = self.whole(sink.port, b"still here")
            self.assertEqual([mail.recipients for mail in sink.mails], [[recipient]])

    def changes_after_the_last_read(self, server, verb):
        """The mail has left, only its reply is still to come. The recipients of all mails."""
        recipients = []
        for change in CHANGES:
            # The length of such a mail on the wire, up to its end.
            with Gate(server) as gate:
                recipients.append(self.attach(gate.port, SMALL))
                self.assertEqual(self.port.send_mail(), (0, 0))
                sent = gate.wait_ended()
                self.assertTrue(MESSAGE.search(sent)[0].startswith(b"\r\n" + verb))
                length = len(sent) - len(b"QUIT\r\n")
            with Gate(server, length) as gate:
                recipients.append(self.attach(gate.port, SMALL))
                self.port.ok("AT+QSMTPPUT=300")
                gate.wait_held()
                change(self.files / "a0")
                gate.open()
                with self.subTest(change=change.__name__):
                    self.assertEqual(self.port.mail_result(), (0, 0))
        return recipients

    def whole_file(self, mails):
        """One mail, with the file as it was."""
        mail, = mails
        _, part = mail.message.iter_parts()
        self.assertTrue(part.get_payload(decode=True) == SMALL)

    def test_after_the_last_read(self):
        self.start()
        with Sink() as sink:
            recipients = self.changes_after_the_last_read(sink.port, b"DATA")
            self.assertEqual([mail.recipients for mail in sink.mails], [[name] for name in recipients])
            for mail in sink.mails:
                self.whole_file([mail])

    def test_what_the_host_itself_does(self):
        """A second port deletes and renames: what was opened is sent."""
        self.files = self.folder / "state" / "ufs"
        program = self.serve("--tcp", "127.0.0.1:0", "--tcp", "127.0.0.1:0",
                             "--state", self.folder / "state")
        names = list(program.ports)
        self.port, other = (program.tcp(name).start() for name in names)
        activate(self.port)
        content = seeded_bytes(LARGE)
        commands = ('AT+QFDEL="a0"', 'AT+QFMOV="b","a0",0,1', 'AT+QFMOV="a0","c"', 'AT+QFDEL="*"')
        self.sources = {}
        with Sink() as sink:
            for command in commands:
                with Gate(sink.port, MOMENTS[-1]) as gate:
                    self.attach(gate.port, content, b"another file")
                    self.port.ok('AT+QFMOV="a1","b",0,1')
                    self.attach(gate.port, content)
                    self.port.ok("AT+QSMTPPUT=300")
                    gate.wait_held()
                    other.ok(command)
                    gate.open()
                    with self.subTest(command=command):
                        self.assertEqual(self.port.mail_result(), (0, 0))
                        _, part = sink.mails[-1].message.iter_parts()
                        self.assertTrue(part.get_payload(decode=True) == content)

    def test_disk_that_fails(self):
        library = os.environ.get("BAD_DISK",
                                 str(harness.ROOT / "build/tests/interop/bad_disk.so"))
        flag = self.folder / "fails"
        environment = dict(os.environ, LD_PRELOAD=library, BAD_DISK_FAILS="/state/ufs/",
                           BAD_DISK_WHILE=str(flag))
        environment["ASAN_OPTIONS"] = (environment.get("ASAN_OPTIONS", "")
                                       + ":verify_asan_link_order=0")
        self.start(environment=environment)
        with Sink() as sink:
            for hold, content in ((MOMENTS[0], b"three"), (MOMENTS[-1], seeded_bytes(LARGE))):
                self.one_change(sink.port, lambda _: flag.touch(), hold, [content])
                flag.unlink()
            recipient = self.whole(sink.port, b"still here")
            self.assertEqual([mail.recipients for mail in sink.mails], [[recipient]])

    def test_body_that_was_cut(self):
        """The body has no name, but whoever may can get at it."""
        self.start()
        with Sink() as sink, Gate(sink.port, MOMENTS[0]) as gate:
            recipient = self.attach(gate.port)
            self.port.ok("AT+QSMTPPUT=300")
            gate.wait_held()
            bodies = [link for link in self.scratch_files()]
            self.assertEqual(len(bodies), 1)
            os.truncate(bodies[0], 3)
            gate.open()
            self.assertEqual(self.port.mail_result(), (661, 0))
            self.broken(gate, recipient)
            self.assertEqual(sink.mails, [])

    def scratch_files(self):
        folder = f"/proc/{self.program.pid}/fd"
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                target = os.readlink(f"{folder}/{name}")
                if target.startswith(str(self.folder)) and target.endswith(" (deleted)"):
                    yield f"{folder}/{name}"


if __name__ == "__main__":
    harness.main()
