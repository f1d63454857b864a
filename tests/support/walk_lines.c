/* SPDX-License-Identifier: MIT */
/* Lines for the commands of the table: values that often are what the row allows, and often not. */
#include <stdio.h>
#include <string.h>

#include "walk.h"

/* Longer ones would let a time limit run for hours. */
enum { NUMBER_MOST = 300 };

static const char *const words[] = {
    "a",
    "b",
    "RAM:a",
    "UFS:b",
    "SD:c",
    "*",
    "RAM:*",
    "RAM",
    "../b",
    "",
    "alice@example.com",
    "bob@example.com",
    "mail.example",
    "fault.example",
    "IP",
    "apn",
    "0",
    "1234",
    "26/11/26,04:00:00+00",
    "a name that is longer than what most rows allow, and so is refused by them, mostly",
};

/* Results of these cannot be told, or they restart the module. */
static bool left_out(const char *name)
{
    static const char *const names[] = {"V", "Q", "S", "D", "+CFUN", "+QPOWD"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static const struct pm_at_command *draw_row(struct walk *p)
{
    size_t slot = walk_draw(p, PM_AT_INDEX_SLOTS);
    const struct pm_at_command *row = NULL;
    while (row == NULL || left_out(row->name)) {
        slot = (slot + 1) % PM_AT_INDEX_SLOTS;
        row = p->w.table.slots[slot];
    }
    return row;
}

struct line {
    char *text;
    size_t size, len;
};

static void add(struct line *line, const char *text)
{
    size_t len = strlen(text);
    if (line->len + len + 2 < line->size) {
        memcpy(line->text + line->len, text, len);
        line->len += len;
    }
}

static void add_number(struct walk *p, struct line *line, const struct pm_at_param *param)
{
    char text[24];
    long span = (long)param->max - param->min;
    long number = param->min + (long)walk_draw(p, (uint32_t)(span < 60 ? span + 1 : 60));
    switch (walk_draw(p, 12)) {
    case 0: number = param->max < NUMBER_MOST ? (long)param->max + 1 : param->min; break;
    case 1: number = (long)param->min - 1; break;
    default: break;
    }
    (void)snprintf(text, sizeof text, "%ld", number);
    add(line, text);
}

static void add_value(struct walk *p, struct line *line, const struct pm_at_param *param)
{
    bool quoted = param->type != PM_AT_NUMBER;
    switch (walk_draw(p, 16)) {
    case 0: return; /* left out */
    case 1: quoted = !quoted; break;
    default: break;
    }
    add(line, quoted ? "\"" : "");
    if (param->type == PM_AT_NUMBER) {
        add_number(p, line, param);
    } else {
        add(line, words[walk_draw(p, sizeof words / sizeof words[0])]);
    }
    add(line, quoted && walk_draw(p, 40) != 0 ? "\"" : "");
}

/* As many values as the row has, one more, or fewer. */
static void add_values(struct walk *p, struct line *line, const struct pm_at_param *params,
                       size_t count, bool comma)
{
    size_t most = walk_draw(p, 3) == 0 ? walk_draw(p, (uint32_t)count + 2) : count;
    for (size_t i = 0; i < most; i++) {
        add(line, comma || i != 0 ? "," : "");
        if (i < count) {
            add_value(p, line, &params[i]);
        }
    }
}

static void add_write(struct walk *p, struct line *line, const struct pm_at_command *row)
{
    add(line, "=");
    if (row->item_count == 0) {
        add_values(p, line, row->params, row->param_count, false);
        return;
    }
    const struct pm_at_item *item = &row->items[walk_draw(p, row->item_count)];
    add(line, "\"");
    add(line, item->keyword);
    add(line, "\"");
    add_values(p, line, item->params, item->param_count, true);
}

size_t walk_line(struct walk *p, char *text, size_t size)
{
    struct line line = {text, size, 0};
    const struct pm_at_command *row = draw_row(p);
    add(&line, "AT");
    add(&line, row->name);
    if (row->name[0] != '+') {
        if (row->param_count != 0) {
            add_number(p, &line, &row->params[0]);
        }
    } else {
        switch (walk_draw(p, 8)) {
        case 0: break;
        case 1: add(&line, "?"); break;
        case 2: add(&line, "=?"); break;
        default: add_write(p, &line, row); break;
        }
    }
    line.text[line.len++] = '\r';
    return line.len;
}
