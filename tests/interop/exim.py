# SPDX-License-Identifier: MIT
"""An Exim of its own for one test class, from build/servers (scripts/unpack-servers).

It runs without any privilege, as nobody if the tests are root's. Ports of 127.0.0.1:
    plain       no TLS, no AUTH
    submission  STARTTLS and AUTH offered
    smtps       TLS from the first byte, AUTH offered
    small       as plain, with SIZE 100000
    late        as plain, no limit told: what is beyond 100000 bytes gets 552 after the data
Mail for any domain is taken and filed in one Maildir, once for each recipient. Addresses that
start with "refused" get 550 at RCPT.
"""
import os
import pathlib
import pwd
import re
import shutil

from harness import SERVERS, Process, free_port, greets, needs_unpacked, server_environment, \
    wait_until
from maildir import Maildir

SMALL = 100000


class Exim:
    name = "Exim"
    mechanisms = ("PLAIN", "LOGIN", "CRAM-MD5", "EXTERNAL")

    def __init__(self, folder, authority, users):
        needs_unpacked("usr/sbin/exim4")
        self.folder = pathlib.Path(folder) / "exim"
        self.users = users
        self.authority = authority
        self.certificate, self.key = authority.issue()
        self.ports = {name: free_port()
                      for name in ("plain", "submission", "smtps", "small", "late")}
        self.process = None

    def __enter__(self):
        owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        for name in ("", "spool", "log", "mail", "mail/all"):
            (self.folder / name).mkdir()
            os.chown(self.folder / name, owner.pw_uid, owner.pw_gid)
        # Beside the test, and not set-user-ID: Exim starts itself again for deliveries, with what
        # LD_PRELOAD and LD_LIBRARY_PATH say.
        self.program = self.folder / "exim4"
        shutil.copy(SERVERS / "usr/sbin/exim4", self.program)
        self.program.chmod(0o755)
        key = self.folder / "key.pem"
        shutil.copy(self.key, key)
        os.chown(key, owner.pw_uid, owner.pw_gid)
        configuration = self.folder / "exim.conf"
        configuration.write_text(self._configuration(owner))
        # Debian's Exim insists on its own user, who need not exist here.
        (self.folder / "passwd").write_text(
            f"Debian-exim:x:{owner.pw_uid}:{owner.pw_gid}::/nonexistent:/bin/false\n")
        (self.folder / "group").write_text(f"Debian-exim:x:{owner.pw_gid}:\n")
        self.environment = dict(server_environment(), LD_PRELOAD="libnss_wrapper.so",
                                NSS_WRAPPER_PASSWD=str(self.folder / "passwd"),
                                NSS_WRAPPER_GROUP=str(self.folder / "group"))
        as_owner = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}",
                    "--clear-groups"] if os.geteuid() == 0 else []
        self.process = Process([*as_owner, self.program, "-C", configuration, "-bdf"],
                               self.folder / "exim.log", self.environment)
        try:
            for name, port in self.ports.items():
                if name != "smtps":
                    wait_until(lambda port=port: greets(port, self.process), f"Exim at {port}")
        except BaseException:
            self.__exit__()
            raise
        self.maildir = Maildir(self.folder / "mail/all", "Envelope-To")
        self.received = self.maildir.received
        return self

    def __exit__(self, *_):
        self.process.stop()

    def _configuration(self, owner):
        ports = self.ports
        words = "".join(f"{name}: {word}\n" for name, word in self.users.items())
        (self.folder / "words").write_text(words)
        word = f"${{lookup{{$auth1}}lsearch{{{self.folder}/words}}{{$value}}fail}}"
        right = f"eq{{$auth%d}}{{${{lookup{{$auth%d}}lsearch{{{self.folder}/words}}{{$value}}{{\\n}}}}}}"
        with_tls = "or{{eq{$received_port}{%d}}{eq{$received_port}{%d}}}" % (
            ports["submission"], ports["smtps"])
        return f"""
primary_hostname = exim.postmodem.test
spool_directory = {self.folder}/spool
log_file_path = {self.folder}/log/%s.log
pid_file_path =
exim_path = {self.program}
keep_environment = LD_PRELOAD : LD_LIBRARY_PATH : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP
exim_user = {owner.pw_uid}
exim_group = {owner.pw_gid}
deliver_drop_privilege
never_users =
trusted_users = {owner.pw_uid}
local_interfaces = {" : ".join(f"127.0.0.1.{port}" for port in ports.values())}
tls_on_connect_ports = {ports["smtps"]}
tls_certificate = {self.certificate}
tls_privatekey = {self.folder}/key.pem
tls_verify_certificates = {self.authority.certificate}
tls_try_verify_hosts = *
tls_advertise_hosts = ${{if {with_tls}{{*}}{{}}}}
auth_advertise_hosts = ${{if {with_tls}{{*}}{{}}}}
pipelining_advertise_hosts = *
chunking_advertise_hosts = *
dsn_advertise_hosts = *
message_size_limit = ${{if eq{{$received_port}}{{{ports["small"]}}}{{{SMALL}}}{{0}}}}
host_lookup =
rfc1413_hosts =
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
bounce_message_file =
acl_smtp_rcpt = rcpt
acl_smtp_data = data

begin acl
rcpt:
  deny local_parts = ^refused
       message = 550 5.1.1 no such user here
  accept
data:
  deny condition = ${{if and{{{{eq{{$received_port}}{{{ports["late"]}}}}}{{>{{$message_size}}{{{SMALL}}}}}}}}}
       message = 552 5.3.4 too large
  accept

begin routers
all:
  driver = accept
  transport = file

begin transports
file:
  driver = appendfile
  maildir_format
  directory = {self.folder}/mail/all
  envelope_to_add
  return_path_add
  user = {owner.pw_uid}
  group = {owner.pw_gid}

begin authenticators
external:
  driver = external
  public_name = EXTERNAL
  server_advertise_condition = ${{if eq{{$tls_in_certificate_verified}}{{1}}}}
  server_param2 = ${{certextract{{subj_altname,mail}}{{$tls_in_peercert}}}}
  server_condition = ${{lookup{{$auth2}}lsearch{{{self.folder}/words}}{{yes}}{{no}}}}
  server_set_id = $auth2
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if {right % (3, 2)}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = ${{if {right % (2, 1)}}}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = {word}
  server_set_id = $auth1
"""

    def version(self):
        log = (self.folder / "log/main.log").read_text()
        return re.search(r"exim (\S+) daemon started", log)[1]

    def count(self, recipient):
        """How many mails are filed for a recipient once the queue is empty."""
        queue = self.folder / "spool/input"
        wait_until(lambda: not queue.is_dir() or not any(path.is_file() for path in queue.rglob("*")),
                   "an empty queue")
        return len(self.maildir.filed(recipient))

    @staticmethod
    def tls_of(mail):
        """The TLS version that the server saw, None without TLS."""
        found = re.search(r"\((TLS1\.[23])\)", mail.received)
        return found and found[1].replace("TLS", "TLSv")
