/* SPDX-License-Identifier: MIT */
/* Files that are watched together: whose an event is, and who is told of it, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "host/open_watch.h"

enum { FILES = 3 };

struct file {
    struct pm_open_watch watch;
    char path[64];
    unsigned opened, closed, other; /* events */
    unsigned told;
    struct file *ends[2]; /* files whose watches end when this one is told of something */
};

struct fixture {
    uv_loop_t loop;
    struct pm_open_watches all;
    struct file file[FILES];
};

static void on_event(struct pm_open_watch *watch, uint32_t mask)
{
    struct file *file = watch->user;
    file->opened += (mask & IN_OPEN) != 0 ? 1 : 0;
    file->closed += (mask & IN_CLOSE) != 0 ? 1 : 0;
    file->other += (mask & (IN_OPEN | IN_CLOSE)) == 0 ? 1 : 0;
}

static void on_noted(struct pm_open_watch *watch)
{
    struct file *file = watch->user;
    file->told++;
    for (size_t i = 0; i < sizeof file->ends / sizeof file->ends[0]; i++) {
        if (file->ends[i] != NULL) {
            pm_open_watch_end(&file->ends[i]->watch);
        }
    }
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    for (size_t i = 0; i < FILES; i++) {
        struct file *file = &f->file[i];
        strcpy(file->path, "/tmp/postmodem-watch-XXXXXX");
        int fd = mkstemp(file->path);
        assert_true(fd >= 0);
        close(fd);
        file->watch.on_event = on_event;
        file->watch.on_noted = on_noted;
        file->watch.user = file;
        assert_true(pm_open_watch_start(&file->watch, &f->all, &f->loop, file->path));
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < FILES; i++) {
        pm_open_watch_end(&f->file[i].watch);
        unlink(f->file[i].path);
    }
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_null(f->all.instance);
    assert_null(f->all.list);
    free(f);
    return 0;
}

/* Opens and closes a file, as any program may. */
static void touch(const struct file *file)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    close(fd);
}

/* What the loop has to do at once. */
static void turn(struct fixture *f)
{
    for (int i = 0; i < 3; i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
}

static void assert_events(const struct file *file, unsigned opened, unsigned closed, unsigned told)
{
    assert_int_equal(file->opened, opened);
    assert_int_equal(file->closed, closed);
    assert_int_equal(file->told, told);
}

static void test_each_is_told_of_its_own_file(void **state)
{
    struct fixture *f = *state;
    touch(&f->file[0]);
    touch(&f->file[2]);
    touch(&f->file[0]);
    turn(f);
    assert_events(&f->file[0], 2, 2, 1);
    assert_events(&f->file[1], 0, 0, 0);
    assert_events(&f->file[2], 1, 1, 1);
}

/* Who reads for itself takes the events of others out of the kernel, too. */
static void test_the_reader_does_not_swallow_what_is_for_others(void **state)
{
    struct fixture *f = *state;
    touch(&f->file[0]);
    touch(&f->file[1]);
    pm_open_watch_read(&f->file[0].watch);
    assert_events(&f->file[0], 1, 1, 0);
    assert_int_equal(f->file[1].told, 0);
    turn(f);
    assert_events(&f->file[0], 1, 1, 0);
    assert_events(&f->file[1], 1, 1, 1);
    assert_events(&f->file[2], 0, 0, 0);
}

/* What happens in a pause is not told, but that there was one. */
static void test_pause(void **state)
{
    struct fixture *f = *state;
    pm_open_watch_pause(&f->file[1].watch);
    touch(&f->file[1]);
    assert_true(pm_open_watch_resume(&f->file[1].watch, f->file[1].path));
    turn(f);
    assert_events(&f->file[1], 0, 0, 1);
    assert_int_equal(f->file[1].other, 1);
    assert_int_equal(f->file[0].told + f->file[2].told, 0);
    touch(&f->file[1]);
    turn(f);
    assert_events(&f->file[1], 1, 1, 2);
}

/* What happened before a pause is not lost in it. */
static void test_events_before_a_pause(void **state)
{
    struct fixture *f = *state;
    touch(&f->file[1]);
    pm_open_watch_pause(&f->file[1].watch);
    assert_true(pm_open_watch_resume(&f->file[1].watch, f->file[1].path));
    pm_open_watch_read(&f->file[1].watch);
    assert_events(&f->file[1], 1, 1, 0);
}

/* A file may be another one after the pause; one that is not there leaves the watch paused. */
static void test_another_file_after_the_pause(void **state)
{
    struct fixture *f = *state;
    pm_open_watch_end(&f->file[2].watch);
    pm_open_watch_pause(&f->file[1].watch);
    assert_false(pm_open_watch_resume(&f->file[1].watch, "/nothing/there"));
    assert_int_equal(errno, ENOENT);
    pm_open_watch_pause(&f->file[1].watch);
    assert_true(pm_open_watch_resume(&f->file[1].watch, f->file[2].path));
    turn(f);
    touch(&f->file[2]);
    turn(f);
    assert_int_equal(f->file[1].opened, 1);
    assert_events(&f->file[2], 0, 0, 0);
}

static void test_watches_end_while_they_are_told(void **state)
{
    struct fixture *f = *state;
    f->file[1].ends[0] = &f->file[1];
    f->file[1].ends[1] = &f->file[0];
    touch(&f->file[0]);
    touch(&f->file[1]);
    touch(&f->file[2]);
    turn(f);
    assert_int_equal(f->file[0].told, 0);
    assert_int_equal(f->file[1].told, 1);
    assert_int_equal(f->file[2].told, 1);
    touch(&f->file[1]);
    touch(&f->file[2]);
    turn(f);
    assert_int_equal(f->file[1].told, 1);
    assert_int_equal(f->file[2].told, 2);
}

/* The last one takes the instance with it; the next one has another. */
static void test_all_end_and_one_begins(void **state)
{
    struct fixture *f = *state;
    touch(&f->file[0]);
    for (size_t i = 0; i < FILES; i++) {
        pm_open_watch_end(&f->file[i].watch);
        pm_open_watch_end(&f->file[i].watch);
    }
    assert_null(f->all.instance);
    struct file *file = &f->file[0];
    assert_false(pm_open_watch_start(&file->watch, &f->all, &f->loop, "/nothing/there"));
    assert_int_equal(errno, ENOENT);
    assert_null(f->all.instance);
    pm_open_watch_read(&file->watch);
    assert_true(pm_open_watch_start(&file->watch, &f->all, &f->loop, file->path));
    touch(file);
    turn(f);
    assert_events(file, 1, 1, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_is_told_of_its_own_file),
        TEST(test_the_reader_does_not_swallow_what_is_for_others),
        TEST(test_pause),
        TEST(test_events_before_a_pause),
        TEST(test_another_file_after_the_pause),
        TEST(test_watches_end_while_they_are_told),
        TEST(test_all_end_and_one_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
