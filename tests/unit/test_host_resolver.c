/* SPDX-License-Identifier: MIT */
/* Name look-up: literals, order of the addresses, servers of resolv.conf, and wrong settings. */
#include "host_net_fixture.h"

#include <time.h>

#include "host/resolver.h"

struct answer {
    unsigned calls;
    struct pm_addresses addresses;
    char reason[64];
    uv_loop_t *loop;
};

static void on_answer(void *user, const struct pm_addresses *addresses, const char *reason)
{
    struct answer *answer = user;
    answer->calls++;
    answer->addresses = *addresses;
    snprintf(answer->reason, sizeof(answer->reason), "%s", reason);
    uv_stop(answer->loop);
}

static const struct pm_question silent_a = {.host = "silent.a.test", .port = 25};
static const struct pm_question silent_b = {.host = "silent.b.test", .port = 25};

static void look_up(struct fixture *f, struct pm_resolver *resolver, const char *host,
                    struct answer *answer)
{
    *answer = (struct answer){.loop = &f->loop};
    const struct pm_question question = {.host = host, .port = 25};
    pm_resolver_start(resolver, &question, on_answer, answer);
    fixture_until(f, answer->calls > 0);
    assert_int_equal(answer->calls, 1);
}

static const char *text_of(const struct answer *answer, unsigned i, char *text)
{
    assert_int_equal(uv_ip_name((const struct sockaddr *)&answer->addresses.address[i], text, 64),
                     0);
    return text;
}

static struct pm_resolver *make(struct fixture *f, const char *servers, const char *path)
{
    char err[128] = "";
    struct pm_resolver *resolver = pm_resolver_new(&f->loop, servers, path, err, sizeof(err));
    if (resolver == NULL) {
        fail_msg("%s", err);
    }
    return resolver;
}

static void test_literals(void **state)
{
    (void)state;
    struct pm_addresses list;
    assert_true(pm_resolver_literal("192.0.2.1", 25, &list));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.address[0].ss_family, AF_INET);
    assert_true(pm_resolver_literal("2001:db8::1", 25, &list));
    assert_int_equal(list.address[0].ss_family, AF_INET6);
    assert_int_equal(ntohs(((struct sockaddr_in6 *)&list.address[0])->sin6_port), 25);
    assert_false(pm_resolver_literal("192.0.2", 25, &list));
    assert_false(pm_resolver_literal("mail.example.com", 25, &list));
    assert_false(pm_resolver_literal("", 25, &list));
}

static void test_answers(void **state)
{
    (void)state;
    struct fixture *f = fixture_loop();
    struct pm_resolver *resolver = make(f, f->dns_address, NULL);
    struct answer answer;
    char text[64];
    look_up(f, resolver, "dead.mail.test", &answer);
    assert_int_equal(answer.addresses.count, 2);
    look_up(f, resolver, "six.mail.test", &answer);
    assert_int_equal(answer.addresses.count, 1);
    assert_string_equal(text_of(&answer, 0, text), "::1");
    look_up(f, resolver, "no.mail.invalid", &answer);
    assert_int_equal(answer.addresses.count, 0);
    assert_string_equal(answer.reason, "Domain name not found");
    look_up(f, resolver, "both.mail.test", &answer);
    assert_int_equal(answer.addresses.count, 4);
    for (unsigned i = 1; i < 4; i++) { /* the families take turns */
        assert_int_not_equal(answer.addresses.address[i].ss_family,
                             answer.addresses.address[i - 1].ss_family);
    }
    pm_resolver_free(resolver);
    fixture_end(f);
}

/* One query hangs when its resolver goes; another is cancelled. Nobody hears of either. */
static void test_free_while_looking(void **state)
{
    (void)state;
    struct fixture *f = fixture_loop();
    struct pm_resolver *resolver = make(f, f->dns_address, NULL);
    struct answer answer = {.loop = &f->loop};
    assert_non_null(pm_resolver_start(resolver, &silent_a, on_answer, &answer));
    struct pm_lookup *lookup = pm_resolver_start(resolver, &silent_b, on_answer, &answer);
    pm_resolver_cancel(lookup);
    fixture_until(f, f->dns_queries >= 4);
    pm_resolver_free(resolver);
    fixture_end(f);
    assert_int_equal(answer.calls, 0);
}

static void write_conf(const char *path, const char *text)
{
    char fresh[128];
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    FILE *file = fopen(fresh, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(fresh, path), 0);
}

/* A look-up that runs keeps its channel when resolv.conf changes; the next one takes the new
 * file. c-ares takes no port from resolv.conf, so the search list shows which one was read. */
static void test_resolv_conf_changes(void **state)
{
    (void)state;
    struct fixture *f = fixture_loop();
    char path[] = "/tmp/pm-resolv-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_conf(path, "search no.first.test\n");
    struct pm_resolver *resolver = make(f, f->dns_address, path);
    struct answer answer;
    struct answer hanging = {.loop = &f->loop};
    look_up(f, resolver, "no-host", &answer);
    assert_non_null(strstr(f->dns_names, "no-host.no.first.test "));
    assert_non_null(pm_resolver_start(resolver, &silent_a, on_answer, &hanging));
    write_conf(path, "search second.test\n");
    f->dns_names[0] = '\0';
    look_up(f, resolver, "host", &answer);
    assert_int_equal(answer.addresses.count, 1);
    assert_non_null(strstr(f->dns_names, "host.second.test "));
    assert_null(strstr(f->dns_names, "first"));
    assert_int_equal(unlink(path), 0);
    look_up(f, resolver, "x.mail.test", &answer); /* no file at all does no harm */
    assert_int_equal(answer.addresses.count, 1);
    pm_resolver_free(resolver);
    fixture_end(f);
    assert_int_equal(hanging.calls, 0);
}

/* A question with servers of its own asks those and no other; its channel goes with it. */
static void test_own_servers(void **state)
{
    (void)state;
    struct fixture *f = fixture_loop();
    struct pm_resolver *resolver = make(f, "127.0.0.1:9", NULL); /* nobody answers there */
    struct answer answer = {.loop = &f->loop};
    struct pm_question question = {
        .host = "both.mail.test", .port = 25, .family = AF_INET6, .servers = f->dns_address};
    assert_non_null(pm_resolver_start(resolver, &question, on_answer, &answer));
    fixture_until(f, answer.calls > 0);
    assert_int_equal(answer.addresses.count, 2);
    assert_int_equal(answer.addresses.address[0].ss_family, AF_INET6);
    assert_int_equal(answer.addresses.address[1].ss_family, AF_INET6);
    assert_int_equal(answer.addresses.ttl, 60);
    assert_int_equal(f->dns_queries, 1); /* nobody asked for A */
    question.family = AF_INET;
    answer.calls = 0;
    assert_non_null(pm_resolver_start(resolver, &question, on_answer, &answer));
    fixture_until(f, answer.calls > 0);
    assert_int_equal(answer.addresses.count, 2);
    assert_int_equal(answer.addresses.address[0].ss_family, AF_INET);
    question.servers = "nonsense";
    answer.calls = 0;
    assert_null(pm_resolver_start(resolver, &question, on_answer, &answer));
    assert_int_equal(answer.calls, 1);
    assert_string_equal(answer.reason, "no valid list of DNS servers");
    uv_run(&f->loop, UV_RUN_NOWAIT); /* the answer has asked the loop to stop */
    question.servers = f->dns_address;
    question.host = "silent.mail.test";
    answer.calls = 0;
    assert_non_null(pm_resolver_start(resolver, &question, on_answer, &answer));
    pm_resolver_free(resolver); /* with a look-up on a channel of its own */
    fixture_end(f);
    assert_int_equal(answer.calls, 0);
}

/* What does not answer the question is passed over; what does, but cannot be read, ends the look-up
 * at worst. */
static void test_bad_answers(void **state)
{
    static const struct {
        const char *kind;
        bool passed_over;
    } rows[] = {{"short", true},      {"wrong-id", true}, {"other-question", true}, {"loop", false},
                {"truncated", false}, {"count", false},   {"huge", false}};
    (void)state;
    struct fixture *f = fixture_loop();
    struct pm_resolver *resolver = make(f, f->dns_address, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct answer answer = {.loop = &f->loop};
        const struct pm_question question = {
            .host = "x.mail.test", .port = 25, .family = AF_INET, .servers = f->dns_address};
        f->dns_spoil = rows[i].kind;
        assert_non_null(pm_resolver_start(resolver, &question, on_answer, &answer));
        fixture_until(f, answer.calls > 0);
        assert_true(answer.addresses.count == 1 ||
                    (answer.addresses.count == 0 && !rows[i].passed_over));
    }
    pm_resolver_free(resolver);
    fixture_end(f);
}

static void test_servers_are_told(void **state)
{
    (void)state;
    struct fixture *f = fixture_loop();
    struct pm_resolver *resolver = make(f, "192.0.2.1,[2001:db8::1]:5353,192.0.2.3", NULL);
    struct pm_ip servers[2];
    assert_int_equal(pm_resolver_servers(resolver, servers), 2);
    assert_int_equal(servers[0].family, PM_IPV4);
    assert_memory_equal(servers[0].bytes, "\xC0\x00\x02\x01", 4);
    assert_int_equal(servers[1].family, PM_IPV6);
    assert_memory_equal(servers[1].bytes, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
    pm_resolver_free(resolver);
    fixture_end(f);
}

static void test_wrong_servers(void **state)
{
    (void)state;
    struct fixture *f = fixture_loop();
    char err[128] = "";
    assert_null(pm_resolver_new(&f->loop, "not an address", NULL, err, sizeof(err)));
    assert_string_equal(err, "no valid list of DNS servers");
    fixture_end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literals),           cmocka_unit_test(test_answers),
        cmocka_unit_test(test_free_while_looking), cmocka_unit_test(test_resolv_conf_changes),
        cmocka_unit_test(test_own_servers),        cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_servers_are_told),   cmocka_unit_test(test_wrong_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
