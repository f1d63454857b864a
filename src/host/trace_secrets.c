/* SPDX-License-Identifier: MIT */
/* Where secrets stand in an AT command line, in its echo and in the answer to its query. */
#include <string.h>
#include <strings.h>

#include "host/trace.h"

/* A command with secrets: its name, the keyword that its first parameter must be (NULL: any),
 * and the first secret parameter of the command (=) and of the answer (:), counted from 0. What
 * follows that parameter is redacted as well unless `one`. */
struct secret {
    const char *name;
    const char *keyword;
    unsigned command, answer;
    bool one;
};

static const struct secret secrets[] = {
    {"+QSMTPCFG", "account", 2, 2, false},  {"+QICSGP", NULL, 4, 3, true},
    {"+QSSLCFG", "clientkey", 3, 3, false}, {"+QSSLCFG", "psk", 3, 3, false},
    {"+CPIN", NULL, 0, UINT16_MAX, false},  {"+CPWD", NULL, 1, UINT16_MAX, false},
    {"+CLCK", NULL, 2, UINT16_MAX, true},
};

struct scan {
    const uint8_t *line;
    size_t len;
    size_t at;
    void (*found)(void *user, size_t at, size_t len);
    void *user;
    bool open; /* the last secret has no end in this line */
};

static bool is_name(uint8_t c)
{
    return c == '+' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->len && (scan->line[scan->at] == ' ' || scan->line[scan->at] == '\t')) {
        scan->at++;
    }
}

/* The end of the parameter at scan->at: a comma, a semicolon or the end of the line. */
static size_t parameter_end(const struct scan *scan)
{
    bool quoted = false;
    for (size_t i = scan->at; i < scan->len; i++) {
        uint8_t c = scan->line[i];
        if (c == '"') {
            quoted = !quoted;
        } else if (c == '\r' || c == '\n' || (!quoted && (c == ',' || c == ';'))) {
            return i;
        }
    }
    return scan->len;
}

static bool is_keyword(const struct scan *scan, size_t end, const char *keyword)
{
    size_t at = scan->at;
    while (end > at && scan->line[end - 1] == ' ') {
        end--;
    }
    if (end - at >= 2 && scan->line[at] == '"' && scan->line[end - 1] == '"') {
        at++;
        end--;
    }
    return end - at == strlen(keyword) &&
           strncasecmp((const char *)scan->line + at, keyword, end - at) == 0;
}

/* Whether quotes stand elsewhere than around the whole parameter: nobody then knows where the
 * sender thought that it ends. */
static bool is_malformed(const struct scan *scan, size_t end)
{
    size_t at = scan->at;
    size_t quotes = 0;
    while (end > at && scan->line[end - 1] == ' ') {
        end--;
    }
    for (size_t i = at; i < end; i++) {
        quotes += scan->line[i] == '"' ? 1 : 0;
    }
    return quotes != 0 && !(quotes == 2 && scan->line[at] == '"' && scan->line[end - 1] == '"');
}

/* Redacts everything up to the end of the line. */
static void redact_rest(struct scan *scan)
{
    size_t end = scan->at;
    while (end < scan->len && scan->line[end] != '\r' && scan->line[end] != '\n') {
        end++;
    }
    scan->found(scan->user, scan->at, end - scan->at);
    scan->open = end == scan->len;
    scan->at = end;
}

/* Redacts from parameter `first` on; scan->at is at the first parameter. */
static void redact(struct scan *scan, const struct secret *secret, unsigned first)
{
    for (unsigned i = 0;; i++) {
        size_t end = parameter_end(scan);
        if (is_malformed(scan, end)) {
            redact_rest(scan);
            return;
        }
        if (i == 0 && secret->keyword != NULL && !is_keyword(scan, end, secret->keyword)) {
            return;
        }
        if (i >= first && end > scan->at) {
            scan->found(scan->user, scan->at, end - scan->at);
        }
        bool last = end == scan->len || scan->line[end] != ',';
        if (last || (secret->one && i >= first)) {
            scan->open = end == scan->len;
            scan->at = end;
            return;
        }
        scan->at = end + 1;
        skip_blanks(scan);
    }
}

/* Looks at the name that starts at scan->at. Returns true when it was one with secrets. */
static bool try_names(struct scan *scan)
{
    size_t start = scan->at;
    size_t end = start + 1;
    while (end < scan->len && is_name(scan->line[end]) && scan->line[end] != '+') {
        end++;
    }
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        const struct secret *secret = &secrets[i];
        if (end - start != strlen(secret->name) ||
            strncasecmp((const char *)scan->line + start, secret->name, end - start) != 0) {
            continue;
        }
        scan->at = end;
        skip_blanks(scan);
        uint8_t mark = scan->at < scan->len ? scan->line[scan->at] : 0;
        if (mark != '=' && mark != ':') {
            break;
        }
        scan->at++;
        skip_blanks(scan);
        size_t parameters = scan->at;
        redact(scan, secret, mark == '=' ? secret->command : secret->answer);
        if (scan->at != parameters) {
            return true;
        }
    }
    scan->at = end;
    return false;
}

bool pm_trace_secrets(const uint8_t *line, size_t len,
                      void (*found)(void *user, size_t at, size_t len), void *user)
{
    struct scan scan = {.line = line, .len = len, .found = found, .user = user};
    while (scan.at < len) {
        if (line[scan.at] != '+') {
            scan.at++;
        } else {
            scan.open = false;
            (void)try_names(&scan);
        }
    }
    return scan.open;
}
