#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/transcripts.md lists the settings of transcripts with their words, and no others.

Usage: check_transcripts.py ROOT
"""
import pathlib
import re
import sys

KEY = r"[a-z][a-z0-9_]*"
# In the source "key word"; where any number or text may follow, "key" or "key ".
SETTING = re.compile(rf'"({KEY})(?: ([^" ]+)| )?"')
# On the page `key word|word`, or `key`.
LISTED = re.compile(rf"`({KEY})(?: ([^`]+))?`")
LIST = re.compile(r"\n## Settings\n.*?Keys:(.*?)\n\n", re.S)


def settings(source):
    """{key: its words}, with None among them where anything may follow."""
    found = {}
    for key, word in SETTING.findall(re.sub(r"(?s)/\*.*?\*/", "", source)):
        found.setdefault(key, set()).add(word or None)
    return found


def listed(page):
    found = {}
    for key, words in LISTED.findall(LIST.search(page)[1]):
        found.setdefault(key, set()).update(words.split("|") if words else ())
    return found


def check(root):
    known = settings((root / "src/play/transcript_settings.c").read_text(encoding="utf-8"))
    told = listed((root / "docs/transcripts.md").read_text(encoding="utf-8"))
    for key, words in known.items():
        if key not in told:
            yield f"{key} is not listed"
            continue
        yield from (f"{key}: {word} is not listed" for word in words - told[key] - {None})
        if None not in words:
            yield from (f"{key}: {word} is none of its words" for word in told[key] - words)
    yield from (f"{key} is no setting" for key in told.keys() - known.keys())


def main():
    findings = sorted(check(pathlib.Path(sys.argv[1])))
    print("\n".join(findings))
    print(f"{len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
