#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""RFC 2217: python3-serial's client, and hosts that do it by hand, rudely or not at all."""
import os
import re
import select
import socket
import time
import unittest

import harness
from atclient import Port, TcpPort, checksum
from harness import SOON, Expired, seeded_bytes, wait_until
from program import ProgramTest

try:
    import serial
except ImportError:
    serial = None

RATES = (4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600, 2900000, 3000000,
         3200000, 3686400, 4000000)


class Rfc2217Port(Port):
    """An open port of python3-serial, spoken as the others are."""

    def __init__(self, address, **options):
        super().__init__()
        self.com = serial.serial_for_url(f"rfc2217://{address[0]}:{address[1]}", timeout=0.05,
                                          **options)

    def _pull(self, deadline, what):
        while True:
            piece = self.com.read(max(1, self.com.in_waiting))
            if piece:
                self.buffer += piece
                self.heard += piece
                return
            if time.monotonic() > deadline:
                raise Expired(f"no {what}; unread: {self.buffer[-300:]!r}")

    def write(self, data):
        self.com.write(data)

    def close(self):
        self.com.close()


@unittest.skipUnless(serial, "python3-serial is not installed")
class Pyserial(ProgramTest):
    def open(self, *arguments, **options):
        self.program = self.serve("--rfc2217", "127.0.0.1:0", *arguments)
        return self.again(**options)

    def again(self, **options):
        port = Rfc2217Port(self.program.address(), **options)
        self.addCleanup(port.close)
        return port.start()

    def test_ready_line(self):
        program = self.serve("--rfc2217", "[::1]:0")
        self.assertRegex(program.out.read_text(), r"\Aready usbat rfc2217 \[::1\]:[1-9]\d*\n\Z")

    def test_dtr_ends_a_body_under_d1(self):
        port = self.open()
        port.ok("AT&D1")
        port.connect("AT+QSMTPBODY=0,100,60")
        port.write(b"Pump 7")
        port.com.dtr = False
        answer = port.answer()
        self.assertEqual((answer.lines, answer.final), ([b"+QSMTPBODY: 6"], "OK"))
        port.com.dtr = True
        port.ok("AT")
        port.connect('AT+QFUPL="RAM:a",100,60')
        port.write(b"abc")
        port.com.dtr = False
        answer = port.answer()
        self.assertEqual((answer.lines, answer.final), ([f"+QFUPL: 3,{checksum(b'abc')}".encode()], "OK"))

    def test_dtr_does_nothing_under_d0_and_d2(self):
        port = self.open()
        for setting in ("AT&D0", "AT&D2"):
            port.ok(setting)
            port.connect("AT+QSMTPBODY=0,10,60")
            port.write(b"12345")
            port.com.dtr = False
            port.com.dtr = True
            port.write(b"67890")
            answer = port.answer()
            self.assertEqual((answer.lines, answer.final), ([b"+QSMTPBODY: 10"], "OK"))

    def test_dtr_that_stays_off_ends_nothing(self):
        """Only a drop counts, as on the pin."""
        port = self.open()
        port.ok("AT&D1")
        port.com.dtr = False
        port.body(b"The whole body.")

    def test_carrier_follows_data_mode(self):
        port = self.open()
        line = port.com

        def signals():
            return line.cd, line.dsr, line.cts, line.ri
        wait_until(lambda: signals() == (False, True, True, False), "signals at rest")
        port.connect("AT+QSMTPBODY=0,10,60")
        wait_until(lambda: line.cd, "carrier")
        port.write(b"1234567890")
        self.assertEqual(port.answer().final, "OK")
        wait_until(lambda: not line.cd, "no carrier")
        port.ok("AT&C0")
        wait_until(lambda: line.cd, "carrier under AT&C0")
        port.ok("AT&C1")
        wait_until(lambda: not line.cd, "no carrier under AT&C1")

    def test_a_module_that_is_off_shows_no_signals(self):
        port = self.open("--set", "power_on_delay=600000", "--set", "power_off_delay=1")
        port.ok("AT&C0")
        wait_until(lambda: port.com.dsr and port.com.cts and port.com.cd, "signals")
        port.ok("AT+QPOWD")
        wait_until(lambda: not (port.com.dsr or port.com.cts or port.com.cd), "no signals")

    def test_a_host_that_polls(self):
        """And one that does not wait for the answers to what it sets."""
        program = self.serve("--rfc2217", "127.0.0.1:0")
        host, number = program.address()
        port = Rfc2217Port((host, f"{number}?poll_modem&ign_set_control"))
        self.addCleanup(port.close)
        port.start()
        self.assertEqual((port.com.cd, port.com.dsr), (False, True))
        port.connect("AT+QSMTPBODY=0,4,60")
        wait_until(lambda: port.com.cd, "carrier")
        port.write(b"1234")
        self.assertEqual(port.answer().final, "OK")
        wait_until(lambda: not port.com.cd, "no carrier")

    def test_every_speed(self):
        port = self.open(baudrate=9600)
        self.assertEqual(port.ok("AT+IPR?"), ["+IPR: 9600"])
        for rate in RATES:
            port.com.baudrate = rate
            self.assertEqual(port.ok("AT+IPR?"), [f"+IPR: {rate}"])
        with self.assertRaises(ValueError):
            port.com.baudrate = 300
        self.assertEqual(port.ok("AT+IPR?"), ["+IPR: 4000000"])
        port.ok("AT+IPR=19200")
        port.com.baudrate = 19200
        port.ok("AT")

    def test_only_8n1_and_no_xon(self):
        self.program = self.serve("--rfc2217", "127.0.0.1:0")
        for wish in ({"bytesize": 7}, {"parity": "E"}, {"stopbits": 2}, {"xonxoff": True}):
            with self.subTest(wish=wish), self.assertRaises(ValueError):
                Rfc2217Port(self.program.address(), baudrate=9600, **wish)
        self.again(baudrate=9600, rtscts=True).ok("AT")

    def test_all_bytes_both_ways(self):
        port = self.open()
        for data in (bytes(range(256)) * 40, b"\xff" * 3000, b"\r\0\xff\xf0\n\r\0" * 500,
                     seeded_bytes(60_000)):
            port.upload("RAM:all", data)
            self.assertEqual(port.download("RAM:all", len(data)), data)
            port.ok('AT+QFDEL="RAM:all"')

    def test_break_rts_and_buffers(self):
        port = self.open()
        port.com.break_condition = True
        port.com.break_condition = False
        port.com.rts = False
        port.com.rts = True
        port.com.reset_input_buffer()
        port.com.reset_output_buffer()
        port.ok("AT")

    def test_rts_stops_a_download(self):
        """Where AT+IFC says so; commands are answered all the same."""
        port = self.open()
        data = seeded_bytes(20_000)
        port.upload("RAM:a", data)
        port.com.rts = False
        self.assertEqual(port.download("RAM:a", len(data)), data)
        port.ok("AT+IFC=2,2")
        port.ok("AT")
        port.write(b'AT+QFDWL="RAM:a"\r')
        self.program.wait_idle()
        self.assertEqual(port.pending(), b"")
        port.com.rts = True
        self.assertEqual(port.answer().final, "CONNECT")
        self.assertEqual(port.take(len(data)), data)
        self.assertEqual(port.answer().final, "OK")

    def test_a_whole_mail(self):
        box = self.folder / "mails"
        port = self.open("--catch", box)
        port.ok("AT+QIACT=1")
        port.ok('AT+QSMTPCFG="smtpserver","mail.example.com",25')
        port.ok('AT+QSMTPCFG="sender","Pump 7","pump7@example.com"')
        port.ok('AT+QSMTPDST=1,1,"alarm@example.com"')
        port.body(b"Pump 7 is too hot.\r\n")
        self.assertEqual(port.send_mail(60), (0, 0))
        self.assertEqual(len(list((box / "new").iterdir())), 1)

    def test_a_new_host_takes_over(self):
        first = self.open()
        first.ok("AT&D1")
        first.connect("AT+QSMTPBODY=0,100,60")
        first.write(b"Pump")
        first.com.dtr = False
        self.assertEqual(first.answer().final, "OK")
        second = self.again()
        self.assertEqual(second.ok("AT&V")[1], "&D: 1")
        second.body(b"DTR of the new host is on.")

    def test_a_host_that_leaves_in_data_mode(self):
        first = self.open()
        first.connect("AT+QSMTPBODY=0,100,60")
        first.write(b"Pump")
        first.close()
        self.again().ok('AT+QSMTPSUB=0,"next"')


SB, SE = b"\xff\xfa\x2c", b"\xff\xf0"


class ByHand(ProgramTest):
    """Hosts that write the bytes of the protocol themselves."""

    def open(self, *arguments):
        self.program = self.serve("--rfc2217", "127.0.0.1:0", *arguments)
        port = TcpPort(self.program.address())
        self.addCleanup(port.close)
        port.take(15)  # what the program offers
        return port

    def agreed(self):
        port = self.open()
        port.write(b"\xff\xfb\x00\xff\xfd\x00\xff\xfd\x2c")
        port.expect(SB + b"\x6b\x30" + SE)
        return port

    def test_a_telnet_client_without_the_option(self):
        port = self.open()
        port.write(b"\xff\xfc\x00\xff\xfe\x00\xff\xfe\x2c\xff\xfe\x01\xff\xfe\x03")
        port.write(b"ATE0\r\0")
        self.assertEqual(port.answer().final, "OK")
        port.write(b"AT\r\n")
        self.assertEqual(port.answer().final, "OK")

    def test_suspended(self):
        """The poll behind the command is answered, the command is not until the host resumes."""
        port = self.agreed()
        port.write(b"ATE0\r")
        self.assertEqual(port.answer().final, "OK")
        port.write(SB + b"\x08" + SE + b"AT+CGMI\r" + SB + b"\x07" + SE)
        port.expect(SB + b"\x6b\x30" + SE)
        port.write(SB + b"\x09" + SE)
        port.expect(b"\r\nQuectel\r\n\r\nOK\r\n")

    def test_suspended_for_ever(self):
        """The end of its input lets it go."""
        port = self.agreed()
        port.write(SB + b"\x08" + SE + b"AT+CGMI\r")
        port.socket.shutdown(socket.SHUT_WR)
        port.expect(b"AT+CGMI\r\r\nQuectel\r\n\r\nOK\r\n")
        self.assertEqual(port.socket.recv(1), b"")

    def test_purge_drops_what_waits(self):
        port = self.agreed()
        port.write(SB + b"\x08" + SE + b"AT+CGMI\r" + SB + b"\x0c\x01" + SE + SB + b"\x09" + SE)
        port.expect(SB + b"\x70\x01" + SE)
        port.write(b"ATE0\r")
        port.expect(b"ATE0\r\r\nOK\r\n")

    def test_dtr_ends_a_download_that_nobody_reads(self):
        """The way to the host is full, and it is heard all the same."""
        port = self.agreed()
        port.write(b"ATE0&D1\r")
        self.assertEqual(port.answer().final, "OK")
        data = b"\xff" * 8_000_000
        port.connect(f'AT+QFUPL="RAM:big",{len(data)},60')
        port.write(data.replace(b"\xff", b"\xff\xff"))
        self.assertEqual(port.answer().final, "OK")
        port.write(b'AT+QFDWL="RAM:big"\r')
        self.program.wait_idle()
        port.write(SB + b"\x05\x09" + SE)
        self.program.wait_idle()
        while not re.search(rb"\+QFDWL: \d+,[0-9a-f]+\r\n\r\nOK\r\n", port.heard[-200:]):
            port.pending(SOON)
        sent = int(re.findall(rb"\+QFDWL: (\d+),", port.heard)[-1])
        self.assertTrue(0 < sent < len(data), sent)

    def test_one_byte_at_a_time(self):
        port = self.agreed()
        port.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"AT&D1E0\r":
            port.write(bytes([byte]))
        self.assertEqual(port.answer().final, "OK")
        port.connect("AT+QSMTPBODY=0,100,60")
        for byte in b"a\xff\xffb" + SB + b"\x05\x09" + SE:
            port.write(bytes([byte]))
        port.expect(SB + b"\x6b\xb8" + SE + SB + b"\x69\x09" + SE + b"\r\n+QSMTPBODY: 3\r\n\r\nOK\r\n")

    def test_floods_are_bounded(self):
        """Commands without end whose answers nobody reads, of every kind."""
        for flood in (SB + b"\x00" + SE, b"\xff\xfb\x18", b"AT&V\r", b"\xff\xff",
                      SB + b"\x00" + b"x" * 500, b"\xff\xfa\x56" + SE + b"x\x9c\x03\x00"):
            with self.subTest(flood=flood[:8]):
                port = self.agreed()
                before = self.resident()
                port.socket.setblocking(False)
                sent = 0
                try:
                    while sent < 4_000_000:
                        if not select.select([], [port.socket], [], 1.0)[1]:
                            break
                        sent += port.socket.send(flood * (65536 // len(flood)))
                except BlockingIOError:
                    pass
                self.assertLess(self.resident() - before, 3_000_000)
                port.close()
                other = TcpPort(self.program.address())
                self.addCleanup(other.close)
                other.take(15)
                self.program.stop()

    def resident(self):
        with open(f"/proc/{self.program.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def test_nothing_of_it_is_in_the_trace(self):
        """The trace shows what the port says and hears, not how it is wrapped."""
        trace = self.folder / "trace.txt"
        program = self.serve("--rfc2217", "127.0.0.1:0", "--trace", trace)
        port = TcpPort(program.address())
        self.addCleanup(port.close)
        port.take(15)
        port.write(b"\xff\xfd\x2c" + SB + b"\x00" + SE + b"ATE0\r")
        self.assertEqual(port.answer().final, "OK")
        self.assertIn(SB + b"\x64Postmodem ", port.heard)
        program.stop()
        text = trace.read_text(errors="replace")
        self.assertIn("ATE0", text)
        self.assertNotIn("\\xFF", text)
        self.assertNotIn("Postmodem ", text)


if __name__ == "__main__":
    harness.main()
