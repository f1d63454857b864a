/* SPDX-License-Identifier: MIT */
/*
 * A walk through the life of a module with three ports: hosts that upload, send mail, restart the
 * module, leave and do not read, over a platform that fails and answers late and in any order.
 * Whatever happens, every command line has exactly one final result, no deadline stays, what the
 * platform was lent stays as it was, and nothing is left behind.
 *
 * Where a walk goes is drawn from numbers of the caller's: random ones, or those of a fuzzer.
 */
#ifndef PM_TEST_WALK_H
#define PM_TEST_WALK_H

#include "play/world.h"

enum { WALK_PORTS = 3, WALK_LINE = 512 };

/* A host at one port, and what it still waits for. */
struct walk_host {
    unsigned pending;  /* final results to come */
    bool in_data;      /* CONNECT was seen */
    bool restarts;     /* its line restarts the module */
    bool again;        /* and so would A/ */
    bool blind;        /* has typed anything: its results are not counted until it leaves */
    char unsent[4096]; /* bytes the port did not take */
    size_t unsent_len;
    char line[WALK_LINE]; /* the line that is being read */
    size_t line_len;
};

/* Memory lent to the platform until an operation ends. */
struct walk_loan {
    struct pm_op *op;
    uint8_t *memory; /* to be filled at the end; NULL: `lent` must not change */
    const uint8_t *lent;
    uint8_t *copy;
    size_t len;
};

struct walk {
    struct world w;           /* first: the platform's `user` is the world, and so the walk */
    struct pm_platform below; /* the world's own platform */
    struct walk_host hosts[WALK_PORTS];
    struct walk_loan loans[WORLD_OPS];
    uint32_t restarts; /* begun so far */
    unsigned mails_told;
    unsigned handle; /* the last file that was opened */
    unsigned opens, writes;
    bool anything;            /* some host has typed anything: settings may be odd */
    uint64_t typed, told;     /* bytes to and from all ports */
    uint64_t sum[WALK_PORTS]; /* of the bytes from each port, in their order */
    bool steady;  /* the platform answers at once and never fails: `sum` cannot depend on pieces */
    size_t piece; /* how many bytes a port gets at once, 0: all */
    uint32_t (*draw)(void *user, uint32_t below); /* the next number, 0 to below - 1 */
    void (*broken)(void *user, const char *what); /* does not return */
    void *user;
};

/* Starts a module whose settings are drawn. `draw`, `broken` and `user`, and where
 * wanted `steady` and `piece`, are set before. */
void walk_begin(struct walk *p);
/* One thing happens. */
void walk_step(struct walk *p);
/* The world does its best, all must end, and every port answers. Then the module ends. */
void walk_end(struct walk *p);

/* A host that waits for nothing types a line made from a row of the command table. */
void walk_table_command(struct walk *p, size_t port);
/* Types any bytes; nothing is known of this host's results until it leaves. */
void walk_type(struct walk *p, size_t port, const void *bytes, size_t len);
/* The mail server says something, when there is a connection. */
void walk_server_says(struct walk *p, const void *bytes, size_t len);
/* Time passes while operations stay pending. */
void walk_pass(struct walk *p, uint64_t ms);
/* What a mail needs is preset. */
void walk_preset(struct walk *p);

/* A number below `below`. */
uint32_t walk_draw(struct walk *p, uint32_t below);
void walk_check(struct walk *p, bool good, const char *what);

/* walk_lines.c: a line for one command of the table, ended by CR. Returns its length. */
size_t walk_line(struct walk *p, char *line, size_t size);

/* walk_platform.c: the platform of the world, which watches what it is lent. */
void walk_platform(struct walk *p);
void walk_give_back(struct walk *p, const struct pm_op *op, bool cancelled);

#endif
