/* SPDX-License-Identifier: MIT */
/* The reply parser: tolerant about line ends, bounded in everything (SD60). */
#include "smtp/reply.h"

#include <string.h>

#include "base/ascii.h"

enum { CODE_DIGITS = 3, CODE_MIN = 200, CODE_MAX = 599 };

/* The code at the start of the line, or 0. */
static uint16_t line_code(const struct pm_smtp_reply *reply)
{
    unsigned code = 0;
    if (reply->len < CODE_DIGITS) {
        return 0;
    }
    for (size_t i = 0; i < CODE_DIGITS; i++) {
        if (!pm__ascii_is_digit(reply->line[i])) {
            return 0;
        }
        code = code * 10 + (unsigned)(reply->line[i] - '0');
    }
    return code >= CODE_MIN && code <= CODE_MAX ? (uint16_t)code : 0;
}

static enum pm__smtp_read check_line(struct pm_smtp_reply *reply)
{
    uint16_t code = line_code(reply);
    uint8_t separator = reply->len > CODE_DIGITS ? reply->line[CODE_DIGITS] : ' ';
    reply->lines++;
    if (code == 0 || (separator != ' ' && separator != '-') || reply->lines > PM_SMTP_MAX_LINES ||
        (reply->code != 0 && code != reply->code) || memchr(reply->line, 0, reply->len) != NULL) {
        return PM__SMTP_READ_BAD;
    }
    reply->code = code;
    return separator == '-' ? PM__SMTP_READ_LINE : PM__SMTP_READ_LAST;
}

static void begin(struct pm_smtp_reply *reply, bool awaited)
{
    reply->started = true;
    reply->unasked = !awaited;
    reply->lines = 0;
    reply->code = 0;
}

enum pm__smtp_read pm__smtp_reply_read(struct pm_smtp_reply *reply, const uint8_t *data, size_t len,
                                       bool awaited, size_t *used)
{
    const uint8_t *end = memchr(data, '\n', len);
    size_t n = end != NULL ? (size_t)(end - data) : len;
    if (reply->line_done) {
        reply->line_done = false;
        reply->len = 0;
    }
    if (!reply->started) {
        begin(reply, awaited);
        if (reply->unasked && data[0] != '4' && data[0] != '5') {
            *used = 0;
            return PM__SMTP_READ_BAD;
        }
    }
    *used = n;
    size_t room = sizeof reply->line - reply->len;
    size_t kept = n < room ? n : room;
    memcpy(reply->line + reply->len, data, kept);
    reply->len += kept;
    if (kept < n) {
        return PM__SMTP_READ_BAD;
    }
    if (end == NULL) {
        return PM__SMTP_READ_MORE;
    }
    *used = n + 1;
    reply->line_done = true;
    if (reply->len > 0 && reply->line[reply->len - 1] == '\r') {
        reply->len--;
    }
    enum pm__smtp_read result = check_line(reply);
    reply->started = result == PM__SMTP_READ_LINE;
    return result;
}

struct pm_slice pm__smtp_reply_text(const struct pm_smtp_reply *reply)
{
    size_t skip = reply->len > CODE_DIGITS ? CODE_DIGITS + 1 : reply->len;
    return (struct pm_slice){reply->line + skip, reply->len - skip};
}

struct pm_slice pm__smtp_reply_printable(struct pm_smtp_reply *reply)
{
    for (size_t i = 0; i < reply->len; i++) {
        if (pm__ascii_is_control(reply->line[i])) {
            reply->line[i] = '?';
        }
    }
    return (struct pm_slice){reply->line, reply->len};
}
