#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The state directory: what survives a restart, a kill in the middle, and what refuses to start."""
import os
import re
import signal

import harness
from atclient import checksum
from harness import seeded_bytes, wait_until
from program import ProgramTest

MIB = 1 << 20


class Storage(ProgramTest):
    def start(self, **options):
        self.count = getattr(self, "count", 0) + 1
        return self.module("--state", self.folder / "state", name=f"run{self.count}", **options)

    def files(self, port):
        return dict(re.match(r'\+QFLST: "(.*)",(\d+)$', line).groups()
                    for line in port.ok('AT+QFLST="UFS:*"'))

    def test_files_survive_a_restart(self):
        data = seeded_bytes(100_000)
        program, port = self.start()
        port.upload("UFS:kept.bin", data)
        port.upload("RAM:lost.bin", data)
        program.stop()
        program, port = self.start()
        self.assertEqual(port.download("UFS:kept.bin", len(data)), data)
        port.refused('AT+QFLST="RAM:lost.bin"', 405)
        port.ok('AT+QFDEL="UFS:kept.bin"')
        program.stop()
        _, port = self.start()
        self.assertEqual(self.files(port), {})

    def test_stored_profile_survives_a_restart(self):
        program, port = self.start()
        port.ok("ATS0=3")
        port.ok("AT&W")
        program.stop()
        _, port = self.start()
        # Echo is off since start(): ATE0 was stored as well.
        self.assertEqual(port.ok("ATS0?"), ["003"])

    def test_odd_names_stay_inside(self):
        program, port = self.start()
        names = ["../escape", "..", ".", "a/b", "/etc/passwd", "a b", ".hidden", "x" * 70, "A", "a"]
        for number, name in enumerate(names):
            port.upload(f"UFS:{name}", b"%d" % number)
        for number, name in enumerate(names):
            self.assertEqual(port.download(f"UFS:{name}", 1), b"%d" % number)
        self.assertEqual(len(self.files(port)), len(names))
        self.assertEqual([path.name for path in self.folder.iterdir()
                          if path.name not in ("state",) and not path.name.startswith("run")], [])
        program.stop()
        _, port = self.start()
        self.assertEqual(len(self.files(port)), len(names))

    def test_killed_in_an_upload(self):
        """A file is whole or absent, whenever the program dies."""
        old, new = seeded_bytes(50_000, 1), seeded_bytes(MIB, 2)
        program, port = self.start()
        port.upload("UFS:old.bin", old)
        for sent in (0, 1, 4096, 300_000, MIB - 1, MIB):
            port.connect(f'AT+QFUPL="UFS:new.bin",{MIB},60')
            port.write(new[:sent])
            program.popen.send_signal(signal.SIGKILL)
            program.wait()
            program.close_ports()
            program, port = self.start()
            files = self.files(port)
            self.assertEqual(port.download("UFS:old.bin", len(old)), old)
            self.assertIn(files, ({"UFS:old.bin": "50000"},
                                  {"UFS:old.bin": "50000", "UFS:new.bin": str(MIB)}))
            if sent < MIB:
                self.assertNotIn("UFS:new.bin", files)
            elif "UFS:new.bin" in files:
                self.assertTrue(port.download("UFS:new.bin", MIB) == new)
        self.assertEqual(program.popen.poll(), None)

    def test_killed_after_ok(self):
        """After OK nothing can be lost."""
        new = seeded_bytes(200_000)
        program, port = self.start()
        port.upload("UFS:new.bin", new)
        program.popen.send_signal(signal.SIGKILL)
        program.wait()
        program.close_ports()
        _, port = self.start()
        self.assertTrue(port.download("UFS:new.bin", len(new)) == new)

    def test_leftovers_of_a_kill_are_cleared(self):
        program, port = self.start()
        port.connect(f'AT+QFUPL="UFS:new.bin",{MIB},60')
        port.write(seeded_bytes(MIB // 2))
        wait_until(lambda: self.used() > 100_000, "bytes in the state directory")
        program.popen.send_signal(signal.SIGKILL)
        program.wait()
        program.close_ports()
        program, _ = self.start()
        program.stop()
        self.assertLess(self.used(), 100_000)

    def used(self):
        return sum(path.stat().st_blocks * 512 for path in (self.folder / "state").rglob("*")
                   if path.is_file())

    # ---- starts that are refused ----------------------------------------------------------------
    def refuse(self, *arguments):
        status, output, errors = self.run_program("serve", *arguments)
        self.assertGreater(status, 0)
        self.assertNotIn("ready", output)
        return errors

    def test_second_program_on_one_directory(self):
        _, port = self.start()
        errors = self.refuse("--tcp", "127.0.0.1:0", "--state", self.folder / "state")
        self.assertIn(str(self.folder / "state"), errors)
        port.ok("AT")

    def test_lock_is_gone_with_its_holder(self):
        program, _ = self.start()
        program.popen.send_signal(signal.SIGKILL)
        program.wait()
        program.close_ports()
        self.start()[1].ok("AT")

    def test_directory_that_cannot_be_made(self):
        (self.folder / "file").write_text("not a directory")
        errors = self.refuse("--tcp", "127.0.0.1:0", "--state", self.folder / "file" / "state")
        self.assertIn(str(self.folder / "file"), errors)

    def test_directory_that_cannot_be_written(self):
        if os.geteuid() == 0:
            # Permissions do not bind root; a file system without writing does.
            errors = self.refuse("--tcp", "127.0.0.1:0", "--state", "/proc/self")
            self.assertIn("/proc/self", errors)
            return
        state = self.folder / "state"
        state.mkdir()
        state.chmod(0o500)
        self.assertIn(str(state), self.refuse("--tcp", "127.0.0.1:0", "--state", state))

    def test_nothing_stays_without_a_state_directory(self):
        place = self.folder / "tmp"
        place.mkdir()
        environment = dict(os.environ, TMPDIR=str(place))
        program, port = self.module(environment=environment)
        data = seeded_bytes(10_000)
        port.upload("UFS:a", data)
        self.assertEqual(port.command('AT+QFDWL="UFS:a"').final, "CONNECT")
        self.assertEqual(port.take(len(data)), data)
        self.assertIn(checksum(data), port.answer().lines[0].decode())
        program.stop()
        self.assertEqual(list(place.rglob("*")), [])


if __name__ == "__main__":
    harness.main()
