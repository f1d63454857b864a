#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""USB AT, USB modem and UART of one module at once: two ptys and a TCP port, each with a host of
its own. What is a port's own stays so, what is the module's is seen by all, whoever sends."""
import harness
from harness import wait_until
from program import ProgramTest, activate, configure, write_mail
from sinks import Peer, Sink

WRITING = ('AT+QSMTPCFG="ssltype",0', 'AT+QSMTPDST=1,1,"x@example.com"', 'AT+QSMTPDST=0',
           'AT+QSMTPSUB=0,"x"', "AT+QSMTPBODY=0,10", 'AT+QSMTPATT=1,1,"RAM:x"', "AT+QSMTPPUT=60",
           "AT+QSMTPCLR")
ASKING = ('AT+QSMTPCFG="ssltype"', "AT+QSMTPDST?", "AT+QSMTPSUB?", "AT+QSMTPATT?", "AT+QSMTPBODY=?")


class Ports(ProgramTest):
    def setUp(self):
        super().setUp()
        links = [self.folder / name for name in ("usb0", "usb1")]
        self.program = self.serve("--pty", links[0], "--pty", links[1], "--tcp", "127.0.0.1:0")
        self.at = self.program.pty(links[0]).start()
        self.modem = self.program.pty(links[1]).start()
        self.uart = self.program.tcp("uart1").start()

    def test_names(self):
        self.assertEqual({name: kind for name, (kind, _) in self.program.ports.items()},
                         {"usbat": "pty", "usbmodem": "pty", "uart1": "tcp"})

    def test_settings_are_each_ports_own(self):
        self.modem.ok("AT+CMEE=2")
        self.uart.ok("AT+CMEE=0")
        self.at.refused('AT+QFDEL="RAM:x"', 418)
        self.assertEqual(self.modem.command('AT+QFDEL="RAM:x"').final,
                         "+CME ERROR: delete file failed")
        self.uart.refused('AT+QFDEL="RAM:x"')
        self.modem.write(b"ATE1V0\r")
        self.modem.expect(b"0\r")
        self.uart.write(b"ATQ1\r")
        self.at.ok("AT")
        self.modem.write(b"AT\r")
        self.modem.expect(b"AT\r0\r")
        self.uart.write(b"AT+CSQ\rATQ0\r")
        self.uart.expect(b"\r\n+CSQ: 28,99\r\n\r\nOK\r\n")
        self.uart.ok("AT")

    def test_a_body_on_one_port(self):
        self.at.connect("AT+QSMTPBODY=0,100,60")
        self.at.write(b"typed on usbat")
        for port in (self.modem, self.uart):
            for command in WRITING:
                port.refused(command, 652)
            for command in ASKING:
                port.ok(command)
            port.upload("RAM:x", b"files are free")
            port.ok('AT+QFDEL="RAM:x"')
        self.at.write(b"x" * 86)
        self.assertEqual(self.at.line(), b"+QSMTPBODY: 100")
        self.assertEqual(self.at.answer().final, "OK")
        self.modem.ok("AT+QSMTPCLR")

    def test_a_host_that_leaves_its_body(self):
        self.uart.connect("AT+QSMTPBODY=0,100,60")
        self.uart.write(b"typed on uart1")
        self.at.refused("AT+QSMTPCLR", 652)
        self.uart.close()
        wait_until(lambda: self.at.command("AT+QSMTPSUB=0,\"x\"").final == "OK",
                   "the end of the body")

    def test_a_mail_of_all_ports(self):
        """Each port gives its part; the one that sends gets the result, and nobody else."""
        with Sink() as sink:
            activate(self.uart)
            configure(self.modem, ("127.0.0.1", sink.port))
            self.uart.upload("RAM:log.txt", b"hot")
            self.at.ok('AT+QSMTPDST=1,1,"a@example.com"')
            self.modem.ok('AT+QSMTPSUB=0,"from three ports"')
            self.uart.body(b"Pump 7 is too hot.\r\n")
            self.at.ok('AT+QSMTPATT=1,1,"RAM:log.txt"')
            self.assertEqual(self.modem.send_mail(), (0, 0))
            mail = sink.received()[0]
            self.assertEqual(mail.recipients, ["a@example.com"])
            self.assertEqual(mail.message["Subject"], "from three ports")
            body, attachment = mail.message.iter_parts()
            self.assertEqual(body.get_content(), "Pump 7 is too hot.\r\n")
            self.assertEqual(attachment.get_content(), b"hot" if attachment.get_content_type()
                             != "text/plain" else "hot")
        for port in (self.at, self.uart):
            port.ok("AT")
            self.assertEqual(port.urcs, [])
            self.assertNotIn(b"+QSMTPPUT", port.heard)

    def test_busy_while_a_mail_is_sent(self):
        with Peer(lambda wire: wire.stopping.wait(harness.SOON)) as server:
            activate(self.at)
            configure(self.at, ("127.0.0.1", server.port))
            write_mail(self.at, ["a@example.com"])
            self.uart.ok("AT+QSMTPPUT=60")
            for port in (self.at, self.modem, self.uart):
                for command in WRITING:
                    port.refused(command, 652)
                for command in ASKING:
                    port.ok(command)
        self.assertEqual(self.uart.mail_result(), (656, 0))


if __name__ == "__main__":
    harness.main()
