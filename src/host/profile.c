/* SPDX-License-Identifier: MIT */
/*
 * Profile files. Layout: 8 bytes of magic, SHA-256 of the blob (32 bytes), the blob. The sum
 * tells a damaged file from a good one: a module must rather start with factory settings than
 * with half of somebody's.
 */
#include "host/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define PM_PROFILE_MAX     4096
#define PROFILE_MAGIC      "PMPROF1\n"
#define PROFILE_MAGIC_SIZE 8
#define PROFILE_SUM_SIZE   32

_Static_assert(PM_PROFILE_HEAD == PROFILE_MAGIC_SIZE + PROFILE_SUM_SIZE, "layout of the head");

static bool profile_sum(const uint8_t *data, size_t len, uint8_t sum[PROFILE_SUM_SIZE])
{
    unsigned int n = 0;
    return EVP_Digest(data, len, sum, &n, EVP_sha256(), NULL) == 1 && n == PROFILE_SUM_SIZE;
}

static int profile_read_all(int fd, uint8_t *buffer, size_t cap)
{
    size_t len = 0;
    while (len < cap) {
        ssize_t n = pread(fd, buffer + len, cap - len, (off_t)len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        len += (size_t)n;
    }
    return (int)len;
}

int pm_profile_read(int dirfd, uint8_t key, uint8_t *data, size_t cap)
{
    char name[24];
    (void)snprintf(name, sizeof name, "profile.%u", key);
    int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT ? 0 : -1;
    }
    uint8_t buffer[PM_PROFILE_HEAD + PM_PROFILE_MAX + 1];
    uint8_t sum[PROFILE_SUM_SIZE];
    int n = profile_read_all(fd, buffer, sizeof buffer);
    (void)close(fd);
    size_t len = n > PM_PROFILE_HEAD ? (size_t)n - PM_PROFILE_HEAD : 0;
    bool good = len > 0 && len <= cap && len <= PM_PROFILE_MAX &&
                memcmp(buffer, PROFILE_MAGIC, PROFILE_MAGIC_SIZE) == 0 &&
                profile_sum(buffer + PM_PROFILE_HEAD, len, sum) &&
                memcmp(buffer + PROFILE_MAGIC_SIZE, sum, sizeof sum) == 0;
    if (good) {
        memcpy(data, buffer + PM_PROFILE_HEAD, len);
    }
    OPENSSL_cleanse(buffer, sizeof buffer);
    return good ? (int)len : -1;
}

static int profile_put(int fd, const uint8_t *data, size_t len, bool durable)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = write(fd, data + done, len - done);
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return durable && fsync(fd) != 0 ? errno : 0;
}

bool pm_profile_pack(const uint8_t *data, size_t len, uint8_t *out)
{
    if (len == 0 || len > PM_PROFILE_MAX || !profile_sum(data, len, out + PROFILE_MAGIC_SIZE)) {
        return false;
    }
    memcpy(out, PROFILE_MAGIC, PROFILE_MAGIC_SIZE);
    memcpy(out + PM_PROFILE_HEAD, data, len);
    return true;
}

int pm_profile_write(int dirfd, uint8_t key, const uint8_t *packed, size_t len, bool durable)
{
    char name[24];
    char fresh[32];
    (void)snprintf(name, sizeof name, "profile.%u", key);
    (void)snprintf(fresh, sizeof fresh, ".new-profile.%u", key);
    int fd = openat(dirfd, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return errno;
    }
    int error = profile_put(fd, packed, len, durable);
    if (close(fd) != 0 && error == 0) {
        error = errno;
    }
    if (error == 0 && renameat(dirfd, fresh, dirfd, name) != 0) {
        error = errno;
    }
    if (error == 0 && durable && fsync(dirfd) != 0) {
        error = errno;
    }
    if (error != 0) {
        (void)unlinkat(dirfd, fresh, 0);
    }
    return error;
}
