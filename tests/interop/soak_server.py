#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The mail server of soak.py: a process of its own that is killed and started again. It fails at
random, and keeps each mail that it accepts in a file, written just before its 250 reply.

Usage: soak_server.py RECORDS SEED FAULTS HANG PLAIN_PORT TLS_PORT [CERTIFICATE KEY]

FAULTS is the part of the mails that meet a fault, HANG the longest silence in seconds.
A record is a line "LENGTH\\n" and so many bytes of content as it came, dots unstuffed.
"""
import asyncio
import os
import random
import ssl
import sys

STEPS = ("banner", "ehlo", "starttls", "mail", "rcpt", "data", "dot", "quit")
NEGATIVE = (421, 450, 451, 452, 500, 501, 503, 535, 550, 552, 553, 554)


class Server:
    def __init__(self, records, seed, faults, hang, context):
        self.records = os.open(records, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.random = random.Random(seed)
        self.faults, self.hang, self.context = faults, hang, context

    def keep(self, content):
        """One write: a killed process leaves a whole record or none. It is the page cache that
        outlives the process, so no sync is needed."""
        record = b"%d\n%s" % (len(content), content)
        if os.write(self.records, record) != len(record):
            raise OSError("a record is cut")

    def plan(self):
        """What happens in the next mail: (kind, step or offset)."""
        if self.random.random() >= self.faults:
            return "none", 0
        kind = self.random.choices(
            ("refuse", "close", "reset", "partial", "garbage", "cut", "slow", "lost"),
            (30, 8, 8, 10, 4, 24, 8, 8))[0]
        if kind == "cut":
            # Where in what the client sends; the head has about 600 bytes.
            return kind, int(self.random.expovariate(1 / 900))
        return kind, "dot" if kind == "lost" else self.random.choice(STEPS)


class Session(asyncio.Protocol):
    """One connection: commands in, replies out, DATA and BDAT."""

    def __init__(self, server, implicit):
        self.server, self.secure = server, implicit
        self.fault, self.where = server.plan()
        self.options = [word for word in (b"PIPELINING", b"CHUNKING", b"8BITMIME", b"SIZE 50000000")
                        if server.random.random() < 0.6]
        self.lines, self.buffer, self.seen, self.waiting = True, b"", 0, False
        self.content, self.chunk, self.last = b"", 0, False
        self.sender = self.recipient = False
        self.transport = None

    def connection_made(self, transport):
        first = self.transport is None
        self.transport = transport
        if first:
            self.reply("banner", b"220 soak ESMTP")

    def data_received(self, data):
        self.seen += len(data)
        if self.fault == "cut" and self.seen > self.where:
            # What lies before the cut is still acted on.
            data = data[:max(0, len(data) - (self.seen - self.where))]
            self.buffer += data
            self.advance()
            self.transport.abort()
            return
        self.buffer += data
        self.advance()

    def advance(self):
        while not self.waiting and not self.transport.is_closing() and self.buffer:
            if self.chunk:
                taken, self.buffer = self.buffer[:self.chunk], self.buffer[self.chunk:]
                self.content += taken
                self.chunk -= len(taken)
                if not self.chunk:
                    self.end_of_chunk()
            elif self.lines:
                line, end, rest = self.buffer.partition(b"\n")
                if not end:
                    return
                self.buffer = rest
                self.command(line.rstrip(b"\r"))
            elif not self.take_content():
                return

    def take_content(self):
        """DATA up to the final dot, which also may stand alone."""
        if self.buffer.startswith(b".\r\n"):
            content, self.buffer = b"", self.buffer[3:]
        else:
            end = self.buffer.find(b"\r\n.\r\n")
            if end < 0:
                return False
            content, self.buffer = self.buffer[:end + 2], self.buffer[end + 5:]
        self.lines = True
        self.accept((b"\r\n" + content).replace(b"\r\n.", b"\r\n")[2:])
        return True

    def end_of_chunk(self):
        if not self.recipient:
            self.content = b""
            self.transport.write(b"503 no recipient\r\n")
        elif self.last:
            self.accept(self.content)
        else:
            self.reply("data", b"250 more")

    def accept(self, content):
        self.content = b""
        self.reply("dot", b"250 kept", content)

    def command(self, line):
        verb = line[:4].upper()
        if verb in (b"EHLO", b"HELO"):
            options = list(self.options)
            if self.server.context and not self.secure:
                options.append(b"STARTTLS")
            words = [b"soak", *options] if verb == b"EHLO" else [b"soak"]
            self.reply("ehlo", b"\r\n".join(
                b"250%c%s" % (b"- "[word is words[-1]], word) for word in words))
        elif verb == b"STAR":
            self.reply("starttls", b"220 go")
        elif verb == b"BDAT":
            words = line.split()
            self.chunk, self.last = int(words[1]), len(words) > 2
            if not self.chunk:
                self.end_of_chunk()
        elif verb == b"QUIT":
            self.reply("quit", b"221 bye")
        else:
            self.envelope(verb)

    def envelope(self, verb):
        """MAIL, RCPT and DATA, which a pipelining client sends without waiting for a refusal."""
        wrong = verb == b"RCPT" and not self.sender or verb == b"DATA" and not self.recipient
        if wrong:
            self.transport.write(b"503 not now\r\n")
        elif verb == b"DATA":
            self.reply("data", b"354 go")
        else:
            self.sender = verb in (b"MAIL", b"RCPT")
            self.recipient = verb == b"RCPT"
            self.reply({b"MAIL": "mail", b"RCPT": "rcpt"}.get(verb, "other"), b"250 ok")

    # ---- replies, and what becomes of them --------------------------------------------------------
    def reply(self, step, text, content=None):
        here = step == self.where
        kind = self.fault if here else "none"
        if kind == "slow":
            self.waiting = True
            self.where = None
            asyncio.get_running_loop().call_later(
                self.server.hang * self.server.random.random(), self.go_on, step, text, content)
        elif kind in ("close", "reset"):
            self.transport.close() if kind == "close" else self.transport.abort()
        elif kind == "garbage":
            self.transport.write(b"\0\xff no reply\r\n")
            self.transport.close()
        elif kind == "refuse":
            self.refuse(step)
        else:
            self.answer(step, text, content, kind)

    def go_on(self, step, text, content):
        self.waiting = False
        if not self.transport.is_closing():
            self.answer(step, text, content, "none")
            self.advance()

    def refuse(self, step):
        code = self.server.random.choice(NEGATIVE)
        self.sender = self.sender and step != "mail"
        self.recipient = False
        self.transport.write(b"%d no\r\n" % code)
        if code == 421 or step == "banner":
            self.transport.close()
        self.next_mail()

    def answer(self, step, text, content, kind):
        if content is not None:
            self.server.keep(content)
        if kind == "lost":
            # Accepted, and the reply never leaves.
            self.transport.abort()
            return
        text += b"\r\n"
        if kind == "partial":
            self.transport.write(text[:self.server.random.randrange(len(text))])
            self.transport.close()
            return
        self.transport.write(text)
        if step == "data" and text.startswith(b"354"):
            self.lines = False
        elif step == "starttls":
            self.start_tls()
        elif step == "quit":
            self.transport.close()
        elif content is not None:
            self.next_mail()

    def next_mail(self):
        self.fault, self.where = self.server.plan()
        self.seen = 0

    def start_tls(self):
        # What was typed behind STARTTLS in clear is dropped (RFC 3207, 4.2 and the injection).
        self.buffer, self.waiting, self.secure = b"", True, True
        asyncio.ensure_future(self.shake_hands())

    async def shake_hands(self):
        try:
            self.transport = await asyncio.get_running_loop().start_tls(
                self.transport, self, self.server.context, server_side=True)
        except (OSError, ssl.SSLError):
            return
        self.waiting = False
        if self.transport:
            self.advance()


async def serve(server, plain, tls):
    loop = asyncio.get_running_loop()
    # The ports are known to the program: a server that comes back listens at the same ones.
    await loop.create_server(lambda: Session(server, False), "127.0.0.1", plain, backlog=1024)
    if server.context:
        await loop.create_server(lambda: Session(server, True), "127.0.0.1", tls,
                                 ssl=server.context, backlog=1024)
    print("ready", flush=True)
    await asyncio.Event().wait()


def main():
    records, seed, faults, hang, plain, tls, *certificate = sys.argv[1:]
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    server = Server(records, seed, float(faults), float(hang), context)
    asyncio.run(serve(server, int(plain), int(tls)))


if __name__ == "__main__":
    main()
