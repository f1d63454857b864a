/* SPDX-License-Identifier: MIT */
/* What came of playing a transcript, in words for a person. */
#ifndef PM_PLAY_REPORT_H
#define PM_PLAY_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum play_verdict { PLAY_PASSED, PLAY_FAILED, PLAY_SKIPPED };

struct play_report {
    enum play_verdict verdict;
    unsigned differences; /* that count */
    unsigned notes;       /* differences that do not, and checks that could not be made */
    bool error;           /* it failed before anything could be compared */
    bool notes_told;      /* set by the player: notes are told once, not in each play */
    bool muted;           /* what is told now belongs to a note that was told */
    double seconds;       /* how long it took */
    char headline[300];   /* the first difference, or why it was skipped; one line */
    char *text;           /* all of it, line by line; after play_report_end() */
    size_t text_len;
    FILE *out; /* what writes `text`; NULL when there was no memory for it */
};

void play_report_begin(struct play_report *report);
/* Completes `text`, which stays the report's until play_report_free(). */
void play_report_end(struct play_report *report);
void play_report_free(struct play_report *report);

/* Counts a difference, or a note, and writes its first line. */
void play_report_difference(struct play_report *report, bool note, const char *line);

/* Counts as a difference, and says that there was nothing to compare: no transcript, or no port. */
void play_report_error(struct play_report *report, const char *line);

/* One line of a difference: a label, and bytes as a person can read them, the part around `mark`
 * where they are many. With `mark` up to `len` another line points at that byte; SIZE_MAX: none. */
void play_report_bytes(struct play_report *report, const char *label, const uint8_t *bytes,
                       size_t len, size_t mark);

/* A longer text, indented; the end of it where it is very long. */
void play_report_text(struct play_report *report, const void *text, size_t len);

/* The last lines of the module's log, PLAY_LOG_SHOWN bytes at most: below all differences, for it
 * mostly holds the reason. Nothing where nothing was logged. */
#define PLAY_LOG_SHOWN 4096U
void play_report_log(struct play_report *report, const char *log, size_t len);

/* Bytes as transcripts write them: \r, \n, \t, \\ and \xHH for what cannot be shown. Returns the
 * length; ends early when `out` is full. */
size_t play_escape(const uint8_t *bytes, size_t len, char *out, size_t size);

#endif
