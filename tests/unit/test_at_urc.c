/* SPDX-License-Identifier: MIT */
/* Unsolicited result codes: where they may stand, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "at_rig.h"

#define OK "\r\nOK\r\n"
#define U  "\r\n+U\r\n"

static struct at_rig rig;

#define CHECK(expected, ...)                                                     \
    do {                                                                         \
        const struct at_step check_steps[] = {AT_SAY(0, "ATE0\r"), __VA_ARGS__}; \
        AT_CHECK(NULL, check_steps, AT_QUIET_E expected);                        \
    } while (0)
#define AT_QUIET_E "ATE0\r" OK

static void test_idle(void **state)
{
    (void)state;
    CHECK(U OK, AT_URC(100, "+U"), AT_SAY(101, "AT\r"));
    CHECK(U "\r\n+V\r\n" OK, AT_URC(100, "+U"), AT_URC(100, "+V"), AT_SAY(100, "AT\r"));
    CHECK(OK U, AT_SAY(100, "AT\r"), AT_URC(100, "+U"));
}

/* Never inside a command or between commands that wait. */
static void test_busy(void **state)
{
    (void)state;
    CHECK("\r\n+SLOW: 1\r\n" OK OK U, AT_SAY(0, "AT+SLOW=100\r"), AT_URC(50, "+U"),
          AT_SAY(60, "AT\r"));
    CHECK(OK OK U, AT_SAY(10, "AT+URC=0,\"+U\"\rAT\r"));
    CHECK(OK U OK, AT_SAY(10, "AT+URC=0,\"+U\"\r"), AT_SAY(11, "AT\r"));
}

/* SD57: not before its time, also when the port is idle. */
static void test_not_before(void **state)
{
    (void)state;
    CHECK(OK OK U OK, AT_SAY(10, "AT+URC=20,\"+U\"\r"), AT_SAY(29, "AT\r"), AT_SAY(30, "AT\r"));
}

/* SD37: a half-typed line holds it back for two seconds. */
static void test_half_typed(void **state)
{
    (void)state;
    CHECK(OK U, AT_SAY(1000, "AT"), AT_URC(1001, "+U"), AT_SAY(2999, "\r"));
    CHECK(U OK, AT_SAY(1000, "AT"), AT_URC(1001, "+U"), AT_SAY(3000, "\r"));
    CHECK(U OK, AT_SAY(1000, "a"), AT_URC(1001, "+U"), AT_SAY(3000, "t\r"));
    /* Noise that starts no line does not. */
    CHECK(U, AT_SAY(1000, "\xff\0x"), AT_URC(1001, "+U"));
}

static void test_data_mode(void **state)
{
    (void)state;
    CHECK("\r\nCONNECT\r\n\r\n+UP: 1,61,0\r\n" OK U, AT_SAY(10, "AT+UP=1\r"), AT_URC(15, "+U"),
          AT_SAY(6000, "a"));
    CHECK("\r\nCONNECT\r\n\r\n+UP: 1,61,0\r\n" OK U U, AT_SAY(10, "AT+UP=1\r"), AT_URC(15, "+U"),
          AT_URC(5000, "+U"), AT_SAY(6000, "a"), AT_DO(6001, AT_STEP_WAIT));
}

static void test_framing(void **state)
{
    (void)state;
    CHECK("0\r+U\r\n", AT_SAY(10, "ATV0\r"), AT_URC(20, "+U"));
    CHECK(U, AT_SAY(10, "ATQ1\r"), AT_URC(20, "+U")); /* CD18 */
    CHECK("\r.OK\r."
          "\r.+U\r.",
          AT_SAY(10, "ATS4=46\r"), AT_URC(20, "+U"));
    CHECK("\r\n\r\n", AT_URC(20, ""));
}

/* When the queue is full the oldest go; one that never fits is refused. */
static void test_full(void **state)
{
    (void)state;
    char text[PM_AT_URC_SIZE + 1];
    memset(text, 'x', sizeof text);
    at_rig_init(&rig, NULL);
    assert_false(pm_at_urc(&rig.at, text, PM_AT_URC_SIZE, 0));
    assert_true(pm_at_urc(&rig.at, "first", 5, 0));
    assert_true(pm_at_urc(&rig.at, "second", 6, 0));
    assert_true(pm_at_urc(&rig.at, text, PM_AT_URC_SIZE - 40, 0));
    at_rig_to(&rig, 10);
    assert_int_equal(rig.out_len, 10 + 4 + PM_AT_URC_SIZE - 40);
    assert_memory_equal(rig.out, "\r\nsecond\r\n\r\nxx", 14);
}

/* An unread port keeps them; the deadline does not turn into a busy loop. */
static void test_no_room(void **state)
{
    (void)state;
    char text[400];
    memset(text, 'x', sizeof text);
    at_rig_init(&rig, NULL);
    rig.deaf = true;
    for (uint32_t i = 1; i < 100; i++) {
        assert_true(pm_at_urc(&rig.at, text, sizeof text, 0));
        at_rig_to(&rig, 10 * (uint64_t)i);
    }
    assert_true(pm_at_deadline(&rig.at) == PM_NEVER);
    rig.deaf = false;
    at_rig_settle(&rig);
    at_rig_to(&rig, 2000);
    assert_int_equal(rig.out_len, (PM_AT_OUT_SIZE / 404 + 1) * 404);
}

static void test_deadline(void **state)
{
    (void)state;
    at_rig_init(&rig, NULL);
    assert_true(pm_at_deadline(&rig.at) == PM_NEVER);
    rig.now = 500;
    assert_int_equal(at_rig_input(&rig, "AT", 2), 0);
    assert_true(pm_at_urc(&rig.at, "+U", 2, 510));
    assert_true(pm_at_deadline(&rig.at) == 2500);
    assert_int_equal(at_rig_input(&rig, "\r", 1), 0);
    assert_true(pm_at_deadline(&rig.at) == 510);
}

/* An owner that knows where a piece ends need not wait for the millisecond's end. */
static void test_input_end(void **state)
{
    (void)state;
    CHECK(OK U OK, AT_SAY(10, "AT\r"), AT_URC(10, "+U"), AT_DO(10, AT_STEP_INPUT_END),
          AT_SAY(10, "AT\r"));
    CHECK(OK U OK, AT_SAY(10, "AT\r"), AT_DO(10, AT_STEP_INPUT_END), AT_URC(10, "+U"),
          AT_DO(10, AT_STEP_WAIT), AT_SAY(10, "AT\r"));
    /* More input is a new piece; half a line is half a line; and time still counts. */
    CHECK(OK OK OK U, AT_SAY(10, "AT\r"), AT_DO(10, AT_STEP_INPUT_END), AT_SAY(10, "AT\r"),
          AT_URC(10, "+U"), AT_SAY(10, "AT\r"));
    CHECK(OK U, AT_SAY(1000, "AT"), AT_DO(1000, AT_STEP_INPUT_END), AT_URC(1001, "+U"),
          AT_SAY(2999, "\r"));
    CHECK(OK OK U OK, AT_SAY(10, "AT+URC=20,\"+U\"\r"), AT_DO(10, AT_STEP_INPUT_END),
          AT_SAY(29, "AT\r"), AT_SAY(30, "AT\r"));
    /* Noise behind a command is the last that holds it back: when it is read nothing is due. */
    CHECK("\r\n+SLOW: 1\r\n" OK "\r\nform 1 count 0 -0 -1 -7\r\n" OK U,
          AT_SAY(10, "AT+SLOW=9\rAT+NUM\r!"), AT_DO(10, AT_STEP_INPUT_END), AT_URC(10, "+U"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle),       cmocka_unit_test(test_busy),
        cmocka_unit_test(test_not_before), cmocka_unit_test(test_half_typed),
        cmocka_unit_test(test_data_mode),  cmocka_unit_test(test_framing),
        cmocka_unit_test(test_full),       cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_deadline),   cmocka_unit_test(test_input_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
