/* SPDX-License-Identifier: MIT */
/* The stage in real time: waits for bytes, never for time alone, but where the transcript does. */
#include "play/live.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "play/live_internal.h"

static volatile sig_atomic_t interrupted;

void live_interrupt(void)
{
    interrupted = 1;
}

bool live_interrupted(void)
{
    return interrupted != 0;
}

uint64_t live_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

short live_poll(int fd, short events, uint64_t until)
{
    struct pollfd state = {.fd = fd, .events = events};
    for (;;) {
        uint64_t now = live_now();
        if (now >= until && now - until > LIVE_PATIENCE_MS) {
            return 0; /* It is ready for ever: nobody waits for the end of a flood. */
        }
        uint64_t left = until > now ? until - now : 0;
        int n = poll(&state, 1, left > 60000 ? 60000 : (int)left);
        if (n > 0) {
            return state.revents;
        }
        if ((n < 0 && errno != EINTR) || live_interrupted() || live_now() >= until) {
            return 0;
        }
    }
}

static struct live_line *line_of(const struct player *p)
{
    return &p->live->lines[p->port];
}

/* ---- The stage -------------------------------------------------------------------------- */

static uint64_t now(const struct player *p)
{
    (void)p;
    return live_now();
}

static bool begin(struct player *p)
{
    (void)p; /* The module is there already. */
    return true;
}

static bool type(struct player *p, const uint8_t *bytes, size_t len)
{
    return live_line_write(line_of(p), bytes, len);
}

static void drain(struct player *p)
{
    live_line_read(line_of(p));
}

static bool await(struct player *p, uint64_t until)
{
    const struct live_line *line = line_of(p);
    bool ready = !line->ended && live_poll(line->fd, POLLIN, until) != 0;
    if (live_interrupted()) {
        p->trouble = "interrupted";
        return false;
    }
    return ready;
}

static void pass(struct player *p, uint64_t until)
{
    while (live_now() < until && !live_interrupted()) {
        const struct live_line *line = line_of(p);
        (void)live_poll(line->ended ? -1 : line->fd, POLLIN, until);
        transcript_drain(p);
    }
}

static const struct transcript_stage stage = {
    .begin = begin,
    .now = now,
    .type = type,
    .drain = drain,
    .await = await,
    .pass = pass,
    .directive = live_directive,
    .real = true,
};

/* ---- Lines typed before a transcript ---------------------------------------------------- */

/* True when what came ends with a final result code, verbose or numeric. */
static bool is_final(const uint8_t *got, size_t len)
{
    static const char *const ends[] = {"OK\r\n", "ERROR\r\n", "\r0\r", "\n0\r", "\r4\r", "\n4\r"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t n = strlen(ends[i]);
        if (len >= n && memcmp(got + len - n, ends[i], n) == 0) {
            return true;
        }
    }
    const uint8_t *error = len != 0 ? memmem(got, len, "+CME ERROR: ", 12) : NULL;
    return error != NULL && got[len - 1] == '\n';
}

static bool type_before(struct player *p, const char *command)
{
    uint8_t text[1024];
    size_t len = strlen(command);
    if (len + 1 > sizeof text) {
        return transcript_fail(p, "a line before it is too long");
    }
    memcpy(text, command, len);
    text[len] = '\r';
    p->got_at = p->got_len;
    transcript_drain(p);
    p->got_at = p->got_len;
    bool ok = live_line_write(line_of(p), text, len + 1);
    uint64_t limit = live_now() + LIVE_PATIENCE_MS + p->rules->slack;
    while (ok && !is_final(p->got + p->got_at, p->got_len - p->got_at)) {
        ok = await(p, limit);
        transcript_drain(p);
    }
    p->got_at = p->got_len;
    return ok || transcript_fail(p, "%s is not answered by %s", command, line_of(p)->where);
}

static bool prepare(struct player *p)
{
    bool ok = true;
    for (p->port = 0; ok && p->port < p->ports; p->port++) {
        for (size_t i = 0; ok && i < p->live->options->before_count; i++) {
            ok = type_before(p, p->live->options->before[i]);
        }
    }
    p->port = 0;
    return ok;
}

/* ---- A play ----------------------------------------------------------------------------- */

bool live_starts_module(const struct live_options *options)
{
    return options->port_count == 1 && strchr(options->ports[0], ':') == NULL &&
           live_is_kind(options->ports[0]);
}

static bool open_lines(struct player *p)
{
    char err[300] = "";
    char line[LIVE_PATH + sizeof err];
    for (size_t i = 0; i < p->ports; i++) {
        if (!live_line_open(&p->live->lines[i], err, sizeof err)) {
            (void)snprintf(line, sizeof line, "%s: %s", p->live->lines[i].where, err);
            play_report_error(p->report, line); /* No line of the transcript is to blame. */
            return false;
        }
    }
    return true;
}

static bool run(struct player *p)
{
    bool own = live_starts_module(p->live->options);
    bool ok = live_check(p);
    if (ok) {
        ok = (own ? live_child_start(p) : open_lines(p)) && prepare(p) && transcript_run(p) &&
             (!live_interrupted() || transcript_fail(p, "interrupted"));
        for (size_t i = 0; i < p->ports; i++) {
            live_line_close(&p->live->lines[i]);
        }
    }
    ok = live_child_end(p) && ok;
    return ok && p->report->verdict == PLAY_PASSED;
}

bool live_play(struct transcript *t, const struct transcript_rules *rules,
               const struct live_options *options, struct play_report *report)
{
    struct player *p = calloc(1, sizeof *p);
    struct live *live = calloc(1, sizeof *live);
    bool ok = false;
    if (p != NULL && live != NULL) {
        p->t = t;
        p->rules = rules;
        p->stage = &stage;
        p->report = report;
        p->step = t->steps;
        p->live = live;
        p->ports = 1;
        live->options = options;
        live->child.out = -1;
        for (size_t i = 0; i < LIVE_PORTS; i++) {
            live->lines[i] = (struct live_line){.fd = -1, .held = -1, .player = p};
            (void)snprintf(live->lines[i].where, sizeof live->lines[i].where, "%s",
                           i < options->port_count ? options->ports[i] : "");
        }
        ok = run(p);
    } else {
        play_report_error(report, "out of memory");
    }
    free(live);
    free(p);
    return ok;
}
