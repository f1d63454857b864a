/* SPDX-License-Identifier: MIT */
/* Registration, signal, operator, packet service and clock as the host sees them. */
#include <string.h>

#include "base/date.h"
#include "module/internal.h"

/* stat of +CREG: 0 without SIM or with the radio off, else as configured. */
uint8_t pm__registration(const struct pm_module *module)
{
    if (module->cfun != 1 || pm__sim_error(module) != 0) {
        return 0;
    }
    return module->config->registration;
}

bool pm__registered(const struct pm_module *module)
{
    uint8_t stat = pm__registration(module);
    return stat == 1 || stat == 5;
}

static void run_csq(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    const struct pm_module *module = port->module;
    (void)form;
    (void)values;
    bool radio = module->cfun == 1;
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+CSQ: ");
    pm_at_put_number(&port->at, radio ? module->config->rssi : 99);
    pm_at_put(&port->at, ",");
    pm_at_put_number(&port->at, radio ? module->config->ber : 99);
    pm__ok(port);
}

/* Which of +CREG, +CGREG, +CEREG: index of its <n>. */
static uint8_t reg_index(const char *name)
{
    return name[2] == 'R' ? 0 : name[2] == 'G' ? 1 : 2;
}

static void run_creg(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    const struct pm_module *module = port->module;
    uint8_t *n = &port->reg_n[reg_index(port->command->name)];
    if (form == PM_AT_WRITE) {
        *n = (uint8_t)values->v[0].number;
        pm__ok(port);
        return;
    }
    pm_at_info(&port->at);
    pm_at_put(&port->at, port->command->name);
    pm_at_put(&port->at, ": ");
    pm_at_put_number(&port->at, *n);
    pm_at_put(&port->at, ",");
    pm_at_put_number(&port->at, pm__registration(module));
    if (*n == 2 && pm__registered(module)) {
        pm_at_put(&port->at, ",");
        pm_at_put_quoted(&port->at, pm__slice(module->config->lac));
        pm_at_put(&port->at, ",");
        pm_at_put_quoted(&port->at, pm__slice(module->config->cell_id));
        pm_at_put(&port->at, ",7"); /* E-UTRAN */
    }
    pm__ok(port);
}

static void run_cops(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+COPS: 0");
    if (pm__registered(port->module)) {
        pm_at_put(&port->at, ",0,");
        pm_at_put_quoted(&port->at, pm__slice(port->module->config->operator_name));
        pm_at_put(&port->at, ",7");
    }
    pm__ok(port);
}

static void run_cgatt(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    if (form == PM_AT_READ) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+CGATT: ");
        pm_at_put_number(&port->at, module->attached && pm__registered(module) ? 1 : 0);
        pm__ok(port);
        return;
    }
    module->attached = values->v[0].number == 1;
    if (!module->attached) {
        pm__contexts_lost(module);
    }
    pm__ok(port);
}

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

static void print_clock(struct pm_port *port)
{
    struct pm_wall_time time;
    struct pm__civil civil;
    pm__clock_local(port->module, &time);
    pm__civil_from_unix(time.unix_seconds + (int64_t)time.offset_minutes * 60, &civil);
    int32_t quarters = time.offset_minutes / 15;
    pm_at_info(&port->at);
    two_digits(&port->at, "+CCLK: \"", civil.year);
    two_digits(&port->at, "/", civil.month);
    two_digits(&port->at, "/", civil.day);
    two_digits(&port->at, ",", civil.hour);
    two_digits(&port->at, ":", civil.minute);
    two_digits(&port->at, ":", civil.second);
    two_digits(&port->at, quarters < 0 ? "-" : "+", quarters < 0 ? -quarters : quarters);
    pm_at_put(&port->at, "\"");
    pm__ok(port);
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
        print_clock(port);
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

static const struct pm_at_param creg_params[] = {{.name = "n", .max = 2, .range = "(0-2)"}};
static const struct pm_at_param cgatt_params[] = {{.name = "state", .max = 1}};
static const struct pm_at_param cclk_params[] = {
    {.name = "time", .type = PM_AT_STRING, .max = 20},
};

#define CREG(n)                                                                        \
    {                                                                                  \
        .name = (n), .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE, .param_count = 1, \
        .bad = PM__CME_PARAMETER, .params = creg_params, .handler = run_creg           \
    }

static const struct pm_at_command rows[] = {
    {.name = "+CSQ",
     .forms = PM_AT_EXEC | PM_AT_TEST,
     .bad = PM__CME_PARAMETER,
     .test = "+CSQ: (0-31,99),(0-7,99)",
     .handler = run_csq},
    CREG("+CREG"),
    CREG("+CGREG"),
    CREG("+CEREG"),
    {.name = "+COPS", .forms = PM_AT_READ, .bad = PM__CME_PARAMETER, .handler = run_cops},
    {.name = "+CGATT",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 1,
     .bad = PM__CME_PARAMETER,
     .params = cgatt_params,
     .handler = run_cgatt},
    {.name = "+CCLK",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .flags = PM_AT_TEST_OK,
     .param_count = 1,
     .bad = PM__CME_PARAMETER,
     .params = cclk_params,
     .handler = run_cclk},
};

const struct pm__commands pm__network_commands = {rows, sizeof rows / sizeof rows[0]};
