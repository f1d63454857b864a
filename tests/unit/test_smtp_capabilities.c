/* SPDX-License-Identifier: MIT */
/* EHLO keywords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "smtp/capabilities.h"

static struct pm_smtp_capabilities read_line(const char *line)
{
    struct pm_smtp_capabilities capabilities = {0};
    pm__smtp_capability(&capabilities, (struct pm_slice){(const uint8_t *)line, strlen(line)});
    return capabilities;
}

static bool is_nothing(const char *line)
{
    static const struct pm_smtp_capabilities none;
    struct pm_smtp_capabilities read = read_line(line);
    return !read.auth && !read.size && !read.starttls && !read.pipelining && !read.eight_bit &&
           read.mechanisms == none.mechanisms && read.size_limit == 0;
}

static void test_keywords(void **state)
{
    (void)state;
    assert_true(read_line("STARTTLS").starttls);
    assert_true(read_line("StartTls ").starttls);
    assert_true(read_line("PIPELINING").pipelining);
    assert_true(read_line("pipelining x y").pipelining);
    assert_true(read_line("8BITMIME").eight_bit);
    assert_true(read_line("8bitmime").eight_bit);
}

static void test_others_are_passed_over(void **state)
{
    (void)state;
    assert_true(is_nothing(""));
    assert_true(is_nothing(" "));
    assert_true(is_nothing("STARTTLSX"));
    assert_true(is_nothing("STARTTL"));
    assert_true(is_nothing("X STARTTLS PIPELINING"));
    assert_true(is_nothing("XAUTH PLAIN"));
    assert_true(is_nothing("AUTHX PLAIN"));
    assert_true(is_nothing("DSN"));
}

static void test_size(void **state)
{
    (void)state;
    assert_true(read_line("SIZE").size);
    assert_true(read_line("size 10").size);
    assert_int_equal(read_line("SIZE").size_limit, 0);
    assert_int_equal(read_line("SIZE 0").size_limit, 0);
    assert_int_equal(read_line("SIZE 35882577").size_limit, 35882577);
    assert_int_equal(read_line("SIZE  10 x").size_limit, 10);
    assert_true(read_line("SIZE 18446744073709551615").size_limit == UINT64_MAX);
    assert_int_equal(read_line("SIZE 18446744073709551616").size_limit, 0);
    assert_int_equal(read_line("SIZE 99999999999999999999999").size_limit, 0);
    assert_int_equal(read_line("SIZE -1").size_limit, 0);
    assert_int_equal(read_line("SIZE 10k").size_limit, 0);
}

static void test_auth(void **state)
{
    (void)state;
    assert_int_equal(read_line("AUTH PLAIN").mechanisms, PM_SMTP_PLAIN);
    assert_int_equal(read_line("AUTH LOGIN").mechanisms, PM_SMTP_LOGIN);
    assert_int_equal(read_line("auth cram-md5 ntlm plain").mechanisms,
                     PM_SMTP_CRAM_MD5 | PM_SMTP_PLAIN);
    assert_int_equal(read_line("AUTH=LOGIN PLAIN").mechanisms, PM_SMTP_LOGIN | PM_SMTP_PLAIN);
    assert_int_equal(read_line("Auth= LOGIN").mechanisms, PM_SMTP_LOGIN);
    assert_int_equal(read_line("AUTH =LOGIN").mechanisms, 0);
    assert_int_equal(read_line("AUTH PLAINX XPLAIN CRAM-MD5-").mechanisms, 0);
    assert_true(read_line("AUTH").auth);
    assert_true(read_line("AUTH=").auth);
    assert_true(read_line("AUTH GSSAPI").auth);
}

/* Both forms on two lines add up. */
static void test_lines_add_up(void **state)
{
    (void)state;
    struct pm_smtp_capabilities capabilities = read_line("AUTH PLAIN");
    pm__smtp_capability(&capabilities, (struct pm_slice){(const uint8_t *)"AUTH=LOGIN", 10});
    assert_int_equal(capabilities.mechanisms, PM_SMTP_PLAIN | PM_SMTP_LOGIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keywords),     cmocka_unit_test(test_others_are_passed_over),
        cmocka_unit_test(test_size),         cmocka_unit_test(test_auth),
        cmocka_unit_test(test_lines_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
