/* SPDX-License-Identifier: MIT */
#include "host/ping.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/binding.h"
#include "host/crypto.h"

/* The port that a host is asked at where ICMP is not permitted. */
#define TCP_PORT 80
/* What a reply says of its way where nothing can be known of it. */
#define TTL_UNKNOWN 64
/* A simulated reply, ms. */
#define SIMULATED_MS 30

#define HEADER  8U
#define TOKEN   16U
#define PAYLOAD 1024U

enum way { WAY_DATAGRAM, WAY_RAW, WAY_TCP, WAY_SIMULATED };

struct pm_ping {
    union {
        uv_handle_t handle;
        uv_poll_t poll;
        uv_timer_t timer;
    } u;
    int fd;
    enum way way;
    bool v6;
    uint16_t id, sequence;
    uint64_t sent_at;     /* ns */
    uint8_t token[TOKEN]; /* begins the payload: no stale or forged reply has it */
    struct pm_ping_reply *reply;
    void (*done)(void *user, int32_t result);
    void *user;
};

/* ---- the packet --------------------------------------------------------------------- */

static uint16_t checksum(const uint8_t *data, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum += (uint32_t)data[i] << (i % 2 == 0 ? 8 : 0);
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

/* An echo request; over ICMPv6, and for datagram sockets, the kernel computes checksum and id. */
static size_t build(const struct pm_ping *ping, uint16_t size, uint8_t *packet)
{
    size_t len = HEADER + size;
    memset(packet, 0, len);
    packet[0] = ping->v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
    packet[4] = (uint8_t)(ping->id >> 8);
    packet[5] = (uint8_t)ping->id;
    packet[6] = (uint8_t)(ping->sequence >> 8);
    packet[7] = (uint8_t)ping->sequence;
    memcpy(packet + HEADER, ping->token, TOKEN);
    uint16_t sum = checksum(packet, len);
    packet[2] = (uint8_t)(sum >> 8);
    packet[3] = (uint8_t)sum;
    return len;
}

/* Raw IPv4 sockets give the IP header, too. */
static bool skip_ip_header(const struct pm_ping *ping, const uint8_t **data, size_t *len)
{
    if (ping->way != WAY_RAW || ping->v6) {
        return true;
    }
    size_t header = *len > 0 ? (size_t)(**data & 0x0F) * 4 : 0;
    if (header < sizeof(struct iphdr) || header > *len) {
        return false;
    }
    *data += header;
    *len -= header;
    return true;
}

static bool is_ours(const struct pm_ping *ping, const uint8_t *data, size_t len)
{
    if (!skip_ip_header(ping, &data, &len) || len < HEADER + TOKEN) {
        return false;
    }
    bool id = ping->way == WAY_DATAGRAM || (data[4] << 8 | data[5]) == ping->id;
    return data[0] == (ping->v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) && id &&
           (data[6] << 8 | data[7]) == ping->sequence &&
           memcmp(data + HEADER, ping->token, TOKEN) == 0;
}

/* ---- the end --------------------------------------------------------------------------- */

static void free_ping(uv_handle_t *handle)
{
    free(handle->data);
}

void pm_ping_end(struct pm_ping *ping)
{
    uv_close(&ping->u.handle, free_ping);
    if (ping->fd >= 0) {
        close(ping->fd);
    }
    ping->fd = -1;
}

static void stop(struct pm_ping *ping)
{
    if (ping->way == WAY_SIMULATED) {
        uv_timer_stop(&ping->u.timer);
    } else {
        uv_poll_stop(&ping->u.poll);
    }
}

static void failed(struct pm_ping *ping)
{
    stop(ping);
    ping->done(ping->user, PM_ERR_CONNECT);
}

static void replied(struct pm_ping *ping, uint8_t ttl)
{
    uint64_t ms = (uv_hrtime() - ping->sent_at + 500000) / 1000000;
    stop(ping);
    *ping->reply = (struct pm_ping_reply){ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX, ttl};
    ping->done(ping->user, PM_OK);
}

/* ---- receiving --------------------------------------------------------------------------- */

static uint8_t ttl_of(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL;
        bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT;
        if (v4 || v6) {
            int ttl = TTL_UNKNOWN;
            memcpy(&ttl, CMSG_DATA(c), sizeof ttl);
            return (uint8_t)ttl;
        }
    }
    return TTL_UNKNOWN;
}

static void receive(struct pm_ping *ping)
{
    uint8_t data[PAYLOAD + 128];
    union {
        char bytes[128];
        struct cmsghdr align;
    } control;
    struct iovec piece = {data, sizeof data};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    ssize_t n = recvmsg(ping->fd, &message, MSG_DONTWAIT);
    if (n >= 0 && is_ours(ping, data, (size_t)n)) {
        replied(ping, ttl_of(&message));
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        failed(ping);
    }
}

/* Whatever a host says to a connection shows that it is there. */
static void connected(struct pm_ping *ping)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(ping->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ||
        (error != 0 && error != ECONNREFUSED)) {
        failed(ping);
        return;
    }
    replied(ping, TTL_UNKNOWN);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct pm_ping *ping = poll->data;
    (void)status; /* the socket itself says what is wrong */
    (void)events;
    if (ping->way == WAY_TCP) {
        connected(ping);
    } else {
        receive(ping);
    }
}

static void on_simulated(uv_timer_t *timer)
{
    replied(timer->data, TTL_UNKNOWN);
}

/* ---- sending ------------------------------------------------------------------------------- */

/* The socket of a way; -1 with errno. */
static int open_socket(const struct pm_ping *ping)
{
    int family = ping->v6 ? AF_INET6 : AF_INET;
    const int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    if (ping->way == WAY_TCP) {
        return socket(family, SOCK_STREAM | flags, 0);
    }
    return socket(family, (ping->way == WAY_RAW ? SOCK_RAW : SOCK_DGRAM) | flags,
                  ping->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

/* Tries the ways of a mode one after the other. False when none is permitted. */
static bool choose_way(struct pm_ping *ping, enum pm_ping_mode mode)
{
    if (mode != PM_PING_TCP) {
        for (ping->way = WAY_DATAGRAM; ping->way <= WAY_RAW; ping->way++) {
            ping->fd = open_socket(ping);
            if (ping->fd >= 0) {
                return true;
            }
        }
        if (mode == PM_PING_ICMP) {
            return false;
        }
    }
    ping->way = WAY_TCP;
    ping->fd = open_socket(ping);
    return ping->fd >= 0;
}

static bool send_request(struct pm_ping *ping, const struct pm_ping_setup *setup)
{
    struct sockaddr_storage address;
    uint8_t packet[HEADER + PAYLOAD];
    int on = 1;
    socklen_t len =
        pm_sockaddr_of_ip(setup->address, ping->way == WAY_TCP ? TCP_PORT : 0, &address);
    ping->sent_at = uv_hrtime();
    if (!pm_binding_apply(setup->binding, ping->fd)) {
        return false;
    }
    if (connect(ping->fd, (const struct sockaddr *)&address, len) != 0) {
        return ping->way == WAY_TCP && (errno == EINPROGRESS || errno == ECONNREFUSED);
    }
    if (ping->way == WAY_TCP) {
        return true;
    }
    (void)setsockopt(ping->fd, ping->v6 ? IPPROTO_IPV6 : IPPROTO_IP,
                     ping->v6 ? IPV6_RECVHOPLIMIT : IP_RECVTTL, &on, sizeof on);
    size_t size = build(ping, setup->size, packet);
    return send(ping->fd, packet, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static bool watch(uv_loop_t *loop, struct pm_ping *ping)
{
    if (uv_poll_init(loop, &ping->u.poll, ping->fd) != 0) {
        return false;
    }
    ping->u.handle.data = ping;
    return uv_poll_start(&ping->u.poll, ping->way == WAY_TCP ? UV_WRITABLE : UV_READABLE,
                         on_event) == 0;
}

static struct pm_ping *give_up(struct pm_ping *ping, int32_t status, int32_t *result)
{
    if (ping != NULL && ping->fd >= 0) {
        close(ping->fd);
    }
    free(ping);
    *result = status;
    return NULL;
}

static void simulate(uv_loop_t *loop, struct pm_ping *ping)
{
    ping->way = WAY_SIMULATED;
    ping->sent_at = uv_hrtime();
    (void)uv_timer_init(loop, &ping->u.timer); /* always succeeds */
    ping->u.handle.data = ping;
    uv_timer_start(&ping->u.timer, on_simulated, SIMULATED_MS, 0);
}

struct pm_ping *pm_ping_start(uv_loop_t *loop, const struct pm_ping_setup *setup, int32_t *result)
{
    struct pm_ping *ping = calloc(1, sizeof *ping);
    if (ping == NULL || setup->size < TOKEN || setup->size > PAYLOAD) {
        return give_up(ping, PM_ERR_NO_MEMORY, result);
    }
    ping->fd = -1;
    ping->v6 = setup->address->family == PM_IPV6;
    ping->sequence = setup->sequence;
    ping->reply = setup->reply;
    ping->done = setup->done;
    ping->user = setup->user;
    *result = PM_PENDING;
    if (setup->mode == PM_PING_SIMULATED) {
        simulate(loop, ping);
        return ping;
    }
    if (pm_crypto_random(ping->token, sizeof ping->token) != PM_OK) {
        return give_up(ping, PM_ERR_UNSUPPORTED, result);
    }
    ping->id = (uint16_t)(ping->token[0] << 8 | ping->token[1]);
    if (!choose_way(ping, setup->mode)) {
        return give_up(ping, PM_ERR_UNSUPPORTED, result);
    }
    if (!send_request(ping, setup) || !watch(loop, ping)) {
        return give_up(ping, PM_ERR_CONNECT, result);
    }
    return ping;
}
