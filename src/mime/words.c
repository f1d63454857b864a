/* SPDX-License-Identifier: MIT */
/* Encoded-words (RFC 2047). */
#include "mime/words.h"

#include "base/ascii.h"
#include "base/base64.h"
#include "mime/charset.h"
#include "mime/limits.h"

#include <string.h>

enum {
    FRAME = 7,     /* "=?", "?B?", "?=" */
    GROUPS_MIN = 3 /* room for a character of four bytes, in Q as well */
};

/* Bytes of text that fit a word of `room` characters. */
static size_t capacity(size_t room, size_t label)
{
    return room > FRAME + label ? (room - FRAME - label) / 4 * 3 : 0;
}

/* A line end or another control character would be harmless inside a word but come alive in the
 * reader. */
static void copy_character(const struct pm_mime_text *text, uint8_t *out, const uint8_t *in,
                           size_t len)
{
    memcpy(out, in, len);
    if (pm__ascii_is_control(*in)) {
        *out = text->control;
    }
}

/*
 * Copies whole characters, at most `max` bytes of them, to a place where base64 needs no padding:
 * GMime joins the base64 of neighbouring words and drops what comes after a padding. Padding is
 * fine at the end of the text. 0 when there is no such place.
 */
static size_t copy_unpadded(const struct pm_mime_text *text, uint8_t *bytes, size_t max)
{
    struct pm_slice rest = text->rest;
    size_t copied = 0;
    size_t unpadded = 0;
    while (rest.len > 0) {
        size_t len = pm__charset_char((enum pm_charset)text->label.charset, rest);
        if (copied + len > max) {
            break;
        }
        copy_character(text, bytes + copied, rest.ptr, len);
        copied += len;
        rest.ptr += len;
        rest.len -= len;
        if (copied % 3 == 0 || rest.len == 0) {
            unpadded = copied;
        }
    }
    return unpadded;
}

/* One character in the encoding Q, in digits alone, as they may stand in a phrase, too. */
static size_t encode_character(const struct pm_mime_text *text, uint8_t *out, size_t *len)
{
    static const uint8_t digits[] = "0123456789ABCDEF";
    uint8_t character[4];
    size_t n = pm__charset_char((enum pm_charset)text->label.charset, text->rest);
    copy_character(text, character, text->rest.ptr, n);
    for (size_t i = 0; i < n; i++) {
        out[3 * i] = '=';
        out[3 * i + 1] = digits[character[i] >> 4];
        out[3 * i + 2] = digits[character[i] & 15];
    }
    *len = 3 * n;
    return n;
}

void pm__word(struct pm__header header, struct pm_mime_text *text)
{
    size_t label = text->label.name.len;
    size_t left = *header.column < PM__LINE_WORDS ? PM__LINE_WORDS - *header.column : 0;
    if (text->pieces > 0 || capacity(left, label) < GROUPS_MIN * 3) {
        pm__header_fold(header);
        left = PM__WORD_MAX;
    }
    uint8_t bytes[PM__WORD_MAX];
    uint8_t encoded[PM__BASE64_SIZE(PM__WORD_MAX)];
    size_t max = capacity(left < PM__WORD_MAX ? left : PM__WORD_MAX, label);
    size_t taken = copy_unpadded(text, bytes, max);
    size_t len = pm__base64_encode(encoded, bytes, taken);
    bool shift = taken == 0;
    if (shift) { /* The characters after this one end at better places. */
        taken = encode_character(text, encoded, &len);
    }
    text->rest.ptr += taken;
    text->rest.len -= taken;

    pm__header_add(header, "=?");
    pm__text_slice(header.out, text->label.name);
    pm__header_add(header, shift ? "?Q?" : "?B?");
    pm__text_bytes(header.out, encoded, len);
    pm__header_add(header, "?=");
    *header.column += label + len;
}
