/* SPDX-License-Identifier: MIT */
/* Small blobs of settings in a state directory: profile.N, one file per key. */
#ifndef PM_HOST_PROFILE_H
#define PM_HOST_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads the blob of a key. Returns its length, 0 when there is none, -1 when the file is
 * damaged, longer than `cap`, or cannot be read.
 */
int pm_profile_read(int dirfd, uint8_t key, uint8_t *data, size_t cap);

/* Replaces the blob of a key in one step; synced when `durable`. 0 or an errno. */
int pm_profile_write(int dirfd, uint8_t key, const uint8_t *data, size_t len, bool durable);

#endif
