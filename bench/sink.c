/* SPDX-License-Identifier: MIT */
/*
 * A receiver for many connections at once that throws mail away, in clear or over TLS from the
 * first byte: one thread, one epoll, no look at more than line ends and the final dot. What one
 * read asks for is answered by one write.
 *
 * Usage: sink [--hold N] [--chunking] [--tls CERTIFICATE KEY]
 *
 * Prints its port and serves until SIGTERM; then it prints
 *
 *   MAILS SEGMENTS REPLIES WAITED LONGEST
 *
 * SEGMENTS of TCP have come with data. REPLIES within mails were waited for by clients, who took
 * WAITED ms in all, LONGEST ms at most, from our reply to what they sent next. Pauses between two
 * mails of a connection do not count. With --hold the first connections are greeted only when so
 * many of them are there: then they are all in flight.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, PIECE = 1 << 18, VERB = 4, LINE = 64, ANSWERS = 4096 };

static const char greeting[] = "220 sink ESMTP\r\n";
static const char final_dot[] = "\r\n.\r\n";

struct client {
    int fd;
    SSL *ssl; /* NULL: in clear */
    bool greeted;
    bool data;        /* between 354 and the final dot */
    bool amid;        /* the last reply was one within a mail */
    unsigned matched; /* bytes of the final dot */
    size_t chunk;     /* what is left of a BDAT */
    char line[LINE];  /* its beginning */
    size_t len;       /* of the line */
    double replied;   /* when, ms */
};

struct sink {
    int epoll, listener, ends;
    SSL_CTX *tls;
    bool chunking;
    struct client *clients; /* by their descriptors */
    struct client **held;
    size_t hold, held_count, files;
    char answers[ANSWERS]; /* to what one read has brought */
    size_t answers_len;
    unsigned long mails, segments, replies;
    double waited, longest;
};

static void fatal(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec * 1e-6;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

/* The answers to what one read brings fit into any socket's buffer. */
static void answer(struct sink *sink, struct client *client)
{
    if (sink->answers_len == 0) {
        return;
    }
    if (client->ssl != NULL) {
        (void)SSL_write(client->ssl, sink->answers, (int)sink->answers_len);
    } else if (send(client->fd, sink->answers, sink->answers_len, MSG_NOSIGNAL) < 0 &&
               errno != EPIPE && errno != ECONNRESET) {
        fatal("send");
    }
    sink->answers_len = 0;
    client->replied = client->amid ? now() : 0;
}

static void say(struct sink *sink, struct client *client, const char *text, bool amid)
{
    size_t len = strlen(text);
    if (len > ANSWERS - sink->answers_len) {
        answer(sink, client);
    }
    memcpy(sink->answers + sink->answers_len, text, len);
    sink->answers_len += len;
    client->amid = amid;
}

/* How many bytes there are: 0 none now, below that no more ever. */
static ssize_t take_bytes(const struct client *client, char *piece)
{
    if (client->ssl == NULL) {
        ssize_t len = recv(client->fd, piece, PIECE, 0);
        bool none = len < 0 && (errno == EAGAIN || errno == EINTR);
        return none ? 0 : len > 0 ? len : -1;
    }
    int len = SSL_read(client->ssl, piece, PIECE);
    return len > 0 ? len : SSL_get_error(client->ssl, len) == SSL_ERROR_WANT_READ ? 0 : -1;
}

static void count_wait(struct sink *sink, struct client *client)
{
    if (client->replied > 0) {
        double waited = now() - client->replied;
        sink->replies++;
        sink->waited += waited;
        sink->longest = waited > sink->longest ? waited : sink->longest;
        client->replied = 0;
    }
}

/* ---- the dialogue --------------------------------------------------------------------------- */

/* Takes a command line. False: the client has said QUIT. */
static bool command(struct sink *sink, struct client *client)
{
    const char *verb = client->line;
    if (memcmp(verb, "QUIT", VERB) == 0) {
        say(sink, client, "221 bye\r\n", false);
        return false;
    }
    if (memcmp(verb, "EHLO", VERB) == 0) {
        say(sink, client, "250-sink\r\n250-PIPELINING\r\n", true);
        say(sink, client, sink->chunking ? "250-CHUNKING\r\n250 8BITMIME\r\n" : "250 8BITMIME\r\n",
            true);
    } else if (memcmp(verb, "DATA", VERB) == 0) {
        client->data = true;
        client->matched = 2; /* an empty mail has its dot in the first line */
        say(sink, client, "354 go\r\n", true);
    } else if (memcmp(verb, "BDAT", VERB) == 0) {
        client->chunk = strtoul(client->line + VERB, NULL, 10);
    } else {
        say(sink, client, "250 ok\r\n", true);
    }
    return true;
}

static bool take_line(struct sink *sink, struct client *client, char c)
{
    if (c == '\n') {
        client->line[client->len < LINE ? client->len : LINE - 1] = '\0';
        client->len = 0;
        return command(sink, client);
    }
    if (client->len < LINE) {
        client->line[client->len++] = c;
    }
    return true;
}

static void end_mail(struct sink *sink, struct client *client)
{
    sink->mails++;
    client->data = false;
    say(sink, client, "250 gone\r\n", false);
}

/* Content for DATA; returns how much of it there is. */
static size_t take_content(struct sink *sink, struct client *client, const char *piece, size_t len)
{
    size_t at = 0;
    while (at < len) {
        const char *cr = client->matched == 0 ? memchr(piece + at, '\r', len - at) : piece + at;
        if (cr == NULL) {
            return len;
        }
        at = (size_t)(cr - piece) + 1;
        if (*cr == final_dot[client->matched]) {
            client->matched++;
        } else {
            client->matched = *cr == '\r' ? 1 : 0;
        }
        if (final_dot[client->matched] == '\0') {
            end_mail(sink, client);
            return at;
        }
    }
    return len;
}

static size_t take_chunk(struct sink *sink, struct client *client, size_t len)
{
    size_t n = client->chunk < len ? client->chunk : len;
    client->chunk -= n;
    if (client->chunk == 0) {
        end_mail(sink, client);
    }
    return n;
}

/* True while the client stays. */
static bool take(struct sink *sink, struct client *client, const char *piece, size_t len)
{
    bool stays = true;
    for (size_t at = 0; at < len && stays;) {
        if (client->data) {
            at += take_content(sink, client, piece + at, len - at);
        } else if (client->chunk > 0) {
            at += take_chunk(sink, client, len - at);
        } else {
            stays = take_line(sink, client, piece[at++]);
        }
    }
    return stays;
}

/* ---- connections ---------------------------------------------------------------------------- */

static void count_segments(struct sink *sink, const struct client *client)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (getsockopt(client->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0) {
        sink->segments += info.tcpi_data_segs_in;
    }
}

static void leave(struct sink *sink, struct client *client)
{
    count_segments(sink, client);
    SSL_free(client->ssl);
    close(client->fd);
    *client = (struct client){.fd = -1};
}

/* Greets a client, or keeps it until enough are there. */
static void welcome(struct sink *sink, struct client *client)
{
    client->greeted = true;
    if (sink->held_count >= sink->hold) {
        say(sink, client, greeting, true);
        answer(sink, client);
        return;
    }
    sink->held[sink->held_count++] = client;
    for (size_t i = 0; i < sink->hold && sink->held_count == sink->hold; i++) {
        say(sink, sink->held[i], greeting, true);
        answer(sink, sink->held[i]);
    }
}

/* One step of the handshake; false when it cannot be. */
static bool shake_hands(struct sink *sink, struct client *client)
{
    int result = SSL_accept(client->ssl);
    if (result == 1) {
        welcome(sink, client);
        return true;
    }
    return SSL_get_error(client->ssl, result) == SSL_ERROR_WANT_READ;
}

static void serve(struct sink *sink, struct client *client)
{
    static char piece[PIECE];
    bool stays = client->greeted || shake_hands(sink, client);
    /* What TLS holds back no epoll tells of. */
    while (client->greeted && stays) {
        ssize_t len = take_bytes(client, piece);
        if (len == 0) {
            break;
        }
        count_wait(sink, client);
        stays = len > 0 && take(sink, client, piece, (size_t)len);
        answer(sink, client);
        if (client->ssl == NULL) {
            break;
        }
    }
    if (!stays) {
        leave(sink, client);
    }
}

static void meet(struct sink *sink)
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
    struct client *client = &sink->clients[fd];
    *client = (struct client){.fd = fd};
    if (sink->tls == NULL) {
        welcome(sink, client);
        return;
    }
    client->ssl = SSL_new(sink->tls);
    if (client->ssl == NULL || SSL_set_fd(client->ssl, fd) != 1) {
        fatal("tls");
    }
}

/* ---- life ----------------------------------------------------------------------------------- */

static void watch(const struct sink *sink, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd < 0 || epoll_ctl(sink->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        fatal("watch");
    }
}

static void open_listener(struct sink *sink)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sink->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (sink->listener < 0 || bind(sink->listener, (struct sockaddr *)&address, len) != 0 ||
        listen(sink->listener, 4096) != 0 ||
        getsockname(sink->listener, (struct sockaddr *)&address, &len) != 0) {
        fatal("listener");
    }
    watch(sink, sink->listener);
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
}

static void catch_end(struct sink *sink)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0) {
        fatal("signals");
    }
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    sink->ends = signalfd(-1, &signals, SFD_CLOEXEC);
    watch(sink, sink->ends);
}

static void make_room(struct sink *sink)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        fatal("limit");
    }
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    sink->files = files.rlim_max;
    sink->held = calloc(sink->hold + 1, sizeof(struct client *));
    sink->clients = calloc(sink->files, sizeof *sink->clients);
    if (sink->held == NULL || sink->clients == NULL) {
        fatal("memory");
    }
}

static void read_arguments(struct sink *sink, char **argv)
{
    for (char **word = argv + 1; *word != NULL; word++) {
        if (strcmp(*word, "--chunking") == 0) {
            sink->chunking = true;
        } else if (strcmp(*word, "--hold") == 0 && word[1] != NULL) {
            sink->hold = strtoul(*++word, NULL, 10);
        } else if (strcmp(*word, "--tls") == 0 && word[1] != NULL && word[2] != NULL) {
            sink->tls = SSL_CTX_new(TLS_server_method());
            if (sink->tls == NULL || SSL_CTX_use_certificate_chain_file(sink->tls, word[1]) != 1 ||
                SSL_CTX_use_PrivateKey_file(sink->tls, word[2], SSL_FILETYPE_PEM) != 1) {
                fatal("certificate");
            }
            word += 2;
        } else {
            fprintf(stderr, "usage: sink [--hold N] [--chunking] [--tls CERTIFICATE KEY]\n");
            exit(2);
        }
    }
}

static void report(struct sink *sink)
{
    for (size_t fd = 0; fd < sink->files; fd++) {
        if (sink->clients[fd].fd > 0) {
            leave(sink, &sink->clients[fd]);
        }
    }
    printf("%lu %lu %lu %.3f %.3f\n", sink->mails, sink->segments, sink->replies, sink->waited,
           sink->longest);
    free(sink->held);
    free(sink->clients);
    SSL_CTX_free(sink->tls);
}

int main(int argc, char **argv)
{
    static struct epoll_event events[EVENTS];
    static struct sink sink;
    (void)argc;
    sink.epoll = epoll_create1(EPOLL_CLOEXEC);
    read_arguments(&sink, argv);
    make_room(&sink);
    catch_end(&sink);
    open_listener(&sink);
    for (;;) {
        int count = epoll_wait(sink.epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == sink.ends) {
                report(&sink);
                return 0;
            }
            if (events[i].data.fd == sink.listener) {
                meet(&sink);
            } else {
                serve(&sink, &sink.clients[events[i].data.fd]);
            }
        }
    }
}
