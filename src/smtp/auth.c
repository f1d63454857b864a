/* SPDX-License-Identifier: MIT */
/*
 * AUTH (RFC 4954): which mechanism, its first message, refusals; PLAIN, LOGIN, CRAM-MD5, EXTERNAL
 * and bearer tokens. Every step is in lock step, so that the output buffer holds one secret line at
 * most.
 */
#include "smtp/auth.h"

#include <string.h>

#include "base/base64.h"
#include "base/wipe.h"
#include "postmodem/error.h"
#include "smtp/capabilities.h"
#include "smtp/reply.h"

/* RFC 4954 section 4: a longer AUTH line keeps its initial response until after the 334. */
#define COMMAND_LINE_MAX 512

#define SCRAM  (PM_SMTP_SCRAM_SHA_256 | PM_SMTP_SCRAM_SHA_256_PLUS)
#define TOKENS (PM_SMTP_OAUTHBEARER | PM_SMTP_XOAUTH2)
/* Nobody who listens learns the secret from these. */
#define HIDING   (PM_SMTP_SCRAM_SHA_256 | PM_SMTP_CRAM_MD5)
#define IN_CLEAR (PM_SMTP_SCRAM_SHA_256 | PM_SMTP_CRAM_MD5 | PM_SMTP_PLAIN | PM_SMTP_LOGIN)

enum { DIGEST_SIZE = 16, DIGEST_HEX = 2 * DIGEST_SIZE };

/*
 * In the order in which they are tried. Under TLS nobody on the way sees a password, and CRAM-MD5,
 * whose answer can be tried against word lists and whose servers keep the password itself, goes
 * last.
 */
static const struct mechanism {
    uint8_t bit;
    uint8_t alone; /* the state after AUTH without an initial response */
    uint8_t sent;  /* and after the first message; IDLE: it has none of its own */
    const char *command;
    const char *redacted; /* the same with an initial response, for logs */
} mechanisms[] = {
#define PM_X(bit, name, alone, sent)                                         \
    {                                                                        \
        PM_SMTP_##bit, PM__SMTP_AUTH_##alone, PM__SMTP_##sent, "AUTH " name, \
            "AUTH " name " " PM__SMTP_REDACTED                               \
    }
    PM_X(EXTERNAL, "EXTERNAL", INITIAL, AUTH_RESULT),
    PM_X(SCRAM_SHA_256_PLUS, "SCRAM-SHA-256-PLUS", INITIAL, AUTH_SCRAM),
    PM_X(SCRAM_SHA_256, "SCRAM-SHA-256", INITIAL, AUTH_SCRAM),
    PM_X(OAUTHBEARER, "OAUTHBEARER", INITIAL, AUTH_TOKEN),
    PM_X(XOAUTH2, "XOAUTH2", INITIAL, AUTH_TOKEN),
    PM_X(PLAIN, "PLAIN", INITIAL, AUTH_RESULT),
    PM_X(LOGIN, "LOGIN", LOGIN, IDLE),
    PM_X(CRAM_MD5, "CRAM-MD5", CRAM, IDLE),
#undef PM_X
};

enum { MECHANISMS = sizeof mechanisms / sizeof mechanisms[0] };

bool pm__smtp_is_secure(const struct pm_smtp *smtp)
{
    return smtp->config.tls || smtp->secured;
}

bool pm__smtp_auth_fits(const struct pm_smtp_config *config)
{
    size_t limit = PM_SMTP_OUT_SIZE - 2;
    size_t user = config->username.len;
    if (user > limit || config->password.len > limit) {
        return false;
    }
    size_t plain = 1 + user + 1 + config->password.len;
    size_t cram = user + 1 + DIGEST_HEX;
    return PM__BASE64_SIZE(plain > cram ? plain : cram) <= limit;
}

/* ---- The first message ---- */

static void put_text(struct pm__smtp_sink *sink, const char *text)
{
    pm__smtp_sink_put(sink, (struct pm_slice){(const uint8_t *)text, strlen(text)});
}

void pm__smtp_put_saslname(struct pm__smtp_sink *sink, struct pm_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == ',' || name.ptr[i] == '=') {
            put_text(sink, name.ptr[i] == ',' ? "=2C" : "=3D");
        } else {
            pm__smtp_sink_put(sink, (struct pm_slice){name.ptr + i, 1});
        }
    }
}

static void put_bearer(const struct pm_smtp *smtp, struct pm__smtp_sink *sink, bool standard)
{
    if (standard) {
        put_text(sink, "n,a=");
        pm__smtp_put_saslname(sink, smtp->config.username);
        put_text(sink, ",");
    } else {
        put_text(sink, "user=");
        pm__smtp_sink_put(sink, smtp->config.username);
    }
    put_text(sink, "\x01"
                   "auth=Bearer ");
    pm__smtp_sink_put(sink, smtp->auth.token);
    put_text(sink, "\x01\x01");
}

static void put_message(const struct pm_smtp *smtp, struct pm__smtp_sink *sink)
{
    static const uint8_t nul[1] = {0};
    const struct pm_slice separator = {nul, 1};
    uint8_t bit = mechanisms[smtp->mechanism].bit;
    if (bit == PM_SMTP_PLAIN) {
        pm__smtp_sink_put(sink, separator);
        pm__smtp_sink_put(sink, smtp->config.username);
        pm__smtp_sink_put(sink, separator);
        pm__smtp_sink_put(sink, smtp->config.password);
    } else if ((bit & SCRAM) != 0) {
        pm__smtp_scram_message(smtp, sink);
    } else if ((bit & TOKENS) != 0) {
        put_bearer(smtp, sink, bit == PM_SMTP_OAUTHBEARER);
    }
    /* EXTERNAL says nothing: the server takes the name from the certificate. */
}

/* Encodes what fits the buffer, and ends the line with the last byte. */
static void send_message(struct pm_smtp *smtp, const char *redacted, uint64_t now)
{
    struct pm__smtp_sink sink = {.out = &smtp->out};
    smtp->out.encoded = 0;
    put_message(smtp, &sink);
    if (pm__smtp_sink_end(&sink)) {
        pm__smtp_end_secret(&smtp->out, redacted);
    } else {
        smtp->out.encoded = sink.skip;
        pm__smtp_begin_secret(&smtp->out, redacted);
    }
    pm__smtp_enter(smtp, (enum pm__smtp_state)mechanisms[smtp->mechanism].sent, now);
}

void pm__smtp_auth_more(struct pm_smtp *smtp)
{
    struct pm__smtp_sink sink = {.out = &smtp->out, .skip = smtp->out.encoded};
    put_message(smtp, &sink);
    bool all = pm__smtp_sink_end(&sink);
    smtp->out.encoded = sink.skip;
    pm__smtp_continue(&smtp->out, !all);
}

void pm__smtp_auth_begin(struct pm_smtp *smtp, uint64_t now)
{
    const struct mechanism *mechanism = &mechanisms[smtp->mechanism];
    struct pm__smtp_sink count = {.out = NULL};
    put_message(smtp, &count);
    size_t line = strlen(mechanism->command) + 1 + PM__BASE64_SIZE(count.length) + 2;
    pm__smtp_put(&smtp->out, mechanism->command);
    if (mechanism->sent == PM__SMTP_IDLE || line > COMMAND_LINE_MAX) {
        pm__smtp_end_line(&smtp->out);
        pm__smtp_enter(smtp, (enum pm__smtp_state)mechanism->alone, now);
    } else if (count.length == 0) { /* an empty initial response is written so */
        pm__smtp_put(&smtp->out, " =");
        pm__smtp_end_line(&smtp->out);
        pm__smtp_enter(smtp, (enum pm__smtp_state)mechanism->sent, now);
    } else {
        pm__smtp_put(&smtp->out, " ");
        send_message(smtp, mechanism->redacted, now);
    }
}

void pm__smtp_auth_initial(struct pm_smtp *smtp, uint64_t now)
{
    send_message(smtp, PM__SMTP_REDACTED, now);
}

/* ---- Which mechanism ---- */

static unsigned usable_mechanisms(const struct pm_smtp *smtp)
{
    const struct pm_smtp_config *config = &smtp->config;
    unsigned usable = smtp->capabilities.mechanisms & ~(unsigned)smtp->tried & ~config->forbidden;
    if (!pm__smtp_is_secure(smtp)) {
        usable &= config->clear_auth == PM_SMTP_CLEAR_AUTH_ALLOW ? IN_CLEAR : HIDING;
    }
    if (!config->external) {
        usable &= ~(unsigned)PM_SMTP_EXTERNAL;
    }
    if (config->username.len == 0) {
        usable &= PM_SMTP_EXTERNAL;
    }
    return usable & (config->token ? TOKENS | PM_SMTP_EXTERNAL : ~(unsigned)TOKENS);
}

/* In clear what does not show the password goes first (SD59). */
static size_t best_mechanism(const struct pm_smtp *smtp)
{
    unsigned usable = usable_mechanisms(smtp);
    if (!pm__smtp_is_secure(smtp) && (usable & HIDING) != 0) {
        usable &= HIDING;
    }
    size_t best = 0;
    while (best < MECHANISMS && (usable & mechanisms[best].bit) == 0) {
        best++;
    }
    return best;
}

bool pm__smtp_auth_wanted(const struct pm_smtp *smtp)
{
    return smtp->config.username.len != 0 || usable_mechanisms(smtp) != 0;
}

bool pm__smtp_auth_start(struct pm_smtp *smtp, uint64_t now)
{
    size_t best = best_mechanism(smtp);
    if (best == MECHANISMS) {
        return false;
    }
    uint8_t bit = mechanisms[best].bit;
    smtp->mechanism = (uint8_t)best;
    smtp->tried |= bit;
    if ((bit & SCRAM) != 0) {
        pm__smtp_scram_start(smtp, bit == PM_SMTP_SCRAM_SHA_256_PLUS, now);
    } else if ((bit & TOKENS) != 0) {
        pm__smtp_ask(smtp, PM__SMTP_ASKED_TOKEN, now);
    } else {
        pm__smtp_auth_begin(smtp, now);
    }
    return true;
}

/* ---- LOGIN ---- */

/* The prompts of LOGIN are not read: servers word them, and encode them, as they like. */
void pm__smtp_auth_login(struct pm_smtp *smtp, uint64_t now)
{
    pm__smtp_put_base64(&smtp->out, &smtp->config.username, 1);
    pm__smtp_end_secret(&smtp->out, PM__SMTP_REDACTED);
    pm__smtp_enter(smtp, PM__SMTP_AUTH_PASSWORD, now);
}

static void send_answer(struct pm_smtp *smtp, const struct pm_slice *parts, size_t count,
                        uint64_t now)
{
    pm__smtp_put_base64(&smtp->out, parts, count);
    pm__smtp_end_secret(&smtp->out, PM__SMTP_REDACTED);
    pm__smtp_enter(smtp, PM__SMTP_AUTH_RESULT, now);
}

void pm__smtp_auth_password(struct pm_smtp *smtp, uint64_t now)
{
    send_answer(smtp, &smtp->config.password, 1, now);
}

/* ---- What the owner is asked for ---- */

void pm__smtp_ask(struct pm_smtp *smtp, enum pm__smtp_asked what, uint64_t now)
{
    smtp->asked = (uint8_t)what;
    pm__smtp_enter(smtp, PM__SMTP_AUTH_OWNER, now);
}

enum pm_smtp_event_kind pm__smtp_auth_event(const struct pm_smtp *smtp, struct pm_smtp_event *event)
{
    if (smtp->asked == PM__SMTP_ASKED_TOKEN) {
        event->index = smtp->renewed ? 1 : 0;
        return PM_SMTP_EV_TOKEN;
    }
    if (smtp->asked == PM__SMTP_ASKED_SCRAM) {
        pm__smtp_scram_event(smtp, event);
    } else {
        event->crypto = PM_SMTP_HMAC_MD5;
        event->key = smtp->config.password;
        event->data = (struct pm_slice){smtp->out.buf, smtp->auth.challenge};
    }
    return PM_SMTP_EV_CRYPTO;
}

/* ---- CRAM-MD5 ---- */

void pm__smtp_auth_cancel(struct pm_smtp *smtp, uint64_t now)
{
    pm__smtp_forget(&smtp->out);
    pm__smtp_put(&smtp->out, "*");
    pm__smtp_end_line(&smtp->out);
    pm__smtp_enter(smtp, PM__SMTP_AUTH_CANCEL, now);
}

/* The challenge is decoded into the output buffer, which is empty in lock step and not
 * touched before the digest comes. */
void pm__smtp_auth_challenge(struct pm_smtp *smtp, uint64_t now)
{
    struct pm_slice text = pm__smtp_reply_text(&smtp->reply);
    if (pm__base64_decode(text.ptr, text.len, smtp->out.buf, sizeof smtp->out.buf,
                          &smtp->auth.challenge)) {
        pm__smtp_ask(smtp, PM__SMTP_ASKED_HMAC, now);
    } else {
        pm__smtp_auth_cancel(smtp, now);
    }
}

static void answer_challenge(struct pm_smtp *smtp, const uint8_t *digest, uint64_t now)
{
    static const uint8_t digits[] = "0123456789abcdef";
    uint8_t hex[1 + DIGEST_HEX] = {' '};
    if (digest == NULL) {
        pm__smtp_auth_cancel(smtp, now);
        return;
    }
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        hex[1 + 2 * i] = digits[digest[i] >> 4];
        hex[2 + 2 * i] = digits[digest[i] & 15u];
    }
    const struct pm_slice parts[] = {smtp->config.username, {hex, sizeof hex}};
    pm__smtp_forget(&smtp->out);
    send_answer(smtp, parts, sizeof parts / sizeof parts[0], now);
    pm__wipe(hex, sizeof hex);
}

void pm_smtp_crypto(struct pm_smtp *smtp, const uint8_t *result, uint64_t now)
{
    if (smtp->state != PM__SMTP_AUTH_OWNER) {
        return;
    }
    if (smtp->asked == PM__SMTP_ASKED_HMAC) {
        answer_challenge(smtp, result, now);
    } else if (smtp->asked == PM__SMTP_ASKED_SCRAM) {
        pm__smtp_scram_result(smtp, result, now);
    }
}

/* ---- Refusals ---- */

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
    uint8_t bit = mechanisms[smtp->mechanism].bit;
    if (code == 535 && (bit & TOKENS) != 0 && !smtp->renewed) {
        smtp->renewed = true;
        pm__smtp_ask(smtp, PM__SMTP_ASKED_TOKEN, now);
        return;
    }
    /* With EXTERNAL no secret has been tried yet. */
    bool other_may_do = code == 504 || code == 534 || code == 538 || bit == PM_SMTP_EXTERNAL;
    if (!other_may_do || !pm__smtp_auth_start(smtp, now)) {
        pm__smtp_fail(smtp, auth_error(code), code, PM__SMTP_QUIT, now);
    }
}

/* The secret was not used, so any other mechanism may try it, unless the server has shown that it
 * is not to be trusted. */
void pm__smtp_auth_cancelled(struct pm_smtp *smtp, uint64_t now)
{
    if (smtp->error != 0 || !pm__smtp_auth_start(smtp, now)) {
        pm__smtp_fail(smtp, PM_MAIL_SEND, 0, PM__SMTP_QUIT, now);
    }
}

void pm__smtp_auth_empty(struct pm_smtp *smtp, enum pm__smtp_state state, uint64_t now)
{
    pm__smtp_forget(&smtp->out);
    pm__smtp_end_line(&smtp->out);
    pm__smtp_enter(smtp, state, now);
}

/* ---- Tokens ---- */

static bool is_token(struct pm_slice token)
{
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] <= ' ' || token.ptr[i] > '~') {
            return false;
        }
    }
    return token.len > 0;
}

void pm_smtp_token(struct pm_smtp *smtp, struct pm_slice token, uint64_t now)
{
    if (smtp->state != PM__SMTP_AUTH_OWNER || smtp->asked != PM__SMTP_ASKED_TOKEN) {
        return;
    }
    if (is_token(token)) {
        smtp->auth.token = token;
        pm__smtp_auth_begin(smtp, now);
    } else {
        pm__smtp_fail(smtp, PM_MAIL_AUTH, smtp->renewed ? smtp->negative : 0, PM__SMTP_QUIT, now);
    }
}

/* The 334 tells what is wrong; the refusal comes only after an answer (RFC 7628 3.2.3). */
void pm__smtp_auth_token_error(struct pm_smtp *smtp, uint64_t now)
{
    if (mechanisms[smtp->mechanism].bit == PM_SMTP_XOAUTH2) {
        pm__smtp_auth_empty(smtp, PM__SMTP_AUTH_DENIED, now);
        return;
    }
    pm__smtp_put(&smtp->out, "AQ==");
    pm__smtp_end_line(&smtp->out);
    pm__smtp_enter(smtp, PM__SMTP_AUTH_DENIED, now);
}

bool pm__smtp_auth_reveals(const struct pm_smtp *smtp, struct pm_slice line)
{
    struct pm_slice token = {NULL, 0};
    if ((mechanisms[smtp->mechanism].bit & TOKENS) != 0 && smtp->state != PM__SMTP_AUTH_OWNER) {
        token = smtp->auth.token;
    }
    return pm__smtp_reveals(&smtp->out, line, smtp->config.password) ||
           pm__smtp_reveals(&smtp->out, line, token);
}
