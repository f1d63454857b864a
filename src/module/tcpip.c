/* SPDX-License-Identifier: MIT */
/* TCP/IP context commands: QICSGP, QIACT, QIDEACT, QIGETERROR. */
#include <string.h>

#include "module/internal.h"

#define APN_MAX    PM__APN_MAX
#define SECRET_MAX 127

bool pm__context_active(const struct pm_module *module, uint8_t context)
{
    return context >= 1 && context <= PM_PDP_CONTEXTS && module->pdp[context - 1].active;
}

/* A mail that uses the context ends with it (SD31), and so does what AT commands ask. The network
 * gives name servers anew at the next activation. */
static void close_context(struct pm_module *module, uint8_t context)
{
    module->pdp[context - 1].active = false;
    (void)pm__arena_set(&module->arena, PM__KEY_DNS, context, (struct pm_slice){NULL, 0});
    pm__queries_context_gone(module, context);
    if (module->job.state != PM_JOB_IDLE && module->draft.contextid == context) {
        pm__job_fail(module, PM_MAIL_CONTEXT, 0);
    }
    pm__reuse_drop(module, context);
}

void pm__context_deactivate(struct pm_module *module, uint8_t context)
{
    char urc[40];
    struct pm__text text;
    module->pdp[context - 1].bearer = PM_BEARER_DEFAULT;
    if (!pm__context_active(module, context)) {
        return;
    }
    close_context(module, context);
    module->pdp[context - 1].lost = true;
    pm__text_init(&text, urc, sizeof urc);
    pm__text_add(&text, "+QIURC: \"pdpdeact\",");
    pm__text_number(&text, context);
    pm__urc(module, urc, text.len, 0);
}

void pm__contexts_lost(struct pm_module *module)
{
    for (uint8_t cid = 1; cid <= PM_CGD_CONTEXTS; cid++) {
        pm__context_deactivate(module, cid);
    }
}

void pm_module_context_lost(struct pm_module *module, uint8_t context, uint64_t now)
{
    module->now = now;
    if (pm__context_active(module, context) && !pm__power_off(module)) {
        pm__context_deactivate(module, context);
        pm__activation_again(module, context);
    }
    pm__module_run(module);
}

const char *pm__context_ipv4(const struct pm_module *module, uint8_t context, char buffer[16])
{
    struct pm__text text;
    if (context <= PM_PDP_CONTEXTS && module->config->address[context - 1] != NULL) {
        return module->config->address[context - 1];
    }
    pm__text_init(&text, buffer, 16);
    pm__text_add(&text, "10.7.157.");
    pm__text_number(&text, context);
    (void)pm__text_terminate(&text);
    return buffer;
}

const char *pm__context_ipv6(const struct pm_module *module, uint8_t context)
{
    const char *given =
        context <= PM_PDP_CONTEXTS ? module->config->address_ipv6[context - 1] : NULL;
    return given != NULL ? given : "2001:db8:a:7::1";
}

void pm__net_result(struct pm_port *port, uint16_t net_error)
{
    port->module->net_error = net_error;
    if (net_error == PM__NET_OK) {
        pm__ok(port);
    } else {
        pm__error(port);
    }
}

static void run_qicsgp_query(struct pm_port *port, uint8_t context)
{
    const struct pm_module *module = port->module;
    const struct pm_arena *arena = &module->arena;
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+QICSGP: ");
    pm_at_put_number(&port->at, module->pdp[context - 1].type);
    pm_at_put(&port->at, ",");
    pm_at_put_quoted(&port->at, pm__arena_get(arena, PM__KEY_APN, context));
    pm_at_put(&port->at, ",");
    pm_at_put_quoted(&port->at, pm__arena_get(arena, PM__KEY_PDP_USER, context));
    pm_at_put(&port->at, ",");
    pm_at_put_quoted(&port->at, pm__arena_get(arena, PM__KEY_PDP_PASSWORD, context));
    pm_at_put(&port->at, ",");
    pm_at_put_number(&port->at, module->pdp[context - 1].authentication);
    pm__net_result(port, PM__NET_OK);
}

static void run_qicsgp(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    const struct pm_at_value *v = values->v;
    uint8_t context = (uint8_t)v[0].number;
    (void)form;
    if (values->count == 1) {
        run_qicsgp_query(port, context);
        return;
    }
    if (!v[1].given || values->count < 3) { /* type and APN come together */
        pm__net_result(port, PM__NET_PARAMETERS);
        return;
    }
    if (pm__context_active(module, context)) { /* CD30 */
        pm__net_result(port, PM__NET_NOT_ALLOWED);
        return;
    }
    const struct pm_pdp pdp = {.type = (uint8_t)v[1].number,
                               .authentication = (uint8_t)v[5].number,
                               .options = module->pdp[context - 1].options};
    if (!pm__context_set(module, context, &pdp, v[2].text, v[3].text, v[4].text)) {
        pm__net_result(port, PM__NET_MEMORY);
        return;
    }
    module->net_error = PM__NET_OK;
    pm__context_save(port, context);
}

void pm__put_context_address(struct pm_port *port, uint8_t context)
{
    const struct pm_module *module = port->module;
    char buffer[16];
    uint8_t type = module->pdp[context - 1].type;
    if (type != 2) {
        pm_at_put_quoted(&port->at, pm__slice(pm__context_ipv4(module, context, buffer)));
    }
    pm_at_put(&port->at, type == 3 ? "," : "");
    if (type != 1) {
        pm_at_put_quoted(&port->at, pm__slice(pm__context_ipv6(module, context)));
    }
}

static void run_qiact(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    if (form == PM_AT_READ) {
        for (uint8_t context = 1; context <= PM_PDP_CONTEXTS; context++) {
            if (module->pdp[context - 1].active) {
                pm_at_info(&port->at);
                pm_at_put(&port->at, "+QIACT: ");
                pm_at_put_number(&port->at, context);
                pm_at_put(&port->at, ",1,");
                pm_at_put_number(&port->at, module->pdp[context - 1].type);
                pm_at_put(&port->at, ",");
                pm__put_context_address(port, context);
            }
        }
        pm__net_result(port, PM__NET_OK);
        return;
    }
    uint8_t context = (uint8_t)values->v[0].number;
    uint16_t refused = pm__activation_refused(module, context);
    if (refused != PM__NET_OK || module->pdp[context - 1].active) {
        pm__net_result(port, refused);
    } else {
        pm__activate(port, context);
    }
}

static void run_qideact(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    uint8_t context = (uint8_t)values->v[0].number;
    struct pm_pdp *pdp = &port->module->pdp[context - 1];
    if (pdp->active) {
        close_context(port->module, context);
    }
    pdp->lost = false;
    pdp->bearer = PM_BEARER_DEFAULT;
    pm__activation_forget(port->module, context);
    pm__net_result(port, PM__NET_OK);
}

static void run_qigeterror(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    const char *text = pm_net_error_text(port->module->net_error);
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+QIGETERROR: ");
    pm_at_put_number(&port->at, port->module->net_error);
    pm_at_put(&port->at, ",");
    pm_at_put(&port->at, text != NULL ? text : "unknown error");
    pm__ok(port);
}

#define CONTEXT                                               \
    {                                                         \
        .name = "contextID", .min = 1, .max = PM_PDP_CONTEXTS \
    }
#define FIELD(n, m)                                      \
    {                                                    \
        .name = (n), .flags = PM_AT_OPTIONAL, .max = (m) \
    }
#define TEXT(n, m)                                                             \
    {                                                                          \
        .name = (n), .type = PM_AT_STRING, .flags = PM_AT_OPTIONAL, .max = (m) \
    }

static const struct pm_at_param qicsgp_params[] = {
    CONTEXT,
    {.name = "context_type", .flags = PM_AT_OPTIONAL, .min = 1, .max = 3},
    TEXT("APN", APN_MAX),
    TEXT("username", SECRET_MAX),
    TEXT("password", SECRET_MAX),
    FIELD("authentication", 3),
};
static const struct pm_at_param context_params[] = {CONTEXT};
static const struct pm_at_command rows[] = {
    {.name = "+QICSGP",
     .forms = PM_AT_TEST | PM_AT_WRITE,
     .param_count = 6,
     .group = PM__GROUP_NET,
     .params = qicsgp_params,
     .handler = run_qicsgp},
    {.name = "+QIACT",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 1,
     .group = PM__GROUP_NET,
     .params = context_params,
     .handler = run_qiact},
    {.name = "+QIDEACT",
     .forms = PM_AT_TEST | PM_AT_WRITE,
     .param_count = 1,
     .group = PM__GROUP_NET,
     .params = context_params,
     .handler = run_qideact},
    {.name = "+QIGETERROR",
     .forms = PM_AT_EXEC | PM_AT_TEST,
     .flags = PM_AT_TEST_OK,
     .group = PM__GROUP_NET,
     .handler = run_qigeterror},
};

const struct pm__commands pm__tcpip_commands = {rows, sizeof rows / sizeof rows[0]};
