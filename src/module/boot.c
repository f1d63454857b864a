/* SPDX-License-Identifier: MIT */
/* How a module and its SIM come up, and the URCs that tell of it (CD20, CD45). */
#include <string.h>

#include "module/internal.h"

/* When the SIM answers what, ms after power on: measured on an EC21-J. */
#define SIM_SEEN_MS   252U
#define SIM_READY_MS  356U
#define FUNCTIONAL_MS 128U

enum {
    FOR_CET = 1,   /* an AG35-CET prints it too */
    FOR_CARD = 2,  /* only with a SIM */
    FOR_READY = 4, /* only with a SIM that wants no PIN */
    TELL_SIM = 8   /* what AT+CPIN? says stands behind it */
};

struct boot_urc {
    uint16_t at_ms; /* before the SIM answers: from power on; else from then */
    bool sim;       /* the latter */
    uint8_t flags;
    const char *text;
};

/* The first two times and that of CPIN are measured; the others keep the order. */
static const struct boot_urc power_on_urcs[] = {
    {0, false, 0, "RDY"},
    {FUNCTIONAL_MS, false, FOR_CET, "+CFUN: 1"},
    {0, true, FOR_CET | FOR_CARD | TELL_SIM, "+CPIN: "},
    {44, true, FOR_READY, "+QUSIM: 1"},
    {1044, true, FOR_READY, "+QIND: SMS DONE"},
    {1244, true, FOR_READY, "+QIND: PB DONE"},
};
/* The manual's order after AT+CFUN=1, with and without a PIN. */
static const struct boot_urc sim_urcs[] = {
    {0, true, FOR_CET | FOR_CARD | TELL_SIM, "+CPIN: "},
    {44, true, FOR_READY, "+QUSIM: 1"},
    {1044, true, FOR_READY, "+QIND: PB DONE"},
    {1244, true, FOR_READY, "+QIND: SMS DONE"},
};

/* What starts, by enum pm__start: its URCs, and how long until the SIM answers. */
static const struct {
    const struct boot_urc *urcs;
    uint8_t count;
    uint16_t sim_ms;
} starts[] = {
    [PM__START_POWER] = {power_on_urcs, sizeof power_on_urcs / sizeof power_on_urcs[0],
                         SIM_READY_MS},
    [PM__START_CFUN] = {sim_urcs, sizeof sim_urcs / sizeof sim_urcs[0],
                        SIM_READY_MS - FUNCTIONAL_MS},
    [PM__START_PIN] = {sim_urcs, sizeof sim_urcs / sizeof sim_urcs[0], 0},
};

/* When the services of the SIM are there, ms after it answers (AT+QINISTAT). */
#define SMS_DONE_MS 1044U
#define PB_DONE_MS  1244U

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

static bool over(const struct pm_module *module)
{
    return module->boot_step >= starts[module->start].count;
}

/* Hosts that attach late see no delays: only boot URCs bring the measured ones (CD45). */
static uint32_t delay(const struct pm_module *module, uint32_t ms)
{
    return module->config->boot_delay && !over(module) && wants_urcs(module) ? ms : 0U;
}

uint64_t pm__sim_ready_at(const struct pm_module *module)
{
    return module->boot_at + delay(module, starts[module->start].sim_ms);
}

static uint64_t due(const struct pm_module *module, const struct boot_urc *urc)
{
    uint32_t from = urc->sim ? starts[module->start].sim_ms : 0U;
    return module->boot_at + delay(module, from + urc->at_ms);
}

void pm__start(struct pm_module *module, enum pm__start what)
{
    module->start = (uint8_t)what;
    module->boot_at = module->now;
    module->boot_step = 0;
}

void pm__start_over(struct pm_module *module)
{
    module->boot_step = starts[module->start].count;
}

/* Boot URCs appear where they are wanted; those of a SIM that starts later are always. */
static void print(struct pm_module *module, const char *text, size_t len)
{
    if (module->start != PM__START_POWER) {
        pm__urc(module, text, len, 0);
        return;
    }
    for (struct pm_port *port = module->ports; port != NULL; port = port->next) {
        if (port->boot_urcs && pm__urc_goes_to(port)) {
            (void)pm_at_urc(&port->at, text, len, 0);
        }
    }
}

static void tell(struct pm_module *module, const struct boot_urc *urc)
{
    char line[32];
    struct pm__text text;
    enum pm__sim sim = pm__sim(module);
    bool shown = module->config->boot_profile == PM_BOOT_EC2X || (urc->flags & FOR_CET) != 0;
    if (!shown || ((urc->flags & FOR_READY) != 0 && sim != PM__SIM_READY) ||
        ((urc->flags & FOR_CARD) != 0 && (sim == PM__SIM_ABSENT || sim == PM__SIM_BLOCKED))) {
        return;
    }
    pm__text_init(&text, line, sizeof line);
    pm__text_add(&text, urc->text);
    if ((urc->flags & TELL_SIM) != 0) {
        pm__text_add(&text, pm__sim_text(sim));
    }
    print(module, line, text.len);
}

bool pm__boot_run(struct pm_module *module)
{
    if (pm__power_off(module) || over(module) || module->ports == NULL) {
        return false;
    }
    if (module->start == PM__START_POWER && !wants_urcs(module)) {
        pm__start_over(module); /* nor later, when AT+QURCCFG names another port */
        return false;
    }
    bool moved = false;
    while (!over(module)) {
        const struct boot_urc *urc = &starts[module->start].urcs[module->boot_step];
        if (module->now < due(module, urc)) {
            break;
        }
        tell(module, urc);
        module->boot_step++;
        moved = true;
    }
    return moved;
}

uint64_t pm__boot_deadline(const struct pm_module *module)
{
    bool waits = !pm__power_off(module) && !over(module) &&
                 (module->start != PM__START_POWER || wants_urcs(module));
    return waits ? due(module, &starts[module->start].urcs[module->boot_step]) : PM_NEVER;
}

uint16_t pm__sim_error(const struct pm_module *module)
{
    enum pm__sim sim = pm__sim(module);
    uint32_t seen = starts[module->start].sim_ms;
    if (sim == PM__SIM_ABSENT) {
        return PM__CME_SIM_ABSENT;
    }
    if (module->cfun == 0 || sim == PM__SIM_BLOCKED) {
        return PM__CME_SIM_FAILURE;
    }
    seen = seen > SIM_READY_MS - SIM_SEEN_MS ? seen - (SIM_READY_MS - SIM_SEEN_MS) : 0;
    if (module->now < module->boot_at + delay(module, seen)) {
        return PM__CME_SIM_ABSENT;
    }
    if (module->now < pm__sim_ready_at(module)) {
        return PM__CME_SIM_BUSY;
    }
    return sim == PM__SIM_PIN ? PM__CME_SIM_PIN : sim == PM__SIM_PUK ? PM__CME_SIM_PUK : 0;
}

/* ---- QINISTAT, QSCLK ----------------------------------------------------------------- */

static bool since_sim(const struct pm_module *module, uint32_t ms)
{
    return module->now >= module->boot_at + delay(module, starts[module->start].sim_ms + ms);
}

static void run_qinistat(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    const struct pm_module *module = port->module;
    uint32_t status = 0;
    (void)form;
    (void)values;
    if (pm__sim_error(module) == 0) {
        status = 1U + (since_sim(module, SMS_DONE_MS) ? 2U : 0U) +
                 (since_sim(module, PB_DONE_MS) ? 4U : 0U);
    }
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+QINISTAT: ");
    pm_at_put_number(&port->at, status);
    pm__ok(port);
}

static void run_qsclk(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    if (form == PM_AT_READ) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+QSCLK: ");
        pm_at_put_number(&port->at, module->sleeps ? 1 : 0);
        pm__ok(port);
    } else if (module->start == PM__START_POWER && module->now < pm__sim_ready_at(module)) {
        pm__error(port); /* an EC25 refuses it right after RDY */
    } else {
        module->sleeps = values->v[0].number == 1;
        pm__ok(port);
    }
}

static const struct pm_at_param zero_one[] = {{.name = "n", .max = 1}};

static const struct pm_at_command rows[] = {
    {.name = "+QINISTAT",
     .forms = PM_AT_EXEC | PM_AT_TEST,
     .test = "+QINISTAT: (0-7)",
     .handler = run_qinistat},
    {.name = "+QSCLK",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 1,
     .params = zero_one,
     .handler = run_qsclk},
};

const struct pm__commands pm__boot_commands = {rows, sizeof rows / sizeof rows[0]};
