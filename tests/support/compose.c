/* SPDX-License-Identifier: MIT */
/* Runs the MIME composer over a mail that is held whole in memory. */
#include "compose.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_ROOM = 65536 };

struct run {
    const struct mail *mail;
    const struct mail_cuts *cuts;
    uint32_t random;
    struct pm_mime *mime;
    size_t to, cc, part; /* given so far */
    size_t at;           /* of the text that is being fed */
    uint8_t *given;      /* address or feed, valid until the next need */
    uint8_t *name;       /* valid until the next part or the end */
    uint8_t *message;
    size_t len, cap;
};

static void *allocate(size_t n)
{
    void *block = malloc(n > 0 ? n : 1);
    if (block == NULL) {
        abort();
    }
    return block;
}

static uint8_t *copy_of(struct pm_slice slice)
{
    uint8_t *copy = allocate(slice.len);
    if (slice.len > 0) {
        memcpy(copy, slice.ptr, slice.len);
    }
    return copy;
}

uint32_t mail_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

struct pm_slice mail_text(const char *string)
{
    return (struct pm_slice){(const uint8_t *)string, strlen(string)};
}

struct mail mail_minimal(void)
{
    struct mail mail;
    memset(&mail, 0, sizeof mail);
    mail.config.sender_address = mail_text("sender@example.com");
    mail.config.message_id = mail_text("1.2.3@example.com");
    mail.config.boundary = mail_text("=_0123456789abcdefghij");
    mail.config.fallback_charset = mail_text("windows-1252");
    mail.config.date_unix = 1795511700;
    mail.config.date_offset_minutes = 60;
    return mail;
}

static size_t cut(struct run *run, size_t most)
{
    if (run->cuts->seed == 0 || most == 0) {
        return most;
    }
    return 1 + mail_random(&run->random) % most;
}

/* What was given before may go now: the next need has come. */
static struct pm_slice give(struct run *run, struct pm_slice slice)
{
    free(run->given);
    run->given = copy_of(slice);
    return (struct pm_slice){run->given, slice.len};
}

static void give_address(struct run *run, const struct pm_slice *list, size_t count, size_t *given)
{
    struct pm_slice address = {NULL, 0};
    if (*given < count) {
        address = give(run, list[(*given)++]);
    }
    pm_mime_address(run->mime, address);
}

static void give_part(struct run *run)
{
    const struct mail_part *part = &run->mail->parts[run->part++];
    free(run->name);
    run->name = copy_of(part->name);
    run->at = 0;
    pm_mime_part(run->mime, (struct pm_slice){run->name, part->name.len}, part->data.len);
}

static void feed(struct run *run, struct pm_slice text)
{
    size_t n = run->cuts->feed > 0 ? cut(run, run->cuts->feed) : text.len;
    if (run->at == 0 && run->cuts->first > 0) {
        n = run->cuts->first;
    }
    if (n > text.len - run->at) {
        n = text.len - run->at;
    }
    struct pm_slice piece = give(run, (struct pm_slice){text.ptr + run->at, n});
    run->at += n;
    pm_mime_feed(run->mime, piece.ptr, piece.len);
}

static void keep(struct run *run, const uint8_t *bytes, size_t n)
{
    if (run->len + n > run->cap) {
        run->cap = (run->len + n) * 2;
        run->message = realloc(run->message, run->cap);
        if (run->message == NULL) {
            abort();
        }
    }
    if (n > 0) {
        memcpy(run->message + run->len, bytes, n);
        run->len += n;
    }
}

static enum pm_mime_need read_once(struct run *run)
{
    size_t room = cut(run, run->cuts->out > 0 ? run->cuts->out : DEFAULT_ROOM);
    size_t written = 0;
    uint8_t *out = allocate(room);
    enum pm_mime_need need = pm_mime_read(run->mime, out, room, &written);
    if (written > room) {
        abort();
    }
    keep(run, out, written);
    free(out);
    return need;
}

static void answer(struct run *run, enum pm_mime_need need)
{
    if (need == PM_MIME_ROOM) {
        return;
    }
    free(run->given);
    run->given = NULL;
    switch (need) {
    case PM_MIME_NEED_TO: give_address(run, run->mail->to, run->mail->to_count, &run->to); break;
    case PM_MIME_NEED_CC: give_address(run, run->mail->cc, run->mail->cc_count, &run->cc); break;
    case PM_MIME_NEED_PART: give_part(run); break;
    case PM_MIME_NEED_BODY: feed(run, run->mail->body); break;
    case PM_MIME_NEED_DATA: feed(run, run->mail->parts[run->part - 1].data); break;
    default: break;
    }
}

uint8_t *mail_compose(const struct mail *mail, const struct mail_cuts *cuts, size_t *len,
                      enum pm_mime_need *end)
{
    struct run run;
    struct pm_mime mime;
    struct pm_mime_config config = mail->config;
    memset(&run, 0, sizeof run);
    run.mime = &mime;
    run.mail = mail;
    run.cuts = cuts;
    run.random = cuts->seed;
    pm_mime_scan_init(&config.body, (enum pm_charset)config.body_charset);
    if (mail->body.len > 0) {
        pm_mime_scan_update(&config.body, mail->body.ptr, mail->body.len);
    }
    config.attachments = (uint16_t)mail->part_count;
    pm_mime_init(run.mime, &config);

    enum pm_mime_need need;
    do {
        need = read_once(&run);
        answer(&run, need);
    } while (need != PM_MIME_END && need != PM_MIME_FAILED);
    free(run.given);
    free(run.name);
    *len = run.len;
    *end = need;
    keep(&run, NULL, 0);
    return run.message != NULL ? run.message : allocate(0);
}
