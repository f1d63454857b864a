/* SPDX-License-Identifier: MIT */
/* The module's clock: AT+CCLK and AT+QLTS (CD49). */
#include <string.h>

#include "base/date.h"
#include "module/internal.h"

/* The clock of AT+CCLK: the system's, moved and zoned as the host asked (CD49). */
void pm__clock_local(const struct pm_module *module, struct pm_wall_time *time)
{
    module->platform->wall_clock(module->platform->user, time);
    time->unix_seconds += module->clock_offset;
    if (module->clock_zone != INT16_MIN) {
        time->offset_minutes = module->clock_zone;
    }
}

static void two_digits(struct pm_at *at, const char *lead, int32_t number)
{
    const uint8_t digits[2] = {(uint8_t)('0' + number / 10 % 10), (uint8_t)('0' + number % 10)};
    pm_at_put(at, lead);
    pm_at_put_bytes(at, digits, sizeof digits);
}

/* "yy/MM/dd,hh:mm:ss+zz", local or in UTC; the zone is the local one in both. */
static void put_time(struct pm_port *port, const char *century, bool local)
{
    struct pm_wall_time time;
    struct pm__civil civil;
    pm__clock_local(port->module, &time);
    int64_t offset = local ? (int64_t)time.offset_minutes * 60 : 0;
    pm__civil_from_unix(time.unix_seconds + offset, &civil);
    int32_t quarters = time.offset_minutes / 15;
    two_digits(&port->at, century, civil.year);
    two_digits(&port->at, "/", civil.month);
    two_digits(&port->at, "/", civil.day);
    two_digits(&port->at, ",", civil.hour);
    two_digits(&port->at, ":", civil.minute);
    two_digits(&port->at, ":", civil.second);
    two_digits(&port->at, quarters < 0 ? "-" : "+", quarters < 0 ? -quarters : quarters);
}

/* Two digits at text[at], or -1. */
static int32_t digits_at(struct pm_slice text, size_t at)
{
    uint8_t tens = (uint8_t)(text.ptr[at] - '0');
    uint8_t ones = (uint8_t)(text.ptr[at + 1] - '0');
    return tens > 9 || ones > 9 ? -1 : tens * 10 + ones;
}

/* "yy/MM/dd,hh:mm:ss" with an optional zone "+zz" of quarter hours. */
static bool parse_clock(struct pm_slice text, int64_t *local, int32_t *quarters)
{
    static const char separators[] = "//,::";
    int32_t field[6];
    if (text.len != 17 && text.len != 20) {
        return false;
    }
    for (size_t i = 0; i < 6; i++) {
        field[i] = digits_at(text, i * 3);
        if (field[i] < 0 || (i < 5 && text.ptr[i * 3 + 2] != (uint8_t)separators[i])) {
            return false;
        }
    }
    const struct pm__civil civil = {.year = field[0] + 2000,
                                    .month = (uint8_t)field[1],
                                    .day = (uint8_t)field[2],
                                    .hour = (uint8_t)field[3],
                                    .minute = (uint8_t)field[4],
                                    .second = (uint8_t)field[5]};
    *quarters = 0;
    if (text.len == 20) {
        *quarters = digits_at(text, 18);
        if (*quarters < 0 || (text.ptr[17] != '+' && text.ptr[17] != '-')) {
            return false;
        }
        *quarters = text.ptr[17] == '-' ? -*quarters : *quarters;
    }
    return *quarters >= -48 && *quarters <= 56 && pm__civil_to_unix(&civil, local);
}

static void run_cclk(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    int64_t local = 0;
    int32_t quarters = 0;
    struct pm_wall_time now;
    if (form == PM_AT_READ) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+CCLK: ");
        put_time(port, "\"", true);
        pm_at_put(&port->at, "\"");
        pm__ok(port);
        return;
    }
    if (!parse_clock(values->v[0].text, &local, &quarters)) {
        pm_at_bad_parameter(&port->at);
        return;
    }
    module->platform->wall_clock(module->platform->user, &now);
    if (values->v[0].text.len == 20) {
        module->clock_zone = (int16_t)(quarters * 15);
    }
    int16_t zone = module->clock_zone != INT16_MIN ? module->clock_zone : now.offset_minutes;
    module->clock_offset = local - (int64_t)zone * 60 - now.unix_seconds;
    pm__ok(port);
}

/* The network's time: what it last told and the present time in UTC, or local. Nothing without a
 * network. */
static void run_qlts(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    bool local = values->v[0].number == 2;
    (void)form;
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+QLTS: \"");
    if (pm__registered(port->module)) {
        put_time(port, "20", local);
        pm_at_put(&port->at, ",0"); /* no daylight saving */
    }
    pm_at_put(&port->at, "\"");
    pm__ok(port);
}

static const struct pm_at_param cclk_params[] = {
    {.name = "time", .type = PM_AT_STRING, .max = 20},
};
static const struct pm_at_param qlts_params[] = {
    {.name = "mode", .flags = PM_AT_OPTIONAL, .max = 2},
};

static const struct pm_at_command rows[] = {
    {.name = "+CCLK",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .flags = PM_AT_TEST_OK,
     .param_count = 1,
     .bad = PM__CME_PARAMETER,
     .params = cclk_params,
     .handler = run_cclk},
    {.name = "+QLTS",
     .forms = PM_AT_EXEC | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 1,
     .bad = PM__CME_PARAMETER,
     .params = qlts_params,
     .handler = run_qlts},
};

const struct pm__commands pm__clock_commands = {rows, sizeof rows / sizeof rows[0]};
