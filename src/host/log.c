/* SPDX-License-Identifier: MIT */
/* The log: time and level, or journald's priority prefix, before each message. */
#include "host/log.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "base/utf8.h"

static const char *const names[] = {"error", "warning", "info", "debug"};
static const char *const priorities[] = {SD_ERR, SD_WARNING, SD_INFO, SD_DEBUG};

/* JOURNAL_STREAM is device:inode of the socket that systemd gave; standard error may have been
 * redirected since. */
static bool journal_reads(FILE *file)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    if (stream == NULL || fstat(fileno(file), &status) != 0) {
        return false;
    }
    char *end = NULL;
    if (strtoull(stream, &end, 10) != status.st_dev || *end != ':') {
        return false;
    }
    return strtoull(end + 1, &end, 10) == status.st_ino && *end == '\0';
}

void pm_log_init(struct pm_log *log, enum pm_log_level level, const char *name)
{
    log->file = stderr;
    log->level = level;
    log->name = name;
    log->journal = journal_reads(stderr);
}

static void put_head(const struct pm_log *log, enum pm_log_level level)
{
    struct timespec now;
    struct tm utc;
    char text[32];
    if (log->journal) {
        fputs(priorities[level], log->file);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &utc) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc) == 0) {
        text[0] = '\0';
    }
    fprintf(log->file, "%s.%03dZ postmodem: %s: ", text, (int)(now.tv_nsec / 1000000),
            names[level]);
}

/* A control character of Unicode's C0 or C1 sets, or what is no character at all, which a terminal
 * of eight bits may take for one. */
static bool is_control(const uint8_t *text, size_t len)
{
    return len == 0 || (len == 1 && (text[0] < 0x20 || text[0] == 0x7F)) ||
           (len == 2 && text[0] == 0xC2 && text[1] < 0xA0);
}

static void put_text(FILE *file, const char *text, size_t len)
{
    struct pm_slice rest = {(const uint8_t *)text, len};
    while (rest.len > 0) {
        size_t n = pm__utf8_char(rest);
        bool control = is_control(rest.ptr, n);
        n = n > 0 ? n : 1;
        for (size_t i = 0; i < n; i++) {
            if (control) {
                fprintf(file, "\\x%02X", rest.ptr[i]);
            } else {
                putc(rest.ptr[i], file);
            }
        }
        rest.ptr += n;
        rest.len -= n;
    }
}

void pm_log_write(const struct pm_log *log, enum pm_log_level level, const char *text, size_t len)
{
    if (level > log->level) {
        return;
    }
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
        len--;
    }
    flockfile(log->file);
    put_head(log, level);
    if (log->name != NULL && *log->name != '\0') {
        fprintf(log->file, "%s: ", log->name);
    }
    put_text(log->file, text, len);
    putc_unlocked('\n', log->file);
    fflush(log->file);
    funlockfile(log->file);
}

void pm_log_printf(const struct pm_log *log, enum pm_log_level level, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len > 0) {
        pm_log_write(log, level, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
    }
}

void pm_complain(const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fputs("postmodem: ", stderr);
    put_text(stderr, text, strlen(text));
    fputc('\n', stderr);
}

bool pm_log_level_parse(const char *text, enum pm_log_level *level)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *level = (enum pm_log_level)i;
            return true;
        }
    }
    return false;
}
