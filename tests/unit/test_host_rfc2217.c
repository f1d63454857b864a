/* SPDX-License-Identifier: MIT */
/* The filter of RFC 2217: what a host sends, byte by byte, and what it is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "host/rfc2217.h"

struct rig {
    struct pm_rfc2217 *filter;
    uint32_t present; /* speed */
    size_t len;
    char log[8192]; /* everything in order: bytes for the port as they are, the rest in <> */
    size_t wire_len;
    uint8_t wire[4096];
};

static void note(struct rig *rig, const char *text)
{
    size_t len = strlen(text);
    assert_true(rig->len + len < sizeof rig->log);
    memcpy(rig->log + rig->len, text, len + 1);
    rig->len += len;
}

static void wire(void *user, const uint8_t *data, size_t len)
{
    struct rig *rig = user;
    assert_true(rig->wire_len + len <= sizeof rig->wire);
    memcpy(rig->wire + rig->wire_len, data, len);
    rig->wire_len += len;
}

static void data(void *user, const uint8_t *bytes, size_t len)
{
    char text[8];
    for (size_t i = 0; i < len; i++) {
        bool plain = bytes[i] >= ' ' && bytes[i] < 0x7F;
        snprintf(text, sizeof text, plain ? "%c" : "\\%02X", bytes[i]);
        note(user, text);
    }
}

static uint32_t speed(void *user, uint32_t wanted)
{
    struct rig *rig = user;
    char text[32];
    snprintf(text, sizeof text, "<speed %u>", wanted);
    note(rig, text);
    if (wanted == 9600 || wanted == 0xFF00FFFF) {
        rig->present = wanted;
    }
    return rig->present;
}

static void dtr(void *user, bool on)
{
    note(user, on ? "<dtr on>" : "<dtr off>");
}

static void rts(void *user, bool on)
{
    note(user, on ? "<rts on>" : "<rts off>");
}

static void suspend(void *user, bool on)
{
    note(user, on ? "<suspend>" : "<resume>");
}

static void purge(void *user)
{
    note(user, "<purge>");
}

static void begin(struct rig *rig)
{
    const struct pm_rfc2217_owner owner = {rig, wire, data, speed, dtr, rts, suspend, purge};
    memset(rig, 0, sizeof *rig);
    rig->present = 115200;
    rig->filter = pm_rfc2217_new(&owner);
    assert_non_null(rig->filter);
}

static void end(struct rig *rig)
{
    pm_rfc2217_free(rig->filter);
}

/* Receives bytes, `step` at a time, and checks that no call does two things. */
static void receive(struct rig *rig, const uint8_t *bytes, size_t len, size_t step)
{
    while (len > 0) {
        size_t n = len < step ? len : step;
        size_t wire_len = rig->wire_len;
        size_t taken = pm_rfc2217_receive(rig->filter, bytes, n);
        assert_in_range(taken, 1, n);
        assert_in_range(rig->wire_len - wire_len, 0, PM_RFC2217_REPLY);
        bytes += taken;
        len -= taken;
    }
}

#define RECEIVE(rig, text) receive((rig), (const uint8_t *)(text), sizeof(text) - 1, 1000)

/* What was sent since the last time. */
#define SENT(rig, text)                                           \
    do {                                                          \
        assert_int_equal((rig)->wire_len, sizeof(text) - 1);      \
        assert_memory_equal((rig)->wire, text, sizeof(text) - 1); \
        (rig)->wire_len = 0;                                      \
    } while (0)

#define WILL_COM_PORT "\xFF\xFB\x2C"
#define SB            "\xFF\xFA\x2C"
#define SE            "\xFF\xF0"

/* A host that has agreed on everything. */
static void begin_agreed(struct rig *rig)
{
    begin(rig);
    RECEIVE(rig, "\xFF\xFB\x00" WILL_COM_PORT);
    rig->wire_len = 0;
}

static void it_greets_and_agrees(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    const struct pm_rfc2217_signals signals = {.dsr = true, .cts = true};
    assert_false(pm_rfc2217_show(rig.filter, &signals));
    pm_rfc2217_greet(rig.filter);
    SENT(&rig, "\xFF\xFB\x2C\xFF\xFD\x00\xFF\xFB\x00\xFF\xFB\x03\xFF\xFB\x01");
    /* The answers to what was offered are not answered again... */
    RECEIVE(&rig, "\xFF\xFB\x00\xFF\xFD\x00\xFF\xFD\x03\xFF\xFD\x01");
    SENT(&rig, "");
    /* ... and the signals come with the option, however it was agreed upon. */
    RECEIVE(&rig, "\xFF\xFD\x2C");
    SENT(&rig, SB "\x6B\x30" SE);
    RECEIVE(&rig, WILL_COM_PORT);
    SENT(&rig, "\xFF\xFD\x2C");
    end(&rig);
}

static void other_options_are_refused(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    RECEIVE(&rig, "\xFF\xFB\x18\xFF\xFD\x56\xFF\xFB\x56\xFF\xFD\x27\xFF\xFB\x01");
    SENT(&rig, "\xFF\xFE\x18\xFF\xFC\x56\xFF\xFE\x56\xFF\xFC\x27\xFF\xFE\x01");
    end(&rig);
}

/* libtelnet would inflate, count and split these, negotiated or not. */
static void their_subnegotiations_are_not_looked_at(void **state)
{
    (void)state;
    struct rig rig;
    begin_agreed(&rig);
    RECEIVE(&rig, "a\xFF\xFA\x56" SE "b\xFF\xFA\x18" SE "c\xFF\xFA\x27\x00\x00\x00" SE
                  "d\xFF\xFA\x5D" SE "e\xFF\xFA\x46\x01x\x02" SE "f\xFF\xFA\xFFx" SE "g");
    SENT(&rig, "");
    assert_string_equal(rig.log, "abcdefg");
    end(&rig);
}

static void all_bytes_come_through(void **state)
{
    (void)state;
    for (size_t step = 1; step < 5; step++) {
        struct rig rig;
        struct rig other;
        uint8_t bytes[256];
        char before[8192];
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = (uint8_t)i;
        }
        begin_agreed(&rig);
        begin_agreed(&other);
        data(&rig, bytes, sizeof bytes);
        memcpy(before, rig.log, sizeof before);
        pm_rfc2217_send(rig.filter, bytes, sizeof bytes);
        assert_int_equal(rig.wire_len, 257);
        receive(&other, rig.wire, rig.wire_len, step);
        assert_string_equal(other.log, before);
        end(&rig);
        end(&other);
    }
}

/* Without binary transmission CR NUL is a line end of telnet's. */
static void a_telnet_client_may_send_cr_nul(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    RECEIVE(&rig, "AT\r");
    receive(&rig, (const uint8_t *)"\0AT\r\nAT\r\0\0", 10, 1);
    assert_string_equal(rig.log, "AT\\0DAT\\0D\\0AAT\\0D\\00");
    RECEIVE(&rig, "\r\xFF\xFB\x00"
                  "\0\r\0");
    assert_string_equal(rig.log, "AT\\0DAT\\0D\\0AAT\\0D\\00\\0D\\00\\0D\\00");
    end(&rig);
}

static void commands_need_the_option(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    RECEIVE(&rig, SB "\x05\x09" SE SB "\x01\x00\x00\x25\x80" SE);
    SENT(&rig, "");
    assert_string_equal(rig.log, "");
    end(&rig);
}

static void the_signature(void **state)
{
    (void)state;
    struct rig rig;
    begin_agreed(&rig);
    RECEIVE(&rig, SB "\x00" SE);
    SENT(&rig, SB "\x64Postmodem " PM_VERSION SE);
    RECEIVE(&rig, SB "\x00host's" SE);
    SENT(&rig, "");
    end(&rig);
}

static void the_speed(void **state)
{
    (void)state;
    struct rig rig;
    begin_agreed(&rig);
    RECEIVE(&rig, SB "\x01\x00\x00\x00\x00" SE);
    SENT(&rig, SB "\x65\x00\x01\xC2\x00" SE);
    RECEIVE(&rig, SB "\x01\x00\x00\x25\x80" SE);
    SENT(&rig, SB "\x65\x00\x00\x25\x80" SE);
    /* What the module does not have is answered with what holds. */
    RECEIVE(&rig, SB "\x01\x00\x00\x12\xC1" SE);
    SENT(&rig, SB "\x65\x00\x00\x25\x80" SE);
    /* 255 in a number is escaped in both directions. */
    RECEIVE(&rig, SB "\x01\xFF\xFF\x00\xFF\xFF\xFF\xFF" SE);
    SENT(&rig, SB "\x65\xFF\xFF\x00\xFF\xFF\xFF\xFF" SE);
    RECEIVE(&rig, SB "\x01\x00\x25\x80" SE SB "\x01" SE SB "\x01\x00\x00\x25\x80\x00" SE);
    SENT(&rig, "");
    end(&rig);
}

static void the_format_is_8n1(void **state)
{
    (void)state;
    struct rig rig;
    begin_agreed(&rig);
    for (int value = 0; value < 20; value++) {
        for (uint8_t command = 2; command <= 4; command++) {
            const uint8_t bytes[] = {0xFF, 0xFA, 0x2C, command, (uint8_t)value, 0xFF, 0xF0};
            receive(&rig, bytes, sizeof bytes, 100);
        }
        SENT(&rig, SB "\x66\x08" SE SB "\x67\x01" SE SB "\x68\x01" SE);
    }
    end(&rig);
}

/* One row per SET-CONTROL: value, answer, in this order. */
static void controls(void **state)
{
    (void)state;
    static const uint8_t rows[][2] = {
        {7, 8},   {9, 9},   {7, 9},   {8, 8},   {7, 8},   /* DTR */
        {10, 11}, {12, 12}, {10, 12}, {11, 11}, {10, 11}, /* RTS */
        {4, 6},   {5, 5},   {4, 5},   {6, 6},   {4, 6},   /* break */
        {0, 1},   {13, 14}, {3, 3},   {0, 3},   {13, 16}, /* both directions */
        {14, 14}, {0, 3},   {13, 14}, {16, 16}, {13, 16}, /* inbound alone */
        {2, 3},   {15, 16}, {17, 3},  {18, 16}, {19, 3},  /* refused */
        {1, 1},   {0, 1},   {13, 14}, {2, 1},   {15, 14},
    };
    struct rig rig;
    begin_agreed(&rig);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint8_t command[] = {0xFF, 0xFA, 0x2C, 5, rows[i][0], 0xFF, 0xF0};
        const uint8_t answer[] = {0xFF, 0xFA, 0x2C, 105, rows[i][1], 0xFF, 0xF0};
        receive(&rig, command, sizeof command, 100);
        assert_int_equal(rig.wire_len, sizeof answer);
        assert_memory_equal(rig.wire, answer, sizeof answer);
        rig.wire_len = 0;
    }
    assert_string_equal(rig.log, "<dtr off><dtr on><rts off><rts on>");
    RECEIVE(&rig, SB "\x05\x14" SE SB "\x05\xFF\xFF" SE SB "\x05" SE SB "\x05\x09\x09" SE);
    SENT(&rig, "");
    end(&rig);
}

static void order_is_kept(void **state)
{
    (void)state;
    for (size_t step = 1; step < 40; step++) {
        struct rig rig;
        begin_agreed(&rig);
        static const uint8_t bytes[] = "body" SB "\x05\x09" SE "more" SB "\x08" SE "\xFF\xFFx" SB
                                       "\x09" SE SB "\x0C\x01" SE "end";
        receive(&rig, bytes, sizeof bytes - 1, step);
        assert_string_equal(rig.log, "body<dtr off>more<suspend>\\FFx<resume><purge>end");
        end(&rig);
    }
}

static void text_is_told_from_commands(void **state)
{
    (void)state;
    static const uint8_t bytes[] = "a\xFF\xFF\xFF\xF6" SB "x" SE "\xFF\xFB\x18z";
    static const char told[] = "yyynnnnnnnnnnny";
    _Static_assert(sizeof told == sizeof bytes, "one letter per byte");
    struct rig rig;
    begin_agreed(&rig);
    for (size_t at = 0; at < sizeof bytes - 1; at++) {
        bool text = pm_rfc2217_text(rig.filter, bytes + at, sizeof bytes - 1 - at);
        assert_int_equal(text, told[at] == 'y');
        receive(&rig, bytes + at, 1, 1);
    }
    assert_false(pm_rfc2217_text(rig.filter, bytes, 0));
    assert_string_equal(rig.log, "a\\FFz");
    end(&rig);
}

static void purging(void **state)
{
    (void)state;
    struct rig rig;
    begin_agreed(&rig);
    RECEIVE(&rig, SB "\x0C\x01" SE SB "\x0C\x02" SE SB "\x0C\x03" SE);
    SENT(&rig, SB "\x70\x01" SE SB "\x70\x02" SE SB "\x70\x03" SE);
    assert_string_equal(rig.log, "<purge><purge>");
    RECEIVE(&rig, SB "\x0C\x00" SE SB "\x0C\x04" SE);
    SENT(&rig, "");
    end(&rig);
}

static void signals_are_told(void **state)
{
    (void)state;
    struct rig rig;
    begin_agreed(&rig);
    struct pm_rfc2217_signals signals = {.dsr = true, .cts = true};
    assert_true(pm_rfc2217_show(rig.filter, &signals));
    SENT(&rig, SB "\x6B\x33" SE);
    assert_false(pm_rfc2217_show(rig.filter, &signals));
    signals.dcd = true;
    assert_true(pm_rfc2217_show(rig.filter, &signals));
    SENT(&rig, SB "\x6B\xB8" SE);
    /* A host that polls. */
    RECEIVE(&rig, SB "\x07" SE SB "\x06" SE);
    SENT(&rig, SB "\x6B\xB0" SE SB "\x6A\x00" SE);
    /* One that wants to know of DCD only. */
    RECEIVE(&rig, SB "\x0B\x80" SE SB "\x0A\xFF\xFF" SE SB "\x06" SE);
    SENT(&rig, SB "\x6F\x80" SE SB "\x6E\xFF\xFF" SE SB "\x6A\x60" SE);
    signals.cts = false;
    assert_false(pm_rfc2217_show(rig.filter, &signals));
    signals.dcd = false;
    assert_true(pm_rfc2217_show(rig.filter, &signals));
    SENT(&rig, SB "\x6B\x00" SE);
    end(&rig);
}

static void what_makes_no_sense_is_passed_over(void **state)
{
    (void)state;
    struct rig rig;
    uint8_t flood[70000];
    begin_agreed(&rig);
    RECEIVE(&rig, SB SE SB "\x0D" SE SB "\x63\x01" SE SB "\x6B\x01" SE "\xFF\xF6\xFF\xF1\xFF\xF0");
    /* A command that breaks off in another one. */
    RECEIVE(&rig, SB "\x01\x00" SB "\x05\x09" SE "a");
    assert_string_equal(rig.log, "<dtr off>a");
    rig.wire_len = 0;
    /* One without end, which hides no other. */
    memset(flood, 'x', sizeof flood);
    RECEIVE(&rig, SB "\x00");
    receive(&rig, flood, sizeof flood, 4096);
    RECEIVE(&rig, SE "b");
    assert_string_equal(rig.log, "<dtr off>ab");
    SENT(&rig, "");
    end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_greets_and_agrees),
        cmocka_unit_test(other_options_are_refused),
        cmocka_unit_test(their_subnegotiations_are_not_looked_at),
        cmocka_unit_test(all_bytes_come_through),
        cmocka_unit_test(a_telnet_client_may_send_cr_nul),
        cmocka_unit_test(commands_need_the_option),
        cmocka_unit_test(the_signature),
        cmocka_unit_test(the_speed),
        cmocka_unit_test(the_format_is_8n1),
        cmocka_unit_test(controls),
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test(text_is_told_from_commands),
        cmocka_unit_test(purging),
        cmocka_unit_test(signals_are_told),
        cmocka_unit_test(what_makes_no_sense_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
