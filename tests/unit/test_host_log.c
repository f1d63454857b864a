/* SPDX-License-Identifier: MIT */
/* The log: levels, line heads, and that a message stays one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/log.h"

struct capture {
    struct pm_log log;
    char *text;
    size_t len;
};

static void start(struct capture *c, enum pm_log_level level, bool journal)
{
    c->text = NULL;
    c->log = (struct pm_log){
        .file = open_memstream(&c->text, &c->len), .level = level, .journal = journal};
    assert_non_null(c->log.file);
}

static void stop(struct capture *c)
{
    fclose(c->log.file);
    free(c->text);
}

static void test_levels(void **state)
{
    struct capture c;
    (void)state;
    start(&c, PM_LOG_WARNING, true);
    pm_log_printf(&c.log, PM_LOG_INFO, "no");
    pm_log_printf(&c.log, PM_LOG_WARNING, "yes %d", 1);
    pm_log_printf(&c.log, PM_LOG_ERROR, "yes %d", 2);
    assert_string_equal(c.text, "<4>yes 1\n<3>yes 2\n");
    stop(&c);
}

static void test_head_outside_the_journal(void **state)
{
    struct capture c;
    int year = 0;
    char rest[100] = "";
    (void)state;
    start(&c, PM_LOG_DEBUG, false);
    pm_log_printf(&c.log, PM_LOG_DEBUG, "hello");
    assert_int_equal(sscanf(c.text, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ %99[^\n]", &year, rest), 2);
    assert_string_equal(rest, "postmodem: debug: hello");
    stop(&c);
}

static void test_one_line_whatever_the_text(void **state)
{
    struct capture c;
    (void)state;
    start(&c, PM_LOG_DEBUG, true);
    pm_log_write(&c.log, PM_LOG_INFO, "a\nb\r\x1b[0m\0\x7F\xC3\xA9\r\n", 14);
    assert_string_equal(c.text, "<6>a\\x0Ab\\x0D\\x1B[0m\\x00\\x7F\xC3\xA9\n");
    stop(&c);
}

/* C1 controls, in UTF-8 and as bytes of their own: a terminal may take U+009B for ESC [. */
static void test_eight_bit_controls(void **state)
{
    struct capture c;
    (void)state;
    start(&c, PM_LOG_DEBUG, true);
    pm_log_printf(&c.log, PM_LOG_INFO, "\xC2\x9B%s\x9B%s\xC2\xA0\xE2\x82\xAC\xF0\x9F\x98\x80\xC3",
                  "1m", "2");
    assert_string_equal(c.text, "<6>\\xC2\\x9B1m\\x9B2\xC2\xA0\xE2\x82\xAC\xF0\x9F\x98\x80\\xC3\n");
    stop(&c);
}

static void test_long_messages_are_cut(void **state)
{
    struct capture c;
    char text[3000];
    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    start(&c, PM_LOG_DEBUG, true);
    pm_log_printf(&c.log, PM_LOG_INFO, "%s", text);
    assert_int_equal(strlen(c.text), 3 + 1023 + 1);
    stop(&c);
}

static void test_a_name_tells_modules_apart(void **state)
{
    struct capture c;
    (void)state;
    start(&c, PM_LOG_DEBUG, true);
    c.log.name = "pump7";
    pm_log_printf(&c.log, PM_LOG_WARNING, "too hot");
    c.log.name = "";
    pm_log_printf(&c.log, PM_LOG_WARNING, "cool");
    assert_int_equal(fflush(c.log.file), 0);
    assert_string_equal(c.text, "<4>pump7: too hot\n<4>cool\n");
    stop(&c);
}

static void test_level_names(void **state)
{
    enum pm_log_level level = PM_LOG_DEBUG;
    (void)state;
    assert_true(pm_log_level_parse("error", &level));
    assert_int_equal(level, PM_LOG_ERROR);
    assert_true(pm_log_level_parse("debug", &level));
    assert_int_equal(level, PM_LOG_DEBUG);
    assert_false(pm_log_level_parse("Debug", &level));
    assert_false(pm_log_level_parse("", &level));
}

static void test_journal_is_recognised(void **state)
{
    struct pm_log log;
    (void)state;
    assert_int_equal(setenv("JOURNAL_STREAM", "1:1", 1), 0);
    pm_log_init(&log, PM_LOG_INFO, "");
    assert_false(log.journal); /* standard error is another file */
    assert_int_equal(setenv("JOURNAL_STREAM", "nonsense", 1), 0);
    pm_log_init(&log, PM_LOG_INFO, "");
    assert_false(log.journal);
    assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
    pm_log_init(&log, PM_LOG_INFO, "");
    assert_false(log.journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_head_outside_the_journal),
        cmocka_unit_test(test_one_line_whatever_the_text),
        cmocka_unit_test(test_eight_bit_controls),
        cmocka_unit_test(test_long_messages_are_cut),
        cmocka_unit_test(test_a_name_tells_modules_apart),
        cmocka_unit_test(test_level_names),
        cmocka_unit_test(test_journal_is_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
