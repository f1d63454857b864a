/* SPDX-License-Identifier: MIT */
/* The configuration file: sections, names and values as libinih reads them. */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "host/configuration.h"

/* Longest line: the longest value and its name. */
#define LINE_SIZE 4096

/* Longest name of a section, without `module NAME`. */
#define SECTION_SIZE 64

struct reading {
    struct pm_configuration *configuration;
    struct pm_described *module; /* whose section this is; NULL: outside of modules */
    char section[SECTION_SIZE];  /* what stands before the names in it */
    struct pm_setting_place place;
    FILE *file;
    bool secret; /* a password was among the values */
    bool failed;
    char why[512];
    char buffer[4096]; /* of `file`: a password goes through it */
};

static void fail(struct reading *reading, const char *why)
{
    if (!reading->failed) {
        reading->failed = true;
        snprintf(reading->why, sizeof reading->why, "%d: %s", reading->place.line, why);
    }
}

/* Takes blanks off both ends. */
static void trim(const char **text, size_t *len)
{
    const char *blanks = " \t";
    while (*len > 0 && strchr(blanks, **text) != NULL) {
        (*text)++;
        (*len)--;
    }
    while (*len > 0 && strchr(blanks, (*text)[*len - 1]) != NULL) {
        (*len)--;
    }
}

/* "module NAME" or "module NAME REST": the module; what is left in `text`. */
static bool begin_module(struct reading *reading, const char **text, size_t *len)
{
    static const char word[] = "module";
    char why[200];
    size_t blank = strlen(word);
    reading->module = NULL;
    if (*len < blank || memcmp(*text, word, blank) != 0 ||
        (*len > blank && strchr(" \t", (*text)[blank]) == NULL)) {
        return true;
    }
    *text += blank;
    *len -= blank;
    trim(text, len);
    size_t name = 0;
    while (name < *len && strchr(" \t", (*text)[name]) == NULL) {
        name++;
    }
    reading->module =
        pm__configuration_module(reading->configuration, *text, name, why, sizeof why);
    *text += name;
    *len -= name;
    trim(text, len);
    if (reading->module == NULL) {
        fail(reading, why);
    }
    return reading->module != NULL;
}

/* libinih would cut a long name of a section, and tell of a section only at its first value. */
static void begin_section(struct reading *reading, const char *line)
{
    const char *text = line + 1;
    size_t len = strcspn(text, "]");
    if (text[len] != ']') {
        return; /* libinih complains. */
    }
    trim(&text, &len);
    if (!begin_module(reading, &text, &len)) {
        return;
    }
    if (len >= sizeof reading->section) {
        fail(reading, "the name of the section is too long");
        return;
    }
    if (memchr(text, ' ', len) != NULL || memchr(text, '\t', len) != NULL) {
        fail(reading, "the name of a section holds no blanks");
        return;
    }
    memcpy(reading->section, text, len);
    reading->section[len] = '\0';
}

/* Hands libinih one line after the other. It would cut a line that is too long and take
 * the rest for a line of its own; and it would end a line at a NUL. */
static char *next_line(char *text, int size, void *user)
{
    struct reading *reading = user;
    if (reading->failed || fgets(text, size, reading->file) == NULL) {
        explicit_bzero(text, (size_t)size); /* libinih frees it as it is */
        return NULL;
    }
    reading->place.line++;
    size_t len = strlen(text);
    if (len == 0 || (text[len - 1] != '\n' && !feof(reading->file))) {
        fail(reading, len + 1 == (size_t)size ? "the line is too long" : "the line holds a NUL");
        return NULL;
    }
    const char *first = text + strspn(text, " \t\r\n\v\f");
    if (*first == '[') {
        begin_section(reading, first);
    }
    return reading->failed ? NULL : text;
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
    char key[SECTION_SIZE + 64];
    char text[LINE_SIZE];
    char why[400];
    (void)section; /* begin_section() knows it whole. */
    if (reading->failed) {
        return 0;
    }
    snprintf(key, sizeof key, "%s%s%s", reading->section, *reading->section != '\0' ? "." : "",
             name);
    snprintf(text, sizeof text, "%s", value);
    if (!unquote(text)) {
        fail(reading, "a value that starts with a quote must end with one");
    } else if (!pm__configuration_keep(reading->configuration, reading->module, &reading->place,
                                       key, text, why, sizeof why)) {
        fail(reading, why);
    } else {
        reading->secret |= pm_config_key_secret(key);
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

bool pm_configuration_read(struct pm_configuration *configuration, const char *path, char *err,
                           size_t err_size)
{
    struct reading reading = {.configuration = configuration, .file = fopen(path, "re")};
    struct stat status;
    if (reading.file == NULL || fstat(fileno(reading.file), &status) != 0) {
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        if (reading.file != NULL) {
            fclose(reading.file);
        }
        return false;
    }
    reading.place.file = pm_options_keep(&configuration->scratch, path, strlen(path));
    setvbuf(reading.file, reading.buffer, _IOFBF, sizeof reading.buffer);
    set_syntax();
    int result = ini_parse_stream(next_line, &reading, on_value, &reading);
    bool unreadable = ferror(reading.file) != 0;
    fclose(reading.file);
    explicit_bzero(reading.buffer, sizeof reading.buffer);
    if (unreadable) {
        snprintf(err, err_size, "%s: cannot be read", path);
    } else if (reading.failed) {
        snprintf(err, err_size, "%s:%s", path, reading.why);
    } else if (result != 0) {
        snprintf(err, err_size, "%s:%d: neither [SECTION] nor NAME = VALUE", path, result);
    }
    if (reading.secret && (status.st_mode & 077) != 0) {
        configuration->secret_in_file = true;
    }
    return !unreadable && !reading.failed && result == 0;
}
