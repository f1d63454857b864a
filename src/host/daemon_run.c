/* SPDX-License-Identifier: MIT */
/* Running and leaving: signals, the end of a running mail, the last words to the ports. */
#include <signal.h>
#include <systemd/sd-daemon.h>

#include "host/daemon.h"
#include "host/port.h"

/* How long the ports may take to say what is left to say. */
#define SETTLE_MS 1000

static void on_patience(uv_timer_t *timer);

static void enter(struct pm_daemon *daemon, enum pm_daemon_phase phase, uint64_t ms)
{
    daemon->phase = phase;
    if (phase == PM_DAEMON_LEAVES) {
        uv_stop(&daemon->loop);
    } else {
        uv_timer_start(&daemon->patience, on_patience, ms, 0);
    }
}

static bool ports_settled(const struct pm_daemon *daemon)
{
    for (const struct pm_terminal *t = daemon->host.terminals; t != NULL; t = t->next) {
        if (t->channel != NULL && !pm_terminal_settled(t)) {
            return false;
        }
    }
    return true;
}

/* Goes on as far as it is time to. */
static void advance(struct pm_daemon *daemon)
{
    struct pm_host_module *host = &daemon->host;
    if (daemon->phase == PM_DAEMON_RUNS && host->finished) {
        host->leaving = true;
        enter(daemon, PM_DAEMON_SETTLES, SETTLE_MS);
    }
    if (daemon->phase == PM_DAEMON_DRAINS && !pm_module_mail_running(&host->module)) {
        enter(daemon, PM_DAEMON_SETTLES, SETTLE_MS);
    }
    if (daemon->phase == PM_DAEMON_SETTLES && ports_settled(daemon)) {
        enter(daemon, PM_DAEMON_LEAVES, 0);
    }
}

static void after_pump(struct pm_host_module *host, void *user)
{
    struct pm_daemon *daemon = user;
    uint32_t restarts = pm_module_count(&host->module).restarts;
    char err[200];
    if (restarts != daemon->restarts) {
        daemon->restarts = restarts;
        if (!pm_daemon_preset(daemon, err, sizeof err)) {
            pm_log_printf(host->log, PM_LOG_ERROR, "after a restart: %s", err);
        }
    }
    advance(daemon);
}

static void on_patience(uv_timer_t *timer)
{
    struct pm_daemon *daemon = timer->data;
    struct pm_host_module *host = &daemon->host;
    if (daemon->phase == PM_DAEMON_DRAINS) {
        pm_log_printf(host->log, PM_LOG_WARNING,
                      "the running mail is given up: it did not end within %u s",
                      daemon->options->drain_seconds);
        pm_module_mail_abort(&host->module, pm_host_now(host));
        pm_host_pump(host);
    } else {
        enter(daemon, PM_DAEMON_LEAVES, 0);
    }
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct pm_daemon *daemon = handle->data;
    struct pm_host_module *host = &daemon->host;
    if (daemon->phase != PM_DAEMON_RUNS) {
        pm_log_printf(host->log, PM_LOG_WARNING, "second signal: leaving at once");
        daemon->hurry = true;
        enter(daemon, PM_DAEMON_LEAVES, 0);
        return;
    }
    bool mail = pm_module_mail_running(&host->module);
    pm_log_printf(host->log, PM_LOG_INFO, "%s: leaving%s", number == SIGTERM ? "SIGTERM" : "SIGINT",
                  mail ? " when the running mail has ended" : "");
    (void)sd_notify(0, "STOPPING=1");
    host->leaving = true;
    enter(daemon, PM_DAEMON_DRAINS, (uint64_t)daemon->options->drain_seconds * 1000);
    pm_host_pump(host);
}

void pm_daemon_run(struct pm_daemon *daemon)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    /* A host or server that goes away is seen by the result of the write. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uv_signal_init(&daemon->loop, &daemon->signals[i]);
        daemon->signals[i].data = daemon;
        uv_signal_start(&daemon->signals[i], on_signal, numbers[i]);
    }
    uv_timer_init(&daemon->loop, &daemon->patience);
    daemon->patience.data = daemon;
    daemon->handles = true;
    daemon->host.after_pump = after_pump;
    daemon->host.after_pump_user = daemon;
    (void)sd_notify(0, "READY=1");
    pm_host_pump(&daemon->host);
    if (daemon->phase != PM_DAEMON_LEAVES) {
        uv_run(&daemon->loop, UV_RUN_DEFAULT);
    }
    (void)sd_notify(0, "STOPPING=1");
}
