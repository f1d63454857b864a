/* SPDX-License-Identifier: MIT */
/*
 * Files that are changed in place, and files that get another name. The pool writes copies of
 * what it is given, one change of a file after the other, so that the end of the program leaves
 * the changes that have ended and any first part of the one that runs. Only syncing makes them
 * last; a file that is closed without it is synced on its way out.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/store_internal.h"

/* The size of an edited file, where everybody looks for it. */
static void store_edit_sized(struct store_file *file, uint64_t size)
{
    file->size = size;
    if (file->entry != NULL) {
        struct store_index *index = &file->store->area[file->storage].index;
        index->bytes = index->bytes - file->entry->size + size;
        file->entry->size = size;
    }
}

/* ---- Opening ---- */

/* What is opened must be a plain file; its bytes go when that is asked for. 0 or an errno. */
static int store_edit_look(struct store_job *job)
{
    struct stat st;
    if (fstat(job->fd, &st) != 0) {
        return errno;
    }
    if (!S_ISREG(st.st_mode)) {
        return EIO;
    }
    if (job->empty && st.st_size > 0 && ftruncate(job->fd, 0) != 0) {
        return errno;
    }
    job->size = job->empty ? 0 : (uint64_t)st.st_size;
    return 0;
}

/* A job with an entry makes the file, unless an upload has had the name first. */
static void store_edit_run(struct store_job *job)
{
    const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    bool makes = job->entry != NULL;
    job->fd = openat(job->dirfd, job->name, flags | (makes ? O_CREAT | O_EXCL : 0), 0600);
    if (makes && job->fd < 0 && errno == EEXIST) {
        makes = false;
        job->fd = openat(job->dirfd, job->name, flags);
    }
    int error = job->fd < 0 ? errno : store_edit_look(job);
    if (error == 0 && makes && job->durable && fsync(job->dirfd) != 0) {
        error = errno;
    }
    if (error != 0 && job->fd >= 0) {
        if (makes) {
            (void)unlinkat(job->dirfd, job->name, 0);
        }
        (void)close(job->fd);
        job->fd = -1;
    }
    job->result = pm__store_status(error);
}

/* The index learns of a file that the index did not know when its opening began. */
static int32_t store_edit_enter(struct store_file *file)
{
    struct store_job *job = &file->job;
    struct store_index *index = &file->store->area[file->storage].index;
    struct store_entry *there =
        pm__store_index_find(index, (struct pm_slice){job->entry->name, job->entry->len});
    pm__store_file_uncount(file);
    if (there != NULL && there->editor != NULL) {
        return PM_ERR_BUSY;
    }
    if (there == NULL) {
        there = job->entry;
        job->entry = NULL; /* The index has it now. */
        pm__store_index_insert(index, there);
    }
    there->editor = file;
    file->entry = there;
    file->size = there->size;
    return PM_OK;
}

static void store_edit_end(struct store_job *job)
{
    struct store_file *file = job->file;
    int32_t result = job->result;
    file->fd = job->fd;
    if (result == PM_OK && job->entry != NULL) {
        result = store_edit_enter(file);
    }
    if (result == PM_OK) {
        file->dirty = job->empty && file->size > 0;
        store_edit_sized(file, job->size);
    }
    if (file->closing || result != PM_OK) {
        struct pm_op *op = file->op;
        struct pm_store *store = file->store;
        pm__store_file_release(file);
        pm__store_answer(store, op, result);
        return;
    }
    *file->size_out = file->size;
    pm__store_file_answer(file, pm__store_file_number(file));
}

/* Takes a place in the index for a file that is to be made. */
static int32_t store_edit_count(struct store_file *file, struct pm_slice name)
{
    struct store_area *area = &file->store->area[file->storage];
    if (area->index.count + area->unfinished >= STORE_ENTRIES) {
        return PM_ERR_NO_SPACE;
    }
    if (!pm__store_name_encode(name, file->job.name)) {
        return PM_ERR_IO;
    }
    file->job.entry = pm__store_entry_new(name);
    if (file->job.entry == NULL || !pm__store_index_reserve(&area->index, area->unfinished + 1)) {
        return PM_ERR_NO_MEMORY;
    }
    area->unfinished++;
    file->counted = true;
    return PM_OK;
}

int32_t pm__store_edit(struct pm_store *store, struct pm_op *op, enum pm_storage storage,
                       struct pm_slice name, bool empty, uint64_t *size)
{
    struct store_area *area = pm__store_area(store, storage);
    if (area == NULL) {
        return PM_ERR_NO_STORAGE;
    }
    struct store_entry *entry = pm__store_index_find(&area->index, name);
    if (entry != NULL && entry->editor != NULL) {
        return PM_ERR_BUSY;
    }
    struct store_file *file = pm__store_file_new(store, STORE_EDIT, storage);
    if (file == NULL) {
        return PM_ERR_NO_MEMORY;
    }
    struct store_job *job = &file->job;
    if (entry == NULL) {
        int32_t result = store_edit_count(file, name);
        if (result != PM_OK) {
            pm__store_file_release(file);
            return result;
        }
    } else {
        (void)pm__store_name_encode(name, job->name); /* It is in the index: it has an encoding. */
        entry->editor = file;
        file->entry = entry;
        file->size = entry->size;
    }
    job->dirfd = area->dirfd;
    job->durable = area->durable;
    job->empty = empty;
    job->run = store_edit_run;
    job->end = store_edit_end;
    file->op = op;
    file->wait = STORE_OPENING;
    file->size_out = size;
    pm__store_job_exclusive(job);
    return PM_PENDING;
}

/* ---- Changing ---- */

static int store_change_write(const struct store_job *job)
{
    int error = pm__store_pwrite_all(job->fd, job->data, job->len, job->offset);
    if (error != 0 && job->offset + job->len > job->size &&
        ftruncate(job->fd, (off_t)job->size) != 0) {
        error = EIO; /* Longer on the disk than we say, until the next start. */
    }
    return error;
}

static void store_change_run(struct store_job *job)
{
    int error = 0;
    if (job->key == STORE_CHANGE_WRITE) {
        error = store_change_write(job);
    } else if (job->key == STORE_CHANGE_TRUNCATE) {
        error = ftruncate(job->fd, (off_t)job->offset) == 0 ? 0 : errno;
    } else if (job->durable) {
        error = fsync(job->fd) == 0 ? 0 : errno;
    }
    job->result = pm__store_status(error);
}

static void store_change_done(struct store_file *file)
{
    const struct store_job *job = &file->job;
    file->dirty = job->key != STORE_CHANGE_SYNC || (file->dirty && job->result != PM_OK);
    if (job->result != PM_OK || job->key == STORE_CHANGE_SYNC) {
        return;
    }
    uint64_t end = job->offset + job->len;
    store_edit_sized(file, job->key == STORE_CHANGE_WRITE && end < file->size ? file->size : end);
}

static void store_change_end(struct store_job *job)
{
    struct store_file *file = job->file;
    struct store_area *area = &file->store->area[file->storage];
    area->reserved -= file->reserved;
    file->reserved = 0;
    store_change_done(file);
    free(job->data);
    job->data = NULL;
    if (file->closing) {
        pm__store_file_release(file);
    } else if (file->wait == STORE_CHANGING) {
        pm__store_file_answer(file, job->result);
    } else { /* It was cancelled; what came after it has waited. */
        pm__store_file_resume(file);
    }
}

int32_t pm__store_change_advance(struct store_file *file)
{
    struct store_job *job = &file->job;
    if (job->active) {
        return PM_PENDING;
    }
    uint8_t *copy = NULL;
    if (file->change == STORE_CHANGE_WRITE) {
        copy = malloc(file->len);
        if (copy == NULL) {
            return PM_ERR_NO_MEMORY;
        }
        memcpy(copy, file->from, file->len);
    }
    uint64_t end = file->offset + file->len;
    file->reserved = end > file->size ? end - file->size : 0;
    file->store->area[file->storage].reserved += file->reserved;
    job->run = store_change_run;
    job->end = store_change_end;
    job->fd = file->fd;
    job->durable = file->store->area[file->storage].durable;
    job->key = (uint8_t)file->change;
    job->data = copy;
    job->len = file->len;
    job->offset = file->offset;
    job->size = file->size;
    file->wait = STORE_CHANGING;
    pm__store_job_start(job);
    return PM_PENDING;
}

/* Begins a change, or has it wait for a read ahead. */
static int32_t store_change(struct store_file *file, struct pm_op *op, enum store_change change)
{
    pm__store_read_invalidate(file);
    file->change = change;
    file->wait = STORE_CHANGE_WAITS;
    int32_t result = pm__store_change_advance(file);
    if (result == PM_PENDING) {
        file->op = op;
    } else {
        file->wait = STORE_IDLE;
    }
    return result;
}

/* The edited file of a number, when nothing waits on it; else what there is to say. */
static int32_t store_edited(struct pm_store *store, pm_file number, struct store_file **file)
{
    *file = pm__store_file(store, number);
    if (*file == NULL || (*file)->kind != STORE_EDIT) {
        return PM_ERR_IO;
    }
    return (*file)->op != NULL ? PM_ERR_BUSY : PM_OK;
}

int32_t pm__store_write_at(struct pm_store *store, struct pm_op *op, pm_file number,
                           uint64_t offset, const uint8_t *data, size_t len)
{
    struct store_file *file = NULL;
    int32_t result = store_edited(store, number, &file);
    if (result != PM_OK || len == 0) {
        return result;
    }
    if (offset > file->size) {
        return PM_ERR_IO;
    }
    uint64_t inside = file->size - offset;
    if (len > inside && len - inside > pm__store_area_free(&store->area[file->storage])) {
        return PM_ERR_NO_SPACE;
    }
    file->from = data;
    file->len = len;
    file->offset = offset;
    return store_change(file, op, STORE_CHANGE_WRITE);
}

int32_t pm__store_truncate(struct pm_store *store, struct pm_op *op, pm_file number, uint64_t size)
{
    struct store_file *file = NULL;
    int32_t result = store_edited(store, number, &file);
    if (result != PM_OK || size > file->size) {
        return result != PM_OK ? result : PM_ERR_IO;
    }
    file->len = 0;
    file->offset = size;
    return store_change(file, op, STORE_CHANGE_TRUNCATE);
}

int32_t pm__store_sync(struct pm_store *store, struct pm_op *op, pm_file number)
{
    struct store_file *file = NULL;
    int32_t result = store_edited(store, number, &file);
    if (result != PM_OK || !file->dirty) {
        return result;
    }
    file->len = 0;
    file->offset = 0;
    return store_change(file, op, STORE_CHANGE_SYNC);
}

/* ---- Other names ---- */

/* `data` is the encoded new name; `len` tells whether the file has it. */
static void store_rename_run(struct store_job *job)
{
    int error = pm__store_rename_disk(job->dirfd, job->name, (const char *)job->data, job->replace);
    job->len = error == 0;
    if (error == 0 && job->durable && fsync(job->dirfd) != 0) {
        error = errno;
    }
    job->result = pm__store_status(error);
}

static void store_renamed(struct store_index *index, struct store_job *job)
{
    uint8_t from[PM_FILE_NAME_SIZE];
    uint8_t from_len = 0;
    (void)pm__store_name_decode(job->name, from, &from_len);
    const struct pm_slice old = {from, from_len};
    struct store_entry *entry = pm__store_index_find(index, old);
    if (entry == NULL) {
        return;
    }
    job->entry->size = entry->size;
    job->entry->editor = entry->editor;
    if (entry->editor != NULL) {
        entry->editor->entry = job->entry;
        entry->editor = NULL;
    }
    pm__store_index_remove(index, old);
    pm__store_index_remove(index, (struct pm_slice){job->entry->name, job->entry->len});
    pm__store_index_insert(index, job->entry);
    job->entry = NULL;
}

static void store_rename_end(struct store_job *job)
{
    if (job->len != 0) {
        store_renamed(&job->store->area[job->storage].index, job);
    }
    free(job->entry);
    free(job->data);
    pm__store_answer(job->store, job->op, job->result);
    pm__store_job_free(job);
}

/* The job, with memory for what it needs; NULL without. */
static struct store_job *store_rename_job(struct pm_store *store, struct pm_op *op,
                                          struct pm_slice from, struct pm_slice to)
{
    struct store_job *job = pm__store_job_new(store, op);
    if (job == NULL) {
        return NULL;
    }
    job->entry = pm__store_entry_new(to);
    job->data = malloc(STORE_NAME_SIZE);
    if (job->entry == NULL || job->data == NULL) {
        free(job->entry);
        free(job->data);
        pm__store_job_free(job);
        return NULL;
    }
    (void)pm__store_name_encode(from, job->name); /* It is in the index: it has an encoding. */
    return job;
}

int32_t pm__store_rename(struct pm_store *store, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice from, struct pm_slice to, bool replace)
{
    const struct store_area *area = pm__store_area(store, storage);
    char encoded[STORE_NAME_SIZE];
    if (area == NULL) {
        return PM_ERR_NO_STORAGE;
    }
    if (!pm__store_name_encode(to, encoded)) {
        return PM_ERR_IO;
    }
    if (pm__store_index_find(&area->index, from) == NULL) {
        return PM_ERR_NOT_FOUND;
    }
    if (!replace && pm__store_index_find(&area->index, to) != NULL) {
        return PM_ERR_EXISTS;
    }
    struct store_job *job = store_rename_job(store, op, from, to);
    if (job == NULL) {
        return PM_ERR_NO_MEMORY;
    }
    memcpy(job->data, encoded, sizeof encoded);
    job->dirfd = area->dirfd;
    job->durable = area->durable;
    job->storage = (uint8_t)storage;
    job->replace = replace;
    pm__store_read_unname(store, job->storage, job->name);
    pm__store_read_unname(store, job->storage, encoded);
    job->run = store_rename_run;
    job->end = store_rename_end;
    pm__store_job_exclusive(job);
    return PM_PENDING;
}
