/* SPDX-License-Identifier: MIT */
/* The mail of a catcher session: envelope lines, dot-unstuffing, and the way into the Maildir. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/catcher_session.h"

/* Longest envelope line: the keyword and the longest value. */
#define ENVELOPE_LINE 640

/* ---- results of the disk -------------------------------------------------------------- */

static void on_room(void *user)
{
    pm__catcher_session_resume(user);
}

/* A transaction of DATA has ended, one of BDAT wants RSET. */
static void not_kept(struct catcher_session *session)
{
    if (session->bdat == BDAT_NONE) {
        pm__catcher_reset(session);
    } else {
        session->bdat = BDAT_FAILED;
    }
}

static void on_done(void *user, int error, const char *name)
{
    struct catcher_session *session = user;
    session->delivery = NULL;
    session->state = CATCHER_COMMAND;
    if (error != 0) {
        pm__catcher_say(session->catcher, PM_LOG_ERROR, "catcher: mail lost: %s",
                        uv_strerror(error));
        pm__catcher_reply(session, "452 mail not kept: %s", uv_strerror(error));
        not_kept(session);
    } else {
        pm__catcher_say(session->catcher, PM_LOG_INFO,
                        "catcher: mail from <%s> to %u recipients for %s:%u kept as new/%s",
                        session->from, session->recipient_count, session->host, session->port,
                        name);
        pm__catcher_reply(session, "250 kept as %s", name);
        pm__catcher_reset(session);
    }
    pm__catcher_session_resume(session);
}

static const struct pm_delivery_events delivery_events = {.room = on_room, .done = on_done};

/* ---- the envelope --------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void envelope(struct catcher_session *session,
                                                           const char *format, ...)
{
    char line[ENVELOPE_LINE];
    va_list list;
    va_start(list, format);
    int n = vsnprintf(line, sizeof(line) - 2, format, list);
    va_end(list);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(line) - 2 ? (size_t)n : sizeof(line) - 3;
    memcpy(line + len, "\r\n", 2);
    /* All of them fit into the empty buffer: see PM_CATCHER_RECIPIENT_BYTES. */
    (void)pm_delivery_write(session->delivery, (const uint8_t *)line, len + 2);
}

static void write_envelope(struct catcher_session *session)
{
    envelope(session, "X-Envelope-From: %s", session->from[0] != '\0' ? session->from : "<>");
    const char *recipient = session->recipients;
    for (unsigned i = 0; i < session->recipient_count; i++) {
        envelope(session, "X-Envelope-To: %s", recipient);
        recipient += strlen(recipient) + 1;
    }
    envelope(session, "X-Envelope-Helo: %s", session->helo);
    envelope(session, "X-Envelope-TLS: %s", session->tls[0] != '\0' ? session->tls : "none");
    if (session->mechanism != NULL) {
        envelope(session, "X-Envelope-Auth: %s (%s)", session->user, session->mechanism);
    } else {
        envelope(session, "X-Envelope-Auth: none");
    }
    envelope(session, "X-Envelope-Server: %s:%u", session->host, session->port);
    if (session->require_tls) {
        envelope(session, "X-Envelope-Require-TLS: yes");
    }
    const char *module = pm__catcher_module(session->catcher);
    if (*module != '\0') {
        envelope(session, "X-Envelope-Module: %s", module);
    }
}

bool pm__catcher_mail_begin(struct catcher_session *session)
{
    session->delivery =
        pm_delivery_begin(pm__catcher_maildir(session->catcher), &delivery_events, session);
    if (session->delivery == NULL) {
        return false;
    }
    write_envelope(session);
    session->size = 0;
    return true;
}

void pm__catcher_data_begin(struct catcher_session *session)
{
    if (!pm__catcher_mail_begin(session)) {
        pm__catcher_reply(session, "452 out of memory");
        return;
    }
    session->state = CATCHER_DATA;
    session->dot = DOT_LINE_START;
    pm__catcher_reply(session, "354 end with <CRLF>.<CRLF>");
}

/* ---- the mail ------------------------------------------------------------------------- */

/* A mail beyond the limit is not kept. */
void pm__catcher_mail_keep(struct catcher_session *session, const uint8_t *data, size_t len)
{
    session->size += len;
    if (session->size <= PM_CATCHER_MAIL) {
        (void)pm_delivery_write(session->delivery, data, len);
    }
}

/* A stretch of text up to the next CR, within the room: how many bytes were taken. */
static size_t keep_text(struct catcher_session *session, const uint8_t *data, size_t len)
{
    size_t room = pm_delivery_room(session->delivery);
    const uint8_t *cr = memchr(data, '\r', len);
    size_t part = cr != NULL ? (size_t)(cr - data) + 1 : len;
    bool whole = part <= room;
    part = whole ? part : room;
    pm__catcher_mail_keep(session, data, part);
    session->dot = cr != NULL && whole ? DOT_CR : DOT_TEXT;
    return part;
}

/* The bytes after a CR, which has been kept. */
static size_t after_cr(struct catcher_session *session, const uint8_t *data, size_t len)
{
    if (data[0] != '\n') {
        return keep_text(session, data, len);
    }
    pm__catcher_mail_keep(session, data, 1);
    session->dot = DOT_LINE_START;
    return 1;
}

/* Takes the next piece: how many bytes of it were used, which may be none. */
static size_t take(struct catcher_session *session, const uint8_t *data, size_t len)
{
    switch (session->dot) {
    case DOT_LINE_START:
        if (data[0] != '.') {
            return keep_text(session, data, len);
        }
        session->dot = DOT_DOT;
        return 1;
    case DOT_DOT:
        if (data[0] != '\r') {
            return keep_text(session, data, len); /* the dot was stuffing */
        }
        session->dot = DOT_DOT_CR;
        return 1;
    case DOT_DOT_CR:
        if (data[0] == '\n') {
            session->state = CATCHER_STORING;
            return 1;
        }
        pm__catcher_mail_keep(session, (const uint8_t *)"\r", 1);
        session->dot = DOT_CR;
        return 0;
    case DOT_CR: return after_cr(session, data, len);
    default: return keep_text(session, data, len);
    }
}

void pm__catcher_mail_end(struct catcher_session *session)
{
    bool too_large = session->size > PM_CATCHER_MAIL;
    if (!too_large && session->dot_code == 0) {
        session->state = CATCHER_STORING;
        pm_delivery_commit(session->delivery);
        return;
    }
    pm_delivery_leave(session->delivery);
    session->delivery = NULL;
    session->state = CATCHER_COMMAND;
    if (too_large) {
        pm__catcher_reply(session, "552 mail too large");
    } else {
        pm__catcher_refuse(session, session->dot_code);
    }
    not_kept(session);
}

size_t pm__catcher_data(struct catcher_session *session, const uint8_t *data, size_t len)
{
    if (session->fault.kind == CATCHER_FAULT_CUT) {
        session->state = CATCHER_CLOSING; /* which drops the delivery, too */
        return len;
    }
    size_t used = 0;
    while (used < len && session->state == CATCHER_DATA &&
           pm_delivery_room(session->delivery) > 0) {
        used += take(session, data + used, len - used);
    }
    if (session->state == CATCHER_STORING) {
        pm__catcher_mail_end(session);
    }
    return used;
}
