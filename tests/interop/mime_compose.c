/* SPDX-License-Identifier: MIT */
/*
 * Writes the messages that descriptions on standard input ask for, for mimereaders.py. Each line of
 * a description is "<key> <hexadecimal bytes or nothing>", an empty line ends it. "name" begins an
 * attachment, "data" is the content of the last one. Numbers are decimal digits in bytes. The
 * answer is a line with the length of the message, or "refused", and the message.
 */
#include "base/ascii.h"
#include "compose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 8 << 20 };

static void fail(const char *why)
{
    fprintf(stderr, "mime_compose: %s\n", why);
    exit(1);
}

/* All values of a description live side by side until it ends. */
static uint8_t values[LINE_SIZE];
static size_t used;

static struct pm_slice decode(const char *hex)
{
    size_t len = strlen(hex) / 2;
    uint8_t *bytes = values + used;
    if (len > sizeof values - used) {
        fail("description too long");
    }
    used += len;
    for (size_t i = 0; i < len; i++) {
        int high = pm__ascii_hex((uint8_t)hex[2 * i]);
        int low = pm__ascii_hex((uint8_t)hex[2 * i + 1]);
        if (high < 0 || low < 0) {
            fail("bad digit");
        }
        bytes[i] = (uint8_t)(high * 16 + low);
    }
    return (struct pm_slice){bytes, len};
}

static size_t number(struct pm_slice value)
{
    uint64_t result = 0;
    if (!pm__slice_number(value, UINT32_MAX, &result)) {
        fail("bad number");
    }
    return (size_t)result;
}

static void add_address(struct pm_slice *list, size_t *count, struct pm_slice value)
{
    if (*count == MAIL_MAX_ADDRESSES) {
        fail("too many addresses");
    }
    list[(*count)++] = value;
}

static void add_part(struct mail *mail, struct pm_slice name)
{
    if (mail->part_count == MAIL_MAX_PARTS) {
        fail("too many parts");
    }
    mail->parts[mail->part_count++].name = name;
}

static bool set_text(struct mail *mail, const char *key, struct pm_slice value)
{
    const struct {
        const char *key;
        struct pm_slice *place;
    } keys[] = {
        {"sender-name", &mail->config.sender_name},
        {"sender-address", &mail->config.sender_address},
        {"subject", &mail->config.subject},
        {"message-id", &mail->config.message_id},
        {"fallback", &mail->config.fallback_charset},
        {"body", &mail->body},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(key, keys[i].key) == 0) {
            *keys[i].place = value;
            return true;
        }
    }
    return false;
}

static void set(struct mail *mail, struct mail_cuts *cuts, const char *key, struct pm_slice value)
{
    if (set_text(mail, key, value)) {
        return;
    }
    if (strcmp(key, "to") == 0) {
        add_address(mail->to, &mail->to_count, value);
    } else if (strcmp(key, "cc") == 0) {
        add_address(mail->cc, &mail->cc_count, value);
    } else if (strcmp(key, "name") == 0) {
        add_part(mail, value);
    } else if (strcmp(key, "data") == 0 && mail->part_count > 0) {
        mail->parts[mail->part_count - 1].data = value;
    } else if (strcmp(key, "subject-charset") == 0) {
        mail->config.subject_charset = (uint8_t)number(value);
    } else if (strcmp(key, "body-charset") == 0) {
        mail->config.body_charset = (uint8_t)number(value);
    } else if (strcmp(key, "date") == 0) {
        mail->config.date_unix = (int64_t)number(value);
    } else if (strcmp(key, "seed") == 0) {
        *cuts = (struct mail_cuts){.out = 3000, .feed = 500, .seed = (uint32_t)number(value)};
    } else if (strcmp(key, "out") == 0) {
        cuts->out = number(value);
    } else if (strcmp(key, "feed") == 0) {
        cuts->feed = number(value);
    } else {
        fail("unknown key");
    }
}

static bool answer(const struct mail *mail, const struct mail_cuts *cuts)
{
    size_t len = 0;
    enum pm_mime_need end;
    uint8_t *message = mail_compose(mail, cuts, &len, &end);
    bool written = false;
    if (end != PM_MIME_END) {
        written = printf("refused\n") > 0;
    } else {
        written = printf("%zu\n", len) > 0 && fwrite(message, 1, len, stdout) == len;
    }
    free(message);
    return written && fflush(stdout) == 0;
}

int main(void)
{
    static char line[LINE_SIZE];
    struct mail mail = mail_minimal();
    struct mail_cuts cuts = {0};
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0') {
            if (!answer(&mail, &cuts)) {
                return 1;
            }
            mail = mail_minimal();
            cuts = (struct mail_cuts){0};
            used = 0;
            continue;
        }
        char *hex = strchr(line, ' ');
        if (hex == NULL) {
            fail("no value");
            return 1;
        }
        *hex++ = '\0';
        set(&mail, &cuts, line, decode(hex));
    }
    return 0;
}
