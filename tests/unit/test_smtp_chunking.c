/* SPDX-License-Identifier: MIT */
/* BDAT (RFC 3030): what leaves and when, refusals by SD35, messages that are not as announced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "postmodem/error.h"
#include "smtp/transitions.h"
#include "smtp_peer.h"

#define MESSAGE  "Subject: x\r\n\r\nhello\r\n" /* 21 octets */
#define RCPT0    "RCPT TO:<r0@example.net>\r\n"
#define RCPT1    "RCPT TO:<r1@example.net>\r\n"
#define BDAT     "BDAT 21 LAST\r\n"
#define CHUNKING SMTP_BANNER, "S250-mx\r\n250 CHUNKING\r\n"
#define BOTH     SMTP_BANNER, "S250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
#define GROUP1   BOTH, SMTP_MAIL RCPT0 BDAT MESSAGE
#define GROUP2   BOTH, SMTP_MAIL RCPT0 RCPT1
#define GROUPANY GROUP2 BDAT MESSAGE
#define TO_BDAT  CHUNKING, SMTP_MAIL, SMTP_RCPT, "S250 recipient ok\r\n", "C" BDAT MESSAGE

static struct smtp_setup one, two, any;
static struct smtp_peer peer;

static int set_up(void **state)
{
    (void)state;
    smtp_setup_default(&one);
    one.config.message_size = sizeof MESSAGE - 1;
    two = one;
    two.config.recipients = 2;
    any = two;
    any.config.any_recipient = true;
    return 0;
}

/* ---- Order and round trips ---- */

static void test_one_group(void **state)
{
    (void)state;
    static const smtp_script script[] = {GROUP1, "S250 a\r\n250 b\r\n250 queued\r\n", NULL};
    smtp_play(&one, script, 0, 0, true);
    /* With the connection's own round trip: 4. */
    assert_int_equal(smtp_trips(script), 3);
}

static void test_lock_step(void **state)
{
    (void)state;
    static const smtp_script script[] = {TO_BDAT, SMTP_DELIVERED, NULL};
    smtp_play(&one, script, 0, 0, true);
    assert_int_equal(smtp_trips(script), 5);
}

static void test_two_recipients_wait(void **state)
{
    (void)state;
    SMTP_PLAY(&two, 0, 0, true, GROUP2, "S250 a\r\n250 b\r\n250 c\r\n", "C" BDAT MESSAGE,
              SMTP_DELIVERED);
    SMTP_PLAY(&any, 0, 0, true, GROUPANY, "S250 a\r\n250 b\r\n250 c\r\n250 queued\r\n");
}

/* A large message waits until the envelope is accepted; one of unknown size goes by DATA. */
static void test_size_decides(void **state)
{
    (void)state;
    struct smtp_setup setup = one;
    setup.hold_body = true;
    setup.config.message_size = PM_SMTP_GROUP_SIZE + 1;
    static const smtp_script large[] = {BOTH, SMTP_MAIL RCPT0, "S250 a\r\n250 b\r\n", NULL};
    smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 0, 64});
    smtp_peer_steps(&peer, large);
    smtp_peer_step(&peer, "CBDAT 14337 LAST\r\n");
    setup = one;
    setup.config.message_size = 0;
    SMTP_PLAY(&setup, 0, 0, true, BOTH, SMTP_MAIL RCPT0 "DATA\r\n", "S250 a\r\n250 b\r\n354 c\r\n",
              "C" MESSAGE ".\r\n", SMTP_DELIVERED);
}

static void test_settings(void **state)
{
    (void)state;
    struct smtp_setup setup = one;
    setup.config.no_chunking = true;
    SMTP_PLAY(&setup, 0, 0, true, BOTH, SMTP_MAIL RCPT0 "DATA\r\n", "S250 a\r\n250 b\r\n354 c\r\n",
              "C" MESSAGE ".\r\n", SMTP_DELIVERED);
    setup = one;
    setup.config.no_pipelining = true;
    SMTP_PLAY(&setup, 0, 0, true, BOTH, SMTP_MAIL, SMTP_RCPT, "S250 ok\r\n", "C" BDAT MESSAGE,
              SMTP_DELIVERED);
}

/* What was offered before TLS does not count. */
static void test_forgotten_with_tls(void **state)
{
    (void)state;
    struct smtp_setup setup = one;
    setup.config.starttls = true;
    SMTP_PLAY(&setup, 0, 0, true, SMTP_BANNER, "S250-mx\r\n250-CHUNKING\r\n250 STARTTLS\r\n",
              "CSTARTTLS\r\n", "S220 go\r\n", "C<TLS>EHLO me.example\r\n", "S250 mx\r\n",
              SMTP_REST);
}

/* ---- Refusals ---- */

static void test_refused_in_the_group(void **state)
{
    (void)state;
    SMTP_PLAY(&one, 678, 550, true, GROUP1, "S250 a\r\n550 b\r\n554 c\r\n");
    SMTP_PLAY(&one, 678, 550, true, GROUP1, "S550 a\r\n503 b\r\n503 c\r\n");
    /* A server that takes a mail for nobody: the refusal is what the host must know. */
    SMTP_PLAY(&one, 678, 550, true, GROUP1, "S250 a\r\n550 b\r\n250 c\r\n");
    SMTP_PLAY(&one, 669, 452, true, GROUP1, "S250 a\r\n250 b\r\n452 c\r\n");
    SMTP_PLAY(&any, 0, 0, true, GROUPANY, "S250 a\r\n550 b\r\n250 c\r\n250 queued\r\n");
    SMTP_PLAY(&any, 678, 550, true, GROUPANY, "S250 a\r\n550 b\r\n450 c\r\n554 d\r\n");
}

static void test_refused_before_bdat(void **state)
{
    (void)state;
    SMTP_PLAY(&two, 678, 550, true, GROUP2, "S250 a\r\n250 b\r\n550 c\r\n");
    SMTP_PLAY(&two, 678, 550, true, GROUP2, "S250 a\r\n550 b\r\n250 c\r\n");
}

static void test_refused_after_it(void **state)
{
    (void)state;
    SMTP_PLAY(&one, 682, 554, true, TO_BDAT, "S554 no\r\n");
    SMTP_PLAY(&one, 666, 421, false, TO_BDAT, "S421 bye\r\n");
    SMTP_PLAY(&one, 660, 0, false, TO_BDAT, "S354 go\r\n");
}

/* ---- Before its last octet has left, nobody can have taken the message. ---- */

static void to_chunk(void)
{
    static const smtp_script script[] = {CHUNKING, SMTP_MAIL, SMTP_RCPT, "S250 ok\r\n", NULL};
    static struct smtp_setup setup;
    setup = one;
    setup.hold_body = true;
    smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 0, 64});
    smtp_peer_steps(&peer, script);
    smtp_peer_step(&peer, "C" BDAT);
    assert_int_equal(peer.smtp.state, PM__SMTP_CHUNK);
}

static void test_replies_before_the_end(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        uint16_t error, code;
    } cases[] = {
        {"S250 queued\r\n", 660, 0}, {"S552 large\r\n", 680, 552}, {"S421 x\r\n", 666, 421}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        to_chunk();
        smtp_peer_step(&peer, cases[i].reply);
        assert_int_equal(peer.done, 1);
        assert_int_equal(peer.result.error, cases[i].error);
        assert_int_equal(peer.result.code, cases[i].code);
        assert_false(peer.result.graceful);
        assert_false(pm_smtp_unknown(&peer.smtp));
    }
}

static void test_unknown_after_the_end(void **state)
{
    (void)state;
    static const smtp_script bdat[] = {TO_BDAT, NULL};
    static const smtp_script data[] = {SMTP_GREETING, SMTP_MAIL, SMTP_RCPT,
                                       SMTP_DATA,     SMTP_BODY, NULL};
    static const struct {
        const smtp_script *way;
        const char *end;
        uint16_t error;
        bool unknown;
    } cases[] = {
        {bdat, "X", 656, true},
        {data, "X", 656, true},
        {bdat, "T", 658, true},
        {data, "T", 658, true},
        {bdat, "Sgarbage\r\n", 660, true},
        {bdat, "S354 x\r\n", 660, true},
        {data, "S354 x\r\n", 660, true},
        {bdat, "S550 x\r\n", 678, false},
        {data, "S550 x\r\n", 678, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        smtp_peer_start(&peer, &one, (struct smtp_cut){0, 0, 0, 64});
        smtp_peer_steps(&peer, cases[i].way);
        smtp_peer_step(&peer, cases[i].end);
        assert_int_equal(peer.done, 1);
        assert_int_equal(peer.result.error, cases[i].error);
        assert_int_equal(pm_smtp_unknown(&peer.smtp), cases[i].unknown);
    }
}

/* A refusal that did not end the mail is not the word on a message given whole. */
static void test_closed_after_a_tolerated_refusal(void **state)
{
    (void)state;
    static const smtp_script amid[] = {GROUP2, "S250 a\r\n250 b\r\n550 c\r\n", NULL};
    static const smtp_script whole[] = {GROUPANY, "S250 a\r\n250 b\r\n550 c\r\n", NULL};
    smtp_peer_start(&peer, &any, (struct smtp_cut){0, 0, 0, 64});
    smtp_peer_steps(&peer, whole);
    smtp_peer_step(&peer, "X");
    assert_int_equal(peer.result.error, PM_MAIL_CLOSED);
    assert_int_equal(peer.result.code, 0);
    assert_true(pm_smtp_unknown(&peer.smtp));
    struct smtp_setup setup = any;
    setup.hold_body = true;
    setup.config.message_size = PM_SMTP_GROUP_SIZE + 1;
    smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 0, 64});
    smtp_peer_steps(&peer, amid);
    smtp_peer_step(&peer, "X");
    assert_int_equal(peer.result.error, PM_MAIL_CLOSED);
    assert_int_equal(peer.result.code, 550);
    assert_false(pm_smtp_unknown(&peer.smtp));
}

/* ---- Messages ---- */

/* Gives `message` in pieces of `piece` bytes into an output of `room`; returns what left. */
static size_t give(const char *message, size_t piece, size_t room, char *sent)
{
    size_t len = strlen(message);
    size_t made = 0;
    for (size_t at = 0; at < len;) {
        size_t used = 0;
        size_t n =
            pm_smtp_body(&peer.smtp, (const uint8_t *)message + at,
                         piece < len - at ? piece : len - at, &used, (uint8_t *)sent + made, room);
        assert_true(n <= room && used + n > 0);
        at += used;
        made += n;
    }
    sent[made] = '\0';
    return made;
}

static void try_message(const char *message, const char *expected)
{
    for (size_t piece = 1; piece <= strlen(message); piece++) {
        for (size_t room = 1; room < 5; room++) {
            char sent[128];
            const uint8_t *last = NULL;
            struct pm_smtp_event event;
            to_chunk();
            size_t n = give(message, piece, room, sent);
            assert_true(n < sizeof MESSAGE - 1);
            pm_smtp_body_end(&peer.smtp, peer.now);
            if (expected == NULL) {
                assert_int_equal(pm_smtp_next_event(&peer.smtp, &event, 0), PM_SMTP_EV_DONE);
                assert_int_equal(event.error, 660);
                assert_false(event.graceful);
                continue;
            }
            assert_int_equal(pm_smtp_output(&peer.smtp, &last), 1);
            sent[n] = (char)last[0];
            assert_memory_equal(sent, expected, n + 1);
            assert_int_equal(n + 1, strlen(expected));
        }
    }
}

static void test_messages(void **state)
{
    (void)state;
    try_message(MESSAGE, MESSAGE);
    /* Dots stay as they are; line ends are completed, and counted so. */
    try_message(".\r\n..\r\n.\r\nabcdefghi\r\n", ".\r\n..\r\n.\r\nabcdefghi\r\n");
    try_message("a\nb\rc\r\n\n\nabcdef\r\n", "a\r\nb\r\nc\r\n\r\n\r\nabcdef\r\n");
    try_message("01234567890123456789\r", NULL);
    try_message("0123456789012345678\n", "0123456789012345678\r\n");
    try_message("0123456789012345678\r", "0123456789012345678\r\n");
    try_message("012345678901234567\r\n", NULL);   /* one less */
    try_message("01234567890123456789\r\n", NULL); /* one more */
    try_message(MESSAGE "and more\r\n", NULL);
    try_message("012345678901234567890", NULL);
    try_message("x", NULL);
}

/* A message that was given short is never completed, even by an owner that does not look. */
static void test_nothing_leaves_after_a_bad_end(void **state)
{
    (void)state;
    char sent[64];
    const uint8_t *out = NULL;
    to_chunk();
    (void)give("short\r\n", 7, 64, sent);
    pm_smtp_body_end(&peer.smtp, peer.now);
    pm_smtp_body_end(&peer.smtp, peer.now);
    assert_int_equal(give("", 1, 64, sent), 0);
    assert_int_equal(pm_smtp_output(&peer.smtp, &out), 0);
}

/* Commands leave first: no octet of the message goes before them. */
static void test_commands_leave_first(void **state)
{
    (void)state;
    static struct smtp_setup setup;
    setup = one;
    setup.hold_body = true;
    struct pm_smtp_event event;
    uint8_t out[64];
    const uint8_t *commands = NULL;
    size_t used = 0;
    smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 0, 64});
    smtp_peer_step(&peer, "S220 mx\r\n");
    pm_smtp_input(&peer.smtp, (const uint8_t *)"250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n", 38,
                  0);
    while (pm_smtp_next_event(&peer.smtp, &event, 0) != PM_SMTP_EV_BODY) {
        assert_int_not_equal(event.kind, PM_SMTP_EV_NONE);
        if (event.kind == PM_SMTP_EV_RECIPIENT) {
            pm_smtp_recipient(&peer.smtp, smtp_text("r0@example.net"));
        }
    }
    size_t len = pm_smtp_output(&peer.smtp, &commands);
    pm_smtp_output_ack(&peer.smtp, len - 1, 0);
    assert_int_equal(pm_smtp_body(&peer.smtp, (const uint8_t *)"S", 1, &used, out, sizeof out), 0);
    assert_int_equal(used, 0);
    pm_smtp_output_ack(&peer.smtp, 1, 0);
    assert_int_equal(pm_smtp_body(&peer.smtp, (const uint8_t *)"S", 1, &used, out, sizeof out), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_group),
        cmocka_unit_test(test_lock_step),
        cmocka_unit_test(test_two_recipients_wait),
        cmocka_unit_test(test_size_decides),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_forgotten_with_tls),
        cmocka_unit_test(test_refused_in_the_group),
        cmocka_unit_test(test_refused_before_bdat),
        cmocka_unit_test(test_refused_after_it),
        cmocka_unit_test(test_replies_before_the_end),
        cmocka_unit_test(test_unknown_after_the_end),
        cmocka_unit_test(test_closed_after_a_tolerated_refusal),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_nothing_leaves_after_a_bad_end),
        cmocka_unit_test(test_commands_leave_first),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
