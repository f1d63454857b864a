/* SPDX-License-Identifier: MIT */
/*
 * Runs the MIME composer over a mail that is held whole in memory, cutting input and output
 * as asked. Every slice lives in a block of exactly its size and is freed at the first moment
 * the contract allows, so that the address sanitizer sees any other use.
 */
#ifndef PM_TEST_COMPOSE_H
#define PM_TEST_COMPOSE_H

#include "postmodem/mime.h"

#define MAIL_MAX_ADDRESSES 128
#define MAIL_MAX_PARTS     16

struct mail_part {
    struct pm_slice name;
    struct pm_slice data;
};

struct mail {
    struct pm_mime_config config; /* body and attachments are filled in by mail_compose() */
    struct pm_slice to[MAIL_MAX_ADDRESSES];
    size_t to_count;
    struct pm_slice cc[MAIL_MAX_ADDRESSES];
    size_t cc_count;
    struct pm_slice body;
    struct mail_part parts[MAIL_MAX_PARTS];
    size_t part_count;
};

/* How input and output are cut. */
struct mail_cuts {
    size_t out;    /* room of each read; 0: 65536 */
    size_t feed;   /* bytes of each feed; 0: all at once */
    size_t first;  /* bytes of the first feed of each text, when not 0 */
    uint32_t seed; /* when not 0: seeded sizes of 1..out and 1..feed */
};

/* A mail that is valid and has nothing in it: sender, Message-ID, boundary and date are set. */
struct mail mail_minimal(void);

/* A string literal as a slice. */
struct pm_slice mail_text(const char *string);

/* The message as one block that the caller frees; *end is the last answer. */
uint8_t *mail_compose(const struct mail *mail, const struct mail_cuts *cuts, size_t *len,
                      enum pm_mime_need *end);

/* xorshift32; the state is never 0. */
uint32_t mail_random(uint32_t *state);

#endif
