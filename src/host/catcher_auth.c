/* SPDX-License-Identifier: MIT */
/* AUTH of a catcher session (RFC 4954): any credentials are accepted, unless the user's name asks
 * for a refusal; the password is dropped. */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "host/catcher_session.h"

/* What a line of PM_CATCHER_LINE decodes to. */
#define DECODED_SIZE (PM_CATCHER_LINE / 4 * 3)

/* Strict base64 of a whole text: the length, or -1. There is a NUL behind the bytes. */
static int decode(const char *text, unsigned char *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = strlen(text);
    size_t plain = strspn(text, alphabet);
    size_t padding = strspn(text + plain, "=");
    if (len % 4 != 0 || plain + padding != len || padding > 2 || len > PM_CATCHER_LINE) {
        return -1;
    }
    int n = len > 0 ? EVP_DecodeBlock(out, (const unsigned char *)text, (int)len) : 0;
    ERR_clear_error();
    if (n < (int)padding) {
        return n < 0 ? -1 : 0;
    }
    n -= (int)padding;
    out[n] = '\0';
    return n;
}

static void keep_user(struct catcher_session *session, const unsigned char *user, size_t len)
{
    size_t n = len < sizeof(session->user) - 1 ? len : sizeof(session->user) - 1;
    for (size_t i = 0; i < n; i++) {
        /* The name goes into a header line of the mail. */
        session->user[i] = (char)(user[i] < 0x20 || user[i] == 0x7F ? '?' : user[i]);
    }
    session->user[n] = '\0';
}

static void accept_as(struct catcher_session *session, const char *mechanism)
{
    struct catcher_fault fault = pm__catcher_fault(session->catcher, session->user);
    session->state = CATCHER_COMMAND;
    if (fault.kind == CATCHER_FAULT_REPLY) {
        pm__catcher_refuse(session, fault.code);
        return;
    }
    session->mechanism = mechanism;
    pm__catcher_reply(session, "235 welcome");
}

static void refuse(struct catcher_session *session, const char *reply)
{
    session->state = CATCHER_COMMAND;
    pm__catcher_reply(session, "%s", reply);
}

static void challenge(struct catcher_session *session, enum catcher_auth step, const char *text)
{
    session->state = CATCHER_AUTH;
    session->auth = step;
    pm__catcher_reply(session, "334 %s", text);
}

/* authorization NUL user NUL password (RFC 4616) */
static void plain(struct catcher_session *session, const unsigned char *data, size_t len)
{
    const unsigned char *user = memchr(data, '\0', len);
    size_t rest = user != NULL ? len - (size_t)(user + 1 - data) : 0;
    const unsigned char *end = user != NULL ? memchr(user + 1, '\0', rest) : NULL;
    if (end == NULL || end == user + 1) {
        refuse(session, "501 no user and password in it");
        return;
    }
    keep_user(session, user + 1, (size_t)(end - user - 1));
    accept_as(session, "PLAIN");
}

/* user SP 32 hexadecimal digits (RFC 2195) */
static void cram_md5(struct catcher_session *session, const unsigned char *data, size_t len)
{
    const char *text = (const char *)data;
    if (len < 34 || text[len - 33] != ' ' || strspn(text + len - 32, "0123456789abcdef") != 32) {
        refuse(session, "501 no user and digest in it");
        return;
    }
    keep_user(session, data, len - 33);
    accept_as(session, "CRAM-MD5");
}

/* n,a=USER,^Aauth=Bearer TOKEN^A^A (RFC 7628), or user=USER^Aauth=Bearer TOKEN^A^A */
static void bearer(struct catcher_session *session, const unsigned char *data, size_t len)
{
    bool standard = session->auth == AUTH_OAUTHBEARER;
    const char *start = standard ? "n,a=" : "user=";
    const char *end = standard ? ",\1auth=Bearer " : "\1auth=Bearer ";
    const unsigned char *user = data + strlen(start);
    const char *token = len > strlen(start) ? strstr((const char *)user, end) : NULL;
    if (token == NULL || memcmp(data, start, strlen(start)) != 0 || len < 2 ||
        memcmp(data + len - 2, "\1\1", 2) != 0) {
        refuse(session, "501 no user and token in it");
        return;
    }
    keep_user(session, user, (size_t)((const unsigned char *)token - user));
    accept_as(session, standard ? "OAUTHBEARER" : "XOAUTH2");
}

static void cram_challenge(struct catcher_session *session)
{
    uint64_t number = 0;
    char text[64];
    unsigned char encoded[96];
    if (RAND_bytes((unsigned char *)&number, sizeof(number)) != 1) {
        ERR_clear_error();
        refuse(session, "454 no random numbers");
        return;
    }
    int n = snprintf(text, sizeof(text), "<%016llx@postmodem.invalid>", (unsigned long long)number);
    EVP_EncodeBlock(encoded, (const unsigned char *)text, n);
    challenge(session, AUTH_CRAM_MD5, (const char *)encoded);
}

static void answer(struct catcher_session *session, const unsigned char *data, size_t len)
{
    switch (session->auth) {
    case AUTH_PLAIN: plain(session, data, len); break;
    case AUTH_LOGIN_USER:
        keep_user(session, data, len);
        challenge(session, AUTH_LOGIN_PASSWORD, "UGFzc3dvcmQ6"); /* Password: */
        break;
    case AUTH_LOGIN_PASSWORD: accept_as(session, "LOGIN"); break;
    case AUTH_CRAM_MD5: cram_md5(session, data, len); break;
    case AUTH_OAUTHBEARER:
    case AUTH_XOAUTH2: bearer(session, data, len); break;
    }
}

void pm__catcher_auth_answer(struct catcher_session *session, char *line)
{
    unsigned char data[DECODED_SIZE + 1];
    int len = decode(line, data);
    if (strcmp(line, "*") == 0) {
        refuse(session, "501 cancelled");
    } else if (len < 0) {
        refuse(session, "501 not base64");
    } else {
        answer(session, data, (size_t)len);
    }
    OPENSSL_cleanse(data, sizeof(data));
}

/* The first step of a mechanism that came with an initial response. */
static void initial_response(struct catcher_session *session, enum catcher_auth step,
                             char *response)
{
    session->auth = step;
    if (strcmp(response, "=") == 0) {
        response[0] = '\0'; /* an empty one (RFC 4954 section 4) */
    }
    pm__catcher_auth_answer(session, response);
}

/* Mechanisms that begin with the client's message; LOGIN's is the user's name, after a prompt. */
static bool begin_by_client(struct catcher_session *session, const char *mechanism, char *response)
{
    static const struct {
        const char *name;
        const char *prompt;
        enum catcher_auth step;
        bool tls; /* no token in clear */
    } known[] = {
        {"PLAIN", "", AUTH_PLAIN, false},
        {"LOGIN", "VXNlcm5hbWU6", AUTH_LOGIN_USER, false}, /* Username: */
        {"OAUTHBEARER", "", AUTH_OAUTHBEARER, true},
        {"XOAUTH2", "", AUTH_XOAUTH2, true},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcasecmp(mechanism, known[i].name) != 0 ||
            (known[i].tls && session->tls[0] == '\0')) {
            continue;
        }
        if (response != NULL) {
            initial_response(session, known[i].step, response);
        } else {
            challenge(session, known[i].step, known[i].prompt);
        }
        return true;
    }
    return false;
}

void pm__catcher_auth_begin(struct catcher_session *session)
{
    char *argument = session->argument;
    size_t len = strcspn(argument, " ");
    char *response = argument[len] != '\0' ? argument + len + 1 : NULL;
    argument[len] = '\0';
    if (session->helo[0] == '\0' || session->mechanism != NULL || session->mail_given) {
        pm__catcher_reply(session, "503 not now");
    } else if (strcasecmp(argument, "CRAM-MD5") == 0 && response == NULL) {
        cram_challenge(session);
    } else if (!begin_by_client(session, argument, response)) {
        pm__catcher_reply(session, "504 unknown mechanism");
    }
}
