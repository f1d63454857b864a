/* SPDX-License-Identifier: MIT */
/* The mail job on an open connection: SMTP session, composer and platform put together. */
#include <string.h>

#include "base/escape.h"
#include "module/job.h"

/* ENVID takes 100 characters, some of which count thrice: of a Message-ID that it may not take, its
 * own part, which is as unique. */
static struct pm_slice envelope_id(const struct pm_job *job)
{
    struct pm_slice id = pm__slice(job->message_id);
    if (id.len > 100 || memchr(id.ptr, '+', id.len) != NULL ||
        memchr(id.ptr, '=', id.len) != NULL) {
        const uint8_t *at = memchr(id.ptr, '@', id.len);
        id.len = at != NULL ? (size_t)(at - id.ptr) : 0;
    }
    return id;
}

static struct pm_smtp_config configure(struct pm_module *module, const struct pm__relay *relay)
{
    return (struct pm_smtp_config){
        .ehlo_name = pm__slice(module->config->ehlo_name),
        .username = relay->username,
        .password = relay->password,
        .sender = module->job.sender,
        .recipients = module->draft.recipients,
        .message_size = module->job.message_size,
        .starttls = relay->ssltype == 2,
        .tls = relay->ssltype == 1,
        .no_pipelining = !module->config->pipelining,
        .no_chunking = !module->config->chunking,
        .any_recipient = module->config->recipients == PM_RECIPIENTS_ANY,
        .international = module->job.international,
        .ascii_recipients = module->job.ascii_recipients,
        .require_tls = module->config->policy.require_tls,
        .notify = module->config->policy.notify,
        .envelope_id = envelope_id(&module->job),
        .keep = module->config->reuse_seconds != 0,
    };
}

void pm__session_begin(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    const struct pm__relay relay = pm__policy_relay(module);
    struct pm_smtp_config config = configure(module, &relay);
    pm__auth_configure(module, &relay, &config);
    job->state = PM_JOB_SESSION;
    pm_smtp_init(&job->smtp, &config, module->now);
}

bool pm__session_again(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    const struct pm__relay relay = pm__policy_relay(module);
    const struct pm_smtp_config config = configure(module, &relay);
    if (!pm__reuse_take(module, &config)) {
        return false;
    }
    job->connected = true;
    job->state = PM_JOB_SESSION;
    return true;
}

/* The server left the kept connection before it knew of the mail, or wants a login anew before it
 * hears of it: the mail begins again on another one; its deadline stays (SD79, SD94). */
static bool reconnect(struct pm_module *module, const struct pm_smtp_event *event)
{
    struct pm_job *job = &module->job;
    const struct pm_platform *platform = module->platform;
    struct pm__log log;
    pm__log_begin(&log);
    if (event->code != 0) {
        pm__text_add(&log.text, "the server says ");
        pm__text_number(&log.text, event->code);
        pm__text_add(&log.text, " on the kept connection");
    } else {
        pm__text_add(&log.text, "the server has left the kept connection");
    }
    pm__text_add(&log.text, ": the mail goes over a new one");
    pm__log_end(module, PM_LOG_INFO, &log);
    if (job->op.pending) {
        platform->cancel(platform->user, &job->op);
        job->op.pending = false;
    }
    if (event->graceful) {
        (void)pm__session_send(module); /* QUIT */
    }
    platform->conn_close(platform->user, event->graceful);
    pm_smtp_wipe(&job->smtp);
    job->connected = false;
    job->reading = false;
    job->sending = false;
    job->composed = false;
    job->unread = false;
    job->mid_at = job->mid_len = 0;
    job->out_at = job->out_len = 0;
    pm__compose_begin(module);
    (void)pm__prepare_connect(module);
    return true;
}

void pm__trace(struct pm_module *module, bool sent, struct pm_slice line)
{
    const struct pm_platform *platform = module->platform;
    if (platform->trace != NULL) {
        platform->trace(platform->user, sent, line.ptr, line.len);
    }
}

static void log_refused(struct pm_module *module, const struct pm_smtp_event *event)
{
    struct pm__log log;
    struct pm__record record;
    pm__log_begin(&log);
    pm__text_add(&log.text, "recipient refused with ");
    pm__text_number(&log.text, event->code);
    pm__text_status(&log.text, event->status);
    pm__text_add(&log.text, ": ");
    if (pm__recipient_nth(module, event->index, &record)) {
        pm__text_slice(&log.text, record.text);
    }
    pm__log_end(module, PM_LOG_WARNING, &log);
}

/* Why a reply has ended the mail for want of TLS. What the server says is spelt out: it may hold
 * bytes that a terminal obeys. */
static void log_no_tls(struct pm_module *module, struct pm_slice line)
{
    struct pm__log log;
    char escaped[PM__ESCAPE_MAX];
    const uint8_t lacks = pm_smtp_lacks(&module->job.smtp);
    if ((lacks & PM_SMTP_LACKS_STARTTLS) != 0) {
        pm__log_text(module, PM_LOG_WARNING, "the server offers no STARTTLS");
    } else if ((lacks & PM_SMTP_LACKS_REQUIRE_TLS) == 0) {
        pm__log_begin(&log);
        pm__text_add(&log.text, "the server refused STARTTLS: ");
        for (size_t i = 0; i < line.len; i++) {
            pm__text_bytes(&log.text, escaped, pm__escape(line.ptr[i], escaped));
        }
        pm__log_end(module, PM_LOG_WARNING, &log);
    }
}

static void take_reply(struct pm_module *module, struct pm_slice line)
{
    struct pm_smtp_event verdict;
    pm__trace(module, false, line);
    if (pm_smtp_failed(&module->job.smtp, &verdict) && verdict.error == PM_MAIL_SSL) {
        log_no_tls(module, line);
    }
}

static bool begin_starttls(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    const struct pm_platform *platform = module->platform;
    job->state = PM_JOB_TLS;
    job->request.tls = &job->tls;
    return pm__job_await(job, platform->conn_starttls(platform->user, &job->op, &job->request));
}

/* Before the first recipient the session knows what the server offers. */
static void take_lacks(struct pm_module *module)
{
    const uint8_t lacks = pm_smtp_lacks(&module->job.smtp);
    module->job.ascii_only = false; /* another server may have been asked before */
    if ((lacks & PM_SMTP_LACKS_UTF8) != 0) {
        pm__international_leave_out(module);
    }
    if ((lacks & PM_SMTP_LACKS_DSN) != 0) {
        pm__log_text(module, PM_LOG_INFO, "the server offers no DSN: the mail goes without it");
    }
}

static bool give_recipient(struct pm_module *module, uint16_t index)
{
    struct pm_job *job = &module->job;
    struct pm__record record;
    if (index == 0) {
        take_lacks(module);
    }
    if (pm__recipient_nth(module, index, &record)) {
        pm_smtp_recipient(&job->smtp, pm__address_ascii(module, record.text, job->address_ascii));
    } else {
        pm__job_fail(module, PM_MAIL_UNKNOWN, 0);
    }
    return true;
}

static bool take_event(struct pm_module *module, const struct pm_smtp_event *event)
{
    struct pm_job *job = &module->job;
    switch (event->kind) {
    case PM_SMTP_EV_RECIPIENT: return give_recipient(module, event->index);
    case PM_SMTP_EV_STARTTLS: return begin_starttls(module);
    case PM_SMTP_EV_CRYPTO: return pm__auth_crypto(module, event);
    case PM_SMTP_EV_TOKEN: return pm__auth_token(module, event->index != 0);
    case PM_SMTP_EV_BODY: job->sending = true; return true;
    case PM_SMTP_EV_SENT: pm__trace(module, true, event->data); return true;
    case PM_SMTP_EV_REPLY: take_reply(module, event->data); return true;
    case PM_SMTP_EV_REFUSED: log_refused(module, event); return true;
    case PM_SMTP_EV_DONE:
        job->status = event->status;
        if (event->untouched) {
            return reconnect(module, event);
        }
        job->keep = event->kept;
        pm__job_finish(module, event->error, event->code, event->graceful);
        return true;
    case PM_SMTP_EV_LEAVE: /* comes after the job only */
    case PM_SMTP_EV_NONE:
    default: return false;
    }
}

bool pm__session_send(struct pm_module *module)
{
    struct pm_smtp *smtp = &module->job.smtp;
    const struct pm_platform *platform = module->platform;
    const uint8_t *data = NULL;
    size_t len = pm_smtp_output(smtp, &data);
    if (len == 0) {
        return false;
    }
    int32_t n = platform->conn_send(platform->user, data, len);
    if (n < 0) {
        pm_smtp_closed(smtp, module->now);
        return true;
    }
    pm_smtp_output_ack(smtp, (size_t)n, module->now);
    return n > 0;
}

/* Fills the output buffer with message bytes. Returns false when a file is not
 * what it was: the message must then never be completed. */
static bool fill(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    enum pm__composed how = PM__COMPOSED_SOME;
    while (job->out_len < job->out_size) {
        if (job->mid_at < job->mid_len) {
            size_t used = 0;
            size_t n = pm_smtp_body(&job->smtp, job->mid + job->mid_at, job->mid_len - job->mid_at,
                                    &used, job->out + job->out_len, job->out_size - job->out_len);
            job->mid_at += used;
            job->out_len += n;
            pm__job_uses(&job->out_used, job->out_len);
            if (used == 0) {
                return true;
            }
        } else if (job->composed || how == PM__COMPOSED_WAIT) {
            return true;
        } else {
            job->mid_at = 0;
            how = pm__compose(module, &job->mid_len, false);
            job->composed = how == PM__COMPOSED_ALL;
            if (how == PM__COMPOSED_BAD) {
                return false;
            }
        }
    }
    return true;
}

/* Sends the body. Returns true when anything moved. */
static bool send_body(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    const struct pm_platform *platform = module->platform;
    if (job->out_at == job->out_len) {
        job->out_at = 0;
        job->out_len = 0;
        if (!fill(module)) {
            pm__job_fail(module, PM_MAIL_FILE_OPEN, 0);
            return true;
        }
    }
    if (job->out_len == 0) {
        if (!job->composed) {
            return false; /* the platform still reads */
        }
        job->sending = false;
        pm_smtp_body_end(&job->smtp, module->now);
        return true;
    }
    int32_t n =
        platform->conn_send(platform->user, job->out + job->out_at, job->out_len - job->out_at);
    if (n < 0) {
        pm_smtp_closed(&job->smtp, module->now);
        job->sending = false;
        return true;
    }
    job->out_at += (size_t)n;
    if (n > 0) {
        pm_smtp_body_progress(&job->smtp, module->now);
    }
    return n > 0;
}

/* What the platform did for the session has ended. */
static bool resume(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    if (job->state != PM_JOB_TLS) {
        pm__auth_resume(module);
    } else if (job->op.result != PM_OK) {
        pm__job_fail(module, PM_MAIL_SSL, 0);
    } else {
        job->state = PM_JOB_SESSION;
        pm_smtp_secured(&job->smtp, module->now);
    }
    return true;
}

bool pm__session_run(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    struct pm_smtp_event event;
    if (job->state != PM_JOB_SESSION) {
        return resume(module);
    }
    if (pm_smtp_next_event(&job->smtp, &event, module->now) != PM_SMTP_EV_NONE) {
        return take_event(module, &event);
    }
    if (job->unread) { /* Time counts again: let the job look at its own first. */
        job->unread = false;
        return true;
    }
    if (module->now >= pm_smtp_deadline(&job->smtp)) {
        pm_smtp_tick(&job->smtp, module->now);
        return true;
    }
    const uint8_t *commands = NULL;
    if (pm_smtp_output(&job->smtp, &commands) != 0) {
        return pm__session_send(module);
    }
    return job->sending && send_body(module);
}
