/* SPDX-License-Identifier: MIT */
/* Jobs of the thread pool, and the queue of those that change names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/store_internal.h"

int32_t pm__store_status(int error)
{
    switch (error) {
    case 0: return PM_OK;
    case ENOENT: return PM_ERR_NOT_FOUND;
    case EEXIST: return PM_ERR_EXISTS;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return PM_ERR_NO_SPACE;
    case ENOMEM:
    case EMFILE:
    case ENFILE: return PM_ERR_NO_MEMORY;
    default: return PM_ERR_IO;
    }
}

int pm__store_pwrite_all(int fd, const uint8_t *data, size_t len, uint64_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pwrite(fd, data + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static void store_job_work(uv_work_t *work)
{
    struct store_job *job = work->data;
    job->run(job);
}

static void store_job_start_head(struct pm_store *store)
{
    if (store->queue_head != NULL && !store->queue_head->active) {
        pm__store_job_start(store->queue_head);
    }
}

static void store_job_after(uv_work_t *work, int status);

static void store_job_submit(struct store_job *job)
{
    job->store->pooled++;
    if (uv_queue_work(job->store->loop, &job->work, store_job_work, store_job_after) != 0) {
        abort(); /* libuv refuses only a call without a function. */
    }
}

/* The next job that waits for the pool takes the place of one that has left it. */
static void store_job_next(struct pm_store *store)
{
    struct store_job *job = store->pending_head;
    store->pooled--;
    if (job != NULL) {
        store->pending_head = job->pending;
        if (store->pending_head == NULL) {
            store->pending_end = &store->pending_head;
        }
        job->pending = NULL;
        store_job_submit(job);
    }
}

static void store_job_after(uv_work_t *work, int status)
{
    struct store_job *job = work->data;
    struct pm_store *store = job->store;
    (void)status; /* Jobs are never cancelled once started: they own what they touch. */
    job->active = false;
    store_job_next(store);
    if (store->queue_head == job) {
        store->queue_head = job->queued;
        job->queued = NULL;
    }
    job->end(job); /* may free the job */
    store_job_start_head(store);
    store->running--; /* only now: the store must outlast a close from within job->end() */
    pm__store_maybe_end(store);
}

void pm__store_job_start(struct store_job *job)
{
    job->active = true;
    job->work.data = job;
    struct pm_store *store = job->store;
    store->running++;
    if (store->pooled < STORE_POOL_SHARE) {
        store_job_submit(job);
    } else {
        job->pending = NULL;
        *store->pending_end = job;
        store->pending_end = &job->pending;
    }
}

void pm__store_job_exclusive(struct store_job *job)
{
    struct store_job **tail = &job->store->queue_head;
    while (*tail != NULL) {
        tail = &(*tail)->queued;
    }
    job->queued = NULL;
    *tail = job;
    store_job_start_head(job->store);
}

bool pm__store_job_withdraw(struct store_job *job)
{
    if (job->active) {
        return false;
    }
    struct store_job **link = &job->store->queue_head;
    while (*link != NULL && *link != job) {
        link = &(*link)->queued;
    }
    if (*link == NULL) {
        return false;
    }
    *link = job->queued;
    job->queued = NULL;
    return true;
}

struct store_job *pm__store_job_new(struct pm_store *store, struct pm_op *op)
{
    struct store_job *job = calloc(1, sizeof *job);
    if (job != NULL) {
        job->store = store;
        job->op = op;
        job->next = store->jobs;
        store->jobs = job;
    }
    return job;
}

void pm__store_job_free(struct store_job *job)
{
    struct store_job **link = &job->store->jobs;
    while (*link != job) {
        link = &(*link)->next;
    }
    *link = job->next;
    free(job);
}

void pm__store_answer(struct pm_store *store, struct pm_op *op, int32_t result)
{
    if (op != NULL && !store->closed) {
        store->sink.done(store->sink.user, op, result);
    }
}
