/* SPDX-License-Identifier: MIT */
/* What a program that keeps passwords gives up at its start. */
#ifndef PM_HOST_HARDEN_H
#define PM_HOST_HARDEN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * From now on no program that this one starts gains privileges, a crash leaves no core, neither as
 * a file nor for a program that gathers them, and other programs of the same user cannot read the
 * memory. False with the reason in `err` when the system does not do so.
 */
bool pm_harden(char *err, size_t err_size);

#endif
