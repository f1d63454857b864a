/* SPDX-License-Identifier: MIT */
/*
 * The addresses of a host, raced (RFC 8305): each gets a head start before the next one is tried
 * beside it, and the first that connects serves. One that fails is followed at once.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/binding.h"
#include "host/conn_internal.h"
#include "host/tcp.h"

/* "Connection Attempt Delay" of RFC 8305 section 8. */
#define HEAD_START_MS 250

static void step(struct pm_conn *conn);

static void address_text(const struct pm_conn *conn, unsigned i, char *text, size_t size)
{
    const struct sockaddr_storage *address = &conn->addresses.address[i];
    char ip[INET6_ADDRSTRLEN] = "?";
    if (uv_ip_name((const struct sockaddr *)address, ip, sizeof(ip)) != 0) {
        ip[0] = '?';
    }
    snprintf(text, size, address->ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip, conn->port);
}

static void say_failed(struct pm_conn *conn, unsigned i, const char *reason)
{
    char text[INET6_ADDRSTRLEN + 10];
    address_text(conn, i, text, sizeof(text));
    pm__conn_say(conn, PM_LOG_WARNING, "cannot connect to %s at %s: %s", conn->host, text, reason);
}

static void say_error(struct pm_conn *conn, unsigned i, int error)
{
    char text[96];
    say_failed(conn, i, strerror_r(error, text, sizeof(text)));
}

/* ---- one attempt -------------------------------------------------------------- */

static void drop(struct conn_attempt *attempt)
{
    if (attempt->poll != NULL) {
        uv_close((uv_handle_t *)attempt->poll, pm__conn_free_poll);
        close(attempt->fd);
        attempt->poll = NULL;
    }
}

void pm__conn_race_end(struct pm_conn *conn)
{
    for (unsigned i = 0; i < PM_ADDRESSES_MAX; i++) {
        drop(&conn->attempts[i]);
    }
}

static void won(struct pm_conn *conn, unsigned i)
{
    struct conn_attempt *attempt = &conn->attempts[i];
    char text[INET6_ADDRSTRLEN + 10];
    address_text(conn, i, text, sizeof(text));
    pm__conn_say(conn, PM_LOG_INFO, "connected to %s at %s", conn->host, text);
    (void)uv_poll_stop(attempt->poll); /* cannot fail */
    pm_stream_init(&conn->stream, attempt->fd);
    conn->poll = attempt->poll;
    conn->poll_events = 0;
    attempt->poll = NULL;
    pm__conn_race_end(conn);
    pm__conn_resolve_end(conn);
    pm__conn_connected(conn);
}

static void on_attempt(uv_poll_t *poll, int status, int events)
{
    struct pm_conn *conn = poll->data;
    unsigned i = 0;
    int error = 0;
    socklen_t size = sizeof(error);
    (void)status; /* the socket itself says best what is wrong */
    (void)events;
    while (conn->attempts[i].poll != poll) {
        i++;
    }
    if (getsockopt(conn->attempts[i].fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
    }
    if (error == 0) {
        won(conn, i);
        return;
    }
    say_error(conn, i, error);
    drop(&conn->attempts[i]);
    conn->next_at = uv_now(conn->loop);
    step(conn);
}

/* Begins to connect; the socket, or -1 with errno when that fails at once. */
static int start_connect(struct pm_conn *conn, const struct sockaddr_storage *address)
{
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    pm_tcp_set_options(fd);
    if (!pm_binding_apply(conn->path.binding, fd) ||
        (connect(fd, (const struct sockaddr *)address, pm_sockaddr_len(address)) != 0 &&
         errno != EINPROGRESS)) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static bool start(struct pm_conn *conn, unsigned i)
{
    struct conn_attempt *attempt = &conn->attempts[i];
    int fd = start_connect(conn, &conn->addresses.address[i]);
    if (fd < 0) {
        say_error(conn, i, errno);
        return false;
    }
    uv_poll_t *poll = malloc(sizeof(*poll));
    if (poll == NULL || uv_poll_init(conn->loop, poll, fd) != 0) {
        free(poll);
        close(fd);
        say_error(conn, i, ENOMEM);
        return false;
    }
    poll->data = conn;
    *attempt = (struct conn_attempt){
        .poll = poll, .fd = fd, .until = uv_now(conn->loop) + conn->connect_ms};
    (void)uv_poll_start(poll, UV_WRITABLE, on_attempt); /* fails for a closing handle only */
    return true;
}

/* ---- the race ----------------------------------------------------------------- */

static void on_time(uv_timer_t *timer)
{
    struct pm_conn *conn = timer->data;
    const uint64_t now = uv_now(conn->loop);
    for (unsigned i = 0; i < PM_ADDRESSES_MAX; i++) {
        if (conn->attempts[i].poll != NULL && now >= conn->attempts[i].until) {
            say_failed(conn, i, "no answer in time");
            drop(&conn->attempts[i]);
        }
    }
    if (now >= conn->resolve_until) {
        pm__conn_resolve_end(conn);
    }
    step(conn);
}

/* When something is to be done without news from a socket; PM_NEVER: nothing runs any more. */
static uint64_t next_time(const struct pm_conn *conn)
{
    uint64_t next = PM_NEVER;
    for (unsigned i = 0; i < PM_ADDRESSES_MAX; i++) {
        if (conn->attempts[i].poll != NULL && conn->attempts[i].until < next) {
            next = conn->attempts[i].until;
        }
    }
    bool more = next != PM_NEVER && conn->next_address < conn->addresses.count;
    return more && conn->next_at < next ? conn->next_at : next;
}

/* Starts what is due, and waits for the next that will be. */
static void step(struct pm_conn *conn)
{
    const uint64_t now = uv_now(conn->loop);
    while (conn->next_address < conn->addresses.count &&
           (next_time(conn) == PM_NEVER || now >= conn->next_at)) {
        if (start(conn, conn->next_address++)) {
            conn->next_at = now + HEAD_START_MS;
        }
    }
    uint64_t next = next_time(conn);
    if (next == PM_NEVER && !pm__conn_resolving(conn)) {
        pm__conn_fail(conn, PM_ERR_CONNECT);
        return;
    }
    next = next != PM_NEVER ? next : conn->resolve_until;
    uv_timer_start(&conn->timer, on_time, next > now ? next - now : 0, 0);
}

void pm__conn_race_on(struct pm_conn *conn)
{
    step(conn);
}

void pm__conn_race(struct pm_conn *conn)
{
    conn->next_at = uv_now(conn->loop);
    step(conn);
}
