#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ModemManager with its quectel plugin: it finds the module, enables and disables it."""
import harness
import hosts
from hosts import IDENTITY, HostTest
from modemmanager import ModemManager
from program import activate, configure, write_mail


class ManagedModem(HostTest):
    def manage(self, *arguments, **settings):
        """The program with two ptys for ModemManager, and a ModemManager that has them."""
        second = self.folder / "modem-secondary"
        self.program = self.serve_host("--pty", second, *arguments, **settings)
        manager = ModemManager(self.folder, [self.link, second])
        self.addCleanup(manager.__exit__)
        return manager.__enter__()

    def test_disabled_registered_disabled(self):
        manager = self.manage("--tcp", "127.0.0.1:0")
        modem = manager.modem("disabled")
        generic = modem["generic"]
        self.assertEqual((generic["plugin"], generic["manufacturer"], generic["model"],
                          generic["equipment-identifier"], generic["revision"]),
                         ("quectel", "Quectel", "AG35", IDENTITY["identity.imei"],
                          IDENTITY["identity.revision"]))
        self.assertEqual(sorted(generic["ports"]), ["ttyUSB2 (at)", "ttyUSB3 (at)"])
        for time in range(2):
            manager.mmcli("-m", "any", "--enable")
            modem = manager.modem("registered")
            self.assertEqual(modem["3gpp"]["registration-state"], "home")
            self.assertEqual(modem["3gpp"]["operator-name"], IDENTITY["network.operator"])
            self.assertEqual(modem["generic"]["access-technologies"], ["lte"])
            if time == 0:  # Enabled again, it asks for the signal only a while later.
                harness.wait_until(lambda: manager.signal() == "67", "signal 21 of 31")
            self.mail_beside_it()
            manager.mmcli("-m", "any", "--disable")
            manager.modem("disabled")
        self.assertEqual(manager.complaints(), [])

    def mail_beside_it(self):
        """The third port mails while ModemManager has the others."""
        port = self.program.tcp("uart1").start()
        port.command("AT+QIDEACT=1")
        activate(port)
        configure(port, ("mail.example.com", 25))
        write_mail(port, ["alarm@example.com"], "beside ModemManager")
        self.assertEqual(port.send_mail(60), (0, 0))
        self.check_mail(self.caught()[-1], "alarm@example.com", "beside ModemManager")

    def test_a_mail_through_it(self):
        """Commands that it passes on (it does so with --debug). The result of the mail is a URC that it
        does not know and must not trip over."""
        manager = self.manage()
        manager.modem("disabled")
        for command in ('AT+QICSGP=1,1,"internet","","",1', "AT+QIACT=1",
                        'AT+QSMTPCFG="smtpserver","mail.example.com",25',
                        'AT+QSMTPCFG="account","pump7","secret"',
                        'AT+QSMTPCFG="sender","Pump 7","pump7@example.com"',
                        'AT+QSMTPDST=1,1,"alarm@example.com"',
                        'AT+QSMTPSUB=0,"through ModemManager"', "AT+QSMTPPUT=300"):
            manager.mmcli("-m", "any", f"--command={command}")
        mail, = self.caught()
        self.check_mail(mail, "alarm@example.com", "through ModemManager")
        manager.mmcli("-m", "any", "--enable")
        manager.modem("registered")
        self.assertEqual(manager.complaints(), [])

    def test_roaming(self):
        manager = self.manage(network__registration=5)
        manager.modem("disabled")
        manager.mmcli("-m", "any", "--enable")
        self.assertEqual(manager.modem("registered")["3gpp"]["registration-state"], "roaming")
        self.assertEqual(manager.complaints(), [])

    def test_what_it_knows_of_sim_and_network(self):
        manager = self.manage()
        manager.modem("disabled")
        sim = manager.json("-i", "any")["sim"]["properties"]
        self.assertEqual((sim["imsi"], sim["iccid"], sim["operator-code"], sim["operator-name"]),
                         (IDENTITY["identity.imsi"], IDENTITY["identity.iccid"],
                          IDENTITY["network.operator_numeric"], IDENTITY["network.operator"]))
        manager.mmcli("-m", "any", "--enable")
        manager.modem("registered")
        found, = manager.json("-m", "any", "--3gpp-scan")["modem"]["3gpp"]["scan-networks"]
        self.assertEqual(found, "operator-code: 26201, operator-name: Testnet, "
                                "access-technologies: lte, availability: current")
        self.assertIn("me, mt, sm", manager.mmcli("-m", "any", "--messaging-status"))
        self.assertRegex(manager.mmcli("-m", "any", "--time"), r"current: 20\d\d-")
        self.assertEqual(manager.complaints(), [])

    def test_pin_and_a_network_that_takes_its_time(self):
        manager = self.manage(network__sim="pin", network__sim_pin="4711",
                              network__register_delay=2000)
        self.assertEqual(manager.modem("locked")["generic"]["unlock-required"], "sim-pin")
        with self.assertRaisesRegex(AssertionError, "IncorrectPassword|Incorrect password"):
            manager.mmcli("-i", "any", "--pin=1234")
        manager.mmcli("-i", "any", "--pin=4711")
        manager.modem("disabled")
        manager.mmcli("-m", "any", "--enable")
        manager.modem("registered")
        self.assertEqual(manager.complaints(), [])

    def test_without_sim(self):
        manager = self.manage(network__sim="absent")
        modem = manager.modem("failed")
        self.assertEqual(modem["generic"]["state-failed-reason"], "sim-missing")
        self.assertEqual(manager.complaints(), [])

    def test_the_module_disappears(self):
        manager = self.manage()
        manager.modem("disabled")
        manager.mmcli("-m", "any", "--enable")
        manager.modem("registered")
        self.program.stop()
        manager.unplug()
        self.assertEqual(manager.complaints(), [])


if __name__ == "__main__":
    hosts.main()
