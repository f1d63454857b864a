/* SPDX-License-Identifier: MIT */
/* A hardened process: what the kernel says of it, and what its end leaves. */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/harden.h"

/* As large as whoever runs the tests lets cores be: often that is not what a process begins with.
 */
static bool raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) != 0) {
        return false;
    }
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_CORE, &limit) == 0;
}

static void remove_folder(const char *folder)
{
    char path[600];
    DIR *list = opendir(folder);
    assert_non_null(list);
    for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.') {
            assert_int_equal(unlink(path), 0);
        }
    }
    assert_int_equal(closedir(list), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* A child that aborts in a folder of its own, hardened or not. Returns its wait status. */
static int crash(bool hardened, bool limit_again)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    char folder[] = "/tmp/pm-core-XXXXXX";
    char err[200];
    assert_non_null(mkdtemp(folder));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool good = chdir(folder) == 0 && raise_limit();
        good = good && (!hardened || pm_harden(err, sizeof err));
        good = good && (!limit_again || setrlimit(RLIMIT_CORE, &all) == 0);
        (void)signal(SIGABRT, SIG_DFL);
        if (!good) {
            _exit(9);
        }
        abort();
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    remove_folder(folder);
    return status;
}

/* Where others leave no core either, there is nothing to see. */
static void need_cores(void)
{
    int other = crash(false, false);
    assert_true(WIFSIGNALED(other));
    if (!WCOREDUMP(other)) {
        print_message("this system makes no cores\n");
        skip();
    }
}

static void a_crash_leaves_no_core(void **state)
{
    (void)state;
    need_cores();
    int hardened = crash(true, false);
    assert_true(WIFSIGNALED(hardened));
    assert_int_equal(WTERMSIG(hardened), SIGABRT);
    assert_false(WCOREDUMP(hardened));
}

static void the_limit_alone_is_not_what_prevents_it(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    skip(); /* which needs to look at its own process */
#endif
    need_cores();
    int status = crash(true, true);
    if (WIFEXITED(status)) {
        skip(); /* Only root may raise the limit again. */
    }
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_false(WCOREDUMP(status));
}

static void the_kernel_says_so(void **state)
{
    char err[200];
    struct rlimit limit;
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool good = raise_limit() && pm_harden(err, sizeof err) &&
                    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
                    getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 &&
                    limit.rlim_max == 0;
#if !defined(__SANITIZE_ADDRESS__)
        good = good && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
#endif
        _exit(good ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_leaves_no_core),
        cmocka_unit_test(the_limit_alone_is_not_what_prevents_it),
        cmocka_unit_test(the_kernel_says_so),
    };
    return cmocka_run_group_tests_name("host_harden", tests, NULL, NULL);
}
