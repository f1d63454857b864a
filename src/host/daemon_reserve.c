/* SPDX-License-Identifier: MIT */
/* What many modules need of the system: descriptors, and threads that wait for disks. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "host/daemon.h"
#include "host/store_internal.h"

/* Descriptors of the program itself: standard ones, loop, signals, threads, log, libraries. */
#define OWN_FILES 40

/* One module has libuv's own number. Named ones may get company by SIGHUP, when the pool is made
 * long since; each thread costs some 10 KiB. */
#define ONLY_THREADS  4
#define LEAST_THREADS 32
#define MOST_THREADS  128

/* Buffers of this size, which come and go with mails and uploads, are the system's again when they
 * go. Between the small blocks of a thousand modules they would leave holes for ever. */
#define LARGE_BUFFER (64 * 1024)

/* Descriptors that a module keeps open while it idles, without hosts. */
static size_t files_of(const struct pm_options *options)
{
    size_t files = options->state_dir[0] != '\0' ? 4 : 0;
    files += options->sd_dir[0] != '\0' ? 1 : 0;
    return files + options->port_count;
}

/* The most that the system allows; what was allowed before, where it does not let us. */
static size_t raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return SIZE_MAX;
    }
    const struct rlimit most = {limit.rlim_max, limit.rlim_max};
    return setrlimit(RLIMIT_NOFILE, &most) == 0 ? limit.rlim_max : limit.rlim_cur;
}

/* A module whose disk hangs keeps STORE_POOL_SHARE threads. The pool is made with its first work;
 * who sets the variable knows better. */
static void size_pool(const struct pm_configuration *configuration)
{
    char text[24];
    bool named = configuration->modules[0]->name[0] != '\0';
    size_t least = named ? LEAST_THREADS : ONLY_THREADS;
    size_t threads = (configuration->count + 1) * STORE_POOL_SHARE;
    threads = threads > MOST_THREADS ? MOST_THREADS : threads;
    threads = threads < least ? least : threads;
    snprintf(text, sizeof text, "%zu", threads);
    (void)setenv("UV_THREADPOOL_SIZE", text, 0);
}

bool pm_daemon_reserve(const struct pm_configuration *configuration, char *err, size_t err_size)
{
    size_t files = OWN_FILES;
    size_t limit = raise_limit();
    for (size_t i = 0; i < configuration->count; i++) {
        files += files_of(configuration->modules[i]->options);
    }
    size_pool(configuration);
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BUFFER);
    if (files > limit) {
        snprintf(err, err_size,
                 "%zu modules keep %zu descriptors open, and the limit is %zu: raise it (ulimit "
                 "-Hn, LimitNOFILE)",
                 configuration->count, files, limit);
        return false;
    }
    return true;
}
