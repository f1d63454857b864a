# SPDX-License-Identifier: MIT
"""A wire between the program and a server that stops where a test wants to do something, and keeps
what the program has sent."""
import select
import socket
import threading

from harness import SOON


class Gate:
    """Passes on the first `hold` bytes of each connection to 127.0.0.1:`port`, then none, in either
    direction, until open() is called."""

    def __init__(self, port, hold):
        self.target = port
        self.hold = hold
        self.sent = b""
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
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(SOON)
        self.listener.close()

    def wait_held(self):
        if not self.held.wait(SOON):
            raise AssertionError("the program has not sent so much")

    def open(self):
        self.go.set()

    def wait_ended(self):
        """Until the program has left; what it has sent on that connection."""
        if not self.ended.wait(SOON):
            raise AssertionError("the connection was not closed")
        return self.sent

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, socket.create_connection(("127.0.0.1", self.target)) as server:
                self.sent = b""
                try:
                    self._pass(client, server)
                except OSError:
                    pass
            self.ended.set()

    def _pass(self, client, server):
        parts = []
        left = None if self.go.is_set() else self.hold
        while True:
            if left == 0:
                self.held.set()
                self.go.wait()
                left = None
            for source in select.select([client, server], [], [])[0]:
                data = source.recv(left or 1 << 18) if source is client else source.recv(1 << 16)
                if not data:
                    self.sent = b"".join(parts)
                    return
                if source is client:
                    parts.append(data)
                    left = None if left is None else left - len(data)
                (server if source is client else client).sendall(data)
                if left == 0:
                    break
