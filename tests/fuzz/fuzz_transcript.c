/* SPDX-License-Identifier: MIT */
/*
 * Transcripts from anybody: whatever the file, reading it ends with a transcript or with an error
 * that names a line, and playing what was read ends as well, with nothing left behind.
 */
#include "harness.h"
#include "play/transcript.h"

/* What is played is small: the module's own loops are the other harnesses' affair. */
#define TYPED_MOST 4096U

static void check_steps(const struct transcript *t)
{
    size_t typed = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct transcript_step *step = &t->steps[i];
        REQUIRE(step->line != 0 && (i == 0 || step->line > t->steps[i - 1].line));
        REQUIRE((step->kind == ' ') == (step->word != NULL));
        REQUIRE(step->kind == ' ' || step->len != 0);
        REQUIRE(step->bytes >= t->text && step->bytes + step->len <= t->text + t->text_len);
        REQUIRE((step->tag != 0) == (step->kind == '<' || step->kind == '~'));
        typed += step->kind == '>' ? step->len : 0;
    }
    REQUIRE(typed == t->typed);
}

/* Waits and floods take their time, which is not what is looked for here. */
static bool is_quick(const struct transcript *t)
{
    static const char *const slow[] = {"wait ", "within ", "after ", "flood "};
    for (size_t i = 0; i < t->count; i++) {
        for (size_t k = 0; t->steps[i].word != NULL && k < sizeof slow / sizeof slow[0]; k++) {
            size_t n = strlen(slow[k]);
            if (strncmp(t->steps[i].word, slow[k], n) == 0 &&
                strlen(t->steps[i].word) > n + (slow[k][0] == 'f' ? 3U : 5U)) {
                return false;
            }
        }
    }
    return t->typed <= TYPED_MOST;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct transcript_rules rules = {.tags = TRANSCRIPT_MANUAL, .keep_going = true};
    struct transcript t;
    struct play_report report;
    if (!transcript_read(&t, "x.at", (const char *)data, size)) {
        REQUIRE(strncmp(t.error, "x.at:", 5) == 0);
        transcript_free(&t);
        return 0;
    }
    check_steps(&t);
    if (is_quick(&t)) {
        play_report_begin(&report);
        bool met = transcript_play(&t, &rules, TRANSCRIPT_RANDOM, size, size % 2 != 0, &report);
        REQUIRE(met == (report.verdict == PLAY_PASSED));
        REQUIRE(met == (report.differences == 0));
        play_report_free(&report);
    }
    transcript_free(&t);
    return 0;
}
