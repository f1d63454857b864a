# SPDX-License-Identifier: MIT
"""Dovecot's submission server for one test class, which hands all mail to a Postfix of its own.

All ports want AUTH: plain without TLS, submission with STARTTLS offered, smtps with TLS from the first
byte. Whoever comes by 127.0.0.2 is told SIZE 100000; mail by 127.0.0.3 has no limit told, and the Postfix
refuses more than 100000 bytes of it after the data.
"""
import pathlib
import re
import subprocess

from dovecot import Dovecot
from harness import SERVERS, free_port, greets, needs_root, needs_unpacked, \
    server_environment, wait_until
from postfix import LimitedPostfix


class Submission(Dovecot):
    name = "Dovecot"
    hosts = {"small": "127.0.0.2", "late": "127.0.0.3"}
    # Its TLS is a module in a folder that is compiled in: for Dovecot alone, what is unpacked lies over /usr/lib.
    wrapper = ("unshare", "--mount", "sh", "-c",
               'mount -t overlay overlay -o lowerdir="$0:/usr/lib" /usr/lib && exec "$@"',
               SERVERS / "usr/lib")

    def __init__(self, folder, authority, users, token_key):
        needs_root()
        needs_unpacked("usr/lib/dovecot/submission")
        self.base = pathlib.Path(folder) / "submission"
        self.base.mkdir()
        self.postfix = LimitedPostfix(folder, authority, users)
        self.certificate, self.key = authority.issue()
        self.ports = {name: free_port() for name in ("plain", "submission", "smtps")}
        self.ports.update(small=self.ports["plain"], late=self.ports["plain"])
        account = next(iter(users.items()))
        self.accounts = dict.fromkeys(("plain", "small", "late"), account)
        super().__init__(self.base, users, ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256",
                                            "OAUTHBEARER", "XOAUTH2"), token_key)

    def __enter__(self):
        self.postfix.__enter__()
        self.received, self.count = self.postfix.received, self.postfix.count
        try:
            super().__enter__()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        super().__exit__()
        self.postfix.__exit__()

    def lines(self):
        return f"""
protocols = submission
ssl = yes
ssl_cert = <{self.certificate}
ssl_key = <{self.key}
hostname = dovecot.postmodem.test
login_log_format_elements = user=<%u> method=%m session=<%{{session}}> %k
mail_location = maildir:{self.base}/mail
submission_relay_host = 127.0.0.1
submission_relay_port = {self.postfix.ports["plain"]}
local 127.0.0.2 {{
  submission_max_mail_size = 100000
}}
local 127.0.0.3 {{
  submission_relay_port = {self.postfix.ports["late"]}
}}
service submission-login {{
  inet_listener submission {{
    port = 0
  }}
  inet_listener submissions {{
    port = 0
  }}
  inet_listener plain {{
    address = 127.0.0.1 127.0.0.2 127.0.0.3
    port = {self.ports["plain"]}
  }}
  inet_listener starttls {{
    address = 127.0.0.1
    port = {self.ports["submission"]}
  }}
  inet_listener tls {{
    address = 127.0.0.1
    port = {self.ports["smtps"]}
    ssl = yes
  }}
}}
"""

    def ready(self):
        return greets(self.ports["plain"], self.process)

    def version(self):
        text = subprocess.run([SERVERS / "usr/sbin/dovecot", "--version"], check=True,
                              capture_output=True, text=True, env=server_environment()).stdout
        return re.match(r"\S+", text)[0]

    def tls_of(self, mail):
        """The TLS version of the login by which a mail came, None without TLS."""
        number = re.search(rb"by dovecot\S+ with \S+\s+id (\S+)", mail.raw)[1].decode()
        relayed = re.compile(rf"<([^<>]+)>: Info: Successfully relayed .*id={re.escape(number)},")

        # Dovecot writes it when the Postfix may have filed the mail already.
        def log():
            text = (self.folder / "dovecot.log").read_text()
            return text if relayed.search(text) else None
        text = wait_until(log, "the line of a mail in Dovecot's log")
        session = relayed.search(text)[1]
        found = re.search(rf"Login: .*session=<{re.escape(session)}>, (TLSv1\.[23])", text)
        return found and found[1]
