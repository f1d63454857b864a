/* SPDX-License-Identifier: MIT */
/* Characters of the four charsets, and which label a text leaves under (SD40). */
#ifndef PM_MIME_CHARSET_H
#define PM_MIME_CHARSET_H

#include "postmodem/mime.h"

/*
 * Bytes of the character at the start of a text that is not empty: 1-4. A byte that
 * begins no whole and valid character counts as one of its own, so that broken text
 * passes byte by byte.
 */
size_t pm__charset_char(enum pm_charset charset, struct pm_slice text);

/* True for the second byte of a character in GB2312 or BIG5. */
bool pm__charset_is_lead(uint8_t byte);
bool pm__charset_is_trail(enum pm_charset charset, uint8_t byte);

/* Text of a stated charset (a subject). */
struct pm_mime_label pm__label_text(enum pm_charset stated, struct pm_slice text,
                                    struct pm_slice fallback);
/* Text of no stated charset (a display name, a file name). */
struct pm_mime_label pm__label_name(enum pm_charset subject, struct pm_slice text,
                                    struct pm_slice fallback);
/* A body that was scanned. */
struct pm_mime_label pm__label_body(const struct pm_mime_scan *scan, struct pm_slice fallback);

#endif
