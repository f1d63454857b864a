/* SPDX-License-Identifier: MIT */
/* Names on disk: every module name stays inside its directory and comes back unchanged. */
#include "host_store_fixture.h"

static void check(const char *bytes, size_t len, const char *expected)
{
    char out[STORE_NAME_SIZE];
    struct pm_slice name = {(const uint8_t *)bytes, len};
    assert_true(pm__store_name_encode(name, out));
    assert_string_equal(out, expected);
    uint8_t back[PM_FILE_NAME_SIZE];
    uint8_t back_len = 0;
    assert_true(pm__store_name_decode(out, back, &back_len));
    assert_int_equal(back_len, len);
    assert_memory_equal(back, bytes, len);
}

static void test_known(void **state)
{
    (void)state;
    check("test.txt", 8, "test.txt");
    check("Test.TXT", 8, "Test.TXT");
    check(".", 1, "%2E");
    check("..", 2, "%2E.");
    check(".profile", 8, "%2Eprofile");
    check("a/b", 3, "a%2Fb");
    check("../../etc/passwd", 16, "%2E.%2F..%2Fetc%2Fpasswd");
    check("%41", 3, "%2541");
    check("a b", 3, "a%20b");
    check("\xC3\xA4.txt", 6, "%C3%A4.txt");
    check("*", 1, "%2A");
    check("C:\\x", 4, "C%3A%5Cx");
    check("a\0b", 3, "a%00b");
}

static void test_every_byte_twice(void **state)
{
    (void)state;
    for (unsigned int first = 0; first < 256; first++) {
        for (unsigned int second = 0; second < 256; second++) {
            uint8_t bytes[2] = {(uint8_t)first, (uint8_t)second};
            struct pm_slice name = {bytes, 2};
            char out[STORE_NAME_SIZE];
            uint8_t back[PM_FILE_NAME_SIZE];
            uint8_t len = 0;
            assert_true(pm__store_name_encode(name, out));
            assert_null(strchr(out, '/'));
            assert_int_not_equal(out[0], '.');
            assert_true(pm__store_name_decode(out, back, &len));
            assert_int_equal(len, 2);
            assert_memory_equal(back, bytes, 2);
        }
    }
}

static void test_bounds(void **state)
{
    (void)state;
    uint8_t bytes[PM_FILE_NAME_SIZE + 1];
    char out[STORE_NAME_SIZE];
    memset(bytes, 0xFF, sizeof bytes);
    struct pm_slice name = {bytes, PM_FILE_NAME_SIZE};
    assert_true(pm__store_name_encode(name, out));
    assert_int_equal(strlen(out), 3 * PM_FILE_NAME_SIZE);
    assert_true(strlen(out) <= 255);
    name.len++;
    assert_false(pm__store_name_encode(name, out));
    name.len = 0;
    assert_false(pm__store_name_encode(name, out));
}

static void test_foreign(void **state)
{
    (void)state;
    static const char *const foreign[] = {"",      ".",   "..",    ".new-0", "a b",
                                          "a%2fb", "%41", "%2",    "%",      "%zz",
                                          "%%",    "a~",  "x\xC3", "%2E.",   ".hidden"};
    uint8_t out[PM_FILE_NAME_SIZE];
    uint8_t len = 0;
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        bool ours = strcmp(foreign[i], "%2E.") == 0;
        assert_int_equal(pm__store_name_decode(foreign[i], out, &len), ours);
    }
    char text[PM_FILE_NAME_SIZE + 2];
    memset(text, 'a', sizeof text);
    text[PM_FILE_NAME_SIZE + 1] = 0;
    assert_false(pm__store_name_decode(text, out, &len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_every_byte_twice),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_foreign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
