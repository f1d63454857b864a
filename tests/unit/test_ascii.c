/* SPDX-License-Identifier: MIT */
#include "base/ascii.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What the C locale says, for every byte. */
static void classifies_every_byte(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++) {
        uint8_t c = (uint8_t)i;
        bool upper = i >= 'A' && i <= 'Z';
        bool lower = i >= 'a' && i <= 'z';
        assert_int_equal(pm__ascii_lower(c), upper ? i + 32 : i);
        assert_int_equal(pm__ascii_upper(c), lower ? i - 32 : i);
        assert_int_equal(pm__ascii_is_alpha(c), upper || lower);
        assert_int_equal(pm__ascii_is_digit(c), i >= '0' && i <= '9');
        assert_int_equal(pm__ascii_is_control(c), i < 32 || i == 127);
    }
}

static void reads_hex_digits(void **state)
{
    (void)state;
    assert_int_equal(pm__ascii_hex('0'), 0);
    assert_int_equal(pm__ascii_hex('9'), 9);
    assert_int_equal(pm__ascii_hex('a'), 10);
    assert_int_equal(pm__ascii_hex('F'), 15);
    assert_int_equal(pm__ascii_hex('g'), -1);
    assert_int_equal(pm__ascii_hex('@'), -1);
    assert_int_equal(pm__ascii_hex(0), -1);
}

static void compares_slices(void **state)
{
    (void)state;
    struct pm_slice none = {NULL, 0};
    assert_true(pm__slice_equal(pm__slice("Abc"), pm__slice("Abc")));
    assert_false(pm__slice_equal(pm__slice("Abc"), pm__slice("abc")));
    assert_false(pm__slice_equal(pm__slice("Abc"), pm__slice("Ab")));
    assert_true(pm__slice_equal(none, pm__slice("")));
    assert_true(pm__slice_equal_nocase(pm__slice("aBc9\xC3"), pm__slice("AbC9\xC3")));
    assert_false(pm__slice_equal_nocase(pm__slice("[a"), pm__slice("{a")));
    assert_false(pm__slice_equal_nocase(pm__slice("abc"), pm__slice("ab")));
    assert_true(pm__slice_starts_nocase(pm__slice("Auth=LOGIN"), pm__slice("AUTH=")));
    assert_false(pm__slice_starts_nocase(pm__slice("AU"), pm__slice("AUTH")));
    assert_true(pm__slice_starts_nocase(none, none));
}

static void finds_controls(void **state)
{
    (void)state;
    assert_false(pm__slice_has_control(pm__slice("plain \xC2\x85")));
    assert_true(pm__slice_has_control(pm__slice("a\rb")));
    assert_true(pm__slice_has_control(pm__slice("a\x7f")));
    assert_true(pm__slice_has_control((struct pm_slice){(const uint8_t *)"\0", 1}));
}

static void reads_numbers(void **state)
{
    (void)state;
    uint64_t n = 7;
    assert_true(pm__slice_number(pm__slice("65535"), 65535, &n));
    assert_true(n == 65535);
    assert_false(pm__slice_number(pm__slice("65536"), 65535, &n));
    assert_true(pm__slice_number(pm__slice("18446744073709551615"), UINT64_MAX, &n));
    assert_true(n == UINT64_MAX);
    assert_false(pm__slice_number(pm__slice("18446744073709551616"), UINT64_MAX, &n));
    assert_false(pm__slice_number(pm__slice("99999999999999999999999"), UINT64_MAX, &n));
    assert_true(pm__slice_number(pm__slice("0007"), 9, &n));
    assert_true(n == 7);
    assert_false(pm__slice_number(pm__slice("9"), 5, &n));
    assert_true(pm__slice_number(pm__slice("0"), 0, &n));
    const char *bad[] = {"", "-1", "+1", " 1", "1 ", "1a", "0x1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(pm__slice_number(pm__slice(bad[i]), UINT64_MAX, &n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classifies_every_byte), cmocka_unit_test(reads_hex_digits),
        cmocka_unit_test(compares_slices),       cmocka_unit_test(finds_controls),
        cmocka_unit_test(reads_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
