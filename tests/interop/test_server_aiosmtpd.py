#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The cases of servercases.py with aiosmtpd."""
import harness
from aiosinks import AioSinks
from servercases import PASSWORD, USER, ServerCases


class WithAiosmtpd(ServerCases):
    @classmethod
    def make(cls, folder, authority):
        return AioSinks(folder, authority, {USER: PASSWORD})


# Only the subclass is a test of this file.
del ServerCases

if __name__ == "__main__":
    harness.main()
