/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a domain name. A name in ASCII is its own; any other becomes one of letters, digits,
 * hyphens, underscores and dots, in labels that fit DNS, or none at all; and what was made stays.
 */
#include "harness.h"
#include "host/idna.h"

enum { OUT_SIZE = 300, LABEL_MOST = 63 };

static bool is_ascii(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static void check_name(const char *name, size_t len)
{
    size_t label = 0;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("-_.", c) != NULL;
        REQUIRE(good && c != '\0');
        label = c == '.' ? 0 : label + 1;
        REQUIRE(label <= LABEL_MOST);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char out[OUT_SIZE];
    char again[OUT_SIZE];
    char few[8];
    uint8_t *copy = malloc(size > 0 ? size : 1);
    REQUIRE(copy != NULL);
    memcpy(copy, data, size);
    struct pm_slice name = {copy, size};
    size_t len = pm_idna_ascii(name, out, sizeof out);
    bool ascii = is_ascii(data, size);
    bool whole = size > 0 && memchr(data, 0, size) == NULL;
    REQUIRE(len < sizeof out && (len == 0 || strlen(out) == len));
    if (ascii) {
        REQUIRE(len == (whole && size < sizeof out ? size : 0));
        REQUIRE(memcmp(out, data, len) == 0);
    } else if (len > 0) {
        REQUIRE(whole);
        check_name(out, len);
        REQUIRE(pm_idna_ascii(slice_of(out), again, sizeof again) == len);
        REQUIRE(strcmp(out, again) == 0);
    }
    REQUIRE(pm_idna_ascii(name, few, sizeof few) == (len < sizeof few ? len : 0));
    free(copy);
    return 0;
}
