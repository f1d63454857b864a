/* SPDX-License-Identifier: MIT */
/* Domain names beyond ASCII. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/ascii.h"
#include "host/idna.h"

static void is(const char *name, const char *ascii)
{
    char out[256];
    assert_int_equal(pm_idna_ascii(pm__slice(name), out, sizeof out), strlen(ascii));
    assert_string_equal(out, ascii);
}

static void is_none(const char *name)
{
    char out[256];
    assert_int_equal(pm_idna_ascii(pm__slice(name), out, sizeof out), 0);
}

static void test_names(void **state)
{
    (void)state;
    is("b\xC3\xBC"
       "cher.example",
       "xn--bcher-kva.example");
    is("B\xC3\x9C"
       "CHER.Example",
       "xn--bcher-kva.example");
    is("bu\xCC\x88"
       "cher.example",
       "xn--bcher-kva.example");                    /* decomposed */
    is("fa\xC3\x9F.example", "xn--fa-hia.example"); /* not "fass": no transition */
    is("\xE4\xBE\x8B\xE5\xAD\x90.example", "xn--fsqu00a.example");
    is("\xE4\xBE\x8B\xE5\xAD\x90\xE3\x80\x82"
       "example",
       "xn--fsqu00a.example");
    is("b\xC3\xBC"
       "cher.example.",
       "xn--bcher-kva.example.");
    is("mail.b\xC3\xBC"
       "cher.xn--fsqu00a",
       "mail.xn--bcher-kva.xn--fsqu00a");
}

/* Names in ASCII are nobody's business here, odd ones too. */
static void test_ascii_stays(void **state)
{
    (void)state;
    is("mail.example.com", "mail.example.com");
    is("under_score", "under_score");
    is("XN--oops", "XN--oops");
    is("192.0.2.1", "192.0.2.1");
    is("2001:db8::1", "2001:db8::1");
}

static void test_what_is_no_name(void **state)
{
    (void)state;
    char label[200] = "";
    is_none("");
    is_none("b\xC3");
    is_none("\xFF.example");
    is_none("a\xED\xA0\x80.example"); /* a lone surrogate */
    is_none("a\xC2\x85.example");     /* U+0085 */
    is_none("a\xE2\x80\xA8.example"); /* U+2028 */
    is_none("a\xEF\xBC\x9E.example"); /* a wide '>', which is mapped to the ASCII one */
    is_none("a\xEF\xBC\xA0"
            "b.example"); /* a wide '@' */
    is_none("\xC3\xBC b.example");
    is_none("\xE2\x98\x83.example"); /* a snowman: no letter */
    for (int i = 0; i < 60; i++) {
        strcat(label, "\xC3\xBC");
    }
    is_none(label);
}

static void test_room_and_nul(void **state)
{
    (void)state;
    char out[22];
    const struct pm_slice nul = {(const uint8_t *)"a\0b", 3};
    assert_int_equal(pm_idna_ascii(pm__slice("b\xC3\xBC"
                                             "cher.example"),
                                   out, 22),
                     21);
    assert_int_equal(pm_idna_ascii(pm__slice("b\xC3\xBC"
                                             "cher.example"),
                                   out, 21),
                     0);
    assert_int_equal(pm_idna_ascii(pm__slice("example.com"), out, 11), 0);
    assert_int_equal(pm_idna_ascii(nul, out, sizeof out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_ascii_stays),
        cmocka_unit_test(test_what_is_no_name),
        cmocka_unit_test(test_room_and_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
