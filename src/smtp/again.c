/* SPDX-License-Identifier: MIT */
/*
 * From mail to mail on one connection. A mail that was not accepted may have left a transaction
 * open, which RSET ends; its reply is read while nothing else goes on, or before the next MAIL.
 *
 * What the server says or does between two mails belongs to the time that nobody spoke: it ends
 * the connection, and no mail. So does a 421 or a close in place of the reply to the first MAIL:
 * the owner is told that nothing of the mail was taken.
 */
#include <string.h>

#include "postmodem/error.h"
#include "smtp/output.h"
#include "smtp/session.h"

bool pm__smtp_keeps(const struct pm_smtp *smtp)
{
    return smtp->config.keep && smtp->envelope.begun;
}

void pm__smtp_keep(struct pm_smtp *smtp, uint64_t now)
{
    bool clean = smtp->error == 0;
    smtp->graceful = false;
    memset(&smtp->config, 0, sizeof smtp->config);
    if (!clean) {
        pm__smtp_put(&smtp->out, "RSET");
        pm__smtp_end_line(&smtp->out);
    }
    pm__smtp_enter(smtp, clean ? PM__SMTP_KEPT : PM__SMTP_RESET, now);
}

bool pm__smtp_between(const struct pm_smtp *smtp)
{
    return smtp->state == PM__SMTP_KEPT || smtp->state == PM__SMTP_RESET;
}

void pm__smtp_part(struct pm_smtp *smtp, uint64_t now)
{
    smtp->graceful = false;
    pm__smtp_forget(&smtp->out);
    pm__smtp_enter(smtp, PM__SMTP_DONE, now);
}

void pm__smtp_reset_ok(struct pm_smtp *smtp, uint64_t now)
{
    pm__smtp_enter(smtp, PM__SMTP_KEPT, now);
}

bool pm_smtp_again(struct pm_smtp *smtp, const struct pm_smtp_config *config, uint64_t now)
{
    if (!pm__smtp_between(smtp) || !smtp->told || smtp->closed || smtp->in_len != 0) {
        return false;
    }
    memset(&smtp->envelope, 0, sizeof smtp->envelope);
    memset(&smtp->status, 0, sizeof smtp->status);
    memset(&smtp->message, 0, sizeof smtp->message);
    smtp->config = *config;
    smtp->error = 0;
    smtp->error_code = 0;
    smtp->negative = 0;
    smtp->refused = 0;
    smtp->told = false;
    smtp->fresh = true;
    smtp->logged_out = false;
    if (!pm__smtp_config_valid(config)) {
        pm__smtp_fail(smtp, PM_MAIL_PARAMETER, 0, PM__SMTP_QUIT, now);
    } else if (smtp->state == PM__SMTP_RESET) {
        pm__smtp_enter(smtp, PM__SMTP_RESET_MAIL, now);
    } else {
        pm__smtp_envelope_begin(smtp, now);
    }
    return true;
}

void pm_smtp_leave(struct pm_smtp *smtp, uint64_t now)
{
    bool listening = smtp->state == PM__SMTP_KEPT && !smtp->closed;
    if (!pm__smtp_between(smtp)) {
        return;
    }
    pm__smtp_part(smtp, now);
    if (listening) {
        smtp->graceful = true;
        pm__smtp_put(&smtp->out, "QUIT");
        pm__smtp_end_line(&smtp->out);
    }
}
