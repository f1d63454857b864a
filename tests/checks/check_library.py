#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the built library asks of an embedder.

Reads the optimised libpostmodem.a: every undefined symbol must be defined in the library itself
or be one of the six functions of <string.h>, or a helper that a compiler may call by itself; no
object may hold writable data; every public symbol starts with pm_ and is defined once (in an
archive the linker takes the first of two without a word).

Usage: check_library.py LIBRARY [NM [OBJDUMP]]
"""
import re
import subprocess
import sys

LIBRARY_FUNCTIONS = {"memcpy", "memmove", "memset", "memcmp", "memchr", "strlen"}
# What gcc and clang emit without being asked: the offset table of position-independent code,
# clang's form of `memcmp() == 0`, and 64-bit arithmetic and moves on 32-bit Arm.
COMPILER_HELPERS = {
    "_GLOBAL_OFFSET_TABLE_", "bcmp",
    "__aeabi_memcpy", "__aeabi_memcpy4", "__aeabi_memcpy8", "__aeabi_memmove",
    "__aeabi_memmove4", "__aeabi_memmove8", "__aeabi_memset", "__aeabi_memset4",
    "__aeabi_memset8", "__aeabi_memclr", "__aeabi_memclr4", "__aeabi_memclr8",
    "__aeabi_uldivmod", "__aeabi_ldivmod", "__aeabi_llsl", "__aeabi_llsr", "__aeabi_lmul",
    "__aeabi_uidiv", "__aeabi_uidivmod", "__aeabi_idiv", "__aeabi_idivmod",
}
# .data.rel.ro is constant once the program is loaded: tables that hold addresses.
WRITABLE = re.compile(r"^\.(data(?!\.rel\.ro)|bss|tdata|tbss|sdata|sbss)|^COMMON$|^\*COM\*$")


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def symbols(nm, library):
    """(undefined, defined and visible) names of all members, and those defined twice."""
    undefined, defined, twice = set(), set(), set()
    for line in output_of(nm, "-g", library).splitlines():
        match = re.match(r"^[0-9a-f]*\s+([A-Za-z])\s+(\S+)$", line)
        if match:
            if match[1] not in "Uwv" and match[2] in defined:
                twice.add(match[2])
            (undefined if match[1] in "Uwv" else defined).add(match[2])
    return undefined, defined, twice


def writable_sections(objdump, library):
    member = "?"
    for line in output_of(objdump, "-h", "-w", library).splitlines():
        if ":     file format" in line:
            member = line.split(":")[0]
        match = re.match(r"^\s*\d+\s+(\S+)\s+([0-9a-f]+)\s", line)
        if match and WRITABLE.match(match[1]) and int(match[2], 16) > 0:
            yield f"{member}: {int(match[2], 16)} bytes of writable data in {match[1]}"


def common_symbols(nm, library):
    for line in output_of(nm, "-g", library).splitlines():
        match = re.match(r"^[0-9a-f]*\s+C\s+(\S+)$", line)
        if match:
            yield f"{match[1]}: writable common symbol"


def main():
    library = sys.argv[1]
    nm = sys.argv[2] if len(sys.argv) > 2 else "nm"
    objdump = sys.argv[3] if len(sys.argv) > 3 else "objdump"
    undefined, defined, twice = symbols(nm, library)
    findings = [f"undefined symbol {name} is not on the list"
                for name in sorted(undefined - defined - LIBRARY_FUNCTIONS - COMPILER_HELPERS)]
    findings += [f"public symbol {name} does not start with pm_"
                 for name in sorted(defined) if not name.startswith("pm_")]
    findings += [f"symbol {name} is defined twice" for name in sorted(twice)]
    findings += writable_sections(objdump, library)
    findings += common_symbols(nm, library)
    print("\n".join(findings))
    print(f"{len(defined)} symbols defined, asks for: "
          f"{' '.join(sorted(undefined - defined)) or 'nothing'}; {len(findings)} findings")
    return 1 if findings or not defined else 0


if __name__ == "__main__":
    sys.exit(main())
