/* SPDX-License-Identifier: MIT */
/* The socket of a catcher session: handshake, reading, replies, the end. */
#include "host/catcher_session.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Replies wait for the client to read them; beyond this no further command is looked at. */
#define REPLY_ROOM 1024

/* A client that floods us does not keep the loop from its other work. */
#define READS_AT_ONCE 16

static void run(struct catcher_session *session);

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct catcher_session *session = poll->data;
    (void)events;
    if (status < 0) {
        session->poll_events = 0; /* libuv has stopped to watch; reading tells what is wrong */
    }
    run(session);
}

/* ---- life ----------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct catcher_session *session = handle->data;
    pm__catcher_remove(session->catcher, session);
    free(session->recipients);
    OPENSSL_cleanse(session, sizeof(*session)); /* credentials have gone through it */
    free(session);
}

void pm__catcher_session_end(struct catcher_session *session)
{
    if (session->state == CATCHER_DEAD) {
        return;
    }
    session->state = CATCHER_DEAD;
    if (session->delivery != NULL) {
        pm_delivery_leave(session->delivery);
        session->delivery = NULL;
    }
    uv_close((uv_handle_t *)&session->poll, on_closed);
    pm_stream_end(&session->stream);
}

/* The leaf certificate is for the name as the client checks it: without a final dot. */
static bool start_tls(struct catcher_session *session)
{
    char name[sizeof(session->host)];
    size_t len = strlen(session->host);
    memcpy(name, session->host, len + 1);
    if (len > 0 && name[len - 1] == '.') {
        name[len - 1] = '\0';
    }
    SSL *ssl = pm_catcher_ca_server(pm__catcher_authority(session->catcher), name);
    session->state = CATCHER_HANDSHAKE;
    if (ssl != NULL && session->fault.kind == CATCHER_FAULT_TLS) {
        SSL_certs_clear(ssl); /* nothing to be agreed on is left: a handshake_failure alert */
    }
    return ssl != NULL && pm_stream_tls(&session->stream, ssl);
}

struct catcher_session *pm__catcher_session_new(struct pm_catcher *catcher, int fd,
                                                const struct catcher_server *server)
{
    struct catcher_session *session = calloc(1, sizeof(*session));
    struct pm_stream stream;
    pm_stream_init(&stream, fd);
    if (session == NULL || uv_poll_init(pm__catcher_loop(catcher), &session->poll, fd) != 0) {
        free(session);
        pm_stream_end(&stream);
        return NULL;
    }
    session->catcher = catcher;
    session->stream = stream;
    session->poll.data = session;
    session->port = server->port;
    session->fault = server->fault;
    session->state = CATCHER_COMMAND;
    snprintf(session->host, sizeof(session->host), "%s", server->host);
    if (!server->tls) {
        pm__catcher_greet(session);
    }
    session->begin_tls = server->tls;
    session->poll_events = UV_READABLE | UV_WRITABLE;
    (void)uv_poll_start(&session->poll, session->poll_events, on_event); /* it is not closing */
    return session;
}

/* ---- replies -------------------------------------------------------------------------- */

void pm__catcher_reply(struct catcher_session *session, const char *format, ...)
{
    size_t room = sizeof(session->out) - session->out_end;
    va_list list;
    va_start(list, format);
    int n = vsnprintf(session->out + session->out_end, room, format, list);
    va_end(list);
    if (n < 0 || (size_t)n + 2 > room) {
        return; /* cannot happen: each command finds REPLY_ROOM and needs less */
    }
    session->out_end += (size_t)n;
    session->out[session->out_end++] = '\r';
    session->out[session->out_end++] = '\n';
}

void pm__catcher_refuse(struct catcher_session *session, unsigned code)
{
    pm__catcher_say(session->catcher, PM_LOG_INFO, "catcher: reply %u on demand", code);
    pm__catcher_reply(session, "%u refused on demand", code);
    if (code == 421) {
        session->state = CATCHER_CLOSING; /* RFC 5321 section 3.8 */
    }
}

/* 0: all is out; PM_STREAM_AGAIN: more waits; PM_STREAM_FAILED. */
static int send_replies(struct catcher_session *session)
{
    while (session->out_start < session->out_end) {
        int32_t n =
            pm_stream_write(&session->stream, (const uint8_t *)session->out + session->out_start,
                            session->out_end - session->out_start);
        if (n < 0) {
            return n;
        }
        if (n == 0) {
            break;
        }
        session->out_start += (size_t)n;
    }
    if (session->out_start < session->out_end) {
        return PM_STREAM_AGAIN;
    }
    session->out_start = session->out_end = 0;
    return pm_stream_flush(&session->stream);
}

/* ---- TLS ------------------------------------------------------------------------------ */

static void describe_tls(struct catcher_session *session)
{
    SSL *ssl = session->stream.ssl;
    int n = snprintf(session->tls, sizeof(session->tls), "%s %s", SSL_get_version(ssl),
                     SSL_get_cipher_name(ssl));
    X509 *client = SSL_get0_peer_certificate(ssl);
    if (client == NULL || n < 0 || (size_t)n >= sizeof(session->tls)) {
        return;
    }
    BIO *bio = BIO_new(BIO_s_mem());
    char subject[128] = "";
    if (bio != NULL &&
        X509_NAME_print_ex(bio, X509_get_subject_name(client), 0, XN_FLAG_RFC2253) >= 0) {
        int len = BIO_read(bio, subject, (int)sizeof(subject) - 1);
        subject[len > 0 ? len : 0] = '\0';
    }
    BIO_free(bio);
    snprintf(session->tls + n, sizeof(session->tls) - (size_t)n, "; client certificate %s",
             subject);
}

/* False: wait for the socket, or the session has ended. */
static bool handshake(struct catcher_session *session)
{
    int status = pm_stream_handshake(&session->stream);
    if (status == PM_STREAM_FAILED) {
        pm__catcher_say(session->catcher, PM_LOG_WARNING, "catcher: TLS handshake failed: %s",
                        pm_stream_error(&session->stream));
        pm__catcher_session_end(session);
        return false;
    }
    if (status == PM_STREAM_AGAIN) {
        return false;
    }
    bool greeted = session->helo[0] != '\0';
    describe_tls(session);
    /* Nothing said in the clear counts any more (RFC 3207 section 4.2). */
    session->helo[0] = '\0';
    session->mechanism = NULL;
    pm__catcher_reset(session);
    session->state = CATCHER_COMMAND;
    if (!greeted) {
        pm__catcher_greet(session);
    }
    return true;
}

/* ---- input ---------------------------------------------------------------------------- */

static void line_ended(struct catcher_session *session)
{
    size_t len = session->line_len;
    if (session->line_too_long || len + 1 > sizeof(session->line)) {
        pm__catcher_reply(session, "500 line too long");
    } else {
        if (len > 0 && session->line[len - 1] == '\r') {
            len--;
        }
        session->line[len] = '\0';
        pm__catcher_command(session, session->line, len);
    }
    session->line_len = 0;
    session->line_too_long = false;
}

/* Takes bytes up to the next line end. */
static void take_line(struct catcher_session *session)
{
    uint8_t *start = session->in + session->in_start;
    size_t len = session->in_end - session->in_start;
    const uint8_t *end = memchr(start, '\n', len);
    size_t part = end != NULL ? (size_t)(end - start) : len;
    size_t room = sizeof(session->line) - session->line_len;
    size_t kept = part < room ? part : room;
    memcpy(session->line + session->line_len, start, kept);
    OPENSSL_cleanse(start, part); /* it may be a password */
    session->line_len += kept;
    session->line_too_long = session->line_too_long || kept < part;
    session->in_start += part + (end != NULL ? 1 : 0);
    if (end != NULL) {
        line_ended(session);
    }
}

/* Uses what has been read; false when that must wait for the disk. */
static bool use_input(struct catcher_session *session)
{
    if (session->state == CATCHER_STORING) {
        return false;
    }
    if (session->state == CATCHER_SILENT) {
        session->in_start = session->in_end;
        return true;
    }
    bool chunk = session->state == CATCHER_CHUNK;
    if (session->state != CATCHER_DATA && !chunk) {
        take_line(session);
        return true;
    }
    const uint8_t *start = session->in + session->in_start;
    size_t len = session->in_end - session->in_start;
    size_t n =
        chunk ? pm__catcher_chunk(session, start, len) : pm__catcher_data(session, start, len);
    session->in_start += n;
    return n > 0;
}

/* Reads more: false when there is none now, or the session has ended. */
static bool read_input(struct catcher_session *session)
{
    int32_t n = pm_stream_read(&session->stream, session->in, sizeof(session->in));
    if (n > 0) {
        session->in_start = 0;
        session->in_end = (size_t)n;
        return true;
    }
    if (n != PM_STREAM_AGAIN) {
        pm__catcher_session_end(session);
    }
    return false;
}

/* After STARTTLS (or at once) the client speaks TLS; what it sent before must not count. */
static bool change_to_tls(struct catcher_session *session)
{
    session->begin_tls = false;
    if (session->in_start < session->in_end || !start_tls(session)) {
        pm__catcher_say(session->catcher, PM_LOG_WARNING, "catcher: cannot begin TLS: %s",
                        session->in_start < session->in_end ? "clear bytes after STARTTLS"
                                                            : "out of memory");
        pm__catcher_session_end(session);
        return false;
    }
    return true;
}

/* One step; true when there may be more to do at once. */
static bool step(struct catcher_session *session, unsigned *reads)
{
    if (session->state == CATCHER_HANDSHAKE) {
        return handshake(session);
    }
    bool out_full = sizeof(session->out) - session->out_end < REPLY_ROOM;
    bool idle = session->in_start == session->in_end;
    if (out_full || idle || session->begin_tls || session->state == CATCHER_CLOSING) {
        int status = send_replies(session);
        if (status == PM_STREAM_FAILED || (status == 0 && session->state == CATCHER_CLOSING)) {
            (void)pm_stream_close_notify(&session->stream);
            (void)pm_stream_flush(&session->stream); /* best effort: the session is over */
            pm__catcher_session_end(session);
            return false;
        }
        if (status == PM_STREAM_AGAIN) {
            return false;
        }
        if (session->begin_tls) {
            return change_to_tls(session);
        }
    }
    if (!idle) {
        return use_input(session);
    }
    if (session->state == CATCHER_STORING || *reads == 0) {
        return false;
    }
    (*reads)--;
    return read_input(session);
}

/* What the session waits for decides what the loop watches. */
static void watch(struct catcher_session *session)
{
    bool sending = session->out_start < session->out_end || pm_stream_pending(&session->stream);
    bool reading = session->state == CATCHER_HANDSHAKE ||
                   (session->in_start == session->in_end && session->state != CATCHER_STORING);
    int events = (sending ? UV_WRITABLE : 0) | (reading && !sending ? UV_READABLE : 0);
    if (session->state == CATCHER_HANDSHAKE) {
        events |= UV_READABLE;
    }
    if (events == session->poll_events) {
        return;
    }
    session->poll_events = events;
    if (events == 0) {
        (void)uv_poll_stop(&session->poll); /* always succeeds */
    } else {
        (void)uv_poll_start(&session->poll, events, on_event); /* it is not closing */
    }
}

static void run(struct catcher_session *session)
{
    unsigned reads = READS_AT_ONCE;
    while (session->state != CATCHER_DEAD && step(session, &reads)) {
    }
    if (session->state != CATCHER_DEAD) {
        watch(session);
    }
}

void pm__catcher_session_resume(struct catcher_session *session)
{
    run(session);
}
