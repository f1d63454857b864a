/* SPDX-License-Identifier: MIT */
/* Finds out, while a body is typed, what it consists of (SD40, SD41, SD55). */
#include "base/ascii.h"
#include "base/utf8.h"
#include "mime/charset.h"
#include "mime/limits.h"

#include <string.h>

void pm_mime_scan_init(struct pm_mime_scan *scan, enum pm_charset charset)
{
    memset(scan, 0, sizeof *scan);
    scan->charset = (uint8_t)charset;
}

static void scan_line(struct pm_mime_scan *scan, uint8_t c)
{
    if (c == '\r' || c == '\n') {
        scan->line = 0;
        return;
    }
    if (scan->line < PM__LINE_MAX) {
        scan->line++;
    } else {
        scan->long_line = true;
    }
    scan->control |= pm__ascii_is_control(c) && c != '\t';
}

static void scan_double_byte(struct pm_mime_scan *scan, uint8_t c)
{
    if (scan->dbcs != 0) {
        scan->dbcs = 0;
        scan->bad_dbcs |= !pm__charset_is_trail((enum pm_charset)scan->charset, c);
    } else if (c >= 0x80) {
        scan->dbcs = pm__charset_is_lead(c);
        scan->bad_dbcs |= scan->dbcs == 0;
    }
}

void pm_mime_scan_update(struct pm_mime_scan *scan, const uint8_t *data, size_t len)
{
    bool double_byte = scan->charset == PM_CHARSET_GB2312 || scan->charset == PM_CHARSET_BIG5;
    scan->bytes += len;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = data[i];
        scan_line(scan, c);
        scan->eight_bit |= c >= 0x80;
        scan->bad_utf8 |= !pm__utf8_next(&scan->utf8, c);
        if (double_byte) {
            scan_double_byte(scan, c);
        }
    }
}

bool pm_mime_scan_fits(const struct pm_mime_scan *scan)
{
    switch (scan->charset) {
    case PM_CHARSET_ASCII: return !scan->eight_bit;
    case PM_CHARSET_UTF8: return !scan->bad_utf8 && scan->utf8 == 0;
    default: return !scan->bad_dbcs && scan->dbcs == 0;
    }
}

bool pm_mime_text_fits(enum pm_charset charset, struct pm_slice text)
{
    struct pm_mime_scan scan;
    pm_mime_scan_init(&scan, charset);
    pm_mime_scan_update(&scan, text.ptr, text.len);
    return pm_mime_scan_fits(&scan);
}

enum pm_mime_encoding pm_mime_scan_encoding(const struct pm_mime_scan *scan)
{
    if (scan->control) {
        return PM_MIME_BASE64;
    }
    if (!scan->eight_bit && !scan->long_line) {
        return PM_MIME_7BIT;
    }
    /* A fallback label stands only for charset 0, so its name does not matter here. */
    uint8_t charset = pm__label_body(scan, pm__slice("")).charset;
    return scan->charset >= PM_CHARSET_GB2312 && charset != PM_CHARSET_UTF8
               ? PM_MIME_BASE64
               : PM_MIME_QUOTED_PRINTABLE;
}
