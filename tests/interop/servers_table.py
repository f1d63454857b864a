#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints what came out of the test_server_*.py of a build: server x case x result.

Usage: servers_table.py FOLDER, where each of them has left its column.
"""
import pathlib
import sys


def main(folder):
    columns = {path.name: dict(line.split("\t") for line in path.read_text().splitlines())
               for path in sorted(pathlib.Path(folder).glob("*"))}
    if not columns:
        print("(No test of the table in docs/servers.md was among these.)")
        return
    cases = list(dict.fromkeys(case for column in columns.values() for case in column))
    rows = [["case", *columns]] + [[case, *(column.get(case, "-") for column in columns.values())]
                                   for case in cases]
    widths = [max(map(len, cells)) for cells in zip(*rows)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


if __name__ == "__main__":
    main(*sys.argv[1:])
