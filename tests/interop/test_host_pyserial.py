#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""python3-serial, on the pty and through its socket:// handler: a mail with an attachment."""
import io

import harness
import hosts
from atclient import checksum
from harness import SOON, seeded_bytes
from hosts import HostTest

try:
    import serial
except ImportError:
    serial = None

FINALS = ("OK", "ERROR", "CONNECT")


class Driver:
    """A driver as people write them with pyserial: lines by readline(), CR LF behind commands."""

    def __init__(self, line):
        self.line = line

    def command(self, text):
        """Information lines and the final result; fails at the time-out of the port."""
        self.line.write(text.encode() + b"\r\n")
        lines = []
        while True:
            raw = self.line.readline()
            if not raw.endswith(b"\r\n"):
                raise AssertionError(f"{text!r}: no answer in time, had {lines!r} and {raw!r}")
            text_line = raw.strip().decode()
            if text_line in FINALS or text_line.startswith("+CME ERROR"):
                return lines, text_line
            lines += [text_line] if text_line else []

    def ok(self, text, final="OK"):
        lines, got = self.command(text)
        if got != final:
            raise AssertionError(f"{text!r} answered {lines!r} {got!r}")
        return lines

    def data(self, text, data, result):
        """A command with data mode."""
        self.ok(text, "CONNECT")
        self.line.write(data)
        for expected in (result, "OK"):
            while not (got := self.line.readline()).strip() and got:
                pass
            if got.strip() != expected.encode():
                raise AssertionError(f"after the data of {text!r}: {got!r}, not {expected!r}")


@harness.unittest.skipUnless(serial, "python3-serial is not installed")
class Pyserial(HostTest):
    def mail(self, line, subject):
        driver = Driver(line)
        picture = seeded_bytes(20_000)
        driver.ok("ATE0")
        self.assertEqual(driver.ok("AT+CGMI"), ["Quectel"])
        self.assertEqual(driver.ok("AT+CSQ"), ["+CSQ: 21,99"])
        driver.ok('AT+QICSGP=1,1,"internet","","",1')
        driver.ok("AT+QIACT=1")
        driver.ok('AT+QSMTPCFG="smtpserver","mail.example.com",465')
        driver.ok('AT+QSMTPCFG="ssltype",1')
        driver.ok('AT+QSMTPCFG="account","pump7","secret"')
        driver.ok('AT+QSMTPCFG="sender","Pump 7","pump7@example.com"')
        driver.ok('AT+QSMTPDST=1,1,"alarm@example.com"')
        driver.ok(f'AT+QSMTPSUB=0,"{subject}"')
        driver.data(f'AT+QFUPL="RAM:picture.jpg",{len(picture)},60', picture,
                    f"+QFUPL: {len(picture)},{checksum(picture)}")
        driver.ok('AT+QSMTPATT=1,1,"RAM:picture.jpg"')
        driver.data("AT+QSMTPBODY=0,24,60", b"Pump 7 is too hot: 93 C.", "+QSMTPBODY: 24")
        driver.ok("AT+QSMTPPUT=300")
        self.assertEqual(line.readline(), b"\r\n")
        self.assertEqual(line.readline(), b"+QSMTPPUT: 0,0\r\n")
        mail, = self.caught()
        self.check_mail(mail, "alarm@example.com", subject, "Pump 7 is too hot: 93 C.", picture)

    def test_a_mail_over_a_pty(self):
        self.serve_host()
        with serial.Serial(str(self.link), 115200, timeout=SOON, write_timeout=SOON) as line:
            self.mail(line, "pyserial on a pty")

    def test_a_mail_over_tcp(self):
        program = self.serve_host("--tcp", "127.0.0.1:0")
        host, port = program.address("usbmodem")
        with serial.serial_for_url(f"socket://{host}:{port}", timeout=SOON) as line:
            self.mail(line, "pyserial over TCP")

    def test_text_lines(self):
        """The other way of its manual: a text stream around the port. Its buffer asks for more
        than comes, so that each read lasts as long as the port's time-out."""
        self.serve_host()
        with serial.Serial(str(self.link), 9600, timeout=1) as line:
            text = io.TextIOWrapper(io.BufferedRWPair(line, line), encoding="ascii", newline="\r\n",
                                    write_through=True)

            def ask(command):
                text.write(command + "\r")
                text.flush()
                lines = []
                harness.wait_until(lambda: lines.append(text.readline()) or "OK\r\n" in lines,
                                   f"OK to {command}")
                return [piece.strip() for piece in lines if piece.strip()]

            self.assertEqual(ask("ATE0"), ["ATE0", "OK"])
            self.assertEqual(ask("AT+CGSN"), ["867698040000012", "OK"])


if __name__ == "__main__":
    hosts.main()
