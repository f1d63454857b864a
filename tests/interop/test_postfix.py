#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The main job against Postfix: plain, STARTTLS and implicit TLS, SASL through Dovecot."""
import harness
from certificates import Authority
from mailcases import MailCases
from postfix import Postfix


class WithPostfix(MailCases):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.share()
        cls.authority = Authority(cls.shared.folder)
        cls.server = cls.shared.enter_context(Postfix(cls.shared.folder, cls.authority))


# Only the subclass is a test of this file.
del MailCases

if __name__ == "__main__":
    harness.main()
