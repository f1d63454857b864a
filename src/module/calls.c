/* SPDX-License-Identifier: MIT */
/*
 * Calls and supplementary services (27.007 section 7) of a subscription for data only: there are no
 * calls, and the network offers none of the services. What hosts set for them is in kept.c.
 */
#include "module/internal.h"

/* +CHUP, +CLCC: no call to end, none to list. */
static void run_no_call(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    (void)form;
    (void)values;
    pm__ok(owner);
}

/* Ready: no call. */
static void run_cpas(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+CPAS: 0");
    pm__ok(port);
}

/* +CCWA=<n>[,<mode>]: whether waiting calls are told of is a setting; the mode is the network's. */
static void run_ccwa(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    if (form == PM_AT_READ) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+CCWA: ");
        pm_at_put_number(&port->at, port->module->call_waiting);
        pm__ok(port);
    } else if (values->v[1].given) {
        pm__cme(port, PM__CME_NOT_SUPPORTED);
    } else {
        port->module->call_waiting = (uint8_t)values->v[0].number;
        pm__ok(port);
    }
}

/* +CUSD: whether answers of the network are shown is a setting; nothing can be sent. */
static void run_cusd(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    if (form == PM_AT_READ) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+CUSD: ");
        pm_at_put_number(&port->at, port->module->ussd);
        pm__ok(port);
    } else if (values->v[1].given) {
        pm__cme(port, PM__CME_NOT_SUPPORTED);
    } else { /* 2 ends a session: there is none. */
        port->module->ussd = values->v[0].number == 1 ? 1 : 0;
        pm__ok(port);
    }
}

static void run_ccfc(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    (void)form;
    (void)values;
    pm__cme(owner, PM__CME_NOT_SUPPORTED);
}

void pm__calls_factory(struct pm_module *module)
{
    module->call_waiting = 0;
    module->ussd = 0;
}

static const struct pm_at_param ccwa_params[] = {
    {.name = "n", .max = 1},
    {.name = "mode", .flags = PM_AT_OPTIONAL, .max = 2},
    {.name = "class", .flags = PM_AT_OPTIONAL, .min = 1, .max = 255, .def = 1},
};
static const struct pm_at_param cusd_params[] = {
    {.name = "mode", .max = 2},
    {.name = "str", .type = PM_AT_STRING, .flags = PM_AT_OPTIONAL, .max = 182},
    {.name = "dcs", .flags = PM_AT_OPTIONAL, .max = 255},
};
static const struct pm_at_param ccfc_params[] = {
    {.name = "reads", .max = 5},
    {.name = "mode", .max = 4},
    {.name = "number", .type = PM_AT_STRING, .flags = PM_AT_OPTIONAL, .max = 40},
    {.name = "type", .flags = PM_AT_OPTIONAL, .max = 255},
    {.name = "class", .flags = PM_AT_OPTIONAL, .min = 1, .max = 255, .def = 1},
};

static const struct pm_at_command rows[] = {
    {.name = "+CHUP",
     .forms = PM_AT_EXEC | PM_AT_TEST,
     .flags = PM_AT_TEST_OK,
     .bad = PM__CME_PARAMETER,
     .handler = run_no_call},
    {.name = "+CLCC",
     .forms = PM_AT_EXEC | PM_AT_TEST,
     .flags = PM_AT_TEST_OK,
     .bad = PM__CME_PARAMETER,
     .handler = run_no_call},
    {.name = "+CPAS",
     .forms = PM_AT_EXEC | PM_AT_TEST,
     .bad = PM__CME_PARAMETER,
     .test = "+CPAS: (0,3,4)",
     .handler = run_cpas},
    {.name = "+CCWA",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 3,
     .bad = PM__CME_PARAMETER,
     .params = ccwa_params,
     .test = "+CCWA: (0,1)",
     .handler = run_ccwa},
    {.name = "+CUSD",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 3,
     .bad = PM__CME_PARAMETER,
     .params = cusd_params,
     .test = "+CUSD: (0-2)",
     .handler = run_cusd},
    {.name = "+CCFC",
     .forms = PM_AT_TEST | PM_AT_WRITE,
     .param_count = 5,
     .bad = PM__CME_PARAMETER,
     .params = ccfc_params,
     .test = "+CCFC: (0-5)",
     .handler = run_ccfc},
};

const struct pm__commands pm__calls_commands = {rows, sizeof rows / sizeof rows[0]};
