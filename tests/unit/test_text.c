/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_text(const struct pm__text *text, const char *want)
{
    assert_int_equal(text->len, strlen(want));
    assert_memory_equal(text->buf, want, text->len);
}

static void builds_a_line(void **state)
{
    (void)state;
    char buf[80];
    struct pm__text text;
    pm__text_init(&text, buf, sizeof buf);
    pm__text_add(&text, "a=");
    pm__text_number(&text, 0);
    pm__text_char(&text, ' ');
    pm__text_number(&text, UINT64_MAX);
    pm__text_bytes(&text, "\0x", 1);
    pm__text_slice(&text, (struct pm_slice){(const uint8_t *)"end", 3});
    pm__text_slice(&text, (struct pm_slice){NULL, 0});
    assert_false(text.cut);
    assert_int_equal(text.len, 28);
    assert_memory_equal(buf, "a=0 18446744073709551615\0end", 28);
    struct pm_slice got = pm__text_get(&text);
    assert_ptr_equal(got.ptr, buf);
    assert_int_equal(got.len, text.len);
}

static void writes_numbers(void **state)
{
    (void)state;
    char buf[200];
    struct pm__text text;
    pm__text_init(&text, buf, sizeof buf);
    pm__text_padded(&text, 7, 2);
    pm__text_char(&text, ',');
    pm__text_padded(&text, 123, 2);
    pm__text_char(&text, ',');
    pm__text_padded(&text, 1, 99); /* no more than 20 digits */
    pm__text_char(&text, ',');
    pm__text_hex(&text, 0xBEEF, 8);
    pm__text_char(&text, ',');
    pm__text_hex(&text, 0, 1);
    pm__text_char(&text, ',');
    pm__text_hex(&text, UINT64_MAX, 2);
    assert_text(&text, "07,123,00000000000000000001,0000BEEF,0,FFFFFFFFFFFFFFFF");
}

static void cuts_and_remembers(void **state)
{
    (void)state;
    char buf[5] = {'#', '#', '#', '#', '#'};
    struct pm__text text;
    pm__text_init(&text, buf, 4);
    pm__text_add(&text, "abc");
    pm__text_char(&text, 'd');
    assert_false(text.cut);
    pm__text_add(&text, "");
    assert_false(text.cut);
    pm__text_char(&text, 'e');
    assert_true(text.cut);
    pm__text_number(&text, 12);
    assert_text(&text, "abcd");
    assert_int_equal(buf[4], '#');
}

static void terminates(void **state)
{
    (void)state;
    char buf[4];
    struct pm__text text;
    pm__text_init(&text, buf, sizeof buf);
    pm__text_add(&text, "abc");
    assert_true(pm__text_terminate(&text));
    assert_string_equal(buf, "abc");
    pm__text_char(&text, 'd');
    assert_false(pm__text_terminate(&text));
    assert_true(text.cut);
    assert_string_equal(buf, "abc");
    pm__text_init(&text, buf, 0);
    assert_false(pm__text_terminate(&text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_a_line),
        cmocka_unit_test(writes_numbers),
        cmocka_unit_test(cuts_and_remembers),
        cmocka_unit_test(terminates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
