#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each check must find what it is there for: a clean small project passes, then one fault at a
time is planted, and the check must name it."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SPDX = "/* SPDX-License-Identifier: MIT */\n"
CLEAN = {
    "include/postmodem/types.h": SPDX + "#include <stdint.h>\n",
    "include/postmodem/at.h": SPDX + '#include "postmodem/types.h"\nint pm_at(int a);\n',
    "include/postmodem/platform.h": SPDX + '#include "postmodem/types.h"\n',
    "src/base/bytes.h": SPDX + "#include <string.h>\nint pm__bytes(int a);\n",
    "src/base/bytes.c": SPDX + '#include "bytes.h"\nint pm__bytes(int a)\n{\n    return a;\n}\n',
    "src/at/line.c": SPDX + '#include "postmodem/at.h"\n#include "base/bytes.h"\n'
                            "int pm_at(int a)\n{\n    return pm__bytes(a);\n}\n",
    "src/smtp/reply.h": SPDX,
    "src/module/module.c": SPDX + '#include "postmodem/platform.h"\n#include "smtp/reply.h"\n',
    "src/host/loop.c": SPDX + '#include <stdlib.h>\n#include "postmodem/platform.h"\n',
}


class Project(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()
        for name, text in CLEAN.items():
            self.write(name, text)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def append(self, name, text):
        self.write(name, (self.root / name).read_text() + text)

    def build(self, *texts):
        """A library of the texts, made with the compiler the project is built with."""
        objects = []
        for number, text in enumerate(texts):
            source = self.root / f"planted{number}.c"
            source.write_text(text)
            objects.append(str(source.with_suffix(".o")))
            subprocess.run([os.environ.get("PM_CC", "cc"), "-O2", "-g", "-fPIC", "-c",
                            str(source), "-o", objects[-1]], check=True)
        library = self.root / "libplanted.a"
        subprocess.run(["ar", "rc", str(library), *objects], check=True)
        return str(library)

    def run_check(self, script, *arguments):
        return subprocess.run([sys.executable, str(HERE / script), *arguments],
                              capture_output=True, text=True, check=False)

    def expect(self, script, finding, *arguments):
        result = self.run_check(script, *(arguments or (str(self.root),)))
        if finding is None:
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        else:
            self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
            self.assertIn(finding, result.stdout)


class Layers(Project):
    def expect_layers(self, finding):
        self.expect("check_layers.py", finding)

    def test_clean(self):
        self.expect_layers(None)

    def test_standard_header_outside_the_five(self):
        self.append("src/base/bytes.c", "#include <stdio.h>\n")
        self.expect_layers("must not include stdio.h")

    def test_library_header(self):
        self.append("src/module/module.c", "  #  include <openssl/ssl.h>\n")
        self.expect_layers("must not include openssl/ssl.h")

    def test_public_header(self):
        self.append("include/postmodem/at.h", "#include <sys/types.h>\n")
        self.expect_layers("must not include sys/types.h")

    def test_engine_sees_engine(self):
        self.append("src/at/line.c", '#include "smtp/reply.h"\n')
        self.expect_layers("layer at must not include src/smtp/reply.h")

    def test_engine_sees_engine_by_relative_path(self):
        self.append("src/at/line.c", '#include "../smtp/reply.h"\n')
        self.expect_layers("layer at must not include src/smtp/reply.h")

    def test_engine_sees_public_header_of_another(self):
        self.append("src/smtp/reply.h", "#include <postmodem/at.h>\n")
        self.expect_layers("layer smtp must not include include/postmodem/at.h")

    def test_base_sees_upper_layer(self):
        self.append("src/base/bytes.c", '#include "postmodem/at.h"\n')
        self.expect_layers("layer base must not include include/postmodem/at.h")

    def test_only_module_sees_the_platform(self):
        self.append("src/at/line.c", '#include "postmodem/platform.h"\n')
        self.expect_layers("layer at must not include include/postmodem/platform.h")

    def test_portable_sees_host(self):
        self.write("src/host/loop.h", SPDX)
        self.append("src/module/module.c", '#include "host/loop.h"\n')
        self.expect_layers("layer module must not include src/host/loop.h")

    def test_macro(self):
        self.append("src/at/line.c", "#include SOME_HEADER\n")
        self.expect_layers("#include of a macro")

    def test_nothing_to_check_is_a_failure(self):
        empty = self.root / "empty"
        empty.mkdir()
        self.expect("check_layers.py", "0 files", str(empty))


class Sources(Project):
    def expect_sources(self, finding):
        self.expect("check_sources.py", finding)

    def test_clean(self):
        self.expect_sources(None)

    def test_function_of_60_lines(self):
        self.append("src/at/line.c", "int pm_f(void)\n{\n" + "    ;\n" * 58 + "}\n")
        self.expect_sources(None)

    def test_function_of_61_lines(self):
        self.append("src/at/line.c", "int pm_f(void)\n{\n" + "    ;\n" * 59 + "}\n")
        self.expect_sources("function of 61 lines: int pm_f(void)")

    def test_no_licence_line(self):
        self.write("scripts/tool", "#!/bin/sh\ntrue\n")
        self.expect_sources("scripts/tool:1: no SPDX line")

    def test_left_behind(self):
        self.append("src/at/line.c", "/* TO" + "DO: later */\n")
        self.expect_sources("left behind")

    def test_heap(self):
        self.append("src/at/line.c", "void *pm_g(void)\n{\n    return malloc(3);\n}\n")
        self.expect_sources("not in the portable part")

    def test_floating_point(self):
        self.append("src/base/bytes.c", "double pm_d;\n")
        self.expect_sources("not in the portable part")

    def test_words_in_comments_are_free(self):
        self.append("src/at/line.c", "/* free (the user's) */\n")
        self.expect_sources(None)


class Library(Project):
    def expect_library(self, finding, *texts):
        self.expect("check_library.py", finding, self.build(*texts))

    def test_clean(self):
        self.expect_library(None,
                            "#include <string.h>\nint pm_b(const char *s);\n"
                            "int pm_a(const char *s) { return pm_b(s) + (int)strlen(s); }\n"
                            "const char *const pm_t[] = { \"a\", \"b\" };\n",
                            "#include <string.h>\n"
                            "int pm_b(const char *s) { return memcmp(s, \"abc\", 3) == 0; }\n")

    def test_undefined_symbol(self):
        self.expect_library("undefined symbol malloc",
                            "#include <stdlib.h>\nvoid *pm_a(int n) "
                            "{ return malloc((size_t)n); }\n")

    def test_undefined_own_symbol(self):
        self.expect_library("undefined symbol pm_missing",
                            "int pm_missing(void);\nint pm_a(void) { return pm_missing(); }\n")

    def test_initialised_static(self):
        self.expect_library("writable data in .data",
                            "int pm_a(void) { static int n = 3; return n++; }\n")

    def test_zeroed_static(self):
        self.expect_library("writable data in .bss",
                            "int pm_a(void) { static int n; return n++; }\n")

    def test_writable_pointer_table(self):
        self.expect_library("writable data in .data",
                            "const char *pm_t[] = { \"a\", \"b\" };\n")

    def test_foreign_prefix(self):
        self.expect_library("public symbol helper", "int helper(void) { return 1; }\n")

    def test_library_symbol_defined_twice(self):
        self.expect_library("symbol pm_one is defined twice",
                            "int pm_one(void) { return 1; }\n", "int pm_one(void) { return 2; }\n")


class Headers(Project):
    HEADER = ("#ifndef A_H\n#define A_H\n#include \"postmodem/types.h\"\n#ifdef __cplusplus\n"
              'extern "C" {\n#endif\nint pm_a(uint8_t a);\n#ifdef __cplusplus\n}\n#endif\n#endif\n')

    def setUp(self):
        super().setUp()
        self.write("include/postmodem/at.h", self.HEADER)
        self.write("include/postmodem/part.h", '#ifndef A_H\n#error "include postmodem/at.h"\n'
                                               "#endif\nstruct pm_part {\n    uint8_t a;\n};\n")

    def expect_headers(self, finding):
        self.expect("check_headers.py", finding)

    def test_clean(self):
        self.expect_headers(None)

    def test_no_compiler_is_a_failure(self):
        self.expect("check_headers.py", "0 findings", str(self.root), "no-such-compiler")

    def test_leans_on_another(self):
        self.write("include/postmodem/at.h", self.HEADER.replace("types.h", "platform.h")
                   .replace("uint8_t", "struct pm_file"))
        self.expect_headers("postmodem/at.h: does not compile")

    def test_word_of_cxx(self):
        self.write("include/postmodem/at.h", self.HEADER.replace("uint8_t a", "int class"))
        self.expect_headers("postmodem/at.h: does not compile with g++")

    def test_mangled_names(self):
        self.write("include/postmodem/at.h", self.HEADER.replace("__cplusplus", "NEVER"))
        self.expect_headers("has no C name")

    def test_part_by_itself(self):
        self.write("include/postmodem/part.h", '/* #error */\n#error "include postmodem/at.h"\n')
        self.expect_headers("postmodem/part.h: does not compile")


class Manual(Project):
    PAGE = (".TH X 1 2026-11-26\n.SH NAME\nx \\- y\n.SH SYNOPSIS\n.B postmodem serve\n.br\n.B postmodem demo\n"
            ".SH OPTIONS OF SERVE\n.TP\n.BI \\-\\-tcp \" ADDR\"\nA port.\n"
            ".TP\n.BR \\-\\-stdio\nA port.\n")
    KEYS = (".TH X 5 2026-11-26\n.SH NAME\nx \\- y\n.SH KEYS\n.TP\n\\fBport.N.tcp\\fR\nA port.\n"
            ".TP\n\\fBlog\\fR\nThe log.\n.SH EXIT STATUS\n.TP\n0\nAll is well.\n")
    PROGRAM = ("#!/bin/sh\ncase $1 in\n--help) printf '  postmodem serve [--tcp ADDR]\\n"
               "  postmodem demo\\n' ;;\n*) printf '  --tcp ADDR  a port\\n  --stdio  another\\n"
               "\\nKeys:\\n  port.N.tcp = X\\n      --x\\n  log = Y\\n' ;;\nesac\n")

    def expect_manual(self, finding, page=PAGE, keys=KEYS, program=PROGRAM):
        self.write("docs/postmodem.1", page)
        self.write("docs/postmodem.conf.5", keys)
        self.write("postmodem", program)
        (self.root / "postmodem").chmod(0o755)
        self.expect("check_manual.py", finding, str(self.root), str(self.root / "postmodem"))

    def test_clean(self):
        self.expect_manual(None)

    def test_option_without_paragraph(self):
        self.expect_manual("--stdio is in postmodem serve --help, not in OPTIONS OF SERVE",
                           self.PAGE.replace("\\-\\-stdio", "stdio"))

    def test_paragraph_without_option(self):
        self.expect_manual("--stdio is in OPTIONS OF SERVE, not in",
                           program=self.PROGRAM.replace("--stdio", "stdio"))

    def test_command_without_synopsis(self):
        self.expect_manual("demo is in postmodem --help, not in",
                           self.PAGE.replace("postmodem demo", "postmodem"))

    def test_key_without_paragraph(self):
        self.expect_manual("log is in postmodem serve --help, not in",
                           keys=self.KEYS.replace("\\fBlog", "\\fBlag"))

    def test_paragraph_without_key(self):
        self.expect_manual("log is in postmodem.conf.5, not in",
                           program=self.PROGRAM.replace("log =", "lag ="))

    @unittest.skipUnless(shutil.which("groff"), "no groff")
    def test_malformed(self):
        self.expect_manual("groff says", self.PAGE + ".NOSUCH\n")


class Install(Project):
    def test_nothing_is_installed(self):
        self.write("build/cmake_install.cmake", "")
        for name in ("bin/postmodem is not", "include/postmodem/at.h is not"):
            self.expect("check_install.py", name, str(self.root), str(self.root / "build"))


class Sizes(Project):
    CONFIG = ("#ifndef PM_LINE\n#define PM_LINE 8\n#endif\n#ifndef PM_OTHER\n"
              "#define PM_OTHER 8\n#endif\n#ifndef PM_MOST\n#define PM_MOST 8\n#endif\n"
              "#define PASTED(n, a, b) n##_##a##_##b\n#define SIZED(n, a, b) PASTED(n, a, b)\n"
              "#define pm_x_init SIZED(pm_x_init, PM_LINE, PM_OTHER)\n"
              "struct pm_x {\n    char line[PM_LINE], other[PM_OTHER];\n};\n"
              "void pm_x_init(struct pm_x *x);\n")

    def expect_sizes(self, finding, config, body="x->line[0] = 0;"):
        self.write("include/postmodem/config.h", config)
        self.write("include/postmodem/module.h", '#include "postmodem/config.h"\n')
        self.write("examples/embed.c", '#include "postmodem/config.h"\nint main(void)\n{\n'
                                       "    struct pm_x x;\n    pm_x_init(&x);\n}\n")
        library = self.build(config + "void pm_x_init(struct pm_x *x) {" + body + "}\n")
        self.expect("check_sizes.py", finding, str(self.root), library,
                    os.environ.get("PM_CC", "cc"))

    def test_clean(self):
        self.expect_sizes(None, self.CONFIG)

    def test_size_left_out(self):
        self.expect_sizes("PM_OTHER changes a struct and links",
                          self.CONFIG.replace("PM_LINE, PM_OTHER)", "PM_LINE, 8)"))

    def test_other_linker_errors_do_not_count(self):
        self.expect_sizes("does not link with the sizes of the library", self.CONFIG,
                          "extern void pm_gone(void); pm_gone();")


class MailCases(Project):
    """The project's own list with one thing changed."""
    ROOT = HERE.parents[1]

    @staticmethod
    def same(text):
        return text

    def expect_cases(self, finding, change=same, cases="", change_test=same):
        self.write("docs/mail-cases.md",
                   change((self.ROOT / "docs/mail-cases.md").read_text(encoding="utf-8")))
        for folder in ("hostile", "unit", "interop"):
            for path in (self.ROOT / "tests" / folder).glob("*.*"):
                if path.suffix in (".smtp", ".c", ".py"):
                    self.write(f"tests/{folder}/{path.name}",
                               change_test(path.read_text(encoding="utf-8")))
        self.write("tests/hostile/planted.smtp", cases)
        self.expect("check_mail_cases.py", finding)

    def test_clean(self):
        self.expect_cases(None)

    def test_row_that_is_gone(self):
        self.expect_cases("S3: no row", lambda text: text.replace("| S3 |", "| S33 |"))

    def test_test_that_is_gone(self):
        self.expect_cases("C6: no test interop.certificates:test_cards",
                          lambda text: text.replace("test_wildcards", "test_cards"))

    def test_test_that_is_not_run(self):
        def leave_out(text):
            return text.replace("        cmocka_unit_test(test_prefixes),",
                                "        /* cmocka_unit_test(test_prefixes), */")
        self.expect_cases("REPLY.prefix: no test unit.hostile_tables:test_prefixes",
                          change_test=leave_out)

    def test_row_without_a_test(self):
        self.expect_cases("SIZE: no test", lambda text: text.replace("`cases:SIZE`", "us"))

    def test_cases_that_are_gone(self):
        self.expect_cases("PIPE: no case PIPES",
                          lambda text: text.replace("`cases:PIPE`", "`cases:PIPES`"))

    def test_case_without_a_row(self):
        self.expect_cases("S99.new: a case without a row", cases="case S99.new\n")

    def test_case_twice(self):
        self.expect_cases("S1.helo: two cases", cases="case S1.helo\n")


class Transcripts(Project):
    """The project's own page and source, with one thing changed."""
    ROOT = HERE.parents[1]

    def expect_settings(self, finding, before="", after=""):
        for name in ("docs/transcripts.md", "src/play/transcript_settings.c"):
            self.write(name, (self.ROOT / name).read_text(encoding="utf-8").replace(before, after))
        self.expect("check_transcripts.py", finding)

    def test_clean(self):
        self.expect_settings(None)

    def test_setting_that_is_not_listed(self):
        self.expect_settings("reuse_seconds is not listed", "`reuse_seconds`", "")

    def test_word_that_is_not_listed(self):
        self.expect_settings("sim: pin is not listed", "`sim absent|pin`", "`sim absent`")

    def test_setting_that_is_not_there(self):
        self.expect_settings("chunking is no setting", '{"chunking off",', '{"bdat off",')

    def test_word_that_is_not_there(self):
        self.expect_settings("upl_crlf: off is none of its words", '{"upl_crlf off",', '{"upl_crlf no",')


if __name__ == "__main__":
    unittest.main()
