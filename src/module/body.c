/* SPDX-License-Identifier: MIT */
/* AT+QSMTPBODY: the body goes from data mode to a scratch file, scanned on its way. */
#include <string.h>

#include "module/mail.h"

enum { BODY_CREATE, BODY_CREATED, BODY_RECEIVE, BODY_WRITTEN };

/* The file is the draft's from here on: a failed upload leaves the draft without a body (SD21). */
static bool created(struct pm_port *port)
{
    struct pm_module *module = port->module;
    struct pm_task *task = &port->task;
    if (port->op.result < 0) {
        module->body_port = NULL;
        pm__task_end(port);
        pm__cme(port, PM_MAIL_NO_MEMORY);
        return true;
    }
    const struct pm_at_data data = {
        .length = (uint32_t)task->size,
        .total_ms = (uint32_t)(task->argument[1] << 8 | task->argument[2]) * 1000U,
        .connect_delay = module->config->connect_delay,
    };
    pm__draft_drop_body(module);
    pm__draft_touch(module);
    task->file = port->op.result;
    task->has_file = true;
    task->state = BODY_RECEIVE;
    module->draft.body_charset = task->argument[0];
    pm_mime_scan_init(&module->draft.scan, (enum pm_charset)task->argument[0]);
    pm_at_data_in(&port->at, &data, module->now);
    return true;
}

/* What the body that has come is worth: 0, or the error that takes it away. */
static uint16_t judge(struct pm_port *port)
{
    struct pm_module *module = port->module;
    const struct pm_task *task = &port->task;
    if (task->failed) {
        return PM_MAIL_NO_MEMORY;
    }
    if (task->reason == PM_AT_END_TIMEOUT && task->count == 0) {
        return PM_MAIL_TIMEOUT; /* SD21 */
    }
    if (!pm_mime_scan_fits(&module->draft.scan)) { /* SD40 */
        if (module->config->charset_check == PM_CHARSET_REFUSE) {
            return PM_MAIL_PARAMETER;
        }
        pm__log_text(module, PM_LOG_WARNING, "the body does not fit its charset: sent as it is");
    }
    return 0;
}

static void finish(struct pm_port *port)
{
    struct pm_module *module = port->module;
    struct pm_task *task = &port->task;
    uint16_t error = judge(port);
    module->body_port = NULL;
    if (error == 0) {
        module->draft.body = task->file;
        module->draft.has_body = true;
        task->has_file = false;
        pm__note_beyond_strict(module, PM__LIMIT_BODY, ((size_t)task->count + 1023U) / 1024U);
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+QSMTPBODY: ");
        pm_at_put_number(&port->at, (uint32_t)task->count);
    }
    pm__task_end(port);
    pm__mail_answer(port, error);
}

static bool receive(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    if (task->data.len != 0) {
        if (task->failed) { /* What is still to come must not be taken for commands. */
            return pm__await(port, PM_OK, BODY_WRITTEN);
        }
        return pm__await(port,
                         platform->file_write(platform->user, &port->op, task->file, task->data.ptr,
                                              task->data.len),
                         BODY_WRITTEN);
    }
    if (!task->data_end) {
        return false;
    }
    finish(port);
    return true;
}

static bool body_step(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    switch (task->state) {
    case BODY_CREATE:
        return pm__await(port, platform->scratch_create(platform->user, &port->op), BODY_CREATED);
    case BODY_CREATED: return created(port);
    case BODY_RECEIVE: return receive(port);
    default:
        task->failed = task->failed || port->op.result != PM_OK;
        pm_mime_scan_update(&port->module->draft.scan, task->data.ptr, task->data.len);
        task->count += (uint32_t)task->data.len;
        pm_at_data_ack(&port->at, task->data.len);
        task->data = (struct pm_slice){NULL, 0};
        task->state = BODY_RECEIVE;
        return true;
    }
}

void pm__run_qsmtpbody(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    struct pm_module *module = port->module;
    uint32_t length = (uint32_t)values->v[1].number;
    uint32_t most = pm__limits(module->config->limits)[PM__LIMIT_BODY] * 1024U;
    if (length > most) { /* SD27 */
        pm__cme(port, PM_MAIL_PARAMETER);
        return;
    }
    pm__task_begin(port, body_step);
    module->body_port = port;
    port->task.size = length;
    port->task.argument[0] = (uint8_t)values->v[0].number;
    port->task.argument[1] = (uint8_t)(values->v[2].number >> 8);
    port->task.argument[2] = (uint8_t)(values->v[2].number & 0xFF);
}
