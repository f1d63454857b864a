/* SPDX-License-Identifier: MIT */
/* Writing: whole or absent, durable before OK, quotas, a full disk, cancelling at each stage. */
#include "host_store_disk.h"

#include <sys/resource.h>

/* ---- Order of what reaches the disk ---- */

static void test_synced_before_ok(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 5000, 1), PM_OK);
    /* bytes, length, file, name, directory: in this order a power cut leaves it whole or absent */
    assert_string_equal(disk.calls, "wcsrs");
    disk.count = 0;
    assert_int_equal(
        fixture_await(f, pm__store_delete(f->store, &f->op, PM_STORAGE_UFS, text_slice("a"))),
        PM_OK);
    assert_string_equal(disk.calls, "us");
    disk.count = 0;
    assert_int_equal(fixture_put(f, PM_STORAGE_RAM, "a", 5000, 1), PM_OK);
    assert_string_equal(disk.calls, "wcr");
}

static void test_sizes_and_pieces(void **state)
{
    struct fixture *f = *state;
    static const uint64_t sizes[] = {
        1, 4096, 65535, 65536, 65537, 131072, 131073, 1000000, 4 * 1024 * 1024 + 1};
    static const size_t pieces[] = {1000000, 4096, 65536, 777};
    uint32_t seed = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t k = 0; k < sizeof pieces / sizeof pieces[0]; k++) {
            char name[24];
            (void)snprintf(name, sizeof name, "f%u", ++seed);
            pm_file file = create(f, PM_STORAGE_UFS, sizes[i]);
            assert_int_equal(fixture_fill(f, file, sizes[i], pieces[k], seed), PM_OK);
            assert_int_equal(fixture_commit(f, file, PM_STORAGE_UFS, name), PM_OK);
            assert_true(fixture_is(f, PM_STORAGE_UFS, name, sizes[i], seed));
        }
    }
    assert_int_equal(info_of(f, PM_STORAGE_UFS).files, seed);
}

static void test_empty_file(void **state)
{
    struct fixture *f = *state;
    pm_file file = create(f, PM_STORAGE_UFS, 10);
    assert_int_equal(fixture_commit(f, file, PM_STORAGE_UFS, "e"), PM_OK);
    assert_true(fixture_is(f, PM_STORAGE_UFS, "e", 0, 0));
}

static void test_existing_name(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 10, 1), PM_OK);
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 20, 2), PM_ERR_EXISTS);
    settle(f);
    assert_true(fixture_is(f, PM_STORAGE_UFS, "a", 10, 1));
    assert_int_equal(info_of(f, PM_STORAGE_UFS).used, 10);
    /* Case counts, and the storages are apart. */
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "A", 20, 2), PM_OK);
    assert_int_equal(fixture_put(f, PM_STORAGE_RAM, "a", 30, 3), PM_OK);
    /* Two uploads race for a name: one gets it, the other finds it taken, on the disk. */
    pm_file one = create(f, PM_STORAGE_UFS, 4);
    pm_file two = create(f, PM_STORAGE_UFS, 4);
    assert_int_equal(fixture_fill(f, one, 4, 4, 7), PM_OK);
    assert_int_equal(fixture_fill(f, two, 4, 4, 8), PM_OK);
    struct pm_op first;
    assert_int_equal(
        pm__store_commit(f->store, &first, one, PM_STORAGE_UFS, text_slice("r"), false),
        PM_PENDING);
    assert_int_equal(
        pm__store_commit(f->store, &f->op, two, PM_STORAGE_UFS, text_slice("r"), false),
        PM_PENDING);
    settle(f);
    bool first_won = first.result == PM_OK;
    assert_int_equal(first.result, first_won ? PM_OK : PM_ERR_EXISTS);
    assert_int_equal(f->op.result, first_won ? PM_ERR_EXISTS : PM_OK);
    assert_true(fixture_is(f, PM_STORAGE_UFS, "r", 4, first_won ? 7 : 8));
    settle(f);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).files, 3);
}

static void test_bad_calls(void **state)
{
    struct fixture *f = *state;
    uint8_t byte = 0;
    assert_int_equal(pm__store_write(f->store, &f->op, -1, &byte, 1), PM_ERR_IO);
    assert_int_equal(pm__store_write(f->store, &f->op, 64, &byte, 1), PM_ERR_IO);
    assert_int_equal(pm__store_commit(f->store, &f->op, 3, PM_STORAGE_UFS, text_slice("a"), false),
                     PM_ERR_IO);
    pm__store_file_close(f->store, 5);
    char longest[PM_FILE_NAME_SIZE + 2];
    memset(longest, 'n', sizeof longest);
    longest[PM_FILE_NAME_SIZE + 1] = 0;
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, longest, 1, 1), PM_ERR_IO);
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "", 1, 1), PM_ERR_IO);
    settle(f);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).files, 0);
}

static void test_hostile_names(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"..",     ".", "../up", "/etc/x", "a/b",  "%2E",
                                        ".new-1", "*", "a b",   "-rf",    "\xFF", "lock"};
    unsigned int count = sizeof names / sizeof names[0];
    for (unsigned int i = 0; i < count; i++) {
        assert_int_equal(fixture_put(f, PM_STORAGE_UFS, names[i], 100 + i, i), PM_OK);
    }
    fixture_restart(f);
    for (unsigned int i = 0; i < count; i++) {
        assert_true(fixture_is(f, PM_STORAGE_UFS, names[i], 100 + i, i));
    }
    assert_int_equal(fixture_entries(f, "state/ufs"), count);
    assert_int_equal(fixture_entries(f, "state"), 3); /* lock, ufs, ram */
    assert_int_equal(fixture_entries(f, ""), 1);
}

/* ---- Room ---- */

static void test_quota(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    f->options.ufs_size = 10000;
    f->options.ram_size = 500;
    fixture_open(f);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).total, 10000);
    assert_int_equal(info_of(f, PM_STORAGE_RAM).free, 500);
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 10001, 1), PM_ERR_NO_SPACE);
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 6000, 1), PM_OK);
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "b", 4001, 1), PM_ERR_NO_SPACE);
    /* What is announced is reserved; what did not come is given back. */
    pm_file file = create(f, PM_STORAGE_UFS, 4000);
    assert_int_equal(pm__store_create(f->store, &f->op, PM_STORAGE_UFS, 1), PM_ERR_NO_SPACE);
    struct pm_storage_info info;
    assert_int_equal(pm__store_info(f->store, &f->op, PM_STORAGE_UFS, &info), PM_OK);
    assert_int_equal(info.free, 0);
    assert_int_equal(info.used, 6000);
    assert_int_equal(fixture_fill(f, file, 3000, 100, 2), PM_OK);
    assert_int_equal(fixture_commit(f, file, PM_STORAGE_UFS, "b"), PM_OK);
    info = info_of(f, PM_STORAGE_UFS);
    assert_int_equal(info.used, 9000);
    assert_int_equal(info.free, 1000);
    /* More than was announced is taken while there is room. */
    file = create(f, PM_STORAGE_UFS, 10);
    assert_int_equal(fixture_fill(f, file, 1000, 100, 3), PM_OK);
    assert_int_equal(pm__store_write(f->store, &f->op, file, (const uint8_t *)"x", 1),
                     PM_ERR_NO_SPACE);
    pm__store_file_close(f->store, file);
    settle(f);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).free, 1000);
    assert_int_equal(
        fixture_await(f, pm__store_delete(f->store, &f->op, PM_STORAGE_UFS, text_slice("a"))),
        PM_OK);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).free, 7000);
    /* A smaller limit than what is there leaves no room, and no nonsense. */
    fixture_close(f);
    f->options.ufs_size = 100;
    fixture_open(f);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).free, 0);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).used, 3000);
}

static void test_default_room(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(info_of(f, PM_STORAGE_UFS).total, 268435456);
    pm_file file = create(f, PM_STORAGE_UFS, 100 * 1024 * 1024);
    pm__store_file_close(f->store, file);
    file = create(f, PM_STORAGE_RAM, 100 * 1024 * 1024);
    pm__store_file_close(f->store, file);
    settle(f);
}

/* A limit of the process stands for a disk that is fuller than the module knows. */
static void test_file_size_limit(void **state)
{
    struct fixture *f = *state;
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit small = {100000, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    pm_file file = create(f, PM_STORAGE_UFS, 1000);
    int32_t result = fixture_fill(f, file, 300000, 4096, 1);
    if (result == PM_OK) {
        result = fixture_commit(f, file, PM_STORAGE_UFS, "big");
    } else {
        pm__store_file_close(f->store, file);
    }
    assert_int_equal(result, PM_ERR_NO_SPACE);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    settle(f);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).used, 0);
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "big", 300000, 1), PM_OK);
}

/* ---- A disk that fails ---- */

static void assert_dropped(struct fixture *f, int32_t expected, int32_t result)
{
    assert_int_equal(result, expected);
    settle(f);
    assert_int_equal(fixture_entries(f, "state/ufs"), 0);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).used, 0);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).free, PM_STORE_UFS_SIZE);
    for (size_t i = 0; i < STORE_FILES; i++) {
        assert_null(f->store->files[i]);
    }
}

static void test_failures(void **state)
{
    struct fixture *f = *state;
    disk.fail_sync = EIO;
    assert_dropped(f, PM_ERR_IO, fixture_put(f, PM_STORAGE_UFS, "a", 100, 1));
    disk.fail_write = EIO;
    assert_dropped(f, PM_ERR_IO, fixture_put(f, PM_STORAGE_UFS, "a", 100, 1));
    disk.fail_write = ENOSPC;
    assert_dropped(f, PM_ERR_NO_SPACE, fixture_put(f, PM_STORAGE_UFS, "a", 100000, 1));
    disk.good_writes = 3;
    disk.fail_write = EDQUOT;
    assert_dropped(f, PM_ERR_NO_SPACE, fixture_put(f, PM_STORAGE_UFS, "a", 1000000, 1));
    disk.fail_rename = EACCES;
    assert_dropped(f, PM_ERR_IO, fixture_put(f, PM_STORAGE_UFS, "a", 100, 1));
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 100, 1), PM_OK);
}

/* A directory that cannot be synced: the name is taken back, so that the error is true. */
static void test_directory_sync_fails(void **state)
{
    struct fixture *f = *state;
    disk.good_syncs = 1; /* that of the file */
    disk.fail_sync = EIO;
    assert_dropped(f, PM_ERR_IO, fixture_put(f, PM_STORAGE_UFS, "a", 100, 1));
    assert_non_null(strstr(disk.calls, "wcsrsu"));
}

/* A file system without RENAME_NOREPLACE, such as that of a memory card. */
static void test_old_file_system(void **state)
{
    struct fixture *f = *state;
    disk.fail_rename = EINVAL;
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 10, 1), PM_OK);
    assert_true(fixture_is(f, PM_STORAGE_UFS, "a", 10, 1));
    pm_file one = create(f, PM_STORAGE_UFS, 4);
    pm_file two = create(f, PM_STORAGE_UFS, 4);
    assert_int_equal(fixture_fill(f, two, 4, 4, 8), PM_OK);
    struct pm_op first;
    assert_int_equal(
        pm__store_commit(f->store, &first, one, PM_STORAGE_UFS, text_slice("r"), false),
        PM_PENDING);
    disk.good_renames = 1;
    disk.fail_rename = EINVAL;
    assert_int_equal(
        pm__store_commit(f->store, &f->op, two, PM_STORAGE_UFS, text_slice("r"), false),
        PM_PENDING);
    settle(f);
    assert_int_equal(f->result, PM_ERR_EXISTS);
    assert_true(fixture_is(f, PM_STORAGE_UFS, "r", 0, 0));
}

/* ---- Cancelling ---- */

static void test_cancel_create(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(pm__store_create(f->store, &f->op, PM_STORAGE_UFS, 1000), PM_PENDING);
    assert_true(pm_store_cancel(f->store, &f->op));
    assert_false(pm_store_cancel(f->store, &f->op));
    unsigned int before = f->answers;
    settle(f);
    assert_int_equal(f->answers, before);
    assert_dropped(f, PM_OK, PM_OK);
}

static void test_cancel_write(void **state)
{
    struct fixture *f = *state;
    const size_t size = 400000;
    uint8_t *data = malloc(size);
    assert_non_null(data);
    memset(data, 'd', size);
    pm_file file = create(f, PM_STORAGE_UFS, size);
    disk.hold_write = true;
    assert_int_equal(pm__store_write(f->store, &f->op, file, data, size), PM_PENDING);
    wait_held(); /* the pool is in the middle of it */
    assert_true(pm_store_cancel(f->store, &f->op));
    free(data); /* nobody may touch it any more: the sanitizer would tell */
    assert_int_equal(sem_post(&disk.go), 0);
    unsigned int before = f->answers;
    settle(f);
    assert_int_equal(f->answers, before);
    /* The file has a part of the piece: it can only be closed. */
    assert_int_equal(pm__store_write(f->store, &f->op, file, (const uint8_t *)"x", 1), PM_ERR_IO);
    pm__store_file_close(f->store, file);
    assert_dropped(f, PM_OK, PM_OK);
}

static void test_one_operation_at_a_time(void **state)
{
    struct fixture *f = *state;
    static uint8_t data[200000];
    pm_file file = create(f, PM_STORAGE_UFS, sizeof data);
    disk.hold_write = true;
    assert_int_equal(pm__store_write(f->store, &f->op, file, data, sizeof data), PM_PENDING);
    wait_held();
    struct pm_op other;
    assert_int_equal(pm__store_write(f->store, &other, file, data, 1), PM_ERR_BUSY);
    assert_int_equal(
        pm__store_commit(f->store, &other, file, PM_STORAGE_UFS, text_slice("a"), false),
        PM_ERR_BUSY);
    assert_int_equal(sem_post(&disk.go), 0);
    assert_int_equal(fixture_await(f, PM_PENDING), PM_OK);
    pm__store_file_close(f->store, file);
    assert_dropped(f, PM_OK, PM_OK);
}

/* Before its turn a commit can be taken back. */
static void test_cancel_commit_that_waits(void **state)
{
    struct fixture *f = *state;
    pm_file file = create(f, PM_STORAGE_UFS, 10);
    assert_int_equal(fixture_fill(f, file, 10, 10, 1), PM_OK);
    disk.hold_write = true;
    assert_int_equal(
        pm__store_commit(f->store, &f->op, file, PM_STORAGE_UFS, text_slice("a"), false),
        PM_PENDING);
    wait_held();
    assert_true(pm_store_cancel(f->store, &f->op));
    assert_int_equal(sem_post(&disk.go), 0);
    assert_dropped(f, PM_OK, PM_OK);
}

/* In the queue of name changes, behind a profile that is being written. */
static void test_cancel_commit_in_queue(void **state)
{
    struct fixture *f = *state;
    pm_file file = create(f, PM_STORAGE_UFS, 0);
    struct pm_op first;
    assert_int_equal(pm__store_profile_save(f->store, &first, 1, (const uint8_t *)"p", 1),
                     PM_PENDING);
    assert_int_equal(
        pm__store_commit(f->store, &f->op, file, PM_STORAGE_UFS, text_slice("a"), false),
        PM_PENDING);
    assert_true(pm_store_cancel(f->store, &f->op));
    settle(f);
    assert_ptr_equal(f->ended, &first);
    assert_dropped(f, PM_OK, PM_OK);
}

/* A commit that runs ends with the file whole, and the index knows it. */
static void test_cancel_commit_that_runs(void **state)
{
    struct fixture *f = *state;
    pm_file file = create(f, PM_STORAGE_UFS, 0);
    assert_int_equal(
        pm__store_commit(f->store, &f->op, file, PM_STORAGE_UFS, text_slice("a"), false),
        PM_PENDING);
    assert_true(pm_store_cancel(f->store, &f->op));
    unsigned int before = f->answers;
    settle(f);
    assert_int_equal(f->answers, before);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).files, 1);
    assert_true(fixture_is(f, PM_STORAGE_UFS, "a", 0, 0));
}

static void test_close_while_writing(void **state)
{
    struct fixture *f = *state;
    static uint8_t data[200000];
    pm_file file = create(f, PM_STORAGE_UFS, sizeof data);
    disk.hold_write = true;
    assert_int_equal(pm__store_write(f->store, &f->op, file, data, sizeof data), PM_PENDING);
    wait_held();
    pm__store_file_close(f->store, file);
    assert_int_equal(sem_post(&disk.go), 0);
    assert_dropped(f, PM_OK, PM_OK);
}

/* ---- Handles ---- */

static void test_handles_are_bounded(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < STORE_FILES; i++) {
        (void)create(f, PM_STORAGE_UFS, 1);
    }
    assert_int_equal(pm__store_create(f->store, &f->op, PM_STORAGE_UFS, 1), PM_ERR_NO_MEMORY);
    assert_int_equal(pm__store_scratch(f->store, &f->op), PM_ERR_NO_MEMORY);
    pm__store_file_close(f->store, 17);
    settle(f);
    assert_int_equal(create(f, PM_STORAGE_UFS, 1), 17);
}

/* ---- Scratch files ---- */

static void test_scratch(void **state)
{
    struct fixture *f = *state;
    int32_t file = fixture_await(f, pm__store_scratch(f->store, &f->op));
    assert_true(file >= 0);
    assert_int_equal(fixture_entries(f, "state/ram"), 0);
    assert_int_equal(fixture_fill(f, file, 300000, 4096, 4), PM_OK);
    assert_int_equal(fixture_compare(f, file, 0, 7000, 4), 300000);
    /* It grows after it was read. */
    uint8_t more[3] = {'a', 'b', 'c'};
    uint8_t back[8] = {0};
    assert_int_equal(fixture_await(f, pm__store_write(f->store, &f->op, file, more, 3)), PM_OK);
    assert_int_equal(fixture_await(f, pm__store_read(f->store, &f->op, file, 300000, back, 8)), 3);
    assert_memory_equal(back, more, 3);
    assert_int_equal(
        pm__store_commit(f->store, &f->op, file, PM_STORAGE_RAM, text_slice("a"), false),
        PM_ERR_IO);
    disk.fail_write = ENOSPC;
    assert_int_equal(fixture_await(f, pm__store_write(f->store, &f->op, file, more, 3)),
                     PM_ERR_NO_SPACE);
    pm__store_file_close(f->store, file);
    settle(f);
    assert_null(f->store->files[file]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_synced_before_ok),
        TEST(test_sizes_and_pieces),
        TEST(test_empty_file),
        TEST(test_existing_name),
        TEST(test_bad_calls),
        TEST(test_hostile_names),
        TEST(test_quota),
        TEST(test_default_room),
        TEST(test_file_size_limit),
        TEST(test_failures),
        TEST(test_directory_sync_fails),
        TEST(test_old_file_system),
        TEST(test_cancel_create),
        TEST(test_cancel_write),
        TEST(test_one_operation_at_a_time),
        TEST(test_cancel_commit_that_waits),
        TEST(test_cancel_commit_in_queue),
        TEST(test_cancel_commit_that_runs),
        TEST(test_close_while_writing),
        TEST(test_handles_are_bounded),
        TEST(test_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
