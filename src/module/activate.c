/* SPDX-License-Identifier: MIT */
/* Activating contexts: by AT+QIACT, and those that are active from the start (CD48). */
#include "module/internal.h"

/* Longest activation, and how long after one that failed at the start the next is tried; ms. */
#define OPEN_MS  150000U
#define AGAIN_MS 10000U

static uint16_t bit_of(uint8_t context)
{
    return (uint16_t)(1U << (context - 1));
}

static void set_active(struct pm_module *module, uint8_t context)
{
    struct pm_pdp *pdp = &module->pdp[context - 1];
    pdp->active = true;
    pdp->lost = false;
    pdp->bearer = PM_BEARER_UP;
    pdp->type = pdp->type == 0 ? 1 : pdp->type;
    pm__activation_forget(module, context);
}

/* ---- AT+QIACT ---------------------------------------------------------------------------- */

uint16_t pm__activation_refused(const struct pm_module *module, uint8_t context)
{
    const struct pm_pdp *pdp = &module->pdp[context - 1];
    if (pdp->active) {
        return module->config->qiact_again_ok ? PM__NET_OK : PM__NET_NOT_ALLOWED;
    }
    if (pdp->lost && !module->config->qiact_again_ok) {
        return PM__NET_NOT_ALLOWED; /* QIDEACT comes first. */
    }
    return pdp->type == 0 ? PM__NET_NO_APN : PM__NET_OK;
}

enum { ACTIVATE_WAIT, ACTIVATE_OPENED };

static bool activated(struct pm_port *port)
{
    struct pm_module *module = port->module;
    uint8_t context = port->task.argument[0];
    uint16_t result =
        pm__activation_refused(module, context); /* another port may have been faster */
    pm__task_end(port);
    if (result == PM__NET_OK && !module->pdp[context - 1].active) {
        if (!pm__registered(module)) {
            result = PM__NET_OPEN_FAILED;
        } else if (port->op.result != PM_OK) {
            result = port->op.result == PM_ERR_TIMEOUT ? PM__NET_TIMEOUT : PM__NET_OPEN_FAILED;
        } else {
            set_active(module, context);
            module->attached = true;
        }
    }
    pm__net_result(port, result);
    return true;
}

static bool activate_step(struct pm_port *port)
{
    struct pm_module *module = port->module;
    const struct pm_platform *platform = module->platform;
    uint8_t context = port->task.argument[0];
    if (port->task.state == ACTIVATE_OPENED) {
        return activated(port);
    }
    if (module->now < port->task.wake) {
        return false;
    }
    port->task.wake = PM_NEVER;
    port->task.give_up = module->now + OPEN_MS;
    if (platform->context_open == NULL || !pm__registered(module)) {
        port->task.state = ACTIVATE_OPENED;
        port->op.result = PM_OK;
        return true;
    }
    return pm__await(
        port,
        platform->context_open(platform->user, &port->op, context, module->pdp[context - 1].type),
        ACTIVATE_OPENED);
}

void pm__activate(struct pm_port *port, uint8_t context)
{
    pm__task_begin(port, activate_step);
    port->task.argument[0] = context;
    port->task.wake = port->module->now + port->module->config->qiact_delay;
}

/* ---- From the start ------------------------------------------------------------------------ */

void pm__activation_reset(struct pm_module *module)
{
    module->starting = module->config->active_at_start;
    module->start_next = 1;
    module->start_at = module->now;
    module->opening = 0;
}

void pm__activation_forget(struct pm_module *module, uint8_t context)
{
    module->starting = (uint16_t)(module->starting & ~bit_of(context));
}

/* Its host may not notice that it is gone, as it need not have noticed that it was there. */
void pm__activation_again(struct pm_module *module, uint8_t context)
{
    if ((module->config->active_at_start & bit_of(context)) != 0) {
        module->starting |= bit_of(context);
        module->start_at = module->now + AGAIN_MS;
    }
}

void pm__activation_drop(struct pm_module *module)
{
    if (module->open_op.pending) {
        module->platform->cancel(module->platform->user, &module->open_op);
        module->open_op.pending = false;
    }
    module->opening = 0;
}

/* A module that has no network, or has left the packet services, activates nothing by itself. */
static bool can_start(const struct pm_module *module)
{
    return module->attached && pm__registered(module);
}

/* The host may have left the network meanwhile, or taken the context into its own hands. */
static void opened(struct pm_module *module)
{
    uint8_t context = module->opening;
    module->opening = 0;
    module->start_next = (uint8_t)(context + 1);
    if (module->open_op.result == PM_OK && can_start(module) &&
        (module->starting & bit_of(context)) != 0) {
        set_active(module, context);
    }
}

static void open_next(struct pm_module *module)
{
    const struct pm_platform *platform = module->platform;
    uint8_t context = module->start_next;
    while (context <= PM_PDP_CONTEXTS && (module->starting & bit_of(context)) == 0) {
        context++;
    }
    if (context > PM_PDP_CONTEXTS) { /* What is left has failed. */
        module->start_next = 1;
        module->start_at = module->now + AGAIN_MS;
        return;
    }
    module->opening = context;
    int32_t result = PM_OK;
    if (platform->context_open != NULL) {
        uint8_t type = module->pdp[context - 1].type;
        result =
            platform->context_open(platform->user, &module->open_op, context, type != 0 ? type : 1);
    }
    module->open_op.pending = result == PM_PENDING;
    module->open_op.result = result;
}

bool pm__activation_run(struct pm_module *module)
{
    if (module->open_op.pending || (module->opening == 0 && !can_start(module))) {
        return false;
    }
    if (module->opening != 0) {
        opened(module);
        return true;
    }
    if (module->starting == 0 || module->now < module->start_at) {
        return false;
    }
    open_next(module);
    return true;
}

uint64_t pm__activation_deadline(const struct pm_module *module)
{
    bool waits = module->starting != 0 && module->opening == 0 && can_start(module);
    return waits ? module->start_at : PM_NEVER;
}
