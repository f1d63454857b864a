/* SPDX-License-Identifier: MIT */
/* TLS as the configuration has it: anchors, pins and a certificate in the files of the system. */
#include "host/tls_local.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "host/tls_client.h"
#include "host/tls_files.h"

/* Base64 of a pin, and what EVP_DecodeBlock() makes of it: the padding counts as bytes. */
#define PIN_TEXT    44
#define PIN_DECODED 33

/* ---- Files ------------------------------------------------------------------------- */

static bool refuse(const char *key, const char *path, const char *problem, char *err,
                   size_t err_size)
{
    snprintf(err, err_size, "%s: %s: %s", key, path, problem);
    ERR_clear_error();
    return false;
}

/* The whole file, which may be a key: to be given to drop(). */
static uint8_t *read_file(const char *key, const char *path, size_t *len, char *err,
                          size_t err_size)
{
    FILE *file = fopen(path, "re");
    uint8_t *data = file != NULL ? malloc(PM_TLS_FILE_MAX + 1) : NULL;
    if (data == NULL) {
        (void)refuse(key, path, strerror(errno), err, err_size);
        if (file != NULL) {
            fclose(file);
        }
        return NULL;
    }
    setvbuf(file, NULL, _IONBF, 0);
    *len = fread(data, 1, PM_TLS_FILE_MAX + 1, file);
    bool good = ferror(file) == 0 && *len <= PM_TLS_FILE_MAX;
    fclose(file);
    if (!good) {
        (void)refuse(key, path, "cannot be read, or too long", err, err_size);
        OPENSSL_cleanse(data, PM_TLS_FILE_MAX + 1);
        free(data);
        return NULL;
    }
    return data;
}

static void drop(uint8_t *data)
{
    OPENSSL_cleanse(data, PM_TLS_FILE_MAX + 1);
    free(data);
}

static STACK_OF(X509) * certificates(const char *key, const char *path, char *err, size_t err_size)
{
    size_t len = 0;
    uint8_t *data = read_file(key, path, &len, err, err_size);
    if (data == NULL) {
        return NULL;
    }
    STACK_OF(X509) *list = pm_tls_certificates(data, len);
    drop(data);
    if (list == NULL) {
        (void)refuse(key, path, "no certificate in it, or damaged", err, err_size);
    }
    return list;
}

X509_STORE *pm_tls_local_store(const struct pm_tls_local *local, char *err, size_t err_size)
{
    STACK_OF(X509) *list = certificates("tls.ca_file", local->ca_file, err, err_size);
    if (list == NULL) {
        return NULL;
    }
    X509_STORE *store = X509_STORE_new();
    bool good = store != NULL && X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1;
    for (int i = 0; i < sk_X509_num(list) && good; i++) {
        good = X509_STORE_add_cert(store, sk_X509_value(list, i)) == 1;
    }
    sk_X509_pop_free(list, X509_free);
    if (!good) {
        (void)refuse("tls.ca_file", local->ca_file, "cannot be used", err, err_size);
        X509_STORE_free(store);
        return NULL;
    }
    return store;
}

/* ---- The client's certificate -------------------------------------------------------- */

static bool use_chain(SSL_CTX *context, STACK_OF(X509) * list)
{
    bool good = SSL_CTX_use_certificate(context, sk_X509_value(list, 0)) == 1;
    for (int i = 1; i < sk_X509_num(list) && good; i++) {
        good = SSL_CTX_add1_chain_cert(context, sk_X509_value(list, i)) == 1;
    }
    return good;
}

static bool use_key(const struct pm_tls_local *local, SSL_CTX *context, char *err, size_t err_size)
{
    static const struct pm_slice no_password = {(const uint8_t *)"", 0};
    size_t len = 0;
    uint8_t *data = read_file("tls.client_key", local->key, &len, err, err_size);
    if (data == NULL) {
        return false;
    }
    EVP_PKEY *key = pm_tls_private_key(data, len, no_password);
    drop(data);
    if (key == NULL) {
        return refuse("tls.client_key", local->key, "no key in it, encrypted, or damaged", err,
                      err_size);
    }
    bool good = SSL_CTX_use_PrivateKey(context, key) == 1;
    EVP_PKEY_free(key);
    return good || refuse("tls.client_key", local->key, "does not belong to tls.client_cert", err,
                          err_size);
}

bool pm_tls_local_client(const struct pm_tls_local *local, SSL_CTX *context, char *err,
                         size_t err_size)
{
    STACK_OF(X509) *list = certificates("tls.client_cert", local->cert, err, err_size);
    if (list == NULL) {
        return false;
    }
    bool good = use_chain(context, list);
    sk_X509_pop_free(list, X509_free);
    if (!good) {
        return refuse("tls.client_cert", local->cert, "cannot be used", err, err_size);
    }
    return use_key(local, context, err, err_size);
}

/* ---- Pins ---------------------------------------------------------------------------- */

static bool read_pin(struct pm_slice text, uint8_t *pin)
{
    unsigned char decoded[PIN_DECODED];
    if (text.len != PIN_TEXT || text.ptr[PIN_TEXT - 1] != '=' || text.ptr[PIN_TEXT - 2] == '=' ||
        EVP_DecodeBlock(decoded, text.ptr, PIN_TEXT) != PIN_DECODED) {
        return false;
    }
    memcpy(pin, decoded, PM_TLS_PIN_SIZE);
    return true;
}

static bool read_pins(struct pm_tls_local *local, const char *list, char *err, size_t err_size)
{
    struct pm_slice rest = pm__list(list);
    struct pm_slice pin;
    while (pm__list_next(&rest, &pin)) {
        if (local->pin_count == PM_TLS_PINS) {
            snprintf(err, err_size, "tls.pin_sha256: more than %d sums", PM_TLS_PINS);
            return false;
        }
        if (!read_pin(pin, local->pins[local->pin_count])) {
            snprintf(err, err_size, "tls.pin_sha256: \"%.*s\" is no SHA-256 sum in base64",
                     (int)(pin.len < 60 ? pin.len : 60), (const char *)pin.ptr);
            return false;
        }
        local->pin_count++;
    }
    return true;
}

static bool pinned(const struct pm_tls_local *local, X509 *certificate)
{
    unsigned char *der = NULL;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    bool hashed = len > 0 && EVP_Digest(der, (size_t)len, digest, &size, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    for (size_t i = 0; hashed && i < local->pin_count; i++) {
        if (memcmp(local->pins[i], digest, PM_TLS_PIN_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

static int refuse_key(X509_STORE_CTX *store)
{
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

/* RFC 7469 2.6: the chain is checked first, and a pin of any certificate in it will do. */
static int check_chain(X509_STORE_CTX *store, void *user)
{
    if (X509_verify_cert(store) <= 0) {
        return 0;
    }
    const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        if (pinned(user, sk_X509_value(chain, i))) {
            return 1;
        }
    }
    return refuse_key(store);
}

/* Without a checked chain only the server's own key is one that the server has proven to have. */
static int check_server(X509_STORE_CTX *store, void *user)
{
    X509 *own = X509_STORE_CTX_get0_cert(store);
    return own != NULL && pinned(user, own) ? 1 : refuse_key(store);
}

void pm_tls_local_pin(const struct pm_tls_local *local, SSL_CTX *context, bool chain)
{
    SSL_CTX_set_cert_verify_callback(context, chain ? check_chain : check_server, (void *)local);
}

/* ---- Life ---------------------------------------------------------------------------- */

static bool copy(char **to, const char *from)
{
    *to = from != NULL && *from != '\0' ? strdup(from) : NULL;
    return *to != NULL || from == NULL || *from == '\0';
}

bool pm_tls_local_init(struct pm_tls_local *local, const char *ca_file, const char *cert,
                       const char *key, const char *pins, char *err, size_t err_size)
{
    memset(local, 0, sizeof *local);
    if (!copy(&local->ca_file, ca_file) || !copy(&local->cert, cert) || !copy(&local->key, key)) {
        snprintf(err, err_size, "out of memory");
        return false;
    }
    if ((local->cert == NULL) != (local->key == NULL)) {
        snprintf(err, err_size, "tls.client_%s: there is no tls.client_%s",
                 local->cert != NULL ? "cert" : "key", local->cert != NULL ? "key" : "cert");
        return false;
    }
    return pins == NULL || read_pins(local, pins, err, err_size);
}

bool pm_tls_local_try(const struct pm_tls_local *local, char *err, size_t err_size)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    X509_STORE *store = NULL;
    snprintf(err, err_size, "out of memory");
    bool good = context != NULL;
    if (good && local->ca_file != NULL) {
        store = pm_tls_local_store(local, err, err_size);
        good = store != NULL;
    }
    if (good && local->cert != NULL) {
        good = pm_tls_local_client(local, context, err, err_size);
    }
    X509_STORE_free(store);
    SSL_CTX_free(context);
    ERR_clear_error();
    return good;
}

void pm_tls_local_end(struct pm_tls_local *local)
{
    free(local->ca_file);
    free(local->cert);
    free(local->key);
    memset(local, 0, sizeof *local);
}
