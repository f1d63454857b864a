/* SPDX-License-Identifier: MIT */
/* The packed texts of a module. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "module/arena.h"

static const struct pm_slice any = {NULL, 0};

static struct pm_slice text(const char *s)
{
    return (struct pm_slice){(const uint8_t *)s, strlen(s)};
}

static void expect(const struct pm_arena *arena, enum pm__key key, uint8_t index, const char *want)
{
    struct pm_slice got = pm__arena_get(arena, key, index);
    assert_int_equal(got.len, strlen(want));
    if (got.len != 0) {
        assert_memory_equal(got.ptr, want, got.len);
    }
}

static void sets_gets_and_replaces(void **state)
{
    (void)state;
    uint8_t memory[64];
    struct pm_arena arena;
    pm__arena_init(&arena, memory, sizeof memory);
    expect(&arena, PM__KEY_SUBJECT, 0, "");
    assert_true(pm__arena_set(&arena, PM__KEY_SUBJECT, 0, text("first")));
    assert_true(pm__arena_set(&arena, PM__KEY_SUBJECT, 0, text("a longer second")));
    expect(&arena, PM__KEY_SUBJECT, 0, "a longer second");
    assert_int_equal(arena.used, pm__arena_cost(15));
    assert_true(pm__arena_set(&arena, PM__KEY_SUBJECT, 0, any));
    assert_int_equal(arena.used, 0);
}

static void mail_records_never_move_for_settings(void **state)
{
    (void)state;
    uint8_t memory[256];
    struct pm_arena arena;
    pm__arena_init(&arena, memory, sizeof memory);
    assert_true(pm__arena_set(&arena, PM__KEY_APN, 1, text("internet")));
    assert_true(pm__arena_set(&arena, PM__KEY_SERVER, 0, text("mail.example")));
    const uint8_t *server = pm__arena_get(&arena, PM__KEY_SERVER, 0).ptr;
    assert_ptr_equal(server, memory + 4);
    assert_true(pm__arena_set(&arena, PM__KEY_APN, 1, text("another.apn")));
    assert_true(pm__arena_set(&arena, PM__KEY_APN, 2, text("x")));
    assert_true(pm__arena_remove(&arena, PM__KEY_APN, 1, any));
    assert_ptr_equal(pm__arena_get(&arena, PM__KEY_SERVER, 0).ptr, server);
    expect(&arena, PM__KEY_SERVER, 0, "mail.example");
    expect(&arena, PM__KEY_APN, 2, "x");
}

static void full_changes_nothing(void **state)
{
    (void)state;
    uint8_t memory[32];
    uint8_t before[32];
    struct pm_arena arena;
    pm__arena_init(&arena, memory, sizeof memory);
    assert_true(pm__arena_set(&arena, PM__KEY_USERNAME, 0, text("user")));
    assert_true(pm__arena_set(&arena, PM__KEY_PASSWORD, 0, text("pass")));
    memcpy(before, memory, arena.used);
    size_t used = arena.used;
    const struct pm__change changes[] = {{PM__KEY_USERNAME, 0, text("u")},
                                         {PM__KEY_PASSWORD, 0, text("a password beyond it all")}};
    assert_false(pm__arena_set_all(&arena, changes, 2));
    assert_false(pm__arena_add(&arena, PM__KEY_RECIPIENT, 1, text("someone@example.com")));
    assert_int_equal(arena.used, used);
    assert_memory_equal(memory, before, used);
    /* Exactly what is left fits; what is replaced counts as free. */
    assert_true(pm__arena_add(&arena, PM__KEY_RECIPIENT, 1, text("abcdefghijkl")));
    assert_int_equal(pm__arena_free(&arena), 0);
    assert_true(pm__arena_set(&arena, PM__KEY_USERNAME, 0, text("resu")));
    expect(&arena, PM__KEY_USERNAME, 0, "resu");
}

static void lists_keep_their_order(void **state)
{
    (void)state;
    uint8_t memory[256];
    struct pm_arena arena;
    struct pm__record record;
    pm__arena_init(&arena, memory, sizeof memory);
    assert_true(pm__arena_add(&arena, PM__KEY_RECIPIENT, 1, text("a@x")));
    assert_true(pm__arena_add(&arena, PM__KEY_RECIPIENT, 2, text("b@x")));
    assert_true(pm__arena_add(&arena, PM__KEY_RECIPIENT, 1, text("c@x")));
    assert_false(pm__arena_remove(&arena, PM__KEY_RECIPIENT, 1, text("b@x")));
    assert_true(pm__arena_remove(&arena, PM__KEY_RECIPIENT, 2, text("b@x")));
    assert_true(pm__arena_nth(&arena, PM__KEY_RECIPIENT, 1, &record));
    assert_memory_equal(record.text.ptr, "c@x", 3);
    assert_false(pm__arena_nth(&arena, PM__KEY_RECIPIENT, 2, &record));
    pm__arena_clear(&arena, PM__KEY_RECIPIENT);
    assert_int_equal(arena.used, 0);
}

static void removed_secrets_are_overwritten(void **state)
{
    (void)state;
    uint8_t memory[128] = {0};
    struct pm_arena arena;
    pm__arena_init(&arena, memory, sizeof memory);
    assert_true(pm__arena_set(&arena, PM__KEY_USERNAME, 0, text("user")));
    assert_true(pm__arena_set(&arena, PM__KEY_PASSWORD, 0, text("topsecret")));
    assert_true(pm__arena_set(&arena, PM__KEY_SERVER, 0, text("mail.example.com")));
    assert_true(pm__arena_set(&arena, PM__KEY_PASSWORD, 0, any));
    for (size_t i = 0; i + 9 <= sizeof memory; i++) {
        assert_memory_not_equal(memory + i, "topsecret", 9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_gets_and_replaces),
        cmocka_unit_test(mail_records_never_move_for_settings),
        cmocka_unit_test(full_changes_nothing),
        cmocka_unit_test(lists_keep_their_order),
        cmocka_unit_test(removed_secrets_are_overwritten),
    };
    return cmocka_run_group_tests_name("module_arena", tests, NULL, NULL);
}
