/* SPDX-License-Identifier: MIT */
/* Data mode: CONNECT, counted end, limits, +++, DTR, a lost host, slow owners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "at_rig.h"

#define OK      "\r\nOK\r\n"
#define CONNECT "\r\nCONNECT\r\n"
/* +UP prints length, sum and how data mode ended. */
#define BY_COUNT(what)  "\r\n+UP: " what ",0\r\n" OK
#define BY_ESCAPE(what) "\r\n+UP: " what ",1\r\n" OK
#define BY_DTR(what)    "\r\n+UP: " what ",2\r\n" OK
#define BY_TIME(what)   "\r\n+UP: " what ",3\r\n" OK
#define UP(parameters)  AT_SAY(0, "ATE0\rAT+UP=" parameters "\r")

static struct at_rig rig;

/* CONNECT comes 10 ms after the command; `...` are the steps, then the expected output. */
#define CHECK(expected, ...)                                \
    do {                                                    \
        const struct at_step check_steps[] = {__VA_ARGS__}; \
        AT_CHECK(NULL, check_steps, AT_QUIET expected);     \
    } while (0)

static void test_counted(void **state)
{
    (void)state;
    CHECK(CONNECT BY_COUNT("5,5e918d2"), UP("5"), AT_SAY(10, "hello"));
    CHECK(CONNECT BY_COUNT("5,5e918d2"), UP("5"), AT_SAY(10, "he"), AT_SAY(5000, "llo"));
    CHECK(CONNECT BY_COUNT("8,8f67bb78"), UP("8"), AT_SAY(11, "\0\x1a\x1b\"+\r\n\xff"));
    CHECK(CONNECT BY_COUNT("1,a"), UP("1"), AT_SAY(10, "\n"));
}

/* CD26, SD25: what comes between the command's CR and CONNECT is no data. */
static void test_before_connect(void **state)
{
    (void)state;
    CHECK(CONNECT BY_COUNT("5,5e918d2"), AT_SAY(0, "ATE0\rAT+UP=5\r\n\r\nXXX"), AT_SAY(9, "YYY+++"),
          AT_SAY(10, "hello"));
    const struct at_step slow[] = {AT_SAY(0, "ATE0\rAT+SLOW=100;+UP=5\r"), AT_SAY(50, "AT\rAT\rAT"),
                                   AT_SAY(109, "AT\r"), AT_SAY(110, "hello")};
    AT_CHECK(NULL, slow, AT_QUIET "\r\n+SLOW: 1\r\n" CONNECT BY_COUNT("5,5e918d2"));
}

/* SD23, CD40: what follows the count is command input; println's CRLF is an empty line. */
static void test_after_count(void **state)
{
    (void)state;
    CHECK(CONNECT BY_COUNT("5,5e918d2") OK OK, UP("5"), AT_SAY(10, "hello\r\nAT\r\nAT\r"));
    CHECK(CONNECT BY_COUNT("5,5e918d2") OK, UP("5"), AT_SAY(10, "helloAT\r"));
}

/* Without a delay the rest of the line end that comes in the same millisecond is no data. */
static void test_no_delay(void **state)
{
    (void)state;
    const struct at_rig_config config = {.no_delay = true};
    const struct at_step crlf[] = {AT_SAY(0, "ATE0\rAT+UP=5\r\nhelloAT\r"), AT_SAY(7, "AT\r")};
    AT_CHECK(&config, crlf, AT_QUIET CONNECT BY_COUNT("5,5e918d2") OK OK);
    const struct at_step cr[] = {AT_SAY(0, "ATE0\rAT+UP=5\r"), AT_SAY(1, "\r\nabc")};
    AT_CHECK(&config, cr, AT_QUIET CONNECT BY_COUNT("5,bd35a5"));
    const struct at_step slow[] = {AT_SAY(0, "ATE0\rAT+SLOW=9;+UP=5\r"), AT_SAY(5, "junk\r\n"),
                                   AT_SAY(9, "hello")};
    AT_CHECK(&config, slow, AT_QUIET "\r\n+SLOW: 1\r\n" CONNECT BY_COUNT("5,5e918d2"));
    /* Towards the host there is one: whatever comes with the command is dropped, however long the
     * download takes. */
    const struct at_step down[] = {AT_SAY(0, "ATE0\rAT+DOWN=3\r\nAT\r\n"), AT_SAY(1, "AT\r")};
    AT_CHECK(&config, down, AT_QUIET CONNECT "xxx\r\n+DOWN: 1\r\n" OK OK);
}

static void test_escape(void **state)
{
    (void)state;
    CHECK(CONNECT BY_ESCAPE("1,61"), UP("100"), AT_SAY(10, "a"), AT_SAY(1010, "+++"));
    CHECK(CONNECT BY_ESCAPE("0,0"), UP("100"), AT_SAY(1010, "+++")); /* SD22 */
    CHECK(CONNECT BY_ESCAPE("1,61"), UP("100"), AT_SAY(10, "a"), AT_SAY(1010, "+"),
          AT_SAY(1500, "+"), AT_SAY(2010, "+"));
    /* At the end of the silence the port is in command mode. */
    CHECK(CONNECT BY_ESCAPE("1,61") OK, UP("100"), AT_SAY(10, "a"), AT_SAY(1010, "+++"),
          AT_SAY(2010, "AT\r"));
    /* Pluses that broke the rule are data, and a second try works. */
    CHECK(CONNECT BY_ESCAPE("2,bea"), UP("100"), AT_SAY(10, "a"), AT_SAY(1010, "+"),
          AT_SAY(2500, "+++"));
}

static void test_no_escape(void **state)
{
    (void)state;
    /* Pluses that came to nothing are no silence. */
    CHECK(CONNECT BY_COUNT("6,a7f839aa"), UP("6"), AT_SAY(10, "a"), AT_SAY(1010, "+"),
          AT_SAY(1900, "+"), AT_SAY(2500, "+++"));
    /* Too little silence before. */
    CHECK(CONNECT BY_COUNT("4,2cbeca"), UP("4"), AT_SAY(10, "a"), AT_SAY(1009, "+++"));
    CHECK(CONNECT BY_COUNT("3,a6cb"), UP("3"), AT_SAY(1009, "+++"));
    /* The third plus too late; something in between; too many; too little silence behind. */
    CHECK(CONNECT BY_COUNT("4,2cbeca"), UP("4"), AT_SAY(10, "a"), AT_SAY(1010, "+"),
          AT_SAY(2000, "+"), AT_SAY(2011, "+"));
    CHECK(CONNECT BY_COUNT("4,2cbf01"), UP("4"), AT_SAY(10, "a"), AT_SAY(1010, "++b"));
    CHECK(CONNECT BY_COUNT("5,56b1aa1"), UP("5"), AT_SAY(10, "a"), AT_SAY(1010, "++++"));
    CHECK(CONNECT BY_COUNT("5,56b1ad8"), UP("5"), AT_SAY(10, "a"), AT_SAY(1010, "+++"),
          AT_SAY(2009, "b"));
}

/* Held pluses that would complete the count: the escape wins after its silence. */
static void test_escape_at_count(void **state)
{
    (void)state;
    CHECK(CONNECT BY_ESCAPE("1,61"), UP("4"), AT_SAY(10, "a"), AT_SAY(1010, "+++"));
    CHECK(CONNECT BY_COUNT("4,2cbeca") OK, UP("4"), AT_SAY(10, "a"), AT_SAY(1010, "+++AT\r"));
    CHECK(CONNECT BY_COUNT("3,17181"), UP("3"), AT_SAY(10, "a"), AT_SAY(1010, "++"));
    CHECK(CONNECT BY_COUNT("4,2cbeca"), UP("4"), AT_SAY(10, "a"), AT_SAY(1010, "++"),
          AT_SAY(3000, "+"));
}

static void test_total_limit(void **state)
{
    (void)state;
    CHECK(CONNECT BY_TIME("1,61") OK, UP("100,2"), AT_SAY(100, "a"), AT_SAY(2010, "AT\r"));
    CHECK(CONNECT BY_COUNT("2,c21"), UP("2,2"), AT_SAY(10, "a"), AT_SAY(2009, "b"));
    CHECK(CONNECT "\r\n+CME ERROR: 421\r\n", UP("100,2"));
    /* After data mode the number, also at CMEE=2 (CD3). */
    const struct at_step text[] = {AT_SAY(0, "ATE0\rAT+CMEE=2;+CME=421\rAT+UP=9,1\r")};
    AT_CHECK(NULL, text, AT_QUIET "\r\n+CME ERROR: time-out\r\n" CONNECT "\r\n+CME ERROR: 421\r\n");
    /* Held pluses become data; an escape at the same time wins. */
    CHECK(CONNECT BY_TIME("3,a6cb"), UP("100,2"), AT_SAY(1011, "+++"));
    CHECK(CONNECT BY_COUNT("3,a6cb"), UP("3,2"), AT_SAY(1011, "+++"));
    CHECK(CONNECT BY_ESCAPE("0,0"), UP("100,2"), AT_SAY(1010, "+++"));
}

static void test_idle_limit(void **state)
{
    (void)state;
    CHECK(CONNECT BY_TIME("2,c21"), UP("100,0,1"), AT_SAY(10, "a"), AT_SAY(1009, "b"));
    CHECK(CONNECT "\r\n+CME ERROR: 421\r\n" OK, UP("100,0,1"), AT_SAY(1010, "AT\r"));
    /* A held plus is a piece, too. */
    CHECK(CONNECT BY_TIME("3,171b8"), UP("100,0,2"), AT_SAY(10, "a"), AT_SAY(1500, "+"),
          AT_SAY(3000, "b"));
}

static void test_dtr(void **state)
{
    (void)state;
    CHECK(OK CONNECT BY_DTR("1,61") OK, AT_SAY(0, "ATE0\rAT&D1\rAT+UP=9\r"), AT_SAY(10, "a"),
          AT_DO(20, AT_STEP_DTR_DROP), AT_SAY(21, "AT\r"));
    /* Held pluses are data; before CONNECT, and under &D2, nothing happens (SD47). */
    CHECK(OK CONNECT BY_DTR("3,1782a"), AT_SAY(0, "ATE0\rAT&D1\rAT+UP=9\r"), AT_SAY(10, "ab"),
          AT_SAY(1500, "+"), AT_DO(1600, AT_STEP_DTR_DROP));
    CHECK(OK CONNECT BY_COUNT("1,61"), AT_SAY(0, "ATE0\rAT&D1\rAT+UP=1\r"),
          AT_DO(5, AT_STEP_DTR_DROP), AT_SAY(10, "a"));
    CHECK(CONNECT BY_COUNT("1,61"), UP("1"), AT_DO(20, AT_STEP_DTR_DROP), AT_SAY(30, "a"));
}

/* SD62: the owner learns it, the reply is dropped, the next host starts afresh. */
static void test_lost(void **state)
{
    (void)state;
    CHECK(CONNECT OK, UP("9"), AT_SAY(20, "ab"), AT_DO(30, AT_STEP_LOST), AT_SAY(40, "AT\r"));
    CHECK(OK, UP("9"), AT_DO(5, AT_STEP_LOST), AT_SAY(6, "AT\r"));
    CHECK(OK, AT_SAY(0, "ATE0\rAT+SLOW=50;+UP=9\r"), AT_DO(5, AT_STEP_LOST), AT_SAY(6, "AT\r"));
    at_rig_init(&rig, NULL);
    const struct at_step steps[] = {UP("9"), AT_SAY(20, "ab"), AT_SAY(2000, "+"),
                                    AT_DO(2001, AT_STEP_LOST)};
    at_play(&rig, steps, 4, NULL);
    assert_int_equal(rig.body_len, 3);
    assert_memory_equal(rig.body, "ab+", 3);
    assert_int_equal(rig.results, rig.commands);
}

static void test_down(void **state)
{
    (void)state;
    CHECK(CONNECT "xxxxx\r\n+DOWN: 1\r\n" OK OK, AT_SAY(0, "ATE0\rAT+DOWN=5\r\nAT\r"),
          AT_SAY(9, "AT\r"), AT_SAY(20, "AT\r"));
    CHECK(CONNECT "\r\n+DOWN: 1\r\n" OK, AT_SAY(0, "ATE0\rAT+DOWN=0\r"));
}

/* CD24: the count behind CONNECT; text in V0, too, and nothing under Q1. */
static void test_down_counted(void **state)
{
    (void)state;
    CHECK("\r\nCONNECT 5\r\nxxxxx\r\n+DOWN: 1\r\n" OK, AT_SAY(0, "ATE0\rAT+DOWN=5,5\r"));
    CHECK("\r\nCONNECT 2147483647\r\n\r\n+DOWN: 1\r\n" OK,
          AT_SAY(0, "ATE0\rAT+DOWN=0,2147483647\r"));
    CHECK("0\rCONNECT 3\r\nxxx+DOWN: 1\r\n0\r1\rxx+DOWN: 1\r\n0\r",
          AT_SAY(0, "ATE0\rATV0\rAT+DOWN=3,3\r"), AT_SAY(30, "AT+DOWN=2\r"));
    CHECK("xxx\r\n+DOWN: 1\r\n", AT_SAY(0, "ATE0\rATQ1\rAT+DOWN=3,3\r"));
}

/* A host that does not read its download may still escape from it. */
static void test_down_escape(void **state)
{
    (void)state;
    at_rig_init(&rig, NULL);
    assert_int_equal(at_rig_input(&rig, "ATE0\rAT+DOWN=100000\r", 20), 0);
    rig.deaf = true;
    at_rig_to(&rig, 500);
    assert_int_equal(at_rig_input(&rig, "junk\r", 5), 0);
    at_rig_to(&rig, 1500);
    assert_int_equal(at_rig_input(&rig, "+++", 3), 0);
    at_rig_to(&rig, 2499);
    assert_true(pm_at_busy(&rig.at));
    at_rig_to(&rig, 2500);
    assert_false(pm_at_busy(&rig.at));
    rig.deaf = false;
    at_rig_settle(&rig);
    assert_true(rig.out_len < 100000);
    assert_memory_equal(rig.out + rig.out_len - 9, "\r\nERROR\r\n", 9);
}

static void test_down_dtr(void **state)
{
    (void)state;
    at_rig_init(&rig, NULL);
    assert_int_equal(at_rig_input(&rig, "AT&D1\rAT+DOWN=100000\r", 22), 0);
    rig.deaf = true;
    at_rig_to(&rig, 500);
    assert_true(pm_at_busy(&rig.at));
    pm_at_set_dtr(&rig.at, false, 500);
    at_rig_settle(&rig);
    assert_false(pm_at_busy(&rig.at));
    assert_int_equal(rig.commands, rig.results);
}

static void test_codes(void **state)
{
    (void)state;
    CHECK("0\r"
          "1\r"
          "+UP: 1,61,0\r\n0\r",
          AT_SAY(0, "ATE0\rATV0\rAT+UP=1\r"), AT_SAY(10, "a"));
    CHECK("\r\n+UP: 1,61,0\r\n", AT_SAY(0, "ATE0\rATQ1\rAT+UP=1\r"), AT_SAY(10, "a"));
    /* No echo in data mode. */
    const struct at_step echo[] = {AT_SAY(0, "AT+UP=1\r\n"), AT_SAY(10, "a\r\nAT\r")};
    AT_CHECK(NULL, echo, "AT+UP=1\r" CONNECT BY_COUNT("1,61") "AT\r" OK);
}

/* An owner that takes its time: nothing is lost, and waiting is neither silence nor idleness. */
static void test_slow_owner(void **state)
{
    (void)state;
    const struct at_rig_config configs[] = {
        {.data_wait = 1500, .data_step = 1000}, {.data_step = 7}, {.data_wait = 3000}};
    static uint8_t body[10000];
    memset(body, '+', sizeof body);
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        at_rig_init(&rig, &configs[i]);
        assert_int_equal(at_rig_input(&rig, "ATE0\rAT+UP=10000,0,1\r", 21), 0);
        at_rig_to(&rig, 10);
        assert_int_equal(at_rig_input(&rig, body, sizeof body), 0);
        assert_int_equal(at_rig_input(&rig, "AT\r", 3), 0);
        at_rig_to(&rig, 1000000);
        assert_int_equal(rig.body_len, sizeof body);
        assert_memory_equal(rig.body, body, sizeof body);
        rig.out[rig.out_len] = '\0';
        assert_non_null(strstr(rig.out, "+UP: 10000,"));
        assert_memory_equal(rig.out + rig.out_len - 16, ",0\r\n\r\nOK\r\n\r\nOK\r\n", 16);
    }
}

/* +++ is seen while bytes wait for the owner. */
static void test_escape_while_waiting(void **state)
{
    (void)state;
    const struct at_rig_config config = {.data_wait = 9000};
    const struct at_step steps[] = {UP("100"), AT_SAY(10, "ab"), AT_SAY(1100, "+++"),
                                    AT_SAY(2100, "AT\r")};
    AT_CHECK(&config, steps, AT_QUIET CONNECT BY_ESCAPE("2,c21") OK);
    /* The idle time stands still while the owner writes. */
    const struct at_step idle[] = {UP("3,0,1"), AT_SAY(10, "a"), AT_SAY(10009, "b"),
                                   AT_SAY(20009, "c")};
    static struct at_rig other;
    at_rig_init(&other, &config);
    at_play(&other, idle, 4, NULL);
    assert_int_equal(other.body_len, 2);
}

/* A result while data mode is open ends it: what follows are commands. */
static void test_result_ends(void **state)
{
    (void)state;
    struct pm_at_event event;
    at_rig_init(&rig, NULL);
    const uint8_t line[] = "AT+UP=5\r";
    assert_int_equal(pm_at_input(&rig.at, line, 8, 0), 8);
    assert_int_equal(pm_at_next_event(&rig.at, &event, 0), PM_AT_EV_COMMAND);
    const struct pm_at_data data = {.length = 5, .connect_delay = 10};
    pm_at_data_in(&rig.at, &data, 0);
    assert_false(pm_at_connected(&rig.at));
    assert_int_equal(pm_at_raw(&rig.at, line, 1), 0);
    pm_at_tick(&rig.at, 10);
    assert_true(pm_at_connected(&rig.at));
    assert_int_equal(pm_at_input(&rig.at, line, 3, 10), 3);
    assert_int_equal(pm_at_next_event(&rig.at, &event, 10), PM_AT_EV_DATA);
    assert_int_equal(event.data.len, 3);
    assert_int_equal(pm_at_next_event(&rig.at, &event, 10), PM_AT_EV_NONE);
    assert_int_equal(pm_at_raw(&rig.at, (const uint8_t *)"A", 1), 1);
    pm_at_cme(&rig.at, 403, 10);
    assert_false(pm_at_connected(&rig.at));
    rig.now = 10;
    assert_int_equal(at_rig_input(&rig, "AT\r", 3), 0);
    rig.out[rig.out_len] = '\0';
    assert_string_equal(rig.out, "AT+UP=5\r" CONNECT "A\r\n+CME ERROR: 403\r\nAT\r" OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counted),
                                       cmocka_unit_test(test_before_connect),
                                       cmocka_unit_test(test_after_count),
                                       cmocka_unit_test(test_no_delay),
                                       cmocka_unit_test(test_escape),
                                       cmocka_unit_test(test_no_escape),
                                       cmocka_unit_test(test_escape_at_count),
                                       cmocka_unit_test(test_total_limit),
                                       cmocka_unit_test(test_idle_limit),
                                       cmocka_unit_test(test_dtr),
                                       cmocka_unit_test(test_lost),
                                       cmocka_unit_test(test_down),
                                       cmocka_unit_test(test_down_counted),
                                       cmocka_unit_test(test_down_escape),
                                       cmocka_unit_test(test_down_dtr),
                                       cmocka_unit_test(test_codes),
                                       cmocka_unit_test(test_slow_owner),
                                       cmocka_unit_test(test_escape_while_waiting),
                                       cmocka_unit_test(test_result_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
