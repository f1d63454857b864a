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
import shutil
import time

from measure import (SMTP_SOURCE, Result, Sink, harness, memory, processor_time, run_command,
                     verdict)
from certificates import Authority
from program import Program, activate, configure, trust, write_mail

MIB = 1 << 20
FROM, TO = "bench@example.com", "sink@example.com"


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.authority = Authority(folder)
        self.certificate, self.key = self.authority.issue()
        self.number = 0

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
            cpu = processor_time(program.pid)
            started = time.monotonic()
            result = at.send_mail(300)
            seconds = time.monotonic() - started
            if result != (0, 0):
                raise RuntimeError(f"QSMTPPUT ended with {result}: {program.log()[-2000:]}")
            return Result(seconds, processor_time(program.pid) - cpu, memory(program.pid)[1])
        finally:
            program.stop()
            shutil.rmtree(self.folder / f"state{self.number}")

    def curl(self, port, tls):
        if not shutil.which("curl"):
            return None
        url = f"smtps://localhost:{port}" if tls else f"smtp://127.0.0.1:{port}"
        return run_command(
            ["curl", "--silent", "--show-error", "--cacert", self.authority.certificate, url,
             "--mail-from", FROM, "--mail-rcpt", TO, "-H", "Subject: bench", "-F", "=hello",
             "-F", f"file=@{self.attachment};encoder=base64"])

    def msmtp(self, port, tls):
        if not shutil.which("msmtp"):
            return None
        options = ["--tls=off"]
        if tls:
            options = ["--tls=on", "--tls-starttls=off",
                       f"--tls-trust-file={self.authority.certificate}"]
        with self.message.open("rb") as message:
            return run_command(["msmtp", f"--host={'localhost' if tls else '127.0.0.1'}",
                                f"--port={port}", *options, f"--from={FROM}", "--auth=off", TO],
                               stdin=message)

    def smtp_source(self, port, tls):
        if tls or not SMTP_SOURCE.exists():
            return None
        return run_command([SMTP_SOURCE, "-m", "1", "-s", "1", "-f", FROM,
                            "-t", TO, "-l", self.message.stat().st_size, f"127.0.0.1:{port}"],
                           env=harness.server_environment())

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
    def against(name, result):
        return f"{best[name].seconds / result.seconds:.2f}" if name in best else "-"
    for name, result in best.items():
        print(f"{title:<6}{size:>5}  {name:<18}{result.seconds:9.3f}"
              f"{size * MIB / 1e6 / result.seconds:9.0f}{result.cpu:8.2f}"
              f"{result.peak_kib / 1024:10.1f}{against('curl -F base64', result):>9}"
              f"{against('smtp-source', result):>14}")


def show_verdicts(table, sizes):
    print(f"\nFor {sizes[-1]} MiB:")
    for tls, name, asked in ((False, "curl -F base64", 20), (False, "smtp-source", 0.5),
                             (True, "curl -F base64", 15)):
        best = table[sizes[-1], tls]
        if name in best:
            value = best[name].seconds / best["postmodem"].seconds
            verdict(f"{'TLS' if tls else 'in clear'}, against {name}", f"{value:.2f}x",
                    f"{asked}x", value >= asked)
    peaks = [table[size, False]["postmodem"].peak_kib / 1024 for size in sizes]
    verdict("peak RSS in clear, all sizes", " ".join(f"{peak:.1f}" for peak in peaks) + " MiB",
            "under 12, the same", max(peaks) < 12 and max(peaks) - min(peaks) < 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--sizes", default="1,10,100")
    options = parser.parse_args()
    sizes = sorted(int(word) for word in options.sizes.split(","))

    table = {}
    print(__doc__.split("\n\n")[1])
    with harness.Shared() as shared:
        bench = Bench(shared.folder)
        ports = {}
        for tls in (False, True):
            sink = Sink(shared.folder, *(("--tls", bench.certificate, bench.key) if tls else ()),
                        name="sink-tls" if tls else "sink")
            shared.callback(sink.process.kill)
            ports[tls] = sink.port
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
