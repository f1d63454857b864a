# SPDX-License-Identifier: MIT
"""A Postfix of its own for one test class, with Dovecot answering for its SASL.

Both come from build/servers (scripts/unpack-servers). Configuration, queue, mail and sockets lie
in one folder; all ports are free ones of 127.0.0.1:
    plain       no TLS, no AUTH asked for
    submission  STARTTLS offered, AUTH offered (in clear as well)
    smtps       TLS from the first byte, AUTH offered
Mail for any domain is taken and filed in one Maildir, once for each recipient. Addresses that
start with "refused" get 550 at RCPT.
"""
import os
import pathlib
import pwd
import re
import smtplib
import subprocess
import grp

from dovecot import Dovecot
from harness import SERVERS, Process, free_port, greets, needs_root, needs_unpacked, \
    server_environment, wait_until
from maildir import Maildir

# Postfix wants an owner of the queue, another user for delivery and a third group; these exist
# on every Debian and own no files of note.
OWNER, DELIVERY, GROUP = "mail", "nobody", "news"
QUEUE_FOLDERS = ("active bounce corrupt defer deferred flush hold incoming maildrop pid private "
                 "public saved trace").split()


def last_of_each(lines):
    """The lines of a main.cf without those that a later one of the same name overrides. Each of
    Postfix's processes warns of every such line; before its log service has started, ten warnings
    fill that service's socket, and it waits for ever to put its own there."""
    entries = {}
    for line in lines.splitlines():
        if line.startswith((" ", "\t")):
            entries[name] += "\n" + line
        elif line and not line.startswith("#"):
            name = line.partition("=")[0].strip()
            entries.pop(name, None)
            entries[name] = line
    return "\n".join(entries.values()) + "\n"


class DovecotSasl(Dovecot):
    """Dovecot's authentication service, at a socket in the queue's folder."""

    def __init__(self, folder, users, mechanisms, token_key):
        super().__init__(folder, users, mechanisms, token_key)
        self.socket = folder / "queue/private/auth"

    def lines(self):
        owner = pwd.getpwnam(OWNER)
        return f"""
protocols =
ssl = no
service auth {{
  unix_listener {self.socket} {{
    mode = 0660
    user = {OWNER}
    group = {grp.getgrgid(owner.pw_gid).gr_name}
  }}
}}
"""

    def ready(self):
        return self.socket.exists()


class Postfix:
    # More lines of master.cf, for subclasses.
    services = ""

    def __init__(self, folder, authority, users=None, certificate=None,
                 mechanisms=("PLAIN", "LOGIN", "CRAM-MD5"), token_key=None, submission=None):
        needs_root()
        needs_unpacked("usr/lib/postfix/sbin/master")
        self.folder = pathlib.Path(folder) / "postfix"
        self.folder.mkdir()
        self.certificate, self.key = certificate or authority.issue()
        self.ports = {"submission": submission} if submission else {}
        self.dovecot = DovecotSasl(self.folder, users or {"user@example.com": "secret"},
                                   mechanisms, token_key)
        self.master = None

    def __enter__(self):
        try:
            self._make_queue()
            self.dovecot.__enter__()
            self._start_postfix()
        except BaseException as failure:
            for log in (self.folder / "postfix.log", self.folder / "dovecot/dovecot.log"):
                if log.exists():
                    failure.add_note(f"---- {log.name}\n{log.read_text(errors='replace')}")
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.master:
            self.master.stop()
        self.dovecot.__exit__()

    def _make_folder(self, name, owner="root", group=None, mode=0o755):
        path = self.folder / name
        path.mkdir(parents=True)
        os.chown(path, pwd.getpwnam(owner).pw_uid,
                 grp.getgrnam(group).gr_gid if group else pwd.getpwnam(owner).pw_gid)
        path.chmod(mode)
        return path

    def _make_queue(self):
        self._make_folder("queue")
        for name in QUEUE_FOLDERS:
            self._make_folder(f"queue/{name}", "root" if name == "pid" else OWNER,
                              GROUP if name in ("maildrop", "public") else None,
                              {"maildrop": 0o730, "public": 0o710, "pid": 0o755,
                               "private": 0o700}.get(name, 0o700))

    def extra(self, etc):
        """More lines of main.cf, for subclasses; what they name may be made in `etc`."""
        return ""

    def _start_postfix(self):
        etc = self._make_folder("etc")
        data = self._make_folder("data", OWNER)
        self.mail = self._make_folder("mail", DELIVERY)
        self.maildir = Maildir(self.mail / "all", "X-Original-To")
        self.received = self.maildir.received
        environment = server_environment()
        delivery = pwd.getpwnam(DELIVERY)
        (etc / "main.cf").write_text(last_of_each(f"""
compatibility_level = 3.7
config_directory = {etc}
queue_directory = {self.folder}/queue
data_directory = {data}
daemon_directory = {SERVERS}/usr/lib/postfix/sbin
shlib_directory = {SERVERS}/usr/lib/postfix
meta_directory = {SERVERS}/etc/postfix
command_directory = {SERVERS}/usr/sbin
mail_owner = {OWNER}
setgid_group = {GROUP}
default_privs = {DELIVERY}
import_environment = MAIL_CONFIG MAIL_LOGTAG POSTLOG_SERVICE POSTLOG_HOSTNAME TZ LANG=C
  LD_LIBRARY_PATH={environment['LD_LIBRARY_PATH']} SASL_PATH={environment['SASL_PATH']}
maillog_file_prefixes = {self.folder}
maillog_file = {self.folder}/postfix.log
myhostname = mx.postmodem.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = ipv4
smtpd_peername_lookup = no
local_header_rewrite_clients =
alias_maps =
alias_database =
local_recipient_maps =
message_size_limit = 0
mailbox_size_limit = 0
virtual_mailbox_limit = 0
virtual_mailbox_domains = static:all
virtual_mailbox_base = {self.mail}
virtual_mailbox_maps = static:all/
virtual_minimum_uid = 1
virtual_uid_maps = static:{delivery.pw_uid}
virtual_gid_maps = static:{delivery.pw_gid}
smtpd_recipient_restrictions = check_recipient_access regexp:{etc}/recipients, permit
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_tls_cert_file = {self.certificate}
smtpd_tls_key_file = {self.key}
smtpd_tls_session_cache_database =
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sasl_security_options = noanonymous
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
""" + self.extra(etc)))
        (etc / "recipients").write_text("/^refused/ 550 5.1.1 no such user here\n")
        self.ports.update({name: self.ports.get(name) or free_port()
                           for name in ("plain", "submission", "smtps")})
        (etc / "master.cf").write_text(f"""
127.0.0.1:{self.ports['plain']} inet n - n - - smtpd
127.0.0.1:{self.ports['submission']} inet n - n - - smtpd
  -o smtpd_tls_security_level=may -o smtpd_sasl_auth_enable=yes
127.0.0.1:{self.ports['smtps']} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
""" + self.services)
        self.master = Process([SERVERS / "usr/lib/postfix/sbin/master", "-c", etc, "-d"],
                              self.folder / "master.log", environment, start_new_session=True)
        for name, port in self.ports.items():
            if name != "smtps":
                wait_until(lambda port=port: greets(port, self.master), f"Postfix at port {port}")

    def count(self, recipient):
        """How many mails are filed for a recipient once the queue is empty."""
        queue = self.folder / "queue"
        wait_until(lambda: not any(path.is_file() for name in ("incoming", "active", "deferred")
                                   for path in (queue / name).rglob("*")), "an empty queue")
        return len(self.maildir.filed(recipient))

    def probe(self, name):
        """An smtplib client of one of the ports, for tests of this file itself."""
        kind = smtplib.SMTP_SSL if name == "smtps" else smtplib.SMTP
        return kind("127.0.0.1", self.ports[name], timeout=20)


class LimitedPostfix(Postfix):
    """Two more ports without TLS and AUTH, where mail has at most 100000 bytes: `small` tells so by SIZE,
    `late` refuses after the data."""
    name = "Postfix"
    mechanisms = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")

    def __init__(self, folder, authority, users):
        super().__init__(folder, authority, users, mechanisms=self.mechanisms)
        self.ports.update(small=free_port(), late=free_port())
        self.services = f"""
127.0.0.1:{self.ports['small']} inet n - n - - smtpd -o message_size_limit=100000
127.0.0.1:{self.ports['late']} inet n - n - - smtpd -o message_size_limit=100000
  -o smtpd_discard_ehlo_keywords=size
"""

    def extra(self, etc):
        return "smtpd_tls_received_header = yes\n"

    def version(self):
        text = subprocess.run([SERVERS / "usr/sbin/postconf", "-h", "-d", "mail_version"], check=True,
                              capture_output=True, text=True, env=server_environment()).stdout
        return text.strip()

    @staticmethod
    def tls_of(mail):
        """The TLS version that the server saw, None without TLS."""
        found = re.search(r"\(using (TLSv1\.[23])", mail.received)
        return found and found[1]
