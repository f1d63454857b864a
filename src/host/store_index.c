/* SPDX-License-Identifier: MIT */
/* The index of a storage: names and sizes, sorted as AT+QFLST lists them, so that listing
 * thousands of files never touches the disk. */
#include <stdlib.h>
#include <string.h>

#include "host/store_internal.h"

static int store_compare(const struct store_entry *entry, struct pm_slice name)
{
    size_t common = entry->len < name.len ? entry->len : name.len;
    int order = common > 0 ? memcmp(entry->name, name.ptr, common) : 0;
    if (order != 0) {
        return order;
    }
    return entry->len < name.len ? -1 : entry->len > name.len;
}

/* The position of the first entry that does not sort before `name`. */
static size_t store_index_position(const struct store_index *index, struct pm_slice name)
{
    size_t low = 0;
    size_t high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (store_compare(index->entries[middle], name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool store_index_is(const struct store_index *index, size_t at, struct pm_slice name)
{
    return at < index->count && store_compare(index->entries[at], name) == 0;
}

struct store_entry *pm__store_entry_new(struct pm_slice name)
{
    struct store_entry *entry = malloc(sizeof *entry + name.len);
    if (entry != NULL) {
        entry->size = 0;
        entry->editor = NULL;
        entry->len = (uint8_t)name.len;
        memcpy(entry->name, name.ptr, name.len);
    }
    return entry;
}

bool pm__store_index_reserve(struct store_index *index, size_t more)
{
    if (index->count + more <= index->cap) {
        return true;
    }
    if (index->count + more > STORE_ENTRIES) {
        return false;
    }
    size_t cap = index->cap > 0 ? index->cap * 2 : 16;
    while (cap < index->count + more) {
        cap *= 2;
    }
    struct store_entry **entries = realloc(index->entries, cap * sizeof(struct store_entry *));
    if (entries == NULL) {
        return false;
    }
    index->entries = entries;
    index->cap = cap;
    return true;
}

void pm__store_index_insert(struct store_index *index, struct store_entry *entry)
{
    struct pm_slice name = {entry->name, entry->len};
    size_t at = store_index_position(index, name);
    memmove(&index->entries[at + 1], &index->entries[at],
            (index->count - at) * sizeof(struct store_entry *));
    index->entries[at] = entry;
    index->count++;
    index->bytes += entry->size;
}

void pm__store_index_append(struct store_index *index, struct store_entry *entry)
{
    index->entries[index->count++] = entry;
    index->bytes += entry->size;
}

static int store_entry_order(const void *a, const void *b)
{
    const struct store_entry *const *left = a;
    const struct store_entry *const *right = b;
    struct pm_slice name = {(*right)->name, (*right)->len};
    return store_compare(*left, name);
}

void pm__store_index_sort(struct store_index *index)
{
    if (index->count > 1) {
        qsort(index->entries, index->count, sizeof(struct store_entry *), store_entry_order);
    }
}

struct store_entry *pm__store_index_find(const struct store_index *index, struct pm_slice name)
{
    size_t at = store_index_position(index, name);
    return store_index_is(index, at, name) ? index->entries[at] : NULL;
}

struct store_entry *pm__store_index_next(const struct store_index *index, struct pm_slice after)
{
    size_t at = store_index_position(index, after);
    if (store_index_is(index, at, after)) {
        at++;
    }
    return at < index->count ? index->entries[at] : NULL;
}

void pm__store_index_remove(struct store_index *index, struct pm_slice name)
{
    size_t at = store_index_position(index, name);
    if (!store_index_is(index, at, name)) {
        return;
    }
    struct store_entry *entry = index->entries[at];
    if (entry->editor != NULL) {
        entry->editor->entry = NULL;
    }
    index->bytes -= entry->size;
    index->count--;
    memmove(&index->entries[at], &index->entries[at + 1],
            (index->count - at) * sizeof(struct store_entry *));
    free(entry);
}

void pm__store_index_free(struct store_index *index)
{
    for (size_t i = 0; i < index->count; i++) {
        free(index->entries[i]);
    }
    free(index->entries);
    memset(index, 0, sizeof *index);
}
