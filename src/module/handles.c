/* SPDX-License-Identifier: MIT */
/*
 * Files held open: the table of them, and the commands that open, close and position. The table
 * is the module's, so every port may use a handle, one at a time. A file has at most one handle.
 */
#include "module/files.h"

/* ---- The table ------------------------------------------------------------------ */

static uint8_t place_of(const struct pm_module *module, const struct pm_handle *handle)
{
    return (uint8_t)(handle - module->handles);
}

static struct pm_slice name_of(const struct pm_module *module, const struct pm_handle *handle)
{
    return pm__arena_get(&module->arena, PM__KEY_HANDLE, place_of(module, handle));
}

struct pm_handle *pm__handle_of(struct pm_module *module, uint8_t storage, struct pm_slice name)
{
    for (uint8_t i = 0; i < PM_MAX_HANDLES; i++) {
        struct pm_handle *handle = &module->handles[i];
        if (handle->used && handle->storage == storage &&
            pm__slice_equal(name_of(module, handle), name)) {
            return handle;
        }
    }
    return NULL;
}

static struct pm_handle *find(struct pm_module *module, int32_t number)
{
    for (uint8_t i = 0; i < PM_MAX_HANDLES; i++) {
        struct pm_handle *handle = &module->handles[i];
        if (handle->open && handle->number == (uint32_t)number) {
            return handle;
        }
    }
    return NULL;
}

/* Takes a place in the table, with the name. NULL: all are taken, or the arena is full. */
static struct pm_handle *take(struct pm_module *module, uint8_t storage, struct pm_slice name)
{
    for (uint8_t i = 0; i < PM_MAX_HANDLES; i++) {
        struct pm_handle *handle = &module->handles[i];
        if (handle->used) {
            continue;
        }
        if (!pm__arena_set(&module->arena, PM__KEY_HANDLE, i, name)) {
            return NULL;
        }
        *handle = (struct pm_handle){.storage = storage, .used = true, .busy = true};
        return handle;
    }
    return NULL;
}

static void forget(struct pm_module *module, struct pm_handle *handle)
{
    const struct pm_slice none = {NULL, 0};
    (void)pm__arena_set(&module->arena, PM__KEY_HANDLE, place_of(module, handle), none);
    *handle = (struct pm_handle){.used = false};
}

/* The next number that no open file has; from 1 again after the last that a host can type. */
static uint32_t next_number(struct pm_module *module)
{
    do {
        module->last_handle = module->last_handle < INT32_MAX ? module->last_handle + 1 : 1;
    } while (find(module, (int32_t)module->last_handle) != NULL);
    return module->last_handle;
}

void pm__handle_let_go(struct pm_port *port)
{
    struct pm_handle *handle = port->task.handle;
    if (handle == NULL) {
        return;
    }
    port->task.handle = NULL;
    if (handle->mode != PM__MODE_READ) {
        pm__reuse_mark_file(port->module, handle->storage, name_of(port->module, handle));
    }
    if (handle->open) {
        handle->busy = false;
        handle->changing = false;
    } else {
        forget(port->module, handle);
    }
}

void pm__handles_close(struct pm_module *module)
{
    const struct pm_platform *platform = module->platform;
    for (uint8_t i = 0; i < PM_MAX_HANDLES; i++) {
        struct pm_handle *handle = &module->handles[i];
        if (handle->open) {
            platform->file_close(platform->user, handle->file);
        }
        if (handle->used) {
            forget(module, handle);
        }
    }
    module->last_handle = 0;
}

struct pm_handle *pm__handle_use(struct pm_port *port, int32_t number, bool changing)
{
    struct pm_module *module = port->module;
    struct pm_handle *handle = find(module, number);
    uint16_t error = 0;
    if (handle == NULL) {
        error = PM__FILE_BAD_HANDLE;
    } else if (handle->busy) {
        error = PM__FILE_IN_USE;
    } else if (changing && handle->mode == PM__MODE_READ) {
        error = PM__FILE_READ_ONLY;
    } else if (changing && pm__job_reads(module, handle->storage, name_of(module, handle))) {
        error = PM__FILE_IN_USE;
    }
    if (error != 0) {
        pm__cme(port, error);
        return NULL;
    }
    return handle;
}

void pm__handle_begin(struct pm_port *port, struct pm_handle *handle, bool changing,
                      bool (*step)(struct pm_port *port))
{
    pm__task_begin(port, step);
    handle->busy = true;
    handle->changing = changing;
    port->task.handle = handle;
}

/* ---- QFOPEN --------------------------------------------------------------------- */

enum { OPEN_START, OPEN_DONE };

static int32_t start_open(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    const enum pm_storage storage = (enum pm_storage)task->storage;
    if (task->handle->mode == PM__MODE_READ) {
        return platform->file_open(platform->user, &port->op, storage, task->name,
                                   &task->handle->size);
    }
    return platform->file_edit(platform->user, &port->op, storage, task->name,
                               task->handle->mode == PM__MODE_EMPTY, &task->handle->size);
}

static bool open_step(struct pm_port *port)
{
    struct pm_handle *handle = port->task.handle;
    if (port->task.state == OPEN_START) {
        return pm__await(port, start_open(port), OPEN_DONE);
    }
    if (port->op.result < 0) {
        uint16_t other =
            port->op.result == PM_ERR_NOT_FOUND ? PM__FILE_NOT_FOUND : PM__FILE_NO_OPEN;
        pm__file_fail(port, pm__file_error(port->op.result, other));
        return true;
    }
    handle->file = port->op.result;
    handle->number = next_number(port->module);
    handle->open = true;
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+QFOPEN: ");
    pm_at_put_number(&port->at, handle->number);
    pm__task_end(port);
    pm__ok(port);
    return true;
}

/* Ten lines with the longest names fit into what a command may print. */
#define OPEN_LINE (PM_FILE_NAME_SIZE + 40U)
_Static_assert(PM_MAX_HANDLES *OPEN_LINE + 160U <= PM_AT_REPLY_ROOM,
               "AT+QFOPEN? prints all handles at once");

static void list_open(struct pm_port *port)
{
    struct pm_module *module = port->module;
    for (uint8_t i = 0; i < PM_MAX_HANDLES; i++) {
        const struct pm_handle *handle = &module->handles[i];
        if (handle->open) {
            pm_at_info(&port->at);
            pm_at_put(&port->at, "+QFOPEN: ");
            pm__put_file_name_quoted(&port->at, handle->storage, name_of(module, handle), true);
            pm_at_put(&port->at, ",");
            pm_at_put_number(&port->at, handle->number);
            pm_at_put(&port->at, ",");
            pm_at_put_number(&port->at, handle->mode);
        }
    }
    pm__ok(port);
}

void pm__run_qfopen(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    uint8_t storage = 0;
    struct pm_slice name;
    if (form == PM_AT_READ) {
        list_open(port);
        return;
    }
    const uint8_t mode = (uint8_t)values->v[1].number;
    uint16_t error = pm__file_name_one(values->v[0].text, &storage, &name);
    if (error == 0 && (pm__file_taken(module, storage, name) ||
                       (mode == PM__MODE_EMPTY && pm__job_reads(module, storage, name)))) {
        error = PM__FILE_IN_USE;
    }
    struct pm_handle *handle = error == 0 ? take(module, storage, name) : NULL;
    if (handle == NULL) {
        pm__cme(port, error != 0 ? error : PM__FILE_TOO_MANY);
        return;
    }
    handle->mode = mode;
    pm__handle_begin(port, handle, mode == PM__MODE_EMPTY, open_step);
    port->task.storage = storage;
    port->task.name = name;
}

/* ---- QFCLOSE -------------------------------------------------------------------- */

enum { CLOSE_SYNC, CLOSE_SYNCED };

static bool close_step(struct pm_port *port)
{
    struct pm_handle *handle = port->task.handle;
    const struct pm_platform *platform = port->module->platform;
    if (port->task.state == CLOSE_SYNC) {
        int32_t result = handle->mode == PM__MODE_READ
                             ? PM_OK
                             : platform->file_sync(platform->user, &port->op, handle->file);
        return pm__await(port, result, CLOSE_SYNCED);
    }
    int32_t result = port->op.result;
    platform->file_close(platform->user, handle->file);
    handle->open = false;
    pm__task_end(port); /* forgets the handle */
    if (result != PM_OK) {
        pm__cme(port, pm__file_error(result, PM__FILE_NO_WRITE));
    } else {
        pm__ok(port);
    }
    return true;
}

void pm__run_qfclose(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    struct pm_handle *handle = pm__handle_use(port, values->v[0].number, false);
    if (handle != NULL) {
        pm__handle_begin(port, handle, false, close_step);
    }
}

/* ---- QFSEEK, QFPOSITION --------------------------------------------------------- */

enum { FROM_BEGIN, FROM_HERE, FROM_END };

void pm__run_qfseek(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    struct pm_handle *handle = pm__handle_use(port, values->v[0].number, false);
    if (handle == NULL) {
        return;
    }
    const uint64_t offset = (uint64_t)values->v[1].number;
    const int32_t from = values->v[2].number;
    const uint64_t base = from == FROM_HERE ? handle->position : 0;
    const uint64_t room = handle->size - base; /* from the end it counts backwards */
    if (offset > room) {
        pm__cme(port, PM__FILE_TOO_LARGE);
        return;
    }
    handle->position = from == FROM_END ? handle->size - offset : base + offset;
    pm__ok(port);
}

void pm__run_qfposition(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    const struct pm_handle *handle = pm__handle_use(port, values->v[0].number, false);
    if (handle == NULL) {
        return;
    }
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+QFPOSITION: ");
    pm_at_put_number(&port->at, pm__file_shown(handle->position));
    pm__ok(port);
}
