#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The cases of servercases.py with OpenSMTPD."""
import harness
from opensmtpd import OpenSmtpd
from servercases import PASSWORD, USER, ServerCases


class WithOpenSmtpd(ServerCases):
    @classmethod
    def make(cls, folder, authority):
        return OpenSmtpd(folder, authority, {USER: PASSWORD})


# Only the subclass is a test of this file.
del ServerCases

if __name__ == "__main__":
    harness.main()
