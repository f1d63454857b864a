#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The cases of servercases.py with Dovecot's submission server."""
import harness
from servercases import KEY, PASSWORD, USER, ServerCases
from submission import Submission


class WithDovecot(ServerCases):
    @classmethod
    def make(cls, folder, authority):
        return Submission(folder, authority, {USER: PASSWORD}, KEY)


# Only the subclass is a test of this file.
del ServerCases

if __name__ == "__main__":
    harness.main()
