/* SPDX-License-Identifier: MIT */
/* Catchers and trace files: one for all modules that name the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/catcher.h"
#include "host/daemon.h"
#include "host/trace.h"

static struct pm_daemon_shared *find(struct pm_daemon_shared *list, const char *path)
{
    while (list != NULL && strcmp(list->path, path) != 0) {
        list = list->next;
    }
    return list;
}

static struct pm_daemon_shared *shared_new(const char *path)
{
    size_t size = strlen(path) + 1;
    struct pm_daemon_shared *shared = calloc(1, sizeof *shared + size);
    if (shared != NULL) {
        memcpy(shared->path, path, size);
    }
    return shared;
}

/* One user less; the thing itself when that was the last. */
static void *leave(struct pm_daemon_shared **list, const void *thing)
{
    while (*list != NULL && (*list)->thing != thing) {
        list = &(*list)->next;
    }
    struct pm_daemon_shared *shared = *list;
    if (shared == NULL || --shared->users > 0) {
        return NULL;
    }
    void *last = shared->thing;
    *list = shared->next;
    free(shared);
    return last;
}

static void catcher_log(void *user, enum pm_log_level level, const char *text)
{
    const struct pm_daemon *daemon = user;
    pm_log_write(&daemon->log, level, text, strlen(text));
}

static void *open_catcher(struct pm_daemon_module *module, char *err, size_t err_size)
{
    const struct pm_options *options = module->options;
    struct pm_catcher_log log = {module->daemon, catcher_log};
    struct pm_catcher_options catcher = {.maildir = options->catch_dir,
                                         .verify = options->catch_verify,
                                         .faults = options->catch_faults};
    return pm_catcher_new(&module->daemon->loop, &catcher, &log, err, err_size);
}

static void *open_trace(struct pm_daemon_module *module, char *err, size_t err_size)
{
    return pm_trace_open(module->options->trace, err, err_size);
}

/* The thing of a path; NULL with the reason in `err`. */
static void *use(struct pm_daemon_shared **list, struct pm_daemon_module *module, const char *path,
                 void *(*open)(struct pm_daemon_module *module, char *err, size_t err_size),
                 char *err, size_t err_size)
{
    struct pm_daemon_shared *shared = find(*list, path);
    if (shared != NULL) {
        shared->users++;
        return shared->thing;
    }
    shared = shared_new(path);
    if (shared == NULL) {
        snprintf(err, err_size, "out of memory");
        return NULL;
    }
    shared->thing = open(module, err, err_size);
    if (shared->thing == NULL) {
        free(shared);
        return NULL;
    }
    shared->users = 1;
    shared->next = *list;
    *list = shared;
    return shared->thing;
}

bool pm__daemon_share(struct pm_daemon_module *module, char *err, size_t err_size)
{
    struct pm_daemon *daemon = module->daemon;
    const struct pm_options *options = module->options;
    if (*options->trace != '\0') {
        module->host.trace =
            use(&daemon->traces, module, options->trace, open_trace, err, err_size);
        if (module->host.trace == NULL) {
            return false;
        }
    }
    if (*options->catch_dir != '\0') {
        module->host.catcher =
            use(&daemon->catchers, module, options->catch_dir, open_catcher, err, err_size);
        if (module->host.catcher == NULL) {
            return false;
        }
    }
    return true;
}

void pm__daemon_unshare(struct pm_daemon_module *module)
{
    struct pm_host_module *host = &module->host;
    if (host->catcher != NULL) {
        pm_catcher_free(leave(&module->daemon->catchers, host->catcher));
        host->catcher = NULL;
    }
    if (host->trace != NULL) {
        pm_trace_close(leave(&module->daemon->traces, host->trace));
        host->trace = NULL;
    }
}
