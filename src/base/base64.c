/* SPDX-License-Identifier: MIT */
/* Base64: a fast encoder for attachments, a strict decoder for AUTH challenges. */
#include "base/base64.h"

#include "postmodem/config.h"

#include <string.h>

#if PM_BASE64_FAST

/* Twelve bits make two characters at once: half the look-ups of a table of 64. */
#define PAIR(a, b) \
    {              \
        a, b       \
    }
#define PAIRS_OF(a)                                                                         \
    PAIR(a, 'A'), PAIR(a, 'B'), PAIR(a, 'C'), PAIR(a, 'D'), PAIR(a, 'E'), PAIR(a, 'F'),     \
        PAIR(a, 'G'), PAIR(a, 'H'), PAIR(a, 'I'), PAIR(a, 'J'), PAIR(a, 'K'), PAIR(a, 'L'), \
        PAIR(a, 'M'), PAIR(a, 'N'), PAIR(a, 'O'), PAIR(a, 'P'), PAIR(a, 'Q'), PAIR(a, 'R'), \
        PAIR(a, 'S'), PAIR(a, 'T'), PAIR(a, 'U'), PAIR(a, 'V'), PAIR(a, 'W'), PAIR(a, 'X'), \
        PAIR(a, 'Y'), PAIR(a, 'Z'), PAIR(a, 'a'), PAIR(a, 'b'), PAIR(a, 'c'), PAIR(a, 'd'), \
        PAIR(a, 'e'), PAIR(a, 'f'), PAIR(a, 'g'), PAIR(a, 'h'), PAIR(a, 'i'), PAIR(a, 'j'), \
        PAIR(a, 'k'), PAIR(a, 'l'), PAIR(a, 'm'), PAIR(a, 'n'), PAIR(a, 'o'), PAIR(a, 'p'), \
        PAIR(a, 'q'), PAIR(a, 'r'), PAIR(a, 's'), PAIR(a, 't'), PAIR(a, 'u'), PAIR(a, 'v'), \
        PAIR(a, 'w'), PAIR(a, 'x'), PAIR(a, 'y'), PAIR(a, 'z'), PAIR(a, '0'), PAIR(a, '1'), \
        PAIR(a, '2'), PAIR(a, '3'), PAIR(a, '4'), PAIR(a, '5'), PAIR(a, '6'), PAIR(a, '7'), \
        PAIR(a, '8'), PAIR(a, '9'), PAIR(a, '+'), PAIR(a, '/')

static const uint8_t pairs[4096][2] = {
    PAIRS_OF('A'), PAIRS_OF('B'), PAIRS_OF('C'), PAIRS_OF('D'), PAIRS_OF('E'), PAIRS_OF('F'),
    PAIRS_OF('G'), PAIRS_OF('H'), PAIRS_OF('I'), PAIRS_OF('J'), PAIRS_OF('K'), PAIRS_OF('L'),
    PAIRS_OF('M'), PAIRS_OF('N'), PAIRS_OF('O'), PAIRS_OF('P'), PAIRS_OF('Q'), PAIRS_OF('R'),
    PAIRS_OF('S'), PAIRS_OF('T'), PAIRS_OF('U'), PAIRS_OF('V'), PAIRS_OF('W'), PAIRS_OF('X'),
    PAIRS_OF('Y'), PAIRS_OF('Z'), PAIRS_OF('a'), PAIRS_OF('b'), PAIRS_OF('c'), PAIRS_OF('d'),
    PAIRS_OF('e'), PAIRS_OF('f'), PAIRS_OF('g'), PAIRS_OF('h'), PAIRS_OF('i'), PAIRS_OF('j'),
    PAIRS_OF('k'), PAIRS_OF('l'), PAIRS_OF('m'), PAIRS_OF('n'), PAIRS_OF('o'), PAIRS_OF('p'),
    PAIRS_OF('q'), PAIRS_OF('r'), PAIRS_OF('s'), PAIRS_OF('t'), PAIRS_OF('u'), PAIRS_OF('v'),
    PAIRS_OF('w'), PAIRS_OF('x'), PAIRS_OF('y'), PAIRS_OF('z'), PAIRS_OF('0'), PAIRS_OF('1'),
    PAIRS_OF('2'), PAIRS_OF('3'), PAIRS_OF('4'), PAIRS_OF('5'), PAIRS_OF('6'), PAIRS_OF('7'),
    PAIRS_OF('8'), PAIRS_OF('9'), PAIRS_OF('+'), PAIRS_OF('/')};

static inline void put_pair(uint8_t *out, uint32_t twelve_bits)
{
    memcpy(out, pairs[twelve_bits], 2);
}

#else

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static inline void put_pair(uint8_t *out, uint32_t twelve_bits)
{
    out[0] = (uint8_t)alphabet[twelve_bits >> 6];
    out[1] = (uint8_t)alphabet[twelve_bits & 63];
}

#endif

static inline void put_group(uint8_t *out, const uint8_t *in)
{
    uint32_t bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
    put_pair(out, bits >> 12);
    put_pair(out + 2, bits & 0xFFF);
}

/* Six of eight readable bytes make eight characters. All eight are taken, since compilers know
 * this pattern as one load. */
static inline void put_two_groups(uint8_t *out, const uint8_t *in)
{
    uint64_t bits = (uint64_t)in[0] << 56 | (uint64_t)in[1] << 48 | (uint64_t)in[2] << 40 |
                    (uint64_t)in[3] << 32 | (uint64_t)in[4] << 24 | (uint64_t)in[5] << 16 |
                    (uint64_t)in[6] << 8 | in[7];
    put_pair(out, (uint32_t)(bits >> 52));
    put_pair(out + 2, (uint32_t)(bits >> 40) & 0xFFF);
    put_pair(out + 4, (uint32_t)(bits >> 28) & 0xFFF);
    put_pair(out + 6, (uint32_t)(bits >> 16) & 0xFFF);
}

size_t pm__base64_encode(uint8_t *out, const uint8_t *in, size_t n)
{
    uint8_t *start = out;
    for (; n >= 3; n -= 3, in += 3, out += 4) {
        put_group(out, in);
    }
    if (n > 0) {
        uint8_t last[3] = {in[0], n > 1 ? in[1] : 0, 0};
        put_group(out, last);
        out[3] = '=';
        if (n == 1) {
            out[2] = '=';
        }
        out += 4;
    }
    return (size_t)(out - start);
}

size_t pm__base64_lines(uint8_t *out, const uint8_t *in, size_t n)
{
    uint8_t *start = out;
    for (; n >= PM__BASE64_LINE_IN; n -= PM__BASE64_LINE_IN) {
        /* The last of these begins at byte 48 and reads up to 55 of 57. */
        for (int i = 0; i < PM__BASE64_LINE_IN / 6; i++, in += 6, out += 8) {
            put_two_groups(out, in);
        }
        put_group(out, in);
        in += 3;
        memcpy(out + 4, "\r\n", 2);
        out += 6;
    }
    if (n > 0) {
        out += pm__base64_encode(out, in, n);
        memcpy(out, "\r\n", 2);
        out += 2;
    }
    return (size_t)(out - start);
}

uint64_t pm__base64_lines_size(uint64_t n)
{
    uint64_t rest = n % PM__BASE64_LINE_IN;
    uint64_t full = n / PM__BASE64_LINE_IN * PM__BASE64_LINE_OUT;
    return full + (rest > 0 ? PM__BASE64_SIZE(rest) + 2 : 0);
}

/* The six bits of a character, or -1. */
static int sextet(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == '+') {
        return 62;
    }
    return c == '/' ? 63 : -1;
}

/* Decodes four characters of which the last `padding` are '='; returns false on others. */
static bool decode_group(const uint8_t *in, size_t padding, uint8_t bytes[3])
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < 4 - padding ? sextet(in[i]) : 0;
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
    }
    bytes[0] = (uint8_t)(bits >> 16);
    bytes[1] = (uint8_t)(bits >> 8);
    bytes[2] = (uint8_t)bits;
    /* Bits under the padding carry nothing and must be zero. */
    return (bits & ((1u << (8 * padding)) - 1)) == 0;
}

bool pm__base64_decode(const uint8_t *in, size_t n, uint8_t *out, size_t cap, size_t *out_n)
{
    size_t len = 0;
    *out_n = 0;
    if (n % 4 != 0) {
        return false;
    }
    for (size_t at = 0; at < n; at += 4) {
        size_t padding = 0;
        if (at + 4 == n && in[n - 1] == '=') {
            padding = in[n - 2] == '=' ? 2 : 1;
        }
        uint8_t bytes[3];
        if (!decode_group(in + at, padding, bytes) || cap - len < 3 - padding) {
            return false;
        }
        memcpy(out + len, bytes, 3 - padding);
        len += 3 - padding;
    }
    *out_n = len;
    return true;
}

/* Byte `at` of what `in` decodes to when its first character stands at place `skip` of a group; -1
 * when there is none. */
static int byte_at(const uint8_t *in, size_t n, size_t skip, size_t at)
{
    size_t place = (skip + at) % 3;
    size_t first = (skip + at) / 3 * 4 + place - skip;
    if (first + 1 >= n || sextet(in[first]) < 0 || sextet(in[first + 1]) < 0) {
        return -1;
    }
    unsigned high = (unsigned)sextet(in[first]) << (2 + 2 * place);
    unsigned low = (unsigned)sextet(in[first + 1]) >> (4 - 2 * place);
    return (int)((high | low) & 0xFFu);
}

bool pm__base64_holds(const uint8_t *in, size_t n, const uint8_t *part, size_t m)
{
    for (size_t start = 0; start < 3 * n && m != 0; start++) {
        size_t same = 0;
        while (same < m && byte_at(in + start / 3, n - start / 3, start % 3, same) == part[same]) {
            same++;
        }
        if (same == m) {
            return true;
        }
    }
    return false;
}
