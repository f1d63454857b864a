/* SPDX-License-Identifier: MIT */
/*
 * The session: calls of the owner, replies through the transition table, events. All work on
 * input happens in pm_smtp_next_event(), one line at a time, so that every line can be logged
 * without being stored.
 */
#include "smtp/session.h"

#include <string.h>

#include "base/ascii.h"
#include "base/wipe.h"
#include "postmodem/address.h"
#include "postmodem/error.h"
#include "smtp/capabilities.h"
#include "smtp/output.h"
#include "smtp/parameters.h"
#include "smtp/reply.h"
#include "smtp/status.h"

enum { EHLO_NAME_MAX = 255 };

/* The longest wait in ms for the first answer on a kept connection: a path that died without a
 * word meanwhile is no reason to wait as for a server that is at work (SD79). */
enum { KEPT_TIMEOUT = 30000 };

/* ---- States and ends ---- */

void pm__smtp_enter(struct pm_smtp *smtp, enum pm__smtp_state state, uint64_t now)
{
    smtp->state = (uint8_t)state;
    smtp->since = now;
    smtp->event_due = true;
}

void pm__smtp_verdict_of(struct pm_smtp *smtp, uint16_t error, uint16_t code,
                         struct pm_smtp_status status)
{
    if (smtp->error == 0) {
        smtp->error = error;
        smtp->error_code = code;
        smtp->status = status;
    }
}

void pm__smtp_verdict(struct pm_smtp *smtp, uint16_t error, uint16_t code)
{
    static const struct pm_smtp_status none;
    pm__smtp_verdict_of(smtp, error, code, code == 0 ? none : smtp->negative_status);
}

/* True when the server wants a login anew, and has refused the mail for that alone. One that has
 * all of the message, and has yet to answer it, may do anything. */
static bool is_logged_out(const struct pm_smtp *smtp)
{
    return smtp->logged_out && smtp->message.stage != PM__SMTP_MESSAGE_GIVEN;
}

/* QUIT goes only where the server is surely listening for a command. */
void pm__smtp_finish(struct pm_smtp *smtp, enum pm__smtp_leave leave, uint64_t now)
{
    bool amid = smtp->message.stage == PM__SMTP_MESSAGE_DUE ||
                smtp->message.stage == PM__SMTP_MESSAGE_RUNNING;
    bool listening = smtp->awaited == 0 && smtp->out.head == smtp->out.tail && !smtp->closed &&
                     smtp->negative != 421 && !amid;
    smtp->graceful = leave == PM__SMTP_QUIT && listening;
    smtp->untouched = smtp->untouched || is_logged_out(smtp);
    smtp->envelope.asking = false;
    if (amid) {
        smtp->message.stage = PM__SMTP_MESSAGE_NONE;
    }
    pm__smtp_forget(&smtp->out);
    pm__wipe(&smtp->auth, sizeof smtp->auth);
    if (smtp->graceful && !smtp->untouched && pm__smtp_keeps(smtp)) {
        pm__smtp_keep(smtp, now);
        return;
    }
    if (smtp->graceful) {
        pm__smtp_put(&smtp->out, "QUIT");
        pm__smtp_end_line(&smtp->out);
    }
    pm__smtp_enter(smtp, PM__SMTP_DONE, now);
}

void pm__smtp_fail(struct pm_smtp *smtp, uint16_t error, uint16_t code, enum pm__smtp_leave leave,
                   uint64_t now)
{
    pm__smtp_verdict(smtp, error, code);
    pm__smtp_finish(smtp, leave, now);
}

static bool is_over(const struct pm_smtp *smtp)
{
    return smtp->state == PM__SMTP_DONE || smtp->state == PM__SMTP_IDLE;
}

/* True when the server can have taken nothing of the mail: it has not answered MAIL, and not had
 * the whole message in one group with it, whose replies may be lost (SD79). */
static bool is_untouched(const struct pm_smtp *smtp)
{
    return smtp->fresh && smtp->message.stage != PM__SMTP_MESSAGE_GIVEN;
}

/* True for a reply that nothing waited for and that says nothing about the mail: who says 421 takes
 * nothing more. */
static bool is_stray(const struct pm_smtp *smtp)
{
    return smtp->reply.unasked && smtp->reply.code != 421;
}

/* The connection ended: SD31, unless a negative reply has decided already (SD54). */
static void lose(struct pm_smtp *smtp, uint64_t now)
{
    bool handshake = smtp->state == PM__SMTP_HANDSHAKE;
    if (pm__smtp_between(smtp)) {
        pm__smtp_part(smtp, now);
        return;
    }
    smtp->untouched = is_untouched(smtp);
    /* A refusal that the mail went on from says nothing of a message given whole. */
    bool given = smtp->message.stage == PM__SMTP_MESSAGE_GIVEN;
    pm__smtp_fail(smtp, handshake ? PM_MAIL_SSL : PM_MAIL_CLOSED, given ? 0 : smtp->negative,
                  PM__SMTP_DROP, now);
}

/* ---- Actions of the transition table ---- */

static void do_nothing(struct pm_smtp *smtp, uint64_t now)
{
    (void)smtp;
    (void)now;
}

static void send_greeting(struct pm_smtp *smtp, const char *verb)
{
    memset(&smtp->capabilities, 0, sizeof smtp->capabilities);
    pm__smtp_put(&smtp->out, verb);
    pm__smtp_put_slice(&smtp->out, smtp->config.ehlo_name);
    pm__smtp_end_line(&smtp->out);
}

static void do_ehlo(struct pm_smtp *smtp, uint64_t now)
{
    send_greeting(smtp, "EHLO ");
    pm__smtp_enter(smtp, PM__SMTP_EHLO, now);
}

static void do_helo(struct pm_smtp *smtp, uint64_t now)
{
    send_greeting(smtp, "HELO ");
    pm__smtp_enter(smtp, PM__SMTP_HELO, now);
}

/* Nobody logs in for a mail that the server cannot have. */
static void login(struct pm_smtp *smtp, uint64_t now)
{
    const uint16_t error = pm__smtp_judge_server(smtp);
    if (error != 0) {
        pm__smtp_fail(smtp, error, 0, PM__SMTP_QUIT, now);
    } else if (!pm__smtp_auth_start(smtp, now)) {
        pm__smtp_fail(smtp, PM_MAIL_AUTH_TYPE, 0, PM__SMTP_QUIT, now);
    }
}

static void do_greeted(struct pm_smtp *smtp, uint64_t now)
{
    const struct pm_smtp_config *config = &smtp->config;
    const struct pm_smtp_capabilities *capabilities = &smtp->capabilities;
    if (config->starttls && !config->tls && !smtp->secured) {
        if (!capabilities->starttls) {
            smtp->lacks = PM_SMTP_LACKS_STARTTLS;
            pm__smtp_fail(smtp, PM_MAIL_SSL, 0, PM__SMTP_QUIT, now);
            return;
        }
        pm__smtp_put(&smtp->out, "STARTTLS");
        pm__smtp_end_line(&smtp->out);
        pm__smtp_enter(smtp, PM__SMTP_STARTTLS, now);
    } else if (!capabilities->auth || !pm__smtp_auth_wanted(smtp)) {
        pm__smtp_envelope_begin(smtp, now);
    } else {
        login(smtp, now);
    }
}

static void do_handshake(struct pm_smtp *smtp, uint64_t now)
{
    pm__smtp_enter(smtp, PM__SMTP_HANDSHAKE, now);
}

static void do_no_tls(struct pm_smtp *smtp, uint64_t now)
{
    pm__smtp_fail(smtp, PM_MAIL_SSL, 0, PM__SMTP_DROP, now);
}

static void do_tls_refused(struct pm_smtp *smtp, uint64_t now)
{
    pm__smtp_fail(smtp, PM_MAIL_SSL, smtp->reply.code, PM__SMTP_QUIT, now);
}

static void do_delivered(struct pm_smtp *smtp, uint64_t now)
{
    if (smtp->error == 0) {
        smtp->status = smtp->reply.status;
    }
    smtp->logged_out = false;
    pm__smtp_finish(smtp, PM__SMTP_QUIT, now);
}

static void do_refuse(struct pm_smtp *smtp, uint64_t now)
{
    uint16_t code = smtp->reply.code;
    smtp->untouched = smtp->fresh;
    pm__smtp_fail(smtp, pm_mail_error_of_reply(code), code, PM__SMTP_QUIT, now);
}

static void do_drop(struct pm_smtp *smtp, uint64_t now)
{
    uint16_t code = smtp->reply.code;
    smtp->untouched = is_stray(smtp) ? is_untouched(smtp) : smtp->fresh;
    pm__smtp_fail(smtp, pm_mail_error_of_reply(code), code, PM__SMTP_DROP, now);
}

static void do_bad(struct pm_smtp *smtp, uint64_t now)
{
    smtp->untouched = is_untouched(smtp);
    pm__smtp_fail(smtp, PM_MAIL_SEND, 0, PM__SMTP_DROP, now);
}

static void perform(struct pm_smtp *smtp, enum pm__smtp_state state, enum pm__smtp_class reply,
                    uint64_t now)
{
    static void (*const actions[PM__SMTP_ACTION_COUNT])(struct pm_smtp *, uint64_t) = {
        [PM__SMTP_DO_NOTHING] = do_nothing,
        [PM__SMTP_DO_EHLO] = do_ehlo,
        [PM__SMTP_DO_HELO] = do_helo,
        [PM__SMTP_DO_GREETED] = do_greeted,
        [PM__SMTP_DO_HANDSHAKE] = do_handshake,
        [PM__SMTP_DO_NO_TLS] = do_no_tls,
        [PM__SMTP_DO_TLS_REFUSED] = do_tls_refused,
        [PM__SMTP_DO_INITIAL] = pm__smtp_auth_initial,
        [PM__SMTP_DO_LOGIN] = pm__smtp_auth_login,
        [PM__SMTP_DO_PASSWORD] = pm__smtp_auth_password,
        [PM__SMTP_DO_CHALLENGE] = pm__smtp_auth_challenge,
        [PM__SMTP_DO_SCRAM_FIRST] = pm__smtp_scram_first,
        [PM__SMTP_DO_SCRAM_FINAL] = pm__smtp_scram_final,
        [PM__SMTP_DO_UNPROVEN] = pm__smtp_scram_unproven,
        [PM__SMTP_DO_TOKEN_ERROR] = pm__smtp_auth_token_error,
        [PM__SMTP_DO_AUTH_REFUSED] = pm__smtp_auth_refused,
        [PM__SMTP_DO_CANCELLED] = pm__smtp_auth_cancelled,
        [PM__SMTP_DO_ENVELOPE] = pm__smtp_envelope_begin,
        [PM__SMTP_DO_MAIL_OK] = pm__smtp_mail_ok,
        [PM__SMTP_DO_MAIL_REFUSED] = pm__smtp_mail_refused,
        [PM__SMTP_DO_RCPT_OK] = pm__smtp_rcpt_ok,
        [PM__SMTP_DO_RCPT_REFUSED] = pm__smtp_rcpt_refused,
        [PM__SMTP_DO_DATA_GO] = pm__smtp_data_go,
        [PM__SMTP_DO_DATA_REFUSED] = pm__smtp_data_refused,
        [PM__SMTP_DO_DELIVERED] = do_delivered,
        [PM__SMTP_DO_RESET_OK] = pm__smtp_reset_ok,
        [PM__SMTP_DO_LEAVE] = pm__smtp_part,
        [PM__SMTP_DO_REFUSE] = do_refuse,
        [PM__SMTP_DO_DROP] = do_drop,
        [PM__SMTP_DO_BAD] = do_bad,
    };
    actions[pm__smtp_transition(state, reply)](smtp, now);
}

/* ---- Replies ---- */

/* A reply nobody asked for is judged by the row of IDLE, whatever we are waiting for. That of a
 * kept connection expects none either. */
static void complete(struct pm_smtp *smtp, uint64_t now)
{
    enum pm__smtp_class reply = pm__smtp_classify(smtp->reply.code);
    enum pm__smtp_state state = (enum pm__smtp_state)smtp->state;
    smtp->reply.status = pm__smtp_status(pm__smtp_reply_text(&smtp->reply), smtp->reply.code);
    if (smtp->reply.code >= 400) {
        smtp->negative = smtp->reply.code;
        smtp->negative_status = smtp->reply.status;
    }
    if (smtp->reply.unasked) {
        state = pm__smtp_between(smtp) ? PM__SMTP_KEPT : PM__SMTP_IDLE;
    } else {
        /* 3yz answers nothing here: what became of the message is not known. */
        if ((state == PM__SMTP_DOT || state == PM__SMTP_BDAT) && reply != PM__SMTP_3YZ) {
            smtp->message.stage = PM__SMTP_MESSAGE_NONE;
        }
        smtp->awaited--;
        if (smtp->out.redacted != NULL) {
            pm__smtp_forget(&smtp->out);
        }
    }
    perform(smtp, state, reply, now);
}

/* What the log shows instead of the present line, or NULL: challenges, and secrets that the
 * server sent back. */
static const char *redaction(const struct pm_smtp *smtp)
{
    struct pm_slice line = {smtp->reply.line, smtp->reply.len};
    bool auth = smtp->state >= PM__SMTP_AUTH_INITIAL && smtp->state <= PM__SMTP_AUTH_CANCEL;
    if (auth && line.len > 0 && line.ptr[0] == '3') {
        return "334 ********";
    }
    return pm__smtp_auth_reveals(smtp, line) ? "********" : NULL;
}

static void note_capability(struct pm_smtp *smtp)
{
    if (smtp->state == PM__SMTP_EHLO && smtp->reply.lines > 1) {
        pm__smtp_capability(&smtp->capabilities, pm__smtp_reply_text(&smtp->reply));
    }
}

/* Reads on to the end of one line; true when there is one to log. */
static bool read_line(struct pm_smtp *smtp, struct pm_slice *text, uint64_t now)
{
    size_t used = 0;
    if (is_over(smtp) || smtp->state == PM__SMTP_HANDSHAKE) {
        smtp->in_len = 0;
        perform(smtp, (enum pm__smtp_state)(is_over(smtp) ? PM__SMTP_DONE : smtp->state),
                PM__SMTP_BAD, now);
        return false;
    }
    enum pm__smtp_read result =
        pm__smtp_reply_read(&smtp->reply, smtp->in, smtp->in_len, smtp->awaited > 0, &used);
    smtp->in += used;
    smtp->in_len -= used;
    if (result == PM__SMTP_READ_MORE) {
        return false;
    }
    const char *instead = redaction(smtp);
    if (result == PM__SMTP_READ_BAD) {
        smtp->in_len = 0;
        perform(smtp, (enum pm__smtp_state)smtp->state, PM__SMTP_BAD, now);
    } else {
        note_capability(smtp);
    }
    if (result == PM__SMTP_READ_LAST) {
        complete(smtp, now);
    }
    *text = instead != NULL ? pm__slice(instead) : pm__smtp_reply_printable(&smtp->reply);
    return smtp->reply.len > 0;
}

/* ---- Events ---- */

/* Between two mails there is an end to tell, of the mail or, after that, of the connection. */
static enum pm_smtp_event_kind end_event(struct pm_smtp *smtp, struct pm_smtp_event *event)
{
    event->graceful = smtp->graceful;
    if (smtp->told) {
        return smtp->state == PM__SMTP_DONE ? PM_SMTP_EV_LEAVE : PM_SMTP_EV_NONE;
    }
    smtp->told = true;
    event->error = smtp->error;
    event->code = smtp->error_code;
    event->status = smtp->status;
    event->kept = smtp->state != PM__SMTP_DONE;
    event->untouched = smtp->untouched;
    return PM_SMTP_EV_DONE;
}

static enum pm_smtp_event_kind state_event(struct pm_smtp *smtp, struct pm_smtp_event *event)
{
    if (smtp->message.stage == PM__SMTP_MESSAGE_DUE) {
        smtp->message.stage = PM__SMTP_MESSAGE_RUNNING;
        pm__wipe(&smtp->auth, sizeof smtp->auth); /* from now on the token is not ours to read */
        return PM_SMTP_EV_BODY;
    }
    if (!smtp->event_due) {
        return PM_SMTP_EV_NONE;
    }
    smtp->event_due = false;
    switch (smtp->state) {
    case PM__SMTP_HANDSHAKE: return PM_SMTP_EV_STARTTLS;
    case PM__SMTP_AUTH_OWNER: return pm__smtp_auth_event(smtp, event);
    case PM__SMTP_DONE:
    case PM__SMTP_RESET:
    case PM__SMTP_KEPT: return end_event(smtp, event);
    default: return PM_SMTP_EV_NONE;
    }
}

static enum pm_smtp_event_kind refused_event(struct pm_smtp *smtp, struct pm_smtp_event *event)
{
    smtp->refused_due = false;
    event->index = (uint16_t)(smtp->envelope.answered - 1);
    event->code = smtp->reply.code;
    event->status = smtp->reply.status;
    return PM_SMTP_EV_REFUSED;
}

/* Ends the session for what is no reply: a command too long for the buffer, a closed
 * connection. True when it did. */
static bool end_early(struct pm_smtp *smtp, uint64_t now)
{
    if (is_over(smtp)) {
        return false;
    }
    if (smtp->out.overflow) {
        pm__smtp_fail(smtp, PM_MAIL_NO_MEMORY, 0, PM__SMTP_DROP, now);
        return true;
    }
    if (smtp->closed && smtp->in_len == 0) {
        lose(smtp, now);
        return true;
    }
    return false;
}

static enum pm_smtp_event_kind find_event(struct pm_smtp *smtp, struct pm_smtp_event *event,
                                          uint64_t now)
{
    for (;;) {
        if (smtp->refused_due) {
            return refused_event(smtp, event);
        }
        if (smtp->event_due && !smtp->told && pm__smtp_between(smtp)) {
            return state_event(smtp, event);
        }
        if (pm__smtp_log_line(&smtp->out, &event->data)) {
            return PM_SMTP_EV_SENT;
        }
        if (end_early(smtp, now)) {
            continue;
        }
        if (pm__smtp_wants_recipient(smtp)) {
            smtp->envelope.asking = true;
            event->index = smtp->envelope.asked;
            return PM_SMTP_EV_RECIPIENT;
        }
        if (pm__smtp_send_data(smtp, now)) {
            continue;
        }
        if (smtp->in_len == 0) {
            return state_event(smtp, event);
        }
        if (read_line(smtp, &event->data, now)) {
            return PM_SMTP_EV_REPLY;
        }
    }
}

enum pm_smtp_event_kind pm_smtp_next_event(struct pm_smtp *smtp, struct pm_smtp_event *event,
                                           uint64_t now)
{
    memset(event, 0, sizeof *event);
    event->kind = find_event(smtp, event, now);
    return event->kind;
}

/* ---- Calls of the owner ---- */

static bool has_nul(struct pm_slice slice)
{
    return slice.len > 0 && memchr(slice.ptr, 0, slice.len) != NULL;
}

/* One word of printable ASCII, as a domain or an address literal is. */
static bool is_ehlo_name(struct pm_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] <= ' ' || name.ptr[i] > '~') {
            return false;
        }
    }
    return name.len > 0 && name.len <= EHLO_NAME_MAX;
}

bool pm__smtp_config_valid(const struct pm_smtp_config *config)
{
    return is_ehlo_name(config->ehlo_name) && config->recipients > 0 &&
           (config->sender.len == 0 || pm_address_valid(config->sender)) &&
           (config->international || pm__slice_is_ascii(config->sender)) &&
           pm__smtp_envelope_id_fits(config->envelope_id) &&
           pm__smtp_notify_valid(config->notify) && !has_nul(config->username) &&
           !has_nul(config->password) && pm__smtp_auth_fits(config);
}

void pm_smtp_init(struct pm_smtp *smtp, const struct pm_smtp_config *config, uint64_t now)
{
    memset(smtp, 0, sizeof *smtp);
    smtp->config = *config;
    smtp->awaited = 1;
    pm__smtp_enter(smtp, PM__SMTP_BANNER, now);
    if (!pm__smtp_config_valid(config)) {
        pm__smtp_fail(smtp, PM_MAIL_PARAMETER, 0, PM__SMTP_DROP, now);
    }
}

void pm_smtp_wipe(struct pm_smtp *smtp)
{
    pm__wipe(smtp, sizeof *smtp);
}

/* Reads all input at once: log lines are lost, but no reply is. */
static void read_unlogged(struct pm_smtp *smtp, uint64_t now)
{
    while (smtp->in_len > 0) {
        struct pm_slice unlogged;
        (void)read_line(smtp, &unlogged, now);
    }
}

void pm_smtp_input(struct pm_smtp *smtp, const uint8_t *data, size_t len, uint64_t now)
{
    read_unlogged(smtp, now);
    smtp->in = data;
    smtp->in_len = len;
    /* The owner is at work for us and need not ask for events before it is ready; whatever
     * comes now ends the session. */
    if (smtp->state == PM__SMTP_HANDSHAKE || smtp->state == PM__SMTP_AUTH_OWNER) {
        read_unlogged(smtp, now);
    }
}

size_t pm_smtp_output(const struct pm_smtp *smtp, const uint8_t **data)
{
    *data = smtp->out.buf + smtp->out.head;
    return smtp->out.logged - smtp->out.head;
}

void pm_smtp_output_ack(struct pm_smtp *smtp, size_t n, uint64_t now)
{
    smtp->awaited += (int32_t)pm__smtp_sent(&smtp->out, n);
    pm__smtp_message_announced(smtp);
    if (smtp->out.more && smtp->out.head == smtp->out.tail) {
        pm__smtp_auth_more(smtp);
    }
    if (n > 0) {
        smtp->since = now;
    }
}

void pm_smtp_secured(struct pm_smtp *smtp, uint64_t now)
{
    if (smtp->state != PM__SMTP_HANDSHAKE) {
        return;
    }
    smtp->secured = true;
    memset(&smtp->reply, 0, sizeof smtp->reply);
    do_ehlo(smtp, now);
}

void pm_smtp_body_progress(struct pm_smtp *smtp, uint64_t now)
{
    if (smtp->state == PM__SMTP_BODY || smtp->state == PM__SMTP_CHUNK) {
        smtp->since = now;
    }
}

void pm_smtp_closed(struct pm_smtp *smtp, uint64_t now)
{
    (void)now;
    smtp->closed = true;
}

uint64_t pm_smtp_deadline(const struct pm_smtp *smtp)
{
    uint32_t timeout = pm__smtp_timeout((enum pm__smtp_state)smtp->state);
    if (timeout != 0 && !pm__smtp_between(smtp) && is_untouched(smtp)) {
        timeout = KEPT_TIMEOUT;
    }
    return timeout == 0 ? PM_NEVER : smtp->since + timeout;
}

void pm_smtp_tick(struct pm_smtp *smtp, uint64_t now)
{
    if (now < pm_smtp_deadline(smtp)) {
        return;
    }
    if (pm__smtp_between(smtp)) {
        pm__smtp_part(smtp, now);
    } else {
        smtp->untouched = is_untouched(smtp);
        pm__smtp_fail(smtp, PM_MAIL_TIMEOUT, 0, PM__SMTP_DROP, now);
    }
}

bool pm_smtp_unknown(const struct pm_smtp *smtp)
{
    bool refused = smtp->error_code != 0 && smtp->error != PM_MAIL_CLOSED && !is_stray(smtp);
    return smtp->message.stage == PM__SMTP_MESSAGE_GIVEN && !refused;
}

bool pm_smtp_failed(const struct pm_smtp *smtp, struct pm_smtp_event *event)
{
    if (smtp->error != 0) {
        event->error = smtp->error;
        event->code = smtp->error_code;
        event->status = smtp->status;
    }
    return smtp->error != 0;
}

bool pm_smtp_begun(const struct pm_smtp *smtp)
{
    return smtp->envelope.begun;
}

const char *pm_smtp_state_name(const struct pm_smtp *smtp)
{
    return pm__smtp_state_text((enum pm__smtp_state)smtp->state);
}
