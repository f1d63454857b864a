/* SPDX-License-Identifier: MIT */
/* A byte stream over a non-blocking socket, clear or TLS. */
#include "host/conn_stream.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void keep_error(struct pm_stream *stream, const char *text)
{
    snprintf(stream->error, sizeof(stream->error), "%s", text);
}

static void keep_errno(struct pm_stream *stream)
{
    char text[96];
    keep_error(stream, strerror_r(errno, text, sizeof(text)));
}

/* ---- the socket ------------------------------------------------------------- */

static int32_t socket_read(struct pm_stream *stream, void *data, size_t len)
{
    ssize_t n;
    do {
        n = recv(stream->fd, data, len > INT32_MAX ? INT32_MAX : len, 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        return (int32_t)n;
    }
    if (n == 0) {
        return PM_STREAM_CLOSED;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return PM_STREAM_AGAIN;
    }
    keep_errno(stream);
    return PM_STREAM_FAILED;
}

static int32_t socket_write(struct pm_stream *stream, const void *data, size_t len)
{
    ssize_t n;
    do {
        n = send(stream->fd, data, len > INT32_MAX ? INT32_MAX : len, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) {
        return (int32_t)n;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return PM_STREAM_AGAIN;
    }
    keep_errno(stream);
    return PM_STREAM_FAILED;
}

/* ---- the BIO ---------------------------------------------------------------- */

static size_t out_room(const struct pm_stream *stream)
{
    return PM_STREAM_OUT_SIZE - stream->out_end;
}

static int bio_write(BIO *bio, const char *data, size_t len, size_t *written)
{
    struct pm_stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *written = 0;
    if (out_room(stream) < len && pm_stream_flush(stream) == PM_STREAM_FAILED) {
        return 0;
    }
    size_t room = out_room(stream);
    if (room == 0) {
        BIO_set_retry_write(bio);
        return 0;
    }
    *written = len < room ? len : room;
    memcpy(stream->out + stream->out_end, data, *written);
    stream->out_end += *written;
    return 1;
}

static int bio_read(BIO *bio, char *data, size_t len, size_t *got)
{
    struct pm_stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *got = 0;
    int32_t n = socket_read(stream, data, len);
    if (n > 0) {
        *got = (size_t)n;
        return 1;
    }
    if (n == PM_STREAM_AGAIN) {
        BIO_set_retry_read(bio);
    } else if (n == PM_STREAM_CLOSED) {
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    }
    return 0;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    default: return 0;
    }
}

static BIO_METHOD *method;
static CRYPTO_ONCE method_once = CRYPTO_ONCE_STATIC_INIT;

static void method_free(void)
{
    BIO_meth_free(method);
    method = NULL;
}

static void method_make(void)
{
    int type = BIO_get_new_index();
    BIO_METHOD *made = type < 0 ? NULL : BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "postmodem");
    if (made == NULL || !BIO_meth_set_write_ex(made, bio_write) ||
        !BIO_meth_set_read_ex(made, bio_read) || !BIO_meth_set_ctrl(made, bio_ctrl) ||
        !OPENSSL_atexit(method_free)) {
        BIO_meth_free(made);
        return;
    }
    method = made;
}

/* ---- life ------------------------------------------------------------------- */

/* In clear it may hold a password. */
static void free_out(struct pm_stream *stream)
{
    if (stream->out != NULL && stream->ssl == NULL) {
        OPENSSL_cleanse(stream->out, stream->out_end);
    }
    free(stream->out);
    stream->out = NULL;
    stream->out_start = stream->out_end = 0;
}

void pm_stream_init(struct pm_stream *stream, int fd)
{
    *stream = (struct pm_stream){.fd = fd};
}

void pm_stream_end(struct pm_stream *stream)
{
    free_out(stream);
    SSL_free(stream->ssl);
    if (stream->fd >= 0) {
        close(stream->fd);
    }
    *stream = (struct pm_stream){.fd = -1};
}

bool pm_stream_tls(struct pm_stream *stream, SSL *ssl)
{
    BIO *bio = NULL;
    free_out(stream);
    stream->out = malloc(PM_STREAM_OUT_SIZE);
    if (stream->out != NULL && CRYPTO_THREAD_run_once(&method_once, method_make) &&
        method != NULL) {
        bio = BIO_new(method);
    }
    if (bio == NULL) {
        SSL_free(ssl);
        keep_error(stream, "out of memory");
        return false;
    }
    BIO_set_data(bio, stream);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                          SSL_MODE_RELEASE_BUFFERS);
    stream->ssl = ssl;
    return true;
}

/* ---- TLS -------------------------------------------------------------------- */

/* Says in words why OpenSSL gave up; a kept errno text of the socket is the better reason. */
static void keep_tls_error(struct pm_stream *stream)
{
    unsigned long code = ERR_peek_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
        ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        reason = "closed without close_notify";
    }
    if (reason != NULL) {
        keep_error(stream, reason);
    } else if (stream->error[0] == '\0') {
        keep_error(stream, "TLS failed");
    }
    ERR_clear_error();
}

/* What an unsuccessful SSL call means for the caller. */
static int tls_status(struct pm_stream *stream, int result)
{
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: ERR_clear_error(); return PM_STREAM_AGAIN;
    case SSL_ERROR_ZERO_RETURN: ERR_clear_error(); return PM_STREAM_CLOSED;
    default: keep_tls_error(stream); return PM_STREAM_FAILED;
    }
}

int pm_stream_handshake(struct pm_stream *stream)
{
    ERR_clear_error();
    int result = SSL_do_handshake(stream->ssl);
    int status = result == 1 ? 0 : tls_status(stream, result);
    if (status == 0) {
        return 0;
    }
    /* Also after a failure: the alert tells the peer why. */
    int flushed = pm_stream_flush(stream);
    if (status == PM_STREAM_CLOSED) {
        keep_error(stream, "closed by the peer");
        return PM_STREAM_FAILED;
    }
    return status == PM_STREAM_FAILED || flushed != PM_STREAM_FAILED ? status : flushed;
}

static int32_t tls_read(struct pm_stream *stream, uint8_t *data, size_t len)
{
    size_t n = 0;
    ERR_clear_error();
    int result = SSL_read_ex(stream->ssl, data, len, &n);
    int status = result == 1 ? (int)n : tls_status(stream, result);
    /* A key update is answered from inside the read. */
    if (pm_stream_pending(stream) && pm_stream_flush(stream) == PM_STREAM_FAILED && status < 0) {
        return PM_STREAM_FAILED;
    }
    return status;
}

static int32_t tls_put(struct pm_stream *stream, const uint8_t *data, size_t len)
{
    size_t taken = 0;
    ERR_clear_error();
    while (taken < len) {
        size_t chunk = len - taken < PM_STREAM_RECORD ? len - taken : PM_STREAM_RECORD;
        if (out_room(stream) < chunk + PM_STREAM_RECORD_GROWTH) {
            int status = pm_stream_flush(stream);
            if (status == PM_STREAM_FAILED) {
                return PM_STREAM_FAILED;
            }
            if (status == PM_STREAM_AGAIN) {
                break;
            }
        }
        size_t n = 0;
        int result = SSL_write_ex(stream->ssl, data + taken, chunk, &n);
        if (result != 1) {
            if (tls_status(stream, result) != PM_STREAM_AGAIN) {
                return PM_STREAM_FAILED;
            }
            break;
        }
        taken += n;
    }
    return (int32_t)taken;
}

/* ---- reading and writing ---------------------------------------------------- */

bool pm_stream_binding(const struct pm_stream *stream, uint8_t *out)
{
    static const char label[] = "EXPORTER-Channel-Binding";
    static const unsigned char context[1] = {0};
    if (stream->ssl == NULL || SSL_version(stream->ssl) < TLS1_3_VERSION) {
        return false;
    }
    int good =
        SSL_export_keying_material(stream->ssl, out, 32, label, sizeof(label) - 1, context, 0, 1);
    ERR_clear_error();
    return good == 1;
}

int32_t pm_stream_read(struct pm_stream *stream, uint8_t *data, size_t len)
{
    return stream->ssl != NULL ? tls_read(stream, data, len) : socket_read(stream, data, len);
}

/* Straight to the socket, behind what has gathered. */
static int32_t clear_write(struct pm_stream *stream, const uint8_t *data, size_t len)
{
    int status = pm_stream_flush(stream);
    int32_t n = status == 0 && len > 0 ? socket_write(stream, data, len) : status;
    return n == PM_STREAM_AGAIN ? 0 : n;
}

/* Without memory for gathering it goes as it comes. */
static int32_t clear_put(struct pm_stream *stream, const uint8_t *data, size_t len)
{
    if (stream->out == NULL && len < PM_STREAM_CLEAR_SIZE) {
        stream->out = malloc(PM_STREAM_CLEAR_SIZE);
    }
    if (stream->out == NULL || len > PM_STREAM_CLEAR_SIZE - stream->out_end) {
        return clear_write(stream, data, len);
    }
    if (len > 0) {
        memcpy(stream->out + stream->out_end, data, len);
    }
    stream->out_end += len;
    return (int32_t)len;
}

int32_t pm_stream_put(struct pm_stream *stream, const uint8_t *data, size_t len)
{
    len = len > INT32_MAX ? INT32_MAX : len;
    return stream->ssl != NULL ? tls_put(stream, data, len) : clear_put(stream, data, len);
}

int32_t pm_stream_write(struct pm_stream *stream, const uint8_t *data, size_t len)
{
    len = len > INT32_MAX ? INT32_MAX : len;
    if (stream->ssl == NULL) {
        return clear_write(stream, data, len);
    }
    int32_t taken = tls_put(stream, data, len);
    return pm_stream_flush(stream) == PM_STREAM_FAILED ? PM_STREAM_FAILED : taken;
}

int pm_stream_flush(struct pm_stream *stream)
{
    while (stream->out_start < stream->out_end) {
        int32_t n = socket_write(stream, stream->out + stream->out_start,
                                 stream->out_end - stream->out_start);
        if (n < 0) {
            return n;
        }
        stream->out_start += (size_t)n;
    }
    if (stream->ssl == NULL && stream->out_end > 0) {
        OPENSSL_cleanse(stream->out, stream->out_end);
    }
    stream->out_start = stream->out_end = 0;
    return 0;
}

bool pm_stream_pending(const struct pm_stream *stream)
{
    return stream->out_start < stream->out_end;
}

bool pm_stream_close_notify(struct pm_stream *stream)
{
    if (stream->ssl == NULL || !SSL_is_init_finished(stream->ssl)) {
        return true;
    }
    if (out_room(stream) < PM_STREAM_RECORD_GROWTH) {
        return false;
    }
    /* The answer does not matter: a peer that is gone will not miss it. */
    ERR_clear_error();
    (void)SSL_shutdown(stream->ssl);
    ERR_clear_error();
    return true;
}

int pm_stream_finish(struct pm_stream *stream)
{
    if (shutdown(stream->fd, SHUT_WR) == 0) {
        return 0;
    }
    keep_errno(stream);
    return PM_STREAM_FAILED;
}

int32_t pm_stream_discard(struct pm_stream *stream, uint8_t *data, size_t len)
{
    return socket_read(stream, data, len);
}

const char *pm_stream_error(const struct pm_stream *stream)
{
    return stream->error[0] != '\0' ? stream->error : "unknown failure";
}
