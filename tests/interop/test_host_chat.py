#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""chat(8) of ppp: expect and send, as the scripts of the dial-up age do. It types a character
every 10 ms and stops at the first word of its ABORT list."""
import harness
import hosts
from hosts import HostTest

CHAT = "usr/sbin/chat"

MAIL = r"""
ABORT   ERROR
TIMEOUT 30
''      ATZ
OK      ATE0
OK      AT+CMEE=1
OK      AT+CREG?
'+CREG: 0,1' ''
OK      'AT+QICSGP=1,1,"internet","","",1'
OK      AT+QIACT=1
OK      'AT+QSMTPCFG="smtpserver","mail.example.com",25'
OK      'AT+QSMTPCFG="account","pump7","secret"'
OK      'AT+QSMTPCFG="sender","Pump 7","pump7@example.com"'
OK      'AT+QSMTPDST=1,1,"alarm@example.com"'
OK      'AT+QSMTPSUB=0,"by chat"'
OK      'AT+QSMTPBODY=0,24,60'
CONNECT 'Pump 7 is too hot: 93 C.\c'
'+QSMTPBODY: 24' ''
OK      AT+QSMTPPUT=300
OK      \c
'+QSMTPPUT: 0,0' AT+QIDEACT=1
OK      ''
"""


class Chat(HostTest):
    def chat(self, *arguments):
        """chat talks to its standard input and output; what it saw comes on the error output."""
        with open(self.link, "r+b", buffering=0) as line:
            return self.host(CHAT, "-v", "-s", *arguments, stdin=line, stdout=line,
                             stderr=(self.folder / "chat-errors.log").open("ab"))[0]

    def test_a_whole_mail(self):
        self.serve_host()
        script = self.folder / "mail.chat"
        script.write_text(MAIL)
        self.assertEqual(self.chat("-f", script), 0)
        mail, = self.caught()
        self.check_mail(mail, "alarm@example.com", "by chat", "Pump 7 is too hot: 93 C.")
        self.assertEqual(mail["X-Envelope-Auth"], "pump7 (CRAM-MD5)")

    def test_an_error_stops_it(self):
        self.serve_host(network__sim="absent")
        # The third word of the ABORT list: status 6.
        self.assertEqual(self.chat("ABORT", "BUSY", "ABORT", "NO CARRIER", "ABORT", "+CME ERROR",
                                   "", "ATE0", "OK", "AT+CMEE=1", "OK", "AT+CPIN?", "OK", ""), 6)

    def test_the_packaged_script_learns_that_there_is_no_data_call(self):
        self.serve_host()
        harness.needs_unpacked("etc/chatscripts/gprs")
        # BUSY, VOICE, NO CARRIER: ATD*99# has no data call to make (SD51).
        self.assertEqual(self.chat("-T", "internet", "-f",
                                   harness.SERVERS / "etc/chatscripts/gprs"), 6)
        self.assertIn("AT+CGDCONT=1", (self.folder / "trace.log").read_text())


if __name__ == "__main__":
    hosts.main()
