/* SPDX-License-Identifier: MIT */
/* The e-mail commands but for their data mode: QSMTPCFG, DST, SUB, ATT, CLR, PUT. */
#include <string.h>

#include "module/internal.h"
#include "module/mail.h"
#include "postmodem/address.h"

bool pm__smtp_busy(const struct pm_module *module)
{
    return module->job.state != PM_JOB_IDLE || module->body_port != NULL;
}

/* Tells once per kind that a value would be refused by a real module (SD9). */
void pm__note_beyond_strict(struct pm_module *module, enum pm__limit limit, size_t amount)
{
    struct pm__log log;
    const uint16_t bit = (uint16_t)(1U << limit);
    if (amount <= pm__limits(PM_LIMITS_STRICT)[limit] || (module->wide_logged & bit) != 0) {
        return;
    }
    module->wide_logged |= bit;
    pm__log_begin(&log);
    pm__text_add(&log.text, "beyond the limit of a real module: ");
    pm__text_number(&log.text, amount);
    pm__text_add(&log.text, " where it allows ");
    pm__text_number(&log.text, pm__limits(PM_LIMITS_STRICT)[limit]);
    pm__text_add(&log.text, limit == PM__LIMIT_BODY ? " KiB" : "");
    pm__log_end(module, PM_LOG_INFO, &log);
}

/* ---- QSMTPDST -------------------------------------------------------------------- */

static bool same_recipient(const struct pm_module *module, uint8_t kind, struct pm_slice address)
{
    struct pm__record record;
    for (size_t at = 0; pm__arena_next(&module->arena, &at, &record);) {
        if (record.key == PM__KEY_RECIPIENT && record.index == kind &&
            pm__slice_equal(record.text, address)) {
            return true;
        }
    }
    return false;
}

static uint16_t add_recipient(struct pm_module *module, uint8_t kind, struct pm_slice address)
{
    const uint16_t *limits = pm__limits(module->config->limits);
    if (same_recipient(module, kind, address)) { /* SD14 */
        return 0;
    }
    if (module->draft.recipients >= limits[PM__LIMIT_RECIPIENTS]) {
        return PM_MAIL_PARAMETER;
    }
    if (!pm__arena_add(&module->arena, PM__KEY_RECIPIENT, kind, address)) {
        return PM_MAIL_NO_MEMORY; /* SD63 */
    }
    module->draft.recipients++;
    pm__note_beyond_strict(module, PM__LIMIT_RECIPIENT, address.len);
    pm__note_beyond_strict(module, PM__LIMIT_RECIPIENTS, module->draft.recipients);
    pm__draft_touch(module);
    return 0;
}

static uint16_t delete_recipients(struct pm_module *module, const struct pm_at_values *values)
{
    if (values->count == 1) {
        pm__arena_clear(&module->arena, PM__KEY_RECIPIENT);
        module->draft.recipients = 0;
    } else if (!pm__arena_remove(&module->arena, PM__KEY_RECIPIENT, (uint8_t)values->v[1].number,
                                 values->v[2].text)) {
        return PM_MAIL_PARAMETER; /* SD15 */
    } else {
        module->draft.recipients--;
    }
    pm__draft_touch(module);
    return 0;
}

void pm__mail_answer(struct pm_port *port, uint16_t error)
{
    if (error == 0) {
        pm__ok(port);
    } else {
        pm__cme(port, error);
    }
}

/* Type and address come together (SD16); mode 1 needs both. */
static void run_dst(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    const struct pm_at_value *v = values->v;
    if (form == PM_AT_READ) {
        pm__list_recipients(port);
        return;
    }
    bool add = v[0].number == 1;
    bool group = values->count == 3 && v[1].given && v[2].given && pm_address_valid(v[2].text) &&
                 (!add || pm__address_accepted(port->module, v[2].text));
    if (!group && (add || values->count != 1)) {
        pm__cme(port, PM_MAIL_PARAMETER);
    } else if (add) {
        pm__mail_answer(port, add_recipient(port->module, (uint8_t)v[1].number, v[2].text));
    } else {
        pm__mail_answer(port, delete_recipients(port->module, values));
    }
}

/* ---- QSMTPSUB -------------------------------------------------------------------- */

static void run_sub(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    if (form == PM_AT_READ) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+QSMTPSUB: ");
        pm_at_put_number(&port->at, module->draft.subject_charset);
        pm_at_put(&port->at, ",");
        pm_at_put_quoted(&port->at, pm__arena_get(&module->arena, PM__KEY_SUBJECT, 0));
        pm__ok(port);
        return;
    }
    const struct pm_slice subject = values->v[1].text;
    const enum pm_charset charset = (enum pm_charset)values->v[0].number;
    if (!pm_mime_text_fits(charset, subject)) { /* SD40 */
        if (module->config->charset_check == PM_CHARSET_REFUSE) {
            pm__cme(port, PM_MAIL_PARAMETER);
            return;
        }
        pm__log_text(module, PM_LOG_WARNING, "the subject does not fit its charset: sent as it is");
    }
    if (!pm__arena_set(&module->arena, PM__KEY_SUBJECT, 0, subject)) {
        pm__cme(port, PM_MAIL_NO_MEMORY);
        return;
    }
    module->draft.subject_charset = (uint8_t)charset;
    pm__note_beyond_strict(module, PM__LIMIT_SUBJECT, subject.len);
    pm__draft_touch(module);
    pm__ok(port);
}

/* ---- QSMTPBODY, QSMTPCLR, QSMTPPUT ------------------------------------------------- */

static void run_clr(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    pm__draft_clear(port->module);
    pm__ok(port);
}

/* What can be judged here is refused here, in this order (SD28, SD50). Busy came before. */
static void run_put(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    const struct pm_module *module = port->module;
    (void)form;
    if (module->draft.recipients == 0) {
        pm__cme(port, PM_MAIL_NO_RECIPIENT);
    } else if (pm__arena_get(&module->arena, PM__KEY_SERVER, 0).len == 0 ||
               pm__arena_get(&module->arena, PM__KEY_SENDER_EMAIL, 0).len == 0) {
        pm__cme(port, PM_MAIL_PARAMETER);
    } else if (!pm__context_active(module, module->draft.contextid)) {
        pm__cme(port, PM_MAIL_CONTEXT);
    } else {
        pm__ok(port);
        pm__job_start(port, (uint32_t)values->v[0].number);
    }
}

#define TEXT(n, l)                                                   \
    {                                                                \
        .name = (n), .type = PM_AT_STRING, .max = 4096, .limit = (l) \
    }
#define OPTIONAL_TEXT(n, l)                                                                   \
    {                                                                                         \
        .name = (n), .type = PM_AT_STRING, .flags = PM_AT_OPTIONAL, .max = 4096, .limit = (l) \
    }
#define CHARSET                     \
    {                               \
        .name = "charset", .max = 3 \
    }

static const struct pm_at_param account_params[] = {TEXT("username", PM__LIMIT_USERNAME),
                                                    TEXT("password", PM__LIMIT_PASSWORD)};
static const struct pm_at_param sender_params[] = {TEXT("sender_name", PM__LIMIT_SENDER_NAME),
                                                   TEXT("sender_email", PM__LIMIT_SENDER_EMAIL)};
static const struct pm_at_param server_params[] = {
    TEXT("srvaddr", PM__LIMIT_SERVER),
    {.name = "srvport", .min = 1, .max = 65535, .range = "<srvport>"},
};
static const struct pm_at_param context_params[] = {
    {.name = "contextID", .min = 1, .max = PM_PDP_CONTEXTS}};
static const struct pm_at_param sslctx_params[] = {
    {.name = "sslctxID", .max = PM_SSL_CONTEXTS - 1}};
static const struct pm_at_param ssltype_params[] = {{.name = "ssltype", .max = 2}};

#define ITEM(k, p, i)                                                                       \
    {                                                                                       \
        .keyword = (k), .params = (p), .param_count = sizeof(p) / sizeof((p)[0]), .id = (i) \
    }

static const struct pm_at_item cfg_items[] = {
    ITEM("account", account_params, PM__CFG_ACCOUNT),
    ITEM("sender", sender_params, PM__CFG_SENDER),
    ITEM("smtpserver", server_params, PM__CFG_SERVER),
    ITEM("contextid", context_params, PM__CFG_CONTEXT),
    ITEM("sslctxid", sslctx_params, PM__CFG_SSLCTX),
    ITEM("ssltype", ssltype_params, PM__CFG_SSLTYPE),
};
static const struct pm_at_param dst_params[] = {
    {.name = "mode", .max = 1},
    {.name = "type", .flags = PM_AT_OPTIONAL, .min = 1, .max = 3},
    OPTIONAL_TEXT("emailaddr", PM__LIMIT_RECIPIENT),
};
static const struct pm_at_param sub_params[] = {CHARSET, TEXT("subject", PM__LIMIT_SUBJECT)};
static const struct pm_at_param body_params[] = {
    CHARSET,
    {.name = "body_length", .min = 1, .max = 1048576, .range = "(1-10240)"},
    {.name = "input_time", .flags = PM_AT_OPTIONAL, .min = 1, .max = 65535, .def = 90},
};
/* The name is as long as the file commands allow; what is longer is judged like any bad value. */
static const struct pm_at_param att_params[] = {
    {.name = "mode", .max = 1},
    {.name = "file_index", .flags = PM_AT_OPTIONAL, .min = 1, .max = PM_MAX_ATTACHMENTS},
    {.name = "filename",
     .type = PM_AT_STRING,
     .flags = PM_AT_OPTIONAL,
     .min = 1,
     .max = PM_FILE_NAME_SIZE},
};
static const struct pm_at_param put_params[] = {{.name = "timeout", .min = 60, .max = 65535}};

#define ROW(n) .name = (n), .bad = PM_MAIL_PARAMETER, .group = PM__GROUP_SMTP

static const struct pm_at_command rows[] = {
    {ROW("+QSMTPCFG"), .forms = PM_AT_TEST | PM_AT_WRITE,
     .item_count = sizeof cfg_items / sizeof cfg_items[0], .items = cfg_items,
     .handler = pm__run_qsmtpcfg},
    {ROW("+QSMTPDST"), .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE, .param_count = 3,
     .params = dst_params, .handler = run_dst},
    {ROW("+QSMTPSUB"), .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE, .param_count = 2,
     .params = sub_params, .handler = run_sub},
    {ROW("+QSMTPBODY"), .forms = PM_AT_TEST | PM_AT_WRITE, .flags = PM_AT_DATA, .param_count = 3,
     .params = body_params, .handler = pm__run_qsmtpbody},
    {ROW("+QSMTPATT"), .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE, .param_count = 3,
     .params = att_params, .handler = pm__run_qsmtpatt},
    {ROW("+QSMTPCLR"), .forms = PM_AT_EXEC | PM_AT_TEST, .flags = PM_AT_TEST_OK,
     .handler = run_clr},
    {ROW("+QSMTPPUT"), .forms = PM_AT_TEST | PM_AT_WRITE, .param_count = 1, .params = put_params,
     .handler = run_put},
};

const struct pm__commands pm__smtp_commands = {rows, sizeof rows / sizeof rows[0]};
