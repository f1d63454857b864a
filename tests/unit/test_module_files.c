/* SPDX-License-Identifier: MIT */
/* File names as typed, and the FILE manual's checksum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "module/internal.h"

static uint16_t sum(const void *data, size_t len)
{
    struct pm_task task = {0};
    pm__checksum(&task, data, len);
    return pm__checksum_end(&task);
}

/* The vectors of the specification; the first is of a real module's log. */
static void checksum_vectors(void **state)
{
    (void)state;
    uint8_t all[256];
    for (size_t i = 0; i < sizeof all; i++) {
        all[i] = (uint8_t)i;
    }
    assert_int_equal(sum("-----BEGIN CERTIFICATE-----\r", 28), 0x6c53);
    assert_int_equal(sum("", 0), 0);
    assert_int_equal(sum("A", 1), 0x4100);
    assert_int_equal(sum("AB", 2), 0x4142);
    assert_int_equal(sum("ABC", 3), 0x242);
    assert_int_equal(sum("hello", 5), 0x6b09);
    assert_int_equal(sum("1234567890", 10), 0x3938);
    assert_int_equal(sum("Hello world!\r\n", 14), 0x2701);
    assert_int_equal(sum(all, sizeof all), 0);
}

static void checksum_does_not_depend_on_cuts(void **state)
{
    (void)state;
    static const char text[] = "an odd number of bytes, cut";
    const uint8_t *bytes = (const uint8_t *)text;
    uint16_t want = sum(text, sizeof text);
    for (size_t a = 0; a <= sizeof text; a++) {
        for (size_t b = a; b <= sizeof text; b++) {
            struct pm_task task = {0};
            pm__checksum(&task, bytes, a);
            pm__checksum(&task, bytes + a, b - a);
            pm__checksum(&task, bytes + b, sizeof text - b);
            assert_int_equal(pm__checksum_end(&task), want);
        }
    }
}

static void expect(const char *typed, uint16_t error, uint8_t storage, const char *name)
{
    uint8_t got_storage = 99;
    struct pm_slice got;
    struct pm_slice text = pm__slice(typed);
    assert_int_equal(pm__file_name(text, &got_storage, &got), error);
    if (error == 0) {
        assert_int_equal(got_storage, storage);
        assert_int_equal(got.len, strlen(name));
        assert_memory_equal(got.ptr, name, got.len);
    }
}

static void names_and_prefixes(void **state)
{
    (void)state;
    char longest[82];
    memset(longest, 'n', sizeof longest);
    longest[80] = '\0';
    expect("a.txt", 0, PM_STORAGE_UFS, "a.txt");
    expect("UFS:a.txt", 0, PM_STORAGE_UFS, "a.txt");
    expect("ufs:A.txt", 0, PM_STORAGE_UFS, "A.txt");
    expect("RAM:b", 0, PM_STORAGE_RAM, "b");
    expect("SD:b", 0, PM_STORAGE_SD, "b");
    expect("../etc/passwd", 0, PM_STORAGE_UFS, "../etc/passwd");
    expect("", 406, 0, "");
    expect("RAM:", 406, 0, "");
    expect("C:x", 406, 0, "");
    expect("RAM:UFS:x", 406, 0, "");
    expect(longest, 0, PM_STORAGE_UFS, longest);
    longest[80] = 'n';
    longest[81] = '\0';
    expect(longest, 406, 0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksum_vectors),
        cmocka_unit_test(checksum_does_not_depend_on_cuts),
        cmocka_unit_test(names_and_prefixes),
    };
    return cmocka_run_group_tests_name("module_files", tests, NULL, NULL);
}
