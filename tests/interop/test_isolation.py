#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whatever befalls one module, the others answer as fast as before: the time of AT to OK at module
`b` is measured while `a` and more are in trouble, and printed."""
import os
import select
import socket
import statistics
import threading
import time

import harness
from atclient import TcpPort
from harness import wait_until
from program import ProgramTest, activate, configure, write_mail
from sinks import Sink

# An answer takes well below a millisecond; a machine that is busy otherwise takes the rest. A
# loop that waits for anything takes seconds.
SLOW_MS = 400
USUAL_MS = 100
ROUNDS = 150


class Isolation(ProgramTest):
    def rack(self, text, names=("a", "b"), common="", **options):
        config = self.folder / "rack.conf"
        sections = text if isinstance(text, dict) else {"a": text}
        config.write_text("port.1.tcp = 127.0.0.1:0\ndrain_seconds = 0\n" + common + "".join(
            f"[module {name}]\n{sections.get(name, '')}" for name in names))
        self.program = self.serve("--config", config, ready=False, **options)
        wait_until(lambda: self.program.out.read_text().count("ready ") == len(names),
                   "ready lines")
        self.program.ports = self.program._ready()
        return self.program

    def port(self, name):
        return self.program.tcp(f"{name}/usbat").start()

    def measure(self, port, trouble):
        """The times of ROUNDS answers, in ms."""
        times = []
        for _ in range(ROUNDS):
            begin = time.monotonic()
            port.ok("AT")
            times.append((time.monotonic() - begin) * 1000)
        median, worst = statistics.median(times), max(times)
        print(f"    {trouble}: AT to OK at another module, ms: median {median:.2f}, "
              f"worst {worst:.1f}", flush=True)
        self.assertLess(median, USUAL_MS)
        self.assertLess(worst, SLOW_MS)

    def mail(self, port, address):
        activate(port)
        configure(port, address)
        write_mail(port, ["c@example.com"])
        self.assertEqual(port.send_mail(), (0, 0))

    def test_host_that_never_reads(self):
        self.rack("")
        other = self.port("b")
        host = TcpPort(self.program.address("a/usbat"))
        self.program.open_ports.append(host)
        host.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        host.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        host.socket.setblocking(False)
        sent = 0
        try:
            while True:
                sent += host.socket.send(b"AT+QICSGP=?;+QSMTPCFG=?\r" * 1000)
                select.select([], [host.socket], [], 0.2)
        except BlockingIOError:
            pass
        self.assertGreater(sent, 4096)
        self.measure(other, "a host that never reads")

    def test_host_that_floods(self):
        self.rack("")
        other = self.port("b")
        host = TcpPort(self.program.address("a/usbat"))
        self.program.open_ports.append(host)
        over = threading.Event()
        heard = 0

        def flood():
            while not over.is_set():
                try:
                    host.socket.sendall(b"AT+QICSGP=?;+QSMTPCFG=?;+CGMR\r" * 500)
                except OSError:
                    return

        def read():
            nonlocal heard
            while not over.is_set():
                if select.select([host.socket], [], [], 0.1)[0]:
                    heard += len(host.socket.recv(1 << 20))
        threads = [threading.Thread(target=work, daemon=True) for work in (flood, read)]
        host.socket.settimeout(0.5)
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: heard > 100000, "answers of the flooded module")
            self.measure(other, "a host that floods")
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def test_server_that_says_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as dead, Sink() as sink:
            self.rack("")
            port, other = self.port("a"), self.port("b")
            activate(port)
            configure(port, dead.getsockname())
            write_mail(port, ["c@example.com"])
            port.ok("AT+QSMTPPUT=300")
            self.measure(other, "a server that says nothing")
            self.mail(other, ("127.0.0.1", sink.port))
            port.refused("AT+QSMTPCLR", 652)

    def test_name_server_that_says_nothing(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead, Sink() as sink:
            dead.bind(("127.0.0.1", 0))
            self.rack(f"dns.servers = 127.0.0.1:{dead.getsockname()[1]}\n")
            port, other = self.port("a"), self.port("b")
            activate(port)
            configure(port, ("mail.example.com", 25))
            write_mail(port, ["c@example.com"])
            port.ok("AT+QSMTPPUT=300")
            self.assertTrue(select.select([dead], [], [], harness.SOON)[0])
            self.measure(other, "a name server that says nothing")
            self.mail(other, ("127.0.0.1", sink.port))
            port.refused("AT+QSMTPCLR", 652)

    # ---- disks ---------------------------------------------------------------------------------
    def disk(self, names, **variables):
        library = os.environ.get("BAD_DISK",
                                 str(harness.ROOT / "build/tests/interop/bad_disk.so"))
        # A sanitizer's library wants to be the first, and is not needed in this one.
        environment = dict(os.environ, LD_PRELOAD=library, **variables)
        environment["ASAN_OPTIONS"] = (environment.get("ASAN_OPTIONS", "")
                                       + ":verify_asan_link_order=0")
        self.rack("", names, f"state = {self.folder}/state\n", environment=environment)

    def test_full_disk(self):
        self.disk(("a", "b"), BAD_DISK_FULL="/state/a/")
        port, other = self.port("a"), self.port("b")
        port.connect('AT+QFUPL="UFS:x",100000,5')
        port.write(b"x" * 100000)
        self.assertIn(port.answer().final, ("+CME ERROR: 403", "+CME ERROR: 420"))
        self.measure(other, "a full disk")
        other.upload("UFS:x", b"x" * 100000)

    def test_disks_that_hang(self):
        """Twenty modules wait for their disks, more than libuv's own pool has threads."""
        hung = [f"hang{i}" for i in range(20)]
        flag = self.folder / "hangs"
        self.addCleanup(flag.unlink, missing_ok=True)
        self.disk((*hung, "b"), BAD_DISK_HANGS="/state/hang", BAD_DISK_WHILE=str(flag))
        ports = [self.port(name) for name in hung]
        flag.touch()
        other = self.port("b")
        for port in ports:
            port.connect('AT+QFUPL="UFS:x",3,60')
            port.write(b"abc")
        self.measure(other, "twenty disks that hang")
        begin = time.monotonic()
        for i in range(10):
            other.upload(f"UFS:{i}", b"x" * 1000)
        print(f"    twenty disks that hang: an upload at another module takes "
              f"{(time.monotonic() - begin) * 100:.1f} ms", flush=True)
        self.assertLess(time.monotonic() - begin, 10 * SLOW_MS / 1000)
        for port in ports:
            self.assertEqual(select.select([port], [], [], 0)[0], [])
        flag.unlink()
        for port in ports:
            self.assertEqual(port.answer().final, "OK")


if __name__ == "__main__":
    harness.main()
