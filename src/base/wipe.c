/* SPDX-License-Identifier: MIT */
/* Overwrites secrets. */
#include "base/wipe.h"

#include <string.h>

void pm__wipe(void *p, size_t n)
{
#if defined(__GNUC__)
    /* The empty statement may look at the bytes as far as the compiler knows: they must be there.
     */
    if (n > 0) {
        memset(p, 0, n);
        __asm__ __volatile__("" : : "r"(p) : "memory");
    }
#else
    /* A volatile store is an effect that must happen, although nobody reads the bytes again. */
    volatile unsigned char *byte = p;
    for (size_t i = 0; i < n; i++) {
        byte[i] = 0;
    }
#endif
}
