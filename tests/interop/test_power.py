#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""AT+QPOWD through the real program: the module starts again, stays off, or leaves (CD43)."""
import re

import harness
from atclient import TcpPort
from harness import wait_until
from program import ProgramTest

BOOT = b"".join(b"\r\n%s\r\n" % urc for urc in (
    b"RDY", b"+CFUN: 1", b"+CPIN: READY", b"+QUSIM: 1", b"+QIND: SMS DONE", b"+QIND: PB DONE"))
QUICK = {"power_off_delay": 20, "power_on_delay": 50}


class Power(ProgramTest):
    def power_down(self, port):
        port.write(b"AT+QPOWD=1\r")
        port.expect(b"\r\nOK\r\n\r\nPOWERED DOWN\r\n")

    def test_restart(self):
        program, port = self.module(settings=QUICK)
        port.ok('AT+QSMTPSUB=0,"x"')
        self.power_down(port)
        self.assertTrue(program.running())
        wait_until(lambda: self.speaks(port), "the module again")
        port.ok("ATE0")
        self.assertEqual(port.ok("AT+QSMTPSUB?"), ['+QSMTPSUB: 0,""'])

    @staticmethod
    def speaks(port):
        port.write(b"AT\r")
        return b"OK" in port.pending(0.2)

    def test_restart_is_preset_again(self):
        settings = {**QUICK, "smtp.server": "mail.example.com"}
        _, port = self.module(settings=settings)
        self.power_down(port)
        wait_until(lambda: self.speaks(port), "the module again")
        port.ok("ATE0")
        self.assertEqual(port.ok('AT+QSMTPCFG="smtpserver"'),
                         ['+QSMTPCFG: "smtpserver","mail.example.com",25'])

    def test_stay(self):
        program, port = self.module(settings={**QUICK, "power_off": "stay"})
        self.power_down(port)
        port.write(b"AT\r" * 5000)
        self.assertEqual(port.pending(0.5), b"")
        other = program.tcp()  # a new host finds it as dead
        other.write(b"AT\r")
        self.assertEqual(other.pending(0.5), b"")
        self.assertTrue(program.running())
        self.assertEqual(program.stop(), 0)

    def test_exit(self):
        program, port = self.module(settings={**QUICK, "power_off": "exit"})
        self.power_down(port)
        wait_until(lambda: not program.running(), "the end of the program")
        self.assertEqual(program.popen.returncode, 0)
        self.assertIn("powered down", program.log())

    def test_urcs_move_with_qurccfg(self):
        arguments = ("--tcp", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--state", self.folder / "s")
        settings = {**QUICK, "boot_urcs": "on", "boot_delay": "off"}
        program = self.serve(*arguments, settings=settings)
        first, second = program.tcp("usbat").start(), program.tcp("usbmodem").start()
        first.ok('AT+QURCCFG="urcport","usbmodem"')
        first.write(b"AT+QPOWD\r")
        first.expect(b"\r\nOK\r\n")
        second.expect(b"\r\nPOWERED DOWN\r\n" + BOOT)
        self.assertEqual(first.pending(0.3), b"")
        program.stop()
        program = self.serve(*arguments, settings=settings)  # and stay there
        first, second = program.tcp("usbat").start(), program.tcp("usbmodem").start()
        second.ok("AT+CFUN=1,1")
        second.expect(BOOT)
        self.assertEqual(first.pending(0.3), b"")

    def test_the_last_module_takes_the_program_with_it(self):
        path = self.folder / "two.conf"
        path.write_text("power_off = exit\npower_off_delay = 20\n"
                        "[module a]\nport.1.tcp = 127.0.0.1:0\n"
                        "[module b]\nport.1.tcp = 127.0.0.1:0\n")
        program = self.serve("--config", path)
        first, second = wait_until(lambda: addresses(program, 2), "both modules")
        first, second = TcpPort(first), TcpPort(second)
        self.addCleanup(first.close)
        self.addCleanup(second.close)
        first.start()
        second.start()
        self.power_down(first)
        wait_until(lambda: first.socket.recv(1) == b"", "the end of the first port")
        second.ok("AT")
        self.power_down(second)
        wait_until(lambda: not program.running(), "the end of the program")
        self.assertEqual(program.popen.returncode, 0)


def addresses(program, count):
    found = re.findall(r"^ready \S+ tcp 127.0.0.1:(\d+)$", program.out.read_text(), re.M)
    return [("127.0.0.1", int(port)) for port in found] if len(found) == count else None


if __name__ == "__main__":
    harness.main()
