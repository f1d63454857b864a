/* SPDX-License-Identifier: MIT */
/* General commands: basic settings and identity. */
#include <string.h>

#include "module/internal.h"

/* The setting a basic command is about; NULL when it is none. */
static uint8_t *basic_setting(struct pm_at_settings *set, const char *name)
{
    switch (name[0] == '&' ? name[1] : name[0]) {
    case 'E': return &set->echo;
    case 'V': return &set->verbose;
    case 'Q': return &set->quiet;
    case 'X': return &set->connect;
    case 'C': return &set->dcd;
    case 'D': return &set->dtr;
    default: return NULL;
    }
}

/* ATE, ATV, ATQ, ATX, AT&C, AT&D: take effect at once, also for their own result. */
static void run_basic(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    uint8_t *setting = basic_setting(&port->at.set, port->command->name);
    if (setting != NULL) {
        *setting = (uint8_t)values->v[0].number;
    }
    pm__ok(port);
}

/* The storage of an S register; *max is its range. NULL: no such register (CD34). */
static uint8_t *s_register(struct pm_at_settings *set, int32_t number, uint8_t *max)
{
    struct {
        int32_t number;
        uint8_t max;
        uint8_t *value;
    } const registers[] = {
        {0, 255, &set->s0}, {3, 127, &set->s3},   {4, 127, &set->s4},
        {5, 127, &set->s5}, {6, 255, &set->s6},   {7, 255, &set->s7},
        {8, 255, &set->s8}, {10, 255, &set->s10}, {12, 255, &set->s12},
    };
    for (size_t i = 0; i < sizeof registers / sizeof registers[0]; i++) {
        if (registers[i].number == number) {
            *max = registers[i].max;
            return registers[i].value;
        }
    }
    return NULL;
}

static void run_s(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    uint8_t max = 0;
    uint8_t *value = s_register(&port->at.set, values->v[0].number, &max);
    if (value == NULL || (form == PM_AT_WRITE && values->v[1].number > max)) {
        pm__error(port);
        return;
    }
    if (form == PM_AT_READ) { /* Three digits, V.250 5.3.2 (CD17). */
        const uint8_t digits[3] = {(uint8_t)('0' + *value / 100), (uint8_t)('0' + *value / 10 % 10),
                                   (uint8_t)('0' + *value % 10)};
        pm_at_info(&port->at);
        pm_at_put_bytes(&port->at, digits, sizeof digits);
    } else if (form == PM_AT_WRITE) {
        *value = (uint8_t)values->v[1].number;
    }
    pm__ok(port);
}

/* ATO, ATD: there is no data call to return to or to make (SD51). */
static void run_no_carrier(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    pm_at_result(&port->at, PM_AT_RESULT_NO_CARRIER, port->module->now);
}

static void run_ok(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    (void)form;
    (void)values;
    pm__ok(owner);
}

/* One information line and OK. */
static void answer(struct pm_port *port, const char *prefix, const char *text)
{
    pm_at_info(&port->at);
    pm_at_put(&port->at, prefix);
    pm_at_put(&port->at, text);
    pm__ok(port);
}

static void run_ati(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    const struct pm_module_config *config = port->module->config;
    (void)form;
    (void)values;
    pm_at_info(&port->at);
    pm_at_put(&port->at, config->manufacturer);
    pm_at_info(&port->at);
    pm_at_put(&port->at, config->model);
    answer(port, "Revision: ", config->revision);
}

static void run_manufacturer(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    answer(port, "", port->module->config->manufacturer);
}

static void run_model(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    answer(port, "", port->module->config->model);
}

static void run_revision(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    answer(port, "", port->module->config->revision);
}

static void run_qgmr(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    pm_at_info(&port->at);
    pm_at_put(&port->at, port->module->config->revision);
    pm_at_put(&port->at, "_");
    pm_at_put(&port->at, port->module->config->sub_revision);
    pm__ok(port);
}

static void run_cgsn(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    const struct pm_module_config *config = port->module->config;
    if (form == PM_AT_EXEC) {
        answer(port, "", config->imei);
    } else {
        answer(port, "+CGSN: ", values->v[0].number == 0 ? config->serial : config->imei);
    }
}

static void run_cmee(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    if (form == PM_AT_WRITE) {
        port->at.set.cmee = (uint8_t)values->v[0].number;
    } else {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+CMEE: ");
        pm_at_put_number(&port->at, port->at.set.cmee);
    }
    pm__ok(port);
}

static const struct pm_at_param zero[] = {{.name = "value", .flags = PM_AT_OPTIONAL, .max = 0}};
static const struct pm_at_param zero_one[] = {{.name = "value", .flags = PM_AT_OPTIONAL, .max = 1}};
static const struct pm_at_param to_two[] = {{.name = "value", .flags = PM_AT_OPTIONAL, .max = 2}};
static const struct pm_at_param to_four[] = {{.name = "value", .flags = PM_AT_OPTIONAL, .max = 4}};
static const struct pm_at_param to_nine[] = {{.name = "value", .flags = PM_AT_OPTIONAL, .max = 9}};
static const struct pm_at_param s_params[] = {
    {.name = "register", .max = 255},
    {.name = "value", .flags = PM_AT_OPTIONAL, .max = 255},
};
static const struct pm_at_param cmee_params[] = {{.name = "n", .max = 2}};
static const struct pm_at_param cgsn_params[] = {{.name = "snt", .max = 1}};
#define BASIC(n, p, h)                                                                    \
    {                                                                                     \
        .name = (n), .forms = PM_AT_EXEC, .param_count = 1, .params = (p), .handler = (h) \
    }
#define PLAIN(n, h)                                                            \
    {                                                                          \
        .name = (n), .forms = PM_AT_EXEC | PM_AT_TEST, .flags = PM_AT_TEST_OK, \
        .bad = PM__CME_PARAMETER, .handler = (h)                               \
    }

static const struct pm_at_command rows[] = {
    BASIC("E", zero_one, run_basic),
    BASIC("V", zero_one, run_basic),
    BASIC("Q", zero_one, run_basic),
    BASIC("X", to_four, run_basic),
    BASIC("&C", zero_one, run_basic),
    BASIC("&D", to_two, run_basic),
    BASIC("I", to_nine, run_ati),
    BASIC("H", zero_one, run_ok),
    BASIC("O", zero, run_no_carrier),
    {.name = "D", .forms = PM_AT_EXEC, .handler = run_no_carrier},
    {.name = "S",
     .forms = PM_AT_READ | PM_AT_WRITE,
     .param_count = 2,
     .params = s_params,
     .handler = run_s},
    PLAIN("+GMI", run_manufacturer),
    PLAIN("+CGMI", run_manufacturer),
    PLAIN("+GMM", run_model),
    PLAIN("+CGMM", run_model),
    PLAIN("+GMR", run_revision),
    PLAIN("+CGMR", run_revision),
    PLAIN("+QGMR", run_qgmr),
    PLAIN("+GSN", run_cgsn),
    {.name = "+CGSN",
     .forms = PM_AT_EXEC | PM_AT_TEST | PM_AT_WRITE,
     .flags = PM_AT_TEST_OK,
     .param_count = 1,
     .bad = PM__CME_PARAMETER,
     .params = cgsn_params,
     .handler = run_cgsn},
    {.name = "+CMEE",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 1,
     .bad = PM__CME_PARAMETER,
     .params = cmee_params,
     .handler = run_cmee},
};

const struct pm__commands pm__general_commands = {rows, sizeof rows / sizeof rows[0]};
