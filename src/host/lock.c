/* SPDX-License-Identifier: MIT */
/* The lock of a state directory: flock(), which a killed program loses by itself. */
#include "host/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_NAME "lock"

static void lock_refused(int fd, const char *dir, char *err, size_t err_size)
{
    char owner[24];
    ssize_t n = pread(fd, owner, sizeof owner - 1, 0);
    size_t len = n > 0 ? (size_t)n : 0;
    owner[len] = 0;
    /* The file is the owner's and short of time may be empty: it is a hint only. */
    owner[strspn(owner, "0123456789")] = 0;
    if (owner[0] != 0) {
        (void)snprintf(err, err_size, "%s is in use by another program (process %s)", dir, owner);
    } else {
        (void)snprintf(err, err_size, "%s is in use by another program", dir);
    }
}

/* The number is a help for people; a lock without it is a lock as well. */
static void lock_sign(int fd)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == 0 && len > 0) {
        ssize_t n = pwrite(fd, text, (size_t)len, 0);
        (void)n;
    }
}

int pm_lock_take(int dirfd, const char *dir, char *err, size_t err_size)
{
    int fd = openat(dirfd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        (void)snprintf(err, err_size, "cannot write to %s: %s", dir, strerror(errno));
        return -1;
    }
    int rc;
    do {
        rc = flock(fd, LOCK_EX | LOCK_NB);
    } while (rc != 0 && errno == EINTR);
    if (rc != 0) {
        if (errno == EWOULDBLOCK) {
            lock_refused(fd, dir, err, err_size);
        } else {
            (void)snprintf(err, err_size, "cannot lock %s: %s", dir, strerror(errno));
        }
        (void)close(fd);
        return -1;
    }
    lock_sign(fd);
    return fd;
}
