#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A program and a library that were compiled with different sizes must not link.

Doubles each number of config.h in turn. Where that changes a struct, the example embed.c compiled
with it must not link with the library that was built without, and the linker must name an _init
function. With the sizes of the library it must link, or nothing would be proven.

Usage: check_sizes.py ROOT LIBRARY [CC]
"""
import pathlib
import re
import subprocess
import sys
import tempfile

SIZE = re.compile(r"^#define (PM_[A-Z0-9_]+) (\d+)$", re.MULTILINE)
STRUCT = re.compile(r"^struct (pm_\w+) \{", re.MULTILINE)


class Checker:
    def __init__(self, root, library, compiler, folder):
        self.root, self.library, self.compiler = root, library, compiler
        self.folder = pathlib.Path(folder)

    def compile(self, options, *arguments):
        return subprocess.run([self.compiler, "-std=c11", "-w", *options, "-I",
                               str(self.root / "include"), *arguments],
                              capture_output=True, text=True, check=False)

    def layout(self, options):
        """The sizes of the structs, as bytes of an object file's assembler text."""
        source = self.folder / "layout.c"
        headers = sorted((self.root / "include" / "postmodem").glob("*.h"))
        sizes = ", ".join(f"sizeof(struct {name})" for header in headers
                          for name in STRUCT.findall(header.read_text()))
        source.write_text('#include "postmodem/module.h"\n'
                          f"const unsigned long layout[] = {{{sizes}}};\n")
        result = self.compile(options, "-S", "-o", "-", str(source))
        if result.returncode != 0:
            sys.exit(f"does not compile with {options}: {result.stderr}")
        return re.findall(r"^\s*\.(?:quad|xword|long|word|zero)\s.*$", result.stdout, re.MULTILINE)

    def link(self, options):
        return self.compile(options, str(self.root / "examples" / "embed.c"), str(self.library),
                            "-o", str(self.folder / "embed"))


def main():
    root, library = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
    compiler = sys.argv[3] if len(sys.argv) > 3 else "cc"
    sizes = SIZE.findall((root / "include" / "postmodem" / "config.h").read_text())
    findings, told = [], []
    with tempfile.TemporaryDirectory() as folder:
        checker = Checker(root, library, compiler, folder)
        usual = checker.layout([])
        if checker.link([]).returncode != 0:
            findings.append("does not link with the sizes of the library")
        for name, number in sizes:
            options = [f"-D{name}={2 * int(number)}"]
            if checker.layout(options) == usual:
                continue
            result = checker.link(options)
            if result.returncode == 0:
                findings.append(f"{name} changes a struct and links: PM_SIZED lacks it")
            elif not re.search(r"pm_\w+_init_\d+", result.stderr):
                findings.append(f"{name}: the linker does not name an _init:\n{result.stderr}")
            else:
                told.append(name)
    print("\n".join(findings))
    print(f"{len(sizes)} numbers, {len(told)} change a struct; {len(findings)} findings")
    return 1 if findings or not told else 0


if __name__ == "__main__":
    sys.exit(main())
