/* SPDX-License-Identifier: MIT */
/* Reads enhanced status codes. */
#include "smtp/status.h"

#include "base/ascii.h"

enum { DIGITS_MAX = 3 };

/* Takes a number of one to three digits off the text. */
static bool take_number(struct pm_slice *text, uint16_t *number)
{
    size_t digits = 0;
    *number = 0;
    while (digits < text->len && digits <= DIGITS_MAX && pm__ascii_is_digit(text->ptr[digits])) {
        *number = (uint16_t)(*number * 10 + (text->ptr[digits] - '0'));
        digits++;
    }
    text->ptr += digits;
    text->len -= digits;
    return digits >= 1 && digits <= DIGITS_MAX;
}

static bool take_dot(struct pm_slice *text)
{
    if (text->len == 0 || text->ptr[0] != '.') {
        return false;
    }
    text->ptr++;
    text->len--;
    return true;
}

struct pm_smtp_status pm__smtp_status(struct pm_slice text, uint16_t code)
{
    static const struct pm_smtp_status none;
    struct pm_smtp_status status = {0};
    uint16_t class = 0;
    if (!take_number(&text, &class) || class != code / 100 || class == 3 || !take_dot(&text) ||
        !take_number(&text, &status.subject) || !take_dot(&text) ||
        !take_number(&text, &status.detail) || (text.len != 0 && text.ptr[0] != ' ')) {
        return none;
    }
    status.class_digit = (uint8_t) class;
    return status;
}
