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
import base64
import email
import email.policy
import os
import pathlib
import pwd
import smtplib
import socket
import grp

from harness import SERVERS, Process, free_port, needs_root, needs_unpacked, \
    server_environment, wait_until

# Postfix wants an owner of the queue, another user for delivery and a third group; these exist
# on every Debian and own no files of note.
OWNER, DELIVERY, GROUP = "mail", "nobody", "news"
QUEUE_FOLDERS = ("active bounce corrupt defer deferred flush hold incoming maildrop pid private "
                 "public saved trace").split()


class Received:
    """One delivered mail: recipient and sender of the envelope, raw bytes with CRLF."""

    def __init__(self, path):
        headers, _, rest = path.read_bytes().partition(b"\nReceived:")
        envelope = email.message_from_bytes(headers + b"\n\n")
        self.recipient = envelope["X-Original-To"]
        self.sender = envelope["Return-Path"].strip("<>")
        # Drop what the server put in front: the fields up to the end of its own Received.
        lines = rest.split(b"\n")
        own = next(i for i, line in enumerate(lines) if i > 0 and not line.startswith((b"\t", b" ")))
        self.raw = b"\r\n".join(lines[own:])
        self.received = b"\n".join(lines[:own]).decode()

    @property
    def message(self):
        return email.message_from_bytes(self.raw, policy=email.policy.default)


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
        self.users = users or {"user@example.com": "secret"}
        self.mechanisms = mechanisms
        self.token_key = token_key
        self.ports = {"submission": submission} if submission else {}
        self.seen = {}
        self.dovecot = self.master = None

    def __enter__(self):
        try:
            self._start_dovecot()
            self._start_postfix()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in (self.master, self.dovecot):
            if process:
                process.stop()

    def _make_folder(self, name, owner="root", group=None, mode=0o755):
        path = self.folder / name
        path.mkdir(parents=True)
        os.chown(path, pwd.getpwnam(owner).pw_uid,
                 grp.getgrnam(group).gr_gid if group else pwd.getpwnam(owner).pw_gid)
        path.chmod(mode)
        return path

    # ---- Dovecot: only its authentication service -------------------------------------------
    def _start_dovecot(self):
        here = self._make_folder("dovecot")
        queue = self._make_folder("queue")
        for name in QUEUE_FOLDERS:
            self._make_folder(f"queue/{name}", "root" if name == "pid" else OWNER,
                              GROUP if name in ("maildrop", "public") else None,
                              {"maildrop": 0o730, "public": 0o710, "pid": 0o755,
                               "private": 0o700}.get(name, 0o700))
        environment = server_environment()
        (here / "users").write_text(
            "".join(f"{name}:{{PLAIN}}{word}\n" for name, word in self.users.items()))
        (here / "users").chmod(0o644)
        configuration = here / "dovecot.conf"
        configuration.write_text(f"""
base_dir = {here}/run
state_dir = {here}/state
libexec_dir = {SERVERS}/usr/lib/dovecot
import_environment = $import_environment LD_LIBRARY_PATH={environment['LD_LIBRARY_PATH']}
log_path = {here}/dovecot.log
protocols =
ssl = no
auth_mechanisms = {" ".join(self.mechanisms).lower()}
{self._accept_tokens(here)}
disable_plaintext_auth = no
auth_failure_delay = 0
auth_username_chars =
default_internal_user = {DELIVERY}
default_internal_group = {pwd.getpwnam(DELIVERY).pw_gid and 'nogroup'}
default_login_user = games
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {here}/users
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {queue}/private/auth {{
    mode = 0660
    user = {OWNER}
    group = {grp.getgrgid(pwd.getpwnam(OWNER).pw_gid).gr_name}
  }}
}}
""")
        program = SERVERS / "usr/sbin/dovecot"
        # doveconf reads the file and starts the program: it stands in for the installed one.
        self.dovecot = Process([SERVERS / "usr/bin/doveconf", "-c", configuration, "-e", program,
                                "-F", "-c", configuration], here / "dovecot-start.log", environment)
        wait_until(lambda: (queue / "private/auth").exists() or not self.dovecot.running(),
                   "Dovecot's socket")
        if not self.dovecot.running():
            raise RuntimeError("Dovecot ended: " + self.dovecot.log())

    def _accept_tokens(self, here):
        """JSON web tokens with HMAC-SHA-256 under token_key, whose sub is the user."""
        if self.token_key is None:
            return ""
        key = here / "keys/default/HS256/default"
        key.parent.mkdir(parents=True)
        key.write_text(base64.b64encode(self.token_key).decode())
        (here / "oauth2.conf").write_text(f"""
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={here}/keys/
username_attribute = sub
""")
        return f"""
passdb {{
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = {here}/oauth2.conf
}}"""

    # ---- Postfix ----------------------------------------------------------------------------
    def extra(self, etc):
        """More lines of main.cf, for subclasses; what they name may be made in `etc`."""
        return ""

    def _start_postfix(self):
        etc = self._make_folder("etc")
        data = self._make_folder("data", OWNER)
        self.mail = self._make_folder("mail", DELIVERY)
        environment = server_environment()
        delivery = pwd.getpwnam(DELIVERY)
        (etc / "main.cf").write_text(f"""
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
""" + self.extra(etc))
        (etc / "recipients").write_text("/^refused/ 550 5.1.1 no such user here\n")
        self.ports = {name: self.ports.get(name) or free_port()
                      for name in ("plain", "submission", "smtps")}
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
                wait_until(lambda port=port: self._greets(port), f"Postfix at port {port}")

    def _greets(self, port):
        if not self.master.running():
            raise RuntimeError("Postfix ended: " + self.master.log())
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as connection:
                connection.settimeout(5)
                return connection.recv(4).startswith(b"220")
        except OSError:
            return False

    def _filed(self, recipient):
        new = self.mail / "all" / "new"
        for path in sorted(new.iterdir()) if new.is_dir() else []:
            if path not in self.seen:
                self.seen[path] = Received(path)
        return [mail for mail in self.seen.values() if mail.recipient == recipient]

    def received(self, recipient, count=1):
        """The mails filed for a recipient, as soon as there are `count` of them."""
        def look():
            found = self._filed(recipient)
            return found if len(found) >= count else None
        return wait_until(look, f"mail for {recipient}")

    def count(self, recipient):
        """How many mails are filed for a recipient once the queue is empty."""
        queue = self.folder / "queue"
        wait_until(lambda: not any(path.is_file() for name in ("incoming", "active", "deferred")
                                   for path in (queue / name).rglob("*")), "an empty queue")
        return len(self._filed(recipient))

    def probe(self, name):
        """An smtplib client of one of the ports, for tests of this file itself."""
        kind = smtplib.SMTP_SSL if name == "smtps" else smtplib.SMTP
        return kind("127.0.0.1", self.ports[name], timeout=20)
