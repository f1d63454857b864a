/* SPDX-License-Identifier: MIT */
/* Certificates and keys in the formats that hosts upload: PEM or DER. */
#ifndef PM_HOST_TLS_FILES_H
#define PM_HOST_TLS_FILES_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "postmodem/types.h"

/* All certificates of a file, in its order; the caller frees them. NULL: none, or damaged. */
STACK_OF(X509) * pm_tls_certificates(const uint8_t *data, size_t len);

/* The private key of a file; `password` opens an encrypted one. NULL: none, damaged, or locked. */
EVP_PKEY *pm_tls_private_key(const uint8_t *data, size_t len, struct pm_slice password);

#endif
