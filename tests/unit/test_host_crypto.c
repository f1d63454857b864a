/* SPDX-License-Identifier: MIT */
/* HMAC against the vectors of RFC 2202 and RFC 4231, randomness, and job memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "host/crypto.h"

static struct pm_slice slice(const char *text)
{
    return (struct pm_slice){(const uint8_t *)text, strlen(text)};
}

static void test_hmac(void **state)
{
    (void)state;
    uint8_t out[32];
    assert_int_equal(
        pm_crypto_hmac(PM_HMAC_MD5, slice("Jefe"), slice("what do ya want for nothing?"), out),
        PM_OK);
    assert_memory_equal(out, "\x75\x0c\x78\x3e\x6a\xb0\xb5\x03\xea\xa8\x6e\x31\x0a\x5d\xb7\x38",
                        16);
    assert_int_equal(
        pm_crypto_hmac(PM_HMAC_SHA256, slice("Jefe"), slice("what do ya want for nothing?"), out),
        PM_OK);
    assert_memory_equal(out,
                        "\x5b\xdc\xc1\x46\xbf\x60\x75\x4e\x6a\x04\x24\x26\x08\x95\x75\xc7"
                        "\x5a\x00\x3f\x08\x9d\x27\x39\x83\x9d\xec\x58\xb9\x64\xec\x38\x43",
                        32);
}

/* HMAC-MD5 of nothing under an empty key, as every implementation gives it. */
static void test_hmac_of_nothing(void **state)
{
    (void)state;
    uint8_t out[16];
    struct pm_slice nothing = {NULL, 0};
    assert_int_equal(pm_crypto_hmac(PM_HMAC_MD5, nothing, nothing, out), PM_OK);
    assert_memory_equal(out, "\x74\xe6\xf7\x29\x8a\x9c\x2d\x16\x89\x35\xf5\x8c\x00\x1b\xad\x88",
                        16);
}

static void test_random(void **state)
{
    (void)state;
    uint8_t first[32] = {0};
    uint8_t second[32] = {0};
    assert_int_equal(pm_crypto_random(first, sizeof(first)), PM_OK);
    assert_int_equal(pm_crypto_random(second, sizeof(second)), PM_OK);
    assert_memory_not_equal(first, second, sizeof(first));
    assert_int_equal(pm_crypto_random(first, 0), PM_OK);
}

static void test_job_memory(void **state)
{
    (void)state;
    size_t size = 0;
    uint8_t *memory = pm_job_memory(&size);
    assert_non_null(memory);
    assert_in_range(size, 64 * 1024, 128 * 1024);
    memset(memory, 1, size);
    pm_job_memory_free(memory);
    pm_job_memory_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_hmac_of_nothing),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_job_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
