/* SPDX-License-Identifier: MIT */
/*
 * Dot-stuffing (RFC 5321 section 4.5.2). Whatever comes in, no CR or LF leaves alone: a bare
 * one is completed to CRLF, so that no receiver can see an end of data that we do not mean.
 */
#include <string.h>

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

size_t pm_smtp_body(struct pm_smtp *smtp, const uint8_t *in, size_t in_len, size_t *used,
                    uint8_t *out, size_t out_size)
{
    uint8_t line = smtp->body_line;
    size_t taken = 0;
    size_t made = 0;
    *used = 0;
    if (smtp->state != PM__SMTP_BODY) {
        return 0;
    }
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
    smtp->body_line = line;
    *used = taken;
    return made;
}

void pm_smtp_body_end(struct pm_smtp *smtp, uint64_t now)
{
    static const char *const line_ends[] = {
        [PM__SMTP_LINE_START] = "",
        [PM__SMTP_LINE_INSIDE] = "\r\n",
        [PM__SMTP_LINE_CR] = "\n",
    };
    if (smtp->state != PM__SMTP_BODY) {
        return;
    }
    if (smtp->body_line != PM__SMTP_LINE_START) {
        /* This line end belongs to the message: it has no reply. */
        smtp->awaited--;
    }
    pm__smtp_put_unlogged(&smtp->out, line_ends[smtp->body_line]);
    pm__smtp_put(&smtp->out, ".");
    pm__smtp_end_line(&smtp->out);
    pm__smtp_enter(smtp, PM__SMTP_DOT, now);
}
