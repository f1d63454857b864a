/* SPDX-License-Identifier: MIT */
#include "mime/header.h"

#include "compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char buffer[8192];
static struct pm__text out;
static size_t column;

static struct pm__header begin(const char *name)
{
    struct pm__header header = {&out, &column};
    pm__text_init(&out, buffer, sizeof buffer);
    pm__header_begin(header, name);
    return header;
}

static void assert_out(const char *want)
{
    assert_false(out.cut);
    assert_true(pm__text_terminate(&out));
    assert_string_equal(buffer, want);
}

static const struct pm_mime_label *ascii(void)
{
    static struct pm_mime_label label;
    label = (struct pm_mime_label){mail_text("us-ascii"), PM_CHARSET_ASCII};
    return &label;
}

static void write_all(struct pm__header header, struct pm_mime_text *text)
{
    while (pm__header_piece(header, text)) {
        assert_true(out.len < sizeof buffer);
    }
    assert_false(pm__header_piece(header, text));
}

static void write_subject(const char *value, const char *want)
{
    struct pm_mime_text text;
    struct pm__header header = begin("Subject");
    pm__header_unstructured(&text, mail_text(value), *ascii());
    write_all(header, &text);
    pm__header_end(header);
    assert_int_equal(column, 0);
    assert_out(want);
}

static void writes_plain_text(void **state)
{
    (void)state;
    write_subject("TEST SMTP", "Subject: TEST SMTP\r\n");
    write_subject("", "Subject: \r\n");
    write_subject("<a@b>, \"q\" (c); x=y ?= \\", "Subject: <a@b>, \"q\" (c); x=y ?= \\\r\n");
    write_subject("a  b", "Subject: a  b\r\n");
}

static void folds_before_blanks(void **state)
{
    (void)state;
    /* Lines of 78 and, unfolded, 79 characters. */
    write_subject("aaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbb cccccccccccccccccccc dddddd",
                  "Subject: aaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbb cccccccccccccccccccc "
                  "dddddd\r\n");
    write_subject("aaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbb cccccccccccccccccccc ddddddd",
                  "Subject: aaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbb cccccccccccccccccccc\r\n"
                  " ddddddd\r\n");
    write_subject("aaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbb cccccccccccccccccccc ddddd ff",
                  "Subject: aaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbb cccccccccccccccccccc "
                  "ddddd\r\n ff\r\n");
    write_subject("aaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbb cccccccccccccccccccc   dddddd",
                  "Subject: aaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbb cccccccccccccccccccc\r\n"
                  "   dddddd\r\n");
}

static void encodes_what_cannot_be_plain(void **state)
{
    (void)state;
    write_subject(" a", "Subject: =?us-ascii?B?IGE=?=\r\n");
    write_subject("a ", "Subject: =?us-ascii?B?YSA=?=\r\n");
    write_subject("=?", "Subject: =?us-ascii?B?PT8=?=\r\n");
    write_subject("a\r\nBcc: x", "Subject: =?us-ascii?B?YSAgQmNjOiB4?=\r\n");
    write_subject("\x7f", "Subject: =?us-ascii?B?IA==?=\r\n");
    write_subject("0123456789012345678901234567890123456789012345678901234567890123",
                  "Subject: 0123456789012345678901234567890123456789012345678901234567890123\r\n");
    write_subject("01234567890123456789012345678901234567890123456789012345678901234",
                  "Subject: =?us-ascii?B?MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4?=\r\n"
                  " =?us-ascii?B?OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ=?=\r\n");
}

static void write_phrase(const char *value, const char *want)
{
    struct pm_mime_text text;
    struct pm__header header = begin("From");
    pm__header_phrase(&text, mail_text(value), *ascii());
    write_all(header, &text);
    assert_out(want);
}

static void quotes_phrases(void **state)
{
    (void)state;
    write_phrase("Plant 7", "From: \"Plant 7\"");
    write_phrase("a\"b\\c", "From: \"a\\\"b\\\\c\"");
    write_phrase(" x, y; <z@z> ", "From: \" x, y; <z@z> \"");
    write_phrase("=?x?B?YQ==?=", "From: =?us-ascii?B?PT94P0I/WVE9PT89?=");
    write_phrase("a\nb", "From: =?us-ascii?B?YSBi?=");
    write_phrase("0123456789012345678901234567890123456789012345678901234567890123",
                 "From: \"0123456789012345678901234567890123456789012345678901234567890123\"");
    write_phrase("\"123456789012345678901234567890123456789012345678901234567890123",
                 "From: =?us-ascii?B?IjEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4?=\r\n"
                 " =?us-ascii?B?OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMw==?=");
}

static void folds_tokens(void **state)
{
    (void)state;
    struct pm__header header = begin("To");
    pm__header_fold_for(header, 71);
    assert_int_equal(column, 5);
    assert_out("To:  ");
    header = begin("To");
    pm__header_fold_for(header, 72);
    assert_int_equal(column, 1);
    assert_out("To: \r\n ");
}

static void writes_addresses_raw(void **state)
{
    (void)state;
    struct pm__header header = begin("To");
    pm__header_address(header, mail_text("\xE7\x94\xA8@b.example"));
    assert_out("To: \xE7\x94\xA8@b.example");
    assert_int_equal(column, 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_plain_text),
        cmocka_unit_test(folds_before_blanks),
        cmocka_unit_test(encodes_what_cannot_be_plain),
        cmocka_unit_test(quotes_phrases),
        cmocka_unit_test(folds_tokens),
        cmocka_unit_test(writes_addresses_raw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
