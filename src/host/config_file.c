/* SPDX-License-Identifier: MIT */
/* The configuration file: sections, names and values as libinih reads them. */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "host/config.h"

/* Longest line: the longest value and its name. */
#define LINE_SIZE 4096

struct reading {
    struct pm_options *options;
    FILE *file;
    int line; /* of the last line handed out */
    bool failed;
    char why[512];
};

static void fail(struct reading *reading, const char *why)
{
    if (!reading->failed) {
        reading->failed = true;
        snprintf(reading->why, sizeof reading->why, "%d: %s", reading->line, why);
    }
}

/* Hands libinih one line after the other. It would cut a line that is too long and take
 * the rest for a line of its own; and it would end a line at a NUL. */
static char *next_line(char *text, int size, void *user)
{
    struct reading *reading = user;
    if (reading->failed || fgets(text, size, reading->file) == NULL) {
        return NULL;
    }
    reading->line++;
    size_t len = strlen(text);
    if (len == 0 || (text[len - 1] != '\n' && !feof(reading->file))) {
        fail(reading, len + 1 == (size_t)size ? "the line is too long" : "the line holds a NUL");
        return NULL;
    }
    return text;
}

/* A value may stand in double quotes, to keep blanks at its ends. */
static bool unquote(char *text)
{
    size_t len = strlen(text);
    if (text[0] != '"') {
        return true;
    }
    if (len < 2 || text[len - 1] != '"') {
        return false;
    }
    memmove(text, text + 1, len - 2);
    text[len - 2] = '\0';
    return true;
}

static int on_value(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;
    char key[128];
    char text[LINE_SIZE];
    char why[400];
    if (reading->failed) {
        return 0;
    }
    snprintf(key, sizeof key, "%s%s%s", section, *section != '\0' ? "." : "", name);
    snprintf(text, sizeof text, "%s", value);
    if (!unquote(text)) {
        fail(reading, "a value that starts with a quote must end with one");
    } else if (!pm_options_set(reading->options, key, text, why, sizeof why)) {
        fail(reading, why);
    } else if (strstr(key, "password") != NULL && strcmp(key, "mask_password") != 0 &&
               strcmp(key, "smtp.password_file") != 0) {
        reading->options->secret_in_file = true;
    }
    explicit_bzero(text, sizeof text);
    return reading->failed ? 0 : 1;
}

/* A line says what it says: no continued lines, and no comments behind a value, which may well
 * hold a semicolon. */
static void set_syntax(void)
{
    ini_allow_multiline = false;
    ini_allow_inline_comments = false;
    ini_use_stack = false;
    ini_allow_realloc = false;
    ini_max_line = LINE_SIZE;
    ini_initial_alloc = LINE_SIZE;
    ini_stop_on_first_error = true;
}

bool pm_options_file(struct pm_options *options, const char *path, char *err, size_t err_size)
{
    struct reading reading = {.options = options, .file = fopen(path, "re")};
    struct stat status;
    if (reading.file == NULL || fstat(fileno(reading.file), &status) != 0) {
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        if (reading.file != NULL) {
            fclose(reading.file);
        }
        return false;
    }
    set_syntax();
    int result = ini_parse_stream(next_line, &reading, on_value, &reading);
    bool unreadable = ferror(reading.file) != 0;
    fclose(reading.file);
    if (unreadable) {
        snprintf(err, err_size, "%s: cannot be read", path);
    } else if (reading.failed) {
        snprintf(err, err_size, "%s:%s", path, reading.why);
    } else if (result != 0) {
        snprintf(err, err_size, "%s:%d: neither [SECTION] nor NAME = VALUE", path, result);
    }
    if ((status.st_mode & 077) == 0) {
        options->secret_in_file = false;
    }
    return !unreadable && !reading.failed && result == 0;
}
