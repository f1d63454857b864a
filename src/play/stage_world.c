/* SPDX-License-Identifier: MIT */
/* Transcripts in a world of their own: virtual time, and typed bytes cut in every way. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "play/transcript_player.h"

/* Cuts that are tried; see enum transcript_effort. */
#define RANDOM_CUTS 50U
#define FEW_CUTS    12U
#define SINGLE_CUTS 4096U

static bool begin(struct player *p)
{
    static const char *const names[WORLD_PORTS] = {"usbat", "usbmodem", "uart1"};
    world_begin(p->w, 0);
    if (!p->w->started) {
        return transcript_fail(p, "%s", p->w->failed);
    }
    p->w->port_count = p->ports;
    for (size_t i = 0; i < p->ports && i < WORLD_PORTS; i++) {
        pm_port_init(&p->w->ports[i], &p->w->module, names[i],
                     p->boot_urcs && (p->boot_port == 0 || p->boot_port == i + 1), p->lf_ends_line,
                     p->w->now);
    }
    return true;
}

static uint64_t now(const struct player *p)
{
    return p->w->now;
}

static void drain(struct player *p)
{
    p->got_len += world_read(p->w, p->port, p->got + p->got_len, sizeof p->got - p->got_len);
}

static bool await(struct player *p, uint64_t until)
{
    uint64_t deadline = pm_module_deadline(&p->w->module);
    if (deadline > until) {
        return false;
    }
    world_advance(p->w, deadline);
    return p->w->failed[0] == '\0';
}

static void pass(struct player *p, uint64_t until)
{
    world_advance(p->w, until);
}

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

static bool type(struct player *p, const uint8_t *bytes, size_t len)
{
    size_t done = 0;
    unsigned refused = 0;
    while (done < len) { /* A port that is full of echo takes more once that is read. */
        size_t n =
            pm_port_input(&p->w->ports[p->port], bytes + done, piece(p, len - done), p->w->now);
        world_run(p->w);
        transcript_drain(p);
        done += n;
        p->typed += n;
        refused = n == 0 ? refused + 1 : 0;
        if (refused == 2) {
            return false;
        }
    }
    return true;
}

const struct transcript_stage transcript_world_stage = {
    .begin = begin,
    .now = now,
    .type = type,
    .drain = drain,
    .await = await,
    .pass = pass,
    .directive = transcript_world_directive,
    .real = false,
};

/* ---- Plays ------------------------------------------------------------------------------ */

struct play {
    struct world w;
    struct player p;
};

static bool play_once(struct play *play, struct transcript *t, const struct transcript_rules *rules,
                      enum transcript_cut cut, size_t number, bool later,
                      struct play_report *report)
{
    struct player *p = &play->p;
    world_init(&play->w);
    play->w.async = later;
    play->w.platform.idna = rules->idna != NULL ? rules->idna : play->w.platform.idna;
    memset(p, 0, offsetof(struct player, got));
    p->t = t;
    p->rules = rules;
    p->stage = &transcript_world_stage;
    p->report = report;
    p->w = &play->w;
    p->cut = cut;
    p->number = number;
    p->seed = (unsigned)number;
    p->ports = 1;
    bool ok = transcript_run(p);
    const char *failed = world_end(&play->w);
    ok = ok && (failed[0] == '\0' || transcript_fail(p, "%s", failed)) && report->differences == 0;
    if (!ok) {
        play_report_log(report, play->w.log, play->w.log_len);
    }
    return ok;
}

static struct play *new_play(struct play_report *report)
{
    struct play *play = malloc(sizeof *play);
    if (play == NULL) {
        play_report_difference(report, false, "out of memory");
    }
    return play;
}

bool transcript_play(struct transcript *t, const struct transcript_rules *rules,
                     enum transcript_cut cut, size_t number, bool later, struct play_report *report)
{
    struct play *play = new_play(report);
    bool ok = play != NULL && play_once(play, t, rules, cut, number, later, report);
    free(play);
    return ok;
}

static bool play_cuts(struct play *play, struct transcript *t, const struct transcript_rules *rules,
                      enum transcript_effort effort, bool later, struct play_report *report)
{
    const size_t step = effort == TRANSCRIPT_ALL_CUTS ? t->cut_step : t->typed / 4 + 1;
    const size_t singles = effort == TRANSCRIPT_FEW_CUTS ? 0 : SINGLE_CUTS;
    const size_t seeds = effort == TRANSCRIPT_ALL_CUTS  ? RANDOM_CUTS
                         : effort == TRANSCRIPT_SAMPLED ? 2
                                                        : FEW_CUTS;
    bool ok = play_once(play, t, rules, TRANSCRIPT_WHOLE, 0, later, report);
    report->notes_told = true; /* They are the same in each play. */
    ok = ok && play_once(play, t, rules, TRANSCRIPT_BYTES, 0, later, report);
    for (size_t at = 1; ok && at < t->typed && at <= singles; at += step) {
        ok = play_once(play, t, rules, TRANSCRIPT_AT, at, later, report);
    }
    for (size_t seed = 1; ok && seed <= seeds; seed++) {
        ok = play_once(play, t, rules, TRANSCRIPT_RANDOM, seed, later, report);
    }
    return ok;
}

bool transcript_play_cuts(struct transcript *t, const struct transcript_rules *rules,
                          enum transcript_effort effort, struct play_report *report)
{
    struct play *play = new_play(report);
    bool ok = play != NULL && play_cuts(play, t, rules, effort, false, report) &&
              play_cuts(play, t, rules, effort, true, report);
    free(play);
    return ok;
}
