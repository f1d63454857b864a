/* SPDX-License-Identifier: MIT */
/*
 * A hostile SMTP server. The first byte chooses the settings; the rest is what the server
 * sends, with these bytes standing for something else:
 *   1  a cut: what came before is one piece of input
 *   2  a second passes         3  the engine's deadline passes
 *   4  the connection is lost  5  a piece of the body is sent
 *   6  the body ends           7  one byte of output leaves; else all leaves after each LF
 * Settings, as bits: 1 STARTTLS, 2 TLS, 4 any recipient, 8 no password in clear, 16 no user,
 * 32 many recipients.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "postmodem/error.h"
#include "postmodem/smtp.h"

#define PASSWORD "K1:tr!cky-pass"
#define TOKEN    "ya29.fuzzed-token"
#define USER     "someone@example.com"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct owner {
    struct pm_smtp smtp;
    struct pm_smtp_config config;
    uint64_t now;
    unsigned done;
    bool secured;
    bool body;      /* asked for, and not ended */
    bool delivered; /* the final dot was given */
    bool closed;
    size_t given; /* message octets that pm_smtp_body() has given out */
};

/* What the owner sends, and its length with its line ends completed. */
static const uint8_t message[] = ".a\r\n.\r\nb\r.\n";
enum { MESSAGE_SIZE = 13 };

static void check(bool good)
{
    if (!good) {
        abort();
    }
}

static struct pm_slice text(const char *string)
{
    return (struct pm_slice){(const uint8_t *)string, strlen(string)};
}

static bool has(struct pm_slice line, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= line.len; i++) {
        if (memcmp(line.ptr + i, word, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool demands_tls(const struct owner *owner)
{
    return owner->config.starttls && !owner->config.tls && !owner->secured;
}

/* What may be logged as sent, and hence be sent. */
static void check_sent(const struct owner *owner, struct pm_slice line)
{
    check(memchr(line.ptr, '\r', line.len) == NULL && memchr(line.ptr, '\n', line.len) == NULL);
    check(!has(line, PASSWORD) && !has(line, TOKEN));
    if (demands_tls(owner)) {
        check(has(line, "EHLO ") || has(line, "HELO ") || has(line, "STARTTLS") ||
              has(line, "QUIT"));
    }
    if (owner->config.clear_auth == PM_SMTP_CLEAR_AUTH_NEVER && !owner->config.tls &&
        !owner->secured) {
        check(!has(line, "AUTH PLAIN") && !has(line, "AUTH LOGIN"));
    }
    if (owner->config.username.len == 0) {
        check(!has(line, "AUTH"));
    }
}

static void check_done(struct owner *owner, const struct pm_smtp_event *event)
{
    const uint8_t *out;
    size_t n = pm_smtp_output(&owner->smtp, &out);
    check(event->error == 0 || (event->error >= 651 && event->error <= 682));
    check(event->error != 0 || (owner->delivered && event->code == 0));
    /* A mail by BDAT that is not what was announced is never taken. */
    check(event->error != 0 || !owner->smtp.message.bdat || owner->given == MESSAGE_SIZE - 1);
    check(event->error != 0 || !pm_smtp_unknown(&owner->smtp));
    check(event->code == 0 || (event->code >= 400 && event->code <= 599));
    check(n == (event->graceful ? 6u : 0u) && (n == 0 || memcmp(out, "QUIT\r\n", 6) == 0));
    check(pm_smtp_deadline(&owner->smtp) == PM_NEVER);
    owner->done++;
    owner->body = false;
}

static void answer(struct owner *owner, const struct pm_smtp_event *event)
{
    static const uint8_t result[32] = {1, 2, 3};
    check(owner->done == 0);
    switch (event->kind) {
    case PM_SMTP_EV_SENT: check_sent(owner, event->data); break;
    case PM_SMTP_EV_REPLY: check(!has(event->data, "\n")); break;
    case PM_SMTP_EV_RECIPIENT:
        check(event->index < owner->config.recipients);
        pm_smtp_recipient(&owner->smtp, text("to@example.net"));
        break;
    case PM_SMTP_EV_STARTTLS:
        check(demands_tls(owner));
        owner->secured = true;
        pm_smtp_secured(&owner->smtp, owner->now);
        break;
    case PM_SMTP_EV_CRYPTO:
        check(event->data.len <= PM_SMTP_OUT_SIZE && !demands_tls(owner));
        check(event->crypto != PM_SMTP_PBKDF2 || (event->count >= 4096 && event->count <= 1000000));
        pm_smtp_crypto(&owner->smtp, owner->now % 2000 != 0 ? NULL : result, owner->now);
        break;
    case PM_SMTP_EV_TOKEN:
        check(owner->config.token && (owner->config.tls || owner->secured));
        check(event->index <= 1);
        pm_smtp_token(&owner->smtp, text(TOKEN), owner->now);
        break;
    case PM_SMTP_EV_BODY:
        check(!demands_tls(owner));
        owner->body = true;
        break;
    case PM_SMTP_EV_REFUSED: check(event->code >= 400 && event->code <= 599); break;
    case PM_SMTP_EV_DONE: check_done(owner, event); break;
    default: abort();
    }
}

/* Each event stands for one input line or one command; input is bounded, so are commands. */
static void pump(struct owner *owner, size_t input)
{
    struct pm_smtp_event event;
    size_t events = 0;
    while (pm_smtp_next_event(&owner->smtp, &event, owner->now) != PM_SMTP_EV_NONE) {
        check(++events < 8 * (input + owner->config.recipients + 16u));
        answer(owner, &event);
    }
}

static void leave(struct owner *owner, size_t most)
{
    const uint8_t *out;
    size_t n = pm_smtp_output(&owner->smtp, &out);
    while (n > 0 && most > 0) {
        check(n <= PM_SMTP_OUT_SIZE && memchr(out, 0, n) == NULL);
        n = n < most ? n : most;
        most -= n;
        pm_smtp_output_ack(&owner->smtp, n, owner->now);
        pump(owner, 0);
        n = pm_smtp_output(&owner->smtp, &out);
    }
}

static void send_body(struct owner *owner, bool end)
{
    uint8_t out[8];
    const uint8_t *commands;
    size_t used;
    if (!owner->body || pm_smtp_output(&owner->smtp, &commands) != 0) {
        return;
    }
    for (size_t at = 0; at < sizeof message - 1; at += used) {
        size_t n = pm_smtp_body(&owner->smtp, message + at, sizeof message - 1 - at, &used, out,
                                sizeof out);
        check(n <= sizeof out && (n > 0 || used > 0));
        owner->given += n;
    }
    pm_smtp_body_progress(&owner->smtp, owner->now);
    if (end) {
        owner->body = false;
        owner->delivered = true;
        pm_smtp_body_end(&owner->smtp, owner->now);
        pump(owner, 0);
        leave(owner, SIZE_MAX);
    }
}

static void give(struct owner *owner, const uint8_t *from, const uint8_t *to)
{
    if (to > from && !owner->closed) {
        pm_smtp_input(&owner->smtp, from, (size_t)(to - from), owner->now);
        pump(owner, (size_t)(to - from));
    }
}

static void act(struct owner *owner, uint8_t byte)
{
    uint64_t deadline = pm_smtp_deadline(&owner->smtp);
    switch (byte) {
    case 2: owner->now += 1000; break;
    case 3: owner->now = deadline == PM_NEVER ? owner->now : deadline; break;
    case 4:
        owner->closed = true;
        pm_smtp_closed(&owner->smtp, owner->now);
        break;
    case 5: send_body(owner, false); break;
    case 6: send_body(owner, true); break;
    case 7: leave(owner, 1); break;
    case '\n': leave(owner, SIZE_MAX); break;
    default: break;
    }
    pm_smtp_tick(&owner->smtp, owner->now);
    pump(owner, 0);
}

static void configure(struct owner *owner, uint8_t flags)
{
    struct pm_smtp_config *config = &owner->config;
    config->ehlo_name = text("me.example");
    config->sender = text("from@example.com");
    config->username = text((flags & 16) != 0 ? "" : USER);
    config->password = text(PASSWORD);
    config->starttls = (flags & 1) != 0;
    config->tls = (flags & 2) != 0;
    config->any_recipient = (flags & 4) != 0;
    config->clear_auth = (flags & 8) != 0 ? PM_SMTP_CLEAR_AUTH_NEVER : PM_SMTP_CLEAR_AUTH_ALLOW;
    config->recipients = (flags & 32) != 0 ? 1000 : 2;
    config->token = (flags & 64) != 0;
    config->external = (flags & 128) != 0;
    config->message_size = MESSAGE_SIZE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct owner owner;
    if (size == 0) {
        return 0;
    }
    memset(&owner, 0, sizeof owner);
    configure(&owner, data[0]);
    pm_smtp_init(&owner.smtp, &owner.config, 0);
    pump(&owner, 0);
    const uint8_t *end = data + size;
    const uint8_t *piece = data + 1;
    for (const uint8_t *at = piece; at < end; at++) {
        if (*at == '\n' || (*at >= 1 && *at <= 7)) {
            give(&owner, piece, *at == '\n' ? at + 1 : at);
            act(&owner, *at);
            piece = at + 1;
        }
    }
    give(&owner, piece, end);
    pm_smtp_closed(&owner.smtp, owner.now);
    pump(&owner, 0);
    check(owner.done == 1);
    pm_smtp_wipe(&owner.smtp);
    pump(&owner, 0);
    return 0;
}
