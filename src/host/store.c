/* SPDX-License-Identifier: MIT */
/* A module's store: opening, cancelling, closing. */
#include "host/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "host/lock.h"

void pm__store_log(const struct pm_store *store, enum pm_log_level level, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (store->sink.log != NULL) {
        store->sink.log(store->sink.user, level, text);
    }
}

struct store_area *pm__store_area(struct pm_store *store, enum pm_storage storage)
{
    if (!pm__store_made(store) || (unsigned int)storage >= STORE_AREAS ||
        store->area[storage].dirfd < 0) {
        return NULL;
    }
    return &store->area[storage];
}

const char *pm_store_dir(const struct pm_store *store)
{
    return store->dir != NULL ? store->dir : "";
}

/* ---- Opening ---- */

static bool store_open_top(struct pm_store *store, const char *dir, const struct store_text *err)
{
    char path[4096];
    store->temporary = dir == NULL;
    if (store->temporary) {
        store->dirfd = pm__store_dir_temporary(path, sizeof path, err);
    } else {
        int n = snprintf(path, sizeof path, "%s", dir);
        if (n <= 0 || (size_t)n >= sizeof path) {
            pm__store_say(err, "the name of the state directory is empty or too long");
            return false;
        }
        store->dirfd = pm__store_dir_make(AT_FDCWD, path, err);
    }
    if (store->dirfd < 0) {
        return false;
    }
    store->dir = strdup(path);
    if (store->dir == NULL) {
        pm__store_say(err, "out of memory");
        return false;
    }
    store->lock = pm_lock_take(store->dirfd, store->dir, err->text, err->size);
    if (store->lock < 0) {
        return false;
    }
    pm__store_dir_empty(store->dirfd, true); /* a profile whose writer was killed */
    return true;
}

static bool store_open_area(struct pm_store *store, enum pm_storage storage, const char *name,
                            const struct store_text *err)
{
    char why[256];
    struct store_text reason = {why, sizeof why};
    struct store_area *area = &store->area[storage];
    if (area->dirfd >= 0) {
        return true;
    }
    bool ram = storage == PM_STORAGE_RAM;
    area->dirfd = pm__store_dir_make(store->dirfd, name, &reason);
    if (area->dirfd < 0) {
        pm__store_say(err, "in %.200s: %s", store->dir, why);
        return false;
    }
    area->durable = !ram && !store->temporary;
    if (!pm__store_dir_scan(store, area, ram)) {
        pm__store_say(err, "cannot read %.200s/%s: %s", store->dir, name, strerror(errno));
        return false;
    }
    return true;
}

static bool store_open_card(struct pm_store *store, const char *dir, const struct store_text *err)
{
    struct store_area *area = &store->area[PM_STORAGE_SD];
    area->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (area->dirfd < 0) {
        pm__store_say(err, "cannot open the card directory %.200s: %s", dir, strerror(errno));
        return false;
    }
    area->durable = true;
    if (!pm__store_dir_scan(store, area, false)) {
        pm__store_say(err, "cannot read %.200s: %s", dir, strerror(errno));
        return false;
    }
    return true;
}

/* What is there already is left as it is: a late start may be a second try. */
static bool store_open_dirs(struct pm_store *store, const char *dir, const struct store_text *err)
{
    return (store->dirfd >= 0 || store_open_top(store, dir, err)) &&
           store_open_area(store, PM_STORAGE_UFS, "ufs", err) &&
           store_open_area(store, PM_STORAGE_RAM, "ram", err);
}

bool pm__store_made(struct pm_store *store)
{
    char why[400];
    const struct store_text err = {why, sizeof why};
    if (store->late) {
        store->late = !store_open_dirs(store, NULL, &err);
        if (store->late) {
            pm__store_log(store, PM_LOG_ERROR, "no storage: %s", why);
        }
    }
    return !store->late;
}

static bool store_open_all(struct pm_store *store, const struct pm_store_options *options,
                           const struct store_text *err)
{
    uint64_t ufs = options->ufs_size;
    uint64_t ram = options->ram_size;
    store->area[PM_STORAGE_UFS].limit = ufs > 0 ? ufs : PM_STORE_UFS_SIZE;
    store->area[PM_STORAGE_RAM].limit = ram > 0 ? ram : PM_STORE_RAM_SIZE;
    store->late = options->late && options->dir == NULL;
    return (store->late || store_open_dirs(store, options->dir, err)) &&
           (options->sd_dir == NULL || store_open_card(store, options->sd_dir, err));
}

struct pm_store *pm_store_open_sink(const struct pm_store_sink *sink, uv_loop_t *loop,
                                    const struct pm_store_options *options, char *err,
                                    size_t err_size)
{
    struct store_text text;
    text.text = err;
    text.size = err_size;
    struct pm_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        pm__store_say(&text, "out of memory");
        return NULL;
    }
    store->loop = loop;
    store->sink = *sink;
    store->pending_end = &store->pending_head;
    store->dirfd = -1;
    store->lock = -1;
    for (size_t i = 0; i < STORE_AREAS; i++) {
        store->area[i].dirfd = -1;
    }
    /* A file over the process's limit is to be an error of that file, not the process's end. */
    (void)signal(SIGXFSZ, SIG_IGN);
    if (!store_open_all(store, options, &text)) {
        store->sink.ended = NULL;
        pm_store_close(store);
        return NULL;
    }
    return store;
}

/* ---- Cancelling ---- */

static void store_cancel_file(struct store_file *file)
{
    enum store_wait wait = file->wait;
    if (wait == STORE_WRITING && file->len > 0) {
        file->error = PM_ERR_IO; /* A part of the piece is in: the file is spoilt. */
    }
    file->op = NULL;
    file->wait = STORE_IDLE;
    file->len = 0;
    if (wait == STORE_OPENING || wait == STORE_COMMITTING) {
        /* A commit that has not begun drops its file; one that runs ends with the file
         * whole or absent, as in a power cut. */
        pm__store_file_release(file);
    }
}

bool pm_store_cancel(struct pm_store *store, struct pm_op *op)
{
    for (size_t i = 0; i < STORE_FILES; i++) {
        if (store->files[i] != NULL && store->files[i]->op == op) {
            store_cancel_file(store->files[i]);
            return true;
        }
    }
    for (struct store_job *job = store->jobs; job != NULL; job = job->next) {
        if (job->op == op) {
            job->op = NULL;
            return true;
        }
    }
    return false;
}

/* ---- Closing ---- */

/* Removes what the store made in its private directory, and nothing else. */
static void store_remove_private(struct pm_store *store)
{
    for (size_t i = 0; i < STORE_AREAS; i++) {
        if (i != PM_STORAGE_SD && store->area[i].dirfd >= 0) {
            pm__store_dir_empty(store->area[i].dirfd, false);
        }
    }
    pm__store_dir_empty(store->dirfd, false);
    (void)unlinkat(store->dirfd, "ufs", AT_REMOVEDIR);
    (void)unlinkat(store->dirfd, "ram", AT_REMOVEDIR);
    if (rmdir(store->dir) != 0) {
        pm__store_log(store, PM_LOG_WARNING, "cannot remove %s: %s", store->dir, strerror(errno));
    }
}

static void store_end(struct pm_store *store)
{
    const struct pm_store_sink sink = store->sink;
    if (store->temporary && store->dir != NULL) {
        store_remove_private(store);
    }
    for (size_t i = 0; i < STORE_AREAS; i++) {
        if (store->area[i].dirfd >= 0) {
            (void)close(store->area[i].dirfd);
        }
        pm__store_index_free(&store->area[i].index);
    }
    while (store->profiles != NULL) {
        struct store_profile *profile = store->profiles;
        store->profiles = profile->next;
        OPENSSL_clear_free(profile->data, profile->len);
        free(profile);
    }
    if (store->dirfd >= 0) {
        (void)close(store->dirfd);
    }
    if (store->lock >= 0) {
        (void)close(store->lock);
    }
    free(store->dir);
    free(store);
    if (sink.ended != NULL) {
        sink.ended(sink.user);
    }
}

void pm__store_maybe_end(struct pm_store *store)
{
    if (store->closed && store->running == 0) {
        store_end(store);
    }
}

void pm_store_close(struct pm_store *store)
{
    if (store == NULL) {
        return;
    }
    store->closed = true;
    for (size_t i = 0; i < STORE_FILES; i++) {
        if (store->files[i] != NULL && !store->files[i]->closing) {
            pm__store_file_release(store->files[i]);
        }
    }
    pm__store_maybe_end(store);
}
