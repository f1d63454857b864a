/* SPDX-License-Identifier: MIT */
/* The session as a whole: greeting, STARTTLS, lost connections, silence, replies out of place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "postmodem/error.h"
#include "smtp_peer.h"

static const struct smtp_cut whole = {0, 0, 0, 256};
static struct smtp_peer peer;

static void play_default(const smtp_script *script, uint16_t error, uint16_t code, bool graceful)
{
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    smtp_play(&setup, script, error, code, graceful);
}

#define PLAY(error, code, graceful, ...)                          \
    do {                                                          \
        static const smtp_script script_[] = {__VA_ARGS__, NULL}; \
        play_default(script_, (error), (code), (graceful));       \
    } while (0)

/* ---- A mail ---- */

static void test_lock_step_mail(void **state)
{
    (void)state;
    static const smtp_script script[] = {SMTP_GREETING, SMTP_REST, NULL};
    play_default(script, 0, 0, true);
    /* With the connection's own round trip: 7. */
    assert_int_equal(smtp_trips(script), 6);
}

static void test_replies_of_every_shape(void **state)
{
    (void)state;
    PLAY(0, 0, true, "S220-hello\r\n220-this is\r\n220 mx\r\n", "CEHLO me.example\r\n",
         "S250-mx\n250-SIZE\n250\n", SMTP_MAIL, "S250\r\n", "CRCPT TO:<r0@example.net>\r\n",
         "S251 \r\n", "CDATA\r\n", "S354-a\r\n354-\r\n354\n", "CSubject: x\r\n\r\nhello\r\n.\r\n",
         "S250-2.0.0 queued\r\n250 2.0.0 as 17\r\n");
    PLAY(0, 0, true, "S220 mx\r\n", "CEHLO me.example\r\n", "S250-mx\r\n250 \r\n", SMTP_REST);
    PLAY(0, 0, true, "S220 mx\r\n", "CEHLO me.example\r\n", "S250-mx\r\n250-8bitmime\r\n250 \r\n",
         SMTP_REST);
}

static void test_every_event_is_told(void **state)
{
    (void)state;
    static const smtp_script script[] = {"S220-one\r\n220 t\001wo\r\n", "CEHLO me.example\r\n",
                                         "S250 mx\r\n", SMTP_REST, NULL};
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    smtp_peer_start(&peer, &setup, whole);
    smtp_peer_steps(&peer, script);
    assert_string_equal(peer.log, "reply 220-one\nreply 220 t?wo\nsent EHLO me.example\n"
                                  "reply 250 mx\nsent MAIL FROM:<from@example.com>\n"
                                  "reply 250 sender ok\nsent RCPT TO:<r0@example.net>\n"
                                  "reply 250 recipient ok\nsent DATA\n"
                                  "reply 354 go ahead\nbody \nsent .\n"
                                  "reply 250 queued\nsent QUIT\ndone 0 0\n");
}

/* ---- Greeting ---- */

static void test_banner_refuses(void **state)
{
    (void)state;
    PLAY(682, 554, true, "S554 no service\r\n");
    PLAY(667, 450, true, "S450 later\r\n");
    PLAY(666, 421, false, "S421 busy\r\n");
    PLAY(675, 521, true, "S521 not here\r\n");
    PLAY(660, 555, true, "S555-a\r\n555 b\r\n");
    PLAY(660, 0, false, "S354 what\r\n");
}

static void test_helo_when_ehlo_is_refused(void **state)
{
    (void)state;
    PLAY(0, 0, true, SMTP_BANNER, "S502 what\r\n", "CHELO me.example\r\n", "S250 mx\r\n",
         SMTP_REST);
    PLAY(0, 0, true, SMTP_BANNER, "S500-a\r\n500 b\r\n", "CHELO me.example\r\n",
         "S250-mx\r\n250 PIPELINING\r\n", SMTP_REST);
    PLAY(678, 550, true, SMTP_BANNER, "S500 what\r\n", "CHELO me.example\r\n", "S550 no\r\n");
    PLAY(668, 451, true, SMTP_BANNER, "S502 what\r\n", "CHELO me.example\r\n", "S451 no\r\n");
}

static void test_ehlo_fails_for_now(void **state)
{
    (void)state;
    PLAY(668, 451, true, SMTP_BANNER, "S451 later\r\n");
    PLAY(666, 421, false, SMTP_BANNER, "S421 later\r\n");
    PLAY(660, 0, false, SMTP_BANNER, "S334 later\r\n");
}

/* ---- STARTTLS ---- */

static void setup_starttls(struct smtp_setup *setup)
{
    smtp_setup_auth(setup, false);
    setup->config.starttls = true;
}

#define OFFER "S250-mx\r\n250-STARTTLS\r\n250 AUTH PLAIN CRAM-MD5\r\n", "CSTARTTLS\r\n"

static void test_starttls_mail(void **state)
{
    (void)state;
    static const smtp_script script[] = {SMTP_BANNER,
                                         "S250-mx\r\n250-PIPELINING\r\n250 starttls\r\n",
                                         "CSTARTTLS\r\n",
                                         "S220 go\r\n",
                                         "C<TLS>EHLO me.example\r\n",
                                         "S250 mx\r\n",
                                         SMTP_REST,
                                         NULL};
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    setup.config.starttls = true;
    smtp_play(&setup, script, 0, 0, true);
    /* With connection and TLS 1.3: 10. */
    assert_int_equal(smtp_trips(script), 8);
}

/* S5: PIPELINING, SIZE and AUTH of before the handshake are forgotten. */
static void test_starttls_forgets(void **state)
{
    (void)state;
    struct smtp_setup setup;
    setup_starttls(&setup);
    setup.config.message_size = 1000;
    SMTP_PLAY(&setup, 0, 0, true, SMTP_BANNER,
              "S250-mx\r\n250-PIPELINING\r\n250-SIZE 10\r\n250-AUTH PLAIN\r\n250 StartTLS\r\n",
              "CSTARTTLS\r\n", "S220 go\r\n", "C<TLS>EHLO me.example\r\n", "S250 mx\r\n",
              SMTP_REST);
    /* The same if the second EHLO is refused. */
    SMTP_PLAY(&setup, 0, 0, true, SMTP_BANNER,
              "S250-mx\r\n250-PIPELINING\r\n250-SIZE 10\r\n250-AUTH PLAIN\r\n250 StartTLS\r\n",
              "CSTARTTLS\r\n", "S220 go\r\n", "C<TLS>EHLO me.example\r\n", "S502 no\r\n",
              "CHELO me.example\r\n", "S250 mx\r\n", SMTP_REST);
    SMTP_PLAY(&setup, 656, 0, false, SMTP_BANNER, OFFER, "S220 go\r\n", "C<TLS>EHLO me.example\r\n",
              "X");
}

/* Not even the text of the last reply stays. */
static void test_starttls_leaves_no_text(void **state)
{
    (void)state;
    static const struct pm_smtp_reply none;
    struct smtp_setup setup;
    setup_starttls(&setup);
    smtp_peer_start(&peer, &setup, whole);
    smtp_peer_steps(&peer, (const smtp_script[]){SMTP_BANNER, OFFER, "S220 go\r\n", NULL});
    assert_string_equal(pm_smtp_state_name(&peer.smtp), "ehlo");
    assert_memory_equal(&peer.smtp.reply, &none, sizeof none);
}

/* S1, and HELO has no extensions at all. */
static void test_starttls_not_offered(void **state)
{
    (void)state;
    struct smtp_setup setup;
    setup_starttls(&setup);
    SMTP_PLAY(&setup, 665, 0, true, SMTP_BANNER, "S250-mx\r\n250 AUTH PLAIN LOGIN\r\n");
    SMTP_PLAY(&setup, 665, 0, true, SMTP_BANNER, "S250 STARTTLS\r\n");
    SMTP_PLAY(&setup, 665, 0, true, SMTP_BANNER, "S500 no\r\n", "CHELO me.example\r\n",
              "S250-mx\r\n250 STARTTLS\r\n");
}

/* S2 */
static void test_starttls_refused(void **state)
{
    (void)state;
    struct smtp_setup setup;
    setup_starttls(&setup);
    SMTP_PLAY(&setup, 665, 454, true, SMTP_BANNER, OFFER, "S454 no\r\n");
    SMTP_PLAY(&setup, 665, 500, true, SMTP_BANNER, OFFER, "S500 no\r\n");
    SMTP_PLAY(&setup, 665, 502, true, SMTP_BANNER, OFFER, "S502 no\r\n");
    SMTP_PLAY(&setup, 665, 530, true, SMTP_BANNER, OFFER, "S530-no\r\n530 no\r\n");
    SMTP_PLAY(&setup, 665, 421, false, SMTP_BANNER, OFFER, "S421 no\r\n");
    SMTP_PLAY(&setup, 665, 454, true, SMTP_BANNER, OFFER, "S454 no\r\n");
    SMTP_PLAY(&setup, 665, 0, false, SMTP_BANNER, OFFER, "S334 no\r\n");
}

/* S3, S4, S6, S8: whatever follows the 220 in clear fails the session. */
static void test_starttls_injection(void **state)
{
    (void)state;
    struct smtp_setup setup;
    setup_starttls(&setup);
    setup.hold_tls = true;
    SMTP_PLAY(&setup, 665, 0, false, SMTP_BANNER, OFFER, "S220 go\r\n", "C<TLS>",
              "S250-mx\r\n250 AUTH LOGIN\r\n");
    SMTP_PLAY(&setup, 665, 0, false, SMTP_BANNER, OFFER, "S220 go\r\n", "C<TLS>", "S2");
    SMTP_PLAY(&setup, 665, 0, false, SMTP_BANNER, OFFER, "S220 go\r\n", "C<TLS>", "S421 no\r\n");
    SMTP_PLAY(&setup, 665, 0, false, SMTP_BANNER, OFFER, "S220 go\r\n", "C<TLS>", "X");
}

/* In one segment the handshake is not even asked for, wherever the segment is cut. */
static void test_starttls_injection_in_one_segment(void **state)
{
    (void)state;
    static const char *const tails[] = {"250-mx\r\n250 AUTH LOGIN\r\n", "2", "\r\n", "454 no\r\n"};
    static const smtp_script script[] = {SMTP_BANNER, OFFER, NULL};
    struct smtp_setup setup;
    setup_starttls(&setup);
    setup.hold_tls = true;
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        for (size_t piece = 0; piece < 3; piece++) {
            char segment[64];
            (void)snprintf(segment, sizeof segment, "S220 go\r\n%s", tails[i]);
            smtp_peer_start(&peer, &setup, (struct smtp_cut){piece, 0, 0, 64});
            smtp_peer_steps(&peer, script);
            smtp_peer_step(&peer, segment);
            assert_int_equal(peer.done, 1);
            assert_int_equal(peer.result.error, PM_MAIL_SSL);
            assert_int_equal(peer.result.code, 0);
            assert_false(peer.result.graceful);
            assert_true(piece != 0 || !smtp_peer_logged(&peer, "starttls \n"));
        }
    }
}

/* S7 */
static void test_starttls_multi_line_220(void **state)
{
    (void)state;
    struct smtp_setup setup;
    setup_starttls(&setup);
    SMTP_PLAY(&setup, 0, 0, true, SMTP_BANNER, OFFER, "S220-go\r\n220-now\r\n220\r\n",
              "C<TLS>EHLO me.example\r\n", "S250 mx\r\n", SMTP_REST);
}

/* The handshake and HMAC are bounded by the owner alone. */
static void test_handshake_has_no_deadline(void **state)
{
    (void)state;
    static const smtp_script script[] = {SMTP_BANNER, OFFER, "S220 go\r\n", NULL};
    struct smtp_setup setup;
    setup_starttls(&setup);
    setup.hold_tls = true;
    smtp_peer_start(&peer, &setup, whole);
    smtp_peer_steps(&peer, script);
    assert_string_equal(pm_smtp_state_name(&peer.smtp), "handshake");
    assert_true(pm_smtp_deadline(&peer.smtp) == PM_NEVER);
}

static void test_tls_from_the_start(void **state)
{
    (void)state;
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    setup.config.tls = true;
    setup.config.starttls = true;
    SMTP_PLAY(&setup, 0, 0, true, SMTP_BANNER, "S250-mx\r\n250 STARTTLS\r\n", SMTP_REST);
}

/* ---- Lost connections (SD31, SD54) ---- */

static void test_closed(void **state)
{
    (void)state;
    PLAY(656, 0, false, "X");
    PLAY(656, 0, false, "S220-mx\r\n22", "X");
    PLAY(656, 0, false, SMTP_BANNER, "X");
    PLAY(656, 502, false, SMTP_BANNER, "S502 no\r\n", "CHELO me.example\r\n", "X");
    PLAY(656, 0, false, SMTP_GREETING, SMTP_MAIL, "X");
    PLAY(656, 0, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, "X");
    PLAY(656, 0, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, "X");
    PLAY(656, 0, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, SMTP_BODY, "X");
}

static void test_closed_in_the_body(void **state)
{
    (void)state;
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    setup.hold_body = true;
    SMTP_PLAY(&setup, 656, 0, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, "S354 go\r\n",
              "X");
}

/* The reply and the close may both be waiting when the owner looks. */
static void test_reply_before_close_decides(void **state)
{
    (void)state;
    static const char *const replies[] = {"421 busy\r\n", "554 nono\r\n"};
    for (size_t i = 0; i < 2; i++) {
        struct smtp_setup setup;
        struct pm_smtp_event event;
        smtp_setup_default(&setup);
        smtp_peer_start(&peer, &setup, whole);
        pm_smtp_input(&peer.smtp, (const uint8_t *)replies[i], 10, peer.now);
        pm_smtp_closed(&peer.smtp, peer.now);
        assert_int_equal(pm_smtp_next_event(&peer.smtp, &event, peer.now), PM_SMTP_EV_REPLY);
        assert_int_equal(pm_smtp_next_event(&peer.smtp, &event, peer.now), PM_SMTP_EV_DONE);
        assert_int_equal(event.error, i == 0 ? PM_MAIL_SERVICE : PM_MAIL_TRANSACTION);
        assert_int_equal(event.code, i == 0 ? 421 : 554);
        assert_false(event.graceful);
        assert_int_equal(pm_smtp_next_event(&peer.smtp, &event, peer.now), PM_SMTP_EV_NONE);
    }
}

static void test_unasked_input_is_not_lost(void **state)
{
    (void)state;
    struct smtp_setup setup;
    struct pm_smtp_event event;
    smtp_setup_default(&setup);
    pm_smtp_init(&peer.smtp, &setup.config, 0);
    pm_smtp_input(&peer.smtp, (const uint8_t *)"220-mx\r\n220", 11, 0);
    pm_smtp_input(&peer.smtp, (const uint8_t *)" mx\r\n", 5, 0);
    assert_int_equal(pm_smtp_next_event(&peer.smtp, &event, 0), PM_SMTP_EV_REPLY);
    assert_memory_equal(event.data.ptr, "220 mx", 6);
    assert_int_equal(pm_smtp_next_event(&peer.smtp, &event, 0), PM_SMTP_EV_SENT);
}

/* ---- Silence (RFC 5321 4.5.3.2) ---- */

static void test_silence(void **state)
{
    (void)state;
    PLAY(658, 0, false, "T");
    PLAY(658, 0, false, SMTP_BANNER, "S250-mx\r\n", "T");
    PLAY(658, 0, false, SMTP_BANNER, "S500 no\r\n", "CHELO me.example\r\n", "T");
    PLAY(658, 0, false, SMTP_GREETING, SMTP_MAIL, "T");
    PLAY(658, 0, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, "T");
    PLAY(658, 0, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, "T");
    PLAY(658, 0, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, SMTP_BODY, "T");
}

static uint64_t wait_after(const char *step)
{
    smtp_peer_step(&peer, step);
    return pm_smtp_deadline(&peer.smtp) - peer.now;
}

static void test_waits_are_those_of_rfc_5321(void **state)
{
    (void)state;
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    setup.hold_body = true;
    smtp_peer_start(&peer, &setup, whole);
    assert_int_equal(pm_smtp_deadline(&peer.smtp) - peer.now, 300000);
    peer.now += 5000;
    assert_int_equal(wait_after("S220 mx\r\n"), 300000);
    assert_int_equal(wait_after("S250 mx\r\n"), 300000);
    assert_int_equal(wait_after("S250 mx\r\n"), 300000);
    assert_int_equal(wait_after("S250 mx\r\n"), 120000);
    assert_int_equal(wait_after("S354 mx\r\n"), 180000);
    peer.now += 170000;
    pm_smtp_body_progress(&peer.smtp, peer.now);
    assert_int_equal(pm_smtp_deadline(&peer.smtp) - peer.now, 180000);
    assert_int_equal(wait_after("B"), 600000);
    assert_true(pm_smtp_deadline(&peer.smtp) != PM_NEVER);
    (void)wait_after("S250 mx\r\n");
    assert_true(pm_smtp_deadline(&peer.smtp) == PM_NEVER);
}

/* A wait begins when the command has left, not when it was built. */
static void test_wait_begins_when_the_command_leaves(void **state)
{
    (void)state;
    struct smtp_setup setup;
    struct pm_smtp_event event;
    const uint8_t *data;
    smtp_setup_default(&setup);
    pm_smtp_init(&peer.smtp, &setup.config, 1000);
    pm_smtp_input(&peer.smtp, (const uint8_t *)"220 mx\r\n", 8, 1000);
    while (pm_smtp_next_event(&peer.smtp, &event, 1000) != PM_SMTP_EV_NONE) {
        assert_int_not_equal(event.kind, PM_SMTP_EV_DONE);
    }
    pm_smtp_output_ack(&peer.smtp, 0, 200000);
    assert_int_equal(pm_smtp_deadline(&peer.smtp), 301000);
    pm_smtp_output_ack(&peer.smtp, pm_smtp_output(&peer.smtp, &data), 200000);
    assert_int_equal(pm_smtp_deadline(&peer.smtp), 500000);
}

static void test_blocked_body_times_out(void **state)
{
    (void)state;
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    setup.hold_body = true;
    SMTP_PLAY(&setup, 658, 0, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, "S354 go\r\n",
              "T");
}

/* ---- Replies out of place ---- */

static void test_reply_nobody_asked_for(void **state)
{
    (void)state;
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    setup.hold_body = true;
    SMTP_PLAY(&setup, 660, 0, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, "S354 go\r\n",
              "S250 done?\r\n");
    SMTP_PLAY(&setup, 666, 421, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA,
              "S354 go\r\n", "S421-bye\r\n421 bye\r\n");
    SMTP_PLAY(&setup, 668, 451, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA,
              "S354 go\r\n", "S451 no\r\n");
    SMTP_PLAY(&setup, 680, 552, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA,
              "S354 go\r\n", "S552 too much\r\n");
    SMTP_PLAY(&setup, 660, 0, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, "S354 go\r\n",
              "S\r\n");
    /* Half a reply that came early poisons the next one. */
    SMTP_PLAY(&setup, 678, 550, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA,
              "S354 go\r\n", "S55", "B", "CSubject: x\r\n\r\nhello\r\n.\r\n", "S0 no\r\n");
    SMTP_PLAY(&setup, 660, 0, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, "S354 go\r\n",
              "S55", "B", "CSubject: x\r\n\r\nhello\r\n.\r\n", "S250 ok\r\n");
}

/* A reply in the segment of the one before, to a command that has not left. */
static void test_reply_before_its_command(void **state)
{
    (void)state;
    PLAY(660, 0, false, "S220 mx\r\n250 mx\r\n");
    PLAY(660, 0, false, SMTP_BANNER, "S250 mx\r\n250 ok\r\n");
    PLAY(660, 0, false, SMTP_GREETING, SMTP_MAIL, "S250 ok\r\n2");
    PLAY(678, 550, false, SMTP_GREETING, SMTP_MAIL, "S250 ok\r\n550 ok\r\n");
    PLAY(666, 421, false, SMTP_BANNER, "S250 mx\r\n421 bye\r\n");
}

/* The body is asked for only when nothing else has come with the 354. */
static void test_reply_before_the_body(void **state)
{
    (void)state;
    static const smtp_script script[] = {SMTP_GREETING,           SMTP_MAIL, SMTP_RCPT, SMTP_DATA,
                                         "S354 go\r\n250 ok\r\n", NULL};
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    for (size_t piece = 0; piece < 3; piece++) {
        smtp_peer_start(&peer, &setup, (struct smtp_cut){piece, 0, 0, 64});
        smtp_peer_steps(&peer, script);
        smtp_peer_step(&peer, "C");
        assert_int_equal(peer.done, 1);
        assert_int_equal(peer.result.error, PM_MAIL_SEND);
        assert_int_equal(smtp_peer_logged(&peer, "body"), piece != 0);
    }
}

static void test_positive_reply_of_the_wrong_kind(void **state)
{
    (void)state;
    PLAY(660, 0, false, SMTP_BANNER, "S354 go\r\n");
    PLAY(660, 0, false, SMTP_BANNER, "S500 no\r\n", "CHELO me.example\r\n", "S354 go\r\n");
    PLAY(660, 0, false, SMTP_GREETING, SMTP_MAIL, "S354 go\r\n");
    PLAY(660, 0, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, "S354 go\r\n");
    PLAY(660, 0, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, "S250 go\r\n");
    PLAY(660, 0, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, SMTP_BODY, "S354 go\r\n");
}

static void test_421_at_any_time(void **state)
{
    (void)state;
    PLAY(666, 421, false, SMTP_GREETING, SMTP_MAIL, "S421 bye\r\n");
    PLAY(666, 421, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, "S421-bye\r\n421 bye\r\n");
    PLAY(666, 421, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, "S421 bye\r\n");
    PLAY(666, 421, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, SMTP_BODY,
         "S421 bye\r\n");
}

static void test_no_reply_at_all(void **state)
{
    (void)state;
    PLAY(660, 0, false, "SSSH-2.0-x\r\n");
    PLAY(660, 0, false, "S\r\n");
    PLAY(660, 0, false, "S22\r\n");
    PLAY(660, 0, false, "S220_mx\r\n");
    PLAY(660, 0, false, "S199 mx\r\n");
    PLAY(660, 0, false, "S600 mx\r\n");
    PLAY(660, 0, false, "S099 mx\r\n");
    PLAY(660, 0, false, "S2 20 mx\r\n");
    PLAY(660, 0, false, "S220-mx\r\n250 mx\r\n");
    PLAY(660, 0, false, SMTP_GREETING, SMTP_MAIL, "S250-mx\r\n550 mx\r\n");
}

static void test_flood(void **state)
{
    (void)state;
    static const uint8_t zeros[65536];
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    smtp_peer_start(&peer, &setup, whole);
    for (unsigned i = 0; i < 160; i++) {
        smtp_peer_feed(&peer, zeros, sizeof zeros);
    }
    assert_int_equal(peer.done, 1);
    assert_int_equal(peer.result.error, PM_MAIL_SEND);
    smtp_peer_start(&peer, &setup, whole);
    for (unsigned i = 0; i < 1001; i++) {
        assert_int_equal(peer.done, 0);
        smtp_peer_step(&peer, "S220-x\r\n");
    }
    assert_int_equal(peer.done, 1);
    assert_int_equal(peer.result.error, PM_MAIL_SEND);
}

/* ---- Parameters ---- */

static void expect_parameter_error(const struct smtp_setup *setup)
{
    smtp_peer_start(&peer, setup, whole);
    assert_int_equal(peer.done, 1);
    assert_int_equal(peer.result.error, PM_MAIL_PARAMETER);
    assert_int_equal(peer.result.code, 0);
    assert_false(peer.result.graceful);
    assert_int_equal(peer.sent_len, 0);
}

static void test_ehlo_names(void **state)
{
    (void)state;
    static const char *const names[] = {"",     "a b",  "a\r\nb",    "a\n",
                                        "\x7f", "a\tb", "m\xc3\xa4", "a\rMAIL FROM:<x@y>"};
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        setup.config.ehlo_name = smtp_text(names[i]);
        expect_parameter_error(&setup);
    }
    setup.config.ehlo_name = (struct pm_slice){(const uint8_t *)"a\0b", 3};
    expect_parameter_error(&setup);
    setup.config.ehlo_name = smtp_text("[IPv6:::1]");
    SMTP_PLAY(&setup, 656, 0, false, "S220 mx\r\n", "CEHLO [IPv6:::1]\r\n", "X");
}

static void test_addresses_that_would_inject(void **state)
{
    (void)state;
    static const char *const bad[] = {"x",
                                      "a@b> NOTIFY=NEVER",
                                      "a@b\r\nDATA",
                                      "a b@c",
                                      "<a@b>",
                                      "a@b>",
                                      "\"x> y\"@b",
                                      "a@b\n",
                                      "a@",
                                      "@b",
                                      "a@b\x7f",
                                      "\"x@a> ORCPT=y\"@b",
                                      ("a@\xc2\x85"
                                       "b"),
                                      "a@b\xe2\x80\xa8"};
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        static const smtp_script to_rcpt[] = {SMTP_GREETING, SMTP_MAIL, "S250 ok\r\n", NULL};
        smtp_setup_default(&setup);
        setup.config.sender = smtp_text(bad[i]);
        expect_parameter_error(&setup);
        smtp_setup_default(&setup);
        setup.recipients = &bad[i];
        smtp_peer_start(&peer, &setup, whole);
        smtp_peer_steps(&peer, to_rcpt);
        assert_int_equal(peer.done, 1);
        assert_int_equal(peer.result.error, PM_MAIL_PARAMETER);
        assert_true(peer.result.graceful);
        smtp_peer_step(&peer, "CQUIT\r\n");
    }
}

static void test_other_parameters(void **state)
{
    (void)state;
    static uint8_t big[PM_SMTP_OUT_SIZE];
    struct smtp_setup setup;
    memset(big, 'a', sizeof big);
    smtp_setup_default(&setup);
    setup.config.recipients = 0;
    expect_parameter_error(&setup);
    smtp_setup_auth(&setup, true);
    setup.config.username = (struct pm_slice){(const uint8_t *)"a\0b", 3};
    expect_parameter_error(&setup);
    smtp_setup_auth(&setup, true);
    setup.config.password = (struct pm_slice){(const uint8_t *)"a\0b", 3};
    expect_parameter_error(&setup);
    setup.config.password = (struct pm_slice){big, sizeof big};
    expect_parameter_error(&setup);
    smtp_setup_default(&setup);
    setup.config.sender = smtp_text("");
    SMTP_PLAY(&setup, 656, 0, false, SMTP_GREETING, "CMAIL FROM:<>\r\n", "X");
}

static void test_wipe(void **state)
{
    (void)state;
    static const smtp_script script[] = {"S220 mx\r\n", "CEHLO me.example\r\n",
                                         "S250-mx\r\n250 AUTH PLAIN\r\n", NULL};
    static const struct pm_smtp zero;
    struct smtp_setup setup;
    smtp_setup_auth(&setup, true);
    smtp_peer_start(&peer, &setup, whole);
    smtp_peer_steps(&peer, script);
    pm_smtp_wipe(&peer.smtp);
    assert_memory_equal(&peer.smtp, &zero, sizeof zero);
    smtp_peer_step(&peer, "S235 ok\r\n");
    assert_int_equal(peer.done, 0);
    assert_string_equal(pm_smtp_state_name(&peer.smtp), "idle");
    assert_true(pm_smtp_deadline(&peer.smtp) == PM_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lock_step_mail),
        cmocka_unit_test(test_replies_of_every_shape),
        cmocka_unit_test(test_every_event_is_told),
        cmocka_unit_test(test_banner_refuses),
        cmocka_unit_test(test_helo_when_ehlo_is_refused),
        cmocka_unit_test(test_ehlo_fails_for_now),
        cmocka_unit_test(test_starttls_mail),
        cmocka_unit_test(test_starttls_forgets),
        cmocka_unit_test(test_starttls_leaves_no_text),
        cmocka_unit_test(test_starttls_not_offered),
        cmocka_unit_test(test_starttls_refused),
        cmocka_unit_test(test_starttls_injection),
        cmocka_unit_test(test_starttls_injection_in_one_segment),
        cmocka_unit_test(test_starttls_multi_line_220),
        cmocka_unit_test(test_handshake_has_no_deadline),
        cmocka_unit_test(test_tls_from_the_start),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_closed_in_the_body),
        cmocka_unit_test(test_reply_before_close_decides),
        cmocka_unit_test(test_unasked_input_is_not_lost),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_waits_are_those_of_rfc_5321),
        cmocka_unit_test(test_wait_begins_when_the_command_leaves),
        cmocka_unit_test(test_blocked_body_times_out),
        cmocka_unit_test(test_reply_nobody_asked_for),
        cmocka_unit_test(test_reply_before_its_command),
        cmocka_unit_test(test_reply_before_the_body),
        cmocka_unit_test(test_positive_reply_of_the_wrong_kind),
        cmocka_unit_test(test_421_at_any_time),
        cmocka_unit_test(test_no_reply_at_all),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_ehlo_names),
        cmocka_unit_test(test_addresses_that_would_inject),
        cmocka_unit_test(test_other_parameters),
        cmocka_unit_test(test_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
