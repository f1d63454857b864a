/* SPDX-License-Identifier: MIT */
#include "mime/body.h"

#include "base/base64.h"
#include "compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char buffer[1 << 16];
static struct pm__text out;

/* Encodes `text` with a cut after `cut` bytes; false when the writer refused it. */
static bool encode(enum pm_mime_encoding encoding, struct pm_slice text, size_t cut)
{
    struct pm_mime mime;
    memset(&mime, 0, sizeof mime);
    mime.encoding = (uint8_t)encoding;
    pm__text_init(&out, buffer, sizeof buffer);
    pm__body_begin(&mime, text.len);
    mime.feed = (struct pm_slice){text.ptr, cut};
    if (!pm__body_write(&mime, &out)) {
        return false;
    }
    mime.feed = (struct pm_slice){text.ptr + cut, text.len - cut};
    if (!pm__body_write(&mime, &out)) {
        return false;
    }
    assert_true(mime.remaining == 0);
    pm__body_finish(&mime, &out);
    assert_true(pm__text_terminate(&out));
    return true;
}

static void assert_encoded(enum pm_mime_encoding encoding, struct pm_slice text, const char *want)
{
    for (size_t cut = 0; cut <= text.len; cut++) {
        assert_true(encode(encoding, text, cut));
        assert_string_equal(buffer, want);
    }
}

static void normalises_line_ends(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"a", "a"},
        {"a\nb\rc\r\nd", "a\r\nb\r\nc\r\nd"},
        {"\r\n", "\r\n"},
        {"\n\n", "\r\n\r\n"},
        {"\r\r", "\r\n\r\n"},
        {"\n\r", "\r\n\r\n"},
        {"\r\r\n\n", "\r\n\r\n\r\n"},
        {"a\n.\nb", "a\r\n.\r\nb"},
        {"a\r.\rb", "a\r\n.\r\nb"},
        {"a\r\n.\rb", "a\r\n.\r\nb"},
        {"a\n.\r\nb", "a\r\n.\r\nb"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_encoded(PM_MIME_7BIT, mail_text(cases[i].text), cases[i].want);
        assert_encoded(PM_MIME_QUOTED_PRINTABLE, mail_text(cases[i].text), cases[i].want);
    }
    assert_encoded(PM_MIME_BASE64, mail_text("a\nb\rc\r\nd"), "YQ0KYg0KYw0KZA==\r\n");
    assert_encoded(PM_MIME_BASE64, (struct pm_slice){(const uint8_t *)"\n\0.\n", 4},
                   "DQoALg0K\r\n");
}

static void refuses_what_7bit_cannot_carry(void **state)
{
    (void)state;
    static uint8_t line[999];
    memset(line, 'x', sizeof line);
    assert_true(encode(PM_MIME_7BIT, (struct pm_slice){line, 998}, 0));
    assert_false(encode(PM_MIME_7BIT, (struct pm_slice){line, 999}, 500));
    assert_false(encode(PM_MIME_7BIT, mail_text("\x80"), 0));
    assert_false(encode(PM_MIME_7BIT, mail_text("\x1b"), 0));
    assert_false(encode(PM_MIME_7BIT, (struct pm_slice){(const uint8_t *)"", 1}, 0));
    assert_true(encode(PM_MIME_7BIT, mail_text("\t ~"), 0));
}

static void writes_quoted_printable(void **state)
{
    (void)state;
    const enum pm_mime_encoding qp = PM_MIME_QUOTED_PRINTABLE;
    assert_encoded(qp, mail_text("W\xC3\xB6rld = 1"), "W=C3=B6rld =3D 1");
    assert_encoded(qp, mail_text("a \nb\t\r\nc  \rd "), "a=20\r\nb=09\r\nc =20\r\nd=20");
    assert_encoded(qp, mail_text(" \t a"), " \t a");
    assert_encoded(qp, mail_text("\x01\x7f"), "=01=7F");
}

static void breaks_quoted_printable_softly(void **state)
{
    (void)state;
#define TEN     "0123456789"
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN
    const enum pm_mime_encoding qp = PM_MIME_QUOTED_PRINTABLE;
    assert_encoded(qp, mail_text(SEVENTY "12345"), SEVENTY "12345");
    assert_encoded(qp, mail_text(SEVENTY "123456"), SEVENTY "12345=\r\n6");
    assert_encoded(qp, mail_text(SEVENTY "12="), SEVENTY "12=3D");
    assert_encoded(qp, mail_text(SEVENTY "123="), SEVENTY "123=\r\n=3D");
    assert_encoded(qp, mail_text(SEVENTY "1234 \n"), SEVENTY "1234=\r\n=20\r\n");
    assert_encoded(qp, mail_text(SEVENTY "12345 x"), SEVENTY "12345=\r\n x");
}

static void breaks_base64_at_76(void **state)
{
    (void)state;
    assert_encoded(PM_MIME_BASE64, mail_text(SEVENTY),
                   "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2"
                   "\r\nNzg5MDEyMzQ1Njc4OQ==\r\n");
}

/* An attachment in feeds of all sizes is what one call of the codec makes of it. */
static void encodes_attachments_in_any_cut(void **state)
{
    (void)state;
    enum { SIZE = 700 };
    uint8_t data[SIZE];
    static uint8_t want[2 * SIZE];
    uint32_t random = 9;
    for (size_t i = 0; i < SIZE; i++) {
        data[i] = (uint8_t)mail_random(&random);
    }
    size_t len = pm__base64_lines(want, data, SIZE);
    for (size_t step = 1; step <= SIZE; step++) {
        struct pm_mime mime;
        memset(&mime, 0, sizeof mime);
        pm__text_init(&out, buffer, sizeof buffer);
        pm__body_begin(&mime, SIZE);
        for (size_t at = 0; at < SIZE; at += step) {
            mime.feed = (struct pm_slice){data + at, step < SIZE - at ? step : SIZE - at};
            pm__data_write(&mime, &out);
            assert_int_equal(mime.feed.len, 0);
        }
        assert_true(mime.remaining == 0);
        pm__body_finish(&mime, &out);
        assert_int_equal(out.len, len);
        assert_memory_equal(buffer, want, len);
    }
}

static void stops_when_there_is_no_room(void **state)
{
    (void)state;
    static const uint8_t data[2000];
    for (size_t cap = 0; cap < 1000; cap++) {
        struct pm_mime mime;
        char *small = malloc(cap + 1);
        assert_non_null(small);
        memset(&mime, 0, sizeof mime);
        mime.encoding = PM_MIME_QUOTED_PRINTABLE;
        pm__body_begin(&mime, sizeof data);
        mime.feed = (struct pm_slice){data, sizeof data};
        pm__text_init(&out, small, cap);
        pm__data_write(&mime, &out);
        assert_true(out.len <= cap && mime.feed.len > 0);
        pm__text_init(&out, small, cap);
        assert_true(pm__body_write(&mime, &out));
        assert_true(out.len <= cap && mime.feed.len > 0);
        free(small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalises_line_ends),
        cmocka_unit_test(refuses_what_7bit_cannot_carry),
        cmocka_unit_test(writes_quoted_printable),
        cmocka_unit_test(breaks_quoted_printable_softly),
        cmocka_unit_test(breaks_base64_at_76),
        cmocka_unit_test(encodes_attachments_in_any_cut),
        cmocka_unit_test(stops_when_there_is_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
