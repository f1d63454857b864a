/* SPDX-License-Identifier: MIT */
/* The world's platform once more: lends are watched, reads are filled in when they end. */
#include <stdlib.h>
#include <string.h>

#include "walk.h"

static void lend(struct walk *p, struct pm_op *op, uint8_t *memory, const uint8_t *lent, size_t len)
{
    size_t i = 0;
    while (i < WORLD_OPS && p->loans[i].op != NULL) {
        i++;
    }
    walk_check(p, i < WORLD_OPS, "more operations at once than there are ports and jobs");
    p->loans[i] = (struct walk_loan){op, memory, lent, malloc(len + 1), len};
    walk_check(p, p->loans[i].copy != NULL, "no memory");
    if (len != 0) {
        memcpy(p->loans[i].copy, lent, len);
    }
    if (memory != NULL) {
        memset(memory, 0xEE, len);
    }
}

void walk_give_back(struct walk *p, const struct pm_op *op, bool cancelled)
{
    for (size_t i = 0; i < WORLD_OPS; i++) {
        struct walk_loan *loan = &p->loans[i];
        if (loan->op != op) {
            continue;
        }
        if (loan->memory != NULL && !cancelled && loan->len != 0) {
            memcpy(loan->memory, loan->copy, loan->len);
        } else if (loan->memory == NULL && loan->len != 0) {
            walk_check(p, memcmp(loan->lent, loan->copy, loan->len) == 0, "lent bytes changed");
        }
        free(loan->copy);
        memset(loan, 0, sizeof *loan);
    }
}

static void cancel(void *user, struct pm_op *op)
{
    walk_give_back(user, op, true);
    ((struct walk *)user)->below.cancel(user, op);
}

static int32_t file_write(void *user, struct pm_op *op, pm_file file, const uint8_t *data,
                          size_t len)
{
    int32_t result = ((struct walk *)user)->below.file_write(user, op, file, data, len);
    if (result == PM_PENDING) {
        lend(user, op, NULL, data, len);
    }
    return result;
}

static int32_t file_read(void *user, struct pm_op *op, pm_file file, uint64_t offset, uint8_t *data,
                         size_t len)
{
    int32_t result = ((struct walk *)user)->below.file_read(user, op, file, offset, data, len);
    if (result == PM_PENDING) {
        lend(user, op, data, data, len);
    }
    return result;
}

static int32_t file_commit(void *user, struct pm_op *op, pm_file file, enum pm_storage storage,
                           struct pm_slice name, bool replace)
{
    int32_t result =
        ((struct walk *)user)->below.file_commit(user, op, file, storage, name, replace);
    if (result == PM_PENDING) {
        lend(user, op, NULL, name.ptr, name.len);
    }
    return result;
}

static int32_t file_open(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name, uint64_t *size)
{
    int32_t result = ((struct walk *)user)->below.file_open(user, op, storage, name, size);
    if (result == PM_PENDING) {
        lend(user, op, NULL, name.ptr, name.len);
    }
    return result;
}

static int32_t file_rename(void *user, struct pm_op *op, enum pm_storage storage,
                           struct pm_slice from, struct pm_slice to, bool replace)
{
    int32_t result = ((struct walk *)user)->below.file_rename(user, op, storage, from, to, replace);
    if (result == PM_PENDING) {
        lend(user, op, NULL, from.ptr, from.len);
        lend(user, op, NULL, to.ptr, to.len);
    }
    return result;
}

static int32_t file_edit(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name, bool empty, uint64_t *size)
{
    int32_t result = ((struct walk *)user)->below.file_edit(user, op, storage, name, empty, size);
    if (result == PM_PENDING) {
        lend(user, op, NULL, name.ptr, name.len);
    }
    return result;
}

static int32_t file_write_at(void *user, struct pm_op *op, pm_file file, uint64_t offset,
                             const uint8_t *data, size_t len)
{
    int32_t result = ((struct walk *)user)->below.file_write_at(user, op, file, offset, data, len);
    if (result == PM_PENDING) {
        lend(user, op, NULL, data, len);
    }
    return result;
}

static int32_t file_stat(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name, uint64_t *size)
{
    int32_t result = ((struct walk *)user)->below.file_stat(user, op, storage, name, size);
    if (result == PM_PENDING) {
        lend(user, op, NULL, name.ptr, name.len);
    }
    return result;
}

static int32_t profile_save(void *user, struct pm_op *op, uint8_t key, const uint8_t *data,
                            size_t len)
{
    int32_t result = ((struct walk *)user)->below.profile_save(user, op, key, data, len);
    if (result == PM_PENDING) {
        lend(user, op, NULL, data, len);
    }
    return result;
}

void walk_platform(struct walk *p)
{
    p->below = p->w.platform;
    p->w.platform.cancel = cancel;
    p->w.platform.file_write = file_write;
    p->w.platform.file_read = file_read;
    p->w.platform.file_commit = file_commit;
    p->w.platform.file_open = file_open;
    p->w.platform.file_rename = file_rename;
    p->w.platform.file_edit = file_edit;
    p->w.platform.file_write_at = file_write_at;
    p->w.platform.file_stat = file_stat;
    p->w.platform.profile_save = profile_save;
}
