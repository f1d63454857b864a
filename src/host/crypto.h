/* SPDX-License-Identifier: MIT */
/* Randomness, HMAC and job memory as platform.h describes them. */
#ifndef PM_HOST_CRYPTO_H
#define PM_HOST_CRYPTO_H

#include "postmodem/platform.h"

/* The working memory of one mail job: one large write to the socket, or four TLS records and
 * what the composer and the session need beside them. */
#define PM_JOB_MEMORY_SIZE (96 * 1024)

int32_t pm_crypto_random(uint8_t *out, size_t len);

int32_t pm_crypto_hmac(enum pm_hmac algorithm, struct pm_slice key, struct pm_slice data,
                       uint8_t *out);

uint8_t *pm_job_memory(size_t *size);

/* Wiped first: it holds mail. */
void pm_job_memory_free(uint8_t *memory);

#endif
