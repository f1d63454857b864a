#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Contexts and the network behind them, through the real program: name servers, look-ups, echoes,
the time, addresses of both families, and what a context is bound to."""
import ctypes
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import threading
import time
import unittest

import harness
from harness import SOON, wait_until
from nameserver import NameServer
from program import ProgramTest, configure, program_path, write_mail
from sinks import Sink

NTP_EPOCH = 2208988800
CLONE_NEWNET = 0x40000000
NOBODY = 65534


class TimeServer:
    """An NTP server on a free UDP port: tells `seconds`, and remembers who asked."""

    def __init__(self, seconds, address="127.0.0.1", port=0):
        self.seconds = seconds
        self.asked = []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.port = self.socket.getsockname()[1]
        self.wake, self.woken = socket.socketpair()
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.wake.close()
        self.thread.join(SOON)
        self.woken.close()
        self.socket.close()

    def _serve(self):
        while self.woken not in select.select([self.socket, self.woken], [], [])[0]:
            query, client = self.socket.recvfrom(2048)
            self.asked.append((query, client[0]))
            stamp = struct.pack("!II", self.seconds + NTP_EPOCH, 0)
            self.socket.sendto(bytes([0x24, 1, 0, 0]) + bytes(8) + b"LOCL" + bytes(8)
                               + query[40:48] + stamp + stamp, client)


class Recorder:
    """A mail server's listener that closes every connection and remembers where it came from."""

    def __init__(self, address="127.0.0.1", port=0):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, port), family=family)
        self.port = self.listener.getsockname()[1]
        self.peers = []
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(SOON)

    def _serve(self):
        while True:
            try:
                connection, client = self.listener.accept()
            except OSError:
                return
            self.peers.append(client[0])
            connection.close()


class Tools(ProgramTest):
    def start(self, kind=1, arguments=(), **settings):
        self.program, self.port = self.module(*arguments, settings=settings)
        self.port.ok(f'AT+QICSGP=1,{kind},"internet","","",0')
        self.port.ok("AT+QIACT=1")
        return self.port

    def urcs(self, command, last):
        """The lines after the OK of a command, up to one that matches `last`."""
        self.port.ok(command)
        lines = []
        while not lines or not re.search(last, lines[-1]):
            lines.append(self.port.line().decode())
        return lines

    def names(self, names):
        server = NameServer(names)
        server.__enter__()
        self.addCleanup(server.__exit__)
        return server


class NameServers(Tools):
    def test_mail_asks_the_servers_of_qidnscfg(self):
        own = self.names({"mail.test": ["127.0.0.1"]})
        other = self.names({"mail.test": ["127.0.0.9"]})
        port = self.start(**{"dns.servers": other.address,
                             "dns.port": own.address.partition(":")[2]})
        port.ok('AT+QIDNSCFG=1,"127.0.0.1"')
        with Sink() as sink:
            configure(port, ("mail.test", sink.port))
            write_mail(port, ["b@example.com"])
            self.assertEqual(port.send_mail(60), (0, 0))
        # A context of type 1 has no use for IPv6 addresses, and does not ask for them.
        self.assertEqual(own.asked, [("mail.test", 1)])
        self.assertEqual(other.asked, [])
        # Another activation forgets them.
        port.ok("AT+QIDEACT=1")
        port.ok("AT+QIACT=1")
        self.assertEqual(self.urcs('AT+QIDNSGIP=1,"mail.test"', r'"dnsgip","'),
                         ['+QIURC: "dnsgip",0,1,60', '+QIURC: "dnsgip","127.0.0.9"'])
        self.assertEqual(other.asked, [("mail.test", 1)])

    def test_first_server_is_dead(self):
        own = self.names({"mail.test": ["192.0.2.7"]})
        port = self.start(**{"dns.port": own.address.partition(":")[2]})
        port.ok('AT+QIDNSCFG=1,"127.0.0.77","127.0.0.1"')
        self.assertEqual(self.urcs('AT+QIDNSGIP=1,"mail.test"', r'"dnsgip","')[-1],
                         '+QIURC: "dnsgip","192.0.2.7"')

    def test_own_servers_are_told(self):
        port = self.start(**{"dns.servers": "192.0.2.53,192.0.2.54"})
        self.assertEqual(port.command("AT+QIDNSCFG=1").lines,
                         [b'+QIDNSCFG: 1,"192.0.2.53","192.0.2.54"'])

    def test_addresses_by_type(self):
        server = self.names({"both.test": ["192.0.2.1", "2001:db8::1"], "four.test": ["192.0.2.2"]})
        for kind, expected in ((1, {"192.0.2.1"}), (2, {"2001:db8::1"}),
                               (3, {"192.0.2.1", "2001:db8::1"})):
            with self.subTest(kind=kind):
                self.start(kind, **{"dns.servers": server.address})
                self.port.ok('AT+QIDNSGIP=1,"both.test"')
                self.assertEqual(self.port.line().decode(),
                                 '+QIURC: "dnsgip",0,%d,60' % len(expected))
                got = {self.port.line().decode() for _ in expected}
                self.assertEqual(got, {f'+QIURC: "dnsgip","{a}"' for a in expected})
        self.start(2, **{"dns.servers": server.address})
        self.assertEqual(self.urcs('AT+QIDNSGIP=1,"four.test"', "dnsgip"),
                         ['+QIURC: "dnsgip",565'])
        self.assertEqual(self.urcs('AT+QIDNSGIP=1,"no-such-host.test"', "dnsgip"),
                         ['+QIURC: "dnsgip",565'])

    def test_silent_server_and_restart(self):
        """A look-up that hangs: refused twice, dropped by a restart, and the program leaves."""
        server = self.names(None)
        port = self.start(**{"dns.servers": server.address})
        port.ok('AT+QIDNSGIP=1,"slow.test"')
        wait_until(lambda: server.asked, "the question")
        self.assertEqual(port.command('AT+QIDNSGIP=1,"slow.test"').final, "ERROR")
        self.assertEqual(port.command("AT+QIGETERROR").lines, [b"+QIGETERROR: 564,DNS busy"])
        port.ok("AT+QIDEACT=1")
        self.assertEqual(port.line(), b'+QIURC: "dnsgip",570')
        port.ok("AT+QIACT=1")
        port.ok('AT+QIDNSGIP=1,"slow.test"')


class Echoes(Tools):
    def check(self, address):
        lines = self.urcs(f'AT+QPING=1,"{address}",4,2', r"^\+QPING: \d+,\d+,\d+,\d+,\d+,\d+,\d+$")
        self.assertEqual(len(lines), 3)
        for line in lines[:2]:
            self.assertRegex(line, rf'^\+QPING: 0,"{re.escape(address)}",32,\d+,64$')
        self.assertRegex(lines[2], r"^\+QPING: 0,2,2,0,\d+,\d+,\d+$")

    def test_loopback(self):
        for mode in ("auto", "tcp", "simulated"):
            with self.subTest(mode=mode):
                self.start(3, ping=mode)
                self.check("127.0.0.1")
                self.check("::1")

    def test_icmp(self):
        self.start(3, ping="icmp")
        if os.geteuid() != 0:
            self.skipTest("echo requests may not be permitted to this user")
        self.check("127.0.0.1")
        self.check("::1")

    def unprivileged(self, mode):
        """A module of a user who may send no echo requests."""
        harness.needs_root()
        with open("/proc/sys/net/ipv4/ping_group_range", encoding="ascii") as file:
            least, most = map(int, file.read().split())
        if least <= NOBODY <= most:
            self.skipTest("everybody may send echo requests here")
        try:
            subprocess.run([program_path(), "--version"], user=NOBODY, group=NOBODY,
                           extra_groups=[], cwd="/", capture_output=True, check=True)
        except PermissionError:
            self.skipTest("the program lies where nobody else may run it")
        program = self.serve("--tcp", "127.0.0.1:0", settings={"ping": mode}, user=NOBODY,
                             group=NOBODY, extra_groups=[])
        self.port = program.tcp().start()
        self.port.ok('AT+QICSGP=1,3,"internet","","",0')
        self.port.ok("AT+QIACT=1")

    def test_without_permission_a_connection_serves(self):
        self.unprivileged("auto")
        self.check("127.0.0.1")
        self.check("::1")

    def test_without_permission_and_without_a_way_out(self):
        self.unprivileged("icmp")
        self.assertEqual(self.urcs('AT+QPING=1,"127.0.0.1"', "QPING"), ["+QPING: 555"])
        self.assertEqual(self.port.command("AT+QIGETERROR").lines,
                         [b"+QIGETERROR: 555,operation not supported"])

    def test_families(self):
        self.start(1)
        self.assertEqual(self.urcs('AT+QPING=1,"::1"', "QPING"), ["+QPING: 565"])

    def test_name(self):
        server = self.names({"here.test": ["127.0.0.1"]})
        self.start(**{"dns.servers": server.address})
        lines = self.urcs('AT+QPING=1,"here.test",4,1', r"QPING: 0,1,1,0")
        self.assertIn('"127.0.0.1"', lines[0])
        self.assertEqual(self.urcs('AT+QPING=1,"no-such-host.test"', "QPING"), ["+QPING: 565"])


class Time(Tools):
    def test_clock(self):
        self.start()
        with TimeServer(1538000000) as server:
            line, = self.urcs(f'AT+QNTP=1,"127.0.0.1",{server.port}', "QNTP")
        self.assertRegex(line, r'^\+QNTP: 0,"2018/09/2\d,\d\d:\d\d:\d\d[+-]\d\d"$')
        clock, = self.port.command("AT+CCLK?").lines
        self.assertRegex(clock, rb'^\+CCLK: "18/09/2')
        query, _ = server.asked[0]
        self.assertEqual((len(query), query[0], query[1:40]), (48, 0x23, bytes(39)))

    def test_ipv6_and_failures(self):
        self.start(3)
        with TimeServer(1538000000, "::1") as server:
            line, = self.urcs(f'AT+QNTP=1,"::1",{server.port},0', "QNTP")
        self.assertRegex(line, r'^\+QNTP: 0,"2018/09/2')
        clock, = self.port.command("AT+CCLK?").lines
        self.assertNotRegex(clock, rb'"18/09/2')
        self.assertEqual(self.urcs(f'AT+QNTP=1,"127.0.0.1",{server.port}', "QNTP"), ["+QNTP: 566"])
        self.assertEqual(self.urcs('AT+QNTP=1,"a..b"', "QNTP"), ["+QNTP: 565"])


class Bound(Tools):
    def connect_from(self, address="127.0.0.1", kind=1, **settings):
        """The addresses that a mail connection, its look-up and a time server see."""
        port = self.start(kind, **settings)
        with Recorder(address) as recorder:
            configure(port, (address, recorder.port))
            write_mail(port, ["b@example.com"])
            result = port.send_mail(60)
        return result, recorder.peers

    def test_source_address(self):
        result, peers = self.connect_from(**{"pdp.1.source": "127.0.0.2"})
        self.assertEqual((result, peers), ((656, 0), ["127.0.0.2"]))
        with TimeServer(1538000000) as server:
            self.urcs(f'AT+QNTP=1,"127.0.0.1",{server.port}', "QNTP: 0")
        self.assertEqual(server.asked[0][1], "127.0.0.2")

    def test_source_of_a_look_up(self):
        server = self.names({"mail.test": ["127.0.0.1"]})
        port = self.start(**{"dns.servers": server.address, "pdp.1.source": "127.0.0.3"})
        self.urcs('AT+QIDNSGIP=1,"mail.test"', r'"dnsgip","')
        self.assertEqual(server.clients, ["127.0.0.3"])

    def test_interface(self):
        result, peers = self.connect_from(**{"pdp.1.interface": "lo"})
        self.assertEqual((result, peers), ((656, 0), ["127.0.0.1"]))

    def test_two_contexts_differ(self):
        self.start(**{"pdp.1.source": "127.0.0.2", "pdp.2.source": "127.0.0.4"})
        self.port.ok('AT+QICSGP=2,1,"two","","",0;+QIACT=2')
        with TimeServer(1538000000) as server:
            for context, source in ((1, "127.0.0.2"), (2, "127.0.0.4")):
                self.urcs(f'AT+QNTP={context},"127.0.0.1",{server.port}', "QNTP: 0")
                self.assertEqual(server.asked[-1][1], source)

    def test_ipv6_loopback(self):
        result, peers = self.connect_from("::1", 2)
        self.assertEqual((result, peers), ((656, 0), ["::1"]))
        result, peers = self.connect_from("::1", 3)
        self.assertEqual((result, peers), ((656, 0), ["::1"]))
        result, peers = self.connect_from("::1", 1)
        self.assertEqual((result, peers), ((654, 0), []))
        result, peers = self.connect_from("127.0.0.1", 2)
        self.assertEqual((result, peers), ((654, 0), []))

    def test_any_family(self):
        """A host that asks for IPv4 on a machine that has nothing but IPv6."""
        result, peers = self.connect_from("::1", 1, **{"pdp.1.family": "any"})
        self.assertEqual((result, peers), ((656, 0), ["::1"]))
        server = self.names({"six.test": ["2001:db8::1"]})
        self.start(1, **{"dns.servers": server.address, "pdp.1.family": "any"})
        self.assertEqual(self.urcs('AT+QIDNSGIP=1,"six.test"', '"dnsgip","')[-1],
                         '+QIURC: "dnsgip","2001:db8::1"')

    def test_interface_that_is_not_there(self):
        _, port = self.module(settings={"pdp.1.interface": "no-such-if0"})
        self.assertEqual(port.command("AT+QIACT=1").final, "ERROR")
        self.assertEqual(port.command("AT+QIGETERROR").lines,
                         [b"+QIGETERROR: 561,open PDP context failed"])

    def test_wrong_settings(self):
        for setting in ("pdp.1.source=nowhere", "pdp.1.interface=a/b", "dns.hosts=x",
                        "pdp.1.source=::1"):
            status, _, errors = self.run_program("serve", "--stdio", "--set", setting)
            self.assertEqual(status, 2, errors)


class OwnNetwork(ProgramTest):
    """A network of our own, which a thread of ours lives in with its children."""

    def setUp(self):
        super().setUp()
        harness.needs_root()
        if shutil.which("ip") is None:
            self.skipTest("no command ip")

    def inside(self, body):
        """Runs body() in a thread with a network of its own. The thread lives until what body() has
        started is gone: with its end every process gets SIGTERM (end_with_parent)."""
        failed, done, over = [], threading.Event(), threading.Event()

        def run():
            try:
                if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
                    raise unittest.SkipTest("no network of our own to be had")
                body()
            except BaseException as error:  # the test's own thread raises it again
                failed.append(error)
            done.set()
            over.wait()
        thread = threading.Thread(target=run)
        self.addCleanup(thread.join)
        self.addCleanup(over.set)
        thread.start()
        done.wait()
        if failed:
            raise failed[0]

    def begin(self, **settings):
        link = self.folder / "modem"
        program = self.serve("--pty", link,
                             settings={"pdp.1.interface": "lo", **settings})
        return program.pty(link).start()

    @staticmethod
    def loopback(state):
        subprocess.run(["ip", "link", "set", "lo", state], check=True)


class Interfaces(OwnNetwork):
    def test_interface_goes_down_and_comes_back(self):
        def body():
            port = self.begin()
            self.assertEqual(port.command("AT+QIACT=1").final, "ERROR")
            self.assertEqual(port.command("AT+QIGETERROR").lines,
                             [b"+QIGETERROR: 561,open PDP context failed"])
            self.loopback("up")
            port.ok("AT+QIACT=1")
            self.loopback("down")
            self.assertEqual(port.line(), b'+QIURC: "pdpdeact",1')
            self.assertEqual(port.command("AT+QIACT?").lines, [])
            self.loopback("up")
            self.assertEqual(port.command("AT+QIACT=1").final, "ERROR")
            self.assertEqual(port.command("AT+QIGETERROR").lines,
                             [b"+QIGETERROR: 572,operation not allowed"])
            port.ok("AT+QIDEACT=1")
            port.ok("AT+QIACT=1")
        self.inside(body)

    def test_interface_is_down_from_the_start(self):
        """A machine that starts before its network: the host need do nothing."""
        def body():
            port = self.begin(**{"pdp.1.active_at_start": "on"})
            self.assertEqual(port.command("AT+QIACT?").lines, [])
            self.loopback("up")
            wait_until(lambda: port.command("AT+QIACT?").lines, "the context", 30)
            self.loopback("down")
            self.assertEqual(port.line(), b'+QIURC: "pdpdeact",1')
            self.loopback("up")
            wait_until(lambda: port.command("AT+QIACT?").lines, "the context again", 30)
        self.inside(body)

    def test_source_goes(self):
        def body():
            self.loopback("up")
            subprocess.run(["ip", "address", "add", "10.99.0.1/32", "dev", "lo"], check=True)
            port = self.begin(**{"pdp.1.interface": "", "pdp.1.source": "10.99.0.1"})
            port.ok("AT+QIACT=1")
            subprocess.run(["ip", "address", "del", "10.99.0.1/32", "dev", "lo"], check=True)
            self.assertEqual(port.line(), b'+QIURC: "pdpdeact",1')
        self.inside(body)


class Host:
    """A host in a network of its own, at the other end of the link `name` of the calling thread's
    network: 10.0.0.1, with a mail server and a time server."""

    MAIL, TIME = 2525, 1123

    def __init__(self, name, own_address, seconds):
        self.name, self.own_address, self.seconds = name, own_address, seconds
        self.namespace = None
        self.failed = None
        self.entered, self.linked, self.up, self.over = (threading.Event() for _ in range(4))
        self.thread = threading.Thread(target=self._live, daemon=True)

    def __enter__(self):
        self.thread.start()
        self._await(self.entered)
        far = self.name + "far"
        for arguments in (["link", "add", self.name, "type", "veth", "peer", "name", far],
                          ["link", "set", far, "netns", self.namespace],
                          ["address", "add", f"{self.own_address}/24", "dev", self.name],
                          ["link", "set", self.name, "up"]):
            subprocess.run(["ip", *arguments], check=True)
        self.linked.set()
        self._await(self.up)
        return self

    def __exit__(self, *_):
        self.over.set()
        self.linked.set()
        self.thread.join(SOON)

    def _await(self, event):
        if not event.wait(SOON) or self.failed:
            raise AssertionError(f"host {self.name}: {self.failed}")

    def _live(self):
        try:
            if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
                raise OSError("no network of its own")
            self.namespace = f"/proc/{os.getpid()}/task/{threading.get_native_id()}/ns/net"
            self.entered.set()
            self.linked.wait()
            far = self.name + "far"
            for arguments in (["address", "add", "10.0.0.1/24", "dev", far],
                              ["link", "set", far, "up"]):
                subprocess.run(["ip", *arguments], check=True)
            self.mail = Recorder("10.0.0.1", self.MAIL)
            self.time = TimeServer(self.seconds, "10.0.0.1", self.TIME)
            with self.mail, self.time:
                self.up.set()
                self.over.wait()
        except (OSError, subprocess.CalledProcessError) as error:
            self.failed = error
            self.entered.set()
            self.up.set()


class TwoNetworks(OwnNetwork):
    """Two networks with the same addresses: only the interface tells them apart."""

    def test_each_context_has_its_network(self):
        def body():
            self.loopback("up")
            with Host("pm1", "10.0.0.2", 1538000000) as one, \
                    Host("pm2", "10.0.0.3", 1600000000) as two:
                port = self.begin(**{"pdp.1.interface": "pm1", "pdp.2.interface": "pm2"})
                port.ok('AT+QICSGP=2,1,"two","","",0')
                port.ok("AT+QIACT=1;+QIACT=2")
                for context, host, year in ((2, two, b"2020/"), (1, one, b"2018/")):
                    configure(port, ("10.0.0.1", Host.MAIL))
                    port.ok(f'AT+QSMTPCFG="contextid",{context}')
                    write_mail(port, ["b@example.com"])
                    self.assertEqual(port.send_mail(60), (656, 0))
                    self.assertEqual(host.mail.peers, [host.own_address])
                    port.ok(f'AT+QNTP={context},"10.0.0.1",{Host.TIME},0')
                    self.assertIn(b'+QNTP: 0,"' + year, port.line())
                    port.ok(f'AT+QPING={context},"10.0.0.1",4,1')
                    self.assertRegex(port.line(), rb'^\+QPING: 0,"10\.0\.0\.1",32,\d+,64$')
                    port.line()
                subprocess.run(["ip", "link", "set", "pm2", "down"], check=True)
                self.assertEqual(port.line(), b'+QIURC: "pdpdeact",2')
                self.assertEqual(len(port.command("AT+QIACT?").lines), 1)
        self.inside(body)


class Lab(Tools):
    """With a catcher nothing leaves the machine."""

    def start_lab(self, **settings):
        return self.start(3, ("--catch", self.folder / "caught"), **settings)

    def test_names(self):
        self.start_lab(**{"dns.hosts": "a.test=192.0.2.1 2001:db8::7"})
        self.assertEqual(self.urcs('AT+QIDNSGIP=1,"a.test"', "db8"),
                         ['+QIURC: "dnsgip",0,2,300', '+QIURC: "dnsgip","192.0.2.1"',
                          '+QIURC: "dnsgip","2001:db8::7"'])
        first = self.urcs('AT+QIDNSGIP=1,"mail.example.com"', "db8")
        self.assertEqual(first, self.urcs('AT+QIDNSGIP=1,"mail.example.com"', "db8"))
        self.assertEqual(self.urcs('AT+QIDNSGIP=1,"fault-resolve.example"', "dnsgip"),
                         ['+QIURC: "dnsgip",565'])
        self.assertRegex(self.port.command("AT+QIDNSCFG=1").lines[0],
                         rb'^\+QIDNSCFG: 1,"192\.0\.2\.\d+","192\.0\.2\.\d+"$')

    def test_echoes(self):
        self.start_lab()
        lines = self.urcs('AT+QPING=1,"mail.example.com",1,2', "QPING: 0,2,2,0")
        self.assertEqual(len(lines), 3)
        self.assertEqual(self.urcs('AT+QPING=1,"fault-silent.example",1,2', "QPING: 569,"),
                         ["+QPING: 569", "+QPING: 569", "+QPING: 569,2,0,2,0,0,0"])
        self.assertEqual(self.urcs('AT+QPING=1,"fault-connect.example",1,1', "QPING: 569,"),
                         ["+QPING: 569", "+QPING: 569,1,0,1,0,0,0"])

    def test_time(self):
        self.start_lab()
        before = int(time.time())
        line, = self.urcs('AT+QNTP=1,"pool.ntp.org"', "QNTP")
        found = re.match(r'\+QNTP: 0,"(\d+)/', line)
        self.assertIn(int(found.group(1)), (time.gmtime(before - 86400).tm_year,
                                            time.gmtime(before + 86400).tm_year))
        self.assertEqual(self.urcs('AT+QNTP=1,"fault-connect.example"', "QNTP"), ["+QNTP: 566"])
        self.assertEqual(self.urcs('AT+QNTP=1,"fault-resolve.example"', "QNTP"), ["+QNTP: 565"])


if __name__ == "__main__":
    harness.main()
