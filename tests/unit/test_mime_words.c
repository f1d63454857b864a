/* SPDX-License-Identifier: MIT */
#include "mime/words.h"

#include "base/ascii.h"
#include "base/base64.h"
#include "compose.h"
#include "mime/charset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct word {
    char out[128];
    size_t len;
    size_t column;
};

static struct word next_word(struct pm_mime_text *text, size_t column)
{
    struct word word = {.column = column};
    struct pm__text out;
    pm__text_init(&out, word.out, sizeof word.out);
    pm__word((struct pm__header){&out, &word.column}, text);
    assert_false(out.cut);
    word.len = out.len;
    text->pieces++;
    return word;
}

/* Decodes a payload in Q whose characters are all written in digits. */
static size_t decode_q(const char *payload, size_t len, uint8_t *bytes)
{
    assert_int_equal(len % 3, 0);
    for (size_t i = 0; i < len; i += 3) {
        int high = pm__ascii_hex((uint8_t)payload[i + 1]);
        int low = pm__ascii_hex((uint8_t)payload[i + 2]);
        assert_int_equal(payload[i], '=');
        assert_true(high >= 0 && low >= 0);
        bytes[i / 3] = (uint8_t)(high * 16 + low);
    }
    return len / 3;
}

/* Decodes a word with or without a fold before it, and returns its length. */
static size_t decode(const struct word *word, struct pm_slice label, uint8_t *bytes, size_t *n)
{
    const char *at = word->out;
    if (memcmp(at, "\r\n ", 3) == 0) {
        at += 3;
    }
    size_t len = word->len - (size_t)(at - word->out);
    size_t frame = label.len + 7;
    const char *payload = at + label.len + 5;
    assert_memory_equal(at, "=?", 2);
    assert_memory_equal(at + 2, label.ptr, label.len);
    assert_memory_equal(at + len - 2, "?=", 2);
    if (memcmp(payload - 3, "?Q?", 3) == 0) {
        *n = decode_q(payload, len - frame, bytes);
        return len;
    }
    assert_memory_equal(payload - 3, "?B?", 3);
    assert_true(pm__base64_decode((const uint8_t *)payload, len - frame, bytes, 75, n));
    return len;
}

/* Words of a text, from every place in a line: short enough, whole, and together the text. */
static void check(struct pm_slice value, struct pm_mime_label label)
{
    for (size_t column = 0; column <= 80; column++) {
        struct pm_mime_text text = {.rest = value, .label = label, .form = PM__FORM_WORDS};
        size_t place = column;
        size_t done = 0;
        while (text.rest.len > 0) {
            bool first = text.pieces == 0;
            struct word word = next_word(&text, place);
            uint8_t bytes[75];
            size_t n = 0;
            size_t len = decode(&word, label.name, bytes, &n);
            assert_in_range(len, 1, 75);
            assert_true(n > 0);
            assert_true(word.column <= 76);
            bool folded = word.out[0] == '\r';
            assert_true(first || folded);
            assert_int_equal(word.column, folded ? 1 + len : column + len);
            assert_memory_equal(bytes, value.ptr + done, n);
            done += n;
            place = word.column;
            /* Base64 is padded at the end of the text alone: GMime loses what follows. */
            bool padded = memcmp(word.out + word.len - 3, "=?=", 3) == 0;
            assert_true(!padded || done == value.len);
            /* The cut is where a character ends. */
            size_t boundary = 0;
            while (boundary < done) {
                struct pm_slice rest = {value.ptr + boundary, value.len - boundary};
                boundary += pm__charset_char((enum pm_charset)label.charset, rest);
            }
            assert_int_equal(boundary, done);
        }
        assert_int_equal(done, value.len);
    }
}

static void cuts_between_characters(void **state)
{
    (void)state;
    const struct pm_mime_label utf8 = {mail_text("utf-8"), PM_CHARSET_UTF8};
    const struct pm_mime_label gb = {mail_text("gb2312"), PM_CHARSET_GB2312};
    const struct pm_mime_label big5 = {mail_text("big5"), PM_CHARSET_BIG5};
    uint8_t text[200];
    for (size_t shift = 0; shift < 8; shift++) {
        memset(text, 'a', sizeof text);
        for (size_t i = shift; i + 4 <= sizeof text; i += 4) {
            memcpy(text + i, "\xF0\x9F\x8E\x89", 4);
        }
        check((struct pm_slice){text, sizeof text}, utf8);
        for (size_t i = shift; i + 2 <= sizeof text; i += 2) {
            memcpy(text + i, "\xA5\x5C", 2);
        }
        check((struct pm_slice){text, sizeof text}, big5);
        check((struct pm_slice){text, sizeof text}, gb);
    }
}

/* Umlauts between CJK: hardly a place where base64 needs no padding. */
static void pads_the_last_word_only(void **state)
{
    (void)state;
    const struct pm_mime_label utf8 = {mail_text("utf-8"), PM_CHARSET_UTF8};
    check(mail_text("a\xE6\xB0\xB4\xE6\xB0\xB4\xE6\xB0\xB4\xE6\xB0\xB4\xE6\xB0\xB4\xE6\xB0\xB4"
                    "\xE6\xB0\xB4\xE6\xB0\xB4\xE6\xB0\xB4\xE6\xB0\xB4\xE6\xB0\xB4\xE6\xB0\xB4"
                    "\xE6\xB0\xB4\xE6\xB0\xB4\xE6\xB0\xB4\xE6\xB0\xB4\xE6\xB0\xB4\xE6\xB0\xB4"),
          utf8);
    uint8_t text[120];
    static const uint8_t characters[4][4] = {"a", "\xC3\xA9", "\xE6\xB0\xB4", "\xF0\x9F\x8E\x89"};
    uint32_t random = 9;
    for (unsigned round = 0; round < 60; round++) {
        size_t len = 0;
        while (len + 4 <= sizeof text) {
            size_t n = 1 + mail_random(&random) % 4;
            memcpy(text + len, characters[n - 1], n);
            len += n;
        }
        check((struct pm_slice){text, len}, utf8);
    }
}

static void passes_broken_text(void **state)
{
    (void)state;
    const struct pm_mime_label utf8 = {mail_text("utf-8"), PM_CHARSET_UTF8};
    const struct pm_mime_label big5 = {mail_text("big5"), PM_CHARSET_BIG5};
    const struct pm_mime_label bytewise = {mail_text("windows-1252"), PM_CHARSET_ASCII};
    uint8_t text[300];
    uint32_t random = 5;
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (uint8_t)(0x80 | mail_random(&random));
    }
    check((struct pm_slice){text, sizeof text}, utf8);
    check((struct pm_slice){text, sizeof text}, big5);
    check((struct pm_slice){text, sizeof text}, bytewise);
    check(mail_text("\xE2\x82"), utf8);
    check(mail_text("\xA5"), big5);
}

static void fits_the_longest_label(void **state)
{
    (void)state;
    const struct pm_mime_label label = {mail_text("x234567890123456789012345678901234567890"),
                                        PM_CHARSET_UTF8};
    assert_int_equal(label.name.len, 40);
    check(mail_text("\xF0\x9F\x8E\x89\xF0\x9F\x8E\x89 and some more words than fit one line"),
          label);
}

static void hides_no_control_characters(void **state)
{
    (void)state;
    const struct pm_mime_label label = {mail_text("utf-8"), PM_CHARSET_UTF8};
    static const char *const shown[] = {"a      .", "a______."};
    for (size_t i = 0; i < 2; i++) {
        struct pm_mime_text text = {.rest = {(const uint8_t *)"a\r\n\0\t\x7f\x1b.", 8},
                                    .label = label,
                                    .form = PM__FORM_WORDS,
                                    .control = (uint8_t)shown[i][1]};
        struct word word = next_word(&text, 0);
        uint8_t bytes[75];
        size_t n = 0;
        (void)decode(&word, label.name, bytes, &n);
        assert_int_equal(n, 8);
        assert_memory_equal(bytes, shown[i], 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_between_characters),     cmocka_unit_test(pads_the_last_word_only),
        cmocka_unit_test(passes_broken_text),          cmocka_unit_test(fits_the_longest_label),
        cmocka_unit_test(hides_no_control_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
