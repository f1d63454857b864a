#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every odd body through the program: canonical on the wire, and what was typed comes back."""
import harness
from bodies import BODIES, check_wire
from gate import Gate
from mimereaders import ASCII, GB2312, UTF8, BIG5, Judge, shared_readers
from program import ProgramTest, activate, configure
from sinks import Sink


class Bodies(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.share()
        cls.readers = shared_readers(cls.shared)
        cls.sink = cls.shared.enter_context(Sink())
        cls.gate = cls.shared.enter_context(Gate(cls.sink.port))

    def prepare(self, port):
        activate(port)
        configure(port, ("127.0.0.1", self.gate.port))
        port.ok('AT+QSMTPSUB=0,"TEST SMTP"')
        port.ok('AT+QSMTPDST=1,1,"b@example.com"')
        return port

    def send(self, port, body, charset, what):
        """One mail with that body, or with none; judged on the wire and by the readers."""
        if body is not None:
            port.body(body, charset)
        before = len(self.sink.mails)
        self.assertEqual(port.send_mail(), (0, 0), what)
        sent = self.gate.wait_ended()
        mail, = self.sink.mails[before:]
        data = sent.partition(b"\r\nDATA\r\n")[2].rpartition(b"QUIT\r\n")[0]
        try:
            check_wire(data)
            wanted = Judge.expect(subject="TEST SMTP", sender_name="Pump 7", body=body or b"")
            for name, reader in self.readers.items():
                Judge.compare(name, wanted, reader.read(mail.raw), mail.raw)
        except AssertionError as error:
            raise AssertionError(f"{what}: {error}") from error

    def every_body(self, port, charsets):
        self.prepare(port)
        count = 0
        for number, (name, body) in enumerate(BODIES.items()):
            self.send(port, body, charsets[number % len(charsets)], name)
            count += 1
        print(f"    {count} bodies came back as they were typed, read by: "
              f"{', '.join(self.readers)}", flush=True)

    def test_on_tcp(self):
        self.every_body(self.module(settings={"limits": "wide"})[1], [ASCII])

    def test_on_a_pty(self):
        link = self.folder / "modem"
        program = self.serve("--pty", link, settings={"limits": "wide"})
        self.every_body(program.pty(link).start(), [UTF8, GB2312, BIG5])

    def test_no_body(self):
        self.send(self.prepare(self.module()[1]), None, ASCII, "no body")

    def test_both_readers_are_here(self):
        if "gmime" not in self.readers:
            self.skipTest("libgmime-3.0-dev was not there when this was built")


if __name__ == "__main__":
    harness.main()
