/* SPDX-License-Identifier: MIT */
/* Lines to a module: serial devices, TCP connections, and telnet for RFC 2217. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "host/serial.h"
#include "host/serial_line.h"
#include "play/live_internal.h"

/* Blocks that are read before anybody looks at the time. */
#define BLOCKS_MOST 64U

/* ---- How ports are written -------------------------------------------------------------- */

static bool after_prefix(const char *text, const char *prefix, const char **rest)
{
    size_t n = strlen(prefix);
    if (strncmp(text, prefix, n) != 0) {
        return false;
    }
    *rest = text + n;
    return true;
}

/* "HOST:PORT", an IPv6 address in brackets. */
static bool split_address(const char *text, char *host, size_t size, const char **port)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || colon[1] == '\0') {
        return false;
    }
    bool brackets = text[0] == '[' && colon[-1] == ']';
    size_t n = (size_t)(colon - text) - (brackets ? 2U : 0U);
    if (n == 0 || n >= size) {
        return false;
    }
    memcpy(host, text + (brackets ? 1 : 0), n);
    host[n] = '\0';
    *port = colon + 1;
    return true;
}

static enum live_kind kind_of(const char *where, const char **rest)
{
    *rest = where;
    return after_prefix(where, "tcp:", rest)       ? LIVE_TCP
           : after_prefix(where, "rfc2217:", rest) ? LIVE_RFC2217
                                                   : LIVE_SERIAL;
}

bool live_is_kind(const char *port)
{
    return strcmp(port, "pty") == 0 || strcmp(port, "tcp") == 0 || strcmp(port, "rfc2217") == 0;
}

/* Without a slash it was hardly meant for a device. */
static const char *hint(const char *device)
{
    return strchr(device, '/') != NULL
               ? ""
               : " (a port is pty, tcp, rfc2217, tcp:HOST:PORT, rfc2217:HOST:PORT or a device)";
}

bool live_check_port(const char *port, char *err, size_t err_size)
{
    const char *rest = NULL;
    const char *number = NULL;
    char host[256];
    struct pm_serial_line line;
    if (live_is_kind(port)) {
        return true;
    }
    if (kind_of(port, &rest) == LIVE_SERIAL) {
        return pm_serial_parse(rest, &line, err, err_size);
    }
    if (split_address(rest, host, sizeof host, &number)) {
        return true;
    }
    (void)snprintf(err, err_size, "an address is HOST:PORT");
    return false;
}

/* ---- Opening ---------------------------------------------------------------------------- */

static bool open_serial(struct live_line *line, const char *text, char *err, size_t err_size)
{
    struct pm_serial_line serial;
    if (!pm_serial_parse(text, &serial, err, err_size)) {
        return false;
    }
    const struct pm_serial_mode mode = {.speed = serial.baud, .flow = serial.rtscts};
    uint32_t got = 0;
    line->fd = open(serial.device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    int reason = line->fd < 0 ? errno : pm__serial_ops->set_up(line->fd, &mode, &got);
    if (reason != 0) {
        (void)snprintf(err, err_size, "%s%s", strerror(reason),
                       reason == ENOENT ? hint(serial.device) : "");
    }
    return reason == 0;
}

static int connect_one(const struct addrinfo *address)
{
    int one = 1;
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol);
    if (fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    if (fd >= 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    }
    return fd;
}

static bool open_tcp(struct live_line *line, const char *text, char *err, size_t err_size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char host[256];
    const char *port = NULL;
    if (!split_address(text, host, sizeof host, &port)) {
        (void)snprintf(err, err_size, "an address is HOST:PORT");
        return false;
    }
    int status = getaddrinfo(host, port, &hints, &list);
    if (status != 0) {
        (void)snprintf(err, err_size, "%s", gai_strerror(status));
        return false;
    }
    for (const struct addrinfo *at = list; at != NULL && line->fd < 0; at = at->ai_next) {
        line->fd = connect_one(at);
    }
    if (line->fd < 0) {
        (void)snprintf(err, err_size, "%s", strerror(errno));
    }
    freeaddrinfo(list);
    return line->fd >= 0;
}

bool live_line_open(struct live_line *line, char *err, size_t err_size)
{
    const char *rest = NULL;
    line->kind = kind_of(line->where, &rest);
    line->ended = false;
    bool ok = line->kind == LIVE_SERIAL ? open_serial(line, rest, err, err_size)
                                        : open_tcp(line, rest, err, err_size);
    if (ok && line->kind == LIVE_RFC2217 && !live_telnet_open(line)) {
        (void)snprintf(err, err_size, "no telnet there");
        ok = false;
    }
    if (!ok) {
        live_line_close(line);
    }
    return ok;
}

bool live_line_stand_in(struct live_line *line, char *name, size_t size)
{
    struct termios termios;
    line->kind = LIVE_SERIAL;
    line->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (line->fd < 0 || grantpt(line->fd) != 0 || unlockpt(line->fd) != 0 ||
        ptsname_r(line->fd, name, size) != 0) {
        return false;
    }
    line->held = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (line->held < 0 || tcgetattr(line->held, &termios) != 0) {
        return false;
    }
    cfmakeraw(&termios);
    return tcsetattr(line->held, TCSANOW, &termios) == 0;
}

void live_line_close(struct live_line *line)
{
    if (line->telnet != NULL) {
        telnet_free(line->telnet);
        line->telnet = NULL;
    }
    if (line->fd >= 0) {
        close(line->fd);
        line->fd = -1;
    }
    if (line->held >= 0) {
        close(line->held);
        line->held = -1;
    }
}

/* ---- Bytes ------------------------------------------------------------------------------ */

void live_take(struct player *p, const uint8_t *bytes, size_t len)
{
    size_t room = sizeof p->got - p->got_len;
    if (len > room) {
        p->trouble = "too much came";
        len = room;
    }
    memcpy(p->got + p->got_len, bytes, len);
    p->got_len += len;
}

void live_line_read(struct live_line *line)
{
    uint8_t bytes[4096];
    for (unsigned blocks = 0; blocks < BLOCKS_MOST; blocks++) {
        ssize_t n = line->ended ? 0 : read(line->fd, bytes, sizeof bytes);
        if (n > 0 && line->telnet != NULL) {
            telnet_recv(line->telnet, (const char *)bytes, (size_t)n);
        } else if (n > 0) {
            live_take(line->player, bytes, (size_t)n);
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else {
            line->ended = line->ended || n == 0 || errno != EAGAIN;
            line->player->trouble =
                line->ended ? "the port has been closed" : line->player->trouble;
            return;
        }
    }
}

bool live_send(struct live_line *line, const uint8_t *bytes, size_t len)
{
    uint64_t limit = live_now() + LIVE_PATIENCE_MS;
    while (len != 0 && !line->ended) {
        short ready = live_poll(line->fd, POLLIN | POLLOUT, limit);
        ssize_t n = (ready & POLLOUT) != 0 ? write(line->fd, bytes, len) : 0;
        if (ready == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            return false;
        }
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
            limit = live_now() + LIVE_PATIENCE_MS;
        }
        if ((ready & ~POLLOUT) != 0 && line->telnet == NULL) {
            live_line_read(line);
        }
    }
    return len == 0;
}

/* A serial line is slow: waits until the last byte has left. */
static bool wait_until_sent(struct live_line *line)
{
    int waiting = 0;
    int before = 0;
    uint64_t limit = live_now() + LIVE_PATIENCE_MS;
    while (ioctl(line->fd, TIOCOUTQ, &waiting) == 0 && waiting > 0) {
        limit = waiting != before ? live_now() + LIVE_PATIENCE_MS : limit;
        before = waiting;
        if (live_now() >= limit || live_interrupted()) {
            return false;
        }
        (void)live_poll(line->fd, POLLIN, live_now() + 1);
        live_line_read(line);
    }
    return true;
}

bool live_line_write(struct live_line *line, const uint8_t *bytes, size_t len)
{
    if (line->telnet != NULL) {
        telnet_send(line->telnet, (const char *)bytes, len);
        return !line->ended;
    }
    return live_send(line, bytes, len) && (line->kind != LIVE_SERIAL || wait_until_sent(line));
}

/* ---- DTR -------------------------------------------------------------------------------- */

bool live_line_has_dtr(const struct live_line *line)
{
    unsigned signals = 0;
    if (line->kind == LIVE_SERIAL) {
        return line->held < 0 && pm__serial_ops->signals(line->fd, &signals) == 0;
    }
    return line->com_port;
}

bool live_line_dtr(struct live_line *line, bool on)
{
    if (line->kind == LIVE_RFC2217) {
        live_telnet_dtr(line, on);
        return !line->ended;
    }
    return pm__serial_ops->drive(line->fd, PM_SERIAL_DTR, on) == 0;
}
