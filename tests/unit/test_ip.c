/* SPDX-License-Identifier: MIT */
/* IP addresses as text: what is one, and its canonical form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "base/ip.h"

static void check(const char *text, const char *canonical)
{
    struct pm_ip ip;
    char buffer[PM__IP_TEXT + 1];
    struct pm__text out;
    pm__text_init(&out, buffer, sizeof buffer);
    assert_true(pm__ip_parse(pm__slice(text), &ip));
    pm__ip_put(&out, &ip);
    assert_true(pm__text_terminate(&out));
    assert_string_equal(buffer, canonical);
}

static void test_good(void **state)
{
    static const char *const rows[][2] = {
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"10.7.157.1", "10.7.157.1"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"fe80::", "fe80::"},
        {"2001:DB8::0001", "2001:db8::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
        {"0:0:1::", "0:0:1::"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"::ffff:192.0.2.1", "::ffff:c000:201"},
        {"1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check(rows[i][0], rows[i][1]);
    }
}

static void test_bad(void **state)
{
    static const char *const rows[] = {
        "",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1..2.3",
        "1.2.3.",
        ".1.2.3",
        "1.2.3.x",
        ":",
        ":::",
        "1:",
        ":1",
        "1:2:3:4:5:6:7",
        "1::2::3",
        "12345::",
        "g::",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "::1%lo",
        "[::1]",
        "::1.2.3",
        "1:2:3:4:5:6:7:1.2.3.4",
        "::1.2.3.4:5",
        "1:::2",
        "1.2.3.4:",
        "::1.2.3.4.5",
        "::00000",
        "1:2:3:4::5:6:7:8",
        "999.1.1.1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pm_ip ip = {PM_IP_NONE, {0}};
        assert_false(pm__ip_parse(pm__slice(rows[i]), &ip));
        assert_int_equal(ip.family, PM_IP_NONE);
    }
}

/* Every address that the C library writes is read as it was, and written as it writes it. */
static void test_against_library(void **state)
{
    (void)state;
    srand(4711);
    for (unsigned n = 0; n < 20000; n++) {
        struct pm_ip ip = {n % 4 == 0 ? PM_IPV4 : PM_IPV6, {0}};
        struct pm_ip back;
        char text[INET6_ADDRSTRLEN];
        for (size_t i = 0; i < (ip.family == PM_IPV4 ? 4U : 16U); i++) {
            /* Many zeros, so that their runs are long; but none that inet_ntop writes dotted. */
            ip.bytes[i] = (uint8_t)(rand() % 3 == 0 ? rand() : 0);
        }
        ip.bytes[0] |= 1;
        assert_non_null(
            inet_ntop(ip.family == PM_IPV4 ? AF_INET : AF_INET6, ip.bytes, text, sizeof text));
        assert_true(pm__ip_parse(pm__slice(text), &back));
        assert_memory_equal(&back, &ip, sizeof ip);
        check(text, text);
    }
}

/* Whatever the C library takes for an address is one, and nothing else. */
static void test_random_texts(void **state)
{
    static const char letters[] = "0123456789abcdef::::....1";
    (void)state;
    srand(4712);
    for (unsigned n = 0; n < 200000; n++) {
        char text[24];
        uint8_t bytes[16];
        struct pm_ip ip;
        size_t len = (size_t)rand() % (sizeof text - 1);
        for (size_t i = 0; i < len; i++) {
            text[i] = letters[(size_t)rand() % (sizeof letters - 1)];
        }
        text[len] = '\0';
        bool known = inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
        if (pm__ip_parse(pm__slice(text), &ip) != known) {
            fail_msg("%s", text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_against_library),
        cmocka_unit_test(test_random_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
