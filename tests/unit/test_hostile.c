/* SPDX-License-Identifier: MIT */
/* The hostile server's cases (tests/hostile/), played against the module. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "hostile.h"

static void play_file(const char *name)
{
    unsigned before = hostile_cases();
    hostile_read_file(name, hostile_play);
    assert_true(hostile_cases() > before);
}

#define FILE_TEST(name)                   \
    static void test_##name(void **state) \
    {                                     \
        (void)state;                      \
        play_file(#name ".smtp");         \
    }

FILE_TEST(starttls)
FILE_TEST(replies)
FILE_TEST(transaction)
FILE_TEST(auth)
FILE_TEST(pipeline)
FILE_TEST(chunking)
FILE_TEST(reuse)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starttls),    cmocka_unit_test(test_replies),
        cmocka_unit_test(test_transaction), cmocka_unit_test(test_auth),
        cmocka_unit_test(test_pipeline),    cmocka_unit_test(test_chunking),
        cmocka_unit_test(test_reuse),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)printf("%u cases, %u runs\n", hostile_cases(), hostile_runs());
    return failed;
}
