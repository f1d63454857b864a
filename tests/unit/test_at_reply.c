/* SPDX-License-Identifier: MIT */
/* Framing of replies under V, Q, S3, S4 and CMEE; holding back, flushing, running out of room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "at_rig.h"

#define OK  "\r\nOK\r\n"
#define NUM "form 2 count 0 -0 -1 -7\r\n"

static struct at_rig rig;

static void start(const char *input)
{
    at_rig_init(&rig, NULL);
    rig.at.set.echo = 0;
    assert_int_equal(at_rig_input(&rig, input, strlen(input)), 0);
}

static void expect_output(const char *expected)
{
    rig.out[rig.out_len] = '\0';
    assert_string_equal(rig.out, expected);
    rig.out_len = 0;
}

/* [device] mbed-os issues 12412 and 11192: one CRLF before the first line, one behind each. */
static void test_lines(void **state)
{
    (void)state;
    AT_REPLY("AT+NUM?\r", "\r\n" NUM OK);
    AT_REPLY("AT+LINES=3\r", "\r\n+LINES: 0\r\n+LINES: 1\r\n+LINES: 2\r\n" OK);
    AT_REPLY("AT+LINES=0\r", OK);
}

static void test_v0(void **state)
{
    (void)state;
    AT_REPLY("ATV0\rAT\rAT+NUM?\rAT+LINES=2\rAT+NONE\rATO\rATV1\r",
             "0\r0\r" NUM "0\r+LINES: 0\r\n+LINES: 1\r\n0\r4\r3\r" OK);
    AT_REPLY("ATV0\rAT+CME=3\rAT+CMEE=2\rAT+CME=3\rAT+CMEE=0\rAT+CME=3\r",
             "0\r+CME ERROR: 3\r\n0\r+CME ERROR: operation not allowed\r\n0\r4\r");
}

static void test_q1(void **state)
{
    (void)state;
    AT_REPLY("ATQ1\rAT\rAT+NUM?\rAT+NONE\rAT+CME=3\rATQ0\r", "\r\n" NUM OK);
    AT_REPLY("ATV0Q1\rAT+NUM?\rATO\rATQ0\r", NUM "0\r");
}

/* [device] BG770A: CMEE 0, 1, 2. */
static void test_cme(void **state)
{
    (void)state;
    AT_REPLY("AT+CME=3\r", "\r\n+CME ERROR: 3\r\n");
    AT_REPLY("AT+CMEE=0;+CME=3\r", "\r\nERROR\r\n");
    AT_REPLY("AT+CMEE=2;+CME=3\r", "\r\n+CME ERROR: operation not allowed\r\n");
    AT_REPLY("AT+CMEE=2;+CME=664\r", "\r\n+CME ERROR: 664\r\n"); /* SD46 */
    AT_REPLY("AT+CMEE=2;+CME=0\rAT+CMEE=1;+CME=0\rAT+CME=65535\r",
             "\r\n+CME ERROR: phone failure\r\n\r\n+CME ERROR: 0\r\n\r\n+CME ERROR: 65535\r\n");
}

/* The texts of 27.007 all fit the room that is kept back for a result. */
static void test_longest_cme(void **state)
{
    (void)state;
    for (uint32_t number = 0; number < 1000; number++) {
        char line[40];
        (void)snprintf(line, sizeof line, "AT+CMEE=2;+CME=%u\r", (unsigned)number);
        start(line);
        assert_true(rig.out_len < 100);
        assert_memory_equal(rig.out + rig.out_len - 2, "\r\n", 2);
    }
}

static struct pm_at_event running(const char *line)
{
    struct pm_at_event event;
    at_rig_init(&rig, NULL);
    rig.at.set.echo = 0;
    size_t len = strlen(line);
    assert_int_equal(pm_at_input(&rig.at, (const uint8_t *)line, len, 0), len);
    assert_int_equal(pm_at_next_event(&rig.at, &event, 0), PM_AT_EV_COMMAND);
    assert_true(pm_at_busy(&rig.at));
    return event;
}

static size_t visible(void)
{
    const uint8_t *data = NULL;
    return pm_at_output(&rig.at, &data);
}

/* SD57: nothing leaves before the result does. */
static void test_held_until_result(void **state)
{
    (void)state;
    (void)running("AT+NUM\r");
    pm_at_info(&rig.at);
    pm_at_put(&rig.at, "x");
    assert_int_equal(visible(), 0);
    pm_at_result(&rig.at, PM_AT_RESULT_OK, 0);
    assert_int_equal(visible(), 5 + 6);
    assert_false(pm_at_busy(&rig.at));
}

static void test_flush(void **state)
{
    (void)state;
    (void)running("AT+NUM\r");
    pm_at_info(&rig.at);
    pm_at_put(&rig.at, "x");
    pm_at_flush(&rig.at);
    assert_int_equal(visible(), 5);
    pm_at_put(&rig.at, "lost: no line is open");
    pm_at_info(&rig.at);
    pm_at_put_hex(&rig.at, 0xd35);
    pm_at_flush(&rig.at);
    pm_at_result(&rig.at, PM_AT_RESULT_OK, 0);
    at_rig_settle(&rig);
    expect_output("\r\nx\r\nd35\r\n" OK);
}

/* CD1: the first line without its CRLF. */
static void test_bare(void **state)
{
    (void)state;
    (void)running("AT+NUM\r");
    pm_at_info_bare(&rig.at);
    pm_at_put(&rig.at, "+QFUPL: 851,");
    pm_at_put_hex(&rig.at, 0x6d21);
    pm_at_result(&rig.at, PM_AT_RESULT_OK, 0);
    at_rig_settle(&rig);
    expect_output("+QFUPL: 851,6d21\r\n" OK);
}

/* +CMS ERROR in the three forms of CMEE; a number without a text stays a number. */
static void test_cms(void **state)
{
    (void)state;
    static const struct {
        uint8_t cmee;
        uint16_t number;
        const char *shown;
    } cases[] = {{0, 321, "\r\nERROR\r\n"},
                 {1, 321, "\r\n+CMS ERROR: 321\r\n"},
                 {2, 321, "\r\n+CMS ERROR: invalid memory index\r\n"},
                 {2, 10, "\r\n+CMS ERROR: 10\r\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)running("AT+NUM\r");
        rig.at.set.cmee = cases[i].cmee;
        pm_at_cms(&rig.at, cases[i].number, 0);
        at_rig_settle(&rig);
        expect_output(cases[i].shown);
    }
}

/* A second result, or one without a command, is nobody's. */
static void test_one_result(void **state)
{
    (void)state;
    (void)running("AT+NUM\r");
    pm_at_result(&rig.at, PM_AT_RESULT_ERROR, 0);
    pm_at_result(&rig.at, PM_AT_RESULT_OK, 0);
    pm_at_cme(&rig.at, 3, 0);
    pm_at_bad_parameter(&rig.at);
    pm_at_answer_test(&rig.at);
    pm_at_info(&rig.at);
    pm_at_put(&rig.at, "x");
    at_rig_settle(&rig);
    expect_output("\r\nERROR\r\n");
}

/* A line that does not fit vanishes; the result always fits. */
static void test_no_room(void **state)
{
    (void)state;
    static uint8_t big[PM_AT_OUT_SIZE];
    memset(big, 'x', sizeof big);
    (void)running("AT+NUM\r");
    pm_at_info(&rig.at);
    pm_at_put_bytes(&rig.at, big, sizeof big);
    pm_at_put(&rig.at, "tail of a lost line");
    pm_at_info(&rig.at);
    size_t room = pm_at_room(&rig.at);
    pm_at_put_bytes(&rig.at, big, room);
    assert_int_equal(pm_at_room(&rig.at), 0);
    pm_at_info(&rig.at);
    pm_at_put(&rig.at, "y");
    pm_at_cme(&rig.at, 3, 0);
    at_rig_settle(&rig);
    assert_int_equal(rig.out_len, 2 + room + 2 + strlen("\r\n+CME ERROR: 3\r\n"));
    assert_memory_equal(rig.out + rig.out_len - 5, ": 3\r\n", 5);
}

/* Many lines on a slow line: what is complete leaves when room gets scarce. */
static void test_many_lines(void **state)
{
    (void)state;
    static uint8_t line[100];
    memset(line, 'l', sizeof line);
    (void)running("AT+NUM\r");
    size_t printed = 0;
    for (int i = 0; i < 1000; i++) {
        while (pm_at_room(&rig.at) < sizeof line + 2) {
            const uint8_t *data = NULL;
            size_t n = pm_at_output(&rig.at, &data);
            assert_true(n > 0);
            printed += n;
            pm_at_output_ack(&rig.at, n);
        }
        pm_at_info(&rig.at);
        pm_at_put_bytes(&rig.at, line, sizeof line);
    }
    pm_at_result(&rig.at, PM_AT_RESULT_OK, 0);
    assert_int_equal(printed + visible(), 2 + 1000 * 102 + 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),       cmocka_unit_test(test_v0),
        cmocka_unit_test(test_q1),          cmocka_unit_test(test_cme),
        cmocka_unit_test(test_longest_cme), cmocka_unit_test(test_held_until_result),
        cmocka_unit_test(test_flush),       cmocka_unit_test(test_bare),
        cmocka_unit_test(test_cms),         cmocka_unit_test(test_one_result),
        cmocka_unit_test(test_no_room),     cmocka_unit_test(test_many_lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
