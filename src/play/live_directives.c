/* SPDX-License-Identifier: MIT */
/* Directives on a real line: floods, DTR, leaving, and looks at the mail of a module of its own. */
#include <stdlib.h>
#include <string.h>

#include "play/live_internal.h"

/* Bytes written at once. */
#define FLOOD_BLOCK 65536U

static bool nothing(struct player *p, const char *rest)
{
    (void)p;
    (void)rest;
    return true;
}

/* "flood N text". */
static bool flood(struct player *p, const char *rest)
{
    unsigned long times = 0;
    size_t skip = 0;
    if (!transcript_flood(p, rest, &times, &skip)) {
        return false;
    }
    if (p->step->len - skip > FLOOD_BLOCK) {
        return transcript_fail(p, "nothing to flood with");
    }
    size_t len = p->step->len - skip;
    size_t most = FLOOD_BLOCK / len;
    uint8_t *block = malloc(FLOOD_BLOCK);
    bool ok = block != NULL;
    for (size_t i = 0; ok && i < most; i++) {
        memcpy(block + i * len, p->step->bytes + skip, len);
    }
    while (ok && times != 0 && !live_interrupted()) {
        size_t n = times < most ? times : most;
        ok = p->stage->type(p, block, n * len);
        transcript_drain(p);
        times -= n;
    }
    free(block);
    return ok || transcript_fail(p, "the port takes no input");
}

static bool dtr(struct player *p, const char *rest)
{
    struct live_line *line = &p->live->lines[p->port];
    if (!live_line_has_dtr(line)) {
        return live_skip(p, "line %u: %s has no DTR", p->step->line, line->where);
    }
    return live_line_dtr(line, strcmp(rest, "on") == 0) ||
           transcript_fail(p, "DTR cannot be driven");
}

/* The host leaves, and another one comes at once. */
static bool lost(struct player *p, const char *rest)
{
    struct live_line *line = &p->live->lines[p->port];
    char err[300] = "";
    (void)rest;
    live_line_close(line);
    return live_line_open(line, err, sizeof err) || transcript_fail(p, "%s: %s", line->where, err);
}

static bool look(struct player *p, const char *rest)
{
    (void)rest;
    return live_look(p);
}

static const struct row {
    const char *name;
    bool (*run)(struct player *p, const char *rest);
    enum live_ability ability;
} rows[] = {
    {"set", nothing, LIVE_ALWAYS}, /* done before */
    {"preset", nothing, LIVE_ALWAYS},
    {"preset-secret", nothing, LIVE_ALWAYS},
    {"flood", flood, LIVE_ALWAYS},
    {"dtr", dtr, LIVE_WITH_DTR},
    {"lost", lost, LIVE_WITH_CONNECTION},
    {"mails", live_mails, LIVE_WITH_CHILD},
    {"connections", live_connections, LIVE_WITH_CHILD},
    {"message-has", look, LIVE_WITH_CHILD},
    {"message-lacks", look, LIVE_WITH_CHILD},
    {"envelope-has", look, LIVE_WITH_CHILD},
    {"envelope-lacks", look, LIVE_WITH_CHILD},
    {"log-has", look, LIVE_WITH_CHILD},
    {"log-lacks", look, LIVE_WITH_CHILD},
    {"trace-has", look, LIVE_WITH_CHILD},
    {"trace-lacks", look, LIVE_WITH_CHILD},
};

static const struct row *find(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

enum live_ability live_ability(const char *name, size_t len)
{
    const struct row *row = find(name, len);
    return row != NULL ? row->ability : LIVE_NEVER;
}

/* What only the module's side could show is left out where that is elsewhere, and noted. */
bool live_directive(struct player *p, const char *name, size_t len, const char *rest)
{
    const struct row *row = find(name, len);
    if (row == NULL) {
        return transcript_fail(p, "not on a real line");
    }
    if (row->ability == LIVE_WITH_CHILD && !live_starts_module(p->live->options)) {
        transcript_note(p, "not looked at here: %s", p->step->word);
        return true;
    }
    return row->run(p, rest);
}
