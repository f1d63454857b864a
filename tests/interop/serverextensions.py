# SPDX-License-Identifier: MIT
"""More cases for each mail server, beside those of servercases.py: what it may offer at EHLO."""
import re

from harness import seeded_bytes
from nameserver import NameServer
from recorder import Recorder
from servercases import BODY, HOST, IMPLICIT, PASSWORD, PLAIN, USER, ServerCases

MIB = 1 << 20
ACCOUNT = (USER, PASSWORD)
WAYS = (("plain", PLAIN, None), ("smtps", IMPLICIT, ACCOUNT))
SWITCH = {True: "on", False: "off"}
GROUP = re.compile(rb"MAIL FROM:<[^\r\n]*\r\nRCPT TO:<[^\r\n]*\r\n(?:DATA|BDAT)\b")
BDAT = re.compile(rb"(?s)^(.*?)BDAT (\d+) LAST\r\n(.*)$")


class AllServerCases(ServerCases):
    """See ServerCases. A server may have the port "requiretls", too: as smtps, for mail with REQUIRETLS alone."""

    # ---- BDAT and groups ------------------------------------------------------------------------
    def commands_of(self, recorder, kind):
        """(BDAT rather than DATA, in one group) of the mail that the recorder has seen."""
        said = recorder.turns("client")
        begin = next(i for i, turn in enumerate(said) if turn.startswith(b"MAIL"))
        grouped = bool(GROUP.match(said[begin]))
        if not grouped:
            for turn, verb in zip(said[begin:], (b"MAIL", b"RCPT")):
                self.assertRegex(turn, rb"^%s [^\r\n]*\r\n$" % verb, kind)
            self.assertRegex(said[begin + 2], rb"^(DATA\r\n$|BDAT )", kind)
        chunk = BDAT.match(b"".join(said[begin:]))
        if chunk:
            self.assertRegex(chunk[3][int(chunk[2]):], rb"^(QUIT\r\n)?$")
            self.assertTrue(chunk[3][:int(chunk[2])].endswith(b"\r\n" + BODY))
        return bool(chunk), grouped

    def grouped(self, kind, ssltype, account, chunking, pipelining):
        wire = Recorder(self.server.ports[kind], *([self.certificate, self.authority] * (kind == "smtps")))
        to, = self.recipients("to")
        client = self.client(smtp__chunking=SWITCH[chunking], smtp__pipelining=SWITCH[pipelining])
        with wire:
            result = self.send(client, [to], kind, ssltype, account, address=(HOST, wire.port))
            offered = b"".join(wire.turns("server"))
            seen = self.commands_of(wire, kind)
        self.assertEqual(seen, tuple(wanted and bool(re.search(rb"250[- ]%s\r\n" % word, offered))
                                     for wanted, word in ((chunking, b"CHUNKING"), (pipelining, b"PIPELINING"))))
        self.cell(f"{'BDAT' if seen[0] else 'DATA'}, {'one group' if seen[1] else 'lock step'}",
                  result, (0, 0))
        self.one_mail(to)

    def test_bdat_and_groups(self):
        type(self).certificate = self.authority.issue()
        for way in WAYS:
            for chunking in SWITCH:
                for pipelining in SWITCH:
                    self.grouped(*way, chunking, pipelining)

    def attached(self, content, chunking):
        """Sends it over TLS: the verb by which it left."""
        to, = self.recipients("to")
        client = self.client(smtp__chunking=SWITCH[chunking], smtp__pipelining="on")
        start = client.trace_size()
        result = self.send(client, [to], "smtps", IMPLICIT, ACCOUNT, attachment=content)
        verb, = {line.split(" ")[0] for line in client.commands(start)} & {"DATA", "BDAT"}
        self.cell(f"25 MiB attached, {verb}", result, (0, 0))
        _, part = self.one_mail(to).message.iter_parts()
        # Compared apart from assertEqual, which would print megabytes.
        self.assertTrue(part.get_payload(decode=True) == content, "attachment differs")
        return verb

    def test_25_mib(self):
        content = seeded_bytes(25 * MIB)
        if self.attached(content, True) == "BDAT":
            self.assertEqual(self.attached(content, False), "DATA")

    # ---- names beyond ASCII -----------------------------------------------------------------------
    def test_local_part_beyond_ascii(self):
        to, = self.recipients("bücher")
        client = self.client()
        start = client.trace_size()
        result = self.send(client, [to], "smtps", IMPLICIT, ACCOUNT)
        offered = result == (0, 0)
        self.cell("local part beyond ASCII", result, (0, 0) if offered else (681, 0))
        mail_commands = [line for line in client.commands(start) if line.startswith("MAIL")]
        self.assertEqual(["SMTPUTF8" in line for line in mail_commands], [True] * offered)
        if offered:
            self.assertIn(f"\r\nTo: {to}\r\n", self.one_mail(to).raw.decode())
        else:
            self.assertEqual(self.server.count(to), 0)

    def test_server_and_domain_beyond_ascii(self):
        """The name of the server in its look-up, SNI and certificate, and the recipient's domain."""
        to, = self.recipients("to")
        to, seen = to.replace(".test", ".bücher.test"), to.replace(".test", ".xn--bcher-kva.test")
        with NameServer({"xn--bcher-kva.test": ["127.0.0.1"]}) as names:
            client = self.client(dns__servers=names.address)
            start = client.trace_size()
            result = self.send(client, [to], "smtps", IMPLICIT, ACCOUNT,
                               address=("bücher.test", self.server.ports["smtps"]))
        self.cell("server and domain beyond ASCII", result, (0, 0))
        self.assertNotIn("SMTPUTF8", " ".join(client.commands(start)))
        self.one_mail(seen)

    # ---- reports and TLS on the whole way ---------------------------------------------------------
    def test_report_of_success(self):
        to, sender = self.recipients("to", "reports")
        client = self.client(mail__dsn_notify="success")
        start = client.trace_size()
        result = self.send(client, [to], "smtps", IMPLICIT, ACCOUNT, sender=("Pump 7", sender))
        self.assertEqual(result, (0, 0))
        number = re.fullmatch("<(.*)>", self.one_mail(to, sender).message["Message-ID"])[1]
        if "NOTIFY=SUCCESS" not in " ".join(client.commands(start)):
            self.assertEqual(self.server.count(sender), 0)
            return
        self.cell("success reported", result, (0, 0))
        report, = self.server.received(sender)
        self.assertEqual(report.sender, "")
        parts = {part.get_content_type(): part for part in report.message.walk()}
        fields = {name.lower(): value for part in parts["message/delivery-status"].get_payload()
                  for name, value in part.items()}
        self.assertRegex(fields["action"], "^delivered")
        self.assertIn(to, fields["final-recipient"])
        # ENVID; then RET=HDRS.
        repeats = getattr(self.server, "repeats_envid", True)
        self.assertEqual(fields.get("original-envelope-id"), number if repeats else None)
        headers = parts["text/rfc822-headers"].get_payload()
        self.assertIn(f"<{number}>", headers)
        self.assertNotIn("too hot.", headers)

    def test_require_tls(self):
        client = self.client(mail__require_tls="on")
        to, = self.recipients("to")
        start = client.trace_size()
        self.cell("REQUIRETLS, not offered", self.send(client, [to], "smtps", IMPLICIT, ACCOUNT), (665, 0))
        self.assertFalse([line for line in client.commands(start) if line.startswith("MAIL")])
        self.assertEqual(self.server.count(to), 0)
        if "requiretls" in self.server.ports:
            self.cell("REQUIRETLS", self.send(client, [to], "requiretls", IMPLICIT, ACCOUNT), (0, 0))
            self.one_mail(to)
