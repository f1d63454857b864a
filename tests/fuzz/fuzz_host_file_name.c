/* SPDX-License-Identifier: MIT */
/*
 * Names of files. As one that a host gives: its form on disk must be a plain name within the
 * folder, of which nothing hidden, and be read as the same again. As one that is found in the
 * folder: only what is the form of a name may be taken for one.
 */
#include "harness.h"
#include "host/store_internal.h"

static bool is_plain(char c)
{
    return c != '\0' &&
           strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.", c) != NULL;
}

/* A character of a form as its byte; -1: it is none. `*at` goes on. */
static int byte_of(const char *text, size_t *at)
{
    static const char digits[] = "0123456789ABCDEF";
    char c = text[*at];
    const char *high;
    const char *low;
    if (is_plain(c) && !(c == '.' && *at == 0)) {
        *at += 1;
        return c;
    }
    if (c != '%' || text[*at + 1] == '\0' || text[*at + 2] == '\0') {
        return -1;
    }
    high = strchr(digits, text[*at + 1]);
    low = strchr(digits, text[*at + 2]);
    if (high == NULL || low == NULL) {
        return -1;
    }
    int byte = (int)(high - digits) * 16 + (int)(low - digits);
    bool needed = !is_plain((char)byte) || (byte == '.' && *at == 0);
    *at += 3;
    return needed ? byte : -1;
}

static void check_found(const char *text)
{
    uint8_t name[PM_FILE_NAME_SIZE];
    uint8_t expected[PM_FILE_NAME_SIZE];
    uint8_t len = 0;
    size_t at = 0;
    size_t count = 0;
    bool good = *text != '\0';
    while (good && text[at] != '\0') {
        int byte = byte_of(text, &at);
        good = byte >= 0 && count < sizeof expected;
        if (good) {
            expected[count++] = (uint8_t)byte;
        }
    }
    REQUIRE(pm__store_name_decode(text, name, &len) == good);
    REQUIRE(!good || (len == count && memcmp(name, expected, count) == 0));
}

static void check_given(const uint8_t *data, size_t size)
{
    char form[STORE_NAME_SIZE];
    uint8_t name[PM_FILE_NAME_SIZE];
    uint8_t len = 0;
    bool good = pm__store_name_encode((struct pm_slice){data, size}, form);
    REQUIRE(good == (size > 0 && size <= PM_FILE_NAME_SIZE));
    if (good) {
        REQUIRE(form[0] != '.' && strspn(form, "%abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
                                               "XYZ0123456789_-.") == strlen(form));
        REQUIRE(pm__store_name_decode(form, name, &len));
        REQUIRE(len == size && memcmp(name, data, size) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    REQUIRE(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    check_found(text);
    check_given(data, size);
    free(text);
    return 0;
}
