/* SPDX-License-Identifier: MIT */
/*
 * Dialogues as data: what a host types, and every byte that comes back. The format is described
 * in docs/transcripts.md. A transcript is played in virtual time (transcript_play()), cut in every
 * way (transcript_play_cuts()), or on a real line (live.h).
 */
#ifndef PM_PLAY_TRANSCRIPT_H
#define PM_PLAY_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "play/report.h"
#include "postmodem/types.h"

/* Where an expectation comes from. */
enum transcript_tag {
    TRANSCRIPT_MANUAL = 1,
    TRANSCRIPT_DEVICE = 2,
    TRANSCRIPT_INFERRED = 4,
    TRANSCRIPT_ALL_TAGS = 7
};

/* How the typed bytes are cut into pieces. */
enum transcript_cut {
    TRANSCRIPT_WHOLE,
    TRANSCRIPT_BYTES,  /* one at a time */
    TRANSCRIPT_AT,     /* one cut, before byte `number` of the dialogue */
    TRANSCRIPT_RANDOM, /* pieces of 1-16 bytes from seed `number` */
};

struct transcript_step {
    unsigned line;
    char kind;        /* '>' type, '<' expect, '~' pattern, ' ' directive */
    uint8_t tag;      /* of an expectation: one of enum transcript_tag */
    const char *word; /* directive: its line as it stands */
    uint8_t *bytes;   /* typed or expected; of a directive what follows its first word */
    size_t len;
    size_t word_at, bytes_at; /* while it is read: offsets into the text */
};

struct transcript {
    const char *path; /* the caller's */
    struct transcript_step *steps;
    size_t count, steps_cap;
    uint8_t *text; /* what `bytes` and `word` point into */
    size_t text_len, text_cap;
    size_t typed;    /* bytes typed in all */
    size_t cut_step; /* distance of the cuts to be tried */
    unsigned expectations;
    char error[256]; /* what is wrong with the file, with its name and the line */
};

/* Reads a file. False with `error` set when it is not a transcript. Either way
 * transcript_free() is due; `path` must last until then. */
bool transcript_load(struct transcript *t, const char *path);
/* The same from memory; `path` is the name for messages. */
bool transcript_read(struct transcript *t, const char *path, const char *text, size_t len);
void transcript_free(struct transcript *t);

/* Is "key value" a setting that transcripts may ask for with `set`? False: `err` says why not. */
bool transcript_setting_check(const char *pair, char *err, size_t size);

/* What is the same in all plays of a transcript. */
struct transcript_rules {
    unsigned tags;   /* expectations that are judged; other differences are notes */
    bool keep_going; /* all differences are reported, not the first only */
    unsigned slack;  /* on a real line: ms that every time bound is longer; else 0 */
    /* In virtual time: the platform's `idna`; NULL: a few names that world.c knows. */
    int32_t (*idna)(void *user, struct pm_slice name, uint8_t *out, size_t cap);
};

/* Plays it once in a world of its own, in virtual time. `later`: files and connections do not
 * answer at once. True when nothing differed. The report gets what there is to say. */
bool transcript_play(struct transcript *t, const struct transcript_rules *rules,
                     enum transcript_cut cut, size_t number, bool later,
                     struct play_report *report);

/* How many ways of cutting are tried; each with and without operations that end later. */
enum transcript_effort {
    TRANSCRIPT_FEW_CUTS, /* whole, byte by byte, and a dozen random cuts */
    TRANSCRIPT_SAMPLED,  /* and a cut before every fourth part: for tools that slow things down */
    TRANSCRIPT_ALL_CUTS  /* and one cut before each of the first 4096 bytes */
};

/* Plays it cut in many ways; ends with the first play that fails. */
bool transcript_play_cuts(struct transcript *t, const struct transcript_rules *rules,
                          enum transcript_effort effort, struct play_report *report);

#endif
