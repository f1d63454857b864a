/* SPDX-License-Identifier: MIT */
/* From a name to an open connection: look-up (conn_resolve.c), the addresses (conn_race.c), the TLS
 * handshake. */
#include <stdio.h>

#include "host/conn_internal.h"

/* ---- the result of opening ---------------------------------------------------- */

void pm__conn_fail(struct pm_conn *conn, int32_t result)
{
    conn->state = CONN_LOST;
    uv_timer_stop(&conn->timer);
    pm__conn_drop_socket(conn);
    conn->events->opened(conn->user, result);
}

static void succeed(struct pm_conn *conn)
{
    conn->state = CONN_OPEN;
    uv_timer_stop(&conn->timer);
    pm__conn_watch(conn, UV_READABLE);
    conn->events->opened(conn->user, PM_OK);
}

/* ---- TLS handshake ------------------------------------------------------------ */

static void handshake_failed(struct pm_conn *conn, const char *problem)
{
    conn->events->handshake(conn->user, conn->stream.ssl, problem);
    pm__conn_fail(conn, PM_ERR_TLS);
}

static void on_handshake_timeout(uv_timer_t *timer)
{
    struct pm_conn *conn = timer->data;
    char problem[64];
    snprintf(problem, sizeof(problem), "not finished within %u s", conn->handshake_ms / 1000);
    handshake_failed(conn, problem);
}

void pm__conn_handshake(struct pm_conn *conn)
{
    int status = pm_stream_handshake(&conn->stream);
    if (status == PM_STREAM_FAILED) {
        handshake_failed(conn, pm_stream_error(&conn->stream));
    } else if (status == PM_STREAM_AGAIN) {
        pm__conn_watch(conn, UV_READABLE | (pm_stream_pending(&conn->stream) ? UV_WRITABLE : 0));
    } else {
        conn->events->handshake(conn->user, conn->stream.ssl, NULL);
        succeed(conn);
    }
}

/* From the loop: the socket is connected and the bytes to come are TLS. */
static void handshake_begin(struct pm_conn *conn)
{
    SSL *ssl = conn->ssl;
    conn->ssl = NULL;
    conn->state = CONN_HANDSHAKE;
    if (!pm_stream_tls(&conn->stream, ssl)) {
        handshake_failed(conn, pm_stream_error(&conn->stream));
        return;
    }
    uv_timer_start(&conn->timer, on_handshake_timeout, conn->handshake_ms, 0);
    pm__conn_handshake(conn);
}

void pm__conn_begin_starttls(uv_timer_t *timer)
{
    handshake_begin(timer->data);
}

/* ---- connecting --------------------------------------------------------------- */

void pm__conn_connected(struct pm_conn *conn)
{
    uv_timer_stop(&conn->timer);
    if (conn->ssl != NULL) {
        handshake_begin(conn);
    } else {
        succeed(conn);
    }
}

/* An address of a family that the context does not have leads nowhere. */
static void take_literal(struct pm_conn *conn, const struct pm_addresses *literal)
{
    if (conn->path.family != AF_UNSPEC && conn->path.family != literal->address[0].ss_family) {
        pm__conn_say(conn, PM_LOG_WARNING, "cannot connect to %s: the context has no IPv%d",
                     conn->host, literal->address[0].ss_family == AF_INET6 ? 6 : 4);
        pm__conn_fail(conn, PM_ERR_CONNECT);
        return;
    }
    conn->addresses = *literal;
    conn->state = CONN_CONNECTING;
    pm__conn_race(conn);
}

void pm__conn_begin(uv_timer_t *timer)
{
    struct pm_conn *conn = timer->data;
    struct pm_addresses literal;
    if (conn->state == CONN_ATTACHED) {
        pm__conn_connected(conn);
    } else if (conn->state == CONN_CONNECTING) {
        pm__conn_race(conn);
    } else if (pm_resolver_literal(conn->host, conn->port, &literal)) {
        take_literal(conn, &literal);
    } else {
        pm__conn_resolve(conn);
    }
}
