/* SPDX-License-Identifier: MIT */
/*
 * What the program makes of the TLS versions and suites that a host asks for (SD58): nothing
 * below TLS 1.2 and no weak suite is ever offered; a host that asks for one gets a safe
 * connection, and the log says so.
 */
#ifndef PM_HOST_TLS_POLICY_H
#define PM_HOST_TLS_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "postmodem/platform.h"

struct pm_tls_policy {
    int min_version; /* TLS1_2_VERSION or TLS1_3_VERSION */
    int max_version;
    const char *suites; /* of TLS 1.2, as SSL_CTX_set_cipher_list() takes them; static */
    bool weak_version;  /* the version asked for is not offered */
    bool weak_suite;    /* likewise the suite */
};

struct pm_tls_policy pm_tls_policy(const struct pm_tls_request *request);

/* What was asked, in words, and whether it is given: "sslversion 0 (SSL 3.0, no longer safe),
 * all suites, seclevel 1". */
void pm_tls_asked(const struct pm_tls_request *request, char *text, size_t size);

#endif
