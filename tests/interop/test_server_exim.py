#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The cases of servercases.py with Exim."""
import harness
from exim import Exim
from servercases import PASSWORD, USER, ServerCases


class WithExim(ServerCases):
    @classmethod
    def make(cls, folder, authority):
        return Exim(folder, authority, {USER: PASSWORD})


# Only the subclass is a test of this file.
del ServerCases

if __name__ == "__main__":
    harness.main()
