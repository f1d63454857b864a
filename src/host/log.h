/* SPDX-License-Identifier: MIT */
/* The log of the program: one line per message on standard error. */
#ifndef PM_HOST_LOG_H
#define PM_HOST_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "postmodem/platform.h"

struct pm_log {
    FILE *file;
    enum pm_log_level level; /* messages beyond it are dropped */
    const char *name;        /* before each message; NULL or "": none */
    bool journal;            /* journald stamps the lines: priority prefix instead of time */
};

/* A log on standard error; it finds out whether journald reads it (JOURNAL_STREAM). `name` tells
 * several modules apart, NULL or "" says nothing; it stays the caller's. */
void pm_log_init(struct pm_log *log, enum pm_log_level level, const char *name);

/* Writes one message. Control characters are escaped; a trailing line end is not needed. */
void pm_log_write(const struct pm_log *log, enum pm_log_level level, const char *text, size_t len);

void pm_log_printf(const struct pm_log *log, enum pm_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "postmodem: " and the text on standard error, for what is wrong with a command line or a
 * configuration. Control characters are escaped: the terminal is not the configuration's to steer.
 */
void pm_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "error", "warning", "info" or "debug"; false when it is none of them. */
bool pm_log_level_parse(const char *text, enum pm_log_level *level);

#endif
