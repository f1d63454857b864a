#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manual pages say what the program says of itself, and are well-formed.

* Each option that `postmodem COMMAND --help` lists has a paragraph in the section OPTIONS OF COMMAND of
  postmodem.1, and each option there is in the help; likewise the commands, in the synopsis and in
  `postmodem --help`.
* Each key of `postmodem serve --help` has a paragraph in postmodem.conf.5, and no other key has.
* man and groff have nothing to say against the pages (left out, and said so, where there is neither).

Usage: check_manual.py ROOT PROGRAM
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

OPTION = re.compile(r"--[a-z][a-z0-9-]*")


def plain(roff):
    """The text of a line of roff: no fonts, no escapes."""
    roff = re.sub(r"^\.(B|I|BI|BR|RB|IR|RI|IB|TP|SH|SS)\b ?", "", roff)
    return re.sub(r"\\f[BIRP]|\\:|\"", "", roff).replace("\\-", "-").replace("\\e", "\\")


def sections(page):
    """{heading: [lines]} of a manual page."""
    found, heading = {}, ""
    for text in page.splitlines():
        if text.startswith(".SH "):
            heading = plain(text)
        found.setdefault(heading, []).append(text)
    return found


def tags(lines):
    """The tags of the tagged paragraphs."""
    return [plain(lines[at + 1]) for at, text in enumerate(lines[:-1]) if text == ".TP"]


def output(program, *arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=True,
                          stdin=subprocess.DEVNULL).stdout


def commands(usage):
    """The commands of `postmodem --help`, and whether they take options."""
    found = {}
    for match in re.finditer(r"^  postmodem ([a-z][a-z-]*[a-z])(.*)$", usage, re.MULTILINE):
        found[match[1]] = found.get(match[1], False) or "[" in match[2]
    return found


def differences(one, other, words):
    """What one side has and the other lacks; `words` name the sides."""
    yield from (f"{what} is in {words[0]}, not in {words[1]}" for what in sorted(one - other))
    yield from (f"{what} is in {words[1]}, not in {words[0]}" for what in sorted(other - one))


def check_options(program, page):
    parts = sections(page)
    usage = output(program, "--help")
    named = set(re.findall(r"^postmodem ([a-z][a-z-]*[a-z])", "\n".join(
        plain(text) for text in parts.get("SYNOPSIS", [])), re.MULTILINE))
    yield from differences(set(commands(usage)), named,
                           ("postmodem --help", "the synopsis of postmodem.1"))
    for command, takes_options in commands(usage).items():
        if not takes_options:
            continue
        text = output(program, command, "--help").split("\nKeys:")[0]
        helped = set(OPTION.findall("\n".join(re.findall(r"^ +(--.*?)(?:  |$)", text,
                                                         re.MULTILINE))))
        heading = f"OPTIONS OF {command.upper()}"
        written = set(OPTION.findall("\n".join(tags(parts.get(heading, [])))))
        yield from differences(helped, written, (f"postmodem {command} --help", heading))
        if not helped:
            yield f"postmodem {command} --help lists no option"


def check_keys(program, page):
    keys = re.findall(r"^  ([a-z][\w.]*) = ", output(program, "serve", "--help"), re.MULTILINE)
    lines = [text for name, part in sections(page).items() if name != "EXIT STATUS"
             for text in part]
    yield from differences(set(keys), set(tags(lines)),
                           ("postmodem serve --help", "postmodem.conf.5"))
    if not keys:
        yield "postmodem serve --help lists no key"


def check_form(path):
    """What the formatters complain about."""
    environment = dict(os.environ, LC_ALL="C.UTF-8", MANWIDTH="80", MANROFFSEQ="")
    tools = {"man": ["man", "--warnings", "-E", "UTF-8", "-Tutf8", "-Z", "-l"],
             "groff": ["groff", "-man", "-ww", "-z"],
             "mandoc": ["mandoc", "-Tlint", "-Wwarning"]}
    for tool, command in tools.items():
        if shutil.which(tool) is None:
            print(f"{tool} is not installed: {path.name} is not checked with it")
            continue
        result = subprocess.run([*command, str(path)], capture_output=True, text=True,
                                check=False, env=environment)
        said = result.stderr.strip() + (result.stdout.strip() if tool == "mandoc" else "")
        if said or result.returncode != 0:
            yield f"{path.name}: {tool} says: {said or result.returncode}"


def main():
    docs, program = pathlib.Path(sys.argv[1]) / "docs", sys.argv[2]
    pages = [docs / "postmodem.1", docs / "postmodem.conf.5"]
    findings = [*check_options(program, pages[0].read_text()),
                *check_keys(program, pages[1].read_text())]
    for path in pages:
        findings += check_form(path)
    print("\n".join(findings))
    print(f"{len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
