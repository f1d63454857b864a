#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a crash of the program leaves, and what other programs of its user see of it. A file of its own: not every
system, and no build with a sanitizer, can show it."""
import contextlib
import os
import pathlib
import pwd
import resource
import signal
import socket
import subprocess

import harness
from program import ProgramTest, activate, configure, program_path, write_mail


SECRET = "pYk7-Wn2q_Lr93"
CORE_PATTERN = pathlib.Path("/proc/sys/kernel/core_pattern")


def sanitized():
    return b"__asan_init" in pathlib.Path(program_path()).read_bytes()


class Hardening(ProgramTest):
    def setUp(self):
        super().setUp()
        self.cores = self.folder / "cores"
        self.cores.mkdir()
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        limit = "unlimited" if hard == resource.RLIM_INFINITY else hard
        # Whatever the tests were started with: often that is no cores at all.
        self.large_cores = ("prlimit", f"--core={limit}:{limit}")

    def sends_a_mail(self):
        """A program that waits for a mail server, with its owner's password. It may leave large cores as far as the
        limits go that it begins with."""
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        secret = self.folder / "password"
        secret.write_text(SECRET + "\n")
        secret.chmod(0o600)
        program, port = self.module(wrapper=self.large_cores, cwd=self.cores, settings={
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

    def core_of(self, process):
        """What the kernel keeps of a process that aborts: the content of its core, None without one."""
        _, how = os.waitpid(process.pid, 0)
        process.returncode = -os.WTERMSIG(how)
        self.assertEqual(os.WTERMSIG(how), signal.SIGABRT)
        files = list(self.cores.iterdir())
        self.assertEqual(len(files), os.WCOREDUMP(how))
        if not files:
            return None
        content = files[0].read_bytes()
        files[0].unlink()
        return content

    def needs_cores(self):
        """That a core can be had, and that a secret in it is found: a shell that has read the password and aborts."""
        pattern = CORE_PATTERN.read_text().strip()
        if pattern.startswith("|") or "/" in pattern:
            self.skipTest(f"cores are not kept in the folder of the process here: {pattern}")
        password = self.folder / "word"
        password.write_text(SECRET + "\n")
        core = self.core_of(subprocess.Popen(
            [*self.large_cores, "sh", "-c", 'read -r word <"$0"; kill -ABRT $$', password], cwd=self.cores))
        if core is None:
            self.skipTest("this system makes no cores")
        self.assertTrue(SECRET.encode() in core)  # assertIn() would show all of the core

    def expect_no_core(self, program):
        os.kill(program.pid, signal.SIGABRT)
        core = self.core_of(program.popen)
        if core is not None:
            found = "with" if SECRET.encode() in core else "without"
            self.fail(f"a core of {len(core)} bytes, {found} the password")

    def test_no_new_privileges(self):
        program = self.sends_a_mail()
        proc = pathlib.Path(f"/proc/{program.pid}")
        self.assertIn("NoNewPrivs:\t1", (proc / "status").read_text())
        self.assertRegex((proc / "limits").read_text(), r"Max core file size +0 +0 ")

    def test_no_core_while_a_mail_is_sent(self):
        self.needs_cores()
        self.expect_no_core(self.sends_a_mail())

    def test_no_core_where_the_limit_is_raised_again(self):
        """Where that is permitted; without it this is the test above once more."""
        self.needs_cores()
        program = self.sends_a_mail()
        if not sanitized():  # LeakSanitizer must look into its own process: only the limit is left
            with contextlib.suppress(PermissionError):
                resource.prlimit(program.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
        self.expect_no_core(program)

    def test_no_look_into_its_memory(self):
        """Not even by others of its user: its files in /proc are root's."""
        harness.needs_root()
        if sanitized():
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
