/* SPDX-License-Identifier: MIT */
/* Asks a time server: look-up, then its addresses in turn, each up to three times. */
#include "host/ntp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/binding.h"
#include "host/crypto.h"

/* How long one answer is waited for, and how often each address is asked. */
#define ANSWER_MS 3000
#define TRIES     3
/* Addresses that are asked at most. */
#define ADDRESSES 4
/* Longest look-up, as for a connection. */
#define RESOLVE_MS 60000

struct pm_ntp {
    uv_loop_t *loop;
    struct pm_resolver *resolver;
    struct pm_lookup *lookup;
    uv_timer_t timer;
    uv_poll_t *poll; /* of the socket; its memory goes with its handle */
    int fd;
    struct pm_addresses addresses;
    unsigned next_address, tries;
    int32_t worst; /* what went wrong last */
    uint64_t sent_at;
    uint8_t nonce[8];
    char host[PM_HOST_NAME_MAX + 1];
    struct pm_ntp_setup setup;
};

static void ask_next(struct pm_ntp *ntp);

static void free_poll(uv_handle_t *handle)
{
    free(handle);
}

static void drop_socket(struct pm_ntp *ntp)
{
    if (ntp->poll != NULL) {
        uv_close((uv_handle_t *)ntp->poll, free_poll);
        ntp->poll = NULL;
    }
    if (ntp->fd >= 0) {
        close(ntp->fd);
        ntp->fd = -1;
    }
}

static void finish(struct pm_ntp *ntp, int32_t result)
{
    uv_timer_stop(&ntp->timer);
    drop_socket(ntp);
    ntp->setup.done(ntp->setup.user, result);
}

static void say(const struct pm_ntp *ntp, const char *what)
{
    char text[400];
    snprintf(text, sizeof text, "time server %s: %s", ntp->host, what);
    ntp->setup.log(ntp->setup.user, PM_LOG_WARNING, text);
}

/* This address does not give the time: the next one, or the end. */
static void address_failed(struct pm_ntp *ntp, int32_t status, const char *why)
{
    say(ntp, why);
    ntp->worst = status;
    drop_socket(ntp);
    ntp->next_address++;
    ntp->tries = 0;
    ask_next(ntp);
}

static void answered(struct pm_ntp *ntp, const uint8_t *packet, size_t len)
{
    int64_t unix_ms = 0;
    uint64_t elapsed = (uv_hrtime() - ntp->sent_at) / 1000000;
    switch (pm_ntp_judge(packet, len, ntp->nonce, (uint32_t)elapsed, &unix_ms)) {
    case PM_NTP_TIME:
        *ntp->setup.unix_seconds = (unix_ms + 500) / 1000;
        finish(ntp, PM_OK);
        break;
    case PM_NTP_REFUSED: address_failed(ntp, PM_ERR_CONNECT, "it does not give the time"); break;
    case PM_NTP_FOREIGN:
    default: break;
    }
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct pm_ntp *ntp = poll->data;
    uint8_t packet[512]; /* what is longer has nothing of interest behind */
    (void)status;
    (void)events;
    ssize_t n = recv(ntp->fd, packet, sizeof packet, MSG_DONTWAIT);
    if (n >= 0) {
        answered(ntp, packet, (size_t)n);
    } else if (errno != EAGAIN && errno != EINTR) {
        address_failed(ntp, PM_ERR_CONNECT, "nobody there");
    }
}

static void on_timeout(uv_timer_t *timer)
{
    struct pm_ntp *ntp = timer->data;
    if (ntp->tries >= TRIES) {
        address_failed(ntp, PM_ERR_TIMEOUT, "no answer in time");
    } else {
        drop_socket(ntp);
        ask_next(ntp);
    }
}

static bool watch(struct pm_ntp *ntp)
{
    ntp->poll = malloc(sizeof *ntp->poll);
    if (ntp->poll == NULL || uv_poll_init(ntp->loop, ntp->poll, ntp->fd) != 0) {
        free(ntp->poll);
        ntp->poll = NULL;
        return false;
    }
    ntp->poll->data = ntp;
    return uv_poll_start(ntp->poll, UV_READABLE, on_event) == 0;
}

/* A new socket for each request has a new port: an old answer does not reach it. */
static bool ask(struct pm_ntp *ntp, const struct sockaddr_storage *address)
{
    uint8_t packet[PM_NTP_PACKET];
    ntp->fd = socket(address->ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (ntp->fd < 0 || !pm_binding_apply(ntp->setup.path.binding, ntp->fd) ||
        connect(ntp->fd, (const struct sockaddr *)address, pm_sockaddr_len(address)) != 0 ||
        pm_crypto_random(ntp->nonce, sizeof ntp->nonce) != PM_OK || !watch(ntp)) {
        return false;
    }
    pm_ntp_request(packet, ntp->nonce);
    ntp->sent_at = uv_hrtime();
    return send(ntp->fd, packet, sizeof packet, MSG_NOSIGNAL) == (ssize_t)sizeof packet;
}

static void ask_next(struct pm_ntp *ntp)
{
    while (ntp->next_address < ntp->addresses.count && ntp->next_address < ADDRESSES) {
        ntp->tries++;
        if (ask(ntp, &ntp->addresses.address[ntp->next_address])) {
            uv_timer_start(&ntp->timer, on_timeout, ANSWER_MS, 0);
            return;
        }
        char reason[96];
        say(ntp, strerror_r(errno, reason, sizeof reason));
        ntp->worst = PM_ERR_CONNECT;
        drop_socket(ntp);
        ntp->next_address++;
        ntp->tries = 0;
    }
    finish(ntp, ntp->worst);
}

static void on_resolved(void *user, const struct pm_addresses *addresses, const char *reason)
{
    struct pm_ntp *ntp = user;
    ntp->lookup = NULL;
    if (addresses->count == 0) {
        say(ntp, reason);
        finish(ntp, PM_ERR_RESOLVE);
        return;
    }
    ntp->addresses = *addresses;
    ask_next(ntp);
}

static void on_resolve_timeout(uv_timer_t *timer)
{
    struct pm_ntp *ntp = timer->data;
    static const struct pm_addresses none;
    if (ntp->lookup != NULL) {
        pm_resolver_cancel(ntp->lookup);
    }
    on_resolved(ntp, &none, "the look-up took too long");
}

static void on_begin(uv_timer_t *timer)
{
    struct pm_ntp *ntp = timer->data;
    struct pm_addresses literal;
    const struct pm_path *path = &ntp->setup.path;
    if (pm_resolver_literal(ntp->host, ntp->setup.port, &literal)) {
        bool fits = path->family == AF_UNSPEC || path->family == literal.address[0].ss_family;
        literal.count = fits ? 1 : 0;
        on_resolved(ntp, &literal, "an address that the context does not have");
        return;
    }
    const struct pm_question question = {.host = ntp->host,
                                         .port = ntp->setup.port,
                                         .family = path->family,
                                         .servers = path->servers,
                                         .binding = path->binding};
    uv_timer_start(timer, on_resolve_timeout, RESOLVE_MS, 0);
    struct pm_lookup *lookup = pm_resolver_start(ntp->resolver, &question, on_resolved, ntp);
    /* Without one the result has been handled already. */
    if (lookup != NULL) {
        ntp->lookup = lookup;
    }
}

struct pm_ntp *pm_ntp_start(uv_loop_t *loop, struct pm_resolver *resolver,
                            const struct pm_ntp_setup *setup)
{
    struct pm_ntp *ntp = calloc(1, sizeof *ntp);
    if (ntp == NULL) {
        return NULL;
    }
    ntp->loop = loop;
    ntp->resolver = resolver;
    ntp->setup = *setup;
    ntp->fd = -1;
    ntp->worst = PM_ERR_CONNECT;
    snprintf(ntp->host, sizeof ntp->host, "%s", setup->host);
    ntp->setup.host = ntp->host;
    (void)uv_timer_init(loop, &ntp->timer); /* always succeeds */
    ntp->timer.data = ntp;
    uv_timer_start(&ntp->timer, on_begin, 0, 0);
    return ntp;
}

static void free_ntp(uv_handle_t *handle)
{
    free(handle->data);
}

void pm_ntp_end(struct pm_ntp *ntp)
{
    if (ntp->lookup != NULL) {
        pm_resolver_cancel(ntp->lookup);
        ntp->lookup = NULL;
    }
    drop_socket(ntp);
    uv_close((uv_handle_t *)&ntp->timer, free_ntp);
}
