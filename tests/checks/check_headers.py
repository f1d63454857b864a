#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each public header compiles when it is the only one included, as C11 and as C++17, without a
warning, and declares its functions with C names. A header that is a part of another one says which.

Usage: check_headers.py ROOT [COMPILER...]    compilers that are not there are named and left out
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror")
PART = re.compile(r'^#error "include (postmodem/\w+\.h)"$', re.MULTILINE)
FUNCTION = re.compile(r"^(?:[a-z][\w ]*[ *])(pm_\w+)\(", re.MULTILINE)


def languages(compiler):
    """The suffix and options of a compiler's language: C++ for those that end in ++."""
    return (".cpp", "-std=c++17") if re.search(r"\+\+(-\d+)?$", compiler) else (".c", "-std=c11")


def compile_text(compiler, root, text, *options):
    suffix, standard = languages(compiler)
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / ("one" + suffix)
        source.write_text(text)
        return subprocess.run(
            [compiler, standard, *WARNINGS, *options, "-I", str(root / "include"), str(source)],
            capture_output=True, text=True, check=False)


def alone(compiler, root, header):
    """Complaints about a header that is included by itself, or that says where it belongs."""
    name = f"postmodem/{header.name}"
    part = PART.search(header.read_text())
    result = compile_text(compiler, root, f'#include "{name}"\nextern int one;\n', "-fsyntax-only")
    if part:
        if result.returncode == 0 or f"include {part[1]}" not in result.stderr:
            yield f"{name}: does not point to {part[1]} with {compiler}"
        text = f'#include "{part[1]}"\n#include "{name}"\n'
        result = compile_text(compiler, root, text, "-fsyntax-only")
    if result.returncode != 0:
        yield f"{name}: does not compile with {compiler}:\n{result.stderr}"


def c_names(compiler, root, header):
    """Complaints about functions whose names a C++ compiler would mangle."""
    names = FUNCTION.findall(header.read_text())
    uses = "".join(f"extern void *volatile use{i};\nvoid *volatile use{i} = (void *)&{name};\n"
                   for i, name in enumerate(names))
    result = compile_text(compiler, root, f'#include "postmodem/{header.name}"\n{uses}',
                          "-S", "-o", "-")
    if result.returncode != 0:
        yield f"postmodem/{header.name}: addresses of functions with {compiler}:\n{result.stderr}"
    for name in re.findall(r"\b_Z\w*pm_\w+", result.stdout):
        yield f"postmodem/{header.name}: {name} has no C name with {compiler}"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    compilers = sys.argv[2:] or ["gcc", "clang", "g++", "clang++"]
    headers = sorted((root / "include" / "postmodem").glob("*.h"))
    findings, used = [], []
    for compiler in compilers:
        if shutil.which(compiler) is None:
            print(f"{compiler} is not installed: left out")
            continue
        used.append(compiler)
        for header in headers:
            findings += alone(compiler, root, header)
            if languages(compiler)[0] == ".cpp" and not PART.search(header.read_text()):
                findings += c_names(compiler, root, header)
    print("\n".join(findings))
    print(f"{len(headers)} headers, {' '.join(used)}; {len(findings)} findings")
    return 1 if findings or not headers or not used else 0


if __name__ == "__main__":
    sys.exit(main())
