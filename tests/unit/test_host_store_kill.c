/* SPDX-License-Identifier: MIT */
/*
 * A program that is killed at any moment of its uploads: every file that was answered OK is
 * there and whole, every file that is there is whole, and nothing unfinished is left. Killed while
 * it changes a file in place: what was answered is there, and of the rest any first part.
 */
#include "host_store_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS 60
#define PIECE  1000U

/* Size of the file with a number: small ones, and some that take several buffers. */
static uint64_t size_of(uint32_t number)
{
    return number % 5 == 4 ? 300000 + number : 1 + number * 977 % 20000;
}

/* The child: uploads file after file and tells each that was answered OK; deletes some. */
static void upload_for_ever(struct fixture *f, int tell, uint32_t number)
{
    for (;; number++) {
        char name[24];
        (void)snprintf(name, sizeof name, "../f %u", number);
        if (fixture_put(f, PM_STORAGE_UFS, name, size_of(number), number) != PM_OK ||
            write(tell, &number, sizeof number) != (ssize_t)sizeof number) {
            _exit(1);
        }
    }
}

static void wait_a_little(uint32_t microseconds)
{
    struct timespec time = {0, (long)microseconds * 1000};
    while (nanosleep(&time, &time) != 0 && errno == EINTR) {
    }
}

/* The child: a file grows piece by piece, and each that was answered OK is told. */
static void change_for_ever(struct fixture *f, int tell, uint32_t number)
{
    uint8_t piece[PIECE];
    uint64_t size = 0;
    int32_t file = fixture_await(
        f, pm__store_edit(f->store, &f->op, PM_STORAGE_UFS, text_slice("log"), false, &size));
    while (file >= 0) {
        pattern_fill(piece, sizeof piece, 7, (uint64_t)number * PIECE);
        if (fixture_await(f, pm__store_write_at(f->store, &f->op, file, (uint64_t)number * PIECE,
                                                piece, sizeof piece)) != PM_OK ||
            write(tell, &number, sizeof number) != (ssize_t)sizeof number) {
            break;
        }
        number++;
    }
    _exit(1);
}

/* One life of a program; the number after the last that it told. */
static uint32_t live_and_die(struct fixture *f,
                             void (*work)(struct fixture *f, int tell, uint32_t number),
                             uint32_t first, uint32_t microseconds)
{
    int told[2];
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(told[0]);
        /* Loops and thread pools do not survive a fork: this one is the child's own. */
        if (uv_loop_init(&f->loop) != 0 || (f->store = fixture_try(f)) == NULL) {
            _exit(2);
        }
        work(f, told[1], first);
    }
    (void)close(told[1]);
    /* From the first upload on, so that a slow machine gets to work, too. */
    uint32_t number = 0;
    assert_int_equal(read(told[0], &number, sizeof number), sizeof number);
    assert_int_equal(number, first);
    wait_a_little(microseconds);
    assert_int_equal(kill(child, SIGKILL), 0);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    uint32_t next = first + 1;
    while (read(told[0], &number, sizeof number) == (ssize_t)sizeof number) {
        assert_int_equal(number, next);
        next++;
    }
    (void)close(told[0]);
    return next;
}

/* Checks what the dead left from `first` on; those before `told` must be there. */
static uint32_t check_and_empty(struct fixture *f, uint32_t first, uint32_t told)
{
    fixture_open(f);
    uint32_t number = first;
    char name[24];
    uint64_t size = 0;
    for (;; number++) {
        (void)snprintf(name, sizeof name, "../f %u", number);
        if (pm__store_stat(f->store, PM_STORAGE_UFS, text_slice(name), &size) != PM_OK) {
            break;
        }
        assert_true(fixture_is(f, PM_STORAGE_UFS, name, size_of(number), number));
        assert_int_equal(
            fixture_await(f, pm__store_delete(f->store, &f->op, PM_STORAGE_UFS, text_slice(name))),
            PM_OK);
    }
    assert_in_range(number, told, told + 1); /* the last may be there and not told */
    fixture_close(f);
    assert_int_equal(fixture_entries(f, "state/ufs"), 0);
    return number;
}

static void test_kill(void **state)
{
    struct fixture *f = *state;
    uint32_t random = (uint32_t)getpid() * 2654435761U;
    uint32_t next = 0;
    fixture_close(f);
    for (unsigned int round = 0; round < ROUNDS; round++) {
        random = random * 1664525 + 1013904223;
        uint32_t told = live_and_die(f, upload_for_ever, next, (random >> 8) % 30000);
        next = check_and_empty(f, next, told);
    }
    assert_true(next > 0);                                        /* else nothing was tried */
    assert_non_null(strstr(f->log, "removed 1 unfinished file")); /* some died in the middle */
}

static void test_kill_while_changing(void **state)
{
    struct fixture *f = *state;
    uint32_t random = (uint32_t)getpid() * 2654435761U;
    uint32_t next = 0;
    fixture_close(f);
    for (unsigned int round = 0; round < ROUNDS / 2; round++) {
        uint64_t size = 0;
        random = random * 1664525 + 1013904223;
        uint32_t told = live_and_die(f, change_for_ever, next, (random >> 8) % 10000);
        fixture_open(f);
        assert_int_equal(pm__store_stat(f->store, PM_STORAGE_UFS, text_slice("log"), &size), PM_OK);
        assert_in_range(size, (uint64_t)told * PIECE, (uint64_t)(told + 1) * PIECE);
        assert_true(fixture_is(f, PM_STORAGE_UFS, "log", size, 7));
        fixture_close(f);
        next = (uint32_t)(size / PIECE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kill, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_kill_while_changing, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
