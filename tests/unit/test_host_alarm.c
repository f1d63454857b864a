/* SPDX-License-Identifier: MIT */
/* The alarm: when it is raised, what the command sees, and that it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/alarm.h"

struct fixture {
    uv_loop_t loop;
    struct pm_log log;
    struct pm_alarm alarm;
    struct pm_module_counts counts;
    uv_timer_t limit;
    char *logged;
    size_t logged_len;
    char folder[64], script[96], seen[96];
    bool ended, timed_out;
};

static void on_ended(void *user)
{
    ((struct fixture *)user)->ended = true;
}

static void on_limit(uv_timer_t *timer)
{
    ((struct fixture *)timer->data)->timed_out = true;
}

static struct fixture *begin(const char *script, uint32_t seconds, uint32_t command_ms)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    strcpy(f->folder, "/tmp/pm-alarm-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->script, sizeof f->script, "%s/alarm", f->folder);
    snprintf(f->seen, sizeof f->seen, "%s/seen", f->folder);
    FILE *file = fopen(f->script, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\ncd %s\n%s\n", f->folder, script);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(f->script, 0700), 0);
    pm_log_init(&f->log, PM_LOG_INFO, "");
    f->log.file = open_memstream(&f->logged, &f->logged_len);
    const struct pm_alarm_options options = {.log = &f->log,
                                             .module = "pump",
                                             .command = f->script,
                                             .seconds = seconds,
                                             .command_ms = command_ms};
    pm_alarm_init(&f->alarm, &f->loop, &options);
    uv_timer_init(&f->loop, &f->limit);
    f->limit.data = f;
    return f;
}

static void end(struct fixture *f)
{
    if (!f->alarm.ending) {
        pm_alarm_end(&f->alarm, on_ended, f);
    }
    uv_close((uv_handle_t *)&f->limit, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(f->ended);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    fclose(f->log.file);
    free(f->logged);
    unlink(f->seen);
    assert_int_equal(unlink(f->script), 0);
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
}

static bool says(struct fixture *f, const char *text)
{
    fflush(f->log.file);
    return strstr(f->logged, text) != NULL;
}

/* Turns the loop until the log says so; false after ten seconds. */
static bool until(struct fixture *f, const char *text)
{
    f->timed_out = false;
    uv_timer_start(&f->limit, on_limit, 10000, 0);
    while (!says(f, text) && !f->timed_out) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    uv_timer_stop(&f->limit);
    return says(f, text);
}

static void fails(struct fixture *f)
{
    f->counts.mails_failed++;
    f->counts.last_error = PM_MAIL_AUTH;
    f->counts.last_reply = 535;
    uv_update_time(&f->loop);
    pm_alarm_look(&f->alarm, f->counts);
}

static void own_limit_is_named(void **state)
{
    (void)state;
    static const struct {
        uint16_t error, reply;
        bool own;
        const char *text;
    } cases[] = {
        {PM_MAIL_MAILBOX_BUSY, 450, true, "mailbox unavailable (mail.rate_limit)\n"},
        {PM_MAIL_MAILBOX_BUSY, 450, false, "mailbox unavailable\n"},
        {PM_MAIL_MAILBOX, 550, true, "(mail.allow_*)\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture *f = begin("exec >&-", 1, 0);
        f->counts.mails_failed++;
        f->counts.last_error = cases[i].error;
        f->counts.last_reply = cases[i].reply;
        f->counts.last_own = cases[i].own;
        pm_alarm_look(&f->alarm, f->counts);
        assert_true(until(f, "the last with "));
        assert_true(says(f, cases[i].text));
        end(f);
    }
}

static void succeeds(struct fixture *f)
{
    f->counts.mails_sent++;
    uv_update_time(&f->loop);
    pm_alarm_look(&f->alarm, f->counts);
}

static void one_alarm_one_command_one_recovery(void **state)
{
    char seen[600] = "";
    (void)state;
    struct fixture *f = begin("env | grep -v PWD | sort > seen; exec >&-", 1, 0);
    setenv("PM_TEST_SECRET", "secret", 1);
    fails(f);
    fails(f);
    assert_true(until(f, "mail.on_failure has ended: status 0"));
    assert_true(says(f, "alarm: mail has failed for 1 s, 2 of them, the last with 677 "));
    FILE *file = fopen(f->seen, "r");
    assert_non_null(file);
    assert_true(fread(seen, 1, sizeof seen - 1, file) > 0);
    fclose(file);
    assert_non_null(strstr(seen, "POSTMODEM_ERROR=677\n"));
    assert_non_null(strstr(seen, "POSTMODEM_REPLY=535\n"));
    assert_non_null(strstr(seen, "POSTMODEM_FAILED=2\n"));
    assert_non_null(strstr(seen, "POSTMODEM_MODULE=pump\n"));
    assert_non_null(strstr(seen, "POSTMODEM_SECONDS=1\n"));
    assert_non_null(strstr(seen, "POSTMODEM_TEXT=authentication failed\n"));
    assert_null(strstr(seen, "secret"));
    fails(f);
    assert_false(says(f, "alarm over"));
    succeeds(f);
    assert_true(says(f, "alarm over: mail leaves again after 1 s, 3 had failed"));
    end(f);
}

static void a_mail_that_leaves_in_time_prevents_it(void **state)
{
    (void)state;
    struct fixture *f = begin("exit 0", 1, 0);
    fails(f);
    succeeds(f);
    fails(f);
    succeeds(f);
    uv_run(&f->loop, UV_RUN_DEFAULT); /* nothing is in it that would wait */
    assert_false(says(f, "alarm"));
    end(f);
}

static void zero_is_never(void **state)
{
    (void)state;
    struct fixture *f = begin("exit 0", 0, 0);
    fails(f);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_false(says(f, "alarm"));
    end(f);
}

static void a_command_that_hangs_is_killed(void **state)
{
    (void)state;
    struct fixture *f = begin("trap '' TERM; sleep 300 & wait", 1, 200);
    fails(f);
    assert_true(until(f, "takes too long: killed"));
    assert_true(until(f, "mail.on_failure has ended: signal 9"));
    end(f);
}

static void never_two_at_a_time(void **state)
{
    (void)state;
    struct fixture *f = begin("sleep 300", 1, 0);
    fails(f);
    assert_true(until(f, "alarm: mail"));
    succeeds(f);
    fails(f);
    assert_true(until(f, "still runs: not started again"));
    end(f); /* which kills it: the loop would last else */
}

static void one_that_cannot_start_is_told(void **state)
{
    (void)state;
    struct fixture *f = begin("exit 0", 1, 0);
    assert_int_equal(chmod(f->script, 0600), 0);
    fails(f);
    assert_true(until(f, "mail.on_failure: /tmp/"));
    end(f);
}

static void a_status_is_told(void **state)
{
    (void)state;
    struct fixture *f = begin("exit 3", 1, 0);
    fails(f);
    assert_true(until(f, "mail.on_failure has ended: status 3"));
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_alarm_one_command_one_recovery),
        cmocka_unit_test(a_mail_that_leaves_in_time_prevents_it),
        cmocka_unit_test(zero_is_never),
        cmocka_unit_test(a_command_that_hangs_is_killed),
        cmocka_unit_test(never_two_at_a_time),
        cmocka_unit_test(one_that_cannot_start_is_told),
        cmocka_unit_test(a_status_is_told),
        cmocka_unit_test(own_limit_is_named),
    };
    return cmocka_run_group_tests_name("host_alarm", tests, NULL, NULL);
}
