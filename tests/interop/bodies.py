# SPDX-License-Identifier: MIT
"""Bodies that mail programs have got wrong: line ends of all kinds, dots, long lines, bytes beyond
ASCII; and what must never be seen on the wire."""
import re

ENDS = (b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r\n", b"\n\n", b"\r\r", b"\r\n\0")
EURO = "€".encode()

# name -> what the host types. Names are unique, the bytes too.
BODIES = {
    "dot": b".",
    "two dots": b"..",
    "only a line end": b"\r\n",
    "only line feeds": b"\n\n\n",
    "first byte a dot": b".first",
    "last byte a dot": b"last\r\n.",
    "dots at each line": b".a\r\n..b\r\n...\r\n.\r\n",
    "no line end": b"no line end",
    "blanks at line ends": b"a \r\nb\t\r\n \r\n\t\n ",
    "from": b"From here\r\n>From there\r\n",
    "a header": b"Subject: no\r\n\r\nQUIT\r\n.\r\nMAIL FROM:<x@y>\r\n",
    "a boundary": b"--=_pm_0\r\n--\r\n",
    "998": b"x" * 998 + b"\r\n" + b"." * 998,
    "999": b"x" * 999 + b"\r\n" + b"." * 999,
    "1000": b"x" * 1000,
    "100 KiB in one line": b"y" * 102400,
    "100 KiB of dots": b"." * 102400,
    "100 KiB in one line of words": b"words " * 17066,
    "NUL": b"a\0b\r\n\0.\0\r\n.",
    "controls": bytes(range(32)) + b"\x7f\r\n.\r\n",
    "Ctrl-Z and ESC": b"not the end \x1a nor \x1b here\r\n",
    "all bytes": bytes(range(256)),
    "latin-1": b"21\xb0C\r\n.\xb0\r\n",
    "UTF-8": "Überhitzung → 93 °C ✓ 水泵 🎉\r\n.水\r\n".encode(),
    "UTF-8, cut in its last character": b"cut " + EURO[:2],
    "UTF-8, cut at a line end": b"cut " + EURO[:1] + b"\r\n.\r\n" + EURO[1:],
    "UTF-8 in one long line": EURO * 1000,
    # Whatever the sizes of the buffers on the way are, each of them ends at a dot.
    "a dot in each line": b".\r\n" * 34000,
    "a dot in each line, from the second byte on": b"a\r\n" + b".\n" * 50000,
    "a dot in each line, from the third byte on": b"ab\r\n" + b".\r\n" * 34000,
}
BODIES.update({f"a dot between {end!r}": b"before" + end + b"." + end + b"after" for end in ENDS})
BODIES.update({f"a dot between {one!r} and {two!r}": b"b" + one + b"." + two + b"a"
               for one in (b"\r\n", b"\n", b"\r") for two in (b"\r\n", b"\n", b"\r")
               if one != two})

# What a server that is lenient about line ends may take for the end of a mail: the list that senders
# are tested with for SMTP smuggling.
SMUGGLING = (b"\n.\n", b"\n.\r", b"\n.\r\n", b"\r.\r", b"\r.\n", b"\r.\r\n", b"\r\n.\r\r\n",
             b"\r\r\n.\r\r\n", b"\r\n\0.\r\n", b"\r\n.\n", b"\r\n.\r")


def check_wire(data):
    """Mail data as it was sent, from behind DATA to the final dot: canonical line ends alone, no
    long lines, one end. AssertionError says what is wrong."""
    end = b"\r\n.\r\n"
    assert data.endswith(end) and data.count(end) == 1, "the end stands in the middle"
    content = data[:-len(end)]
    found = re.search(rb"(?<!\r)\n|\r(?!\n)|\0", content)
    assert not found, f"{found!r} after {content[:found.start()][-40:]!r}"
    for ending in SMUGGLING:
        # Two of them are a part of the canonical end; alone they were found above.
        assert ending in end or ending not in content, ending
    longest = max(map(len, content.split(b"\r\n")))
    assert longest <= 999, f"a line of {longest} bytes, a dot in front of it included"
