#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Files through handles, in the real program: written, cut, read, moved, killed, restarted; against
a model in memory, on two ports, and with a host that does not read."""
import random
import re
import signal

import harness
from harness import seeded_bytes, wait_until
from program import ProgramTest

MIB = 1 << 20


class Handles:
    """The commands of the FILE manual on one port."""

    def __init__(self, port):
        self.port = port

    def open(self, name, mode=0):
        (line,) = self.port.ok(f'AT+QFOPEN="{name}",{mode}')
        return int(re.fullmatch(r"\+QFOPEN: (\d+)", line)[1])

    def write(self, handle, data, size):
        """Writes; `size` is what the file must then have."""
        self.port.connect(f"AT+QFWRITE={handle},{len(data)},60")
        self.port.write(data)
        self.port.expect(f"+QFWRITE: {len(data)},{size}\r\n\r\nOK\r\n".encode())

    def read(self, handle, length=None):
        answer = self.port.command(f"AT+QFREAD={handle}" + (f",{length}" if length else ""))
        if answer.final == "+CME ERROR: 402":
            return b""
        count = int(re.fullmatch(r"CONNECT (\d+)", answer.final)[1])
        data = self.port.take(count)
        self.port.expect(b"\r\nOK\r\n")
        return data

    def seek(self, handle, offset, position=0):
        self.port.ok(f"AT+QFSEEK={handle},{offset},{position}")

    def position(self, handle):
        return int(self.port.ok(f"AT+QFPOSITION={handle}")[0].split()[1])

    def cut(self, handle):
        self.port.ok(f"AT+QFTUCAT={handle}")

    def close(self, handle):
        self.port.ok(f"AT+QFCLOSE={handle}")


class Files(ProgramTest):
    def start(self, *arguments, **options):
        self.count = getattr(self, "count", 0) + 1
        program, port = self.module("--state", self.folder / "state", *arguments,
                                    name=f"run{self.count}", **options)
        return program, port, Handles(port)

    @staticmethod
    def kill(program):
        program.popen.send_signal(signal.SIGKILL)
        program.wait()
        program.close_ports()

    def test_written_cut_and_read_after_a_restart(self):
        data = seeded_bytes(100_000)
        program, port, files = self.start()
        handle = files.open("UFS:log")
        self.assertEqual(handle, 1)
        files.write(handle, data, 100_000)
        files.seek(handle, 30_000)
        files.write(handle, b"in the middle", 100_000)
        files.seek(handle, 10, 2)
        files.cut(handle)
        files.write(handle, b"the end", 99_997)
        expected = data[:30_000] + b"in the middle" + data[30_013:-10] + b"the end"
        files.close(handle)
        program.stop()
        program, port, files = self.start()
        self.assertEqual(port.ok("AT+QFLST"), ['+QFLST: "UFS:log",99997'])
        self.assertTrue(port.download("UFS:log", 99_997) == expected)
        handle = files.open("log", 2)
        self.assertEqual(handle, 1)
        self.assertTrue(files.read(handle) == expected)
        port.refused(f"AT+QFWRITE={handle},1", 414)
        files.seek(handle, 29_990)
        self.assertEqual(files.read(handle, 30), expected[29_990:30_020])

    def test_ending_closes_files(self):
        """SIGTERM with an open file: what was written is there."""
        program, port, files = self.start()
        files.write(files.open("a"), b"not closed", 10)
        files.write(files.open("RAM:b"), b"gone", 4)
        program.stop()
        _, port, files = self.start()
        self.assertEqual(port.ok("AT+QFOPEN?"), [])
        self.assertEqual(files.read(files.open("a")), b"not closed")
        port.refused('AT+QFOPEN="RAM:b",2', 405)

    def test_against_a_model(self):
        """Some hundred commands on a few files, some restarts; each answer is foreseen."""
        draw = random.Random(20_261)
        program, port, files = self.start()
        disk, handles = {}, {}
        names = ["UFS:a", "UFS:b", "RAM:a", "RAM:../b c"]
        for step in range(600):
            name = draw.choice(names)
            if name not in handles:
                self.closed_step(draw, port, files, disk, handles, name, draw.choice(names))
            else:
                self.open_step(draw, files, disk, handles, name)
            if step % 150 == 149:
                self.assert_listed(port, disk)
                program.stop()
                program, port, files = self.start()
                handles.clear()
                disk = {name: data for name, data in disk.items() if name.startswith("UFS:")}
                for name, data in disk.items():
                    self.assertTrue(port.download(name, len(data)) == data)
        self.assertEqual(port.ok("AT"), [])

    def closed_step(self, draw, port, files, disk, handles, name, other):
        kind = draw.randrange(6)
        if kind == 0 and name in disk and other != name and other not in handles:
            copy, over = draw.randrange(2), draw.randrange(2)
            line = f'AT+QFMOV="{name}","{other}",{copy},{over}'
            if other in disk and not over:
                port.refused(line, 407)
                return
            port.ok(line)
            disk[other] = disk[name]
            if not copy:
                del disk[name]
        elif kind == 1 and name in disk:
            port.ok(f'AT+QFDEL="{name}"')
            del disk[name]
        else:
            mode = draw.choice((0, 0, 0, 1, 2))
            if mode == 2 and name not in disk:
                port.refused(f'AT+QFOPEN="{name}",2', 405)
                return
            handles[name] = [files.open(name, mode), 0, mode]
            disk[name] = b"" if mode == 1 else disk.get(name, b"")

    def open_step(self, draw, files, disk, handles, name):
        handle, at, mode = handles[name]
        data = disk[name]
        kind = draw.randrange(7)
        if kind == 0:
            files.close(handle)
            del handles[name]
        elif kind == 1:
            length = draw.choice((None, draw.randint(1, 3000)))
            got = files.read(handle, length)
            self.assertTrue(got == data[at:][:length])
            handles[name][1] = at + len(got)
        elif kind == 2:
            handles[name][1] = draw.randint(0, len(data))
            files.seek(handle, handles[name][1])
        elif kind == 3 and mode != 2:
            files.cut(handle)
            disk[name] = data[:at]
        elif kind == 4:
            self.assertEqual(files.position(handle), at)
        elif mode != 2:
            new = draw.randbytes(draw.choice((1, 7, 1024, 4096, 20_000)))
            disk[name] = data[:at] + new + data[at + len(new):]
            files.write(handle, new, len(disk[name]))
            handles[name][1] = at + len(new)

    def assert_listed(self, port, disk):
        got = port.ok('AT+QFLST="*"') + port.ok('AT+QFLST="RAM:*"')
        self.assertEqual(sorted(got), sorted(f'+QFLST: "{name}",{len(data)}'
                                             for name, data in disk.items()))

    def test_killed_in_a_write(self):
        """Any first part of the running QFWRITE is there, and all of those before it."""
        old = seeded_bytes(200_000, 1)
        for sent in (0, 1, 4096, 150_000, 400_000):
            program, _, files = self.start()
            files.write(files.open("a", 1), old, len(old))
            new = seeded_bytes(500_000, 2)
            files.seek(1, 100_000)
            files.port.connect(f"AT+QFWRITE=1,{len(new)},60")
            files.port.write(new[:sent])
            self.kill(program)
            program, port, files = self.start()
            got = files.read(files.open("a", 2))
            done = 0
            while done < sent and got[100_000 + done:100_001 + done] == new[done:done + 1]:
                done += 1
            self.assertTrue(got == old[:100_000] + new[:done] + old[100_000 + done:])
            files.close(1)
            program.stop()

    def test_killed_after_close(self):
        data = seeded_bytes(300_000)
        program, _, files = self.start()
        files.write(files.open("a"), data, len(data))
        files.close(1)
        self.kill(program)
        _, _, files = self.start()
        self.assertTrue(files.read(files.open("a", 2)) == data)

    def test_a_host_that_leaves_in_a_write(self):
        program, port, files = self.start()
        handle = files.open("a")
        port.connect(f"AT+QFWRITE={handle},1000,60")
        port.write(b"this much")
        port.close()
        port = program.tcp().start()
        files = Handles(port)
        wait_until(lambda: port.command(f"AT+QFSEEK={handle},0").final == "OK", "the end of the write")
        self.assertEqual(files.read(handle), b"this much")

    def test_no_room(self):
        program, port, files = self.start(settings={"ufs_size": 100_000})
        handle = files.open("a")
        port.refused(f"AT+QFWRITE={handle},100001", 403)
        files.write(handle, bytes(100_000), 100_000)
        port.refused(f"AT+QFWRITE={handle},1", 403)
        files.close(handle)
        port.refused('AT+QFMOV="a","b",1', 403)
        handle = files.open("a")
        files.seek(handle, 50_000)
        files.cut(handle)
        files.close(handle)
        port.ok('AT+QFMOV="a","b",1')
        self.assertEqual(port.ok('AT+QFLDS="UFS"'), ["+QFLDS: 0,100000"])

    def test_memory_card(self):
        card = self.folder / "card"
        card.mkdir()
        program, port, files = self.start(settings={"sd": card})
        data = seeded_bytes(50_000)
        files.write(files.open("SD:a"), data, len(data))
        files.close(1)
        self.assertTrue((card / "a").read_bytes() == data)
        port.ok('AT+QFMOV="SD:a","b",1')
        port.ok('AT+QFMOV="SD:a","SD:c"')
        port.ok('AT+QFMOV="b","SD:a"')
        self.assertEqual(port.ok('AT+QFLST="SD:*"'),
                         ['+QFLST: "SD:a",50000', '+QFLST: "SD:c",50000'])
        self.assertEqual(port.ok('AT+QFLST="UFS:*"'), [])
        program.stop()
        self.assertTrue((card / "c").read_bytes() == data)
        _, port, _ = self.start()
        port.refused('AT+QFOPEN="SD:a"', 419)

    @staticmethod
    def peak(program):
        """The most memory it ever had, KiB."""
        with open(f"/proc/{program.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1])

    def test_slow_host_and_memory(self):
        """A QFREAD of 24 MiB that nobody takes: the other port works, and the file is not held."""
        program = self.serve("--tcp", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--state",
                             self.folder / "state")
        slow, other = (program.tcp(name).start() for name in program.ports)
        files = Handles(slow)
        handle = files.open("big")
        piece = seeded_bytes(4 * MIB)
        for number in range(1, 7):
            files.write(handle, piece, number * len(piece))
        files.seek(handle, 0)
        before = self.peak(program)
        slow.write(f"AT+QFREAD={handle}\r".encode())
        self.assertEqual(slow.line(), b"CONNECT %d" % (6 * len(piece)))
        work = Handles(other)
        work.write(work.open("small"), b"meanwhile", 9)
        other.refused(f"AT+QFCLOSE={handle}", 426)
        other.ok("AT+QFCLOSE=2")
        for at in range(0, 6 * len(piece), MIB):
            slow.heard = b""
            begin = at % len(piece)
            self.assertTrue(slow.take(MIB) == piece[begin:begin + MIB])
        slow.expect(b"\r\nOK\r\n")
        self.assertEqual(files.position(handle), 6 * len(piece))
        self.assertLess(self.peak(program) - before, 4 * 1024)

    def test_upload_in_acknowledged_pieces(self):
        """As fwupd does: pieces of 2048, two A for each, and the last one, too."""
        data = seeded_bytes(10 * 2048)
        _, port, _ = self.start()
        port.connect(f'AT+QFUPL="RAM:fw.bin",{len(data)},5,1')
        for at in range(0, len(data), 2048):
            port.write(data[at:at + 2048])
            port.expect(b"AA")
        line = port.take(2)
        self.assertEqual(line, b"\r\n")
        self.assertRegex(port.line().decode(), rf"^\+QFUPL: {len(data)},[0-9a-f]+$")
        self.assertEqual(port.answer().final, "OK")
        self.assertTrue(port.download("RAM:fw.bin", len(data)) == data)


if __name__ == "__main__":
    harness.main()
