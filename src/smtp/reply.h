/* SPDX-License-Identifier: MIT */
/* Reads SMTP replies (RFC 5321 section 4.2) from bytes cut anywhere. */
#ifndef PM_SMTP_REPLY_H
#define PM_SMTP_REPLY_H

#include "postmodem/smtp.h"

enum pm__smtp_read {
    PM__SMTP_READ_MORE, /* all bytes taken, the line is not complete */
    PM__SMTP_READ_LINE, /* a line is complete, more lines of the reply follow */
    PM__SMTP_READ_LAST, /* the last line of a reply is complete */
    PM__SMTP_READ_BAD   /* this cannot be a reply (SD60) */
};

/*
 * Takes bytes up to the end of one line, at most `len` (1 or more); `*used` says how many.
 * `awaited` is true when some command waits for a reply; a reply that begins while none does
 * is marked `unasked`, and only a negative one is read to its end. The line stays in
 * reply->line until the next call.
 */
enum pm__smtp_read pm__smtp_reply_read(struct pm_smtp_reply *reply, const uint8_t *data, size_t len,
                                       bool awaited, size_t *used);

/* The text of the present line: what follows the code and its separator. */
struct pm_slice pm__smtp_reply_text(const struct pm_smtp_reply *reply);

/* Makes the present line fit for a log: control characters become '?'. */
struct pm_slice pm__smtp_reply_printable(struct pm_smtp_reply *reply);

#endif
