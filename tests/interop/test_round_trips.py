#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How often a mail waits for the network: counted on the wire, and compared with the table of
docs/mail-cases.md. A gate holds back what the server says until the program has said all it can,
which for small mails is one segment each time: nothing is left for Nagle's algorithm and late ACKs to hold up."""
import base64
import hashlib
import hmac
import re
import ssl

import harness
from certificates import Authority
from gate import CLIENT, Gate
from program import ProgramTest, activate, configure, trust, write_mail
from sinks import Peer

ACCOUNT = ("pump7", "secret word")
COLUMNS = {"no TLS": (0, None), "TLS 1.3": (1, ssl.TLSVersion.TLSv1_3),
           "TLS 1.2": (1, ssl.TLSVersion.TLSv1_2), "STARTTLS, 1.3": (2, ssl.TLSVersion.TLSv1_3),
           "STARTTLS, 1.2": (2, ssl.TLSVersion.TLSv1_2)}
PIPELINING, CHUNKING = "PIPELINING", "CHUNKING"
# A line that is longer than 512 bytes with it: the response waits for the server's 334.
LONG_WORD = "w" * 400
# What leaves in one segment.
SMALL = 14336


NOT_IN_CLEAR = "-"


class Row:
    """A line of the table: what the server offers, what the mail is like, and the settings, whose
    files lie in {folder}."""

    def __init__(self, *offers, auth=None, word=ACCOUNT[1], to=1, size=20, mails=1, tls_only=False,
                 **settings):
        self.tls_only = tls_only
        self.offers = offers + ((f"AUTH {auth}",) if auth else ())
        self.account = (ACCOUNT[0], word) if auth else None
        self.recipients, self.size, self.mails = to, size, mails
        self.settings = settings


# A token is for the server that the configuration names, checked by the owner's authority.
TOKEN = {"smtp.token_file": "{folder}/token", "smtp.server": "127.0.0.1",
         "tls.ca_file": "{authority}"}
REUSE = {"mails": 2, "reuse_seconds": "60"}
ROWS = {
    "lock step": Row(),
    "AUTH PLAIN": Row(auth="PLAIN"),
    "AUTH PLAIN beyond 512 bytes": Row(auth="PLAIN", word=LONG_WORD),
    "AUTH LOGIN": Row(auth="LOGIN"),
    "AUTH CRAM-MD5": Row(auth="CRAM-MD5"),
    "AUTH SCRAM-SHA-256": Row(auth="SCRAM-SHA-256"),
    "AUTH XOAUTH2": Row(auth="XOAUTH2", tls_only=True, **TOKEN),
    "AUTH OAUTHBEARER": Row(auth="OAUTHBEARER", tls_only=True, **TOKEN),
    "AUTH EXTERNAL": Row(auth="EXTERNAL", tls_only=True, **{"smtp.auth": "EXTERNAL"}),
    "three recipients": Row(to=3),
    "no PIPELINING, CHUNKING": Row(CHUNKING),
    "PIPELINING alone": Row(PIPELINING),
    "PIPELINING, AUTH PLAIN": Row(PIPELINING, auth="PLAIN"),
    "PIPELINING, three recipients": Row(PIPELINING, to=3),
    "PIPELINING, CHUNKING": Row(PIPELINING, CHUNKING),
    "PIPELINING, CHUNKING, AUTH PLAIN": Row(PIPELINING, CHUNKING, auth="PLAIN"),
    "PIPELINING, CHUNKING, beyond 14 KiB": Row(PIPELINING, CHUNKING, size=20000),
    "PIPELINING, CHUNKING, three recipients": Row(PIPELINING, CHUNKING, to=3),
    "the same, `recipients = any`": Row(PIPELINING, CHUNKING, to=3, recipients="any"),
    "next mail, lock step": Row(**REUSE),
    "next mail, PIPELINING": Row(PIPELINING, **REUSE),
    "next mail, PIPELINING, CHUNKING": Row(PIPELINING, CHUNKING, **REUSE),
}


class Server(Peer):
    """Says yes to everything, each reply in a segment of its own."""

    def __init__(self, context, tls, offers):
        super().__init__(self.play)
        self.context, self.tls, self.offers = context, tls, offers
        self.mails = 0

    def secure(self, wire):
        wire.connection = self.context.wrap_socket(wire.connection, server_side=True)

    def play(self, wire):
        if self.tls == 1:
            self.secure(wire)
        wire.send("220 peer")
        for line in iter(wire.line, None):
            verb, _, rest = line.partition(" ")
            getattr(self, verb.lower(), self.other)(wire, rest)
        wire.connection.close()

    def other(self, wire, _):
        wire.send("250 ok")

    def ehlo(self, wire, _):
        secured = isinstance(wire.connection, ssl.SSLSocket)
        offers = ("STARTTLS",) if self.tls == 2 and not secured else self.offers
        wire.send("250-peer", *(f"250-{offer}" for offer in offers), "250 HELP")

    def starttls(self, wire, _):
        wire.send("220 go")
        self.secure(wire)

    def data(self, wire, _):
        wire.send("354 go")
        while wire.line() != ".":
            pass
        self.taken(wire)

    def bdat(self, wire, rest):
        wire.take(int(rest.split()[0]))
        self.taken(wire)

    def taken(self, wire):
        self.mails += 1
        wire.send("250 taken")

    @staticmethod
    def ask(wire, text=b""):
        wire.send("334 " + base64.b64encode(text).decode())
        return base64.b64decode(wire.line())

    def auth(self, wire, rest):
        mechanism, _, initial = rest.partition(" ")
        if mechanism == "SCRAM-SHA-256":
            self.scram(wire, base64.b64decode(initial))
        elif mechanism == "CRAM-MD5":
            self.ask(wire, b"<1@peer>")
        elif mechanism == "LOGIN":
            self.ask(wire, b"Username:")
            self.ask(wire, b"Password:")
        elif not initial:
            self.ask(wire)
        wire.send("235 welcome")

    def scram(self, wire, first):
        """RFC 5802: the program goes on only when the server knows the password, too."""
        bare = first.split(b",", 2)[2]
        salt, count = b"salt of the peer", 4096
        answer = b"%s%s,s=%s,i=%d" % (re.search(rb"r=[^,]+", bare)[0], b"more",
                                      base64.b64encode(salt), count)
        final = self.ask(wire, answer).rpartition(b",p=")[0]
        salted = hashlib.pbkdf2_hmac("sha256", ACCOUNT[1].encode(), salt, count)
        key = hmac.digest(salted, b"Server Key", "sha256")
        proof = hmac.digest(key, b",".join((bare, answer, final)), "sha256")
        self.ask(wire, b"v=" + base64.b64encode(proof))


def documented():
    """The table of docs/mail-cases.md: row -> trips in each column."""
    text = (harness.ROOT / "docs" / "mail-cases.md").read_text(encoding="utf-8")
    section = text.partition("\n## Round trips\n")[2].partition("\n## ")[0]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")]
                      for line in section.splitlines() if line.startswith("|")]
    return head[1:], {name: [cell if cell == NOT_IN_CLEAR else int(cell) for cell in cells]
                      for name, *cells in rows}


class RoundTrips(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.share()
        cls.authority = Authority(cls.shared.folder)
        cls.certificate = cls.authority.issue()
        cls.programs = {}
        (cls.shared.folder / "token").write_text("token-of-the-peer\n")

    def context(self, version):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*map(str, self.certificate))
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(str(self.authority.certificate))
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    @staticmethod
    def present(port, *files):
        """A client certificate and its key, as AUTH EXTERNAL wants them."""
        for item, path in zip(("clientcert", "clientkey"), files):
            port.upload(f"RAM:{item}", path.read_bytes())
            port.ok(f'AT+QSSLCFG="{item}",1,"RAM:{item}"')
        port.ok('AT+QSSLCFG="seclevel",1,2')

    def program_for(self, settings):
        """One program and its port for all rows with these settings."""
        settings = {name: text.format(folder=self.shared.folder,
                                      authority=self.authority.certificate)
                    for name, text in settings.items()}
        key = tuple(settings.items())
        if key not in self.programs:
            program, port = self.module(settings={"limits": "wide", "urc_gap": "0", **settings},
                                        name=f"module{len(self.programs)}")
            activate(port)
            trust(port, self.authority)
            if "smtp.auth" in settings:
                self.present(port, *self.authority.issue(["email:pump7@example.com"]))
            self.programs[key] = program, port
        return self.programs[key]

    def measure(self, row, column):
        """Round trips of the last mail of a row."""
        ssltype, version = COLUMNS[column]
        if row.tls_only and ssltype == 0:
            return NOT_IN_CLEAR
        program, port = self.program_for(row.settings)
        with Server(self.context(version), ssltype, row.offers) as server, \
                Gate(server.port, count=True) as gate:
            gate.watch(program)
            configure(port, ("127.0.0.1", gate.port), ssltype, row.account)
            write_mail(port, [f"r{i}@example.net" for i in range(row.recipients)], body=b"x" * row.size)
            before = 0
            for mail in range(row.mails):
                before = gate.trips() if mail else 0
                self.assertEqual(port.send_mail(), (0, 0))
            if row.mails == 1:
                gate.wait_ended()
                if row.size <= SMALL:
                    self.assertEqual(gate.segments, gate.flights.count(CLIENT), gate.flights)
            self.assertEqual((server.mails, server.connections), (row.mails, 1))
            return gate.trips() - before

    def test_table(self):
        columns, wanted = documented()
        self.assertEqual((columns, list(wanted)), (list(COLUMNS), list(ROWS)))
        measured = {}
        for name, row in ROWS.items():
            with self.subTest(row=name):
                measured[name] = [self.measure(row, column) for column in columns]
        for name, cells in measured.items():
            print("|", " | ".join((name, *map(str, cells))), "|", flush=True)
        self.assertEqual(measured, wanted)


if __name__ == "__main__":
    harness.main()
