/* SPDX-License-Identifier: MIT */
/* What arrived: shown, and compared with what was typed. */
#include "cli/demo.h"

#include <stdarg.h>
#include <string.h>

/* Lines of a part that are shown. */
#define DEMO_LINES 4

static void demo_show_part(FILE *out, const struct demo_part *part)
{
    const char *type = pm__demo_header(&part->headers, "Content-Type", 0);
    const char *encoding = pm__demo_header(&part->headers, "Content-Transfer-Encoding", 0);
    (void)fprintf(out, "  [%s; %s; %zu bytes decoded]\n", type != NULL ? type : "text/plain",
                  encoding != NULL ? encoding : "7bit", part->len);
    const char *at = (const char *)part->data;
    const char *end = at + part->len;
    for (int line = 0; at < end; line++) {
        if (line == DEMO_LINES) {
            (void)fprintf(out, "  | ... %zu more bytes\n", (size_t)(end - at));
            return;
        }
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        const char *next = lf != NULL ? lf + 1 : end;
        int len = (int)((lf != NULL ? lf : end) - at);
        len -= len > 0 && at[len - 1] == '\r' ? 1 : 0;
        (void)fprintf(out, "  | %.*s\n", len, at);
        at = next;
    }
}

void pm__demo_show(FILE *out, const struct demo_mail *mail)
{
    for (size_t i = 0; i < mail->headers.count; i++) {
        (void)fprintf(out, "  %s: %s\n", mail->headers.field[i].name, mail->headers.field[i].value);
    }
    for (size_t i = 0; i < mail->part_count; i++) {
        (void)fputs("\n", out);
        demo_show_part(out, &mail->parts[i]);
    }
}

struct demo_verdict {
    char *text;
    size_t size;
    bool good;
};

static void demo_differs(struct demo_verdict *verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Notes the first difference. */
static void demo_differs(struct demo_verdict *verdict, const char *format, ...)
{
    if (!verdict->good) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(verdict->text, verdict->size, format, arguments);
    va_end(arguments);
    verdict->good = false;
}

/* A header field that must be there exactly once, or (NULL) not at all. */
static void demo_check_field(struct demo_verdict *verdict, const struct demo_headers *headers,
                             const char *name, const char *expected)
{
    const char *value = pm__demo_header(headers, name, 0);
    bool same = expected == NULL ? value == NULL : value != NULL && strcmp(value, expected) == 0;
    if (!same || pm__demo_header(headers, name, 1) != NULL) {
        demo_differs(verdict, "%s: is \"%s\" instead of \"%s\"", name,
                     value != NULL ? value : "(none)", expected != NULL ? expected : "(none)");
    }
}

static void demo_check_envelope(struct demo_verdict *verdict, const struct demo_example *example,
                                const struct demo_headers *headers)
{
    demo_check_field(verdict, headers, "X-Envelope-From", example->sender);
    size_t i = 0;
    for (; example->recipients[i] != NULL; i++) {
        const char *value = pm__demo_header(headers, "X-Envelope-To", i);
        if (value == NULL || strcmp(value, example->recipients[i]) != 0) {
            demo_differs(verdict, "recipient %zu is \"%s\" instead of \"%s\"", i + 1,
                         value != NULL ? value : "(none)", example->recipients[i]);
        }
    }
    if (pm__demo_header(headers, "X-Envelope-To", i) != NULL) {
        demo_differs(verdict, "there are more than %zu recipients", i);
    }
    const char *tls = pm__demo_header(headers, "X-Envelope-TLS", 0);
    if (tls == NULL || (strncmp(tls, "TLS", 3) == 0) != example->tls) {
        demo_differs(verdict, "it came %s TLS", example->tls ? "without" : "with");
    }
}

static void demo_check_parts(struct demo_verdict *verdict, const struct demo_example *example,
                             const struct demo_mail *mail)
{
    if (mail->part_count != 2) {
        demo_differs(verdict, "there are %zu parts instead of 2", mail->part_count);
        return;
    }
    const struct demo_part *text = &mail->parts[0];
    if (text->len != DEMO_BODY_SIZE || memcmp(text->data, example->body, DEMO_BODY_SIZE) != 0) {
        demo_differs(verdict, "the body is another");
    }
    const struct demo_part *file = &mail->parts[1];
    const char *disposition = pm__demo_header(&file->headers, "Content-Disposition", 0);
    if (disposition == NULL || strncmp(disposition, "attachment", 10) != 0 ||
        strstr(disposition, "test.txt") == NULL) {
        demo_differs(verdict, "the second part is not the attachment test.txt");
    }
    if (file->len != DEMO_FILE_SIZE || memcmp(file->data, pm__demo_file, DEMO_FILE_SIZE) != 0) {
        demo_differs(verdict, "the bytes of the attachment are others");
    }
}

bool pm__demo_check(const struct demo_example *example, const struct demo_mail *mail, char *err,
                    size_t err_size)
{
    struct demo_verdict verdict = {.size = err_size, .good = true};
    verdict.text = err;
    demo_check_envelope(&verdict, example, &mail->headers);
    demo_check_field(&verdict, &mail->headers, "Subject", example->subject);
    demo_check_field(&verdict, &mail->headers, "To", example->to);
    demo_check_field(&verdict, &mail->headers, "Cc", example->cc);
    demo_check_field(&verdict, &mail->headers, "Bcc", NULL);
    demo_check_parts(&verdict, example, mail);
    return verdict.good;
}
