/* SPDX-License-Identifier: MIT */
/* Plays cases of the hostile server against a module. */
#include "hostile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "talk.h"

#define USER     "hostile.user"
#define PASSWORD "correct-horse-battery"

/* In a flood not every cut is tried: after the first some hundred bytes it looks the same. */
enum { ALL_CUTS = 600, FAR_CUTS = 997 };

enum { SECRETS = 3, IMPATIENT_MS = 60000, CLEAR_TO_THE_END = HOSTILE_SENT, REUSE_S = 30 };

struct hostile {
    struct world w;           /* first: the platform's `user` is the world, and so this */
    struct pm_platform below; /* the world's own platform */
    const struct hostile_case *c;
    struct hostile_cut cut;
    bool ours;       /* the server is the hostile one, not the world's */
    size_t step;     /* of the case */
    bool in_segment; /* more bytes of the present segment follow */
    bool over;       /* the host gave up before the case was through */
    uint64_t start;
    uint64_t take; /* bytes that the server still takes */
    size_t hold;   /* at the end of what BDAT announces it takes so many bytes less */
    size_t end;    /* where in `sent` what BDAT has announced ends; 0: none was */
    bool writable; /* it took less than it was offered */
    struct pm_op *handshake;
    size_t received; /* bytes that the server has sent */
    size_t sent_len, checked;
    size_t tls_at;                   /* what was sent from here on is inside TLS */
    bool graceful, closed_inside;    /* how it was closed, and whether in the midst of a segment */
    unsigned opened, closed, wanted; /* connections */
    unsigned files;                  /* that are open while no mail is sent */
    char sent[HOSTILE_SENT];
    char told[4096]; /* what the port said */
    size_t told_len;
    char token[8192];
};

static unsigned cases, runs;

unsigned hostile_cases(void)
{
    return cases;
}

unsigned hostile_runs(void)
{
    return runs;
}

/* ---- Findings ---- */

static void wrong(const struct hostile *h, const char *what)
{
    const struct hostile_step *step = &h->c->steps[h->step];
    fail_msg("case %s, step %zu (line %u): %s\n"
             "cut: pieces of %zu, at %zu, sends %zu, %s, %s%s\nnot looked at: %.300s\nport: %.200s",
             h->c->name, h->step, h->step < h->c->count ? step->line : 0U, what, h->cut.piece,
             h->cut.at, h->cut.send, h->cut.async ? "later" : "at once",
             h->cut.eager ? "eager" : "calm", h->cut.impatient ? ", impatient" : "",
             h->sent + h->checked, h->told);
}

static void check(const struct hostile *h, bool good, const char *what)
{
    if (!good) {
        wrong(h, what);
    }
}

static bool holds(const char *text, size_t len, const char *part, size_t part_len)
{
    for (size_t i = 0; part_len <= len && i <= len - part_len; i++) {
        if (memcmp(text + i, part, part_len) == 0) {
            return true;
        }
    }
    return false;
}

/* The secret as it is, and in base64 wherever in the encoded text it may begin. */
static bool reveals(const char *text, size_t len, const char *secret)
{
    size_t n = strlen(secret);
    size_t most = n < 24 ? n : 24; /* what a part of a long token shows is enough */
    if (holds(text, len, secret, most)) {
        return true;
    }
    for (size_t shift = 0; shift < 3; shift++) {
        uint8_t plain[32] = {0};
        char encoded[64];
        memcpy(plain + shift, secret, most);
        size_t from = (shift * 8 + 5) / 6;
        size_t to = (shift + most) * 8 / 6;
        (void)pm__base64_encode((uint8_t *)encoded, plain, shift + most);
        if (holds(text, len, encoded + from, to - from)) {
            return true;
        }
    }
    return false;
}

static void check_secrets(const struct hostile *h)
{
    const char *const secrets[SECRETS] = {PASSWORD, h->token, USER};
    bool may_be_clear = h->c->tls == 0 && !h->c->never;
    size_t clear = h->c->tls == 0 ? h->sent_len : h->tls_at;
    clear = clear < h->sent_len ? clear : h->sent_len;
    for (size_t i = 0; i < SECRETS; i++) {
        bool name = secrets[i][0] == USER[0] && i == SECRETS - 1;
        if (secrets[i][0] == '\0') {
            continue;
        }
        check(h, may_be_clear || (name && h->c->tls == 0) || !reveals(h->sent, clear, secrets[i]),
              "a secret was sent in clear");
        check(h, name || !reveals(h->w.trace, h->w.trace_len, secrets[i]), "the trace tells");
        check(h, name || !reveals(h->w.log, h->w.log_len, secrets[i]), "the log tells");
        check(h, !reveals(h->told, h->told_len, secrets[i]), "the port tells");
    }
}

/* ---- The platform ---- */

static int32_t conn_open(void *user, struct pm_op *op, const struct pm_connect_request *request)
{
    struct hostile *h = user;
    if (!h->ours) {
        return h->below.conn_open(user, op, request);
    }
    check(h, !h->w.server.connected, "a second connection");
    h->opened++;
    h->w.server.connected = true;
    h->tls_at = request->tls != NULL ? 0 : CLEAR_TO_THE_END;
    return world_answer_connection(&h->w, op, PM_OK);
}

/* Anything but a handshake goes to the TLS layer, which can make nothing of it. */
static int32_t conn_starttls(void *user, struct pm_op *op, const struct pm_connect_request *request)
{
    struct hostile *h = user;
    if (!h->ours) {
        return h->below.conn_starttls(user, op, request);
    }
    size_t next = h->in_segment ? h->step : h->step + 1;
    if (next < h->c->count && h->c->steps[next].kind == HOSTILE_TLS) {
        h->tls_at = h->sent_len;
        return world_answer(&h->w, op, PM_OK);
    }
    h->handshake = op;
    return PM_PENDING;
}

/* Where the message ends that was announced by what is not looked at yet; 0: none was. */
static size_t announced_end(const struct hostile *h)
{
    unsigned long size = 0;
    const char *command = strstr(h->sent + h->checked, "BDAT ");
    const char *end = command != NULL ? strstr(command, " LAST\r\n") : NULL;
    if (end == NULL || sscanf(command, "BDAT %lu LAST", &size) != 1) {
        return 0;
    }
    return (size_t)(end - h->sent) + sizeof " LAST\r\n" - 1 + size;
}

/* The bytes that the server takes of `len`. */
static size_t taken(struct hostile *h, size_t len)
{
    uint64_t most = h->in_segment && !h->cut.eager ? 0 : h->take;
    size_t end = h->hold == 0 ? 0 : h->end != 0 ? h->end : announced_end(h);
    most = h->cut.send != 0 && h->cut.send < most ? h->cut.send : most;
    if (end != 0 && most >= end - h->hold - h->sent_len) {
        most = end - h->hold - h->sent_len;
        h->take = most < len ? most : h->take;
    }
    return len < most ? len : (size_t)most;
}

static int32_t conn_send(void *user, const uint8_t *data, size_t len)
{
    struct hostile *h = user;
    if (!h->ours) {
        return h->below.conn_send(user, data, len);
    }
    check(h, h->w.server.connected, "sends without a connection");
    size_t n = taken(h, len);
    h->writable = n < len;
    h->take -= n;
    check(h, h->sent_len + n < sizeof h->sent, "far too much is sent");
    memcpy(h->sent + h->sent_len, data, n);
    h->sent_len += n;
    h->sent[h->sent_len] = '\0';
    return (int32_t)n;
}

static void conn_close(void *user, bool graceful)
{
    struct hostile *h = user;
    if (!h->ours) {
        h->below.conn_close(user, graceful);
        return;
    }
    check(h, h->w.server.connected, "closes what is not open");
    h->w.server.connected = false;
    h->graceful = graceful;
    h->closed_inside = h->in_segment;
    h->closed++;
}

static void cancel(void *user, struct pm_op *op)
{
    struct hostile *h = user;
    if (h->handshake == op) {
        h->handshake = NULL;
    } else {
        h->below.cancel(user, op);
    }
}

static int32_t token(void *user, struct pm_op *op, bool renew, uint8_t *out, size_t cap)
{
    struct hostile *h = user;
    size_t len = strlen(h->token);
    if (renew || len == 0 || len > cap) {
        return world_answer(&h->w, op, PM_ERR_NOT_FOUND);
    }
    memcpy(out, h->token, len);
    return world_answer(&h->w, op, (int32_t)len);
}

static void take_over(struct hostile *h)
{
    h->below = h->w.platform;
    h->w.platform.conn_open = conn_open;
    h->w.platform.conn_starttls = conn_starttls;
    h->w.platform.conn_send = conn_send;
    h->w.platform.conn_close = conn_close;
    h->w.platform.cancel = cancel;
    h->w.platform.token = token;
}

/* ---- The module ---- */

static void listen(struct hostile *h)
{
    h->told_len +=
        world_read(&h->w, 0, (uint8_t *)h->told + h->told_len, sizeof h->told - 1 - h->told_len);
    h->told[h->told_len] = '\0';
}

static void say(struct hostile *h, const char *text)
{
    h->told_len = 0;
    world_type(&h->w, 0, text, strlen(text));
    world_advance(&h->w, h->w.now + 500);
    listen(h);
}

static void ok(struct hostile *h, const char *line)
{
    say(h, line);
    assert_string_equal(h->told, "\r\nOK\r\n");
}

static void draft(struct hostile *h)
{
    char line[80];
    say(h, "ATE0\r");
    ok(h, "AT+QIACT=1\r");
    ok(h, "AT+QSMTPCFG=\"smtpserver\",\"mail.example\",25\r");
    ok(h, "AT+QSMTPCFG=\"sender\",\"Module\",\"from@example.com\"\r");
    (void)snprintf(line, sizeof line, "AT+QSMTPCFG=\"ssltype\",%u\r", h->c->tls);
    ok(h, line);
    if (h->c->account) {
        ok(h, "AT+QSMTPCFG=\"account\",\"" USER "\",\"" PASSWORD "\"\r");
    }
    for (unsigned i = 0; i < h->c->recipients; i++) {
        (void)snprintf(line, sizeof line, "AT+QSMTPDST=1,1,\"r%u@example.net\"\r", i);
        ok(h, line);
    }
    ok(h, "AT+QSMTPSUB=0,\"A hostile day\"\r");
    say(h, "AT+QSMTPBODY=0,7\r");
    say(h, ".hello.");
    if (h->c->attachment != 0) {
        uint8_t *bytes = calloc(1, h->c->attachment);
        assert_non_null(bytes);
        world_add_file(&h->w, PM_STORAGE_RAM, "a.bin", bytes, h->c->attachment);
        free(bytes);
        ok(h, "AT+QSMTPATT=1,1,\"RAM:a.bin\"\r");
    }
}

struct hostile *hostile_begin(const struct hostile_case *c, bool async)
{
    struct hostile *h = calloc(1, sizeof *h);
    assert_non_null(h);
    h->c = c;
    world_init(&h->w);
    take_over(h);
    h->w.async = async;
    h->w.config.urc_gap = 0;
    h->w.config.recipients = c->any ? PM_RECIPIENTS_ANY : PM_RECIPIENTS_ALL;
    h->w.config.auth_in_clear = c->never ? PM_SMTP_CLEAR_AUTH_NEVER : PM_SMTP_CLEAR_AUTH_ALLOW;
    h->w.config.reuse_seconds = c->reuse ? REUSE_S : 0;
    h->w.config.token_server = c->token != 0 ? "mail.example" : "";
    assert_true(c->token < sizeof h->token);
    for (size_t i = 0; i < c->token; i++) {
        h->token[i] = (char)('A' + i * 7 % 23);
    }
    world_begin(&h->w, 1);
    draft(h);
    h->files = talk_open_files(&h->w);
    return h;
}

/* ---- One run ---- */

/* Everything that moves without the server, and without time, unless this one reads slowly. */
static void settle(struct hostile *h)
{
    world_run(&h->w);
    while (h->writable && h->w.server.connected && !(h->in_segment && !h->cut.eager) &&
           (h->take != 0 || h->c->slow)) {
        if (h->c->slow) {
            world_advance(&h->w, h->w.now + 1000);
            h->take = 1;
        }
        h->writable = false;
        if (h->w.server.connected) {
            pm_module_writable(&h->w.module, h->w.now);
        }
        world_run(&h->w);
    }
    h->over = h->over || (h->c->slow && h->cut.impatient && !h->w.server.connected);
}

static void end_handshake(struct hostile *h, int32_t result)
{
    struct pm_op *op = h->handshake;
    if (op != NULL) {
        h->handshake = NULL;
        pm_module_done(&h->w.module, op, result, h->w.now);
    }
}

static void server_sends(struct hostile *h, const char *bytes, size_t len)
{
    const unsigned connection = h->opened;
    while (len != 0 && h->w.server.connected && h->opened == connection) {
        size_t n = h->cut.piece != 0 && h->cut.piece < len ? h->cut.piece : len;
        if (h->cut.at > h->received && h->cut.at - h->received < n) {
            n = h->cut.at - h->received;
        }
        h->in_segment = n < len;
        h->received += n;
        if (h->handshake != NULL) {
            end_handshake(h, PM_ERR_TLS);
        } else {
            pm_module_received(&h->w.module, (const uint8_t *)bytes, n, h->w.now);
        }
        settle(h);
        bytes += n;
        len -= n;
    }
    h->in_segment = false;
    settle(h);
}

/* '*' stands for any bytes. */
static bool matches(const char *pattern, const char *text, size_t len)
{
    if (*pattern == '*') {
        return matches(pattern + 1, text, len) || (len != 0 && matches(pattern, text + 1, len - 1));
    }
    if (*pattern == '\0' || len == 0) {
        return *pattern == '\0' && len == 0;
    }
    return *pattern == *text && matches(pattern + 1, text + 1, len - 1);
}

static void client_sent(struct hostile *h, const struct hostile_step *step)
{
    const char *line = h->sent + h->checked;
    const char *end = strstr(line, "\r\n");
    check(h, end != NULL, "a line is missing");
    size_t len = end != NULL ? (size_t)(end - line) : 0;
    bool good = step->kind == HOSTILE_LIKE ? matches(step->text, line, len)
                                           : len == step->len && memcmp(line, step->text, len) == 0;
    check(h, good, step->text);
    h->end = strncmp(line, "BDAT ", 5) == 0 ? announced_end(h) : 0;
    h->checked += len + 2;
}

/* The rest of a message of which parts went before. */
static void rest_sent(struct hostile *h)
{
    if (h->end != 0) {
        check(h, h->sent_len >= h->end, "no end of the message");
        h->checked = h->end;
        return;
    }
    check(h, h->sent_len - h->checked >= 5, "no more of the message");
    check(h, strcmp(h->sent + h->sent_len - 5, "\r\n.\r\n") == 0, "no end of the message");
    h->checked = h->sent_len;
}

static void message_sent(struct hostile *h)
{
    const char *message = h->sent + h->checked;
    const char *body = h->end != 0 ? "\r\n.hello.\r\n" : "\r\n..hello.\r\n";
    const char *end = h->end != 0 ? h->sent + h->end - 2 : strstr(message, "\r\n.\r\n");
    check(h, h->end <= h->sent_len, "the message is shorter than announced");
    check(h, end != NULL && holds(message, (size_t)(end - message), "\r\nSubject: ", 11),
          "no message");
    check(h, end != NULL && holds(message, (size_t)(end - message) + 2, body, strlen(body)),
          "not the message");
    h->checked += end != NULL ? (size_t)(end - message) + (h->end != 0 ? 2 : 5) : 0;
}

/* As much of a message as the server takes, and not its end. */
static void part_sent(struct hostile *h)
{
    check(h, h->take == 0 && h->sent_len != h->checked, "the message is shorter");
    check(h, strstr(h->sent + h->checked, "\r\n.\r\n") == NULL, "a whole message");
    check(h, h->end == 0 || h->sent_len < h->end, "all of the message");
    h->checked = h->sent_len;
}

static void pass(struct hostile *h, uint64_t seconds, bool last)
{
    uint64_t ms = seconds * 1000;
    if (h->cut.impatient) {
        ms = IMPATIENT_MS;
        last = true;
        h->over = true;
    }
    world_advance(&h->w, h->w.now + ms - 1);
    listen(h);
    check(h, h->w.server.connected, "the result came too early");
    world_advance(&h->w, h->w.now + 1);
    check(h, h->w.server.connected == !last, last ? "the result comes too late" : "gave up");
}

/* ---- From mail to mail ---- */

static void put(struct hostile *h)
{
    const char *line = h->cut.impatient ? "AT+QSMTPPUT=60\r" : "AT+QSMTPPUT=65535\r";
    h->start = h->w.now;
    h->end = 0;
    h->told_len = 0;
    h->told[0] = '\0';
    world_type(&h->w, 0, line, strlen(line));
    settle(h);
}

static void check_told(struct hostile *h, unsigned error, unsigned code)
{
    char expected[64];
    (void)snprintf(expected, sizeof expected, "\r\nOK\r\n\r\n+QSMTPPUT: %u,%u\r\n", error, code);
    world_advance(&h->w, h->w.now + 1); /* the port was in use at this very moment */
    listen(h);
    check(h, strcmp(h->told, expected) == 0, expected);
}

static void kept(struct hostile *h, const char *result)
{
    unsigned error = 0;
    unsigned code = 0;
    check(h, sscanf(result, "%u %u", &error, &code) == 2, "KEPT ERROR CODE");
    check_told(h, error, code);
    check(h, h->w.server.connected && h->closed + 1 == h->opened, "not kept");
}

/* QUIT before the end of a connection, or nothing. */
static void check_farewell(struct hostile *h, bool quit)
{
    check(h, h->graceful == quit, quit ? "dropped" : "not dropped");
    if (quit) { /* tried once: whether it arrives does not matter */
        size_t len = h->sent_len - h->checked;
        check(h, len == 6 || h->cut.send != 0 || h->closed_inside || h->c->slow, "no QUIT");
        check(h, len <= 6 && strncmp(h->sent + h->checked, "QUIT\r\n", len) == 0, "not QUIT");
        h->checked += len;
    }
}

static void new_connection(struct hostile *h, bool quit)
{
    h->wanted++;
    check(h, h->opened == h->wanted && h->closed + 1 == h->opened, "no new connection");
    check_farewell(h, quit);
    check(h, h->checked == h->sent_len, "more was sent on the old one");
    h->take = UINT64_MAX;
    h->hold = h->end = 0;
}

static void play_close(struct hostile *h)
{
    if (h->handshake != NULL) {
        end_handshake(h, PM_ERR_CLOSED);
    } else if (h->w.server.connected) {
        pm_module_closed(&h->w.module, h->w.now);
    }
    settle(h);
}

static void play_step(struct hostile *h, const struct hostile_step *step)
{
    switch (step->kind) {
    case HOSTILE_SERVER: server_sends(h, step->text, step->len); return;
    case HOSTILE_CLIENT:
    case HOSTILE_LIKE: client_sent(h, step); return;
    case HOSTILE_MESSAGE: message_sent(h); return;
    case HOSTILE_PART: part_sent(h); return;
    case HOSTILE_MORE: rest_sent(h); return;
    case HOSTILE_TAKE:
        h->take = step->number;
        settle(h);
        return;
    case HOSTILE_HOLD: h->hold = step->number; return;
    case HOSTILE_TLS: check(h, h->tls_at < CLEAR_TO_THE_END, "no handshake"); return;
    case HOSTILE_PAUSE:
    case HOSTILE_WAIT: pass(h, step->number, step->kind == HOSTILE_WAIT); return;
    case HOSTILE_KEPT: kept(h, step->text); return;
    case HOSTILE_NEXT: put(h); return;
    case HOSTILE_NEW: new_connection(h, strcmp(step->text, "quit") == 0); return;
    default: play_close(h); return;
    }
}

static void check_result(struct hostile *h)
{
    unsigned error = h->over ? PM_MAIL_TIMEOUT : h->c->error;
    unsigned code = h->over ? 0 : h->c->code;
    bool quit = h->c->quit && !h->over;
    check(h, !h->over || h->w.now == h->start + IMPATIENT_MS, "not when the host gave up");
    check(h, h->w.server.connected == h->c->kept, h->c->kept ? "not kept" : "no result");
    check_told(h, error, code);
    check(h, h->over || h->c->unknown == (strstr(h->w.log, "not known whether") != NULL),
          "the log does not say what is known");
    world_advance(&h->w, h->w.now + (h->c->reuse ? REUSE_S * 1000U : 0));
    check(h, !h->w.server.connected, "kept too long");
    check_farewell(h, quit);
    check(h, h->checked == h->sent_len || h->over, "more was sent than expected");
}

/* Neither time nor anything else makes the module do more. */
static void check_nothing_left(struct hostile *h)
{
    check(h, h->opened == h->wanted && h->closed == h->wanted, "another connection");
    check(h, pm_module_deadline(&h->w.module) == PM_NEVER, "a timer is left");
    world_advance(&h->w, h->w.now + 3600000);
    listen(h);
    check(h, strstr(strstr(h->told, "+QSMTPPUT") + 1, "+QSMTPPUT") == NULL, "two results");
    check(h, h->w.op_count == 0 && h->handshake == NULL, "an operation is left");
    check(h, !h->w.job_memory_out, "memory is left");
    check(h, talk_open_files(&h->w) == h->files, "a file is left open");
    check(h, h->w.failed[0] == '\0', h->w.failed);
}

void hostile_run(struct hostile *h, struct hostile_cut cut)
{
    runs++;
    h->cut = cut;
    h->ours = true;
    h->over = h->in_segment = h->writable = h->graceful = false;
    h->take = h->c->slow ? 1 : UINT64_MAX;
    h->hold = 0;
    h->step = 0;
    h->received = h->sent_len = h->checked = 0;
    h->opened = h->closed = 0;
    h->wanted = 1;
    h->sent[0] = '\0';
    h->w.log_len = h->w.trace_len = 0;
    h->w.log[0] = '\0';
    put(h);
    for (; h->step < h->c->count && !h->over; h->step++) {
        play_step(h, &h->c->steps[h->step]);
    }
    check_result(h);
    check_secrets(h);
    check_nothing_left(h);
    h->ours = false;
    if (cut.received != NULL) {
        *cut.received = h->received;
    }
}

void hostile_end(struct hostile *h)
{
    unsigned mails = h->w.server.mails;
    h->w.server.capabilities = "PIPELINING|STARTTLS";
    h->w.config.reuse_seconds = 0;
    say(h, "AT+QSMTPPUT=60\r");
    check(h, strcmp(h->told, "\r\nOK\r\n\r\n+QSMTPPUT: 0,0\r\n") == 0, "the next mail fails");
    check(h, h->w.server.mails == mails + 1, "the next mail is not there");
    assert_string_equal(world_end(&h->w), "");
    free(h);
}

/* ---- All runs of a case ---- */

static bool waits(const struct hostile_case *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->steps[i].kind == HOSTILE_WAIT || c->steps[i].kind == HOSTILE_PAUSE) {
            return true;
        }
    }
    return false;
}

static void play_all(const struct hostile_case *c, size_t step, bool async)
{
    struct hostile *h = hostile_begin(c, async);
    size_t total = 0;
    hostile_run(h, (struct hostile_cut){.async = async, .received = &total});
    hostile_run(h, (struct hostile_cut){.async = async, .piece = 1});
    hostile_run(h, (struct hostile_cut){.async = async, .send = 1});
    for (size_t at = 1; at < total; at += at < ALL_CUTS ? step : FAR_CUTS) {
        hostile_run(h, (struct hostile_cut){.async = async, .at = at});
        if (!c->race) {
            hostile_run(h, (struct hostile_cut){.async = async, .at = at, .eager = true});
        }
    }
    if (!c->race) {
        hostile_run(h, (struct hostile_cut){.async = async, .piece = 1, .eager = true});
    }
    if (c->slow || waits(c)) {
        hostile_run(h, (struct hostile_cut){.async = async, .impatient = true});
    }
    hostile_end(h);
}

void hostile_play_step(const struct hostile_case *c, size_t step)
{
    cases++;
    play_all(c, step, false);
    play_all(c, step, true);
}

void hostile_play(const struct hostile_case *c)
{
    hostile_play_step(c, 1);
}
