/* SPDX-License-Identifier: MIT */
/* Power: AT+CFUN, AT+QPOWD, and what lies between power down and the next start (CD43). */
#include <string.h>

#include "module/internal.h"

enum {
    POWER_ON,
    POWER_DOWN, /* AT+QPOWD is answered, POWERED DOWN is to come */
    POWER_WAIT, /* off until power_at */
    POWER_STAY, /* off until pm_module_power_on() */
    POWER_LIST, /* RAM files vanish, one after the other */
    POWER_LISTED,
    POWER_DELETED
};

bool pm__power_off(const struct pm_module *module)
{
    return module->power_state != POWER_ON;
}

bool pm_module_off(const struct pm_module *module)
{
    return module->power_state == POWER_STAY;
}

void pm_module_power_on(struct pm_module *module, uint64_t now)
{
    module->now = now;
    if (module->power_state == POWER_STAY) {
        module->power_state = POWER_LIST;
    }
    pm__module_run(module);
}

void pm__power_start(struct pm_module *module)
{
    module->cfun = 1;
    module->sleeps = false;
    module->served = false;
    pm__settings_factory(module);
    pm__indications_load(module);
    module->pin_verified = false;
    module->sim_reports = false;
    pm__registration_reset(module);
    pm__activation_reset(module);
    pm__start(module, PM__START_POWER);
}

/* Whatever runs on the other ports ends here, lest an upload or an activation be finished by the
 * module that comes after; the port that asked for it is still owed its result, and nothing more.
 */
static void stop(struct pm_port *by)
{
    struct pm_module *module = by->module;
    pm__reuse_leave(module, "the kept connection ends: the module goes off");
    pm__job_drop(module);
    pm__queries_drop(module);
    pm__activation_drop(module);
    for (struct pm_port *port = module->ports; port != NULL; port = port->next) {
        if (port != by) {
            pm__port_cut_off(port);
        } else {
            pm_at_stop(&port->at);
        }
    }
    pm__handles_close(module);
}

/* RAM files vanish at a restart, one after the other as the platform manages. */
static bool clear_step(struct pm_module *module)
{
    const struct pm_platform *platform = module->platform;
    const struct pm_slice first = {NULL, 0};
    int32_t r = PM_OK;
    switch (module->power_state) {
    case POWER_LIST:
        module->power_state = POWER_LISTED;
        r = platform->file_next(platform->user, &module->op, PM_STORAGE_RAM, first, &module->entry);
        break;
    case POWER_LISTED:
        if (module->op.result != PM_OK) {
            module->power_state = POWER_ON;
            return true;
        }
        module->power_state = POWER_DELETED;
        r = platform->file_delete(platform->user, &module->op, PM_STORAGE_RAM,
                                  (struct pm_slice){module->entry.name, module->entry.name_len});
        break;
    default: /* A file that cannot be deleted must not hold the start up. */
        module->power_state = module->op.result == PM_OK ? POWER_LIST : POWER_ON;
        return true;
    }
    module->op.pending = r == PM_PENDING;
    module->op.result = r;
    return !module->op.pending;
}

/* The last word of a module that was powered down. */
static void down(struct pm_module *module)
{
    static const char text[] = "POWERED DOWN";
    pm__urc(module, text, sizeof text - 1, 0);
    pm__log_text(module, PM_LOG_INFO, "powered down");
    bool again = module->config->power_off == PM_POWER_OFF_RESTART;
    module->power_state = again ? POWER_WAIT : POWER_STAY;
    module->power_at = module->now + module->config->power_on_delay;
}

static bool off_step(struct pm_module *module)
{
    if (module->power_state == POWER_STAY || module->op.pending ||
        (module->power_state <= POWER_WAIT && module->now < module->power_at)) {
        return false;
    }
    if (module->power_state == POWER_DOWN) {
        down(module);
        return true;
    }
    if (module->power_state == POWER_WAIT) {
        module->power_state = POWER_LIST;
        return true;
    }
    return clear_step(module);
}

static void restarted(struct pm_module *module)
{
    pm__draft_reset(module);
    pm__contexts_reset(module);
    for (struct pm_port *port = module->ports; port != NULL; port = port->next) {
        pm__profile_apply(port);
        pm__line_load(port);
    }
    module->restarts++;
    pm__power_start(module);
}

bool pm__power_run(struct pm_module *module)
{
    if (!pm__power_off(module) || !off_step(module)) {
        return false;
    }
    if (!pm__power_off(module)) {
        restarted(module);
    }
    return true;
}

uint64_t pm__power_deadline(const struct pm_module *module)
{
    bool waits = module->power_state == POWER_DOWN || module->power_state == POWER_WAIT;
    return waits ? module->power_at : PM_NEVER;
}

static void run_qpowd(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    (void)form;
    (void)values;
    stop(port);
    module->power_state = POWER_DOWN;
    module->power_at = module->now + module->config->power_off_delay;
    pm__ok(port);
}

/* Functionality 0 and 4 leave the network, 0 the SIM as well. */
static void set_cfun(struct pm_module *module, uint8_t cfun)
{
    uint8_t was = module->cfun;
    module->cfun = cfun;
    if (cfun != 1) {
        pm__contexts_lost(module);
    } else if (was != 1) {
        pm__registration_begin(module);
    }
    if (cfun == 0) {
        module->pin_verified = false;
        pm__start_over(module);
    } else if (was == 0) { /* The SIM starts anew and says so. */
        pm__start(module, PM__START_CFUN);
    }
}

/* What the functionality changes, it changes with its OK. */
static bool cfun_step(struct pm_port *port)
{
    struct pm_module *module = port->module;
    if (module->now < port->task.wake) {
        return false;
    }
    uint8_t cfun = port->task.argument[0];
    pm__task_end(port);
    if (cfun != module->cfun) { /* another port may have been faster */
        set_cfun(module, cfun);
    }
    pm__ok(port);
    return true;
}

static void run_cfun(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    if (form == PM_AT_READ) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+CFUN: ");
        pm_at_put_number(&port->at, module->cfun);
        pm__ok(port);
        return;
    }
    int32_t cfun = values->v[0].number;
    bool reset = values->v[1].number == 1;
    if ((cfun != 0 && cfun != 1 && cfun != 4) || (reset && cfun != 1)) {
        pm_at_bad_parameter(&port->at);
        return;
    }
    if (reset) {
        stop(port);
        module->power_state = POWER_WAIT;
        module->power_at = module->now + module->config->power_on_delay;
        pm__ok(port);
    } else if (cfun == module->cfun) {
        pm__ok(port);
    } else {
        pm__task_begin(port, cfun_step);
        port->task.argument[0] = (uint8_t)cfun;
        port->task.wake = module->now + module->config->cfun_delay;
    }
}

static const struct pm_at_param cfun_params[] = {
    {.name = "fun", .max = 4, .range = "(0,1,4)"},
    {.name = "rst", .flags = PM_AT_OPTIONAL, .max = 1},
};
static const struct pm_at_param qpowd_params[] = {
    {.name = "n", .flags = PM_AT_OPTIONAL, .max = 1, .def = 1}};

static const struct pm_at_command rows[] = {
    {.name = "+CFUN",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 2,
     .bad = PM__CME_PARAMETER,
     .params = cfun_params,
     .handler = run_cfun},
    {.name = "+QPOWD",
     .forms = PM_AT_EXEC | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 1,
     .params = qpowd_params,
     .handler = run_qpowd},
};

const struct pm__commands pm__power_commands = {rows, sizeof rows / sizeof rows[0]};
