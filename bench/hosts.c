/* SPDX-License-Identifier: MIT */
/*
 * Many hosts at once, one at each module: every host writes a draft, then all ask for their mails
 * at the same moment, and each asks for the next when it has the result of the last.
 *
 * Usage: hosts MAILS    reads ADDRESS:PORT in each line up to an empty one, has all drafts written,
 * prints "drafts", waits for a line, has MAILS mails sent by each host, and prints
 *
 *   MAILS FAILED SECONDS MEDIAN P99    the last two: ms from AT+QSMTPPUT to its result
 *
 * The hosts stay until the input ends.
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
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, HEARD = 4096, BODY = 1000 };

/* What a host sends, and what ends the answer. */
static const struct step {
    const char *text, *end;
} steps[] = {
    {"ATE0\r", "OK\r\n"},
    {"AT+QSMTPDST=1,1,\"sink@example.com\"\r", "OK\r\n"},
    {"AT+QSMTPSUB=0,\"Pump 7 is too hot\"\r", "OK\r\n"},
    {"AT+QSMTPBODY=0,1000,300\r", "CONNECT\r\n"},
    {NULL, "OK\r\n"}, /* the body */
};

enum { STEPS = sizeof steps / sizeof steps[0] };

struct host {
    struct sockaddr_in address;
    int fd;
    size_t step; /* STEPS: the draft is written */
    unsigned mails;
    double asked;
    char heard[HEARD];
    size_t len;
};

struct bench {
    int epoll;
    struct host *hosts;
    size_t count, ready, done;
    unsigned each;
    double *times; /* ms */
    size_t mails, failed;
    double began;
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

static void say(const struct host *host, const char *text, size_t len)
{
    if (send(host->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len) {
        fatal("send");
    }
}

static void next_step(struct host *host)
{
    static char body[BODY + 1];
    const char *text = steps[host->step].text;
    if (text == NULL) {
        memset(body, 'x', BODY);
        text = body;
    }
    say(host, text, strlen(text));
}

static void ask(struct host *host)
{
    static const char put[] = "AT+QSMTPPUT=300\r";
    host->asked = now();
    say(host, put, sizeof put - 1);
}

/* All drafts are written: waits for the word, and lets all ask. */
static void ask_all(struct bench *bench)
{
    puts("drafts");
    fflush(stdout);
    (void)getchar();
    bench->began = now();
    for (size_t i = 0; i < bench->count; i++) {
        ask(&bench->hosts[i]);
    }
}

static void take_result(struct bench *bench, struct host *host, const char *result)
{
    bench->times[bench->mails++] = now() - host->asked;
    bench->failed += strncmp(result, "+QSMTPPUT: 0,0\r\n", 16) != 0;
    host->mails++;
    if (host->mails < bench->each) {
        ask(host);
    } else {
        bench->done++;
    }
}

/* Goes on when the answer is complete. */
static void look(struct bench *bench, struct host *host)
{
    host->heard[host->len] = '\0';
    if (host->step == STEPS) {
        const char *result = strstr(host->heard, "+QSMTPPUT: ");
        if (result != NULL && strchr(result, '\n') != NULL) {
            host->len = 0;
            take_result(bench, host, result);
        }
        return;
    }
    if (strstr(host->heard, "ERROR") != NULL) {
        fprintf(stderr, "hosts: %s\n", host->heard);
        exit(1);
    }
    if (strstr(host->heard, steps[host->step].end) == NULL) {
        return;
    }
    host->len = 0;
    host->step++;
    if (host->step < STEPS) {
        next_step(host);
    } else if (++bench->ready == bench->count) {
        ask_all(bench);
    }
}

static void hear(struct bench *bench, struct host *host)
{
    ssize_t len = recv(host->fd, host->heard + host->len, HEARD - 1 - host->len, 0);
    if (len <= 0) {
        fatal("recv");
    }
    host->len += (size_t)len;
    look(bench, host);
}

static void meet(const struct bench *bench, struct host *host)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = host};
    const struct sockaddr_in address = host->address;
    int on = 1;
    host->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (host->fd < 0 || connect(host->fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(host->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        epoll_ctl(bench->epoll, EPOLL_CTL_ADD, host->fd, &event) != 0) {
        fatal("connect");
    }
    next_step(host);
}

static void add_host(struct bench *bench, char *where, size_t *room)
{
    if (bench->count == *room) {
        *room = *room > 0 ? 2 * *room : 64;
        bench->hosts = realloc(bench->hosts, *room * sizeof *bench->hosts);
    }
    char *colon = strchr(where, ':');
    if (bench->hosts == NULL || colon == NULL) {
        fatal("list");
    }
    *colon = '\0';
    struct host *host = &bench->hosts[bench->count++];
    memset(host, 0, sizeof *host);
    host->address.sin_family = AF_INET;
    host->address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    host->address.sin_addr.s_addr = inet_addr(where);
}

static void read_list(struct bench *bench)
{
    char text[64];
    size_t room = 0;
    while (fgets(text, sizeof text, stdin) != NULL && text[0] != '\n') {
        add_host(bench, text, &room);
    }
    bench->times = calloc(bench->count * bench->each + 1, sizeof *bench->times);
    if (bench->times == NULL || bench->count == 0 || bench->each == 0) {
        fatal("hosts");
    }
    for (size_t i = 0; i < bench->count; i++) {
        meet(bench, &bench->hosts[i]);
    }
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

int main(int argc, char **argv)
{
    static struct epoll_event events[EVENTS];
    struct bench bench = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct rlimit files;
    setvbuf(stdin, NULL, _IONBF, 0);
    if (argc != 2 || bench.epoll < 0 || getrlimit(RLIMIT_NOFILE, &files) != 0) {
        fatal("usage: hosts MAILS");
    }
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    bench.each = (unsigned)strtoul(argv[1], NULL, 10);
    read_list(&bench);
    while (bench.done < bench.count) {
        int count = epoll_wait(bench.epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            hear(&bench, events[i].data.ptr);
        }
    }
    double seconds = (now() - bench.began) / 1e3;
    size_t n = bench.mails;
    qsort(bench.times, n, sizeof *bench.times, by_size);
    printf("%zu %zu %.3f %.1f %.1f\n", n, bench.failed, seconds, n > 0 ? bench.times[n / 2] : 0.0,
           n > 0 ? bench.times[n * 99 / 100] : 0.0);
    fflush(stdout);
    (void)getchar();
    free(bench.hosts);
    free(bench.times);
    return 0;
}
