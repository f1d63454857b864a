/* SPDX-License-Identifier: MIT */
/* Reads transcript files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transcript.h"

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

/* Turns \r \n \t \\ \xHH into bytes. */
static bool put_escaped(struct transcript *t, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        char c = *p;
        if (c == '\\') {
            char hex[3] = {0};
            p++;
            switch (*p) {
            case 'r':
                c = '\r';
                break;
            case 'n':
                c = '\n';
                break;
            case 't':
                c = '\t';
                break;
            case '\\':
                c = '\\';
                break;
            case 'x':
                if (strlen(p) < 3) {
                    return false;
                }
                memcpy(hex, p + 1, 2);
                c = (char)strtol(hex, NULL, 16);
                p += 2;
                break;
            default:
                return false;
            }
        }
        if (!put(t, &c, 1)) {
            return false;
        }
    }
    return true;
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
    t->count++;
    if (line[0] == '>' || line[0] == '<') {
        bool own = line[0] == '<' && take_tag(line);
        if (line[0] == '<' && !own && !*tagged) {
            return bad(t, number, "an expectation without a tag");
        }
        t->expectations += line[0] == '<' ? 1U : 0U;
        return parse_bytes(t, step, line) || bad(t, number, "bad bytes");
    }
    size_t len = strlen(line) + 1;
    if (t->words_len + len > sizeof t->words) {
        return bad(t, number, "too many words");
    }
    memcpy(t->words + t->words_len, line, len);
    step->kind = ' ';
    step->word = t->words + t->words_len;
    t->words_len += len;
    return true;
}

bool transcript_load(struct transcript *t, const char *path)
{
    char line[8192];
    unsigned number = 0;
    bool tagged = false;
    bool ok = true;
    memset(t, 0, sizeof *t);
    t->path = path;
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
