/* SPDX-License-Identifier: MIT */
/* Randomness, hashes, keys and job memory as platform.h describes them. */
#include "host/crypto.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

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

int32_t pm_crypto_hash(struct pm_slice data, uint8_t *out)
{
    size_t made = 0;
    int good = EVP_Q_digest(NULL, "SHA256", NULL, data.ptr, data.len, out, &made);
    ERR_clear_error();
    return good == 1 && made == 32 ? PM_OK : PM_ERR_UNSUPPORTED;
}

/* ---- PBKDF2 --------------------------------------------------------------------------- */

struct pm_derivation {
    uv_work_t work;
    void (*done)(void *user, const uint8_t *key);
    void *user;
    uint32_t count;
    bool good;
    uint8_t key[32];
    size_t password_len, salt_len;
    uint8_t bytes[]; /* password and salt */
};

static void derive(uv_work_t *work)
{
    struct pm_derivation *d = work->data;
    d->good = PKCS5_PBKDF2_HMAC((const char *)d->bytes, (int)d->password_len,
                                d->bytes + d->password_len, (int)d->salt_len, (int)d->count,
                                EVP_sha256(), sizeof d->key, d->key) == 1;
    /* The pool's threads end without OpenSSL's knowledge: what it keeps for this one goes now. */
    OPENSSL_thread_stop();
}

static void on_derived(uv_work_t *work, int status)
{
    struct pm_derivation *d = work->data;
    if (d->done != NULL) {
        d->done(d->user, status == 0 && d->good ? d->key : NULL);
    }
    size_t secret = d->password_len + d->salt_len;
    OPENSSL_cleanse(d, sizeof *d + secret);
    free(d);
}

struct pm_derivation *pm_crypto_derive(uv_loop_t *loop, struct pm_slice password,
                                       struct pm_slice salt, uint32_t count,
                                       void (*done)(void *user, const uint8_t *key), void *user)
{
    struct pm_derivation *d = malloc(sizeof *d + password.len + salt.len);
    if (d == NULL) {
        return NULL;
    }
    *d = (struct pm_derivation){.done = done,
                                .user = user,
                                .count = count,
                                .password_len = password.len,
                                .salt_len = salt.len};
    if (password.len > 0) {
        memcpy(d->bytes, password.ptr, password.len);
    }
    if (salt.len > 0) {
        memcpy(d->bytes + password.len, salt.ptr, salt.len);
    }
    d->work.data = d;
    if (uv_queue_work(loop, &d->work, derive, on_derived) != 0) {
        OPENSSL_cleanse(d->bytes, password.len);
        free(d);
        return NULL;
    }
    return d;
}

/* What waits for a thread is taken back; what runs ends by itself. */
void pm_crypto_derive_cancel(struct pm_derivation *derivation)
{
    derivation->done = NULL;
    (void)uv_cancel((uv_req_t *)&derivation->work);
}

/* ---- Memory --------------------------------------------------------------------------- */

/* Blocks of mails that ran at the same time stay for the next ones, 6 MiB at most: to have each
 * page of one from the system, and give it back, takes longer than a small mail. All modules run in
 * one thread. */
static uint8_t *spare[64];
static unsigned spares;

uint8_t *pm_job_memory(size_t *size)
{
    uint8_t *memory = spares > 0 ? spare[--spares] : malloc(PM_JOB_MEMORY_SIZE);
    *size = memory != NULL ? PM_JOB_MEMORY_SIZE : 0;
    return memory;
}

void pm_job_memory_free(uint8_t *memory)
{
    if (memory != NULL && spares < sizeof spare / sizeof spare[0]) {
        spare[spares++] = memory;
    } else {
        free(memory);
    }
}
