/* SPDX-License-Identifier: MIT */
/*
 * A byte stream over a non-blocking socket, clear or TLS; both ends of a connection use it.
 *
 * OpenSSL reaches the socket through a BIO of our own: reads go straight to the socket, writes
 * gather in one buffer of fixed size, so that many records leave with one system call and a
 * peer that does not read costs no more memory than that buffer. Small writes in clear gather
 * likewise, so that a command and a small mail are one segment.
 */
#ifndef PM_HOST_CONN_STREAM_H
#define PM_HOST_CONN_STREAM_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Results below zero; zero and more are counts. */
enum pm_stream_status {
    PM_STREAM_AGAIN = -1,  /* nothing now: wait for the socket */
    PM_STREAM_CLOSED = -2, /* the peer has ended the stream in an orderly way */
    PM_STREAM_FAILED = -3, /* reset, truncated or broken TLS: pm_stream_error() says what */
};

/* Ciphertext gathered for one write: four full records and what they grow by. */
#define PM_STREAM_RECORD        16384
#define PM_STREAM_RECORD_GROWTH 512
#define PM_STREAM_RECORDS       4
#define PM_STREAM_OUT_SIZE      (PM_STREAM_RECORDS * (PM_STREAM_RECORD + PM_STREAM_RECORD_GROWTH))

/* What gathers in clear; more at once goes to the socket without a copy. */
#define PM_STREAM_CLEAR_SIZE 16384

/* It must not move in memory while TLS is on: the BIO points to it. */
struct pm_stream {
    int fd;   /* -1: none */
    SSL *ssl; /* NULL: clear */
    uint8_t *out;
    size_t out_start, out_end;
    char error[160];
};

/* Starts a clear stream on `fd`, which becomes the stream's. */
void pm_stream_init(struct pm_stream *stream, int fd);

/* Closes the socket and frees everything; what has not been sent is lost. */
void pm_stream_end(struct pm_stream *stream);

/* Turns to TLS: `ssl` becomes the stream's even when this fails for want of memory. */
bool pm_stream_tls(struct pm_stream *stream, SSL *ssl);

/* One step of the handshake: 0 done, PM_STREAM_AGAIN or PM_STREAM_FAILED. When it is done our last
 * words of it wait for pm_stream_flush(), to leave with the first ones under TLS. */
int pm_stream_handshake(struct pm_stream *stream);

/* The tls-exporter binding (RFC 9266), 32 bytes; false where there is none: below TLS 1.3 peers do
 * not agree on how an empty context counts, and the tls-unique of old is not to be trusted. */
bool pm_stream_binding(const struct pm_stream *stream, uint8_t *out);

/* Reads up to `len` bytes: the count, at least 1, or a status. With `len` of at least
 * PM_STREAM_RECORD nothing stays behind in the stream that the socket would not tell of. */
int32_t pm_stream_read(struct pm_stream *stream, uint8_t *data, size_t len);

/*
 * Sends up to `len` bytes, as many as the socket takes now, plus at most one buffer of
 * ciphertext. The count, or PM_STREAM_FAILED. A count below `len`: wait for the socket.
 */
int32_t pm_stream_write(struct pm_stream *stream, const uint8_t *data, size_t len);

/* The same, but what fits may wait for pm_stream_flush(), and leaves with what comes after it. */
int32_t pm_stream_put(struct pm_stream *stream, const uint8_t *data, size_t len);

/* Sends what has gathered: 0 when none is left, PM_STREAM_AGAIN or PM_STREAM_FAILED. */
int pm_stream_flush(struct pm_stream *stream);

/* Whether something waits for the socket. */
bool pm_stream_pending(const struct pm_stream *stream);

/* Queues a close_notify, if TLS is up; pm_stream_flush() sends it. False: no room for it yet. */
bool pm_stream_close_notify(struct pm_stream *stream);

/* Shuts our end of the socket: 0 or PM_STREAM_FAILED. */
int pm_stream_finish(struct pm_stream *stream);

/* As pm_stream_read() below TLS, for a stream that is ending: nobody looks at the bytes. */
int32_t pm_stream_discard(struct pm_stream *stream, uint8_t *data, size_t len);

/* Why the last call failed, in words; never empty after PM_STREAM_FAILED. */
const char *pm_stream_error(const struct pm_stream *stream);

#endif
