/* SPDX-License-Identifier: MIT */
/* The three body encodings and the base64 of attachments. */
#include "mime/body.h"

#include "base/ascii.h"
#include "base/base64.h"
#include "mime/limits.h"

#include <string.h>

_Static_assert(PM_MIME_LINE_IN == PM__BASE64_LINE_IN, "the state holds one line of base64");

void pm__body_begin(struct pm_mime *mime, uint64_t size)
{
    mime->remaining = size;
    mime->column = 0;
    mime->after_cr = false;
    mime->blank = 0;
    mime->held_len = 0;
}

/* The caller keeps PM__BODY_ROOM free, so that single characters need no check. */
static void put(struct pm__text *out, const char *bytes, size_t n)
{
    memcpy(out->buf + out->len, bytes, n);
    out->len += n;
}

static void put_line_end(struct pm_mime *mime, struct pm__text *out)
{
    put(out, "\r\n", 2);
    mime->column = 0;
}

/* ---- base64 ---- */

static void put_held(struct pm_mime *mime, struct pm__text *out)
{
    out->len += pm__base64_lines((uint8_t *)out->buf + out->len, mime->held, mime->held_len);
    mime->held_len = 0;
}

static void hold(struct pm_mime *mime, struct pm__text *out, uint8_t c)
{
    mime->held[mime->held_len++] = c;
    if (mime->held_len == PM_MIME_LINE_IN) {
        put_held(mime, out);
    }
}

/* ---- quoted-printable (RFC 2045 6.7) ---- */

/* One literal or escaped character; a soft line break comes first when the line is full. */
static void put_token(struct pm_mime *mime, struct pm__text *out, const char *token, size_t n)
{
    if (mime->column + n > PM__LINE_QP - 1) {
        put(out, "=\r\n", 3);
        mime->column = 0;
    }
    put(out, token, n);
    mime->column += n;
}

static void put_escaped(struct pm_mime *mime, struct pm__text *out, uint8_t c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char token[3] = {'=', digits[c >> 4], digits[c & 15]};
    put_token(mime, out, token, sizeof token);
}

/* A blank stands for itself unless its line ends there: some relays cut it off. */
static void put_blank(struct pm_mime *mime, struct pm__text *out, bool line_ends)
{
    if (mime->blank == 0) {
        return;
    }
    const char c = (char)mime->blank;
    if (line_ends) {
        put_escaped(mime, out, mime->blank);
    } else {
        put_token(mime, out, &c, 1);
    }
    mime->blank = 0;
}

static void put_quoted_printable(struct pm_mime *mime, struct pm__text *out, uint8_t c)
{
    const char literal = (char)c;
    put_blank(mime, out, false);
    if (c == ' ' || c == '\t') {
        mime->blank = c;
    } else if (c == '=' || c >= 0x80 || pm__ascii_is_control(c)) {
        put_escaped(mime, out, c);
    } else {
        put_token(mime, out, &literal, 1);
    }
}

/* ---- 7bit ---- */

static bool put_plain(struct pm_mime *mime, struct pm__text *out, uint8_t c)
{
    const char literal = (char)c;
    if (c >= 0x80 || (pm__ascii_is_control(c) && c != '\t') || mime->column >= PM__LINE_MAX) {
        return false;
    }
    put(out, &literal, 1);
    mime->column++;
    return true;
}

/* ---- the text of a mail ---- */

static bool put_byte(struct pm_mime *mime, struct pm__text *out, uint8_t c)
{
    switch (mime->encoding) {
    case PM_MIME_7BIT: return put_plain(mime, out, c);
    case PM_MIME_QUOTED_PRINTABLE: put_quoted_printable(mime, out, c); return true;
    default: hold(mime, out, c); return true;
    }
}

static void end_line(struct pm_mime *mime, struct pm__text *out)
{
    if (mime->encoding == PM_MIME_BASE64) {
        hold(mime, out, '\r');
        hold(mime, out, '\n');
        return;
    }
    put_blank(mime, out, true);
    put_line_end(mime, out);
}

/* Bytes that stand for themselves in 7bit and in quoted-printable, whatever is around them. */
static bool is_literal(uint8_t c)
{
    return c > ' ' && c < 0x7F && c != '=';
}

static size_t at_most(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Such bytes at once, as far as the line has room: most of a text is made of them. */
static void put_literals(struct pm_mime *mime, struct pm__text *out)
{
    size_t line = mime->encoding == PM_MIME_QUOTED_PRINTABLE ? PM__LINE_QP - 1 : PM__LINE_MAX;
    if (mime->encoding == PM_MIME_BASE64 || mime->blank != 0 || mime->column >= line) {
        return;
    }
    size_t most = at_most(at_most(mime->feed.len, line - mime->column),
                          out->cap - out->len - PM__BODY_ROOM + 1);
    size_t n = 0;
    while (n < most && is_literal(mime->feed.ptr[n])) {
        n++;
    }
    if (n > 0) {
        put(out, (const char *)mime->feed.ptr, n);
        mime->feed.ptr += n;
        mime->feed.len -= n;
        mime->remaining -= n;
        mime->column += n;
        mime->after_cr = false;
    }
}

static bool has_room(const struct pm_mime *mime, const struct pm__text *out)
{
    return mime->feed.len > 0 && out->cap - out->len >= PM__BODY_ROOM;
}

static bool put_next(struct pm_mime *mime, struct pm__text *out)
{
    uint8_t c = *mime->feed.ptr++;
    bool belongs_to_cr = c == '\n' && mime->after_cr;
    mime->feed.len--;
    mime->remaining--;
    mime->after_cr = c == '\r';
    if (belongs_to_cr) {
        return true;
    }
    if (c == '\r' || c == '\n') {
        end_line(mime, out);
        return true;
    }
    return put_byte(mime, out, c);
}

bool pm__body_write(struct pm_mime *mime, struct pm__text *out)
{
    bool good = true;
    while (good && has_room(mime, out)) {
        put_literals(mime, out);
        good = !has_room(mime, out) || put_next(mime, out);
    }
    return good;
}

void pm__body_finish(struct pm_mime *mime, struct pm__text *out)
{
    put_blank(mime, out, true);
    put_held(mime, out);
}

/* ---- attachments ---- */

/* The bytes around a cut between two feeds, which share a line. */
static size_t data_held(struct pm_mime *mime, struct pm__text *out)
{
    size_t n = at_most(mime->feed.len, (size_t)PM_MIME_LINE_IN - mime->held_len);
    memcpy(mime->held + mime->held_len, mime->feed.ptr, n);
    mime->held_len = (uint8_t)(mime->held_len + n);
    if (mime->held_len == PM_MIME_LINE_IN) {
        put_held(mime, out);
    }
    return n;
}

static size_t data_lines(struct pm_mime *mime, struct pm__text *out)
{
    size_t lines =
        at_most(mime->feed.len / PM__BASE64_LINE_IN, (out->cap - out->len) / PM__BASE64_LINE_OUT);
    size_t n = lines * PM__BASE64_LINE_IN;
    out->len += pm__base64_lines((uint8_t *)out->buf + out->len, mime->feed.ptr, n);
    return n;
}

void pm__data_write(struct pm_mime *mime, struct pm__text *out)
{
    while (mime->feed.len > 0 && out->cap - out->len >= PM__BASE64_LINE_OUT) {
        bool whole_line = mime->held_len == 0 && mime->feed.len >= PM_MIME_LINE_IN;
        size_t n = whole_line ? data_lines(mime, out) : data_held(mime, out);
        mime->feed.ptr += n;
        mime->feed.len -= n;
        mime->remaining -= n;
    }
}
