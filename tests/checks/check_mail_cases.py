#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/mail-cases.md names tests that exist for each of its rows, and a row for every hostile case.

Usage: check_mail_cases.py ROOT
"""
import pathlib
import re
import sys

ROW = re.compile(r"^\| ([A-Z][\w.]*) \|(.*)\|$")
TEST = re.compile(r"`(cases|unit\.\w+|interop\.\w+):([\w.-]+)`")
# Rows that must not get lost.
WANTED = {f"S{n}" for n in range(1, 9)} | {f"C{n}" for n in range(1, 12)} | {
    "INJECTION", "BODY", "REPLY", "RCPT", "BDAT", "CUT", "SIZE", "REUSE", "AUTH", "PIPE", "PLATFORM"}


def cases(root):
    """Names of all hostile cases. Each ends with what must come of it: the player sees to that."""
    for path in sorted((root / "tests/hostile").glob("*.smtp")):
        yield from re.findall(r"^case (\S+)$", path.read_text(encoding="utf-8"), re.M)


def exists(root, group, function):
    kind, _, name = group.partition(".")
    path = root / "tests" / kind / f"test_{name}.{'c' if kind == 'unit' else 'py'}"
    if not path.is_file():
        return False
    text, name = path.read_text(encoding="utf-8"), re.escape(function)
    if kind == "interop":
        return re.search(rf"^    def {name}\(self\)", text, re.M) is not None
    # In the list of tests: cmocka's macros, or one of the file's own that stands for them.
    code = re.sub(r"(?s)/\*.*?\*/", "", text)
    return re.search(rf"\b(?:cmocka_unit_test\w*|\w*TEST)\({name}\b", code) is not None


def covers(prefix, case):
    """A case of the prefix: S1 is no S10."""
    return case == prefix or case.startswith((prefix + ".", prefix + "-")) or (
        "." in prefix and case.startswith(prefix))


def check(root):
    names = list(cases(root))
    seen, prefixes = [], set()
    for line in (root / "docs/mail-cases.md").read_text(encoding="utf-8").splitlines():
        row = ROW.match(line)
        if not row:
            continue
        seen.append(row[1])
        tests = TEST.findall(row[2])
        if not tests:
            yield f"{row[1]}: no test"
        for group, name in tests:
            if group == "cases":
                prefixes.add(name)
                if not any(covers(name, case) for case in names):
                    yield f"{row[1]}: no case {name}"
            elif not exists(root, group, name):
                yield f"{row[1]}: no test {group}:{name}"
    for name in {name for name in seen if seen.count(name) > 1}:
        yield f"{name}: two rows"
    for name in WANTED - {part for name in seen for part in (name, name.split(".")[0])}:
        yield f"{name}: no row"
    for name in names:
        if not any(covers(prefix, name) for prefix in prefixes):
            yield f"{name}: a case without a row"
        if names.count(name) > 1:
            yield f"{name}: two cases"


def main():
    findings = sorted(set(check(pathlib.Path(sys.argv[1]))))
    print("\n".join(findings))
    print(f"{len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
