/* SPDX-License-Identifier: MIT */
/* Addresses of TCP ports as users write and read them, and what all TCP connections have set. */
#ifndef PM_HOST_TCP_H
#define PM_HOST_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "host/port.h"

/*
 * Reads "127.0.0.1:5000", "[::1]:0", "localhost:5000", ":5000" or "5000"; without an address it
 * is the IPv4 loopback. Names are not resolved. False when it is none of these.
 */
bool pm_tcp_parse(const char *text, struct sockaddr_storage *address, socklen_t *len);

/* Writes it as pm_tcp_parse() reads it. */
void pm_tcp_print(const struct sockaddr_storage *address, char *text, size_t size);

/* What is short leaves at once, and a peer that vanished while nobody spoke is noticed within two
 * minutes. All of it only makes things better: a kernel that lacks some of it serves as well. */
void pm_tcp_set_options(int fd);

/* What tcp.c keeps of its kinds of ports: t->own. */
struct pm_tcp_port {
    struct pm_terminal *terminal;
    int listener;
    uv_poll_t poll;
    uv_timer_t pause; /* without a descriptor for the host that waits */
    unsigned handles;
    /* rfc2217_port.c: of the present host */
    struct pm_rfc2217 *filter;
    bool suspended, rts;
};

/* A TCP listener, for the ops of a kind. */
bool pm__tcp_open(struct pm_terminal *t, const struct pm_terminal_options *options, char *err,
                  size_t err_size);
void pm__tcp_gone(struct pm_terminal *t);
void pm__tcp_close(struct pm_terminal *t);

#endif
