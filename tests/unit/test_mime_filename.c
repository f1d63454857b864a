/* SPDX-License-Identifier: MIT */
#include "mime/filename.h"

#include "base/ascii.h"
#include "compose.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void strips_storage_and_folders(void **state)
{
    (void)state;
    static const struct {
        const char *path, *name;
    } cases[] = {
        {"log.txt", "log.txt"},
        {"UFS:log.txt", "log.txt"},
        {"ufs:x", "x"},
        {"RAM:x", "x"},
        {"SD:x", "x"},
        {"SD:a/b/c.txt", "c.txt"},
        {"/x", "x"},
        {"a//b", "b"},
        {"../../etc/passwd", "passwd"},
        {"", "attachment"},
        {"UFS:", "attachment"},
        {"a/", "attachment"},
        {".", "attachment"},
        {"..", "attachment"},
        {"a/..", "attachment"},
        {"...", "..."},
        {".hidden", ".hidden"},
        {"12:30.txt", "12:30.txt"},
        {"UFS:UFS:x", "UFS:x"},
        {"a\\b", "a\\b"},
        {"XUFS:a", "XUFS:a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pm_slice got = pm__filename(mail_text(cases[i].path));
        assert_true(pm__slice_equal(got, mail_text(cases[i].name)));
    }
}

static void finds_content_types(void **state)
{
    (void)state;
    assert_string_equal(pm__content_type(mail_text("a.txt")), "text/plain");
    assert_string_equal(pm__content_type(mail_text("a.TXT")), "text/plain");
    assert_string_equal(pm__content_type(mail_text("a.b.jpeg")), "image/jpeg");
    assert_string_equal(pm__content_type(mail_text("\xC3\xA9.pdf")), "application/pdf");
    const char *unknown[] = {"", "txt", ".txt", "a.", ".", "a.txt2", "a.tx", "a.eml", "a.exe"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_string_equal(pm__content_type(mail_text(unknown[i])), "application/octet-stream");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strips_storage_and_folders),
        cmocka_unit_test(finds_content_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
