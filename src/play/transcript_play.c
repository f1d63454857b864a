/* SPDX-License-Identifier: MIT */
/* Plays a transcript against a module in virtual time. */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play/transcript_player.h"

bool transcript_fail(struct player *p, const char *format, ...)
{
    struct transcript *t = p->t;
    va_list args;
    int n = snprintf(t->error, sizeof t->error, "%s:%u (cut %d at %zu): ", t->path, p->step->line,
                     (int)p->cut, p->number);
    va_start(args, format);
    (void)vsnprintf(t->error + n, sizeof t->error - (size_t)n, format, args);
    va_end(args);
    return false;
}

/* Bytes as a person can read them. */
static const char *readable(const uint8_t *bytes, size_t len, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 5 < size; i++) {
        uint8_t c = bytes[i];
        if (c == '\r' || c == '\n') {
            out[n++] = '\\';
            out[n++] = c == '\r' ? 'r' : 'n';
        } else if (c >= 0x20 && c < 0x7F) {
            out[n++] = (char)c;
        } else {
            n += (size_t)snprintf(out + n, size - n, "\\x%02x", c);
        }
    }
    out[n] = '\0';
    return out;
}

void transcript_drain(struct player *p)
{
    if (p->deaf) {
        return;
    }
    p->got_len += world_read(p->w, p->port, p->got + p->got_len, sizeof p->got - p->got_len);
}

bool transcript_nothing_left(struct player *p)
{
    char text[100];
    transcript_drain(p);
    if (p->got_at == p->got_len) {
        return true;
    }
    return transcript_fail(p, "nobody expected \"%s\"",
                           readable(p->got + p->got_at, p->got_len - p->got_at, text, sizeof text));
}

/* ---- Typing ---------------------------------------------------------------------- */

static size_t piece(struct player *p, size_t left)
{
    switch (p->cut) {
    case TRANSCRIPT_BYTES: return 1;
    case TRANSCRIPT_AT:
        return p->typed < p->number && p->number - p->typed < left ? p->number - p->typed : left;
    case TRANSCRIPT_RANDOM:
        p->seed = p->seed * 1103515245U + 12345U;
        return (p->seed >> 16) % 16U + 1U < left ? (p->seed >> 16) % 16U + 1U : left;
    case TRANSCRIPT_WHOLE:
    default: return left;
    }
}

static bool type(struct player *p)
{
    size_t done = 0;
    unsigned refused = 0;
    if (!transcript_nothing_left(p)) {
        return false;
    }
    while (done < p->step->len) { /* A port that is full of echo takes more once that is read. */
        size_t n = pm_port_input(&p->w->ports[p->port], p->step->bytes + done,
                                 piece(p, p->step->len - done), p->w->now);
        world_run(p->w);
        transcript_drain(p);
        done += n;
        p->typed += n;
        refused = n == 0 ? refused + 1 : 0;
        if (refused == 2) {
            return transcript_fail(p, "the port takes no input");
        }
    }
    return true;
}

/* ---- Expecting ------------------------------------------------------------------- */

/* Length of the got bytes that match the step's bytes, where '*' in a pattern stands for any
 * bytes of a line. 0: more bytes are needed; SIZE_MAX: they differ. */
static size_t match(const struct transcript_step *step, const uint8_t *got, size_t len)
{
    size_t at = 0;
    for (size_t i = 0; i < step->len; i++) {
        if (step->kind == '~' && step->bytes[i] == '*') {
            uint8_t stop = step->bytes[i + 1];
            while (at < len && got[at] != stop && got[at] != '\r') {
                at++;
            }
            continue;
        }
        if (at == len) {
            return 0;
        }
        if (got[at++] != step->bytes[i]) {
            return SIZE_MAX;
        }
    }
    return at;
}

static bool differ(struct player *p, const char *why)
{
    char want[90];
    char got[90];
    return transcript_fail(p, "%s: expected \"%s\", got \"%s\"", why,
                           readable(p->step->bytes, p->step->len, want, sizeof want),
                           readable(p->got + p->got_at, p->got_len - p->got_at, got, sizeof got));
}

static bool expect(struct player *p)
{
    uint64_t start = p->w->now;
    uint64_t limit = start + p->within;
    if (p->after != 0) {
        world_advance(p->w, start + p->after - 1);
        if (!transcript_nothing_left(p)) {
            return false;
        }
    }
    for (;;) {
        transcript_drain(p);
        size_t n = match(p->step, p->got + p->got_at, p->got_len - p->got_at);
        if (n == SIZE_MAX) {
            return differ(p, "other bytes");
        }
        if (n != 0) {
            p->got_at += n;
            p->within = TRANSCRIPT_ANSWER_MS;
            p->after = 0;
            return true;
        }
        uint64_t deadline = pm_module_deadline(&p->w->module);
        if (deadline > limit) {
            return differ(p, "no answer in time");
        }
        world_advance(p->w, deadline);
    }
}

static bool run_step(struct player *p)
{
    if (p->step->kind == ' ') {
        return transcript_directive(p);
    }
    if (!p->begun && !transcript_begin(p)) {
        return false;
    }
    return p->step->kind == '>' ? type(p) : expect(p);
}

/* One world serves all plays: they are many, and it is large. */
bool transcript_play(struct transcript *t, enum transcript_cut cut, size_t number, bool async)
{
    static struct player player;
    static struct world w;
    struct player *p = &player;
    bool ok = true;
    world_init(&w);
    w.async = async;
    memset(p, 0, offsetof(struct player, got));
    p->t = t;
    p->w = &w;
    p->cut = cut;
    p->number = number;
    p->seed = (unsigned)number;
    p->ports = 1;
    p->within = TRANSCRIPT_ANSWER_MS;
    for (size_t i = 0; ok && i < t->count; i++) {
        p->step = &t->steps[i];
        ok = run_step(p);
    }
    ok = ok && transcript_nothing_left(p);
    const char *failed = world_end(&w);
    return ok && (failed[0] == '\0' || transcript_fail(p, "%s", failed));
}
