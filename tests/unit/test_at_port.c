/* SPDX-License-Identifier: MIT */
/* A port as a whole: factory settings, a deaf host, a host that leaves, time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "at_rig.h"

#define OK "\r\nOK\r\n"

static struct at_rig rig;

static void expect(const char *expected)
{
    rig.out[rig.out_len] = '\0';
    assert_string_equal(rig.out, expected);
    rig.out_len = 0;
}

static void say(const char *text)
{
    assert_int_equal(at_rig_input(&rig, text, strlen(text)), 0);
}

static void test_factory(void **state)
{
    (void)state;
    struct pm_at_settings set;
    memset(&set, 0xff, sizeof set);
    pm_at_settings_factory(&set);
    const struct pm_at_settings expected = {.echo = 1,
                                            .verbose = 1,
                                            .connect = 4,
                                            .dcd = 1,
                                            .dtr = 2,
                                            .cmee = 1,
                                            .s3 = 13,
                                            .s4 = 10,
                                            .s5 = 8,
                                            .s6 = 2,
                                            .s8 = 2,
                                            .s10 = 15,
                                            .s12 = 50};
    assert_memory_equal(&set, &expected, sizeof set);
}

/* A host that does not read: commands stop, input is refused, nothing is lost. */
static void test_deaf_host(void **state)
{
    (void)state;
    static char lines[100000];
    const char line[] = "AT+LINES=2\r\n";
    size_t count = sizeof lines / (sizeof line - 1);
    for (size_t i = 0; i < count; i++) {
        memcpy(lines + i * (sizeof line - 1), line, sizeof line - 1);
    }
    size_t len = count * (sizeof line - 1);
    at_rig_init(&rig, NULL);
    rig.deaf = true;
    size_t left = at_rig_input(&rig, lines, len);
    assert_true(left > len / 2);
    assert_int_equal(at_rig_input(&rig, lines, 1), 1);
    assert_true(pm_at_deadline(&rig.at) == PM_NEVER);
    rig.deaf = false;
    at_rig_settle(&rig);
    assert_int_equal(at_rig_input(&rig, lines + len - left, left), 0);
    assert_int_equal(rig.commands, count);
    assert_int_equal(rig.out_len, count * strlen("AT+LINES=2\r\r\n+LINES: 0\r\n+LINES: 1\r\n" OK));
    rig.out_len = 0;
    say("AT\r");
    expect("AT\r" OK);
}

/* A long list for a deaf host stops between two commands, not within a reply. */
static void test_deaf_host_list(void **state)
{
    (void)state;
    static char line[8 + 6 * 500];
    memcpy(line, "ATE0", 4);
    for (size_t i = 0; i < 500; i++) {
        memcpy(line + 4 + 6 * i, "+NUM?;", 6);
    }
    line[4 + 6 * 500] = '\r';
    at_rig_init(&rig, NULL);
    rig.deaf = true;
    assert_int_equal(at_rig_input(&rig, line, 5 + 6 * 500), 0);
    assert_true(rig.commands < 500);
    rig.deaf = false;
    at_rig_settle(&rig);
    assert_int_equal(rig.commands, 501);
    assert_int_equal(rig.out_len,
                     5 + 6 * 500 + 500 * strlen("\r\nform 2 count 0 -0 -1 -7\r\n") + strlen(OK));
}

static void test_lost_while_idle(void **state)
{
    (void)state;
    at_rig_init(&rig, NULL);
    say("ATE0\r");
    rig.out_len = 0;
    rig.deaf = true;
    say("ATI\rAT+NU");
    assert_true(pm_at_urc(&rig.at, "+U", 2, 0));
    pm_at_lost(&rig.at, 5);
    rig.deaf = false;
    at_rig_to(&rig, 5000);
    expect("");
    say("M?\rA/"); /* The settings stay, the last line does not. */
    expect(OK);
}

/* Its reply is dropped, with the rest of its line; type-ahead of the old host, too. */
static void test_lost_while_running(void **state)
{
    (void)state;
    at_rig_init(&rig, NULL);
    say("ATE0\r");
    rig.out_len = 0;
    say("AT+SLOW=100;I;+NUM?\rAT+NUM?\r");
    pm_at_lost(&rig.at, 10);
    rig.now = 10;
    say("ATI\r");
    at_rig_to(&rig, 99);
    expect("");
    at_rig_to(&rig, 100);
    expect("\r\nQuectel\r\nAG35\r\n" OK);
    assert_int_equal(rig.commands, rig.results);
}

/* What a host that left had typed can be found nowhere. */
static void test_lost_leaves_nothing(void **state)
{
    (void)state;
    at_rig_init(&rig, NULL);
    rig.deaf = true;
    say("AT+SLOW=9;+STR=\"hunter2\"\rAT+STR=\"hunter2\"\r");
    pm_at_lost(&rig.at, 1);
    at_rig_to(&rig, 100);
    const uint8_t *bytes = (const uint8_t *)&rig.at;
    for (size_t i = 0; i + 7 <= sizeof rig.at; i++) {
        assert_true(memcmp(bytes + i, "hunter2", 7) != 0);
    }
}

/* A clock that seems to go back does no harm. */
static void test_time_goes_back(void **state)
{
    (void)state;
    at_rig_init(&rig, NULL);
    rig.now = 1000;
    say("ATE0\rAT+UP=1\r");
    rig.now = 500;
    say("x");
    at_rig_settle(&rig);
    expect("ATE0\r" OK);
    rig.now = 1010;
    pm_at_tick(&rig.at, 1010);
    say("a");
    expect("\r\nCONNECT\r\n\r\n+UP: 1,61,0\r\n" OK);
}

/* [device] EC25 provisioning log: every line ends in CR LF CR LF. */
static void test_double_line_ends(void **state)
{
    (void)state;
    const struct at_step steps[] = {AT_SAY(0, "AT+STR=\"client.crt\"\r\n\r\n"),
                                    AT_SAY(5, "AT+UP=3\r\n\r\n"), AT_SAY(15, "abc"),
                                    AT_SAY(20, "ATI\r\n\r\n")};
    AT_CHECK(NULL, steps,
             "AT+STR=\"client.crt\"\r\r\nform 8 count 1 \"client.crt\" -0\r\n" OK
             "AT+UP=3\r\r\nCONNECT\r\n\r\n+UP: 3,17862,0\r\n" OK "ATI\r\r\nQuectel\r\nAG35\r\n" OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_factory),
                                       cmocka_unit_test(test_deaf_host),
                                       cmocka_unit_test(test_deaf_host_list),
                                       cmocka_unit_test(test_lost_while_idle),
                                       cmocka_unit_test(test_lost_while_running),
                                       cmocka_unit_test(test_lost_leaves_nothing),
                                       cmocka_unit_test(test_time_goes_back),
                                       cmocka_unit_test(test_double_line_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
