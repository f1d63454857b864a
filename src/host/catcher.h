/* SPDX-License-Identifier: MIT */
/*
 * The built-in catcher: a small SMTP server inside the process that accepts every mail and keeps
 * it as a file of a Maildir. It listens nowhere: connections are made by pm_catcher_connect().
 *
 * The files begin with the envelope in header lines of its own (X-Envelope-From and so on), then
 * the mail as it was received, byte for byte, without the dot-stuffing.
 */
#ifndef PM_HOST_CATCHER_H
#define PM_HOST_CATCHER_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "postmodem/platform.h"

struct pm_catcher;

struct pm_catcher_log {
    void *user;
    void (*write)(void *user, enum pm_log_level level, const char *text); /* NULL: no log */
};

struct pm_catcher_options {
    const char *maildir; /* not needed after the call */
    /* The module is to check certificates as always, with the catcher's authority as additional
     * trust anchor; false: every check passes. */
    bool verify;
    bool faults; /* certain names make it fail on demand: see catcher_faults.h */
    /* Another catcher of the same Maildir, whose Maildir and authority this one uses, too; NULL:
     * none is known. Either may be freed first. */
    struct pm_catcher *like;
    const char *module; /* told in the envelope where there are several modules; NULL or "": not.
                         * It outlives the catcher */
};

/*
 * Makes the Maildir if it is missing (cur, new, tmp; mode 0700), a fresh certificate authority,
 * and writes its certificate to <maildir>/ca.pem. `log` may be NULL. Returns NULL and says in
 * `err` why.
 */
struct pm_catcher *pm_catcher_new(uv_loop_t *loop, const struct pm_catcher_options *options,
                                  const struct pm_catcher_log *log, char *err, size_t err_size);

/* Drops all connections. A mail whose end was received is still stored, while the loop runs on;
 * the last of it frees the catcher. */
void pm_catcher_free(struct pm_catcher *catcher);

/*
 * The client's end of a new connection to the server that plays `host`: a connected,
 * non-blocking socket; or, after a line in the log, PM_ERR_RESOLVE or PM_ERR_CONNECT. `tls`: the
 * server begins with a TLS handshake.
 */
int pm_catcher_connect(struct pm_catcher *catcher, const char *host, uint16_t port, bool tls);

bool pm_catcher_verify(const struct pm_catcher *catcher);

/* The certificate of the authority; the catcher's. */
X509 *pm_catcher_ca(const struct pm_catcher *catcher);

#endif
