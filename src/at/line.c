/* SPDX-License-Identifier: MIT */
/*
 * The line discipline (V.250 5.2): finds the prefix, collects and edits the
 * line, echoes.
 *
 * Echoed is what is kept: the prefix once it is complete, the characters of the
 * line, its end. Noise before a prefix, ignored control characters and the rest
 * of an over-long line are not, so that a host which sends a flood without
 * reading cannot block the port with its own echo.
 */
#include <string.h>

#include "at/at_internal.h"
#include "base/wipe.h"

/* Characters that end a run of plain ones; S3 and S5 come on top. */
static bool is_special(uint8_t c)
{
    return c < 0x20 || c == '"' || c == PM__DEL;
}

static void echo(struct pm_at *at, const uint8_t *data, size_t len)
{
    if (at->set.echo != 0) {
        pm__at_emit(at, data, len);
        pm__at_show(at);
    }
}

static bool ends_line(const struct pm_at *at, uint8_t c)
{
    return c == at->set.s3 || (c == PM__LF && at->lf_ends_line);
}

/* The line may be run from its first command on. */
static void make_ready(struct pm_at *at)
{
    at->line_state = PM__LINE_HUNT;
    at->line_ready = true;
    at->line_pos = 0;
}

static void end_line(struct pm_at *at, uint8_t c)
{
    echo(at, &c, 1);
    at->line_bad = at->line_state == PM__LINE_DISCARD;
    make_ready(at);
}

/* Between lines nothing is kept but an 'A' that may start a prefix. */
static size_t hunt(struct pm_at *at, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] == 'A' || data[i] == 'a') {
            at->line_state = PM__LINE_A;
            at->line_a = data[i];
            return i + 1;
        }
    }
    return len;
}

/* The line before is not needed any more, and may hold a password. */
static void forget_line(struct pm_at *at)
{
    pm__wipe(at->line, at->line_len);
    at->line_len = 0;
}

/* The character behind an 'A': a prefix, A/, or noise. */
static void after_a(struct pm_at *at, uint8_t c)
{
    const uint8_t prefix[2] = {at->line_a, c};
    if (c == 'T' || c == 't') {
        at->line_state = PM__LINE_BODY;
        forget_line(at);
        at->line_quoted = false;
        echo(at, prefix, sizeof prefix);
    } else if (c == '/') {
        echo(at, prefix, sizeof prefix);
        make_ready(at);
    } else if (c == 'A' || c == 'a') {
        at->line_a = c;
    } else {
        at->line_state = PM__LINE_HUNT;
    }
}

/* S5 takes back one character, and with it an opening or closing quote. */
static void delete_last(struct pm_at *at)
{
    static const uint8_t erase[3] = {PM__BS, ' ', PM__BS};
    if (at->line_len == 0) {
        return;
    }
    at->line_len--;
    if (at->line[at->line_len] == '"') {
        at->line_quoted = !at->line_quoted;
    }
    at->line[at->line_len] = 0;
    echo(at, erase, sizeof erase);
}

/* Adds characters to the line; beyond its limit the line is lost (CD13). */
static void keep(struct pm_at *at, const uint8_t *data, size_t len)
{
    if (len > PM_AT_LINE_SIZE - at->line_len) {
        at->line_state = PM__LINE_DISCARD;
        forget_line(at);
        return;
    }
    memcpy(at->line + at->line_len, data, len);
    at->line_len += len;
    echo(at, data, len);
}

/* One character with a meaning of its own. */
static void body_special(struct pm_at *at, uint8_t c)
{
    if (ends_line(at, c)) { /* Also inside an open quote (CD27). */
        end_line(at, c);
    } else if (c == at->set.s5 || c == PM__DEL) {
        delete_last(at);
    } else if (c == '"') {
        at->line_quoted = !at->line_quoted;
        keep(at, &c, 1);
    } else if (c >= 0x20 || at->line_quoted) {
        keep(at, &c, 1);
    }
}

/* A run of plain characters, as long as their echo fits. */
static size_t plain_run(const struct pm_at *at, const uint8_t *data, size_t len)
{
    const uint8_t end = at->set.s3;
    const uint8_t erase = at->set.s5;
    size_t i = 0;
    while (i < len && !is_special(data[i]) && data[i] != end && data[i] != erase) {
        i++;
    }
    return i;
}

static size_t body(struct pm_at *at, const uint8_t *data, size_t len, size_t echo_room)
{
    size_t run = plain_run(at, data, len < echo_room ? len : echo_room);
    if (run == 0) {
        body_special(at, data[0]);
        return 1;
    }
    size_t line_room = PM_AT_LINE_SIZE - at->line_len;
    if (run > line_room && line_room > 0) {
        run = line_room; /* What fits is echoed, however the input was cut. */
    }
    keep(at, data, run);
    return run;
}

static size_t discard(struct pm_at *at, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (ends_line(at, data[i])) {
            end_line(at, data[i]);
            return i + 1;
        }
    }
    return len;
}

size_t pm__at_line_feed(struct pm_at *at, const uint8_t *data, size_t len)
{
    size_t used = 0;
    while (used < len && !at->line_ready) {
        size_t room = pm__at_free(at);
        if (room < PM_AT_REPLY_ROOM + PM__ECHO_MOST) {
            break;
        }
        const uint8_t *next = data + used;
        size_t left = len - used;
        switch (at->line_state) {
        case PM__LINE_HUNT: used += hunt(at, next, left); break;
        case PM__LINE_A:
            after_a(at, next[0]);
            used++;
            break;
        case PM__LINE_BODY: used += body(at, next, left, room - PM_AT_REPLY_ROOM); break;
        default: used += discard(at, next, left); break;
        }
    }
    return used;
}
