#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rules about the text of all sources: short functions, a licence line, nothing left behind.

A function runs from a brace in the first column to the closing one there, as clang-format lays
it out; main() of a test, which lists the cases, may be longer. The portable part must also keep
away from floating point and the heap, which no undefined symbol would show on every machine.

Usage: check_sources.py ROOT
"""
import pathlib
import re
import sys

LONGEST_FUNCTION = 60
FOLDERS = ("src", "include", "examples", "tests", "bench", "scripts", "cmake", ".ci")
TOP_FILES = ("CMakeLists.txt", "Makefile")
SUFFIXES = {".c", ".h", ".py", ".sh", ".cmake"}
PORTABLE = ("src/base/", "src/at/", "src/mime/", "src/smtp/", "src/module/", "include/")
# Put together here, so that this file does not find itself.
LEFT_BEHIND = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"))
                         + r")\b")
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
FORBIDDEN_WORD = re.compile(r"\b(float|double|malloc|calloc|realloc|free|alloca|setjmp|longjmp)\b"
                            r"(?=\s*[(*\w])")


def sources(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if not path.is_file() or "corpus" in path.parts or "__pycache__" in path.parts:
                continue
            if path.suffix in SUFFIXES or path.name == "CMakeLists.txt" or is_script(path):
                yield path
    yield from (root / name for name in TOP_FILES if (root / name).is_file())


def is_script(path):
    with path.open("rb") as file:
        return not path.suffix and file.read(2) == b"#!"


def long_functions(path, lines):
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            signature = lines[start - 2] if start > 1 else ""
            exempt = "tests" in path.parts and re.search(r"\bmain\(", signature)
            if number - start + 1 > LONGEST_FUNCTION and not exempt:
                yield start, f"function of {number - start + 1} lines: {signature.strip()}"
            start = None


def bare_code(text):
    """The text with comments and strings blanked out, line numbers kept."""
    return COMMENT_OR_STRING.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


def check_file(root, path):
    relative = path.relative_to(root)
    text = path.read_text(errors="replace")
    lines = text.splitlines()
    if not any("SPDX-License-Identifier: MIT" in line for line in lines[:3]):
        yield f"{relative}:1: no SPDX line"
    for number, line in enumerate(lines, 1):
        if LEFT_BEHIND.search(line):
            yield f"{relative}:{number}: left behind: {line.strip()}"
    if path.suffix in {".c", ".h"}:
        for number, finding in long_functions(relative, lines):
            yield f"{relative}:{number}: {finding}"
    if str(relative).startswith(PORTABLE):
        for number, line in enumerate(bare_code(text).splitlines(), 1):
            if FORBIDDEN_WORD.search(line):
                yield f"{relative}:{number}: not in the portable part: {line.strip()}"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    files = list(sources(root))
    findings = [finding for path in files for finding in check_file(root, path)]
    print("\n".join(findings))
    print(f"{len(files)} files, {len(findings)} findings")
    return 1 if findings or not files else 0


if __name__ == "__main__":
    sys.exit(main())
