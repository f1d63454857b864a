#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which file may include what.

The portable part (src/base, at, mime, smtp, module and include/) sees five standard headers and
its own; at, smtp and mime never see each other; base sees nothing above it; the platform
interface belongs to the module layer alone; nothing portable sees the host. Transcripts (src/play)
are played on a module, or against the program; only the program (src/cli) sees src/cli.

Usage: check_layers.py ROOT
"""
import pathlib
import re
import sys

STANDARD = {"stddef.h", "stdint.h", "stdbool.h", "string.h", "limits.h"}
ENGINES = {"at", "mime", "smtp"}
PORTABLE = ENGINES | {"base", "module"}

# Layer -> layers it may include. "platform" is include/postmodem/platform.h.
MAY_SEE = {
    "base": {"base"},
    "at": {"at", "base"},
    "mime": {"mime", "base"},
    "smtp": {"smtp", "base"},
    "platform": {"platform", "base"},
    "module": PORTABLE | {"platform"},
    "host": PORTABLE | {"platform", "host"},
    "play": PORTABLE | {"platform", "host", "play"},
    "cli": PORTABLE | {"platform", "host", "play", "cli"},
}
BASE_HEADERS = {"address", "config", "types", "error"}
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)"|(\S+))')


def layer_of(path):
    """The layer of a file named relative to the root, or None."""
    parts = path.parts
    if parts[:2] == ("include", "postmodem"):
        name = path.stem.removesuffix("_state")
        return "base" if name in BASE_HEADERS else name if name in MAY_SEE else None
    if parts[0] == "src" and len(parts) > 2 and parts[1] in MAY_SEE:
        return parts[1]
    return None


def resolve(root, including, name):
    """The project's file that an #include names, relative to the root, or None."""
    for folder in (including.parent, root / "src", root / "include"):
        candidate = (folder / name).resolve()
        if candidate.is_file() and candidate.is_relative_to(root):
            return candidate.relative_to(root)
    return None


def check_file(root, path):
    relative = path.relative_to(root)
    layer = layer_of(relative)
    if layer is None:
        yield f"{relative}: belongs to no layer"
        return
    portable = layer in PORTABLE or layer == "platform"
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        system, own, macro = match.groups()
        where = f"{relative}:{number}"
        if macro:
            if (relative.name, macro) != ("config.h", "PM_CONFIG_FILE"):
                yield f"{where}: #include of a macro"
            continue
        target = resolve(root, path, system or own)
        if target is None:
            if portable and not (system and system in STANDARD):
                yield f"{where}: the portable part must not include {system or own}"
            elif own:
                yield f"{where}: {own} is not in the project"
            continue
        seen = layer_of(target)
        if seen not in MAY_SEE[layer]:
            yield f"{where}: layer {layer} must not include {target}"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    files = sorted(p for top in ("src", "include") for p in (root / top).rglob("*.[ch]"))
    findings = [finding for path in files for finding in check_file(root, path)]
    print("\n".join(findings))
    print(f"{len(files)} files, {len(findings)} findings")
    return 1 if findings or not files else 0


if __name__ == "__main__":
    sys.exit(main())
