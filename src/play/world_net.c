/* SPDX-License-Identifier: MIT */
/* The mail connection of the world and the server at its other end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play/world.h"

void world_server_say(struct world *w, const char *text)
{
    size_t len = strlen(text);
    if (w->server.out_len + len > sizeof w->server.out) {
        world_fail(w, "the server has too much to say");
        return;
    }
    memcpy(w->server.out + w->server.out_len, text, len);
    w->server.out_len += len;
}

void world_server_reset(struct world *w)
{
    struct world_server *s = &w->server;
    s->connected = false;
    s->tls = false;
    s->greeted = false;
    s->in_data = false;
    s->chunk = 0;
    s->accepted = 0;
    s->closed_told = false;
    s->auth_step = 0;
    s->line_len = 0;
    s->out_len = 0;
}

static size_t find_reply(const struct world *w, const char *verb)
{
    size_t i = 0;
    while (i < WORLD_REPLIES && strcmp(w->server.replies[i].verb, verb) != 0) {
        i++;
    }
    return i;
}

bool world_server_reply(struct world *w, const char *verb, const uint8_t *text, size_t len,
                        bool then_close)
{
    size_t i = find_reply(w, verb);
    i = i < WORLD_REPLIES ? i : find_reply(w, "");
    if (i == WORLD_REPLIES || strlen(verb) >= sizeof w->server.replies[i].verb ||
        len + 3 > sizeof w->server.replies[i].text) {
        return false;
    }
    (void)snprintf(w->server.replies[i].verb, sizeof w->server.replies[i].verb, "%s",
                   len != 0 ? verb : "");
    (void)snprintf(w->server.replies[i].text, sizeof w->server.replies[i].text, "%.*s\r\n",
                   (int)len, (const char *)text);
    w->server.replies[i].then_close = then_close;
    return true;
}

/* Says what is scripted for the verb. False when nothing is. */
static bool say_scripted(struct world *w, const char *verb)
{
    size_t i = find_reply(w, verb);
    if (i == WORLD_REPLIES) {
        return false;
    }
    world_server_say(w, w->server.replies[i].text);
    w->server.closed_told = w->server.closed_told || w->server.replies[i].then_close;
    w->server.accepted +=
        strcmp(verb, "RCPT") == 0 && w->server.replies[i].text[0] == '2' ? 1U : 0U;
    w->server.in_data = strcmp(verb, "DATA") == 0 && w->server.replies[i].text[0] == '3';
    return true;
}

void world_server_connect(struct world *w)
{
    world_server_reset(w);
    w->server.connected = true;
    w->server.connections++;
    w->server.message_len = 0;
    w->server.envelope[0] = '\0';
    if (say_scripted(w, "BANNER") || world_faults_banner(w)) {
        return;
    }
    if (world_fault_now(w) == WORLD_BUSY) {
        world_server_say(w, "421 4.3.2 come back later\r\n");
        w->server.closed_told = true;
    } else if (world_fault_now(w) != WORLD_SILENT) {
        world_server_say(w, "220 mail.example ESMTP\r\n");
    }
}

static void keep(struct world *w, const uint8_t *data, size_t len)
{
    struct world_server *s = &w->server;
    if (s->message_len + len > s->message_cap) {
        size_t cap = (s->message_len + len) * 2;
        uint8_t *grown = realloc(s->message, cap);
        if (grown == NULL) {
            world_fail(w, "no memory for the mail");
            return;
        }
        s->message = grown;
        s->message_cap = cap;
    }
    memcpy(s->message + s->message_len, data, len);
    s->message_len += len;
}

/* What the catcher of the program offers (host/catcher_smtp.c), in clear and under TLS, so that a
 * transcript plays the same there. CHUNKING is not among it: by DATA a transcript sees its dots
 * doubled, and each reply of the envelope comes before a byte of the mail. */
static const char *offer(const struct world_server *s)
{
    if (s->capabilities != NULL) {
        return s->capabilities;
    }
    return s->tls ? "PIPELINING|8BITMIME|SMTPUTF8|DSN|REQUIRETLS|"
                    "AUTH PLAIN LOGIN CRAM-MD5 OAUTHBEARER XOAUTH2|SIZE 1073741824"
                  : "PIPELINING|8BITMIME|SMTPUTF8|DSN|STARTTLS|AUTH PLAIN LOGIN CRAM-MD5|"
                    "SIZE 1073741824";
}

static void ehlo(struct world *w)
{
    const char *at = offer(&w->server);
    world_server_say(w, "250-mail.example\r\n");
    while (*at != '\0') {
        char word[128];
        size_t n = strcspn(at, "|");
        (void)snprintf(word, sizeof word, "%.*s", (int)n, at);
        at += n + (at[n] == '|' ? 1U : 0U);
        if ((w->server.tls || world_fault_now(w) == WORLD_NO_STARTTLS) &&
            strcmp(word, "STARTTLS") == 0) {
            continue;
        }
        world_server_say(w, "250-");
        world_server_say(w, w->server.unknown_auth && strncmp(word, "AUTH ", 5) == 0
                                ? "AUTH X-NOBODY-KNOWS"
                                : word);
        world_server_say(w, "\r\n");
    }
    world_server_say(w, "250 HELP\r\n");
}

static void rcpt(struct world *w)
{
    struct world_server *s = &w->server;
    bool refuse = world_fault_now(w) == WORLD_REFUSE_RCPT ||
                  (world_fault_now(w) == WORLD_REFUSE_ONE && s->refused == 0);
    if (refuse) {
        s->refused++;
        world_server_say(w, "550 5.1.1 no such user\r\n");
    } else {
        s->accepted++;
        world_server_say(w, "250 2.1.5 ok\r\n");
    }
}

static void note(struct world_server *s, const char *line)
{
    size_t len = strlen(s->envelope);
    (void)snprintf(s->envelope + len, sizeof s->envelope - len, "%s\n", line);
}

static void command(struct world *w, char *line)
{
    struct world_server *s = &w->server;
    char verb[12];
    (void)snprintf(verb, sizeof verb, "%.*s", (int)strcspn(line, " :"), line);
    if (strcmp(verb, "MAIL") == 0 && s->accepted == 0) {
        s->envelope[0] = '\0';
        s->message_len = 0;
    }
    if (strcmp(verb, "MAIL") == 0 || strcmp(verb, "RCPT") == 0) {
        note(s, line);
    }
    /* The answer to BDAT comes behind its octets. */
    bool later = strcmp(verb, "BDAT") == 0;
    if (!later && say_scripted(w, s->auth_step != 0 ? "CREDENTIALS" : verb)) {
        s->auth_step = 0;
    } else if (s->auth_step != 0 || strcmp(verb, "AUTH") == 0) {
        world_server_auth(w, line);
    } else if (world_faults_command(w, verb, line)) {
        return;
    } else if (strncmp(line, "EHLO ", 5) == 0) {
        ehlo(w);
    } else if (strncmp(line, "MAIL FROM:", 10) == 0) {
        world_server_say(w, s->accepted == 0 ? "250 2.1.0 ok\r\n" : "503 5.5.1 nested\r\n");
    } else if (strcmp(line, "RSET") == 0) {
        s->accepted = 0;
        world_server_say(w, "250 2.0.0 reset\r\n");
    } else if (strncmp(line, "RCPT TO:", 8) == 0) {
        rcpt(w);
    } else if (strcmp(line, "DATA") == 0 && s->accepted == 0) {
        world_server_say(w, "554 5.5.1 no valid recipients\r\n");
    } else if (strcmp(line, "DATA") == 0) {
        s->in_data = true;
        world_server_say(w, "354 go ahead\r\n");
    } else if (strcmp(verb, "BDAT") == 0) {
        s->chunk = strtoull(line + strlen("BDAT "), NULL, 10);
    } else if (strcmp(line, "STARTTLS") == 0) {
        world_server_say(w, world_fault_now(w) == WORLD_REFUSE_STARTTLS ? "454 4.7.0 no TLS now\r\n"
                                                                        : "220 ready\r\n");
    } else if (strcmp(line, "QUIT") == 0) {
        world_server_say(w, "221 bye\r\n");
    } else {
        world_server_say(w, "500 5.5.2 what\r\n");
    }
}

static void end_message(struct world *w, const char *verb)
{
    struct world_server *s = &w->server;
    s->accepted = 0;
    if (!say_scripted(w, verb) && !world_faults_command(w, "DOT", "")) {
        s->mails++;
        world_server_say(w, "250 2.0.0 queued\r\n");
    }
}

static void take_chunk(struct world *w, uint8_t byte)
{
    keep(w, &byte, 1);
    w->server.chunk--;
    if (w->server.chunk == 0 && w->server.accepted == 0) {
        world_server_say(w, "554 5.5.1 no valid recipients\r\n");
    } else if (w->server.chunk == 0) {
        end_message(w, "BDAT");
    } else if (world_fault_now(w) == WORLD_CLOSE_DATA) {
        w->server.closed_told = true;
    }
}

static void take_line(struct world *w)
{
    struct world_server *s = &w->server;
    if (s->in_data) {
        keep(w, s->line, s->line_len);
        if (s->line_len == 3 && memcmp(s->line, ".\r\n", 3) == 0) {
            s->in_data = false;
            s->message_len -= 3;
            end_message(w, "DOT");
        } else if (world_fault_now(w) == WORLD_CLOSE_DATA) {
            s->closed_told = true;
        }
    } else {
        s->line[s->line_len - 2] = '\0';
        command(w, (char *)s->line);
    }
    s->line_len = 0;
}

void world_server_take(struct world *w, const uint8_t *data, size_t len)
{
    struct world_server *s = &w->server;
    for (size_t i = 0; i < len && world_fault_now(w) != WORLD_SILENT && !s->closed_told; i++) {
        if (s->chunk != 0) {
            take_chunk(w, data[i]);
            continue;
        }
        if (s->line_len == sizeof s->line) {
            world_fail(w, "a line too long for the server");
            s->line_len = 0;
        }
        s->line[s->line_len++] = data[i];
        if (s->line_len >= 2 && data[i] == '\n' && s->line[s->line_len - 2] == '\r') {
            take_line(w);
        }
    }
}

static int32_t conn_open(void *user, struct pm_op *op, const struct pm_connect_request *request)
{
    struct world *w = user;
    world_faults_connect(w, request->host);
    enum world_fault fault = world_fault_now(w);
    world_network_note(w, "connect", request->host, &request->route);
    if (request->tls != NULL) {
        world_network_note_tls(w, "tls", request);
    }
    if (fault == WORLD_NO_HOST) {
        return world_answer(w, op, PM_ERR_RESOLVE);
    }
    if (fault == WORLD_NO_CONNECT || world_fails(w)) {
        return world_answer(w, op, PM_ERR_CONNECT);
    }
    bool implicit = request->tls != NULL;
    if (fault == WORLD_NO_TLS && implicit) {
        return world_answer(w, op, PM_ERR_TLS);
    }
    world_server_connect(w);
    w->server.tls = implicit;
    return world_answer_connection(w, op, PM_OK);
}

static int32_t conn_starttls(void *user, struct pm_op *op, const struct pm_connect_request *request)
{
    struct world *w = user;
    world_network_note_tls(w, "starttls", request);
    if (world_fault_now(w) == WORLD_NO_TLS || world_fails(w)) {
        return world_answer(w, op, PM_ERR_TLS);
    }
    w->server.tls = true;
    return world_answer(w, op, PM_OK);
}

/* No secret outlives its use. */
static void expect_wiped(struct world *w, const uint8_t *memory, size_t len, const char *what)
{
    size_t i = 0;
    while (i < len && memory[i] == 0) {
        i++;
    }
    if (i < len) {
        world_fail(w, what);
    }
}

static int32_t conn_send(void *user, const uint8_t *data, size_t len)
{
    struct world *w = user;
    expect_wiped(w, w->secret, w->secret_len, "a key was not wiped");
    w->secret_len = 0;
    if (world_fails(w)) {
        return PM_ERR_CLOSED;
    }
    if (world_fault_now(w) == WORLD_STUCK && w->server.in_data) {
        return 0;
    }
    size_t n = len;
    if (w->server.send_limit != 0 && n > w->server.send_limit) {
        n = w->server.send_limit;
        w->writable = true;
    }
    world_server_take(w, data, n);
    return (int32_t)n;
}

static void conn_close(void *user, bool graceful)
{
    struct world *w = user;
    (void)graceful;
    world_server_reset(w);
}

/* No real cryptography: what counts here is that its bytes get where they belong. */
static int32_t fill(struct world *w, struct pm_op *op, struct pm_slice secret, size_t lengths,
                    uint8_t *out, size_t size)
{
    w->secret = secret.ptr;
    w->secret_len = secret.len;
    if (world_fails(w)) {
        return world_answer(w, op, PM_ERR_UNSUPPORTED);
    }
    memset(out, (int)(lengths & 0x7F), size);
    return world_answer(w, op, PM_OK);
}

static int32_t hmac(void *user, struct pm_op *op, enum pm_hmac algorithm, struct pm_slice key,
                    struct pm_slice data, uint8_t *out)
{
    return fill(user, op, key, key.len + data.len, out, algorithm == PM_HMAC_MD5 ? 16 : 32);
}

static int32_t hash(void *user, struct pm_op *op, struct pm_slice data, uint8_t *out)
{
    return fill(user, op, data, data.len, out, 32);
}

static int32_t pbkdf2(void *user, struct pm_op *op, struct pm_slice password, struct pm_slice salt,
                      uint32_t count, uint8_t *out)
{
    return fill(user, op, password, password.len + salt.len + count, out, 32);
}

static int32_t channel_binding(void *user, uint8_t *out)
{
    struct world *w = user;
    memset(out, 0x5A, 32);
    return world_fails(w) ? PM_ERR_UNSUPPORTED : PM_OK;
}

static int32_t token(void *user, struct pm_op *op, bool renew, uint8_t *out, size_t cap)
{
    static const char *const tokens[] = {"world-token-1", "world-token-2"};
    struct world *w = user;
    size_t len = strlen(tokens[renew]);
    if (world_fails(w) || len > cap) {
        return world_answer(w, op, PM_ERR_NOT_FOUND);
    }
    memcpy(out, tokens[renew], len);
    return world_answer(w, op, (int32_t)len);
}

/* The least that a module must do with. */
enum { JOB_MEMORY = 4096 };

static uint8_t *job_memory(void *user, size_t *size)
{
    struct world *w = user;
    if (world_fails(w)) {
        return NULL;
    }
    *size = JOB_MEMORY;
    w->job_memory_out = true;
    return calloc(1, JOB_MEMORY);
}

static void job_memory_free(void *user, uint8_t *memory)
{
    struct world *w = user;
    expect_wiped(w, memory, JOB_MEMORY, "the module left bytes of a mail in the job's memory");
    w->secret_len = 0;
    w->job_memory_out = false;
    free(memory);
}

void world_net_platform(struct pm_platform *platform)
{
    platform->conn_open = conn_open;
    platform->conn_starttls = conn_starttls;
    platform->conn_send = conn_send;
    platform->conn_close = conn_close;
    platform->hmac = hmac;
    platform->hash = hash;
    platform->pbkdf2 = pbkdf2;
    platform->channel_binding = channel_binding;
    platform->token = token;
    platform->job_memory = job_memory;
    platform->job_memory_free = job_memory_free;
}
