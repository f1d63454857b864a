/* SPDX-License-Identifier: MIT */
/* TLS as the configuration has it: a CA file, pins and a client certificate, against a server. */
#include "host/tls_local.h"
#include "host_net_peer.h"

#define HOST "x.mail.test"

static struct cert root, other, server, client;
static char folder[] = "/tmp/pm-local-XXXXXX";

static const char *in_folder(const char *name)
{
    static char paths[8][64];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, uint8_t *data, size_t len)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    free(data);
}

/* The pin of a certificate's key, computed from the key and not from the certificate. */
static const char *pin_of(const struct cert *cert)
{
    static char texts[4][64];
    static unsigned next;
    char *text = texts[next++ % 4];
    unsigned char *der = NULL;
    unsigned char digest[32];
    int len = i2d_PUBKEY(cert->key, &der);
    assert_true(len > 0);
    assert_int_equal(EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL), 1);
    OPENSSL_free(der);
    assert_int_equal(EVP_EncodeBlock((unsigned char *)text, digest, sizeof digest), 44);
    return text;
}

static int set_up(void **state)
{
    struct cert_spec root_spec = {.cn = "Root", .ca = true};
    struct cert_spec other_spec = {.cn = "Other", .ca = true};
    struct cert_spec server_spec = {.cn = "a", .san = "DNS:" HOST};
    struct cert_spec client_spec = {.cn = "client"};
    size_t len = 0;
    (void)state;
    assert_non_null(mkdtemp(folder));
    root = cert_make(&root_spec, NULL);
    other = cert_make(&other_spec, NULL);
    server = cert_make(&server_spec, &root);
    client = cert_make(&client_spec, &root);
    uint8_t *data = cert_pem(&root, &len);
    write_file("root.pem", data, len);
    data = cert_pem(&other, &len);
    write_file("other.pem", data, len);
    data = cert_der(&server, &len);
    write_file("server.der", data, len);
    data = cert_pem(&client, &len);
    write_file("client.pem", data, len);
    data = cert_key_pem(&client, NULL, &len);
    write_file("client.key", data, len);
    data = cert_key_pem(&client, "word", &len);
    write_file("locked.key", data, len);
    data = cert_key_pem(&other, NULL, &len);
    write_file("foreign.key", data, len);
    write_file("empty.pem", calloc(1, 1), 0);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"root.pem",   "other.pem",  "server.der",  "client.pem",
                                        "client.key", "locked.key", "foreign.key", "empty.pem"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(unlink(in_folder(names[i])), 0);
    }
    assert_int_equal(rmdir(folder), 0);
    cert_free(&root);
    cert_free(&other);
    cert_free(&server);
    cert_free(&client);
    return 0;
}

static int take_any(X509_STORE_CTX *context, void *user)
{
    (void)context;
    (void)user;
    return 1;
}

/* One handshake with the server; `shown` tells whether it saw a certificate of ours. */
static int32_t meet(const struct pm_net_options *options, struct pm_tls_request request,
                    const char *logged, bool *shown)
{
    struct fixture *f = fixture_start(*options);
    struct peer peer = {.script = peer_script_tls, .say = "220 hello\r\n"};
    peer_tls(&peer, &server, TLS1_2_VERSION, TLS1_2_VERSION);
    SSL_CTX_set_verify(peer.context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(peer.context, take_any, NULL);
    size_t len = 0;
    uint8_t *pem = cert_pem(&other, &len);
    fixture_file(f, PM_STORAGE_UFS, "other.pem", pem, len);
    peer_start(&peer);
    int32_t result = fixture_open(f, HOST, peer.port, &request);
    if (result == PM_OK) {
        fixture_expect(f, "220 hello\r\n");
    }
    if (!fixture_logged(f, logged)) {
        fail_msg("\"%s\" is not in the log: %s", logged, f->log);
    }
    pm_net_close(f->net, true);
    fixture_end(f);
    peer_join(&peer);
    *shown = peer.client_certificate;
    SSL_CTX_free(peer.context);
    return result;
}

static struct pm_tls_request ask(uint8_t seclevel, bool configured)
{
    return (struct pm_tls_request){.version = 4,
                                   .ciphersuite = 0xFFFF,
                                   .seclevel = seclevel,
                                   .negotiate_s = 10,
                                   .configured = configured};
}

static void expect(const struct pm_net_options *options, struct pm_tls_request request,
                   int32_t result, const char *logged)
{
    bool shown = false;
    assert_int_equal(meet(options, request, logged, &shown), result);
    assert_false(shown);
}

static void ca_file_stands_for_all_others(void **state)
{
    (void)state;
    struct pm_net_options options = {.tls_ca_file = in_folder("root.pem")};
    struct pm_tls_request request = ask(1, false);
    expect(&options, request, PM_OK, "server verified (CN=a)");
    request.cacert = slice("other.pem");
    expect(&options, request, PM_OK, "server verified (CN=a)");
    options.tls_ca_file = in_folder("other.pem");
    expect(&options, request, PM_ERR_TLS,
           "unable to get local issuer certificate (it leads to no authority that is trusted");
    options.tls_ca_file = in_folder("server.der");
    expect(&options, request, PM_OK, "server verified (CN=a)");
    /* Nothing is checked where the host asks for no check, unless always. */
    options.tls_ca_file = in_folder("other.pem");
    expect(&options, ask(0, false), PM_OK, "server not verified");
    options.verify_always = true;
    expect(&options, ask(0, false), PM_ERR_TLS, "unable to get local issuer certificate");
}

static void a_pin_is_wanted_besides(void **state)
{
    char list[200];
    (void)state;
    struct pm_net_options options = {.tls_ca_file = in_folder("root.pem"),
                                     .tls_pins = pin_of(&server)};
    expect(&options, ask(1, false), PM_OK, "server verified and pinned (CN=a)");
    options.tls_pins = pin_of(&root);
    expect(&options, ask(1, false), PM_OK, "server verified and pinned (CN=a)");
    snprintf(list, sizeof list, "%s , %s", pin_of(&other), pin_of(&server));
    options.tls_pins = list;
    expect(&options, ask(1, true), PM_OK, "server verified and pinned (CN=a)");
    options.tls_pins = pin_of(&other);
    expect(&options, ask(1, false), PM_ERR_TLS, "its key is none of tls.pin_sha256");
    /* A right pin does not make up for a wrong chain. */
    options.tls_pins = pin_of(&server);
    options.tls_ca_file = in_folder("other.pem");
    expect(&options, ask(1, false), PM_ERR_TLS, "unable to get local issuer certificate");
}

static void a_pin_counts_where_nothing_is_checked(void **state)
{
    (void)state;
    struct pm_net_options options = {.tls_pins = pin_of(&server)};
    expect(&options, ask(0, false), PM_OK, "server pinned (CN=a)");
    options.tls_pins = pin_of(&other);
    expect(&options, ask(0, false), PM_ERR_TLS, "its key is none of tls.pin_sha256");
    /* Anybody can send along the certificate of an authority. */
    options.tls_pins = pin_of(&root);
    expect(&options, ask(0, false), PM_ERR_TLS, "its key is none of tls.pin_sha256");
}

static void client_certificate_is_for_the_configured_server(void **state)
{
    bool shown = false;
    (void)state;
    struct pm_net_options options = {.tls_ca_file = in_folder("root.pem"),
                                     .tls_client_cert = in_folder("client.pem"),
                                     .tls_client_key = in_folder("client.key")};
    assert_int_equal(meet(&options, ask(1, true), "verified", &shown), PM_OK);
    assert_true(shown);
    assert_int_equal(meet(&options, ask(1, false), "verified", &shown), PM_OK);
    assert_false(shown);
}

static void what_cannot_serve_is_told(void **state)
{
    static const struct {
        const char *ca, *cert, *key, *pins, *why;
    } rows[] = {
        {"gone.pem", "", "", "", "tls.ca_file: "},
        {"empty.pem", "", "", "", "no certificate in it"},
        {"client.key", "", "", "", "no certificate in it"},
        {"", "client.pem", "", "", "tls.client_cert: there is no tls.client_key"},
        {"", "", "client.key", "", "tls.client_key: there is no tls.client_cert"},
        {"", "client.pem", "gone.key", "", "tls.client_key: "},
        {"", "client.pem", "locked.key", "", "encrypted"},
        {"", "client.pem", "foreign.key", "", "does not belong to tls.client_cert"},
        {"", "empty.pem", "client.key", "", "no certificate in it"},
        {"", "", "", "abc", "tls.pin_sha256: \"abc\" is no"},
        {"", "", "", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,", "tls.pin_sha256: \"\" is no"},
        {"", "", "", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= AAAA", "tls.pin_sha256"},
        {"", "", "", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", "tls.pin_sha256"},
        {"", "", "", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA*=", "tls.pin_sha256"},
    };
    char err[300];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pm_tls_local local;
        const char *ca = *rows[i].ca != '\0' ? in_folder(rows[i].ca) : "";
        const char *cert = *rows[i].cert != '\0' ? in_folder(rows[i].cert) : "";
        const char *key = *rows[i].key != '\0' ? in_folder(rows[i].key) : "";
        bool good = pm_tls_local_init(&local, ca, cert, key, rows[i].pins, err, sizeof err) &&
                    pm_tls_local_try(&local, err, sizeof err);
        if (good || strstr(err, rows[i].why) == NULL) {
            fail_msg("row %zu: %s", i, err);
        }
        pm_tls_local_end(&local);
    }
}

static void nine_pins_are_too_many(void **state)
{
    struct pm_tls_local local;
    char list[9 * 45 + 1];
    char err[100];
    (void)state;
    for (size_t i = 0; i < 9; i++) {
        snprintf(list + i * 45, 46, "%s,", pin_of(&server));
    }
    list[9 * 45 - 1] = '\0';
    assert_false(pm_tls_local_init(&local, NULL, NULL, NULL, list, err, sizeof err));
    assert_string_equal(err, "tls.pin_sha256: more than 8 sums");
    pm_tls_local_end(&local);
    list[8 * 45 - 1] = '\0';
    assert_true(pm_tls_local_init(&local, NULL, NULL, NULL, list, err, sizeof err));
    assert_int_equal(local.pin_count, 8);
    pm_tls_local_end(&local);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ca_file_stands_for_all_others),
        cmocka_unit_test(a_pin_is_wanted_besides),
        cmocka_unit_test(a_pin_counts_where_nothing_is_checked),
        cmocka_unit_test(client_certificate_is_for_the_configured_server),
        cmocka_unit_test(what_cannot_serve_is_told),
        cmocka_unit_test(nine_pins_are_too_many),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
