/* SPDX-License-Identifier: MIT */
/*
 * Open files: every failure of the storage and its number, what two ports do to each other, a host
 * that does not read, and what is closed when.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "talk.h"

static struct talk *begin(size_t ports)
{
    struct talk *t = talk_new();
    t->w.config.connect_delay = 0;
    t->w.config.power_on_delay = 0;
    if (ports != 0) {
        world_begin(&t->w, ports);
        for (size_t i = 0; i < ports; i++) {
            t->w.ports[i].at.set.echo = 0;
        }
    }
    return t;
}

static void add(struct talk *t, const char *name, const char *text)
{
    world_add_file(&t->w, PM_STORAGE_UFS, name, text, strlen(text));
}

static void assert_file(struct talk *t, enum pm_storage storage, const char *name, const char *text)
{
    const struct world_file *f = world_find(&t->w, storage, name, strlen(name));
    if (text == NULL) {
        assert_null(f);
        return;
    }
    assert_non_null(f);
    assert_int_equal(f->len, strlen(text));
    assert_memory_equal(f->data, text, f->len);
}

/* ---- A storage that fails ---- */

/* The call of the platform (from 1) that fails while `line` and then `data` are typed, behind
 * `before`; and what comes last. */
struct failure {
    const char *before, *line, *data;
    unsigned call;
    const char *result;
};

#define OPEN_A "AT+QFOPEN=\"a\"\r"
#define CME(n) "\r\n+CME ERROR: " #n "\r\n"

static const struct failure failures[] = {
    {NULL, "AT+QFOPEN=\"a\"\r", NULL, 1, CME(410)},
    {NULL, "AT+QFOPEN=\"new\"\r", NULL, 1, CME(410)},
    {NULL, "AT+QFOPEN=\"a\",1\r", NULL, 1, CME(410)},
    {NULL, "AT+QFOPEN=\"a\",2\r", NULL, 1, CME(410)},
    {OPEN_A, "AT+QFREAD=1\r", NULL, 1, CME(411)},
    {OPEN_A, "AT+QFTUCAT=1\r", NULL, 1, CME(409)},
    {OPEN_A, "AT+QFCLOSE=1\r", NULL, 1, CME(409)},
    {OPEN_A, "AT+QFWRITE=1,20\r", NULL, 1, CME(419)},
    {OPEN_A, "AT+QFWRITE=1,3\r", "xyz", 1, CME(409)},
    {OPEN_A, "AT+QFWRITE=1,10\r", "0123456789", 1, CME(419)},
    {OPEN_A, "AT+QFWRITE=1,10\r", "0123456789", 2, CME(409)}, /* over what is there */
    {OPEN_A, "AT+QFWRITE=1,10\r", "0123456789", 3, CME(409)}, /* beyond it */
    {NULL, "AT+QFMOV=\"a\",\"b\"\r", NULL, 1, CME(404)},
    {NULL, "AT+QFMOV=\"a\",\"b\"\r", NULL, 2, CME(404)},
    {NULL, "AT+QFMOV=\"a\",\"RAM:a\"\r", NULL, 1, CME(404)},
    {NULL, "AT+QFMOV=\"a\",\"RAM:a\"\r", NULL, 2, CME(404)},
    {NULL, "AT+QFMOV=\"a\",\"RAM:a\"\r", NULL, 3, CME(419)},
    {NULL, "AT+QFMOV=\"a\",\"RAM:a\"\r", NULL, 4, CME(411)},
    {NULL, "AT+QFMOV=\"a\",\"RAM:a\"\r", NULL, 5, CME(408)},
    {NULL, "AT+QFMOV=\"a\",\"RAM:a\"\r", NULL, 6, CME(411)},
    {NULL, "AT+QFMOV=\"a\",\"RAM:a\"\r", NULL, 7, CME(409)},
    {NULL, "AT+QFMOV=\"a\",\"RAM:a\"\r", NULL, 8, CME(411)},
    {NULL, "AT+QFMOV=\"a\",\"RAM:a\"\r", NULL, 9, CME(409)},
    {NULL, "AT+QFUPL=\"b\",3\r", NULL, 1, CME(408)},
    {NULL, "AT+QFUPL=\"b\",3\r", NULL, 2, CME(419)},
    {NULL, "AT+QFUPL=\"b\",3\r", NULL, 3, CME(408)},
    {NULL, "AT+QFUPL=\"b\",3\r", "xyz", 4, CME(409)},
    {NULL, "AT+QFUPL=\"b\",3\r", "xyz", 5, CME(409)},
    {NULL, "AT+QFDWL=\"a\"\r", NULL, 1, CME(410)},
    {NULL, "AT+QFDWL=\"a\"\r", NULL, 2, CME(411)},
    {NULL, "AT+QFLST\r", NULL, 1, CME(417)},
    {NULL, "AT+QFDEL=\"a\"\r", NULL, 1, CME(418)},
    {NULL, "AT+QFDEL=\"*\"\r", NULL, 1, CME(418)},
    {NULL, "AT+QFLDS=\"UFS\"\r", NULL, 1, CME(419)},
};

static void fail_once(const struct failure *failure, bool async)
{
    struct talk *t = begin(1);
    add(t, "a", "hello");
    t->w.async = async;
    if (failure->before != NULL) {
        (void)talk_say(t, failure->before);
    }
    t->w.fail_at = t->w.calls + failure->call;
    const char *got = talk_say(t, failure->line);
    if (failure->data != NULL && strcmp(got, "\r\nCONNECT\r\n") == 0) {
        got = talk_say(t, failure->data);
    }
    const size_t len = strlen(got);
    const size_t want = strlen(failure->result);
    if (len < want || strcmp(got + len - want, failure->result) != 0) {
        fail_msg("%s call %u: %s", failure->line, failure->call, got);
    }
    /* The file is as long as before, nothing else has come, and the module goes on. */
    const struct world_file *a = world_find(&t->w, PM_STORAGE_UFS, "a", 1);
    assert_non_null(a);
    assert_int_equal(a->len, 5);
    assert_file(t, PM_STORAGE_UFS, "b", NULL);
    assert_file(t, PM_STORAGE_UFS, "new", NULL);
    assert_file(t, PM_STORAGE_RAM, "a", NULL);
    assert_int_equal(world_temporary(&t->w), 0);
    talk_ok(t, "AT\r");
    talk_end(t);
}

static void failures_have_their_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        fail_once(&failures[i], false);
        fail_once(&failures[i], true);
    }
}

/* A move that cannot delete its source has made the copy, and says that it failed. */
static void a_move_may_leave_both(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    add(t, "a", "hello");
    t->w.fail_at = t->w.calls + 10;
    assert_string_equal(talk_say(t, "AT+QFMOV=\"a\",\"RAM:b\"\r"), CME(404));
    assert_file(t, PM_STORAGE_UFS, "a", "hello");
    assert_file(t, PM_STORAGE_RAM, "b", "hello");
    talk_end(t);
}

/* A copy that fails leaves what it was to replace. */
static void a_failed_copy_replaces_nothing(void **state)
{
    (void)state;
    for (unsigned call = 1; call <= 9; call++) {
        struct talk *t = begin(1);
        add(t, "a", "hello");
        add(t, "b", "old");
        t->w.fail_at = t->w.calls + call;
        assert_non_null(strstr(talk_say(t, "AT+QFMOV=\"a\",\"b\",1,1\r"), "+CME ERROR: "));
        assert_file(t, PM_STORAGE_UFS, "a", "hello");
        assert_file(t, PM_STORAGE_UFS, "b", "old");
        talk_ok(t, "AT+QFMOV=\"a\",\"b\",1,1\r");
        assert_file(t, PM_STORAGE_UFS, "b", "hello");
        talk_end(t);
    }
}

/* A failed write is taken back; where even that fails, the handle knows the file as it is. */
static void a_failed_write_is_taken_back(void **state)
{
    (void)state;
    char text[5000];
    for (unsigned undo = 0; undo < 2; undo++) {
        struct talk *t = begin(1);
        (void)talk_say(t, OPEN_A);
        (void)talk_say(t, "AT+QFWRITE=1,4999,60\r");
        memset(text, 'x', sizeof text);
        text[2000] = '\0';
        assert_string_equal(talk_say(t, text), "");
        t->w.fail_at = t->w.calls + 1;
        assert_string_equal(talk_say(t, "y"), "");
        text[2000] = 'x';
        text[2998] = '\0';
        t->w.fail_at += undo;
        assert_string_equal(talk_say(t, text), CME(409));
        assert_string_equal(talk_say(t, "AT+QFPOSITION=1\r"), "\r\n+QFPOSITION: 0\r\n\r\nOK\r\n");
        assert_int_equal(world_find(&t->w, PM_STORAGE_UFS, "a", 1)->len, undo * 2000);
        assert_string_equal(talk_say(t, "AT+QFSEEK=1,0,2;+QFPOSITION=1\r"),
                            undo == 0 ? "\r\n+QFPOSITION: 0\r\n\r\nOK\r\n"
                                      : "\r\n+QFPOSITION: 2000\r\n\r\nOK\r\n");
        talk_end(t);
    }
}

/* A read that fails on its way ends with the number; the host has counted on more. */
static void a_read_that_fails_on_its_way(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    char text[3001];
    memset(text, 'x', sizeof text);
    text[3000] = '\0';
    add(t, "a", text);
    (void)talk_say(t, OPEN_A);
    t->w.fail_at = t->w.calls + 2;
    const char *got = talk_say(t, "AT+QFREAD=1\r");
    assert_memory_equal(got, "\r\nCONNECT 3000\r\n", 16);
    assert_string_equal(got + 16 + PM_PORT_CHUNK, CME(411));
    assert_string_equal(talk_say(t, "AT+QFPOSITION=1\r"), "\r\n+QFPOSITION: 1024\r\n\r\nOK\r\n");
    talk_end(t);
}

static void closing_makes_durable(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    (void)talk_say(t, OPEN_A);
    (void)talk_say(t, "AT+QFWRITE=1,3\r");
    (void)talk_say(t, "abc");
    assert_false(world_find(&t->w, PM_STORAGE_UFS, "a", 1)->synced);
    talk_ok(t, "AT+QFCLOSE=1\r");
    assert_true(world_find(&t->w, PM_STORAGE_UFS, "a", 1)->synced);
    /* One that fails is closed all the same. */
    (void)talk_say(t, OPEN_A);
    t->w.fail_at = t->w.calls + 1;
    assert_string_equal(talk_say(t, "AT+QFCLOSE=2\r"), CME(409));
    assert_string_equal(talk_say(t, "AT+QFCLOSE=2\r"), CME(416));
    talk_end(t);
}

/* ---- The table ---- */

static void numbers_begin_again(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    (void)talk_say(t, OPEN_A);
    t->w.module.last_handle = INT32_MAX - 1;
    assert_string_equal(talk_say(t, "AT+QFOPEN=\"b\"\r"), "\r\n+QFOPEN: 2147483647\r\n\r\nOK\r\n");
    assert_string_equal(talk_say(t, "AT+QFOPEN=\"c\"\r"), "\r\n+QFOPEN: 2\r\n\r\nOK\r\n");
    talk_ok(t, "AT+QFCLOSE=2147483647\r");
    talk_end(t);
}

static void names_need_room(void **state)
{
    (void)state;
    struct talk *t = begin(0);
    t->w.arena_size = 24;
    world_begin(&t->w, 1);
    t->w.ports[0].at.set.echo = 0;
    assert_string_equal(talk_say(t, "AT+QFOPEN=\"a name of some length\"\r"), CME(413));
    assert_string_equal(talk_say(t, "AT+QFOPEN=\"short\"\r"), "\r\n+QFOPEN: 1\r\n\r\nOK\r\n");
    talk_ok(t, "AT+QFCLOSE=1\r");
    assert_int_equal(t->w.module.arena.used, 0);
    talk_end(t);
}

static void all_is_closed_in_the_end(void **state)
{
    (void)state;
    struct talk *t = begin(2);
    char line[40];
    for (unsigned i = 1; i <= PM_MAX_HANDLES; i++) {
        (void)snprintf(line, sizeof line, "AT+QFOPEN=\"RAM:%u\",%u\r", i, i % 2);
        assert_non_null(strstr(talk_say(t, line), "OK"));
    }
    t->w.async = true;
    (void)talk_say(t, "AT+QFWRITE=3,10\r");
    talk_type_only(t, 0, "half");
    talk_type_only(t, 1, "AT+QFCLOSE=4\r");
    talk_end(t); /* would tell of open files and operations */
}

static void a_restart_closes_all(void **state)
{
    (void)state;
    struct talk *t = begin(2);
    (void)talk_say(t, OPEN_A);
    t->w.async = true;
    (void)talk_say_on(t, 1, "AT+QFWRITE=1,10\r");
    talk_type_only(t, 1, "half");
    talk_type_only(t, 0, "AT+CFUN=1,1\r");
    world_advance(&t->w, t->w.now + 1000);
    assert_int_equal(pm_module_count(&t->w.module).restarts, 1);
    assert_int_equal(world_find(&t->w, PM_STORAGE_UFS, "a", 1)->opened, 0);
    /* An opening that was not done is taken back. */
    talk_type_only(t, 1, "AT+QFOPEN=\"b\"\r");
    talk_type_only(t, 0, "AT+CFUN=1,1\r");
    world_advance(&t->w, t->w.now + 1000);
    t->w.ports[1].at.set.echo = 0;
    (void)talk_hear(t, 1);
    assert_string_equal(talk_say_on(t, 1, "AT+QFOPEN?\r"), "\r\nOK\r\n");
    assert_string_equal(talk_say_on(t, 1, "AT+QFOPEN=\"b\",1\r"), "\r\n+QFOPEN: 1\r\n\r\nOK\r\n");
    talk_end(t);
}

/* ---- Two ports ---- */

/* What one port deletes, moves or opens, another cannot open meanwhile, nor delete what opens. */
static void names_in_motion(void **state)
{
    (void)state;
    static const char *const first[] = {
        "AT+QFDEL=\"a\"\r",
        "AT+QFMOV=\"a\",\"b\"\r",
        "AT+QFMOV=\"a\",\"RAM:a\"\r",
        "AT+QFOPEN=\"a\"\r",
    };
    static const char *const second[] = {
        "AT+QFOPEN=\"a\"\r",
        "AT+QFOPEN=\"a\",2\r",
        "AT+QFMOV=\"a\",\"c\"\r",
        "AT+QFMOV=\"c\",\"a\",0,1\r",
    };
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        for (size_t k = 0; k < sizeof second / sizeof second[0]; k++) {
            struct talk *t = begin(2);
            add(t, "a", "hello");
            add(t, "c", "other");
            t->w.async = true;
            talk_type_only(t, 0, first[i]);
            talk_type_only(t, 1, second[k]);
            assert_string_equal(talk_hear(t, 1), CME(426));
            assert_non_null(strstr(talk_later(t, 500), "OK"));
            talk_end(t);
        }
    }
}

/* All files are being deleted when another port opens one that is still there. */
static void an_opened_file_survives_deleting_all(void **state)
{
    (void)state;
    struct talk *t = begin(2);
    add(t, "a", "1");
    add(t, "b", "2");
    t->w.async = true;
    talk_type_only(t, 0, "AT+QFDEL=\"*\"\r");
    t->w.async = false;
    talk_type_only(t, 1, "AT+QFOPEN=\"b\"\r");
    assert_string_equal(talk_hear(t, 1), "\r\n+QFOPEN: 1\r\n\r\nOK\r\n");
    assert_string_equal(talk_later(t, 500), CME(426));
    assert_file(t, PM_STORAGE_UFS, "a", NULL);
    assert_file(t, PM_STORAGE_UFS, "b", "2");
    talk_end(t);
}

/* A host that does not read its QFREAD holds up nobody but itself. */
static void a_slow_host_blocks_no_other(void **state)
{
    (void)state;
    struct talk *t = begin(2);
    static char text[40001];
    memset(text, 'x', sizeof text - 1);
    add(t, "a", text);
    (void)talk_say(t, "AT+QFOPEN=\"a\",2\r");
    talk_type_only(t, 0, "AT+QFREAD=1\r");
    world_advance(&t->w, t->w.now + 60000);
    assert_string_equal(talk_say_on(t, 1, "AT+QFOPEN=\"b\"\r"), "\r\n+QFOPEN: 2\r\n\r\nOK\r\n");
    assert_string_equal(talk_say_on(t, 1, "AT+QFWRITE=2,2\r"), "\r\nCONNECT\r\n");
    assert_string_equal(talk_say_on(t, 1, "ok"), "+QFWRITE: 2,2\r\n\r\nOK\r\n");
    assert_string_equal(talk_say_on(t, 1, "AT+QFCLOSE=1\r"), CME(426));
    const char *got = talk_hear(t, 0);
    assert_memory_equal(got, "\r\nCONNECT 40000\r\n", 17);
    assert_memory_equal(got + 17, text, 40000);
    assert_string_equal(got + 40017, "\r\nOK\r\n");
    assert_string_equal(talk_say_on(t, 1, "AT+QFCLOSE=1\r"), "\r\nOK\r\n");
    talk_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_have_their_numbers),
        cmocka_unit_test(a_move_may_leave_both),
        cmocka_unit_test(a_failed_copy_replaces_nothing),
        cmocka_unit_test(a_failed_write_is_taken_back),
        cmocka_unit_test(a_read_that_fails_on_its_way),
        cmocka_unit_test(closing_makes_durable),
        cmocka_unit_test(numbers_begin_again),
        cmocka_unit_test(names_need_room),
        cmocka_unit_test(all_is_closed_in_the_end),
        cmocka_unit_test(a_restart_closes_all),
        cmocka_unit_test(names_in_motion),
        cmocka_unit_test(an_opened_file_survives_deleting_all),
        cmocka_unit_test(a_slow_host_blocks_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
