/* SPDX-License-Identifier: MIT */
/* Walks through the steps of a transcript and compares what comes, on any stage. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "play/transcript_player.h"

/* On a real line clocks tick in whole milliseconds, each for itself. */
#define TICK_MS 2U

/* ---- Reports ---------------------------------------------------------------------------- */

static const char *tag_name(const struct transcript_step *step)
{
    switch (step->tag) {
    case TRANSCRIPT_MANUAL: return " [manual]";
    case TRANSCRIPT_DEVICE: return " [device]";
    case TRANSCRIPT_INFERRED: return " [inferred]";
    default: return "";
    }
}

static void report(struct player *p, bool note, const char *format, va_list args)
{
    char line[sizeof p->report->headline];
    size_t len = (size_t)snprintf(line, sizeof line - 120, "%s:%u: ", p->t->path, p->step->line);
    len = len < sizeof line - 120 ? len : sizeof line - 121;
    int n = vsnprintf(line + len, sizeof line - len - 32, format, args);
    len += n < 0 ? 0U : (size_t)n < sizeof line - len - 32 ? (size_t)n : sizeof line - len - 33;
    const char *const cuts[] = {"", " (typed byte by byte)", " (cut at byte %zu)",
                                " (cut at random, seed %zu)"};
    len += (size_t)snprintf(line + len, sizeof line - len, "%s", tag_name(p->step));
    (void)snprintf(line + len, sizeof line - len, cuts[p->cut], p->number);
    play_report_difference(p->report, note, line);
}

bool transcript_fail(struct player *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(p, false, format, args);
    va_end(args);
    return false;
}

bool transcript_amiss(struct player *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(p, false, format, args);
    va_end(args);
    return p->rules->keep_going;
}

void transcript_note(struct player *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(p, true, format, args);
    va_end(args);
}

/* What was typed last, and what came of it. */
static void report_bytes(struct player *p, const uint8_t *want, size_t want_len, size_t mark)
{
    if (p->last != NULL) {
        play_report_bytes(p->report, "typed", p->last->bytes, p->last->len, SIZE_MAX);
    }
    if (want != NULL) {
        play_report_bytes(p->report, "expected", want, want_len, mark);
    }
    play_report_bytes(p->report, "received", p->got + p->got_at, p->got_len - p->got_at, mark);
}

void transcript_drain(struct player *p)
{
    if (p->deaf) {
        return;
    }
    if (p->got_at == p->got_len || p->got_at > sizeof p->got / 2) {
        p->got_len -= p->got_at;
        memmove(p->got, p->got + p->got_at, p->got_len);
        p->got_at = 0;
    }
    p->stage->drain(p);
}

bool transcript_nothing_left(struct player *p)
{
    transcript_drain(p);
    if (p->got_at == p->got_len) {
        return true;
    }
    (void)transcript_fail(p, "nobody expected what came before this line");
    report_bytes(p, NULL, 0, SIZE_MAX);
    p->got_at = p->got_len;
    return p->rules->keep_going;
}

/* ---- Typing ----------------------------------------------------------------------------- */

/* What is typed by several steps without a pause is one piece on a real line: nothing is looked at
 * between them, as no time passes. */
static bool type(struct player *p)
{
    const struct transcript_step *first = p->step;
    size_t len = first->len;
    if (!transcript_nothing_left(p)) {
        return false;
    }
    while (p->stage->real && p->next < p->t->count && p->t->steps[p->next].kind == '>') {
        p->step = &p->t->steps[p->next++];
        len += p->step->len;
    }
    p->last = p->step;
    return p->stage->type(p, first->bytes, len) || transcript_fail(p, "the port takes no input");
}

/* ---- Expecting -------------------------------------------------------------------------- */

enum outcome { MATCHES, NEEDS_MORE, DIFFERS };

/* Compares what came with the step, where '*' in a pattern stands for any bytes of a line. `at`:
 * bytes of what came that match. */
static enum outcome match(const struct transcript_step *step, const uint8_t *got, size_t len,
                          size_t *at)
{
    *at = 0;
    for (size_t i = 0; i < step->len; i++) {
        if (step->kind == '~' && step->bytes[i] == '*') {
            uint8_t stop = step->bytes[i + 1];
            while (*at < len && got[*at] != stop && got[*at] != '\r') {
                (*at)++;
            }
            continue;
        }
        if (*at == len) {
            return NEEDS_MORE;
        }
        if (got[*at] != step->bytes[i]) {
            return DIFFERS;
        }
        (*at)++;
    }
    return MATCHES;
}

/* Collects what still comes of this answer. */
static void gather(struct player *p)
{
    uint64_t limit = p->stage->now(p) + TRANSCRIPT_ANSWER_MS;
    do {
        transcript_drain(p);
    } while (p->stage->await(p, limit));
}

static bool is_judged(const struct player *p, const struct transcript_step *step)
{
    return (step->tag & p->rules->tags) != 0;
}

/*
 * After a difference: what else is expected of this answer is looked for in what came. Goes on
 * behind the first such that is found, otherwise with the next thing that the host does.
 */
static bool go_on(struct player *p)
{
    bool ok = true;
    gather(p);
    for (; p->next < p->t->count && p->t->steps[p->next].kind != '>' &&
           p->t->steps[p->next].kind != ' ';
         p->next++) {
        const struct transcript_step *step = &p->t->steps[p->next];
        size_t n = 0;
        for (size_t at = p->got_at; at < p->got_len; at++) {
            if (match(step, p->got + at, p->got_len - at, &n) == MATCHES) {
                p->got_at = at;
                return ok;
            }
        }
        p->step = step;
        if (is_judged(p, step)) {
            (void)transcript_fail(p, "did not come");
            ok = p->rules->keep_going;
        } else {
            transcript_note(p, "did not come");
        }
        play_report_bytes(p->report, "expected", step->bytes, step->len, SIZE_MAX);
    }
    p->got_at = p->got_len;
    return ok;
}

/* Reports a difference of the present step, and goes on where it does not end the play. */
static bool differ(struct player *p, const char *why, size_t mark)
{
    const char *what = p->trouble != NULL ? p->trouble : why;
    bool judged = is_judged(p, p->step);
    if (judged) {
        (void)transcript_fail(p, "%s", what);
    } else {
        transcript_note(p, "%s", what);
    }
    report_bytes(p, p->step->bytes, p->step->len, mark);
    return (!judged || p->rules->keep_going) && go_on(p);
}

/* On a real line a byte came early for certain if it has been read before the time. */
static bool keep_quiet_really(struct player *p, uint64_t from)
{
    for (;;) {
        transcript_drain(p);
        if (p->stage->now(p) + TICK_MS >= from) {
            return true;
        }
        if (p->got_at != p->got_len) {
            return false;
        }
        if (!p->stage->await(p, from) && p->stage->now(p) + TICK_MS < from) {
            return true; /* The line has ended: nothing came. */
        }
    }
}

/* Nothing may come before the time that `after` names. */
static bool keep_quiet(struct player *p)
{
    uint64_t from = p->earliest + p->after;
    p->earliest = from;
    if (p->stage->real) {
        return keep_quiet_really(p, from);
    }
    p->stage->pass(p, from - 1);
    transcript_drain(p);
    return p->got_at == p->got_len;
}

/* Waits for what is expected, which must begin before `limit`. The outcome, and how many bytes
 * of it came. */
static enum outcome await(struct player *p, uint64_t limit, size_t *at)
{
    size_t seen = 0;
    for (;;) {
        transcript_drain(p);
        enum outcome outcome = match(p->step, p->got + p->got_at, p->got_len - p->got_at, at);
        if (outcome != NEEDS_MORE) {
            return outcome;
        }
        if (p->stage->real && *at > seen) { /* It comes, but a line may be slow. */
            uint64_t more = p->stage->now(p) + TRANSCRIPT_ANSWER_MS + p->rules->slack;
            limit = more > limit ? more : limit;
            seen = *at;
        }
        if (!p->stage->await(p, limit)) {
            return NEEDS_MORE;
        }
    }
}

static bool expect(struct player *p)
{
    size_t at = 0;
    bool early = false;
    if (!p->stage->real) {
        p->earliest = p->stage->now(p);
    }
    uint64_t patience = p->within + p->rules->slack;
    uint64_t limit = p->stage->now(p) + patience;
    if (p->after != 0) {
        early = !keep_quiet(p);
    }
    enum outcome outcome = early ? DIFFERS : await(p, limit, &at);
    p->within = TRANSCRIPT_ANSWER_MS;
    p->after = 0;
    if (early) {
        return differ(p, "came too early", SIZE_MAX);
    }
    if (outcome != MATCHES) {
        bool none = p->got_at == p->got_len;
        char nothing[60];
        (void)snprintf(nothing, sizeof nothing, "nothing came in time (%llu ms)",
                       (unsigned long long)patience);
        return differ(p,
                      outcome == DIFFERS ? "other bytes"
                      : none             ? nothing
                                         : "the rest did not come in time",
                      none ? SIZE_MAX : at);
    }
    p->got_at += at;
    return true;
}

/* ---- Walking ---------------------------------------------------------------------------- */

static bool begin(struct player *p)
{
    p->begun = true;
    return p->stage->begin(p);
}

static bool run_step(struct player *p)
{
    const char *word = p->step->kind == ' ' ? p->step->word : "";
    bool before = strncmp(word, "set ", 4) == 0 || strncmp(word, "virtual", 7) == 0;
    if (!p->begun && !before && !begin(p)) {
        return false;
    }
    switch (p->step->kind) {
    case ' ': return transcript_directive(p);
    case '>': return type(p);
    default: return expect(p);
    }
}

bool transcript_run(struct player *p)
{
    bool ok = true;
    p->within = TRANSCRIPT_ANSWER_MS;
    p->earliest = p->earliest != 0 ? p->earliest : p->stage->now(p);
    while (ok && p->next < p->t->count) {
        p->step = &p->t->steps[p->next++];
        ok = run_step(p);
    }
    if (ok && p->stage->real) {
        gather(p);
    }
    ok = ok && transcript_nothing_left(p);
    const size_t last = p->port;
    for (size_t i = 0; ok && i < p->ports; i++) { /* The other ports have said it by now. */
        p->port = i;
        ok = i == last || transcript_nothing_left(p);
    }
    return ok;
}
