/* SPDX-License-Identifier: MIT */
/*
 * Dialogues as data: a transcript is typed into a module in virtual time and every byte of
 * the answers is compared. The format is described in tests/transcripts/README.md.
 */
#ifndef PM_PLAY_TRANSCRIPT_H
#define PM_PLAY_TRANSCRIPT_H

#include "play/world.h"

#define TRANSCRIPT_STEPS 512
#define TRANSCRIPT_TEXT  131072

/* How the typed bytes are cut into pieces. */
enum transcript_cut {
    TRANSCRIPT_WHOLE,
    TRANSCRIPT_BYTES,  /* one at a time */
    TRANSCRIPT_AT,     /* one cut, before byte `number` of the dialogue */
    TRANSCRIPT_RANDOM, /* pieces of 1-16 bytes from seed `number` */
};

struct transcript_step {
    unsigned line;
    char kind;        /* '>' type, '<' expect, '~' pattern, else first letter of the word */
    const char *word; /* directive */
    uint8_t *bytes;   /* typed or expected; of a directive what follows its first word */
    size_t len;
    long number;
};

struct transcript {
    const char *path;
    struct transcript_step steps[TRANSCRIPT_STEPS];
    size_t count;
    uint8_t text[TRANSCRIPT_TEXT]; /* what `bytes` points into */
    size_t text_len;
    char words[16384];
    size_t words_len;
    size_t typed;    /* bytes typed in all */
    size_t cut_step; /* distance of the cuts to be tried */
    unsigned expectations;
    char error[256];
};

/* Reads a file. False with `error` set when it is not a transcript. */
bool transcript_load(struct transcript *t, const char *path);

/* Plays it once. False with `error` set at the first difference. */
bool transcript_play(struct transcript *t, enum transcript_cut cut, size_t number, bool async);

#endif
