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
import sys
import tempfile

from measure import Hosts, Rack, Sink, memory, processor_time, wait_until

# What the program itself keeps open.
SPARE_FILES = 200


def sockets(pid):
    folder = f"/proc/{pid}/fd"
    return sum(os.readlink(f"{folder}/{name}").startswith("socket:")
               for name in os.listdir(folder) if os.path.lexists(f"{folder}/{name}"))


def idle(folder, counts):
    print("idle modules, each with a TCP port: memory in KiB")
    print(f"{'modules':>8} {'resident':>9} {'each more':>10} {'start, s':>9}")
    base = None
    for count in counts:
        rack = Rack(folder, count)
        each = f"{(memory(rack.pid)[0] - base) / (count - counts[0]):10.1f}" if base else ""
        base = base or memory(rack.pid)[0]
        print(f"{count:>8} {memory(rack.pid)[0]:>9} {each:>10} {rack.start_seconds:>9.2f}")
        rack.stop()


def mails(folder, label, count, each, hold):
    sink = Sink(folder, "--hold", hold)
    rack = Rack(folder, count, sink.port)
    pid = rack.pid
    idle_memory, idle_sockets = memory(rack.pid)[0], sockets(pid)
    hosts = Hosts(rack.ports, each)
    before, cpu = memory(rack.pid)[0], processor_time(pid)
    sent, seconds, median, p99 = hosts.send()
    cpu = processor_time(pid) - cpu
    peak = f"{(memory(pid)[1] - before) / count:.1f}" if count > 1 else ""
    print(f"{label:<32} {sent:>6.0f} {sent / seconds:>8.0f} {median:>10.1f} {p99:>8.1f} "
          f"{cpu / sent * 1e6:>8.0f} {peak:>7}", end="")
    hosts.leave()
    wait_until(lambda: sockets(pid) == idle_sockets, "hosts that have left")
    print(f" {(memory(rack.pid)[0] - idle_memory) / count:>7.1f}" if count > 1 else "")
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
