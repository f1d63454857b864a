# SPDX-License-Identifier: MIT
"""A receiver that throws mail away, in clear or over TLS from the first byte. It looks for no
more than the final dot and reads in large pieces, so that it is never the bottleneck (smtp-sink,
which looks at each byte, is one for the faster clients).

Usage: discard.py [CERTIFICATE KEY]    prints its port; one connection at a time, until killed
"""
import socket
import ssl
import sys

END = b"\r\n.\r\n"


def command_line(stream, pending):
    while b"\n" not in pending:
        piece = stream.recv(65536)
        if not piece:
            raise EOFError
        pending += piece
    line, _, rest = pending.partition(b"\n")
    return line.upper(), rest


def discard_content(stream, pending, buffer):
    """Reads up to the final dot; what follows it."""
    tail = pending
    while END not in tail:
        count = stream.recv_into(buffer)
        if not count:
            raise EOFError
        tail = tail[-4:] + bytes(buffer[max(0, count - 64):count])
    return tail.partition(END)[2]


def serve(stream):
    buffer = memoryview(bytearray(1 << 18))
    stream.sendall(b"220 discard ESMTP\r\n")
    pending = b""
    while True:
        line, pending = command_line(stream, pending)
        if line.startswith(b"EHLO"):
            stream.sendall(b"250-discard\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
        elif line.startswith(b"DATA"):
            stream.sendall(b"354 go\r\n")
            pending = discard_content(stream, pending, buffer)
            stream.sendall(b"250 gone\r\n")
        elif line.startswith(b"QUIT"):
            stream.sendall(b"221 bye\r\n")
            return
        else:
            stream.sendall(b"250 ok\r\n")


def main():
    context = None
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                if context:
                    connection = context.wrap_socket(connection, server_side=True)
                with connection:
                    serve(connection)
            except (OSError, EOFError):
                pass


if __name__ == "__main__":
    main()
