/* SPDX-License-Identifier: MIT */
#include "base/wipe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void wipes_exactly_the_range(void **state)
{
    (void)state;
    char secret[] = "[secret]";
    pm__wipe(secret + 1, 6);
    assert_memory_equal(secret, "[\0\0\0\0\0\0]", 8);
    pm__wipe(NULL, 0);
    pm__wipe(secret, 0);
    assert_int_equal(secret[0], '[');
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wipes_exactly_the_range)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
