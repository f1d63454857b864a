/* SPDX-License-Identifier: MIT */
/*
 * The index over command rows: open addressing, at most half full, so that a
 * look-up takes one or two probes whatever the number of commands.
 */
#include <string.h>

#include "at/at_internal.h"

/* FNV-1a over upper-cased bytes, folded so that the low bits take part of the high ones. */
static uint32_t hash_name(const uint8_t *name, size_t len)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ pm__at_upper(name[i])) * 16777619u;
    }
    return hash ^ (hash >> 15);
}

static bool same_name(const char *upper, const uint8_t *name, size_t len)
{
    size_t i = 0;
    while (i < len && upper[i] != '\0' && (uint8_t)upper[i] == pm__at_upper(name[i])) {
        i++;
    }
    return i == len && upper[i] == '\0';
}

/* The slot that holds the name, or the empty one where it would stand. */
static size_t find_slot(const struct pm_at_table *table, const uint8_t *name, size_t len)
{
    size_t slot = hash_name(name, len) & (PM_AT_INDEX_SLOTS - 1);
    while (table->slots[slot] != NULL && !same_name(table->slots[slot]->name, name, len)) {
        slot = (slot + 1) & (PM_AT_INDEX_SLOTS - 1);
    }
    return slot;
}

static bool is_upper(const char *name)
{
    for (; *name != '\0'; name++) {
        if (pm__at_upper((uint8_t)*name) != (uint8_t)*name) {
            return false;
        }
    }
    return true;
}

void pm_at_table_init(struct pm_at_table *table)
{
    memset(table, 0, sizeof *table);
}

bool pm_at_table_add(struct pm_at_table *table, const struct pm_at_command *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = rows[i].name;
        size_t len = strlen(name);
        if (len == 0 || !is_upper(name) || table->count >= PM_AT_INDEX_SLOTS / 2) {
            return false;
        }
        size_t slot = find_slot(table, (const uint8_t *)name, len);
        if (table->slots[slot] != NULL) {
            return false;
        }
        table->slots[slot] = &rows[i];
        table->count++;
    }
    return true;
}

const struct pm_at_command *pm_at_table_find(const struct pm_at_table *table, const char *name,
                                             size_t len)
{
    return table->slots[find_slot(table, (const uint8_t *)name, len)];
}
