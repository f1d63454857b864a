/* SPDX-License-Identifier: MIT */
#include "mime/filename.h"

#include "compose.h"
#include "mime/charset.h"
#include "mime/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char buffer[4096];

static size_t write_name(struct pm_slice name, struct pm_mime_label label)
{
    struct pm__text out;
    struct pm_mime_text text;
    size_t column = 0;
    struct pm__header header = {&out, &column};
    pm__text_init(&out, buffer, sizeof buffer);
    pm__parameter(&text, name, label);
    while (pm__parameter_piece(header, &text)) {
        assert_in_range(column, 1, PM__LINE_AIM);
    }
    assert_true(pm__text_terminate(&out));
    return text.pieces;
}

static void assert_name(const char *name, const char *want)
{
    struct pm_slice value = mail_text(name);
    (void)write_name(value, pm__label_name(PM_CHARSET_GB2312, value, mail_text("x")));
    assert_string_equal(buffer, want);
}

static void writes_short_names(void **state)
{
    (void)state;
    assert_name("log.txt", ";\r\n filename=\"log.txt\"");
    assert_name("a\"b\\c", ";\r\n filename=\"a\\\"b\\\\c\"");
    assert_name(" a; b=c ", ";\r\n filename=\" a; b=c \"");
    assert_name("\xC3\xA9t\xC3\xA9 1.txt", ";\r\n filename*=utf-8''%C3%A9t%C3%A9%201.txt");
    assert_name("\xB9\xCA.txt", ";\r\n filename*=gb2312''%B9%CA.txt");
    assert_name("a'%*(b)", ";\r\n filename=\"a'%*(b)\"");
    assert_name("\xC3\xA9'%*()<>@,;:\\\"/[]?",
                ";\r\n filename*=utf-8''"
                "%C3%A9%27%25%2A%28%29%3C%3E%40%2C%3B%3A%5C%22%2F%5B%5D%3F");
    assert_name("a\r\nb\x7f.c", ";\r\n filename*=us-ascii''a%5F%5Fb%5F.c");
    assert_name("=?x", ";\r\n filename*=us-ascii''%3D%3Fx");
}

static void writes_long_names_in_segments(void **state)
{
    (void)state;
    assert_name(
        "\xE6\xBC\xA2\xE6\xBC\xA2\xE6\xBC\xA2\xE6\xBC\xA2\xE6\xBC\xA2\xE6\xBC\xA2\xE6\xBC\xA2",
        ";\r\n filename*0*=utf-8''%E6%BC%A2%E6%BC%A2%E6%BC%A2%E6%BC%A2%E6%BC%A2%E6%BC%A2;"
        "\r\n filename*1*=%E6%BC%A2");
}

/* At every length: one segment without a number, or several that are numbered from 0. */
static void numbers_all_or_none(void **state)
{
    (void)state;
    uint8_t name[300];
    memset(name, 'x', sizeof name);
    for (size_t n = 1; n <= sizeof name; n++) {
        for (int wide = 0; wide < 2; wide++) {
            name[n - 1] = wide ? 0xE9 : 'x';
            struct pm_slice value = {name, n};
            size_t pieces =
                write_name(value, pm__label_name(PM_CHARSET_ASCII, value, mail_text("latin1")));
            bool numbered = strstr(buffer, "filename*0*=") != NULL;
            assert_int_equal(numbered, pieces > 1);
            assert_int_equal(strstr(buffer, "filename*1*=") != NULL, pieces > 1);
        }
        name[n - 1] = 'x';
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_short_names),
        cmocka_unit_test(writes_long_names_in_segments),
        cmocka_unit_test(numbers_all_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
