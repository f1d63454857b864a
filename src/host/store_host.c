/* SPDX-License-Identifier: MIT */
/* The store as a part of a host module: the file members of its platform. */
#include <string.h>

#include "host/host.h"
#include "host/store_internal.h"

static void store_host_done(void *user, struct pm_op *op, int32_t result)
{
    pm_host_done(user, op, result);
}

static void store_host_log(void *user, enum pm_log_level level, const char *text)
{
    struct pm_host_module *host = user;
    pm_log_write(host->log, level, text, strlen(text));
}

static void store_host_ended(void *user)
{
    const struct pm_host_module *host = user;
    if (host->part_ended != NULL) {
        host->part_ended(host->part_ended_user);
    }
}

struct pm_store *pm_store_open(struct pm_host_module *host, uv_loop_t *loop,
                               const struct pm_store_options *options, char *err, size_t err_size)
{
    struct pm_store_sink sink = {host, store_host_done, store_host_log, store_host_ended};
    return pm_store_open_sink(&sink, loop, options, err, err_size);
}

static int32_t host_file_create(void *user, struct pm_op *op, enum pm_storage storage,
                                uint64_t size)
{
    return pm__store_create(pm_host_store(user), op, storage, size);
}

static int32_t host_scratch_create(void *user, struct pm_op *op)
{
    return pm__store_scratch(pm_host_store(user), op);
}

static int32_t host_file_write(void *user, struct pm_op *op, pm_file file, const uint8_t *data,
                               size_t len)
{
    return pm__store_write(pm_host_store(user), op, file, data, len);
}

static int32_t host_file_commit(void *user, struct pm_op *op, pm_file file, enum pm_storage storage,
                                struct pm_slice name, bool replace)
{
    return pm__store_commit(pm_host_store(user), op, file, storage, name, replace);
}

static int32_t host_file_open(void *user, struct pm_op *op, enum pm_storage storage,
                              struct pm_slice name, uint64_t *size)
{
    return pm__store_open(pm_host_store(user), op, storage, name, size);
}

static int32_t host_file_read(void *user, struct pm_op *op, pm_file file, uint64_t offset,
                              uint8_t *data, size_t len)
{
    return pm__store_read(pm_host_store(user), op, file, offset, data, len);
}

static bool host_file_changed(void *user, pm_file file)
{
    return pm__store_changed(pm_host_store(user), file);
}

static void host_file_close(void *user, pm_file file)
{
    pm__store_file_close(pm_host_store(user), file);
}

static int32_t host_file_stat(void *user, struct pm_op *op, enum pm_storage storage,
                              struct pm_slice name, uint64_t *size)
{
    (void)op; /* The index answers at once. */
    return pm__store_stat(pm_host_store(user), storage, name, size);
}

static int32_t host_file_delete(void *user, struct pm_op *op, enum pm_storage storage,
                                struct pm_slice name)
{
    return pm__store_delete(pm_host_store(user), op, storage, name);
}

static int32_t host_file_rename(void *user, struct pm_op *op, enum pm_storage storage,
                                struct pm_slice from, struct pm_slice to, bool replace)
{
    return pm__store_rename(pm_host_store(user), op, storage, from, to, replace);
}

static int32_t host_file_edit(void *user, struct pm_op *op, enum pm_storage storage,
                              struct pm_slice name, bool empty, uint64_t *size)
{
    return pm__store_edit(pm_host_store(user), op, storage, name, empty, size);
}

static int32_t host_file_write_at(void *user, struct pm_op *op, pm_file file, uint64_t offset,
                                  const uint8_t *data, size_t len)
{
    return pm__store_write_at(pm_host_store(user), op, file, offset, data, len);
}

static int32_t host_file_truncate(void *user, struct pm_op *op, pm_file file, uint64_t size)
{
    return pm__store_truncate(pm_host_store(user), op, file, size);
}

static int32_t host_file_sync(void *user, struct pm_op *op, pm_file file)
{
    return pm__store_sync(pm_host_store(user), op, file);
}

static int32_t host_file_next(void *user, struct pm_op *op, enum pm_storage storage,
                              struct pm_slice after, struct pm_file_entry *entry)
{
    (void)op; /* The index answers at once. */
    return pm__store_next(pm_host_store(user), storage, after, entry);
}

static int32_t host_storage_info(void *user, struct pm_op *op, enum pm_storage storage,
                                 struct pm_storage_info *info)
{
    return pm__store_info(pm_host_store(user), op, storage, info);
}

static int32_t host_profile_save(void *user, struct pm_op *op, uint8_t key, const uint8_t *data,
                                 size_t len)
{
    return pm__store_profile_save(pm_host_store(user), op, key, data, len);
}

static int32_t host_profile_load(void *user, uint8_t key, uint8_t *data, size_t cap)
{
    return pm__store_profile_load(pm_host_store(user), key, data, cap);
}

void pm_store_platform(struct pm_store *store, struct pm_platform *platform)
{
    (void)store; /* The functions find it through platform->user. */
    platform->file_create = host_file_create;
    platform->scratch_create = host_scratch_create;
    platform->file_write = host_file_write;
    platform->file_commit = host_file_commit;
    platform->file_open = host_file_open;
    platform->file_read = host_file_read;
    platform->file_changed = host_file_changed;
    platform->file_close = host_file_close;
    platform->file_stat = host_file_stat;
    platform->file_delete = host_file_delete;
    platform->file_rename = host_file_rename;
    platform->file_edit = host_file_edit;
    platform->file_write_at = host_file_write_at;
    platform->file_truncate = host_file_truncate;
    platform->file_sync = host_file_sync;
    platform->file_next = host_file_next;
    platform->storage_info = host_storage_info;
    platform->profile_save = host_profile_save;
    platform->profile_load = host_profile_load;
}
