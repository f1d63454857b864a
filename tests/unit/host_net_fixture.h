/* SPDX-License-Identifier: MIT */
/*
 * A net on a real loop with what the tests need around it: a record of its events, files in
 * memory, a DNS server on the loop, and a mail server in a thread that plays one script.
 * Everything stays on loopback.
 */
#ifndef PM_TEST_HOST_NET_FIXTURE_H
#define PM_TEST_HOST_NET_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "host/net.h"
#include "host_net_certs.h"

/* Nothing here waits longer: a test that hangs fails. */
#define WATCHDOG_MS 30000

struct fixture_file {
    const char *name;
    enum pm_storage storage;
    uint8_t *data;
    size_t len;
};

struct fixture {
    uv_loop_t loop;
    struct pm_net *net;
    uv_timer_t watchdog;
    struct pm_op op;
    /* the record */
    unsigned done, writable, closed;
    int32_t result;
    uint8_t received[65536];
    size_t received_len;
    char log[16384];
    /* what the owner does by itself */
    void (*on_received)(struct fixture *f);
    /* files */
    struct fixture_file files[8];
    size_t file_count;
    /* DNS */
    uv_udp_t dns;
    char dns_address[32];
    unsigned dns_queries;
    char dns_names[1024];  /* asked for, each with a blank behind it */
    const char *dns_spoil; /* a datagram that comes before each answer; NULL: none */
    /* Questions of this type wait for fixture_dns_release(): the newest of them; 0: none does. */
    uint8_t dns_hold;
    unsigned dns_held;
    uint8_t dns_question[512];
    size_t dns_question_len;
    struct sockaddr_storage dns_asker;
};

/* ---- the record ----------------------------------------------------------------------- */

FIXTURE void fixture_done(void *user, struct pm_op *op, int32_t result)
{
    struct fixture *f = user;
    assert_ptr_equal(op, &f->op);
    f->done++;
    f->result = result;
    pm_net_flush(f->net);
    uv_stop(&f->loop); /* libuv may have been about to wait after running its timers */
}

FIXTURE void fixture_received(void *user, const uint8_t *data, size_t len)
{
    struct fixture *f = user;
    assert_true(len > 0 && f->closed == 0);
    assert_true(f->received_len + len < sizeof(f->received));
    memcpy(f->received + f->received_len, data, len);
    f->received_len += len;
    f->received[f->received_len] = '\0';
    if (f->on_received != NULL) {
        f->on_received(f);
    }
}

FIXTURE void fixture_writable(void *user)
{
    ((struct fixture *)user)->writable++;
}

FIXTURE void fixture_closed(void *user)
{
    ((struct fixture *)user)->closed++;
}

FIXTURE void fixture_log(void *user, enum pm_log_level level, const char *text)
{
    struct fixture *f = user;
    (void)level;
    size_t used = strlen(f->log);
    snprintf(f->log + used, sizeof(f->log) - used, "%s\n", text);
}

FIXTURE bool fixture_logged(const struct fixture *f, const char *text)
{
    if (strstr(f->log, text) != NULL) {
        return true;
    }
    print_message("log without \"%s\":\n%s", text, f->log);
    return false;
}

/* ---- files ---------------------------------------------------------------------------- */

/* `data` becomes the fixture's. */
FIXTURE void fixture_file(struct fixture *f, enum pm_storage storage, const char *name,
                          uint8_t *data, size_t len)
{
    assert_true(f->file_count < 8);
    f->files[f->file_count++] = (struct fixture_file){name, storage, data, len};
}

FIXTURE int fixture_load(void *user, enum pm_storage storage, const uint8_t *name, size_t len,
                         uint8_t **data, size_t *data_len, size_t max)
{
    const struct fixture *f = user;
    for (size_t i = 0; i < f->file_count; i++) {
        const struct fixture_file *file = &f->files[i];
        if (file->storage == storage && strlen(file->name) == len &&
            memcmp(file->name, name, len) == 0) {
            if (file->len > max) {
                return PM_ERR_NO_SPACE;
            }
            *data = malloc(file->len + 1);
            assert_non_null(*data);
            memcpy(*data, file->data, file->len);
            *data_len = file->len;
            return PM_OK;
        }
    }
    return PM_ERR_NOT_FOUND;
}

/* ---- DNS ------------------------------------------------------------------------------ */

FIXTURE void fixture_dns_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    static char space[4096];
    (void)handle;
    (void)size;
    *buf = uv_buf_init(space, sizeof(space));
}

/*
 * Answers by the beginning of the name: "no" NXDOMAIN, "silent" nothing, "dead" 127.0.0.99 before
 * 127.0.0.1, "six" only ::1, "both" two addresses of each family; every other name is 127.0.0.1.
 */
FIXTURE size_t fixture_dns_answer(const uint8_t *query, size_t len, uint8_t *out)
{
    size_t end = 12;
    while (end < len && query[end] != 0) {
        end += query[end] + 1U;
    }
    end += 5;
    if (end > len) {
        return 0;
    }
    uint8_t type = query[end - 3];
    const char *label = (const char *)query + 13;
    memcpy(out, query, end);
    memcpy(out + 2, "\x81\x80\0\1\0\0\0\0\0\0", 10);
    size_t size = end;
    if (memcmp(label, "silent", 6) == 0) {
        return 0;
    }
    bool two = memcmp(label, "dead", 4) == 0 || memcmp(label, "both", 4) == 0;
    bool six = memcmp(label, "six", 3) == 0;
    if (memcmp(label, "no", 2) == 0) {
        out[3] = 0x83;
    } else if (type == 28 && (six || memcmp(label, "both", 4) == 0)) {
        for (uint8_t i = 0; i < (two ? 2 : 1); i++) {
            out[7]++;
            memcpy(out + size, "\xC0\x0C\0\x1C\0\1\0\0\0\x3C\0\x10", 12);
            memset(out + size + 12, 0, 15);
            out[size + 27] = (uint8_t)(i + 1);
            size += 28;
        }
    } else if (type == 1 && !six) {
        const uint8_t last[2] = {two ? 99 : 1, 1};
        for (uint8_t i = 0; i < (two ? 2 : 1); i++) {
            out[7]++;
            memcpy(out + size, "\xC0\x0C\0\1\0\1\0\0\0\x3C\0\4\x7F\0\0", 15);
            out[size + 15] = last[i];
            size += 16;
        }
    }
    return size;
}

/* Keeps the name asked for in dotted form. */
FIXTURE void fixture_dns_note(struct fixture *f, const uint8_t *query, size_t len)
{
    size_t used = strlen(f->dns_names);
    for (size_t at = 12; at < len && query[at] != 0 && used + 70 < sizeof(f->dns_names);) {
        memcpy(f->dns_names + used, query + at + 1, query[at]);
        used += query[at];
        at += query[at] + 1U;
        f->dns_names[used++] = query[at] != 0 ? '.' : ' ';
    }
    f->dns_names[used] = '\0';
}

/* Makes of a good answer one that is not to be believed. Its size. */
FIXTURE size_t fixture_dns_spoil(const char *kind, const uint8_t *good, size_t len, uint8_t *out)
{
    memcpy(out, good, len);
    if (strcmp(kind, "short") == 0) {
        return 3;
    }
    if (strcmp(kind, "wrong-id") == 0) {
        out[0] ^= 0x55;
    } else if (strcmp(kind, "other-question") == 0) {
        out[13] ^= 0x01;
    } else if (strcmp(kind, "loop") == 0) { /* the answer's name points at itself */
        uint8_t here = (uint8_t)(len - 16);
        out[here + 1] = here;
    } else if (strcmp(kind, "truncated") == 0) {
        out[2] |= 0x02;
    } else if (strcmp(kind, "count") == 0) { /* more records than there are */
        out[6] = 0xFF;
    } else {
        memset(out + len, 0xC0, 4096 - len);
        return 4096;
    }
    return len;
}

FIXTURE void fixture_dns_query(uv_udp_t *handle, ssize_t n, const uv_buf_t *buf,
                               const struct sockaddr *from, unsigned flags)
{
    struct fixture *f = handle->data;
    uint8_t out[4200];
    (void)flags;
    if (n < 17 || from == NULL) {
        return;
    }
    f->dns_queries++;
    fixture_dns_note(f, (const uint8_t *)buf->base, (size_t)n);
    /* Behind the name: its type and class, and an EDNS record. */
    const char *type = buf->base + 13 + strlen(buf->base + 12) + 1;
    if (f->dns_hold != 0 && (uint8_t)*type == f->dns_hold) {
        assert_true((size_t)n <= sizeof(f->dns_question));
        f->dns_held++;
        memcpy(f->dns_question, buf->base, (size_t)n);
        f->dns_question_len = (size_t)n;
        memcpy(&f->dns_asker, from, sizeof(struct sockaddr_in));
        return;
    }
    size_t size = fixture_dns_answer((const uint8_t *)buf->base, (size_t)n, out);
    if (size > 0 && f->dns_spoil != NULL) {
        uint8_t bad[4200];
        size_t bad_size = fixture_dns_spoil(f->dns_spoil, out, size, bad);
        uv_buf_t answer = uv_buf_init((char *)bad, (unsigned)bad_size);
        assert_true(uv_udp_try_send(handle, &answer, 1, from) > 0);
    }
    if (size > 0) {
        uv_buf_t answer = uv_buf_init((char *)out, (unsigned)size);
        assert_true(uv_udp_try_send(handle, &answer, 1, from) > 0);
    }
}

/* Answers the question that has waited. */
FIXTURE void fixture_dns_release(struct fixture *f)
{
    uint8_t out[4200];
    assert_true(f->dns_held > 0);
    f->dns_hold = 0;
    size_t size = fixture_dns_answer(f->dns_question, f->dns_question_len, out);
    uv_buf_t answer = uv_buf_init((char *)out, (unsigned)size);
    assert_true(uv_udp_try_send(&f->dns, &answer, 1, (struct sockaddr *)&f->dns_asker) > 0);
}

FIXTURE void fixture_dns_start(struct fixture *f)
{
    struct sockaddr_in address;
    int len = sizeof(address);
    assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &address), 0);
    assert_int_equal(uv_udp_init(&f->loop, &f->dns), 0);
    assert_int_equal(uv_udp_bind(&f->dns, (const struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_udp_getsockname(&f->dns, (struct sockaddr *)&address, &len), 0);
    f->dns.data = f;
    assert_int_equal(uv_udp_recv_start(&f->dns, fixture_dns_alloc, fixture_dns_query), 0);
    uv_unref((uv_handle_t *)&f->dns);
    snprintf(f->dns_address, sizeof(f->dns_address), "127.0.0.1:%u", ntohs(address.sin_port));
}

/* ---- life ----------------------------------------------------------------------------- */

FIXTURE void fixture_hang(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("the test hangs");
}

/* A fixture without a net yet. */
FIXTURE struct fixture *fixture_loop(void)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    fixture_dns_start(f);
    assert_int_equal(uv_timer_init(&f->loop, &f->watchdog), 0);
    assert_int_equal(uv_timer_start(&f->watchdog, fixture_hang, WATCHDOG_MS, 0), 0);
    return f;
}

FIXTURE void fixture_net(struct fixture *f, struct pm_net_options options)
{
    char err[128] = "";
    struct pm_net_sink sink = {
        f,    fixture_done, fixture_received, fixture_writable, fixture_closed, fixture_log,
        NULL, NULL,         fixture_load};
    if (options.dns_servers == NULL) {
        options.dns_servers = f->dns_address;
    }
    f->net = pm_net_new_sink(&sink, &f->loop, &options, err, sizeof(err));
    if (f->net == NULL) {
        fail_msg("%s", err);
    }
}

FIXTURE struct fixture *fixture_start(struct pm_net_options options)
{
    struct fixture *f = fixture_loop();
    fixture_net(f, options);
    return f;
}

/* Frees the net and runs the loop until nothing is left on it. */
FIXTURE void fixture_end(struct fixture *f)
{
    pm_net_free(f->net);
    uv_close((uv_handle_t *)&f->dns, NULL);
    uv_close((uv_handle_t *)&f->watchdog, NULL);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    for (size_t i = 0; i < f->file_count; i++) {
        free(f->files[i].data);
    }
    free(f);
}

/* Runs the loop until the expression holds; the watchdog ends a wait in vain. */
#define fixture_until(f, expression)         \
    do {                                     \
        while (!(expression)) {              \
            uv_run(&(f)->loop, UV_RUN_ONCE); \
        }                                    \
    } while (0)

/* A context with addresses of both families. */
#define ROUTE                   \
    {                           \
        .context = 1, .type = 3 \
    }

FIXTURE struct pm_slice slice(const char *text)
{
    return (struct pm_slice){(const uint8_t *)text, strlen(text)};
}

/* Opens to `host` and waits for the result. */
FIXTURE int32_t fixture_open(struct fixture *f, const char *host, uint16_t port,
                             const struct pm_tls_request *tls)
{
    struct pm_connect_request request = {slice(host), port, ROUTE, tls};
    f->done = 0;
    int32_t status = pm_net_open(f->net, &f->op, &request);
    if (status == PM_PENDING) {
        assert_int_equal(f->done, 0);
        fixture_until(f, f->done > 0);
        status = f->result;
    }
    return status;
}

FIXTURE int32_t fixture_starttls(struct fixture *f, const char *host,
                                 const struct pm_tls_request *tls)
{
    struct pm_connect_request request = {slice(host), 25, ROUTE, tls};
    f->done = 0;
    int32_t status = pm_net_starttls(f->net, &f->op, &request);
    if (status == PM_PENDING) {
        assert_int_equal(f->done, 0);
        fixture_until(f, f->done > 0);
        status = f->result;
    }
    return status;
}

FIXTURE void fixture_expect(struct fixture *f, const char *text)
{
    fixture_until(f, f->closed > 0 || strstr((const char *)f->received, text) != NULL);
    assert_non_null(strstr((const char *)f->received, text));
}

FIXTURE void fixture_send(struct fixture *f, const char *text)
{
    assert_int_equal(pm_net_send(f->net, (const uint8_t *)text, strlen(text)), strlen(text));
    pm_net_flush(f->net);
}

#endif
