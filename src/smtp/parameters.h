/* SPDX-License-Identifier: MIT */
/* What MAIL and RCPT say besides the address, and whether the server offers it. */
#ifndef PM_SMTP_PARAMETERS_H
#define PM_SMTP_PARAMETERS_H

#include "postmodem/smtp.h"

/* True when ENVID= stays within the 100 characters of RFC 3461 4.4. */
bool pm__smtp_envelope_id_fits(struct pm_slice id);

/* True for bits that NOTIFY= may have beside each other (RFC 3461 4.1). */
bool pm__smtp_notify_valid(uint8_t notify);

/* Looks at what the mail needs and the server lacks. Answers the error that ends the mail, or 0;
 * then recipients that the server cannot have are no longer counted. */
uint16_t pm__smtp_judge_server(struct pm_smtp *smtp);

void pm__smtp_put_mail_parameters(struct pm_smtp *smtp);
void pm__smtp_put_rcpt_parameters(struct pm_smtp *smtp);
/* The room that they need at most. */
size_t pm__smtp_rcpt_parameters_room(const struct pm_smtp *smtp);

#endif
