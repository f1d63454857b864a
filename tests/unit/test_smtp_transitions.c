/* SPDX-License-Identifier: MIT */
/* Walks every pair of the transition table: each must send, finish, fail or ask the owner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smtp/transitions.h"
#include "smtp_peer.h"

#define EHLO     "S220 mx\r\n"
#define OFFER(x) EHLO, "S250-mx\r\n250 " x "\r\n"
/* r=AAAAAAAAAAAAAAAAAAAAx,s=YQ==,i=4096 */
#define SCRAM_FIRST "S334 cj1BQUFBQUFBQUFBQUFBQUFBQUFBQXgscz1ZUT09LGk9NDA5Ng==\r\n"
#define TO_DATA     EHLO, "S250 mx\r\n", "S250 ok\r\n", "S250 ok\r\n"
#define TO_CHUNK    EHLO, "S250-mx\r\n250 CHUNKING\r\n", "S250 ok\r\n", "S250 ok\r\n"

/* The way into each state. */
static const struct path {
    enum pm__smtp_state state;
    bool starttls;
    bool auth;
    smtp_script steps[8];
} paths[] = {
    {PM__SMTP_BANNER, false, false, {NULL}},
    {PM__SMTP_EHLO, false, false, {EHLO, NULL}},
    {PM__SMTP_HELO, false, false, {EHLO, "S502 no\r\n", NULL}},
    {PM__SMTP_STARTTLS, true, false, {OFFER("STARTTLS"), NULL}},
    {PM__SMTP_HANDSHAKE, true, false, {OFFER("STARTTLS"), "S220 go\r\n", NULL}},
    {PM__SMTP_AUTH_INITIAL, false, true, {OFFER("AUTH PLAIN"), NULL}},
    {PM__SMTP_AUTH_LOGIN, false, true, {OFFER("AUTH LOGIN"), NULL}},
    {PM__SMTP_AUTH_PASSWORD, false, true, {OFFER("AUTH LOGIN"), "S334 a\r\n", NULL}},
    {PM__SMTP_AUTH_CRAM, false, true, {OFFER("AUTH CRAM-MD5"), NULL}},
    {PM__SMTP_AUTH_SCRAM, false, true, {OFFER("AUTH SCRAM-SHA-256"), NULL}},
    {PM__SMTP_AUTH_PROOF, false, true, {OFFER("AUTH SCRAM-SHA-256"), SCRAM_FIRST, NULL}},
    {PM__SMTP_AUTH_TOKEN, false, true, {OFFER("AUTH XOAUTH2"), NULL}},
    {PM__SMTP_AUTH_DENIED, false, true, {OFFER("AUTH XOAUTH2"), "S334 e30=\r\n", NULL}},
    {PM__SMTP_AUTH_RESULT, false, true, {OFFER("AUTH PLAIN"), "S334\r\n", NULL}},
    {PM__SMTP_AUTH_CANCEL, false, true, {OFFER("AUTH CRAM-MD5"), "S334 ?\r\n", NULL}},
    {PM__SMTP_MAIL, false, false, {EHLO, "S250 mx\r\n", NULL}},
    {PM__SMTP_RCPT, false, false, {EHLO, "S250 mx\r\n", "S250 ok\r\n", NULL}},
    {PM__SMTP_DATA, false, false, {TO_DATA, NULL}},
    {PM__SMTP_BODY, false, false, {TO_DATA, "S354 go\r\n", NULL}},
    {PM__SMTP_DOT, false, false, {TO_DATA, "S354 go\r\n", "B", NULL}},
    {PM__SMTP_CHUNK, false, false, {TO_CHUNK, NULL}},
    {PM__SMTP_BDAT, false, false, {TO_CHUNK, "B", NULL}},
    {PM__SMTP_LONE_DOT,
     false,
     false,
     {EHLO, "S250-mx\r\n250 PIPELINING\r\n", "S250 ok\r\n550 no\r\n354 go\r\n", NULL}},
    {PM__SMTP_DONE, false, false, {"S554 no\r\n", NULL}},
};

static const char *const replies[PM__SMTP_CLASSES][4] = {
    [PM__SMTP_2YZ] = {"S250 x\r\n", "S220-x\r\n220 x\r\n", "S235\r\n", "S299 \n"},
    [PM__SMTP_3YZ] = {"S334 x\r\n", "S354 x\r\n", "S334 YWJj\r\n", "S399-\n399\n"},
    [PM__SMTP_4YZ] = {"S450 x\r\n", "S432 x\r\n", "S454-x\r\n454 x\r\n", "S499\n"},
    [PM__SMTP_5YZ] = {"S550 x\r\n", "S535 x\r\n", "S504-x\r\n504 x\r\n", "S599\n"},
    [PM__SMTP_421] = {"S421 x\r\n", "S421\r\n", "S421-x\r\n421 x\r\n", "S421\n"},
    [PM__SMTP_BAD] = {"Sx\r\n", "S\r\n", "S600 x\r\n", "S2x0\r\n"},
};

static struct smtp_peer peer;

static void go_to(const struct path *path, struct smtp_setup *setup)
{
    static char password[400];
    memset(password, 'p', sizeof password - 1);
    smtp_setup_default(setup);
    setup->hold_tls = true;
    setup->hold_body = true;
    setup->config.starttls = path->starttls;
    setup->config.message_size = strlen(setup->body);
    if (path->auth) {
        setup->config.username = smtp_text("user");
        setup->config.password = smtp_text(password);
        /* A token is used under TLS alone, and then no password. */
        bool token = path->state == PM__SMTP_AUTH_TOKEN || path->state == PM__SMTP_AUTH_DENIED;
        setup->config.token = token;
        setup->config.tls = token;
        setup->tokens[0] = setup->tokens[1] = "token";
    }
    smtp_peer_start(&peer, setup, (struct smtp_cut){0, 0, 0, 64});
    smtp_peer_steps(&peer, path->steps);
    assert_int_equal(peer.smtp.state, path->state);
}

static void walk(const struct path *path, const char *reply)
{
    struct smtp_setup setup;
    go_to(path, &setup);
    size_t sent = peer.sent_len;
    unsigned asked = peer.asked;
    unsigned done = peer.done;
    smtp_peer_step(&peer, reply);
    bool moved = peer.sent_len > sent || peer.asked > asked || peer.done > done;
    if (!moved && path->state != PM__SMTP_DONE) {
        fail_msg("%s: nothing follows %s", pm_smtp_state_name(&peer.smtp), reply);
    }
    assert_true(peer.done <= 1);
    assert_int_equal(peer.smtp.state == PM__SMTP_DONE, peer.done);
}

static void test_every_pair_moves(void **state)
{
    (void)state;
    for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
        for (size_t class = 0; class < PM__SMTP_CLASSES; class ++) {
            for (size_t variant = 0; variant < 4; variant++) {
                walk(&paths[p], replies[class][variant]);
            }
        }
    }
}

/* Only IDLE, which no session waits in, and AUTH_OWNER, which the peer leaves at once, have
 * no path; those between two mails are walked in test_smtp_again.c. */
static void test_every_state_has_a_path(void **state)
{
    (void)state;
    for (int s = 0; s < PM__SMTP_STATE_COUNT; s++) {
        unsigned found = s == PM__SMTP_IDLE || s == PM__SMTP_AUTH_OWNER || s == PM__SMTP_RESET ||
                         s == PM__SMTP_RESET_MAIL || s == PM__SMTP_KEPT;
        for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
            found += (int)paths[p].state == s;
        }
        assert_int_equal(found, 1);
    }
}

/* While the owner computes the HMAC nothing may come. */
static void test_replies_during_hmac(void **state)
{
    (void)state;
    for (size_t class = 0; class < PM__SMTP_CLASSES; class ++) {
        static const smtp_script script[] = {OFFER("AUTH CRAM-MD5"), NULL};
        struct smtp_setup setup;
        struct pm_smtp_event event;
        smtp_setup_auth(&setup, false);
        smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 0, 64});
        smtp_peer_steps(&peer, script);
        pm_smtp_input(&peer.smtp, (const uint8_t *)"334 YQ==\r\n", 10, 0);
        while (pm_smtp_next_event(&peer.smtp, &event, 0) != PM_SMTP_EV_CRYPTO) {
            assert_int_not_equal(event.kind, PM_SMTP_EV_NONE);
        }
        assert_int_equal(peer.smtp.state, PM__SMTP_AUTH_OWNER);
        assert_true(pm_smtp_deadline(&peer.smtp) == PM_NEVER);
        smtp_peer_step(&peer, replies[class][0]);
        assert_int_equal(peer.done, 1);
        assert_int_not_equal(peer.result.error, 0);
        assert_false(peer.result.graceful);
    }
}

/* The owner may be busy with the HMAC and look at events only when it is done: input of
 * meanwhile is not kept by reference. */
static void test_input_during_hmac_is_not_kept(void **state)
{
    (void)state;
    static const smtp_script script[] = {OFFER("AUTH CRAM-MD5"), NULL};
    static const uint8_t digest[32] = {0};
    struct smtp_setup setup;
    struct pm_smtp_event event;
    uint8_t input[] = "421 bye\r\n";
    smtp_setup_auth(&setup, false);
    smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 0, 64});
    smtp_peer_steps(&peer, script);
    pm_smtp_input(&peer.smtp, (const uint8_t *)"334 YQ==\r\n", 10, 0);
    while (pm_smtp_next_event(&peer.smtp, &event, 0) != PM_SMTP_EV_CRYPTO) {
        assert_int_not_equal(event.kind, PM_SMTP_EV_NONE);
    }
    pm_smtp_input(&peer.smtp, input, sizeof input - 1, 0);
    memset(input, 'x', sizeof input);
    pm_smtp_crypto(&peer.smtp, digest, 0);
    assert_int_equal(pm_smtp_next_event(&peer.smtp, &event, 0), PM_SMTP_EV_DONE);
    assert_int_equal(event.error, 666);
    assert_int_equal(event.code, 421);
}

/* Without a reply every waiting state ends by its time-out; the others wait for the owner. */
static void test_every_state_times_out(void **state)
{
    (void)state;
    for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
        struct smtp_setup setup;
        go_to(&paths[p], &setup);
        bool unbounded = paths[p].state == PM__SMTP_HANDSHAKE || paths[p].state == PM__SMTP_DONE;
        assert_int_equal(pm_smtp_deadline(&peer.smtp) == PM_NEVER, unbounded);
        if (!unbounded) {
            smtp_peer_step(&peer, "T");
            assert_int_equal(peer.done, 1);
        }
    }
}

/* And by the peer's going away. */
static void test_every_state_ends_when_closed(void **state)
{
    (void)state;
    for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
        struct smtp_setup setup;
        go_to(&paths[p], &setup);
        smtp_peer_step(&peer, "X");
        assert_int_equal(peer.done, 1);
        assert_int_not_equal(peer.result.error, 0);
    }
}

static void test_table_is_complete(void **state)
{
    (void)state;
    for (int s = 0; s < PM__SMTP_STATE_COUNT; s++) {
        for (int class = 0; class < PM__SMTP_CLASSES; class ++) {
            enum pm__smtp_action action =
                pm__smtp_transition((enum pm__smtp_state)s, (enum pm__smtp_class) class);
            assert_true(action < PM__SMTP_ACTION_COUNT);
            assert_int_equal(action == PM__SMTP_DO_NOTHING, s == PM__SMTP_DONE);
        }
        assert_non_null(pm__smtp_state_text((enum pm__smtp_state)s));
    }
}

static void test_classes(void **state)
{
    (void)state;
    for (uint16_t code = 0; code < 1000; code++) {
        enum pm__smtp_class class = pm__smtp_classify(code);
        if (code < 200 || code > 599) {
            assert_int_equal(class, PM__SMTP_BAD);
        } else if (code == 421) {
            assert_int_equal(class, PM__SMTP_421);
        } else {
            assert_int_equal(class, code / 100 - 2);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pair_moves),
        cmocka_unit_test(test_every_state_has_a_path),
        cmocka_unit_test(test_replies_during_hmac),
        cmocka_unit_test(test_input_during_hmac_is_not_kept),
        cmocka_unit_test(test_every_state_times_out),
        cmocka_unit_test(test_every_state_ends_when_closed),
        cmocka_unit_test(test_table_is_complete),
        cmocka_unit_test(test_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
