/* SPDX-License-Identifier: MIT */
/* Watches what contexts are bound to: tells when an interface or a source address is gone. */
#ifndef PM_HOST_LINKS_H
#define PM_HOST_LINKS_H

#include <stddef.h>
#include <uv.h>

struct pm_binding;
struct pm_links;

/*
 * Calls `lost` from the loop with the index of each binding that is not up when the loop begins,
 * and of each that ceases to be up later. The bindings must outlive it. NULL when none of them is
 * bound to anything, or the kernel does not tell.
 */
struct pm_links *pm_links_new(uv_loop_t *loop, const struct pm_binding *bindings, size_t count,
                              void (*lost)(void *user, size_t index), void *user);

/* NULL is nothing. The memory goes while the loop runs on. */
void pm_links_free(struct pm_links *links);

#endif
