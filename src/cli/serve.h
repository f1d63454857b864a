/* SPDX-License-Identifier: MIT */
/* `postmodem serve`: ports until a signal comes. */
#ifndef PM_CLI_SERVE_H
#define PM_CLI_SERVE_H

/* What the program's exit status says. */
enum pm_exit { PM_EXIT_OK = 0, PM_EXIT_FAILURE = 1, PM_EXIT_USAGE = 2 };

/* The command; argv[0] is its name. Returns the exit status. */
int pm_cli_serve(int argc, char **argv);

#endif
