/* SPDX-License-Identifier: MIT */
/* SMTPUTF8, REQUIRETLS, DSN, enhanced status codes, and EXTERNAL without an account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "postmodem/error.h"
#include "smtp/status.h"
#include "smtp_peer.h"

#define OFFER(list) SMTP_BANNER, "S250-mx\r\n" list
#define JOERG       "j\xC3\xB6rg@example.net"

static const char *const mixed[] = {"a@example.net", JOERG};
static const char *const plain[] = {"a@example.net"};
static struct smtp_setup setup;
static struct smtp_peer peer;

static int set_up(void **state)
{
    (void)state;
    smtp_setup_default(&setup);
    return 0;
}

/* ---- SMTPUTF8 ---- */

static void test_smtputf8_is_asked_for_when_needed(void **state)
{
    (void)state;
    setup.recipients = mixed;
    setup.config.recipients = 2;
    setup.config.international = true;
    setup.config.ascii_recipients = 1;
    SMTP_PLAY(&setup, 0, 0, true, OFFER("250-SMTPUTF8\r\n250 8bitmime\r\n"),
              "CMAIL FROM:<from@example.com> BODY=8BITMIME SMTPUTF8\r\n", "S250 ok\r\n",
              "CRCPT TO:<a@example.net>\r\n", "S250 ok\r\n", "CRCPT TO:<" JOERG ">\r\n", SMTP_DATA,
              SMTP_BODY, SMTP_DELIVERED);
    setup.config.international = false;
    setup.recipients = plain;
    setup.config.recipients = 1;
    SMTP_PLAY(&setup, 0, 0, true, OFFER("250-SMTPUTF8\r\n250 8BITMIME\r\n"), SMTP_MAIL,
              "S250 ok\r\n", "CRCPT TO:<a@example.net>\r\n", SMTP_DATA, SMTP_BODY, SMTP_DELIVERED);
}

static void test_nobody_gets_it_without_smtputf8(void **state)
{
    (void)state;
    setup.recipients = mixed;
    setup.config.recipients = 2;
    setup.config.international = true;
    setup.config.ascii_recipients = 1;
    SMTP_PLAY(&setup, PM_MAIL_MAILBOX_NAME, 0, true, OFFER("250 8BITMIME\r\n"));
    SMTP_PLAY(&setup, PM_MAIL_MAILBOX_NAME, 0, true, OFFER("250 SMTPUTF8\r\n"));
    SMTP_PLAY(&setup, PM_MAIL_MAILBOX_NAME, 0, true, SMTP_BANNER, "S502 no\r\n",
              "CHELO me.example\r\n", "S250 mx\r\n");
}

static void test_any_leaves_out_who_needs_smtputf8(void **state)
{
    (void)state;
    setup.recipients = plain;
    setup.config.recipients = 2;
    setup.config.any_recipient = true;
    setup.config.international = true;
    setup.config.ascii_recipients = 1;
    SMTP_PLAY(&setup, 0, 0, true, OFFER("250 8BITMIME\r\n"), SMTP_MAIL, "S250 ok\r\n",
              "CRCPT TO:<a@example.net>\r\n", SMTP_DATA, SMTP_BODY, SMTP_DELIVERED);
    SMTP_PLAY(&setup, 0, 0, true, OFFER("250 PIPELINING\r\n"),
              SMTP_MAIL "RCPT TO:<a@example.net>\r\nDATA\r\n", "S250 ok\r\n250 ok\r\n354 go\r\n",
              "CSubject: x\r\n\r\nhello\r\n.\r\n", SMTP_DELIVERED);
    setup.config.ascii_recipients = 0;
    SMTP_PLAY(&setup, PM_MAIL_MAILBOX_NAME, 0, true, OFFER("250 8BITMIME\r\n"));
}

/* An owner that does not keep its promise gets nothing sent. */
static void test_raw_utf8_never_leaves_unannounced(void **state)
{
    (void)state;
    static const char *const joerg[] = {JOERG};
    setup.recipients = joerg;
    SMTP_PLAY(&setup, PM_MAIL_PARAMETER, 0, true, OFFER("250-SMTPUTF8\r\n250 8BITMIME\r\n"),
              SMTP_MAIL, "S250 ok\r\n");
    setup.config.sender = smtp_text(JOERG);
    SMTP_PLAY(&setup, PM_MAIL_PARAMETER, 0, false, "C");
}

/* ---- REQUIRETLS ---- */

static void test_require_tls(void **state)
{
    (void)state;
    setup.config.require_tls = true;
    SMTP_PLAY(&setup, PM_MAIL_SSL, 0, true, OFFER("250 REQUIRETLS\r\n"));
    setup.config.tls = true;
    SMTP_PLAY(&setup, PM_MAIL_SSL, 0, true, OFFER("250 SIZE\r\n"));
    SMTP_PLAY(&setup, 0, 0, true, OFFER("250 RequireTLS\r\n"),
              "CMAIL FROM:<from@example.com> REQUIRETLS\r\n", SMTP_RCPT, SMTP_DATA, SMTP_BODY,
              SMTP_DELIVERED);
    /* What was offered in clear is forgotten. */
    setup.config.tls = false;
    setup.config.starttls = true;
    SMTP_PLAY(&setup, PM_MAIL_SSL, 0, true, OFFER("250-REQUIRETLS\r\n250 STARTTLS\r\n"),
              "CSTARTTLS\r\n", "S220 go\r\n", "C<TLS>EHLO me.example\r\n",
              "S250-mx\r\n250 SIZE\r\n");
}

static void test_nobody_logs_in_in_vain(void **state)
{
    (void)state;
    smtp_setup_auth(&setup, true);
    setup.config.message_size = 1000;
    SMTP_PLAY(&setup, PM_MAIL_ALLOCATION, 0, true, OFFER("250-AUTH PLAIN\r\n250 SIZE 999\r\n"));
    setup.config.require_tls = true;
    SMTP_PLAY(&setup, PM_MAIL_SSL, 0, true, OFFER("250-AUTH PLAIN\r\n250 SIZE\r\n"));
}

/* ---- DSN ---- */

static void test_dsn(void **state)
{
    (void)state;
    setup.config.notify = PM_SMTP_NOTIFY_SUCCESS | PM_SMTP_NOTIFY_FAILURE | PM_SMTP_NOTIFY_DELAY;
    setup.config.envelope_id = smtp_text("a+b=c d@x");
    SMTP_PLAY(&setup, 0, 0, true, OFFER("250 DSN\r\n"),
              "CMAIL FROM:<from@example.com> RET=HDRS ENVID=a+2Bb+3Dc+20d@x\r\n", "S250 ok\r\n",
              "CRCPT TO:<r0@example.net> NOTIFY=SUCCESS,FAILURE,DELAY\r\n", SMTP_DATA, SMTP_BODY,
              SMTP_DELIVERED);
    SMTP_PLAY(&setup, 0, 0, true, OFFER("250 SIZE\r\n"), SMTP_REST);
    setup.config.notify = PM_SMTP_NOTIFY_NEVER;
    setup.config.envelope_id = smtp_text("");
    SMTP_PLAY(&setup, 0, 0, true, OFFER("250 DSN\r\n"),
              "CMAIL FROM:<from@example.com> RET=HDRS\r\n", "S250 ok\r\n",
              "CRCPT TO:<r0@example.net> NOTIFY=NEVER\r\n", SMTP_DATA, SMTP_BODY, SMTP_DELIVERED);
}

static void test_dsn_contradicts_itself(void **state)
{
    (void)state;
    static const uint8_t bits[] = {3, 5, 9, 15, 16, 128};
    for (size_t i = 0; i < sizeof bits; i++) {
        setup.config.notify = bits[i];
        SMTP_PLAY(&setup, PM_MAIL_PARAMETER, 0, false, "C");
    }
}

static void test_envelope_id_is_bounded(void **state)
{
    (void)state;
    char id[102];
    memset(id, 'x', sizeof id);
    setup.config.notify = PM_SMTP_NOTIFY_NEVER;
    setup.config.envelope_id = (struct pm_slice){(const uint8_t *)id, 101};
    SMTP_PLAY(&setup, PM_MAIL_PARAMETER, 0, false, "C");
    id[0] = '+';
    setup.config.envelope_id.len = 99;
    SMTP_PLAY(&setup, PM_MAIL_PARAMETER, 0, false, "C");
    setup.config.envelope_id.len = 98;
    SMTP_PLAY(&setup, 0, 0, true, OFFER("250 SIZE\r\n"), SMTP_REST);
}

/* ---- Enhanced status codes ---- */

static void assert_status(const char *text, uint16_t code, unsigned class_digit, unsigned subject,
                          unsigned detail)
{
    struct pm_smtp_status status = pm__smtp_status(smtp_text(text), code);
    assert_int_equal(status.class_digit, class_digit);
    assert_int_equal(status.subject, subject);
    assert_int_equal(status.detail, detail);
}

static void test_status_codes(void **state)
{
    (void)state;
    assert_status("5.1.1 no such user", 550, 5, 1, 1);
    assert_status("2.0.0", 250, 2, 0, 0);
    assert_status("4.999.999 x", 451, 4, 999, 999);
    static const char *const none[] = {"",       "5",        "5.",       "5.1",      "5.1.",
                                       "5.1.1x", "5.1000.1", "5.1.1000", "55.1.1 x", "4.1.1 x",
                                       "-5.1.1", "5..1",     "5.1 .1",   "no 5.1.1", "5.1.1.1"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_status(none[i], 550, 0, 0, 0);
    }
    assert_status("3.1.1 x", 354, 0, 0, 0);
}

static void assert_result_status(const struct smtp_setup *with, const smtp_script *script,
                                 uint16_t code, unsigned class_digit, unsigned detail)
{
    static const struct smtp_cut whole = {0, 0, 0, 256};
    smtp_peer_start(&peer, with, whole);
    smtp_peer_steps(&peer, script);
    assert_int_equal(peer.done, 1);
    assert_int_equal(peer.result.code, code);
    assert_int_equal(peer.result.status.class_digit, class_digit);
    assert_int_equal(peer.result.status.detail, detail);
}

static void test_result_has_the_status_of_its_code(void **state)
{
    (void)state;
    static const smtp_script sent[] = {
        SMTP_GREETING, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, SMTP_BODY, "S250 2.6.7 queued\r\n", NULL};
    static const smtp_script lost[] = {SMTP_GREETING, SMTP_MAIL, "S421 4.3.2 leaving\r\n", "X",
                                       NULL};
    static const smtp_script clash[] = {SMTP_GREETING, SMTP_MAIL, "S451 5.7.1 later\r\n", NULL};
    static const smtp_script several[] = {OFFER("250 PIPELINING\r\n"),
                                          "S250 ok\r\n550 5.1.1 a\r\n550 5.1.2 b\r\n",
                                          "S554 5.5.3 nobody\r\n", NULL};
    assert_result_status(&setup, sent, 0, 2, 7);
    assert_result_status(&setup, lost, 421, 4, 2);
    assert_result_status(&setup, clash, 451, 0, 0);
    setup.config.recipients = 2;
    setup.config.any_recipient = true;
    assert_result_status(&setup, several, 550, 5, 1);
}

/* ---- EXTERNAL with the certificate alone ---- */

static void test_external_without_an_account(void **state)
{
    (void)state;
    setup.config.tls = true;
    setup.config.external = true;
    SMTP_PLAY(&setup, 0, 0, true, OFFER("250 AUTH PLAIN EXTERNAL\r\n"), "CAUTH EXTERNAL =\r\n",
              "S235 ok\r\n", SMTP_REST);
    /* Refused: there is no other way to say who we are. */
    SMTP_PLAY(&setup, PM_MAIL_AUTH, 535, true, OFFER("250 AUTH PLAIN EXTERNAL\r\n"),
              "CAUTH EXTERNAL =\r\n", "S535 5.7.8 no\r\n");
    /* Not offered: the certificate may have been enough. */
    SMTP_PLAY(&setup, 0, 0, true, OFFER("250 AUTH PLAIN LOGIN\r\n"), SMTP_REST);
    setup.config.forbidden = PM_SMTP_EXTERNAL;
    SMTP_PLAY(&setup, 0, 0, true, OFFER("250 AUTH EXTERNAL\r\n"), SMTP_REST);
    setup.config.forbidden = 0;
    setup.config.tls = false;
    SMTP_PLAY(&setup, 0, 0, true, OFFER("250 AUTH EXTERNAL\r\n"), SMTP_REST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_smtputf8_is_asked_for_when_needed, set_up),
        cmocka_unit_test_setup(test_nobody_gets_it_without_smtputf8, set_up),
        cmocka_unit_test_setup(test_any_leaves_out_who_needs_smtputf8, set_up),
        cmocka_unit_test_setup(test_raw_utf8_never_leaves_unannounced, set_up),
        cmocka_unit_test_setup(test_require_tls, set_up),
        cmocka_unit_test_setup(test_nobody_logs_in_in_vain, set_up),
        cmocka_unit_test_setup(test_dsn, set_up),
        cmocka_unit_test_setup(test_dsn_contradicts_itself, set_up),
        cmocka_unit_test_setup(test_envelope_id_is_bounded, set_up),
        cmocka_unit_test_setup(test_status_codes, set_up),
        cmocka_unit_test_setup(test_result_has_the_status_of_its_code, set_up),
        cmocka_unit_test_setup(test_external_without_an_account, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
