/* SPDX-License-Identifier: MIT */
/* Test answers made from descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "at_rig.h"

#define OK "\r\nOK\r\n"

static void test_answers(void **state)
{
    (void)state;
    AT_REPLY("AT+CMEE=?\r", "\r\n+CMEE: (0-2)\r\n" OK);
    AT_REPLY("AT+NUM=?\r", "\r\n+NUM: (1-16),(0,1),<big>\r\n" OK);
    AT_REPLY("AT+STR=?\r", "\r\n+STR: <a>,<b>\r\n" OK);
    AT_REPLY("AT+TOK=?\r", OK);
    AT_REPLY("AT+LINES=?\r", "\r\n+LINES: a\r\n+LINES: b\r\n" OK);
    AT_REPLY("AT+KEY=?\r", "\r\n+KEY: \"pair\",<a>,<b>\r\n+KEY: \"one\",(0-2)\r\n"
                           "+KEY: \"bare\"\r\n+KEY: \"own\",(0-5),<x>\r\n" OK);
}

/* A range of one value, and a row without parameters. */
static void test_odd_rows(void **state)
{
    (void)state;
    static const struct pm_at_param one[] = {
        {.name = "n", .type = PM_AT_NUMBER, .min = 4, .max = 4}};
    static const struct pm_at_command rows[] = {
        {.name = "+ONE", .forms = PM_AT_TEST, .params = one, .param_count = 1},
        {.name = "+NIL", .forms = PM_AT_TEST},
        {.name = "+END", .forms = PM_AT_TEST, .test = "+END: x\n"}};
    static struct at_rig rig;
    at_rig_init(&rig, NULL);
    assert_true(pm_at_table_add(&rig.table, rows, 3));
    rig.at.set.echo = 0;
    const char line[] = "AT+ONE=?\rAT+NIL=?\rAT+END=?\r";
    assert_int_equal(at_rig_input(&rig, line, sizeof line - 1), 0);
    rig.out[rig.out_len] = '\0';
    assert_string_equal(rig.out, "\r\n+ONE: (4)\r\n" OK OK "\r\n+END: x\r\n" OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers),
                                       cmocka_unit_test(test_odd_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
