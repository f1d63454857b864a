/* SPDX-License-Identifier: MIT */
/* UTF-8 as the Unicode Standard's table 3-7 defines it. */
#include "base/utf8.h"

/* The state holds the bytes still missing and the range the next of them must be in: only
 * the first continuation byte has another range than 80-BF. */
#define STATE(missing, low, high) \
    ((uint32_t)(missing) | ((uint32_t)(low) << 8) | ((uint32_t)(high) << 16))

static uint32_t state_after_lead(uint8_t lead)
{
    if (lead >= 0xC2 && lead <= 0xDF) {
        return STATE(1, 0x80, 0xBF);
    }
    switch (lead) {
    case 0xE0: return STATE(2, 0xA0, 0xBF); /* no overlong forms */
    case 0xED: return STATE(2, 0x80, 0x9F); /* no surrogates */
    case 0xF0: return STATE(3, 0x90, 0xBF); /* no overlong forms */
    case 0xF4: return STATE(3, 0x80, 0x8F); /* nothing above U+10FFFF */
    default: break;
    }
    if (lead >= 0xE1 && lead <= 0xEF) {
        return STATE(2, 0x80, 0xBF);
    }
    return lead >= 0xF1 && lead <= 0xF3 ? STATE(3, 0x80, 0xBF) : 0;
}

bool pm__utf8_next(uint32_t *state, uint8_t byte)
{
    uint32_t missing = *state & 0xFF;
    if (missing == 0) {
        *state = byte < 0x80 ? 0 : state_after_lead(byte);
        return byte < 0x80 || *state != 0;
    }
    if (byte < ((*state >> 8) & 0xFF) || byte > (*state >> 16)) {
        *state = 0;
        return false;
    }
    *state = missing > 1 ? STATE(missing - 1, 0x80, 0xBF) : 0;
    return true;
}

size_t pm__utf8_char(struct pm_slice text)
{
    uint32_t state = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!pm__utf8_next(&state, text.ptr[i])) {
            return 0;
        }
        if (state == 0) {
            return i + 1;
        }
    }
    return 0;
}

bool pm__utf8_valid(struct pm_slice text)
{
    uint32_t state = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!pm__utf8_next(&state, text.ptr[i])) {
            return false;
        }
    }
    return state == 0;
}
