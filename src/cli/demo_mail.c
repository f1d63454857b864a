/* SPDX-License-Identifier: MIT */
/* A small reader of mail for the demo. It shares no code with the composer, so that a mistake
 * of one is not repeated by the other; base64 is decoded by OpenSSL. */
#include "cli/demo.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

struct demo_text {
    const char *at, *end;
};

/* Takes one line, without its end. False at the end of the text. */
static bool demo_line(struct demo_text *text, struct demo_text *line)
{
    if (text->at == text->end) {
        return false;
    }
    const char *lf = memchr(text->at, '\n', (size_t)(text->end - text->at));
    line->at = text->at;
    line->end = lf != NULL ? lf : text->end;
    text->at = lf != NULL ? lf + 1 : text->end;
    if (line->end > line->at && line->end[-1] == '\r') {
        line->end--;
    }
    return true;
}

/* Appends to a NUL-terminated field; false when it is full. */
static bool demo_append(char *field, size_t size, const char *at, const char *end)
{
    size_t used = strlen(field);
    size_t len = (size_t)(end - at);
    if (len >= size - used) {
        return false;
    }
    memcpy(field + used, at, len);
    field[used + len] = 0;
    return true;
}

static bool demo_field(struct demo_headers *headers, const struct demo_text *line)
{
    size_t len = (size_t)(line->end - line->at);
    const char *colon = memchr(line->at, ':', len);
    if (colon == NULL || headers->count == DEMO_HEADERS) {
        return false;
    }
    char *name = headers->field[headers->count].name;
    char *value = headers->field[headers->count].value;
    const char *text = colon + 1;
    while (text < line->end && (*text == ' ' || *text == '\t')) {
        text++;
    }
    name[0] = 0;
    value[0] = 0;
    headers->count++;
    return demo_append(name, sizeof headers->field[0].name, line->at, colon) &&
           demo_append(value, sizeof headers->field[0].value, text, line->end);
}

/* Header fields up to the blank line; unfolds them (RFC 5322 2.2.3). */
static bool demo_headers(struct demo_text *text, struct demo_headers *headers)
{
    struct demo_text line;
    while (demo_line(text, &line)) {
        if (line.at == line.end) {
            return true;
        }
        bool folded = *line.at == ' ' || *line.at == '\t';
        if (!folded && !demo_field(headers, &line)) {
            return false;
        }
        if (folded && (headers->count == 0 ||
                       !demo_append(headers->field[headers->count - 1].value,
                                    sizeof headers->field[0].value, line.at, line.end))) {
            return false;
        }
    }
    return false;
}

const char *pm__demo_header(const struct demo_headers *headers, const char *name, size_t nth)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (strcasecmp(headers->field[i].name, name) == 0 && nth-- == 0) {
            return headers->field[i].value;
        }
    }
    return NULL;
}

/* The boundary of a multipart mail (RFC 2046 5.1.1). */
static bool demo_boundary(const struct demo_headers *headers, char *boundary, size_t size)
{
    const char *type = pm__demo_header(headers, "Content-Type", 0);
    if (type == NULL || strncasecmp(type, "multipart/mixed", 15) != 0) {
        return false;
    }
    const char *at = strcasestr(type, "boundary=");
    if (at == NULL) {
        return false;
    }
    at += strlen("boundary=");
    bool quoted = *at == '"';
    at += quoted ? 1 : 0;
    size_t len = strcspn(at, quoted ? "\"" : "; \t");
    boundary[0] = 0;
    return len > 0 && demo_append(boundary, size, at, at + len);
}

static bool demo_base64(struct demo_part *part, const struct demo_text *text)
{
    EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
    int first = 0;
    int rest = 0;
    bool good = context != NULL;
    if (good) {
        EVP_DecodeInit(context);
        good = EVP_DecodeUpdate(context, part->data, &first, (const unsigned char *)text->at,
                                (int)(text->end - text->at)) >= 0 &&
               EVP_DecodeFinal(context, part->data + first, &rest) == 1;
    }
    part->len = good ? (size_t)(first + rest) : 0;
    EVP_ENCODE_CTX_free(context);
    return good;
}

static bool demo_part(struct demo_part *part, struct demo_text text)
{
    if (!demo_headers(&text, &part->headers)) {
        return false;
    }
    size_t len = (size_t)(text.end - text.at);
    part->data = malloc(len + 4); /* the decoder writes in steps of three */
    if (part->data == NULL) {
        return false;
    }
    const char *encoding = pm__demo_header(&part->headers, "Content-Transfer-Encoding", 0);
    if (encoding != NULL && strcasecmp(encoding, "base64") == 0) {
        return demo_base64(part, &text);
    }
    memcpy(part->data, text.at, len);
    part->len = len;
    return encoding == NULL || strcasecmp(encoding, "7bit") == 0;
}

/* The text of a part ends before the line end that belongs to the delimiter after it. */
static const char *demo_before_delimiter(const char *start, const char *delimiter)
{
    const char *end = delimiter;
    if (end > start && end[-1] == '\n') {
        end--;
    }
    if (end > start && end[-1] == '\r') {
        end--;
    }
    return end;
}

static bool demo_parts(struct demo_mail *mail, struct demo_text text, const char *boundary)
{
    size_t len = strlen(boundary);
    const char *start = NULL; /* of the part, NULL before the first delimiter */
    struct demo_text line;
    while (demo_line(&text, &line)) {
        size_t have = (size_t)(line.end - line.at);
        if (have < len + 2 || memcmp(line.at, "--", 2) != 0 ||
            memcmp(line.at + 2, boundary, len) != 0) {
            continue;
        }
        if (start != NULL) {
            struct demo_text part = {start, demo_before_delimiter(start, line.at)};
            if (mail->part_count == DEMO_PARTS ||
                !demo_part(&mail->parts[mail->part_count++], part)) {
                return false;
            }
        }
        start = text.at;
        if (have == len + 4 && memcmp(line.end - 2, "--", 2) == 0) {
            return true;
        }
    }
    return false; /* without the closing delimiter it was cut */
}

bool pm__demo_mail_read(struct demo_mail *mail, const char *text, size_t len)
{
    struct demo_text all = {text, text + len};
    char boundary[80];
    memset(mail, 0, sizeof *mail);
    return demo_headers(&all, &mail->headers) &&
           demo_boundary(&mail->headers, boundary, sizeof boundary) &&
           demo_parts(mail, all, boundary);
}

void pm__demo_mail_free(struct demo_mail *mail)
{
    for (size_t i = 0; i < mail->part_count; i++) {
        free(mail->parts[i].data);
    }
    memset(mail, 0, sizeof *mail);
}
