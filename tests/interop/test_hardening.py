#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a crash of the program leaves, and what other programs of its user see of it. A file of its own: not every
system, and no build with a sanitizer, can show it."""
import os
import pathlib
import pwd
import resource
import signal
import socket
import subprocess

import harness
from program import ProgramTest, activate, configure, program_path, write_mail


class Hardening(ProgramTest):
    def sends_a_mail(self):
        """A program that waits for a mail server, with its owner's password."""
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        secret = self.folder / "password"
        secret.write_text("secret\n")
        secret.chmod(0o600)
        program, port = self.module(settings={
            "mail.override_server": "localhost:%d" % silent.getsockname()[1],
            "mail.override_username": "user@example.com", "mail.override_password_file": secret,
            "mail.from": "plant7@owner.example"})
        activate(port)
        configure(port, ("mail.old.example", 25))
        write_mail(port, ["a@relay.test"])
        port.ok("AT+QSMTPPUT=60")
        connection, _ = silent.accept()
        self.addCleanup(connection.close)
        return program

    def dumped(self, process):
        """Whether a process that aborts now leaves a core."""
        os.kill(process.pid, signal.SIGABRT)
        _, how = os.waitpid(process.pid, 0)
        process.returncode = -os.WTERMSIG(how)
        self.assertEqual(os.WTERMSIG(how), signal.SIGABRT)
        return os.WCOREDUMP(how)

    def test_no_new_privileges_and_no_core_file(self):
        program = self.sends_a_mail()
        proc = pathlib.Path(f"/proc/{program.pid}")
        self.assertIn("NoNewPrivs:\t1", (proc / "status").read_text())
        self.assertRegex((proc / "limits").read_text(), r"Max core file size +0 +0 ")
        self.assertFalse(self.dumped(program.popen))

    def test_others_leave_a_core(self):
        """What aborts without the program's care: without it the test above proves little."""
        def large_cores():
            hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
            resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        other = subprocess.Popen(["sleep", "60"], cwd=self.folder, preexec_fn=large_cores)
        if not self.dumped(other):
            self.skipTest("this system makes no cores")

    def test_no_look_into_its_memory(self):
        """Not even by others of its user: its files in /proc are root's."""
        harness.needs_root()
        if b"__asan_init" in pathlib.Path(program_path()).read_bytes():
            self.skipTest("LeakSanitizer must look into its own process")
        user = pwd.getpwnam("nobody")
        self.folder.chmod(0o777)
        program, _ = self.module(wrapper=("setpriv", f"--reuid={user.pw_uid}", "--clear-groups"))
        self.assertEqual(os.stat(f"/proc/{program.pid}/mem").st_uid, 0)
        status = subprocess.run(["setpriv", f"--reuid={user.pw_uid}", "--clear-groups", "cat",
                                 f"/proc/{program.pid}/environ"], capture_output=True, check=False)
        self.assertNotEqual(status.returncode, 0)
        self.assertEqual(status.stdout, b"")


if __name__ == "__main__":
    harness.main()
