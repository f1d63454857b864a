#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Composed mails, judged by Python's email package and by GMime (mimereaders.py).

Usage: mime_oracle.py MIME_COMPOSE [unittest arguments]    GMIME_READ is build/tests/tools/gmime_read
"""
import base64
import email
import email.header
import email.policy
import email.utils
import random
import re
import sys
import unittest

import harness
from bodies import BODIES
from mimereaders import ASCII, BIG5, CODECS, GB2312, LABELS, UTF8, Judge, Refused, normalised

COMPOSE = None
JUDGE = None
WORD = re.compile(rb"=\?([^?]+)\?B\?([A-Za-z0-9+/=]*)\?=")


def compose(**fields):
    """A message that all readers have found to be what was typed."""
    return JUDGE.compose(**fields)


def header_bytes(message, name):
    """(bytes, set of charsets) of a header field, decoded word by word."""
    value = re.sub(r"\r\n(?=\s)", "", email.message_from_bytes(message)[name])
    chunks, charsets = b"", set()
    for chunk, charset in email.header.decode_header(value):
        chunks += chunk.encode() if isinstance(chunk, str) else chunk
        if charset:
            charsets.add(charset)
    return chunks, charsets


def content(part):
    """The decoded bytes of a part with CRLF line ends, as they stand in the message."""
    return part.get_payload(decode=True)


class Oracle(unittest.TestCase):
    def check_wire(self, message, raw_addresses=False):
        """What holds for every message."""
        self.assertTrue(message.endswith(b"\r\n"))
        self.assertNotRegex(message, rb"(?<!\r)\n")
        self.assertNotRegex(message, rb"\r(?!\n)")
        self.assertNotIn(b"\0", message)
        for line in message.split(b"\r\n"):
            self.assertLessEqual(len(line), 998)
        head = message.split(b"\r\n\r\n")[0]
        if not raw_addresses:
            message.decode("ascii")
            for line in head.split(b"\r\n"):
                self.assertLessEqual(len(line), 78, line)
        for charset, payload in WORD.findall(message):
            base64.b64decode(payload, validate=True)
            word = len(b"=?" + charset + b"?B?" + payload + b"?=")
            self.assertLessEqual(word, 75)
        for name in ("From", "Subject", "Date", "Message-ID", "MIME-Version"):
            self.assertEqual(len(email.message_from_bytes(message).get_all(name, [])), 1, name)
        self.assertIsNone(email.message_from_bytes(message)["Bcc"])

    def check_words_alone(self, message):
        """Each encoded-word is decodable without its neighbours."""
        for charset, payload in WORD.findall(message):
            base64.b64decode(payload).decode(CODECS[charset.decode()])

    def body_of(self, message):
        """(payload bytes, charset, encoding) of the text part."""
        parsed = email.message_from_bytes(message)
        part = parsed.get_payload(0) if parsed.is_multipart() else parsed
        self.assertEqual(part.get_content_type(), "text/plain")
        return content(part), part.get_content_charset(), part["Content-Transfer-Encoding"]

    def check_body(self, body, charset, label, encoding, parts=()):
        message = compose(body=body, body_charset=charset, parts=list(parts))
        self.check_wire(message)
        got, got_label, got_encoding = self.body_of(message)
        self.assertEqual((got_label, got_encoding), (label, encoding))
        want = normalised(body)
        exact = parts or encoding == "base64" or want.endswith(b"\r\n") or not want
        self.assertEqual(got, want if exact else want + b"\r\n")

    # ---- headers ----

    def check_subject(self, raw, charset, label):
        message = compose(subject=raw, subject_charset=charset)
        self.check_wire(message)
        got, charsets = header_bytes(message, "Subject")
        self.assertEqual(got, raw)
        self.assertLessEqual(charsets, {label})
        return message

    def test_subject_ascii(self):
        for text in ("TEST SMTP", "", "x", "a  b", "word " * 150 + "end", "x" * 998, " lead",
                     "trail ", " ", "=?utf-8?B?YQ==?=", "a=?b", "tab\there", "x" * 64, "x" * 65,
                     "ab " * 332, "Re: [x] \"q\" <a@b>, (c); \\ : end", "a" + " " * 200 + "b"):
            with self.subTest(text=text[:40]):
                want = text.replace("\t", " ").encode()
                message = compose(subject=text)
                self.check_wire(message)
                self.assertEqual(header_bytes(message, "Subject")[0], want)

    def test_subject_utf8(self):
        for text in ("Störung", "€" * 300, "🎉" * 200, "a€🎉ß" * 70, "日本語 テスト", "é"):
            with self.subTest(text=text[:10]):
                message = self.check_subject(text.encode(), UTF8, "utf-8")
                self.check_words_alone(message)
                parsed = email.message_from_bytes(message, policy=email.policy.default)
                self.assertEqual(parsed["Subject"], text)

    def test_subject_every_cut_of_a_word(self):
        for shift in range(60):
            for text, charset in (("漢字" * 40, GB2312), ("漢字" * 40, BIG5), ("🎉" * 30, UTF8)):
                label = LABELS[charset]
                raw = ("a" * shift + text).encode(CODECS[label])
                self.check_words_alone(self.check_subject(raw, charset, label))

    def test_subject_gb2312_and_gbk(self):
        for text in ("告警：三号泵故障", "鎔鎔鎔 镕", "丂".join(["朱镕基"] * 20)):
            message = self.check_subject(text.encode("gbk"), GB2312, "gb2312")
            self.check_words_alone(message)

    def test_subject_big5_with_backslash_trail(self):
        raw = "功許蓋" .encode("big5")
        self.assertIn(0x5C, raw)
        self.check_words_alone(self.check_subject(raw * 30, BIG5, "big5"))

    def test_subject_that_does_not_fit(self):
        degree = b"21\xb0C"
        self.check_subject(degree, ASCII, "windows-1252")
        self.check_subject("21°C".encode(), ASCII, "utf-8")
        self.check_subject(degree, UTF8, "utf-8")
        self.check_subject(b"\x81", GB2312, "gb2312")
        self.check_subject(b"\xa4\xa1 \x81 cut\xa4", BIG5, "big5")
        self.check_subject("€ ok".encode(), GB2312, "utf-8")
        self.check_subject(b"\xe2\x82" * 100, UTF8, "utf-8")
        self.check_subject(bytes(range(0x80, 0x100)) * 3, ASCII, "windows-1252")

    def test_subject_fallback(self):
        message = compose(subject=b"\xa4\xa1" * 40, fallback="GBK")
        self.check_wire(message)
        for charset, payload in WORD.findall(message):
            self.assertEqual(charset, b"GBK")
            base64.b64decode(payload).decode("gbk")

    def test_injection(self):
        evil = "x\r\nBcc: victim@example.com\r\n\r\nbody\n.\r\n\0 \x7f\u0085y\u2028z"
        shown = re.sub("[\x00-\x1f\x7f]", " ", evil).encode()
        message = compose(subject=evil, subject_charset=UTF8, sender_name=evil,
                          parts=[(evil, b"data"), ("a\r\nb: c.txt", b"data")])
        self.check_wire(message)
        self.assertEqual(header_bytes(message, "Subject")[0], shown)
        parsed = email.message_from_bytes(message)
        self.assertEqual(parsed.get_payload(1).get_filename(),
                         re.sub("[\x00-\x1f\x7f]", "_", evil))
        self.assertEqual(parsed.get_payload(2).get_filename(), "a__b: c.txt")
        self.assertEqual(len(parsed.get_payload()), 3)

    def test_injection_in_addresses(self):
        for bad in ("a\r\nBcc: b@c", "a@b>\r\nX: y", "a b@c", "<a@b>", "a@b,c@d", "@b", "a@",
                    "a\0@b", "a@b\x7f", "a@b\u0085", "a@b\u2028", b"a\xff@b"):
            for field in ("to", "cc", "sender_address"):
                with self.subTest(bad=bad, field=field):
                    with self.assertRaises(Refused):
                        compose(**{field: bad})

    def test_names(self):
        for name in ("Anlage 7", "Müller, Hans", 'the "boss" \\ co', "x" * 64, "x" * 65,
                     "long name " * 12, "漢字" * 21, "🎉" * 32, " ", "=?x?B?YQ==?=", "a;b,c@d"):
            for address in ("s@example.com", "l" * 64 + "@" + "d" * 251 + ".org"):
                with self.subTest(name=name[:20]):
                    message = compose(sender_name=name, sender_address=address)
                    self.check_wire(message, raw_addresses=True)
                    parsed = email.message_from_bytes(message)
                    got_name, got_address = email.utils.parseaddr(parsed["From"])
                    got_name = str(email.header.make_header(
                        email.header.decode_header(got_name)))
                    self.assertEqual((got_name, got_address), (name, address))

    def test_name_in_subject_charset(self):
        message = compose(sender_name="张三".encode("gbk"), subject_charset=GB2312)
        self.check_wire(message)
        self.assertIn(b"=?gb2312?B?" + base64.b64encode("张三".encode("gbk")), message)

    def test_addresses(self):
        to = [f"r{i}@example.org" for i in range(100)]
        cc = ["x" * 64 + "@" + "d" * 255, "plus+tag@[192.0.2.1]", "a..b@docomo.example",
              '"a,b"@example.com', "-x@example.com"]
        message = compose(to=to, cc=cc)
        self.check_wire(message, raw_addresses=True)
        parsed = email.message_from_bytes(message)
        self.assertEqual([a for _, a in email.utils.getaddresses([parsed["To"]])], to)
        got = [part.strip() for part in re.split(r",\s(?=[^ ])", parsed["Cc"])]
        self.assertEqual(got, cc)
        for line in message.split(b"\r\n"):
            self.assertLessEqual(len(line), len("Cc: ,") + 320)

    def test_blind_only(self):
        parsed = email.message_from_bytes(compose(), policy=email.policy.default)
        self.assertEqual(str(parsed["To"]), "undisclosed-recipients:;")
        self.assertEqual(parsed["To"].addresses, ())
        self.assertIsNone(parsed["Cc"])
        self.assertIsNone(email.message_from_bytes(compose(cc="a@b.c"))["To"])

    def test_raw_utf8_addresses(self):
        address = "用户@例子.example"
        message = compose(to=[address], sender_address=address, sender_name="x")
        self.check_wire(message, raw_addresses=True)
        self.assertIn(b"To: " + address.encode() + b"\r\n", message)
        self.assertIn(b'From: "x" <' + address.encode() + b">\r\n", message)

    def test_date_and_ids(self):
        for when in (0, 951782399, 951782400, 1795511700, 4102444799):
            message = compose(date=when, message_id="id.1@host")
            parsed = email.message_from_bytes(message, policy=email.policy.default)
            self.assertEqual(parsed["Date"].datetime.timestamp(), when)
            self.assertEqual(parsed["Date"].datetime.utcoffset().total_seconds(), 3600)
            self.assertEqual(str(parsed["Message-ID"]), "<id.1@host>")
            self.assertEqual(str(parsed["MIME-Version"]), "1.0")

    # ---- bodies ----

    def test_body_7bit(self):
        for body in (b"", b"hello", b"hello\r\n", b"a\nb\rc\r\nd", b"\r\n", b"\n\n", b"\r\r\n\n",
                     b".", b"..\r\n.", b"a\r\n.\r\nb", b"a\n.\nb", b"a\r.\rb", b"a\n.\r\nb",
                     b"a\r.\r\nb", b"From me", b"x" * 998, b"tab\t \r\n", b"--=_x\r\n--",
                     b"=20 stays=\r\n", b"Subject: no\r\n\r\nheader"):
            for charset in range(4):
                for parts in ((), (("f.bin", b"\0\1"),)):
                    with self.subTest(body=body[:20], charset=charset, parts=len(parts)):
                        self.check_body(body, charset, LABELS[charset], "7bit", parts)

    def test_body_long_lines(self):
        for body in (b"x" * 999, b"x" * 1000 + b"\r\n", b"y " * 51200, b"a\n" + b"z" * 5000):
            self.check_body(body, ASCII, "us-ascii", "quoted-printable")
            self.check_body(body, UTF8, "utf-8", "quoted-printable")
            self.check_body(body, GB2312, "gb2312", "base64")
            self.check_body(body, BIG5, "big5", "base64", [("x", b"")])

    def test_body_utf8(self):
        for text in ("Wörld", "Wörld \r\n", "blank \t\n at é ends\t", "€" * 1000, "🎉\n" * 100,
                     "=ö=\r=\n", "ä" + " " * 200 + "\r\n", "ä" + " " * 74, "ä" + " " * 70):
            self.check_body(text.encode(), UTF8, "utf-8", "quoted-printable")
            self.check_body(text.encode(), UTF8, "utf-8", "quoted-printable", [("a", b"x")])

    def test_body_charsets(self):
        self.check_body("告警：三号泵\n故障".encode("gbk"), GB2312, "gb2312", "base64")
        self.check_body("功許蓋\\".encode("big5"), BIG5, "big5", "base64", [("a", b"x")])
        self.check_body(b"21\xb0C", ASCII, "windows-1252", "quoted-printable")
        self.check_body("21°C".encode(), ASCII, "utf-8", "quoted-printable")
        self.check_body(b"cut \xe2\x82", UTF8, "utf-8", "quoted-printable")
        self.check_body(b"\xa4", GB2312, "gb2312", "base64")
        self.check_body("€ €".encode(), BIG5, "utf-8", "quoted-printable")

    def test_body_control(self):
        for body in (b"\0", b"\x1a", b"a\x1bb\n", b"x\r\n\0.\r\ny", b"\x7f", b"\0" * 1000,
                     bytes(range(256)), b"\x08\r\n"):
            for charset, label in LABELS.items():
                expected = label
                if charset == ASCII and max(body) > 0x7F:
                    expected = "windows-1252"
                self.check_body(body, charset, expected, "base64")
                self.check_body(body, charset, expected, "base64", [("a", b"x")])

    def test_every_body(self):
        for name, body in BODIES.items():
            for charset in LABELS:
                for parts in ([], [("f.bin", b"\0.\r\n")]):
                    with self.subTest(body=name, charset=charset, parts=len(parts)):
                        self.check_wire(compose(body=body, body_charset=charset, parts=parts))

    def test_every_cut(self):
        """The message does not depend on how much is read or fed at once."""
        count = 0
        for name, body in BODIES.items():
            fields = {"body": body[:3000], "body_charset": UTF8, "subject": "漢字 " * 30,
                      "subject_charset": UTF8, "parts": [("漢.bin", body[:200])]}
            whole = compose(**fields)
            for size in range(1, 200):
                for kind in ("out", "feed"):
                    got = JUDGE.composer.compose(**fields, **{kind: size})
                    self.assertTrue(got == whole, f"{name}: {kind} {size}")
                    count += 1
        print(f"    {count} cuts of {len(BODIES)} bodies make the same mails", file=sys.stderr)

    # ---- attachments ----

    def check_parts(self, parts, **fields):
        message = compose(body=b"text\r\n", parts=parts, **fields)
        self.check_wire(message)
        parsed = email.message_from_bytes(message)
        self.assertEqual(parsed.get_content_type(), "multipart/mixed")
        self.assertEqual(parsed.defects, [])
        got = parsed.get_payload()[1:]
        self.assertEqual(len(got), len(parts))
        for part, (_, data) in zip(got, parts):
            self.assertEqual(part.get_payload(decode=True), data)
            self.assertEqual(part["Content-Transfer-Encoding"], "base64")
            self.assertEqual(part.get_content_disposition(), "attachment")
            self.assertEqual(part.defects, [])
        return got

    def test_attachment_sizes(self):
        generator = random.Random(7)
        for sizes in ([0], [0, 0, 1], [1, 2, 3, 56, 57, 58, 113, 114, 115], [100000, 0, 65536]):
            self.check_parts([(f"f{n}.bin", generator.randbytes(n)) for n in sizes])

    def test_file_names(self):
        names = ["log.txt", "two words.txt", 'q"uote.txt', "back\\slash", "semi;colon", "a'b%41.c",
                 "日本語.png", "Übersicht März.pdf", "🎉" * 16, "n" * 200, "percent%20.txt",
                 "=?utf-8?B?YQ==?=", "comma,name", "ü" * 100 + ".txt", "(c)"]
        names += ["a" * n + ".txt" for n in range(50, 80)] + ["ü" * n for n in range(1, 16)]
        names += ["x" * n + "é" for n in range(30, 70)]
        for at in range(0, len(names), 10):
            some = names[at:at + 10]
            for part, name in zip(self.check_parts([(n, b"x") for n in some]), some):
                self.assertEqual(part.get_filename(), name)
                raw = part.get_param("name")
                old = str(email.header.make_header(email.header.decode_header(raw)))
                self.assertEqual(old, name)

    def test_file_name_paths(self):
        cases = {"UFS:a.txt": "a.txt", "RAM:b": "b", "sd:c": "c", "UFS:dir/d.txt": "d.txt",
                 "/e": "e", "UFS:": "attachment", "x/": "attachment", "..": "attachment",
                 "UFS:.": "attachment", "12:30.txt": "12:30.txt", "": "attachment"}
        got = self.check_parts([(name, b"") for name in cases])
        self.assertEqual([part.get_filename() for part in got], list(cases.values()))

    def test_file_name_charsets(self):
        for charset, codec in ((GB2312, "gbk"), (BIG5, "big5")):
            for text in ("功許蓋.txt", "報表" * 20 + ".csv"):
                part, = self.check_parts([(text.encode(codec), b"x")], subject_charset=charset)
                encoding, _, _ = part.get_param("filename", header="content-disposition")
                self.assertEqual(encoding, LABELS[charset])
                raw = email.utils.collapse_rfc2231_value(
                    (codec, "", part.get_param("filename", header="content-disposition")[2]))
                self.assertEqual(raw, text)
        part, = self.check_parts([(b"caf\xe9.txt", b"x")])
        self.assertEqual(part.get_param("filename", header="content-disposition")[0],
                         "windows-1252")
        self.assertEqual(part.get_filename(), "café.txt")

    def test_content_types(self):
        cases = {"a.png": "image/png", "A.JPG": "image/jpeg", "b.txt": "text/plain",
                 "c.tar.gz": "application/gzip", "noext": "application/octet-stream",
                 ".txt": "application/octet-stream", "x.": "application/octet-stream",
                 "m.eml": "application/octet-stream", "d.csv": "text/csv",
                 "s.unknown": "application/octet-stream"}
        got = self.check_parts([(name, b"x") for name in cases])
        self.assertEqual([part.get_content_type() for part in got], list(cases.values()))

    # ---- everything at once ----

    def test_random_mails(self):
        generator = random.Random(20261124)
        alphabet = ["a", "Z", " ", "\t", "=", "é", "漢", "🎉", "\r\n", "\n", "\r", ".", "-", "\0"]
        for seed in range(1, 120):
            pick = generator.choices(alphabet, k=generator.randrange(0, 600))
            subject = re.sub("[\x00-\x1f]", "", "".join(generator.choices(alphabet, k=60)))
            body = "".join(pick).encode()
            parts = [(f"f{i}.bin", generator.randbytes(generator.randrange(0, 5000)))
                     for i in range(generator.randrange(0, 3))]
            fields = dict(subject=subject, subject_charset=UTF8, body=body, body_charset=UTF8,
                          parts=parts, to=["a@b.c"])
            message = compose(**fields)
            self.assertEqual(message, compose(seed=seed, **fields))
            self.check_wire(message)
            self.assertEqual(header_bytes(message, "Subject")[0], subject.encode())
            got = self.body_of(message)[0]
            self.assertIn(got, (normalised(body), normalised(body) + b"\r\n"))
            if parts:
                payload = email.message_from_bytes(message).get_payload()
                self.assertEqual([content(p) for p in payload[1:]], [d for _, d in parts])


def setUpModule():
    global JUDGE
    JUDGE = Judge(COMPOSE)
    unittest.addModuleCleanup(JUDGE.close)


def tearDownModule():
    print(f"{JUDGE.count} mails, read by: {', '.join(JUDGE.readers)}", file=sys.stderr)


class Readers(unittest.TestCase):
    def test_both_are_here(self):
        if "gmime" not in JUDGE.readers:
            self.skipTest("libgmime-3.0-dev was not there when this was built")


if __name__ == "__main__":
    COMPOSE = sys.argv.pop(1)
    harness.main()
