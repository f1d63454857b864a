/* SPDX-License-Identifier: MIT */
#include "host/binding.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/ip.h"

/* ---- addresses ----------------------------------------------------------------- */

socklen_t pm_sockaddr_len(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

bool pm_ip_of_sockaddr(const struct sockaddr *address, struct pm_ip *ip)
{
    memset(ip, 0, sizeof *ip);
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        ip->family = PM_IPV4;
        memcpy(ip->bytes, &v4->sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        ip->family = PM_IPV6;
        memcpy(ip->bytes, &v6->sin6_addr, 16);
    }
    return ip->family != PM_IP_NONE;
}

socklen_t pm_sockaddr_of_ip(const struct pm_ip *ip, uint16_t port, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (ip->family == PM_IPV6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        memcpy(&v6->sin6_addr, ip->bytes, 16);
    } else {
        struct sockaddr_in *v4 = (struct sockaddr_in *)out;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        memcpy(&v4->sin_addr, ip->bytes, 4);
    }
    return pm_sockaddr_len(out);
}

/* ---- reading ------------------------------------------------------------------- */

bool pm_binding_read(struct pm_binding *binding, const char *interface, const char *source,
                     char *err, size_t err_size)
{
    struct pm_ip ip;
    memset(binding, 0, sizeof *binding);
    if (strlen(interface) >= sizeof binding->interface || strpbrk(interface, "/ \t:") != NULL) {
        snprintf(err, err_size, "\"%.40s\" is no name of a network interface", interface);
        return false;
    }
    memcpy(binding->interface, interface, strlen(interface));
    if (*source != '\0') {
        if (!pm__ip_parse(pm__slice(source), &ip)) {
            snprintf(err, err_size, "\"%.60s\" is no IP address", source);
            return false;
        }
        (void)pm_sockaddr_of_ip(&ip, 0, &binding->source);
    }
    return true;
}

bool pm_binding_empty(const struct pm_binding *binding)
{
    return binding == NULL || (binding->interface[0] == '\0' && binding->source.ss_family == 0);
}

int pm_binding_family(const struct pm_binding *binding, uint8_t type)
{
    int source = binding != NULL ? binding->source.ss_family : 0;
    int family = type == 1 ? AF_INET : type == 2 ? AF_INET6 : AF_UNSPEC;
    if (binding != NULL && binding->any_family) {
        family = AF_UNSPEC;
    }
    if (source == 0) {
        return family;
    }
    return family == AF_UNSPEC || family == source ? source : -1;
}

/* ---- the machine's interfaces ---------------------------------------------------- */

static bool same_address(const struct sockaddr *a, const struct sockaddr_storage *b)
{
    struct pm_ip left;
    struct pm_ip right;
    return pm_ip_of_sockaddr(a, &left) && pm_ip_of_sockaddr((const struct sockaddr *)b, &right) &&
           memcmp(&left, &right, sizeof left) == 0;
}

/* 127.0.0.0/8 is this machine without being on a list. */
static bool is_loopback(const struct sockaddr_storage *address)
{
    struct pm_ip ip;
    return pm_ip_of_sockaddr((const struct sockaddr *)address, &ip) && ip.family == PM_IPV4 &&
           ip.bytes[0] == 127;
}

static bool is_ours(const struct sockaddr_storage *address)
{
    struct ifaddrs *list = NULL;
    bool found = is_loopback(address);
    if (getifaddrs(&list) != 0) {
        return found;
    }
    for (const struct ifaddrs *entry = list; entry != NULL && !found; entry = entry->ifa_next) {
        found = entry->ifa_addr != NULL && (entry->ifa_flags & IFF_UP) != 0 &&
                same_address(entry->ifa_addr, address);
    }
    freeifaddrs(list);
    return found;
}

/* An address of the interface; link-local ones of IPv6 only when there is no other. */
static bool address_of(const char *interface, int family, struct sockaddr_storage *out)
{
    struct ifaddrs *list = NULL;
    bool found = false;
    if (getifaddrs(&list) != 0) {
        return false;
    }
    for (const struct ifaddrs *entry = list; entry != NULL; entry = entry->ifa_next) {
        if (entry->ifa_addr == NULL || entry->ifa_addr->sa_family != family ||
            strcmp(entry->ifa_name, interface) != 0) {
            continue;
        }
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)entry->ifa_addr;
        bool local = family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr);
        if (!found || !local) {
            memset(out, 0, sizeof *out);
            memcpy(out, entry->ifa_addr,
                   family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
            found = true;
        }
        if (!local) {
            break;
        }
    }
    freeifaddrs(list);
    return found;
}

static bool is_running(const char *interface)
{
    struct ifreq request;
    memset(&request, 0, sizeof request);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return true; /* nothing can be said: an attempt will tell */
    }
    bool known = ioctl(fd, SIOCGIFFLAGS, &request) == 0;
    close(fd);
    const int up = IFF_UP | IFF_RUNNING;
    return known && (request.ifr_flags & up) == up;
}

bool pm_binding_up(const struct pm_binding *binding)
{
    if (pm_binding_empty(binding)) {
        return true;
    }
    return (binding->interface[0] == '\0' || is_running(binding->interface)) &&
           (binding->source.ss_family == 0 || is_ours(&binding->source));
}

/* ---- sockets ----------------------------------------------------------------------- */

static int family_of(int fd)
{
    int family = AF_UNSPEC;
    socklen_t len = sizeof family;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 ? family : AF_UNSPEC;
}

static bool bind_address(int fd, const struct sockaddr_storage *source)
{
    int on = 1;
    /* The port is chosen when the peer is known: the whole range is there for each of them. */
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return bind(fd, (const struct sockaddr *)source, pm_sockaddr_len(source)) == 0;
}

bool pm_binding_apply(const struct pm_binding *binding, int fd)
{
    if (pm_binding_empty(binding)) {
        return true;
    }
    int family = family_of(fd);
    const struct sockaddr_storage *source = &binding->source;
    struct sockaddr_storage own;
    if (binding->interface[0] != '\0' &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, binding->interface,
                   (socklen_t)strlen(binding->interface)) != 0) {
        if (errno != EPERM) {
            return false;
        }
        if (source->ss_family == 0) {
            if (!address_of(binding->interface, family, &own)) {
                errno = EADDRNOTAVAIL;
                return false;
            }
            return bind_address(fd, &own);
        }
    }
    if (source->ss_family == 0) {
        return true;
    }
    if (source->ss_family != family) {
        errno = EAFNOSUPPORT;
        return false;
    }
    return bind_address(fd, source);
}
