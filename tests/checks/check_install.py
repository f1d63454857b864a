#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `make install` puts where: into a temporary prefix, then an example is compiled against it.

Usage: check_install.py ROOT BUILD [CC]
"""
import os
import pathlib
import subprocess
import sys
import tempfile

WANTED = ("bin/postmodem", "lib*/**/libpostmodem.a", "lib*/**/postmodem.pc",
          "share/man/man1/postmodem.1", "share/man/man5/postmodem.conf.5",
          "share/doc/postmodem/LICENSE", "share/doc/postmodem/README.md",
          "share/doc/postmodem/examples/embed.c", "lib/sysusers.d/postmodem.conf")
UNIT = "lib/systemd/system/postmodem.service"


def missing(root, prefix):
    wanted = [*WANTED,
              *(f"include/postmodem/{path.name}" for path in root.glob("include/postmodem/*.h")),
              *(f"share/doc/postmodem/docs/{path.name}" for path in root.glob("docs/*.md"))]
    yield from (f"{name} is not installed" for name in wanted if not list(prefix.glob(name)))


def unit(prefix):
    """The unit starts the program that was installed with it."""
    path = prefix / UNIT
    if not path.is_file():
        yield f"{UNIT} is not installed"
    elif f"ExecStart={prefix}/bin/postmodem " not in path.read_text():
        yield f"{UNIT} starts another program"


def built(root, prefix, compiler):
    """Complaints of a program that knows the installed files only."""
    package = next(iter(prefix.glob("lib*/**/postmodem.pc")), None)
    if package is None:
        return
    environment = dict(os.environ, PKG_CONFIG_PATH=str(package.parent))
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "postmodem"], env=environment,
                           capture_output=True, text=True, check=False)
    if flags.returncode != 0:
        yield f"pkg-config: {flags.stderr}"
        return
    program = prefix / "embed"
    made = subprocess.run([compiler, "-std=c11", str(root / "examples" / "embed.c"), "-o",
                           str(program), *flags.stdout.split()],
                          capture_output=True, text=True, check=False)
    if made.returncode != 0:
        yield f"embed.c does not compile with what is installed: {made.stderr}"
    elif subprocess.run([str(program)], capture_output=True, check=False).returncode != 0:
        yield "embed.c fails"


def main():
    root, build = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
    compiler = sys.argv[3] if len(sys.argv) > 3 else "cc"
    with tempfile.TemporaryDirectory() as folder:
        prefix = pathlib.Path(folder).resolve()
        subprocess.run(["cmake", "--install", str(build), "--prefix", str(prefix)], check=True,
                       stdout=subprocess.DEVNULL, env={key: value for key, value in
                                                       os.environ.items() if key != "DESTDIR"})
        findings = [*missing(root, prefix), *unit(prefix), *built(root, prefix, compiler)]
        files = sum(path.is_file() for path in prefix.rglob("*"))
    print("\n".join(findings))
    print(f"{files} files installed; {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
