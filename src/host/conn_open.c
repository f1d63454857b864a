/* SPDX-License-Identifier: MIT */
/* From a name to an open connection: look-up, the addresses in turn, the TLS handshake. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/binding.h"
#include "host/conn_internal.h"

/* Longest look-up: search domains and servers can add up beyond the resolver's own limits. */
#define RESOLVE_MS 60000

static void connect_next(struct pm_conn *conn);

/* ---- the result of opening ---------------------------------------------------- */

static void fail(struct pm_conn *conn, int32_t result)
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
    pm__conn_watch(conn, UV_READABLE | (pm_stream_pending(&conn->stream) ? UV_WRITABLE : 0));
    conn->events->opened(conn->user, PM_OK);
}

/* ---- TLS handshake ------------------------------------------------------------ */

static void handshake_failed(struct pm_conn *conn, const char *problem)
{
    conn->events->handshake(conn->user, conn->stream.ssl, problem);
    fail(conn, PM_ERR_TLS);
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

static void connected(struct pm_conn *conn)
{
    uv_timer_stop(&conn->timer);
    if (conn->ssl != NULL) {
        handshake_begin(conn);
    } else {
        succeed(conn);
    }
}

static void address_text(const struct pm_conn *conn, char *text, size_t size)
{
    const struct sockaddr_storage *address = &conn->addresses.address[conn->next_address - 1];
    char ip[INET6_ADDRSTRLEN] = "?";
    if (uv_ip_name((const struct sockaddr *)address, ip, sizeof(ip)) != 0) {
        ip[0] = '?';
    }
    snprintf(text, size, address->ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip, conn->port);
}

/* This address leads nowhere: the next one, or the end. */
static void address_failed(struct pm_conn *conn, const char *reason)
{
    char text[INET6_ADDRSTRLEN + 10];
    address_text(conn, text, sizeof(text));
    pm__conn_say(conn, PM_LOG_WARNING, "cannot connect to %s at %s: %s", conn->host, text, reason);
    pm__conn_drop_socket(conn);
    connect_next(conn);
}

static void on_connect_timeout(uv_timer_t *timer)
{
    address_failed(timer->data, "no answer in time");
}

void pm__conn_connected(struct pm_conn *conn)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(conn->stream.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
    }
    if (error != 0) {
        char text[96];
        address_failed(conn, strerror_r(error, text, sizeof(text)));
        return;
    }
    char text[INET6_ADDRSTRLEN + 10];
    address_text(conn, text, sizeof(text));
    pm__conn_say(conn, PM_LOG_INFO, "connected to %s at %s", conn->host, text);
    connected(conn);
}

/* Begins to connect; false with errno when that fails at once. */
static bool start_connect(struct pm_conn *conn, const struct sockaddr_storage *address)
{
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    int on = 1;
    /* Both only make things better; a kernel without them serves as well. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    if (!pm_binding_apply(conn->path.binding, fd) ||
        (connect(fd, (const struct sockaddr *)address, pm_sockaddr_len(address)) != 0 &&
         errno != EINPROGRESS)) {
        int error = errno;
        close(fd);
        errno = error;
        return false;
    }
    errno = ENOMEM;
    return pm__conn_take_socket(conn, fd);
}

static void connect_next(struct pm_conn *conn)
{
    while (conn->next_address < conn->addresses.count) {
        const struct sockaddr_storage *address = &conn->addresses.address[conn->next_address];
        conn->next_address++;
        if (start_connect(conn, address)) {
            uv_timer_start(&conn->timer, on_connect_timeout, conn->connect_ms, 0);
            pm__conn_watch(conn, UV_WRITABLE);
            return;
        }
        char reason[96];
        char text[INET6_ADDRSTRLEN + 10];
        const char *why = strerror_r(errno, reason, sizeof(reason));
        address_text(conn, text, sizeof(text));
        pm__conn_say(conn, PM_LOG_WARNING, "cannot connect to %s at %s: %s", conn->host, text, why);
    }
    fail(conn, PM_ERR_CONNECT);
}

static void on_resolved(void *user, const struct pm_addresses *addresses, const char *reason)
{
    struct pm_conn *conn = user;
    conn->lookup = NULL;
    if (addresses->count == 0) {
        pm__conn_say(conn, PM_LOG_WARNING, "cannot resolve %s: %s", conn->host, reason);
        fail(conn, PM_ERR_RESOLVE);
        return;
    }
    pm__conn_say(conn, PM_LOG_DEBUG, "addresses of %s: %zu", conn->host, (size_t)addresses->count);
    conn->addresses = *addresses;
    conn->state = CONN_CONNECTING;
    connect_next(conn);
}

static void on_resolve_timeout(uv_timer_t *timer)
{
    struct pm_conn *conn = timer->data;
    static const struct pm_addresses none;
    if (conn->lookup != NULL) {
        pm_resolver_cancel(conn->lookup);
    }
    on_resolved(conn, &none, "no answer in time");
}

/* An address of a family that the context does not have leads nowhere. */
static void take_literal(struct pm_conn *conn, const struct pm_addresses *literal)
{
    if (conn->path.family != AF_UNSPEC && conn->path.family != literal->address[0].ss_family) {
        pm__conn_say(conn, PM_LOG_WARNING, "cannot connect to %s: the context has no IPv%d",
                     conn->host, literal->address[0].ss_family == AF_INET6 ? 6 : 4);
        fail(conn, PM_ERR_CONNECT);
        return;
    }
    on_resolved(conn, literal, "");
}

void pm__conn_begin(uv_timer_t *timer)
{
    struct pm_conn *conn = timer->data;
    struct pm_addresses literal;
    if (conn->state == CONN_ATTACHED) {
        connected(conn);
    } else if (conn->state == CONN_CONNECTING) {
        connect_next(conn);
    } else if (pm_resolver_literal(conn->host, conn->port, &literal)) {
        take_literal(conn, &literal);
    } else {
        const struct pm_question question = {.host = conn->host,
                                             .port = conn->port,
                                             .family = conn->path.family,
                                             .servers = conn->path.servers,
                                             .binding = conn->path.binding};
        uv_timer_start(timer, on_resolve_timeout, RESOLVE_MS, 0);
        struct pm_lookup *lookup = pm_resolver_start(conn->resolver, &question, on_resolved, conn);
        /* Without one the result has been handled already. */
        if (lookup != NULL) {
            conn->lookup = lookup;
        }
    }
}
