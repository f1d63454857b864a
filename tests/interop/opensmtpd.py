# SPDX-License-Identifier: MIT
"""An OpenSMTPD of its own for one test class, from build/servers (scripts/unpack-servers).

Its paths and users are compiled in, so it runs in a mount namespace where these stand. Ports of 127.0.0.1:
    plain       no TLS, no AUTH
    submission  STARTTLS and AUTH offered
    smtps       TLS from the first byte, AUTH offered
    late        as plain; all mail gets 552 after the data
Mail for any domain is taken and filed in one Maildir, once for each recipient. Addresses that start
with "refused" get 550 at RCPT. SIZE is the same at all ports.
"""
import os
import pathlib
import re
import subprocess

from harness import ROOT, SERVERS, Process, free_port, greets, needs_root, needs_unpacked, \
    server_environment, wait_until
from maildir import Maildir

# Room for 25 MiB in base64.
LIMIT = 36 << 20
# Ids of the users it changes to: nobody's, and two that nobody has.
NOBODY, DAEMON, QUEUE = 65534, 65532, 65533
NAMESPACE = """
set -e
for folder in /run /usr/libexec /var/lib /var/spool; do
    mount -t tmpfs tmpfs "$folder"
done
mkdir -p /var/lib/opensmtpd/empty
mkdir -m 711 /var/spool/smtpd
ln -s "$2/usr/libexec/opensmtpd" /usr/libexec/opensmtpd
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/group" /etc/group
exec env LD_PRELOAD="$3" "$2/usr/sbin/smtpd" -d -f "$1/smtpd.conf"
"""


class OpenSmtpd:
    name = "OpenSMTPD"
    mechanisms = ("PLAIN", "LOGIN")
    too_many_bytes = 28 << 20
    repeats_envid = False

    def __init__(self, folder, authority, users):
        needs_root()
        needs_unpacked("usr/sbin/smtpd")
        self.folder = pathlib.Path(folder) / "opensmtpd"
        self.users = users
        # With an ECDSA key its TLS fails, whatever is preloaded.
        self.certificate, self.key = authority.issue(rsa=True)
        self.ports = {name: free_port() for name in ("plain", "submission", "smtps", "late")}
        self.ports["small"] = self.ports["plain"]
        self.process = None

    def __enter__(self):
        self.folder.mkdir()
        mail = self.folder / "mail"
        mail.mkdir()
        os.chown(mail, NOBODY, NOBODY)
        users = {"root": 0, "opensmtpd": DAEMON, "opensmtpq": QUEUE, "nobody": NOBODY}
        (self.folder / "passwd").write_text(
            "".join(f"{name}:x:{uid}:{uid}::/:/bin/sh\n" for name, uid in users.items()))
        (self.folder / "group").write_text(
            "".join(f"{name}:x:{uid}:\n" for name, uid in users.items()))
        (self.folder / "smtpd.conf").write_text(self._configuration(mail))
        keys = os.environ.get("PRIVSEP_KEYS",
                              str(ROOT / "build/tests/interop/libprivsep_keys.so"))
        self.process = Process(["unshare", "--mount", "sh", "-c", NAMESPACE, "sh", self.folder,
                                SERVERS, keys], self.folder / "smtpd.log", server_environment())
        try:
            for name, port in self.ports.items():
                if name != "smtps":
                    wait_until(lambda port=port: greets(port, self.process), f"OpenSMTPD at {port}")
        except BaseException:
            self.__exit__()
            raise
        self.maildir = Maildir(mail, "Delivered-To")
        self.received = self.maildir.received
        return self

    def __exit__(self, *_):
        self.process.stop()

    @staticmethod
    def _encrypted(word):
        return subprocess.run(["openssl", "passwd", "-6", word], check=True, capture_output=True,
                              text=True).stdout.strip()

    def _configuration(self, mail):
        words = self.folder / "words"
        words.write_text("".join(f"{name} {self._encrypted(word)}\n"
                                 for name, word in self.users.items()))
        ports, rest = self.ports, "hostname opensmtpd.postmodem.test filter"
        return f"""
pki test cert "{self.certificate}"
pki test key "{self.key}"
table words file:{words}
smtp max-message-size {LIMIT}
filter refuse phase rcpt-to match rcpt-to regex {{ "^<?refused" }} reject "550 5.1.1 no such user here"
filter late phase commit match src {{ "127.0.0.1" }} reject "552 5.3.4 too large"
listen on 127.0.0.1 port {ports["plain"]} {rest} refuse
listen on 127.0.0.1 port {ports["submission"]} tls pki test auth-optional <words> {rest} refuse
listen on 127.0.0.1 port {ports["smtps"]} smtps pki test auth-optional <words> {rest} refuse
listen on 127.0.0.1 port {ports["late"]} {rest} late
action file maildir "{mail}" virtual {{ "@" = "nobody" }}
match from any for any action file
"""

    @staticmethod
    def version():
        text = subprocess.run([SERVERS / "usr/sbin/smtpd", "-h"], check=False,
                              stderr=subprocess.PIPE, text=True, env=server_environment()).stderr
        return re.search(r"^version: OpenSMTPD (\S+)", text)[1]

    def count(self, recipient):
        """How many mails are filed for a recipient once the queue is empty."""
        queue = pathlib.Path(f"/proc/{self.process.pid}/root/var/spool/smtpd/queue")
        wait_until(lambda: not any(path.is_file() for path in queue.rglob("*")), "an empty queue")
        return len(self.maildir.filed(recipient))

    @staticmethod
    def tls_of(mail):
        """The TLS version that the server saw, None without TLS."""
        found = re.search(r"\((TLSv1\.[23]):", mail.received)
        return found and found[1]
