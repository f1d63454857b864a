#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Faults on demand: every result of QSMTPPUT, provoked over TCP by what the host itself types."""
import re

import harness
from harness import seeded_bytes
from program import ProgramTest, activate, configure, write_mail

SERVER = "mail.example.com"
ACCOUNT = ("anna", "open sesame")

# Table 2 of the manual, and codes outside it.
REPLIES = {421: 666, 450: 667, 451: 668, 452: 669, 500: 670, 501: 671, 502: 672, 503: 673,
           504: 674, 521: 675, 530: 676, 535: 677, 550: 678, 551: 679, 552: 680, 553: 681,
           554: 682, 400: 660, 499: 660, 555: 660, 599: 660}
# Four more codes have a meaning in AUTH.
AUTH_REPLIES = {**REPLIES, 432: 677, 454: 677, 534: 677, 538: 677}


class Documentation(harness.TestCase):
    def test_codes(self):
        text = (harness.ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
        shown = {int(code): int(err)
                 for code, err in re.findall(r"(?<=\| )(\d{3}) \| (\d{3})(?= \|)", text)}
        self.assertEqual(shown, {code: err for code, err in REPLIES.items() if err != 660})


class Faults(ProgramTest):
    def start(self, **settings):
        self.box = self.folder / "mails"
        _, self.port = self.module("--catch", self.box, settings=settings)
        activate(self.port)
        write_mail(self.port, ["b@example.com"])

    def kept(self):
        return len(list((self.box / "new").iterdir()))

    def send(self, server=SERVER, ssltype=0, account=None, sender="a@example.com",
             recipients=None):
        configure(self.port, (server, 25), ssltype, account, ("Pump 7", sender))
        if recipients:
            write_mail(self.port, recipients)
        return self.port.send_mail(60)

    def works(self):
        """A fault leaves nothing behind, neither in the module nor in the catcher."""
        before = self.kept()
        self.assertEqual(self.send(account=ACCOUNT, recipients=["b@example.com"]), (0, 0))
        self.assertEqual(self.kept(), before + 1)

    # ---- by the server's name --------------------------------------------------------------------
    def test_servers(self):
        self.start()
        rows = [("resolve", (653, 0), (0, 1, 2)), ("connect", (654, 0), (0, 1, 2)),
                ("close", (656, 0), (0, 1, 2)), ("syntax", (660, 0), (0, 1, 2)),
                ("tls", (665, 0), (1, 2)), ("starttls", (665, 0), (2,)),
                ("starttls-454", (665, 454), (2,)), ("starttls-501", (665, 501), (2,)),
                ("auth", (655, 0), (0, 1, 2)), ("data", (656, 0), (0, 1, 2))]
        for name, result, ssltypes in rows:
            for ssltype in ssltypes:
                with self.subTest(server=name, ssltype=ssltype):
                    self.assertEqual(
                        self.send(f"fault-{name}.example", ssltype, ACCOUNT), result)
        self.assertEqual(self.kept(), 0)
        self.works()

    def test_faults_that_others_do_not_see(self):
        """Without TLS, or without an account, these servers are servers like any other."""
        self.start()
        for name in ("tls", "starttls", "auth"):
            self.assertEqual(self.send(f"fault-{name}.example"), (0, 0), name)

    def test_banners(self):
        self.start()
        for code, err in REPLIES.items():
            with self.subTest(code=code):
                self.assertEqual(self.send(f"fault-{code}.example"), (err, code))
        self.assertEqual(self.send("fault-554.example", 1), (682, 554))
        self.assertEqual(self.kept(), 0)
        self.works()

    def test_cut_in_a_long_mail(self):
        self.start()
        self.port.upload("RAM:a.bin", seeded_bytes(2_000_000))
        self.port.ok('AT+QSMTPATT=1,1,"RAM:a.bin"')
        for ssltype in (0, 1, 2):
            self.assertEqual(self.send("fault-data.example", ssltype), (656, 0))
        self.assertEqual(self.kept(), 0)
        self.works()

    # ---- by addresses ----------------------------------------------------------------------------
    def test_senders(self):
        self.start()
        for code, err in REPLIES.items():
            with self.subTest(code=code):
                self.assertEqual(self.send(sender=f"fault-{code}@example.com"), (err, code))
        self.assertEqual(self.kept(), 0)
        self.works()

    def test_recipients(self):
        """At RCPT, at DATA and after the final dot; another recipient changes nothing."""
        self.start()
        for step in ("", "data-", "dot-"):
            for code, err in REPLIES.items():
                address = f"fault-{step}{code}@example.com"
                for recipients in ([address], ["b@example.com", (3, address)]):
                    with self.subTest(recipients=recipients):
                        self.assertEqual(self.send(recipients=recipients), (err, code))
        self.assertEqual(self.kept(), 0)
        self.works()

    def test_any_recipient(self):
        self.start(recipients="any")
        mixed = ["fault-550@example.com", "b@example.com"]
        self.assertEqual(self.send(recipients=mixed), (0, 0))
        self.assertEqual(self.kept(), 1)
        self.assertEqual(self.send(recipients=mixed[:1]), (678, 550))
        # The mail has left whole, in one group with its envelope: a refusal is not the word on it.
        self.assertEqual(self.send("fault-data.example", recipients=mixed), (656, 0))
        self.assertEqual(self.kept(), 1)

    # ---- by the account --------------------------------------------------------------------------
    def test_users(self):
        self.start()
        for code, err in AUTH_REPLIES.items():
            for ssltype in (0, 1):
                with self.subTest(code=code, ssltype=ssltype):
                    self.assertEqual(
                        self.send(ssltype=ssltype, account=(f"fault-{code}", "x")), (err, code))
        self.assertEqual(self.send(account=("fault-535@example.com", "x")), (677, 535))
        self.assertEqual(self.kept(), 0)
        self.works()

    # ---- what needs a mail that is under way -------------------------------------------------------
    def test_while_the_server_is_silent(self):
        """test_silent_server.py waits for the time-out of such a mail."""
        self.start()
        for ssltype in (0, 1, 2):
            configure(self.port, ("fault-silent.example", 25), ssltype)
            self.port.ok("AT+QSMTPPUT=60")
            self.port.refused("AT+QSMTPPUT=60", 652)
            self.port.ok("AT+QIDEACT=1")
            self.assertEqual(self.port.mail_result(), (657, 0))
            self.port.ok("AT+QIACT=1")
        self.works()

    def test_results_without_a_fault(self):
        """The rest of table 1 comes from the draft itself."""
        self.start()
        self.port.upload("RAM:a.bin", b"x")
        self.port.ok('AT+QSMTPATT=1,1,"RAM:a.bin"')
        self.port.ok('AT+QFDEL="RAM:a.bin"')
        self.assertEqual(self.send(), (661, 0))
        self.port.ok("AT+QSMTPCLR")
        self.port.refused("AT+QSMTPPUT=60", 659)
        self.port.refused("AT+QSMTPPUT=59", 664)

    # ---- ordinary names ----------------------------------------------------------------------------
    def test_ordinary_names(self):
        self.start()
        for code in (399, 600, 250, "55", "5500", "nothing"):
            name = f"fault-{code}"
            with self.subTest(name=name):
                result = self.send(f"{name}.example", account=(name, "x"),
                                   sender=f"{name}@example.com", recipients=[f"{name}@b.example"])
                self.assertEqual(result, (0, 0))

    def test_switched_off(self):
        self.start(catch_faults="off")
        result = self.send("fault-resolve.example", account=("fault-535", "x"),
                           sender="fault-550@example.com",
                           recipients=["fault-550@example.com", "fault-dot-550@example.com"])
        self.assertEqual(result, (0, 0))
        self.assertEqual(self.kept(), 1)


if __name__ == "__main__":
    harness.main()
