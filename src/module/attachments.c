/* SPDX-License-Identifier: MIT */
/* AT+QSMTPATT, and the list of recipients: what the draft refers to. */
#include <string.h>

#include "module/mail.h"

/* A record's text: storage, size in 4 bytes (high first), name. */
#define RECORD_HEAD 5U

static struct pm__attachment decode(const struct pm__record *record)
{
    const uint8_t *p = record->text.ptr;
    return (struct pm__attachment){
        .index = record->index,
        .storage = p[0],
        .size = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4],
        .name = {p + RECORD_HEAD, record->text.len - RECORD_HEAD},
    };
}

bool pm__attachment_nth(const struct pm_module *module, uint8_t n, struct pm__attachment *out)
{
    struct pm__record record;
    for (uint8_t index = 1; index <= PM_MAX_ATTACHMENTS; index++) {
        for (size_t at = 0; pm__arena_next(&module->arena, &at, &record);) {
            if (record.key == PM__KEY_ATTACHMENT && record.index == index && n-- == 0) {
                *out = decode(&record);
                return true;
            }
        }
    }
    return false;
}

static void list(struct pm_port *port)
{
    struct pm__attachment attachment;
    for (uint8_t n = 0; pm__attachment_nth(port->module, n, &attachment); n++) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+QSMTPATT: ");
        pm_at_put_number(&port->at, attachment.index);
        pm_at_put(&port->at, ",");
        pm__put_file_name_quoted(&port->at, attachment.storage, attachment.name, false);
        if (port->module->config->att_list_size) { /* SD3 */
            pm_at_put(&port->at, ",");
            pm_at_put_number(&port->at, attachment.size);
        }
    }
    pm__ok(port);
}

static uint16_t delete (struct pm_module *module, const struct pm_at_values *values)
{
    if (values->count == 1) {
        pm__arena_clear(&module->arena, PM__KEY_ATTACHMENT);
        module->draft.attachments = 0;
    } else if (values->count != 2 || !values->v[1].given ||
               !pm__arena_remove(&module->arena, PM__KEY_ATTACHMENT, (uint8_t)values->v[1].number,
                                 (struct pm_slice){NULL, 0})) {
        return PM_MAIL_PARAMETER; /* SD15 */
    } else {
        module->draft.attachments--;
    }
    pm__draft_touch(module);
    return 0;
}

enum { ADD_STAT, ADD_FOUND };

/* The draft may have changed while the platform looked: a mail may have started on another port. */
static uint16_t add(struct pm_port *port)
{
    struct pm_module *module = port->module;
    const struct pm_task *task = &port->task;
    uint32_t size = task->size < UINT32_MAX ? (uint32_t)task->size : UINT32_MAX;
    uint8_t index = task->argument[0];
    const uint8_t head[RECORD_HEAD] = {task->storage, (uint8_t)(size >> 24), (uint8_t)(size >> 16),
                                       (uint8_t)(size >> 8), (uint8_t)size};
    if (port->op.result != PM_OK) {
        return PM_MAIL_FILE_OPEN;
    }
    if (pm__smtp_busy(module)) {
        return PM_MAIL_BUSY;
    }
    if (pm__arena_get(&module->arena, PM__KEY_ATTACHMENT, index).len != 0) {
        return PM_MAIL_ATTACHMENT;
    }
    if (!pm__arena_add2(&module->arena, PM__KEY_ATTACHMENT, index,
                        (struct pm_slice){head, sizeof head}, task->name)) {
        return PM_MAIL_NO_MEMORY;
    }
    module->draft.attachments++;
    pm__draft_touch(module);
    return 0;
}

static bool add_step(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    if (task->state == ADD_STAT) {
        return pm__await(port,
                         platform->file_stat(platform->user, &port->op,
                                             (enum pm_storage)task->storage, task->name,
                                             &task->size),
                         ADD_FOUND);
    }
    uint16_t error = add(port);
    pm__task_end(port);
    pm__mail_answer(port, error);
    return true;
}

void pm__run_qsmtpatt(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    uint8_t storage = 0;
    struct pm_slice name;
    if (form == PM_AT_READ) {
        list(port);
        return;
    }
    if (values->v[0].number == 0) {
        pm__mail_answer(port, delete (port->module, values));
        return;
    }
    if (values->count != 3 || !values->v[1].given || !values->v[2].given) {
        pm__cme(port, PM_MAIL_PARAMETER);
        return;
    }
    if (pm__file_name(values->v[2].text, &storage, &name) != 0) {
        pm__cme(port, PM_MAIL_FILE_OPEN);
        return;
    }
    pm__task_begin(port, add_step);
    port->task.storage = storage;
    port->task.name = name;
    port->task.argument[0] = (uint8_t)values->v[1].number;
}

/* ---- The recipients of AT+QSMTPDST? -------------------------------------------------- */

/* An address and what stands around it. */
#define RECIPIENT_LINE 400U

static bool list_step(struct pm_port *port)
{
    struct pm__record record;
    if (pm_at_room(&port->at) < RECIPIENT_LINE) { /* The host reads slower than we print. */
        pm_at_flush(&port->at);
        return false;
    }
    if (!pm__arena_nth(&port->module->arena, PM__KEY_RECIPIENT, (uint16_t)port->task.count,
                       &record)) {
        pm__task_end(port);
        pm__ok(port);
        return true;
    }
    port->task.count++;
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+QSMTPDST: ");
    pm_at_put_number(&port->at, record.index);
    pm_at_put(&port->at, ",");
    pm_at_put_quoted(&port->at, record.text);
    return true;
}

void pm__list_recipients(struct pm_port *port)
{
    pm__task_begin(port, list_step);
}
