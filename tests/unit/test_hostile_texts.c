/* SPDX-License-Identifier: MIT */
/*
 * What a host may type into the texts of a mail: bytes that end a line, or look like it, in every
 * text that there is. Each is refused with an AT error, or leaves encoded: the commands and header
 * fields on the wire are those of an innocent mail, and no control byte is among them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "talk.h"

static const struct bad {
    const char *name, *bytes;
    size_t len;
    bool passes; /* a text of the host's may hold it: it is encoded then */
} bads[] = {
    {"CR", "\r", 1, false},
    {"LF", "\n", 1, false},
    {"CRLF", "\r\n", 2, false},
    {"a header", "\r\nBcc: eve@example.com\r\n", 24, false},
    {"a command", "\nRCPT TO:<eve@example.com>\n", 27, false},
    {"an end", "\r\n.\r\n", 5, false},
    {"NUL", "\0", 1, false},
    {"DEL, which deletes the byte before it", "\x7f", 1, true},
    {"escape", "\x1b[2J", 4, false},
    {"NEL (U+0085)", "\xc2\x85", 2, true},
    {"line separator (U+2028)", "\xe2\x80\xa8", 3, true},
    {"paragraph separator (U+2029)", "\xe2\x80\xa9", 3, true},
    {"a lone surrogate", "\xed\xa0\x80", 3, true},
    {"an overlong LF", "\xc0\x8a", 2, true},
    {"an encoded-word", "=?utf-8?B?DQpCY2M6IGU=?=", 24, true},
};

/* Each a command up to the text, and what follows it. */
static const struct field {
    const char *name, *before, *after;
} fields[] = {
    {"user", "AT+QSMTPCFG=\"account\",\"us", "er\",\"password\"\r"},
    {"password", "AT+QSMTPCFG=\"account\",\"user\",\"pass", "word\"\r"},
    {"sender's name", "AT+QSMTPCFG=\"sender\",\"Pump", "7\",\"module@example.com\"\r"},
    {"sender", "AT+QSMTPCFG=\"sender\",\"Module\",\"mod", "ule@example.com\"\r"},
    {"sender's domain", "AT+QSMTPCFG=\"sender\",\"Module\",\"module@exam", "ple.com\"\r"},
    {"recipient", "AT+QSMTPDST=1,1,\"al", "ice@example.com\"\r"},
    {"recipient's domain", "AT+QSMTPDST=1,1,\"alice@exam", "ple.com\"\r"},
    {"subject", "AT+QSMTPSUB=1,\"Sub", "ject\"\r"},
    {"server", "AT+QSMTPCFG=\"smtpserver\",\"mail", ".example\",25\r"},
    {"file", "AT+QSMTPATT=1,1,\"a", ".txt\"\r"},
};

static struct talk *begin(void)
{
    struct talk *t = talk_begin(1);
    talk_mail_settings(t);
    (void)talk_say(t, "AT+QSMTPDST=1,1,\"bob@example.com\"\r");
    talk_ok(t, "AT+QSMTPSUB=1,\"Subject\"\r");
    return t;
}

/* The verbs and the names of header fields that went out, a line each. */
static void summarize(struct talk *t, char *out, size_t size)
{
    const struct world_server *s = &t->w.server;
    size_t n = 0;
    for (const char *at = t->w.trace; *at != '\0'; at += strcspn(at, "\n") + 1) {
        if (*at >= 'A' && *at <= 'Z') {
            n += (size_t)snprintf(out + n, size - n, "%.*s\n", (int)strcspn(at, " :\n"), at);
        }
    }
    assert_non_null(s->message);
    const char *at = (const char *)s->message;
    const char *end = at + s->message_len;
    while (at < end && *at != '\r') {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        assert_non_null(stop);
        for (const char *byte = at; byte < stop - 1; byte++) {
            assert_true((*byte >= ' ' && *byte <= '~') || *byte == '\t');
        }
        if (*at != ' ' && *at != '\t') {
            n += (size_t)snprintf(out + n, size - n, "%.*s\n", (int)strcspn(at, ":\r"), at);
        }
        at = stop + 1;
    }
}

static void send(struct talk *t, char *summary, size_t size)
{
    t->w.trace_len = 0;
    t->w.trace[0] = '\0';
    assert_non_null(strstr(talk_say(t, "AT+QSMTPPUT=60\r"), "+QSMTPPUT: 0,0\r\n"));
    summarize(t, summary, size);
}

/* Only what the text may change: a login, and the parts of a mail with a file. */
static void innocent(const struct field *field, char *summary, size_t size)
{
    struct talk *t = begin();
    char text[400];
    world_add_file(&t->w, PM_STORAGE_UFS, "a.txt", "x", 1);
    world_add_file(&t->w, PM_STORAGE_UFS, "ax.txt", "x", 1);
    (void)snprintf(text, sizeof text, "%sx%s", field->before, field->after);
    talk_ok(t, text);
    send(t, summary, size);
    talk_end(t);
}

static void try_one(const struct field *field, const struct bad *bad, const char *expected)
{
    struct talk *t = begin();
    char text[400];
    char summary[2048] = "";
    char name[64];
    int n = snprintf(name, sizeof name, "a%s.txt", bad->bytes);
    world_add_file(&t->w, PM_STORAGE_UFS, bad->passes ? name : "a", "x",
                   bad->passes && n > 0 ? 1 : 0);
    size_t len = strlen(field->before);
    memcpy(text, field->before, len);
    memcpy(text + len, bad->bytes, bad->len);
    len += bad->len;
    memcpy(text + len, field->after, strlen(field->after));
    len += strlen(field->after);
    world_type(&t->w, 0, text, len);
    bool taken = strcmp(talk_later(t, TALK_WAIT_MS), "\r\nOK\r\n") == 0;
    if (taken && !bad->passes) {
        fail_msg("%s: %s was taken", field->name, bad->name);
    }
    if (!taken) {
        assert_non_null(strstr(t->got, "ERROR"));
        (void)talk_say(t, "\r");
    }
    send(t, summary, sizeof summary);
    if (taken && strcmp(summary, expected) != 0) {
        fail_msg("%s: %s made\n%s\nof\n%s", field->name, bad->name, summary, expected);
    }
    assert_null(strstr(summary, "Bcc"));
    talk_end(t);
}

static void test_texts(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
        char expected[2048] = "";
        innocent(&fields[f], expected, sizeof expected);
        for (size_t b = 0; b < sizeof bads / sizeof bads[0]; b++) {
            try_one(&fields[f], &bads[b], expected);
        }
    }
}

/* No control byte in any line, none longer than a reader must take, and no field of another name.
 */
static void check_lines(const struct talk *t)
{
    const char *at = (const char *)t->w.server.message;
    const char *end = at + t->w.server.message_len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        assert_non_null(stop);
        assert_true(stop - at <= 79 && stop > at && stop[-1] == '\r');
        assert_true(strncmp(at, "Bcc", 3) != 0);
        for (const char *byte = at; byte < stop - 1; byte++) {
            assert_true((*byte >= ' ' && *byte <= '~') || *byte == '\t');
        }
        at = stop + 1;
    }
}

/* Names of files, which the host's firmware may have from anywhere: the last part of a path, within
 * quotes or encoded. */
static void test_file_names(void **state)
{
    static const struct {
        const char *name, *leaves;
    } names[] = {
        {"../../etc/passwd", "=\"passwd\""},
        {"logs/../a.txt", "=\"a.txt\""},
        {"a/..", "=\"attachment\""},
        {"a;b=c.txt", "=\"a;b=c.txt\""},
        {"a\\b.txt", "=\"a\\\\b.txt\""},
        {"a%0d%0aBcc.txt", "=\"a%0d%0aBcc.txt\""},
        {"=?utf-8?B?DQpCY2M6IGU=?=", "*=us-ascii''%3D%3Futf-8%3FB%3FDQpCY2M6IGU%3D%3F%3D"},
        {"\xff\xfe.bin", "*=utf-8''%FF%FE.bin"},
        {"\xe2\x80\xae"
         "fdp.exe",
         "*=utf-8''%E2%80%AEfdp.exe"},
        {"\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2",
         "*0*=utf-8''%E6%BC%A2%E6%BC%A2%E6%BC%A2%E6%BC%A2%E6%BC%A2%E6%BC%A2;\r\n"
         " filename*1*=%E6%BC%A2"},
        {"1234567890123456789012345678901234567890123456789012345678901234567890123.txt",
         "*0*=us-ascii''123456789012345678901234567890123456789012345678901234;\r\n"
         " filename*1*=5678901234567890123.txt"},
    };
    char text[400];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct talk *t = begin();
        char summary[2048] = "";
        world_add_file(&t->w, PM_STORAGE_UFS, names[i].name, "x", 1);
        (void)snprintf(text, sizeof text, "AT+QSMTPATT=1,1,\"%s\"\r", names[i].name);
        talk_ok(t, text);
        send(t, summary, sizeof summary);
        check_lines(t);
        int len = snprintf(text, sizeof text, "\r\n filename%s\r\n", names[i].leaves);
        assert_true(len > 0 && (size_t)len < sizeof text);
        if (memmem(t->w.server.message, t->w.server.message_len, text, (size_t)len) == NULL) {
            fail_msg("%s does not leave as %s:\n%.*s", names[i].name, names[i].leaves,
                     (int)t->w.server.message_len, (const char *)t->w.server.message);
        }
        talk_end(t);
    }
}

/* Addresses of odd forms: refused at the AT port, or one word between the angle brackets. */
static void test_addresses(void **state)
{
    static const char *const refused[] = {"",           "<>",
                                          "@",          "a@b@c",
                                          "@relay:a@b", "a@b> NOTIFY=NEVER",
                                          "<a@b>",      "a b@c",
                                          "a@b c",      "a@",
                                          "@b",         "a@b> SIZE=1",
                                          "a@b,c@d",    "a@b;c",
                                          "a\tb@c",     "\"x@a> ORCPT=y\"@b",
                                          "\"a b\"@c"};
    char text[700];
    (void)state;
    struct talk *t = begin();
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        (void)snprintf(text, sizeof text, "AT+QSMTPDST=1,1,\"%s\"\r", refused[i]);
        assert_string_equal(talk_say(t, text), "\r\n+CME ERROR: 664\r\n");
        (void)snprintf(text, sizeof text, "AT+QSMTPCFG=\"sender\",\"x\",\"%s\"\r", refused[i]);
        const char *answer = refused[i][0] != '\0' ? "\r\n+CME ERROR: 664\r\n" : NULL;
        assert_true(answer == NULL || strcmp(talk_say(t, text), answer) == 0);
    }
    talk_ok(t, "AT+QSMTPDST=1,1,\"-f/etc/passwd@example.com\"\r");
    char summary[2048] = "";
    send(t, summary, sizeof summary);
    assert_non_null(strstr(t->w.server.envelope, "RCPT TO:<bob@example.com>\n"
                                                 "RCPT TO:<-f/etc/passwd@example.com>\n"));
    talk_end(t);
}

/* RFC 5321 4.5.3.1: 64 bytes before the @, 255 behind it. */
static void test_longest_addresses(void **state)
{
    static const struct {
        int local, domain;
        bool good;
    } sizes[] = {
        {64, 255, true}, {65, 255, false}, {64, 256, false}, {1, 318, false}, {320, 1, false}};
    char text[700];
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct talk *t = talk_new();
        t->w.config.limits = PM_LIMITS_WIDE;
        world_begin(&t->w, 1);
        (void)talk_say(t, "ATE0\r");
        (void)snprintf(text, sizeof text, "AT+QSMTPDST=1,1,\"%0*d@%0*d\"\r", sizes[i].local, 1,
                       sizes[i].domain, 1);
        assert_string_equal(talk_say(t, text),
                            sizes[i].good ? "\r\nOK\r\n" : "\r\n+CME ERROR: 664\r\n");
        talk_end(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_file_names),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_longest_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
