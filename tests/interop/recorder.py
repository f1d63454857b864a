# SPDX-License-Identifier: MIT
"""A wire between the program and a mail server that keeps who has said what, in its order."""
import asyncio
import ssl

from ownloop import OwnLoop


class Recorder(OwnLoop):
    """Passes everything on between a free port of 127.0.0.1 and 127.0.0.1:`port`.

    certificate, authority   (certificate file, key file) and an Authority: both sides speak TLS from
                             the first byte, which ends here, so that the words in it are seen
    """

    def __init__(self, port, certificate=None, authority=None):
        super().__init__()
        self.target = port
        self.pieces = []
        self.inner = self.outer = None
        if certificate:
            self.inner = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.inner.load_cert_chain(*map(str, certificate))
            self.outer = ssl.create_default_context(cafile=str(authority.certificate))

    async def _listen(self):
        return await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self.inner)

    async def _connected(self, reader, writer):
        self.pieces = pieces = []
        far_reader, far_writer = await asyncio.open_connection(
            "127.0.0.1", self.target, ssl=self.outer, server_hostname="localhost" if self.outer else None)
        await asyncio.gather(self._pass(reader, far_writer, "client", pieces),
                             self._pass(far_reader, writer, "server", pieces))

    @staticmethod
    async def _pass(reader, writer, who, pieces):
        try:
            while data := await reader.read(1 << 16):
                # Kept before it goes on: what comes of it is behind it.
                pieces.append((who, data))
                writer.write(data)
                await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass  # either side may leave as it likes
        finally:
            writer.close()

    def turns(self, who):
        """What one side of the last connection has said, piece by piece between words of the other."""
        turns, last = [], None
        for speaker, data in list(self.pieces):
            if speaker == who:
                turns.append((turns.pop() if last == who else b"") + data)
            last = speaker
        return turns
