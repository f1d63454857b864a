/* SPDX-License-Identifier: MIT */
/* A hardened process: what the kernel says of it, and what its end leaves. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/harden.h"

/* A child that aborts, hardened or not, where cores may be large. Returns its wait status. */
static int crash(bool hardened, bool limit_again)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    char err[200];
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char folder[] = "/tmp/pm-core-XXXXXX";
        bool good = mkdtemp(folder) != NULL && chdir(folder) == 0 && rmdir(folder) == 0;
        good = good && setrlimit(RLIMIT_CORE, &all) == 0;
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
    return status;
}

static void a_crash_leaves_no_core(void **state)
{
    (void)state;
    int hardened = crash(true, false);
    assert_true(WIFSIGNALED(hardened));
    assert_int_equal(WTERMSIG(hardened), SIGABRT);
    assert_false(WCOREDUMP(hardened));
}

static void the_limit_alone_is_not_what_prevents_it(void **state)
{
    (void)state;
    int status = crash(true, true);
    if (WIFEXITED(status)) {
        skip(); /* Only root may raise the limit again. */
    }
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1); /* of the test itself */
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
        bool good = pm_harden(err, sizeof err) && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
                    prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 &&
                    getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0;
        _exit(good ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
#if defined(__SANITIZE_ADDRESS__)
    skip(); /* which needs to look at its own process */
#endif
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
