/* SPDX-License-Identifier: MIT */
/*
 * AUTH (RFC 4954): PLAIN, LOGIN and CRAM-MD5. Every step is in lock step, so that the output
 * buffer holds one secret line at most.
 */
#include "base/base64.h"
#include "base/wipe.h"
#include "postmodem/error.h"
#include "smtp/capabilities.h"
#include "smtp/output.h"
#include "smtp/reply.h"
#include "smtp/session.h"

/* RFC 4954 section 4: a longer AUTH line keeps its initial response until after the 334. */
#define COMMAND_LINE_MAX 512
#define PLAIN_COMMAND    "AUTH PLAIN "
#define REDACTED         "********"

enum { DIGEST_SIZE = 16, DIGEST_HEX = 2 * DIGEST_SIZE };

bool pm__smtp_auth_fits(const struct pm_smtp_config *config)
{
    size_t limit = PM_SMTP_OUT_SIZE - sizeof PLAIN_COMMAND - 2;
    size_t user = config->username.len;
    if (user > limit || config->password.len > limit) {
        return false;
    }
    size_t plain = 1 + user + 1 + config->password.len;
    size_t cram = user + 1 + DIGEST_HEX;
    return PM__BASE64_SIZE(plain > cram ? plain : cram) <= limit;
}

static void put_plain_message(struct pm_smtp *smtp)
{
    static const uint8_t nul = 0;
    const struct pm_slice parts[] = {
        {&nul, 1}, smtp->config.username, {&nul, 1}, smtp->config.password};
    pm__smtp_put_base64(&smtp->out, parts, sizeof parts / sizeof parts[0]);
}

static void send_secret(struct pm_smtp *smtp, const char *redacted, uint64_t now)
{
    pm__smtp_end_secret(&smtp->out, redacted);
    pm__smtp_enter(smtp, PM__SMTP_AUTH_RESULT, now);
}

static void start_plain(struct pm_smtp *smtp, uint64_t now)
{
    size_t message = 2 + smtp->config.username.len + smtp->config.password.len;
    if (sizeof PLAIN_COMMAND - 1 + PM__BASE64_SIZE(message) + 2 <= COMMAND_LINE_MAX) {
        pm__smtp_put(&smtp->out, PLAIN_COMMAND);
        put_plain_message(smtp);
        send_secret(smtp, PLAIN_COMMAND REDACTED, now);
        return;
    }
    pm__smtp_put(&smtp->out, "AUTH PLAIN");
    pm__smtp_end_line(&smtp->out);
    pm__smtp_enter(smtp, PM__SMTP_AUTH_PLAIN, now);
}

/*
 * Under TLS the password is safe on the way and PLAIN is what servers know best; in clear
 * CRAM-MD5, which does not show it, goes first (SD59).
 */
static uint8_t best_mechanism(const struct pm_smtp *smtp)
{
    static const uint8_t under_tls[] = {PM__SMTP_PLAIN, PM__SMTP_LOGIN, PM__SMTP_CRAM_MD5};
    static const uint8_t in_clear[] = {PM__SMTP_CRAM_MD5, PM__SMTP_PLAIN, PM__SMTP_LOGIN};
    bool secure = smtp->config.tls || smtp->secured;
    const uint8_t *order = secure ? under_tls : in_clear;
    unsigned usable = smtp->capabilities.mechanisms & ~(unsigned)smtp->tried;
    if (!secure && smtp->config.clear_auth != PM_SMTP_CLEAR_AUTH_ALLOW) {
        usable &= PM__SMTP_CRAM_MD5;
    }
    for (size_t i = 0; i < sizeof in_clear; i++) {
        if ((usable & order[i]) != 0) {
            return order[i];
        }
    }
    return 0;
}

bool pm__smtp_auth_start(struct pm_smtp *smtp, uint64_t now)
{
    uint8_t mechanism = best_mechanism(smtp);
    smtp->tried |= mechanism;
    if (mechanism == PM__SMTP_PLAIN) {
        start_plain(smtp, now);
    } else if (mechanism == PM__SMTP_LOGIN) {
        pm__smtp_put(&smtp->out, "AUTH LOGIN");
        pm__smtp_end_line(&smtp->out);
        pm__smtp_enter(smtp, PM__SMTP_AUTH_LOGIN, now);
    } else if (mechanism == PM__SMTP_CRAM_MD5) {
        pm__smtp_put(&smtp->out, "AUTH CRAM-MD5");
        pm__smtp_end_line(&smtp->out);
        pm__smtp_enter(smtp, PM__SMTP_AUTH_CRAM, now);
    }
    return mechanism != 0;
}

void pm__smtp_auth_plain(struct pm_smtp *smtp, uint64_t now)
{
    put_plain_message(smtp);
    send_secret(smtp, REDACTED, now);
}

/* The prompts of LOGIN are not read: servers word them, and encode them, as they like. */
void pm__smtp_auth_login(struct pm_smtp *smtp, uint64_t now)
{
    pm__smtp_put_base64(&smtp->out, &smtp->config.username, 1);
    pm__smtp_end_secret(&smtp->out, REDACTED);
    pm__smtp_enter(smtp, PM__SMTP_AUTH_PASSWORD, now);
}

void pm__smtp_auth_password(struct pm_smtp *smtp, uint64_t now)
{
    pm__smtp_put_base64(&smtp->out, &smtp->config.password, 1);
    send_secret(smtp, REDACTED, now);
}

/* The challenge is decoded into the output buffer, which is empty in lock step and not
 * touched before the digest comes. */
void pm__smtp_auth_challenge(struct pm_smtp *smtp, uint64_t now)
{
    struct pm_slice text = pm__smtp_reply_text(&smtp->reply);
    if (pm__base64_decode(text.ptr, text.len, smtp->out.buf, sizeof smtp->out.buf,
                          &smtp->challenge)) {
        pm__smtp_enter(smtp, PM__SMTP_AUTH_HMAC, now);
        return;
    }
    pm__smtp_forget(&smtp->out);
    pm__smtp_put(&smtp->out, "*");
    pm__smtp_end_line(&smtp->out);
    pm__smtp_enter(smtp, PM__SMTP_AUTH_CANCEL, now);
}

void pm_smtp_hmac(struct pm_smtp *smtp, const uint8_t digest[16], uint64_t now)
{
    static const uint8_t digits[] = "0123456789abcdef";
    uint8_t hex[1 + DIGEST_HEX] = {' '};
    if (smtp->state != PM__SMTP_AUTH_HMAC) {
        return;
    }
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        hex[1 + 2 * i] = digits[digest[i] >> 4];
        hex[2 + 2 * i] = digits[digest[i] & 15u];
    }
    const struct pm_slice parts[] = {smtp->config.username, {hex, sizeof hex}};
    pm__smtp_forget(&smtp->out);
    pm__smtp_put_base64(&smtp->out, parts, sizeof parts / sizeof parts[0]);
    send_secret(smtp, REDACTED, now);
    pm__wipe(hex, sizeof hex);
}

/* SD32 adds four codes that table 2 does not know. */
static uint16_t auth_error(uint16_t code)
{
    if (code == 432 || code == 454 || code == 534 || code == 538) {
        return PM_MAIL_AUTH;
    }
    return pm_mail_error_of_reply(code);
}

void pm__smtp_auth_refused(struct pm_smtp *smtp, uint64_t now)
{
    uint16_t code = smtp->reply.code;
    bool other_may_do = code == 504 || code == 534 || code == 538;
    if (!other_may_do || !pm__smtp_auth_start(smtp, now)) {
        pm__smtp_fail(smtp, auth_error(code), code, PM__SMTP_QUIT, now);
    }
}

/* The secret was not used, so any other mechanism may try it. */
void pm__smtp_auth_cancelled(struct pm_smtp *smtp, uint64_t now)
{
    if (!pm__smtp_auth_start(smtp, now)) {
        pm__smtp_fail(smtp, PM_MAIL_SEND, 0, PM__SMTP_QUIT, now);
    }
}
