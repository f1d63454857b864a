/* SPDX-License-Identifier: MIT */
/* Maildirs of catchers and trace files: one for all modules that name the same. */
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

/* One user less; the trace itself when that was the last. */
static struct pm_trace *leave(struct pm_daemon_shared **list, const struct pm_trace *trace)
{
    while (*list != NULL && (*list)->trace != trace) {
        list = &(*list)->next;
    }
    struct pm_daemon_shared *shared = *list;
    if (shared == NULL || --shared->users > 0) {
        return NULL;
    }
    struct pm_trace *last = shared->trace;
    *list = shared->next;
    free(shared);
    return last;
}

static void catcher_log(void *user, enum pm_log_level level, const char *text)
{
    const struct pm_daemon_module *module = user;
    pm_log_write(&module->log, level, text, strlen(text));
}

/* One of a module that uses the same Maildir; NULL: there is none. */
static struct pm_catcher *similar_catcher(const struct pm_daemon_module *module)
{
    for (const struct pm_daemon_module *m = module->daemon->modules; m != NULL; m = m->next) {
        if (m->host.catcher != NULL &&
            strcmp(m->options->catch_dir, module->options->catch_dir) == 0) {
            return m->host.catcher;
        }
    }
    return NULL;
}

static bool open_catcher(struct pm_daemon_module *module, char *err, size_t err_size)
{
    const struct pm_options *options = module->options;
    struct pm_catcher_log log = {module, catcher_log};
    struct pm_catcher_options catcher = {.maildir = options->catch_dir,
                                         .verify = options->catch_verify,
                                         .faults = options->catch_faults,
                                         .like = similar_catcher(module),
                                         .module = options->name};
    module->host.catcher = pm_catcher_new(&module->daemon->loop, &catcher, &log, err, err_size);
    return module->host.catcher != NULL;
}

/* The trace of the module's file; NULL with the reason in `err`. */
static struct pm_trace *use_trace(struct pm_daemon_module *module, char *err, size_t err_size)
{
    struct pm_daemon_shared **list = &module->daemon->traces;
    struct pm_daemon_shared *shared = find(*list, module->options->trace);
    if (shared != NULL) {
        shared->users++;
        return shared->trace;
    }
    shared = shared_new(module->options->trace);
    if (shared == NULL) {
        snprintf(err, err_size, "out of memory");
        return NULL;
    }
    shared->trace = pm_trace_open(module->options->trace, &module->daemon->log, err, err_size);
    if (shared->trace == NULL) {
        free(shared);
        return NULL;
    }
    shared->users = 1;
    shared->next = *list;
    *list = shared;
    return shared->trace;
}

bool pm__daemon_share(struct pm_daemon_module *module, char *err, size_t err_size)
{
    const struct pm_options *options = module->options;
    if (*options->trace != '\0') {
        module->host.trace = use_trace(module, err, err_size);
        if (module->host.trace == NULL) {
            return false;
        }
    }
    return *options->catch_dir == '\0' || open_catcher(module, err, err_size);
}

void pm__daemon_unshare(struct pm_daemon_module *module)
{
    struct pm_host_module *host = &module->host;
    if (host->catcher != NULL) {
        pm_catcher_free(host->catcher);
        host->catcher = NULL;
    }
    if (host->trace != NULL) {
        pm_trace_close(leave(&module->daemon->traces, host->trace));
        host->trace = NULL;
    }
}
