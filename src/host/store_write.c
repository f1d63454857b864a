/* SPDX-License-Identifier: MIT */
/*
 * Writing files. What the module hands over is gathered in one buffer while the pool writes
 * the other, so that an upload waits for the disk only when the disk is the slower one. A
 * write that fails in the background is reported by the next write or by the commit. A scratch
 * file has no commit, hence each of its writes waits until the file system has the bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/store_internal.h"

/* ---- Creating ---- */

static void store_create_run(struct store_job *job)
{
    job->fd =
        openat(job->dirfd, job->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int error = job->fd < 0 ? errno : 0;
    if (error == 0 && job->size > 0 &&
        fallocate(job->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)job->size) != 0 &&
        (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
        /* Other failures mean that this file system cannot reserve: the writes will tell. */
        error = errno;
    }
    if (error == 0 && job->key == STORE_SCRATCH && unlinkat(job->dirfd, job->temp, 0) != 0) {
        error = errno;
    }
    if (error != 0 && job->fd >= 0) {
        (void)unlinkat(job->dirfd, job->temp, 0);
        (void)close(job->fd);
        job->fd = -1;
    }
    job->result = pm__store_status(error);
}

static void store_create_end(struct store_job *job)
{
    struct store_file *file = job->file;
    int32_t result = job->result;
    file->fd = job->fd;
    if (file->kind == STORE_NEW) {
        memcpy(file->temp, job->temp, sizeof file->temp);
    }
    if (file->closing || result != PM_OK) {
        struct pm_op *op = file->op;
        struct pm_store *store = file->store;
        pm__store_file_release(file);
        pm__store_answer(store, op, result);
        return;
    }
    pm__store_file_answer(file, pm__store_file_number(file));
}

static int32_t store_create_start(struct store_file *file, struct pm_op *op)
{
    struct pm_store *store = file->store;
    struct store_job *job = &file->job;
    file->op = op;
    file->wait = STORE_OPENING;
    job->run = store_create_run;
    job->end = store_create_end;
    job->dirfd = store->area[file->storage].dirfd;
    job->size = file->reserved;
    job->key = (uint8_t)file->kind;
    (void)snprintf(job->temp, sizeof job->temp, STORE_NEW_PREFIX "%lu",
                   (unsigned long)store->serial++);
    pm__store_job_start(job);
    return PM_PENDING;
}

int32_t pm__store_create(struct pm_store *store, struct pm_op *op, enum pm_storage storage,
                         uint64_t size)
{
    struct store_area *area = pm__store_area(store, storage);
    if (area == NULL) {
        return PM_ERR_NO_STORAGE;
    }
    if (size > pm__store_area_free(area) || size > INT64_MAX ||
        area->index.count + area->unfinished >= STORE_ENTRIES) {
        return PM_ERR_NO_SPACE;
    }
    if (!pm__store_index_reserve(&area->index, area->unfinished + 1)) {
        return PM_ERR_NO_MEMORY;
    }
    struct store_file *file = pm__store_file_new(store, STORE_NEW, storage);
    if (file == NULL) {
        return PM_ERR_NO_MEMORY;
    }
    area->unfinished++;
    area->reserved += size;
    file->counted = true;
    file->reserved = size;
    return store_create_start(file, op);
}

int32_t pm__store_scratch(struct pm_store *store, struct pm_op *op)
{
    if (pm__store_area(store, PM_STORAGE_RAM) == NULL) {
        return PM_ERR_NO_STORAGE;
    }
    struct store_file *file = pm__store_file_new(store, STORE_SCRATCH, PM_STORAGE_RAM);
    return file != NULL ? store_create_start(file, op) : PM_ERR_NO_MEMORY;
}

/* ---- Writing ---- */

static void store_flush_run(struct store_job *job)
{
    int error = pm__store_pwrite_all(job->fd, job->data, job->len, job->offset);
    if (error == 0 && job->durable) {
        /* Lets the disk begin now, so that the sync at the end of a large upload is short. That
         * sync tells what goes wrong. */
        (void)sync_file_range(job->fd, (off_t)job->offset, (off_t)job->len, SYNC_FILE_RANGE_WRITE);
    }
    job->result = pm__store_status(error);
}

static void store_write_resume(struct store_file *file);

static void store_flush_end(struct store_job *job)
{
    struct store_file *file = job->file;
    if (file->error == PM_OK) {
        file->error = job->result;
    }
    store_write_resume(file);
}

static void store_flush_start(struct store_file *file)
{
    uint8_t *full = file->fill;
    file->fill = file->flush;
    file->flush = full;
    struct store_job *job = &file->job;
    job->run = store_flush_run;
    job->end = store_flush_end;
    job->fd = file->fd;
    job->durable = file->kind == STORE_NEW && file->store->area[file->storage].durable;
    job->data = full;
    job->len = file->fill_len;
    job->offset = file->written;
    file->written += file->fill_len;
    file->fill_len = 0;
    pm__store_job_start(job);
}

/* What a job of a written file leads to: the end of the file, or of its operation. */
static void store_write_resume(struct store_file *file)
{
    if (file->closing) {
        pm__store_file_release(file);
        return;
    }
    if (file->wait == STORE_WRITING || file->wait == STORE_COMMITTING) {
        pm__store_file_resume(file);
    } else if (file->fill_len == STORE_BUFFER && file->error == PM_OK) {
        store_flush_start(file);
    }
}

/* Moves bytes of the waiting write into the fill buffer. */
static void store_write_gather(struct store_file *file)
{
    size_t n = STORE_BUFFER - file->fill_len;
    if (n > file->len) {
        n = file->len;
    }
    if (n > 0) {
        memcpy(file->fill + file->fill_len, file->from, n);
        file->fill_len += n;
        file->from += n;
        file->len -= n;
    }
}

static int32_t store_commit_start(struct store_file *file);

/* True when all gathered bytes must reach the file before the operation may end. */
static bool store_write_drains(const struct store_file *file)
{
    return file->wait == STORE_COMMITTING || file->kind == STORE_SCRATCH;
}

int32_t pm__store_write_advance(struct store_file *file)
{
    store_write_gather(file);
    bool due = file->fill_len == STORE_BUFFER || (file->fill_len > 0 && store_write_drains(file));
    if (due && !file->job.active && file->error == PM_OK) {
        store_flush_start(file);
        store_write_gather(file);
    }
    if (file->job.active && (file->len > 0 || store_write_drains(file))) {
        return PM_PENDING;
    }
    if (file->error != PM_OK) {
        file->len = 0;
        file->fill_len = 0;
        return file->wait == STORE_COMMITTING ? store_commit_start(file) : file->error;
    }
    return file->wait == STORE_COMMITTING ? store_commit_start(file) : PM_OK;
}

static bool store_write_buffers(struct store_file *file)
{
    if (file->fill == NULL) {
        file->fill = malloc(STORE_BUFFER);
    }
    if (file->flush == NULL) {
        file->flush = malloc(STORE_BUFFER);
    }
    return file->fill != NULL && file->flush != NULL;
}

/* Room for `len` more bytes, beyond what was announced if need be. */
static bool store_write_room(struct store_file *file, size_t len)
{
    if (file->kind != STORE_NEW || len <= file->reserved - file->size) {
        return true;
    }
    struct store_area *area = &file->store->area[file->storage];
    uint64_t more = len - (file->reserved - file->size);
    if (more > pm__store_area_free(area)) {
        return false;
    }
    area->reserved += more;
    file->reserved += more;
    return true;
}

int32_t pm__store_write(struct pm_store *store, struct pm_op *op, pm_file number,
                        const uint8_t *data, size_t len)
{
    struct store_file *file = pm__store_file(store, number);
    if (file == NULL || (file->kind != STORE_NEW && file->kind != STORE_SCRATCH)) {
        return PM_ERR_IO;
    }
    if (file->op != NULL) {
        return PM_ERR_BUSY;
    }
    if (file->error != PM_OK) {
        return file->error;
    }
    if (!store_write_buffers(file)) {
        return PM_ERR_NO_MEMORY;
    }
    if (!store_write_room(file, len)) {
        return PM_ERR_NO_SPACE;
    }
    pm__store_read_invalidate(file);
    file->size += len;
    file->from = data;
    file->len = len;
    file->wait = STORE_WRITING;
    int32_t result = pm__store_write_advance(file);
    if (result == PM_PENDING) {
        file->op = op;
    } else {
        file->wait = STORE_IDLE;
    }
    return result;
}

/* ---- Committing ---- */

int pm__store_rename_disk(int dirfd, const char *from, const char *to, bool replace)
{
    if (renameat2(dirfd, from, dirfd, to, replace ? 0 : RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return errno;
    }
    /* A file system without that flag (memory cards): the lock of the directory and the
     * queue of name changes leave nobody who could come between these two calls. */
    if (!replace && faccessat(dirfd, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return EEXIST;
    }
    return renameat(dirfd, from, dirfd, to) == 0 ? 0 : errno;
}

/* `len` tells whether the file has its name. */
static int store_commit_disk(struct store_job *job)
{
    /* Gives back what was announced and never came. */
    if (ftruncate(job->fd, (off_t)job->size) != 0) {
        return errno;
    }
    if (job->durable && fsync(job->fd) != 0) {
        return errno;
    }
    int error = pm__store_rename_disk(job->dirfd, job->temp, job->name, job->replace);
    job->len = error == 0;
    if (error == 0 && job->durable && fsync(job->dirfd) != 0) {
        error = errno;
        /* The file that was replaced does not come back: the new one must stay. */
        job->len = job->replace || unlinkat(job->dirfd, job->name, 0) != 0;
    }
    return error;
}

static void store_commit_run(struct store_job *job)
{
    if (job->result != PM_OK) {
        return; /* A write failed before: the file is dropped. */
    }
    job->result = pm__store_status(store_commit_disk(job));
}

static void store_commit_end(struct store_job *job)
{
    struct store_file *file = job->file;
    struct pm_store *store = file->store;
    struct pm_op *op = file->op;
    int32_t result = job->result;
    if (job->len != 0) {
        job->entry->size = file->size;
        pm__store_index_remove(&store->area[file->storage].index,
                               (struct pm_slice){job->entry->name, job->entry->len});
        pm__store_index_insert(&store->area[file->storage].index, job->entry);
        job->entry = NULL;
        pm__store_file_uncount(file);
        file->temp[0] = 0; /* It has its name: closing no longer removes it. */
    }
    pm__store_file_release(file);
    pm__store_answer(store, op, result);
}

static int32_t store_commit_start(struct store_file *file)
{
    struct store_job *job = &file->job;
    struct store_area *area = &file->store->area[file->storage];
    job->run = store_commit_run;
    job->end = store_commit_end;
    job->fd = file->fd;
    job->dirfd = area->dirfd;
    job->durable = area->durable;
    job->size = file->size;
    job->replace = file->replace;
    job->len = 0;
    job->result = file->error;
    memcpy(job->temp, file->temp, sizeof job->temp);
    pm__store_job_exclusive(job);
    return PM_PENDING;
}

/* What can be said at once about a commit. */
static int32_t store_commit_check(struct store_file *file, enum pm_storage storage,
                                  struct pm_slice name)
{
    if (storage != (enum pm_storage)file->storage || !pm__store_name_encode(name, file->job.name)) {
        return PM_ERR_IO;
    }
    if (!file->replace && pm__store_index_find(&file->store->area[storage].index, name) != NULL) {
        return PM_ERR_EXISTS;
    }
    file->job.entry = pm__store_entry_new(name);
    return file->job.entry != NULL ? PM_OK : PM_ERR_NO_MEMORY;
}

int32_t pm__store_commit(struct pm_store *store, struct pm_op *op, pm_file number,
                         enum pm_storage storage, struct pm_slice name, bool replace)
{
    struct store_file *file = pm__store_file(store, number);
    if (file == NULL || file->kind != STORE_NEW) {
        return PM_ERR_IO;
    }
    if (file->op != NULL) {
        return PM_ERR_BUSY;
    }
    file->replace = replace;
    int32_t result = store_commit_check(file, storage, name);
    if (result != PM_OK) {
        pm__store_file_release(file);
        return result;
    }
    if (replace) {
        pm__store_read_unname(store, file->storage, file->job.name);
    }
    file->op = op;
    file->wait = STORE_COMMITTING;
    return pm__store_write_advance(file);
}
