/* SPDX-License-Identifier: MIT */
/* Calendar dates, proleptic Gregorian, without leap seconds and without a time zone base. */
#ifndef PM_BASE_DATE_H
#define PM_BASE_DATE_H

#include "base/text.h"

struct pm__civil {
    int32_t year;    /* 1-9999 */
    uint8_t month;   /* 1-12 */
    uint8_t day;     /* 1-31 */
    uint8_t hour;    /* 0-23 */
    uint8_t minute;  /* 0-59 */
    uint8_t second;  /* 0-59 */
    uint8_t weekday; /* 0 Sunday - 6 Saturday; not read by pm__civil_to_unix */
};

/* Seconds since 1970-01-01 00:00:00 to a date; clamped to the years 1-9999. */
void pm__civil_from_unix(int64_t seconds, struct pm__civil *civil);

/* The way back; false when `civil` is no date (30 February, hour 24). */
bool pm__civil_to_unix(const struct pm__civil *civil, int64_t *seconds);

/*
 * "Tue, 24 Nov 2026 10:15:00 +0100" (RFC 5322 section 3.3): the instant `seconds` (UTC) as a
 * clock shows it that is `offset_minutes` ahead; offsets are clamped to +-14 hours and the
 * year to 1900-9999.
 */
void pm__date_rfc5322(struct pm__text *text, int64_t seconds, int16_t offset_minutes);

#endif
