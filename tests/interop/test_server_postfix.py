#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The cases of servercases.py with Postfix."""
import harness
from postfix import LimitedPostfix
from servercases import PASSWORD, USER, ServerCases


class WithPostfix(ServerCases):
    @classmethod
    def make(cls, folder, authority):
        return LimitedPostfix(folder, authority, {USER: PASSWORD})


# Only the subclass is a test of this file.
del ServerCases

if __name__ == "__main__":
    harness.main()
