/* SPDX-License-Identifier: MIT */
/* The commands of one line: lists, forms, names, data commands in the middle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "at_rig.h"

#define OK    "\r\nOK\r\n"
#define ERROR "\r\nERROR\r\n"

static struct at_rig rig;

/* [device] EC25: ATE0Q0V1 gives one OK. */
static void test_basic_list(void **state)
{
    (void)state;
    AT_LINE("ATE0Q0V1\r", "ATE0Q0V1\r" OK);
    AT_REPLY("AT E 1 V1 &F0 E0Z;\r", OK);
    AT_REPLY("ATS3=13S4=10E0S5?S3?\r", "\r\n8\r\n\r\n13\r\n" OK);
    AT_REPLY("ats 3 = 13 e0\r", OK);
    AT_REPLY("ATE0+NUM?\r", "\r\nform 2 count 0 -0 -1 -7\r\n" OK);
    AT_REPLY("ATI;I\r", "\r\nQuectel\r\nAG35\r\n\r\nQuectel\r\nAG35\r\n" OK);
}

static void test_extended_list(void **state)
{
    (void)state;
    AT_REPLY("AT+CMEE=2;+NUM=1\r", "\r\nform 8 count 1 1/1 -1 -7\r\n" OK);
    AT_REPLY("AT+NUM=1 ; ;+NUM? ;\r",
             "\r\nform 8 count 1 1/1 -1 -7\r\n\r\nform 2 count 0 -0 -1 -7\r\n" OK);
    AT_REPLY("AT+STR=\"a;b\";+STR=\"c\"\r",
             "\r\nform 8 count 1 \"a;b\" -0\r\n\r\nform 8 count 1 \"c\" -0\r\n" OK);
    AT_REPLY("AT;;\r", OK);
    AT_REPLY("AT   \r", OK);
}

/* The first error ends the line; what ran before it keeps its information text. */
static void test_error_in_list(void **state)
{
    (void)state;
    AT_REPLY("AT+NUM?;+NONE;+NUM?\r", "\r\nform 2 count 0 -0 -1 -7\r\n" ERROR);
    AT_REPLY("AT+NUM?;+NUM=99;+NUM?\r", "\r\nform 2 count 0 -0 -1 -7\r\n\r\n+CME ERROR: 664\r\n");
    AT_REPLY("AT+NUM?;O;+NUM?\r", "\r\nform 2 count 0 -0 -1 -7\r\n\r\nNO CARRIER\r\n");
}

static void test_slow_list(void **state)
{
    (void)state;
    const struct at_step steps[] = {AT_SAY(0, "ATE0+SLOW=100;+SLOW=50;+NUM?\rAT\r"),
                                    AT_SAY(120, "AT\r"), AT_SAY(149, "AT+NUM=2\r")};
    AT_CHECK(NULL, steps,
             "ATE0+SLOW=100;+SLOW=50;+NUM?\r\r\n+SLOW: 1\r\n\r\n+SLOW: 1\r\n"
             "\r\nform 2 count 0 -0 -1 -7\r\n" OK OK OK "\r\nform 8 count 1 2/2 -1 -7\r\n" OK);
}

static void test_forms(void **state)
{
    (void)state;
    AT_REPLY("AT+NUM\r", "\r\nform 1 count 0 -0 -1 -7\r\n" OK);
    AT_REPLY("AT+NUM? \r", "\r\nform 2 count 0 -0 -1 -7\r\n" OK);
    AT_REPLY("AT+NUM=? ;\r", "\r\n+NUM: (1-16),(0,1),<big>\r\n" OK);
    AT_REPLY("AT+NUM= 3\r", "\r\nform 8 count 1 3/3 -1 -7\r\n" OK);
    /* A row without the form: ERROR whatever CMEE says (CD28). */
    AT_REPLY("AT+STR?\rAT+STR\rAT+SLOW=?\rATI?\rATE=?\rATE=1\rATS3\rATS=1\r",
             ERROR ERROR ERROR ERROR ERROR ERROR ERROR ERROR);
    AT_REPLY("AT+NUM?x\rAT+NUM?=\rAT+NUM??\r", ERROR ERROR ERROR);
    AT_REPLY("AT+NUM=?x\r", "\r\n+CME ERROR: 664\r\n");
}

/* Blanks inside the name up to the '=' or '?' make it another command. */
static void test_names(void **state)
{
    (void)state;
    AT_REPLY("AT+NUM =1\rAT+NUM ?\rAT+ NUM\rAT+N UM\r", ERROR ERROR ERROR ERROR);
    AT_REPLY("AT+\rAT&\rAT&1\rAT=\rAT?\rAT1\rAT\"\rAT,\rAT\x80\r",
             ERROR ERROR ERROR ERROR ERROR ERROR ERROR ERROR ERROR);
    AT_REPLY("AT#NUM\rAT$NUM\rAT%NUM\rAT^NUM\rAT*NUM\rAT\\Q3\r",
             ERROR ERROR ERROR ERROR ERROR ERROR);
    AT_REPLY("at+nUm?\r", "\r\nform 2 count 0 -0 -1 -7\r\n" OK);
    AT_REPLY("AT+NUMX?\rAT+NU?\r", ERROR ERROR);
}

/* Some programs confuse the name with a form when it starts with one letter or another. */
static void test_every_letter(void **state)
{
    (void)state;
    for (char c = 'A'; c <= 'Z'; c++) {
        static const char *const ends[] = {"\r", "FOO=1\r", "?\r", "X=?\r", "9999999999\r"};
        for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
            char line[32];
            int n = snprintf(line, sizeof line, "AT%c%c%s", i == 4 ? '&' : '+', c, ends[i]);
            at_rig_init(&rig, NULL);
            rig.at.set.echo = 0;
            assert_int_equal(at_rig_input(&rig, line, (size_t)n), 0);
            assert_int_equal(rig.out_len, strlen(ERROR));
            assert_memory_equal(rig.out, ERROR, strlen(ERROR));
        }
    }
}

/* ATD takes the rest of the line, up to a ';' outside quotes. */
static void test_dial(void **state)
{
    (void)state;
    AT_REPLY("ATD*99#\r", "\r\n\"*99#\"\r\n" OK);
    AT_REPLY("ATDT 0123E0,;I\r", "\r\n\"T 0123E0,\"\r\n\r\nQuectel\r\nAG35\r\n" OK);
    AT_REPLY("ATD;\rATD\r", "\r\n\"\"\r\n" OK "\r\n\"\"\r\n" OK);
}

/* SD61: nothing of the line runs when a data command stands before its end. */
static void test_data_command_last(void **state)
{
    (void)state;
    AT_REPLY("AT+NUM?;+UP=3;+NUM?\rAT\r", ERROR OK);
    AT_REPLY("AT+UP=3;I\r", ERROR);
    AT_REPLY("AT+UP=3;+NONE\r", ERROR);
    AT_REPLY("AT+UP=?;+NUM?\r",
             "\r\n+UP: (1-1048576),(0-65535),(0-65535)\r\n\r\nform 2 count 0 -0 -1 -7\r\n" OK);
    const struct at_step last[] = {AT_SAY(0, "ATE0+NUM?;+UP=3;\r"), AT_SAY(50, "abc")};
    AT_CHECK(NULL, last,
             "ATE0+NUM?;+UP=3;\r\r\nform 2 count 0 -0 -1 -7\r\n\r\nCONNECT\r\n"
             "\r\n+UP: 3,17862,0\r\n" OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_basic_list),
                                       cmocka_unit_test(test_extended_list),
                                       cmocka_unit_test(test_error_in_list),
                                       cmocka_unit_test(test_slow_list),
                                       cmocka_unit_test(test_forms),
                                       cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_every_letter),
                                       cmocka_unit_test(test_dial),
                                       cmocka_unit_test(test_data_command_last)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
