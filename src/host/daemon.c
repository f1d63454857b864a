/* SPDX-License-Identifier: MIT */
/* The daemon's own beginning and end. */
#include "host/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* How long the end may take: what then still hangs (a dead disk) hangs without us. */
#define END_MS       5000
#define END_HURRY_MS 200

void pm_daemon_hold(int how, bool ends)
{
    sigset_t held;
    (void)sigemptyset(&held);
    (void)sigaddset(&held, SIGHUP);
    if (ends) {
        (void)sigaddset(&held, SIGTERM);
        (void)sigaddset(&held, SIGINT);
    }
    (void)sigprocmask(how, &held, NULL);
}

bool pm_daemon_init(struct pm_daemon *daemon, enum pm_log_level level, char *err, size_t err_size)
{
    memset(daemon, 0, sizeof *daemon);
    daemon->end = &daemon->modules;
    pm_log_init(&daemon->log, level, "");
    if (uv_loop_init(&daemon->loop) != 0) {
        snprintf(err, err_size, "no event loop");
        return false;
    }
    pm_daemon_hold(SIG_BLOCK, false);
    return true;
}

static void on_end(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

/* Lets handles and jobs of the thread pool end, but not for ever. */
static void empty_loop(struct pm_daemon *daemon)
{
    uv_timer_t patience;
    uv_timer_init(&daemon->loop, &patience);
    uv_timer_start(&patience, on_end, daemon->hurry ? END_HURRY_MS : END_MS, 0);
    uv_unref((uv_handle_t *)&patience);
    uv_run(&daemon->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&patience, NULL);
    /* Once more for the timer; a loop that still has something to do is left as it is. */
    uv_run(&daemon->loop, UV_RUN_NOWAIT);
    (void)uv_loop_close(&daemon->loop);
}

void pm_daemon_end(struct pm_daemon *daemon)
{
    daemon->leaving = true;
    for (struct pm_daemon_module *module = daemon->modules; module != NULL; module = module->next) {
        pm__daemon_stop(module); /* The loop frees it, later. */
    }
    if (daemon->running) {
        for (size_t i = 0; i < sizeof daemon->signals / sizeof daemon->signals[0]; i++) {
            uv_close((uv_handle_t *)&daemon->signals[i], NULL);
        }
        uv_close((uv_handle_t *)&daemon->watchdog, NULL);
        daemon->running = false;
    }
    pm__daemon_drop_waiting(daemon);
    empty_loop(daemon);
    pm__daemon_forget(daemon);
    pm_tls_trust_end(&daemon->trust);
}
