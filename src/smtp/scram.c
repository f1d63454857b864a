/* SPDX-License-Identifier: MIT */
/*
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677). What is computed comes from the
 * owner, step by step; here it is put together and compared.
 *
 * User name and password go as they are: for ASCII that is what SASLprep (RFC 4013) makes of them,
 * for other UTF-8 text where it is in the normal form KC already.
 */
#include <string.h>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/wipe.h"
#include "postmodem/error.h"
#include "smtp/auth.h"
#include "smtp/reply.h"

enum {
    NONCE_SIZE = PM__BASE64_SIZE(PM_SMTP_RANDOM_SIZE),
    KEY_SIZE = 32,
    KEY_TEXT = PM__BASE64_SIZE(KEY_SIZE),
    LEAST_ITERATIONS = 4096,   /* RFC 7677 section 4 */
    MOST_ITERATIONS = 1000000, /* what more costs helps an attacker of ours alone */
    GS2_SIZE = 16 + KEY_SIZE
};

enum step { BINDING, NONCE, SALTED, CLIENT_KEY, STORED_KEY, SIGNATURE, SERVER_KEY, PROOF, STEPS };

/* What goes into a step and comes out of it. */
enum item { NOTHING, PASSWORD, SALT, MESSAGE, CLIENT_TEXT, SERVER_TEXT, A, B, C };

static const struct {
    uint8_t crypto;
    uint8_t key, data, result;
} steps[STEPS] = {
    [BINDING] = {PM_SMTP_BINDING, NOTHING, NOTHING, C},
    [NONCE] = {PM_SMTP_RANDOM, NOTHING, NOTHING, A},
    [SALTED] = {PM_SMTP_PBKDF2, PASSWORD, SALT, A},
    [CLIENT_KEY] = {PM_SMTP_HMAC_SHA256, A, CLIENT_TEXT, B},
    [STORED_KEY] = {PM_SMTP_SHA256, NOTHING, B, C},
    [SIGNATURE] = {PM_SMTP_HMAC_SHA256, C, MESSAGE, C},
    [SERVER_KEY] = {PM_SMTP_HMAC_SHA256, A, SERVER_TEXT, C},
    [PROOF] = {PM_SMTP_HMAC_SHA256, C, MESSAGE, A},
};

static struct pm_slice item(const struct pm_smtp *smtp, uint8_t which)
{
    const struct pm_smtp_scram *scram = &smtp->auth.scram;
    switch (which) {
    case PASSWORD: return smtp->config.password;
    case SALT: return (struct pm_slice){smtp->out.buf + scram->message, scram->salt};
    case MESSAGE: return (struct pm_slice){smtp->out.buf, scram->message};
    case CLIENT_TEXT: return pm__slice("Client Key");
    case SERVER_TEXT: return pm__slice("Server Key");
    case A: return (struct pm_slice){scram->a, KEY_SIZE};
    case B: return (struct pm_slice){scram->b, KEY_SIZE};
    case C: return (struct pm_slice){scram->c, KEY_SIZE};
    default: return (struct pm_slice){NULL, 0};
    }
}

static void ask(struct pm_smtp *smtp, enum step step, uint64_t now)
{
    smtp->auth.scram.step = (uint8_t)step;
    pm__smtp_ask(smtp, PM__SMTP_ASKED_SCRAM, now);
}

void pm__smtp_scram_event(const struct pm_smtp *smtp, struct pm_smtp_event *event)
{
    uint8_t step = smtp->auth.scram.step;
    event->crypto = steps[step].crypto;
    event->key = item(smtp, steps[step].key);
    event->data = item(smtp, steps[step].data);
    event->count = smtp->auth.scram.iterations;
}

/* ---- The client-first-message ---- */

/* Whether the connection can be bound decides about the flag even without -PLUS: y lets the
 * server find out that its offer of -PLUS did not arrive (RFC 5802 section 6). */
void pm__smtp_scram_start(struct pm_smtp *smtp, bool plus, uint64_t now)
{
    struct pm_smtp_scram *scram = &smtp->auth.scram;
    bool binds =
        pm__smtp_is_secure(smtp) && (smtp->config.forbidden & PM_SMTP_SCRAM_SHA_256_PLUS) == 0;
    pm__wipe(scram, sizeof *scram);
    scram->flag = !binds ? 'n' : plus ? 'p' : 'y';
    ask(smtp, binds ? BINDING : NONCE, now);
}

static struct pm_slice gs2_header(const struct pm_smtp_scram *scram)
{
    return pm__slice(scram->flag == 'p' ? "p=tls-exporter,," : scram->flag == 'y' ? "y,," : "n,,");
}

/* client-first-message-bare */
static void put_bare(const struct pm_smtp *smtp, struct pm__smtp_sink *sink)
{
    pm__smtp_sink_put(sink, pm__slice("n="));
    pm__smtp_put_saslname(sink, smtp->config.username);
    pm__smtp_sink_put(sink, pm__slice(",r="));
    pm__smtp_sink_put(sink, (struct pm_slice){smtp->auth.scram.a, NONCE_SIZE});
}

void pm__smtp_scram_message(const struct pm_smtp *smtp, struct pm__smtp_sink *sink)
{
    pm__smtp_sink_put(sink, gs2_header(&smtp->auth.scram));
    put_bare(smtp, sink);
}

/* ---- The server-first-message ---- */

struct server_first {
    struct pm_slice nonce, salt;
    uint64_t iterations;
};

/* Cuts "x=value" off `rest` up to a comma or the end. False when another one stands there. */
static bool attribute(struct pm_slice *rest, char name, struct pm_slice *value)
{
    if (rest->len < 2 || rest->ptr[0] != (uint8_t)name || rest->ptr[1] != '=') {
        return false;
    }
    const uint8_t *start = rest->ptr + 2;
    const uint8_t *end = memchr(start, ',', rest->len - 2);
    size_t len = end != NULL ? (size_t)(end - start) : rest->len - 2;
    *value = (struct pm_slice){start, len};
    size_t step = 2 + len + (end != NULL ? 1 : 0);
    *rest = (struct pm_slice){rest->ptr + step, rest->len - step};
    return true;
}

static bool is_nonce(struct pm_slice nonce, const uint8_t *own)
{
    for (size_t i = 0; i < nonce.len; i++) {
        if (nonce.ptr[i] <= ' ' || nonce.ptr[i] > '~') {
            return false;
        }
    }
    return nonce.len > NONCE_SIZE && memcmp(nonce.ptr, own, NONCE_SIZE) == 0;
}

/* Optional extensions may follow; one that must be understood stands in front (m=). */
static bool read_first(struct pm_slice text, const uint8_t *own, struct server_first *first)
{
    struct pm_slice count;
    return attribute(&text, 'r', &first->nonce) && is_nonce(first->nonce, own) &&
           attribute(&text, 's', &first->salt) && first->salt.len > 0 &&
           attribute(&text, 'i', &count) &&
           pm__slice_number(count, MOST_ITERATIONS, &first->iterations) &&
           first->iterations >= LEAST_ITERATIONS;
}

/* client-final-message-without-proof */
static void add_final(struct pm_smtp_scram *scram, struct pm__text *text, struct pm_slice nonce)
{
    uint8_t binding[GS2_SIZE];
    uint8_t encoded[PM__BASE64_SIZE(GS2_SIZE)];
    struct pm_slice header = gs2_header(scram);
    size_t len = header.len;
    memcpy(binding, header.ptr, len);
    if (scram->flag == 'p') {
        memcpy(binding + len, scram->c, KEY_SIZE);
        len += KEY_SIZE;
    }
    scram->final_at = (uint16_t)text->len;
    pm__text_add(text, "c=");
    pm__text_bytes(text, encoded, pm__base64_encode(encoded, binding, len));
    pm__text_add(text, ",r=");
    pm__text_slice(text, nonce);
    pm__wipe(binding, sizeof binding);
    pm__wipe(encoded, sizeof encoded);
}

/* Writes the AuthMessage into the output buffer, which is empty in lock step, and the salt
 * behind it. False when the server's part is not right, or all of it too long. */
static bool compose(struct pm_smtp *smtp, struct pm_slice challenge)
{
    struct pm_smtp_scram *scram = &smtp->auth.scram;
    struct pm_smtp_out *out = &smtp->out;
    struct server_first first;
    struct pm__text text;
    struct pm__smtp_sink sink = {.text = &text};
    size_t len = 0;
    pm__text_init(&text, (char *)out->buf, sizeof out->buf);
    put_bare(smtp, &sink);
    pm__text_char(&text, ',');
    if (text.cut ||
        !pm__base64_decode(challenge.ptr, challenge.len, out->buf + text.len,
                           sizeof out->buf - text.len, &len) ||
        !read_first((struct pm_slice){out->buf + text.len, len}, scram->a, &first)) {
        return false;
    }
    text.len += len;
    pm__text_char(&text, ',');
    add_final(scram, &text, first.nonce);
    if (text.cut || !pm__base64_decode(first.salt.ptr, first.salt.len, out->buf + text.len,
                                       sizeof out->buf - text.len, &len)) {
        return false;
    }
    scram->iterations = (uint32_t)first.iterations;
    scram->message = (uint16_t)text.len;
    scram->salt = (uint16_t)len;
    return true;
}

void pm__smtp_scram_first(struct pm_smtp *smtp, uint64_t now)
{
    if (compose(smtp, pm__smtp_reply_text(&smtp->reply))) {
        ask(smtp, SALTED, now);
        return;
    }
    pm__smtp_verdict(smtp, PM_MAIL_AUTH, 0);
    pm__smtp_auth_cancel(smtp, now);
}

/* ---- The client-final-message ---- */

static void make_proof(struct pm_smtp_scram *scram)
{
    for (size_t i = 0; i < KEY_SIZE; i++) {
        scram->b[i] ^= scram->c[i];
    }
}

/* The message moves to the end of the buffer, from where it is encoded to its beginning: what is
 * written never reaches what is still to be read. */
static void send_final(struct pm_smtp *smtp, uint64_t now)
{
    struct pm_smtp_scram *scram = &smtp->auth.scram;
    struct pm_smtp_out *out = &smtp->out;
    uint8_t proof[3 + KEY_TEXT] = {',', 'p', '='};
    size_t len = (size_t)scram->message - scram->final_at;
    uint8_t *final = out->buf + sizeof out->buf - len;
    (void)pm__base64_encode(proof + 3, scram->b, KEY_SIZE);
    memmove(final, out->buf + scram->final_at, len);
    const struct pm_slice parts[] = {{final, len}, {proof, sizeof proof}};
    pm__smtp_put_base64(out, parts, sizeof parts / sizeof parts[0]);
    pm__smtp_end_secret(out, PM__SMTP_REDACTED);
    pm__wipe(proof, sizeof proof);
    pm__wipe(scram->b, sizeof scram->b);
    pm__wipe(scram->c, sizeof scram->c);
    pm__smtp_enter(smtp, PM__SMTP_AUTH_PROOF, now);
}

/* Without a result: a connection that cannot be bound does without -PLUS, anything else is left to
 * another mechanism. */
static void cannot(struct pm_smtp *smtp, enum step step, uint64_t now)
{
    struct pm_smtp_scram *scram = &smtp->auth.scram;
    if (step == BINDING && scram->flag == 'y') {
        scram->flag = 'n';
        ask(smtp, NONCE, now);
    } else if (step > NONCE) {
        pm__smtp_auth_cancel(smtp, now);
    } else if (!pm__smtp_auth_start(smtp, now)) {
        pm__smtp_fail(smtp, PM_MAIL_AUTH_TYPE, 0, PM__SMTP_QUIT, now);
    }
}

static void keep(struct pm_smtp_scram *scram, enum step step, const uint8_t *result)
{
    uint8_t to = steps[step].result;
    if (step == NONCE) {
        (void)pm__base64_encode(scram->a, result, PM_SMTP_RANDOM_SIZE);
    } else {
        memcpy(to == A ? scram->a : to == B ? scram->b : scram->c, result, KEY_SIZE);
    }
}

void pm__smtp_scram_result(struct pm_smtp *smtp, const uint8_t *result, uint64_t now)
{
    struct pm_smtp_scram *scram = &smtp->auth.scram;
    enum step step = (enum step)scram->step;
    if (result == NULL) {
        cannot(smtp, step, now);
        return;
    }
    keep(scram, step, result);
    if (step == SIGNATURE) {
        make_proof(scram);
    }
    if (step == NONCE) {
        pm__smtp_auth_begin(smtp, now);
    } else if (step == PROOF) {
        send_final(smtp, now);
    } else {
        ask(smtp, (enum step)(step + 1), now);
    }
}

/* ---- The server-final-message ---- */

/* Takes the same time wherever they differ. */
static bool same(const uint8_t *a, const uint8_t *b)
{
    unsigned difference = 0;
    for (size_t i = 0; i < KEY_SIZE; i++) {
        difference |= (unsigned)(a[i] ^ b[i]);
    }
    return difference == 0;
}

void pm__smtp_scram_unproven(struct pm_smtp *smtp, uint64_t now)
{
    pm__smtp_fail(smtp, PM_MAIL_AUTH, 0, PM__SMTP_DROP, now);
}

/* A server that does not know the password is not the one that was meant; its error (e=) is
 * answered, so that it says what it thinks of the password by a code. */
void pm__smtp_scram_final(struct pm_smtp *smtp, uint64_t now)
{
    struct pm_slice challenge = pm__smtp_reply_text(&smtp->reply);
    struct pm_slice text = {smtp->out.buf, 0};
    struct pm_slice value;
    size_t len = 0;
    if (!pm__base64_decode(challenge.ptr, challenge.len, smtp->out.buf, sizeof smtp->out.buf,
                           &text.len)) {
        pm__smtp_scram_unproven(smtp, now);
    } else if (attribute(&text, 'e', &value)) {
        pm__smtp_auth_empty(smtp, PM__SMTP_AUTH_DENIED, now);
    } else if (attribute(&text, 'v', &value) && value.len == KEY_TEXT &&
               pm__base64_decode(value.ptr, value.len, smtp->out.buf, sizeof smtp->out.buf, &len) &&
               len == KEY_SIZE && same(smtp->out.buf, smtp->auth.scram.a)) {
        pm__wipe(smtp->auth.scram.a, sizeof smtp->auth.scram.a);
        pm__smtp_auth_empty(smtp, PM__SMTP_AUTH_RESULT, now);
    } else {
        pm__smtp_scram_unproven(smtp, now);
    }
}
