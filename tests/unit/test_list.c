/* SPDX-License-Identifier: MIT */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Entries with a bar behind each. */
static const char *entries(const char *text)
{
    static char out[100];
    struct pm_slice list = pm__list(text);
    struct pm_slice entry;
    size_t len = 0;
    out[0] = '\0';
    while (pm__list_next(&list, &entry)) {
        len += (size_t)snprintf(out + len, sizeof out - len, "%.*s|", (int)entry.len,
                                (const char *)entry.ptr);
        assert_true(len < sizeof out);
    }
    assert_false(pm__list_next(&list, &entry));
    return out;
}

static void takes_entries_apart(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"a", "a|"},
        {"a,b", "a|b|"},
        {" a , b ", "a|b|"},
        {"a b, c", "a b|c|"},
        {"a,,b", "a||b|"},
        {",a", "|a|"},
        {"a,", "a||"},
        {" ", "|"},
        {",", "||"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(entries(rows[i][0]), rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(takes_entries_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
