/* SPDX-License-Identifier: MIT */
/* What the files of a net share: net.c has the mail connection, net_query.c the rest. */
#ifndef PM_HOST_NET_INTERNAL_H
#define PM_HOST_NET_INTERNAL_H

#include "host/binding.h"
#include "host/conn.h"
#include "host/lab.h"
#include "host/links.h"
#include "host/net.h"
#include "host/resolver.h"
#include "host/tls_local.h"
#include "host/tls_trust.h"

/* Connections that may finish in the background at once; beyond them the oldest is cut. */
#define LINGERING_MAX 8

/* Questions of AT commands that may run at once: one of each kind. */
#define PM_NET_QUERIES 3

enum pm_net_query_kind { PM_NET_NAME, PM_NET_PING, PM_NET_NTP, PM_NET_NEVER };

struct pm_net_query {
    struct pm_net *net;
    struct pm_op *op; /* NULL: free */
    enum pm_net_query_kind kind;
    void *what; /* the look-up, ping or question that runs */
    struct pm_resolved *resolved;
    char *host;    /* of a look-up; NULL: no memory for it */
    bool starting; /* the answer may come before the call returns */
    int32_t result;
};

struct pm_net {
    struct pm_net_sink sink;
    uv_loop_t *loop;
    struct pm_net_options options; /* without the strings */
    struct pm_resolver *resolver;  /* NULL with a catcher: nothing is to be looked up */
    struct pm_tls_trust trust;
    struct pm_conn *conn; /* the one the module knows */
    struct pm_op *op;     /* its pending operation */
    struct pm_conn *lingering[LINGERING_MAX];
    unsigned living; /* connections that still have handles */
    bool freed;
    /* Of the handshake that runs, for the log. */
    char host[PM_HOST_NAME_MAX + 1];
    char asked[160];
    const char *checked;
    bool upgrade;
    struct pm_tls_local local;
    struct pm_binding *bindings; /* of all contexts; NULL: none is bound to anything */
    uint32_t missing;            /* bit n-1: that context n has no network has been said */
    struct pm_links *links;      /* NULL: no context is bound to anything */
    struct pm_lab lab;
    char *lab_hosts; /* what lab.hosts points to */
    struct pm_net_query queries[PM_NET_QUERIES];
    struct {
        struct pm_op *op;                 /* that pends; NULL: none */
        struct pm_derivation *derivation; /* which it is, or NULL: a token */
        uint8_t *out;
        struct pm_token *token; /* NULL: there are none */
    } auth;
};

/* One line for the log. */
void pm__net_say(const struct pm_net *net, enum pm_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The way that a route takes; false when its context has no addresses to take it from. */
bool pm__net_path(const struct pm_net *net, const struct pm_route *route, struct pm_path *path);

/* ---- net_auth.c ---- */

/* False: no memory. */
bool pm__net_auth_start(struct pm_net *net, const struct pm_net_options *options);
/* As pm__net_query_cancel(). */
bool pm__net_auth_cancel(struct pm_net *net, const struct pm_op *op);
void pm__net_auth_end(struct pm_net *net);

/* ---- net_query.c ---- */

/* Ends a question without an answer; false when there is none for `op`. NULL: all of them. */
bool pm__net_query_cancel(struct pm_net *net, const struct pm_op *op);

#endif
