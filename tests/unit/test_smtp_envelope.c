/* SPDX-License-Identifier: MIT */
/* MAIL, RCPT and DATA: in lock step and pipelined, refusals by SD35, SIZE, large groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "postmodem/error.h"
#include "smtp_peer.h"

#define PIPE   SMTP_BANNER, "S250-mx\r\n250 PIPELINING\r\n"
#define RCPT0  "RCPT TO:<r0@example.net>\r\n"
#define RCPT1  "RCPT TO:<r1@example.net>\r\n"
#define RCPT2  "RCPT TO:<r2@example.net>\r\n"
#define GROUP1 PIPE, SMTP_MAIL RCPT0 "DATA\r\n"
#define GROUP3 PIPE, SMTP_MAIL RCPT0 RCPT1 RCPT2 "DATA\r\n"
#define BODY   "CSubject: x\r\n\r\nhello\r\n.\r\n"

static const struct smtp_cut whole = {0, 0, 0, 256};
static struct smtp_setup all_setup; /* three recipients */
static struct smtp_setup any_setup;
static struct smtp_peer peer;

static int set_up(void **state)
{
    (void)state;
    smtp_setup_default(&all_setup);
    all_setup.config.recipients = 3;
    any_setup = all_setup;
    any_setup.config.any_recipient = true;
    return 0;
}

/* ---- Round trips ---- */

static void test_pipelined_mail(void **state)
{
    (void)state;
    static const smtp_script script[] = {GROUP1, "S250 a\r\n250 b\r\n354 c\r\n", BODY,
                                         SMTP_DELIVERED, NULL};
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    smtp_play(&setup, script, 0, 0, true);
    /* With the connection's own round trip: 5. */
    assert_int_equal(smtp_trips(script), 4);
}

static void test_recipients_cost_no_round_trip(void **state)
{
    (void)state;
    static const smtp_script script[] = {GROUP3,
                                         "S250 a\r\n250-b\r\n250 b\r\n251 c\r\n252 d\r\n354 e\r\n",
                                         BODY, SMTP_DELIVERED, NULL};
    smtp_play(&all_setup, script, 0, 0, true);
    assert_int_equal(smtp_trips(script), 4);
    /* Replies one by one, as a slow server sends them. */
    SMTP_PLAY(&all_setup, 0, 0, true, GROUP3, "S250 a\r\n", "C", "S250 b\r\n", "C", "S250 c\r\n",
              "S250 d\r\n", "C", "S354 e\r\n", BODY, SMTP_DELIVERED);
}

static void test_starttls_auth_and_pipelining(void **state)
{
    (void)state;
    static const smtp_script script[] = {SMTP_BANNER,
                                         "S250-mx\r\n250 STARTTLS\r\n",
                                         "CSTARTTLS\r\n",
                                         "S220 go\r\n",
                                         "C<TLS>EHLO me.example\r\n",
                                         "S250-mx\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n",
                                         "CAUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n",
                                         "S235 ok\r\n",
                                         SMTP_MAIL RCPT0 "DATA\r\n",
                                         "S250 a\r\n250 b\r\n354 c\r\n",
                                         BODY,
                                         SMTP_DELIVERED,
                                         NULL};
    struct smtp_setup setup;
    smtp_setup_auth(&setup, false);
    setup.config.starttls = true;
    smtp_play(&setup, script, 0, 0, true);
    /* With TCP and TLS 1.3: 9. */
    assert_int_equal(smtp_trips(script), 7);
}

static void test_lock_step_asks_one_by_one(void **state)
{
    (void)state;
    SMTP_PLAY(&all_setup, 0, 0, true, SMTP_GREETING, SMTP_MAIL, "S250 ok\r\n", "C" RCPT0,
              "S250 ok\r\n", "C" RCPT1, "S251 ok\r\n", "C" RCPT2, "S252 ok\r\n", "CDATA\r\n",
              SMTP_BODY, SMTP_DELIVERED);
}

/* ---- recipients = all (SD35) ---- */

static void test_all_lock_step_refusals(void **state)
{
    (void)state;
    SMTP_PLAY(&all_setup, 678, 550, true, SMTP_GREETING, SMTP_MAIL, "S250 ok\r\n", "C" RCPT0,
              "S550 no\r\n");
    SMTP_PLAY(&all_setup, 667, 450, true, SMTP_GREETING, SMTP_MAIL, "S250 ok\r\n", "C" RCPT0,
              "S250 ok\r\n", "C" RCPT1, "S450 no\r\n");
    SMTP_PLAY(&all_setup, 669, 452, true, SMTP_GREETING, SMTP_MAIL, "S250 ok\r\n", "C" RCPT0,
              "S250 ok\r\n", "C" RCPT1, "S250 ok\r\n", "C" RCPT2, "S452-no\r\n452 no\r\n");
}

/* DATA refused too, as is right: QUIT. Each place of the refusal, and several of them. */
static void test_all_pipelined_refusals(void **state)
{
    (void)state;
    SMTP_PLAY(&all_setup, 678, 550, true, GROUP3,
              "S250 m\r\n550 no\r\n250 b\r\n250 c\r\n554 no\r\n");
    SMTP_PLAY(&all_setup, 678, 550, true, GROUP3,
              "S250 m\r\n250 a\r\n550 no\r\n450 c\r\n503 no\r\n");
    SMTP_PLAY(&all_setup, 667, 450, true, GROUP3,
              "S250 m\r\n250 a\r\n250 b\r\n450 no\r\n451 no\r\n");
    SMTP_PLAY(&all_setup, 681, 553, true, GROUP3,
              "S250 m\r\n553 a\r\n550 b\r\n450 no\r\n554 no\r\n");
}

/* 354 after a refusal: with somebody accepted a dot would deliver, so the line is dropped. */
static void test_all_never_completes_the_message(void **state)
{
    (void)state;
    SMTP_PLAY(&all_setup, 678, 550, false, GROUP3,
              "S250 m\r\n550 no\r\n250 b\r\n250 c\r\n354 go\r\n", "C");
    SMTP_PLAY(&all_setup, 678, 550, false, GROUP3,
              "S250 m\r\n250 a\r\n250 b\r\n550 c\r\n354 go\r\n", "C");
    SMTP_PLAY(&all_setup, 678, 550, true, GROUP3, "S250 m\r\n550 a\r\n551 b\r\n550 c\r\n354 go\r\n",
              "C.\r\n", "S554 nobody\r\n");
}

static void test_every_refusal_is_told(void **state)
{
    (void)state;
    static const smtp_script script[] = {GROUP3, "S250 m\r\n550-a\r\n550 b\r\n250 c\r\n451 d\r\n",
                                         NULL};
    smtp_peer_start(&peer, &all_setup, whole);
    smtp_peer_steps(&peer, script);
    assert_int_equal(peer.done, 0);
    assert_true(smtp_peer_logged(&peer, "reply 550-a\nreply 550 b\nrefused 0 550\nreply 250 c\n"
                                        "reply 451 d\nrefused 2 451\n"));
}

/* ---- recipients = any ---- */

static void test_any_delivers_to_the_rest(void **state)
{
    (void)state;
    SMTP_PLAY(&any_setup, 0, 0, true, SMTP_GREETING, SMTP_MAIL, "S250 ok\r\n", "C" RCPT0,
              "S550 no\r\n", "C" RCPT1, "S250 ok\r\n", "C" RCPT2, "S450 no\r\n", "CDATA\r\n",
              SMTP_BODY, SMTP_DELIVERED);
    SMTP_PLAY(&any_setup, 0, 0, true, GROUP3, "S250 m\r\n550 a\r\n450 b\r\n250 c\r\n354 go\r\n",
              BODY, SMTP_DELIVERED);
    SMTP_PLAY(&any_setup, 0, 0, true, GROUP3, "S250 m\r\n250 a\r\n450 b\r\n452 c\r\n354 go\r\n",
              BODY, SMTP_DELIVERED);
}

static void test_any_with_nobody_left(void **state)
{
    (void)state;
    SMTP_PLAY(&any_setup, 667, 450, true, SMTP_GREETING, SMTP_MAIL, "S250 ok\r\n", "C" RCPT0,
              "S450 no\r\n", "C" RCPT1, "S550 no\r\n", "C" RCPT2, "S551 no\r\n");
    SMTP_PLAY(&any_setup, 667, 450, true, GROUP3,
              "S250 m\r\n450 a\r\n550 b\r\n551 c\r\n503 no\r\n");
    SMTP_PLAY(&any_setup, 667, 450, true, GROUP3, "S250 m\r\n450 a\r\n550 b\r\n551 c\r\n354 go\r\n",
              "C.\r\n", "S250 fine\r\n");
    SMTP_PLAY(&any_setup, 667, 450, false, GROUP3,
              "S250 m\r\n450 a\r\n550 b\r\n551 c\r\n354 go\r\n", "C.\r\n", "T");
    SMTP_PLAY(&any_setup, 667, 450, false, GROUP3,
              "S250 m\r\n450 a\r\n550 b\r\n551 c\r\n354 go\r\n", "C.\r\n", "Soops\r\n");
}

static void test_any_later_failures_count(void **state)
{
    (void)state;
    SMTP_PLAY(&any_setup, 682, 554, true, GROUP3,
              "S250 m\r\n550 a\r\n250 b\r\n250 c\r\n554 no\r\n");
    SMTP_PLAY(&any_setup, 656, 550, false, GROUP3, "S250 m\r\n550 a\r\n250 b\r\n", "X");
    SMTP_PLAY(&any_setup, 666, 421, false, GROUP3, "S250 m\r\n550 a\r\n421 bye\r\n");
}

/* ---- MAIL and DATA refused; lost in the group ---- */

static void test_mail_refused(void **state)
{
    (void)state;
    SMTP_PLAY(&all_setup, 668, 451, true, SMTP_GREETING, SMTP_MAIL, "S451 no\r\n");
    SMTP_PLAY(&all_setup, 681, 553, true, GROUP3,
              "S553 m\r\n503 a\r\n503 b\r\n503 c\r\n503 no\r\n");
    /* A server that goes on as if nothing were wrong. */
    SMTP_PLAY(&all_setup, 668, 451, false, GROUP3,
              "S451 m\r\n250 a\r\n250 b\r\n250 c\r\n354 go\r\n", "C");
    SMTP_PLAY(&any_setup, 668, 451, true, GROUP3, "S451 m\r\n503 a\r\n503 b\r\n503 c\r\n354 go\r\n",
              "C.\r\n", "S503 no\r\n");
    smtp_peer_start(&peer, &all_setup, whole);
    smtp_peer_steps(&peer, (const smtp_script[]){GROUP3, "S553 m\r\n503 a\r\n", NULL});
    assert_false(smtp_peer_logged(&peer, "refused"));
}

static void test_data_refused(void **state)
{
    (void)state;
    SMTP_PLAY(&all_setup, 682, 554, true, GROUP3,
              "S250 m\r\n250 a\r\n250 b\r\n250 c\r\n554 no\r\n");
    SMTP_PLAY(&all_setup, 668, 451, true, SMTP_GREETING, SMTP_MAIL, "S250 ok\r\n", "C" RCPT0,
              "S250 ok\r\n", "C" RCPT1, "S250 ok\r\n", "C" RCPT2, "S250 ok\r\n", "CDATA\r\n",
              "S451 no\r\n");
    SMTP_PLAY(&all_setup, 660, 0, false, GROUP3, "S250 m\r\n250 a\r\n250 b\r\n250 c\r\n250 no\r\n");
}

static void test_final_reply(void **state)
{
    (void)state;
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    SMTP_PLAY(&setup, 682, 554, true, GROUP1, "S250 a\r\n250 b\r\n354 c\r\n", BODY, "S554 no\r\n");
    SMTP_PLAY(&setup, 669, 452, true, GROUP1, "S250 a\r\n250 b\r\n354 c\r\n", BODY,
              "S452-no\r\n452 no\r\n");
    SMTP_PLAY(&setup, 660, 0, false, GROUP1, "S250 a\r\n250 b\r\n354 c\r\n", BODY, "S354 no\r\n");
}

/* SD54: what was read decides, also when the rest of the group's replies never come. */
static void test_lost_in_the_group(void **state)
{
    (void)state;
    SMTP_PLAY(&all_setup, 678, 550, false, GROUP3, "S250 m\r\n550 a\r\n25", "X");
    SMTP_PLAY(&all_setup, 678, 550, false, GROUP3, "S250 m\r\n550 a\r\n", "T");
    SMTP_PLAY(&all_setup, 678, 550, false, GROUP3, "S250 m\r\n550 a\r\n421 bye\r\n");
    SMTP_PLAY(&all_setup, 678, 550, false, GROUP3, "S250 m\r\n550 a\r\nwhat\r\n");
    SMTP_PLAY(&any_setup, 667, 450, false, GROUP3, "S250 m\r\n450 a\r\n550 b\r\n551 c\r\n", "T");
    SMTP_PLAY(&any_setup, 667, 450, false, GROUP3, "S250 m\r\n450 a\r\n550 b\r\n551 c\r\n", "X");
    SMTP_PLAY(&all_setup, 656, 0, false, GROUP3, "S250 m\r\n250 a\r\n", "X");
    SMTP_PLAY(&all_setup, 658, 0, false, GROUP3, "S250 m\r\n250 a\r\n", "T");
}

/* One reply more than there were commands. */
static void test_reply_too_many(void **state)
{
    (void)state;
    static const smtp_script script[] = {GROUP1, "S250 a\r\n250 b\r\n354 c\r\n250 d\r\n", NULL};
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    smtp_peer_start(&peer, &setup, whole);
    smtp_peer_steps(&peer, script);
    assert_int_equal(peer.done, 1);
    assert_int_equal(peer.result.error, PM_MAIL_SEND);
    assert_false(peer.result.graceful);
}

/* ---- SIZE, 8BITMIME ---- */

static void test_size(void **state)
{
    (void)state;
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    setup.config.message_size = 1001;
    SMTP_PLAY(&setup, 680, 0, true, SMTP_BANNER, "S250-mx\r\n250 SIZE 1000\r\n");
    SMTP_PLAY(&setup, 656, 0, false, SMTP_BANNER, "S250-mx\r\n250 SIZE 1001\r\n",
              "CMAIL FROM:<from@example.com> SIZE=1001\r\n", "X");
    SMTP_PLAY(&setup, 656, 0, false, SMTP_BANNER, "S250-mx\r\n250 SIZE\r\n",
              "CMAIL FROM:<from@example.com> SIZE=1001\r\n", "X");
    SMTP_PLAY(&setup, 656, 0, false, SMTP_BANNER, "S250-mx\r\n250 size 0\r\n",
              "CMAIL FROM:<from@example.com> SIZE=1001\r\n", "X");
    SMTP_PLAY(&setup, 656, 0, false, SMTP_GREETING, SMTP_MAIL, "X");
    setup.config.message_size = UINT64_MAX;
    SMTP_PLAY(&setup, 656, 0, false, SMTP_BANNER, "S250-mx\r\n250 SIZE 18446744073709551615\r\n",
              "CMAIL FROM:<from@example.com> SIZE=18446744073709551615\r\n", "X");
    setup.config.message_size = 0;
    SMTP_PLAY(&setup, 656, 0, false, SMTP_BANNER, "S250-mx\r\n250 SIZE 1\r\n", SMTP_MAIL, "X");
}

static void test_8bitmime(void **state)
{
    (void)state;
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    SMTP_PLAY(&setup, 656, 0, false, SMTP_BANNER, "S250-mx\r\n250 8BITMIME\r\n", SMTP_MAIL, "X");
    setup.config.body_8bit = true;
    SMTP_PLAY(&setup, 656, 0, false, SMTP_GREETING, SMTP_MAIL, "X");
    SMTP_PLAY(&setup, 656, 0, false, SMTP_BANNER, "S250-mx\r\n250 8BitMime\r\n",
              "CMAIL FROM:<from@example.com> BODY=8BITMIME\r\n", "X");
}

/* ---- Groups larger than the output buffer ---- */

enum { MANY = 100 };

static char many_names[MANY][PM_SMTP_OUT_SIZE / 8];
static const char *many[MANY];

static void make_many(size_t domain_size)
{
    for (size_t i = 0; i < MANY; i++) {
        int n = snprintf(many_names[i], sizeof many_names[i], "r%03zu@", i);
        assert_true(n == 5);
        memset(many_names[i] + n, 'd', domain_size);
        memcpy(many_names[i] + (size_t)n + domain_size, ".net", 5);
        many[i] = many_names[i];
    }
}

/* The whole group leaves before any reply, in order, with DATA at its end. */
static void test_group_flows_through_the_buffer(void **state)
{
    (void)state;
    static const size_t acks[] = {0, 1, 77, 4000};
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    make_many(240);
    setup.config.recipients = MANY;
    setup.recipients = many;
    for (size_t run = 0; run < 4; run++) {
        smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, acks[run], 64});
        smtp_peer_steps(&peer, (const smtp_script[]){PIPE, NULL});
        const char *at = peer.sent + peer.checked;
        at += strlen(SMTP_MAIL) - 1;
        for (size_t i = 0; i < MANY; i++) {
            char line[512];
            int n = snprintf(line, sizeof line, "RCPT TO:<%s>\r\n", many[i]);
            assert_memory_equal(at, line, (size_t)n);
            at += n;
        }
        assert_string_equal(at, "DATA\r\n");
        peer.checked = peer.sent_len;
        smtp_peer_step(&peer, "S250 m\r\n");
        for (size_t i = 0; i < MANY; i++) {
            smtp_peer_step(&peer, "S250 r\r\n");
        }
        smtp_peer_steps(&peer, (const smtp_script[]){"S354 go\r\n", BODY, SMTP_DELIVERED, NULL});
        assert_int_equal(peer.result.error, 0);
        assert_int_equal(peer.done, 1);
    }
}

static enum pm_smtp_event_kind pump_by_hand(struct pm_smtp *smtp, uint16_t *refused)
{
    struct pm_smtp_event event;
    while (pm_smtp_next_event(smtp, &event, 0) != PM_SMTP_EV_NONE) {
        if (event.kind == PM_SMTP_EV_RECIPIENT) {
            pm_smtp_recipient(smtp, smtp_text(many[event.index]));
        } else if (event.kind == PM_SMTP_EV_REFUSED) {
            *refused = event.index;
        } else if (event.kind == PM_SMTP_EV_BODY || event.kind == PM_SMTP_EV_DONE) {
            return event.kind;
        }
    }
    return PM_SMTP_EV_NONE;
}

static void send_all(struct pm_smtp *smtp)
{
    const uint8_t *data;
    pm_smtp_output_ack(smtp, pm_smtp_output(smtp, &data), 0);
}

/* A server whose window is shut until its own replies are read: replies and commands take
 * turns in small steps, and neither side ever waits for ever. */
static void test_replies_are_read_while_the_group_leaves(void **state)
{
    (void)state;
    struct smtp_setup setup;
    uint16_t refused = UINT16_MAX;
    size_t replies = 1;
    uint64_t lines = 0;
    smtp_setup_default(&setup);
    make_many(240);
    setup.config.recipients = MANY;
    setup.config.any_recipient = true;
    setup.recipients = many;
    pm_smtp_init(&peer.smtp, &setup.config, 0);
    pm_smtp_input(&peer.smtp, (const uint8_t *)"220 mx\r\n", 8, 0);
    (void)pump_by_hand(&peer.smtp, &refused);
    send_all(&peer.smtp);
    pm_smtp_input(&peer.smtp, (const uint8_t *)"250-mx\r\n250 PIPELINING\r\n", 24, 0);
    enum pm_smtp_event_kind kind = pump_by_hand(&peer.smtp, &refused);
    for (unsigned round = 0; kind == PM_SMTP_EV_NONE && round < 100000; round++) {
        const uint8_t *data;
        size_t n = pm_smtp_output(&peer.smtp, &data);
        n = n > 100 ? 100 : n;
        for (size_t i = 0; i < n; i++) {
            lines += data[i] == '\n';
        }
        pm_smtp_output_ack(&peer.smtp, n, 0);
        kind = pump_by_hand(&peer.smtp, &refused);
        if (kind == PM_SMTP_EV_NONE && lines >= replies) {
            const char *reply = replies == 50 ? "550 x\r\n" : "250 x\r\n";
            reply = replies == MANY + 2 ? "354 x\r\n" : reply;
            pm_smtp_input(&peer.smtp, (const uint8_t *)reply, 7, 0);
            kind = pump_by_hand(&peer.smtp, &refused);
            replies++;
        }
    }
    assert_int_equal(kind, PM_SMTP_EV_BODY);
    assert_int_equal(lines, MANY + 2);
    assert_int_equal(refused, 48);
}

/* After a refusal the group does not grow: QUIT comes as soon as what has left is answered. */
static void test_refusal_stops_the_group(void **state)
{
    (void)state;
    struct smtp_setup setup;
    uint16_t refused = UINT16_MAX;
    const uint8_t *data;
    smtp_setup_default(&setup);
    make_many(240);
    setup.config.recipients = MANY;
    setup.recipients = many;
    pm_smtp_init(&peer.smtp, &setup.config, 0);
    pm_smtp_input(&peer.smtp, (const uint8_t *)"220 mx\r\n", 8, 0);
    (void)pump_by_hand(&peer.smtp, &refused);
    send_all(&peer.smtp);
    pm_smtp_input(&peer.smtp, (const uint8_t *)"250-mx\r\n250 PIPELINING\r\n", 24, 0);
    (void)pump_by_hand(&peer.smtp, &refused);
    uint64_t lines = 0;
    size_t n = pm_smtp_output(&peer.smtp, &data);
    for (size_t i = 0; i < n; i++) {
        lines += data[i] == '\n';
    }
    assert_true(lines > 2 && lines < MANY);
    send_all(&peer.smtp);
    /* MAIL and the first RCPT are answered before the owner looks for more to send. */
    pm_smtp_input(&peer.smtp, (const uint8_t *)"451 no\r\n", 8, 0);
    struct pm_smtp_event event;
    while (pm_smtp_next_event(&peer.smtp, &event, 0) == PM_SMTP_EV_RECIPIENT ||
           event.kind == PM_SMTP_EV_SENT) {
        if (event.kind == PM_SMTP_EV_RECIPIENT) {
            pm_smtp_recipient(&peer.smtp, smtp_text(many[event.index]));
            lines++;
        }
    }
    (void)pump_by_hand(&peer.smtp, &refused);
    send_all(&peer.smtp);
    enum pm_smtp_event_kind kind = PM_SMTP_EV_NONE;
    for (uint64_t i = 1; i < lines; i++) {
        assert_int_equal(kind, PM_SMTP_EV_NONE);
        pm_smtp_input(&peer.smtp, (const uint8_t *)"503 no\r\n", 8, 0);
        kind = pump_by_hand(&peer.smtp, &refused);
    }
    assert_int_equal(kind, PM_SMTP_EV_DONE);
    assert_int_equal(pm_smtp_output(&peer.smtp, &data), 6);
    assert_memory_equal(data, "QUIT\r\n", 6);
}

/* A refusal that comes before its RCPT has left is no answer to it. */
static void test_refusal_before_its_command(void **state)
{
    (void)state;
    SMTP_PLAY(&any_setup, 678, 550, false, SMTP_GREETING, SMTP_MAIL, "S250 ok\r\n550 no\r\n");
}

/* Twelve full lines, a shorter one and a full one leave three bytes of the buffer free. */
static void test_data_waits_for_room(void **state)
{
    (void)state;
    static char local[65];
    static char names[2][PM_SMTP_OUT_SIZE / 8];
    static const char *list[14];
    struct smtp_setup setup;
    struct pm_smtp_event event;
    const uint8_t *data;
    smtp_setup_default(&setup);
    memset(local, 'l', 64);
    (void)snprintf(names[0], sizeof names[0], "%s@%0255d", local, 0);
    (void)snprintf(names[1], sizeof names[1], "%s@%0*d", local, PM_SMTP_OUT_SIZE - 4426, 0);
    for (size_t i = 0; i < 14; i++) {
        list[i] = names[i == 12];
    }
    setup.recipients = list;
    setup.config.recipients = 14;
    smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 1, 64});
    smtp_peer_step(&peer, "S220 mx\r\n");
    pm_smtp_input(&peer.smtp, (const uint8_t *)"250-mx\r\n250 PIPELINING\r\n", 24, peer.now);
    while (pm_smtp_next_event(&peer.smtp, &event, peer.now) != PM_SMTP_EV_NONE) {
        if (event.kind == PM_SMTP_EV_RECIPIENT) {
            pm_smtp_recipient(&peer.smtp, smtp_text(list[event.index]));
        }
    }
    assert_int_equal(pm_smtp_output(&peer.smtp, &data), PM_SMTP_OUT_SIZE - 3);
    peer.checked = peer.sent_len;
    smtp_peer_step(&peer, "S");
    assert_int_equal(peer.done, 0);
    assert_string_equal(peer.sent + peer.sent_len - 6, "DATA\r\n");
    assert_int_equal(peer.sent_len - peer.checked, PM_SMTP_OUT_SIZE - 3 + 6);
}

/* QUIT would be taken for an answer to what is still open, wherever in the group it stands. */
static void test_bad_recipient_in_an_open_group(void **state)
{
    (void)state;
    struct smtp_setup setup;
    smtp_setup_default(&setup);
    setup.config.recipients = MANY;
    setup.recipients = many;
    for (size_t bad = 0; bad < MANY; bad++) {
        make_many(240);
        many[bad] = "a b@c";
        smtp_peer_start(&peer, &setup, whole);
        smtp_peer_steps(&peer, (const smtp_script[]){PIPE, NULL});
        assert_int_equal(peer.done, 1);
        assert_int_equal(peer.result.error, PM_MAIL_PARAMETER);
        assert_false(peer.result.graceful);
        assert_null(strstr(peer.sent, "QUIT"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_pipelined_mail, set_up),
        cmocka_unit_test_setup(test_recipients_cost_no_round_trip, set_up),
        cmocka_unit_test_setup(test_starttls_auth_and_pipelining, set_up),
        cmocka_unit_test_setup(test_lock_step_asks_one_by_one, set_up),
        cmocka_unit_test_setup(test_all_lock_step_refusals, set_up),
        cmocka_unit_test_setup(test_all_pipelined_refusals, set_up),
        cmocka_unit_test_setup(test_all_never_completes_the_message, set_up),
        cmocka_unit_test_setup(test_every_refusal_is_told, set_up),
        cmocka_unit_test_setup(test_any_delivers_to_the_rest, set_up),
        cmocka_unit_test_setup(test_any_with_nobody_left, set_up),
        cmocka_unit_test_setup(test_any_later_failures_count, set_up),
        cmocka_unit_test_setup(test_mail_refused, set_up),
        cmocka_unit_test_setup(test_data_refused, set_up),
        cmocka_unit_test_setup(test_final_reply, set_up),
        cmocka_unit_test_setup(test_lost_in_the_group, set_up),
        cmocka_unit_test_setup(test_reply_too_many, set_up),
        cmocka_unit_test_setup(test_size, set_up),
        cmocka_unit_test_setup(test_8bitmime, set_up),
        cmocka_unit_test_setup(test_group_flows_through_the_buffer, set_up),
        cmocka_unit_test_setup(test_replies_are_read_while_the_group_leaves, set_up),
        cmocka_unit_test_setup(test_refusal_stops_the_group, set_up),
        cmocka_unit_test_setup(test_refusal_before_its_command, set_up),
        cmocka_unit_test_setup(test_data_waits_for_room, set_up),
        cmocka_unit_test_setup(test_bad_recipient_in_an_open_group, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
