/* SPDX-License-Identifier: MIT */
/* The output buffer: order, log lines, secrets, and what does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smtp/output.h"

static struct pm_smtp_out out;

static struct pm_slice text_of(const char *text)
{
    return (struct pm_slice){(const uint8_t *)text, strlen(text)};
}

static int set_up(void **state)
{
    (void)state;
    memset(&out, 0, sizeof out);
    return 0;
}

static void add_line(const char *text)
{
    pm__smtp_put(&out, text);
    pm__smtp_end_line(&out);
}

static void expect_log(const char *text)
{
    struct pm_slice line;
    assert_true(pm__smtp_log_line(&out, &line));
    assert_int_equal(line.len, strlen(text));
    assert_memory_equal(line.ptr, text, line.len);
}

static void expect_output(const char *text)
{
    assert_int_equal(out.logged - out.head, strlen(text));
    assert_memory_equal(out.buf + out.head, text, strlen(text));
}

static void test_lines_leave_after_their_log(void **state)
{
    struct pm_slice line;
    (void)state;
    add_line("MAIL");
    add_line("RCPT");
    expect_output("");
    expect_log("MAIL");
    expect_output("MAIL\r\n");
    expect_log("RCPT");
    assert_false(pm__smtp_log_line(&out, &line));
    expect_output("MAIL\r\nRCPT\r\n");
    assert_int_equal(pm__smtp_sent(&out, 7), 1);
    expect_output("CPT\r\n");
    add_line("DATA");
    expect_output("CPT\r\n");
    expect_log("DATA");
    expect_output("CPT\r\nDATA\r\n");
    assert_int_equal(pm__smtp_sent(&out, 1000), 2);
    expect_output("");
    assert_int_equal(pm__smtp_sent(&out, 1), 0);
}

static void test_numbers(void **state)
{
    (void)state;
    pm__smtp_put_number(&out, 0);
    pm__smtp_put(&out, " ");
    pm__smtp_put_number(&out, UINT64_MAX);
    pm__smtp_end_line(&out);
    expect_log("0 18446744073709551615");
}

/* The parts are one text, however they are cut, and across the encoder's own pieces. */
static void test_base64(void **state)
{
    (void)state;
    static const uint8_t nul[1];
    const struct pm_slice parts[] = {
        {nul, 1}, text_of("tim"), {nul, 1}, {NULL, 0}, text_of("tanstaaftanstaaf")};
    pm__smtp_put_base64(&out, parts, 5);
    pm__smtp_end_line(&out);
    expect_log("AHRpbQB0YW5zdGFhZnRhbnN0YWFm");
    char text[200];
    char wanted[300];
    for (size_t n = 0; n < 150; n++) {
        memset(&out, 0, sizeof out);
        memset(text, 0, sizeof text);
        struct pm_slice two[] = {{(const uint8_t *)text, n / 3},
                                 {(const uint8_t *)text, n - n / 3}};
        pm__smtp_put_base64(&out, two, 2);
        pm__smtp_end_line(&out);
        memset(wanted, 'A', sizeof wanted);
        wanted[(n + 2) / 3 * 4] = '\0';
        if (n % 3 != 0) {
            memset(wanted + n / 3 * 4 + n % 3 + 1, '=', 3 - n % 3);
        }
        expect_log(wanted);
    }
}

/* A line that does not fit is taken back whole; lines before it stay. */
static void test_overflow(void **state)
{
    struct pm_slice line;
    (void)state;
    static char big[PM_SMTP_OUT_SIZE];
    memset(big, 'x', sizeof big - 1);
    add_line("NOOP");
    expect_log("NOOP");
    pm__smtp_put(&out, "A");
    add_line(big);
    assert_true(out.overflow);
    assert_false(pm__smtp_log_line(&out, &line));
    expect_output("NOOP\r\n");
    assert_int_equal(pm__smtp_room(&out), PM_SMTP_OUT_SIZE - 6);
    pm__smtp_forget(&out);
    assert_false(out.overflow);
    big[PM_SMTP_OUT_SIZE - 2] = '\0';
    add_line(big);
    assert_false(out.overflow);
    assert_int_equal(pm__smtp_room(&out), 0);
    expect_log(big);
    assert_int_equal(pm__smtp_sent(&out, 4000), 0);
    assert_int_equal(pm__smtp_room(&out), 4000);
    add_line("NOOP");
    expect_log("NOOP");
    assert_int_equal(pm__smtp_room(&out), 3994);
    assert_int_equal(pm__smtp_sent(&out, PM_SMTP_OUT_SIZE), 2);
}

static void test_secret(void **state)
{
    (void)state;
    pm__smtp_put(&out, "AUTH PLAIN ");
    pm__smtp_put(&out, "c2VjcmV0");
    pm__smtp_end_secret(&out, "AUTH PLAIN ***");
    expect_log("AUTH PLAIN ***");
    expect_output("AUTH PLAIN c2VjcmV0\r\n");
    assert_int_equal(pm__smtp_sent(&out, 100), 1);
    assert_true(pm__smtp_reveals(&out, text_of("500 AUTH PLAIN c2VjcmV0?"), text_of("")));
    assert_true(pm__smtp_reveals(&out, text_of("c2VjcmV0"), text_of("")));
    assert_false(pm__smtp_reveals(&out, text_of("500 AUTH PLAIN c2VjcmV"), text_of("")));
    assert_true(pm__smtp_reveals(&out, text_of("500 xpassword"), text_of("password")));
    assert_false(pm__smtp_reveals(&out, text_of("500 no"), text_of("password")));
    assert_false(pm__smtp_reveals(&out, text_of(""), text_of("")));
    pm__smtp_forget(&out);
    assert_false(pm__smtp_reveals(&out, text_of("c2VjcmV0"), text_of("")));
    static const uint8_t zero[PM_SMTP_OUT_SIZE];
    assert_memory_equal(out.buf, zero, sizeof zero);
}

static void test_search_finds_every_place(void **state)
{
    (void)state;
    assert_true(pm__smtp_reveals(&out, text_of("aab"), text_of("ab")));
    assert_true(pm__smtp_reveals(&out, text_of("ab"), text_of("ab")));
    assert_true(pm__smtp_reveals(&out, text_of("abxx"), text_of("ab")));
    assert_true(pm__smtp_reveals(&out, text_of("aaaab"), text_of("aab")));
    assert_false(pm__smtp_reveals(&out, text_of("aaa"), text_of("ab")));
    assert_false(pm__smtp_reveals(&out, text_of("a"), text_of("ab")));
    assert_false(pm__smtp_reveals(&out, text_of("xa"), text_of("ab")));
}

static void test_unlogged(void **state)
{
    struct pm_slice line;
    (void)state;
    pm__smtp_put_unlogged(&out, "\r\n");
    assert_false(pm__smtp_log_line(&out, &line));
    expect_output("\r\n");
    add_line(".");
    expect_log(".");
    expect_output("\r\n.\r\n");
    assert_int_equal(pm__smtp_sent(&out, 5), 2);
}

/* Nothing that has left stays behind when the rest moves up. */
static void test_moving_up_wipes(void **state)
{
    (void)state;
    add_line("first");
    add_line("second");
    expect_log("first");
    expect_log("second");
    assert_int_equal(pm__smtp_sent(&out, 7), 1);
    add_line("x");
    expect_log("x");
    expect_output("second\r\nx\r\n");
    static const uint8_t zero[16];
    assert_memory_equal(out.buf + out.tail, zero, sizeof zero);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lines_leave_after_their_log, set_up),
        cmocka_unit_test_setup(test_numbers, set_up),
        cmocka_unit_test_setup(test_base64, set_up),
        cmocka_unit_test_setup(test_overflow, set_up),
        cmocka_unit_test_setup(test_secret, set_up),
        cmocka_unit_test_setup(test_search_finds_every_place, set_up),
        cmocka_unit_test_setup(test_unlogged, set_up),
        cmocka_unit_test_setup(test_moving_up_wipes, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
