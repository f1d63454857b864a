/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the player share. The player walks through the steps; a stage is what they
 * are played on: the world in virtual time (stage_world.c), or a real line (live.c).
 */
#ifndef PM_PLAY_TRANSCRIPT_PLAYER_H
#define PM_PLAY_TRANSCRIPT_PLAYER_H

#include "play/directives.h"
#include "play/transcript.h"
#include "play/world.h"

/* Time a local answer may take (SD45). */
#define TRANSCRIPT_ANSWER_MS 300U
/* The longest time a transcript may ask for: a week. */
#define TRANSCRIPT_LONGEST_MS 604800000UL

struct player;
struct live;

struct transcript_stage {
    /* Brings the module up with the settings made so far. */
    bool (*begin)(struct player *p);
    /* Milliseconds of this stage's clock. */
    uint64_t (*now)(const struct player *p);
    /* Types bytes on the present port. */
    bool (*type)(struct player *p, const uint8_t *bytes, size_t len);
    /* Takes what the present port has for its host. */
    void (*drain)(struct player *p);
    /* Waits until something may have come, not beyond `until`. False when nothing can come any
     * more before then. */
    bool (*await)(struct player *p, uint64_t until);
    /* Lets time pass; what comes is kept. */
    void (*pass)(struct player *p, uint64_t until);
    /* Does what the directive of the present step says. */
    bool (*directive)(struct player *p, const char *name, size_t len, const char *rest);
    /* On a real line: things happen some time after they were asked for, and before they are
     * seen; what is typed without a pause is written at once. */
    bool real;
};

extern const struct transcript_stage transcript_world_stage;

struct player {
    struct transcript *t;
    const struct transcript_rules *rules;
    const struct transcript_stage *stage;
    struct play_report *report;
    const struct transcript_step *step; /* the present one */
    size_t next;                        /* index of the one behind it */
    const struct transcript_step *last; /* the step that typed last, or NULL */
    size_t port;
    size_t ports;
    uint64_t within, after; /* bounds of the next expectation, ms */
    /* What the clock is at least at this step. On a real line only what the transcript waits
     * counts: what comes may have been caused by any earlier step. */
    uint64_t earliest;
    const char *trouble; /* what is wrong with the line, or NULL */
    bool begun;
    bool lf_ends_line, boot_urcs;
    size_t boot_port; /* the one port with boot URCs, counted from 1; 0: each */

    /* The world and how it is cut; or the line. */
    struct world *w;
    enum transcript_cut cut;
    size_t number;
    size_t typed;
    unsigned seed;
    bool deaf; /* the host does not read */
    struct live *live;

    size_t got_len, got_at;
    uint8_t got[262144]; /* what came; last, for it need not be cleared */
};

/* Plays all steps on a stage. True when nothing differed. */
bool transcript_run(struct player *p);

/* Reports what went wrong at the present step, with the place; returns false. */
bool transcript_fail(struct player *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same for something that does not count: the play goes on. */
void transcript_note(struct player *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Reports a look at what was sent that found something else; returns whether the play goes on. */
bool transcript_amiss(struct player *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Takes what the port has for its host. */
void transcript_drain(struct player *p);
/* False, with a report, when something came that nobody expected. */
bool transcript_nothing_left(struct player *p);

/* transcript_directives.c: does what the directive of the present step says. */
bool transcript_directive(struct player *p);
/* The same in the world. */
bool transcript_world_directive(struct player *p, const char *name, size_t len, const char *rest);
/* How often "flood N text" floods, and where in the step's bytes the text begins. False, with a
 * report, when there is none or it is too much. */
bool transcript_flood(struct player *p, const char *rest, unsigned long *times, size_t *skip);
/* Looks for the bytes of the step, a directive whose name ends in -has or -lacks. Returns whether
 * the play goes on. */
bool transcript_look(struct player *p, const void *text, size_t len);

/* transcript_settings.c: "key value", before the module comes up. */
bool transcript_setting(struct player *p, const char *pair);

#endif
