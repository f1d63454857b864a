/* SPDX-License-Identifier: MIT */
/*
 * QFMOV: another name within a storage, or a copy. The copy gets its name when it is whole, in one
 * step where it replaces a file; the source of a move goes only after that.
 */
#include "module/files.h"

enum {
    MOVE_FIND, /* the source */
    MOVE_FOUND,
    MOVE_RENAMED,
    MOVE_LOOK, /* at what has the target's name */
    MOVE_LOOKED,
    MOVE_ROOM,
    MOVE_OPENED,
    MOVE_CREATED,
    MOVE_READ,
    MOVE_GOT,
    MOVE_WRITTEN,
    MOVE_COMMITTED,
    MOVE_DELETED
};

/* argument[0]: the source stays; argument[1]: the target may be replaced. */
static bool copies(const struct pm_task *task)
{
    return task->argument[0] != 0;
}

static bool replaces(const struct pm_task *task)
{
    return task->argument[1] != 0;
}

static bool same_storage(const struct pm_task *task)
{
    return task->storage == task->target_storage;
}

static bool fail(struct pm_port *port, uint16_t error)
{
    pm__file_fail(port, error);
    return true;
}

static bool succeed(struct pm_port *port)
{
    pm__task_end(port);
    pm__ok(port);
    return true;
}

/* The source is there, or not. */
static bool found(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    if (port->op.result != PM_OK) {
        uint16_t other =
            port->op.result == PM_ERR_NOT_FOUND ? PM__FILE_NOT_FOUND : PM__FILE_NO_MOVE;
        return fail(port, pm__file_error(port->op.result, other));
    }
    if (same_storage(task) && pm__slice_equal(task->name, task->target)) {
        return fail(port, replaces(task) ? PM__FILE_NO_MOVE : PM__FILE_EXISTS);
    }
    if (copies(task) || !same_storage(task)) {
        task->state = MOVE_LOOK;
        return true;
    }
    return pm__await(port,
                     platform->file_rename(platform->user, &port->op,
                                           (enum pm_storage)task->storage, task->name, task->target,
                                           replaces(task)),
                     MOVE_RENAMED);
}

/* Whether a copy may begin, before anything is made. */
static bool prepare(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    const enum pm_storage storage = (enum pm_storage)task->target_storage;
    if (task->state == MOVE_LOOK) {
        return pm__await(
            port,
            platform->file_stat(platform->user, &port->op, storage, task->target, &task->info.used),
            MOVE_LOOKED);
    }
    if (task->state == MOVE_LOOKED) {
        bool there = port->op.result == PM_OK;
        if ((there && !replaces(task)) || (!there && port->op.result != PM_ERR_NOT_FOUND)) {
            return fail(port, there ? PM__FILE_EXISTS
                                    : pm__file_error(port->op.result, PM__FILE_NO_MOVE));
        }
        return pm__await(port,
                         platform->storage_info(platform->user, &port->op, storage, &task->info),
                         MOVE_ROOM);
    }
    uint16_t error = pm__room_error(port, task->size);
    if (error != 0) {
        return fail(port, error);
    }
    return pm__await(port,
                     platform->file_open(platform->user, &port->op, (enum pm_storage)task->storage,
                                         task->name, &task->size),
                     MOVE_OPENED);
}

static bool opened(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    if (port->op.result < 0) {
        uint16_t other =
            port->op.result == PM_ERR_NOT_FOUND ? PM__FILE_NOT_FOUND : PM__FILE_NO_READ;
        return fail(port, pm__file_error(port->op.result, other));
    }
    task->source = port->op.result;
    task->has_source = true;
    return pm__await(port,
                     platform->file_create(platform->user, &port->op,
                                           (enum pm_storage)task->target_storage, task->size),
                     MOVE_CREATED);
}

static bool commit(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    task->has_file = false; /* committing closes it, whatever comes of it */
    return pm__await(port,
                     platform->file_commit(platform->user, &port->op, task->file,
                                           (enum pm_storage)task->target_storage, task->target,
                                           replaces(task)),
                     MOVE_COMMITTED);
}

/* One piece after the other, through the port's chunk. */
static bool copy(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    const int32_t result = port->op.result;
    switch (task->state) {
    case MOVE_READ:
        return pm__await(port,
                         platform->file_read(platform->user, &port->op, task->source, task->moved,
                                             port->chunk, sizeof port->chunk),
                         MOVE_GOT);
    case MOVE_GOT:
        if (result < 0) {
            return fail(port, PM__FILE_NO_READ);
        }
        if (result == 0) {
            return commit(port);
        }
        task->chunk_len = (size_t)result;
        return pm__await(port,
                         platform->file_write(platform->user, &port->op, task->file, port->chunk,
                                              task->chunk_len),
                         MOVE_WRITTEN);
    default:
        if (result != PM_OK) {
            return fail(port, pm__file_error(result, PM__FILE_NO_WRITE));
        }
        task->moved += task->chunk_len;
        task->state = MOVE_READ;
        return true;
    }
}

static bool committed(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    if (port->op.result != PM_OK) {
        return fail(port, pm__file_error(port->op.result, PM__FILE_NO_WRITE));
    }
    if (copies(task)) {
        return succeed(port);
    }
    return pm__await(port,
                     platform->file_delete(platform->user, &port->op,
                                           (enum pm_storage)task->storage, task->name),
                     MOVE_DELETED);
}

static bool move_step(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    const int32_t result = port->op.result;
    switch (task->state) {
    case MOVE_FIND:
        return pm__await(port,
                         platform->file_stat(platform->user, &port->op,
                                             (enum pm_storage)task->storage, task->name,
                                             &task->size),
                         MOVE_FOUND);
    case MOVE_FOUND: return found(port);
    case MOVE_RENAMED:
        return result == PM_OK ? succeed(port)
                               : fail(port, pm__file_error(result, PM__FILE_NO_MOVE));
    case MOVE_LOOK:
    case MOVE_LOOKED:
    case MOVE_ROOM: return prepare(port);
    case MOVE_OPENED: return opened(port);
    case MOVE_CREATED:
        if (result < 0) {
            return fail(port, pm__file_error(result, PM__FILE_NO_CREATE));
        }
        task->file = result;
        task->has_file = true;
        task->state = MOVE_READ;
        return true;
    case MOVE_COMMITTED: return committed(port);
    case MOVE_DELETED: /* Not deleted: both are there, which the error tells. */
        return result == PM_OK ? succeed(port) : fail(port, PM__FILE_NO_MOVE);
    default: return copy(port);
    }
}

void pm__run_qfmov(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    uint8_t storage = 0;
    uint8_t target_storage = 0;
    struct pm_slice name;
    struct pm_slice target;
    (void)form;
    uint16_t error = pm__file_name_one(values->v[0].text, &storage, &name);
    if (error == 0) {
        error = pm__file_name_one(values->v[1].text, &target_storage, &target);
    }
    if (error == 0 &&
        (pm__file_taken(module, storage, name) || pm__file_taken(module, target_storage, target))) {
        error = PM__FILE_IN_USE;
    }
    if (error != 0) {
        pm__cme(port, error);
        return;
    }
    pm__task_begin(port, move_step);
    port->task.claims = true;
    port->task.storage = storage;
    port->task.name = name;
    port->task.target_storage = target_storage;
    port->task.target = target;
    port->task.argument[0] = values->v[2].number == 1 ? 1 : 0;
    port->task.argument[1] = values->v[3].number == 1 ? 1 : 0;
}
