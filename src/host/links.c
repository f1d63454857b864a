/* SPDX-License-Identifier: MIT */
#include "host/links.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/binding.h"

_Static_assert(PM_PDP_CONTEXTS <= 32, "the state of a binding is a bit");

struct pm_links {
    uv_poll_t poll;
    int fd;
    const struct pm_binding *bindings;
    size_t count;
    uint32_t up; /* a bit for each binding */
    void (*lost)(void *user, size_t index);
    void *user;
};

static void look(struct pm_links *links)
{
    for (size_t i = 0; i < links->count; i++) {
        uint32_t bit = UINT32_C(1) << i;
        bool was = (links->up & bit) != 0;
        bool is = pm_binding_up(&links->bindings[i]);
        links->up = is ? links->up | bit : links->up & ~bit;
        if (was && !is) {
            links->lost(links->user, i);
        }
    }
}

/* Any change makes us look at all: what exactly has changed does not matter, nor that messages
 * were lost when there were too many. */
static void on_change(uv_poll_t *poll, int status, int events)
{
    struct pm_links *links = poll->data;
    char data[8192];
    (void)status;
    (void)events;
    ssize_t n = 0;
    do {
        n = recv(links->fd, data, sizeof data, MSG_DONTWAIT);
    } while (n > 0 || (n < 0 && (errno == EINTR || errno == ENOBUFS)));
    look(links);
}

static int open_netlink(void)
{
    struct sockaddr_nl address;
    memset(&address, 0, sizeof address);
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Asks for the list of interfaces, whose coming begins the first look, from the loop. */
static void ask_once(int fd)
{
    struct {
        struct nlmsghdr head;
        struct rtgenmsg body;
    } request;
    memset(&request, 0, sizeof request);
    request.head.nlmsg_len = NLMSG_LENGTH(sizeof request.body);
    request.head.nlmsg_type = RTM_GETLINK;
    request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.rtgen_family = AF_UNSPEC;
    /* Should it fail, the first change begins the first look. */
    (void)send(fd, &request, request.head.nlmsg_len, MSG_NOSIGNAL);
}

static bool all_empty(const struct pm_binding *bindings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!pm_binding_empty(&bindings[i])) {
            return false;
        }
    }
    return true;
}

struct pm_links *pm_links_new(uv_loop_t *loop, const struct pm_binding *bindings, size_t count,
                              void (*lost)(void *user, size_t index), void *user)
{
    if (all_empty(bindings, count)) {
        return NULL;
    }
    struct pm_links *links = calloc(1, sizeof *links);
    int fd = links != NULL ? open_netlink() : -1;
    if (fd < 0 || uv_poll_init(loop, &links->poll, fd) != 0) {
        if (fd >= 0) {
            close(fd);
        }
        free(links);
        return NULL;
    }
    links->fd = fd;
    links->bindings = bindings;
    links->count = count;
    links->up = UINT32_MAX; /* so that what is missing from the start is told as well */
    links->lost = lost;
    links->user = user;
    links->poll.data = links;
    (void)uv_poll_start(&links->poll, UV_READABLE, on_change);
    ask_once(fd);
    return links;
}

static void free_links(uv_handle_t *handle)
{
    free(handle->data);
}

void pm_links_free(struct pm_links *links)
{
    if (links == NULL) {
        return;
    }
    uv_close((uv_handle_t *)&links->poll, free_links);
    close(links->fd);
}
