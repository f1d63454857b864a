#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gammu: it identifies the module and monitors signal and network."""
import hosts
from hosts import IDENTITY, HostTest

GAMMU = "usr/bin/gammu"


class Gammu(HostTest):
    def gammu(self, *arguments):
        configuration = self.folder / "gammurc"
        configuration.write_text(f"[gammu]\nport = {self.link}\nconnection = at115200\n"
                                 f"synchronizetime = no\nlogformat = textall\n"
                                 f"logfile = {self.folder}/gammu-dialogue.log\n")
        status, output = self.host(GAMMU, "-c", configuration, *arguments,
                                   environment={"LC_ALL": "C", "TZ": "UTC"})
        self.assertEqual(status, 0, output)
        return output

    def test_identify(self):
        self.serve_host()
        output = self.gammu("identify")
        for pattern in ("Manufacturer +: Quectel", r"Model +: .*\bAG35\b",
                        f"Firmware +: {IDENTITY['identity.revision']}",
                        f"IMEI +: {IDENTITY['identity.imei']}",
                        f"SIM IMSI +: {IDENTITY['identity.imsi']}"):
            self.assertRegex(output, pattern)

    def test_monitor(self):
        self.serve_host()
        output = self.gammu("monitor", "1")
        for pattern in ("Signal strength +: -71 dBm", "Network state +: home network",
                        "Network +: .*LAC 4E21, CID 1A2B3C4", 'Name in phone +: "Testnet"',
                        "Packet network state +: home network", "GPRS +: attached"):
            self.assertRegex(output, pattern)

    def test_roaming(self):
        self.serve_host(network__registration=5)
        self.assertRegex(self.gammu("networkinfo"), "Network state +: roaming")

    def test_messages_and_phone_book(self):
        """There are none, and gammu says so."""
        self.serve_host()
        self.assertIn("0 SMS parts in 0 SMS sequences", self.gammu("getallsms"))
        self.assertIn("Empty entry", self.gammu("getmemory", "SM", "1"))

    def test_clock(self):
        self.serve_host()
        self.assertRegex(self.gammu("getdatetime"), r"Phone time is .*20\d\d")


if __name__ == "__main__":
    hosts.main()
