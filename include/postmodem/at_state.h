/* SPDX-License-Identifier: MIT */
/*
 * The state of one AT port, spelled out so that its owner can allocate it.
 *
 * Included by at.h, never by itself. Only `set` is for the owner; everything else
 * belongs to the engine and may change between versions.
 */
#ifndef POSTMODEM_AT_STATE_H
#define POSTMODEM_AT_STATE_H

#ifndef POSTMODEM_AT_H
#error "include postmodem/at.h"
#endif

/* One command as the splitter found it on the line. */
struct pm_at_call {
    const struct pm_at_command *command;
    enum pm_at_form form;
    bool basic;             /* a letter or &letter: `number` counts */
    bool has_number;        /* digits stood behind the name of a basic command */
    struct pm_slice number; /* these digits */
    struct pm_slice params; /* what stood behind '=' (or ATD), up to the ';' */
};

struct pm_at {
    struct pm_at_settings set;

    const struct pm_at_table *table;
    const uint16_t *limits;
    bool lenient;
    bool lf_ends_line;
    bool dtr;         /* the host's DTR as last told */
    uint64_t now;     /* the latest time told */
    uint64_t active;  /* when the last byte came or the last result went */
    bool input_ended; /* what has come is all of a piece (pm_at_input_end) */

    /* The line discipline. `line` holds what stood behind the prefix, for A/ as well. */
    uint8_t line_state; /* hunting, 'A' seen, inside a line, discarding to its end */
    uint8_t line_a;     /* the 'A' as it was typed, for its echo */
    bool line_quoted;   /* inside an open quote */
    bool line_bad;      /* the kept line was too long */
    bool line_ready;    /* a whole line waits to be run, or is being run */
    size_t line_len;
    size_t line_pos;        /* where the next command of the line starts */
    struct pm_at_call call; /* the command of the last event */
    bool running;           /* a command event was given, its result is to come */
    bool muted;             /* the host left meanwhile: the reply is dropped */

    /* Input that could not be used at once: data-mode bytes, then type-ahead. */
    size_t data_begin, data_end; /* data-mode bytes the owner has not acknowledged */
    size_t raw_begin, raw_end;   /* bytes not looked at yet */
    size_t raw_mark;             /* the first of them that came at `raw_time` */
    uint64_t raw_time;
    uint32_t dropped; /* command lines that overflowed and are still to be answered ERROR */
    bool raw_skip;    /* the line that overflows has not ended yet */

    /* Data mode. */
    uint8_t data_state; /* none, before CONNECT, open, ended, end reported */
    bool data_out;      /* towards the host */
    bool data_used;     /* this command has opened data mode: CME errors are numbers */
    bool data_lent;     /* an event's slice is with the owner */
    bool data_short;    /* the last piece was not taken whole: no silence since */
    bool data_line_end; /* the end of the command line may still be coming in */
    bool data_stalled;  /* idle time stands still until the owner has taken all bytes */
    uint8_t data_plus;  /* pluses held back */
    enum pm_at_data_end data_reason;
    uint32_t data_told; /* the count behind CONNECT, 0: none */
    uint32_t data_left; /* bytes until the counted end */
    uint32_t data_total_ms, data_idle_ms;
    uint64_t data_connect;    /* when CONNECT is due, then when it was printed */
    uint64_t data_last;       /* arrival of the last byte that is no held plus, or CONNECT */
    uint64_t data_piece;      /* from when the idle time counts */
    uint64_t data_plus_first; /* arrival of the first and the last held plus */
    uint64_t data_plus_last;

    /* Output: what the host may have, then what is held until the result. */
    size_t out_begin, out_visible, out_end;
    size_t info_begin; /* where the open information line starts */
    bool info_open;
    bool info_lost;  /* the open line did not fit */
    bool info_first; /* no information line of this command so far */

    /* URCs: each a header (its time and length) and its text, oldest first. */
    size_t urc_len;

    /* Last, and not looked at before they are filled: memory that is never touched costs an owner
     * with an operating system nothing. */
    uint8_t line[PM_AT_LINE_SIZE];
    uint8_t in[PM_AT_IN_SIZE];
    uint8_t out[PM_AT_OUT_SIZE];
    uint8_t urc[PM_AT_URC_SIZE];
};

#endif
