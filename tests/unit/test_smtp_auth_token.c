/* SPDX-License-Identifier: MIT */
/* AUTH with bearer tokens (RFC 7628, XOAUTH2) and EXTERNAL; what the configuration forbids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "postmodem/error.h"
#include "smtp_peer.h"

/* user=someuser@example.com^Aauth=Bearer ya29.vF9d...^A^A, the example of XOAUTH2's description */
#define XOAUTH2                                                    \
    "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZG" \
    "OWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
/* the same with the token "second" */
#define SECOND "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciBzZWNvbmQBAQ=="
/* n,a=user@example.com,^Aauth=Bearer vF9d...^A^A: RFC 7628 section 4.1 without host and port */
#define BEARER                                                     \
    "bixhPXVzZXJAZXhhbXBsZS5jb20sAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRj" \
    "Mk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
/* {"status":"401","schemes":"bearer","scope":"mail"} */
#define ERROR       "S334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=\r\n"
#define OFFER(list) SMTP_BANNER, "S250-mx\r\n250 AUTH " list "\r\n"

static struct smtp_setup setup;
static struct smtp_peer peer;

static int set_up(void **state)
{
    (void)state;
    smtp_setup_auth(&setup, true);
    setup.config.username = smtp_text("someuser@example.com");
    setup.config.token = true;
    setup.tokens[0] = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg";
    return 0;
}

/* ---- Good tokens ---- */

static void test_xoauth2(void **state)
{
    (void)state;
    SMTP_PLAY(&setup, 0, 0, true, OFFER("PLAIN XOAUTH2 SCRAM-SHA-256"),
              "CAUTH XOAUTH2 " XOAUTH2 "\r\n", "S235 ok\r\n", SMTP_REST);
}

static void test_oauthbearer(void **state)
{
    (void)state;
    setup.config.username = smtp_text("user@example.com");
    setup.tokens[0] = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
    SMTP_PLAY(&setup, 0, 0, true, OFFER("XOAUTH2 PLAIN OAUTHBEARER"),
              "CAUTH OAUTHBEARER " BEARER "\r\n", "S235 ok\r\n", SMTP_REST);
}

/* ---- Refusals ---- */

static void test_error_is_answered(void **state)
{
    (void)state;
    setup.config.username = smtp_text("user@example.com");
    setup.tokens[0] = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
    SMTP_PLAY(&setup, 677, 535, true, OFFER("OAUTHBEARER"), "CAUTH OAUTHBEARER " BEARER "\r\n",
              ERROR, "CAQ==\r\n", "S535 5.7.8 no\r\n");
    SMTP_PLAY(&setup, 660, 0, false, OFFER("OAUTHBEARER"), "CAUTH OAUTHBEARER " BEARER "\r\n",
              ERROR, "CAQ==\r\n", "S235 ok\r\n");
    SMTP_PLAY(&setup, 660, 0, false, OFFER("OAUTHBEARER"), "CAUTH OAUTHBEARER " BEARER "\r\n",
              ERROR, "CAQ==\r\n", ERROR);
    SMTP_PLAY(&setup, 677, 454, true, OFFER("OAUTHBEARER"), "CAUTH OAUTHBEARER " BEARER "\r\n",
              "S454 later\r\n");
}

/* A refused token is renewed once; the other mechanism is not tried with the same one. */
static void test_token_is_renewed(void **state)
{
    (void)state;
    setup.tokens[1] = "second";
    SMTP_PLAY(&setup, 0, 0, true, OFFER("XOAUTH2"), "CAUTH XOAUTH2 " XOAUTH2 "\r\n", ERROR, "C\r\n",
              "S535 expired\r\n", "CAUTH XOAUTH2 " SECOND "\r\n", "S235 ok\r\n", SMTP_REST);
    SMTP_PLAY(&setup, 677, 535, true, OFFER("XOAUTH2"), "CAUTH XOAUTH2 " XOAUTH2 "\r\n",
              "S535 expired\r\n", "CAUTH XOAUTH2 " SECOND "\r\n", "S535 no\r\n");
    setup.tokens[1] = NULL;
    SMTP_PLAY(&setup, 677, 535, true, OFFER("XOAUTH2"), "CAUTH XOAUTH2 " XOAUTH2 "\r\n", ERROR,
              "C\r\n", "S535 expired\r\n");
}

static void test_other_mechanism(void **state)
{
    (void)state;
    SMTP_PLAY(
        &setup, 0, 0, true, OFFER("XOAUTH2 OAUTHBEARER PLAIN"),
        "CAUTH OAUTHBEARER bixhPXNvbWV1c2VyQGV4YW1wbGUuY29tLAFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxb"
        "VRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==\r\n",
        "S504 unknown\r\n", "CAUTH XOAUTH2 " XOAUTH2 "\r\n", "S235 ok\r\n", SMTP_REST);
    SMTP_PLAY(&setup, 655, 0, true, OFFER("PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256"));
}

/* No token: nothing of it, and no password, is sent. Nor with bytes that no token has. */
static void test_no_token(void **state)
{
    (void)state;
    static const char *const bad[] = {NULL,
                                      "",
                                      "two words",
                                      "line\r\nend",
                                      "a\x01"
                                      "b",
                                      "\xc3\xb6"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setup.tokens[0] = bad[i];
        SMTP_PLAY(&setup, 677, 0, true, OFFER("PLAIN XOAUTH2"));
    }
}

/* A bearer token is worth a password: it never leaves in clear, whatever is allowed there. */
static void test_not_in_clear(void **state)
{
    (void)state;
    setup.config.tls = false;
    SMTP_PLAY(&setup, 655, 0, true, OFFER("XOAUTH2 OAUTHBEARER PLAIN"));
}

/* ---- Long tokens ---- */

/* The line that carries a token of `size` bytes comes whole, however the output is taken. */
static void play_token(size_t size, size_t ack)
{
    static char token[8193];
    static uint8_t decoded[12000];
    size_t n;
    memset(token, 't', size);
    token[size - 1] = 'x';
    token[size] = '\0';
    setup.tokens[0] = token;
    smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, ack, 64});
    smtp_peer_steps(&peer, (const smtp_script[]){OFFER("XOAUTH2"), NULL});
    const char *sent = peer.sent + peer.checked;
    bool initial = size <= 300;
    assert_int_equal(strcmp(sent, "AUTH XOAUTH2\r\n") != 0, initial);
    assert_true(strlen(sent) <= 512);
    if (!initial) {
        peer.checked = peer.sent_len;
        smtp_peer_step(&peer, "S334 \r\n");
        sent = peer.sent + peer.checked;
    } else {
        sent += strlen("AUTH XOAUTH2 ");
    }
    size_t len = strlen(sent);
    assert_memory_equal(sent + len - 2, "\r\n", 2);
    assert_true(pm__base64_decode((const uint8_t *)sent, len - 2, decoded, sizeof decoded, &n));
    assert_int_equal(n, strlen("user=someuser@example.com.auth=Bearer ") + size + 2);
    assert_memory_equal(decoded + n - size - 2, token, size);
    peer.checked = peer.sent_len;
    assert_false(smtp_peer_logged(&peer, "dHR0dHR0"));
    smtp_peer_steps(&peer, (const smtp_script[]){"S235 ok\r\n", SMTP_REST, NULL});
    assert_int_equal(peer.done, 1);
    assert_int_equal(peer.result.error, 0);
}

static void test_long_tokens(void **state)
{
    (void)state;
    static const size_t sizes[] = {10, 300, 400, 500, 1016, 3300, 3396, 3397, 3398, 5000, 8192};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        play_token(sizes[i], 0);
        play_token(sizes[i], 1);
        play_token(sizes[i], 1000);
    }
}

/* A server that cuts in before the line is complete. */
static void test_refused_in_the_middle(void **state)
{
    (void)state;
    static char token[5001];
    const uint8_t *data;
    memset(token, 't', sizeof token - 1);
    setup.tokens[0] = token;
    struct pm_smtp_event event;
    smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 0, 64});
    smtp_peer_steps(&peer, (const smtp_script[]){OFFER("XOAUTH2"), NULL});
    pm_smtp_input(&peer.smtp, (const uint8_t *)"334 \r\n", 6, 0);
    while (pm_smtp_next_event(&peer.smtp, &event, 0) != PM_SMTP_EV_NONE) {
        assert_int_not_equal(event.kind, PM_SMTP_EV_DONE);
    }
    pm_smtp_output_ack(&peer.smtp, 100, 0);
    assert_true(pm_smtp_output(&peer.smtp, &data) > 4000);
    pm_smtp_input(&peer.smtp, (const uint8_t *)"500 line too long\r\n", 19, 0);
    while (pm_smtp_next_event(&peer.smtp, &event, 0) != PM_SMTP_EV_DONE) {
        assert_int_not_equal(event.kind, PM_SMTP_EV_NONE);
    }
    assert_int_equal(event.error, PM_MAIL_SYNTAX);
    assert_false(event.graceful);
    assert_int_equal(pm_smtp_output(&peer.smtp, &data), 0);
}

/* ---- EXTERNAL ---- */

/* With a client certificate it goes first; no secret was used, so that a refusal leads on. */
static void test_external(void **state)
{
    (void)state;
    smtp_setup_auth(&setup, true);
    SMTP_PLAY(&setup, 655, 0, true, OFFER("EXTERNAL"));
    setup.config.external = true;
    SMTP_PLAY(&setup, 0, 0, true, OFFER("PLAIN SCRAM-SHA-256 EXTERNAL"), "CAUTH EXTERNAL =\r\n",
              "S235 ok\r\n", SMTP_REST);
    SMTP_PLAY(&setup, 0, 0, true, OFFER("PLAIN EXTERNAL"), "CAUTH EXTERNAL =\r\n", "S535 no\r\n",
              "CAUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n", "S235 ok\r\n", SMTP_REST);
    SMTP_PLAY(&setup, 677, 535, true, OFFER("EXTERNAL"), "CAUTH EXTERNAL =\r\n", "S535 no\r\n");
    SMTP_PLAY(&setup, 660, 0, false, OFFER("EXTERNAL"), "CAUTH EXTERNAL =\r\n", "S334 \r\n");
    setup.config.tls = false;
    SMTP_PLAY(&setup, 655, 0, true, OFFER("EXTERNAL"));
}

/* ---- What the configuration forbids ---- */

static void test_forbidden(void **state)
{
    (void)state;
    smtp_setup_auth(&setup, true);
    setup.config.forbidden = (uint8_t)~PM_SMTP_LOGIN;
    SMTP_PLAY(&setup, 655, 0, true, OFFER("PLAIN CRAM-MD5 SCRAM-SHA-256"));
    smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 0, 64});
    smtp_peer_steps(
        &peer, (const smtp_script[]){OFFER("PLAIN LOGIN SCRAM-SHA-256"), "CAUTH LOGIN\r\n", NULL});
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(pm_smtp_mechanism(smtp_text("scram-sha-256-plus")),
                     PM_SMTP_SCRAM_SHA_256_PLUS);
    assert_int_equal(pm_smtp_mechanism(smtp_text("SCRAM-SHA-256")), PM_SMTP_SCRAM_SHA_256);
    assert_int_equal(pm_smtp_mechanism(smtp_text("SCRAM-SHA-1")), 0);
    assert_int_equal(pm_smtp_mechanism(smtp_text("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_xoauth2, set_up),
        cmocka_unit_test_setup(test_oauthbearer, set_up),
        cmocka_unit_test_setup(test_error_is_answered, set_up),
        cmocka_unit_test_setup(test_token_is_renewed, set_up),
        cmocka_unit_test_setup(test_other_mechanism, set_up),
        cmocka_unit_test_setup(test_no_token, set_up),
        cmocka_unit_test_setup(test_not_in_clear, set_up),
        cmocka_unit_test_setup(test_long_tokens, set_up),
        cmocka_unit_test_setup(test_refused_in_the_middle, set_up),
        cmocka_unit_test_setup(test_external, set_up),
        cmocka_unit_test_setup(test_forbidden, set_up),
        cmocka_unit_test_setup(test_names, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
