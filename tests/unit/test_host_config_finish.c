/* SPDX-License-Identifier: MIT */
/* Settings that depend on each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/config.h"

static void set(struct pm_options *options, const char *pair)
{
    char err[300];
    if (!pm_options_assign(options, pair, err, sizeof err)) {
        fail_msg("%s", err);
    }
}

static bool finish(struct pm_options *options)
{
    char err[600];
    return pm_options_finish(options, err, sizeof err);
}

static void clear_auth(void **state)
{
    (void)state;
    struct pm_options *options = calloc(1, sizeof *options);
    assert_non_null(options);
    pm_options_init(options);
    set(options, "port.1.tcp=127.0.0.1:0");
    assert_true(finish(options));
    assert_int_equal(options->module.auth_in_clear, PM_SMTP_CLEAR_AUTH_ALLOW);
    set(options, "auth_in_clear=never");
    assert_true(finish(options));
    assert_int_equal(options->module.auth_in_clear, PM_SMTP_CLEAR_AUTH_NEVER);
    assert_string_equal(options->module.auth_in_clear_servers, "");
    set(options, "auth_in_clear=a.example,b.example");
    assert_true(finish(options));
    assert_int_equal(options->module.auth_in_clear, PM_SMTP_CLEAR_AUTH_NEVER);
    assert_string_equal(options->module.auth_in_clear_servers, "a.example,b.example");
    set(options, "fallback_charset=no charset");
    assert_false(finish(options));
    pm_options_free(options);
    free(options);
}

static struct pm_options *fresh(void)
{
    struct pm_options *options = calloc(1, sizeof *options);
    assert_non_null(options);
    pm_options_init(options);
    set(options, "port.1.tcp=127.0.0.1:0");
    return options;
}

static void relay_and_its_port(void **state)
{
    static const struct {
        const char *server, *tls, *host;
        uint16_t port;
    } rows[] = {{"mail.example.com", "none", "mail.example.com", 25},
                {"mail.example.com", "starttls", "mail.example.com", 587},
                {"mail.example.com", "tls", "mail.example.com", 465},
                {"192.0.2.1:2525", "tls", "192.0.2.1", 2525},
                {"[2001:db8::1]", "tls", "2001:db8::1", 465},
                {"[2001:db8::1]:1", "none", "2001:db8::1", 1},
                /* Beyond ASCII it stays as it was written; IDNA has its say when it is used. */
                {"b\xc3\xbc"
                 "cher.example",
                 "starttls",
                 "b\xc3\xbc"
                 "cher.example",
                 587},
                {"\xe4\xbe\x8b.example:2525", "none", "\xe4\xbe\x8b.example", 2525}};
    char pair[100];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pm_options *options = fresh();
        snprintf(pair, sizeof pair, "mail.override_server=%s", rows[i].server);
        set(options, pair);
        snprintf(pair, sizeof pair, "mail.override_tls=%s", rows[i].tls);
        set(options, pair);
        assert_true(finish(options));
        assert_string_equal(options->module.policy.server, rows[i].host);
        assert_int_equal(options->module.policy.port, rows[i].port);
        assert_int_equal(options->module.policy.tls, i < 2 ? i : options->module.policy.tls);
        pm_options_delete(options);
    }
}

static void bad_policies(void **state)
{
    static const char *const rows[] = {"mail.override_server=mail.example.com:",
                                       "mail.override_server=mail.example.com:0",
                                       "mail.override_server=mail.example.com:65536",
                                       "mail.override_server=a:25:26",
                                       "mail.override_server=[2001:db8::1",
                                       "mail.override_server=[]:25",
                                       "mail.override_server=user@mail.example.com",
                                       "mail.override_server=:25",
                                       "mail.override_server=b\xfc"
                                       "cher.example",
                                       "mail.override_server=\xe2\x80\xae"
                                       "a.example",
                                       "mail.override_server=a\xef\xbc\x8f"
                                       "b.example",
                                       "mail.override_server=-\xc3\xbc.example",
                                       "mail.dsn_notify=sometimes",
                                       "mail.dsn_notify=success failure",
                                       "mail.dsn_notify=never,failure",
                                       "mail.dsn_notify=failure,",
                                       "mail.dsn_notify=,failure",
                                       "mail.dsn_notify=failure,,delay",
                                       "mail.override_username=user",
                                       "mail.override_password=word",
                                       "mail.from=nobody",
                                       "mail.from=gate@\xe2\x98\x83.example",
                                       "mail.allow_recipients=a@example.com,",
                                       "mail.allow_recipients=@\xe2\x98\x83.example",
                                       "mail.allow_senders=a@example.com,b@\xe2\x98\x83.example",
                                       "mail.allow_recipients=example.com",
                                       "mail.allow_senders=@",
                                       "mail.allow_senders=@a@b",
                                       "mail.rate_limit=20",
                                       "mail.rate_limit=0/hour",
                                       "mail.rate_limit=1000001/day",
                                       "mail.rate_limit=1/week",
                                       "mail.rate_limit=/hour",
                                       "mail.rate_limit=1/hours"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pm_options *options = fresh();
        set(options, rows[i]);
        if (finish(options)) {
            fail_msg("%s is taken", rows[i]);
        }
        pm_options_delete(options);
    }
}

/* Each way to get it wrong has its own text. /etc/passwd is there, and nobody may run it. */
static void commands(void **state)
{
    static const struct {
        const char *pair, *problem;
    } rows[] = {
        {"mail.on_failure=true", "\"true\" is not the full path of a program"},
        {"mail.on_failure=true -x", "\"true -x\" is not the full path of a program"},
        {"mail.on_failure=/nonexistent", "\"/nonexistent\": No such file or directory"},
        {"mail.on_failure=/nonexistent -x", "\"/nonexistent -x\": No such file or directory"},
        {"mail.on_failure=/etc/passwd", "\"/etc/passwd\": Permission denied"},
        {"mail.on_failure=/etc/passwd/x", "\"/etc/passwd/x\": Not a directory"},
        {"mail.on_failure=/etc", "\"/etc\": Is a directory"},
        {"mail.on_failure=/etc x", "\"/etc x\": No such file or directory"},
        {"mail.on_failure=/bin/sh -c x", "\"/bin/sh -c x\": takes no arguments"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pm_options *options = fresh();
        char err[600] = "";
        char wanted[200];
        set(options, rows[i].pair);
        assert_false(pm_options_finish(options, err, sizeof err));
        (void)snprintf(wanted, sizeof wanted, "mail.on_failure: %s", rows[i].problem);
        assert_string_equal(err, wanted);
        pm_options_delete(options);
    }
    struct pm_options *options = fresh();
    set(options, "mail.on_failure=/bin/sh");
    assert_true(finish(options));
    pm_options_delete(options);
}

static void rates(void **state)
{
    static const struct {
        const char *pair;
        uint32_t mails, seconds;
    } rows[] = {{"mail.rate_limit=", 0, 0},
                {"mail.rate_limit=5/second", 5, 1},
                {"mail.rate_limit=1/minute", 1, 60},
                {"mail.rate_limit=20/hour", 20, 3600},
                {"mail.rate_limit=1000000/day", 1000000, 86400}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pm_options *options = fresh();
        set(options, rows[i].pair);
        assert_true(finish(options));
        assert_int_equal(options->module.policy.rate_mails, rows[i].mails);
        assert_int_equal(options->module.policy.rate_seconds, rows[i].seconds);
        pm_options_delete(options);
    }
}

/* Bits of enum pm_smtp_notify. */
static void notifications(void **state)
{
    static const struct {
        const char *pair;
        unsigned notify;
    } rows[] = {{"mail.dsn_notify=", 0},
                {"mail.dsn_notify=never", PM_SMTP_NOTIFY_NEVER},
                {"mail.dsn_notify=failure", PM_SMTP_NOTIFY_FAILURE},
                {"mail.dsn_notify=failure,failure", PM_SMTP_NOTIFY_FAILURE},
                {"mail.dsn_notify=Success , FAILURE,delay",
                 PM_SMTP_NOTIFY_SUCCESS | PM_SMTP_NOTIFY_FAILURE | PM_SMTP_NOTIFY_DELAY}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pm_options *options = fresh();
        set(options, rows[i].pair);
        assert_true(finish(options));
        assert_int_equal(options->module.policy.notify, rows[i].notify);
        pm_options_delete(options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clear_auth),   cmocka_unit_test(relay_and_its_port),
        cmocka_unit_test(bad_policies), cmocka_unit_test(commands),
        cmocka_unit_test(rates),        cmocka_unit_test(notifications)};
    return cmocka_run_group_tests_name("host_config_finish", tests, NULL, NULL);
}
