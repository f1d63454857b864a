#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The cases of servercases.py and serverextensions.py with OpenSMTPD."""
import harness
from opensmtpd import OpenSmtpd
from servercases import PASSWORD, USER
from serverextensions import AllServerCases


class WithOpenSmtpd(AllServerCases):
    @classmethod
    def make(cls, folder, authority):
        return OpenSmtpd(folder, authority, {USER: PASSWORD})


# Only the subclass is a test of this file.
del AllServerCases

if __name__ == "__main__":
    harness.main()
