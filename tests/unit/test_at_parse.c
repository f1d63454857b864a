/* SPDX-License-Identifier: MIT */
/* Parameters against their descriptors, strict and lenient. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "at_rig.h"

#define OK    "\r\nOK\r\n"
#define BAD   "\r\n+CME ERROR: 664\r\n"
#define ERROR "\r\nERROR\r\n"
#define CME50 "\r\n+CME ERROR: 50\r\n"

static void test_numbers(void **state)
{
    (void)state;
    AT_REPLY("AT+NUM=1\r", "\r\nform 8 count 1 1/1 -1 -7\r\n" OK);
    AT_REPLY("AT+NUM= 16 , 0 , 2147483647 \r",
             "\r\nform 8 count 3 16/16 0/0 2147483647/2147483647\r\n" OK);
    AT_REPLY("AT+NUM=0000000000000001\r", "\r\nform 8 count 1 1/0000000000000001 -1 -7\r\n" OK);
    AT_REPLY("AT+NUM=0\rAT+NUM=17\rAT+NUM=1,2\rAT+NUM=1,1,2147483648\r", BAD BAD BAD BAD);
    AT_REPLY("AT+NUM=99999999999999999999999999\rAT+NUM=4294967297\r", BAD BAD);
    AT_REPLY("AT+NUM=+1\rAT+NUM=-1\rAT+NUM=1.0\rAT+NUM=0x1\rAT+NUM=1 2\rAT+NUM=a\r",
             BAD BAD BAD BAD BAD BAD);
    AT_REPLY("AT+NUM=\"1\"\r", BAD); /* SD53 */
    AT_REPLY("AT+CMEE?\r", "\r\nform 2 count 0 -0\r\n" OK);
}

static void test_optional(void **state)
{
    (void)state;
    AT_REPLY("AT+NUM=1,,5\r", "\r\nform 8 count 3 1/1 -1 5/5\r\n" OK);
    AT_REPLY("AT+NUM=1,\r", "\r\nform 8 count 2 1/1 -1 -7\r\n" OK); /* CD41 */
    AT_REPLY("AT+NUM=1, , \r", "\r\nform 8 count 3 1/1 -1 -7\r\n" OK);
    AT_REPLY("AT+NUM=\rAT+NUM= \rAT+NUM=,1\r", BAD BAD BAD);
    AT_REPLY("AT+NUM=1,1,1,\rAT+NUM=1,1,1,1\r", BAD BAD);
}

static void test_strings(void **state)
{
    (void)state;
    AT_REPLY("AT+STR=\"\"\r", "\r\nform 8 count 1 \"\" -0\r\n" OK);
    AT_REPLY("AT+STR= \"a, b\" , \"cd\" \r", "\r\nform 8 count 2 \"a, b\" \"cd\"\r\n" OK);
    AT_REPLY("AT+STR=\"0123456789\"\rAT+STR=\"0123456789a\"\r",
             "\r\nform 8 count 1 \"0123456789\" -0\r\n" OK ERROR);
    AT_REPLY("AT+STR=\"a\",\"b\"\rAT+STR=\"a\",\"bcdef\"\rAT+STR=\"a\",\"\"\r", ERROR ERROR ERROR);
    AT_REPLY("AT+STR=abc\rAT+STR=1\r", ERROR ERROR);                            /* SD53 */
    AT_REPLY("AT+STR=\"a\\22b\"\r", "\r\nform 8 count 1 \"a\\22b\" -0\r\n" OK); /* CD19 */
}

/* Each of them is refused, and the next command is answered. */
static void test_stray_quotes(void **state)
{
    (void)state;
    AT_REPLY("AT+STR=\"\rAT\r", ERROR OK);
    AT_REPLY("AT+STR=\"a\"b\rAT\r", ERROR OK);
    AT_REPLY("AT+STR=\"a\"\"b\"\rAT\r", ERROR OK);
    AT_REPLY("AT+STR=a\"b\"\rAT\r", ERROR OK);
    AT_REPLY("AT+STR=\"a\",\"\rAT\r", ERROR OK);
    AT_REPLY("AT+STR=\"a;AT\rAT\r", ERROR OK);
    AT_REPLY("AT+NUM=1\"\rAT\r", BAD OK);
}

static void test_tokens(void **state)
{
    (void)state;
    AT_REPLY("AT+TOK=1234\r", "\r\nform 8 count 1 0/1234\r\n" OK);
    AT_REPLY("AT+TOK= 0xFFFF \r", "\r\nform 8 count 1 0/0xFFFF\r\n" OK);
    AT_REPLY("AT+TOK=\"0XFFFF\"\r", "\r\nform 8 count 1 \"0XFFFF\"\r\n" OK);
    AT_REPLY("AT+TOK=123456789\rAT+TOK=\rAT+TOK=\"a\nb\"\r", ERROR ERROR ERROR);
    AT_REPLY("AT+TOK=\"\"\r", "\r\nform 8 count 1 \"\"\r\n" OK);
}

static void test_keywords(void **state)
{
    (void)state;
    AT_REPLY("AT+KEY=\"pair\"\r", "\r\nform 8 count 0 item pair -0 -0\r\n" OK);
    AT_REPLY("AT+KEY= \"PaIr\" ,\"x\",\"yz\"\r",
             "\r\nform 8 count 2 item pair \"x\" \"yz\"\r\n" OK);
    AT_REPLY("AT+KEY=\"pair\",\"x\"\r", "\r\nform 8 count 1 item pair \"x\" -0\r\n" OK);
    AT_REPLY("AT+KEY=\"one\",2\rAT+KEY=\"bare\"\r",
             "\r\nform 8 count 1 item one 2/2\r\n" OK "\r\nform 8 count 0 item bare\r\n" OK);
    AT_REPLY("AT+KEY=\"one\",3\rAT+KEY=\"one\",\rAT+KEY=\"bare\",1\rAT+KEY=\"bare\",\r",
             CME50 CME50 CME50 CME50);
    AT_REPLY("AT+KEY=\"none\"\rAT+KEY=\"\"\rAT+KEY=\rAT+KEY=pair\rAT+KEY=\"pai\"\rAT+KEY="
             "\"pairs\"\rAT+KEY=\"pair\r",
             CME50 CME50 CME50 CME50 CME50 CME50 CME50);
}

static void test_basic_numbers(void **state)
{
    (void)state;
    AT_REPLY("ATE2\rATV9\rATZ1\rAT&F1\rAT&D3\rATE99999999999\r",
             ERROR ERROR ERROR ERROR ERROR ERROR);
    AT_REPLY("ATE\r", OK);
    AT_REPLY("ATS?\rATS=1\r", ERROR ERROR);
    AT_REPLY("ATS3=\rATS3=128\rATS3=-1\rATS6?\rATS3=99999999999\r", ERROR ERROR ERROR ERROR ERROR);
    AT_REPLY("ATS3=013\rATS0003?\r", OK "\r\n13\r\n" OK);
}

static void test_lenient(void **state)
{
    (void)state;
    const struct at_rig_config config = {.lenient = true};
    const struct at_step steps[] = {
        AT_SAY(0, "ATE0\rAT+NUM=\"1\",\"0\"\rAT+STR= a b ,cd \rAT+KEY=pair\rAT+KEY=ONE,\"2\"\r")};
    AT_CHECK(&config, steps,
             AT_QUIET "\r\nform 8 count 2 \"1\" \"0\" -7\r\n" OK
                      "\r\nform 8 count 2 0/a b 0/cd\r\n" OK
                      "\r\nform 8 count 0 item pair -0 -0\r\n" OK
                      "\r\nform 8 count 1 item one \"2\"\r\n" OK);
    const struct at_step bad[] = {
        AT_SAY(0, "ATE0\rAT+NUM=\"x\"\rAT+NUM=\"\"\rAT+STR=a\"b\rAT+STR=01234567890\rAT+STR=\r")};
    AT_CHECK(&config, bad, AT_QUIET BAD BAD ERROR ERROR ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),       cmocka_unit_test(test_optional),
        cmocka_unit_test(test_strings),       cmocka_unit_test(test_stray_quotes),
        cmocka_unit_test(test_tokens),        cmocka_unit_test(test_keywords),
        cmocka_unit_test(test_basic_numbers), cmocka_unit_test(test_lenient)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
