/* SPDX-License-Identifier: MIT */
/* Name look-up with c-ares on a libuv loop. */
#include "host/resolver.h"

#include <ares.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/binding.h"

/*
 * How long one server is waited for, and how often the list of servers is gone through. c-ares
 * doubles the time with each round, so a look-up ends within 14 s per server and record type.
 */
#define SERVER_TIMEOUT_MS 2000
#define SERVER_TRIES      3

/* A channel takes some 70 KiB: one without look-ups is kept so long. */
#define IDLE_MS 10000

#define RESOLV_CONF "/etc/resolv.conf"

/* One socket of c-ares on the loop. */
struct dns_socket {
    uv_poll_t poll;
    struct dns_channel *channel;
    struct dns_socket *next;
    ares_socket_t fd;
};

/* One c-ares channel: a set of servers. A look-up stays with the channel it began on. A question
 * with servers or a binding of its own has a channel to itself. */
struct dns_channel {
    uv_timer_t timer;
    struct pm_binding binding;
    ares_channel ares;
    struct pm_resolver *resolver;
    struct dns_channel *next;
    struct dns_socket *sockets;
    unsigned running; /* look-ups */
    unsigned inside;  /* depth of calls into c-ares, which must not be destroyed meanwhile */
};

struct pm_lookup {
    struct dns_channel *channel;
    pm_resolved done; /* NULL: cancelled */
    void *user;
    bool returned; /* ares_getaddrinfo() has returned: nobody else holds the look-up */
    bool ended;
};

struct pm_resolver {
    uv_loop_t *loop;
    struct dns_channel *current;  /* NULL: to be made at the next look-up */
    struct dns_channel *channels; /* all, the current one and older ones with running look-ups */
    char *servers;
    char *resolv_path;
    struct stat seen; /* resolv.conf as it was when `current` was made */
};

/* ---- sockets and time of a channel -------------------------------------------- */

static void channel_retire(struct dns_channel *channel);

static void set_timer(struct dns_channel *channel);

static void enter(struct dns_channel *channel)
{
    channel->inside++;
}

/* After each call into c-ares: the next deadline, and the end of a channel nobody needs. */
static void leave(struct dns_channel *channel)
{
    channel->inside--;
    if (channel->inside > 0) {
        return;
    }
    if (channel->running == 0 && channel != channel->resolver->current) {
        channel_retire(channel);
    } else {
        set_timer(channel);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct dns_channel *channel = timer->data;
    enter(channel);
    ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    leave(channel);
}

static void on_idle(uv_timer_t *timer)
{
    channel_retire(timer->data);
}

static void set_timer(struct dns_channel *channel)
{
    struct timeval wait;
    if (ares_timeout(channel->ares, NULL, &wait) == NULL) {
        /* Nobody waits for this one: it does not keep the loop running. */
        uv_timer_start(&channel->timer, on_idle, IDLE_MS, 0);
        uv_unref((uv_handle_t *)&channel->timer);
        return;
    }
    uv_ref((uv_handle_t *)&channel->timer);
    uint64_t ms = (uint64_t)wait.tv_sec * 1000 + (uint64_t)wait.tv_usec / 1000 + 1;
    uv_timer_start(&channel->timer, on_timer, ms, 0);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct dns_socket *sock = poll->data;
    struct dns_channel *channel = sock->channel;
    bool readable = status < 0 || (events & UV_READABLE) != 0;
    bool writable = status < 0 || (events & UV_WRITABLE) != 0;
    ares_socket_t fd = sock->fd;
    enter(channel);
    ares_process_fd(channel->ares, readable ? fd : ARES_SOCKET_BAD,
                    writable ? fd : ARES_SOCKET_BAD);
    leave(channel);
}

static void free_socket(uv_handle_t *handle)
{
    free(handle->data);
}

static struct dns_socket *add_socket(struct dns_channel *channel, ares_socket_t fd)
{
    struct dns_socket *sock = calloc(1, sizeof(*sock));
    if (sock == NULL) {
        return NULL;
    }
    if (uv_poll_init_socket(channel->resolver->loop, &sock->poll, fd) != 0) {
        free(sock);
        return NULL;
    }
    sock->poll.data = sock;
    sock->channel = channel;
    sock->fd = fd;
    sock->next = channel->sockets;
    channel->sockets = sock;
    return sock;
}

/* c-ares tells what it waits for on `fd`; for nothing: it is about to close it. */
static void on_state(void *user, ares_socket_t fd, int readable, int writable)
{
    struct dns_channel *channel = user;
    struct dns_socket **link = &channel->sockets;
    while (*link != NULL && (*link)->fd != fd) {
        link = &(*link)->next;
    }
    struct dns_socket *sock = *link;
    if (!readable && !writable) {
        if (sock != NULL) {
            *link = sock->next;
            uv_close((uv_handle_t *)&sock->poll, free_socket);
        }
        return;
    }
    if (sock == NULL) {
        sock = add_socket(channel, fd);
    }
    if (sock != NULL) {
        /* A socket that cannot be polled ends by the time-out of its query. */
        (void)uv_poll_start(&sock->poll,
                            (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0), on_socket);
    }
}

/* ---- channels ----------------------------------------------------------------- */

static void free_channel(uv_handle_t *handle)
{
    free(handle->data);
}

/* Takes a channel out of the list and closes it; running look-ups end unsuccessfully. */
static void channel_retire(struct dns_channel *channel)
{
    struct pm_resolver *resolver = channel->resolver;
    struct dns_channel **link = &resolver->channels;
    while (*link != channel) {
        link = &(*link)->next;
    }
    *link = channel->next;
    if (resolver->current == channel) {
        resolver->current = NULL;
    }
    channel->inside++; /* what ares_destroy() calls must not come back here */
    ares_destroy(channel->ares);
    uv_close((uv_handle_t *)&channel->timer, free_channel);
}

/* c-ares has made a socket and is about to use it. */
static int on_new_socket(ares_socket_t fd, int type, void *user)
{
    const struct dns_channel *channel = user;
    (void)type;
    return pm_binding_apply(&channel->binding, fd) ? 0 : -1;
}

static const char *channel_init(struct dns_channel *channel, const char *servers)
{
    struct pm_resolver *resolver = channel->resolver;
    struct ares_options options = {
        .timeout = SERVER_TIMEOUT_MS,
        .tries = SERVER_TRIES,
        .lookups = (char[]){"fb"},
        .sock_state_cb = on_state,
        .sock_state_cb_data = channel,
        .resolvconf_path = resolver->resolv_path,
    };
    int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
    if (resolver->resolv_path != NULL) {
        mask |= ARES_OPT_RESOLVCONF;
    }
    int status = ares_init_options(&channel->ares, &options, mask);
    if (status != ARES_SUCCESS) {
        return ares_strerror(status);
    }
    ares_set_socket_configure_callback(channel->ares, on_new_socket, channel);
    if (servers != NULL) {
        status = ares_set_servers_ports_csv(channel->ares, servers);
        if (status != ARES_SUCCESS) {
            ares_destroy(channel->ares);
            return "no valid list of DNS servers";
        }
    }
    return NULL;
}

static const char *channel_new(struct pm_resolver *resolver, const char *servers,
                               const struct pm_binding *binding, struct dns_channel **made)
{
    struct dns_channel *channel = calloc(1, sizeof(*channel));
    if (channel == NULL) {
        return "out of memory";
    }
    channel->resolver = resolver;
    if (binding != NULL) {
        channel->binding = *binding;
    }
    const char *problem = channel_init(channel, servers);
    if (problem != NULL) {
        free(channel);
        return problem;
    }
    (void)uv_timer_init(resolver->loop, &channel->timer); /* always succeeds */
    channel->timer.data = channel;
    channel->next = resolver->channels;
    resolver->channels = channel;
    *made = channel;
    return NULL;
}

/* ---- a fresh resolv.conf ------------------------------------------------------ */

static void stat_resolv(const struct pm_resolver *resolver, struct stat *now)
{
    const char *path = resolver->resolv_path != NULL ? resolver->resolv_path : RESOLV_CONF;
    if (stat(path, now) != 0) {
        *now = (struct stat){0}; /* absent: the same as long as it stays so */
    }
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Makes sure that the current channel knows today's servers. */
static const char *refresh(struct pm_resolver *resolver)
{
    struct stat now;
    stat_resolv(resolver, &now);
    struct dns_channel *old = resolver->current;
    if (old != NULL && same_file(&now, &resolver->seen)) {
        return NULL;
    }
    const char *problem = channel_new(resolver, resolver->servers, NULL, &resolver->current);
    if (problem == NULL) {
        resolver->seen = now;
        if (old != NULL && old->running == 0 && old->inside == 0) {
            channel_retire(old);
        }
        return NULL;
    }
    /* Yesterday's servers are better than none. */
    return old != NULL ? NULL : problem;
}

/* ---- look-ups ----------------------------------------------------------------- */

static bool keep_address(struct pm_addresses *list, const struct ares_addrinfo_node *node)
{
    if (list->count == PM_ADDRESSES_MAX ||
        (size_t)node->ai_addrlen > sizeof(struct sockaddr_storage)) {
        return false;
    }
    memcpy(&list->address[list->count], node->ai_addr, (size_t)node->ai_addrlen);
    list->count++;
    return true;
}

/* The next node of `family` at or after `node`. */
static const struct ares_addrinfo_node *of_family(const struct ares_addrinfo_node *node, int family)
{
    while (node != NULL && node->ai_family != family) {
        node = node->ai_next;
    }
    return node;
}

/* The families take turns, so that one that leads nowhere costs one time-out only. */
static void take_turns(const struct ares_addrinfo *result, struct pm_addresses *list)
{
    int first = result->nodes != NULL ? result->nodes->ai_family : AF_INET6;
    int family[2] = {first, first == AF_INET6 ? AF_INET : AF_INET6};
    const struct ares_addrinfo_node *next[2] = {of_family(result->nodes, family[0]),
                                                of_family(result->nodes, family[1])};
    for (unsigned turn = 0; next[0] != NULL || next[1] != NULL; turn ^= 1) {
        if (next[turn] != NULL) {
            if (!keep_address(list, next[turn])) {
                return;
            }
            next[turn] = of_family(next[turn]->ai_next, family[turn]);
        }
    }
}

static uint32_t shortest_ttl(const struct ares_addrinfo *result)
{
    int ttl = INT32_MAX;
    for (const struct ares_addrinfo_node *node = result->nodes; node != NULL;
         node = node->ai_next) {
        ttl = node->ai_ttl < ttl ? node->ai_ttl : ttl;
    }
    return ttl > 0 && ttl < INT32_MAX ? (uint32_t)ttl : 0;
}

static void on_answer(void *user, int status, int timeouts, struct ares_addrinfo *result)
{
    struct pm_lookup *lookup = user;
    (void)timeouts;
    struct pm_addresses list = {0};
    if (status == ARES_SUCCESS && result != NULL) {
        take_turns(result, &list);
        list.ttl = shortest_ttl(result);
    }
    list.absent = status == ARES_ENOTFOUND || status == ARES_ENODATA;
    ares_freeaddrinfo(result);
    lookup->channel->running--;
    lookup->ended = true;
    /* A resolver that is being freed owes nobody an answer. */
    if (lookup->done != NULL && status != ARES_EDESTRUCTION) {
        lookup->done(lookup->user, &list,
                     status == ARES_SUCCESS ? "no address" : ares_strerror(status));
    }
    if (lookup->returned) {
        free(lookup);
    }
}

/* Labels of 1 to 63 bytes (RFC 1035 section 2.3.4) and at most one final dot: no server is asked
 * for anything else. */
static bool is_name(const char *host)
{
    size_t len = strcspn(host, ".");
    while (len >= 1 && len <= 63) {
        host += len;
        if (host[0] == '\0' || host[1] == '\0') {
            return true;
        }
        host++;
        len = strcspn(host, ".");
    }
    return false;
}

/* The channel for a question: the resolver's, or one of its own. */
static const char *channel_for(struct pm_resolver *resolver, const struct pm_question *question,
                               struct dns_channel **channel)
{
    bool servers = question->servers != NULL && question->servers[0] != '\0';
    if (!is_name(question->host)) {
        return "not a host name";
    }
    if (!servers && pm_binding_empty(question->binding)) {
        const char *problem = refresh(resolver);
        *channel = resolver->current;
        return problem;
    }
    return channel_new(resolver, servers ? question->servers : resolver->servers, question->binding,
                       channel);
}

struct pm_lookup *pm_resolver_start(struct pm_resolver *resolver,
                                    const struct pm_question *question, pm_resolved done,
                                    void *user)
{
    struct pm_addresses none = {0};
    struct dns_channel *channel = NULL;
    struct pm_lookup *lookup = calloc(1, sizeof(*lookup));
    const char *problem =
        lookup != NULL ? channel_for(resolver, question, &channel) : "out of memory";
    if (problem != NULL) {
        free(lookup);
        done(user, &none, problem);
        return NULL;
    }
    *lookup = (struct pm_lookup){.channel = channel, .done = done, .user = user};
    channel->running++;
    char service[8];
    snprintf(service, sizeof(service), "%u", question->port);
    struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_NUMERICSERV,
        .ai_family = question->family,
        .ai_socktype = SOCK_STREAM,
    };
    enter(channel);
    /* c-ares takes no service of port 0. */
    ares_getaddrinfo(channel->ares, question->host, question->port != 0 ? service : NULL, &hints,
                     on_answer, lookup);
    lookup->returned = true;
    bool ended = lookup->ended;
    leave(channel);
    if (ended) {
        free(lookup);
        return NULL;
    }
    return lookup;
}

size_t pm_resolver_servers(struct pm_resolver *resolver, struct pm_ip servers[2])
{
    struct ares_addr_port_node *list = NULL;
    size_t count = 0;
    if (refresh(resolver) != NULL ||
        ares_get_servers_ports(resolver->current->ares, &list) != ARES_SUCCESS) {
        return 0;
    }
    for (const struct ares_addr_port_node *node = list; node != NULL && count < 2;
         node = node->next) {
        struct pm_ip *ip = &servers[count++];
        *ip = (struct pm_ip){.family = node->family == AF_INET6 ? PM_IPV6 : PM_IPV4};
        memcpy(ip->bytes, &node->addr, node->family == AF_INET6 ? 16 : 4);
    }
    ares_free_data(list);
    return count;
}

bool pm_resolver_in_hosts(struct pm_resolver *resolver, const char *host)
{
    if (refresh(resolver) != NULL) {
        return false;
    }
    struct dns_channel *channel = resolver->current;
    struct hostent *entry = NULL;
    enter(channel);
    bool found = ares_gethostbyname_file(channel->ares, host, AF_INET, &entry) == ARES_SUCCESS ||
                 ares_gethostbyname_file(channel->ares, host, AF_INET6, &entry) == ARES_SUCCESS;
    leave(channel);
    if (found) {
        ares_free_hostent(entry);
    }
    return found;
}

void pm_resolver_cancel(struct pm_lookup *lookup)
{
    lookup->done = NULL;
}

bool pm_resolver_literal(const char *host, uint16_t port, struct pm_addresses *addresses)
{
    *addresses = (struct pm_addresses){0};
    struct sockaddr_storage *slot = &addresses->address[0];
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)slot) == 0 ||
        uv_ip6_addr(host, port, (struct sockaddr_in6 *)slot) == 0) {
        addresses->count = 1;
        return true;
    }
    return false;
}

/* ---- the list of servers -------------------------------------------------------- */

static bool is_server(ares_channel ares, const char *text, size_t len)
{
    char one[64];
    if (len == 0 || len >= sizeof(one)) {
        return false;
    }
    memcpy(one, text, len);
    one[len] = '\0';
    return ares_set_servers_ports_csv(ares, one) == ARES_SUCCESS;
}

/* c-ares judges the list, and does not tell which of its servers it dislikes. */
bool pm_resolver_check(const char *servers, char *err, size_t err_size)
{
    ares_channel ares;
    if (*servers == '\0') {
        return true;
    }
    if (ares_init(&ares) != ARES_SUCCESS) {
        snprintf(err, err_size, "out of memory");
        return false;
    }
    bool good = ares_set_servers_ports_csv(ares, servers) == ARES_SUCCESS;
    if (!good) {
        size_t len = strcspn(servers, ",");
        while (servers[len] == ',' && is_server(ares, servers, len)) {
            servers += len + 1;
            len = strcspn(servers, ",");
        }
        snprintf(err, err_size, "\"%.*s\" is not ADDRESS or ADDRESS:PORT",
                 (int)(len < 60 ? len : 60), servers);
    }
    ares_destroy(ares);
    return good;
}

/* ---- life --------------------------------------------------------------------- */

static bool copy_string(char **copy, const char *text)
{
    *copy = text != NULL && text[0] != '\0' ? strdup(text) : NULL;
    return *copy != NULL || text == NULL || text[0] == '\0';
}

static void release(struct pm_resolver *resolver)
{
    free(resolver->servers);
    free(resolver->resolv_path);
    free(resolver);
    ares_library_cleanup();
}

struct pm_resolver *pm_resolver_new(uv_loop_t *loop, const char *servers, const char *resolv_path,
                                    char *err, size_t err_size)
{
    int status = ares_library_init(ARES_LIB_INIT_ALL);
    if (status != ARES_SUCCESS) {
        snprintf(err, err_size, "%s", ares_strerror(status));
        return NULL;
    }
    struct pm_resolver *resolver = calloc(1, sizeof(*resolver));
    if (resolver == NULL) {
        ares_library_cleanup();
        snprintf(err, err_size, "out of memory");
        return NULL;
    }
    resolver->loop = loop;
    const char *problem = "out of memory";
    if (copy_string(&resolver->servers, servers) &&
        copy_string(&resolver->resolv_path, resolv_path)) {
        /* The list of servers is tried; else a channel waits for the first look-up. */
        problem = resolver->servers != NULL ? refresh(resolver) : NULL;
    }
    if (problem == NULL && resolver->current != NULL) {
        channel_retire(resolver->current);
    }
    if (problem != NULL) {
        snprintf(err, err_size, "%s", problem);
        release(resolver);
        return NULL;
    }
    return resolver;
}

void pm_resolver_free(struct pm_resolver *resolver)
{
    if (resolver == NULL) {
        return;
    }
    while (resolver->channels != NULL) {
        channel_retire(resolver->channels);
    }
    release(resolver);
}
