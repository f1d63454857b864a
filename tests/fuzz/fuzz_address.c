/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a mail address. A reader of its own that goes from left to right, character by
 * character, must come to the same; and no address may hold what would end a command or a header.
 */
#include "harness.h"
#include "postmodem/address.h"

/* One character of UTF-8 (RFC 3629) at `at`: its code point, and its length; -1: none. */
static int32_t character(struct pm_slice text, size_t at, size_t *len)
{
    static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = text.ptr[at];
    size_t n = first < 0x80 ? 1 : first < 0xC0 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (n == 0 || first > 0xF7 || n > text.len - at) {
        return -1;
    }
    int32_t code = n == 1 ? first : first & (0x7F >> n);
    for (size_t i = 1; i < n; i++) {
        if ((text.ptr[at + i] & 0xC0) != 0x80) {
            return -1;
        }
        code = code << 6 | (text.ptr[at + i] & 0x3F);
    }
    *len = n;
    bool good = code >= least[n] && code <= 0x10FFFF && !(code >= 0xD800 && code <= 0xDFFF);
    return good ? code : -1;
}

/* What may stand nowhere: controls, blanks, line ends, and the signs around an address. */
static bool is_barred(int32_t code)
{
    return code <= ' ' || (code >= 0x7F && code < 0xA0) || code == '<' || code == '>' ||
           code == 0x2028 || code == 0x2029;
}

static bool is_special(int32_t code)
{
    return code > 0 && code < 0x80 && strchr("()[]:;@\\,\"", code) != NULL;
}

static bool all_fit(struct pm_slice text)
{
    size_t len = 0;
    for (size_t at = 0; at < text.len; at += len) {
        int32_t code = character(text, at, &len);
        if (code < 0 || is_barred(code)) {
            return false;
        }
    }
    return true;
}

/* Quoted: pairs and characters up to the only bare quote, which ends it. Else no specials. */
static bool is_local(struct pm_slice text)
{
    bool quoted = text.len > 0 && text.ptr[0] == '"';
    size_t at = quoted ? 1 : 0;
    while (at < text.len) {
        if (!quoted && is_special(text.ptr[at])) {
            return false;
        }
        if (quoted && text.ptr[at] == '"') {
            return at == text.len - 1;
        }
        at += quoted && text.ptr[at] == '\\' ? 2 : 1;
    }
    return !quoted && text.len > 0;
}

static bool is_domain(struct pm_slice text)
{
    bool literal = text.len >= 3 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']';
    size_t end = literal ? text.len - 1 : text.len;
    for (size_t i = literal ? 1 : 0; i < end; i++) {
        if (is_special(text.ptr[i]) && !(literal && text.ptr[i] == ':')) {
            return false;
        }
    }
    return text.len > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1); /* exact: a byte too far is seen */
    REQUIRE(copy != NULL);
    memcpy(copy, data, size);
    struct pm_slice whole = {copy, size};
    size_t at = size;
    while (at > 0 && copy[at - 1] != '@') {
        at--;
    }
    struct pm_slice local = {copy, at > 0 ? at - 1 : 0};
    struct pm_slice domain = {copy + at, size - at};
    bool good = at > 0 && local.len <= PM_ADDRESS_LOCAL_MAX &&
                domain.len <= PM_ADDRESS_DOMAIN_MAX && all_fit(whole) && is_local(local) &&
                is_domain(domain);
    REQUIRE(pm_address_valid(whole) == good);
    free(copy);
    return 0;
}
