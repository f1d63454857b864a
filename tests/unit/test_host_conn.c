/* SPDX-License-Identifier: MIT */
/* Time limits of a connection, with limits short enough for a test. */
#include "host_net_peer.h"

#include "host/conn.h"

struct record {
    uv_loop_t *loop;
    unsigned opened, gone;
    int32_t result;
    char problem[64];
    char log[512];
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshake_time),
        cmocka_unit_test(test_connect_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
