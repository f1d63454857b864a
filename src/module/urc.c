/* SPDX-License-Identifier: MIT */
/* Which port an unsolicited result code goes to: AT+QURCCFG (CD44). */
#include <string.h>

#include "module/internal.h"

/* In the order of the test answer; the last stands for every port. */
static const char *const targets[] = {"usbat", "usbmodem", "uart1", "uart2", "all"};

_Static_assert(sizeof targets / sizeof targets[0] == PM__URC_ALL + 1U, "the last one is all");

/* The one port that has the URCs: the named one, else the first. */
static const struct pm_port *target_port(const struct pm_module *module)
{
    struct pm_slice wanted = pm__slice(targets[module->nvm[PM_NVM_URC_PORT]]);
    for (const struct pm_port *port = module->ports; port != NULL; port = port->next) {
        if (pm__slice_equal_nocase(pm__slice(port->name), wanted)) {
            return port;
        }
    }
    return module->ports;
}

bool pm__urc_goes_to(const struct pm_port *port)
{
    const struct pm_module *module = port->module;
    return module->nvm[PM_NVM_URC_PORT] == PM__URC_ALL || target_port(module) == port;
}

void pm__urc(struct pm_module *module, const char *text, size_t len, uint64_t not_before)
{
    for (struct pm_port *port = module->ports; port != NULL; port = port->next) {
        if (pm__urc_goes_to(port)) {
            (void)pm_at_urc(&port->at, text, len, not_before);
        }
    }
}

bool pm__urc_fits(const struct pm_module *module, size_t len)
{
    for (const struct pm_port *port = module->ports; port != NULL; port = port->next) {
        if (pm__urc_goes_to(port) && !pm_at_urc_fits(&port->at, len)) {
            return false;
        }
    }
    return true;
}

static void run_qurccfg(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    uint8_t *kept = &port->module->nvm[PM_NVM_URC_PORT];
    (void)form;
    if (values->count == 0) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+QURCCFG: \"urcport\",");
        pm_at_put_quoted(&port->at, pm__slice(targets[*kept]));
        pm__ok(port);
        return;
    }
    for (uint8_t i = 0; i <= PM__URC_ALL; i++) {
        if (pm__slice_equal_nocase(values->v[0].text, pm__slice(targets[i]))) {
            *kept = i;
            pm__nvm_save(port, 0);
            return;
        }
    }
    pm_at_bad_parameter(&port->at);
}

static const struct pm_at_param urcport_params[] = {
    {.name = "urcportvalue", .type = PM_AT_STRING, .max = 8}};
static const struct pm_at_item items[] = {
    {.keyword = "urcport",
     .params = urcport_params,
     .param_count = 1,
     .test = "(\"usbat\",\"usbmodem\",\"uart1\",\"uart2\",\"all\")"},
};

static const struct pm_at_command rows[] = {
    {.name = "+QURCCFG",
     .forms = PM_AT_TEST | PM_AT_WRITE,
     .item_count = 1,
     .items = items,
     .handler = run_qurccfg},
};

const struct pm__commands pm__urc_commands = {rows, sizeof rows / sizeof rows[0]};
