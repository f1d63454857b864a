#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The README shows what `postmodem demo` really prints: line for line but for times and numbers
that are new each time."""
import glob
import os
import re
import subprocess
import unittest

from program import program_path

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VARIABLE = [
    (re.compile(r"Date: .*"), "Date: <>"),
    (re.compile(r"Message-ID: .*"), "Message-ID: <>"),
    (re.compile(r"X-Envelope-Helo: .*"), "X-Envelope-Helo: <>"),
    (re.compile(r'boundary="[^"]*"'), "boundary=<>"),
]


def masked(text):
    for pattern, replacement in VARIABLE:
        text = pattern.sub(replacement, text)
    return [line.rstrip() for line in text.splitlines()]


class Readme(unittest.TestCase):
    def test_shows_the_demo(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            readme = file.read()
        shown = re.search(r"<!-- demo -->\n```\n(.*?)```\n<!-- /demo -->", readme, re.S)
        self.assertIsNotNone(shown, "README.md has no demo block")
        run = subprocess.run([program_path(), "demo"], capture_output=True, text=True, timeout=60,
                             check=True)
        lines = masked(shown[1])
        self.assertGreater(len(lines), 40)
        self.assertEqual(lines, masked(run.stdout)[:len(lines)])

    def test_settings_in_the_documents_exist(self):
        texts = [os.path.join(ROOT, "README.md")]
        texts += sorted(glob.glob(os.path.join(ROOT, "docs", "*.md")))
        settings = set()
        for path in texts:
            with open(path, encoding="utf-8") as file:
                settings |= set(re.findall(r"--set ([a-z]\S*=[^\s`,;]+)", file.read()))
        self.assertGreater(len(settings), 5)
        for setting in sorted(settings):
            run = subprocess.run([program_path(), "serve", "--set", setting], capture_output=True,
                                 text=True, timeout=60, check=False)
            self.assertIn("no port", run.stderr, setting)


if __name__ == "__main__":
    unittest.main()
