/* SPDX-License-Identifier: MIT */
/* Settings that depend on each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(clear_auth)};
    return cmocka_run_group_tests_name("host_config_finish", tests, NULL, NULL);
}
