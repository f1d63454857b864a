/* SPDX-License-Identifier: MIT */
/* Connections that serve more than one mail (SD78, SD79), in the test world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "talk.h"

#define SENT "\r\nOK\r\n\r\n+QSMTPPUT: 0,0\r\n"

static struct talk *t;

static void put(const char *result)
{
    assert_string_equal(talk_say(t, "AT+QSMTPPUT=60\r"), result);
}

/* As a driver does it that knows nothing of connections: everything is set before each mail. */
static void configure(void)
{
    talk_ok(t, "AT+QSMTPCFG=\"smtpserver\",\"mail.example\",25\r");
    talk_ok(t, "AT+QSMTPCFG=\"ssltype\",2;+QSMTPCFG=\"sslctxid\",1;+QSMTPCFG=\"contextid\",1\r");
    talk_ok(t, "AT+QSSLCFG=\"cacert\",1,\"UFS:ca.pem\";+QSSLCFG=\"seclevel\",1,1\r");
    talk_ok(t, "AT+QSSLCFG=\"ciphersuite\",1,0XFFFF;+QSSLCFG=\"sslversion\",1,4\r");
    talk_ok(t, "AT+QSMTPCFG=\"account\",\"user\",\"secret\"\r");
    talk_ok(t, "AT+QSMTPCFG=\"sender\",\"Module\",\"module@example.com\"\r");
}

static int begin(void **state)
{
    (void)state;
    t = talk_new();
    t->w.config.reuse_seconds = 30;
    t->w.server.capabilities = "PIPELINING|STARTTLS|AUTH PLAIN";
    world_begin(&t->w, 1);
    assert_true(t->w.started);
    world_add_file(&t->w, PM_STORAGE_UFS, "ca.pem", "x", 1);
    (void)talk_say(t, "ATE0\r");
    talk_ok(t, "AT+QIACT=1\r");
    configure();
    talk_ok(t, "AT+QSMTPDST=1,1,\"alice@example.com\"\r");
    put(SENT);
    assert_true(t->w.server.connected);
    assert_false(t->w.job_memory_out);
    return 0;
}

/* Nothing of a session, its account above all, outlives its connection. */
static void check_wiped(void)
{
    static const struct pm_smtp nothing;
    if (!t->w.module.reuse.open) {
        assert_memory_equal(&t->w.module.job.smtp, &nothing, sizeof nothing);
    }
}

static int end(void **state)
{
    (void)state;
    check_wiped();
    talk_end(t);
    return 0;
}

static void check(unsigned mails, unsigned connections)
{
    assert_int_equal(t->w.server.mails, mails);
    assert_int_equal(t->w.server.connections, connections);
}

static unsigned count(const char *text, const char *part)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++) {
        n++;
    }
    return n;
}

static void test_one_connection(void **state)
{
    (void)state;
    for (unsigned mails = 2; mails < 6; mails++) {
        configure();
        put(SENT);
        check(mails, 1);
    }
    /* Offered before and after TLS, and used once. */
    assert_int_equal(count(t->w.trace, "AUTH"), 3);
    assert_int_equal(count(t->w.trace, "QUIT"), 0);
}

static void test_time_is_over(void **state)
{
    (void)state;
    world_advance(&t->w, t->w.now + 29000);
    assert_true(t->w.server.connected);
    world_advance(&t->w, t->w.now + 1500);
    assert_false(t->w.server.connected);
    assert_non_null(strstr(t->w.trace, "QUIT"));
    put(SENT);
    check(2, 2);
}

static void test_refused_mail_keeps_it(void **state)
{
    (void)state;
    t->w.server.fault = WORLD_REFUSE_RCPT;
    put("\r\nOK\r\n\r\n+QSMTPPUT: 678,550\r\n");
    t->w.server.fault = WORLD_OK;
    assert_non_null(strstr(t->w.trace, "RSET"));
    put(SENT);
    check(2, 1);
}

static void speak(const char *text, bool close)
{
    world_server_say(&t->w, text);
    t->w.server.closed_told = close;
    world_run(&t->w);
}

static void test_server_ends_it(void **state)
{
    (void)state;
    static const char *const last_words[] = {"421 idle\r\n", "", "250 ?\r\n", "garbage\r\n", "2"};
    for (unsigned i = 0; i < sizeof last_words / sizeof last_words[0]; i++) {
        speak(last_words[i], true);
        assert_false(t->w.server.connected);
        assert_string_equal(talk_say(t, ""), "");
        put(SENT);
        check(i + 2, i + 2);
    }
}

static void test_gone_at_the_next_mail(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        /* On its way while the mail begins. */
        world_server_say(&t->w, i == 0 ? "421 idle\r\n" : "");
        t->w.server.closed_told = true;
        put(SENT);
        check(i + 2, i + 2);
    }
    assert_int_equal(count(t->w.log, "over a new one"), 2);
}

/* A second connection that fares no better ends the mail: there is no third. */
static void test_one_reconnect(void **state)
{
    (void)state;
    assert_true(world_server_reply(&t->w, "MAIL", (const uint8_t *)"421 no", 6, true));
    put("\r\nOK\r\n\r\n+QSMTPPUT: 666,421\r\n");
    check(1, 2);
    assert_false(t->w.server.connected);
}

static void test_other_settings(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "AT+QSMTPCFG=\"smtpserver\",\"other.example\",25\r",
        "AT+QSMTPCFG=\"smtpserver\",\"other.example\",587\r",
        "AT+QSMTPCFG=\"account\",\"user\",\"other\"\r",
        "AT+QSMTPCFG=\"account\",\"other\",\"other\"\r",
        "AT+QSMTPCFG=\"sslctxid\",2\r",
        "AT+QSMTPCFG=\"sslctxid\",1\r",
        "AT+QSMTPCFG=\"ssltype\",0\r",
        "AT+QSMTPCFG=\"ssltype\",2\r",
        "AT+QSSLCFG=\"seclevel\",1,0\r",
        "AT+QSSLCFG=\"cacert\",1,\"other.pem\"\r",
        "AT+QSSLCFG=\"ciphersuite\",1,0XC02F\r",
        "AT+QSSLCFG=\"cacert\",1,\"ca.pem\"\r",
        "AT+QFMOV=\"ca.pem\",\"old.pem\"\r",
        "AT+QFMOV=\"old.pem\",\"ca.pem\",1\r",
        "AT+QFDEL=\"ca.pem\"\r",
        "AT+QIDNSCFG=1,\"192.0.2.1\"\r",
    };
    for (unsigned i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        talk_ok(t, changes[i]);
        put(SENT);
        check(2 * i + 2, i + 2);
        put(SENT);
        check(2 * i + 3, i + 2);
    }
}

static void test_other_context(void **state)
{
    (void)state;
    talk_ok(t, "AT+QICSGP=2,1,\"internet\",\"\",\"\",1\r");
    talk_ok(t, "AT+QIACT=2\r");
    assert_true(t->w.server.connected);
    talk_ok(t, "AT+QSMTPCFG=\"contextid\",2\r");
    put(SENT);
    check(2, 2);
    /* While it is active nobody makes another one of it. */
    assert_string_equal(talk_say(t, "AT+QICSGP=2,2,\"internet\",\"\",\"\",1\r"), "\r\nERROR\r\n");
    assert_string_equal(talk_say(t, "AT+CGDCONT=2,\"IPV6\"\r"), "\r\n+CME ERROR: 3\r\n");
    put(SENT);
    check(3, 2);
}

/* The time is over while a file of the next mail is opened, and nobody has looked at the clock. */
static void test_time_is_over_at_the_next_mail(void **state)
{
    (void)state;
    world_add_file(&t->w, PM_STORAGE_UFS, "a.bin", "abc", 3);
    talk_ok(t, "AT+QSMTPATT=1,1,\"a.bin\"\r");
    t->w.async = true;
    talk_type_only(t, 0, "AT+QSMTPPUT=60\r");
    assert_int_not_equal(t->w.op_count, 0);
    t->w.now += 31000;
    t->w.async = false;
    assert_string_equal(talk_say(t, ""), SENT);
    check(2, 2);
    assert_non_null(strstr(t->w.trace, "QUIT"));
}

/* What the log says about a mail that never had a session is not of the one before. */
static void test_explanation_is_of_this_mail(void **state)
{
    (void)state;
    t->w.config.policy.require_tls = true;
    put("\r\nOK\r\n\r\n+QSMTPPUT: 665,0\r\n");
    assert_int_equal(count(t->w.log, "does not offer REQUIRETLS"), 1);
    assert_true(t->w.server.connected);
    talk_ok(t, "AT+QSMTPCFG=\"ssltype\",0\r");
    put("\r\nOK\r\n\r\n+QSMTPPUT: 665,0\r\n");
    assert_int_equal(count(t->w.log, "no mail without TLS"), 1);
    assert_int_equal(count(t->w.log, "does not offer REQUIRETLS"), 1);
}

/* A login that has come to its end is made anew, once. */
static void test_login_is_over(void **state)
{
    (void)state;
    assert_true(world_server_reply(&t->w, "MAIL", (const uint8_t *)"530 log in", 10, true));
    put("\r\nOK\r\n\r\n+QSMTPPUT: 676,530\r\n");
    check(1, 2);
    assert_int_equal(count(t->w.log, "says 530 on the kept connection"), 1);
    assert_int_equal(count(t->w.trace, "AUTH PLAIN ***"), 2);
}

/* The settings of a mail are those at its QSMTPPUT. A connection made with them is not one for
 * the next mail when they change while the mail is on its way. */
static void test_settings_change_meanwhile(void **state)
{
    (void)state;
    talk_ok(t, "AT+QSSLCFG=\"seclevel\",1,0\r");
    assert_string_equal(talk_say(t, "AT+QSMTPPUT=60;+QSSLCFG=\"seclevel\",1,1\r"), SENT);
    check(2, 2);
    put(SENT);
    check(3, 3);
}

/* A path that died without a word costs the mail half a minute, and no more. */
static void test_silent_at_the_next_mail(void **state)
{
    (void)state;
    t->w.server.fault = WORLD_SILENT;
    talk_ok(t, "AT+QSMTPPUT=60\r");
    t->w.server.fault = WORLD_OK;
    world_advance(&t->w, t->w.now + 29000);
    check(1, 1);
    world_advance(&t->w, t->w.now + 2000);
    check(2, 2);
    assert_string_equal(talk_say(t, ""), "\r\n+QSMTPPUT: 0,0\r\n");
}

/* The kept server has no SMTPUTF8, so that it would not get one of the recipients. The one that the
 * mail goes to after all has it: nobody is left out there. */
static void test_other_server_leaves_nobody_out(void **state)
{
    (void)state;
    t->w.config.recipients = PM_RECIPIENTS_ANY;
    talk_ok(t, "AT+QSMTPDST=1,1,\"j\xc3\xb6rg@example.com\"\r");
    t->w.server.fault = WORLD_SILENT;
    talk_ok(t, "AT+QSMTPPUT=60\r");
    assert_int_equal(count(t->w.log, "recipient left out"), 1);
    t->w.server.fault = WORLD_OK;
    t->w.server.capabilities = "PIPELINING|STARTTLS|AUTH PLAIN|8BITMIME|SMTPUTF8";
    assert_string_equal(talk_later(t, 31000), "\r\n+QSMTPPUT: 0,0\r\n");
    check(2, 2);
    assert_string_equal(t->w.server.envelope,
                        "MAIL FROM:<module@example.com> BODY=8BITMIME SMTPUTF8\n"
                        "RCPT TO:<alice@example.com>\nRCPT TO:<j\xc3\xb6rg@example.com>\n");
    assert_int_equal(count(t->w.log, "recipient left out"), 1);
}

static void test_owner_ends_it(void **state)
{
    (void)state;
    pm_module_mail_leave(&t->w.module, t->w.now);
    world_run(&t->w);
    assert_false(t->w.server.connected);
    assert_non_null(strstr(t->w.trace, "QUIT"));
    assert_null(strstr(t->w.log, "the server has ended"));
    pm_module_mail_leave(&t->w.module, t->w.now);
    put(SENT);
    check(2, 2);
}

/* What belongs to the mail and not to the connection changes freely. */
static void test_other_mail(void **state)
{
    (void)state;
    world_add_file(&t->w, PM_STORAGE_UFS, "a.bin", "abc", 3);
    talk_ok(t, "AT+QSMTPCFG=\"sender\",\"Other\",\"other@example.com\"\r");
    talk_ok(t, "AT+QSMTPDST=1,1,\"bob@example.com\";+QSMTPSUB=0,\"x\"\r");
    talk_ok(t, "AT+QSMTPATT=1,1,\"a.bin\"\r");
    put(SENT);
    check(2, 1);
    assert_string_equal(t->w.server.envelope,
                        "MAIL FROM:<other@example.com>\n"
                        "RCPT TO:<alice@example.com>\nRCPT TO:<bob@example.com>\n");
    talk_ok(t, "AT+QFDEL=\"a.bin\"\r");
    put("\r\nOK\r\n\r\n+QSMTPPUT: 661,0\r\n");
    assert_true(t->w.server.connected);
    talk_ok(t, "AT+QSMTPATT=0,1\r");
    put(SENT);
    check(3, 1);
}

static void test_context_ends_it(void **state)
{
    (void)state;
    talk_ok(t, "AT+QIDEACT=1\r");
    assert_false(t->w.server.connected);
    talk_ok(t, "AT+QIACT=1\r");
    put(SENT);
    check(2, 2);
    pm_module_context_lost(&t->w.module, 2, t->w.now);
    assert_true(t->w.server.connected);
    pm_module_context_lost(&t->w.module, 1, t->w.now);
    assert_false(t->w.server.connected);
    (void)talk_say(t, "AT+QIDEACT=1\r");
    talk_ok(t, "AT+QIACT=1\r");
    put(SENT);
    (void)talk_say(t, "AT+CFUN=4\r");
    assert_false(t->w.server.connected);
    assert_null(strstr(t->w.trace, "QUIT"));
    check(3, 3);
}

/* The network is still there when the module goes off or restarts: the server hears QUIT. */
static void test_restart_ends_it(void **state)
{
    (void)state;
    talk_ok(t, "AT+CFUN=1,1\r");
    assert_false(t->w.server.connected);
    assert_int_equal(count(t->w.trace, "QUIT"), 1);
}

static void test_power_down_ends_it(void **state)
{
    (void)state;
    talk_ok(t, "AT+QPOWD\r");
    assert_false(t->w.server.connected);
    assert_int_equal(count(t->w.trace, "QUIT"), 1);
}

/* Every platform call of a mail on a kept connection fails once: one result, nothing left over.
 */
static void test_every_failure(void **state)
{
    (void)state;
    for (unsigned fail_at = 1;; fail_at++) {
        t->w.calls = 0;
        t->w.fail_at = fail_at;
        (void)talk_say(t, "AT+QSMTPPUT=60\r");
        bool failed = t->w.calls >= fail_at;
        t->w.fail_at = 0;
        assert_int_equal(count(t->got, "+QSMTPPUT: "), 1);
        assert_false(t->w.job_memory_out);
        if (!failed) {
            break;
        }
        put(SENT);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_one_connection),
        TEST(test_time_is_over),
        TEST(test_server_ends_it),
        TEST(test_refused_mail_keeps_it),
        TEST(test_one_reconnect),
        TEST(test_gone_at_the_next_mail),
        TEST(test_other_settings),
        TEST(test_other_mail),
        TEST(test_context_ends_it),
        TEST(test_restart_ends_it),
        TEST(test_power_down_ends_it),
        TEST(test_every_failure),
        TEST(test_other_context),
        TEST(test_time_is_over_at_the_next_mail),
        TEST(test_explanation_is_of_this_mail),
        TEST(test_login_is_over),
        TEST(test_settings_change_meanwhile),
        TEST(test_silent_at_the_next_mail),
        TEST(test_other_server_leaves_nobody_out),
        TEST(test_owner_ends_it),
    };
    return cmocka_run_group_tests_name("module_reuse", tests, NULL, NULL);
}
