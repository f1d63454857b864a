/* SPDX-License-Identifier: MIT */
/* Files of the world: slots in memory. */
#include <stdlib.h>
#include <string.h>

#include "play/world.h"

static int compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    size_t n = a_len < b_len ? a_len : b_len;
    int order = n == 0 ? 0 : memcmp(a, b, n);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

struct world_file *world_find(struct world *w, enum pm_storage storage, const void *name,
                              size_t len)
{
    for (size_t i = 0; i < WORLD_FILES; i++) {
        struct world_file *f = &w->files[i];
        if (f->used && f->named && f->storage == storage &&
            compare(f->name, f->name_len, name, len) == 0) {
            return f;
        }
    }
    return NULL;
}

size_t world_temporary(const struct world *w)
{
    size_t n = 0;
    for (size_t i = 0; i < WORLD_FILES; i++) {
        n += w->files[i].used && w->files[i].temporary ? 1U : 0U;
    }
    return n;
}

static uint64_t used(const struct world *w, enum pm_storage storage)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < WORLD_FILES; i++) {
        if (w->files[i].used && w->files[i].storage == storage) {
            bytes += w->files[i].len;
        }
    }
    return bytes;
}

static int32_t new_file(struct world *w, enum pm_storage storage)
{
    for (size_t i = 0; i < WORLD_FILES; i++) {
        if (!w->files[i].used) {
            memset(&w->files[i], 0, sizeof w->files[i]);
            w->files[i].used = true;
            w->files[i].temporary = true;
            w->files[i].storage = storage;
            return (int32_t)i;
        }
    }
    return PM_ERR_NO_MEMORY;
}

static void drop(struct world_file *f)
{
    free(f->data);
    memset(f, 0, sizeof *f);
}

static bool append(struct world_file *f, const uint8_t *data, size_t len)
{
    if (len == 0) {
        return true;
    }
    if (f->len + len > f->cap) {
        size_t cap = (f->len + len) * 2;
        uint8_t *grown = realloc(f->data, cap);
        if (grown == NULL) {
            return false;
        }
        f->data = grown;
        f->cap = cap;
    }
    memcpy(f->data + f->len, data, len);
    f->len += len;
    return true;
}

static int32_t file_create(void *user, struct pm_op *op, enum pm_storage storage, uint64_t size)
{
    struct world *w = user;
    (void)size;
    if (storage == PM_STORAGE_SD) {
        return world_answer(w, op, PM_ERR_NO_STORAGE);
    }
    return world_answer_file(w, op, world_fails(w) ? PM_ERR_IO : new_file(w, storage));
}

static int32_t scratch_create(void *user, struct pm_op *op)
{
    struct world *w = user;
    return world_answer_file(w, op, world_fails(w) ? PM_ERR_IO : new_file(w, PM_STORAGE_RAM));
}

static int32_t file_write(void *user, struct pm_op *op, pm_file file, const uint8_t *data,
                          size_t len)
{
    struct world *w = user;
    struct world_file *f = &w->files[file];
    if (world_fails(w)) {
        return world_answer(w, op, PM_ERR_IO);
    }
    if (used(w, f->storage) + len > w->ufs_size || !append(f, data, len)) {
        return world_answer(w, op, PM_ERR_NO_SPACE);
    }
    return world_answer(w, op, PM_OK);
}

/* A file that is open when it loses its name goes with its last user. */
static void unname(struct world_file *f)
{
    f->named = false;
    if (f->opened == 0) {
        drop(f);
    }
}

static int32_t file_commit(void *user, struct pm_op *op, pm_file file, enum pm_storage storage,
                           struct pm_slice name, bool replace)
{
    struct world *w = user;
    struct world_file *f = &w->files[file];
    struct world_file *there = world_find(w, storage, name.ptr, name.len);
    bool taken = there != NULL && !replace;
    if (world_fails(w) || taken) {
        drop(f);
        return world_answer(w, op, taken ? PM_ERR_EXISTS : PM_ERR_IO);
    }
    if (there != NULL) {
        unname(there);
    }
    memcpy(f->name, name.ptr, name.len);
    f->name_len = name.len;
    f->named = true;
    f->temporary = false;
    return world_answer(w, op, PM_OK);
}

static int32_t file_open(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name, uint64_t *size)
{
    struct world *w = user;
    struct world_file *f = world_find(w, storage, name.ptr, name.len);
    if (storage == PM_STORAGE_SD) {
        return world_answer(w, op, PM_ERR_NO_STORAGE);
    }
    if (f == NULL || world_fails(w)) {
        return world_answer(w, op, f == NULL ? PM_ERR_NOT_FOUND : PM_ERR_IO);
    }
    f->opened++;
    *size = f->len;
    return world_answer_file(w, op, (int32_t)(f - w->files));
}

static int32_t file_read(void *user, struct pm_op *op, pm_file file, uint64_t offset, uint8_t *data,
                         size_t len)
{
    struct world *w = user;
    const struct world_file *f = &w->files[file % WORLD_FILES];
    if (world_fails(w)) {
        return world_answer(w, op, PM_ERR_IO);
    }
    size_t n = offset < f->len ? f->len - (size_t)offset : 0;
    n = n < len ? n : len;
    if (n != 0) {
        memcpy(data, f->data + offset, n);
    }
    return world_answer(w, op, (int32_t)n);
}

static bool file_changed(void *user, pm_file file)
{
    (void)file; /* Nobody else is in this world, but for a call that is to fail. */
    return world_fails(user);
}

static void file_close(void *user, pm_file file)
{
    struct world *w = user;
    struct world_file *f = &w->files[file % WORLD_FILES];
    f->edited = f->edited && file < WORLD_FILES;
    if (f->temporary || (f->opened == 1 && !f->named)) {
        drop(f);
    } else {
        f->opened--;
    }
}

static int32_t file_stat(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name, uint64_t *size)
{
    struct world *w = user;
    const struct world_file *f = world_find(w, storage, name.ptr, name.len);
    if (storage == PM_STORAGE_SD) {
        return world_answer(w, op, PM_ERR_NO_STORAGE);
    }
    if (world_fails(w)) {
        return world_answer(w, op, PM_ERR_IO);
    }
    if (f == NULL) {
        return world_answer(w, op, PM_ERR_NOT_FOUND);
    }
    *size = f->len;
    return world_answer(w, op, PM_OK);
}

static int32_t file_delete(void *user, struct pm_op *op, enum pm_storage storage,
                           struct pm_slice name)
{
    struct world *w = user;
    struct world_file *f = world_find(w, storage, name.ptr, name.len);
    if (storage == PM_STORAGE_SD) {
        return world_answer(w, op, PM_ERR_NO_STORAGE);
    }
    if (f == NULL || world_fails(w)) {
        return world_answer(w, op, f == NULL ? PM_ERR_NOT_FOUND : PM_ERR_IO);
    }
    unname(f);
    return world_answer(w, op, PM_OK);
}

static int32_t file_rename(void *user, struct pm_op *op, enum pm_storage storage,
                           struct pm_slice from, struct pm_slice to, bool replace)
{
    struct world *w = user;
    struct world_file *f = world_find(w, storage, from.ptr, from.len);
    struct world_file *there = world_find(w, storage, to.ptr, to.len);
    if (f == NULL || world_fails(w)) {
        return world_answer(w, op, f == NULL ? PM_ERR_NOT_FOUND : PM_ERR_IO);
    }
    if (there != NULL && !replace) {
        return world_answer(w, op, PM_ERR_EXISTS);
    }
    if (there != NULL) {
        unname(there);
    }
    memcpy(f->name, to.ptr, to.len);
    f->name_len = to.len;
    return world_answer(w, op, PM_OK);
}

/* ---- Changes in place ---- */

/* The number of an edited file lies beyond those of files that are only read. */
static struct world_file *edited(struct world *w, pm_file file)
{
    if (file < WORLD_FILES || !w->files[file - WORLD_FILES].edited) {
        abort();
    }
    return &w->files[file - WORLD_FILES];
}

static int32_t file_edit(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name, bool empty, uint64_t *size)
{
    struct world *w = user;
    struct world_file *f = world_find(w, storage, name.ptr, name.len);
    if (storage == PM_STORAGE_SD || world_fails(w)) {
        return world_answer(w, op, storage == PM_STORAGE_SD ? PM_ERR_NO_STORAGE : PM_ERR_IO);
    }
    if (f == NULL) {
        int32_t slot = new_file(w, storage);
        if (slot < 0) {
            return world_answer(w, op, slot);
        }
        f = &w->files[slot];
        f->temporary = false;
        f->named = true;
        memcpy(f->name, name.ptr, name.len);
        f->name_len = name.len;
    }
    if (f->edited) {
        return world_answer(w, op, PM_ERR_BUSY);
    }
    f->len = empty ? 0 : f->len;
    f->opened++;
    f->edited = true;
    *size = f->len;
    return world_answer_file(w, op, (int32_t)(f - w->files) + WORLD_FILES);
}

static int32_t file_write_at(void *user, struct pm_op *op, pm_file file, uint64_t offset,
                             const uint8_t *data, size_t len)
{
    struct world *w = user;
    struct world_file *f = edited(w, file);
    size_t inside = f->len - (size_t)offset;
    inside = inside < len ? inside : len;
    if (offset > f->len) {
        abort();
    }
    if (world_fails(w)) {
        return world_answer(w, op, PM_ERR_IO);
    }
    if (used(w, f->storage) + (len - inside) > w->ufs_size ||
        !append(f, data + inside, len - inside)) {
        return world_answer(w, op, PM_ERR_NO_SPACE);
    }
    if (inside > 0) {
        memcpy(f->data + offset, data, inside);
    }
    f->synced = false;
    return world_answer(w, op, PM_OK);
}

static int32_t file_truncate(void *user, struct pm_op *op, pm_file file, uint64_t size)
{
    struct world *w = user;
    struct world_file *f = edited(w, file);
    if (size > f->len) {
        abort();
    }
    if (world_fails(w)) {
        return world_answer(w, op, PM_ERR_IO);
    }
    f->len = (size_t)size;
    f->synced = false;
    return world_answer(w, op, PM_OK);
}

static int32_t file_sync(void *user, struct pm_op *op, pm_file file)
{
    struct world *w = user;
    struct world_file *f = edited(w, file);
    f->synced = !world_fails(w);
    return world_answer(w, op, f->synced ? PM_OK : PM_ERR_IO);
}

static int32_t file_next(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice after, struct pm_file_entry *entry)
{
    struct world *w = user;
    const struct world_file *best = NULL;
    if (storage == PM_STORAGE_SD) {
        return world_answer(w, op, PM_ERR_NO_STORAGE);
    }
    if (world_fails(w)) {
        return world_answer(w, op, PM_ERR_IO);
    }
    for (size_t i = 0; i < WORLD_FILES; i++) {
        const struct world_file *f = &w->files[i];
        if (f->used && f->named && f->storage == storage &&
            compare(f->name, f->name_len, after.ptr, after.len) > 0 &&
            (best == NULL || compare(f->name, f->name_len, best->name, best->name_len) < 0)) {
            best = f;
        }
    }
    if (best == NULL) {
        return world_answer(w, op, PM_ERR_NOT_FOUND);
    }
    memcpy(entry->name, best->name, best->name_len);
    entry->name_len = (uint8_t)best->name_len;
    entry->size = best->len;
    return world_answer(w, op, PM_OK);
}

static int32_t storage_info(void *user, struct pm_op *op, enum pm_storage storage,
                            struct pm_storage_info *info)
{
    struct world *w = user;
    if (storage == PM_STORAGE_SD || world_fails(w)) {
        return world_answer(w, op, storage == PM_STORAGE_SD ? PM_ERR_NO_STORAGE : PM_ERR_IO);
    }
    memset(info, 0, sizeof *info);
    info->total = w->ufs_size;
    for (size_t i = 0; i < WORLD_FILES; i++) {
        const struct world_file *f = &w->files[i];
        if (f->used && f->named && f->storage == storage) {
            info->used += f->len;
            info->files++;
        }
    }
    info->free = info->total - used(w, storage);
    return world_answer(w, op, PM_OK);
}

static int32_t profile_save(void *user, struct pm_op *op, uint8_t key, const uint8_t *data,
                            size_t len)
{
    struct world *w = user;
    if (world_fails(w)) {
        return world_answer(w, op, PM_ERR_IO);
    }
    for (size_t i = 0; i < WORLD_PROFILES; i++) {
        struct world_profile *p = &w->profiles[i];
        if (!p->used || p->key == key) {
            p->used = true;
            p->key = key;
            memcpy(p->data, data, len);
            p->len = len;
            return world_answer(w, op, PM_OK);
        }
    }
    return world_answer(w, op, PM_ERR_NO_SPACE);
}

static int32_t profile_load(void *user, uint8_t key, uint8_t *data, size_t cap)
{
    const struct world *w = user;
    for (size_t i = 0; i < WORLD_PROFILES; i++) {
        const struct world_profile *p = &w->profiles[i];
        if (p->used && p->key == key) {
            size_t n = p->len < cap ? p->len : cap;
            memcpy(data, p->data, n);
            return (int32_t)n;
        }
    }
    return 0;
}

void world_add_file(struct world *w, enum pm_storage storage, const char *name, const void *data,
                    size_t len)
{
    int32_t slot = new_file(w, storage);
    if (slot < 0) {
        world_fail(w, "no room for another file");
        return;
    }
    struct world_file *f = &w->files[slot];
    memcpy(f->name, name, strlen(name));
    f->name_len = strlen(name);
    f->named = true;
    f->temporary = false;
    if (!append(f, data, len)) {
        world_fail(w, "no memory for a file");
    }
}

void world_files_platform(struct pm_platform *platform)
{
    platform->file_create = file_create;
    platform->scratch_create = scratch_create;
    platform->file_write = file_write;
    platform->file_commit = file_commit;
    platform->file_open = file_open;
    platform->file_read = file_read;
    platform->file_changed = file_changed;
    platform->file_close = file_close;
    platform->file_stat = file_stat;
    platform->file_delete = file_delete;
    platform->file_rename = file_rename;
    platform->file_edit = file_edit;
    platform->file_write_at = file_write_at;
    platform->file_truncate = file_truncate;
    platform->file_sync = file_sync;
    platform->file_next = file_next;
    platform->storage_info = storage_info;
    platform->profile_save = profile_save;
    platform->profile_load = profile_load;
}
