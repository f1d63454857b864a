/* SPDX-License-Identifier: MIT */
/* Overwrites secrets. */
#ifndef PM_BASE_WIPE_H
#define PM_BASE_WIPE_H

#include <stddef.h>

/* Overwrites `n` bytes with zero; no optimiser may leave it out. NULL with n = 0 is fine. */
void pm__wipe(void *p, size_t n);

#endif
