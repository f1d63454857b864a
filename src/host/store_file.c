/* SPDX-License-Identifier: MIT */
/* The table of open files of a store, and their end. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/store_internal.h"

struct store_file *pm__store_file_new(struct pm_store *store, enum store_kind kind,
                                      enum pm_storage storage)
{
    size_t slot = 0;
    while (slot < STORE_FILES && store->files[slot] != NULL) {
        slot++;
    }
    struct store_file *file = slot < STORE_FILES ? calloc(1, sizeof *file) : NULL;
    if (file != NULL) {
        file->store = store;
        file->kind = kind;
        file->storage = (uint8_t)storage;
        file->fd = -1;
        file->job.store = store;
        file->job.file = file;
        store->files[slot] = file;
    }
    return file;
}

struct store_file *pm__store_file(struct pm_store *store, pm_file number)
{
    if (number < 0 || number >= STORE_FILES) {
        return NULL;
    }
    struct store_file *file = store->files[number];
    return file != NULL && !file->closing && file->fd >= 0 ? file : NULL;
}

pm_file pm__store_file_number(const struct store_file *file)
{
    pm_file number = 0;
    while (file->store->files[number] != file) {
        number++;
    }
    return number;
}

void pm__store_file_uncount(struct store_file *file)
{
    struct store_area *area = &file->store->area[file->storage];
    if (file->counted) {
        area->reserved -= file->reserved;
        area->unfinished--;
        file->counted = false;
    }
}

static void store_file_forget(struct store_file *file)
{
    file->store->files[pm__store_file_number(file)] = NULL;
    free(file->fill);
    free(file->flush);
    free(file->window[0].data);
    free(file->window[1].data);
    free(file->job.entry);
    free(file);
}

static void store_release_run(struct store_job *job)
{
    if (job->durable) {
        (void)fsync(job->fd); /* Nobody is left who could be told. */
    }
    if (job->temp[0] != 0) {
        (void)unlinkat(job->dirfd, job->temp, 0);
    }
    /* The last reference to a large deleted file: freeing its blocks takes time. */
    if (job->fd >= 0) {
        (void)close(job->fd);
    }
}

static void store_release_end(struct store_job *job)
{
    store_file_forget(job->file);
}

void pm__store_file_release(struct store_file *file)
{
    file->closing = true;
    file->op = NULL;
    file->wait = STORE_IDLE;
    if (file->job.active) {
        return; /* The end of that job comes back here. */
    }
    pm__store_file_uncount(file);
    if (file->entry != NULL) {
        file->entry->editor = NULL;
        file->entry = NULL;
    }
    (void)pm__store_job_withdraw(&file->job);
    if (file->fd < 0) {
        store_file_forget(file);
        return;
    }
    struct store_job *job = &file->job;
    job->run = store_release_run;
    job->end = store_release_end;
    job->dirfd = file->store->area[file->storage].dirfd;
    job->fd = file->fd;
    job->durable = file->dirty && file->store->area[file->storage].durable;
    memcpy(job->temp, file->temp, sizeof job->temp);
    pm__store_job_start(job);
}

void pm__store_file_answer(struct store_file *file, int32_t result)
{
    struct pm_op *op = file->op;
    file->op = NULL;
    file->wait = STORE_IDLE;
    pm__store_answer(file->store, op, result);
}

void pm__store_file_resume(struct store_file *file)
{
    int32_t result = PM_PENDING;
    switch (file->wait) {
    case STORE_READING: result = pm__store_read_advance(file); break;
    case STORE_WRITING:
    case STORE_COMMITTING: result = pm__store_write_advance(file); break;
    case STORE_CHANGE_WAITS: result = pm__store_change_advance(file); break;
    default: return;
    }
    if (result != PM_PENDING) {
        pm__store_file_answer(file, result);
    }
}

void pm__store_file_close(struct pm_store *store, pm_file number)
{
    struct store_file *file = pm__store_file(store, number);
    if (file != NULL) {
        pm__store_file_release(file);
    }
}
