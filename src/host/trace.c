/* SPDX-License-Identifier: MIT */
/* The trace: lines are assembled, secrets taken out, the rest escaped and written. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/escape.h"
#include "host/trace_file.h"

/* A private key that never ends (an upload cut short) must not hide the rest of the trace. */
#define SECRET_BLOCK_MAX 32768

/* ---- Writing one line -------------------------------------------------------- */

struct writer {
    struct pm_trace *trace;
    const char *name;
    const char *direction; /* " > " or " < " */
    struct pm_trace_time time;
    size_t piece; /* bytes in the present line of the file */
    const uint8_t *line;
    size_t at; /* bytes of `line` written or redacted */
};

static const char *arrow(bool requests)
{
    return requests ? " > " : " < ";
}

static void put_text(const struct writer *writer, const char *text)
{
    pm__trace_put(writer->trace, text, strlen(text));
}

static void put_head(const struct writer *writer)
{
    struct tm utc;
    char text[32];
    char head[64];
    time_t seconds = (time_t)writer->time.wall_s;
    if (gmtime_r(&seconds, &utc) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc) == 0) {
        text[0] = '\0';
    }
    snprintf(head, sizeof head, "%s.%06uZ %llu.%06u ", text, writer->time.wall_us,
             (unsigned long long)(writer->time.monotonic_us / 1000000),
             (unsigned)(writer->time.monotonic_us % 1000000));
    put_text(writer, head);
    put_text(writer, writer->name);
    put_text(writer, writer->direction);
}

static void put_byte(struct writer *writer, uint8_t c)
{
    if (writer->piece == PM_TRACE_PIECE) {
        put_text(writer, "\\\n");
        put_head(writer);
        writer->piece = 0;
    }
    writer->piece++;
    char shown[PM__ESCAPE_MAX];
    pm__trace_put(writer->trace, shown, pm__escape(c, shown));
}

static void put_until(struct writer *writer, size_t end)
{
    for (; writer->at < end; writer->at++) {
        put_byte(writer, writer->line[writer->at]);
    }
}

static void put_secret(void *user, size_t at, size_t len)
{
    struct writer *writer = user;
    put_until(writer, at);
    put_text(writer, "<redacted>");
    writer->at = at + len;
}

/* ---- Streams ------------------------------------------------------------------ */

static struct pm_trace_time present(void)
{
    struct timespec monotonic;
    struct timespec wall;
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    clock_gettime(CLOCK_REALTIME, &wall);
    return (struct pm_trace_time){
        .monotonic_us = (uint64_t)monotonic.tv_sec * 1000000 + (uint64_t)monotonic.tv_nsec / 1000,
        .wall_s = wall.tv_sec,
        .wall_us = (uint32_t)(wall.tv_nsec / 1000),
    };
}

static bool contains(const uint8_t *line, size_t len, const char *text)
{
    return memmem(line, len, text, strlen(text)) != NULL;
}

/* The bytes of a line end behind what is redacted as a whole. */
static size_t line_end(const uint8_t *line, size_t len)
{
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n')) {
        len--;
    }
    return len;
}

/* Keeps track of private keys; true when the held bytes belong to one. A key that begins where
 * another has not ended counts anew: else what is left of the first would end amid the second. */
static bool in_private_key(struct pm_trace_stream *stream, size_t len)
{
    const bool inside = stream->secret_block > 0;
    if (contains(stream->line, len, "-----BEGIN ") &&
        contains(stream->line, len, "PRIVATE KEY-----")) {
        stream->secret_block = SECRET_BLOCK_MAX;
    } else if (inside) {
        bool ends = contains(stream->line, len, "-----END ");
        stream->secret_block = ends || stream->secret_block <= len ? 0 : stream->secret_block - len;
    }
    return inside;
}

/* Takes the bytes of a line out, but for its end. */
static void put_secret_line(struct writer *writer, size_t len)
{
    size_t end = line_end(writer->line, len);
    if (end > 0) {
        put_secret(writer, 0, end);
    }
}

/* Writes the first `len` held bytes; `complete` when a line ends with them. */
static void write_line(struct pm_trace *trace, struct pm_trace_stream *stream, const char *port,
                       bool to_module, size_t len, bool complete)
{
    struct writer writer = {.trace = trace,
                            .name = port,
                            .direction = arrow(to_module),
                            .time = stream->time,
                            .line = stream->line};
    put_head(&writer);
    if (in_private_key(stream, len) || stream->secret_line) {
        put_secret_line(&writer, len);
    } else {
        stream->secret_line = pm_trace_secrets(stream->line, len, put_secret, &writer);
    }
    put_until(&writer, len);
    if (complete) {
        stream->secret_line = false;
    }
    put_text(&writer, complete ? "\n" : "\\\n");
    pm__trace_commit(trace);
    explicit_bzero(stream->line, len);
    memmove(stream->line, stream->line + len, stream->len - len);
    stream->len -= len;
    stream->time = present();
}

/* Where to cut a line that is longer than the buffer: before the last command name in its
 * second half, so that no name is cut in two. */
static size_t cut_place(const struct pm_trace_stream *stream)
{
    for (size_t i = stream->len; i > stream->len / 2; i--) {
        if (stream->line[i - 1] == '+') {
            return i - 1;
        }
    }
    return stream->len;
}

void pm_trace_bytes(struct pm_trace *trace, struct pm_trace_stream *stream, const char *port,
                    bool to_module, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t before = stream->len > 0 ? stream->line[stream->len - 1] : 0;
        /* A CR ends a line, together with an LF right after it. */
        if (before == '\n' || (before == '\r' && data[i] != '\n')) {
            write_line(trace, stream, port, to_module, stream->len, true);
        } else if (stream->len == sizeof stream->line) {
            write_line(trace, stream, port, to_module, cut_place(stream), false);
        }
        if (stream->len == 0) {
            stream->time = present();
        }
        stream->line[stream->len++] = data[i];
    }
    uint8_t last = stream->len > 0 ? stream->line[stream->len - 1] : 0;
    if (last == '\n' || last == '\r') {
        write_line(trace, stream, port, to_module, stream->len, true);
    }
}

void pm_trace_end(struct pm_trace *trace, struct pm_trace_stream *stream, const char *port,
                  bool to_module)
{
    if (stream->len > 0) {
        write_line(trace, stream, port, to_module, stream->len, false);
    }
    memset(stream, 0, sizeof *stream);
}

void pm_trace_smtp(struct pm_trace *trace, const char *name, bool sent, const uint8_t *line,
                   size_t len)
{
    struct writer writer = {
        .trace = trace, .name = name, .direction = arrow(sent), .time = present(), .line = line};
    put_head(&writer);
    put_until(&writer, len);
    put_text(&writer, "\n");
    pm__trace_commit(trace);
}
