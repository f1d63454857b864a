#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A full disk, on a small file system of its own (mounting it needs root)."""
import re
import subprocess

import harness
from harness import seeded_bytes
from program import ProgramTest, activate, configure, write_mail
from sinks import Sink

MIB = 1 << 20


class DiskFull(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        harness.needs_root()

    def setUp(self):
        super().setUp()
        self.state = self.folder / "state"
        self.state.mkdir()
        result = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", self.state],
                                capture_output=True, text=True, check=False)
        if result.returncode != 0:
            self.skipTest("no file system can be mounted here: " + result.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", self.state], check=True)
        self.program, self.port = self.module("--state", self.state)

    def fill(self):
        """Takes the rest of the disk away from under the module."""
        with (self.state / "filler").open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                return

    def test_announced_size_does_not_fit(self):
        answer = self.port.command(f'AT+QFUPL="UFS:big",{4 * MIB},5')
        self.assertRegex(answer.final, r"^\+CME ERROR: (400|403|420)$")
        self.port.upload("UFS:small", b"x" * 1000)

    def test_disk_fills_up_in_an_upload(self):
        data = seeded_bytes(MIB)
        self.port.upload("UFS:first", data[:1000])
        # The host announces less than there is, another program takes the place meanwhile.
        answer = self.port.command(f'AT+QFUPL="UFS:big",{MIB},5')
        self.assertEqual(answer.final, "CONNECT")
        self.fill()
        self.port.write(data)
        answer = self.port.answer()
        if answer.final == "OK":
            # The place was reserved beforehand, so the file is whole.
            self.assertTrue(self.port.download("UFS:big", MIB) == data)
        else:
            self.assertRegex(answer.final, r"^\+CME ERROR: (403|420)$")
            self.port.refused('AT+QFLST="UFS:big"', 405)
        self.port.ok("AT")
        self.assertEqual(self.port.download("UFS:first", 1000), data[:1000])
        (self.state / "filler").unlink()
        self.port.upload("UFS:later", data[:2000])
        self.assertEqual(self.port.download("UFS:later", 2000), data[:2000])

    def test_disk_fills_up_in_a_write(self):
        """A QFWRITE that fails: the file is as long as before, and goes on when there is room."""
        data = seeded_bytes(600_000)
        self.port.ok('AT+QFOPEN="UFS:log"')
        self.port.connect("AT+QFWRITE=1,1000,5")
        self.port.write(data[:1000])
        self.assertEqual(self.port.answer().lines, [b"+QFWRITE: 1000,1000"])
        self.port.connect(f"AT+QFWRITE=1,{len(data) - 1000},5")
        self.fill()
        self.port.write(data[1000:])
        self.assertEqual(self.port.answer().final, "+CME ERROR: 403")
        self.assertEqual(self.port.ok("AT+QFPOSITION=1"), ["+QFPOSITION: 1000"])
        self.assertEqual(self.port.download("UFS:log", 1000), data[:1000])
        self.port.refused('AT+QFMOV="UFS:log","RAM:log",1', 426)
        (self.state / "filler").unlink()
        self.port.connect(f"AT+QFWRITE=1,{len(data) - 1000},5")
        self.port.write(data[1000:])
        self.assertEqual(self.port.answer().lines, [b"+QFWRITE: 599000,600000"])
        self.port.ok("AT+QFCLOSE=1")
        self.fill()
        self.port.refused('AT+QFMOV="UFS:log","RAM:log"', 403)
        self.assertTrue(self.port.download("UFS:log", len(data)) == data)
        self.port.ok('AT+QFMOV="UFS:log","UFS:old"')

    def test_trace_on_a_full_disk(self):
        """The log tells once, and once how many lines are missing; the others are whole."""
        program, port = self.module("--trace", self.state / "trace", name="tracing")
        port.ok("AT+CGMM")
        self.fill()
        for _ in range(100):
            port.ok("AT+CGMM")
        (self.state / "filler").unlink()
        port.ok("AT+CGSN")
        program.stop()
        self.assertEqual(program.log().count("the trace cannot be written: No space left"), 1)
        self.assertRegex(program.log(), r"the trace is written again; missing lines: \d+")
        lines = (self.state / "trace").read_bytes().splitlines()
        self.assertEqual(sum(b" > AT+CGSN" in line for line in lines), 1)
        heads = [len(re.findall(rb"\d{4}-\d\d-\d\dT", line)) for line in lines]
        self.assertLessEqual(max(heads), 1)
        self.assertLessEqual(heads.count(0), 1)  # the end of what there was room for

    def test_settings_on_a_full_disk(self):
        self.fill()
        self.port.refused("AT&W")
        self.assertRegex(self.program.log(), r"/profile\.\d+ cannot be written: No space left")
        (self.state / "filler").unlink()
        self.port.ok("AT&W")

    def test_body_on_a_full_disk(self):
        self.fill()
        with Sink() as sink:
            activate(self.port)
            configure(self.port, ("127.0.0.1", sink.port))
            self.port.ok('AT+QSMTPDST=1,1,"b@example.com"')
            answer = self.port.command("AT+QSMTPBODY=0,100000,5")
            if answer.final == "CONNECT":
                self.port.write(b"x" * 100_000)
                answer = self.port.answer()
            self.assertRegex(answer.final, r"^(OK|\+CME ERROR: \d+)$")
            self.port.ok("AT")
            (self.state / "filler").unlink()
            write_mail(self.port, ["b@example.com"])
            self.assertEqual(self.port.send_mail(60), (0, 0))
            sink.received()


if __name__ == "__main__":
    harness.main()
