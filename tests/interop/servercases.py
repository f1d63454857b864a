# SPDX-License-Identifier: MIT
"""The same cases with each mail server: test_server_*.py run all of them, and those of
serverextensions.py, through the real program.

A server is a context manager, made with (folder, authority, users), and has
    name, version()     as docs/servers.md tells them, the version there without what comes behind the minor one
    ports               "plain" (no TLS), "submission" (STARTTLS), "smtps" (TLS at once), "small" (SIZE
                        100000), "late" (refuses 200000 bytes after the data, no SIZE told)
    hosts, accounts     of the ports that have others than localhost, and none
    mechanisms          AUTH that it offers with TLS
    too_many_bytes      an attachment beyond what "small" says by SIZE, if it is another than 200000
    repeats_envid       False: its reports do not name the ENVID of the mail
    received(recipient, count), count(recipient)
    tls_of(mail)        the TLS version of a mail's connection, None without

What came out is a column of the table in docs/servers.md, and compared with the one there.
"""
import os
import pathlib
import re

from certificates import Authority
from harness import ROOT, seeded_bytes
from program import Program, ProgramTest, activate, configure, write_mail
from tokens import TOKENS, token

USER, PASSWORD = "user@example.com", "secret"
KEY = b"a key of the token's issuer, 32 bytes or more"
HOST = "localhost"
SENDER = ("Pump 7", "pump7@example.com")
# Lines that are stuffed in DATA and not in BDAT, blank ones, and two blanks in a row.
BODY = b".\r\n..\r\n\r\n.. Pump 7 is  too hot.\r\n\r\n.\r\n"
# What the servers' certificates are for: HOST, the addresses, and a name beyond ASCII.
NAMES = ("DNS:localhost", "IP:127.0.0.1", "IP:::1", "DNS:xn--bcher-kva.test")
PLAIN, IMPLICIT, STARTTLS = 0, 1, 2
TLS = {"STARTTLS": ("submission", STARTTLS), "TLS at once": ("smtps", IMPLICIT)}
VERSIONS = {"1.2": 3, "1.3": 4}
POSITIONS = {"first": (0,), "middle": (1,), "last": (2,), "every": (0, 1, 2)}
# What mechanisms of a server the program has none of.
NOT_OURS = {"SCRAM-SHA-1"}


def documented(name):
    """The server's column of the table in docs/servers.md: case -> what comes out."""
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")]
            for line in (ROOT / "docs/servers.md").open(encoding="utf-8") if line.startswith("|")]
    if name not in rows[0]:
        return {}
    column = rows[0].index(name)
    return {row[0]: row[column] for row in rows[2:] if row[column] != "-"}


class Client:
    """The program with some settings, spoken to by one host for many mails."""

    def __init__(self, shared, number, settings, authority):
        self.trace_file = shared.folder / f"trace{number}"
        self.program = Program(shared.folder, "--tcp", "127.0.0.1:0", "--trace", self.trace_file,
                               settings=settings, name=f"client{number}")
        shared.callback(self._end)
        self.port = self.program.tcp().start()
        activate(self.port)
        self.port.upload("RAM:ca.pem", authority.certificate.read_bytes())
        self.port.ok('AT+QSSLCFG="ciphersuite",1,0xFFFF')
        self.port.ok('AT+QSSLCFG="cacert",1,"RAM:ca.pem"')
        self.port.ok('AT+QSSLCFG="seclevel",1,1')
        self.files = {}

    def _end(self):
        if self.program.running():
            self.program.stop()
        self.program.close_ports()

    def attach(self, content):
        """A file of the module with this content, attached to the draft."""
        name = self.files.setdefault(content, f"RAM:data{len(self.files)}.bin")
        if f'"{name}"' not in "".join(self.port.ok('AT+QFLST="RAM:*"')):
            self.port.upload(name, content)
        self.port.ok(f'AT+QSMTPATT=1,1,"{name}"')

    def present(self, certificate, key):
        """A certificate of the client's, for the mails from here on."""
        number = len(self.port.ok('AT+QFLST="RAM:*"'))
        for kind, path in (("cert", certificate), ("key", key)):
            name = f"RAM:client{number}.{kind}"
            self.port.upload(name, path.read_bytes())
            self.port.ok(f'AT+QSSLCFG="client{kind}",1,"{name}"')
        self.port.ok('AT+QSSLCFG="seclevel",1,2')

    def commands(self, since):
        """The SMTP commands that have left since the trace had this size."""
        return re.findall(r" smtp > ([^\n]*)", self.trace_file.read_text(errors="replace")[since:])

    def trace_size(self):
        return len(self.trace_file.read_text(errors="replace"))


class ServerCases(ProgramTest):
    """The subclass says in make(folder, authority) which server it is."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.share()
        cls.authority = Authority(cls.shared.folder, names=NAMES)
        cls.stranger = Authority(cls.shared.folder, "Another CA")
        cls.server = cls.shared.enter_context(cls.make(cls.shared.folder, cls.authority))
        cls.clients = {}
        cls.mails = 0
        # Debian mends a server within its minor version.
        cls.column = {"version": ".".join(cls.server.version().split(".")[:2])}
        cls.addClassCleanup(cls.judge)

    @classmethod
    def judge(cls):
        """Leaves what came out for servers_table.py, and compares it with the document's table."""
        name, expected = cls.server.name, documented(cls.server.name)
        cases = sorted({**cls.column, **expected}, key=[*expected, *cls.column].index)
        if "SERVERS_TABLE" in os.environ:
            folder = pathlib.Path(os.environ["SERVERS_TABLE"])
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("".join(
                f"{case}\t{cls.column.get(case, 'failed')}\n" for case in cases))
        wrong = [f"{case}: {cls.column.get(case, 'not run')}, documented: {expected.get(case, '-')}"
                 for case in cases if cls.column.get(case) != expected.get(case)]
        if wrong and len(cls.done) == cls.wanted:
            raise AssertionError(f"docs/servers.md differs for {name}:\n" + "\n".join(wrong))

    def client(self, **settings):
        """The program with these settings; started once."""
        key = tuple(sorted(settings.items()))
        if key not in self.clients:
            self.clients[key] = Client(self.shared, len(self.clients),
                                       {name.replace("__", "."): value
                                        for name, value in settings.items()}, self.authority)
        return self.clients[key]

    def recipients(self, *words):
        """Addresses that no other mail of this class has."""
        type(self).mails += 1
        return [f"{word}@mail{self.mails}.test" for word in words]

    def send(self, client, recipients, kind="plain", ssltype=PLAIN, account=None, sslversion=4,
             attachment=None, address=None, sender=SENDER):
        """(err, code) of one mail; `address` is another way to the port `kind`."""
        server, port = self.server, client.port
        address = address or (getattr(server, "hosts", {}).get(kind, HOST), server.ports[kind])
        account = account or getattr(server, "accounts", {}).get(kind)
        configure(port, address, ssltype, account, sender)
        port.ok(f'AT+QSSLCFG="sslversion",1,{sslversion}')
        write_mail(port, recipients, body=BODY)
        if attachment:
            client.attach(attachment)
        return port.send_mail()

    def one_mail(self, recipient, sender=SENDER[1]):
        """The mail of send(), which must lie at the server once."""
        mail, = self.server.received(recipient)
        self.assertEqual(self.server.count(recipient), 1)
        self.assertEqual(mail.sender, sender)
        message = mail.message
        self.assertEqual(message["Subject"], "TEST SMTP")
        text = next(message.iter_parts()) if message.is_multipart() else message
        self.assertEqual(text.get_payload(decode=True), BODY)
        return mail

    def cell(self, case, result, expected):
        self.assertEqual(result, expected, case)
        known = self.column.setdefault(case, "%d,%d" % result)
        self.assertEqual(known, "%d,%d" % result, case)

    # ---- ways to the server ---------------------------------------------------------------------
    def test_plain(self):
        one, two = self.recipients("one", "two")
        self.cell("no TLS", self.send(self.client(), [one, two]), (0, 0))
        self.assertIsNone(self.server.tls_of(self.one_mail(one)))
        self.one_mail(two)

    def test_tls(self):
        for way, (kind, ssltype) in TLS.items():
            for version, sslversion in VERSIONS.items():
                to, = self.recipients("to")
                self.cell(f"{way}, {version}",
                          self.send(self.client(), [to], kind, ssltype, (USER, PASSWORD), sslversion),
                          (0, 0))
                self.assertEqual(self.server.tls_of(self.one_mail(to)), f"TLSv{version}")

    def test_certificate_of_an_unknown_authority(self):
        client = self.client(tls__ca_file=self.stranger.certificate)
        for way, (kind, ssltype) in TLS.items():
            to, = self.recipients("to")
            size = client.trace_size()
            self.cell(f"{way}, unknown authority",
                      self.send(client, [to], kind, ssltype, (USER, PASSWORD)), (665, 0))
            self.assertFalse([line for line in client.commands(size)
                              if re.match("AUTH|MAIL", line)])

    # ---- AUTH -----------------------------------------------------------------------------------
    def auth(self, mechanism, account, **settings):
        """(result, whether AUTH of this mechanism left) of a mail."""
        to, = self.recipients("to")
        client = self.client(smtp__auth=mechanism, **settings)
        size = client.trace_size()
        result = self.send(client, [to], "smtps", IMPLICIT, account)
        self.assertIn(f"AUTH {mechanism}", " ".join(client.commands(size)))
        if result == (0, 0):
            self.one_mail(to)
        else:
            self.assertEqual(self.server.count(to), 0)
        return result

    def token_file(self, name, text):
        path = self.shared.folder / name
        path.write_text(text + "\n")
        return path

    def external(self, address):
        """The result of AUTH by a certificate that is for this address."""
        self.client(smtp__auth="EXTERNAL").present(*self.authority.issue([f"email:{address}"]))
        return self.auth("EXTERNAL", (USER, PASSWORD))

    def test_auth(self):
        for mechanism in self.server.mechanisms:
            if mechanism in TOKENS:
                good, bad = self.token_file("good", token(USER, KEY)), \
                    self.token_file("bad", token(USER, KEY, lasts=-60))
                results = [self.auth(mechanism, (USER, PASSWORD), smtp__token_file=file,
                                     smtp__server=HOST, tls__ca_file=self.authority.certificate)
                           for file in (good, bad)]
            elif mechanism == "EXTERNAL":
                results = [self.external(address) for address in (USER, "nobody@example.com")]
            elif mechanism not in NOT_OURS:
                results = [self.auth(mechanism, (USER, word)) for word in (PASSWORD, "Secret")]
            else:
                continue
            self.cell(f"AUTH {mechanism}", results[0], (0, 0))
            self.cell(f"AUTH {mechanism}, wrong", results[1], (677, 535))

    # ---- recipients -----------------------------------------------------------------------------
    def refused(self, policy, position):
        words = ["refused-" * (index in POSITIONS[position]) + f"r{index}" for index in range(3)]
        recipients = self.recipients(*words)
        result = self.send(self.client(recipients=policy), recipients)
        delivers = policy == "any" and position != "every"
        self.cell(f"{position} recipient refused, `{policy}`", result,
                  (0, 0) if delivers else (678, 550))
        # A mail behind it: what the server took before is filed when this one is.
        behind, = self.recipients("behind")
        self.send(self.client(), [behind])
        self.one_mail(behind)
        for recipient in recipients:
            if delivers and not recipient.startswith("refused"):
                self.one_mail(recipient)
            else:
                self.assertEqual(self.server.count(recipient), 0)

    def test_refused_recipients(self):
        for policy in ("all", "any"):
            for position in POSITIONS:
                self.refused(policy, position)

    # ---- one connection ---------------------------------------------------------------------------
    def test_mails_on_one_connection(self):
        """The second is refused; those around it arrive."""
        client = self.client(reuse_seconds=60)
        start = client.trace_size()
        mails = [self.recipients(word) for word in ("one", "refused-two", "three")]
        results = [self.send(client, mail, "smtps", IMPLICIT, (USER, PASSWORD)) for mail in mails]
        self.assertEqual(results, [(0, 0), (678, 550), (0, 0)])
        for to, in (mails[0], mails[2]):
            self.one_mail(to)
        self.assertEqual(self.server.count(mails[1][0]), 0)
        verbs = [line.split(" ")[0] for line in client.commands(start)]
        self.assertEqual([verbs.count(verb) for verb in ("EHLO", "AUTH", "MAIL")], [1, 1, 3])
        self.cell("third mail on one connection", results[2], (0, 0))

    # ---- sizes ------------------------------------------------------------------------------------
    def too_large(self, kind, size=200000):
        """(result, commands that left) of a mail that is too large."""
        to, = self.recipients("to")
        client = self.client()
        start = client.trace_size()
        result = self.send(client, [to], kind, attachment=seeded_bytes(size))
        self.assertEqual(self.server.count(to), 0)
        return result, client.commands(start)

    def test_larger_than_the_server_says(self):
        result, commands = self.too_large("small", getattr(self.server, "too_many_bytes", 200000))
        self.cell("larger than SIZE", result, (680, 0))
        self.assertFalse([line for line in commands if re.match("MAIL|DATA|BDAT", line)])

    def test_too_large_for_a_server_that_does_not_say(self):
        result, commands = self.too_large("late")
        self.cell("refused after the data", result, (680, 552))
        self.assertTrue([line for line in commands if re.match("DATA|BDAT", line)])

    def tearDown(self):
        type(self).done.add(self.id())
        super().tearDown()

    @classmethod
    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        cls.done = set()
        cls.wanted = sum(name.startswith("test_") for name in dir(cls))
