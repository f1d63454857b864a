/* SPDX-License-Identifier: MIT */
/* Reads EHLO keywords. */
#include "smtp/capabilities.h"

#include "base/ascii.h"

/* Cuts the next word off `rest`; words are parted by blanks. Empty at the end. */
static struct pm_slice next_word(struct pm_slice *rest)
{
    struct pm_slice word;
    while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t')) {
        rest->ptr++;
        rest->len--;
    }
    word.ptr = rest->ptr;
    word.len = 0;
    while (word.len < rest->len && word.ptr[word.len] != ' ' && word.ptr[word.len] != '\t') {
        word.len++;
    }
    rest->ptr += word.len;
    rest->len -= word.len;
    return word;
}

uint8_t pm_smtp_mechanism(struct pm_slice name)
{
    static const struct {
        const char *name;
        uint8_t bit;
    } known[] = {
        {"EXTERNAL", PM_SMTP_EXTERNAL},
        {"SCRAM-SHA-256-PLUS", PM_SMTP_SCRAM_SHA_256_PLUS},
        {"SCRAM-SHA-256", PM_SMTP_SCRAM_SHA_256},
        {"OAUTHBEARER", PM_SMTP_OAUTHBEARER},
        {"XOAUTH2", PM_SMTP_XOAUTH2},
        {"PLAIN", PM_SMTP_PLAIN},
        {"LOGIN", PM_SMTP_LOGIN},
        {"CRAM-MD5", PM_SMTP_CRAM_MD5},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (pm__slice_equal_nocase(name, pm__slice(known[i].name))) {
            return known[i].bit;
        }
    }
    return 0;
}

static void note_mechanisms(struct pm_smtp_capabilities *capabilities, struct pm_slice list)
{
    struct pm_slice name = next_word(&list);
    capabilities->auth = true;
    while (name.len > 0) {
        capabilities->mechanisms |= pm_smtp_mechanism(name);
        name = next_word(&list);
    }
}

/* RFC 1870: without a number, or with 0, no limit is fixed. */
static void note_size(struct pm_smtp_capabilities *capabilities, struct pm_slice value)
{
    uint64_t limit = 0;
    capabilities->size = true;
    if (value.len == 0 || !pm__slice_number(value, UINT64_MAX, &limit)) {
        limit = 0;
    }
    capabilities->size_limit = limit;
}

void pm__smtp_capability(struct pm_smtp_capabilities *capabilities, struct pm_slice line)
{
    static const char old_auth[] = "AUTH=";
    struct pm_slice rest = line;
    struct pm_slice word = next_word(&rest);
    if (pm__slice_equal_nocase(word, pm__slice("STARTTLS"))) {
        capabilities->starttls = true;
    } else if (pm__slice_equal_nocase(word, pm__slice("PIPELINING"))) {
        capabilities->pipelining = true;
    } else if (pm__slice_equal_nocase(word, pm__slice("CHUNKING"))) {
        capabilities->chunking = true;
    } else if (pm__slice_equal_nocase(word, pm__slice("8BITMIME"))) {
        capabilities->eight_bit = true;
    } else if (pm__slice_equal_nocase(word, pm__slice("SMTPUTF8"))) {
        capabilities->utf8 = true;
    } else if (pm__slice_equal_nocase(word, pm__slice("DSN"))) {
        capabilities->dsn = true;
    } else if (pm__slice_equal_nocase(word, pm__slice("REQUIRETLS"))) {
        capabilities->require_tls = true;
    } else if (pm__slice_equal_nocase(word, pm__slice("SIZE"))) {
        note_size(capabilities, next_word(&rest));
    } else if (pm__slice_equal_nocase(word, pm__slice("AUTH"))) {
        note_mechanisms(capabilities, rest);
    } else if (pm__slice_starts_nocase(word, pm__slice(old_auth))) {
        size_t skip = (size_t)(word.ptr - line.ptr) + sizeof old_auth - 1;
        note_mechanisms(capabilities, (struct pm_slice){line.ptr + skip, line.len - skip});
    }
}
