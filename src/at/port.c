/* SPDX-License-Identifier: MIT */
/*
 * A port as a whole: which part of the engine gets the bytes, the time and the
 * next event.
 */
#include <stddef.h>
#include <string.h>

#include "at/at_internal.h"
#include "base/wipe.h"

void pm_at_settings_factory(struct pm_at_settings *settings)
{
    memset(settings, 0, sizeof *settings);
    settings->echo = 1;
    settings->verbose = 1;
    settings->connect = 4;
    settings->dcd = 1;
    settings->dtr = 2;
    settings->cmee = 1;
    settings->s3 = '\r';
    settings->s4 = '\n';
    settings->s5 = PM__BS;
    settings->s6 = 2;
    settings->s8 = 2;
    settings->s10 = 15;
    settings->s12 = 50;
}

void pm_at_init(struct pm_at *at, const struct pm_at_config *config)
{
    memset(at, 0, offsetof(struct pm_at, line));
    at->set = config->settings;
    at->table = config->table;
    at->limits = config->limits;
    at->lenient = config->lenient;
    at->lf_ends_line = config->lf_ends_line;
    at->dtr = true;
}

bool pm_at_busy(const struct pm_at *at)
{
    return at->running || (at->line_ready && at->line_pos > 0);
}

/* ---- Time ---- */

/* Every call that names a time comes through here first. */
static void advance(struct pm_at *at, uint64_t now)
{
    if (now > at->now) {
        at->now = now;
    }
    pm__at_data_time(at);
    pm__at_urc_run(at);
}

void pm_at_tick(struct pm_at *at, uint64_t now)
{
    advance(at, now);
}

uint64_t pm_at_deadline(const struct pm_at *at)
{
    uint64_t data = pm__at_data_deadline(at);
    uint64_t urc = pm__at_urc_deadline(at);
    return data < urc ? data : urc;
}

/* ---- Input ---- */

/* Nothing older waits: new bytes may go straight to the line discipline. */
static bool may_read_lines(const struct pm_at *at)
{
    return !pm__at_line_busy(at) && at->dropped == 0 && !at->raw_skip;
}

static void feed_kept_data(struct pm_at *at)
{
    if (pm__at_data_eats(at) && pm__at_has_raw(at)) {
        const uint8_t *raw = at->in + at->raw_begin;
        pm__at_used_raw(at, pm__at_data_feed(at, raw, at->raw_end - at->raw_begin, true));
    }
}

static size_t feed(struct pm_at *at, const uint8_t *data, size_t len)
{
    if (pm__at_data_eats(at)) {
        return pm__at_data_feed(at, data, len, false);
    }
    if (may_read_lines(at) && !pm__at_has_raw(at)) {
        return pm__at_line_feed(at, data, len);
    }
    return pm__at_keep(at, data, len, at->running);
}

size_t pm_at_input(struct pm_at *at, const uint8_t *data, size_t len, uint64_t now)
{
    size_t used = 0;
    advance(at, now);
    feed_kept_data(at);
    while (used < len) {
        bool eats = pm__at_data_eats(at);
        size_t n = feed(at, data + used, len - used);
        if (n == 0 && eats == pm__at_data_eats(at)) { /* Held pluses may have ended data mode. */
            break;
        }
        at->active = at->now;
        at->input_ended = false;
        used += n;
    }
    return used;
}

void pm_at_input_end(struct pm_at *at, uint64_t now)
{
    at->input_ended = true;
    advance(at, now);
}

/* ---- Events ---- */

static bool data_event(struct pm_at *at, struct pm_at_event *event)
{
    if (pm__at_has_data(at)) {
        if (at->data_lent) {
            return false;
        }
        at->data_lent = true;
        event->kind = PM_AT_EV_DATA;
        event->data.ptr = at->in + at->data_begin;
        event->data.len = at->data_end - at->data_begin;
        return true;
    }
    if (at->data_state == PM__DATA_ENDED) {
        at->data_state = PM__DATA_REPORTED;
        event->kind = PM_AT_EV_DATA_END;
        event->reason = at->data_reason;
        return true;
    }
    return false;
}

/* Runs the line as far as its next command. False when the host must read first. */
static bool run_line(struct pm_at *at, struct pm_at_event *event)
{
    if (pm__at_free(at) < PM_AT_REPLY_ROOM) {
        pm__at_show(at);
        return false;
    }
    enum pm__at_split found = PM__SPLIT_ERROR;
    if (at->line_pos > 0 || (!at->line_bad && pm__at_line_allowed(at))) {
        found = pm__at_split(at);
    }
    if (found == PM__SPLIT_COMMAND) {
        pm__at_begin_reply(at);
        at->running = true;
        event->kind = PM_AT_EV_COMMAND;
        event->command = at->call.command;
        event->form = at->call.form;
        return true;
    }
    pm__at_emit_result(at, found == PM__SPLIT_END ? PM_AT_RESULT_OK : PM_AT_RESULT_ERROR);
    pm__at_finish_line(at);
    return true;
}

/* Answers lines that were dropped for lack of room, in their turn (CD26). */
static bool answer_dropped(struct pm_at *at)
{
    if (at->dropped > 0) {
        if (pm__at_free(at) < PM_AT_REPLY_ROOM) {
            return false;
        }
        pm__at_emit_result(at, PM_AT_RESULT_ERROR);
        pm__at_show(at);
        at->dropped--;
        at->active = at->now;
        return true;
    }
    at->raw_skip = false; /* The line that is still coming in is an over-long one. */
    at->line_state = PM__LINE_DISCARD;
    at->line_len = 0;
    return true;
}

/* Looks at kept bytes. False when there are none, or no room for their echo. */
static bool read_kept(struct pm_at *at)
{
    if (!pm__at_has_raw(at)) {
        return false;
    }
    size_t n = pm__at_line_feed(at, at->in + at->raw_begin, at->raw_end - at->raw_begin);
    if (n == 0) {
        return false;
    }
    pm__at_used_raw(at, n);
    at->active = at->now;
    return true;
}

/* One step towards the next event. False when nothing can be done now. */
static bool step(struct pm_at *at, struct pm_at_event *event)
{
    if (at->running) {
        feed_kept_data(at);
        return data_event(at, event);
    }
    if (at->line_ready) {
        return run_line(at, event);
    }
    if (!may_read_lines(at)) {
        return answer_dropped(at);
    }
    return read_kept(at);
}

enum pm_at_event_kind pm_at_next_event(struct pm_at *at, struct pm_at_event *event, uint64_t now)
{
    memset(event, 0, sizeof *event);
    event->kind = PM_AT_EV_NONE;
    advance(at, now);
    while (event->kind == PM_AT_EV_NONE && step(at, event)) {
    }
    if (event->kind == PM_AT_EV_NONE) {
        pm__at_urc_run(at); /* The last of the type-ahead may have been all that held them back. */
    }
    return event->kind;
}

/* ---- Signals ---- */

void pm_at_set_dtr(struct pm_at *at, bool on, uint64_t now)
{
    advance(at, now);
    bool dropped = at->dtr && !on;
    at->dtr = on;
    if (dropped && at->set.dtr == 1 && at->data_state == PM__DATA_OPEN) {
        pm__at_data_stop(at, PM_AT_END_DTR);
    }
}

/* Drops and overwrites what waits: type-ahead, lines still to be answered, URCs. */
static void forget_waiting(struct pm_at *at)
{
    at->raw_begin = at->raw_end;
    pm__at_used_raw(at, 0);
    pm__wipe(at->in + at->data_end, sizeof at->in - at->data_end);
    at->dropped = 0;
    at->raw_skip = false;
    at->urc_len = 0;
}

void pm_at_stop(struct pm_at *at)
{
    forget_waiting(at);
    if (at->running) {
        at->line_pos = at->line_len;
    }
}

void pm_at_lost(struct pm_at *at, uint64_t now)
{
    advance(at, now);
    pm__at_clear_output(at);
    pm__wipe(at->out, sizeof at->out);
    pm__at_data_stop(at, PM_AT_END_LOST);
    forget_waiting(at);
    at->line_state = PM__LINE_HUNT;
    at->line_quoted = false;
    at->line_bad = false;
    if (at->running) { /* Its parameters stand in the line: only the rest of it is dropped. */
        at->muted = true;
        at->line_pos = at->line_len;
    } else {
        at->line_ready = false;
        at->line_len = 0;
        pm__wipe(at->line, sizeof at->line);
    }
    at->active = at->now;
}
