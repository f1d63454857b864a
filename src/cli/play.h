/* SPDX-License-Identifier: MIT */
/* `postmodem play`: transcripts, in virtual time or on a line. */
#ifndef PM_CLI_PLAY_H
#define PM_CLI_PLAY_H

/* The command; argv[0] is its name. 0: every transcript that could be played was met, and at least
 * one could; 1: one was not; 2: the command line is wrong. */
int pm_cli_play(int argc, char **argv);

#endif
