/* SPDX-License-Identifier: MIT */
#include "postmodem/mime.h"

#include "compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct mail_cuts whole = {0};

static void assert_message(const struct mail *mail, const char *want)
{
    size_t len = 0;
    enum pm_mime_need end;
    uint8_t *message = mail_compose(mail, &whole, &len, &end);
    assert_int_equal(end, PM_MIME_END);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(message, want, len);
    free(message);
}

#define DATE_TO_VERSION                                                            \
    "Date: Tue, 24 Nov 2026 10:15:00 +0100\r\nMessage-ID: <1.2.3@example.com>\r\n" \
    "MIME-Version: 1.0\r\n"
#define PLAIN_7BIT \
    "Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"

static void writes_the_smallest_mail(void **state)
{
    (void)state;
    struct mail mail = mail_minimal();
    assert_message(&mail, "From: sender@example.com\r\nTo: undisclosed-recipients:;\r\n"
                          "Subject: \r\n" DATE_TO_VERSION PLAIN_7BIT);
}

static void writes_a_simple_mail(void **state)
{
    (void)state;
    struct mail mail = mail_minimal();
    mail.config.sender_name = mail_text("Plant 7");
    mail.config.subject = mail_text("TEST SMTP");
    mail.to[mail.to_count++] = mail_text("a@example.org");
    mail.to[mail.to_count++] = mail_text("b@example.org");
    mail.cc[mail.cc_count++] = mail_text("c@example.org");
    mail.body = mail_text("Hello\nworld");
    assert_message(&mail, "From: \"Plant 7\" <sender@example.com>\r\n"
                          "To: a@example.org, b@example.org\r\nCc: c@example.org\r\n"
                          "Subject: TEST SMTP\r\n" DATE_TO_VERSION PLAIN_7BIT "Hello\r\nworld\r\n");
}

static void writes_cc_alone(void **state)
{
    (void)state;
    struct mail mail = mail_minimal();
    mail.cc[mail.cc_count++] = mail_text("c@example.org");
    mail.body = mail_text("x\r\n");
    assert_message(&mail, "From: sender@example.com\r\nCc: c@example.org\r\n"
                          "Subject: \r\n" DATE_TO_VERSION PLAIN_7BIT "x\r\n");
}

#define BOUNDARY "--=_0123456789abcdefghij"
#define PART(type, name)                                             \
    BOUNDARY "\r\nContent-Type: " type ";\r\n name=\"" name "\"\r\n" \
             "Content-Transfer-Encoding: base64\r\n"                 \
             "Content-Disposition: attachment;\r\n filename=\"" name "\"\r\n\r\n"

static void writes_attachments(void **state)
{
    (void)state;
    struct mail mail = mail_minimal();
    mail.to[mail.to_count++] = mail_text("a@example.org");
    mail.body = mail_text("see below");
    mail.parts[0] = (struct mail_part){mail_text("UFS:log.txt"), mail_text("hello")};
    mail.parts[1] = (struct mail_part){mail_text("empty"), mail_text("")};
    mail.part_count = 2;
    assert_message(
        &mail,
        "From: sender@example.com\r\nTo: a@example.org\r\nSubject: \r\n" DATE_TO_VERSION
        "Content-Type: multipart/mixed;\r\n boundary=\"=_0123456789abcdefghij\"\r\n\r\n" BOUNDARY
        "\r\n" PLAIN_7BIT "see below\r\n" PART("text/plain", "log.txt") "aGVsbG8=\r\n" PART(
            "application/octet-stream", "empty") BOUNDARY "--\r\n");
}

static void keeps_an_empty_text_part(void **state)
{
    (void)state;
    struct mail mail = mail_minimal();
    mail.to[mail.to_count++] = mail_text("a@example.org");
    mail.config.body_charset = PM_CHARSET_BIG5;
    mail.parts[0] = (struct mail_part){mail_text("a.bin"), mail_text("x")};
    mail.part_count = 1;
    assert_message(
        &mail,
        "From: sender@example.com\r\nTo: a@example.org\r\nSubject: \r\n" DATE_TO_VERSION
        "Content-Type: multipart/mixed;\r\n boundary=\"=_0123456789abcdefghij\"\r\n\r\n" BOUNDARY
        "\r\nContent-Type: text/plain; charset=big5\r\n"
        "Content-Transfer-Encoding: 7bit\r\n\r\n\r\n" PART("application/octet-stream",
                                                           "a.bin") "eA==\r\n" BOUNDARY "--\r\n");
}

/* ---- cuts ---- */

/* Everything the composer can write, in one small mail. */
static struct mail rich_mail(void)
{
    static uint8_t noise[300];
    uint32_t random = 77;
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (uint8_t)mail_random(&random);
    }
    struct mail mail = mail_minimal();
    mail.config.sender_name = mail_text("M\xC3\xBCller, Anlage \xE6\xBC\xA2\xE5\xAD\x97 sieben");
    mail.config.subject = mail_text("\xF0\x9F\x8E\x89 St\xC3\xB6rung an Pumpe 4, Ventil 7, "
                                    "bitte kommen, es ist sehr, sehr dringend \xF0\x9F\x8E\x89");
    mail.config.subject_charset = PM_CHARSET_UTF8;
    mail.config.body_charset = PM_CHARSET_UTF8;
    mail.body = mail_text("Gr\xC3\xBC\xC3\x9F \t\r\n.\r.\n\r\n= x \n\xE2\x82\xAC end ");
    for (size_t i = 0; i < 5; i++) {
        mail.to[mail.to_count++] = mail_text("recipient.with.a.name@example.org");
    }
    mail.cc[mail.cc_count++] = mail_text("\xC3\xA9@b.example");
    mail.parts[0] = (struct mail_part){mail_text("RAM:a.bin"), {noise, sizeof noise}};
    mail.parts[1] = (struct mail_part){mail_text("\xE6\xBC\xA2\xE6\xBC\xA2\xE6\xBC\xA2\xE6\xBC\xA2"
                                                 "\xE6\xBC\xA2\xE6\xBC\xA2\xE6\xBC\xA2.png"),
                                       mail_text("")};
    mail.parts[2] = (struct mail_part){mail_text("c.pdf"), {noise, 57}};
    mail.part_count = 3;
    return mail;
}

static void assert_same(const struct mail *mail, const struct mail_cuts *cuts, const uint8_t *want,
                        size_t want_len)
{
    size_t len = 0;
    enum pm_mime_need end;
    uint8_t *message = mail_compose(mail, cuts, &len, &end);
    assert_int_equal(end, PM_MIME_END);
    assert_int_equal(len, want_len);
    assert_memory_equal(message, want, len);
    free(message);
}

static void does_not_see_cuts_of(struct mail *mail)
{
    size_t len = 0;
    enum pm_mime_need end;
    uint8_t *want = mail_compose(mail, &whole, &len, &end);
    assert_int_equal(end, PM_MIME_END);
    for (size_t room = 1; room < len + 2; room++) {
        assert_same(mail, &(struct mail_cuts){.out = room}, want, len);
    }
    for (size_t feed = 1; feed <= 310; feed++) {
        assert_same(mail, &(struct mail_cuts){.feed = feed}, want, len);
        assert_same(mail, &(struct mail_cuts){.first = feed}, want, len);
        assert_same(mail, &(struct mail_cuts){.feed = 1, .out = feed}, want, len);
    }
    for (uint32_t seed = 1; seed <= 400; seed++) {
        assert_same(mail, &(struct mail_cuts){.out = 1500, .feed = 80, .seed = seed}, want, len);
    }
    free(want);
}

static void does_not_see_cuts(void **state)
{
    (void)state;
    struct mail mail = rich_mail();
    does_not_see_cuts_of(&mail);
    mail.config.body_charset = PM_CHARSET_GB2312;
    mail.body = mail_text("\xB9\xCA\xD5\xCF\r\n\xB9\xCA\n\r.\r\n");
    does_not_see_cuts_of(&mail);
    mail.config.body_charset = PM_CHARSET_ASCII;
    mail.body = mail_text("plain\r\n\r\r\n.\nend");
    mail.part_count = 0;
    does_not_see_cuts_of(&mail);
}

/* ---- the end of the room ---- */

enum { ROOM_MOST = 1400, GUARD = 1024, WATCH = 0xA5 };

/* One answer for the mail that ends_at_its_room() composes. */
static void answer_alone(struct pm_mime *mime, const struct mail *mail, enum pm_mime_need need)
{
    if (need == PM_MIME_NEED_BODY) {
        pm_mime_feed(mime, mail->body.ptr, mail->body.len);
    } else {
        pm_mime_address(mime, (struct pm_slice){NULL, 0});
    }
}

/* Reads the mail into blocks of `room` bytes and what must stay as it is behind them. */
static void ends_at_its_room(const struct mail *mail, size_t room, const uint8_t *want, size_t len)
{
    struct pm_mime_config config = mail->config;
    struct pm_mime mime;
    uint8_t guard[GUARD];
    size_t at = 0;
    enum pm_mime_need need;
    memset(guard, WATCH, sizeof guard);
    pm_mime_scan_init(&config.body, PM_CHARSET_ASCII);
    pm_mime_scan_update(&config.body, mail->body.ptr, mail->body.len);
    pm_mime_init(&mime, &config);
    do {
        size_t written = 0;
        uint8_t *out = malloc(room + GUARD);
        assert_non_null(out);
        memset(out, WATCH, room + GUARD);
        need = pm_mime_read(&mime, out, room, &written);
        assert_memory_equal(out + room, guard, GUARD);
        assert_true(written <= room && written <= len - at);
        assert_memory_equal(out, want + at, written);
        at += written;
        free(out);
        if (need != PM_MIME_ROOM && need != PM_MIME_END) {
            answer_alone(&mime, mail, need);
        }
    } while (need != PM_MIME_END && need != PM_MIME_FAILED);
    assert_int_equal(need, PM_MIME_END);
    assert_int_equal(at, len);
}

/* A body that comes whole, of lines as long as the message may have them: no room, however small,
 * is written over, and the message is the same. The first line decides what the body leaves as. */
static void keeps_to_its_room(void **state)
{
    (void)state;
    static const char *const first[] = {"seven bits\n", "\xC3\xA4 quoted\n"};
    static const size_t lines[] = {700, 701, 850, 997, 998};
    static uint8_t body[4096];
    for (size_t i = 0; i < sizeof first / sizeof first[0] * (sizeof lines / sizeof lines[0]); i++) {
        const struct pm_slice head = mail_text(first[i % 2]);
        const size_t line = lines[i / 2];
        struct mail mail = mail_minimal();
        size_t len = 0;
        enum pm_mime_need end;
        memcpy(body, head.ptr, head.len);
        memset(body + head.len, 'x', 2 * line + 1);
        body[head.len + line] = '\n';
        mail.body = (struct pm_slice){body, head.len + 2 * line + 1};
        uint8_t *message = mail_compose(&mail, &whole, &len, &end);
        assert_int_equal(end, PM_MIME_END);
        assert_true(len > mail.body.len);
        for (size_t room = 1; room <= ROOM_MOST; room++) {
            ends_at_its_room(&mail, room, message, len);
        }
        free(message);
    }
}

/* The longest pieces must fit the stage, as small outputs show. */
static void has_room_for_the_longest_pieces(void **state)
{
    (void)state;
    static char address[PM_ADDRESS_MAX + 1];
    static char message_id[PM_ADDRESS_MAX + 1];
    memset(address, 'a', PM_ADDRESS_MAX);
    address[PM_ADDRESS_LOCAL_MAX] = '@';
    memset(message_id, 'm', PM_ADDRESS_MAX);
    struct mail mail = mail_minimal();
    mail.config.sender_name = mail_text("a name");
    mail.config.sender_address = mail_text(address);
    mail.config.message_id = mail_text(message_id);
    mail.config.boundary =
        mail_text("012345678901234567890123456789012345678901234567890123456789");
    mail.config.fallback_charset = mail_text("0123456789012345678901234567890123456789");
    mail.config.subject = mail_text("\xB0\xB1\xB2\xB3 and more of it \xB4\xB5\xB6\xB7");
    mail.body = mail_text("21\xB0");
    mail.to[mail.to_count++] = mail_text(address);
    mail.to[mail.to_count++] = mail_text(address);
    mail.parts[0] = (struct mail_part){
        mail_text("\xE9\xE9\xE9\xE9\xE9\xE9\xE9\xE9\xE9\xE9\xE9\xE9.pptx"), mail_text("x")};
    mail.part_count = 1;
    size_t len = 0;
    enum pm_mime_need end;
    uint8_t *message = mail_compose(&mail, &whole, &len, &end);
    assert_int_equal(end, PM_MIME_END);
    assert_same(&mail, &(struct mail_cuts){.out = 1}, message, len);
    assert_memory_equal(message + len - 68, "\r\n--0123456789", 14);
    free(message);
}

/* ---- sizes ---- */

static size_t octets(const struct mail *mail)
{
    size_t len = 0;
    enum pm_mime_need end;
    free(mail_compose(mail, &whole, &len, &end));
    assert_int_equal(end, PM_MIME_END);
    return len;
}

/* SIZE= (RFC 1870): the mail with empty attachments plus what each of them takes. */
static void foretells_the_size(void **state)
{
    (void)state;
    static uint8_t data[1000];
    for (size_t n = 0; n < sizeof data; n++) {
        struct mail mail = rich_mail();
        mail.parts[0].data = (struct pm_slice){data, n};
        mail.parts[1].data = (struct pm_slice){data, n / 7};
        struct mail empty = mail;
        uint64_t want = 0;
        for (size_t i = 0; i < mail.part_count; i++) {
            want += pm_mime_attachment_octets(mail.parts[i].data.len);
            empty.parts[i].data.len = 0;
        }
        assert_true(octets(&mail) == octets(&empty) + want);
    }
    assert_true(pm_mime_attachment_octets(0) == 0);
    assert_true(pm_mime_attachment_octets(104857600) == 143489352);
}

/* ---- failures ---- */

static void assert_fails(const struct mail *mail)
{
    size_t len = 0;
    enum pm_mime_need end;
    free(mail_compose(mail, &whole, &len, &end));
    assert_int_equal(end, PM_MIME_FAILED);
}

static void refuses_bad_addresses(void **state)
{
    (void)state;
    static const char *const bad[] = {"a\r\nBcc: b@c", "a b@c",   "<a@b>",  "a@b>", "a",
                                      "a\x7f@b",       "a@b,c@d", "a\xff@b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct mail mail = mail_minimal();
        mail.to[mail.to_count++] = mail_text(bad[i]);
        assert_fails(&mail);
        mail = mail_minimal();
        mail.cc[mail.cc_count++] = mail_text("good@example.com");
        mail.cc[mail.cc_count++] = mail_text(bad[i]);
        assert_fails(&mail);
        mail = mail_minimal();
        mail.config.sender_address = mail_text(bad[i]);
        assert_fails(&mail);
    }
}

static void refuses_bad_configurations(void **state)
{
    (void)state;
    const struct mail good = mail_minimal();
    struct mail mail = good;
    mail.config.message_id = mail_text("");
    assert_fails(&mail);
    mail.config.message_id = mail_text("a\r\nb@c");
    assert_fails(&mail);
    mail.config.message_id = mail_text("a@b>");
    assert_fails(&mail);
    mail = good;
    mail.config.fallback_charset = mail_text("x\r\ny");
    assert_fails(&mail);
    mail = good;
    mail.config.subject_charset = 4;
    assert_fails(&mail);
    mail = good;
    mail.config.body_charset = 4;
    assert_fails(&mail);
    mail = good;
    mail.parts[mail.part_count++].name = mail_text("a");
    const char *boundaries[] = {"", "a b", "a\r\n", "\"",
                                "0123456789012345678901234567890123456789012345678901234567890"};
    for (size_t i = 0; i < sizeof boundaries / sizeof boundaries[0]; i++) {
        mail.config.boundary = mail_text(boundaries[i]);
        assert_fails(&mail);
    }
}

static void has_a_default_fallback(void **state)
{
    (void)state;
    struct mail mail = mail_minimal();
    mail.config.fallback_charset = mail_text("");
    mail.to[mail.to_count++] = mail_text("a@b.c");
    mail.config.subject = mail_text("\xB0");
    assert_message(&mail, "From: sender@example.com\r\nTo: a@b.c\r\n"
                          "Subject: =?windows-1252?B?sA==?=\r\n" DATE_TO_VERSION PLAIN_7BIT);
}

/* Reads on until the composer asks for `need`, answering what comes before. */
static void run_to(struct pm_mime *mime, enum pm_mime_need need)
{
    static uint8_t room[4096];
    size_t written = 0;
    for (int i = 0; i < 10; i++) {
        enum pm_mime_need got = pm_mime_read(mime, room, sizeof room, &written);
        if (got == need) {
            return;
        }
        assert_true(got == PM_MIME_NEED_TO || got == PM_MIME_NEED_CC);
        pm_mime_address(mime, (struct pm_slice){NULL, 0});
    }
    fail_msg("need %d never came", (int)need);
}

static struct pm_mime with_body(uint64_t bytes, uint16_t attachments)
{
    struct pm_mime mime;
    struct pm_mime_config config = mail_minimal().config;
    config.body.bytes = bytes;
    config.attachments = attachments;
    pm_mime_init(&mime, &config);
    return mime;
}

static void refuses_broken_promises(void **state)
{
    (void)state;
    struct pm_mime mime = with_body(3, 0);
    run_to(&mime, PM_MIME_NEED_BODY);
    pm_mime_feed(&mime, (const uint8_t *)"abcd", 4); /* more than promised */
    run_to(&mime, PM_MIME_FAILED);
    run_to(&mime, PM_MIME_FAILED);

    mime = with_body(3, 0);
    run_to(&mime, PM_MIME_NEED_BODY);
    pm_mime_feed(&mime, (const uint8_t *)"ab", 2);
    run_to(&mime, PM_MIME_NEED_BODY);
    pm_mime_feed(&mime, NULL, 0); /* the file was shorter */
    run_to(&mime, PM_MIME_FAILED);

    mime = with_body(1, 0);
    run_to(&mime, PM_MIME_NEED_BODY);
    pm_mime_feed(&mime, (const uint8_t *)"\xE9", 1); /* the scan saw none */
    run_to(&mime, PM_MIME_FAILED);
}

static void refuses_answers_not_asked_for(void **state)
{
    (void)state;
    struct pm_mime mime = with_body(3, 1);
    pm_mime_address(&mime, mail_text("a@b.c"));
    run_to(&mime, PM_MIME_FAILED);

    mime = with_body(3, 1);
    run_to(&mime, PM_MIME_NEED_TO);
    pm_mime_feed(&mime, (const uint8_t *)"abc", 3);
    run_to(&mime, PM_MIME_FAILED);

    mime = with_body(3, 1);
    run_to(&mime, PM_MIME_NEED_BODY);
    pm_mime_part(&mime, mail_text("x"), 1);
    run_to(&mime, PM_MIME_FAILED);

    mime = with_body(3, 1);
    run_to(&mime, PM_MIME_NEED_BODY);
    pm_mime_feed(&mime, (const uint8_t *)"ab", 2);
    pm_mime_feed(&mime, (const uint8_t *)"c", 1);
    run_to(&mime, PM_MIME_FAILED);

    mime = with_body(0, 1);
    run_to(&mime, PM_MIME_NEED_PART);
    run_to(&mime, PM_MIME_NEED_PART); /* asking again is no answer */
    pm_mime_part(&mime, mail_text("x"), 0);
    run_to(&mime, PM_MIME_END);
    run_to(&mime, PM_MIME_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_smallest_mail),
        cmocka_unit_test(writes_a_simple_mail),
        cmocka_unit_test(writes_cc_alone),
        cmocka_unit_test(writes_attachments),
        cmocka_unit_test(keeps_an_empty_text_part),
        cmocka_unit_test(does_not_see_cuts),
        cmocka_unit_test(keeps_to_its_room),
        cmocka_unit_test(has_room_for_the_longest_pieces),
        cmocka_unit_test(foretells_the_size),
        cmocka_unit_test(refuses_bad_addresses),
        cmocka_unit_test(refuses_bad_configurations),
        cmocka_unit_test(has_a_default_fallback),
        cmocka_unit_test(refuses_broken_promises),
        cmocka_unit_test(refuses_answers_not_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
