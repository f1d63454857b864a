#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The hostile server over sockets, with real TLS: what the cases of tests/hostile/ ask for comes from
the real program, too, byte by byte and cut in two; and floods leave its memory as it was.

HOSTILE_CUTS=1 in the environment tries every cut; otherwise every 61st is, and byte by byte STARTTLS alone.
"""
import os
import re
import ssl
import unittest

import harness
import hostile
from certificates import Authority
from program import ProgramTest, activate, configure, trust, write_mail

SENDER = ("Module", "from@example.com")
TYPES = {"clear": 0, "implicit": 1, "starttls": 2}
CUTS = int(os.environ.get("HOSTILE_CUTS", "61"))
# What needs virtual time, or a wire that takes so many bytes and no more: a kernel takes what is not large.
VIRTUAL = ("WAIT", "PAUSE", "MORE", "HOLD")
UNKNOWN = "not known whether"


class Hostile(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.share()
        cls.authority = Authority(cls.shared.folder)
        cls.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cls.context.load_cert_chain(*map(str, cls.authority.issue()))

    def start(self, token="", **settings):
        """A program with these settings; with a token, which is for the server of all cases."""
        self.token = token
        self.trace = self.folder / "trace.log"
        if token:
            path = self.folder / "token"
            path.write_text(token)
            settings |= {"smtp.token_file": path, "smtp.server": hostile.ADDRESS,
                         "tls.ca_file": self.authority.certificate}
        self.program, self.port = self.module(
            "--trace", self.trace, settings={"ehlo_name": "module.example", "urc_gap": "0", **settings})
        activate(self.port)
        trust(self.port, self.authority)
        self.port.upload("RAM:a.bin", harness.seeded_bytes(3_000_000))
        self.listener = hostile.listen()
        self.addCleanup(self.listener.close)
        self.runs = 0

    def prepare(self, case, tls):
        known = {"account", "token"} & case.settings.keys()
        account = (hostile.USER, hostile.PASSWORD) if known else None
        configure(self.port, self.listener.getsockname(), TYPES[tls], account, SENDER)
        count = int(case.settings.get("recipients", 1))
        write_mail(self.port, [f"r{i}@example.net" for i in range(count)])
        if "attachment" in case.settings:
            self.port.ok('AT+QSMTPATT=1,1,"RAM:a.bin"')

    def run_case(self, case, tls, **cut):
        self.runs += 1
        told = self.program.log().count(UNKNOWN)
        self.port.ok("AT+QSMTPPUT=60")
        server = hostile.Server(case, self.listener, self.context, tls, self.port)
        server.play(**cut)
        self.assertEqual(server.result or self.port.mail_result(), case.result, (case.name, cut))
        self.assertEqual(self.program.log().count(UNKNOWN) - told, case.unknown, (case.name, cut))
        server.check_secrets()
        self.assertTrue(hostile.no_second_connection(self.listener), case.name)

    def play(self, case, tls=None):
        """Whole, byte by byte, and cut in two."""
        tls = tls or case.tls
        self.prepare(case, tls)
        self.run_case(case, tls)
        length = hostile.server_length(case)
        if "race" in case.settings or length > 2000:
            return
        if CUTS == 1 or tls == "starttls":
            self.run_case(case, tls, piece=1)
        for at in range(1 + self.runs % CUTS, length, CUTS):
            self.run_case(case, tls, at=at)

    def play_file(self, name, wanted, tls=None, only=""):
        """All cases that a socket can play, which are so many, with the settings they want."""
        cases = [case for case in hostile.read(name)
                 if re.match(only, case.name) and not case.has(*VIRTUAL)
                 and "slow" not in case.settings
                 # The kernel takes a message that the server does not read, if it is not large,
                 # and its end.
                 and (not case.has("TAKE") or (case.has("CLOSE") and "attachment" in case.settings))]
        self.assertEqual(len(cases), wanted)
        groups = {}
        for case in cases:
            key = (case.token(), *(setting in case.settings for setting in ("any", "never", "reuse")))
            groups.setdefault(key, []).append(case)
        for (token, any_, never, reuse), group in groups.items():
            self.start(token, recipients="any" if any_ else "all",
                       reuse_seconds="3600" if reuse else "0",
                       auth_in_clear="never" if never else "host")
            for case in group:
                with self.subTest(case=case.name):
                    self.play(case, tls)
            self.check_trace()
            self.program.stop()

    def check_trace(self):
        told = self.trace.read_bytes() + self.program.log_path.read_bytes()
        self.assertIn(b"EHLO module.example", told)
        for secret in filter(None, (hostile.PASSWORD, self.token[:hostile.PART])):
            self.assertFalse(hostile.reveals(told, secret))

    # ---- the files -----------------------------------------------------------------------------
    def test_starttls(self):
        self.play_file("starttls.smtp", 30)

    def test_auth(self):
        self.play_file("auth.smtp", 53)

    def test_transaction_in_tls(self):
        """Connections that are cut off are so without close_notify."""
        self.play_file("transaction.smtp", 31, tls="implicit")

    def test_cut_off_in_clear(self):
        self.play_file("transaction.smtp", 13, only="CUT")

    def test_replies_in_tls(self):
        self.play_file("replies.smtp", 60, tls="implicit")

    def test_pipelining_in_tls(self):
        self.play_file("pipeline.smtp", 4, tls="implicit")

    def test_chunking_in_tls(self):
        self.play_file("chunking.smtp", 27, tls="implicit")

    def test_reuse_in_tls(self):
        self.play_file("reuse.smtp", 49, tls="implicit")

    # ---- memory ----------------------------------------------------------------------------------
    def flood(self, tls, start, piece):
        """Sends without an end until the client has had enough."""
        self.port.ok("AT+QSMTPPUT=60")
        server = hostile.Server(hostile.Case("flood"), self.listener, self.context, tls)
        if tls == "implicit":
            server.handshake()
        sent = 0
        try:
            server.say(start, 0, 0)
            while sent < 64 << 20:
                server.say(piece, 0, 0)
                sent += len(piece)
            self.fail("the client takes anything")
        except hostile.Gone:
            server.close()
        self.assertEqual(self.port.mail_result(), (660, 0))

    def test_floods(self):
        """Endless banners and lines, in clear and under TLS: memory stays as it was."""
        floods = [(b"", b"220-welcome\r\n" * 5000), (b"220 ", b"x" * 65536),
                  (b"220-", b"\r\n" * 30000), (b"220 mx\r\n", b"250-X\r\n" * 10000)]
        # What a sanitizer keeps back of freed memory is not what is measured here.
        options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
        os.environ["ASAN_OPTIONS"] = options
        self.start()
        before = None
        for turn in range(12):
            for tls in ("clear", "implicit"):
                self.prepare(hostile.Case("flood"), tls)
                for start, piece in floods:
                    self.flood(tls, start, piece)
            if turn == 3:
                before = self.program.resident()
        self.assertLess(self.program.resident() - before, 2048, "kB more than before")


if __name__ == "__main__":
    harness.main()
