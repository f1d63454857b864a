/* SPDX-License-Identifier: MIT */
/* Connections that serve more than one mail (SD78, SD79), in the test world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "play/world.h"

#define SENT "\r\nOK\r\n\r\n+QSMTPPUT: 0,0\r\n"

static struct world w;
static char got[8192];

static const char *say(const char *text)
{
    world_type(&w, 0, text, strlen(text));
    world_advance(&w, w.now + 500);
    size_t n = world_read(&w, 0, (uint8_t *)got, sizeof got - 1);
    got[n] = '\0';
    return got;
}

static void ok(const char *line)
{
    assert_string_equal(say(line), "\r\nOK\r\n");
}

static void put(const char *result)
{
    assert_string_equal(say("AT+QSMTPPUT=60\r"), result);
}

/* As a driver does it that knows nothing of connections: everything is set before each mail. */
static void configure(void)
{
    ok("AT+QSMTPCFG=\"smtpserver\",\"mail.example\",25\r");
    ok("AT+QSMTPCFG=\"ssltype\",2;+QSMTPCFG=\"sslctxid\",1;+QSMTPCFG=\"contextid\",1\r");
    ok("AT+QSSLCFG=\"cacert\",1,\"UFS:ca.pem\";+QSSLCFG=\"seclevel\",1,1\r");
    ok("AT+QSSLCFG=\"ciphersuite\",1,0XFFFF;+QSSLCFG=\"sslversion\",1,4\r");
    ok("AT+QSMTPCFG=\"account\",\"user\",\"secret\"\r");
    ok("AT+QSMTPCFG=\"sender\",\"Module\",\"module@example.com\"\r");
}

static int begin(void **state)
{
    (void)state;
    world_init(&w);
    w.config.reuse_seconds = 30;
    w.server.capabilities = "PIPELINING|STARTTLS|AUTH PLAIN";
    world_begin(&w, 1);
    assert_true(w.started);
    world_add_file(&w, PM_STORAGE_UFS, "ca.pem", "x", 1);
    (void)say("ATE0\r");
    ok("AT+QIACT=1\r");
    configure();
    ok("AT+QSMTPDST=1,1,\"alice@example.com\"\r");
    put(SENT);
    assert_true(w.server.connected);
    assert_false(w.job_memory_out);
    return 0;
}

/* Nothing of a session, its account above all, outlives its connection. */
static void check_wiped(void)
{
    static const struct pm_smtp nothing;
    if (!w.module.reuse.open) {
        assert_memory_equal(&w.module.job.smtp, &nothing, sizeof nothing);
    }
}

static int end(void **state)
{
    (void)state;
    check_wiped();
    assert_string_equal(world_end(&w), "");
    return 0;
}

static void check(unsigned mails, unsigned connections)
{
    assert_int_equal(w.server.mails, mails);
    assert_int_equal(w.server.connections, connections);
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
    assert_int_equal(count(w.trace, "AUTH"), 3); /* offered before and after TLS, and used once */
    assert_int_equal(count(w.trace, "QUIT"), 0);
}

static void test_time_is_over(void **state)
{
    (void)state;
    world_advance(&w, w.now + 29000);
    assert_true(w.server.connected);
    world_advance(&w, w.now + 1500);
    assert_false(w.server.connected);
    assert_non_null(strstr(w.trace, "QUIT"));
    put(SENT);
    check(2, 2);
}

static void test_refused_mail_keeps_it(void **state)
{
    (void)state;
    w.server.fault = WORLD_REFUSE_RCPT;
    put("\r\nOK\r\n\r\n+QSMTPPUT: 678,550\r\n");
    w.server.fault = WORLD_OK;
    assert_non_null(strstr(w.trace, "RSET"));
    put(SENT);
    check(2, 1);
}

static void speak(const char *text, bool close)
{
    world_server_say(&w, text);
    w.server.closed_told = close;
    world_run(&w);
}

static void test_server_ends_it(void **state)
{
    (void)state;
    static const char *const last_words[] = {"421 idle\r\n", "", "250 ?\r\n", "garbage\r\n", "2"};
    for (unsigned i = 0; i < sizeof last_words / sizeof last_words[0]; i++) {
        speak(last_words[i], true);
        assert_false(w.server.connected);
        assert_string_equal(say(""), "");
        put(SENT);
        check(i + 2, i + 2);
    }
}

static void test_gone_at_the_next_mail(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        /* On its way while the mail begins. */
        world_server_say(&w, i == 0 ? "421 idle\r\n" : "");
        w.server.closed_told = true;
        put(SENT);
        check(i + 2, i + 2);
    }
    assert_int_equal(count(w.log, "over a new one"), 2);
}

/* A second connection that fares no better ends the mail: there is no third. */
static void test_one_reconnect(void **state)
{
    (void)state;
    assert_true(world_server_reply(&w, "MAIL", (const uint8_t *)"421 no", 6, true));
    put("\r\nOK\r\n\r\n+QSMTPPUT: 666,421\r\n");
    check(1, 2);
    assert_false(w.server.connected);
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
        ok(changes[i]);
        put(SENT);
        check(2 * i + 2, i + 2);
        put(SENT);
        check(2 * i + 3, i + 2);
    }
}

static void test_other_context(void **state)
{
    (void)state;
    ok("AT+QICSGP=2,1,\"internet\",\"\",\"\",1\r");
    ok("AT+QIACT=2\r");
    assert_true(w.server.connected);
    ok("AT+QSMTPCFG=\"contextid\",2\r");
    put(SENT);
    check(2, 2);
    /* While it is active nobody makes another one of it. */
    assert_string_equal(say("AT+QICSGP=2,2,\"internet\",\"\",\"\",1\r"), "\r\nERROR\r\n");
    assert_string_equal(say("AT+CGDCONT=2,\"IPV6\"\r"), "\r\n+CME ERROR: 3\r\n");
    put(SENT);
    check(3, 2);
}

/* The time is over while a file of the next mail is opened, and nobody has looked at the clock. */
static void test_time_is_over_at_the_next_mail(void **state)
{
    (void)state;
    world_add_file(&w, PM_STORAGE_UFS, "a.bin", "abc", 3);
    ok("AT+QSMTPATT=1,1,\"a.bin\"\r");
    w.async = true;
    (void)pm_port_input(&w.ports[0], (const uint8_t *)"AT+QSMTPPUT=60\r", 15, w.now);
    assert_int_not_equal(w.op_count, 0);
    w.now += 31000;
    w.async = false;
    assert_string_equal(say(""), SENT);
    check(2, 2);
    assert_non_null(strstr(w.trace, "QUIT"));
}

/* What the log says about a mail that never had a session is not of the one before. */
static void test_explanation_is_of_this_mail(void **state)
{
    (void)state;
    w.config.policy.require_tls = true;
    put("\r\nOK\r\n\r\n+QSMTPPUT: 665,0\r\n");
    assert_int_equal(count(w.log, "does not offer REQUIRETLS"), 1);
    assert_true(w.server.connected);
    ok("AT+QSMTPCFG=\"ssltype\",0\r");
    put("\r\nOK\r\n\r\n+QSMTPPUT: 665,0\r\n");
    assert_int_equal(count(w.log, "no mail without TLS"), 1);
    assert_int_equal(count(w.log, "does not offer REQUIRETLS"), 1);
}

/* A login that has come to its end is made anew, once. */
static void test_login_is_over(void **state)
{
    (void)state;
    assert_true(world_server_reply(&w, "MAIL", (const uint8_t *)"530 log in", 10, true));
    put("\r\nOK\r\n\r\n+QSMTPPUT: 676,530\r\n");
    check(1, 2);
    assert_int_equal(count(w.log, "says 530 on the kept connection"), 1);
    assert_int_equal(count(w.trace, "AUTH PLAIN ***"), 2);
}

/* The settings of a mail are those at its QSMTPPUT. A connection made with them is not one for
 * the next mail when they change while the mail is on its way. */
static void test_settings_change_meanwhile(void **state)
{
    (void)state;
    ok("AT+QSSLCFG=\"seclevel\",1,0\r");
    assert_string_equal(say("AT+QSMTPPUT=60;+QSSLCFG=\"seclevel\",1,1\r"), SENT);
    check(2, 2);
    put(SENT);
    check(3, 3);
}

/* A path that died without a word costs the mail half a minute, and no more. */
static void test_silent_at_the_next_mail(void **state)
{
    (void)state;
    w.server.fault = WORLD_SILENT;
    assert_string_equal(say("AT+QSMTPPUT=60\r"), "\r\nOK\r\n");
    w.server.fault = WORLD_OK;
    world_advance(&w, w.now + 29000);
    check(1, 1);
    world_advance(&w, w.now + 2000);
    check(2, 2);
    assert_string_equal(say(""), "\r\n+QSMTPPUT: 0,0\r\n");
}

static void test_owner_ends_it(void **state)
{
    (void)state;
    pm_module_mail_leave(&w.module, w.now);
    world_run(&w);
    assert_false(w.server.connected);
    assert_non_null(strstr(w.trace, "QUIT"));
    assert_null(strstr(w.log, "the server has ended"));
    pm_module_mail_leave(&w.module, w.now);
    put(SENT);
    check(2, 2);
}

/* What belongs to the mail and not to the connection changes freely. */
static void test_other_mail(void **state)
{
    (void)state;
    world_add_file(&w, PM_STORAGE_UFS, "a.bin", "abc", 3);
    ok("AT+QSMTPCFG=\"sender\",\"Other\",\"other@example.com\"\r");
    ok("AT+QSMTPDST=1,1,\"bob@example.com\";+QSMTPSUB=0,\"x\"\r");
    ok("AT+QSMTPATT=1,1,\"a.bin\"\r");
    put(SENT);
    check(2, 1);
    assert_string_equal(w.server.envelope,
                        "MAIL FROM:<other@example.com>\n"
                        "RCPT TO:<alice@example.com>\nRCPT TO:<bob@example.com>\n");
    ok("AT+QFDEL=\"a.bin\"\r");
    put("\r\nOK\r\n\r\n+QSMTPPUT: 661,0\r\n");
    assert_true(w.server.connected);
    ok("AT+QSMTPATT=0,1\r");
    put(SENT);
    check(3, 1);
}

static void test_context_ends_it(void **state)
{
    (void)state;
    ok("AT+QIDEACT=1\r");
    assert_false(w.server.connected);
    ok("AT+QIACT=1\r");
    put(SENT);
    check(2, 2);
    pm_module_context_lost(&w.module, 2, w.now);
    assert_true(w.server.connected);
    pm_module_context_lost(&w.module, 1, w.now);
    assert_false(w.server.connected);
    (void)say("AT+QIDEACT=1\r");
    ok("AT+QIACT=1\r");
    put(SENT);
    (void)say("AT+CFUN=1,1\r");
    assert_false(w.server.connected);
    check(3, 3);
}

/* Every platform call of a mail on a kept connection fails once: one result, nothing left over.
 */
static void test_every_failure(void **state)
{
    (void)state;
    for (unsigned fail_at = 1;; fail_at++) {
        w.calls = 0;
        w.fail_at = fail_at;
        (void)say("AT+QSMTPPUT=60\r");
        bool failed = w.calls >= fail_at;
        w.fail_at = 0;
        assert_int_equal(count(got, "+QSMTPPUT: "), 1);
        assert_false(w.job_memory_out);
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
        TEST(test_every_failure),
        TEST(test_other_context),
        TEST(test_time_is_over_at_the_next_mail),
        TEST(test_explanation_is_of_this_mail),
        TEST(test_login_is_over),
        TEST(test_settings_change_meanwhile),
        TEST(test_silent_at_the_next_mail),
        TEST(test_owner_ends_it),
    };
    return cmocka_run_group_tests_name("module_reuse", tests, NULL, NULL);
}
