/* SPDX-License-Identifier: MIT */
/* What the equipment is capable of, as hosts ask before they use it (V.250, 27.007). */
#include "module/internal.h"

/* The access that AT+WS46 selects; only those with E-UTRAN, the network there is. */
enum { ACCESS_ALL = 25, ACCESS_E_UTRAN = 28 };

static void run_gcap(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+GCAP: +CGSM");
    pm__ok(port);
}

static void run_ws46(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    int32_t access = values->v[0].number;
    if (form == PM_AT_READ) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+WS46: ");
        pm_at_put_number(&port->at, module->lte_only ? ACCESS_E_UTRAN : ACCESS_ALL);
        pm__ok(port);
    } else if (access == ACCESS_ALL || access == ACCESS_E_UTRAN) {
        module->lte_only = access == ACCESS_E_UTRAN;
        pm__ok(port);
    } else if (access == 12 || access == 22 || access == 29) {
        pm__cme(port, PM__CME_NOT_SUPPORTED);
    } else {
        pm_at_bad_parameter(&port->at);
    }
}

/* The battery of a module is its supply: not charging, full, in millivolts. */
static void run_cbc(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+CBC: 0,100,3800");
    pm__ok(port);
}

/* The SIM prefers no operators. */
static void run_cpol(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)values;
    uint16_t error = pm__sim_error(port->module);
    if (error != 0) {
        pm__cme(port, error);
    } else if (form == PM_AT_WRITE && values->v[0].given) {
        pm__cme(port, PM__CME_NOT_SUPPORTED); /* no room for one */
    } else {
        pm__ok(port);
    }
}

void pm__equipment_factory(struct pm_module *module)
{
    module->lte_only = false;
}

static const struct pm_at_param ws46_params[] = {{.name = "n", .max = 31}};
static const struct pm_at_param cpol_params[] = {
    {.name = "index", .flags = PM_AT_OPTIONAL, .min = 1, .max = 255, .def = 1},
    {.name = "format", .flags = PM_AT_OPTIONAL, .max = 2},
    {.name = "oper", .type = PM_AT_STRING, .flags = PM_AT_OPTIONAL, .max = 60},
};

static const struct pm_at_command rows[] = {
    {.name = "+GCAP",
     .forms = PM_AT_EXEC | PM_AT_TEST,
     .flags = PM_AT_TEST_OK,
     .bad = PM__CME_PARAMETER,
     .handler = run_gcap},
    {.name = "+WS46",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 1,
     .bad = PM__CME_PARAMETER,
     .params = ws46_params,
     .test = "+WS46: (12,22,25,28,29)",
     .handler = run_ws46},
    {.name = "+CBC",
     .forms = PM_AT_EXEC | PM_AT_TEST,
     .bad = PM__CME_PARAMETER,
     .test = "+CBC: (0-2),(1-100),<voltage>",
     .handler = run_cbc},
    {.name = "+CPOL",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 3,
     .bad = PM__CME_PARAMETER,
     .params = cpol_params,
     .test = "+CPOL: (1-255),(0-2)",
     .handler = run_cpol},
};

const struct pm__commands pm__equipment_commands = {rows, sizeof rows / sizeof rows[0]};
