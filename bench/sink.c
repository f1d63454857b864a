/* SPDX-License-Identifier: MIT */
/*
 * A receiver for many connections at once that throws mail away: one thread, one epoll, no look at
 * more than line ends and the final dot.
 *
 * Usage: sink [HOLD]    prints its port and serves until it is killed. With HOLD the first
 * connections are greeted only when so many of them are there: then they are all in flight.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512, PIECE = 65536, VERB = 4 };

static const char greeting[] = "220 sink ESMTP\r\n";
static const char final_dot[] = "\r\n.\r\n";

struct client {
    int fd;
    bool data;        /* between 354 and the final dot */
    unsigned matched; /* bytes of the final dot */
    char verb[VERB];  /* the line's beginning */
    size_t len;       /* of the line */
};

struct sink {
    int epoll, listener;
    struct client *clients; /* by their descriptors */
    struct client **held;
    size_t hold, held_count;
};

static void fatal(const char *what)
{
    perror(what);
    exit(1);
}

static void say(const struct client *client, const char *text)
{
    /* The answers to what one read brings fit into any socket's buffer. */
    if (send(client->fd, text, strlen(text), MSG_NOSIGNAL) < 0 && errno != EPIPE &&
        errno != ECONNRESET) {
        fatal("send");
    }
}

/* Answers a command line. False: the client has said QUIT. */
static bool command(struct client *client)
{
    bool quit = memcmp(client->verb, "QUIT", VERB) == 0;
    client->data = memcmp(client->verb, "DATA", VERB) == 0;
    client->matched = 2; /* an empty mail has its dot in the first line */
    if (quit) {
        say(client, "221 bye\r\n");
    } else if (memcmp(client->verb, "EHLO", VERB) == 0) {
        say(client, "250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n");
    } else {
        say(client, client->data ? "354 go\r\n" : "250 ok\r\n");
    }
    return !quit;
}

static void content(struct client *client, char c)
{
    if (c == final_dot[client->matched]) {
        client->matched++;
    } else {
        client->matched = c == '\r' ? 1 : 0;
    }
    if (final_dot[client->matched] == '\0') {
        client->data = false;
        client->len = 0;
        say(client, "250 gone\r\n");
    }
}

static bool line(struct client *client, char c)
{
    if (c == '\n') {
        client->len = 0;
        return command(client);
    }
    if (client->len < VERB) {
        client->verb[client->len] = c;
    }
    client->len++;
    return true;
}

static void serve(struct client *client)
{
    static char piece[PIECE];
    ssize_t len = recv(client->fd, piece, sizeof piece, 0);
    if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    bool stays = len > 0;
    for (ssize_t i = 0; i < len && stays; i++) {
        if (client->data) {
            content(client, piece[i]);
        } else {
            stays = line(client, piece[i]);
        }
    }
    if (!stays) {
        close(client->fd);
    }
}

/* Greets a client, or keeps it until enough are there. */
static void welcome(struct sink *sink, struct client *client)
{
    if (sink->held_count >= sink->hold) {
        say(client, greeting);
        return;
    }
    sink->held[sink->held_count++] = client;
    if (sink->held_count == sink->hold) {
        for (size_t i = 0; i < sink->hold; i++) {
            say(sink->held[i], greeting);
        }
    }
}

static void take(struct sink *sink)
{
    int on = 1;
    int fd = accept4(sink->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(sink->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        fatal("epoll");
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sink->clients[fd] = (struct client){.fd = fd};
    welcome(sink, &sink->clients[fd]);
}

static void open_listener(struct sink *sink)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    struct epoll_event event = {.events = EPOLLIN};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sink->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sink->epoll = epoll_create1(EPOLL_CLOEXEC);
    event.data.fd = sink->listener;
    if (sink->listener < 0 || sink->epoll < 0 ||
        bind(sink->listener, (struct sockaddr *)&address, len) != 0 ||
        listen(sink->listener, 4096) != 0 ||
        getsockname(sink->listener, (struct sockaddr *)&address, &len) != 0 ||
        epoll_ctl(sink->epoll, EPOLL_CTL_ADD, sink->listener, &event) != 0) {
        fatal("listener");
    }
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct epoll_event events[EVENTS];
    struct sink sink = {.hold = argc > 1 ? strtoul(argv[1], NULL, 10) : 0};
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        fatal("limit");
    }
    sink.held = calloc(sink.hold + 1, sizeof(struct client *));
    sink.clients = calloc(files.rlim_max, sizeof *sink.clients);
    if (sink.held == NULL || sink.clients == NULL) {
        fatal("memory");
    }
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    open_listener(&sink);
    for (;;) {
        int count = epoll_wait(sink.epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == sink.listener) {
                take(&sink);
            } else {
                serve(&sink.clients[events[i].data.fd]);
            }
        }
    }
}
