/* SPDX-License-Identifier: MIT */
/* Dot-stuffing against a byte-wise reference, at every cut, and SMTP smuggling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smtp/transitions.h"
#include "smtp_peer.h"

enum { TEXT_MAX = 65536 };

static struct smtp_peer peer;

struct text {
    size_t len;
    uint8_t bytes[TEXT_MAX];
};

/* A session at the point where the server has said 354. */
static void start_body(void)
{
    static const smtp_script script[] = {"S220 mx\r\n", "S250 mx\r\n", "S250 ok\r\n",
                                         "S250 ok\r\n", "S354 go\r\n", NULL};
    static struct smtp_setup setup;
    smtp_setup_default(&setup);
    setup.hold_body = true;
    smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 0, 64});
    smtp_peer_steps(&peer, script);
    assert_int_equal(peer.smtp.state, PM__SMTP_BODY);
}

static void put(struct text *text, uint8_t byte)
{
    assert_true(text->len < TEXT_MAX);
    text->bytes[text->len++] = byte;
}

/* What must leave, by the letter: line ends become CRLF, a dot at the start of a line is
 * doubled, the message ends in CRLF, then comes the final dot. */
static void reference(const uint8_t *in, size_t len, struct text *out)
{
    bool start = true;
    out->len = 0;
    for (size_t i = 0; i < len; i++) {
        if (in[i] == '\r' || in[i] == '\n') {
            i += in[i] == '\r' && i + 1 < len && in[i + 1] == '\n';
            put(out, '\r');
            put(out, '\n');
            start = true;
            continue;
        }
        if (start && in[i] == '.') {
            put(out, '.');
        }
        put(out, in[i]);
        start = false;
    }
    if (!start) {
        put(out, '\r');
        put(out, '\n');
    }
    put(out, '.');
    put(out, '\r');
    put(out, '\n');
}

static void end_body(struct text *out)
{
    struct pm_smtp_event event;
    const uint8_t *data;
    pm_smtp_body_end(&peer.smtp, peer.now);
    while (pm_smtp_next_event(&peer.smtp, &event, peer.now) != PM_SMTP_EV_NONE) {
        assert_int_equal(event.kind, PM_SMTP_EV_SENT);
        assert_int_equal(event.data.len, 1);
        assert_int_equal(event.data.ptr[0], '.');
    }
    size_t n = pm_smtp_output(&peer.smtp, &data);
    memcpy(out->bytes + out->len, data, n);
    out->len += n;
    pm_smtp_output_ack(&peer.smtp, n, peer.now);
}

/* Feeds `in` cut at `at` and in pieces of `piece`, with `room` bytes of output at a time. */
static void stuff(const uint8_t *in, size_t len, size_t at, size_t piece, size_t room,
                  struct text *out)
{
    size_t taken = 0;
    out->len = 0;
    start_body();
    while (taken < len) {
        size_t end = taken < at && at < len ? at : len;
        size_t n = end - taken < piece ? end - taken : piece;
        size_t used;
        size_t made = pm_smtp_body(&peer.smtp, in + taken, n, &used, out->bytes + out->len, room);
        assert_true(made <= room && used <= n && (used > 0 || made > 0));
        taken += used;
        out->len += made;
    }
    end_body(out);
}

static void expect(const uint8_t *in, size_t len, size_t at, size_t piece, size_t room)
{
    static struct text wanted;
    static struct text made;
    reference(in, len, &wanted);
    stuff(in, len, at, piece, room, &made);
    assert_int_equal(made.len, wanted.len);
    assert_memory_equal(made.bytes, wanted.bytes, wanted.len);
    smtp_peer_step(&peer, "S250 ok\r\n");
    assert_int_equal(peer.done, 1);
    assert_int_equal(peer.result.error, 0);
    assert_true(peer.result.graceful);
}

static void expect_at_every_cut(const char *text)
{
    size_t len = strlen(text);
    for (size_t at = 0; at <= len; at++) {
        expect((const uint8_t *)text, len, at, SIZE_MAX, 4096);
        expect((const uint8_t *)text, len, at, SIZE_MAX, 2);
        expect((const uint8_t *)text, len, at, 1, 3);
    }
}

static void test_bodies_at_every_cut(void **state)
{
    (void)state;
    static const char *const bodies[] = {"",
                                         "\r\n",
                                         ".",
                                         "..",
                                         ".\r\n",
                                         "..\r\n",
                                         "...\r\n.\r\n",
                                         "a",
                                         "a\r\n",
                                         ".a\r\n.b\r\n",
                                         "a\r\n.\r\nb\r\n",
                                         "a\r\n..\r\n",
                                         "a.\r\nb.c\r\n.",
                                         "\r\n.\r\n",
                                         "\r\n\r\n.\r\n\r\n",
                                         "one\r\ntwo\r\n.three\r\nfour",
                                         "a\r\n."};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        expect_at_every_cut(bodies[i]);
    }
}

/* Nothing of this must reach a server as an end of data. */
static void test_smuggling(void **state)
{
    (void)state;
    static const char *const bodies[] = {"a\n.\nb\r\n",         "a\n.\rb\r\n",   "a\n.\r\nb\r\n",
                                         "a\r.\r\nb\r\n",       "a\r\n.\rb\r\n", "a\r\n.\r\r\nb",
                                         "a\r\r\n.\r\r\nb\r\n", "a\r.\rb",       "a\r\n\r.\r\n\r\n",
                                         "a\n\r\n.\r\n",        "\n.\n",         "\r.\r",
                                         "a\r\n.\nMAIL FROM",   "a\r",           "a\n",
                                         "\r\r\r\n\n\n"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        expect_at_every_cut(bodies[i]);
    }
}

/* In what has left CR and LF come in pairs alone, and CRLF.CRLF once, at the end. */
static void check_wire(const struct text *out)
{
    unsigned ends = 0;
    for (size_t i = 0; i < out->len; i++) {
        const uint8_t *at = out->bytes + i;
        if (*at == '\n') {
            assert_true(i > 0 && at[-1] == '\r');
        }
        if (*at == '\r') {
            assert_true(i + 1 < out->len && at[1] == '\n');
        }
        if (out->len - i >= 5 && memcmp(at, "\r\n.\r\n", 5) == 0) {
            ends++;
            assert_int_equal(i + 5, out->len);
        }
    }
    if (out->len > 3) {
        assert_int_equal(ends, 1);
    }
}

/* All strings of up to seven characters that matter. */
static void test_all_short_bodies(void **state)
{
    (void)state;
    static const char alphabet[] = "\r\n.a";
    static struct text out;
    for (unsigned len = 0; len <= 7; len++) {
        for (unsigned n = 0; n < 1u << (2 * len); n++) {
            uint8_t body[8];
            for (unsigned i = 0; i < len; i++) {
                body[i] = (uint8_t)alphabet[n >> (2 * i) & 3u];
            }
            expect(body, len, n % 8, n % 3 + 1, n % 5 + 2);
            stuff(body, len, 0, SIZE_MAX, 64, &out);
            check_wire(&out);
        }
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void test_random_bodies(void **state)
{
    (void)state;
    static uint8_t body[TEXT_MAX / 4];
    uint32_t seed = 1;
    for (unsigned run = 0; run < 300; run++) {
        size_t len = next_random(&seed) % sizeof body;
        unsigned mix = run % 4 * 30 + 3;
        for (size_t i = 0; i < len; i++) {
            uint32_t r = next_random(&seed) % mix;
            body[i] = r < 4 ? (uint8_t) "\r\n.\n"[r] : (uint8_t)next_random(&seed);
            if (body[i] == '\n' && i > 0 && run % 2 == 0) {
                body[i - 1] = '\r';
            }
        }
        expect(body, len, next_random(&seed) % (len + 1), next_random(&seed) % 500 + 1,
               next_random(&seed) % 3000 + 2);
    }
}

static void test_long_lines(void **state)
{
    (void)state;
    static uint8_t body[30000];
    memset(body, '.', sizeof body);
    expect(body, sizeof body, 998, 1000, 999);
    memset(body, 'x', sizeof body);
    memcpy(body + 998, "\r\n.", 3);
    memcpy(body + 2000, "\r\n", 2);
    expect(body, sizeof body, 999, 4096, 4096);
    expect(body, sizeof body, 1000, 4096, 4096);
}

/* All byte values pass unchanged. */
static void test_all_bytes(void **state)
{
    (void)state;
    uint8_t body[512];
    for (size_t i = 0; i < 256; i++) {
        body[i] = (uint8_t)i;
        body[511 - i] = (uint8_t)i;
    }
    expect(body, sizeof body, 100, 7, 9);
}

static void test_only_in_the_body(void **state)
{
    (void)state;
    struct smtp_setup setup;
    uint8_t out[8];
    size_t used = 7;
    const uint8_t *data;
    smtp_setup_default(&setup);
    smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 0, 64});
    assert_int_equal(pm_smtp_body(&peer.smtp, (const uint8_t *)"a", 1, &used, out, sizeof out), 0);
    assert_int_equal(used, 0);
    pm_smtp_body_end(&peer.smtp, 0);
    assert_int_equal(pm_smtp_output(&peer.smtp, &data), 0);
    start_body();
    assert_int_equal(pm_smtp_body(&peer.smtp, (const uint8_t *)"", 0, &used, out, sizeof out), 0);
    assert_int_equal(used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies_at_every_cut), cmocka_unit_test(test_smuggling),
        cmocka_unit_test(test_all_short_bodies),    cmocka_unit_test(test_random_bodies),
        cmocka_unit_test(test_long_lines),          cmocka_unit_test(test_all_bytes),
        cmocka_unit_test(test_only_in_the_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
