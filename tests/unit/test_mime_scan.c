/* SPDX-License-Identifier: MIT */
#include "postmodem/mime.h"

#include "compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct pm_mime_scan scan_of(enum pm_charset charset, struct pm_slice text)
{
    struct pm_mime_scan scan;
    pm_mime_scan_init(&scan, charset);
    pm_mime_scan_update(&scan, text.ptr, text.len);
    return scan;
}

static void finds_what_a_text_holds(void **state)
{
    (void)state;
    struct pm_mime_scan scan = scan_of(PM_CHARSET_ASCII, mail_text("a\tb\r\n\xC3\xA9"));
    assert_true(scan.bytes == 7);
    assert_true(scan.eight_bit);
    assert_false(scan.control);
    assert_false(scan.long_line);
    assert_false(scan.bad_utf8);
    static const uint8_t controls[] = {0x00, 0x01, 0x08, 0x0B, 0x0C, 0x1A, 0x1B, 0x1F, 0x7F};
    for (size_t i = 0; i < sizeof controls; i++) {
        scan = scan_of(PM_CHARSET_ASCII, (struct pm_slice){controls + i, 1});
        assert_true(scan.control);
        assert_int_equal(pm_mime_scan_encoding(&scan), PM_MIME_BASE64);
    }
}

static void measures_lines(void **state)
{
    (void)state;
    static uint8_t line[2000];
    static const char *const ends[] = {"\r\n", "\n", "\r"};
    memset(line, 'x', sizeof line);
    for (size_t e = 0; e < 3; e++) {
        for (size_t n = 997; n <= 1000; n++) {
            struct pm_mime_scan scan;
            pm_mime_scan_init(&scan, PM_CHARSET_ASCII);
            pm_mime_scan_update(&scan, line, 500);
            pm_mime_scan_update(&scan, (const uint8_t *)ends[e], strlen(ends[e]));
            pm_mime_scan_update(&scan, line, n);
            pm_mime_scan_update(&scan, (const uint8_t *)ends[e], strlen(ends[e]));
            pm_mime_scan_update(&scan, line, 998);
            assert_int_equal(scan.long_line, n > 998);
        }
    }
}

static void checks_the_charset(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum pm_charset charset;
        bool fits;
    } cases[] = {
        {"", PM_CHARSET_ASCII, true},
        {"a\x7f\x01", PM_CHARSET_ASCII, true},
        {"\x80", PM_CHARSET_ASCII, false},
        {"\xE2\x82\xAC", PM_CHARSET_UTF8, true},
        {"\xE2\x82", PM_CHARSET_UTF8, false},
        {"\xE2\x82 ", PM_CHARSET_UTF8, false},
        {"\xB9\xCA\xD5\xCF", PM_CHARSET_GB2312, true},
        {"\x81\x40", PM_CHARSET_GB2312, true},
        {"\xB9", PM_CHARSET_GB2312, false},
        {"\xB9\n", PM_CHARSET_GB2312, false},
        {"\x80", PM_CHARSET_GB2312, false},
        {"\xFF", PM_CHARSET_GB2312, false},
        {"\xB9\x7F", PM_CHARSET_GB2312, false},
        {"\xA5\x5C\xB3\x5C", PM_CHARSET_BIG5, true},
        {"\xA5\x90", PM_CHARSET_BIG5, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pm_slice text = mail_text(cases[i].text);
        struct pm_mime_scan scan = scan_of(cases[i].charset, text);
        assert_int_equal(pm_mime_scan_fits(&scan), cases[i].fits);
        assert_int_equal(pm_mime_text_fits(cases[i].charset, text), cases[i].fits);
    }
}

static void chooses_the_encoding(void **state)
{
    (void)state;
    static char line[1000];
    memset(line, 'x', sizeof line - 1);
    const struct {
        const char *text;
        enum pm_charset charset;
        enum pm_mime_encoding encoding;
    } cases[] = {
        {"", PM_CHARSET_ASCII, PM_MIME_7BIT},
        {"plain", PM_CHARSET_BIG5, PM_MIME_7BIT},
        {line, PM_CHARSET_ASCII, PM_MIME_QUOTED_PRINTABLE},
        {line, PM_CHARSET_UTF8, PM_MIME_QUOTED_PRINTABLE},
        {line, PM_CHARSET_GB2312, PM_MIME_BASE64},
        {"\xB0", PM_CHARSET_ASCII, PM_MIME_QUOTED_PRINTABLE},
        {"\xC3\xA9", PM_CHARSET_ASCII, PM_MIME_QUOTED_PRINTABLE},
        {"\xC3", PM_CHARSET_UTF8, PM_MIME_QUOTED_PRINTABLE},
        {"\xB9\xCA", PM_CHARSET_GB2312, PM_MIME_BASE64},
        {"\xB9", PM_CHARSET_GB2312, PM_MIME_BASE64},
        {"\xE2\x82\xAC ", PM_CHARSET_GB2312, PM_MIME_QUOTED_PRINTABLE},
        {"\xE2\x82\xAC ", PM_CHARSET_BIG5, PM_MIME_QUOTED_PRINTABLE},
        {"\xC3\xA9\x1b", PM_CHARSET_UTF8, PM_MIME_BASE64},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pm_mime_scan scan = scan_of(cases[i].charset, mail_text(cases[i].text));
        assert_int_equal(pm_mime_scan_encoding(&scan), cases[i].encoding);
    }
}

/* Field by field: padding between members says nothing. */
static void assert_same(const struct pm_mime_scan *a, const struct pm_mime_scan *b)
{
    assert_true(a->bytes == b->bytes && a->line == b->line);
    assert_true(a->utf8 == b->utf8 && a->dbcs == b->dbcs);
    assert_true(a->long_line == b->long_line && a->eight_bit == b->eight_bit);
    assert_true(a->control == b->control && a->bad_utf8 == b->bad_utf8);
    assert_true(a->bad_dbcs == b->bad_dbcs && a->charset == b->charset);
}

static void does_not_see_cuts(void **state)
{
    (void)state;
    struct pm_slice text = mail_text("a\r\n\xE2\x82\xAC\xB9\xCA\xA5\x5C\xF0\x9F\x8E\x89 end\n\xE2");
    for (enum pm_charset charset = PM_CHARSET_ASCII; charset <= PM_CHARSET_BIG5; charset++) {
        struct pm_mime_scan whole = scan_of(charset, text);
        for (size_t cut = 0; cut <= text.len; cut++) {
            struct pm_mime_scan parts = scan_of(charset, (struct pm_slice){text.ptr, cut});
            pm_mime_scan_update(&parts, text.ptr + cut, text.len - cut);
            assert_same(&parts, &whole);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_a_text_holds), cmocka_unit_test(measures_lines),
        cmocka_unit_test(checks_the_charset),      cmocka_unit_test(chooses_the_encoding),
        cmocka_unit_test(does_not_see_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
