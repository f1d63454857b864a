#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""scripts/at-reference must say what the table and the transcripts say, and must notice what lacks."""
import importlib.machinery
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SCRIPT = HERE.parent.parent / "scripts" / "at-reference"
PARAM = {"min": 0, "max": 3, "default": 0, "optional": False, "name": "charset", "type": "number"}
TEXT = {"min": 0, "max": 4096, "default": 0, "optional": True, "name": "text", "type": "string",
        "strict": 50, "wide": 320}
ROW = {"bad": 664, "forms": 14, "data": False, "name": "+X", "items": [],
       "test": "\r\n+X: (0-3),<text>\r\n\r\nOK\r\n", "params": [PARAM, TEXT]}
ECHO = {"bad": 0, "forms": 1, "data": False, "name": "E", "items": [],
        "params": []}
TABLE = {"commands": [ROW, ECHO], "cme": {"50": "Incorrect parameters"}, "net": {},
         "cms": {"321": "Invalid memory index"},
         "mail": [[664, 0, "bad input parameter"], [678, 550, "mailbox unavailable"]]}
PURPOSES = "[First]\nE - Echo.\n\n[Second (manual)]\n+X - Does `x`.\n"
TRANSCRIPT = """tag inferred
> ATE0
< OK
> at+x=0,"a;b"   [manual]
< OK   [device]
> ATE1;+X?
< +X: 0
< OK
> AT+X=9
< +CME ERROR: 50
> AT+X=8
< +CMS ERROR: 321
> AT+X=?
< +X: (0-3),<text>
< OK
"""


def load():
    loader = importlib.machinery.SourceFileLoader("at_reference", str(SCRIPT))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("at_reference", loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


class Reference(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write("docs/at-reference.in", PURPOSES)
        self.write("tests/transcripts/x.at", TRANSCRIPT)
        self.module = load()
        self.module.ROOT = self.root

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def text(self, table=None):
        return self.module.reference(table or TABLE)

    def complains(self, words, table=None):
        with self.assertRaises(self.module.Stale) as caught:
            self.text(table)
        self.assertIn(words, str(caught.exception))

    def test_entry(self):
        text = self.text()
        for expected in ("### AT+X\n\nDoes `x`.", "    AT+X=<charset>[,<text>]\n",
                         "| `<charset>` | number | 0 to 3 | required |",
                         "| `<text>` | string | 0 to 50 bytes, wide: 320 | optional |",
                         "    +X: (0-3),<text>\n", "bad parameter `+CME ERROR: 664` (bad input",
                         "`+CME ERROR: 50` (Incorrect parameters); "
                         "`+CMS ERROR: 321` (Invalid memory index).",
                         "Known from: `[device]` `[inferred]`. Transcripts: [x](",
                         '    AT+x=0,"a;b"\n    OK\n'):
            self.assertIn(expected.replace("AT+x", "AT+X"), text)

    def test_index_and_order(self):
        text = self.text()
        self.assertIn("* [Second (manual)](#second-manual): [AT+X](#atx)", text)
        self.assertLess(text.index("### ATE"), text.index("### AT+X"))

    def test_anchors_of_equal_names(self):
        self.assertEqual(self.module.anchors(["ATD", "AT&D", "x"]), ["atd", "atd-1", "x"])

    def test_line_of_several_commands(self):
        parts = list(self.module.split_line('E0V1&D2S3=13+CMEE=1;+X="a;b",1;D123;I'))
        self.assertEqual([name for name, _, _ in parts],
                         ["E", "V", "&D", "S", "+CMEE", "+X", "D", "I"])

    def test_no_purpose(self):
        self.write("docs/at-reference.in", PURPOSES.replace("E - Echo.\n", ""))
        self.complains("ATE has no purpose")

    def test_purpose_of_nothing(self):
        self.write("docs/at-reference.in", PURPOSES + "+GONE - Was here.\n")
        self.complains("there is no AT+GONE")

    def test_purpose_twice(self):
        self.write("docs/at-reference.in", PURPOSES + "+X - Again.\n")
        self.complains("AT+X stands twice")

    def test_neither_heading_nor_purpose(self):
        self.write("docs/at-reference.in", PURPOSES + "what is this\n")
        self.complains("at-reference.in:6")

    def test_no_transcript(self):
        self.write("tests/transcripts/x.at", "> ATE0\n< OK [manual]\n")
        self.complains("AT+X stands in no transcript in its write form")

    def test_form_without_transcript(self):
        self.write("tests/transcripts/x.at", TRANSCRIPT.replace(";+X?", ""))
        self.complains("AT+X stands in no transcript in its read form")

    # ---- Notes -----------------------------------------------------------------------------------

    NOTES = PURPOSES + "    <charset>: 0 ASCII\n    +X: <charset> - what is set\n    Ends at once.\n"
    KEYWORDS = dict(ROW, params=[], items=[
        {"keyword": "one", "params": [PARAM]},
        {"keyword": "two", "params": [PARAM, dict(PARAM, name="flag", optional=True)]}])

    def with_keywords(self):
        return dict(TABLE, commands=[self.KEYWORDS, ECHO])

    def test_notes(self):
        self.write("docs/at-reference.in", self.NOTES)
        text = self.text()
        for expected in ("| parameter | type | allowed | left out | meaning |\n|---|---|---|---|---|\n",
                         "| `<charset>` | number | 0 to 3 | required | 0 ASCII |\n",
                         "* `+X: <charset>`: what is set\n* Ends at once.\n\nTest answer:"):
            self.assertIn(expected, text)

    def test_notes_of_keywords(self):
        self.write("docs/at-reference.in", self.NOTES + '    <flag>: 1 on\n    "two" <charset>: two\n')
        text = self.text(self.with_keywords())
        for expected in ("| `one` | `<charset>` | number | 0 to 3 | required | 0 ASCII |",
                         "| `two` | `<charset>` | number | 0 to 3 | required | two |",
                         "| `two` | `<flag>` | number | 0 to 3 | optional | 1 on |"):
            self.assertIn(expected, text)

    def test_number_without_note(self):
        self.write("docs/at-reference.in", self.NOTES.replace("<charset>: 0", "<text>: 0"))
        self.complains("AT+X has no note on <charset>")

    def test_number_of_a_keyword_without_note(self):
        self.write("docs/at-reference.in", self.NOTES.replace("<charset>: 0", '"one" <charset>: 0'))
        self.complains('AT+X has no note on <charset> of "two"', self.with_keywords())

    def test_note_on_no_parameter(self):
        self.write("docs/at-reference.in", self.NOTES + "    <gone>: was here\n")
        self.complains("AT+X has no <gone>")

    def test_note_on_no_keyword(self):
        self.write("docs/at-reference.in", self.NOTES + '    "one" <flag>: 1 on\n')
        self.complains('AT+X has no <flag> of "one"', self.with_keywords())

    def test_note_twice(self):
        self.write("docs/at-reference.in", self.NOTES + "    <charset>: 1 UTF-8\n")
        self.complains("at-reference.in:9: a second note")

    def test_answer_without_note(self):
        self.write("docs/at-reference.in", self.NOTES.replace("    +X: <charset> - what is set\n", ""))
        self.complains("AT+X has no note on its answer +X:")

    def test_test_answer_needs_no_note(self):
        self.write("docs/at-reference.in", self.NOTES.replace("    +X: <charset> - what is set\n", ""))
        self.write("tests/transcripts/x.at", TRANSCRIPT.replace("< +X: 0\n", ""))
        self.assertIn("| 0 ASCII |", self.text())

    def test_note_on_no_answer(self):
        self.write("docs/at-reference.in", self.NOTES + "    +GONE: <n> - a URC\n")
        self.complains("no transcript shows the +GONE: of AT+X")

    def test_note_on_no_command(self):
        self.write("docs/at-reference.in", self.NOTES + "+GONE - Was here.\n    <n>: 1 on\n")
        self.complains("there is no AT+GONE")

    def test_note_above_all_commands(self):
        self.write("docs/at-reference.in", "    <n>: 1 on\n" + PURPOSES)
        self.complains("at-reference.in:1")

    def test_commands_that_need_notes(self):
        table = dict(TABLE, commands=[dict(ROW, name="+QSMTPX"), ECHO])
        self.write("docs/at-reference.in", PURPOSES.replace("+X", "+QSMTPX"))
        self.write("tests/transcripts/x.at", TRANSCRIPT.replace("+X", "+QSMTPX").replace("+x", "+qsmtpx"))
        self.complains("AT+QSMTPX has no note on <charset>", table)

    def run_script(self, *arguments):
        tool = self.root / "at_rows"
        tool.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(TABLE)}\nEND\n")
        tool.chmod(0o755)
        copy = self.root / "scripts" / "at-reference"
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(SCRIPT.read_text())
        return subprocess.run([sys.executable, str(copy), *arguments, str(tool)],
                              capture_output=True, text=True, check=False)

    def test_stale(self):
        self.assertEqual(self.run_script("--check").returncode, 1)
        self.assertEqual(self.run_script().returncode, 0)
        self.assertEqual(self.run_script("--check").returncode, 0)
        self.write("docs/at-reference.in", PURPOSES.replace("Echo", "Echoes"))
        result = self.run_script("--check")
        self.assertEqual(result.returncode, 1)
        self.assertIn("make reference", result.stdout)


if __name__ == "__main__":
    unittest.main()
