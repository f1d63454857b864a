/* SPDX-License-Identifier: MIT */
/* Reads transcripts. A file may come from anybody: every error has its line, and sizes are bounded.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play/directives.h"
#include "play/transcript.h"

/* What a transcript may come to: its file, its steps, and its bytes with all repetitions done. */
#define FILE_MOST  (16U << 20)
#define STEPS_MOST 100000U
#define TEXT_MOST  (64U << 20)
#define LINE_MOST  65536U

/* A part of the file. */
struct line {
    const char *at, *end;
};

static bool bad(struct transcript *t, unsigned line, const char *why)
{
    if (line != 0) {
        (void)snprintf(t->error, sizeof t->error, "%s:%u: %s", t->path, line, why);
    } else {
        (void)snprintf(t->error, sizeof t->error, "%s: %s", t->path, why);
    }
    return false;
}

/* Quotes the word, which may be any bytes. */
static bool bad_word(struct transcript *t, unsigned line, const char *what, struct line word,
                     const char *hint)
{
    char why[160];
    char text[50];
    (void)play_escape((const uint8_t *)word.at, (size_t)(word.end - word.at), text, sizeof text);
    (void)snprintf(why, sizeof why, "unknown %s \"%s\"%s", what, text, hint);
    return bad(t, line, why);
}

/* ---- Room ------------------------------------------------------------------------------- */

/* Makes room for `more` elements; false when there would be more than `most`, or no memory. */
static bool grow(void **data, size_t size, size_t len, size_t *cap, size_t more, size_t most)
{
    if (more > most - len) {
        return false;
    }
    if (len + more <= *cap) {
        return true;
    }
    size_t wanted = (len + more) * 2;
    void *grown = realloc(*data, wanted * size);
    if (grown == NULL) {
        return false;
    }
    *data = grown;
    *cap = wanted;
    return true;
}

static bool put(struct transcript *t, const char *bytes, size_t len)
{
    void *text = t->text;
    bool ok = grow(&text, 1, t->text_len, &t->text_cap, len, TEXT_MOST);
    t->text = text;
    if (ok && len != 0) {
        memcpy(t->text + t->text_len, bytes, len);
        t->text_len += len;
    }
    return ok;
}

static struct transcript_step *new_step(struct transcript *t, unsigned number)
{
    void *steps = t->steps;
    bool ok = grow(&steps, sizeof *t->steps, t->count, &t->steps_cap, 1, STEPS_MOST);
    t->steps = steps;
    if (!ok) {
        return NULL;
    }
    struct transcript_step *step = &t->steps[t->count++];
    memset(step, 0, sizeof *step);
    step->line = number;
    step->bytes_at = t->text_len;
    return step;
}

/* ---- Escapes ---------------------------------------------------------------------------- */

static const char bad_escape[] = "a backslash begins \\r, \\n, \\t, \\\\, \\xHH or \\{N:text}";
static const char too_large[] = "the transcript is too large";
/* With the word that is meant. */
static const char unknown_directive[] = "unknown directive";
static const char unknown_tag[] = "unknown tag";

/* Appends the byte that a character or escape stands for, and goes on behind it. Returns what is
 * wrong, or NULL. */
static const char *put_one(struct transcript *t, struct line *line)
{
    static const char letters[] = "rnt\\";
    static const char values[] = "\r\n\t\\";
    char c = *line->at++;
    if (c == '\\') {
        size_t left = (size_t)(line->end - line->at);
        const char *letter = left != 0 ? strchr(letters, *line->at) : NULL;
        if (letter != NULL) {
            c = values[letter - letters];
            line->at++;
        } else if (left >= 3 && line->at[0] == 'x' && isxdigit((unsigned char)line->at[1]) &&
                   isxdigit((unsigned char)line->at[2])) {
            const char hex[3] = {line->at[1], line->at[2], '\0'};
            c = (char)strtoul(hex, NULL, 16);
            line->at += 3;
        } else {
            return bad_escape;
        }
    }
    return put(t, &c, 1) ? NULL : too_large;
}

/* Reads a decimal number, at most `most`. False when there is none. */
static bool take_number(struct line *line, size_t most, size_t *number)
{
    const char *from = line->at;
    *number = 0;
    while (line->at < line->end && *line->at >= '0' && *line->at <= '9' && *number <= most) {
        *number = *number * 10 + (size_t)(*line->at++ - '0');
    }
    return line->at != from && *number <= most;
}

/* What has been put since `from`, `times` in all. */
static const char *repeat(struct transcript *t, size_t from, size_t times)
{
    size_t len = t->text_len - from;
    if (times == 0 || len == 0) {
        return "nothing is repeated";
    }
    if (times - 1 > (TEXT_MOST - t->text_len) / len) {
        return too_large;
    }
    for (size_t i = 1; i < times; i++) {
        void *text = t->text;
        bool ok = grow(&text, 1, t->text_len, &t->text_cap, len, TEXT_MOST);
        t->text = text;
        if (!ok) {
            return too_large;
        }
        memcpy(t->text + t->text_len, t->text + from, len);
        t->text_len += len;
    }
    return NULL;
}

/* "\{20:abc}" is abc twenty times. */
static const char *put_repeated(struct transcript *t, struct line *line)
{
    size_t times = 0;
    size_t from = t->text_len;
    line->at += 2;
    const char *brace = memchr(line->at, '}', (size_t)(line->end - line->at));
    if (brace == NULL || !take_number(line, TEXT_MOST, &times) || *line->at != ':') {
        return "a repetition is \\{N:text}";
    }
    struct line inner = {line->at + 1, brace};
    while (inner.at < inner.end) {
        const char *why = put_one(t, &inner);
        if (why != NULL) {
            return why;
        }
    }
    line->at = brace + 1;
    return repeat(t, from, times);
}

/* Turns \r \n \t \\ \xHH and \{N:text} into bytes. */
static const char *put_escaped(struct transcript *t, struct line line)
{
    const char *why = NULL;
    while (why == NULL && line.at < line.end) {
        bool repeated = line.end - line.at >= 2 && line.at[0] == '\\' && line.at[1] == '{';
        why = repeated ? put_repeated(t, &line) : put_one(t, &line);
    }
    return why;
}

/* ---- Lines ------------------------------------------------------------------------------ */

static bool ends_with(struct line line, const char *word)
{
    size_t len = strlen(word);
    return (size_t)(line.end - line.at) >= len && memcmp(line.end - len, word, len) == 0;
}

static bool begins_with(struct line line, const char *word)
{
    size_t len = strlen(word);
    return (size_t)(line.end - line.at) >= len && memcmp(line.at, word, len) == 0;
}

unsigned transcript_tag_of(const char *name, size_t len)
{
    static const char *const names[] = {"manual", "device", "inferred"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) {
            return 1U << i;
        }
    }
    return 0;
}

/* Finds what stands in brackets at the end. */
static bool find_bracketed(struct line line, struct line *word)
{
    if (!ends_with(line, "]")) {
        return false;
    }
    word->end = line.end - 1;
    word->at = word->end;
    while (word->at > line.at && *word->at != '[') {
        word->at--;
    }
    return word->at++ != line.at;
}

/* Takes a trailing "[manual]" and the like off, with the blanks before it. Returns the tag, or 0.
 */
static unsigned take_tag(struct line *line)
{
    struct line word = {NULL, NULL};
    unsigned tag =
        find_bracketed(*line, &word) ? transcript_tag_of(word.at, (size_t)(word.end - word.at)) : 0;
    if (tag != 0) {
        line->end = word.at - 1;
        while (line->end > line->at && line->end[-1] == ' ') {
            line->end--;
        }
    }
    return tag;
}

/* One word in brackets at the end is most likely meant for a tag. */
static bool seems_tagged(struct line line)
{
    struct line word = {NULL, NULL};
    return find_bracketed(line, &word) && word.at < word.end &&
           memchr(word.at, ' ', (size_t)(word.end - word.at)) == NULL;
}

/* The mark in front of a line of bytes, and what it asks for. */
struct mark {
    const char *text;
    char kind;
    bool raw, first, repeated;
};

static const struct mark *mark_of(struct line line)
{
    static const struct mark marks[] = {
        {">", '>', false, false, false},  {">>", '>', true, false, false},
        {">>*", '>', true, false, true},  {"<", '<', false, true, false},
        {"<+", '<', false, false, false}, {"<<", '<', true, false, false},
        {"<<*", '<', true, false, true},  {"<~", '~', false, true, false},
    };
    const char *blank = memchr(line.at, ' ', (size_t)(line.end - line.at));
    size_t len = (size_t)((blank != NULL ? blank : line.end) - line.at);
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (strlen(marks[i].text) == len && memcmp(marks[i].text, line.at, len) == 0) {
            return &marks[i];
        }
    }
    return NULL;
}

/* The text behind the mark, framed as the mark says. */
static const char *parse_text(struct transcript *t, const struct mark *mark, struct line line)
{
    size_t times = 1;
    line.at += strlen(mark->text);
    line.at += line.at < line.end ? 1 : 0;
    if (mark->repeated) {
        if (!take_number(&line, TEXT_MOST, &times)) {
            return "a number of repetitions is missing";
        }
        line.at += line.at < line.end ? 1 : 0;
    }
    if (mark->first && !put(t, "\r\n", 2)) {
        return too_large;
    }
    size_t from = t->text_len;
    const char *why = put_escaped(t, line);
    if (why == NULL && mark->repeated) {
        why = repeat(t, from, times);
    }
    if (why == NULL && !mark->raw) {
        const char *end = mark->kind == '>' ? "\r" : "\r\n";
        why = put(t, end, strlen(end)) ? NULL : too_large;
    }
    return why;
}

static const char *parse_bytes(struct transcript *t, struct transcript_step *step, struct line line,
                               const unsigned *tag)
{
    unsigned own = line.at[0] == '<' ? take_tag(&line) : 0;
    const struct mark *mark = mark_of(line);
    if (mark == NULL) {
        return "no such mark: >, >>, >>*, <, <+, <<, <<* or <~";
    }
    step->kind = mark->kind;
    if (mark->kind != '>') {
        step->tag = (uint8_t)(own != 0 ? own : *tag);
        t->expectations++;
        if (step->tag == 0 && seems_tagged(line)) {
            return unknown_tag;
        }
        if (step->tag == 0) {
            return "an expectation without a tag: put one, such as [inferred], behind its text, or "
                   "a "
                   "line \"tag inferred\" above";
        }
    }
    const char *why = parse_text(t, mark, line);
    step->len = t->text_len - step->bytes_at;
    return why != NULL || step->len != 0 ? why : "nothing is typed or expected";
}

/* A directive: its text as it stands, and what is behind its first word as bytes. */
static const char *parse_word(struct transcript *t, struct transcript_step *step, struct line line)
{
    const char *blank = memchr(line.at, ' ', (size_t)(line.end - line.at));
    size_t len = (size_t)((blank != NULL ? blank : line.end) - line.at);
    if (!transcript_directive_known(line.at, len)) {
        return unknown_directive;
    }
    step->kind = ' ';
    step->word_at = t->text_len;
    if (!put(t, line.at, (size_t)(line.end - line.at)) || !put(t, "", 1)) {
        return too_large;
    }
    step->bytes_at = t->text_len;
    const char *why = blank != NULL ? put_escaped(t, (struct line){blank + 1, line.end}) : NULL;
    step->len = t->text_len - step->bytes_at;
    return why;
}

static const char *parse_line(struct transcript *t, struct line line, unsigned number,
                              unsigned *tag)
{
    if (line.at == line.end || line.at[0] == '#') {
        return NULL;
    }
    if (begins_with(line, "tag ")) {
        *tag = transcript_tag_of(line.at + 4, (size_t)(line.end - line.at) - 4);
        return *tag != 0 ? NULL : unknown_tag;
    }
    if (begins_with(line, "cuts ")) {
        line.at += 5;
        bool ok = take_number(&line, TEXT_MOST, &t->cut_step) && t->cut_step != 0;
        return ok ? NULL : "cuts need a distance";
    }
    struct transcript_step *step = new_step(t, number);
    if (step == NULL) {
        return too_large;
    }
    return line.at[0] == '>' || line.at[0] == '<' ? parse_bytes(t, step, line, tag)
                                                  : parse_word(t, step, line);
}

/* The text no longer moves: offsets become addresses. */
static void settle(struct transcript *t)
{
    for (size_t i = 0; i < t->count; i++) {
        struct transcript_step *step = &t->steps[i];
        step->bytes = t->text + step->bytes_at;
        step->word = step->kind == ' ' ? (const char *)t->text + step->word_at : NULL;
        t->typed += step->kind == '>' ? step->len : 0;
    }
}

/* Some editors begin a file with U+FEFF. */
static const char *behind_bom(const char *text, size_t len)
{
    return len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? text + 3 : text;
}

static bool bad_line(struct transcript *t, unsigned number, const char *why, struct line line)
{
    struct line word = {line.at, line.end};
    if (why == unknown_directive) {
        const char *blank = memchr(line.at, ' ', (size_t)(line.end - line.at));
        word.end = blank != NULL ? blank : line.end;
        return bad_word(t, number, "directive", word, "");
    }
    if (why == unknown_tag) {
        if (begins_with(line, "tag ")) {
            word.at += 4;
        } else {
            (void)find_bracketed(line, &word);
        }
        return bad_word(t, number, "tag", word, ": a tag is manual, device or inferred");
    }
    return bad(t, number, why);
}

/* A line that was not read to its end leaves no step. */
static void drop_step(struct transcript *t, unsigned number)
{
    if (t->count != 0 && t->steps[t->count - 1].line == number) {
        t->count--;
    }
}

static bool read_lines(struct transcript *t, const char *text, size_t len)
{
    unsigned number = 0;
    unsigned tag = 0;
    const char *end = text + len;
    for (const char *at = behind_bom(text, len); at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct line line = {at, newline != NULL ? newline : end};
        at = newline != NULL ? newline + 1 : end;
        number++;
        line.end -= ends_with(line, "\r") ? 1 : 0;
        const char *why = NULL;
        if ((size_t)(line.end - line.at) > LINE_MOST) {
            why = "the line is too long";
        } else if (memchr(line.at, '\0', (size_t)(line.end - line.at)) != NULL) {
            why = "a zero byte";
        } else {
            why = parse_line(t, line, number, &tag);
        }
        if (why != NULL) {
            drop_step(t, number);
            return bad_line(t, number, why, line);
        }
    }
    return t->expectations != 0 || bad(t, number, "nothing is expected");
}

/* The first setting that is none. */
static bool check_settings(struct transcript *t)
{
    char err[200];
    for (size_t i = 0; i < t->count; i++) {
        const struct transcript_step *step = &t->steps[i];
        const char *word = step->word != NULL ? step->word : "";
        if (strcmp(word, "set") == 0) {
            return bad(t, step->line, "a setting is \"set KEY VALUE\"");
        }
        if (strncmp(word, "set ", 4) == 0 && !transcript_setting_check(word + 4, err, sizeof err)) {
            return bad(t, step->line, err);
        }
    }
    return true;
}

bool transcript_read(struct transcript *t, const char *path, const char *text, size_t len)
{
    memset(t, 0, sizeof *t);
    t->path = path;
    t->cut_step = 1;
    bool ok = read_lines(t, text, len);
    settle(t);
    return check_settings(t) && ok; /* What was read stands before what could not be. */
}

bool transcript_load(struct transcript *t, const char *path)
{
    memset(t, 0, sizeof *t);
    t->path = path;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return bad(t, 0, strerror(errno));
    }
    char *text = malloc(FILE_MOST + 1);
    size_t len = text != NULL ? fread(text, 1, FILE_MOST + 1, file) : 0;
    bool ok = text != NULL && ferror(file) == 0;
    if (fclose(file) != 0 || !ok) {
        (void)bad(t, 0, "cannot be read");
        ok = false;
    } else if (len > FILE_MOST) {
        ok = bad(t, 0, too_large);
    } else {
        ok = transcript_read(t, path, text, len);
    }
    free(text);
    return ok;
}

void transcript_free(struct transcript *t)
{
    free(t->steps);
    free(t->text);
    t->steps = NULL;
    t->text = NULL;
    t->count = 0;
}
