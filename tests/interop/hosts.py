# SPDX-License-Identifier: MIT
"""Other people's programs as hosts, unmodified: each test_host_<name>.py gives one of them a pty of
the real program. Most come from build/servers (scripts/unpack-servers), as the mail servers do.
What they mail is caught."""
import email
import email.policy
import subprocess
import sys
import unittest

import harness
from harness import SERVERS, SOON, Process, needs_unpacked, server_environment, wait_until
from program import ProgramTest

# How long a whole run of a host may take: some pause between characters or poll every second.
PATIENCE = 120.0

# What the module says of itself in these tests; no value is a default of the program's, so that
# what a host prints must come from the module.
IDENTITY = {
    "identity.imei": "867698040000012",
    "identity.imsi": "262019876543210",
    "identity.iccid": "89490200001234567897",
    "identity.revision": "AG35CEVAR05A07T4G",
    "network.operator": "Testnet",
    "network.operator_numeric": "26201",
    "network.lac": "4E21",
    "network.cell_id": "1A2B3C4",
    "network.rssi": "21",
}


class HostTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.link = self.folder / "modem"
        self.box = self.folder / "mails"

    def serve_host(self, *arguments, **settings):
        """A program with a pty at self.link; `settings` with _ for the points of a key."""
        given = {key.replace("__", "."): value for key, value in settings.items()}
        return self.serve("--pty", self.link, "--catch", self.box, "--trace",
                          self.folder / "trace.log", *arguments, settings={**IDENTITY, **given})

    def host(self, tool, *arguments, environment=None, seconds=PATIENCE, **options):
        """Runs an unpacked tool to its end: status, what it printed on both of its outputs."""
        needs_unpacked(tool)
        result = subprocess.run([str(SERVERS / tool), *map(str, arguments)], text=True,
                                errors="replace", timeout=seconds, check=False,
                                cwd=self.folder, env={**server_environment(), **(environment or {})},
                                **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                                   "stderr": subprocess.STDOUT, **options})
        output = result.stdout or ""
        (self.folder / f"{tool.rpartition('/')[2]}.log").open("a").write(output)
        return result.returncode, output

    def caught(self, count=1):
        """The mails, as soon as there are `count` of them, oldest first."""
        def look():
            new = self.box / "new"
            found = sorted(new.iterdir()) if new.is_dir() else []
            return found if len(found) >= count else None
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                for path in wait_until(look, "a caught mail", SOON)]

    def check_mail(self, mail, recipient, subject, body=None, attachment=None):
        """That a mail is what the host wrote."""
        self.assertEqual(mail["X-Envelope-To"], recipient)
        self.assertEqual((mail["To"], mail["Subject"]), (recipient, subject))
        if body is not None:
            part = mail.get_body(("plain",))
            self.assertEqual(part.get_content().rstrip("\r\n"), body)
        if attachment is not None:
            part, = mail.iter_attachments()
            self.assertTrue(part.get_payload(decode=True) == attachment)


def names_of_tests():
    """Class.method of each test in the file that runs."""
    def walk(suite):
        for item in suite:
            if isinstance(item, unittest.TestSuite):
                yield from walk(item)
            else:
                yield item.id().partition(".")[2]
    return list(walk(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])))


def main():
    """As harness.main(), but the tests of the file run side by side, each in a process of its own:
    these hosts sleep most of their time."""
    if len(sys.argv) > 1:
        harness.main()
    with harness.Shared() as shared:
        runs = {}
        for name in names_of_tests():
            runs[name] = Process([sys.executable, sys.argv[0], name], shared.folder / f"{name}.log")
            shared.callback(runs[name].kill)
        statuses = set() if runs else {1}
        for name, run in runs.items():
            statuses.add(run.wait(5 * PATIENCE))
            print(run.log(), file=sys.stderr)
    sys.exit(next((status for status in statuses if status not in (0, harness.SKIPPED)),
                  harness.SKIPPED if harness.SKIPPED in statuses else 0))
