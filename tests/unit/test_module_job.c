/* SPDX-License-Identifier: MIT */
/* The mail job in the test world: what is sent, every failure, and nothing left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "talk.h"

#define BODY "Hello,\r\n.starts with a dot\r\n..and two\r\nend"

/* Ways to log in that ask the platform for something. */
enum { LOGINS = 3 };

static void choose_login(struct talk *t, int login)
{
    static const char *const offers[LOGINS] = {
        "PIPELINING|AUTH CRAM-MD5", "AUTH SCRAM-SHA-256 SCRAM-SHA-256-PLUS PLAIN", "AUTH XOAUTH2"};
    t->w.server.capabilities = offers[login];
    t->w.config.token_server = login == 2 ? "MAIL.example" : "other.example";
}

/* Tokens and -PLUS want TLS. */
static void use_tls(struct talk *t, int login)
{
    talk_ok(t, login != 0 ? "AT+QSMTPCFG=\"ssltype\",1\r" : "AT+QSMTPCFG=\"ssltype\",0\r");
}

/* A draft with two recipients, a body and two attachments of odd sizes. */
static void make_draft(struct talk *t)
{
    static uint8_t bytes[5000];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    }
    world_add_file(&t->w, PM_STORAGE_RAM, "a.bin", bytes, sizeof bytes);
    world_add_file(&t->w, PM_STORAGE_UFS, "empty.txt", bytes, 0);
    talk_mail_settings(t);
    talk_ok(t, "AT+QSMTPCFG=\"account\",\"user\",\"secret\"\r");
    talk_ok(t, "AT+QSMTPDST=1,1,\"alice@example.com\"\r");
    talk_ok(t, "AT+QSMTPDST=1,3,\"blind@example.com\"\r");
    talk_ok(t, "AT+QSMTPSUB=0,\"Numbers\"\r");
    talk_mail_body(t, BODY);
    talk_ok(t, "AT+QSMTPATT=1,1,\"RAM:a.bin\"\r");
    talk_ok(t, "AT+QSMTPATT=1,3,\"empty.txt\"\r");
}

/* The bytes of the last message as the composer made them: dots taken off. */
static size_t unstuffed(const struct world_server *s)
{
    size_t n = s->message_len;
    for (size_t i = 0; i < s->message_len; i++) {
        if (s->message[i] == '.' && (i == 0 || s->message[i - 1] == '\n')) {
            n--;
        }
    }
    return n;
}

static bool holds(const struct world_server *s, const char *text)
{
    return memmem(s->message, s->message_len, text, strlen(text)) != NULL;
}

static void sends_what_was_written(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    make_draft(t);
    assert_string_equal(talk_say(t, "AT+QSMTPPUT=60\r"), "\r\nOK\r\n\r\n+QSMTPPUT: 0,0\r\n");
    assert_int_equal(t->w.server.mails, 1);
    assert_non_null(strstr(t->w.server.envelope, "RCPT TO:<blind@example.com>"));
    assert_false(holds(&t->w.server, "blind@example.com"));
    assert_true(holds(&t->w.server, "\r\n...and two\r\n"));
    assert_true(holds(&t->w.server, "empty.txt"));
    talk_end(t);
}

static void announces_the_exact_size(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    char size[40];
    make_draft(t);
    (void)talk_say(t, "AT+QSMTPPUT=60\r");
    (void)snprintf(size, sizeof size, " SIZE=%zu", unstuffed(&t->w.server));
    assert_non_null(strstr(t->w.server.envelope, size));
    talk_end(t);
}

static void any_send_size_gives_the_same_message(void **state)
{
    (void)state;
    uint8_t *whole = NULL;
    size_t whole_len = 0;
    for (unsigned limit = 0; limit < 140; limit += limit < 8 ? 1 : 13) {
        struct talk *t = talk_new();
        t->w.server.send_limit = limit;
        t->w.async = limit % 2 == 1;
        world_begin(&t->w, 1);
        make_draft(t);
        assert_non_null(strstr(talk_say(t, "AT+QSMTPPUT=60\r"), "+QSMTPPUT: 0,0"));
        if (whole == NULL) {
            whole_len = t->w.server.message_len;
            whole = malloc(whole_len);
            assert_non_null(whole);
            memcpy(whole, t->w.server.message, whole_len);
        }
        assert_int_equal(t->w.server.message_len, whole_len);
        assert_memory_equal(t->w.server.message, whole, whole_len);
        talk_end(t);
    }
    free(whole);
}

/* The Message-ID header line of the last mail. */
static void message_id(const struct world_server *s, char out[128])
{
    const char *key = "Message-ID: ";
    for (size_t i = 0; i + 128 < s->message_len; i++) {
        if (memcmp(s->message + i, key, strlen(key)) == 0) {
            const uint8_t *stop = memchr(s->message + i, '\r', 127);
            assert_non_null(stop);
            size_t n = (size_t)(stop - (s->message + i));
            memcpy(out, s->message + i, n);
            out[n] = '\0';
            return;
        }
    }
    fail_msg("no Message-ID");
}

static int32_t counting_random(void *user, uint8_t *out, size_t len)
{
    static uint8_t next = 1;
    (void)user;
    memset(out, next++, len);
    return PM_OK;
}

static void message_id_stays_with_the_draft(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    char first[128];
    char again[128];
    t->w.platform.random = counting_random;
    world_begin(&t->w, 1);
    make_draft(t);
    (void)talk_say(t, "AT+QSMTPPUT=60\r");
    message_id(&t->w.server, first);
    (void)talk_say(t, "AT+QSMTPPUT=60\r");
    message_id(&t->w.server, again);
    assert_string_equal(first, again);
    assert_int_equal(t->w.server.mails, 2);
    talk_ok(t, "AT+QSMTPSUB=0,\"Other\"\r");
    (void)talk_say(t, "AT+QSMTPPUT=60\r");
    message_id(&t->w.server, again);
    assert_string_not_equal(first, again);
    talk_end(t);
}

static void fail_each_call(int login, bool async)
{
    bool reached = true;
    for (unsigned n = 1; reached; n++) {
        struct talk *t = talk_new();
        t->w.async = async;
        choose_login(t, login);
        world_begin(&t->w, 1);
        make_draft(t);
        use_tls(t, login);
        t->w.calls = 0;
        t->w.fail_at = n;
        const char *got = talk_say(t, "AT+QSMTPPUT=60\r");
        const char *urc = strstr(got, "+QSMTPPUT: ");
        assert_non_null(urc);
        assert_null(strstr(urc + 1, "+QSMTPPUT: "));
        reached = t->w.calls >= n;
        /* Only the QUIT at the end, and what another mechanism does without, may fail. */
        assert_true(!reached || strncmp(urc + 11, "0,0", 3) != 0 || t->w.server.mails == 1);
        t->w.fail_at = 0;
        talk_ok(t, "AT\r");
        assert_non_null(strstr(talk_say(t, "AT+QSMTPPUT=60\r"), "+QSMTPPUT: 0,0"));
        talk_end(t);
        assert_true(reached || n > 10);
    }
}

/* Each platform call of a whole mail fails once: one result, nothing left (world_end looks). */
static void every_failing_call_gives_one_result(void **state)
{
    (void)state;
    for (int login = 0; login < LOGINS; login++) {
        fail_each_call(login, false);
        fail_each_call(login, true);
    }
}

/* The module may end at any moment; world_end() looks at what it leaves. */
static void may_end_at_any_moment(void **state)
{
    (void)state;
    for (unsigned run = 0; run < 60 * LOGINS; run++) {
        unsigned steps = run / LOGINS;
        struct talk *t = talk_new();
        t->w.async = true;
        choose_login(t, (int)(run % LOGINS));
        world_begin(&t->w, 1);
        make_draft(t);
        use_tls(t, (int)(run % LOGINS));
        world_type(&t->w, 0, "AT+QSMTPPUT=60", 14);
        talk_type_only(t, 0, "\r");
        for (unsigned i = 0; i < steps && t->w.op_count != 0; i++) {
            struct pm_op *op = t->w.ops[0].op;
            int32_t result = t->w.ops[0].result;
            t->w.op_count--;
            memmove(&t->w.ops[0], &t->w.ops[1], t->w.op_count * sizeof t->w.ops[0]);
            pm_module_done(&t->w.module, op, result, t->w.now);
            if (t->w.server.out_len != 0 && t->w.op_count == 0) {
                uint8_t bytes[sizeof t->w.server.out];
                size_t len = t->w.server.out_len;
                memcpy(bytes, t->w.server.out, len);
                t->w.server.out_len = 0;
                pm_module_received(&t->w.module, bytes, len, t->w.now);
            }
        }
        talk_end(t);
    }
}

/* SD57: without a gap the result waits for no millisecond once the host's piece has ended. */
static void no_gap_no_wait(void **state)
{
    (void)state;
    static const uint32_t gaps[] = {0, 20};
    for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
        struct talk *t = talk_new();
        t->w.config.urc_gap = gaps[i];
        t->w.config.policy.allow_recipients = "nobody@example.com"; /* fails as it begins */
        world_begin(&t->w, 1);
        make_draft(t);
        world_type(&t->w, 0, "AT+QSMTPPUT=60\r", 15);
        size_t answered = world_read(&t->w, 0, (uint8_t *)t->got, sizeof t->got);
        assert_true(answered > 0);
        pm_port_input_end(&t->w.ports[0], t->w.now);
        size_t told = world_read(&t->w, 0, (uint8_t *)t->got, sizeof t->got);
        static const char result[] = "\r\n+QSMTPPUT: 678,550\r\n";
        assert_int_equal(told, gaps[i] == 0 ? sizeof result - 1 : 0);
        assert_memory_equal(told != 0 ? t->got : talk_later(t, 20), result, sizeof result - 1);
        talk_end(t);
    }
}

static void timeout_is_kept(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    t->w.server.fault = WORLD_SILENT;
    world_begin(&t->w, 1);
    make_draft(t);
    talk_ok(t, "AT+QSMTPPUT=61\r");
    assert_string_equal(talk_later(t, 60499), "");
    assert_string_equal(talk_later(t, 1), "\r\n+QSMTPPUT: 658,0\r\n");
    talk_end(t);
}

static void a_peer_that_takes_nothing_times_out(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    t->w.server.fault = WORLD_STUCK;
    world_begin(&t->w, 1);
    make_draft(t);
    talk_ok(t, "AT+QSMTPPUT=65535\r");
    assert_string_equal(talk_later(t, 179000), "");
    assert_string_equal(talk_later(t, 1000), "\r\n+QSMTPPUT: 658,0\r\n");
    talk_end(t);
}

static void context_down_ends_it(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    t->w.server.fault = WORLD_SILENT;
    world_begin(&t->w, 1);
    make_draft(t);
    (void)talk_say(t, "AT+QSMTPPUT=60\r");
    assert_string_equal(talk_say(t, "AT+QIDEACT=1\r"), "\r\nOK\r\n\r\n+QSMTPPUT: 657,0\r\n");
    assert_string_equal(talk_say(t, "AT+QSMTPPUT=60\r"), "\r\n+CME ERROR: 657\r\n");
    talk_end(t);
}

static void abort_is_reported(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    t->w.server.fault = WORLD_SILENT;
    world_begin(&t->w, 1);
    make_draft(t);
    (void)talk_say(t, "AT+QSMTPPUT=60\r");
    assert_true(pm_module_mail_running(&t->w.module));
    pm_module_mail_abort(&t->w.module, t->w.now);
    assert_false(pm_module_mail_running(&t->w.module));
    assert_string_equal(talk_later(t, 100), "\r\n+QSMTPPUT: 651,0\r\n");
    struct pm_module_counts counts = pm_module_count(&t->w.module);
    assert_int_equal(counts.mails_failed, 1);
    assert_int_equal(counts.last_error, 651);
    talk_end(t);
}

/* Since the server has the first of the mail's bytes. */
static bool changed_meanwhile(void *user, pm_file file)
{
    const struct world *w = user;
    (void)file;
    return w->server.message_len != 0;
}

/* The connection is dropped at the next read, not where the mail would end (SD86). */
static void a_changed_file_stops_the_mail(void **state)
{
    static const char *const offers[] = {"PIPELINING", "PIPELINING|CHUNKING"};
    (void)state;
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        struct talk *t = talk_new();
        t->w.server.capabilities = offers[i];
        t->w.platform.file_changed = changed_meanwhile;
        world_begin(&t->w, 1);
        make_draft(t);
        assert_string_equal(talk_say(t, "AT+QSMTPPUT=60\r"), "\r\nOK\r\n\r\n+QSMTPPUT: 661,0\r\n");
        assert_int_equal(t->w.server.mails, 0);
        assert_in_range(t->w.server.message_len, 1, 4000); /* of more than 6600 */
        talk_end(t);
    }
}

static void no_secret_in_log_or_trace(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    make_draft(t);
    (void)talk_say(t, "AT+QSMTPPUT=60\r");
    assert_null(strstr(t->w.log, "secret"));
    assert_null(strstr(t->w.trace, "secret"));
    assert_null(strstr(t->w.trace, "c2VjcmV0")); /* base64 of it */
    assert_non_null(strstr(t->w.trace, "MAIL FROM:<module@example.com>"));
    talk_end(t);
}

/* With mechanisms that show the password only: allowed, forbidden, and allowed by name (SD59). */
static void clear_auth_is_a_policy(void **state)
{
    static const struct {
        enum pm_smtp_clear_auth policy;
        const char *servers;
        const char *result;
    } rows[] = {
        {PM_SMTP_CLEAR_AUTH_ALLOW, "", "+QSMTPPUT: 0,0"},
        {PM_SMTP_CLEAR_AUTH_NEVER, "", "+QSMTPPUT: 655,0"},
        {PM_SMTP_CLEAR_AUTH_NEVER, "other.example", "+QSMTPPUT: 655,0"},
        {PM_SMTP_CLEAR_AUTH_NEVER, "mail.example.org,other.example", "+QSMTPPUT: 655,0"},
        {PM_SMTP_CLEAR_AUTH_NEVER, "other.example,MAIL.example,", "+QSMTPPUT: 0,0"},
        {PM_SMTP_CLEAR_AUTH_NEVER, "other.example, mail.example", "+QSMTPPUT: 0,0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct talk *t = talk_new();
        t->w.server.capabilities = "AUTH PLAIN LOGIN";
        t->w.config.auth_in_clear = rows[i].policy;
        t->w.config.auth_in_clear_servers = rows[i].servers;
        world_begin(&t->w, 1);
        make_draft(t);
        assert_non_null(strstr(talk_say(t, "AT+QSMTPPUT=60\r"), rows[i].result));
        bool warned = strstr(t->w.log, "the account may be sent") != NULL;
        assert_int_equal(warned, strstr(rows[i].result, "0,0") == rows[i].result + 11);
        talk_end(t);
    }
}

/* Plays the server up to the final dot: each reply is handed to the module at w.now. */
static void server_says(struct talk *t, const char *text)
{
    pm_module_received(&t->w.module, (const uint8_t *)text, strlen(text), t->w.now);
}

/* The reply to the final dot comes `late` ms after the mail was asked for. */
static const char *confirmed_late(struct talk *t, uint64_t late)
{
    static const char *const replies[] = {"220 x\r\n", "250 x\r\n", "250 x\r\n",
                                          "250 x\r\n", "250 x\r\n", "354 x\r\n"};
    t->w.server.fault = WORLD_SILENT;
    world_begin(&t->w, 1);
    make_draft(t);
    uint64_t start = t->w.now;
    talk_ok(t, "AT+QSMTPPUT=65535\r");
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        server_says(t, replies[i]);
    }
    t->w.now = start + late;
    server_says(t, "250 taken\r\n");
    return talk_later(t, 100);
}

/* A reply that is not the last one does not buy time. */
static void what_has_come_stops_no_clock(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    t->w.server.fault = WORLD_SILENT;
    world_begin(&t->w, 1);
    make_draft(t);
    talk_ok(t, "AT+QSMTPPUT=60\r");
    t->w.now += 60000;
    server_says(t, "220 x\r\n");
    assert_false(pm_module_mail_running(&t->w.module));
    assert_string_equal(talk_later(t, 100), "\r\n+QSMTPPUT: 658,0\r\n");
    talk_end(t);
}

/* Nothing ticks in time when the process was held up: the 250 and the deadline come together. */
static void what_has_come_counts_before_the_time(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    assert_string_equal(confirmed_late(t, 65535U * 1000U + 5U), "\r\n+QSMTPPUT: 0,0\r\n");
    talk_end(t);
    t = talk_new();
    /* Beyond the ten minutes of RFC 5321 for the final dot. */
    assert_string_equal(confirmed_late(t, 700000U), "\r\n+QSMTPPUT: 0,0\r\n");
    talk_end(t);
}

/* SD54: a refusal in a group whose last reply never comes is not forgotten, wherever the bytes are
 * cut; one of several is none with `recipients = any`. */
static void a_refusal_outlives_the_time(void **state)
{
    static const struct {
        const char *offers, *replies, *result;
        uint8_t recipients;
    } rows[] = {
        {"PIPELINING", "250 m\r\n550 5.1.1 a\r\n250 b\r\n", "678,550", PM_RECIPIENTS_ALL},
        {"PIPELINING", "250 m\r\n250 a\r\n450 b\r\n", "667,450", PM_RECIPIENTS_ALL},
        {"PIPELINING", "553 m\r\n", "681,553", PM_RECIPIENTS_ALL},
        {"PIPELINING", "250 m\r\n550 a\r\n250 b\r\n", "658,0", PM_RECIPIENTS_ANY},
        {"PIPELINING", "250 m\r\n550 a\r\n450 b\r\n", "678,550", PM_RECIPIENTS_ANY},
        {"PIPELINING\r\n250-CHUNKING", "250 m\r\n550 a\r\n450 b\r\n", "678,550", PM_RECIPIENTS_ANY},
        {"PIPELINING\r\n250-CHUNKING", "250 m\r\n250 a\r\n450 b\r\n", "658,0", PM_RECIPIENTS_ANY},
        {"PIPELINING", "250 m\r\n250 a\r\n", "658,0", PM_RECIPIENTS_ALL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t cut = 0; cut < strlen(rows[i].replies); cut++) {
            struct talk *t = talk_new();
            char greeting[100];
            char wanted[40];
            t->w.server.fault = WORLD_SILENT;
            t->w.config.recipients = rows[i].recipients;
            world_begin(&t->w, 1);
            make_draft(t);
            talk_ok(t, "AT+QSMTPPUT=60\r");
            (void)snprintf(greeting, sizeof greeting, "250-x\r\n250-%s\r\n250 x\r\n",
                           rows[i].offers);
            server_says(t, "220 x\r\n");
            server_says(t, greeting);
            pm_module_received(&t->w.module, (const uint8_t *)rows[i].replies, cut, t->w.now);
            server_says(t, rows[i].replies + cut);
            (void)snprintf(wanted, sizeof wanted, "\r\n+QSMTPPUT: %s\r\n", rows[i].result);
            assert_string_equal(talk_later(t, 59000), "");
            assert_string_equal(talk_later(t, 1000), wanted);
            assert_true(i != 0 || strstr(t->w.log, "SMTP reply 550 (5.1.1)") != NULL);
            talk_end(t);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_what_was_written),
        cmocka_unit_test(what_has_come_counts_before_the_time),
        cmocka_unit_test(what_has_come_stops_no_clock),
        cmocka_unit_test(a_refusal_outlives_the_time),
        cmocka_unit_test(announces_the_exact_size),
        cmocka_unit_test(any_send_size_gives_the_same_message),
        cmocka_unit_test(message_id_stays_with_the_draft),
        cmocka_unit_test(every_failing_call_gives_one_result),
        cmocka_unit_test(may_end_at_any_moment),
        cmocka_unit_test(timeout_is_kept),
        cmocka_unit_test(no_gap_no_wait),
        cmocka_unit_test(a_peer_that_takes_nothing_times_out),
        cmocka_unit_test(context_down_ends_it),
        cmocka_unit_test(abort_is_reported),
        cmocka_unit_test(a_changed_file_stops_the_mail),
        cmocka_unit_test(no_secret_in_log_or_trace),
        cmocka_unit_test(clear_auth_is_a_policy),
    };
    return cmocka_run_group_tests_name("module_job", tests, NULL, NULL);
}
