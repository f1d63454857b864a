/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t encode(uint8_t out[4], uint32_t point)
{
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    size_t n = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n; i-- > 1; point >>= 6) {
        out[i] = (uint8_t)(0x80 | (point & 0x3F));
    }
    out[0] = (uint8_t)(lead[n] | point);
    return n;
}

/* Every code point, surrogates and the range above U+10FFFF among them. */
static void accepts_exactly_the_scalar_values(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x140000; point++) {
        uint8_t bytes[4];
        size_t n = encode(bytes, point);
        bool scalar = point < 0xD800 || (point > 0xDFFF && point < 0x110000);
        struct pm_slice text = {bytes, n};
        assert_int_equal(pm__utf8_valid(text), scalar);
        assert_int_equal(pm__utf8_char(text), scalar ? n : 0);
    }
}

/* A reference that knows only how characters are built: decode, encode again, compare. */
static bool slow_valid(const uint8_t *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        uint8_t c = bytes[at];
        size_t len = c < 0x80 ? 1 : c < 0xC0 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF8 ? 4 : 0;
        if (len == 0 || len > n - at) {
            return false;
        }
        uint32_t point = len == 1 ? c : c & (0xFFu >> (len + 1));
        for (size_t i = 1; i < len; i++) {
            if ((bytes[at + i] & 0xC0) != 0x80) {
                return false;
            }
            point = point << 6 | (bytes[at + i] & 0x3Fu);
        }
        uint8_t again[4];
        if ((point >= 0xD800 && point <= 0xDFFF) || point > 0x10FFFF ||
            encode(again, point) != len) {
            return false;
        }
        at += len;
    }
    return true;
}

static void agrees_with_a_slow_check(void **state)
{
    (void)state;
    /* All strings of three of these bytes, and a fourth for those that begin a long one. */
    static const uint8_t edge[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                   0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
                                   0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFE, 0xFF};
    const size_t count = sizeof edge;
    for (size_t i = 0; i < count * count * count * count; i++) {
        uint8_t bytes[4] = {edge[i % count], edge[i / count % count],
                            edge[i / count / count % count], edge[i / count / count / count]};
        for (size_t n = 1; n <= 4; n++) {
            struct pm_slice text = {bytes, n};
            assert_int_equal(pm__utf8_valid(text), slow_valid(bytes, n));
        }
    }
}

static void recovers_after_a_bad_byte(void **state)
{
    (void)state;
    uint32_t s = 0;
    assert_true(pm__utf8_next(&s, 0xE2));
    assert_true(s != 0);
    assert_false(pm__utf8_next(&s, 'x'));
    assert_true(s == 0);
    assert_true(pm__utf8_next(&s, 'x'));
    assert_true(s == 0);
}

static void never_reads_past_the_end(void **state)
{
    (void)state;
    const uint8_t whole[] = {0xF0, 0x9F, 0x8E, 0x89};
    for (size_t n = 0; n <= sizeof whole; n++) {
        uint8_t *exact = malloc(n > 0 ? n : 1);
        assert_non_null(exact);
        memcpy(exact, whole, n);
        struct pm_slice text = {exact, n};
        assert_int_equal(pm__utf8_char(text), n == 4 ? 4 : 0);
        assert_int_equal(pm__utf8_valid(text), n == 0 || n == 4);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_exactly_the_scalar_values),
        cmocka_unit_test(agrees_with_a_slow_check),
        cmocka_unit_test(recovers_after_a_bad_byte),
        cmocka_unit_test(never_reads_past_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
