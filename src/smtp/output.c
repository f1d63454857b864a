/* SPDX-License-Identifier: MIT */
/* The output buffer: [head, logged) leaves, [logged, tail) waits for its log event. */
#include "smtp/output.h"

#include <string.h>

#include "base/base64.h"
#include "base/text.h"
#include "base/wipe.h"

enum { DECIMAL_MAX = 20 };

/* Moves what has not left to the front, and overwrites what it leaves behind. */
static void compact(struct pm_smtp_out *out)
{
    size_t head = out->head;
    if (head == 0) {
        return;
    }
    memmove(out->buf, out->buf + head, out->tail - head);
    pm__wipe(out->buf + out->tail - head, head);
    out->head = 0;
    out->logged -= head;
    out->tail -= head;
}

/* Room for `n` bytes at the tail, or NULL with `overflow` set. */
static uint8_t *extend(struct pm_smtp_out *out, size_t n)
{
    compact(out);
    if (n > sizeof out->buf - out->tail) {
        out->overflow = true;
    }
    if (out->overflow) {
        return NULL;
    }
    uint8_t *at = out->buf + out->tail;
    out->tail += n;
    return at;
}

void pm__smtp_put_slice(struct pm_smtp_out *out, struct pm_slice bytes)
{
    uint8_t *at = extend(out, bytes.len);
    if (at != NULL && bytes.len > 0) {
        memcpy(at, bytes.ptr, bytes.len);
    }
}

void pm__smtp_put(struct pm_smtp_out *out, const char *string)
{
    pm__smtp_put_slice(out, (struct pm_slice){(const uint8_t *)string, strlen(string)});
}

void pm__smtp_put_number(struct pm_smtp_out *out, uint64_t number)
{
    char digits[DECIMAL_MAX];
    struct pm__text text;
    pm__text_init(&text, digits, sizeof digits);
    pm__text_number(&text, number);
    pm__smtp_put_slice(out, pm__text_get(&text));
}

static void encode_held(struct pm__smtp_sink *sink)
{
    if (pm__smtp_room(sink->out) < PM__BASE64_SIZE(sink->held) + 2) {
        sink->full = true;
        return;
    }
    uint8_t *at = extend(sink->out, PM__BASE64_SIZE(sink->held));
    if (at != NULL) {
        (void)pm__base64_encode(at, sink->chunk, sink->held);
    }
    sink->skip += sink->held;
    sink->held = 0;
}

void pm__smtp_sink_put(struct pm__smtp_sink *sink, struct pm_slice bytes)
{
    if (sink->text != NULL) {
        pm__text_slice(sink->text, bytes);
    }
    for (size_t i = 0; i < bytes.len; i++) {
        bool taken = sink->length < sink->skip + sink->held;
        sink->length++;
        if (sink->out == NULL || taken || sink->full) {
            continue;
        }
        sink->chunk[sink->held++] = bytes.ptr[i];
        if (sink->held == sizeof sink->chunk) {
            encode_held(sink);
        }
    }
}

bool pm__smtp_sink_end(struct pm__smtp_sink *sink)
{
    if (sink->out != NULL && !sink->full) {
        encode_held(sink);
    }
    pm__wipe(sink->chunk, sizeof sink->chunk);
    return !sink->full;
}

void pm__smtp_put_base64(struct pm_smtp_out *out, const struct pm_slice *parts, size_t count)
{
    struct pm__smtp_sink sink = {.out = out};
    for (size_t part = 0; part < count; part++) {
        pm__smtp_sink_put(&sink, parts[part]);
    }
    if (!pm__smtp_sink_end(&sink)) {
        out->overflow = true;
    }
}

void pm__smtp_end_line(struct pm_smtp_out *out)
{
    pm__smtp_put(out, "\r\n");
    if (out->overflow) {
        pm__wipe(out->buf + out->logged, out->tail - out->logged);
        out->tail = out->logged;
    }
}

void pm__smtp_end_secret(struct pm_smtp_out *out, const char *redacted)
{
    pm__smtp_end_line(out);
    out->redacted = redacted;
}

void pm__smtp_begin_secret(struct pm_smtp_out *out, const char *redacted)
{
    out->redacted = redacted;
    out->more = true;
}

void pm__smtp_continue(struct pm_smtp_out *out, bool more)
{
    out->more = more;
    if (!more) {
        pm__smtp_put(out, "\r\n");
    }
    out->logged = out->tail;
}

void pm__smtp_put_unlogged(struct pm_smtp_out *out, const char *string)
{
    pm__smtp_put(out, string);
    out->logged = out->tail;
}

size_t pm__smtp_room(const struct pm_smtp_out *out)
{
    return sizeof out->buf - (out->tail - out->head);
}

bool pm__smtp_log_line(struct pm_smtp_out *out, struct pm_slice *text)
{
    const uint8_t *line = out->buf + out->logged;
    const uint8_t *end = memchr(line, '\r', out->tail - out->logged);
    if (end == NULL && !(out->more && out->logged < out->tail)) {
        return false;
    }
    *text = (struct pm_slice){line, end != NULL ? (size_t)(end - line) : 0};
    out->logged = end != NULL ? out->logged + text->len + 2 : out->tail;
    if (out->redacted != NULL) {
        *text = (struct pm_slice){(const uint8_t *)out->redacted, strlen(out->redacted)};
    }
    return true;
}

unsigned pm__smtp_sent(struct pm_smtp_out *out, size_t n)
{
    unsigned lines = 0;
    size_t waiting = out->logged - out->head;
    size_t end = out->head + (n < waiting ? n : waiting);
    for (size_t i = out->head; i < end; i++) {
        lines += out->buf[i] == '\n';
    }
    out->head = end;
    return lines;
}

void pm__smtp_forget(struct pm_smtp_out *out)
{
    pm__wipe(out->buf, sizeof out->buf);
    out->head = 0;
    out->logged = 0;
    out->tail = 0;
    out->redacted = NULL;
    out->more = false;
    out->overflow = false;
}

static bool contains(struct pm_slice text, struct pm_slice part)
{
    const uint8_t *at = text.ptr;
    const uint8_t *end = text.ptr + text.len;
    if (part.len == 0) {
        return false;
    }
    while ((size_t)(end - at) >= part.len) {
        at = memchr(at, part.ptr[0], (size_t)(end - at) - part.len + 1);
        if (at == NULL) {
            return false;
        }
        if (memcmp(at, part.ptr, part.len) == 0) {
            return true;
        }
        at++;
    }
    return false;
}

/* What is secret in the line: its last word. */
static struct pm_slice secret_word(const struct pm_smtp_out *out)
{
    size_t end = out->tail >= 2 ? out->tail - 2 : 0;
    size_t start = end;
    while (start > 0 && out->buf[start - 1] != ' ') {
        start--;
    }
    return (struct pm_slice){out->buf + start, end - start};
}

bool pm__smtp_reveals(const struct pm_smtp_out *out, struct pm_slice text, struct pm_slice secret)
{
    return contains(text, secret) || pm__base64_holds(text.ptr, text.len, secret.ptr, secret.len) ||
           (out->redacted != NULL && contains(text, secret_word(out)));
}
