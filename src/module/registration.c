/* SPDX-License-Identifier: MIT */
/* Registration: AT+CREG and its twins with their URCs, AT+COPS, AT+CGATT. */
#include <string.h>

#include "module/internal.h"

/* stat of 27.007 7.2 */
enum { STAT_NONE, STAT_HOME, STAT_SEARCHING, STAT_DENIED, STAT_UNKNOWN, STAT_ROAMING };
/* mode of AT+COPS */
enum { COPS_AUTOMATIC, COPS_MANUAL, COPS_DEREGISTER, COPS_FORMAT, COPS_MANUAL_AUTOMATIC };
enum { FORMAT_LONG, FORMAT_SHORT, FORMAT_NUMERIC };
#define E_UTRAN 7U

void pm__registration_reset(struct pm_module *module)
{
    module->attached = true;
    module->cops_mode = COPS_AUTOMATIC;
    module->cops_format = FORMAT_LONG;
    module->search_at = module->now;
    memset(module->reg_told, 0, sizeof module->reg_told);
}

void pm__registration_begin(struct pm_module *module)
{
    module->search_at = module->now;
}

/* From when on the network has answered, when it is asked at all. */
static uint64_t found_at(const struct pm_module *module)
{
    uint64_t sim = pm__sim_ready_at(module);
    uint64_t from = module->search_at > sim ? module->search_at : sim;
    return from + module->config->register_delay;
}

/* stat of +CREG: 0 without SIM or with the radio off, searching for a while, then as configured. */
uint8_t pm__registration(const struct pm_module *module)
{
    uint8_t stat = module->config->registration;
    if (module->cfun != 1 || module->cops_mode == COPS_DEREGISTER || pm__power_off(module) ||
        pm__sim_error(module) != 0) {
        return STAT_NONE;
    }
    return stat != STAT_NONE && module->now < found_at(module) ? STAT_SEARCHING : stat;
}

bool pm__registered(const struct pm_module *module)
{
    uint8_t stat = pm__registration(module);
    return stat == STAT_HOME || stat == STAT_ROAMING;
}

/* ---- CREG, CGREG, CEREG ---------------------------------------------------------------- */

static const char *const reg_names[3] = {"+CREG", "+CGREG", "+CEREG"};

/* What each of the three tells: the packet services also ask for an attach. */
static uint8_t stat_of(const struct pm_module *module, size_t i)
{
    return i == 0 || module->attached ? pm__registration(module) : STAT_NONE;
}

/* stat, and where, when `n` asks for it. */
static void add_stat(const struct pm_module *module, struct pm__text *text, uint8_t n, uint8_t stat)
{
    pm__text_number(text, stat);
    if (n == 2 && (stat == STAT_HOME || stat == STAT_ROAMING)) {
        pm__text_add(text, ",\"");
        pm__text_add(text, module->config->lac);
        pm__text_add(text, "\",\"");
        pm__text_add(text, module->config->cell_id);
        pm__text_add(text, "\",");
        pm__text_number(text, E_UTRAN);
    }
}

/* Each port that has the URCs and asked for them (n) gets its own form. */
static void tell(struct pm_module *module, size_t i, uint8_t stat)
{
    for (struct pm_port *port = module->ports; port != NULL; port = port->next) {
        char line[64];
        struct pm__text text;
        if (port->reg_n[i] == 0 || !pm__urc_goes_to(port)) {
            continue;
        }
        pm__text_init(&text, line, sizeof line);
        pm__text_add(&text, reg_names[i]);
        pm__text_add(&text, ": ");
        add_stat(module, &text, port->reg_n[i], stat);
        (void)pm_at_urc(&port->at, line, text.len, 0);
    }
}

bool pm__registration_run(struct pm_module *module)
{
    bool changed = false;
    if (pm__power_off(module)) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        uint8_t stat = stat_of(module, i);
        if (stat != module->reg_told[i]) {
            module->reg_told[i] = stat;
            changed = true;
            tell(module, i, stat);
        }
    }
    bool served = pm__registered(module);
    if (served != module->served) {
        module->served = served;
        pm__indicate_network(module, served);
        changed = true;
    }
    return changed;
}

uint64_t pm__registration_deadline(const struct pm_module *module)
{
    uint64_t at = found_at(module);
    bool waits = !pm__power_off(module) && module->cfun == 1 && module->now < at &&
                 module->cops_mode != COPS_DEREGISTER;
    return waits ? at : PM_NEVER;
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
    uint8_t index = reg_index(port->command->name);
    uint8_t *n = &port->reg_n[index];
    char line[48];
    struct pm__text text;
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
    pm__text_init(&text, line, sizeof line);
    add_stat(module, &text, *n, stat_of(module, index));
    pm_at_put_bytes(&port->at, (const uint8_t *)line, text.len);
    pm__ok(port);
}

/* ---- COPS ---------------------------------------------------------------------------- */

static void put_operator(struct pm_port *port, uint8_t format)
{
    const struct pm_module_config *config = port->module->config;
    if (format == FORMAT_NUMERIC) {
        pm_at_put_quoted(&port->at, pm__slice(config->operator_numeric));
    } else {
        pm__put_in_charset(port, config->operator_name);
    }
}

/* The operators in reach: the one there is, whether it serves, could, or does not want us. */
static void put_operators(struct pm_port *port)
{
    const struct pm_module *module = port->module;
    uint8_t stat = module->config->registration;
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+COPS: ");
    if (stat == STAT_HOME || stat == STAT_ROAMING || stat == STAT_DENIED) {
        pm_at_put(&port->at, "(");
        pm_at_put_number(&port->at, stat == STAT_DENIED ? 3 : pm__registered(module) ? 2 : 1);
        for (uint8_t format = FORMAT_LONG; format <= FORMAT_NUMERIC; format++) {
            pm_at_put(&port->at, ",");
            put_operator(port, format);
        }
        pm_at_put(&port->at, ",7)");
    }
    pm_at_put(&port->at, ",,(0-4),(0-2)");
}

static void put_present_operator(struct pm_port *port)
{
    const struct pm_module *module = port->module;
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+COPS: ");
    pm_at_put_number(&port->at, module->cops_mode);
    if (pm__registered(module)) {
        pm_at_put(&port->at, ",");
        pm_at_put_number(&port->at, module->cops_format);
        pm_at_put(&port->at, ",");
        put_operator(port, module->cops_format);
        pm_at_put(&port->at, ",7");
    }
}

/* Whether the operator asked for is the one there is. */
static bool is_operator(const struct pm_module *module, int32_t format, struct pm_slice name)
{
    const struct pm_module_config *config = module->config;
    return format == FORMAT_NUMERIC ? pm__slice_equal(name, pm__slice(config->operator_numeric))
                                    : pm__equal_in_charset(module, name, config->operator_name);
}

/* Leaves the network, or begins to look for it. */
static void set_mode(struct pm_module *module, uint8_t mode)
{
    bool was = module->cops_mode == COPS_DEREGISTER;
    module->cops_mode = mode;
    if (mode == COPS_DEREGISTER) {
        pm__contexts_lost(module);
    } else if (was) {
        pm__registration_begin(module);
    }
}

static void run_cops(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    const struct pm_at_value *v = values->v;
    if (form == PM_AT_READ) {
        put_present_operator(port);
        pm__ok(port);
        return;
    }
    if (module->cfun != 1) { /* no radio */
        pm__cme(port, PM__CME_NOT_ALLOWED);
        return;
    }
    if (form == PM_AT_TEST) {
        put_operators(port);
        pm__ok(port);
        return;
    }
    bool named = v[0].number == COPS_MANUAL || v[0].number == COPS_MANUAL_AUTOMATIC;
    if (named && (!v[1].given || !v[2].given)) {
        pm_at_bad_parameter(&port->at);
        return;
    }
    if (v[0].number == COPS_MANUAL && !is_operator(module, v[1].number, v[2].text)) {
        pm__cme(port, PM__CME_NO_SERVICE);
        return;
    }
    if (v[1].given) {
        module->cops_format = (uint8_t)v[1].number;
    }
    if (v[0].number != COPS_FORMAT) {
        bool lost = named && !is_operator(module, v[1].number, v[2].text);
        set_mode(module, lost ? COPS_AUTOMATIC : (uint8_t)v[0].number);
    }
    pm__ok(port);
}

/* ---- CGATT --------------------------------------------------------------------------- */

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
    if (values->v[0].number == 1 && !pm__registered(module)) {
        pm__cme(port, PM__CME_NO_SERVICE);
        return;
    }
    module->attached = values->v[0].number == 1;
    if (!module->attached) {
        pm__contexts_lost(module);
    }
    pm__ok(port);
}

static const struct pm_at_param creg_params[] = {{.name = "n", .max = 2, .range = "(0-2)"}};
static const struct pm_at_param cgatt_params[] = {{.name = "state", .max = 1}};
static const struct pm_at_param cops_params[] = {
    {.name = "mode", .max = 4},
    {.name = "format", .flags = PM_AT_OPTIONAL, .max = 2},
    {.name = "oper", .type = PM_AT_STRING, .flags = PM_AT_OPTIONAL, .min = 1, .max = 240},
    {.name = "AcT", .flags = PM_AT_OPTIONAL, .max = 7},
};

#define CREG(n)                                                                        \
    {                                                                                  \
        .name = (n), .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE, .param_count = 1, \
        .bad = PM__CME_PARAMETER, .params = creg_params, .handler = run_creg           \
    }

static const struct pm_at_command rows[] = {
    CREG("+CREG"),
    CREG("+CGREG"),
    CREG("+CEREG"),
    {.name = "+COPS",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .flags = PM_AT_TEST_OWN,
     .param_count = 4,
     .bad = PM__CME_PARAMETER,
     .params = cops_params,
     .handler = run_cops},
    {.name = "+CGATT",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 1,
     .bad = PM__CME_PARAMETER,
     .params = cgatt_params,
     .handler = run_cgatt},
};

const struct pm__commands pm__registration_commands = {rows, sizeof rows / sizeof rows[0]};
