#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Serial lines: the real program and the kernel, over a pty. A pty keeps speed and flow control as
settings without effect, and has no signals: those are played in the unit test of serial_port.c."""
import errno
import fcntl
import os
import struct
import termios

import harness
from atclient import PtyPort
from harness import wait_until
from program import ProgramTest

TCGETS2 = 0x802C542A


class Cable(PtyPort):
    """A pty whose one end is the device of the program, the other the host's."""

    def __init__(self, device):
        super(PtyPort, self).__init__()
        self.fd, self.far = os.openpty()
        os.set_blocking(self.fd, False)
        device.symlink_to(os.ttyname(self.far))
        self.device = device

    def let_go(self):
        """The program has opened its end."""
        os.close(self.far)
        self.far = -1

    def close(self):
        if self.far >= 0:
            self.let_go()
        self.device.unlink(missing_ok=True)
        super().close()

    def speed(self):
        settings = fcntl.ioctl(self.fd, TCGETS2, bytes(44))
        return struct.unpack_from("I", settings, 40)[0]

    def flow(self):
        return bool(termios.tcgetattr(self.fd)[2] & termios.CRTSCTS)


class Serial(ProgramTest):
    def setUp(self):
        super().setUp()
        self.device = self.folder / "tty"

    def plug_in(self):
        cable = Cable(self.device)
        self.addCleanup(cable.close)
        return cable

    def open(self, *arguments, rest="", settings=None, name="postmodem"):
        cable = self.plug_in()
        self.program = self.serve("--serial", f"{self.device}{rest}", *arguments,
                                  settings={"boot_urcs": "off", **(settings or {})}, name=name)
        cable.let_go()
        return cable.start()

    def test_speeds(self):
        cable = self.open(rest=",9600")
        self.assertEqual(cable.speed(), 9600)
        self.assertEqual(cable.ok("AT+IPR?"), ["+IPR: 9600"])
        for speed in (115200, 4800, 2900000, 3686400, 4000000):
            cable.ok(f"AT+IPR={speed}")
            wait_until(lambda: cable.speed() == speed, f"{speed} bits per second")
            cable.ok("AT")

    def test_a_kept_speed(self):
        """And a configured one where none was kept."""
        state = self.folder / "state"
        cable = self.open("--state", state)
        cable.ok("AT+IPR=57600;&W")
        cable.ok("AT+IPR=19200")
        self.program.stop()
        cable.close()
        again = self.open("--state", state, rest=",9600", name="again")
        self.assertEqual(again.speed(), 57600)
        self.assertEqual(again.ok("AT+IPR?"), ["+IPR: 57600"])
        self.assertIn("57600", self.program.log())

    def test_flow_control_in_data_mode(self):
        cable = self.open()
        self.assertFalse(cable.flow())
        cable.ok("AT+IFC=2,2")
        self.assertFalse(cable.flow())
        cable.connect("AT+QSMTPBODY=0,10,60")
        wait_until(cable.flow, "RTS/CTS")
        cable.write(b"1234567890")
        self.assertEqual(cable.answer().final, "OK")
        wait_until(lambda: not cable.flow(), "no RTS/CTS")

    def test_rtscts(self):
        cable = self.open(rest=",115200,rtscts")
        self.assertTrue(cable.flow())

    def test_all_bytes(self):
        cable = self.open()
        data = bytes(range(256)) * 100
        cable.upload("RAM:all", data)
        self.assertEqual(cable.download("RAM:all", len(data)), data)

    def test_a_pty_has_no_signals(self):
        """Said once; the port works without them."""
        cable = self.open(settings={"port.1.dtr_pin": "dsr", "port.1.dcd_pin": "dtr"})
        cable.ok("AT&D1")
        cable.body(b"The whole body.")
        cable.body(b"Another body.")
        log = self.program.log()
        self.assertEqual(log.count("its signals"), 1)

    def test_a_line_that_is_not_there(self):
        status, output, errors = self.run_program("serve", "--serial", self.device)
        self.assertEqual(status, 1)
        self.assertIn(os.strerror(errno.ENOENT), errors)
        self.assertNotIn("ready", output)

    def test_waiting_for_a_line(self):
        program = self.serve("--serial", self.device,
                             settings={"port.1.wait": "on", "boot_urcs": "off"})
        for _ in range(2):
            cable = self.plug_in()
            there = program.log().count("is there")
            wait_until(lambda: program.log().count("is there") > there, "the line to be opened")
            cable.let_go()
            cable.start().ok("AT")
            gone = program.log().count("is gone")
            cable.close()
            wait_until(lambda: program.log().count("is gone") > gone, "the line to go")

    def test_signals_need_a_serial_line(self):
        for setting in ("port.1.dtr_pin=dsr", "port.1.dcd_pin=rts", "port.1.wait=on"):
            status, _, errors = self.run_program("serve", "--tcp", "127.0.0.1:0", "--set", setting)
            self.assertEqual(status, 2)
            self.assertIn("serial lines", errors)


if __name__ == "__main__":
    harness.main()
