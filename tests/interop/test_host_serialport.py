#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""npm's serialport with its readline parser. It locks the port against other programs: the next
host must be able to open it all the same."""
import os
import pathlib
import shutil
import subprocess
import unittest

import harness
import hosts
from hosts import IDENTITY, PATIENCE, HostTest

MODULES = harness.ROOT / "build" / "node" / "node_modules"
SCRIPT = pathlib.Path(__file__).with_name("node") / "mail.js"


class Serialport(HostTest):
    def setUp(self):
        super().setUp()
        self.node = shutil.which("node")
        if not self.node:
            raise unittest.SkipTest("no Node.js here")
        if not (MODULES / "serialport").is_dir():
            raise unittest.SkipTest("serialport is not there: run scripts/fetch-node-modules")

    def run_script(self, subject):
        result = subprocess.run([*harness.as_others(), self.node, SCRIPT, self.link, subject], text=True,
                                env={**os.environ, "NODE_PATH": str(MODULES)}, check=False,
                                timeout=PATIENCE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        (self.folder / "node.log").open("a").write(result.stdout)
        self.assertEqual(result.returncode, 0, result.stdout)
        return result.stdout

    def test_mails_and_opens_again(self):
        self.serve_host()
        for count in (1, 2):
            self.assertIn("+QSMTPPUT: 0,0", self.run_script(f"by serialport {count}"))
        for count, mail in enumerate(self.caught(2), 1):
            self.check_mail(mail, "alarm@example.com",
                            f"by serialport {count} {IDENTITY['identity.imei']}",
                            "Pump 7 is too hot: 93 C.")
            self.assertRegex(mail["X-Envelope-TLS"], "TLS")


if __name__ == "__main__":
    hosts.main()
