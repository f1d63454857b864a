/* SPDX-License-Identifier: MIT */
/* The client's side of TLS as AT+QSSLCFG asks for it and SD58 grants it. */
#ifndef PM_HOST_TLS_CLIENT_H
#define PM_HOST_TLS_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/tls_local.h"
#include "host/tls_trust.h"
#include "postmodem/platform.h"

/* Longest certificate or key file that is read, in bytes. */
#define PM_TLS_FILE_MAX (256 * 1024)

struct pm_tls_setup {
    const struct pm_tls_request *request;
    const char *host;                 /* name or IP literal as typed */
    bool verify_always;               /* whatever seclevel and ignorelocaltime say */
    bool system_ca;                   /* without cacert the system's trust store serves */
    bool pass;                        /* every check passes: the server is the catcher */
    X509 *anchor;                     /* one more trust anchor, NULL: none */
    struct pm_tls_trust *trust;       /* the system's */
    const struct pm_tls_local *local; /* what the configuration adds; NULL: nothing. It outlives
                                       * the sessions */
    void *user;
    int (*load)(void *user, enum pm_storage storage, const uint8_t *name, size_t len,
                uint8_t **data, size_t *data_len, size_t max);
};

/* A client session ready for its handshake; NULL with the reason in `err`. */
SSL *pm_tls_client(const struct pm_tls_setup *setup, char *err, size_t err_size);

/* Whether the server's certificate is checked under `setup`. */
bool pm_tls_checks(const struct pm_tls_setup *setup);

/* What is checked of the server, in words: "verified", "pinned"...; static. */
const char *pm_tls_checked(const struct pm_tls_setup *setup);

/* The longest handshake in milliseconds: negotiatetime within its range. */
uint32_t pm_tls_handshake_ms(const struct pm_tls_request *request);

/* A handshake that has ended. */
struct pm_tls_handshake {
    SSL *ssl; /* may be NULL */
    const char *host;
    const char *asked;   /* pm_tls_asked() */
    const char *checked; /* pm_tls_checked() */
    const char *problem; /* why it failed; NULL: it did not */
    bool upgrade;        /* on a connection that began without TLS */
};

/* The outcome in words: what was asked, and what was done, or went wrong and may help. */
void pm_tls_outcome(const struct pm_tls_handshake *handshake, char *text, size_t size);

#endif
