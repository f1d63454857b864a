/* SPDX-License-Identifier: MIT */
/* The lock that keeps a second program away from a state directory. */
#ifndef PM_HOST_LOCK_H
#define PM_HOST_LOCK_H

#include <stddef.h>

/*
 * Takes the lock of the directory open as `dirfd`. Returns a descriptor to be closed when the
 * lock may go (it also goes with the process), or -1 with the reason in `err`, which names
 * the directory as `dir` and the process that holds it.
 */
int pm_lock_take(int dirfd, const char *dir, char *err, size_t err_size);

#endif
