/* SPDX-License-Identifier: MIT */
/* Looks at what a module of the player's own has sent: its Maildir, its trace and its log. */
#include <ctype.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "play/live_internal.h"

/* How often a file is looked at while it is waited for, ms. */
#define LOOK_MS 10U

/* A text that is put together. */
struct text {
    char *bytes;
    size_t len;
};

static char *file_name(const struct player *p, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", p->live->child.folder, name) < 0 ? NULL : path;
}

/* ---- The Maildir ------------------------------------------------------------------------ */

/* Counts the mails; `newest` gets the path of the last, or stays as it is. */
static unsigned count_mails(const struct player *p, char *newest, size_t size)
{
    char *folder = file_name(p, "mails/new");
    DIR *directory = folder != NULL ? opendir(folder) : NULL;
    const struct dirent *entry = NULL;
    struct timespec best = {0, 0};
    unsigned count = 0;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char path[LIVE_PATH * 2];
        struct stat status;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || stat(path, &status) != 0) {
            continue;
        }
        count++;
        bool later = status.st_mtim.tv_sec != best.tv_sec ? status.st_mtim.tv_sec > best.tv_sec
                                                          : status.st_mtim.tv_nsec >= best.tv_nsec;
        if (later) {
            best = status.st_mtim;
            (void)snprintf(newest, size, "%s", path);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    free(folder);
    return count;
}

bool live_mails(struct player *p, const char *rest)
{
    char newest[LIVE_PATH * 2];
    unsigned long wanted = strtoul(rest, NULL, 10);
    uint64_t limit = live_now() + TRANSCRIPT_ANSWER_MS + p->rules->slack;
    unsigned count = count_mails(p, newest, sizeof newest);
    while (count != wanted && live_now() < limit && !live_interrupted()) {
        (void)live_poll(-1, 0, live_now() + LOOK_MS);
        count = count_mails(p, newest, sizeof newest);
    }
    return count == wanted || transcript_amiss(p, "the server has %u mails, not %s", count, rest);
}

/* ---- Reading ---------------------------------------------------------------------------- */

/* The mail as it went over the line: dots doubled, without the envelope that the catcher adds. */
static void read_message(const char *path, FILE *out)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n = 0;
    bool envelope = true;
    FILE *file = fopen(path, "rb");
    while (file != NULL && (n = getline(&line, &cap, file)) > 0) {
        envelope = envelope && strncmp(line, "X-Envelope-", 11) == 0;
        if (!envelope) {
            (void)fputs(line[0] == '.' ? "." : "", out);
            (void)fwrite(line, 1, (size_t)n, out);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    free(line);
}

static char unescape(const char **at)
{
    static const char letters[] = "rnt\\";
    static const char values[] = "\r\n\t\\";
    const char *letter = strchr(letters, **at);
    if (letter != NULL && **at != '\0') {
        (*at)++;
        return values[letter - letters];
    }
    if (**at == 'x' && isxdigit((unsigned char)(*at)[1]) && isxdigit((unsigned char)(*at)[2])) {
        const char hex[3] = {(*at)[1], (*at)[2], '\0'};
        *at += 3;
        return (char)strtoul(hex, NULL, 16);
    }
    return '\\';
}

/* The bytes of a line of the trace. A backslash at its end says that the next line goes on. */
static void put_trace(const char *at, FILE *out)
{
    while (*at != '\0' && *at != '\n') {
        char c = *at++;
        if (c == '\\' && *at == '\n') {
            return;
        }
        (void)fputc(c == '\\' ? unescape(&at) : c, out);
    }
    (void)fputc('\n', out);
}

/* The SMTP lines of the trace; those of the envelope alone, and of the last mail, if asked. */
static void read_trace(const char *path, bool envelope, FILE *out)
{
    char *line = NULL;
    size_t cap = 0;
    FILE *file = fopen(path, "rb");
    while (file != NULL && getline(&line, &cap, file) > 0) {
        const char *sent = strstr(line, " smtp > ");
        const char *smtp = sent != NULL ? sent : strstr(line, " smtp < ");
        if (smtp == NULL) {
            continue;
        }
        smtp += 8;
        if (!envelope) {
            put_trace(smtp, out);
        } else if (sent != NULL && strncmp(smtp, "EHLO ", 5) == 0) {
            (void)fseek(out, 0, SEEK_SET);
        } else if (sent != NULL &&
                   (strncmp(smtp, "MAIL ", 5) == 0 || strncmp(smtp, "RCPT ", 5) == 0)) {
            put_trace(smtp, out);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    free(line);
}

/* How many connections the trace shows: greetings that do not follow a STARTTLS. */
static unsigned count_connections(const char *path)
{
    char *line = NULL;
    size_t cap = 0;
    unsigned count = 0;
    bool upgraded = false;
    FILE *file = fopen(path, "rb");
    while (file != NULL && getline(&line, &cap, file) > 0) {
        if (strstr(line, " smtp > EHLO ") != NULL) {
            count += upgraded ? 0U : 1U;
            upgraded = false;
        }
        upgraded = upgraded || strstr(line, " smtp > STARTTLS") != NULL;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    free(line);
    return count;
}

bool live_connections(struct player *p, const char *rest)
{
    char *trace = file_name(p, "trace");
    unsigned count = trace != NULL ? count_connections(trace) : 0;
    free(trace);
    return count == strtoul(rest, NULL, 10) ||
           transcript_amiss(p, "the server saw %u connections, not %s", count, rest);
}

static void copy(const char *path, FILE *out)
{
    char bytes[4096];
    size_t n = 0;
    FILE *file = fopen(path, "rb");
    while (file != NULL && (n = fread(bytes, 1, sizeof bytes, file)) != 0) {
        (void)fwrite(bytes, 1, n, out);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

/* Puts together what the directive looks at; its first letter says what. */
static bool read_text(const struct player *p, struct text *text)
{
    char newest[LIVE_PATH * 2] = "";
    char *trace = file_name(p, "trace");
    char *log = file_name(p, "log");
    FILE *out = open_memstream(&text->bytes, &text->len);
    bool ok = trace != NULL && log != NULL && out != NULL;
    if (ok) {
        switch (p->step->word[0]) {
        case 'm':
            (void)count_mails(p, newest, sizeof newest);
            read_message(newest, out);
            break;
        case 'e': read_trace(trace, true, out); break;
        case 't': read_trace(trace, false, out); break;
        default: copy(log, out); break;
        }
    }
    ok = out != NULL && fclose(out) == 0 && ok;
    free(trace);
    free(log);
    return ok;
}

/* Files are written a little later than what they tell: a text that must be there is waited for. */
bool live_look(struct player *p)
{
    uint64_t limit = live_now() + TRANSCRIPT_ANSWER_MS + p->rules->slack;
    size_t word = strcspn(p->step->word, " ");
    bool wanted = p->step->word[word - 1] == 's' && p->step->word[word - 4] == '-';
    for (;;) {
        struct text text = {NULL, 0};
        bool read = read_text(p, &text);
        bool found = read && memmem(text.bytes, text.len, p->step->bytes, p->step->len) != NULL;
        bool last = found || !wanted || live_now() >= limit || live_interrupted();
        bool ok = last && (read ? transcript_look(p, text.bytes, text.len)
                                : transcript_fail(p, "cannot be looked at"));
        free(text.bytes);
        if (last) {
            return ok;
        }
        (void)live_poll(-1, 0, live_now() + LOOK_MS);
    }
}
