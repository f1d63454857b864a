/* SPDX-License-Identifier: MIT */
/* Reading transcripts: bytes and tags, and every error with its line. */
#include "play/transcript.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool read_text(struct transcript *t, const char *text)
{
    return transcript_read(t, "x.at", text, strlen(text));
}

/* The first step's bytes. */
static void reads(const char *text, char kind, const char *bytes)
{
    struct transcript t;
    char whole[300];
    (void)snprintf(whole, sizeof whole, "%s\n< OK [manual]\n", text);
    assert_true(read_text(&t, whole));
    assert_int_equal(t.count, 2);
    assert_int_equal(t.steps[0].kind, kind);
    assert_int_equal(t.steps[0].len, strlen(bytes));
    assert_memory_equal(t.steps[0].bytes, bytes, strlen(bytes));
    transcript_free(&t);
}

static void bytes_are_framed(void **state)
{
    (void)state;
    reads("> AT", '>', "AT\r");
    reads(">", '>', "\r");
    reads(">> AT", '>', "AT");
    reads(">>* 3 ab", '>', "ababab");
    reads("< OK   [device]", '<', "\r\nOK\r\n");
    reads("<+ more [device]", '<', "more\r\n");
    reads("<< raw [device]", '<', "raw");
    reads("<<* 2 xy [device]", '<', "xyxy");
    reads("<~ +CSQ: *,99 [device]", '~', "\r\n+CSQ: *,99\r\n");
    reads(">> \\r\\n\\t\\\\\\x41", '>', "\r\n\t\\A");
    reads(">> a\\{3:b\\x43}d", '>', "abCbCbCd");
    reads(">> [manual]", '>', "[manual]"); /* What is typed has no tag. */
    reads("< [a] [manual]", '<', "\r\n[a]\r\n");
    reads("<< x  ]  [inferred]", '<', "x  ]");
    reads("> AT\r", '>', "AT\r"); /* a file with CR LF */
    reads("\xEF\xBB\xBF> AT", '>', "AT\r");
    reads("wait 5", ' ', "5");
}

static void tags_hold(void **state)
{
    (void)state;
    struct transcript t;
    assert_true(read_text(&t, "# comment\n\ntag device\n< a\n< b [manual]\ntag inferred\n<+ c\n"));
    assert_int_equal(t.count, 3);
    assert_int_equal(t.expectations, 3);
    assert_int_equal(t.steps[0].tag, TRANSCRIPT_DEVICE);
    assert_int_equal(t.steps[0].line, 4);
    assert_int_equal(t.steps[1].tag, TRANSCRIPT_MANUAL);
    assert_int_equal(t.steps[2].tag, TRANSCRIPT_INFERRED);
    transcript_free(&t);
}

/* A list of settings, and whether each is one. */
static void settings_are_checked(void **state)
{
    static const struct {
        const char *pair, *error; /* NULL: it is one */
    } rows[] = {
        {"limits wide", NULL},
        {"boot_urcs on", NULL},
        {"boot_urcs 3", NULL},
        {"ports 3", NULL},
        {"urc_gap 4294967295", NULL},
        {"policy_from a@example.com", NULL},
        {"auth_in_clear never", NULL},
        {"limit wide", "unknown setting \"limit\""},
        {"limitswide", "unknown setting \"limitswide\""},
        {"", "unknown setting \"\""},
        {"limits wode", "setting limits: \"wode\" is not allowed; allowed: wide"},
        {"limits", "setting limits: \"\" is not allowed; allowed: wide"},
        {"limits wide ", "setting limits: \"wide \" is not allowed; allowed: wide"},
        {"policy_tls ssl",
         "setting policy_tls: \"ssl\" is not allowed; allowed: none, starttls, tls"},
        {"boot_urcs 4", "setting boot_urcs: \"4\" is not allowed; allowed: on, 1-3"},
        {"ports 0", "setting ports: \"0\" is not allowed; allowed: 1-3"},
        {"urc_gap", "setting urc_gap: \"\" is not allowed; allowed: 0-4294967295"},
        {"urc_gap -1", "setting urc_gap: \"-1\" is not allowed; allowed: 0-4294967295"},
        {"urc_gap 5x", "setting urc_gap: \"5x\" is not allowed; allowed: 0-4294967295"},
        {"urc_gap 4294967296",
         "setting urc_gap: \"4294967296\" is not allowed; allowed: 0-4294967295"},
        {"policy_port 99999999999999999999",
         "setting policy_port: \"99999999999999999999\" is not allowed; allowed: 0-65535"},
        {"policy_from ", "setting policy_from: \"\" is not allowed; allowed: a text behind it"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char err[200] = "";
        assert_int_equal(transcript_setting_check(rows[i].pair, err, sizeof err),
                         rows[i].error == NULL);
        assert_string_equal(err, rows[i].error != NULL ? rows[i].error : "");
    }
}

/* What to do about a missing tag. */
#define HINT ": put one, such as [inferred], behind its text, or a line \"tag inferred\" above"
/* What a tag may be. */
#define TAGS ": a tag is manual, device or inferred"

static void errors_have_their_line(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"", "x.at: nothing is expected"},
        {"> AT\n", "x.at:1: nothing is expected"},
        {"< OK\n", "x.at:1: an expectation without a tag" HINT},
        {"< OK []\n", "x.at:1: an expectation without a tag" HINT},
        {"< OK [a b]\n", "x.at:1: an expectation without a tag" HINT},
        {"< OK [devcie]\n", "x.at:1: unknown tag \"devcie\"" TAGS},
        {"< [x] OK [\xff]\n", "x.at:1: unknown tag \"\\xFF\"" TAGS},
        {"tag rumour\n< OK\n", "x.at:1: unknown tag \"rumour\"" TAGS},
        {"tag \n< OK\n", "x.at:1: unknown tag \"\"" TAGS},
        {"\nset limit wide\n", "x.at:2: unknown setting \"limit\""},
        {"set limits wode\n< OK [manual]\n",
         "x.at:1: setting limits: \"wode\" is not allowed; allowed: wide"},
        {"set\n< OK [manual]\n", "x.at:1: a setting is \"set KEY VALUE\""},
        /* What comes first in the file is told. */
        {"set limit wide\n< OK [devcie]\n", "x.at:1: unknown setting \"limit\""},
        {"< OK [devcie]\nset limit wide\n", "x.at:1: unknown tag \"devcie\"" TAGS},
        {"set a \\q\n", "x.at:1: a backslash begins \\r, \\n, \\t, \\\\, \\xHH or \\{N:text}"},
        {"]\n", "x.at:1: unknown directive \"]\""},
        {"<]\n", "x.at:1: no such mark: >, >>, >>*, <, <+, <<, <<* or <~"},
        {"\n\nfrobnicate 1\n", "x.at:3: unknown directive \"frobnicate\""},
        {"\xEF\xBB\xBF\xEF\xBB\xBF> AT\n", "x.at:1: unknown directive \"\\xEF\\xBB\\xBF>\""},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
         "x.at:1: unknown directive \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""},
        {"waiting 1\n", "x.at:1: unknown directive \"waiting\""},
        {"tag manual\n<? OK\n", "x.at:2: no such mark: >, >>, >>*, <, <+, <<, <<* or <~"},
        {">AT\n", "x.at:1: no such mark: >, >>, >>*, <, <+, <<, <<* or <~"},
        {">> a\\q\n", "x.at:1: a backslash begins \\r, \\n, \\t, \\\\, \\xHH or \\{N:text}"},
        {">> \\\n", "x.at:1: a backslash begins \\r, \\n, \\t, \\\\, \\xHH or \\{N:text}"},
        {">> \\x4\n", "x.at:1: a backslash begins \\r, \\n, \\t, \\\\, \\xHH or \\{N:text}"},
        {">> \\x4g\n", "x.at:1: a backslash begins \\r, \\n, \\t, \\\\, \\xHH or \\{N:text}"},
        {">> \\{3:ab\n", "x.at:1: a repetition is \\{N:text}"},
        {">> \\{:ab}\n", "x.at:1: a repetition is \\{N:text}"},
        {">> \\{-1:ab}\n", "x.at:1: a repetition is \\{N:text}"},
        {">> \\{0:ab}\n", "x.at:1: nothing is repeated"},
        {">> \\{9:}\n", "x.at:1: nothing is repeated"},
        {">>* 4000000000 \n", "x.at:1: a number of repetitions is missing"},
        {">>* 40000000 \n", "x.at:1: nothing is repeated"},
        {">>* 40000000 four\n", "x.at:1: the transcript is too large"},
        {">> \\{60000000:ab}\n", "x.at:1: the transcript is too large"},
        {">> \\{60000000:a}\n>> \\{60000000:a}\n", "x.at:2: the transcript is too large"},
        {">>* x\n", "x.at:1: a number of repetitions is missing"},
        {">>\n", "x.at:1: nothing is typed or expected"},
        {"cuts 0\n", "x.at:1: cuts need a distance"},
        {"log-has \\z\n", "x.at:1: a backslash begins \\r, \\n, \\t, \\\\, \\xHH or \\{N:text}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct transcript t;
        assert_false(read_text(&t, rows[i].text));
        assert_string_equal(t.error, rows[i].error);
        transcript_free(&t);
    }
}

static void hostile_files_are_refused(void **state)
{
    struct transcript t;
    const size_t size = 70000;
    char *text = malloc(size);
    (void)state;
    assert_non_null(text);
    assert_false(transcript_read(&t, "x.at", "> A\0T\n", 6));
    assert_string_equal(t.error, "x.at:1: a zero byte");
    transcript_free(&t);
    memset(text, 'a', size);
    text[0] = '>';
    text[1] = ' ';
    assert_false(transcript_read(&t, "x.at", text, size));
    assert_string_equal(t.error, "x.at:1: the line is too long");
    transcript_free(&t);
    free(text);
    assert_false(transcript_load(&t, "/nonexistent/x.at"));
    assert_string_equal(t.error, "/nonexistent/x.at: No such file or directory");
    transcript_free(&t);
}

/* Addresses are right although the text has moved while it grew. */
static void many_steps(void **state)
{
    struct transcript t;
    const size_t steps = 5000;
    char *text = malloc(steps * 40);
    size_t len = 0;
    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < steps; i++) {
        len += (size_t)sprintf(text + len, "wait %zu\n<< \\{20:%zu} [device]\n", i, i % 10);
    }
    assert_true(transcript_read(&t, "x.at", text, len));
    free(text);
    assert_int_equal(t.count, 2 * steps);
    for (size_t i = 0; i < steps; i++) {
        char word[32];
        (void)snprintf(word, sizeof word, "wait %zu", i);
        assert_string_equal(t.steps[2 * i].word, word);
        assert_int_equal(t.steps[2 * i + 1].len, 20);
        assert_int_equal(t.steps[2 * i + 1].bytes[19], '0' + i % 10);
    }
    transcript_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_framed),          cmocka_unit_test(tags_hold),
        cmocka_unit_test(settings_are_checked),      cmocka_unit_test(errors_have_their_line),
        cmocka_unit_test(hostile_files_are_refused), cmocka_unit_test(many_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
