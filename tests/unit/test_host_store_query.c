/* SPDX-License-Identifier: MIT */
/* Listing, sizes, deleting, loading at once, and the profile of a store. */
#include "host_store_fixture.h"

static unsigned int list(struct fixture *f, enum pm_storage storage, uint64_t *bytes)
{
    struct pm_file_entry entry = {.name_len = 0};
    unsigned int count = 0;
    uint8_t last[PM_FILE_NAME_SIZE];
    struct pm_slice after = {last, 0};
    *bytes = 0;
    while (pm__store_next(f->store, storage, after, &entry) == PM_OK) {
        struct pm_slice name = {entry.name, entry.name_len};
        uint64_t size = 0;
        assert_int_equal(pm__store_stat(f->store, storage, name, &size), PM_OK);
        assert_int_equal(size, entry.size);
        memcpy(last, entry.name, entry.name_len);
        after.len = entry.name_len;
        *bytes += entry.size;
        count++;
    }
    return count;
}

static int32_t delete_file(struct fixture *f, enum pm_storage storage, const char *name)
{
    return fixture_await(f, pm__store_delete(f->store, &f->op, storage, text_slice(name)));
}

static void test_thousands(void **state)
{
    struct fixture *f = *state;
    const unsigned int count = 3000;
    fixture_close(f);
    for (unsigned int i = 0; i < count; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/ufs/file%%20%u", f->state, i);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fprintf(file, "%u", i) > 0);
        assert_int_equal(fclose(file), 0);
    }
    fixture_open(f);
    uint64_t bytes = 0;
    struct pm_storage_info info;
    assert_int_equal(list(f, PM_STORAGE_UFS, &bytes), count);
    assert_int_equal(pm__store_info(f->store, &f->op, PM_STORAGE_UFS, &info), PM_OK);
    assert_int_equal(info.files, count);
    assert_int_equal(info.used, bytes);
    assert_int_equal(info.used, 10 + 90 * 2 + 900 * 3 + 2000 * 4);
    assert_int_equal(info.free, info.total - info.used);
    assert_int_equal(list(f, PM_STORAGE_RAM, &bytes), 0);
}

static void test_delete(void **state)
{
    struct fixture *f = *state;
    uint64_t bytes = 0;
    assert_int_equal(delete_file(f, PM_STORAGE_UFS, "a"), PM_ERR_NOT_FOUND);
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 10, 1), PM_OK);
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a/b", 20, 1), PM_OK);
    assert_int_equal(delete_file(f, PM_STORAGE_UFS, "A"), PM_ERR_NOT_FOUND);
    assert_int_equal(delete_file(f, PM_STORAGE_RAM, "a"), PM_ERR_NOT_FOUND);
    assert_int_equal(delete_file(f, PM_STORAGE_UFS, "a"), PM_OK);
    assert_int_equal(delete_file(f, PM_STORAGE_UFS, "a"), PM_ERR_NOT_FOUND);
    assert_int_equal(list(f, PM_STORAGE_UFS, &bytes), 1);
    assert_int_equal(bytes, 20);
    fixture_restart(f);
    assert_int_equal(list(f, PM_STORAGE_UFS, &bytes), 1);
}

/* Two ports delete the same file and a third uploads it again: in the order of the calls. */
static void test_deletes_in_order(void **state)
{
    struct fixture *f = *state;
    struct pm_op ops[3];
    uint64_t bytes = 0;
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 10, 1), PM_OK);
    int32_t file = fixture_await(f, pm__store_create(f->store, &f->op, PM_STORAGE_UFS, 5));
    assert_int_equal(fixture_fill(f, file, 5, 5, 2), PM_OK);
    assert_int_equal(pm__store_delete(f->store, &ops[0], PM_STORAGE_UFS, text_slice("a")),
                     PM_PENDING);
    assert_int_equal(pm__store_delete(f->store, &ops[1], PM_STORAGE_UFS, text_slice("a")),
                     PM_PENDING);
    /* The name is taken until the first deletion has been told. */
    assert_int_equal(
        pm__store_commit(f->store, &ops[2], file, PM_STORAGE_UFS, text_slice("a"), false),
        PM_ERR_EXISTS);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_ptr_equal(f->ended, &ops[1]);
    assert_int_equal(f->result, PM_ERR_NOT_FOUND);
    assert_int_equal(list(f, PM_STORAGE_UFS, &bytes), 0);
    assert_int_equal(fixture_entries(f, "state/ufs"), 0);
}

static void test_cancel_delete(void **state)
{
    struct fixture *f = *state;
    uint64_t bytes = 0;
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 10, 1), PM_OK);
    unsigned int before = f->answers;
    assert_int_equal(pm__store_delete(f->store, &f->op, PM_STORAGE_UFS, text_slice("a")),
                     PM_PENDING);
    assert_true(pm_store_cancel(f->store, &f->op));
    assert_false(pm_store_cancel(f->store, &f->op));
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(f->answers, before);
    /* Index and disk agree, whichever way it went. */
    assert_int_equal(list(f, PM_STORAGE_UFS, &bytes), fixture_entries(f, "state/ufs"));
}

static void test_deleted_by_somebody_else(void **state)
{
    struct fixture *f = *state;
    uint64_t bytes = 0;
    char path[256];
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 10, 1), PM_OK);
    (void)snprintf(path, sizeof path, "%s/ufs/a", f->state);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(delete_file(f, PM_STORAGE_UFS, "a"), PM_ERR_NOT_FOUND);
    assert_int_equal(list(f, PM_STORAGE_UFS, &bytes), 0);
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 10, 1), PM_OK);
}

static void test_load(void **state)
{
    struct fixture *f = *state;
    uint8_t *data = NULL;
    size_t len = 0;
    const uint8_t *name = (const uint8_t *)"ca.pem";
    assert_int_equal(pm_store_load(f->store, PM_STORAGE_UFS, name, 6, &data, &len, 100),
                     PM_ERR_NOT_FOUND);
    assert_int_equal(pm_store_load(f->store, PM_STORAGE_SD, name, 6, &data, &len, 100),
                     PM_ERR_NO_STORAGE);
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "ca.pem", 100, 3), PM_OK);
    assert_int_equal(pm_store_load(f->store, PM_STORAGE_UFS, name, 6, &data, &len, 99),
                     PM_ERR_NO_SPACE);
    assert_int_equal(pm_store_load(f->store, PM_STORAGE_UFS, name, 6, &data, &len, 100), PM_OK);
    assert_int_equal(len, 100);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(data[i], pattern(3, i));
    }
    free(data);
    char path[256];
    (void)snprintf(path, sizeof path, "%s/ufs/ca.pem", f->state);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(pm_store_load(f->store, PM_STORAGE_UFS, name, 6, &data, &len, 100),
                     PM_ERR_NOT_FOUND);
}

static void test_profile(void **state)
{
    struct fixture *f = *state;
    static uint8_t blob[STORE_PROFILE_MAX + 1];
    static uint8_t back[STORE_PROFILE_MAX];
    assert_int_equal(pm__store_profile_load(f->store, 0, back, sizeof back), 0);
    pattern_fill(blob, sizeof blob, 1, 0);
    assert_int_equal(pm__store_profile_save(f->store, &f->op, 0, blob, sizeof blob), PM_ERR_IO);
    assert_int_equal(
        fixture_await(f, pm__store_profile_save(f->store, &f->op, 0, blob, STORE_PROFILE_MAX)),
        PM_OK);
    assert_int_equal(pm__store_profile_load(f->store, 0, back, sizeof back), STORE_PROFILE_MAX);
    assert_memory_equal(back, blob, STORE_PROFILE_MAX);
    assert_int_equal(pm__store_profile_load(f->store, 0, back, 10), PM_ERR_IO);
    fixture_restart(f);
    memset(back, 0, sizeof back);
    assert_int_equal(pm__store_profile_load(f->store, 0, back, sizeof back), STORE_PROFILE_MAX);
    assert_memory_equal(back, blob, STORE_PROFILE_MAX);
    /* Damage by one bit: as if there were none, and the log says so. */
    char path[256];
    (void)snprintf(path, sizeof path, "%s/profile.0", f->state);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, 1000, SEEK_SET), 0);
    assert_int_equal(fputc(blob[1000 - 40] ^ 1, file), blob[1000 - 40] ^ 1);
    assert_int_equal(fclose(file), 0);
    fixture_restart(f);
    assert_string_equal(f->log, "");
    assert_int_equal(pm__store_profile_load(f->store, 0, back, sizeof back), 0);
    assert_non_null(strstr(f->log, "profile.0 is damaged and was ignored"));
    /* It can be stored afresh. */
    assert_int_equal(fixture_await(f, pm__store_profile_save(f->store, &f->op, 0, blob, 5)), PM_OK);
    fixture_restart(f);
    assert_int_equal(pm__store_profile_load(f->store, 0, back, sizeof back), 5);
}

static void test_profile_cancel(void **state)
{
    struct fixture *f = *state;
    uint8_t back[8];
    unsigned int before = f->answers;
    uint8_t *blob = malloc(3);
    assert_non_null(blob);
    memcpy(blob, "abc", 3);
    assert_int_equal(pm__store_profile_save(f->store, &f->op, 4, blob, 3), PM_PENDING);
    assert_true(pm_store_cancel(f->store, &f->op));
    free(blob);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(f->answers, before);
    int32_t kept = pm__store_profile_load(f->store, 4, back, sizeof back);
    fixture_restart(f);
    assert_int_equal(pm__store_profile_load(f->store, 4, back, sizeof back), kept);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_thousands),
        TEST(test_delete),
        TEST(test_deletes_in_order),
        TEST(test_cancel_delete),
        TEST(test_deleted_by_somebody_else),
        TEST(test_load),
        TEST(test_profile),
        TEST(test_profile_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
