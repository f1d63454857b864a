/* SPDX-License-Identifier: MIT */
/*
 * Data mode: CONNECT after its delay, the counted end, time limits, and +++
 * with a silence of one second before and after it.
 *
 * Everything is judged by the times at which bytes arrived, so that it does not
 * matter when the owner takes them. Pluses that may become an escape are held
 * back and become data as soon as the rule is broken.
 */
#include <string.h>

#include "at/at_internal.h"
#include "base/wipe.h"

static void end(struct pm_at *at, enum pm_at_data_end reason)
{
    at->data_state = PM__DATA_ENDED;
    at->data_reason = reason;
    at->data_plus = 0;
}

/* Adds data bytes; the caller has seen to it that they fit and are still wanted. */
static void accept(struct pm_at *at, const uint8_t *data, size_t len)
{
    memmove(at->in + at->data_end, data, len);
    at->data_end += len;
    at->data_left -= (uint32_t)len;
    if (at->data_left == 0) {
        end(at, PM_AT_END_COUNT);
    }
}

/* The held pluses were no escape. */
static void release(struct pm_at *at)
{
    static const uint8_t pluses[PM__PLUS_ROOM] = {'+', '+', '+'};
    size_t n = at->data_plus;
    at->data_plus = 0;
    if (n > 0) {
        at->data_last = at->data_plus_last;
        if (!at->data_out) {
            accept(at, pluses, n);
        }
    }
}

static void open_data(struct pm_at *at)
{
    pm_at_flush(at);
    pm__at_emit_connect(at, at->data_told);
    pm__at_show(at);
    at->data_state = PM__DATA_OPEN;
    at->data_connect = at->now;
    at->data_last = at->now;
    at->data_piece = at->now;
}

static void start(struct pm_at *at, uint32_t connect_delay, uint64_t now)
{
    if (now > at->now) {
        at->now = now;
    }
    at->data_used = true;
    at->data_plus = 0;
    at->data_short = false;
    at->data_stalled = false;
    at->data_line_end = connect_delay == 0;
    at->data_connect = at->now + connect_delay;
    at->data_state = PM__DATA_WAIT;
    if (at->muted) { /* What waits was typed by the next host: it is owed its answers. */
        end(at, PM_AT_END_LOST);
        return;
    }
    pm__at_forget(at, at->now); /* While CONNECT is not due the rest is discarded, too. */
    if (connect_delay == 0) {
        open_data(at);
    }
}

static bool may_start(const struct pm_at *at)
{
    return at->running && at->data_state == PM__DATA_NONE;
}

void pm_at_data_in(struct pm_at *at, const struct pm_at_data *data, uint64_t now)
{
    if (!may_start(at) || data->length == 0) {
        return;
    }
    at->data_out = false;
    at->data_told = 0;
    at->data_left = data->length;
    at->data_total_ms = data->total_ms;
    at->data_idle_ms = data->idle_ms;
    start(at, data->connect_delay, now);
}

void pm_at_data_out(struct pm_at *at, uint32_t connect_delay, uint64_t now)
{
    pm_at_data_out_counted(at, 0, connect_delay, now);
}

void pm_at_data_out_counted(struct pm_at *at, uint32_t count, uint32_t connect_delay, uint64_t now)
{
    if (!may_start(at)) {
        return;
    }
    at->data_out = true;
    at->data_told = count;
    at->data_left = UINT32_MAX;
    at->data_total_ms = 0;
    at->data_idle_ms = 0;
    /* All may be said within this millisecond: then what is typed in it would count as a command if
     * it came after the result, and as nothing if it came with the command. */
    start(at, connect_delay > 0 ? connect_delay : 1, now);
}

void pm__at_data_reset(struct pm_at *at)
{
    at->data_state = PM__DATA_NONE;
    at->data_used = false;
    at->data_lent = false;
    at->data_plus = 0;
    pm__wipe(at->in + at->data_begin, at->data_end - at->data_begin);
    at->data_begin = at->data_end = 0;
}

void pm__at_data_stop(struct pm_at *at, enum pm_at_data_end reason)
{
    if (at->data_state == PM__DATA_OPEN) {
        release(at);
    }
    if (pm__at_data_eats(at)) {
        end(at, reason);
    }
}

bool pm_at_connected(const struct pm_at *at)
{
    return at->data_state >= PM__DATA_OPEN;
}

/* ---- Bytes from the host ---- */

/* A plus that may start an escape: a second of silence before it, and room in the count. */
static bool may_hold(const struct pm_at *at, uint8_t c)
{
    return c == '+' && at->data_left >= PM__PLUS_ROOM && at->now - at->data_last >= PM__GUARD_MS;
}

/* Looks at one byte while pluses are held or may be. True when it is held, too. */
static bool hold(struct pm_at *at, uint8_t c)
{
    if (at->data_plus > 0) {
        bool next = c == '+' && at->data_plus < PM__PLUS_ROOM &&
                    at->now - at->data_plus_first <= PM__GUARD_MS;
        if (!next) {
            release(at);
        }
    }
    if (at->data_state != PM__DATA_OPEN || (at->data_plus == 0 && !may_hold(at, c))) {
        return false;
    }
    if (at->data_plus == 0) {
        at->data_plus_first = at->now;
    }
    at->data_plus++;
    at->data_plus_last = at->now;
    at->data_piece = at->now;
    return true;
}

/* Takes as many plain bytes as fit. After the first no plus has a silence before it. */
static size_t take(struct pm_at *at, const uint8_t *data, size_t len, bool kept)
{
    size_t n = len < at->data_left ? len : at->data_left;
    if (!at->data_out) {
        size_t most = PM_AT_IN_SIZE;
        if (!kept) {
            most -= PM__PLUS_ROOM;
            if (at->data_end + n > most) {
                pm__at_pack(at);
            }
        }
        size_t room = at->data_end < most ? most - at->data_end : 0;
        n = n < room ? n : room;
    }
    if (n > 0) {
        at->data_last = at->now;
        at->data_piece = at->now;
        if (!at->data_out) {
            accept(at, data, n);
        }
    }
    return n;
}

/* Without a delay the rest of the command's line end comes after CONNECT. */
static size_t skip_line_end(struct pm_at *at, const uint8_t *data, size_t len)
{
    size_t i = 0;
    if (at->data_line_end && at->now == at->data_connect) {
        while (i < len && (data[i] == '\r' || data[i] == PM__LF)) {
            i++;
        }
    }
    if (i < len) {
        at->data_line_end = false;
    }
    return i;
}

size_t pm__at_data_feed(struct pm_at *at, const uint8_t *data, size_t len, bool kept)
{
    if (at->data_state == PM__DATA_WAIT) {
        return len;
    }
    if (at->data_short) { /* These bytes were waiting: there was no silence before them. */
        at->data_short = false;
        at->data_last = at->now;
    }
    size_t used = skip_line_end(at, data, len);
    while (used < len && at->data_state == PM__DATA_OPEN) {
        if (hold(at, data[used])) {
            used++;
            continue;
        }
        if (at->data_state != PM__DATA_OPEN) {
            break;
        }
        size_t n = take(at, data + used, len - used, kept);
        used += n;
        if (n == 0) {
            at->data_short = true;
            break;
        }
    }
    return used;
}

/* ---- Time ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* When the pluses that are held become an escape (three) or data (fewer). */
static uint64_t plus_deadline(const struct pm_at *at)
{
    if (at->data_plus == 0) {
        return PM_NEVER;
    }
    return at->data_plus == PM__PLUS_ROOM ? at->data_plus_last + PM__GUARD_MS
                                          : at->data_plus_first + PM__GUARD_MS + 1;
}

/* Idle time does not run while the owner, not the host, is late. */
static uint64_t limit_deadline(const struct pm_at *at)
{
    uint64_t limit = PM_NEVER;
    if (at->data_total_ms != 0) {
        limit = at->data_connect + at->data_total_ms;
    }
    if (at->data_idle_ms != 0 && !at->data_stalled) {
        limit = earlier(limit, at->data_piece + at->data_idle_ms);
    }
    return limit;
}

uint64_t pm__at_data_deadline(const struct pm_at *at)
{
    if (at->data_state == PM__DATA_WAIT) {
        return at->data_connect;
    }
    if (at->data_state == PM__DATA_OPEN) {
        return earlier(plus_deadline(at), limit_deadline(at));
    }
    return PM_NEVER;
}

static void watch_owner(struct pm_at *at)
{
    if (pm__at_has_data(at)) {
        at->data_stalled = true;
    } else if (at->data_stalled) {
        at->data_stalled = false;
        at->data_piece = at->now;
    }
}

void pm__at_data_time(struct pm_at *at)
{
    if (at->data_state == PM__DATA_WAIT && at->now >= at->data_connect) {
        open_data(at);
    }
    if (at->data_state == PM__DATA_OPEN) {
        watch_owner(at);
    }
    while (at->data_state == PM__DATA_OPEN && pm__at_data_deadline(at) <= at->now) {
        if (plus_deadline(at) > limit_deadline(at)) {
            pm__at_data_stop(at, PM_AT_END_TIMEOUT);
        } else if (at->data_plus == PM__PLUS_ROOM) {
            end(at, PM_AT_END_ESCAPE);
        } else {
            release(at);
        }
    }
}

/* ---- The owner's side ---- */

void pm_at_data_ack(struct pm_at *at, size_t n)
{
    size_t most = at->data_end - at->data_begin;
    if (!at->data_lent || n == 0) {
        return;
    }
    n = n < most ? n : most;
    pm__wipe(at->in + at->data_begin, n);
    at->data_lent = false;
    at->data_begin += n;
    if (!pm__at_has_data(at)) {
        at->data_begin = at->data_end = 0;
    }
}

size_t pm_at_raw(struct pm_at *at, const uint8_t *data, size_t len)
{
    if (!pm_at_connected(at)) {
        return 0;
    }
    size_t room = pm_at_room(at);
    size_t n = len < room ? len : room;
    if (at->muted) {
        return len;
    }
    pm__at_emit(at, data, n);
    pm__at_show(at);
    return n;
}
