/* SPDX-License-Identifier: MIT */
/* Type-ahead: input while a command runs, and what goes when it overflows (CD26). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "at_rig.h"

#define OK    "\r\nOK\r\n"
#define ERROR "\r\nERROR\r\n"
#define NUM   "\r\nform 2 count 0 -0 -1 -7\r\n" OK
#define SLOW  "\r\n+SLOW: 1\r\n" OK

static struct at_rig rig;

static void test_answered_in_order(void **state)
{
    (void)state;
    const struct at_step steps[] = {AT_SAY(0, "ATE0\rAT+SLOW=100\r\nAT+NUM?\r\nAT"),
                                    AT_SAY(50, "I\r\n"), AT_SAY(100, "AT\r")};
    AT_CHECK(NULL, steps, AT_QUIET SLOW NUM "\r\nQuectel\r\nAG35\r\n" OK OK);
}

/* Echo of type-ahead comes when the line is looked at, never into a reply. */
static void test_echo(void **state)
{
    (void)state;
    const struct at_step steps[] = {AT_SAY(0, "AT+SLOW=100\r"), AT_SAY(50, "ATI\rATE0\r\xff"),
                                    AT_SAY(200, "AT\r")};
    AT_CHECK(NULL, steps, "AT+SLOW=100\r" SLOW "ATI\r\r\nQuectel\r\nAG35\r\n" OK "ATE0\r" OK OK);
}

struct piece {
    const char *text;
    size_t len, count;
};

/*
 * While +SLOW runs the pieces arrive, `cut` bytes at a time; then `late` comes
 * after the result. The output behind that of +SLOW must be `expected`.
 */
static void check_overflow(const struct piece *pieces, const char *late, const char *expected)
{
    static const size_t cuts[] = {SIZE_MAX, 1, 7, 1000};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        static char input[64 * 1024];
        size_t len = 0;
        for (const struct piece *piece = pieces; piece->text != NULL; piece++) {
            for (size_t n = 0; n < piece->count; n++) {
                memcpy(input + len, piece->text, piece->len);
                len += piece->len;
            }
        }
        at_rig_init(&rig, NULL);
        rig.at.set.echo = 0;
        assert_int_equal(at_rig_input(&rig, "AT+SLOW=100\r", 12), 0);
        for (size_t pos = 0; pos < len;) {
            size_t n = len - pos < cuts[i] ? len - pos : cuts[i];
            assert_int_equal(at_rig_input(&rig, input + pos, n), 0);
            pos += n;
        }
        at_rig_to(&rig, 100);
        assert_int_equal(at_rig_input(&rig, late, strlen(late)), 0);
        rig.out[rig.out_len] = '\0';
        assert_memory_equal(rig.out, SLOW, sizeof SLOW - 1);
        assert_string_equal(rig.out + sizeof SLOW - 1, expected);
        assert_int_equal(rig.commands, rig.results);
    }
}

static char *times(const char *first, size_t count, const char *then, size_t then_count)
{
    char *text = calloc(1, strlen(first) * count + strlen(then) * then_count + 1);
    assert_non_null(text);
    for (size_t i = 0; i < count + then_count; i++) {
        strcat(text, i < count ? first : then);
    }
    return text;
}

/* Lines of 16 bytes: as many as fit are run, the older ones are answered ERROR before them. */
static void test_oldest_lines_drop(void **state)
{
    (void)state;
    enum { FIT = PM_AT_IN_SIZE / 16 };
    static const struct piece fit[] = {{"AT+NUM=10,0,123\r", 16, FIT}, {NULL, 0, 0}};
    char *all = times("\r\nform 8 count 3 10/10 0/0 123/123\r\n" OK, FIT, "", 0);
    check_overflow(fit, "", all);
    free(all);
    static const struct piece over[] = {{"AT+NUM=10,0,123\r", 16, FIT + 4}, {NULL, 0, 0}};
    char *some = times(ERROR, 4, "\r\nform 8 count 3 10/10 0/0 123/123\r\n" OK, FIT);
    check_overflow(over, "", some);
    free(some);
}

/* Noise goes first, and silently: line ends, NULs, lines without AT. */
static void test_noise_drops_silently(void **state)
{
    (void)state;
    static const struct piece noise[] = {
        {"\r\nno command\r\n", 14, 10}, {"\0", 1, 20000}, {"AT+NUM?\r", 8, 1}, {NULL, 0, 0}};
    check_overflow(noise, "AT\r", NUM OK);
    static const struct piece mixed[] = {{"\0", 1, 96},
                                         {"AT+NUM=10,0,123\r", 16, PM_AT_IN_SIZE / 16 - 1},
                                         {"ATI \r\n", 6, 1},
                                         {NULL, 0, 0}};
    char *all = times("\r\nform 8 count 3 10/10 0/0 123/123\r\n" OK, PM_AT_IN_SIZE / 16 - 1,
                      "\r\nQuectel\r\nAG35\r\n" OK, 1);
    check_overflow(mixed, "", all);
    free(all);
}

static void test_repeats_drop(void **state)
{
    (void)state;
    static const struct piece repeats[] = {
        {"a/", 2, PM_AT_IN_SIZE / 2 + 3}, {"", 0, 1}, {NULL, 0, 0}};
    /* A/ repeats +SLOW, which then waits: only the errors and the first reply can be seen. */
    at_rig_init(&rig, NULL);
    rig.at.set.echo = 0;
    assert_int_equal(at_rig_input(&rig, "AT+SLOW=100\r", 12), 0);
    for (size_t i = 0; i < repeats[0].count; i++) {
        assert_int_equal(at_rig_input(&rig, repeats[0].text, 2), 0);
    }
    at_rig_to(&rig, 250);
    rig.out[rig.out_len] = '\0';
    assert_string_equal(rig.out, SLOW ERROR ERROR ERROR SLOW);
}

/* A line longer than the buffer is answered once, whether it ends before or after the result. */
static void test_long_line(void **state)
{
    (void)state;
    static const struct piece ended[] = {
        {"AT", 2, 1}, {"xyz", 3, 3000}, {"\rAT+NUM?\r", 9, 1}, {NULL, 0, 0}};
    check_overflow(ended, "AT\r", ERROR NUM OK);
    static const struct piece open[] = {{"at", 2, 1}, {"x\"z", 3, 3000}, {NULL, 0, 0}};
    check_overflow(open, "still\rAT\r", ERROR OK);
    static const struct piece after[] = {
        {"ATI\r", 4, 1}, {"AT", 2, 1}, {"x", 1, 20000}, {"\rAT\r", 4, 1}, {NULL, 0, 0}};
    check_overflow(after, "AT\r", ERROR ERROR OK OK);
}

/* Bytes dropped before a CONNECT are discarded like those that were not (CD26). */
static void test_data_mode_forgets(void **state)
{
    (void)state;
    at_rig_init(&rig, NULL);
    rig.at.set.echo = 0;
    assert_int_equal(at_rig_input(&rig, "AT+SLOW=100;+UP=2\r", 18), 0);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(at_rig_input(&rig, "AT+NUM?\r", 8), 0);
    }
    assert_int_equal(at_rig_input(&rig, "AT", 2), 0);
    at_rig_to(&rig, 110);
    assert_int_equal(at_rig_input(&rig, "abAT\r", 5), 0);
    rig.out[rig.out_len] = '\0';
    assert_string_equal(rig.out, "\r\n+SLOW: 1\r\n\r\nCONNECT\r\n\r\n+UP: 2,c21,0\r\n" OK OK);
}

/* Input behind counted data waits for the owner: nothing is dropped for bytes still lent. */
static void test_data_is_not_dropped(void **state)
{
    (void)state;
    static const struct at_rig_config config = {.data_wait = 1000};
    at_rig_init(&rig, &config);
    rig.at.set.echo = 0;
    assert_int_equal(at_rig_input(&rig, "AT+UP=3\r", 8), 0);
    at_rig_to(&rig, 10);
    static char input[3 + 16 * 400];
    memcpy(input, "abc", 3);
    for (size_t i = 0; i < 400; i++) {
        memcpy(input + 3 + 16 * i, "AT+NUM=10,0,123\r", 16);
    }
    assert_int_equal(at_rig_input(&rig, input, sizeof input), 0);
    assert_int_equal(rig.commands, 401);
    assert_int_equal(rig.results, 401);
    rig.out[rig.out_len] = '\0';
    assert_null(strstr(rig.out, "ERROR"));
}

/* A URC waits for lines, kept or dropped, that a deaf host still has to be answered. */
static void test_urc_waits(void **state)
{
    (void)state;
    static const struct piece kinds[] = {
        {"+NUM=10,0,123\rAT", 16, 1}, {"+NUM=10,0,123\rAT", 16, 270}, {"x", 1, 5000}};
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        at_rig_init(&rig, NULL);
        rig.at.set.echo = 0;
        assert_int_equal(at_rig_input(&rig, "AT+SLOW=100;+LINES=400\rAT", 25), 0);
        rig.deaf = true;
        for (size_t i = 0; i < kinds[kind].count; i++) {
            assert_int_equal(at_rig_input(&rig, kinds[kind].text, kinds[kind].len), 0);
        }
        assert_int_equal(at_rig_input(&rig, "\r", 1), 0);
        at_rig_to(&rig, 150);
        assert_false(pm_at_busy(&rig.at));
        assert_true(pm_at_urc(&rig.at, "+U", 2, 0));
        at_rig_to(&rig, 5000);
        rig.deaf = false;
        at_rig_settle(&rig);
        at_rig_to(&rig, 6000);
        bool error = kinds[kind].len == 1;
        const char *end = error ? ERROR "\r\n+U\r\n" : OK "\r\n+U\r\n";
        assert_memory_equal(rig.out + rig.out_len - strlen(end), end, strlen(end));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answered_in_order), cmocka_unit_test(test_echo),
        cmocka_unit_test(test_oldest_lines_drop), cmocka_unit_test(test_noise_drops_silently),
        cmocka_unit_test(test_repeats_drop),      cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_data_mode_forgets), cmocka_unit_test(test_data_is_not_dropped),
        cmocka_unit_test(test_urc_waits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
