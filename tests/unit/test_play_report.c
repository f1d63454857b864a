/* SPDX-License-Identifier: MIT */
/* Differences as people and CI systems read them. */
#include "play/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "play/junit.h"

static void bytes_are_escaped(void **state)
{
    static const uint8_t bytes[] = "a\r\n\t\\\0\x7f\xff~";
    char out[64];
    (void)state;
    assert_int_equal(play_escape(bytes, sizeof bytes - 1, out, sizeof out), 22);
    assert_string_equal(out, "a\\r\\n\\t\\\\\\x00\\x7F\\xFF~");
    /* No room: it ends between two bytes. */
    assert_int_equal(play_escape(bytes, sizeof bytes - 1, out, 8), 5);
    assert_string_equal(out, "a\\r\\n");
}

static void shows(const uint8_t *bytes, size_t len, size_t mark, const char *text)
{
    struct play_report report;
    play_report_begin(&report);
    play_report_bytes(&report, "received", bytes, len, mark);
    play_report_end(&report);
    assert_string_equal(report.text, text);
    play_report_free(&report);
}

static void the_byte_that_differs_is_shown(void **state)
{
    uint8_t many[500];
    (void)state;
    memset(many, 'm', sizeof many);
    shows(many, 0, SIZE_MAX, "    received (nothing)\n");
    shows(many, 3, SIZE_MAX, "    received mmm\n");
    shows((const uint8_t *)"\r\nOK", 4, 2, "    received \\r\\nOK\n                 ^ byte 3\n");
    shows((const uint8_t *)"OK", 2, 2, "    received OK\n               ^ byte 3\n");
    shows(many, sizeof many, 490,
          "    received ...mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm  (500 bytes)\n"
          "                                                        ^ byte 491\n");
}

static void notes_do_not_count(void **state)
{
    struct play_report report;
    (void)state;
    play_report_begin(&report);
    play_report_difference(&report, true, "first");
    assert_int_equal(report.verdict, PLAY_PASSED);
    play_report_difference(&report, false, "second");
    play_report_difference(&report, false, "third");
    report.notes_told = true;
    play_report_difference(&report, true, "told before");
    play_report_bytes(&report, "typed", (const uint8_t *)"x", 1, SIZE_MAX);
    play_report_end(&report);
    assert_int_equal(report.verdict, PLAY_FAILED);
    assert_int_equal(report.differences, 2);
    assert_int_equal(report.notes, 1);
    assert_string_equal(report.headline, "second");
    assert_string_equal(report.text, "note: first\nsecond\nthird\n");
    play_report_free(&report);
}

/* The end of a long log, from the beginning of a line; whatever the last note was. */
static void the_log_is_below(void **state)
{
    struct play_report report;
    char log[400 * 20 + 1] = "";
    (void)state;
    for (size_t i = 0; i < 400; i++) {
        (void)snprintf(log + i * 20, sizeof log - i * 20, "line %03zu \t567890123\n", i);
    }
    play_report_begin(&report);
    play_report_log(&report, "", 0);
    play_report_difference(&report, false, "first");
    report.notes_told = true;
    play_report_difference(&report, true, "told before");
    play_report_log(&report, "one\ntwo", 7);
    play_report_log(&report, log, sizeof log - 1);
    play_report_end(&report);
    const char *begin = "first\n    the module's log:\n    | one\n    | two\n"
                        "    the module's log:\n    | line 196 \\t567890123\n    | line 197";
    assert_memory_equal(report.text, begin, strlen(begin));
    const char *end = "    | line 399 \\t567890123\n";
    assert_string_equal(report.text + report.text_len - strlen(end), end);
    play_report_free(&report);
}

static void junit_escapes(void **state)
{
    struct play_result results[3];
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    (void)state;
    assert_non_null(out);
    for (size_t i = 0; i < 3; i++) {
        play_report_begin(&results[i].report);
    }
    results[0].path = "a<&\"\x01\xff\xc3\xa9\xef\xbf\xbf.at";
    results[0].report.seconds = 1.25;
    play_report_difference(&results[0].report, false, "]]> & more");
    results[1].path = "b.at";
    results[2].path = "c.at";
    play_report_error(&results[2].report, "c.at: Permission denied");
    results[1].report.verdict = PLAY_SKIPPED;
    (void)strcpy(results[1].report.headline, "a\nb");
    for (size_t i = 0; i < 3; i++) {
        play_report_end(&results[i].report);
    }
    assert_true(play_junit_write(out, results, 3, 86400));
    assert_int_equal(fclose(out), 0);
    assert_string_equal(
        text,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
        "  <testsuite name=\"postmodem play\" tests=\"3\" failures=\"1\" errors=\"1\" "
        "skipped=\"1\" "
        "time=\"1.250\" timestamp=\"1970-01-02T00:00:00\">\n"
        "    <testcase classname=\"transcripts\" "
        "name=\"a&#60;&#38;&#34;\\x01\\xFF\xc3\xa9\\xEF\\xBF\\xBF.at\" "
        "file=\"a&#60;&#38;&#34;\\x01\\xFF\xc3\xa9\\xEF\\xBF\\xBF.at\" time=\"1.250\">\n"
        "      <failure type=\"difference\" message=\"]]&#62; &#38; more\">"
        "]]&#62; &#38; more&#10;</failure>\n"
        "    </testcase>\n"
        "    <testcase classname=\"transcripts\" name=\"b.at\" file=\"b.at\" time=\"0.000\">\n"
        "      <skipped message=\"a&#10;b\"/>\n"
        "    </testcase>\n"
        "    <testcase classname=\"transcripts\" name=\"c.at\" file=\"c.at\" time=\"0.000\">\n"
        "      <error type=\"not played\" message=\"c.at: Permission denied\">"
        "c.at: Permission denied&#10;</error>\n"
        "    </testcase>\n"
        "  </testsuite>\n</testsuites>\n");
    free(text);
    for (size_t i = 0; i < 3; i++) {
        play_report_free(&results[i].report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_escaped),  cmocka_unit_test(the_byte_that_differs_is_shown),
        cmocka_unit_test(notes_do_not_count), cmocka_unit_test(the_log_is_below),
        cmocka_unit_test(junit_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
