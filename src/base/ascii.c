/* SPDX-License-Identifier: MIT */
/* ASCII characters and case-insensitive words. */
#include "base/ascii.h"

#include <string.h>

uint8_t pm__ascii_upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
}

uint8_t pm__ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

bool pm__ascii_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

bool pm__ascii_is_alpha(uint8_t c)
{
    uint8_t lower = pm__ascii_lower(c);
    return lower >= 'a' && lower <= 'z';
}

bool pm__ascii_is_control(uint8_t c)
{
    return c < 0x20 || c == 0x7F;
}

int pm__ascii_hex(uint8_t c)
{
    uint8_t lower = pm__ascii_lower(c);
    if (pm__ascii_is_digit(c)) {
        return c - '0';
    }
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

struct pm_slice pm__slice(const char *string)
{
    return (struct pm_slice){(const uint8_t *)string, strlen(string)};
}

bool pm__slice_equal(struct pm_slice a, struct pm_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool pm__slice_equal_nocase(struct pm_slice a, struct pm_slice b)
{
    return a.len == b.len && pm__slice_starts_nocase(a, b);
}

bool pm__slice_starts_nocase(struct pm_slice text, struct pm_slice prefix)
{
    if (text.len < prefix.len) {
        return false;
    }
    for (size_t i = 0; i < prefix.len; i++) {
        if (pm__ascii_lower(text.ptr[i]) != pm__ascii_lower(prefix.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool pm__slice_is_ascii(struct pm_slice slice)
{
    for (size_t i = 0; i < slice.len; i++) {
        if (slice.ptr[i] > 0x7F) {
            return false;
        }
    }
    return true;
}

bool pm__slice_has_control(struct pm_slice slice)
{
    for (size_t i = 0; i < slice.len; i++) {
        if (pm__ascii_is_control(slice.ptr[i])) {
            return true;
        }
    }
    return false;
}

bool pm__slice_number(struct pm_slice slice, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;
    for (size_t i = 0; i < slice.len; i++) {
        if (!pm__ascii_is_digit(slice.ptr[i])) {
            return false;
        }
        uint64_t digit = (uint64_t)slice.ptr[i] - '0';
        if (value > max / 10 || value * 10 > max - digit || digit > max) {
            return false;
        }
        value = value * 10 + digit;
    }
    *number = value;
    return slice.len > 0;
}
