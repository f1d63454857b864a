/* SPDX-License-Identifier: MIT */
/*
 * The file of a trace. A record that cannot be written, on a full disk above all, is missing: the
 * next one is tried again, and the log says how many are missing.
 */
#include "host/trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/log.h"

/* A disk that is full now and then must not fill the log: this long nothing more is said. */
#define QUIET_S 60

struct pm_trace {
    const struct pm_log *log;
    int fd;
    bool begun;              /* the present record has */
    bool skips;              /* what is left of it: the file did not take the rest */
    bool torn;               /* the file ends amid a line */
    bool told;               /* the log knows that records are missing */
    unsigned long long lost; /* records, since the log was told how many are missing */
    time_t quiet_until;      /* on the monotonic clock */
    size_t len;
    char text[8192]; /* of the present record, as far as it is not written */
};

struct pm_trace *pm_trace_open(const char *path, const struct pm_log *log, char *err,
                               size_t err_size)
{
    struct stat status;
    struct pm_trace *trace = calloc(1, sizeof *trace);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
    if (trace == NULL || fd < 0) {
        snprintf(err, err_size, "trace file %s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        free(trace);
        return NULL;
    }
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        /* A file from an earlier run may be readable for others. */
        (void)fchmod(fd, 0600);
    }
    trace->log = log;
    trace->fd = fd;
    return trace;
}

/* ---- What the log is told ------------------------------------------------------- */

static bool may_speak(const struct pm_trace *trace, time_t *now)
{
    struct timespec monotonic;
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    *now = monotonic.tv_sec;
    return *now >= trace->quiet_until;
}

static void say_failed(struct pm_trace *trace, int error)
{
    time_t now;
    trace->lost++;
    if (!trace->told && may_speak(trace, &now)) {
        trace->told = true;
        trace->quiet_until = now + QUIET_S;
        pm_log_printf(trace->log, PM_LOG_WARNING, "the trace cannot be written: %s",
                      strerror(error));
    }
}

static void say_missing(struct pm_trace *trace, const char *what)
{
    pm_log_printf(trace->log, PM_LOG_WARNING, "%s; missing lines: %llu", what, trace->lost);
    trace->lost = 0;
    trace->told = false;
}

static void say_written(struct pm_trace *trace)
{
    time_t now;
    if (trace->lost == 0) {
        return;
    }
    bool may = may_speak(trace, &now);
    if (may) {
        trace->quiet_until = now + QUIET_S;
    }
    if (trace->told || may) {
        say_missing(trace, "the trace is written again");
    }
}

/* ---- Writing --------------------------------------------------------------------- */

static bool write_all(struct pm_trace *trace, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(trace->fd, text, len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        if (n > 0) {
            trace->torn = text[n - 1] != '\n';
            text += n;
            len -= (size_t)n;
        }
    }
    return true;
}

static void flush(struct pm_trace *trace)
{
    if (!trace->skips && !write_all(trace, trace->text, trace->len)) {
        trace->skips = true;
        say_failed(trace, errno);
    }
    trace->len = 0;
}

void pm__trace_put(struct pm_trace *trace, const char *text, size_t len)
{
    if (!trace->begun) {
        trace->begun = true;
        if (trace->torn) {
            trace->text[trace->len++] = '\n';
        }
    }
    while (len > 0) {
        size_t room = sizeof trace->text - trace->len;
        size_t n = len < room ? len : room;
        memcpy(trace->text + trace->len, text, n);
        trace->len += n;
        text += n;
        len -= n;
        if (trace->len == sizeof trace->text) {
            flush(trace);
        }
    }
}

void pm__trace_commit(struct pm_trace *trace)
{
    flush(trace);
    if (!trace->skips) {
        say_written(trace);
    }
    trace->begun = false;
    trace->skips = false;
}

void pm_trace_close(struct pm_trace *trace)
{
    if (trace == NULL) {
        return;
    }
    if (trace->lost > 0) {
        say_missing(trace, "the trace ends");
    }
    close(trace->fd);
    free(trace);
}
