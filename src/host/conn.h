/* SPDX-License-Identifier: MIT */
/*
 * One connection to a mail server, on a libuv loop: look-up, the addresses raced, TLS from
 * the start or later, sending, receiving, and an end in the background.
 */
#ifndef PM_HOST_CONN_H
#define PM_HOST_CONN_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "host/resolver.h"
#include "postmodem/platform.h"

/* Longest wait for one address, unless the options say otherwise. */
#define PM_CONN_CONNECT_MS 10000

/* How long a closed connection may go on sending what it took, and wait for the peer's end. */
#define PM_CONN_LINGER_MS 5000

struct pm_conn;

/* What a connection tells its owner. All calls come from the loop, never from inside a call of
 * the owner. The owner may call any pm_conn function from inside them. */
struct pm_conn_events {
    /* pm_conn_open(), pm_conn_attach() or pm_conn_starttls() has ended: PM_OK, PM_ERR_RESOLVE,
     * PM_ERR_CONNECT, PM_ERR_TLS. After a failure only pm_conn_close() is left to do. */
    void (*opened)(void *user, int32_t result);
    /* The TLS handshake has ended; `ssl` is for looking at, NULL when there was no memory.
     * `problem` says why it failed, NULL: it did not. Called before opened(). */
    void (*handshake)(void *user, SSL *ssl, const char *problem);
    void (*received)(void *user, const uint8_t *data, size_t len);
    /* After pm_conn_send() took less than it was given. */
    void (*writable)(void *user);
    /* The connection, once open, is gone. Called once. */
    void (*closed)(void *user);
    void (*log)(void *user, enum pm_log_level level, const char *text);
    /* Nothing of the connection is left: its memory goes after this call. */
    void (*gone)(void *user, struct pm_conn *conn);
};

/* The way to a host: see struct pm_question. */
struct pm_path {
    int family;
    char servers[120];                /* "": the resolver's own */
    const struct pm_binding *binding; /* NULL: none; lives as long as the connection */
};

struct pm_conn_target {
    const char *host; /* name or IP literal */
    uint16_t port;
    struct pm_path path;
    uint32_t connect_ms; /* longest wait for one address */
    SSL *ssl;            /* TLS from the start; becomes the connection's. NULL: clear */
    uint32_t handshake_ms;
};

/* NULL: out of memory. `events` must live as long as the connection. */
struct pm_conn *pm_conn_new(uv_loop_t *loop, const struct pm_conn_events *events, void *user);

/* Opens a new connection. opened() tells the result. The strings are copied. */
void pm_conn_open(struct pm_conn *conn, struct pm_resolver *resolver,
                  const struct pm_conn_target *target);

/* As pm_conn_open() over a socket that is connected already; it becomes the connection's. */
void pm_conn_attach(struct pm_conn *conn, int fd, const struct pm_conn_target *target);

/*
 * Begins TLS on an open clear connection; `ssl` becomes the connection's. opened() tells the
 * result. PM_PENDING, or PM_ERR_CLOSED and no call.
 */
int32_t pm_conn_starttls(struct pm_conn *conn, SSL *ssl, uint32_t handshake_ms);

/* The tls-exporter binding (RFC 9266) of an open connection, 32 bytes; false: it has none. */
bool pm_conn_binding(const struct pm_conn *conn, uint8_t *out);

/* Takes up to `len` bytes: the count (0: none now), or PM_ERR_CLOSED. What was taken is sent, at
 * the latest with pm_conn_flush(), which the owner calls when it has no more to send for now, and
 * after opened() in any case: the end of the handshake may wait for it. */
int32_t pm_conn_send(struct pm_conn *conn, const uint8_t *data, size_t len);
void pm_conn_flush(struct pm_conn *conn);

/*
 * Ends the connection in any state; no call follows but log() and gone(). `graceful`: what was
 * taken is sent in the background, with a close_notify, for at most PM_CONN_LINGER_MS.
 */
void pm_conn_close(struct pm_conn *conn, bool graceful);

#endif
