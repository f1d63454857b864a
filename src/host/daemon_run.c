/* SPDX-License-Identifier: MIT */
/* Running and leaving: signals, the end of a running mail, the last words to ports and server. */
#include <signal.h>
#include <systemd/sd-daemon.h>

#include "host/daemon.h"
#include "host/net.h"
#include "host/port.h"

/* How long what is left to say may take: by the ports, and to mail servers until they have heard
 * QUIT and left. */
#define SETTLE_MS 1000

/* ---- A module that leaves ------------------------------------------------------------- */

static void on_patience(uv_timer_t *timer);

static void enter(struct pm_daemon_module *module, enum pm_daemon_phase phase, uint64_t ms)
{
    module->phase = phase;
    uv_timer_start(&module->patience, on_patience, ms, 0);
}

static bool settled(const struct pm_daemon_module *module)
{
    for (const struct pm_terminal *t = module->host.terminals; t != NULL; t = t->next) {
        if (t->channel != NULL && !pm_terminal_settled(t)) {
            return false;
        }
    }
    return pm_net_settled(module->host.net);
}

/* No mail runs any more: a connection that waits for the next one ends with QUIT, and the phase
 * with what is said last. */
static void settle(struct pm_daemon_module *module)
{
    struct pm_host_module *host = &module->host;
    enter(module, PM_DAEMON_SETTLES, SETTLE_MS);
    pm_module_mail_leave(&host->module, pm_host_now(host));
    pm_host_pump(host);
}

/* Goes on as far as it is time to. The end waits for the loop's next turn: this one may be
 * inside a call of the module's. */
static void advance(struct pm_daemon_module *module)
{
    if (module->phase == PM_DAEMON_DRAINS && !pm_module_mail_running(&module->host.module)) {
        settle(module);
    }
    if (module->phase == PM_DAEMON_SETTLES && settled(module)) {
        enter(module, PM_DAEMON_LEAVES, 0);
    }
}

static void on_patience(uv_timer_t *timer)
{
    struct pm_daemon_module *module = timer->data;
    struct pm_host_module *host = &module->host;
    if (module->phase == PM_DAEMON_DRAINS) {
        pm_log_printf(host->log, PM_LOG_WARNING,
                      "the running mail is given up: it did not end within %u s",
                      module->options->drain_seconds);
        pm_module_mail_abort(&host->module, pm_host_now(host));
        pm_host_pump(host);
    } else if (module->phase == PM_DAEMON_SETTLES) {
        enter(module, PM_DAEMON_LEAVES, 0);
    } else {
        struct pm_daemon *daemon = module->daemon;
        pm__daemon_stop(module);
        pm__daemon_gone(daemon);
    }
}

void pm__daemon_dismiss(struct pm_daemon_module *module)
{
    if (module->phase != PM_DAEMON_RUNS) {
        return;
    }
    module->host.leaving = true;
    enter(module, PM_DAEMON_DRAINS, (uint64_t)module->options->drain_seconds * 1000);
    pm_host_pump(&module->host);
    advance(module);
}

/* ---- All modules --------------------------------------------------------------------------- */

static void leave(struct pm_daemon *daemon)
{
    daemon->leaving = true;
    for (struct pm_daemon_module *module = daemon->modules; module != NULL; module = module->next) {
        pm__daemon_dismiss(module); /* The loop ends it, later. */
    }
    pm__daemon_gone(daemon); /* There may be none: no module could be started again. */
}

void pm__daemon_gone(struct pm_daemon *daemon)
{
    if (daemon->running && daemon->leaving && daemon->active == 0) {
        uv_stop(&daemon->loop);
    }
    if (daemon->running && !daemon->leaving) {
        pm__daemon_start_waiting(daemon);
        pm__daemon_status(daemon);
    }
}

/* power_off = exit: the module leaves, and the program with its last one (CD43). One that waits to
 * start comes after it. */
static void powered_off(struct pm_daemon_module *module)
{
    bool last = module->daemon->waiting == NULL;
    for (struct pm_daemon_module *m = module->daemon->modules; m != NULL; m = m->next) {
        last = last && (m == module || m->phase != PM_DAEMON_RUNS);
    }
    if (last) {
        leave(module->daemon);
    } else {
        pm__daemon_dismiss(module);
    }
}

static void after_pump(struct pm_host_module *host, void *user)
{
    struct pm_daemon_module *module = user;
    const struct pm_module_counts counts = pm_module_count(&host->module);
    uint32_t restarts = counts.restarts;
    char err[200];
    pm_alarm_look(&module->alarm, counts);
    if (restarts != module->restarts) {
        module->restarts = restarts;
        if (!pm__daemon_preset(module, err, sizeof err)) {
            pm_log_printf(host->log, PM_LOG_ERROR, "after a restart: %s", err);
        }
    }
    if (host->finished && module->phase == PM_DAEMON_RUNS) {
        leave(module->daemon);
    }
    if (module->phase == PM_DAEMON_RUNS && pm_module_off(&host->module) &&
        host->config.power_off == PM_POWER_OFF_EXIT) {
        powered_off(module);
    }
    advance(module);
}

void pm__daemon_watch(struct pm_daemon_module *module)
{
    module->ran = true;
    module->host.after_pump = after_pump;
    module->host.after_pump_user = module;
    pm_host_pump(&module->host);
}

static unsigned mails_running(const struct pm_daemon *daemon)
{
    unsigned count = 0;
    for (const struct pm_daemon_module *m = daemon->modules; m != NULL; m = m->next) {
        count += m->phase != PM_DAEMON_CLOSES && pm_module_mail_running(&m->host.module) ? 1 : 0;
    }
    return count;
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct pm_daemon *daemon = handle->data;
    if (number == SIGHUP) {
        pm__daemon_reload(daemon);
        return;
    }
    if (daemon->leaving) {
        pm_log_printf(&daemon->log, PM_LOG_WARNING, "second signal: leaving at once");
        daemon->hurry = true;
        uv_stop(&daemon->loop);
        return;
    }
    unsigned mails = mails_running(daemon);
    pm_log_printf(&daemon->log, PM_LOG_INFO, "%s: leaving%s",
                  number == SIGTERM ? "SIGTERM" : "SIGINT",
                  mails == 0   ? ""
                  : mails == 1 ? " when the running mail has ended"
                               : " when the running mails have ended");
    (void)sd_notify(0, "STOPPING=1");
    leave(daemon);
}

/* ---- systemd ----------------------------------------------------------------------------------
 */

static void tell_systemd(const struct pm_daemon *daemon, const char *first)
{
    (void)sd_notifyf(0, "%sSTATUS=%zu %s", first, daemon->active,
                     daemon->active == 1 ? "module" : "modules");
}

void pm__daemon_status(const struct pm_daemon *daemon)
{
    tell_systemd(daemon, "");
}

void pm__daemon_ready(const struct pm_daemon *daemon)
{
    tell_systemd(daemon, "READY=1\n");
}

static void on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    (void)sd_notify(0, "WATCHDOG=1");
}

/* Twice as often as it must be: a loop that hangs is then seen by systemd, which starts the
 * program afresh. */
static void start_watchdog(struct pm_daemon *daemon)
{
    uint64_t us = 0;
    uv_timer_init(&daemon->loop, &daemon->watchdog);
    if (sd_watchdog_enabled(0, &us) > 0) {
        uint64_t ms = us / 2000 > 0 ? us / 2000 : 1;
        uv_timer_start(&daemon->watchdog, on_watchdog, 0, ms);
    }
}

void pm_daemon_run(struct pm_daemon *daemon, const struct pm_daemon_calls *calls)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    daemon->calls = *calls;
    /* A host or server that goes away is seen by the result of the write. */
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uv_signal_init(&daemon->loop, &daemon->signals[i]);
        daemon->signals[i].data = daemon;
        uv_signal_start(&daemon->signals[i], on_signal, numbers[i]);
    }
    pm_daemon_hold(SIG_UNBLOCK, true);
    start_watchdog(daemon);
    daemon->running = true;
    pm__daemon_ready(daemon);
    for (struct pm_daemon_module *module = daemon->modules; module != NULL; module = module->next) {
        pm__daemon_watch(module);
    }
    uv_run(&daemon->loop, UV_RUN_DEFAULT);
    (void)sd_notify(0, "STOPPING=1");
}
