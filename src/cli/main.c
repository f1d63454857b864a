/* SPDX-License-Identifier: MIT */
/* The program: its commands. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/demo.h"
#include "cli/play.h"
#include "cli/send_test.h"
#include "cli/serve.h"
#include "host/log.h"

static int help(void)
{
    puts("postmodem: a software LTE module that sends mail\n"
         "\n"
         "  postmodem serve [--pty LINK]... [--serial DEV[,BAUD[,rtscts]]]...\n"
         "                  [--tcp ADDR:PORT]... [--rfc2217 ADDR:PORT]... [--stdio]\n"
         "                  [--state DIR] [--config FILE] [--set KEY=VALUE]...\n"
         "                  [--catch DIR] [--trace FILE] [--log LEVEL]\n"
         "      Answers AT commands on its ports, and sends the mail they ask for.\n"
         "      postmodem serve --help lists the options and every key.\n"
         "  postmodem send-test --config FILE [--module NAME] --to ADDRESS\n"
         "      Sends one mail on the way that is configured, and explains each step.\n"
         "  postmodem demo\n"
         "      Plays the worked examples of the manual against a built-in mail server.\n"
         "  postmodem play [--port PORT]... [--tags LIST] [--junit FILE] FILE.at...\n"
         "      Types transcripts, into a module of its own or at a port, and compares every byte\n"
         "      of the answers. postmodem play --help lists the options.\n"
         "  postmodem --help | --version\n"
         "\n"
         "See postmodem(1).");
    return PM_EXIT_OK;
}

/* A descriptor that the caller has closed must not become that of a file or connection of ours,
 * which a message would then be written into. */
static bool standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    return fd >= 0 && close(fd) == 0;
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    if (!standard_descriptors()) {
        return PM_EXIT_FAILURE;
    }
    tzset();
    if (strcmp(command, "serve") == 0) {
        return pm_cli_serve(argc - 1, argv + 1);
    }
    if (strcmp(command, "send-test") == 0) {
        return pm_cli_send_test(argc - 1, argv + 1);
    }
    if (strcmp(command, "demo") == 0) {
        return pm_cli_demo(argc - 1, argv + 1);
    }
    if (strcmp(command, "play") == 0) {
        return pm_cli_play(argc - 1, argv + 1);
    }
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0) {
        return help();
    }
    if (strcmp(command, "--version") == 0) {
        puts("postmodem " PM_VERSION);
        return PM_EXIT_OK;
    }
    pm_complain("%s%s (serve, send-test, demo, play, --help or --version)",
                argc > 1 ? "unknown command " : "what shall it do?", command);
    return PM_EXIT_USAGE;
}
