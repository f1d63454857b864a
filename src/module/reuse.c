/* SPDX-License-Identifier: MIT */
/*
 * The mail connection between two mails (SD78). It waits for a mail that would open the very same
 * one; whatever else happens ends it, without a word to the host.
 */
#include "module/job.h"

static void close_kept(struct pm_module *module, bool graceful)
{
    const struct pm_platform *platform = module->platform;
    module->reuse.open = false;
    platform->conn_close(platform->user, graceful);
    pm_smtp_wipe(&module->job.smtp);
}

/* One event, or one piece of output. `ours`: it is we who end the connection. */
static bool step(struct pm_module *module, bool ours)
{
    struct pm_smtp_event event;
    switch (pm_smtp_next_event(&module->job.smtp, &event, module->now)) {
    case PM_SMTP_EV_SENT:
    case PM_SMTP_EV_REPLY:
        pm__trace(module, event.kind == PM_SMTP_EV_SENT, event.data);
        return true;
    case PM_SMTP_EV_LEAVE:
        if (!event.graceful && !ours) {
            pm__log_text(module, PM_LOG_INFO, "the server has ended the kept connection");
        }
        (void)pm__session_send(module);
        close_kept(module, event.graceful);
        return true;
    default: return pm__session_send(module);
    }
}

static void settle(struct pm_module *module, bool ours)
{
    while (module->reuse.open && step(module, ours)) {
    }
}

/* QUIT, whose reply is not waited for. */
static void leave(struct pm_module *module, const char *why)
{
    pm__log_text(module, PM_LOG_INFO, why);
    pm_smtp_leave(&module->job.smtp, module->now);
    settle(module, true);
}

/* ---- What a connection is made by -------------------------------------------------------- */

void pm__reuse_mark(struct pm_module *module)
{
    module->reuse.marks++;
}

void pm__reuse_mark_file(struct pm_module *module, uint8_t storage, struct pm_slice name)
{
    struct pm__record record;
    for (size_t at = 0; pm__arena_next(&module->arena, &at, &record);) {
        uint8_t where = 0;
        struct pm_slice file;
        if (record.key >= PM__KEY_CACERT && record.key <= PM__KEY_CLIENTKEY &&
            pm__file_name(record.text, &where, &file) == 0 && where == storage &&
            (name.len == 0 || pm__slice_equal(file, name))) {
            pm__reuse_mark(module);
        }
    }
}

uint32_t pm__reuse_changes(const struct pm_module *module)
{
    return module->arena.changes + module->reuse.marks;
}

/* The context is the one that it was: a change of it ends the connection. */
static bool fits(const struct pm_module *module)
{
    const struct pm_reuse *reuse = &module->reuse;
    const struct pm_draft *draft = &module->draft;
    return reuse->changes == pm__reuse_changes(module) && reuse->port == draft->port &&
           reuse->contextid == draft->contextid && reuse->sslctxid == draft->sslctxid &&
           reuse->ssltype == draft->ssltype;
}

/* ---- From job to job --------------------------------------------------------------------- */

void pm__reuse_begin(struct pm_module *module)
{
    const struct pm_draft *draft = &module->draft;
    struct pm_reuse *reuse = &module->reuse;
    reuse->open = true;
    reuse->port = draft->port;
    reuse->contextid = draft->contextid;
    reuse->sslctxid = draft->sslctxid;
    reuse->ssltype = draft->ssltype;
    reuse->changes = module->job.changes;
    reuse->until = module->now + (uint64_t)module->config->reuse_seconds * 1000U;
}

bool pm__reuse_take(struct pm_module *module, const struct pm_smtp_config *config)
{
    struct pm_reuse *reuse = &module->reuse;
    settle(module, false);
    if (reuse->open && module->now >= reuse->until) {
        leave(module, "the kept connection has waited long enough");
    } else if (reuse->open && !fits(module)) {
        leave(module, "the kept connection is not the one that is asked for now");
    }
    bool taken = reuse->open && pm_smtp_again(&module->job.smtp, config, module->now);
    if (reuse->open && !taken) {
        close_kept(module, false);
    }
    reuse->open = false;
    return taken;
}

bool pm__reuse_run(struct pm_module *module)
{
    const struct pm_reuse *reuse = &module->reuse;
    struct pm_smtp *smtp = &module->job.smtp;
    if (!reuse->open) {
        return false;
    }
    bool moved = step(module, false);
    if (reuse->open && !moved && module->now >= pm_smtp_deadline(smtp)) {
        pm_smtp_tick(smtp, module->now);
        moved = true;
    }
    if (reuse->open && module->now >= reuse->until) {
        leave(module, "the kept connection has waited long enough");
        moved = true;
    }
    return moved;
}

uint64_t pm__reuse_deadline(const struct pm_module *module)
{
    const struct pm_reuse *reuse = &module->reuse;
    if (!reuse->open) {
        return PM_NEVER;
    }
    uint64_t session = pm_smtp_deadline(&module->job.smtp);
    return session < reuse->until ? session : reuse->until;
}

void pm__reuse_received(struct pm_module *module, const uint8_t *data, size_t len)
{
    if (module->reuse.open) {
        pm_smtp_input(&module->job.smtp, data, len, module->now);
    }
}

void pm__reuse_closed(struct pm_module *module)
{
    if (module->reuse.open) {
        pm_smtp_closed(&module->job.smtp, module->now);
    }
}

void pm__reuse_leave(struct pm_module *module, const char *why)
{
    if (module->reuse.open) {
        leave(module, why);
    }
}

void pm__reuse_drop(struct pm_module *module, uint8_t context)
{
    if (module->reuse.open && (context == 0 || context == module->reuse.contextid)) {
        close_kept(module, false);
    }
}
