#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a broken or hostile host sends: a clear error, nothing lost, and `AT` answers afterwards."""
import harness
from atclient import checksum
from harness import seeded_bytes, wait_until
from program import ProgramTest, activate, configure, write_mail
from sinks import Sink

LARGE = 10_000_000


class Floods(ProgramTest):
    def on_each_port(self, test):
        link = self.folder / "modem"
        program = self.serve("--pty", link, "--tcp", "127.0.0.1:0")
        tcp = next(name for name, (kind, _) in program.ports.items() if kind == "tcp")
        for port in (program.pty(link), program.tcp(tcp)):
            with self.subTest(port=type(port).__name__):
                test(port.start())
                # The flood itself may be answered; what counts is the next command's answer.
                self.settle(port)
                port.ok("AT")

    def settle(self, port):
        """Ends what line there is, then waits until the module has said all it has to say."""
        port.write(b"\r")
        port.write(b'AT+QSMTPSUB=0,"marker"\rAT+QSMTPSUB?\r')
        while b'+QSMTPSUB: 0,"marker"\r\n\r\nOK\r\n' not in port.heard:
            port.line()
        port.pending()
        port.heard = b""

    def flood(self, port, data, count):
        while count > 0:
            port.write(data[:count])
            count -= len(data)

    def test_ten_megabytes_of_nul(self):
        self.on_each_port(lambda port: self.flood(port, bytes(65536), LARGE))

    def test_a_line_of_one_megabyte(self):
        def test(port):
            port.write(b"AT" + b"+QSMTPSUB=0," * 90_000 + b"\r")
            self.assertEqual(port.answer().final, "ERROR")
        self.on_each_port(test)

    def test_noise(self):
        noise = seeded_bytes(300_000).replace(b"\r", b"\n")
        self.on_each_port(lambda port: port.write(noise))

    def test_unterminated_quote(self):
        def test(port):
            for line in ('AT+QSMTPSUB=0,"no end', 'AT+QSMTPDST=1,1,"a@b', 'AT+QSMTPCFG="', 'AT+QSMTPCFG="account","u'):
                port.refused(line, 664)
                port.ok("AT")
        self.on_each_port(test)


class Parameters(ProgramTest):
    def setUp(self):
        super().setUp()
        self.program, self.port = self.module()

    def test_bytes_that_would_forge_a_line(self):
        """CR ends the line and cannot get into a string; all others are refused."""
        for byte in (b"\n", b"\0", b"\x1b", b"\t", b"\x01"):
            for command in (b'AT+QSMTPDST=1,1,"a%sb@example.com"', b'AT+QSMTPSUB=0,"a%sb"',
                            b'AT+QSMTPCFG="sender","a%sb","a@example.com"',
                            b'AT+QSMTPCFG="sender","a","a%sb@example.com"',
                            b'AT+QSMTPCFG="account","a%sb","c"', b'AT+QSMTPCFG="account","c","a%sb"',
                            b'AT+QSMTPCFG="smtpserver","a%sb",25'):
                with self.subTest(byte=byte, command=command):
                    self.port.refused(command % byte, 664)
        self.assertEqual(self.port.ok("AT+QSMTPDST?"), [])
        self.assertEqual(self.port.ok('AT+QSMTPCFG="account"'), ['+QSMTPCFG: "account","",""'])

    def test_carriage_return_in_a_string(self):
        self.port.refused('AT+QSMTPDST=1,1,"a\rRCPT TO:<b@example.com>"', 664)
        self.port.ok("AT")

    def test_delete_in_a_string_deletes(self):
        """0x7F edits the line, as backspace does, and never reaches a parameter (CD33)."""
        self.port.ok(b'AT+QSMTPDST=1,1,"ab\x7fc@example.com"')
        self.assertEqual(self.port.ok("AT+QSMTPDST?"), ['+QSMTPDST: 1,"ac@example.com"'])

    def test_addresses(self):
        for address in ("", "a", "@", "a@", "@b", "a b@c.test", "a@b c.test", "<a@b.test>",
                        "a@b.test> NOTIFY=NEVER", "a<b@c.test", "a@b.test\\r\\n>", "x" * 65 + "@b.test",
                        "a@" + "b" * 256, "a" * 400 + "@b.test"):
            with self.subTest(address=address):
                self.port.refused(f'AT+QSMTPDST=1,1,"{address}"', 664)
        self.assertEqual(self.port.ok("AT+QSMTPDST?"), [])

    def test_ranges(self):
        for command in ('AT+QSMTPCFG="contextid",0', 'AT+QSMTPCFG="contextid",17',
                        'AT+QSMTPCFG="sslctxid",6', 'AT+QSMTPCFG="ssltype",3',
                        'AT+QSMTPCFG="ssltype",-1', 'AT+QSMTPCFG="ssltype",99999999999999999999',
                        'AT+QSMTPCFG="smtpserver","h",0', 'AT+QSMTPCFG="smtpserver","h",65536',
                        'AT+QSMTPCFG="nothing"', 'AT+QSMTPDST=2,1,"a@b.test"',
                        'AT+QSMTPDST=1,4,"a@b.test"', 'AT+QSMTPDST=0,1', 'AT+QSMTPSUB=4,"x"',
                        'AT+QSMTPSUB=0', 'AT+QSMTPBODY=0,0', 'AT+QSMTPBODY=4,10',
                        'AT+QSMTPBODY=0,1048577', 'AT+QSMTPBODY=0,10,0', 'AT+QSMTPBODY=0,10,65536',
                        'AT+QSMTPATT=1,0,"RAM:x"', 'AT+QSMTPATT=1,11,"RAM:x"', 'AT+QSMTPATT=0,3',
                        'AT+QSMTPPUT=59', 'AT+QSMTPPUT=65536', 'AT+QSMTPSUB=0,"x",1'):
            with self.subTest(command=command):
                self.port.refused(command, 664)
        self.port.refused('AT+QSMTPATT=1,1,"RAM:nothere"', 661)
        for command in ("AT+QSMTPCFG?", "AT+QSMTPBODY?", "AT+QSMTPPUT?", "AT+QSMTPCLR?",
                        "AT+QSMTPPUT", "AT+QSMTPNONE"):
            with self.subTest(command=command):
                self.port.refused(command)

    def test_put_is_refused_at_once(self):
        port = self.port
        port.refused("AT+QSMTPPUT=60", 659)
        port.ok('AT+QSMTPDST=1,1,"b@example.com"')
        port.refused("AT+QSMTPPUT=60", 664)
        port.ok('AT+QSMTPCFG="smtpserver","127.0.0.1",25')
        port.refused("AT+QSMTPPUT=60", 664)
        port.ok('AT+QSMTPCFG="sender","a","a@example.com"')
        port.refused("AT+QSMTPPUT=60", 657)


class Uploads(ProgramTest):
    def setUp(self):
        super().setUp()
        self.program, self.port = self.module()

    def test_upload_cut_short(self):
        data = seeded_bytes(1000)
        self.port.connect('AT+QFUPL="RAM:a",3000,1')
        self.port.write(data)
        answer = self.port.answer()
        self.assertEqual((answer.lines, answer.final),
                         ([b"+QFUPL: 1000,%s" % checksum(data).encode()], "+CME ERROR: 421"))
        self.assertEqual(self.port.download("RAM:a", 1000), data)

    def test_upload_of_nothing(self):
        self.port.connect('AT+QFUPL="RAM:a",3000,1')
        answer = self.port.answer()
        self.assertEqual((answer.lines, answer.final), ([], "+CME ERROR: 421"))
        self.port.refused('AT+QFLST="RAM:a"', 405)

    def test_upload_over_an_existing_name(self):
        self.port.upload("RAM:a", b"first")
        self.port.refused('AT+QFUPL="RAM:a",10,5', 407)
        self.assertEqual(self.port.download("RAM:a", 5), b"first")

    def test_body_cut_short(self):
        self.port.connect("AT+QSMTPBODY=0,100,1")
        self.port.write(b"x" * 90)
        answer = self.port.answer()
        self.assertEqual((answer.lines, answer.final), ([b"+QSMTPBODY: 90"], "OK"))

    def test_body_of_nothing(self):
        self.port.connect("AT+QSMTPBODY=0,100,1")
        self.assertEqual(self.port.answer().final, "+CME ERROR: 658")

    def test_host_goes_away_in_an_upload(self):
        self.port.connect('AT+QFUPL="UFS:a",1000000,60')
        self.port.write(seeded_bytes(5000))
        self.port.close()
        port = self.program.tcp().start()
        port.ok("AT")
        # As by DTR: what came is kept (SD62), so a new upload needs another name or QFDEL.
        port.upload("UFS:b", b"whole")
        self.assertEqual(port.download("UFS:b", 5), b"whole")

    def test_host_goes_away_in_a_body(self):
        self.port.connect("AT+QSMTPBODY=0,1000,60")
        self.port.write(b"half of it")
        self.port.close()
        port = self.program.tcp().start()
        # The body's data mode is over: editing is free again, at the latest in a moment.
        wait_until(lambda: port.command('AT+QSMTPSUB=0,"x"').final == "OK", "the end of data mode")

    def test_attached_file_is_deleted_before_sending(self):
        with Sink() as sink:
            activate(self.port)
            configure(self.port, ("127.0.0.1", sink.port))
            write_mail(self.port, ["b@example.com"])
            self.port.upload("RAM:a", b"data")
            self.port.ok('AT+QSMTPATT=1,1,"RAM:a"')
            self.port.refused('AT+QSMTPATT=1,1,"RAM:a"', 663)
            self.port.ok('AT+QFDEL="RAM:a"')
            self.assertEqual(self.port.send_mail(60), (661, 0))
            self.assertEqual(sink.mails, [])

    def test_bytes_after_the_body_are_commands(self):
        self.port.connect("AT+QSMTPBODY=0,5,60")
        self.port.write(b"12345AT+QSMTPSUB?\r")
        self.assertEqual(self.port.answer().lines, [b"+QSMTPBODY: 5"])
        self.assertEqual(self.port.answer().lines, [b'+QSMTPSUB: 0,""'])


if __name__ == "__main__":
    harness.main()
