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
    GROUPS_MIN = 2 /* room for a character of four bytes in base64 */
};

/* Bytes of text that fit a word of `room` characters. */
static size_t capacity(size_t room, size_t label)
{
    return room > FRAME + label ? (room - FRAME - label) / 4 * 3 : 0;
}

/* Takes whole characters, at most `max` bytes of them. A line end or another control character
 * would be harmless in base64 but come alive in the reader: it becomes a blank. */
static size_t take_characters(struct pm_mime_text *text, uint8_t *bytes, size_t max)
{
    size_t taken = 0;
    while (text->rest.len > 0) {
        size_t len = pm__charset_char((enum pm_charset)text->label.charset, text->rest);
        if (taken + len > max) {
            break;
        }
        memcpy(bytes + taken, text->rest.ptr, len);
        if (pm__ascii_is_control(*text->rest.ptr)) {
            bytes[taken] = ' ';
        }
        taken += len;
        text->rest.ptr += len;
        text->rest.len -= len;
    }
    return taken;
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
    size_t taken = take_characters(text, bytes, max);
    size_t len = pm__base64_encode(encoded, bytes, taken);

    pm__header_add(header, "=?");
    pm__text_slice(header.out, text->label.name);
    pm__header_add(header, "?B?");
    pm__text_bytes(header.out, encoded, len);
    pm__header_add(header, "?=");
    *header.column += label + len;
}
