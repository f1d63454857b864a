/* SPDX-License-Identifier: MIT */
/* What the parts of the transcript player share: its state, and the directives. */
#ifndef PM_PLAY_TRANSCRIPT_PLAYER_H
#define PM_PLAY_TRANSCRIPT_PLAYER_H

#include "play/transcript.h"

/* Time a local answer may take (SD45). */
#define TRANSCRIPT_ANSWER_MS 300U

struct player {
    struct transcript *t;
    struct world *w;
    const struct transcript_step *step;
    enum transcript_cut cut;
    size_t number;
    size_t typed;
    unsigned seed;
    size_t port;
    uint64_t within, after;
    size_t got_len, got_at;
    bool begun;
    size_t ports;
    bool lf_ends_line, boot_urcs;
    size_t boot_port;    /* the one port with boot URCs, counted from 1; 0: each */
    bool deaf;           /* the host does not read */
    uint8_t got[262144]; /* what came; last, for it need not be cleared */
};

/* Sets the error of the transcript; returns false. */
bool transcript_fail(struct player *p, const char *format, ...);
/* Takes what the port has for its host. */
void transcript_drain(struct player *p);
/* False, with the error set, when something came that nobody expected. */
bool transcript_nothing_left(struct player *p);

/* transcript_directives.c: starts the module with the settings made so far. False,
 * with the error set, when it does not start with them. */
bool transcript_begin(struct player *p);
/* Does what the directive of the present step says. */
bool transcript_directive(struct player *p);

#endif
