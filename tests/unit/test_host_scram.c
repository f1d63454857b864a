/* SPDX-License-Identifier: MIT */
/* SCRAM with real cryptography: the vectors of RFC 7677, channel binding, and broken servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/base64.h"
#include "host/crypto.h"
#include "postmodem/error.h"
#include "smtp_peer.h"

/* The client's nonce of RFC 7677 section 3, and what comes after it. */
#define NONCE        "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT         "s=W22ZaJ0SNY7soEsUEjb6gQ=="
/* base64 of n,,n=user,r=NONCE */
#define FIRST "biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8="
#define SERVER_FIRST                                                                       \
    "cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxzPVcyMlphSjBT" \
    "Tlk3c29Fc1VFamI2Z1E9PSxpPTQwOTY="
/* c=biws,r=...,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ= */
#define FINAL                                                                              \
    "Yz1iaXdzLHI9ck9wck5HZndFYmVSV2diTkVrcU8laHZZRHBXVWEyUmFUQ0FmdXhGSWxqKWhObEYkazAscD1k" \
    "SHpiWmFwV0lrNGpVaE4rVXRlOXl0YWc5empmTUhnc3FtbWl6N0FuZFZRPQ=="
/* v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4= */
#define SERVER_FINAL "dj02cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0PQ=="

#define OFFER(list) SMTP_BANNER, "S250-mx\r\n250 AUTH " list "\r\n"
#define AUTH        "CAUTH SCRAM-SHA-256 " FIRST "\r\n"
#define CHALLENGE   "S334 " SERVER_FIRST "\r\n"
#define PROOF       "C" FINAL "\r\n"

static struct smtp_setup clear_setup;
static struct smtp_setup tls_setup;
static struct smtp_peer peer;
static bool binds; /* the connection can be bound */

static bool crypto(const struct pm_smtp_event *event, uint8_t result[32])
{
    size_t len;
    switch (event->crypto) {
    case PM_SMTP_HMAC_SHA256:
        return pm_crypto_hmac(PM_HMAC_SHA256, event->key, event->data, result) == PM_OK;
    case PM_SMTP_SHA256: return pm_crypto_hash(event->data, result) == PM_OK;
    case PM_SMTP_PBKDF2:
        return PKCS5_PBKDF2_HMAC((const char *)event->key.ptr, (int)event->key.len, event->data.ptr,
                                 (int)event->data.len, (int)event->count, EVP_sha256(), 32,
                                 result) == 1;
    case PM_SMTP_RANDOM:
        return pm__base64_decode((const uint8_t *)NONCE, 20, result, 15, &len) && len == 15;
    case PM_SMTP_BINDING: memset(result, 'b', 32); return binds;
    default: return false;
    }
}

static int set_up(void **state)
{
    (void)state;
    binds = false;
    smtp_setup_auth(&clear_setup, false);
    clear_setup.config.username = smtp_text("user");
    clear_setup.config.password = smtp_text("pencil");
    clear_setup.crypto = crypto;
    tls_setup = clear_setup;
    tls_setup.config.tls = true;
    return 0;
}

/* ---- What RFC 7677 gives as an example ---- */

static void test_vector(void **state)
{
    (void)state;
    static const smtp_script script[] = {OFFER("PLAIN CRAM-MD5 SCRAM-SHA-256"),
                                         AUTH,
                                         CHALLENGE,
                                         PROOF,
                                         "S334 " SERVER_FINAL "\r\n",
                                         "C\r\n",
                                         "S235 ok\r\n",
                                         SMTP_REST,
                                         NULL};
    smtp_play(&clear_setup, script, 0, 0, true);
    smtp_play(&tls_setup, script, 0, 0, true);
}

/* A server that sees the password to be wrong says so by code, or by e= first. */
static void test_wrong_password(void **state)
{
    (void)state;
    SMTP_PLAY(&tls_setup, 677, 535, true, OFFER("PLAIN SCRAM-SHA-256"), AUTH, CHALLENGE, PROOF,
              "S535 5.7.8 no\r\n");
    SMTP_PLAY(&tls_setup, 677, 535, true, OFFER("PLAIN SCRAM-SHA-256"), AUTH, CHALLENGE, PROOF,
              "S334 ZT1pbnZhbGlkLXByb29m\r\n", "C\r\n", "S535 no\r\n");
    SMTP_PLAY(&tls_setup, 677, 535, true, OFFER("PLAIN SCRAM-SHA-256"), AUTH, "S535 no\r\n");
    SMTP_PLAY(&tls_setup, 660, 0, false, OFFER("PLAIN SCRAM-SHA-256"), AUTH, CHALLENGE, PROOF,
              "S334 ZT1pbnZhbGlkLXByb29m\r\n", "C\r\n", "S235 ok\r\n");
}

/* ---- Servers that do not prove themselves ---- */

/* Without v=, with another one (its last bit, nothing, too short), and with 235 straight away. */
static void test_server_without_proof(void **state)
{
    (void)state;
    SMTP_PLAY(&tls_setup, 677, 0, false, OFFER("SCRAM-SHA-256 PLAIN"), AUTH, CHALLENGE, PROOF,
              "S235 ok\r\n");
    SMTP_PLAY(&tls_setup, 677, 0, false, OFFER("SCRAM-SHA-256 PLAIN"), AUTH, "S235 ok\r\n");
    SMTP_PLAY(&tls_setup, 677, 0, false, OFFER("SCRAM-SHA-256 PLAIN"), AUTH, CHALLENGE, PROOF,
              "S334 \r\n");
    SMTP_PLAY(&tls_setup, 677, 0, false, OFFER("SCRAM-SHA-256 PLAIN"), AUTH, CHALLENGE, PROOF,
              "S334 dj0=\r\n");
    SMTP_PLAY(&tls_setup, 677, 0, false, OFFER("SCRAM-SHA-256 PLAIN"), AUTH, CHALLENGE, PROOF,
              "S334 not base64!\r\n");
    SMTP_PLAY(&tls_setup, 677, 0, false, OFFER("SCRAM-SHA-256 PLAIN"), AUTH, CHALLENGE, PROOF,
              "S334 dj03cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0PQ==\r\n");
    SMTP_PLAY(&tls_setup, 660, 0, false, OFFER("SCRAM-SHA-256 PLAIN"), AUTH, CHALLENGE, PROOF,
              "S334 " SERVER_FINAL "\r\n", "C\r\n", "S334 " SERVER_FINAL "\r\n");
}

/* Each first message that must not be answered with a proof: cancelled, and no weaker
 * mechanism is tried with such a server. */
static void refuses(const char *server_first)
{
    char encoded[4096] = "S334 ";
    size_t n = pm__base64_encode((uint8_t *)encoded + 5, (const uint8_t *)server_first,
                                 strlen(server_first));
    memcpy(encoded + 5 + n, "\r\n", 3);
    const smtp_script script[] = {
        OFFER("SCRAM-SHA-256 PLAIN CRAM-MD5"), AUTH, encoded, "C*\r\n", "S501 cancelled\r\n", NULL};
    smtp_play(&clear_setup, script, PM_MAIL_AUTH, 0, true);
}

static void test_bad_first_messages(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "x",
        "r=" NONCE "," SALT ",i=4096",               /* nothing of the server's own */
        "r=rOprNGfwEbeRWgbNEkqPxyz," SALT ",i=4096", /* not ours */
        "r=xyz," SALT ",i=4096",
        "r=," SALT ",i=4096",
        "r=" SERVER_NONCE "\x01," SALT ",i=4096",
        "r=" SERVER_NONCE "," SALT ",i=1",
        "r=" SERVER_NONCE "," SALT ",i=4095",
        "r=" SERVER_NONCE "," SALT ",i=1000001",
        "r=" SERVER_NONCE "," SALT ",i=2147483648",
        "r=" SERVER_NONCE "," SALT ",i=-4096",
        "r=" SERVER_NONCE "," SALT ",i=",
        "r=" SERVER_NONCE "," SALT ",i=18446744073709555712",
        "r=" SERVER_NONCE "," SALT,
        "r=" SERVER_NONCE ",s=,i=4096",
        "r=" SERVER_NONCE ",s=W22Z!,i=4096",
        "r=" SERVER_NONCE ",i=4096," SALT,
        SALT ",r=" SERVER_NONCE ",i=4096",
        "m=x,r=" SERVER_NONCE "," SALT ",i=4096",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        refuses(bad[i]);
    }
    SMTP_PLAY(&clear_setup, 677, 0, true, OFFER("SCRAM-SHA-256 PLAIN"), AUTH,
              "S334 not base64!\r\n", "C*\r\n", "S501 cancelled\r\n");
}

/* Extensions at the end are passed over; what does not fit the buffer is refused. */
static void test_long_first_messages(void **state)
{
    (void)state;
    static char text[3072];
    static char line[4200];
    static const size_t lengths[] = {100, 1500, 2900};
    for (size_t i = 0; i < 3; i++) {
        int n = snprintf(text, sizeof text, "%s", "r=" SERVER_NONCE);
        memset(text + n, 'x', lengths[i]);
        (void)snprintf(text + n + lengths[i], sizeof text - (size_t)n - lengths[i],
                       "," SALT ",i=4096,x=ignored");
        memcpy(line, "S334 ", 5);
        size_t len = pm__base64_encode((uint8_t *)line + 5, (const uint8_t *)text, strlen(text));
        memcpy(line + 5 + len, "\r\n", 3);
        smtp_peer_start(&peer, &clear_setup, (struct smtp_cut){0, 0, 0, 64});
        smtp_peer_steps(&peer, (const smtp_script[]){OFFER("SCRAM-SHA-256"), AUTH, NULL});
        smtp_peer_step(&peer, line);
        const char *sent = peer.sent + peer.checked;
        assert_int_equal(strcmp(sent, "*\r\n") == 0, i == 2);
        assert_true(i == 2 || strlen(sent) > lengths[i] * 4 / 3);
    }
}

/* ---- Channel binding (RFC 5802 section 6, RFC 9266) ---- */

/* Checks the header that the client sends, by its base64. */
static void expect_first(const struct smtp_setup *setup, const char *offer, const char *command)
{
    char line[200];
    (void)snprintf(line, sizeof line, "S250-mx\r\n250 AUTH %s\r\n", offer);
    smtp_peer_start(&peer, setup, (struct smtp_cut){0, 0, 0, 64});
    smtp_peer_steps(&peer, (const smtp_script[]){SMTP_BANNER, line, NULL});
    assert_memory_equal(peer.sent + peer.checked, command, strlen(command));
    peer.checked = peer.sent_len;
}

static void test_binding_flags(void **state)
{
    (void)state;
    struct smtp_setup barred = tls_setup;
    barred.config.forbidden = PM_SMTP_SCRAM_SHA_256_PLUS;
    /* "n,," without TLS, without an exporter, and where the configuration forbids it. */
    expect_first(&clear_setup, "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "AUTH SCRAM-SHA-256 biws");
    expect_first(&tls_setup, "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "AUTH SCRAM-SHA-256 biws");
    binds = true;
    expect_first(&clear_setup, "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "AUTH SCRAM-SHA-256 biws");
    expect_first(&barred, "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "AUTH SCRAM-SHA-256 biws");
    /* "y,,": we could, and the server does not offer it. "p=tls-exporter,,": it does. */
    expect_first(&tls_setup, "SCRAM-SHA-256", "AUTH SCRAM-SHA-256 eSws");
    expect_first(&tls_setup, "SCRAM-SHA-256 SCRAM-SHA-256-PLUS",
                 "AUTH SCRAM-SHA-256-PLUS cD10bHMtZXhwb3J0ZXIsL");
}

/* The binding stands in c= behind the header: base64 of p=tls-exporter,,bbbb... */
static void test_binding_is_sent(void **state)
{
    (void)state;
    uint8_t decoded[400];
    size_t n;
    binds = true;
    expect_first(&tls_setup, "SCRAM-SHA-256-PLUS", "AUTH SCRAM-SHA-256-PLUS ");
    smtp_peer_step(&peer, CHALLENGE);
    const char *sent = peer.sent + peer.checked;
    assert_true(
        pm__base64_decode((const uint8_t *)sent, strlen(sent) - 2, decoded, sizeof decoded, &n));
    decoded[n] = '\0';
    static const char expected[] = "c=cD10bHMtZXhwb3J0ZXIsLGJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJi"
                                   "YmJi,r=" SERVER_NONCE ",p=";
    assert_memory_equal(decoded, expected, sizeof expected - 1);
}

/* A refused -PLUS is not followed by a claim that we cannot bind. */
static void test_after_plus(void **state)
{
    (void)state;
    binds = true;
    expect_first(&tls_setup, "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "AUTH SCRAM-SHA-256-PLUS ");
    smtp_peer_step(&peer, "S504 unknown\r\n");
    assert_memory_equal(peer.sent + peer.checked, "AUTH SCRAM-SHA-256 eSws", 23);
}

/* ---- Names ---- */

static void test_user_names(void **state)
{
    (void)state;
    uint8_t decoded[2000];
    size_t n;
    static char longest[321];
    static const char *const names[][2] = {
        {"a,b=c", "n,,n=a=2Cb=3Dc,r=" NONCE},
        {"j\xc3\xb6rg@example.com", "n,,n=j\xc3\xb6rg@example.com,r=" NONCE},
    };
    for (size_t i = 0; i < 2; i++) {
        clear_setup.config.username = smtp_text(names[i][0]);
        expect_first(&clear_setup, "SCRAM-SHA-256", "AUTH SCRAM-SHA-256 ");
        const char *text = strrchr(peer.sent, ' ') + 1;
        assert_true(pm__base64_decode((const uint8_t *)text, strlen(text) - 2, decoded,
                                      sizeof decoded, &n));
        assert_int_equal(n, strlen(names[i][1]));
        assert_memory_equal(decoded, names[i][1], n);
    }
    /* Spelled out it is beyond a command line: it follows the 334. */
    memset(longest, ',', sizeof longest - 1);
    clear_setup.config.username = smtp_text(longest);
    expect_first(&clear_setup, "SCRAM-SHA-256", "AUTH SCRAM-SHA-256\r\n");
    smtp_peer_step(&peer, "S334 \r\n");
    const char *text = peer.sent + peer.checked;
    assert_true(
        pm__base64_decode((const uint8_t *)text, strlen(text) - 2, decoded, sizeof decoded, &n));
    assert_int_equal(n, strlen("n,,n=") + 3 * 320 + strlen(",r=" NONCE));
    peer.checked = peer.sent_len;
    smtp_peer_step(&peer, CHALLENGE);
    assert_true(peer.sent_len - peer.checked > 100);
}

/* ---- When the owner cannot ---- */

static bool no_crypto(const struct pm_smtp_event *event, uint8_t result[32])
{
    return event->crypto == PM_SMTP_RANDOM && crypto(event, result);
}

static bool nothing(const struct pm_smtp_event *event, uint8_t result[32])
{
    (void)event;
    (void)result;
    return false;
}

static void test_owner_cannot(void **state)
{
    (void)state;
    static const char plain[] = "CAUTH PLAIN AHVzZXIAcGVuY2ls\r\n";
    struct smtp_setup setup = tls_setup;
    setup.crypto = no_crypto;
    const smtp_script cancelled[] = {OFFER("SCRAM-SHA-256 PLAIN"),
                                     AUTH,
                                     CHALLENGE,
                                     "C*\r\n",
                                     "S501 cancelled\r\n",
                                     plain,
                                     "S235 ok\r\n",
                                     SMTP_REST,
                                     NULL};
    smtp_play(&setup, cancelled, 0, 0, true);
    setup.crypto = nothing;
    const smtp_script passed_over[] = {OFFER("SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN"), plain,
                                       "S235 ok\r\n", SMTP_REST, NULL};
    smtp_play(&setup, passed_over, 0, 0, true);
    SMTP_PLAY(&setup, 655, 0, true, OFFER("SCRAM-SHA-256"));
}

/* ---- Secrets ---- */

static bool holds(const void *memory, size_t size, const void *part, size_t len)
{
    const uint8_t *at = memory;
    for (size_t i = 0; i + len <= size; i++) {
        if (memcmp(at + i, part, len) == 0) {
            return true;
        }
    }
    return false;
}

/* SaltedPassword is as good as the password: it is gone as soon as the proof has left. */
static void test_keys_are_wiped(void **state)
{
    (void)state;
    uint8_t salted[32];
    uint8_t salt[16];
    size_t n;
    assert_true(
        pm__base64_decode((const uint8_t *)"W22ZaJ0SNY7soEsUEjb6gQ==", 24, salt, sizeof salt, &n));
    assert_int_equal(
        PKCS5_PBKDF2_HMAC("pencil", 6, salt, 16, 4096, EVP_sha256(), sizeof salted, salted), 1);
    smtp_peer_start(&peer, &clear_setup, (struct smtp_cut){0, 0, 0, 64});
    smtp_peer_steps(&peer,
                    (const smtp_script[]){OFFER("SCRAM-SHA-256"), AUTH, CHALLENGE, PROOF, NULL});
    assert_false(holds(&peer.smtp, sizeof peer.smtp, salted, sizeof salted));
    smtp_peer_steps(
        &peer, (const smtp_script[]){"S334 " SERVER_FINAL "\r\n", "C\r\n", "S235 ok\r\n", NULL});
    assert_false(holds(&peer.smtp, sizeof peer.smtp, NONCE, strlen(NONCE)));
    assert_false(holds(&peer.smtp, sizeof peer.smtp, "6rriTRBi23WpRR", 14));
    assert_false(smtp_peer_logged(&peer, FINAL));
    assert_false(smtp_peer_logged(&peer, FIRST));
    assert_false(smtp_peer_logged(&peer, SERVER_FIRST));
    assert_true(smtp_peer_logged(&peer, "sent AUTH SCRAM-SHA-256 ********\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_vector, set_up),
        cmocka_unit_test_setup(test_wrong_password, set_up),
        cmocka_unit_test_setup(test_server_without_proof, set_up),
        cmocka_unit_test_setup(test_bad_first_messages, set_up),
        cmocka_unit_test_setup(test_long_first_messages, set_up),
        cmocka_unit_test_setup(test_binding_flags, set_up),
        cmocka_unit_test_setup(test_binding_is_sent, set_up),
        cmocka_unit_test_setup(test_after_plus, set_up),
        cmocka_unit_test_setup(test_user_names, set_up),
        cmocka_unit_test_setup(test_owner_cannot, set_up),
        cmocka_unit_test_setup(test_keys_are_wiped, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
