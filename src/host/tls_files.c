/* SPDX-License-Identifier: MIT */
/* Certificates and keys in the formats that hosts upload: PEM or DER. */
#include "host/tls_files.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <string.h>

static bool is_pem(const uint8_t *data, size_t len)
{
    static const char mark[] = "-----BEGIN ";
    return memmem(data, len, mark, sizeof(mark) - 1) != NULL;
}

/* Whether PEM_read_...() ended because the file did, not because of what is in it. */
static bool pem_ended(void)
{
    unsigned long code = ERR_peek_last_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* Without this OpenSSL would ask for a password on the terminal. */
static int give_password(char *buf, int size, int writing, void *user)
{
    const struct pm_slice *password = user;
    (void)writing;
    if (password == NULL || size < 0 || password->len > (size_t)size) {
        return -1;
    }
    if (password->len > 0) {
        memcpy(buf, password->ptr, password->len);
    }
    return (int)password->len;
}

static X509 *next_der(const uint8_t **data, size_t *len)
{
    const uint8_t *start = *data;
    X509 *certificate = d2i_X509(NULL, data, (long)*len);
    *len -= (size_t)(*data - start);
    return certificate;
}

/* Adds all certificates to `list`; false when something in the file is damaged. */
static bool add_pem(STACK_OF(X509) * list, BIO *bio)
{
    for (;;) {
        X509 *certificate = PEM_read_bio_X509(bio, NULL, give_password, NULL);
        if (certificate == NULL) {
            return pem_ended();
        }
        if (sk_X509_push(list, certificate) <= 0) {
            X509_free(certificate);
            return false;
        }
    }
}

static bool add_der(STACK_OF(X509) * list, const uint8_t *data, size_t len)
{
    while (len > 0) {
        X509 *certificate = next_der(&data, &len);
        if (certificate == NULL || sk_X509_push(list, certificate) <= 0) {
            X509_free(certificate);
            return false;
        }
    }
    return true;
}

STACK_OF(X509) * pm_tls_certificates(const uint8_t *data, size_t len)
{
    if (len == 0 || len > INT_MAX) {
        return NULL;
    }
    STACK_OF(X509) *list = sk_X509_new_null();
    BIO *bio = BIO_new_mem_buf(data, (int)len);
    bool good = list != NULL && bio != NULL &&
                (is_pem(data, len) ? add_pem(list, bio) : add_der(list, data, len)) &&
                sk_X509_num(list) > 0;
    BIO_free(bio);
    ERR_clear_error();
    if (!good) {
        sk_X509_pop_free(list, X509_free);
        return NULL;
    }
    return list;
}

EVP_PKEY *pm_tls_private_key(const uint8_t *data, size_t len, struct pm_slice password)
{
    if (len == 0 || len > INT_MAX) {
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(data, (int)len);
    if (bio == NULL) {
        return NULL;
    }
    EVP_PKEY *key;
    if (is_pem(data, len)) {
        key = PEM_read_bio_PrivateKey(bio, NULL, give_password, &password);
    } else {
        key = d2i_PrivateKey_bio(bio, NULL);
        if (key == NULL && BIO_reset(bio) >= 0) {
            key = d2i_PKCS8PrivateKey_bio(bio, NULL, give_password, &password);
        }
    }
    BIO_free(bio);
    ERR_clear_error();
    return key;
}
