/* SPDX-License-Identifier: MIT */
/* The scripted SMTP server. */
#include "smtp_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { EVENT_LIMIT = 200000 };

static const char *const default_recipients[] = {"r0@example.net", "r1@example.net",
                                                 "r2@example.net", "r3@example.net"};

struct pm_slice smtp_text(const char *text)
{
    return (struct pm_slice){(const uint8_t *)text, strlen(text)};
}

void smtp_setup_default(struct smtp_setup *setup)
{
    memset(setup, 0, sizeof *setup);
    setup->config.ehlo_name = smtp_text("me.example");
    setup->config.sender = smtp_text("from@example.com");
    setup->config.recipients = 1;
    setup->recipients = default_recipients;
    setup->body = "Subject: x\r\n\r\nhello\r\n";
}

void smtp_setup_auth(struct smtp_setup *setup, bool tls)
{
    smtp_setup_default(setup);
    setup->config.username = smtp_text("tim");
    setup->config.password = smtp_text("tanstaaftanstaaf");
    setup->config.tls = tls;
}

static void note(struct smtp_peer *peer, const char *kind, struct pm_slice data)
{
    assert_true(peer->log_len + data.len + 64 < sizeof peer->log);
    int n = snprintf(peer->log + peer->log_len, sizeof peer->log - peer->log_len, "%s ", kind);
    assert_true(n > 0);
    peer->log_len += (size_t)n;
    if (data.len > 0) {
        memcpy(peer->log + peer->log_len, data.ptr, data.len);
    }
    peer->log_len += data.len;
    peer->log[peer->log_len++] = '\n';
    peer->log[peer->log_len] = '\0';
}

static void note_numbers(struct smtp_peer *peer, const char *kind, unsigned a, unsigned b)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%u %u", a, b);
    note(peer, kind, smtp_text(text));
}

static void keep_sent(struct smtp_peer *peer, const void *bytes, size_t len)
{
    assert_true(peer->sent_len + len < sizeof peer->sent);
    memcpy(peer->sent + peer->sent_len, bytes, len);
    peer->sent_len += len;
    peer->sent[peer->sent_len] = '\0';
}

/* The digest of RFC 2195's example. */
static bool canned_crypto(const struct pm_smtp_event *event, uint8_t result[32])
{
    static const uint8_t digest[16] = {0xb9, 0x13, 0xa6, 0x02, 0xc7, 0xed, 0xa7, 0xa4,
                                       0x95, 0xb4, 0xe6, 0xe7, 0x33, 0x4d, 0x38, 0x90};
    memset(result, 0, 32);
    if (event->crypto == PM_SMTP_HMAC_MD5) {
        memcpy(result, digest, sizeof digest);
    }
    return true;
}

static void answer_crypto(struct smtp_peer *peer, const struct pm_smtp_event *event)
{
    uint8_t result[32];
    bool (*crypto)(const struct pm_smtp_event *, uint8_t *) =
        peer->setup->crypto != NULL ? peer->setup->crypto : canned_crypto;
    if (event->crypto == PM_SMTP_HMAC_MD5) {
        note(peer, "hmac", event->data);
    } else {
        note_numbers(peer, "crypto", event->crypto, (unsigned)event->data.len);
    }
    if (!peer->setup->hold_auth) {
        pm_smtp_crypto(&peer->smtp, crypto(event, result) ? result : NULL, peer->now);
    }
}

static void answer_token(struct smtp_peer *peer, const struct pm_smtp_event *event)
{
    const char *token = peer->setup->tokens[event->index];
    note_numbers(peer, "token", event->index, 0);
    if (!peer->setup->hold_auth) {
        pm_smtp_token(&peer->smtp, smtp_text(token != NULL ? token : ""), peer->now);
    }
}

static void answer_starttls(struct smtp_peer *peer)
{
    const uint8_t *data;
    assert_int_equal(pm_smtp_output(&peer->smtp, &data), 0);
    note(peer, "starttls", smtp_text(""));
    keep_sent(peer, "<TLS>", 5);
    if (!peer->setup->hold_tls) {
        pm_smtp_secured(&peer->smtp, peer->now);
    }
}

static void answer(struct smtp_peer *peer, const struct pm_smtp_event *event)
{
    bool line = event->kind == PM_SMTP_EV_SENT || event->kind == PM_SMTP_EV_REPLY;
    bool last = event->kind == PM_SMTP_EV_LEAVE;
    assert_int_equal(peer->left, 0);
    assert_int_equal(peer->done, peer->again + (last || (line && peer->done > peer->again)));
    switch (event->kind) {
    case PM_SMTP_EV_SENT: note(peer, "sent", event->data); return;
    case PM_SMTP_EV_REPLY: note(peer, "reply", event->data); return;
    case PM_SMTP_EV_REFUSED: note_numbers(peer, "refused", event->index, event->code); return;
    case PM_SMTP_EV_DONE:
        peer->done++;
        peer->body_due = false;
        peer->result = *event;
        note_numbers(peer, "done", event->error, event->code);
        return;
    case PM_SMTP_EV_LEAVE:
        peer->left++;
        peer->result.graceful = event->graceful;
        note(peer, "leave", smtp_text(""));
        return;
    default: break;
    }
    peer->asked++;
    if (event->kind == PM_SMTP_EV_RECIPIENT) {
        assert_true(event->index < peer->setup->config.recipients);
        pm_smtp_recipient(&peer->smtp, smtp_text(peer->setup->recipients[event->index]));
    } else if (event->kind == PM_SMTP_EV_STARTTLS) {
        answer_starttls(peer);
    } else if (event->kind == PM_SMTP_EV_CRYPTO) {
        answer_crypto(peer, event);
    } else if (event->kind == PM_SMTP_EV_TOKEN) {
        answer_token(peer, event);
    } else {
        assert_int_equal(event->kind, PM_SMTP_EV_BODY);
        note(peer, "body", smtp_text(""));
        peer->body_due = true;
    }
}

static void pump(struct smtp_peer *peer)
{
    struct pm_smtp_event event;
    unsigned count = 0;
    while (pm_smtp_next_event(&peer->smtp, &event, peer->now) != PM_SMTP_EV_NONE) {
        assert_true(++count < EVENT_LIMIT);
        answer(peer, &event);
    }
}

static void drain(struct smtp_peer *peer)
{
    const uint8_t *data;
    size_t n = pm_smtp_output(&peer->smtp, &data);
    while (n > 0) {
        if (peer->cut.ack != 0 && n > peer->cut.ack) {
            n = peer->cut.ack;
        }
        keep_sent(peer, data, n);
        pm_smtp_output_ack(&peer->smtp, n, peer->now);
        pump(peer);
        n = pm_smtp_output(&peer->smtp, &data);
    }
}

static void send_body(struct smtp_peer *peer)
{
    const uint8_t *in = (const uint8_t *)peer->setup->body;
    size_t left = strlen(peer->setup->body);
    const uint8_t *data;
    peer->body_due = false;
    assert_int_equal(pm_smtp_output(&peer->smtp, &data), 0);
    while (left > 0) {
        uint8_t out[256];
        size_t used;
        size_t n = pm_smtp_body(&peer->smtp, in, left, &used, out, peer->cut.out_size);
        assert_true(used > 0 || n > 0);
        keep_sent(peer, out, n);
        pm_smtp_body_progress(&peer->smtp, peer->now);
        in += used;
        left -= used;
    }
    pm_smtp_body_end(&peer->smtp, peer->now);
    pump(peer);
    drain(peer);
}

/* Everything the owner does before it waits again. */
static void settle(struct smtp_peer *peer)
{
    pump(peer);
    drain(peer);
    if (peer->body_due && !peer->setup->hold_body) {
        send_body(peer);
    }
}

void smtp_peer_start(struct smtp_peer *peer, const struct smtp_setup *setup, struct smtp_cut cut)
{
    memset(peer, 0, offsetof(struct smtp_peer, log));
    peer->log[0] = '\0';
    peer->sent[0] = '\0';
    peer->setup = setup;
    peer->cut = cut;
    peer->now = 1000;
    pm_smtp_init(&peer->smtp, &setup->config, peer->now);
    settle(peer);
}

/* Pieces of one segment come before anything we send in answer, as they would on a wire. */
void smtp_peer_feed(struct smtp_peer *peer, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    while (len > 0) {
        size_t n = peer->cut.piece != 0 && peer->cut.piece < len ? peer->cut.piece : len;
        if (peer->cut.at > peer->received && peer->cut.at - peer->received < n) {
            n = peer->cut.at - peer->received;
        }
        pm_smtp_input(&peer->smtp, at, n, peer->now);
        pump(peer);
        peer->received += n;
        at += n;
        len -= n;
    }
    settle(peer);
}

static void expect_sent(struct smtp_peer *peer, const char *text)
{
    assert_string_equal(peer->sent + peer->checked, text);
    peer->checked = peer->sent_len;
}

static void wait_deadline(struct smtp_peer *peer)
{
    uint64_t deadline = pm_smtp_deadline(&peer->smtp);
    assert_true(deadline != PM_NEVER && deadline > peer->now);
    peer->now = deadline - 1;
    pm_smtp_tick(&peer->smtp, peer->now);
    settle(peer);
    assert_int_equal(peer->left, 0);
    assert_true(pm_smtp_deadline(&peer->smtp) == deadline);
    peer->now = deadline;
    pm_smtp_tick(&peer->smtp, peer->now);
    settle(peer);
}

void smtp_peer_step(struct smtp_peer *peer, const char *step)
{
    switch (step[0]) {
    case 'S': smtp_peer_feed(peer, step + 1, strlen(step + 1)); break;
    case 'C': expect_sent(peer, step + 1); break;
    case 'B': send_body(peer); break;
    case 'T': wait_deadline(peer); break;
    case 'A':
        peer->again++;
        assert_true(pm_smtp_again(&peer->smtp, &peer->setup->config, peer->now));
        settle(peer);
        break;
    case 'L':
        pm_smtp_leave(&peer->smtp, peer->now);
        settle(peer);
        break;
    case 'X':
        pm_smtp_closed(&peer->smtp, peer->now);
        settle(peer);
        break;
    default: fail_msg("no such step: %s", step);
    }
}

void smtp_peer_steps(struct smtp_peer *peer, const smtp_script *script)
{
    for (; *script != NULL; script++) {
        smtp_peer_step(peer, *script);
    }
}

bool smtp_peer_logged(const struct smtp_peer *peer, const char *text)
{
    return strstr(peer->log, text) != NULL;
}

/* A session that is over stays over and silent. */
static void poke_dead_session(struct smtp_peer *peer)
{
    static const uint8_t result[32] = {0};
    size_t sent = peer->sent_len;
    smtp_peer_feed(peer, "250 ok\r\n421 bye\r\n", 17);
    pm_smtp_recipient(&peer->smtp, smtp_text("late@example.net"));
    pm_smtp_secured(&peer->smtp, peer->now);
    pm_smtp_crypto(&peer->smtp, result, peer->now);
    pm_smtp_token(&peer->smtp, smtp_text("late"), peer->now);
    pm_smtp_body_end(&peer->smtp, peer->now);
    pm_smtp_leave(&peer->smtp, peer->now);
    assert_false(pm_smtp_again(&peer->smtp, &peer->setup->config, peer->now));
    assert_true(pm_smtp_deadline(&peer->smtp) == PM_NEVER);
    pm_smtp_tick(&peer->smtp, peer->now + 10000000);
    pm_smtp_closed(&peer->smtp, peer->now);
    settle(peer);
    assert_int_equal(peer->sent_len, sent);
}

static void play_cut(struct smtp_peer *peer, const struct smtp_setup *setup,
                     const smtp_script *script, struct smtp_cut cut)
{
    smtp_peer_start(peer, setup, cut);
    smtp_peer_steps(peer, script);
    assert_int_equal(peer->done, peer->again + 1);
    assert_int_equal(peer->left, setup->config.keep && !peer->result.untouched);
    expect_sent(peer, peer->result.graceful ? "QUIT\r\n" : "");
    poke_dead_session(peer);
}

static void play_same(const struct smtp_peer *whole, const struct smtp_setup *setup,
                      const smtp_script *script, struct smtp_cut cut)
{
    static struct smtp_peer run;
    play_cut(&run, setup, script, cut);
    assert_string_equal(run.log, whole->log);
    assert_string_equal(run.sent, whole->sent);
    assert_int_equal(run.result.graceful, whole->result.graceful);
}

void smtp_play(const struct smtp_setup *setup, const smtp_script *script, uint16_t error,
               uint16_t code, bool graceful)
{
    static struct smtp_peer whole;
    const struct smtp_cut plain = {0, 0, 0, 256};
    play_cut(&whole, setup, script, plain);
    assert_int_equal(whole.result.error, error);
    assert_int_equal(whole.result.code, code);
    assert_int_equal(whole.result.graceful, graceful);
    play_same(&whole, setup, script, (struct smtp_cut){1, 0, 0, 2});
    play_same(&whole, setup, script, (struct smtp_cut){0, 0, 1, 3});
    play_same(&whole, setup, script, (struct smtp_cut){1, 0, 1, 7});
    size_t total = whole.received;
    for (size_t at = 1; at < total && at < 4096; at++) {
        play_same(&whole, setup, script, (struct smtp_cut){0, at, 0, 64});
    }
}

unsigned smtp_trips(const smtp_script *script)
{
    unsigned trips = 0;
    for (; *script != NULL; script++) {
        trips += (*script)[0] == 'S';
    }
    return trips;
}
