/* SPDX-License-Identifier: MIT */
/* The line discipline: prefix, line ends, echo, editing, over-long lines, A/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "at_rig.h"

static struct at_rig rig;

/* [device] gammu issue 468, BG770A: echo includes the CR, no LF is added. */
static void test_echo(void **state)
{
    (void)state;
    AT_LINE("AT\r", "AT\r\r\nOK\r\n");
    AT_LINE("ATI\r", "ATI\r\r\nQuectel\r\nAG35\r\n\r\nOK\r\n");
    AT_LINE("AT+MODE=2\r", "AT+MODE=2\r\r\nERROR\r\n");
    AT_LINE("aT+num?\r", "aT+num?\r\r\nform 2 count 0 -0 -1 -7\r\n\r\nOK\r\n");
}

/* [device] BG770A: ATE0 is still echoed, ATE1 is not. */
static void test_echo_switch(void **state)
{
    (void)state;
    AT_LINE("ATE0\rAT\rATE1\rAT\r", "ATE0\r\r\nOK\r\n\r\nOK\r\n\r\nOK\r\nAT\r\r\nOK\r\n");
}

static void test_line_ends(void **state)
{
    (void)state;
    AT_LINE("AT\r\n", "AT\r\r\nOK\r\n");
    AT_LINE("AT\r\n\r\nAT\r\n\r\n", "AT\r\r\nOK\r\nAT\r\r\nOK\r\n");
    AT_LINE("\r\n\r\r\n\n", "");
    AT_LINE("AT\nI\r", "ATI\r\r\nQuectel\r\nAG35\r\n\r\nOK\r\n");
    AT_LINE("AT\n", "AT"); /* LF alone ends nothing (CD39). */
    AT_LINE("AT", "AT");
}

static void test_lf_ends_line(void **state)
{
    (void)state;
    const struct at_rig_config config = {.lf_ends_line = true};
    const struct at_step lf[] = {AT_SAY(0, "ATE0\nAT\nAT\r\nAT+NUM=\"\nAT\n")};
    AT_CHECK(&config, lf, "ATE0\n\r\nOK\r\n\r\nOK\r\n\r\nOK\r\n\r\n+CME ERROR: 664\r\n\r\nOK\r\n");
}

/* V.250 5.2.1: what stands before the prefix is ignored. */
static void test_noise(void **state)
{
    (void)state;
    AT_LINE("hello\r", "");
    AT_LINE("+++AT\r", "AT\r\r\nOK\r\n");
    AT_LINE("A\rT\rA T\rAAT\r", "AT\r\r\nOK\r\n");
    AT_LINE("\0\0a\0\xff"
            "atAT\r",
            "atAT\r\r\nERROR\r\n");
    AT_LINE("noise AT\r", "AT\r\r\nOK\r\n");
}

static void test_s3_changes(void **state)
{
    (void)state;
    AT_REPLY("ATS3=33\rAT!AT\r!", "!\nOK!\n"
                                  "!\nOK!\n"
                                  "!\nOK!\n");
    AT_REPLY("ATS4=46\rAT\r", "\r.OK\r."
                              "\r.OK\r.");
    AT_REPLY("ATS3=10\rAT\nAT\r\n", "\n\nOK\n\n"
                                    "\n\nOK\n\n"
                                    "\n\nOK\n\n");
}

static void test_editing(void **state)
{
    (void)state;
    AT_LINE("AT+X\b\bI\r", "AT+X\b \b\b \bI\r\r\nQuectel\r\nAG35\r\n\r\nOK\r\n");
    AT_LINE("AT\b\b\x7f\r", "AT\r\r\nOK\r\n");
    AT_REPLY("ATX\x7fI\r", "\r\nQuectel\r\nAG35\r\n\r\nOK\r\n");
    AT_REPLY("ATS5=35\rATX#\r", "\r\nOK\r\n\r\nOK\r\n");
    AT_REPLY("AT+STR=\"\b\n\"ab\"\r", "\r\nform 8 count 1 \"ab\" -0\r\n\r\nOK\r\n");
    AT_REPLY("AT+STR=\"a\"\b\nb\"\r", "\r\nERROR\r\n");
    /* A deleted quote is open no more, a deleted closing one is open again. */
    AT_REPLY("AT+STR=\"\b\"ab\"\r", "\r\nform 8 count 1 \"ab\" -0\r\n\r\nOK\r\n");
    AT_REPLY("AT+STR=\"a\"\b;b\"\r", "\r\nform 8 count 1 \"a;b\" -0\r\n\r\nOK\r\n");
}

static void test_control_bytes(void **state)
{
    (void)state;
    AT_LINE("AT\x01\0\x1b\tI\r", "ATI\r\r\nQuectel\r\nAG35\r\n\r\nOK\r\n");
    /* Inside an open quote they stay, and the string is refused (SD12). */
    AT_REPLY("AT+STR=\"a\nb\"\r", "\r\nERROR\r\n");
    AT_REPLY("AT+STR=\"a\0b\"\r", "\r\nERROR\r\n");
    AT_REPLY("AT+STR=\"a\tb\"\r", "\r\nERROR\r\n");
    AT_REPLY("AT+STR=\"\xe4\xff\"\r", "\r\nform 8 count 1 \"\xe4\xff\" -0\r\n\r\nOK\r\n");
}

/* CD27: a line end ends a line inside an open quote, too. */
static void test_open_quote(void **state)
{
    (void)state;
    AT_REPLY("AT+STR=\"abc\rAT\r", "\r\nERROR\r\n\r\nOK\r\n");
    AT_REPLY("AT+STR=\"\"\"\rAT\r", "\r\nERROR\r\n\r\nOK\r\n");
    AT_REPLY("AT\"\rAT\r", "\r\nERROR\r\n\r\nOK\r\n");
}

static void test_repeat(void **state)
{
    (void)state;
    AT_LINE("A/", "A/\r\nOK\r\n");
    AT_LINE("AT+CME=3\rA/a/", "AT+CME=3\r\r\n+CME ERROR: 3\r\n"
                              "A/\r\n+CME ERROR: 3\r\na/\r\n+CME ERROR: 3\r\n");
    AT_REPLY("ATI\rjunk\rA/\r\nAT\r",
             "\r\nQuectel\r\nAG35\r\n\r\nOK\r\n\r\nQuectel\r\nAG35\r\n\r\nOK\r\n\r\nOK\r\n");
    AT_REPLY(
        "AT+LINES=1;+LINES=1\rA/",
        "\r\n+LINES: 0\r\n\r\n+LINES: 0\r\n\r\nOK\r\n\r\n+LINES: 0\r\n\r\n+LINES: 0\r\n\r\nOK\r\n");
}

/* The longest line runs, one byte more is ERROR (CD13), and A/ repeats that. */
static void test_longest_line(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        at_rig_init(&rig, NULL);
        size_t len = PM_AT_LINE_SIZE + over;
        char *line = malloc(len);
        assert_non_null(line);
        memset(line, ' ', len);
        assert_int_equal(at_rig_input(&rig, "ATE0\rAT", 7), 0);
        assert_int_equal(at_rig_input(&rig, line, len), 0);
        assert_int_equal(at_rig_input(&rig, "\rA/AT\r", 6), 0);
        free(line);
        rig.out[rig.out_len] = '\0';
        assert_string_equal(rig.out + 11, over != 0 ? "\r\nERROR\r\n\r\nERROR\r\n\r\nOK\r\n"
                                                    : "\r\nOK\r\n\r\nOK\r\n\r\nOK\r\n");
    }
}

static void feed_many(const char *piece, size_t len, size_t total)
{
    char block[4096];
    for (size_t i = 0; i < sizeof block; i++) {
        block[i] = piece[i % len];
    }
    for (size_t sent = 0; sent < total; sent += sizeof block) {
        assert_int_equal(at_rig_input(&rig, block, sizeof block), 0);
    }
}

/* A host that floods without reading: nothing blocks, then AT answers. */
static void test_floods(void **state)
{
    (void)state;
    static const struct {
        const char *piece;
        size_t len, total;
        const char *end;
    } floods[] = {{"\0", 1, 10u << 20, "AT\r\r\nOK\r\n"},
                  {"A", 1, 1u << 20, "AT\r\r\nOK\r\n"},
                  {"U\r\n", 3, 1u << 20, "AT\r\r\nOK\r\n"},
                  {"\xff\xfe", 2, 1u << 20, "AT\r\r\nOK\r\n"}};
    for (size_t i = 0; i < sizeof floods / sizeof floods[0]; i++) {
        at_rig_init(&rig, NULL);
        rig.deaf = true;
        feed_many(floods[i].piece, floods[i].len, floods[i].total);
        assert_int_equal(at_rig_input(&rig, "AT\r", 3), 0);
        rig.deaf = false;
        at_rig_settle(&rig);
        rig.out[rig.out_len] = '\0';
        assert_string_equal(rig.out, floods[i].end);
    }
}

/* A line of 1 MB from a host that does not read meanwhile. */
static void test_megabyte_line(void **state)
{
    (void)state;
    at_rig_init(&rig, NULL);
    assert_int_equal(at_rig_input(&rig, "ATE0\r", 5), 0);
    rig.out_len = 0;
    rig.deaf = true;
    assert_int_equal(at_rig_input(&rig, "AT+STR=\"", 8), 0);
    feed_many("x\"y", 3, 1u << 20);
    assert_int_equal(at_rig_input(&rig, "\rAT\r", 4), 0);
    rig.deaf = false;
    at_rig_settle(&rig);
    rig.out[rig.out_len] = '\0';
    assert_string_equal(rig.out, "\r\nERROR\r\n\r\nOK\r\n");
}

/* What was echoed of an over-long line does not depend on the cuts. */
static void test_long_echo(void **state)
{
    (void)state;
    static const size_t pieces[] = {PM_AT_LINE_SIZE + 100, 1, 1000};
    static char out[2 * PM_AT_LINE_SIZE];
    static char line[PM_AT_LINE_SIZE + 100];
    memset(line, 'x', sizeof line);
    for (size_t run = 0; run < 3; run++) {
        at_rig_init(&rig, NULL);
        assert_int_equal(at_rig_input(&rig, "AT", 2), 0);
        for (size_t i = 0; i < sizeof line;) {
            size_t n = sizeof line - i < pieces[run] ? sizeof line - i : pieces[run];
            assert_int_equal(at_rig_input(&rig, line + i, n), 0);
            i += n;
        }
        assert_int_equal(at_rig_input(&rig, "\r", 1), 0);
        assert_int_equal(rig.out_len, 2 + PM_AT_LINE_SIZE + 1 + 9);
        if (run > 0) {
            assert_memory_equal(out, rig.out, rig.out_len);
        }
        memcpy(out, rig.out, rig.out_len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),          cmocka_unit_test(test_echo_switch),
        cmocka_unit_test(test_line_ends),     cmocka_unit_test(test_lf_ends_line),
        cmocka_unit_test(test_noise),         cmocka_unit_test(test_s3_changes),
        cmocka_unit_test(test_editing),       cmocka_unit_test(test_control_bytes),
        cmocka_unit_test(test_open_quote),    cmocka_unit_test(test_repeat),
        cmocka_unit_test(test_longest_line),  cmocka_unit_test(test_floods),
        cmocka_unit_test(test_megabyte_line), cmocka_unit_test(test_long_echo)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
