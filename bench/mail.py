#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One mail with an attachment of 1, 10 and 100 MiB to a receiver that throws it away: this
program against curl, msmtp and smtp-source, in clear and over TLS, one table with ratios.

Each line is the best of a few runs. MB/s counts the attachment's bytes (10^6) from the command
to the result. curl encodes the attachment itself, as this program does; msmtp and smtp-source
send bytes that were made beforehand, as many as the encoded mail has.

Usage: mail.py [--runs N] [--sizes MIB,MIB...]
"""
import argparse
import base64
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "interop"))
# pylint: disable=wrong-import-position
import harness  # noqa: E402
from certificates import Authority  # noqa: E402
from harness import SERVERS, Process, server_environment, wait_until  # noqa: E402
from program import Program, activate, configure, trust, write_mail  # noqa: E402

MIB = 1 << 20
FROM, TO = "bench@example.com", "sink@example.com"


class Result:
    def __init__(self, seconds, cpu, peak_kib):
        self.seconds, self.cpu, self.peak_kib = seconds, cpu, peak_kib


def peak_of(pid):
    """Peak resident memory of a process in KiB; None once it has none any more."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next((int(line.split()[1]) for line in file if line.startswith("VmHWM")), None)


def run_command(arguments, **options):
    """Runs one client to its end: wall time, processor time, peak memory.

    The kernel's maximum for a waited child would count the parent's pages before exec, so the
    peak is looked up while the client runs."""
    started = time.monotonic()
    child = subprocess.Popen([str(a) for a in arguments], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, **options)
    peak = 0
    while True:
        peak = peak_of(child.pid) or peak
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


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.authority = Authority(folder)
        self.certificate, self.key = self.authority.issue()
        self.number = 0

    # ---- the receiver -----------------------------------------------------------------------
    def start_receiver(self, tls):
        name = "receiver-tls" if tls else "receiver"
        out = self.folder / f"{name}.out"
        arguments = [self.certificate, self.key] if tls else []
        with out.open("wb") as file:
            receiver = Process([sys.executable, pathlib.Path(__file__).with_name("discard.py"),
                                *arguments], self.folder / f"{name}.log", stdout=file)
        return receiver, int(wait_until(lambda: out.read_text().strip(), "the receiver"))

    # ---- the inputs ----------------------------------------------------------------------------
    def prepare(self, mib):
        self.attachment = self.folder / "attachment.bin"
        self.size = mib * MIB
        self.message = self.folder / "message.eml"
        # 57 bytes make one line of base64; so does any multiple of them.
        piece = 57 * 16384
        with self.attachment.open("wb") as attachment, self.message.open("wb") as message:
            message.write(
                b"From: <%s>\r\nTo: <%s>\r\nSubject: bench\r\nMIME-Version: 1.0\r\n"
                b"Content-Type: application/octet-stream\r\n"
                b"Content-Transfer-Encoding: base64\r\n\r\n" % (FROM.encode(), TO.encode()))
            for start in range(0, self.size, piece):
                data = harness.seeded_bytes(min(piece, self.size - start), start)
                attachment.write(data)
                message.write(base64.encodebytes(data).replace(b"\n", b"\r\n"))

    # ---- the clients -----------------------------------------------------------------------------
    def postmodem(self, port, tls):
        self.number += 1
        program = Program(self.folder, "--tcp", "127.0.0.1:0",
                          "--state", self.folder / f"state{self.number}",
                          name=f"program{self.number}")
        try:
            at = program.tcp().start()
            activate(at)
            configure(at, ("localhost" if tls else "127.0.0.1", port), 1 if tls else 0)
            if tls:
                trust(at, self.authority)
            write_mail(at, [TO])
            at.upload("UFS:attachment.bin", self.attachment.read_bytes(), timeout=300)
            at.ok('AT+QSMTPATT=1,1,"UFS:attachment.bin"')
            cpu = self.cpu_of(program.pid)
            started = time.monotonic()
            result = at.send_mail(300)
            seconds = time.monotonic() - started
            if result != (0, 0):
                raise RuntimeError(f"QSMTPPUT ended with {result}: {program.log()[-2000:]}")
            return Result(seconds, self.cpu_of(program.pid) - cpu, peak_of(program.pid))
        finally:
            program.stop()
            shutil.rmtree(self.folder / f"state{self.number}")

    @staticmethod
    def cpu_of(pid):
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def curl(self, port, tls):
        url = f"smtps://localhost:{port}" if tls else f"smtp://127.0.0.1:{port}"
        return run_command(
            ["curl", "--silent", "--show-error", "--cacert", self.authority.certificate, url,
             "--mail-from", FROM, "--mail-rcpt", TO, "-H", "Subject: bench", "-F", "=hello",
             "-F", f"file=@{self.attachment};encoder=base64"])

    def msmtp(self, port, tls):
        options = ["--tls=off"]
        if tls:
            options = ["--tls=on", "--tls-starttls=off",
                       f"--tls-trust-file={self.authority.certificate}"]
        with self.message.open("rb") as message:
            return run_command(["msmtp", f"--host={'localhost' if tls else '127.0.0.1'}",
                                f"--port={port}", *options, f"--from={FROM}", "--auth=off", TO],
                               stdin=message)

    def smtp_source(self, port, tls):
        if tls:
            return None
        return run_command([SERVERS / "usr/sbin/smtp-source", "-m", "1", "-s", "1", "-f", FROM,
                            "-t", TO, "-l", self.message.stat().st_size, f"127.0.0.1:{port}"],
                           env=server_environment())

    CLIENTS = (("postmodem", postmodem), ("curl -F base64", curl), ("msmtp (prebuilt)", msmtp),
               ("smtp-source", smtp_source))

    def measure(self, port, tls, runs):
        """Best of the runs by wall time, the clients in turn."""
        best = {}
        for _ in range(runs):
            for name, client in self.CLIENTS:
                result = client(self, port, tls)
                if result and (name not in best or result.seconds < best[name].seconds):
                    best[name] = result
        return best


def show(title, size, best):
    curl, source = best["curl -F base64"], best.get("smtp-source")
    for name, result in best.items():
        ratio = f"{curl.seconds / result.seconds:9.1f}"
        against = f"{source.seconds / result.seconds:14.2f}" if source else f"{'-':>14}"
        print(f"{title:<6}{size:>5}  {name:<18}{result.seconds:9.3f}"
              f"{size * MIB / 1e6 / result.seconds:9.0f}{result.cpu:8.2f}"
              f"{result.peak_kib / 1024:10.1f}{ratio}{against}")


def verdict(text, value, wanted, enough):
    print(f"  {text}: {value} (asked: {wanted}): {'held' if enough else 'MISSED'}")


def show_verdicts(table, sizes):
    largest = sizes[-1]
    plain, tls = table[largest, False], table[largest, True]

    def ratio(best, name):
        return best[name].seconds / best["postmodem"].seconds
    print(f"\nFor {largest} MiB:")
    value = ratio(plain, "curl -F base64")
    verdict("in clear, against curl -F", f"{value:.1f}x", "20x", value >= 20)
    value = ratio(plain, "smtp-source")
    verdict("in clear, against smtp-source", f"{value:.2f}x", "0.5x", value >= 0.5)
    value = ratio(tls, "curl -F base64")
    verdict("TLS, against curl -F", f"{value:.1f}x", "10x", value >= 10)
    peaks = [table[size, False]["postmodem"].peak_kib / 1024 for size in sizes]
    verdict("peak RSS in clear, all sizes", " ".join(f"{peak:.1f}" for peak in peaks) + " MiB",
            "under 12, the same", max(peaks) < 12 and max(peaks) - min(peaks) < 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--sizes", default="1,10,100")
    options = parser.parse_args()
    sizes = sorted(int(word) for word in options.sizes.split(","))
    if not (SERVERS / "usr/sbin/smtp-source").exists():
        sys.exit("smtp-source is not unpacked: run scripts/unpack-servers")

    table = {}
    with harness.Shared() as shared:
        bench = Bench(shared.folder)
        ports = {}
        for tls in (False, True):
            receiver, ports[tls] = bench.start_receiver(tls)
            shared.callback(receiver.kill)
        print(f"{'':<6}{'MiB':>5}  {'client':<18}{'seconds':>9}{'MB/s':>9}{'CPU s':>8}"
              f"{'RSS MiB':>10}{'x curl':>9}{'x smtp-source':>14}")
        for size in sizes:
            bench.prepare(size)
            for tls in (False, True):
                best = bench.measure(ports[tls], tls, options.runs)
                table[size, tls] = best
                show("TLS" if tls else "clear", size, best)
    show_verdicts(table, sizes)


if __name__ == "__main__":
    main()
