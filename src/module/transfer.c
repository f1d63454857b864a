/* SPDX-License-Identifier: MIT */
/* FILE commands with data mode: QFUPL and QFDWL (checksums, ackmode, early ends). */
#include <string.h>

#include "module/files.h"

/* In ackmode the host waits for an `A` after each of these. */
#define ACK_BYTES 1024U
_Static_assert(PM_AT_IN_SIZE / ACK_BYTES < UINT8_MAX, "what one piece is owed must be counted");

/* The longest "+QFUPL: <size>,<checksum>" with its framing. */
#define RESULT_LINE 40U

bool pm__result_fits(struct pm_port *port)
{
    if (pm_at_room(&port->at) >= RESULT_LINE) {
        return true;
    }
    pm_at_flush(&port->at);
    return false;
}

bool pm__put_chunk(struct pm_port *port, uint8_t then)
{
    struct pm_task *task = &port->task;
    size_t n = pm_at_raw(&port->at, port->chunk + task->chunk_at, task->chunk_len - task->chunk_at);
    pm__checksum(task, port->chunk + task->chunk_at, n);
    task->chunk_at += n;
    task->count += (uint32_t)n;
    if (task->chunk_at < task->chunk_len) {
        return n != 0;
    }
    task->state = then;
    return true;
}

/* ---- QFUPL --------------------------------------------------------------------- */

enum { UP_STAT, UP_NEW, UP_ROOM, UP_CREATED, UP_RECEIVE, UP_WRITTEN, UP_ACK, UP_COMMITTED };

/* argument[0]: `A`s owed to the host. */
static uint8_t *owed(struct pm_port *port)
{
    return &port->task.argument[0];
}

static void begin_receiving(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_at_data data = {
        .length = (uint32_t)task->size,
        .idle_ms = (uint32_t)(task->argument[1] << 8 | task->argument[2]) * 1000U,
        .connect_delay = port->module->config->connect_delay,
    };
    task->file = port->op.result;
    task->has_file = true;
    task->state = UP_RECEIVE;
    pm_at_data_in(&port->at, &data, port->module->now);
}

/* The answer after the data; its leading CRLF is the setting upl_crlf (CD1). */
static void answer_upload(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    uint8_t crlf = port->module->config->upl_crlf;
    bool late = task->reason == PM_AT_END_TIMEOUT;
    if (crlf == PM_UPL_CRLF_ON || (crlf == PM_UPL_CRLF_AUTO && task->ack_mode)) {
        pm_at_info(&port->at);
    } else {
        pm_at_info_bare(&port->at);
    }
    pm_at_put(&port->at, "+QFUPL: ");
    pm_at_put_number(&port->at, pm__file_shown(task->count));
    pm_at_put(&port->at, ",");
    pm_at_put_hex(&port->at, pm__checksum_end(task));
    pm__task_end(port);
    if (late) {
        pm__cme(port, PM__FILE_TIMEOUT); /* CD4 */
    } else {
        pm__ok(port);
    }
}

/* Stores what has come, or ends. A storage that fails does not end data mode: what is still to
 * come would be taken for commands. */
static bool receive(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    if (task->data.len != 0) {
        if (task->failed) {
            return pm__await(port, PM_OK, UP_WRITTEN);
        }
        return pm__await(port,
                         platform->file_write(platform->user, &port->op, task->file, task->data.ptr,
                                              task->data.len),
                         UP_WRITTEN);
    }
    if (!task->data_end) {
        return false;
    }
    if (task->failed) {
        pm__file_fail(port, task->error);
        return true;
    }
    /* Nothing came, and nobody asked for an empty file. */
    if (task->count == 0 && (task->reason == PM_AT_END_TIMEOUT || task->reason == PM_AT_END_LOST)) {
        pm__file_fail(port, PM__FILE_TIMEOUT);
        return true;
    }
    task->has_file = false; /* committing closes it, whatever comes of it */
    return pm__await(port,
                     platform->file_commit(platform->user, &port->op, task->file,
                                           (enum pm_storage)task->storage, task->name, false),
                     UP_COMMITTED);
}

static bool written(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    if (port->op.result != PM_OK) {
        task->failed = true;
        task->error = pm__file_error(port->op.result, PM__FILE_NO_WRITE);
    }
    pm__checksum(task, task->data.ptr, task->data.len);
    uint64_t before = task->count / ACK_BYTES;
    task->count += (uint32_t)task->data.len;
    if (task->ack_mode) {
        *owed(port) = (uint8_t)(*owed(port) + (task->count / ACK_BYTES - before));
    }
    pm_at_data_ack(&port->at, task->data.len);
    task->data = (struct pm_slice){NULL, 0};
    task->state = UP_ACK;
    return true;
}

static bool acknowledge(struct pm_port *port)
{
    static const uint8_t ack = 'A';
    while (*owed(port) != 0) {
        if (pm_at_raw(&port->at, &ack, 1) == 0) {
            return false;
        }
        --*owed(port);
    }
    port->task.state = UP_RECEIVE;
    return true;
}

/* Looks whether the name is not taken (CD5) and the room is there. */
static bool prepare(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    const enum pm_storage storage = (enum pm_storage)task->storage;
    uint16_t error = 0;
    switch (task->state) {
    case UP_STAT:
        return pm__await(
            port,
            platform->file_stat(platform->user, &port->op, storage, task->name, &task->info.used),
            UP_NEW);
    case UP_NEW:
        if (port->op.result != PM_ERR_NOT_FOUND) {
            pm__file_fail(port, port->op.result == PM_OK
                                    ? PM__FILE_EXISTS
                                    : pm__file_error(port->op.result, PM__FILE_NO_CREATE));
            return true;
        }
        return pm__await(
            port, platform->storage_info(platform->user, &port->op, storage, &task->info), UP_ROOM);
    default:
        error = pm__room_error(port, task->size);
        if (error != 0) {
            pm__file_fail(port, error);
            return true;
        }
        return pm__await(port,
                         platform->file_create(platform->user, &port->op, storage, task->size),
                         UP_CREATED);
    }
}

static bool upload_step(struct pm_port *port)
{
    switch (port->task.state) {
    case UP_CREATED:
        if (port->op.result < 0) {
            pm__file_fail(port, pm__file_error(port->op.result, PM__FILE_NO_CREATE));
        } else {
            begin_receiving(port);
        }
        return true;
    case UP_RECEIVE: return receive(port);
    case UP_WRITTEN: return written(port);
    case UP_ACK: return acknowledge(port);
    case UP_COMMITTED:
        if (port->op.result != PM_OK) {
            pm__file_fail(port, pm__file_error(port->op.result, PM__FILE_NO_WRITE));
        } else if (pm__result_fits(port)) {
            pm__reuse_mark_file(port->module, port->task.storage, port->task.name);
            answer_upload(port);
        } else {
            return false;
        }
        return true;
    default: return prepare(port);
    }
}

void pm__run_qfupl(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    uint8_t storage = 0;
    struct pm_slice name;
    (void)form;
    uint16_t error = pm__file_name_one(values->v[0].text, &storage, &name);
    if (error == 0 && pm__handle_of(port->module, storage, name) != NULL) {
        error = PM__FILE_IN_USE;
    }
    if (error != 0) {
        pm__cme(port, error);
        return;
    }
    pm__task_begin(port, upload_step);
    port->task.storage = storage;
    port->task.name = name;
    port->task.size = (uint64_t)values->v[1].number;
    port->task.argument[1] = (uint8_t)(values->v[2].number >> 8);
    port->task.argument[2] = (uint8_t)(values->v[2].number & 0xFF);
    port->task.ack_mode = values->v[3].number == 1;
}

/* ---- QFDWL --------------------------------------------------------------------- */

enum { DOWN_OPEN, DOWN_OPENED, DOWN_CONNECT, DOWN_READ, DOWN_GOT, DOWN_PUT };

static bool end_download(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    if (!pm__result_fits(port)) {
        return false;
    }
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+QFDWL: ");
    pm_at_put_number(&port->at, pm__file_shown(task->count));
    pm_at_put(&port->at, ",");
    pm_at_put_hex(&port->at, pm__checksum_end(task));
    pm__task_end(port);
    pm__ok(port);
    return true;
}

/* The host may end it early; what the port has not sent by then is not sent. */
static bool transfer_step(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    switch (task->state) {
    case DOWN_CONNECT:
        if (!pm_at_connected(&port->at)) {
            return false;
        }
        task->state = DOWN_READ;
        return true;
    case DOWN_READ:
        return pm__await(port,
                         platform->file_read(platform->user, &port->op, task->file, task->count,
                                             port->chunk, sizeof port->chunk),
                         DOWN_GOT);
    case DOWN_GOT:
        if (port->op.result < 0) {
            pm__file_fail(port, PM__FILE_NO_READ);
            return true;
        }
        if (port->op.result == 0) {
            return end_download(port);
        }
        task->chunk_len = (size_t)port->op.result;
        task->chunk_at = 0;
        task->state = DOWN_PUT;
        return true;
    default: return pm__put_chunk(port, DOWN_READ);
    }
}

static bool download_step(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    switch (task->state) {
    case DOWN_OPEN:
        return pm__await(port,
                         platform->file_open(platform->user, &port->op,
                                             (enum pm_storage)task->storage, task->name,
                                             &task->size),
                         DOWN_OPENED);
    case DOWN_OPENED:
        if (port->op.result < 0) {
            uint16_t other =
                port->op.result == PM_ERR_NOT_FOUND ? PM__FILE_NOT_FOUND : PM__FILE_NO_OPEN;
            pm__file_fail(port, pm__file_error(port->op.result, other));
            return true;
        }
        task->file = port->op.result;
        task->has_file = true;
        task->state = DOWN_CONNECT;
        pm_at_data_out(&port->at, port->module->config->connect_delay, port->module->now);
        return true;
    default: return task->data_end ? end_download(port) : transfer_step(port);
    }
}

void pm__run_qfdwl(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    uint8_t storage = 0;
    struct pm_slice name;
    (void)form;
    uint16_t error = pm__file_name(values->v[0].text, &storage, &name);
    if (error != 0) {
        pm__cme(port, error);
        return;
    }
    pm__task_begin(port, download_step);
    port->task.storage = storage;
    port->task.name = name;
}
