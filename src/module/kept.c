/* SPDX-License-Identifier: MIT */
/*
 * Settings of services that there are none of (short messages, calls, events): numbers that hosts
 * set when they start. They are kept and shown, and AT&F brings the factory's back.
 */
#include "module/internal.h"

#define N(n, top, factory)                                                   \
    {                                                                        \
        .name = (n), .flags = PM_AT_OPTIONAL, .max = (top), .def = (factory) \
    }
static const struct pm_at_param zero_one[] = {N("n", 1, 0)};
static const struct pm_at_param zero_two[] = {N("n", 2, 0)};
static const struct pm_at_param two_bits[] = {N("n", 1, 0), N("m", 1, 0)};
static const struct pm_at_param mode_buffer[] = {N("mode", 2, 0), N("bfr", 1, 0)};
static const struct pm_at_param cnmi[] = {N("mode", 2, 2), N("mt", 3, 1), N("bm", 2, 0),
                                          N("ds", 2, 0), N("bfr", 1, 0)};

static const struct pm_at_param csmp[] = {N("fo", 255, 17), N("vp", 255, 167), N("pid", 255, 0),
                                          N("dcs", 255, 0)};

static void run_kept(void *owner, enum pm_at_form form, const struct pm_at_values *values);

#define KEPT(n, t, p)                                            \
    .name = (n), .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE, \
    .param_count = sizeof(p) / sizeof((p)[0]), .params = (p), .test = (t), .handler = run_kept
/* 27.005, where a bad parameter is ERROR: CME numbers are not its. */
#define SMS .group = PM__GROUP_SMS
#define CME .bad = PM__CME_PARAMETER

static const struct pm_at_command rows[] = {
    {KEPT("+CMGF", "+CMGF: (0,1)", zero_one), SMS},
    {KEPT("+CNMI", "+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)", cnmi), SMS},
    {KEPT("+CSDH", "+CSDH: (0,1)", zero_one), SMS},
    {KEPT("+CSMP", "+CSMP: (0-255),(0-255),(0-255),(0-255)", csmp), SMS},
    {KEPT("+CRC", "+CRC: (0,1)", zero_one), CME},
    {KEPT("+CLIP", "+CLIP: (0,1)", zero_one), CME},
    {KEPT("+COLP", "+COLP: (0,1)", zero_one), CME},
    {KEPT("+CLIR", "+CLIR: (0-2)", zero_two), CME},
    {KEPT("+CSSN", "+CSSN: (0,1),(0,1)", two_bits), CME},
    {KEPT("+CGEREP", "+CGEREP: (0-2),(0,1)", mode_buffer), CME},
    {KEPT("+CVHU", "+CVHU: (0,1)", zero_one), CME},
    {KEPT("+CTZR", "+CTZR: (0-2)", zero_two), CME},
    {KEPT("+QSIMDET", "+QSIMDET: (0,1),(0,1)", two_bits), CME},
};

#define ROWS (sizeof rows / sizeof rows[0])
enum { ROW_CNMI = 1 };

/* What the read form adds: what the network provides, where it is asked for that. */
static const char *const added[ROWS] = {"", "", "", "", "", ",1", ",1", ",4", "", "", "", "", ""};

/* The row of a command, and where its values lie in module->kept. */
static size_t find(const char *name, size_t *place)
{
    size_t row = 0;
    *place = 0;
    while (row < ROWS - 1 && !pm__slice_equal(pm__slice(rows[row].name), pm__slice(name))) {
        *place += rows[row++].param_count;
    }
    return row;
}

void pm__kept_factory(struct pm_module *module)
{
    uint8_t *value = module->kept;
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t k = 0; k < rows[i].param_count; k++) {
            *value++ = (uint8_t)rows[i].params[k].def;
        }
    }
}

bool pm__sms_text_mode(const struct pm_module *module)
{
    return module->kept[0] == 1; /* the first row's */
}

/* Values that are left out stay as they are. */
static void keep(uint8_t *kept, uint8_t count, const struct pm_at_values *values)
{
    for (size_t k = 0; k < count; k++) {
        if (values->v[k].given) {
            kept[k] = (uint8_t)values->v[k].number;
        }
    }
}

static void run_kept(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    size_t place = 0;
    size_t row = find(port->command->name, &place);
    uint8_t *kept = port->module->kept + place;
    if (form == PM_AT_WRITE) {
        if (row == ROW_CNMI && values->v[2].number == 1) { /* <bm> is 0 or 2 */
            pm_at_bad_parameter(&port->at);
            return;
        }
        keep(kept, rows[row].param_count, values);
        pm__ok(port);
        return;
    }
    pm_at_info(&port->at);
    pm_at_put(&port->at, rows[row].name);
    for (size_t k = 0; k < rows[row].param_count; k++) {
        pm_at_put(&port->at, k == 0 ? ": " : ",");
        pm_at_put_number(&port->at, kept[k]);
    }
    pm_at_put(&port->at, added[row]);
    pm__ok(port);
}

const struct pm__commands pm__kept_commands = {rows, ROWS};
