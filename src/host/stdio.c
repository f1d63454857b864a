/* SPDX-License-Identifier: MIT */
/*
 * A port on standard input and output, for pipes, files and people. When the input ends, what it
 * asked for is still done and answered; then the program ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "host/port.h"

struct standard {
    struct termios termios; /* of a person's terminal, to be put back */
    bool is_terminal;
    int flags[2]; /* of a descriptor that we had to change, else -1 */
};

/*
 * A non-blocking descriptor for `fd`. The flag belongs to the open file, which the shell and
 * others share; so the file is opened anew where that is possible. A plain file is not (its
 * place is in the shared one, and it never blocks), a socket cannot be: then the flag is set,
 * and put back in the end.
 */
static int open_standard(int fd, int mode, int *flags)
{
    struct stat status;
    char path[32];
    *flags = -1;
    if (fstat(fd, &status) != 0) {
        return -1;
    }
    if (S_ISREG(status.st_mode)) {
        return fcntl(fd, F_DUPFD_CLOEXEC, 3);
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int copy = open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (copy >= 0) {
        return copy;
    }
    int old = fcntl(fd, F_GETFL);
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (old >= 0 && copy >= 0 && fcntl(copy, F_SETFL, old | O_NONBLOCK) == 0) {
        *flags = old;
    }
    return copy;
}

/* A person types at a terminal: the module echoes, not the line, and takes each key at once. The
 * line end stays what the terminal makes of it, and the interrupt key still ends the program. */
static void take_terminal(struct standard *standard)
{
    struct termios termios;
    standard->is_terminal = tcgetattr(STDIN_FILENO, &standard->termios) == 0;
    if (standard->is_terminal) {
        termios = standard->termios;
        termios.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        termios.c_iflag &= ~(tcflag_t)(ICRNL | INLCR);
        termios.c_cc[VMIN] = 1;
        termios.c_cc[VTIME] = 0;
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &termios);
    }
}

static void put_back(const struct standard *standard)
{
    for (int fd = 0; fd < 2; fd++) {
        if (standard->flags[fd] >= 0) {
            (void)fcntl(fd, F_SETFL, standard->flags[fd]);
        }
    }
    if (standard->is_terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &standard->termios);
    }
}

static bool stdio_open(struct pm_terminal *t, const struct pm_terminal_options *options, char *err,
                       size_t err_size)
{
    (void)options;
    struct standard *standard = calloc(1, sizeof *standard);
    if (standard == NULL) {
        snprintf(err, err_size, "out of memory");
        return false;
    }
    int in = open_standard(STDIN_FILENO, O_RDONLY, &standard->flags[0]);
    int out = open_standard(STDOUT_FILENO, O_WRONLY, &standard->flags[1]);
    snprintf(t->ready, sizeof t->ready, "-");
    t->own = standard;
    if (in < 0 || out < 0 || !pm_terminal_attach(t, in, out)) {
        snprintf(err, err_size, "standard input and output: %s", strerror(errno));
        close(in);
        close(out);
        return false;
    }
    take_terminal(standard);
    return true;
}

static void stdio_gone(struct pm_terminal *t)
{
    t->host->finished = true;
}

static void stdio_close(struct pm_terminal *t)
{
    put_back(t->own);
    free(t->own);
}

const struct pm_terminal_ops pm__terminal_stdio = {
    .kind = "stdio",
    .open = stdio_open,
    .gone = stdio_gone,
    .close = stdio_close,
    .half_close = true,
};
