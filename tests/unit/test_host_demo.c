/* SPDX-License-Identifier: MIT */
/* The demo's own eyes: its reader of mail, and its verdict, which must find every difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* They belong to the program, which is no library. */
#include "cli/demo_check.c"
#include "cli/demo_mail.c"
#include "cli/demo_script.c"

#define ENVELOPE                              \
    "X-Envelope-From: plant@example.com\r\n"  \
    "X-Envelope-To: alarm@example.com\r\n"    \
    "X-Envelope-To: engineer@example.com\r\n" \
    "X-Envelope-To: archive@example.com\r\n"  \
    "X-Envelope-TLS: none\r\n"
#define HEADER                                  \
    "From: \"Plant 7\" <plant@example.com>\r\n" \
    "To: alarm@example.com\r\n"                 \
    "Cc: engineer@example.com\r\n"              \
    "Subject: TEST\r\n SMTP\r\n"                \
    "Content-Type: multipart/mixed;\r\n\tboundary=\"b=1\"\r\n\r\n"
#define TEXT_PART                                             \
    "--b=1\r\nContent-Type: text/plain; charset=us-ascii\r\n" \
    "Content-Transfer-Encoding: 7bit\r\n\r\n"                 \
    "Boiler 2 has reached 96.5 degrees and was\r\n"           \
    "switched off. The last hour is attached.\r\nYour plant 7.\r\n\r\n"
#define FILE_HEAD                                                \
    "--b=1\r\nContent-Type: text/plain; name=\"test.txt\"\r\n"   \
    "Content-Disposition: attachment; filename=\"test.txt\"\r\n" \
    "Content-Transfer-Encoding: base64\r\n\r\n"
/* Made by base64(1) of the file. */
#define FILE_BASE64                                                                    \
    "dGltZSxzZW5zb3IsdmFsdWUNCjA4OjAwOjAwLGJvaWxlciw3MS41DQowODoxMDowMCxib2lsZXIs\r\n" \
    "NzIuMA0KMDg6MjA6MDAsYm9pbGVyLDczLjUNCjA4OjMwOjAwLGJvaWxlciw3OC4wDQowODo0MDow\r\n" \
    "MCxib2lsZXIsODQuNQ0KMDg6NTA6MDAsYm9pbGVyLDkxLjANCjA5OjAwOjAwLGJvaWxlciw5Ni41\r\n" \
    "DQowOTowMTowMCxib2lsZXIgb2ZmLDAwMFhVDQo="
#define GOOD ENVELOPE HEADER TEXT_PART FILE_HEAD FILE_BASE64 "\r\n--b=1--\r\n"

static char err[300];

static bool verdict(const char *text)
{
    struct demo_mail mail;
    err[0] = 0;
    bool good = pm__demo_mail_read(&mail, text, strlen(text)) &&
                pm__demo_check(&pm__demo_examples[0], &mail, err, sizeof err);
    pm__demo_mail_free(&mail);
    return good;
}

/* The good mail with one passage replaced. */
static bool changed(const char *from, const char *to)
{
    static char text[8192];
    const char *at = strstr(GOOD, from);
    assert_non_null(at);
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - GOOD), GOOD, to, at + strlen(from));
    return verdict(text);
}

static void test_good(void **state)
{
    (void)state;
    assert_true(verdict(GOOD));
    assert_string_equal(err, "");
}

static void test_every_difference_is_found(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"From: plant@", "From: plent@"},
        {"To: engineer@example.com\r\nX", "To: engineer@example.org\r\nX"},
        {"X-Envelope-To: archive@example.com\r\n", ""},
        {"X-Envelope-TLS", "X-Envelope-To: more@example.com\r\nX-Envelope-TLS"},
        {"X-Envelope-TLS: none", "X-Envelope-TLS: TLSv1.3"},
        {"X-Envelope-TLS: none\r\n", ""},
        {"TEST\r\n SMTP", "TEST SMPT"},
        {"Subject:", "X-Subject:"},
        {"Subject:", "Subject: TEST SMTP\r\nSubject:"},
        {"\r\nTo: alarm@", "\r\nTo: klaxon@"},
        {"Cc: engineer@example.com\r\n", ""},
        {"Cc:", "Bcc: archive@example.com\r\nCc:"},
        {"Boiler 2", "Boiler 3"},
        {"plant 7.\r\n", "plant 7."},
        {"dGltZSxz", "dGltZSxt"},
        {"attachment;", "inline;"},
        {"filename=\"test.txt\"", "filename=\"best.txt\""},
        {"--b=1--", "--b=1-"},
        {"\r\n--b=1--", "=\r\n--b=1--"},
        {"7bit", "8bit"},
        {"multipart/mixed", "text/plain"},
        {"boundary", "bound"},
        {TEXT_PART, ""},
        {"--b=1--", TEXT_PART "--b=1--"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        if (changed(changes[i][0], changes[i][1])) {
            fail_msg("change %zu was not found: %s -> %s", i, changes[i][0], changes[i][1]);
        }
    }
    /* What may change. */
    assert_true(changed("From: \"Plant 7\"", "X-More: 1\r\nFrom: \"Plant 7\""));
    assert_true(changed("boundary=\"b=1\"", "boundary=b=1"));
}

/* Cut anywhere it is no mail; the sanitizers watch the bounds. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    const size_t len = strlen(GOOD) - strlen("\r\n");
    for (size_t cut = 0; cut < len; cut++) {
        struct demo_mail mail;
        char *text = malloc(cut + 1);
        assert_non_null(text);
        memcpy(text, GOOD, cut);
        bool read = pm__demo_mail_read(&mail, text, cut);
        pm__demo_mail_free(&mail);
        free(text);
        assert_false(read);
    }
}

static void test_bounds(void **state)
{
    (void)state;
    static char text[100000];
    size_t len = 0;
    for (int i = 0; i < 100; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "X-%d: 1\r\n", i);
    }
    assert_false(verdict(text)); /* too many fields */
    memset(text, 'x', 5000);
    memcpy(text, "A: ", 3);
    text[5000] = 0;
    assert_false(verdict(text)); /* too long a field */
    assert_false(verdict(" folded at once\r\n\r\n"));
    assert_false(verdict("no colon\r\n\r\n"));
}

/* The script keeps the sizes that its commands announce, and the manual's checksum. */
static void test_script(void **state)
{
    (void)state;
    uint8_t sum[2] = {0, 0};
    assert_int_equal(strlen(pm__demo_file), DEMO_FILE_SIZE);
    for (size_t i = 0; i < DEMO_FILE_SIZE; i++) {
        sum[i % 2] ^= (uint8_t)pm__demo_file[i];
    }
    assert_int_equal(sum[0], 0x07);
    assert_int_equal(sum[1], 0x07);
    for (size_t i = 0; i < DEMO_EXAMPLES; i++) {
        assert_int_equal(strlen(pm__demo_examples[i].body), DEMO_BODY_SIZE);
        assert_int_equal(pm__demo_examples[i].tls, i > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),         cmocka_unit_test(test_every_difference_is_found),
        cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_script),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
