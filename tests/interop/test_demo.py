#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`postmodem demo` as a person runs it: all mails or an error, and nothing left behind."""
import fcntl
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

from program import program_path


class Demo(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pm-test-demo-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_demo(self, *arguments, tmpdir=None, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 60, **options}
        return subprocess.run([program_path(), "demo", *arguments], check=False, text=True,
                              env={**os.environ, "TMPDIR": str(tmpdir or self.folder)}, **options)

    def test_three_mails(self):
        done = self.run_demo()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.endswith(
            "\nAll three mails arrived and were read back equal.\n"))
        for text, count in {"\n+QSMTPPUT: 0,0\n": 3, "+QFUPL: 200,707\n": 3,
                            '\n+QIACT: 1,1,1,"10.7.157.1"\n\nOK\n': 3,
                            "X-Envelope-TLS: none\n": 1, "X-Envelope-TLS: TLSv1.": 2,
                            "\n  | ... 115 more bytes\n": 3}.items():
            self.assertEqual(done.stdout.count(text), count, text)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_no_network(self):
        """Where even the loopback interface is down, for those who may make such a place."""
        if subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode:
            self.skipTest("may not make a network of its own")
        done = subprocess.run(["unshare", "-n", program_path(), "demo"], check=False, text=True,
                              capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_nowhere_to_write(self):
        missing = self.folder / "missing"
        done = self.run_demo(tmpdir=missing)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"cannot make a directory in {missing}: No such file", done.stderr)

    def test_argument(self):
        done = self.run_demo("quickly")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn('"quickly"', done.stderr)

    def test_reader_that_leaves(self):
        """As with a pager that is left: an error, and nothing remains."""
        read, write = os.pipe()
        os.close(read)
        done = self.run_demo(stdout=write)
        os.close(write)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_interrupted(self):
        """A small pipe that nobody reads holds the demo in the middle of its dialogue."""
        read, write = os.pipe()
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
        with subprocess.Popen([program_path(), "demo"], stdout=write, stderr=subprocess.PIPE,
                              env={**os.environ, "TMPDIR": str(self.folder)}) as demo:
            os.close(write)
            with open(read, "rb", buffering=0) as output:
                self.assertTrue(output.read(1))
                demo.send_signal(signal.SIGTERM)
                self.assertNotIn(b"All three mails", output.read())
            error = demo.communicate(timeout=60)[1]
        self.assertEqual((demo.returncode, error), (130, b"\npostmodem: interrupted\n"))
        self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
