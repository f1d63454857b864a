/* SPDX-License-Identifier: MIT */
/* Domain names beyond ASCII (IDNA2008 as UTS 46 maps it, by libidn2). */
#ifndef PM_HOST_IDNA_H
#define PM_HOST_IDNA_H

#include <stddef.h>

#include "postmodem/types.h"

/* Writes the ASCII form of a name with a final NUL; a name in ASCII is its own. Returns its length;
 * 0 when it has none, holds a NUL, or does not fit. */
size_t pm_idna_ascii(struct pm_slice name, char *out, size_t size);

/* `idna` of the platform. */
int32_t pm_idna_platform(void *user, struct pm_slice name, uint8_t *out, size_t cap);

#endif
