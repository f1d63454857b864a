/* SPDX-License-Identifier: MIT */
/* The system's trust store, read afresh when it changes: the program runs for years. */
#ifndef PM_HOST_TLS_TRUST_H
#define PM_HOST_TLS_TRUST_H

#include <openssl/x509_vfy.h>
#include <sys/stat.h>

/* All zero: not read yet. */
struct pm_tls_trust {
    X509_STORE *store;
    struct stat file, dir; /* as they were when `store` was made */
};

/* A reference to the store, the caller's to free; NULL: out of memory. */
X509_STORE *pm_tls_trust_get(struct pm_tls_trust *trust);

void pm_tls_trust_end(struct pm_tls_trust *trust);

#endif
