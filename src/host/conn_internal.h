/* SPDX-License-Identifier: MIT */
/*
 * What the files of a connection share: conn.c has its life, the bytes and the end, conn_open.c
 * the way to an open connection, over conn_resolve.c and conn_race.c.
 */
#ifndef PM_HOST_CONN_INTERNAL_H
#define PM_HOST_CONN_INTERNAL_H

#include "host/conn.h"
#include "host/conn_stream.h"

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

/* A connect that runs. */
struct conn_attempt {
    uv_poll_t *poll; /* NULL: none */
    int fd;
    uint64_t until;
};

/* A question for addresses. */
struct conn_lookup {
    struct pm_conn *conn;
    struct pm_lookup *running; /* NULL: it has ended, or is about to begin */
    bool waiting;              /* for its answer */
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
    struct conn_lookup lookups[2]; /* of the name, or IPv6 and IPv4 of the absolute one */
    bool absolute;
    const char *reason,
        *absent; /* of what found nothing; NULL: none. The second: it is not there */
    uint64_t resolve_until;
    struct pm_addresses addresses;
    unsigned next_address;
    uint64_t next_at; /* when the next address is tried beside those that run */
    struct conn_attempt attempts[PM_ADDRESSES_MAX]; /* by address */
    char host[PM_HOST_NAME_MAX + 1];
    uint16_t port;
    struct pm_path path;
    uint32_t connect_ms;
    uint32_t handshake_ms;
    bool owner_waits; /* pm_conn_send() took less than it was given */
    bool notified;    /* LINGERING: close_notify is queued */
    bool finished;    /* LINGERING: everything is sent, our end is shut */
};

/* ---- conn.c ---- */

void pm__conn_say(const struct pm_conn *conn, enum pm_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Watches the socket for UV_READABLE, UV_WRITABLE or both. */
void pm__conn_watch(struct pm_conn *conn, int events);

/* Close callback of a watcher. */
void pm__conn_free_poll(uv_handle_t *handle);

/* Makes `fd` the connection's; false, with `fd` closed, for want of memory. */
bool pm__conn_take_socket(struct pm_conn *conn, int fd);

/* Drops the socket with everything that was on its way. */
void pm__conn_drop_socket(struct pm_conn *conn);

/* ---- conn_open.c ---- */

/* Timer calls: the first step of an opening, and of STARTTLS. */
void pm__conn_begin(uv_timer_t *timer);
void pm__conn_begin_starttls(uv_timer_t *timer);

/* A socket is connected and is the connection's. */
void pm__conn_connected(struct pm_conn *conn);

/* The socket has news while the connection is in CONN_HANDSHAKE. */
void pm__conn_handshake(struct pm_conn *conn);

/* The opening has failed. */
void pm__conn_fail(struct pm_conn *conn, int32_t result);

/* ---- conn_resolve.c ---- */

/* Looks conn->host up, and begins the race. */
void pm__conn_resolve(struct pm_conn *conn);
/* Whether addresses may still come. */
bool pm__conn_resolving(const struct pm_conn *conn);
/* No more of them are wanted. */
void pm__conn_resolve_end(struct pm_conn *conn);

/* Puts late addresses between those that have not been tried, the late ones first. What is too many
 * falls off the end. */
void pm__conn_merge(struct pm_addresses *list, unsigned tried, const struct pm_addresses *late);

/* ---- conn_race.c ---- */

/* Connects to the first of conn->addresses that answers. */
void pm__conn_race(struct pm_conn *conn);
/* There are more addresses, or it is certain that none will come. */
void pm__conn_race_on(struct pm_conn *conn);
/* Drops all attempts. */
void pm__conn_race_end(struct pm_conn *conn);

#endif
