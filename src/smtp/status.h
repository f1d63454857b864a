/* SPDX-License-Identifier: MIT */
/* Enhanced status codes (RFC 3463), which many servers put in front of a reply's text. */
#ifndef PM_SMTP_STATUS_H
#define PM_SMTP_STATUS_H

#include "postmodem/smtp.h"

/* The code at the start of `text`, of a reply with `code`. All zero when there is none, or one of
 * another class than the reply: the reply code decides, and the two must agree (RFC 2034). */
struct pm_smtp_status pm__smtp_status(struct pm_slice text, uint16_t code);

#endif
