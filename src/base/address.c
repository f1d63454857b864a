/* SPDX-License-Identifier: MIT */
/* The check of mail addresses. */
#include "postmodem/address.h"

#include "base/ascii.h"
#include "base/utf8.h"

#include <string.h>

/* Printable ASCII that separates things in a header field (RFC 5322 3.2.3 `specials`). */
static bool is_special(uint8_t c)
{
    return memchr("()<>[]:;@\\,\"", c, 12) != NULL;
}

/* U+0080-U+009F, U+2028 and U+2029: controls and line ends beyond ASCII. */
static bool is_wide_control(const uint8_t *character, size_t len)
{
    if (len == 2) {
        return character[0] == 0xC2 && character[1] < 0xA0;
    }
    return len == 3 && character[0] == 0xE2 && character[1] == 0x80 &&
           (character[2] == 0xA8 || character[2] == 0xA9);
}

/* What holds for every byte of an address, in quotes or not. */
static bool is_clean(struct pm_slice text)
{
    while (text.len > 0) {
        uint8_t c = *text.ptr;
        size_t len = pm__utf8_char(text);
        if (len == 0 || pm__ascii_is_control(c) || c == ' ' || c == '<' || c == '>' ||
            is_wide_control(text.ptr, len)) {
            return false;
        }
        text.ptr += len;
        text.len -= len;
    }
    return true;
}

static bool has_special(struct pm_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_special(text.ptr[i])) {
            return true;
        }
    }
    return false;
}

/* RFC 5321 4.1.2 Quoted-string: every quote and backslash inside has a backslash before it. */
static bool is_quoted_string(struct pm_slice text)
{
    if (text.len < 2 || text.ptr[0] != '"' || text.ptr[text.len - 1] != '"') {
        return false;
    }
    size_t end = text.len - 1;
    for (size_t i = 1; i < end; i++) {
        if (text.ptr[i] == '"') {
            return false;
        }
        if (text.ptr[i] == '\\' && ++i == end) {
            return false;
        }
    }
    return true;
}

static bool is_domain(struct pm_slice text)
{
    if (text.len >= 3 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']') {
        struct pm_slice inside = {text.ptr + 1, text.len - 2};
        /* An IPv6 literal has colons; nothing else of the specials belongs there. */
        for (size_t i = 0; i < inside.len; i++) {
            if (is_special(inside.ptr[i]) && inside.ptr[i] != ':') {
                return false;
            }
        }
        return true;
    }
    return !has_special(text);
}

bool pm_address_valid(struct pm_slice address)
{
    if (address.len < 3 || address.len > PM_ADDRESS_MAX) {
        return false;
    }
    size_t at = address.len;
    while (at > 0 && address.ptr[at - 1] != '@') {
        at--;
    }
    /* `at` is now the place after the last '@', or 0 when there is none. */
    if (at < 2) {
        return false;
    }
    struct pm_slice local = {address.ptr, at - 1};
    struct pm_slice domain = {address.ptr + at, address.len - at};
    return local.len <= PM_ADDRESS_LOCAL_MAX && domain.len >= 1 &&
           domain.len <= PM_ADDRESS_DOMAIN_MAX && is_clean(address) &&
           (!has_special(local) || is_quoted_string(local)) && is_domain(domain);
}
