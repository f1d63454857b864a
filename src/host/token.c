/* SPDX-License-Identifier: MIT */
/* Where a token comes from, how long it is kept, and when a refused one is given up. */
#include "host/token.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/token_command.h"

/* A kept token is given up so long before its end, in seconds. */
#define MARGIN_S 60

struct pm_token {
    struct pm_token_source source;
    uv_loop_t *loop;
    struct pm_token_command *running;
    bool renew; /* what is wanted is another one than `last` */
    uint8_t *out;
    size_t cap;
    uint64_t good_until; /* of the loop's time: `last` serves until then */
    size_t last_len;
    uint8_t last[PM_TOKEN_SIZE]; /* the token given last */
};

static int32_t none(const struct pm_token *token, const char *why)
{
    char text[200];
    snprintf(text, sizeof text, "no token from smtp.token_%s: %s",
             token->source.file != NULL ? "file" : "command", why);
    token->source.log(token->source.user, PM_LOG_ERROR, text);
    return PM_ERR_NOT_FOUND;
}

/* Takes the token out of what the file or the command gave. */
static int32_t take(struct pm_token *token, const uint8_t *text, size_t len)
{
    const uint8_t *end = memchr(text, '\n', len);
    size_t size = end != NULL ? (size_t)(end - text) : len;
    char seconds[12] = "";
    if (end != NULL) {
        size_t rest = len - size - 1;
        snprintf(seconds, sizeof seconds, "%.*s", (int)(rest < 11 ? rest : 11), end + 1);
    }
    if (size > 0 && text[size - 1] == '\r') {
        size--;
    }
    if (size == 0 || size > sizeof token->last || size > token->cap) {
        return none(token, size == 0 ? "its first line is empty" : "too long");
    }
    if (token->renew && size == token->last_len && CRYPTO_memcmp(token->last, text, size) == 0) {
        return none(token, "the server has refused it, and there is no other");
    }
    OPENSSL_cleanse(token->last, sizeof token->last);
    memcpy(token->last, text, size);
    memcpy(token->out, text, size);
    token->last_len = size;
    unsigned long lasts = strtoul(seconds, NULL, 10);
    token->good_until = lasts > MARGIN_S && lasts < UINT32_MAX
                            ? uv_now(token->loop) + (lasts - MARGIN_S) * 1000
                            : 0;
    return (int32_t)size;
}

static int32_t from_file(struct pm_token *token)
{
    uint8_t text[PM_TOKEN_SIZE + 64];
    int fd = open(token->source.file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    int32_t result = n >= 0 ? take(token, text, (size_t)n) : none(token, strerror(error));
    OPENSSL_cleanse(text, sizeof text);
    return result;
}

static void on_command(void *user, const uint8_t *text, size_t len, const char *problem)
{
    struct pm_token *token = user;
    token->running = NULL;
    int32_t result = problem == NULL ? take(token, text, len) : none(token, problem);
    token->source.done(token->source.user, result);
}

int32_t pm_token_get(struct pm_token *token, bool renew, uint8_t *out, size_t cap)
{
    char why[120];
    uv_update_time(token->loop);
    token->renew = renew;
    token->out = out;
    token->cap = cap;
    if (token->source.file != NULL) {
        return from_file(token);
    }
    if (!renew && uv_now(token->loop) < token->good_until && token->last_len <= cap) {
        memcpy(out, token->last, token->last_len);
        return (int32_t)token->last_len;
    }
    token->running =
        pm_token_command_run(token->loop, token->source.command, token->source.timeout_ms,
                             on_command, token, why, sizeof why);
    return token->running != NULL ? PM_PENDING : none(token, why);
}

void pm_token_cancel(struct pm_token *token)
{
    if (token->running != NULL) {
        pm_token_command_cancel(token->running);
        token->running = NULL;
    }
}

static bool keep_text(const char **to, const char *text)
{
    *to = text != NULL && *text != '\0' ? strdup(text) : NULL;
    return *to != NULL || text == NULL || *text == '\0';
}

struct pm_token *pm_token_new(uv_loop_t *loop, const struct pm_token_source *source)
{
    struct pm_token *token = calloc(1, sizeof *token);
    if (token == NULL) {
        return NULL;
    }
    token->source = *source;
    token->source.timeout_ms = source->timeout_ms != 0 ? source->timeout_ms : PM_TOKEN_MS;
    token->source.command = NULL;
    token->loop = loop;
    if (!keep_text(&token->source.file, source->file) ||
        !keep_text(&token->source.command, source->command)) {
        pm_token_free(token);
        return NULL;
    }
    return token;
}

void pm_token_free(struct pm_token *token)
{
    if (token != NULL) {
        pm_token_cancel(token);
        free((void *)(uintptr_t)token->source.file);
        free((void *)(uintptr_t)token->source.command);
        OPENSSL_cleanse(token, sizeof *token);
        free(token);
    }
}
