/* SPDX-License-Identifier: MIT */
/* Whom a certificate is for, in words. */
#ifndef PM_HOST_TLS_NAMES_H
#define PM_HOST_TLS_NAMES_H

#include <openssl/x509.h>
#include <stddef.h>

/* The first few host names and addresses that `certificate` is for, with everything but printable
 * ASCII escaped; where there are none, its subject. "..." stands for what is left out. */
void pm_tls_names(X509 *certificate, char *text, size_t size);

#endif
