#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gsm-utils: gsmctl and its relatives. They insist on dropping and raising DTR, which a pty does
not know; modem_lines.c lets them believe that it has worked."""
import os
import unittest

import harness
import hosts
from hosts import IDENTITY, HostTest

LINES = os.environ.get("MODEM_LINES",
                       str(harness.ROOT / "build" / "tests" / "interop" / "libmodem_lines.so"))


class GsmUtils(HostTest):
    def tool(self, name, *arguments, device="-d"):
        if not os.path.exists(LINES):
            raise unittest.SkipTest(f"{LINES} is not built")
        return self.host(f"usr/bin/{name}", "-b", "115200", device, self.link, *arguments,
                         environment={"LD_PRELOAD": LINES, "LC_ALL": "C"})

    def gsmctl(self, *arguments):
        status, output = self.tool("gsmctl", *arguments)
        self.assertEqual(status, 0, output)
        return output

    def test_information(self):
        self.serve_host()
        for parameter, parts in (
                ("me", ["Manufacturer: Quectel", "Model: AG35",
                        f"Serial Number: {IDENTITY['identity.imei']}",
                        f"Revision: {IDENTITY['identity.revision']}"]),
                ("pin", ["READY"]), ("sig", ["21"]), ("currop", ["'Testnet'", "26201", "automatic"]),
                ("op", ["current", "'Testnet'"]), ("cset", ["'GSM'", "'UCS2'"]),
                ("batt", ["100"])):
            output = self.gsmctl(parameter)
            for part in parts:
                self.assertIn(part, output, parameter)

    def test_without_sim(self):
        self.serve_host(network__sim="absent")
        status, output = self.tool("gsmctl", "pin")
        self.assertNotEqual(status, 0, output)
        self.assertIn("SIM not inserted", output)

    def test_phone_book_and_messages(self):
        """There is nothing in them, and no complaint."""
        self.serve_host()
        for name, arguments in (("gsmpb", ["-p", "SM", "-d", "-"]),
                                ("gsmsmsstore", ["-t", "SM", "-l"])):
            self.assertEqual(self.tool(name, *arguments, device="-s"), (0, ""))

    def test_no_message_is_sent(self):
        """There are no short messages: the sender must be told, not left waiting."""
        self.serve_host()
        status, output = self.tool("gsmsendsms", "+491701234567", "Pump 7 is too hot")
        self.assertNotEqual(status, 0, output)
        self.assertIn("not supported", output)


if __name__ == "__main__":
    hosts.main()
