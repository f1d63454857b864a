#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A SIM with a PIN in the real program: it is asked for, its tries outlast the program, and mail
goes once it has been entered."""
import harness
from program import ProgramTest, activate, configure

PIN = {"network.sim": "pin", "network.sim_pin": "24681357", "network.sim_puk": "11112222"}


class Sim(ProgramTest):
    def setUp(self):
        super().setUp()
        self.state = self.folder / "state"

    def start(self, **settings):
        return self.module("--state", self.state, settings={**PIN, **settings})

    def test_tries_outlast_the_program(self):
        program, port = self.start()
        port.refused("AT+CPIN=1357", 16)
        program.kill()  # a card counts before it answers
        program, port = self.start()
        self.assertEqual(port.ok('AT+QPINC="SC"'), ['+QPINC: "SC",2,10'])
        port.refused("AT+CPIN=1357", 16)
        port.refused("AT+CPIN=1357", 16)
        program.stop()
        program, port = self.start()
        self.assertEqual(port.ok("AT+CPIN?"), ["+CPIN: SIM PUK"])
        port.ok("AT+CPIN=11112222,97531")
        program.stop()
        program, port = self.start()
        port.refused("AT+CPIN=24681357", 16)
        port.ok("AT+CPIN=97531")

    def test_pins_stay_out_of_the_trace(self):
        trace = self.folder / "trace"
        program, port = self.start(trace=trace)
        port.ok("AT+CPIN=24681357")
        port.ok('AT+CPWD="SC","24681357","86420864"')
        port.ok('AT+CLCK="SC",0,"86420864"')
        program.stop()
        text = trace.read_text(errors="replace")
        self.assertIn("AT+CPWD", text)
        for secret in ("24681357", "86420864"):
            self.assertNotIn(secret, text)
            self.assertNotIn(secret, program.log())

    def test_mail_waits_for_the_pin(self):
        mails = self.folder / "mails"
        _, port = self.start(catch=mails)
        configure(port, ("mail.example.com", 25))
        port.ok('AT+QSMTPDST=1,1,"a@example.com"')
        port.refused("AT+QIACT=1")
        port.refused("AT+QSMTPPUT=300", 657)
        port.ok("AT+CPIN=24681357")
        while port.line() != b"+QIND: SMS DONE":
            pass
        activate(port)
        self.assertEqual(port.send_mail(), (0, 0))
        self.assertEqual(len(list((mails / "new").iterdir())), 1)


if __name__ == "__main__":
    harness.main()
