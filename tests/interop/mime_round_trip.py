#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the composer makes, Python's email package and GMime read back: mails made from a seed, and
the fuzzer's inputs, as they are and damaged.

Usage: mime_round_trip.py MIME_COMPOSE [--seed N] [--typed N] [--damaged N | --seconds N] [CORPUS...]

--typed      mails with texts of all charsets, lengths and mixes of scripts; all of them must come
             back as they were typed
--damaged    inputs of the corpus (files in the format of tests/fuzz/fuzz_mime.c) with random damage;
             what is no text in its charset must still leave the mail's structure, body and files whole
--seconds    damages for so long instead
GMIME_READ in the environment is build/tests/tools/gmime_read. Ends with 1 after the first mail that
a reader reads otherwise; its input is printed.
"""
import argparse
import base64
import os
import pathlib
import random
import re
import sys
import time

import harness
from mimereaders import (ASCII, BIG5, CODECS, GB2312, ICONV, LABELS, UTF8, Judge, Refused,
                         iconv_text, text_in)

WORD = re.compile(rb"=\?([^?]+)\?([BQ])\?([^?]*)\?=")
BOUNDARY = b"=_0123456789abcdefghij"


# ---- texts of all scripts -------------------------------------------------------------------------
def double_byte(charset, leads, trails):
    """All characters of a double-byte charset about which Python and the C library agree."""
    codec, found = CODECS[LABELS[charset]], []
    for raw in (bytes([lead, trail]) for lead in leads for trail in trails):
        text = text_in(raw, charset)
        if text and len(text) == 1 and text.encode(codec) == raw:
            found.append(text)
    return found


def alphabets():
    """charset -> lists of characters; a text takes from one list or from several."""
    ascii_text = [chr(c) for c in range(0x20, 0x7F)]
    planes = [range(0x80, 0x800), range(0x800, 0xD800), range(0xE000, 0xFFFE),
              range(0x10000, 0x110000)]
    gbk = double_byte(GB2312, range(0x81, 0xFF), range(0x40, 0xFF))
    big5 = double_byte(BIG5, range(0xA1, 0xFA), range(0x40, 0xFF))
    return {
        ASCII: [ascii_text, list(" =?_\"\\(),:;<>@[].'*%/")],
        UTF8: [ascii_text, *[[chr(c) for c in random.Random(1).sample(plane, 400)]
                             for plane in planes], list("äöüß€漢字仮名한국🎉👩\u200d💻é\u0301")],
        GB2312: [ascii_text, gbk, [c for c in gbk if c.encode("gbk")[1] < 0xA1]],
        BIG5: [ascii_text, big5, [c for c in big5 if c.encode("big5")[1] == 0x5C]],
    }


class Typist:
    """Makes mails as a host would type them, the same ones for one seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.alphabets = alphabets()

    def text(self, charset, most):
        lists = self.random.sample(self.alphabets[charset],
                                   self.random.randint(1, len(self.alphabets[charset])))
        length = self.random.choice([0, 1, 2, 3, self.random.randint(4, 40),
                                     self.random.randint(4, most)])
        text, pick = "", self.random.choice(lists)
        while len(text) < length:
            if self.random.random() < 0.3:
                pick = self.random.choice(lists)
            text += self.random.choice(pick)
        return text

    def file_name(self, charset):
        """At most the 80 bytes that a module's file name may have, and no path in it."""
        text = re.sub("[/:]", "_", self.text(charset, 80))
        raw = text.encode(CODECS[LABELS[charset]])
        while len(raw) > 76:
            text = text[:-1]
            raw = text.encode(CODECS[LABELS[charset]])
        return raw + self.random.choice([b"", b".txt", b".pdf"])

    def body(self, charset):
        lines = [self.text(charset, 300) for _ in range(self.random.randint(0, 8))]
        ends = ["\r\n", "\n", "\r", "\r\n\r\n", "\r\n.\r\n", "\n.\n", " \r\n", "\t\n", ""]
        text = "".join(line + self.random.choice(ends) for line in lines)
        return text.encode(CODECS[LABELS[charset]])

    def mail(self):
        charset, body_charset = self.random.randrange(4), self.random.randrange(4)
        codec = CODECS[LABELS[charset]]
        parts = [(self.file_name(charset), self.random.randbytes(self.random.randrange(0, 200)))
                 for _ in range(self.random.choice([0, 0, 1, 2, 10]))]
        return {"subject": self.text(charset, 300).encode(codec), "subject_charset": charset,
                "sender_name": self.text(charset, 60).encode(codec), "to": ["b@example.org"],
                "body": self.body(body_charset), "body_charset": body_charset, "parts": parts,
                "out": self.random.choice([0, 1, 2, 100, 4096]),
                "feed": self.random.choice([0, 1, 57, 100])}


# ---- what RFC 2047 asks of encoded-words ------------------------------------------------------------
def decoded(charset, encoding, payload):
    if encoding == b"B":
        return base64.b64decode(payload, validate=True)
    return re.sub(rb"=([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), payload)


def check_words(message, whole):
    """Each word is short; separated by CRLF and a blank from the next; with `whole` text in its
    charset when it stands alone, for Python and for the C library."""
    head = message.replace(b"--" + BOUNDARY + b"\r\n", b"")
    words = list(WORD.finditer(head))
    for word, after in zip(words, words[1:] + [None]):
        charset, encoding, payload = word.groups()
        assert len(word[0]) <= 75, word[0]
        if after is not None and b"\r\n\r\n" not in head[word.end():after.start()]:
            between = head[word.end():after.start()]
            assert between == b"\r\n " or re.search(rb"[^ \r\n]", between), between
        text = decoded(charset, encoding, payload)
        if whole:
            label = charset.decode()
            number = next(number for number, name in LABELS.items() if name == label)
            assert iconv_text(text, ICONV[number]) == text.decode(CODECS[label]), word[0]
    return len(words)


# ---- the fuzzer's inputs ------------------------------------------------------------------------------
class Source:
    """Takes a mail from bytes, as take_mail() of tests/fuzz/fuzz_mime.c does."""

    def __init__(self, data):
        self.data = data

    def byte(self):
        value, self.data = (self.data[0] if self.data else 0), self.data[1:]
        return value

    def text(self, is_long=False):
        count = self.byte()
        if is_long:
            count = count << 8 | self.byte()
        text, self.data = self.data[:count], self.data[count:]
        return text

    def mail(self):
        counts, charsets, extra, out, feed = (self.byte() for _ in range(5))
        mail = {"out": 1 + out * 16, "feed": 1 + feed, "subject_charset": charsets & 3,
                "body_charset": charsets >> 2 & 3}
        if extra & 2:
            mail["fallback"] = self.text()
        if extra & 4:
            mail["sender_address"] = self.text()
        mail["sender_name"] = self.text()
        mail["subject"] = self.text(True)
        mail["to"] = [self.text(True) if extra & 8 else b"someone@example.org"
                      for _ in range(counts & 3)]
        mail["cc"] = [self.text(True) if extra & 16 else "é@example.org".encode()
                      for _ in range(counts >> 2 & 3)]
        mail["parts"] = [(self.text(), self.text(True)) for _ in range(counts >> 4 & 3)]
        mail["body"] = self.data
        return mail


def damage(generator, inputs):
    """An input with some bytes changed, taken out, put in, or replaced by a piece of another."""
    data = bytearray(generator.choice(inputs))
    for _ in range(generator.randint(1, 8)):
        at = generator.randrange(len(data) + 1)
        kind = generator.randrange(4)
        if kind == 0 and at < len(data):
            data[at] = generator.choice([0, 9, 10, 13, 32, 34, 46, 61, 63, 92, 0x81, 0xA4, 0xE6,
                                         0xF0, 0xFF, generator.randrange(256)])
        elif kind == 1:
            del data[at:at + generator.randint(1, 20)]
        elif kind == 2:
            data[at:at] = generator.randbytes(generator.randint(1, 8))
        else:
            other = generator.choice(inputs)
            start = generator.randrange(len(other) + 1)
            data[at:at] = other[start:start + generator.randint(1, 60)]
    return bytes(data[:20000])


class Rounds:
    def __init__(self, composer, seed):
        self.judge = Judge(composer)
        self.seed = seed
        self.words = self.refused = 0

    def one(self, mail, whole):
        try:
            message = self.judge.compose(**mail)
        except Refused:
            self.refused += 1
            return
        self.words += check_words(message, whole)

    def typed(self, count):
        typist = Typist(self.seed)
        for number in range(count):
            mail = typist.mail()
            try:
                wanted = self.judge.expect(**mail)
                assert None not in (wanted["subject"], wanted["sender_name"], *wanted["files"])
                self.one(mail, True)
            except BaseException:
                print(f"typed mail {number} of seed {self.seed}: {mail!r}")
                raise
        print(f"{self.judge.count} mails of seed {self.seed} came back as they were typed, in "
              f"{self.words} encoded-words, read by: {', '.join(self.judge.readers)}")
        assert self.refused == 0 and self.judge.count == count

    def damaged(self, inputs, count, seconds):
        generator = random.Random(self.seed)
        before, end = self.judge.count, time.monotonic() + seconds
        done = 0
        while done < count or time.monotonic() < end:
            data = inputs[done] if done < len(inputs) else damage(generator, inputs)
            mail = Source(data).mail()
            # The boundary of the tests is known; a real one is not.
            if BOUNDARY not in mail["body"]:
                try:
                    self.one(mail, False)
                except BaseException:
                    print(f"damaged input {done} of seed {self.seed}: {data.hex()}")
                    raise
            done += 1
        print(f"{done} inputs of seed {self.seed} from {len(inputs)} of the corpus: "
              f"{self.judge.count - before} mails came back whole, {self.refused} were refused")


def read_corpus(places):
    files = [path for place in map(pathlib.Path, places)
             for path in (sorted(place.iterdir()) if place.is_dir() else [place])]
    return [path.read_bytes() for path in files]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("composer")
    parser.add_argument("corpus", nargs="*")
    parser.add_argument("--seed", type=int, default=20261126)
    parser.add_argument("--typed", type=int, default=0)
    parser.add_argument("--damaged", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0)
    options = parser.parse_intermixed_args()
    rounds = Rounds(options.composer, options.seed)
    rounds.typed(options.typed)
    inputs = read_corpus(options.corpus)
    if inputs:
        rounds.damaged(inputs, options.damaged, options.seconds)
    rounds.judge.close()
    if "gmime" not in rounds.judge.readers:
        print("libgmime-3.0-dev was not there when this was built")
        sys.exit(harness.SKIPPED)


if __name__ == "__main__":
    main()
