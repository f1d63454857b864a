/* SPDX-License-Identifier: MIT */
/* The contexts as 27.007 sees them: CGDCONT, CGACT, CGPADDR. */
#include <string.h>

#include "module/internal.h"

static const char *const pdp_types[] = {"", "IP", "IPV6", "IPV4V6"};

/* A line with the longest APN. */
#define CGDCONT_LINE (PM__APN_MAX + 90U)

/* The last four fields, packed into one byte. */
static const struct {
    uint8_t shift, mask;
} fields[] = {{0, 3}, {2, 7}, {5, 1}, {6, 1}};
#define FIELDS (sizeof fields / sizeof fields[0])

static void put_cgdcont(struct pm_port *port, uint8_t cid)
{
    const struct pm_pdp *pdp = &port->module->pdp[cid - 1];
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+CGDCONT: ");
    pm_at_put_number(&port->at, cid);
    pm_at_put(&port->at, ",");
    pm_at_put_quoted(&port->at, pm__slice(pdp_types[pdp->type]));
    pm_at_put(&port->at, ",");
    pm_at_put_quoted(&port->at, pm__arena_get(&port->module->arena, PM__KEY_APN, cid));
    /* Qualcomm's way to write that the network assigns the address. */
    pm_at_put(&port->at, pdp->type == 1 ? ",\"0.0.0.0\"" : ",\"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0\"");
    for (size_t i = 0; i < FIELDS; i++) {
        pm_at_put(&port->at, ",");
        pm_at_put_number(&port->at, (uint32_t)(pdp->options >> fields[i].shift & fields[i].mask));
    }
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
            put_cgdcont(port, (uint8_t)port->task.count);
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
        memset(&pdp, 0, sizeof pdp);
    } else {
        pdp.type = values->v[1].given ? pdp_type(values->v[1].text) : 1;
        apn = values->v[2].text;
        pdp.options = 0;
        for (size_t i = 0; i < FIELDS; i++) {
            pdp.options |= (uint8_t)(values->v[4 + i].number << fields[i].shift);
        }
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

/* Attaching brings up a bearer for context 1, as E-UTRAN has it (27.007 10.1.10). */
static bool bearer_up(const struct pm_module *module, uint8_t cid)
{
    const struct pm_pdp *pdp = &module->pdp[cid - 1];
    bool up = pdp->bearer == PM_BEARER_UP || (pdp->bearer == PM_BEARER_DEFAULT && cid == 1);
    return pdp->type != 0 &&
           (pm__context_active(module, cid) || (up && module->attached && pm__registered(module)));
}

static void print_cgact(struct pm_port *port)
{
    for (uint8_t cid = 1; cid <= PM_CGD_CONTEXTS; cid++) {
        if (port->module->pdp[cid - 1].type != 0) {
            pm_at_info(&port->at);
            pm_at_put(&port->at, "+CGACT: ");
            pm_at_put_number(&port->at, cid);
            pm_at_put(&port->at, bearer_up(port->module, cid) ? ",1" : ",0");
        }
    }
    pm__ok(port);
}

static void set_bearer(struct pm_module *module, uint8_t cid, bool up)
{
    if (module->pdp[cid - 1].type == 0) {
        return;
    }
    if (up) {
        module->attached = true;
    } else {
        pm__context_deactivate(module, cid);
        pm__activation_forget(module, cid);
    }
    module->pdp[cid - 1].bearer = up ? PM_BEARER_UP : PM_BEARER_DOWN;
}

/* A context that is named must be defined; without one all that are defined are meant. */
static void run_cgact(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    if (form == PM_AT_READ) {
        print_cgact(port);
        return;
    }
    bool up = values->v[0].number == 1;
    for (uint8_t i = 1; i < values->count; i++) {
        if (values->v[i].given && module->pdp[values->v[i].number - 1].type == 0) {
            pm_at_bad_parameter(&port->at);
            return;
        }
    }
    if (up && !pm__registered(module)) {
        pm__cme(port, PM__CME_NO_SERVICE);
        return;
    }
    for (uint8_t cid = 1; values->count == 1 && cid <= PM_CGD_CONTEXTS; cid++) {
        set_bearer(module, cid, up);
    }
    for (uint8_t i = 1; i < values->count; i++) {
        if (values->v[i].given) {
            set_bearer(module, (uint8_t)values->v[i].number, up);
        }
    }
    pm__ok(port);
}

static void put_cgpaddr(struct pm_port *port, uint8_t cid)
{
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+CGPADDR: ");
    pm_at_put_number(&port->at, cid);
    pm_at_put(&port->at, ",");
    if (bearer_up(port->module, cid)) {
        pm__put_context_address(port, cid);
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

_Static_assert(PM_AT_MAX_PARAMS >= 9, "AT+CGACT has nine parameters");

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

static const struct pm_at_param cgdcont_params[] = {
    CID,
    TEXT("PDP_type", 6),
    TEXT("APN", PM__APN_MAX),
    TEXT("PDP_addr", 64),
    FIELD("data_comp", 2),
    FIELD("head_comp", 4),
    FIELD("IPv4AddrAlloc", 1),
    FIELD("request_type", 1),
};
static const struct pm_at_param cgpaddr_params[] = {CID,      CID_MORE, CID_MORE, CID_MORE,
                                                    CID_MORE, CID_MORE, CID_MORE, CID_MORE};
static const struct pm_at_param cgact_params[] = {{.name = "state", .max = 1},
                                                  CID_MORE,
                                                  CID_MORE,
                                                  CID_MORE,
                                                  CID_MORE,
                                                  CID_MORE,
                                                  CID_MORE,
                                                  CID_MORE,
                                                  CID_MORE};

#define CGDCONT_TEST(type) "+CGDCONT: (1-24),\"" type "\",,,(0-2),(0-4),(0,1),(0,1)"

static const struct pm_at_command rows[] = {
    {.name = "+CGDCONT",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 8,
     .bad = PM__CME_PARAMETER,
     .params = cgdcont_params,
     .test = CGDCONT_TEST("IP") "\n" CGDCONT_TEST("IPV6") "\n" CGDCONT_TEST("IPV4V6"),
     .handler = run_cgdcont},
    {.name = "+CGACT",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 9,
     .bad = PM__CME_PARAMETER,
     .params = cgact_params,
     .test = "+CGACT: (0,1)",
     .handler = run_cgact},
    {.name = "+CGPADDR",
     .forms = PM_AT_EXEC | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 8,
     .bad = PM__CME_PARAMETER,
     .params = cgpaddr_params,
     .test = "+CGPADDR: (1-24)",
     .handler = run_cgpaddr},
};

const struct pm__commands pm__cgdcont_commands = {rows, sizeof rows / sizeof rows[0]};
