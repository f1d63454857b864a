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

#define DIRECTORY   PM_TEST_DIR "/transcripts"
#define RANDOM_CUTS 50
#define MOST        500

static void play_all_cuts(void **state)
{
    const char *path = *state;
    struct transcript *t = calloc(1, sizeof *t);
    assert_non_null(t);
    bool ok = transcript_load(t, path);
    /* Valgrind is slow, and looks at memory: a part of the cuts will do there. */
    const bool slow = getenv("PM_TEST_VALGRIND") != NULL;
    const size_t step = slow ? t->typed / 4 + 1 : t->cut_step;
    const size_t seeds = slow ? 2 : RANDOM_CUTS;
    for (int async = 0; ok && async <= 1; async++) {
        ok = transcript_play(t, TRANSCRIPT_WHOLE, 0, async != 0) &&
             transcript_play(t, TRANSCRIPT_BYTES, 0, async != 0);
        for (size_t at = 1; ok && at < t->typed && at <= 4096; at += step) {
            ok = transcript_play(t, TRANSCRIPT_AT, at, async != 0);
        }
        for (size_t seed = 1; ok && seed <= seeds; seed++) {
            ok = transcript_play(t, TRANSCRIPT_RANDOM, seed, async != 0);
        }
    }
    char error[sizeof t->error];
    (void)snprintf(error, sizeof error, "%s", t->error);
    free(t);
    if (!ok) {
        fail_msg("%s", error);
    }
}

/* A player that accepts anything would prove nothing. */
static void a_wrong_expectation_fails(void **state)
{
    (void)state;
    struct transcript *t = calloc(1, sizeof *t);
    assert_non_null(t);
    static const char *const names[] = {
        DIRECTORY "/bad/wrong_answer.at", DIRECTORY "/bad/too_much.at",
        DIRECTORY "/bad/no_answer.at",    DIRECTORY "/bad/late_answer.at",
        DIRECTORY "/bad/early_answer.at", DIRECTORY "/bad/not_sent.at",
        DIRECTORY "/bad/unknown_word.at",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_true(transcript_load(t, names[i]));
        assert_false(transcript_play(t, TRANSCRIPT_WHOLE, 0, false));
    }
    assert_false(transcript_load(t, DIRECTORY "/bad/untagged.at"));
    free(t);
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
