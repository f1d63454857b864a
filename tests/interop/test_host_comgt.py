#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""comgt: its built-in scripts for data cards, and one of ours in its language that mails."""
import hosts
from hosts import IDENTITY, HostTest

COMGT = "usr/bin/comgt"

MAIL = r"""
opengt
set com 115200n81
set senddelay 0.005
waitquiet 1 0.1
:start
let $x="AT"
gosub ask
let $x="AT+QICSGP=1,1,\"internet\",\"\",\"\",1"
gosub ask
let $x="AT+QIACT=1"
gosub ask
let $x="AT+QSMTPCFG=\"smtpserver\",\"mail.example.com\",25"
gosub ask
let $x="AT+QSMTPCFG=\"account\",\"pump7\",\"secret\""
gosub ask
let $x="AT+QSMTPCFG=\"sender\",\"Pump 7\",\"pump7@example.com\""
gosub ask
let $x="AT+QSMTPDST=1,1,\"alarm@example.com\""
gosub ask
let $x="AT+QSMTPSUB=0,\"by comgt\""
gosub ask
send "AT+QSMTPBODY=0,24,60^m"
waitfor 20 "CONNECT","ERROR"
if % != 0 goto failed
send "Pump 7 is too hot: 93 C."
waitfor 20 "+QSMTPBODY: 24","ERROR"
if % != 0 goto failed
waitfor 20 "OK"
let $x="AT+QSMTPPUT=300"
gosub ask
waitfor 60 "+QSMTPPUT: 0,0","+QSMTPPUT: 6"
if % != 0 goto failed
print "mailed\n"
exit 0
:ask
send $x
send "^m"
waitfor 20 "OK","ERROR"
if % != 0 goto failed
return
:failed
print "failed after ",$x,"\n"
exit 1
"""


class Comgt(HostTest):
    def comgt(self, *arguments):
        status, output = self.host(COMGT, "-d", self.link, *arguments)
        self.assertEqual(status, 0, output)
        return output

    def test_default_script(self):
        self.serve_host()
        output = self.comgt()
        for part in ("SIM ready", 'Registered on Home network: "Testnet",7',
                     "Signal Quality: 21,99"):
            self.assertIn(part, output)

    def test_roaming(self):
        self.serve_host(network__registration=5)
        self.assertIn('Registered on Roaming network: "Testnet",7', self.comgt("reg"))

    def test_information(self):
        self.serve_host()
        output = self.comgt("info")
        for part in ("Quectel", "AG35", IDENTITY["identity.imei"]):
            self.assertIn(part, output)

    def test_without_sim(self):
        self.serve_host(network__sim="absent")
        status, output = self.host(COMGT, "-d", self.link)
        self.assertNotEqual(status, 0, output)
        self.assertNotIn("SIM ready", output)

    def test_a_whole_mail(self):
        self.serve_host()
        script = self.folder / "mail.comgt"
        script.write_text(MAIL)
        self.assertIn("mailed", self.comgt("-s", script))
        mail, = self.caught()
        self.check_mail(mail, "alarm@example.com", "by comgt", "Pump 7 is too hot: 93 C.")


if __name__ == "__main__":
    hosts.main()
