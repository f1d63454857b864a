/* SPDX-License-Identifier: MIT */
/* The index: order, look-up and sums, against a plain array. */
#include "host_store_fixture.h"

static void add(struct store_index *index, const char *name, uint64_t size)
{
    assert_true(pm__store_index_reserve(index, 1));
    struct store_entry *entry = pm__store_entry_new(text_slice(name));
    assert_non_null(entry);
    entry->size = size;
    pm__store_index_insert(index, entry);
}

static const struct store_entry *after(const struct store_index *index, const char *name)
{
    return pm__store_index_next(index, text_slice(name));
}

static void assert_name(const struct store_entry *entry, const char *name)
{
    assert_non_null(entry);
    assert_int_equal(entry->len, strlen(name));
    assert_memory_equal(entry->name, name, strlen(name));
}

static void test_order(void **state)
{
    (void)state;
    struct store_index index = {0};
    assert_null(after(&index, ""));
    add(&index, "b", 2);
    add(&index, "ab", 4);
    add(&index, "a", 1);
    add(&index, "\xC3\xA4", 8);
    add(&index, "A", 16);
    assert_int_equal(index.bytes, 31);
    assert_name(after(&index, ""), "A");
    assert_name(after(&index, "A"), "a");
    assert_name(after(&index, "a"), "ab");
    assert_name(after(&index, "aa"), "ab");
    assert_name(after(&index, "ab"), "b");
    assert_name(after(&index, "b"), "\xC3\xA4");
    assert_null(after(&index, "\xC3\xA4"));
    assert_null(pm__store_index_find(&index, text_slice("aa")));
    assert_name(pm__store_index_find(&index, text_slice("ab")), "ab");
    pm__store_index_remove(&index, text_slice("ab"));
    pm__store_index_remove(&index, text_slice("nobody"));
    assert_int_equal(index.count, 4);
    assert_int_equal(index.bytes, 27);
    assert_name(after(&index, "a"), "b");
    pm__store_index_free(&index);
    assert_int_equal(index.count, 0);
}

static void test_sort(void **state)
{
    (void)state;
    struct store_index index = {0};
    assert_true(pm__store_index_reserve(&index, 3000));
    for (unsigned int i = 0; i < 3000; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%u", i * 7919 % 3001);
        struct store_entry *entry = pm__store_entry_new(text_slice(name));
        assert_non_null(entry);
        entry->size = i;
        pm__store_index_append(&index, entry);
    }
    pm__store_index_sort(&index);
    assert_int_equal(index.count, 3000);
    assert_int_equal(index.bytes, 2999 * 3000 / 2);
    for (size_t i = 1; i < index.count; i++) {
        struct pm_slice name = {index.entries[i - 1]->name, index.entries[i - 1]->len};
        assert_ptr_equal(pm__store_index_next(&index, name), index.entries[i]);
    }
    pm__store_index_free(&index);
}

static void test_bound(void **state)
{
    (void)state;
    struct store_index index = {0};
    assert_false(pm__store_index_reserve(&index, STORE_ENTRIES + 1));
    assert_true(pm__store_index_reserve(&index, STORE_ENTRIES));
    pm__store_index_free(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_sort),
        cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
