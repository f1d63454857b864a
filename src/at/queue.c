/* SPDX-License-Identifier: MIT */
/*
 * The input buffer: data-mode bytes until the owner has taken them, and behind
 * them type-ahead that waits for the running command.
 *
 * When type-ahead overflows (CD26) room is made at the old end, a whole line at
 * a time: noise before the oldest prefix goes silently, then the oldest command
 * line, which is counted and answered ERROR in its turn. A line that does not
 * even fit alone is dropped up to its end and counted once.
 *
 * What has been used is overwritten: it may have been a password or a private key.
 */
#include <string.h>

#include "at/at_internal.h"
#include "base/wipe.h"

/* Without type-ahead the place for it is right behind the data-mode bytes. */
static void settle(struct pm_at *at)
{
    if (!pm__at_has_raw(at)) {
        at->raw_begin = at->raw_end = at->data_end;
    }
}

void pm__at_pack(struct pm_at *at)
{
    settle(at);
    if (!at->data_lent && at->data_begin > 0) {
        size_t n = at->data_end - at->data_begin;
        memmove(at->in, at->in + at->data_begin, n);
        at->data_begin = 0;
        at->data_end = n;
    }
    size_t shift = at->raw_begin - at->data_end;
    size_t end = at->raw_end;
    if (shift > 0) {
        memmove(at->in + at->data_end, at->in + at->raw_begin, at->raw_end - at->raw_begin);
        at->raw_begin -= shift;
        at->raw_end -= shift;
        at->raw_mark = at->raw_mark > shift ? at->raw_mark - shift : 0;
        pm__wipe(at->in + at->raw_end, end - at->raw_end);
    }
}

void pm__at_used_raw(struct pm_at *at, size_t n)
{
    size_t end = at->raw_begin + n;
    size_t begin = at->raw_begin > at->data_end ? at->raw_begin : at->data_end;
    if (begin < end) { /* What became data-mode bytes in its place is still needed. */
        pm__wipe(at->in + begin, end - begin);
    }
    at->raw_begin = end;
    settle(at);
}

void pm__at_forget(struct pm_at *at, uint64_t since)
{
    size_t keep_from = at->raw_time >= since ? at->raw_mark : at->raw_end;
    if (pm__at_has_raw(at) && keep_from > at->raw_begin) {
        pm__at_used_raw(at, keep_from - at->raw_begin);
    }
    at->dropped = 0;
    at->raw_skip = false;
}

static bool ends_line(const struct pm_at *at, uint8_t c)
{
    return c == at->set.s3 || (c == PM__LF && at->lf_ends_line);
}

/* How many of the bytes are noise before a prefix (or an 'A' that may start one). */
static size_t count_noise(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t next = i + 1 < len ? pm__at_upper(data[i + 1]) : 'T';
        if (pm__at_upper(data[i]) == 'A' && (next == 'T' || next == '/')) {
            return i;
        }
    }
    return len;
}

/* The length of the command line that starts here, its end included; 0: it has none yet. */
static size_t line_length(const struct pm_at *at, const uint8_t *data, size_t len)
{
    if (len > 1 && data[1] == '/') {
        return 2;
    }
    for (size_t i = 0; i < len; i++) {
        if (ends_line(at, data[i])) {
            return i + 1;
        }
    }
    return 0;
}

/* Makes room by dropping the oldest bytes. False when only data-mode bytes are left. */
static bool drop_oldest(struct pm_at *at)
{
    const uint8_t *raw = at->in + at->raw_begin;
    size_t len = at->raw_end - at->raw_begin;
    if (len == 0 || pm__at_has_data(at)) {
        return false;
    }
    size_t gone = count_noise(raw, len);
    if (gone == 0) {
        gone = line_length(at, raw, len);
        if (gone == 0) {
            at->raw_skip = true;
            gone = len;
        } else {
            at->dropped++;
        }
    }
    pm__at_used_raw(at, gone);
    return true;
}

/* Drops the rest of a line that was too long to be kept. */
static size_t skip_line(struct pm_at *at, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (ends_line(at, data[i])) {
            at->raw_skip = false;
            at->dropped++;
            return i + 1;
        }
    }
    return len;
}

static void append(struct pm_at *at, const uint8_t *data, size_t len)
{
    if (at->raw_time != at->now || !pm__at_has_raw(at)) {
        at->raw_time = at->now;
        at->raw_mark = at->raw_end;
    }
    memcpy(at->in + at->raw_end, data, len);
    at->raw_end += len;
}

size_t pm__at_keep(struct pm_at *at, const uint8_t *data, size_t len, bool drop)
{
    size_t used = 0;
    settle(at);
    while (used < len) {
        if (at->raw_skip) {
            used += skip_line(at, data + used, len - used);
            continue;
        }
        if (PM_AT_IN_SIZE - at->raw_end < len - used) {
            pm__at_pack(at);
        }
        size_t room = PM_AT_IN_SIZE - at->raw_end;
        if (room == 0) {
            if (!drop || !drop_oldest(at)) {
                break;
            }
            continue;
        }
        size_t n = len - used < room ? len - used : room;
        append(at, data + used, n);
        used += n;
    }
    return used;
}
