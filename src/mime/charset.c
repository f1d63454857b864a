/* SPDX-License-Identifier: MIT */
/* Characters of the four charsets, and which label a text leaves under (SD40). */
#include "mime/charset.h"

#include "base/ascii.h"
#include "base/utf8.h"

#include <string.h>

enum { MAX_LABEL = 40 };

/* Text labelled gb2312 is GBK in practice, so leads and trails are GBK's; BIG5 has the same leads.
 */
bool pm__charset_is_lead(uint8_t byte)
{
    return byte >= 0x81 && byte <= 0xFE;
}

bool pm__charset_is_trail(enum pm_charset charset, uint8_t byte)
{
    if (byte < 0x40 || byte == 0x7F || byte == 0xFF) {
        return false;
    }
    return charset != PM_CHARSET_BIG5 || byte <= 0x7E || byte >= 0xA1;
}

size_t pm__charset_char(enum pm_charset charset, struct pm_slice text)
{
    size_t len = 1;
    switch (charset) {
    case PM_CHARSET_UTF8: len = pm__utf8_char(text); break;
    case PM_CHARSET_GB2312:
    case PM_CHARSET_BIG5:
        if (text.len >= 2 && pm__charset_is_lead(text.ptr[0]) &&
            pm__charset_is_trail(charset, text.ptr[1])) {
            len = 2;
        }
        break;
    case PM_CHARSET_ASCII:
    default: break;
    }
    return len > 0 ? len : 1;
}

bool pm_mime_charset_name_valid(struct pm_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        if (!pm__ascii_is_alpha(c) && !pm__ascii_is_digit(c) && memchr("-_.+", c, 4) == NULL) {
            return false;
        }
    }
    return name.len >= 1 && name.len <= MAX_LABEL;
}

static struct pm_mime_label label_of(enum pm_charset charset)
{
    static const char *const names[] = {"us-ascii", "utf-8", "gb2312", "big5"};
    return (struct pm_mime_label){pm__slice(names[charset & 3]), (uint8_t)(charset & 3)};
}

/* A configured fallback may name a double-byte charset; its characters stay whole, too. */
static struct pm_mime_label label_of_fallback(struct pm_slice name)
{
    enum pm_charset charset = PM_CHARSET_ASCII;
    if (pm__slice_starts_nocase(name, pm__slice("gb"))) {
        charset = PM_CHARSET_GB2312;
    } else if (pm__slice_starts_nocase(name, pm__slice("big5"))) {
        charset = PM_CHARSET_BIG5;
    }
    return (struct pm_mime_label){name, (uint8_t)charset};
}

/* The one rule of SD40. */
static struct pm_mime_label choose(enum pm_charset stated, bool fits, bool is_utf8,
                                   struct pm_slice fallback)
{
    if (fits) {
        return label_of(stated);
    }
    if (is_utf8) {
        return label_of(PM_CHARSET_UTF8);
    }
    return stated == PM_CHARSET_ASCII ? label_of_fallback(fallback) : label_of(stated);
}

struct pm_mime_label pm__label_text(enum pm_charset stated, struct pm_slice text,
                                    struct pm_slice fallback)
{
    return choose(stated, pm_mime_text_fits(stated, text), pm__utf8_valid(text), fallback);
}

struct pm_mime_label pm__label_name(enum pm_charset subject, struct pm_slice text,
                                    struct pm_slice fallback)
{
    if (pm__slice_is_ascii(text)) {
        return label_of(PM_CHARSET_ASCII);
    }
    return choose(subject, false, pm__utf8_valid(text), fallback);
}

struct pm_mime_label pm__label_body(const struct pm_mime_scan *scan, struct pm_slice fallback)
{
    bool is_utf8 = !scan->bad_utf8 && scan->utf8 == 0;
    return choose((enum pm_charset)scan->charset, pm_mime_scan_fits(scan), is_utf8, fallback);
}
