/* SPDX-License-Identifier: MIT */
/* QIDNSGIP, QPING, QNTP and QIACT over platforms that lack them, fail, lie, or never answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "talk.h"

static struct talk *begin(bool async)
{
    struct talk *t = talk_new();
    t->w.async = async;
    t->w.config.active_at_start = 1;
    assert_true(world_network_host(&t->w, "mail.example 60 192.0.2.1 192.0.2.2"));
    return t;
}

/* Types a line, lets `ms` pass, and returns all that came. */
static const char *say(struct talk *t, const char *line, uint64_t ms)
{
    world_type(&t->w, 0, line, strlen(line));
    return talk_later(t, ms);
}

static void test_lacking(void **state)
{
    static const char *const lines[] = {"AT+QIDNSGIP=1,\"mail.example\"\r",
                                        "AT+QPING=1,\"192.0.2.1\"\r",
                                        "AT+QNTP=1,\"ntp.example\"\r"};
    (void)state;
    struct talk *t = begin(false);
    t->w.platform.context_open = NULL;
    t->w.platform.name_servers = NULL;
    t->w.platform.resolve = NULL;
    t->w.platform.ping = NULL;
    t->w.platform.ntp = NULL;
    world_begin(&t->w, 1);
    (void)say(t, "ATE0\r", 10);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_string_equal(say(t, lines[i], 1000), "\r\nERROR\r\n");
        assert_string_equal(say(t, "AT+QIGETERROR\r", 0),
                            "\r\n+QIGETERROR: 555,operation not supported\r\n\r\nOK\r\n");
    }
    assert_string_equal(say(t, "AT+QIDNSCFG=1\r", 0),
                        "\r\n+QIDNSCFG: 1,\"0.0.0.0\",\"0.0.0.0\"\r\n\r\nOK\r\n");
    assert_string_equal(say(t, "AT+QIDEACT=1;+QIACT=1\r", 0), "\r\nOK\r\n");
    t->w.platform.resolve = NULL;
    talk_end(t);
}

/* A platform's count that cannot be is no answer; numbers are printed as they are. */
static void test_lies(void **state)
{
    static const uint8_t counts[] = {0, PM_RESOLVED_MAX + 1, 255};
    (void)state;
    struct talk *t = begin(false);
    world_begin(&t->w, 1);
    (void)say(t, "ATE0\r", 10);
    for (size_t i = 0; i < sizeof counts; i++) {
        t->w.network.hosts[0].resolved.count = counts[i];
        assert_string_equal(say(t, "AT+QIDNSGIP=1,\"mail.example\"\r", 1000),
                            "\r\nOK\r\n\r\n+QIURC: \"dnsgip\",565\r\n");
        assert_string_equal(say(t, "AT+QPING=1,\"mail.example\"\r", 1000),
                            "\r\nOK\r\n\r\n+QPING: 565\r\n");
    }
    t->w.network.reply = (struct pm_ping_reply){UINT32_MAX, 255};
    assert_string_equal(say(t, "AT+QPING=1,\"192.0.2.1\",1,1\r", 1000),
                        "\r\nOK\r\n\r\n+QPING: 0,\"192.0.2.1\",32,4294967295,255\r\n"
                        "\r\n+QPING: 0,1,1,0,4294967295,4294967295,4294967295\r\n");
    t->w.network.ntp_seconds = INT64_MAX / 2;
    assert_non_null(strstr(say(t, "AT+QNTP=1,\"ntp.example\",123,0\r", 1000), "+QNTP: 0,\"9999/"));
    t->w.network.ntp_seconds = INT64_MIN / 2;
    assert_non_null(strstr(say(t, "AT+QNTP=1,\"ntp.example\",123,0\r", 1000), "+QNTP: 0,\"0001/"));
    talk_end(t);
}

/* Each call into the platform fails once: every command still has one result, and what was asked
 * ends in a URC. */
static void test_every_failure(void **state)
{
    (void)state;
    for (unsigned async = 0; async < 2; async++) {
        unsigned calls = 0;
        for (unsigned fail_at = 0; fail_at <= calls; fail_at++) { /* first without a failure */
            struct talk *t = begin(async == 1);
            world_begin(&t->w, 1);
            (void)say(t, "ATE0\r", 10);
            t->w.calls = 0;
            t->w.fail_at = fail_at;
            (void)say(t, "AT+QIDEACT=1\r", 10);
            const char *heard = say(t, "AT+QIACT=1\r", 10);
            assert_true(strcmp(heard, "\r\nOK\r\n") == 0 || strcmp(heard, "\r\nERROR\r\n") == 0);
            heard = say(t, "AT+QIDNSGIP=1,\"mail.example\"\r", 1000);
            assert_memory_equal(heard, "\r\nOK\r\n\r\n+QIURC: \"dnsgip\",", 25);
            heard = say(t, "AT+QPING=1,\"mail.example\",1,2\r", 5000);
            assert_memory_equal(heard, "\r\nOK\r\n\r\n+QPING: ", 16);
            heard = say(t, "AT+QNTP=1,\"ntp.example\"\r", 1000);
            assert_memory_equal(heard, "\r\nOK\r\n\r\n+QNTP: ", 15);
            assert_string_equal(say(t, "AT\r", 0), "\r\nOK\r\n");
            calls = fail_at == 0 ? t->w.calls : calls;
            talk_end(t);
        }
        assert_int_equal(calls, 6); /* open, resolve twice, ping twice, ntp */
    }
}

/* The module ends while everything that can be asked is unanswered: nothing is left behind. */
static void test_end_while_asking(void **state)
{
    (void)state;
    for (unsigned ports = 1; ports <= 2; ports++) {
        struct talk *t = begin(true);
        t->w.network.look_up = PM_PENDING;
        t->w.network.ntp = PM_PENDING;
        t->w.network.ping = PM_PENDING;
        world_begin(&t->w, ports);
        (void)say(t, "ATE0\r", 10);
        (void)say(t, "AT+QIDNSGIP=1,\"a.example\";+QPING=1,\"192.0.2.1\";+QNTP=1,\"b.example\"\r",
                  10);
        t->w.network.open = PM_PENDING;
        if (ports == 2) {
            (void)say(t, "AT+QICSGP=2,1,\"two\";+QIACT=2\r", 10);
        }
        talk_end(t);
    }
}

/* A look-up of the start that hangs does not keep the module from ending, either. */
static void test_end_while_opening(void **state)
{
    (void)state;
    struct talk *t = begin(true);
    t->w.network.open = PM_PENDING;
    world_begin(&t->w, 1);
    assert_string_equal(say(t, "AT+QIACT?\r", 100), "AT+QIACT?\r\r\nOK\r\n");
    talk_end(t);
}

/* The platform has opened the context of the start: the module hears it now. */
static void let_open(struct talk *t)
{
    struct pm_op *op = t->w.network.never[0];
    assert_non_null(op);
    assert_true(world_network_cancel(&t->w, op));
    t->w.network.open = PM_OK;
    pm_module_done(&t->w.module, op, PM_OK, t->w.now);
}

/* A context of the start that opens when its host has left the network stays down until the
 * module is back, and one that its host has taken down for good. */
static void test_leave_while_opening(void **state)
{
    static const struct {
        const char *leave, *back;
        bool again;
    } ways[] = {
        {"AT+CFUN=4\r", "AT+CFUN=1\r", true},   {"AT+COPS=2\r", "AT+COPS=0\r", true},
        {"AT+CGATT=0\r", "AT+CGATT=1\r", true}, {"AT+QIDEACT=1\r", "AT\r", false},
        {"AT+CGACT=0,1\r", "AT\r", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct talk *t = begin(true);
        t->w.network.open = PM_PENDING;
        world_begin(&t->w, 1);
        (void)say(t, "ATE0\r", 10);
        assert_string_equal(say(t, ways[i].leave, 100), "\r\nOK\r\n");
        let_open(t);
        assert_string_equal(say(t, "AT+QIACT?\r", 60000), "\r\nOK\r\n");
        assert_string_equal(say(t, "AT+QIACT?\r", 0), "\r\nOK\r\n");
        assert_string_equal(say(t, ways[i].back, 60000), "\r\nOK\r\n");
        assert_string_equal(say(t, "AT+QIACT?\r", 0),
                            ways[i].again ? "\r\n+QIACT: 1,1,1,\"10.7.157.1\"\r\n\r\nOK\r\n"
                                          : "\r\nOK\r\n");
        talk_end(t);
    }
}

/* URCs for all ports, one of which takes none for long: the others wait for it once in a query, not
 * with each line. */
static void test_deaf_port(void **state)
{
    (void)state;
    struct talk *t = begin(false);
    world_begin(&t->w, 2);
    (void)say(t, "ATE0;+QURCCFG=\"urcport\",\"all\"\r", 10);
    static const char upload[] = "AT+QFUPL=\"x\",100,65535\r";
    world_type(&t->w, 1, upload, sizeof upload - 1);
    for (unsigned i = 0; i < 3; i++) { /* until the queue of the second port is full */
        (void)say(t, "AT+QPING=1,\"192.0.2.1\",1,10\r", 200000);
    }
    const char *heard = say(t, "AT+QPING=1,\"192.0.2.1\",1,10\r", 20000);
    assert_non_null(strstr(heard, "\r\n+QPING: 0,10,10,0,"));
    talk_end(t);
}

/* An arena that is full: 553, and nothing has changed. */
static void test_full_arena(void **state)
{
    (void)state;
    struct talk *t = begin(false);
    t->w.arena_size = 96;
    world_begin(&t->w, 1);
    (void)say(t, "ATE0\r", 10);
    assert_string_equal(say(t, "AT+QIDNSCFG=1,\"192.0.2.1\"\r", 0), "\r\nOK\r\n");
    assert_string_equal(
        say(t, "AT+QNTP=1,\"a-rather-long-name-of-a-time-server-that-does-not-fit.example\"\r",
            1000),
        "\r\nERROR\r\n");
    assert_string_equal(say(t, "AT+QIGETERROR\r", 0),
                        "\r\n+QIGETERROR: 553,memory not enough\r\n\r\nOK\r\n");
    assert_string_equal(say(t, "AT+QIDNSCFG=1\r", 0),
                        "\r\n+QIDNSCFG: 1,\"192.0.2.1\",\"0.0.0.0\"\r\n\r\nOK\r\n");
    talk_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lacking),           cmocka_unit_test(test_lies),
        cmocka_unit_test(test_every_failure),     cmocka_unit_test(test_end_while_asking),
        cmocka_unit_test(test_end_while_opening), cmocka_unit_test(test_leave_while_opening),
        cmocka_unit_test(test_deaf_port),         cmocka_unit_test(test_full_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
