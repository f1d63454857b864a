# SPDX-License-Identifier: MIT
"""A name server on loopback for the tests: what it does not know does not exist."""
import ipaddress
import socket
import struct
import threading

from harness import SOON

A, AAAA = 1, 28
NO_SUCH_NAME = 3


class NameServer:
    """Answers A and AAAA queries from `names` (name -> list of addresses); with names = None it
    hears everything and says nothing. Queries of the type `hold` wait for release()."""

    def __init__(self, names=None, hold=None):
        self.names = names
        self.hold = hold
        self.held = []
        self.asked = []
        self.clients = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wake:
            # An empty datagram ends the thread.
            wake.sendto(b"", self.socket.getsockname())
        self.thread.join(SOON)
        self.socket.close()

    def _serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            if not query:
                return
            name, kind, end = self._question(query)
            self.asked.append((name, kind))
            self.clients.append(client[0])
            if self.names is not None:
                reply = self._reply(query, name, kind, end)
                if kind == self.hold:
                    self.held.append((reply, client))
                else:
                    self.socket.sendto(reply, client)

    def release(self):
        self.hold = None
        for reply, client in self.held:
            self.socket.sendto(reply, client)

    @staticmethod
    def _question(query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind, = struct.unpack_from("!H", query, at + 1)
        return ".".join(labels).lower(), kind, at + 5

    def _reply(self, query, name, kind, end):
        addresses = [ipaddress.ip_address(text) for text in self.names.get(name, ())]
        fitting = [address.packed for address in addresses
                   if kind == {4: A, 6: AAAA}[address.version]]
        code = 0 if name in self.names else NO_SUCH_NAME
        head = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(fitting), 0, 0)
        # 0xC00C points back at the name in the question.
        records = [struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(packed)) + packed
                   for packed in fitting]
        return head + query[12:end] + b"".join(records)
