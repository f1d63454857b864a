/* SPDX-License-Identifier: MIT */
/*
 * Name look-up with c-ares on a libuv loop: /etc/hosts, then the servers of resolv.conf (read
 * afresh when that file changes) or those that the configuration names.
 */
#ifndef PM_HOST_RESOLVER_H
#define PM_HOST_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "postmodem/types.h"

/* Addresses of one name that are worth trying. */
#define PM_ADDRESSES_MAX 16

/* Longest host name in bytes, without the NUL (RFC 1035 section 2.3.4, and a final dot). */
#define PM_HOST_NAME_MAX 254

struct pm_binding;

struct pm_addresses {
    unsigned count;
    bool absent;  /* none, and that is known: there is no such name, or it has none */
    uint32_t ttl; /* seconds, of the record that ends first; 0 for what needed no server */
    struct sockaddr_storage address[PM_ADDRESSES_MAX];
};

struct pm_resolver;
struct pm_lookup;

/*
 * The look-up has ended: with at least one address, or with none and the reason in words, which
 * stay. The addresses come in the order to try them: by RFC 6724, the families taking turns.
 * `addresses` is valid during the call.
 */
typedef void (*pm_resolved)(void *user, const struct pm_addresses *addresses, const char *reason);

/*
 * `servers`: addresses separated by commas, each with an optional port
 * ("192.0.2.1,[2001:db8::1]:5353"); NULL or "": those of resolv.conf. `resolv_path`
 * replaces /etc/resolv.conf; NULL: that one.
 * Returns NULL and says in `err` why.
 */
struct pm_resolver *pm_resolver_new(uv_loop_t *loop, const char *servers, const char *resolv_path,
                                    char *err, size_t err_size);

/* Look-ups that still run end without a call. The loop must run on to close the handles. Not from
 * inside a pm_resolved. */
void pm_resolver_free(struct pm_resolver *resolver);

/* Whether `servers` is such a list. False with the reason in `err`. */
bool pm_resolver_check(const char *servers, char *err, size_t err_size);

struct pm_question {
    const char *host;
    uint16_t port;
    int family;                       /* AF_INET, AF_INET6, AF_UNSPEC: both */
    const char *servers;              /* as for pm_resolver_new(); NULL or "": the resolver's own */
    const struct pm_binding *binding; /* of the sockets that ask; NULL: none */
};

/*
 * Looks a name up; the question is copied. `done` is called once, possibly before this returns
 * (then the result is NULL), unless the look-up is cancelled. Call it from the loop.
 */
struct pm_lookup *pm_resolver_start(struct pm_resolver *resolver,
                                    const struct pm_question *question, pm_resolved done,
                                    void *user);

/* Whether the system's file of hosts has the name: then it alone tells its addresses. */
bool pm_resolver_in_hosts(struct pm_resolver *resolver, const char *host);

/* `done` will not be called any more. */
void pm_resolver_cancel(struct pm_lookup *lookup);

/* The first two servers that the resolver asks of its own; how many there are, at most two. */
size_t pm_resolver_servers(struct pm_resolver *resolver, struct pm_ip servers[2]);

/* Fills `addresses` when `host` is an IPv4 or IPv6 literal (with an optional zone). */
bool pm_resolver_literal(const char *host, uint16_t port, struct pm_addresses *addresses);

#endif
