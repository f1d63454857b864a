/* SPDX-License-Identifier: MIT */
/*
 * test_transcripts [NAME...]: plays the transcripts whose names contain one of the words, all
 * without any.
 *
 * Plays every tests/transcripts/<name>.at in virtual time: whole, byte by byte, with one cut
 * before each of its first 4096 bytes, and cut at random; each with a platform that answers
 * at once and with one that answers later.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "play/transcript.h"

#define DIRECTORY PM_TEST_DIR "/transcripts"
#define MOST      500

static const struct transcript_rules strict = {.tags = TRANSCRIPT_ALL_TAGS};

static void play_all_cuts(void **state)
{
    struct transcript t;
    struct play_report report;
    /* Valgrind is slow, and looks at memory: a part of the cuts will do there. */
    const bool slow = getenv("PM_TEST_VALGRIND") != NULL;
    play_report_begin(&report);
    if (transcript_load(&t, *state)) {
        (void)transcript_play_cuts(&t, &strict, slow ? TRANSCRIPT_SAMPLED : TRANSCRIPT_ALL_CUTS,
                                   &report);
    } else {
        play_report_difference(&report, false, t.error);
    }
    transcript_free(&t);
    play_report_end(&report);
    if (report.verdict != PLAY_PASSED) {
        (void)fputs(report.text, stderr);
    }
    bool passed = report.verdict == PLAY_PASSED;
    play_report_free(&report);
    assert_true(passed);
}

/* A player that accepts anything would prove nothing. */
static void a_wrong_expectation_fails(void **state)
{
    (void)state;
    struct transcript t;
    static const char *const names[] = {
        DIRECTORY "/bad/wrong_answer.at", DIRECTORY "/bad/too_much.at",
        DIRECTORY "/bad/no_answer.at",    DIRECTORY "/bad/late_answer.at",
        DIRECTORY "/bad/early_answer.at", DIRECTORY "/bad/not_sent.at",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct play_report report;
        play_report_begin(&report);
        assert_true(transcript_load(&t, names[i]));
        assert_false(transcript_play(&t, &strict, TRANSCRIPT_WHOLE, 0, false, &report));
        assert_int_equal(report.verdict, PLAY_FAILED);
        assert_int_equal(report.differences, 1);
        play_report_free(&report);
        transcript_free(&t);
    }
    assert_false(transcript_load(&t, DIRECTORY "/bad/untagged.at"));
    transcript_free(&t);
    assert_false(transcript_load(&t, DIRECTORY "/bad/unknown_word.at"));
    transcript_free(&t);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

static bool wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strstr(name, argv[i]) != NULL) {
            return true;
        }
    }
    return argc < 2;
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[MOST];
    size_t count = 0;
    DIR *directory = opendir(DIRECTORY);
    const struct dirent *entry = NULL;
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_wrong_expectation_fails);
    while (directory != NULL && count < MOST && (entry = readdir(directory)) != NULL) {
        size_t len = strlen(entry->d_name);
        if (len > 3 && strcmp(entry->d_name + len - 3, ".at") == 0 &&
            wanted(entry->d_name, argc, argv)) {
            size_t size = sizeof DIRECTORY + len + 1;
            char *path = malloc(size);
            if (path == NULL) {
                return 1;
            }
            (void)snprintf(path, size, "%s/%s", DIRECTORY, entry->d_name);
            tests[count++] = (struct CMUnitTest){path, play_all_cuts, NULL, NULL, path};
        }
    }
    if (directory == NULL || closedir(directory) != 0 || count < 2 || count == MOST) {
        return 1;
    }
    qsort(tests, count, sizeof tests[0], by_name);
    int failed = _cmocka_run_group_tests("transcripts", tests, count, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        free(tests[i].initial_state);
    }
    return failed;
}
