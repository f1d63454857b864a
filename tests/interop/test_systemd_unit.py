#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""systemd's own opinion of the unit file; skipped where its tools are not installed."""
import re
import shutil
import subprocess
import unittest

import harness
from program import program_path


def run(*arguments):
    if shutil.which(arguments[0]) is None:
        raise unittest.SkipTest(f"{arguments[0]} is not installed")
    return subprocess.run(arguments, capture_output=True, text=True, check=False,
                          timeout=harness.SOON)


class Unit(harness.TestCase):
    def setUp(self):
        super().setUp()
        text = (harness.ROOT / "dist/postmodem.service.in").read_text()
        self.unit = self.folder / "postmodem.service"
        # The manual page is not installed here, and systemd looks for it.
        text = re.sub(r"^Documentation=.*\n", "", text, flags=re.M)
        self.unit.write_text(text.replace("@PM_BINDIR@/postmodem",
                                          program_path()))

    def test_it_is_understood(self):
        result = run("systemd-analyze", "verify", str(self.unit))
        self.assertEqual((result.returncode, result.stdout + result.stderr), (0, ""))

    def test_it_is_confined(self):
        result = run("systemd-analyze", "security", "--offline=true", "--threshold=20",
                     str(self.unit))
        self.assertEqual(result.returncode, 0, result.stdout[-400:])

    def test_its_user_is_understood(self):
        result = run("systemd-sysusers", "--dry-run",
                     str(harness.ROOT / "dist/postmodem.sysusers"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("postmodem", result.stdout + result.stderr)


if __name__ == "__main__":
    harness.main()
