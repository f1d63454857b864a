/* SPDX-License-Identifier: MIT */
/* What a net does for AUTH: keys in a thread, the binding of a TLS connection, tokens. */
#include "host_net_fixture.h"
#include "host_net_peer.h"

#include "host/crypto.h"

static struct cert server;

/* ---- SHA-256 and PBKDF2 ------------------------------------------------------------------ */

/* FIPS 180-2, example B.1, and the hash of nothing. */
static void test_hash(void **state)
{
    (void)state;
    uint8_t out[32];
    assert_int_equal(pm_crypto_hash(slice("abc"), out), PM_OK);
    assert_memory_equal(out,
                        "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
                        "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad",
                        32);
    assert_int_equal(pm_crypto_hash((struct pm_slice){NULL, 0}, out), PM_OK);
    assert_memory_equal(out, "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14", 8);
}

/* RFC 7914 section 11, its example with 80000 iterations. */
static void test_pbkdf2(void **state)
{
    (void)state;
    uint8_t out[32];
    struct fixture *f = fixture_start((struct pm_net_options){0});
    assert_int_equal(pm_net_pbkdf2(f->net, &f->op, slice("Password"), slice("NaCl"), 80000, out),
                     PM_PENDING);
    fixture_until(f, f->done > 0);
    assert_int_equal(f->result, PM_OK);
    assert_memory_equal(out,
                        "\x4d\xdc\xd8\xf6\x0b\x98\xbe\x21\x83\x0c\xee\x5e\xf2\x27\x01\xf9"
                        "\x64\x1a\x44\x18\xd0\x4c\x04\x14\xae\xff\x08\x87\x6b\x34\xab\x56",
                        32);
    fixture_end(f);
}

/* The loop turns while the thread works, and what is cancelled writes nothing. */
static void test_pbkdf2_cancelled(void **state)
{
    (void)state;
    uint8_t out[32] = {0};
    static const uint8_t untouched[32] = {0};
    struct fixture *f = fixture_start((struct pm_net_options){0});
    assert_false(pm_net_cancel(f->net, &f->op));
    assert_int_equal(pm_net_pbkdf2(f->net, &f->op, slice(""), slice("NaCl"), 1000000, out),
                     PM_PENDING);
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->done, 0);
    assert_true(pm_net_cancel(f->net, &f->op));
    assert_false(pm_net_cancel(f->net, &f->op));
    /* And with the net. */
    assert_int_equal(pm_net_pbkdf2(f->net, &f->op, slice("a"), slice("NaCl"), 4096, out),
                     PM_PENDING);
    fixture_end(f);
    assert_memory_equal(out, untouched, 32);
}

/* ---- Channel binding (RFC 9266) ---------------------------------------------------------- */

static void script_export(struct peer *peer)
{
    static const unsigned char context[1] = {0};
    char data[64];
    peer->ssl = SSL_new(peer->context);
    SSL_set_fd(peer->ssl, peer->fd);
    peer->handshake = SSL_accept(peer->ssl);
    peer->data = calloc(1, 32);
    if (peer->handshake == 1 && peer->data != NULL) {
        (void)SSL_export_keying_material(peer->ssl, peer->data, 32, "EXPORTER-Channel-Binding", 24,
                                         context, 0, 1);
        (void)SSL_write(peer->ssl, "220 hello\r\n", 11);
        while (SSL_read(peer->ssl, data, sizeof(data)) > 0) {
        }
    }
}

static int32_t bind_to(int version, uint8_t *out, uint8_t *theirs)
{
    static const struct pm_tls_request request = {
        .version = 4, .ciphersuite = 0xFFFF, .negotiate_s = 10};
    struct peer peer = {.script = script_export};
    struct fixture *f = fixture_start((struct pm_net_options){0});
    peer_tls(&peer, &server, version, version);
    peer_start(&peer);
    assert_int_equal(pm_net_binding(f->net, out), PM_ERR_UNSUPPORTED);
    assert_int_equal(fixture_open(f, "127.0.0.1", peer.port, &request), PM_OK);
    fixture_expect(f, "220 hello\r\n");
    int32_t result = pm_net_binding(f->net, out);
    memcpy(theirs, peer.data, 32);
    fixture_end(f);
    peer_end(&peer);
    return result;
}

static void test_binding(void **state)
{
    (void)state;
    uint8_t out[2][32] = {{0}};
    uint8_t theirs[2][32];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(bind_to(TLS1_3_VERSION, out[i], theirs[i]), PM_OK);
        assert_memory_equal(out[i], theirs[i], 32);
    }
    assert_memory_not_equal(out[0], out[1], 32);
    assert_int_equal(bind_to(TLS1_2_VERSION, out[0], theirs[0]), PM_ERR_UNSUPPORTED);
}

static void script_clear(struct peer *peer)
{
    char data[64];
    (void)send(peer->fd, "220 hello\r\n", 11, MSG_NOSIGNAL);
    while (recv(peer->fd, data, sizeof(data), 0) > 0) {
    }
}

static void test_no_binding_in_clear(void **state)
{
    (void)state;
    uint8_t out[32];
    struct peer peer = {.script = script_clear};
    struct fixture *f = fixture_start((struct pm_net_options){0});
    peer_start(&peer);
    assert_int_equal(fixture_open(f, "127.0.0.1", peer.port, NULL), PM_OK);
    fixture_expect(f, "220 hello\r\n");
    assert_int_equal(pm_net_binding(f->net, out), PM_ERR_UNSUPPORTED);
    fixture_end(f);
    peer_end(&peer);
}

/* ---- Tokens ------------------------------------------------------------------------------ */

static void test_token(void **state)
{
    (void)state;
    uint8_t out[16];
    struct fixture *f = fixture_start((struct pm_net_options){0});
    assert_int_equal(pm_net_token(f->net, &f->op, false, out, sizeof(out)), PM_ERR_NOT_FOUND);
    fixture_end(f);
    f = fixture_start((struct pm_net_options){.token_command = "echo abc"});
    assert_int_equal(pm_net_token(f->net, &f->op, false, out, sizeof(out)), PM_PENDING);
    fixture_until(f, f->done > 0);
    assert_int_equal(f->result, 3);
    assert_memory_equal(out, "abc", 3);
    assert_int_equal(pm_net_token(f->net, &f->op, false, out, sizeof(out)), PM_PENDING);
    assert_true(pm_net_cancel(f->net, &f->op));
    assert_int_equal(pm_net_token(f->net, &f->op, false, out, sizeof(out)), PM_PENDING);
    fixture_end(f);
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
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_pbkdf2),
        cmocka_unit_test(test_pbkdf2_cancelled),
        cmocka_unit_test(test_binding),
        cmocka_unit_test(test_no_binding_in_clear),
        cmocka_unit_test(test_token),
    };
    return cmocka_run_group_tests(tests, make_server, free_server);
}
