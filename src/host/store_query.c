/* SPDX-License-Identifier: MIT */
/* Asking for files and storages, deleting, the profile, and loading a file at once. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "host/profile.h"
#include "host/store_internal.h"

uint64_t pm__store_area_free(const struct store_area *area)
{
    uint64_t taken = area->index.bytes + area->reserved;
    uint64_t limit = area->limit > 0 ? area->limit : UINT64_MAX;
    return taken < limit ? limit - taken : 0;
}

int32_t pm__store_stat(struct pm_store *store, enum pm_storage storage, struct pm_slice name,
                       uint64_t *size)
{
    const struct store_area *area = pm__store_area(store, storage);
    if (area == NULL) {
        return PM_ERR_NO_STORAGE;
    }
    const struct store_entry *entry = pm__store_index_find(&area->index, name);
    if (entry == NULL) {
        return PM_ERR_NOT_FOUND;
    }
    *size = entry->size;
    return PM_OK;
}

int32_t pm__store_next(struct pm_store *store, enum pm_storage storage, struct pm_slice after,
                       struct pm_file_entry *entry)
{
    const struct store_area *area = pm__store_area(store, storage);
    if (area == NULL) {
        return PM_ERR_NO_STORAGE;
    }
    const struct store_entry *next = pm__store_index_next(&area->index, after);
    if (next == NULL) {
        return PM_ERR_NOT_FOUND;
    }
    memcpy(entry->name, next->name, next->len);
    entry->name_len = next->len;
    entry->size = next->size;
    return PM_OK;
}

/* ---- Sizes ---- */

static void store_info_run(struct store_job *job)
{
    struct statvfs fs;
    if (fstatvfs(job->dirfd, &fs) != 0) {
        job->result = pm__store_status(errno);
        return;
    }
    job->offset = (uint64_t)fs.f_blocks * fs.f_frsize;
    job->size = (uint64_t)fs.f_bavail * fs.f_frsize;
    job->result = PM_OK;
}

static void store_info_end(struct store_job *job)
{
    if (job->op != NULL && job->result == PM_OK) {
        struct pm_storage_info *info = job->info;
        info->total = job->offset;
        info->free = job->size;
    }
    pm__store_answer(job->store, job->op, job->result);
    pm__store_job_free(job);
}

int32_t pm__store_info(struct pm_store *store, struct pm_op *op, enum pm_storage storage,
                       struct pm_storage_info *info)
{
    const struct store_area *area = pm__store_area(store, storage);
    if (area == NULL) {
        return PM_ERR_NO_STORAGE;
    }
    info->used = area->index.bytes;
    info->files = (uint32_t)area->index.count;
    info->total = area->limit;
    info->free = pm__store_area_free(area);
    if (area->limit > 0) {
        return PM_OK;
    }
    struct store_job *job = pm__store_job_new(store, op);
    if (job == NULL) {
        return PM_ERR_NO_MEMORY;
    }
    job->run = store_info_run;
    job->end = store_info_end;
    job->dirfd = area->dirfd;
    job->info = info;
    pm__store_job_start(job);
    return PM_PENDING;
}

/* ---- Deleting ---- */

static void store_delete_run(struct store_job *job)
{
    int error = unlinkat(job->dirfd, job->name, 0) == 0 ? 0 : errno;
    bool gone = error == 0 || error == ENOENT;
    if (error == 0 && job->durable && fsync(job->dirfd) != 0) {
        error = errno;
    }
    job->result = pm__store_status(error);
    job->len = gone;
}

static void store_delete_end(struct store_job *job)
{
    if (job->len != 0) {
        struct pm_slice name = {job->entry->name, job->entry->len};
        pm__store_index_remove(&job->store->area[job->storage].index, name);
    }
    free(job->entry);
    pm__store_answer(job->store, job->op, job->result);
    pm__store_job_free(job);
}

int32_t pm__store_delete(struct pm_store *store, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name)
{
    const struct store_area *area = pm__store_area(store, storage);
    if (area == NULL) {
        return PM_ERR_NO_STORAGE;
    }
    if (pm__store_index_find(&area->index, name) == NULL) {
        return PM_ERR_NOT_FOUND;
    }
    struct store_entry *entry = pm__store_entry_new(name);
    struct store_job *job = entry != NULL ? pm__store_job_new(store, op) : NULL;
    if (job == NULL) {
        free(entry);
        return PM_ERR_NO_MEMORY;
    }
    (void)pm__store_name_encode(name, job->name); /* It is in the index: it has an encoding. */
    job->run = store_delete_run;
    job->end = store_delete_end;
    job->dirfd = area->dirfd;
    job->durable = area->durable;
    job->storage = (uint8_t)storage;
    job->entry = entry;
    pm__store_read_unname(store, job->storage, job->name);
    pm__store_job_exclusive(job);
    return PM_PENDING;
}

/* ---- Profile ---- */

static struct store_profile *store_profile_find(const struct pm_store *store, uint8_t key)
{
    struct store_profile *profile = store->profiles;
    while (profile != NULL && profile->key != key) {
        profile = profile->next;
    }
    return profile;
}

/* Takes `data` over; NULL: no memory, and it is freed. */
static struct store_profile *store_profile_keep(struct pm_store *store, uint8_t key, uint8_t *data,
                                                size_t len)
{
    struct store_profile *profile = store_profile_find(store, key);
    if (profile == NULL) {
        profile = calloc(1, sizeof *profile);
        if (profile == NULL) {
            OPENSSL_clear_free(data, len);
            return NULL;
        }
        profile->key = key;
        profile->next = store->profiles;
        store->profiles = profile;
    }
    OPENSSL_clear_free(profile->data, profile->len);
    profile->data = data;
    profile->len = len;
    return profile;
}

static void store_profile_run(struct store_job *job)
{
    job->error = pm_profile_write(job->dirfd, job->key, job->data, job->len, job->durable);
    job->result = pm__store_status(job->error);
}

static void store_profile_end(struct store_job *job)
{
    if (job->result == PM_OK) {
        /* The blob alone is kept, at the start of its memory. */
        size_t len = job->len - PM_PROFILE_HEAD;
        memmove(job->data, job->data + PM_PROFILE_HEAD, len);
        OPENSSL_cleanse(job->data + len, PM_PROFILE_HEAD);
        (void)store_profile_keep(job->store, job->key, job->data, len); /* It is on the disk. */
    } else {
        pm__store_log(job->store, PM_LOG_WARNING, "%s/profile.%u cannot be written: %s",
                      job->store->dir, job->key, strerror(job->error));
        OPENSSL_clear_free(job->data, job->len);
    }
    pm__store_answer(job->store, job->op, job->result);
    pm__store_job_free(job);
}

int32_t pm__store_profile_save(struct pm_store *store, struct pm_op *op, uint8_t key,
                               const uint8_t *data, size_t len)
{
    if (len == 0 || len > STORE_PROFILE_MAX || !pm__store_made(store)) {
        return PM_ERR_IO;
    }
    uint8_t *packed = OPENSSL_malloc(PM_PROFILE_HEAD + len);
    bool good = packed != NULL && pm_profile_pack(data, len, packed);
    struct store_job *job = good ? pm__store_job_new(store, op) : NULL;
    if (job == NULL) {
        OPENSSL_clear_free(packed, PM_PROFILE_HEAD + len);
        return PM_ERR_NO_MEMORY;
    }
    job->run = store_profile_run;
    job->end = store_profile_end;
    job->dirfd = store->dirfd;
    job->durable = !store->temporary;
    job->key = key;
    job->data = packed;
    job->len = PM_PROFILE_HEAD + len;
    pm__store_job_exclusive(job);
    return PM_PENDING;
}

int32_t pm__store_profile_load(struct pm_store *store, uint8_t key, uint8_t *data, size_t cap)
{
    const struct store_profile *profile = store_profile_find(store, key);
    if (profile == NULL) {
        uint8_t buffer[STORE_PROFILE_MAX];
        int n = store->late ? 0 : pm_profile_read(store->dirfd, key, buffer, sizeof buffer);
        if (n < 0) {
            pm__store_log(store, PM_LOG_WARNING,
                          "%s/profile.%u is damaged and was ignored: factory settings serve",
                          store->dir, key);
        }
        size_t len = n > 0 ? (size_t)n : 0;
        uint8_t *copy = len > 0 ? OPENSSL_memdup(buffer, len) : NULL;
        OPENSSL_cleanse(buffer, sizeof buffer);
        if (len > 0 && copy == NULL) {
            return PM_ERR_NO_MEMORY;
        }
        profile = store_profile_keep(store, key, copy, len);
        if (profile == NULL) {
            return PM_ERR_NO_MEMORY;
        }
    }
    if (profile->len > cap) {
        return PM_ERR_IO;
    }
    if (profile->len > 0) {
        memcpy(data, profile->data, profile->len);
    }
    return (int32_t)profile->len;
}

/* ---- Loading at once ---- */

static int store_load_fd(int fd, uint8_t **data, size_t *data_len, size_t max)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return PM_ERR_IO;
    }
    if ((uint64_t)st.st_size > max) {
        return PM_ERR_NO_SPACE;
    }
    size_t size = (size_t)st.st_size;
    uint8_t *buffer = malloc(size + 1); /* one more: an empty file has an address, too */
    if (buffer == NULL) {
        return PM_ERR_NO_MEMORY;
    }
    size_t len = 0;
    while (len < size) {
        ssize_t n = pread(fd, buffer + len, size - len, (off_t)len);
        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            OPENSSL_cleanse(buffer, size); /* it may be a private key */
            free(buffer);
            return PM_ERR_IO;
        }
        len += n > 0 ? (size_t)n : 0;
    }
    *data = buffer;
    *data_len = len;
    return PM_OK;
}

int pm_store_load(struct pm_store *store, enum pm_storage storage, const uint8_t *name, size_t len,
                  uint8_t **data, size_t *data_len, size_t max)
{
    char encoded[STORE_NAME_SIZE];
    struct pm_slice slice = {name, len};
    const struct store_area *area = pm__store_area(store, storage);
    if (area == NULL) {
        return PM_ERR_NO_STORAGE;
    }
    if (pm__store_index_find(&area->index, slice) == NULL ||
        !pm__store_name_encode(slice, encoded)) {
        return PM_ERR_NOT_FOUND;
    }
    int fd = openat(area->dirfd, encoded, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return (int)pm__store_status(errno);
    }
    int result = store_load_fd(fd, data, data_len, max);
    (void)close(fd);
    return result;
}
