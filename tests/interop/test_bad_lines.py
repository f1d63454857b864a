#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every command of the table in the real program, with what its row does not allow (at_bad_lines makes
the lines): each has its documented result and no other, one after the other and typed ahead, and a file,
the draft and the contexts are as they were."""
import json
import os
import subprocess

import harness
from program import ProgramTest, activate, configure

QUERIES = ('AT+QFLST="*"', "AT+QIACT?", "AT+QICSGP=1", 'AT+QSMTPCFG="account"', 'AT+QSMTPCFG="smtpserver"',
           "AT+QSMTPDST?", "AT+QSMTPSUB?", 'AT+QSSLCFG="seclevel",1', "AT+CGDCONT?", "AT+CFUN?", "AT&V")


def tool():
    return os.environ.get("AT_BAD_LINES", str(harness.ROOT / "build/tests/tools/at_bad_lines"))


class BadLines(ProgramTest):
    def setUp(self):
        super().setUp()
        printed = subprocess.run([tool()], check=True, capture_output=True, text=True).stdout
        self.cases = [json.loads(line) for line in printed.splitlines()]
        self.assertGreater(len(self.cases), 3000)

    def prepare(self, port):
        port.start()
        activate(port)
        configure(port, ("mail.example", 2525))
        port.ok('AT+QSMTPDST=1,1,"a@example.com"')
        port.ok('AT+QSMTPSUB=1,"subject"')
        port.ok('AT+QSSLCFG="seclevel",1,2')
        port.upload("kept", b"kept")
        return self.state(port)

    def state(self, port):
        return [port.ok(query) for query in QUERIES]

    def test_one_after_the_other(self):
        program = self.serve("--tcp", "127.0.0.1:0", settings={"limits": "strict"})
        port = program.tcp()
        before = self.prepare(port)
        for line, result in self.cases:
            port.write(line.encode("latin-1"))
            answer = port.line().decode()
            self.assertEqual(answer, result, line)
            port.ok("AT")
        self.assertEqual(self.state(port), before)

    def test_typed_ahead(self):
        link = self.folder / "modem"
        program = self.serve("--pty", link, settings={"limits": "strict"})
        port = program.pty(link)
        before = self.prepare(port)
        for at in range(0, len(self.cases), 20):
            batch = self.cases[at:at + 20]
            port.write("".join(line for line, _ in batch).encode("latin-1"))
            port.expect("".join(f"\r\n{result}\r\n" for _, result in batch).encode())
        port.ok("AT")
        self.assertEqual(self.state(port), before)


if __name__ == "__main__":
    harness.main()
