/* SPDX-License-Identifier: MIT */
/* Overwrites secrets. */
#include "base/wipe.h"

void pm__wipe(void *p, size_t n)
{
    /* A volatile store is an effect that must happen, although nobody reads the bytes again. */
    volatile unsigned char *byte = p;
    while (n > 0) {
        *byte++ = 0;
        n--;
    }
}
