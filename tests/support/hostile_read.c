/* SPDX-License-Identifier: MIT */
/* Reads the cases of the hostile server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "hostile.h"

enum { BLOCKS = 32, TEXT_MOST = 200000 };

struct block {
    char name[32];
    struct hostile_step *steps;
    size_t count;
};

/* What is being read: the case, or the block, and the blocks so far. */
struct reader {
    const char *name;
    unsigned line;
    struct hostile_case c;
    bool in_case, joins;
    struct block blocks[BLOCKS];
    size_t block_count;
    struct block *block;
    void (*play)(const struct hostile_case *);
};

static void complain(const struct reader *r, const char *why)
{
    fail_msg("%s:%u: %s", r->name, r->line, why);
}

/* ---- Texts ---- */

struct text {
    char *bytes;
    size_t len;
};

static void add(struct text *t, char byte)
{
    assert_true(t->len < TEXT_MOST);
    t->bytes[t->len++] = byte;
}

/* The nonce that the world's random bytes make; {nonce} stands for it. */
static void add_nonce(struct text *t)
{
    uint8_t random[PM_SMTP_RANDOM_SIZE];
    for (size_t i = 0; i < sizeof random; i++) {
        random[i] = (uint8_t)(0xA0 + i);
    }
    t->len += pm__base64_encode((uint8_t *)t->bytes + t->len, random, sizeof random);
}

static const char *escape(const struct reader *r, struct text *t, const char *at);

/* {N:text}: repeated; {b64:text}: encoded; {nonce}. */
static const char *brace(const struct reader *r, struct text *t, const char *at)
{
    size_t start = t->len;
    bool encode = strncmp(at, "b64:", 4) == 0;
    if (strncmp(at, "nonce}", 6) == 0) {
        add_nonce(t);
        return at + 6;
    }
    char *end = NULL;
    unsigned long times = encode ? 1 : strtoul(at, &end, 10);
    at = encode ? at + 4 : end + 1;
    while (*at != '}') {
        at = escape(r, t, at);
    }
    size_t len = t->len - start;
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, t->bytes + start, len);
    t->len = start;
    if (encode) {
        t->len += pm__base64_encode((uint8_t *)t->bytes + start, (uint8_t *)copy, len);
    }
    for (unsigned long i = 0; !encode && i < times * len; i++) {
        add(t, copy[i % len]);
    }
    free(copy);
    return at + 1;
}

/* One byte or one escape: \r \n \t \\ \xHH \{...}. */
static const char *escape(const struct reader *r, struct text *t, const char *at)
{
    static const char names[] = "rnt\\";
    static const char values[] = "\r\n\t\\";
    if (*at == '\0') {
        complain(r, "the text ends too early");
    } else if (*at != '\\') {
        add(t, *at);
        return at + 1;
    } else if (at[1] == '{') {
        return brace(r, t, at + 2);
    } else if (at[1] == 'x') {
        char digits[3] = {at[2], at[2] != '\0' ? at[3] : '\0', '\0'};
        add(t, (char)strtoul(digits, NULL, 16));
        return at + 4;
    }
    const char *name = at[1] != '\0' ? strchr(names, at[1]) : NULL;
    if (name == NULL) {
        complain(r, "no such escape");
        return at;
    }
    add(t, values[name - names]);
    return at + 2;
}

static struct text unescape(const struct reader *r, const char *at)
{
    struct text t = {malloc(TEXT_MOST + 256), 0};
    assert_non_null(t.bytes);
    while (*at != '\0') {
        at = escape(r, &t, at);
    }
    t.bytes[t.len] = '\0';
    t.bytes = realloc(t.bytes, t.len + 1);
    assert_non_null(t.bytes);
    return t;
}

/* ---- Steps ---- */

static void add_step(struct reader *r, struct hostile_step step)
{
    struct hostile_step *steps = r->block != NULL ? r->block->steps : r->c.steps;
    size_t *count = r->block != NULL ? &r->block->count : &r->c.count;
    struct hostile_step *last = *count != 0 ? &steps[*count - 1] : NULL;
    if (r->joins && step.kind == HOSTILE_SERVER && last != NULL && last->kind == HOSTILE_SERVER) {
        last->text = realloc(last->text, last->len + step.len + 1);
        assert_non_null(last->text);
        memcpy(last->text + last->len, step.text, step.len + 1);
        last->len += step.len;
        free(step.text);
        return;
    }
    if (*count == HOSTILE_STEPS) {
        complain(r, "too many steps");
    }
    steps[(*count)++] = step;
    r->joins = true;
}

static void text_step(struct reader *r, enum hostile_kind kind, const char *rest, const char *end)
{
    struct text t = unescape(r, rest);
    t.bytes = realloc(t.bytes, t.len + 3);
    assert_non_null(t.bytes);
    memcpy(t.bytes + t.len, end, strlen(end) + 1);
    add_step(r, (struct hostile_step){kind, t.bytes, t.len + strlen(end), 0, r->line});
}

static void number_step(struct reader *r, enum hostile_kind kind, const char *rest)
{
    add_step(r, (struct hostile_step){kind, NULL, 0, strtoull(rest, NULL, 10), r->line});
}

static void use(struct reader *r, const char *name)
{
    for (size_t i = 0; i < r->block_count; i++) {
        const struct block *block = &r->blocks[i];
        for (size_t k = 0; strcmp(block->name, name) == 0 && k < block->count; k++) {
            struct hostile_step step = block->steps[k];
            if (step.text != NULL) {
                char *copy = malloc(step.len + 1);
                assert_non_null(copy);
                memcpy(copy, step.text, step.len + 1);
                step.text = copy;
            }
            add_step(r, step);
        }
        if (strcmp(block->name, name) == 0) {
            return;
        }
    }
    complain(r, "no such block");
}

static void set(struct hostile_case *c, const struct reader *r, const char *what)
{
    static const char *const kinds[] = {"tls clear", "tls implicit", "tls starttls"};
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(what, kinds[i]) == 0) {
            c->tls = i;
            return;
        }
    }
    if (strcmp(what, "account") == 0) {
        c->account = true;
    } else if (strcmp(what, "any") == 0) {
        c->any = true;
    } else if (strcmp(what, "never") == 0) {
        c->never = true;
    } else if (strcmp(what, "race") == 0) {
        c->race = true;
    } else if (strcmp(what, "slow") == 0) {
        c->slow = true;
    } else if (strcmp(what, "reuse") == 0) {
        c->reuse = true;
    } else if (strncmp(what, "token ", 6) == 0) {
        c->token = strtoul(what + 6, NULL, 10);
        c->account = true;
    } else if (strncmp(what, "recipients ", 11) == 0) {
        c->recipients = (unsigned)strtoul(what + 11, NULL, 10);
    } else if (strncmp(what, "attachment ", 11) == 0) {
        c->attachment = strtoul(what + 11, NULL, 10);
    } else {
        complain(r, "no such setting");
    }
}

static void forget_steps(struct hostile_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(steps[i].text);
    }
}

static void end_case(struct reader *r, const char *rest)
{
    char how[8] = "";
    char known[16] = "";
    int words = sscanf(rest, "%u %u %7s %15s", &r->c.error, &r->c.code, how, known);
    r->c.kept = strcmp(how, "kept") == 0;
    r->c.quit = strcmp(how, "quit") == 0 || r->c.kept;
    if (words < 3 || !(r->c.quit || strcmp(how, "drop") == 0) ||
        (words == 4 && strcmp(known, "unknown") != 0)) {
        complain(r, "a case ends with: end ERROR CODE quit|kept|drop [unknown]");
    }
    r->c.unknown = words == 4;
    r->play(&r->c);
    forget_steps(r->c.steps, r->c.count);
    r->in_case = false;
}

static void begin_case(struct reader *r, const char *name)
{
    memset(&r->c, 0, sizeof r->c);
    (void)snprintf(r->c.name, sizeof r->c.name, "%s", name);
    r->c.recipients = 1;
    r->in_case = true;
    r->block = NULL;
    r->joins = false;
}

static void begin_block(struct reader *r, const char *name)
{
    assert_true(r->block_count < BLOCKS);
    r->block = &r->blocks[r->block_count++];
    (void)snprintf(r->block->name, sizeof r->block->name, "%s", name);
    r->block->steps = calloc(HOSTILE_STEPS, sizeof *r->block->steps);
    assert_non_null(r->block->steps);
    r->joins = false;
}

static void read_step(struct reader *r, const char *word, const char *rest)
{
    static const struct {
        const char *word;
        enum hostile_kind kind;
        const char *end;
    } steps[] = {
        {"S", HOSTILE_SERVER, "\r\n"},      {"s", HOSTILE_SERVER, ""},
        {"C", HOSTILE_CLIENT, ""},          {"c", HOSTILE_LIKE, ""},
        {"MESSAGE", HOSTILE_MESSAGE, NULL}, {"PART", HOSTILE_PART, NULL},
        {"MORE", HOSTILE_MORE, NULL},       {"TAKE", HOSTILE_TAKE, NULL},
        {"TLS", HOSTILE_TLS, NULL},         {"CLOSE", HOSTILE_CLOSE, NULL},
        {"PAUSE", HOSTILE_PAUSE, NULL},     {"WAIT", HOSTILE_WAIT, NULL},
        {"HOLD", HOSTILE_HOLD, NULL},       {"KEPT", HOSTILE_KEPT, ""},
        {"NEXT", HOSTILE_NEXT, NULL},       {"NEW", HOSTILE_NEW, ""},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (strcmp(word, steps[i].word) == 0 && steps[i].end != NULL) {
            text_step(r, steps[i].kind, rest, steps[i].end);
            return;
        }
        if (strcmp(word, steps[i].word) == 0) {
            number_step(r, steps[i].kind, rest);
            return;
        }
    }
    complain(r, "no such step");
}

static void read_line(struct reader *r, const char *line)
{
    char word[16];
    size_t len = strcspn(line, " ");
    const char *rest = line + len + (line[len] == ' ' ? 1 : 0);
    if (len == 0 || line[0] == '#') {
        return;
    }
    (void)snprintf(word, sizeof word, "%.*s", (int)len, line);
    if (strcmp(word, "block") == 0) {
        begin_block(r, rest);
    } else if (strcmp(word, "case") == 0) {
        begin_case(r, rest);
    } else if (r->block == NULL && !r->in_case) {
        complain(r, "a step outside of a case");
    } else if (strcmp(word, "set") == 0) {
        set(&r->c, r, rest);
    } else if (strcmp(word, "use") == 0) {
        use(r, rest);
    } else if (strcmp(word, "--") == 0) {
        r->joins = false;
    } else if (strcmp(word, "end") == 0) {
        end_case(r, rest);
    } else {
        read_step(r, word, rest);
    }
}

static void read_text(struct reader *r, const char *name, const char *text)
{
    r->name = name;
    r->line = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        char *line = malloc(len + 1);
        assert_non_null(line);
        memcpy(line, text, len);
        line[len] = '\0';
        r->line++;
        read_line(r, line);
        free(line);
        text += len + (text[len] == '\n' ? 1 : 0);
    }
    if (r->in_case) {
        complain(r, "a case without its end");
    }
}

static char *read_file(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/hostile/%s", PM_TEST_DIR, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, TEXT_MOST);
    assert_non_null(text);
    size_t len = fread(text, 1, TEXT_MOST - 1, file);
    assert_true(len < TEXT_MOST - 1);
    assert_int_equal(fclose(file), 0);
    return text;
}

void hostile_read(const char *name, const char *text, void (*play)(const struct hostile_case *))
{
    struct reader *r = calloc(1, sizeof *r);
    assert_non_null(r);
    char *blocks = read_file("blocks.smtp");
    r->play = play;
    read_text(r, "blocks.smtp", blocks);
    r->block = NULL;
    read_text(r, name, text);
    for (size_t i = 0; i < r->block_count; i++) {
        forget_steps(r->blocks[i].steps, r->blocks[i].count);
        free(r->blocks[i].steps);
    }
    free(blocks);
    free(r);
}

void hostile_read_file(const char *name, void (*play)(const struct hostile_case *))
{
    char *text = read_file(name);
    hostile_read(name, text, play);
    free(text);
}
