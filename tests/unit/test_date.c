/* SPDX-License-Identifier: MIT */
#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_date(int64_t seconds, int16_t offset, const char *want)
{
    char buf[64];
    struct pm__text text;
    pm__text_init(&text, buf, sizeof buf);
    pm__date_rfc5322(&text, seconds, offset);
    assert_true(pm__text_terminate(&text));
    assert_string_equal(buf, want);
}

static void writes_mail_dates(void **state)
{
    (void)state;
    assert_date(0, 0, "Thu, 1 Jan 1970 00:00:00 +0000");
    assert_date(-1, 0, "Wed, 31 Dec 1969 23:59:59 +0000");
    assert_date(951782400, 0, "Tue, 29 Feb 2000 00:00:00 +0000");
    assert_date(1795511700, 60, "Tue, 24 Nov 2026 10:15:00 +0100");
    assert_date(1795511700, -210, "Tue, 24 Nov 2026 05:45:00 -0330");
    assert_date(1795511700, 840, "Tue, 24 Nov 2026 23:15:00 +1400");
    assert_date(1795511700, -720, "Mon, 23 Nov 2026 21:15:00 -1200");
    assert_date(4294967296, 0, "Sun, 7 Feb 2106 06:28:16 +0000");
}

static void clamps_mail_dates(void **state)
{
    (void)state;
    assert_date(INT64_MIN, 0, "Mon, 1 Jan 1900 00:00:00 +0000");
    assert_date(INT64_MIN, -60, "Mon, 1 Jan 1900 00:00:00 -0100");
    assert_date(INT64_MAX, 0, "Fri, 31 Dec 9999 23:59:59 +0000");
    assert_date(INT64_MAX, 840, "Fri, 31 Dec 9999 23:59:59 +1400");
    assert_date(0, INT16_MAX, "Thu, 1 Jan 1970 14:00:00 +1400");
    assert_date(0, INT16_MIN, "Wed, 31 Dec 1969 10:00:00 -1400");
}

/* Walks through all days of the calendar by the school rule. */
static void walks_every_day(void **state)
{
    (void)state;
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t seconds = -62135596800; /* 1 January of the year 1, a Monday */
    uint8_t weekday = 1;
    for (int32_t year = 1; year <= 9999; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        for (uint8_t month = 1; month <= 12; month++) {
            uint8_t last = (uint8_t)(days[month - 1] + (month == 2 && leap ? 1 : 0));
            for (uint8_t day = 1; day <= last; day++) {
                struct pm__civil got;
                int64_t back = 0;
                pm__civil_from_unix(seconds + 86399, &got);
                bool same = got.year == year && got.month == month && got.day == day &&
                            got.hour == 23 && got.minute == 59 && got.second == 59 &&
                            got.weekday == weekday;
                assert_true(same);
                assert_true(pm__civil_to_unix(&got, &back));
                assert_true(back == seconds + 86399);
                seconds += 86400;
                weekday = (uint8_t)((weekday + 1) % 7);
            }
        }
    }
}

static void refuses_what_is_no_date(void **state)
{
    (void)state;
    const struct pm__civil good = {
        .year = 2000, .month = 2, .day = 29, .hour = 23, .minute = 59, .second = 59};
    int64_t seconds = 0;
    assert_true(pm__civil_to_unix(&good, &seconds));
    assert_true(seconds == 951868799);
    struct pm__civil bad[] = {good, good, good, good, good, good, good, good, good, good, good};
    bad[0].year = 1900;
    bad[1].year = 2001;
    bad[2].year = 0;
    bad[3].year = 10000;
    bad[4].month = 0;
    bad[5].month = 13;
    bad[6].day = 0;
    bad[7].day = 30;
    bad[8].hour = 24;
    bad[9].minute = 60;
    bad[10].second = 60;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(pm__civil_to_unix(&bad[i], &seconds));
    }
    struct pm__civil april = {.year = 2026, .month = 4, .day = 31};
    assert_false(pm__civil_to_unix(&april, &seconds));
}

static void clamps_civil_dates(void **state)
{
    (void)state;
    struct pm__civil got;
    pm__civil_from_unix(INT64_MIN, &got);
    assert_int_equal(got.year, 1);
    pm__civil_from_unix(INT64_MAX, &got);
    assert_int_equal(got.year, 9999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_mail_dates),  cmocka_unit_test(clamps_mail_dates),
        cmocka_unit_test(walks_every_day),    cmocka_unit_test(refuses_what_is_no_date),
        cmocka_unit_test(clamps_civil_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
