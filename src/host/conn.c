/* SPDX-License-Identifier: MIT */
/* One connection to a mail server on a libuv loop. */
#include "host/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/conn_stream.h"

/* One read: the largest TLS record, and more than any SMTP reply. */
#define READ_SIZE 16384

/* Longest look-up: search domains and servers can add up beyond the resolver's own limits. */
#define RESOLVE_MS 60000

/* A peer that floods us does not keep the loop from its other work. */
#define READS_AT_ONCE 8

enum conn_state {
    CONN_NEW,
    CONN_RESOLVING,
    CONN_CONNECTING,
    CONN_ATTACHED, /* connected already */
    CONN_HANDSHAKE,
    CONN_OPEN,
    CONN_LOST,      /* failed or closed by the peer; the owner has been told or will be at once */
    CONN_LINGERING, /* the owner has let go; what was taken is still sent */
    CONN_DEAD,      /* handles are closing */
};

struct pm_conn {
    uv_loop_t *loop;
    const struct pm_conn_events *events;
    void *user;
    enum conn_state state;
    uv_timer_t timer;
    uv_poll_t *poll; /* of the stream's socket; its memory goes with its handle */
    int poll_events;
    struct pm_stream stream;
    SSL *ssl; /* for after the connect */
    struct pm_resolver *resolver;
    struct pm_lookup *lookup;
    struct pm_addresses addresses;
    unsigned next_address;
    char host[PM_HOST_NAME_MAX + 1];
    uint16_t port;
    uint32_t connect_ms;
    uint32_t handshake_ms;
    bool owner_waits; /* pm_conn_send() took less than it was given */
    bool notified;    /* LINGERING: close_notify is queued */
    bool finished;    /* LINGERING: everything is sent, our end is shut */
};

static void on_event(uv_poll_t *poll, int status, int events);

static void connect_next(struct pm_conn *conn);

__attribute__((format(printf, 3, 4))) static void say(const struct pm_conn *conn,
                                                      enum pm_log_level level, const char *format,
                                                      ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    conn->events->log(conn->user, level, text);
}

/* ---- handles ------------------------------------------------------------------ */

static void watch(struct pm_conn *conn, int events)
{
    if (conn->poll == NULL || conn->poll_events == events) {
        return;
    }
    conn->poll_events = events;
    /* Fails only for a closing handle, which conn->poll never is. */
    (void)uv_poll_start(conn->poll, events, on_event);
}

static void free_poll(uv_handle_t *handle)
{
    free(handle);
}

/* Drops the socket with everything that was on its way. */
static void drop_socket(struct pm_conn *conn)
{
    if (conn->poll != NULL) {
        uv_close((uv_handle_t *)conn->poll, free_poll);
        conn->poll = NULL;
        conn->poll_events = 0;
    }
    pm_stream_end(&conn->stream);
}

static bool take_socket(struct pm_conn *conn, int fd)
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
    if (conn->lookup != NULL) {
        pm_resolver_cancel(conn->lookup);
        conn->lookup = NULL;
    }
    drop_socket(conn);
    SSL_free(conn->ssl);
    conn->ssl = NULL;
    uv_close((uv_handle_t *)&conn->timer, on_timer_closed);
}

/* ---- the result of opening ---------------------------------------------------- */

static void fail(struct pm_conn *conn, int32_t result)
{
    conn->state = CONN_LOST;
    uv_timer_stop(&conn->timer);
    drop_socket(conn);
    conn->events->opened(conn->user, result);
}

static void succeed(struct pm_conn *conn)
{
    conn->state = CONN_OPEN;
    uv_timer_stop(&conn->timer);
    watch(conn, UV_READABLE | (pm_stream_pending(&conn->stream) ? UV_WRITABLE : 0));
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

static void handshake_step(struct pm_conn *conn)
{
    int status = pm_stream_handshake(&conn->stream);
    if (status == PM_STREAM_FAILED) {
        handshake_failed(conn, pm_stream_error(&conn->stream));
    } else if (status == PM_STREAM_AGAIN) {
        watch(conn, UV_READABLE | (pm_stream_pending(&conn->stream) ? UV_WRITABLE : 0));
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
    handshake_step(conn);
}

static void on_starttls_begin(uv_timer_t *timer)
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
    say(conn, PM_LOG_WARNING, "cannot connect to %s at %s: %s", conn->host, text, reason);
    drop_socket(conn);
    connect_next(conn);
}

static void on_connect_timeout(uv_timer_t *timer)
{
    address_failed(timer->data, "no answer in time");
}

static void connect_finished(struct pm_conn *conn)
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
    say(conn, PM_LOG_INFO, "connected to %s at %s", conn->host, text);
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
    socklen_t size =
        address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (connect(fd, (const struct sockaddr *)address, size) != 0 && errno != EINPROGRESS) {
        int error = errno;
        close(fd);
        errno = error;
        return false;
    }
    errno = ENOMEM;
    return take_socket(conn, fd);
}

static void connect_next(struct pm_conn *conn)
{
    while (conn->next_address < conn->addresses.count) {
        const struct sockaddr_storage *address = &conn->addresses.address[conn->next_address];
        conn->next_address++;
        if (start_connect(conn, address)) {
            uv_timer_start(&conn->timer, on_connect_timeout, conn->connect_ms, 0);
            watch(conn, UV_WRITABLE);
            return;
        }
        char reason[96];
        char text[INET6_ADDRSTRLEN + 10];
        const char *why = strerror_r(errno, reason, sizeof(reason));
        address_text(conn, text, sizeof(text));
        say(conn, PM_LOG_WARNING, "cannot connect to %s at %s: %s", conn->host, text, why);
    }
    fail(conn, PM_ERR_CONNECT);
}

static void on_resolved(void *user, const struct pm_addresses *addresses, const char *reason)
{
    struct pm_conn *conn = user;
    conn->lookup = NULL;
    if (addresses->count == 0) {
        say(conn, PM_LOG_WARNING, "cannot resolve %s: %s", conn->host, reason);
        fail(conn, PM_ERR_RESOLVE);
        return;
    }
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

static void on_begin(uv_timer_t *timer)
{
    struct pm_conn *conn = timer->data;
    struct pm_addresses literal;
    if (conn->state == CONN_ATTACHED) {
        connected(conn);
    } else if (conn->state == CONN_CONNECTING) {
        connect_next(conn);
    } else if (pm_resolver_literal(conn->host, conn->port, &literal)) {
        on_resolved(conn, &literal, "");
    } else {
        uv_timer_start(timer, on_resolve_timeout, RESOLVE_MS, 0);
        struct pm_lookup *lookup =
            pm_resolver_start(conn->resolver, conn->host, conn->port, on_resolved, conn);
        /* Without one the result has been handled already. */
        if (lookup != NULL) {
            conn->lookup = lookup;
        }
    }
}

/* ---- an open connection ------------------------------------------------------- */

static void lost(struct pm_conn *conn, const char *reason)
{
    conn->state = CONN_LOST;
    if (reason != NULL) {
        say(conn, PM_LOG_WARNING, "connection to %s lost: %s", conn->host, reason);
    }
    drop_socket(conn);
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
        watch(conn, UV_READABLE);
    }
}

int32_t pm_conn_send(struct pm_conn *conn, const uint8_t *data, size_t len)
{
    if (conn->state != CONN_OPEN) {
        return PM_ERR_CLOSED;
    }
    int32_t n = pm_stream_write(&conn->stream, data, len);
    if (n == PM_STREAM_FAILED) {
        /* The peer may have said why before it left: the loop reads that first, then the end. */
        watch(conn, UV_READABLE);
        return 0;
    }
    conn->owner_waits = conn->owner_waits || (size_t)n < len;
    if (conn->owner_waits || pm_stream_pending(&conn->stream)) {
        watch(conn, UV_READABLE | UV_WRITABLE);
    }
    return n;
}

/* ---- the end in the background ------------------------------------------------ */

static void on_linger_timeout(uv_timer_t *timer)
{
    die(timer->data);
}

/* Sends the rest and says that nothing more comes: 0, PM_STREAM_AGAIN or PM_STREAM_FAILED. */
static int finish_sending(struct pm_conn *conn)
{
    int status = pm_stream_flush(&conn->stream);
    if (status == 0 && !conn->notified) {
        conn->notified = true;
        pm_stream_close_notify(&conn->stream);
        status = pm_stream_flush(&conn->stream);
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
        watch(conn, conn->finished ? UV_READABLE : UV_WRITABLE);
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
    case CONN_CONNECTING: connect_finished(conn); break;
    case CONN_HANDSHAKE:
        if (conn->ssl == NULL) { /* else STARTTLS is about to begin */
            handshake_step(conn);
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
        watch(conn, wanted);
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
    conn->connect_ms = target->connect_ms;
    conn->ssl = target->ssl;
    conn->handshake_ms = target->handshake_ms;
    uv_timer_start(&conn->timer, on_begin, 0, 0);
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
    conn->state = take_socket(conn, fd) ? CONN_ATTACHED : CONN_CONNECTING;
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
    uv_timer_start(&conn->timer, on_starttls_begin, 0, 0);
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
