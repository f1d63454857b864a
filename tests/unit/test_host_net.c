/* SPDX-License-Identifier: MIT */
/* The mail connection of a net: look-up, addresses, sending, receiving and every kind of end. */
#include "host_net_peer.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#define HOST     "x.mail.test"
#define LABEL_64 "0123456789012345678901234567890123456789012345678901234567890123"
#define PLENTY   ((size_t)32 * 1024 * 1024)

/* A byte of the test's endless text. */
static uint8_t pattern(size_t i)
{
    return (uint8_t)((i * 7) ^ (i >> 8) ^ (i >> 16));
}

static struct cert server; /* for the tests with TLS */

static const struct pm_tls_request no_checks = {
    .version = 4, .ciphersuite = 0xFFFF, .negotiate_s = 10};

/* ---- scripts ---------------------------------------------------------------------------- */

static void script_hello(struct peer *peer)
{
    char data[256];
    (void)send(peer->fd, "220 hello\r\n", 11, MSG_NOSIGNAL);
    while (recv(peer->fd, data, sizeof(data), 0) > 0) {
    }
}

static bool peer_read(struct peer *peer, uint8_t *data, size_t size, size_t *n)
{
    if (peer->ssl != NULL) {
        return SSL_read_ex(peer->ssl, data, size, n) == 1;
    }
    ssize_t got = recv(peer->fd, data, size, 0);
    *n = got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* After the end of what we sent, the connection must still hear the peer's last words: a reset
 * would tell that it has gone at once. */
static bool still_hears(int fd)
{
    int waiting = 1;
    int error = 0;
    socklen_t size = sizeof(error);
    if (send(fd, "221 bye\r\n", 9, MSG_NOSIGNAL) != 9) {
        return false;
    }
    while (waiting > 0 && error == 0) {
        usleep(1000);
        if (ioctl(fd, SIOCOUTQ, &waiting) != 0 ||
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
            return false;
        }
    }
    return error == 0;
}

/* Reads nothing before it is told to, then everything, and compares. */
static void script_slow(struct peer *peer)
{
    static uint8_t data[65536];
    size_t n = 0;
    if (peer->context != NULL) {
        peer->ssl = SSL_new(peer->context);
        SSL_set_fd(peer->ssl, peer->fd);
        peer->handshake = SSL_accept(peer->ssl);
    }
    while (!__atomic_load_n(&peer->expect, __ATOMIC_ACQUIRE)) {
        usleep(1000);
    }
    while (peer_read(peer, data, sizeof(data), &n)) {
        for (size_t i = 0; i < n; i++) {
            if (data[i] != pattern(peer->len + i)) {
                peer->handshake = -1;
            }
        }
        peer->len += n;
    }
    if (peer->ssl != NULL && SSL_get_shutdown(peer->ssl) != SSL_RECEIVED_SHUTDOWN) {
        peer->handshake = -1;
    }
    if (peer->ssl == NULL && !still_hears(peer->fd)) {
        peer->handshake = -1;
    }
}

/* ---- opening ------------------------------------------------------------------------------ */

struct open_row {
    const char *host;
    const char *listen; /* NULL: nobody */
    int32_t result;
    const char *logged;
};

static const struct open_row opens[] = {
    {"127.0.0.1", "127.0.0.1", PM_OK, "connected to 127.0.0.1 at 127.0.0.1:"},
    {"::1", "::1", PM_OK, "connected to ::1 at [::1]:"},
    {HOST, "127.0.0.1", PM_OK, "connected to " HOST " at 127.0.0.1:"},
    {"six.mail.test", "::1", PM_OK, "at [::1]:"},
    {"dead.mail.test", "127.0.0.1", PM_OK, "connected to dead.mail.test at 127.0.0.1:"},
    {"localhost", "127.0.0.1", PM_OK, "connected to localhost"},
    {"127.0.0.1", NULL, PM_ERR_CONNECT, "cannot connect to 127.0.0.1 at 127.0.0.1:"},
    {HOST, NULL, PM_ERR_CONNECT, "Connection refused"},
    {"no.mail.invalid", NULL, PM_ERR_RESOLVE,
     "cannot resolve no.mail.invalid: Domain name not found"},
    {"", NULL, PM_ERR_RESOLVE, "no valid host name"},
    {"a b", NULL, PM_ERR_CONNECT, "cannot connect to a b"}, /* the test's DNS knows every name */
    {".", NULL, PM_ERR_RESOLVE, "cannot resolve .: not a host name"},
    {"..", NULL, PM_ERR_RESOLVE, "cannot resolve ..: not a host name"},
    {"a..b", NULL, PM_ERR_RESOLVE, "cannot resolve a..b: not a host name"},
    {".a", NULL, PM_ERR_RESOLVE, "cannot resolve .a: not a host name"},
    {LABEL_64 ".test", NULL, PM_ERR_RESOLVE, ": not a host name"},
};

static void open_row(const struct open_row *row)
{
    struct pm_net_options options = {0};
    struct fixture *f = fixture_start(options);
    struct peer peer = {.script = script_hello};
    peer_start_at(&peer, row->listen != NULL ? row->listen : "127.0.0.1");
    if (row->listen == NULL) {
        peer_join(&peer); /* now nobody listens on this port */
    }
    int32_t result = fixture_open(f, row->host, peer.port, NULL);
    if (result != row->result) {
        fail_msg("%s: %d\n%s", row->host, result, f->log);
    }
    assert_true(fixture_logged(f, row->logged));
    if (result == PM_OK) {
        fixture_expect(f, "220 hello\r\n");
    } else {
        assert_int_equal(pm_net_send(f->net, (const uint8_t *)"x", 1), PM_ERR_CLOSED);
    }
    assert_int_equal(f->closed, 0);
    fixture_end(f);
    if (row->listen != NULL) {
        peer_join(&peer);
    }
}

static void test_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(opens) / sizeof(opens[0]); i++) {
        open_row(&opens[i]);
    }
}

static void test_host_name_too_long(void **state)
{
    (void)state;
    struct pm_net_options options = {0};
    struct fixture *f = fixture_start(options);
    char name[256];
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(fixture_open(f, name, 25, NULL), PM_ERR_RESOLVE);
    struct pm_connect_request request = {{(const uint8_t *)"a\0b", 3}, 25, ROUTE, NULL};
    assert_int_equal(pm_net_open(f->net, &f->op, &request), PM_ERR_RESOLVE);
    fixture_end(f);
}

/* A look-up that nobody answers is cancelled, and again by the end of the net. */
static void test_cancel_lookup(void **state)
{
    (void)state;
    struct pm_net_options options = {0};
    struct fixture *f = fixture_start(options);
    struct pm_connect_request request = {slice("silent.mail.test"), 25, ROUTE, NULL};
    assert_int_equal(pm_net_open(f->net, &f->op, &request), PM_PENDING);
    fixture_until(f, f->dns_queries > 0);
    assert_true(pm_net_cancel(f->net, &f->op));
    assert_int_equal(pm_net_open(f->net, &f->op, &request), PM_PENDING);
    unsigned before = f->dns_queries;
    fixture_until(f, f->dns_queries > before);
    assert_int_equal(f->done, 0);
    fixture_end(f);
}

/* Opening again drops what was there; the old connection says nothing more. */
static void test_open_again(void **state)
{
    (void)state;
    struct pm_net_options options = {0};
    struct fixture *f = fixture_start(options);
    struct peer first = {.script = script_hello};
    struct peer second = {.script = script_hello};
    peer_start(&first);
    peer_start(&second);
    assert_int_equal(fixture_open(f, "127.0.0.1", first.port, NULL), PM_OK);
    assert_int_equal(fixture_open(f, "127.0.0.1", second.port, NULL), PM_OK);
    peer_join(&first);
    fixture_expect(f, "220 hello\r\n");
    assert_int_equal(f->received_len, 11);
    assert_int_equal(f->closed, 0);
    fixture_end(f);
    peer_join(&second);
}

/* ---- sending ------------------------------------------------------------------------------ */

/* Gives all of the text to the net, from `sent` on, until it takes less than it is given. */
static bool send_on(struct fixture *f, size_t *sent)
{
    static uint8_t data[80 * 1024];
    while (*sent < PLENTY) {
        size_t n = PLENTY - *sent < sizeof(data) ? PLENTY - *sent : sizeof(data);
        for (size_t i = 0; i < n; i++) {
            data[i] = pattern(*sent + i);
        }
        int32_t taken = pm_net_send(f->net, data, n);
        assert_true(taken >= 0 && (size_t)taken <= n);
        *sent += (size_t)taken;
        if ((size_t)taken < n) {
            return false;
        }
    }
    pm_net_flush(f->net);
    return true;
}

/* A peer that does not read stops us; when it reads, everything arrives, and the end. */
static void slow_peer(bool tls)
{
    struct pm_net_options options = {0};
    struct fixture *f = fixture_start(options);
    struct peer peer = {.script = script_slow};
    if (tls) {
        peer_tls(&peer, &server, TLS1_2_VERSION, TLS1_3_VERSION);
    }
    peer_start(&peer);
    assert_int_equal(fixture_open(f, "127.0.0.1", peer.port, tls ? &no_checks : NULL), PM_OK);
    size_t sent = 0;
    assert_false(send_on(f, &sent));
    assert_int_equal(f->writable, 0);
    uint8_t byte = pattern(sent);
    int32_t more = pm_net_send(f->net, &byte, 1);
    assert_in_range(more, 0, 1);
    sent += (size_t)more;
    __atomic_store_n(&peer.expect, 1, __ATOMIC_RELEASE);
    while (sent < PLENTY) {
        unsigned before = f->writable;
        fixture_until(f, f->writable > before);
        send_on(f, &sent);
    }
    pm_net_close(f->net, true);
    uv_unref((uv_handle_t *)&f->watchdog);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0); /* the connection ends by itself */
    peer_join(&peer);
    assert_int_equal(peer.len, PLENTY);
    assert_int_equal(peer.handshake, tls ? 1 : 0);
    assert_int_equal(f->closed, 0);
    fixture_end(f);
    SSL_CTX_free(peer.context);
}

static void test_slow_peer(void **state)
{
    (void)state;
    slow_peer(false);
    slow_peer(true);
}

/* Dropped without grace: a peer that never reads holds nothing up. */
static void test_drop(void **state)
{
    (void)state;
    struct pm_net_options options = {0};
    struct fixture *f = fixture_start(options);
    struct peer peer = {.script = script_slow};
    peer_tls(&peer, &server, TLS1_2_VERSION, TLS1_3_VERSION);
    peer_start(&peer);
    assert_int_equal(fixture_open(f, "127.0.0.1", peer.port, &no_checks), PM_OK);
    size_t sent = 0;
    assert_false(send_on(f, &sent));
    pm_net_close(f->net, false);
    uv_unref((uv_handle_t *)&f->watchdog);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    __atomic_store_n(&peer.expect, 1, __ATOMIC_RELEASE);
    fixture_end(f);
    peer_end(&peer);
}

static void count_polls(uv_handle_t *handle, void *user)
{
    if (uv_handle_get_type(handle) == UV_POLL) {
        (*(unsigned *)user)++;
    }
}

/* Many graceful ends at once: only a few may linger, the loop still comes to rest. */
static void test_many_ends(void **state)
{
    (void)state;
    enum { MANY = 12 };
    struct pm_net_options options = {0};
    struct fixture *f = fixture_start(options);
    struct peer peers[MANY] = {0};
    for (size_t i = 0; i < MANY; i++) {
        peers[i].script = script_slow;
        peer_start(&peers[i]);
        assert_int_equal(fixture_open(f, "127.0.0.1", peers[i].port, NULL), PM_OK);
        pm_net_close(f->net, true);
    }
    for (unsigned i = 0; i < 3; i++) { /* time for handles to close */
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    unsigned polled = 0;
    uv_walk(&f->loop, count_polls, &polled);
    assert_in_range(polled, 1, 8);
    fixture_end(f);
    for (size_t i = 0; i < MANY; i++) {
        __atomic_store_n(&peers[i].expect, 1, __ATOMIC_RELEASE);
        peer_end(&peers[i]);
    }
}

/* ---- the peer's end ------------------------------------------------------------------------ */

static void script_half_close(struct peer *peer)
{
    char data[16];
    (void)send(peer->fd, "421 bye\r\n", 9, MSG_NOSIGNAL);
    (void)shutdown(peer->fd, SHUT_WR);
    while (recv(peer->fd, data, sizeof(data), 0) > 0) {
    }
}

static void script_reset(struct peer *peer)
{
    struct linger at_once = {1, 0};
    char data[16];
    (void)recv(peer->fd, data, sizeof(data), 0);
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

/* Says why it goes, and goes with most of our bytes unread. */
static void script_refuse_data(struct peer *peer)
{
    char data[16];
    (void)recv(peer->fd, data, sizeof(data), 0);
    (void)send(peer->fd, "554 no\r\n", 8, MSG_NOSIGNAL);
}

static void test_half_close(void **state)
{
    (void)state;
    struct pm_net_options options = {0};
    struct fixture *f = fixture_start(options);
    struct peer peer = {.script = script_half_close};
    peer_start(&peer);
    assert_int_equal(fixture_open(f, "127.0.0.1", peer.port, NULL), PM_OK);
    fixture_until(f, f->closed > 0);
    assert_string_equal((const char *)f->received, "421 bye\r\n");
    assert_int_equal(pm_net_send(f->net, (const uint8_t *)"x", 1), PM_ERR_CLOSED);
    pm_net_close(f->net, true);
    fixture_end(f);
    peer_join(&peer);
}

static void test_reset(void **state)
{
    (void)state;
    struct pm_net_options options = {0};
    struct fixture *f = fixture_start(options);
    struct peer peer = {.script = script_reset};
    peer_start(&peer);
    assert_int_equal(fixture_open(f, "127.0.0.1", peer.port, NULL), PM_OK);
    fixture_send(f, "x");
    fixture_until(f, f->closed > 0);
    assert_true(fixture_logged(f, "lost: Connection reset by peer"));
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->closed, 1);
    fixture_end(f);
    peer_join(&peer);
}

/* The reply that explains the end is heard before the end. */
static void test_last_words(void **state)
{
    (void)state;
    struct pm_net_options options = {0};
    struct fixture *f = fixture_start(options);
    struct peer peer = {.script = script_refuse_data};
    peer_start(&peer);
    assert_int_equal(fixture_open(f, "127.0.0.1", peer.port, NULL), PM_OK);
    size_t sent = 0;
    assert_false(send_on(f, &sent));
    fixture_until(f, f->closed > 0);
    assert_string_equal((const char *)f->received, "554 no\r\n");
    fixture_end(f);
    peer_join(&peer);
}

/* ---- calls from inside the events ------------------------------------------------------------ */

static void close_now(struct fixture *f)
{
    pm_net_close(f->net, true);
}

static void starttls_now(struct fixture *f)
{
    struct pm_connect_request request = {slice(HOST), 25, ROUTE, &no_checks};
    f->on_received = NULL;
    assert_int_equal(pm_net_starttls(f->net, &f->op, &request), PM_PENDING);
}

static void test_close_when_received(void **state)
{
    (void)state;
    struct pm_net_options options = {0};
    struct fixture *f = fixture_start(options);
    struct peer peer = {.script = script_half_close};
    f->on_received = close_now;
    peer_start(&peer);
    assert_int_equal(fixture_open(f, "127.0.0.1", peer.port, NULL), PM_OK);
    fixture_until(f, f->received_len > 0);
    uv_unref((uv_handle_t *)&f->watchdog);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(f->closed, 0);
    fixture_end(f);
    peer_join(&peer);
}

static void test_starttls_when_received(void **state)
{
    (void)state;
    struct pm_net_options options = {0};
    struct fixture *f = fixture_start(options);
    struct peer peer = {
        .script = peer_script_tls, .say_clear = "220 go\r\n", .say = "250 secure\r\n"};
    peer_tls(&peer, &server, TLS1_2_VERSION, TLS1_3_VERSION);
    peer_start(&peer);
    assert_int_equal(fixture_open(f, "127.0.0.1", peer.port, NULL), PM_OK);
    fixture_expect(f, "220 hello\r\n");
    f->on_received = starttls_now;
    f->done = 0;
    fixture_send(f, "STARTTLS\r\n");
    fixture_until(f, f->done > 0);
    assert_int_equal(f->result, PM_OK);
    fixture_expect(f, "250 secure\r\n");
    fixture_end(f);
    peer_end(&peer);
}

static int make_server(void **state)
{
    (void)state;
    struct cert_spec spec = {.cn = "a"};
    server = cert_make(&spec, NULL);
    return 0;
}

static int free_server(void **state)
{
    (void)state;
    cert_free(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_host_name_too_long),
        cmocka_unit_test(test_cancel_lookup),
        cmocka_unit_test(test_open_again),
        cmocka_unit_test(test_slow_peer),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_many_ends),
        cmocka_unit_test(test_half_close),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_last_words),
        cmocka_unit_test(test_close_when_received),
        cmocka_unit_test(test_starttls_when_received),
    };
    return cmocka_run_group_tests(tests, make_server, free_server);
}
