#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""socat: a file of commands piped into the pty, and a pty of socat's in front of a TCP port."""
import subprocess

import hosts
from atclient import PtyPort
from harness import SERVERS, Process, needs_unpacked, seeded_bytes, server_environment, wait_until
from hosts import HostTest
from program import activate, configure, write_mail

SOCAT = "usr/bin/socat"

COMMANDS = """ATE0
AT+CMEE=1
AT+CGSN
AT+QICSGP=1,1,"internet","","",1
AT+QIACT=1
AT+QSMTPCFG="smtpserver","mail.example.com",25
AT+QSMTPCFG="account","pump7","secret"
AT+QSMTPCFG="sender","Pump 7","pump7@example.com"
AT+QSMTPDST=1,1,"alarm@example.com"
AT+QSMTPSUB=0,"Pump 7 is too hot"
AT+QSMTPPUT=300
"""


class Socat(HostTest):
    def setUp(self):
        super().setUp()
        needs_unpacked(SOCAT)

    def socat(self, name, *arguments, **options):
        process = Process([SERVERS / SOCAT, *arguments], self.folder / f"{name}.log",
                          server_environment(), **options)
        self.addCleanup(process.kill)
        return process

    def test_a_file_of_commands(self):
        """Piped at once, far ahead of the answers; it runs until the module has mailed."""
        self.serve_host()
        answers = self.folder / "answers.log"
        with answers.open("wb") as out:
            pipe = self.socat("pipe", "-,ignoreeof", f"{self.link},raw,echo=0,crnl",
                              stdin=subprocess.PIPE, stdout=out)
        pipe.popen.stdin.write(COMMANDS.replace("\n", "\r").encode())
        pipe.popen.stdin.close()
        wait_until(lambda: "+QSMTPPUT:" in answers.read_text(), "the result of the mail")
        text = answers.read_text()
        self.assertEqual(text.count("OK"), COMMANDS.count("\n"), text)
        self.assertNotIn("ERROR", text)
        self.assertIn("867698040000012", text)
        self.assertIn("+QSMTPPUT: 0,0", text)
        mail, = self.caught()
        self.check_mail(mail, "alarm@example.com", "Pump 7 is too hot")

    def test_a_pty_in_front_of_tcp(self):
        """As one gives a program that only knows device files a module on another machine."""
        program = self.serve_host("--tcp", "127.0.0.1:0")
        host, port = program.address("usbmodem")
        bridge = self.folder / "ttyVMODEM0"
        self.socat("bridge", f"pty,link={bridge},raw,echo=0,waitslave", f"tcp:{host}:{port}")
        wait_until(bridge.is_symlink, "socat's pty")
        line = PtyPort(str(bridge))
        self.addCleanup(line.close)
        line.start()
        activate(line)
        configure(line, ("mail.example.com", 25))
        content = seeded_bytes(300_000)
        line.upload("RAM:log.bin", content)
        write_mail(line, ["alarm@example.com"], "through socat")
        line.ok('AT+QSMTPATT=1,1,"RAM:log.bin"')
        self.assertEqual(line.send_mail(60), (0, 0))
        mail, = self.caught()
        self.check_mail(mail, "alarm@example.com", "through socat", attachment=content)


if __name__ == "__main__":
    hosts.main()
