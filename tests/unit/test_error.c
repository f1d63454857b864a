/* SPDX-License-Identifier: MIT */
#include "postmodem/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

static void prints_cme_texts(void **state)
{
    (void)state;
    assert_string_equal(pm_cme_text(0), "phone failure");
    assert_string_equal(pm_cme_text(3), "operation not allowed");
    assert_string_equal(pm_cme_text(10), "SIM not inserted");
    assert_string_equal(pm_cme_text(16), "incorrect password");
    assert_string_equal(pm_cme_text(20), "memory full");
    assert_string_equal(pm_cme_text(32), "network not allowed - emergency calls only");
    assert_string_equal(pm_cme_text(43), "network subset personalization PUK required");
    assert_string_equal(pm_cme_text(50), "Incorrect parameters");
    assert_string_equal(pm_cme_text(149), "PDP authentication failure");
    assert_string_equal(pm_cme_text(407), "file already existed");
    assert_string_equal(pm_cme_text(904), "audio device busy");
}

static void prints_cms_texts(void **state)
{
    (void)state;
    assert_string_equal(pm_cms_text(303), "operation not supported");
    assert_string_equal(pm_cms_text(310), "SIM not inserted");
    assert_string_equal(pm_cms_text(321), "invalid memory index");
    assert_null(pm_cms_text(10));
    assert_null(pm_cms_text(407));
}

/* All numbers with a text are known; every other one prints as a number. */
static void knows_which_cme_numbers_have_texts(void **state)
{
    (void)state;
    static const struct {
        uint16_t first, last;
    } ranges[] = {{0, 7},     {10, 18},   {20, 27},   {30, 32},   {40, 47},
                  {50, 50},   {100, 100}, {103, 103}, {106, 107}, {111, 113},
                  {132, 134}, {148, 150}, {400, 426}, {901, 904}};
    for (uint32_t n = 0; n <= UINT16_MAX; n++) {
        bool known = false;
        for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
            known = known || (n >= ranges[i].first && n <= ranges[i].last);
        }
        const char *text = pm_cme_text((uint16_t)n);
        assert_int_equal(text != NULL, known);
        assert_true(text == NULL || text[0] != '\0');
    }
}

static void maps_smtp_replies(void **state)
{
    (void)state;
    static const struct {
        uint16_t reply, error;
    } table[] = {{421, 666}, {450, 667}, {451, 668}, {452, 669}, {500, 670}, {501, 671},
                 {502, 672}, {503, 673}, {504, 674}, {521, 675}, {530, 676}, {535, 677},
                 {550, 678}, {551, 679}, {552, 680}, {553, 681}, {554, 682}};
    for (uint32_t reply = 0; reply <= 1000; reply++) {
        uint16_t want = 660;
        for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
            want = table[i].reply == reply ? table[i].error : want;
        }
        assert_int_equal(pm_mail_error_of_reply((uint16_t)reply), want);
    }
}

static void names_mail_errors(void **state)
{
    (void)state;
    for (uint32_t n = 0; n <= 1000; n++) {
        bool known = n == 0 || (n >= 651 && n <= 682);
        assert_int_equal(pm_mail_error_text((uint16_t)n) != NULL, known);
    }
    assert_string_equal(pm_mail_error_text(0), "success");
    assert_string_equal(pm_mail_error_text(PM_MAIL_AUTH), "authentication failed");
}

static void names_net_errors(void **state)
{
    (void)state;
    for (uint32_t n = 0; n <= 1000; n++) {
        bool known = n == 0 || (n >= 550 && n <= 574);
        assert_int_equal(pm_net_error_text((uint16_t)n) != NULL, known);
    }
    assert_string_equal(pm_net_error_text(0), "operate successfully");
    assert_string_equal(pm_net_error_text(563), "socket identity has been used");
    assert_string_equal(pm_net_error_text(572), "operation not allowed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_cme_texts),
        cmocka_unit_test(prints_cms_texts),
        cmocka_unit_test(knows_which_cme_numbers_have_texts),
        cmocka_unit_test(maps_smtp_replies),
        cmocka_unit_test(names_mail_errors),
        cmocka_unit_test(names_net_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
