/* SPDX-License-Identifier: MIT */
/* The catcher's certificate authority: made at start, kept in memory only. */
#ifndef PM_HOST_CATCHER_CA_H
#define PM_HOST_CATCHER_CA_H

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>

struct pm_catcher_ca {
    EVP_PKEY *key;      /* of the authority */
    X509 *certificate;  /* likewise */
    EVP_PKEY *leaf_key; /* of all server certificates */
};

/* Makes fresh keys and a certificate. False when OpenSSL fails; then nothing is left. */
bool pm_catcher_ca_init(struct pm_catcher_ca *ca);
void pm_catcher_ca_end(struct pm_catcher_ca *ca);

/* A server session with a certificate for `host`, a name or an IP literal. NULL when OpenSSL
 * fails. */
SSL *pm_catcher_ca_server(const struct pm_catcher_ca *ca, const char *host);

#endif
