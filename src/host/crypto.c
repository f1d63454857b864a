/* SPDX-License-Identifier: MIT */
/* Randomness, HMAC and job memory as platform.h describes them. */
#include "host/crypto.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

int32_t pm_crypto_random(uint8_t *out, size_t len)
{
    while (len > 0) {
        int part = len > INT_MAX ? INT_MAX : (int)len;
        if (RAND_bytes(out, part) != 1) {
            ERR_clear_error();
            return PM_ERR_IO;
        }
        out += part;
        len -= (size_t)part;
    }
    return PM_OK;
}

int32_t pm_crypto_hmac(enum pm_hmac algorithm, struct pm_slice key, struct pm_slice data,
                       uint8_t *out)
{
    static const uint8_t nothing[1];
    bool md5 = algorithm == PM_HMAC_MD5;
    size_t size = md5 ? 16 : 32;
    size_t made = 0;
    /* OpenSSL takes a NULL key for a missing one; an empty password is a key, too. */
    const uint8_t *mac =
        EVP_Q_mac(NULL, "HMAC", NULL, md5 ? "MD5" : "SHA256", NULL, key.len > 0 ? key.ptr : nothing,
                  key.len, data.len > 0 ? data.ptr : nothing, data.len, out, size, &made);
    ERR_clear_error();
    /* A FIPS configuration has no MD5. */
    return mac != NULL && made == size ? PM_OK : PM_ERR_UNSUPPORTED;
}

uint8_t *pm_job_memory(size_t *size)
{
    uint8_t *memory = malloc(PM_JOB_MEMORY_SIZE);
    *size = memory != NULL ? PM_JOB_MEMORY_SIZE : 0;
    return memory;
}

void pm_job_memory_free(uint8_t *memory)
{
    if (memory != NULL) {
        OPENSSL_cleanse(memory, PM_JOB_MEMORY_SIZE);
        free(memory);
    }
}
