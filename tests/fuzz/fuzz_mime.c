/* SPDX-License-Identifier: MIT */
/*
 * The composer with arbitrary texts, cut arbitrarily. What leaves must be fit for SMTP, must not
 * depend on the cuts, and a simple decoder of its own must read back what was given.
 */
#include "compose.h"
#include "harness.h"

#define BOUNDARY "=_0123456789abcdefghij"

/* ---- a mail from fuzz bytes ---- */

static uint8_t take_byte(struct pm_slice *source)
{
    if (source->len == 0) {
        return 0;
    }
    source->len--;
    return *source->ptr++;
}

/* A text with its length in front: one byte, or two for long ones. */
static struct pm_slice take_text(struct pm_slice *source, bool is_long)
{
    size_t n = take_byte(source);
    if (is_long) {
        n = n << 8 | take_byte(source);
    }
    struct pm_slice text = {source->ptr, n < source->len ? n : source->len};
    source->ptr += text.len;
    source->len -= text.len;
    return text;
}

static struct mail take_mail(struct pm_slice *source, struct mail_cuts *cuts)
{
    struct mail mail = mail_minimal();
    uint8_t counts = take_byte(source);
    uint8_t charsets = take_byte(source);
    uint8_t extra = take_byte(source);
    cuts->out = 1 + (size_t)take_byte(source) * 16;
    cuts->feed = 1 + (size_t)take_byte(source);
    cuts->seed = (extra & 1) ? 1u + extra : 0;
    mail.config.subject_charset = charsets & 3;
    mail.config.body_charset = charsets >> 2 & 3;
    mail.config.date_offset_minutes = (int16_t)(charsets << 8 | extra);
    mail.config.date_unix = (int64_t)((uint64_t)extra << 56 | (uint64_t)charsets << 30);
    if (extra & 2) {
        mail.config.fallback_charset = take_text(source, false);
    }
    if (extra & 4) {
        mail.config.sender_address = take_text(source, false);
    }
    mail.config.sender_name = take_text(source, false);
    mail.config.subject = take_text(source, true);
    mail.to_count = counts & 3;
    mail.cc_count = counts >> 2 & 3;
    mail.part_count = counts >> 4 & 3;
    for (size_t i = 0; i < mail.to_count; i++) {
        mail.to[i] = (extra & 8) ? take_text(source, true) : mail_text("someone@example.org");
    }
    for (size_t i = 0; i < mail.cc_count; i++) {
        mail.cc[i] = (extra & 16) ? take_text(source, true) : mail_text("\xC3\xA9@example.org");
    }
    for (size_t i = 0; i < mail.part_count; i++) {
        mail.parts[i].name = take_text(source, false);
        mail.parts[i].data = take_text(source, true);
    }
    mail.body = *source;
    return mail;
}

/* What the composer must refuse, and nothing else. */
static bool is_legal(const struct mail *mail)
{
    struct pm_slice fallback = mail->config.fallback_charset;
    for (size_t i = 0; i < fallback.len; i++) {
        uint8_t c = fallback.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '-' && c != '_' && c != '.' && c != '+') {
            return false;
        }
    }
    bool legal = fallback.len <= 40 && pm_address_valid(mail->config.sender_address);
    /* An empty address ends its list. */
    for (size_t i = 0; i < mail->to_count && mail->to[i].len > 0; i++) {
        legal = legal && pm_address_valid(mail->to[i]);
    }
    for (size_t i = 0; i < mail->cc_count && mail->cc[i].len > 0; i++) {
        legal = legal && pm_address_valid(mail->cc[i]);
    }
    return legal;
}

/* ---- what SMTP asks for ---- */

static void check_wire(struct pm_slice message)
{
    size_t line = 0;
    REQUIRE(message.len >= 2 && memcmp(message.ptr + message.len - 2, "\r\n", 2) == 0);
    for (size_t i = 0; i < message.len; i++) {
        uint8_t c = message.ptr[i];
        REQUIRE(c != '\0');
        if (c == '\r') {
            REQUIRE(message.ptr[i + 1] == '\n');
            i++;
            line = 0;
            continue;
        }
        REQUIRE(c != '\n');
        line++;
        REQUIRE(line <= 998);
    }
}

/* Bytes above 0x7F stand in the address fields alone. */
static void check_7bit(struct pm_slice message)
{
    bool address_field = false;
    for (size_t i = 0; i < message.len; i++) {
        bool line_start = i == 0 || message.ptr[i - 1] == '\n';
        if (line_start && message.ptr[i] != ' ') {
            struct pm_slice rest = {message.ptr + i, message.len - i};
            address_field = rest.len > 6 &&
                            (memcmp(rest.ptr, "From: ", 6) == 0 ||
                             memcmp(rest.ptr, "To: ", 4) == 0 || memcmp(rest.ptr, "Cc: ", 4) == 0);
        }
        REQUIRE(message.ptr[i] < 0x80 || address_field);
    }
}

/* ---- decoders that know nothing of the encoders ---- */

struct buffer {
    uint8_t *bytes;
    size_t len;
};

static void add(struct buffer *buffer, uint8_t c)
{
    buffer->bytes[buffer->len++] = c;
}

static void decode_base64(struct pm_slice text, struct buffer *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '\r' || c == '\n' || c == '=') {
            continue;
        }
        const char *place = strchr(alphabet, c);
        REQUIRE(place != NULL);
        bits = (bits << 6 | (uint32_t)(place - alphabet)) & 0xFFFFFF;
        count += 6;
        if (count >= 8) {
            count -= 8;
            add(out, (uint8_t)(bits >> count));
        }
    }
}

static unsigned hex_value(uint8_t c)
{
    REQUIRE((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'));
    return c <= '9' ? c - (unsigned)'0' : c - (unsigned)'A' + 10;
}

static void decode_quoted_printable(struct pm_slice text, struct buffer *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '=') {
            add(out, text.ptr[i]);
            continue;
        }
        REQUIRE(text.len - i > 2);
        if (text.ptr[i + 1] != '\r') {
            add(out, (uint8_t)(hex_value(text.ptr[i + 1]) << 4 | hex_value(text.ptr[i + 2])));
        }
        i += 2;
    }
}

/* The place of `needle` in `text` at a line start, from `from` on; text.len when it is absent. */
static size_t find_line(struct pm_slice text, const char *needle, size_t from)
{
    size_t n = strlen(needle);
    for (size_t i = from; i + n <= text.len; i++) {
        bool line_start = i == 0 || text.ptr[i - 1] == '\n';
        if (line_start && memcmp(text.ptr + i, needle, n) == 0) {
            return i;
        }
    }
    return text.len;
}

static struct pm_slice part_of(struct pm_slice text, size_t from, size_t to)
{
    REQUIRE(from <= to && to <= text.len);
    return (struct pm_slice){text.ptr + from, to - from};
}

static void check_equal(const struct buffer *got, struct pm_slice want)
{
    REQUIRE(got->len == want.len);
    REQUIRE(want.len == 0 || memcmp(got->bytes, want.ptr, want.len) == 0);
}

/* ---- subject ---- */

/* The value of the subject field without folds. */
static struct buffer subject_of(struct pm_slice message)
{
    size_t at = find_line(message, "Subject: ", 0) + strlen("Subject: ");
    struct buffer value = {malloc(message.len), 0};
    REQUIRE(value.bytes != NULL);
    for (; at + 2 < message.len; at++) {
        if (message.ptr[at] == '\r') {
            if (message.ptr[at + 2] != ' ') {
                break;
            }
            at++;
            continue;
        }
        add(&value, message.ptr[at]);
    }
    return value;
}

/* Adds the text of one encoded-word at the start of `text`; returns its length. */
static size_t decode_word(struct pm_slice text, struct buffer *out)
{
    size_t mark = 2;
    REQUIRE(text.len >= 9 && memcmp(text.ptr, "=?", 2) == 0);
    while (mark < text.len && text.ptr[mark] != '?') {
        mark++;
    }
    size_t end = mark + 3;
    while (end < text.len && text.ptr[end] != '?') {
        end++;
    }
    REQUIRE(end + 1 < text.len && text.ptr[end + 1] == '=' && end + 2 <= 75);
    struct pm_slice encoded = part_of(text, mark + 3, end);
    if (memcmp(text.ptr + mark, "?Q?", 3) == 0) {
        /* In this encoding a blank may be "_", which quoted-printable does not know. */
        REQUIRE(memchr(encoded.ptr, '_', encoded.len) == NULL);
        decode_quoted_printable(encoded, out);
    } else {
        REQUIRE(memcmp(text.ptr + mark, "?B?", 3) == 0);
        decode_base64(encoded, out);
    }
    return end + 2;
}

static void check_subject(struct pm_slice message, struct pm_slice subject)
{
    struct buffer value = subject_of(message);
    struct buffer got = {malloc(value.len + 1), 0};
    struct buffer want = {malloc(subject.len + 1), 0};
    REQUIRE(got.bytes != NULL && want.bytes != NULL);
    size_t at = 0;
    while (at < value.len && value.bytes[at] == ' ') {
        at++;
    }
    if (at + 1 < value.len && value.bytes[at] == '=' && value.bytes[at + 1] == '?') {
        while (at < value.len) {
            at += decode_word((struct pm_slice){value.bytes + at, value.len - at}, &got);
            REQUIRE(at == value.len || value.bytes[at++] == ' ');
        }
    } else {
        memcpy(got.bytes, value.bytes, value.len);
        got.len = value.len;
    }
    for (size_t i = 0; i < subject.len; i++) {
        uint8_t c = subject.ptr[i];
        add(&want, c < 0x20 || c == 0x7F ? ' ' : c);
    }
    check_equal(&got, (struct pm_slice){want.bytes, want.len});
    free(value.bytes);
    free(got.bytes);
    free(want.bytes);
}

/* ---- body and attachments ---- */

/* The body with all line ends as CRLF. */
static struct buffer normalised(struct pm_slice body)
{
    struct buffer out = {malloc(2 * body.len + 3), 0};
    REQUIRE(out.bytes != NULL);
    for (size_t i = 0; i < body.len; i++) {
        uint8_t c = body.ptr[i];
        if (c != '\r' && c != '\n') {
            add(&out, c);
            continue;
        }
        add(&out, '\r');
        add(&out, '\n');
        if (c == '\r' && i + 1 < body.len && body.ptr[i + 1] == '\n') {
            i++;
        }
    }
    return out;
}

/* `content` begins behind the blank line after `head`. */
static void check_body(struct pm_slice head, struct pm_slice content, const struct mail *mail)
{
    struct buffer want = normalised(mail->body);
    struct buffer got = {malloc(content.len + 1), 0};
    REQUIRE(got.bytes != NULL);
    size_t at = find_line(head, "Content-Transfer-Encoding: ", 0);
    REQUIRE(at < head.len);
    at += strlen("Content-Transfer-Encoding: ");
    bool base64 = head.ptr[at] == 'b';
    if (base64) {
        decode_base64(content, &got);
    } else if (head.ptr[at] == 'q') {
        decode_quoted_printable(content, &got);
    } else {
        memcpy(got.bytes, content.ptr, content.len);
        got.len = content.len;
    }
    bool ended = want.len == 0 || want.bytes[want.len - 1] == '\n';
    if (!base64 && (mail->part_count > 0 || !ended)) {
        add(&want, '\r');
        add(&want, '\n');
    }
    check_equal(&got, (struct pm_slice){want.bytes, want.len});
    free(got.bytes);
    free(want.bytes);
}

static void check_attachment(struct pm_slice content, struct pm_slice want)
{
    struct buffer got = {malloc(content.len + 1), 0};
    REQUIRE(got.bytes != NULL);
    REQUIRE(content.len == pm_mime_attachment_octets(want.len));
    decode_base64(content, &got);
    check_equal(&got, want);
    free(got.bytes);
}

static void check_parts(struct pm_slice message, size_t at, const struct mail *mail)
{
    for (size_t i = 0; i <= mail->part_count; i++) {
        at = find_line(message, "--" BOUNDARY "\r\n", at);
        REQUIRE(at < message.len);
        size_t blank = find_line(message, "\r\n", at);
        size_t end = find_line(message, "--" BOUNDARY, blank);
        struct pm_slice head = part_of(message, at, blank);
        struct pm_slice content = part_of(message, blank + 2, end);
        if (i == 0) {
            check_body(head, content, mail);
        } else {
            check_attachment(content, mail->parts[i - 1].data);
        }
        at = end;
    }
    REQUIRE(find_line(message, "--" BOUNDARY "--\r\n", at) == at);
    REQUIRE(at + strlen("--" BOUNDARY "--\r\n") == message.len);
}

static void check_content(struct pm_slice message, const struct mail *mail)
{
    size_t blank = find_line(message, "\r\n", 0);
    struct pm_slice head = part_of(message, 0, blank);
    check_subject(message, mail->config.subject);
    check_7bit(head);
    if (mail->part_count == 0) {
        check_body(head, part_of(message, blank + 2, message.len), mail);
    } else {
        check_parts(message, blank, mail);
    }
}

/* A body that holds the boundary would deceive the reader here; real ones are unpredictable. */
static bool holds_boundary(struct pm_slice text)
{
    const size_t n = strlen(BOUNDARY);
    for (size_t i = 0; i + n <= text.len; i++) {
        if (memcmp(text.ptr + i, BOUNDARY, n) == 0) {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mail_cuts whole = {0};
    struct pm_slice source = {data, size};
    struct mail_cuts cuts;
    memset(&cuts, 0, sizeof cuts);
    struct mail mail = take_mail(&source, &cuts);
    size_t len = 0;
    size_t cut_len = 0;
    enum pm_mime_need end;
    enum pm_mime_need cut_end;
    uint8_t *message = mail_compose(&mail, &whole, &len, &end);
    uint8_t *again = mail_compose(&mail, &cuts, &cut_len, &cut_end);
    REQUIRE(end == cut_end && len == cut_len && memcmp(message, again, len) == 0);
    REQUIRE((end == PM_MIME_END) == is_legal(&mail));
    if (end == PM_MIME_END) {
        struct pm_slice text = {message, len};
        check_wire(text);
        if (!holds_boundary(mail.body)) {
            check_content(text, &mail);
        }
    }
    free(message);
    free(again);
    return 0;
}
