/* SPDX-License-Identifier: MIT */
/*
 * What the files of the AT engine share. Each pm__at_ function below belongs to
 * the file named above its group.
 */
#ifndef PM_AT_INTERNAL_H
#define PM_AT_INTERNAL_H

#include "postmodem/at.h"

/* line_state */
enum {
    PM__LINE_HUNT,    /* between lines: everything but a prefix is noise */
    PM__LINE_A,       /* the 'A' of a prefix was seen */
    PM__LINE_BODY,    /* behind the prefix */
    PM__LINE_DISCARD, /* the body is too long: wait for its end */
};

/* data_state */
enum {
    PM__DATA_NONE,
    PM__DATA_WAIT, /* CONNECT is not due yet: input is discarded */
    PM__DATA_OPEN,
    PM__DATA_ENDED,   /* over, PM_AT_EV_DATA_END is still to be given */
    PM__DATA_REPORTED /* over and told; the command still runs */
};

enum {
    PM__LF = 0x0A,
    PM__BS = 0x08,
    PM__DEL = 0x7F,
    /* Kept back for what must always fit behind information lines: the end of an open
     * line, CONNECT, the longest final result. */
    PM__OUT_RESERVE = 160,
    /* Room for the longest echo of one character. */
    PM__ECHO_MOST = 4,
    /* Input bytes kept back so that released pluses always fit. */
    PM__PLUS_ROOM = 3,
    /* V.250 and SD47: silence around +++, and the longest time of the three, in ms. */
    PM__GUARD_MS = 1000,
    /* SD37: a half-typed line of this age is taken for noise, in ms. */
    PM__HALF_TYPED_MS = 2000
};

_Static_assert(PM_AT_OUT_SIZE >= PM_AT_REPLY_ROOM + PM__OUT_RESERVE,
               "the output buffer must hold a reply and an echo");
_Static_assert(PM_AT_REPLY_ROOM >= 2 * PM__OUT_RESERVE, "a reply needs room for its result");
_Static_assert(PM_AT_IN_SIZE >= 64, "the input buffer must hold a short line");
_Static_assert(PM_AT_MAX_PARAMS >= 2, "S registers have two parameters");
_Static_assert((PM_AT_INDEX_SLOTS & (PM_AT_INDEX_SLOTS - 1)) == 0, "slots are masked");

static inline uint8_t pm__at_upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - ('a' - 'A')) : c;
}

static inline bool pm__at_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* A command line is being run, or a whole one waits for it. */
static inline bool pm__at_line_busy(const struct pm_at *at)
{
    return at->running || at->line_ready;
}

/* ---- reply.c: output buffer and framing ---- */

/* Free bytes of the output buffer. */
size_t pm__at_free(const struct pm_at *at);
/* Appends bytes that surely fit; they stay held until pm__at_show(). */
void pm__at_emit(struct pm_at *at, const uint8_t *data, size_t len);
/* Lets the host have all that was appended. */
void pm__at_show(struct pm_at *at);
/* One text framed as an information line or URC of its own. */
void pm__at_emit_line(struct pm_at *at, const uint8_t *text, size_t len);
/* A final result without the rest of its bookkeeping. */
void pm__at_emit_result(struct pm_at *at, enum pm_at_result result);
/* CONNECT, or CONNECT and a number when `count` is not 0. */
void pm__at_emit_connect(struct pm_at *at, uint32_t count);
/* Throws away all output, also that which is held. */
void pm__at_clear_output(struct pm_at *at);
/* A new command starts: its first information line will have a header. */
void pm__at_begin_reply(struct pm_at *at);
/* The line is over: what it printed goes to the host, and the next line may start. */
void pm__at_finish_line(struct pm_at *at);

/* ---- queue.c: type-ahead and data-mode bytes ---- */

static inline bool pm__at_has_raw(const struct pm_at *at)
{
    return at->raw_begin < at->raw_end;
}

static inline bool pm__at_has_data(const struct pm_at *at)
{
    return at->data_begin < at->data_end;
}

/* Moves what is kept together, towards the front, as far as the owner's slice allows. */
void pm__at_pack(struct pm_at *at);
/* Keeps bytes for later; returns how many fitted. With `drop` whole lines make room. */
size_t pm__at_keep(struct pm_at *at, const uint8_t *data, size_t len, bool drop);
/* The first `n` kept bytes have been used. */
void pm__at_used_raw(struct pm_at *at, size_t n);
/* Forgets type-ahead, but for bytes that came at `since` or later. */
void pm__at_forget(struct pm_at *at, uint64_t since);

/* ---- line.c: line discipline ---- */

/*
 * Feeds command-mode bytes. Stops behind the byte that completes a line
 * (line_ready is then set) and when the output is full. Returns the bytes used.
 */
size_t pm__at_line_feed(struct pm_at *at, const uint8_t *data, size_t len);

/* ---- split.c: the commands of a line ---- */

enum pm__at_split {
    PM__SPLIT_COMMAND, /* one command was found, `call` describes it */
    PM__SPLIT_END,     /* nothing is left */
    PM__SPLIT_ERROR    /* no such command or form, or not a command at all */
};

/* Takes the next command of the line into at->call and moves line_pos behind it. */
enum pm__at_split pm__at_split(struct pm_at *at);
/* False when a command that opens data mode stands before another one (SD61). */
bool pm__at_line_allowed(const struct pm_at *at);

/* ---- data.c: data mode ---- */

/*
 * Feeds bytes while data mode waits or is open; returns the bytes used. `kept`
 * says that they stand in the input buffer already.
 */
size_t pm__at_data_feed(struct pm_at *at, const uint8_t *data, size_t len, bool kept);
/* Lets time act on data mode. */
void pm__at_data_time(struct pm_at *at);
/* When time acts on it next, or PM_NEVER. */
uint64_t pm__at_data_deadline(const struct pm_at *at);
/* Ends open or waiting data mode; held pluses become data. */
void pm__at_data_stop(struct pm_at *at, enum pm_at_data_end reason);
/* The command is over: no data mode any more. */
void pm__at_data_reset(struct pm_at *at);
/* True while input belongs to data mode. */
static inline bool pm__at_data_eats(const struct pm_at *at)
{
    return at->data_state == PM__DATA_WAIT || at->data_state == PM__DATA_OPEN;
}

/* ---- urc.c: unsolicited result codes ---- */

/* Prints the URCs whose time has come. */
void pm__at_urc_run(struct pm_at *at);
uint64_t pm__at_urc_deadline(const struct pm_at *at);

#endif
