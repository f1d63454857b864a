/* SPDX-License-Identifier: MIT */
/* Mail after mail on one connection: round trips, RSET, and a server that leaves between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "postmodem/error.h"
#include "smtp/transitions.h"
#include "smtp_peer.h"

#define PIPE    SMTP_BANNER, "S250-mx\r\n250 PIPELINING\r\n"
#define GROUP   SMTP_MAIL "RCPT TO:<r0@example.net>\r\nDATA\r\n"
#define BODY    "CSubject: x\r\n\r\nhello\r\n.\r\n"
#define GROUPED GROUP, "S250 a\r\n250 b\r\n354 c\r\n", BODY, SMTP_DELIVERED

static struct smtp_setup kept;

static int set_up(void **state)
{
    (void)state;
    smtp_setup_default(&kept);
    kept.config.keep = true;
    return 0;
}

/* The server's turns from the script's first "A" on. */
static unsigned next_trips(const smtp_script *script)
{
    while ((*script)[0] != 'A') {
        script++;
    }
    return smtp_trips(script);
}

static void test_lock_step_costs_four(void **state)
{
    (void)state;
    static const smtp_script script[] = {SMTP_GREETING, SMTP_REST, "A", SMTP_REST, "L", NULL};
    smtp_play(&kept, script, 0, 0, true);
    assert_int_equal(next_trips(script), 4);
}

static void test_pipelining_costs_two(void **state)
{
    (void)state;
    static const smtp_script script[] = {PIPE, GROUPED, "A", GROUPED, "L", NULL};
    smtp_play(&kept, script, 0, 0, true);
    assert_int_equal(next_trips(script), 2);
    SMTP_PLAY(&kept, 0, 0, true, PIPE, GROUPED, "A", GROUPED, "A", GROUPED, "A", GROUPED, "L");
}

#define BOTH    SMTP_BANNER, "S250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
#define CHUNK   SMTP_MAIL "RCPT TO:<r0@example.net>\r\nBDAT 21 LAST\r\nSubject: x\r\n\r\nhello\r\n"
#define CHUNKED CHUNK, "S250 a\r\n250 b\r\n250 c\r\n"

static void test_chunking_costs_one(void **state)
{
    (void)state;
    static const smtp_script script[] = {BOTH, CHUNKED, "A", CHUNKED, "L", NULL};
    struct smtp_setup setup = kept;
    setup.config.message_size = strlen(setup.body);
    smtp_play(&setup, script, 0, 0, true);
    assert_int_equal(next_trips(script), 1);
    SMTP_PLAY(&setup, 0, 0, true, BOTH, CHUNKED, "A", CHUNKED, "A", CHUNKED, "L");
    /* A refused mail ends in order, and the next one begins after RSET. */
    SMTP_PLAY(&setup, 0, 0, true, BOTH, CHUNK, "S250 a\r\n550 b\r\n554 c\r\n", "CRSET\r\n",
              "S250 reset\r\n", "A", CHUNKED, "L");
}

/* The server left when it had the whole mail in one group: whether it took it is not known, since
 * its replies may be lost. What it says instead of a reply to MAIL is known. */
static void test_left_in_the_group(void **state)
{
    (void)state;
    static struct smtp_peer peer;
    static const smtp_script first[] = {BOTH, CHUNKED, "A", CHUNK, NULL};
    static const struct {
        const char *end;
        uint16_t error;
        bool untouched, unknown;
    } cases[] = {{"X", 656, false, true},
                 {"S421 idle\r\n", 666, true, false},
                 {"Sgarbage\r\n", 660, false, true}};
    struct smtp_setup setup = kept;
    setup.config.message_size = strlen(setup.body);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 0, 256});
        smtp_peer_steps(&peer, first);
        smtp_peer_step(&peer, cases[i].end);
        assert_int_equal(peer.result.error, cases[i].error);
        assert_int_equal(peer.result.untouched, cases[i].untouched);
        assert_int_equal(pm_smtp_unknown(&peer.smtp), cases[i].unknown);
    }
}

/* The server began to say something before the next mail did, and ends it when it has the whole
 * mail: that is no answer to it, so that what becomes of the mail is not known. 421 tells. */
static void test_stray_reply_to_the_group(void **state)
{
    (void)state;
    static struct smtp_peer peer;
    static const struct {
        const char *begin, *end;
        uint16_t error, code;
        bool untouched, unknown;
    } cases[] = {{"S4", "S50 odd\r\n", 667, 450, false, true},
                 {"S5", "S54 odd\r\n", 682, 554, false, true},
                 {"S4", "S21 idle\r\n", 666, 421, true, false}};
    struct smtp_setup setup = kept;
    setup.config.message_size = strlen(setup.body);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const smtp_script script[] = {BOTH,         CHUNKED, cases[i].begin, "A", CHUNK,
                                      cases[i].end, NULL};
        smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 0, 256});
        smtp_peer_steps(&peer, script);
        assert_int_equal(peer.done, 2);
        assert_int_equal(peer.result.error, cases[i].error);
        assert_int_equal(peer.result.code, cases[i].code);
        assert_int_equal(peer.result.untouched, cases[i].untouched);
        assert_int_equal(pm_smtp_unknown(&peer.smtp), cases[i].unknown);
    }
}

/* Each mail has its own word on what is used of what the server offers. */
static void test_settings_of_the_next_mail(void **state)
{
    (void)state;
    static struct smtp_peer peer;
    static const smtp_script first[] = {BOTH, CHUNKED, NULL};
    static const smtp_script second[] = {"A", SMTP_REST, "L", "CQUIT\r\n", NULL};
    struct smtp_setup setup = kept;
    setup.config.message_size = strlen(setup.body);
    smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 0, 256});
    smtp_peer_steps(&peer, first);
    setup.config.no_pipelining = true;
    setup.config.no_chunking = true;
    smtp_peer_steps(&peer, second);
    assert_int_equal(peer.done, 2);
    assert_int_equal(peer.result.error, 0);
}

/* Nothing for half a minute in place of the first answer is as good as a close; what comes after
 * an answer has the time that is due to a server at work. */
static void test_silence(void **state)
{
    (void)state;
    static struct smtp_peer peer;
    static const smtp_script first[] = {PIPE, GROUPED, "A", GROUP, NULL};
    static const smtp_script reset[] = {SMTP_GREETING, SMTP_MAIL, "S550 no\r\n", "CRSET\r\n",
                                        "A",           "T",       NULL};
    smtp_peer_start(&peer, &kept, (struct smtp_cut){0, 0, 0, 256});
    smtp_peer_steps(&peer, reset);
    assert_int_equal(peer.result.error, PM_MAIL_TIMEOUT);
    assert_true(peer.result.untouched);
    for (unsigned answered = 0; answered < 2; answered++) {
        smtp_peer_start(&peer, &kept, (struct smtp_cut){0, 0, 0, 256});
        smtp_peer_steps(&peer, first);
        if (answered != 0) {
            smtp_peer_step(&peer, "S250 a\r\n");
        }
        uint64_t wait = pm_smtp_deadline(&peer.smtp) - peer.now;
        assert_int_equal(wait, answered != 0 ? 300000 : 30000);
        smtp_peer_step(&peer, "T");
        assert_int_equal(peer.result.error, PM_MAIL_TIMEOUT);
        assert_int_equal(peer.result.untouched, answered == 0);
    }
}

/* Who logged in stays logged in, and no secret waits for the next mail. */
static void test_auth_once(void **state)
{
    (void)state;
    static struct smtp_peer peer;
    static const smtp_script first[] = {SMTP_BANNER,
                                        "S250-mx\r\n250 AUTH PLAIN\r\n",
                                        "CAUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n",
                                        "S235 ok\r\n",
                                        SMTP_REST,
                                        NULL};
    static const smtp_script second[] = {"A", SMTP_REST, "L", "CQUIT\r\n", NULL};
    struct smtp_setup setup;
    smtp_setup_auth(&setup, true);
    setup.config.keep = true;
    smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 0, 256});
    smtp_peer_steps(&peer, first);
    assert_true(peer.result.kept);
    assert_false(peer.result.graceful);
    assert_null(memmem(&peer.smtp, sizeof peer.smtp, "dGFuc3Rh", 8));
    assert_int_equal(peer.smtp.config.password.len, 0);
    smtp_peer_steps(&peer, second);
    assert_int_equal(peer.left, 1);
}

static void test_refused_mail_is_reset(void **state)
{
    (void)state;
    static struct smtp_setup any;
    any = kept;
    /* The reply to RSET comes while nothing else goes on... */
    SMTP_PLAY(&kept, 0, 0, true, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, "S550 no\r\n", "CRSET\r\n",
              "S250 reset\r\n", "C", "A", SMTP_REST, "L");
    /* ...or is waited for by the next mail. */
    SMTP_PLAY(&any, 0, 0, true, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, "S550 no\r\n", "CRSET\r\n",
              "A", "C", "S250 reset\r\n", SMTP_REST, "L");
    SMTP_PLAY(&kept, pm_mail_error_of_reply(550), 550, true, SMTP_GREETING, SMTP_REST, "A",
              SMTP_MAIL, SMTP_RCPT, "S550 no\r\n", "CRSET\r\n", "S250 reset\r\n", "L");
    SMTP_PLAY(&kept, 0, 0, true, SMTP_GREETING, SMTP_MAIL, "S451 not now\r\n", "CRSET\r\n",
              "S250 reset\r\n", "A", SMTP_REST, "L");
    /* Nobody listens to QUIT before RSET is answered. */
    SMTP_PLAY(&kept, pm_mail_error_of_reply(550), 550, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT,
              "S550 no\r\n", "CRSET\r\n", "L");
    SMTP_PLAY(&kept, pm_mail_error_of_reply(550), 550, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT,
              "S550 no\r\n", "CRSET\r\n", "S500 what\r\n");
    SMTP_PLAY(&kept, pm_mail_error_of_reply(550), 550, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT,
              "S550 no\r\n", "CRSET\r\n", "T");
}

/* With `recipients = any` a mail is sent although a recipient was refused. The next mail is told
 * what was said to its own recipients, and when the server leaves amid it, nothing of the one
 * before. */
static void test_refusals_are_of_their_mail(void **state)
{
    (void)state;
#define ONE_REFUSED                                                                               \
    SMTP_MAIL, SMTP_RCPT, "S450 busy\r\n", "CRCPT TO:<r1@example.net>\r\n", SMTP_DATA, SMTP_BODY, \
        SMTP_DELIVERED
    struct smtp_setup any = kept;
    any.config.any_recipient = true;
    any.config.recipients = 2;
    SMTP_PLAY(&any, pm_mail_error_of_reply(550), 550, true, SMTP_GREETING, ONE_REFUSED, "A",
              SMTP_MAIL, SMTP_RCPT, "S550 no\r\n", "CRCPT TO:<r1@example.net>\r\n", "S551 no\r\n",
              "CRSET\r\n", "S250 reset\r\n", "L");
    static const smtp_script lost[] = {SMTP_GREETING, ONE_REFUSED, "A", SMTP_MAIL,
                                       SMTP_RCPT,     "X",         NULL};
    static struct smtp_peer peer;
    smtp_peer_start(&peer, &any, (struct smtp_cut){0, 0, 0, 256});
    smtp_peer_steps(&peer, lost);
    assert_int_equal(peer.done, 2);
    assert_int_equal(peer.result.error, PM_MAIL_CLOSED);
    assert_int_equal(peer.result.code, 0);
}

/* What ends badly is not kept. */
static void test_not_kept(void **state)
{
    (void)state;
    static struct smtp_peer peer;
    static const smtp_script busy[] = {SMTP_BANNER, "S250 mx\r\n", SMTP_MAIL, "S421 bye\r\n", NULL};
    static const smtp_script banner[] = {"S554 no\r\n", "CQUIT\r\n", NULL};
    smtp_peer_start(&peer, &kept, (struct smtp_cut){0, 0, 0, 256});
    smtp_peer_steps(&peer, busy);
    assert_int_equal(peer.done, 1);
    assert_false(peer.result.kept);
    assert_false(peer.result.untouched);
    smtp_peer_start(&peer, &kept, (struct smtp_cut){0, 0, 0, 256});
    smtp_peer_steps(&peer, banner);
    assert_false(peer.result.kept);
    assert_true(peer.result.graceful);
}

static void test_server_ends_it_between(void **state)
{
    (void)state;
    SMTP_PLAY(&kept, 0, 0, false, SMTP_GREETING, SMTP_REST, "S421 idle\r\n");
    SMTP_PLAY(&kept, 0, 0, false, SMTP_GREETING, SMTP_REST, "S250 what for\r\n");
    SMTP_PLAY(&kept, 0, 0, false, SMTP_GREETING, SMTP_REST, "Sgarbage\r\n");
    SMTP_PLAY(&kept, 0, 0, false, SMTP_GREETING, SMTP_REST, "X");
    /* In one segment with the reply that decides: the mail is sent all the same. */
    SMTP_PLAY(&kept, 0, 0, false, SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, SMTP_BODY,
              "S250 queued\r\n421 bye\r\n");
}

static void test_untouched(void **state)
{
    (void)state;
    static const smtp_script refused[] = {SMTP_GREETING, SMTP_REST,       "A",
                                          SMTP_MAIL,     "S421 idle\r\n", NULL};
    static const smtp_script closed[] = {PIPE, GROUPED, "A", GROUP, "X", NULL};
    static const smtp_script answered[] = {PIPE, GROUPED, "A", GROUP, "S250 a\r\n", "X", NULL};
    static const smtp_script judged[] = {SMTP_GREETING, SMTP_REST,      "A", SMTP_MAIL,
                                         SMTP_RCPT,     "S421 bye\r\n", NULL};
    static const struct {
        const smtp_script *script;
        uint16_t error, code;
        bool untouched;
    } cases[] = {{refused, 666, 421, true},
                 {closed, 656, 0, true},
                 {answered, 656, 0, false},
                 {judged, 666, 421, false}};
    static struct smtp_peer peer;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        smtp_peer_start(&peer, &kept, (struct smtp_cut){0, 0, 0, 256});
        smtp_peer_steps(&peer, cases[i].script);
        assert_int_equal(peer.done, 2);
        assert_int_equal(peer.result.error, cases[i].error);
        assert_int_equal(peer.result.code, cases[i].code);
        assert_int_equal(peer.result.untouched, cases[i].untouched);
        assert_false(peer.result.kept);
    }
}

/* Every class of reply in every state between two mails: something follows, and no mail that was
 * judged is judged again. */
static void test_every_reply(void **state)
{
    (void)state;
    static const char *const replies[] = {"S250 x\r\n", "S354 x\r\n", "S450 x\r\n",
                                          "S550 x\r\n", "S421 x\r\n", "Sx\r\n"};
    static const smtp_script reset[] = {SMTP_GREETING, SMTP_MAIL, "S550 no\r\n", "CRSET\r\n", NULL};
    static const smtp_script idle[] = {SMTP_GREETING, SMTP_REST, NULL};
    static struct smtp_peer peer;
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        smtp_peer_start(&peer, &kept, (struct smtp_cut){0, 0, 0, 256});
        smtp_peer_steps(&peer, reset);
        smtp_peer_step(&peer, replies[i]);
        assert_int_equal(peer.smtp.state, i == 0 ? PM__SMTP_KEPT : PM__SMTP_DONE);
        assert_int_equal(peer.left, i != 0);
        smtp_peer_start(&peer, &kept, (struct smtp_cut){0, 0, 0, 256});
        smtp_peer_steps(&peer, reset);
        smtp_peer_step(&peer, "A");
        smtp_peer_step(&peer, replies[i]);
        assert_int_equal(peer.smtp.state, i == 0 ? PM__SMTP_MAIL : PM__SMTP_DONE);
        assert_int_equal(peer.result.untouched, i != 0);
        smtp_peer_start(&peer, &kept, (struct smtp_cut){0, 0, 0, 256});
        smtp_peer_steps(&peer, idle);
        smtp_peer_step(&peer, replies[i]);
        assert_int_equal(peer.left, 1);
        assert_int_equal(peer.result.error, 0);
    }
}

/* What the next mail brings along is looked at as ever. */
static void test_bad_next_mail(void **state)
{
    (void)state;
    static struct smtp_peer peer;
    struct smtp_setup setup = kept;
    static const smtp_script script[] = {SMTP_GREETING, SMTP_REST, NULL};
    smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 0, 256});
    assert_false(pm_smtp_again(&peer.smtp, &setup.config, peer.now));
    smtp_peer_steps(&peer, script);
    setup.config.sender = smtp_text("a@b\r\nRCPT TO:<x@y>");
    smtp_peer_step(&peer, "A");
    assert_int_equal(peer.result.error, PM_MAIL_PARAMETER);
    smtp_peer_step(&peer, "CQUIT\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lock_step_costs_four),
        cmocka_unit_test(test_pipelining_costs_two),
        cmocka_unit_test(test_chunking_costs_one),
        cmocka_unit_test(test_left_in_the_group),
        cmocka_unit_test(test_stray_reply_to_the_group),
        cmocka_unit_test(test_settings_of_the_next_mail),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_auth_once),
        cmocka_unit_test(test_refused_mail_is_reset),
        cmocka_unit_test(test_refusals_are_of_their_mail),
        cmocka_unit_test(test_not_kept),
        cmocka_unit_test(test_server_ends_it_between),
        cmocka_unit_test(test_untouched),
        cmocka_unit_test(test_every_reply),
        cmocka_unit_test(test_bad_next_mail),
    };
    return cmocka_run_group_tests_name("smtp_again", tests, set_up, NULL);
}
