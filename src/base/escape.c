/* SPDX-License-Identifier: MIT */
#include "base/escape.h"

static char letter(uint8_t byte)
{
    switch (byte) {
    case '\r': return 'r';
    case '\n': return 'n';
    case '\t': return 't';
    case '\\': return '\\';
    default: return '\0';
    }
}

size_t pm__escape(uint8_t byte, char out[PM__ESCAPE_MAX])
{
    static const char digits[] = "0123456789ABCDEF";
    out[0] = '\\';
    out[1] = letter(byte);
    if (out[1] != '\0') {
        return 2;
    }
    if (byte >= 0x20 && byte < 0x7F) {
        out[0] = (char)byte;
        return 1;
    }
    out[1] = 'x';
    out[2] = digits[byte >> 4];
    out[3] = digits[byte & 0x0F];
    return 4;
}
