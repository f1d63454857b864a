/* SPDX-License-Identifier: MIT */
/* The index over command rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "postmodem/at.h"

static struct pm_at_table table;

static void test_find(void **state)
{
    (void)state;
    static const struct pm_at_command rows[] = {
        {.name = "E"}, {.name = "&F"}, {.name = "+QSMTPCFG"}, {.name = "+QSMTPCF"}};
    pm_at_table_init(&table);
    assert_null(pm_at_table_find(&table, "E", 1));
    assert_true(pm_at_table_add(&table, rows, 4));
    assert_int_equal(table.count, 4);
    assert_ptr_equal(pm_at_table_find(&table, "e", 1), &rows[0]);
    assert_ptr_equal(pm_at_table_find(&table, "&f", 2), &rows[1]);
    assert_ptr_equal(pm_at_table_find(&table, "+QsmtpCFG=1", 9), &rows[2]);
    assert_ptr_equal(pm_at_table_find(&table, "+QSMTPCFG", 8), &rows[3]);
    assert_null(pm_at_table_find(&table, "+QSMTPCFGX", 10));
    assert_null(pm_at_table_find(&table, "+Q", 2));
    for (char a = 'A'; a <= 'Z'; a++) {
        for (char b = 'A'; b <= 'Z'; b++) { /* Some of them fall on the slot of "E". */
            const char name[3] = {'E', a, b};
            assert_null(pm_at_table_find(&table, name, sizeof name));
        }
    }
    assert_null(pm_at_table_find(&table, "", 0));
    assert_null(pm_at_table_find(&table, "+QSMTPCF\0", 9));
}

static void test_bad_rows(void **state)
{
    (void)state;
    static const struct pm_at_command twice[] = {{.name = "+A"}, {.name = "+B"}, {.name = "+A"}};
    static const struct pm_at_command lower[] = {{.name = "+a"}};
    static const struct pm_at_command empty[] = {{.name = ""}};
    pm_at_table_init(&table);
    assert_false(pm_at_table_add(&table, twice, 3));
    assert_int_equal(table.count, 2);
    assert_non_null(pm_at_table_find(&table, "+B", 2));
    assert_false(pm_at_table_add(&table, lower, 1));
    assert_false(pm_at_table_add(&table, empty, 1));
    assert_int_equal(table.count, 2);
}

/* Half of the slots may be used, each row stays reachable, and probes stay short. */
static void test_full(void **state)
{
    (void)state;
    enum { MOST = PM_AT_INDEX_SLOTS / 2 };
    static char names[MOST + 1][16];
    static struct pm_at_command rows[MOST + 1];
    pm_at_table_init(&table);
    for (int i = 0; i <= MOST; i++) {
        (void)snprintf(names[i], sizeof names[i], "+C%dX", i);
        rows[i].name = names[i];
    }
    assert_false(pm_at_table_add(&table, rows, MOST + 1));
    assert_int_equal(table.count, MOST);
    size_t longest = 0;
    size_t run = 0;
    for (size_t i = 0; i < 2 * (size_t)PM_AT_INDEX_SLOTS; i++) {
        run = table.slots[i % PM_AT_INDEX_SLOTS] != NULL ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    assert_true(longest < 64);
    for (int i = 0; i < MOST; i++) {
        assert_ptr_equal(pm_at_table_find(&table, names[i], strlen(names[i])), &rows[i]);
    }
    assert_null(pm_at_table_find(&table, names[MOST], strlen(names[MOST])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_find), cmocka_unit_test(test_bad_rows),
                                       cmocka_unit_test(test_full)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
