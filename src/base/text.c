/* SPDX-License-Identifier: MIT */
/* Builds short texts in a buffer of fixed size. */
#include "base/text.h"

#include <string.h>

/* Digits of UINT64_MAX. */
enum { MAX_DECIMAL = 20, MAX_HEX = 16 };

void pm__text_init(struct pm__text *text, char *buf, size_t cap)
{
    text->buf = buf;
    text->cap = cap;
    text->len = 0;
    text->cut = false;
}

void pm__text_bytes(struct pm__text *text, const void *bytes, size_t n)
{
    size_t room = text->cap - text->len;
    if (n > room) {
        n = room;
        text->cut = true;
    }
    if (n > 0) {
        memcpy(text->buf + text->len, bytes, n);
        text->len += n;
    }
}

void pm__text_add(struct pm__text *text, const char *string)
{
    pm__text_bytes(text, string, strlen(string));
}

void pm__text_slice(struct pm__text *text, struct pm_slice slice)
{
    pm__text_bytes(text, slice.ptr, slice.len);
}

void pm__text_char(struct pm__text *text, char c)
{
    pm__text_bytes(text, &c, 1);
}

void pm__text_padded(struct pm__text *text, uint64_t number, unsigned width)
{
    char digits[MAX_DECIMAL];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + (int)(number % 10));
        number /= 10;
    } while (number > 0);
    while (sizeof digits - at < width && at > 0) {
        digits[--at] = '0';
    }
    pm__text_bytes(text, digits + at, sizeof digits - at);
}

void pm__text_number(struct pm__text *text, uint64_t number)
{
    pm__text_padded(text, number, 1);
}

void pm__text_hex(struct pm__text *text, uint64_t number, unsigned width)
{
    char digits[MAX_HEX];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789ABCDEF"[number & 15];
        number >>= 4;
    } while (number > 0);
    while (sizeof digits - at < width && at > 0) {
        digits[--at] = '0';
    }
    pm__text_bytes(text, digits + at, sizeof digits - at);
}

bool pm__text_terminate(struct pm__text *text)
{
    if (text->cap == 0) {
        return false;
    }
    bool fits = text->len < text->cap;
    if (!fits) {
        text->len = text->cap - 1;
        text->cut = true;
    }
    text->buf[text->len] = '\0';
    return fits;
}

struct pm_slice pm__text_get(const struct pm__text *text)
{
    return (struct pm_slice){(const uint8_t *)text->buf, text->len};
}
