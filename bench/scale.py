#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Many modules in one program: memory of idle ones, mails per second, time from AT+QSMTPPUT to its
result.

The program, the hosts and the receiver share this machine: with fewer than three free cores they
take each other's time.

Usage: scale.py [--modules N] [--mails N] [--idle N,N...]
"""
import argparse
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "interop"))
# pylint: disable=wrong-import-position
import harness  # noqa: E402
from harness import Process, wait_until  # noqa: E402
from program import program_path  # noqa: E402

BUILT = harness.ROOT / "build" / "bench"
# What the program itself keeps open.
SPARE_FILES = 200


def memory(pid):
    """Resident memory in KiB: now, and at most."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        values = dict(line.split(":", 1) for line in file)
    return int(values["VmRSS"].split()[0]), int(values["VmHWM"].split()[0])


def sockets(pid):
    folder = f"/proc/{pid}/fd"
    return sum(os.readlink(f"{folder}/{name}").startswith("socket:")
               for name in os.listdir(folder) if os.path.lexists(f"{folder}/{name}"))


def processor_time(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Rack:
    """The program with many modules, each on a TCP port. Each has an address of its own out of
    127/8: the kernel takes its time to find thousands of free ports of one address."""

    def __init__(self, folder, count, smtp_port=25):
        self.count = count
        port = harness.free_port()
        self.ports = [f"127.{1 + i // 62500}.{i // 250 % 250}.{1 + i % 250}:{port}"
                      for i in range(count)]
        config = folder / f"rack-{count}.conf"
        config.write_text(
            "log = error\n"
            f"smtp.server = 127.0.0.1\nsmtp.port = {smtp_port}\n"
            "smtp.sender_email = bench@example.com\n"
            "pdp.1.apn = internet\npdp.1.active_at_start = on\n"
            + "".join(f"[module m{i}]\nport.1.tcp = {where}\n"
                      for i, where in enumerate(self.ports)))
        self.out = folder / f"rack-{count}.out"
        begin = time.monotonic()
        with self.out.open("wb") as out:
            self.process = Process([program_path(), "serve", "--config", config],
                                   folder / f"rack-{count}.log", stdout=out)
        wait_until(self._ready, f"{count} modules", seconds=120)
        self.start_seconds = time.monotonic() - begin

    def _ready(self):
        if not self.process.running():
            raise RuntimeError(self.process.log())
        return self.out.read_bytes().count(b"\n") >= self.count

    def resident(self):
        return memory(self.process.pid)[0]

    def stop(self):
        self.process.stop(60)


class Hosts:
    """A host at each port, with its draft written."""

    def __init__(self, ports, mails):
        self.child = subprocess.Popen([BUILT / "hosts", str(mails)], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.child.stdin.write("".join(f"{port}\n" for port in ports) + "\n")
        self.child.stdin.flush()
        if self.child.stdout.readline() != "drafts\n":
            raise RuntimeError("the hosts failed")

    def send(self):
        """Mails, failed ones, seconds, median and 99th percentile in ms."""
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        return [float(text) for text in self.child.stdout.readline().split()]

    def leave(self):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait(30)


def receiver(folder, hold):
    out = folder / f"sink-{hold}.out"
    with out.open("wb") as file:
        process = Process([BUILT / "sink", str(hold)], folder / "sink.log", stdout=file)
    return process, int(wait_until(lambda: out.read_text().strip(), "the receiver"))


def idle(folder, counts):
    print("idle modules, each with a TCP port: memory in KiB")
    print(f"{'modules':>8} {'resident':>9} {'each more':>10} {'start, s':>9}")
    base = None
    for count in counts:
        rack = Rack(folder, count)
        each = f"{(rack.resident() - base) / (count - counts[0]):10.1f}" if base else ""
        base = base or rack.resident()
        print(f"{count:>8} {rack.resident():>9} {each:>10} {rack.start_seconds:>9.2f}")
        rack.stop()


def mails(folder, label, count, each, hold):
    sink, smtp_port = receiver(folder, hold)
    rack = Rack(folder, count, smtp_port)
    pid = rack.process.pid
    idle_memory, idle_sockets = rack.resident(), sockets(pid)
    hosts = Hosts(rack.ports, each)
    before, cpu = rack.resident(), processor_time(pid)
    numbers = hosts.send()
    cpu = processor_time(pid) - cpu
    sent, failed, seconds, median, p99 = numbers
    if failed or sent != count * each:
        raise RuntimeError(f"{failed:.0f} mails failed")
    peak = f"{(memory(pid)[1] - before) / count:.1f}" if count > 1 else ""
    print(f"{label:<32} {sent:>6.0f} {sent / seconds:>8.0f} {median:>10.1f} {p99:>8.1f} "
          f"{cpu / sent * 1e6:>8.0f} {peak:>7}", end="")
    hosts.leave()
    wait_until(lambda: sockets(pid) == idle_sockets, "hosts that have left")
    print(f" {(rack.resident() - idle_memory) / count:>7.1f}" if count > 1 else "")
    rack.stop()
    sink.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modules", type=int, default=1000)
    parser.add_argument("--mails", type=int, default=10, help="of each module, sustained")
    parser.add_argument("--idle", default="1,1000,10000")
    options = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    counts = [int(text) for text in options.idle.split(",")]
    if max(counts) + SPARE_FILES > limit:
        sys.exit(f"{max(counts)} modules need more than the {limit} descriptors that are allowed")
    count = options.modules
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postmodem-scale-"))
    try:
        idle(folder, counts)
        print("\nmails of 1000 bytes to a receiver that throws them away; a result comes 20 ms after "
              "its OK\nat the earliest (urc_gap); KiB for each module: most while mails are sent, left when "
              "the hosts are gone")
        print(f"{'':<32} {'mails':>6} {'mails/s':>8} {'median, ms':>10} {'p99, ms':>8} "
              f"{'cpu, us':>8} {'most':>7} {'left':>7}")
        mails(folder, "one module, one after the other", 1, 100, 0)
        mails(folder, f"{count} modules, all in flight", count, 1, count)
        mails(folder, f"{count} modules, one after the other", count, options.mails, 0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
