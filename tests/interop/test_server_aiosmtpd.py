#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The cases of servercases.py and serverextensions.py with aiosmtpd."""
import harness
from aiosinks import AioSinks
from servercases import PASSWORD, USER
from serverextensions import AllServerCases


class WithAiosmtpd(AllServerCases):
    @classmethod
    def make(cls, folder, authority):
        return AioSinks(folder, authority, {USER: PASSWORD})


# Only the subclass is a test of this file.
del AllServerCases

if __name__ == "__main__":
    harness.main()
