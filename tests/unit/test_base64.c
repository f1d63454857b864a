/* SPDX-License-Identifier: MIT */
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* RFC 4648 section 10. */
static const struct {
    const char *plain;
    const char *encoded;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static void encodes_the_rfc_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t out[16];
        size_t n = strlen(vectors[i].plain);
        size_t len = pm__base64_encode(out, (const uint8_t *)vectors[i].plain, n);
        assert_int_equal(len, strlen(vectors[i].encoded));
        assert_int_equal(len, PM__BASE64_SIZE(n));
        assert_memory_equal(out, vectors[i].encoded, len);
    }
}

static void decodes_the_rfc_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t out[6];
        size_t len = 99;
        size_t want = strlen(vectors[i].plain);
        const char *in = vectors[i].encoded;
        assert_true(pm__base64_decode((const uint8_t *)in, strlen(in), out, want, &len));
        assert_int_equal(len, want);
        assert_memory_equal(out, vectors[i].plain, len);
        if (want > 0) {
            assert_false(pm__base64_decode((const uint8_t *)in, strlen(in), out, want - 1, &len));
        }
    }
}

static void uses_the_whole_alphabet(void **state)
{
    (void)state;
    const char *alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t bytes[48];
    uint8_t again[64];
    size_t len = 0;
    assert_true(pm__base64_decode((const uint8_t *)alphabet, 64, bytes, sizeof bytes, &len));
    assert_int_equal(len, 48);
    assert_int_equal(pm__base64_encode(again, bytes, 48), 64);
    assert_memory_equal(again, alphabet, 64);
}

static void refuses_what_is_not_strict(void **state)
{
    (void)state;
    const char *bad[] = {"Z",    "Zg",    "Zg=",  "Zg==Zg==", "====",     "Z===",    "=AAA",
                         "A=AA", "AA=A",  "Zh==", "Zm9=",     "Zm9v\r\n", "Zm 9",    "Zm9-",
                         "Zm9_", "Zm9v=", "*",    "AAAA*",    "Zg==A",    "AAA\xff", "\200AAA"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t out[16];
        size_t len = 99;
        assert_false(
            pm__base64_decode((const uint8_t *)bad[i], strlen(bad[i]), out, sizeof out, &len));
        assert_int_equal(len, 0);
    }
}

static void decodes_in_place(void **state)
{
    (void)state;
    uint8_t buffer[] = "Zm9vYmFy";
    size_t len = 0;
    assert_true(pm__base64_decode(buffer, 8, buffer, sizeof buffer, &len));
    assert_int_equal(len, 6);
    assert_memory_equal(buffer, "foobar", 6);
}

/* An independent way to the same lines: character by character. */
static size_t slow_lines(uint8_t *out, const uint8_t *in, size_t n)
{
    size_t len = 0;
    for (size_t at = 0; at < n; at += 57) {
        size_t rest = n - at < 57 ? n - at : 57;
        len += pm__base64_encode(out + len, in + at, rest);
        out[len++] = '\r';
        out[len++] = '\n';
    }
    return len;
}

static void breaks_lines_at_76(void **state)
{
    (void)state;
    for (size_t n = 0; n < 600; n++) {
        /* Blocks of exactly the size let the sanitizer see a byte too far. */
        uint8_t *in = malloc(n + 1);
        size_t size = (size_t)pm__base64_lines_size(n);
        uint8_t *out = malloc(size + 1);
        uint8_t want[1000];
        assert_non_null(in);
        assert_non_null(out);
        for (size_t i = 0; i < n; i++) {
            in[i + 1] = (uint8_t)(i * 151 + n);
        }
        assert_int_equal(pm__base64_lines(out + 1, in + 1, n), size);
        assert_int_equal(slow_lines(want, in + 1, n), size);
        assert_memory_equal(out + 1, want, size);
        free(in);
        free(out);
    }
}

static void sizes_of_large_texts(void **state)
{
    (void)state;
    assert_true(pm__base64_lines_size(0) == 0);
    assert_true(pm__base64_lines_size(1) == 6);
    assert_true(pm__base64_lines_size(57) == 78);
    assert_true(pm__base64_lines_size(58) == 84);
    assert_true(pm__base64_lines_size(57ull << 40) == 78ull << 40);
}

/* A secret is found in base64 whatever stands around it, at every alignment of both. */
static void finds_what_base64_holds(void **state)
{
    (void)state;
    static const uint8_t secret[] = "p\xc3\xa4ss w";
    const size_t m = sizeof secret - 1;
    for (size_t before = 0; before < 7; before++) {
        for (size_t behind = 0; behind < 4; behind++) {
            for (size_t text = 0; text < 5; text++) {
                uint8_t plain[32];
                uint8_t line[80];
                memset(plain, 'x', sizeof plain);
                memcpy(plain + before, secret, m);
                memcpy(line, "250 A", 5);
                size_t n = text + pm__base64_encode(line + text, plain, before + m + behind);
                assert_true(pm__base64_holds(line, n, secret, m));
                assert_false(pm__base64_holds(line, n, (const uint8_t *)"p\xc3\xa4ss v", m));
                /* Without its last byte it is not there. */
                size_t most = text + (before + m) * 4 / 3;
                assert_false(pm__base64_holds(line, most - 1, secret, m));
            }
        }
    }
    assert_false(pm__base64_holds((const uint8_t *)"YWJj", 4, secret, 0));
    assert_false(pm__base64_holds(NULL, 0, secret, m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_the_rfc_vectors), cmocka_unit_test(decodes_the_rfc_vectors),
        cmocka_unit_test(uses_the_whole_alphabet), cmocka_unit_test(refuses_what_is_not_strict),
        cmocka_unit_test(decodes_in_place),        cmocka_unit_test(breaks_lines_at_76),
        cmocka_unit_test(sizes_of_large_texts),    cmocka_unit_test(finds_what_base64_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
