/* SPDX-License-Identifier: MIT */
/* ASCII characters and case-insensitive words; no locale. */
#ifndef PM_BASE_ASCII_H
#define PM_BASE_ASCII_H

#include "postmodem/types.h"

/* Bytes outside A-Z / a-z come back unchanged. */
uint8_t pm__ascii_upper(uint8_t c);
uint8_t pm__ascii_lower(uint8_t c);
bool pm__ascii_is_digit(uint8_t c);
bool pm__ascii_is_alpha(uint8_t c);
/* 0x00-0x1F and 0x7F. */
bool pm__ascii_is_control(uint8_t c);
/* The value of a hexadecimal digit, or -1. */
int pm__ascii_hex(uint8_t c);

/* A slice of a string literal or another string that outlives it. */
struct pm_slice pm__slice(const char *string);
/* True when both hold the same bytes. */
bool pm__slice_equal(struct pm_slice a, struct pm_slice b);
/* The same, with A-Z and a-z taken as equal. */
bool pm__slice_equal_nocase(struct pm_slice a, struct pm_slice b);
/* True when `text` starts with `prefix`, case aside. */
bool pm__slice_starts_nocase(struct pm_slice text, struct pm_slice prefix);
/* True when no byte is above 0x7F. */
bool pm__slice_is_ascii(struct pm_slice slice);
/* True when a control character is in the slice. */
bool pm__slice_has_control(struct pm_slice slice);
/* Reads a whole slice of 1-20 decimal digits; false for anything else or above `max`. */
bool pm__slice_number(struct pm_slice slice, uint64_t max, uint64_t *number);

#endif
