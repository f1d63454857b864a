/* SPDX-License-Identifier: MIT */
/* Reads transcript files. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play/transcript.h"

static bool bad(struct transcript *t, unsigned line, const char *why)
{
    (void)snprintf(t->error, sizeof t->error, "%s:%u: %s", t->path, line, why);
    return false;
}

static bool put(struct transcript *t, const char *bytes, size_t len)
{
    if (t->text_len + len > sizeof t->text) {
        return false;
    }
    memcpy(t->text + t->text_len, bytes, len);
    t->text_len += len;
    return true;
}

/* Appends the byte a character or escape stands for; returns what is behind it, NULL when it
 * is no escape. */
static const char *put_one(struct transcript *t, const char *p)
{
    static const char letters[] = "rnt\\";
    static const char values[] = "\r\n\t\\";
    char c = *p;
    if (c == '\\') {
        p++;
        const char *letter = *p != '\0' ? strchr(letters, *p) : NULL;
        if (letter != NULL) {
            c = values[letter - letters];
        } else if (*p == 'x' && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2])) {
            const char hex[3] = {p[1], p[2], '\0'};
            c = (char)strtol(hex, NULL, 16);
            p += 2;
        } else {
            return NULL;
        }
    }
    return put(t, &c, 1) ? p + 1 : NULL;
}

/* "\{20:abc}" is abc twenty times. Returns what is behind it, or NULL. */
static const char *put_repeated(struct transcript *t, const char *p)
{
    char *text = NULL;
    unsigned long times = strtoul(p + 2, &text, 10);
    const char *end = strchr(text, '}');
    if (*text != ':' || end == NULL || times == 0) {
        return NULL;
    }
    for (unsigned long i = 0; i < times; i++) {
        const char *at = text + 1;
        while (at != NULL && at < end) {
            at = put_one(t, at);
        }
        if (at != end) {
            return NULL;
        }
    }
    return end + 1;
}

/* Turns \r \n \t \\ \xHH and \{N:text} into bytes. */
static bool put_escaped(struct transcript *t, const char *text)
{
    const char *p = text;
    while (p != NULL && *p != '\0') {
        p = p[0] == '\\' && p[1] == '{' ? put_repeated(t, p) : put_one(t, p);
    }
    return p != NULL;
}

/* Takes a trailing "[manual]" and the like off. True when there was one. */
static bool take_tag(char *text)
{
    static const char *const tags[] = {"[manual]", "[device]", "[inferred]"};
    size_t len = strlen(text);
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        size_t n = strlen(tags[i]);
        if (len > n && strcmp(text + len - n, tags[i]) == 0) {
            len -= n;
            while (len > 0 && text[len - 1] == ' ') {
                len--;
            }
            text[len] = '\0';
            return true;
        }
    }
    return false;
}

/* "> text", ">> raw", ">>* N raw", "< text", "<+ text", "<~ text", "<< raw", "<<* N raw". */
static bool parse_bytes(struct transcript *t, struct transcript_step *step, char *line)
{
    char kind = line[0];
    size_t mark = strcspn(line, " ");
    bool raw = mark >= 2 && line[1] == kind;
    bool repeat = mark == 3 && line[2] == '*';
    bool more = mark == 2 && line[1] == '+';
    char *text = line[mark] == ' ' ? line + mark + 1 : line + mark;
    unsigned long times = 1;
    if (repeat) {
        times = strtoul(text, &text, 10);
        text += *text == ' ' ? 1 : 0;
    }
    step->kind = mark == 2 && line[1] == '~' ? '~' : kind;
    step->bytes = t->text + t->text_len;
    bool ok = raw || kind == '>' || more || put(t, "\r\n", 2);
    for (unsigned long i = 0; ok && i < times; i++) {
        ok = put_escaped(t, text);
    }
    if (ok && !raw) {
        ok = put(t, kind == '>' ? "\r" : "\r\n", kind == '>' ? 1 : 2);
    }
    step->len = (size_t)(t->text + t->text_len - step->bytes);
    return ok && times != 0;
}

/* A directive: its text as it stands, and what is behind its first word as bytes. */
static bool parse_word(struct transcript *t, struct transcript_step *step, const char *line)
{
    size_t len = strlen(line) + 1;
    if (t->words_len + len > sizeof t->words) {
        return false;
    }
    memcpy(t->words + t->words_len, line, len);
    step->kind = ' ';
    step->word = t->words + t->words_len;
    t->words_len += len;
    step->bytes = t->text + t->text_len;
    const char *rest = strchr(line, ' ');
    bool ok = rest == NULL || put_escaped(t, rest + 1);
    step->len = (size_t)(t->text + t->text_len - step->bytes);
    return ok;
}

static bool parse_line(struct transcript *t, char *line, unsigned number, bool *tagged)
{
    if (line[0] == '\0' || line[0] == '#') {
        return true;
    }
    if (t->count == TRANSCRIPT_STEPS) {
        return bad(t, number, "too many steps");
    }
    struct transcript_step *step = &t->steps[t->count];
    step->line = number;
    if (strncmp(line, "tag ", 4) == 0) {
        char tag[32];
        (void)snprintf(tag, sizeof tag, " [%.20s]", line + 4);
        *tagged = take_tag(tag);
        return *tagged || bad(t, number, "unknown tag");
    }
    if (strncmp(line, "cuts ", 5) == 0) {
        t->cut_step = strtoul(line + 5, NULL, 10);
        return t->cut_step != 0 || bad(t, number, "cuts need a distance");
    }
    t->count++;
    if (line[0] == '>' || line[0] == '<') {
        bool own = line[0] == '<' && take_tag(line);
        if (line[0] == '<' && !own && !*tagged) {
            return bad(t, number, "an expectation without a tag");
        }
        t->expectations += line[0] == '<' ? 1U : 0U;
        return parse_bytes(t, step, line) || bad(t, number, "bad bytes");
    }
    return parse_word(t, step, line) || bad(t, number, "bad directive");
}

bool transcript_load(struct transcript *t, const char *path)
{
    char line[8192];
    unsigned number = 0;
    bool tagged = false;
    bool ok = true;
    memset(t, 0, sizeof *t);
    t->path = path;
    t->cut_step = 1;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return bad(t, 0, "cannot be opened");
    }
    while (ok && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        ok = parse_line(t, line, ++number, &tagged);
    }
    for (size_t i = 0; i < t->count; i++) {
        t->typed += t->steps[i].kind == '>' ? t->steps[i].len : 0;
    }
    if (fclose(file) != 0) {
        return bad(t, number, "cannot be read");
    }
    return ok && (t->expectations != 0 || bad(t, number, "nothing is expected"));
}
