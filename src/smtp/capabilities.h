/* SPDX-License-Identifier: MIT */
/* What a server announces in its EHLO reply (RFC 5321 section 4.1.1.1). */
#ifndef PM_SMTP_CAPABILITIES_H
#define PM_SMTP_CAPABILITIES_H

#include "postmodem/smtp.h"

/* Notes one line after the first, without code and separator. Unknown keywords and empty
 * lines are passed over; keywords count in any case, and AUTH= is AUTH's old form. */
void pm__smtp_capability(struct pm_smtp_capabilities *capabilities, struct pm_slice line);

#endif
