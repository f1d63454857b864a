#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The cases of servercases.py and serverextensions.py with Dovecot's submission server."""
import harness
from servercases import KEY, PASSWORD, USER
from serverextensions import AllServerCases
from submission import Submission


class WithDovecot(AllServerCases):
    @classmethod
    def make(cls, folder, authority):
        return Submission(folder, authority, {USER: PASSWORD}, KEY)


# Only the subclass is a test of this file.
del AllServerCases

if __name__ == "__main__":
    harness.main()
