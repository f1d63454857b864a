/* SPDX-License-Identifier: MIT */
/*
 * Bearer tokens for AUTH OAUTHBEARER and XOAUTH2, from a file or from a command.
 *
 * The first line is the token. A second line, if there is one, is the number of seconds that it
 * lasts: the token of a command is kept until a minute before, and without it for no further mail.
 * A file is read for each mail. Tokens are wiped and in no log.
 */
#ifndef PM_HOST_TOKEN_H
#define PM_HOST_TOKEN_H

#include <uv.h>

#include "postmodem/platform.h"

/* The longest token, in bytes. */
#define PM_TOKEN_SIZE 8192

/* How long the command may take, in milliseconds. */
#define PM_TOKEN_MS 30000

struct pm_token;

struct pm_token_source {
    const char *file;    /* "": none */
    const char *command; /* program and arguments between blanks, no shell; "": none */
    uint32_t timeout_ms; /* of the command; 0: PM_TOKEN_MS */
    void *user;
    void (*log)(void *user, enum pm_log_level level, const char *text);
    /* Ends pm_token_get(), from the loop: a length, or PM_ERR_NOT_FOUND. */
    void (*done)(void *user, int32_t result);
};

/* The strings are copied. NULL: no memory. */
struct pm_token *pm_token_new(uv_loop_t *loop, const struct pm_token_source *source);

/* As pm_platform.token(): at once for a file or a kept token, else PM_PENDING. One at a time. */
int32_t pm_token_get(struct pm_token *token, bool renew, uint8_t *out, size_t cap);

/* Ends what is pending: `out` is not touched any more, done() not called, the command killed. */
void pm_token_cancel(struct pm_token *token);

/* NULL is none. Handles of a command close while the loop runs on. */
void pm_token_free(struct pm_token *token);

#endif
