/* SPDX-License-Identifier: MIT */
#include "postmodem/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool valid(const char *bytes, size_t n)
{
    /* An exact block lets the sanitizer see a byte too far. */
    uint8_t *exact = malloc(n > 0 ? n : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, n);
    bool result = pm_address_valid((struct pm_slice){exact, n});
    free(exact);
    return result;
}

#define VALID(text)   assert_true(valid(text, sizeof(text) - 1))
#define INVALID(text) assert_false(valid(text, sizeof(text) - 1))

static void accepts_addresses(void **state)
{
    (void)state;
    VALID("quectel_test@21cn.com");
    VALID("a@b");
    VALID("first.last+tag@sub.example.org");
    VALID("a..b.@docomo.example");
    VALID(".a@b");
    VALID("-x@example.com");
    VALID("!#$%&'*+-/=?^_`{|}~@example.com");
    VALID("user@[192.0.2.1]");
    VALID("user@[IPv6:2001:db8::1]");
    VALID("\"a,b\"@example.com");
    VALID("\"a\\\"b@c\"@example.com");
    VALID("\"\"@example.com");
    VALID("\xE7\x94\xA8\xE6\x88\xB7@\xE4\xBE\x8B.example");
    VALID("under_score@my_host");
}

static void refuses_what_has_not_the_form(void **state)
{
    (void)state;
    INVALID("");
    INVALID("@");
    INVALID("a");
    INVALID("a@");
    INVALID("@b");
    INVALID("ab");
    INVALID("@@b");
    INVALID("a@b@c");
    INVALID("@a,@b:c@d");
    INVALID("a,b@c");
    INVALID("a;b@c");
    INVALID("a(b)@c");
    INVALID("a:b@c");
    INVALID("a\\b@c");
    INVALID("a\"b@c");
    INVALID("a@b,c");
    INVALID("a@b;c");
    INVALID("a@b\"c");
    INVALID("a@[]");
    INVALID("a@[b");
    INVALID("a@b]");
    INVALID("a@[b]c");
    INVALID("a@[b[c]");
    INVALID("\"@b");
    INVALID("\"a\"b\"@c");
    INVALID("\"a\\\"@c");
}

static void refuses_what_could_break_out(void **state)
{
    (void)state;
    INVALID("a b@c");
    INVALID("a@b c");
    INVALID(" a@b");
    INVALID("a@b ");
    INVALID("<a@b>");
    INVALID("a@b>");
    INVALID("<>");
    INVALID("\"x@a> ORCPT=y\"@b");
    INVALID("\"a b\"@c");
    INVALID("a@b> NOTIFY=NEVER");
    INVALID("a\r\nBcc: b@c");
    INVALID("a@b\r");
    INVALID("a@b\n");
    INVALID("a\0@b");
    INVALID("a@b\0");
    INVALID("a\t@b");
    INVALID("a\x7f@b");
    INVALID("\"a\r\n\"@b");
    INVALID("a@[b\r\n]");
}

static void refuses_broken_and_invisible_unicode(void **state)
{
    (void)state;
    INVALID("a\xFF@b");
    INVALID("a\xE2\x82@b");
    INVALID("a@b\xC3");
    INVALID("a\xED\xA0\x80@b"); /* a lone surrogate */
    INVALID("a\xC2\x80@b");     /* U+0080 */
    INVALID("a\xC2\x85@b");     /* U+0085, next line */
    INVALID("a@b\xE2\x80\xA8"); /* U+2028 */
    INVALID("a@\xE2\x80\xA9z"); /* U+2029 */
    VALID("a\xC2\xA1@b");       /* the first after C1 */
    VALID("a\xE2\x80\xA7@b");   /* U+2027 */
    VALID("a\xE2\x80\xAA@b");   /* U+202A */
}

static void limits_the_parts(void **state)
{
    (void)state;
    char address[400];
    for (size_t local = 63; local <= 65; local++) {
        for (size_t domain = 254; domain <= 256; domain++) {
            memset(address, 'x', sizeof address);
            address[local] = '@';
            assert_int_equal(valid(address, local + 1 + domain), local <= 64 && domain <= 255);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_addresses),
        cmocka_unit_test(refuses_what_has_not_the_form),
        cmocka_unit_test(refuses_what_could_break_out),
        cmocka_unit_test(refuses_broken_and_invisible_unicode),
        cmocka_unit_test(limits_the_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
