/* SPDX-License-Identifier: MIT */
/*
 * A port on a TCP listener: raw bytes, one host at a time. A new host takes the port over,
 * as the old one may be dead without the network having said so (SD62).
 */
#include "host/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A silent host is asked for a sign of life after this many seconds, and given up after as many
 * unanswered questions, one each interval. */
#define KEEPALIVE_IDLE     60
#define KEEPALIVE_INTERVAL 10
#define KEEPALIVE_COUNT    6

/* How long a host waits that there is no descriptor for. */
#define PAUSE_MS 1000

bool pm_tcp_parse(const char *text, struct sockaddr_storage *address, socklen_t *len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    char host[INET6_ADDRSTRLEN] = "127.0.0.1";
    const char *colon = strrchr(text, ':');
    const char *port = colon != NULL ? colon + 1 : text;
    size_t host_len = colon != NULL ? (size_t)(colon - text) : 0;
    bool brackets = host_len >= 2 && text[0] == '[' && text[host_len - 1] == ']';
    unsigned long number = 0;
    if (*port == '\0' || strlen(port) > 5 || strspn(port, "0123456789") != strlen(port) ||
        (number = strtoul(port, NULL, 10)) > 65535) {
        return false;
    }
    if (brackets) {
        text++;
        host_len -= 2;
    }
    if (host_len >= sizeof host) {
        return false;
    }
    if (host_len > 0 && !(host_len == 9 && strncmp(text, "localhost", 9) == 0)) {
        memcpy(host, text, host_len);
        host[host_len] = '\0';
    }
    memset(address, 0, sizeof *address);
    if (!brackets && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)number);
        *len = sizeof *v4;
        return true;
    }
    if (brackets && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)number);
        *len = sizeof *v6;
        return true;
    }
    return false;
}

void pm_tcp_print(const struct sockaddr_storage *address, char *text, size_t size)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    char host[INET6_ADDRSTRLEN] = "";
    if (address->ss_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(text, size, "[%s]:%u", host, ntohs(v6->sin6_port));
    } else {
        (void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(text, size, "%s:%u", host, ntohs(v4->sin_port));
    }
}

void pm_tcp_set_options(int fd)
{
    const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                         sizeof options[i].value);
    }
}

static void on_connection(uv_poll_t *poll, int status, int events);

static void on_pause(uv_timer_t *timer)
{
    struct pm_tcp_port *tcp = timer->data;
    uv_poll_start(&tcp->poll, UV_READABLE, on_connection);
}

/* A host that cannot be accepted would be announced again at once, and for ever. */
static void pause_listener(struct pm_tcp_port *tcp)
{
    pm_terminal_log(tcp->terminal, PM_LOG_WARNING, "a host must wait: %s", strerror(errno));
    uv_poll_stop(&tcp->poll);
    uv_timer_start(&tcp->pause, on_pause, PAUSE_MS, 0);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct pm_terminal *t = ((struct pm_tcp_port *)poll->data)->terminal;
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    char text[64];
    (void)status;
    (void)events;
    memset(&peer, 0, sizeof peer);
    int fd = accept4(((struct pm_tcp_port *)poll->data)->listener, (struct sockaddr *)&peer, &len,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            pause_listener(poll->data);
        }
        return;
    }
    if (t->channel != NULL) {
        /* The last commands of the old host may still lie in its socket. */
        pm_terminal_read(t);
        pm_terminal_detach(t);
    }
    pm_tcp_set_options(fd);
    pm_tcp_print(&peer, text, sizeof text);
    pm_terminal_log(t, PM_LOG_DEBUG, "host at %s", text);
    if (!pm_terminal_attach(t, fd, fd)) {
        pm_terminal_log(t, PM_LOG_ERROR, "cannot serve the host at %s", text);
        close(fd);
    }
}

static int listen_at(const struct sockaddr_storage *address, socklen_t len)
{
    int on = 1;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)address, len) != 0 || listen(fd, 8) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

bool pm__tcp_open(struct pm_terminal *t, const struct pm_terminal_options *options, char *err,
                  size_t err_size)
{
    const char *where = options->where;
    struct sockaddr_storage address;
    socklen_t len;
    if (!pm_tcp_parse(where, &address, &len)) {
        snprintf(err, err_size, "%s is not ADDRESS:PORT (an IPv6 address stands in brackets)",
                 where);
        return false;
    }
    struct pm_tcp_port *tcp = calloc(1, sizeof *tcp);
    int fd = tcp != NULL ? listen_at(&address, len) : -1;
    if (fd < 0 || uv_poll_init(t->host->loop, &tcp->poll, fd) != 0) {
        snprintf(err, err_size, "%s %s: %s", t->ops->kind, where, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        free(tcp);
        return false;
    }
    tcp->terminal = t;
    tcp->listener = fd;
    tcp->poll.data = tcp;
    uv_timer_init(t->host->loop, &tcp->pause);
    tcp->pause.data = tcp;
    tcp->handles = 2;
    t->own = tcp;
    len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) == 0) {
        pm_tcp_print(&address, t->ready, sizeof t->ready);
    }
    uv_poll_start(&tcp->poll, UV_READABLE, on_connection);
    return true;
}

/* Nothing to prepare: the listener is always there. */
void pm__tcp_gone(struct pm_terminal *t)
{
    pm_terminal_log(t, PM_LOG_DEBUG, "the host has left");
}

static void on_closed(uv_handle_t *handle)
{
    struct pm_tcp_port *tcp = handle->data;
    if (--tcp->handles == 0) {
        free(tcp);
    }
}

void pm__tcp_close(struct pm_terminal *t)
{
    struct pm_tcp_port *tcp = t->own;
    uv_close((uv_handle_t *)&tcp->poll, on_closed);
    uv_close((uv_handle_t *)&tcp->pause, on_closed);
    close(tcp->listener);
}

const struct pm_terminal_ops pm__terminal_tcp = {
    .kind = "tcp",
    .open = pm__tcp_open,
    .gone = pm__tcp_gone,
    .close = pm__tcp_close,
    .half_close = true,
    .ends_data = true,
};
