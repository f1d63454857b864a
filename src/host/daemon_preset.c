/* SPDX-License-Identifier: MIT */
/* What the configuration gives a module that has just started. */
#include <stdio.h>

#include "host/daemon.h"

static bool refuse_preset(const char *keys, char *err, size_t err_size)
{
    snprintf(err, err_size, "%s: the module does not take these values", keys);
    return false;
}

static bool preset_account(struct pm_daemon_module *module, char *err, size_t err_size)
{
    const struct pm_smtp_setting *smtp = &module->options->smtp;
    struct pm_module *core = &module->host.module;
    bool account = *smtp->username != '\0' || *smtp->password != '\0';
    bool sender = *smtp->sender_name != '\0' || *smtp->sender_email != '\0';
    if (!pm_module_preset(core, "smtpserver", smtp->server, NULL, smtp->port, false)) {
        return refuse_preset("smtp.server, smtp.port", err, err_size);
    }
    if (account && !pm_module_preset(core, "account", smtp->username, smtp->password, 0, true)) {
        return refuse_preset("smtp.username, smtp.password", err, err_size);
    }
    if (sender &&
        !pm_module_preset(core, "sender", smtp->sender_name, smtp->sender_email, 0, false)) {
        return refuse_preset("smtp.sender_name, smtp.sender_email", err, err_size);
    }
    if (!pm_module_preset(core, "contextid", NULL, NULL, smtp->contextid, false) ||
        !pm_module_preset(core, "sslctxid", NULL, NULL, smtp->sslctxid, false) ||
        !pm_module_preset(core, "ssltype", NULL, NULL, smtp->ssltype, false)) {
        return refuse_preset("smtp.contextid, smtp.sslctxid, smtp.ssltype", err, err_size);
    }
    return true;
}

static bool preset_contexts(struct pm_daemon_module *module, char *err, size_t err_size)
{
    for (uint8_t i = 0; i < PM_PDP_CONTEXTS; i++) {
        const struct pm_pdp_setting *pdp = &module->options->pdp[i];
        bool any = *pdp->apn != '\0' || *pdp->user != '\0' || *pdp->password != '\0' ||
                   pdp->authentication != 0 || pdp->type != 0;
        if (any && !pm_module_preset_context(&module->host.module, (uint8_t)(i + 1),
                                             pdp->type != 0 ? pdp->type : 1, pdp->apn, pdp->user,
                                             pdp->password, pdp->authentication)) {
            snprintf(err, err_size, "pdp.%u: the module does not take these values", i + 1U);
            return false;
        }
    }
    return true;
}

bool pm__daemon_preset(struct pm_daemon_module *module, char *err, size_t err_size)
{
    return preset_account(module, err, err_size) && preset_contexts(module, err, err_size);
}
