/* SPDX-License-Identifier: MIT */
/* Random walks (walk.h): half of them type the lines of its list, half of them also lines made
 * from the command table. A failure names its seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "walk.h"

enum { SEEDS = 600, STEPS = 600 };

struct dice {
    struct walk walk;
    uint32_t seed, random;
};

static uint32_t draw(void *user, uint32_t below)
{
    struct dice *dice = user;
    dice->random ^= dice->random << 13;
    dice->random ^= dice->random >> 17;
    dice->random ^= dice->random << 5;
    return dice->random % below;
}

static void stop(void *user, const char *what)
{
    const struct dice *dice = user;
    fail_msg("seed %u: %s", dice->seed, what);
}

static void play(struct dice *dice, uint32_t seed, bool steady, size_t piece)
{
    struct walk *walk = &dice->walk;
    memset(dice, 0, sizeof *dice);
    dice->seed = seed;
    dice->random = seed * 2654435761U + 1;
    walk->draw = draw;
    walk->broken = stop;
    walk->user = dice;
    walk->steady = steady;
    walk->piece = piece;
    walk_begin(walk);
    for (unsigned i = 0; i < STEPS; i++) {
        if (walk_draw(walk, 150) == 0 && !pm_module_mail_running(&walk->w.module)) {
            walk_preset(walk);
        }
        if (seed % 2 == 0 && walk_draw(walk, 8) == 0) {
            walk_table_command(walk, walk_draw(walk, WALK_PORTS));
        }
        walk_step(walk);
    }
    walk_end(walk);
}

/* Under valgrind a part of them. */
static uint32_t step(void)
{
    return getenv("PM_TEST_VALGRIND") != NULL ? 7 : 1;
}

static void every_line_has_one_result(void **state)
{
    (void)state;
    const char *only = getenv("PM_RANDOM_SEED");
    struct dice *dice = malloc(sizeof *dice);
    unsigned mails = 0;
    unsigned opens = 0;
    unsigned writes = 0;
    assert_non_null(dice);
    for (uint32_t seed = 1; seed <= SEEDS; seed += step()) {
        if (only == NULL || seed == (uint32_t)strtoul(only, NULL, 10)) {
            play(dice, seed, false, 0);
            mails += dice->walk.mails_told;
            opens += dice->walk.opens;
            writes += dice->walk.writes;
        }
    }
    free(dice);
    assert_true(only != NULL ||
                mails > SEEDS / 10 / step());            /* The walk does reach the mail job, */
    assert_true(only != NULL || opens > SEEDS / step()); /* and handles. */
    assert_true(only != NULL || writes > SEEDS / 4 / step());
}

static void pieces_make_no_difference(void **state)
{
    (void)state;
    const char *only = getenv("PM_RANDOM_SEED");
    struct dice *dice = malloc(sizeof *dice);
    assert_non_null(dice);
    for (uint32_t seed = 1; seed <= SEEDS / 2; seed++) {
        uint64_t whole[WALK_PORTS];
        if (only != NULL && seed != (uint32_t)strtoul(only, NULL, 10)) {
            continue;
        }
        play(dice, seed, true, 0);
        memcpy(whole, dice->walk.sum, sizeof whole);
        play(dice, seed, true, 1 + seed % 3);
        if (memcmp(whole, dice->walk.sum, sizeof whole) != 0) {
            fail_msg("seed %u: pieces of %u bytes are answered otherwise", seed, 1 + seed % 3);
        }
    }
    free(dice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_line_has_one_result),
                                       cmocka_unit_test(pieces_make_no_difference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
