/* SPDX-License-Identifier: MIT */
/* A daemon with several modules in one loop: they start, leave alone, and follow SIGHUP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>

#include "host/daemon.h"
#include "host/port.h"

/* How long anything that should happen soon may take on a busy machine, ms. */
#define SOON 30000

/* What a test does each time the loop has turned; true: it is through. */
typedef bool (*step)(struct pm_daemon *daemon);

struct fixture {
    struct pm_daemon daemon;
    struct pm_daemon_calls calls;
    uv_timer_t timer;
    uint64_t began;
    const char *const *names; /* of the modules that a reload finds, NULL ends */
    const char *model;        /* of all of them */
    const char *log;          /* likewise */
    step next;
    unsigned started; /* by reloads */
    bool expired;
    char err[600];
};

static struct fixture *fixture; /* of the test that runs: for its steps */

static bool describe(struct fixture *f, struct pm_configuration *configuration, char *err,
                     size_t err_size)
{
    for (const char *const *name = f->names; *name != NULL; name++) {
        assert_non_null(
            pm__configuration_module(configuration, *name, strlen(*name), err, err_size));
    }
    return pm_configuration_set(configuration, "port.1.tcp", "127.0.0.1:0", err, err_size) &&
           pm_configuration_set(configuration, "identity.model", f->model, err, err_size) &&
           pm_configuration_set(configuration, "log", f->log, err, err_size) &&
           pm_configuration_finish(configuration, err, err_size);
}

static bool reload(void *user, struct pm_configuration *configuration, char *err, size_t err_size)
{
    return describe(user, configuration, err, err_size);
}

static void started(void *user, const struct pm_daemon_module *module)
{
    struct fixture *f = user;
    assert_non_null(module->host.terminals);
    f->started++;
}

static int set_up(void **state)
{
    static const char *const names[] = {"a", "b", NULL};
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->names = names;
    f->model = "AG35";
    f->log = "error";
    f->calls = (struct pm_daemon_calls){f, reload, started};
    struct pm_configuration configuration;
    pm_configuration_init(&configuration);
    assert_true(describe(f, &configuration, f->err, sizeof f->err));
    assert_true(pm_daemon_reserve(&configuration, f->err, sizeof f->err));
    assert_true(pm_daemon_init(&f->daemon, PM_LOG_ERROR, f->err, sizeof f->err));
    for (size_t i = 0; i < configuration.count; i++) {
        assert_non_null(pm_daemon_add(&f->daemon, pm_configuration_take(&configuration, i), f->err,
                                      sizeof f->err));
    }
    pm_configuration_free(&configuration);
    fixture = f;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    pm_daemon_end(&f->daemon);
    assert_null(f->daemon.modules);
    free(f);
    return 0;
}

static void on_timer(uv_timer_t *timer)
{
    struct fixture *f = timer->data;
    f->expired = uv_now(timer->loop) - f->began > SOON;
    if (f->expired || f->next(&f->daemon)) {
        uv_close((uv_handle_t *)timer, NULL);
        assert_int_equal(raise(SIGTERM), 0);
    }
}

/* Runs the daemon until the step has said that it is through. */
static void run(struct fixture *f, step next)
{
    f->next = next;
    uv_timer_init(&f->daemon.loop, &f->timer);
    f->timer.data = f;
    f->began = uv_now(&f->daemon.loop);
    uv_timer_start(&f->timer, on_timer, 1, 5);
    pm_daemon_run(&f->daemon, &f->calls);
    assert_false(f->expired);
    assert_int_equal(f->daemon.active, 0);
}

static const struct pm_daemon_module *find(const struct pm_daemon *daemon, const char *name)
{
    const struct pm_daemon_module *module = daemon->modules;
    while (module != NULL && strcmp(module->options->name, name) != 0) {
        module = module->next;
    }
    return module;
}

static bool at_once(struct pm_daemon *daemon)
{
    assert_int_equal(daemon->active, 2);
    assert_string_equal(daemon->modules->options->name, "a");
    assert_string_equal(daemon->modules->next->options->name, "b");
    assert_null(daemon->modules->next->next);
    return true;
}

static void test_modules_start_and_leave_with_the_daemon(void **state)
{
    run(*state, at_once);
}

static bool dismiss_a(struct pm_daemon *daemon)
{
    const struct pm_daemon_module *a = find(daemon, "a");
    if (a == NULL) {
        assert_int_equal(daemon->active, 1);
        assert_non_null(find(daemon, "b"));
        assert_false(daemon->leaving);
        return true;
    }
    pm__daemon_dismiss(daemon->modules); /* again and again: the first time counts */
    return false;
}

static void test_one_leaves_and_the_other_stays(void **state)
{
    run(*state, dismiss_a);
}

static const struct pm_daemon_module *kept;

static bool after_reload(struct pm_daemon *daemon)
{
    static const char *const other[] = {"b", "c", NULL};
    if (fixture->names != other) {
        fixture->names = other;
        kept = find(daemon, "b");
        assert_int_equal(raise(SIGHUP), 0);
        return false;
    }
    if (find(daemon, "a") != NULL || find(daemon, "c") == NULL) {
        return false;
    }
    assert_ptr_equal(find(daemon, "b"), kept);
    assert_int_equal(fixture->started, 1);
    return true;
}

static void test_reload_starts_and_dismisses(void **state)
{
    run(*state, after_reload);
}

static bool after_change(struct pm_daemon *daemon)
{
    if (strcmp(fixture->model, "EC25") != 0) {
        fixture->model = "EC25";
        assert_int_equal(raise(SIGHUP), 0);
        return false;
    }
    if (fixture->started < 2) {
        return false;
    }
    assert_string_equal(find(daemon, "a")->options->module.model, "EC25");
    assert_string_equal(find(daemon, "b")->options->module.model, "EC25");
    assert_int_equal(daemon->active, 2);
    return true;
}

static void test_changed_modules_start_again(void **state)
{
    run(*state, after_change);
}

static bool after_louder(struct pm_daemon *daemon)
{
    if (strcmp(fixture->log, "warning") != 0) {
        fixture->log = "warning";
        kept = find(daemon, "a");
        assert_int_equal(raise(SIGHUP), 0);
        return false;
    }
    if (kept->log.level != PM_LOG_WARNING) {
        return false;
    }
    assert_ptr_equal(find(daemon, "a"), kept);
    assert_int_equal(kept->phase, PM_DAEMON_RUNS);
    assert_int_equal(daemon->log.level, PM_LOG_WARNING);
    return true;
}

static void test_log_level_changes_without_a_restart(void **state)
{
    run(*state, after_louder);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_modules_start_and_leave_with_the_daemon),
        TEST(test_one_leaves_and_the_other_stays),
        TEST(test_reload_starts_and_dismisses),
        TEST(test_changed_modules_start_again),
        TEST(test_log_level_changes_without_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
