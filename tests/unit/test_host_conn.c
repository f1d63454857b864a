/* SPDX-License-Identifier: MIT */
/* The way to an open connection: its time limits, with limits short enough for a test, the race of
 * the addresses, a look-up whose answers come one by one; and its writes. */
#include "host_net_peer.h"

#include <netinet/tcp.h>

#include "host/conn_internal.h"

struct record {
    uv_loop_t *loop;
    unsigned opened, gone;
    int32_t result;
    char problem[64];
    char log[512];
    char all[4096]; /* every line of the log */
};

static void on_opened(void *user, int32_t result)
{
    struct record *record = user;
    record->opened++;
    record->result = result;
    uv_stop(record->loop);
}

static void on_handshake(void *user, SSL *ssl, const char *problem)
{
    struct record *record = user;
    assert_non_null(ssl);
    snprintf(record->problem, sizeof(record->problem), "%s", problem != NULL ? problem : "none");
}

static void on_received(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    (void)data;
    fail_msg("%zu bytes before the connection is open", len);
}

static void on_nothing(void *user)
{
    (void)user;
}

static void on_log(void *user, enum pm_log_level level, const char *text)
{
    struct record *record = user;
    (void)level;
    snprintf(record->log, sizeof(record->log), "%s", text);
    size_t len = strlen(record->all);
    snprintf(record->all + len, sizeof(record->all) - len, "%s\n", text);
}

static void on_gone(void *user, struct pm_conn *conn)
{
    struct record *record = user;
    (void)conn;
    record->gone++;
}

static const struct pm_conn_events events = {.opened = on_opened,
                                             .handshake = on_handshake,
                                             .received = on_received,
                                             .writable = on_nothing,
                                             .closed = on_nothing,
                                             .log = on_log,
                                             .gone = on_gone};

static void script_mute(struct peer *peer)
{
    char data[512];
    while (recv(peer->fd, data, sizeof(data), 0) > 0) {
    }
}

/* A server that accepts and never speaks TLS. */
static void test_handshake_time(void **state)
{
    (void)state;
    struct fixture *f = fixture_loop();
    struct peer peer = {.script = script_mute};
    struct record record = {.loop = &f->loop};
    peer_start(&peer);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    struct pm_conn_target target = {
        .host = "127.0.0.1", .port = peer.port, .connect_ms = 10000, .handshake_ms = 1000};
    target.ssl = SSL_new(context);
    assert_non_null(target.ssl);
    SSL_set_connect_state(target.ssl);
    struct pm_conn *conn = pm_conn_new(&f->loop, &events, &record);
    assert_non_null(conn);
    pm_conn_open(conn, NULL, &target);
    fixture_until(f, record.opened > 0);
    assert_int_equal(record.result, PM_ERR_TLS);
    assert_string_equal(record.problem, "not finished within 1 s");
    pm_conn_close(conn, true);
    fixture_end(f);
    assert_int_equal(record.opened, 1);
    assert_int_equal(record.gone, 1);
    SSL_CTX_free(context);
    peer_end(&peer);
}

/* Two sockets fill the backlog of a listener that never accepts; the kernel answers no more. */
static void test_connect_time(void **state)
{
    (void)state;
    struct fixture *f = fixture_loop();
    struct record record = {.loop = &f->loop};
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    int fillers[8];
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &address), 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    for (size_t i = 0; i < 8; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, sizeof(address));
    }
    struct pm_conn_target target = {
        .host = "127.0.0.1", .port = ntohs(address.sin_port), .connect_ms = 50};
    struct pm_conn *conn = pm_conn_new(&f->loop, &events, &record);
    assert_non_null(conn);
    pm_conn_open(conn, NULL, &target);
    fixture_until(f, record.opened > 0);
    assert_int_equal(record.result, PM_ERR_CONNECT);
    assert_non_null(strstr(record.log, "no answer in time"));
    pm_conn_close(conn, false);
    for (size_t i = 0; i < 8; i++) {
        close(fillers[i]);
    }
    close(listener);
    fixture_end(f);
}

/* ---- the race of addresses (RFC 8305) ---- */

/* A listener with a full backlog, which answers no more, or one that answers. */
static int listen_at(const char *ip, uint16_t *port, bool mute, int fillers[8])
{
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(uv_ip4_addr(ip, *port, &address), 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, mute ? 0 : 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    for (size_t i = 0; mute && i < 8; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, sizeof(address));
    }
    return listener;
}

/* A connection to these addresses, as if a name had led to them. */
static struct pm_conn *race(struct fixture *f, struct record *record, uint16_t port,
                            const char *const *ips, size_t count)
{
    struct pm_conn *conn = pm_conn_new(&f->loop, &events, record);
    assert_non_null(conn);
    snprintf(conn->host, sizeof(conn->host), "mail.example");
    conn->port = port;
    conn->connect_ms = 60000;
    conn->state = CONN_CONNECTING;
    conn->addresses.count = (unsigned)count;
    for (size_t i = 0; i < count; i++) {
        struct pm_addresses one;
        assert_true(pm_resolver_literal(ips[i], port, &one));
        conn->addresses.address[i] = one.address[0];
    }
    uv_update_time(&f->loop);
    pm__conn_race(conn);
    return conn;
}

/* One that never answers does not hold up the next, whose connection serves; it is dropped. */
static void test_silent_address_is_passed(void **state)
{
    (void)state;
    static const char *const ips[] = {"127.0.0.2", "127.0.0.3"};
    struct fixture *f = fixture_loop();
    struct record record = {.loop = &f->loop};
    uint16_t port = 0;
    int fillers[8];
    int mute = listen_at(ips[0], &port, true, fillers);
    int ears = listen_at(ips[1], &port, false, NULL);
    struct pm_conn *conn = race(f, &record, port, ips, 2);
    /* Its head start: the second address is not tried with the first one. */
    assert_int_equal(conn->next_address, 1);
    assert_int_equal(conn->next_at, uv_now(&f->loop) + 250);
    fixture_until(f, record.opened > 0);
    assert_int_equal(record.result, PM_OK);
    assert_non_null(strstr(record.log, "connected to mail.example at 127.0.0.3:"));
    assert_null(strstr(record.all, "cannot connect"));
    assert_null(conn->attempts[0].poll);
    assert_null(conn->attempts[1].poll);
    pm_conn_close(conn, false);
    for (size_t i = 0; i < 8; i++) {
        close(fillers[i]);
    }
    close(mute);
    close(ears);
    fixture_end(f);
    assert_int_equal(record.opened, 1);
    assert_int_equal(record.gone, 1);
}

/* One that refuses is followed at once, across families. What was not needed is not tried. */
static void test_refused_address_is_followed(void **state)
{
    (void)state;
    static const char *const ips[] = {"::1", "127.0.0.2", "127.0.0.3", "127.0.0.4"};
    struct fixture *f = fixture_loop();
    struct record record = {.loop = &f->loop};
    uint16_t port = 0;
    int ears = listen_at(ips[2], &port, false, NULL);
    struct pm_conn *conn = race(f, &record, port, ips, 4);
    fixture_until(f, record.opened > 0);
    assert_int_equal(record.result, PM_OK);
    const char *first = strstr(record.all, "at [::1]:");
    const char *second = strstr(record.all, "at 127.0.0.2:");
    const char *third = strstr(record.all, "connected to mail.example at 127.0.0.3:");
    assert_true(first != NULL && second > first && third > second);
    assert_int_equal(conn->next_address, 3);
    pm_conn_close(conn, false);
    close(ears);
    fixture_end(f);
}

static void test_no_address_answers(void **state)
{
    (void)state;
    static const char *const ips[] = {"127.0.0.2", "::1"};
    struct fixture *f = fixture_loop();
    struct record record = {.loop = &f->loop};
    uint16_t port = 0;
    int reserved = listen_at("127.0.0.9", &port, false, NULL);
    struct pm_conn *conn = race(f, &record, port, ips, 2);
    fixture_until(f, record.opened > 0);
    assert_int_equal(record.result, PM_ERR_CONNECT);
    assert_non_null(strstr(record.all, "127.0.0.2:"));
    assert_non_null(strstr(record.all, "[::1]:"));
    pm_conn_close(conn, false);
    close(reserved);
    fixture_end(f);
}

/* The owner lets go while attempts run: nothing of them is left. */
static void test_closed_while_racing(void **state)
{
    (void)state;
    static const char *const ips[] = {"127.0.0.2"};
    struct fixture *f = fixture_loop();
    struct record record = {.loop = &f->loop};
    uint16_t port = 0;
    int fillers[8];
    int mute = listen_at(ips[0], &port, true, fillers);
    struct pm_conn *conn = race(f, &record, port, ips, 1);
    assert_non_null(conn->attempts[0].poll);
    pm_conn_close(conn, false);
    for (size_t i = 0; i < 8; i++) {
        close(fillers[i]);
    }
    close(mute);
    fixture_end(f);
    assert_int_equal(record.opened, 0);
    assert_int_equal(record.gone, 1);
}

/* ---- addresses that come late (RFC 8305 section 3) ---- */

enum { A = 1, AAAA = 28 };

struct late {
    struct fixture *f;
    struct record record;
    struct pm_resolver *resolver;
    struct pm_conn *conn;
    uint16_t port;
    int ears;
};

/* A connection to `host`, whose records of the type `hold` do not come. A server listens at `ip`.
 */
static void late_begin(struct late *late, const char *host, uint8_t hold, const char *ip,
                       const char *resolv_conf)
{
    char err[128] = "";
    struct sockaddr_storage space = {0};
    socklen_t len = sizeof(space);
    struct pm_addresses listen_here;
    *late = (struct late){.f = fixture_loop()};
    late->record.loop = &late->f->loop;
    late->f->dns_hold = hold;
    assert_true(pm_resolver_literal(ip, 0, &listen_here));
    late->ears = socket(listen_here.address[0].ss_family, SOCK_STREAM, 0);
    assert_int_equal(bind(late->ears, (struct sockaddr *)&listen_here.address[0], len), 0);
    assert_int_equal(listen(late->ears, 8), 0);
    assert_int_equal(getsockname(late->ears, (struct sockaddr *)&space, &len), 0);
    late->port = ntohs(space.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&space)->sin6_port
                                                   : ((struct sockaddr_in *)&space)->sin_port);
    late->resolver =
        pm_resolver_new(&late->f->loop, late->f->dns_address, resolv_conf, err, sizeof(err));
    assert_non_null(late->resolver);
    late->conn = pm_conn_new(&late->f->loop, &events, &late->record);
    assert_non_null(late->conn);
    const struct pm_conn_target target = {.host = host, .port = late->port, .connect_ms = 60000};
    pm_conn_open(late->conn, late->resolver, &target);
}

static void late_end(struct late *late)
{
    pm_conn_close(late->conn, false);
    pm_resolver_free(late->resolver);
    close(late->ears);
    fixture_end(late->f);
    assert_int_equal(late->record.gone, 1);
}

static bool late_said(const struct late *late, const char *text)
{
    return strstr(late->record.all, text) != NULL;
}

/* IPv6 is not waited for longer than a moment, far less than until the name server has been asked
 * for it three times and given up. */
static void test_ipv4_without_an_answer_for_ipv6(void **state)
{
    (void)state;
    struct late late;
    late_begin(&late, "x.mail.test", AAAA, "127.0.0.1", NULL);
    fixture_until(late.f, late.record.opened > 0);
    assert_int_equal(late.record.result, PM_OK);
    assert_true(late.f->dns_held > 0 && late.f->dns_held < 3);
    fixture_dns_release(late.f);
    late_end(&late);
}

static void test_ipv6_without_an_answer_for_ipv4(void **state)
{
    (void)state;
    struct late late;
    late_begin(&late, "both.mail.test", A, "::1", NULL);
    fixture_until(late.f, late.record.opened > 0);
    assert_int_equal(late.record.result, PM_OK);
    assert_true(late_said(&late, "connected to both.mail.test at [::1]:"));
    assert_true(late.f->dns_held < 3);
    late_end(&late);
}

/* Where one family leads nowhere, the other is waited for, and used. */
static void test_late_addresses_join(void **state)
{
    (void)state;
    static const struct {
        uint8_t hold;
        const char *server, *first, *wins;
    } rows[] = {
        {AAAA, "::1", "at 127.0.0.1:", "connected to both.mail.test at [::1]:"},
        {A, "127.0.0.1", "at [::2]:", "connected to both.mail.test at 127.0.0.1:"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct late late;
        late_begin(&late, "both.mail.test", rows[i].hold, rows[i].server, NULL);
        fixture_until(late.f, late_said(&late, rows[i].first));
        assert_int_equal(late.record.opened, 0);
        fixture_dns_release(late.f);
        fixture_until(late.f, late.record.opened > 0);
        assert_int_equal(late.record.result, PM_OK);
        assert_true(late_said(&late, rows[i].wins));
        late_end(&late);
    }
}

/* It fails when no answer is left to come: because there are none, or in the end. */
static void test_no_late_addresses(void **state)
{
    (void)state;
    for (unsigned in_time = 0; in_time < 2; in_time++) {
        struct late late;
        late_begin(&late, "x.mail.test", AAAA, "127.0.0.9", NULL);
        fixture_until(late.f, late_said(&late, "cannot connect to x.mail.test at 127.0.0.1:"));
        assert_int_equal(late.record.opened, 0);
        if (in_time) {
            fixture_dns_release(late.f);
        } else {
            assert_true(late.conn->resolve_until > uv_now(&late.f->loop) + 10000);
            late.conn->resolve_until = uv_now(&late.f->loop);
            pm__conn_race_on(late.conn);
        }
        fixture_until(late.f, late.record.opened > 0);
        assert_int_equal(late.record.result, PM_ERR_CONNECT);
        late_end(&late);
    }
}

static void test_closed_before_the_late_answer(void **state)
{
    (void)state;
    struct late late;
    late_begin(&late, "x.mail.test", AAAA, "127.0.0.9", NULL);
    fixture_until(late.f, late_said(&late, "cannot connect"));
    pm_conn_close(late.conn, false);
    fixture_until(late.f, late.record.gone > 0);
    fixture_dns_release(late.f);
    pm_resolver_free(late.resolver);
    close(late.ears);
    fixture_end(late.f);
    assert_int_equal(late.record.opened, 0);
}

/* A name that is whole is not asked for in the search domains, where a family could find another
 * host; one that does not exist is, as ever. */
static void test_search_domains(void **state)
{
    (void)state;
    char path[] = "/tmp/pm-resolv-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "search local.test\n", 18), 18);
    close(fd);
    struct late late;
    late_begin(&late, "x.mail.test", 0, "127.0.0.1", path);
    fixture_until(late.f, late.record.opened > 0);
    assert_int_equal(late.record.result, PM_OK);
    assert_string_equal(late.f->dns_names, "x.mail.test x.mail.test ");
    late_end(&late);
    late_begin(&late, "no.such.test", 0, "127.0.0.1", path);
    fixture_until(late.f, late.record.opened > 0);
    assert_int_equal(late.record.result, PM_ERR_RESOLVE);
    assert_non_null(strstr(late.f->dns_names, "no.such.test.local.test "));
    assert_true(late_said(&late, "cannot resolve no.such.test: Domain name not found"));
    late_end(&late);
    late_begin(&late, "no.such.test.", 0, "127.0.0.1", path);
    fixture_until(late.f, late.record.opened > 0);
    assert_int_equal(late.record.result, PM_ERR_RESOLVE);
    assert_null(strstr(late.f->dns_names, "local"));
    late_end(&late);
    assert_int_equal(unlink(path), 0);
}

static struct pm_addresses letters(const char *text)
{
    struct pm_addresses list = {0};
    for (; *text != '\0'; text++) {
        list.address[list.count++].ss_family = (sa_family_t)*text;
    }
    return list;
}

static void test_merge(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        unsigned tried;
        const char *late, *merged;
    } rows[] = {
        {"", 0, "", ""},
        {"", 0, "ab", "ab"},
        {"ab", 0, "", "ab"},
        {"ab", 0, "xyz", "xaybz"},
        {"abcd", 1, "xy", "axbycd"},
        {"ab", 2, "xy", "abxy"},
        {"abcdefghijklmnop", 3, "xyz", "abcxdyezfghijklm"},
        {"abcdefghijklmnop", 16, "xyz", "abcdefghijklmnop"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pm_addresses list = letters(rows[i].list);
        const struct pm_addresses late = letters(rows[i].late);
        pm__conn_merge(&list, rows[i].tried, &late);
        assert_int_equal(list.count, strlen(rows[i].merged));
        for (unsigned k = 0; k < list.count; k++) {
            assert_int_equal(list.address[k].ss_family, rows[i].merged[k]);
        }
    }
}

/* ---- what goes over the wire ------------------------------------------------------------------
 */

/* Each write shows as one packet at the other end of `conn`. */
static int attach(struct fixture *f, struct record *record, struct pm_conn **conn)
{
    int ends[2];
    const struct pm_conn_target target = {.host = "peer", .port = 25};
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
    *conn = pm_conn_new(&f->loop, &events, record);
    assert_non_null(*conn);
    pm_conn_attach(*conn, ends[0], &target);
    fixture_until(f, record->opened > 0);
    assert_int_equal(record->result, PM_OK);
    return ends[1];
}

static void send_text(struct pm_conn *conn, const char *text)
{
    assert_int_equal(pm_conn_send(conn, (const uint8_t *)text, strlen(text)), strlen(text));
}

/* What is sent until the owner has no more leaves by one write, at once, and is wiped. */
static void test_one_write(void **state)
{
    (void)state;
    struct fixture *f = fixture_loop();
    struct record record = {.loop = &f->loop};
    struct pm_conn *conn;
    char heard[64] = "";
    int peer = attach(f, &record, &conn);
    send_text(conn, "MAIL\r\nDATA\r\n");
    send_text(conn, "message\r\n");
    send_text(conn, ".\r\n");
    assert_int_equal(recv(peer, heard, sizeof(heard), 0), -1);
    pm_conn_flush(conn);
    assert_int_equal(recv(peer, heard, sizeof(heard), 0), 24);
    assert_string_equal(heard, "MAIL\r\nDATA\r\nmessage\r\n.\r\n");
    static const uint8_t wiped[24];
    assert_memory_equal(conn->stream.out, wiped, sizeof(wiped));
    pm_conn_flush(conn);
    assert_int_equal(recv(peer, heard, sizeof(heard), 0), -1);
    pm_conn_close(conn, false);
    close(peer);
    fixture_end(f);
}

/* Much at once goes as it is, behind what was there before. */
static void test_large_write(void **state)
{
    (void)state;
    static uint8_t large[PM_STREAM_CLEAR_SIZE + 1];
    static uint8_t heard[2 * sizeof(large)];
    struct fixture *f = fixture_loop();
    struct record record = {.loop = &f->loop};
    struct pm_conn *conn;
    int peer = attach(f, &record, &conn);
    send_text(conn, "BDAT 16385 LAST\r\n");
    assert_int_equal(pm_conn_send(conn, large, sizeof(large)), sizeof(large));
    assert_int_equal(recv(peer, heard, sizeof(heard), 0), 17);
    assert_int_equal(recv(peer, heard, sizeof(heard), 0), sizeof(large));
    pm_conn_close(conn, false);
    close(peer);
    fixture_end(f);
}

/* Nagle's algorithm would hold a short last segment until the peer has acknowledged the others,
 * which it may put off. */
static void test_no_delay(void **state)
{
    (void)state;
    struct fixture *f = fixture_loop();
    struct record record = {.loop = &f->loop};
    struct peer peer = {.script = script_mute};
    int on = 0;
    socklen_t len = sizeof(on);
    peer_start(&peer);
    const struct pm_conn_target target = {
        .host = "127.0.0.1", .port = peer.port, .connect_ms = 10000};
    struct pm_conn *conn = pm_conn_new(&f->loop, &events, &record);
    assert_non_null(conn);
    pm_conn_open(conn, NULL, &target);
    fixture_until(f, record.opened > 0);
    assert_int_equal(record.result, PM_OK);
    assert_int_equal(getsockopt(conn->stream.fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    assert_int_equal(on, 1);
    pm_conn_close(conn, false);
    fixture_end(f);
    peer_end(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshake_time),
        cmocka_unit_test(test_connect_time),
        cmocka_unit_test(test_silent_address_is_passed),
        cmocka_unit_test(test_refused_address_is_followed),
        cmocka_unit_test(test_no_address_answers),
        cmocka_unit_test(test_closed_while_racing),
        cmocka_unit_test(test_ipv4_without_an_answer_for_ipv6),
        cmocka_unit_test(test_ipv6_without_an_answer_for_ipv4),
        cmocka_unit_test(test_late_addresses_join),
        cmocka_unit_test(test_no_late_addresses),
        cmocka_unit_test(test_closed_before_the_late_answer),
        cmocka_unit_test(test_search_domains),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_one_write),
        cmocka_unit_test(test_large_write),
        cmocka_unit_test(test_no_delay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
