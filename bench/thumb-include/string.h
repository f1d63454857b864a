/* SPDX-License-Identifier: MIT */
/*
 * The six functions that the portable library asks of an embedder's C library: enough to compile
 * it for a target without a system root (bench/size). Nothing is linked.
 */
#ifndef THUMB_STRING_H
#define THUMB_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int byte, size_t count);
int memcmp(const void *one, const void *other, size_t count);
void *memchr(const void *bytes, int byte, size_t count);
size_t strlen(const char *text);

#endif
