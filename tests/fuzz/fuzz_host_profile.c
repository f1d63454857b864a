/* SPDX-License-Identifier: MIT */
/*
 * Any file as a stored profile. The first byte: 1 the checksum is made right, 2 the reader has
 * room for a few bytes only. Only what begins with the magic and the checksum of the rest may be
 * taken, and then it is that rest; what is not taken changes nothing.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "harness.h"
#include "host/profile.h"

enum { KEY = 7, MAGIC_SIZE = 8, SUM_SIZE = 32, FILE_SIZE = 8192, FEW = 5 };

static char folder[256];
static int folder_fd = -1;

static void remove_folder(void)
{
    (void)unlinkat(folder_fd, "profile.7", 0);
    (void)rmdir(folder);
}

static void put_file(const uint8_t *bytes, size_t len)
{
    if (folder_fd < 0) {
        const char *base = getenv("TMPDIR");
        (void)snprintf(folder, sizeof folder, "%s/postmodem-fuzz-XXXXXX",
                       base != NULL ? base : "/tmp");
        REQUIRE(mkdtemp(folder) != NULL);
        folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        REQUIRE(folder_fd >= 0 && atexit(remove_folder) == 0);
    }
    int fd = openat(folder_fd, "profile.7", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && close(fd) == 0);
}

static void sum(const uint8_t *bytes, size_t len, uint8_t out[SUM_SIZE])
{
    unsigned n = 0;
    REQUIRE(EVP_Digest(bytes, len, out, &n, EVP_sha256(), NULL) == 1 && n == SUM_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[FILE_SIZE];
    uint8_t right[SUM_SIZE];
    uint8_t got[PM_PROFILE_MAX];
    uint8_t untouched[PM_PROFILE_MAX];
    if (size < 1 || size > FILE_SIZE) {
        return 0;
    }
    size_t len = size - 1;
    size_t cap = (data[0] & 2) != 0 ? FEW : sizeof got;
    memcpy(file, data + 1, len);
    size_t blob = len > PM_PROFILE_HEAD ? len - PM_PROFILE_HEAD : 0;
    sum(file + PM_PROFILE_HEAD, blob, right);
    if ((data[0] & 1) != 0 && blob > 0) {
        memcpy(file, "PMPROF1\n", MAGIC_SIZE);
        memcpy(file + MAGIC_SIZE, right, SUM_SIZE);
    }
    bool good = blob > 0 && blob <= cap && memcmp(file, "PMPROF1\n", MAGIC_SIZE) == 0 &&
                memcmp(file + MAGIC_SIZE, right, SUM_SIZE) == 0;
    put_file(file, len);
    memset(got, 'x', sizeof got);
    memset(untouched, 'x', sizeof untouched);
    int result = pm_profile_read(folder_fd, KEY, got, cap);
    REQUIRE(result == (good ? (int)blob : -1));
    size_t taken = good ? blob : 0;
    REQUIRE(memcmp(got, file + PM_PROFILE_HEAD, taken) == 0);
    REQUIRE(memcmp(got + taken, untouched, sizeof got - taken) == 0);
    return 0;
}
