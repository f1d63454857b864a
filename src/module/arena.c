/* SPDX-License-Identifier: MIT */
/* The packed texts of a module. A record is key, index, length (2 bytes), bytes. */
#include "module/arena.h"

#include <string.h>

#include "base/ascii.h"
#include "base/wipe.h"

#define HEAD 4U

/* What decides where and as whom a mail connection is made. */
static bool shapes_connection(uint8_t key)
{
    return key == PM__KEY_USERNAME || key == PM__KEY_PASSWORD || key == PM__KEY_SERVER ||
           key == PM__KEY_DNS || (key >= PM__KEY_CACERT && key <= PM__KEY_ALPN);
}

static size_t record_len(const struct pm_arena *arena, size_t at)
{
    return (size_t)arena->base[at + 2] | ((size_t)arena->base[at + 3] << 8);
}

void pm__arena_init(struct pm_arena *arena, uint8_t *base, size_t size)
{
    arena->base = base;
    arena->size = size;
    arena->mail_end = 0;
    arena->used = 0;
    arena->changes = 0;
}

bool pm__arena_next(const struct pm_arena *arena, size_t *at, struct pm__record *record)
{
    if (*at >= arena->used) {
        return false;
    }
    const uint8_t *head = arena->base + *at;
    record->key = head[0];
    record->index = head[1];
    record->text.ptr = head + HEAD;
    record->text.len = record_len(arena, *at);
    *at += HEAD + record->text.len;
    return true;
}

struct pm_slice pm__arena_get(const struct pm_arena *arena, enum pm__key key, uint8_t index)
{
    struct pm__record record;
    size_t at = 0;
    while (pm__arena_next(arena, &at, &record)) {
        if (record.key == key && record.index == index) {
            return record.text;
        }
    }
    return (struct pm_slice){NULL, 0};
}

bool pm__arena_nth(const struct pm_arena *arena, enum pm__key key, uint16_t n,
                   struct pm__record *record)
{
    size_t at = 0;
    while (pm__arena_next(arena, &at, record)) {
        if (record->key == key && n-- == 0) {
            return true;
        }
    }
    return false;
}

size_t pm__arena_cost(size_t len)
{
    return HEAD + len;
}

size_t pm__arena_free(const struct pm_arena *arena)
{
    return arena->size - arena->used;
}

bool pm__arena_add2(struct pm_arena *arena, enum pm__key key, uint8_t index, struct pm_slice head,
                    struct pm_slice tail)
{
    if (head.len > UINT16_MAX || tail.len > UINT16_MAX - head.len ||
        HEAD + head.len + tail.len > pm__arena_free(arena)) {
        return false;
    }
    size_t len = head.len + tail.len;
    size_t at = key < PM__KEY_SETTINGS ? arena->mail_end : arena->used;
    memmove(arena->base + at + HEAD + len, arena->base + at, arena->used - at);
    arena->base[at] = (uint8_t)key;
    arena->base[at + 1] = index;
    arena->base[at + 2] = (uint8_t)(len & 0xFF);
    arena->base[at + 3] = (uint8_t)(len >> 8);
    if (head.len != 0) {
        memcpy(arena->base + at + HEAD, head.ptr, head.len);
    }
    if (tail.len != 0) {
        memcpy(arena->base + at + HEAD + head.len, tail.ptr, tail.len);
    }
    arena->used += HEAD + len;
    arena->changes += shapes_connection((uint8_t)key);
    if (key < PM__KEY_SETTINGS) {
        arena->mail_end += HEAD + len;
    }
    return true;
}

bool pm__arena_add(struct pm_arena *arena, enum pm__key key, uint8_t index, struct pm_slice text)
{
    return pm__arena_add2(arena, key, index, text, (struct pm_slice){NULL, 0});
}

/* Takes the record at `at` out. What the move leaves behind may hold a secret. */
static void remove_at(struct pm_arena *arena, size_t at)
{
    size_t len = HEAD + record_len(arena, at);
    arena->changes += shapes_connection(arena->base[at]);
    memmove(arena->base + at, arena->base + at + len, arena->used - at - len);
    arena->used -= len;
    if (at < arena->mail_end) {
        arena->mail_end -= len;
    }
    pm__wipe(arena->base + arena->used, len);
}

bool pm__arena_remove(struct pm_arena *arena, enum pm__key key, uint8_t index, struct pm_slice text)
{
    struct pm__record record;
    size_t at = 0;
    size_t here = 0;
    while (pm__arena_next(arena, &at, &record)) {
        if (record.key == key && record.index == index &&
            (text.ptr == NULL ||
             (text.len == record.text.len && memcmp(text.ptr, record.text.ptr, text.len) == 0))) {
            remove_at(arena, here);
            return true;
        }
        here = at;
    }
    return false;
}

void pm__arena_clear(struct pm_arena *arena, enum pm__key key)
{
    struct pm__record record;
    size_t here = 0;
    for (size_t at = 0; pm__arena_next(arena, &at, &record); here = at) {
        if (record.key == key) {
            remove_at(arena, here);
            at = here;
        }
    }
}

/* True when every text is there already: a host may set the same values before each mail. */
static bool all_there(const struct pm_arena *arena, const struct pm__change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!pm__slice_equal(pm__arena_get(arena, changes[i].key, changes[i].index),
                             changes[i].text)) {
            return false;
        }
    }
    return true;
}

bool pm__arena_set_all(struct pm_arena *arena, const struct pm__change *changes, size_t count)
{
    size_t need = 0;
    size_t gain = 0;
    if (all_there(arena, changes, count)) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        struct pm_slice old = pm__arena_get(arena, changes[i].key, changes[i].index);
        gain += old.ptr != NULL ? HEAD + old.len : 0;
        need += changes[i].text.len != 0 ? HEAD + changes[i].text.len : 0;
    }
    if (need > pm__arena_free(arena) + gain) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        (void)pm__arena_remove(arena, changes[i].key, changes[i].index, (struct pm_slice){NULL, 0});
    }
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        ok = (changes[i].text.len == 0 ||
              pm__arena_add(arena, changes[i].key, changes[i].index, changes[i].text)) &&
             ok;
    }
    return ok;
}

bool pm__arena_set(struct pm_arena *arena, enum pm__key key, uint8_t index, struct pm_slice text)
{
    const struct pm__change change = {key, index, text};
    return pm__arena_set_all(arena, &change, 1);
}
