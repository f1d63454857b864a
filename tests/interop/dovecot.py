# SPDX-License-Identifier: MIT
"""A Dovecot of its own, from build/servers (scripts/unpack-servers): it answers for Postfix's SASL, or is a
submission server itself."""
import base64

from harness import SERVERS, Process, server_environment, wait_until

# Users who exist on every Debian and own no files of note.
INTERNAL, INTERNAL_GROUP, LOGIN = "nobody", "nogroup", "games"


class Dovecot:
    """Subclasses say in lines() what it serves, and in ready() when it does.

    users       name -> password
    token_key   JSON web tokens with HMAC-SHA-256 under this key are taken; their sub is the user
    """

    def __init__(self, folder, users, mechanisms, token_key=None):
        self.folder = folder / "dovecot"
        self.users = users
        self.mechanisms = mechanisms
        self.token_key = token_key
        self.process = None

    # A command that runs Dovecot in its own place.
    wrapper = ()

    def lines(self):
        raise NotImplementedError

    def ready(self):
        raise NotImplementedError

    def __enter__(self):
        self.folder.mkdir(parents=True)
        users = self.folder / "users"
        users.write_text(
            "".join(f"{name}:{{PLAIN}}{word}\n" for name, word in self.users.items()))
        users.chmod(0o644)
        configuration = self.folder / "dovecot.conf"
        environment = server_environment()
        configuration.write_text(self._configuration(environment) + self.lines())
        # doveconf reads the file and starts the program: it stands in for the installed one.
        self.process = Process([*self.wrapper, SERVERS / "usr/bin/doveconf", "-c", configuration,
                                "-e", SERVERS / "usr/sbin/dovecot", "-F", "-c", configuration],
                               self.folder / "dovecot-start.log", environment)
        wait_until(lambda: self.ready() or not self.process.running(), "Dovecot")
        if not self.process.running():
            raise RuntimeError("Dovecot ended: " + self.process.log())
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.stop()

    def _configuration(self, environment):
        here = self.folder
        return f"""
base_dir = {here}/run
state_dir = {here}/state
libexec_dir = {SERVERS}/usr/lib/dovecot
import_environment = $import_environment LD_LIBRARY_PATH={environment['LD_LIBRARY_PATH']}
log_path = {here}/dovecot.log
auth_mechanisms = {" ".join(self.mechanisms).lower()}
{self._accept_tokens()}
disable_plaintext_auth = no
auth_failure_delay = 0
auth_username_chars =
default_internal_user = {INTERNAL}
default_internal_group = {INTERNAL_GROUP}
default_login_user = {LOGIN}
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
"""

    def _accept_tokens(self):
        if self.token_key is None:
            return ""
        key = self.folder / "keys/default/HS256/default"
        key.parent.mkdir(parents=True)
        key.write_text(base64.b64encode(self.token_key).decode())
        (self.folder / "oauth2.conf").write_text(f"""
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={self.folder}/keys/
username_attribute = sub
""")
        return f"""
passdb {{
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = {self.folder}/oauth2.conf
}}"""
