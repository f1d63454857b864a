/* SPDX-License-Identifier: MIT */
/* Encoded-words (RFC 2047). */
#ifndef PM_MIME_WORDS_H
#define PM_MIME_WORDS_H

#include "mime/header.h"

/*
 * Writes the next encoded-word of a text that is not empty: at most 75 characters, whole
 * characters of its charset, decodable alone. All but the first start a line of their own,
 * and the first one, too, when the present line is too full. They are in B (SD39); a single
 * character in Q goes ahead where B would need padding inside the text.
 */
void pm__word(struct pm__header header, struct pm_mime_text *text);

#endif
