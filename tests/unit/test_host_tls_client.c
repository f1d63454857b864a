/* SPDX-License-Identifier: MIT */
/* TLS of the mail connection against servers with good and bad certificates, on loopback. */
#include "host/tls_client.h"
#include "host_net_peer.h"

#define HOST "x.mail.test"

static struct cert root;  /* an authority of the tests */
static struct cert other; /* another one */

static struct pm_tls_request ask(void)
{
    return (struct pm_tls_request){
        .version = 4,
        .ciphersuite = 0xFFFF,
        .seclevel = 1,
        .negotiate_s = 10,
        .cacert = slice("ca.pem"),
    };
}

static struct fixture *start(const struct pm_net_options *options)
{
    struct fixture *f = fixture_start(*options);
    size_t len = 0;
    uint8_t *pem = cert_pem(&root, &len);
    fixture_file(f, PM_STORAGE_UFS, "ca.pem", pem, len);
    return f;
}

/* One handshake with a server that shows `cert`. Returns the result; the log is checked. */
static int32_t meet(const struct cert *cert, const char *host, struct pm_tls_request request,
                    const char *logged)
{
    struct pm_net_options options = {.system_ca = true};
    struct fixture *f = start(&options);
    struct peer peer = {.script = peer_script_tls, .say = "220 hello\r\n"};
    peer_tls(&peer, cert, TLS1_2_VERSION, TLS1_3_VERSION);
    peer_start(&peer);
    int32_t result = fixture_open(f, host, peer.port, &request);
    if (result == PM_OK) {
        fixture_expect(f, "220 hello\r\n");
    }
    assert_true(fixture_logged(f, logged));
    pm_net_close(f->net, true);
    fixture_end(f);
    peer_end(&peer);
    return result;
}

struct certificate_row {
    const char *what;
    struct cert_spec spec;
    enum { BY_ROOT, BY_OTHER, BY_SELF } issuer;
    const char *host;
    bool ignore_time;
    int32_t result;
    const char *logged;
};

#define DNS(name)   "DNS:" name
#define LONG_LABEL  "a2345678901234567890123456789012345678901234567890123456789012."
#define LONG_LABELS LONG_LABEL LONG_LABEL LONG_LABEL "test"

static const struct certificate_row rows[] = {
    {"good", {.cn = "a", .san = DNS(HOST)}, BY_ROOT, HOST, false, PM_OK, "verified (CN=a)"},
    {"good, RSA",
     {.cn = "a", .san = DNS(HOST), .rsa_bits = 2048},
     BY_ROOT,
     HOST,
     false,
     PM_OK,
     "verified (CN=a)"},
    {"final dot", {.cn = "a", .san = DNS(HOST)}, BY_ROOT, HOST ".", false, PM_OK, "verified"},
    {"upper case", {.cn = "a", .san = DNS(HOST)}, BY_ROOT, "X.Mail.TEST", false, PM_OK, "verified"},
    {"C1 wrong host",
     {.cn = "a", .san = DNS("y.mail.test")},
     BY_ROOT,
     HOST,
     false,
     PM_ERR_TLS,
     "TLS with " HOST " failed: certificate refused: hostname mismatch (it is for y.mail.test)"},
    {"C1 wrong host, of four",
     {.cn = "a", .san = "DNS:a.test,email:a@b.test,IP:192.0.2.1,IP:2001:db8::1,DNS:*.b.test"},
     BY_ROOT,
     HOST,
     false,
     PM_ERR_TLS,
     "(it is for a.test, 192.0.2.1, 2001:db8::1, *.b.test);"},
    {"C1 wrong host, of many",
     {.cn = "a", .san = "DNS:a.test,DNS:b.test,DNS:c.test,DNS:d.test,DNS:e.test,DNS:f.test"},
     BY_ROOT,
     HOST,
     false,
     PM_ERR_TLS,
     "(it is for a.test, b.test, c.test, d.test, ...);"},
    {"C1 wrong host, long names",
     {.cn = "a", .san = DNS(LONG_LABELS) "," DNS(LONG_LABELS)},
     BY_ROOT,
     HOST,
     false,
     PM_ERR_TLS,
     "(it is for " LONG_LABELS ", " LONG_LABEL
     "a2345678901234567890123456789012345678...); asked sslversion"},
    {"C1 wrong host, no names",
     {.cn = "b,\x1b"},
     BY_ROOT,
     HOST,
     false,
     PM_ERR_TLS,
     "(it is for CN=b\\,\\1B);"},
    {"C2 expired",
     {.cn = "a", .san = DNS(HOST), .from_days = -9, .to_days = -1},
     BY_ROOT,
     HOST,
     false,
     PM_ERR_TLS,
     "certificate has expired"},
    {"C2 expired, dates ignored",
     {.cn = "a", .san = DNS(HOST), .from_days = -9, .to_days = -1},
     BY_ROOT,
     HOST,
     true,
     PM_OK,
     "verified"},
    {"C2 not yet valid",
     {.cn = "a", .san = DNS(HOST), .from_days = 1, .to_days = 9},
     BY_ROOT,
     HOST,
     false,
     PM_ERR_TLS,
     "certificate is not yet valid"},
    {"C3 self-signed",
     {.cn = "a", .san = DNS(HOST)},
     BY_SELF,
     HOST,
     false,
     PM_ERR_TLS,
     "self-signed certificate"},
    {"C4 wrong CA",
     {.cn = "a", .san = DNS(HOST)},
     BY_OTHER,
     HOST,
     false,
     PM_ERR_TLS,
     "unable to get local issuer certificate"},
    {"C5 CN only", {.cn = HOST}, BY_ROOT, HOST, false, PM_OK, "verified"},
    {"C5 CN beside another DNS name",
     {.cn = HOST, .san = DNS("y.mail.test")},
     BY_ROOT,
     HOST,
     false,
     PM_ERR_TLS,
     "hostname mismatch"},
    {"C6 wildcard",
     {.cn = "a", .san = DNS("*.mail.test")},
     BY_ROOT,
     HOST,
     false,
     PM_OK,
     "verified"},
    {"C6 wildcard, two labels",
     {.cn = "a", .san = DNS("*.mail.test")},
     BY_ROOT,
     "y.x.mail.test",
     false,
     PM_ERR_TLS,
     "hostname mismatch"},
    {"C6 partial wildcard",
     {.cn = "a", .san = DNS("f*.mail.test")},
     BY_ROOT,
     "fx.mail.test",
     false,
     PM_ERR_TLS,
     "hostname mismatch"},
    {"C7 NUL in name",
     {.cn = "a", .raw_dns = HOST "\0.evil.test", .raw_len = 22},
     BY_ROOT,
     HOST,
     false,
     PM_ERR_TLS,
     "(it is for " HOST "\\00.evil.test)"},
    {"C8 IP literal",
     {.cn = "a", .san = "IP:127.0.0.1"},
     BY_ROOT,
     "127.0.0.1",
     false,
     PM_OK,
     "verified"},
    {"C8 IP literal, DNS name only",
     {.cn = "127.0.0.1", .san = "DNS:127.0.0.1"},
     BY_ROOT,
     "127.0.0.1",
     false,
     PM_ERR_TLS,
     "TLS with 127.0.0.1 failed: certificate refused: IP address mismatch (it is for 127.0.0.1)"},
    {"RSA of 1024 bits",
     {.cn = "a", .san = DNS(HOST), .rsa_bits = 1024},
     BY_ROOT,
     HOST,
     false,
     PM_ERR_TLS,
     "EE certificate key too weak"},
    {"SHA-1 signature",
     {.cn = "a", .san = DNS(HOST), .sha1 = true},
     BY_ROOT,
     HOST,
     false,
     PM_ERR_TLS,
     "CA signature digest algorithm too weak"},
};

static void test_certificates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct certificate_row *row = &rows[i];
        const struct cert *issuers[] = {&root, &other, NULL};
        struct cert cert = cert_make(&row->spec, issuers[row->issuer]);
        struct pm_tls_request request = ask();
        request.ignore_local_time = row->ignore_time;
        int32_t result = meet(&cert, row->host, request, row->logged);
        if (result != row->result) {
            fail_msg("%s: %d", row->what, result);
        }
        cert_free(&cert);
    }
}

/* seclevel 0 takes every certificate, and the log says that nobody looked. */
static void test_seclevel_0(void **state)
{
    (void)state;
    struct cert_spec spec = {.cn = "b", .san = "DNS:elsewhere", .rsa_bits = 1024, .sha1 = true};
    struct cert cert = cert_make(&spec, NULL);
    struct pm_tls_request request = ask();
    request.seclevel = 0;
    request.cacert = slice("missing.pem");
    assert_int_equal(meet(&cert, HOST, request, "not verified (CN=b)"), PM_OK);
    cert_free(&cert);
}

/* tls.verify = always: neither seclevel 0 nor ignorelocaltime help a bad certificate. */
static void test_verify_always(void **state)
{
    (void)state;
    struct cert_spec spec = {.cn = "b", .san = DNS(HOST), .from_days = -9, .to_days = -1};
    struct cert cert = cert_make(&spec, &root);
    struct pm_net_options options = {.verify_always = true};
    struct fixture *f = start(&options);
    struct peer peer = {.script = peer_script_tls};
    peer_tls(&peer, &cert, TLS1_2_VERSION, TLS1_3_VERSION);
    peer_start(&peer);
    struct pm_tls_request request = ask();
    request.seclevel = 0;
    request.ignore_local_time = true;
    assert_int_equal(fixture_open(f, HOST, peer.port, &request), PM_ERR_TLS);
    assert_true(fixture_logged(f, "certificate has expired"));
    fixture_end(f);
    peer_end(&peer);
    cert_free(&cert);
}

/* REQUIRETLS: the same for one mail. */
static void test_verify_for_require_tls(void **state)
{
    (void)state;
    struct cert_spec spec = {.cn = "b", .san = DNS(HOST), .from_days = -9, .to_days = -1};
    struct cert cert = cert_make(&spec, &root);
    struct pm_tls_request request = ask();
    request.seclevel = 0;
    request.ignore_local_time = true;
    assert_int_equal(meet(&cert, HOST, request, "not verified"), PM_OK);
    request.verify = true;
    assert_int_equal(meet(&cert, HOST, request, "certificate has expired"), PM_ERR_TLS);
    cert_free(&cert);
}

/* A host's authority is none for the owner's account, where the owner has certificates checked. */
static void test_owner_account(void **state)
{
    (void)state;
    static const struct {
        bool always, required, owner;
        int32_t result;
    } cases[] = {
        {true, false, false, PM_OK},
        {true, false, true, PM_ERR_TLS},
        {false, true, true, PM_ERR_TLS},
        {false, false, true, PM_OK},
    };
    struct cert_spec spec = {.cn = "b", .san = DNS(HOST)};
    struct cert cert = cert_make(&spec, &root);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pm_net_options options = {.verify_always = cases[i].always, .system_ca = true};
        struct fixture *f = start(&options);
        struct peer peer = {.script = peer_script_tls};
        peer_tls(&peer, &cert, TLS1_2_VERSION, TLS1_3_VERSION);
        peer_start(&peer);
        struct pm_tls_request request = ask();
        request.verify = cases[i].required;
        request.owner_account = cases[i].owner;
        assert_int_equal(fixture_open(f, HOST, peer.port, &request), cases[i].result);
        fixture_end(f);
        peer_end(&peer);
    }
    cert_free(&cert);
}

/* ---- versions and suites ---------------------------------------------------------------- */

struct version_row {
    uint8_t version;
    uint16_t suite;
    int server_min, server_max;
    int32_t result;
    const char *logged;
};

static const struct version_row versions[] = {
    {4, 0xFFFF, TLS1_2_VERSION, TLS1_3_VERSION, PM_OK, "done TLSv1.3"},
    {5, 0xFFFF, TLS1_2_VERSION, TLS1_3_VERSION, PM_OK, "done TLSv1.3"},
    {3, 0xFFFF, TLS1_2_VERSION, TLS1_3_VERSION, PM_OK, "done TLSv1.2"},
    {3, 0xFFFF, TLS1_3_VERSION, TLS1_3_VERSION, PM_ERR_TLS, "sslversion 3 (TLS 1.2)"},
    {0, 0xFFFF, TLS1_2_VERSION, TLS1_3_VERSION, PM_OK, "(SSL 3.0, no longer safe), all suites"},
    {1, 0xFFFF, TLS1_2_VERSION, TLS1_2_VERSION, PM_OK, "(TLS 1.0, no longer safe)"},
    {2, 0xFFFF, TLS1_2_VERSION, TLS1_3_VERSION, PM_OK, "done TLSv1.3"},
    /* C10: a server that knows nothing better is refused. */
    {4, 0xFFFF, TLS1_VERSION, TLS1_1_VERSION, PM_ERR_TLS, "failed: tlsv1 alert protocol version"},
    {0, 0xFFFF, TLS1_VERSION, TLS1_1_VERSION, PM_ERR_TLS, "failed: tlsv1 alert protocol version"},
    {3, 0xC02F, TLS1_2_VERSION, TLS1_3_VERSION, PM_OK, "done TLSv1.2, ECDHE-RSA-AES128-GCM-SHA256"},
    {3, 0xC030, TLS1_2_VERSION, TLS1_3_VERSION, PM_OK, "done TLSv1.2, ECDHE-RSA-AES256-GCM-SHA384"},
    {3, 0xC027, TLS1_2_VERSION, TLS1_3_VERSION, PM_OK, "done TLSv1.2, ECDHE-RSA-AES128-SHA256"},
    {3, 0xC028, TLS1_2_VERSION, TLS1_3_VERSION, PM_OK, "done TLSv1.2, ECDHE-RSA-AES256-SHA384"},
    {4, 0xC027, TLS1_2_VERSION, TLS1_2_VERSION, PM_OK, "done TLSv1.2, ECDHE-RSA-AES128-SHA256"},
    {3, 0xC024, TLS1_2_VERSION, TLS1_2_VERSION, PM_ERR_TLS, "suite 0XC024"}, /* not for RSA */
    {3, 0x0005, TLS1_2_VERSION, TLS1_2_VERSION, PM_OK, "suite 0X0005 (no longer safe)"},
    {3, 0x002F, TLS1_2_VERSION, TLS1_2_VERSION, PM_OK, "done TLSv1.2, ECDHE-"},
    {3, 0xC011, TLS1_2_VERSION, TLS1_2_VERSION, PM_OK, "done TLSv1.2, ECDHE-"},
};

static void test_versions_and_suites(void **state)
{
    (void)state;
    struct cert_spec spec = {.cn = "a", .san = DNS(HOST), .rsa_bits = 2048};
    struct cert cert = cert_make(&spec, &root);
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        const struct version_row *row = &versions[i];
        struct pm_net_options options = {0};
        struct fixture *f = start(&options);
        struct peer peer = {.script = peer_script_tls};
        peer_tls(&peer, &cert, row->server_min, row->server_max);
        peer_start(&peer);
        struct pm_tls_request request = ask();
        request.version = row->version;
        request.ciphersuite = row->suite;
        int32_t result = fixture_open(f, HOST, peer.port, &request);
        if (result != row->result || !fixture_logged(f, row->logged)) {
            fail_msg("row %zu: %d, log: %s", i, result, f->log);
        }
        pm_net_close(f->net, true);
        fixture_end(f);
        peer_end(&peer);
    }
    cert_free(&cert);
}

/* A server that offers nothing but a weak suite gets no connection. */
static void test_weak_suites_only(void **state)
{
    (void)state;
    static const char *const weak[] = {"AES128-SHA", "AES256-SHA256", "AECDH-AES128-SHA",
                                       "ECDHE-RSA-AES128-SHA"};
    struct cert_spec spec = {.cn = "a", .san = DNS(HOST), .rsa_bits = 2048};
    struct cert cert = cert_make(&spec, &root);
    for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
        struct pm_net_options options = {0};
        struct fixture *f = start(&options);
        struct peer peer = {.script = peer_script_tls};
        peer_tls(&peer, &cert, TLS1_2_VERSION, TLS1_2_VERSION);
        char list[64];
        snprintf(list, sizeof(list), "%s:@SECLEVEL=0", weak[i]);
        assert_int_equal(SSL_CTX_set_cipher_list(peer.context, list), 1);
        peer_start(&peer);
        struct pm_tls_request request = ask();
        request.seclevel = 0;
        request.ciphersuite = 0x0035;
        assert_int_equal(fixture_open(f, HOST, peer.port, &request), PM_ERR_TLS);
        fixture_end(f);
        peer_end(&peer);
    }
    cert_free(&cert);
}

/* ---- SNI and ALPN ------------------------------------------------------------------------ */

static void sni_of(const char *host, const char *expected)
{
    struct cert_spec spec = {.cn = "a"};
    struct cert cert = cert_make(&spec, &root);
    struct pm_net_options options = {0};
    struct fixture *f = start(&options);
    struct peer peer = {.script = peer_script_tls};
    peer_tls(&peer, &cert, TLS1_2_VERSION, TLS1_3_VERSION);
    peer_start(&peer);
    struct pm_tls_request request = ask();
    request.seclevel = 0;
    request.sni = false;
    request.alpn = slice("smtp");
    assert_int_equal(fixture_open(f, host, peer.port, &request), PM_OK);
    pm_net_close(f->net, true);
    fixture_end(f);
    peer_join(&peer);
    assert_string_equal(peer.sni, expected);
    SSL_CTX_free(peer.context);
    cert_free(&cert);
}

static void test_sni(void **state)
{
    (void)state;
    sni_of(HOST, HOST);
    sni_of(HOST ".", HOST);
    sni_of("127.0.0.1", "");
}

/* ---- the module's files ------------------------------------------------------------------- */

struct file_row {
    const char *cacert;
    int32_t result;
    const char *logged;
};

static const struct file_row files[] = {
    {"ca.pem", PM_OK, "verified"},
    {"UFS:ca.pem", PM_OK, "verified"},
    {"ufs:ca.pem", PM_OK, "verified"},
    {"RAM:ca.der", PM_OK, "verified"},
    {"ram:ca.der", PM_OK, "verified"},
    {"ca.der", PM_ERR_TLS, "cacert \"ca.der\": no such file"},
    {"two.pem", PM_OK, "verified"},
    {"damaged.pem", PM_ERR_TLS, "cacert \"damaged.pem\": no certificate in it, or damaged"},
    {"half.pem", PM_ERR_TLS, "cacert \"half.pem\": no certificate in it, or damaged"},
    {"cut.der", PM_ERR_TLS, "no certificate in it, or damaged"},
    {"empty", PM_ERR_TLS, "no certificate in it, or damaged"},
    {"gone.pem", PM_ERR_TLS, "cacert \"gone.pem\": no such file"},
    {"huge.pem", PM_ERR_TLS, "cacert \"huge.pem\": too long"},
};

/* Two certificates in one file, malloc()ed. */
static uint8_t *two_certificates(size_t *len)
{
    size_t more = 0;
    uint8_t *first = cert_pem(&root, len);
    uint8_t *second = cert_pem(&other, &more);
    uint8_t *both = malloc(*len + more);
    assert_non_null(both);
    memcpy(both, first, *len);
    memcpy(both + *len, second, more);
    *len += more;
    free(first);
    free(second);
    return both;
}

/* The authority's certificate in the ways a host may have uploaded it. */
static void add_ca_files(struct fixture *f)
{
    size_t len = 0;
    uint8_t *der = cert_der(&root, &len);
    fixture_file(f, PM_STORAGE_RAM, "ca.der", der, len);
    der = cert_der(&root, &len);
    fixture_file(f, PM_STORAGE_UFS, "cut.der", der, len - 20);
    uint8_t *pem = cert_pem(&root, &len);
    memset(pem + len / 2, '!', 8);
    fixture_file(f, PM_STORAGE_UFS, "damaged.pem", pem, len);
    pem = two_certificates(&len);
    fixture_file(f, PM_STORAGE_UFS, "two.pem", pem, len);
    pem = two_certificates(&len);
    memset(pem + len - 100, '!', 8);
    fixture_file(f, PM_STORAGE_UFS, "half.pem", pem, len);
    fixture_file(f, PM_STORAGE_UFS, "empty", calloc(1, 1), 0);
    fixture_file(f, PM_STORAGE_UFS, "huge.pem", calloc(1, 300000), 300000);
}

static void test_ca_files(void **state)
{
    (void)state;
    struct cert_spec spec = {.cn = "a", .san = DNS(HOST)};
    struct cert cert = cert_make(&spec, &root);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct pm_net_options options = {.system_ca = true};
        struct fixture *f = start(&options);
        add_ca_files(f);
        struct peer peer = {.script = peer_script_tls};
        peer_tls(&peer, &cert, TLS1_2_VERSION, TLS1_3_VERSION);
        peer_start(&peer);
        struct pm_tls_request request = ask();
        request.cacert = slice(files[i].cacert);
        int32_t result = fixture_open(f, HOST, peer.port, &request);
        if (result != files[i].result || !fixture_logged(f, files[i].logged)) {
            fail_msg("%s: %d", files[i].cacert, result);
        }
        fixture_end(f);
        peer_end(&peer);
    }
    cert_free(&cert);
}

/* cacertex serves beside cacert, and what the host names is trusted as it is. */
static void test_second_ca_and_server_certificate(void **state)
{
    (void)state;
    struct cert_spec spec = {.cn = "a", .san = DNS(HOST)};
    struct cert cert = cert_make(&spec, &other);
    struct pm_net_options options = {0};
    struct fixture *f = start(&options);
    size_t len = 0;
    uint8_t *pem = cert_pem(&cert, &len);
    fixture_file(f, PM_STORAGE_UFS, "server.pem", pem, len);
    struct peer peer = {.script = peer_script_tls};
    peer_tls(&peer, &cert, TLS1_2_VERSION, TLS1_3_VERSION);
    peer_start(&peer);
    struct pm_tls_request request = ask();
    request.cacertex = slice("server.pem");
    assert_int_equal(fixture_open(f, HOST, peer.port, &request), PM_OK);
    fixture_end(f);
    peer_end(&peer);
    cert_free(&cert);
}

/* ---- the system's trust store --------------------------------------------------------------- */

static int32_t meet_with_system(const struct cert *cert, struct fixture *f)
{
    struct peer peer = {.script = peer_script_tls};
    peer_tls(&peer, cert, TLS1_2_VERSION, TLS1_3_VERSION);
    peer_start(&peer);
    struct pm_tls_request request = ask();
    request.cacert = slice("");
    int32_t result = fixture_open(f, HOST, peer.port, &request);
    pm_net_close(f->net, false);
    peer_end(&peer);
    return result;
}

static void write_file(const char *path, uint8_t *data, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    free(data);
}

static void test_system_trust(void **state)
{
    (void)state;
    char path[] = "/tmp/pm-trust-XXXXXX";
    char fresh[sizeof(path) + 4];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    size_t len = 0;
    uint8_t *pem = cert_pem(&other, &len);
    write_file(path, pem, len);
    assert_int_equal(setenv(X509_get_default_cert_file_env(), path, 1), 0);
    struct cert_spec spec = {.cn = "a", .san = DNS(HOST)};
    struct cert cert = cert_make(&spec, &root);
    struct pm_net_options options = {.system_ca = true};
    struct fixture *f = fixture_start(options);
    assert_int_equal(meet_with_system(&cert, f), PM_ERR_TLS);
    /* The store changes while the program runs. */
    pem = cert_pem(&root, &len);
    write_file(fresh, pem, len);
    assert_int_equal(rename(fresh, path), 0);
    assert_int_equal(meet_with_system(&cert, f), PM_OK);
    fixture_end(f);
    options.system_ca = false;
    f = fixture_start(options);
    assert_int_equal(meet_with_system(&cert, f), PM_ERR_TLS);
    assert_true(fixture_logged(f, "tls.system_ca is off, and no cacert counts"));
    fixture_end(f);
    assert_int_equal(unsetenv(X509_get_default_cert_file_env()), 0);
    assert_int_equal(unlink(path), 0);
    cert_free(&cert);
}

/* ---- client certificates --------------------------------------------------------------------- */

struct client_row {
    uint8_t seclevel;
    const char *cert, *key, *password;
    bool demanded; /* the server insists */
    int32_t result;
    bool shown;
    const char *logged;
};

static const struct client_row clients[] = {
    {2, "client.pem", "client.key", "", true, PM_OK, true, "seclevel 2"},
    {2, "client.pem", "locked.key", "secret", true, PM_OK, true, "seclevel 2"},
    {2, "client.pem", "locked.key", "wrong", true, PM_ERR_TLS, false,
     "clientkey \"locked.key\": no key in it, damaged, or another password"},
    {2, "client.pem", "locked.key", "", true, PM_ERR_TLS, false, "another password"},
    {2, "client.pem", "foreign.key", "", true, PM_ERR_TLS, false,
     "clientkey \"foreign.key\": does not belong to clientcert"},
    {2, "gone.pem", "client.key", "", true, PM_ERR_TLS, false,
     "clientcert \"gone.pem\": no such file"},
    {2, "client.pem", "", "", true, PM_ERR_TLS, false, "needs clientcert and clientkey"},
    {2, "client.pem", "client.key", "", false, PM_OK, true, "seclevel 2"},
    /* C9: asked for one that we lack. The server decides. */
    {1, "client.pem", "client.key", "", false, PM_OK, false, "seclevel 1"},
    {1, "", "", "", true, PM_ERR_TLS, false, "handshake failure"},
};

static int take_any(X509_STORE_CTX *context, void *user)
{
    (void)context;
    (void)user;
    return 1;
}

static void add_client_files(struct fixture *f, const struct cert *client)
{
    size_t len = 0;
    uint8_t *data = cert_pem(client, &len);
    fixture_file(f, PM_STORAGE_UFS, "client.pem", data, len);
    data = cert_key_pem(client, NULL, &len);
    fixture_file(f, PM_STORAGE_UFS, "client.key", data, len);
    data = cert_key_pem(client, "secret", &len);
    fixture_file(f, PM_STORAGE_UFS, "locked.key", data, len);
    data = cert_key_pem(&other, NULL, &len);
    fixture_file(f, PM_STORAGE_UFS, "foreign.key", data, len);
}

static void client_row(const struct client_row *row, const struct cert *server,
                       const struct cert *client)
{
    struct pm_net_options options = {0};
    struct fixture *f = start(&options);
    add_client_files(f, client);
    struct peer peer = {.script = peer_script_tls, .say = "220 hello\r\n"};
    /* TLS 1.2, where the client learns the verdict within the handshake. */
    peer_tls(&peer, server, TLS1_2_VERSION, TLS1_2_VERSION);
    SSL_CTX_set_verify(peer.context,
                       SSL_VERIFY_PEER | (row->demanded ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       NULL);
    SSL_CTX_set_cert_verify_callback(peer.context, take_any, NULL);
    peer_start(&peer);
    struct pm_tls_request request = ask();
    request.seclevel = row->seclevel;
    request.clientcert = slice(row->cert);
    request.clientkey = slice(row->key);
    request.key_password = slice(row->password);
    int32_t result = fixture_open(f, HOST, peer.port, &request);
    if (result == PM_OK) {
        fixture_expect(f, "220 hello\r\n");
    }
    if (result != row->result || !fixture_logged(f, row->logged)) {
        fail_msg("%s %s: %d", row->cert, row->key, result);
    }
    assert_null(strstr(f->log, "secret"));
    pm_net_close(f->net, true);
    fixture_end(f);
    peer_join(&peer);
    assert_int_equal(peer.client_certificate, row->shown);
    SSL_CTX_free(peer.context);
}

static void test_client_certificates(void **state)
{
    (void)state;
    struct cert_spec server_spec = {.cn = "a", .san = DNS(HOST)};
    struct cert_spec client_spec = {.cn = "client"};
    struct cert server = cert_make(&server_spec, &root);
    struct cert client = cert_make(&client_spec, &root);
    for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
        client_row(&clients[i], &server, &client);
    }
    cert_free(&server);
    cert_free(&client);
}

/* ---- STARTTLS ------------------------------------------------------------------------------- */

static void test_starttls(void **state)
{
    (void)state;
    struct cert_spec spec = {.cn = "a", .san = DNS(HOST)};
    struct cert cert = cert_make(&spec, &root);
    struct pm_net_options options = {0};
    struct fixture *f = start(&options);
    struct peer peer = {
        .script = peer_script_tls, .say_clear = "220 go\r\n", .say = "250 secure\r\n"};
    peer_tls(&peer, &cert, TLS1_2_VERSION, TLS1_3_VERSION);
    peer_start(&peer);
    assert_int_equal(fixture_open(f, HOST, peer.port, NULL), PM_OK);
    fixture_expect(f, "220 hello\r\n");
    fixture_send(f, "STARTTLS\r\n");
    fixture_expect(f, "220 go\r\n");
    struct pm_tls_request request = ask();
    assert_int_equal(fixture_starttls(f, HOST, &request), PM_OK);
    assert_true(fixture_logged(f, "done TLSv1.3"));
    fixture_expect(f, "250 secure\r\n");
    pm_net_close(f->net, true);
    fixture_end(f);
    peer_end(&peer);
    cert_free(&cert);
}

/* Script: says 220 to STARTTLS, and more clear bytes before it listens for TLS. */
static void script_inject(struct peer *peer)
{
    char command[64];
    (void)send(peer->fd, "220 hello\r\n", 11, MSG_NOSIGNAL);
    (void)recv(peer->fd, command, sizeof(command), 0);
    (void)send(peer->fd, "220 go\r\n", 8, MSG_NOSIGNAL);
    /* Not before the client has read that: its ClientHello comes after. */
    (void)recv(peer->fd, command, 1, MSG_PEEK);
    (void)send(peer->fd, peer->say, strlen(peer->say), MSG_NOSIGNAL);
    while (recv(peer->fd, command, sizeof(command), 0) > 0) {
    }
}

/* S3, S6: what comes in the clear goes to TLS, and never to the SMTP layer. */
static void test_starttls_injection(void **state)
{
    (void)state;
    struct pm_net_options options = {0};
    struct fixture *f = start(&options);
    struct peer peer = {.script = script_inject, .say = "250-x\r\n250 AUTH LOGIN\r\n"};
    peer_start(&peer);
    assert_int_equal(fixture_open(f, HOST, peer.port, NULL), PM_OK);
    fixture_expect(f, "220 hello\r\n");
    fixture_send(f, "STARTTLS\r\n");
    fixture_expect(f, "220 go\r\n");
    struct pm_tls_request request = ask();
    assert_int_equal(fixture_starttls(f, HOST, &request), PM_ERR_TLS);
    assert_true(fixture_logged(f, "wrong version number; asked"));
    assert_null(strstr((const char *)f->received, "AUTH"));
    assert_int_equal(pm_net_send(f->net, (const uint8_t *)"x", 1), PM_ERR_CLOSED);
    assert_int_equal(f->closed, 0);
    fixture_end(f);
    peer_end(&peer);
}

/* Script: greets in clear, whatever comes. */
static void script_greet(struct peer *peer)
{
    char hello[512];
    (void)send(peer->fd, "220 hello\r\n", 11, MSG_NOSIGNAL);
    while (recv(peer->fd, hello, sizeof(hello), 0) > 0) {
    }
}

/* TLS from the first byte, where STARTTLS would be right. */
static void test_server_begins_in_clear(void **state)
{
    (void)state;
    struct pm_net_options options = {0};
    struct fixture *f = start(&options);
    struct peer peer = {.script = script_greet};
    peer_start(&peer);
    struct pm_tls_request request = ask();
    assert_int_equal(fixture_open(f, HOST, peer.port, &request), PM_ERR_TLS);
    assert_true(fixture_logged(f, "wrong version number (the server does not begin with TLS"));
    fixture_end(f);
    peer_end(&peer);
}

static void script_close(struct peer *peer)
{
    char command[512];
    (void)recv(peer->fd, command, sizeof(command), 0);
}

/* A server that hangs up in the handshake. */
static void test_closed_in_handshake(void **state)
{
    (void)state;
    struct pm_net_options options = {0};
    struct fixture *f = start(&options);
    struct peer peer = {.script = script_close};
    peer_start(&peer);
    struct pm_tls_request request = ask();
    assert_int_equal(fixture_open(f, HOST, peer.port, &request), PM_ERR_TLS);
    fixture_end(f);
    peer_end(&peer);
}

/* C11: the end with and without close_notify. Either way the owner hears of it once. */
static void script_tls_cut(struct peer *peer)
{
    peer->ssl = SSL_new(peer->context);
    SSL_set_fd(peer->ssl, peer->fd);
    peer->handshake = SSL_accept(peer->ssl);
    (void)SSL_write(peer->ssl, peer->say, (int)strlen(peer->say));
    if (peer->expect > 0) {
        (void)SSL_shutdown(peer->ssl);
    }
}

static void test_close_notify(void **state)
{
    (void)state;
    struct cert_spec spec = {.cn = "a", .san = DNS(HOST)};
    struct cert cert = cert_make(&spec, &root);
    for (size_t polite = 0; polite < 2; polite++) {
        struct pm_net_options options = {0};
        struct fixture *f = start(&options);
        struct peer peer = {.script = script_tls_cut, .say = "250 kept\r\n", .expect = polite};
        peer_tls(&peer, &cert, TLS1_2_VERSION, TLS1_3_VERSION);
        peer_start(&peer);
        struct pm_tls_request request = ask();
        assert_int_equal(fixture_open(f, HOST, peer.port, &request), PM_OK);
        fixture_until(f, f->closed > 0);
        assert_string_equal((const char *)f->received, "250 kept\r\n");
        assert_int_equal(strstr(f->log, "closed without close_notify") != NULL, polite == 0);
        fixture_end(f);
        peer_end(&peer);
    }
    cert_free(&cert);
}

/* What the module cancels in the handshake ends without a word. */
static void test_cancel(void **state)
{
    (void)state;
    struct pm_net_options options = {0};
    struct fixture *f = start(&options);
    struct peer peer = {.script = script_close};
    peer_start(&peer);
    struct pm_tls_request tls = ask();
    struct pm_connect_request request = {slice(HOST), peer.port, ROUTE, &tls};
    struct pm_op foreign = {0};
    assert_int_equal(pm_net_open(f->net, &f->op, &request), PM_PENDING);
    assert_false(pm_net_cancel(f->net, &foreign));
    fixture_until(f, f->dns_queries > 0);
    assert_true(pm_net_cancel(f->net, &f->op));
    assert_false(pm_net_cancel(f->net, &f->op));
    unsigned done = f->done;
    fixture_end(f);
    assert_int_equal(done, 0);
    peer_end(&peer);
}

static int make_authorities(void **state)
{
    (void)state;
    struct cert_spec spec = {.cn = "Root", .ca = true};
    struct cert_spec second = {.cn = "Other", .ca = true};
    root = cert_make(&spec, NULL);
    other = cert_make(&second, NULL);
    return 0;
}

static int free_authorities(void **state)
{
    (void)state;
    cert_free(&root);
    cert_free(&other);
    return 0;
}

/* Nothing of a session is kept for a later one, and none is negotiated again. */
static void no_tickets_and_no_renegotiation(void **state)
{
    const uint64_t wanted = SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION;
    const struct pm_tls_request request = {.version = 4, .ciphersuite = 0xFFFF};
    const struct pm_tls_setup setup = {.request = &request, .host = HOST};
    char err[200];
    (void)state;
    SSL *ssl = pm_tls_client(&setup, err, sizeof err);
    assert_non_null(ssl);
    assert_true((SSL_get_options(ssl) & wanted) == wanted);
    assert_int_equal(SSL_CTX_get_session_cache_mode(SSL_get_SSL_CTX(ssl)), SSL_SESS_CACHE_OFF);
    SSL_free(ssl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_tickets_and_no_renegotiation),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_seclevel_0),
        cmocka_unit_test(test_verify_always),
        cmocka_unit_test(test_verify_for_require_tls),
        cmocka_unit_test(test_owner_account),
        cmocka_unit_test(test_versions_and_suites),
        cmocka_unit_test(test_weak_suites_only),
        cmocka_unit_test(test_sni),
        cmocka_unit_test(test_ca_files),
        cmocka_unit_test(test_second_ca_and_server_certificate),
        cmocka_unit_test(test_system_trust),
        cmocka_unit_test(test_client_certificates),
        cmocka_unit_test(test_starttls),
        cmocka_unit_test(test_starttls_injection),
        cmocka_unit_test(test_server_begins_in_clear),
        cmocka_unit_test(test_closed_in_handshake),
        cmocka_unit_test(test_close_notify),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, make_authorities, free_authorities);
}
