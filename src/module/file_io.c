/* SPDX-License-Identifier: MIT */
/* Through a handle: QFREAD, QFWRITE, QFTUCAT. File contents pass in pieces, none is kept. */
#include "module/files.h"

/* ---- QFREAD --------------------------------------------------------------------- */

enum { READ_ASK, READ_GOT, READ_CONNECT, READ_PUT };

static bool ask(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    uint64_t rest = task->size - task->count;
    if (rest == 0) {
        pm__task_end(port);
        pm__ok(port);
        return true;
    }
    size_t len = rest < sizeof port->chunk ? (size_t)rest : sizeof port->chunk;
    return pm__await(port,
                     platform->file_read(platform->user, &port->op, task->handle->file,
                                         task->handle->position, port->chunk, len),
                     READ_GOT);
}

/* CONNECT and its number wait for the first bytes: a storage that fails has not promised any. */
static bool got(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    if (port->op.result <= 0) {
        pm__file_fail(port, PM__FILE_NO_READ);
        return true;
    }
    task->chunk_len = (size_t)port->op.result;
    task->chunk_at = 0;
    task->state = READ_PUT;
    if (task->count == 0) {
        task->state = READ_CONNECT;
        pm_at_data_out_counted(&port->at, (uint32_t)task->size, port->module->config->connect_delay,
                               port->module->now);
    }
    return true;
}

static bool read_step(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    uint64_t before = task->count;
    bool moved = true;
    if (task->data_end) {
        pm__task_end(port);
        pm__ok(port);
        return true;
    }
    switch (task->state) {
    case READ_ASK: return ask(port);
    case READ_GOT: return got(port);
    case READ_CONNECT:
        if (!pm_at_connected(&port->at)) {
            return false;
        }
        task->state = READ_PUT;
        return true;
    default:
        moved = pm__put_chunk(port, READ_ASK);
        task->handle->position += task->count - before;
        return moved;
    }
}

void pm__run_qfread(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    struct pm_handle *handle = pm__handle_use(port, values->v[0].number, false);
    if (handle == NULL) {
        return;
    }
    uint64_t size = handle->size - handle->position;
    uint64_t most = values->v[1].given ? (uint64_t)values->v[1].number : UINT32_MAX;
    if (size == 0) {
        pm__cme(port, PM__FILE_READ_NOTHING);
        return;
    }
    pm__handle_begin(port, handle, false, read_step);
    port->task.size = size < most ? size : most;
    port->task.state = READ_ASK;
}

/* ---- QFWRITE -------------------------------------------------------------------- */

enum { WRITE_LOOK, WRITE_ROOM, WRITE_RECEIVE, WRITE_WRITTEN, WRITE_UNDONE };

/* task->moved is the size of the file before: a write that fails leaves it at that, so that what
 * the host finds does not depend on the pieces in which its bytes came. */

static void begin_receiving(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_at_data data = {
        .length = (uint32_t)task->size,
        .idle_ms = (uint32_t)(task->argument[1] << 8 | task->argument[2]) * 1000U,
        .connect_delay = port->module->config->connect_delay,
    };
    task->state = WRITE_RECEIVE;
    pm_at_data_in(&port->at, &data, port->module->now);
}

/* What the file may grow by. */
static uint64_t growth(const struct pm_task *task)
{
    uint64_t end = task->handle->position + task->size;
    return end > task->handle->size ? end - task->handle->size : 0;
}

static bool look(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    return pm__await(port,
                     platform->storage_info(platform->user, &port->op,
                                            (enum pm_storage)task->handle->storage, &task->info),
                     WRITE_ROOM);
}

static void answer_write(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    bool late = task->reason == PM_AT_END_TIMEOUT;
    if (port->module->config->upl_crlf == PM_UPL_CRLF_ON) { /* CD24 */
        pm_at_info(&port->at);
    } else {
        pm_at_info_bare(&port->at);
    }
    pm_at_put(&port->at, "+QFWRITE: ");
    pm_at_put_number(&port->at, pm__file_shown(task->count));
    pm_at_put(&port->at, ",");
    pm_at_put_number(&port->at, pm__file_shown(task->handle->size));
    pm__task_end(port);
    if (late) {
        pm__cme(port, PM__FILE_TIMEOUT); /* as CD4 */
    } else {
        pm__ok(port);
    }
}

/* Takes back what a failed write has added. */
static bool undo(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    struct pm_handle *handle = task->handle;
    const struct pm_platform *platform = port->module->platform;
    handle->position -= task->count;
    if (handle->size == task->moved) {
        return pm__await(port, PM_OK, WRITE_UNDONE);
    }
    return pm__await(port,
                     platform->file_truncate(platform->user, &port->op, handle->file, task->moved),
                     WRITE_UNDONE);
}

static void undone(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    if (port->op.result == PM_OK) {
        task->handle->size = task->moved;
    }
    pm__file_fail(port, task->error);
}

/* Ends it: data mode is over, and all that came is stored or was drained. */
static bool finish(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    if (task->failed) {
        return undo(port);
    }
    if (task->count == 0 && task->reason == PM_AT_END_TIMEOUT) {
        pm__file_fail(port, PM__FILE_TIMEOUT);
    } else if (pm__result_fits(port)) {
        answer_write(port);
    } else {
        return false;
    }
    return true;
}

/* Bytes over what is there and bytes beyond it are written apart: only these can lack room. A
 * storage that fails does not end data mode: the rest would be taken for commands. */
static bool receive(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    if (task->data.len == 0) {
        return task->data_end && finish(port);
    }
    const uint64_t inside = task->moved - task->handle->position;
    const bool across = task->handle->position < task->moved && task->data.len > inside;
    task->chunk_len = across && !task->failed ? (size_t)inside : task->data.len;
    if (task->failed) {
        return pm__await(port, PM_OK, WRITE_WRITTEN);
    }
    return pm__await(port,
                     platform->file_write_at(platform->user, &port->op, task->handle->file,
                                             task->handle->position, task->data.ptr,
                                             task->chunk_len),
                     WRITE_WRITTEN);
}

static bool written(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    struct pm_handle *handle = task->handle;
    if (port->op.result != PM_OK) {
        task->failed = true;
        task->error = pm__file_error(port->op.result, PM__FILE_NO_WRITE);
    } else if (!task->failed) {
        handle->position += task->chunk_len;
        handle->size = handle->size > handle->position ? handle->size : handle->position;
        task->count += (uint32_t)task->chunk_len;
    }
    pm_at_data_ack(&port->at, task->chunk_len);
    task->data = (struct pm_slice){NULL, 0};
    task->state = WRITE_RECEIVE;
    return true;
}

static bool write_step(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    uint16_t error = 0;
    switch (task->state) {
    case WRITE_LOOK: return look(port);
    case WRITE_ROOM:
        error = pm__room_error(port, growth(task));
        if (error != 0) {
            pm__file_fail(port, error);
        } else {
            begin_receiving(port);
        }
        return true;
    case WRITE_RECEIVE: return receive(port);
    case WRITE_UNDONE: undone(port); return true;
    default: return written(port);
    }
}

void pm__run_qfwrite(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    struct pm_handle *handle = pm__handle_use(port, values->v[0].number, true);
    if (handle == NULL) {
        return;
    }
    pm__handle_begin(port, handle, true, write_step);
    port->task.size = (uint64_t)values->v[1].number;
    port->task.moved = handle->size;
    port->task.argument[1] = (uint8_t)(values->v[2].number >> 8);
    port->task.argument[2] = (uint8_t)(values->v[2].number & 0xFF);
    port->task.state = WRITE_LOOK;
    if (growth(&port->task) == 0) {
        begin_receiving(port);
    }
}

/* ---- QFTUCAT -------------------------------------------------------------------- */

enum { CUT_START, CUT_DONE };

static bool cut_step(struct pm_port *port)
{
    struct pm_handle *handle = port->task.handle;
    const struct pm_platform *platform = port->module->platform;
    if (port->task.state == CUT_START) {
        return pm__await(
            port,
            platform->file_truncate(platform->user, &port->op, handle->file, handle->position),
            CUT_DONE);
    }
    if (port->op.result != PM_OK) {
        pm__file_fail(port, pm__file_error(port->op.result, PM__FILE_NO_WRITE));
        return true;
    }
    handle->size = handle->position;
    pm__task_end(port);
    pm__ok(port);
    return true;
}

void pm__run_qftucat(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    struct pm_handle *handle = pm__handle_use(port, values->v[0].number, true);
    if (handle != NULL) {
        pm__handle_begin(port, handle, true, cut_step);
    }
}
