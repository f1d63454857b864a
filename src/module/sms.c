/* SPDX-License-Identifier: MIT */
/*
 * Short messages (27.005) of a subscription that has none: the stores are empty, and none can be
 * written or sent. Their settings are in kept.c.
 */
#include <string.h>

#include "module/internal.h"

enum { CMS_NOT_SUPPORTED = 303, CMS_SIM_ABSENT = 310, CMS_SIM_PUK = 316, CMS_NO_MESSAGE = 321 };

static const struct {
    char name[3];
    uint8_t total;
} stores[] = {{"ME", 255}, {"MT", 255}, {"SM", 50}};
#define STORES (sizeof stores / sizeof stores[0])

void pm__sms_factory(struct pm_module *module)
{
    module->sms_service = 0;
    memset(module->sms_store, 0, sizeof module->sms_store);
}

static void cms(struct pm_port *port, uint16_t number)
{
    pm_at_cms(&port->at, number, port->module->now);
}

/* Answers the SIM's error by its number of 27.005. Returns true when the SIM serves. */
static bool sim_serves(struct pm_port *port)
{
    uint16_t error = pm__sim_error(port->module);
    if (error == PM__CME_SIM_PUK) {
        cms(port, CMS_SIM_PUK);
    } else if (error != 0) {
        cms(port, (uint16_t)(CMS_SIM_ABSENT + error - PM__CME_SIM_ABSENT));
    }
    return error == 0;
}

/* ---- CSMS, CPMS ------------------------------------------------------------------------ */

static void run_csms(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+CSMS: ");
    if (form == PM_AT_WRITE) {
        port->module->sms_service = (uint8_t)values->v[0].number;
    } else {
        pm_at_put_number(&port->at, port->module->sms_service);
        pm_at_put(&port->at, ",");
    }
    pm_at_put(&port->at, "1,1,1"); /* received, sent and broadcast messages */
    pm__ok(port);
}

/* STORES: no such store. */
static size_t find_store(struct pm_slice name)
{
    size_t i = 0;
    while (i < STORES && !pm__slice_equal_nocase(name, pm__slice(stores[i].name))) {
        i++;
    }
    return i;
}

/* Sets those that are given. False: one is unknown, and none is changed. */
static bool set_stores(struct pm_module *module, const struct pm_at_values *values)
{
    uint8_t chosen[3];
    memcpy(chosen, module->sms_store, sizeof chosen);
    for (size_t i = 0; i < sizeof chosen; i++) {
        size_t store = values->v[i].given ? find_store(values->v[i].text) : chosen[i];
        if (store == STORES) {
            return false;
        }
        chosen[i] = (uint8_t)store;
    }
    memcpy(module->sms_store, chosen, sizeof chosen);
    return true;
}

static void run_cpms(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    if (!sim_serves(port)) {
        return;
    }
    if (form == PM_AT_WRITE && !set_stores(module, values)) {
        pm_at_bad_parameter(&port->at);
        return;
    }
    pm_at_info(&port->at);
    for (size_t i = 0; i < sizeof module->sms_store; i++) {
        pm_at_put(&port->at, i == 0 ? "+CPMS: " : ",");
        if (form == PM_AT_READ) {
            pm_at_put_quoted(&port->at, pm__slice(stores[module->sms_store[i]].name));
            pm_at_put(&port->at, ",");
        }
        pm_at_put(&port->at, "0,");
        pm_at_put_number(&port->at, stores[module->sms_store[i]].total);
    }
    pm__ok(port);
}

/* ---- Messages -------------------------------------------------------------------------- */

/* Which messages: a word in text mode, a digit in PDU mode. */
static bool is_status(const struct pm_module *module, struct pm_slice text)
{
    static const char *const words[] = {"REC UNREAD", "REC READ", "STO UNSENT", "STO SENT", "ALL"};
    if (!pm__sms_text_mode(module)) {
        return text.len == 1 && text.ptr[0] >= '0' && text.ptr[0] <= '4';
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (pm__slice_equal_nocase(text, pm__slice(words[i]))) {
            return true;
        }
    }
    return false;
}

static void run_cmgl(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    const struct pm_module *module = port->module;
    if (form == PM_AT_TEST) {
        pm_at_info(&port->at);
        pm_at_put(&port->at,
                  pm__sms_text_mode(module)
                      ? "+CMGL: (\"REC UNREAD\",\"REC READ\",\"STO UNSENT\",\"STO SENT\",\"ALL\")"
                      : "+CMGL: (0-4)");
        pm__ok(port);
    } else if (form == PM_AT_WRITE && !is_status(module, values->v[0].text)) {
        pm_at_bad_parameter(&port->at);
    } else if (sim_serves(port)) {
        pm__ok(port);
    }
}

static bool is_index(struct pm_port *port, int32_t index)
{
    bool good = index < stores[port->module->sms_store[0]].total;
    if (!good) {
        cms(port, CMS_NO_MESSAGE);
    }
    return good;
}

static void run_cmgr(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    if (sim_serves(port)) {
        cms(port, CMS_NO_MESSAGE);
    }
}

static void run_cmgd(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    if (sim_serves(port) && is_index(port, values->v[0].number)) {
        pm__ok(port);
    }
}

/* The prompt for a message never comes. */
static void run_send(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    if (sim_serves(port)) {
        cms(port, CMS_NOT_SUPPORTED);
    }
}

static void run_csca(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    if (sim_serves(port)) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+CSCA: \"\",129");
        pm__ok(port);
    }
}

static const struct pm_at_param csms_params[] = {{.name = "service", .max = 1}};
static const struct pm_at_param cpms_params[] = {
    {.name = "mem1", .type = PM_AT_STRING, .min = 2, .max = 2},
    {.name = "mem2", .type = PM_AT_STRING, .flags = PM_AT_OPTIONAL, .min = 2, .max = 2},
    {.name = "mem3", .type = PM_AT_STRING, .flags = PM_AT_OPTIONAL, .min = 2, .max = 2},
};
static const struct pm_at_param cmgl_params[] = {
    {.name = "stat", .type = PM_AT_TOKEN, .min = 1, .max = 10},
};
static const struct pm_at_param index_params[] = {{.name = "index", .max = 254}};
static const struct pm_at_param cmgd_params[] = {
    {.name = "index", .max = 254},
    {.name = "delflag", .flags = PM_AT_OPTIONAL, .max = 4},
};
static const struct pm_at_param send_params[] = {
    {.name = "da", .type = PM_AT_TOKEN, .min = 1, .max = 40},
    {.name = "toda", .flags = PM_AT_OPTIONAL, .max = 255},
};

#define ROW(n) .name = (n), .group = PM__GROUP_SMS

static const struct pm_at_command rows[] = {
    {ROW("+CSMS"), .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE, .param_count = 1,
     .params = csms_params, .test = "+CSMS: (0,1)", .handler = run_csms},
    {ROW("+CPMS"), .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE, .param_count = 3,
     .params = cpms_params,
     .test = "+CPMS: (\"ME\",\"MT\",\"SM\"),(\"ME\",\"MT\",\"SM\"),(\"ME\",\"MT\",\"SM\")",
     .handler = run_cpms},
    {ROW("+CSCA"), .forms = PM_AT_READ | PM_AT_TEST, .flags = PM_AT_TEST_OK, .handler = run_csca},
    {ROW("+CMGL"), .forms = PM_AT_EXEC | PM_AT_TEST | PM_AT_WRITE, .flags = PM_AT_TEST_OWN,
     .param_count = 1, .params = cmgl_params, .handler = run_cmgl},
    {ROW("+CMGR"), .forms = PM_AT_TEST | PM_AT_WRITE, .flags = PM_AT_TEST_OK, .param_count = 1,
     .params = index_params, .handler = run_cmgr},
    {ROW("+CMGD"), .forms = PM_AT_TEST | PM_AT_WRITE, .param_count = 2, .params = cmgd_params,
     .test = "+CMGD: (0-254),(0-4)", .handler = run_cmgd},
    {ROW("+CMGS"), .forms = PM_AT_TEST | PM_AT_WRITE, .flags = PM_AT_TEST_OK, .param_count = 2,
     .params = send_params, .handler = run_send},
};

const struct pm__commands pm__sms_commands = {rows, sizeof rows / sizeof rows[0]};
