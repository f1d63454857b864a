/* SPDX-License-Identifier: MIT */
/*
 * TLS as the configuration has it, whatever the host says: trust anchors of its own, pinned keys,
 * and a certificate of the client's.
 */
#ifndef PM_HOST_TLS_LOCAL_H
#define PM_HOST_TLS_LOCAL_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most pins, and the bytes of one: SHA-256 of a SubjectPublicKeyInfo in DER (RFC 7469 2.4). */
#define PM_TLS_PINS     8
#define PM_TLS_PIN_SIZE 32

struct pm_tls_local {
    char *ca_file;    /* PEM or DER; NULL: none */
    char *cert, *key; /* likewise; both or neither */
    size_t pin_count; /* 0: any key will do */
    uint8_t pins[PM_TLS_PINS][PM_TLS_PIN_SIZE];
};

/* Copies the names of files, NULL or "" being none, and reads the pins: base64, between commas,
 * blanks around them. False with the reason in `err`, which begins with the key; pm_tls_local_end()
 * is due in either case. */
bool pm_tls_local_init(struct pm_tls_local *local, const char *ca_file, const char *cert,
                       const char *key, const char *pins, char *err, size_t err_size);
void pm_tls_local_end(struct pm_tls_local *local);

/* Whether the files can serve, which is better known before the first mail. False with the reason
 * in `err`, which begins with the key. */
bool pm_tls_local_try(const struct pm_tls_local *local, char *err, size_t err_size);

/* The anchors of ca_file, read afresh: an authority, or the server's own certificate. */
X509_STORE *pm_tls_local_store(const struct pm_tls_local *local, char *err, size_t err_size);

/* Gives `context` the client's certificate and key, read afresh. */
bool pm_tls_local_client(const struct pm_tls_local *local, SSL_CTX *context, char *err,
                         size_t err_size);

/* From now on a handshake needs one of the pins: of any certificate of the chain when the chain is
 * checked (`chain`), else of the server's own. `local` must outlive the sessions of `context`. */
void pm_tls_local_pin(const struct pm_tls_local *local, SSL_CTX *context, bool chain);

#endif
