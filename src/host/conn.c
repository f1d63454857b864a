/* SPDX-License-Identifier: MIT */
/* The life of a connection: its handles, the bytes of an open one, and the end. */
#include "host/conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/conn_internal.h"

/* One read: the largest TLS record, and more than any SMTP reply. */
#define READ_SIZE 16384

/* A peer that floods us does not keep the loop from its other work. */
#define READS_AT_ONCE 8

static void on_event(uv_poll_t *poll, int status, int events);

void pm__conn_say(const struct pm_conn *conn, enum pm_log_level level, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    conn->events->log(conn->user, level, text);
}

/* ---- handles ------------------------------------------------------------------ */

void pm__conn_watch(struct pm_conn *conn, int events)
{
    if (conn->poll == NULL || conn->poll_events == events) {
        return;
    }
    conn->poll_events = events;
    /* Fails only for a closing handle, which conn->poll never is. */
    (void)uv_poll_start(conn->poll, events, on_event);
}

void pm__conn_free_poll(uv_handle_t *handle)
{
    free(handle);
}

/* Drops the socket with everything that was on its way. */
void pm__conn_drop_socket(struct pm_conn *conn)
{
    if (conn->poll != NULL) {
        uv_close((uv_handle_t *)conn->poll, pm__conn_free_poll);
        conn->poll = NULL;
        conn->poll_events = 0;
    }
    pm_stream_end(&conn->stream);
}

bool pm__conn_take_socket(struct pm_conn *conn, int fd)
{
    pm_stream_init(&conn->stream, fd);
    conn->poll = malloc(sizeof(*conn->poll));
    if (conn->poll == NULL || uv_poll_init(conn->loop, conn->poll, fd) != 0) {
        free(conn->poll);
        conn->poll = NULL;
        pm_stream_end(&conn->stream);
        return false;
    }
    conn->poll->data = conn;
    return true;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct pm_conn *conn = handle->data;
    conn->events->gone(conn->user, conn);
    free(conn);
}

static void die(struct pm_conn *conn)
{
    if (conn->state == CONN_DEAD) {
        return;
    }
    conn->state = CONN_DEAD;
    pm__conn_resolve_end(conn);
    pm__conn_race_end(conn);
    pm__conn_drop_socket(conn);
    SSL_free(conn->ssl);
    conn->ssl = NULL;
    uv_close((uv_handle_t *)&conn->timer, on_timer_closed);
}

/* ---- an open connection ------------------------------------------------------- */

static void lost(struct pm_conn *conn, const char *reason)
{
    conn->state = CONN_LOST;
    if (reason != NULL) {
        pm__conn_say(conn, PM_LOG_WARNING, "connection to %s lost: %s", conn->host, reason);
    }
    pm__conn_drop_socket(conn);
    conn->events->closed(conn->user);
}

/* Hands over what has arrived, until the socket has no more or the owner changes the state. The
 * stream holds nothing back, so that the loop calls again for what is left. */
static void read_all(struct pm_conn *conn)
{
    uint8_t data[READ_SIZE];
    for (unsigned reads = 0; reads < READS_AT_ONCE && conn->state == CONN_OPEN; reads++) {
        int32_t n = pm_stream_read(&conn->stream, data, sizeof(data));
        if (n > 0) {
            conn->events->received(conn->user, data, (size_t)n);
            if ((size_t)n < sizeof(data) && conn->stream.ssl == NULL) {
                return; /* the loop tells when there is more, and when that was the end */
            }
        } else if (n == PM_STREAM_AGAIN) {
            return;
        } else {
            lost(conn, n == PM_STREAM_FAILED ? pm_stream_error(&conn->stream) : NULL);
        }
    }
}

static void write_on(struct pm_conn *conn)
{
    /* A failure shows when reading, after the peer's last words. */
    if (pm_stream_flush(&conn->stream) == 0 && conn->owner_waits) {
        conn->owner_waits = false;
        conn->events->writable(conn->user);
    }
    if (conn->state == CONN_OPEN && !conn->owner_waits && !pm_stream_pending(&conn->stream)) {
        pm__conn_watch(conn, UV_READABLE);
    }
}

/* The peer may have said why before it left: the loop reads that first, then the end. */
static void write_failed(struct pm_conn *conn)
{
    pm__conn_watch(conn, UV_READABLE);
}

int32_t pm_conn_send(struct pm_conn *conn, const uint8_t *data, size_t len)
{
    if (conn->state != CONN_OPEN) {
        return PM_ERR_CLOSED;
    }
    int32_t n = pm_stream_put(&conn->stream, data, len);
    if (n == PM_STREAM_FAILED) {
        write_failed(conn);
        return 0;
    }
    conn->owner_waits = conn->owner_waits || (size_t)n < len;
    if (conn->owner_waits) {
        pm__conn_watch(conn, UV_READABLE | UV_WRITABLE);
    }
    return n;
}

void pm_conn_flush(struct pm_conn *conn)
{
    if (conn->state != CONN_OPEN || !pm_stream_pending(&conn->stream)) {
        return;
    }
    int status = pm_stream_flush(&conn->stream);
    if (status == PM_STREAM_FAILED) {
        write_failed(conn);
    } else if (status == PM_STREAM_AGAIN) {
        pm__conn_watch(conn, UV_READABLE | UV_WRITABLE);
    }
}

bool pm_conn_binding(const struct pm_conn *conn, uint8_t *out)
{
    return conn->state == CONN_OPEN && pm_stream_binding(&conn->stream, out);
}

/* ---- the end in the background ------------------------------------------------ */

static void on_linger_timeout(uv_timer_t *timer)
{
    die(timer->data);
}

/* Sends the rest and says that nothing more comes: 0, PM_STREAM_AGAIN or PM_STREAM_FAILED. */
static int finish_sending(struct pm_conn *conn)
{
    if (!conn->notified) { /* in one segment with QUIT */
        conn->notified = pm_stream_close_notify(&conn->stream);
    }
    int status = pm_stream_flush(&conn->stream);
    if (status == 0 && !conn->notified) {
        return PM_STREAM_AGAIN;
    }
    if (status == 0 && !conn->finished) {
        conn->finished = true;
        status = pm_stream_finish(&conn->stream);
    }
    return status;
}

/* Waits for the peer's end, too: closing with its last reply unread would reset the connection
 * under our last bytes. */
static void linger(struct pm_conn *conn)
{
    int status = finish_sending(conn);
    if (status == 0) {
        uint8_t data[READ_SIZE];
        int32_t n = pm_stream_discard(&conn->stream, data, sizeof(data));
        status = n < 0 ? n : PM_STREAM_AGAIN;
    }
    if (status == PM_STREAM_AGAIN) {
        pm__conn_watch(conn, conn->finished ? UV_READABLE : UV_WRITABLE);
    } else {
        die(conn);
    }
}

/* ---- events ------------------------------------------------------------------- */

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct pm_conn *conn = poll->data;
    int wanted = conn->poll_events;
    if (status < 0) {
        /* libuv has stopped to watch; the socket itself says best what is wrong. */
        conn->poll_events = 0;
        events = UV_READABLE;
    }
    switch (conn->state) {
    case CONN_HANDSHAKE:
        if (conn->ssl == NULL) { /* else STARTTLS is about to begin */
            pm__conn_handshake(conn);
        }
        break;
    case CONN_OPEN:
        if ((events & UV_WRITABLE) != 0) {
            write_on(conn);
        }
        if ((events & UV_READABLE) != 0) {
            read_all(conn);
        }
        break;
    case CONN_LINGERING: linger(conn); break;
    default: break;
    }
    if (conn->poll == poll && conn->poll_events == 0) {
        pm__conn_watch(conn, wanted);
    }
}

/* ---- life --------------------------------------------------------------------- */

struct pm_conn *pm_conn_new(uv_loop_t *loop, const struct pm_conn_events *events, void *user)
{
    struct pm_conn *conn = calloc(1, sizeof(*conn));
    if (conn == NULL) {
        return NULL;
    }
    conn->loop = loop;
    conn->events = events;
    conn->user = user;
    pm_stream_init(&conn->stream, -1);
    (void)uv_timer_init(loop, &conn->timer); /* always succeeds */
    conn->timer.data = conn;
    return conn;
}

static void begin(struct pm_conn *conn, const struct pm_conn_target *target)
{
    snprintf(conn->host, sizeof(conn->host), "%s", target->host);
    conn->port = target->port;
    conn->path = target->path;
    conn->connect_ms = target->connect_ms;
    conn->ssl = target->ssl;
    conn->handshake_ms = target->handshake_ms;
    uv_timer_start(&conn->timer, pm__conn_begin, 0, 0);
}

void pm_conn_open(struct pm_conn *conn, struct pm_resolver *resolver,
                  const struct pm_conn_target *target)
{
    conn->resolver = resolver;
    conn->state = CONN_RESOLVING;
    begin(conn, target);
}

void pm_conn_attach(struct pm_conn *conn, int fd, const struct pm_conn_target *target)
{
    /* Without memory for the socket the result is a failed connect. */
    conn->state = pm__conn_take_socket(conn, fd) ? CONN_ATTACHED : CONN_CONNECTING;
    begin(conn, target);
}

int32_t pm_conn_starttls(struct pm_conn *conn, SSL *ssl, uint32_t handshake_ms)
{
    if (conn->state != CONN_OPEN) {
        SSL_free(ssl);
        return PM_ERR_CLOSED;
    }
    conn->state = CONN_HANDSHAKE;
    conn->ssl = ssl;
    conn->handshake_ms = handshake_ms;
    uv_timer_start(&conn->timer, pm__conn_begin_starttls, 0, 0);
    return PM_PENDING;
}

void pm_conn_close(struct pm_conn *conn, bool graceful)
{
    if (conn->state == CONN_LINGERING && graceful) {
        return;
    }
    if (!graceful || conn->state != CONN_OPEN) {
        die(conn);
        return;
    }
    conn->state = CONN_LINGERING;
    uv_timer_start(&conn->timer, on_linger_timeout, PM_CONN_LINGER_MS, 0);
    linger(conn);
}
