/* SPDX-License-Identifier: MIT */
/* Bearer tokens from files and commands: what is taken, kept, renewed, refused and killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/token.h"

#define NOT_CALLED 12345

/* The linker wraps uv_now(): time passes as a test wants it to. */
static uint64_t passed_ms;

uint64_t __real_uv_now(const uv_loop_t *loop);
uint64_t __wrap_uv_now(const uv_loop_t *loop);

uint64_t __wrap_uv_now(const uv_loop_t *loop)
{
    return __real_uv_now(loop) + passed_ms;
}

struct fixture {
    uv_loop_t loop;
    struct pm_token *token;
    char folder[40], path[60];
    char logged[300];
    int32_t result;
    uint8_t out[PM_TOKEN_SIZE];
};

static void on_log(void *user, enum pm_log_level level, const char *text)
{
    struct fixture *f = user;
    assert_int_equal(level, PM_LOG_ERROR);
    (void)snprintf(f->logged, sizeof f->logged, "%s", text);
}

static void on_done(void *user, int32_t result)
{
    struct fixture *f = user;
    assert_int_equal(f->result, NOT_CALLED);
    f->result = result;
}

static void on_walk(uv_handle_t *handle, void *user)
{
    (void)handle;
    *(bool *)user = true;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL || uv_loop_init(&f->loop) != 0) {
        return 1;
    }
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/pm-token-XXXXXX");
    if (mkdtemp(f->folder) == NULL) {
        return 1;
    }
    (void)snprintf(f->path, sizeof f->path, "%s/file", f->folder);
    f->result = NOT_CALLED;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    bool left = false;
    pm_token_free(f->token);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    uv_walk(&f->loop, on_walk, &left);
    assert_false(left);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    (void)unlink(f->path);
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static void make(struct fixture *f, const char *file, const char *command, uint32_t timeout_ms)
{
    const struct pm_token_source source = {.file = file,
                                           .command = command,
                                           .timeout_ms = timeout_ms,
                                           .user = f,
                                           .log = on_log,
                                           .done = on_done};
    pm_token_free(f->token);
    f->token = pm_token_new(&f->loop, &source);
    assert_non_null(f->token);
}

static void write_file(const struct fixture *f, const char *text)
{
    FILE *file = fopen(f->path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* The result of one question, waited for. */
static int32_t get(struct fixture *f, bool renew, size_t cap)
{
    f->result = NOT_CALLED;
    f->logged[0] = '\0';
    int32_t result = pm_token_get(f->token, renew, f->out, cap);
    if (result != PM_PENDING) {
        return result;
    }
    while (f->result == NOT_CALLED) {
        bool alive = uv_run(&f->loop, UV_RUN_ONCE) != 0;
        assert_true(alive || f->result != NOT_CALLED);
    }
    return f->result;
}

static void expect(struct fixture *f, bool renew, const char *text)
{
    assert_int_equal(get(f, renew, sizeof f->out), strlen(text));
    assert_memory_equal(f->out, text, strlen(text));
    assert_string_equal(f->logged, "");
}

static void expect_none(struct fixture *f, bool renew, const char *reason)
{
    assert_int_equal(get(f, renew, sizeof f->out), PM_ERR_NOT_FOUND);
    assert_non_null(strstr(f->logged, reason));
}

/* ---- Files ---- */

static void test_file(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {"abc", "abc\n", "abc\r\n", "abc\n3600\n", "abc\nrest\n"};
    make(f, f->path, "", 0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_file(f, texts[i]);
        expect(f, false, "abc");
    }
    write_file(f, "def\n"); /* read anew each time */
    expect(f, false, "def");
}

static void test_file_without_token(void **state)
{
    struct fixture *f = *state;
    static char text[PM_TOKEN_SIZE + 40];
    make(f, f->path, NULL, 0);
    expect_none(f, false, "smtp.token_file: No such file");
    write_file(f, "");
    expect_none(f, false, "first line is empty");
    write_file(f, "\nabc\n");
    expect_none(f, false, "first line is empty");
    memset(text, 'x', PM_TOKEN_SIZE);
    write_file(f, text);
    expect(f, false, text);
    assert_int_equal(get(f, false, PM_TOKEN_SIZE - 1), PM_ERR_NOT_FOUND);
    memset(text, 'x', PM_TOKEN_SIZE + 1);
    write_file(f, text);
    expect_none(f, false, "too long");
    make(f, f->folder, "", 0);
    expect_none(f, false, "Is a directory");
}

static void test_refused_file(void **state)
{
    struct fixture *f = *state;
    make(f, f->path, "", 0);
    write_file(f, "abc\n");
    expect(f, false, "abc");
    expect_none(f, true, "refused");
    write_file(f, "def\n");
    expect(f, true, "def");
    expect(f, false, "def");
}

/* ---- Commands ---- */

static void test_command(void **state)
{
    struct fixture *f = *state;
    make(f, "", "printf  abc\\n%s\\n 17", 0);
    expect(f, false, "abc");
    make(f, "", "echo $HOME;ls", 0); /* no shell */
    expect(f, false, "$HOME;ls");
}

/* Counts its runs in the file; the token ends with their number. */
static void count_runs(struct fixture *f, const char *seconds)
{
    static char command[300];
    (void)snprintf(command, sizeof command, "%s/run %s", f->folder, seconds);
    char path[80];
    (void)snprintf(path, sizeof path, "%s/run", f->folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fprintf(file,
                        "#!/bin/sh\necho x >>%s\nprintf 't%%d\\n%%s\\n' $(wc -l <%s) \"$1\"\n",
                        f->path, f->path) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0700), 0);
    make(f, "", command, 0);
}

static void forget_runs(const struct fixture *f)
{
    char path[80];
    (void)snprintf(path, sizeof path, "%s/run", f->folder);
    assert_int_equal(unlink(path), 0);
}

/* Kept until a minute before its end; not without one, nor for less than that minute. */
static void test_kept_token(void **state)
{
    struct fixture *f = *state;
    count_runs(f, "3600");
    expect(f, false, "t1");
    expect(f, false, "t1");
    expect(f, true, "t2");
    expect(f, false, "t2");
    passed_ms = 3500U * 1000U;
    expect(f, false, "t2");
    passed_ms = 3540U * 1000U;
    expect(f, false, "t3");
    passed_ms = 0;
    count_runs(f, "60");
    expect(f, false, "t4");
    expect(f, false, "t5");
    count_runs(f, "never");
    expect(f, false, "t6");
    expect(f, false, "t7");
    forget_runs(f);
}

static void test_refused_command(void **state)
{
    struct fixture *f = *state;
    make(f, "", "echo abc", 0);
    expect(f, false, "abc");
    expect_none(f, true, "refused");
}

static void test_commands_that_fail(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *command, *reason;
    } bad[] = {
        {"/nonexistent/command", "no such file"},
        {"  ", "no command"},
        {"false", "ended with status 1"},
        {"true", "first line is empty"},
        {"sh -c kill\t-9\t$$", "signal 9"},
        {"head -c 8257 /dev/zero", "says too much"},
        {"head -c 100000000 /dev/zero", "says too much"},
        {"head -c 8256 /dev/zero", "too long"},
        {"echo 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 "
         "32",
         "too many words"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        make(f, "", bad[i].command, 0);
        expect_none(f, false, bad[i].reason);
        assert_non_null(strstr(f->logged, "smtp.token_command: "));
    }
}

/* A command that takes too long is killed, and so is what it has started. */
static void test_slow_command(void **state)
{
    struct fixture *f = *state;
    char command[200];
    char text[20] = "";
    (void)snprintf(command, sizeof command, "sh -c sleep\t1000&echo\t$!>%s;wait", f->path);
    make(f, "", command, 300);
    expect_none(f, false, "takes too long");
    FILE *file = fopen(f->path, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    (void)fclose(file);
    pid_t sleeper = (pid_t)strtol(text, NULL, 10);
    assert_true(sleeper > 1);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    /* Killed at once; who reaps it is not ours to say, so that it may be a zombie for a moment. */
    char stat_path[40];
    char line[200] = "";
    (void)snprintf(stat_path, sizeof stat_path, "/proc/%d/stat", (int)sleeper);
    for (unsigned i = 0; i < 500; i++) {
        FILE *status = fopen(stat_path, "re");
        if (status == NULL) {
            return;
        }
        bool read = fgets(line, sizeof line, status) != NULL;
        (void)fclose(status);
        if (!read || strstr(line, ") Z ") != NULL) {
            return;
        }
        (void)usleep(10000);
    }
    fail_msg("still there: %s", line);
}

static void test_cancel(void **state)
{
    struct fixture *f = *state;
    make(f, "", "sleep 1000", 0);
    assert_int_equal(pm_token_get(f->token, false, f->out, sizeof f->out), PM_PENDING);
    pm_token_cancel(f->token);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->result, NOT_CALLED);
    assert_int_equal(pm_token_get(f->token, false, f->out, sizeof f->out), PM_PENDING);
    pm_token_free(f->token);
    f->token = NULL;
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->result, NOT_CALLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_without_token, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_command, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kept_token, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused_command, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_commands_that_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slow_command, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
