/* SPDX-License-Identifier: MIT */
/*
 * Module file names and directory entries. A module's name is any bytes ("..", "a/b"); on
 * disk all but letters, digits, "_", "-" and "." is written %XX, and so is a leading dot.
 * There is exactly one encoding of a name, so that two entries never mean the same file.
 */
#include <string.h>

#include "host/store_internal.h"

static const char store_hex[] = "0123456789ABCDEF";

static bool store_name_plain(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == '.';
}

bool pm__store_name_encode(struct pm_slice name, char out[STORE_NAME_SIZE])
{
    if (name.len == 0 || name.len > PM_FILE_NAME_SIZE) {
        return false;
    }
    size_t n = 0;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.ptr[i];
        if (store_name_plain(byte) && !(i == 0 && byte == '.')) {
            out[n++] = (char)byte;
        } else {
            out[n++] = '%';
            out[n++] = store_hex[byte >> 4];
            out[n++] = store_hex[byte & 15];
        }
    }
    out[n] = 0;
    return true;
}

static int store_hex_digit(char c)
{
    const char *at = c != 0 ? strchr(store_hex, c) : NULL;
    return at != NULL ? (int)(at - store_hex) : -1;
}

bool pm__store_name_decode(const char *text, uint8_t out[PM_FILE_NAME_SIZE], uint8_t *len)
{
    size_t n = 0;
    const char *p = text;
    while (*p != 0) {
        if (n == PM_FILE_NAME_SIZE) {
            return false;
        }
        if (*p != '%') {
            out[n++] = (uint8_t)*p++;
            continue;
        }
        int high = store_hex_digit(p[1]);
        int low = high >= 0 ? store_hex_digit(p[2]) : -1;
        if (low < 0) {
            return false;
        }
        out[n++] = (uint8_t)(high * 16 + low);
        p += 3;
    }
    /* Only what the encoder would write is ours. */
    char again[STORE_NAME_SIZE];
    struct pm_slice name = {out, n};
    if (!pm__store_name_encode(name, again) || strcmp(again, text) != 0) {
        return false;
    }
    *len = (uint8_t)n;
    return true;
}
