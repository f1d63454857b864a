/* SPDX-License-Identifier: MIT */
/*
 * A port of the AT engine with a small command table and an owner that runs it
 * in virtual time; dialogues as data, replayed with the input cut in every way.
 *
 * The commands: E V Q X Z &F &D S I D O as on a module, and
 *   +NUM=<n 1-16>[,<m 0-1>[,<k>]]  prints what was parsed; error 664
 *   +STR=<a up to limit 1>[,<b>]   the same; plain ERROR
 *   +TOK=<token>                   the same
 *   +KEY="pair",<a>,<b> | "one",<n 0-2> | "bare"
 *   +LINES=<n>                     n information lines
 *   +SLOW=<ms>                     OK after that time, after an information line
 *   +CME=<n>                       +CME ERROR
 *   +UP=<length>[,<total s>[,<idle s>]]  data mode in; prints length, sum and how it ended
 *   +DOWN=<n>[,<count>]            data mode out, n bytes, then an information line; with a count
 *                                  CONNECT tells it
 *   +URC=<ms>,<text>               OK, and a URC at the earliest after ms
 */
#ifndef PM_TEST_AT_RIG_H
#define PM_TEST_AT_RIG_H

#include <stdio.h>

#include "postmodem/at.h"

enum { AT_RIG_OUT = 1 << 20, AT_RIG_BODY = 1 << 20 };

struct at_rig_config {
    bool lenient;
    bool lf_ends_line;
    bool no_delay;      /* CONNECT at once instead of after 10 ms */
    size_t ack_step;    /* bytes of output read at a time, 0: all */
    size_t data_step;   /* data-mode bytes taken at a time, 0: all */
    uint32_t data_wait; /* ms the owner takes over each piece of data */
};

struct at_rig {
    struct pm_at at;
    struct at_rig_config config;
    struct pm_at_table table;
    uint64_t now;
    uint64_t slow_until; /* +SLOW: when its result comes */
    uint64_t data_until; /* when the owner is done with the piece it holds */
    size_t data_held;
    uint32_t down_left; /* +DOWN: bytes to go */
    bool downloading;
    uint32_t lines_next, lines_end; /* +LINES: the lines to go */
    bool printing;
    bool deaf; /* the host reads nothing */
    unsigned commands, results;
    size_t body_len;
    size_t out_len;
    size_t out_beyond; /* bytes that `out` could not hold */
    /* How much of `out` had been read when the host was lost, for the first and the last time. */
    size_t first_lost, last_lost;
    bool lost;
    /* Not cleared at start. */
    uint8_t body[AT_RIG_BODY];
    char out[AT_RIG_OUT];
};

void at_rig_init(struct at_rig *rig, const struct at_rig_config *config);
/* Offers bytes until all are taken. Returns those that a deaf host's port did not take. */
size_t at_rig_input(struct at_rig *rig, const void *data, size_t len);
/* Lets time pass, with a tick at each deadline on the way. */
void at_rig_to(struct at_rig *rig, uint64_t time);
/* Takes events and output until there are none; after any direct call on rig->at. */
void at_rig_settle(struct at_rig *rig);

/* ---- Dialogues ---- */

enum at_step_kind {
    AT_STEP_INPUT,
    AT_STEP_INPUT_END,
    AT_STEP_WAIT,
    AT_STEP_URC,
    AT_STEP_DTR_DROP,
    AT_STEP_LOST
};

struct at_step {
    uint32_t time; /* ms since the start */
    enum at_step_kind kind;
    const char *text;
    size_t len;
};

#define AT_SAY(time, text)                               \
    {                                                    \
        (time), AT_STEP_INPUT, "" text, sizeof(text) - 1 \
    }
#define AT_URC(time, text)                             \
    {                                                  \
        (time), AT_STEP_URC, "" text, sizeof(text) - 1 \
    }
#define AT_DO(time, kind)       \
    {                           \
        (time), (kind), NULL, 0 \
    }

/* Plays the steps: each input cut by `cut`, which tells the length of the next piece. */
struct at_cut {
    size_t (*next)(void *state, size_t step, size_t pos, size_t left);
    void *state;
};
void at_play(struct at_rig *rig, const struct at_step *steps, size_t count,
             const struct at_cut *cut);

/*
 * Plays the steps whole, byte by byte, with every two-part cut of every input, at random
 * cuts, and for a host that reads slowly; the output must always be `expected`.
 */
void at_check(const struct at_rig_config *config, const struct at_step *steps, size_t count,
              const char *expected, size_t expected_len);

#define AT_CHECK(config, steps, expected)                                        \
    at_check((config), (steps), sizeof(steps) / sizeof((steps)[0]), "" expected, \
             sizeof(expected) - 1)

/* One input at time 0 under the default configuration. */
#define AT_LINE(input, expected)                                \
    do {                                                        \
        const struct at_step line_steps[] = {AT_SAY(0, input)}; \
        AT_CHECK(NULL, line_steps, expected);                   \
    } while (0)

/* The same without echo: ATE0 is typed before it and its answer is expected, too. */
#define AT_QUIET                  "ATE0\r\r\nOK\r\n"
#define AT_REPLY(input, expected) AT_LINE("ATE0\r" input, AT_QUIET expected)

#endif
