/* SPDX-License-Identifier: MIT */
/* Profile files: written in one step, read back or refused whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/profile.h"

struct place {
    char dir[40];
    int fd;
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    strcpy(place->dir, "/tmp/pm-test-profile-XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    place->fd = open(place->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(place->fd >= 0);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    char command[80];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", place->dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(close(place->fd), 0);
    free(place);
    return 0;
}

/* The stored file as it lies on the disk, cut or changed by the test. */
static size_t raw_read(const struct place *place, uint8_t *data, size_t size)
{
    int fd = openat(place->fd, "profile.3", O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, data, size);
    assert_true(n > 0);
    assert_int_equal(close(fd), 0);
    return (size_t)n;
}

static void raw_write(const struct place *place, const uint8_t *data, size_t len)
{
    int fd = openat(place->fd, "profile.3", O_WRONLY | O_TRUNC | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    assert_int_equal(close(fd), 0);
}

static int put(const struct place *place, const char *text, bool durable)
{
    uint8_t packed[PM_PROFILE_HEAD + 16];
    assert_true(pm_profile_pack((const uint8_t *)text, strlen(text), packed));
    return pm_profile_write(place->fd, 3, packed, PM_PROFILE_HEAD + strlen(text), durable);
}

static void test_round_trip(void **state)
{
    struct place *place = *state;
    uint8_t back[16];
    assert_int_equal(pm_profile_read(place->fd, 3, back, sizeof back), 0);
    assert_int_equal(put(place, "hello", true), 0);
    assert_int_equal(pm_profile_read(place->fd, 3, back, sizeof back), 5);
    assert_memory_equal(back, "hello", 5);
    assert_int_equal(put(place, "new", false), 0);
    assert_int_equal(pm_profile_read(place->fd, 3, back, sizeof back), 3);
    assert_int_equal(pm_profile_read(place->fd, 3, back, 2), -1);
    assert_int_equal(pm_profile_read(place->fd, 4, back, sizeof back), 0);
    static uint8_t large[PM_PROFILE_MAX + 1];
    static uint8_t packed[PM_PROFILE_HEAD + PM_PROFILE_MAX + 1];
    assert_false(pm_profile_pack(large, 0, packed));
    assert_false(pm_profile_pack(large, PM_PROFILE_MAX + 1, packed));
    assert_true(pm_profile_pack(large, PM_PROFILE_MAX, packed));
}

static void test_any_damage_is_seen(void **state)
{
    struct place *place = *state;
    uint8_t raw[256];
    uint8_t back[64];
    assert_int_equal(put(place, "0123456789", true), 0);
    size_t len = raw_read(place, raw, sizeof raw);
    for (size_t cut = 0; cut < len; cut++) {
        raw_write(place, raw, cut);
        assert_int_equal(pm_profile_read(place->fd, 3, back, sizeof back), -1);
    }
    for (size_t bit = 0; bit < len * 8; bit++) {
        raw[bit / 8] ^= (uint8_t)(1U << bit % 8);
        raw_write(place, raw, len);
        assert_int_equal(pm_profile_read(place->fd, 3, back, sizeof back), -1);
        raw[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    raw[len] = 'x';
    raw_write(place, raw, len + 1);
    assert_int_equal(pm_profile_read(place->fd, 3, back, sizeof back), -1);
    raw_write(place, raw, len);
    assert_int_equal(pm_profile_read(place->fd, 3, back, sizeof back), 10);
}

static void test_failed_write_keeps_the_old(void **state)
{
    struct place *place = *state;
    uint8_t back[16];
    assert_int_equal(put(place, "old", true), 0);
    /* A directory in the way of the new file. */
    assert_int_equal(mkdirat(place->fd, ".new-profile.3", 0700), 0);
    assert_int_not_equal(put(place, "new", true), 0);
    assert_int_equal(pm_profile_read(place->fd, 3, back, sizeof back), 3);
    assert_memory_equal(back, "old", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any_damage_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_write_keeps_the_old, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
