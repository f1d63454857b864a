/* SPDX-License-Identifier: MIT */
/* SIGHUP: from the running modules to those of the present configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "host/daemon.h"

/* ---- Modules that wait for others to be gone ------------------------------------------- */

static bool same_port(const struct pm_options *a, const struct pm_options *b)
{
    for (size_t i = 0; i < a->port_count; i++) {
        for (size_t k = 0; k < b->port_count; k++) {
            if (pm_ports_collide(&a->port[i], &b->port[k])) {
                return true;
            }
        }
    }
    return false;
}

static bool same_directory(const char *a, const char *b)
{
    return *a != '\0' && strcmp(a, b) == 0;
}

/* True when a module has something that the other one wants. What goes by two names is found
 * by the start, which then fails. */
static bool in_the_way(const struct pm_options *a, const struct pm_options *b)
{
    return strcmp(a->name, b->name) == 0 || same_port(a, b) ||
           same_directory(a->state_dir, b->state_dir) || same_directory(a->sd_dir, b->sd_dir);
}

static bool must_wait(const struct pm_daemon *daemon, const struct pm_options *options)
{
    for (const struct pm_daemon_module *m = daemon->modules; m != NULL; m = m->next) {
        if (m->phase != PM_DAEMON_RUNS && in_the_way(m->options, options)) {
            return true;
        }
    }
    return false;
}

static void wait_for_place(struct pm_daemon *daemon, struct pm_options *options, bool returns)
{
    struct pm_daemon_waiting **end = &daemon->waiting;
    struct pm_daemon_waiting *waiting = calloc(1, sizeof *waiting);
    if (waiting == NULL) {
        pm_log_printf(&daemon->log, PM_LOG_ERROR, "SIGHUP: out of memory");
        pm_options_delete(options);
        return;
    }
    while (*end != NULL) {
        end = &(*end)->next;
    }
    waiting->options = options;
    waiting->returns = returns;
    *end = waiting;
}

bool pm__daemon_keep_former(struct pm_daemon *daemon, struct pm_options *options)
{
    for (struct pm_daemon_waiting *w = daemon->waiting; w != NULL; w = w->next) {
        if (w->former == NULL && strcmp(w->options->name, options->name) == 0) {
            w->former = options;
            return true;
        }
    }
    return false;
}

/* A host is better served by the former settings than by none. */
static void start(struct pm_daemon *daemon, struct pm_options *options, struct pm_options *former)
{
    char err[600];
    const struct pm_daemon_module *module = pm_daemon_add(daemon, options, err, sizeof err);
    if (module == NULL) {
        pm_log_printf(&daemon->log, PM_LOG_ERROR, "SIGHUP: not started: %s%s", err,
                      former != NULL ? "; its former settings hold on" : "");
        if (former != NULL) {
            wait_for_place(daemon, former, true);
        }
        return;
    }
    pm_options_delete(former);
    pm_log_printf(&module->log, PM_LOG_INFO, "started");
    if (daemon->calls.started != NULL) {
        daemon->calls.started(daemon->calls.user, module);
    }
}

void pm__daemon_start_waiting(struct pm_daemon *daemon)
{
    struct pm_daemon_waiting **link = &daemon->waiting;
    while (*link != NULL) {
        struct pm_daemon_waiting *waiting = *link;
        if (must_wait(daemon, waiting->options)) {
            link = &waiting->next;
            continue;
        }
        *link = waiting->next;
        start(daemon, waiting->options, waiting->former);
        free(waiting);
    }
}

/* What another configuration has overtaken: of a module that is in it, too, the settings with which
 * it ran last still count. */
static void overtake(struct pm_daemon *daemon, struct pm_daemon_waiting *old)
{
    while (old != NULL) {
        struct pm_daemon_waiting *waiting = old;
        struct pm_options *former = waiting->returns ? waiting->options : waiting->former;
        old = waiting->next;
        if (!waiting->returns) {
            pm_options_delete(waiting->options);
        }
        if (former != NULL && !pm__daemon_keep_former(daemon, former)) {
            pm_options_delete(former);
        }
        free(waiting);
    }
}

void pm__daemon_drop_waiting(struct pm_daemon *daemon)
{
    struct pm_daemon_waiting *old = daemon->waiting;
    daemon->waiting = NULL;
    overtake(daemon, old);
}

/* ---- From one configuration to the next --------------------------------------------------- */

/* What changes without a restart. */
static void take_over(struct pm_daemon_module *module, const struct pm_options *fresh)
{
    module->options->log = fresh->log;
    module->log.level = (enum pm_log_level)fresh->log;
    module->options->drain_seconds = fresh->drain_seconds;
}

/* Lets a module go on, or go. */
static void compare(struct pm_daemon_module *module, struct pm_configuration *fresh)
{
    size_t place = pm_configuration_find(fresh, module->options->name);
    if (place == fresh->count) {
        pm_log_printf(&module->log, PM_LOG_INFO, "not in the configuration any more: leaving");
        pm__daemon_dismiss(module);
        return;
    }
    take_over(module, fresh->modules[place]->options);
    const struct pm_config_key *key =
        pm_options_difference(module->options, fresh->modules[place]->options);
    if (key == NULL) {
        pm_options_delete(pm_configuration_take(fresh, place));
        return;
    }
    pm_log_printf(&module->log, PM_LOG_INFO, "%s has changed: leaving, to start again", key->name);
    pm__daemon_dismiss(module);
}

static void change(struct pm_daemon *daemon, struct pm_configuration *fresh)
{
    if (fresh->secret_in_file) {
        pm_log_printf(&daemon->log, PM_LOG_WARNING, PM_SECRET_IN_FILE);
    }
    daemon->log.level = (enum pm_log_level)fresh->log;
    struct pm_daemon_waiting *old = daemon->waiting;
    daemon->waiting = NULL;
    for (struct pm_daemon_module *m = daemon->modules; m != NULL; m = m->next) {
        if (m->phase == PM_DAEMON_RUNS) {
            compare(m, fresh);
        }
    }
    for (size_t i = 0; i < fresh->count; i++) {
        if (fresh->modules[i]->options != NULL) {
            wait_for_place(daemon, pm_configuration_take(fresh, i), false);
        }
    }
    overtake(daemon, old);
    pm__daemon_start_waiting(daemon);
}

/* systemd holds the signal of a unit that reloads against the time of the answer. */
static void notify_reloading(void)
{
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
                     (unsigned long long)(uv_hrtime() / 1000));
}

void pm__daemon_reload(struct pm_daemon *daemon)
{
    struct pm_configuration fresh;
    char err[600] = "";
    if (daemon->leaving || daemon->calls.reload == NULL) {
        return;
    }
    notify_reloading();
    pm_configuration_init(&fresh);
    if (daemon->calls.reload(daemon->calls.user, &fresh, err, sizeof err) &&
        pm_daemon_reserve(&fresh, err, sizeof err)) {
        pm_log_printf(&daemon->log, PM_LOG_INFO, "SIGHUP: the configuration is read again");
        change(daemon, &fresh);
    } else {
        pm_log_printf(&daemon->log, PM_LOG_ERROR, "SIGHUP: nothing is changed: %s", err);
    }
    pm_configuration_free(&fresh);
    pm__daemon_ready(daemon);
}
