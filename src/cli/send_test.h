/* SPDX-License-Identifier: MIT */
/* `postmodem send-test`: one mail on the way that a configuration describes, step by step. */
#ifndef PM_CLI_SEND_TEST_H
#define PM_CLI_SEND_TEST_H

/* The command; argv[0] is its name. Returns the exit status (enum pm_exit): 0 when a server has
 * taken the mail. */
int pm_cli_send_test(int argc, char **argv);

#endif
