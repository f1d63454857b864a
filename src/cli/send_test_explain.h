/* SPDX-License-Identifier: MIT */
/* The words of `postmodem send-test`. */
#ifndef PM_CLI_SEND_TEST_EXPLAIN_H
#define PM_CLI_SEND_TEST_EXPLAIN_H

#include <stdint.h>
#include <stdio.h>

#include "host/config.h"

/* Server, TLS, account and addresses that finished options stand for; no secret. */
void pm__send_test_plan(FILE *out, const struct pm_options *options, const char *from,
                        const char *to);

/* A result of QSMTPPUT, and what may be behind it. */
void pm__send_test_result(FILE *out, uint16_t error, uint16_t reply);

#endif
