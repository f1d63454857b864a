/* SPDX-License-Identifier: MIT */
#include "mime/charset.h"

#include "base/ascii.h"
#include "compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t char_of(enum pm_charset charset, const char *bytes, size_t n)
{
    uint8_t *exact = malloc(n);
    assert_non_null(exact);
    memcpy(exact, bytes, n);
    size_t len = pm__charset_char(charset, (struct pm_slice){exact, n});
    free(exact);
    return len;
}

static void measures_characters(void **state)
{
    (void)state;
    assert_int_equal(char_of(PM_CHARSET_UTF8, "a\x80", 2), 1);
    assert_int_equal(char_of(PM_CHARSET_UTF8, "\xC3\xA9x", 3), 2);
    assert_int_equal(char_of(PM_CHARSET_UTF8, "\xF0\x9F\x8E\x89", 4), 4);
    assert_int_equal(char_of(PM_CHARSET_UTF8, "\xF0\x9F\x8E", 3), 1);
    assert_int_equal(char_of(PM_CHARSET_UTF8, "\xFF", 1), 1);
    assert_int_equal(char_of(PM_CHARSET_GB2312, "\xB9\xCA", 2), 2);
    assert_int_equal(char_of(PM_CHARSET_GB2312, "\x81\x40", 2), 2); /* GBK */
    assert_int_equal(char_of(PM_CHARSET_GB2312, "\xFE\x80", 2), 2);
    assert_int_equal(char_of(PM_CHARSET_GB2312, "\xFE\x7F", 2), 1);
    assert_int_equal(char_of(PM_CHARSET_GB2312, "\x80\x40", 2), 1);
    assert_int_equal(char_of(PM_CHARSET_GB2312, "\xB9", 1), 1);
    assert_int_equal(char_of(PM_CHARSET_GB2312, "\xB9 ", 2), 1);
    assert_int_equal(char_of(PM_CHARSET_BIG5, "\xA5\x5C", 2), 2);
    assert_int_equal(char_of(PM_CHARSET_BIG5, "\xA5\x80", 2), 1);
    assert_int_equal(char_of(PM_CHARSET_BIG5, "\xA5\xA0", 2), 1);
    assert_int_equal(char_of(PM_CHARSET_BIG5, "\xA5\xA1", 2), 2);
    assert_int_equal(char_of(PM_CHARSET_ASCII, "\xC3\xA9", 2), 1);
}

static void assert_label(struct pm_mime_label label, const char *name, enum pm_charset charset)
{
    assert_true(pm__slice_equal(label.name, mail_text(name)));
    assert_int_equal(label.charset, charset);
}

#define FALLBACK mail_text("windows-1252")

static void labels_stated_text(void **state)
{
    (void)state;
    struct pm_slice ascii = mail_text("plain");
    struct pm_slice euro = mail_text("\xE2\x82\xAC ok");
    struct pm_slice degree = mail_text("21\xB0 C");
    assert_label(pm__label_text(PM_CHARSET_ASCII, ascii, FALLBACK), "us-ascii", PM_CHARSET_ASCII);
    assert_label(pm__label_text(PM_CHARSET_UTF8, ascii, FALLBACK), "utf-8", PM_CHARSET_UTF8);
    assert_label(pm__label_text(PM_CHARSET_GB2312, ascii, FALLBACK), "gb2312", PM_CHARSET_GB2312);
    assert_label(pm__label_text(PM_CHARSET_BIG5, ascii, FALLBACK), "big5", PM_CHARSET_BIG5);
    for (enum pm_charset c = PM_CHARSET_ASCII; c <= PM_CHARSET_BIG5; c++) {
        assert_label(pm__label_text(c, euro, FALLBACK), "utf-8", PM_CHARSET_UTF8);
    }
    assert_label(pm__label_text(PM_CHARSET_ASCII, degree, FALLBACK), "windows-1252",
                 PM_CHARSET_ASCII);
    assert_label(pm__label_text(PM_CHARSET_UTF8, degree, FALLBACK), "utf-8", PM_CHARSET_UTF8);
    assert_label(pm__label_text(PM_CHARSET_GB2312, degree, FALLBACK), "gb2312", PM_CHARSET_GB2312);
    assert_label(pm__label_text(PM_CHARSET_BIG5, degree, FALLBACK), "big5", PM_CHARSET_BIG5);
}

static void labels_names(void **state)
{
    (void)state;
    struct pm_slice chinese = mail_text("\xD5\xC5\xC8\xFD"); /* GB2312 */
    struct pm_slice accent = mail_text("\xC3\xA9");          /* UTF-8, and a GBK character */
    assert_label(pm__label_name(PM_CHARSET_BIG5, mail_text("x"), FALLBACK), "us-ascii",
                 PM_CHARSET_ASCII);
    assert_label(pm__label_name(PM_CHARSET_GB2312, accent, FALLBACK), "utf-8", PM_CHARSET_UTF8);
    assert_label(pm__label_name(PM_CHARSET_GB2312, chinese, FALLBACK), "gb2312", PM_CHARSET_GB2312);
    assert_label(pm__label_name(PM_CHARSET_ASCII, chinese, FALLBACK), "windows-1252",
                 PM_CHARSET_ASCII);
    assert_label(pm__label_name(PM_CHARSET_UTF8, chinese, FALLBACK), "utf-8", PM_CHARSET_UTF8);
}

static void knows_double_byte_fallbacks(void **state)
{
    (void)state;
    struct pm_slice text = mail_text("\xA4\x5C");
    assert_label(pm__label_text(PM_CHARSET_ASCII, text, mail_text("GB18030")), "GB18030",
                 PM_CHARSET_GB2312);
    assert_label(pm__label_text(PM_CHARSET_ASCII, text, mail_text("Big5-HKSCS")), "Big5-HKSCS",
                 PM_CHARSET_BIG5);
}

static void checks_label_names(void **state)
{
    (void)state;
    assert_true(pm_mime_charset_name_valid(mail_text("windows-1252")));
    assert_true(pm_mime_charset_name_valid(mail_text("ISO_8859.1+x")));
    assert_true(pm_mime_charset_name_valid(mail_text("0123456789012345678901234567890123456789")));
    assert_false(
        pm_mime_charset_name_valid(mail_text("01234567890123456789012345678901234567890")));
    assert_false(pm_mime_charset_name_valid(mail_text("")));
    assert_false(pm_mime_charset_name_valid(mail_text("a b")));
    assert_false(pm_mime_charset_name_valid(mail_text("a\r\nb")));
    assert_false(pm_mime_charset_name_valid(mail_text("a?b")));
    assert_false(pm_mime_charset_name_valid(mail_text("a'b")));
    assert_false(pm_mime_charset_name_valid(mail_text("\xC3\xA9")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_characters),
        cmocka_unit_test(labels_stated_text),
        cmocka_unit_test(labels_names),
        cmocka_unit_test(checks_label_names),
        cmocka_unit_test(knows_double_byte_fallbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
