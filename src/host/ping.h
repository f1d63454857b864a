/* SPDX-License-Identifier: MIT */
/* One echo request and its reply, for AT+QPING (CD47). */
#ifndef PM_HOST_PING_H
#define PM_HOST_PING_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "postmodem/platform.h"

struct pm_binding;
struct pm_ping;

enum pm_ping_mode {
    PM_PING_AUTO,     /* ICMP where the system permits it, else TCP */
    PM_PING_ICMP,     /* echo requests: wants net.ipv4.ping_group_range or CAP_NET_RAW */
    PM_PING_TCP,      /* a connection to port 80: whatever the host says to it is the reply */
    PM_PING_SIMULATED /* no traffic: the reply comes after a while */
};

struct pm_ping_setup {
    enum pm_ping_mode mode;
    const struct pm_ip *address;
    uint16_t size; /* bytes of payload, at least 16, at most 1024 */
    uint16_t sequence;
    const struct pm_binding *binding; /* NULL: none */
    struct pm_ping_reply *reply;      /* filled in at PM_OK, valid until then */
    /* Called once, from the loop: PM_OK or PM_ERR_CONNECT. Without a reply it is not called. */
    void (*done)(void *user, int32_t result);
    void *user;
};

/*
 * Sends an echo request. NULL when that fails at once, with the status in *result: PM_ERR_CONNECT,
 * PM_ERR_UNSUPPORTED where the mode is not permitted, PM_ERR_NO_MEMORY. Not freed by done(): that
 * takes pm_ping_end().
 */
struct pm_ping *pm_ping_start(uv_loop_t *loop, const struct pm_ping_setup *setup, int32_t *result);

/* Ends a ping, whether it has its reply or not; done() will not be called any more. The memory goes
 * while the loop runs on. */
void pm_ping_end(struct pm_ping *ping);

#endif
