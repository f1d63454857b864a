/* SPDX-License-Identifier: MIT */
/* Calendar dates and the date of a mail. */
#include "base/date.h"

#define SECONDS_PER_DAY 86400

/* Days from 0000-03-01 to 1970-01-01; a year that starts in March ends with its leap day. */
#define EPOCH_DAYS    719468
#define DAYS_400Y     146097
#define DAYS_100Y     36524
#define DAYS_4Y       1461
#define DAYS_1Y       365
#define FIRST_SECOND  (-62135596800) /* 0001-01-01 00:00:00 */
#define LAST_SECOND   253402300799   /* 9999-12-31 23:59:59 */
#define FIRST_IN_MAIL (-2208988800)  /* 1900-01-01 00:00:00, RFC 5322 section 3.3 */
#define MAX_OFFSET    (14 * 60)

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    if (value < low) {
        return low;
    }
    return value > high ? high : value;
}

/* First day of each month in a year that starts with March. */
static int32_t month_start(int32_t month_from_march)
{
    return (153 * month_from_march + 2) / 5;
}

void pm__civil_from_unix(int64_t seconds, struct pm__civil *civil)
{
    /* Counted from 0000-03-01 all figures are positive, as integer division wants them. */
    int64_t shifted =
        clamp(seconds, FIRST_SECOND, LAST_SECOND) + (int64_t)EPOCH_DAYS * SECONDS_PER_DAY;
    int32_t days = (int32_t)(shifted / SECONDS_PER_DAY);
    int32_t in_day = (int32_t)(shifted % SECONDS_PER_DAY);

    int32_t era = days / DAYS_400Y;
    int32_t in_era = days % DAYS_400Y;
    int32_t year_of_era =
        (in_era - in_era / (DAYS_4Y - 1) + in_era / DAYS_100Y - in_era / (DAYS_400Y - 1)) / DAYS_1Y;
    int32_t in_year = in_era - (DAYS_1Y * year_of_era + year_of_era / 4 - year_of_era / 100);
    int32_t month_from_march = (5 * in_year + 2) / 153;

    civil->year = era * 400 + year_of_era + (month_from_march >= 10 ? 1 : 0);
    civil->month = (uint8_t)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    civil->day = (uint8_t)(in_year - month_start(month_from_march) + 1);
    civil->hour = (uint8_t)(in_day / 3600);
    civil->minute = (uint8_t)(in_day / 60 % 60);
    civil->second = (uint8_t)(in_day % 60);
    civil->weekday = (uint8_t)((days + 3) % 7); /* 0000-03-01 was a Wednesday */
}

static int32_t days_in_month(int32_t year, uint8_t month)
{
    if (month == 2) {
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
    }
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

bool pm__civil_to_unix(const struct pm__civil *civil, int64_t *seconds)
{
    if (civil->year < 1 || civil->year > 9999 || civil->month < 1 || civil->month > 12 ||
        civil->day < 1 || civil->day > days_in_month(civil->year, civil->month) ||
        civil->hour > 23 || civil->minute > 59 || civil->second > 59) {
        return false;
    }
    int32_t year = civil->month > 2 ? civil->year : civil->year - 1;
    int32_t month_from_march = civil->month > 2 ? civil->month - 3 : civil->month + 9;
    int32_t year_of_era = year % 400;
    int64_t days = (int64_t)(year / 400) * DAYS_400Y + year_of_era * DAYS_1Y + year_of_era / 4 -
                   year_of_era / 100 + month_start(month_from_march) + civil->day - 1 - EPOCH_DAYS;
    *seconds = days * SECONDS_PER_DAY + civil->hour * 3600 + civil->minute * 60 + civil->second;
    return true;
}

void pm__date_rfc5322(struct pm__text *text, int64_t seconds, int16_t offset_minutes)
{
    static const char names[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int32_t offset = (int32_t)clamp(offset_minutes, -MAX_OFFSET, MAX_OFFSET);
    unsigned ahead = (unsigned)(offset < 0 ? -offset : offset);
    struct pm__civil civil;
    int64_t local = clamp(seconds, FIRST_IN_MAIL, LAST_SECOND) + offset * 60;
    pm__civil_from_unix(clamp(local, FIRST_IN_MAIL, LAST_SECOND), &civil);

    pm__text_bytes(text, names + (size_t)civil.weekday * 3, 3);
    pm__text_add(text, ", ");
    pm__text_number(text, civil.day);
    pm__text_char(text, ' ');
    pm__text_bytes(text, months + (size_t)(civil.month - 1) * 3, 3);
    pm__text_char(text, ' ');
    pm__text_padded(text, (uint64_t)civil.year, 4);
    pm__text_char(text, ' ');
    pm__text_padded(text, civil.hour, 2);
    pm__text_char(text, ':');
    pm__text_padded(text, civil.minute, 2);
    pm__text_char(text, ':');
    pm__text_padded(text, civil.second, 2);
    pm__text_add(text, offset < 0 ? " -" : " +");
    pm__text_padded(text, ahead / 60 * 100 + ahead % 60, 4);
}
