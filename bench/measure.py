# SPDX-License-Identifier: MIT
"""What the benchmarks share: clients that are measured, the receiver, programs at work."""
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "interop"))
# pylint: disable=wrong-import-position
import harness  # noqa: E402
from harness import SERVERS, Process, wait_until  # noqa: E402
from program import program_path  # noqa: E402

BUILT = pathlib.Path(os.environ.get("BENCH_TOOLS", harness.ROOT / "build" / "bench"))
SMTP_SOURCE = SERVERS / "usr/sbin/smtp-source"


class Result:
    """Wall time, processor time of the sender, its peak resident memory."""

    def __init__(self, seconds, cpu, peak_kib):
        self.seconds, self.cpu, self.peak_kib = seconds, cpu, peak_kib


def memory(pid):
    """Resident memory of a process in KiB, now and at most; (0, 0) once it has none any more."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        values = dict(line.split(":", 1) for line in file)
    return tuple(int(values.get(name, "0").split()[0]) for name in ("VmRSS", "VmHWM"))


def processor_time(pid):
    """Seconds in user and system mode of all threads so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_command(arguments, **options):
    """Runs one client to its end.

    The kernel's maximum for a waited child would count the parent's pages before exec, so the
    peak is looked up while the client runs."""
    started = time.monotonic()
    child = subprocess.Popen([str(a) for a in arguments], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, **options)
    peak = 0
    while True:
        peak = memory(child.pid)[1] or peak
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.002)
    seconds = time.monotonic() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    errors = child.stderr.read().decode(errors="replace")
    child.stderr.close()
    if child.returncode != 0:
        raise RuntimeError(f"{arguments[0]} ended with {child.returncode}: {errors}")
    return Result(seconds, usage.ru_utime + usage.ru_stime, peak)


class Sink:
    """bench/sink.c: the receiver that throws mail away, and what it saw."""

    def __init__(self, folder, *arguments, name="sink"):
        self.out = folder / f"{name}.out"
        with self.out.open("wb") as file:
            self.process = Process([BUILT / "sink", *arguments], folder / f"{name}.log",
                                   stdout=file)
        self.port = int(wait_until(lambda: self.out.read_text().strip(), "the receiver"))

    def stop(self):
        """Mails, segments, replies that were waited for, ms waited in all, longest wait in ms."""
        self.process.stop()
        return [float(word) for word in self.out.read_text().splitlines()[1].split()]


class Rack:
    """The program with many modules, each on a TCP port. Each has an address of its own out of
    127/8: the kernel takes its time to find thousands of free ports of one address."""

    def __init__(self, folder, count, smtp_port=25, settings=(), environment=None):
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
            + "".join(f"{line}\n" for line in settings)
            + "".join(f"[module m{i}]\nport.1.tcp = {where}\n"
                      for i, where in enumerate(self.ports)))
        self.out = folder / f"rack-{count}.out"
        begin = time.monotonic()
        with self.out.open("wb") as out:
            self.process = Process([program_path(), "serve", "--config", config],
                                   folder / f"rack-{count}.log", environment, stdout=out)
        wait_until(self._ready, f"{count} modules", seconds=120)
        self.start_seconds = time.monotonic() - begin

    def _ready(self):
        if not self.process.running():
            raise RuntimeError(self.process.log())
        return self.out.read_bytes().count(b"\n") >= self.count

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        self.process.stop(60)


class Hosts:
    """A host at each port (bench/hosts.c), with its draft written."""

    def __init__(self, ports, mails):
        self.child = subprocess.Popen([BUILT / "hosts", str(mails)], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.child.stdin.write("".join(f"{port}\n" for port in ports) + "\n")
        self.child.stdin.flush()
        if self.child.stdout.readline() != "drafts\n":
            raise RuntimeError("the hosts failed")

    def send(self):
        """Mails, seconds, median and 99th percentile in ms."""
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        sent, failed, *numbers = [float(text) for text in self.child.stdout.readline().split()]
        if failed:
            raise RuntimeError(f"{failed:.0f} mails failed")
        return sent, *numbers

    def leave(self):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait(30)


def verdict(text, value, wanted, enough):
    print(f"  {text}: {value} (asked: {wanted}): {'held' if enough else 'MISSED'}")
