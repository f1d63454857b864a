/* SPDX-License-Identifier: MIT */
/* Runs a command whose output is a secret: no shell, bounded in time and size, wiped afterwards. */
#ifndef PM_HOST_TOKEN_COMMAND_H
#define PM_HOST_TOKEN_COMMAND_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct pm_token_command;

/*
 * Starts `command`, a program (looked up in PATH) and its arguments between blanks. done() is
 * called from the loop, once: with the output (valid during the call), or with `problem`. Output
 * beyond 8256 bytes, an exit status, a signal and more than `timeout_ms` are problems; in the last
 * case the command is killed with all that it started. NULL with the reason in `err` when it cannot
 * be started.
 */
struct pm_token_command *pm_token_command_run(uv_loop_t *loop, const char *command,
                                              uint64_t timeout_ms,
                                              void (*done)(void *user, const uint8_t *text,
                                                           size_t len, const char *problem),
                                              void *user, char *err, size_t err_size);

/* Kills it; done() is not called any more. */
void pm_token_command_cancel(struct pm_token_command *command);

#endif
