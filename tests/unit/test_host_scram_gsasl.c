/* SPDX-License-Identifier: MIT */
/*
 * SCRAM against a server that others wrote: GNU SASL, from scripts/unpack-servers. Dovecot has no
 * -PLUS yet. Skipped where the library is missing; it is opened at run time for that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "host/crypto.h"
#include "postmodem/error.h"
#include "smtp_peer.h"

/* Of gsasl.h, whose numbers are part of the library's ABI. */
enum { GSASL_OK = 0, GSASL_NEEDS_MORE = 1, GSASL_NO_CALLBACK = 51 };
enum { GSASL_PASSWORD = 3, GSASL_CB_TLS_EXPORTER = 25 };

static struct {
    int (*init)(void **context);
    void (*done)(void *context);
    void (*callback_set)(void *context, int (*callback)(void *, void *, int));
    int (*server_start)(void *context, const char *mechanism, void **session);
    int (*step64)(void *session, const char *input, char **output);
    int (*property_set)(void *session, int property, const char *text);
    void (*finish)(void *session);
    void (*free)(void *memory);
} gsasl;

static bool loaded;
static char binding[48]; /* of the server's connection, base64; "": it cannot be bound */
static struct smtp_peer peer;

/* The libraries that it needs come first: the system does not know where they are. */
static void *open_library(const char *name)
{
    char pattern[300];
    glob_t found = {0};
    void *library = dlopen(name, RTLD_NOW | RTLD_GLOBAL);
    (void)snprintf(pattern, sizeof pattern, "%s/../build/servers/root/usr/lib/*/%s", PM_TEST_DIR,
                   name);
    if (library == NULL && glob(pattern, 0, NULL, &found) == 0) {
        library = dlopen(found.gl_pathv[0], RTLD_NOW | RTLD_GLOBAL);
    }
    globfree(&found);
    return library;
}

static int load(void **state)
{
    (void)state;
    static const char *const names[] = {"libidn.so.12", "libntlm.so.0", "libgssglue.so.1",
                                        "libgsasl.so.18"};
    const struct {
        const char *name;
        void *to;
    } functions[] = {
        {"gsasl_init", &gsasl.init},
        {"gsasl_done", &gsasl.done},
        {"gsasl_callback_set", &gsasl.callback_set},
        {"gsasl_server_start", &gsasl.server_start},
        {"gsasl_step64", &gsasl.step64},
        {"gsasl_property_set", &gsasl.property_set},
        {"gsasl_finish", &gsasl.finish},
        {"gsasl_free", &gsasl.free},
    };
    void *library = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        library = open_library(names[i]);
    }
    loaded = library != NULL;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0] && loaded; i++) {
        void *function = dlsym(library, functions[i].name);
        memcpy(functions[i].to, &function, sizeof function);
        loaded = function != NULL;
    }
    return 0;
}

static int server_callback(void *context, void *session, int property)
{
    (void)context;
    if (property == GSASL_PASSWORD) {
        return gsasl.property_set(session, property, "pencil");
    }
    if (property == GSASL_CB_TLS_EXPORTER && binding[0] != '\0') {
        return gsasl.property_set(session, property, binding);
    }
    return GSASL_NO_CALLBACK;
}

/* The client's side; its connection's binding is all b. */
static bool crypto(const struct pm_smtp_event *event, uint8_t result[32])
{
    switch (event->crypto) {
    case PM_SMTP_HMAC_SHA256:
        return pm_crypto_hmac(PM_HMAC_SHA256, event->key, event->data, result) == PM_OK;
    case PM_SMTP_SHA256: return pm_crypto_hash(event->data, result) == PM_OK;
    case PM_SMTP_PBKDF2:
        return PKCS5_PBKDF2_HMAC((const char *)event->key.ptr, (int)event->key.len, event->data.ptr,
                                 (int)event->data.len, (int)event->count, EVP_sha256(), 32,
                                 result) == 1;
    case PM_SMTP_RANDOM: return pm_crypto_random(result, PM_SMTP_RANDOM_SIZE) == PM_OK;
    case PM_SMTP_BINDING: memset(result, 'b', 32); return true;
    default: return false;
    }
}

/* The last word that the client has said since the last call, without its line end. */
static void take_word(char *word, size_t size)
{
    const char *sent = peer.sent + peer.checked;
    const char *last = strrchr(sent, ' ');
    (void)snprintf(word, size, "%s", last != NULL ? last + 1 : sent);
    word[strcspn(word, "\r")] = '\0';
    peer.checked = peer.sent_len;
}

/* Carries the messages to and fro; true when the server is content. */
static bool exchange(void *session)
{
    char word[2000];
    char line[2100];
    int status = GSASL_NEEDS_MORE;
    while (status == GSASL_NEEDS_MORE && peer.done == 0) {
        char *answer = NULL;
        take_word(word, sizeof word);
        status = gsasl.step64(session, word, &answer);
        if (status == GSASL_NEEDS_MORE || (status == GSASL_OK && answer[0] != '\0')) {
            (void)snprintf(line, sizeof line, "S334 %s\r\n", answer);
            smtp_peer_step(&peer, line);
        }
        gsasl.free(answer);
    }
    return status == GSASL_OK;
}

/* The result of a session; `mechanism` is the one that the client is to choose. */
static uint16_t log_in(const char *offer, const char *mechanism, const char *user,
                       const char *password)
{
    struct smtp_setup setup;
    void *context = NULL;
    void *session = NULL;
    char line[200];
    smtp_setup_auth(&setup, true);
    setup.config.username = smtp_text(user);
    setup.config.password = smtp_text(password);
    setup.crypto = crypto;
    assert_int_equal(gsasl.init(&context), GSASL_OK);
    gsasl.callback_set(context, server_callback);
    assert_int_equal(gsasl.server_start(context, mechanism, &session), GSASL_OK);
    smtp_peer_start(&peer, &setup, (struct smtp_cut){0, 0, 0, 64});
    (void)snprintf(line, sizeof line, "S250-mx\r\n250 AUTH %s\r\n", offer);
    smtp_peer_steps(&peer, (const smtp_script[]){SMTP_BANNER, line, NULL});
    (void)snprintf(line, sizeof line, "AUTH %s ", mechanism);
    assert_memory_equal(peer.sent + peer.checked, line, strlen(line));
    bool good = exchange(session);
    peer.checked = peer.sent_len;
    if (good) {
        smtp_peer_steps(&peer, (const smtp_script[]){"S235 ok\r\n", SMTP_REST, NULL});
    } else {
        smtp_peer_step(&peer, "S535 no\r\n");
    }
    gsasl.finish(session);
    gsasl.done(context);
    assert_int_equal(peer.done, 1);
    return peer.result.error;
}

static void bind_server(char byte)
{
    unsigned char bytes[32];
    memset(bytes, byte, sizeof bytes);
    (void)EVP_EncodeBlock((unsigned char *)binding, bytes, sizeof bytes);
}

#define SCRAM "SCRAM-SHA-256"
#define PLUS  "SCRAM-SHA-256-PLUS"
#define NEEDS_GSASL \
    (void)state;    \
    if (!loaded) {  \
        skip();     \
    }

static void test_without_binding(void **state)
{
    NEEDS_GSASL
    binding[0] = '\0';
    assert_int_equal(log_in(SCRAM, SCRAM, "user", "pencil"), PM_MAIL_OK);
    assert_int_equal(log_in(SCRAM, SCRAM, "us,e=r", "pencil"), PM_MAIL_OK);
    assert_int_equal(log_in(SCRAM, SCRAM, "user", "pen"), PM_MAIL_AUTH);
}

static void test_with_binding(void **state)
{
    NEEDS_GSASL
    bind_server('b');
    assert_int_equal(log_in(SCRAM " " PLUS, PLUS, "user", "pencil"), PM_MAIL_OK);
    assert_int_equal(log_in(SCRAM " " PLUS, PLUS, "us,e=r", "pencil"), PM_MAIL_OK);
    assert_int_equal(log_in(SCRAM " " PLUS, PLUS, "user", "pen"), PM_MAIL_AUTH);
}

/* Somebody in between has a connection of his own with each of us. */
static void test_man_in_the_middle(void **state)
{
    NEEDS_GSASL
    bind_server('x');
    assert_int_equal(log_in(SCRAM " " PLUS, PLUS, "user", "pencil"), PM_MAIL_AUTH);
}

/* He takes -PLUS out of the offer: the server learns from the flag that we would have used it. */
static void test_downgrade(void **state)
{
    NEEDS_GSASL
    bind_server('b');
    assert_int_equal(log_in(SCRAM, SCRAM, "user", "pencil"), PM_MAIL_AUTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_binding),
        cmocka_unit_test(test_with_binding),
        cmocka_unit_test(test_man_in_the_middle),
        cmocka_unit_test(test_downgrade),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
