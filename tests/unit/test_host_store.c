/* SPDX-License-Identifier: MIT */
/* The state directory: opening, locking, restart, leftovers, private directories. */
#include "host_store_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static bool exists(const struct fixture *f, const char *below)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", f->dir, below);
    return access(path, F_OK) == 0;
}

static void put_raw(const struct fixture *f, const char *below, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", f->dir, below);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static unsigned int mode_of(const struct fixture *f, const char *below)
{
    char path[256];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", f->dir, below);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777U;
}

static void test_layout(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(pm_store_dir(f->store), f->state);
    assert_int_equal(mode_of(f, "state"), 0700);
    assert_int_equal(mode_of(f, "state/ufs"), 0700);
    assert_int_equal(mode_of(f, "state/ram"), 0700);
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "key.pem", 10, 1), PM_OK);
    assert_int_equal(mode_of(f, "state/ufs/key.pem"), 0600);
}

static void test_restart(void **state)
{
    struct fixture *f = *state;
    uint8_t blob[4] = {0};
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "kept", 100000, 1), PM_OK);
    assert_int_equal(fixture_put(f, PM_STORAGE_RAM, "lost", 100000, 2), PM_OK);
    assert_int_equal(
        fixture_await(f, pm__store_profile_save(f->store, &f->op, 1, (const uint8_t *)"abc", 3)),
        PM_OK);
    assert_true(fixture_is(f, PM_STORAGE_RAM, "lost", 100000, 2));
    fixture_restart(f);
    assert_true(fixture_is(f, PM_STORAGE_UFS, "kept", 100000, 1));
    assert_false(fixture_is(f, PM_STORAGE_RAM, "lost", 100000, 2));
    assert_int_equal(fixture_entries(f, "state/ram"), 0);
    assert_int_equal(pm__store_profile_load(f->store, 1, blob, sizeof blob), 3);
    assert_memory_equal(blob, "abc", 3);
    assert_int_equal(pm__store_profile_load(f->store, 2, blob, sizeof blob), 0);
}

static void test_second_program(void **state)
{
    struct fixture *f = *state;
    char expected[256];
    assert_null(fixture_try(f));
    (void)snprintf(expected, sizeof expected, "%s is in use by another program (process %ld)",
                   f->state, (long)getpid());
    assert_string_equal(f->err, expected);
    /* The first one is none the worse for it. */
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 10, 1), PM_OK);
}

static void test_killed_owner_leaves_no_lock(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool open = fixture_try(f) != NULL;
        ssize_t n = write(ready[1], open ? "y" : "n", 1);
        (void)n;
        for (;;) {
            (void)pause();
        }
    }
    char answer = 0;
    assert_int_equal(read(ready[0], &answer, 1), 1);
    assert_int_equal(answer, 'y');
    assert_null(fixture_try(f));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    fixture_open(f);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

static void test_leftovers_and_foreign(void **state)
{
    struct fixture *f = *state;
    uint64_t size = 0;
    fixture_close(f);
    put_raw(f, "state/ufs/.new-7", "half of a file");
    put_raw(f, "state/ufs/good%20one.txt", "12345");
    put_raw(f, "state/ufs/foreign file~", "x");
    put_raw(f, "state/ufs/.hidden", "x");
    put_raw(f, "state/ram/anything~", "x");
    put_raw(f, "state/.new-profile.1", "x");
    char path[256];
    (void)snprintf(path, sizeof path, "%s/state/ufs/directory", f->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/state/ufs/link", f->dir);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    fixture_open(f);
    assert_false(exists(f, "state/ufs/.new-7"));
    assert_false(exists(f, "state/ram/anything~"));
    assert_false(exists(f, "state/.new-profile.1"));
    assert_true(exists(f, "state/ufs/foreign file~"));
    assert_non_null(strstr(f->log, "removed 1 unfinished file"));
    assert_int_equal(pm__store_stat(f->store, PM_STORAGE_UFS, text_slice("good one.txt"), &size),
                     PM_OK);
    assert_int_equal(size, 5);
    struct pm_storage_info info;
    assert_int_equal(pm__store_info(f->store, &f->op, PM_STORAGE_UFS, &info), PM_OK);
    assert_int_equal(info.files, 1);
    assert_int_equal(info.used, 5);
}

static void test_unusable(void **state)
{
    struct fixture *f = *state;
    char path[256];
    put_raw(f, "plain", "a file");
    (void)snprintf(path, sizeof path, "%s/plain", f->dir);
    f->options.dir = path;
    assert_null(fixture_try(f));
    assert_non_null(strstr(f->err, "plain: Not a directory"));
    (void)snprintf(path, sizeof path, "%s/missing/state", f->dir);
    assert_null(fixture_try(f));
    assert_non_null(strstr(f->err, "missing/state: No such file or directory"));
    f->options.dir = "";
    assert_null(fixture_try(f));
    assert_non_null(strstr(f->err, "empty"));
    f->options.dir = NULL;
    f->options.sd_dir = path;
    assert_null(fixture_try(f));
    assert_non_null(strstr(f->err, "cannot open the card directory"));
}

static void test_unwritable(void **state)
{
    struct fixture *f = *state;
    if (geteuid() == 0) {
        /* root writes everywhere but in a file system that cannot be written. */
        f->options.dir = "/proc/self";
        assert_null(fixture_try(f));
        assert_non_null(strstr(f->err, "/proc/self"));
        return;
    }
    char path[256];
    (void)snprintf(path, sizeof path, "%s/locked", f->dir);
    assert_int_equal(mkdir(path, 0500), 0);
    f->options.dir = path;
    assert_null(fixture_try(f));
    assert_non_null(strstr(f->err, "Permission denied"));
}

static void test_private(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    assert_int_equal(setenv("TMPDIR", f->dir, 1), 0);
    f->options.dir = NULL;
    fixture_open(f);
    assert_int_equal(strncmp(pm_store_dir(f->store), f->dir, strlen(f->dir)), 0);
    const char *name = pm_store_dir(f->store) + strlen(f->dir) + 1;
    assert_int_equal(mode_of(f, name), 0700);
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "../../up", 1000, 1), PM_OK);
    assert_true(fixture_is(f, PM_STORAGE_UFS, "../../up", 1000, 1));
    int32_t open = fixture_await(f, pm__store_create(f->store, &f->op, PM_STORAGE_RAM, 10));
    assert_true(open >= 0);
    assert_int_equal(
        fixture_await(f, pm__store_profile_save(f->store, &f->op, 0, (const uint8_t *)"x", 1)),
        PM_OK);
    assert_int_equal(fixture_entries(f, ""), 2);
    fixture_close(f);
    assert_int_equal(fixture_entries(f, ""), 1); /* "state" of the set-up */
    f->options.dir = f->state;
    assert_int_equal(unsetenv("TMPDIR"), 0);
    assert_string_equal(f->log, "");
}

static void test_card(void **state)
{
    struct fixture *f = *state;
    struct pm_storage_info info;
    struct pm_file_entry entry;
    uint64_t size = 0;
    struct pm_slice none = {NULL, 0};
    assert_int_equal(pm__store_info(f->store, &f->op, PM_STORAGE_SD, &info), PM_ERR_NO_STORAGE);
    assert_int_equal(pm__store_create(f->store, &f->op, PM_STORAGE_SD, 1), PM_ERR_NO_STORAGE);
    assert_int_equal(pm__store_next(f->store, PM_STORAGE_SD, none, &entry), PM_ERR_NO_STORAGE);
    assert_int_equal(pm__store_stat(f->store, PM_STORAGE_SD, none, &size), PM_ERR_NO_STORAGE);
    assert_int_equal(pm__store_open(f->store, &f->op, PM_STORAGE_SD, none, &size),
                     PM_ERR_NO_STORAGE);
    assert_int_equal(pm__store_delete(f->store, &f->op, PM_STORAGE_SD, none), PM_ERR_NO_STORAGE);
    fixture_close(f);
    char card[96];
    (void)snprintf(card, sizeof card, "%s/card", f->dir);
    assert_int_equal(mkdir(card, 0700), 0);
    f->options.sd_dir = card;
    fixture_open(f);
    assert_int_equal(fixture_put(f, PM_STORAGE_SD, "s.txt", 3000, 5), PM_OK);
    assert_int_equal(fixture_await(f, pm__store_info(f->store, &f->op, PM_STORAGE_SD, &info)),
                     PM_OK);
    assert_int_equal(info.files, 1);
    assert_int_equal(info.used, 3000);
    assert_true(info.total > 0 && info.free <= info.total);
    fixture_restart(f);
    assert_true(fixture_is(f, PM_STORAGE_SD, "s.txt", 3000, 5));
}

static void test_close_with_everything_open(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 300000, 1), PM_OK);
    uint64_t size = 0;
    assert_true(fixture_open_file(f, PM_STORAGE_UFS, "a", &size) >= 0);
    assert_true(fixture_await(f, pm__store_scratch(f->store, &f->op)) >= 0);
    assert_true(fixture_await(f, pm__store_create(f->store, &f->op, PM_STORAGE_UFS, 10)) >= 0);
    struct pm_op more[3];
    assert_int_equal(pm__store_create(f->store, &more[0], PM_STORAGE_UFS, 10), PM_PENDING);
    assert_int_equal(pm__store_delete(f->store, &more[1], PM_STORAGE_UFS, text_slice("a")),
                     PM_PENDING);
    assert_int_equal(pm__store_profile_save(f->store, &more[2], 9, (const uint8_t *)"q", 1),
                     PM_PENDING);
    unsigned int before = f->answers;
    fixture_close(f);
    assert_int_equal(f->answers, before);
    /* What had been asked for and could not be cancelled was done; nothing is half there. */
    fixture_open(f);
    assert_int_equal(fixture_entries(f, "state/ufs"), 0);
    assert_null(strstr(f->log, "unfinished"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_layout),
        TEST(test_restart),
        TEST(test_second_program),
        TEST(test_killed_owner_leaves_no_lock),
        TEST(test_leftovers_and_foreign),
        TEST(test_unusable),
        TEST(test_unwritable),
        TEST(test_private),
        TEST(test_card),
        TEST(test_close_with_everything_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
