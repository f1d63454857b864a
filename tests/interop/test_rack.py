#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Several modules in one program: each has its own ports, files, identity and mails."""
import re

import harness
from harness import wait_until
from program import ProgramTest, activate, configure, write_mail


def rack_file(folder, text):
    path = folder / "rack.conf"
    path.write_text(text)
    return path


class Rack(ProgramTest):
    def rack(self, text, *arguments, **options):
        program = self.serve("--config", rack_file(self.folder, text), *arguments, **options)
        wait_until(lambda: program.out.read_text().count("ready ") >= text.count("port."),
                   "all ready lines")
        program.ports = program._ready()
        return program


class Modules(Rack):
    def test_identity_files_and_settings_are_apart(self):
        program = self.rack(f"""
            state = {self.folder}/state
            [module pump7]
            port.1.tcp = 127.0.0.1:0
            [module boiler]
            port.1.tcp = 127.0.0.1:0
            identity.model = EC25
            """.replace("            ", ""))
        pump = program.tcp("pump7/usbat").start()
        boiler = program.tcp("boiler/usbat").start()
        self.assertNotEqual(pump.ok("AT+CGSN"), boiler.ok("AT+CGSN"))
        self.assertIn("AG35", str(pump.ok("AT+CGMM")))
        self.assertIn("EC25", str(boiler.ok("AT+CGMM")))
        pump.upload("UFS:log.txt", b"hot")
        self.assertIn("log.txt", str(pump.ok('AT+QFLST="UFS:*"')))
        self.assertNotIn("log.txt", str(boiler.ok('AT+QFLST="*"')))
        self.assertTrue((self.folder / "state/pump7/ufs/log.txt").exists())
        activate(pump)
        configure(pump, ("mail.example.com", 25))
        self.assertNotIn("mail.example.com", str(boiler.ok('AT+QSMTPCFG="smtpserver"')))

    def test_log_and_trace_tell_the_module(self):
        trace = self.folder / "trace"
        program = self.rack(f"""
            port.1.tcp = 127.0.0.1:0
            catch = {self.folder}/mails
            trace = {trace}
            [module pump7]
            [module boiler]
            """.replace("            ", ""), ready=False)
        program.ports = wait_until(program._ready, "ready lines")
        for name in ("pump7", "boiler"):
            port = program.tcp(f"{name}/usbat").start()
            activate(port)
            configure(port, ("mail.example.com", 25))
            write_mail(port, [f"{name}@example.com"])
            self.assertEqual(port.send_mail(), (0, 0))
        program.stop()
        text = trace.read_text()
        for name in ("pump7", "boiler"):
            self.assertRegex(text, rf" {name}/usbat > AT\+QSMTPPUT=300")
            self.assertRegex(text, rf" {name}/smtp > RCPT TO:<{name}@example.com>")
            self.assertRegex(program.log(), rf"postmodem: info: {name}: ")
        self.assertEqual(len(list((self.folder / "mails/new").iterdir())), 2)

    def test_refusals(self):
        cases = {
            "port.1.tcp = 7001\n[module a]\n[module b]\n": r"both want the port 7001",
            f"port.1.tcp = 0\n[module a]\nstate = {self.folder}/x\n"
            f"[module b]\nstate = {self.folder}/x\n": r"both want the directory",
            "[module a]\nport.1.tcp = 0\n[module b]\n": r"b: no port",
            "[module a]\nport.1.tcp = x\n": r"rack.conf:2: port.1.tcp",
        }
        for text, message in cases.items():
            with self.subTest(text=text):
                status, _, errors = self.run_program("serve", "--config",
                                                     rack_file(self.folder, text))
                self.assertEqual(status, 2)
                self.assertTrue(re.search(message, errors), errors)

    def test_a_directory_by_two_names_is_one(self):
        (self.folder / "x").mkdir()
        (self.folder / "y").symlink_to("x")
        status, _, errors = self.run_program("serve", "--config", rack_file(self.folder, f"""
port.1.tcp = 0
[module a]
state = {self.folder}/x
[module b]
state = {self.folder}/y
"""))
        self.assertEqual(status, 2)
        self.assertIn("both want the directory", errors)


if __name__ == "__main__":
    harness.main()
