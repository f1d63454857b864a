/* SPDX-License-Identifier: MIT */
/*
 * Loaded into the program by a test (LD_PRELOAD): disks that hang or are full. Below a directory
 * whose name has BAD_DISK_HANGS in it, fsync() returns only when the file BAD_DISK_WHILE is gone;
 * below one with BAD_DISK_FULL, nothing can be written; below one with BAD_DISK_FAILS, nothing
 * can be read while that file is there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static bool is_below(int fd, const char *variable)
{
    char link[40];
    char path[4096];
    const char *part = getenv(variable);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = part != NULL ? readlink(link, path, sizeof path - 1) : -1;
    if (len < 0) {
        return false;
    }
    path[len] = '\0';
    return strstr(path, part) != NULL;
}

static bool fails(int fd)
{
    const char *file = getenv("BAD_DISK_WHILE");
    return file != NULL && is_below(fd, "BAD_DISK_FAILS") && access(file, F_OK) == 0;
}

ssize_t pread(int fd, void *data, size_t len, off_t offset)
{
    static ssize_t (*real)(int, void *, size_t, off_t);
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "pread");
    }
    if (fails(fd)) {
        errno = EIO;
        return -1;
    }
    return real(fd, data, len, offset);
}

ssize_t preadv2(int fd, const struct iovec *io, int count, off_t offset, int flags)
{
    static ssize_t (*real)(int, const struct iovec *, int, off_t, int);
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "preadv2");
    }
    if (fails(fd)) {
        errno = EIO;
        return -1;
    }
    return real(fd, io, count, offset, flags);
}

int fsync(int fd)
{
    static int (*real)(int);
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    }
    const char *file = getenv("BAD_DISK_WHILE");
    while (file != NULL && is_below(fd, "BAD_DISK_HANGS") && access(file, F_OK) == 0) {
        usleep(10000);
    }
    return real(fd);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "pwrite");
    }
    if (is_below(fd, "BAD_DISK_FULL")) {
        errno = ENOSPC;
        return -1;
    }
    return real(fd, data, len, offset);
}
