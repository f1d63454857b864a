/* SPDX-License-Identifier: MIT */
#include "base/ip.h"

#include <string.h>

#include "base/ascii.h"

#define GROUPS 8U

/* Takes one decimal number of an IPv4 address at *at; false when there is none. */
static bool take_octet(struct pm_slice text, size_t *at, uint8_t *octet)
{
    unsigned value = 0;
    size_t start = *at;
    while (*at < text.len && pm__ascii_is_digit(text.ptr[*at]) && *at - start < 3) {
        value = value * 10 + (unsigned)(text.ptr[*at] - '0');
        (*at)++;
    }
    size_t digits = *at - start;
    *octet = (uint8_t)value;
    return digits > 0 && value <= UINT8_MAX && (digits == 1 || text.ptr[start] != '0');
}

static bool parse_v4(struct pm_slice text, uint8_t bytes[4])
{
    size_t at = 0;
    for (size_t i = 0; i < 4; i++) {
        if (i > 0) {
            if (at >= text.len || text.ptr[at] != '.') {
                return false;
            }
            at++;
        }
        if (!take_octet(text, &at, &bytes[i])) {
            return false;
        }
    }
    return at == text.len;
}

/* Takes one group of up to four hexadecimal digits at *at; false when there is none. */
static bool take_group(struct pm_slice text, size_t *at, uint16_t *group)
{
    size_t start = *at;
    unsigned value = 0;
    while (*at < text.len && *at - start < 4) {
        int digit = pm__ascii_hex(text.ptr[*at]);
        if (digit < 0) {
            break;
        }
        value = value << 4 | (unsigned)digit;
        (*at)++;
    }
    *group = (uint16_t)value;
    return *at > start;
}

/* The groups of an IPv6 address as they stand, and where "::" stands among them. */
struct groups {
    uint16_t value[GROUPS];
    size_t count;
    size_t gap; /* GROUPS + 1: no "::" */
};

/* Takes "::" or ":" between groups; false when neither is there or "::" comes again. */
static bool take_colon(struct pm_slice text, size_t *at, struct groups *groups)
{
    if (*at >= text.len || text.ptr[*at] != ':') {
        return false;
    }
    (*at)++;
    if (*at < text.len && text.ptr[*at] == ':') {
        (*at)++;
        if (groups->gap <= GROUPS) {
            return false;
        }
        groups->gap = groups->count;
        return true;
    }
    return groups->count > 0 && *at < text.len; /* a single colon stands between groups */
}

/* An IPv4 address as the last two groups. */
static bool take_v4_tail(struct pm_slice text, size_t at, struct groups *groups)
{
    uint8_t bytes[4];
    const struct pm_slice rest = {text.ptr + at, text.len - at};
    if (groups->count > GROUPS - 2 || !parse_v4(rest, bytes)) {
        return false;
    }
    groups->value[groups->count++] = (uint16_t)(bytes[0] << 8 | bytes[1]);
    groups->value[groups->count++] = (uint16_t)(bytes[2] << 8 | bytes[3]);
    return true;
}

static bool take_groups(struct pm_slice text, struct groups *groups)
{
    size_t at = 0;
    bool first = true;
    while (at < text.len) {
        bool colon = text.ptr[at] == ':';
        if ((!first || colon) && !take_colon(text, &at, groups)) {
            return false;
        }
        first = false;
        if (at == text.len) {
            break; /* "::" may be the end */
        }
        if (groups->count == GROUPS) {
            return false;
        }
        size_t start = at;
        uint16_t group = 0;
        if (!take_group(text, &at, &group)) {
            return false;
        }
        if (at < text.len && text.ptr[at] == '.') {
            return take_v4_tail(text, start, groups);
        }
        groups->value[groups->count++] = group;
    }
    return true;
}

static bool parse_v6(struct pm_slice text, uint8_t bytes[16])
{
    struct groups groups = {.gap = GROUPS + 1};
    if (text.len < 2 || !take_groups(text, &groups)) {
        return false;
    }
    bool gap = groups.gap <= GROUPS;
    if (gap ? groups.count == GROUPS : groups.count != GROUPS) {
        return false;
    }
    memset(bytes, 0, 16);
    for (size_t i = 0; i < groups.count; i++) {
        size_t place = gap && i >= groups.gap ? i + GROUPS - groups.count : i;
        bytes[place * 2] = (uint8_t)(groups.value[i] >> 8);
        bytes[place * 2 + 1] = (uint8_t)groups.value[i];
    }
    return true;
}

bool pm__ip_parse(struct pm_slice text, struct pm_ip *ip)
{
    struct pm_ip read = {.family = PM_IPV4};
    if (text.len == 0 || text.len > PM__IP_TEXT + 6) { /* with an IPv4 tail: 45 */
        return false;
    }
    if (memchr(text.ptr, ':', text.len) != NULL) {
        read.family = PM_IPV6;
        if (!parse_v6(text, read.bytes)) {
            return false;
        }
    } else if (!parse_v4(text, read.bytes)) {
        return false;
    }
    *ip = read;
    return true;
}

static uint16_t group_at(const struct pm_ip *ip, size_t i)
{
    return (uint16_t)(ip->bytes[i * 2] << 8 | ip->bytes[i * 2 + 1]);
}

/* The first longest run of at least two zero groups; its length, 0: there is none. */
static size_t longest_run(const struct pm_ip *ip, size_t *start)
{
    size_t best = 1;
    size_t run = 0;
    for (size_t i = 0; i < GROUPS; i++) {
        run = group_at(ip, i) == 0 ? run + 1 : 0;
        if (run > best) {
            best = run;
            *start = i + 1 - run;
        }
    }
    return best > 1 ? best : 0;
}

/* Lower case without leading zeros (RFC 5952 4.1, 4.3). */
static void put_group(struct pm__text *text, uint16_t group)
{
    static const char digits[] = "0123456789abcdef";
    bool begun = false;
    for (unsigned shift = 12; shift > 0; shift -= 4) {
        unsigned digit = ((unsigned)group >> shift) & 0xFU;
        begun = begun || digit != 0;
        if (begun) {
            pm__text_char(text, digits[digit]);
        }
    }
    pm__text_char(text, digits[group & 0xFU]);
}

static void put_v6(struct pm__text *text, const struct pm_ip *ip)
{
    size_t start = GROUPS;
    size_t run = longest_run(ip, &start);
    for (size_t i = 0; i < GROUPS; i++) {
        if (i == start) {
            pm__text_add(text, "::");
            i += run - 1;
            continue;
        }
        if (i > 0 && i != start + run) {
            pm__text_char(text, ':');
        }
        put_group(text, group_at(ip, i));
    }
}

void pm__ip_put(struct pm__text *text, const struct pm_ip *ip)
{
    if (ip->family == PM_IPV6) {
        put_v6(text, ip);
    } else if (ip->family == PM_IPV4) {
        for (size_t i = 0; i < 4; i++) {
            pm__text_add(text, i > 0 ? "." : "");
            pm__text_number(text, ip->bytes[i]);
        }
    }
}
