# SPDX-License-Identifier: MIT
"""The mails of the main job, to be sent through any server: test_postfix.py and test_sink_mail.py
run all of them. A server offers ports["plain" | "submission" | "smtps"] on 127.0.0.1, the account
user@example.com / secret, and received(recipient)."""
import re

from certificates import Authority
from harness import seeded_bytes
from program import ProgramTest, activate, configure, trust, write_mail

ACCOUNT = ("user@example.com", "secret")
MIB = 1 << 20
PLAIN, IMPLICIT, STARTTLS = 0, 1, 2
# The host name that the certificates are for.
HOST = "localhost"

# charset number of the commands -> (its name, a text that needs it)
CHARSETS = {
    0: ("ascii", "Pump 7: 93.5 C, limit 90"),
    1: ("utf-8", "Überhitzung: Pumpe 7 → 93 °C ✓ 水泵"),
    2: ("gb2312", "七号水泵温度过高，请立即检查。"),
    3: ("big5", "七號水泵溫度過高，請立即檢查。許功蓋"),
}


class MailCases(ProgramTest):
    """The subclass sets `server` and `authority`."""
    server = authority = None

    def address(self, kind, host=HOST):
        return host, self.server.ports[kind]

    def recipient(self, word):
        return f"{word}@{self.id().rsplit('.', 1)[1].replace('_', '-')}.test"

    def one_mail(self, recipient):
        mail, = self.server.received(recipient)
        self.check_wire_form(mail.raw)
        return mail

    def check_wire_form(self, raw):
        """What RFC 5321 and 5322 ask of any mail that leaves."""
        self.assertNotRegex(raw.replace(b"\r\n", b""), rb"[\r\n\0]")
        self.assertLessEqual(max(map(len, raw.split(b"\r\n"))), 998)
        head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
        for name in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version"):
            self.assertEqual(len(re.findall(f"(?mi)^{name}:", head)), 1, name + "\n" + head)
        self.assertNotRegex(head, "(?mi)^bcc:")

    # ---- the manual's three examples ----------------------------------------------------------
    def manual_example(self, port, kind, ssltype):
        """Chapter 3 as a driver types it; `ssltype` and the server's port are what differs."""
        attachment = bytes(range(200))
        recipient, copy = self.recipient("quectel"), self.recipient("copy")
        port.ok('AT+QICSGP=1,1,"UNINET","","",1')
        port.ok("AT+QIACT=1")
        self.assertRegex(port.ok("AT+QIACT?")[0], r'^\+QIACT: 1,1,1,"[0-9.]+"$')
        port.ok('AT+QSMTPCFG="contextid",1')
        port.ok(f'AT+QSMTPCFG="ssltype",{ssltype}')
        if ssltype != PLAIN:
            port.ok('AT+QSMTPCFG="sslctxid",1')
            trust(port, self.authority)
        port.ok('AT+QSMTPCFG="smtpserver","%s",%d' % self.address(kind))
        if ssltype != PLAIN:
            port.ok('AT+QSMTPCFG="account","%s","%s"' % ACCOUNT)
        port.ok('AT+QSMTPCFG="sender","quectel","quectel@example.com"')
        port.ok(f'AT+QSMTPDST=1,1,"{recipient}"')
        port.ok(f'AT+QSMTPDST=1,2,"{copy}"')
        port.ok('AT+QSMTPSUB=0,"TEST SMTP"')
        self.assertEqual(port.ok("AT+QSMTPSUB?"), ['+QSMTPSUB: 0,"TEST SMTP"'])
        port.body(b"This is the body of the manual's example. ".ljust(100, b"x"))
        port.upload("RAM:test.txt", attachment, timeout=300)
        self.assertEqual(port.ok('AT+QFLST="RAM:test.txt"'), ['+QFLST: "RAM:test.txt",200'])
        port.ok('AT+QSMTPATT=1,1,"RAM:test.txt"')
        self.assertEqual(port.ok("AT+QSMTPATT?"), ['+QSMTPATT: 1,"RAM:test.txt",200'])
        self.assertEqual(port.send_mail(), (0, 0))
        port.ok("AT+QSMTPCLR")
        port.ok('AT+QFDEL="RAM:test.txt"')
        port.ok("AT+QIDEACT=1")
        for name in (recipient, copy):
            message = self.one_mail(name).message
            self.assertEqual(message["Subject"], "TEST SMTP")
            self.assertEqual(message["From"].addresses[0].display_name, "quectel")
            self.assertEqual(message["To"].addresses[0].addr_spec, recipient)
            self.assertEqual(message["Cc"].addresses[0].addr_spec, copy)
            body, part = message.iter_parts()
            self.assertEqual(body.get_content().rstrip("\n").rstrip("x"),
                             "This is the body of the manual's example. ")
            self.assertEqual((part.get_filename(), part.get_payload(decode=True)),
                             ("test.txt", attachment))

    def test_manual_plain_on_a_pty(self):
        link = self.folder / "modem"
        program = self.serve("--pty", link)
        self.manual_example(program.pty(link).start(), "plain", PLAIN)

    def test_manual_plain_on_tcp(self):
        self.manual_example(self.module()[1], "plain", PLAIN)

    def test_manual_ssl(self):
        self.manual_example(self.module()[1], "smtps", IMPLICIT)

    def test_manual_starttls(self):
        self.manual_example(self.module()[1], "submission", STARTTLS)

    def test_manual_starttls_on_a_pty(self):
        link = self.folder / "modem"
        program = self.serve("--pty", link)
        self.manual_example(program.pty(link).start(), "submission", STARTTLS)

    # ---- attachments ---------------------------------------------------------------------------
    def send_attachments(self, port, kind, ssltype, sizes, storage="RAM"):
        activate(port)
        configure(port, self.address(kind), ssltype, ACCOUNT if ssltype != PLAIN else None)
        if ssltype != PLAIN:
            trust(port, self.authority)
        recipient = self.recipient("b")
        write_mail(port, [recipient])
        contents = [seeded_bytes(size, seed) for seed, size in enumerate(sizes, 1)]
        for index, content in enumerate(contents, 1):
            name = f"{storage}:data{index}.bin"
            port.upload(name, content)
            port.ok(f'AT+QSMTPATT=1,{index},"{name}"')
        self.assertEqual(port.send_mail(), (0, 0))
        body, *parts = self.one_mail(recipient).message.iter_parts()
        self.assertEqual(body.get_content().strip(), "Pump 7 is too hot.")
        self.assertEqual([part.get_filename() for part in parts],
                         [f"data{index}.bin" for index in range(1, len(sizes) + 1)])
        for part, content in zip(parts, contents):
            # Compared apart from assertEqual, which would print megabytes.
            self.assertTrue(part.get_payload(decode=True) == content, "attachment differs")

    def test_1_mib_plain(self):
        self.send_attachments(self.module()[1], "plain", PLAIN, [MIB])

    def test_25_mib_plain(self):
        self.send_attachments(self.module()[1], "plain", PLAIN, [25 * MIB])

    def test_25_mib_tls(self):
        self.send_attachments(self.module()[1], "smtps", IMPLICIT, [25 * MIB])

    def test_1_mib_starttls_on_a_pty(self):
        link = self.folder / "modem"
        program = self.serve("--pty", link)
        self.send_attachments(program.pty(link).start(), "submission", STARTTLS, [MIB])

    def test_ten_attachments_of_odd_sizes(self):
        sizes = [1, 2, 3, 56, 57, 58, 4095, 4097, 65536, 100001]
        self.send_attachments(self.module()[1], "plain", PLAIN, sizes)

    # ---- charsets --------------------------------------------------------------------------------
    def charset(self, number):
        name, text = CHARSETS[number]
        _, port = self.module()
        activate(port)
        configure(port, self.address("plain"))
        recipient = self.recipient("b")
        port.ok(f'AT+QSMTPDST=1,1,"{recipient}"')
        port.ok(b'AT+QSMTPSUB=%d,"%s"' % (number, text.encode(name)))
        lines = f"{text}\r\n\r\n.\r\n..{text}\r\n" + text * 20 + "\r\n"
        port.body(lines.encode(name), number)
        self.assertEqual(port.send_mail(), (0, 0))
        mail = self.one_mail(recipient)
        self.assertEqual(mail.message["Subject"], text)
        self.assertEqual(mail.message.get_content_charset(),
                         {"ascii": "us-ascii"}.get(name, name))
        self.assertEqual(mail.message.get_content().replace("\r\n", "\n"),
                         lines.replace("\r\n", "\n"))
        for word in re.findall(rb"=\?[^ \r\n]*", mail.raw.partition(b"\r\n\r\n")[0]):
            self.assertLessEqual(len(word), 75)

    def test_charset_ascii(self):
        self.charset(0)

    def test_charset_utf_8(self):
        self.charset(1)

    def test_charset_gb2312(self):
        self.charset(2)

    def test_charset_big5(self):
        self.charset(3)

    # ---- recipients --------------------------------------------------------------------------------
    def test_to_cc_and_bcc(self):
        _, port = self.module()
        activate(port)
        configure(port, self.address("plain"))
        names = [self.recipient(word) for word in ("to", "cc", "bcc")]
        write_mail(port, list(zip((1, 2, 3), names)))
        self.assertEqual(port.send_mail(), (0, 0))
        for name in names:
            mail = self.one_mail(name)
            self.assertNotIn(names[2].encode(), mail.raw)

    def test_draft_is_kept_for_a_second_send(self):
        _, port = self.module()
        activate(port)
        configure(port, self.address("plain"))
        recipient = self.recipient("b")
        write_mail(port, [recipient])
        self.assertEqual(port.send_mail(), (0, 0))
        self.assertEqual(port.send_mail(), (0, 0))
        first, second = self.server.received(recipient, 2)
        self.assertEqual(first.message["Message-ID"], second.message["Message-ID"])

    def test_refused_recipient(self):
        _, port = self.module()
        activate(port)
        configure(port, self.address("plain"))
        write_mail(port, [self.recipient("b"), self.recipient("refused")])
        self.assertEqual(port.send_mail(), (678, 550))
        # Nothing was delivered to anybody: the next mail is the only one there is.
        port.ok(f'AT+QSMTPDST=0,1,"{self.recipient("refused")}"')
        self.assertEqual(port.send_mail(), (0, 0))
        self.one_mail(self.recipient("b"))

    def test_refused_recipient_with_recipients_any(self):
        _, port = self.module(settings={"recipients": "any"})
        activate(port)
        configure(port, self.address("plain"))
        write_mail(port, [self.recipient("refused"), self.recipient("b")])
        self.assertEqual(port.send_mail(), (0, 0))
        self.one_mail(self.recipient("b"))

    # ---- accounts --------------------------------------------------------------------------------
    def test_wrong_password(self):
        for kind, ssltype in (("submission", STARTTLS), ("smtps", IMPLICIT)):
            _, port = self.module(name=kind)
            activate(port)
            configure(port, self.address(kind), ssltype, (ACCOUNT[0], "wrong"))
            trust(port, self.authority)
            write_mail(port, [self.recipient("b")])
            self.assertEqual(port.send_mail(), (677, 535))

    def test_account_in_clear(self):
        """The manual's plain example gives an account: AUTH without TLS, as a module does it."""
        _, port = self.module()
        activate(port)
        configure(port, self.address("submission"), PLAIN, ACCOUNT)
        write_mail(port, [self.recipient("b")])
        self.assertEqual(port.send_mail(), (0, 0))
        self.one_mail(self.recipient("b"))

    # ---- certificates --------------------------------------------------------------------------
    def test_certificate_of_an_unknown_authority(self):
        other = Authority(self.folder, "Another CA")
        for kind, ssltype in (("submission", STARTTLS), ("smtps", IMPLICIT)):
            _, port = self.module(name=kind)
            activate(port)
            configure(port, self.address(kind), ssltype, ACCOUNT)
            trust(port, other)
            write_mail(port, [self.recipient("b")])
            self.assertEqual(port.send_mail(), (665, 0))

    def test_certificate_is_not_checked_at_seclevel_0(self):
        _, port = self.module()
        activate(port)
        configure(port, self.address("smtps"), IMPLICIT, ACCOUNT)
        port.ok('AT+QSSLCFG="seclevel",1,0')
        write_mail(port, [self.recipient("b")])
        self.assertEqual(port.send_mail(), (0, 0))
        self.one_mail(self.recipient("b"))
