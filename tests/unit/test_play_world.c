/* SPDX-License-Identifier: MIT */
/* What the world of virtual time keeps for those who look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "play/world.h"

/* More than there is room for: the last lines stay, whole. */
static void the_log_keeps_its_end(void **state)
{
    struct world *w = malloc(sizeof *w);
    char line[40];
    (void)state;
    assert_non_null(w);
    world_init(w);
    for (unsigned i = 0; i < 5000; i++) {
        int len = snprintf(line, sizeof line, "line %u", i);
        w->platform.log(w, PM_LOG_INFO, line, (size_t)len);
        const char *end = w->log + w->log_len - len - 1;
        assert_int_equal(strlen(w->log), w->log_len);
        assert_memory_equal(end, line, (size_t)len);
        assert_memory_equal(w->log, "line ", 5);
    }
    assert_true(w->log_len > sizeof w->log / 4);
    char *much = calloc(1, sizeof w->log);
    assert_non_null(much);
    memset(much, 'x', sizeof w->log - 2);
    const size_t before = w->log_len;
    w->platform.log(w, PM_LOG_INFO, much, sizeof w->log - 2); /* No line can be so long. */
    assert_int_equal(w->log_len, before);
    w->platform.log(w, PM_LOG_INFO, much, sizeof w->log - 3);
    assert_int_equal(w->log_len, sizeof w->log - 2);
    free(much);
    assert_string_equal(world_end(w), "");
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_keeps_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
