#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Many mails through many modules, one of them on a pty, while everything around them fails, and a count at the end of what
arrived: each mail with `+QSMTPPUT: 0,0` is at the server once and whole, and no mail is there twice.

Faults, all drawn from the seed: the server refuses, closes, resets, cuts replies and connections at
any byte, is slow, is killed and started again, is stopped; the disk is full; the host leaves
in the middle of a command, of a body, before the result; the program is killed and started again, or
reads a changed configuration. The seed decides what happens to which mail as far as the order of
events allows.

Usage: soak.py [--mails N] [--seed N] [--modules N] [--every N] [--set KEY=VALUE]...
"""
import argparse
import asyncio
import collections
import email
import hashlib
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

import harness
from certificates import Authority
from harness import Process, wait_until
from program import READY, program_path

FINAL = re.compile(rb"(?:OK|ERROR|CONNECT|\+CM[ES] ERROR: [^\r\n]*)\Z")
URC = re.compile(rb"\+QSMTPPUT: (\d+),(\d+)\Z")
# How long a host waits for any answer; a mail has its own time-out, and each ends in one.
PATIENCE = 200
TIMEOUT = 60
# What a mail without an answer of the server may have become: it is there once, or it is not.
UNCERTAIN = (656, 658)


class Left(Exception):
    """The host has left, on purpose."""


def body_of(number, seed):
    """Text that only this mail has, with lines that begin with dots."""
    draw = random.Random(f"{seed}-body-{number}")
    lines = [f"Mail {number} of the soak."]
    for _ in range(draw.randrange(1, 12)):
        lines.append("." * draw.randrange(3) + f"{draw.getrandbits(draw.randrange(1, 200)):x}")
    return "\r\n".join(lines) + "\r\n"


def attachment_of(number, seed):
    """Bytes for every eighth mail, else None."""
    draw = random.Random(f"{seed}-attachment-{number}")
    return draw.randbytes(int(draw.expovariate(1 / 3000)) + 1) if number % 8 == 0 else None


class TcpWire:
    """The host's end of a TCP port."""

    async def open(self, where):
        self.reader, self.writer = await asyncio.open_connection(*where)
        return self

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    def close(self):
        self.writer.transport.abort()


class PtyWire:
    """The host's end of a pty, which is closed when close() says so: the module sees it leave."""

    async def open(self, where):
        self.loop = asyncio.get_running_loop()
        self.fd = os.open(where, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.reader = asyncio.StreamReader()
        self.loop.add_reader(self.fd, self._receive)
        return self

    def _receive(self):
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # the program is gone
        if data:
            self.reader.feed_data(data)
        else:
            self.reader.feed_eof()
            self.loop.remove_reader(self.fd)

    async def send(self, data):
        while data:
            try:
                data = data[os.write(self.fd, data):]
            except BlockingIOError:
                room = asyncio.Event()
                self.loop.add_writer(self.fd, room.set)
                await room.wait()
                self.loop.remove_writer(self.fd)

    def close(self):
        self.loop.remove_reader(self.fd)
        self.loop.remove_writer(self.fd)
        os.close(self.fd)


class Host:
    """A host at one module: sends one mail after the other, and comes back when it was thrown out."""

    def __init__(self, soak, index, where):
        self.soak, self.index, self.where = soak, index, where
        self.random = random.Random(f"{soak.seed}-host-{index}")
        self.wire = None
        self.late = None  # a mail whose result had not come when the host left
        self.sending = None

    async def run(self):
        while (number := self.soak.next_number()) is not None:
            try:
                await self.mail(number)
            except (Left, OSError, EOFError) as error:
                self.interrupted(number, error)
        # The result of a last mail that the host did not wait for goes to nobody.
        self.drop()

    def interrupted(self, number, error):
        self.drop()
        stage = self.sending
        self.soak.outcome(number, ("left " if isinstance(error, Left) else "lost ") + stage, None)
        if stage == "before the result":
            self.late = number

    # ---- the port -----------------------------------------------------------------------------
    async def connect(self):
        while True:
            try:
                kind = TcpWire if isinstance(self.where, tuple) else PtyWire
                self.wire = await kind().open(self.where)
                self.sending = "at the first command"
                await self.command(b"ATE0")
                await self.command(b"AT+CMEE=1")
                return
            except (OSError, EOFError):
                self.drop()
                # The program or the module starts again.
                await asyncio.sleep(0.05)

    def drop(self):
        if self.wire:
            self.wire.close()
        self.wire = None

    async def line(self):
        while True:
            line = await asyncio.wait_for(self.wire.reader.readline(), PATIENCE)
            if not line.endswith(b"\n"):
                raise EOFError("the module is gone")
            if line.rstrip():
                return line.rstrip()

    async def answer(self):
        while True:
            line = await self.line()
            if FINAL.match(line):
                return line.decode()
            if result := URC.match(line):
                self.late_result(result)

    def late_result(self, result):
        """Before this mail's own AT+QSMTPPUT: it is the one that the host had not waited for."""
        if self.late is not None:
            self.soak.late(self.late, tuple(map(int, result.groups())))
            self.late = None

    async def command(self, text):
        await self.wire.send(text + b"\r")
        return await self.answer()

    async def leave_within(self, data):
        """A part of it, and the host is gone."""
        await self.wire.send(data[:self.random.randrange(len(data) + 1)])
        raise Left

    # ---- a mail -------------------------------------------------------------------------------
    async def mail(self, number):
        self.sending = "while it connected"
        if not self.wire:
            await self.connect()
        leaves = self.random.choices(("never", "command", "body", "result"), (94, 2, 2, 2))[0]
        self.sending = "in the draft"
        if not await self.begin(number):
            return
        if leaves == "command":
            await self.leave_within(b'AT+QSMTPSUB=0,"soak %d"\r' % number)
        body = body_of(number, self.soak.seed).encode()
        steps = [b'AT+QSMTPDST=1,1,"m%d@example.com"' % number, b'AT+QSMTPSUB=0,"soak %d"' % number,
                 b"AT+QSMTPBODY=0,%d,60" % len(body)]
        for step in steps:
            answer = await self.command(step)
            if answer not in ("OK", "CONNECT"):
                self.soak.outcome(number, f"refused {step.split(b'=')[0].decode()} {answer}", None)
                return
        if leaves == "body":
            await self.leave_within(body)
        await self.wire.send(body)
        if (answer := await self.answer()) != "OK":
            self.soak.outcome(number, f"no room for a body {answer}", None)
        elif await self.attach(number):
            await self.put(number, leaves == "result")

    async def begin(self, number):
        """An empty draft: the mail before may be under way still."""
        while (answer := await self.command(b"AT+QSMTPCLR")) == "+CME ERROR: 652":
            await asyncio.sleep(0.02)
        if answer != "OK":
            self.soak.outcome(number, f"refused AT+QSMTPCLR {answer}", None)
        return answer == "OK"

    async def attach(self, number):
        data = attachment_of(number, self.soak.seed)
        if data is None:
            return True
        await self.command(b'AT+QFDEL="UFS:a.bin"')
        answer = await self.command(b'AT+QFUPL="UFS:a.bin",%d,60' % len(data))
        if answer == "CONNECT":
            await self.wire.send(data)
            answer = await self.answer()
        if answer == "OK":
            answer = await self.command(b'AT+QSMTPATT=1,1,"UFS:a.bin"')
        if answer != "OK":
            self.soak.outcome(number, f"no room for a file {answer}", None)
        return answer == "OK"

    async def put(self, number, leaves):
        self.sending = "before the result"
        answer = await self.command(b"AT+QSMTPPUT=%d" % TIMEOUT)
        self.late = None
        if answer != "OK":
            self.soak.outcome(number, f"refused AT+QSMTPPUT {answer}", None)
            return
        if leaves:
            await asyncio.sleep(self.random.random() * 0.01)
            raise Left
        while not (result := URC.match(line := await self.line())):
            raise AssertionError(f"waited for the result of {number}, got {line!r}")
        self.soak.outcome(number, "result", tuple(map(int, result.groups())))
        if result[1] == b"654":
            # No server: most of the mails are not to be spent on that.
            await asyncio.sleep(0.05)


class Soak:
    def __init__(self, options, folder):
        self.mails, self.seed, self.every = options.mails, options.seed, options.every
        self.folder, self.options = folder, options
        self.random = random.Random(f"{self.seed}-events")
        self.given = 0
        self.outcomes, self.late_results = {}, {}
        self.events, self.deck = collections.Counter(), []
        self.last_start = 0  # how many mails were over when the program was last started
        self.problems = []
        self.samples = []
        self.began = time.monotonic()
        self.disk = self.mount()
        self.records = folder / "records"
        self.records.touch()
        self.ports = [harness.free_port() for _ in range(2)]
        self.certificate = Authority(folder)
        self.server = self.program = None
        self.generation = 0

    # ---- what the hosts tell -----------------------------------------------------------------------
    def next_number(self):
        if self.given == self.mails:
            return None
        self.given += 1
        return self.given

    def outcome(self, number, kind, result):
        if number in self.outcomes:
            self.problems.append(f"mail {number} has two outcomes")
        self.outcomes[number] = (kind, result)

    def late(self, number, result):
        self.late_results[number] = result

    # ---- what is started ---------------------------------------------------------------------------
    def mount(self):
        """A small disk for attachments, where that is permitted; None elsewhere."""
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk],
                                 capture_output=True, check=False).returncode == 0
        return disk, mounted

    def start_server(self):
        self.generation += 1
        out = self.folder / f"server{self.generation}.out"
        script = pathlib.Path(__file__).with_name("soak_server.py")
        with out.open("wb") as file:
            self.server = Process(
                [sys.executable, script, self.records, f"{self.seed}-{self.generation}",
                 self.options.faults, self.options.hang, *self.ports, *self.issued],
                self.folder / "server.log", stdout=file)
        wait_until(lambda: out.read_text() or not self.server.running(), "the server", 60)

    def configure(self, touched=None):
        """Plain, TLS and STARTTLS in turn; `touched` has another value for something."""
        text = [f"log = error\ndrain_seconds = 90\nstate = {self.disk[0]}\nsmtp.server = localhost\n"
                f"smtp.sender_email = soak@example.com\npdp.1.apn = internet\npdp.1.family = any\n"
                f"pdp.1.active_at_start = on\ntls.verify = always\nconnect_delay = 0\nurc_gap = 0\n"
                f"tls.ca_file = {self.certificate.certificate}\nufs_size = 32K\n"]
        text += [line.replace("=", " = ", 1) + "\n" for line in self.options.set]
        for i, where in enumerate(self.hosts_at):
            kind = (0, 0, 0, 1, 0, 2)[i % 6]
            port = f"tcp = 127.0.0.1:{where[1]}" if isinstance(where, tuple) else f"pty = {where}"
            text.append(f"[module m{i}]\nport.1.{port}\nsmtp.ssltype = {kind}\n"
                        f"smtp.port = {self.ports[kind == 1]}\n")
            if i == touched:
                text.append(f"cfun_delay = {self.random.randrange(1, 15000)}\n")
        (self.folder / "soak.conf").write_text("".join(text))

    def start_program(self):
        out = self.folder / "program.out"
        with out.open("wb") as file:
            self.program = Process([program_path(), "serve", "--config", self.folder / "soak.conf"],
                                   self.folder / "program.log", stdout=file)

        def ready():
            if not self.program.running():
                raise AssertionError(self.program.log()[-3000:])
            return len(READY.findall(out.read_text())) >= len(self.hosts_at)
        wait_until(ready, "the program", 60)
        self.last_start = len(self.outcomes)

    def look_at_program(self):
        """Resident KiB and open descriptors."""
        with open(f"/proc/{self.program.pid}/status", encoding="ascii") as file:
            memory = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
        return memory, len(os.listdir(f"/proc/{self.program.pid}/fd"))

    # ---- what happens to them ----------------------------------------------------------------------
    async def kill_server(self):
        self.server.kill()
        await asyncio.sleep(self.random.random() * 0.2)
        self.start_server()

    async def stop_server(self):
        self.server.popen.send_signal(signal.SIGSTOP)
        await asyncio.sleep(self.random.random() * self.options.hang)
        self.server.popen.send_signal(signal.SIGCONT)

    async def kill_program(self):
        self.program.kill()
        # Before somebody else gets the terminal that it still points at.
        self.pty.unlink(missing_ok=True)  # gone where its module just starts anew
        self.start_program()

    async def reload_program(self):
        self.configure(self.random.randrange(len(self.hosts_at)))
        self.program.popen.send_signal(signal.SIGHUP)

    async def fill_disk(self):
        filler = self.disk[0] / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass
        await asyncio.sleep(0.2)
        filler.unlink()

    def kinds(self):
        """What can happen here."""
        return [self.kill_server, self.stop_server, self.reload_program, self.kill_program] + [self.fill_disk] * self.disk[1]

    def next_event(self):
        """Each kind once, in some order, before any comes again. The program is killed in the first half only, so that its
        memory can be compared over the second."""
        if not self.deck:
            late = len(self.outcomes) >= self.mails / 2
            self.deck = [kind for kind in self.kinds() if not late or kind != self.kill_program]
            self.random.shuffle(self.deck)
        return self.deck.pop()

    async def trouble(self):
        """One event for each so many mails."""
        due = self.every
        while len(self.outcomes) < self.mails:
            await asyncio.sleep(0.02)
            if len(self.outcomes) < due:
                continue
            due += self.every
            event = self.next_event()
            self.events[event.__name__] += 1
            await event()

    async def watch(self):
        while len(self.outcomes) < self.mails:
            await asyncio.sleep(5)
            seconds = time.monotonic() - self.began
            memory, files = self.look_at_program()
            self.samples.append((len(self.outcomes), memory, files))
            print(f"{len(self.outcomes):>8} mails {seconds:7.0f} s {memory:>7} KiB {files:>4} files",
                  flush=True)

    async def main(self):
        self.issued = self.certificate.issue()
        self.pty = self.folder / "modem"
        self.hosts_at = [("127.0.0.1", harness.free_port()) for _ in range(self.options.modules)]
        self.hosts_at[self.options.modules // 2] = self.pty
        self.configure()
        self.start_server()
        self.start_program()
        self.idle = self.look_at_program()
        watch = asyncio.ensure_future(self.watch())
        trouble = asyncio.ensure_future(self.trouble())
        await asyncio.gather(trouble, *(Host(self, i, where).run()
                                        for i, where in enumerate(self.hosts_at)))
        watch.cancel()
        self.took = time.monotonic() - self.began
        # The file of its draft's body stays with each module.
        most = self.idle[1] + len(self.hosts_at) + 4
        wait_until(lambda: self.look_at_program()[1] <= most, "closed descriptors", 75)
        self.end = self.look_at_program()
        self.program.stop(120)
        self.server.stop()

    def close(self):
        for process in (self.program, self.server):
            if process and process.running():
                process.kill()
        if self.disk[1]:
            subprocess.run(["umount", "-l", self.disk[0]], check=False)


# ---- the count ------------------------------------------------------------------------------------
def records_of(path):
    with path.open("rb") as file:
        while length := file.readline():
            yield file.read(int(length))


def judge_content(content, seed):
    """The number of a mail that came, and whether it is the mail that was typed."""
    message = email.message_from_bytes(content)
    number = int(message["Subject"].rpartition(" ")[2])
    wanted = [(body_of(number, seed).encode()), attachment_of(number, seed)]
    parts = message.get_payload() if message.is_multipart() else [message]
    bodies = [part.get_payload(decode=True) for part in parts]
    wanted = [item for item in wanted if item is not None]
    whole = len(bodies) == len(wanted) and all(
        hashlib.sha256(a.replace(b"\r\n", b"\n").rstrip(b"\n") if i == 0 else a).digest()
        == hashlib.sha256(b.replace(b"\r\n", b"\n").rstrip(b"\n") if i == 0 else b).digest()
        for i, (a, b) in enumerate(zip(bodies, wanted)))
    return number, whole


def allowed_counts(kind, result):
    if kind == "result":
        if result == (0, 0):
            return (1,)
        return (0, 1) if result[0] in UNCERTAIN else (0,)
    return (0, 1) if kind.endswith("before the result") else (0,)


def class_of(kind, result):
    return f"result {result[0]}" if kind == "result" else kind


def count(soak):
    there = collections.Counter()
    for content in records_of(soak.records):
        number, whole = judge_content(content, soak.seed)
        there[number] += 1
        if not whole:
            soak.problems.append(f"mail {number} came damaged")
    classes = collections.defaultdict(collections.Counter)
    for number in range(1, soak.mails + 1):
        kind, result = soak.outcomes.get(number, ("no outcome", None))
        if kind == "no outcome" or there[number] not in allowed_counts(kind, result):
            soak.problems.append(f"mail {number} ({class_of(kind, result)}) came "
                                 f"{there[number]} times")
        late = soak.late_results.get(number)
        if late and there[number] not in allowed_counts("result", late):
            soak.problems.append(f"mail {number} (later {late}) came {there[number]} times")
        classes[class_of(kind, result)][min(there[number], 2)] += 1
    return classes


def show(soak, classes):
    print(f"\n{'the host saw':<44}{'mails':>8}{'not there':>11}{'once':>8}{'twice':>7}")
    for name, numbers in sorted(classes.items(), key=lambda item: -sum(item[1].values())):
        print(f"{name:<44}{sum(numbers.values()):>8}{numbers[0]:>11}{numbers[1]:>8}{numbers[2]:>7}")
    total = sum(classes.values(), collections.Counter())
    print(f"{'all':<44}{soak.mails:>8}{total[0]:>11}{total[1]:>8}{total[2]:>7}")
    print(f"results that came after the host's return: {len(soak.late_results)}")
    print("events:", ", ".join(f"{name} {n}" for name, n in sorted(soak.events.items())).replace("_", " "))
    print(f"idle at the start {soak.idle[0]} KiB, {soak.idle[1]} files; "
          f"idle at the end {soak.end[0]} KiB, {soak.end[1]} files")


def check_share(soak):
    """That the count was of something: of the mails that meet no fault of the server's own a quarter was sent, whatever
    else happened, and what was to happen did."""
    sent = sum(result == (0, 0) for _, result in soak.outcomes.values())
    least = soak.mails * (1 - soak.options.faults) / 4
    if sent < least:
        soak.problems.append(f"{sent} of {soak.mails} mails were sent, fewer than {least:.0f}")
    if soak.mails // soak.every > len(soak.kinds()):
        soak.problems += [f"{kind.__name__} never happened" for kind in soak.kinds() if not soak.events[kind.__name__]]


def check_memory(soak):
    """Flat over the second half, in which one process runs: the last samples are not above the
    first ones by more than what an allocator keeps."""
    half = [sample for sample in soak.samples if sample[0] > max(soak.mails * 0.55, soak.last_start)]
    if len(half) < 6:
        return
    first, last = max(s[1] for s in half[:3]), min(s[1] for s in half[-3:])
    print(f"resident in the second half: {first} KiB, then {last} KiB")
    if last > first * 1.1 + 2048:
        soak.problems.append(f"memory grew from {first} to {last} KiB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mails", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--modules", type=int, default=16)
    parser.add_argument("--every", type=int, default=400, help="mails between two events")
    parser.add_argument("--faults", type=float, default=0.25, help="part of the mails")
    parser.add_argument("--hang", type=float, default=2, help="longest silence of the server, s")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"seed {options.seed}, {options.mails} mails, {options.modules} modules", flush=True)
    with harness.Shared() as shared:
        soak = Soak(options, shared.folder)
        shared.callback(soak.close)
        asyncio.run(soak.main())
        seconds = soak.took
        show(soak, count(soak))
        check_share(soak)
        check_memory(soak)
    print(f"{seconds:.0f} s, {options.mails / seconds:.0f} mails/s")
    for problem in soak.problems[:50]:
        print("WRONG:", problem)
    print("FAILED" if soak.problems else "every mail is where its host thinks it is")
    sys.exit(bool(soak.problems))


if __name__ == "__main__":
    main()
