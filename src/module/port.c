/* SPDX-License-Identifier: MIT */
/* One port: events of its AT engine go to handlers and tasks. */
#include <stddef.h>
#include <string.h>

#include "base/wipe.h"
#include "module/internal.h"

void pm__ok(struct pm_port *port)
{
    pm_at_result(&port->at, PM_AT_RESULT_OK, port->module->now);
}

void pm__error(struct pm_port *port)
{
    pm_at_result(&port->at, PM_AT_RESULT_ERROR, port->module->now);
}

void pm__cme(struct pm_port *port, uint16_t number)
{
    pm_at_cme(&port->at, number, port->module->now);
}

void pm__task_begin(struct pm_port *port, bool (*step)(struct pm_port *port))
{
    memset(&port->task, 0, sizeof port->task);
    port->task.step = step;
    port->task.wake = PM_NEVER;
    port->task.give_up = PM_NEVER;
}

void pm__task_end(struct pm_port *port)
{
    const struct pm_platform *platform = port->module->platform;
    if (port->task.has_file) {
        platform->file_close(platform->user, port->task.file);
    }
    if (port->task.has_source) {
        platform->file_close(platform->user, port->task.source);
    }
    pm__handle_let_go(port);
    if (port->task.claims) {
        pm__reuse_mark_file(port->module, port->task.storage, port->task.name);
        if (port->task.target.len != 0) {
            pm__reuse_mark_file(port->module, port->task.target_storage, port->task.target);
        }
    }
    memset(&port->task, 0, sizeof port->task);
    port->task.wake = PM_NEVER;
    port->task.give_up = PM_NEVER;
    pm__wipe(port->chunk, sizeof port->chunk); /* a context's password, a key on its way out */
}

void pm__port_cut_off(struct pm_port *port)
{
    struct pm_module *module = port->module;
    pm_at_lost(&port->at, module->now);
    port->full = false;
    if (port->op.pending) {
        module->platform->cancel(module->platform->user, &port->op);
        port->op.pending = false;
    }
    if (module->body_port == port) {
        module->body_port = NULL;
    }
    pm__task_end(port);
    pm__error(port); /* Nobody sees it. */
}

bool pm__await(struct pm_port *port, int32_t result, uint8_t next_state)
{
    port->task.state = next_state;
    port->op.pending = result == PM_PENDING;
    port->op.result = result;
    return !port->op.pending;
}

/*
 * Runs one command. Whether the e-mail service is busy is judged before the
 * parameters are (SD50), but a query of QSMTPCFG still answers (SD30): it is
 * the write form of a keyword without values.
 */
static void run_command(struct pm_port *port, const struct pm_at_event *event)
{
    struct pm_at_values values;
    port->command = event->command;
    if (event->form == PM_AT_TEST && (event->command->flags & PM_AT_TEST_OWN) == 0) {
        pm_at_answer_test(&port->at);
        return;
    }
    bool good = pm_at_parse(&port->at, &values);
    bool query = event->form == PM_AT_READ || (good && values.item != NULL && values.count == 0);
    if (event->command->group == PM__GROUP_SMTP && !query && pm__smtp_busy(port->module)) {
        pm__cme(port, PM_MAIL_BUSY);
    } else if (!good && event->command->group == PM__GROUP_NET) {
        pm__net_result(port, PM__NET_PARAMETERS);
    } else if (!good) {
        pm_at_bad_parameter(&port->at);
    } else {
        event->command->handler(port, event->form, &values);
    }
}

/* Takes one event of the engine. Returns false when there was none. */
static bool take_event(struct pm_port *port)
{
    struct pm_at_event event;
    switch (pm_at_next_event(&port->at, &event, port->module->now)) {
    case PM_AT_EV_COMMAND: run_command(port, &event); return true;
    case PM_AT_EV_DATA: port->task.data = event.data; return true;
    case PM_AT_EV_DATA_END:
        port->task.data_end = true;
        port->task.reason = (uint8_t)event.reason;
        return true;
    case PM_AT_EV_NONE:
    default: return false;
    }
}

/* True while the port's operation is pending; one that has taken too long ends here, where its
 * task knows how long that is. */
static bool op_pending(struct pm_port *port)
{
    struct pm_module *module = port->module;
    if (port->op.pending && module->now >= port->task.give_up) {
        module->platform->cancel(module->platform->user, &port->op);
        port->op.pending = false;
        port->op.result = PM_ERR_TIMEOUT;
    }
    return port->op.pending;
}

/* Moves the command that runs on the port as far as it goes. Returns true when anything moved. */
static bool run_port(struct pm_port *port)
{
    bool moved = false;
    while (port->task.step != NULL && !op_pending(port)) {
        bool stepped = port->task.step(port);
        if (!stepped && (port->op.pending || port->task.data.len != 0 || !take_event(port))) {
            break;
        }
        moved = true;
    }
    port->full = port->full && !moved;
    return moved;
}

/* Begins the next command of the port, when none runs. */
static bool start_command(struct pm_port *port)
{
    bool started = port->task.step == NULL && !port->op.pending && take_event(port);
    port->full = port->full && !started;
    return started;
}

static bool run_parts(struct pm_module *module)
{
    bool moved = pm__power_run(module);
    moved = pm__boot_run(module) || moved;
    moved = pm__registration_run(module) || moved;
    moved = pm__activation_run(module) || moved;
    for (struct pm_port *port = module->ports; port != NULL; port = port->next) {
        moved = run_port(port) || moved;
        pm__line_settle(port);
    }
    moved = pm__job_run(module) || moved;
    moved = pm__reuse_run(module) || moved;
    return pm__queries_run(module) || moved;
}

static struct pm_port *next_in_turn(const struct pm_module *module, const struct pm_port *port)
{
    return port != NULL && port->next != NULL ? port->next : module->ports;
}

/* Begins one command, on the first port behind *last that has one. */
static bool start_one(const struct pm_module *module, struct pm_port **last)
{
    const struct pm_port *first = next_in_turn(module, *last);
    bool started = false;
    do {
        *last = next_in_turn(module, *last);
        started = *last != NULL && start_command(*last);
    } while (!started && next_in_turn(module, *last) != first);
    return started;
}

/*
 * A command begins when nothing else moves: else it would depend on whether it came in one piece
 * with an earlier one what that has set going.
 */
void pm__module_run(struct pm_module *module)
{
    struct pm_port *last = NULL;
    do {
        while (run_parts(module)) {
        }
    } while (start_one(module, &last));
}

void pm_port_init(struct pm_port *port, struct pm_module *module, const char *name, bool boot_urcs,
                  bool lf_ends_line, uint64_t now)
{
    /* The engine sees to its part, and a chunk is filled before it is looked at. */
    memset(port, 0, offsetof(struct pm_port, at));
    port->module = module;
    port->name = name;
    port->boot_urcs = boot_urcs;
    port->task.wake = PM_NEVER;
    port->task.give_up = PM_NEVER;
    struct pm_at_config config = {
        .table = module->table,
        .limits = pm__limits(module->config->limits),
        .lenient = module->config->lenient,
        .lf_ends_line = lf_ends_line,
    };
    pm_at_settings_factory(&config.settings);
    pm_at_init(&port->at, &config);
    pm__profile_apply(port);
    struct pm_port **end = &module->ports;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = port;
    pm__line_load(port);
    module->now = now; /* What is due runs with the next call: other ports may follow first. */
}

size_t pm_port_input(struct pm_port *port, const uint8_t *data, size_t len, uint64_t now)
{
    struct pm_module *module = port->module;
    module->now = now;
    size_t taken = 0;
    while (taken < len) {
        if (pm__power_off(module)) {
            return len;
        }
        size_t n = pm_at_input(&port->at, data + taken, len - taken, now);
        taken += n;
        port->full = n == 0;
        pm__module_run(module);
        if (port->full) { /* Nothing moved that could have made room. */
            break;
        }
    }
    return taken;
}

void pm_port_input_end(struct pm_port *port, uint64_t now)
{
    if (port->module->config->urc_gap == 0) {
        port->module->now = now;
        pm_at_input_end(&port->at, now);
        pm__module_run(port->module);
    }
}

bool pm_port_wants_input(const struct pm_port *port)
{
    return !port->full;
}

size_t pm_port_output(const struct pm_port *port, const uint8_t **data)
{
    return pm_at_output(&port->at, data);
}

void pm_port_output_ack(struct pm_port *port, size_t n, uint64_t now)
{
    port->module->now = now;
    port->full = false;
    pm_at_output_ack(&port->at, n);
    pm__module_run(port->module);
}

void pm_port_dtr(struct pm_port *port, bool on, uint64_t now)
{
    port->module->now = now;
    pm_at_set_dtr(&port->at, on, now);
    pm__module_run(port->module);
}

void pm_port_lost(struct pm_port *port, uint64_t now)
{
    port->module->now = now;
    port->full = false;
    pm_at_lost(&port->at, now);
    pm__module_run(port->module);
}
