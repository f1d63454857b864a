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

/* What stands before the blob in its file. */
#define PM_PROFILE_HEAD 40

/* Largest blob. */
#define PM_PROFILE_MAX 4096

/* Makes the file's text of a blob: `out` takes PM_PROFILE_HEAD + len bytes. False when `len` is
 * 0 or too large. */
bool pm_profile_pack(const uint8_t *data, size_t len, uint8_t *out);

/* Replaces the file of a key by a packed blob in one step; synced when `durable`. 0 or an errno.
 * Apart from packing, because this waits for the disk and may run in any thread. */
int pm_profile_write(int dirfd, uint8_t key, const uint8_t *packed, size_t len, bool durable);

#endif
