# SPDX-License-Identifier: MIT
"""A wire between the program and a server: it keeps what goes over it, stops where a test wants to do
something, and counts round trips."""
import contextlib
import select
import socket
import struct
import threading

from harness import SOON, Unread, activity

CLIENT, SERVER = "client", "server"


# struct tcp_info of Linux: tcpi_data_segs_in.
DATA_SEGMENTS = struct.Struct("152xI")


class Gate:
    """Passes on what is said on connections to 127.0.0.1:`port`, one after the other.

    hold   passes on the first so many bytes of the program, then none, in either direction, until
           open() is called
    count  makes round trips countable: what the server has said waits until watch() finds that the
           program has said all it can without it. So it does not matter how fast either of them is,
           or in how many pieces they speak.

    `sent` and `received` are what the program has sent and what has come on the latest connection,
    `segments` in how many segments of TCP it has sent it, once that has ended.
    """

    def __init__(self, port, hold=None, count=False):
        self.target = port
        self.hold = hold
        self.count = count
        self.pid = None
        self.client = None
        self.sent, self.received = bytearray(), bytearray()
        self.flights = []
        self.segments = 0
        self.held, self.go, self.ended = (threading.Event() for _ in range(3))
        self.listener = socket.create_server(("127.0.0.1", 0))
        # Little lies between the program and the place where the gate has stopped it.
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.go.set()
        # shutdown() wakes the thread that waits in accept() or select(); close() would not.
        for end in filter(None, (self.listener, self.client)):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.thread.join(SOON)
        self.listener.close()

    def watch(self, program):
        """Who speaks through the gate."""
        self.pid = program.pid

    def wait_held(self):
        if not self.held.wait(SOON):
            raise AssertionError("the program has not sent so much")

    def open(self):
        self.go.set()

    def wait_ended(self):
        """Until the program has left; what it has sent on that connection."""
        if not self.ended.wait(SOON):
            raise AssertionError("the connection was not closed")
        return bytes(self.sent)

    def trips(self):
        """Round trips on the connection so far: TCP's own, and one for each time that the program
        has waited for the server. An answer that nothing followed was not waited for when the
        connection has ended: it is that to QUIT."""
        waits = self.flights.count(SERVER)
        if self.ended.is_set() and self.flights[-1] == SERVER:
            waits -= 1
        return 1 + waits

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.client = client
            self.ended.clear()
            with client, socket.create_connection(("127.0.0.1", self.target)) as server:
                self.sent, self.received, self.flights = bytearray(), bytearray(), []
                try:
                    self._pass(client, server)
                except OSError:
                    pass
                info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, DATA_SEGMENTS.size)
                self.segments = DATA_SEGMENTS.unpack(info)[0]
            self.ended.set()

    def _flight(self, side):
        if not self.flights or self.flights[-1] != side:
            self.flights.append(side)

    def _stops(self):
        return self.hold is not None and not self.go.is_set() and len(self.sent) >= self.hold

    def _upstream(self, client, server):
        """One piece of the program's. False when it has left."""
        holds = self.hold is not None and not self.go.is_set()
        data = client.recv(self.hold - len(self.sent) if holds else 1 << 18)
        self.sent += data
        if data:
            # It counts as under way until it is acknowledged, which the kernel puts off.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            self._flight(CLIENT)
            server.sendall(data)
        return bool(data)

    def _waits(self, client, unread):
        """True when the program waits: for the server, since all that it was sent has been read, and
        all that it has said has come."""
        before = activity(self.pid)
        if any(unread.count()) or select.select([client], [], [], 0)[0]:
            return False
        return before is not None and before == activity(self.pid)

    def _pass(self, client, server):
        back, unread = b"", Unread(client)
        while True:
            if self._stops():
                self.held.set()
                self.go.wait()
            waits = 0.0005 if back else None
            ready = select.select([client] if back else [client, server], [], [], waits)[0]
            if client in ready and not self._upstream(client, server):
                return
            if server in ready:
                back = server.recv(1 << 16)
                if not back:
                    return
            if back and (not self.count or self._waits(client, unread)):
                self.received += back
                self._flight(SERVER)
                client.sendall(back)
                back = b""
