/* SPDX-License-Identifier: MIT */
/* The descriptors of a terminal's present host, and the loop's events for them. */
#ifndef PM_HOST_PORT_CHANNEL_H
#define PM_HOST_PORT_CHANNEL_H

#include "host/port.h"

/*
 * The descriptors of the present host. Allocated, as libuv ends handles later: the terminal may
 * have its next host by then.
 */
struct pm_channel {
    struct pm_terminal *terminal;
    int in, out;
    bool polled;     /* false: a plain file, always ready, which epoll refuses */
    bool polled_out; /* `out` has a handle of its own */
    int events, events_out;
    unsigned handles; /* those that are not ended */
    uv_poll_t poll, poll_out;
    uv_idle_t idle;
};

/* NULL: no memory, or the loop does not take a descriptor. */
struct pm_channel *pm__channel_open(struct pm_terminal *t, int in, int out);

/* The loop frees it. */
void pm__channel_close(struct pm_channel *channel, bool keep_descriptors);

/* Waits for bytes to read, or room to write, or neither. */
void pm__channel_wait(struct pm_channel *channel, bool reads, bool writes);

#endif
