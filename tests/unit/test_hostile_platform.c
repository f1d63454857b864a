/* SPDX-License-Identifier: MIT */
/*
 * A platform that fails: each call that a whole mail makes (a body, two attachments, STARTTLS, a
 * login) fails once in every way that platform.h names, at once and later, and each operation once
 * never ends. There is one documented result in time, nothing is left behind, and the next mail
 * goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "talk.h"

#define BODY "Hello,\r\n.with a dot"

enum { ERRORS = 5, RESULTS = 6, LOGINS = 5, TIMEOUT_MS = 60000 };

/* How a call can fail, and what the mail's result may then be. `now`: it has no pm_op. */
static const struct call {
    const char *name;
    bool now;
    int32_t errors[ERRORS];    /* ended by PM_OK */
    uint16_t results[RESULTS]; /* 0 ends the list, and is allowed where `may_do` */
    bool may_do;               /* the mail can do without */
} calls[] = {
    {"random", true, {PM_ERR_IO}, {PM_MAIL_UNKNOWN, PM_MAIL_AUTH_TYPE}, true},
    {"file_open",
     false,
     {PM_ERR_NOT_FOUND, PM_ERR_NO_STORAGE, PM_ERR_NO_MEMORY, PM_ERR_IO},
     {PM_MAIL_FILE_OPEN},
     false},
    {"file_read", false, {PM_ERR_IO}, {PM_MAIL_FILE_OPEN}, false},
    {"file_changed", true, {PM_ERR_IO}, {PM_MAIL_FILE_OPEN}, false},
    {"idna", true, {PM_ERR_NOT_FOUND, PM_ERR_NO_MEMORY}, {PM_MAIL_PARAMETER}, true},
    {"conn_open", false, {PM_ERR_RESOLVE}, {PM_MAIL_RESOLVE}, false},
    {"conn_open", false, {PM_ERR_CONNECT}, {PM_MAIL_NETWORK}, false},
    {"conn_open", false, {PM_ERR_TLS}, {PM_MAIL_SSL}, false},
    {"conn_starttls", false, {PM_ERR_TLS, PM_ERR_CLOSED}, {PM_MAIL_SSL}, false},
    {"conn_send", true, {PM_ERR_CLOSED}, {PM_MAIL_CLOSED}, true}, /* the QUIT does not matter */
    {"hmac", false, {PM_ERR_UNSUPPORTED}, {PM_MAIL_SEND}, false},
    {"hash", false, {PM_ERR_UNSUPPORTED}, {PM_MAIL_SEND}, false},
    {"pbkdf2", false, {PM_ERR_UNSUPPORTED}, {PM_MAIL_SEND}, false},
    {"channel_binding", true, {PM_ERR_UNSUPPORTED}, {PM_MAIL_AUTH_TYPE}, true},
    {"token", false, {PM_ERR_NOT_FOUND}, {PM_MAIL_AUTH}, false},
    {"job_memory", true, {PM_ERR_NO_MEMORY}, {PM_MAIL_NO_MEMORY}, false},
};

enum { CALLS = sizeof calls / sizeof calls[0] };

enum mode { AT_ONCE, LATER, NEVER, MODES };

struct sweep {
    struct talk t;            /* first: the platform's `user` is its world, and so this */
    struct pm_platform below; /* the world's own platform */
    unsigned target;          /* this call fails; 0: none */
    unsigned way;             /* in this way */
    unsigned count;
    const struct call *failed; /* what failed, and how */
    enum mode mode;
    struct pm_op *never;
};

/* The way-th of all ways in which calls of a name fail: a row, an error, a mode. */
static bool find_way(struct sweep *s, const char *name, int32_t *error)
{
    unsigned way = s->way;
    for (const struct call *call = calls; call < calls + CALLS; call++) {
        for (size_t i = 0; i < ERRORS && call->errors[i] != PM_OK; i++) {
            unsigned modes = call->now ? 1U : MODES;
            if (strcmp(call->name, name) != 0) {
                continue;
            }
            if (way < modes) {
                s->failed = call;
                s->mode = (enum mode)way;
                *error = call->errors[i];
                return true;
            }
            way -= modes;
        }
    }
    return false;
}

/* True when this call is the one to fail, with its answer. */
static bool fails(struct sweep *s, const char *name, struct pm_op *op, int32_t *answer)
{
    if (++s->count != s->target || !find_way(s, name, answer)) {
        return false;
    }
    if (s->mode == LATER) {
        bool async = s->t.w.async;
        s->t.w.async = true;
        *answer = world_answer(&s->t.w, op, *answer);
        s->t.w.async = async;
    } else if (s->mode == NEVER) {
        s->never = op;
        *answer = PM_PENDING;
    }
    return true;
}

/* ---- The platform ---- */

static int32_t random_bytes(void *user, uint8_t *out, size_t len)
{
    struct sweep *s = user;
    int32_t answer;
    return fails(s, "random", NULL, &answer) ? answer : s->below.random(user, out, len);
}

static int32_t file_open(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name, uint64_t *size)
{
    struct sweep *s = user;
    int32_t answer;
    return fails(s, "file_open", op, &answer) ? answer
                                              : s->below.file_open(user, op, storage, name, size);
}

static int32_t file_read(void *user, struct pm_op *op, pm_file file, uint64_t offset, uint8_t *data,
                         size_t len)
{
    struct sweep *s = user;
    int32_t answer;
    return fails(s, "file_read", op, &answer)
               ? answer
               : s->below.file_read(user, op, file, offset, data, len);
}

static bool file_changed(void *user, pm_file file)
{
    struct sweep *s = user;
    int32_t answer;
    return fails(s, "file_changed", NULL, &answer) || s->below.file_changed(user, file);
}

static int32_t idna(void *user, struct pm_slice name, uint8_t *out, size_t cap)
{
    struct sweep *s = user;
    int32_t answer;
    return fails(s, "idna", NULL, &answer) ? answer : s->below.idna(user, name, out, cap);
}

static int32_t conn_open(void *user, struct pm_op *op, const struct pm_connect_request *request)
{
    struct sweep *s = user;
    int32_t answer;
    return fails(s, "conn_open", op, &answer) ? answer : s->below.conn_open(user, op, request);
}

static int32_t conn_starttls(void *user, struct pm_op *op, const struct pm_connect_request *request)
{
    struct sweep *s = user;
    int32_t answer;
    return fails(s, "conn_starttls", op, &answer) ? answer
                                                  : s->below.conn_starttls(user, op, request);
}

static int32_t conn_send(void *user, const uint8_t *data, size_t len)
{
    struct sweep *s = user;
    int32_t answer;
    return fails(s, "conn_send", NULL, &answer) ? answer : s->below.conn_send(user, data, len);
}

static int32_t hmac(void *user, struct pm_op *op, enum pm_hmac algorithm, struct pm_slice key,
                    struct pm_slice data, uint8_t *out)
{
    struct sweep *s = user;
    int32_t answer;
    return fails(s, "hmac", op, &answer) ? answer
                                         : s->below.hmac(user, op, algorithm, key, data, out);
}

static int32_t hash(void *user, struct pm_op *op, struct pm_slice data, uint8_t *out)
{
    struct sweep *s = user;
    int32_t answer;
    return fails(s, "hash", op, &answer) ? answer : s->below.hash(user, op, data, out);
}

static int32_t pbkdf2(void *user, struct pm_op *op, struct pm_slice password, struct pm_slice salt,
                      uint32_t count, uint8_t *out)
{
    struct sweep *s = user;
    int32_t answer;
    return fails(s, "pbkdf2", op, &answer) ? answer
                                           : s->below.pbkdf2(user, op, password, salt, count, out);
}

static int32_t channel_binding(void *user, uint8_t *out)
{
    struct sweep *s = user;
    int32_t answer;
    return fails(s, "channel_binding", NULL, &answer) ? answer
                                                      : s->below.channel_binding(user, out);
}

static int32_t token(void *user, struct pm_op *op, bool renew, uint8_t *out, size_t cap)
{
    struct sweep *s = user;
    int32_t answer;
    return fails(s, "token", op, &answer) ? answer : s->below.token(user, op, renew, out, cap);
}

static uint8_t *job_memory(void *user, size_t *size)
{
    struct sweep *s = user;
    int32_t answer;
    return fails(s, "job_memory", NULL, &answer) ? NULL : s->below.job_memory(user, size);
}

static void cancel(void *user, struct pm_op *op)
{
    struct sweep *s = user;
    if (s->never == op) {
        s->never = NULL;
    } else {
        s->below.cancel(user, op);
    }
}

static void take_over(struct sweep *s)
{
    struct pm_platform *platform = &s->t.w.platform;
    s->below = *platform;
    platform->random = random_bytes;
    platform->file_open = file_open;
    platform->file_read = file_read;
    platform->file_changed = file_changed;
    platform->idna = idna;
    platform->conn_open = conn_open;
    platform->conn_starttls = conn_starttls;
    platform->conn_send = conn_send;
    platform->hmac = hmac;
    platform->hash = hash;
    platform->pbkdf2 = pbkdf2;
    platform->channel_binding = channel_binding;
    platform->token = token;
    platform->job_memory = job_memory;
    platform->cancel = cancel;
}

/* ---- A mail ---- */

static struct sweep *begin(unsigned login, bool async)
{
    static const char *const offers[LOGINS] = {
        "PIPELINING|STARTTLS|AUTH CRAM-MD5", "STARTTLS|AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256",
        "STARTTLS|AUTH SCRAM-SHA-256", "STARTTLS|AUTH XOAUTH2",
        "PIPELINING|CHUNKING|STARTTLS|AUTH CRAM-MD5"};
    static uint8_t bytes[9000];
    struct sweep *s = calloc(1, sizeof *s);
    assert_non_null(s);
    world_init(&s->t.w);
    take_over(s);
    s->t.w.async = async;
    s->t.w.server.capabilities = offers[login];
    s->t.w.config.token_server = login == 3 ? "mail.example" : "";
    world_begin(&s->t.w, 1);
    world_add_file(&s->t.w, PM_STORAGE_RAM, "a.bin", bytes, sizeof bytes);
    world_add_file(&s->t.w, PM_STORAGE_UFS, "b.txt", bytes, 10);
    talk_mail_settings(&s->t);
    talk_ok(&s->t, "AT+QSMTPCFG=\"ssltype\",2\r");
    talk_ok(&s->t, "AT+QSMTPCFG=\"account\",\"user\",\"secret\"\r");
    talk_ok(&s->t, "AT+QSMTPDST=1,1,\"alice@example.com\"\r");
    talk_ok(&s->t, "AT+QSMTPDST=1,3,\"blind@b\xC3\xBC"
                   "cher.example\"\r");
    talk_mail_body(&s->t, BODY);
    talk_ok(&s->t, "AT+QSMTPATT=1,1,\"RAM:a.bin\"\r");
    talk_ok(&s->t, "AT+QSMTPATT=1,2,\"b.txt\"\r");
    return s;
}

static bool allowed(const struct call *call, unsigned error)
{
    for (size_t i = 0; i < RESULTS && call->results[i] != 0; i++) {
        if (call->results[i] == error) {
            return true;
        }
    }
    return call->may_do && error == 0;
}

static void check_left(struct sweep *s, unsigned files)
{
    assert_true(pm_module_deadline(&s->t.w.module) == PM_NEVER);
    assert_int_equal(s->t.w.op_count, 0);
    assert_null(s->never);
    assert_false(s->t.w.server.connected);
    assert_false(s->t.w.job_memory_out);
    assert_int_equal(talk_open_files(&s->t.w), files);
}

/* The result of the mail that fails; NEVER ends when the host's time is over. */
static unsigned result_of(struct sweep *s)
{
    unsigned error = 0;
    unsigned code = 1;
    char line[64];
    const char *got = talk_say(&s->t, "AT+QSMTPPUT=60\r");
    if (s->mode == NEVER && s->failed != NULL) {
        assert_string_equal(got, "\r\nOK\r\n");
        assert_string_equal(talk_later(&s->t, TIMEOUT_MS - 501), "");
        got = talk_say(&s->t, "");
        assert_string_equal(got, "\r\n+QSMTPPUT: 658,0\r\n");
        return PM_MAIL_TIMEOUT;
    }
    assert_int_equal(sscanf(got, "\r\nOK\r\n\r\n+QSMTPPUT: %u,%u", &error, &code), 2);
    (void)snprintf(line, sizeof line, "\r\nOK\r\n\r\n+QSMTPPUT: %u,0\r\n", error);
    assert_string_equal(got, line);
    return error;
}

/* Fails the target in one way. False when there is no such way, or no such call. */
static bool run(unsigned login, bool async, unsigned target, unsigned way, unsigned *count)
{
    struct sweep *s = begin(login, async);
    unsigned files = talk_open_files(&s->t.w); /* the body */
    s->count = 0;
    s->target = target;
    s->way = way;
    unsigned error = result_of(s);
    *count = s->count;
    bool failed = s->failed != NULL;
    if (failed && s->mode != NEVER && !allowed(s->failed, error)) {
        fail_msg("login %u, call %u: %s fails, way %u: %u", login, target, s->failed->name, way,
                 error);
    }
    assert_true(failed || error == 0);
    assert_int_equal(s->t.w.server.mails, error == 0 ? 1 : 0);
    check_left(s, files);
    s->target = 0;
    assert_string_equal(talk_say(&s->t, "AT+QSMTPPUT=60\r"), "\r\nOK\r\n\r\n+QSMTPPUT: 0,0\r\n");
    assert_int_equal(s->t.w.server.mails, error == 0 ? 2 : 1);
    check_left(s, files);
    assert_string_equal(world_end(&s->t.w), "");
    free(s);
    return failed;
}

/* Every way of one call; false when a mail makes no call of that number. */
static bool run_all_ways(unsigned login, bool async, unsigned target, unsigned *failures)
{
    unsigned count = 0;
    unsigned way = 0;
    while (run(login, async, target, way, &count)) {
        way++;
    }
    *failures += way;
    assert_true(way != 0 || count == target - 1); /* there is no call that cannot fail */
    return way != 0;
}

static void test_every_call(void **state)
{
    unsigned failures = 0;
    (void)state;
    for (unsigned login = 0; login < LOGINS; login++) {
        for (unsigned async = 0; async < 2; async++) {
            unsigned target = 1;
            while (run_all_ways(login, async != 0, target, &failures)) {
                target++;
            }
            assert_true(target > 15);
        }
    }
    (void)printf("%u failures\n", failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_call)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
