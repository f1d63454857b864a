/* SPDX-License-Identifier: MIT */
/* Echo requests to the loopback in each way, and what cannot be asked. */
#include "host_net_fixture.h"

#include "host/binding.h"
#include "host/ping.h"

static const struct pm_ip v4 = {PM_IPV4, {127, 0, 0, 1}};
static const struct pm_ip v6 = {PM_IPV6, {[15] = 1}};

struct record {
    unsigned done;
    int32_t result;
    struct pm_ping_reply reply;
};

static void on_done(void *user, int32_t result)
{
    struct record *r = user;
    r->done++;
    r->result = result;
}

/* The result of one echo request; PM_ERR_UNSUPPORTED where the test may not send it. */
static int32_t ping(struct fixture *f, enum pm_ping_mode mode, const struct pm_ip *address,
                    const struct pm_binding *binding, struct record *r)
{
    int32_t result = PM_OK;
    *r = (struct record){0};
    const struct pm_ping_setup setup = {.mode = mode,
                                        .address = address,
                                        .size = 32,
                                        .sequence = 3,
                                        .binding = binding,
                                        .reply = &r->reply,
                                        .done = on_done,
                                        .user = r};
    struct pm_ping *p = pm_ping_start(&f->loop, &setup, &result);
    assert_int_equal(r->done, 0);
    if (p == NULL) {
        assert_int_not_equal(result, PM_PENDING);
        return result;
    }
    assert_int_equal(result, PM_PENDING);
    fixture_until(f, r->done > 0);
    pm_ping_end(p);
    assert_int_equal(r->done, 1);
    return r->result;
}

static void test_icmp(void **state)
{
    struct fixture *f = fixture_loop();
    struct record r;
    (void)state;
    int32_t result = ping(f, PM_PING_ICMP, &v4, NULL, &r);
    if (result != PM_ERR_UNSUPPORTED) { /* not permitted to this user */
        assert_int_equal(result, PM_OK);
        assert_int_equal(r.reply.ttl, 64);
        assert_in_range(r.reply.ms, 0, 5000);
        assert_int_equal(ping(f, PM_PING_ICMP, &v6, NULL, &r), PM_OK);
        assert_int_equal(r.reply.ttl, 64);
    }
    fixture_end(f);
}

static void test_tcp(void **state)
{
    struct fixture *f = fixture_loop();
    struct record r;
    (void)state;
    /* Whether somebody listens there or not: the host is there. */
    assert_int_equal(ping(f, PM_PING_TCP, &v4, NULL, &r), PM_OK);
    assert_int_equal(r.reply.ttl, 64);
    assert_int_equal(ping(f, PM_PING_AUTO, &v4, NULL, &r), PM_OK);
    fixture_end(f);
}

static void test_simulated(void **state)
{
    struct fixture *f = fixture_loop();
    struct record r;
    const struct pm_ip nowhere = {PM_IPV4, {192, 0, 2, 1}};
    (void)state;
    assert_int_equal(ping(f, PM_PING_SIMULATED, &nowhere, NULL, &r), PM_OK);
    assert_in_range(r.reply.ms, 29, 5000);
    assert_int_equal(r.reply.ttl, 64);
    fixture_end(f);
}

static void test_bindings(void **state)
{
    struct fixture *f = fixture_loop();
    struct record r;
    struct pm_binding binding;
    char err[100];
    (void)state;
    assert_true(pm_binding_read(&binding, "lo", "127.0.0.2", err, sizeof err));
    assert_int_equal(ping(f, PM_PING_AUTO, &v4, &binding, &r), PM_OK);
    assert_true(pm_binding_read(&binding, "no-such-if0", "", err, sizeof err));
    assert_int_equal(ping(f, PM_PING_AUTO, &v4, &binding, &r), PM_ERR_CONNECT);
    assert_true(pm_binding_read(&binding, "", "192.0.2.1", err, sizeof err));
    assert_int_equal(ping(f, PM_PING_AUTO, &v4, &binding, &r), PM_ERR_CONNECT);
    fixture_end(f);
}

/* A ping that is given up before its reply came. */
static void test_end(void **state)
{
    struct fixture *f = fixture_loop();
    struct record r = {0};
    (void)state;
    for (enum pm_ping_mode mode = PM_PING_AUTO; mode <= PM_PING_SIMULATED; mode++) {
        int32_t result = PM_OK;
        const struct pm_ping_setup setup = {.mode = mode,
                                            .address = &v4,
                                            .size = 32,
                                            .reply = &r.reply,
                                            .done = on_done,
                                            .user = &r};
        struct pm_ping *p = pm_ping_start(&f->loop, &setup, &result);
        if (p != NULL) {
            pm_ping_end(p);
        }
    }
    fixture_end(f);
    assert_int_equal(r.done, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_icmp),      cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_simulated), cmocka_unit_test(test_bindings),
        cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
