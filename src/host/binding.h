/* SPDX-License-Identifier: MIT */
/*
 * What a PDP context is bound to: a network interface, a source address, both, or neither.
 */
#ifndef PM_HOST_BINDING_H
#define PM_HOST_BINDING_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "postmodem/platform.h"

/* All zero: bound to nothing. */
struct pm_binding {
    char interface[IFNAMSIZ];       /* "": any */
    struct sockaddr_storage source; /* without a port; ss_family 0: any */
    bool any_family;                /* both families, whatever the type of the context */
};

/* Fills in a binding from an interface's name and an address, either of which may be empty. False
 * with the reason in `err`. */
bool pm_binding_read(struct pm_binding *binding, const char *interface, const char *source,
                     char *err, size_t err_size);

/* True when it is bound to nothing; NULL is. */
bool pm_binding_empty(const struct pm_binding *binding);

/*
 * Binds a socket that is not connected yet, of either family. The interface is taken with
 * SO_BINDTODEVICE; where that is not permitted, an address of the interface serves as the source.
 * False with errno.
 */
bool pm_binding_apply(const struct pm_binding *binding, int fd);

/* True when the interface exists and is running, and the source is an address of this machine. */
bool pm_binding_up(const struct pm_binding *binding);

/*
 * The family that a context of type 1-3 uses through the binding: AF_INET, AF_INET6, AF_UNSPEC for
 * both; -1 when the source is of a family that the type does not have.
 */
int pm_binding_family(const struct pm_binding *binding, uint8_t type);

/* An address as the module has them, and the way back; false for other families. */
bool pm_ip_of_sockaddr(const struct sockaddr *address, struct pm_ip *ip);
socklen_t pm_sockaddr_of_ip(const struct pm_ip *ip, uint16_t port, struct sockaddr_storage *out);

/* The length of an address by its family. */
socklen_t pm_sockaddr_len(const struct sockaddr_storage *address);

#endif
