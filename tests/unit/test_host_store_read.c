/* SPDX-License-Identifier: MIT */
/*
 * Reading: from the page cache, from a slow disk with read-ahead, cancelled, after deletion.
 * The slow disk is made by system calls of this program's own, which the linker takes before
 * those of the C library.
 */
#include "host_store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static struct {
    int now_error; /* errno of reads that must not wait, 0: they work */
    unsigned int now;
    atomic_uint pool;     /* reads by the pool */
    atomic_int fail_read; /* errno of its next read */
    atomic_bool hold_read;
    sem_t held, go;
} disk;

ssize_t preadv2(int fd, const struct iovec *io, int count, off_t offset, int flags)
{
    disk.now++;
    if (disk.now_error != 0) {
        errno = disk.now_error;
        return -1;
    }
    return syscall(SYS_preadv2, fd, io, count, offset, 0L, flags);
}

ssize_t pread(int fd, void *data, size_t len, off_t offset)
{
    if (atomic_exchange(&disk.hold_read, false)) {
        (void)sem_post(&disk.held);
        while (sem_wait(&disk.go) != 0) {
        }
    }
    disk.pool++;
    int error = atomic_exchange(&disk.fail_read, 0);
    if (error != 0) {
        errno = error;
        return -1;
    }
    return syscall(SYS_pread64, fd, data, len, offset);
}

static int setup(void **state)
{
    disk.now_error = 0;
    disk.fail_read = 0;
    disk.hold_read = false;
    assert_int_equal(sem_init(&disk.held, 0, 0), 0);
    assert_int_equal(sem_init(&disk.go, 0, 0), 0);
    int rc = fixture_setup(state);
    disk.pool = 0;
    return rc;
}

static int teardown(void **state)
{
    int rc = fixture_teardown(state);
    assert_int_equal(sem_destroy(&disk.held), 0);
    assert_int_equal(sem_destroy(&disk.go), 0);
    return rc;
}

static void wait_held(void)
{
    while (sem_wait(&disk.held) != 0) {
    }
}

static pm_file open_file(struct fixture *f, const char *name, uint64_t expected)
{
    uint64_t size = 0;
    int32_t file = fixture_open_file(f, PM_STORAGE_UFS, name, &size);
    assert_true(file >= 0);
    assert_int_equal(size, expected);
    return file;
}

static void test_cached_reads_answer_at_once(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 1000000, 1), PM_OK);
    pm_file file = open_file(f, "a", 1000000);
    uint8_t data[16];
    unsigned int before = f->answers;
    for (uint64_t at = 0; at < 1000000; at += 99991) {
        int32_t n = pm__store_read(f->store, &f->op, file, at, data, sizeof data);
        if (n == PM_PENDING) {
            skip(); /* this file system cannot tell what it has in memory */
        }
        assert_int_equal(n, sizeof data);
        assert_int_equal(data[3], pattern(1, at + 3));
    }
    assert_int_equal(f->answers, before);
    assert_int_equal(disk.pool, 0);
    assert_int_equal(fixture_compare(f, file, 0, 4096, 1), 1000000);
}

static void test_slow_disk(void **state)
{
    struct fixture *f = *state;
    static const int errors[] = {EAGAIN, EOPNOTSUPP, ENOSYS};
    static const uint64_t sizes[] = {1, 262143, 262144, 262145, 524288, 3000001};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        char name[8];
        (void)snprintf(name, sizeof name, "f%u", (unsigned int)s);
        disk.now_error = 0;
        assert_int_equal(fixture_put(f, PM_STORAGE_UFS, name, sizes[s], (uint32_t)s), PM_OK);
        for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
            disk.now_error = errors[e];
            disk.pool = 0;
            pm_file file = open_file(f, name, sizes[s]);
            assert_int_equal(fixture_compare(f, file, 0, 4096, (uint32_t)s), sizes[s]);
            /* The disk was asked once for each window, and ahead of the reader. */
            assert_int_equal(disk.pool, (sizes[s] + STORE_WINDOW - 1) / STORE_WINDOW);
            pm__store_file_close(f->store, file);
        }
    }
}

static void test_any_order(void **state)
{
    struct fixture *f = *state;
    const uint64_t size = 2000000;
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", size, 9), PM_OK);
    uint32_t random = 12345;
    pm_file file = open_file(f, "a", size);
    for (unsigned int round = 0; round < 2000; round++) {
        random = random * 1664525 + 1013904223;
        uint64_t at = random % (size + 100);
        random = random * 1664525 + 1013904223;
        static uint8_t data[300000];
        size_t len = (random >> 8) % sizeof data + 1;
        disk.now_error = round % 3 == 0 ? 0 : EAGAIN; /* partly in memory */
        int32_t n = fixture_await(f, pm__store_read(f->store, &f->op, file, at, data, len));
        assert_int_equal(n > 0, at < size);
        for (int32_t i = 0; i < n; i += 97) {
            assert_int_equal(data[i], pattern(9, at + (uint64_t)i));
        }
    }
    assert_true(disk.pool > 0);
    assert_true(disk.now > 0);
}

static void test_ends(void **state)
{
    struct fixture *f = *state;
    uint8_t data[8];
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 5, 1), PM_OK);
    pm_file file = open_file(f, "a", 5);
    assert_int_equal(pm__store_read(f->store, &f->op, file, 5, data, 8), 0);
    assert_int_equal(pm__store_read(f->store, &f->op, file, UINT64_MAX, data, 8), 0);
    assert_int_equal(pm__store_read(f->store, &f->op, file, 0, data, 0), 0);
    assert_int_equal(pm__store_read(f->store, &f->op, file + 1, 0, data, 1), PM_ERR_IO);
    assert_int_equal(pm__store_read(f->store, &f->op, -5, 0, data, 1), PM_ERR_IO);
    assert_int_equal(pm__store_write(f->store, &f->op, file, data, 1), PM_ERR_IO);
    uint64_t size = 0;
    assert_int_equal(fixture_open_file(f, PM_STORAGE_UFS, "b", &size), PM_ERR_NOT_FOUND);
    assert_int_equal(fixture_open_file(f, PM_STORAGE_UFS, "", &size), PM_ERR_NOT_FOUND);
    assert_int_equal(fixture_open_file(f, PM_STORAGE_RAM, "a", &size), PM_ERR_NOT_FOUND);
}

static void test_deleted_stays_readable(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 600000, 1), PM_OK);
    pm_file file = open_file(f, "a", 600000);
    assert_int_equal(
        fixture_await(f, pm__store_delete(f->store, &f->op, PM_STORAGE_UFS, text_slice("a"))),
        PM_OK);
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 1000, 2), PM_OK);
    assert_int_equal(fixture_compare(f, file, 0, 10000, 1), 600000);
    assert_true(fixture_is(f, PM_STORAGE_UFS, "a", 1000, 2));
}

/* Somebody else took the file away or cut it: an error or an early end, never wrong bytes. */
static void test_changed_behind_our_back(void **state)
{
    struct fixture *f = *state;
    uint64_t size = 0;
    char path[256];
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 600000, 1), PM_OK);
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "b", 600000, 2), PM_OK);
    (void)snprintf(path, sizeof path, "%s/ufs/a", f->state);
    pm_file file = open_file(f, "a", 600000);
    assert_int_equal(truncate(path, 1000), 0);
    assert_int_equal(fixture_compare(f, file, 0, 4096, 1), 1000);
    disk.now_error = EAGAIN;
    assert_int_equal(fixture_compare(f, file, 0, 4096, 1), 1000);
    (void)snprintf(path, sizeof path, "%s/ufs/b", f->state);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(fixture_open_file(f, PM_STORAGE_UFS, "b", &size), PM_ERR_NOT_FOUND);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(fixture_open_file(f, PM_STORAGE_UFS, "b", &size), PM_ERR_IO);
}

/* A store with the 3 bytes of "a" open, and the path of that file. */
static pm_file open_changing(struct fixture *f, char path[256])
{
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 3, 1), PM_OK);
    (void)snprintf(path, 256, "%s/ufs/a", f->state);
    pm_file file = open_file(f, "a", 3);
    assert_false(pm__store_changed(f->store, file));
    return file;
}

/* Another size, other bytes at another time, no name: each is noticed. */
static void test_notices_others(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    char path[256];
    pm_file file = open_changing(f, path);
    assert_int_equal(stat(path, &st), 0);
    const struct timespec as_it_was[2] = {st.st_atim, st.st_mtim};
    const struct timespec later[2] = {st.st_atim, {st.st_mtim.tv_sec, st.st_mtim.tv_nsec ^ 1}};
    assert_int_equal(utimensat(AT_FDCWD, path, later, 0), 0);
    assert_true(pm__store_changed(f->store, file));
    assert_int_equal(utimensat(AT_FDCWD, path, as_it_was, 0), 0);
    assert_false(pm__store_changed(f->store, file));
    for (off_t size = 2; size <= 4; size += 2) {
        assert_int_equal(truncate(path, size), 0);
        assert_int_equal(utimensat(AT_FDCWD, path, as_it_was, 0), 0);
        assert_true(pm__store_changed(f->store, file));
    }
    assert_non_null(strstr(f->log, "changed behind the module's back, name a"));
    assert_int_equal(truncate(path, 3), 0);
    assert_int_equal(utimensat(AT_FDCWD, path, as_it_was, 0), 0);
    assert_false(pm__store_changed(f->store, file));
    assert_int_equal(unlink(path), 0);
    assert_true(pm__store_changed(f->store, file));
    assert_non_null(strstr(f->log, "removed behind the module's back, name a"));
    assert_true(pm__store_changed(f->store, file + 1));
}

/* What the module does to the name of a file that it reads is no news to it. */
static void test_own_changes_of_names(void **state)
{
    struct fixture *f = *state;
    char path[256];
    pm_file file = open_changing(f, path);
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "b", 5, 2), PM_OK);
    assert_int_equal(fixture_await(f, pm__store_rename(f->store, &f->op, PM_STORAGE_UFS,
                                                       text_slice("b"), text_slice("a"), true)),
                     PM_OK);
    assert_false(pm__store_changed(f->store, file));
    pm_file other = open_file(f, "a", 5);
    assert_int_equal(
        fixture_await(f, pm__store_delete(f->store, &f->op, PM_STORAGE_UFS, text_slice("a"))),
        PM_OK);
    assert_false(pm__store_changed(f->store, other));
    assert_false(pm__store_changed(f->store, file));
}

static void test_read_error(void **state)
{
    struct fixture *f = *state;
    uint8_t data[100];
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 600000, 1), PM_OK);
    pm_file file = open_file(f, "a", 600000);
    disk.now_error = EIO;
    disk.fail_read = EIO;
    assert_int_equal(fixture_await(f, pm__store_read(f->store, &f->op, file, 0, data, 100)),
                     PM_ERR_IO);
    /* It was a passing trouble: the same bytes can be asked for again. */
    assert_int_equal(fixture_compare(f, file, 0, 4096, 1), 600000);
}

static void test_cancel(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 600000, 1), PM_OK);
    pm_file file = open_file(f, "a", 600000);
    disk.now_error = EAGAIN;
    disk.hold_read = true;
    uint8_t *data = malloc(1000);
    assert_non_null(data);
    assert_int_equal(pm__store_read(f->store, &f->op, file, 0, data, 1000), PM_PENDING);
    wait_held();
    struct pm_op other;
    assert_int_equal(pm__store_read(f->store, &other, file, 0, data, 1), PM_ERR_BUSY);
    assert_true(pm_store_cancel(f->store, &f->op));
    free(data); /* nobody may touch it any more: the sanitizer would tell */
    unsigned int before = f->answers;
    /* The file goes on: the next read waits for the same window or for its own. */
    uint8_t near[10];
    assert_int_equal(pm__store_read(f->store, &f->op, file, 500000, near, 10), PM_PENDING);
    assert_int_equal(sem_post(&disk.go), 0);
    assert_int_equal(fixture_await(f, PM_PENDING), 10);
    assert_int_equal(f->answers, before + 1);
    assert_int_equal(near[9], pattern(1, 500009));
    assert_int_equal(fixture_compare(f, file, 0, 4096, 1), 600000);
}

static void test_cancel_open(void **state)
{
    struct fixture *f = *state;
    uint64_t size = 77;
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 10, 1), PM_OK);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    unsigned int before = f->answers;
    assert_int_equal(pm__store_open(f->store, &f->op, PM_STORAGE_UFS, text_slice("a"), &size),
                     PM_PENDING);
    assert_true(pm_store_cancel(f->store, &f->op));
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(f->answers, before);
    assert_int_equal(size, 77);
    for (size_t i = 0; i < STORE_FILES; i++) {
        assert_null(f->store->files[i]);
    }
}

static void test_close_while_reading(void **state)
{
    struct fixture *f = *state;
    static uint8_t data[10];
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", 600000, 1), PM_OK);
    pm_file file = open_file(f, "a", 600000);
    disk.now_error = EAGAIN;
    disk.hold_read = true;
    assert_int_equal(pm__store_read(f->store, &f->op, file, 0, data, 10), PM_PENDING);
    wait_held();
    pm__store_file_close(f->store, file);
    assert_int_equal(pm__store_read(f->store, &f->op, file, 0, data, 10), PM_ERR_IO);
    assert_int_equal(sem_post(&disk.go), 0);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_null(f->store->files[file]);
}

/* A scratch file that is written while a read-ahead of it is under way. */
static void test_scratch_window_out_of_date(void **state)
{
    struct fixture *f = *state;
    static uint8_t data[10];
    int32_t file = fixture_await(f, pm__store_scratch(f->store, &f->op));
    assert_true(file >= 0);
    assert_int_equal(fixture_fill(f, file, 1000, 1000, 3), PM_OK);
    disk.now_error = EAGAIN;
    disk.hold_read = true;
    assert_int_equal(pm__store_read(f->store, &f->op, file, 0, data, 10), PM_PENDING);
    wait_held();
    assert_true(pm_store_cancel(f->store, &f->op));
    uint8_t more[500];
    pattern_fill(more, sizeof more, 3, 1000);
    assert_int_equal(pm__store_write(f->store, &f->op, file, more, sizeof more), PM_PENDING);
    assert_int_equal(sem_post(&disk.go), 0);
    assert_int_equal(fixture_await(f, PM_PENDING), PM_OK);
    assert_int_equal(fixture_compare(f, file, 0, 4096, 3), 1500);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_cached_reads_answer_at_once),
        TEST(test_slow_disk),
        TEST(test_any_order),
        TEST(test_ends),
        TEST(test_deleted_stays_readable),
        TEST(test_changed_behind_our_back),
        TEST(test_notices_others),
        TEST(test_own_changes_of_names),
        TEST(test_read_error),
        TEST(test_cancel),
        TEST(test_cancel_open),
        TEST(test_close_while_reading),
        TEST(test_scratch_window_out_of_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
