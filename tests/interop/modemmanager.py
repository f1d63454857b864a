# SPDX-License-Identifier: MIT
"""A ModemManager of its own for one test, unmodified, with its plugins, on a private bus.

It takes only ports that look like those of a USB device. So it runs in a mount namespace in which
/dev/ttyUSB<n> is a pty of the program and /sys describes a device of Quectel's behind it; nothing
outside the namespace sees them. Which ports there are it reads from a file of kernel events, as
on systems without udev.
"""
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import unittest

from harness import SERVERS, SOON, Process, needs_unpacked, server_environment, wait_until

DAEMON = "usr/sbin/ModemManager"
PLUGINS = "usr/lib/*-linux-gnu/ModemManager"
RULES = "lib/udev/rules.d"
VENDOR, PRODUCT = "2c7c", "0435"

BUS = """<busconfig>
  <type>custom</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <auth>ANONYMOUS</auth>
  <allow_anonymous/>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


def needs_namespace():
    """Skips where the kernel or the container permits no mount namespace. The command for one."""
    command = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    probe = command + ["mount", "--rbind", "/dev", "/dev"]
    try:
        result = subprocess.run(probe, capture_output=True, text=True, check=False, timeout=SOON)
    except FileNotFoundError:
        raise unittest.SkipTest("no unshare here") from None
    if result.returncode != 0:
        raise unittest.SkipTest("no mount namespace to be had: " + result.stderr.strip())
    return command


class ModemManager:
    """ports: paths of ptys; the n-th is interface n+2 of the device, as the AT ports of an EC25."""

    def __init__(self, folder, ports):
        needs_unpacked(DAEMON)
        if not pathlib.Path("/", RULES).is_dir():
            raise unittest.SkipTest(f"no /{RULES} here, where ModemManager looks for its rules")
        self.namespace = needs_namespace()
        self.folder = pathlib.Path(folder)
        self.names = {f"ttyUSB{number}": port for number, port in enumerate(ports, 2)}
        self.address = f"unix:path={self.folder}/bus"
        self.environment = dict(server_environment(), DBUS_SYSTEM_BUS_ADDRESS=self.address, LC_ALL="C")
        self.processes = []

    def __enter__(self):
        try:
            self._start_bus()
            self._make_device()
            self._start_daemon()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.stop()

    def _process(self, name, *arguments, environment=None, **options):
        process = Process(arguments, self.folder / f"{name}.log", environment or self.environment,
                          **options)
        self.processes.append(process)
        return process

    def _start_bus(self):
        (self.folder / "bus.conf").write_text(BUS.format(socket=self.folder / "bus"))
        self._process("dbus", SERVERS / "usr/bin/dbus-daemon", "--nofork", "--config-file",
                      self.folder / "bus.conf")
        wait_until((self.folder / "bus").is_socket, "the bus")
        policy = self._process("policykit", sys.executable, pathlib.Path(__file__).with_name(
            "policykit.py"), self.address)
        wait_until(lambda: "ready" in policy.log(), "the stand-in for PolicyKit")

    def _make_device(self):
        """What sysfs shows of a USB modem with serial ports."""
        root = self.folder / "sys"
        device = root / "devices/pci0000:00/0000:00:14.0/usb1/1-1"

        def attributes(path, **values):
            for name, value in values.items():
                (path / name).write_text(value + "\n")

        def link(path, target):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(pathlib.Path("/sys", target))
        for part in ("bus/usb/drivers/option", "bus/usb-serial", "class/tty"):
            (root / part).mkdir(parents=True)
        for number, name in enumerate(self.names, 2):
            interface = device / f"1-1:1.{number}"
            tty = interface / name / "tty" / name
            tty.mkdir(parents=True)
            attributes(interface, bInterfaceClass="ff", bInterfaceSubClass="00",
                       bInterfaceProtocol="00", bInterfaceNumber=f"{number:02x}")
            link(interface / "subsystem", "bus/usb")
            link(interface / "driver", "bus/usb/drivers/option")
            link(interface / name / "subsystem", "bus/usb-serial")
            link(tty / "device", interface.relative_to(root) / name)
            link(tty / "subsystem", "class/tty")
            link(root / "class/tty" / name, tty.relative_to(root))
        attributes(device, idVendor=VENDOR, idProduct=PRODUCT, manufacturer="Quectel", product="AG35")
        link(device / "subsystem", "bus/usb")

    def _start_daemon(self):
        dev = self.folder / "dev"
        (dev / "pts").mkdir(parents=True)
        steps = [["mount", "--bind", "/dev/pts", dev / "pts"]]
        for name in ("null", "zero", "random", "urandom"):
            (dev / name).touch()
            steps.append(["mount", "--bind", f"/dev/{name}", dev / name])
        for name, port in self.names.items():
            (dev / name).symlink_to(port)  # Which pty is behind it may change.
        events = self.folder / "events"
        events.write_text("".join(f"action=add,subsystem=tty,name={name}\n" for name in self.names))
        plugins, = SERVERS.glob(PLUGINS)
        steps += [
            ["mount", "--bind", SERVERS / RULES, f"/{RULES}"],
            ["mount", "--bind", self.folder / "sys", "/sys"],
            ["mount", "--rbind", dev, "/dev"],
            ["exec", SERVERS / DAEMON, "--debug", "--no-auto-scan", "--test-no-udev",
             "--test-no-suspend-resume", "--test-no-qrtr", f"--test-plugin-dir={plugins}",
             f"--initial-kernel-events={events}"],
        ]
        script = " && ".join(shlex.join(map(str, step)) for step in steps)
        # The loader's path is for the daemon: mount has the system's libraries.
        script = script.replace("exec ", "exec env " + shlex.quote(
            "LD_LIBRARY_PATH=" + self.environment["LD_LIBRARY_PATH"]) + " ")
        plain = {name: value for name, value in self.environment.items()
                 if name != "LD_LIBRARY_PATH"}
        self.daemon = self._process("modemmanager", *self.namespace, "sh", "-c", script,
                                    environment=plain)

    # ---- mmcli ------------------------------------------------------------------------------
    def mmcli(self, *arguments, seconds=60):
        """What mmcli prints; it must succeed."""
        result = self._mmcli(arguments, seconds)
        if result.returncode != 0:
            raise AssertionError(f"mmcli {arguments}: {result.stderr}{result.stdout}")
        return result.stdout

    def json(self, *arguments, seconds=60):
        return json.loads(self.mmcli(*arguments, "-J", seconds=seconds))

    def _mmcli(self, arguments, seconds):
        if not self.daemon.running():
            raise AssertionError(f"ModemManager ended with {self.daemon.popen.returncode}")
        return subprocess.run([str(SERVERS / "usr/bin/mmcli"), f"--timeout={seconds}", *arguments],
                              capture_output=True, text=True, errors="replace", check=False,
                              env=self.environment, timeout=seconds + SOON)

    def modem(self, wanted=None, seconds=60):
        """What is known of the modem, as soon as there is one and it is in the wanted state."""
        def look():
            result = self._mmcli(["-m", "any", "-J"], seconds)
            if result.returncode != 0:
                return None
            modem = json.loads(result.stdout)["modem"]
            state = modem["generic"]["state"]
            if wanted is None:
                return modem if state not in ("initializing", "unknown") else None
            return modem if state == wanted else None
        return wait_until(look, f"a modem {wanted or 'that is ready'}", seconds, pause=0.2)

    def signal(self):
        """Signal quality in percent, as a text."""
        return self.modem()["generic"]["signal-quality"]["value"]

    def unplug(self, seconds=60):
        """Tells that the ports are gone, as the kernel would, until there is no modem."""
        for name in self.names:
            self.mmcli(f"--report-kernel-event=action=remove,subsystem=tty,name={name}")
        wait_until(lambda: self._mmcli(["-m", "any"], seconds).returncode != 0, "no modem", seconds,
                   pause=0.2)

    def complaints(self):
        """Lines of its log that a sound daemon with a sound modem does not write."""
        return [line for line in self.daemon.log().splitlines()
                if re.search(r"CRITICAL|assertion|<error>", line)]
