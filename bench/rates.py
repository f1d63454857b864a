#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Small mails: how many per second over kept connections and over new ones with TLS, this program
and the library it is made of against libcurl and smtp-source, to one receiver that throws them
away.

Each line is the best of a few runs, the clients in turn. A mail has a body of 1000 bytes. CPU is
what the sender takes; of "postmodem" the program alone, whose hosts type AT commands in a process
of their own and ask for the next mail when they have read +QSMTPPUT. "library" is the same SMTP and
MIME code without AT commands and event loop. "BDAT": to a receiver that offers CHUNKING. Segments
and pauses are counted by the receiver: the TCP segments of a mail, and how long it waited between
its reply and what the client sent next within a mail, in the mean and at most.

By default a result comes 20 ms after its OK at the earliest; here urc_gap is 0.

Usage: rates.py [--runs N] [--mails N] [--handshakes N]
"""
import argparse
import os

from measure import (BUILT, SMTP_SOURCE, Hosts, Rack, Result, Sink, harness, memory,
                     processor_time, run_command, verdict)
from certificates import Authority

KEPT = ("urc_gap = 0", "reuse_seconds = 60")


class Client:
    """One line of a table. `run` gets a port, sessions and mails in all, and returns a Result."""

    def __init__(self, name, run, chunking=False):
        self.name, self.run, self.chunking = name, run, chunking
        self.best = None
        self.mails = 0

    def measure(self, folder, tls, sessions, mails):
        arguments = (["--chunking"] if self.chunking else []) + (["--tls", *tls] if tls else [])
        sink = Sink(folder, *arguments)
        result = self.run(sink.port, sessions, mails)
        seen = sink.stop()
        if seen[0] != mails:
            raise RuntimeError(f"{self.name}: {seen[0]:.0f} mails of {mails} have arrived")
        self.mails = mails
        result.segments = seen[1] / mails
        result.mean, result.longest = seen[3] / max(seen[2], 1), seen[4]
        if self.best is None or result.seconds < self.best.seconds:
            self.best = result

    def rate(self):
        return self.mails / self.best.seconds

    def show(self, others):
        best = self.best
        against = "".join(f"{self.rate() / other.rate():>11.2f}" if other.best else f"{'-':>11}"
                          for other in others)
        print(f"{self.name:<22}{self.mails:>7}{best.seconds:>9.3f}{self.rate():>9.0f}{against}"
              f"{best.cpu / self.mails * 1e6:>8.0f}{best.peak_kib / 1024:>9.1f}"
              f"{best.segments:>10.1f}{best.mean:>9.3f}{best.longest:>9.1f}")


def curl_mails(*tls):
    def run(port, sessions, mails):
        return run_command([BUILT / "curl_mails", sessions, mails, port, *tls])
    return run


def library_mails(port, sessions, mails):
    return run_command([BUILT / "library_mails", sessions, mails, port])


def smtp_source(port, sessions, mails):
    return run_command([SMTP_SOURCE, "-d", "-s", sessions, "-m", mails, "-l", 1000, "-f",
                        "bench@example.com", "-t", "sink@example.com", f"127.0.0.1:{port}"],
                       env=harness.server_environment())


def postmodem(folder, *settings, environment=None):
    def run(port, sessions, mails):
        rack = Rack(folder, sessions, port, settings, environment)
        try:
            hosts = Hosts(rack.ports, mails // sessions)
            cpu = processor_time(rack.pid)
            seconds = hosts.send()[1]
            cpu = processor_time(rack.pid) - cpu
            peak = memory(rack.pid)[1]
            hosts.leave()
        finally:
            rack.stop()
        return Result(seconds, cpu, peak)
    return run


def measure(title, clients, others, options, **work):
    """Prints the table of the clients that are here."""
    for _ in range(options.runs):
        for client in clients:
            client.measure(options.folder, **work)
    print(f"\n{title}\n{'':<22}{'mails':>7}{'seconds':>9}{'mails/s':>9}{'x libcurl':>11}"
          + (f"{'x source':>11}" if len(others) > 1 else "")
          + f"{'CPU us':>8}{'RSS MiB':>9}{'segments':>10}{'mean, ms':>9}{'longest':>9}")
    for client in clients:
        client.show(others)


def compare(text, ours, other, asked):
    if ours.best and other.best:
        value = ours.rate() / other.rate()
        verdict(f"{text}, {ours.name} against {other.name}", f"{value:.2f}x", f"{asked}x",
                value >= asked)


def kept_connections(options, sessions):
    folder = options.folder
    curl, source = Client("libcurl", curl_mails()), Client("smtp-source", smtp_source)
    library = Client("library", library_mails)
    program = Client("postmodem", postmodem(folder, *KEPT))
    clients = [library, Client("library, BDAT", library_mails, True), program,
               Client("postmodem, BDAT", postmodem(folder, *KEPT), True)]
    if SMTP_SOURCE.exists():
        clients.insert(0, source)
    if options.curl:
        clients.insert(0, curl)
    where = f"{sessions} kept connections at once" if sessions > 1 else "one kept connection"
    measure(f"small mails over {where}", clients, (curl, source), options, tls=None,
            sessions=sessions, mails=options.mails // sessions * sessions)
    for ours in (library, program):
        compare(where, ours, *((curl, 1) if sessions == 1 else (source, 0.8)))


def new_connections(options):
    authority = Authority(options.folder)
    new = Client("libcurl", curl_mails(authority.certificate, "NEW"))
    # The system's store is what both of them keep from handshake to handshake.
    trusting = dict(os.environ, SSL_CERT_FILE=str(authority.certificate))
    program = Client("postmodem", postmodem(
        options.folder, "urc_gap = 0", "smtp.ssltype = 1", "tls.verify = always",
        environment=trusting))
    clients = [program]
    if options.curl:
        clients = [new, Client("libcurl, resumed",
                               curl_mails(authority.certificate, "RESUMED")), program]
    title = "small mails, each over a new connection with TLS 1.3, 8 at once: handshakes per second"
    measure(title, clients, (new,), options, tls=authority.issue(), sessions=8,
            mails=options.handshakes // 8 * 8)
    compare("handshakes", program, new, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--mails", type=int, default=6400)
    parser.add_argument("--handshakes", type=int, default=800)
    options = parser.parse_args()
    options.curl = (BUILT / "curl_mails").exists()
    print("\n\n".join(__doc__.split("\n\n")[1:3]))
    with harness.Shared() as shared:
        options.folder = shared.folder
        kept_connections(options, 1)
        kept_connections(options, 8)
        kept_connections(options, 64)
        new_connections(options)


if __name__ == "__main__":
    main()
