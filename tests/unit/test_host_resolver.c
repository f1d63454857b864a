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

static void look_up(struct fixture *f, struct pm_resolver *resolver, const char *host,
                    struct answer *answer)
{
    *answer = (struct answer){.loop = &f->loop};
    pm_resolver_start(resolver, host, 25, on_answer, answer);
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
    assert_non_null(pm_resolver_start(resolver, "silent.a.test", 25, on_answer, &answer));
    struct pm_lookup *lookup = pm_resolver_start(resolver, "silent.b.test", 25, on_answer, &answer);
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
    assert_non_null(pm_resolver_start(resolver, "silent.a.test", 25, on_answer, &hanging));
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
        cmocka_unit_test(test_wrong_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
