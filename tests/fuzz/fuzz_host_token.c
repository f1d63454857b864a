/* SPDX-License-Identifier: MIT */
/*
 * Any file as one with a bearer token. The first byte: 1 the token is asked for again as one that
 * was refused, 2 there is room for a few bytes only. The token is the first line, without its end;
 * one that was refused is not given again; and no log tells anything of it.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "host/token.h"

enum { FILE_SIZE = 16384, FEW = 20 };

static int file = -1;
static char path[32];

/* The reasons that there are. */
static void on_log(void *user, enum pm_log_level level, const char *text)
{
    static const char *const reasons[] = {
        "no token from smtp.token_file: its first line is empty",
        "no token from smtp.token_file: too long",
        "no token from smtp.token_file: the server has refused it, and there is no other"};
    bool known = false;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        known = known || strcmp(text, reasons[i]) == 0;
    }
    REQUIRE(known && level == PM_LOG_ERROR);
    ++*(unsigned *)user;
}

static void on_done(void *user, int32_t result)
{
    (void)user;
    (void)result;
    abort(); /* that is for commands */
}

static void put_file(const uint8_t *data, size_t size)
{
    if (file < 0) {
        file = memfd_create("token", MFD_CLOEXEC);
        REQUIRE(file >= 0);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    REQUIRE(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
}

static size_t token_length(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t len = end != NULL ? (size_t)(end - data) : size;
    return len > 0 && data[len - 1] == '\r' ? len - 1 : len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[PM_TOKEN_SIZE];
    uv_loop_t loop;
    unsigned logged = 0;
    if (size < 1 || size > FILE_SIZE) {
        return 0;
    }
    put_file(data + 1, size - 1);
    const struct pm_token_source source = {
        .file = path, .command = "", .user = &logged, .log = on_log, .done = on_done};
    REQUIRE(uv_loop_init(&loop) == 0);
    struct pm_token *token = pm_token_new(&loop, &source);
    REQUIRE(token != NULL);
    size_t cap = (data[0] & 2) != 0 ? FEW : sizeof out;
    size_t len = token_length(data + 1, size - 1);
    bool good = len > 0 && len <= cap;
    int32_t result = pm_token_get(token, false, out, cap);
    REQUIRE(result == (good ? (int32_t)len : PM_ERR_NOT_FOUND));
    REQUIRE(!good || memcmp(out, data + 1, len) == 0);
    REQUIRE(logged == (good ? 0 : 1));
    if ((data[0] & 1) != 0) {
        REQUIRE(pm_token_get(token, true, out, cap) == PM_ERR_NOT_FOUND);
    }
    pm_token_free(token);
    REQUIRE(uv_loop_close(&loop) == 0);
    return 0;
}
