# SPDX-License-Identifier: MIT
"""Bearer tokens as an OAuth 2.0 server would issue them, for a Dovecot that has the key."""
import base64
import hashlib
import hmac
import json
import time

TOKENS = ("OAUTHBEARER", "XOAUTH2")


def bare_base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(user, key, lasts=3600, padding=0):
    """A JSON web token for `user` (RFC 7519), signed with HMAC-SHA-256 under `key`."""
    now = int(time.time())
    claims = {"sub": user, "iat": now - 7200, "exp": now + lasts, "pad": "x" * padding}
    parts = ".".join(bare_base64(json.dumps(part).encode())
                     for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return parts + "." + bare_base64(hmac.new(key, parts.encode(), hashlib.sha256).digest())
