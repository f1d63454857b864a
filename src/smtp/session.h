/* SPDX-License-Identifier: MIT */
/* What the files of the session share: the one state setter, the ends, and the parts' steps. */
#ifndef PM_SMTP_SESSION_H
#define PM_SMTP_SESSION_H

#include "postmodem/smtp.h"
#include "smtp/transitions.h"

/* Where in a line of the message the last byte stood. HELD: the LF that would complete a BDAT is
 * kept back until the owner says that the message is complete. */
enum pm__smtp_body_line {
    PM__SMTP_LINE_START,
    PM__SMTP_LINE_INSIDE,
    PM__SMTP_LINE_CR,
    PM__SMTP_LINE_HELD
};

/* How far the message has come. */
enum pm__smtp_stage {
    PM__SMTP_MESSAGE_NONE,    /* not asked for, given up, or answered by the server */
    PM__SMTP_MESSAGE_DUE,     /* PM_SMTP_EV_BODY has not been told yet */
    PM__SMTP_MESSAGE_RUNNING, /* pm_smtp_body() takes it */
    PM__SMTP_MESSAGE_GIVEN    /* its end is in the output or has left */
};

/* How a session ends: with QUIT where the dialogue allows it, or by dropping the connection. */
enum pm__smtp_leave { PM__SMTP_QUIT, PM__SMTP_DROP };

/* Changes the state; nothing else does. The wait of the new state begins at `now`. */
void pm__smtp_enter(struct pm_smtp *smtp, enum pm__smtp_state state, uint64_t now);

/* Notes why the session fails; the first reason stays (SD35, SD54). */
void pm__smtp_verdict(struct pm_smtp *smtp, uint16_t error, uint16_t code);

/* The same with the status of a reply that is not the present one. */
void pm__smtp_verdict_of(struct pm_smtp *smtp, uint16_t error, uint16_t code,
                         struct pm_smtp_status status);

/* Ends the session with its verdict; without one, with success. */
void pm__smtp_finish(struct pm_smtp *smtp, enum pm__smtp_leave leave, uint64_t now);

/* Both in one. */
void pm__smtp_fail(struct pm_smtp *smtp, uint16_t error, uint16_t code, enum pm__smtp_leave leave,
                   uint64_t now);

/* True when every text of `config` can stand in its command. */
bool pm__smtp_config_valid(const struct pm_smtp_config *config);

/* ---- AUTH (auth.c) ---- */

/* True when user name and password fit the output buffer in every mechanism. */
bool pm__smtp_auth_fits(const struct pm_smtp_config *config);
/* True when there is an account, or a certificate that says who we are. */
bool pm__smtp_auth_wanted(const struct pm_smtp *smtp);
/* Starts the best mechanism not tried yet; false when there is none. */
bool pm__smtp_auth_start(struct pm_smtp *smtp, uint64_t now);
/* Fills in what the owner is asked for in AUTH_OWNER. */
enum pm_smtp_event_kind pm__smtp_auth_event(const struct pm_smtp *smtp,
                                            struct pm_smtp_event *event);
/* Puts the rest of a long message, or more of it, into the empty buffer. */
void pm__smtp_auth_more(struct pm_smtp *smtp);
/* True when the line holds a secret of ours. */
bool pm__smtp_auth_reveals(const struct pm_smtp *smtp, struct pm_slice line);
void pm__smtp_auth_initial(struct pm_smtp *smtp, uint64_t now);
void pm__smtp_auth_login(struct pm_smtp *smtp, uint64_t now);
void pm__smtp_auth_password(struct pm_smtp *smtp, uint64_t now);
void pm__smtp_auth_challenge(struct pm_smtp *smtp, uint64_t now);
void pm__smtp_auth_token_error(struct pm_smtp *smtp, uint64_t now);
/* The present reply refuses the mechanism or the credentials (SD32, SD52). */
void pm__smtp_auth_refused(struct pm_smtp *smtp, uint64_t now);
/* The present reply confirms our "*". */
void pm__smtp_auth_cancelled(struct pm_smtp *smtp, uint64_t now);

/* ---- SCRAM (scram.c) ---- */

void pm__smtp_scram_first(struct pm_smtp *smtp, uint64_t now);
void pm__smtp_scram_final(struct pm_smtp *smtp, uint64_t now);
void pm__smtp_scram_unproven(struct pm_smtp *smtp, uint64_t now);

/* ---- From mail to mail on one connection (again.c) ---- */

/* True when the session, which ends where the server listens, may go on with another mail. */
bool pm__smtp_keeps(const struct pm_smtp *smtp);
/* Ends the mail and keeps the connection. */
void pm__smtp_keep(struct pm_smtp *smtp, uint64_t now);
/* True between two mails. */
bool pm__smtp_between(const struct pm_smtp *smtp);
/* The connection is gone, or must go. */
void pm__smtp_part(struct pm_smtp *smtp, uint64_t now);
void pm__smtp_reset_ok(struct pm_smtp *smtp, uint64_t now);

/* ---- The envelope (envelope.c) ---- */

/* Sends MAIL, unless the message is larger than the server takes (SD31). */
void pm__smtp_envelope_begin(struct pm_smtp *smtp, uint64_t now);
void pm__smtp_mail_ok(struct pm_smtp *smtp, uint64_t now);
void pm__smtp_mail_refused(struct pm_smtp *smtp, uint64_t now);
void pm__smtp_rcpt_ok(struct pm_smtp *smtp, uint64_t now);
void pm__smtp_rcpt_refused(struct pm_smtp *smtp, uint64_t now);
void pm__smtp_data_go(struct pm_smtp *smtp, uint64_t now);
void pm__smtp_data_refused(struct pm_smtp *smtp, uint64_t now);
/* True when the next recipient should be asked for: it may be sent now, and fits. */
bool pm__smtp_wants_recipient(const struct pm_smtp *smtp);
/* Sends DATA or BDAT when it is its turn; true when it did. */
bool pm__smtp_send_data(struct pm_smtp *smtp, uint64_t now);

/* ---- The message (message.c) ---- */

/* The server waits for the message: the owner is asked for it. */
void pm__smtp_message_begin(struct pm_smtp *smtp, bool bdat);
/* Commands have left. The reply to BDAT is due when its last octet has left, not before. */
void pm__smtp_message_announced(struct pm_smtp *smtp);

#endif
