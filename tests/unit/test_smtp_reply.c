/* SPDX-License-Identifier: MIT */
/* The reply parser alone: shapes, limits, cuts (SD60). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "smtp/reply.h"

static struct pm_smtp_reply reply;

/* Feeds all bytes in pieces; the result of the last line that was completed. */
static enum pm__smtp_read feed(const char *bytes, size_t len, size_t piece, bool awaited)
{
    enum pm__smtp_read last = PM__SMTP_READ_MORE;
    while (len > 0) {
        size_t n = piece < len ? piece : len;
        size_t used = SIZE_MAX;
        enum pm__smtp_read result =
            pm__smtp_reply_read(&reply, (const uint8_t *)bytes, n, awaited, &used);
        assert_true(used <= n);
        if (result == PM__SMTP_READ_BAD) {
            return result;
        }
        assert_true(used > 0);
        last = result == PM__SMTP_READ_MORE ? last : result;
        bytes += used;
        len -= used;
    }
    return last;
}

static void expect(const char *text, enum pm__smtp_read wanted, uint16_t code)
{
    size_t len = strlen(text);
    for (size_t piece = 1; piece <= len; piece++) {
        memset(&reply, 0, sizeof reply);
        assert_int_equal(feed(text, len, piece, true), wanted);
        if (wanted != PM__SMTP_READ_BAD) {
            assert_int_equal(reply.code, code);
            assert_false(reply.unasked);
        }
    }
}

static void expect_text(const char *text)
{
    struct pm_slice slice = pm__smtp_reply_text(&reply);
    assert_int_equal(slice.len, strlen(text));
    assert_memory_equal(slice.ptr, text, slice.len);
}

static void test_good_replies(void **state)
{
    (void)state;
    expect("250 ok\r\n", PM__SMTP_READ_LAST, 250);
    expect_text("ok");
    expect("250 ok\n", PM__SMTP_READ_LAST, 250);
    expect_text("ok");
    expect("250\r\n", PM__SMTP_READ_LAST, 250);
    expect_text("");
    expect("250 \r\n", PM__SMTP_READ_LAST, 250);
    expect_text("");
    expect("200\n", PM__SMTP_READ_LAST, 200);
    expect("599 x\n", PM__SMTP_READ_LAST, 599);
    expect("250-a\r\n250-\r\n250 b\r\n", PM__SMTP_READ_LAST, 250);
    expect_text("b");
    expect("250-a\r\n250\r\n", PM__SMTP_READ_LAST, 250);
    expect("250 a\rb\r\n", PM__SMTP_READ_LAST, 250);
    expect_text("a\rb");
    expect("421 4.7.0 caf\xc3\xa9\r\n", PM__SMTP_READ_LAST, 421);
}

static void test_unfinished_replies(void **state)
{
    (void)state;
    expect("250 ok", PM__SMTP_READ_MORE, 0);
    expect("250 ok\r", PM__SMTP_READ_MORE, 0);
    expect("250-ok\r\n", PM__SMTP_READ_LINE, 250);
    expect("250-ok\r\n250 o", PM__SMTP_READ_LINE, 250);
}

static void test_bad_replies(void **state)
{
    (void)state;
    static const char *const bad[] = {"\r\n",          "\n",
                                      "2\r\n",         "25\r\n",
                                      "250x\r\n",      "250\tx\r\n",
                                      "2500 x\r\n",    " 250 x\r\n",
                                      "x50 y\r\n",     "25o y\r\n",
                                      "199 y\r\n",     "600 y\r\n",
                                      "000 y\r\n",     "250-a\r\n251 b\r\n",
                                      "250-a\r\n\r\n", "-250 a\r\n",
                                      "250_a\r\n",     "250-a\r\nb\r\n",
                                      "\r250 a\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect(bad[i], PM__SMTP_READ_BAD, 0);
    }
    memset(&reply, 0, sizeof reply);
    assert_int_equal(feed("250 a\0b\r\n", 9, 9, true), PM__SMTP_READ_BAD);
}

static void test_line_limit(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 511, 4096, 100000};
    static char line[PM_SMTP_LINE_SIZE + 3];
    for (size_t i = 0; i < 4; i++) {
        memset(line, 'x', sizeof line);
        memcpy(line, "250 ", 4);
        line[PM_SMTP_LINE_SIZE] = '\n';
        memset(&reply, 0, sizeof reply);
        assert_int_equal(feed(line, PM_SMTP_LINE_SIZE + 1, pieces[i], true), PM__SMTP_READ_LAST);
        line[PM_SMTP_LINE_SIZE] = 'x';
        line[PM_SMTP_LINE_SIZE + 1] = '\n';
        memset(&reply, 0, sizeof reply);
        assert_int_equal(feed(line, PM_SMTP_LINE_SIZE + 2, pieces[i], true), PM__SMTP_READ_BAD);
        assert_int_equal(reply.len, PM_SMTP_LINE_SIZE);
    }
}

static void test_number_of_lines(void **state)
{
    (void)state;
    memset(&reply, 0, sizeof reply);
    for (unsigned i = 1; i < PM_SMTP_MAX_LINES; i++) {
        assert_int_equal(feed("250-x\n", 6, 6, true), PM__SMTP_READ_LINE);
    }
    struct pm_smtp_reply before_last = reply;
    assert_int_equal(feed("250 x\n", 6, 6, true), PM__SMTP_READ_LAST);
    reply = before_last;
    assert_int_equal(feed("250-x\n", 6, 6, true), PM__SMTP_READ_LINE);
    assert_int_equal(feed("250 x\n", 6, 6, true), PM__SMTP_READ_BAD);
}

/* Replies follow each other; each starts with a clean count and code. */
static void test_one_after_the_other(void **state)
{
    (void)state;
    memset(&reply, 0, sizeof reply);
    for (unsigned i = 0; i < 3 * PM_SMTP_MAX_LINES; i++) {
        assert_int_equal(feed("250 x\r\n", 7, 3, true), PM__SMTP_READ_LAST);
        assert_int_equal(feed("550 x\r\n", 7, 3, true), PM__SMTP_READ_LAST);
    }
}

static void test_unasked(void **state)
{
    (void)state;
    memset(&reply, 0, sizeof reply);
    assert_int_equal(feed("250 x\r\n", 7, 1, false), PM__SMTP_READ_BAD);
    memset(&reply, 0, sizeof reply);
    assert_int_equal(feed("421-x\r\n421 x\r\n", 14, 1, false), PM__SMTP_READ_LAST);
    assert_true(reply.unasked);
    /* What began unasked stays so, although a command has left meanwhile. */
    memset(&reply, 0, sizeof reply);
    assert_int_equal(feed("42", 2, 2, false), PM__SMTP_READ_MORE);
    assert_int_equal(feed("1 x\r\n", 5, 5, true), PM__SMTP_READ_LAST);
    assert_true(reply.unasked);
    assert_int_equal(feed("250 x\r\n", 7, 7, true), PM__SMTP_READ_LAST);
    assert_false(reply.unasked);
}

static void test_printable(void **state)
{
    (void)state;
    memset(&reply, 0, sizeof reply);
    assert_int_equal(feed("250 a\x1b[2Jb\r\x7f\xc3\xa9\r\n", 16, 16, true), PM__SMTP_READ_LAST);
    struct pm_slice text = pm__smtp_reply_printable(&reply);
    assert_int_equal(text.len, 14);
    assert_memory_equal(text.ptr, "250 a?[2Jb??\xc3\xa9", 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_replies),    cmocka_unit_test(test_unfinished_replies),
        cmocka_unit_test(test_bad_replies),     cmocka_unit_test(test_line_limit),
        cmocka_unit_test(test_number_of_lines), cmocka_unit_test(test_one_after_the_other),
        cmocka_unit_test(test_unasked),         cmocka_unit_test(test_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
