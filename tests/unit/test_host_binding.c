/* SPDX-License-Identifier: MIT */
/* Interface and source address of a context: what is read, what is there, what a socket gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "host/binding.h"

static struct pm_binding read_good(const char *interface, const char *source)
{
    struct pm_binding binding;
    char err[160] = "";
    if (!pm_binding_read(&binding, interface, source, err, sizeof err)) {
        fail_msg("%s", err);
    }
    return binding;
}

static void refuse(const char *interface, const char *source)
{
    struct pm_binding binding;
    char err[160] = "";
    assert_false(pm_binding_read(&binding, interface, source, err, sizeof err));
    assert_string_not_equal(err, "");
}

static void test_reading(void **state)
{
    (void)state;
    struct pm_binding none = read_good("", "");
    assert_true(pm_binding_empty(&none));
    assert_true(pm_binding_empty(NULL));
    struct pm_binding both = read_good("eth0", "2001:db8::1");
    assert_false(pm_binding_empty(&both));
    assert_int_equal(both.source.ss_family, AF_INET6);
    refuse("a-name-that-is-too-long", "");
    refuse("a/b", "");
    refuse("", "mail.example.com");
    refuse("", "1.2.3");
}

static void test_families(void **state)
{
    (void)state;
    struct pm_binding none = read_good("eth0", "");
    struct pm_binding v4 = read_good("", "127.0.0.1");
    struct pm_binding v6 = read_good("", "::1");
    assert_int_equal(pm_binding_family(NULL, 1), AF_INET);
    assert_int_equal(pm_binding_family(&none, 2), AF_INET6);
    assert_int_equal(pm_binding_family(&none, 3), AF_UNSPEC);
    assert_int_equal(pm_binding_family(&v4, 1), AF_INET);
    assert_int_equal(pm_binding_family(&v4, 3), AF_INET);
    assert_int_equal(pm_binding_family(&v4, 2), -1);
    assert_int_equal(pm_binding_family(&v6, 3), AF_INET6);
    assert_int_equal(pm_binding_family(&v6, 1), -1);
    none.any_family = v6.any_family = true;
    assert_int_equal(pm_binding_family(&none, 1), AF_UNSPEC);
    assert_int_equal(pm_binding_family(&v6, 1), AF_INET6);
}

static void test_up(void **state)
{
    (void)state;
    struct pm_binding lo = read_good("lo", "127.0.0.1");
    struct pm_binding other = read_good("lo", "127.8.9.1");
    struct pm_binding gone = read_good("no-such-if0", "");
    struct pm_binding foreign = read_good("lo", "192.0.2.1");
    struct pm_binding foreign6 = read_good("", "2001:db8::1");
    assert_true(pm_binding_up(NULL));
    assert_true(pm_binding_up(&lo));
    assert_true(pm_binding_up(&other));
    assert_false(pm_binding_up(&gone));
    assert_false(pm_binding_up(&foreign));
    assert_false(pm_binding_up(&foreign6));
}

/* The source of a datagram socket that is connected to the loopback. */
static void check_source(const struct pm_binding *binding, const char *expected)
{
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    char text[INET_ADDRSTRLEN];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(pm_binding_apply(binding, fd));
    assert_int_equal(connect(fd, (struct sockaddr *)&peer, sizeof peer), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
    assert_non_null(inet_ntop(AF_INET, &own.sin_addr, text, sizeof text));
    assert_string_equal(text, expected);
    assert_int_equal(close(fd), 0);
}

static void test_sockets(void **state)
{
    (void)state;
    struct pm_binding none = read_good("", "");
    struct pm_binding lo = read_good("lo", "");
    struct pm_binding second = read_good("", "127.0.0.2");
    struct pm_binding both = read_good("lo", "127.0.0.3");
    check_source(NULL, "127.0.0.1");
    check_source(&none, "127.0.0.1");
    check_source(&lo, "127.0.0.1");
    check_source(&second, "127.0.0.2");
    check_source(&both, "127.0.0.3");
}

static void test_sockets_that_cannot(void **state)
{
    (void)state;
    struct pm_binding gone = read_good("no-such-if0", "");
    struct pm_binding foreign = read_good("", "192.0.2.1");
    struct pm_binding v6 = read_good("", "::1");
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    assert_false(pm_binding_apply(&gone, fd));
    assert_false(pm_binding_apply(&foreign, fd));
    assert_int_equal(errno, EADDRNOTAVAIL);
    assert_false(pm_binding_apply(&v6, fd));
    assert_int_equal(errno, EAFNOSUPPORT);
    assert_int_equal(close(fd), 0);
}

static void test_addresses(void **state)
{
    (void)state;
    struct sockaddr_storage address;
    const struct pm_ip six = {PM_IPV6, {0x20, 0x01, 0x0d, 0xb8, [15] = 7}};
    const struct pm_ip four = {PM_IPV4, {192, 0, 2, 7}};
    struct pm_ip back;
    assert_int_equal(pm_sockaddr_of_ip(&six, 25, &address), sizeof(struct sockaddr_in6));
    assert_true(pm_ip_of_sockaddr((struct sockaddr *)&address, &back));
    assert_memory_equal(&back, &six, sizeof back);
    assert_int_equal(pm_sockaddr_of_ip(&four, 25, &address), sizeof(struct sockaddr_in));
    assert_int_equal(ntohs(((struct sockaddr_in *)&address)->sin_port), 25);
    assert_true(pm_ip_of_sockaddr((struct sockaddr *)&address, &back));
    assert_memory_equal(&back, &four, sizeof back);
    address.ss_family = AF_UNIX;
    assert_false(pm_ip_of_sockaddr((struct sockaddr *)&address, &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_up),
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_sockets_that_cannot),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
