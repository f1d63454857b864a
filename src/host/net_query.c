/* SPDX-License-Identifier: MIT */
/* What AT commands ask of the network besides mail: names, echoes, the time. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/idna.h"
#include "host/lab.h"
#include "host/net_internal.h"
#include "host/ntp.h"
#include "host/ping.h"

/* ---- the questions that run ---------------------------------------------------------- */

static struct pm_net_query *take_slot(struct pm_net *net, struct pm_op *op,
                                      enum pm_net_query_kind kind)
{
    for (size_t i = 0; i < PM_NET_QUERIES; i++) {
        if (net->queries[i].op == NULL) {
            net->queries[i] = (struct pm_net_query){.net = net, .op = op, .kind = kind};
            return &net->queries[i];
        }
    }
    return NULL;
}

/* Lets go of what runs for a question. */
static void release(struct pm_net_query *query)
{
    if (query->what != NULL) {
        switch (query->kind) {
        case PM_NET_NAME: pm_resolver_cancel(query->what); break;
        case PM_NET_PING: pm_ping_end(query->what); break;
        case PM_NET_NTP: pm_ntp_end(query->what); break;
        case PM_NET_NEVER:
        default: break;
        }
    }
    free(query->host);
    query->host = NULL;
    query->what = NULL;
    query->op = NULL;
}

bool pm__net_query_cancel(struct pm_net *net, const struct pm_op *op)
{
    bool found = false;
    for (size_t i = 0; i < PM_NET_QUERIES; i++) {
        struct pm_net_query *query = &net->queries[i];
        if (query->op != NULL && (op == NULL || query->op == op)) {
            release(query);
            found = true;
        }
    }
    return found;
}

static void on_done(void *user, int32_t result)
{
    struct pm_net_query *query = user;
    struct pm_net *net = query->net;
    struct pm_op *op = query->op;
    release(query);
    net->sink.done(net->sink.user, op, result);
}

static void on_log(void *user, enum pm_log_level level, const char *text)
{
    const struct pm_net_query *query = user;
    pm__net_say(query->net, level, "%s", text);
}

/* Copies a host name of a request. */
static bool copy_host(struct pm_slice host, char name[PM_HOST_NAME_MAX + 1])
{
    return pm_idna_ascii(host, name, PM_HOST_NAME_MAX + 1) != 0;
}

/* A question that nobody answers: the module ends it when its time is over. */
static int32_t never(struct pm_net *net, struct pm_op *op)
{
    return take_slot(net, op, PM_NET_NEVER) != NULL ? PM_PENDING : PM_ERR_NO_MEMORY;
}

/* ---- names ------------------------------------------------------------------------------ */

size_t pm_net_name_servers(struct pm_net *net, struct pm_ip servers[2])
{
    if (net->options.catcher != NULL) {
        return pm_lab_name_servers(servers);
    }
    return pm_resolver_servers(net->resolver, servers);
}

static void on_resolved(void *user, const struct pm_addresses *addresses, const char *reason)
{
    struct pm_net_query *query = user;
    struct pm_resolved *resolved = query->resolved;
    memset(resolved, 0, sizeof *resolved);
    resolved->ttl = addresses->ttl;
    for (unsigned i = 0; i < addresses->count && resolved->count < PM_RESOLVED_MAX; i++) {
        if (pm_ip_of_sockaddr((const struct sockaddr *)&addresses->address[i],
                              &resolved->address[resolved->count])) {
            resolved->count++;
        }
    }
    int32_t result = resolved->count > 0 ? PM_OK : PM_ERR_RESOLVE;
    if (result != PM_OK) {
        pm__net_say(query->net, PM_LOG_WARNING, "cannot resolve %s: %s",
                    query->host != NULL ? query->host : "a name", reason);
    }
    query->what = NULL;
    if (query->starting) {
        query->result = result;
    } else {
        on_done(query, result);
    }
}

static int32_t start_look_up(struct pm_net *net, struct pm_op *op,
                             const struct pm_question *question, struct pm_resolved *resolved)
{
    struct pm_net_query *query = take_slot(net, op, PM_NET_NAME);
    if (query == NULL) {
        return PM_ERR_NO_MEMORY;
    }
    query->resolved = resolved;
    query->host = strdup(question->host); /* for the log alone */
    query->starting = true;
    query->what = pm_resolver_start(net->resolver, question, on_resolved, query);
    query->starting = false;
    if (query->what != NULL) {
        return PM_PENDING;
    }
    release(query);
    return query->result;
}

int32_t pm_net_resolve(struct pm_net *net, struct pm_op *op,
                       const struct pm_resolve_request *request, struct pm_resolved *resolved)
{
    char host[PM_HOST_NAME_MAX + 1];
    struct pm_path path;
    if (!copy_host(request->host, host) || !pm__net_path(net, &request->route, &path)) {
        return PM_ERR_RESOLVE;
    }
    if (net->options.catcher != NULL) {
        return pm_lab_resolve(&net->lab, host, request->route.type, resolved);
    }
    const struct pm_question question = {
        .host = host, .family = path.family, .servers = path.servers, .binding = path.binding};
    return start_look_up(net, op, &question, resolved);
}

/* ---- echoes ------------------------------------------------------------------------------ */

static int32_t start_ping(struct pm_net *net, struct pm_op *op, struct pm_ping_setup *setup)
{
    struct pm_net_query *query = take_slot(net, op, PM_NET_PING);
    int32_t result = PM_ERR_NO_MEMORY;
    if (query == NULL) {
        return result;
    }
    setup->done = on_done;
    setup->user = query;
    query->what = pm_ping_start(net->loop, setup, &result);
    if (query->what == NULL) {
        query->op = NULL;
    }
    return result;
}

int32_t pm_net_ping(struct pm_net *net, struct pm_op *op, const struct pm_ping_request *request,
                    struct pm_ping_reply *reply)
{
    struct pm_path path;
    if (net->options.catcher != NULL && pm_lab_lost(&request->address)) {
        return never(net, op);
    }
    if (!pm__net_path(net, &request->route, &path) ||
        (net->options.catcher != NULL && pm_lab_refused(&request->address))) {
        return PM_ERR_CONNECT;
    }
    /* With a catcher echoes come back by themselves. */
    bool simulated = net->options.catcher != NULL;
    struct pm_ping_setup setup = {.mode = simulated ? PM_PING_SIMULATED
                                                    : (enum pm_ping_mode)net->options.ping,
                                  .address = &request->address,
                                  .size = request->size,
                                  .sequence = request->sequence,
                                  .binding = path.binding,
                                  .reply = reply};
    int32_t result = start_ping(net, op, &setup);
    if (result == PM_ERR_UNSUPPORTED) {
        pm__net_say(net, PM_LOG_WARNING,
                    "echo requests are not permitted: see the key ping in the documentation");
    }
    return result;
}

/* ---- the time ----------------------------------------------------------------------------- */

static int32_t lab_ntp(struct pm_net *net, struct pm_op *op, const char *host,
                       int64_t *unix_seconds)
{
    switch (pm_lab_server(&net->lab, host)) {
    case PM_LAB_UNKNOWN: return PM_ERR_RESOLVE;
    case PM_LAB_REFUSED: return PM_ERR_CONNECT;
    case PM_LAB_SILENT: return never(net, op);
    case PM_LAB_WORKS:
    default: *unix_seconds = time(NULL); return PM_OK;
    }
}

int32_t pm_net_ntp(struct pm_net *net, struct pm_op *op, const struct pm_ntp_request *request,
                   int64_t *unix_seconds)
{
    char host[PM_HOST_NAME_MAX + 1];
    if (!copy_host(request->host, host)) {
        return PM_ERR_RESOLVE;
    }
    if (net->options.catcher != NULL) {
        return lab_ntp(net, op, host, unix_seconds);
    }
    struct pm_ntp_setup setup = {.host = host,
                                 .port = request->port,
                                 .unix_seconds = unix_seconds,
                                 .done = on_done,
                                 .log = on_log};
    if (!pm__net_path(net, &request->route, &setup.path)) {
        return PM_ERR_CONNECT;
    }
    struct pm_net_query *query = take_slot(net, op, PM_NET_NTP);
    if (query == NULL) {
        return PM_ERR_NO_MEMORY;
    }
    setup.user = query;
    query->what = pm_ntp_start(net->loop, net->resolver, &setup);
    if (query->what == NULL) {
        query->op = NULL;
        return PM_ERR_NO_MEMORY;
    }
    return PM_PENDING;
}
