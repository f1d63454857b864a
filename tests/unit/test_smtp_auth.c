/* SPDX-License-Identifier: MIT */
/* AUTH: which mechanism, what goes over the wire, refusals, and that nothing secret shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "postmodem/error.h"
#include "smtp_peer.h"

/* base64 of NUL tim NUL tanstaaftanstaaf; of tim; of tanstaaftanstaaf */
#define PLAIN_TOKEN "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"
#define USER_TOKEN  "dGlt"
#define PASS_TOKEN  "dGFuc3RhYWZ0YW5zdGFhZg=="
/* The example of RFC 2195. */
#define CHALLENGE   "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"
#define CRAM_TOKEN  "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"
#define AUTH_PLAIN  "CAUTH PLAIN " PLAIN_TOKEN "\r\n"
#define OFFER(list) SMTP_BANNER, "S250-mx\r\n250 AUTH " list "\r\n"
#define TALK_LOGIN \
    "S334 VXNlcm5hbWU6\r\n", "C" USER_TOKEN "\r\n", "S334 UGFzc3dvcmQ6\r\n", "C" PASS_TOKEN "\r\n"
#define TALK_CRAM "S334 " CHALLENGE "\r\n", "C" CRAM_TOKEN "\r\n"

static const struct smtp_cut whole = {0, 0, 0, 256};
static struct smtp_setup clear_setup;
static struct smtp_setup tls_setup;
static struct smtp_setup never_setup;
static struct smtp_peer peer;

static int set_up(void **state)
{
    (void)state;
    smtp_setup_auth(&clear_setup, false);
    smtp_setup_auth(&tls_setup, true);
    smtp_setup_auth(&never_setup, false);
    never_setup.config.clear_auth = PM_SMTP_CLEAR_AUTH_NEVER;
    return 0;
}

/* ---- Mechanisms ---- */

static void test_plain(void **state)
{
    (void)state;
    static const smtp_script script[] = {OFFER("PLAIN LOGIN CRAM-MD5"), AUTH_PLAIN,
                                         "S235 2.7.0 ok\r\n", SMTP_REST, NULL};
    smtp_play(&tls_setup, script, 0, 0, true);
    assert_int_equal(smtp_trips(script), 7);
}

static void test_login(void **state)
{
    (void)state;
    SMTP_PLAY(&tls_setup, 0, 0, true, OFFER("LOGIN CRAM-MD5"), "CAUTH LOGIN\r\n", TALK_LOGIN,
              "S235 ok\r\n", SMTP_REST);
    /* Prompts in clear text, empty, and not even base64. */
    SMTP_PLAY(&tls_setup, 0, 0, true, OFFER("login"), "CAUTH LOGIN\r\n", "S334 Username:\r\n",
              "C" USER_TOKEN "\r\n", "S334\r\n", "C" PASS_TOKEN "\r\n", "S235 ok\r\n", SMTP_REST);
}

static void test_cram_md5(void **state)
{
    (void)state;
    SMTP_PLAY(&clear_setup, 0, 0, true, OFFER("PLAIN LOGIN CRAM-MD5"), "CAUTH CRAM-MD5\r\n",
              TALK_CRAM, "S235 ok\r\n", SMTP_REST);
    SMTP_PLAY(&never_setup, 0, 0, true, OFFER("PLAIN LOGIN CRAM-MD5"), "CAUTH CRAM-MD5\r\n",
              TALK_CRAM, "S235 ok\r\n", SMTP_REST);
    SMTP_PLAY(&tls_setup, 0, 0, true, OFFER("CRAM-MD5"), "CAUTH CRAM-MD5\r\n", TALK_CRAM,
              "S235 ok\r\n", SMTP_REST);
}

static void test_challenge_reaches_the_owner(void **state)
{
    (void)state;
    smtp_peer_start(&peer, &clear_setup, whole);
    smtp_peer_steps(&peer, (const smtp_script[]){OFFER("CRAM-MD5"), "CAUTH CRAM-MD5\r\n",
                                                 "S334 " CHALLENGE "\r\n", NULL});
    assert_true(
        smtp_peer_logged(&peer, "hmac <1896.697170952@postoffice.reston.mci.net>\nsent ****"));
    smtp_peer_start(&peer, &clear_setup, whole);
    smtp_peer_steps(
        &peer, (const smtp_script[]){OFFER("CRAM-MD5"), "CAUTH CRAM-MD5\r\n", "S334 \r\n", NULL});
    assert_true(smtp_peer_logged(&peer, "hmac \nsent ****"));
}

static void test_bad_challenge_is_cancelled(void **state)
{
    (void)state;
    SMTP_PLAY(&clear_setup, 660, 0, true, OFFER("CRAM-MD5"), "CAUTH CRAM-MD5\r\n",
              "S334 not base64!\r\n", "C*\r\n", "S501 cancelled\r\n");
    SMTP_PLAY(&clear_setup, 0, 0, true, OFFER("CRAM-MD5 PLAIN"), "CAUTH CRAM-MD5\r\n",
              "S334 abc\r\n", "C*\r\n", "S535 cancelled\r\n", AUTH_PLAIN, "S235 ok\r\n", SMTP_REST);
    SMTP_PLAY(&clear_setup, 660, 0, false, OFFER("CRAM-MD5 PLAIN"), "CAUTH CRAM-MD5\r\n",
              "S334 abc\r\n", "C*\r\n", "S235 welcome\r\n");
}

/* RFC 4954: challenges may be 12288 bytes; a line over 4096 is no reply here (SD60). */
static void test_long_challenges(void **state)
{
    (void)state;
    static const size_t sizes[] = {4088, 12288};
    static const smtp_script start[] = {OFFER("CRAM-MD5"), "CAUTH CRAM-MD5\r\n", NULL};
    for (size_t i = 0; i < 2; i++) {
        char line[12400] = "S334 ";
        memset(line + 5, 'A', sizes[i]);
        memcpy(line + 5 + sizes[i], "\r\n", 3);
        smtp_peer_start(&peer, &clear_setup, whole);
        smtp_peer_steps(&peer, start);
        smtp_peer_step(&peer, line);
        assert_int_equal(peer.done, i);
        if (i == 0) {
            smtp_peer_step(&peer, "C" CRAM_TOKEN "\r\n");
        }
    }
    assert_int_equal(peer.result.error, PM_MAIL_SEND);
}

static void test_old_form_and_case(void **state)
{
    (void)state;
    SMTP_PLAY(&tls_setup, 0, 0, true, SMTP_BANNER, "S250-mx\r\n250 AUTH=PLAIN\r\n", AUTH_PLAIN,
              "S235 ok\r\n", SMTP_REST);
    SMTP_PLAY(&tls_setup, 0, 0, true, SMTP_BANNER, "S250-mx\r\n250-auth=x\r\n250 auth plain\r\n",
              AUTH_PLAIN, "S235 ok\r\n", SMTP_REST);
}

/* ---- The 512 bytes of a command line ---- */

static void play_password_of(size_t length, bool initial_response)
{
    static char password[1024];
    struct smtp_setup setup = tls_setup;
    static const smtp_script start[] = {OFFER("PLAIN"), NULL};
    memset(password, 'p', length);
    password[length] = '\0';
    setup.config.password = smtp_text(password);
    smtp_peer_start(&peer, &setup, whole);
    smtp_peer_steps(&peer, start);
    const char *sent = peer.sent + peer.checked;
    assert_int_equal(strcmp(sent, "AUTH PLAIN\r\n") != 0, initial_response);
    assert_true(strlen(sent) <= 512);
    if (!initial_response) {
        peer.checked = peer.sent_len;
        smtp_peer_step(&peer, "S334 \r\n");
        sent = peer.sent + peer.checked;
        assert_memory_equal(sent, "AHRpbQBwcHBw", 12);
    }
    peer.checked = peer.sent_len;
    smtp_peer_steps(&peer, (const smtp_script[]){"S235 ok\r\n", SMTP_REST, NULL});
    assert_int_equal(peer.done, 1);
    assert_int_equal(peer.result.error, 0);
}

static void test_long_password_follows_the_334(void **state)
{
    (void)state;
    /* 11 + 4 * 124 + 2 = 509, one group more is 513. */
    play_password_of(372 - 5, true);
    play_password_of(372 - 4, false);
    play_password_of(1000, false);
}

static void test_largest_secrets_fit(void **state)
{
    (void)state;
    static char user[321];
    static char password[2049];
    struct smtp_setup setup = tls_setup;
    memset(user, 'u', 320);
    memset(password, 'p', 2048);
    setup.config.username = smtp_text(user);
    setup.config.password = smtp_text(password);
    smtp_peer_start(&peer, &setup, whole);
    assert_int_equal(peer.done, 0);
    smtp_peer_steps(&peer, (const smtp_script[]){OFFER("PLAIN"), "CAUTH PLAIN\r\n", NULL});
    smtp_peer_step(&peer, "S334\r\n");
    assert_int_equal(peer.sent_len - peer.checked, (2 + 320 + 2048 + 2) / 3 * 4 + 2);
}

/* ---- Refusals (SD32, SD52) ---- */

static void test_wrong_password_stops(void **state)
{
    (void)state;
    SMTP_PLAY(&tls_setup, 677, 535, true, OFFER("PLAIN LOGIN"), AUTH_PLAIN, "S535 5.7.8 no\r\n");
    SMTP_PLAY(&tls_setup, 677, 535, true, OFFER("LOGIN CRAM-MD5"), "CAUTH LOGIN\r\n", TALK_LOGIN,
              "S535-no\r\n535 no\r\n");
    SMTP_PLAY(&clear_setup, 677, 535, true, OFFER("CRAM-MD5 PLAIN"), "CAUTH CRAM-MD5\r\n",
              TALK_CRAM, "S535 no\r\n");
    SMTP_PLAY(&tls_setup, 677, 535, true, OFFER("LOGIN"), "CAUTH LOGIN\r\n", "S535 no\r\n");
    SMTP_PLAY(&tls_setup, 677, 535, true, OFFER("LOGIN"), "CAUTH LOGIN\r\n",
              "S334 VXNlcm5hbWU6\r\n", "C" USER_TOKEN "\r\n", "S535 no\r\n");
}

static void test_next_mechanism(void **state)
{
    (void)state;
    SMTP_PLAY(&tls_setup, 0, 0, true, OFFER("PLAIN LOGIN"), AUTH_PLAIN, "S504 no\r\n",
              "CAUTH LOGIN\r\n", TALK_LOGIN, "S235 ok\r\n", SMTP_REST);
    SMTP_PLAY(&tls_setup, 0, 0, true, OFFER("PLAIN LOGIN CRAM-MD5"), AUTH_PLAIN, "S534 no\r\n",
              "CAUTH LOGIN\r\n", "S538 no\r\n", "CAUTH CRAM-MD5\r\n", TALK_CRAM, "S235 ok\r\n",
              SMTP_REST);
    SMTP_PLAY(&tls_setup, 677, 538, true, OFFER("PLAIN LOGIN"), AUTH_PLAIN, "S504 no\r\n",
              "CAUTH LOGIN\r\n", "S538 no\r\n");
    SMTP_PLAY(&tls_setup, 674, 504, true, OFFER("PLAIN"), AUTH_PLAIN, "S504 no\r\n");
    SMTP_PLAY(&never_setup, 677, 534, true, OFFER("PLAIN CRAM-MD5"), "CAUTH CRAM-MD5\r\n",
              "S534 no\r\n");
}

static void test_other_refusals(void **state)
{
    (void)state;
    SMTP_PLAY(&tls_setup, 677, 432, true, OFFER("PLAIN LOGIN"), AUTH_PLAIN, "S432 no\r\n");
    SMTP_PLAY(&tls_setup, 677, 454, true, OFFER("PLAIN LOGIN"), AUTH_PLAIN, "S454 no\r\n");
    SMTP_PLAY(&tls_setup, 676, 530, true, OFFER("PLAIN LOGIN"), AUTH_PLAIN, "S530 no\r\n");
    SMTP_PLAY(&tls_setup, 670, 500, true, OFFER("PLAIN LOGIN"), AUTH_PLAIN, "S500 no\r\n");
    SMTP_PLAY(&tls_setup, 666, 421, false, OFFER("PLAIN LOGIN"), AUTH_PLAIN, "S421 no\r\n");
    SMTP_PLAY(&tls_setup, 656, 504, false, OFFER("PLAIN LOGIN"), AUTH_PLAIN, "S504 no\r\n",
              "CAUTH LOGIN\r\n", "X");
    SMTP_PLAY(&tls_setup, 658, 0, false, OFFER("PLAIN LOGIN"), AUTH_PLAIN, "T");
}

static void test_positive_replies_out_of_place(void **state)
{
    (void)state;
    SMTP_PLAY(&tls_setup, 660, 0, false, OFFER("PLAIN"), AUTH_PLAIN, "S334 \r\n");
    SMTP_PLAY(&tls_setup, 660, 0, false, OFFER("LOGIN"), "CAUTH LOGIN\r\n", "S235 ok\r\n");
    SMTP_PLAY(&tls_setup, 660, 0, false, OFFER("LOGIN"), "CAUTH LOGIN\r\n", TALK_LOGIN,
              "S334 again\r\n");
    SMTP_PLAY(&tls_setup, 660, 0, false, OFFER("CRAM-MD5"), "CAUTH CRAM-MD5\r\n", "S235 ok\r\n");
}

/* ---- When AUTH is left out ---- */

static void test_no_mechanism_in_common(void **state)
{
    (void)state;
    SMTP_PLAY(&tls_setup, 655, 0, true, OFFER("GSSAPI NTLM"));
    SMTP_PLAY(&tls_setup, 655, 0, true, SMTP_BANNER, "S250-mx\r\n250 AUTH\r\n");
    SMTP_PLAY(&never_setup, 655, 0, true, OFFER("PLAIN LOGIN"));
}

static void test_no_auth(void **state)
{
    (void)state;
    struct smtp_setup nobody;
    smtp_setup_default(&nobody);
    SMTP_PLAY(&nobody, 0, 0, true, OFFER("PLAIN LOGIN CRAM-MD5"), SMTP_REST);
    SMTP_PLAY(&tls_setup, 0, 0, true, SMTP_GREETING, SMTP_REST);
    SMTP_PLAY(&tls_setup, 676, 530, true, SMTP_GREETING, SMTP_MAIL, "S530 log in\r\n");
}

static void test_clear_text_where_allowed(void **state)
{
    (void)state;
    SMTP_PLAY(&clear_setup, 0, 0, true, OFFER("LOGIN PLAIN"), AUTH_PLAIN, "S235 ok\r\n", SMTP_REST);
}

/* After STARTTLS the order is that of TLS, and mechanisms of before do not count. */
static void test_after_starttls(void **state)
{
    (void)state;
    struct smtp_setup setup = never_setup;
    setup.config.starttls = true;
    SMTP_PLAY(&setup, 0, 0, true, SMTP_BANNER, "S250-mx\r\n250-AUTH LOGIN\r\n250 STARTTLS\r\n",
              "CSTARTTLS\r\n", "S220 go\r\n", "C<TLS>EHLO me.example\r\n",
              "S250-mx\r\n250 AUTH CRAM-MD5 PLAIN\r\n", AUTH_PLAIN, "S235 ok\r\n", SMTP_REST);
}

/* ---- Secrets ---- */

static void expect_no_secret(void)
{
    assert_false(smtp_peer_logged(&peer, "tanstaaf"));
    assert_false(smtp_peer_logged(&peer, PLAIN_TOKEN));
    assert_false(smtp_peer_logged(&peer, PASS_TOKEN));
    assert_false(smtp_peer_logged(&peer, USER_TOKEN));
    assert_false(smtp_peer_logged(&peer, CRAM_TOKEN));
    assert_false(smtp_peer_logged(&peer, CHALLENGE));
}

static void test_log_shows_no_secret(void **state)
{
    (void)state;
    static const smtp_script all[] = {OFFER("PLAIN LOGIN CRAM-MD5"),
                                      AUTH_PLAIN,
                                      "S504-AUTH PLAIN " PLAIN_TOKEN
                                      "?\r\n504 tanstaaftanstaaf\r\n",
                                      "CAUTH LOGIN\r\n",
                                      TALK_LOGIN,
                                      "S504 " PASS_TOKEN " is unknown\r\n",
                                      "CAUTH CRAM-MD5\r\n",
                                      "S334 " CHALLENGE "\r\n",
                                      NULL};
    smtp_peer_start(&peer, &tls_setup, whole);
    smtp_peer_steps(&peer, all);
    smtp_peer_step(&peer, "S535 " CRAM_TOKEN "\r\n");
    assert_int_equal(peer.result.error, PM_MAIL_AUTH);
    assert_true(smtp_peer_logged(&peer, "sent AUTH PLAIN ********\n"));
    assert_true(smtp_peer_logged(&peer, "sent AUTH LOGIN\nreply 334 ********\nsent ********\n"));
    expect_no_secret();
}

/* The mail's own replies are looked at, too; what no secret is in stays. */
static void test_later_replies_show_no_secret(void **state)
{
    (void)state;
    smtp_peer_start(&peer, &tls_setup, whole);
    smtp_peer_steps(
        &peer, (const smtp_script[]){
                   OFFER("PLAIN"), AUTH_PLAIN, "S235 ok\r\n", SMTP_MAIL,
                   "S250 tanstaaftanstaaf\r\n", "CRCPT TO:<r0@example.net>\r\n",
                   "S550-x" PLAIN_TOKEN "\r\n550-" PASS_TOKEN "\r\n550 see the page\r\n", NULL});
    assert_int_equal(peer.result.code, 550);
    assert_true(smtp_peer_logged(&peer, "reply ********\nreply ********\nreply 550 see the page"));
    expect_no_secret();
}

static void test_honest_refusal_is_logged(void **state)
{
    (void)state;
    smtp_peer_start(&peer, &tls_setup, whole);
    smtp_peer_steps(&peer, (const smtp_script[]){OFFER("PLAIN"), AUTH_PLAIN,
                                                 "S535-5.7.8 see\r\n535 5.7.8 the page\r\n", NULL});
    assert_true(smtp_peer_logged(&peer, "reply 535-5.7.8 see\nreply 535 5.7.8 the page\n"));
}

static bool holds(const void *memory, size_t size, const char *text)
{
    const uint8_t *at = memory;
    size_t len = strlen(text);
    for (size_t i = 0; i + len <= size; i++) {
        if (memcmp(at + i, text, len) == 0) {
            return true;
        }
    }
    return false;
}

/* Once the server has answered, neither token nor challenge is left in the state. */
static void test_secrets_are_wiped(void **state)
{
    (void)state;
    smtp_peer_start(&peer, &tls_setup, whole);
    smtp_peer_steps(&peer, (const smtp_script[]){OFFER("PLAIN LOGIN CRAM-MD5"), NULL});
    assert_true(holds(&peer.smtp, sizeof peer.smtp, PLAIN_TOKEN));
    smtp_peer_steps(&peer, (const smtp_script[]){AUTH_PLAIN, "S504 no\r\n", NULL});
    assert_false(holds(&peer.smtp, sizeof peer.smtp, PLAIN_TOKEN));
    smtp_peer_steps(&peer, (const smtp_script[]){"CAUTH LOGIN\r\n", TALK_LOGIN, NULL});
    assert_false(holds(&peer.smtp, sizeof peer.smtp, USER_TOKEN "\r"));
    assert_true(holds(&peer.smtp, sizeof peer.smtp, PASS_TOKEN));
    smtp_peer_steps(&peer, (const smtp_script[]){"S504 no\r\n", "CAUTH CRAM-MD5\r\n", NULL});
    assert_false(holds(&peer.smtp, sizeof peer.smtp, PASS_TOKEN));
    smtp_peer_steps(&peer, (const smtp_script[]){TALK_CRAM, "S235 ok\r\n", NULL});
    assert_false(holds(&peer.smtp, sizeof peer.smtp, CRAM_TOKEN));
    assert_false(holds(&peer.smtp, sizeof peer.smtp, "reston.mci.net"));
}

static void test_secrets_are_wiped_when_the_session_dies(void **state)
{
    (void)state;
    smtp_peer_start(&peer, &tls_setup, whole);
    smtp_peer_steps(&peer, (const smtp_script[]){OFFER("PLAIN"), AUTH_PLAIN, "X", NULL});
    assert_int_equal(peer.done, 1);
    assert_false(holds(&peer.smtp, sizeof peer.smtp, PLAIN_TOKEN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_plain, set_up),
        cmocka_unit_test_setup(test_login, set_up),
        cmocka_unit_test_setup(test_cram_md5, set_up),
        cmocka_unit_test_setup(test_challenge_reaches_the_owner, set_up),
        cmocka_unit_test_setup(test_bad_challenge_is_cancelled, set_up),
        cmocka_unit_test_setup(test_long_challenges, set_up),
        cmocka_unit_test_setup(test_old_form_and_case, set_up),
        cmocka_unit_test_setup(test_long_password_follows_the_334, set_up),
        cmocka_unit_test_setup(test_largest_secrets_fit, set_up),
        cmocka_unit_test_setup(test_wrong_password_stops, set_up),
        cmocka_unit_test_setup(test_next_mechanism, set_up),
        cmocka_unit_test_setup(test_other_refusals, set_up),
        cmocka_unit_test_setup(test_positive_replies_out_of_place, set_up),
        cmocka_unit_test_setup(test_no_mechanism_in_common, set_up),
        cmocka_unit_test_setup(test_no_auth, set_up),
        cmocka_unit_test_setup(test_clear_text_where_allowed, set_up),
        cmocka_unit_test_setup(test_after_starttls, set_up),
        cmocka_unit_test_setup(test_log_shows_no_secret, set_up),
        cmocka_unit_test_setup(test_later_replies_show_no_secret, set_up),
        cmocka_unit_test_setup(test_honest_refusal_is_logged, set_up),
        cmocka_unit_test_setup(test_secrets_are_wiped, set_up),
        cmocka_unit_test_setup(test_secrets_are_wiped_when_the_session_dies, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
