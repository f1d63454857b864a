/* SPDX-License-Identifier: MIT */
/* Randomness, hashes, keys and job memory as platform.h describes them. */
#ifndef PM_HOST_CRYPTO_H
#define PM_HOST_CRYPTO_H

#include <uv.h>

#include "postmodem/platform.h"

/* The working memory of one mail job: one large write to the socket, or four TLS records and
 * what the composer and the session need beside them. */
#define PM_JOB_MEMORY_SIZE (96 * 1024)

int32_t pm_crypto_random(uint8_t *out, size_t len);

int32_t pm_crypto_hmac(enum pm_hmac algorithm, struct pm_slice key, struct pm_slice data,
                       uint8_t *out);

/* SHA-256 into 32 bytes. */
int32_t pm_crypto_hash(struct pm_slice data, uint8_t *out);

/*
 * PBKDF2 with HMAC-SHA-256 in a thread of its own: password and salt are copied. done() is called
 * from the loop with the 32 bytes, or NULL when it could not be done. NULL: no memory.
 */
struct pm_derivation;
struct pm_derivation *pm_crypto_derive(uv_loop_t *loop, struct pm_slice password,
                                       struct pm_slice salt, uint32_t count,
                                       void (*done)(void *user, const uint8_t *key), void *user);

/* done() is not called any more. The memory goes when the thread has ended. */
void pm_crypto_derive_cancel(struct pm_derivation *derivation);

/* The working memory of a mail job. The job wipes what it gives back. */
uint8_t *pm_job_memory(size_t *size);
void pm_job_memory_free(uint8_t *memory);

#endif
