/* SPDX-License-Identifier: MIT */
/* The lock of a directory: one holder, named to the others, gone with its descriptor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/lock.h"

static void test_lock(void **state)
{
    (void)state;
    char dir[] = "/tmp/pm-test-lock-XXXXXX";
    char err[200] = "";
    char expected[200];
    assert_non_null(mkdtemp(dir));
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);

    int lock = pm_lock_take(fd, "here", err, sizeof err);
    assert_true(lock >= 0);
    assert_string_equal(err, "");
    assert_int_equal(fcntl(lock, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(pm_lock_take(fd, "here", err, sizeof err), -1);
    (void)snprintf(expected, sizeof expected, "here is in use by another program (process %ld)",
                   (long)getpid());
    assert_string_equal(err, expected);
    /* A lock file that says nothing of use. */
    assert_int_equal(pwrite(lock, "?????????????????????????????", 29, 0), 29);
    assert_int_equal(pm_lock_take(fd, "here", err, sizeof err), -1);
    assert_string_equal(err, "here is in use by another program");
    assert_int_equal(close(lock), 0);
    lock = pm_lock_take(fd, "here", err, sizeof err);
    assert_true(lock >= 0);
    assert_int_equal(close(lock), 0);

    assert_int_equal(unlinkat(fd, "lock", 0), 0);
    assert_int_equal(mkdirat(fd, "lock", 0700), 0);
    assert_int_equal(pm_lock_take(fd, "here", err, sizeof err), -1);
    assert_string_equal(err, "cannot write to here: Is a directory");
    assert_int_equal(unlinkat(fd, "lock", AT_REMOVEDIR), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lock)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
