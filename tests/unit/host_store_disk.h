/* SPDX-License-Identifier: MIT */
/*
 * A store's disk that is watched and disturbed: by system calls of the test program's own, which
 * the linker takes before those of the C library. For one source file per program.
 */
#ifndef HOST_STORE_DISK_H
#define HOST_STORE_DISK_H

#include "host_store_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>

static struct {
    char calls[256]; /* one letter per call: w rite, c ut, s ync, r ename, u nlink */
    size_t count;
    int fail_sync, fail_write, fail_rename; /* errno of the next call */
    int good_syncs, good_renames;           /* calls before that one */
    int good_writes;
    int fail_cut;
    bool hold_write; /* the next write waits */
    sem_t held, go;
    pthread_mutex_t mutex; /* of calls and count: the pool has several threads */
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static inline void note(char call)
{
    (void)pthread_mutex_lock(&disk.mutex);
    if (disk.count < sizeof disk.calls - 1 &&
        (call != 'w' || disk.count == 0 || disk.calls[disk.count - 1] != 'w')) {
        disk.calls[disk.count++] = call;
        disk.calls[disk.count] = 0;
    }
    (void)pthread_mutex_unlock(&disk.mutex);
}

static inline int fails(int *error, int *good)
{
    if (*error == 0 || (*good)-- > 0) {
        return 0;
    }
    *good = 0;
    errno = *error;
    *error = 0;
    return -1;
}

int fsync(int fd)
{
    note('s');
    return fails(&disk.fail_sync, &disk.good_syncs) != 0 ? -1 : (int)syscall(SYS_fsync, fd);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
    note('r');
    return fails(&disk.fail_rename, &disk.good_renames) != 0
               ? -1
               : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int unlinkat(int dir, const char *name, int flags)
{
    note('u');
    return (int)syscall(SYS_unlinkat, dir, name, flags);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    if (disk.hold_write) {
        disk.hold_write = false;
        (void)sem_post(&disk.held);
        while (sem_wait(&disk.go) != 0) {
        }
    }
    note('w');
    return fails(&disk.fail_write, &disk.good_writes) != 0
               ? -1
               : syscall(SYS_pwrite64, fd, data, len, offset);
}

int ftruncate(int fd, off_t size)
{
    int none = 0;
    note('c');
    return fails(&disk.fail_cut, &none) != 0 ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

static inline int disk_setup(void **state)
{
    disk.fail_sync = disk.fail_write = disk.fail_rename = 0;
    disk.good_syncs = disk.good_writes = disk.good_renames = 0;
    disk.fail_cut = 0;
    disk.hold_write = false;
    assert_int_equal(sem_init(&disk.held, 0, 0), 0);
    assert_int_equal(sem_init(&disk.go, 0, 0), 0);
    int rc = fixture_setup(state);
    disk.count = 0;
    disk.calls[0] = 0;
    return rc;
}

static inline int disk_teardown(void **state)
{
    int rc = fixture_teardown(state);
    assert_int_equal(sem_destroy(&disk.held), 0);
    assert_int_equal(sem_destroy(&disk.go), 0);
    return rc;
}

/* Lets the pool come to the held write. */
static inline void wait_held(void)
{
    while (sem_wait(&disk.held) != 0) {
    }
}

static inline struct pm_storage_info info_of(struct fixture *f, enum pm_storage storage)
{
    struct pm_storage_info info;
    assert_int_equal(pm__store_info(f->store, &f->op, storage, &info), PM_OK);
    assert_int_equal(info.files,
                     fixture_entries(f, storage == PM_STORAGE_UFS ? "state/ufs" : "state/ram"));
    return info;
}

static inline pm_file create(struct fixture *f, enum pm_storage storage, uint64_t size)
{
    int32_t file = fixture_await(f, pm__store_create(f->store, &f->op, storage, size));
    assert_true(file >= 0);
    return file;
}

/* Lets closed files go. */
static inline void settle(struct fixture *f)
{
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

#endif
