/* SPDX-License-Identifier: MIT */
/* The mail job: one QSMTPPUT from its OK to its URC. */
#include "module/job.h"

#include <stddef.h>
#include <string.h>

#include "base/wipe.h"

bool pm__job_await(struct pm_job *job, int32_t result)
{
    job->op.pending = result == PM_PENDING;
    job->op.result = result;
    return !job->op.pending;
}

void pm__job_uses(size_t *used, size_t n)
{
    *used = n > *used ? n : *used;
}

/* Where nothing was written there is nothing to wipe: to touch the rest would take longer than a
 * small mail. */
static void wipe_memory(const struct pm_job *job)
{
    if (job->in != NULL) {
        pm__wipe(job->memory, (size_t)(job->in - job->memory));
        pm__wipe(job->in, job->in_used);
        pm__wipe(job->mid, job->mid_used);
        pm__wipe(job->out, job->out_used);
    }
}

/* Gives back everything the job holds. */
static void release(struct pm_module *module, bool graceful)
{
    struct pm_job *job = &module->job;
    const struct pm_platform *platform = module->platform;
    if (job->op.pending) {
        platform->cancel(platform->user, &job->op);
        job->op.pending = false;
    }
    if (job->connected && !job->keep) {
        const uint8_t *data = NULL;
        size_t len = graceful ? pm_smtp_output(&job->smtp, &data) : 0;
        if (len != 0) { /* QUIT; whether it arrives does not matter any more */
            (void)platform->conn_send(platform->user, data, len);
        }
        platform->conn_close(platform->user, graceful);
    }
    for (uint8_t i = 0; i < job->file_count; i++) {
        platform->file_close(platform->user, job->files[i]);
    }
    if (job->memory != NULL) {
        wipe_memory(job);
        platform->job_memory_free(platform->user, job->memory);
    }
    if (job->keep) {
        pm__reuse_begin(module);
    } else if (!module->reuse.open) {
        pm_smtp_wipe(&job->smtp);
    }
    pm__wipe(job, offsetof(struct pm_job, smtp));
}

bool pm__job_reads(const struct pm_module *module, uint8_t storage, struct pm_slice name)
{
    struct pm__attachment attachment;
    if (module->job.state == PM_JOB_IDLE) {
        return false;
    }
    for (uint8_t n = 0; pm__attachment_nth(module, n, &attachment); n++) {
        if (attachment.storage == storage && pm__slice_equal(attachment.name, name)) {
            return true;
        }
    }
    return false;
}

void pm__text_status(struct pm__text *text, struct pm_smtp_status status)
{
    if (status.class_digit != 0) {
        pm__text_add(text, " (");
        pm__text_number(text, status.class_digit);
        pm__text_char(text, '.');
        pm__text_number(text, status.subject);
        pm__text_char(text, '.');
        pm__text_number(text, status.detail);
        pm__text_char(text, ')');
    }
}

static bool has_session(const struct pm_job *job)
{
    return job->state == PM_JOB_SESSION || job->state == PM_JOB_CRYPTO ||
           job->state == PM_JOB_TOKEN;
}

/* Refused by the policy: there was no server to give that reply. */
static bool is_own(const struct pm_job *job, uint16_t reply)
{
    return reply != 0 && job->state == PM_JOB_FILES;
}

/* Why, where the error alone does not say it. */
static const char *explanation(const struct pm_job *job, uint16_t error, uint16_t reply)
{
    /* Without a session of its own what is there belongs to the mail before. */
    const uint8_t lacks = reply == 0 && has_session(job) ? pm_smtp_lacks(&job->smtp) : 0;
    if (error == PM_MAIL_AUTH_TYPE) {
        return ": none that the server offers may be used here (smtp.auth, "
               "and without TLS auth_in_clear)";
    }
    if (error == PM_MAIL_SSL && (lacks & PM_SMTP_LACKS_REQUIRE_TLS) != 0) {
        return ": the server does not offer REQUIRETLS (mail.require_tls)";
    }
    if (error == PM_MAIL_SSL && reply == 0 && has_session(job) &&
        (lacks & PM_SMTP_LACKS_STARTTLS) == 0) {
        return ": the server did not go on with TLS after STARTTLS";
    }
    if (error == PM_MAIL_MAILBOX_NAME && (lacks & PM_SMTP_LACKS_UTF8) != 0) {
        return ": the server does not offer SMTPUTF8, which an address needs";
    }
    if (is_own(job, reply)) {
        return error == PM_MAIL_MAILBOX_BUSY ? ": mail.rate_limit"
                                             : ": mail.allow_recipients or allow_senders";
    }
    return "";
}

/* Where in the dialogue the mail has failed. */
static void put_place(const struct pm_job *job, struct pm__text *text)
{
    const struct pm_slice state = pm__slice(pm_smtp_state_name(&job->smtp));
    if (pm_smtp_unknown(&job->smtp)) {
        pm__text_add(text, "; the server has had the whole mail and not answered: it is not known "
                           "whether it took it, and it is not sent again");
    }
    if (job->state == PM_JOB_SESSION && !job->keep && !pm__slice_equal(state, pm__slice("done"))) {
        pm__text_add(text, ", while waiting in: ");
        pm__text_slice(text, state);
    }
}

static void log_result(struct pm_module *module, uint16_t error, uint16_t reply)
{
    struct pm__log log;
    const char *text = pm_mail_error_text(error);
    pm__log_begin(&log);
    if (error == PM_MAIL_OK) {
        pm__text_add(&log.text, "mail sent, ");
        pm__text_number(&log.text, module->job.message_size);
        pm__text_add(&log.text, " octets");
        pm__text_status(&log.text, module->job.status);
    } else {
        pm__text_add(&log.text, "mail failed: ");
        pm__text_number(&log.text, error);
        pm__text_add(&log.text, " ");
        pm__text_add(&log.text, text != NULL ? text : "");
        pm__text_add(&log.text, explanation(&module->job, error, reply));
        if (reply != 0) {
            pm__text_add(&log.text,
                         is_own(&module->job, reply) ? ", told as SMTP reply " : ", SMTP reply ");
            pm__text_number(&log.text, reply);
            pm__text_status(&log.text, module->job.status);
        }
        if (has_session(&module->job)) {
            put_place(&module->job, &log.text);
        }
    }
    pm__log_end(module, error == PM_MAIL_OK ? PM_LOG_INFO : PM_LOG_WARNING, &log);
}

void pm__job_finish(struct pm_module *module, uint16_t error, uint16_t reply, bool graceful)
{
    struct pm_job *job = &module->job;
    struct pm_port *port = job->port;
    uint64_t not_before = job->not_before;
    char urc[40];
    struct pm__text text;
    log_result(module, error, reply);
    if (error == PM_MAIL_OK) {
        module->mails_sent++;
    } else {
        module->mails_failed++;
        module->last_error = error;
        module->last_reply = reply;
        module->last_own = is_own(job, reply);
        if (!has_session(job) || !pm_smtp_begun(&job->smtp)) {
            pm__policy_give_back(module);
        }
    }
    release(module, graceful);
    pm__text_init(&text, urc, sizeof urc);
    pm__text_add(&text, "+QSMTPPUT: ");
    pm__text_number(&text, error);
    pm__text_char(&text, ',');
    pm__text_number(&text, reply);
    (void)pm_at_urc(&port->at, urc, text.len, not_before);
}

void pm__job_fail(struct pm_module *module, uint16_t error, uint16_t reply)
{
    pm__job_finish(module, error, reply, false);
}

void pm__job_drop(struct pm_module *module)
{
    if (module->job.state != PM_JOB_IDLE) {
        release(module, false);
    }
    pm__reuse_drop(module, 0);
}

void pm__job_start(struct pm_port *port, uint32_t timeout_s)
{
    struct pm_module *module = port->module;
    struct pm_job *job = &module->job;
    memset(job, 0, offsetof(struct pm_job, smtp));
    job->state = PM_JOB_FILES;
    job->port = port;
    job->deadline = module->now + (uint64_t)timeout_s * 1000U;
    job->not_before = module->now + module->config->urc_gap;
    uint16_t reply = pm__policy_refuse(module);
    uint16_t error = reply != 0 ? pm_mail_error_of_reply(reply) : pm__prepare_begin(module);
    if (error != 0) {
        pm__job_fail(module, error, reply);
    }
}

static bool connected(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    switch (job->op.result) {
    case PM_OK:
        job->connected = true;
        pm__session_begin(module);
        break;
    case PM_ERR_RESOLVE: pm__job_fail(module, PM_MAIL_RESOLVE, 0); break;
    case PM_ERR_TLS: pm__job_fail(module, PM_MAIL_SSL, 0); break;
    default: pm__job_fail(module, PM_MAIL_NETWORK, 0); break;
    }
    return true;
}

static bool step(struct pm_module *module)
{
    switch (module->job.state) {
    case PM_JOB_FILES: return pm__prepare_files(module);
    case PM_JOB_MEASURE: return pm__prepare_measure(module);
    case PM_JOB_CONNECT: return connected(module);
    default: return pm__session_run(module);
    }
}

/* Nothing begins before the OK, which other commands of the line may hold up: the time between
 * OK and URC counts from there (SD57). */
static bool accepted(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    if (!job->accepted && !pm_at_busy(&job->port->at)) {
        job->accepted = true;
        job->not_before = module->now + module->config->urc_gap;
    }
    return job->accepted;
}

/* What has come is read first: a mail whose 250 is here must not be reported as failed. */
static bool expired(const struct pm_module *module)
{
    const struct pm_job *job = &module->job;
    return module->now >= job->deadline && !(job->state == PM_JOB_SESSION && job->unread);
}

/* The time is over. A refusal that was read decides all the same (SD54). */
static void expire(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    struct pm_smtp_event verdict = {.error = PM_MAIL_TIMEOUT};
    if (has_session(job) && pm_smtp_failed(&job->smtp, &verdict)) {
        job->status = verdict.status;
    }
    pm__job_fail(module, verdict.error, verdict.code);
}

bool pm__job_run(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    bool moved = false;
    while (job->state != PM_JOB_IDLE) {
        if (expired(module)) {
            expire(module);
            return true;
        }
        /* A session goes on while a file is read: its server may speak, or its time run out. */
        if (!accepted(module) || (job->op.pending && !job->reading) || !step(module)) {
            return moved;
        }
        moved = true;
    }
    return moved;
}

uint64_t pm__job_deadline(const struct pm_module *module)
{
    const struct pm_job *job = &module->job;
    if (job->state == PM_JOB_IDLE) {
        return PM_NEVER;
    }
    uint64_t session = job->state == PM_JOB_SESSION ? pm_smtp_deadline(&job->smtp) : PM_NEVER;
    return session < job->deadline ? session : job->deadline;
}

void pm__job_received(struct pm_module *module, const uint8_t *data, size_t len)
{
    struct pm_job *job = &module->job;
    if (has_session(job)) {
        pm_smtp_input(&job->smtp, data, len, module->now);
        job->unread = true;
    } else {
        pm__reuse_received(module, data, len);
    }
}

void pm__job_closed(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    if (has_session(job)) {
        pm_smtp_closed(&job->smtp, module->now);
    } else {
        pm__reuse_closed(module);
    }
}
