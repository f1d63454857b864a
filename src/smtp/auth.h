/* SPDX-License-Identifier: MIT */
/* What auth.c and scram.c share. */
#ifndef PM_SMTP_AUTH_H
#define PM_SMTP_AUTH_H

#include "smtp/output.h"
#include "smtp/session.h"

/* What is being waited for in AUTH_OWNER. */
enum pm__smtp_asked { PM__SMTP_ASKED_HMAC, PM__SMTP_ASKED_SCRAM, PM__SMTP_ASKED_TOKEN };

#define PM__SMTP_REDACTED "********"

void pm__smtp_ask(struct pm_smtp *smtp, enum pm__smtp_asked what, uint64_t now);

/* Sends AUTH of the present mechanism, with its first message where that fits the line. */
void pm__smtp_auth_begin(struct pm_smtp *smtp, uint64_t now);

/* Cancels the exchange with "*". */
void pm__smtp_auth_cancel(struct pm_smtp *smtp, uint64_t now);

/* An empty answer to a challenge. */
void pm__smtp_auth_empty(struct pm_smtp *smtp, enum pm__smtp_state state, uint64_t now);

/* Puts a user name as SCRAM and OAUTHBEARER write it: = and , are spelled out (RFC 5801). */
void pm__smtp_put_saslname(struct pm__smtp_sink *sink, struct pm_slice name);

/* True when the connection is TLS. */
bool pm__smtp_is_secure(const struct pm_smtp *smtp);

/* ---- SCRAM (scram.c) ---- */

/* Asks the owner for what the first message needs. */
void pm__smtp_scram_start(struct pm_smtp *smtp, bool plus, uint64_t now);
/* The client-first-message. */
void pm__smtp_scram_message(const struct pm_smtp *smtp, struct pm__smtp_sink *sink);
/* Fills in PM_SMTP_EV_CRYPTO; takes its result, which may be NULL. */
void pm__smtp_scram_event(const struct pm_smtp *smtp, struct pm_smtp_event *event);
void pm__smtp_scram_result(struct pm_smtp *smtp, const uint8_t *result, uint64_t now);

#endif
