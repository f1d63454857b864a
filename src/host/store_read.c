/* SPDX-License-Identifier: MIT */
/*
 * Reading files. What lies in the page cache is read at once. Where a read would wait for the
 * disk, the pool fetches a window of 256 KiB, and the next one while the caller eats the
 * first, so that a large attachment waits for the disk's throughput, not for its latency.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "host/store_internal.h"

/* ---- Opening ---- */

static void store_open_run(struct store_job *job)
{
    /* O_NONBLOCK: a FIFO that somebody put there must not hang the pool. */
    job->fd = openat(job->dirfd, job->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    int error = 0;
    if (job->fd < 0 || fstat(job->fd, &st) != 0) {
        error = errno;
    } else if (!S_ISREG(st.st_mode)) {
        error = EIO;
    } else {
        job->size = (uint64_t)st.st_size;
        job->time = st.st_mtim;
        (void)posix_fadvise(job->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    if (error != 0 && job->fd >= 0) {
        (void)close(job->fd);
        job->fd = -1;
    }
    job->result = pm__store_status(error);
}

static void store_open_end(struct store_job *job)
{
    struct store_file *file = job->file;
    int32_t result = job->result;
    file->fd = job->fd;
    if (file->closing || result != PM_OK) {
        struct pm_op *op = file->op;
        struct pm_store *store = file->store;
        pm__store_file_release(file);
        pm__store_answer(store, op, result);
        return;
    }
    file->size = job->size;
    file->time = job->time;
    *file->size_out = job->size;
    pm__store_file_answer(file, pm__store_file_number(file));
}

int32_t pm__store_open(struct pm_store *store, struct pm_op *op, enum pm_storage storage,
                       struct pm_slice name, uint64_t *size)
{
    struct store_area *area = pm__store_area(store, storage);
    if (area == NULL) {
        return PM_ERR_NO_STORAGE;
    }
    if (pm__store_index_find(&area->index, name) == NULL) {
        return PM_ERR_NOT_FOUND;
    }
    struct store_file *file = pm__store_file_new(store, STORE_READ, storage);
    if (file == NULL) {
        return PM_ERR_NO_MEMORY;
    }
    struct store_job *job = &file->job;
    (void)pm__store_name_encode(name, job->name); /* It is in the index: it has an encoding. */
    job->dirfd = area->dirfd;
    job->run = store_open_run;
    job->end = store_open_end;
    file->op = op;
    file->wait = STORE_OPENING;
    file->size_out = size;
    pm__store_job_start(job);
    return PM_PENDING;
}

/* ---- Changes by others ---- */

void pm__store_read_unname(struct pm_store *store, uint8_t storage, const char *name)
{
    for (size_t i = 0; i < STORE_FILES; i++) {
        struct store_file *file = store->files[i];
        if (file != NULL && file->kind == STORE_READ && file->storage == storage &&
            strcmp(file->job.name, name) == 0) {
            file->removed = true;
        }
    }
}

/* Asks for what the kernel has of the file in memory, so that a network never delays it. */
bool pm__store_changed(struct pm_store *store, pm_file number)
{
    const struct store_file *file = pm__store_file(store, number);
    struct statx st;
    if (file == NULL || statx(file->fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
                              STATX_SIZE | STATX_MTIME | STATX_NLINK, &st) != 0) {
        return true;
    }
    bool same = st.stx_size == file->size && st.stx_mtime.tv_sec == file->time.tv_sec &&
                st.stx_mtime.tv_nsec == (uint32_t)file->time.tv_nsec;
    bool named = st.stx_nlink > 0 || file->removed;
    if (!same || !named) {
        pm__store_log(store, PM_LOG_WARNING, "a file was %s behind the module's back, name %s",
                      same ? "removed" : "changed", file->job.name);
    }
    return !same || !named;
}

/* ---- Reading ahead ---- */

static void store_window_run(struct store_job *job)
{
    ssize_t n;
    do {
        n = pread(job->fd, job->data, job->len, (off_t)job->offset);
    } while (n < 0 && errno == EINTR);
    job->len = n > 0 ? (size_t)n : 0;
    job->result = n < 0 ? pm__store_status(errno) : PM_OK;
}

static void store_window_end(struct store_job *job)
{
    struct store_file *file = job->file;
    struct store_window *window = &file->window[file->filling];
    if (file->closing) {
        pm__store_file_release(file);
        return;
    }
    window->start = job->offset;
    window->len = file->stale ? 0 : job->len;
    /* What a read-ahead meets is no news until somebody asks for those bytes. */
    bool mine = file->wait == STORE_READING && job->offset == file->offset;
    if (mine && (job->result != PM_OK || job->len == 0)) {
        pm__store_file_answer(file, job->result);
        return;
    }
    pm__store_file_resume(file);
}

static int32_t store_window_start(struct store_file *file, uint8_t which, uint64_t offset)
{
    struct store_window *window = &file->window[which];
    if (window->data == NULL) {
        window->data = malloc(STORE_WINDOW);
    }
    if (window->data == NULL) {
        return PM_ERR_NO_MEMORY;
    }
    struct store_job *job = &file->job;
    window->len = 0;
    file->filling = which;
    file->stale = false;
    job->run = store_window_run;
    job->end = store_window_end;
    job->fd = file->fd;
    job->data = window->data;
    job->len = STORE_WINDOW;
    job->offset = offset;
    pm__store_job_start(job);
    return PM_PENDING;
}

static bool store_window_holds(const struct store_window *window, uint64_t offset)
{
    return window->len > 0 && offset >= window->start && offset - window->start < window->len;
}

/* Fetches what follows window `which`, unless it is there or on its way. */
static void store_window_ahead(struct store_file *file, uint8_t which)
{
    uint64_t next = file->window[which].start + file->window[which].len;
    uint8_t other = which ^ 1U;
    if (!file->job.active && next < file->size && !store_window_holds(&file->window[other], next)) {
        /* Without memory there is no reading ahead, and reads still work. */
        (void)store_window_start(file, other, next);
    }
}

/* Takes bytes of the waiting read from a window. False when neither holds them. */
static bool store_window_take(struct store_file *file, int32_t *result)
{
    for (uint8_t which = 0; which < 2; which++) {
        const struct store_window *window = &file->window[which];
        if (!store_window_holds(window, file->offset)) {
            continue;
        }
        size_t skip = (size_t)(file->offset - window->start);
        size_t n = window->len - skip;
        if (n > file->len) {
            n = file->len;
        }
        memcpy(file->to, window->data + skip, n);
        *result = (int32_t)n;
        store_window_ahead(file, which);
        return true;
    }
    return false;
}

/* The waiting read from the windows, or a window for it. */
int32_t pm__store_read_advance(struct store_file *file)
{
    int32_t result = 0;
    if (store_window_take(file, &result)) {
        return result;
    }
    return file->job.active ? PM_PENDING : store_window_start(file, 0, file->offset);
}

void pm__store_read_invalidate(struct store_file *file)
{
    file->window[0].len = 0;
    file->window[1].len = 0;
    file->stale = true;
}

/* ---- Reading ---- */

/* Reads without waiting. -1 when the disk would have to be asked. */
static ssize_t store_read_now(struct store_file *file)
{
    struct iovec io = {file->to, file->len};
    if (file->memory) {
        return preadv(file->fd, &io, 1, (off_t)file->offset);
    }
    if (file->no_nowait) {
        return -1;
    }
    ssize_t n = preadv2(file->fd, &io, 1, (off_t)file->offset, RWF_NOWAIT);
    if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)) {
        struct statfs fs;
        file->no_nowait = true;
        file->memory = fstatfs(file->fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
        return file->memory ? preadv(file->fd, &io, 1, (off_t)file->offset) : -1;
    }
    return n;
}

static int32_t store_read_start(struct store_file *file)
{
    int32_t result = 0;
    if (store_window_take(file, &result)) {
        return result;
    }
    ssize_t n = store_read_now(file);
    return n >= 0 ? (int32_t)n : pm__store_read_advance(file);
}

int32_t pm__store_read(struct pm_store *store, struct pm_op *op, pm_file number, uint64_t offset,
                       uint8_t *data, size_t len)
{
    struct store_file *file = pm__store_file(store, number);
    if (file == NULL || file->kind == STORE_NEW) {
        return PM_ERR_IO;
    }
    if (file->op != NULL) {
        return PM_ERR_BUSY;
    }
    if (offset >= file->size || len == 0) {
        return 0;
    }
    file->offset = offset;
    file->to = data;
    file->len = len < INT32_MAX ? len : INT32_MAX;
    file->wait = STORE_READING;
    int32_t result = store_read_start(file);
    if (result == PM_PENDING) {
        file->op = op;
    } else {
        file->wait = STORE_IDLE;
    }
    return result;
}
