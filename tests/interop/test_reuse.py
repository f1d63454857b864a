#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One connection for many mails, against aiosmtpd over TLS and a peer that leaves (SD78, SD79)."""
import signal
import ssl
import threading

import harness
from atclient import TcpPort
from certificates import Authority
from program import ProgramTest, activate, configure, trust
from sinks import Peer, Sink

ACCOUNT = ("pump7", "secret word")


class Counting(Sink):
    """A sink that counts connections and logins."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.connections = 0
        self.logins = 0

    def _protocol(self):
        self.connections += 1
        return super()._protocol()

    def _authenticate(self, *arguments):
        self.logins += 1
        return super()._authenticate(*arguments)


def put(test, port, result=(0, 0)):
    test.assertEqual(port.send_mail(), result)


class Listener:
    """A peer that takes a mail and keeps what it hears: QUIT and the end show how it was left."""

    def __init__(self, held=False, deaf=False):
        self.heard = []
        self.deaf = deaf  # once it has the mail it neither reads nor closes
        self.got_mail, self.take_it = threading.Event(), threading.Event()
        self.left, self.free = threading.Event(), threading.Event()
        if not held:
            self.take_it.set()
        self.peer = Peer(self.play)

    def __enter__(self):
        self.peer.__enter__()
        return self

    def __exit__(self, *what):
        self.free.set()
        self.peer.__exit__(*what)

    def play(self, wire):
        wire.send("220 peer")
        for line in iter(wire.line, None):
            self.heard.append(line)
            if line == "DATA":
                wire.send("354 go")
                while wire.line() != ".":
                    pass
                self.got_mail.set()
                self.take_it.wait(harness.SOON)
            wire.send("221 bye" if line == "QUIT" else "250 ok")
            if line == "DATA" and self.deaf:
                self.free.wait(harness.SOON)
                return
        self.heard.append("end")
        self.left.set()

    def settings(self, port):
        activate(port)
        configure(port, ("127.0.0.1", self.peer.port))
        port.ok('AT+QSMTPDST=1,1,"a@example.net"')


class Leaving(ProgramTest):
    """A server hears QUIT before the program or a module leaves it (RFC 5321 section 4.1.1.10)."""

    def ends(self, listener):
        self.assertTrue(listener.left.wait(harness.SOON), "the connection has not ended")
        self.assertEqual(listener.heard[-3:], ["DATA", "QUIT", "end"])

    def test_program_ends(self):
        with Listener() as listener:
            program, port = self.module("--set", "reuse_seconds=600")
            listener.settings(port)
            put(self, port)
            program.stop()
            self.ends(listener)
            self.assertIn("the owner ends the kept connection", program.log())

    def test_program_ends_with_a_mail_under_way(self):
        for seconds in (0, 600):
            with self.subTest(reuse_seconds=seconds), Listener(held=True) as listener:
                program, port = self.module("--set", f"reuse_seconds={seconds}")
                listener.settings(port)
                port.ok("AT+QSMTPPUT=300")
                self.assertTrue(listener.got_mail.wait(harness.SOON), "no mail")
                program.popen.send_signal(signal.SIGTERM)
                harness.wait_until(lambda: "when the running mail has ended" in program.log(),
                                   "the signal")
                listener.take_it.set()
                self.assertEqual(port.mail_result(), (0, 0))
                self.assertEqual(program.wait(), 0)
                self.ends(listener)

    def test_module_is_changed_and_removed(self):
        """SIGHUP with another setting, and without the module."""
        path = self.folder / "modules.conf"
        address = ("127.0.0.1", harness.free_port())
        other = f"[module other]\nport.1.tcp = 127.0.0.1:{harness.free_port()}\n"
        pump = f"[module pump]\nport.1.tcp = 127.0.0.1:{address[1]}\n"
        path.write_text("reuse_seconds = 600\n" + other + pump)
        program = self.serve("--config", path)
        harness.wait_until(lambda: program.out.read_text().count("ready ") == 2, "ready lines")
        for text, seen in ((other + pump + "identity.imei = 867698040000021\n", "pump: started"),
                           (other, "pump: not in the configuration any more: leaving")):
            with self.subTest(seen), Listener() as listener:
                port = TcpPort(address).start()
                self.addCleanup(port.close)
                listener.settings(port)
                put(self, port)
                path.write_text("reuse_seconds = 600\n" + text)
                program.popen.send_signal(signal.SIGHUP)
                harness.wait_until(lambda seen=seen: seen in program.log(), seen)
                self.ends(listener)

    def test_module_restarts(self):
        for command in ("AT+CFUN=1,1", "AT+QPOWD"):
            with self.subTest(command), Listener() as listener:
                _, port = self.module("--set", "reuse_seconds=600")
                listener.settings(port)
                put(self, port)
                port.ok(command)
                self.ends(listener)

    def test_server_that_does_not_answer(self):
        """Nothing is waited for long."""
        with Listener(deaf=True) as listener:
            program, port = self.module("--set", "reuse_seconds=600")
            listener.settings(port)
            put(self, port)
            program.stop()


class Reuse(ProgramTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder)

    def mails(self, ssltype, seconds, count):
        """Sends `count` mails, each with all its settings anew; the sink they went to."""
        with Counting(self.authority.issue(), implicit=ssltype == 1,
                      users={ACCOUNT[0]: ACCOUNT[1]}) as sink:
            _, port = self.module("--set", f"reuse_seconds={seconds}")
            activate(port)
            trust(port, self.authority)
            port.ok('AT+QSMTPDST=1,1,"a@example.net"')
            for _ in range(count):
                configure(port, ("localhost", sink.port), ssltype, ACCOUNT)
                put(self, port)
            self.assertEqual(len(sink.received(count)), count)
            for mail in sink.mails:
                self.assertIsNotNone(mail.tls)
                self.assertEqual(mail.user, ACCOUNT[0])
            return sink

    def test_starttls(self):
        sink = self.mails(2, 60, 4)
        self.assertEqual((sink.connections, sink.logins), (1, 1))

    def test_implicit_tls(self):
        sink = self.mails(1, 60, 4)
        self.assertEqual((sink.connections, sink.logins), (1, 1))

    def test_off(self):
        sink = self.mails(2, 0, 2)
        self.assertEqual((sink.connections, sink.logins), (2, 2))

    def test_refused_recipient(self):
        """RSET clears what the refused mail left behind."""
        with Counting(refuse={"no@example.net": "550 no"}) as sink:
            _, port = self.module("--set", "reuse_seconds=60")
            activate(port)
            configure(port, ("127.0.0.1", sink.port))
            port.ok('AT+QSMTPDST=1,1,"yes@example.net"')
            port.ok('AT+QSMTPDST=1,1,"no@example.net"')
            put(self, port, (678, 550))
            port.ok('AT+QSMTPDST=0,1,"no@example.net"')
            put(self, port)
            self.assertEqual([mail.recipients for mail in sink.mails], [["yes@example.net"]])
            self.assertEqual(sink.connections, 1)

    def test_server_leaves_meanwhile(self):
        """The server closes when it gets the next MAIL: with 421, and without a word. Each mail
        goes over one new connection then, and is taken once."""
        taken = []

        def script(wire):
            wire.send("220 peer")
            for line in iter(wire.line, None):
                verb = line.split()[0].upper().rstrip(":")
                if verb == "MAIL" and taken and peer.connections <= len(taken):
                    if len(taken) == 1:
                        wire.send("421 idle")
                    return
                if verb == "DATA":
                    wire.send("354 go")
                    while wire.line() != ".":
                        pass
                    taken.append(peer.connections)
                wire.send("250 ok")
                if verb == "QUIT":
                    return

        with Peer(script) as peer:
            _, port = self.module("--set", "reuse_seconds=60")
            activate(port)
            configure(port, ("127.0.0.1", peer.port))
            port.ok('AT+QSMTPDST=1,1,"a@example.net"')
            for _ in range(3):
                put(self, port)
            self.assertEqual(taken, [1, 2, 3])

    def test_close_notify_while_idle(self):
        """TLS ends while nobody speaks: the program leaves, and the next mail has a new connection."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*map(str, self.authority.issue()))
        idle, left = threading.Event(), threading.Event()
        taken = []

        def script(wire):
            connection = wire.connection
            wire.connection = context.wrap_socket(connection, server_side=True)
            wire.send("220 peer")
            for line in iter(wire.line, None):
                if line == "DATA":
                    wire.send("354 go")
                    while wire.line() != ".":
                        pass
                    taken.append(peer.connections)
                wire.send("250 ok")
                if taken == [1] and line == "DATA":
                    idle.wait(harness.SOON)
                    raw = wire.connection.unwrap()  # our close_notify, and the program's
                    while raw.recv(100):
                        pass
                    left.set()
                    return

        with Peer(script) as peer:
            program, port = self.module("--set", "reuse_seconds=60")
            activate(port)
            trust(port, self.authority)
            configure(port, ("127.0.0.1", peer.port), 1)
            port.ok('AT+QSMTPDST=1,1,"a@example.net"')
            put(self, port)
            idle.set()
            self.assertTrue(left.wait(harness.SOON), "the program has not left")
            harness.wait_until(lambda: "the server has ended the kept connection" in program.log(),
                               "the log's line")
            put(self, port)
            self.assertEqual(taken, [1, 2])
            # Ends the kept connection: the peer cannot, as the script has taken its socket for TLS.
            program.stop()

    def test_context_ends_it(self):
        ended = []

        def script(wire):
            wire.send("220 peer")
            for line in iter(wire.line, None):
                if line == "DATA":
                    wire.send("354 go")
                    while wire.line() != ".":
                        pass
                wire.send("250 ok")
            ended.append(True)

        with Peer(script) as peer:
            _, port = self.module("--set", "reuse_seconds=60")
            activate(port)
            configure(port, ("127.0.0.1", peer.port))
            port.ok('AT+QSMTPDST=1,1,"a@example.net"')
            put(self, port)
            self.assertEqual(ended, [])
            port.ok("AT+QIDEACT=1")
            harness.wait_until(lambda: ended, "the end of the connection")


if __name__ == "__main__":
    harness.main()
