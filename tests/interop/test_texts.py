#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Subjects, names of senders and of files in all charsets, typed into the program: two readers give
back what was typed."""
import harness
from mime_round_trip import Typist, check_words
from mimereaders import BIG5, CODECS, GB2312, LABELS, UTF8, Judge, shared_readers
from program import ProgramTest, activate
from sinks import Sink

MAILS = 40
# Characters that a command line or a file name of the module cannot hold in a text.
ABSENT = str.maketrans({'"': "'", "/": "_", ":": "_", "*": "_"})


class Texts(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.share()
        cls.readers = shared_readers(cls.shared)

    def send(self, port, sink, charset, subject, sender, names):
        """A mail with these texts, each as bytes."""
        port.ok("AT+QSMTPCLR")
        port.ok('AT+QSMTPCFG="smtpserver","127.0.0.1",%d' % sink.port)
        port.ok(b'AT+QSMTPCFG="sender","%b","pump7@example.com"' % sender)
        port.ok('AT+QSMTPDST=1,1,"b@example.com"')
        port.ok(b'AT+QSMTPSUB=%d,"%b"' % (charset, subject))
        self.assertEqual(port.command("AT+QSMTPSUB?").lines,
                         [b'+QSMTPSUB: %d,"%b"' % (charset, subject)])
        parts = [(name, b"content of %d" % number) for number, name in enumerate(names)]
        for number, (name, data) in enumerate(parts, 1):
            port.connect(b'AT+QFUPL="%b",%d,60' % (name, len(data)))
            port.write(data)
            self.assertEqual(port.answer().final, "OK")
            port.ok(b'AT+QSMTPATT=1,%d,"%b"' % (number, name))
        self.assertEqual(port.send_mail(), (0, 0))
        for name in names:
            port.ok(b'AT+QFDEL="%b"' % name)
        raw = sink.mails[-1].raw
        wanted = Judge.expect(subject=subject, subject_charset=charset, sender_name=sender,
                              parts=parts)
        self.assertNotIn(None, [wanted["subject"], wanted["sender_name"], *wanted["files"]])
        for name, reader in self.readers.items():
            Judge.compare(name, wanted, reader.read(raw), raw)
        return check_words(raw, True)

    def start(self):
        _, port = self.module(settings={"limits": "wide"})
        activate(port)
        return port

    def test_known_texts(self):
        """Trail bytes that are a backslash; characters of GBK alone; four bytes of UTF-8."""
        cases = ((BIG5, "許功蓋：水泵過熱", "功許蓋", ("功許蓋.txt", "許" * 38)),
                 (GB2312, "告警：朱镕基 鎔 丂", "张三", ("报表鎔.csv", "三号泵故障" * 7 + ".txt")),
                 (UTF8, "🎉 Überhitzung → 水泵", "Müller, 🎉", ("日本語🎉.png", "ü" * 38 + ".pdf")))
        port = self.start()
        with Sink() as sink:
            for charset, subject, sender, names in cases:
                codec = CODECS[LABELS[charset]]
                with self.subTest(charset=LABELS[charset]):
                    self.send(port, sink, charset, subject.encode(codec), sender.encode(codec),
                              [name.encode(codec) for name in names])

    def test_made_texts(self):
        typist, words = Typist(20261126), 0
        port = self.start()
        with Sink() as sink:
            for _ in range(MAILS):
                charset = typist.random.randrange(4)
                codec = CODECS[LABELS[charset]]
                subject = typist.text(charset, 120).translate(ABSENT).encode(codec)
                sender = typist.text(charset, 30).translate(ABSENT).encode(codec)
                names = {typist.file_name(charset).decode(codec).translate(ABSENT).encode(codec)
                         for _ in range(typist.random.randrange(4))} - {b""}
                words += self.send(port, sink, charset, subject, sender, sorted(names))
        print(f"    {MAILS} mails in {words} encoded-words came back as they were typed, read by: "
              f"{', '.join(self.readers)}", flush=True)

    def test_both_readers_are_here(self):
        if "gmime" not in self.readers:
            self.skipTest("libgmime-3.0-dev was not there when this was built")


if __name__ == "__main__":
    harness.main()
