/* SPDX-License-Identifier: MIT */
/* The network of a test lab: fixed answers, configured ones, and faults by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/ip.h"
#include "host/lab.h"

static const struct pm_lab plain = {NULL, true};

static const char *first(const struct pm_lab *lab, const char *host, uint8_t type)
{
    static char text[PM__IP_TEXT + 1];
    struct pm_resolved resolved;
    struct pm__text out;
    int32_t result = pm_lab_resolve(lab, host, type, &resolved);
    if (result != PM_OK) {
        assert_int_equal(result, PM_ERR_RESOLVE);
        return NULL;
    }
    assert_true(resolved.count > 0);
    pm__text_init(&out, text, sizeof text);
    pm__ip_put(&out, &resolved.address[0]);
    assert_true(pm__text_terminate(&out));
    return text;
}

static void test_names(void **state)
{
    char once[PM__IP_TEXT + 1];
    struct pm_resolved resolved;
    (void)state;
    strcpy(once, first(&plain, "mail.example.com", 1));
    assert_memory_equal(once, "192.0.2.", 8);
    assert_string_equal(first(&plain, "MAIL.example.com", 1), once);
    assert_string_not_equal(first(&plain, "mail.example.org", 1), once);
    assert_memory_equal(first(&plain, "mail.example.com", 2), "2001:db8::", 10);
    assert_int_equal(pm_lab_resolve(&plain, "mail.example.com", 3, &resolved), PM_OK);
    assert_int_equal(resolved.count, 2);
    assert_int_equal(resolved.ttl, 300);
    assert_null(first(&plain, "mail.invalid", 1));
    assert_null(first(&plain, "mail.INVALID", 3));
}

static void test_configured(void **state)
{
    const struct pm_lab lab = {"a.test=192.0.2.1 2001:db8::5 192.0.2.2,fault-resolve=10.0.0.1",
                               true};
    struct pm_resolved resolved;
    (void)state;
    assert_string_equal(first(&lab, "a.test", 1), "192.0.2.1");
    assert_string_equal(first(&lab, "A.TEST", 2), "2001:db8::5");
    assert_int_equal(pm_lab_resolve(&lab, "a.test", 1, &resolved), PM_OK);
    assert_int_equal(resolved.count, 2);
    assert_int_equal(pm_lab_resolve(&lab, "a.test", 3, &resolved), PM_OK);
    assert_int_equal(resolved.count, 3);
    assert_string_equal(first(&lab, "fault-resolve", 1), "10.0.0.1");
    assert_null(first(&lab, "fault-resolve", 2));
}

static void test_lists(void **state)
{
    static const char *const bad[] = {
        "a",           "=1.2.3.4",    "a=",          "a=1.2.3",
        "a= ",         "a=1.2.3.4,b", "a=1.2.3.4,,", "a=1.2.3.4;b=1.2.3.4",
        "a=1.2.3.4 x", ",a=1.2.3.4"};
    char err[120];
    (void)state;
    assert_true(pm_lab_check("", err, sizeof err));
    assert_true(pm_lab_check("a=1.2.3.4", err, sizeof err));
    assert_true(pm_lab_check("a=1.2.3.4  ::1 ,b.test=::1,", err, sizeof err));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err[0] = '\0';
        assert_false(pm_lab_check(bad[i], err, sizeof err));
        assert_string_not_equal(err, "");
    }
}

static void test_faults(void **state)
{
    const struct pm_lab calm = {NULL, false};
    struct pm_resolved resolved;
    (void)state;
    assert_null(first(&plain, "fault-resolve.example", 1));
    assert_non_null(first(&calm, "fault-resolve.example", 1));
    assert_int_equal(pm_lab_server(&plain, "fault-silent.example"), PM_LAB_SILENT);
    assert_int_equal(pm_lab_server(&plain, "fault-connect.example"), PM_LAB_REFUSED);
    assert_int_equal(pm_lab_server(&plain, "fault-resolve.example"), PM_LAB_UNKNOWN);
    assert_int_equal(pm_lab_server(&plain, "fault-550.example"), PM_LAB_WORKS);
    assert_int_equal(pm_lab_server(&calm, "fault-silent.example"), PM_LAB_WORKS);
    assert_int_equal(pm_lab_resolve(&plain, "fault-silent.example", 3, &resolved), PM_OK);
    for (uint8_t i = 0; i < resolved.count; i++) {
        assert_true(pm_lab_lost(&resolved.address[i]));
        assert_false(pm_lab_refused(&resolved.address[i]));
    }
    assert_int_equal(pm_lab_resolve(&plain, "fault-connect.example", 3, &resolved), PM_OK);
    for (uint8_t i = 0; i < resolved.count; i++) {
        assert_true(pm_lab_refused(&resolved.address[i]));
    }
    assert_int_equal(pm_lab_resolve(&plain, "mail.example", 3, &resolved), PM_OK);
    assert_false(pm_lab_lost(&resolved.address[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_configured),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
