/* SPDX-License-Identifier: MIT */
/*
 * From a name to addresses, as RFC 8305 section 3 has it: both families are asked for at once, and
 * the connects do not wait for the slower answer. IPv6 alone is enough to begin with; IPv4 alone
 * is, after a moment. What comes later joins the race.
 */
#include <stdio.h>
#include <string.h>

#include "host/conn_internal.h"

/* Longest look-up: search domains and servers can add up beyond the resolver's own limits. */
#define RESOLVE_MS 60000

/* "Resolution Delay" of RFC 8305 section 8. */
#define RESOLUTION_DELAY_MS 50

static void on_answer(void *user, const struct pm_addresses *addresses, const char *reason);

/* ---- the addresses ------------------------------------------------------------ */

void pm__conn_merge(struct pm_addresses *list, unsigned tried, const struct pm_addresses *late)
{
    const struct pm_addresses old = *list;
    unsigned next[2] = {0, tried};
    const struct pm_addresses *from[2] = {late, &old};
    list->count = tried;
    for (unsigned turn = 0; list->count < PM_ADDRESSES_MAX; turn ^= 1) {
        unsigned i = next[turn] < from[turn]->count ? turn : turn ^ 1;
        if (next[i] >= from[i]->count) {
            return;
        }
        list->address[list->count++] = from[i]->address[next[i]++];
    }
}

/* ---- the look-ups ------------------------------------------------------------- */

bool pm__conn_resolving(const struct pm_conn *conn)
{
    return conn->lookups[0].waiting || conn->lookups[1].waiting;
}

void pm__conn_resolve_end(struct pm_conn *conn)
{
    for (unsigned i = 0; i < 2; i++) {
        struct conn_lookup *lookup = &conn->lookups[i];
        if (lookup->running != NULL) {
            pm_resolver_cancel(lookup->running);
        }
        lookup->running = NULL;
        lookup->waiting = false;
    }
}

static void ask(struct pm_conn *conn, unsigned i, const char *host, int family)
{
    const struct pm_question question = {.host = host,
                                         .port = conn->port,
                                         .family = family,
                                         .servers = conn->path.servers,
                                         .binding = conn->path.binding};
    struct conn_lookup *lookup = &conn->lookups[i];
    struct pm_lookup *running = pm_resolver_start(conn->resolver, &question, on_answer, lookup);
    /* Without one the result has been handled already. */
    if (running != NULL) {
        lookup->running = running;
    }
}

/* The name as it was typed, with the search domains that the system has. */
static void ask_as_typed(struct pm_conn *conn)
{
    conn->absolute = false;
    conn->lookups[0].waiting = true;
    ask(conn, 0, conn->host, conn->path.family);
}

/*
 * Each family by itself, for the whole name alone: with search domains the two could find different
 * hosts. So could they with a hosts file that has one family of the name.
 */
static bool ask_each_family(struct pm_conn *conn)
{
    char name[sizeof(conn->host) + 1];
    size_t len = strlen(conn->host);
    if (conn->path.family != AF_UNSPEC || strchr(conn->host, '.') == NULL ||
        pm_resolver_in_hosts(conn->resolver, conn->host)) {
        return false;
    }
    snprintf(name, sizeof(name), "%s%s", conn->host, conn->host[len - 1] == '.' ? "" : ".");
    conn->absolute = true;
    conn->lookups[0].waiting = conn->lookups[1].waiting = true;
    ask(conn, 0, name, AF_INET6);
    if (conn->state == CONN_RESOLVING || conn->state == CONN_CONNECTING) {
        ask(conn, 1, name, AF_INET);
    }
    return true;
}

static void begin_race(struct pm_conn *conn)
{
    pm__conn_say(conn, PM_LOG_DEBUG, "addresses of %s: %u", conn->host, conn->addresses.count);
    conn->state = CONN_CONNECTING;
    pm__conn_race(conn);
}

static void on_delay(uv_timer_t *timer)
{
    begin_race(timer->data);
}

static void nothing_found(struct pm_conn *conn)
{
    size_t len = strlen(conn->host);
    if (conn->absolute && conn->reason == NULL && conn->host[len - 1] != '.') {
        ask_as_typed(conn);
        return;
    }
    pm__conn_say(conn, PM_LOG_WARNING, "cannot resolve %s: %s", conn->host,
                 conn->reason != NULL ? conn->reason : conn->absent);
    pm__conn_fail(conn, PM_ERR_RESOLVE);
}

static void on_answer(void *user, const struct pm_addresses *addresses, const char *reason)
{
    struct conn_lookup *lookup = user;
    struct pm_conn *conn = lookup->conn;
    lookup->running = NULL;
    lookup->waiting = false;
    if (addresses->count == 0) {
        *(addresses->absent ? &conn->absent : &conn->reason) = reason;
    }
    pm__conn_merge(&conn->addresses, conn->next_address, addresses);
    if (conn->state == CONN_CONNECTING) {
        pm__conn_race_on(conn);
    } else if (conn->addresses.count == 0) {
        if (!pm__conn_resolving(conn)) {
            nothing_found(conn);
        }
    } else if (lookup == &conn->lookups[0] || !pm__conn_resolving(conn)) {
        begin_race(conn);
    } else {
        uv_timer_start(&conn->timer, on_delay, RESOLUTION_DELAY_MS, 0);
    }
}

static void on_timeout(uv_timer_t *timer)
{
    struct pm_conn *conn = timer->data;
    pm__conn_resolve_end(conn);
    conn->reason = "no answer in time";
    nothing_found(conn);
}

void pm__conn_resolve(struct pm_conn *conn)
{
    conn->resolve_until = uv_now(conn->loop) + RESOLVE_MS;
    conn->lookups[0].conn = conn->lookups[1].conn = conn;
    uv_timer_start(&conn->timer, on_timeout, RESOLVE_MS, 0);
    if (!ask_each_family(conn)) {
        ask_as_typed(conn);
    }
}
