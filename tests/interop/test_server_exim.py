#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The cases of servercases.py and serverextensions.py with Exim."""
import harness
from exim import Exim
from servercases import PASSWORD, USER
from serverextensions import AllServerCases


class WithExim(AllServerCases):
    @classmethod
    def make(cls, folder, authority):
        return Exim(folder, authority, {USER: PASSWORD})


# Only the subclass is a test of this file.
del AllServerCases

if __name__ == "__main__":
    harness.main()
