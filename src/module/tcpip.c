/* SPDX-License-Identifier: MIT */
/* TCP/IP context commands: QICSGP, QIACT, QIDEACT, QIGETERROR; and CGDCONT, CGPADDR. */
#include <string.h>

#include "module/internal.h"

/* Numbers of +QIGETERROR used here. */
enum {
    NET_OK = 0,
    NET_MEMORY = 553,
    NET_OPEN_FAILED = 561,
    NET_NOT_ALLOWED = 572,
    NET_NO_APN = 573
};

#define APN_MAX    100
#define SECRET_MAX 127

bool pm__context_active(const struct pm_module *module, uint8_t context)
{
    return context >= 1 && context <= PM_PDP_CONTEXTS && module->pdp[context - 1].active;
}

/* A mail that uses the context ends with it (SD31). */
void pm__context_deactivate(struct pm_module *module, uint8_t context)
{
    bool was = pm__context_active(module, context);
    module->pdp[context - 1].active = false;
    if (was && module->job.state != PM_JOB_IDLE && module->draft.contextid == context) {
        pm__job_fail(module, PM_MAIL_CONTEXT, 0);
    }
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
    if (net_error == NET_OK) {
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
    pm__net_result(port, NET_OK);
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
        pm__net_result(port, NET_NOT_ALLOWED);
        return;
    }
    const struct pm_pdp pdp = {.type = (uint8_t)v[1].number,
                               .authentication = (uint8_t)v[5].number};
    if (!pm__context_set(module, context, &pdp, v[2].text, v[3].text, v[4].text)) {
        pm__net_result(port, NET_MEMORY);
        return;
    }
    module->net_error = NET_OK;
    pm__context_save(port, context);
}

static void put_context(struct pm_port *port, uint8_t context)
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

/* Why a context cannot be activated as it is: NET_OK when it can, or is active and may be asked
 * for again (CD8). */
static uint16_t refuse_activation(const struct pm_module *module, uint8_t context)
{
    const struct pm_pdp *pdp = &module->pdp[context - 1];
    if (pdp->active) {
        return module->config->qiact_again_ok ? NET_OK : NET_NOT_ALLOWED;
    }
    return pdp->type == 0 ? NET_NO_APN : NET_OK;
}

static bool activate_step(struct pm_port *port)
{
    struct pm_module *module = port->module;
    if (module->now < port->task.wake) {
        return false;
    }
    uint8_t context = port->task.argument[0];
    pm__task_end(port);
    uint16_t refused = refuse_activation(module, context);
    if (refused != NET_OK || module->pdp[context - 1].active) { /* another port was faster */
        pm__net_result(port, refused);
        return true;
    }
    if (!pm__registered(module)) {
        pm__net_result(port, NET_OPEN_FAILED);
        return true;
    }
    module->pdp[context - 1].active = true;
    module->attached = true;
    pm__net_result(port, NET_OK);
    return true;
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
                put_context(port, context);
            }
        }
        pm__net_result(port, NET_OK);
        return;
    }
    uint8_t context = (uint8_t)values->v[0].number;
    uint16_t refused = refuse_activation(module, context);
    if (refused != NET_OK || module->pdp[context - 1].active) {
        pm__net_result(port, refused);
    } else {
        pm__task_begin(port, activate_step);
        port->task.argument[0] = context;
        port->task.wake = module->now + module->config->qiact_delay;
    }
}

static void run_qideact(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    pm__context_deactivate(port->module, (uint8_t)values->v[0].number);
    pm__net_result(port, NET_OK);
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

static const char *const pdp_types[] = {"", "IP", "IPV6", "IPV4V6"};

/* A line with the longest APN. */
#define CGDCONT_LINE (APN_MAX + 60U)

static void put_cgdcont(struct pm_port *port, uint8_t cid, uint8_t type)
{
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+CGDCONT: ");
    pm_at_put_number(&port->at, cid);
    pm_at_put(&port->at, ",");
    pm_at_put_quoted(&port->at, pm__slice(pdp_types[type]));
    pm_at_put(&port->at, ",");
    pm_at_put_quoted(&port->at, pm__arena_get(&port->module->arena, PM__KEY_APN, cid));
    pm_at_put(&port->at, ",\"0.0.0.0\",0,0,0,0");
}

static bool list_step(struct pm_port *port)
{
    while (port->task.count < PM_CGD_CONTEXTS) {
        if (pm_at_room(&port->at) < CGDCONT_LINE) { /* The host reads slower than we print. */
            pm_at_flush(&port->at);
            return false;
        }
        uint8_t type = port->module->pdp[port->task.count].type;
        port->task.count++;
        if (type != 0) {
            put_cgdcont(port, (uint8_t)port->task.count, type);
        }
    }
    pm__task_end(port);
    pm__ok(port);
    return true;
}

/* The number of a PDP type name, 0 when unknown. */
static uint8_t pdp_type(struct pm_slice name)
{
    for (uint8_t type = 1; type < sizeof pdp_types / sizeof pdp_types[0]; type++) {
        if (pm__slice_equal_nocase(name, pm__slice(pdp_types[type]))) {
            return type;
        }
    }
    return 0;
}

static void run_cgdcont(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    if (form == PM_AT_READ) {
        pm__task_begin(port, list_step);
        return;
    }
    uint8_t cid = (uint8_t)values->v[0].number;
    struct pm_pdp pdp = module->pdp[cid - 1];
    struct pm_slice apn = {NULL, 0};
    if (pdp.active) {
        pm__cme(port, PM__CME_NOT_ALLOWED);
        return;
    }
    if (values->count == 1) { /* The identifier alone undefines it. */
        pdp = (struct pm_pdp){0, 0, false};
    } else {
        pdp.type = values->v[1].given ? pdp_type(values->v[1].text) : 1;
        apn = values->v[2].text;
        if (pdp.type == 0) {
            pm_at_bad_parameter(&port->at);
            return;
        }
    }
    const struct pm__change changes[] = {
        {PM__KEY_APN, cid, apn},
        {PM__KEY_PDP_USER, cid, {NULL, 0}},
        {PM__KEY_PDP_PASSWORD, cid, {NULL, 0}},
    };
    size_t count = pdp.type == 0 ? 3 : 1; /* An undefined context keeps no account. */
    if (!pm__arena_set_all(&module->arena, changes, count)) {
        pm__cme(port, 23); /* memory failure */
        return;
    }
    module->pdp[cid - 1] = pdp;
    pm__context_save(port, cid);
}

static void put_cgpaddr(struct pm_port *port, uint8_t cid)
{
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+CGPADDR: ");
    pm_at_put_number(&port->at, cid);
    pm_at_put(&port->at, ",");
    if (pm__context_active(port->module, cid)) {
        put_context(port, cid);
    } else {
        pm_at_put(&port->at, "\"0.0.0.0\"");
    }
}

static void run_cgpaddr(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    for (uint8_t cid = 1; values->count == 0 && cid <= PM_CGD_CONTEXTS; cid++) {
        if (port->module->pdp[cid - 1].type != 0) {
            put_cgpaddr(port, cid);
        }
    }
    for (uint8_t i = 0; i < values->count; i++) {
        if (values->v[i].given) {
            put_cgpaddr(port, (uint8_t)values->v[i].number);
        }
    }
    pm__ok(port);
}

_Static_assert(PM_AT_MAX_PARAMS >= 8, "AT+CGDCONT and AT+CGPADDR have eight parameters");

#define CONTEXT                                               \
    {                                                         \
        .name = "contextID", .min = 1, .max = PM_PDP_CONTEXTS \
    }
#define CID                                             \
    {                                                   \
        .name = "cid", .min = 1, .max = PM_CGD_CONTEXTS \
    }
#define CID_MORE                                                                 \
    {                                                                            \
        .name = "cid", .flags = PM_AT_OPTIONAL, .min = 1, .max = PM_CGD_CONTEXTS \
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
    {.name = "context_type", .flags = PM_AT_OPTIONAL, .min = 1, .max = 3, .def = 1},
    TEXT("APN", APN_MAX),
    TEXT("username", SECRET_MAX),
    TEXT("password", SECRET_MAX),
    FIELD("authentication", 3),
};
static const struct pm_at_param context_params[] = {CONTEXT};
static const struct pm_at_param cgdcont_params[] = {
    CID,
    TEXT("PDP_type", 6),
    TEXT("APN", APN_MAX),
    TEXT("PDP_addr", 64),
    FIELD("data_comp", 2),
    FIELD("head_comp", 4),
    FIELD("IPv4AddrAlloc", 1),
    FIELD("request_type", 1),
};
static const struct pm_at_param cgpaddr_params[] = {CID,      CID_MORE, CID_MORE, CID_MORE,
                                                    CID_MORE, CID_MORE, CID_MORE, CID_MORE};

#define CGDCONT_TEST(type) "+CGDCONT: (1-24),\"" type "\",,,(0-2),(0-4),(0,1),(0,1)"

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
    {.name = "+CGDCONT",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 8,
     .bad = PM__CME_PARAMETER,
     .params = cgdcont_params,
     .test = CGDCONT_TEST("IP") "\n" CGDCONT_TEST("IPV6") "\n" CGDCONT_TEST("IPV4V6"),
     .handler = run_cgdcont},
    {.name = "+CGPADDR",
     .forms = PM_AT_EXEC | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 8,
     .bad = PM__CME_PARAMETER,
     .params = cgpaddr_params,
     .test = "+CGPADDR: (1-24)",
     .handler = run_cgpaddr},
};

const struct pm__commands pm__tcpip_commands = {rows, sizeof rows / sizeof rows[0]};
