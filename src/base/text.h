/* SPDX-License-Identifier: MIT */
/*
 * Builds short texts in a buffer of fixed size: log lines, replies, header fields.
 * What does not fit is cut off and remembered in `cut`, so that a caller may check once,
 * at the end. No final NUL is written.
 */
#ifndef PM_BASE_TEXT_H
#define PM_BASE_TEXT_H

#include "postmodem/types.h"

struct pm__text {
    char *buf;
    size_t cap;
    size_t len;
    bool cut; /* something did not fit */
};

/* Starts an empty text in `buf`, which must outlive it. */
void pm__text_init(struct pm__text *text, char *buf, size_t cap);
void pm__text_add(struct pm__text *text, const char *string);
void pm__text_bytes(struct pm__text *text, const void *bytes, size_t n);
void pm__text_slice(struct pm__text *text, struct pm_slice slice);
void pm__text_char(struct pm__text *text, char c);
/* Decimal, without leading zeros. */
void pm__text_number(struct pm__text *text, uint64_t number);
/* Decimal with at least `width` digits (at most 20), zeros in front. */
void pm__text_padded(struct pm__text *text, uint64_t number, unsigned width);
/* Upper-case hexadecimal with at least `width` digits (at most 16), zeros in front. */
void pm__text_hex(struct pm__text *text, uint64_t number, unsigned width);
/* Appends a NUL as part of the buffer but not of the length; false when it does not fit.
 * For text that was cut the last byte gives way. */
bool pm__text_terminate(struct pm__text *text);
/* What was built so far; valid as long as the buffer is unchanged. */
struct pm_slice pm__text_get(const struct pm__text *text);

#endif
