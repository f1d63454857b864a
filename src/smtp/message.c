/* SPDX-License-Identifier: MIT */
/*
 * The message: dot-stuffed for DATA (RFC 5321 section 4.5.2), as it is for BDAT (RFC 3030).
 * Whatever comes in, no CR or LF leaves alone: a bare one is completed to CRLF, so that no receiver
 * can see an end of data that we do not mean.
 *
 * BDAT says first how many octets come, and the server has the message when it has the last of
 * them. So that one is kept back until the owner says that the message is complete, and it never
 * leaves when the message turns out longer or shorter than was said.
 */
#include <string.h>

#include "postmodem/error.h"
#include "smtp/output.h"
#include "smtp/session.h"

/*
 * The bytes from the start of `in`, inside a line, that may be copied as they are: up to a dot
 * at the start of a line, a bare CR or LF, or the end. `*line` is where the last of them stands.
 */
static size_t plain_run(const uint8_t *in, size_t len, uint8_t *line)
{
    size_t at = 0;
    for (;;) {
        const uint8_t *lf = memchr(in + at, '\n', len - at);
        size_t span = lf != NULL ? (size_t)(lf - in) - at : len - at;
        const uint8_t *cr = span > 0 ? memchr(in + at, '\r', span) : NULL;
        if (cr == NULL) {
            /* No line end, or a bare LF, which the caller completes. */
            *line = PM__SMTP_LINE_INSIDE;
            return at + span;
        }
        at = (size_t)(cr - in) + 1;
        if (in + at != lf) {
            *line = PM__SMTP_LINE_CR;
            return at;
        }
        at++;
        if (at == len || in[at] == '.') {
            *line = PM__SMTP_LINE_START;
            return at;
        }
    }
}

/* Copies a run of `len` bytes or less; returns its length. */
static size_t copy_run(uint8_t *line, const uint8_t *in, size_t len, uint8_t *out)
{
    size_t n = plain_run(in, len, line);
    memcpy(out, in, n);
    return n;
}

/* Message bytes for DATA. */
static size_t stuff(uint8_t *state, const uint8_t *in, size_t in_len, size_t *used, uint8_t *out,
                    size_t out_size)
{
    uint8_t line = *state;
    size_t taken = 0;
    size_t made = 0;
    /* One step writes two bytes at most, or copies a run that fits. */
    while (taken < in_len && out_size - made >= 2) {
        if (line == PM__SMTP_LINE_CR) {
            taken += in[taken] == '\n';
            out[made++] = '\n';
            line = PM__SMTP_LINE_START;
        } else if (in[taken] == '\n') {
            taken++;
            out[made++] = '\r';
            out[made++] = '\n';
            line = PM__SMTP_LINE_START;
        } else {
            if (line == PM__SMTP_LINE_START && in[taken] == '.') {
                out[made++] = '.';
            }
            size_t left = in_len - taken;
            size_t room = out_size - made;
            size_t n = copy_run(&line, in + taken, left < room ? left : room, out + made);
            taken += n;
            made += n;
        }
    }
    *state = line;
    *used = taken;
    return made;
}

static size_t least(size_t a, size_t b, uint64_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : (size_t)c;
}

/* Message bytes for BDAT, up to the last but one that was announced. What does not end there in
 * CRLF is taken and goes nowhere: pm_smtp_body_end() will find it. */
static size_t chunk(struct pm_smtp_message *message, const uint8_t *in, size_t in_len, size_t *used,
                    uint8_t *out, size_t out_size)
{
    size_t taken = 0;
    size_t made = 0;
    while (taken < in_len && made < out_size) {
        size_t n = 1;
        if (message->left <= 1 && message->line != PM__SMTP_LINE_CR) {
            message->left = 0;
            taken = in_len;
            break;
        }
        if (message->line == PM__SMTP_LINE_CR) {
            taken += in[taken] == '\n';
            message->line = message->left == 1 ? PM__SMTP_LINE_HELD : PM__SMTP_LINE_START;
            n = message->left != 1;
            if (n != 0) {
                out[made] = '\n';
            }
        } else if (in[taken] == '\n') {
            message->line = PM__SMTP_LINE_CR; /* the next step completes it */
            out[made] = '\r';
        } else {
            n = least(in_len - taken, out_size - made, message->left - 1);
            n = copy_run(&message->line, in + taken, n, out + made);
            taken += n;
        }
        message->left -= n;
        made += n;
    }
    *used = taken;
    return made;
}

void pm__smtp_message_begin(struct pm_smtp *smtp, bool bdat)
{
    smtp->message = (struct pm_smtp_message){.stage = PM__SMTP_MESSAGE_DUE,
                                             .line = PM__SMTP_LINE_START,
                                             .bdat = bdat,
                                             .left = bdat ? smtp->config.message_size : 0};
}

void pm__smtp_message_announced(struct pm_smtp *smtp)
{
    struct pm_smtp_message *message = &smtp->message;
    if (message->bdat && !message->announced && smtp->out.head == smtp->out.tail) {
        message->announced = true;
        smtp->awaited--;
    }
}

size_t pm_smtp_body(struct pm_smtp *smtp, const uint8_t *in, size_t in_len, size_t *used,
                    uint8_t *out, size_t out_size)
{
    struct pm_smtp_message *message = &smtp->message;
    *used = 0;
    if (message->stage != PM__SMTP_MESSAGE_RUNNING || message->announced != message->bdat) {
        return 0;
    }
    return message->bdat ? chunk(message, in, in_len, used, out, out_size)
                         : stuff(&message->line, in, in_len, used, out, out_size);
}

static void end_data(struct pm_smtp *smtp, uint64_t now)
{
    static const char *const line_ends[] = {
        [PM__SMTP_LINE_START] = "",
        [PM__SMTP_LINE_INSIDE] = "\r\n",
        [PM__SMTP_LINE_CR] = "\n",
        [PM__SMTP_LINE_HELD] = "", /* BDAT alone holds an LF back */
    };
    if (smtp->message.line != PM__SMTP_LINE_START) {
        /* This line end belongs to the message: it has no reply. */
        smtp->awaited--;
    }
    pm__smtp_put_unlogged(&smtp->out, line_ends[smtp->message.line]);
    pm__smtp_put(&smtp->out, ".");
    pm__smtp_end_line(&smtp->out);
    pm__smtp_enter(smtp, PM__SMTP_DOT, now);
}

static void end_bdat(struct pm_smtp *smtp, uint64_t now)
{
    pm__smtp_put_unlogged(&smtp->out, "\n");
    if (smtp->state == PM__SMTP_CHUNK) { /* in the group other replies come first */
        pm__smtp_enter(smtp, PM__SMTP_BDAT, now);
    }
}

void pm_smtp_body_end(struct pm_smtp *smtp, uint64_t now)
{
    struct pm_smtp_message *message = &smtp->message;
    if (message->stage != PM__SMTP_MESSAGE_RUNNING) {
        return;
    }
    /* A CR at the end is the first half of a line end as well. */
    bool whole = message->left == 1 &&
                 (message->line == PM__SMTP_LINE_HELD || message->line == PM__SMTP_LINE_CR);
    if (message->bdat && !whole) {
        pm__smtp_fail(smtp, PM_MAIL_SEND, 0, PM__SMTP_DROP, now);
        return;
    }
    message->stage = PM__SMTP_MESSAGE_GIVEN;
    if (message->bdat) {
        end_bdat(smtp, now);
    } else {
        end_data(smtp, now);
    }
}
