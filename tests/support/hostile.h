/* SPDX-License-Identifier: MIT */
/*
 * A hostile mail server, as data: cases of tests/hostile/ (its README says how they are written)
 * are played against a whole module in virtual time. What must hold in every case is checked in
 * every run: one result and the right one, at the right time; no other byte sent than those
 * expected; no secret in clear, in the log, in the trace or at the port; nothing left behind.
 */
#ifndef PM_TEST_HOSTILE_H
#define PM_TEST_HOSTILE_H

#include "play/world.h"

enum { HOSTILE_STEPS = 400, HOSTILE_SENT = 1 << 17 };

enum hostile_kind {
    HOSTILE_SERVER,  /* the server sends `text` */
    HOSTILE_CLIENT,  /* the client has sent the line `text` */
    HOSTILE_LIKE,    /* a line like `text`, in which '*' stands for anything */
    HOSTILE_MESSAGE, /* a message with its final dot, or as long as BDAT has announced */
    HOSTILE_PART,    /* as much of a message as the server takes, and not its end */
    HOSTILE_MORE,    /* the rest of that message */
    HOSTILE_TAKE,    /* from now on the server takes `number` bytes more */
    HOSTILE_HOLD,    /* of what BDAT announces it takes all but the last `number` bytes */
    HOSTILE_TLS,     /* the handshake succeeds */
    HOSTILE_CLOSE,   /* the server closes */
    HOSTILE_PAUSE,   /* `number` seconds pass, and there is no result yet */
    HOSTILE_WAIT,    /* the same, and the result comes just then */
    HOSTILE_KEPT,    /* the result `text` has come, and the connection stays open */
    HOSTILE_NEXT,    /* the host sends its mail once more */
    HOSTILE_NEW,     /* the client has left, with QUIT if `text` says so, and opened a new one */
};

struct hostile_step {
    enum hostile_kind kind;
    char *text;
    size_t len;
    uint64_t number;
    unsigned line; /* of the file */
};

struct hostile_case {
    char name[64];
    unsigned tls; /* as AT+QSMTPCFG="ssltype" has it */
    bool account, any, never, race, slow, reuse;
    size_t token; /* its length; 0: none */
    unsigned recipients;
    size_t attachment;
    struct hostile_step steps[HOSTILE_STEPS];
    size_t count;
    unsigned error, code;
    bool quit;    /* QUIT is sent at the end */
    bool kept;    /* and not before the connection has waited for another mail */
    bool unknown; /* the log says that the mail may have been taken */
};

/* How a run is cut. */
struct hostile_cut {
    size_t piece;     /* the server's bytes come so many at a time; 0: as the case says */
    size_t at;        /* and are cut there; 0: not */
    size_t send;      /* bytes the connection takes at a time; 0: all */
    bool async;       /* the platform answers later */
    bool eager;       /* what the client has to say leaves between the pieces of one segment */
    bool impatient;   /* the host waits for a minute, not for 18 hours */
    size_t *received; /* tells how many bytes the server has sent; may be NULL */
};

/* Reads cases and blocks; calls `play` for each case. Fails the test when it cannot be read. */
void hostile_read(const char *name, const char *text, void (*play)(const struct hostile_case *));
/* The same for a file of tests/hostile. */
void hostile_read_file(const char *name, void (*play)(const struct hostile_case *));

/* Plays a case once, on a module that has played others. */
struct hostile;
struct hostile *hostile_begin(const struct hostile_case *c, bool async);
void hostile_run(struct hostile *h, struct hostile_cut cut);
/* A well-behaved server still gets its mail; then the module ends. */
void hostile_end(struct hostile *h);

/* Plays it whole, byte by byte, and with every `step`th cut, at once and later, and once more with
 * an impatient host. */
void hostile_play_step(const struct hostile_case *c, size_t step);
/* At every cut. */
void hostile_play(const struct hostile_case *c);
/* How many cases and runs there were so far. */
unsigned hostile_cases(void);
unsigned hostile_runs(void);

#endif
