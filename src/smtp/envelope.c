/* SPDX-License-Identifier: MIT */
/*
 * The envelope: MAIL, RCPT and DATA or BDAT, in lock step or as a PIPELINING group (RFC 2920).
 *
 * Replies come in the order of the commands, so that counting them is enough. A group is bound
 * by the output buffer only: it goes on with more RCPT commands as their forerunners leave,
 * replies being read all the while. After a refusal nothing is added to the group, but its
 * replies are all read, since each tells about one recipient (SD35).
 */
#include "base/ascii.h"
#include "postmodem/address.h"
#include "postmodem/error.h"
#include "smtp/output.h"
#include "smtp/parameters.h"
#include "smtp/session.h"

enum {
    AUTH_REQUIRED = 530, /* RFC 4954 section 6 */
    RCPT_SIZE = sizeof "RCPT TO:<>\r\n" - 1 + PM_ADDRESS_MAX,
    DATA_SIZE = sizeof "BDAT 18446744073709551615 LAST\r\n" - 1
};

_Static_assert(PM_SMTP_OUT_SIZE >= 512, "the output buffer must hold one MAIL or RCPT command");

void pm__smtp_envelope_begin(struct pm_smtp *smtp, uint64_t now)
{
    const struct pm_smtp_config *config = &smtp->config;
    const uint16_t error = pm__smtp_judge_server(smtp);
    smtp->envelope.begun = true;
    if (error != 0) {
        pm__smtp_fail(smtp, error, 0, PM__SMTP_QUIT, now);
        return;
    }
    pm__smtp_put(&smtp->out, "MAIL FROM:<");
    pm__smtp_put_slice(&smtp->out, config->sender);
    pm__smtp_put(&smtp->out, ">");
    pm__smtp_put_mail_parameters(smtp);
    pm__smtp_end_line(&smtp->out);
    pm__smtp_enter(smtp, PM__SMTP_MAIL, now);
}

static bool pipelines(const struct pm_smtp *smtp)
{
    return smtp->capabilities.pipelining && !smtp->config.no_pipelining;
}

bool pm__smtp_wants_recipient(const struct pm_smtp *smtp)
{
    const struct pm_smtp_envelope *envelope = &smtp->envelope;
    bool turn = smtp->state == PM__SMTP_RCPT && envelope->asked == envelope->answered;
    if (pipelines(smtp)) {
        turn = smtp->state == PM__SMTP_RCPT || smtp->state == PM__SMTP_MAIL;
    }
    return turn && smtp->error == 0 && !envelope->asking &&
           envelope->asked < smtp->config.recipients &&
           pm__smtp_room(&smtp->out) >= RCPT_SIZE + pm__smtp_rcpt_parameters_room(smtp);
}

void pm_smtp_recipient(struct pm_smtp *smtp, struct pm_slice address)
{
    if (!smtp->envelope.asking) {
        return;
    }
    smtp->envelope.asking = false;
    const bool utf8 = smtp->config.international && (smtp->lacks & PM_SMTP_LACKS_UTF8) == 0;
    if (!pm_address_valid(address) || !(utf8 || pm__slice_is_ascii(address))) {
        pm__smtp_fail(smtp, PM_MAIL_PARAMETER, 0, PM__SMTP_QUIT, smtp->since);
        return;
    }
    pm__smtp_put(&smtp->out, "RCPT TO:<");
    pm__smtp_put_slice(&smtp->out, address);
    pm__smtp_put(&smtp->out, ">");
    pm__smtp_put_rcpt_parameters(smtp);
    pm__smtp_end_line(&smtp->out);
    smtp->envelope.asked++;
}

/* DATA may always end the group, since nothing is delivered without its dot. BDAT LAST completes
 * the mail by itself: it waits where a refused recipient would have to stop it (SD35). */
static bool may_group(const struct pm_smtp *smtp, bool bdat)
{
    const struct pm_smtp_config *config = &smtp->config;
    return pipelines(smtp) && (!bdat || (config->message_size <= PM_SMTP_GROUP_SIZE &&
                                         (config->recipients == 1 || config->any_recipient)));
}

/* BDAT announces the size, which is another one when recipients are left out of the header. */
static bool goes_by_bdat(const struct pm_smtp *smtp)
{
    return smtp->capabilities.chunking && !smtp->config.no_chunking &&
           smtp->config.message_size != 0 && (smtp->lacks & PM_SMTP_LACKS_UTF8) == 0;
}

bool pm__smtp_send_data(struct pm_smtp *smtp, uint64_t now)
{
    struct pm_smtp_envelope *envelope = &smtp->envelope;
    const struct pm_smtp_config *config = &smtp->config;
    bool bdat = goes_by_bdat(smtp);
    bool early = smtp->state == PM__SMTP_RCPT || smtp->state == PM__SMTP_MAIL;
    bool turn = smtp->state == PM__SMTP_DATA || (early && may_group(smtp, bdat));
    if (!turn || smtp->error != 0 || envelope->data_sent || envelope->asked < config->recipients ||
        pm__smtp_room(&smtp->out) < DATA_SIZE) {
        return false;
    }
    envelope->data_sent = true;
    if (bdat) {
        pm__smtp_put(&smtp->out, "BDAT ");
        pm__smtp_put_number(&smtp->out, config->message_size);
        pm__smtp_put(&smtp->out, " LAST");
        pm__smtp_message_begin(smtp, true);
    } else {
        pm__smtp_put(&smtp->out, "DATA");
    }
    pm__smtp_end_line(&smtp->out);
    if (bdat && !early) {
        pm__smtp_enter(smtp, PM__SMTP_CHUNK, now);
    }
    return true;
}

/* With `recipients = any` the send fails only when nobody is left (SD35). */
static void judge_recipients(struct pm_smtp *smtp)
{
    if (smtp->envelope.accepted == 0) {
        pm__smtp_verdict_of(smtp, pm_mail_error_of_reply(smtp->refused), smtp->refused,
                            smtp->refused_status);
    }
}

/* The group is answered but for its BDAT. A mail that has failed is not gone on with; of one that
 * was given whole the server's word is awaited, so that the dialogue can end in order. */
static void advance_to_bdat(struct pm_smtp *smtp, uint64_t now)
{
    judge_recipients(smtp);
    if (smtp->message.stage == PM__SMTP_MESSAGE_GIVEN) {
        pm__smtp_enter(smtp, PM__SMTP_BDAT, now);
    } else if (smtp->error != 0) {
        pm__smtp_finish(smtp, PM__SMTP_DROP, now);
    } else {
        pm__smtp_enter(smtp, PM__SMTP_CHUNK, now);
    }
}

/* Goes to the state of the next reply, or ends when the last one of a failed group is in. */
static void advance(struct pm_smtp *smtp, uint64_t now)
{
    const struct pm_smtp_envelope *envelope = &smtp->envelope;
    bool more = smtp->error == 0 && envelope->answered < smtp->config.recipients;
    if (more || envelope->answered < envelope->asked) {
        pm__smtp_enter(smtp, PM__SMTP_RCPT, now);
        return;
    }
    if (smtp->message.bdat) {
        advance_to_bdat(smtp, now);
        return;
    }
    judge_recipients(smtp);
    if (!envelope->data_sent && smtp->error != 0) {
        pm__smtp_finish(smtp, PM__SMTP_QUIT, now);
        return;
    }
    pm__smtp_enter(smtp, PM__SMTP_DATA, now);
}

void pm__smtp_mail_ok(struct pm_smtp *smtp, uint64_t now)
{
    smtp->envelope.mail_ok = true;
    smtp->fresh = false;
    advance(smtp, now);
}

void pm__smtp_mail_refused(struct pm_smtp *smtp, uint64_t now)
{
    uint16_t code = smtp->reply.code;
    smtp->logged_out = smtp->fresh && code == AUTH_REQUIRED;
    smtp->fresh = false;
    pm__smtp_verdict(smtp, pm_mail_error_of_reply(code), code);
    advance(smtp, now);
}

void pm__smtp_rcpt_ok(struct pm_smtp *smtp, uint64_t now)
{
    smtp->envelope.answered++;
    smtp->envelope.accepted++;
    advance(smtp, now);
}

void pm__smtp_rcpt_refused(struct pm_smtp *smtp, uint64_t now)
{
    uint16_t code = smtp->reply.code;
    smtp->envelope.answered++;
    if (smtp->envelope.mail_ok) {
        smtp->refused_due = true;
        if (smtp->refused == 0) {
            smtp->refused = code;
            smtp->refused_status = smtp->reply.status;
        }
        if (!smtp->config.any_recipient) {
            pm__smtp_verdict(smtp, pm_mail_error_of_reply(code), code);
        }
    }
    advance(smtp, now);
}

/*
 * 354 although the send has failed already (DATA rode in the group). With nobody accepted a
 * lone dot ends it (RFC 2920 section 3.1) and nothing can be delivered; else a dot would
 * deliver an empty mail, so the connection is dropped instead (SD35).
 */
void pm__smtp_data_go(struct pm_smtp *smtp, uint64_t now)
{
    judge_recipients(smtp);
    if (smtp->error == 0) {
        pm__smtp_message_begin(smtp, false);
        pm__smtp_enter(smtp, PM__SMTP_BODY, now);
    } else if (smtp->envelope.accepted == 0) {
        pm__smtp_put(&smtp->out, ".");
        pm__smtp_end_line(&smtp->out);
        pm__smtp_enter(smtp, PM__SMTP_LONE_DOT, now);
    } else {
        pm__smtp_finish(smtp, PM__SMTP_DROP, now);
    }
}

void pm__smtp_data_refused(struct pm_smtp *smtp, uint64_t now)
{
    uint16_t code = smtp->reply.code;
    judge_recipients(smtp);
    pm__smtp_fail(smtp, pm_mail_error_of_reply(code), code, PM__SMTP_QUIT, now);
}
