/* SPDX-License-Identifier: MIT */
/*
 * What a hostile server may say, as tables: a wrong code in answer to each command of the session's
 * beginning, every mix of replies to three recipients, and replies that end anywhere. The cases are
 * written by a rule each and played like those of tests/hostile/.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hostile.h"

enum { SCRIPT_SIZE = 1 << 20 };

static char script[SCRIPT_SIZE];
static size_t script_len;

__attribute__((format(printf, 1, 2))) static void write_line(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(script + script_len, sizeof script - script_len - 1, format, arguments);
    va_end(arguments);
    assert_true(n >= 0 && (size_t)n < sizeof script - script_len - 1);
    script_len += (size_t)n;
    script[script_len++] = '\n';
    script[script_len] = '\0';
}

static void play_script(const char *name, unsigned wanted,
                        void (*play)(const struct hostile_case *))
{
    unsigned before = hostile_cases();
    hostile_read(name, script, play);
    assert_int_equal(hostile_cases() - before, wanted);
    script_len = 0;
}

/* Table 2 of the manual, as far as these codes go; others are 660. */
static unsigned error_of(unsigned code)
{
    static const unsigned errors[][2] = {{421, 666}, {450, 667}, {451, 668}, {452, 669},
                                         {500, 670}, {501, 671}, {502, 672}, {504, 674},
                                         {530, 676}, {550, 678}, {554, 682}};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (errors[i][0] == code) {
            return errors[i][1];
        }
    }
    return 660;
}

/* ---- A wrong code for each command of the beginning ---- */

enum stage { GREETING, EHLO, HELO, STARTTLS, RSET, QUIT, STAGES };

static const char *const stage_names[STAGES] = {"greeting", "ehlo", "helo",
                                                "starttls", "rset", "quit"};

/* Any refusal that no other command follows, and what is no answer at all. */
static void end_refused(unsigned code)
{
    if (code == 354) {
        write_line("end 660 0 drop");
    } else {
        write_line("end %u %u %s", error_of(code), code, code == 421 ? "drop" : "quit");
    }
}

/* Greeted without an extension: in clear the mail goes, and never where TLS was asked for. */
static void end_greeted(bool tls)
{
    if (tls) {
        write_line("end 665 0 quit");
    } else {
        write_line("use rest\nend 0 0 quit");
    }
}

static void greeting(unsigned code, bool tls)
{
    write_line("S %u mx.example", code);
    if (code / 100 != 2) {
        end_refused(code);
        return;
    }
    write_line("C EHLO module.example\nS 250 mx.example");
    end_greeted(tls);
}

static void ehlo(unsigned code, bool tls)
{
    write_line("use banner\nS %u what", code);
    if (code / 100 == 5) {
        write_line("C HELO module.example\nS 250 mx.example");
    } else if (code / 100 != 2) {
        end_refused(code);
        return;
    }
    end_greeted(tls);
}

static void helo(unsigned code, bool tls)
{
    write_line("use banner\nS 502 what\nC HELO module.example\nS %u what", code);
    if (code / 100 != 2) {
        end_refused(code);
    } else {
        end_greeted(tls);
    }
}

static void starttls(unsigned code, bool tls)
{
    if (!tls) { /* offered, and not wanted */
        write_line("use banner\nS 250-mx.example\nS 250 STARTTLS\nuse rest\nend 0 0 quit");
    } else if (code / 100 == 2) {
        write_line("use offer\nS %u go\nTLS\nC EHLO module.example\nS 250 mx", code);
        write_line("use rest\nend 0 0 quit");
    } else if (code == 354) {
        write_line("use offer\nS 354 go\nend 665 0 drop");
    } else {
        write_line("use offer\nS %u no\nend 665 %u %s", code, code, code == 421 ? "drop" : "quit");
    }
}

/* We say no RSET: what looks like its answer comes unasked, behind the answer to EHLO. */
static void rset(unsigned code, bool tls)
{
    write_line("set race\nuse banner\nS 250-mx.example\nS 250 STARTTLS\nS %u reset", code);
    if (code < 400) {
        write_line("end 660 0 drop");
    } else {
        write_line("end %u %u drop", error_of(code), code);
    }
    (void)tls;
}

/* Nor does it matter what is said to QUIT. */
static void quit(unsigned code, bool tls)
{
    write_line("%s", tls ? "use tls" : "use banner");
    write_line("S 250 mx.example\nuse rest\nS %u bye\nend 0 0 quit", code);
}

static void test_codes_of_the_beginning(void **state)
{
    static const unsigned codes[] = {220, 221, 354, 421, 454, 500, 501, 502, 504, 530, 550, 554};
    static void (*const stages[STAGES])(unsigned, bool) = {greeting, ehlo, helo,
                                                           starttls, rset, quit};
    enum { CODES = sizeof codes / sizeof codes[0] };
    (void)state;
    for (unsigned i = 0; i < STAGES * CODES * 2; i++) {
        unsigned code = codes[i / 2 % CODES];
        bool tls = i % 2 != 0;
        write_line("case TABLE.%s-%u-%s", stage_names[i / 2 / CODES], code, tls ? "tls" : "clear");
        write_line("set account\nset never\nset tls %s", tls ? "starttls" : "clear");
        stages[i / 2 / CODES](code, tls);
    }
    play_script("codes of the beginning", STAGES * CODES * 2, hostile_play);
}

/* ---- Three recipients ---- */

static const unsigned replies[] = {250, 251, 252, 450, 452, 550};

enum { REPLIES = sizeof replies / sizeof replies[0], MIXES = REPLIES * REPLIES * REPLIES };

struct mix {
    unsigned codes[3];
    unsigned accepted;
    unsigned first; /* the first refusal, or 0 */
};

static struct mix mix_of(unsigned number)
{
    struct mix mix = {{replies[number / (REPLIES * REPLIES)], replies[number / REPLIES % REPLIES],
                       replies[number % REPLIES]},
                      0,
                      0};
    for (size_t i = 0; i < 3; i++) {
        bool accepted = mix.codes[i] < 300;
        mix.accepted += accepted ? 1U : 0U;
        mix.first = mix.first == 0 && !accepted ? mix.codes[i] : mix.first;
    }
    return mix;
}

/* All replies of the group are read; what happens then depends on the answer to DATA. */
static void grouped(const struct mix *mix, bool any)
{
    write_line("use group\nS 250 ok\nS %u a\nS %u b\nS %u c", mix->codes[0], mix->codes[1],
               mix->codes[2]);
    if (mix->accepted == 0) {
        write_line("S 554 nobody\nend %u %u quit", error_of(mix->first), mix->first);
    } else if (mix->first != 0 && !any) {
        write_line("S 354 go\nend %u %u drop", error_of(mix->first), mix->first);
    } else {
        write_line("S 354 go\nMESSAGE\nS 250 queued\nend 0 0 quit");
    }
}

static void in_lock_step(const struct mix *mix, bool any)
{
    write_line("use greeting\nS 250 ok");
    for (unsigned i = 0; i < 3; i++) {
        write_line("C RCPT TO:<r%u@example.net>\nS %u r", i, mix->codes[i]);
        if (mix->codes[i] >= 300 && !any) {
            write_line("end %u %u quit", error_of(mix->first), mix->first);
            return;
        }
    }
    if (mix->accepted == 0) {
        write_line("end %u %u quit", error_of(mix->first), mix->first);
    } else {
        write_line("C DATA\nS 354 go\nMESSAGE\nS 250 queued\nend 0 0 quit");
    }
}

static void play_some(const struct hostile_case *c)
{
    hostile_play_step(c, 29);
}

/* One code for each class of replies. */
static bool is_of_classes(const struct mix *mix)
{
    for (size_t i = 0; i < 3; i++) {
        if (mix->codes[i] != 250 && mix->codes[i] != 450 && mix->codes[i] != 550) {
            return false;
        }
    }
    return true;
}

/* Returns how many cases were written. */
static unsigned write_mix(const struct mix *mix)
{
    enum { WAYS = 4 };
    for (unsigned i = 0; i < WAYS; i++) {
        bool any = i % 2 != 0;
        bool group = i / 2 != 0;
        write_line("case RCPT.%u-%u-%u-%s-%s\nset recipients 3", mix->codes[0], mix->codes[1],
                   mix->codes[2], any ? "any" : "all", group ? "group" : "lock-step");
        if (any) {
            write_line("set any");
        }
        (group ? grouped : in_lock_step)(mix, any);
    }
    return WAYS;
}

/* With every cut where the classes differ, with some where the codes alone do. */
static void test_recipients(void **state)
{
    (void)state;
    for (unsigned pass = 0; pass < 2; pass++) {
        bool every = pass == 0;
        unsigned written = 0;
        for (unsigned i = 0; i < MIXES; i++) {
            struct mix mix = mix_of(i);
            written += is_of_classes(&mix) == every ? write_mix(&mix) : 0;
        }
        play_script("recipients", written, every ? hostile_play : play_some);
    }
}

/* ---- Replies that end anywhere ---- */

/* The first `len` bytes of a reply, as a step. */
static void write_prefix(const char *reply, size_t len)
{
    char text[128] = "";
    for (size_t i = 0; i < len; i++) {
        size_t at = strlen(text);
        (void)snprintf(text + at, sizeof text - at, "\\x%02x", (unsigned)(uint8_t)reply[i]);
    }
    write_line("s %s", text);
}

static void test_prefixes(void **state)
{
    static const struct {
        const char *before, *reply;
        unsigned seconds;
        const char *known;
    } places[] = {
        {"", "220-mx\r\n220 ESMTP\r\n", 300, ""},
        {"use banner", "250-mx\r\n250 STARTTLS\r\n", 300, ""},
        {"use greeting", "550-5.1.0 no\r\n550 no\r\n", 300, ""},
        {"use content", "250-2.0.0 queued\r\n250 as 17\r\n", 600, "unknown"},
        {"use chunk\nMESSAGE", "250-2.0.0 queued\r\n250 as 17\r\n", 600, "unknown"},
    };
    unsigned written = 0;
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        size_t whole = strlen(places[i].reply);
        for (size_t len = 0; len < whole; len++) {
            for (unsigned closed = 0; closed < 2; closed++) {
                write_line("case PREFIX.%zu-%zu-%s", i, len, closed != 0 ? "closed" : "silent");
                write_line("%s", places[i].before);
                write_prefix(places[i].reply, len);
                if (closed != 0) {
                    write_line("CLOSE\nend 656 0 drop %s", places[i].known);
                } else {
                    write_line("WAIT %u\nend 658 0 drop %s", places[i].seconds, places[i].known);
                }
                written++;
            }
        }
    }
    play_script("prefixes", written, hostile_play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_of_the_beginning),
        cmocka_unit_test(test_recipients),
        cmocka_unit_test(test_prefixes),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)printf("%u cases, %u runs\n", hostile_cases(), hostile_runs());
    return failed;
}
