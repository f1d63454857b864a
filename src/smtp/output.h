/* SPDX-License-Identifier: MIT */
/* The output buffer of a session: command lines, how they look in a log, and their secrets. */
#ifndef PM_SMTP_OUTPUT_H
#define PM_SMTP_OUTPUT_H

#include "base/text.h"
#include "postmodem/smtp.h"

/*
 * A line is built by pm__smtp_put...() calls and ended by pm__smtp_end_line(). One that does
 * not fit is taken back whole, and `overflow` is set.
 */
void pm__smtp_put(struct pm_smtp_out *out, const char *string);
void pm__smtp_put_slice(struct pm_smtp_out *out, struct pm_slice bytes);
void pm__smtp_put_number(struct pm_smtp_out *out, uint64_t number);
/* Base64 of all parts in a row. The parts must not lie in the buffer. */
void pm__smtp_put_base64(struct pm_smtp_out *out, const struct pm_slice *parts, size_t count);
/*
 * Takes a message in pieces, any number of times in a row from its beginning. With `text` it is
 * written there as it is; with `out` it is encoded there from byte `skip` on, as far as there is
 * room; with neither it is counted.
 */
struct pm__smtp_sink {
    struct pm__text *text;
    struct pm_smtp_out *out;
    size_t length; /* bytes of the message so far */
    size_t skip;   /* bytes that were encoded */
    bool full;
    size_t held;
    uint8_t chunk[48];
};

void pm__smtp_sink_put(struct pm__smtp_sink *sink, struct pm_slice bytes);
/* True when all is encoded; false: more can be once the buffer is empty. */
bool pm__smtp_sink_end(struct pm__smtp_sink *sink);

void pm__smtp_end_line(struct pm_smtp_out *out);

/* Ends a line that holds a secret: the log shows `redacted` (static) for it, and it is
 * overwritten by pm__smtp_forget(), until when pm__smtp_reveals() knows it. The
 * buffer must hold nothing else, which lock step ensures. */
void pm__smtp_end_secret(struct pm_smtp_out *out, const char *redacted);

/* The same for the first part of a line whose rest follows: pm__smtp_continue() once it has left.
 */
void pm__smtp_begin_secret(struct pm_smtp_out *out, const char *redacted);
void pm__smtp_continue(struct pm_smtp_out *out, bool more);

/* Bytes that leave without a log line: the end of a broken last line of a body. */
void pm__smtp_put_unlogged(struct pm_smtp_out *out, const char *string);

/* Bytes that still fit, counting what leaves at the same time as sent. */
size_t pm__smtp_room(const struct pm_smtp_out *out);

/* The next line that was not logged: true and its log text. It then counts as output. */
bool pm__smtp_log_line(struct pm_smtp_out *out, struct pm_slice *text);

/* `n` bytes have left; returns the line ends among them. */
unsigned pm__smtp_sent(struct pm_smtp_out *out, size_t n);

/* Overwrites the buffer, what has not left as well. */
void pm__smtp_forget(struct pm_smtp_out *out);

/* True when `text` holds `secret`, as it is or in base64, or what the secret line in the buffer
 * encodes: a server may send back what it did not understand. */
bool pm__smtp_reveals(const struct pm_smtp_out *out, struct pm_slice text, struct pm_slice secret);

#endif
