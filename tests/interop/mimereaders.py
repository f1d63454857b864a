# SPDX-License-Identifier: MIT
"""The composer, and two readers that know nothing of it: Python's email package and GMime. A mail
that both give back as it was typed is one that a mail program shows as it was typed."""
import codecs
import ctypes
import email
import email.header
import email.policy
import email.utils
import hashlib
import json
import os
import pathlib
import re
import subprocess

ASCII, UTF8, GB2312, BIG5 = range(4)
LABELS = {ASCII: "us-ascii", UTF8: "utf-8", GB2312: "gb2312", BIG5: "big5"}
# What travels as gb2312 is GBK; windows-1252 has gaps that latin-1 has not.
CODECS = {"gb2312": "gbk", "big5": "big5", "utf-8": "utf-8", "us-ascii": "ascii",
          "windows-1252": "latin-1"}


class Refused(Exception):
    """The composer does not make such a mail."""


class Child:
    """A program that answers what is written to it, until the test ends."""

    def __init__(self, path):
        self.process = subprocess.Popen([str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, question):
        self.process.stdin.write(question)
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line.endswith(b"\n"):
            raise AssertionError(f"{self.process.args} ended with {self.process.wait()}")
        return line

    def close(self):
        """Ends the program: a sanitizer's finding would show in its status."""
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.wait() != 0:
            raise AssertionError(f"{self.process.args} ended with {self.process.returncode}")


class Composer(Child):
    def compose(self, **fields):
        """The message's bytes. Lists make repeated keys; parts is a list of (name, data)."""
        lines = []
        parts = fields.pop("parts", [])
        for key, value in fields.items():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, int):
                    one = str(one)
                if isinstance(one, str):
                    one = one.encode()
                lines.append(f"{key.replace('_', '-')} {one.hex()}\n")
        for name, data in parts:
            lines.append(f"name {(name.encode() if isinstance(name, str) else name).hex()}\n")
            lines.append(f"data {data.hex()}\n")
        answer = self.ask(("".join(lines) + "\n").encode())
        if answer == b"refused\n":
            raise Refused(fields)
        return self.process.stdout.read(int(answer))


class GmimeReader(Child):
    """GMime, through tests/tools/gmime_read.c."""

    def read(self, message):
        answer = self.ask(b"%d\n%b" % (len(message), message))
        return json.loads(answer.decode(errors="surrogateescape"))


def codec_of(charset):
    """Python's name for a label; any label may be configured as the fallback."""
    try:
        return codecs.lookup(CODECS.get(charset, charset or "ascii")).name
    except LookupError:
        return "latin-1"


def is_charset(label):
    try:
        return codecs.lookup(label.decode()) is not None
    except (LookupError, ValueError):
        return False


class PythonReader:
    """Python's email package. What RFC 2047 says of neighbouring words it does not do for words
    in a quoted parameter: those are put together here."""

    @staticmethod
    def text_of(value):
        """A header field or parameter with encoded-words, as text."""
        if value is None:
            return None
        pieces = []
        for chunk, charset in email.header.decode_header(re.sub(r"\r\n(?=[ \t])", "", value)):
            if isinstance(chunk, str):
                pieces.append(chunk)
            else:
                pieces.append(chunk.decode(codec_of(charset), "replace"))
        return "".join(pieces)

    # Where Python has a strict mode it takes no address with a literal, as a@[192.0.2.1].
    LENIENT = ({"strict": False} if getattr(email.utils, "supports_strict_parsing", False) else {})

    def addresses(self, value):
        found = email.utils.getaddresses([value] if value else [], **self.LENIENT)
        return [{"name": self.text_of(name) or None, "address": address}
                for name, address in found]

    def part(self, part):
        content = part.get_payload(decode=True)
        filename = part.get_param("filename", header="content-disposition")
        if isinstance(filename, tuple):
            charset, _, raw = filename
            filename = raw.encode("latin-1").decode(codec_of(charset), "replace")
        return {"type": part.get_content_type(), "charset": part.get_content_charset(),
                "encoding": part["Content-Transfer-Encoding"],
                "disposition": part.get_content_disposition(),
                "name": self.text_of(part.get_param("name")), "filename": filename,
                "size": len(content), "sha256": hashlib.sha256(content).hexdigest(),
                "faults": len(part.defects)}

    def read(self, message):
        parsed = email.message_from_bytes(message)
        parts = parsed.get_payload() if parsed.is_multipart() else [parsed]
        date = email.utils.parsedate_to_datetime(parsed["Date"])
        read = {"subject": self.text_of(parsed["Subject"]),
                "from": self.addresses(parsed["From"]), "to": self.addresses(parsed["To"]),
                "cc": self.addresses(parsed["Cc"]), "date": int(date.timestamp()),
                "id": parsed["Message-ID"].strip("<>"),
                "parts": [self.part(part) for part in parts]}
        read["faults"] = len(parsed.defects) + sum(p.pop("faults") for p in read["parts"])
        return read


def readers():
    """All readers there are; GMime's is built where the library is found."""
    found = {"python": PythonReader()}
    path = pathlib.Path(os.environ.get("GMIME_READ", ""))
    if path.is_file():
        found["gmime"] = GmimeReader(path)
    return found


def shared_readers(shared):
    """The same for the tests of a class, ended with what they share."""
    found = readers()
    for reader in found.values():
        if isinstance(reader, Child):
            shared.callback(reader.close)
    return found


def normalised(body):
    """A body with each line end as CRLF (SD55)."""
    return re.sub(rb"\r\n|\r|\n", b"\r\n", body)


PLAIN_ADDRESS = re.compile(rb"[\w+-]+(?:\.[\w+-]+)*@[\w-]+(?:\.[\w-]+)*\Z")
# GMime takes quotes off a parameter after it has decoded the words in it, and decodes once more.
UNQUOTED = re.compile(r'=\?|["\\]')


# ---- what was typed, as a reader should show it ----

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.iconv_open.restype = ctypes.c_void_p
LIBC.iconv.restype = ctypes.c_size_t
LIBC.iconv.argtypes = [ctypes.c_void_p] + [ctypes.POINTER(ctypes.c_void_p),
                                           ctypes.POINTER(ctypes.c_size_t)] * 2


def iconv_text(data, charset):
    """What the C library makes of bytes: a third opinion. None: not text of that charset."""
    handle = LIBC.iconv_open(b"UTF-8", charset.encode())
    source, target = ctypes.create_string_buffer(data), ctypes.create_string_buffer(4 * len(data) + 4)
    at = ctypes.c_void_p(ctypes.addressof(source))
    to = ctypes.c_void_p(ctypes.addressof(target))
    left, room = ctypes.c_size_t(len(data)), ctypes.c_size_t(len(target))
    failed = LIBC.iconv(handle, at, left, to, room)
    LIBC.iconv_close(ctypes.c_void_p(handle))
    return None if failed else target.raw[:len(target) - room.value].decode()


# A text of whole characters; what they mean is not asked here.
STRUCTURES = {
    ASCII: re.compile(rb"[\0-\x7f]*\Z"),
    GB2312: re.compile(rb"(?:[\0-\x7f]|[\x81-\xfe][\x40-\x7e\x80-\xfe])*\Z"),
    BIG5: re.compile(rb"(?:[\0-\x7f]|[\x81-\xfe][\x40-\x7e\xa1-\xfe])*\Z"),
}
ICONV = {UTF8: "UTF-8", ASCII: "ASCII", GB2312: "GBK", BIG5: "BIG5"}


def fits_utf8(raw):
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def text_in(raw, charset):
    """Bytes as text, where Python and the C library are of one opinion; else None."""
    try:
        text = raw.decode(CODECS[LABELS[charset]])
    except UnicodeDecodeError:
        return None
    return text if iconv_text(raw, ICONV[charset]) == text else None


def typed_text(raw, charset):
    """A subject as SD40 labels it, as text; None when it is not text of that label."""
    fits = fits_utf8(raw) if charset == UTF8 else STRUCTURES[charset].match(raw)
    if not fits:
        if not fits_utf8(raw):
            return None
        charset = UTF8
    return text_in(raw, charset)


def typed_name(raw, subject_charset):
    """The name of a person or file, likewise."""
    if fits_utf8(raw):
        return text_in(raw, UTF8)
    return None if subject_charset in (ASCII, UTF8) else text_in(raw, subject_charset)


def without_controls(text, mark):
    return None if text is None else re.sub("[\x00-\x1f\x7f]", mark, text)


def as_bytes(value):
    return value.encode() if isinstance(value, str) else value


class Judge:
    """Composes mails, and lets all readers say whether they got what was typed."""

    def __init__(self, composer):
        self.composer = Composer(composer)
        self.readers = readers()
        self.count = 0

    def close(self):
        self.composer.close()
        for reader in self.readers.values():
            if isinstance(reader, Child):
                reader.close()

    def compose(self, **fields):
        """The message; AssertionError when a reader does not give back what was typed."""
        message = self.composer.compose(**fields)
        wanted = self.expect(**fields)
        for name, reader in self.readers.items():
            self.compare(name, wanted, reader.read(message), message)
        self.count += 1
        return message

    @staticmethod
    def expect(subject=b"", subject_charset=ASCII, sender_name=b"", body=b"", parts=(),
               sender_address=b"s@example.com", to=(), cc=(), fallback=b"latin-1", **_):
        subject, sender_name = as_bytes(subject), as_bytes(sender_name)
        name = without_controls(typed_name(sender_name, subject_charset), " ")
        name = name and name.strip()
        wanted = {"subject": without_controls(typed_text(subject, subject_charset), " "),
                  "sender_name": name, "body": normalised(as_bytes(body)),
                  # GMime finds fault with some addresses that hosts have, as a..b@example.com, and
                  # with labels that name no charset.
                  "faults": 0 if all(map(PLAIN_ADDRESS.match, map(as_bytes, [
                      sender_address, *to, *cc]))) and is_charset(as_bytes(fallback)) else None,
                  "files": [], "data": [data for _, data in parts]}
        for file, _ in parts:
            text = without_controls(typed_name(as_bytes(file), subject_charset), "_")
            if text is not None:
                text = re.sub(r"(?i)\A(UFS|RAM|SD):", "", text).rpartition("/")[2]
                text = "attachment" if text in ("", ".", "..") else text
            wanted["files"].append(text)
        return wanted

    @staticmethod
    def compare(reader, wanted, read, message):
        def same(what, got, want):
            if want is not None and got != want:
                raise AssertionError(f"{reader} read as {what} {got!r}, typed was {want!r}, in\n"
                                     + message[:4000].decode("latin-1"))

        def contents(data):
            return len(data), hashlib.sha256(data).hexdigest()
        same("subject", read["subject"], wanted["subject"])
        if reader != "gmime" or not UNQUOTED.search("".join(filter(None, wanted["files"]))):
            same("faults", read["faults"], wanted["faults"])
        # GMime cuts off blanks at the ends of a person's name, and shows nobody with an odd address.
        if read["from"] or wanted["faults"] is not None:
            same("sender", (read["from"][0]["name"] or "").strip(), wanted["sender_name"])
        body, *files = read["parts"]
        same("number of files", len(files), len(wanted["files"]))
        # A text that does not end its last line is given the end that a mail must have.
        whole = contents(wanted["body"]), contents(wanted["body"] + b"\r\n")
        got = body["size"], body["sha256"]
        same("body", got in (whole[:1] if files else whole), True)
        for file, name, data in zip(files, wanted["files"], wanted["data"]):
            same("filename", file["filename"], name)
            if reader != "gmime" or not UNQUOTED.search(name or ""):
                same("name", file["name"], name)
            same("content", (file["size"], file["sha256"]), contents(data))
