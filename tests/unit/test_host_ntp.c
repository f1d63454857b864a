/* SPDX-License-Identifier: MIT */
/* The SNTP client: which packets are believed, and a scripted server on the loopback. */
#include "host_net_fixture.h"

#include "host/binding.h"
#include "host/ntp.h"

static const uint8_t nonce[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static void put_time(uint8_t *at, uint32_t seconds, uint32_t fraction)
{
    const uint32_t words[2] = {htonl(seconds), htonl(fraction)};
    memcpy(at, words, sizeof words);
}

/* 2026-11-23 10:15:00 UTC, half a second later when it leaves. */
#define NTP_SECONDS  (1795428900U + 2208988800U)
#define UNIX_SECONDS 1795428900

static void good_answer(uint8_t packet[PM_NTP_PACKET], const uint8_t origin[8])
{
    memset(packet, 0, PM_NTP_PACKET);
    packet[0] = 4 << 3 | 4;
    packet[1] = 2;
    memcpy(packet + 24, origin, 8);
    put_time(packet + 32, NTP_SECONDS, 0);
    put_time(packet + 40, NTP_SECONDS, 0x80000000U);
}

static void test_request(void **state)
{
    uint8_t packet[PM_NTP_PACKET];
    (void)state;
    pm_ntp_request(packet, nonce);
    assert_int_equal(packet[0], 0x23); /* version 4, client */
    for (size_t i = 1; i < 40; i++) {
        assert_int_equal(packet[i], 0);
    }
    assert_memory_equal(packet + 40, nonce, 8);
}

static void test_time(void **state)
{
    uint8_t packet[PM_NTP_PACKET + 20] = {0};
    int64_t ms = 0;
    (void)state;
    good_answer(packet, nonce);
    assert_int_equal(pm_ntp_judge(packet, 48, nonce, 500, &ms), PM_NTP_TIME);
    assert_int_equal(ms, UNIX_SECONDS * 1000LL + 500);
    /* 500 of the 700 ms were spent by the server: the way back took 100. */
    assert_int_equal(pm_ntp_judge(packet, 68, nonce, 700, &ms), PM_NTP_TIME);
    assert_int_equal(ms, UNIX_SECONDS * 1000LL + 600);
    /* It cannot have spent more than all. */
    assert_int_equal(pm_ntp_judge(packet, 48, nonce, 100, &ms), PM_NTP_TIME);
    assert_int_equal(ms, UNIX_SECONDS * 1000LL + 550);
    /* The era that begins on 2036-02-07. */
    put_time(packet + 40, 0, 1);
    assert_int_equal(pm_ntp_judge(packet, 48, nonce, 0, &ms), PM_NTP_TIME);
    assert_int_equal(ms, 2085978496LL * 1000);
}

static void judge(size_t at, uint8_t value, enum pm_ntp_answer expected)
{
    uint8_t packet[PM_NTP_PACKET];
    int64_t ms = -1;
    good_answer(packet, nonce);
    packet[at] = value;
    assert_int_equal(pm_ntp_judge(packet, sizeof packet, nonce, 10, &ms), expected);
    assert_true((ms == -1) == (expected != PM_NTP_TIME));
}

static void test_bad_answers(void **state)
{
    uint8_t packet[PM_NTP_PACKET];
    int64_t ms = -1;
    (void)state;
    judge(0, 3 << 3 | 4, PM_NTP_TIME);
    judge(0, 1 << 6 | 4 << 3 | 4, PM_NTP_TIME);    /* a leap second is coming */
    judge(0, 3 << 6 | 4 << 3 | 4, PM_NTP_REFUSED); /* not synchronised */
    judge(0, 4 << 3 | 3, PM_NTP_FOREIGN);          /* a request */
    judge(0, 4 << 3 | 5, PM_NTP_FOREIGN);          /* a broadcast */
    judge(0, 0 << 3 | 4, PM_NTP_REFUSED);
    judge(0, 5 << 3 | 4, PM_NTP_REFUSED);
    judge(1, 0, PM_NTP_REFUSED); /* kiss-of-death */
    judge(1, 1, PM_NTP_TIME);
    judge(1, 15, PM_NTP_TIME);
    judge(1, 16, PM_NTP_REFUSED);
    for (size_t i = 24; i < 32; i++) {
        judge(i, 0xEE, PM_NTP_FOREIGN);
    }
    good_answer(packet, nonce);
    memset(packet + 40, 0, 8);
    assert_int_equal(pm_ntp_judge(packet, sizeof packet, nonce, 0, &ms), PM_NTP_REFUSED);
    good_answer(packet, nonce);
    for (size_t len = 0; len < PM_NTP_PACKET; len++) {
        assert_int_equal(pm_ntp_judge(packet, len, nonce, 0, &ms), PM_NTP_FOREIGN);
    }
}

/* ---- with a server ------------------------------------------------------------------------- */

struct timekeeper {
    uv_udp_t socket;
    uint16_t port;
    const char *plays;
    unsigned asked;
    uint8_t last_nonce[8];
    char from[64];
};

struct record {
    unsigned done;
    int32_t result;
    int64_t seconds;
    char log[1024];
};

static void reply(struct timekeeper *t, const struct sockaddr *client, const uint8_t *data,
                  size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);
    assert_true(uv_udp_try_send(&t->socket, &buf, 1, client) >= 0);
}

static bool plays(const struct timekeeper *t, const char *what)
{
    return strcmp(t->plays, what) == 0;
}

static void on_query(uv_udp_t *handle, ssize_t n, const uv_buf_t *buf,
                     const struct sockaddr *client, unsigned flags)
{
    struct timekeeper *t = handle->data;
    uint8_t answer[1200] = {0};
    (void)flags;
    if (n != PM_NTP_PACKET || client == NULL) {
        return;
    }
    const uint8_t *asked = (const uint8_t *)buf->base + 40;
    t->asked++;
    assert_int_equal(uv_ip_name(client, t->from, sizeof t->from), 0);
    good_answer(answer, asked);
    if (plays(t, "silent")) {
        return;
    }
    if (plays(t, "old")) { /* the answer to the request before */
        memcpy(answer + 24, t->last_nonce, 8);
        reply(t, client, answer, PM_NTP_PACKET);
        memcpy(t->last_nonce, asked, 8);
        good_answer(answer, asked);
    } else if (plays(t, "noise")) {
        reply(t, client, answer, 0);
        reply(t, client, answer, 47);
        memset(answer, 0xFF, sizeof answer);
        reply(t, client, answer, sizeof answer);
        good_answer(answer, asked);
    } else if (plays(t, "kiss")) {
        answer[1] = 0;
        memcpy(answer + 12, "RATE", 4);
    }
    reply(t, client, answer, plays(t, "huge") ? sizeof answer : PM_NTP_PACKET);
}

static void keep_time(struct fixture *f, struct timekeeper *t, const char *what)
{
    struct sockaddr_in address;
    int len = sizeof address;
    *t = (struct timekeeper){.plays = what};
    assert_int_equal(uv_udp_init(&f->loop, &t->socket), 0);
    assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &address), 0);
    assert_int_equal(uv_udp_bind(&t->socket, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_udp_getsockname(&t->socket, (struct sockaddr *)&address, &len), 0);
    t->port = ntohs(address.sin_port);
    t->socket.data = t;
    assert_int_equal(uv_udp_recv_start(&t->socket, fixture_dns_alloc, on_query), 0);
}

static void on_done(void *user, int32_t result)
{
    struct record *r = user;
    r->done++;
    r->result = result;
}

static void on_log(void *user, enum pm_log_level level, const char *text)
{
    struct record *r = user;
    (void)level;
    snprintf(r->log, sizeof r->log, "%s", text);
}

/* Asks once and returns the result. */
static int32_t ask(struct fixture *f, const char *host, uint16_t port, struct pm_path path,
                   struct record *r)
{
    char err[100] = "";
    struct pm_resolver *resolver = pm_resolver_new(&f->loop, f->dns_address, NULL, err, sizeof err);
    assert_non_null(resolver);
    *r = (struct record){0};
    const struct pm_ntp_setup setup = {.host = host,
                                       .port = port,
                                       .path = path,
                                       .unix_seconds = &r->seconds,
                                       .done = on_done,
                                       .log = on_log,
                                       .user = r};
    struct pm_ntp *ntp = pm_ntp_start(&f->loop, resolver, &setup);
    assert_non_null(ntp);
    assert_int_equal(r->done, 0); /* never from inside */
    fixture_until(f, r->done > 0);
    pm_ntp_end(ntp);
    pm_resolver_free(resolver);
    assert_int_equal(r->done, 1);
    return r->result;
}

static int32_t play(const char *what, struct record *r)
{
    struct fixture *f = fixture_loop();
    struct timekeeper t;
    keep_time(f, &t, what);
    int32_t result = ask(f, "127.0.0.1", t.port, (struct pm_path){0}, r);
    uv_close((uv_handle_t *)&t.socket, NULL);
    fixture_end(f);
    return result;
}

static void test_answers(void **state)
{
    static const char *const good[] = {"well", "old", "noise", "huge"};
    struct record r;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(play(good[i], &r), PM_OK);
        assert_in_range(r.seconds, UNIX_SECONDS, UNIX_SECONDS + 5);
    }
    assert_int_equal(play("kiss", &r), PM_ERR_CONNECT);
    assert_non_null(strstr(r.log, "does not give the time"));
}

static void test_nobody_there(void **state)
{
    struct fixture *f = fixture_loop();
    struct timekeeper t;
    struct record r;
    (void)state;
    keep_time(f, &t, "silent");
    uv_close((uv_handle_t *)&t.socket, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(ask(f, "127.0.0.1", t.port, (struct pm_path){0}, &r), PM_ERR_CONNECT);
    assert_int_equal(ask(f, "no.mail.invalid", 123, (struct pm_path){0}, &r), PM_ERR_RESOLVE);
    assert_int_equal(ask(f, "127.0.0.1", t.port, (struct pm_path){.family = AF_INET6}, &r),
                     PM_ERR_RESOLVE);
    fixture_end(f);
}

/* The name has a dead address first; the second has the server. And the source is what the context
 * is bound to. */
static void test_second_address_and_source(void **state)
{
    struct fixture *f = fixture_loop();
    struct timekeeper t;
    struct record r;
    struct pm_binding binding;
    char err[100];
    (void)state;
    keep_time(f, &t, "well");
    assert_true(pm_binding_read(&binding, "lo", "127.0.0.2", err, sizeof err));
    assert_int_equal(ask(f, "127.0.0.1", t.port, (struct pm_path){.binding = &binding}, &r), PM_OK);
    assert_string_equal(t.from, "127.0.0.2");
    assert_int_equal(ask(f, "dead.mail.test", t.port, (struct pm_path){0}, &r), PM_OK);
    assert_string_equal(t.from, "127.0.0.1");
    uv_close((uv_handle_t *)&t.socket, NULL);
    fixture_end(f);
}

/* Three requests, each with a nonce of its own, then it is over. */
static void test_silence(void **state)
{
    struct fixture *f = fixture_loop();
    struct timekeeper t;
    struct record r;
    (void)state;
    keep_time(f, &t, "silent");
    assert_int_equal(ask(f, "127.0.0.1", t.port, (struct pm_path){0}, &r), PM_ERR_TIMEOUT);
    assert_int_equal(t.asked, 3);
    uv_close((uv_handle_t *)&t.socket, NULL);
    fixture_end(f);
}

static void test_cancel(void **state)
{
    struct fixture *f = fixture_loop();
    struct timekeeper t;
    struct record r = {0};
    char err[100] = "";
    (void)state;
    keep_time(f, &t, "silent");
    struct pm_resolver *resolver = pm_resolver_new(&f->loop, f->dns_address, NULL, err, sizeof err);
    assert_non_null(resolver);
    const char *const hosts[] = {"127.0.0.1", "silent.mail.test"};
    for (size_t i = 0; i < 2; i++) {
        unsigned queries = f->dns_queries;
        const struct pm_ntp_setup setup = {.host = hosts[i],
                                           .port = t.port,
                                           .unix_seconds = &r.seconds,
                                           .done = on_done,
                                           .log = on_log,
                                           .user = &r};
        pm_ntp_end(pm_ntp_start(&f->loop, resolver, &setup)); /* before it began */
        struct pm_ntp *ntp = pm_ntp_start(&f->loop, resolver, &setup);
        fixture_until(f, i == 0 ? t.asked > 0 : f->dns_queries > queries);
        pm_ntp_end(ntp);
    }
    pm_resolver_free(resolver);
    uv_close((uv_handle_t *)&t.socket, NULL);
    fixture_end(f);
    assert_int_equal(r.done, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),      cmocka_unit_test(test_time),
        cmocka_unit_test(test_bad_answers),  cmocka_unit_test(test_answers),
        cmocka_unit_test(test_nobody_there), cmocka_unit_test(test_second_address_and_source),
        cmocka_unit_test(test_silence),      cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
