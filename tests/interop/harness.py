# SPDX-License-Identifier: MIT
"""What every end-to-end test needs: folders, processes that end with the test, free ports,
deadlines instead of sleeps, and an exit status that ctest understands."""
import contextlib
import ctypes
import fcntl
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVERS = ROOT / "build" / "servers" / "root"
SKIPPED = 77

# How long anything that should happen soon may take on a busy machine, seconds.
SOON = 15.0

# Held until this process ends, one for each port of free_port().
LOCKS = []


class Expired(AssertionError):
    """What a test waited for did not happen in time."""


def wait_until(condition, what, seconds=None, pause=0.02):
    """The first true value of condition(), which is asked again and again."""
    deadline = time.monotonic() + (seconds or SOON)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Expired(f"not within {seconds or SOON:g} s: {what}")
        select.select([], [], [], pause)


def listening_ports():
    """Ports that the kernel gives to nobody by itself, in an arbitrary order."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first, last = map(int, file.read().split())
    ports = [port for port in range(10000, 65536) if not first <= port <= last]
    return random.SystemRandom().sample(ports, len(ports))


def free_port():
    """A TCP port that nobody uses and no other test gets before this process ends."""
    folder = pathlib.Path(tempfile.gettempdir()) / f"postmodem-test-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for port in listening_ports():
        lock = os.open(folder / str(port), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("", port))
        except OSError:
            os.close(lock)
            continue
        LOCKS.append(lock)
        return port
    raise AssertionError("no free TCP port")


def seeded_bytes(count, seed=1):
    """The same arbitrary bytes at every run; all 256 values occur."""
    return random.Random(seed).randbytes(count)


def server_environment():
    """The environment in which an unpacked server finds its libraries."""
    folders = [SERVERS / "usr/lib", SERVERS / "usr/lib/postfix", SERVERS / "usr/lib/dovecot",
               SERVERS / "usr/lib/dovecot/modules/old-stats"]
    folders += sorted((SERVERS / "usr/lib").glob("*-linux-gnu"))
    folders += sorted((SERVERS / "lib").glob("*-linux-gnu"))
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("ASAN_", "UBSAN_", "LD_"))}
    # How a mail server that is a client logs in: plug-ins of a library of its own.
    plug_ins = sorted((SERVERS / "usr/lib").glob("*-linux-gnu/sasl2"))
    return dict(clean, LD_LIBRARY_PATH=":".join(map(str, folders)),
                SASL_PATH=":".join(map(str, plug_ins)))


def end_with_parent():
    """In a child before exec: SIGTERM comes when the test is killed, so nothing outlives it."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


class Process:
    """A child process whose output goes to a file; ended by its id, at the latest by stop()."""

    def __init__(self, arguments, log, environment=None, stdin=subprocess.DEVNULL,
                 stdout=None, **options):
        self.log_path = pathlib.Path(log)
        self.arguments = [str(argument) for argument in arguments]
        with self.log_path.open("ab") as file:
            self.popen = subprocess.Popen(self.arguments, stdin=stdin, stdout=stdout or file,
                                          stderr=file, env=environment,
                                          preexec_fn=end_with_parent, **options)

    @property
    def pid(self):
        return self.popen.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def running(self):
        return self.popen.poll() is None

    def wait(self, seconds=SOON):
        return self.popen.wait(seconds)

    def stop(self, seconds=SOON):
        """Asks the process to end, insists when it does not. Its exit status."""
        if self.running():
            self.popen.send_signal(signal.SIGTERM)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        if self.running():
            self.popen.kill()
        self.popen.wait()


def activity(pid):
    """What a process has done so far, or None while a thread of it has something to do: it waits when
    it answers the same twice. One that has not run for want of a processor does not wait."""
    done = []
    for task in sorted(pathlib.Path(f"/proc/{pid}/task").iterdir()):
        try:
            lines = (task / "status").read_text(encoding="ascii", errors="replace").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            return None  # a thread has just ended
        state, *switches = [line.split()[1] for line in lines
                            if line.startswith(("State:", "voluntary", "nonvoluntary"))]
        if state != "S":
            return None
        done.append((task.name, *switches))
    return done


class Unread:
    """Bytes of a TCP connection over IPv4 that are under way or in the kernel still. The kernel is
    asked for the two ends alone (sock_diag(7)): /proc/net/tcp has thousands of old connections."""
    BY_FAMILY, ERROR, GONE, LISTENING = 20, 2, -2, 10

    def __init__(self, connection):
        self.connection = connection.getsockname(), connection.getpeername()
        with self._ask() as kernel:
            if self._queues(kernel, *self.connection) is None:
                raise OSError("the kernel knows nothing of this connection")

    @staticmethod
    def _ask():
        netlink_sock_diag = 4
        return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, netlink_sock_diag)

    def _queues(self, kernel, end, other):
        """(bytes not read, bytes not acknowledged) at an end, or None when it is no more."""
        ports = struct.pack("!HH4s12x4s12x", end[1], other[1], socket.inet_aton(end[0]),
                            socket.inet_aton(other[0]))
        request = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + ports \
            + struct.pack("=I8s", 0, b"\xff" * 8)
        kernel.send(struct.pack("=IHHII", 16 + len(request), self.BY_FAMILY, 1, 0, 0) + request)
        answer = kernel.recv(4096)
        if struct.unpack_from("=H", answer, 4)[0] == self.ERROR:
            error, = struct.unpack_from("=i", answer, 16)
            if error != self.GONE:
                raise OSError(-error, "sock_diag")
            return None
        if answer[16 + 1] == self.LISTENING:  # what is found in place of one that is gone
            return None
        return struct.unpack_from("=II", answer, 16 + 4 + 48 + 4)

    def count(self):
        """(those that the other end has yet to read, those that this one has)."""
        with self._ask() as kernel:
            here = self._queues(kernel, *self.connection) or (0, 0)
            there = self._queues(kernel, *self.connection[::-1]) or (0, 0)
        return here[1] + there[0], there[1] + here[0]


def greets(port, process):
    """Whether the server of `process` says 220 at a port of 127.0.0.1; raises when it has ended."""
    if not process.running():
        raise RuntimeError("the server ended: " + process.log())
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.settimeout(5)
            return connection.recv(4).startswith(b"220")
    except OSError:
        return False


class TestCase(unittest.TestCase):
    """A test with a folder of its own; a failed test shows the logs that lie there."""
    maxDiff = 2000

    @classmethod
    def share(cls):
        """Opens cls.shared, what all tests of the class have in common: closed behind the last."""
        cls.shared = Shared()
        cls.addClassCleanup(cls.shared.close)

    def run(self, result=None):
        self.result = result
        return super().run(result)

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postmodem-test-"))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.show_logs)

    def show_logs(self):
        failed = [test for test, _ in self.result.failures + self.result.errors if test is self]
        # Errors of this test are added to the result only after its clean-up on some versions.
        outcome = getattr(self, "_outcome", None)
        if not failed and (outcome is None or outcome.success):
            return
        for path in sorted(self.folder.rglob("*.log")):
            print(f"---- {self.id()}: {path.name}", file=sys.stderr)
            print("\n".join(path.read_text(errors="replace").splitlines()[-60:]),
                  file=sys.stderr)


class Shared(contextlib.ExitStack):
    """Things that live as long as a whole test class: made once, closed in reverse order."""

    def __init__(self):
        super().__init__()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postmodem-shared-"))
        self.folder.chmod(0o755)
        self.callback(shutil.rmtree, self.folder, ignore_errors=True)


def needs_root():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root")


def as_others():
    """A command that runs another without root's right to open a locked terminal."""
    return ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"] \
        if os.geteuid() == 0 else []


def needs_unpacked(path):
    if not (SERVERS / path).exists():
        raise unittest.SkipTest(f"{path} is not unpacked: run scripts/unpack-servers")


def main():
    """Runs the tests of the calling file. A file in which anything was skipped counts as
    skipped, never as passed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    program = unittest.main(module="__main__", exit=False, verbosity=2, warnings=False)
    result = program.result
    if not result.wasSuccessful() or result.testsRun == 0 and not result.skipped:
        sys.exit(1)
    sys.exit(SKIPPED if result.skipped else 0)
