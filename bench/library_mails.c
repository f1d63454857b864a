/* SPDX-License-Identifier: MIT */
/*
 * The portable library at the same work, over plain sockets: pm_smtp and pm_mime, without AT
 * commands and the program's event loop.
 *
 * Usage: library_mails SESSIONS MAILS PORT
 *
 * MAILS in all, each of 1000 bytes and its header, one after the other on each of SESSIONS kept
 * connections.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "postmodem/mime.h"
#include "postmodem/smtp.h"

enum { BODY = 1000, MESSAGE = 4096, OUT = 8192, IN = 4096, EVENTS = 64 };

struct session {
    int fd;
    struct pm_smtp smtp;
    bool sending; /* the server waits for the message */
    bool over;
    size_t size;
    uint8_t message[MESSAGE];
};

struct bench {
    unsigned long left, sent; /* mails */
    size_t open;              /* connections */
    uint8_t body[BODY];
    struct pm_mime_config message;
};

static void fatal(const char *what)
{
    fprintf(stderr, "library_mails: %s\n", what);
    exit(1);
}

/* Milliseconds, as the engines want them. */
static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static struct pm_slice text(const char *string)
{
    return (struct pm_slice){(const uint8_t *)string, strlen(string)};
}

/* Makes the next message; a small one is composed whole before it is sent. */
static void compose(const struct bench *bench, struct session *session)
{
    struct pm_mime mime;
    bool addressed = false;
    enum pm_mime_need need = PM_MIME_ROOM;
    pm_mime_init(&mime, &bench->message);
    session->size = 0;
    while (need != PM_MIME_END) {
        size_t n = 0;
        need = pm_mime_read(&mime, session->message + session->size, MESSAGE - session->size, &n);
        session->size += n;
        if (need == PM_MIME_NEED_TO || need == PM_MIME_NEED_CC) {
            pm_mime_address(&mime, text(addressed ? "" : "sink@example.com"));
            addressed = true;
        } else if (need == PM_MIME_NEED_BODY) {
            pm_mime_feed(&mime, bench->body, BODY);
        } else if (need != PM_MIME_END) {
            fatal("the composer failed");
        }
    }
}

/* Starts the next mail, the first with `fresh`; without one left the session takes its leave. */
static void begin(struct bench *bench, struct session *session, bool fresh)
{
    if (bench->left == 0) {
        pm_smtp_leave(&session->smtp, now());
        return;
    }
    bench->left--;
    compose(bench, session);
    const struct pm_smtp_config config = {.ehlo_name = text("me.example"),
                                          .sender = text("bench@example.com"),
                                          .recipients = 1,
                                          .message_size = session->size,
                                          .keep = true};
    if (fresh) {
        pm_smtp_init(&session->smtp, &config, now());
    } else if (!pm_smtp_again(&session->smtp, &config, now())) {
        fatal("the server has left");
    }
}

static bool take_event(struct bench *bench, struct session *session)
{
    struct pm_smtp_event event;
    switch (pm_smtp_next_event(&session->smtp, &event, now())) {
    case PM_SMTP_EV_NONE: return false;
    case PM_SMTP_EV_RECIPIENT:
        pm_smtp_recipient(&session->smtp, text("sink@example.com"));
        return true;
    case PM_SMTP_EV_BODY: session->sending = true; return true;
    case PM_SMTP_EV_DONE:
        if (event.error != 0 || !event.kept) {
            fatal("a mail failed");
        }
        bench->sent++;
        begin(bench, session, false);
        return true;
    case PM_SMTP_EV_LEAVE: session->over = true; return true;
    default: return true;
    }
}

/* Adds what is to leave now to `out`; false: nothing. */
static bool gather(struct session *session, uint8_t *out, size_t *len)
{
    const uint8_t *commands = NULL;
    size_t n = pm_smtp_output(&session->smtp, &commands);
    if (n > OUT - *len) {
        fatal("no room");
    }
    if (n > 0) {
        memcpy(out + *len, commands, n);
        *len += n;
        pm_smtp_output_ack(&session->smtp, n, now());
        return true;
    }
    if (!session->sending) {
        return false;
    }
    size_t used = 0;
    *len += pm_smtp_body(&session->smtp, session->message, session->size, &used, out + *len,
                         OUT - *len);
    if (used != session->size) {
        fatal("no room");
    }
    session->sending = false;
    pm_smtp_body_end(&session->smtp, now());
    return true;
}

/* Does all that can be done without the server; it leaves by one write. */
static void advance(struct bench *bench, struct session *session)
{
    uint8_t out[OUT];
    size_t len = 0;
    while (take_event(bench, session) || gather(session, out, &len)) {
    }
    if (len > 0 && send(session->fd, out, len, MSG_NOSIGNAL) != (ssize_t)len) {
        fatal("send");
    }
    if (session->over) {
        close(session->fd);
        bench->open--;
    }
}

static void receive(struct bench *bench, struct session *session)
{
    uint8_t in[IN];
    ssize_t len = recv(session->fd, in, sizeof in, 0);
    if (len <= 0) {
        fatal("recv");
    }
    pm_smtp_input(&session->smtp, in, (size_t)len, now());
    advance(bench, session);
}

static void open_session(struct bench *bench, struct session *session, int epoll, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = session};
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    session->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (session->fd < 0 || connect(session->fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(session->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, session->fd, &event) != 0) {
        fatal("connect");
    }
    bench->open++;
    begin(bench, session, true);
}

static void prepare(struct bench *bench)
{
    memset(bench->body, 'x', BODY);
    bench->message = (struct pm_mime_config){.sender_address = text("bench@example.com"),
                                             .subject = text("Pump 7 is too hot"),
                                             .message_id = text("1@example.com")};
    pm_mime_scan_init(&bench->message.body, PM_CHARSET_ASCII);
    pm_mime_scan_update(&bench->message.body, bench->body, BODY);
}

int main(int argc, char **argv)
{
    static struct epoll_event events[EVENTS];
    static struct bench bench;
    unsigned long count = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
    bench.left = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct session *sessions = calloc(count + 1, sizeof *sessions);
    if (epoll < 0 || sessions == NULL || count == 0 || bench.left < count) {
        fatal("usage: library_mails SESSIONS MAILS PORT");
    }
    unsigned long mails = bench.left;
    prepare(&bench);
    for (unsigned long i = 0; i < count; i++) {
        open_session(&bench, &sessions[i], epoll, (uint16_t)strtoul(argv[3], NULL, 10));
    }
    while (bench.open > 0) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            receive(&bench, events[i].data.ptr);
        }
    }
    free(sessions);
    close(epoll);
    return bench.sent == mails ? 0 : 1;
}
