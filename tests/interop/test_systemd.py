#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the program tells systemd: ready, reloading, stopping, and that its loop runs."""
import os
import re
import select
import signal
import socket
import time

import harness
from program import ProgramTest


class Notify(ProgramTest):
    def setUp(self):
        super().setUp()
        self.path = self.folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.addCleanup(self.socket.close)
        self.config = self.folder / "rack.conf"

    def start(self, text, **environment):
        self.config.write_text(text)
        return self.serve("--config", self.config,
                          environment=dict(os.environ, NOTIFY_SOCKET=str(self.path),
                                           **environment))

    def message(self, seconds=harness.SOON):
        """The next message, as a dictionary; pings are taken for themselves."""
        if not select.select([self.socket], [], [], seconds)[0]:
            raise harness.Expired("no message to systemd")
        lines = self.socket.recv(4096).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def test_ready_when_the_ports_are_open(self):
        self.start("port.1.tcp = 127.0.0.1:0\n[module a]\n[module b]\n")
        self.assertEqual(self.message(), {"READY": "1", "STATUS": "2 modules"})

    def test_not_ready_when_it_cannot_start(self):
        self.config.write_text("port.1.tcp = 192.0.2.1:1\n")
        program = self.serve("--config", self.config, ready=False,
                             environment=dict(os.environ, NOTIFY_SOCKET=str(self.path)))
        self.assertEqual(program.wait(), 1)
        self.assertEqual(select.select([self.socket], [], [], 0)[0], [])

    def test_reloading_and_stopping(self):
        program = self.start("port.1.tcp = 127.0.0.1:0\n[module a]\n")
        self.assertEqual(self.message()["STATUS"], "1 module")
        for text, status in (("port.1.tcp = 127.0.0.1:0\n[module a]\n[module b]\n", "2 modules"),
                             ("nonsense\n", "2 modules")):
            self.config.write_text(text)
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            program.popen.send_signal(signal.SIGHUP)
            reloading = self.message()
            self.assertEqual(reloading["RELOADING"], "1")
            self.assertGreaterEqual(int(reloading["MONOTONIC_USEC"]), before)
            self.assertEqual(self.message(), {"READY": "1", "STATUS": status})
        program.popen.send_signal(signal.SIGTERM)
        self.assertEqual(self.message(), {"STOPPING": "1"})
        self.assertEqual(program.wait(), 0)

    def test_a_module_that_is_lost_shows(self):
        """It starts neither with the new settings nor, since its card is gone, with the former."""
        card = self.config.parent / "card"
        card.mkdir()
        text = f"port.1.tcp = 127.0.0.1:0\n[module a]\nsd = {card}\n"
        program = self.start(text)
        self.assertEqual(self.message()["STATUS"], "1 module")
        card.rmdir()
        self.config.write_text(text + "identity.model = EC25\n")
        program.popen.send_signal(signal.SIGHUP)
        while self.message().get("STATUS") != "0 modules":
            pass

    def test_watchdog_is_fed_in_time(self):
        self.start("port.1.tcp = 127.0.0.1:0\n", WATCHDOG_USEC="400000")
        self.assertEqual(self.message()["READY"], "1")
        begin = time.monotonic()
        for _ in range(5):
            self.assertEqual(self.message(), {"WATCHDOG": "1"})
        self.assertGreater(time.monotonic() - begin, 0.7)

    def test_watchdog_of_another_process_is_not(self):
        self.start("port.1.tcp = 127.0.0.1:0\n", WATCHDOG_USEC="100000", WATCHDOG_PID="1")
        self.assertEqual(self.message()["READY"], "1")
        with self.assertRaises(harness.Expired):
            self.message(0.4)


class Unit(harness.TestCase):
    """The unit file says what the program does."""

    UNIT = (harness.ROOT / "dist/postmodem.service.in").read_text()

    def value(self, key):
        return re.search(rf"^{key}=(.*)$", self.UNIT, re.M).group(1)

    def test_it_leaves_time_for_running_mails(self):
        keys = (harness.ROOT / "docs/configuration.md").read_text()
        drain = int(re.search(r"`drain_seconds` \|[^|]*\| `(\d+)`", keys).group(1))
        self.assertGreater(int(self.value("TimeoutStopSec")), drain)

    def test_it_uses_what_the_program_offers(self):
        self.assertEqual(self.value("Type"), "notify")
        self.assertIn("-HUP $MAINPID", self.value("ExecReload"))
        self.assertGreater(int(self.value("WatchdogSec")), 0)

    def test_its_user_is_made(self):
        users = (harness.ROOT / "dist/postmodem.sysusers").read_text()
        self.assertRegex(users, rf"(?m)^u {self.value('User')} ")
        self.assertRegex(users, rf"(?m)^m {self.value('User')} "
                                rf"{self.value('SupplementaryGroups')}$")


if __name__ == "__main__":
    harness.main()
