/* SPDX-License-Identifier: MIT */
/* A module on its loop: time, log, trace, and the pump between module and ports. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "host/host.h"
#include "host/idna.h"
#include "host/net.h"
#include "host/port.h"
#include "host/store.h"
#include "host/trace.h"

void pm_host_label(const struct pm_host_module *host, const char *part, char *text, size_t size)
{
    bool named = host->name != NULL && *host->name != '\0';
    snprintf(text, size, "%s%s%s", named ? host->name : "", named ? "/" : "", part);
}

/* ---- What the platform owes the module besides files and network ------------ */

static void host_log(void *user, enum pm_log_level level, const char *text, size_t len)
{
    const struct pm_host_module *host = user;
    pm_log_write(host->log, level, text, len);
}

static void host_trace(void *user, bool sent, const uint8_t *line, size_t len)
{
    const struct pm_host_module *host = user;
    if (host->trace != NULL) {
        char name[72];
        pm_host_label(host, "smtp", name, sizeof name);
        pm_trace_smtp(host->trace, name, sent, line, len);
    }
}

static void host_wall_clock(void *user, struct pm_wall_time *out)
{
    struct timespec now;
    struct tm local;
    (void)user;
    clock_gettime(CLOCK_REALTIME, &now);
    out->unix_seconds = now.tv_sec;
    out->offset_minutes = 0;
    if (localtime_r(&now.tv_sec, &local) != NULL) {
        out->offset_minutes = (int16_t)(local.tm_gmtoff / 60);
    }
}

static void host_cancel(void *user, struct pm_op *op)
{
    struct pm_host_module *host = user;
    if (!pm_store_cancel(host->store, op)) {
        (void)pm_net_cancel(host->net, op);
    }
}

/* ---- Time and the pump --------------------------------------------------------- */

uint64_t pm_host_now(struct pm_host_module *host)
{
    uv_update_time(host->loop);
    return uv_now(host->loop);
}

static void on_deadline(uv_timer_t *timer)
{
    struct pm_host_module *host = timer->data;
    host->deadline_at = PM_NEVER;
    pm_module_tick(&host->module, pm_host_now(host));
    pm_host_pump(host);
}

static void arm(struct pm_host_module *host)
{
    uint64_t deadline = pm_module_deadline(&host->module);
    if (deadline == host->deadline_at) {
        return;
    }
    host->deadline_at = deadline;
    if (deadline == PM_NEVER) {
        uv_timer_stop(&host->deadline);
    } else {
        uint64_t now = pm_host_now(host);
        uv_timer_start(&host->deadline, on_deadline, deadline > now ? deadline - now : 0, 0);
    }
}

void pm_host_pump(struct pm_host_module *host)
{
    if (!host->started || host->pumping) {
        return;
    }
    host->pumping = true;
    bool moved = true;
    while (moved) {
        moved = false;
        for (struct pm_terminal *t = host->terminals; t != NULL; t = t->next) {
            moved = pm_terminal_pump(t) || moved;
        }
    }
    host->pumping = false;
    pm_net_flush(host->net);
    arm(host);
    if (host->after_pump != NULL) {
        host->after_pump(host, host->after_pump_user);
    }
}

/* ---- Results -------------------------------------------------------------------- */

void pm_host_done(struct pm_host_module *host, struct pm_op *op, int32_t result)
{
    pm_module_done(&host->module, op, result, pm_host_now(host));
    pm_host_pump(host);
}

void pm_host_received(struct pm_host_module *host, const uint8_t *data, size_t len)
{
    pm_module_received(&host->module, data, len, pm_host_now(host));
    pm_host_pump(host);
}

void pm_host_writable(struct pm_host_module *host)
{
    pm_module_writable(&host->module, pm_host_now(host));
    pm_host_pump(host);
}

void pm_host_closed(struct pm_host_module *host)
{
    pm_module_closed(&host->module, pm_host_now(host));
    pm_host_pump(host);
}

/* ---- Life ------------------------------------------------------------------------ */

/* One index of the commands serves every module of the program; filled in once. */
static const struct pm_at_table *commands(void)
{
    static struct pm_at_table table;
    static bool filled;
    if (!filled) {
        filled = pm_module_table(&table);
    }
    return filled ? &table : NULL;
}

bool pm_host_start(struct pm_host_module *host, size_t arena_size, char *err, size_t err_size)
{
    const struct pm_at_table *table = commands();
    host->arena = malloc(arena_size);
    if (table == NULL || host->arena == NULL) {
        snprintf(err, err_size, "%s", table == NULL ? "command table too small" : "out of memory");
        free(host->arena);
        host->arena = NULL;
        return false;
    }
    host->arena_size = arena_size;
    host->platform.user = host;
    host->platform.log = host_log;
    host->platform.trace = host_trace;
    host->platform.wall_clock = host_wall_clock;
    host->platform.cancel = host_cancel;
    host->platform.idna = pm_idna_platform;
    pm_store_platform(host->store, &host->platform);
    pm_net_platform(host->net, &host->platform);
    host->deadline_at = PM_NEVER;
    uv_timer_init(host->loop, &host->deadline);
    host->deadline.data = host;
    if (!pm_module_init(&host->module, &host->config, &host->platform, table, host->arena,
                        arena_size, pm_host_now(host))) {
        snprintf(err, err_size, "the module cannot be started");
        pm_host_end(host);
        return false;
    }
    host->started = true;
    return true;
}

static void on_deadline_closed(uv_handle_t *handle)
{
    const struct pm_host_module *host = handle->data;
    if (host->part_ended != NULL) {
        host->part_ended(host->part_ended_user);
    }
}

void pm_host_end(struct pm_host_module *host)
{
    if (host->arena == NULL) {
        return;
    }
    if (host->started) {
        pm_module_end(&host->module);
        host->started = false;
    }
    free(host->arena);
    host->arena = NULL;
    uv_close((uv_handle_t *)&host->deadline, on_deadline_closed);
}
