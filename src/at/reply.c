/* SPDX-License-Identifier: MIT */
/*
 * Replies: the output buffer and the framing of information lines and result
 * codes under V, Q, S3, S4 and CMEE (V.250 5.7 and 6.2, 27.007 9.1).
 */
#include <string.h>

#include "at/at_internal.h"
#include "base/wipe.h"
#include "postmodem/error.h"

size_t pm__at_free(const struct pm_at *at)
{
    return PM_AT_OUT_SIZE - (at->out_end - at->out_begin);
}

/* Moves what is unread to the front when there is not enough room behind it. */
static void make_room(struct pm_at *at, size_t len)
{
    if (at->out_begin == 0 || PM_AT_OUT_SIZE - at->out_end >= len) {
        return;
    }
    memmove(at->out, at->out + at->out_begin, at->out_end - at->out_begin);
    at->out_visible -= at->out_begin;
    at->out_end -= at->out_begin;
    pm__wipe(at->out + at->out_end, at->out_begin);
    if (at->info_open) {
        at->info_begin -= at->out_begin;
    }
    at->out_begin = 0;
}

void pm__at_emit(struct pm_at *at, const uint8_t *data, size_t len)
{
    if (at->muted || len == 0) {
        return;
    }
    make_room(at, len);
    size_t room = PM_AT_OUT_SIZE - at->out_end;
    size_t n = len < room ? len : room;
    memcpy(at->out + at->out_end, data, n);
    at->out_end += n;
}

void pm__at_show(struct pm_at *at)
{
    at->out_visible = at->out_end;
}

void pm__at_clear_output(struct pm_at *at)
{
    at->out_begin = at->out_visible = at->out_end = 0;
    at->info_open = false;
}

void pm__at_begin_reply(struct pm_at *at)
{
    at->info_open = false;
    at->info_first = true;
}

static void emit_text(struct pm_at *at, const char *text)
{
    pm__at_emit(at, (const uint8_t *)text, strlen(text));
}

static void emit_number(struct pm_at *at, uint32_t number)
{
    uint8_t digits[10];
    size_t first = sizeof digits;
    do {
        digits[--first] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    pm__at_emit(at, digits + first, sizeof digits - first);
}

/* S3 and S4, the header and trailer of V1. */
static void emit_end(struct pm_at *at)
{
    const uint8_t end[2] = {at->set.s3, at->set.s4};
    pm__at_emit(at, end, sizeof end);
}

static void emit_header(struct pm_at *at)
{
    if (at->set.verbose != 0) {
        emit_end(at);
    }
}

void pm__at_emit_line(struct pm_at *at, const uint8_t *text, size_t len)
{
    emit_header(at);
    pm__at_emit(at, text, len);
    emit_end(at);
}

/* A result code: a framed word under V1, a number and S3 under V0, nothing under Q1. */
static void emit_code(struct pm_at *at, const char *word, uint8_t number)
{
    if (at->set.quiet != 0) {
        return;
    }
    if (at->set.verbose != 0) {
        pm__at_emit_line(at, (const uint8_t *)word, strlen(word));
    } else {
        const uint8_t code[2] = {(uint8_t)('0' + number), at->set.s3};
        pm__at_emit(at, code, sizeof code);
    }
}

void pm__at_emit_result(struct pm_at *at, enum pm_at_result result)
{
    const char *word = "ERROR";
    if (result == PM_AT_RESULT_OK) {
        word = "OK";
    } else if (result == PM_AT_RESULT_NO_CARRIER) {
        word = "NO CARRIER";
    }
    emit_code(at, word, (uint8_t)result);
}

void pm__at_emit_connect(struct pm_at *at, uint32_t count)
{
    if (count == 0) {
        emit_code(at, "CONNECT", 1);
    } else if (at->set.quiet == 0) {
        emit_header(at);
        emit_text(at, "CONNECT ");
        emit_number(at, count);
        emit_end(at);
    }
}

/* ---- Information lines ---- */

size_t pm_at_room(const struct pm_at *at)
{
    size_t room = at->muted ? (size_t)PM_AT_OUT_SIZE : pm__at_free(at);
    return room > PM__OUT_RESERVE ? room - PM__OUT_RESERVE : 0;
}

/* Ends the open line; one that did not fit vanishes as a whole. */
static void close_info(struct pm_at *at)
{
    if (!at->info_open) {
        return;
    }
    at->info_open = false;
    if (at->info_lost) {
        pm__wipe(at->out + at->info_begin, at->out_end - at->info_begin);
        at->out_end = at->info_begin;
        return;
    }
    emit_end(at);
    at->info_first = false;
}

static void put(struct pm_at *at, const uint8_t *data, size_t len)
{
    if (!at->info_open || at->info_lost) {
        return;
    }
    if (len > pm_at_room(at)) {
        at->info_lost = true;
    } else {
        pm__at_emit(at, data, len);
    }
}

static void open_info(struct pm_at *at, bool header)
{
    if (!at->running) {
        return;
    }
    close_info(at);
    if (pm__at_free(at) < PM_AT_REPLY_ROOM) {
        pm__at_show(at); /* A handler that waits for room gets it only from the host's reading. */
    }
    make_room(at, PM__OUT_RESERVE);
    at->info_open = true;
    at->info_lost = false;
    at->info_begin = at->out_end;
    if (header && at->info_first && at->set.verbose != 0) {
        const uint8_t end[2] = {at->set.s3, at->set.s4};
        put(at, end, sizeof end);
    }
}

void pm_at_info(struct pm_at *at)
{
    open_info(at, true);
}

void pm_at_info_bare(struct pm_at *at)
{
    open_info(at, false);
}

void pm_at_put_bytes(struct pm_at *at, const uint8_t *data, size_t len)
{
    put(at, data, len);
}

void pm_at_put(struct pm_at *at, const char *text)
{
    put(at, (const uint8_t *)text, strlen(text));
}

void pm_at_put_quoted(struct pm_at *at, struct pm_slice text)
{
    pm_at_put(at, "\"");
    put(at, text.ptr, text.len);
    pm_at_put(at, "\"");
}

static void put_digits(struct pm_at *at, uint32_t number, uint32_t base)
{
    uint8_t digits[10];
    size_t at_digit = sizeof digits;
    do {
        digits[--at_digit] = (uint8_t) "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    put(at, digits + at_digit, sizeof digits - at_digit);
}

void pm_at_put_number(struct pm_at *at, uint32_t number)
{
    put_digits(at, number, 10);
}

void pm_at_put_hex(struct pm_at *at, uint32_t number)
{
    put_digits(at, number, 16);
}

void pm_at_flush(struct pm_at *at)
{
    close_info(at);
    pm__at_show(at);
}

/* ---- Final results ---- */

void pm__at_finish_line(struct pm_at *at)
{
    pm__at_show(at);
    at->running = false;
    at->line_ready = false;
    if (at->muted) {
        at->muted = false;
        at->line_len = 0; /* The host that typed it is gone. */
        pm__wipe(at->line, sizeof at->line);
    }
    at->active = at->now;
}

static void end_command(struct pm_at *at, uint64_t now)
{
    if (now > at->now) {
        at->now = now;
    }
    close_info(at);
    pm__at_data_reset(at);
}

void pm_at_result(struct pm_at *at, enum pm_at_result result, uint64_t now)
{
    if (!at->running) {
        return;
    }
    end_command(at, now);
    if (result == PM_AT_RESULT_OK && at->line_pos < at->line_len) {
        at->running = false; /* The rest of the line decides about the result. */
        return;
    }
    pm__at_emit_result(at, result);
    pm__at_finish_line(at);
}

/* An error with a number; `text` takes the number's place at CMEE=2, where there is one. */
static void end_with_error(struct pm_at *at, const char *lead, uint16_t number, const char *text,
                           uint64_t now)
{
    if (!at->running) {
        return;
    }
    bool direct = !at->data_used;
    end_command(at, now);
    if (at->set.cmee == 0) {
        pm__at_emit_result(at, PM_AT_RESULT_ERROR);
    } else if (at->set.quiet == 0) {
        emit_header(at);
        emit_text(at, lead);
        if (at->set.cmee == 2 && direct && text != NULL) {
            emit_text(at, text);
        } else {
            emit_number(at, number);
        }
        emit_end(at);
    }
    pm__at_finish_line(at);
}

void pm_at_cme(struct pm_at *at, uint16_t number, uint64_t now)
{
    end_with_error(at, "+CME ERROR: ", number, pm_cme_text(number), now);
}

void pm_at_cms(struct pm_at *at, uint16_t number, uint64_t now)
{
    end_with_error(at, "+CMS ERROR: ", number, pm_cms_text(number), now);
}

void pm_at_bad_parameter(struct pm_at *at)
{
    if (!at->running) {
        return;
    }
    uint16_t number = at->call.command->bad;
    if (number == 0) {
        pm_at_result(at, PM_AT_RESULT_ERROR, at->now);
    } else {
        pm_at_cme(at, number, at->now);
    }
}

/* ---- The host's side ---- */

size_t pm_at_output(const struct pm_at *at, const uint8_t **data)
{
    *data = at->out + at->out_begin;
    return at->out_visible - at->out_begin;
}

void pm_at_output_ack(struct pm_at *at, size_t n)
{
    size_t most = at->out_visible - at->out_begin;
    n = n < most ? n : most;
    pm__wipe(at->out + at->out_begin, n); /* A query may have shown a password. */
    at->out_begin += n;
    if (at->out_begin == at->out_end) {
        at->out_begin = at->out_visible = at->out_end = 0;
        if (at->info_open) {
            at->info_begin = 0;
        }
    }
}
