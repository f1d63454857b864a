/* SPDX-License-Identifier: MIT */
/* What the fuzz harnesses share. */
#ifndef PM_FUZZ_HARNESS_H
#define PM_FUZZ_HARNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postmodem/types.h"

/* The harness: libFuzzer calls it with each input, standalone_main.c with the corpus. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input. */
#define REQUIRE(condition)                                                  \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                        \
        }                                                                   \
    } while (0)

static inline struct pm_slice slice_of(const char *text)
{
    return (struct pm_slice){(const uint8_t *)text, strlen(text)};
}

static inline bool slice_holds(struct pm_slice slice, const char *word)
{
    return slice.len > 0 && memmem(slice.ptr, slice.len, word, strlen(word)) != NULL;
}

/* How many of `left` bytes come next: all of them with seed 0, else mostly a few. */
static inline size_t next_piece(uint32_t *seed, size_t left)
{
    if (*seed == 0) {
        return left;
    }
    *seed = *seed * 1664525u + 1013904223u;
    size_t cut = 1 + (*seed >> 8) % (*seed >> 31 != 0 ? 3 : 64);
    return cut < left ? cut : left;
}

#endif
