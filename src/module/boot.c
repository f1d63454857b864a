/* SPDX-License-Identifier: MIT */
/* Start and restart of a module, and the URCs that tell of it (CD20, CD43, CD45). */
#include <string.h>

#include "module/internal.h"

/* When the SIM answers what, ms after power on: measured on an EC21-J. */
#define SIM_SEEN_MS  252U
#define SIM_READY_MS 356U

struct boot_urc {
    uint16_t at_ms;
    bool cet; /* an AG35-CET prints it too */
    bool sim; /* only with a SIM */
    const char *text;
};

/* The first two times and that of CPIN are measured; the others keep the order. */
static const struct boot_urc boot_urcs[] = {
    {0, false, false, "RDY"},
    {128, true, false, "+CFUN: 1"},
    {SIM_READY_MS, true, true, "+CPIN: READY"},
    {400, false, true, "+QUSIM: 1"},
    {1400, false, true, "+QIND: SMS DONE"},
    {1600, false, true, "+QIND: PB DONE"},
};
#define BOOT_URCS (sizeof boot_urcs / sizeof boot_urcs[0])

enum { RESTART_NONE, RESTART_WAIT, RESTART_LIST, RESTART_LISTED, RESTART_DELETED };

/* A boot URC appears on a port that wants them and has the URCs (CD44, CD45). */
static bool wants_urcs(const struct pm_module *module)
{
    for (const struct pm_port *port = module->ports; port != NULL; port = port->next) {
        if (port->boot_urcs && pm__urc_goes_to(port)) {
            return true;
        }
    }
    return false;
}

/* Hosts that attach late see no delays: only boot URCs bring the measured ones (CD45). */
static uint64_t boot_delay(const struct pm_module *module, uint16_t at_ms)
{
    bool announces = module->boot_step < BOOT_URCS && wants_urcs(module);
    return module->config->boot_delay && announces ? at_ms : 0U;
}

bool pm__boot_off(const struct pm_module *module)
{
    return module->restart_state != RESTART_NONE;
}

void pm__boot_start(struct pm_module *module)
{
    module->cfun = 1;
    module->attached = true;
    module->boot_at = module->now;
    module->boot_step = 0;
    module->restart_at = PM_NEVER;
    for (uint8_t i = 0; i < PM_PDP_CONTEXTS; i++) {
        if ((module->config->active_at_start >> i & 1U) != 0) {
            module->pdp[i].active = true;
            module->pdp[i].type = module->pdp[i].type == 0 ? 1 : module->pdp[i].type;
        }
    }
}

/* Whatever runs on the other ports ends here, lest an upload or an activation be finished by the
 * module that comes after; the port that asked for it is still owed its result, and nothing more.
 */
void pm__boot_restart_later(struct pm_port *by)
{
    struct pm_module *module = by->module;
    module->restart_state = RESTART_WAIT;
    module->restart_at = module->now + module->config->power_on_delay;
    pm__job_drop(module);
    pm__queries_drop(module);
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
static bool restart_step(struct pm_module *module)
{
    const struct pm_platform *platform = module->platform;
    const struct pm_slice first = {NULL, 0};
    int32_t r = PM_OK;
    switch (module->restart_state) {
    case RESTART_WAIT:
        if (module->now < module->restart_at) {
            return false;
        }
        module->restart_state = RESTART_LIST;
        return true;
    case RESTART_LIST:
        module->restart_state = RESTART_LISTED;
        r = platform->file_next(platform->user, &module->op, PM_STORAGE_RAM, first, &module->entry);
        break;
    case RESTART_LISTED:
        if (module->op.result != PM_OK) {
            module->restart_state = RESTART_NONE;
            return true;
        }
        module->restart_state = RESTART_DELETED;
        r = platform->file_delete(platform->user, &module->op, PM_STORAGE_RAM,
                                  (struct pm_slice){module->entry.name, module->entry.name_len});
        break;
    default: /* A file that cannot be deleted must not hold the start up. */
        module->restart_state = module->op.result == PM_OK ? RESTART_LIST : RESTART_NONE;
        return true;
    }
    module->op.pending = r == PM_PENDING;
    module->op.result = r;
    return !module->op.pending;
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
    pm__boot_start(module);
}

static void print(struct pm_module *module, const char *text)
{
    for (struct pm_port *port = module->ports; port != NULL; port = port->next) {
        if (port->boot_urcs && pm__urc_goes_to(port)) {
            (void)pm_at_urc(&port->at, text, strlen(text), 0);
        }
    }
}

bool pm__boot_run(struct pm_module *module)
{
    if (pm__boot_off(module)) {
        if (module->op.pending || !restart_step(module)) {
            return false;
        }
        if (!pm__boot_off(module)) {
            restarted(module);
        }
        return true;
    }
    if (module->boot_step >= BOOT_URCS || module->ports == NULL) {
        return false;
    }
    if (!wants_urcs(module)) { /* nor later, when AT+QURCCFG names another port */
        module->boot_step = BOOT_URCS;
        return false;
    }
    const struct boot_urc *urc = &boot_urcs[module->boot_step];
    if (module->now < module->boot_at + boot_delay(module, urc->at_ms)) {
        return false;
    }
    bool shown = urc->cet || module->config->boot_profile == PM_BOOT_EC2X;
    if (shown && !(urc->sim && module->config->sim == PM_SIM_ABSENT)) {
        print(module, urc->text);
    }
    module->boot_step++;
    return true;
}

uint64_t pm__boot_deadline(const struct pm_module *module)
{
    if (module->restart_state == RESTART_WAIT) {
        return module->restart_at;
    }
    if (pm__boot_off(module) || module->boot_step >= BOOT_URCS || !wants_urcs(module)) {
        return PM_NEVER;
    }
    return module->boot_at + boot_delay(module, boot_urcs[module->boot_step].at_ms);
}

uint16_t pm__sim_error(const struct pm_module *module)
{
    if (module->config->sim == PM_SIM_ABSENT) {
        return PM__CME_SIM_ABSENT;
    }
    if (module->cfun == 0) {
        return PM__CME_SIM_FAILURE;
    }
    if (module->now < module->boot_at + boot_delay(module, SIM_SEEN_MS)) {
        return PM__CME_SIM_ABSENT;
    }
    return module->now < module->boot_at + boot_delay(module, SIM_READY_MS) ? PM__CME_SIM_BUSY : 0;
}
