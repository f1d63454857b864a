/* SPDX-License-Identifier: MIT */
/* Addresses of TCP ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/tcp.h"

static void test_addresses(void **state)
{
    static const struct {
        const char *text, *printed;
    } good[] = {
        {"127.0.0.1:5000", "127.0.0.1:5000"},
        {"5000", "127.0.0.1:5000"},
        {":0", "127.0.0.1:0"},
        {"localhost:65535", "127.0.0.1:65535"},
        {"0.0.0.0:1", "0.0.0.0:1"},
        {"[::1]:0", "[::1]:0"},
        {"[2001:DB8::1]:25", "[2001:db8::1]:25"},
    };
    static const char *const bad[] = {
        "",
        ":",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "nowhere",
        "nowhere:25",
        "::1:25",
        "[::1]",
        "[::1]25",
        "[127.0.0.1]:25",
        "[]:25",
        "[::1:25",
        "1.2.3:25",
        "127.0.0.1:2x",
        "localhos:25",
        "127.0.0.1:000025",
        "[0123456789012345678901234567890123456789012345678901234567890123456789]:1",
    };
    struct sockaddr_storage address;
    socklen_t len;
    char text[80];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(pm_tcp_parse(good[i].text, &address, &len));
        pm_tcp_print(&address, text, sizeof text);
        assert_string_equal(text, good[i].printed);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (pm_tcp_parse(bad[i], &address, &len)) {
            fail_msg("%s is taken", bad[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_addresses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
