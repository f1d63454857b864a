/* SPDX-License-Identifier: MIT */
/* What each version and suite that a host may ask for comes to (SD58). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/tls1.h>
#include <string.h>

#include "host/tls_policy.h"

static struct pm_tls_policy policy_of(uint8_t version, uint16_t suite)
{
    struct pm_tls_request request = {.version = version, .ciphersuite = suite};
    return pm_tls_policy(&request);
}

static void test_versions(void **state)
{
    (void)state;
    for (uint8_t version = 0; version <= 5; version++) {
        struct pm_tls_policy policy = policy_of(version, 0xFFFF);
        assert_int_equal(policy.min_version, TLS1_2_VERSION);
        assert_int_equal(policy.max_version, version == 3 ? TLS1_2_VERSION : TLS1_3_VERSION);
        assert_int_equal(policy.weak_version, version < 3);
        assert_false(policy.weak_suite);
    }
}

/* Every number of the list of AT+QSSLCFG="ciphersuite". */
static const uint16_t listed[] = {0x0035, 0x002F, 0x0005, 0x0004, 0x000A, 0x003D, 0xC002, 0xC003,
                                  0xC004, 0xC005, 0xC007, 0xC008, 0xC009, 0xC00A, 0xC011, 0xC012,
                                  0xC013, 0xC014, 0xC00C, 0xC00D, 0xC00E, 0xC00F, 0xC023, 0xC024,
                                  0xC025, 0xC026, 0xC027, 0xC028, 0xC029, 0xC02A, 0xC02F, 0xC030};
static const uint16_t safe[] = {0xC023, 0xC024, 0xC027, 0xC028, 0xC02F, 0xC030};

static void test_suites(void **state)
{
    (void)state;
    const char *defaults = policy_of(4, 0xFFFF).suites;
    for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++) {
        bool is_safe = false;
        for (size_t k = 0; k < sizeof(safe) / sizeof(safe[0]); k++) {
            is_safe = is_safe || safe[k] == listed[i];
        }
        struct pm_tls_policy policy = policy_of(4, listed[i]);
        assert_int_equal(policy.weak_suite, !is_safe);
        assert_int_equal(strcmp(policy.suites, defaults) == 0, !is_safe);
        assert_null(is_safe ? strchr(policy.suites, ':') : NULL);
    }
}

static void test_words(void **state)
{
    (void)state;
    char text[160];
    struct pm_tls_request request = {.version = 4, .ciphersuite = 0xFFFF, .seclevel = 2};
    pm_tls_asked(&request, text, sizeof(text));
    assert_string_equal(text, "sslversion 4 (all), all suites, seclevel 2");
    request = (struct pm_tls_request){.version = 0, .ciphersuite = 0x0004};
    pm_tls_asked(&request, text, sizeof(text));
    assert_string_equal(text, "sslversion 0 (SSL 3.0, no longer safe), suite 0X0004 (no longer "
                              "safe), seclevel 0");
    request = (struct pm_tls_request){.version = 3, .ciphersuite = 0xC02F, .seclevel = 1};
    pm_tls_asked(&request, text, sizeof(text));
    assert_string_equal(text, "sslversion 3 (TLS 1.2), suite 0XC02F, seclevel 1");
    request.configured = true;
    pm_tls_asked(&request, text, sizeof(text));
    assert_string_equal(text, "as the configuration says");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_suites),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
